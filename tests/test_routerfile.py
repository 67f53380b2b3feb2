"""The router file: LiteLLM's own Router loads it and sends requests where it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.chat_server import ChatServer, Fault
from workbench import stats
from workbench.errors import UsageError
from workbench.routerfile import router_config, router_file, routes_of


def router(path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("ROUTES_KEY", "sk-only-in-the-environment")
    import litellm

    config = yaml.safe_load(path.read_text())
    return litellm.Router(model_list=config["model_list"], **config["router_settings"])


async def test_litellm_routes_by_category_and_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(answer=lambda _: "from math") as math, ChatServer(answer=lambda _: "from other") as other:
        models = {
            "openai/math-model": {"api_base": math.api_base, "api_key": "os.environ/ROUTES_KEY"},
            "openai/other-model": {"api_base": other.api_base, "api_key": "os.environ/ROUTES_KEY"},
        }
        chains = {"math": ["openai/math-model", "openai/other-model"], "default": "openai/other-model"}
        path = router_file(tmp_path / "litellm.yaml", chains, models=models, num_retries=0)
        assert "sk-only" not in path.read_text()
        found = router(path, monkeypatch)

        async def ask(model: str) -> str:
            said = await found.acompletion(model=model, messages=[{"role": "user", "content": "hello"}])
            return str(said.choices[0].message.content)

        assert await ask("route/math") == "from math" and await ask("route/default") == "from other"
        assert math.headers[0]["authorization"] == "Bearer sk-only-in-the-environment"
        math.fault = lambda n, body: Fault(status=500)
        assert await ask("route/math") == "from other"


def test_fitted_routes_become_chains() -> None:
    rng = np.random.default_rng(0)
    category = pd.Series(["x"] * 200 + ["y"] * 200)
    scores = pd.DataFrame(
        {"a": rng.random(400) < 0.7, "b": rng.random(400) < np.repeat([0.3, 0.9], 200), "c": 0.0}
    ).astype(float)
    routes = stats.fit_routes(scores, category)
    assert routes["x"] == "a" and routes["y"] == "b" and routes["unheard of"] == routes.default == "a"
    chains = routes_of(routes, scores)
    assert chains == {"x": ["a", "b"], "y": ["b", "a"], "default": ["a", "b"]}
    config = router_config(chains)
    names = [group["model_name"] for group in config["model_list"]]
    assert names == ["a", "b", "route/x", "route/y", "route/default"]
    assert {"route/y": ["a"]} in config["router_settings"]["fallbacks"]


@pytest.mark.parametrize(
    ("routes", "models", "message"),
    [
        ({}, None, "no routes"),
        ({"math": []}, None, "names no model"),
        ({"math": "gpt"}, {"gtp": {}}, "did you mean 'gpt'"),
        ({"math": "gpt"}, {"gpt": {"api_key": "sk-123"}}, "os.environ/NAME"),
        ({"math": "gpt"}, {"gpt": {"extra_headers": {"Authorization": "Bearer x"}}}, "os.environ/NAME"),
    ],
)
def test_bad_routes_are_named(routes: Any, models: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        router_config(routes, models)
    assert "sk-123" not in str(error.value)


def test_a_category_seen_on_few_tasks_stays_with_the_best_overall() -> None:
    rng = np.random.default_rng(1)
    category = pd.Series(["many"] * 500 + ["few"] * 3)
    scores = pd.DataFrame({"good": rng.random(503) < 0.8, "lucky": rng.random(503) < 0.6}).astype(float)
    scores.loc[500:, "good"], scores.loc[500:, "lucky"] = [1.0, 1.0, 0.0], 1.0
    assert stats.fit_routes(scores, category)["few"] == "good"
    assert stats.fit_routes(scores, category, strength=0)["few"] == "lucky"
    with pytest.raises(UsageError, match="category"):
        stats.fit_routes(scores, pd.Series([None] * 503))
