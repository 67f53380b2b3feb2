"""router_file: routes found by measuring, written as the YAML file that LiteLLM's Router and proxy load."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import UsageError, unknown

OTHERS = "default"
"""The route of tasks whose category has none of its own."""

_KEY = re.compile(r"api_?key|token|secret|password|credential|authorization", re.IGNORECASE)
_NOT_SECRET = ("max_tokens", "max_completion_tokens", "input_cost_per_token", "output_cost_per_token")


def router_config(
    routes: Mapping[str, str | Sequence[str]],
    models: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    prefix: str = "route/",
    num_retries: int = 2,
) -> dict[str, Any]:
    """The configuration as plain data: one model group per category (`route/math`) and one per model, with fallbacks.

    `routes` maps a category (and "default") to a model, or to several: the first answers, the rest are its fallbacks in order.
    `models` gives a model's LiteLLM parameters (api_base, api_key …); keys only as `os.environ/NAME`: the file holds none.
    Load it with `litellm.Router(model_list=c["model_list"], **c["router_settings"])` or `litellm --config FILE`.
    """
    if not routes:
        raise UsageError("there are no routes to write")
    given = models or {}
    chains = {str(c): [m] if isinstance(m, str) else list(m) for c, m in routes.items()}
    for category, chain in chains.items():
        if not chain:
            raise UsageError(f"category {category!r} names no model")
    used = list(dict.fromkeys(m for chain in chains.values() for m in chain))
    for name in given:
        if name not in used:
            raise unknown("model", name, used)
    parameters = {name: {"model": name, **given.get(name, {})} for name in used}
    for name, settings in parameters.items():
        _no_keys(name, settings)
    groups = [{"model_name": name, "litellm_params": parameters[name]} for name in used]
    groups += [{"model_name": prefix + c, "litellm_params": dict(parameters[chain[0]])} for c, chain in chains.items()]
    fallbacks = [{prefix + c: chain[1:]} for c, chain in chains.items() if len(chain) > 1]
    return {"model_list": groups, "router_settings": {"num_retries": num_retries, "fallbacks": fallbacks}}


def router_file(path: str | os.PathLike[str], routes: Mapping[str, str | Sequence[str]], **settings: Any) -> Path:
    """Write `router_config` as YAML and return the path.

    >>> wb.router_file("litellm.yaml", {"math": "openai/gpt-4o-mini", "default": "ollama/llama3.2"})
    """
    target = Path(path)
    text = yaml.safe_dump(router_config(routes, **settings), sort_keys=False, allow_unicode=True)
    head = "# Routes by task category, found by measuring. Ask for the model route/CATEGORY.\n"
    target.write_text(head + text, encoding="utf-8")
    return target


def routes_of(table: Any, scores: Any, *, fallbacks: int = 1) -> dict[str, list[str]]:
    """`stats.fit_routes`' table as chains of models: the chosen one, then the best others overall (`scores` [tasks, models])."""
    ranked = [str(name) for name in scores.mean().sort_values(ascending=False, kind="stable").index]

    def chain(first: str) -> list[str]:
        return [first, *[name for name in ranked if name != first][:fallbacks]]

    found = {str(row.category): chain(str(row.choice)) for row in table.table.itertuples()}
    return {**found, OTHERS: chain(table.default)}


def _no_keys(model: str, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            _no_keys(model, value)
        elif _KEY.search(name) and name not in _NOT_SECRET and not str(value).startswith("os.environ/"):
            raise UsageError(f"{model}: {name} must be written as os.environ/NAME, so that no key stands in the file")
