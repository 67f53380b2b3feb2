"""Edits of a trace file that keep it readable (JSON, JSON lines, a zip of them), and samples made small as seeds."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, -(2**63), 10**40, 1e308, -0.5, "", " ", "x", "0", "-1", "1e999", "NaN", [], {}, [[]],
    [None], {"": None}, [{}], "\ud800", "\x00", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00-14:00",
    "a" * 300, "{", "[1", '{"role": "user"}', '[{"role":"user","content":"x"}]', "attachment://x", float("nan"), 10**18, "ERROR",
]  # fmt: skip


def small(data: bytes, limit: int) -> list[bytes]:
    """Seeds of at most `limit` bytes from one sample: whole documents with their long lists and texts cut."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:2] == b"PK":
        return [data] if len(data) <= limit else []
    found = []
    for rows in _parts(data):
        for texts, elements in ((400, 12), (100, 5), (40, 3), (20, 2)):
            cut = b"\n".join(json.dumps(_cut(row, texts, elements)).encode() for row in rows)
            if len(cut) <= limit:
                found.append(cut)
                break
    return found


def _parts(data: bytes) -> list[list[Any]]:
    try:
        return [[json.loads(data)]]
    except ValueError:
        rows = [json.loads(line) for line in data.splitlines() if line.strip()]
        return [rows[:1], rows[:30], rows[-3:]]


def _cut(value: Any, texts: int, elements: int) -> Any:
    if isinstance(value, str):
        return value[:texts]
    if isinstance(value, list):
        return [_cut(v, texts, elements) for v in value[:elements]]
    if isinstance(value, dict):
        return {k: _cut(v, texts, elements) for k, v in value.items()}
    return value


def words(text: str) -> list[str]:
    """The keys and short values that the seeds use, for edits that put one where another is known."""
    return sorted(set(re.findall(r"[A-Za-z_$][A-Za-z0-9_.$-]{1,40}", text)))[:5_000] or ["x"]


def mutator(known: list[str]) -> Callable[[bytes, int, int], bytes]:
    """The custom mutator for atheris: three of four times an edit of the structure, else one of bytes."""

    def change(data: bytes, limit: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.25:
            return _bytes(data, rng, known)[:limit]
        try:
            made = _zip(data, rng, known) if data[:2] == b"PK" else _text(data, rng, known)
        except (
            ValueError,
            RecursionError,
            KeyError,
            zipfile.BadZipFile,
            NotImplementedError,
            EOFError,
            OSError,
            zlib.error,
        ):
            made = b""
        return made if 0 < len(made) <= limit else _bytes(data, rng, known)[:limit]

    return change


def _bytes(data: bytes, rng: random.Random, known: list[str]) -> bytes:
    """One to four edits of bytes: cut, copied, overwritten or put in."""
    out = bytearray(data or b"{}")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, length = rng.randrange(len(out) + 1), rng.choice((1, 1, 2, 4, 16, 256))
        roll = rng.randrange(6)
        if roll == 0:
            del out[at : at + length]
        elif roll == 1:
            out[at:at] = out[rng.randrange(len(out) + 1) :][:length]
        elif roll == 2:
            out[at : at + length] = rng.randbytes(length)
        elif roll == 3:
            out[at:at] = rng.choice(
                (b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"\\", b"\xff", b"\x00", b"\xef\xbb\xbf")
            )
        elif roll == 4:
            out[at:at] = rng.choice(known).encode()
        elif at < len(out):
            out[at] ^= 1 << rng.randrange(8)
    return bytes(out) or b"{"


def _text(data: bytes, rng: random.Random, known: list[str]) -> bytes:
    try:
        return _dump(_edited(json.loads(data), rng, known))
    except ValueError:
        lines = data.split(b"\n")
        n = rng.randrange(len(lines))
        roll = rng.random()
        if roll < 0.1:
            lines.insert(n, lines[rng.randrange(len(lines))])
        elif roll < 0.2:
            del lines[n]
        else:
            lines[n] = _dump(_edited(json.loads(lines[n]), rng, known))
        return b"\n".join(lines)


def _zip(data: bytes, rng: random.Random, known: list[str]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    members[name] = _text(members[name], rng, known)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _edited(document: Any, rng: random.Random, known: list[str]) -> Any:
    """One to four edits, each at a place drawn from all."""
    holder = [document]
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = _places(holder)
        parent, key = places[rng.randrange(len(places))]
        value, roll = parent[key], rng.random()
        if roll < 0.35:
            parent[key] = copy.deepcopy(rng.choice(NASTY))
        elif roll < 0.5 and isinstance(parent, dict):
            parent[rng.choice(known)] = parent.pop(key)
        elif roll < 0.6 and parent is not holder:
            del parent[key]
        elif roll < 0.7:
            parent[key] = [value] if rng.random() < 0.5 else {rng.choice(known): value}
        elif roll < 0.8:
            parent[key] = _other_form(value)
        elif roll < 0.9:
            there, at = places[rng.randrange(len(places))]
            parent[key] = copy.deepcopy(there[at]) if there is not parent else value
        elif isinstance(parent, dict):
            parent[rng.choice(known)] = copy.deepcopy(rng.choice(NASTY))
        else:
            parent[key] = rng.choice(known)
    return holder[0]


def _other_form(value: Any) -> Any:
    """A value as text, a text as the value it spells."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value.split()
    return json.dumps(value)


def _places(holder: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    stack = [holder]
    while stack and len(found) < 20_000:
        here = stack.pop()
        for key in list(here) if isinstance(here, dict) else range(len(here)):
            found.append((here, key))
            if isinstance(here[key], (dict, list)) and here[key]:
                stack.append(here[key])
    return found
