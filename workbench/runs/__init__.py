"""Runs: a strategy put to work on tasks, recorded, resumable, bounded."""

from workbench.runs.resuming import RUNS
from workbench.runs.running import run

__all__ = ["RUNS", "run"]
