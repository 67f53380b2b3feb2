"""`workbench import`, `export`, `runs` and `sql`: other tools' traces in, ours out, runs in order, questions in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from workbench.commands.options import pairs
from workbench.commands.shared import print_json, table
from workbench.errors import DataError

FORCE = click.option(
    "--force", is_flag=True, help="Also runs in an object store that were not closed: nobody can see there who writes."
)


@click.command("import", epilog="""\b
Examples:
  workbench import phoenix-export.jsonl --to traces/runs/phoenix
  workbench import *.traj --to traces/runs/swe --json
""")  # fmt: skip
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--to", required=True, metavar="DIR", help="The new run's folder, or any fsspec URL (s3://bucket/run).")
@click.option("--name", help="The run's id; by default the folder's name.")
@click.option("--processes", type=click.IntRange(1, 64), help="Worker processes for large files; by default two.")
@click.option("--keep-secrets", is_flag=True, help="Leave what looks like an API key or token as it is in the files.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object: format, traces, spans, skipped, warnings."
)
def import_cmd(
    files: tuple[str, ...], to: str, name: str | None, processes: int | None, keep_secrets: bool, as_json: bool
) -> None:
    """Open other tools' traces: the format is found by looking into each file."""
    from workbench.readers.importing import import_files

    done = import_files(files, to, name=name, processes=processes or 2, redact=not keep_secrets).as_dict()
    if as_json:
        print_json(done)
        return
    table(
        [{k: f[k] for k in ("file", "format", "traces", "spans", "skipped")} for f in done["files"]],
        title=f"{done['spans']:,} spans of {done['traces']:,} traces in {done['run']}",
    )
    for warning in done["warnings"]:
        click.echo(f"  note: {warning}", err=True)


@click.command("export", epilog="""\b
Examples:
  workbench export traces/runs/my-run --to otlp-json -o my-run.jsonl
  workbench export traces/runs/my-run --to otlp-http://127.0.0.1:6006
  workbench export traces/runs/my-run --to otlp-http://127.0.0.1:5000 --header x-mlflow-experiment-id=0
""")  # fmt: skip
@click.argument("run")
@click.option("--to", required=True, metavar="TARGET", help="otlp-json, parquet, csv, or otlp-http://HOST:PORT.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The file to write; by default named as the run.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header for the receiver; may be repeated."
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0.1), help="Seconds that a busy receiver is asked again."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export_cmd(
    run: str, to: str, out: Path | None, headers: tuple[str, ...], timeout_s: float | None, as_json: bool
) -> None:
    """Give a run to other tools, as a file or straight to an OTLP receiver."""
    from workbench.exporting import export
    from workbench.store import Run

    receiver: dict[str, Any] = {}
    if headers:
        receiver["headers"] = pairs(headers, "--header")
    if timeout_s is not None:
        receiver["timeout_s"] = timeout_s
    done = export(Run(run), to, out, **receiver)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done['spans']:,} spans → {done.get('path') or done.get('url')}")


@click.command("sql", epilog="""\b
Examples:
  workbench sql "select strategy, agents, avg(score) from answers group by all" traces/runs
  workbench sql "select model, sum(cost_usd) from calls group by all" RUN1 RUN2 --json
""")  # fmt: skip
@click.argument("query")
@click.argument("runs", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def sql_cmd(query: str, runs: tuple[str, ...], as_json: bool) -> None:
    """Ask runs (or folders of runs) a question in SQL: views spans, traces, answers, threads, calls, decisions."""
    from workbench.store.queries import rows

    found = rows(query, list(runs))
    if as_json:
        print_json(found)
    else:
        table(found)


@click.group("runs")
def runs_group() -> None:
    """List, verify, seal and remove runs."""


@runs_group.command("list", epilog="""\b
Example:
  workbench runs list traces/runs --json
""")  # fmt: skip
@click.argument("folder", default="traces/runs")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def list_cmd(folder: str, as_json: bool) -> None:
    """The runs in a folder with their size and numbers."""
    from workbench.store.retention import list_runs

    found = list_runs(folder)
    if as_json:
        print_json(found)
        return
    shown = ("run", "status", "strategy", "answered", "accuracy", "calls", "spans", "bytes", "created")
    table([{k: row.get(k) for k in shown} for row in found], title=folder)
    for row in found:
        if "broken" in row:
            click.echo(f"{row['path']}: {row['broken']}", err=True)


@runs_group.command("rm", epilog="""\b
Example:
  workbench runs rm traces/runs/old-run --yes
""")  # fmt: skip
@click.argument("runs", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@FORCE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def rm_cmd(runs: tuple[str, ...], yes: bool, force: bool, as_json: bool) -> None:
    """Delete runs, but nothing else in their folders. What is no run, or is being written, is left alone; exit 1 then."""
    from workbench.store.retention import remove

    if not yes:
        click.confirm(f"Delete {len(runs)} run(s) for good?", abort=True)
    _each(runs, lambda run: {"path": run, "bytes_freed": remove(run, force=force)}, as_json)


def _each(runs: Sequence[str], act: Callable[[str], dict[str, Any]], as_json: bool) -> None:
    """Do it to every run, tell what came of each, and exit 1 where one refused."""
    done, refused = [], []
    for run in runs:
        try:
            done.append(act(run))
        except DataError as error:
            refused.append({"path": run, "error": str(error)})
    if as_json:
        print_json([*done, *refused])
    elif done:
        table(done)
    for row in refused:
        click.echo(f"Error: {row['error']}", err=True)
    if refused:
        raise SystemExit(1)


@runs_group.command("seal", epilog="""\b
Example:
  workbench runs seal traces/runs/killed-run
""")  # fmt: skip
@click.argument("runs", nargs=-1, required=True)
@FORCE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def seal_cmd(runs: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Write the Parquet file of runs whose process was stopped before it could; exit 1 where one could not be."""
    from workbench.store.retention import seal_run

    _each(runs, lambda run: seal_run(run, force=force), as_json)


@runs_group.command("verify", epilog="""\b
Example:
  workbench runs verify traces/runs --json
""")  # fmt: skip
@click.argument("folders", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def verify_cmd(folders: tuple[str, ...], as_json: bool) -> None:
    """Check that runs hold what was written, by their digests; exit 1 where one does not, or where there is none."""
    from workbench.store import Run, as_runs
    from workbench.store.retention import check

    done = [check(run.path) for folder in folders for run in as_runs(folder) if isinstance(run, Run)]
    if as_json:
        print_json(done)
    else:
        table([{**row, "problems": "; ".join(row["problems"]), "notes": "; ".join(row["notes"])} for row in done])
    if not all(row["ok"] for row in done):
        raise SystemExit(1)
