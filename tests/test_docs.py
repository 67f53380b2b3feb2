"""The documentation keeps its word: links lead somewhere, code runs, commands and options exist."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import re
import shlex
import types
from pathlib import Path

import click
import pytest

from workbench.cli import COMMANDS, cli

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if p.parent.name != "reference")])
RUN = [p for p in PAGES if p.name in ("README.md", "tutorial.md", "extending.md") or p.parent.name == "howto"]
FENCE = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that headings make, as code hosts and MyST spell them."""
    heads = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", RUN, ids=name)
def test_python_in_the_pages_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks run one after the other, as in a notebook; a comment before a block says why one does not."""
    monkeypatch.chdir(tmp_path)
    blocks = [
        code for skipped, language, code in FENCE.findall(page.read_text()) if language == "python" and not skipped
    ]
    space: dict[str, object] = {}
    for code in blocks:
        compiled = compile(code, name(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        made = eval(compiled, space)  # the page's own code
        if inspect.iscoroutine(made):
            asyncio.run(made)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in RUN:
        for _, language, code in FENCE.findall(page.read_text()):
            if language in ("sh", "bash"):
                lines = code.replace("\\\n", " ").splitlines()
                found += [(name(page), line) for line in lines if line.startswith("workbench ")]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_in_the_pages_exist_with_their_options(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert words[0] in COMMANDS, f"{page}: {line}"
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    rest = words[1:]
    if isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    assert [w for w in rest if w.startswith("-") and w.split("=")[0] not in known] == [], f"{page}: {line}"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    import subprocess
    import sys

    assert subprocess.run([sys.executable, "tools/reference.py"], cwd=ROOT).returncode == 0
    built = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", str(tmp_path / "site")]
    said = subprocess.run(built, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "site" / "reference" / "running.html").exists()


def test_the_readmes_table_is_the_measured_one() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("readme", ROOT / "tools" / "readme.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    readme = (ROOT / "README.md").read_text()
    assert tool.page(readme, (ROOT / "benchmarks" / "STRATEGIES.md").read_text()) == readme, (
        "run python tools/readme.py"
    )
    assert "| Single s |" in readme


async def test_the_examples_of_public_names_run_and_say_what_they_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other in one notebook, so to say: a later example uses what an earlier one made."""
    import workbench as wb

    monkeypatch.chdir(tmp_path)
    space = {"wb": wb, **{public: getattr(wb, public) for public in wb.__all__}}
    shown = 0
    for public in wb.__all__[1:]:
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(getattr(wb, public)) or ""):
            if public == "Sweep":  # runs a notebook; tests/test_sweeps_*.py do
                continue
            made = eval(_compiled(example.source, public), space)  # our own text
            made = await made if inspect.iscoroutine(made) else made
            assert not example.want or repr(made) == example.want.strip(), public
            shown += 1
    assert shown > 40


def _compiled(source: str, public: str) -> types.CodeType:
    try:
        return compile(source, public, "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return compile(source, public, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
