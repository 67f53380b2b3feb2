"""Graders: what counts as an answer, which answers are the same, which are right."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.grading import GRADERS, grader, grader_for, marked, to_number
from workbench.tasks import Task


def score(name: str, text: str, target: str, choices: tuple[str, ...] = ()) -> float | None:
    task = Task("1", "?", target, choices=choices)
    g = grader(name)
    return g.score(g.read(text, task), task)


@pytest.mark.parametrize(
    ("text", "target", "right"),
    [
        ("12 * 3 = 36\nAnswer: 36", "36", 1),
        ("The answer is $1,234.50.", "1234.5", 1),
        ("so x = 5\n#### -7", "-7", 1),
        ("\\boxed{\\frac12} hmm 0.5", "0.5", 0),  # the box is no plain number; its last number is 12
        ("first 3, then 4", "4", 1),
        ("Answer: 1/2", "0.5", 1),
        ("Answer: .5", "0.5", 1),
        ("Answer: 50%", "1/2", 1),
        ("Answer: −3", "-3", 1),
        ("no number at all", "3", 0),
        ("Answer: 36 apples", "36", 1),
    ],
)
def test_numeric(text: str, target: str, right: int) -> None:
    assert score("numeric", text, target) == right


@pytest.mark.parametrize(
    ("text", "target", "right"),
    [
        ("Answer: (B)", "B", 1),
        ("The answer is C.", "B", 0),
        ("Answer: a pear", "B", 1),
        ("I think it is (D) because A is wrong... Answer: A", "A", 1),
        ("nothing", "A", 0),
    ],
)
def test_choice(text: str, target: str, right: int) -> None:
    assert score("choice", text, target, ("an apple", "a pear", "a plum", "a fig")) == right


@pytest.mark.parametrize(
    ("text", "target", "right"),
    [
        ("so \\boxed{\\frac{1}{2}}", "0.5", 1),
        ("\\boxed{p - q}", "p-q", 1),
        ("\\boxed{x^2+2x+1}", "(x+1)^2", 1),
        ("\\boxed{(3, \\frac{\\pi}{2})}", "\\left( 3, \\frac{\\pi}{2} \\right)", 1),
        ("\\boxed{7}", "8", 0),
    ],
)
def test_math(text: str, target: str, right: int) -> None:
    assert score("math", text, target) == right


def test_math_groups_equal_forms() -> None:
    g = GRADERS["math"]
    assert g.same("1/2", "0.5") and g.same("\\frac{1}{2}", "0.5") and not g.same("1/2", "2") and not g.same(None, None)


def test_exact_ignores_case_and_space_only() -> None:
    assert score("exact", "Answer:  Paris ", "paris") == 1 and score("exact", "Answer: Pari", "Paris") == 0


def test_the_last_marked_answer_counts() -> None:
    assert marked("Answer: 1\nno wait\nAnswer: 2") == "2"
    assert marked("\\boxed{\\frac{a}{b}} and text") == "\\frac{a}{b}"
    assert marked("nothing marked") is None and marked("\\boxed{never closed") is None


def test_a_task_without_target_is_not_scored() -> None:
    assert all(g.score("5", Task("1", "?")) is None for g in GRADERS.values())


def test_the_grader_is_chosen_by_the_tasks() -> None:
    assert grader_for([Task("1", "?", "5"), Task("2", "?", "1/2")]).name == "numeric"
    assert grader_for([Task("1", "?", "A", choices=("x", "y"))]).name == "choice"
    assert grader_for([Task("1", "?", "\\frac12")]).name == "math"
    assert grader_for([Task("1", "?", "Paris")]).name == "exact"


def test_an_unknown_grader_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="'numeric'"):
        grader("numerik")


@given(st.text(max_size=200))
def test_reading_any_text_gives_an_answer_that_equals_itself(text: str) -> None:
    task = Task("1", "?", "5", choices=("x", "y"))
    for name in ("exact", "numeric", "choice", "recorded"):
        g = GRADERS[name]
        answer = g.read(text, task)
        assert answer is None or g.same(answer, answer)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_a_number_is_read_back_exactly(top: int, bottom: int) -> None:
    assert to_number(f"{top}/{bottom}") == Fraction(top, bottom)
    assert to_number(f"{top:,}") == top
    assert to_number("1e999999999") is None
