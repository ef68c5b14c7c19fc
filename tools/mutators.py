"""Small faults to plant in a function: one sign, one term, one comparison, one constant, one call.

Each is a replacement of one expression's text, so that the rest of the file, its comments and its line numbers stay.
Docstrings, annotations, decorators and what is raised or warned are left alone.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
PAIRS = (
    ("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"), ("amax", "amin"), ("mean", "sum"), ("any", "all"),
    ("sin", "cos"), ("floor", "ceil"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("cumsum", "cumprod"),
    ("var", "std"), ("logical_and", "logical_or"), ("log", "log1p"), ("exp", "expm1"), ("pmean", "psum"),
)  # fmt: skip
SIBLINGS = {name: other for pair in PAIRS for name, other in (pair, pair[::-1])}
SILENT = ("warn", "warning", "info", "debug", "error", "print")


@dataclass(frozen=True)
class Mutant:
    """`file` with one expression of `function` replaced; `source` is the whole text."""

    file: str
    function: str
    line: int
    kind: str
    before: str
    after: str
    source: str

    def diff(self) -> str:
        """The lines that go and come."""
        return "\n".join(
            [f"- {line}" for line in self.before.split("\n")] + [f"+ {line}" for line in self.after.split("\n")]
        )


def changes(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(kind, replacement) of one expression."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right) if not (
            _is_sequence(left) or _is_sequence(right)
        ):
            minus = isinstance(node.op, ast.Sub)
            yield "sign", ast.BinOp(left, ast.Add() if minus else ast.Sub(), right)
            yield "term", left
            yield "term", ast.UnaryOp(ast.USub(), right) if minus else right
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if not (_is_sequence(left) or _is_sequence(right)):
            yield "operator", ast.BinOp(left, ast.Div(), right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            yield "operator", ast.BinOp(left, ast.Mult(), right)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield "sign", operand
        case ast.Compare(ops=[op]):
            for other in COMPARISONS[type(op)]:
                yield "comparison", ast.Compare(node.left, [other()], node.comparators)
        case ast.BoolOp(op=op):
            yield "comparison", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield "constant", ast.Constant(value * 2 if value else 1.0)
        case ast.Call(func=ast.Attribute(attr=name)) if name in SIBLINGS:
            call = copy.copy(node)
            call.func = ast.Attribute(node.func.value, SIBLINGS[name], ast.Load())
            yield "call", call
        case ast.Call(func=ast.Name(id=name)) if name in ("max", "min", "any", "all"):
            call = copy.copy(node)
            call.func = ast.Name(SIBLINGS[name], ast.Load())
            yield "call", call


def _is_sequence(node: ast.AST) -> bool:
    """Text, tuples and lists: their arithmetic fails at once, which tests nothing."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text or isinstance(node, ast.Tuple | ast.List | ast.JoinedStr | ast.ListComp)


def expressions(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions below `node` that may be mutated."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.ImportFrom):
                continue
            if isinstance(child, ast.Expr) and (isinstance(child.value, ast.Constant) or _is_message(child.value)):
                continue
            if isinstance(node, ast.Assert) and field == "msg":
                continue
            if isinstance(child, ast.expr):
                yield child
            yield from expressions(child)


def _is_message(node: ast.AST) -> bool:
    name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    return name in SILENT or (isinstance(node, ast.Call) and getattr(node.func, "id", None) in SILENT)


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """(name, node) of every function and method; nested ones belong to the outer."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def mutants(path: Path, root: Path) -> list[Mutant]:
    """Every mutant of a file, in the order of its text: valid Python that differs from the original."""
    source = path.read_text("utf-8")
    lines = source.encode().splitlines(keepends=True)
    file = path.relative_to(root).as_posix()
    found: dict[tuple[int, int, int, str], Mutant] = {}
    tree = ast.parse(source)
    for name, function in functions(tree):
        for node in expressions(function):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
            for kind, replacement in changes(node):
                # Brackets keep the replacement one operand of whatever stands around it.
                simple = isinstance(replacement, ast.Constant | ast.Call)
                text = ast.unparse(replacement) if simple else f"({ast.unparse(replacement)})"
                if ast.unparse(replacement) == ast.unparse(node):
                    continue
                line = head + text.encode() + tail
                mutated = b"".join([*lines[:first], line, *lines[last + 1 :]]).decode()
                try:
                    ast.parse(mutated)
                except SyntaxError:
                    continue
                before = "\n".join(old.decode().strip() for old in lines[first : last + 1])
                key = (first, node.col_offset, node.end_col_offset or 0, text)
                mutant = Mutant(file, name, node.lineno, kind, before, line.decode().strip(), mutated)
                found.setdefault(key, mutant)
    return list(found.values())
