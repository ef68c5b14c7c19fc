"""The experiments with Transformers: their parts against arithmetic by hand, and short runs."""

import json
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.errors import CheckpointError, UsageError
from dlx.run.texts import check_vocabulary
from experiments import char_gpt, transformer_tasks

TINY_GPT = {"context": 6, "features": 8, "num_heads": 2, "num_layers": 1, "widening": 2}


def corpus(train, validation, tokens="?abc"):
    vocabulary = dlx.text.Vocabulary(tokens, reserved=1)
    encoded = (np.array([tokens.index(c) for c in text], np.int32) for text in (train, validation, ""))
    return dlx.data.Corpus(vocabulary, *encoded, "characters", None)


class Bigram:
    """A model whose logits are a row of a table; it sees one character, but says how many there were."""

    def apply(self, variables, tokens):
        return variables["params"][tokens]


def test_windows_of_a_text():
    found = char_gpt.windows(np.array([3, 1, 2, 0, 1]), jnp.array([0, 2]), 2)
    assert found["inputs"].tolist() == [[3, 1], [2, 0]]
    assert found["labels"].tolist() == [[1, 2], [0, 1]]


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_every_validation_character_is_predicted_once(stride, rng):
    text = corpus("abcabba", "cabbacacb")
    table = rng.standard_normal((4, 4)).astype(np.float32)
    measure, data = char_gpt.validation(text, Bigram(), 4, stride)
    state = types.SimpleNamespace(params=jnp.asarray(table), ema=None)
    # padding of a batch counts nothing
    padded = {name: np.append(values, values[:1]) for name, values in data.items()}
    weight = np.append(np.ones(len(data["counts"]), np.float32), 0)
    total, count = measure(state, padded, jnp.asarray(weight))["loss"]
    # the first is predicted from the last of the training text
    before = np.append(text.train[-1], text.validation[:-1])
    logs = np.log(np.exp(table) / np.exp(table).sum(1, keepdims=True))
    assert int(count) == 9
    assert float(total) == pytest.approx(-logs[before, text.validation].sum(), rel=1e-5)


def test_writing_goes_on_where_the_cache_is_full():
    """At a temperature near 0: each half of the context is what full passes over the characters before it would say."""
    model = dlx.models.TransformerLM(
        vocabulary=5, features=8, num_heads=2, hidden=8, num_layers=1, max_length=6, positions="rotary", norm_first=True
    )
    prompt = jnp.array([3, 1, 4, 2])
    params = jax.jit(model.init)(jax.random.key(3), prompt[None])["params"]
    # sharper than at the start, so that no two characters are equally likely
    params = jax.tree.map(lambda leaf: 4 * leaf, params)
    write = jax.jit(char_gpt.go_on, static_argnums=(0, 4))
    found = write(model, params, jax.random.key(0), prompt, 10, jnp.float32(1e-6)).tolist()
    forward = jax.jit(model.apply)
    seen = prompt.tolist()[-3:]
    want: list[int] = []
    while len(want) < 10:
        if len(seen) == 6:
            seen = seen[-3:]
        filled = jnp.array([[*seen, *[0] * (6 - len(seen))]])
        logits = np.asarray(forward({"params": params}, filled))[0, len(seen) - 1]
        want.append(int(logits[1:].argmax()) + 1)
        seen.append(want[-1])
    assert found == want


def test_a_prompt_of_unknown_characters_is_refused():
    with pytest.raises(UsageError, match=r"--prompt: got 'Z', '9', first at 1, not in the vocabulary of 4 tokens"):
        char_gpt.encode_prompt(char_gpt.Config(prompt="aZ9Z"), corpus("abc", "abc"))
    with pytest.raises(UsageError, match="--prompt wants at least one character"):
        char_gpt.Config(prompt="")
    with pytest.raises(UsageError, match="--num-heads 5 does not divide --features 192"):
        char_gpt.Config(num_heads=5)
    with pytest.raises(UsageError, match=r"--weight-decay 0.2 has no effect with --optimizer adam: it is Muon's"):
        char_gpt.Config(optimizer="adam", weight_decay=0.2)
    with pytest.raises(UsageError, match="--stride wants at most 8; got 9"):
        char_gpt.Config(context=8, stride=9)


def test_a_checkpoint_of_another_vocabulary_is_refused(tmp_path):
    folder = types.SimpleNamespace(path=tmp_path, resumed=False)
    run = types.SimpleNamespace(folder=folder, writes=True)
    check_vocabulary(run, dlx.text.Vocabulary("?abc", reserved=1))
    folder.resumed = True
    check_vocabulary(run, dlx.text.Vocabulary("?abc", reserved=1))
    with pytest.raises(CheckpointError, match=r"another vocabulary.* first at id 2: 'b' there, 'x' here"):
        check_vocabulary(run, dlx.text.Vocabulary("?axc", reserved=1))


