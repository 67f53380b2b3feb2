"""View: from a Layout's milliseconds, steps and lanes to pixels; widgets/src/layout.ts does the same in the browser."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from workbench.layout import Layout
from workbench.layout.answers import NONE

LANE_PX = ((6, 46.0), (10, 38.0), (16, 30.0), (30, 22.0), (60, 15.0), (120, 9.0))
MAX_LANES_PX = 1100.0
SEAM_PX = 104.0
MAX_SEAMS_SHARE = 0.45


@dataclass(frozen=True)
class View:
    """`left` and `right` are the edges of the time axis, `top` the upper edge of the first lane, all in pixels."""

    layout: Layout
    left: float
    right: float
    top: float
    by: str = "time"

    @cached_property
    def seams(self) -> list[tuple[float, float]]:
        """[position, pixels], the position in the reading's own unit."""
        marks = self.layout.seams if self.by == "time" else self._step_seams()
        total = sum(w for _, w in marks) * SEAM_PX
        room = (self.right - self.left) * MAX_SEAMS_SHARE
        fit = min(1.0, room / total) if total else 1.0
        return [(at, w * SEAM_PX * fit) for at, w in marks]

    def _step_seams(self) -> list[tuple[float, float]]:
        found: dict[float, float] = {}
        nodes = self.layout.nodes
        for joint in self.layout.joints:
            if joint.kind != "nest" and joint.sources:
                ends = max(nodes[n].end_step for n in joint.sources)
                at = min((nodes[t].start_step for t in joint.targets), default=ends)
                weight = 1.0 if joint.kind == "join" else 0.6 if len(joint.sources) > 1 else 0.4
                found[at] = max(weight, found.get(at, 0.0))
        return sorted(found.items())

    @cached_property
    def scale(self) -> float:
        """Pixels per ms or step."""
        whole = self.layout.duration_ms if self.by == "time" else self.layout.steps
        return max(1.0, self.right - self.left - sum(px for _, px in self.seams)) / (whole or 1.0)

    @cached_property
    def _at(self) -> list[float]:
        return [at for at, _ in self.seams]

    @cached_property
    def _opened(self) -> list[float]:
        total, out = 0.0, [0.0]
        for _, px in self.seams:
            total += px
            out.append(total)
        return out

    def x_end(self, at: float) -> float:
        """Where something ends: before a seam at the same moment."""
        return self.left + at * self.scale + self._opened[bisect_left(self._at, at)]

    def x_start(self, at: float) -> float:
        """Where something begins: after a seam at the same moment."""
        return self.left + at * self.scale + self._opened[bisect_right(self._at, at)]

    def xs_end(self, at: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """`x_end` of many."""
        return self._xs(at, "left")

    def xs_start(self, at: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """`x_start` of many."""
        return self._xs(at, "right")

    def _xs(self, at: npt.NDArray[np.floating[Any]], side: Literal["left", "right"]) -> npt.NDArray[np.float64]:
        moments = np.asarray(at, dtype=np.float64)
        opened = np.array(self._opened)[np.searchsorted(np.array(self._at), moments, side)]
        return np.asarray(self.left + moments * self.scale + opened, dtype=np.float64)

    def seam(self, at: float) -> tuple[float, float]:
        """Left and right edge of the last seam at or before `at`; of no width where there is none."""
        i = bisect_right(self._at, at) - 1
        if i < 0 or self.x_start(self._at[i]) < self.x_start(at) - 1e-6:
            return self.x_start(at), self.x_start(at)
        x = self.x_end(self._at[i])
        return x, x + self.seams[i][1]

    # -- lanes --------------------------------------------------------------------------------------------------------

    @cached_property
    def base(self) -> float:
        """Height of a lane with one sub-row."""
        count = sum(lane.rows for lane in self.layout.lanes if not lane.among)
        return next((px for most, px in LANE_PX if count <= most), max(0.5, MAX_LANES_PX / max(1, count)))

    @cached_property
    def bar(self) -> float:
        """Height of a mark."""
        return min(16.0, self.base * 0.5) if self.base > 8 else self.base * 0.8

    @cached_property
    def pitch(self) -> float:
        """From one sub-row to the next."""
        return self.bar + min(4.0, self.bar * 0.25)

    @cached_property
    def _spots(self) -> list[tuple[float, float]]:
        lanes = self.layout.lanes
        spots = [(0.0, 0.0)] * len(lanes)
        y = self.top
        for n, lane in enumerate(lanes):
            if not lane.among:
                height = self.base + (lane.rows - 1) * self.pitch
                spots[n] = (y + height / 2, height)
                y += height
        self.__dict__["bottom"] = y
        for _ in range(3):  # a floating lane may lie among floating ones
            for n, lane in enumerate(lanes):
                if lane.among:
                    ys = [spots[m][0] for m in lane.among]
                    spots[n] = ((min(ys) + max(ys)) / 2, self.base)
        return spots

    @cached_property
    def bottom(self) -> float:
        _ = self._spots
        return float(self.__dict__["bottom"])

    def y(self, lane: int) -> float:
        """The middle of a lane's first sub-row."""
        return self.y_mark(lane, 0)

    def height(self, lane: int) -> float:
        return self._spots[lane][1]

    def y_mark(self, lane: int, sub: float) -> float:
        """The middle of a mark on a sub-row."""
        rows = self.layout.lanes[lane].rows
        return self._spots[lane][0] + (sub - (rows - 1) / 2) * self.pitch


def slots(view: View, sources: list[int], middle: float) -> tuple[list[tuple[int, float, float]], float, float]:
    """Where threads meet a synthesis: [node, middle, width], and top and bottom of the bar.

    Threads with one answer lie together, the groups in the order of their lanes, so that the bar shows their shares.
    """
    nodes = view.layout.nodes
    count = len(sources)
    height = max(min(14.0 * count, 132.0, 0.62 * max(46.0, view.bottom - view.top)), 16.0)
    by_group: dict[int, list[int]] = {}
    for n in sources:
        by_group.setdefault(nodes[n].group, []).append(n)
    mean = {g: sum(view.y(nodes[n].lane) for n in members) / len(members) for g, members in by_group.items()}
    order = [
        n
        for g in sorted(by_group, key=lambda g: mean[g])
        for n in sorted(by_group[g], key=lambda n: view.y(nodes[n].lane))
    ]
    weight = {n: 0.3 if nodes[n].group == NONE and count > 1 else 1.0 for n in sources}
    if all(nodes[n].group == NONE for n in sources):
        weight = dict.fromkeys(sources, 1.0)
    unit = height / sum(weight.values())
    out, y = [], middle - height / 2
    for n in order:
        out.append((n, y + weight[n] * unit / 2, weight[n] * unit))
        y += weight[n] * unit
    return out, middle - height / 2, middle + height / 2


def ticks(whole: float, room_px: float) -> list[float]:
    """Round values from 0 to `whole`, at least about 72 px apart."""
    if whole <= 0:
        return [0.0]
    least = whole * 72 / max(72.0, room_px)
    unit = 10.0 ** math.floor(math.log10(least))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= least)
    return [i * step for i in range(int(whole / step + 1e-9) + 1)]


def clock(ms: float, step_ms: float) -> str:
    """A moment in the unit that suits the step between ticks."""
    if step_ms >= 60_000:
        return f"{ms / 60_000:g} min"
    if step_ms >= 100 or ms == 0:
        return f"{ms / 1000:g} s"
    return f"{ms:g} ms"
