"""Repeatability and matching score of two sets of keypoints whose true map is known (Mikolajczyk and Schmid 2005)."""

import numpy as np


def project(homography, points):
    """Points (x, y) through a homography."""
    mapped = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    return mapped[:, :2] / mapped[:, 2:]


def scores(first, second, homography, shapes, *, pixels=3.0, ratio=0.8):
    """(repeatability, matching score) of (xy, descriptors) pairs.

    Repeatability: of the points that both images see, the part that has a point of the other within `pixels`, over the
    smaller of the two numbers. Matching score: mutual nearest neighbours by descriptor that pass the ratio test and are
    right to `pixels`, over the same number.
    """
    (xy, vectors), (other, others) = first, second
    seen = _inside(project(homography, xy), shapes[1])
    back = _inside(project(np.linalg.inv(homography), other), shapes[0])
    xy, vectors, other, others = xy[seen], vectors[seen], other[back], others[back]
    if not min(len(xy), len(other)):
        return 0.0, 0.0
    apart = np.linalg.norm(project(homography, xy)[:, None] - other[None], axis=-1)
    smaller = min(len(xy), len(other))
    # each place once: a point answers for one of the other image only
    repeated = min(np.sum(apart.min(1) < pixels), np.sum(apart.min(0) < pixels))
    distance = np.sqrt(np.maximum(0, (vectors**2).sum(1)[:, None] + (others**2).sum(1)[None] - 2 * vectors @ others.T))
    nearest = distance.argmin(1)
    mutual = distance.argmin(0)[nearest] == np.arange(len(xy))
    two = np.partition(distance, 1, axis=1)
    right = apart[np.arange(len(xy)), nearest] < pixels
    return repeated / smaller, np.sum(mutual & (two[:, 0] < ratio * two[:, 1]) & right) / smaller


def _inside(points, shape):
    return np.all((points >= 0) & (points <= np.array(shape[::-1]) - 1), axis=1)
