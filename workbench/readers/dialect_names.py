"""The names that other tools give to what we name, by dialect; the tables that `dialects` goes by."""

from __future__ import annotations

from workbench import semconv as s

CALL_OPERATIONS = ("chat", "text_completion", "generate_content")
MAX_ANSWER = 4_000

OPENINFERENCE = "openinference.span.kind"
OPERATIONS = {
    OPENINFERENCE: {
        "LLM": s.CHAT,
        "TOOL": s.TOOL,
        "AGENT": s.THREAD,
        "EMBEDDING": "embeddings",
        "RETRIEVER": "retrieval",
        "RERANKER": "rerank",
        "GUARDRAIL": "guardrail",
        "EVALUATOR": "evaluate",
    },
    "traceloop.span.kind": {"workflow": s.WORKFLOW, "agent": s.THREAD, "tool": s.TOOL},
    "llm.request.type": {"chat": s.CHAT, "completion": s.CHAT, "embedding": "embeddings"},
    "langfuse.observation.type": {
        "generation": s.CHAT,
        "agent": s.THREAD,
        "tool": s.TOOL,
        "embedding": "embeddings",
        "retriever": "retrieval",
        "guardrail": "guardrail",
        "evaluator": "evaluate",
    },
    "mlflow.spanType": {
        "CHAT_MODEL": s.CHAT,
        "LLM": s.CHAT,
        "AGENT": s.THREAD,
        "TOOL": s.TOOL,
        "EMBEDDING": "embeddings",
    },
    "gen_ai.span.kind": {"LLM": s.CHAT, "TOOL": s.TOOL, "AGENT": s.THREAD},
}
TEXTS = {
    s.PROVIDER: ("gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    s.REQUEST_MODEL: (
        "llm.request.model",
        "llm.model_name",
        "ai.model.id",
        "embedding.model_name",
        "langfuse.observation.model.name",
        "model_name",
        s.RESPONSE_MODEL,
    ),
    s.RESPONSE_MODEL: ("llm.response.model", "ai.response.model"),
    s.AGENT: ("agent.name", "agent_name", "graph.node.id", "langgraph.node", "ai.telemetry.functionId"),
    s.CONVERSATION: ("session.id", "langfuse.session.id", "session_id", "thread_id", "gen_ai.conversation_id"),
    s.TOOL_NAME: ("tool.name", "ai.toolCall.name", "mcp.tool.name"),
    s.TOOL_CALL_ID: ("tool_call.id", "tool.id", "ai.toolCall.id"),
}
WHOLE = {
    s.INPUT_TOKENS: (
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
    ),
    s.OUTPUT_TOKENS: (
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    s.REASONING_TOKENS: (
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "ai.usage.reasoningTokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
    ),
    s.REQUEST_MAX_TOKENS: ("llm.request.max_tokens", "ai.settings.maxTokens", "ai.settings.maxOutputTokens"),
}
REAL = {
    s.COST: (
        "gen_ai.cost.total_cost",
        "llm.cost.total",
        "gen_ai.usage.cost",
        "operation.cost",
        "gen_ai.usage.total_cost",
    ),
    s.REQUEST_TEMPERATURE: ("llm.request.temperature", "ai.settings.temperature"),
}
MARKERS = frozenset(
    [
        *OPERATIONS,
        s.FORKS,
        s.JOINS,
        "operation.name",
        "ai.operationId",
        "input.value",
        "output.value",
        "gen_ai.prompt",
        "gen_ai.completion",
        "logfire.span_type",
        "traceloop.entity.name",
        "mlflow.spanInputs",
        "gen_ai.prompt.0.role",
        "gen_ai.prompt.0.content",
        *(
            name
            for names in (TEXTS, WHOLE, REAL)
            for group in names.values()
            for name in group
            if name != s.RESPONSE_MODEL
        ),
    ]
)
DIALECTS = (
    ("openinference", (OPENINFERENCE,)),
    ("vercel-ai-sdk", ("ai.operationId",)),
    ("litellm", ("litellm.call_id", "hidden_params")),
    ("openllmetry", ("traceloop.span.kind", "llm.request.type", "traceloop.entity.name")),
    ("langfuse", ("langfuse.observation.type",)),
    ("mlflow", ("mlflow.spanType",)),
    ("logfire", ("logfire.span_type", "logfire.msg")),
    ("genai-old", ("gen_ai.system",)),
    ("workbench", (s.LINK_KIND, s.STRATEGY, s.ROLE, s.THREAD_INDEX)),
    ("genai", (s.OPERATION, s.PROVIDER)),
)
"""Dialect names and the keys that tell them, the surest first."""
