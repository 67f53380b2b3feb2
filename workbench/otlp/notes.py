"""Notes: what a reader passed over or put right, counted, so that nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MANY = 50  # kinds of warning kept apart; a hostile file must not fill the memory with different ones


@dataclass(slots=True)
class Notes:
    """Counts of warnings by text, and of records skipped."""

    skipped: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def warn(self, text: str, count: int = 1) -> None:
        """Remember that `text` happened; the same text is counted, not repeated."""
        if text not in self.counts and len(self.counts) >= MANY:
            text = "further problems of other kinds"
        self.counts[text] += count

    def skip(self, text: str, count: int = 1) -> None:
        """Remember that a record was left out, and why."""
        self.skipped += count
        self.warn(text, count)

    def add(self, other: Notes) -> None:
        """Take over what another part of the work noted."""
        self.skipped += other.skipped
        for text, count in other.counts.items():
            self.warn(text, count)

    @property
    def warnings(self) -> list[str]:
        """One line per kind of problem, with how often it happened."""
        return [text if count == 1 else f"{text} (×{count:,})" for text, count in self.counts.items()]
