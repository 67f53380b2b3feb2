"""What abacus is trained on: chains that are right in every style, checks in another one, rows as they are at run time."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.abacus.chains import fold, work
from tools.abacus.ledger import episode
from tools.abacus.samples import FINISH, MAKERS, ROLES, sample, wrong
from tools.abacus.stream import CYCLE, SHAPES, WARM_STEPS, Stream
from workbench.agents import STYLES, Message, ToolCall
from workbench.arithmetic import draw, held_out, total
from workbench.ledger import RULES, ledger, rule_line
from workbench.models.abacus.formats import ACT_WINDOW, prompt
from workbench.models.abacus.tokens import SIZE, decode
from workbench.models.base import Request

SEEDS = st.integers(0, 10**6)


def _terms(seed: int) -> tuple:  # type: ignore[type-arg]
    rng = random.Random(seed)
    n = rng.randint(1, 8)
    return draw(rng, n, rng.randint(0, n))


@given(seed=SEEDS, style=st.sampled_from(STYLES))
@settings(max_examples=200, deadline=None)
def test_every_style_comes_to_the_right_answer(seed: int, style: str) -> None:
    terms = _terms(seed)
    assert work(terms, style).answer == str(total(terms))
    for line in work(terms, style).lines[:-1]:
        _equations_hold(line)


def _equations_hold(line: str) -> None:
    """`+ 47 * 63 = 2820 + 141 = 2961, 715 + 2961 = 3676`: all sides of an equation have one value."""
    for part in line.split(", "):
        if " = " in part:
            sides = {eval(side) for side in part.removeprefix("+ ").removeprefix("- ").split(" = ")}  # our own digits
            assert len(sides) == 1


@given(seed=SEEDS)
@settings(max_examples=100, deadline=None)
def test_parts_are_folded_to_the_answer(seed: int) -> None:
    terms = _terms(seed)
    values: list[int | None] = [t.value for t in terms]
    values[seed % len(terms)] = None  # is worked out
    assert fold(terms, values).answer == str(total(terms))


@given(seed=SEEDS, style=st.sampled_from(STYLES))
@settings(max_examples=100, deadline=None)
def test_a_wrong_solution_is_wrong_somewhere(seed: int, style: str) -> None:
    terms = _terms(seed)
    assert wrong(random.Random(seed), terms, style).lines != work(terms, style).lines


def test_a_check_works_again_in_another_style_and_compares() -> None:
    rng = random.Random(0)
    verdicts = set()
    for _ in range(300):
        ids, reply = MAKERS["check"](rng, (0.2, 0.4, 0.4))
        *lines, verdict = reply.split("\n")
        shown = decode(ids).split("Proposed solution:\n")[1].split("\n")
        verdicts.add(verdict)
        for line in lines[:-1]:
            _equations_hold(line)
        assert (lines[-1] == shown[-1]) == (verdict == "Verdict: right")
    assert verdicts == {"Verdict: right", "Verdict: wrong"}


def test_a_judge_works_again_and_names_the_candidate_that_agrees() -> None:
    rng = random.Random(0)
    for _ in range(100):
        ids, reply = MAKERS["judge"](rng, (0.2, 0.4, 0.4))
        *_, answer, best = reply.split("\n")
        shown = decode(ids).split(f"Candidate {best.removeprefix('Best: ')} (answer ")[1]
        assert shown.startswith(answer.removeprefix("Answer: ") + ")")


def test_a_merge_reads_the_results_it_is_given() -> None:
    rng = random.Random(0)
    told = 0
    for _ in range(100):
        ids, reply = MAKERS["merge"](rng, (0.2, 0.4, 0.4))
        for part in decode(ids).split("\n\n")[1].split("\n"):
            sum_ = part.split(": ")[1]
            told += eval(sum_.replace("=", "==").replace("?", "-1")) is False  # our own digits
            assert sum_.endswith("?") or sum_ in reply
    assert told > 15  # a tenth is not what the sum comes to


def test_an_episode_is_trained_as_it_is_read_at_run_time() -> None:
    """The same chat, through `formats` and through the training's rows: token by token."""
    for seed in range(30):
        rng = random.Random(seed)
        ids, mask = episode(rng)
        assert len(ids) <= ACT_WINDOW + 40 and max(ids) < SIZE and len(mask) == len(ids)
        again = random.Random(seed)
        rule = again.choice(list(RULES))
        steps = list(islice(ledger(again, rule, again.randint(2, 7)), again.choice((6, 12, 24, 40, 40, 60, 90, 120))))
        chat: list[Message] = []
        for step in steps:
            lead = "" if chat else rule_line(rule) + "\n"
            chat.append(Message("user", lead + step.said))
            for number, (text, result) in enumerate(step.sums):
                call = ToolCall(f"c{number}", "calc", f'{{"expression": "{text}"}}')
                chat += [Message("assistant", "", (call,)), Message("tool", result, tool_call_id=call.id)]
            chat.append(Message("assistant", step.reply))
        said, cut = prompt(Request("abacus-s", tuple(chat), "act"))
        assert not cut and len(said) <= ACT_WINDOW + 40
        if again.choice((0.0, 0.1, 0.2, 0.3)) == 0.0:  # no faults were drawn: the rows are the same
            assert said == ids


@pytest.mark.parametrize("kind", sorted(ROLES))
def test_samples_learn_replies_only(kind: str) -> None:
    rng = random.Random(kind)
    for i in range(60):
        ids, mask = sample(rng, kind, (ROLES, FINISH)[i % 2])
        assert len(ids) == len(mask) and sum(mask) > 0 and mask[0] == 0


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    step = WARM_STEPS + CYCLE.index("middle")
    first, again, other = (Stream(seed).batch(step) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()
    rows, length = SHAPES["middle"]
    assert first[0].shape == (rows, length + 1)
    ids, learn, parts = first
    assert ((parts > 0) >= (learn > 0)).all() and (ids[parts == 0] == 0).all()


def test_training_problems_are_not_held_out() -> None:
    rng = random.Random(1)
    assert sum(held_out(draw(rng, 3, 1)) for _ in range(400)) > 20  # there are some to be left out
