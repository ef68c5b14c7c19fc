"""What the tests say that they prove, read from their source: nothing of them is imported."""

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = {"row": int, "erratum": str, "gap": str}
# A dotted name that starts with one of these is a reference that dlx did not write, or wrote apart from its own code.
LIBRARIES = (
    "torch",
    "torchvision",
    "optax",
    "scipy",
    "sklearn",
    "skimage",
    "cv2",
    "flax",
    "pandas",
    "nltk",
    "jax.nn",
    "jax.scipy",
    "tests.reference",
)


@dataclass(frozen=True)
class Proof:
    """One marker on one test: the ids that it proves, of which functions, against what."""

    kind: str
    ids: tuple[int | str, ...]
    test: str
    functions: tuple[str, ...]
    references: tuple[str, ...]


@functools.cache
def public_names(root: Path, package: str) -> set[str] | None:
    """The `__all__` of a package or module of dlx ("dlx.nn"); None where there is none to read."""
    base = root.joinpath(*package.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            for node in ast.parse(path.read_text("utf-8")).body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                    return set(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None


def public_function(root: Path, dotted: str) -> str | None:
    """`dlx.nn.dense.affine` as a user writes it, `dlx.nn.affine`; None if no public name of dlx."""
    parts = dotted.split(".")
    if parts[0] != "dlx" or len(parts) < 3:
        return None
    names = public_names(root, ".".join(parts[:2]))
    if names is None:
        return None if parts[-1].startswith("_") else dotted
    return next((f"dlx.{parts[1]}.{part}" for part in parts[2:] if part in names), None)


class TestModule:
    """The source of one test file: its tests, and what each of them reaches."""

    __test__ = False

    def __init__(self, path: Path, root: Path) -> None:
        self.root = root
        self.name = path.relative_to(root).as_posix()
        self.tree = ast.parse(path.read_text("utf-8"), filename=str(path))
        self.aliases = dict(_imports(self.tree, path.relative_to(root).parent.parts))
        self.definitions: dict[str, ast.AST] = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.definitions[node.name] = node
            elif isinstance(node, ast.Assign):
                self.definitions |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}

    def tests(self) -> Iterator[tuple[str, ast.FunctionDef, list[ast.expr]]]:
        """(node id, function, the expressions that carry its marks) of each test that pytest collects and runs."""
        marks = _pytestmark(self.tree.body)
        yield from self._tests(self.tree.body, self.name, marks)

    def _tests(self, body: list[ast.stmt], prefix: str, marks: list[ast.expr]):
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                inner = marks + node.decorator_list + _pytestmark(node.body)
                yield from self._tests(node.body, f"{prefix}::{node.name}", inner)
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                yield f"{prefix}::{node.name}", node, marks + node.decorator_list

    def reach(self, start: Sequence[ast.AST], *, comprehensions: bool = True) -> set[ast.AST]:
        """`start` and the definitions of this file that they use, directly or not (fixtures too: by their name)."""
        found, todo = set(start), list(start)
        while todo:
            for node in _walk(todo.pop(), comprehensions):
                name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else None
                used = self.definitions.get(name) if name else None
                if used is not None and used not in found:
                    found.add(used)
                    todo.append(used)
        return found

    def names(self, start: Sequence[ast.AST]) -> set[str]:
        """The imported names that `start` and what it reaches use, those of `getattr(nn, name)` by their text."""
        nodes = self.reach(start)
        names = {dotted for node in nodes for dotted in self.dotted(node)}
        inner = [node for top in nodes for node in ast.walk(top)]
        texts = {node.value for node in inner if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        for call in inner:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "getattr":
                for package in self.dotted(call.args[0]):
                    public = public_names(self.root, package) if package.startswith("dlx.") else None
                    names |= {f"{package}.{text}" for text in texts & (public or set())}
        return names

    def dotted(self, node: ast.AST) -> Iterator[str]:
        """Every imported name that `node` uses, as long as it is written: `nn.relu` is `dlx.nn.relu`."""
        attributes, base = [], node
        while isinstance(base, ast.Attribute):
            attributes.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name) and base.id in self.aliases:
            yield ".".join([self.aliases[base.id], *reversed(attributes)])
            return
        if isinstance(node, ast.Call) and _is_importorskip(node):
            yield node.args[0].value  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            yield from self.dotted(child)


def _walk(node: ast.AST, comprehensions: bool) -> Iterator[ast.AST]:
    """Every node below; without comprehensions, which pick parts of a table and leave its marks behind."""
    yield node
    for child in ast.iter_child_nodes(node):
        if comprehensions or not isinstance(child, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _walk(child, comprehensions)


def _imports(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{module}.{alias.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_importorskip(node.value):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.args[0].value  # type: ignore[attr-defined]


def _is_importorskip(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "importorskip" and bool(call.args) and isinstance(call.args[0], ast.Constant)


def _pytestmark(body: list[ast.stmt]) -> list[ast.expr]:
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]


def _mark_name(node: ast.AST) -> str | None:
    """The name after `pytest.mark.` or `mark.`."""
    value = node.value if isinstance(node, ast.Attribute) else None
    is_mark = (value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")) == "mark"
    return node.attr if is_mark and isinstance(node, ast.Attribute) else None


def _marks(nodes: set[ast.AST]) -> list[ast.Call]:
    calls = {
        call
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and _mark_name(call.func) in KINDS
    }
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _parameters(nodes: set[ast.AST]) -> dict[ast.Call, list[ast.expr]]:
    """Of each mark inside a pytest.param(...), that parameter's values."""
    calls = {call for node in nodes for call in ast.walk(node) if isinstance(call, ast.Call)}
    params = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "param"]
    return {mark: list(param.args) for param in params for mark in _marks(set(param.keywords))}


def _words(call: ast.Call, keyword: str) -> tuple[str, ...]:
    """A keyword's "a, b" or ("a", "b")."""
    value = next((ast.literal_eval(entry.value) for entry in call.keywords if entry.arg == keyword), None) or ()
    return tuple(word.strip() for word in value.split(",")) if isinstance(value, str) else tuple(value)


def read(path: Path, root: Path) -> tuple[list[Proof], list[str], list[str]]:
    """(proofs, node ids of all tests, problems) of one test file."""
    module = TestModule(path, root)
    proofs: list[Proof] = []
    tests: list[str] = []
    problems: list[str] = []
    seen: set[ast.Call] = set()
    for test, function, carriers in module.tests():
        tests.append(test)
        around = module.reach(carriers, comprehensions=False)
        marks = _marks(around)
        seen |= set(marks)
        if any(_mark_name(node) in ("skip", "xfail") for carrier in carriers for node in ast.walk(carrier)):
            continue  # neither a test that does not run nor one that may fail proves anything
        inside = [function.args, *function.body]
        of_test = module.names([*inside, *carriers])
        parameters = _parameters(around)
        for call in marks:
            kind, where = str(_mark_name(call.func)), f"{module.name}:{call.lineno}"
            try:
                ids = tuple(ast.literal_eval(argument) for argument in call.args)
                given, against = _words(call, "function"), _words(call, "references")
            except ValueError:
                problems.append(f"{where}: {kind} wants literals; the ledger reads the source and does not run it")
                continue
            if not ids or any(type(entry) is not KINDS[kind] for entry in ids):
                problems.append(f"{where}: {kind}{ids} wants one or more of type {KINDS[kind].__name__}")
                continue
            problems += [f"{where}: no public function {name}" for name in given if not public_function(root, name)]
            # A mark inside pytest.param speaks of that parameter, not of its neighbours in the table.
            names = module.names([*inside, *parameters[call]]) if call in parameters else of_test
            functions = {name for dotted in names if (name := public_function(root, dotted))}
            references = {library for library in LIBRARIES for name in names if f"{name}.".startswith(f"{library}.")}
            found = tuple(sorted(given or functions)), tuple(sorted(against or references))
            proofs.append(Proof(kind, ids, test, *found))
    stray = [call for call in _marks({module.tree}) if call not in seen]
    problems += [f"{module.name}:{call.lineno}: {_mark_name(call.func)} is on no test" for call in stray]
    return proofs, tests, list(dict.fromkeys(problems))


def collect(root: Path) -> tuple[list[Proof], list[str], list[str]]:
    """(proofs, node ids, problems) of every test file under `root`/tests, in order of their names."""
    public_names.cache_clear()
    proofs, tests, problems = [], [], []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for total, part in zip((proofs, tests, problems), read(path, root), strict=True):
            total += part
    return proofs, tests, problems
