"""`workbench demo`: the main job, offline: three strategies on the same tasks, a small sweep, a report with pictures."""

from __future__ import annotations

import asyncio
import html
import os
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.commands.shared import ProgressBar, cell, print_json, table

if TYPE_CHECKING:
    from workbench.store import Run

TASKS, LOW, HIGH = 60, 1, 8
AGENTS = 5
STRATEGIES = ("single", "parallel", "decompose")


@click.command("demo", epilog="""\b
Examples:
  workbench demo
  workbench demo -o /tmp/demo --no-sweep
""")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where everything goes [traces/runs/demo-…].")
@click.option("--sweep/--no-sweep", default=True, help="Also sweep the notebook agent_count.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo_cmd(out: Path | None, sweep: bool, as_json: bool) -> None:
    """Run the main job offline with the shipped model abacus-s: no key, no GPU, nothing leaves this machine."""
    begin = time.monotonic()
    place = out or Path("traces/runs") / time.strftime("demo-%Y%m%d-%H%M%S")
    runs = {name: asyncio.run(_run(name, place / name, quiet=as_json)) for name in STRATEGIES}
    rows = [_row(name, run) for name, run in runs.items()]
    pictures = _pictures(runs, place)
    swept = _sweep(place / "sweep", quiet=as_json) if sweep else None
    report = _report(place / "report.html", rows, pictures, swept)
    seconds = time.monotonic() - begin
    if as_json:
        print_json({"seconds": seconds, "strategies": rows, "report": str(report), "pictures": [str(p) for p in pictures],
                    "sweep": str(place / "sweep") if swept else None})  # fmt: skip
        return
    click.echo()
    table(rows, title=f"{TASKS} arithmetic tasks of difficulty {LOW} to {HIGH}; abacus-s works, abacus-m merges")
    click.echo(_words(rows))
    click.echo(f"\nreport    {report}")
    for picture in pictures:
        click.echo(f"picture   {picture}")
    if swept:
        click.echo(f"sweep     {place / 'sweep'}")
    click.echo(f"\nDone in {seconds:.0f} s. What to try next:")
    for command, why in next_steps(runs["parallel"].path):
        click.echo(f"  {command:<42} {why}".rstrip())


def next_steps(run: str) -> list[tuple[str, str]]:
    """Commands that work from here, each with what it does: in a clone other ones than where the wheel is installed."""
    home = Path(sys.prefix)
    steps = []
    if (home.parent / "Makefile").is_file() and (home.parent / "notebooks").is_dir():
        if not os.environ.get("VIRTUAL_ENV"):  # make finds workbench by itself, the reader's shell does not
            steps.append(
                (f"source {_near(home / 'bin' / 'activate')}", "once in a terminal, which then finds workbench")
            )
        steps.append(("make lab", "the notebooks, in JupyterLab"))
    else:
        steps.append(("workbench notebooks copy start_here .", "five minutes; open it with jupyter lab"))
    return [
        *steps,
        (f"workbench answers {_near(Path(run))} --wrong", ""),
        ("workbench run --tasks arithmetic --strategy debate --agents 3", ""),
        ("workbench sweep agent_count -g agents=1,2,3,5,8 -g strategy=parallel,decompose", ""),
    ]


def _near(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


async def _run(name: str, place: Path, quiet: bool) -> Run:
    from workbench.agents import ModelMix
    from workbench.loading import load_tasks
    from workbench.runs import run
    from workbench.strategies import strategy

    tasks = load_tasks("arithmetic", n=TASKS, difficulty=(LOW, HIGH), seed=0)
    chosen = strategy(name) if name == "single" else strategy(name, agents=AGENTS)
    if not quiet:
        click.echo(f"{name}: {1 if name == 'single' else AGENTS} agent(s) on {TASKS} tasks …", err=True)
    with ProgressBar(name) as progress:
        return await run(
            tasks, chosen, ModelMix({"abacus-s": 1}, synthesizer="abacus-m"), out=place, listeners=[progress]
        )


def _row(name: str, run: Run) -> dict[str, Any]:
    from workbench.measuring import measures

    found = measures(run)
    tokens = (found["input_tokens"] + found["output_tokens"]) / max(1, found["tasks"])
    accuracy = f"{found['accuracy']:.2f}  ({found['accuracy_low']:.2f} to {found['accuracy_high']:.2f})"
    return {
        "strategy": name,
        "agents": 1 if name == "single" else AGENTS,
        "accuracy (95 %)": accuracy,
        "tokens a task": round(tokens),
        "compute": found["compute_multiple"],
        "critical path s": found["critical_path_s"],
    }


def _pictures(runs: dict[str, Run], place: Path) -> list[Path]:
    """The task whose threads disagree most yet whose answer is right: as SVG, PNG and an interactive page."""
    from workbench import frames
    from workbench.widgets.still import save_picture

    made = []
    for name, suffixes in (("parallel", (".svg", ".png", ".html")), ("decompose", (".svg", ".png"))):
        answers = frames.answers(runs[name]).sort_values(["score", "support"], ascending=[False, True], kind="stable")
        if name == "decompose":
            answers = answers.sort_values("threads", ascending=False, kind="stable")
        task = answers["task_id"].iloc[0]
        made += [save_picture(runs[name], task, place / f"{name}{suffix}") for suffix in suffixes]
    return made


def _sweep(place: Path, quiet: bool) -> dict[str, Any]:
    from workbench.sweeps import Sweep, catalogue

    if not quiet:
        click.echo("sweep: the notebook agent_count over 1, 3 and 5 agents and two strategies …", err=True)
    grid = {"agents": [1, 3, 5], "strategy": ["parallel", "decompose"], "limit": [24]}
    swept = Sweep(catalogue.find("agent_count"), grid, place)
    swept.run(jobs=2)
    from workbench.sweeps.report import figure

    columns = [c for c in ("agents", "strategy", "accuracy", "tokens_per_task", "p50_s") if c in swept.frame()]
    return {"rows": swept.frame()[columns].to_dict("records"), "figure": figure(swept)}


def _words(rows: list[dict[str, Any]]) -> str:
    """What the table says, from its own numbers."""
    by_name = {r["strategy"]: r for r in rows}
    words = "compute: tokens relative to the single agent."
    for name, what in (
        ("parallel", "Five agents that vote"),
        ("decompose", "Splitting the task and merging the parts"),
    ):
        multiple = by_name[name]["compute"]
        if multiple:
            words += f" {what}: {multiple:.1f} times the tokens, {by_name[name]['accuracy (95 %)'].split()[0]} right"
            words += f" instead of {by_name['single']['accuracy (95 %)'].split()[0]}."
    known = "These small models know arithmetic of this family and nothing else; what they get wrong, they really got wrong."
    return f"{words}\n{known}"


def _report(path: Path, rows: list[dict[str, Any]], pictures: list[Path], swept: dict[str, Any] | None) -> Path:
    """One self-contained page: the table, the pictures, the sweep's figure."""
    blocks = ["<h1>What do more agents buy?</h1>", f"<p>{html.escape(_words(rows))}</p>", _table(rows)]
    for picture in (p for p in pictures if p.suffix == ".svg"):
        blocks += [f"<h2>{html.escape(picture.stem)}: threads converge in a synthesis</h2>", picture.read_text()]
    if swept:
        blocks += ["<h2>Over agent counts and strategies</h2>", _table(swept["rows"])]
        if swept["figure"]:
            data = b64encode(Path(swept["figure"]).read_bytes()).decode()
            blocks.append(f'<img alt="accuracy, tokens and latency over agents" src="data:image/png;base64,{data}">')
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Parallel reasoning: demo</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#1f2933}"
        "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .9rem .3rem 0;text-align:left}"
        "th{font-weight:600;border-bottom:1px solid #cbd2d9}img,svg{max-width:100%;height:auto}h2{margin-top:2.5rem}</style>"
        f"<body>{''.join(blocks)}</body></html>"
    )
    path.write_text(page, encoding="utf-8")
    return path


def _table(rows: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell(v))}</td>" for v in r.values()) + "</tr>" for r in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
