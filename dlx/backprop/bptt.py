"""Back-propagation through time by hand: the linear network, tanh, the gated unit and the memory cell.

The first two are written out as the notes derive them; the last two run the rules that `dlx.nn.gru` and `dlx.nn.lstm`
train with. Parameters and sequences lie as there, examples in rows: a reader of the notes' columns reads transposes.
"""

from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_floating
from dlx.nn._recurrent_forms import Form, gru_form, lstm_form, scan_by_hand
from dlx.nn._recurrent_params import check_params, check_sequences, check_state_tuple, check_states, recurrent_weights
from dlx.nn.linear import affine
from dlx.nn.recurrent import LSTMState, check_lstm

__all__ = ["gru_bptt", "linear_rnn_bptt", "lstm_bptt", "tanh_rnn_bptt"]

Gradients = dict[str, Array]


def linear_rnn_bptt(
    output_gradient: Float[Array, "batch time outputs"],
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: Float[Array, "batch units"] | None = None,
    *,
    form: Literal["recursive", "closed"] = "recursive",
) -> tuple[Gradients, Float[Array, "batch time features"], Float[Array, "batch units"]]:
    """Gradients of a recurrent network without activation.

        h_t = x_t W_xh + h_{t-1} W_hh + b_h,    o_t = h_t W_hq,    L = (1 / T) sum_t l(o_t, y_t)

        dL/do_t = (1 / T) dl/do_t,                dL/dW_hq = sum_t h_t^T dL/do_t
        recursive:  dL/dh_T = dL/do_T W_hq^T,     dL/dh_t = dL/dh_{t+1} W_hh^T + dL/do_t W_hq^T
        closed:     dL/dh_t = sum_{i=t}^T dL/do_{T+t-i} W_hq^T (W_hh^T)^{T-i}
        dL/dW_xh = sum_t x_t^T dL/dh_t,    dL/dW_hh = sum_t h_{t-1}^T dL/dh_t,    dL/db_h = sum_t dL/dh_t

    The powers of W_hh in the closed form are why gradients vanish or explode. Where the notes leave out a transpose
    (E37), the accepted form stands here.

    Args:
      output_gradient: (batch, time, outputs) dL/do_t, the factor 1 / T already in it.
      params: {"input_kernel": (features, units), "hidden_kernel": (units, units), "bias": (units,), "output_kernel":
        (units, outputs)}.
      inputs: (batch, time, features) x.
      initial: (batch, units) h_0, zeros if None.
      form: how dL/dh_t is computed; the closed sum takes time^2 products.
    Returns: gradients by `params`, by `inputs` and by h_0.
    Raises: ValueError if a shape does not fit or `form` is unknown; TypeError if an array is not floating.
    Source: notes 001 section 8 (E37).
    """
    check_choice("form", form, ("recursive", "closed"))
    params, out = _without(params, "output_kernel")
    features, units = check_params(params, 1)
    check_sequences(inputs, features)
    check_floating("params['output_kernel']", out)
    if out.ndim != 2 or len(out) != units:
        raise ValueError(f"params['output_kernel']: got shape {out.shape}, wanted ({units}, outputs)")
    _check_gradient("output_gradient", output_gradient, (*inputs.shape[:2], out.shape[1]))
    initial = _initial(initial, inputs, units)
    kernel = params["hidden_kernel"]
    hidden = _states(lambda before: before, params, inputs, initial)
    local = output_gradient @ out.T
    if form == "recursive":
        by_hidden = _backwards(lambda later, own: later @ kernel.T + own, local)
    else:
        powers = [jnp.eye(units, dtype=kernel.dtype)]
        for _ in range(inputs.shape[1] - 1):
            powers.append(powers[-1] @ kernel.T)
        time = inputs.shape[1]
        sums = [sum(local[:, s] @ powers[s - t] for s in range(t, time)) for t in range(time)]
        by_hidden = jnp.stack(sums, 1)
    gradients, by_inputs, by_initial = _by_pieces(params, inputs, initial, hidden, by_hidden)
    gradients["output_kernel"] = _outer(hidden, output_gradient)
    return gradients, by_inputs, by_initial


