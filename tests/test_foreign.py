"""The real others (slow): Phoenix and MLflow receive our Runs, LangGraph and OpenAI Agents are recorded, S3 holds Runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import ChatServer
from tests.foreign import mlflow, phoenix, python_with, s3
from tests.making import attempt
from workbench import frames
from workbench import semconv as s
from workbench.exporting import export
from workbench.readers import read
from workbench.spans import Span
from workbench.store import Run, SpanSet

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SPANS = [span for i in range(3) for span in attempt(i, f"t{i}")]


def get(url: str, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_phoenix_receives_a_run_and_gives_the_same_spans_and_agents(tmp_path: Path) -> None:
    with phoenix(python_with("arize-phoenix"), tmp_path) as (base, _):
        assert export(SpanSet(SPANS), f"otlp-{base}")["rejected"] == 0
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while len(found) < len(SPANS) and time.monotonic() < deadline:  # it acknowledges before it stores
            time.sleep(0.5)
            found, cursor = [], ""
            while True:
                page = get(f"{base}/v1/projects/default/spans?limit=100{cursor}")
                found += page["data"]
                if not page.get("next_cursor"):
                    break
                cursor = f"&cursor={page['next_cursor']}"
    (tmp_path / "back.json").write_text(json.dumps({"data": found}))
    back = {span.span_id: span for span in read(tmp_path / "back.json")}
    assert set(back) == {span.span_id for span in SPANS}
    for span in SPANS:
        theirs = back[span.span_id]
        assert (theirs.trace_id, theirs.parent_id, theirs.name) == (span.trace_id, span.parent_id, span.name)
        assert theirs.attributes.get(s.AGENT) == span.attributes.get(s.AGENT)
        assert {k.span_id for k in theirs.links} == {k.span_id for k in span.links}  # told as attributes
    assert {x.attributes["openinference.span.kind"] for x in back.values()} == {"LLM", "AGENT", "CHAIN"}


def test_mlflow_keeps_the_links(tmp_path: Path) -> None:
    python = python_with("mlflow")
    with mlflow(python, tmp_path) as (base, _):
        done = export(SpanSet(SPANS), f"otlp-{base}", headers={"x-mlflow-experiment-id": "0"})
        assert done["rejected"] == 0
        code = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
traces = mlflow.search_traces(locations=["0"], return_type="list", include_spans=True)
spans = [x for t in traces for x in t.data.spans]
links = lambda x: [k.span_id for k in getattr(x, "links", None) or []]
print(json.dumps([[x.trace_id, x.span_id, x.parent_id, x.name, links(x)] for x in spans]))
"""
        asked = subprocess.run([python, "-c", code, base], capture_output=True, text=True, timeout=120)
        assert asked.returncode == 0, asked.stderr[-2000:]
    rows = {row[1]: row for row in json.loads(asked.stdout.strip().splitlines()[-1])}
    assert set(rows) == {span.span_id for span in SPANS}
    for span in SPANS:
        _, _, parent, name, links = rows[span.span_id]
        assert (parent, name) == (span.parent_id, span.name)
        assert set(links) == {k.span_id for k in span.links}


RECORD = """
import sys; sys.path[1:1] = sys.argv[3].split(":")
import workbench as wb
from opentelemetry import trace
{setup}
with wb.record("program", sys.argv[1]) as run:
    {program}
"""

LANGGRAPH = """
import operator
from typing import Annotated, TypedDict
from langgraph.graph import StateGraph, START, END
from langgraph.types import Send
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
LangChainInstrumentor().instrument()
model = ChatOpenAI(model="m", base_url=sys.argv[2], api_key="none")
class State(TypedDict):
    found: Annotated[list, operator.add]
def work(state): return {"found": [model.invoke(f"part {state['part']}").content]}
def merge(state): return {"found": [model.invoke("merge " + " ".join(state["found"])).content]}
g = StateGraph(State)
g.add_node("work", work); g.add_node("merge", merge)
g.add_conditional_edges(START, lambda s: [Send("work", {"part": i}) for i in range(3)], ["work"])
g.add_edge("work", "merge"); g.add_edge("merge", END)
app = g.compile()
"""

AGENTS = """
import asyncio
from agents import Agent, Runner, OpenAIChatCompletionsModel, set_trace_processors
from openai import AsyncOpenAI
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
set_trace_processors([])
OpenAIAgentsInstrumentor().instrument()
model = OpenAIChatCompletionsModel("m", AsyncOpenAI(base_url=sys.argv[2], api_key="none"))
solvers = [Agent(name=f"solver-{i}", instructions="solve", model=model) for i in range(2)]
async def main():
    from agents import trace as traced
    with traced("two solvers and a judge"):
        found = await asyncio.gather(*(Runner.run(a, "2+2?") for a in solvers))
        await Runner.run(Agent(name="judge", instructions="judge", model=model), " ".join(f.final_output for f in found))
"""


