"""What is compared with what, and the goals."""

from benchmarks.cases_convnets import CONVNETS
from benchmarks.kinds import Case, Comparison
from benchmarks.measure import Side

__all__ = ["CASES", "Case", "Comparison"]

FIT, BARE, TORCH = "benchmarks.sides_dlx:fit", "benchmarks.sides_dlx:bare", "benchmarks.sides_torch:train"


def _one_model(optimizer: str, goal: float) -> Case:
    options = {"optimizer": optimizer}
    fused = Side("PyTorch fused", TORCH, {**options, "fused": True})
    more = Comparison(f"fit against fused {optimizer} of PyTorch", "fit", "PyTorch fused")
    return Case(
        f"MLP 784-256-10, batch 128, {optimizer}: `fit` with shuffling, metrics, log and console",
        (Side("fit", FIT, options), Side("PyTorch", TORCH, options), fused),
        (Comparison("fit against PyTorch, examples a second", "fit", "PyTorch", goal=goal), more),
    )


def _overhead(optimizer: str) -> Case:
    options = {"optimizer": optimizer}
    return Case(
        f"What the engine costs, MLP 784-256-10, batch 128, {optimizer}: `fit` against a bare compiled loop",
        (
            Side("bare loop", BARE, options),
            Side("fit", FIT, options),
            Side("fit, log_every 468", FIT, {**options, "log_every": 468}),
            Side("fit with evaluation", FIT, {**options, "evaluate_every": 468}),
        ),
        (
            Comparison("fit, a moment every 100 steps", "fit", "bare loop", "overhead", 0.03),
            Comparison("fit, a moment every 468 steps", "fit, log_every 468", "bare loop", "overhead", 0.03),
            Comparison("fit, and 10,000 evaluated every 468 steps", "fit with evaluation", "bare loop", "overhead"),
        ),
    )  # fmt: skip


def _many_seeds(batch_size: int, steps: int, goal: float) -> Case:
    options = {"batch_size": batch_size, "seeds": 16, "steps": steps}
    peer = "PyTorch, one after the other"
    sides = (
        Side("pmap", FIT, {**options, "devices": 2, "parallel": "pmap"}),
        Side("shard_map", FIT, {**options, "devices": 2, "parallel": "shard_map"}),
        Side("lax.map", FIT, {**options, "each": "map"}),
        Side("vmap", FIT, {**options, "each": "vmap"}),
        Side(peer, TORCH, {"batch_size": batch_size, "models": 16, "steps": steps}),
    )
    rows = (
        Comparison("2 devices, pmap, lax.map in each", "pmap", peer, goal=goal, modes=("2t",)),
        Comparison("2 devices, shard_map, lax.map in each", "shard_map", peer),
        Comparison("1 device, lax.map", "lax.map", peer),
        Comparison("1 device, vmap", "vmap", peer),
    )
    return Case(f"16 MLPs 784-256-10 at once, sgd, batch {batch_size}", sides, rows)


def _checkpoint() -> Case:
    # 784-1000-250-10: 1,037,760 parameters, with Adam's moments 12.5 MB
    options = {"optimizer": "adam", "hidden": (1000, 250), "steps": 300}
    return Case(
        "A checkpoint of a 1M-parameter Adam state (12.5 MB) every 100 steps",
        (Side("without", FIT, options), Side("with", FIT, {**options, "checkpoint_every": 100})),
        (
            Comparison("ms that the loop waits for a checkpoint", "with", "without", "inside", 5.0, ("2t",)),
            Comparison("ms in all, the writing thread's share of the processors included", "with", "without", "extra"),
        ),
        events=3,
    )


def _accelerator(seeds: int) -> Case:
    options = {"optimizer": "adam", "seeds": seeds, "steps": 468, "log_every": 117}
    kinds = ("jit", "shard_map", "pmap")
    sides = tuple(Side(kind, FIT, {**options, "parallel": kind}) for kind in kinds)
    # one after the other, a model takes as long as a lone one
    torch = {"optimizer": "adam", "fused": True, "steps": 468, "device": "cuda"}
    return Case(
        f"An epoch of MNIST's shape (MLP, adam, batch 128), seeds at once: {seeds}",
        (*sides, Side("PyTorch, one model", TORCH, torch)),
        tuple(Comparison(f"{kind}, all seeds together", kind, "PyTorch, one model") for kind in kinds),
        modes=("accelerator",),
    )


