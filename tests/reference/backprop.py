"""Backward rules in float64, one number at a time, as the notes write the sums."""

import math

import numpy as np


def affine_backward(gradient, inputs, kernel):
    """sum_k W_jk g_ik, sum_k g_kj x_ki, sum_k g_kj."""
    rows, features, units = len(inputs), *kernel.shape
    by_inputs, by_kernel, by_bias = np.zeros((rows, features)), np.zeros(kernel.shape), np.zeros(units)
    for i in range(rows):
        for j in range(features):
            by_inputs[i, j] = math.fsum(kernel[j, k] * gradient[i, k] for k in range(units))
    for j in range(units):
        for i in range(features):
            by_kernel[i, j] = math.fsum(gradient[k, j] * inputs[k, i] for k in range(rows))
        by_bias[j] = math.fsum(gradient[k, j] for k in range(rows))
    return by_inputs, by_kernel, by_bias


def column_affine_backward(gradient, inputs, weights):
    by_inputs, by_kernel, by_bias = affine_backward(gradient.T, inputs.T, weights.T)
    return by_inputs.T, by_kernel.T, by_bias


def quadratic_form_backward(gradient, vector, matrix):
    n = len(vector)
    by_vector = [
        float(gradient) * math.fsum((matrix[i, j] + matrix[j, i]) * vector[j] for j in range(n)) for i in range(n)
    ]
    by_matrix = [[float(gradient) * vector[i] * vector[j] for j in range(n)] for i in range(n)]
    return np.array(by_vector), np.array(by_matrix)


def softmax_jacobian(p):
    """p_i - p_i^2 on the diagonal, -p_i p_j beside it."""
    n = p.shape[-1]
    out = np.empty((*p.shape, n))
    for index in np.ndindex(*p.shape[:-1]):
        for i in range(n):
            for j in range(n):
                p_i, p_j = float(p[index][i]), float(p[index][j])
                out[index][i, j] = p_i - p_i**2 if i == j else -p_i * p_j
    return out


def softmax_backward(gradient, p):
    jacobian, out = softmax_jacobian(p), np.empty(p.shape)
    for index in np.ndindex(*p.shape[:-1]):
        for j in range(p.shape[-1]):
            out[index][j] = math.fsum(gradient[index][i] * jacobian[index][i, j] for i in range(p.shape[-1]))
    return out


def batch_norm_backward(gradient, inputs, scale, eps):
    """From the derivatives of mean and variance, as Ioffe and Szegedy list them, one feature at a time."""
    rows, features = inputs.shape
    by_inputs, by_scale, by_bias = np.zeros(inputs.shape), np.zeros(features), np.zeros(features)
    for f in range(features):
        x, g = [float(v) for v in inputs[:, f]], [float(v) for v in gradient[:, f]]
        mean = math.fsum(x) / rows
        variance = math.fsum((v - mean) ** 2 for v in x) / rows
        inverse = (variance + eps) ** -0.5
        by_normalised = [scale[f] * v for v in g]
        by_variance = math.fsum(n * (v - mean) for n, v in zip(by_normalised, x, strict=True)) * -0.5 * inverse**3
        by_mean = -inverse * math.fsum(by_normalised) - 2 * by_variance * math.fsum(v - mean for v in x) / rows
        for i in range(rows):
            by_inputs[i, f] = by_normalised[i] * inverse + by_variance * 2 * (x[i] - mean) / rows + by_mean / rows
        by_scale[f] = math.fsum(a * (v - mean) * inverse for a, v in zip(g, x, strict=True))
        by_bias[f] = math.fsum(g)
    return by_inputs, by_scale, by_bias
