"""What other people's recorded runs must show through our statistics; needs ../shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from benchmarks import recorded
from workbench import stats, stopping
from workbench.grading import GRADERS
from workbench.resampling import resample, scores_at


def test_majority_rises_on_date_as_published(shared: Path) -> None:
    frame = recorded.samples("votes_verifycot/date.votes.jsonl.gz", shared)
    curve = resample(frame, [1, 3, 5, 10])
    assert curve["accuracy"].is_monotonic_increasing and curve["exact"].all()
    for published, low, high in zip((0.62, 0.68, 0.71, 0.725), curve["low"], curve["high"], strict=True):
        assert low <= published <= high  # the full set's figure lies in our half's interval
    assert stats.paired(scores_at(frame, 1), scores_at(frame, 10)).low > 0
    agreement = stats.calibration(frame).auroc
    assert agreement.low > 0.5 and agreement.low <= 0.7 <= agreement.high


def test_our_vote_is_the_sources_vote(shared: Path) -> None:
    """The source wrote down what each question's majority scored, ties by their expected value: ours is the same in all."""
    found = stats.agreement(recorded.samples("votes_verifycot/date.votes.jsonl.gz", shared)).set_index("task_id")[
        "score"
    ]
    theirs = {
        row["qid"]: float(row["majority_correct"]) for row in recorded.rows("votes_verifycot/date.jsonl.gz", shared)
    }
    assert found.to_dict() == pytest.approx(theirs) and len(theirs) == 191
    assert sum(0 < score < 1 for score in theirs.values()) > 0


def test_a_reward_model_picks_better_than_the_vote(shared: Path) -> None:
    frame = recorded.samples("votes_qwenmath_rm/math_cot_100x8.votes.jsonl.gz", shared)
    found = resample(frame, [2, 4, 8], ["best:reward", "majority", "any"])
    table = found.pivot(index="agents", columns="synthesis", values="accuracy")
    assert (table["best by reward"] > table["majority"]).all() and (table["any"] >= table["best by reward"]).all()


def test_mixtures_and_routes_of_29_models(shared: Path) -> None:
    pool = stats.votes(recorded.models(shared))
    assert pool.group.shape[1] == 29
    order = np.argsort(-pool.score.mean(axis=0), kind="stable")
    best = pd.Series(pool.score[:, order[0]], pool.task)
    top = stats.paired(best, scores_at(pool.only(order[:5]), 5))
    assert abs(top.difference) < 0.02 and not top.separated  # hardly worth five models
    assert stats.paired(scores_at(pool, 1), scores_at(pool, 10)).low > 0.1  # random models gain strongly
    scores = pd.DataFrame(pool.score, index=pool.task, columns=list(pool.voters))
    category = pd.Series(pool.category, pool.task)
    fit = np.random.default_rng(0).random(len(scores)) < 0.5
    routes = stats.fit_routes(scores[fit], category)
    assert set(routes.table["category"]) == set(category)
    gain = stats.paired(scores[~fit][routes.default], routes.scores(scores[~fit], category))
    assert gain.low > 0 and gain.mcnemar_p < 0.01


def test_a_cascade_beats_escalating_by_lot(shared: Path) -> None:
    cheap, strong, signs = recorded.two_models(shared)
    got = stats.cascade_curve(cheap, strong, recorded.logistic(signs, cheap))
    assert got.curve["accuracy"].iloc[0] == pytest.approx(cheap.mean())
    assert got.curve["accuracy"].iloc[-1] == pytest.approx(strong.mean())
    assert got.gain.low > 0.02 and got.p < 0.001 and got.recovered > 0.7
    enough = (cheap.mean() + strong.mean()) / 2
    share = got.share_for(enough)
    reached = got.curve.set_index("share")["accuracy"]
    assert reached[share] >= enough > reached[reached.index < share].max()
    assert np.isnan(got.share_for(1.01))
    by_lot = stats.cascade_curve(cheap, strong, pd.Series(np.random.default_rng(1).random(len(cheap)), cheap.index))
    assert by_lot.gain.low < 0 < by_lot.gain.high


def test_on_game24_checking_wins_and_voting_does_not(shared: Path) -> None:
    frame = recorded.samples("tot_branching/game24_cot100.votes.jsonl.gz", shared)
    agreement = stats.calibration(frame).auroc
    assert agreement.low < 0.5 < agreement.high
    assert stats.pass_at_k(frame, [100])["accuracy"].iloc[0] > 3 * stats.majority_at_k(frame, [100])["accuracy"].iloc[0]
    assert stats.paired(scores_at(frame, 100), scores_at(frame, 100, "any")).low > 0.1


def test_searched_trees_are_traces_and_checking_every_step_wins(shared: Path) -> None:
    """Tree-of-thought logs → Run → answers, SQL and a picture; the same puzzles as the hundred samples above."""
    run = wb.read(shared / "data/tot_branching/game24_tot_tree.jsonl.gz")
    asked = wb.answers(run)
    assert len(asked) == 52 and set(asked["strategy"]) == {"tree-of-thought-bfs"}
    assert wb.sql("select avg(score) as right from answers", run)["right"].iloc[0] == pytest.approx(
        asked["score"].mean()
    )
    pool = recorded.kept(run)
    assert (pool.groupby("task_id").size() == 5).all()
    assert pool.groupby("task_id")["score"].max().to_dict() == asked.set_index("task_id")["score"].to_dict()
    samples = recorded.samples("tot_branching/game24_cot100.votes.jsonl.gz", shared)
    assert set(samples["task_id"]) == set(asked["task_id"])
    checked = scores_at(pool, 5, "best:value", key=GRADERS["recorded"].key)
    assert stats.paired(scores_at(samples, 100), checked).low > 0.3
    task = asked["task_id"].iloc[0]
    picture = wb.TraceGraph(run, task=task, by="structure")
    threads = wb.threads(run)
    assert len(picture.head["nodes"]) >= (threads["task_id"] == task).sum() > 100


def test_strategies_on_the_same_questions(shared: Path) -> None:
    frame = recorded.samples("metaprompting_strategies/word_sorting.votes.jsonl.gz", shared)
    runs = recorded.by_agent(frame)
    table = stats.paired_table(runs).set_index(["a", "b"])
    assert len(table) == 21
    assert table.loc[("Standard", "MetaPromptingWithPython"), "p_holm"] < 0.01
    vote = scores_at(frame, 7)
    assert (
        stats.paired(runs["MetaPromptingWithPython"], vote).high < 0
    )  # six weaker strategies outvote the one that computes
    assert stats.paired(runs["Standard"], vote).difference > 0


def test_stopping_early_saves_samples_and_hardly_loses(shared: Path) -> None:
    frame = recorded.samples("votes_verifycot/date.votes.jsonl.gz", shared)
    rules = {"beta": stopping.rule("beta", threshold=0.8), "outlook": stopping.rule("outlook", threshold=0.8)}
    found = stats.savings(frame, rules, orders=5)
    assert (found["factor"] > 2.5).all() and (found["lost"] < 0.01).all()
