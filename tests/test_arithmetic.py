"""The built-in task family: right, graded, repeatable, and never what abacus was trained on."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from tools.abacus.samples import LENGTHS, MAKERS, problem
from workbench.arithmetic import HELD_OUT_SHARE, LEVELS, draw, expression, held_out, in_family, problems, totals
from workbench.errors import UsageError
from workbench.models.abacus.tokens import decode


@given(seed=st.integers(0, 10**6), level=st.sampled_from(sorted(LEVELS)))
@settings(max_examples=60, deadline=None)
def test_target_is_the_value_of_the_expression(seed: int, level: int) -> None:
    (found,) = problems(1, level, seed=seed)
    assert int(found.target) == eval(expression(found.terms))  # our own digits and operators
    assert min(totals(found.terms)) >= 0
    assert (len(found.terms), sum(t.b > 9 for t in found.terms)) == LEVELS[level]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_a_word_problem_says_every_number_in_order(seed: int) -> None:
    (found,) = problems(1, (1, 8), seed=seed, kind="words")
    numbers = [int(n) for n in re.findall(r"\d+", found.prompt)]
    assert numbers == [n for t in found.terms for n in (t.a, t.b)]
    assert found.prompt.endswith("have?")


def test_same_arguments_same_problems_and_another_seed_others() -> None:
    assert problems(40, (1, 8), seed=3) == problems(40, (1, 8), seed=3)
    prompts = [p.prompt for p in problems(300, (1, 8), seed=3)]
    assert len(set(prompts)) == len(prompts)
    assert not set(prompts[50:]) & {p.prompt for p in problems(300, (2, 8), seed=4)}


def test_every_given_problem_is_held_out() -> None:
    assert all(held_out(p.terms) for p in problems(400, (1, 8), seed=0))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_held_out_does_not_depend_on_order(seed: int) -> None:
    rng = random.Random(seed)
    terms = list(draw(rng, 4, 1))
    before = held_out(terms)
    rng.shuffle(terms)
    assert held_out(terms) == before


def test_training_never_poses_a_held_out_problem() -> None:
    rng = random.Random(5)
    assert not any(held_out(problem(rng, LENGTHS[kind])[0]) for _ in range(1000) for kind in LENGTHS)
    share = sum(held_out(draw(rng, 3, 1)) for _ in range(3000)) / 3000
    assert abs(share - HELD_OUT_SHARE) < 0.04  # held-out problems do exist in what it draws from


@pytest.mark.parametrize("role", sorted(MAKERS))
def test_no_role_of_the_training_asks_a_held_out_problem(role: str) -> None:
    rng = random.Random(role)
    asked = {
        p.prompt for level in (1, 2) for p in problems(60 if level == 1 else 300, level, seed=1, kind="expression")
    }
    for _ in range(400):
        ids, _ = MAKERS[role](rng, LENGTHS["short"])
        text = decode(ids)
        assert text.split("\n")[0] not in asked
        if role == "subtask":
            assert f"What is {text.removeprefix('What is ').rstrip('?')}?" not in asked


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_family_knows_its_own(seed: int) -> None:
    assert all(in_family(p.prompt) for p in problems(8, (1, 8), seed=seed))
    assert not any(map(in_family, ("Who wrote Faust?", "What is 3 + 4?", "", "What is 47 * 6? And why?")))


def test_load_tasks_gives_the_family() -> None:
    tasks = wb.load_tasks("arithmetic", n=12, difficulty=(2, 4), seed=1)
    assert [t.difficulty for t in tasks] == [2, 3, 4] * 4
    assert {t.category for t in tasks} <= {"words", "expression"}


@pytest.mark.parametrize("wrong", [{"difficulty": 9}, {"difficulty": (3, 2)}, {"kind": "proofs"}])
def test_wrong_arguments_name_what_is_allowed(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"8|expression"):
        problems(3, **wrong)  # type: ignore[arg-type]


def test_more_than_the_family_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="too few"):
        problems(2000, 1, kind="expression")
