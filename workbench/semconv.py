"""Every span attribute name the workbench writes, spelled here and nowhere else.

`gen_ai.*` follows the OpenTelemetry GenAI semantic conventions 0.1.0 (the first release of their own repository; status
Development). `workbench.*` is ours. Names other tools or older versions use are the readers' business, not ours.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "genai-0.1.0"
SCOPE: Final = "workbench"

# -- OpenTelemetry GenAI ---------------------------------------------------------------------------------------------
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_SEED: Final = "gen_ai.request.seed"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"

# values of OPERATION
WORKFLOW: Final = "invoke_workflow"  # the root: one attempt at one task
THREAD: Final = "invoke_agent"  # one agent's line of work
CHAT: Final = "chat"
TOOL: Final = "execute_tool"
SYNTHESIS: Final = "synthesis"  # ours: the merge, with links to the threads it merges

# -- the task (on the root span) ---------------------------------------------------------------------------------------
RUN_ID: Final = "workbench.run.id"  # also on the resource
TASK_ID: Final = "workbench.task.id"
TASK_PROMPT: Final = "workbench.task.prompt"
TASK_TARGET: Final = "workbench.task.target"
TASK_CATEGORY: Final = "workbench.task.category"
TASK_DIFFICULTY: Final = "workbench.task.difficulty"
REPEAT: Final = "workbench.repeat"  # which of several attempts at the same task, from 0
STRATEGY: Final = "workbench.strategy"  # its registered name; the settings are in run.json
AGENTS: Final = "workbench.agents"  # how many threads were asked for

# -- threads, synthesis (on thread, synthesis and root spans) --------------------------------------------------------------
THREAD_INDEX: Final = "workbench.thread"  # 0-based within the task
ROUND: Final = "workbench.round"  # 0-based; debate, refinement, mixture layers
ROLE: Final = "workbench.role"
STYLE: Final = "workbench.style"
SYNTHESIS_KIND: Final = "workbench.synthesis"  # majority, merge, …
ANSWER: Final = "workbench.answer"
SCORE: Final = "workbench.score"  # 0..1 by the run's grader
SUPPORT: Final = "workbench.support"  # share of threads behind the answer, 0..1
CONFIDENCE: Final = "workbench.confidence"  # the synthesis' own estimate of being right, 0..1
CANCELLED: Final = "workbench.cancelled"  # true where the work was stopped before it ended
LINK_KIND: Final = "workbench.link"  # on a link: FORK (this began from that) or JOIN (this merges that)
FORK: Final = "fork"
JOIN: Final = "join"
INFERRED: Final = "workbench.inferred"  # true where a reader guessed fork or join
UNTIMED: Final = "workbench.untimed"  # on a root: its record holds no times, a reader drew the steps one second apart
MISSING_PARENT: Final = "workbench.missing_parent"  # the parent that a span names but that was not in the record
FORKS: Final = "workbench.forks"  # span ids: links told as attributes too, for receivers that drop links
JOINS: Final = "workbench.joins"

# -- calls ------------------------------------------------------------------------------------------------------------------
CALL_KEY: Final = "workbench.call.key"  # identity of a call within a run: a resumed run does not pay twice for it
CHANGED: Final = "workbench.call.changed"  # in a forked run: what of this call was changed (model, prompt, answer)
REUSED: Final = "workbench.call.reused"  # true where a resumed run took the reply from its own record
QUEUE_NS: Final = "workbench.queue_ns"  # waiting for a slot, inside the span before the call began
ATTEMPTS: Final = "workbench.attempts"
COST: Final = "workbench.cost_usd"
LOGPROB: Final = "workbench.logprob"  # mean log-probability of the output tokens, nats
SAMPLE: Final = "workbench.sample"
FIRST_TOKEN_NS: Final = "workbench.first_token_ns"  # from the call's begin to its first piece of text

# -- agentic work: the steps of a trajectory, and what is known to be true about them ------------------------------------------
STEP: Final = "workbench.step"  # 0-based, one per action of the actor; on its chat and tool spans
EXPECTED_TOOL: Final = "workbench.expected.tool"  # the right tool of this step; "" where none was right
EXPECTED_ARGUMENTS: Final = "workbench.expected.arguments"  # JSON text
FAULT: Final = "workbench.fault"  # kind of a fault that was put in on purpose: timeout, error, wrong_type, stale, …
FACT: Final = "workbench.fact"  # name of a planted fact that this step asks for
FACT_DISTANCE: Final = "workbench.fact.distance"  # steps since it was planted
RECALLED: Final = "workbench.fact.recalled"  # bool
STATE_RIGHT: Final = "workbench.state.right"  # bool: after this step the environment is as it should be
RULE_CHECK: Final = "workbench.rule_check"  # event name, on the step's chat span; attributes RULE, VIOLATED
INVALID_CALLS: Final = ("unknown_tool", "invalid_arguments")  # ERROR_TYPE of a call that no tool could take
RULE: Final = "workbench.rule"
VIOLATED: Final = "workbench.rule.violated"  # bool

# -- events -------------------------------------------------------------------------------------------------------------------
DECISION: Final = "workbench.decision"  # event name; attributes DECISION_KIND, DECISION_REASON and numbers
DECISION_KIND: Final = "workbench.decision.kind"  # split, vote, stop, escalate, refine, prune, retry, lost
DECISION_REASON: Final = "workbench.decision.reason"
RETRY: Final = "workbench.retry"  # event name
