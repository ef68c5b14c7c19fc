"""The law of the public functions: docstring sections, keyword-only options, `key` first, a test that names them."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import dlx
from tests.conftest import TYPED_PACKAGES

ROOT = Path(__file__).resolve().parent


def is_package(name):
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


PACKAGES = [name for name in (*TYPED_PACKAGES, "dlx.models") if is_package(name)]


def public(kind):
    """(package, name, object) of every public function or class."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if kind(thing):
                yield pytest.param(package, thing, id=f"{package.removeprefix('dlx.')}.{name}")


FUNCTIONS, CLASSES = list(public(inspect.isfunction)), list(public(inspect.isclass))
LAW = pytest.mark.parametrize(("package", "thing"), FUNCTIONS)
# `init(key, shape, dtype)` is Flax's convention, and a dtype has a default in it
POSITIONAL_DEFAULTS = {"dtype"}
# what the checks of dlx.checks raise; those of a Python number raise a TypeError as well, that of its kind
CHECKS = {
    "ValueError": "range|choice|count|same_shape|not_scalar|class_labels|class_numbers|signs|distributions"
    "|log_distributions|entries",
    "TypeError": "array|integers|floating",
}


def parameters(function):
    return inspect.signature(function).parameters


@LAW
def test_docstring(package, thing):
    text = inspect.getdoc(thing) or ""
    assert re.match(r"\S.*\.(\n|$)", text), "the first line is a sentence"
    assert "Returns: " in text
    arguments = text.partition("Args:\n")[2].partition("Returns:")[0]
    for name in parameters(thing):
        assert re.search(rf"^ +{name}: \S", arguments, re.MULTILINE), f"Args does not explain {name}"
    # what makes no number (a lookup by name) has no formula to give a source for
    if not thing.__name__.startswith("get_"):
        assert "Source: " in text


@LAW
def test_raises_are_documented(package, thing):
    source, text = inspect.getsource(inspect.unwrap(thing)), inspect.getdoc(thing)
    for error, checks in CHECKS.items():
        if f"raise {error}" in source or re.search(rf"\bcheck_({checks})\(", source):
            assert error in text


@LAW
def test_options_are_keyword_only(package, thing):
    for name, parameter in parameters(thing).items():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty:
            # an array that may be left out (bias, weights) is None, and not an option
            assert parameter.default is None or name in POSITIONAL_DEFAULTS, f"{name} is an option, but positional"


@LAW
def test_key_comes_first(package, thing):
    names = list(parameters(thing))
    assert "rng" not in names
    assert "key" not in names or names[0] == "key"


@LAW
def test_every_argument_has_a_type(package, thing):
    untyped = [n for n, p in parameters(thing).items() if p.annotation is p.empty and n not in {"dtype"}]
    assert not untyped
    assert inspect.signature(thing).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize(("package", "thing"), FUNCTIONS + CLASSES)
def test_a_test_in_the_mirrored_place_names_it(package, thing):
    folder = ROOT / package.removeprefix("dlx.")
    text = "\n".join(path.read_text("utf-8") for path in folder.glob("test_*.py"))
    if issubclass(thing, tuple) if inspect.isclass(thing) else False:
        return  # a state, made by its optimizer
    assert re.search(rf"\b{thing.__name__}\b", text)


@pytest.mark.parametrize(("package", "thing"), CLASSES)
def test_classes_say_what_they_are(package, thing):
    assert re.match(r"\S.*\.(\n|$)", inspect.getdoc(thing) or "")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_module_is_exported(package):
    exported = set(importlib.import_module(package).__all__)
    for module in pkgutil.iter_modules([str(ROOT.parent / package.replace(".", "/"))]):
        if not module.name.startswith("_"):
            names = importlib.import_module(f"{package}.{module.name}").__all__
            assert set(names) <= exported, f"{package}.{module.name}"


def test_the_root_names_the_packages():
    assert {package.removeprefix("dlx.") for package in PACKAGES} <= set(dlx.__all__)
