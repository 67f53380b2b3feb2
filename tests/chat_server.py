"""ChatServer: a real HTTP server on loopback that speaks the OpenAI chat protocol (streaming too) and fails on command."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass
class Fault:
    """What to do instead of answering: an HTTP status, a slow answer, a connection cut, or a body that is not right."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False  # close the connection in the middle
    body: str | None = None  # send this instead of the JSON


@dataclass
class ChatServer:
    """`answer(body)` gives the text (or a whole message dict); `fault(n, body)` may give a Fault for the n-th request."""

    answer: Callable[[Body], str | Body] = lambda body: f"Answer: {len(body['messages'])}"
    fault: Callable[[int, Body], Fault | None] = lambda n, body: None
    latency_s: float = 0.0
    requests: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    disconnects: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    def __enter__(self) -> ChatServer:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _serve(self, ready: threading.Event) -> None:
        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            server = await asyncio.start_server(self._client, "127.0.0.1", 0, backlog=2048)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self._stop.wait()
            server.close()

        asyncio.run(main())

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        number = len(self.requests)
        self.requests.append(body)
        self.headers.append(headers)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._respond(number, body, reader, writer)
        finally:
            self.in_flight -= 1

    async def _respond(self, n: int, body: Body, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        fault = self.fault(n, body) or Fault()
        if not await self._waited(self.latency_s + fault.delay_s, reader):
            self.disconnects += 1
            return False
        if fault.status != 200 or fault.body is not None:
            text = (
                fault.body if fault.body is not None else json.dumps({"error": {"message": f"status {fault.status}"}})
            )
            _send(writer, fault.status, text, fault.headers)
        elif body.get("stream"):
            return await self._stream(body, fault, writer)
        else:
            text = json.dumps(self._completion(body))
            if fault.cut:
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n".encode()
                )
                writer.write(text[: len(text) // 2].encode())
                await writer.drain()
                return False
            _send(writer, 200, text, {})
        await writer.drain()
        return True

    async def _waited(self, seconds: float, reader: asyncio.StreamReader) -> bool:
        """Sleep; False where the client went away meanwhile."""
        if seconds <= 0:
            return True
        gone = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait({gone}, timeout=seconds)
        if done:
            return False
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        return True

    async def _stream(self, body: Body, fault: Fault, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        whole = self._completion(body)
        words = (whole["choices"][0]["message"]["content"] or "").split(" ")
        for i, word in enumerate(words):
            delta = {"role": "assistant", "content": (" " if i else "") + word}
            writer.write(_event(whole, {"index": 0, "delta": delta, "finish_reason": None}))
            await writer.drain()
            if fault.cut and i >= len(words) // 2:
                writer.transport.abort()
                return False
        for delta in _called(whole["choices"][0]["message"].get("tool_calls") or []):
            writer.write(_event(whole, {"index": 0, "delta": delta, "finish_reason": None}))
            await writer.drain()
        writer.write(_event(whole, {"index": 0, "delta": {}, "finish_reason": "stop"}))
        writer.write(
            b"data: " + json.dumps({**_frame(whole), "choices": [], "usage": whole["usage"]}).encode() + b"\n\n"
        )
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
        return False

    def _completion(self, body: Body) -> Body:
        said = self.answer(body)
        message = said if isinstance(said, dict) else {"role": "assistant", "content": said}
        prompt = sum(len(str(m.get("content") or "").split()) for m in body["messages"])
        reply = max(1, len(str(message.get("content") or "").split()))
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply},
        }


def _called(calls: list[Body]) -> Iterator[Body]:
    """Tool calls as OpenAI streams them: the name first, then the arguments in pieces."""
    for i, call in enumerate(calls):
        function = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": i, "id": call["id"], "type": "function", "function": function}]}
        text = call["function"]["arguments"]
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}


def _frame(whole: Body) -> Body:
    return {"id": whole["id"], "object": "chat.completion.chunk", "created": 1, "model": whole["model"]}


def _event(whole: Body, choice: Body) -> bytes:
    return b"data: " + json.dumps({**_frame(whole), "choices": [choice]}).encode() + b"\n\n"


def _send(writer: asyncio.StreamWriter, status: int, text: str, headers: dict[str, str]) -> None:
    data = text.encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
