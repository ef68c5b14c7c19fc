"""Back-propagation by hand: rules, the delta recursion, Algorithm 6.4, a tape, and the check of a gradient.

NaN and infinity go through as in IEEE arithmetic, and pass no gradient check; labels, rates and penalties are refused
where their numbers are known.
"""

from dlx.backprop.activations import (
    ACTIVATION_RULES,
    ActivationRule,
    abs_rectifier_backward,
    elu_backward,
    generalised_relu_backward,
    get_activation_rule,
    leaky_relu_backward,
    maxout_backward,
    prelu_backward,
    relu_backward,
    sigmoid_backward,
    softplus_backward,
    tanh_backward,
)
from dlx.backprop.batch_norm import batch_norm_backward, batch_norm_backward_by_graph
from dlx.backprop.bptt import gru_bptt, linear_rnn_bptt, lstm_bptt, tanh_rnn_bptt
from dlx.backprop.check import Coordinate, GradientReport, gradient_check, numerical_gradient, numerical_jacobian
from dlx.backprop.convolution import conv2d_backward, conv_transpose2d_backward
from dlx.backprop.delta import cost, delta_gradients, gradient_descent, gradient_descent_step
from dlx.backprop.graph import graph_gradients, graph_table
from dlx.backprop.layers import affine_backward, column_affine_backward, quadratic_form_backward
from dlx.backprop.loops import loop_forward, loop_gradients
from dlx.backprop.losses import (
    sigmoid_binary_cross_entropy_backward,
    softmax_cross_entropy_backward,
    squared_error_backward,
)
from dlx.backprop.mlp import (
    PENALTIES,
    ForwardPass,
    backpropagation,
    forward_propagation,
    l1_penalty_gradient,
    l2_penalty_gradient,
)
from dlx.backprop.pooling import (
    avg_pool2d_backward,
    global_avg_pool2d_backward,
    global_max_pool2d_backward,
    max_pool2d_backward,
)
from dlx.backprop.softmax import softmax_backward, softmax_jacobian
from dlx.backprop.tape import Node

__all__ = [
    "ACTIVATION_RULES",
    "PENALTIES",
    "ActivationRule",
    "Coordinate",
    "ForwardPass",
    "GradientReport",
    "Node",
    "abs_rectifier_backward",
    "affine_backward",
    "avg_pool2d_backward",
    "backpropagation",
    "batch_norm_backward",
    "batch_norm_backward_by_graph",
    "column_affine_backward",
    "conv2d_backward",
    "conv_transpose2d_backward",
    "cost",
    "delta_gradients",
    "elu_backward",
    "forward_propagation",
    "generalised_relu_backward",
    "get_activation_rule",
    "global_avg_pool2d_backward",
    "global_max_pool2d_backward",
    "gradient_check",
    "gradient_descent",
    "gradient_descent_step",
    "graph_gradients",
    "graph_table",
    "gru_bptt",
    "l1_penalty_gradient",
    "l2_penalty_gradient",
    "leaky_relu_backward",
    "linear_rnn_bptt",
    "loop_forward",
    "loop_gradients",
    "lstm_bptt",
    "max_pool2d_backward",
    "maxout_backward",
    "numerical_gradient",
    "numerical_jacobian",
    "prelu_backward",
    "quadratic_form_backward",
    "relu_backward",
    "sigmoid_backward",
    "sigmoid_binary_cross_entropy_backward",
    "softmax_backward",
    "softmax_cross_entropy_backward",
    "softmax_jacobian",
    "softplus_backward",
    "squared_error_backward",
    "tanh_backward",
    "tanh_rnn_bptt",
]
