"""Ledger: values kept over many requests, with a calculator for every sum and a rule of form; what the offline model can do."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from workbench.arithmetic import ITEMS
from workbench.episodes.rules import NEVER_SORRY, SHORT
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World
from workbench.ledger import RULES, Step, calculate, ledger, rule_line

NAMES = 5
"""How many values a ledger has; distractors are more of them."""

_WORD = re.compile(r"[a-z]+|-?[0-9]{1,12}(?![0-9])")


class Ledger(World):
    """A few named values that are set, changed and asked for; the ledger stands nowhere but in the chat."""

    name: ClassVar[str] = "ledger"
    brief: ClassVar[str] = (
        "You keep a ledger of named values. After each request reply with the values it changed or asks for, one a line, in the "
        "form that the first request sets, and nothing else. Use the tool calc for every sum."
    )

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        super().__init__(rng, rules, distractors)
        self.form = rng.choice(list(RULES))

    def tools(self) -> Sequence[Tool]:
        return (Tool(self.calc, reads=True),)

    def calc(self, expression: str) -> Any:
        """The sum or the difference of two whole numbers, such as 12 + 7."""
        found = calculate(expression)
        if found.startswith("error: "):
            raise Refusal(found.removeprefix("error: "))
        return int(found)

    def requests(self) -> Iterator[Request]:
        for step in ledger(self.rng, self.form, min(len(ITEMS), NAMES + self.distractors)):
            self.number += 1
            yield self._asked(step)

    def _asked(self, step: Step) -> Request:
        lead = f"{rule_line(self.form)}\n" if self.number == 1 else ""
        calls = tuple(Call("calc", {"expression": expression}) for expression, _ in step.sums)
        recall = step.kind == "recall"
        return Request(
            lead + step.said,
            step.reply,
            check=_Says(values(step.reply)),
            calls=calls,
            plants=() if recall else step.names,
            asks=step.names[0] if recall else "",
        )

    def digest_requests(self, told: Sequence[Request]) -> Sequence[str]:
        return [f"What is in {name}?" for name in dict.fromkeys(name for request in told for name in request.plants)]

    def resume(self, digest: str) -> Sequence[tuple[str, str]]:
        chat: list[tuple[str, str]] = []
        for name, value in values(digest).items():
            lead = "" if chat else f"{rule_line(self.form)}\n"
            chat += ("user", f"{lead}Set {name} to {value}."), ("assistant", RULES[self.form].format(name, value))
        return chat or [("user", rule_line(self.form)), ("assistant", "The ledger is empty.")]

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        return (
            Rule("form", "Write every value in the form that the first request sets, one a line.", _otherwise),
            Rule("only_values", "Reply with values only, without any other words.", _words),
            Rule("calc", "Use calc for every sum.", _in_the_head),
            SHORT,
            NEVER_SORRY,
        )


def values(text: str) -> dict[str, int]:
    """The values that a text gives under their names, in whatever form: for each the last number before the next name."""
    found: dict[str, int] = {}
    name = ""
    for word in _WORD.findall(text.casefold()):
        if word in ITEMS:
            name = word
        elif name and word.lstrip("-").isdigit():
            found[name] = int(word)
    return found


class _Says:
    """Whether a reply gives every one of these values."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        self._wanted = wanted

    def __call__(self, said: str) -> bool:
        return self._wanted.items() <= values(said).items()


def _otherwise(act: Act) -> bool | None:
    """A line that is no value in the form asked for."""
    if act.calls:
        return None
    form = re.escape(RULES[act.world.form].format("NAME", "VALUE")).replace("NAME", r"\w+").replace("VALUE", r"-?\d+")
    return not all(re.fullmatch(form, line.strip()) for line in act.text.strip().splitlines() or [""])


def _words(act: Act) -> bool | None:
    """More words than the values' names."""
    return None if act.calls else len(re.findall(r"[^\W\d_]+", act.text)) > len(act.text.strip().splitlines())


def _in_the_head(act: Act) -> bool | None:
    """A reply where a sum was due and not every one was calculated."""
    due = len(act.request.calls)
    return None if act.calls or not due else sum(c.tool == "calc" for c in act.before) < due
