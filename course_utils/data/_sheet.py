"""The random numbers behind a chunk of pictures, and where its pixels lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._noise import lattice
from ._random import CHUNK, COLUMNS, PURPOSES, Array, Dice, generator

GROUP = 128  # pictures painted at once: small enough for the processor's cache


class Sheet:
    """All random numbers of one chunk of pictures, and their labels.

    Parameters
    ----------
    seed, split, chunk : int
        Which chunk.
    n : int
        Number of pictures to draw, at most ``CHUNK``.
    """

    def __init__(self, seed: int, split: int, chunk: int, n: int) -> None:
        self.tables = {
            purpose: generator(seed, split, chunk, purpose).random((CHUNK, COLUMNS), dtype=np.float32)[:n]
            for purpose in PURPOSES[:-1]
        }
        # Blocks of ten hold each class once, so that every n is balanced and picture i never depends on n.
        rng = generator(seed, split, chunk, "noise")
        blocks = np.tile(np.arange(10), (CHUNK // 10, 1))
        self.labels = rng.permuted(blocks, axis=1).reshape(-1)[:n].astype(np.int64)
        self.warp_x, self.warp_y = lattice(rng, CHUNK, 3)[:n], lattice(rng, CHUNK, 3)[:n]
        self.grain, self.coarse = lattice(rng, CHUNK, 9)[:n], lattice(rng, CHUNK, 3)[:n]
        self.fine, self.blot = lattice(rng, CHUNK, 11)[:n], lattice(rng, CHUNK, 6)[:n]
        self.pixel_noise = lattice(rng, CHUNK, 31)[:n]

    def dice(self, purpose: str, rows: NDArray[np.int64], spread: float = 1.0) -> Dice:
        """Return the dice of some pictures for one purpose."""
        return Dice(self.tables[purpose][rows], spread)


def pixel_grid(size: int) -> tuple[Array, Array]:
    """Return the pixels' centres, x and y in [-1, 1] with y up, each of shape (1, size, size)."""
    line = (
        (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - np.float32(1)
    ).astype(np.float32)
    shape = (1, size, size)
    return np.broadcast_to(line[None, None, :], shape), np.broadcast_to(-line[None, :, None], shape)


def groups(keys: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return (key, row numbers) for each value of ``keys``, at most GROUP rows at a time."""
    out = []
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        out += [(int(key), rows[i : i + GROUP]) for i in range(0, len(rows), GROUP)]
    return out
