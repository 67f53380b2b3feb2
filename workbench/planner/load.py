"""What is asked of the GPUs: requests that fan out into threads and come together in a synthesis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

from workbench.errors import DataError, UsageError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Spans

QUANTILES = 32  # points that stand for a distribution of lengths
_ROUNDS = {"single": 1, "parallel": 1, "decompose": 1, "contemplate": 2, "debate": 2, "mixture": 2, "adaptive": 1,
           "cascade": 1, "route": 1}  # fmt: skip
_READS_OTHERS = ("contemplate", "debate", "mixture")


def lengths(mean: float, cv: float = 0.5) -> tuple[float, ...]:
    """Quantiles of a log-normal distribution of output lengths with this mean and coefficient of variation.

    The slowest of N threads decides when a request is done, so the spread of lengths counts as much as their mean.
    """
    if mean <= 0 or cv < 0:
        raise UsageError(f"an output length needs mean > 0 and cv >= 0, not {mean} and {cv}")
    if cv == 0:
        return (float(mean),)
    sigma = math.sqrt(math.log1p(cv * cv))
    points = [math.exp(NormalDist().inv_cdf((i + 0.5) / QUANTILES) * sigma) for i in range(QUANTILES)]
    scale = mean * QUANTILES / math.fsum(points)
    return tuple(p * scale for p in points)


@dataclass(frozen=True)
class Load:
    """Requests per second (`rate_rps`, Poisson) or a closed number of `users`, and the shape of one request.

    Each round starts `threads` calls that share `prefix_tokens` and bring `prompt_tokens` of their own, and answer with a
    length drawn from `output_tokens` (equally likely values). Later rounds read `reread_tokens` more. With `enough` > 0 a
    round ends when that many threads are done. `synthesis_output_tokens` = 0 merges without a model call (a vote).
    """

    rate_rps: float = 0.0
    users: int = 0
    threads: int = 1
    prefix_tokens: float = 0.0
    prompt_tokens: float = 120.0
    output_tokens: tuple[float, ...] = (600.0,)
    rounds: int = 1
    reread_tokens: float = 0.0
    enough: int = 0
    synthesis_prompt_tokens: float = 0.0
    synthesis_output_tokens: float = 0.0
    think_s: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.rate_rps) == bool(self.users):
            raise UsageError("a load needs either rate_rps (open) or users (closed), and not both")
        whole = {"threads": 1, "rounds": 1, "users": 0, "enough": 0}
        for name, least in whole.items():
            if getattr(self, name) < least or getattr(self, name) != int(getattr(self, name)):
                raise UsageError(f"{name} must be a whole number of at least {least}, not {getattr(self, name)}")
        for name in ("rate_rps", "prefix_tokens", "prompt_tokens", "reread_tokens", "synthesis_prompt_tokens",
                     "synthesis_output_tokens", "think_s"):  # fmt: skip
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} must not be negative, not {getattr(self, name)}")
        if not self.output_tokens or min(self.output_tokens) <= 0:
            raise UsageError("output_tokens must be positive lengths")
        if self.prefix_tokens + self.prompt_tokens <= 0:
            raise UsageError("a thread needs a prompt: prefix_tokens + prompt_tokens must be positive")
        if self.enough > self.threads:
            raise UsageError(f"enough={self.enough} is more than threads={self.threads}")

    @property
    def mean_output_tokens(self) -> float:
        return math.fsum(self.output_tokens) / len(self.output_tokens)

    @property
    def context_tokens(self) -> float:
        """Longest context of a thread: prompt of the last round and the longest answer."""
        longest = (
            self.prefix_tokens + self.prompt_tokens + (self.rounds - 1) * self.reread_tokens + max(self.output_tokens)
        )
        return max(longest, self.synthesis_prompt_tokens + self.synthesis_output_tokens)

    def with_threads(self, threads: int) -> Load:
        """The same load with another number of threads; what the synthesis reads of them grows in proportion."""
        synthesis = self.synthesis_prompt_tokens
        if self.synthesis_output_tokens:
            synthesis += (threads - self.threads) * self.mean_output_tokens
        return replace(self, threads=threads, enough=min(self.enough, threads),
                       synthesis_prompt_tokens=max(synthesis, 1.0 if self.synthesis_output_tokens else 0.0))  # fmt: skip

    @classmethod
    def from_strategy(
        cls, name: str, *, agents: int = 5, rounds: int = 0, prefix_tokens: float = 0.0, prompt_tokens: float = 120.0,
        output_tokens: float | Sequence[float] = 600.0, cv: float = 0.5, synthesis: str = "majority",
        synthesis_output_tokens: float = 0.0, enough: int = 0, rate_rps: float = 0.0, users: int = 0,
    ) -> Load:  # fmt: skip
        """The load of a strategy by its settings. `synthesis` majority or weighted makes no call; any other reads all answers."""
        if name not in _ROUNDS:
            raise unknown("strategy", name, _ROUNDS)
        outputs = lengths(output_tokens, cv) if isinstance(output_tokens, (int, float)) else tuple(output_tokens)
        mean = math.fsum(outputs) / len(outputs)
        threads = 1 if name == "single" else agents
        turns = rounds or _ROUNDS[name]
        calls = threads > 1 and (synthesis not in ("majority", "weighted") or synthesis_output_tokens > 0)
        return cls(
            rate_rps=rate_rps, users=users, threads=threads, prefix_tokens=prefix_tokens, prompt_tokens=prompt_tokens,
            output_tokens=outputs, rounds=turns,
            reread_tokens=(threads if name in _READS_OTHERS else 1) * mean if turns > 1 else 0.0, enough=enough,
            synthesis_prompt_tokens=prefix_tokens + threads * mean if calls else 0.0,
            synthesis_output_tokens=(synthesis_output_tokens or mean) if calls else 0.0,
        )  # fmt: skip

    @classmethod
    def from_run(cls, run: Spans, rate_rps: float = 0.0, users: int = 0) -> Load:
        """Measure a load from a recorded run: `from_calls` on its table of calls."""
        from workbench.frames import calls

        return cls.from_calls(calls(run), rate_rps, users)

    @classmethod
    def from_calls(cls, calls: pd.DataFrame, rate_rps: float = 0.0, users: int = 0) -> Load:
        """Measure a load from the calls of a recorded run (`workbench.calls(run)`): widths, lengths, rounds, synthesis.

        The shared prefix is the shortest prompt among a request's threads: what they could share at most, since they are
        asked the same task. Without `rate_rps` or `users` the run's own mean concurrency becomes the number of users.
        Raises `DataError` where the table has no finished thread call.
        """
        needed = {"trace_id", "thread", "role", "round", "start_ns", "end_ns", "input_tokens", "output_tokens"}
        if missing := needed - set(calls.columns):
            raise DataError(f"a table of calls needs the columns {', '.join(sorted(missing))}")
        done = calls[(calls["output_tokens"] > 0)]
        merging = done["role"].isin(["merge", "judge", "synthesizer"])
        working = done[~merging & done["thread"].notna()]
        if not len(working):
            raise DataError("no finished call of a thread in this table")
        first = working[working["round"].fillna(0) == 0]
        by_trace = first.groupby("trace_id")["input_tokens"]
        prefix = float(by_trace.min().mean()) if (by_trace.size() > 1).any() else 0.0
        rounds = int(working.groupby("trace_id")["round"].max().fillna(0).median()) + 1
        later = working[working["round"].fillna(0) > 0]["input_tokens"]
        prompt = float(first["input_tokens"].mean())
        merged = done[merging]
        outputs = working["output_tokens"].quantile([(i + 0.5) / QUANTILES for i in range(QUANTILES)]).tolist()
        return cls(
            rate_rps=rate_rps, users=users if users or rate_rps else _own_users(done),
            threads=max(1, round(float(first.groupby("trace_id")["thread"].nunique().mean()))),
            prefix_tokens=prefix, prompt_tokens=max(prompt - prefix, 1.0), output_tokens=tuple(max(1.0, o) for o in outputs),
            rounds=rounds, reread_tokens=max(0.0, float(later.mean()) - prompt) / max(rounds - 1, 1) if len(later) else 0.0,
            synthesis_prompt_tokens=float(merged["input_tokens"].mean()) if len(merged) else 0.0,
            synthesis_output_tokens=float(merged["output_tokens"].mean()) if len(merged) else 0.0,
        )  # fmt: skip


def _own_users(done: pd.DataFrame) -> int:
    """Mean number of requests in flight while the run lasted."""
    spans = done.groupby("trace_id").agg(start=("start_ns", "min"), end=("end_ns", "max"))
    total = float(spans["end"].max() - spans["start"].min())
    return max(1, round(float((spans["end"] - spans["start"]).sum()) / total)) if total > 0 else 1
