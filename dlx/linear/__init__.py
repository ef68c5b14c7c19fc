"""Linear models: closed forms, iterative solvers, and the choice of a model."""

from dlx.linear.closed_form import least_squares, regularised_cost, ridge
from dlx.linear.gradient_descent import gradient_step, minibatch_sgd, squared_error_gradient
from dlx.linear.likelihood import bernoulli_probability, gaussian_negative_log_likelihood
from dlx.linear.logistic import logistic_regression, softmax_regression
from dlx.linear.params import LinearParams, Solution, classify, decision_function, hyperplane_side, signed_distance
from dlx.linear.rosenblatt import PerceptronFit, novikoff_bound, perceptron, perceptron_output, perceptron_step
from dlx.linear.selection import (
    CapacityCurve,
    EarlyStopping,
    capacity_sweep,
    cross_validate,
    early_stopping,
    fold_indices,
    polynomial_features,
)
from dlx.linear.sparse import lasso, soft_threshold
from dlx.linear.svm import linear_svm, one_vs_all

__all__ = [
    "CapacityCurve",
    "EarlyStopping",
    "LinearParams",
    "PerceptronFit",
    "Solution",
    "bernoulli_probability",
    "capacity_sweep",
    "classify",
    "cross_validate",
    "decision_function",
    "early_stopping",
    "fold_indices",
    "gaussian_negative_log_likelihood",
    "gradient_step",
    "hyperplane_side",
    "lasso",
    "least_squares",
    "linear_svm",
    "logistic_regression",
    "minibatch_sgd",
    "novikoff_bound",
    "one_vs_all",
    "perceptron",
    "perceptron_output",
    "perceptron_step",
    "polynomial_features",
    "regularised_cost",
    "ridge",
    "signed_distance",
    "soft_threshold",
    "softmax_regression",
    "squared_error_gradient",
]
