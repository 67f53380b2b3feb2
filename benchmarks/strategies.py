"""Every strategy on abacus, offline, in one table: `python -m benchmarks.strategies` writes benchmarks/STRATEGIES.md.

Settings are found on other tasks than those reported. Each team's run is kept, so that the table can be made again, or gone on
with after a stop, at no new cost; other weights have runs of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import workbench as wb
from benchmarks.teams import ALL, LARGE, MIDDLE, MOST, SMALL, WAVE, Tuned, choices, mix, teams, weights_id
from workbench import stats, stopping
from workbench.timing import compute_multiples

OUT = Path(__file__).with_name("STRATEGIES.md")
PLACE = Path(__file__).parents[1] / "traces" / "runs" / "benchmark"


async def recorded(
    name: str, tasks: list[wb.Task], team: wb.Strategy, of: wb.ModelMix, place: Path, at_once: int
) -> wb.Run:
    """The team's run on these tasks: made, gone on with, or opened where it is done."""
    deciding = repr((team, of, [t.id for t in tasks])).encode()
    folder = place / f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{hashlib.sha256(deciding).hexdigest()[:8]}"
    if folder.exists() and wb.Run(folder).manifest.get("status") == "closed":
        return wb.Run(folder)
    began, weights = time.perf_counter(), weights_id()
    run = await wb.run(tasks, team, of, out=folder, at_once=at_once, seed=1)
    if weights_id() != weights:
        shutil.rmtree(folder)
        raise SystemExit("the weights changed under the benchmark: start it again")
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return run


