"""Outputs of a code cell in one form, whatever kernel made them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def tidy(outputs: Iterable[Any]) -> list[Any]:
    """Join the text of each stream between two other outputs, standard output first.

    A kernel sends text in pieces as its timer falls, and the two streams in no fixed order; displays, results and
    errors do flush both. What is left after this is the same in every run.
    """
    from nbformat.v4 import new_output

    tidied: list[Any] = []
    texts: dict[str, list[str]] = {}

    def close() -> None:
        for name in sorted(texts, reverse=True):
            tidied.append(new_output("stream", name=name, text="".join(texts.pop(name))))

    for output in outputs:
        if output["output_type"] == "stream":
            texts.setdefault(output["name"], []).append(output["text"])
        else:
            close()
            tidied.append(output)
    close()
    return tidied


def size(content: dict[str, Any]) -> int:
    """About how many characters an output message adds to the notebook."""
    if "text" in content:
        return len(content["text"])
    return sum(len(value) if isinstance(value, str) else 100 for value in content.get("data", {}).values())


def error_output(name: str, message: str) -> Any:
    """The output that tells the reader of the notebook why it ends here, when the kernel could not."""
    from nbformat.v4 import new_output

    return new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])
