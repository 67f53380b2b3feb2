"""LangGraph: a graph that fans out to five model calls by Send and votes; args: api_base calls in_flight. Prints JSON."""

import asyncio
import json
import operator
import sys
import time
from collections import Counter
from typing import Annotated, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

AGENTS = 5


class State(TypedDict):
    question: str
    answers: Annotated[list[str], operator.add]
    vote: str


def build(api_base: str):
    model = ChatOpenAI(model="mock", base_url=api_base, api_key="none", max_retries=0)

    async def solve(state):
        messages = [("system", "Work step by step." * 10), ("user", state["question"])]
        said = await model.ainvoke(messages)
        return {"answers": [said.content.rsplit("Answer:", 1)[-1].strip()]}

    graph = StateGraph(State)
    graph.add_node("solve", solve)
    graph.add_node("vote", lambda state: {"vote": Counter(state["answers"]).most_common(1)[0][0]})
    graph.add_conditional_edges(START, lambda state: [Send("solve", state) for _ in range(AGENTS)], ["solve"])
    graph.add_edge("solve", "vote")
    graph.add_edge("vote", END)
    return graph.compile()


async def main(api_base: str, calls: int, in_flight: int) -> None:
    graph = build(api_base)
    room = asyncio.Semaphore(max(1, in_flight // AGENTS))

    async def one(i: int) -> str:
        async with room:
            return (await graph.ainvoke({"question": f"What is {i} + 1?", "answers": []}))["vote"]

    await asyncio.gather(*(one(i) for i in range(max(1, in_flight // AGENTS))))
    wall, cpu = time.perf_counter(), time.process_time()
    votes = await asyncio.gather(*(one(i) for i in range(calls // AGENTS)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert set(votes) == {"4"}
    print(json.dumps({"seconds": wall, "cpu_s": cpu, "calls": calls}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
