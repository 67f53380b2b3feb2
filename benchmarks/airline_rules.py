"""Rules of tau-bench's airline policy that a program can check: plug-in functions `(step, before) -> bool | None` on steps.

Each reads only what the agent had been told before (profiles, reservations, the user's words), so that a true is a violation
the agent could have seen; where a fact is not known the rule says nothing. They are floors, not the whole policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.agentic.keeping import Step

CHANGES = ("book_reservation", "update_reservation_flights", "update_reservation_baggages", "update_reservation_passengers",
           "cancel_reservation")  # fmt: skip
NOW = "2024-05-15T15:00:00"  # of the policy
_YES = re.compile(
    r"\b(yes|yeah|yep|sure|confirm\w*|proceed|go ahead|please do|correct|okay|ok|sounds good|that works|agree\w*)\b",
    re.I,
)
_AIRLINE_CANCELLED = re.compile(
    r"airline.{0,40}cancel|flight (was|has been|is|got|being) cancel|cancel+ed flight", re.I | re.S
)
_FREE_BAGS = {
    "regular": {"basic_economy": 0, "economy": 1, "business": 2},
    "silver": {"basic_economy": 1, "economy": 2, "business": 3},
    "gold": {"basic_economy": 2, "economy": 3, "business": 3},
}


def one_call_at_a_time(step: Step, before: Sequence[Step]) -> bool | None:
    """ "You should only make one tool call at a time"."""
    return (
        bool(before) and before[-1].kind == "tool" and before[-1].batch == step.batch if step.kind == "tool" else None
    )


def no_words_beside_a_call(step: Step, before: Sequence[Step]) -> bool | None:
    """ "if you make a tool call, you should not respond to the user simultaneously"."""
    return bool(step.said.strip()) if step.kind == "tool" else None


def confirmed_before_a_change(step: Step, before: Sequence[Step]) -> bool | None:
    """ "obtain explicit user confirmation (yes)" before the database is changed: the user's last words hold some yes."""
    return _YES.search(_last_heard(step, before)) is None if step.tool in CHANGES else None


def looked_up_before_a_change(step: Step, before: Sequence[Step]) -> bool | None:
    """ "the agent must make sure the rules apply before calling the API": the reservation's details were read before."""
    if step.tool not in CHANGES[1:]:
        return None
    return _reservation(step, before) is None


def at_most_five_passengers(step: Step, before: Sequence[Step]) -> bool | None:
    """ "Each reservation can have at most five passengers"."""
    return len(_list(step.arguments.get("passengers"))) > 5 if step.tool == "book_reservation" else None


def payment_methods_within_limits(step: Step, before: Sequence[Step]) -> bool | None:
    """ "at most one travel certificate, at most one credit card, and at most three gift cards"."""
    if step.tool != "book_reservation":
        return None
    paid = [str(p.get("payment_id")) for p in _list(step.arguments.get("payment_methods")) if isinstance(p, dict)]
    count = {kind: sum(p.startswith(kind) for p in paid) for kind in ("certificate", "credit_card", "gift_card")}
    return count["certificate"] > 1 or count["credit_card"] > 1 or count["gift_card"] > 3


def payment_is_in_the_profile(step: Step, before: Sequence[Step]) -> bool | None:
    """ "All payment methods must already be in user profile"."""
    known = {p for user in _users(before) for p in _dict(user.get("payment_methods"))}
    listed = [p.get("payment_id") for p in _list(step.arguments.get("payment_methods")) if isinstance(p, dict)]
    used = [p for p in [*listed, step.arguments.get("payment_id")] if p]
    return any(p not in known for p in used) if step.tool in CHANGES and used and known else None


def basic_economy_flights_are_kept(step: Step, before: Sequence[Step]) -> bool | None:
    """ "Basic economy flights cannot be modified" (the cabin can)."""
    booked = _reservation(step, before) if step.tool == "update_reservation_flights" else None
    if booked is None or booked.get("cabin") != "basic_economy":
        return None
    return _flights(step.arguments) != _flights(booked)


def route_is_kept(step: Step, before: Sequence[Step]) -> bool | None:
    """ "without changing the origin, destination, and trip type": told by the flights in the call's own result."""
    booked = _reservation(step, before) if step.tool == "update_reservation_flights" else None
    after = [
        f
        for f in _list(_dict(step.result).get("flights"))
        if isinstance(f, dict) and "origin" in f and "destination" in f
    ]
    if booked is None or not after:
        return None
    ends = after[-1]["destination"]
    home = booked.get("origin") if booked.get("flight_type") == "round_trip" else booked.get("destination")
    through = {f["destination"] for f in after}
    return after[0]["origin"] != booked.get("origin") or ends != home or booked.get("destination") not in through


