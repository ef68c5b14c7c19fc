"""dlx.nn: scores, weights and means of attention, with heads and with a cache."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations, prove
from tests.reference import attention as reference
from tests.tolerances import assert_close, assert_network_close

BATCH, QUERIES, KEYS, FEATURES, OUTPUTS = 2, 3, 4, 5, 2


def arrays(rng):
    """Queries, keys, values, and a mask with a whole row forbidden."""
    mask = rng.uniform(size=(BATCH, QUERIES, KEYS)) < 0.6
    mask[0, 1], mask[1, 0] = False, True
    shapes = (BATCH, QUERIES, FEATURES), (BATCH, KEYS, FEATURES), (BATCH, KEYS, OUTPUTS)
    return [rng.standard_normal(shape) for shape in shapes], mask


def head_params(rng, features=4, memory=4, width=6, outputs=4):
    shapes = {"query": (features, width), "key": (memory, width), "value": (memory, width), "output": (width, outputs)}
    kernels = {f"{name}_kernel": rng.standard_normal(shape) for name, shape in shapes.items()}
    return kernels | {f"{name}_bias": rng.standard_normal(shape[1]) for name, shape in shapes.items()}


@pytest.mark.row(237, 240)
@pytest.mark.erratum("E54", "E56")
@configurations()
def test_dot_product_attention(rng):
    (queries, keys, values), mask = arrays(rng)
    prove(
        nn.dot_product_attention,
        [queries, keys, values, mask],
        reference=reference.attention,
        kind="contraction",
    )


@pytest.mark.row(262)
@pytest.mark.erratum("E61")
def test_dot_scores(rng):
    (queries, keys, _), _ = arrays(rng)
    prove(nn.dot_scores, [queries, keys], reference=lambda q, k: reference.scores_of(q, k, reference.dot),
          kind="contraction", dtypes=("float64", "float32"))  # fmt: skip
    with jax.enable_x64(True):
        queries, keys = jnp.asarray(queries), jnp.asarray(keys)
        plain, scaled = nn.dot_scores(queries, keys), nn.dot_scores(queries, keys, scaled=True)
        assert_close(scaled, plain / math.sqrt(FEATURES))
    assert nn.dot_scores(jnp.ones((1, 1, 2), jnp.bfloat16), jnp.ones((1, 1, 2), jnp.bfloat16)).dtype == jnp.float32


@pytest.mark.row(262)
@pytest.mark.erratum("E61")
@configurations(1)
def test_additive_scores(rng):
    shapes = (FEATURES, 4), (3, 4), (4,), (BATCH, QUERIES, FEATURES), (BATCH, KEYS, 3)

    def params(w, u, v):
        return {"query_kernel": w, "key_kernel": u, "vector": v}

    prove(
        lambda w, u, v, q, k: nn.additive_scores(params(w, u, v), q, k),
        [rng.standard_normal(shape) for shape in shapes],
        reference=lambda w, u, v, q, k: reference.scores_of(
            q, k, lambda a, b: reference.additive(params(w, u, v), a, b)
        ),
        kind="contraction",
    )


@pytest.mark.row(261, 237)
@pytest.mark.erratum("E61")
def test_attention_weights(x64, rng):
    mask = arrays(rng)[1]
    scores = 10 * rng.standard_normal(mask.shape)
    weights = nn.attention_weights(jnp.asarray(scores), jnp.asarray(mask))
    assert_close(weights, reference.weights_of(scores, mask))
    assert_close(np.sum(weights, -1), np.where(mask.any(-1), 1.0, 0.0))
    # a score of the padding, however large, changes nothing
    loud = np.where(mask, scores, 1e12)
    assert (nn.attention_weights(jnp.asarray(loud), jnp.asarray(mask)) == weights).all()
    added = nn.attention_weights(jnp.asarray(scores), jnp.asarray(mask), masking="additive")
    some = mask.any(-1)
    assert_close(np.asarray(added)[some], np.asarray(weights)[some])


@pytest.mark.row(239)
@pytest.mark.erratum("E54")
def test_a_query_that_may_look_at_nothing():
    """0 without NaN, in value and gradient; the constant of the notes spreads it over what is forbidden."""
    scores, nothing = jnp.array([[1.0, 2.0, 4.0]]), jnp.zeros((1, 3), bool)
    value, gradient = jax.value_and_grad(lambda s: jnp.sum(nn.attention_weights(s, nothing) ** 2))(scores)
    assert value == 0
    assert (gradient == 0).all()
    # in float32 the spacing at 1e9 is 64: the scores are lost
    assert_close(nn.attention_weights(scores, nothing, masking="additive"), jnp.full((1, 3), 1 / 3))


@pytest.mark.row(239)
@pytest.mark.erratum("E54")
def test_a_product_with_the_constant_looks_into_the_future(x64):
    """Scores of the notes' form: -2 times -1e9 is the largest of all."""
    scores = jnp.array([[1.0, -2.0], [0.5, 0.25]])
    product = nn.softmax(scores * jnp.array([[1.0, -1e9], [1.0, 1.0]]))
    assert_close(product[0], [0.0, 1.0])
    causal = nn.attention_weights(scores, nn.causal_mask(2))
    assert_close(causal[0], [1.0, 0.0])
    assert_close(causal[1], [1 / (1 + math.exp(-0.25)), 1 / (1 + math.exp(0.25))])


