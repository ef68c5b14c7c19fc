"""BRIEF: binary descriptors from comparisons of pairs of pixels, packed into words, and their Hamming distance."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Integer, Key, UInt32

from dlx.checks import check_count
from dlx.image._images import Image, check_odd, grey
from dlx.image.filters import gaussian_filter

__all__ = ["brief_descriptor", "brief_pairs", "hamming_distances", "pack_bits"]

WORD = 32


def brief_pairs(key: Key[Array, ""], *, bits: int = 256, size: int = 31) -> Int[Array, "bits 2 2"]:
    """The pairs of pixels that BRIEF compares, drawn once for all points and all images.

        p, q ~ N(0, size^2 / 25) in each coordinate, independent, cut at the patch's edge      (the paper's G II)

    Descriptors can be compared only if they come of the same pairs, that is of the same key. A pair of one pixel
    twice, which would say nothing, is drawn with its second x moved by one.

    Args:
      key: of the draw; it fixes the descriptor.
      bits: number of pairs, a multiple of 32.
      size: side of the square patch in pixels, odd.
    Returns: (bits, 2, 2) offsets (x, y) of p and of q from the point, int32.
    Raises: ValueError if `bits` is not a positive multiple of 32 or `size` not odd and at least 3.
    Source: Calonder et al. 2010, section 3.2; notes 001 section 14.
    """
    check_count("bits", bits)
    if bits % WORD:
        raise ValueError(f"bits: got {bits}, wanted a multiple of {WORD}, the bits of a word")
    check_odd("size", size)
    if size < 3:
        raise ValueError(f"size: got {size}, wanted at least 3")
    radius = size // 2
    drawn = jnp.round(size / 5 * jax.random.normal(key, (bits, 2, 2)))
    pairs = jnp.clip(drawn, -radius, radius).astype(jnp.int32)
    same = jnp.all(pairs[:, 0] == pairs[:, 1], axis=-1)
    x = pairs[:, 1, 0]
    return pairs.at[:, 1, 0].set(jnp.where(same, jnp.where(x < radius, x + 1, x - 1), x))


def brief_descriptor(
    image: Image,
    points: Float[Array | np.ndarray, "points 2"],
    pairs: Integer[Array | np.ndarray, "bits 2 2"],
    *,
    sigma: float = 2.0,
) -> UInt32[Array, "points words"]:
    """BRIEF descriptors: which of two smoothed pixels is brighter, for each pair.

        tau_i = 1 if h(p_i) > h(q_i), else 0,    descriptor = sum_i 2^i tau_i

    As the notes have it; the paper's test is h(p) < h(q), the same with p and q exchanged. A point is taken at its
    nearest pixel. Follows shifts and changes of brightness; neither rotations nor changes of scale.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
      pairs: (bits, 2, 2) of `brief_pairs`, the same for all images that are to be matched.
      sigma: of the Gaussian before the comparison; single pixels are too noisy. 0: none.
    Returns: (points, bits / 32) words; bit i of the descriptor is bit i % 32 of word i // 32. Pixels outside are those
      of the border: mask the points that `inside_image` with a margin of half the patch refuses.
    Raises: ValueError if a shape is wrong, the number of pairs is no multiple of 32, or the image is smaller than the
      Gaussian's kernel; TypeError if the image's dtype is none of an image.
    Source: Calonder et al. 2010; notes 001 section 14.
    """
    pairs = jnp.asarray(pairs)
    if pairs.ndim != 3 or pairs.shape[1:] != (2, 2) or pairs.shape[0] % WORD or not pairs.shape[0]:
        raise ValueError(f"pairs: got shape {pairs.shape}, wanted (bits, 2, 2) with a multiple of {WORD} bits")
    values = grey(image)
    # OpenCV and the paper's authors smooth with a 9x9 window
    smooth = gaussian_filter(values, sigma=sigma, truncate=2.0) if sigma else values
    height, width = smooth.shape
    # a point that is NaN or far outside must not become a wild number
    limited = jnp.clip(jnp.nan_to_num(jnp.asarray(points)), -1e6, 1e6)
    centre = jnp.round(limited).astype(jnp.int32)
    count, bits = centre.shape[0], pairs.shape[0]
    places = jnp.broadcast_to(centre[:, None, None], (count, bits, 2, 2))
    places = places + jnp.broadcast_to(pairs.astype(jnp.int32)[None], (count, bits, 2, 2))
    x, y = jnp.clip(places[..., 0], 0, width - 1), jnp.clip(places[..., 1], 0, height - 1)
    seen = smooth.ravel().at[y * width + x].get(mode="promise_in_bounds")
    return pack_bits(seen[..., 0] > seen[..., 1])


def pack_bits(bits: Bool[Array | np.ndarray, "*rows bits"]) -> UInt32[Array, "*rows words"]:
    """Bits packed into words of 32.

        word_w = sum_{i < 32} 2^i bit_{32 w + i}

    Args:
      bits: (..., bits), a multiple of 32 of them.
    Returns: (..., bits / 32) uint32.
    Raises: ValueError if the number of bits is no multiple of 32.
    Source: notes 001 section 14, BRIEF.
    """
    bits = jnp.asarray(bits)
    *rows, count = bits.shape
    if count % WORD or not count:
        raise ValueError(f"bits: got {count}, wanted a multiple of {WORD}, the bits of a word")
    split = bits.reshape(*rows, count // WORD, WORD).astype(jnp.uint32)
    shifts = jnp.broadcast_to(jnp.arange(WORD, dtype=jnp.uint32), split.shape)
    return jnp.sum(split << shifts, axis=-1, dtype=jnp.uint32)


def hamming_distances(
    first: UInt32[Array | np.ndarray, "first words"], second: UInt32[Array | np.ndarray, "second words"]
) -> Int[Array, "first second"]:
    """Hamming distances between all pairs of rows of packed bits.

        d_ij = popcount(a_i XOR b_j)

    Args:
      first: (first, words) a, uint32.
      second: (second, words) b, uint32.
    Returns: (first, second) numbers of bits that differ, int32.
    Raises: ValueError if the numbers of words differ; TypeError if a dtype is not uint32.
    Source: Calonder et al. 2010; notes 001 section 14.
    """
    for name, value in (("first", first), ("second", second)):
        if jnp.result_type(value) != jnp.uint32:
            raise TypeError(f"{name}: got dtype {jnp.result_type(value)}, wanted uint32, words of packed bits")
    first, second = jnp.asarray(first), jnp.asarray(second)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"second: got shape {second.shape} for first of shape {first.shape}, wanted (first, words) and"
            " (second, words) with as many words"
        )
    # word after word: no array of (first, second, words)
    total = jnp.zeros((first.shape[0], second.shape[0]), jnp.int32)
    for word in range(first.shape[1]):
        one = jnp.broadcast_to(first[:, word, None], total.shape) ^ jnp.broadcast_to(second[None, :, word], total.shape)
        total = total + jax.lax.population_count(one).astype(jnp.int32)
    return total
