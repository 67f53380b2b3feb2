"""Unflatten: `prefix.0.message.role = user` attributes → [{"message": {"role": "user"}}]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_PARTS = 16


def unflatten(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """The list that was flattened under `prefix` (which ends in a dot); empty where there is none."""
    root: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            _put(root, key[len(prefix) :].split("."), value)
    found = _lists(root)
    return found if isinstance(found, list) else [found] if found else []


def _put(node: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) > MAX_PARTS:
        return
    for part in path[:-1]:
        below = node.get(part)
        if not isinstance(below, dict):
            below = node[part] = {}
        node = below
    if not isinstance(node.get(path[-1]), dict):
        node[path[-1]] = value


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(len(key) < 9 and key.isascii() and key.isdigit() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}
