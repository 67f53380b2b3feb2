"""The simulation keeps its books: tokens in are tokens out, Little's law, and it agrees with the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.planner.allocation import Policy, choose_policy, compare, majority_quality, quality_table
from workbench.planner.coefficients import shipped
from workbench.planner.estimate import Request, estimate
from workbench.planner.keys import keys
from workbench.planner.layout import resolve
from workbench.planner.load import Load, lengths
from workbench.planner.replica import StepTable, tabulate
from workbench.planner.serving import Pool, RemoteModel, simulate


def table(card: str = "H200", gpus: int = 4, model: str = "llama-3.1-70b", context: float = 1500.0) -> StepTable:
    resolved = resolve(card, gpus, model, "fp8", "vllm")
    logs, _, _ = shipped().design([keys(resolved.place)])
    return tabulate(resolved.place, logs[0], context)


SMALL = StepTable([0.0] + [0.01 + 1e-4 * b for b in range(1, 1025)], 1e-8, 1e-5, 0.0, 20_000.0, 1, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    threads=st.integers(1, 8), rate=st.floats(0.05, 3.0), prefix=st.integers(0, 2000), prompt=st.integers(1, 1500),
    outputs=st.lists(st.integers(1, 900), min_size=1, max_size=5), rounds=st.integers(1, 3), synthesis=st.integers(0, 300),
    enough=st.integers(0, 8), replicas=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_books_balance(
    threads: int, rate: float, prefix: int, prompt: int, outputs: list[int], rounds: int, synthesis: int, enough: int,
    replicas: int, seed: int,
) -> None:  # fmt: skip
    load = Load(
        rate_rps=rate, threads=threads, prefix_tokens=prefix, prompt_tokens=prompt, output_tokens=tuple(map(float, outputs)),
        rounds=rounds, reread_tokens=50, enough=min(enough, threads), synthesis_prompt_tokens=100 if synthesis else 0,
        synthesis_output_tokens=synthesis,
    )  # fmt: skip
    run = simulate([Pool(SMALL, replicas, threads, True)], load, 60, seed)
    assert run.finished == 60 and run.backlog == 0
    if not load.enough or load.enough == threads:
        assert run.tokens_generated == run.tokens_out
    else:
        assert run.tokens_generated <= run.tokens_out
    assert np.all(run.e2e_s >= run.ttft_s - 1e-9) and np.all(run.ttft_s > 0)
    assert all(0 <= u <= 1 for u in run.utilisation)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 9))
def test_littles_law(users: int, threads: int, seed: int) -> None:
    load = Load(users=users, threads=threads, prompt_tokens=200, output_tokens=lengths(80))
    run = simulate([Pool(SMALL, 1, threads)], load, 300, seed)
    counted = run.e2e_s.mean() * run.finished / run.duration_s
    assert run.in_flight == pytest.approx(counted, rel=0.12)
    assert run.in_flight <= users + 1e-9


def test_preemption_loses_no_token() -> None:
    tight = StepTable(SMALL.base_s, SMALL.cached_s, SMALL.prefill_s, 0.0, 2_500.0, 1, 0.0)
    run = simulate([Pool(tight, 1, 4)], Load(users=3, threads=4, prompt_tokens=200, output_tokens=(400.0,)), 50)
    assert run.preemptions > 0 and run.tokens_generated == run.tokens_out == 50 * 4 * 400


def test_a_shared_prefix_is_prefilled_once() -> None:
    load = Load(rate_rps=0.1, threads=8, prefix_tokens=4000, prompt_tokens=10, output_tokens=(20.0,))
    apart = Load(rate_rps=0.1, threads=8, prefix_tokens=0, prompt_tokens=4010, output_tokens=(20.0,))
    shared, alone = (simulate([Pool(table(), 1, 8)], one, 40) for one in (load, apart))
    assert shared.percentile("ttft", 50) < alone.percentile("ttft", 50) / 2


def test_simulation_agrees_with_the_closed_form() -> None:
    """One thread per request, closed loop: what the benchmarks measure and the coefficients are fitted through."""
    for clients in (4, 32, 128):
        load = Load(users=clients, threads=1, prompt_tokens=1024, output_tokens=lengths(1024, 0.1))
        run = simulate([Pool(table(), 1, 1)], load, 10 * clients)
        formula = estimate(Request("H200", 4, "llama-3.1-70b", "fp8", "vllm", 1024, 1024, clients))
        assert run.percentile("e2e", 50) * 1e3 == pytest.approx(formula.values["e2e_ms"], rel=0.12)


def test_the_same_seed_gives_the_same_run_and_more_load_is_no_faster() -> None:
    def p95(rate: float, seed: int = 1) -> float:
        return simulate([Pool(table(), 1, 5)], Load(rate_rps=rate, threads=5), 300, seed).percentile("e2e", 95)

    assert p95(0.5) == p95(0.5)
    assert p95(0.2) < p95(1.0) < p95(3.0)


def test_a_remote_synthesis_adds_its_own_time() -> None:
    load = Load(rate_rps=0.1, threads=3, synthesis_prompt_tokens=2000, synthesis_output_tokens=100)
    remote = RemoteModel(first_token_s=2.0, token_s=0.05)
    run = simulate([Pool(table(), 1, 3), Pool(remote, 1, 0, True)], load, 100)
    assert run.percentile("e2e", 50) - run.percentile("thread", 50) == pytest.approx(7.0, abs=0.3)


def test_dynamic_allocation_beats_the_fixed_number_of_the_same_cost() -> None:
    hard = [i / 20 for i in range(21)]
    load = Load(rate_rps=0.3, threads=5, output_tokens=lengths(200))
    policy, rows = choose_policy([Pool(table(), 1, 1)], load, hard, majority_quality(), most=5, requests=150)
    three = rows[rows["fixed"] == "fixed 3"].iloc[0]
    assert three["same_cost_quality"] >= three["quality"] - 0.03
    assert (rows["same_cost_quality"] - rows["quality"]).max() > 0
    assert max(policy.agents) == policy.settings()["adaptive"]["agents"]


def test_fewer_agents_when_the_queue_is_long() -> None:
    policy = Policy((2, 4, 8), queue_limit=10)
    assert [policy(0, d, 0) for d in (0.1, 0.5, 0.9)] == [2, 4, 8]
    assert policy(0, 0.9, 40) == 2
    load = Load(rate_rps=5.0, threads=5)
    pair = compare(
        {"calm": policy, "still": Policy((2, 4, 8))}, [Pool(table(), 1, 1)], load, [0.2, 0.9], majority_quality(), 200
    )
    assert (
        pair["mean_agents"].iloc[0] < pair["mean_agents"].iloc[1]
        and pair["e2e_p95_s"].iloc[0] < pair["e2e_p95_s"].iloc[1]
    )


def test_votes() -> None:
    quality = majority_quality(easy=0.9, hard=0.6, wrong=1)
    assert quality(0.0, 1) == pytest.approx(0.9) and quality(0.0, 2) == pytest.approx(0.9)
    assert quality(1.0, 3) == pytest.approx(0.6**3 + 3 * 0.6**2 * 0.4)
    measured = quality_table({(0.0, 1): 0.8, (0.0, 5): 0.9, (1.0, 1): 0.4, (1.0, 5): 0.6})
    assert measured(0.5, 3) == pytest.approx(0.675)


def test_loads_refuse_nonsense() -> None:
    for bad in ({"rate_rps": 1, "users": 1}, {}, {"rate_rps": 1, "threads": 0}, {"rate_rps": 1, "prompt_tokens": -1},
                {"rate_rps": 1, "enough": 3, "threads": 2}, {"rate_rps": 1, "output_tokens": (0.0,)}):  # fmt: skip
        with pytest.raises(UsageError):
            Load(**bad)
    with pytest.raises(UsageError, match="parallel"):
        Load.from_strategy("paralel", rate_rps=1)
    assert Load.from_strategy("debate", agents=3, rate_rps=1).rounds == 2
    assert Load.from_strategy("parallel", agents=3, synthesis="judge", rate_rps=1).synthesis_output_tokens > 0
