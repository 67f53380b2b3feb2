"""Where else it shows: an executed notebook without its kernel, exported, on a code host, in a PDF's source, and shared."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter, LatexExporter
from nbconvert.preprocessors.sanitize import SanitizeHTML
from PIL import Image

from tests import weaving
from tests.browser.pictures import keep
from workbench.share import WIDGET_VIEW, share_notebook, strip_widgets
from workbench.store.writer import RunWriter

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A notebook executed by papermill twice: as somebody who does not know of us runs it, and with WORKBENCH_STILLS=1."""
    place = tmp_path_factory.mktemp("executed")
    with RunWriter(place / "debate", {"id": "debate"}) as writer:
        for span in weaving.debate():
            writer.write(span)
    cells = [
        nbformat.v4.new_markdown_cell("# Four agents debate\n\nThey read each other in rounds, until they agree."),
        nbformat.v4.new_code_cell("import workbench as wb\nrun = wb.Run('debate')\nwb.threads(run)[['agent', 'answer']].head(4)"),
        nbformat.v4.new_code_cell("wb.TraceGraph(run)"),
    ]  # fmt: skip
    nb = nbformat.v4.new_notebook(cells=cells)
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, place / "in.ipynb")
    for name, stills in (("plain", "0"), ("stills", "1")):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "WORKBENCH_STILLS": stills, "IPYTHONDIR": str(place / "i")}
        args = [sys.executable, "-m", "papermill", "in.ipynb", f"{name}.ipynb"]
        subprocess.run(args, cwd=place, env=env, check=True, capture_output=True)
    yield place


def still(folder: Path, name: str) -> bytes:
    """The picture that the notebook keeps."""
    nb = nbformat.read(folder / f"{name}.ipynb", 4)
    [data] = [
        o["data"]["image/png"] for c in nb.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    return base64.b64decode(data)


def offline(chromium: Any, place: Path, name: str, **context: Any) -> tuple[Any, list[str]]:
    """The page from disk with the network cut: what it asked for beyond itself comes back too."""
    made = chromium.new_context(viewport={"width": 1060, "height": 900}, offline=True, **context)
    page = made.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.goto(place.as_uri())
    return page, [u for u in asked if u.startswith("http")]


@pytest.mark.parametrize("name", ["plain", "stills"])
def test_both_ways_of_papermill_keep_the_picture(folder: Path, name: str) -> None:
    image = Image.open(io.BytesIO(still(folder, name)))
    assert image.size[0] == 1920 and len(image.convert("RGB").getcolors(1 << 20) or []) > 5


def test_reopened_without_a_kernel_the_still_is_there(chromium: Any, lab: tuple[str, Path], folder: Path) -> None:
    url, served = lab
    for name in ("plain", "stills"):
        (served / f"{name}.ipynb").write_bytes((folder / f"{name}.ipynb").read_bytes())
        page = chromium.new_context(viewport={"width": 1300, "height": 900}).new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{url}/notebooks/{name}.ipynb?factory=Notebook&kernel=none")
        page.wait_for_selector(".jp-OutputArea-output img, .wb[data-drawn]")
        keep(page, f"reopened-{name}.png", clip_to=".jp-Notebook")
        page.context.close()


@pytest.mark.parametrize("name", ["stripped", "stills"])
def test_nbconverts_page_opened_from_disk_shows_the_still(
    chromium: Any, folder: Path, tmp_path: Path, name: str
) -> None:
    held = json.loads((folder / f"{'plain' if name == 'stripped' else name}.ipynb").read_text())
    if name == "stripped":
        held = strip_widgets(held)
    else:  # papermill saves the state of what was made, but no output asks for it
        assert not any(WIDGET_VIEW in o.get("data", {}) for c in held["cells"] for o in c.get("outputs", []))
    body, _ = HTMLExporter(template_name="lab").from_notebook_node(nbformat.reads(json.dumps(held), 4))
    (tmp_path / "n.html").write_text(body)
    page, _ = offline(chromium, tmp_path / "n.html", name)
    page.wait_for_function("() => [...document.images].some(i => i.complete && i.naturalWidth === 1920)")
    keep(page, f"nbconvert-offline-{name}.png")
    page.context.close()


def test_the_markup_that_code_hosts_keep_has_the_picture(chromium: Any, folder: Path, tmp_path: Path) -> None:
    """They take scripts and styles away, keep images as data, and refuse a notebook whose widgets have no state."""
    held = json.loads((folder / "plain.ipynb").read_text())
    assert all("state" in w for w in held["metadata"].get("widgets", {}).values())
    nb = nbformat.reads(json.dumps(strip_widgets(held)), 4)
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(nb)
    tags = ["div", "pre", "span", "p", "h1", "h2", "img", "table", "thead", "tbody", "tr", "th", "td", "code", "a"]
    bare = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", body)
    kept = SanitizeHTML(tags=tags, attributes={"img": ["src", "alt"]}, strip=True).sanitize_html_tags(bare)
    # bleach takes data: away as an unknown protocol; the hosts keep pictures: put back what they keep
    pictures = iter(re.findall(r'src="(data:image/png;base64,[^"]*)"', bare))
    kept = re.sub(r"<img\b", lambda _: f'<img src="{next(pictures)}"', kept)
    assert "<script" not in kept and "<style" not in kept and "widget" not in kept
    (tmp_path / "n.html").write_text(f"<!doctype html><meta charset=utf-8><style>img{{max-width:100%}}</style>{kept}")
    page, asked = offline(chromium, tmp_path / "n.html", "host", java_script_enabled=False)
    keep(page, "code-host.png")
    assert page.locator("img").evaluate("i => i.complete && i.naturalWidth") == 1920 and asked == []
    page.context.close()


def test_latex_gets_the_picture_as_a_file_and_a_printed_page_holds_it(
    chromium: Any, folder: Path, tmp_path: Path
) -> None:
    nb = nbformat.reads(json.dumps(strip_widgets(json.loads((folder / "plain.ipynb").read_text()))), 4)
    source, resources = LatexExporter().from_notebook_node(nb) if pandoc() else ("", {})
    if source:
        [name] = [n for n in resources["outputs"] if n.endswith(".png")]
        assert name in source and resources["outputs"][name].startswith(b"\x89PNG")
    body, _ = HTMLExporter(template_name="webpdf").from_notebook_node(nb)  # what nbconvert's webpdf prints
    (tmp_path / "n.html").write_text(body)
    page, _ = offline(chromium, tmp_path / "n.html", "pdf")
    page.wait_for_function("() => [...document.images].some(i => i.complete && i.naturalWidth === 1920)")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and b"/Subtype /Image" in pdf and b"/Width 1920" in pdf
    page.context.close()


def pandoc() -> bool:
    return any((Path(p) / "pandoc").exists() for p in os.environ.get("PATH", "").split(os.pathsep))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_shared_notebook_is_alive_offline_and_asks_for_nothing(
    chromium: Any, folder: Path, tmp_path: Path, scheme: str
) -> None:
    made = share_notebook(folder / "stills.ipynb", tmp_path / "n.html")
    page, asked = offline(chromium, made, "shared", color_scheme=scheme)
    page.wait_for_selector(".wb[data-drawn]")
    page.locator(".wb").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".panel dl")
    keep(page, f"shared-notebook-{scheme}.png")
    assert asked == [] and page.locator("table").count() >= 1
    page.context.close()
