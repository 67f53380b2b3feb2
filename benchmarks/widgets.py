"""Pictures in a browser: first picture and frames a second at 1,000 to 100,000 spans, beside others in the same JupyterLab.

    python -m benchmarks.widgets [--peers FOLDER] [--sizes 1000 10000] [--live SECONDS]

FOLDER is a virtual environment of the peers' own (never ours), made with
    python -m venv FOLDER; FOLDER/bin/pip install --no-deps ipycytoscape spectate ipysigma pyvis jsonpickle plotly narwhals
Each library draws the same trace in one cell: from the press of Shift+Enter to the first frame with a picture, then frames a
second while a mouse drags and a wheel zooms. A peer that shows nothing within LIMIT_S is given up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIMIT_S = 60
SHAPES = {1_000: (20, 49), 10_000: (100, 99), 100_000: (100, 999)}
SETUP = """
import sys; sys.path.append({site!r}); sys.path.insert(0, {root!r})
import math, workbench as wb
from benchmarks.widgets import trace
spans = {{n: trace(n) for n in {sizes!r}}}
begin = {{n: min(s.start_ns for s in spans[n]) for n in spans}}
at = {{n: [((s.start_ns - begin[n]) / 1e6, i % 100) for i, s in enumerate(spans[n])] for n in spans}}
row = {{n: {{s.span_id: i for i, s in enumerate(spans[n])}} for n in spans}}
edges = {{n: [(row[n][s.parent_id], i) for i, s in enumerate(spans[n]) if s.parent_id in row[n]] for n in spans}}
def node_link(n):
    import networkx as nx
    g = nx.DiGraph(); g.add_nodes_from(range(len(spans[n]))); g.add_edges_from(edges[n]); return g
warm = wb.TraceGraph(spans[min(spans)][:3])  # the module is imported, nothing is shown
"""
OURS = "wb.TraceGraph(spans[{n}])"
PEERS = {
    "ipycytoscape": """
import ipycytoscape
w = ipycytoscape.CytoscapeWidget()
nodes = [{{"data": {{"id": str(i)}}, "position": {{"x": x, "y": 8 * y}}}} for i, (x, y) in enumerate(at[{n}])]
lines = [{{"data": {{"source": str(a), "target": str(b)}}}} for a, b in edges[{n}]]
w.graph.add_graph_from_json({{"nodes": nodes, "edges": lines}})
w.set_layout(name="preset"); w
""",
    "ipysigma": """
from ipysigma import Sigma
Sigma(node_link({n}), layout={{i: {{"x": x, "y": y}} for i, (x, y) in enumerate(at[{n}])}}, start_layout=False)
""",
    "pyvis": """
from pyvis.network import Network
from IPython.display import display, HTML
net = Network(notebook=True, cdn_resources="in_line", height="600px"); net.toggle_physics(False)
net.add_nodes(list(range(len(at[{n}]))), x=[x for x, _ in at[{n}]], y=[8 * y for _, y in at[{n}]], label=[""] * len(at[{n}]))
net.add_edges(edges[{n}])
import html; page = net.generate_html(notebook=True)
display(HTML(f'<iframe width="100%" height="620" srcdoc="{{html.escape(page)}}"></iframe>'))
""",
    "Plotly": """
import plotly.graph_objects as go
xs, ys = zip(*at[{n}])
picture = go.Figure(go.Scattergl(x=xs, y=ys, mode="markers"), dict(height=600, dragmode="pan"))
picture.show(renderer="plotly_mimetype+notebook", config=dict(scrollZoom=True))
""",
}
# A picture is there when our root says so, or when a canvas in the output (also in a frame) holds more than one colour.
DRAWN = """() => {
  const inner = e => [e.shadowRoot, e.contentDocument].filter(Boolean);
  const last = [...document.querySelectorAll('.jp-OutputArea-output')].slice(-1);
  const roots = last.flatMap(o => [o, ...[...o.querySelectorAll('*')].flatMap(inner)]);
  const painted = c => {
    const copy = document.createElement('canvas'), ctx = copy.getContext('2d', { willReadFrequently: true });
    copy.width = 160; copy.height = 90;
    ctx.drawImage(c, 0, 0, 160, 90);
    const d = ctx.getImageData(0, 0, 160, 90).data;
    let first = -1;
    for (let i = 0; i < d.length; i += 4) {
      const v = (d[i] << 16) | (d[i + 1] << 8) | d[i + 2];
      if (d[i + 3] > 8 && first < 0) first = v;
      else if (d[i + 3] > 8 && v !== first) return true;
    }
    return first > 0;
  };
  return roots.some(root => root.querySelector('.wb[data-drawn]')
    || root.querySelector('.gl-canvas') && root.querySelector('.xtick')
    || [...root.querySelectorAll('canvas')].some(c => c.width >= 200 && painted(c)));
}"""
FRAMES = """() => {
  const mine = window.frames_ = [];
  const go = t => { mine.push(t); if (window.frames_ === mine) requestAnimationFrame(go); };
  requestAnimationFrame(go);
}"""
LIVE = """
import asyncio, time
from IPython.display import display
from opentelemetry import trace as T
from opentelemetry.sdk.trace import TracerProvider
from workbench import semconv as s
tracer = TracerProvider().get_tracer("bench"); live = wb.LiveRun(lambda: None); display(live)
def begin(name, above=None, **at):
    span = tracer.start_span(name, context=T.set_span_in_context(above) if above else None, attributes=at)
    live.on_start(span)
    return span
