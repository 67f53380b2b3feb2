"""A cell's condition, such as `agents > 1 or strategy == 'single'`, evaluated without giving it any power."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from workbench.errors import UsageError, nearest

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class Condition:
    """A parsed condition; call it with a cell's parameters. Raises UsageError for anything but comparisons of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise UsageError(f"the condition {text!r} cannot be read: {error.msg}") from None

    def __call__(self, parameters: Mapping[str, Any]) -> bool:
        try:
            return bool(self._eval(self._tree, parameters))
        except (TypeError, ZeroDivisionError) as error:
            raise UsageError(f"the condition {self.text!r} fails for {dict(parameters)}: {error}") from None

    def _eval(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                if node.id not in names:
                    raise UsageError(f"the condition {self.text!r} names {node.id!r}{nearest(node.id, names)}")
                return names[node.id]
            case ast.List() | ast.Tuple() | ast.Set():
                return [self._eval(item, names) for item in node.elts]
            case ast.UnaryOp(op=ast.Not()):
                return not self._eval(node.operand, names)
            case ast.UnaryOp(op=ast.USub()):
                return -self._eval(node.operand, names)
            case ast.BoolOp(op=ast.And()):
                return all(self._eval(part, names) for part in node.values)
            case ast.BoolOp():
                return any(self._eval(part, names) for part in node.values)
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                return _ARITHMETIC[type(node.op)](self._eval(node.left, names), self._eval(node.right, names))
            case ast.Compare():
                left = self._eval(node.left, names)
                for op, right_node in zip(node.ops, node.comparators, strict=True):
                    if type(op) not in _COMPARE:
                        break
                    right = self._eval(right_node, names)
                    if not _COMPARE[type(op)](left, right):
                        return False
                    left = right
                else:
                    return True
        raise UsageError(f"the condition {self.text!r} may only compare parameters, not {ast.unparse(node)!r}")
