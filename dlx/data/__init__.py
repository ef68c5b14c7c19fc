"""Named data sets -> arrays, generators, preprocessing, minibatches. Imports NumPy only; the rest when it is used."""

import importlib
from typing import TYPE_CHECKING, Any

from dlx.data.batching import batches, epoch_order, fixed_order, hold_out, stratified
from dlx.data.cache import cache_folder
from dlx.data.canvas import digits_on_canvas
from dlx.data.cards import Card, Dataset, Split
from dlx.data.checks import check
from dlx.data.decode import decode_cifar10, decode_idx, read_idx
from dlx.data.decode_images import decode_flow, decode_image, encode_flow
from dlx.data.generate import blobs, circles, linear_data, moons, periodic_series, spirals, windows
from dlx.data.images import ImageCard, ImageSet, image_names, load_images
from dlx.data.loading import card, load, names
from dlx.data.preprocess import (
    MinMax,
    OneHotColumns,
    Standardization,
    inverse_min_max,
    min_max,
    min_max_scale,
    one_hot,
    one_hot_columns,
    one_hot_encode,
    prepare,
    standardization,
    standardize,
    unstandardize,
)

if TYPE_CHECKING:
    from dlx.data import augment

__all__ = [
    "Card", "Dataset", "ImageCard", "ImageSet", "MinMax", "OneHotColumns", "Split", "Standardization", "augment",
    "batches", "blobs", "cache_folder", "card", "check", "circles", "decode_cifar10", "decode_flow", "decode_idx",
    "decode_image", "digits_on_canvas", "encode_flow", "epoch_order", "fixed_order", "hold_out", "image_names",
    "inverse_min_max", "linear_data", "load", "load_images", "min_max", "min_max_scale", "moons", "names", "one_hot",
    "one_hot_columns", "one_hot_encode", "periodic_series", "prepare", "read_idx", "spirals", "standardization",
    "standardize", "stratified", "unstandardize", "windows",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # the one part that needs JAX: not before it is used
    if name == "augment":
        return importlib.import_module("dlx.data.augment")
    raise AttributeError(f"module 'dlx.data' has no attribute {name!r}")
