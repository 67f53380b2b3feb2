"""tau-bench results: lists or lines of {task_id, reward, traj, trial}; tau2-bench's {tasks, simulations} too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import messages as chat
from workbench.readers import plain
from workbench.readers.build import TraceBuilder
from workbench.readers.source import Source
from workbench.readers.trajectory import first_user, last_answer, tell
from workbench.spans import Span

NAME = "tau-bench"


def matches(source: Source) -> bool:
    """True for trajectories with a reward, and for tau2's simulations."""
    return any(isinstance(r, dict) and (_is_episode(r) or isinstance(r.get("simulations"), list)) for r in source.heads)


def _is_episode(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and "task_id" in record
        and (
            (isinstance(record.get("traj"), list) and ("reward" in record or "trial" in record))
            or (isinstance(record.get("messages"), list) and isinstance(record.get("reward_info"), dict))
        )
    )


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per trajectory."""
    for record in source.records():
        listed = record.get("simulations") if isinstance(record, dict) else None
        info = record.get("info") if isinstance(record, dict) and isinstance(listed, list) else None
        for number, episode in enumerate(listed if isinstance(listed, list) else [record]):
            if _is_episode(episode):
                yield from _episode(episode, info if isinstance(info, dict) else {}, number)
            else:
                notes.skip("a record that is not a trajectory")


def _episode(record: dict[str, Any], info: dict[str, Any], number: int) -> list[Span]:
    raw = record.get("traj") or record.get("messages") or []
    said = chat.normal(raw, "user")
    own = record.get("info") if isinstance(record.get("info"), dict) else {}
    assert isinstance(own, dict)
    task = own.get("task") if isinstance(own.get("task"), dict) else {}
    reward = record.get("reward")
    if reward is None and isinstance(record.get("reward_info"), dict):
        reward = record["reward_info"].get("reward")
    trial = plain.whole(record.get("trial")) or 0
    source = f"tau:{plain.dumps(raw)}"
    build = TraceBuilder(f"{record.get('task_id')}/{trial}/{number}/{plain.span_id(source)}", NAME)
    prompt = (task or {}).get("instruction") or first_user(said)
    agent_info = info.get("agent_info") if isinstance(info.get("agent_info"), dict) else {}
    model = plain.text((agent_info or {}).get("llm"))
    root = build.begin(
        f"tau-bench {record.get('task_id')}",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(record.get("task_id")),
            s.REPEAT: trial,
            s.SCORE: plain.number(reward),
            s.TASK_PROMPT: plain.text(prompt, 4_000),
            s.ANSWER: last_answer(said),
            s.REQUEST_MODEL: model,
        },
    )
    thread = build.begin(
        "invoke_agent agent",
        s.THREAD,
        root,
        {s.AGENT: "agent", s.THREAD_INDEX: 0, s.ROLE: "act", s.SCORE: plain.number(reward)},
    )
    usage = [m.get("usage") for m in raw if isinstance(m, dict) and m.get("role") == "assistant"]
    tell(build, thread, said, model, usage)
    error = plain.text(own.get("error"))
    build.end(thread, error=error)
    build.end(root, error=error)
    return build.spans()
