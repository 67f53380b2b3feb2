"""What recorded trajectories say about agentic work: every claim beside what our measures find in our half of the data."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import workbench as wb
from benchmarks import agentic_load, recorded
from benchmarks.airline_rules import RULES
from workbench import agentic, stats
from workbench.agentic import keeping, localising
from workbench.store import Run

OUT = Path(__file__).with_name("AGENTIC.md")
DATA = recorded.SHARED / "data"

HEAD = """# Agentic qualities on recorded trajectories

Written by `python -m benchmarks.agentic` from ../shared (our half of each set). Intervals are 95 %, clustered by task; n counts
what was looked at. Who&When: the rule was written after looking at cases of our half; the fit is judged on tasks it did not see.

| data | wanted | found |
|---|---|---|
"""

Row = tuple[str, str, str]


def airline() -> Iterator[Row]:
    run = wb.read(DATA / "taubench_airline" / "gpt4o_airline.jsonl.gz")
    found = wb.qualities(run, RULES)
    passed = " · ".join(f"{r.measure} {_of(r)}" for r in found.reliability.itertuples())
    yield (
        "tau-bench airline",
        "pass^1..4 from about .42 to .20 (full set of 50 tasks)",
        f"{passed} (our {r_tasks(found)} tasks)",
    )
    answers = found.answers.set_index("trace_id")
    failed = found.steps[found.steps["kind"].eq("tool") & found.steps["error"].notna()]["trace_id"].unique()
    yield (
        "tau-bench airline",
        "reward in runs with a tool error far below the others",
        _split(answers, answers.index.isin(failed)),
    )
    checks = found.checks
    counted = checks.groupby("rule")["violated"].agg(["sum", "count"])
    listed = ", ".join(f"{rule} {n}/{of}" for rule, (n, of) in zip(counted.index, counted.to_numpy(), strict=True))
    yield "tau-bench airline", f"violations of {len(RULES)} rules checked by program (violated/checked)", listed
    broken = checks[checks["violated"]]["trace_id"].unique()
    yield (
        "tau-bench airline",
        "reward in runs that broke a rule against those that broke none",
        _split(answers, answers.index.isin(broken)),
    )
    style = checks["rule"].isin(["no words beside a call", "one call at a time"])
    broken = checks[checks["violated"] & ~style]["trace_id"].unique()
    yield "tau-bench airline", "the same, rules about form left out", _split(answers, answers.index.isin(broken))
    for name in ("drift per 10 steps", "without a violation to the end"):
        yield "tau-bench airline", name, _of(_row(found.adherence, name))
    for name in ("recovered", "changed approach", "gave up", "failure after a failure", "failure after a success"):
        yield "tau-bench airline", f"after an error: {name}", _of(_row(found.recovery, name))
    for name in ("results used", "redundant calls", "grounded arguments"):
        table = found.persistence if name.startswith("grounded") else found.orchestration
        yield "tau-bench airline", f"needs no truth: {name}", _of(_row(table, name))


def who_and_when() -> Iterator[Row]:
    run = wb.read(DATA / "whoandwhen_multiagent" / "whoandwhen.jsonl.gz")
    labels, steps = localising.failures(run), wb.steps(run, text=True)
    table = localising.features(steps)
    last = table.groupby("trace_id", sort=False).tail(1)
    busiest = table.groupby(["trace_id", "agent"], sort=False)["step"].agg(["size", "min"]).reset_index()
    busiest = (
        busiest.sort_values("size", ascending=False, kind="stable")
        .drop_duplicates("trace_id")
        .rename(columns={"min": "step"})
    )
    guesses = {
        "by lot": localising.at_random(table, labels),
        "the last agent, its last step": localising.located(last, labels),
        "the busiest agent, its first step": localising.located(busiest, labels),
        "by rule (no labels)": localising.located(localising.by_rule(table), labels),
        "fitted, 10-fold by task": localising.located(localising.localise(table, labels), labels),
    }
    for name, got in guesses.items():
        yield "Who&When", f"agent and step right, {name}", _located(got)
    for name in ("by lot", "the last agent, its last step"):
        gain = [
            _gain(guesses[name], guesses["by rule (no labels)"], column) for column in ("agent_right", "step_right")
        ]
        yield "Who&When", f"by rule above {name}: agent; step", "; ".join(gain)
    judged = _judge(localising.judge_tasks(steps, labels, clip=200), labels)
    yield "Who&When", "the judge-model version runs (a scripted judge that names the last speaker)", _located(judged)


def _judge(tasks: list[wb.Task], labels: pd.DataFrame) -> pd.DataFrame:
    def answer(request: Any) -> str:
        log = request.messages[-1].content.split("The log:\n", 1)[1]
        number, agent = [line for line in log.splitlines() if line.startswith("[")][-1][1:].split("] ", 1)
        return f"Answer: {agent.split(':')[0]} / {number}"

    with tempfile.TemporaryDirectory() as folder:
        models = {"judge": wb.Scripted(answer)}
        run = asyncio.run(
            wb.run(tasks, "single", "judge", out=f"{folder}/run", models=models, grade="exact", live=False)
        )
        return localising.located(localising.judged(wb.answers(run)), labels)


def intercode() -> Iterator[Row]:
    for name in ("sql_gpt4_10t", "sql_gpt35_10t", "sql_gpt35_react", "bash_gpt4_fs1", "ctf_gpt4_10t"):
        run = wb.read(DATA / "intercode" / f"{name}.jsonl.gz")
        steps = wb.steps(run)
        calls = steps[steps["kind"] == "tool"]
        turn = calls.groupby("trace_id").cumcount() + 1
        solved = turn.where(calls["score"] >= 1).groupby(calls["trace_id"]).min()
        answers = wb.answers(run).set_index("trace_id")
        when, task = solved.reindex(answers.index), answers["task_id"].to_numpy(object)
        wanted = "from about .07 at turn 1 to .74 within 10 (full set)" if name == "sql_gpt4_10t" else "over turns"
        by = " · ".join(
            f"{k}: {stats.clustered((when <= k).to_numpy(float), task).value:.2f}" for k in (1, 2, 3, 5, 10)
        )
        end = stats.clustered((when <= 10).to_numpy(float), task)
        yield f"intercode {name}", f"success {wanted}", f"{by} (at 10: {end})"
        found = agentic.recovery(steps)
        words = [f"{n} {_of(_row(found, n))}" for n in ("recovered", "cascaded", "gave up", "steps to recovery")]
        yield f"intercode {name}", "after an error observation", " · ".join(words)
        first = calls.groupby("trace_id").head(1).set_index("trace_id")["error"].reindex(answers.index).notna()
        split = _split(
            answers.assign(score=(when <= 10).astype(float)), first.to_numpy(bool), "first turn failed", "not"
        )
        yield f"intercode {name}", "solved within 10, where the first turn failed against not", split


def reflexion() -> Iterator[Row]:
    rows = pd.DataFrame(recorded.rows("reflexion/alfworld_retries.jsonl.gz")).drop_duplicates(["qid", "run", "trial"])
    rows["is_success"] = rows["is_success"].astype(float)
    arms = {name: part.pivot(index="qid", columns="trial", values="is_success") for name, part in rows.groupby("run")}
    reflecting = arms["reflexion"]
    plain = next(part for name, part in arms.items() if name != "reflexion")
    for k in (0, 1, 2, plain.shape[1] - 1):
        at = [_until(part, k) for part in (plain, reflecting)]
        yield (
            "reflexion alfworld",
            f"solved within {k + 1} tries, reflection against without (paired)",
            str(stats.paired(*at)),
        )
    left = [part.index[part[0] == 0] for part in (plain, reflecting)]
    won = [_until(part, plain.shape[1] - 1).reindex(part.index[part[0] == 0]) for part in (plain, reflecting)]
    both = [stats.clustered(np.asarray(w, np.float64), w.index.to_numpy(object)) for w in won]
    yield (
        "reflexion alfworld",
        "of those that failed at first, solved by the last common try",
        (f"with reflection {both[1]}; without {both[0]} ({len(left[1])} and {len(left[0])} failed at first)"),
    )
    runs = {name: wb.read(DATA / "reflexion" / f"hotpot_{name}.jsonl.gz") for name in ("base", "reflexion")}
    frames = {name: wb.answers(run) for name, run in runs.items()}
    for trial in (1, 3, 5):
        pair = [
            f[f["repeat"] <= trial].groupby("task_id")["score"].max() for f in (frames["base"], frames["reflexion"])
        ]
        yield (
            "reflexion hotpot",
            f"right within {trial} tries, reflection against without (paired)",
            str(stats.paired(*pair)),
        )
    for name, run in runs.items():
        found = agentic.recovery(wb.steps(run))
        words = [f"{n} {_of(_row(found, n))}" for n in ("recovered", "cascaded", "first retried the same")]
        yield f"reflexion hotpot {name}", "after a search that found nothing", " · ".join(words)


def _until(part: pd.DataFrame, k: int) -> pd.Series[float]:
    """Solved at least once in tries 0..k; a task that is not tried again was solved before."""
    tries = part.to_numpy(float)[:, : k + 1]
    return pd.Series(np.nan_to_num(tries).max(axis=1), part.index)


def fireact() -> Iterator[Row]:
    names = ("ft_gpt35", "llama2_13b", "llama2_7b")
    rows = {name: {r["qid"]: r for r in recorded.rows(f"fireact_hotpot/{name}.jsonl.gz")} for name in names}
    common = sorted(set.intersection(*(set(r) for r in rows.values())))
    alone = {name: pd.Series({q: float(rows[name][q]["em"]) for q in common}) for name in names}
    for name, score in alone.items():
        yield (
            "fireact hotpot",
            f"{name} alone",
            str(stats.clustered(score.to_numpy(float), score.index.to_numpy(object))),
        )
    vote = pd.Series({q: _vote([rows[n][q] for n in names]) for q in common})
    best = max(alone, key=lambda n: float(alone[n].mean()))
    yield (
        "fireact hotpot",
        f"a vote of three above the best ({best}), ties by expected value (paired)",
        str(stats.paired(alone[best], vote)),
    )
    first = pd.Series({q: _vote([rows[n][q] for n in names], tie=names.index(best)) for q in common})
    yield (
        "fireact hotpot",
        "the same, three different answers: the best model's stands",
        str(stats.paired(alone[best], first)),
    )
    any_ = pd.Series({q: max(float(rows[n][q]["em"]) for n in names) for q in common})
    yield (
        "fireact hotpot",
        "at least one of the three is right (what a perfect choice would reach)",
        f"{any_.mean():.3f}",
    )


def _vote(said: list[dict[str, Any]], tie: int | None = None) -> float:
    """The score of the plurality answer; of equals the expected one, or where all differ that of voter `tie`."""
    keys = [" ".join(str(r["pred"]).lower().split()).strip(" .") for r in said]
    counts = Counter(keys)
    most = max(counts.values())
    leading = [key for key, n in counts.items() if n == most]
    if most == 1 and tie is not None:
        return float(said[tie]["em"])
    return float(np.mean([max(float(r["em"]) for r, k in zip(said, keys, strict=True) if k == key) for key in leading]))


def speed(trajectories: int = 10_000, steps: int = 60) -> Iterator[Row]:
    name = f"{trajectories:,} trajectories of {steps} steps"
    folder = Path(tempfile.mkdtemp())
    try:
        run = Run(agentic_load.write(folder / "load", trajectories, steps))
        load = os.getloadavg()[0]
        begin, used = time.perf_counter(), time.process_time()
        found = wb.qualities(run)
        whole, cpu = time.perf_counter() - begin, time.process_time() - used
        begin = time.perf_counter()
        agentic.persistence(found.steps)
        agentic.orchestration(found.steps)
        agentic.recovery(found.steps)
        keeping.adherence(found.checks)
        agentic.reliability(found.answers)
        measured = time.perf_counter() - begin
        yield "speed", f"the measures over {name}: at most 10 s", f"{measured:.1f} s (load {load:.1f} on 2 cores)"
        yield "speed", "with reading the Run and building the frames", f"{whole:.1f} s, {cpu:.1f} s of processor time"
    finally:
        shutil.rmtree(folder)


def r_tasks(found: Any) -> int:
    return int(found.answers["task_id"].nunique())


def _row(table: pd.DataFrame, name: str) -> Any:
    return next(table[table["measure"] == name].itertuples())


def _of(row: Any) -> str:
    return (
        f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f}, n {row.n})" if row.value == row.value else f"– ({row.note})"
    )


def _split(answers: pd.DataFrame, mask: Any, yes: str = "with", no: str = "without") -> str:
    parts = [(yes, answers[mask]), (no, answers[~np.asarray(mask)])]
    told = [f"{n} {stats.accuracy(p)}, {len(p)} runs" if len(p) else f"{n}: none" for n, p in parts]
    return "; ".join(told)


def _located(got: pd.DataFrame) -> str:
    task = got["task_id"].to_numpy(object)
    both = {c: stats.clustered(got[c].to_numpy(float), task) for c in ("agent_right", "step_right")}
    kinds = ", ".join(
        f"{k}: {p['agent_right'].mean():.2f} / {p['step_right'].mean():.2f}" for k, p in got.groupby("category")
    )
    return f"agent {both['agent_right']}, step {both['step_right']} ({kinds})"


def _gain(one: pd.DataFrame, other: pd.DataFrame, column: str) -> str:
    return str(stats.paired(*(f.groupby("task_id")[column].mean() for f in (one, other))))


PARTS = {
    "airline": airline,
    "whoandwhen": who_and_when,
    "intercode": intercode,
    "reflexion": reflexion,
    "fireact": fireact,
    "speed": speed,
}


def main() -> None:
    """Write AGENTIC.md; parts named on the command line are only printed."""
    chosen = [PARTS[name] for name in sys.argv[1:]] or list(PARTS.values())
    text = HEAD
    for part in chosen:
        for row in part():
            print(" | ".join(row), flush=True)
            text += "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"
    if len(sys.argv) == 1:
        OUT.write_text(text)


if __name__ == "__main__":
    main()
