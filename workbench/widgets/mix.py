"""MixExplorer: pick GPU, count, model, precision and agents; memory, latency, price and what limits them move at once."""

from __future__ import annotations

import html
import io
from typing import Any

import ipywidgets as ipw
import pandas as pd

from workbench.errors import UsageError
from workbench.planner import Load, lengths, plan
from workbench.widgets.display import encode
from workbench.widgets.showing import Showing

AGENTS = (1, 3, 5, 10)
SIMULATED = 150
"""Requests simulated per point: enough for a median, quick enough to follow a slider."""
SHOWN = {
    "placement": "placement",
    "memory_gib": "memory per GPU, GiB",
    "headroom_gib": "head-room, GiB",
    "e2e_p50_s": "request, median s",
    "e2e_p95_s": "request, p95 s",
    "ttft_p50_s": "first token, s",
    "throughput_rps": "requests/s",
    "usd_per_request": "$ per request at this rate",
    "usd_per_request_full": "$ per request, fully loaded",
    "limiting": "limited by",
}
INK, ACCENT, SOFT = "#1f2933", "#0b7285", "#cbd2d9"


class MixExplorer(Showing, ipw.VBox):  # type: ignore[misc]
    """The planner's controls and curves; `plan` is the frame behind what is shown (a row per number of agents).

    Args:
        model, gpu, gpus, precision, agents: where to start. rate_rps: requests a second.
        prefix, prompt, output: tokens shared by a request's threads, of a thread's own, and answered (mean).

    Raises:
        UsageError: for a GPU or a model that nobody knows, with the nearest names.
    """

    def __init__(
        self,
        model: str = "llama-3.1-70b",
        gpu: str = "h200_sxm",
        *,
        gpus: int = 4,
        precision: str = "fp8",
        agents: int = 5,
        rate_rps: float = 1.0,
        prefix: int = 900,
        prompt: int = 120,
        output: int = 600,
    ) -> None:
        from workbench.planner import architectures, hardware

        wide = {"layout": ipw.Layout(width="340px"), "style": {"description_width": "110px"}}
        late = {**wide, "continuous_update": False}  # one estimate a move, not one a pixel
        self.controls: dict[str, Any] = {
            "model": ipw.Dropdown(
                options=sorted(architectures.table()),
                value=architectures.model(model).name,
                description="model",
                **wide,
            ),
            "gpu": ipw.Dropdown(
                options=sorted(hardware.table()), value=hardware.gpu(gpu).name, description="GPU", **wide
            ),
            "gpus": ipw.SelectionSlider(options=[1, 2, 4, 8, 16, 32], value=gpus, description="GPUs", **late),
            "precision": ipw.Dropdown(options=hardware.PRECISIONS, value=precision, description="precision", **wide),
            "agents": ipw.IntSlider(agents, 1, 32, description="agents", **late),
            "rate_rps": ipw.FloatLogSlider(rate_rps, min=-2, max=2, step=0.1, description="requests/s", **late),
            "prefix": ipw.IntSlider(prefix, 0, 32_000, step=100, description="shared prefix", **late),
            "prompt": ipw.IntSlider(prompt, 1, 8_000, step=20, description="own prompt", **late),
            "output": ipw.IntSlider(output, 10, 8_000, step=50, description="answer, mean", **late),
        }
        self.plan = pd.DataFrame()
        self._words, self._curves = ipw.HTML(), ipw.Image(format="png", layout=ipw.Layout(max_width="640px"))
        left = ipw.VBox(list(self.controls.values()))
        super().__init__([ipw.HBox([left, ipw.VBox([self._words, self._curves])])])
        for control in self.controls.values():
            control.observe(self._moved, names="value")
        self._moved()

    @property
    def settings(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def _moved(self, _: Any = None) -> None:
        now = self.settings
        try:
            self.plan = pd.concat([_best(now, n) for n in sorted({*AGENTS, now["agents"]})], ignore_index=True)
        except UsageError as e:
            self.plan = pd.DataFrame()
            self._show(f"<p style='color:#c92a2a'>{html.escape(str(e))}</p>", b"")
            return
        chosen = self.plan[self.plan["agents"] == now["agents"]].iloc[0]
        self._show(_table(chosen), _picture(self.plan, now["agents"]) if not chosen["refused"] else b"")

    def _show(self, words: str, picture: bytes) -> None:
        self._words.value, self._curves.value = words, picture
        self._curves.layout.display = "" if picture else "none"

    def words(self) -> str:
        """The table of the plan."""
        return self.plan.to_string(columns=[c for c in SHOWN if c in self.plan])

    def still_bundle(self) -> dict[str, Any]:
        """The curves and the table."""
        picture = {"image/png": encode(self._curves.value)} if self._curves.value else {}
        return {"text/plain": self.words(), **picture}


def _best(now: dict[str, Any], agents: int) -> pd.DataFrame:
    """The quickest placement for so many agents, with the interval of its median; one row."""
    load = Load(
        rate_rps=now["rate_rps"],
        threads=agents,
        prefix_tokens=now["prefix"],
        prompt_tokens=now["prompt"],
        output_tokens=lengths(now["output"]),
    )
    found = plan(
        {now["model"]: agents}, f"{now['gpus']}x{now['gpu']}", load, precision=now["precision"], requests=SIMULATED
    )
    best: pd.DataFrame = found.head(1).assign(agents=agents)
    return best


def _table(row: pd.Series[Any]) -> str:
    if row["refused"]:
        return f"<p style='color:#c92a2a;max-width:560px'>{html.escape(str(row['refused']))}</p>"
    cells = "".join(
        f"<tr><td style='padding-right:1.2em;color:#52606d'>{words}</td><td><b>{html.escape(_value(row[name]))}</b></td></tr>"
        for name, words in SHOWN.items()
        if name in row
    )
    return f"<table>{cells}</table>"


def _value(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _picture(frame: pd.DataFrame, agents: int) -> bytes:
    """Latency with its 80 % interval, memory and price over agents, the chosen number marked."""
    from matplotlib.figure import Figure

    known = frame[frame["refused"] == ""]
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    panels = [
        ("e2e_p50_s", "request, median s"),
        ("memory_gib", "memory per GPU, GiB"),
        ("usd_per_request_full", "$ per request, fully loaded"),
    ]
    for ax, (name, words) in zip(figure.subplots(1, 3), panels, strict=True):
        if f"{name}_low" in known:
            ax.fill_between(
                known["agents"], known[f"{name}_low"], known[f"{name}_high"], color=ACCENT, alpha=0.15, lw=0
            )
        ax.plot(known["agents"], known[name], color=ACCENT, marker="o", ms=4)
        ax.axvline(agents, color=SOFT, lw=1, zorder=0)
        ax.set_title(words, fontsize=9, color=INK, loc="left")
        ax.set_xlabel("agents", fontsize=8)
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=160)
    return out.getvalue()
