"""OptiLLM's proxy with self_consistency (five samples, one after the other, by its design); args: api_base calls in_flight."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

AGENTS = 5
PORT = 8217


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ready(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(240):
        try:
            async with session.get(f"{url}/health"):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.25)
    raise SystemExit("OptiLLM did not start")


async def main(api_base: str, calls: int, in_flight: int) -> None:
    environment = os.environ | {"OPENAI_API_KEY": "none"}
    words = [
        "-c",
        "from optillm import main; main()",
        "--base-url",
        api_base,
        "--port",
        str(PORT),
        "--approach",
        "self_consistency",
        "--log",
        "error",
    ]
    server = subprocess.Popen(  # noqa: ASYNC220  (before anything else runs)
        [sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{PORT}"
    room = asyncio.Semaphore(
        in_flight
    )  # its five samples follow each other: so many requests are so many calls in flight
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await ready(session, url)

            async def one(i: int) -> str:
                async with room:
                    body = {
                        "model": "mock",
                        "messages": [
                            {"role": "system", "content": "Work step by step." * 10},
                            {"role": "user", "content": f"What is {i} + 1?"},
                        ],
                    }
                    async with session.post(f"{url}/v1/chat/completions", json=body) as said:
                        return (await said.json())["choices"][0]["message"]["content"]

            await asyncio.gather(*(one(i) for i in range(2)))
            wall, cpu = time.perf_counter(), cpu_s(server.pid)
            votes = await asyncio.gather(*(one(i) for i in range(calls // AGENTS)))
            wall, cpu = time.perf_counter() - wall, cpu_s(server.pid) - cpu
            assert all("4" in v for v in votes)
    finally:
        server.kill()
        server.wait()
    print(json.dumps({"seconds": wall, "cpu_s": cpu, "calls": calls}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
