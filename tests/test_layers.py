"""The law: imports point one way, the import of the package is light and does nothing, names do not collide."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layers import MAY_USE

ROOT = Path(__file__).parents[1] / "workbench"
HEAVY = (
    "pandas",
    "litellm",
    "seaborn",
    "papermill",
    "duckdb",
    "matplotlib",
    "pyarrow",
    "scipy",
    "onnxruntime",
    "IPython",
)


def room(path: Path) -> str:
    """The layer a file belongs to: its module, or its package."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The layers a file imports from, imports inside functions included, those for type checkers only left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(n)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for n in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "workbench":
            found |= {a.name for a in node.names if a.name != "__version__"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workbench."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("workbench.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), (
            f"{path}: relative imports hide where a name lives"
        )
    return found - {room(path)}


FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


def test_every_module_has_its_row() -> None:
    assert {room(p) for p in FILES} == set(MAY_USE)


def test_imports_point_down() -> None:
    bad = [f"{p.relative_to(ROOT)} -> {other}" for p in FILES for other in imported(p) - set(MAY_USE[room(p)].split())]
    assert bad == []


def test_the_table_has_no_cycle() -> None:
    from graphlib import TopologicalSorter

    TopologicalSorter({k: v.split() for k, v in MAY_USE.items()}).prepare()


def test_litellm_has_one_importer() -> None:
    importers = {p.name for p in FILES if "import litellm" in p.read_text()}
    assert importers == {"litellm.py"}


def test_import_is_light_and_does_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, os, threading; before = dict(os.environ); import workbench;"
        f"assert not [m for m in {HEAVY} if m in sys.modules], sys.modules.keys();"
        "assert threading.active_count() == 1 and dict(os.environ) == before"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "" and list(tmp_path.iterdir()) == [], done.stderr


def test_every_public_name_resolves_and_keeps_resolving() -> None:
    import workbench as wb

    assert set(wb.__all__) == {n for n in dir(wb) if not n.startswith("_")} | {"__version__"}
    for name in wb.__all__:
        assert getattr(wb, name) is not None
    # a module of the same name would replace the public name once it is imported
    modules = {room(p) for p in FILES}
    assert not modules & set(wb.__all__)
    with pytest.raises(AttributeError):
        wb.no_such_name  # noqa: B018
