"""`workbench agentic`: the agentic qualities of a run or of any trace file."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.commands.shared import print_json, table


@click.command("agentic", epilog="""\b
Examples:
  workbench agentic traces/runs/20260101-120000-probe-a1b2
  workbench agentic other-tools-traces.jsonl.gz --json
  workbench agentic RUN -o figures.svg
""")  # fmt: skip
@click.argument("run")
@click.option(
    "--within", type=click.IntRange(1), default=10, show_default=True, help="Steps that count as after a failure."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The four curves as a picture: .svg or .png.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def agentic_cmd(run: str, within: int, out: Path | None, as_json: bool) -> None:
    """Context persistence, tool orchestration, error recovery, instruction adherence and reliability of RUN.

    RUN is a recorded run, a folder of runs, or a trace file of any known format. What was not recorded is said, not guessed.
    """
    from workbench.agentic import figure, qualities
    from workbench.readers import read
    from workbench.store import open_runs

    found = qualities(read(run) if Path(run).is_file() else open_runs(run), within=within)
    if out is not None:
        figure(found).savefig(out)
    if as_json:
        print_json({**found.as_dict(), "picture": str(out) if out else None})
        return
    rows = found.table()
    known = rows[rows["value"].notna()]
    trajectories = found.steps["trace_id"].nunique()
    table(
        known.drop(columns="note").to_dict("records"),
        title=f"{len(found.steps):,} steps of {trajectories:,} trajectories",
    )
    for why, part in rows[rows["value"].isna()].groupby("note", sort=False):
        click.echo(f"\nnot known: {', '.join(part['measure'])}\n  {why}")
    for what, number in found.odd.items():
        click.echo(f"\nodd: {number:,} {what}")
    if out is not None:
        click.echo(f"\nThe picture is in {out}")
