"""Figures of things: book, house, pen. The pen lies along x, its nib on the right; y points up."""

from __future__ import annotations

import numpy as np

from ._brush import Brush, mix, rgb
from ._random import Array, Dice
from ._sdf import box, circle, convex, ellipse, repeat, segment

PAPER = [(0.97, 0.95, 0.88), (0.95, 0.95, 0.95), (0.92, 0.87, 0.74)]
METAL = [(0.85, 0.85, 0.88), (0.88, 0.72, 0.3), (0.25, 0.25, 0.28)]
INK = rgb(0.08, 0.08, 0.15)


def book_closed(brush: Brush, dice: Dice, paint: Array) -> None:
    """Book lying closed at an angle: cover, spine, page edges below and at the side, a title."""
    x, y = brush.x, brush.y
    paper, title = dice.pick(PAPER), dice.pick([(0.95, 0.85, 0.4), (0.97, 0.97, 0.95), (0.1, 0.1, 0.12)])
    hx, hy, thick = dice.vary(0.5, 0.64), dice.vary(0.64, 0.82), dice.vary(0.13, 0.24)
    label, band = dice.vary(0.2, 0.45), dice.chance(0.5)
    dx, dy = thick * 0.7, thick
    brush.fill(box(x, y, dx, -dy, hx, hy, 0.03), paint * 0.6)
    under = convex(
        x,
        y,
        [
            (-hx + dx, -hy - dy + 0.04),
            (hx + dx - 0.03, -hy - dy + 0.04),
            (hx + dx - 0.03, hy - dy),
            (hx, hy),
            (-hx, -hy),
        ],
    )
    brush.fill(under, paper)
    brush.fill(np.maximum(under, np.abs(repeat(y + x * 0.0, 0.09)) - 0.014), paper * 0.72, where=x < hx)
    cover = box(x, y, 0.0, 0.0, hx, hy, 0.03)
    brush.fill(cover, paint, shade=0.15)
    brush.fill(np.maximum(cover, x + hx - 0.14), paint * 0.65)
    brush.fill(box(x, y, 0.08, label, hx * 0.6, 0.13), title)
    brush.fill(box(x, y, 0.08, label, hx * 0.45, 0.03), paint * 0.5)
    brush.fill(box(x, y, 0.08, label - 0.55, hx * 0.4, 0.05), title, where=band)
    brush.fill(circle(x, y, 0.08, label - 0.5, 0.16), title, where=~band)


def book_open(brush: Brush, dice: Dice, paint: Array) -> None:
    """Open book: two bright pages with lines of text, a dark fold, a coloured cover beneath."""
    x, y = np.abs(brush.x), brush.y
    paper = dice.pick(PAPER)
    hx, hy, rise = dice.vary(0.82, 0.97), dice.vary(0.46, 0.62), dice.vary(0.04, 0.2)
    picture, tint, period = dice.chance(0.35), dice.rgb(0.1, 0.9), dice.vary(0.16, 0.21)
    lifted = y + rise * (x - 0.5) * (x - 0.5) * 4 - rise * x
    brush.fill(box(x, lifted, 0.0, -0.07, hx + 0.04, hy + 0.06, 0.03), paint)
    page = box(x, lifted, 0.0, 0.0, hx - 0.03, hy, 0.02)
    brush.fill(page, paper)
    brush.fill(np.maximum(page, x - 0.16), paper * (0.6 + 2.2 * np.clip(x, 0, 0.17)))
    brush.fill(np.maximum(page, x - 0.02), paper * 0.4)
    lines = np.maximum(
        np.abs(repeat(lifted, period)) - 0.028, box(x, lifted, hx * 0.53, 0.0, hx * 0.33, hy - 0.1)
    )
    brush.fill(lines, rgb(0.25, 0.25, 0.3))
    side = np.maximum(box(brush.x, lifted, hx * 0.53, hy * 0.35, hx * 0.3, hy * 0.4), -brush.x)
    brush.fill(side, tint, where=picture)