def _by_hand() -> Case:
    step = "benchmarks.sides_linear:gradient_step"
    return Case(
        "A gradient by hand, `dlx.backprop.backpropagation`, in SGD steps of an MLP 784-256-10, batch 128",
        (Side("by hand", step, {"how": "hand"}), Side("jax.grad", step, {"how": "autodiff"})),
        (Comparison("by hand against jax.grad", "by hand", "jax.grad", goal=0.9),),
    )


def _linear_model(model: str, what: str) -> Case:
    side = "benchmarks.sides_linear:fit_"
    return Case(
        f"Fits of {what}, to the same cost (1 example = 1 fit)",
        (Side("dlx", f"{side}dlx", {"model": model}), Side("scikit-learn", f"{side}sklearn", {"model": model})),
        (Comparison("dlx against scikit-learn", "dlx", "scikit-learn"),),
        modes=("1t",),
    )


def _image(operation: str, what: str, against: dict[str, float | None], batch: int = 0) -> Case:
    options = {"operation": operation, **({"batch": batch} if batch else {})}
    peers = tuple(Side(library, "benchmarks.sides_image:peer", {**options, "library": library}) for library in against)
    return Case(
        f"{what}{f', {batch} images by vmap' if batch else ''} (1 example = 1 image or call)",
        (Side("dlx", "benchmarks.sides_image:dlx", options), *peers),
        tuple(Comparison(f"dlx against {library}", "dlx", library, goal=goal) for library, goal in against.items()),
    )


def _recurrent(cell: str, what: str, goal: float | None) -> Case:
    module = "benchmarks.sides_recurrent"
    return Case(
        f"{what} language model, 256 units, 35 steps, batch 32, SGD with clipping (1 example = 1 step)",
        (
            Side("dlx", f"{module}:ours", {"cell": cell}),
            Side("dlx, jax.grad", f"{module}:ours", {"cell": cell, "backward": "automatic"}),
            Side("PyTorch", f"{module}:torch", {"cell": cell}),
        ),
        (
            Comparison("backward by hand against PyTorch", "dlx", "PyTorch", goal=goal),
            Comparison("backward by jax.grad against PyTorch", "dlx, jax.grad", "PyTorch"),
        ),
    )


def _transformer(activation: str, what: str, goal: float | None) -> Case:
    module, options = "benchmarks.sides_transformer", {"activation": activation}
    return Case(
        f"Transformer encoder, {what}, 256 features, 4 heads, 4 layers, 128 x 16 tokens, Adam (1 example = 1 step)",
        (
            Side("dlx", f"{module}:ours", options),
            Side("dlx, 2 devices", f"{module}:ours", {**options, "devices": 2}),
            Side("PyTorch", f"{module}:torch", options),
        ),
        (
            Comparison("dlx against nn.TransformerEncoder", "dlx", "PyTorch", goal=goal),
            Comparison("dlx on 2 devices (pmap) against nn.TransformerEncoder", "dlx, 2 devices", "PyTorch"),
        ),
    )


def _decoding() -> Case:
    side = "benchmarks.sides_transformer:decode"
    return Case(
        "Decoding by a Transformer, beam of 4, 256 tokens, one compiled call (1 example = 1 token)",
        (
            Side("cached", side, {"cached": True, "repeats": 5}),
            Side("uncached", side, {"cached": False}),
        ),
        (Comparison("with a cache of keys and values against without", "cached", "uncached", goal=5.0),),
    )


