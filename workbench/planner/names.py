"""One tolerant name matcher: the spellings people and public tables use for the same GPU, model or engine."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from workbench.errors import UsageError, unknown


def plain(text: str) -> str:
    """Lower case without vendor path and punctuation: `meta-llama/Llama-3.1-70B` becomes `llama31 70b` squeezed."""
    return re.sub(r"[^a-z0-9]+", "", text.rsplit("/", 1)[-1].lower())


class Names:
    """Find a listed name by any spelling: exact, alias, or equal after `plain`."""

    def __init__(self, kind: str, listed: Iterable[str], aliases: Mapping[str, str]) -> None:
        self.kind = kind
        self.listed = list(listed)
        self._by_plain: dict[str, str] = {}
        for spelled, name in [*aliases.items(), *((name, name) for name in self.listed)]:
            if name not in self.listed:
                raise unknown(kind, name, self.listed)
            self._by_plain[plain(spelled)] = name

    def find(self, text: str) -> str:
        """The listed name for `text`. Raises `UsageError` with the nearest names."""
        text = str(text).strip()
        found = self._by_plain.get(plain(text))
        if found is None:
            close = difflib.get_close_matches(plain(text), self._by_plain, n=3, cutoff=0.6)
            near = list(dict.fromkeys(self._by_plain[name] for name in close))
            if near:
                raise UsageError(f"unknown {self.kind} {text!r}; did you mean {' or '.join(map(repr, near))}?")
            raise unknown(self.kind, text, self.listed)
        return found
