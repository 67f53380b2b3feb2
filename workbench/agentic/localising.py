"""localise: which agent, in which step, made a run fail: by program, and as tasks for a judge model.

The question and the two accuracies (agent, step) are those of Who&When (Zhang et al., ICML 2025, arXiv 2505.00212).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
import pandas as pd
from scipy import optimize

from workbench.agentic.estimates import need
from workbench.errors import UsageError
from workbench.stats.arrays import Floats
from workbench.store import as_runs
from workbench.tasks import Task

_PASSIVE = re.compile(r"terminal|human|^user|executor|environment", re.I)
_LEADS = re.compile(r"orchestrator|manager|planner|supervisor", re.I)
_SIGNS = {
    "failure": r"exitcode: [1-9]|traceback|\berror\b|\b40[0-9]\b|not found|failed|unable to|could not|can't access|exception",
    "doubt": r"\bhowever\b|incorrect|inaccurate|not (?:yet|been|directly|provide|satisf)|does not|no progress|stuck|in a loop",
    "hedge": r"assum|hypothetic|simulat|placeholder|approximat|as an example|let's say|likely|i believe|guess",
    "code": r"```",
    "checks": r"verif|confirm|double-check|validat",
    "ends": r"\bterminate\b|request satisfied|final answer",
}
FEATURES = (
    "place",
    "early",
    "passive",
    "leads",
    "debut",
    "length",
    "short",
    *_SIGNS,
    "next_failure",
    "next_doubt",
    "later_failure",
)
"""What is known of a step for `localise`: where it stands, who spoke, signs in its words and in what came right after."""


def failures(runs: Any) -> pd.DataFrame:
    """The labels that failure logs carry: trace_id, task_id, category, agent, step (of Who&When's decisive mistake)."""
    rows = []
    for run in as_runs(runs):
        table = run.table(["trace_id", "parent_id", "task_id", "category", "attributes"]).to_pandas()
        for row in table[table["parent_id"].isna() & table["attributes"].notna()].itertuples(index=False):
            told = orjson.loads(row.attributes)
            if "whoandwhen.mistake_step" in told or "whoandwhen.mistake_agent" in told:
                rows.append((row.trace_id, row.task_id, row.category, told.get("whoandwhen.mistake_agent"),
                             told.get("whoandwhen.mistake_step")))  # fmt: skip
    return pd.DataFrame(rows, columns=["trace_id", "task_id", "category", "agent", "step"])


def features(steps: pd.DataFrame) -> pd.DataFrame:
    """`FEATURES` of every step of a `steps` frame made with text=True, with its trace_id, task_id, step and agent."""
    need(steps, "trace_id", "task_id", "step", "agent", "said", "error")
    said = steps["said"].fillna("").astype(str).str.lower()
    trace = steps["trace_id"]
    agent = steps["agent"].fillna("agent").astype(str)
    size = np.asarray(trace.groupby(trace).transform("size"), np.float64)
    place = np.asarray(trace.groupby(trace).cumcount(), np.float64)
    found = steps[["trace_id", "task_id", "step"]].assign(agent=agent).reset_index(drop=True)
    found["place"] = place / np.maximum(size - 1, 1)
    found["early"] = np.log1p(place)
    found["passive"] = agent.str.contains(_PASSIVE).to_numpy(float)
    found["leads"] = agent.str.contains(_LEADS).to_numpy(float)
    found["debut"] = 1.0 - np.asarray(pd.DataFrame({"t": trace, "a": agent}).duplicated(), np.float64)
    found["length"] = np.log1p(said.str.len().to_numpy(float)) / 5
    found["short"] = (said.str.len() < 40).to_numpy(float)
    for name, pattern in _SIGNS.items():
        found[name] = said.str.contains(pattern, regex=True).to_numpy(float)
    found["failure"] = np.maximum(found["failure"], steps["error"].notna().to_numpy(float))
    after = found.groupby("trace_id", sort=False)
    found["next_failure"] = after["failure"].shift(-1).fillna(0.0)
    found["next_doubt"] = after["doubt"].shift(-1).fillna(0.0)
    seen = found["failure"][::-1].groupby(found["trace_id"][::-1], sort=False).cumsum()[::-1]
    found["later_failure"] = ((seen - found["failure"]) > 0).astype(float)
    return found


def by_rule(table: pd.DataFrame) -> pd.DataFrame:
    """No labels: the first step of a working agent after which failure or doubt shows, else the first step of a working agent.

    Returns trace_id, agent, step, one row per trajectory of the `features` table.
    """
    working = (table["passive"] == 0) & (table["leads"] == 0) & (table["ends"] == 0)
    shown = (table["next_failure"] + table["next_doubt"] + table["hedge"] + table["failure"]) > 0
    return _best(table, np.where(working, 2.0 * shown + 4.0, 0.0) - 1e-6 * np.arange(len(table)))


def localise(
    table: pd.DataFrame, labels: pd.DataFrame, *, folds: int = 10, ridge: float = 1.0, seed: int = 0
) -> pd.DataFrame:
    """Point to the decisive mistake of every trajectory by a model fitted on the *other* tasks' labels: trace_id, agent, step.

    A conditional logit: P(step i of a trajectory) = exp(w·x_i) / sum over its steps of exp(w·x_j), x the standardised
    `FEATURES`, w by maximum likelihood with a ridge penalty, per category of the labels where it has at least 20 cases.
    Cross-fitted over `folds` groups of tasks, so that no case is judged by weights that saw its task. The agent is the step's.
    """
    known = labels.dropna(subset=["step"])
    if len(known) < 3:
        raise UsageError(f"at least 3 labelled failures are needed to fit to, got {len(known)}")
    kind = known.set_index("trace_id")["category"].fillna("").astype(str)
    large = kind.map(kind.value_counts()) >= 20
    group = kind.where(large, "").reindex(table["trace_id"]).fillna("").to_numpy(object)
    target = known.set_index("trace_id")["step"].astype(float).reindex(table["trace_id"]).to_numpy(float)
    tasks = table["task_id"].unique()
    fold = dict(zip(np.random.default_rng(seed).permutation(tasks), np.arange(len(tasks)) % folds, strict=True))
    held = table["task_id"].map(fold).to_numpy()
    spread = table[list(FEATURES)].std().replace(0, 1)
    x = ((table[list(FEATURES)] - table[list(FEATURES)].mean()) / spread).to_numpy(float)
    trace = pd.factorize(table["trace_id"])[0]
    hit = table["step"].to_numpy(float) == target
    score = np.zeros(len(table))
    for name in np.unique(group.astype(str)):
        for number in range(folds):
            of = group == name
            learn, judge = of & (held != number) & ~np.isnan(target), of & (held == number)
            if judge.any() and hit[learn].any():
                score[judge] = x[judge] @ _fit(x[learn], hit[learn], trace[learn], ridge)
    return _best(table, score)


def located(found: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Were agent and step right? One row per labelled trajectory: trace_id, task_id, category, agent_right, step_right (0 or 1).

    A trajectory that `found` says nothing about counts as wrong.
    """
    said = found.set_index("trace_id").reindex(labels["trace_id"])
    out = labels[["trace_id", "task_id", "category"]].copy()
    out["agent_right"] = [
        float(_plain(one) == _plain(other) != "") for one, other in zip(said["agent"], labels["agent"], strict=True)
    ]
    told = pd.to_numeric(said["step"], errors="coerce").to_numpy(float)
    out["step_right"] = (told == pd.to_numeric(labels["step"], errors="coerce").to_numpy(float)) * 1.0
    return out


def judge_tasks(steps: pd.DataFrame, labels: pd.DataFrame, problems: Any = None, *, clip: int = 600) -> list[Task]:
    """The same question for a judge model: one Task per labelled trajectory, for `wb.run` with any strategy and model.

    The prompt holds the numbered log, each step cut at `clip` characters; the target is "agent / step". `problems` maps
    trace_id to the task that failed. Read the answers with `judged`.
    """
    need(steps, "trace_id", "step", "agent", "said")
    truth = labels.set_index("trace_id")
    tasks = []
    for trace, part in steps.groupby("trace_id", sort=False):
        if trace not in truth.index:
            continue
        lines = [
            f"[{n}] {a}: {_cut(w, clip)}" for n, a, w in zip(part["step"], part["agent"], part["said"], strict=True)
        ]
        problem = f"The task was: {problems[trace]}\n\n" if problems is not None and trace in problems else ""
        prompt = f"{_ASK}\n\n{problem}The log:\n" + "\n".join(lines)
        row = truth.loc[trace]
        target = f"{row['agent']} / {row['step']:.0f}"
        tasks.append(Task(id=str(trace), prompt=prompt, target=target, category=str(row["category"])))
    return tasks


_ASK = (
    "A team of agents failed at a task. Below is the numbered log of what each said. Find the decisive mistake: the earliest"
    ' step without which the task could still have been solved. Answer with one line, "Answer: <agent> / <step number>".'
)


def judged(answers: pd.DataFrame) -> pd.DataFrame:
    """What a judge said, from the `answers` frame of its run: trace_id, agent, step (missing where it gave none)."""
    parts = (
        answers["answer"]
        .fillna("")
        .astype(str)
        .str.extract(r"^\s*(?P<agent>.*?)\s*[/,;|]\s*(?:step\s*)?(?P<step>\d+)\D*$", re.I)
    )
    return pd.DataFrame(
        {"trace_id": answers["task_id"], "agent": parts["agent"], "step": pd.to_numeric(parts["step"], errors="coerce")}
    )


def _fit(x: Floats, hit: Any, trace: Any, ridge: float) -> Floats:
    codes = pd.factorize(trace)[0]
    counted = np.bincount(codes, hit)[codes] > 0
    x, hit, codes = x[counted], hit[counted], pd.factorize(codes[counted])[0]

    def loss(w: Floats) -> tuple[float, Floats]:
        score = x @ w
        top = np.full(codes.max() + 1, -np.inf)
        np.maximum.at(top, codes, score)
        up = np.exp(score - top[codes])
        chance = up / np.bincount(codes, up)[codes]
        value = -float(np.log(np.maximum(chance[hit], 1e-300)).sum()) + ridge * float(w @ w) / 2
        return value, x.T @ (chance - hit) + ridge * w

    found = optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float64)


def _best(table: pd.DataFrame, score: Any) -> pd.DataFrame:
    """The step with the highest score of each trajectory, the earliest of equals."""
    order = table.assign(score=score).sort_values("score", ascending=False, kind="stable").drop_duplicates("trace_id")
    return order.sort_index()[["trace_id", "agent", "step"]].reset_index(drop=True)


def _plain(name: Any) -> str:
    return name.strip().casefold() if isinstance(name, str) else ""


def _cut(text: Any, clip: int) -> str:
    words = text if isinstance(text, str) else ""
    return words if len(words) <= clip else words[:clip] + " …"


def at_random(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """What a step drawn by lot would get on average, in the columns of `located` (chances, not 0 or 1)."""
    out = labels[["trace_id", "task_id", "category"]].copy()
    of: dict[Any, Any] = dict(iter(table.groupby("trace_id", sort=False)))

    def share(row: Any, column: str, want: Any) -> float:
        part = of.get(row.trace_id)
        return float(np.mean([_plain(str(v)) == _plain(str(want)) for v in part[column]])) if part is not None else 0.0

    rows: Iterable[Any] = labels.itertuples()
    both = [(share(r, "agent", r.agent), share(r, "step", f"{r.step:.0f}")) for r in rows]
    out["agent_right"], out["step_right"] = [b[0] for b in both], [b[1] for b in both]
    return out
