"""Classical computer vision as pure functions of images."""

from dlx.image._images import to_float
from dlx.image.colour import cmy_to_rgb, cmyk_to_rgb, hsv_to_rgb, rgb_to_cmy, rgb_to_cmyk, rgb_to_grey, rgb_to_hsv
from dlx.image.compositing import alpha_blend, alpha_over
from dlx.image.derivatives import (
    backward_difference,
    central_difference,
    forward_difference,
    gradient,
    gradient_angle,
    gradient_magnitude,
    prewitt_x,
    prewitt_y,
    sobel_x,
    sobel_y,
)
from dlx.image.filters import average_filter, filter2d, gaussian_filter, high_pass, median_filter, sharpen
from dlx.image.flow import angular_error, end_point_error, flow_constraint, flow_derivatives
from dlx.image.flow_colours import flow_colours
from dlx.image.horn_schunck import flow_energy, horn_schunck, neighbour_mean, pyramid_horn_schunck
from dlx.image.kernels import average_kernel, gaussian_kernel, high_frequency_kernel, identity_kernel, sharpen_kernel
from dlx.image.keypoints import Keypoints, local_peaks
from dlx.image.klt import Tracks, klt_track, trackable_points
from dlx.image.lens import lens_focal_length, lens_image_distance, lens_magnification, lens_object_distance
from dlx.image.lucas_kanade import LucasKanade, lucas_kanade
from dlx.image.pyramid_lucas_kanade import TrackedPoints, pyramid_lucas_kanade, track_points
from dlx.image.response import impulse_response, linearity_deviation, shift_deviation
from dlx.image.sampling import bilinear_sample, resize_bilinear, warp
from dlx.image.sensor import bayer_mosaic, demosaic, dequantise, quantise

__all__ = [
    "Keypoints",
    "LucasKanade",
    "TrackedPoints",
    "Tracks",
    "alpha_blend",
    "alpha_over",
    "angular_error",
    "average_filter",
    "average_kernel",
    "backward_difference",
    "bayer_mosaic",
    "bilinear_sample",
    "central_difference",
    "cmy_to_rgb",
    "cmyk_to_rgb",
    "demosaic",
    "dequantise",
    "end_point_error",
    "filter2d",
    "flow_colours",
    "flow_constraint",
    "flow_derivatives",
    "flow_energy",
    "forward_difference",
    "gaussian_filter",
    "gaussian_kernel",
    "gradient",
    "gradient_angle",
    "gradient_magnitude",
    "high_frequency_kernel",
    "high_pass",
    "horn_schunck",
    "hsv_to_rgb",
    "identity_kernel",
    "impulse_response",
    "klt_track",
    "lens_focal_length",
    "lens_image_distance",
    "lens_magnification",
    "lens_object_distance",
    "linearity_deviation",
    "local_peaks",
    "lucas_kanade",
    "median_filter",
    "neighbour_mean",
    "prewitt_x",
    "prewitt_y",
    "pyramid_horn_schunck",
    "pyramid_lucas_kanade",
    "quantise",
    "resize_bilinear",
    "rgb_to_cmy",
    "rgb_to_cmyk",
    "rgb_to_grey",
    "rgb_to_hsv",
    "sharpen",
    "sharpen_kernel",
    "shift_deviation",
    "sobel_x",
    "sobel_y",
    "to_float",
    "track_points",
    "trackable_points",
    "warp",
]
