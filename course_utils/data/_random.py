"""Random numbers for Pocket-10: the same on every machine, one row per picture.

Each picture owns a row of uniform numbers for each purpose (its figure, its place, its light, ...). What is
drawn for one purpose never shifts what is drawn for another, and a dial scales numbers instead of drawing
others: moving one dial changes a picture only in what that dial says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 everywhere

CHUNK = 1000  # pictures whose rows are drawn together; picture i is the same whatever n is
COLUMNS = 160  # numbers per picture and purpose
PURPOSES = ("choice", "figure", "pattern", "view", "place", "clutter", "stray", "occluder", "light", "noise")


def generator(seed: int, split: int, chunk: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose of one chunk; no two (split, chunk, purpose) share a stream."""
    key = (split, chunk, PURPOSES.index(purpose))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


class Dice:
    """Columns of uniform numbers, taken one after the other.

    Parameters
    ----------
    table : float32 array of shape (n, columns)
        Uniform in [0, 1); row i belongs to picture i.
    spread : float
        How far :meth:`vary` goes from the middle of its range (1: the whole range, 0: always the middle).
    """

    def __init__(self, table: Array, spread: float = 1.0) -> None:
        self.table = table
        self.spread = spread
        self.column = 0

    def u(self) -> Array:
        """Return the next column, shape (n, 1, 1)."""
        column = self.table[:, self.column, None, None]
        self.column += 1
        return column

    def span(self, low: float, high: float) -> Array:
        """Return numbers uniform in [low, high), shape (n, 1, 1)."""
        return low + (high - low) * self.u()

    def vary(self, low: float, high: float) -> Array:
        """Return numbers around the middle of [low, high], as far out as ``spread`` allows."""
        return (low + high) / 2 + (high - low) * self.spread * (self.u() - 0.5)

    def chance(self, probability: float) -> NDArray[np.bool_]:
        """Return True with the given probability, shape (n, 1, 1)."""
        return self.u() < probability

    def rgb(self, low: float = 0.0, high: float = 1.0) -> Array:
        """Return colours uniform in a cube, shape (3, n, 1, 1)."""
        return np.stack([self.span(low, high) for _ in range(3)])

    def pick(self, palette: list[tuple[float, float, float]], jitter: float = 0.08) -> Array:
        """Return one of the palette's colours, shifted a little; shape (3, n, 1, 1)."""
        index = (self.u()[:, 0, 0] * len(palette)).astype(np.int64)
        colors = np.array(palette, dtype=np.float32)[index].T[:, :, None, None]
        return np.clip(colors + (self.rgb() - 0.5) * (2 * jitter), 0, 1)
