"""Statistics on recorded runs: intervals clustered by task, paired tests, pass@k, agreement, calibration, contribution."""

from __future__ import annotations

from workbench.stats.ballots import Votes, votes
from workbench.stats.intervals import Estimate, accuracy, accuracy_by, clustered, wilson
from workbench.stats.pairing import Paired, paired, paired_table

__all__ = [
    "Estimate",
    "Paired",
    "Votes",
    "accuracy",
    "accuracy_by",
    "clustered",
    "paired",
    "paired_table",
    "votes",
    "wilson",
]
