"""ToolBench answers: DFSDT trees and CoT chains of thoughts, actions and observations; branches are threads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "toolbench"
MAX_DEPTH = 300


def matches(source: Source) -> bool:
    """True for objects with an answer_generation and a tree (or trys: the chains of CoT and Reflexion)."""
    return any(_is_answer(r) for r in source.heads)


def _is_answer(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    if isinstance(record.get("answer_generation"), dict) and ("tree" in record or "trys" in record or "win" in record):
        return True
    return isinstance(record.get("tree"), dict) and isinstance(record["tree"].get("tree"), dict)


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per answer."""
    for number, record in enumerate(source.records()):
        if _is_answer(record):
            yield from _trace(record, source.name, number, notes)
        else:
            notes.skip("a record that is not a ToolBench answer")


def _trace(record: dict[str, Any], file: str, number: int, notes: Notes) -> list[Span]:
    about = record.get("answer_generation") if isinstance(record.get("answer_generation"), dict) else {}
    assert isinstance(about, dict)
    build = TraceBuilder(f"toolbench:{file}/{number}", NAME)
    tree = (record.get("tree") or {}).get("tree") if isinstance(record.get("tree"), dict) else None
    root = build.begin(
        "toolbench",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: file.split("_")[0].split(".")[0],
            s.TASK_PROMPT: plain.text(about.get("query"), 4_000),
            s.STRATEGY: "dfs" if tree else "cot",
            s.ANSWER: plain.text(about.get("final_answer"), 4_000),
            s.SCORE: plain.score(record.get("win")),
            "toolbench.finish_type": plain.text(about.get("finish_type")),
            "toolbench.queries": plain.whole(about.get("query_count")),
            "toolbench.total_tokens": plain.whole(about.get("total_tokens")),
        },
    )
    walk = _Walk(build, root, notes)
    if isinstance(tree, dict):
        walk.branch(tree, None, 0)
    for chain in record.get("trys") or () if isinstance(record.get("trys"), list) else ():
        if isinstance(chain, dict):
            walk.chain(chain.get("chain"))
    build.end(root)
    return build.spans()


class _Walk:
    """Walks a tree depth first; the first child goes on in its parent's thread, every other child forks a new one."""

    def __init__(self, build: TraceBuilder, root: str, notes: Notes) -> None:
        self.build, self.root, self.notes, self.threads = build, root, notes, 0

    def open(self, fork_from: str | None) -> str:
        links = [self.build.link(fork_from, s.FORK)] if fork_from else []
        index, self.threads = self.threads, self.threads + 1
        return self.build.begin(
            f"invoke_agent branch {index}",
            s.THREAD,
            self.root,
            {s.AGENT: f"branch {index}", s.THREAD_INDEX: index, s.ROLE: "act"},
            links=links,
        )

    def branch(self, tree: dict[str, Any], fork_from: str | None, depth: int) -> None:
        waiting: list[tuple[dict[str, Any], str | None]] = [(tree, fork_from)]
        while waiting:
            node, origin = waiting.pop()
            thread = self.open(origin)
            pruned, last = False, None
            seen = 0
            while node is not None and seen < MAX_DEPTH * 100:
                seen += 1
                last = self.node(node, thread, last)
                pruned = pruned or bool(node.get("pruned"))
                children = node.get("children")
                below = [c for c in children if isinstance(c, dict)] if isinstance(children, list) else []
                waiting += [(child, thread) for child in reversed(below[1:])]
                if not below:
                    if node.get("is_terminal") and not node.get("pruned"):
                        self.build.update(thread, {s.ANSWER: plain.text(node.get("description"), 4_000)})
                    break
                node = below[0]
            self.build.end(thread, {"toolbench.pruned": pruned or None})

    def node(self, node: dict[str, Any], thread: str, last: str | None) -> str | None:
        """One node: a thought is a call, an action with its input and observation a tool."""
        kind, text = node.get("node_type"), plain.text(node.get("description")) or ""
        given = chat.normal(node.get("messages"), "user")
        if kind == "Thought" and text:
            answer: chat.Message = {"role": "assistant", "parts": [{"type": "text", "content": text}]}
            self.build.step("chat", s.CHAT, thread, call_attributes(given, [answer]))
        elif kind == "Action":
            return text
        elif kind == "Action Input" and (last or "observation" in node):
            code = plain.whole(node.get("observation_code"))
            observed = plain.text(node.get("observation"))
            self.build.step(
                f"execute_tool {last or 'tool'}",
                s.TOOL,
                thread,
                {
                    s.TOOL_NAME: last or "tool",
                    s.TOOL_ARGUMENTS: text,
                    s.TOOL_RESULT: observed,
                    "toolbench.observation_code": code,
                },
                error=(observed or "error")[:300] if code not in (None, 0, 3, 4) else None,
            )
        return last if kind == "Thought" else None

    def chain(self, nodes: Any) -> None:
        thread = self.open(None)
        last: str | None = None
        for node in nodes if isinstance(nodes, list) else ():
            if isinstance(node, dict):
                last = self.node(node, thread, last)
            else:
                self.notes.skip("a node that is not an object")
        self.build.end(thread)
