"""How a Pocket-10 picture is put together: place, clutter, figure, occluders, light."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ._classes import ANY, FIGURES
from ._figures import paint_figures, paint_strays
from ._noise import smooth
from ._places import NUMBER, PLACES, Field
from ._random import Array
from ._sdf import box, circle, convex, segment
from ._sheet import GROUP, Sheet, groups, pixel_grid

CLUTTER, OCCLUDERS = 8, 3


def choose_places(sheet: Sheet, context: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return each picture's place and whether it is a usual one of its class (both of shape (n,))."""
    u = sheet.tables["choice"]
    usual = u[:, 1] < np.float32(context)
    places = np.empty(len(u), dtype=np.int64)
    for label, figure in enumerate(FIGURES):
        own = [NUMBER[name] for name in figure.places]
        other = [
            NUMBER[name]
            for f in FIGURES
            for name in f.places * (2 // len(f.places))
            if NUMBER[name] not in own
        ]
        rows = sheet.labels == label
        for choices, mask in ((own, rows & usual), (other, rows & ~usual)):
            places[mask] = np.array(choices)[(u[mask, 2] * len(choices)).astype(np.int64)]
    return places, usual


def _clutter(canvas: Array, sheet: Sheet, rows: NDArray[np.int64], dial: float, size: int) -> Array:
    """Strew shapes in all colours over the background."""
    dice = sheet.dice("clutter", rows)
    x, y = pixel_grid(size)
    texture = smooth(sheet.blot[rows], size)
    canvas = canvas * (1 + np.float32(0.35 * dial) * texture)
    for i in range(CLUTTER):
        there, color = dice.chance(dial), dice.pick(ANY, 0.15)
        cx, cy, a, b = dice.span(-1.1, 1.1), dice.span(-1.1, 1.1), dice.span(0.1, 0.4), dice.span(0.1, 0.4)
        if i % 4 == 0:
            distance = circle(x, y, cx, cy, a)
        elif i % 4 == 1:
            distance = box(x, y, cx, cy, a, b)
        elif i % 4 == 2:
            distance = segment(x, y, cx, cy, cx + 4 * a - 1, cy + 4 * b - 1, 0.07)
        else:
            distance = convex(x, y, [(cx - a, cy - b), (cx + b, cy - 0.1), (cx + 0.2, cy + a)])
        cover = np.clip(0.5 - distance * np.float32(size / 2), 0, 1) * (there * np.float32(0.5 + 0.5 * dial))
        canvas = canvas + cover * (color * (1 + 0.3 * texture) - canvas)
    return canvas


def _occlude(
    canvas: Array, behind: Array, sheet: Sheet, rows: NDArray[np.int64], dial: float, size: int
) -> Array:
    """Put poles, boulders and walls in front, in any colour or in those of the surroundings ``behind``."""
    dice = sheet.dice("occluder", rows)
    x, y = pixel_grid(size)
    rough = smooth(sheet.blot[rows], size)
    for i in range(OCCLUDERS):
        there, alike = dice.u() < np.float32(dial * (1.1 - 0.2 * i)), dice.chance(0.6)
        color = np.where(alike, behind * dice.span(0.75, 1.1), dice.pick(ANY, 0.15) * (1 + 0.25 * rough))
        cx, cy, slope = dice.span(-0.65, 0.65), dice.span(-0.65, 0.65), dice.span(-0.35, 0.35)
        reach = (0.35 + 0.65 * dial) * dice.span(0.5, 1.0)
        if i == 0:
            distance = np.abs(x - cx + slope * y) - 0.3 * reach
        elif i == 1:
            distance = circle(x, y, cx, cy, 0.55 * reach) + 0.12 * rough
        else:
            distance = y + 1 - reach + slope * x
        cover = np.clip(0.5 - distance * np.float32(size / 2), 0, 1) * there
        canvas = canvas + cover * (color - canvas)
    return canvas


def _light(canvas: Array, sheet: Sheet, rows: NDArray[np.int64], dial: float, size: int) -> NDArray[np.uint8]:
    """Set brightness, contrast, tint, gradient and noise; return bytes of shape (n, H, W, 3)."""
    dice = sheet.dice("light", rows)
    x, y = pixel_grid(size)
    u = dice.u() * 2 - 1
    gain = np.where(u > 0, 1 + 0.7 * dial * u, 1 / (1 - 2.2 * dial * u))
    tint = 1 + (dice.rgb() - 0.5) * (0.7 * dial)
    flat = 1 - dice.u() * (0.65 * dial)
    slope = 1 + dial * ((dice.u() - 0.5) * 1.3 * x + (dice.u() - 0.5) * 1.3 * y)
    out = (0.5 + (canvas - 0.5) * flat) * (gain * tint * slope)
    out = out + (0.01 + 0.09 * dial * dice.u()) * smooth(sheet.pixel_noise[rows], size)
    levels = np.clip(np.floor(out * 255 + 0.5), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 3, 0))


def render(seed: int, split: int, chunk: int, n: int, size: int, dials: Mapping[str, float]
           ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:  # fmt: skip
    """Draw the first n pictures of a chunk.

    Returns
    -------
    images : uint8 array of shape (n, size, size, 3)
    labels : int64 array of shape (n,)
    """
    sheet = Sheet(seed, split, chunk, n)
    places, usual = choose_places(sheet, dials["context"])
    x, y = pixel_grid(size)
    canvas = np.empty((3, n, size, size), dtype=np.float32)
    for place, rows in groups(places):
        field = Field(x, y, sheet.dice("place", rows), sheet.coarse[rows], sheet.fine[rows], size)
        canvas[:, rows] = _clutter(PLACES[place](field), sheet, rows, dials["clutter"], size)
    paint_strays(canvas, sheet, dials["clutter"])
    behind = canvas.copy()
    paint_figures(canvas, sheet, usual, dials)
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    for _, rows in groups(np.arange(n) // GROUP):
        images[rows] = _light(
            _occlude(canvas[:, rows], behind[:, rows], sheet, rows, dials["occlusion"], size),
            sheet,
            rows,
            dials["illumination"],
            size,
        )
    return images, sheet.labels


def render_masks(seed: int, split: int, chunk: int, n: int, size: int, dials: Mapping[str, float]
                 ) -> NDArray[np.bool_]:  # fmt: skip
    """Return which pixels the figures of a chunk cover by more than half, of shape (n, size, size)."""
    sheet = Sheet(seed, split, chunk, n)
    _, usual = choose_places(sheet, dials["context"])
    canvas = np.zeros((3, n, size, size), dtype=np.float32)
    return paint_figures(canvas, sheet, usual, dials) > 0.5
