"""A mock of an OpenAI-protocol server in a process of its own: answers every chat after `latency_s`; run me with a latency."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

BODY = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"I add the numbers one by one.\\nAnswer: 4"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":40,"completion_tokens":12,"total_tokens":52}}'
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


async def serve(latency_s: float) -> None:
    """Serve on a free port of 127.0.0.1, whose number is printed first."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().index(b"content-length:") + 15
                await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
                await asyncio.sleep(latency_s)
                writer.write(REPLY)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def mock_server(latency_s: float = 0.05) -> Iterator[str]:
    """The api base of a running mock."""
    child = subprocess.Popen([sys.executable, __file__, str(latency_s)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
