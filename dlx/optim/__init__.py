"""Optimizers, penalties, clipping and groups as optax transformations; schedules; descent on known functions."""

from dlx.optim.adam import AdamState, adam, adamw
from dlx.optim.adaptive import AdadeltaState, AdagradState, RmspropState, adadelta, adagrad, rmsprop
from dlx.optim.clipping import clip_by_global_norm, clip_by_value, global_norm
from dlx.optim.conjugate_gradient import ConjugateGradient, conjugate_gradient
from dlx.optim.create import create
from dlx.optim.gradient_descent import best_restart, gradient_descent, nonlinear_conjugate_gradient, steepest_descent
from dlx.optim.groups import GroupsState, groups
from dlx.optim.line_search import LineSearch, armijo, wolfe_conditions
from dlx.optim.regularisation import weight_decay
from dlx.optim.sampling import minibatch_gradient, sample_minibatch
from dlx.optim.schedules import (
    constant_schedule,
    cosine_schedule,
    exponential_schedule,
    inverse_time_schedule,
    join_schedules,
    one_cycle_schedule,
    polynomial_schedule,
    step_schedule,
    warmup_schedule,
)
from dlx.optim.sgd import MomentumState, SgdState, momentum, nesterov, sgd

__all__ = [
    "AdadeltaState",
    "AdagradState",
    "AdamState",
    "ConjugateGradient",
    "GroupsState",
    "LineSearch",
    "MomentumState",
    "RmspropState",
    "SgdState",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "armijo",
    "best_restart",
    "clip_by_global_norm",
    "clip_by_value",
    "conjugate_gradient",
    "constant_schedule",
    "cosine_schedule",
    "create",
    "exponential_schedule",
    "global_norm",
    "gradient_descent",
    "groups",
    "inverse_time_schedule",
    "join_schedules",
    "minibatch_gradient",
    "momentum",
    "nesterov",
    "nonlinear_conjugate_gradient",
    "one_cycle_schedule",
    "polynomial_schedule",
    "rmsprop",
    "sample_minibatch",
    "sgd",
    "steepest_descent",
    "step_schedule",
    "warmup_schedule",
    "weight_decay",
    "wolfe_conditions",
]
