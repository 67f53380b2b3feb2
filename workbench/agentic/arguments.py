"""Arguments: JSON texts of tool calls in one form, so that equal calls compare equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd

from workbench.frames.lineage import Flags, Rows


@dataclass(frozen=True)
class Form:
    """Per row of each column: is it a JSON object (`good`), and a number equal for equal arguments (`code`; -1 for nothing)."""

    good: Flags
    code: Rows


def canonical(*columns: Any) -> list[Form]:
    """The form of JSON texts in several columns of one length: keys in any order, 1.0 as 1, an empty text as no arguments.

    A text that is no JSON is equal only to itself. Missing texts have no form.
    """
    place, unique = pd.factorize(pd.concat(columns, ignore_index=True))
    formed = [_form(text) for text in np.asarray(unique, dtype=object)]
    texts: dict[str, int] = {}
    number = np.array([*(texts.setdefault(text, len(texts)) for text, _ in formed), -1], dtype=np.int64)
    good = np.array([*(ok for _, ok in formed), False])
    codes, flags = np.split(number[place], len(columns)), np.split(good[place], len(columns))
    return [Form(flag, code) for flag, code in zip(flags, codes, strict=True)]


def _form(text: str) -> tuple[str, bool]:
    if not text.strip():
        return "{}", True
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text, False
    if b"." in (written := orjson.dumps(value, option=orjson.OPT_SORT_KEYS)):
        written = orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    return written.decode(), type(value) is dict


def _plain(value: Any) -> Any:
    """Whole numbers as integers, all the way down."""
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if type(value) is dict:
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if type(value) is list else value