def book_standing(brush: Brush, dice: Dice, paint: Array) -> None:
    """Book standing upright, seen from a corner: spine with bands, cover going back, pages on top."""
    x, y = brush.x, brush.y
    paper, gold = dice.pick(PAPER), dice.pick([(0.95, 0.8, 0.35), (0.95, 0.95, 0.93)])
    spine, deep, rise = dice.vary(0.14, 0.28), dice.vary(0.72, 1.0), dice.vary(0.12, 0.26)
    left, high, low = -0.62, dice.vary(0.66, 0.8), -0.82
    fold = left + spine
    end = fold + deep
    cover = convex(x, y, [(fold, low), (end, low + rise), (end, high + rise * 0.5), (fold, high)])
    pages = convex(
        x,
        y,
        [(left + 0.02, high), (fold, high), (end, high + rise * 0.5), (end - spine * 0.8, high + rise * 1.1)],
    )
    brush.fill(pages, paper)
    brush.fill(cover, paint, shade=0.15)
    brush.fill(np.maximum(cover + 0.14, np.abs(y - 0.3 - (x - fold) * 0.08) - 0.12), gold)
    back = convex(x, y, [(left, low + 0.04), (fold, low), (fold, high), (left, high + 0.04)])
    brush.fill(back, paint * 0.6)
    for height in (-0.55, 0.3, 0.5):
        brush.fill(np.maximum(back, np.abs(y - height) - 0.05), gold * 0.85)


def _house_front(brush: Brush, dice: Dice, paint: Array, hx: Array, roof_color: Array) -> Array:
    """Draw the gable wall with door and windows, and return the eaves' height."""
    x, y = brush.x, brush.y
    glass = dice.pick([(0.55, 0.75, 0.9), (0.98, 0.85, 0.45), (0.2, 0.25, 0.35)])
    door, eaves = (
        dice.pick([(0.45, 0.25, 0.12), (0.6, 0.12, 0.1), (0.12, 0.3, 0.2), (0.15, 0.2, 0.4)], 0.1),
        dice.vary(0.0, 0.16),
    )
    bricks, side = dice.chance(0.35), dice.chance(0.5)
    middle, half = (eaves - 0.85) / 2, (eaves + 0.85) / 2
    wall = box(x, y, 0.0, middle, hx, half)
    brush.fill(wall, paint, shade=0.15)
    brush.fill(np.maximum(wall, np.abs(repeat(y, 0.15)) - 0.025), paint * 0.8, where=bricks)
    door_x = np.where(side, hx * 0.45, 0.0)
    brush.fill(box(x, y, door_x, -0.6, 0.13, 0.26), door)
    brush.fill(circle(x, y, door_x + 0.07, -0.6, 0.03), rgb(0.9, 0.8, 0.4))
    for cx, where in ((-hx * 0.55, None), (np.where(side, -0.02 * hx, hx * 0.58), ~side)):
        pane = box(x, y, cx, -0.34, 0.15, 0.17)
        brush.fill(pane - 0.03, mix(roof_color, rgb(1, 1, 1), 0.75), where=where)
        brush.fill(np.maximum(pane, 0.02 - np.minimum(np.abs(x - cx), np.abs(y + 0.34))), glass, where=where)
    return eaves


ROOF = [(0.65, 0.2, 0.14), (0.4, 0.24, 0.18), (0.3, 0.32, 0.38), (0.5, 0.35, 0.25), (0.25, 0.35, 0.3)]


def house_gable(brush: Brush, dice: Dice, paint: Array) -> None:
    """House from the gable side: a pointed roof over wall, door and windows, a chimney."""
    x, y = brush.x, brush.y
    roof, hx, top = dice.pick(ROOF, 0.1), dice.vary(0.55, 0.76), dice.vary(0.66, 0.96)
    chimney, smoke = dice.span(0.25, 0.45), dice.chance(0.75)
    brush.fill(box(x, y, chimney, 0.5, 0.09, 0.3), roof * 0.7, where=smoke)
    eaves = _house_front(brush, dice, paint, hx, roof)
    brush.fill(convex(x, y, [(-hx - 0.16, eaves - 0.03), (hx + 0.16, eaves - 0.03), (0.0, top)]), roof)
    inner = convex(x, y, [(-hx - 0.16, eaves - 0.03), (hx + 0.16, eaves - 0.03), (0.0, top)]) + 0.13
    attic = dice.chance(0.5)
    brush.fill(inner, paint * 0.9, where=attic)
    brush.fill(circle(x, y, 0.0, eaves + 0.24, 0.09), rgb(0.3, 0.35, 0.45), where=attic)


