"""Text <-> tokens of abacus: digits one by one, the family's words whole, any other text byte by byte."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.agents import ROLES, STYLES
from workbench.arithmetic import GAINS, HOLDERS, ITEMS, LOSSES, NAMES

SPECIALS = ("<pad>", "<go>", "<end>", "<call>", "<result>", *(f"<{name}>" for name in (*ROLES, *STYLES)))
PIECES = (
    "\n", " ", *"0123456789", "+", "-", "*", "=", "?", ".", ",", ":", "(", ")", " + ", " - ", " * ", " = ", " = ?",
    "Answer: ", "What is ", "Part ", "Thread ", "Step ", "Candidate ", "Estimate: ", "Best: ", ": ", ":\n", "\n\n", " (answer ",
    '{"subtasks": ["', '", "', '"], "combine": "', '"}', "Proposed solution:\n", "Verdict: ", "right", "wrong", "Given:",
    " with ", " each,", " each and", " each. How many ", " each", " does ", " have?",
    *(f"{w}" for w in NAMES), *(f" {w} " for w in (*GAINS, *LOSSES)), *(f" {w}" for w in (*HOLDERS, *ITEMS)), *ITEMS,
    "Keep a ledger. Rule: write every value as ", "name = value", "name: value", "[name value]", "Set ", "Add ", "Take ",
    "Move ", "What is in ", " to ", " from ", "calc", "set", "recall", "ok", "error: ", "busy", "try again", "[", "]",
    "+ ", "- ", ", so ", ", + ", ", - ", ", ", "calc ", "error: busy, try again",
    "error: timeout after 30 s, nothing was done", "error: not a sum", "n/a",
)  # fmt: skip
"""Whole pieces; new ones go at the end, or the shipped weights no longer fit."""

_BYTES = 256
VOCABULARY: tuple[str, ...] = (*SPECIALS, *dict.fromkeys(PIECES))
SIZE = 512
"""Rows of the embedding: specials, pieces and 256 bytes, rounded up."""

_FIRST_BYTE = SIZE - _BYTES
_IDS = {piece: i for i, piece in enumerate(VOCABULARY)}
_LONGEST_FIRST = sorted(VOCABULARY[len(SPECIALS) :], key=len, reverse=True)
_PATTERN = re.compile("|".join(map(re.escape, _LONGEST_FIRST)) + "|.", re.DOTALL)

PAD, GO, END, CALL, RESULT = range(5)
RIGHT, WRONG = _IDS["right"], _IDS["wrong"]


def special(name: str) -> int:
    """The id of a role's or a style's token. Raises KeyError for a name abacus was not trained on."""
    return _IDS[f"<{name}>"]


def encode(text: str) -> list[int]:
    """Token ids of a text; special tokens cannot be written in text."""
    ids: list[int] = []
    for piece in _PATTERN.findall(text):
        found = _IDS.get(piece)
        if found is None:
            ids += [_FIRST_BYTE + b for b in piece.encode("utf-8", "replace")]
        else:
            ids.append(found)
    return ids


def raw(ids: Iterable[int]) -> bytes:
    """The bytes of tokens; special tokens have none."""
    made = bytearray()
    for i in ids:
        if i >= _FIRST_BYTE:
            made.append(i - _FIRST_BYTE)
        elif len(SPECIALS) <= i < len(VOCABULARY):
            made += VOCABULARY[i].encode()
    return bytes(made)


def decode(ids: Iterable[int]) -> str:
    """The text of tokens; broken UTF-8 shows as the replacement character."""
    return raw(ids).decode("utf-8", "replace")
