"""Figures of what lives: bird, fish, tree. Animals face right, y points up."""

from __future__ import annotations

import numpy as np

from ._brush import Brush, mix, rgb
from ._random import Array, Dice
from ._sdf import box, circle, convex, ellipse, lens, repeat, segment

BEAK = [(0.95, 0.65, 0.1), (0.9, 0.4, 0.1), (0.25, 0.22, 0.2)]
BARK = [(0.42, 0.28, 0.16), (0.33, 0.24, 0.18), (0.5, 0.42, 0.34)]


def bird_perched(brush: Brush, dice: Dice, paint: Array) -> None:
    """Bird on its legs: round body and head, beak, folded wing, tail."""
    x, y = brush.x, brush.y
    belly = mix(
        paint, dice.pick([(0.95, 0.9, 0.8), (0.9, 0.6, 0.35), (0.6, 0.6, 0.62)]), dice.span(0.4, 0.95)
    )
    beak, wing = dice.pick(BEAK), paint * dice.span(0.5, 0.8)
    fat, head, tail = dice.vary(0.3, 0.42), dice.vary(0.2, 0.27), dice.vary(-0.98, -0.78)
    hx, hy, bill, leg = (
        dice.vary(0.4, 0.5),
        dice.vary(0.36, 0.5),
        dice.vary(0.2, 0.4),
        dice.vary(-0.82, -0.66),
    )
    drop = dice.vary(-0.38, -0.1)
    for foot in (-0.08, 0.12):
        brush.fill(segment(x, y, foot, -0.25, foot + 0.04, leg, 0.032), beak * 0.7)
        brush.fill(segment(x, y, foot, leg, foot + 0.15, leg, 0.032), beak * 0.7)
    brush.fill(convex(x, y, [(tail, drop - 0.1), (-0.3, -0.18), (-0.25, 0.12), (tail, drop + 0.08)]), wing)
    tilted = y - 0.28 * x
    brush.fill(segment(x, y, 0.15, 0.05, hx, hy, fat * 0.72, head * 0.85), paint)
    brush.fill(ellipse(x, tilted, 0.0, -0.05, 0.52, fat), paint, shade=0.3, grain=0.12)
    brush.fill(ellipse(x, tilted, 0.12, -0.15, 0.36, fat * 0.7), belly)
    brush.fill(
        convex(x, y, [(hx + 0.1, hy - 0.1), (hx + head + bill, hy - 0.04), (hx + 0.1, hy + 0.09)]), beak
    )
    brush.fill(circle(x, y, hx, hy, head), paint)
    brush.fill(lens(x, tilted, -0.2, 0.02, 0.44, 0.19), wing)
    brush.fill(circle(x, y, hx + 0.07, hy + 0.05, 0.065), rgb(0.03, 0.03, 0.03))


def bird_flying(brush: Brush, dice: Dice, paint: Array) -> None:
    """Bird on the wing: body, both wings raised, fanned tail, beak."""
    x, y = brush.x, brush.y
    beak, wing, tip = dice.pick(BEAK), paint * dice.span(0.65, 0.95), dice.chance(0.5)
    up, far, back = dice.vary(0.6, 0.95), dice.vary(0.5, 0.85), dice.vary(-0.6, -0.25)
    fat, head = dice.vary(0.15, 0.21), dice.vary(0.13, 0.17)
    other = [(-0.02, 0.0), (0.3, 0.02), (0.26 - back * 0.4, far), (0.02 - back * 0.4, far * 0.75)]
    brush.fill(convex(x, y, other), wing * 0.7)
    brush.fill(convex(x, y, [(-0.92, -0.22), (-0.35, -0.12), (-0.35, 0.08), (-0.95, 0.06)]), wing)
    brush.fill(segment(x, y, -0.42, -0.05, 0.35, 0.02, fat * 0.7, fat), paint, shade=0.5)
    brush.fill(convex(x, y, [(0.6, -0.02), (0.92, 0.06), (0.6, 0.15)]), beak)
    brush.fill(circle(x, y, 0.54, 0.08, head), paint)
    near = [(-0.32, 0.02), (0.24, 0.02), (back + 0.18, up), (back - 0.06, up * 0.92)]
    brush.fill(convex(x, y, near), wing)
    brush.fill(np.maximum(convex(x, y, near), 0.68 * up - y), wing * 0.45, where=tip)
    brush.fill(circle(x, y, 0.59, 0.11, 0.05), rgb(0.03, 0.03, 0.03))


