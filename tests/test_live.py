"""record: spans of other programs become a Run while they happen, in our names, without their secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

from workbench import frames
from workbench import semconv as s
from workbench.errors import UsageError
from workbench.live import record
from workbench.store import Run

KEY = "sk-planted0123456789abcdef0123456789"


def graph(provider: TracerProvider, key: str = "") -> None:
    """What LangGraph with OpenInference emits: two branches that overlap, then a join."""
    import time

    tracer = provider.get_tracer("openinference.instrumentation.langchain")
    with tracer.start_as_current_span(
        "LangGraph", attributes={"openinference.span.kind": "CHAIN", "input.value": "question"}
    ) as root:
        root.set_attribute("output.value", "answer")
        spans = [tracer.start_span(f"worker {i}", attributes={"openinference.span.kind": "AGENT"}) for i in range(2)]
        time.sleep(0.01)
        for span in spans:
            span.end()
        with tracer.start_as_current_span("ChatOpenAI", attributes={
            "openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 3, "llm.token_count.completion": 4,
            "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": f"merge with {key}",
        }):  # fmt: skip
            time.sleep(0.005)


def test_a_program_is_recorded_while_it_runs(tmp_path: Path) -> None:
    provider = TracerProvider()
    graph(provider)  # before: not recorded
    with record("graph", tmp_path / "r", provider=provider) as run:
        graph(provider)
        assert len(run.spans()) == 4 and not run.closed
    graph(provider)  # after: not recorded
    assert run.closed and run.sealed and len(run.spans()) == 4
    assert frames.calls(run)["output_tokens"].tolist() == [4] and frames.threads(run)["agent"].tolist() == [
        "worker 0",
        "worker 1",
    ]
    (answer,) = frames.answers(run).to_dict("records")
    assert (answer["answer"], answer["threads"], answer["calls"]) == ("answer", 2, 1)
    (call,) = [x for x in run.spans() if x.attributes.get(s.OPERATION) == s.CHAT]
    assert len(call.links) == 2 and all(k.attributes == {s.LINK_KIND: s.JOIN, s.INFERRED: True} for k in call.links)


def test_secrets_do_not_reach_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-in-environment-42")
    provider = TracerProvider()
    with record("graph", tmp_path / "r", provider=provider):
        graph(provider, KEY)
        graph(provider, "planted-in-environment-42")
        tracer = provider.get_tracer("x")
        with (
            pytest.raises(RuntimeError),
            tracer.start_as_current_span("call", attributes={"http.request.header.authorization": f"Bearer {KEY}"}),
        ):
            raise RuntimeError(f"401 for Authorization: Bearer {KEY}")
    for file in (tmp_path / "r").rglob("*"):
        data = file.read_bytes()
        assert KEY.encode() not in data and b"planted-in-environment" not in data, file.name
    text = repr([(x.name, x.attributes, x.events, x.status_message) for x in Run(tmp_path / "r").spans()])
    assert "redacted" in text and KEY not in text and "planted-in-environment" not in text


def test_spans_that_did_not_end_are_told(tmp_path: Path) -> None:
    provider = TracerProvider()
    with record("x", tmp_path / "r", provider=provider) as run:
        provider.get_tracer("x").start_span("never ended")
        provider.get_tracer("x").start_span("ended").end()
    assert run.manifest["unfinished_spans"] == 1 and len(run.spans()) == 1


def test_an_error_inside_still_leaves_a_sealed_run(tmp_path: Path) -> None:
    provider = TracerProvider()
    with pytest.raises(ZeroDivisionError), record("x", tmp_path / "r", provider=provider):
        graph(provider)
        _ = 1 / 0
    assert Run(tmp_path / "r").sealed and len(Run(tmp_path / "r").spans()) == 4


def test_a_name_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(UsageError), record("a/b", tmp_path / "r"):
        pass
