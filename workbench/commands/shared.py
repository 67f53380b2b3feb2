"""What the commands share: printing, errors, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from rich.progress import Progress


def print_json(value: Any) -> None:
    """One JSON object on standard output, not-a-number as null."""
    click.echo(json.dumps(_clean(value), indent=2, default=str))


def _clean(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, Mapping):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    return value


def table(rows: list[dict[str, Any]], title: str = "") -> None:
    """Rows of plain values as a table in the terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160)
    shown = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else []:
        number = all(isinstance(r[name], (int, float)) or r[name] is None for r in rows)
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(cell(v) for v in row.values()))
    console.print(shown, markup=False) if not rows else console.print(shown)


def cell(value: Any) -> str:
    """A value as a person reads it; never read as markup."""
    from rich.markup import escape

    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return escape(str(value))


class ProgressBar:
    """A Listener that shows a run's progress on standard error, where that is a terminal."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._bar: Progress | None = None

    def __enter__(self) -> ProgressBar:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[spent]}"), console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._words, total=None, spent="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_start(self, span: ReadableSpan) -> None:
        """Not shown."""

    def on_piece(self, span_id: str, text: str) -> None:
        """Not shown."""

    def on_end(self, span: ReadableSpan) -> None:
        """Not shown."""

    def on_progress(self, progress: Mapping[str, Any]) -> None:
        """Move the bar."""
        if self._bar is not None:
            spent = f"{progress['tokens']:,} tokens"
            if progress["cost_usd"]:
                spent += f" ${progress['cost_usd']:.4f}"
            self._bar.update(self._task, completed=progress["done"], total=progress["total"], spent=spent)
