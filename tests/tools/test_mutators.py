"""Which faults are planted, and which parts of a file are left alone."""

import ast

import pytest

from tools.mutators import mutants


def planted(tmp_path, source):
    path = tmp_path / "dlx" / "x.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, "utf-8")
    return mutants(path, tmp_path)


def afters(tmp_path, expression):
    found = planted(tmp_path, f"def f(a, b):\n    return {expression}\n")
    return {ast.unparse(ast.parse(mutant.source).body[0].body[0].value) for mutant in found}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", {"a - b", "a", "b"}),
        ("a - b", {"a + b", "a", "-b"}),
        ("a * b", {"a / b"}),
        ("a * (a - b)", {"a / (a - b)", "a * (a + b)", "a * a", "a * -b"}),
        ("-a", {"a"}),
        ("a < b", {"a <= b", "a > b"}),
        ("a == b", {"a != b"}),
        ("a and b", {"a or b"}),
        ("f(True)", {"f(False)"}),
        ("f(3)", {"f(4)"}),
        ("f(0.5)", {"f(1.0)"}),
        ("f(0.0)", {"f(1.0)"}),
        ("a.max()", {"a.min()"}),
        ("jnp.mean(a)", {"jnp.sum(a)"}),
        ("min(a, b)", {"max(a, b)"}),
        ("f('text', None)", set()),
        ("(a,) + (b,)", set()),
        ("f'{a + b}'", set()),
    ],
)
def test_faults_of_an_expression(tmp_path, expression, expected):
    assert afters(tmp_path, expression) == expected


def test_text_annotations_decorators_and_errors_are_left_alone(tmp_path):
    source = '''
SCALE = 2

@decorate(1)
def f(a: Array[3], b: "int" = 5) -> Array[4]:
    """1 + 1"""
    if a:
        raise ValueError(1 + 1)
    warnings.warn("x" * 3)
    assert a, 6
    c: Array[7] = b
    return c
'''
    assert [mutant.after for mutant in planted(tmp_path, source)] == ['def f(a: Array[3], b: "int" = 6) -> Array[4]:']


def test_only_one_expression_changes_and_lines_stay(tmp_path):
    source = 'def f(a):\n    c = "é" + "ö"  # à\n    return (a\n            + 1)  # why\n\n\ndef g(a):\n    return a\n'
    found = planted(tmp_path, source)
    assert {(mutant.before, mutant.after) for mutant in found} == {
        ("return (a\n+ 1)  # why", "return ((a - 1))  # why"),
        ("return (a\n+ 1)  # why", "return ((a))  # why"),
        ("return (a\n+ 1)  # why", "return (1)  # why"),
        ("+ 1)  # why", "+ 2)  # why"),
    }
    for mutant in found:
        assert mutant.source.startswith('def f(a):\n    c = "é" + "ö"  # à\n')
        assert mutant.source.endswith("# why\n\n\ndef g(a):\n    return a\n")
        assert mutant.function == "f"
        assert mutant.line in (3, 4)


def test_methods_are_named_with_their_class(tmp_path):
    (mutant,) = planted(tmp_path, "class A:\n    size = 3\n\n    def f(self):\n        return -self.x\n")
    assert (mutant.function, mutant.file, mutant.line, mutant.kind) == ("A.f", "dlx/x.py", 5, "sign")
    assert mutant.diff() == "- return -self.x\n+ return (self.x)"
