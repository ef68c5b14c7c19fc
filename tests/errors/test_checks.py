"""dlx.checks: a check has a message for whatever comes."""

import jax.numpy as jnp
import pytest

from dlx.checks import check_choice


@pytest.mark.parametrize(
    ("value", "choices", "message"),
    [
        ("meen", ("mean", "sum"), "how: got 'meen', wanted one of mean, sum; nearest: mean"),
        (3, ("mean", "sum"), "how: got 3, wanted one of mean, sum"),
        (3, (1, 2), "how: got 3, wanted one of 1, 2"),
        ("a", (None, 2), "how: got 'a', wanted one of None, 2"),
        (jnp.ones(2), ("mean", "sum"), r"how: got Array\(.*\), wanted one of mean, sum"),
        (jnp.ones(2), (1, 2), r"how: got Array\(.*\), wanted one of 1, 2"),
        (["mean"], ("mean", "sum"), r"how: got \['mean'\], wanted one of mean, sum"),
    ],
)
def test_choice(value, choices, message):
    with pytest.raises(ValueError, match=message):
        check_choice("how", value, choices)


@pytest.mark.parametrize(("value", "choices"), [("sum", ("mean", "sum")), (2, (1, 2)), ("l2", {"l1": 1, "l2": 2})])
def test_one_of_the_choices_passes(value, choices):
    check_choice("how", value, choices)
