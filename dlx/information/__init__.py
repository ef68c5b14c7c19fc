"""Information: entropies, divergence and mutual information of distributions, densities and samples."""

from dlx.information.continuous import (
    differential_entropy,
    gaussian_entropy,
    gaussian_kl_divergence,
    gaussian_mutual_information,
    multivariate_gaussian_entropy,
    uniform_entropy,
)
from dlx.information.entropy import (
    conditional_entropy,
    cross_entropy,
    entropy,
    joint_entropy,
    perplexity,
    self_information,
)
from dlx.information.estimators import (
    empirical_distribution,
    empirical_joint,
    entropy_from_samples,
    knn_mutual_information,
    mutual_information_from_samples,
)
from dlx.information.mutual import kl_divergence, mutual_information, pointwise_mutual_information

__all__ = [
    "conditional_entropy",
    "cross_entropy",
    "differential_entropy",
    "empirical_distribution",
    "empirical_joint",
    "entropy",
    "entropy_from_samples",
    "gaussian_entropy",
    "gaussian_kl_divergence",
    "gaussian_mutual_information",
    "joint_entropy",
    "kl_divergence",
    "knn_mutual_information",
    "multivariate_gaussian_entropy",
    "mutual_information",
    "mutual_information_from_samples",
    "perplexity",
    "pointwise_mutual_information",
    "self_information",
    "uniform_entropy",
]
