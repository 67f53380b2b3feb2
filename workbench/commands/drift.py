"""`workbench drift`: what moved between two runs, or since a run was made."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from workbench.commands.shared import ProgressBar, print_json, table

EXAMPLES = """\b
Examples:
  workbench drift traces/runs/march traces/runs/april
  workbench drift traces/runs/march --rerun 40 --model openai/gpt-4o-mini --max-cost-usd 0.20 -o traces/runs/april
"""


@click.command("drift", epilog=EXAMPLES)
@click.argument("old")
@click.argument("new", required=False)
@click.option("--rerun", "n", type=click.IntRange(1), help="Put so many of OLD's tasks again, and compare with that.")
@click.option("--model", help="Who answers the tasks put again [the same models by name].")
@click.option("--max-cost-usd", type=click.FloatRange(0), help="Dollars the tasks put again may cost.")
@click.option("--api-base", help="Address of a self-hosted server.")
@click.option("-o", "--out", help="Where the run of the tasks put again goes [traces/runs/…].")
@click.option("--level", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def drift_cmd(old: str, new: str | None, level: float, as_json: bool, n: int | None, **options: Any) -> None:
    """Say what moved between the runs OLD and NEW, task by task: accuracy, answers, tokens, cost and latency."""
    from workbench.drifting import drift

    if (new is None) == (n is None):
        raise click.UsageError("name the NEW run, or say how many tasks to put again (--rerun N)")
    made = new if new is not None else _again(old, n or 0, **options)
    found = drift(old, made, level=level)
    if as_json:
        print_json({"old": old, "new": str(made), **found.as_dict()})
        return
    click.echo(found.verdict)
    for title, frame in (("by category", found.by_category), ("per task", found.amounts), ("flipped", found.flipped)):
        if len(frame):
            click.echo()
            table([{str(k): v for k, v in row.items()} for row in frame.head(20).to_dict("records")], title)


def _again(
    old: str, n: int, model: str | None, max_cost_usd: float | None, api_base: str | None, out: str | None
) -> str:
    from workbench.engine import Limits
    from workbench.runs.again import rerun

    with ProgressBar(f"{n} tasks again") as progress:
        limits = Limits(max_cost_usd=max_cost_usd)
        return asyncio.run(rerun(old, model, n=n, out=out, limits=limits, api_base=api_base, listeners=[progress])).path
