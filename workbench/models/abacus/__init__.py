"""Abacus: small transformers trained on `workbench.arithmetic` alone; MODEL_CARD.md beside the weights says what they can do."""

from __future__ import annotations

from workbench.models.abacus.provider import Abacus

__all__ = ["Abacus"]
