"""Ledger episodes on the offline model: recall over distance, recovery over the fault rate, rules over steps, and four policies.

python -m benchmarks.episodes [MODEL] [EPISODES]        # writes benchmarks/EPISODES.md; abacus-m, 200
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

import workbench as wb
from workbench.agentic import estimates, failing, forgetting, keeping

OUT = Path(__file__).with_name("EPISODES.md")
TRAINED = ("timeout", "error", "wrong_type")
RATES = (0.0, 0.1, 0.2, 0.3, 0.5)
POLICIES: dict[str, tuple[Any, float | None]] = {
    "single": ("single", None),
    "single, sampled": ("single", 0.7),
    "parallel, 5 voters": ({"name": "parallel", "agents": 5}, 0.7),
    "checked by the rules": ({"name": "checked", "by": "rules", "tells": False}, 0.7),
    "synthesis every 12": ({"name": "synthesis", "every": 12, "agents": 3, "synthesis": "majority"}, 0.7),
}
HEAD = """# Ledger episodes on {model}

Written by `python -m benchmarks.episodes {model} {episodes}` (weights {weights}; {seconds:.0f} s, {cores} cores, load {load:.0f})
A step is an action of a perfect actor; `score` is the share of requests handled right. Intervals are 95 %, clustered by episode;
n counts what was looked at. The model sees a window of about 30 requests by design (`docs/decisions/abacus_ledger.md`): a value
last written before that is lost to it. Faults are {kinds}, as in its training; three rules are in force (form, values only, calc
for every sum).
"""


async def main(model: str, episodes: int, folder: Path) -> str:
    """All sections as one text."""
    began = time.monotonic()

    async def tried(name: str, n: int, temperature: float | None = None, **how: Any) -> wb.Run:
        mix = wb.ModelMix({model: 1}, temperature=temperature)
        how = {"steps": 60, "faults": 0.15, "fault_kinds": TRAINED, "rules": 3, "trials": 1, "at_once": 64, **how}
        run = await wb.probe(mix, "ledger", episodes=n, out=folder / name, live=False, **how)
        print(f"{time.monotonic() - began:6.0f} s  {name}: {run}", file=sys.stderr)
        return run

    main_run = await tried("all", episodes)
    some = max(4, episodes // 20)
    by_rate = {r: await tried(f"faults-{r}", some, faults=r, seed=1000) for r in RATES}
    by_policy = {}
    for name, (policy, temperature) in POLICIES.items():
        by_policy[name] = await tried(name.replace(" ", "-"), some, temperature, strategy=policy, seed=2000)
    weights = hashlib.sha256((files("workbench.models.abacus") / "weights" / f"{model}.onnx").read_bytes()).hexdigest()[
        :12
    ]
    head = HEAD.format(
        model=model,
        episodes=episodes,
        weights=weights,
        seconds=time.monotonic() - began,
        cores=os.cpu_count(),
        load=os.getloadavg()[0],
        kinds=", ".join(TRAINED),
    )
    return "\n".join([head, *over_steps(main_run), *over_faults(by_rate), *over_policies(by_policy)])


def over_steps(run: wb.Run) -> list[str]:
    """Recall, right actions and rules of the main run."""
    steps, checks = wb.steps(run), wb.rule_checks(run)
    kept = estimates.curve(checks["step"], ~checks["violated"].astype(bool), estimates.clusters(checks), bins=8)
    measured = forgetting.persistence(steps).set_index("measure")
    adhered = keeping.adherence(checks).set_index("measure")
    episodes = steps["trace_id"].nunique()
    return [
        f"## {episodes} episodes of 60 steps, faults 0.15\n",
        f"score {wb.answers(run)['score'].mean():.3f} · " + " · ".join(
            f"{name} {_of(table.loc[name])}" for table, name in (
                (measured, "recall"), (measured, "recall half-life (steps)"), (measured, "accuracy"),
                (adhered, "violations per check"), (adhered, "drift per 10 steps"),
            )
        ),
        "\n### Recall over distance (steps since the value was last written)\n",
        _curve(forgetting.recall(steps, bins=10), "distance"),
        "\n### Right actions over steps\n",
        _curve(forgetting.over_steps(steps, bins=8), "step"),
        "\n### Rules kept over steps\n",
        _curve(kept, "step"),
        "\n### By rule\n",
        *(f"- {name}: {_of(row)}" for name, row in adhered.iterrows() if str(name).startswith("violated: ")),
    ]  # fmt: skip


def over_faults(runs: dict[float, wb.Run]) -> list[str]:
    """Recovery at each rate of faults."""
    rows = []
    for rate, run in runs.items():
        steps = wb.steps(run)
        found = failing.recovery(steps).set_index("measure")
        right = forgetting.persistence(steps).set_index("measure").loc["accuracy"]
        names = ("recovered", "first retried the same", "gave up", "steps to recovery")
        row = {
            "fault rate": rate,
            "episodes": steps["trace_id"].nunique(),
            "score": f"{wb.answers(run)['score'].mean():.3f}",
        }
        rows.append({**row, "right actions": _of(right), **{n: _of(found.loc[n]) for n in names}})
    return ["\n## Recovery over the fault rate (60 steps)\n", _markdown(pd.DataFrame(rows))]


def over_policies(runs: dict[str, wb.Run]) -> list[str]:
    """The same episodes by four policies: score, recall near and far, rules, cost."""
    rows = []
    base = wb.answers(runs["single"])
    for name, run in runs.items():
        answers, steps, checks = wb.answers(run), wb.steps(run), wb.rule_checks(run)
        near, far = (steps[steps["distance"].between(*span)] for span in ((1, 20), (21, 10_000)))
        got = wb.paired(runs["single"], run)
        tokens = (answers["input_tokens"] + answers["output_tokens"]).mean()
        rows.append(
            {
                "policy": name,
                "score": f"{answers['score'].mean():.3f}",
                "gain over single": "–"
                if name == "single"
                else f"{got.difference:+.3f} ({got.low:+.3f} to {got.high:+.3f})",
                "recall to 20 steps": _share(near),
                "recall beyond": _share(far),
                "violations per check": _of(keeping.adherence(checks).set_index("measure").loc["violations per check"]),
                "compute multiple": f"{tokens / (base['input_tokens'] + base['output_tokens']).mean():.2f}",
            }
        )
    return [f"\n## Four policies on the same {len(base)} episodes of 60 steps\n", _markdown(pd.DataFrame(rows))]


def _share(steps: pd.DataFrame) -> str:
    return _of(pd.Series(estimates.share("recall", steps["recalled"], estimates.clusters(steps), "none")))


def _of(row: Any) -> str:
    return (
        "–"
        if pd.isna(row["value"])
        else f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f}, n {int(row['n']):,})"
    )


def _curve(curve: pd.DataFrame, x: str) -> str:
    rows = [
        {
            x: f"{r['from']:.0f}–{r['to']:.0f}",
            "share": f"{r['value']:.3f}",
            "95 %": f"{r['low']:.3f}–{r['high']:.3f}",
            "n": int(r["n"]),
        }
        for _, r in curve.iterrows()
    ]
    return _markdown(pd.DataFrame(rows))


def _markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(map(str, frame)) + " |", "|" + "---|" * len(frame.columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)])


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "abacus-m"
    place = Path(tempfile.mkdtemp(prefix="episodes-"))
    try:
        text = asyncio.run(main(chosen, int(sys.argv[2]) if len(sys.argv) > 2 else 200, place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    OUT.write_text(text + "\n")
    print(text)
