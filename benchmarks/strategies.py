"""Every strategy on abacus, offline, in one table: `python -m benchmarks.strategies` writes benchmarks/STRATEGIES.md.

Settings are found on other tasks than those reported. Each team's run is kept, so that the table can be made again, or gone on
with after a stop, at no new cost; other weights have runs of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

import workbench as wb
from benchmarks.teams import ALL, LARGE, MIDDLE, MOST, SMALL, Tuned, choices, mix, teams, weights_id
from workbench import stats
from workbench.timing import compute_multiples

OUT = Path(__file__).with_name("STRATEGIES.md")
PLACE = Path(__file__).parents[1] / "traces" / "runs" / "benchmark"


async def recorded(
    name: str, tasks: list[wb.Task], team: wb.Strategy, of: wb.ModelMix, place: Path, at_once: int
) -> wb.Run:
    """The team's run on these tasks: made, gone on with, or opened where it is done."""
    folder = place / name.replace(" ", "-").replace(",", "").replace("×", "x").replace("→", "to").replace("≤", "to")
    if folder.exists():
        found = wb.Run(folder)
        if found.manifest.get("status") == "closed" and found.manifest["tasks"]["n"] == len(tasks):
            return found
    began = time.perf_counter()
    run = await wb.run(tasks, team, of, out=folder, at_once=at_once, seed=1)
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return run


async def tuned(place: Path, n: int) -> Tuned:
    """Runs on tasks that are not reported, to choose settings from."""
    tasks = wb.load_tasks("arithmetic", n=n, difficulty=ALL, seed=11)
    small = await recorded("tune s", tasks, wb.Parallel(agents=MOST), mix(SMALL), place, 16)
    large = await recorded("tune m", tasks, wb.Parallel(agents=3), mix(LARGE), place, 16)
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


def claims(runs: dict[str, wb.Run]) -> Iterator[str]:
    """What the table is to show, each beside what was found."""
    yield "| wanted | found | reached |"
    yield "|---|---|---|"
    adaptive, full = wb.answers(runs["Adaptive s ≤ 10"]), wb.answers(runs["Parallel s × 10"])
    share = _tokens(adaptive) / _tokens(full)
    lost = stats.paired(full, adaptive)
    yield (
        f"| Adaptive: ≤ 60 % of Parallel's tokens at equal accuracy | {share:.0%}, {_gain(lost)} "
        f"| {_yes(share <= 0.6 and lost.low <= 0 <= lost.high)} |"
    )
    for rival in ("Single m", "Parallel m × 5"):
        cascade, large = wb.answers(runs["Cascade s → m"]), wb.answers(runs[rival])
        share = cascade["cost_usd"].mean() / large["cost_usd"].mean()
        gain = stats.paired(large, cascade)
        yield (
            f"| Cascade s → m: the accuracy of {rival} at ≤ 70 % of its cost | {share:.0%}, {_gain(gain)} "
            f"| {_yes(share <= 0.7 and gain.high >= 0)} |"
        )


def routing(chosen: Tuned, small: wb.Run, direct: wb.Run) -> Iterator[str]:
    """Routes by difficulty against fixed agent counts at the same tokens, from one recorded run of ten agents: all exact."""
    scores, tokens = choices(small, direct)
    difficulty = wb.answers(small).set_index("task_id")["difficulty"].astype(float)
    per_task = float(tokens["1"].mean())
    fixed = pd.DataFrame({"right": scores.mean(), "tokens": tokens.mean()})
    yield "| budget | Route: right | tokens | fixed count at the same tokens | difference | right per 1,000 tokens | routes |"
    yield "|---|---|---|---|---|---|---|"
    spent_on = float(choices(chosen.small, chosen.direct)[1]["1"].mean())
    for agents in (1, 1.5, 2, 3, 5):
        routes = chosen.routes(agents * spent_on)
        got, paid = routes.scores(scores, difficulty), routes.scores(tokens, difficulty)
        bought = max(1.0, float(paid.mean()) / per_task)
        rival = _fixed(scores, bought)
        gain = stats.paired(rival, got)
        ratio = 1e3 * got.mean() / paid.mean(), 1e3 * rival.mean() / (bought * per_task)
        said = ", ".join(
            f"{c:g}: {choice}" for c, choice in zip(routes.table["category"], routes.table["choice"], strict=True)
        )
        yield (
            f"| of {agents:g} agents | {got.mean():.3f} | {paid.mean():,.0f} | {bought:.2f} agents: {rival.mean():.3f} "
            f"| {_gain(gain)} | {ratio[0]:.2f} against {ratio[1]:.2f} | {said} |"
        )
    yield ""
    yield "Fixed counts: " + "; ".join(
        f"{name} {row.right:.3f} at {row.tokens:,.0f} tokens ({1e3 * row.right / row.tokens:.2f} per 1,000)"
        for name, row in fixed.iterrows()
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
    parser.add_argument("--place", type=Path, default=PLACE)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    place = options.place / f"{weights_id()}-{options.tasks}-{options.tune}"
    began = time.perf_counter()
    chosen = await tuned(place, options.tune)
    tasks = wb.load_tasks("arithmetic", n=options.tasks, difficulty=MIDDLE, seed=2027)
    asked = teams(chosen)
    runs = {name: await recorded(name, tasks, team, of, place, 1) for name, (team, of) in asked.items()}
    wide = wb.load_tasks("arithmetic", n=options.tasks, difficulty=ALL, seed=2028)
    small = await recorded("wide s", wide, wb.Parallel(agents=MOST), mix(SMALL), place, 16)
    direct = await recorded("wide direct", wide, wb.Single(reasoning="none"), mix(SMALL), place, 16)
    adaptive, threshold = chosen.adaptive, chosen.cascade
    lines = [
        "# Every strategy on abacus, offline",
        "",
        f"Written by `python -m benchmarks.strategies` on {datetime.now(UTC):%Y-%m-%d}, {machine()}; weights {weights_id()}.",
        f"{options.tasks} tasks of difficulty {MIDDLE[0]} to {MIDDLE[1]} (seed 2027), one task at a time; intervals are 95 %, "
        "clustered by task, differences paired.",
        "Tokens are input and output. Compute multiple: tokens relative to Single s. Cost: tokens × parameters of the model that",
        "read or wrote them, relative to Single s. Settings were found on "
        f"{options.tune} other tasks (seed 11): Adaptive {adaptive},",
        f"Cascade by log-probability under {threshold}.",
        "",
        *table(runs),
        "",
        *claims(runs),
        "",
        f"## Route by difficulty against fixed agent counts ({options.tasks} tasks of difficulty 1 to 8, seed 2028)",
        "",
        "Per difficulty a direct answer or 1, 2, 3, 5, 10 agents with a weighted vote, within a budget of tokens "
        "(`stats.fit_routes`);",
        "exact expectations over all subsets of one recorded run of ten agents.",
        "",
        *routing(chosen, small, direct),
    ]
    options.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    asyncio.run(main())
