"""The engine: what a strategy works with, and what bounds it."""

from workbench.engine.core import Core, Revision
from workbench.engine.engine import Engine
from workbench.engine.limits import Limits
from workbench.engine.retrying import Retry
from workbench.engine.thread import Thread

__all__ = ["Core", "Engine", "Limits", "Retry", "Revision", "Thread"]