def recorded(tmp_path: Path, python: str, setup: str, program: str, server: ChatServer) -> Run:
    code = RECORD.format(setup=setup, program=program)
    ours = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
    # their packages first, ours (pyarrow, duckdb …) after: the program runs in its own environment
    code = code.replace("sys.path[1:1] =", "sys.path +=")
    done = subprocess.run(
        [python, "-c", code, str(tmp_path / "run"), server.api_base, ours],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(tmp_path / "run")


def by_name(run: Run, name: str) -> list[Span]:
    return [x for x in run.spans() if x.name == name]


def test_langgraph_fan_out_is_recorded_as_fork_and_join(tmp_path: Path) -> None:
    python = python_with(
        "langgraph", "langchain-openai", "openinference-instrumentation-langchain", "opentelemetry-sdk"
    )
    with ChatServer(latency_s=0.3) as server:
        run = recorded(tmp_path, python, LANGGRAPH, 'app.invoke({"found": []})', server)
    calls = frames.calls(run)
    assert len(calls) == 4 and len(set(calls["trace_id"])) == 1 and (calls["output_tokens"] > 0).all()
    work, (merge,) = by_name(run, "work"), by_name(run, "merge")
    assert len(work) == 3 and {k.span_id for k in merge.links} == {x.span_id for x in work}
    assert all(k.attributes == {s.LINK_KIND: s.JOIN, s.INFERRED: True} for k in merge.links)
    (answer,) = frames.answers(run).to_dict("records")
    assert answer["calls"] == 4 and 0.5 < answer["critical_path_s"] < 0.9 * calls["seconds"].sum()


def test_openai_agents_in_parallel_are_recorded_as_threads(tmp_path: Path) -> None:
    python = python_with("openai-agents", "openinference-instrumentation-openai-agents", "opentelemetry-sdk")
    with ChatServer(latency_s=0.3) as server:
        run = recorded(tmp_path, python, AGENTS, "asyncio.run(main())", server)
    assert len(frames.calls(run)) == 3 and len(set(frames.calls(run)["trace_id"])) == 1
    (judge,) = by_name(run, "judge")
    assert {"solver-0", "solver-1", "judge"} <= set(frames.threads(run)["agent"])
    assert {k.span_id for k in judge.links} == {by_name(run, f"solver-{i}")[0].span_id for i in range(2)}


S3 = """
import sys; sys.path += sys.argv[2].split(":")
from tests.making import attempt
from workbench.store import Run, RunWriter, open_runs
from workbench.store.queries import sql
from workbench.store.retention import check, remove
import s3fs
s3fs.S3FileSystem(endpoint_url=sys.argv[1]).mkdir("bucket")
spans = [x for i in range(4) for x in attempt(i, f"t{i}")]
for name in ("a", "b"):
    with RunWriter(f"s3://bucket/runs/{name}") as writer:
        for n, span in enumerate(spans):
            writer.write(span)
            if n == 5:
                writer.flush()
                assert Run(writer.path).spans() == spans[:6] and not Run(writer.path).closed
    assert Run(writer.path).sealed and Run(writer.path).spans() == spans and check(writer.path)["ok"]
assert [r.id for r in open_runs("s3://bucket/runs")] == ["a", "b"]
found = sql("select run, count(*) as n from answers group by all order by run", "s3://bucket/runs")
assert found.values.tolist() == [["a", 4], ["b", 4]]
remove("s3://bucket/runs/a")
assert [r.id for r in open_runs("s3://bucket/runs")] == ["b"]
"""


def test_s3_holds_runs(tmp_path: Path) -> None:
    ours = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
    with s3(tmp_path) as (python, url, env):
        words = [python, "-c", S3, url, ours]
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


EIGHT = """
import sys; sys.path += sys.argv[2].split(":")
from tests.making import attempt
from workbench.store import RunWriter
with RunWriter("s3://bucket/runs/eight") as writer:
    for i in range(5):
        for span in attempt(100 * int(sys.argv[1]) + i): writer.write(span)
"""
WHAT_EIGHT_WROTE = """
import sys; sys.path += sys.argv[2].split(":")
from tests.making import attempt
from workbench.store import Run
from workbench.store.places import Place
from workbench.store.retention import check
expected = {(s.trace_id, s.span_id) for n in range(8) for i in range(5) for s in attempt(100 * n + i)}
run = Run("s3://bucket/runs/eight")
assert {(s.trace_id, s.span_id) for s in run.spans()} == expected and len(run.spans()) == len(expected)
assert len([n for n in Place(run.path).sizes() if n.endswith(".jsonl")]) == 8
assert run.closed and run.sealed and check(run.path)["ok"], run.manifest
"""


def test_eight_processes_write_one_run_on_s3(tmp_path: Path) -> None:
    ours = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
    with s3(tmp_path) as (python, url, env):
        make = f"import s3fs; s3fs.S3FileSystem(endpoint_url={url!r}).mkdir('bucket')"
        subprocess.run([python, "-c", make], check=True, env=env)
        each = [
            subprocess.Popen([python, "-c", EIGHT, str(n), ours], env=env, stderr=subprocess.PIPE, text=True)
            for n in range(8)
        ]
        said = [process.communicate(timeout=240)[1] for process in each]
        assert [process.returncode for process in each] == [0] * 8, said
        done = subprocess.run([python, "-c", WHAT_EIGHT_WROTE, url, ours], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
