"""What every command that runs models takes: its limits, where the models are, where the run goes; how such texts are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.engine import Limits
    from workbench.store import Run

_RUNNING = (
    click.option(
        "--timeout", "timeout_s", type=float, default=120.0, show_default=True, help="Seconds a call may take."
    ),
    click.option("--deadline", "deadline_s", type=float, help="Seconds the whole run may take."),
    click.option(
        "--max-cost-usd", type=float, help="Dollars the run may spend; no call that could pass it is started."
    ),
    click.option("--max-tokens", type=int, help="Tokens the run may use, likewise."),
    click.option("--max-output-tokens", type=int, help="Tokens one call may answer with."),
    click.option("--api-base", help="Address of a self-hosted server."),
    click.option("--prompts", help="A folder of prompt files that replace the package's."),
    click.option("-o", "--out", help="The run's folder; an unfinished run in it is resumed [traces/runs/…]."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def running(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options above, after its own."""
    for option in reversed(_RUNNING):
        command = option(command)
    return command


def limits(options: dict[str, Any]) -> Limits:
    """The limits among a command's options."""
    from workbench.engine import Limits

    names = ("slots", "timeout_s", "deadline_s", "max_tokens", "max_cost_usd", "max_output_tokens")
    return Limits(**{name: options[name] for name in names if name in options})


def say_where(run: Run, shown: str) -> None:
    """The last words of a run: whether it was stopped, where it is, and how to look at one task of it."""
    if stopped := run.manifest.get("stopped"):
        click.echo(f"\nStopped early: {stopped}\nThe same command with a higher limit and -o {run.path} goes on.")
    click.echo(f"\nThe run is in {run.path}\nLook at {shown} -o picture.svg")


def mix_counts(models: tuple[str, ...]) -> dict[str, int]:
    """`M` or `M=COUNT`, several times; a name may itself hold an equals sign."""
    counts: dict[str, int] = {}
    for text in models or ("abacus-s",):
        name, equals, count = text.rpartition("=")
        if not equals or not count.isdigit():
            name, count = text, "1"
        if name in counts:
            raise click.UsageError(f"--model {name} is given twice; write --model {name}=2")
        counts[name] = int(count)
    return counts


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """`NAME=VALUE`, several times."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} wants NAME=VALUE, got {text!r}")
        found[name] = value
    return found


def value_of(text: str) -> Any:
    """A JSON value, or the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
