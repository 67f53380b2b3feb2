"""Write docs/reference/*.md, a page per group of public names and one for the command line: python tools/reference.py"""

from __future__ import annotations

import sys
from pathlib import Path

import click

import workbench as wb
from workbench.cli import COMMANDS, cli

PLACE = Path(__file__).resolve().parent.parent / "docs" / "reference"
GROUPS = {
    "running": ("Running", ("tasks", "loading", "grading", "agents", "engine", "prompts", "runs", "live")),
    "strategies": ("Strategies and syntheses", ("strategies", "synthesis")),
    "models": ("Models", ("models",)),
    "records": ("Records", ("store", "spans", "frames", "readers", "exporting", "graphs", "timing", "measuring")),
    "evidence": ("Evidence", ("stats", "resampling", "resynthesis", "drifting", "matching", "choose", "routerfile")),
    "pictures": ("Pictures", ("widgets", "share")),
    "sweeps": ("Sweeps", ("sweeps",)),
    "planner": ("Planner", ("planner",)),
    "agentic": ("Agentic qualities", ("agentic", "episodes")),
    "errors": ("Errors", ("errors",)),
}
"""Page -> its title and the rooms whose public names it shows."""


def pages() -> dict[str, str]:
    """File name -> text. A public name whose room is in no group goes to a page of its own, so none is lost."""
    rest = dict(wb._HOME)
    made = {}
    for page, (title, rooms) in GROUPS.items():
        names = [name for name, module in rest.items() if module.split(".")[0] in rooms]
        if names:
            made[f"{page}.md"] = _page(title, [(name, rest.pop(name)) for name in names])
    if rest:
        made["more.md"] = _page("More", list(rest.items()))
    made["commands.md"] = _commands()
    return made


def _page(title: str, names: list[tuple[str, str]]) -> str:
    blocks = []
    for name, module in names:
        kind = "autoclass" if isinstance(getattr(wb, name), type) else "autofunction"
        blocks.append(f"## wb.{name}\n\n```{{eval-rst}}\n.. {kind}:: workbench.{module}.{name}\n```\n")
    return f"# {title}\n\n" + "\n".join(blocks)


def _commands() -> str:
    """Every command's help, as it is printed."""
    blocks = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        with click.Context(
            command, info_name=f"workbench {name}", terminal_width=100, max_content_width=100
        ) as context:
            blocks.append(f"## workbench {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "# Commands\n\n" + "\n".join(blocks)


def main() -> int:
    for old in PLACE.glob("*.md"):
        if old.name != "index.md":
            old.unlink()
    for name, text in pages().items():
        (PLACE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
