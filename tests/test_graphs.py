"""Graphs: recorded links first, then parents, then time; the critical path is the one the frames count."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import weaving
from tests.making import attempt
from workbench import frames
from workbench.errors import UsageError
from workbench.graphs import critical_path, graph
from workbench.spans import Span
from workbench.store import SpanSet


def kinds(g: nx.DiGraph) -> dict[str, int]:
    out: dict[str, int] = {}
    for _, _, data in g.edges(data=True):
        out[data["kind"]] = out.get(data["kind"], 0) + 1
    return out


def test_parallel_threads_fork_from_the_start_and_join_in_the_synthesis() -> None:
    g = graph(attempt(1, agents=3))
    assert kinds(g) == {"fork": 3, "join": 4}  # three into the synthesis, one from it into the end
    assert not any(inferred for _, _, inferred in g.edges(data="inferred"))


def test_critical_path_is_the_longest_thread_then_the_synthesis_as_in_the_frames() -> None:
    spans = attempt(2, agents=4, seconds=2.0, queue_s=0.5)
    g = graph(spans)
    path = critical_path(g)
    assert [g.nodes[n]["kind"] for n in path] == ["thread", "synthesis"]
    assert g.nodes[path[0]]["agent"] == "a#3"
    took = sum(g.nodes[n]["seconds"] - g.nodes[n]["queue_ns"] / 1e9 for n in path)
    assert took == pytest.approx(frames.answers(SpanSet(spans))["critical_path_s"].iloc[0])


def test_rounds_read_everybody() -> None:
    g = graph(weaving.debate(n=4, rounds=3))
    assert kinds(g) == {"fork": 4 + 2 * 16, "join": 4 + 1}
    rounds = [g.nodes[n]["round"] for n in critical_path(g)[:3]]
    assert rounds == [0, 1, 2]


def test_where_nobody_recorded_links_time_tells_and_says_so() -> None:
    g = graph(weaving.foreign())
    names = {data["name"]: n for n, data in g.nodes(data=True) if "name" in data}
    inferred = {(u, v) for u, v, guessed in g.edges(data="inferred") if guessed}
    assert inferred == {(names["router"], names[n]) for n in ("search", "read", "code")} | {
        (names[n], names["write"]) for n in ("search", "read", "code")
    }


def test_a_helper_is_nested_in_the_thread_that_sent_it() -> None:
    g = graph(weaving.nested())
    assert {(g.nodes[u]["agent"], g.nodes[v]["agent"]) for u, v, k in g.edges(data="kind") if k == "nest"} == {
        ("lead", "helper 1"),
        ("lead", "helper 2"),
    }


def test_a_task_is_found_by_its_name_or_the_error_names_the_nearest() -> None:
    run = SpanSet([*attempt(1, task="sum-7"), *attempt(2, task="sum-8", agents=2)])
    assert len(graph(run, "sum-8")) == 2 + 1 + 2
    with pytest.raises(UsageError, match=r"sum-9.*sum-"):
        graph(run, "sum-9")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(-1, 12), st.booleans()), max_size=12))
def test_any_list_of_spans_makes_an_acyclic_graph_in_which_every_path_ends(
    rows: list[tuple[int, int, int, bool]],
) -> None:
    spans = [
        Span("t", f"{i:016x}", f"{p:016x}" if p >= 0 else None, "x", a, b,
             {"gen_ai.operation.name": "invoke_agent"} if agent else {})
        for i, (a, b, p, agent) in enumerate(rows)
    ]  # fmt: skip
    g = graph(spans)
    assert nx.is_directed_acyclic_graph(g)
    path = critical_path(g)
    assert all(g.has_edge(u, v) for u, v in zip(["start", *path], path, strict=False))
