"""Inspect AI logs of every age: Zstandard archives, messages kept once in a pool, transcripts of 2024."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench import semconv as s
from workbench.errors import DataError
from workbench.readers import read

POOL = [{"role": "user", "content": f"message {i}"} for i in range(4)]


def model_event(**more: Any) -> dict[str, Any]:
    output = {"choices": [{"message": {"role": "assistant", "content": "42"}, "stop_reason": "stop"}]}
    return {"event": "model", "timestamp": "2026-01-02T03:04:05+00:00", "model": "x/y", "output": output, **more}


def log(**sample: Any) -> dict[str, Any]:
    return {
        "version": 2,
        "eval": {"task": "sums", "model": "x/y"},
        "plan": {},
        "samples": [{"id": 1, "epoch": 1, "messages": [], **sample}],
    }


def chats(path: Path) -> list[Any]:
    return [x for x in read(path) if x.attributes.get(s.OPERATION) == s.CHAT]


def inputs(span: Any) -> list[str]:
    return [part["content"] for m in json.loads(span.attributes[s.INPUT_MESSAGES]) for part in m["parts"]]


def zstandard_zip(path: Path, name: str, content: bytes, claims: int | None = None) -> None:
    """A zip whose one member Zstandard packed, byte by byte: no zipfile of Python 3.11 to 3.13 writes one."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed, size, crc = sink.getvalue().to_pybytes(), len(content) if claims is None else claims, zlib.crc32(content)
    said = (20, 0, 93, 0, 0, crc, len(packed), size, len(name), 0)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, *said) + name.encode() + packed
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, *said, 0, 0, 0, 0, 0) + name.encode()
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)


def test_a_member_that_zstandard_packed_is_read(tmp_path: Path) -> None:
    sample = log(events=[model_event(input=POOL[:1])])["samples"][0]
    zstandard_zip(tmp_path / "x.eval", "samples/1_epoch_1.json", json.dumps(sample).encode())
    assert zipfile.is_zipfile(tmp_path / "x.eval")
    (call,) = chats(tmp_path / "x.eval")
    assert inputs(call) == ["message 0"]


@pytest.mark.parametrize("claims", [1, 10_000_000_000 % 2**32, 5])
def test_a_member_that_lies_about_its_size_is_skipped(tmp_path: Path, claims: int) -> None:
    sample = json.dumps(log()["samples"][0]).encode()
    zstandard_zip(tmp_path / "x.eval", "samples/1_epoch_1.json", sample, claims)
    with pytest.raises(DataError, match=r"cannot be read|far too much"):
        read(tmp_path / "x.eval")


def test_messages_kept_once_are_given_back_to_every_call(tmp_path: Path) -> None:
    nested = {"event": "tool", "function": "f", "events": [model_event(input_refs=[[0, 1], [2, 4]])]}
    events = [model_event(input_refs=[[0, 2]]), nested]
    (tmp_path / "x.json").write_text(json.dumps(log(events=events, events_data={"messages": POOL})))
    first, second = chats(tmp_path / "x.json")
    assert inputs(first) == ["message 0", "message 1"]
    assert inputs(second) == ["message 0", "message 2", "message 3"]


def test_a_log_that_names_its_pool_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    events = [model_event(input_refs=[[0, 4], [-9, 10**12]] * 200_000)]
    (tmp_path / "x.json").write_text(json.dumps(log(events=events, events_data={"messages": POOL})))
    (call,) = chats(tmp_path / "x.json")
    assert len(inputs(call)) <= 100_000


def test_a_transcript_of_2024_keeps_its_events_and_attachments(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "attachment://abc"}
    transcript = {"events": [model_event(input=[asked])], "content": {"abc": "what is 6 * 7?"}}
    (tmp_path / "x.json").write_text(json.dumps(log(transcript=transcript)))
    (call,) = chats(tmp_path / "x.json")
    assert inputs(call) == ["what is 6 * 7?"]
