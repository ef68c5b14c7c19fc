"""Classical computer vision as pure functions of images.

Images: (height, width), or (height, width, 3) where a function is about colour. uint8 and uint16 become float32 in
[0, 1], floating images stay as they are (`to_float`), so that thresholds are for brightness in [0, 1]. Functions of one
channel take colour by `jax.vmap(f, in_axes=-1, out_axes=-1)`, and a batch by `jax.vmap(f)`.

Coordinates: (x, y), column and row, y downwards, the centre of the first pixel at (0, 0); points are (points, 2), a
flow (height, width, 2) of (u, v) along x and y. Arrays are indexed [y, x]. Angles are in radians from the x axis to the
y axis, clockwise as the image is seen; matrices of the plane act on (x, y, 1).

Borders have SciPy's names: "reflect" (d c b a | a b c d | d c b a), "mirror" (d c b | a b c d | c b a), "nearest",
"wrap", "constant". What varies in number (keypoints, matches, peaks) has a fixed length and a mask `valid`.

Compile a pipeline once, `find = jax.jit(functools.partial(sift, count=500))`, and call it on images of one shape. A
call that is not compiled as a whole compiles its pieces one by one, and again for each shape; SIFT takes about 8 s to
compile on a CPU and 0.15 s to run on 512 x 512 pixels. Words, counts and the sizes of kernels, a Gaussian's sigma among
them, are static.
"""

from dlx.image._images import to_float
from dlx.image.brief import brief_descriptor, brief_pairs, hamming_distances, pack_bits
from dlx.image.calibration import Calibration, calibrate_planar, project_distorted
from dlx.image.camera import (
    CameraFit,
    CameraParts,
    calibrate_camera,
    camera_center,
    camera_matrix,
    decompose_camera,
    project_points,
)
from dlx.image.colour import cmy_to_rgb, cmyk_to_rgb, hsv_to_rgb, rgb_to_cmy, rgb_to_cmyk, rgb_to_grey, rgb_to_hsv
from dlx.image.compositing import alpha_blend, alpha_over
from dlx.image.corners import harris, harris_response, noble, shi_tomasi
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
from dlx.image.descriptors import (
    inside_image,
    intensity_histogram,
    orientation_histogram,
    patch_descriptor,
    pixel_descriptor,
)
from dlx.image.distortion import distort_points, rotation_matrix, rotation_vector, undistort_points
from dlx.image.edges import canny, double_threshold, hysteresis_threshold, non_maximum_suppression
from dlx.image.filters import average_filter, filter2d, gaussian_filter, high_pass, median_filter, sharpen
from dlx.image.flow import angular_error, end_point_error, flow_constraint, flow_derivatives
from dlx.image.flow_colours import flow_colours
from dlx.image.hog import hog, hog_cells, hog_length
from dlx.image.horn_schunck import flow_energy, horn_schunck, neighbour_mean, pyramid_horn_schunck
from dlx.image.hough import LinePeaks, LineVotes, hough_line_peaks, hough_lines, hough_lines_slope
from dlx.image.hough_circles import CirclePeaks, hough_circle_peaks, hough_circles, hough_circles_gradient
from dlx.image.integral import box_sums, integral_image
from dlx.image.kernels import average_kernel, gaussian_kernel, high_frequency_kernel, identity_kernel, sharpen_kernel
from dlx.image.keypoints import Keypoints, local_peaks
from dlx.image.klt import Tracks, klt_track, trackable_points
from dlx.image.lens import lens_focal_length, lens_image_distance, lens_magnification, lens_object_distance
from dlx.image.line_forms import (
    double_intercept_to_normal,
    normal_to_double_intercept,
    normal_to_slope_intercept,
    slope_intercept_to_normal,
)
from dlx.image.lucas_kanade import LucasKanade, lucas_kanade
from dlx.image.matching import Matches, match_descriptors, nearest_matches, squared_distances
from dlx.image.pyramid_lucas_kanade import TrackedPoints, pyramid_lucas_kanade, track_points
from dlx.image.pyramids import gaussian_pyramid, laplacian_pyramid, pyramid_down, pyramid_up, reconstruct_from_laplacian
from dlx.image.ransac import Ransac, ransac
from dlx.image.ransac_models import line_distance, ransac_affine, ransac_homography, ransac_line
from dlx.image.response import impulse_response, linearity_deviation, shift_deviation
from dlx.image.sampling import bilinear_sample, resize_bilinear, warp
from dlx.image.scale_harris import scale_adapted_harris, scale_normalised_tensor
from dlx.image.scale_space import (
    blobs,
    difference_of_gaussians,
    laplacian_of_gaussian,
    laplacian_of_gaussian_kernel,
    scale_space_extrema,
)
from dlx.image.sensor import bayer_mosaic, demosaic, dequantise, quantise
from dlx.image.sift import sift
from dlx.image.sift_descriptor import sift_descriptors, sift_orientations
from dlx.image.sift_detector import refine_extremum, sift_keypoints, sift_scale_space
from dlx.image.structure_tensor import shift_energy, structure_tensor, tensor_eigenvalues
from dlx.image.surf import haar_descriptor, haar_responses, surf_descriptor, surf_orientation
from dlx.image.surf_detector import hessian_response, surf_keypoints
from dlx.image.transforms import (
    Transform,
    apply_transform,
    corner_error,
    fit_affine,
    fit_homography,
    invert_transform,
    transfer_distance,
)

