"""Names for `experiments.name_classifier`: words of random Markov chains, and two baselines on character n-grams."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import dlx

__all__ = ["NGrams", "generated", "logistic_regression", "naive_bayes"]

Pairs = list[tuple[str, str]]


def generated(
    languages: int = 6, sizes: Sequence[int] = (3000, 500, 1000), seed: int = 0
) -> tuple[dict[str, Pairs], tuple[str, ...], float]:
    """Words of Markov chains over ten letters, each language half as frequent as the one before it.

        P(language) ~ 2^-c,    P(x_1) = 1 / 10,    P(x_t | x_{t-1}) = M_c[x_{t-1}, x_t],    length in 3..9

    Args:
      languages: how many.
      sizes: of train, validation and test.
      seed: of chains and words.
    Returns: the splits, the languages, and the test accuracy of the best answer, argmax P(language | word).
    """
    rng = np.random.default_rng(seed)
    letters, names = np.array(list("abcdefghij")), tuple(f"language {number}" for number in range(languages))
    prior = 0.5 ** np.arange(languages)
    prior /= prior.sum()
    chains = rng.dirichlet(np.full(len(letters), 0.5), size=(languages, len(letters)))
    splits, best = {}, 0.0
    for split, size in zip(("train", "validation", "test"), sizes, strict=True):
        words, right = [], 0
        for label in rng.choice(languages, size=size, p=prior):
            word = [int(rng.integers(len(letters)))]
            while len(word) < 3 or (len(word) < 9 and rng.random() < 0.75):
                word.append(int(rng.choice(len(letters), p=chains[label, word[-1]])))
            with np.errstate(divide="ignore"):
                right += np.argmax(np.log(prior) + np.log(chains[:, word[:-1], word[1:]]).sum(1)) == label
            words.append(("".join(letters[word]), names[label]))
        splits[split], best = words, right / size
    return splits, names, best


class NGrams:
    """Which character n-grams a name has, n = 1..4, its beginning and end marked; those of the training names count.

    Args:
      names: to train on.
    """

    def __init__(self, names: Sequence[str], *, order: int = 4) -> None:
        self.order = order
        self.ids: dict[str, int] = {}
        for name in names:
            for gram in self.of(name):
                self.ids.setdefault(gram, len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, name: str) -> list[str]:
        """The n-grams of a name, each as often as it occurs."""
        marked = f"\x02{name}\x03"
        return [marked[i : i + n] for n in range(1, self.order + 1) for i in range(len(marked) - n + 1)]

    def table(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(n-grams of all names,) their ids, and the number of the name that each belongs to."""
        pairs = [(self.ids[gram], row) for row, name in enumerate(names) for gram in self.of(name) if gram in self.ids]
        ids, rows = np.array(pairs, np.int32).reshape(-1, 2).T
        return ids, rows


def scores(kernel: Any, bias: Any, table: tuple[Any, Any], names: int) -> jax.Array:
    """(names, classes): the sum of the kernel's rows of a name's n-grams, and the bias."""
    ids, rows = table
    return jax.ops.segment_sum(kernel[ids], rows, names, indices_are_sorted=True) + bias[None]


def naive_bayes(table: tuple[np.ndarray, np.ndarray], labels: np.ndarray, *, sizes: tuple[int, int], smoothing: float
                ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Multinomial naive Bayes as kernel and bias of `scores`.

        kernel[g, c] = log (n(g, c) + a) / sum_g' (n(g', c) + a),    bias[c] = log share of class c

    Args:
      table: of `NGrams`.
      labels: (names,) of the training names.
      sizes: number of n-grams, of classes.
      smoothing: a.
    Returns: (n-grams, classes), (classes,).
    """
    counts = np.full(sizes, smoothing)
    np.add.at(counts, (table[0], labels[table[1]]), 1.0)
    prior = np.bincount(labels, minlength=sizes[1]) / len(labels)
    with np.errstate(divide="ignore"):
        return np.log(counts / counts.sum(0)).astype(np.float32), np.log(prior).astype(np.float32)


def logistic_regression(
    table: tuple[np.ndarray, np.ndarray], labels: np.ndarray, *, sizes: tuple[int, int], l2: float, steps: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression on the counts of n-grams by L-BFGS, as kernel and bias of `scores`.

        J = mean_i -log softmax(scores_i)_{y_i} + l2/2 sum kernel^2        scikit-learn's C is 1 / (names l2)

    Args:
      table: of `NGrams`.
      labels: (names,) of the training names.
      sizes: number of n-grams, of classes.
      l2: weight of the penalty.
      steps: of L-BFGS.
    Returns: (n-grams, classes), (classes,).
    """
    optimizer = optax.lbfgs(memory_size=10)

    def cost(params: dict[str, jax.Array]) -> jax.Array:
        found = scores(params["kernel"], params["bias"], table, len(labels))
        penalty = 0.5 * l2 * jnp.sum(jnp.square(params["kernel"]))
        return jnp.mean(dlx.losses.softmax_cross_entropy(found, jnp.asarray(labels))) + penalty

    def step(carry: tuple, _: Any) -> tuple:
        params, state = carry
        value, gradient = optax.value_and_grad_from_state(cost)(params, state=state)
        updates, state = optimizer.update(gradient, state, params, value=value, grad=gradient, value_fn=cost)
        return (optax.apply_updates(params, updates), state), value

    @jax.jit
    def fitted(params: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return jax.lax.scan(step, (params, optimizer.init(params)), None, length=steps)[0][0]

    params = fitted({"kernel": jnp.zeros(sizes), "bias": jnp.zeros(sizes[1])})
    return np.asarray(params["kernel"]), np.asarray(params["bias"])
