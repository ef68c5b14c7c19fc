"""dlx.optim: what docs/optimizers.md says of the conventions of optax, PyTorch and Keras."""

import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.optim.problems import numpy_walk, together, torch_walk
from tests.reference import optimizers as reference
from tests.tolerances import assert_close

PAGE = Path(__file__).parents[2] / "docs" / "optimizers.md"
TORCH = {"alpha": "decay", "initial_accumulator_value": "initial", "lr": "learning_rate"}
OPTAX = {"initial_accumulator_value": "initial"}


def updates(optimizer, gradients, params=None):
    """The updates for a sequence of gradients."""
    state, out = optimizer.init(gradients[0] if params is None else params), []
    for g in gradients:
        update, state = optimizer.update(g, state, params)
        out.append(update)
    return out


def defaults(function, names=None):
    found = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    betas = found.pop("betas", None)
    if betas:
        found |= {"b1": betas[0], "b2": betas[1]}
    return {(names or {}).get(name, name): value for name, value in found.items()}


def table_of_defaults():
    """(method, library, option, value) of the page's table "Defaults"."""
    lines = PAGE.read_text("utf-8").partition("## Defaults")[2].partition("\n## ")[0].splitlines()
    table = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head, rows = table[0], table[2:]
    for method, *cells in rows:
        for library, cell in zip(head[1:], cells, strict=True):
            for option, value in re.findall(r"(\w+) ([\d.e-]+)", cell):
                yield method, library, option, float(value)


@pytest.mark.row(164, 166, 167, 169, 170)
def test_the_page_has_the_defaults_of_the_installed_libraries():
    torch = pytest.importorskip("torch")
    in_torch = {
        "momentum": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adadelta": torch.optim.Adadelta,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    checked = 0
    for method, library, option, value in table_of_defaults():
        if library == "dlx":
            found = defaults(getattr(optim, method))
        elif library == "optax":
            found = defaults(getattr(optax, method), OPTAX)
        elif library == "PyTorch":
            found = defaults(in_torch[method], TORCH)
        else:
            continue  # Keras is not installed: read in its source
        assert found[option] == value, (method, library, option)
        checked += 1
    assert checked > 30


@pytest.mark.row(166, 167)
@pytest.mark.erratum("E39")
@pytest.mark.parametrize("method", ["adagrad", "rmsprop"])
def test_place_of_epsilon(x64, method):
    g, share = jnp.asarray([0.3]), {"adagrad": 1.0, "rmsprop": 0.1}[method]
    make = getattr(optim, method)
    inside, outside = (updates(make(1.0, eps=0.01, eps_in_sqrt=place), [g])[0] for place in (True, False))
    assert_close(inside, -0.3 / np.sqrt(share * 0.09 + 0.01))
    assert_close(outside, -0.3 / (np.sqrt(share * 0.09) + 0.01))


@pytest.mark.row(164)
@pytest.mark.erratum("E38")
def test_velocity_holds_the_rate_here_and_in_keras_not_in_pytorch_and_optax(x64):
    gradients = [jnp.asarray([1.0]), jnp.asarray([0.0])]
    rates = (0.5, 0.1)
    schedule = optim.join_schedules([optim.constant_schedule(rate) for rate in rates], [1])
    ours = updates(optim.momentum(schedule), gradients)
    theirs = updates(optax.sgd(schedule, momentum=0.9), gradients)
    assert_close(ours[1], [-0.9 * rates[0]])
    assert_close(theirs[1], [-0.9 * rates[1]])
    torch = pytest.importorskip("torch")
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rates[0], momentum=0.9)
    for g, rate in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"], w.grad = rate, torch.tensor(np.asarray(g))
        before = float(w.detach())
        optimizer.step()
    assert_close(float(w.detach()) - before, -0.9 * rates[1])


@pytest.mark.row(164, 165)
@pytest.mark.erratum("E38")
def test_pytorchs_dampened_momentum_is_the_mean_but_for_its_first_step(x64):
    # PyTorch's buffer begins with the whole first gradient, the mean with (1 - beta) of it
    torch = pytest.importorskip("torch")
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.8, dampening=0.8)
    w.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    assert_close(float(w.detach()), -1.0)
    assert_close(updates(optim.momentum(1.0, decay=0.8, kind="ema"), [jnp.asarray([1.0])])[0], [-0.2])


