"""Share: a run, a trace or a notebook as one HTML file that is interactive offline and can connect to nothing."""

from __future__ import annotations

from workbench.share.notebooks import share_notebook
from workbench.share.runs import share
from workbench.share.strip import WIDGET_STATE, WIDGET_VIEW, strip_widgets

__all__ = ["WIDGET_STATE", "WIDGET_VIEW", "share", "share_notebook", "strip_widgets"]
