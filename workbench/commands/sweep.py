"""`workbench sweep` and `workbench notebooks`: a notebook over a grid, and the notebooks there are."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.sweeps.sweep import Sweep

SWEEP_EPILOG = """\b
Examples:
  workbench sweep agent_count -g agents=1,2,3,5,8 -g strategy=parallel,decompose --jobs 2 -o my-sweep
  workbench sweep my.ipynb --grid grid.yaml --dry-run
"""


@click.command("sweep", epilog=SWEEP_EPILOG)
@click.argument("notebook")
@click.option(
    "-g", "axes", multiple=True, metavar="NAME=V1,V2,…", help="One axis of the grid; may be given several times."
)
@click.option(
    "--grid", "grid_file", type=click.Path(path_type=Path), help="YAML file: product, zip, cells, where, repeats, seed."
)
@click.option("--where", multiple=True, metavar="CONDITION", help='Keep only cells that meet it, such as "agents > 1".')
@click.option("--repeats", type=click.IntRange(1), help="Run each cell with this many seeds.")
@click.option(
    "-o",
    "--out",
    "--to",
    "out",
    metavar="FOLDER|URL",
    help="Where the sweep and its Runs go: a folder or any fsspec URL, such as s3://bucket/x [traces/runs/sweep-NOTEBOOK].",
)
@click.option("--jobs", type=click.IntRange(1), help="Cells at once [2; on a cluster, the threads of its workers].")
@click.option(
    "--resume/--no-resume", default=True, help="Skip the cells that are done (the default), or run all again."
)
@click.option(
    "--retries", type=click.IntRange(0), default=0, show_default=True, help="More tries for a cell that fails."
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), help="Seconds a notebook may take.")
@click.option("--max-cost-usd", type=click.FloatRange(0), help="Dollars that all cells together may spend.")
@click.option(
    "--kernel",
    type=click.Choice(["auto", "cold", "fork", "bare"]),
    default="auto",
    show_default=True,
    help="cold: a new process per notebook. fork: a kernel forked from a warm one. bare: the same without its sockets. "
    "auto: bare where the notebook needs no more.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS|slurm:FILE",
    help="Hand the cells to a Dask scheduler (tcp://host:8786), or to workers that SLURM starts (FILE: YAML with the options of "
    "dask-jobqueue's SLURMCluster, and jobs: how many).",
)
@click.option("--dry-run", is_flag=True, help="Show the cells and what they will take; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sweep_cmd(notebook: str, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Run NOTEBOOK (a file, or a name from `workbench notebooks`) once for every choice of the grid.

    Every cell leaves its executed notebook and its Run; what is finished survives anything, and the same command goes
    on where it stopped. Ends with a table, sweep.parquet and a figure.
    """
    try:
        sweep = _sweep(notebook, options)
        if dry_run:
            _dry_run(sweep, options, as_json)
        else:
            _run(sweep, options, as_json)
    except WorkbenchError as error:
        raise click.ClickException(str(error)) from None


def _sweep(notebook: str, options: dict[str, Any]) -> Sweep:
    from workbench.sweeps import Grid, Sweep, catalogue
    from workbench.sweeps.parameters import load_notebook, parse_axis, read_parameters

    path = catalogue.find(notebook)
    parameters = read_parameters(load_notebook(path), path.name)
    axes: dict[str, list[Any]] = {}
    for text in options["axes"]:
        name, values = parse_axis(text, parameters)
        if name in axes:
            raise click.UsageError(f"-g {name}=… is given twice; give all its values in one")
        axes[name] = values
    grid = Grid.load(options["grid_file"]) if options["grid_file"] else Grid()
    grid = grid.with_axes(axes)
    where = [*grid.where, *options["where"]]
    grid = Grid(grid.product, grid.zip, grid.cells, where, options["repeats"] or grid.repeats, grid.seed)
    return Sweep(path, grid, options["out"])


def _dry_run(sweep: Sweep, options: dict[str, Any], as_json: bool) -> None:
    from rich.console import Console

    from workbench.models.registry import price_per_token
    from workbench.sweeps import progress, report, warm
    from workbench.sweeps.estimate import estimate

    found = estimate(sweep, options["jobs"] or 2, options["resume"], price_per_token)
    choice = warm.choose(options["kernel"], sweep.content)
    if as_json:
        cells = [dict(cell.parameters) for cell in sweep.cells]
        click.echo(
            json.dumps(
                {"cells": cells, "kernel": choice.kind, "kernel_reason": choice.reason, **asdict(found)}, default=str
            )
        )
        return
    console = Console()
    console.print(report.table(sweep))
    console.print(f"{found.cells} cells, {found.to_run} to run; kernel {choice.kind}: {choice.reason}", highlight=False)
    amounts = [
        f"about {found.calls:,} calls" if found.calls is not None else "",
        f"{found.tokens:,.0f} tokens" if found.tokens is not None else "",
        f"${found.cost_usd:.4f}" if found.cost_usd is not None else "",
        progress.clock(60 * found.minutes) if found.minutes is not None else "",
    ]
    console.print(", ".join(filter(None, amounts)) + f" ({found.basis})", highlight=False)


