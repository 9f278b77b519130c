"""Figures of what drives: automobile and truck. Each faces right, y points up."""

from __future__ import annotations

import numpy as np

from ._brush import Brush, mix, rgb
from ._random import Array, Dice
from ._sdf import Number, box, circle, convex, ellipse, repeat

GLASS = [(0.55, 0.75, 0.9), (0.2, 0.28, 0.36), (0.75, 0.85, 0.9), (0.3, 0.42, 0.5)]
TYRE = rgb(0.08, 0.08, 0.09)


def _wheel(brush: Brush, cx: Number, cy: Number, r: Number, rim: Array, where: Array | None = None) -> None:
    distance = circle(brush.x, brush.y, cx, cy, r)
    brush.fill(distance, TYRE, where=where)
    brush.fill(distance + 0.52 * r, rim, where=where)


def _car(brush: Brush, dice: Dice, paint: Array, rear: Array, front: Array, roof: Array) -> None:
    """Draw a car whose cabin runs from ``rear`` to ``front`` (feet of its pillars) and up to ``roof``."""
    x, y = brush.x, brush.y
    glass, metal = dice.pick(GLASS), dice.span(0.45, 0.9)
    belt, floor = dice.vary(-0.02, 0.08), dice.vary(-0.4, -0.34)
    r, wheel = dice.vary(0.17, 0.25), dice.vary(0.5, 0.6)
    lean_rear, lean_front = dice.vary(0.06, 0.3), dice.vary(0.18, 0.38)
    cabin = [(rear, belt - 0.05), (front, belt - 0.05), (front - lean_front, roof), (rear + lean_rear, roof)]
    brush.fill(convex(x, y, cabin), paint * 0.9, shade=0.3)
    middle = (belt + floor) / 2
    body = box(x, y, 0.0, middle, 0.95, (belt - floor) / 2, 0.1)
    brush.fill(body, paint, shade=0.7)
    brush.fill(np.maximum(body, y - (floor + 0.1)), paint * 0.5)
    window = convex(x, y, cabin) + 0.075
    pillar = (rear + front) / 2 - 0.02
    brush.fill(np.maximum(np.maximum(window, belt + 0.02 - y), 0.03 - np.abs(x - pillar)), glass)
    brush.fill(box(x, y, 0.86, middle + 0.08, 0.07, 0.055, 0.03), rgb(1.0, 0.95, 0.7))
    brush.fill(box(x, y, -0.89, middle + 0.08, 0.05, 0.055, 0.02), rgb(0.8, 0.08, 0.08))
    brush.fill(box(x, y, pillar - 0.12, belt - 0.1, 0.06, 0.02), paint * 0.35)
    for sign in (-1, 1):
        brush.fill(circle(x, y, sign * wheel, floor, r + 0.05), paint * 0.3)
        _wheel(brush, sign * wheel, floor, r, rgb(1, 1, 1) * metal)


def automobile_sedan(brush: Brush, dice: Dice, paint: Array) -> None:
    """Three-box car from the side."""
    _car(brush, dice, paint, dice.vary(-0.78, -0.6), dice.vary(0.4, 0.58), dice.vary(0.3, 0.42))


def automobile_hatchback(brush: Brush, dice: Dice, paint: Array) -> None:
    """Two-box car from the side: the cabin reaches the tail."""
    _car(brush, dice, paint, dice.vary(-0.97, -0.9), dice.vary(0.36, 0.56), dice.vary(0.34, 0.48))


def automobile_front(brush: Brush, dice: Dice, paint: Array) -> None:
    """Car seen from the front: windscreen, grille, two headlights."""
    x, y = brush.x, brush.y
    glass, lamp = dice.pick(GLASS), mix(rgb(1, 0.95, 0.7), rgb(1, 1, 1), dice.u())
    wide, roof, floor = dice.vary(0.62, 0.78), dice.vary(0.5, 0.66), dice.vary(-0.5, -0.4)
    top = dice.vary(0.4, 0.52)
    for sign in (-1, 1):
        brush.fill(box(x, y, sign * (wide - 0.15), floor - 0.02, 0.13, 0.2, 0.05), TYRE)
    cabin = [(-wide + 0.06, 0.05), (wide - 0.06, 0.05), (top, roof), (-top, roof)]
    brush.fill(convex(x, y, cabin), paint * 0.85)
    brush.fill(np.maximum(convex(x, y, cabin) + 0.09, 0.13 - y), glass)
    body = box(x, y, 0.0, (0.1 + floor) / 2, wide, (0.1 - floor) / 2, 0.13)
    brush.fill(body, paint, shade=0.6)
    brush.fill(box(x, y, 0.0, floor + 0.17, wide * 0.42, 0.1, 0.03), rgb(0.1, 0.1, 0.12))
    brush.fill(np.maximum(body, y - floor - 0.07), paint * 0.45)
    for sign in (-1, 1):
        brush.fill(ellipse(x, y, sign * wide * 0.72, floor + 0.28, 0.13, 0.1), lamp)
        brush.fill(box(x, y, sign * (wide + 0.06), 0.13, 0.07, 0.05, 0.03), paint * 0.7)