# operation: (what, goals against scikit-image and OpenCV on one image, against OpenCV on a batch)
_SKIMAGE, _OPENCV = "scikit-image", "OpenCV"
_IMAGES: dict[str, tuple[str, dict[str, float | None]]] = {
    "gaussian": ("Gaussian filter, sigma 2, 512x512", {_SKIMAGE: 5.0, _OPENCV: 0.5}),
    "sobel": ("Sobel gradient magnitude, 512x512", {_SKIMAGE: 5.0, _OPENCV: 0.5}),
    "average": ("Average filter 5x5, 512x512 (SciPy for scikit-image)", {_SKIMAGE: None, _OPENCV: 0.5}),
    "median 3x3": ("Median filter 3x3, 512x512", {_SKIMAGE: None, _OPENCV: None}),
    "median 5x5": ("Median filter 5x5, 512x512", {_SKIMAGE: None, _OPENCV: None}),
    "harris": ("Harris response, 512x512", {_SKIMAGE: 5.0, _OPENCV: 0.5}),
    "canny": ("Canny, 512x512", {_SKIMAGE: 3.0, _OPENCV: None}),
    "hog": ("HOG, 512x512, 9 bins, 8x8 cells, 2x2 blocks", {_SKIMAGE: 3.0}),
    "sift": ("SIFT, 512x512, 1,000 keypoints", {_SKIMAGE: None, _OPENCV: 0.3}),
    "hough lines": ("Hough transform of lines, 512x512", {_SKIMAGE: None, _OPENCV: None}),
    "gaussian pyramid": ("Gaussian pyramid, 5 levels of 512x512", {_OPENCV: None}),
    "matching": ("Matching 1,000 x 1,000 descriptors of 128 floats, ratio and mutual", {_SKIMAGE: None, _OPENCV: None}),
    "hamming": ("Matching 1,000 x 1,000 descriptors of 256 bits, mutual", {_SKIMAGE: None, _OPENCV: None}),
    "brief": ("BRIEF of 1,000 points, 512x512", {_SKIMAGE: None}),
    "homography": ("RANSAC of a homography, 1,000 pairs, 45 % outliers", {_SKIMAGE: None, _OPENCV: None}),
    "flow of points": ("Pyramidal Lucas-Kanade of 200 points, 512x512", {_OPENCV: None}),
    "dense flow": ("Dense pyramidal Lucas-Kanade, 512x512 (scikit-image: optical_flow_ilk)", {_SKIMAGE: None}),
    "horn-schunck": ("Horn-Schunck from coarse to fine, 512x512 (scikit-image: optical_flow_tvl1)", {_SKIMAGE: None}),
}
_BATCHES = ("gaussian", "sobel", "harris", "canny", "hog")


def _images() -> dict[str, Case]:
    cases = {f"image_{name.replace(' ', '_')}": _image(name, *found) for name, found in _IMAGES.items()}
    for name in _BATCHES:
        what, against = _IMAGES[name]
        goals = {library: 1.0 if library == _OPENCV and name != "canny" else None for library in against}
        cases[f"image_{name}_batch"] = _image(name, what, goals, batch=16)
    return cases


def _product() -> Case:
    return Case(
        "The machine: float32 products of 2048 x 2048 matrices, which bound the rest (1 example = 1,000 operations)",
        (Side("JAX", "benchmarks.sides_dlx:product"), Side("PyTorch", "benchmarks.sides_torch:product")),
        (Comparison("JAX against PyTorch", "JAX", "PyTorch"),),
    )


CASES: dict[str, Case] = {
    "product": _product(),
    "sgd": _one_model("sgd", 1.4),
    "adam": _one_model("adam", 1.7),
    "overhead_sgd": _overhead("sgd"),
    "overhead_adam": _overhead("adam"),
    "seeds_128": _many_seeds(128, 100, 1.6),
    "seeds_16": _many_seeds(16, 400, 4.0),
    "checkpoint": _checkpoint(),
    "by_hand": _by_hand(),
    "ridge": _linear_model("ridge", "ridge regression, diabetes"),
    "lasso": _linear_model("lasso", "lasso, diabetes"),
    "logistic": _linear_model("logistic", "logistic regression, breast cancer"),
    "softmax": _linear_model("softmax", "softmax regression, digits"),
    "svm": _linear_model("svm", "a linear SVM, breast cancer"),
    **CONVNETS,
    **_images(),
    "lstm": _recurrent("lstm", "LSTM", 0.8),
    "gru": _recurrent("gru", "GRU, reset after,", 1.0),
    "rnn": _recurrent("rnn", "Plain recurrent", None),
    "transformer": _transformer("relu", "ReLU", 1.0),
    "transformer_gelu": _transformer("gelu", "GELU", 1.0),
    "decoding": _decoding(),
    **{f"epoch_{seeds}_seeds": _accelerator(seeds) for seeds in (1, 8, 64, 512)},
}