def cancelling_is_allowed(step: Step, before: Sequence[Step]) -> bool | None:
    """Only within 24 hours, in business, insured, or where the airline cancelled; and nothing of the trip flown yet."""
    booked = _reservation(step, before) if step.tool == "cancel_reservation" else None
    if booked is None:
        return None
    flown = any(str(f.get("date")) < NOW[:10] for f in _list(booked.get("flights")) if isinstance(f, dict))
    fresh = str(booked.get("created_at")) >= "2024-05-14T15:00:00"
    if flown or not (fresh or booked.get("cabin") == "business" or booked.get("insurance") == "yes"):
        said = " ".join(s.heard for s in (*before, step))
        return None if not flown and _AIRLINE_CANCELLED.search(said) else True
    return False


def bags_are_only_added(step: Step, before: Sequence[Step]) -> bool | None:
    """ "The user can add but not remove checked bags"."""
    booked = _reservation(step, before) if step.tool == "update_reservation_baggages" else None
    if booked is None:
        return None
    return _number(step.arguments.get("total_baggages")) < _number(booked.get("total_baggages"))


def passenger_count_is_kept(step: Step, before: Sequence[Step]) -> bool | None:
    """ "can modify passengers but cannot modify the number of passengers"."""
    booked = _reservation(step, before) if step.tool == "update_reservation_passengers" else None
    if booked is None:
        return None
    return len(_list(step.arguments.get("passengers"))) != len(_list(booked.get("passengers")))


def free_bags_are_counted_right(step: Step, before: Sequence[Step]) -> bool | None:
    """Bags beyond the free ones of membership and cabin are paid for, and no others."""
    user = next((u for u in _users(before) if step.tool == "book_reservation" and _is_of(u, step)), None)
    free = _FREE_BAGS.get(str((user or {}).get("membership")), {}).get(str(step.arguments.get("cabin")))
    if free is None:
        return None
    allowed = free * len(_list(step.arguments.get("passengers")))
    paid = max(0, _number(step.arguments.get("total_baggages")) - allowed)
    return _number(step.arguments.get("nonfree_baggages")) != paid


def certificates_only_for_the_entitled(step: Step, before: Sequence[Step]) -> bool | None:
    """Silver, gold, insured or business only; 50 or 100 dollars for each passenger of a reservation that was looked at."""
    if step.tool != "send_certificate":
        return None
    users, booked = list(_users(before)), list(_reservations(before))
    if not users or not booked:
        return None
    amounts = {each * len(_list(r.get("passengers"))) for each in (50, 100) for r in booked}
    entitled = users[-1].get("membership") in ("silver", "gold")
    entitled |= any(r.get("insurance") == "yes" or r.get("cabin") == "business" for r in booked)
    return not entitled or _number(step.arguments.get("amount")) not in amounts


RULES = (
    one_call_at_a_time, no_words_beside_a_call, confirmed_before_a_change, looked_up_before_a_change, at_most_five_passengers,
    payment_methods_within_limits, payment_is_in_the_profile, basic_economy_flights_are_kept, route_is_kept,
    cancelling_is_allowed, bags_are_only_added, passenger_count_is_kept, free_bags_are_counted_right,
    certificates_only_for_the_entitled,
)  # fmt: skip


def _last_heard(step: Step, before: Sequence[Step]) -> str:
    return step.heard or next((s.heard for s in reversed(before) if s.heard), "")


def _reservations(before: Sequence[Step]) -> Iterator[dict[str, Any]]:
    """Reservations as results told them, the latest last."""
    for step in before:
        if isinstance(step.result, dict) and "reservation_id" in step.result:
            yield step.result


def _reservation(step: Step, before: Sequence[Step]) -> dict[str, Any] | None:
    wanted = step.arguments.get("reservation_id")
    found = [r for r in _reservations(before) if r["reservation_id"] == wanted]
    return found[-1] if found else None


def _users(before: Sequence[Step]) -> Iterator[dict[str, Any]]:
    return (s.result for s in before if s.tool == "get_user_details" and isinstance(s.result, dict))


def _is_of(user: dict[str, Any], step: Step) -> bool:
    names = _dict(user.get("name"))
    return str(names.get("first_name")).lower() in str(step.arguments.get("user_id")).lower()


def _flights(of: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(
        (str(f.get("flight_number")), str(f.get("date"))) for f in _list(of.get("flights")) if isinstance(f, dict)
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