def tanh_rnn_bptt(
    hidden_gradient: Float[Array, "batch time units"],
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: Float[Array, "batch units"] | None = None,
) -> tuple[Gradients, Float[Array, "batch time features"], Float[Array, "batch units"]]:
    """Gradients of a vanilla recurrent network.

        a_t = x_t U + h_{t-1} W + b,    h_t = tanh(a_t)

        dL/dh_t = the loss's own part at t + dL/da_{t+1} W^T,    dL/da_t = dL/dh_t (1 - h_t^2)
        dL/db = sum_t dL/da_t,    dL/dU = sum_t x_t^T dL/da_t,    dL/dW = sum_t h_{t-1}^T dL/da_t

    The notes print dL/da_t = 1 - (dL/dh_t)^2 and leave the loss's own part out of the sum; that form fails the check of
    the gradient.

    Args:
      hidden_gradient: (batch, time, units), the loss's own part of dL/dh_t.
      params: those of `dlx.nn.rnn_cell`.
      inputs: (batch, time, features) x.
      initial: (batch, units) h_0, zeros if None.
    Returns: gradients by `params`, by `inputs` and by h_0.
    Raises: ValueError if a shape does not fit; TypeError if an array is not floating.
    Source: Werbos 1990; notes 004 "RNN" (E34).
    """
    features, units = check_params(params, 1)
    check_sequences(inputs, features)
    _check_gradient("hidden_gradient", hidden_gradient, (*inputs.shape[:2], units))
    initial = _initial(initial, inputs, units)
    hidden = _states(jnp.tanh, params, inputs, initial)
    slope, kernel = 1 - jnp.square(hidden), params["hidden_kernel"]

    def back(later, own):
        local, slope_now = own
        return (local + later @ kernel.T) * slope_now

    by_before = _backwards(back, (hidden_gradient, slope))
    return _by_pieces(params, inputs, initial, hidden, by_before)


def gru_bptt(
    hidden_gradient: Float[Array, "batch time units"],
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: Float[Array, "batch units"] | None = None,
    *,
    reset_after: bool = False,
) -> tuple[Gradients, Float[Array, "batch time features"], Float[Array, "batch units"]]:
    """Gradients of a layer of gated recurrent units (`dlx.nn.gru_cell`), d for dL/d.

        dh_t = the loss's own part at t + dh_t of the step t + 1
        da_n = dh_t (1 - z)(1 - n^2),    da_z = dh_t (h_{t-1} - n) z (1 - z)
        u = da_n W_hn^T,    da_r = u h_{t-1} r (1 - r)
        dh_{t-1} = dh_t z + u r + da_r W_hr^T + da_z W_hz^T
        dW_hr = sum h_{t-1}^T da_r,    dW_hz = sum h_{t-1}^T da_z,    dW_hn = sum (r h_{t-1})^T da_n
        dW_x = sum x_t^T [da_r, da_z, da_n],    db = sum [da_r, da_z, da_n]

    With `reset_after`: da_r = da_n (h_{t-1} W_hn + b_hn) r (1 - r), u = 0, and da_n r takes the place of da_n in
    dh_{t-1} (as a third term), dW_hn = sum h_{t-1}^T (da_n r) and db_hn = sum da_n r.

    Args:
      hidden_gradient: (batch, time, units), the loss's own part of dL/dh_t.
      params: those of `dlx.nn.gru_cell`.
      inputs: (batch, time, features) x.
      initial: (batch, units) h_0, zeros if None.
      reset_after: as in `dlx.nn.gru_cell`.
    Returns: gradients by `params`, by `inputs` and by h_0.
    Raises: ValueError if a shape does not fit; TypeError if an array is not floating.
    Source: derived from Cho et al. 2014, eq. 5-8; the notes leave it out (U2, U3).
    """
    features, units = check_params(params, 3, {"hidden_bias": 0} if reset_after else None)
    check_sequences(inputs, features)
    _check_gradient("hidden_gradient", hidden_gradient, (*inputs.shape[:2], units))
    state = (_initial(initial, inputs, units),)
    gradients, by_inputs, by_state = _by_form(gru_form(reset_after), hidden_gradient, params, inputs, state)
    return gradients, by_inputs, by_state[0]


