# ruff: noqa: E501 (its text is Markdown, written as it will be read)
"""Write MODEL_CARD.md from what was measured and from the weights' provenance: python -m tools.abacus.card"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tools.abacus.examine import FAULTS, MEASURED, SEED, STEPS, auroc
from tools.abacus.samples import FINISH, LENGTHS, MERGED, ROLES
from tools.abacus.stream import CYCLE, SHAPES, WARM_STEPS
from workbench.agents import STYLES
from workbench.arithmetic import HELD_OUT_SHARE, LEVELS

WEIGHTS = Path(__file__).parents[2] / "workbench" / "models" / "abacus" / "weights"
NOTES = Path(__file__).parent / "notes.md"
"""What a person has to say about the shipped training run; everything else in the card is computed."""


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, p = 1.96, right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), (middle + half) / (1 + z * z / n)


def share(right: int, n: int) -> str:
    """`85 [76, 91]` in percent."""
    low, high = wilson(right, n)
    return f"{100 * right / n:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(r)} |" for r in [head, ["---"] * len(head), *rows])


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def of_model(name: str, known: dict[str, Any], found: dict[str, Any]) -> str:
    levels = found["levels"]
    n = levels["1"]["n"]
    accuracy = table(
        ["difficulty", "chain, greedy", *(f"{s}, T = 1" for s in STYLES), "direct", "decomposed", "plan right", "parts right",
         "revised", "judged"],
        [
            [d, share(v["greedy"], n), *(share(v["styles"][s], n) for s in STYLES), share(v["direct"], n),
             share(v["decomposed"], n), share(v["planned"], n), share(v["parts_right"], v["parts"]),
             share(v["revised"], n) if "revised" in v else "–", share(v["judged"], n) if "judged" in v else "–"]
            for d, v in levels.items()
        ],
    )  # fmt: skip
    voting = table(
        ["difficulty", "one of five alike", "vote of five alike", "gain", "error correlation", "one of five mixed",
         "best style alone", "vote of five mixed", "gain over their mean", "gain over the best style", "error correlation, mixed"],
        [
            [d, f"{100 * v['single']['same']:.0f}", share(v["vote"]["same"], n),
             f"{100 * (v['vote']['same'] / n - v['single']['same']):+.0f}", number(v["correlation"]["same"]),
             f"{100 * v['single']['mixed']:.0f}", share(max(v["styles"].values()), n), share(v["vote"]["mixed"], n),
             f"{100 * (v['vote']['mixed'] / n - v['single']['mixed']):+.0f}",
             f"{100 * (v['vote']['mixed'] - max(v['styles'].values())) / n:+.0f}", number(v["correlation"]["mixed"])]
            for d, v in levels.items()
        ],
    )  # fmt: skip
    cost = table(
        ["difficulty", "chain right", "chain tokens", "decomposed right", "all tokens", "compute multiple", "longest thread (tokens)"],
        [
            [d, share(v["styles"][STYLES[0]], n), f"{v['chain_tokens']:.0f}", share(v["decomposed"], n), f"{v['split_tokens']:.0f}",
             f"{v['split_tokens'] / v['chain_tokens']:.1f}", f"{v['longest_thread']:.0f}"]
            for d, v in levels.items()
        ],
    )  # fmt: skip
    scores = []
    for kind in ("same", "mixed"):
        pairs = [tuple(p) for v in levels.values() for p in v["support"][kind]]
        each = [
            auroc([x for x, _ in v["support"][kind]], [ok for _, ok in v["support"][kind]]) for v in levels.values()
        ]
        known_each = [x for x in each if x is not None]
        within = sum(known_each) / len(known_each)
        scores.append(
            f"{number(within)} within one difficulty (mean), {number(auroc([p[0] for p in pairs], [p[1] for p in pairs]))} ({'alike' if kind == 'same' else kind})"
        )
    checks = [tuple(c) for d, v in levels.items() if d in "3456" for c in v["checks"]]
    checked = auroc([c[0] for c in checks], [c[1] for c in checks])
    ledger, episodes = found["ledger"]["right_of_ten_steps"], found["ledger"]["episodes"]
    decay = table(
        [f"steps {i * 10 + 1}–{i * 10 + 10}" for i in range(len(ledger))],
        [[share(right, 10 * episodes) for right in ledger]],
    )
    return f"""## {name}

