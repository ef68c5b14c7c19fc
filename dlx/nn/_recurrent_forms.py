"""Recurrences over time with their backward pass by hand, in time-major order.

A form is one cell without its product with the inputs, which the caller has made for all times at once. Its backward
rule gives the gradient by the gates of one step; the gradient by the recurrent kernel is one product over all times,
after the loop: summed inside, as automatic differentiation does it, the kernel's gradient goes through memory at every
step.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

Weights = dict[str, Array]
State = tuple[Array, ...]


class Form(NamedTuple):
    """A cell's step, its rule, and the gradient by its weights; states are tuples with the hidden state first."""

    step: Callable[[Weights, State, Array], tuple[State, Any]]
    """(weights, state, projected) -> (state, what the rule needs)."""
    back: Callable[[Weights, State, Array, Any], tuple[State, Array]]
    """(weights with the "transposed" recurrent kernel, gradient by the new state, hidden state before, what the step
    kept) -> gradients by the state before and by the projected inputs."""
    weights: Callable[[Weights, Array, Array, Any], Weights]
    """(weights, hidden states before, gradients by the projected inputs, what the steps kept), all of (time, batch,
    ...) -> gradients by the weights."""


def _summed(left: Array, right: Array) -> Array:
    """Sum over time and batch of the outer products: one product of matrices."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


@functools.cache
def rnn_form(activation: Callable[[Array], Array]) -> Form:
    """The vanilla cell, h' = phi(p + h W)."""

    def step(weights, state, projected):
        before = projected + state[0] @ weights["hidden_kernel"]
        return (activation(before),), before

    def back(weights, gradient, previous, before):
        del previous
        (by_before,) = jax.vjp(activation, before)[1](gradient[0])
        return (by_before @ weights["transposed"],), by_before

    def by_weights(weights, previous, by_projected, kept):
        del weights, kept
        return {"hidden_kernel": _summed(previous, by_projected)}

    return Form(step, back, by_weights)


@functools.cache
def gru_form(reset_after: bool) -> Form:
    """The gated unit, h' = z h + (1 - z) n; the reset inside or outside the product of the candidate n."""

    def step(weights, state, projected):
        (hidden,) = state
        units = hidden.shape[-1]
        if reset_after:
            product = hidden @ weights["hidden_kernel"]
            gates = lax.logistic(projected[..., : 2 * units] + product[..., : 2 * units])
            inner = product[..., 2 * units :] + jnp.broadcast_to(weights["hidden_bias"], hidden.shape)
            candidate = jnp.tanh(projected[..., 2 * units :] + gates[..., :units] * inner)
        else:
            inner, kernel = None, weights["hidden_kernel"]
            gates = lax.logistic(projected[..., : 2 * units] + hidden @ kernel[:, : 2 * units])
            product = (gates[..., :units] * hidden) @ kernel[:, 2 * units :]
            candidate = jnp.tanh(projected[..., 2 * units :] + product)
        update = gates[..., units:]
        return (update * hidden + (1 - update) * candidate,), (gates, candidate, inner)

    def back(weights, gradient, previous, kept):
        (by_hidden,), (gates, candidate, inner), transposed = gradient, kept, weights["transposed"]
        units = previous.shape[-1]
        reset, update = gates[..., :units], gates[..., units:]
        by_candidate = by_hidden * (1 - update) * (1 - candidate * candidate)
        by_update = by_hidden * (previous - candidate) * update * (1 - update)
        if reset_after:
            by_reset = by_candidate * inner * reset * (1 - reset)
            by_product = jnp.concatenate([by_reset, by_update, by_candidate * reset], -1)
            by_previous = by_hidden * update + by_product @ transposed
        else:
            by_kept = by_candidate @ transposed[2 * units :]
            by_reset = by_kept * previous * reset * (1 - reset)
            by_gates = jnp.concatenate([by_reset, by_update], -1)
            by_previous = by_hidden * update + by_kept * reset + by_gates @ transposed[: 2 * units]
        return (by_previous,), jnp.concatenate([by_reset, by_update, by_candidate], -1)

    def by_weights(weights, previous, by_projected, kept):
        units = previous.shape[-1]
        reset = kept[0][..., :units]
        by_gates, by_candidate = by_projected[..., : 2 * units], by_projected[..., 2 * units :]
        if reset_after:
            by_inner = by_candidate * reset
            by_kernel = _summed(previous, jnp.concatenate([by_gates, by_inner], -1))
            return {"hidden_kernel": by_kernel, "hidden_bias": jnp.sum(by_inner, (0, 1))}
        by_kernels = [_summed(previous, by_gates), _summed(reset * previous, by_candidate)]
        return {"hidden_kernel": jnp.concatenate(by_kernels, -1)}

    return Form(step, back, by_weights)


