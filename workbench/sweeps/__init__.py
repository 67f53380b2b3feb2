"""Sweeps: one parameterised notebook over a grid of choices, side by side, through crashes, to one table."""

from workbench.sweeps.grid import Grid
from workbench.sweeps.measures import conclude
from workbench.sweeps.sweep import Sweep

__all__ = ["Grid", "Sweep", "conclude"]