root = begin("run", **{s.OPERATION: s.WORKFLOW, s.AGENTS: 8, s.TASK_PROMPT: "eight lanes"})
threads = [begin("thread", root, **{s.OPERATION: s.THREAD, s.AGENT: f"a#{i}", s.THREAD_INDEX: i}) for i in range(8)]
calls = [f"{begin('chat', t, **{s.OPERATION: s.CHAT}).context.span_id:016x}" for t in threads]
cpu, start, k = time.process_time(), time.monotonic(), 0
while time.monotonic() - start < SECONDS:
    for call in calls: live.on_piece(call, f" {int(time.time() * 1000) % 10_000_000:07d}")
    k += 1; await asyncio.sleep(max(0, start + k * 0.02 - time.monotonic()))
print(f"kernel {(time.process_time() - cpu) / (time.monotonic() - start):.4f} tokens {8 * k}")
"""
LAGS = """() => {
  window.lags_ = []; let before = '';
  const go = () => {
    const host = [...document.querySelectorAll('.jp-OutputArea-output *')].find(e => e.shadowRoot?.querySelector('.tail'));
    const words = host?.shadowRoot.querySelector('.tail').textContent ?? '', stamp = words.slice(-7);
    if (/^\\d{7}$/.test(stamp) && stamp !== before) {
      before = stamp;
      window.lags_.push((Date.now() % 10000000) - Number(stamp));
    }
    requestAnimationFrame(go);
  };
  go();
}"""


def trace(size: int) -> list[Any]:
    """About `size` spans: threads of calls and tools, joined by a majority."""
    from tests import weaving

    lanes, per = SHAPES[size]
    w = weaving.Weaver()
    threads = []
    for i in range(lanes):
        thread = w.thread(i, 0, per * 10, str(i % 5))
        threads.append(thread)
        for k in range(per):
            w.call(thread, k * 10, k * 10 + 8, tool="search" if k % 5 == 4 else None)
    w.synthesis("majority", per * 10 + 1, per * 10 + 2, threads, "1")
    return w.done("1")


class Lab:
    """A JupyterLab on a free port that knows the peers' extensions too, and one browser."""

    def __init__(self, peers: Path | None) -> None:
        from tests.browser.conftest import FLAGS

        self.folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
        self.port = 18_000 + os.getpid() % 20_000
        extensions = [str(peers / "share/jupyter")] if peers else []
        env = {**os.environ, "JUPYTER_CONFIG_DIR": str(self.folder / "c"), "JUPYTER_DATA_DIR": str(self.folder / "d"),
               "JUPYTER_PATH": os.pathsep.join(extensions), "PYTHONPATH": str(ROOT),
               "IPYTHONDIR": str(self.folder / "i")}  # fmt: skip
        args = ["--no-browser", f"--port={self.port}", "--IdentityProvider.token=", "--ServerApp.password=", "--allow-root",
                f"--ServerApp.root_dir={self.folder}", "--ServerApp.iopub_data_rate_limit=1e10", "--LabApp.news_url=",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
        self.log = (self.folder / "log").open("w")
        self.server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *args], env=env, stdout=self.log, stderr=self.log
        )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=2).read()
                break
            except OSError:
                time.sleep(0.2)
        from playwright.sync_api import sync_playwright

        self._play = sync_playwright().start()
        place = shutil.which("chromium") or shutil.which("google-chrome")
        self.browser = self._play.chromium.launch(executable_path=place, args=FLAGS)

    def close(self) -> None:
        self.browser.close()
        self._play.stop()
        self.server.terminate()
        self.server.wait(20)


