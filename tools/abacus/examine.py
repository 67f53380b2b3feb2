"""Measure a model on held-out problems: python -m tools.abacus.examine abacus-s --n 200 (writes measured/NAME.json)."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from workbench.agents import STYLES, Message, Reply
from workbench.arithmetic import Problem, problems
from workbench.ledger import FAILURES, RULES, calculate, ledger, rule_line
from workbench.models.abacus import Abacus
from workbench.models.base import Request

SEED = 2026
STEPS, FAULTS = 60, 0.15
"""Of a ledger episode, and how often its calculator fails."""

MEASURED = Path(__file__).parent / "measured"


def answer(reply: Reply) -> str:
    """What the reply gives as its answer."""
    return reply.text.rsplit("Answer: ", 1)[-1]


def auroc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Probability that a right one scores higher than a wrong one (ties half); None where all are the same."""
    good, bad = sum(right), len(right) - sum(right)
    if not good or not bad:
        return None
    ranks = rankdata(scores)
    return float((ranks[np.array(right)].sum() - good * (good + 1) / 2) / (good * bad))


class Examiner:
    """Asks one model."""

    def __init__(self, model: Abacus) -> None:
        self.model = model

    async def ask(
        self, role: str, text: str, seed: int = 0, style: str | None = None, temperature: float | None = None
    ) -> Reply:
        request = Request(
            self.model.name, (Message("user", text),), role, style, temperature, max_tokens=500, seed=seed
        )
        return await self.model.complete(request)

    async def level(self, level: int, n: int) -> dict[str, Any]:
        """One difficulty: chains in every style, votes, direct answers, decomposition, checks."""
        asked = problems(n, level, seed=SEED)
        targets = [p.target for p in asked]

        async def chains(style: str, seed: int, temperature: float | None = None) -> list[Reply]:
            return await asyncio.gather(
                *(self.ask("solve", p.prompt, seed * 1000 + i, style, temperature) for i, p in enumerate(asked))
            )

        greedy = await chains(STYLES[0], 0, 0.0)
        same = [await chains(STYLES[0], k) for k in range(5)]
        others = [await chains(style, 9) for style in STYLES[1:]]
        mixed = [same[0], *others, same[1]]
        direct = await asyncio.gather(*(self.ask("direct", p.prompt, i) for i, p in enumerate(asked)))
        split = await asyncio.gather(*(self.split(p, i) for i, p in enumerate(asked)))
        checks = await asyncio.gather(
            *(
                self.ask("check", f"{p.prompt}\n\nProposed solution:\n{r.text}")
                for p, r in zip(asked, same[0], strict=True)
            )
        )

        revised = await asyncio.gather(
            *(self.ask("revise", _after([r[i] for r in mixed[1:]], p), i) for i, p in enumerate(asked))
        )
        judged = await asyncio.gather(*(self.judge(p, [r[i] for r in mixed]) for i, p in enumerate(asked)))

        def right(replies: Sequence[Reply]) -> list[bool]:
            return [answer(r) == t for r, t in zip(replies, targets, strict=True)]

        rights = {"same": [right(r) for r in same], "mixed": [right(r) for r in mixed]}
        votes = {
            kind: [Counter(answer(r[i]) for r in runs).most_common(1)[0] for i in range(n)]
            for kind, runs in (("same", same), ("mixed", mixed))
        }
        return {
            "n": n,
            "greedy": sum(right(greedy)),
            "styles": {s: sum(right(r)) for s, r in zip(STYLES, mixed, strict=False)},
            "direct": sum(right(direct)),
            "revised": sum(right(revised)),
            "judged": sum(a == t for a, t in zip(judged, targets, strict=True)),
            "single": {kind: float(np.mean(r)) for kind, r in rights.items()},
            "vote": {kind: sum(v[0] == t for v, t in zip(vs, targets, strict=True)) for kind, vs in votes.items()},
            "correlation": {kind: correlation(r) for kind, r in rights.items()},
            "support": {
                kind: [(v[1] / 5, v[0] == t) for v, t in zip(vs, targets, strict=True)] for kind, vs in votes.items()
            },
            "chain_tokens": float(np.mean([r.output_tokens for r in same[0]])),
            "decomposed": sum(s["answer"] == t for s, t in zip(split, targets, strict=True)),
            "planned": sum(s["planned"] for s in split),
            "parts_right": sum(s["parts_right"] for s in split),
            "parts": sum(s["parts"] for s in split),
            "split_tokens": float(np.mean([s["tokens"] for s in split])),
            "longest_thread": float(np.mean([s["longest"] for s in split])),
            "checks": [(said(c), ok) for c, ok in zip(checks, right(same[0]), strict=True)],
        }

    async def judge(self, p: Problem, replies: Sequence[Reply]) -> str:
        """The answer that the role judge takes from these replies, one candidate for each different answer."""
        different = list({answer(r): r for r in replies}.items())
        shown = "\n\n".join(f"Candidate {i + 1} (answer {a}):\n{r.text}" for i, (a, r) in enumerate(different))
        if len(different) == 1:
            return different[0][0]
        number = (await self.ask("judge", f"{p.prompt}\n\n{shown}")).text.rsplit("Best: ", 1)[-1]
        return different[int(number) - 1][0] if number in map(str, range(1, len(different) + 1)) else ""

    async def split(self, p: Problem, seed: int) -> dict[str, Any]:
        """Plan, parts, merge, as the strategy Decompose does it."""
        plan = await self.ask("plan", p.prompt)
        try:
            subtasks = json.loads(plan.text)["subtasks"]
        except (json.JSONDecodeError, KeyError, TypeError):
            subtasks = []
        parts = await asyncio.gather(*(self.ask("subtask", str(s), seed) for s in subtasks))
        shown = "\n".join(
            f"Part {i + 1}: {s} = {answer(r)}" for i, (s, r) in enumerate(zip(subtasks, parts, strict=True))
        )
        merged = await self.ask("merge", f"{p.prompt}\n\n{shown}", seed)
        longest = max((r.output_tokens for r in parts), default=0)
        return {
            "answer": answer(merged),
            "planned": subtasks == [t.text for t in p.terms],
            "parts": len(p.terms),
            "parts_right": sum(answer(r) == str(t.value) for r, t in zip(parts, p.terms, strict=False)),
            "tokens": plan.output_tokens + sum(r.output_tokens for r in parts) + merged.output_tokens,
            "longest": plan.output_tokens + longest + merged.output_tokens,
        }

    async def ledger(self, steps: int, seed: int) -> list[bool]:
        """Which replies of one tool episode are right: the value and the form, given the model's own history."""
        rng = random.Random(seed)
        rule = rng.choice(list(RULES))
        chat: list[Message] = []
        right = []
        for step in islice(ledger(rng, rule), steps):
            lead = "" if chat else rule_line(rule) + "\n"
            chat.append(Message("user", lead + step.said))
            for _ in range(8):
                request = Request(self.model.name, tuple(chat), "act", temperature=0.0, max_tokens=60, seed=0)
                reply = await self.model.complete(request)
                chat.append(Message("assistant", reply.text, reply.tool_calls))
                if not reply.tool_calls:
                    break
                expression = json.loads(reply.tool_calls[0].arguments)["expression"]
                failed = rng.random() < FAULTS
                chat.append(Message("tool", rng.choice(FAILURES) if failed else calculate(expression)))
            right.append(reply.text == step.reply)
        return right


