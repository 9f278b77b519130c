"""How a Pocket-10 picture is put together: place, clutter, figure, occluders, light."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ._brush import Brush
from ._classes import ANY, FIGURES
from ._noise import lattice, smooth
from ._places import NUMBER, PLACES, Field
from ._random import CHUNK, COLUMNS, PURPOSES, Array, Dice, generator
from ._sdf import box, circle, convex, segment

GROUP = 128  # pictures painted at once: small enough for the processor's cache
CLUTTER, OCCLUDERS = 6, 3


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


def _groups(keys: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return (key, row numbers) for each value of ``keys``, at most GROUP rows at a time."""
    out = []
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        out += [(int(key), rows[i : i + GROUP]) for i in range(0, len(rows), GROUP)]
    return out


def _clutter(canvas: Array, sheet: Sheet, rows: NDArray[np.int64], dial: float, size: int) -> Array:
    """Strew shapes in all colours over the background."""
    dice = sheet.dice("clutter", rows)
    x, y = pixel_grid(size)
    texture = smooth(sheet.blot[rows], size)
    canvas = canvas * (1 + np.float32(0.35 * dial) * texture)
    for i in range(CLUTTER):
        there, color = dice.chance(dial), dice.pick(ANY, 0.15)
        cx, cy, a, b = dice.span(-1.1, 1.1), dice.span(-1.1, 1.1), dice.span(0.1, 0.4), dice.span(0.1, 0.4)
        if i % 3 == 0:
            distance = circle(x, y, cx, cy, a)
        elif i % 3 == 1:
            distance = box(x, y, cx, cy, a, b)
        else:
            distance = segment(x, y, cx, cy, cx + 4 * a - 1, cy + 4 * b - 1, 0.07)
        cover = np.clip(0.5 - distance * np.float32(size / 2), 0, 1) * (there * np.float32(0.5 + 0.5 * dial))
        canvas = canvas + cover * (color * (1 + 0.3 * texture) - canvas)
    return canvas


def _figure(canvas: Array, sheet: Sheet, rows: NDArray[np.int64], kind: int, usual: NDArray[np.bool_],
            dials: Mapping[str, float], size: int) -> Array:  # fmt: skip
    """Paint the figures of one class and variant."""
    figure = FIGURES[kind // 10]
    view, deform = dials["viewpoint"], np.float32(dials["deformation"])
    dice = sheet.dice("view", rows)
    x, y = pixel_grid(size)
    cx, cy = (dice.u() - 0.5) * (0.7 * view), (dice.u() - 0.5) * (0.6 * view)
    scale = 0.82 - dice.u() * (0.45 * view) + dice.u() * (0.1 * view)
    squeeze = 1 - dice.u() * (0.45 * view)
    lean = (dice.u() - 0.5) * (0.7 * view)
    t = figure.angle + (dice.u() * 2 - 1) * (figure.tilt * view)
    flip = np.where(dice.chance(min(view, 0.5)), np.float32(-1), np.float32(1))
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    x, y = (x - cx) / scale * flip, (y - cy) / scale
    x, y = x * cos + y * sin, y * cos - x * sin
    x, y = x / squeeze + lean * y, y
    x = x + 0.42 * deform * smooth(sheet.warp_x[rows], size)
    y = y + 0.42 * deform * smooth(sheet.warp_y[rows], size)
    pixel = np.float32(2 / size) / scale
    brush = Brush(x, y, pixel, smooth(sheet.grain[rows], size))
    dice = sheet.dice("figure", rows, dials["intraclass"])
    own, free = dice.pick(figure.palette, 0.1), dice.pick(ANY, 0.2)
    odd = dice.u() < np.float32(0.6 * dials["intraclass"])
    paint = np.where(usual[rows][:, None, None] & ~odd, own, free)
    figure.variants[kind % 10](brush, dice, paint)
    dark = dice.chance(0.8)
    return brush.onto(canvas, np.where(dark, np.float32(0.08), np.float32(0.9)), np.float32(0.7))


def _figures(canvas: Array, sheet: Sheet, usual: NDArray[np.bool_], dials: Mapping[str, float], size: int
             ) -> None:  # fmt: skip
    """Paint every picture's figure onto its canvas, in place."""
    u = sheet.tables["choice"][:, 3]
    for label, figure in enumerate(FIGURES):
        rare = np.float32(0.75 * dials["intraclass"])
        others = len(figure.variants) - 1
        variant = np.where(u < rare, 1 + np.floor(u / rare * others) if rare else 0, 0).astype(np.int64)
        members = np.flatnonzero(sheet.labels == label)
        for kind, within in _groups(label * 10 + variant[members]):
            rows = members[within]
            canvas[:, rows] = _figure(canvas[:, rows], sheet, rows, kind, usual, dials, size)


def _occlude(canvas: Array, sheet: Sheet, rows: NDArray[np.int64], dial: float, size: int) -> Array:
    """Put poles, boards and leaves in front."""
    dice = sheet.dice("occluder", rows)
    x, y = pixel_grid(size)
    rough = smooth(sheet.blot[rows], size)
    for i in range(OCCLUDERS):
        there, color = dice.u() < np.float32(dial * (1.1 - 0.2 * i)), dice.pick(ANY, 0.15)
        cx, cy, slope = dice.span(-0.65, 0.65), dice.span(-0.65, 0.65), dice.span(-0.35, 0.35)
        reach = (0.35 + 0.65 * dial) * dice.span(0.5, 1.0)
        if i == 0:
            distance = np.abs(x - cx + slope * y) - 0.3 * reach
        elif i == 1:
            distance = circle(x, y, cx, cy, 0.55 * reach) + 0.12 * rough
        else:
            distance = convex(
                x, y, [(-1.2, -1.2), (1.2, -1.2), (1.2, -1 + reach + slope), (-1.2, -1 + reach - slope)]
            )
        cover = np.clip(0.5 - distance * np.float32(size / 2), 0, 1) * there
        canvas = canvas + cover * (color * (1 + 0.25 * rough) - canvas)
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
    for place, rows in _groups(places):
        field = Field(x, y, sheet.dice("place", rows), sheet.coarse[rows], sheet.fine[rows], size)
        canvas[:, rows] = _clutter(PLACES[place](field), sheet, rows, dials["clutter"], size)
    _figures(canvas, sheet, usual, dials, size)
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    for _, rows in _groups(np.arange(n) // GROUP):
        images[rows] = _light(
            _occlude(canvas[:, rows], sheet, rows, dials["occlusion"], size),
            sheet,
            rows,
            dials["illumination"],
            size,
        )
    return images, sheet.labels


def render_masks(seed: int, split: int, chunk: int, n: int, size: int, dials: Mapping[str, float]
                 ) -> NDArray[np.bool_]:  # fmt: skip
    """Return where the figures of a chunk's first n pictures are, of shape (n, size, size).

    A figure painted on black and on white looks the same wherever it covers the canvas.
    """
    sheet = Sheet(seed, split, chunk, n)
    _, usual = choose_places(sheet, dials["context"])
    black, white = np.zeros((3, n, size, size), np.float32), np.ones((3, n, size, size), np.float32)
    for canvas in (black, white):
        _figures(canvas, sheet, usual, dials, size)
    return (white - black).mean(axis=0) < 0.5
