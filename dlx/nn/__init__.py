"""Layers as pure functions of arrays.

NaN and infinity in the inputs go through as in IEEE arithmetic, so that a run that diverges shows it; rates, labels and
other options are refused where their numbers are known.
"""

from dlx.nn.activations import (
    abs_rectifier,
    elu,
    generalised_relu,
    heaviside,
    leaky_relu,
    maxout,
    prelu,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from dlx.nn.attention import additive_scores, attention_weights, dot_product_attention, dot_scores
from dlx.nn.batch_norm import batch_norm, batch_norm_inference, update_running_statistics
from dlx.nn.context_gru import context_gru_cell
from dlx.nn.conv import bilinear_kernel, conv2d, conv_transpose2d
from dlx.nn.dropout import drop_connect, dropout, example_keys
from dlx.nn.embedding import embedding
from dlx.nn.feed_forward import feed_forward
from dlx.nn.feedback import feedback_unroll, prefix_forcing, scheduled_sampling
from dlx.nn.flatten import flatten
from dlx.nn.gated_activations import gelu, silu, squared_relu
from dlx.nn.gradient_flow import gradient_norms_by_time
from dlx.nn.im2col import col2im, conv2d_im2col, im2col
from dlx.nn.initializers import (
    constant,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    mxnet_default,
    normal,
    uniform,
    zeros,
)
from dlx.nn.linear import affine, l1_norm, l2_norm, squared_l2_norm
from dlx.nn.masks import causal_mask, combine_masks, padding_mask
from dlx.nn.multi_head import KeyValueCache, multi_head_attention, project_memory, write_cache
from dlx.nn.named import ACTIVATIONS, INITIALIZERS, get_activation, get_initializer
from dlx.nn.normalisation import layer_norm
from dlx.nn.pooling import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d
from dlx.nn.positional import add_positions, sinusoidal_encoding
from dlx.nn.receptive_field import ReceptiveField, receptive_field
from dlx.nn.recurrent import LSTMState, gru_cell, lstm_cell, rnn_cell
from dlx.nn.recurrent_layers import bidirectional, gru, lstm, rnn, stacked
from dlx.nn.rotary import rotate_positions
from dlx.nn.softmax import log_softmax, logsumexp, one_hot, softmax
from dlx.nn.unpooling import bed_of_nails, max_pool2d_with_switches, max_unpool2d, nearest_unpool2d
from dlx.nn.unroll import sequence_mask, unroll
from dlx.nn.whitening import whitening_kernel

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "KeyValueCache",
    "LSTMState",
    "ReceptiveField",
    "abs_rectifier",
    "add_positions",
    "additive_scores",
    "affine",
    "attention_weights",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_inference",
    "bed_of_nails",
    "bidirectional",
    "bilinear_kernel",
    "causal_mask",
    "col2im",
    "combine_masks",
    "constant",
    "context_gru_cell",
    "conv2d",
    "conv2d_im2col",
    "conv_transpose2d",
    "dot_product_attention",
    "dot_scores",
    "drop_connect",
    "dropout",
    "elu",
    "embedding",
    "example_keys",
    "feed_forward",
    "feedback_unroll",
    "flatten",
    "gelu",
    "generalised_relu",
    "get_activation",
    "get_initializer",
    "global_avg_pool2d",
    "global_max_pool2d",
    "glorot_normal",
    "glorot_uniform",
    "gradient_norms_by_time",
    "gru",
    "gru_cell",
    "he_normal",
    "he_uniform",
    "heaviside",
    "im2col",
    "l1_norm",
    "l2_norm",
    "layer_norm",
    "leaky_relu",
    "lecun_normal",
    "log_softmax",
    "logsumexp",
    "lstm",
    "lstm_cell",
    "max_pool2d",
    "max_pool2d_with_switches",
    "max_unpool2d",
    "maxout",
    "multi_head_attention",
    "mxnet_default",
    "nearest_unpool2d",
    "normal",
    "one_hot",
    "padding_mask",
    "prefix_forcing",
    "prelu",
    "project_memory",
    "receptive_field",
    "relu",
    "rnn",
    "rnn_cell",
    "rotate_positions",
    "scheduled_sampling",
    "sequence_mask",
    "sigmoid",
    "silu",
    "sinusoidal_encoding",
    "softmax",
    "softplus",
    "squared_l2_norm",
    "squared_relu",
    "stacked",
    "tanh",
    "uniform",
    "unroll",
    "update_running_statistics",
    "whitening_kernel",
    "write_cache",
    "zeros",
]
