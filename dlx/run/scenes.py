"""Drawn images whose geometry is known, and how far from it is what was found in them. NumPy only."""

import numpy as np

__all__ = ["circle_errors", "line_errors", "paint_bars", "paint_discs", "place_discs"]


def place_discs(
    rng: np.random.Generator, shape: tuple[int, int], count: int, radii: tuple[float, float], *, gap: float = 8.0
) -> tuple[np.ndarray, np.ndarray]:
    """Discs at random that keep apart from each other and from the border; real centres and radii.

    Args:
      rng: source of the draw.
      shape: (height, width) of the image.
      count: how many, if there is room.
      radii: the smallest and the largest.
      gap: free pixels around each disc.
    Returns: centres (discs, 2) as (x, y), radii (discs,).
    Raises: ValueError if not one disc fits.
    """
    xy, sizes = np.zeros((0, 2)), np.zeros(0)
    for _ in range(100 * count):
        radius = rng.uniform(*radii)
        low, high = radius + gap, np.array(shape[::-1]) - 1 - radius - gap
        at = rng.uniform(low, np.maximum(high, low))
        if (high >= low).all() and (np.hypot(*(xy - at).T) > sizes + radius + gap).all():
            xy, sizes = np.vstack([xy, at]), np.append(sizes, radius)
        if len(sizes) == count:
            break
    if not len(sizes):
        raise ValueError(f"radii: got {radii}, of which none has room in an image of {shape}.")
    return xy, sizes


def paint_discs(shape: tuple[int, int], xy: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """White discs on black, each pixel as bright as the disc covers it.

        I(p) = max_i clip(r_i - |p - c_i| + 1/2, 0, 1)

    Args:
      shape: (height, width).
      xy: (discs, 2) centres.
      radii: (discs,) in pixels.
    Returns: (height, width) float32 in [0, 1].
    """
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for (cx, cy), radius in zip(xy, radii, strict=True):
        image = np.maximum(image, np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1))
    return image.astype(np.float32)


def paint_bars(shape: tuple[int, int], theta: np.ndarray, rho: np.ndarray, *, width: float) -> np.ndarray:
    """White bars on black, around the lines x cos theta + y sin theta = rho; their edges are lines at rho +- width / 2.

    Args:
      shape: (height, width).
      theta, rho: (bars,) radians and pixels.
      width: of a bar in pixels.
    Returns: (height, width) float32 in [0, 1].
    """
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for angle, distance in zip(theta, rho, strict=True):
        away = np.abs(x * np.cos(angle) + y * np.sin(angle) - distance)
        image = np.maximum(image, np.clip(width / 2 - away + 0.5, 0, 1))
    return image.astype(np.float32)


def circle_errors(xy: np.ndarray, radii: np.ndarray, found_xy: np.ndarray, found_radii: np.ndarray) -> dict[str, float]:
    """What was found of known circles: a circle is found by a centre within half its radius and 2/3 to 3/2 of it.

    Args:
      xy, radii: (circles, 2) and (circles,), those that there are.
      found_xy, found_radii: (found, 2) and (found,).
    Returns: `circles_found`, the share; `false_circles`, how many of the found lie at none; `centre_error` and
      `radius_error`, mean distance and mean absolute difference of the nearest in pixels (NaN where none was found).
    """
    xy, radii, found_xy, found_radii = (np.asarray(a, float) for a in (xy, radii, found_xy, found_radii))
    apart = np.hypot(*(xy[:, None] - found_xy[None]).transpose(2, 0, 1))
    fits = np.maximum(radii[:, None] / found_radii[None], found_radii[None] / radii[:, None]) <= 1.5
    near = fits & (apart < radii[:, None] / 2)
    hit = near.any(1)
    circles = np.flatnonzero(hit)
    nearest = np.where(near, apart, np.inf)[hit].argmin(1) if hit.any() else circles
    return {
        "circles_found": float(hit.mean()) if len(hit) else np.nan,
        "false_circles": float(np.sum(~near.any(0))),
        "centre_error": float(apart[circles, nearest].mean()) if hit.any() else np.nan,
        "radius_error": float(np.abs(radii[circles] - found_radii[nearest]).mean()) if hit.any() else np.nan,
    }


def line_errors(
    theta: np.ndarray, rho: np.ndarray, found_theta: np.ndarray, found_rho: np.ndarray, *, shape: tuple[int, int]
) -> dict[str, float]:
    """What was found of known lines; distances are those in the middle of the image, not at its first pixel.

    Args:
      theta, rho: (lines,) radians and pixels, x cos theta + y sin theta = rho, those that there are.
      found_theta, found_rho: (found,).
      shape: (height, width) of the image.
    Returns: `lines_found`, the share with a line at 1 pixel and 1 degree or less; `line_distance_error` and
      `line_angle_error`, means over the nearest lines in pixels and degrees (NaN where nothing was found).
    """
    if not len(found_theta):
        return {"lines_found": 0.0, "line_distance_error": np.nan, "line_angle_error": np.nan}

    def centred(angle: np.ndarray, distance: np.ndarray) -> np.ndarray:
        return distance - (shape[1] - 1) / 2 * np.cos(angle) - (shape[0] - 1) / 2 * np.sin(angle)

    turns = np.asarray(found_theta)[None] - np.asarray(theta)[:, None]
    angles = np.rad2deg(np.abs(np.arcsin(np.sin(turns))))
    # (theta, rho) and (theta + pi, -rho) are one line
    signs = np.where(np.cos(turns) < 0, -1, 1)
    distances = np.abs(signs * centred(found_theta, found_rho)[None] - centred(theta, rho)[:, None])
    nearest = (angles + distances).argmin(1)[:, None]
    angle, distance = (np.take_along_axis(table, nearest, 1)[:, 0] for table in (angles, distances))
    return {
        "lines_found": float(np.mean((angle <= 1) & (distance <= 1))),
        "line_distance_error": float(distance.mean()),
        "line_angle_error": float(angle.mean()),
    }
