"""A Jupyter workbench for studying parallel reasoning: how many agents, which strategy, which models, on which GPUs.

>>> import workbench as wb
>>> tasks = wb.load_tasks("arithmetic", n=60, difficulty=(1, 6), seed=0)
>>> run = await wb.run(tasks, wb.Parallel(agents=5), wb.ModelMix({"abacus-s": 5}))
>>> wb.TraceGraph(run, task=7)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    # write half
    "Task": "tasks",
    "load_tasks": "loading",
    "Grader": "grading",
    "grader": "grading",
    "Agent": "agents",
    "Message": "agents",
    "ModelMix": "agents",
    "Reply": "agents",
    "Model": "models.base",
    "Request": "models.base",
    "Scripted": "models.scripted",
    "Engine": "engine",
    "Limits": "engine",
    "Retry": "engine",
    "Prompts": "prompts",
    "Strategy": "strategies",
    "strategy": "strategies",
    "Single": "strategies.single",
    "Parallel": "strategies.parallel",
    "Decompose": "strategies.decompose",
    "Contemplate": "strategies.contemplate",
    "Debate": "strategies.debate",
    "Mixture": "strategies.mixture",
    "Adaptive": "strategies.adaptive",
    "Cascade": "strategies.cascade",
    "Route": "strategies.route",
    "Synthesis": "synthesis",
    "Synthesizer": "synthesis",
    "run": "runs",
    "rerun": "runs.again",
    "fork": "runs.forking",
    "probe": "episodes.probing",
    # where the halves meet
    "Run": "store",
    "open_runs": "store",
    "Span": "spans",
    # read half
    "answers": "frames",
    "calls": "frames",
    "decisions": "frames",
    "threads": "frames",
    "read": "readers",
    "record": "live",
    "export": "exporting",
    "import_files": "readers.importing",
    "sql": "store.queries",
    "measures": "measuring",
    "accuracy": "stats",
    "paired": "stats",
    "agreement": "stats",
    "calibration": "stats",
    "contribution": "stats",
    "disagreement": "stats",
    "pass_at_k": "stats",
    "resample": "resampling",
    "resynthesize": "resynthesis",
    "budget_match": "matching",
    "time_shares": "timing",
    "compute_multiples": "timing",
    "drift": "drifting",
    "choices": "choose",
    "recommend": "choose",
    "router_file": "routerfile",
    # agentic qualities
    "steps": "agentic",
    "rule_checks": "agentic",
    "qualities": "agentic",
    "incidents": "agentic",
    "pass_hat_k": "agentic",
    "divergence": "agentic",
    # pictures
    "graph": "graphs",
    "critical_path": "graphs",
    "TraceGraph": "widgets.trace",
    "MixExplorer": "widgets.mix",
    "LiveRun": "widgets.live",
    "Compare": "widgets.compare",
    "Disagreement": "widgets.matrix",
    "SweepExplorer": "widgets.explorer",
    "save_picture": "widgets.still",
    # sweeps
    "Grid": "sweeps.grid",
    "Sweep": "sweeps.sweep",
    "conclude": "sweeps.measures",
    # planner
    "Gpu": "planner",
    "Load": "planner",
    "ModelShape": "planner",
    "plan": "planner",
    # errors
    "WorkbenchError": "errors",
    "UsageError": "errors",
    "DataError": "errors",
    "ModelError": "errors",
}
"""Public name -> the module it lives in; a module is imported when its first name is used (PEP 562)."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        found = getattr(import_module(f"workbench.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    if name in ("stats", "plots", "agentic"):
        return import_module(f"workbench.{name}")
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