def opened(lab: Lab, cells: list[str]) -> Any:
    """A notebook in a page and with a kernel of its own, its first cell run."""
    import nbformat

    name = f"n{time.monotonic_ns()}.ipynb"
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.strip()) for c in cells])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (lab.folder / name).write_text(nbformat.writes(nb))
    page = lab.browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.set_default_timeout(120_000)
    page.goto(f"http://127.0.0.1:{lab.port}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function("() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'")
    run_first(page)
    page.wait_for_function("() => /\\[1\\]/.test(document.querySelector('.jp-InputPrompt').textContent)")
    page.locator(".jp-Cell").nth(1).locator(".cm-content").click()
    page.evaluate("() => document.addEventListener('keydown', () => { window.begun_ ??= performance.now() }, true)")
    return page


def run_first(page: Any) -> None:
    """Run the first cell, again where JupyterLab asks for a kernel first or was not yet listening."""
    from playwright.sync_api import TimeoutError

    seen = "() => /[\\d*]/.test(document.querySelector('.jp-InputPrompt').textContent)"
    for _ in range(20):
        if page.locator(".jp-Dialog .jp-mod-accept").count():
            page.locator(".jp-Dialog .jp-mod-accept").first.click()
        page.locator(".jp-Cell").nth(0).locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        try:
            page.wait_for_function(seen, timeout=5_000)
            return
        except TimeoutError:
            continue


def measure(lab: Lab, setup: str, code: str) -> dict[str, float | None]:
    """Seconds to the first picture and frames a second; None where nothing was drawn in time."""
    from playwright.sync_api import TimeoutError

    page = opened(lab, [setup, code])
    try:
        page.keyboard.press("Control+Enter")
        seen = f"() => ({DRAWN})() && (window.first_ ??= performance.now())"
        try:
            page.wait_for_function(seen, polling="raf", timeout=LIMIT_S * 1000)
        except TimeoutError:
            return {"first_s": None, "pan_fps": None, "zoom_fps": None}
        first = page.evaluate("() => (window.first_ - window.begun_) / 1000")
        target = page.locator(".jp-OutputArea-output").last
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        x, y = box["x"] + box["width"] * 0.5, min(box["y"] + 260, 800)
        page.wait_for_timeout(800)
        zoom = frames(page, lambda: wheel(page, x, y))
        return {"first_s": first, "zoom_fps": zoom, "pan_fps": frames(page, lambda: drag(page, x, y))}
    finally:
        page.context.close()


def live(lab: Lab, seconds: int) -> dict[str, float]:
    """Eight lanes of fifty tokens a second: from a token's birth in the kernel to its frame, and the kernel's CPU."""
    page = opened(lab, ["import workbench as wb", LIVE.replace("SECONDS", str(seconds))])
    try:
        page.keyboard.press("Control+Enter")
        page.evaluate(LAGS)
        page.wait_for_selector("text=/kernel 0/", timeout=(seconds + 90) * 1000)
        said = page.locator("text=/kernel 0/").last.inner_text().split()
        lags = sorted(page.evaluate("() => window.lags_"))
        return {"frames": len(lags), "lag_p50_ms": lags[len(lags) // 2], "lag_p95_ms": lags[int(len(lags) * 0.95)],
                "lag_max_ms": lags[-1], "kernel_core": float(said[1]), "tokens": float(said[3])}  # fmt: skip
    finally:
        page.context.close()


def wheel(page: Any, x: float, y: float) -> None:
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for i in range(60):
        page.mouse.wheel(0, -40 if i < 40 else 40)
    page.keyboard.up("Control")


def drag(page: Any, x: float, y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(120):
        page.mouse.move(x + 160 * (1 - abs((i % 60) / 30 - 1)) - 80, y)
    page.mouse.up()


def frames(page: Any, act: Any, least_s: float = 2.0) -> float:
    """Frames a second that the page drew while `act` went on, at least for `least_s`."""
    page.evaluate(FRAMES)
    begin = time.monotonic()
    while time.monotonic() - begin < least_s:
        act()
    at = page.evaluate("() => { const done = window.frames_; window.frames_ = null; return done }")
    return (len(at) - 1) / (at[-1] - at[0]) * 1000 if len(at) > 1 else 0.0


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--peers", type=Path)
    parse.add_argument("--sizes", type=int, nargs="+", default=list(SHAPES))
    parse.add_argument("--repeats", type=int, default=1)
    parse.add_argument("--live", type=int, default=0, help="seconds of a run under way")
    args = parse.parse_args()
    sites = list(args.peers.glob("lib/python*/site-packages")) if args.peers else []
    lab = Lab(args.peers)
    try:
        if args.live:
            print(json.dumps({"live": live(lab, args.live), "load": os.getloadavg()[0]}), flush=True)
        for size in args.sizes:
            setup = SETUP.format(site=str(sites[0]) if sites else "", root=str(ROOT), sizes=[size])
            for name, code in {"TraceGraph": OURS, **(PEERS if sites else {})}.items():
                found = [measure(lab, setup, code.format(n=size)) for _ in range(args.repeats)]
                known = [f for f in found if f["first_s"] is not None]
                middle = {
                    k: statistics.median(f[k] for f in known) if known else None
                    for k in ("first_s", "pan_fps", "zoom_fps")
                }  # type: ignore[type-var]
                print(json.dumps({"spans": size, "library": name, **middle, "load": os.getloadavg()[0]}), flush=True)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