def test_muon_takes_orthogonal_steps_in_layers_and_adam_the_rest(rng):
    gradient = {"layers_0": {"kernel": rng.standard_normal((4, 8)), "bias": np.ones(8)}, "embedding": np.ones((5, 4))}
    gradient = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), gradient)
    config = char_gpt.Config(learning_rate=0.01, warmup=0.0, weight_decay=0.0)
    optimizer = char_gpt.optimizer_of(config, 1000)
    zeros = jax.tree.map(jnp.zeros_like, gradient)
    state = optimizer.init(zeros)
    for _ in range(2):  # the first step is the warm-up's, from a rate of 0
        updates, state = optimizer.update(gradient, state, zeros)
    lengths = np.linalg.svd(updates["layers_0"]["kernel"], compute_uv=False) / (0.01 * 0.2 * 8**0.5)
    # five steps of Newton and Schulz leave singular values about 1
    assert ((lengths > 0.6) & (lengths < 1.3)).all()
    # Nesterov's Adam at half the rate, second step of a constant gradient: 0.9 m / (1 - 0.9^3) + 0.1 g / (1 - 0.9^2)
    step = 0.005 * (0.9 * 0.19 / 0.271 + 0.1 / 0.19)
    np.testing.assert_allclose(updates["embedding"], -step, rtol=1e-3)
    np.testing.assert_allclose(updates["layers_0"]["bias"], -step, rtol=1e-3)


@pytest.mark.row(246)
def test_a_short_run_of_char_gpt(tmp_path, capsys):
    base = {"dataset": "python_docs", "output_dir": tmp_path, "name": "one", "batch_size": 4, "steps": 4,
            "evaluate_every": 4, "checkpoint_every": 4, "log_every": 2, "stride": 3, "sample_length": 9,
            "allocator": "default", **TINY_GPT}  # fmt: skip
    result = char_gpt.main(char_gpt.Config(**base))
    losses = [result["metrics"][name]["mean"] for name in ("validation_loss", "strided_validation_loss")]
    assert all(2 < loss < 8 for loss in losses)
    assert result["metrics"]["validation_bits"]["mean"] == pytest.approx(losses[0] / np.log(2))
    assert all(len(text) == 3 + 9 for text in result["texts"].values())
    # a finished run writes on without training again
    asked = char_gpt.main(char_gpt.Config(**base, resume=True, prompt="The"))
    assert asked["metrics"] == result["metrics"]
    assert all(text.startswith("The") and len(text) == 12 for text in asked["texts"].values())
    assert "--- temperature 0.5\nThe" in capsys.readouterr().out
    saved = json.loads((tmp_path / "char_gpt" / "one" / "vocabulary.json").read_text())
    (tmp_path / "char_gpt" / "one" / "vocabulary.json").write_text(
        json.dumps(dlx.text.Vocabulary(saved["tokens"][:-1], reserved=1).as_dict())
    )
    with pytest.raises(CheckpointError, match="another vocabulary"):
        char_gpt.main(char_gpt.Config(**base, resume=True, prompt="The"))


def test_where_the_symbols_of_a_target_stand():
    assert transformer_tasks.true_places("copy", "bca") == [0, 1, 2]
    assert transformer_tasks.true_places("reverse", "bca") == [2, 1, 0]
    assert transformer_tasks.true_places("sort", "bcab") == [2, 0, 0, 1]
    assert transformer_tasks.true_places("addition", "1+2") == []


def test_attention_of_the_head_that_looks_at_the_true_places():
    # 1 layer, 2 strings, 2 heads, 3 target places, 4 source places; the second string has a doubtful place
    weights = np.full((1, 2, 2, 3, 4), 0.25)
    for time, place in enumerate((2, 1, 0)):
        weights[0, 0, 1, time] = [0.7 if s == place else 0.1 for s in range(4)]
    weights[0, 0, 1, 2] = [0.3, 0.4, 0.2, 0.1]
    mass, hits = transformer_tasks.attention_on(weights, [[2, 1, 0], [0, 0, 1]])
    assert mass == pytest.approx((0.7 + 0.7 + 0.3) / 3)
    assert hits == pytest.approx(2 / 3)


def test_learning_rates_of_the_paper():
    config = transformer_tasks.Config(schedule="paper", learning_rate=2.0, warmup=10, features=16, steps=100)
    rate = transformer_tasks.rate_of(config, 1000)
    for t in (1, 5, 10, 11, 40, 100):
        assert float(rate(t)) == pytest.approx(2 * 16**-0.5 * min(t**-0.5, t * 10**-1.5), rel=1e-5)


def test_strings_fit_the_network():
    data = transformer_tasks.strings(transformer_tasks.Config(dataset="addition", max_length=2, examples=3000))
    # 99+99 has five symbols, and an end
    assert data.length == 6
    assert len(data.pairs) == transformer_tasks.TESTED
    assert all(int("".join(a).split("+")[0]) + int("".join(a).split("+")[1]) == int("".join(b)) for a, b in data.pairs)
    with pytest.raises(UsageError, match="--examples 50000 --max-length 2: examples must lie in"):
        transformer_tasks.strings(transformer_tasks.Config(dataset="reverse", max_length=2))


@pytest.mark.row(245, 246)
def test_a_short_run_of_the_tasks(tmp_path):
    config = transformer_tasks.Config(
        dataset="reverse", seeds=1, steps=3, evaluate_every=3, examples=300, max_length=3, features=8, num_heads=2,
        hidden=8, num_layers=1, batch_size=8, output_dir=tmp_path, name="one",
    )  # fmt: skip
    result = transformer_tasks.main(config)
    found = {name: row["mean"] for name, row in result["metrics"].items()}
    assert 0 <= found["test_sequence_accuracy"] <= 1
    assert 0 < found["mass_on_true_places"] < 1
    report = (tmp_path / "transformer_tasks" / "one" / "report.html").read_text()
    assert "Held-out strings by length" in report
