"""A gated recurrent unit that sees a context beside its input: the decoder of a sequence-to-sequence model."""

from collections.abc import Mapping

from jaxtyping import Array, Float

from dlx.checks import check_floating
from dlx.nn._recurrent_forms import gru_form
from dlx.nn._recurrent_params import check_params, check_step, project, recurrent_weights
from dlx.nn.linear import affine

__all__ = ["context_gru_cell"]


def context_gru_cell(
    params: Mapping[str, Array],
    hidden: Float[Array, "*batch units"],
    inputs: Float[Array, "*batch features"],
    context: Float[Array, "*batch context_features"],
) -> Float[Array, "*batch units"]:
    """One step of a decoder's gated recurrent unit.

        r = sigmoid(y W_yr + s W_sr + c W_cr + b_r)     z = sigmoid(y W_yz + s W_sz + c W_cz + b_z)
        n = tanh(y W_yn + (r * s) W_sn + c W_cn + b_n)  s' = z * s + (1 - z) * n

    With c = 0 it is `gru_cell`, and with any c it is `gru_cell` of [y, c] and the kernels stacked by rows.

    Args:
      params: {"input_kernel": (features, 3 units), "hidden_kernel": (units, 3 units), "context_kernel":
        (context_features, 3 units), "bias": (3 units,)}, gates in the order r, z, n.
      hidden: (*batch, units) state s before the step.
      inputs: (*batch, features) y, vector of the token before.
      context: (*batch, context_features) c, what the encoder says to this step.
    Returns: (*batch, units) state after the step, dtype of `hidden`.
    Raises: ValueError if a shape does not fit `params`; TypeError if a dtype does not.
    Source: Bahdanau et al. 2015, appendix A.2.2; notes 001 section 11 (E61).
    """
    if not isinstance(params, Mapping) or "context_kernel" not in params:
        came = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise ValueError(f"params: got {came}, wanted bias, context_kernel, hidden_kernel, input_kernel")
    own = {name: value for name, value in params.items() if name != "context_kernel"}
    kernel = params["context_kernel"]
    features, units = check_params(own, 3)
    check_step(own, features, units, {"hidden": hidden}, inputs)
    check_floating("context", context)
    if kernel.shape != (*context.shape[-1:], 3 * units) or context.shape[:-1] != inputs.shape[:-1]:
        raise ValueError(
            f"context: got shape {context.shape} for inputs of shape {inputs.shape} and a context_kernel of shape"
            f" {kernel.shape}, wanted (..., context_features) and (context_features, {3 * units})"
        )
    projected = project(own, inputs) + affine(context, kernel)
    return gru_form(False).step(recurrent_weights(own), (hidden,), projected)[0][0]
