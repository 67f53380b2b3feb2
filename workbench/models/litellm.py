"""LiteLLM: any provider, behind this one file; the only importer of litellm."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from workbench.agents import Message, Reply, ToolCall
from workbench.errors import (
    BadReply,
    MissingKey,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    UsageError,
    nearest,
)
from workbench.models.base import Request

OFFLINE = ("abacus-s", "abacus-m")
"""Names offered beside LiteLLM's when a name is wrong."""


def load() -> ModuleType:
    """Import litellm without its price-map download, its telemetry and its debug prints (2-4 s, once)."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    first = "litellm" not in sys.modules
    import litellm

    if first:
        # half a million objects that live as long as the process: scanning them again and again cost 0.7 ms a call
        gc.collect()
        gc.freeze()
    module: ModuleType = litellm
    _log_only_for_listeners(litellm)
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True  # a model without a seed or a temperature still answers; the span records what was asked
    return module


@cache
def _log_only_for_listeners(litellm: ModuleType) -> None:
    """Spare LiteLLM the work of logging a finished call where no callback of the user's listens.

    It queues up to 50,000 calls of 11 kB for a worker on the same event loop, which falls behind under load: 430 MiB after 40,000
    calls, and half a millisecond each. Its own bound does not help: working off a full queue raises ValueError (1.106.2).
    """
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER as WORKER

    queue = WORKER.ensure_initialized_and_enqueue

    def enqueue(async_coroutine: Coroutine[Any, Any, None]) -> None:
        if any(getattr(litellm, name, None) for name in ("callbacks", "success_callback", "_async_success_callback")):
            queue(async_coroutine)
        else:
            async_coroutine.close()

    WORKER.ensure_initialized_and_enqueue = enqueue


def missing_key(model: str) -> str | None:
    """The one line that names the variables LiteLLM wants for this model, or None where nothing is missing."""
    found = load().validate_environment(model)
    names = [n for n in found["missing_keys"] if n != "OLLAMA_API_BASE"]  # ollama answers on its usual address
    if found["keys_in_environment"] or not names:
        return None
    return f"{model} needs a key: set {' and '.join(names)} in the environment"


def provider(model: str) -> str:
    """The provider LiteLLM would ask. Raises UsageError where it cannot tell."""
    litellm = load()
    try:
        return str(litellm.get_llm_provider(model)[1])
    except litellm.exceptions.BadRequestError:
        raise UsageError(
            f"unknown model {model!r}{nearest(model, [*OFFLINE, *litellm.model_list])[:300]} … "
            "A LiteLLM name is provider/model, such as openai/gpt-4o or hosted_vllm/my-model (with an api base)"
        ) from None


def price_per_token(model: str) -> tuple[float, float] | None:
    """Dollars per input and output token by LiteLLM's bundled price map, or None where it does not know the model."""
    litellm = load()
    try:
        info = litellm.get_model_info(model)
    except litellm.exceptions.ModelNotMappedError:
        return None
    return float(info.get("input_cost_per_token") or 0), float(info.get("output_cost_per_token") or 0)


