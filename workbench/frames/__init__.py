"""Frames: runs as tidy tables, one row per task, thread, call or decision."""

from workbench.frames.tables import answers, calls, decisions, threads

__all__ = ["answers", "calls", "decisions", "threads"]
