"""`workbench probe`: a model put through long episodes with tools, faults, facts and rules."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from workbench.commands.run import mix_counts, value_of
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
@click.option("--temperature", type=float)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first episode, and of all that is drawn.")
@click.option("--at-once", type=click.IntRange(1), default=16, show_default=True, help="Episodes in work at a time.")
@click.option("--timeout", "timeout_s", type=float, default=120.0, show_default=True, help="Seconds a call may take.")
@click.option("--deadline", "deadline_s", type=float, help="Seconds the whole run may take.")
@click.option("--max-cost-usd", type=float, help="Dollars the run may spend; no call that could pass it is started.")
@click.option("--max-tokens", type=int, help="Tokens the run may use, likewise.")
@click.option("--max-output-tokens", type=int, help="Tokens one call may answer with.")
@click.option("--api-base", help="Address of a self-hosted server.")
@click.option("--prompts", help="A folder of prompt files that replace the package's.")
@click.option("-o", "--out", help="The run's folder; an unfinished run in it is resumed [traces/runs/…].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def probe_cmd(as_json: bool, models: tuple[str, ...], **options: Any) -> None:
    """Put a model through long episodes, and say what single answers do not: does it remember, does it use its tools well,
    does it recover, does it keep the rules, and does it do so every time?"""
    from workbench.agentic import qualities
    from workbench.agents import ModelMix
    from workbench.engine import Limits
    from workbench.episodes.faults import KINDS
    from workbench.episodes.probing import probe
    from workbench.measuring import measures

    limited = ("timeout_s", "deadline_s", "max_tokens", "max_cost_usd", "max_output_tokens")
    mix = ModelMix(
        mix_counts(models),
        synthesizer=options["synthesizer"],
        judge=options["judge"],
        temperature=options["temperature"],
    )
    given = (
        "environment",
        "steps",
        "trials",
        "episodes",
        "faults",
        "rules",
        "distractors",
        "seed",
        "out",
        "at_once",
        "api_base",
    )
    with ProgressBar(f"{options['environment']}, {options['strategy']}") as progress:
        run = asyncio.run(
            probe(
                mix,
                **{name: options[name] for name in given},
                fault_kinds=options["kinds"] or KINDS,
                strategy={"name": options["strategy"], **_settings(options["settings"])},
                prompts=options["prompts"],
                limits=Limits(**{name: options[name] for name in limited}),
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
    if stopped:
        click.echo(f"\nStopped early: {stopped}\nThe same command with a higher limit and -o {run.path} goes on.")
    click.echo(
        f"\nThe run is in {run.path}\nLook at one episode:  workbench show {run.path} --task {_first(run)} -o picture.svg"
    )


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set wants NAME=VALUE, got {text!r}")
        found[name] = value_of(value)
    return found


def _first(run: Any) -> str:
    from workbench import frames

    return str(frames.answers(run)["task_id"].iloc[0])
