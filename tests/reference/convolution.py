"""Convolution in float64, one window at a time, from the sums in the docstrings. Pairs and pads are written out."""

import numpy as np


def output_size(size, window, stride, pads, dilation):
    """How often a window fits, counted by moving it."""
    reach = dilation * (window - 1)
    return len([i for i in range(0, size + sum(pads), stride) if i + reach < size + sum(pads)])


def windows(images, window, stride, pads, dilation):
    """{(i, j): (batch, *window, channels)} from a copy of the images with zeros around them."""
    padded = np.pad(images, ((0, 0), *pads, (0, 0)))
    rows, columns = (output_size(images.shape[a + 1], window[a], stride[a], pads[a], dilation[a]) for a in (0, 1))
    found = np.empty((rows, columns, len(images), *window, images.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            for u in range(window[0]):
                for v in range(window[1]):
                    found[i, j, :, u, v] = padded[:, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]]
    return found


def conv2d(images, kernel, bias, stride, pads, dilation, groups):
    found = windows(images, kernel.shape[:2], stride, pads, dilation)
    rows, columns, batch = found.shape[:3]
    features, seen = kernel.shape[3], kernel.shape[2]
    outputs = np.empty((batch, rows, columns, features))
    for o in range(features):
        first = o // (features // groups) * seen
        for n, i, j in np.ndindex(batch, rows, columns):
            outputs[n, i, j, o] = bias[o] + np.sum(found[i, j, n, :, :, first : first + seen] * kernel[..., o])
    return outputs


def conv_transpose2d(images, kernel, bias, stride, pads, extra, dilation, groups):
    """Every input is written, times the kernel, to the places from which the convolution would have read."""
    batch, rows, columns, channels = images.shape
    seen = kernel.shape[2]
    full = [
        (n - 1) * s + d * (k - 1) + 1 + e
        for n, s, d, k, e in zip((rows, columns), stride, dilation, kernel.shape, extra, strict=False)
    ]
    outputs = np.zeros((batch, *full, seen * groups))
    for o in range(channels):
        first = o // (channels // groups) * seen
        for n, i, j in np.ndindex(batch, rows, columns):
            for u, v in np.ndindex(*kernel.shape[:2]):
                place = n, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]
                outputs[place][first : first + seen] += images[n, i, j, o] * kernel[u, v, :, o]
    (top, bottom), (left, right) = pads
    return outputs[:, top : full[0] - bottom, left : full[1] - right] + bias


def im2col(images, window, stride, pads, dilation):
    found = windows(images, window, stride, pads, dilation)
    # (i, j, n, u, v, c) -> (n, i, j, c, u, v)
    return found.transpose(2, 0, 1, 5, 3, 4).reshape(-1, images.shape[-1] * window[0] * window[1])


def conv2d_backward(gradient, images, kernel, stride, pads, dilation):
    """One output at a time: what it read, and with which weight."""
    padded = np.pad(images, ((0, 0), *pads, (0, 0)))
    by_padded, by_kernel = np.zeros(padded.shape), np.zeros(kernel.shape)
    for n, i, j, o in np.ndindex(*gradient.shape):
        for u, v in np.ndindex(*kernel.shape[:2]):
            place = n, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]
            by_padded[place] += gradient[n, i, j, o] * kernel[u, v, :, o]
            by_kernel[u, v, :, o] += gradient[n, i, j, o] * padded[place]
    (top, _), (left, _) = pads
    by_images = by_padded[:, top : top + images.shape[1], left : left + images.shape[2]]
    return by_images, by_kernel, np.array([gradient[..., o].sum() for o in range(gradient.shape[3])])