@functools.cache
def lstm_form() -> Form:
    """The memory cell, c' = f c + i g, h' = o tanh(c'); its gates see c too if there is a "peephole": rows i, f, o."""

    def seen(weights, row, cell):
        return jnp.broadcast_to(weights["peephole"][row], cell.shape) * cell

    def step(weights, state, projected):
        hidden, cell = state
        i, f, g, o = jnp.split(projected + hidden @ weights["hidden_kernel"], 4, -1)
        peepholes = "peephole" in weights
        if peepholes:
            i, f = i + seen(weights, 0, cell), f + seen(weights, 1, cell)
        i, f, g = lax.logistic(i), lax.logistic(f), jnp.tanh(g)
        new = f * cell + i * g
        o = lax.logistic(o + seen(weights, 2, new) if peepholes else o)
        return (o * jnp.tanh(new), new), (i, f, g, o, cell)

    def back(weights, gradient, previous, kept):
        del previous
        (by_hidden, by_new), (i, f, g, o, cell) = gradient, kept
        squashed = jnp.tanh(f * cell + i * g)
        by_new = by_new + by_hidden * o * (1 - squashed * squashed)
        by_output = by_hidden * squashed * o * (1 - o)
        if "peephole" in weights:
            by_new = by_new + seen(weights, 2, by_output)
        by_input, by_forget = by_new * g * i * (1 - i), by_new * cell * f * (1 - f)
        by_before = jnp.concatenate([by_input, by_forget, by_new * i * (1 - g * g), by_output], -1)
        by_cell = by_new * f
        if "peephole" in weights:
            by_cell = by_cell + seen(weights, 0, by_input) + seen(weights, 1, by_forget)
        return (by_before @ weights["transposed"], by_cell), by_before

    def by_weights(weights, previous, by_projected, kept):
        found = {"hidden_kernel": _summed(previous, by_projected)}
        if "peephole" in weights:
            i, f, g, _, cell = kept
            by_input, by_forget, _, by_output = jnp.split(by_projected, 4, -1)
            pairs = [(by_input, cell), (by_forget, cell), (by_output, f * cell + i * g)]
            found["peephole"] = jnp.stack([jnp.sum(left * right, (0, 1)) for left, right in pairs])
        return found

    return Form(step, back, by_weights)


def _frozen(mask: Array | None, new: State, old: State) -> State:
    """The new state where the sequence still runs."""
    return new if mask is None else tuple(jnp.where(mask, n, o) for n, o in zip(new, old, strict=True))


def _run(form, reverse, keep, weights, projected, initial, mask):
    def body(state, now):
        projected_now, mask_now = now
        new, kept = form.step(weights, state, projected_now)
        new = _frozen(mask_now, new, state)
        return new, (new[0], kept if keep else None)

    return lax.scan(body, initial, (projected, mask), reverse=reverse)


def scan_automatic(form, reverse, weights, projected, initial, mask, cut):
    """The recurrence for automatic differentiation; see `scan_by_hand`."""

    def body(state, now):
        projected_now, mask_now, cut_now = now
        if cut_now is not None:
            state = tuple(jnp.where(cut_now, lax.stop_gradient(part), part) for part in state)
        new = _frozen(mask_now, form.step(weights, state, projected_now)[0], state)
        return new, new[0]

    final, hidden = lax.scan(body, initial, (projected, mask, cut), reverse=reverse)
    return hidden, final


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def scan_by_hand(form, reverse, weights, projected, initial, mask, cut):
    """All hidden states (time, batch, units), and the last state.

    `mask` (time, batch, 1) or None keeps the state where it is False; `cut` (time, batch or 1, 1) or None stops the
    gradient by the state before the steps where it is True.
    """
    del cut
    final, (hidden, _) = _run(form, reverse, False, weights, projected, initial, mask)
    return hidden, final


def _forward(form, reverse, weights, projected, initial, mask, cut):
    final, (hidden, kept) = _run(form, reverse, True, weights, projected, initial, mask)
    return (hidden, final), (weights, hidden, initial, kept, mask, cut)


def _backward(form, reverse, saved, gradients):
    weights, hidden, initial, kept, mask, cut = saved
    by_hiddens, by_final = gradients
    ends = [initial[0][None], hidden[:-1]] if not reverse else [hidden[1:], initial[0][None]]
    previous = jnp.concatenate(ends)
    # left to itself XLA reads the kernel by columns in every step: 7 % of an LSTM's training step
    transposed = lax.optimization_barrier(weights["hidden_kernel"].T)
    turned = {**weights, "transposed": transposed}

    def body(gradient, now):
        by_hidden, previous_now, kept_now, mask_now, cut_now = now
        gradient = (gradient[0] + by_hidden, *gradient[1:])
        zeros = tuple(jnp.zeros_like(part) for part in gradient)
        before, by_projected = form.back(turned, _frozen(mask_now, gradient, zeros), previous_now, kept_now)
        if mask_now is not None:
            straight = _frozen(mask_now, zeros, gradient)
            before = tuple(b + s for b, s in zip(before, straight, strict=True))
        if cut_now is not None:
            before = tuple(jnp.where(cut_now, 0, part) for part in before)
        return before, by_projected

    now = by_hiddens, previous, kept, mask, cut
    by_initial, by_projected = lax.scan(body, by_final, now, reverse=not reverse)
    return form.weights(weights, previous, by_projected, kept), by_projected, by_initial, None, None


scan_by_hand.defvjp(_forward, _backward)
