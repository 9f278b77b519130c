"""Signed distances to simple shapes: negative inside, positive outside, zero on the edge.

Every function takes coordinates ``x, y`` (float32, shape (n, H, W)) and parameters that broadcast against
them (numbers, or arrays of shape (n, 1, 1)), and returns distances of shape (n, H, W). Only ``+ - * /``,
``sqrt``, minima and maxima are used: IEEE 754 fixes their last bit, so pictures are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._random import Array

Number = Any  # float, or float32 array of shape (n, 1, 1)


def circle(x: Array, y: Array, cx: Number, cy: Number, r: Number) -> Array:
    """Return the distance to a disc with centre (cx, cy) and radius r."""
    dx, dy = x - cx, y - cy
    return np.sqrt(dx * dx + dy * dy) - r


def ellipse(x: Array, y: Array, cx: Number, cy: Number, a: Number, b: Number) -> Array:
    """Return the distance (to first order) to an ellipse with half axes a and b."""
    dx, dy = (x - cx) / a, (y - cy) / b
    k = np.sqrt(dx * dx + dy * dy)
    dx, dy = dx / a, dy / b
    return k * (k - 1) / (np.sqrt(dx * dx + dy * dy) + 1e-6)


def box(x: Array, y: Array, cx: Number, cy: Number, hx: Number, hy: Number, r: Number = 0.0) -> Array:
    """Return the distance to a box with half sides hx and hy, its corners rounded with radius r."""
    qx, qy = np.abs(x - cx) - (hx - r), np.abs(y - cy) - (hy - r)
    inside = np.minimum(np.maximum(qx, qy), 0)
    qx, qy = np.maximum(qx, 0), np.maximum(qy, 0)
    return inside + np.sqrt(qx * qx + qy * qy) - r


def segment(
    x: Array, y: Array, ax: Number, ay: Number, bx: Number, by: Number, ra: Number, rb: Number | None = None
) -> Array:
    """Return the distance to a thick line from (ax, ay), radius ra, to (bx, by), radius rb."""
    dx, dy, ex, ey = x - ax, y - ay, bx - ax, by - ay
    h = np.clip((dx * ex + dy * ey) / (ex * ex + ey * ey), 0, 1)
    qx, qy = dx - ex * h, dy - ey * h
    radius = ra if rb is None else ra + (rb - ra) * h
    return np.sqrt(qx * qx + qy * qy) - radius


def convex(x: Array, y: Array, corners: Sequence[tuple[Number, Number]]) -> Array:
    """Return the distance (exact inside and beside edges) to a convex polygon, corners anticlockwise."""
    distance = None
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ex, ey = bx - ax, by - ay
        length = np.sqrt(np.float32(1) * (ex * ex + ey * ey))
        edge = (x - ax) * (ey / length) - (y - ay) * (ex / length)
        distance = edge if distance is None else np.maximum(distance, edge)
    assert distance is not None
    return distance


def lens(x: Array, y: Array, cx: Number, cy: Number, a: Number, b: Number) -> Array:
    """Return the distance to a lens (two arcs that meet in points), 2a long and 2b high, with b <= a."""
    r = (a * a + b * b) / (2 * b)
    dx, dy = x - cx, np.abs(y - cy) + (r - b)
    return np.sqrt(dx * dx + dy * dy) - r


def repeat(x: Array, period: Number) -> Array:
    """Fold x into one period around zero, to draw the same shape again and again."""
    return x - period * np.floor(x / period + 0.5)