async def tuned(place: Path, n: int) -> Tuned:
    """Runs on tasks that are not reported, to choose settings from."""
    tasks = wb.load_tasks("arithmetic", n=n, difficulty=ALL, seed=11)
    small = await recorded("tune s", tasks, wb.Parallel(agents=MOST), mix(SMALL), place, 16)
    large = await recorded("tune m", tasks[: n // 2], wb.Parallel(agents=3), mix(LARGE), place, 16)
    return Tuned(small, large, await recorded("tune direct", tasks, wb.Single(reasoning="none"), mix(SMALL), place, 16))


def table(runs: dict[str, wb.Run]) -> Iterator[str]:
    """One row per team."""
    base = wb.answers(runs["Single s"])
    yield "| team | right | tokens a task | compute multiple | cost | wall, median (p95) | calls | against Single s |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, run in runs.items():
        got = wb.answers(run)
        right = stats.accuracy(got)
        tokens = (got["input_tokens"] + got["output_tokens"]).mean()
        cost = got["cost_usd"].mean() / base["cost_usd"].mean()
        gain = "" if name == "Single s" else _gain(stats.paired(base, got))
        yield (
            f"| {name} | {right.value:.3f} ({right.low:.3f} to {right.high:.3f}) | {tokens:,.0f} "
            f"| {compute_multiples(run, runs['Single s']).mean():.2f} | {cost:.2f} "
            f"| {got['wall_s'].median() * 1e3:.0f} ms ({got['wall_s'].quantile(0.95) * 1e3:.0f}) "
            f"| {got['calls'].mean():.1f} | {gain} |"
        )


async def syntheses(run: wb.Run, place: Path, agents: int = 5) -> list[str]:
    """Every synthesis of the same recorded threads; what needs calls pays only for these."""
    free = wb.resample(run, [agents], ["majority", "weighted", "best:logprob", "any"])
    asked = {
        "judge by m": ("judge", LARGE),
        "verify by m": ("verify", LARGE),
        "merge by s": ("merge", SMALL),
        "merge by m": ("merge", LARGE),
    }
    rows = [free.assign(calls=0.0)]
    for name, (kind, model) in asked.items():
        of = mix(SMALL, synthesizer=model, judge=model)
        rows.append((await wb.resynthesize(run, [agents], kind, of, out=place / "resynthesis")).assign(synthesis=name))
    table = pd.concat(rows, ignore_index=True).sort_values("accuracy", ascending=False)
    lines = ["| synthesis | right | tokens a task | new calls a task |", "|---|---|---|---|"]
    for row in table.itertuples():
        name = "any (a perfect check)" if row.synthesis == "any" else row.synthesis
        lines.append(
            f"| {name} | {row.accuracy:.3f} ({row.low:.3f} to {row.high:.3f}) | {row.tokens:,.0f} | {row.calls:.2f} |"
        )
    return lines


def claims(runs: dict[str, wb.Run], rule: dict[str, Any]) -> Iterator[str]:
    """What the table is to show, each beside what was found."""
    yield "| wanted | found | reached |"
    yield "|---|---|---|"
    adaptive, full = wb.answers(runs["Adaptive s ≤ 10"]), wb.answers(runs["Parallel s × 10"])
    share = _tokens(adaptive) / _tokens(full)
    lost = stats.paired(full, adaptive)
    yield (
        f"| Adaptive: ≤ 60 % of Parallel's tokens at equal accuracy (samples of its own) | {share:.0%}, {_gain(lost)} "
        f"| {_yes(share <= 0.6 and lost.low <= 0 <= lost.high)} |"
    )
    decide = stopping.rule(rule["rule"], **{k: v for k, v in rule.items() if k != "rule"})
    row = stats.savings(runs["Parallel s × 10"], {"": decide}, wave=WAVE).iloc[0]
    reached = row["threads"] <= 0.6 * MOST and row["lost_low"] <= 0 <= row["lost_high"]
    yield (
        f"| the same rule on the very threads of Parallel s × 10, in 20 orders | {row['threads'] / MOST:.0%} of the threads, "
        f"{-row['lost']:+.4f} ({-row['lost_high']:+.4f} to {-row['lost_low']:+.4f}) | {_yes(bool(reached))} |"
    )
    for rival in ("Single m", "Parallel m × 5"):
        cascade, large = wb.answers(runs["Cascade s → m"]), wb.answers(runs[rival])
        share = cascade["cost_usd"].mean() / large["cost_usd"].mean()
        gain = stats.paired(large, cascade)
        yield (
            f"| Cascade s → m: the accuracy of {rival} at ≤ 70 % of its cost | {share:.0%}, {_gain(gain)} "
            f"| {_yes(share <= 0.7 and gain.high >= 0)} |"
        )


def routing(chosen: Tuned, small: wb.Run, direct: wb.Run) -> tuple[list[str], list[str]]:
    """Routes by difficulty against fixed agent counts, from one recorded run of ten agents: all exact. Claim and table."""
    scores, tokens = choices(small, direct)
    difficulty = wb.answers(small).set_index("task_id")["difficulty"].astype(float)
    per_task = float(tokens["1"].mean())
    spent_on = float(choices(chosen.small, chosen.direct)[1]["1"].mean())
    lines = [
        "| budget | right | tokens | a fixed count at these tokens | difference | right per 1,000 tokens | agents by difficulty |"
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    claim = ""
    for agents in (1, 1.5, 2, 3, 5):
        routes = chosen.routes(agents * spent_on)
        got, paid = routes.scores(scores, difficulty), routes.scores(tokens, difficulty)
        bought = max(1.0, float(paid.mean()) / per_task)
        rival = _fixed(scores, bought)
        gain = stats.paired(rival, got)
        rate = f"{1e3 * got.mean() / paid.mean():.2f} against {1e3 * rival.mean() / (bought * per_task):.2f}"
        table = zip(routes.table["category"], routes.table["choice"], strict=True)
        said = ", ".join(f"{level:g}: {choice}" for level, choice in table)
        lines.append(
            f"| of {agents:g} agents | {got.mean():.3f} | {paid.mean():,.0f} | {bought:.2f} agents: {rival.mean():.3f} "
            f"| {_gain(gain)} | {rate} | {said} |"
        )
        claim = claim or _claim(got, paid, scores, tokens)
    fixed = zip(scores.columns, scores.mean(), tokens.mean(), strict=True)
    counts = "; ".join(f"{n} {r:.3f} at {t:,.0f} tokens ({1e3 * r / t:.2f} per 1,000)" for n, r, t in fixed)
    return [claim], [*lines, "", f"Fixed counts: {counts}."]


def _claim(got: pd.Series[float], paid: pd.Series[float], scores: pd.DataFrame, tokens: pd.DataFrame) -> str:
    """Right answers per token beside the best fixed count's, as a ratio with a bootstrap interval over tasks."""
    fixed = [c for c in scores.columns if c != "direct"]
    best = max(fixed, key=lambda c: scores[c].mean() / tokens[c].mean())
    draws = np.random.default_rng(0).integers(0, len(got), (2000, len(got)))
    ours, theirs = (
        r.to_numpy()[draws].mean(axis=1) / t.loc[r.index].to_numpy()[draws].mean(axis=1)
        for r, t in ((got, paid), (scores[best], tokens[best]))
    )
    low, high = np.quantile(ours / theirs, [0.025, 0.975])
    ratio = (got.mean() / paid.mean()) / (scores[best].mean() / tokens[best].mean())
    lost = stats.paired(scores[best], got)
    return (
        f"| Route by difficulty: more right per token than every fixed count (best: {best}) "
        f"| ×{ratio:.2f} ({low:.2f} to {high:.2f}), "
        f"right {_gain(lost)} | {_yes(low > 1 and lost.high >= 0)} |"
    )


def _fixed(scores: pd.DataFrame, bought: float) -> pd.Series[float]:
    """A fixed count that is no whole number, or none of those recorded: its two neighbours, each in its share of cases."""
    counts = sorted(int(c) for c in scores.columns if c != "direct")
    low = max(c for c in counts if c <= bought)
    high = min((c for c in counts if c > low), default=low)
    share = (bought - low) / (high - low) if high > low else 0.0
    return (1 - share) * scores[str(low)] + share * scores[str(high)]


def _tokens(answers: pd.DataFrame) -> float:
    return float((answers["input_tokens"] + answers["output_tokens"]).mean())


def _gain(found: stats.Paired) -> str:
    return f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}, p {found.permutation_p:.2g})"


def _yes(reached: bool) -> str:
    return "yes" if reached else "**no**"


def machine() -> str:
    """What it ran on, and how busy that was: the wall times need it."""
    return f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--tune", type=int, default=480)
    parser.add_argument("--at-once", type=int, default=1, help="tasks in work at a time; wall times mean most at 1")
    parser.add_argument("--place", type=Path, default=PLACE)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    place = options.place / f"{weights_id()}-{options.tasks}-{options.tune}"
    began = time.perf_counter()
    chosen = await tuned(place, options.tune)
    tasks = wb.load_tasks("arithmetic", n=options.tasks, difficulty=MIDDLE, seed=2027)
    asked = teams(chosen)
    runs = {name: await recorded(name, tasks, team, of, place, options.at_once) for name, (team, of) in asked.items()}
    wide = wb.load_tasks("arithmetic", n=options.tasks, difficulty=ALL, seed=2028)
    small = await recorded("wide s", wide, wb.Parallel(agents=MOST), mix(SMALL), place, 16)
    direct = await recorded("wide direct", wide, wb.Single(reasoning="none"), mix(SMALL), place, 16)
    routed, wide_table = routing(chosen, small, direct)
    adaptive, threshold = chosen.adaptive, chosen.cascade
    lines = [
        "# Every strategy on abacus, offline",
        "",
        f"Written by `python -m benchmarks.strategies` on {datetime.now(UTC):%Y-%m-%d}, {machine()}; weights {weights_id()}.",
        f"{options.tasks} tasks of difficulty {MIDDLE[0]} to {MIDDLE[1]} (seed 2027), {options.at_once} in work at a time; "
        "intervals are 95 %, clustered by task, differences paired.",
        "Tokens are input and output. Compute multiple: tokens relative to Single s. Cost: tokens × parameters of the model that",
        "read or wrote them, relative to Single s. Settings were found on "
        f"{options.tune} other tasks (seed 11): Adaptive {adaptive},",
        f"Cascade by log-probability under {threshold}.",
        "",
        *table(runs),
        "",
        *claims(runs, adaptive),
        *routed,
        "",
        f"## Route by difficulty against fixed agent counts ({options.tasks} tasks of difficulty 1 to 8, seed 2028)",
        "",
        "Per difficulty a direct answer or 1 to 10 agents with a weighted vote, within a budget of tokens "
        "(`stats.fit_routes`);",
        "exact expectations over all subsets of one recorded run of ten agents.",
        "",
        *wide_table,
    ]
    options.out.write_text("\n".join(lines) + "\n")  # the rest takes a while: what is known is kept
    lines += ["", "## Every synthesis of the same five threads (recorded: Parallel s × 10, subsets of five)", ""]
    lines += await syntheses(runs["Parallel s × 10"], place)
    options.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    asyncio.run(main())
