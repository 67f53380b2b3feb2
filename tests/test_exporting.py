"""Out: what is exported comes back as it was, and a receiver that is busy, or drops links, still ends up with the shape."""

from __future__ import annotations

import csv
import gzip
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.making import attempt
from workbench import semconv as s
from workbench.errors import UsageError
from workbench.exporting import export, for_receivers
from workbench.otlp.http import ExportError, encode
from workbench.readers import read
from workbench.store import SpanSet

SPANS = [*attempt(1), *attempt(2)]


class Receiver(HTTPServer):
    """An OTLP/HTTP receiver; `answers` are the statuses that it gives, the last one for good."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.bodies, self.seen = answers, list[bytes](), list[dict[str, str]]()

    @property
    def url(self) -> str:
        return f"otlp-http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        status = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if status == 200:
            self.server.bodies.append(gzip.decompress(body))
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver([200]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_otlp_json_comes_back_as_it_was(tmp_path: Path) -> None:
    done = export(SpanSet(SPANS), "otlp-json", tmp_path / "x.jsonl")
    assert done == {"to": "otlp-json", "path": str(tmp_path / "x.jsonl"), "spans": len(SPANS)}
    assert read(tmp_path / "x.jsonl").spans() == SPANS


def test_tables(tmp_path: Path) -> None:
    export(SpanSet(SPANS, id="r"), "parquet", tmp_path / "x.parquet")
    export(SpanSet(SPANS, id="r"), "csv", tmp_path / "x.csv")
    rows = list(csv.DictReader((tmp_path / "x.csv").open()))
    table = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert [r["span_id"] for r in rows] == [r["span_id"] for r in table] == [x.span_id for x in SPANS]
    assert rows[0]["run"] == "r"


def test_a_receiver_gets_every_span_with_its_agents(receiver: Receiver) -> None:
    done = export(SpanSet(SPANS), receiver.url, headers={"x-project": "p"}, batch=5)
    assert (done["spans"], done["traces"], done["rejected"]) == (len(SPANS), 2, 0)
    got = [x for body in receiver.bodies for g in ExportTraceServiceRequest.FromString(body).resource_spans
           for p in g.scope_spans for x in p.spans]  # fmt: skip
    assert [x.span_id.hex() for x in got] == [x.span_id for x in SPANS]
    kinds = {x.span_id.hex(): {a.key: a.value.string_value for a in x.attributes} for x in got}
    assert {a["openinference.span.kind"] for a in kinds.values()} == {"LLM", "AGENT", "CHAIN"}
    assert {a["agent.name"] for a in kinds.values() if "agent.name" in a} == {"a#0", "a#1", "a#2"}
    assert receiver.seen[0]["path"] == "/v1/traces" and receiver.seen[0]["x-project"] == "p"


def test_a_busy_receiver_is_asked_again(receiver: Receiver) -> None:
    receiver.answers = [503, 429, 200]
    assert export(SpanSet(SPANS), receiver.url)["batches"] == 1
    assert len(receiver.seen) == 3 and len(receiver.bodies) == 1


@pytest.mark.parametrize("status", [400, 401, 302])
def test_a_refusal_is_one_clear_error_and_nothing_goes_elsewhere(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(ExportError, match=str(status)):
        export(SpanSet(SPANS), receiver.url)
    assert len(receiver.seen) == 1


def test_nobody_there_is_an_error_in_time() -> None:
    with pytest.raises(ExportError, match="did not take the spans within"):
        export(SpanSet(SPANS), "otlp-http://127.0.0.1:9", timeout_s=0.5)


def test_the_shape_survives_a_receiver_that_drops_links(tmp_path: Path) -> None:
    """What Phoenix does: the links are gone, the attributes stay."""
    dropped = [replace(x, links=()) for x in for_receivers(SPANS)]
    (tmp_path / "x.pb").write_bytes(encode(dropped).SerializeToString())
    found = {x.span_id: x for x in read(tmp_path / "x.pb")}
    for span in SPANS:
        assert found[span.span_id].links == span.links and found[span.span_id].parent_id == span.parent_id
        assert found[span.span_id].attributes.get(s.AGENT) == span.attributes.get(s.AGENT)


def test_wrong_targets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="parquet"):
        export(SpanSet(SPANS), "parket")
    with pytest.raises(UsageError, match="HOST:PORT"):
        export(SpanSet(SPANS), "otlp-http://")
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        export(SpanSet(SPANS), "csv", tmp_path / "x.csv")
