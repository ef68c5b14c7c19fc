"""Errors as a user meets them: the shape checker of the tests is off, the functions' own checks speak."""

import jaxtyping
import pytest


@pytest.fixture(autouse=True)
def _no_shape_checker():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
