"""The mathematics under the course: products, geometry, convolution, variations, and what networks can represent."""

from dlx.foundations.approximation import bump_network, staircase_network
from dlx.foundations.averaging import exponential_moving_average, exponential_weights
from dlx.foundations.boolean import boolean_inputs, boolean_network, parity_table
from dlx.foundations.composition import compose, layer, mlp
from dlx.foundations.convolution import convolve
from dlx.foundations.geometry import (
    angle,
    cosine_distance,
    cosine_similarity,
    cross_product,
    dot_product,
    linear_combination,
    mirror_matrix,
    projection,
    rotation_matrix,
    scaling_matrix,
)
from dlx.foundations.laplacian import discrete_laplacian, laplacian
from dlx.foundations.manifold import components_for_fraction, participation_ratio, principal_variances
from dlx.foundations.products import batched_matmul, product_by_columns, product_by_outer_products, product_by_rows
from dlx.foundations.shifts import equivariance_deviation, invariance_deviation, shift
from dlx.foundations.variational import action, euler_lagrange_residual

__all__ = [
    "action",
    "angle",
    "batched_matmul",
    "boolean_inputs",
    "boolean_network",
    "bump_network",
    "components_for_fraction",
    "compose",
    "convolve",
    "cosine_distance",
    "cosine_similarity",
    "cross_product",
    "discrete_laplacian",
    "dot_product",
    "equivariance_deviation",
    "euler_lagrange_residual",
    "exponential_moving_average",
    "exponential_weights",
    "invariance_deviation",
    "laplacian",
    "layer",
    "linear_combination",
    "mirror_matrix",
    "mlp",
    "parity_table",
    "participation_ratio",
    "principal_variances",
    "product_by_columns",
    "product_by_outer_products",
    "product_by_rows",
    "projection",
    "rotation_matrix",
    "scaling_matrix",
    "shift",
    "staircase_network",
]
