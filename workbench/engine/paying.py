"""Paying: one call of a model, from its slot to its reply: queued, retried, timed out, stopped and counted."""

from __future__ import annotations

import asyncio
import contextlib
import time

from workbench.agents import Reply
from workbench.engine.call import CallRecord
from workbench.engine.core import Core
from workbench.engine.place import racing
from workbench.engine.spending import Reservation
from workbench.errors import DeadlineExceeded, ModelError, ModelTimeout, Stopped
from workbench.models.base import Model, Request


async def paid(core: Core, model: Model, request: Request, record: CallRecord) -> Reply:
    """Ask `model` for real. Raises ModelError where it failed for good, Stopped where the run may not spend or last longer."""
    _check_stopped(core)
    held = _reserve(core, request)
    try:
        return await _queued(core, model, request, record)
    finally:
        if held is not None:
            core.spending.release(held)


async def _queued(core: Core, model: Model, request: Request, record: CallRecord) -> Reply:
    began = time.monotonic_ns()
    async with core.slot(request.model):
        record.queued(time.monotonic_ns() - began)
        try:
            reply = await _tried(core, model, request, record)
        except asyncio.CancelledError:
            core.spending.count(record.cut_short(getattr(model, "per_token", None)))
            raise
        core.spending.count(reply)
        return record.done(reply)


async def _tried(core: Core, model: Model, request: Request, record: CallRecord) -> Reply:
    while True:
        _check_stopped(core)
        tries = record.attempt()
        try:
            return await _once(core, model, request, record)
        except ModelError as e:
            wait_s = core.limits.retry.wait_s(e, tries)
            if wait_s is None:
                raise
            record.retried(e, wait_s)
            await asyncio.sleep(wait_s)


async def _once(core: Core, model: Model, request: Request, record: CallRecord) -> Reply:
    limit = core.limits.timeout_s
    left = core.seconds_left()
    try:
        async with asyncio.timeout(limit if left is None else max(0.0, min(limit, left))):
            if not (core.stream or racing.get()):
                return await model.complete(request)
            return await _streamed(model, request, record)
    except TimeoutError:
        if left is not None and left < limit:
            core.stop(DeadlineExceeded(f"the run's {core.limits.deadline_s} s are up"))
            raise core.stopped from None  # type: ignore[misc]
        raise ModelTimeout(f"{request.model} did not answer within {limit} s") from None
    except ModelError as e:
        spent = getattr(e, "reply", None)
        if isinstance(spent, Reply):
            core.spending.count(spent)
        raise


async def _streamed(model: Model, request: Request, record: CallRecord) -> Reply:
    async with contextlib.aclosing(model.stream(request)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, Reply):
                return piece
            record.piece(piece)
    raise ModelError(f"{request.model} ended its stream without a reply")


def _check_stopped(core: Core) -> None:
    left = core.seconds_left()
    if left is not None and left <= 0:
        core.stop(DeadlineExceeded(f"the run's {core.limits.deadline_s} s are up"))
    if core.stopped is not None:
        raise type(core.stopped)(str(core.stopped))


def _reserve(core: Core, request: Request) -> Reservation | None:
    try:
        return core.reserve(request)
    except Stopped as e:
        core.stop(e)
        raise
