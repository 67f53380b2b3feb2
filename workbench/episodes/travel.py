"""Travel desk: flights and hotels under policies; several tools a request, of which some can be called at once."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from workbench.episodes.market import CITIES, Market, by_time, dearer
from workbench.episodes.rules import NEVER_SORRY, REFERENCE, SHORT
from workbench.episodes.tools import Refusal, Tool
from workbench.episodes.world import Act, Call, Request, Rule, World

NAMES = ("Ana", "Ben", "Chloe", "Dev", "Elif", "Femi", "Greta", "Hugo")
REMARKS = (
    "The weather has been odd lately.",
    "My train was late again this morning.",
    "Flight prices used to start at EUR 49.",
    "The lounge was crowded last week.",
)


class Travel(World):
    """A desk that books trips for a few travellers, each with a limit for what a flight may cost."""

    name: ClassVar[str] = "travel"
    brief: ClassVar[str] = (
        "You are the travel desk of a company. Handle one request after another with the tools; calls that do not need each "
        "other's results can be made at once. Every result of a search carries as_of, the number of the request it was made for: "
        "one with a lower number than the present request is old, so ask again. Prices are whole euros for one person. When a "
        "request is done, reply in a sentence that names booking codes, flight codes and prices where there are any."
    )

    def __init__(self, rng: random.Random, rules: int, distractors: int) -> None:
        super().__init__(rng, rules, distractors)
        self.market = Market(rng.getrandbits(32))
        self._limits = {name: rng.randrange(260, 420, 20) for name in rng.sample(NAMES, 5)}
        self.booked: dict[str, dict[str, Any]] = {}

    # -- tools ------------------------------------------------------------------------------------------------------------

    def tools(self) -> Sequence[Tool]:
        needed = [
            Tool(self.get_traveller, reads=True),
            Tool(self.find_flights, reads=True, stale=self._old_flights),
            Tool(self.find_hotels, reads=True, stale=self._old_hotels),
            Tool(self.book_flight),
            Tool(self.book_hotel),
            Tool(self.list_bookings, reads=True),
            Tool(self.cancel_booking),
        ]
        others = (self.find_trains, self.get_weather, self.rent_car, self.list_lounges, self.convert_currency)
        return needed + [Tool(t, reads=True) for t in others[: self.distractors]]

    def get_traveller(self, name: str) -> Any:
        """A traveller's profile: the most that a flight may cost."""
        self._known(name)
        return {"name": name, "flight_limit_eur": self._limits[name]}

    def find_flights(self, origin: str, destination: str, day: int) -> Any:
        """Flights from one city to another on a day (a number)."""
        return {"as_of": self.number, "flights": by_time(self.market.flights(origin, destination, day))}

    def find_hotels(self, city: str) -> Any:
        """Hotels in a city, with the price of a night."""
        return {"as_of": self.number, "hotels": sorted(self.market.hotels(city), key=lambda h: str(h["hotel"]))}

    def book_flight(self, traveller: str, flight: str, day: int) -> Any:
        """Book a flight by its code."""
        self._known(traveller)
        found = self.market.flight(flight, day)
        code = _flight_booking(traveller, flight, day)
        return self._book(code, traveller, f"flight {flight} to {found['to']}", found["price_eur"])

    def book_hotel(self, traveller: str, hotel: str, city: str, nights: int) -> Any:
        """Book a hotel by its name."""
        self._known(traveller)
        price = next((h["price_eur"] for h in self.market.hotels(city) if h["hotel"] == hotel), None)
        if price is None or nights < 1:
            raise Refusal(f"there is no hotel {hotel} in {city} for {nights} nights")
        code = f"{traveller[:2].upper()}-{hotel[0]}{city[:2].upper()}{nights}-{self.number}"
        return self._book(code, traveller, f"{nights} nights at {hotel}, {city}", price * nights)

    def list_bookings(self, traveller: str) -> Any:
        """All open bookings of a traveller."""
        self._known(traveller)
        return [{"booking": c, "what": b["what"], "price_eur": b["price"]} for c, b in self._of(traveller).items()]

    def cancel_booking(self, booking: str) -> Any:
        """Cancel a booking by its code."""
        if booking not in self.booked:
            raise Refusal(f"there is no open booking {booking}")
        del self.booked[booking]
        return {"cancelled": booking}

    def find_trains(self, origin: str, destination: str, day: int) -> Any:
        """Trains from one city to another on a day."""
        return {"as_of": self.number, "trains": []}

    def get_weather(self, city: str, day: int) -> Any:
        """The weather in a city on a day."""
        return {"city": city, "celsius": random.Random(f"{city}/{day}").randint(-5, 30)}

    def rent_car(self, city: str, days: int) -> Any:
        """What a car costs in a city."""
        return {"city": city, "price_eur": 40 * days}

    def list_lounges(self, city: str) -> Any:
        """Lounges at a city's airport."""
        return {"city": city, "lounges": ["North", "South"]}

    def convert_currency(self, amount: float, currency: str) -> Any:
        """An amount of euros in another currency."""
        return {"amount": round(amount * 1.08, 2), "currency": currency}

    # -- the work ---------------------------------------------------------------------------------------------------------

    def requests(self) -> Iterator[Request]:
        told: dict[str, str] = {}
        kinds: tuple[tuple[Callable[[str], Request | None], int], ...] = (
            (self._trip, 4),
            (self._price, 2),
            (self._cancel, 2),
            (self._total, 2),
        )
        while True:
            self.number += 1
            traveller = self.rng.choice(list(self._limits))
            if told and self.rng.random() < 0.3:
                who = self.rng.choice(list(told))
                text = f"What are the last four digits of {who}'s passport?"
                yield self._said(text, f"They are {told[who]}.", (told[who],), asks=f"passport of {who}")
                continue
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            made = kind(traveller) or self._trip(traveller)
            if len(told) < len(self._limits) and self.rng.random() < 0.4:
                who = self.rng.choice([n for n in self._limits if n not in told])
                told[who] = str(self.rng.randint(1000, 9999))
                fact = f"Please remember that {who}'s passport ends in {told[who]}. "
                made = replace(made, text=made.text.replace(": ", f": {fact}", 1), plants=(f"passport of {who}",))
            yield made

    def _trip(self, traveller: str) -> Request:
        while True:
            origin, city = self.rng.sample(CITIES, 2)
            day, nights = self.rng.randint(1, 28), self.rng.randint(1, 4)
            flight = self.market.flights(origin, city, day)[0]
            if _flight_booking(traveller, flight["flight"], day) not in self.booked:
                break
        reads = (
            Call("get_traveller", {"name": traveller}),
            Call("find_flights", {"origin": origin, "destination": city, "day": day}),
            Call("find_hotels", {"city": city}),
        )
        text = (
            f"Book {traveller} the cheapest flight from {origin} to {city} on day {day}, "
            f"and the cheapest hotel there for {nights} nights."
        )
        if flight["price_eur"] > self._limits[traveller] and "limit" in self.in_force:
            before = len(self._of(traveller))
            said = (
                f"I booked nothing: the cheapest flight costs EUR {flight['price_eur']}, over the limit of {traveller}."
            )
            return self._said(text, said, ("limit",), reads[:2], done=lambda world: len(world._of(traveller)) <= before)
        hotel = self.market.hotels(city)[0]["hotel"]
        made = self.book_flight(traveller, flight["flight"], day), self.book_hotel(traveller, hotel, city, nights)
        codes = tuple(m["booking"] for m in made)
        total = sum(m["price_eur"] for m in made)
        calls = (
            *reads,
            Call("book_flight", {"traveller": traveller, "flight": flight["flight"], "day": day}, after=(0, 1)),
            Call("book_hotel", {"traveller": traveller, "hotel": hotel, "city": city, "nights": nights}, after=(0, 2)),
        )
        said = f"Booked {codes[0]} and {codes[1]} for {traveller}, EUR {total} in all."
        return self._said(text, said, codes, calls, done=lambda world: all(c in world.booked for c in codes))

    def _price(self, traveller: str) -> Request:
        origin, city = self.rng.sample(CITIES, 2)
        day = self.rng.randint(1, 28)
        flight = self.market.flights(origin, city, day)[0]
        call = Call("find_flights", {"origin": origin, "destination": city, "day": day})
        text = f"Which is the cheapest flight from {origin} to {city} on day {day}, and what does it cost?"
        said = f"It is {flight['flight']} for EUR {flight['price_eur']}."
        return self._said(text, said, (flight["flight"], str(flight["price_eur"])), (call,))

    def _cancel(self, traveller: str) -> Request | None:
        flights = [c for c, b in self._of(traveller).items() if b["what"].startswith("flight")]
        if not flights:
            return None
        code = self.rng.choice(flights)
        what = self.booked[code]["what"]
        self.cancel_booking(code)
        calls = Call("list_bookings", {"traveller": traveller}), Call("cancel_booking", {"booking": code}, after=(0,))
        text = f"Please cancel {traveller}'s {what}."
        return self._said(text, f"{code} is cancelled.", (code,), calls, done=lambda world: code not in world.booked)

    def _total(self, traveller: str) -> Request | None:
        open_ = self._of(traveller)
        if not open_:
            return None
        total = str(sum(b["price"] for b in open_.values()))
        text = f"How many bookings are open for {traveller}, and what do they cost in all?"
        said = f"{traveller} has {len(open_)} open, EUR {total} in all."
        return self._said(text, said, (str(len(open_)), total), (Call("list_bookings", {"traveller": traveller}),))

    def _said(
        self,
        text: str,
        reply: str,
        says: tuple[str, ...],
        calls: tuple[Call, ...] = (),
        asks: str = "",
        done: Any = None,
    ) -> Request:
        remark = f"{self.rng.choice(REMARKS)} " if self.rng.random() < self.distractors / (self.distractors + 4) else ""
        ending = f" Ref {self.number}" if "reference" in self.in_force else ""
        return Request(
            f"Request {self.number}: {remark}{text}", reply + ending, says, calls=calls, asks=asks, done=done
        )

    # -- the world --------------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> None:
        if name not in self._limits:
            raise Refusal(f"there is no traveller {name}; there are {', '.join(self._limits)}")

    def over_limit(self, arguments: Mapping[str, Any]) -> bool:
        """Whether this call of book_flight would pass the traveller's limit."""
        try:
            price = self.market.flight(str(arguments.get("flight")), int(arguments.get("day", 0)))["price_eur"]
        except (Refusal, ValueError, TypeError):
            return False  # no such flight: nothing is booked
        return bool(price > self._limits.get(str(arguments.get("traveller")), price))

    def _of(self, traveller: str) -> dict[str, dict[str, Any]]:
        return {c: b for c, b in self.booked.items() if b["traveller"] == traveller}

    def _book(self, code: str, traveller: str, what: str, price: int) -> Any:
        if code in self.booked:
            raise Refusal(f"that is booked already, as {code}")
        self.booked[code] = {"traveller": traveller, "what": what, "price": price}
        return {"booking": code, "price_eur": price}

    def _old_flights(self, origin: str, destination: str, day: int) -> Any:
        """As it was a request ago, when other flights were cheap."""
        return {"as_of": self.number - 1, "flights": dearer(by_time(self.market.flights(origin, destination, day)))}

    def _old_hotels(self, city: str) -> Any:
        return {"as_of": self.number - 1, "hotels": dearer(self.market.hotels(city)[::-1])}

    # -- rules ------------------------------------------------------------------------------------------------------------

    @classmethod
    def all_rules(cls) -> Sequence[Rule]:
        return (
            Rule(
                "limit",
                "Book no flight that costs more than the traveller's limit; say that it is over the limit.",
                _over,
            ),
            Rule("profile_first", "Look a traveller up before you book for them, in the same request.", _unseen),
            REFERENCE,
            Rule("eur", "Write every price as EUR and the number, such as EUR 240.", _not_eur),
            SHORT,
            NEVER_SORRY,
        )


def _flight_booking(traveller: str, flight: str, day: int) -> str:
    return f"{traveller[:2].upper()}-{flight}-{day}"


def _over(act: Act) -> bool | None:
    """A flight over the limit is booked."""
    flights = [a for tool, a in act.calls if tool == "book_flight" and a is not None]
    return any(act.world.over_limit(a) for a in flights) if flights else None


def _unseen(act: Act) -> bool | None:
    """Something is booked for a traveller nobody looked up in this request."""
    who = [a.get("traveller") for tool, a in act.calls if tool in ("book_flight", "book_hotel") and a is not None]
    return not all(act.did("get_traveller", name=name) for name in who) if who else None


def _not_eur(act: Act) -> bool | None:
    """A price is written otherwise; a reply without prices is not asked."""
    if act.calls:
        return None
    if re.search(r"[€$]|\d\s*(?:EUR|euros?)\b", act.text):
        return True
    return False if "EUR" in act.text else None
