"""Named data sets and texts, generators, preprocessing, batches. Imports NumPy only; the rest when it is used."""

import importlib
from typing import TYPE_CHECKING, Any

from dlx.data.batching import batches, epoch_order, fixed_order, hold_out, stratified
from dlx.data.cache import cache_folder
from dlx.data.canvas import digits_on_canvas
from dlx.data.cards import Card, Dataset, Split
from dlx.data.checks import check
from dlx.data.corpora import Corpus, load_corpus
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
from dlx.data.sequences import (
    Padded,
    adjacent_starts,
    bucket_batches,
    grid_blocks,
    next_token_data,
    pad_sequences,
    random_starts,
    translation_data,
)
from dlx.data.subwords import Subwords, train_subwords
from dlx.data.tasks import Task, sequence_task
from dlx.data.text_windows import SequenceWindows
from dlx.data.texts import TextCard, TextSet, load_text, text_names

if TYPE_CHECKING:
    from dlx.data import augment

__all__ = [
    "Card", "Corpus", "Dataset", "ImageCard", "ImageSet", "MinMax", "OneHotColumns", "Padded", "SequenceWindows",
    "Split", "Standardization", "Subwords", "Task", "TextCard", "TextSet", "adjacent_starts", "augment", "batches",
    "blobs", "bucket_batches", "cache_folder", "card", "check", "circles", "decode_cifar10", "decode_flow",
    "decode_idx", "decode_image", "digits_on_canvas", "encode_flow", "epoch_order", "fixed_order", "grid_blocks",
    "hold_out", "image_names", "inverse_min_max", "linear_data", "load", "load_corpus", "load_images", "load_text",
    "min_max", "min_max_scale", "moons", "names", "next_token_data", "one_hot", "one_hot_columns", "one_hot_encode",
    "pad_sequences", "periodic_series", "prepare", "random_starts", "read_idx", "sequence_task", "spirals",
    "standardization", "standardize", "stratified", "text_names", "train_subwords", "translation_data",
    "unstandardize", "windows",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # the one part that needs JAX: not before it is used
    if name == "augment":
        return importlib.import_module("dlx.data.augment")
    raise AttributeError(f"module 'dlx.data' has no attribute {name!r}")