@pytest.mark.row(237)
def test_libraries(x64, rng):
    torch = pytest.importorskip("torch")
    (queries, keys, values), mask = arrays(rng)
    mask[0, 1, 2] = True  # both libraries want a key for every query
    heads = [np.stack([part, -0.5 * part], 1) for part in (queries, keys, values)]
    ours = [jnp.asarray(part) for part in heads]
    outputs = nn.dot_product_attention(*ours, jnp.asarray(mask)[:, None])
    behind = [jnp.moveaxis(part, 1, 2) for part in (*ours[:2], jnp.pad(ours[2], [(0, 0)] * 3 + [(0, 3)]))]
    theirs = jax.nn.dot_product_attention(*behind, mask=jnp.asarray(mask)[:, None])
    # JAX's function makes its softmax in float32 whatever comes in
    assert_close(outputs, jnp.moveaxis(theirs, 1, 2)[..., :OUTPUTS], dtype=np.float32)
    tensors = [torch.tensor(part, requires_grad=True) for part in heads]
    out = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=torch.tensor(mask)[:, None])
    assert_network_close(outputs, out.detach().numpy())
    (out**2).sum().backward()
    gradients = jax.grad(
        lambda q, k, v: jnp.sum(nn.dot_product_attention(q, k, v, jnp.asarray(mask)[:, None]) ** 2), (0, 1, 2)
    )(*ours)
    for got, tensor in zip(gradients, tensors, strict=True):
        assert_network_close(got, tensor.grad.numpy())


@pytest.mark.row(238)
@pytest.mark.erratum("E56")
# the fast proof is PyTorch's
@configurations(0, 3)
def test_multi_head_attention(rng):
    params = head_params(rng, memory=3)
    names = list(params)
    mask = rng.uniform(size=(BATCH, QUERIES, KEYS)) < 0.7
    data = [rng.standard_normal((BATCH, QUERIES, 4)), rng.standard_normal((BATCH, KEYS, 3))]
    prove(
        lambda *a: nn.multi_head_attention(dict(zip(names, a, strict=False)), *a[-3:], num_heads=2),
        [*params.values(), *data, mask],
        reference=lambda *a: reference.multi_head(dict(zip(names, a, strict=False)), *a[-3:], 2),
        kind="contraction",
        dtypes=("float64",),
        modes=("rev",),
    )


@pytest.mark.row(238, 239, 240)
@pytest.mark.erratum("E56")
def test_multi_head_attention_is_pytorch_s(x64, rng):
    torch = pytest.importorskip("torch")
    params = head_params(rng, 8, 8, 8, 8)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    joined = {
        k: np.concatenate([params[f"{p}_{k}"] for p in ("query", "key", "value")], -1) for k in ("kernel", "bias")
    }
    theirs.load_state_dict({
        "in_proj_weight": torch.tensor(joined["kernel"].T), "in_proj_bias": torch.tensor(joined["bias"]),
        "out_proj.weight": torch.tensor(params["output_kernel"].T),
        "out_proj.bias": torch.tensor(params["output_bias"]),
    })  # fmt: skip
    x, lengths = rng.standard_normal((2, 5, 8)), jnp.array([5, 3])
    mask = nn.combine_masks(nn.causal_mask(5), nn.padding_mask(lengths, 5))
    tensor = torch.tensor(x, requires_grad=True)
    want, weights = theirs(
        tensor, tensor, tensor, need_weights=True, average_attn_weights=False,
        attn_mask=torch.tensor(~np.asarray(nn.causal_mask(5))),
        key_padding_mask=torch.tensor(~np.asarray(nn.padding_mask(lengths, 5)[:, 0])),
    )  # fmt: skip
    (want**2).sum().backward()
    ours = jax.tree.map(jnp.asarray, params)
    got, shown = nn.multi_head_attention(ours, jnp.asarray(x), None, mask, num_heads=2, return_weights=True)
    assert_network_close(got, want.detach().numpy())
    assert_network_close(shown, weights.detach().numpy())

    def square(params, x):
        return jnp.sum(nn.multi_head_attention(params, x, None, mask, num_heads=2) ** 2)

    by_params, by_inputs = jax.grad(square, (0, 1))(ours, jnp.asarray(x))
    assert_network_close(by_inputs, tensor.grad.numpy())
    assert_network_close(by_params["value_kernel"], theirs.in_proj_weight.grad.numpy()[16:].T)
    assert_network_close(by_params["query_kernel"], theirs.in_proj_weight.grad.numpy()[:8].T)


@pytest.mark.row(246)
@pytest.mark.gap("U8")
def test_a_cache_gives_what_the_whole_sequence_gives(x64, rng):
    """write_cache and project_memory, two places and then two more."""
    params = jax.tree.map(jnp.asarray, head_params(rng))
    x = jnp.asarray(rng.standard_normal((2, 4, 4)))
    whole = nn.multi_head_attention(params, x, None, nn.causal_mask(4), num_heads=2)
    cache = nn.KeyValueCache(jnp.full((2, 2, 6, 3), 7.0), jnp.full((2, 2, 6, 3), 7.0))

    @jax.jit
    def more(cache, x, position):
        cache = nn.write_cache(cache, nn.project_memory(params, x, num_heads=2), position)
        mask = nn.causal_mask(2, 6, offset=position)
        return nn.multi_head_attention(params, x, cache, mask, num_heads=2), cache

    for position in (0, 2):
        part, cache = more(cache, x[:, position : position + 2], position)
        assert_close(part, whole[:, position : position + 2])
    assert (cache.keys[:, :, 4:] == 7).all()
    assert np.isnan(more(cache, x[:, :2], 5)[0]).all()
    assert np.isnan(more(cache, x[:, :2], -1)[0]).any()
