"""Tree-of-thought logs: breadth-first steps (proposals, values, survivors) and depth-first visits of crosswords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench import semconv as s
from workbench.otlp.notes import Notes
from workbench.readers import plain
from workbench.readers.build import STEP_NS, TraceBuilder
from workbench.readers.source import Source
from workbench.spans import Span

NAME = "tree-of-thought"


def matches(source: Source) -> bool:
    """True for records whose steps propose (new_ys) or visit (total_step), and for bare lists of visits."""
    return any(_steps(r) is not None for r in source.heads)


def _steps(record: Any) -> tuple[str, list[dict[str, Any]]] | None:
    listed = record.get("steps") if isinstance(record, dict) else record
    if not isinstance(listed, list):
        return None
    rows = [step for step in listed if isinstance(step, dict)]
    if rows and "new_ys" in rows[0] and "ys" in rows[0]:
        return "bfs", rows
    if rows and "total_step" in rows[0] and "actions" in rows[0]:
        return "dfs", rows
    return None


def read(source: Source, notes: Notes) -> Iterator[Span]:
    """One trace per problem."""
    for number, record in enumerate(source.records()):
        found = _steps(record)
        if found is None:
            notes.skip("a record without steps of a search")
            continue
        yield from (_bfs if found[0] == "bfs" else _dfs)(
            record if isinstance(record, dict) else {}, found[1], source.name, number
        )


def _begin(
    record: dict[str, Any], steps: list[dict[str, Any]], kind: str, file: str, number: int
) -> tuple[TraceBuilder, str]:
    build = TraceBuilder(f"tot:{file}/{number}", NAME)
    used = record.get("usage_so_far") if isinstance(record.get("usage_so_far"), dict) else {}
    kept = _graded(record)
    known = [score for _, score in kept if score is not None]
    best = max(kept, key=lambda pair: pair[1] or 0.0, default=(None, None))[
        0
    ]  # its score is the attempt's, as published
    root = build.begin(
        "tree of thought",
        s.WORKFLOW,
        None,
        {
            s.TASK_ID: str(record.get("qid", record.get("idx", number))),
            s.STRATEGY: f"tree-of-thought-{kind}",
            s.TASK_PROMPT: plain.text(record.get("question", steps[0].get("x")), 4_000),
            s.SCORE: max(known) if known else None,
            s.ANSWER: plain.text(best, 4_000) if best else None,
            "tot.cost_so_far_usd": plain.number((used or {}).get("cost")),
        },
    )
    return build, root


def _graded(record: dict[str, Any]) -> list[tuple[str, float | None]]:
    """What was kept at the end (ys) with how it was graded (infos[].r or accs); None where it was not."""
    grades = next((g for g in (record.get("infos"), record.get("accs")) if isinstance(g, list)), [])
    scores = [plain.score(g.get("r") if isinstance(g, dict) else g) for g in grades]
    return [(str(y), scores[i] if i < len(scores) else None) for i, y in enumerate(_list(record.get("ys")))]


def _bfs(record: dict[str, Any], steps: list[dict[str, Any]], file: str, number: int) -> list[Span]:
    """Each proposal is a thread that forks from the survivor it grew from; each step's selection joins them."""
    build, root = _begin(record, steps, "bfs", file, number)
    graded = dict(_graded(record))
    kept: dict[str, str] = {}
    selection: str | None = None
    index = 0
    for level, step in enumerate(steps):
        proposals = [str(y) for y in _list(step.get("new_ys"))]
        values = [plain.number(v) for v in _list(step.get("values"))]
        chosen = [str(y) for y in _list(step.get("select_new_ys"))]
        start, threads = build.now, []
        for i, text in enumerate(proposals):
            parent = next((kept[y] for y in sorted(kept, key=len, reverse=True) if y and text.startswith(y)), None)
            links = [build.link(k, s.FORK) for k in ([parent] if parent else [selection] if selection else [])]
            value = values[i] if i < len(values) else None
            thread = build.begin(
                f"invoke_agent proposal {index}",
                s.THREAD,
                root,
                {
                    s.AGENT: f"proposal {index}",
                    s.THREAD_INDEX: index,
                    s.ROUND: level,
                    s.ROLE: "subtask",
                    s.ANSWER: text[:4_000],
                    s.SCORE: graded.get(text) if level == len(steps) - 1 else None,
                    "tot.value": value,
                    "tot.kept": text in chosen,
                },
                start_ns=start,
                links=links,
            )
            build.end(thread, end_ns=start + STEP_NS)
            threads.append((text, thread))
            index += 1
        build.now = start + STEP_NS
        if threads:
            synthesis = build.begin(
                f"select step {level}",
                s.SYNTHESIS,
                root,
                {
                    s.SYNTHESIS_KIND: "select",
                    s.ROUND: level,
                    s.ANSWER: chosen[0][:4_000] if chosen else None,
                    s.SUPPORT: len(chosen) / len(proposals),
                },
                links=[build.link(t, s.JOIN) for _, t in threads],
            )
            build.event(
                synthesis,
                s.DECISION,
                {
                    s.DECISION_KIND: "prune",
                    s.DECISION_REASON: f"kept {len(chosen)} of {len(proposals)} proposals by value",
                },
            )
            build.now += STEP_NS // 2
            build.end(synthesis)
            selection = synthesis
            kept = {text: selection if text not in chosen else thread for text, thread in threads if text in chosen}
    build.end(root)
    return build.spans()


def _dfs(record: dict[str, Any], steps: list[dict[str, Any]], file: str, number: int) -> list[Span]:
    """Each visit extends the branch it goes on with; a step back forks a new thread from where it went back to."""
    build, root = _begin(record, steps, "dfs", file, number)
    threads: list[tuple[str, list[str]]] = []
    best = 0.0
    for step in steps:
        actions = [str(a) for a in _list(step.get("actions"))]
        info = step.get("info") if isinstance(step.get("info"), dict) else {}
        reward = plain.number((info or {}).get("r_word"))
        best = max(best, reward or 0.0)
        extends = threads and actions[:-1] == threads[-1][1]
        if not extends:
            if threads:
                build.end(threads[-1][0])
            origin = next((t for t, path in reversed(threads) if path[: len(actions) - 1] == actions[:-1]), None)
            index = len(threads)
            threads.append(
                (
                    build.begin(
                        f"invoke_agent branch {index}",
                        s.THREAD,
                        root,
                        {s.AGENT: f"branch {index}", s.THREAD_INDEX: index, s.ROLE: "subtask"},
                        links=[build.link(origin, s.FORK)] if origin else [],
                    ),
                    actions,
                )
            )
        else:
            threads[-1] = (threads[-1][0], actions)
        count = step.get("count") if isinstance(step.get("count"), dict) else {}
        build.step(
            f"visit {actions[-1] if actions else ''}".strip(),
            "visit",
            threads[-1][0],
            {
                "tot.step": plain.whole(step.get("total_step")),
                "tot.depth": plain.whole(step.get("env_step")),
                "tot.r_word": reward,
                "tot.r_letter": plain.number((info or {}).get("r_letter")),
                "tot.impossible": plain.whole((count or {}).get("impossible")),
                "tot.sure": plain.whole((count or {}).get("sure")),
                "tot.action": actions[-1] if actions else None,
            },
        )
    if threads:
        build.end(threads[-1][0])
    build.update(root, {s.SCORE: best})
    build.end(root)
    return build.spans()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
