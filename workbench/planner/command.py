"""`workbench plan …`: one question on the command line, or a CSV of configurations."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--model", multiple=True, help="A model, or MODEL=THREADS for a mix; may be given several times.")
@click.option("--gpu", help="GPU type: H200, h100_sxm, MI300X …")
@click.option("--gpus", type=int, default=1, show_default=True, help="How many of them.")
@click.option("--precision", default="", help="bf16, fp8, fp4, int4; the model's own if left out.")
@click.option("--engine", default="vllm", show_default=True, help="vllm, sglang, trtllm, with a version if you like.")
@click.option("--tp", type=int, default=0, help="Tensor-parallel width; all that fit if left out.")
@click.option("--agents", type=int, default=5, show_default=True, help="Threads per request.")
@click.option("--prefix", type=float, default=0.0, help="Prompt tokens that all threads of a request share.")
@click.option("--prompt", type=float, default=120.0, show_default=True, help="Prompt tokens of each thread's own.")
@click.option(
    "--output", "answer", type=float, default=600.0, show_default=True, help="Mean output tokens of a thread."
)
@click.option(
    "--spread", type=float, default=0.5, show_default=True, help="Coefficient of variation of output lengths."
)
@click.option("--synthesis", type=float, default=0.0, help="Output tokens of a synthesis call; 0 merges by vote.")
@click.option("--rounds", type=int, default=1, show_default=True)
@click.option("--rate", type=float, default=0.0, help="Requests per second (open load).")
@click.option("--users", type=int, default=0, help="Concurrent users (closed load).")
@click.option("--quality", type=float, help="Share of correct answers, for dollars per correct answer.")
@click.option(
    "--price", default="on_demand", show_default=True, help="on_demand, reserved, owned, or dollars per GPU hour."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--batch", type=click.Path(path_type=Path), help="A CSV of configurations to predict instead.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where to write (batch: CSV; else JSON).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(**given: Any) -> None:
    """How many agents GPUs carry, how fast, at what price.

    \b
    workbench plan --model llama-3.1-70b --gpu H200 --gpus 4 --precision fp8 --agents 5 \\
        --prefix 900 --prompt 120 --output 600 --rate 2 --json
    workbench plan --batch configs.csv -o predictions.csv
    """
    if given["batch"]:
        _batch(given["batch"], given["out"], given["as_json"])
        return
    missing = [f"--{name}" for name in ("model", "gpu") if not given[name]]
    if missing:
        raise click.UsageError(f"give {' and '.join(missing)}, or --batch configs.csv")
    frame = _plan(given)
    records = json.loads(frame.to_json(orient="records"))
    if given["out"]:
        given["out"].write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    if given["as_json"]:
        click.echo(json.dumps(records, indent=1))
    elif not given["out"]:
        click.echo(table(frame))


def _batch(configs: Path, out: Path | None, as_json: bool) -> None:
    from workbench.planner.batch import predict_batch

    frame = predict_batch(configs)
    if out:
        frame.to_csv(out, index=False)
        refused = int((frame["refused"] != "").sum())
        click.echo(f"{len(frame)} configurations, {refused} refused, written to {out}")
    else:
        click.echo(frame.to_json(orient="records", indent=1) if as_json else frame.to_csv(index=False))


def _plan(given: dict[str, Any]) -> Any:
    from workbench.errors import UsageError
    from workbench.planner.load import Load, lengths
    from workbench.planner.plans import plan as make

    agents = given["agents"]
    mix = {}
    for text in given["model"]:
        name, _, count = text.partition("=")
        if count and not count.isdigit():
            raise UsageError(f"--model takes MODEL or MODEL=THREADS, not {text!r}")
        mix[name] = int(count) if count else agents if len(given["model"]) == 1 else 1
    threads = sum(mix.values())
    mean, synthesis = given["answer"], given["synthesis"]
    load = Load(
        rate_rps=given["rate"] if given["rate"] or given["users"] else 0.5, users=given["users"], threads=threads,
        prefix_tokens=given["prefix"], prompt_tokens=given["prompt"], output_tokens=lengths(mean, given["spread"]),
        rounds=given["rounds"], reread_tokens=mean if given["rounds"] > 1 else 0.0,
        synthesis_prompt_tokens=given["prefix"] + threads * mean if synthesis else 0.0, synthesis_output_tokens=synthesis,
    )  # fmt: skip
    price: str | float = given["price"]
    with contextlib.suppress(ValueError):
        price = float(price)
    return make(mix, (given["gpu"], given["gpus"]), load, precision=given["precision"], engine=given["engine"],
                tp=given["tp"], quality=given["quality"], price=price, seed=given["seed"])  # fmt: skip


def table(frame: Any) -> str:
    """A plan for the eye: one line per placement, and the reasons of those that cannot be."""
    lines = [f"{frame['models'].iat[0]} on {frame['n_gpus'].iat[0]}x {frame['gpu'].iat[0]}"]
    good = frame[frame["refused"] == ""]
    if len(good):
        heads = f"{'placement':22s} {'p50 s':>20s} {'p95 s':>20s} {'max req/s':>9s} {'threads':>8s}"
        lines.append(f"{heads} {'$/1000 req':>11s}  limited by")
        for row in good.itertuples():
            p50 = f"{row.e2e_p50_s:.1f} ({row.e2e_p50_s_low:.1f}-{row.e2e_p50_s_high:.1f})"
            p95 = f"{row.e2e_p95_s:.1f} ({row.e2e_p95_s_low:.1f}-{row.e2e_p95_s_high:.1f})"
            lines.append(f"{row.placement:22s} {p50:>20s} {p95:>20s} {row.max_rate_rps:9.2f} {row.max_threads:8d} "
                         f"{1000 * row.usd_per_request:11.2f}  {row.limiting}")  # fmt: skip
    lines += [f"{row.placement}: refused: {row.refused}" for row in frame[frame["refused"] != ""].itertuples()]
    return "\n".join(lines)
