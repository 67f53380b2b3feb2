"""Keys never reach a file: what looks like one, or is one of this machine's, is struck out of everything that is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

MASK = b"[redacted]"
_NAMED = re.compile(r"(?:API_?KEY|_KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)
_SHAPES = re.compile(
    rb"sk-[A-Za-z0-9_\-]{16,}"
    rb"|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{8,}=*"
    rb"|AKIA[0-9A-Z]{16}"
    rb"|AIza[0-9A-Za-z_\-]{30,}"
    rb"|gh[pousr]_[A-Za-z0-9]{30,}"
    rb"|hf_[A-Za-z0-9]{30,}"
    rb"|xox[abprs]-[A-Za-z0-9-]{10,}"
    rb"|eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{5,}"
    rb'|(?i:(?:x-)?api[_-]?key|authorization)(?:\\*["\'])?\s*[:=]\s*(?:\\*["\'])?(?!\s)(?!\[redacted\])[^\s"\',}\\]{8,}'
)


class Redactor:
    """Strikes secrets out of bytes. Knows the environment's keys at the moment it is made, and any `extra` ones."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        known = {v for n, v in os.environ.items() if _NAMED.search(n) and len(v) >= 8}
        known.update(s for s in extra if len(s) >= 8)
        # longest first, so that a key that contains another goes whole
        self._known = [s.encode() for s in sorted(known, key=len, reverse=True)]

    def __call__(self, line: bytes) -> bytes:
        """The same bytes without secrets."""
        for secret in self._known:
            if secret in line:
                line = line.replace(secret, MASK)
        return _SHAPES.sub(MASK, line)

    def text(self, text: str) -> str:
        """The same text without secrets."""
        return self(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
