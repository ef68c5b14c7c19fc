"""The code in README.md runs as it stands there."""

import re
import sys
import types
from pathlib import Path

import jax
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def code(heading):
    """The code blocks under a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)^## ", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def test_the_functions(capsys):
    (block,) = code("Use the functions")
    found = {}
    # as a reader has it, not as the tests
    with jax.numpy_rank_promotion("allow"):
        exec(block, found)
        before, after = (float(found["loss"](p)) for p in (found["params"], moved(found)))
    gaps, losses, share = capsys.readouterr().out.splitlines()
    assert max(float(number) for number in re.findall(r"\d\.\d+(?:e-?\d+)?", gaps)) < 1e-6
    assert [float(number) for number in losses.split()] == pytest.approx([before, after], rel=1e-5)
    assert after < before
    assert float(share) > 0.9


def moved(found):
    return found["optax"].apply_updates(found["params"], found["updates"])


def test_the_coin(tmp_path, monkeypatch, capsys):
    (block,) = code("Write your own")
    module = types.ModuleType("coin")
    monkeypatch.setitem(sys.modules, "coin", module)
    exec(block, module.__dict__)
    result = module.main(module.Config(steps=1000, seeds=4, output_dir=tmp_path))
    assert result["metrics"]["estimate"]["mean"] == pytest.approx(0.3, abs=0.05)