{known["parameters"]:,} parameters (width {known["width"]}, {known["layers"]} layers, {known["heads"]} heads), {known["step"]:,} steps, seed \
{known["seed"]}. Percent right of {n} held-out problems per difficulty, 95 % Wilson intervals in brackets.

{accuracy}

"Revised": left to right, after reading the other four of the mixed five below. "Judged": the answer taken from all five of them.

**Voting.** Five agents of one style (left to right, five seeds) and five of mixed styles (all four, left to right twice), T = 1, points:

{voting}

"One of five" is the mean of the five voters; the best style is picked after the fact, which favours it.

**Agreement predicts being right**: AUROC of the vote's support over one difficulty and over all together: {"; ".join(scores)}.
**Check**: AUROC of its probability on the model's own left-to-right chains of difficulty 3–6: {number(checked)}.

**Decomposition against the chain** (plan, every part by its own thread, merge; longest thread = plan + longest part + merge):

{cost}

**Ledger**: replies right in value and form, {episodes} episodes of {STEPS} steps, greedy, the calculator fails in {100 * FAULTS:.0f} % of calls:

{decay}
"""


def main() -> None:
    known = json.loads((WEIGHTS / "provenance.json").read_text())
    parts = [
        of_model(n, known[n], json.loads((MEASURED / f"{n}.json").read_text())) for n in sorted(known, reverse=True)
    ]
    levels = ", ".join(
        f"{d}: {n} terms" + (f" ({h} with two two-digit factors)" if h else "") for d, (n, h) in LEVELS.items()
    )
    mixes = table(
        ["part", "rows of tokens", "share of steps", "roles", "terms 1, 2 … 8"],
        [
            [part, f"{rows} x {length}", f"{100 * CYCLE.count(kind) / len(CYCLE):.0f} %",
             ", ".join(f"{role} {s:.0f} %" for role, s in mix[kind].items()),
             ", ".join(f"{100 * s:.0f} %" for s in LENGTHS[kind])]
            for part, mix in (("first", ROLES), ("last", FINISH))
            for kind, (rows, length) in SHAPES.items()
        ],
    )  # fmt: skip
    text = f"""# abacus-s and abacus-m

Two tiny transformers trained from scratch for the workbench, so that parallel reasoning can be measured offline. This card is written by
`python -m tools.abacus.card` from `tools/abacus/measured/`, which `python -m tools.abacus.examine NAME` makes; no figure is typed by hand.

**What they know**: the task family `workbench.arithmetic` (sums and differences of products, as expressions and short word problems) in the
roles direct, solve (four styles), plan, subtask, merge, check, revise, judge, and ledger episodes with a calculator (act).
**What they cannot do**: anything else. Any other prompt gets fluent nonsense of the same family. They read no system text.
Of a long ledger they see the rule and the newest 640 tokens, about 30 steps (`docs/decisions/abacus_ledger.md`).

**Data**: generated by `tools/abacus/samples.py`, seeded; no outside data. The first {WARM_STEPS} steps take short rows only, the others these:

{mixes}

Plans and merges in rows of 384 and 768 tokens have {", ".join(f"{100 * s:.0f} %" for s in MERGED)} of 1, 2 … 8 terms.

**Held out**: {100 * HELD_OUT_SHARE:.0f} % of all problems, by a hash of their operands in any order; `load_tasks("arithmetic")` gives only those and no role
is trained on one (`tests/test_arithmetic.py`). Within larger problems the same single products do occur: for difficulty 1 the problem is
new, the product as a step is not. Measured on problems of seed {SEED}.
**Difficulty**: {levels}.
**Precision**: fp16 weights, fp32 arithmetic. Default temperature 1 (plan, check, judge, act: greedy).

{NOTES.read_text().strip()}

{chr(10).join(parts)}"""
    (WEIGHTS / "MODEL_CARD.md").write_text(text)


if __name__ == "__main__":
    main()
