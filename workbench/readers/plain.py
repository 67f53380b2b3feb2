"""Small readers of single values that foreign formats write in many ways: JSON in a text, times, numbers, ids."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import re
from typing import Any

import orjson

MAX_JSON = 64_000_000
_HEX = re.compile(r"[0-9a-f]+\Z")


def loads(text: str | bytes) -> Any:
    """The JSON value in a text, or None where it holds none."""
    if len(text) > MAX_JSON:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def dumps(value: Any) -> str:
    """Any plain value as JSON text; what JSON has no word for becomes a string."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, nested too deep
        text = json.dumps(value, default=str)
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def nanos(value: Any) -> int | None:
    """Nanoseconds since 1970 from an ISO text, a number of s, ms, µs or ns (told by its size), or [seconds, nanoseconds]."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and _finite(v) for v in value
        ):
            return _bounded(int(value[0]) * 10**9 + int(value[1]))
        return None
    if isinstance(value, str):
        text = value.strip()
        try:
            return nanos(float(text)) if "." in text else nanos(int(text))
        except ValueError:
            return _iso(text)
    if not isinstance(value, (int, float)) or not _finite(value):
        return None
    size = abs(value)
    scale = 10**9 if size < 1e11 else 10**6 if size < 1e14 else 10**3 if size < 1e17 else 1
    return _bounded(round(value * scale) if isinstance(value, float) else value * scale)


def _iso(text: str) -> int | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    whole = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return _bounded((whole.days * 86_400 + whole.seconds) * 10**9 + whole.microseconds * 1_000)


def _bounded(value: int) -> int | None:
    return value if 0 <= value < 2**63 else None


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def number(value: Any) -> float | None:
    """A finite number from a number or a text, else None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """A whole number that 64 bits hold, else None."""
    found = number(value)
    return int(found) if found is not None and abs(found) < 2**62 else None


def trace_id(key: object) -> str:
    """A trace id (32 hex digits) from a foreign id: itself where it is one already, else a digest of it."""
    return _id(key, 32)


def span_id(key: object) -> str:
    """A span id (16 hex digits) from a foreign id: itself where it is one already, else a digest of it."""
    return _id(key, 16)


def _id(key: object, digits: int) -> str:
    text = str(key).lower().removeprefix("0x")
    bare = text.replace("-", "")
    if len(bare) == digits and _HEX.match(bare) and bare.strip("0"):
        return bare
    digest = hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return digest if digest.strip("0") else "1" * digits


def text(value: Any, limit: int = 0) -> str | None:
    """A value as text (JSON where it is not one), cut at `limit` characters; None for nothing."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, str) else dumps(value)
    return found[:limit] if limit else found


def score(value: Any) -> float | None:
    """A score from 0 to 1 from a number, a boolean, or Inspect's letters (C, P, I, N)."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        letters = {
            "c": 1.0,
            "p": 0.5,
            "i": 0.0,
            "n": 0.0,
            "yes": 1.0,
            "no": 0.0,
            "true": 1.0,
            "false": 0.0,
            "correct": 1.0,
            "incorrect": 0.0,
            "pass": 1.0,
            "fail": 0.0,
        }
        if value.strip().lower() in letters:
            return letters[value.strip().lower()]
    return number(value)
