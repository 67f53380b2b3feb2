"""Claude Code session transcripts (JSON lines): one trace per session, the main agent and each subagent a thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder, call_attributes
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "claude-code"
_OTHER = (
    "system",
    "summary",
    "file-history-snapshot",
    "queue-operation",
    "progress",
    "custom-title",
    "attachment",
    "last-prompt",
)

Entry = dict[str, Any]


def matches(source: Source) -> bool:
    """True for transcript lines: a type, a sessionId or uuid, and a message with a role."""
    return any(is_entry(r) for r in source.heads)


def is_entry(record: Any) -> bool:
    """A user or assistant line of a transcript."""
    return (
        isinstance(record, dict)
        and record.get("type") in ("user", "assistant")
        and isinstance(record.get("message"), dict)
        and (
            ("uuid" in record and ("sessionId" in record or "timestamp" in record))
            or "isSidechain" in record
            or "parentUuid" in record
        )
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """The sessions of one file."""
    sessions: dict[str, list[Entry]] = defaultdict(list)
    titles: list[str] = []
    seen: set[str] = set()
    for record in source.records():
        if is_entry(record):
            if str(record.get("uuid")) in seen:
                notes.skip("a line whose uuid was there before")
                continue
            seen.add(str(record.get("uuid")))
            sessions[str(record.get("sessionId") or source.name)].append(record)
        elif isinstance(record, dict) and isinstance(record.get("summary"), str):
            titles.append(record["summary"])
        elif not isinstance(record, dict) or "type" not in record:
            notes.skip("a line that is not a transcript entry")
    for key, entries in sessions.items():
        yield from tell(
            f"claude-code:{key}", NAME, entries, titles[0] if titles and len(sessions) == 1 else None, timed=True
        )


def tell(key: str, scope: str, entries: list[Entry], title: str | None, timed: bool) -> list[Span]:
    """One session as spans. Lines of one model message (same message id) are one call."""
    times = [t for e in entries if (t := plain.nanos(e.get("timestamp"))) is not None]
    build = TraceBuilder(key, scope, min(times) if timed and times else None)
    chains: dict[str, list[Entry]] = defaultdict(list)
    by_uuid = {str(e["uuid"]): e for e in entries if e.get("uuid")}
    for entry in entries:
        chains[_chain(entry, by_uuid)].append(entry)
    main = chains.pop("", [])
    root = build.begin(
        title or "session",
        s.WORKFLOW,
        None,
        {
            s.CONVERSATION: plain.text((main or entries)[0].get("sessionId") or (main or entries)[0].get("session_id")),
            s.TASK_PROMPT: _prompt(main or entries),
            s.TASK_ID: key.rsplit(":", 1)[-1],
        },
    )
    teller = _Teller(build, root, chains)
    if main:
        answer = teller.thread("main", main, root, None)
        build.update(root, {s.ANSWER: answer})
    for name in list(chains):
        if name in chains:
            teller.thread(name, chains.pop(name), root, None)
    build.end(root, end_ns=max([build.now, *times]) if build.timed else None)
    return build.spans()


def _chain(entry: Entry, by_uuid: dict[str, Entry]) -> str:
    """Which agent an entry belongs to: empty for the main one."""
    if entry.get("parent_tool_use_id"):
        return str(entry["parent_tool_use_id"])
    if not entry.get("isSidechain"):
        return ""
    if entry.get("agentId"):
        return str(entry["agentId"])
    at, seen = entry, set()
    while (
        (up := by_uuid.get(str(at.get("parentUuid")))) is not None
        and up.get("isSidechain")
        and str(at.get("uuid")) not in seen
    ):
        seen.add(str(at.get("uuid")))
        at = up
    return str(at.get("uuid") or "sidechain")


def _content(entry: Entry) -> list[chat.Message]:
    return chat.normal({"role": entry.get("type"), **entry["message"]}, "user")


def _prompt(entries: list[Entry]) -> str | None:
    for entry in entries:
        if entry.get("type") == "user" and not entry.get("isMeta"):
            text = chat.text_of(_content(entry))
            if text and not text.startswith(("<command-", "<local-command", "Caveat:")):
                return text[:4_000]
    return None


class _Teller:
    """Tells the threads of one session; a subagent's thread hangs below the tool call that started it."""

    def __init__(self, build: TraceBuilder, root: str, chains: dict[str, list[Entry]]) -> None:
        self.build, self.root, self.chains, self.count = build, root, chains, 0

    def thread(self, name: str, entries: list[Entry], parent: str, prompt: str | None) -> str | None:
        build, index = self.build, self.count
        self.count += 1
        at = plain.nanos(entries[0].get("timestamp")) if build.timed else None
        kind = next((str(e["attributionAgent"]) for e in entries if e.get("attributionAgent")), None)
        thread = build.begin(
            f"invoke_agent {name}",
            s.THREAD,
            parent,
            {s.AGENT: kind or name, s.THREAD_INDEX: index, s.ROLE: "act", s.CONVERSATION: None},
            at,
        )
        said: list[chat.Message] = []
        open_calls: dict[str, tuple[chat.Part, int, str | None]] = {}
        before = at if at is not None else build.now
        answer: str | None = None
        for group in _grouped(entries):
            entry, last = group[0], group[-1]
            now = plain.nanos(last.get("timestamp")) if build.timed else None
            now = build.now if now is None else now
            found = [m for e in group for m in _content(e)]
            if entry["type"] == "assistant":
                reply = [{"role": "assistant", "parts": [p for m in found for p in m["parts"]]}]
                self._call(thread, said, reply, last["message"], before, now)
                answer = chat.text_of(reply) or answer
                said += reply
                for part in chat.tool_calls(reply):
                    open_calls[str(part.get("id"))] = (part, build.now if not build.timed else now, thread)
            else:
                for part in (p for m in found for p in m["parts"] if p["type"] == "tool_call_response"):
                    self._tool(thread, open_calls.pop(str(part.get("id")), None), part, entry, now)
                said += found
            before = now
        for call, start, _ in open_calls.values():
            self._tool(thread, (call, start, None), None, None, start)
        build.end(
            thread,
            {s.ANSWER: answer[:4_000] if answer else None},
            end_ns=max(build.now, before) if build.timed else None,
        )
        return answer[:4_000] if answer else None

    def _call(
        self,
        thread: str,
        given: list[chat.Message],
        reply: list[chat.Message],
        message: dict[str, Any],
        start: int,
        end: int,
    ) -> None:
        model, stop = plain.text(message.get("model")), message.get("stop_reason")
        attributes = call_attributes(
            given,
            reply,
            model if model != "<synthetic>" else None,
            message.get("usage"),
            **{s.PROVIDER: "anthropic", s.RESPONSE_MODEL: model, s.FINISH_REASONS: (str(stop),) if stop else None},
        )
        times: dict[str, Any] = {"start_ns": min(start, end), "end_ns": end} if self.build.timed else {}
        self.build.step(f"chat {model or ''}".strip(), s.CHAT, thread, attributes, **times)

    def _tool(self, thread: str, call: Any, answer: chat.Part | None, entry: Entry | None, end: int) -> None:
        nothing: chat.Part = {}
        part, start, _ = call or (nothing, end, None)
        name, build = str(part.get("name") or "tool"), self.build
        blocks = entry["message"].get("content") if entry else None
        failed = (
            any(
                isinstance(b, dict) and b.get("is_error") and b.get("tool_use_id") == (answer or {}).get("id")
                for b in blocks
            )
            if isinstance(blocks, list)
            else False
        )
        begin = min(start, end) if build.timed else build.now
        tool = build.begin(
            f"execute_tool {name}",
            s.TOOL,
            thread,
            {
                s.TOOL_NAME: name,
                s.TOOL_CALL_ID: part.get("id"),
                s.TOOL_ARGUMENTS: part.get("arguments"),
                s.TOOL_RESULT: (answer or {}).get("response"),
            },
            begin,
        )
        child = self._child(part, entry)
        if child is not None:
            self.thread(_agent_name(part), self.chains.pop(child), tool, None)
        elif not build.timed:
            build.now += 1_000_000_000
        build.now = max(build.now, end)
        build.end(
            tool,
            end_ns=max(begin, end) if build.timed else None,
            error=str((answer or {}).get("response"))[:500] if failed else None,
        )

    def _child(self, call: chat.Part, entry: Entry | None) -> str | None:
        """The chain that this tool call started: by its id, by the agent that the result names, or by the same prompt."""
        if call.get("id") in self.chains:
            return str(call["id"])
        result = entry.get("toolUseResult") if entry else None
        if isinstance(result, dict) and str(result.get("agentId")) in self.chains:
            return str(result["agentId"])
        arguments = plain.loads(str(call.get("arguments") or ""))
        prompt = arguments.get("prompt") if isinstance(arguments, dict) else None
        if prompt:
            for name, entries in self.chains.items():
                if chat.text_of(_content(entries[0])) == prompt:
                    return name
        return None


def _agent_name(call: chat.Part) -> str:
    arguments = plain.loads(str(call.get("arguments") or ""))
    found = arguments.get("subagent_type") or arguments.get("description") if isinstance(arguments, dict) else None
    return str(found or "subagent")[:80]


def _grouped(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Entries one by one, the lines of one model message together."""
    group: list[Entry] = []
    for entry in entries:
        ident = entry["message"].get("id") or entry.get("requestId")
        same = (
            group
            and entry["type"] == "assistant" == group[0]["type"]
            and ident
            and ident == (group[0]["message"].get("id") or group[0].get("requestId"))
        )
        if same:
            group.append(entry)
            continue
        if group:
            yield group
        group = [entry]
    if group:
        yield group
