"""A mock of an OpenAI-protocol server, in its own process: answers each chat after `latency_s`; a share of answers are faults."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator

BODY = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"I add the numbers one by one.\\nAnswer: 4"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":40,"completion_tokens":12,"total_tokens":52}}'
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
ERROR = b'{"error":{"message":"mock","type":"mock","code":"mock"}}'
FAULTS = ("400", "429", "500", "503", "hang", "cut", "half", "no json", "empty")
"""Kinds of faults: statuses, an answer that never comes, a connection closed before or in the middle, a body that is not one."""
HANG_S = 30.0


async def fail(kind: str, writer: asyncio.StreamWriter) -> bool:
    """Do a fault; whether the connection can go on."""
    if kind == "hang":
        await asyncio.sleep(HANG_S)
        return False
    if kind == "cut":
        return False
    if kind == "half":
        writer.write(REPLY[: len(REPLY) // 2])
        await writer.drain()
        return False
    body = {"no json": b"<html>busy</html>", "empty": b""}.get(kind, ERROR)
    status = kind if kind.isdigit() else "200"
    head = f"HTTP/1.1 {status} Mock\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return True


async def serve(latency_s: float, faults: float) -> None:
    """Serve on a free port of 127.0.0.1, whose number is printed first; a share `faults` of the answers are faults."""
    lots = random.Random(0)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().index(b"content-length:") + 15
                await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
                await asyncio.sleep(latency_s)
                if lots.random() < faults:
                    if not await fail(lots.choice(FAULTS), writer):
                        break
                    continue
                writer.write(REPLY)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def mock_server(latency_s: float = 0.05, faults: float = 0.0) -> Iterator[str]:
    """The api base of a running mock."""
    child = subprocess.Popen([sys.executable, __file__, str(latency_s), str(faults)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), float(sys.argv[2])))
