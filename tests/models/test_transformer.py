"""Transformers: counts, PyTorch's whole network, padding, past and future, decoding with a cache, dropout."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, text
from tests.models.test_transformer_layers import count, layer_of
from tests.tolerances import assert_close, assert_network_close

KEY = jax.random.key(0)
SMALL = {"vocabulary": 7, "features": 8, "num_heads": 2, "hidden": 5, "num_layers": 2, "max_length": 6}
TOKENS = jnp.array([[1, 4, 2, 6, 3], [5, 2, 2, 0, 1]])
LENGTHS = jnp.array([5, 3])


@functools.cache
def language_model(**options):
    """A small model in float64 with its variables."""
    model = models.TransformerLM(**SMALL, param_dtype=jnp.float64, **options)
    return model, jax.jit(model.init)(KEY, TOKENS)


@pytest.mark.row(244, 246)
@pytest.mark.gap("U8")
def test_parameter_counts_of_the_docstrings():
    tokens, memory = jax.ShapeDtypeStruct((2, 3), jnp.int32), jax.ShapeDtypeStruct((2, 3, 512), jnp.float32)
    assert count(models.TransformerEncoder(), tokens) == 18_914_304 + 512 * 1000
    assert count(models.TransformerLM(), tokens) == 18_914_304 + 513 * 1000
    assert count(models.TransformerDecoder(), tokens, memory) == 25_224_192 + 513 * 1000
    assert count(models.Transformer(), tokens, tokens) == 44_138_496 + (512 + 513) * 1000
    assert count(models.TransformerLM(tied=False), tokens) == 18_914_304 + (512 + 513) * 1000
    assert count(models.Transformer(target_vocabulary=10), tokens, tokens) == 44_138_496 + 512 * 1000 + 5130


@pytest.mark.row(244, 246)
@pytest.mark.gap("U8")
def test_the_whole_network_is_pytorch_s(x64):
    """Pre-norm, the form in which both have norms behind the last layers; vectors go in as a table of tokens."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Transformer(8, 2, 1, 1, 5, 0.0, batch_first=True, norm_first=True).double()
    ours = models.Transformer(**SMALL | {"num_layers": 1}, norm_first=True, dropout=0.0, param_dtype=jnp.float64)
    params = jax.jit(ours.init)(KEY, TOKENS, TOKENS)["params"]
    for name in ("encoder", "decoder"):
        stack = getattr(theirs, name)
        last = {"scale": stack.norm.weight.detach().numpy(), "bias": stack.norm.bias.detach().numpy()}
        params[name] = {**params[name], "layers_0": layer_of(stack.layers[0]), "last_norm": last}

    def vectors(name, tokens):
        rows = np.asarray(params[name]["embedding"])[np.asarray(tokens)] * 8**0.5
        places = [[f(p / 10_000 ** (j // 2 / 4)) for j, f in enumerate([np.sin, np.cos] * 4)] for p in range(5)]
        return torch.tensor(rows + np.array(places))

    padding = torch.tensor(np.arange(5)[None] >= np.asarray(LENGTHS)[:, None])
    hidden = theirs(
        vectors("encoder", TOKENS), vectors("decoder", TOKENS[:, ::-1]), src_key_padding_mask=padding,
        memory_key_padding_mask=padding, tgt_mask=torch.ones(5, 5, dtype=torch.bool).triu(1),
    )  # fmt: skip
    want = hidden.detach().numpy() @ np.asarray(params["decoder"]["embedding"]).T
    got = jax.jit(ours.apply)({"params": params}, TOKENS, TOKENS[:, ::-1], LENGTHS)
    assert_network_close(got, want)


@pytest.mark.row(239)
@pytest.mark.erratum("E54", "E56")
def test_the_past_does_not_see_the_future(x64):
    model, variables = language_model(norm_first=True, positions="learned", tied=False)
    apply = jax.jit(model.apply)
    before, after = apply(variables, TOKENS), apply(variables, TOKENS.at[:, 3].set(jnp.array([0, 5], TOKENS.dtype)))
    assert (before[:, :3] == after[:, :3]).all()
    assert (jnp.abs(before[:, 3:] - after[:, 3:]).max(-1) > 1e-3).all()


@pytest.mark.row(240, 246)
def test_padding_changes_nothing(x64):
    """Rubbish behind the end of source and target, and a shorter array without it."""
    model = models.Transformer(**SMALL | {"num_layers": 1}, param_dtype=jnp.float64)
    variables = jax.jit(model.init)(KEY, TOKENS, TOKENS)
    apply = jax.jit(model.apply)
    padded = apply(variables, TOKENS, TOKENS, LENGTHS, LENGTHS)
    other = TOKENS.at[1, 3:].set(6)
    assert_close(apply(variables, other, other, LENGTHS, LENGTHS)[1, :3], padded[1, :3])
    alone = jax.jit(model.apply)(variables, TOKENS[1:, :3], TOKENS[1:, :3])
    assert_close(alone[0], padded[1, :3])
    full = apply(variables, TOKENS, TOKENS, jnp.array([5, 5]), LENGTHS)
    assert jnp.max(jnp.abs(full[1, :3] - padded[1, :3])) > 1e-3


@pytest.mark.row(246)
@pytest.mark.gap("U8")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"norm_first": True, "positions": "learned", "tied": False},
        {"norm_first": True, "positions": "rotary"},
    ],
)
def test_decoding_with_a_cache_is_the_whole_forward_pass(x64, options):
    """A beginning of two tokens at once, then one by one; one step too many is NaN."""
    model, variables = language_model(**options)
    want = jax.jit(model.apply)(variables, TOKENS)

    @jax.jit
    def decode(tokens):
        state = model.apply(variables, len(tokens), method="start")
        logits, state = model.apply(variables, state, tokens[:, :2], method="extend")

        def one(state, token):
            logits, state = model.apply(variables, state, token, method="step")
            return state, logits

        state, rest = jax.lax.scan(one, state, jnp.concatenate([tokens[:, 2:], tokens[:, :2]], 1).T)
        return jnp.concatenate([logits, jnp.swapaxes(rest, 0, 1)], 1)

    got = decode(TOKENS)
    assert_close(got[:, :5], want, kind="contraction")
    assert np.isfinite(got[:, 5]).all()
    assert np.isnan(got[:, 6]).all()


@pytest.mark.row(246, 258, 259)
@pytest.mark.gap("U8")
def test_beam_search_over_the_cache_is_the_search_over_whole_prefixes(x64):
    """Of every sequence of three tokens the chain of full forward passes gives the probability; caches follow."""
    model = models.Transformer(**SMALL | {"num_layers": 1, "vocabulary": 3}, param_dtype=jnp.float64)
    source, start = TOKENS % 3, jnp.array([0, 1])
    variables = jax.jit(model.init)(KEY, source, source)
    variables = jax.tree.map(lambda leaf: 3 * leaf, variables)  # sharper than at the start

    @jax.jit
    def search(source):
        state = model.apply(variables, source, LENGTHS, method="start")
        step = lambda s, t: model.apply(variables, s, t, method="step")  # noqa: E731
        return text.beam_search(step, state, start, beam=9, max_length=3, wide=True)

    found = search(source)
    every = np.stack(np.meshgrid(*[range(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    scored = jax.jit(jax.vmap(lambda target: model.apply(variables, source, target, LENGTHS)))
    inputs = np.stack([np.concatenate([np.asarray(start)[:, None], np.stack([row[:2]] * 2)], 1) for row in every])
    logs = np.asarray(jax.nn.log_softmax(scored(jnp.asarray(inputs))))
    for b in range(2):
        totals = [logs[n, b, range(3), row].sum() for n, row in enumerate(every)]
        order = np.argsort(totals)[::-1][:9]
        assert found.tokens[b].tolist() == every[order].tolist()
        assert_close(found.log_probability[b], np.asarray(totals)[order], kind="contraction")


@pytest.mark.row(242)
@pytest.mark.erratum("E55")
def test_positions_and_dtype():
    notes = models.TransformerEncoder(**SMALL, positions="sinusoidal_notes")
    shapes = jax.eval_shape(lambda: models.TransformerEncoder(**SMALL, positions="learned").init(KEY, TOKENS))
    assert shapes["params"]["positions"].shape == (6, 8)
    rotary = models.TransformerEncoder(**SMALL, positions="rotary")
    for other in (notes, rotary):
        assert "positions" not in jax.eval_shape(lambda other=other: other.init(KEY, TOKENS))["params"]
    low = models.TransformerLM(**SMALL, dtype=jnp.bfloat16)
    logits, variables = jax.eval_shape(lambda: low.init_with_output(KEY, TOKENS))
    assert logits.dtype == jnp.bfloat16
    assert variables["params"]["embedding"].dtype == jnp.float32


def test_searches_past_the_cache_are_refused(x64):
    """The cache has 6 positions, the encoder's output 9 places."""
    language, variables = language_model()
    state = language.apply(variables, 1, method="start")
    step, start = lambda state, tokens: (jnp.zeros((len(tokens), 7)), state), jnp.array([1])
    both = models.TransformerState(state.position, state.cache, ((jnp.zeros((1, 2, 9, 4)),) * 2,) * 2)
    for search in (text.greedy_search, text.beam_search, text.exhaustive_search,
                   lambda *args, **options: text.sample_tokens(KEY, *args, **options)):  # fmt: skip
        for one in (state, both):
            message = "max_length: got 9, wanted at most 6, the positions that the model's cache has$"
            with pytest.raises(ValueError, match=message):
                search(step, one, start, max_length=9)
        with pytest.raises(ValueError, match=r"max_length: got 3, wanted at most 2, .* has behind the 4 tokens read"):
            search(step, state._replace(position=jnp.int32(4)), start, max_length=3)
    assert text.greedy_search(step, both, start, max_length=6).lengths.tolist() == [6]
    # a traced position is not known, the size of the cache is
    traced = jax.jit(lambda state, steps: text.greedy_search(step, state, start, max_length=steps), static_argnums=1)
    assert traced(state._replace(position=jnp.int32(4)), 6).lengths.tolist() == [6]
    with pytest.raises(ValueError, match="max_length: got 7, wanted at most 6"):
        traced(state, 7)
    with pytest.raises(ValueError, match="prefix: got 7, wanted at most 6"):
        text.read_prefix(step, state, jnp.ones((1, 7), int))
    with pytest.raises(ValueError, match="prefix and length: got 7, wanted at most 6"):
        models.write_texts(KEY, language, variables["params"], jnp.ones(3, int), length=5)
