"""Palette: one accent, few colours, told apart by colour-blind readers, WCAG AA as text on their ground."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.layout.answers import PART


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb. `answers[0]` is the accent, for the chosen answer; `none` is for threads that said nothing."""

    ground: str
    ink: str
    soft: str
    line: str
    none: str
    error: str
    answers: tuple[str, ...]

    def of(self, group: int) -> str:
        """The colour of an answer group; beyond the last they share the colour of `soft`."""
        if group == PART:
            return self.answers[0]
        return self.none if group < 0 else self.answers[group] if group < len(self.answers) else self.soft


LIGHT = Palette("#ffffff", "#1f2933", "#5f6b7a", "#e9ecef", "#7d8793", "#b42318",
                ("#0b7285", "#c2410c", "#5d1a7e", "#a832c4", "#813b31"))  # fmt: skip
DARK = Palette("#111418", "#e6e9ed", "#9aa5b1", "#262c33", "#8b96a3", "#ff8077",
               ("#4fc3d9", "#ff9b5e", "#8290f0", "#ede02a", "#f2557f"))  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}
