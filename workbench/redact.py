"""Keys never reach a file: what looks like one, or is one of this machine's, is struck out of everything that is written."""

from __future__ import annotations

import os
import re
from collections.abc import Collection

MASK = b"[redacted]"
_NAMED = re.compile(r"(?:API_?KEY|_KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:bearer|basic|token)\s+", re.IGNORECASE)
_CALLED = rb"(?i:api[_-]?key|authorization|secret[_-](?:access[_-])?key|client[_-]secret|(?:access|auth)[_-]token)"
_NAME = (
    rb'(%b(?:\\*["\'])?\s*[:=]\s*(?:\[?\\*["\'])?)(?!\s)(?!\[redacted\])(?:(?i:basic|token)\s+)?[^\s"\',}\\]{8,}'
    % _CALLED
)
_ATTRIBUTE = (  # the same names as the key of an OTLP attribute, with one text or a list of one text
    rb'("key":\s*"[^"]*%b","value":\s*\{(?:"arrayValue":\{"values":\[\{)?"stringValue":\s*")(?!\[redacted\])(?:[^"\\]|\\.)+'
    % _CALLED
)
_SHAPES: dict[bytes, re.Pattern[bytes]] = {
    hint: re.compile(shape)
    for hint, shape in {
        b"sk-": rb"(?<![A-Za-z])sk-[A-Za-z0-9_\-]{16,}",
        b"bearer": rb"(?i:bearer)\s+[A-Za-z0-9._~+/\-]{8,}=*",
        b"akia": rb"AKIA[0-9A-Z]{16}",
        b"aiza": rb"AIza[0-9A-Za-z_\-]{30,}",
        b"hf_": rb"hf_[A-Za-z0-9]{30,}",
        **dict.fromkeys((b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), rb"gh[pousr]_[A-Za-z0-9]{30,}"),
        b"xox": rb"xox[abprs]-[A-Za-z0-9-]{10,}",
        b"eyj": rb"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{5,}",
        **dict.fromkeys(
            (
                b"api_key",
                b"api-key",
                b"apikey",
                b"authorization",
                b"secret",
                b"access_token",
                b"auth_token",
                b"access-token",
            ),
            rb"%b|%b" % (_ATTRIBUTE, _NAME),
        ),
    }.items()
}
"""Hint (lower case) -> shape: the shape is looked for only where its hint stands, which keeps a span under a microsecond."""


def _masked(found: re.Match[bytes]) -> bytes:
    """The mask, after the secret's name where there is one: what is JSON stays JSON."""
    return (found[found.lastindex] if found.lastindex else b"") + MASK


class Redactor:
    """Strikes secrets out of bytes. Knows the environment's keys at the moment it is made, and any `extra` ones."""

    def __init__(self, extra: Collection[str] = ()) -> None:
        known = {v for n, v in os.environ.items() if _NAMED.search(n) and len(v) >= 8}
        bare = (_SCHEME.sub("", secret) for secret in extra)  # a header's value, with and without its scheme
        known.update(s for s in (*extra, *bare) if len(s) >= 8)
        # longest first, so that a key that contains another goes whole
        self._known = [s.encode() for s in sorted(known, key=len, reverse=True)]

    def __call__(self, line: bytes) -> bytes:
        """The same bytes without secrets."""
        for secret in self._known:
            if secret in line:
                line = line.replace(secret, MASK)
        lower = line.lower()
        for hint, shape in _SHAPES.items():
            if hint in lower:
                line = shape.sub(_masked, line)
        return line

    def suspects(self, data: bytes) -> bool:
        """False where nothing in `data` could be a secret: one look instead of one per text."""
        lower = data.lower()
        return any(secret in data for secret in self._known) or any(hint in lower for hint in _SHAPES)

    def text(self, text: str) -> str:
        """The same text without secrets."""
        return self(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
