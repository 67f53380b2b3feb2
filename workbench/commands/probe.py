"""`workbench probe`: a model put through long episodes with tools, faults, facts and rules."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from workbench.commands.options import limits, mix_counts, pairs, running, say_where, value_of
from workbench.commands.shared import ProgressBar, print_json, table

EXAMPLES = """\b
Examples:
  workbench probe --model abacus-m --steps 60 --trials 5
  workbench probe --model openai/gpt-4o-mini --environment travel --rules 5 --distractors 4 --max-cost-usd 2
  workbench probe --model abacus-m --strategy parallel --set agents=5 --temperature 0.7 --json
  workbench probe --model hosted_vllm/qwen3 --api-base http://127.0.0.1:8000/v1 --environment repair --faults 0.4
"""


@click.command("probe", epilog=EXAMPLES)
@click.option(
    "--model", "models", multiple=True, metavar="M[=COUNT]", help="The acting model; several make a team [abacus-s]."
)
@click.option(
    "--environment", default="ledger", show_default=True, help="ledger, travel, repair, or one of a package's."
)
@click.option("--steps", type=int, default=60, show_default=True, help="Actions a perfect actor would take.")
@click.option("--trials", type=click.IntRange(1), default=5, show_default=True, help="Attempts at every episode.")
@click.option("--episodes", type=click.IntRange(1), default=4, show_default=True, help="Different episodes.")
@click.option("--faults", type=float, default=0.15, show_default=True, help="Probability that a call fails on purpose.")
@click.option("--fault", "kinds", multiple=True, help="timeout, error, wrong_type, stale, down [all].")
@click.option("--rules", type=int, default=3, show_default=True, help="How many rules are in force.")
@click.option("--distractors", type=int, default=0, show_default=True, help="Tools, things and remarks nobody needs.")
@click.option("--strategy", default="single", show_default=True, help="single, parallel, checked or synthesis.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the strategy, such as agents=5."
)
@click.option("--synthesizer", help="The model that merges.")
@click.option("--judge", help="The model that judges and checks.")
@click.option("--temperature", type=float, help="Of every call [the model's own].")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first episode, and of all that is drawn.")
@click.option("--at-once", type=click.IntRange(1), default=16, show_default=True, help="Episodes in work at a time.")
@running
def probe_cmd(as_json: bool, models: tuple[str, ...], **options: Any) -> None:
    """Put a model through long episodes, and say what single answers do not: does it remember, does it use its tools well,
    does it recover, does it keep the rules, and does it do so every time?"""
    from workbench.agentic import qualities
    from workbench.agents import ModelMix
    from workbench.episodes.faults import KINDS
    from workbench.episodes.probing import probe
    from workbench.measuring import measures

    mix = ModelMix(
        mix_counts(models),
        synthesizer=options["synthesizer"],
        judge=options["judge"],
        temperature=options["temperature"],
    )
    given = ("environment", "steps", "trials", "episodes", "faults", "rules", "distractors", "seed", "out", "at_once",
             "api_base", "prompts")  # fmt: skip
    settings = {name: value_of(text) for name, text in pairs(options["settings"], "--set").items()}
    with ProgressBar(f"{options['environment']}, {options['strategy']}") as progress:
        run = asyncio.run(
            probe(
                mix,
                **{name: options[name] for name in given},
                fault_kinds=options["kinds"] or KINDS,
                strategy={"name": options["strategy"], **settings},
                limits=limits(options),
                listeners=[progress],
            )
        )
    found, measured = qualities(run), measures(run)
    stopped = run.manifest.get("stopped")
    if as_json:
        print_json({**found.as_dict(), **measured, **({"stopped": stopped} if stopped else {})})
        return
    table([measured], "Requests handled right")
    table(found.table().drop(columns=["tasks"]).to_dict("records"), "Agentic qualities (95 % intervals)")
    say_where(run, f"one episode:  workbench show {run.path} --task {_first(run)}")


def _first(run: Any) -> str:
    from workbench import frames

    return str(frames.answers(run)["task_id"].iloc[0])
