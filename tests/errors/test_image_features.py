"""What corners, scale space and SIFT of dlx.image say when they are called wrongly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im

PICTURE, SMALL, BATCH = jnp.ones((40, 40)), jnp.ones((6, 6)), jnp.ones((2, 40, 40))
STACKS = (jnp.ones((6, 32, 32)),)
CASES = [
    (lambda: im.local_peaks(BATCH), ValueError, r"response: got shape \(2, 40, 40\)"),
    (lambda: im.local_peaks(PICTURE, count=0), ValueError, "count: got 0"),
    (lambda: im.local_peaks(PICTURE, radius=0), ValueError, "radius: got 0"),
    (lambda: im.local_peaks(np.ones((4, 4), int)), TypeError, "response: got dtype"),
    (lambda: im.shift_energy(PICTURE, jnp.ones(3)), ValueError, r"shift: got shape \(3,\), wanted \(2,\)"),
    (lambda: im.structure_tensor(BATCH), ValueError, r"image: got shape \(2, 40, 40\)"),
    (lambda: im.structure_tensor(PICTURE, sigma=0.0), ValueError, "sigma: got 0.0"),
    (lambda: im.structure_tensor(PICTURE, window="bx"), ValueError, "window: got 'bx'"),
    (lambda: im.structure_tensor(PICTURE, window="box", size=4), ValueError, "size: got 4"),
    (lambda: im.tensor_eigenvalues(PICTURE), ValueError, r"tensor: got shape \(40, 40\)"),
    (lambda: im.harris(PICTURE, k=0.3), ValueError, "k: got 0.3"),
    (lambda: im.noble(PICTURE, eps=0.0), ValueError, "eps: got 0.0"),
    (lambda: im.structure_tensor(PICTURE, size=5), ValueError, 'size: got 5 with the Gaussian .* or window="box"'),
    (lambda: im.harris(PICTURE, window="gaussian", size=3), ValueError, "size: got 3 with the Gaussian window"),
    (lambda: im.shi_tomasi(PICTURE, size=3), ValueError, "size: got 3 with the Gaussian window"),
    (lambda: im.shift_energy(PICTURE, jnp.ones(2), size=3), ValueError, "size: got 3 with the Gaussian window"),
    (lambda: jax.jit(im.harris)(PICTURE, sigma=2.0), TypeError, "sigma: got an array, .* make sigma static"),
    (lambda: im.gaussian_pyramid(SMALL, levels=99), ValueError, r"levels: got 99 .* \(6, 6\), wanted 1 to 3"),
    (lambda: im.laplacian_pyramid(SMALL, levels=4), ValueError, r"levels: got 4 .* \(6, 6\), wanted 1 to 3"),
    (lambda: im.laplacian_pyramid(PICTURE, levels=0), ValueError, "levels: got 0"),
    (lambda: im.pyramid_up(PICTURE, shape=(81, 80)), ValueError, "shape: got"),
    (lambda: im.reconstruct_from_laplacian([]), ValueError, "pyramid: got no levels"),
    (lambda: im.laplacian_of_gaussian(PICTURE, sigma=-1.0), ValueError, "sigma: got -1.0"),
    (lambda: im.laplacian_of_gaussian_kernel(sigma=0.0), ValueError, "sigma: got 0.0"),
    (lambda: im.difference_of_gaussians(PICTURE, sigma=1.0, ratio=1.0), ValueError, "ratio: got 1.0"),
    (lambda: im.scale_space_extrema(PICTURE), ValueError, r"responses: got shape \(40, 40\)"),
    (lambda: im.scale_space_extrema(BATCH), ValueError, "responses: got 2 scales"),
    (lambda: im.scale_space_extrema(BATCH, variant="seed"), ValueError, "variant: got 'seed'"),
    (lambda: im.blobs(PICTURE, sigmas=(3.0, 2.0, 1.0)), ValueError, "sigmas: got"),
    (lambda: im.blobs(SMALL), ValueError, "image: got shape"),
    (lambda: im.scale_adapted_harris(PICTURE, sigmas=(1.0, 2.0)), ValueError, "sigmas: got"),
    (lambda: im.scale_normalised_tensor(PICTURE, ratio=0.0), ValueError, "ratio: got 0.0"),
    (lambda: im.refine_extremum(PICTURE), ValueError, r"patch: got shape \(40, 40\)"),
    (lambda: im.sift(BATCH), ValueError, r"image: got shape \(2, 40, 40\)"),
    (lambda: im.sift(SMALL), ValueError, r"image: got shape \(6, 6\), wanted at least 16 pixels"),
    (lambda: im.sift(PICTURE, count=0), ValueError, "count: got 0"),
    (lambda: im.sift(PICTURE, sigma=0.5), ValueError, "sigma: got 0.5"),
    (lambda: im.sift(np.ones((40, 40), int)), TypeError, "image: got dtype int"),
    (lambda: im.sift_scale_space(PICTURE, octaves=9), ValueError, "image: got shape .* last of 9 octaves"),
    (lambda: im.sift_keypoints(()), ValueError, "octaves: got none"),
    (lambda: im.sift_keypoints((PICTURE,)), ValueError, r"octaves: got shape \(40, 40\)"),
    (lambda: im.sift_keypoints(STACKS, edge_threshold=0.5), ValueError, "edge_threshold: got 0.5"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=range(len(CASES)))
def test_message(call, error, message):
    with pytest.raises(error, match=message):
        call()