def lstm_bptt(
    hidden_gradient: Float[Array, "batch time units"],
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: LSTMState | None = None,
) -> tuple[Gradients, Float[Array, "batch time features"], LSTMState]:
    """Gradients of a layer of long short-term memories (`dlx.nn.lstm_cell`), d for dL/d.

        dh_t = the loss's own part at t + [da_i, da_f, da_g, da_o]_{t+1} W_h^T
        dc_t = dc_{t+1} f_{t+1} + dh_t o (1 - tanh(c_t)^2)
        da_o = dh_t tanh(c_t) o (1 - o),    da_i = dc_t g i (1 - i),    da_f = dc_t c_{t-1} f (1 - f)
        da_g = dc_t i (1 - g^2)
        dW_x = sum x_t^T da,    dW_h = sum h_{t-1}^T da,    db = sum da,    da = [da_i, da_f, da_g, da_o]

    The memory's gradient is multiplied by the forget gate and by no kernel: it need not vanish. With peepholes dc_t
    gains da_o p_o, and dc_{t-1} gains da_i p_i + da_f p_f.

    Args:
      hidden_gradient: (batch, time, units), the loss's own part of dL/dh_t.
      params: those of `dlx.nn.lstm_cell`.
      inputs: (batch, time, features) x.
      initial: LSTMState(h_0, c_0), zeros if None.
    Returns: gradients by `params`, by `inputs` and by `initial`.
    Raises: ValueError if a shape does not fit; TypeError if an array is not floating or `initial` is no LSTMState.
    Source: Gers et al. 2000; Graves and Schmidhuber 2005, appendix A; the notes leave it out (U2).
    """
    features, units = check_lstm(params, 0.0)
    check_sequences(inputs, features)
    _check_gradient("hidden_gradient", hidden_gradient, (*inputs.shape[:2], units))
    if initial is not None:
        check_state_tuple("initial", initial, LSTMState, LSTMState._fields)
    parts = (None, None) if initial is None else initial
    state = tuple(_initial(part, inputs, units) for part in parts)
    gradients, by_inputs, by_state = _by_form(lstm_form(), hidden_gradient, params, inputs, state)
    return gradients, by_inputs, LSTMState(*by_state)


def _without(params: Mapping[str, Array], name: str) -> tuple[Mapping[str, Array], Array]:
    if not isinstance(params, Mapping) or name not in params:
        raise ValueError(f"params: wanted a mapping with {name} in it")
    return {key: value for key, value in params.items() if key != name}, params[name]


def _check_gradient(name: str, gradient: Array, shape: tuple[int, ...]) -> None:
    check_floating(name, gradient)
    if gradient.shape != shape:
        raise ValueError(f"{name}: got shape {gradient.shape}, wanted {shape}, that of what it is taken by")


def _initial(initial: Array | None, inputs: Array, units: int) -> Array:
    if initial is None:
        return jnp.zeros((len(inputs), units), inputs.dtype)
    check_states({"initial": initial}, (len(inputs), units))
    return initial


def _states(activation, params, inputs, initial):
    """h_t = phi(x_t W_xh + h_{t-1} W_hh + b) of all times."""

    def body(hidden, projected):
        hidden = activation(projected + hidden @ params["hidden_kernel"])
        return hidden, hidden

    projected = affine(jnp.swapaxes(inputs, 0, 1), params["input_kernel"], params["bias"])
    return jnp.swapaxes(lax.scan(body, initial, projected)[1], 0, 1)


def _backwards(rule, own):
    """g_t = rule(g_{t+1}, own_t) from the last time to the first; g_{T+1} = 0."""
    own = jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), own)
    first = jnp.zeros_like(jax.tree.leaves(own)[0][0])

    def body(later, now):
        gradient = rule(later, now)
        return gradient, gradient

    return jnp.swapaxes(lax.scan(body, first, own, reverse=True)[1], 0, 1)


def _outer(left: Array, right: Array) -> Array:
    """Sum of the outer products over examples and times."""
    return jnp.einsum("bti,btj->ij", left, right)


def _by_pieces(params, inputs, initial, hidden, by_before):
    """What follows from the gradient by x_t W_xh + h_{t-1} W_hh + b."""
    previous = jnp.concatenate([initial[:, None], hidden[:, :-1]], 1)
    gradients = {
        "input_kernel": _outer(inputs, by_before),
        "hidden_kernel": _outer(previous, by_before),
        "bias": jnp.sum(by_before, (0, 1)),
    }
    return gradients, by_before @ params["input_kernel"].T, by_before[:, 0] @ params["hidden_kernel"].T


def _by_form(form: Form, hidden_gradient, params, inputs, state):
    weights = recurrent_weights(params)
    projected = affine(jnp.swapaxes(inputs, 0, 1), params["input_kernel"], params["bias"])
    _, pull = jax.vjp(lambda w, p, s: scan_by_hand(form, False, w, p, s, None, None)[0], weights, projected, state)
    gradients, by_before, by_state = pull(jnp.swapaxes(hidden_gradient, 0, 1))
    by_before = jnp.swapaxes(by_before, 0, 1)
    by_input = {"input_kernel": _outer(inputs, by_before), "bias": jnp.sum(by_before, (0, 1))}
    return {**by_input, **gradients}, by_before @ params["input_kernel"].T, by_state