@pytest.mark.row(170)
@pytest.mark.gap("U7")
def test_amsgrad_of_pytorch_corrects_the_largest_square(x64):
    torch = pytest.importorskip("torch")
    _, gradient, start = together("float64")
    theirs = torch_walk(lambda p: torch.optim.Adam(p, lr=0.05, amsgrad=True), gradient, start, 20)
    raw = numpy_walk(reference.adam(0.05, amsgrad="raw"), gradient, start, 20)
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), theirs, raw)
    ours = numpy_walk(reference.adam(0.05, amsgrad="corrected"), gradient, start, 20)
    assert max(jax.tree.leaves(jax.tree.map(lambda a, b: np.abs(a - b).max(), ours, raw))) > 1e-4


@pytest.mark.row(170)
@pytest.mark.gap("U7")
def test_the_rate_of_amsgrad_never_rises(x64, rng):
    gradients = [jnp.asarray(g) for g in rng.standard_normal((20, 3)) * np.linspace(2.0, 0.1, 20)[:, None]]
    for amsgrad in (True, False):
        optimizer = optim.adam(1.0, b2=0.9, eps=0.0, amsgrad=amsgrad)
        state, rates = optimizer.init(gradients[0]), []
        for t, g in enumerate(gradients, 1):
            update, state = optimizer.update(g, state)
            rates.append(np.asarray(-update / (state.mean / (1 - 0.9**t))))
        assert (np.diff(rates, axis=0) <= 1e-12).all() == amsgrad


@pytest.mark.row(170)
def test_kerass_epsilon_hat_is_a_larger_epsilon_at_first(x64):
    # Keras: rate sqrt(1 - b2^t) / (1 - b1^t) v / (sqrt(s) + hat) is ours with eps = hat / sqrt(1 - b2^t)
    g = np.asarray([0.02])
    keras, _ = reference.adam(0.1, eps=1e-3, hat=True)(1, g, np.zeros(1), {})
    ours = updates(optim.adam(0.1, eps=float(1e-3 / np.sqrt(1 - 0.999))), [jnp.asarray(g)])[0]
    assert_close(ours, keras)
    assert abs(float(updates(optim.adam(0.1, eps=1e-3), [jnp.asarray(g)])[0][0] - keras[0])) > 1e-2


@pytest.mark.row(64, 170)
@pytest.mark.gap("U7")
def test_decoupled_decay_ignores_the_scale_of_the_gradient_and_leaves_biases(x64):
    params = {"kernel": jnp.asarray([2.0]), "bias": jnp.asarray([2.0])}
    zero = jax.tree.map(jnp.zeros_like, params)
    decayed = updates(optim.adamw(0.1, weight_decay=0.5), [zero], params)[0]
    assert_close(decayed["kernel"], [-0.1 * 0.5 * 2.0])
    assert_close(decayed["bias"], [0.0])
    assert_close(updates(optax.adamw(0.1, weight_decay=0.5), [zero], params)[0]["bias"], [-0.1])
    # a penalty in front of Adam is scaled by it: a step of the learning rate, however weak the penalty
    penalised = optax.chain(optim.weight_decay(0.5), optim.adam(0.1))
    assert_close(updates(penalised, [zero], params)[0]["kernel"], [-0.1], factor=1e5)  # eps over the slope is 1e-8


@pytest.mark.row(170)
@pytest.mark.erratum("E41")
def test_who_checks_the_decay_of_the_square():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="beta parameter"):
        torch.optim.Adam([torch.zeros(1, requires_grad=True)], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match=r"b2: got 1\.0"):
        optim.adam(0.1, b2=1.0)
    optax.adam(0.1, b2=1.0)


@pytest.mark.row(171)
def test_bias_correction_of_the_first_step_in_float32():
    g = jnp.asarray([1.0], jnp.float32)
    ours, theirs = (float(updates(make(1.0, b2=0.999, eps=0.0), [g])[0][0]) for make in (optim.adam, optax.adam))
    assert abs(ours + 1) < 3e-7
    assert 3e-6 < abs(theirs + 1) < 1e-4