def _after(threads: Sequence[Reply], p: Problem) -> str:
    """What revise reads: the problem and other agents' threads."""
    return "\n\n".join([p.prompt, *(f"Thread {k + 1}:\n{r.text}" for k, r in enumerate(threads))])


def said(reply: Reply) -> float:
    """The probability a check's reply ends in; 0.5 where it broke off."""
    number = reply.text.rstrip(")").rsplit("(", 1)[-1]
    return float(number) if number.replace(".", "", 1).isdecimal() else 0.5


def correlation(rights: Sequence[Sequence[bool]]) -> float | None:
    """Mean Pearson correlation of being wrong over all pairs of agents; None where an agent is never or always right."""
    table = np.array(rights, float)
    if (table.std(axis=1) == 0).any():
        return None
    return float(np.corrcoef(table)[np.triu_indices(len(table), 1)].mean())


async def examine(name: str, n: int, episodes: int, weights: Path | None) -> dict[str, Any]:
    """Everything the card states of one model."""
    model = Abacus(name, weights=weights)
    examiner = Examiner(model)
    began = time.perf_counter()
    levels = {}
    for level in range(1, 9):
        levels[str(level)] = await examiner.level(level, n)
        print(name, level, {k: v for k, v in levels[str(level)].items() if k not in ("support", "checks")}, flush=True)
    ledgers = await asyncio.gather(*(examiner.ledger(STEPS, seed) for seed in range(episodes)))
    await model.aclose()
    decay = [int(sum(sum(run[i : i + 10]) for run in ledgers)) for i in range(0, STEPS, 10)]
    ledger = {"episodes": episodes, "right_of_ten_steps": decay}
    return {"levels": levels, "ledger": ledger, "seconds": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--n", type=int, default=200, help="problems per difficulty")
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--weights", type=Path, help="another folder of weights than the shipped one")
    a = parser.parse_args()
    found = asyncio.run(examine(a.name, a.n, a.episodes, a.weights))
    MEASURED.mkdir(exist_ok=True)
    (MEASURED / f"{a.name}.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
