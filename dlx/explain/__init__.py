"""Why a network answers what it answers: gradients, occlusion, class activation maps."""

from dlx.explain.class_activation import class_activation_map, grad_cam
from dlx.explain.gradients import (
    guided_backpropagation,
    input_gradient,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from dlx.explain.occlusion import occlusion
from dlx.explain.pointing import pointing_game
from dlx.explain.rectifiers import deconvolution_relu, guided_relu
from dlx.explain.sanity import randomised, rank_correlation, weight_randomisation
from dlx.explain.views import activation_view, filter_view, overlay, resize_maps

__all__ = [
    "activation_view",
    "class_activation_map",
    "deconvolution_relu",
    "filter_view",
    "grad_cam",
    "guided_backpropagation",
    "guided_relu",
    "input_gradient",
    "integrated_gradients",
    "occlusion",
    "overlay",
    "pointing_game",
    "randomised",
    "rank_correlation",
    "resize_maps",
    "saliency",
    "smooth_grad",
    "weight_randomisation",
]