def _chassis(brush: Brush, dice: Dice, paint: Array) -> None:
    """Draw a truck's cab, frame and wheels."""
    x, y = brush.x, brush.y
    glass = dice.pick(GLASS)
    top, nose, slant = dice.vary(0.16, 0.42), dice.vary(0.86, 0.98), dice.vary(0.02, 0.2)
    r, metal, third = dice.vary(0.15, 0.2), dice.span(0.4, 0.9), dice.chance(0.6)
    brush.fill(box(x, y, 0.0, -0.4, 0.92, 0.06), rgb(0.16, 0.16, 0.17))
    cab = [(0.42, -0.4), (nose, -0.4), (nose, -0.06), (nose - slant, top), (0.42, top)]
    brush.fill(convex(x, y, cab), paint, shade=0.5)
    brush.fill(np.maximum(np.maximum(convex(x, y, cab) + 0.07, -0.03 - y), 0.55 - x), glass)
    brush.fill(box(x, y, nose - 0.04, -0.3, 0.05, 0.05), rgb(1.0, 0.93, 0.65))
    for cx, where in (
        (dice.vary(-0.76, -0.64), None),
        (dice.vary(-0.34, -0.24), third),
        (dice.vary(0.6, 0.68), None),
    ):
        _wheel(brush, cx, -0.46, r, rgb(1, 1, 1) * metal, where)


def truck_box(brush: Brush, dice: Dice, paint: Array) -> None:
    """Lorry with a tall closed box."""
    x, y = brush.x, brush.y
    cargo, stripe = (
        dice.pick([(0.92, 0.92, 0.9), (0.75, 0.76, 0.78), (0.85, 0.8, 0.65)], 0.1),
        dice.rgb(0, 0.9),
    )
    odd, top, front = dice.chance(0.4), dice.vary(0.42, 0.7), dice.vary(0.3, 0.38)
    cargo = np.where(odd, stripe, cargo)
    hx, hy = (front + 0.95) / 2, (top + 0.34) / 2
    distance = box(x, y, front - hx, top - hy, hx, hy)
    brush.fill(distance, cargo, shade=0.25)
    brush.fill(
        np.maximum(distance + 0.02, np.abs(y - top * 0.3) - 0.09), stripe * 0.8, where=dice.chance(0.5)
    )
    brush.fill(np.maximum(distance, np.abs(np.abs(distance) - 0.02) - 0.02), cargo * 0.7)
    _chassis(brush, dice, paint)


def truck_tanker(brush: Brush, dice: Dice, paint: Array) -> None:
    """Lorry with a round tank."""
    x, y = brush.x, brush.y
    tank, r = dice.pick([(0.8, 0.82, 0.85), (0.9, 0.9, 0.88), (0.85, 0.5, 0.15)], 0.1), dice.vary(0.24, 0.33)
    distance = box(x, y, -0.32, r - 0.3, 0.64, r, r * 0.6)
    brush.fill(distance, tank, shade=0.9)
    brush.fill(np.maximum(distance, np.abs(repeat(x + 0.3, 0.42)) - 0.025), tank * 0.55)
    brush.fill(box(x, y, -0.32, 2 * r - 0.28, 0.12, 0.05), tank * 0.6)
    _chassis(brush, dice, paint)


def truck_flatbed(brush: Brush, dice: Dice, paint: Array) -> None:
    """Tipper with a low bed, heaped with sand or logs."""
    x, y = brush.x, brush.y
    load, bed, heap = (
        dice.pick([(0.7, 0.55, 0.3), (0.35, 0.28, 0.2), (0.6, 0.6, 0.6)]),
        dice.rgb(0.1, 0.9),
        dice.vary(0.2, 0.4),
    )
    brush.fill(ellipse(x, y, -0.32, -0.06, 0.56, heap), load, grain=0.3)
    side = convex(x, y, [(-0.88, -0.36), (0.3, -0.36), (0.34, 0.04), (-0.96, 0.04)])
    brush.fill(side, bed, shade=0.5)
    brush.fill(np.maximum(side, np.abs(repeat(x, 0.3)) - 0.025), bed * 0.6)
    _chassis(brush, dice, paint)
