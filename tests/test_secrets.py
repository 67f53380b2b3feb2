"""Secrets: planted everywhere they can come from; no byte of what a Run writes holds one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import workbench as wb
from tests.chat_server import ChatServer, Fault
from workbench.models.litellm import LiteLLM
from workbench.otlp import encode as otlp
from workbench.readers.importing import import_files
from workbench.spans import Event, Span
from workbench.store import Run, RunWriter

FROM_ENVIRONMENT = "plain words of the environment"
PLANTED = {
    "environment": FROM_ENVIRONMENT,
    "key": "an-api-key-that-looks-like-nothing",
    "header": "header value without a shape",
    "bearer": "abcdefgh12345678ijklmnop",
    "metadata": "sk-metadata0123456789abcdefgh",
}


def found(folder: Path) -> list[tuple[str, str]]:
    """(file, what was planted) for every planted secret that stands in some file, also as Parquet text."""
    out = []
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            out += [(file.name, kind) for kind, secret in PLANTED.items() if secret.encode() in data]
    read = Run(folder)
    text = json.dumps(
        [[s.name, s.status_message, repr(s.attributes), repr(s.events), repr(s.resource)] for s in read.spans()]
    )
    return out + [("spans", kind) for kind, secret in PLANTED.items() if secret in text]


async def test_a_run_holds_none_of_the_secrets_that_its_calls_were_made_with(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODYS_API_KEY", FROM_ENVIRONMENT)
    said = " ".join(PLANTED.values()) + f" Authorization: Bearer {PLANTED['bearer']}"
    chat_server.fault = lambda n, body: Fault(400, body=json.dumps({"error": {"message": said}})) if n % 2 else None
    chat_server.answer = lambda body: f"Answer: 4 ({said})"
    options = {
        "api_key": PLANTED["key"],
        "extra_headers": {"X-Custom": PLANTED["header"], "X-Auth": f"Bearer {PLANTED['bearer']}"},
        "metadata": {"trace_key": PLANTED["metadata"]},
    }
    model = LiteLLM("openai/tiny", api_base=chat_server.api_base, options=options)
    task = wb.Task("t", f"2 + 2? My token is Bearer {PLANTED['bearer']}", "4")
    await wb.run([task], wb.Parallel(agents=4), "openai/tiny", out=tmp_path / "r", models={"openai/tiny": model})
    assert chat_server.headers[0]["authorization"] == f"Bearer {PLANTED['key']}"  # they were used
    assert chat_server.headers[0]["x-custom"] == PLANTED["header"]
    assert len(wb.calls(tmp_path / "r")) == 4
    assert not found(tmp_path / "r")


def spans() -> list[Span]:
    """Spans of another tool that recorded more than it should have."""
    attributes = {
        "http.request.header.authorization": (f"Bearer {PLANTED['bearer']}",),
        "llm.invocation_parameters": json.dumps({"api_key": PLANTED["key"], "metadata": {"k": PLANTED["metadata"]}}),
        "x-api-key": PLANTED["key"],
        "gen_ai.request.model": "m",
        "note": FROM_ENVIRONMENT,
    }
    event = Event("exception", 5, {"exception.message": f"401 for key {PLANTED['metadata']}"})
    one = Span("a" * 32, "b" * 16, None, f"GET {PLANTED['metadata']}", 1, 2, attributes, (event,),
               status="ERROR", status_message=f"authorization: Bearer {PLANTED['bearer']}",
               resource={"process.command_args": f"--api-key={PLANTED['key']}"})  # fmt: skip
    return [one]


@pytest.mark.parametrize("way", ["import", "save", "write"])
def test_what_comes_from_elsewhere_is_written_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("SOMEBODYS_API_KEY", FROM_ENVIRONMENT)
    file, to = tmp_path / "x.jsonl", tmp_path / "run"
    file.write_bytes(b"".join(otlp.line(span) for span in spans()))
    if way == "import":
        import_files([file], to)
    elif way == "save":
        wb.read(file).save(to)
    else:
        with RunWriter(to, {"note": f"api_key={PLANTED['key']}", "said": PLANTED["metadata"]}) as writer:
            for span in spans():
                writer.write(span)
    read = Run(to).spans()
    assert len(read) == 1 and "[redacted]" in str(read[0].attributes)
    assert json.loads(str(read[0].attributes["llm.invocation_parameters"]))["api_key"] == "[redacted]"  # still JSON
    leaks = [leak for leak in found(to) if leak[1] != "header"]
    assert not leaks


def test_an_import_can_be_told_to_keep_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"".join(otlp.line(span) for span in spans()))
    import_files([file], tmp_path / "run", redact=False)
    assert Run(tmp_path / "run").spans()[0].attributes["x-api-key"] == PLANTED["key"]
