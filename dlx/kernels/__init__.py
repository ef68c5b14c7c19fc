"""Kernel machines: Gram matrices, kernel ridge regression, the support vector machine, the kernel perceptron."""

from dlx.kernels.gram import centre, linear, polynomial, quadratic_features, rbf
from dlx.kernels.perceptron import KernelPerceptronFit, kernel_perceptron
from dlx.kernels.regression import kernel_predict, kernel_ridge
from dlx.kernels.svm import KernelSVM, kernel_svm

__all__ = [
    "KernelPerceptronFit",
    "KernelSVM",
    "centre",
    "kernel_perceptron",
    "kernel_predict",
    "kernel_ridge",
    "kernel_svm",
    "linear",
    "polynomial",
    "quadratic_features",
    "rbf",
]
