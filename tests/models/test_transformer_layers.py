"""Transformer layers: counts of the docstrings, PyTorch's layers, norms of the batch, dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, nn
from tests.tolerances import assert_close, assert_network_close

KEY = jax.random.key(0)
FEATURES, HIDDEN = 8, 5


def count(module, *args):
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(module.init, KEY, *args)["params"]))


def attention_of(theirs):
    query, key, value = (part.T for part in np.split(theirs.in_proj_weight.detach().numpy(), 3))
    biases = np.split(theirs.in_proj_bias.detach().numpy(), 3)
    out = {
        "output_kernel": theirs.out_proj.weight.detach().numpy().T,
        "output_bias": theirs.out_proj.bias.detach().numpy(),
    }
    return {"query_kernel": query, "key_kernel": key, "value_kernel": value, **out} | {
        f"{name}_bias": bias for name, bias in zip(("query", "key", "value"), biases, strict=True)
    }


def layer_of(theirs):
    """Our parameters from PyTorch's layer."""
    norms = [theirs.norm1, theirs.norm2] + ([theirs.norm3] if hasattr(theirs, "norm3") else [])
    params = {f"norms_{i}": {"scale": n.weight.detach().numpy(), "bias": n.bias.detach().numpy()}
              for i, n in enumerate(norms)}  # fmt: skip
    params["self_attention"] = attention_of(theirs.self_attn)
    if hasattr(theirs, "multihead_attn"):
        params["cross_attention"] = attention_of(theirs.multihead_attn)
    params["feed_forward"] = {
        "hidden_kernel": theirs.linear1.weight.detach().numpy().T, "hidden_bias": theirs.linear1.bias.detach().numpy(),
        "output_kernel": theirs.linear2.weight.detach().numpy().T, "output_bias": theirs.linear2.bias.detach().numpy(),
    }  # fmt: skip
    return jax.tree.map(jnp.asarray, params)


