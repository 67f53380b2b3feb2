"""Rules of form that any environment can have; a program sees them broken."""

from __future__ import annotations

import re

from workbench.episodes.world import Act, Rule

MOST_WORDS = 40


def _no_reference(act: Act) -> bool | None:
    return None if act.calls else re.search(rf"\bRef {act.number}\W*$", act.text.strip()) is None


def _long(act: Act) -> bool | None:
    return None if act.calls else len(act.text.split()) > MOST_WORDS


def _sorry(act: Act) -> bool | None:
    return None if act.calls else re.search(r"\b(sorry|apolog\w+|regret\w*)\b", act.text, re.IGNORECASE) is not None


REFERENCE = Rule("reference", 'End every reply with "Ref N", where N is the number of the request.', _no_reference)
SHORT = Rule("short", f"Use no more than {MOST_WORDS} words in a reply.", _long)
NEVER_SORRY = Rule("never_sorry", "Never apologise.", _sorry)
