"""Smooth noise: random values on a coarse lattice, blended over the picture."""

from __future__ import annotations

import numpy as np

from ._random import Array


def lattice(rng: np.random.Generator, n: int, cells: int) -> Array:
    """Return random values in [-1, 1) for :func:`smooth`, float32 of shape (n, cells + 1, cells + 1)."""
    return rng.random((n, cells + 1, cells + 1), dtype=np.float32) * 2 - 1


def _blend(values: Array, size: int, axis: int) -> Array:
    """Stretch one lattice axis to ``size`` pixels with smoothstep weights."""
    cells = values.shape[axis] - 1
    position = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / size)
    left = np.minimum(np.floor(position), cells - 1)
    t = position - left
    t = t * t * (3 - 2 * t)
    index = left.astype(np.int64)
    shape = [1] * values.ndim
    shape[axis] = size
    t = t.reshape(shape)
    a, b = np.take(values, index, axis), np.take(values, index + 1, axis)
    return a + (b - a) * t


def smooth(values: Array, size: int) -> Array:
    """Blend lattice values over a picture.

    Parameters
    ----------
    values : float32 array of shape (n, rows + 1, columns + 1)
        Values at the lattice's corners.
    size : int
        Height and width of the picture; the same lattice gives the same field at every size.

    Returns
    -------
    float32 array of shape (n, size, size)
    """
    return _blend(_blend(values, size, 1), size, 2)