class LiteLLM:
    """One LiteLLM model. `api_base` reaches a self-hosted server; keys are read by LiteLLM from the environment."""

    def __init__(self, name: str, *, api_base: str | None = None, options: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.api_base = api_base
        self.options = dict(options or {})
        self._litellm = load()
        self.per_token = price_per_token(name)
        # a self-hosted server that asks for no key; the openai client insists on one (asked once: it costs 0.5 ms)
        self._keyless = api_base is not None and "api_key" not in self.options and missing_key(name) is not None
        self._can_reason = bool(self._litellm.supports_reasoning(name))

    @property
    def secrets(self) -> list[str]:
        """Keys and header values among the options: the record strikes them out, whatever they look like."""
        headers = [v for name in ("extra_headers", "headers") for v in (self.options.get(name) or {}).values()]
        keys = [v for name, v in self.options.items() if name.endswith(("_key", "_token", "_secret", "password"))]
        return [v for v in (*headers, *keys) if isinstance(v, str)]

    def check(self) -> None:
        """Raise MissingKey before anything is sent, where LiteLLM would have no key for this model."""
        if self.api_base is None and "api_key" not in self.options:
            line = missing_key(self.name)
            if line:
                raise MissingKey(line)

    async def complete(self, request: Request) -> Reply:
        """Answer one request. Raises ModelError and nothing else for what goes wrong on the other side."""
        try:
            response = await self._litellm.acompletion(**self._arguments(request))
        except asyncio.CancelledError:
            raise
        except Exception as e:  # what providers' clients raise has no common base; `_sorted` tells them apart
            raise self._sorted(e) from e
        return self._reply(response)

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Yield text as it comes and, last, the whole Reply; a stream that breaks off raises ModelOverloaded."""
        arguments = self._arguments(request) | {"stream": True, "stream_options": {"include_usage": True}}
        chunks: list[Any] = []
        try:
            response = await self._litellm.acompletion(**arguments)
            async for chunk in response:
                chunks.append(chunk)
                if chunk.choices and chunk.choices[0].delta.content:
                    yield str(chunk.choices[0].delta.content)
        except asyncio.CancelledError:
            raise
        except Exception as e:  # what providers' clients raise has no common base; `_sorted` tells them apart
            raise self._sorted(e) from e
        whole = self._litellm.stream_chunk_builder(chunks) if chunks else None
        # LiteLLM ends a stream that broke off with a "stop" of its own; what the provider said stands only here
        if whole is None or response.received_finish_reason is None:
            raise BadReply(f"{self.name}: the stream broke off after {len(chunks)} pieces")
        yield self._reply(whole)

    async def aclose(self) -> None:
        """Close LiteLLM's pooled connections."""
        await self._litellm.close_litellm_async_clients()

    def _arguments(self, request: Request) -> dict[str, Any]:
        given: dict[str, Any] = {
            "model": self.name,
            "messages": [_message(m) for m in request.messages],
            "num_retries": 0,  # the engine retries, where it is seen and counted
            "max_retries": 0,
            **self.options,
            **request.options,
        }
        optional = {
            "api_base": self.api_base,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
        }
        given |= {k: v for k, v in optional.items() if v is not None}
        if self._keyless:
            given.setdefault("api_key", "none")
        if given.get("tools"):
            # else LiteLLM imports mcp, which is no dependency, to look for gateway tools
            given["_skip_mcp_handler"] = True
        if request.reasoning == "extended" and not {"reasoning_effort", "thinking"} & given.keys():
            given["reasoning_effort"] = "high"
        elif request.reasoning == "none" and self._can_reason:
            given.setdefault("reasoning_effort", "none")
        return given

    def _reply(self, response: Any) -> Reply:
        choice = response.choices[0] if getattr(response, "choices", None) else None
        if choice is None:
            raise BadReply(f"{self.name}: the answer has no choices")
        message, usage = choice.message, getattr(response, "usage", None)
        details = getattr(usage, "completion_tokens_details", None)
        calls = tuple(
            ToolCall(c.id or "", c.function.name or "", c.function.arguments or "") for c in message.tool_calls or ()
        )
        reply = Reply(
            text=message.content or "",
            input_tokens=getattr(usage, "prompt_tokens", 0) or 0,
            output_tokens=getattr(usage, "completion_tokens", 0) or 0,
            reasoning_tokens=getattr(details, "reasoning_tokens", 0) or 0,
            cost_usd=self._cost(response),
            logprob=_mean_logprob(choice),
            finish_reason=choice.finish_reason or "stop",
            thinking=getattr(message, "reasoning_content", None) or "",
            tool_calls=calls,
            response_model=getattr(response, "model", "") or "",
        )
        if not reply.text.strip() and not calls:
            raise BadReply(f"{self.name}: the answer is empty (finish reason {reply.finish_reason})", reply)
        return reply

    def _cost(self, response: Any) -> float | None:
        if self.per_token is None:
            return None
        hidden = getattr(response, "_hidden_params", {}) or {}
        if hidden.get("response_cost") is not None:
            return float(hidden["response_cost"])
        usage = getattr(response, "usage", None)
        tokens = (getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0)
        return tokens[0] * self.per_token[0] + tokens[1] * self.per_token[1]

    def _sorted(self, e: Exception) -> Exception:
        """LiteLLM's errors (subclasses of openai's) into our tree; a programming error comes back as it is."""
        kinds = self._litellm.exceptions
        text = f"{self.name}: {type(e).__name__}: {str(e).splitlines()[0][:500] if str(e) else ''}"
        if isinstance(e, ModelError):
            return e
        if isinstance(e, (kinds.Timeout, TimeoutError)):
            return ModelTimeout(text)
        if isinstance(e, kinds.AuthenticationError):
            return MissingKey(text) if "api_key" in str(e).lower() else ModelRefused(text)
        if isinstance(e, kinds.JSONSchemaValidationError):
            return BadReply(text)
        if isinstance(e, kinds.RateLimitError):
            return ModelOverloaded(text, _retry_after(e))
        status = getattr(e, "status_code", None)
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429):
            return ModelRefused(text)
        if "connect to host" in text or "Connection refused" in text:
            text = f"{self.name}: nothing answers there; is the server running, and is api_base its address? ({text})"
        # 5xx, connection failures, and 200s whose body is not what it should be
        if isinstance(e, (kinds.openai.OpenAIError, ConnectionError, OSError)):
            return ModelOverloaded(text, _retry_after(e))
        return e


def _message(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    if message.tool_call_id:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def _mean_logprob(choice: Any) -> float | None:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    values = [t.logprob for t in content or () if t.logprob is not None]
    return sum(values) / len(values) if values else None


def _retry_after(e: Exception) -> float | None:
    """Seconds from a Retry-After header, where the provider sent one in numbers."""
    sources = (getattr(getattr(e, "response", None), "headers", None), getattr(e, "litellm_response_headers", None))
    for headers in sources:
        value = (headers or {}).get("retry-after") or (headers or {}).get("llm_provider-retry-after")
        try:
            if value is not None:
                return max(0.0, float(value))
        except ValueError:  # a date: the back-off decides
            continue
    return None
