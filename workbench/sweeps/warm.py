"""Which kernel a notebook runs on, and what that kernel has imported beforehand: rules that can be seen and overridden."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError, unknown
from workbench.sweeps.parameters import source

KINDS = ("cold", "fork", "bare")

NEEDS_SOCKETS: Mapping[str, str] = {
    r"^\s*%(gui|connect_info|qtconsole|subshell)\b": "uses a magic that needs the kernel's sockets",
    r"^\s*%matplotlib\s+(notebook|widget|ipympl|qt\d?|tk|wx|gtk\d?|osx)\b": "wants an interactive matplotlib backend",
    r"\b(get_connection_file|get_connection_info|connect_qtconsole|IPKernelApp)\b": "asks for the kernel's connection",
    r"\b(ipyparallel|debugpy)\b": "uses a package that talks to the kernel's sockets",
}
"""What a notebook may do that a bare kernel has not: a pattern in its code, and the words for it."""

SETS_ENVIRONMENT = re.compile(
    r"^\s*%(set_)?env\b|\bos\.(environ\s*(\[|\.(update|setdefault|pop))|putenv|unsetenv)|\benviron\[", re.M
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of kernel, why it was chosen, and the modules it has imported before the notebook starts."""

    kind: str
    reason: str
    modules: tuple[str, ...] = ()


def choose(kind: str, notebook: Mapping[str, Any]) -> Choice:
    """The kernel for a notebook: what was asked for, or what the rule says where that was `auto`.

    Raises UsageError for a kind that there is not, or not on this system or for this notebook.
    """
    if kind not in (*KINDS, "auto"):
        raise unknown("kernel", kind, (*KINDS, "auto"))
    why_cold = _why_cold(notebook)
    if kind in ("cold", "auto") and (kind == "cold" or why_cold):
        return Choice("cold", why_cold if kind == "auto" and why_cold else "asked for")
    if why_cold:
        raise UsageError(f"the kernel {kind!r} cannot be had: {why_cold}; choose cold or auto")
    modules = tuple(imports(notebook))
    if kind != "auto":
        return Choice(kind, "asked for", modules)
    for number, text in _code(notebook):
        for pattern, reason in NEEDS_SOCKETS.items():
            if re.search(pattern, text, re.M):
                return Choice("fork", f"cell {number} {reason}", modules)
    return Choice("bare", "nothing in the notebook needs more", modules)


def imports(notebook: Mapping[str, Any]) -> Iterator[str]:
    """The installed modules that a notebook imports, none twice; for the workbench's lazy names `workbench:name`.

    None at all when the notebook sets environment variables: what it imports after that might read them.
    """
    cells = list(_code(notebook))
    if any(SETS_ENVIRONMENT.search(text) for _, text in cells):
        return
    seen: set[str] = set()
    aliases: set[str] = set()
    for tree in filter(None, (_parse(text) for _, text in cells)):
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
                aliases |= {alias.asname or alias.name for alias in node.names if alias.name == "workbench"}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
                names += [f"workbench:{a.name}" for a in node.names if node.module == "workbench" and a.name != "*"]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
                names = [f"workbench:{node.attr}"]
            for name in names:
                if name not in seen and _installed(name.split(":")[0]):
                    seen.add(name)
                    yield name


def _why_cold(notebook: Mapping[str, Any]) -> str:
    """Why only a new process will do, or nothing."""
    spec = notebook.get("metadata", {}).get("kernelspec", {})
    if not hasattr(os, "fork"):
        return "this system cannot fork a process"
    if spec.get("language", "python") != "python" or spec.get("name", "python3") not in ("python3", "python"):
        return f"the notebook asks for the kernel {spec.get('name')!r}, which is not this Python"
    return ""


def _installed(name: str) -> bool:
    """Whether a module comes with Python or from a package, and not from where the notebook or the user works."""
    try:
        spec = importlib.util.find_spec(name.split(".")[0])
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    origin = spec.origin or ""
    places = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    return (
        name.split(".")[0] in sys.stdlib_module_names
        or origin.startswith(tuple(places))
        or name.split(".")[0] == __name__.split(".")[0]
    )


def _code(notebook: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(notebook["cells"], 1):
        if cell.get("cell_type") == "code":
            yield number, source(cell)


def _parse(text: str) -> ast.Module | None:
    """Python of a cell, with its magics taken out; None where it is something else."""
    lines: Sequence[str] = text.splitlines()
    if lines and lines[0].startswith("%%"):
        return None
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines)
    try:
        return ast.parse(plain)
    except SyntaxError:
        return None
