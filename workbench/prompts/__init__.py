"""Prompts: files a researcher can read and replace, one per role, with a set per strategy where it needs its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from string import Template

from workbench.errors import DataError, UsageError, unknown

HERE = Path(__file__).parent
DEFAULT = "default"
STYLE_WORDS: Mapping[str, str] = {
    "left-to-right": " Work strictly from left to right.",
    "pairs-first": " Group what belongs together in pairs first and combine the pairs.",
    "place-value": " Work digit by digit, by place value.",
    "estimate-first": " First estimate the result, then work it out exactly and compare.",
}
"""What a reasoning style means to a model that reads instructions; any other style is passed on as it is written."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of a run: `folder`/strategy/role.md over `folder`/role.md over the package's own; `overrides` over all.

    A file holds the system text, a line `---`, and the user's text; `$task` and the like are filled in.
    """

    strategy: str = DEFAULT
    folder: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folder is not None and not Path(self.folder).is_dir():
            raise UsageError(f"no such folder of prompts: {self.folder}")
        for role in self.overrides:
            if role not in self.roles:
                raise unknown("prompt", role, self.roles)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The names of all prompts there are."""
        return tuple(sorted(p.stem for p in (HERE / DEFAULT).glob("*.md")))

    def source(self, role: str) -> str:
        """The text of the file that is used for a role."""
        if role in self.overrides:
            return self.overrides[role]
        places = [HERE / self.strategy, HERE / DEFAULT]
        if self.folder is not None:
            places = [Path(self.folder) / self.strategy, Path(self.folder), *places]
        for place in places:
            if (place / f"{role}.md").is_file():
                return (place / f"{role}.md").read_text(encoding="utf-8")
        raise unknown("prompt", role, self.roles)

    def fill(self, role: str, *, style: str | None = None, **values: object) -> tuple[str, str]:
        """System and user text of a role with its placeholders filled in. What is filled in is never read as a template."""
        system, user = self._parsed(role)
        words = STYLE_WORDS.get(style, f" {style}.") if style else ""
        given = {**{k: str(v) for k, v in values.items()}, "style": words}
        try:
            return Template(system).substitute(given).strip(), Template(user).substitute(given).strip()
        except KeyError as e:
            raise DataError(
                f"the prompt {role!r} wants ${e.args[0]}, which it is not given; it may use {', '.join(given)}"
            ) from None

    def _parsed(self, role: str) -> tuple[str, str]:
        if role not in self._cache:
            system, mark, user = self.source(role).partition("\n---\n")
            if not mark:
                raise DataError(f"the prompt {role!r} needs a line --- between the system's and the user's text")
            self._cache[role] = (system, user)
        return self._cache[role]

    @cached_property
    def _cache(self) -> dict[str, tuple[str, str]]:
        return {}

    @property
    def sha256(self) -> str:
        """Hash of all prompts in use, for the manifest."""
        text = "\0".join(f"{role}\0{self.source(role)}" for role in self.roles)
        return hashlib.sha256(text.encode()).hexdigest()
