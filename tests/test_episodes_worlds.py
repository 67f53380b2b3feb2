"""Environments: the same seed is the same episode, a perfect actor is perfect in all of them, and what goes wrong is by order."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.agents import Reply, ToolCall
from workbench.episodes import (
    ENVIRONMENTS,
    Act,
    Call,
    Episode,
    Faults,
    Refusal,
    Request,
    Rule,
    Setup,
    Tool,
    World,
    environment,
)
from workbench.episodes.world import call_key, holds
from workbench.errors import UsageError


def played(setup: Setup, seed: int) -> tuple[Episode, list[str], Counter[str | None], list[str]]:
    """A perfect actor's episode: all that was said, the faults it met, and the rules it broke."""
    episode, said, met, broken = Episode(setup, seed), [], Counter(), []
    while (request := episode.next_request()) is not None:
        said.append(f"user: {request.text}")
        while episode.open:
            reply = episode.perfect()
            heard = episode.judge(reply)
            broken += [name for name, violated in heard.broken if violated]
            assert episode.fits(reply)
            for call in reply.tool_calls:
                outcome = episode.call(call.name, call.arguments)
                assert outcome.error == (outcome.fault if outcome.text.startswith("error: ") else None)
                met[outcome.fault] += 1
                said.append(f"{call.name}({call.arguments}) -> {outcome.text}")
            said += [] if reply.tool_calls else [f"assistant: {reply.text}"]
            episode.hear(heard)
    return episode, said, met, broken


def setup_of(name: str, steps: int = 60, rate: float = 0.3, rules: int | None = None, distractors: int = 0) -> Setup:
    world = environment(name)
    return Setup(world, steps, Faults(rate), len(world.all_rules()) if rules is None else rules, distractors)


@given(
    st.sampled_from(sorted(ENVIRONMENTS)),
    st.integers(0, 10_000),
    st.integers(1, 80),
    st.sampled_from((0.0, 0.15, 0.5)),
    st.integers(0, 5),
    st.integers(0, 6),
)
@settings(max_examples=30, deadline=None)
def test_a_perfect_actor_is_perfect(
    name: str, seed: int, steps: int, rate: float, rules: int, distractors: int
) -> None:
    episode, said, met, broken = played(setup_of(name, steps, rate, rules, distractors), seed)
    assert episode.points == f"{len(episode.requests)} of {len(episode.requests)} requests right" and not broken
    assert steps <= sum(r.steps for r in episode.requests) < steps + max(r.steps for r in episode.requests)
    assert set(met) <= {None} if rate == 0 else True
    assert played(episode.setup, seed)[1] == said


def test_the_same_seed_is_the_same_episode_in_another_process() -> None:
    code = (
        "from tests.test_episodes_worlds import *\n"
        "print(hashlib.sha256(json.dumps([played(setup_of(n, distractors=3), 7)[1] for n in ENVIRONMENTS]).encode()).hexdigest())"
    )
    own = [played(setup_of(n, distractors=3), 7)[1] for n in ENVIRONMENTS]
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": "5"}, check=True
    )
    assert found.stdout.strip() == hashlib.sha256(json.dumps(own).encode()).hexdigest()
    assert played(setup_of("travel"), 8)[1] != played(setup_of("travel"), 9)[1]


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_faults_come_as_often_as_asked_and_are_of_the_kinds_asked_for(name: str) -> None:
    met: Counter[str | None] = Counter()
    for seed in range(12):
        met += played(setup_of(name, 120, 0.2), seed)[2]
    assert 0.15 < 1 - met[None] / met.total() < 0.25
    assert {"timeout", "error", "wrong_type"} <= set(met)
    assert ("stale" in met, "down" in met) == (name != "ledger", name == "repair")
    only = Setup(environment(name), 120, Faults(0.2, ("timeout",)), 0, 0)
    assert set(played(only, 3)[2]) == {None, "timeout"}


def test_a_fault_passes_or_there_is_a_way_around() -> None:
    episode = Episode(Setup(environment("repair"), 400, Faults(0.4, ("down",)), 0, 0), 1)
    around = 0
    while episode.next_request() is not None:
        while episode.open:
            reply = episode.perfect()
            heard = episode.judge(reply)
            for call in reply.tool_calls:
                outcome = episode.call(call.name, call.arguments)
                if outcome.fault == "down":
                    told = outcome.text.removeprefix(f"error: {call.name} is out of service today; use ")
                    assert told in [c.tool for c in episode.wanted()]
                    assert episode.call(call.name, call.arguments).fault == "down"  # trying again does not help
                    around += 1
            episode.hear(heard)
    assert around > 3 and all(episode.handled)