def _fish(brush: Brush, dice: Dice, paint: Array, height: Array) -> None:
    """Draw a fish of the given half height."""
    x, y = brush.x, brush.y
    accent = dice.pick([(0.98, 0.98, 0.95), (0.1, 0.1, 0.12), (0.95, 0.8, 0.2), (0.2, 0.4, 0.8)])
    tail, fin, striped = dice.vary(0.3, 0.46), dice.vary(0.16, 0.34), dice.chance(0.5)
    period, phase = dice.vary(0.32, 0.46), dice.span(0, 1)
    dark = paint * 0.62
    upper = convex(x, y, [(-0.6, -0.05), (-0.5, 0.0), (-0.82, tail), (-0.98, tail)])
    lower = convex(x, -y, [(-0.6, -0.05), (-0.5, 0.0), (-0.82, tail), (-0.98, tail)])
    brush.fill(np.minimum(np.minimum(upper, lower), box(x, y, -0.62, 0, 0.16, 0.07)), dark)
    brush.fill(
        convex(
            x,
            y,
            [(-0.3, height * 0.55), (0.35, height * 0.7), (-0.02, height + fin), (-0.32, height + fin * 0.8)],
        ),
        dark,
    )
    brush.fill(convex(x, -y, [(-0.2, height * 0.6), (0.15, height * 0.7), (-0.18, height + fin * 0.8)]), dark)
    body = lens(x, y, 0.1, 0.0, 0.76, height)
    brush.fill(body, paint, shade=0.55, grain=0.1)
    stripes = np.maximum(np.abs(repeat(x + phase * period, period)) - 0.07, np.abs(x + 0.02) - 0.4)
    brush.fill(np.maximum(body, stripes), accent, where=striped)
    brush.fill(np.maximum(body, y + height * 0.35), mix(paint, rgb(1, 1, 1), 0.45), where=~striped)
    brush.fill(np.maximum(body, np.abs(circle(x, y, 0.72, 0.0, 0.34)) - 0.025), dark)
    brush.fill(convex(x, y, [(0.05, -0.1), (0.22, -0.04), (0.2, 0.06), (-0.06, 0.0)]), dark)
    brush.fill(circle(x, y, 0.6, height * 0.22, 0.1), rgb(0.97, 0.97, 0.95))
    brush.fill(circle(x, y, 0.62, height * 0.22, 0.055), rgb(0.02, 0.02, 0.02))


def fish_tall(brush: Brush, dice: Dice, paint: Array) -> None:
    """Reef fish with a high body."""
    _fish(brush, dice, paint, dice.vary(0.4, 0.56))


def fish_slim(brush: Brush, dice: Dice, paint: Array) -> None:
    """Herring-like fish with a long body."""
    _fish(brush, dice, paint, dice.vary(0.24, 0.34))


def _trunk(brush: Brush, dice: Dice, top: float) -> None:
    bark, wide = dice.pick(BARK), dice.vary(0.07, 0.13)
    brush.fill(segment(brush.x, brush.y, 0.0, -0.95, 0.0, top, wide * 1.25, wide * 0.7), bark, grain=0.3)


def tree_broad(brush: Brush, dice: Dice, paint: Array) -> None:
    """Broad-leaved tree: a trunk and a crown of round clumps, lit from above."""
    x, y = brush.x, brush.y
    _trunk(brush, dice, 0.1)
    wide, high = dice.vary(0.36, 0.56), dice.vary(0.32, 0.46)
    crown: Array | None = None
    for angle_x, angle_y in ((-1.0, -0.2), (1.0, -0.2), (-0.6, 0.7), (0.6, 0.7), (0.0, 1.0), (0.0, 0.0)):
        cx = wide * angle_x + dice.vary(-0.1, 0.1)
        cy = 0.25 + high * angle_y + dice.vary(-0.08, 0.08)
        clump = circle(x, y, cx, cy, dice.vary(0.26, 0.38)) + 0.05 * brush.grain
        brush.fill(clump, paint * 0.78, shade=0.35, grain=0.3)
        brush.fill(
            circle(x, y, cx - 0.04, cy + 0.09, 0.2) + 0.08 * brush.grain, paint, shade=0.35, grain=0.35
        )
        crown = clump if crown is None else np.minimum(crown, clump)
    assert crown is not None
    fruit = np.maximum(circle(repeat(x, 0.34), repeat(y + 0.1, 0.3), 0.0, 0.0, 0.06), crown + 0.08)
    brush.fill(
        fruit, dice.pick([(0.9, 0.15, 0.1), (0.95, 0.7, 0.2), (0.95, 0.8, 0.85)]), where=dice.chance(0.18)
    )


def tree_conifer(brush: Brush, dice: Dice, paint: Array) -> None:
    """Fir: a short trunk under three or four overlapping tiers."""
    x, y = brush.x, brush.y
    _trunk(brush, dice, -0.4)
    wide, rough = dice.vary(0.46, 0.7), 0.04 * brush.grain
    for i, (low, top) in enumerate(((-0.62, 0.1), (-0.25, 0.45), (0.12, 0.72), (0.45, 0.98))):
        half = wide * (1 - 0.21 * i)
        tier = convex(x, y, [(-half, low), (half, low), (0.0, top + 0.1)]) + rough
        brush.fill(tier, paint * (0.62 + 0.1 * i), grain=0.3)
        brush.fill(np.maximum(tier, low + 0.09 - y), paint * (0.85 + 0.08 * i), grain=0.3)


def tree_palm(brush: Brush, dice: Dice, paint: Array) -> None:
    """Palm: a thin bent trunk and a star of hanging leaves."""
    x, y = brush.x, brush.y
    bark, bend = dice.pick(BARK), dice.vary(-0.3, 0.3)
    middle = bend * 0.3
    brush.fill(segment(x, y, 0.0, -0.95, middle, -0.2, 0.1, 0.075), bark, grain=0.3)
    brush.fill(segment(x, y, middle, -0.2, bend, 0.5, 0.075, 0.06), bark, grain=0.3)
    for dx, dy in (
        (-0.75, -0.12),
        (0.75, -0.12),
        (-0.62, 0.3),
        (0.62, 0.3),
        (-0.3, 0.46),
        (0.3, 0.46),
        (-0.5, -0.42),
        (0.5, -0.42),
    ):
        ex, ey = bend + dx * dice.vary(0.85, 1.1), 0.5 + dy
        hump_x, hump_y = bend + 0.5 * dx, 0.62 + 0.62 * dy
        tone = paint * (0.72 + 0.4 * (dy + 0.4))
        brush.fill(segment(x, y, bend, 0.5, hump_x, hump_y, 0.06, 0.085), tone)
        brush.fill(segment(x, y, hump_x, hump_y, ex, ey, 0.085, 0.025), tone)
