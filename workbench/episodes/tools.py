"""Tool: a Python function as a tool of an episode: its schema, the check of its arguments, its result as text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from workbench.errors import UsageError

TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Refusal(Exception):
    """What a tool raises where it will not do what it is asked; the actor reads the words."""


class BadArguments(Exception):
    """Arguments that a tool cannot take; the words say why."""


@dataclass(frozen=True)
class Tool:
    """A function with typed arguments (str, int, float, bool); its docstring tells the actor what it does.

    `reads`: it only tells something, so that its result can come wrong or old. `stale(**arguments)` gives an old result.
    """

    run: Callable[..., Any]
    reads: bool = False
    stale: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        for name, kind in self._types.items():
            if kind not in TYPES:
                raise UsageError(
                    f"tool {self.name}: argument {name} must be one of str, int, float, bool, got {kind!r}"
                )

    @property
    def name(self) -> str:
        """The function's name."""
        return self.run.__name__

    @property
    def _types(self) -> dict[str, Any]:
        hints = get_type_hints(self.run)
        return {name: hints.get(name, str) for name in inspect.signature(self.run).parameters}

    @property
    def _required(self) -> list[str]:
        given = inspect.signature(self.run).parameters.values()
        return [p.name for p in given if p.default is inspect.Parameter.empty]

    def schema(self) -> dict[str, Any]:
        """The tool as chat APIs take it (OpenAI's form, which LiteLLM translates)."""
        properties = {name: {"type": TYPES[kind]} for name, kind in self._types.items()}
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": inspect.getdoc(self.run) or "",
                "parameters": {
                    "type": "object",
                    "properties": properties,
                    "required": self._required,
                    "additionalProperties": False,
                },
            },
        }

    def arguments(self, text: str) -> dict[str, Any]:
        """The arguments in a model's JSON text. Raises BadArguments saying what is wrong with them."""
        given = parse_arguments(text)
        if given is None:
            raise BadArguments("the arguments are not a JSON object")
        types = self._types
        for name in given:
            if name not in types:
                raise BadArguments(f"there is no argument {name!r}, only {', '.join(types) or 'none'}")
        for name in self._required:
            if name not in given:
                raise BadArguments(f"the argument {name!r} is missing")
        return {name: _fitting(name, value, types[name]) for name, value in given.items()}


def parse_arguments(text: str) -> dict[str, Any] | None:
    """The JSON object in a text (none is an empty one), None where it is something else."""
    try:
        found = json.loads(text or "{}")
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _fitting(name: str, value: Any, kind: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadArguments(f"the argument {name!r} must be {TYPES[kind]}, got {str(value)[:60]!r}")
    return value


def as_text(result: Any) -> str:
    """A tool's result as the actor reads it."""
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