def test_silent_faults_can_be_seen_and_do_harm() -> None:
    """A stale result carries an older number; whoever books by it books the wrong flight."""
    setup = Setup(environment("travel"), 300, Faults(0.9, ("stale",)), 0, 0)
    seen = 0
    for seed in range(4):
        episode = Episode(setup, seed)
        while episode.next_request() is not None and episode.number < 8:
            for call in [c for c in episode.wanted() if c.tool == "find_flights"]:
                text = json.dumps(dict(call.arguments))
                old = episode.call(call.tool, text)
                assert old.fault == "stale" and json.loads(old.text)["as_of"] == episode.number - 1
                assert call.key in {c.key for c in episode.wanted()}  # it is still to be asked
                new = episode.world.find_flights(**call.arguments)  # type: ignore[attr-defined]
                cheapest = [
                    min(found["flights"], key=lambda f: f["price_eur"])["flight"]
                    for found in (json.loads(old.text), new)
                ]
                assert cheapest[0] != cheapest[1] and new["as_of"] == episode.number
                seen += 1
            episode.open = False
    assert seen > 5


def test_wrong_calls_are_told_apart() -> None:
    episode = Episode(setup_of("repair", rate=0.0), 0)
    episode.next_request()
    assert episode.call("inspekt", "{}").error == "unknown_tool"
    for wrong in ("{not json", "[]", '{"machine": 3}', "{}", '{"machine": "saw", "loud": true}', '{"machine": true}'):
        assert episode.call("inspect", wrong).error == "invalid_arguments", wrong
    assert episode.call("inspect", '{"machine": "toaster"}').error == "refused"
    wanted = episode.wanted()
    assert episode.expected("inspect", "{}") == next(c for c in wanted if c.tool == "inspect")
    assert episode.expected("order", '{"part": "P-1", "quantity": 1}') == wanted[0]


def test_what_can_be_made_at_once_waits_for_what_it_needs() -> None:
    setup = setup_of("travel", rate=0.0)
    episode = next(
        e for e in (Episode(setup, s) for s in range(9)) if any(c.tool == "book_hotel" for c in e.requests[0].calls)
    )
    episode.next_request()
    assert [c.tool for c in episode.wanted()] == ["get_traveller", "find_flights", "find_hotels"]
    for call in (episode.wanted()[0], episode.wanted()[2]):
        episode.call(call.tool, json.dumps(dict(call.arguments)))
    assert [c.tool for c in episode.wanted()] == ["find_flights", "book_hotel"]


def test_a_request_that_is_never_answered_is_taken_away() -> None:
    episode = Episode(setup_of("repair", 10, 0.0), 0)
    asked = 0
    while episode.next_request() is not None:
        while episode.open:
            call = Reply("", tool_calls=(ToolCall("1", "oil", "{}"),))
            heard = episode.judge(call)
            episode.hear(heard)
            asked += 1
    assert asked == sum(3 * r.steps + 3 for r in episode.requests) and not any(episode.handled)


# -- rules ------------------------------------------------------------------------------------------------------------


def judged(episode: Episode, tool: str = "", text: str = "", **arguments: object) -> dict[str, bool]:
    calls = (ToolCall("1", tool, json.dumps(arguments)),) if tool else ()
    return dict(episode.judge(Reply(text, tool_calls=calls)).broken)


def test_the_rules_of_the_travel_desk() -> None:
    episode = Episode(setup_of("travel", rate=0.0), 3)
    episode.next_request()
    assert judged(episode, text="Done. Ref 1") == {"reference": False, "short": False, "never_sorry": False}
    assert judged(episode, text="Sorry, EUR 20 or €30. Ref 2")["reference"]
    assert judged(episode, text="Sorry, EUR 20 or €30. Ref 1") == {
        "reference": False, "eur": True, "short": False, "never_sorry": True,
    }  # fmt: skip
    assert judged(episode, text="word " * 50 + "Ref 1")["short"]
    world = episode.world
    name, limit = next(iter(world._limits.items()))  # type: ignore[attr-defined]
    flights = [world.market.flights("Athens", "Essen", d)[-1] for d in range(1, 29)]  # type: ignore[attr-defined]
    day = next(d for d, f in enumerate(flights, 1) if f["price_eur"] > limit)
    booking = {"traveller": name, "flight": flights[day - 1]["flight"], "day": day}
    assert judged(episode, "book_flight", **booking) == {"limit": True, "profile_first": True}
    episode.call("get_traveller", json.dumps({"name": name}))
    assert judged(episode, "book_flight", **booking) == {"limit": True, "profile_first": False}


