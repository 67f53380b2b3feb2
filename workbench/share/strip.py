"""Strip: a notebook without saved widget state, so that every viewer shows the stills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import DataError

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def strip_widgets(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook (as JSON) without saved widget state, so that every viewer shows the stills its outputs carry.

    Saved state wins over stills in nbconvert's page, which then waits for scripts from a CDN and stays blank offline; and a
    code host refuses a notebook whose `metadata.widgets` lacks `state`. Outputs that had nothing but a widget are kept.
    """
    if not isinstance(notebook.get("cells"), list):
        raise DataError("this is no notebook: it has no list of cells")
    cells = []
    for cell in notebook["cells"]:
        outputs = [_still(output) for output in cell.get("outputs", [])]
        cells.append({**cell, "outputs": outputs} if "outputs" in cell else cell)
    metadata = {k: v for k, v in notebook.get("metadata", {}).items() if k != "widgets"}
    return {**notebook, "cells": cells, "metadata": metadata}


def _still(output: Mapping[str, Any]) -> Mapping[str, Any]:
    data = output.get("data")
    if not isinstance(data, dict) or WIDGET_VIEW not in data or not any(k.startswith("image/") for k in data):
        return output
    return {**output, "data": {k: v for k, v in data.items() if k != WIDGET_VIEW}}
