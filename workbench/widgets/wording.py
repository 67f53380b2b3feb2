"""Wording: what a picture says in words, the same in the still and in the browser."""

from __future__ import annotations

from workbench.layout import Layout
from workbench.layout.answers import PART

MOST_OTHERS = 3


def subtitle(of: Layout) -> str:
    """strategy · agents · time · tokens · cost."""
    f = of.facts
    agents = f["agents"] or f["threads"]
    parts = [
        f["strategy"],
        f"{agents} agent{'' if agents == 1 else 's'}" if agents else None,
        seconds(f["seconds"]),
        f"{f['input_tokens'] + f['output_tokens']:,} tokens" if f["input_tokens"] or f["output_tokens"] else None,
        f"${f['cost_usd']:.4f}" if f["cost_usd"] else None,
        f"difficulty {f['difficulty']:g}" if f["difficulty"] is not None else None,
        f"{f['errors']} failed" if f["errors"] else None,
    ]
    return "  ·  ".join(str(p) for p in parts if p)


def verdict(of: Layout) -> tuple[str, list[tuple[str, int | None]]]:
    """The final answer, and the lines under it with the answer group whose colour they take (None: none)."""
    f = of.facts
    chosen = next((g for g in of.groups if g.chosen), None)
    answer = f["answer"] or (chosen.answer if chosen else "")
    lines: list[tuple[str, int | None]] = []
    voters = sum(g.votes for g in of.groups)
    total = round(chosen.votes / chosen.share) if chosen and chosen.share else voters
    if chosen and chosen.votes and total > 1:
        lines.append((f"{chosen.votes} of {total} agree", 0))
    others = [(i, g) for i, g in enumerate(of.groups) if not g.chosen and g.votes]
    if total > 1:
        lines += [(f"{g.answer}  × {g.votes}", i) for i, g in others[:MOST_OTHERS]]
    if (more := len(others) - MOST_OTHERS) > 0 and total > 1:
        lines.append((f"{more} other answer{'' if more == 1 else 's'}", None))
    parts = sum(node.group == PART and node.answer is not None for node in of.nodes)
    if parts:
        lines.append((f"from {parts} part{'' if parts == 1 else 's'}", None))
    if f["synthesis"] and f["synthesis"] != f["strategy"]:
        lines.append((f"by {f['synthesis']}", None))
    if f["score"] is not None:
        lines.append(("right" if f["score"] >= 1 else f"wrong: it is {f['target']}" if f["target"] else "wrong", None))
    return str(answer or ("no answer" if f["strategy"] else "")), lines


def standing(of: Layout) -> list[tuple[str, int | None]]:
    """While a task is under way: the answers so far with their votes, and how many threads have not said one."""
    said = sorted(((g.votes, i) for i, g in enumerate(of.groups) if g.votes), reverse=True)
    lines: list[tuple[str, int | None]] = [
        (f"{of.groups[i].answer}  × {votes}", i) for votes, i in said[: MOST_OTHERS + 1]
    ]
    voters = next((j.sources for j in of.joints if j.kind == "join" and not j.targets), [])
    working = sum(of.nodes[n].answer is None and not (of.nodes[n].error or of.nodes[n].cancelled) for n in voters)
    return lines + ([(f"{working} at work", None)] if working else [])


def describe(of: Layout) -> str:
    """One or two sentences for those who cannot see the picture."""
    f = of.facts
    answer, lines = verdict(of)
    text = f"{f['threads']} threads over {seconds(f['seconds'])}"
    if f["strategy"]:
        text += f", strategy {f['strategy']}"
    if answer:
        text += f". The answer is {answer[:200]}"
    return text + "".join(f"; {line[:200]}" for line, _ in lines) + "."


def seconds(value: float) -> str:
    """A duration in the unit that suits it."""
    if value >= 120:
        return f"{value / 60:.1f} min"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
