"""TraceBuilder: a conversation or trajectory that was not recorded as spans, told as root → thread → calls and tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench import semconv as s
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.spans import Event, Link, Span

STEP_NS = 1_000_000_000


class TraceBuilder:
    """Collects the spans of one trace. Where a format has no times, steps are drawn one second apart (`timed` False)."""

    def __init__(self, key: object, scope: str, start_ns: int | None = None) -> None:
        self.trace_id = plain.trace_id(f"{scope}:{key}" if not _looks_like_id(key) else key)
        self.scope, self.timed = scope, start_ns is not None
        self.now = start_ns or 0
        self._open: dict[str, dict[str, Any]] = {}
        self._spans: list[Span] = []
        self._count = 0

    def begin(
        self,
        name: str,
        operation: str | None,
        parent: str | None,
        attributes: Mapping[str, Any] | None = None,
        start_ns: int | None = None,
        links: Sequence[Link] = (),
        key: object = None,
    ) -> str:
        """Open a span and return its id; `end` closes it."""
        self._count += 1
        ident = plain.span_id(f"{self.trace_id}:{self._count}" if key is None else key)
        self._open[ident] = {
            "name": name,
            "parent": parent,
            "start": self.now if start_ns is None else start_ns,
            "links": list(links),
            "events": [],
            "attributes": _present({s.OPERATION: operation, **(attributes or {})}),
        }
        return ident

    def end(
        self,
        ident: str,
        attributes: Mapping[str, Any] | None = None,
        end_ns: int | None = None,
        error: str | None = None,
    ) -> None:
        """Close a span; without `end_ns` it ends now."""
        span = self._open.pop(ident)
        span["attributes"].update(_present(attributes or {}))
        failed = error is not None
        if failed:
            span["attributes"].setdefault(s.ERROR_TYPE, "error")
        if not self.timed and span["parent"] is None:
            span["attributes"][s.UNTIMED] = True
        end = max(span["start"], self.now if end_ns is None else end_ns)
        self._spans.append(
            Span(
                self.trace_id,
                ident,
                span["parent"],
                span["name"],
                span["start"],
                end,
                span["attributes"],
                tuple(span["events"]),
                tuple(span["links"]),
                "CLIENT" if span["attributes"].get(s.OPERATION) == s.CHAT else "INTERNAL",
                "ERROR" if failed else "UNSET",
                (error or "")[:2000],
                self.scope,
                {"service.name": self.scope},
            )
        )

    def step(
        self,
        name: str,
        operation: str,
        parent: str,
        attributes: Mapping[str, Any],
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        links: Sequence[Link] = (),
        error: str | None = None,
        key: object = None,
    ) -> str:
        """One whole span: at its own times, or one second long from now on."""
        start = self.now if start_ns is None else start_ns
        end = end_ns if end_ns is not None else start if self.timed else start + STEP_NS
        ident = self.begin(name, operation, parent, attributes, start, links, key)
        self.now = max(self.now, end)
        self.end(ident, end_ns=end, error=error)
        return ident

    def update(self, ident: str, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a span that is still open."""
        self._open[ident]["attributes"].update(_present(attributes))

    def event(self, ident: str, name: str, attributes: Mapping[str, Any], time_ns: int | None = None) -> None:
        """Add an event to an open span."""
        self._open[ident]["events"].append(Event(name, self.now if time_ns is None else time_ns, _present(attributes)))

    def is_open(self, ident: str) -> bool:
        """True until `end` was called for it."""
        return ident in self._open

    def link(self, ident: str, kind: str, inferred: bool = False) -> Link:
        """A fork or join link to a span of this trace."""
        return Link(self.trace_id, ident, {s.LINK_KIND: kind, **({s.INFERRED: True} if inferred else {})})

    def spans(self) -> list[Span]:
        """All spans; those still open end now."""
        for ident in list(self._open)[::-1]:
            self.end(ident)
        return self._spans


def call_attributes(
    given: Sequence[chat.Message],
    reply: Sequence[chat.Message],
    model: str | None = None,
    usage: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """The attributes of a chat span from normal messages and a usage object of any provider."""
    return _present(
        {
            s.REQUEST_MODEL: model,
            s.INPUT_MESSAGES: chat.as_json(given) if given else None,
            s.OUTPUT_MESSAGES: chat.as_json(reply) if reply else None,
            **usage_attributes(usage),
            **more,
        }
    )


def usage_attributes(usage: Any) -> dict[str, Any]:
    """Token counts from a usage object of any provider."""
    if not isinstance(usage, dict):
        return {}
    details = (
        usage.get("completion_tokens_details")
        or usage.get("output_tokens_details")
        or usage.get("output_token_details")
        or {}
    )
    if isinstance(details, (list, tuple)):
        details = details[0] if details else {}
    reasoning = details.get("reasoning_tokens", details.get("reasoning")) if isinstance(details, dict) else None
    cached = sum(plain.whole(usage.get(k)) or 0 for k in ("cache_read_input_tokens", "cache_creation_input_tokens"))
    given = _first(usage, "input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "input", "prompt")
    return _present(
        {
            s.INPUT_TOKENS: given + cached if given is not None else None,
            s.OUTPUT_TOKENS: _first(
                usage, "output_tokens", "completion_tokens", "outputTokens", "completionTokens", "output", "completion"
            ),
            s.REASONING_TOKENS: plain.whole(reasoning)
            if reasoning is not None
            else _first(usage, "reasoning_tokens", "reasoningTokens"),
        }
    )


def _first(holder: dict[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := plain.whole(holder.get(name))) is not None), None)


def _present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in attributes.items() if v is not None}


def _looks_like_id(key: object) -> bool:
    bare = str(key).replace("-", "").lower().removeprefix("0x")
    return len(bare) == 32 and all(c in "0123456789abcdef" for c in bare)
