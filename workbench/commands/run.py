"""`workbench run`: tasks through a strategy's agents, from the terminal."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from workbench.commands.options import limits, mix_counts, pairs, running, say_where, value_of
from workbench.commands.shared import ProgressBar, print_json, table

EXAMPLES = """\b
Examples:
  workbench run --tasks arithmetic --difficulty 1-6 --strategy parallel --agents 5 --model abacus-s --limit 50
  workbench run --tasks questions.jsonl --strategy decompose --model openai/gpt-4o-mini --max-cost-usd 0.50
  workbench run --tasks date.jsonl.gz --agents 10 --model replay:date.jsonl.gz --json
  workbench run --tasks mine.csv --field prompt=text --model hosted_vllm/qwen3 --api-base http://127.0.0.1:8000/v1
"""


@click.command("run", epilog=EXAMPLES)
@click.option("--tasks", required=True, metavar="NAME|FILE", help="arithmetic, or a file of JSON lines, JSON or CSV.")
@click.option("--difficulty", metavar="N|LOW-HIGH", help="Only tasks of that difficulty.")
@click.option("--limit", type=click.IntRange(1), help="At most so many tasks [arithmetic: 60].")
@click.option("--field", "fields", multiple=True, metavar="NAME=COLUMN", help="Which column is id, prompt, target, …")
@click.option("--strategy", "name", default="parallel", show_default=True, help="How the task is spread over agents.")
@click.option("--agents", type=int, help="How many agents.")
@click.option("--reasoning", help="none, chain or extended.")
@click.option("--synthesis", help="majority, weighted, judge, merge or verify.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any other setting of the strategy.")
@click.option(
    "--model", "models", multiple=True, metavar="M[=COUNT]", help="A solving model; several make a mix [abacus-s]."
)
@click.option("--planner", help="The model that splits tasks.")
@click.option("--synthesizer", help="The model that merges.")
@click.option("--judge", help="The model that judges and checks.")
@click.option("--style", "styles", multiple=True, help="Reasoning styles, dealt over the agents in turn.")
@click.option("--role", "roles", multiple=True, help="Who the agents are told to be, dealt over them in turn.")
@click.option("--temperature", type=float, help="Of every solving call [the model's own].")
@click.option("--grader", help="exact, numeric, choice, math or recorded [chosen by the tasks].")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the tasks and of every call.")
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="Attempts at every task.")
@click.option("--slots", type=click.IntRange(1), default=64, show_default=True, help="Calls in flight per model.")
@click.option("--at-once", type=click.IntRange(1), default=16, show_default=True, help="Tasks in work at a time.")
@click.option("--no-content", is_flag=True, help="Leave prompts and answers out of the record.")
@running
def run_cmd(as_json: bool, tasks: str, name: str, **options: Any) -> None:
    """Put every task to a strategy's agents, record everything, and say how right they were.

    A model is abacus-s or abacus-m (offline), any LiteLLM name (openai/…, ollama/…, hosted_vllm/…), or replay:FILE|RUN.
    """
    from workbench.agents import ModelMix
    from workbench.loading import load_tasks
    from workbench.measuring import measures
    from workbench.models.offline import note as offline_note
    from workbench.runs import run
    from workbench.strategies import strategy

    loaded = load_tasks(
        tasks,
        n=options["limit"],
        difficulty=difficulty_range(options["difficulty"]),
        seed=options["seed"],
        fields=pairs(options["fields"], "--field"),
    )
    chosen = strategy(name, **strategy_settings(options))
    mix = ModelMix(
        agents=mix_counts(options["models"]),
        planner=options["planner"],
        synthesizer=options["synthesizer"],
        judge=options["judge"],
        styles=options["styles"],
        roles=options["roles"],
        temperature=options["temperature"],
    )
    with ProgressBar(f"{name}, {len(loaded)} tasks") as progress:
        made = asyncio.run(
            run(
                loaded,
                chosen,
                mix,
                out=options["out"],
                seed=options["seed"],
                repeats=options["repeats"],
                limits=limits(options),
                grade=options["grader"],
                at_once=options["at_once"],
                api_base=options["api_base"],
                prompts=options["prompts"],
                record_content=not options["no_content"],
                listeners=[progress],
            )
        )
    found = measures(made)
    stopped = made.manifest.get("stopped")
    note = offline_note(mix.models, [t.prompt for t in loaded])
    if as_json:
        print_json({**found, **({"stopped": stopped} if stopped else {}), **({"note": note} if note else {})})
        return
    table([{k: v for k, v in found.items() if k != "run"}])
    if note:
        click.echo(f"\nNote: {note}")
    say_where(made, f"one task:  workbench show {made.path} --task {loaded[0].id}")


def difficulty_range(text: str | None) -> int | tuple[int, int] | None:
    """`3` or `1-6`."""
    if text is None:
        return None
    low, dash, high = text.partition("-")
    if not low.isdigit() or (dash and not high.isdigit()):
        raise click.UsageError(f"--difficulty must look like 3 or 1-6, got {text!r}")
    return (int(low), int(high)) if dash else int(low)


def strategy_settings(options: dict[str, Any]) -> dict[str, Any]:
    """What was given for the strategy; what was left out takes the strategy's own default."""
    named = {k: options[k] for k in ("agents", "reasoning", "synthesis") if options[k] is not None}
    if isinstance(named.get("synthesis"), str) and named["synthesis"].startswith("{"):
        named["synthesis"] = value_of(named["synthesis"])
    return named | {k: value_of(v) for k, v in pairs(options["settings"], "--set").items()}
