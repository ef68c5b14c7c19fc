"""dlx.backprop: every operation of the tape against jax.vjp, and batch normalisation through the graph."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop
from dlx.backprop import Node
from tests.proof import configurations, prove, shape
from tests.reference import backprop as reference
from tests.tolerances import assert_close

# (name, on nodes, on jax arrays, shapes of the arguments, lowest entry)
OPERATIONS = [
    ("add", lambda a, b: a + b, None, [(2, 3), (2, 3)], -2),
    ("subtract", lambda a, b: a - b, None, [(2, 3), (3,)], -2),
    ("multiply", lambda a, b: a * b, None, [(2, 1), (3,)], -2),
    ("divide", lambda a, b: a / b, None, [(2, 3), ()], 0.3),
    ("power", lambda a, b: a**b, None, [(4, 1, 3), (2, 3)], 0.3),
    ("integer_power", lambda a: a**3, None, [(2, 3)], -2),
    ("number_to_a_power", lambda a: 2.0**a, None, [(2, 3)], -2),
    ("numbers", lambda a: 1 - 2 / (3 + a * 4) + 5 * a - 6 * (a - 7) / 8, None, [(2, 3)], 0.3),
    ("negate", lambda a: -a, None, [(2, 3)], -2),
    ("maximum", lambda a, b: a.maximum(b), jnp.maximum, [(2, 3), (3,)], -2),
    ("exp", lambda a: a.exp(), jnp.exp, [(2, 3)], -2),
    ("log", lambda a: a.log(), jnp.log, [(2, 3)], 0.3),
    ("sqrt", lambda a: a.sqrt(), jnp.sqrt, [(2, 3)], 0.3),
    ("sin", lambda a: a.sin(), jnp.sin, [(2, 3)], -2),
    ("cos", lambda a: a.cos(), jnp.cos, [(2, 3)], -2),
    ("tanh", lambda a: a.tanh(), jnp.tanh, [(2, 3)], -2),
    ("sigmoid", lambda a: a.sigmoid(), jax.nn.sigmoid, [(2, 3)], -2),
    ("relu", lambda a: a.relu(), jax.nn.relu, [(2, 3)], -2),
    ("abs", lambda a: a.abs(), jnp.abs, [(2, 3)], -2),
    ("sum", lambda a: a.sum(), jnp.sum, [(2, 3)], -2),
    ("sum_axis", lambda a: a.sum(1), lambda a: a.sum(1), [(2, 3, 4)], -2),
    ("sum_axes", lambda a: a.sum((0, -1), keepdims=True), None, [(2, 3, 4)], -2),
    ("mean", lambda a: a.mean(), jnp.mean, [(2, 3)], -2),
    ("mean_axes", lambda a: a.mean((-1, 0)), None, [(2, 3, 4)], -2),
    ("mean_keepdims", lambda a: a.mean(0, keepdims=True), None, [(2, 3)], -2),
    ("max", lambda a: a.max(), jnp.max, [(2, 3)], -2),
    ("max_axis", lambda a: a.max(-2), lambda a: a.max(-2), [(2, 3, 4)], -2),
    ("max_axes", lambda a: a.max((0, 2), keepdims=True), None, [(2, 3, 4)], -2),
    ("matmul", lambda a, b: a @ b, None, [(2, 3), (3, 4)], -2),
    ("vector_matrix", lambda a, b: a @ b, None, [(3,), (3, 4)], -2),
    ("matrix_vector", lambda a, b: a @ b, None, [(2, 3), (3,)], -2),
    ("vector_vector", lambda a, b: a @ b, None, [(3,), (3,)], -2),
    ("batched_matmul", lambda a, b: a @ b, None, [(5, 2, 3), (3, 4)], -2),
    ("broadcast_matmul", lambda a, b: a @ b, None, [(5, 1, 2, 3), (6, 3, 4)], -2),
    ("vector_stack", lambda a, b: a @ b, None, [(3,), (5, 3, 4)], -2),
    ("stack_vector", lambda a, b: a @ b, None, [(5, 2, 3), (3,)], -2),
    ("reshape", lambda a: a.reshape((3, 2)), None, [(2, 3)], -2),
    ("transpose", lambda a: a.transpose(), None, [(2, 3, 4)], -2),
    ("transpose_axes", lambda a: a.transpose((2, 0, 1)), None, [(2, 3, 4)], -2),
    ("broadcast", lambda a: a.broadcast_to((2, 5, 3)), lambda a: jnp.broadcast_to(a, (2, 5, 3)), [(2, 1, 3)], -2),
]


@pytest.mark.row(55)
@pytest.mark.parametrize("kind", ["numpy", "jax"])
@pytest.mark.parametrize(
    ("on_nodes", "on_arrays", "shapes", "low"), [row[1:] for row in OPERATIONS], ids=[row[0] for row in OPERATIONS]
)
@configurations(fast=1, slow=2)
def test_operation(rng, on_nodes, on_arrays, shapes, low, kind):
    arrays = [rng.uniform(low, 2, s) for s in shapes]
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        want, pull = jax.vjp(on_arrays or on_nodes, *(jnp.asarray(array) for array in arrays))
        gradient = rng.standard_normal(want.shape)
        leaves = [Node(array if kind == "numpy" else jnp.asarray(array)) for array in arrays]
        # the tape broadcasts by itself
        with jax.numpy_rank_promotion("raise"):
            output = on_nodes(*leaves)
            seed = gradient if kind == "numpy" else jnp.asarray(gradient)
            got = backprop.graph_gradients(output, leaves, output_gradient=seed)
        assert isinstance(output.value, jax.Array) == (kind == "jax")
        assert output.shape == want.shape
        assert_close(output.value, want, kind="contraction")
        for ours, theirs, array in zip(got, pull(jnp.asarray(gradient)), arrays, strict=True):
            assert ours.shape == array.shape
            assert isinstance(ours, jax.Array) == (kind == "jax")
            assert_close(ours, theirs, kind="contraction")


@pytest.mark.row(55)
@configurations()
def test_a_graph_with_shared_nodes(rng):
    """A two-layer network whose hidden layer is used three times, against JAX and PyTorch."""
    torch = pytest.importorskip("torch")
    x, w, b, v = (rng.standard_normal(s) for s in ((5, 3), (3, 4), (4,), (4, 2)))

    def on_nodes(x, w, b, v):
        h = (x @ w + b).tanh()
        logits = h @ v - (h * h).mean(1, keepdims=True)
        return (logits.exp().sum(1).log() - logits.max(1)).mean() + 0.1 * (h.abs() * w.sum(0).sigmoid()).sum()

    def on_jax(x, w, b, v):
        h = jnp.tanh(x @ w + b[None])
        logits = h @ v - jnp.mean(h * h, 1, keepdims=True)
        losses = jnp.log(jnp.sum(jnp.exp(logits), 1)) - jnp.max(logits, 1)
        return jnp.mean(losses) + 0.1 * jnp.sum(jnp.abs(h) * jax.nn.sigmoid(jnp.sum(w, 0))[None])

    tensors = [torch.tensor(array, requires_grad=True) for array in (x, w, b, v)]
    h = torch.tanh(tensors[0] @ tensors[1] + tensors[2])
    logits = h @ tensors[3] - (h * h).mean(1, keepdim=True)
    loss = (torch.logsumexp(logits, 1) - logits.max(1).values).mean()
    (loss + 0.1 * (h.abs() * torch.sigmoid(tensors[1].sum(0))).sum()).backward()
    with jax.enable_x64(True):
        arrays = [jnp.asarray(array) for array in (x, w, b, v)]
        leaves = [Node(array) for array in arrays]
        output = on_nodes(*leaves)
        got = backprop.graph_gradients(output, leaves)
        value, want = jax.value_and_grad(on_jax, argnums=(0, 1, 2, 3))(*arrays)
        assert_close(output.value, value)
        for ours, theirs, tensor in zip(got, want, tensors, strict=True):
            assert_close(ours, theirs, kind="contraction")
            assert_close(ours, tensor.grad.numpy(), kind="contraction")

        # the recording can be compiled, and differentiated once more by JAX
        def through_the_tape(*arrays):
            nodes = [Node(array) for array in arrays]
            return backprop.graph_gradients(on_nodes(*nodes), nodes)

        for compiled, theirs in zip(jax.jit(through_the_tape)(*arrays), want, strict=True):
            assert_close(compiled, theirs, kind="contraction")
        second = jax.grad(lambda b: jnp.sum(through_the_tape(x, w, b, v)[2] ** 2))(arrays[2])
        gradient = jax.grad(on_jax, argnums=2)
        assert_close(second, jax.grad(lambda b: jnp.sum(gradient(x, w, b, v) ** 2))(arrays[2]), kind="contraction")


@pytest.mark.row(55, 56)
def test_nothing_accumulates_between_calls():
    x = Node(np.array([1.0, 2.0]))
    loss = (x * x + x).sum()
    for _ in range(2):
        assert backprop.graph_gradients(loss, [x])[0].tolist() == [3, 5]
    # a node in the middle, the end itself, a stranger
    square = x * x
    by_square, by_end, by_stranger = backprop.graph_gradients(
        loss := (3 * square).sum(), [square, loss_node := loss, Node(np.ones(3))]
    )
    assert loss_node is loss
    assert (by_square.tolist(), float(by_end), by_stranger.tolist()) == ([3, 3], 1, [0, 0, 0])


@pytest.mark.row(55)
def test_knees_and_ties():
    def gradient(function, *values):
        nodes = [Node(np.array(value)) for value in values]
        return [g.tolist() for g in backprop.graph_gradients(function(*nodes).sum(), nodes)]

    assert gradient(lambda a: a.relu(), [-1.0, 0.0, 1.0]) == [[0, 0, 1]]
    assert gradient(lambda a: a.abs(), [-1.0, 0.0, 1.0]) == [[-1, 0, 1]]
    assert gradient(lambda a: a.max(), [2.0, 1.0, 2.0]) == [[0.5, 0, 0.5]]
    assert gradient(lambda a, b: a.maximum(b), [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert gradient(lambda a: a**2, [-3.0, 0.0]) == [[-6, 0]]
    assert gradient(lambda a: a**0, [0.0, 2.0]) == [[0, 0]]
    assert gradient(lambda a, b: a**b, [0.0], [2.0]) == [[0], [0]]
    large = Node(np.array([-1e4, 1e4]))
    assert large.sigmoid().value.tolist() == [0, 1]


@pytest.mark.row(55)
def test_dtype_is_kept_and_arrays_may_stand_on_the_left(rng):
    x = rng.standard_normal((2, 3)).astype(np.float32)
    for kind in (np.asarray, jnp.asarray):
        node = Node(kind(x))
        output = ((kind(x) * node + 1.5) @ node.transpose() + kind(x) @ node.transpose() * 2) ** 2
        assert isinstance(output, Node)
        assert output.value.dtype == np.float32
        (got,) = backprop.graph_gradients(output.mean(), [node])
        assert got.dtype == np.float32
    assert (np.arange(3) * Node(x)).value.dtype == np.float32


@pytest.mark.row(55)
def test_a_deep_graph_and_the_work_that_is_not_needed():
    x = node = Node(np.ones(()))
    for _ in range(5000):
        node = node + x
    assert backprop.graph_gradients(node, [x])[0] == 5001

    def refuse(gradient):
        raise AssertionError("a pull that leads to no wanted leaf")

    constant = Node(np.ones(()), "constant", (Node(np.ones(())), refuse))
    assert backprop.graph_gradients(x * constant, [x])[0] == 1


@pytest.mark.row(55)
def test_graph_table():
    x = Node(np.ones((2, 3)))
    assert backprop.graph_table((x * x).sum()).splitlines() == [
        "n0 = leaf()  (2, 3)",
        "n1 = multiply(n0, n0)  (2, 3)",
        "n2 = sum(n1)  (1, 1)",
        "n3 = reshape(n2)  ()",
    ]


def batch_norm(x, scale, bias, eps):
    centred = x - jnp.mean(x, 0, keepdims=True)
    return scale[None] * centred / jnp.sqrt(jnp.mean(centred**2, 0, keepdims=True) + eps) + bias[None]


@pytest.mark.row(55, 126)
@pytest.mark.parametrize("eps", [1e-5, 0.3])
@configurations()
def test_batch_norm_backward(rng, eps):
    torch = pytest.importorskip("torch")
    rows, features = int(rng.integers(3, 8)), int(rng.integers(1, 5))
    gradient, x = rng.standard_normal((rows, features)), 2 + 3 * rng.standard_normal((rows, features))
    scale = rng.uniform(0.5, 2, features)
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, scale, np.zeros(features))]
    torch.nn.functional.batch_norm(tensors[0], None, None, *tensors[1:], training=True, eps=eps).backward(
        torch.tensor(gradient)
    )
    for function in (backprop.batch_norm_backward, backprop.batch_norm_backward_by_graph):
        with jax.enable_x64(True):
            arrays = [jnp.asarray(array) for array in (gradient, x, scale)]
            got = function(*arrays, eps=eps)
            _, pull = jax.vjp(lambda *args: batch_norm(*args, eps), *arrays[1:], jnp.zeros(features))
            want = reference.batch_norm_backward(gradient, x, scale, eps)
            for ours, theirs, tensor, by_hand in zip(got, pull(arrays[0]), tensors, want, strict=True):
                assert_close(ours, theirs, kind="contraction")
                assert_close(ours, tensor.grad.numpy(), kind="contraction")
                assert_close(ours, by_hand, kind="contraction")


@pytest.mark.row(126)
@pytest.mark.parametrize("function", [backprop.batch_norm_backward, backprop.batch_norm_backward_by_graph])
def test_batch_norm_backward_transforms(rng, function):
    rows, features = shape(rng, low=3)
    arrays = [rng.standard_normal((rows, features)), rng.standard_normal((rows, features)), np.ones(features)]

    def by_hand(*arrays):
        return reference.batch_norm_backward(*arrays, 0.1)

    prove(
        lambda *args: function(*args, eps=0.1),
        arrays,
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(55)
def test_a_node_is_written_in_one_short_line():
    """Not its parents: 60 squarings would be 2^60 of them."""
    node = Node(np.ones((6, 3)))
    assert repr(node) == "Node(leaf, shape (6, 3))"
    for _ in range(60):
        node = node * node
    assert repr(node) == "Node(multiply, shape (6, 3))"