__all__ = [
    "Calibration",
    "CameraFit",
    "CameraParts",
    "CirclePeaks",
    "Keypoints",
    "LinePeaks",
    "LineVotes",
    "LucasKanade",
    "Matches",
    "Ransac",
    "TrackedPoints",
    "Tracks",
    "Transform",
    "alpha_blend",
    "alpha_over",
    "angular_error",
    "apply_transform",
    "average_filter",
    "average_kernel",
    "backward_difference",
    "bayer_mosaic",
    "bilinear_sample",
    "blobs",
    "box_sums",
    "brief_descriptor",
    "brief_pairs",
    "calibrate_camera",
    "calibrate_planar",
    "camera_center",
    "camera_matrix",
    "canny",
    "central_difference",
    "cmy_to_rgb",
    "cmyk_to_rgb",
    "corner_error",
    "decompose_camera",
    "demosaic",
    "dequantise",
    "difference_of_gaussians",
    "distort_points",
    "double_intercept_to_normal",
    "double_threshold",
    "end_point_error",
    "filter2d",
    "fit_affine",
    "fit_homography",
    "flow_colours",
    "flow_constraint",
    "flow_derivatives",
    "flow_energy",
    "forward_difference",
    "gaussian_filter",
    "gaussian_kernel",
    "gaussian_pyramid",
    "gradient",
    "gradient_angle",
    "gradient_magnitude",
    "haar_descriptor",
    "haar_responses",
    "hamming_distances",
    "harris",
    "harris_response",
    "hessian_response",
    "high_frequency_kernel",
    "high_pass",
    "hog",
    "hog_cells",
    "hog_length",
    "horn_schunck",
    "hough_circle_peaks",
    "hough_circles",
    "hough_circles_gradient",
    "hough_line_peaks",
    "hough_lines",
    "hough_lines_slope",
    "hsv_to_rgb",
    "hysteresis_threshold",
    "identity_kernel",
    "impulse_response",
    "inside_image",
    "integral_image",
    "intensity_histogram",
    "invert_transform",
    "klt_track",
    "laplacian_of_gaussian",
    "laplacian_of_gaussian_kernel",
    "laplacian_pyramid",
    "lens_focal_length",
    "lens_image_distance",
    "lens_magnification",
    "lens_object_distance",
    "line_distance",
    "linearity_deviation",
    "local_peaks",
    "lucas_kanade",
    "match_descriptors",
    "median_filter",
    "nearest_matches",
    "neighbour_mean",
    "noble",
    "non_maximum_suppression",
    "normal_to_double_intercept",
    "normal_to_slope_intercept",
    "orientation_histogram",
    "pack_bits",
    "patch_descriptor",
    "pixel_descriptor",
    "prewitt_x",
    "prewitt_y",
    "project_distorted",
    "project_points",
    "pyramid_down",
    "pyramid_horn_schunck",
    "pyramid_lucas_kanade",
    "pyramid_up",
    "quantise",
    "ransac",
    "ransac_affine",
    "ransac_homography",
    "ransac_line",
    "reconstruct_from_laplacian",
    "refine_extremum",
    "resize_bilinear",
    "rgb_to_cmy",
    "rgb_to_cmyk",
    "rgb_to_grey",
    "rgb_to_hsv",
    "rotation_matrix",
    "rotation_vector",
    "scale_adapted_harris",
    "scale_normalised_tensor",
    "scale_space_extrema",
    "sharpen",
    "sharpen_kernel",
    "shi_tomasi",
    "shift_deviation",
    "shift_energy",
    "sift",
    "sift_descriptors",
    "sift_keypoints",
    "sift_orientations",
    "sift_scale_space",
    "slope_intercept_to_normal",
    "sobel_x",
    "sobel_y",
    "squared_distances",
    "structure_tensor",
    "surf_descriptor",
    "surf_keypoints",
    "surf_orientation",
    "tensor_eigenvalues",
    "to_float",
    "track_points",
    "trackable_points",
    "transfer_distance",
    "undistort_points",
    "warp",
]