def _run(sweep: Sweep, options: dict[str, Any], as_json: bool) -> None:
    from rich.console import Console

    from workbench.sweeps import report
    from workbench.sweeps.progress import TerminalProgress
    from workbench.sweeps.sweep import TABLE_FILE

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TerminalProgress() as progress:
        sweep.run(
            options["jobs"],
            resume=options["resume"],
            retries=options["retries"],
            timeout_s=options["timeout_s"],
            max_cost_usd=options["max_cost_usd"],
            kernel=options["kernel"],
            executor=options["cluster"],
            on_change=progress,
        )
    frame = sweep.frame()
    picture = report.figure(sweep)
    counts = frame["status"].value_counts().to_dict()
    if as_json:
        rows = json.loads(frame.to_json(orient="records"))
        head = {
            "sweep": str(sweep.out),
            "cells": len(frame),
            "done": counts.get("done", 0),
            "failed": counts.get("failed", 0),
        }
        click.echo(json.dumps({**head, "table": sweep.at(TABLE_FILE), "figure": picture, "rows": rows}))
    else:
        console = Console()
        console.print(report.table(sweep, frame))
        for line in report.failures(frame):
            console.print(line, style="red", highlight=False)
        for path in (sweep.at(TABLE_FILE), picture):
            if path:
                console.print(path, highlight=False, soft_wrap=True)
    if counts.get("done", 0) < len(frame):
        raise SystemExit(1)


@click.group(
    "notebooks", invoke_without_command=True, epilog="\b\nExample:\n  workbench notebooks copy agent_count my.ipynb"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def notebooks_cmd(context: click.Context, as_json: bool) -> None:
    """List the experiments that come with the workbench, with their parameters."""
    if context.invoked_subcommand is not None:
        return
    from workbench.sweeps import catalogue

    found = catalogue.entries()
    if as_json:
        listed = {
            name: {
                "path": str(e.path),
                "question": e.question,
                "parameters": {p.name: p.default for p in e.parameters.values()},
            }
            for name, e in found.items()
        }
        click.echo(json.dumps(listed, default=str))
        return
    for name, entry in found.items():
        click.secho(name, bold=True, nl=False)
        click.echo(f"  {entry.question}")
        for parameter in entry.parameters.values():
            note = f"  {parameter.comment}" if parameter.comment else ""
            click.echo(f"    {parameter.name} = {parameter.default!r}{note}")


@notebooks_cmd.command("copy")
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path), default=".")
def copy_cmd(name: str, target: Path) -> None:
    """Copy notebook NAME to TARGET (a file or a folder), to work on it."""
    from workbench.sweeps import catalogue

    try:
        click.echo(catalogue.copy(name, target))
    except WorkbenchError as error:
        raise click.ClickException(str(error)) from None


@click.command("router", epilog="\b\nExample:\n  workbench router my-sweep -o litellm.yaml")
@click.argument("folder")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("litellm.yaml"), show_default=True)
@click.option("--model", default="mix", show_default=True, help="The parameter of the sweep that names the model.")
@click.option("--fallbacks", type=click.IntRange(0), default=1, show_default=True, help="Models behind each first one.")
@click.option(
    "--api-base", "bases", multiple=True, metavar="MODEL=URL", help="Where a self-hosted model is; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def router_cmd(folder: str, out: Path, model: str, fallbacks: int, bases: tuple[str, ...], as_json: bool) -> None:
    """Write what the sweep in FOLDER (or behind a URL) found best per task category as a file for LiteLLM's Router."""
    from workbench.sweeps import Sweep
    from workbench.sweeps.routes import write_routes

    given = [text.partition("=") for text in bases]
    if wrong := [text for text, (_, _, url) in zip(bases, given, strict=True) if "://" not in url]:
        raise click.UsageError(f"--api-base wants MODEL=URL, got {wrong[0]!r}")
    try:
        found = write_routes(Sweep.open(folder), out, model, fallbacks, {name: url for name, _, url in given})
    except WorkbenchError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"file": str(out), "routes": found}))
        return
    for category, models in found.items():
        click.echo(f"{category}: {' then '.join(models)}")
    click.echo(str(out))
