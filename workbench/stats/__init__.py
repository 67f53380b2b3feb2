"""Statistics on recorded runs: intervals clustered by task, paired tests, pass@k, agreement, calibration, contribution."""

from __future__ import annotations

from workbench.stats.ballots import Votes, votes
from workbench.stats.consensus import agreement, disagreement, error_correlation, fleiss_kappa, same_mistake
from workbench.stats.contribution import contribution
from workbench.stats.escalation import Cascade, cascade_curve
from workbench.stats.intervals import Estimate, accuracy, accuracy_by, clustered, wilson
from workbench.stats.pairing import Paired, paired, paired_table
from workbench.stats.passk import majority_at_k, pass_at_k
from workbench.stats.reliability import Calibration, auroc, calibration
from workbench.stats.routing import Routes, fit_routes
from workbench.stats.rules import Rule, Subset, rule
from workbench.stats.savings import savings

__all__ = [
    "Calibration",
    "Cascade",
    "Estimate",
    "Paired",
    "Routes",
    "Rule",
    "Subset",
    "Votes",
    "accuracy",
    "accuracy_by",
    "agreement",
    "auroc",
    "calibration",
    "cascade_curve",
    "clustered",
    "contribution",
    "disagreement",
    "error_correlation",
    "fit_routes",
    "fleiss_kappa",
    "majority_at_k",
    "paired",
    "paired_table",
    "pass_at_k",
    "rule",
    "same_mistake",
    "savings",
    "votes",
    "wilson",
]
