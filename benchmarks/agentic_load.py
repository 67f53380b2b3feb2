"""A large run of made-up trajectories, as the workbench records them, for measuring how fast the agentic measures are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa

from workbench import semconv as s
from workbench.readers.build import TraceBuilder
from workbench.spans import Span
from workbench.store import columns, seal
from workbench.store import manifest as manifests
from workbench.store.places import Place

TOOLS = ("get_balance", "transfer", "list_entries", "find_account", "close_day")


def write(folder: Path, trajectories: int, steps: int, seed: int = 0) -> Path:
    """A sealed Run of `trajectories` × `steps` tool calls (4 trials a task), each with its model call, fault, fact, rule."""
    place = Place(folder)
    rng = random.Random(seed)

    def tables() -> Iterator[pa.Table]:
        block: list[Span] = []
        for number in range(trajectories):
            block += trajectory(number, steps, rng)
            if len(block) >= 40_000:
                yield columns.table(block, "load")
                block = []
        if block:
            yield columns.table(block, "load")

    note = seal.write(place, tables())
    about = {"id": "load", "status": "closed", "sealed": note | {"files": {}, "skipped": 0, "warnings": []}}
    manifests.change(place, lambda found: {**found, **about})
    return folder


def trajectory(number: int, steps: int, rng: random.Random) -> list[Span]:
    """One trace: a ledger's clerk who sometimes calls wrongly, meets faults, forgets, and breaks a rule now and then."""
    build = TraceBuilder(f"load/{number}", "load", start_ns=1_700_000_000_000_000_000 + number)
    about = {
        s.TASK_ID: f"ledger/{number // 4}",
        s.REPEAT: number % 4,
        s.STRATEGY: "single",
        s.SCORE: float(rng.random() < 0.5),
    }
    root = build.begin("episode", s.WORKFLOW, None, about)
    thread = build.begin("invoke_agent clerk", s.THREAD, root, {s.AGENT: "clerk", s.THREAD_INDEX: 0})
    account = f"ac_{rng.randrange(10**6)}"
    for step in range(steps):
        tool, ident = rng.choice(TOOLS), f"call_{number}_{step}"
        arguments = orjson.dumps({"account": account, "amount": rng.randrange(1000)}).decode()
        call = {"type": "tool_call", "id": ident, "name": tool, "arguments": arguments}
        output = orjson.dumps([{"role": "assistant", "parts": [call]}]).decode()
        heard = orjson.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": f"Step {step}: see to {account}."}]}]
        ).decode()
        asked = {s.FACT: "owner", s.FACT_DISTANCE: step, s.RECALLED: rng.random() < 0.97**step} if step % 6 == 5 else {}
        shared = {s.STEP: step, s.INPUT_TOKENS: 200, s.OUTPUT_TOKENS: 30, s.COST: 0.0001}
        fault = "timeout" if rng.random() < 0.08 else None
        right = rng.random() < 0.9
        chat = build.begin(
            "chat", s.CHAT, thread, {**shared, s.INPUT_MESSAGES: heard, s.OUTPUT_MESSAGES: output, **asked}
        )
        build.event(chat, s.RULE_CHECK, {s.RULE: "confirm first", s.VIOLATED: rng.random() < 0.01 + step / 2000})
        build.now += 1_000_000
        build.end(chat)
        account = f"ac_{rng.randrange(10**6)}"
        told = {
            s.STEP: step, s.TOOL_NAME: tool, s.TOOL_CALL_ID: ident, s.TOOL_ARGUMENTS: arguments, s.EXPECTED_ARGUMENTS: arguments,
            s.EXPECTED_TOOL: tool if right else "transfer", s.FAULT: fault, s.ERROR_TYPE: fault,
            s.TOOL_RESULT: None if fault else orjson.dumps({"next": account, "balance": rng.randrange(10**5)}).decode(),
        }  # fmt: skip
        build.step(f"execute_tool {tool}", s.TOOL, thread, told, end_ns=build.now + 1_000_000, error=fault)
    return build.spans()