def torch_layer(torch, kind, **options):
    """Drawn with one seed, biases and norms too: zeros and ones would hide what they do."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(FEATURES, 2, HIDDEN, 0.0, batch_first=True, **options).double()
    for value in theirs.parameters():
        if value.ndim == 1:
            torch.nn.init.normal_(value, 0.5)
    return theirs


@pytest.mark.row(238, 243, 245)
def test_parameter_counts_of_the_docstrings():
    x = jax.ShapeDtypeStruct((2, 3, 512), jnp.float32)
    assert count(models.MultiHeadAttention(), x) == 1_050_624
    assert count(models.LayerNorm(), x) == 1024
    assert count(models.TransformerEncoderLayer(), x) == 3_152_384
    assert count(models.TransformerDecoderLayer(), x, x) == 4_204_032


@pytest.mark.row(243)
@pytest.mark.erratum("E53", "E56")
@pytest.mark.parametrize("norm_first", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_encoder_layer_is_pytorch_s(x64, rng, norm_first):
    torch = pytest.importorskip("torch")
    theirs = torch_layer(torch, "TransformerEncoderLayer", norm_first=norm_first)
    ours = models.TransformerEncoderLayer(FEATURES, 2, HIDDEN, norm_first=norm_first)
    x, padding = rng.standard_normal((2, 4, FEATURES)), np.asarray(nn.padding_mask(jnp.array([4, 2]), 4))
    tensor = torch.tensor(x, requires_grad=True)
    want = theirs(tensor, src_key_padding_mask=torch.tensor(~padding[:, 0]))
    (want**2).sum().backward()

    def square(params, x):
        out = ours.apply({"params": params}, x, jnp.asarray(padding))
        return jnp.sum(out**2), out

    gradient = jax.jit(jax.value_and_grad(square, (0, 1), has_aux=True))
    (_, out), (by_params, by_inputs) = gradient(layer_of(theirs), jnp.asarray(x))
    assert_network_close(out, want.detach().numpy())
    assert_network_close(by_inputs, tensor.grad.numpy())
    assert_network_close(by_params["feed_forward"]["hidden_kernel"], theirs.linear1.weight.grad.numpy().T)
    assert_network_close(by_params["norms_0"]["scale"], theirs.norm1.weight.grad.numpy())
    assert_network_close(by_params["self_attention"]["output_kernel"], theirs.self_attn.out_proj.weight.grad.numpy().T)


@pytest.mark.row(245)
@pytest.mark.erratum("E53", "E56")
def test_decoder_layer_is_pytorch_s(x64, rng):
    torch = pytest.importorskip("torch")
    theirs = torch_layer(torch, "TransformerDecoderLayer")
    ours = models.TransformerDecoderLayer(FEATURES, 2, HIDDEN)
    x, memory = rng.standard_normal((2, 3, FEATURES)), rng.standard_normal((2, 4, FEATURES))
    padding, causal = nn.padding_mask(jnp.array([4, 2]), 4), nn.causal_mask(3)
    tensors = [torch.tensor(part, requires_grad=True) for part in (x, memory)]
    want = theirs(*tensors, tgt_mask=torch.tensor(~np.asarray(causal)),
                  memory_key_padding_mask=torch.tensor(~np.asarray(padding[:, 0])))  # fmt: skip
    (want**2).sum().backward()

    def square(params, x, memory):
        out = ours.apply({"params": params}, x, memory, causal, padding)
        return jnp.sum(out**2), out

    gradient = jax.jit(jax.value_and_grad(square, (0, 1, 2), has_aux=True))
    (_, out), (by_params, *by_arrays) = gradient(layer_of(theirs), jnp.asarray(x), jnp.asarray(memory))
    assert_network_close(out, want.detach().numpy())
    for got, tensor in zip(by_arrays, tensors, strict=True):
        assert_network_close(got, tensor.grad.numpy())
    by_cross = theirs.multihead_attn.in_proj_weight.grad.numpy()
    assert_network_close(by_params["cross_attention"]["value_kernel"], by_cross[2 * FEATURES :].T)
    assert_network_close(by_params["norms_2"]["bias"], theirs.norm3.bias.grad.numpy())


@pytest.mark.row(243)
@pytest.mark.erratum("E53")
def test_norm_of_the_batch(rng):
    """The notes' variant: moments over batch and time; in evaluation a place is normalised by itself."""
    layer = models.TransformerEncoderLayer(FEATURES, 2, HIDDEN, 0.0, norm="batch")
    x = jnp.asarray(rng.standard_normal((4, 6, FEATURES)), jnp.float32)
    variables = jax.jit(layer.init)(KEY, x)
    out, changed = jax.jit(lambda v, x: layer.apply(v, x, train=True, mutable=["batch_stats"]))(variables, x)
    np.testing.assert_allclose(np.mean(out, (0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(np.var(out, (0, 1)), 1, atol=1e-3)
    assert set(changed["batch_stats"]) == {"norms_0", "norms_1"}
    assert jnp.max(jnp.abs(changed["batch_stats"]["norms_1"]["var"] - 1)) > 1e-3


@pytest.mark.row(241, 243)
def test_dropout_by_example_and_the_weights_by_name(rng):
    layer = models.TransformerEncoderLayer(FEATURES, 2, HIDDEN, 0.5)
    x = jnp.asarray(rng.standard_normal((4, 3, FEATURES)), jnp.float32)
    variables = jax.jit(layer.init)(KEY, x)
    drawn = jax.jit(lambda x: layer.apply(variables, x, train=True, rngs={"dropout": KEY}))
    plain, seen = jax.jit(lambda x: layer.apply(variables, x, mutable=["intermediates"]))(x)
    assert jnp.max(jnp.abs(drawn(x) - plain)) > 1e-2
    assert_close(drawn(x[:2]), drawn(x)[:2], kind="contraction")
    (weights,) = seen["intermediates"]["self_attention"]["attention"]
    assert weights.shape == (4, 2, 3, 3)
    assert_close(jnp.sum(weights, -1), jnp.ones((4, 2, 3)))
    low = models.TransformerEncoderLayer(FEATURES, 2, HIDDEN, dtype=jnp.bfloat16)
    assert jax.eval_shape(lambda x: low.init_with_output(KEY, x)[0], x.astype(jnp.bfloat16)).dtype == jnp.bfloat16
