"""Surroundings: sky, road, meadow, foliage, water, underwater, desk. Each fills a whole picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._brush import mix, rgb
from ._noise import smooth
from ._random import Array, Dice
from ._sdf import repeat

SKY = [
    (0.45, 0.65, 0.9),
    (0.6, 0.75, 0.9),
    (0.8, 0.83, 0.87),
    (0.9, 0.65, 0.5),
    (0.35, 0.42, 0.55),
    (0.55, 0.58, 0.62),
]
GRASS = [(0.35, 0.55, 0.22), (0.5, 0.58, 0.25), (0.62, 0.58, 0.32), (0.25, 0.42, 0.2)]
ROAD = [(0.38, 0.38, 0.4), (0.55, 0.54, 0.52), (0.25, 0.25, 0.28), (0.6, 0.55, 0.48)]
SEA = [(0.12, 0.35, 0.55), (0.2, 0.5, 0.6), (0.3, 0.42, 0.48), (0.1, 0.22, 0.38), (0.45, 0.5, 0.5)]
DEEP = [(0.08, 0.35, 0.55), (0.1, 0.5, 0.6), (0.05, 0.25, 0.42), (0.2, 0.45, 0.4)]
TABLE = [(0.6, 0.42, 0.26), (0.75, 0.6, 0.42), (0.38, 0.25, 0.17), (0.82, 0.82, 0.8), (0.45, 0.5, 0.55)]
LEAVES = [(0.25, 0.42, 0.18), (0.42, 0.5, 0.2), (0.18, 0.32, 0.2), (0.6, 0.45, 0.2)]


class Field:
    """What a place is painted with: pixel coordinates, dice, and two smooth noises.

    Parameters
    ----------
    x, y : float32 arrays of shape (1, size, size)
        Pixel centres in [-1, 1], y up.
    dice : Dice
    coarse, fine : float32 arrays of shape (n, cells + 1, cells + 1)
        Lattices of noise.
    size : int
    """

    def __init__(self, x: Array, y: Array, dice: Dice, coarse: Array, fine: Array, size: int) -> None:
        self.x, self.y, self.dice = x, y, dice
        self.coarse, self.fine = smooth(coarse, size), smooth(fine, size)
        self.streaks = smooth(np.ascontiguousarray(fine[:, :, :3]), size)
        self.soft = np.float32(4 / size)


def _step(field: Field, distance: Array) -> Array:
    """Return 0 where distance is negative, 1 where it is positive, blended over about a pixel."""
    return np.clip(0.5 + distance / field.soft, 0, 1)


def sky(field: Field) -> Array:
    """Sky that pales towards the horizon, with clouds."""
    dice = field.dice
    top = dice.pick(SKY)
    low = mix(top, dice.pick([(0.95, 0.95, 0.95), (0.95, 0.8, 0.65)]), dice.span(0.2, 0.8))
    out = mix(low, top, np.clip(0.5 + 0.5 * field.y, 0, 1))
    clouds = np.clip((field.coarse + 0.4 * field.fine - dice.span(-0.2, 0.7)) * 2, 0, 1)
    return mix(out, mix(rgb(1, 1, 1), top, dice.span(0.05, 0.35)), 0.85 * clouds)


def _far(field: Field, horizon: Array) -> Array:
    """Sky with a skyline of buildings or woods above the horizon."""
    dice = field.dice
    out = sky(field)
    width, town = dice.span(0.2, 0.5), dice.chance(0.5)
    block = np.floor((field.x + 1) / width)
    ragged = block * 0.37 + dice.u() * 7
    tall = dice.span(0.1, 0.6) * (0.35 + ragged - np.floor(ragged))
    woods = 0.12 + 0.22 * (field.streaks[:, :1] + 1) + 0.06 * field.fine
    height = np.where(town, tall, woods)
    color = np.where(
        town, dice.pick([(0.6, 0.55, 0.5), (0.5, 0.52, 0.58), (0.7, 0.5, 0.42)]), dice.pick(LEAVES)
    )
    shade = 1 + 0.25 * field.fine
    return mix(out, color * shade, _step(field, horizon + height - field.y) * dice.chance(0.75))


def road(field: Field) -> Array:
    """Street: asphalt with a kerb and lane marks under a skyline."""
    dice = field.dice
    horizon = dice.span(-0.35, 0.15)
    out = _far(field, horizon)
    ground = dice.pick(ROAD) * (1 + 0.12 * field.fine)
    mark_y = horizon - dice.span(0.3, 0.7)
    lane = np.maximum(np.abs(field.y - mark_y) - 0.045, np.abs(repeat(field.x + dice.u(), 0.7)) - 0.2)
    ground = mix(ground, rgb(0.92, 0.9, 0.75), _step(field, -lane) * dice.chance(0.7))
    kerb = np.abs(field.y - horizon + 0.06) - 0.05
    ground = mix(ground, rgb(0.75, 0.74, 0.72), _step(field, -kerb) * 0.7)
    return mix(out, ground, _step(field, horizon - field.y))


def meadow(field: Field) -> Array:
    """Grass, mown or wild, under sky, hills or woods."""
    dice = field.dice
    horizon = dice.span(-0.45, 0.2) + 0.12 * field.streaks[:, :1]
    out = _far(field, horizon)
    ground = dice.pick(GRASS) * (1 + 0.25 * field.fine + 0.15 * field.coarse)
    flowers = _step(field, field.fine - 0.72) * dice.chance(0.35)
    ground = mix(ground, dice.rgb(0.4, 1.0), flowers)
    return mix(out, ground, _step(field, horizon - field.y))


def foliage(field: Field) -> Array:
    """Leaves and a branch, close by and out of focus."""
    dice = field.dice
    leaf, light = dice.pick(LEAVES), dice.pick([(0.75, 0.8, 0.5), (0.8, 0.88, 0.95)])
    out = leaf * (1 + 0.45 * field.coarse + 0.35 * field.fine)
    out = mix(out, light, 0.8 * np.clip((field.coarse - 0.2 + 0.3 * field.fine) * 2.5, 0, 1))
    branch = np.abs(field.y - dice.span(-0.9, 0.9) - field.x * dice.span(-0.7, 0.7)) - 0.09
    return mix(out, rgb(0.3, 0.22, 0.16), _step(field, -branch) * dice.chance(0.6))


def water(field: Field) -> Array:
    """Sea with waves up to a horizon, sky above, sometimes a far coast."""
    dice = field.dice
    horizon = dice.span(-0.3, 0.4)
    out = sky(field)
    coast = horizon + 0.12 + 0.15 * field.streaks[:, :1]
    out = mix(
        out,
        dice.pick([(0.4, 0.48, 0.5), (0.35, 0.42, 0.35)]),
        _step(field, coast - field.y) * dice.chance(0.4),
    )
    depth = np.clip(horizon - field.y, 0, 2)
    waves = np.abs(repeat((field.y - horizon) * (1 + 0.3 * field.streaks) + 0.05 * field.fine, 0.24)) - 0.05
    sea = dice.pick(SEA) * (1.15 - 0.25 * depth + 0.12 * field.fine)
    sea = mix(
        sea, rgb(0.85, 0.93, 0.97), 0.4 * _step(field, -waves - 0.03) * np.clip(0.5 + field.coarse, 0, 1)
    )
    return mix(out, sea, _step(field, horizon - field.y))


def underwater(field: Field) -> Array:
    """Blue-green depth with rays of light, weed and bubbles."""
    dice = field.dice
    deep = dice.pick(DEEP)
    out = deep * (1 + 0.45 * field.y) + 0.1 + 0.06 * field.coarse
    rays = np.clip(1 - np.abs(repeat(field.x + 0.35 * field.y + dice.u(), 0.8)) * 5, 0, 1) * (
        0.5 + 0.5 * field.y
    )
    out = out + 0.22 * rays * dice.chance(0.6)
    sway = field.x + 0.12 * field.coarse + dice.u()
    weed = np.maximum(
        np.abs(repeat(sway, 0.62)) - 0.07, field.y + dice.span(0.1, 0.6) - 0.3 * field.streaks[:, :1]
    )
    out = mix(
        out,
        dice.pick([(0.1, 0.35, 0.2), (0.4, 0.3, 0.15), (0.6, 0.25, 0.3)]),
        0.8 * _step(field, -weed) * dice.chance(0.6),
    )
    floor = dice.span(-0.95, -0.6) + 0.1 * field.streaks[:, :1]
    sand = dice.pick([(0.7, 0.65, 0.5), (0.35, 0.42, 0.42)]) * (1 + 0.15 * field.fine)
    return mix(out, sand, _step(field, floor - field.y) * dice.chance(0.6))


def desk(field: Field) -> Array:
    """Table top with wood grain, sometimes its edge, sometimes a sheet of paper."""
    dice = field.dice
    tone = dice.pick(TABLE)
    out = tone * (1 + 0.16 * field.streaks * dice.u() + 0.07 * field.coarse)
    plank = np.abs(repeat(field.y + 0.1 * field.streaks + dice.u(), dice.span(0.4, 0.9))) - 0.02
    out = mix(out, tone * 0.65, _step(field, -plank) * dice.chance(0.5))
    lean, shift = dice.span(-0.5, 0.5), dice.span(0.1, 0.9)
    sheet = np.maximum(field.x + lean * field.y - shift, np.abs(field.y) - dice.span(0.5, 1.2))
    out = mix(
        out,
        dice.pick([(0.93, 0.93, 0.9), (0.9, 0.85, 0.7), (0.4, 0.5, 0.65)]),
        _step(field, -sheet) * dice.chance(0.35),
    )
    edge = field.y - dice.span(0.45, 0.9)
    return mix(out, dice.rgb(0.3, 0.9), _step(field, edge) * dice.chance(0.4))


PLACES: tuple[Callable[[Field], Array], ...] = (sky, road, meadow, foliage, water, underwater, desk)
"""All places; a place's number is its position here."""

NUMBER = {place.__name__: number for number, place in enumerate(PLACES)}
