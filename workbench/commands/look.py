"""`workbench show`, `answers` and `models`: look at a run, and at what can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.commands.shared import print_json, table


@click.command("show", epilog="""\b
Examples:
  workbench show traces/runs/20260101-120000-parallel-a1b2
  workbench show traces/runs/20260101-120000-parallel-a1b2 --task 7 -o picture.svg
""")  # fmt: skip
@click.argument("run")
@click.option("--task", help="The task's id; without it the run's measures are shown.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A picture: .svg, .png or (interactive) .html.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_cmd(run: str, task: str | None, out: Path | None, as_json: bool) -> None:
    """Show a run, or one task's threads: as text, or as a picture of threads converging in a synthesis."""
    from workbench import frames
    from workbench.errors import unknown
    from workbench.measuring import measures
    from workbench.store import Run

    recorded = Run(run)
    if task is None and out is None:
        found = measures(recorded)
        print_json(found) if as_json else table([{k: v for k, v in found.items() if k != "run"}], title=str(recorded))
        return
    answers = frames.answers(recorded)
    ids = answers["task_id"].astype(str).tolist()
    chosen = task if task is not None else (ids[0] if ids else "")
    if chosen not in ids:
        raise unknown("task in this run", chosen, ids)
    if out is not None:
        from workbench.widgets.still import save_picture

        save_picture(recorded, chosen, out)
    threads = frames.threads(recorded)
    mine = threads[threads["task_id"].astype(str) == chosen]
    row = answers[answers["task_id"].astype(str) == chosen].iloc[-1]
    columns = ["thread", "agent", "style", "round", "answer", "score", "seconds", "output_tokens", "error"]
    rows = _records(mine[columns])
    if as_json:
        print_json({"task": chosen, "answer": _none(row["answer"]), "score": _none(row["score"]),
                    "support": _none(row["support"]), "threads": rows, "picture": str(out) if out else None})  # fmt: skip
        return
    table(rows, title=f"task {chosen}")
    click.echo(f"\nanswer {_none(row['answer'])} · target {_none(row['target'])} · support {row['support']:.0%}")
    if out:
        click.echo(f"The picture is in {out}")


@click.command("share", epilog="""\b
Examples:
  workbench share traces/runs/20260101-120000-parallel-a1b2 -o page.html
  workbench share RUN --task 7 -o page.html
  workbench share notebooks/gallery/debate.ipynb -o debate.html
""")  # fmt: skip
@click.argument("what", metavar="RUN|NOTEBOOK")
@click.option("--task", help="Of a run: the task's id [all, each behind its name].")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The page, one .html file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def share_cmd(what: str, task: str | None, out: Path, as_json: bool) -> None:
    """Write a run's threads, or an executed notebook, as one self-contained page: interactive, offline, connected to nothing."""
    from workbench.errors import UsageError
    from workbench.share import share, share_notebook
    from workbench.store import Run

    if what.endswith(".ipynb"):
        if task is not None:
            raise UsageError("--task picks a task of a run; a notebook is shared as a whole")
        made = share_notebook(what, out)
    else:
        made = share(Run(what), out, task=task)
    print_json({"page": str(made), "bytes": made.stat().st_size}) if as_json else click.echo(f"The page is in {made}")


@click.command("answers", epilog="""\b
Examples:
  workbench answers traces/runs/20260101-120000-parallel-a1b2
  workbench answers RUN --wrong --json
""")  # fmt: skip
@click.argument("run")
@click.option("--wrong", is_flag=True, help="Only those that are not right.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def answers_cmd(run: str, wrong: bool, limit: int | None, as_json: bool) -> None:
    """One row per task: what was answered, whether it is right, how many threads agree, what it took."""
    from workbench import frames
    from workbench.store import Run

    found = frames.answers(Run(run))
    if wrong:
        found = found[found["score"].fillna(0) < 1]
    found = found.head(limit) if limit else found
    if as_json:
        print_json(_records(found))
        return
    columns = [
        "task_id",
        "difficulty",
        "answer",
        "target",
        "score",
        "support",
        "output_tokens",
        "critical_path_s",
        "error",
    ]
    rows = _records(found[columns])
    table(rows) if rows else click.echo("no rows")


@click.command("models", epilog="""\b
Examples:
  workbench models
  workbench models openai/gpt-4o --json
""")  # fmt: skip
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def models_cmd(name: str | None, as_json: bool) -> None:
    """The models that can be run: offline ones, replayed ones, and LiteLLM's; NAME tells about one of them."""
    from workbench.models.registry import ABACUS, describe

    if name is None:
        rows = [
            {"model": ABACUS[0], "what": "offline, small: arithmetic tasks only, no key"},
            {"model": ABACUS[1], "what": "offline, larger: arithmetic tasks only, no key"},
            {"model": "replay:FILE[#MODEL]", "what": "recorded samples of a task file, or of one model in it"},
            {"model": "replay:RUN", "what": "the answers of a recorded run"},
            {
                "model": "PROVIDER/NAME",
                "what": "any LiteLLM model: openai/…, anthropic/…, gemini/…, ollama/…, hosted_vllm/…",
            },
        ]
        print_json(rows) if as_json else table(rows)
        return
    found = describe(name)
    print_json(found) if as_json else table([found])


def _records(frame: Any) -> list[dict[str, Any]]:
    return [{k: _none(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _none(value: Any) -> Any:
    """pandas' missing values as None, its integers in floats as integers."""
    import pandas as pd

    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return float(value)
    return value.item() if hasattr(value, "item") else value
