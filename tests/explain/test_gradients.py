"""dlx.explain: gradients against closed forms, PyTorch and completeness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import explain
from tests.explain import networks
from tests.proof import CountedJit
from tests.tolerances import assert_close

pytestmark = [pytest.mark.row(368), pytest.mark.gap("U20")]

SHAPE, CLASSES = (2, 5, 4, 2), 3
LABELS = np.array([2, 0])


def linear(rng):
    """logits = x W + b, and W as images of each class."""
    kernel = rng.standard_normal((CLASSES, *SHAPE[1:]))
    return lambda x: jnp.einsum("bhwc,khwc->bk", x, kernel) + jnp.arange(3.0)[None], kernel


def test_of_a_linear_model_the_gradient_is_the_kernel(x64, rng):
    forward, kernel = linear(rng)
    images = rng.standard_normal(SHAPE)
    want = kernel[LABELS]
    assert_close(explain.input_gradient(forward, images, LABELS), want)
    assert_close(explain.saliency(forward, images, LABELS), np.abs(want).max(-1))
    assert_close(explain.saliency(forward, images, LABELS, reduce="sum"), np.abs(want).sum(-1))
    assert_close(explain.saliency(forward, images, LABELS, reduce="l2"), np.sqrt((want**2).sum(-1)))
    # noise changes nothing of a constant gradient, and shares are products of input and weight
    assert_close(explain.smooth_grad(jax.random.key(0), forward, images, LABELS, samples=3), want)
    assert_close(explain.integrated_gradients(forward, images, LABELS, steps=1), images * want)
    start = rng.standard_normal(SHAPE)
    assert_close(explain.integrated_gradients(forward, images, LABELS, start, steps=2), (images - start) * want)


def test_of_a_quadratic_model(x64, rng):
    # logit_k = x' S_k x / 2 with symmetric S_k: gradient S_k x, shares from zero x * (S_k x) / 2
    features = 6
    matrices = rng.standard_normal((CLASSES, features, features))
    matrices = matrices + matrices.transpose(0, 2, 1)

    def forward(x):
        return 0.5 * jnp.einsum("bi,kij,bj->bk", x, matrices, x)

    x = rng.standard_normal((2, features))
    gradient = np.einsum("bij,bj->bi", matrices[LABELS], x)
    assert_close(explain.input_gradient(forward, x, LABELS), gradient)
    assert_close(explain.integrated_gradients(forward, x, LABELS, steps=1), x * gradient / 2)
    # the mean gradient is that of the mean input: S (x + mean noise), and its spread that of 400 draws
    found = explain.smooth_grad(jax.random.key(1), forward, x, LABELS, samples=400, noise=0.15)
    spread = 0.15 * (x.max(1) - x.min(1))[:, None] * np.sqrt((matrices[LABELS] ** 2).sum(-1)) / np.sqrt(400)
    error = np.abs(found - gradient) / spread
    assert error.max() < 4.5  # standard errors, of twelve numbers
    assert error.mean() > 0.3  # of a normal deviate 0.8: noise of the size that was asked for
    assert_close(explain.smooth_grad(jax.random.key(1), forward, x, LABELS, samples=2, noise=0.0), gradient)


def test_shares_add_up_to_the_difference_of_the_logits(x64, rng):
    params, images, start = networks.weights(rng), *(0.3 * rng.standard_normal((2, *SHAPE)))

    def forward(x):
        return networks.pooled(params, x, jnp.tanh)[0]

    share = jax.jit(lambda x, start: explain.integrated_gradients(forward, x, LABELS, start, steps=24))
    difference = np.take_along_axis(np.asarray(forward(images) - forward(start)), LABELS[:, None], 1)[:, 0]
    # a smooth logit: Gauss and Legendre's rule of 24 points is right to ten digits
    np.testing.assert_allclose(share(images, start).sum((1, 2, 3)), difference, atol=1e-9)
    assert np.abs(difference).min() > 1e-3


@pytest.mark.parametrize("rule", ["guided", "deconvolution"])
def test_guided_backpropagation_is_pytorchs_with_hooks(x64, rng, rule):
    torch = pytest.importorskip("torch")
    params, images = networks.weights(rng), rng.standard_normal(SHAPE)

    class Rectifier(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return gradient.clamp(min=0) * (x > 0 if rule == "guided" else 1)

    planes = torch.tensor(np.moveaxis(images, -1, 1).copy(), requires_grad=True)
    hidden = planes
    for name in ("conv_0", "conv_1"):
        kernel = torch.tensor(params[name]["kernel"].transpose(3, 2, 0, 1).copy())
        hidden = torch.nn.functional.conv2d(hidden, kernel, torch.tensor(params[name]["bias"]), padding=1)
        hidden = Rectifier.apply(hidden)
    logits = hidden.mean((2, 3)) @ torch.tensor(params["output"]["kernel"]) + torch.tensor(params["output"]["bias"])
    logits[torch.arange(2), torch.tensor(LABELS)].sum().backward()

    def forward(x, activation):
        return networks.pooled(params, x, activation)[0]

    found = explain.guided_backpropagation(forward, images, LABELS, rule=rule)
    assert_close(forward(images, explain.guided_relu), logits.detach().numpy())
    assert_close(found, np.moveaxis(planes.grad.numpy(), 1, -1))
    assert np.abs(found - explain.input_gradient(lambda x: networks.pooled(params, x)[0], images, LABELS)).max() > 1e-3


def test_rectifiers_by_hand(x64):
    x, g = jnp.array([-1.0, 0.0, 2.0, 3.0, -4.0]), jnp.array([5.0, 6.0, 7.0, -8.0, -9.0])
    for function, want in ((explain.guided_relu, [0, 0, 7, 0, 0]), (explain.deconvolution_relu, [5, 6, 7, 0, 0])):
        out, pull = jax.vjp(function, x)
        assert out.tolist() == [0, 0, 2, 3, 0]
        assert pull(g)[0].tolist() == want
        assert np.isnan(function(jnp.array([jnp.nan]))).all()


def test_jit_vmap_dtype_and_no_second_compilation(rng):
    params = jax.tree.map(np.float32, networks.weights(rng))

    def forward(x, activation=jnp.tanh):
        cast = jax.tree.map(lambda a: a.astype(x.dtype), params)
        return networks.pooled(cast, x, activation)[0]

    def everything(x):
        return (
            explain.saliency(forward, x, LABELS),
            explain.guided_backpropagation(forward, x, LABELS),
            explain.smooth_grad(jax.random.key(0), forward, x, LABELS, samples=2),
            explain.integrated_gradients(forward, x, LABELS, steps=2),
            explain.occlusion(forward, x, LABELS, window=2, stride=2),
        )

    first, second = rng.standard_normal((2, *SHAPE)).astype(np.float32)
    compiled = CountedJit(everything)
    outs = [compiled(first), compiled(second)]
    assert compiled.traces == 1
    both = jax.jit(jax.vmap(everything))(np.stack([first, second]))
    jax.tree.map(lambda got, *want: assert_close(got, np.stack(want), kind="contraction"), both, *outs)
    for dtype in ("bfloat16", "float32"):
        shapes = jax.eval_shape(everything, jax.ShapeDtypeStruct(SHAPE, dtype))
        assert {shape.dtype for shape in shapes} == {jnp.dtype(dtype)}
