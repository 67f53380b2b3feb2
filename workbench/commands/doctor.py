"""`workbench doctor`: what is installed, which providers have a key (names only), which GPUs are seen, what does not work."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from workbench import __version__
from workbench.commands.shared import print_json, table
from workbench.errors import WorkbenchError

PACKAGES = (
    "jupyterlab",
    "ipywidgets",
    "anywidget",
    "ipykernel",
    "litellm",
    "papermill",
    "pandas",
    "duckdb",
    "onnxruntime",
)
EXTRAS = {"distributed": "cluster", "s3fs": "s3", "opentelemetry-exporter-otlp-proto-http": "otlp"}
KEYS = {
    "OPENAI_API_KEY": "openai", "ANTHROPIC_API_KEY": "anthropic", "GEMINI_API_KEY": "gemini", "GOOGLE_API_KEY": "gemini",
    "AZURE_API_KEY": "azure", "AWS_ACCESS_KEY_ID": "bedrock", "MISTRAL_API_KEY": "mistral", "GROQ_API_KEY": "groq",
    "DEEPSEEK_API_KEY": "deepseek", "TOGETHERAI_API_KEY": "together_ai", "FIREWORKS_API_KEY": "fireworks_ai",
    "OPENROUTER_API_KEY": "openrouter", "XAI_API_KEY": "xai", "COHERE_API_KEY": "cohere", "CEREBRAS_API_KEY": "cerebras",
    "PERPLEXITYAI_API_KEY": "perplexity", "NVIDIA_NIM_API_KEY": "nvidia_nim", "HF_TOKEN": "huggingface",
}  # fmt: skip
"""Variable -> the LiteLLM provider that reads it."""
LAB_EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `state` is ok, note (works without it) or broken (says what to do)."""

    what: str
    state: str
    found: str
    do: str = ""


@click.command("doctor", epilog="""\b
Examples:
  workbench doctor
  workbench doctor --json
""")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor_cmd(as_json: bool) -> None:
    """Say what works here and what to do about what does not. Nothing is sent anywhere; of keys only names are shown."""
    findings = list(examine(os.environ))
    broken = sum(f.state == "broken" for f in findings)
    if as_json:
        print_json({"broken": broken, "findings": [asdict(f) for f in findings]})
    else:
        table([{"": f.state, "what": f.what, "found": f.found, "to do": f.do} for f in findings])
        click.echo("\nAll is well." if not broken else f"\n{broken} of these need you: see the last column.")
    if broken:
        sys.exit(1)


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """All findings, cheap ones first."""
    yield Finding(
        "workbench",
        "ok",
        f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    yield from _packages()
    yield _keys(environment)
    yield _gpus()
    yield _front_end()
    yield _lab()
    yield _place()
    yield _offline_model()


def _packages() -> Iterator[Finding]:
    found = {name: _version(name) for name in PACKAGES}
    missing = [name for name, number in found.items() if number is None]
    said = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    do = f"pip install {' '.join(missing)}" if missing else ""
    yield Finding("packages", "broken" if missing else "ok", said, do)
    for name, extra in EXTRAS.items():
        if _version(name) is None:
            yield Finding(
                f"extra {extra}", "note", "not installed", f"pip install 'parallel-reasoning-workbench[{extra}]' for it"
            )


def _keys(environment: Mapping[str, str]) -> Finding:
    named = sorted({KEYS[name] for name in environment if name in KEYS and environment[name]})
    if named:
        return Finding("keys", "ok", f"for {', '.join(named)}", "")
    return Finding(
        "keys", "note", "none: the offline models and servers of your own need none", "such as: export OPENAI_API_KEY=…"
    )


def _gpus() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("GPUs", "note", "none seen (no nvidia-smi); nothing here needs one", "")
    asked = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as e:
        return Finding("GPUs", "note", f"nvidia-smi did not answer ({type(e).__name__})", "")
    lines = [line.strip() for line in said.stdout.splitlines() if line.strip()]
    if said.returncode or not lines:
        return Finding("GPUs", "note", "nvidia-smi sees none", "")
    return Finding("GPUs", "ok", "; ".join(lines), "")


def _front_end() -> Finding:
    place = Path(__file__).resolve().parents[1] / "widgets" / "static"
    bundles = sorted(p for p in place.glob("*.js"))
    if not bundles:
        return Finding(
            "widgets", "broken", f"no bundle in {place}", "reinstall the package, or run `make front` in a clone"
        )
    return Finding("widgets", "ok", ", ".join(f"{p.name} {p.stat().st_size / 1000:.0f} kB" for p in bundles))


def _lab() -> Finding:
    """Whether JupyterLab can draw widgets: the two extensions must lie where this Python's Jupyter looks."""
    from jupyter_core.paths import jupyter_path

    places = [Path(p) for p in jupyter_path("labextensions")]
    found = {name: _extension(places, name) for name in LAB_EXTENSIONS}
    missing = [name for name, number in found.items() if number is None]
    if missing:
        return Finding("JupyterLab", "broken", f"does not see {', '.join(missing)}",
                       "start it from this environment (make lab), or pip install anywidget ipywidgets where it is")  # fmt: skip
    return Finding("JupyterLab", "ok", ", ".join(f"{name} {number}" for name, number in found.items()))


def _extension(places: list[Path], name: str) -> str | None:
    for place in places:
        about = place / name / "package.json"
        if about.exists():
            return str(json.loads(about.read_text(encoding="utf-8")).get("version", "?"))
    return None


def _place() -> Finding:
    """Whether runs can be written where they go by default."""
    place = Path("traces/runs")
    near = next((p for p in (place, *place.parents) if p.exists()), Path("."))
    try:
        with tempfile.TemporaryFile(dir=near):
            free = shutil.disk_usage(near).free
    except OSError as e:
        return Finding(
            "runs",
            "broken",
            f"{near.resolve()} cannot be written ({e.strerror})",
            "go to another folder, or name one with -o",
        )
    return Finding("runs", "ok", f"{place.resolve()}, {free / 1e9:.0f} GB free")


def _offline_model() -> Finding:
    from workbench.agents import Message
    from workbench.models.base import Request
    from workbench.models.registry import ABACUS, open_model

    return _timed(
        f"{ABACUS[0]} answers",
        lambda: _ask(open_model(ABACUS[0]), Request(ABACUS[0], (Message("user", "What is 82 * 6?"),))),
    )


def _timed(what: str, work: Callable[[], str]) -> Finding:
    begin = time.perf_counter()
    try:
        said = work()
    except (WorkbenchError, OSError, ImportError) as e:
        return Finding(what, "broken", f"{type(e).__name__}: {e}", "reinstall the package")
    return Finding(what, "ok", f"{said!r} in {time.perf_counter() - begin:.1f} s")


def _ask(model: object, request: object) -> str:
    import asyncio

    async def one() -> str:
        reply = await model.complete(request)  # type: ignore[attr-defined]
        await model.aclose()  # type: ignore[attr-defined]
        return str(reply.text).strip().splitlines()[-1]

    return asyncio.run(one())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
