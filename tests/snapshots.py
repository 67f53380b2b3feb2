"""A read trace as a short text of its shape (no contents), for golden files."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path

from workbench import semconv as s
from workbench.readers import messages as chat
from workbench.spans import Span
from workbench.store import SpanSet

GOLDEN = Path(__file__).parent / "golden"
MOST_TRACES, MOST_LINES = 2, 60


def snapshot(found: SpanSet) -> str:
    """Format, counts, and the trees of the first traces: name, operation, agent, model, tokens, messages, links."""
    spans = found.spans()
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    kinds = Counter(str(span.attributes.get(s.OPERATION)) for span in spans)
    head = [
        f"format {found.manifest['format']}",
        f"dialects {' '.join(found.manifest['dialects'])}".rstrip(),
        f"traces {len(traces)} spans {len(spans)} links {sum(len(x.links) for x in spans)} skipped {found.skipped}",
        "operations " + " ".join(f"{kind}={n}" for kind, n in sorted(kinds.items())),
        *(f"warning {warning}" for warning in found.warnings),
    ]
    for number, members in enumerate(list(traces.values())[:MOST_TRACES]):
        head += ["", f"trace {number}", *_tree(members)[:MOST_LINES]]
    return "\n".join(head) + "\n"


def _tree(members: list[Span]) -> list[str]:
    start = min(x.start_ns for x in members)
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in members:
        children[span.parent_id].append(span)
    order = {
        span.span_id: i for i, span in enumerate(sorted(members, key=lambda x: (x.start_ns, -x.end_ns, x.span_id)))
    }
    lines: list[str] = []

    def walk(span: Span, depth: int) -> None:
        lines.append("  " * depth + _line(span, start, order))
        for child in sorted(children[span.span_id], key=lambda x: order[x.span_id]):
            walk(child, depth + 1)

    for root in sorted(children[None], key=lambda x: order[x.span_id]):
        walk(root, 0)
    return lines


def _line(span: Span, start: int, order: dict[str, int]) -> str:
    own = span.attributes
    words = [
        f"#{order[span.span_id]}",
        repr(span.name[:48]),
        str(own.get(s.OPERATION) or "-"),
        f"{(span.start_ns - start) / 1e9:.3f}+{span.seconds:.3f}",
    ]
    for label, key in (
        ("agent", s.AGENT),
        ("model", s.REQUEST_MODEL),
        ("tool", s.TOOL_NAME),
        ("score", s.SCORE),
        ("in", s.INPUT_TOKENS),
        ("out", s.OUTPUT_TOKENS),
        ("reasoning", s.REASONING_TOKENS),
        ("cost", s.COST),
        ("error", s.ERROR_TYPE),
    ):
        if own.get(key) is not None:
            words.append(f"{label}={str(own[key])[:40]}")
    for label, key in (("given", s.INPUT_MESSAGES), ("said", s.OUTPUT_MESSAGES)):
        if own.get(key):
            words.append(f"{label}={','.join(_message(m) for m in chat.normal(own[key])[-4:])}")
    for link in span.links:
        mark = "~" if link.attributes.get(s.INFERRED) else ""
        words.append(f"{mark}{link.attributes.get(s.LINK_KIND, 'link')}→#{order.get(link.span_id, '?')}")
    words += [f"!{event.name}" for event in span.events[:3]]
    return " ".join(words)


def _message(message: chat.Message) -> str:
    kinds = {"text": "t", "reasoning": "r", "tool_call": "c", "tool_call_response": "a"}
    return f"{message['role'][0]}:{''.join(kinds.get(p['type'], '?') for p in message['parts'])}"


def check(name: str, text: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 writes it anew."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"no golden file {path.name}: run once with UPDATE_GOLDEN=1 and look at it"
    assert text == path.read_text()