def test_the_rules_of_the_repair_shop() -> None:
    episode = Episode(setup_of("repair", rate=0.0), 3)
    episode.next_request()
    world = episode.world
    part = next(p for p, n in world.count.items() if n)  # type: ignore[attr-defined]
    assert judged(episode, "install", machine="saw", part=part) == {"off": True, "stock_first": True}
    assert judged(episode, "order", part=part, quantity=1) == {"stock_first": True, "order_one": True}
    episode.call("stock", json.dumps({"part": part}))
    episode.call("switch", json.dumps({"machine": "saw", "on": False}))
    assert judged(episode, "install", machine="saw", part=part) == {"off": False, "stock_first": False}
    assert judged(episode, "test", machine="saw") == {"off": True}
    both = [("switch", {"machine": "saw", "on": True}), ("test", {"machine": "saw"})]
    calls = tuple(ToolCall(str(i), tool, json.dumps(a)) for i, (tool, a) in enumerate(both))
    assert dict(episode.judge(Reply("", tool_calls=calls)).broken) == {"off": False}  # in their order


def test_the_rules_of_the_ledger() -> None:
    episode = Episode(setup_of("ledger", rate=0.0), 0)
    request = episode.next_request()
    assert request is not None and episode.world.form in request.text  # type: ignore[attr-defined]
    good = request.reply
    assert judged(episode, text=good) == {"form": False, "only_values": False, "short": False, "never_sorry": False}
    name, value = request.text.split("Set ")[1].rstrip(".").split(" to ")
    told = judged(episode, text=f"The value of {name} is now {value}.")
    assert told["form"] and told["only_values"] and episode.request.right(f"The value of {name} is now {value}.")
    assert not episode.request.right(f"{name} = {int(value) + 1}")


# -- one's own --------------------------------------------------------------------------------------------------------


class Counter_(World):
    """Counts up when told to."""

    name: ClassVar[str] = "counter"
    brief: ClassVar[str] = "Count."

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        super().__init__(rng, rules, distractors)
        self.count = 0

    def tools(self) -> Sequence[Tool]:
        return (Tool(self.add),)

    def add(self, n: int) -> int:
        """Add to the count."""
        if n < 1:
            raise Refusal("only upwards")
        self.count += n
        return self.count

    def requests(self) -> Iterator[Request]:
        while True:
            n = self.rng.randint(1, 9)
            self.count += n
            total = self.count
            call = Call("add", {"n": n})
            yield Request(
                f"Add {n}.", f"It is {total}.", (str(total),), calls=(call,), done=lambda w, t=total: w.count == t
            )

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        return (Rule("quiet", "Do not shout.", _shouts),)


def _shouts(act: Act) -> bool | None:
    return None if act.calls else "!" in act.text


def test_an_environment_of_ones_own_works_like_the_others() -> None:
    setup = Setup(environment(Counter_), 40, Faults(0.3), 1, 0)
    episode, said, met, broken = played(setup, 0)
    assert all(episode.handled) and not broken and met["timeout"] and "user: Add" in said[0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: environment("ledgr"), "did you mean 'ledger'"),
        (lambda: environment(3), "an environment is a name or a subclass of World"),  # type: ignore[arg-type]
        (lambda: Setup(environment("travel"), steps=0), "steps must be a whole number from 1"),
        (lambda: Setup(environment("travel"), rules=7), "rules must be a whole number from 0 to 6 in 'travel', got 7"),
        (lambda: Faults(1.0), "the fault rate must be at least 0 and less than 1"),
        (lambda: Faults(0.1, ("late",)), "unknown fault 'late'"),
        (lambda: Tool(lambda x: x, reads=True) and Tool(_listed), "argument x must be one of str, int, float, bool"),
    ],
)
def test_wrong_settings_are_named(wrong: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        wrong()  # type: ignore[operator]


def _listed(x: list) -> None:  # type: ignore[type-arg]
    """Takes a list."""


def test_what_means_the_same_has_one_key() -> None:
    assert (
        call_key("a", {"x": 5.0, "y": " b  c "})
        == call_key("a", {"y": "b c", "x": 5})
        != call_key("a", {"x": 5, "y": "b"})
    )
    assert (
        holds("It costs EUR 1,200.", "1200")
        and not holds("It costs 12000.", "1200")
        and not holds("It is 1200.5", "1200")
    )
    assert holds("part P-204, ref 3", "p-204") and not holds("part P-2045", "P-204")
