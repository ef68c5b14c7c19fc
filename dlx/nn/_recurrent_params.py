"""What recurrent cells and layers share: their parameters and states looked at, and the product with the inputs."""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_array, check_floating
from dlx.nn.linear import affine

Params = Mapping[str, Array]


def check_params(params: Params, gates: int, extra: Mapping[str, int] | None = None) -> tuple[int, int]:
    """Refuse parameters of another cell; (features, units). `extra`: rows of further arrays, 0 for a vector."""
    names = {"input_kernel", "hidden_kernel", "bias", *(extra or {})}
    if not isinstance(params, Mapping) or set(params) != names:
        came = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise ValueError(f"params: got {came}, wanted {', '.join(sorted(names))}")
    for name in sorted(names):
        check_floating(f"params[{name!r}]", params[name])
    kernel, inner = params["input_kernel"], params["hidden_kernel"]
    units = inner.shape[0] if inner.ndim == 2 else 0
    if inner.ndim != 2 or inner.shape[1] != gates * units or units == 0:
        wanted = "(units, units)" if gates == 1 else f"(units, {gates} units)"
        raise ValueError(f"params['hidden_kernel']: got shape {inner.shape}, wanted {wanted}")
    if kernel.ndim != 2 or kernel.shape[1] != gates * units:
        raise ValueError(f"params['input_kernel']: got shape {kernel.shape}, wanted (features, {gates * units})")
    wanted_shapes: dict[str, tuple[int, ...]] = {"bias": (gates * units,)}
    wanted_shapes |= {name: (rows, units) if rows else (units,) for name, rows in (extra or {}).items()}
    for name, shape in wanted_shapes.items():
        if params[name].shape != shape:
            raise ValueError(f"params[{name!r}]: got shape {params[name].shape}, wanted {shape}")
    return kernel.shape[0], units


def check_step(params: Params, features: int, units: int, states: Mapping[str, Array], inputs: Array) -> None:
    """Refuse states and inputs of one step that do not fit the parameters or each other."""
    check_floating("inputs", inputs)
    if inputs.shape[-1:] != (features,):
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (..., {features}), the rows of input_kernel")
    check_states(states, (*inputs.shape[:-1], units))
    for name, state in states.items():
        if state.dtype != jnp.result_type(state, inputs, *params.values()):
            raise TypeError(
                f"{name}: got dtype {state.dtype}, wanted {jnp.result_type(state, inputs, *params.values())}, what the"
                " step with these inputs and params gives"
            )


def check_states(states: Mapping[str, Array], shape: tuple[int, ...]) -> None:
    """Refuse states of another shape."""
    for name, state in states.items():
        check_floating(name, state)
        if state.shape != shape:
            raise ValueError(f"{name}: got shape {state.shape}, wanted {shape}")


def project(params: Params, inputs: Array, *, shift: tuple[slice, float] | None = None) -> Array:
    """The product x W + b, of one step or of all; `shift` adds a number to some of the biases."""
    bias = params["bias"]
    if shift is not None:
        bias = bias.at[shift[0]].add(shift[1])
    return affine(inputs, params["input_kernel"], bias)


def recurrent_weights(params: Params) -> dict[str, Array]:
    """What a step needs beside its projected inputs."""
    return {name: value for name, value in params.items() if name not in ("input_kernel", "bias")}


def check_sequences(inputs: Array, features: int | None = None) -> None:
    """Refuse what is no batch of sequences, and empty ones."""
    check_floating("inputs", inputs)
    if inputs.ndim != 3:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, time, features)")
    if 0 in inputs.shape[:2]:
        raise ValueError(f"inputs: got shape {inputs.shape}, an empty batch or time, wanted (batch, time, features)")
    if features is not None and inputs.shape[2] != features:
        raise ValueError(
            f"inputs: got shape {inputs.shape}, wanted (batch, time, {features}), the rows of params['input_kernel']"
        )


def check_state_tuple(name: str, state: object, kind: type, names: Sequence[str]) -> None:
    """Refuse a state that is not of its own kind."""
    if not isinstance(state, kind):
        came = f"an array of shape {state.shape}" if hasattr(state, "shape") else type(state).__name__
        raise TypeError(f"{name}: got {came}, wanted {kind.__name__}({', '.join(names)})")
    for part, value in zip(names, state, strict=True):  # type: ignore[call-overload]
        check_array(f"{name}.{part}", value)
