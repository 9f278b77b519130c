"""From a class to its figure in a picture: pose, bending, painting, pattern."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ._brush import Brush
from ._classes import ANY, FIGURES, Figure
from ._noise import smooth
from ._random import Array, Dice
from ._sdf import repeat
from ._sheet import Sheet, groups, pixel_grid

Rows = NDArray[np.int64]


def _pose(figure: Figure, dice: Dice, view: float, size: int) -> tuple[Array, Array, Array]:
    """Return the pixels' coordinates in the figure's frame, x and y, and a pixel's width there."""
    x, y = pixel_grid(size)
    cx, cy = (dice.u() - 0.5) * (0.7 * view), (dice.u() - 0.5) * (0.6 * view)
    scale = 0.82 - dice.u() * (0.45 * view) + dice.u() * (0.1 * view)
    squeeze = 1 - dice.u() * (0.45 * view)
    lean = (dice.u() - 0.5) * (0.7 * view)
    t = figure.angle + (dice.u() * 2 - 1) * (figure.tilt * view)  # tangent of half the angle
    flip = np.where(dice.chance(0.5), np.float32(-1), np.float32(1))  # faces left or right
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    x, y = (x - cx) / scale * flip, (y - cy) / scale
    x, y = x * cos + y * sin, y * cos - x * sin
    return x / squeeze + lean * y, y, np.float32(2 / size) / scale


def _pattern(brush: Brush, dice: Dice) -> Array:
    """Return what a pattern adds to its brightness: stripes, checks or blotches, on few or many."""
    strength, kind = dice.u(), dice.u()
    a, b, period = dice.span(-1, 1), dice.span(-1, 1), dice.span(0.2, 0.5)
    first = np.clip(repeat(brush.x * a + brush.y * b, period) * (8 / period), -1, 1)
    second = np.clip(repeat(brush.y * a - brush.x * b, period) * (8 / period), -1, 1)
    blotch = np.clip(2.5 * brush.grain, -1, 1)
    chosen = np.where(kind < 0.4, first, np.where(kind < 0.5, first * second, blotch))
    return strength * strength * chosen


def _variants(labels: NDArray[np.int64], u: Array, intraclass: float) -> NDArray[np.int64]:
    """Return ``10 * label + variant``: the typical one, or more and more the others."""
    rare = np.float32(0.75 * intraclass)
    others = np.array([len(figure.variants) - 1 for figure in FIGURES])[labels]
    other = 1 + np.floor(u / np.maximum(rare, np.float32(1e-6)) * others).astype(np.int64)
    return labels * 10 + np.where(u < rare, other, 0)


def paint_figures(canvas: Array, sheet: Sheet, usual: NDArray[np.bool_], dials: Mapping[str, float]) -> Array:
    """Paint every picture's figure onto its canvas, in place.

    Parameters
    ----------
    canvas : float32 array of shape (3, n, size, size)
    sheet : Sheet
    usual : bool array of shape (n,)
        Whether the figure stands in its usual surroundings; if so it has its usual colours.
    dials : mapping of str to float

    Returns
    -------
    float32 array of shape (n, size, size)
        How much of each pixel the figure covers.
    """
    covered = np.empty(canvas.shape[1:], dtype=np.float32)
    size, bend, variety = canvas.shape[-1], np.float32(0.42 * dials["deformation"]), dials["intraclass"]
    kinds = _variants(sheet.labels, sheet.tables["choice"][:, 3], variety)
    for kind, rows in groups(kinds):
        figure = FIGURES[kind // 10]
        x, y, pixel = _pose(figure, sheet.dice("view", rows), dials["viewpoint"], size)
        x = x + bend * smooth(sheet.warp_x[rows], size)
        y = y + bend * smooth(sheet.warp_y[rows], size)
        brush = Brush(x, y, pixel, smooth(sheet.grain[rows], size))
        dice = sheet.dice("figure", rows, variety * (0.7 + 0.5 * variety))
        own, free = dice.pick(figure.palette, 0.1), dice.pick(ANY, 0.2)
        odd = dice.u() < np.float32(0.6 * variety)
        paint = np.where(usual[rows][:, None, None] & ~odd, own, free)
        figure.variants[kind % 10](brush, dice, paint)
        brush.color *= 1 + np.float32(variety * variety) * _pattern(brush, sheet.dice("pattern", rows))
        rim = np.where(dice.chance(0.8), np.float32(0.08), np.float32(0.9))
        canvas[:, rows] = brush.onto(canvas[:, rows], rim, dice.span(0.0, 0.7))
        covered[rows] = brush.alpha
    return covered


def paint_strays(canvas: Array, sheet: Sheet, dial: float) -> None:
    """Paint small figures of other classes into the background, in place.

    Parameters
    ----------
    canvas : float32 array of shape (3, n, size, size)
    sheet : Sheet
    dial : float
        The share of pictures that get one.
    """
    size, u = canvas.shape[-1], sheet.tables["stray"]
    other = (sheet.labels + 1 + np.floor(u[:, 0] * 9).astype(np.int64)) % 10
    kinds = np.where(u[:, 1] < np.float32(dial), _variants(other, u[:, 2], 1.0), -1)
    for kind, rows in groups(kinds):
        if kind < 0:
            continue
        figure, dice = FIGURES[kind // 10], sheet.dice("stray", rows)
        dice.column = 3
        x, y = pixel_grid(size)
        scale, cy = dice.span(0.28, 0.42), dice.span(-0.65, 0.65)
        side = np.where(dice.chance(0.5), np.float32(-1), np.float32(1))
        x, y = (side * x - dice.span(0.5, 0.75)) / scale, (y - cy) / scale
        brush = Brush(x, y, np.float32(2 / size) / scale, smooth(sheet.grain[rows], size))
        figure.variants[kind % 10](brush, dice, dice.pick(figure.palette, 0.15))
        canvas[:, rows] = brush.onto(canvas[:, rows], np.zeros((1, 1, 1), np.float32), 0.3)
