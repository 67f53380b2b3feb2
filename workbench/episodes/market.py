"""Market: the flights and hotels there are, fixed by a seed, and what they seemed to cost a while ago."""

from __future__ import annotations

import random
import re
from typing import Any

from workbench.episodes.tools import Refusal

CITIES = ("Athens", "Bergen", "Cadiz", "Dublin", "Essen", "Florence", "Gdansk", "Helsinki")
HOTELS = ("Anchor", "Bellevue", "Crown", "Dome", "Elm")


class Market:
    """What can be booked, on days 1 to 28."""

    def __init__(self, key: int) -> None:
        self._key = key

    def flights(self, origin: str, destination: str, day: int) -> list[dict[str, Any]]:
        """The cheapest first; fixed by the seed."""
        if origin not in CITIES or destination not in CITIES or origin == destination or not 1 <= day <= 28:
            raise Refusal(f"no flights are known from {origin} to {destination} on day {day}")
        rng = random.Random(f"{self._key}/{origin}/{destination}/{day}")
        number = len(CITIES) * CITIES.index(origin) + CITIES.index(destination) + 10
        codes = [f"{letter}{number}" for letter in rng.sample("KLMN", 4)]
        hours = rng.sample(range(6, 22), 4)
        prices = sorted(rng.sample(range(90, 520, 10), 4))
        found = zip(codes, hours, prices, strict=True)
        return [{"flight": c, "departs": f"{h:02d}:15", "price_eur": p, "to": destination} for c, h, p in found]

    def flight(self, code: str, day: int) -> dict[str, Any]:
        """One flight by its code. Raises Refusal where there is none."""
        if re.fullmatch(r"[KLMN]\d\d", code) and int(code[1:]) - 10 < len(CITIES) ** 2:
            origin, destination = (CITIES[i] for i in divmod(int(code[1:]) - 10, len(CITIES)))
            if origin != destination:
                return next(f for f in self.flights(origin, destination, day) if f["flight"] == code)
        raise Refusal(f"there is no flight {code} on day {day}")

    def hotels(self, city: str) -> list[dict[str, Any]]:
        """The cheapest first; fixed by the seed."""
        if city not in CITIES:
            raise Refusal(f"no hotels are known in {city}")
        rng = random.Random(f"{self._key}/{city}")
        names = rng.sample(HOTELS, 3)
        return [
            {"hotel": n, "price_eur": p} for n, p in zip(names, sorted(rng.sample(range(60, 240, 5), 3)), strict=True)
        ]


def by_time(flights: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The earliest first."""
    return sorted(flights, key=lambda f: str(f["departs"]))


def dearer(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The prices dealt out the other way round."""
    prices = [f["price_eur"] for f in found]
    turned = {p: q for p, q in zip(sorted(prices), sorted(prices, reverse=True), strict=True)}
    return [{**f, "price_eur": turned[f["price_eur"]]} for f in found]
