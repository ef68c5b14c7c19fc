"""dlx: a course of deep learning as pure, proven JAX functions. Subpackages load on first use."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "backprop",
    "data",
    "errors",
    "explain",
    "foundations",
    "image",
    "information",
    "kernels",
    "linear",
    "losses",
    "metrics",
    "models",
    "nn",
    "optim",
    "run",
    "text",
    "train",
]

if TYPE_CHECKING:
    from dlx import (
        backprop,
        data,
        errors,
        explain,
        foundations,
        image,
        information,
        kernels,
        linear,
        losses,
        metrics,
        models,
        nn,
        optim,
        run,
        text,
        train,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"dlx.{name}")
    raise AttributeError(f"module 'dlx' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