def house_wide(brush: Brush, dice: Dice, paint: Array) -> None:
    """House from the long side: a sloping roof with tiles over wall, door and windows."""
    x, y = brush.x, brush.y
    roof, hx, top = dice.pick(ROOF, 0.1), dice.vary(0.76, 0.9), dice.vary(0.5, 0.72)
    chimney, inset = dice.span(-0.5, 0.5), dice.vary(0.16, 0.36)
    brush.fill(box(x, y, chimney, top, 0.1, 0.22), roof * 0.65)
    eaves = _house_front(brush, dice, paint, hx, roof)
    slope = convex(
        x,
        y,
        [
            (-hx - 0.1, eaves - 0.04),
            (hx + 0.1, eaves - 0.04),
            (hx + 0.1 - inset, top),
            (-hx - 0.1 + inset, top),
        ],
    )
    brush.fill(slope, roof, shade=0.3)
    brush.fill(np.maximum(slope, np.abs(repeat(y - eaves, 0.16)) - 0.022), roof * 0.7)


def pen_fountain(brush: Brush, dice: Dice, paint: Array) -> None:
    """Fountain pen: barrel, ring, grip and a pointed metal nib."""
    x, y = brush.x, brush.y
    metal, thick, start = dice.pick(METAL), dice.vary(0.095, 0.15), dice.vary(-0.98, -0.9)
    grip = dice.vary(0.3, 0.42)
    body = segment(x, y, start + 0.1, 0.0, grip, 0.0, thick * 0.85, thick)
    brush.fill(
        convex(x, y, [(grip + 0.2, -thick * 0.75), (0.98, -0.01), (0.98, 0.01), (grip + 0.2, thick * 0.75)]),
        metal,
    )
    brush.fill(box(x, y, (grip + 0.9) / 2 + 0.12, 0.0, 0.16, 0.015), INK)
    brush.fill(box(x, y, grip + 0.12, 0.0, 0.14, thick * 0.8, 0.02), INK * 1.5)
    brush.fill(body, paint, shade=2.6)
    brush.fill(np.maximum(body, np.abs(y - thick * 0.45) - 0.02), mix(paint, rgb(1, 1, 1), 0.6))
    brush.fill(np.maximum(body, np.abs(x - grip) - 0.05), metal)
    brush.fill(np.maximum(body, np.abs(x - start - 0.3) - 0.03), metal, where=dice.chance(0.6))


def pen_ballpoint(brush: Brush, dice: Dice, paint: Array) -> None:
    """Ballpoint: push button, clip, barrel, cone and a fine tip."""
    x, y = brush.x, brush.y
    metal, thick = dice.pick(METAL), dice.vary(0.085, 0.135)
    grip_color, grip = (
        dice.pick([(0.1, 0.1, 0.12), (0.95, 0.95, 0.95), (0.3, 0.3, 0.35)]),
        dice.vary(0.1, 0.3),
    )
    brush.fill(box(x, y, -0.92, 0.0, 0.07, thick * 0.5, 0.02), metal)
    brush.fill(segment(x, y, 0.7, 0.0, 0.97, 0.0, thick * 0.6, 0.02), metal)
    body = box(x, y, -0.1, 0.0, 0.76, thick, 0.03)
    brush.fill(body, paint, shade=2.6)
    brush.fill(np.maximum(body, grip - x), grip_color)
    brush.fill(
        convex(x, y, [(0.64, -thick), (0.84, -thick * 0.4), (0.84, thick * 0.4), (0.64, thick)]), metal
    )
    brush.fill(box(x, y, -0.6, thick * 1.05, 0.24, 0.032, 0.02), metal * 0.9)


def pen_marker(brush: Brush, dice: Dice, paint: Array) -> None:
    """Felt pen: a thick white barrel, a coloured cap end and a coloured tip."""
    x, y = brush.x, brush.y
    shell, thick, cap = (
        dice.pick([(0.95, 0.95, 0.95), (0.2, 0.2, 0.22), (0.85, 0.85, 0.8)]),
        dice.vary(0.13, 0.19),
        dice.vary(-0.5, -0.2),
    )
    brush.fill(segment(x, y, 0.7, 0.0, 0.94, 0.0, thick * 0.4, 0.03), paint * 0.8)
    brush.fill(
        convex(x, y, [(0.5, -thick), (0.78, -thick * 0.5), (0.78, thick * 0.5), (0.5, thick)]), shell * 0.7
    )
    body = box(x, y, -0.18, 0.0, 0.76, thick, 0.05)
    brush.fill(body, shell, shade=1.6)
    brush.fill(np.maximum(body, x - cap), paint, shade=1.6)
    brush.fill(np.maximum(body, np.abs(x - 0.42) - 0.06), paint)
    brush.fill(ellipse(x, y, cap - 0.22, thick * 0.9, 0.18, 0.035), paint * 0.7)
