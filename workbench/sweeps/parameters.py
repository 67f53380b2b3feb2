"""What a notebook may be told: names, types and defaults in its `parameters` cell, and the check of a grid by them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import DataError, UsageError, nearest

RESERVED = {"out": "the sweep names the folder of every cell's Run itself"}
_CONSTANTS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of the parameters cell. `types` is empty where any value will do; `comment` is the line's own."""

    name: str
    default: Any
    types: tuple[type, ...]
    comment: str = ""

    @property
    def type_name(self) -> str:
        """The types in words, such as `int or None`."""
        return " or ".join("None" if t is type(None) else t.__name__ for t in self.types) or "any"

    def accepts(self, value: object) -> bool:
        """Whether `value` has a type that the default or annotation allows (an int is a float, a bool is no int)."""
        if not self.types:
            return True
        if isinstance(value, bool):
            return bool in self.types
        return isinstance(value, self.types) or (isinstance(value, int) and float in self.types)


def load_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook (nbformat 4) as plain JSON. Raises DataError when the file is not one."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = [p.name for p in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []
        raise UsageError(f"there is no notebook {str(path)!r}{nearest(path.name, near)}") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be read as a notebook: {error}") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise DataError(f"{path}: not a notebook of format 4")
    return notebook


def source(cell: Mapping[str, Any]) -> str:
    """A cell's text, which a notebook file holds as one text or as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def read_parameters(notebook: Mapping[str, Any], name: str = "the notebook") -> dict[str, Parameter]:
    """The parameters of a Python notebook, in order. Raises UsageError when it has no cell tagged `parameters`."""
    for cell in notebook["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            text = source(cell)
            break
    else:
        raise UsageError(f"{name} has no cell tagged 'parameters', so a sweep cannot tell it anything")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise DataError(f"{name}: the parameters cell is not Python: {error}") from None
    lines = text.splitlines()
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            target, value, types = node.targets[0].id, node.value, None
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            target, value, types = node.target.id, node.value, _annotated(node.annotation)
        else:
            continue
        try:
            default, known = ast.literal_eval(value), True
        except ValueError:
            default, known = ast.unparse(value), False
        if types is None:
            types = (type(default),) if known and default is not None else ()
        comment = lines[node.end_lineno - 1][node.end_col_offset :] if node.end_lineno and node.end_col_offset else ""
        found[target] = Parameter(target, default, types, comment.strip().lstrip("#; ").strip())
    return found


def _annotated(node: ast.expr) -> tuple[type, ...]:
    """`int | None` → (int, NoneType); an annotation with anything but plain types allows every value."""
    plain: dict[str, type] = {t.__name__: t for t in (int, float, str, bool, list, dict, tuple)}
    types: list[type] = []
    for part in ast.unparse(node).split("|"):
        base = part.strip().split("[")[0]
        if base == "None":
            types.append(type(None))
        elif base in plain:
            types.append(plain[base])
        else:
            return ()
    return tuple(types)


def check(cells: Iterable[Mapping[str, Any]], parameters: Mapping[str, Parameter], name: str = "the notebook") -> None:
    """Raise UsageError at the first cell that gives the notebook a name or a type that it does not have."""
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        for key, value in cell.items():
            if (mark := (key, repr(value))) in seen:
                continue
            seen.add(mark)
            if key in RESERVED:
                raise UsageError(f"the parameter {key!r} cannot be swept: {RESERVED[key]}")
            if key not in parameters:
                raise UsageError(f"{name} has no parameter {key!r}{nearest(key, set(parameters) - set(RESERVED))}")
            if not parameters[key].accepts(value):
                raise UsageError(
                    f"{name}: the parameter {key!r} is {parameters[key].type_name} "
                    f"(default {parameters[key].default!r}), got {value!r} ({type(value).__name__})"
                )


def parse_axis(text: str, parameters: Mapping[str, Parameter] | None = None) -> tuple[str, list[Any]]:
    """`agents=1,2,3` → ("agents", [1, 2, 3]); commas inside brackets and quotes do not split.

    Values read as JSON where they can; for a parameter that only takes text they stay text.
    """
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not name.isidentifier() or not values.strip():
        raise UsageError(f"a grid axis reads name=value,value,…, such as agents=1,2,5; got {text!r}")
    types = parameters[name].types if parameters and name in parameters else ()
    return name, [_value(part, types) for part in _split(values)]


def _value(text: str, types: Sequence[type]) -> Any:
    text = text.strip()
    if types == (str,):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
        return text[1:-1] if quoted else text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _split(text: str) -> list[str]:
    parts, depth, quote, start = [], 0, "", 0
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[{(":
            depth += 1
        elif char in "]})":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]
