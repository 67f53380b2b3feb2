"""Grader: what an answer is, when two answers are the same, and whether one is right."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.errors import UsageError, unknown

if TYPE_CHECKING:
    from workbench.tasks import Task

_MARKED = re.compile(
    r"(?:####|(?:final\s+)?answer\s*(?:is)?\s*[:=]|(?:final\s+)?answer\s+is)\s*(.+?)\s*(?:$|\n)", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+−]?\$?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*/\s*\d+(?:\.\d+)?)?%?")
_LETTER = re.compile(r"(?<![A-Za-z])\(?([A-Z])\)?(?![A-Za-z])")


@dataclass(frozen=True)
class Grader:
    """How answers are read, grouped and scored.

    `read(text, task)` takes the answer out of a model's text (None: there is none); `key(answer)` is the same for answers that
    mean the same, so that votes on 1/2 and 0.5 count together; `score(answer, task)` is 0..1, None where nothing is known.
    """

    name: str
    read: Callable[[str, Task | None], str | None]
    key: Callable[[str], Hashable]
    score: Callable[[str | None, Task], float | None]

    def same(self, one: str | None, other: str | None) -> bool:
        """Whether two answers mean the same; no answer equals nothing, not even another none."""
        return one is not None and other is not None and self.key(one) == self.key(other)


def marked(text: str) -> str | None:
    """The answer a text marks as such: the last \\boxed{…}, else the last "Answer: …" or "#### …", else None."""
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    found = _MARKED.findall(text)
    return found[-1].strip().strip("*").strip() or None if found else None


def _boxed(text: str) -> str | None:
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed{")
    for i in range(begin - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[begin:i].strip()
    return None


def _last_line(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None


def _read_exact(text: str, task: Task | None) -> str | None:
    return marked(text) or _last_line(text)


def _plain(answer: str) -> str:
    return re.sub(r"\s+", " ", answer).strip().strip(".").casefold()


@lru_cache(maxsize=50_000)
def to_number(text: str) -> Fraction | None:
    """The number a text is (`1,234`, `$5`, `50%`, `1/2`, `−3`), exactly; None if it is none or more than one."""
    found = _NUMBER.fullmatch(text.strip().rstrip(".").strip())
    if not found:
        return None
    raw = re.sub(r"[,\s$]", "", found.group().replace("−", "-"))
    percent, raw = raw.endswith("%"), raw.rstrip("%")
    exponent = re.search(r"[eE]([-+]?\d+)$", raw)
    if exponent and abs(int(exponent.group(1))) > 400:  # a hostile 1e999999999 would fill the memory
        return None
    try:
        if "/" in raw:
            top, bottom = raw.split("/")
            value = Fraction(top) / Fraction(bottom)
        else:
            value = Fraction(raw)
    except (ValueError, ZeroDivisionError):
        return None
    return value / 100 if percent else value


def _read_number(text: str, task: Task | None) -> str | None:
    said = marked(text)
    for place in (said, text if said is None else None):
        if place is None:
            continue
        if to_number(place) is not None:
            return place.strip()
        found = _NUMBER.findall(place)
        if found:
            return str(found[-1]).strip()
    return None


def _number_key(answer: str) -> Hashable:
    value = to_number(answer)
    return value if value is not None else _plain(answer)


def _read_choice(text: str, task: Task | None) -> str | None:
    said = marked(text)
    choices = task.choices if task else ()
    place = said if said is not None else text
    stripped = place.strip()
    for i, choice in enumerate(choices):
        if _plain(stripped) == _plain(choice):
            return chr(ord("A") + i)
    letters = [m for m in _LETTER.findall(place) if not choices or ord(m) - ord("A") < len(choices)]
    if letters:
        return str(letters[0] if said is not None else letters[-1])
    return None


@lru_cache(maxsize=50_000)
def _parse_math(answer: str) -> tuple[object, ...]:
    from math_verify import parse

    text = answer if "\\boxed" in answer or "$" in answer else f"${answer}$"
    # math-verify's own timeout is a signal alarm, which only the main thread may set
    limit = 3 if threading.current_thread() is threading.main_thread() else None
    return tuple(parse(text, parsing_timeout=limit))


def _read_math(text: str, task: Task | None) -> str | None:
    said = marked(text)
    if said is not None:
        return said
    found = _parse_math(text[-2000:])
    return str(found[-1]) if found else None


def _math_key(answer: str) -> Hashable:
    number = to_number(answer)
    if number is not None:
        return number
    parsed = _parse_math(answer[:2000])
    for value in parsed:
        if not isinstance(value, str):
            # a fraction or a decimal written in TeX is the number it is; anything else keeps its canonical form
            exact = to_number(str(value))
            return exact if exact is not None else str(value)
    return _plain(answer)


def _score_by_key(key: Callable[[str], Hashable]) -> Callable[[str | None, Task], float | None]:
    def score(answer: str | None, task: Task) -> float | None:
        if task.target is None:
            return None
        return float(answer is not None and key(answer) == key(task.target))

    return score


def _score_math(answer: str | None, task: Task) -> float | None:
    if task.target is None or answer is None:
        return None if task.target is None else 0.0
    if _math_key(answer) == _math_key(task.target):
        return 1.0
    from math_verify import verify

    limit = 3 if threading.current_thread() is threading.main_thread() else None
    return float(verify(list(_parse_math(task.target)), list(_parse_math(answer)), timeout_seconds=limit))


def _score_choice(answer: str | None, task: Task) -> float | None:
    if task.target is None:
        return None
    target = _read_choice(task.target, task) or task.target
    return float(answer is not None and answer.strip().upper() == target.strip().upper())


def _expression(answer: str) -> str:
    return re.sub(r"\s+", "", answer).split("=")[0].strip(".").casefold()


def _score_recorded(answer: str | None, task: Task) -> float | None:
    graded = task.extra.get("graded")
    if not isinstance(graded, Mapping) or answer is None:
        return 0.0 if isinstance(graded, Mapping) else None
    judged = graded.get(_expression(answer))
    return None if judged is None else float(judged)


_CODE = re.compile(r"[\w.-]*\d[\w.-]*")
_POINTS = re.compile(r"(\d+) of (\d+) requests right")


def _action_key(action: str) -> Hashable:
    """Actions are the same where tools and arguments are; replies, where they name the same numbers and codes."""
    kind, _, said = action.partition(": ")
    codes = tuple(c.strip(".-").casefold() for c in _CODE.findall(said)) if kind == "say" else ()
    return (kind, codes) if codes else _plain(action)


def _score_points(answer: str | None, task: Task) -> float | None:
    points = _POINTS.fullmatch(answer or "")
    return int(points.group(1)) / max(1, int(points.group(2))) if points else None


GRADERS: Mapping[str, Grader] = {
    "exact": Grader("exact", _read_exact, _plain, _score_by_key(_plain)),
    "numeric": Grader("numeric", _read_number, _number_key, _score_by_key(_number_key)),
    "choice": Grader("choice", _read_choice, lambda a: a.strip().upper(), _score_choice),
    "math": Grader("math", _read_math, _math_key, _score_math),
    "recorded": Grader("recorded", _read_exact, _expression, _score_recorded),
    "episode": Grader("episode", lambda text, task: text.strip() or None, _action_key, _score_points),
}
"""`recorded` believes the judgement that came with recorded samples (`Task.extra['graded']`: answer -> right or wrong);
`episode` groups actions of long tasks (`do: tool(arguments)`, `say: text`) and reads the points that a program counted."""


def grader(name: str) -> Grader:
    """The grader of that name. Raises UsageError with the nearest names.

    >>> wb.grader("math").key("1/2") == wb.grader("math").key("0.5")
    True
    """
    if name not in GRADERS:
        raise unknown("grader", name, GRADERS)
    return GRADERS[name]


def grader_for(tasks: list[Task]) -> Grader:
    """The grader that fits these tasks: recorded judgements, choices, numbers, TeX, else exact text."""
    if not tasks:
        raise UsageError("no tasks to choose a grader for")
    if all("graded" in t.extra for t in tasks):
        return GRADERS["recorded"]
    if all(t.choices for t in tasks):
        return GRADERS["choice"]
    targets = [t.target for t in tasks if t.target is not None]
    if targets and all(to_number(t) is not None for t in targets):
        return GRADERS["numeric"]
    if targets and all(re.fullmatch(r"\(?[A-Z]\)?", t.strip()) for t in targets):
        return GRADERS["choice"]
    if any("\\" in t or "^" in t or "$" in t for t in targets):
        return GRADERS["math"]
    return GRADERS["exact"]
