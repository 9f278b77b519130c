"""Figures of the craft of air and sea: airplane and ship. Each faces right, y points up."""

from __future__ import annotations

import numpy as np

from ._brush import Brush, mix, rgb
from ._random import Array, Dice
from ._sdf import Number, box, convex, ellipse, repeat, segment

GLASS = [(0.55, 0.75, 0.9), (0.2, 0.28, 0.36), (0.75, 0.85, 0.9), (0.3, 0.42, 0.5)]


def airplane_side(brush: Brush, dice: Dice, paint: Array) -> None:
    """Airliner seen from the side: tube, swept wing, tail fin, a row of windows."""
    x, y = brush.x, brush.y
    trim, glass = dice.rgb(0.0, 0.9), dice.pick(GLASS)
    r = dice.vary(0.115, 0.19)
    fin, sweep, drop = dice.vary(0.42, 0.66), dice.vary(0.2, 0.45), dice.vary(0.38, 0.6)
    root, back = dice.vary(0.02, 0.22), dice.vary(-0.92, -0.8)
    dark = paint * 0.72
    brush.fill(
        convex(x, y, [(root - 0.28, 0.02), (root, 0.02), (root - sweep, 0.4), (root - sweep - 0.16, 0.4)]),
        dark,
    )
    brush.fill(convex(x, y, [(back, 0.02), (back + 0.34, 0.02), (back + 0.1, fin), (back - 0.08, fin)]), trim)
    body = segment(x, y, back, r * 0.5, 0.72, 0.0, r * 0.45, r)
    brush.fill(body, paint, shade=1.1)
    brush.fill(np.maximum(body, y + 0.25 * r), paint * 0.7)
    brush.fill(np.maximum(body, np.abs(y + r * 0.15) - 0.028), trim, where=dice.chance(0.6))
    windows = np.maximum(box(repeat(x, 0.15), y, 0.0, r * 0.38, 0.042, 0.045), np.abs(x + 0.02) - 0.6)
    brush.fill(windows, glass * 0.6)
    brush.fill(
        convex(x, y, [(0.7, r * 0.25), (0.82, r * 0.25), (0.76, r * 0.8), (0.68, r * 0.8)]), glass * 0.5
    )
    brush.fill(segment(x, y, back - 0.06, r * 0.7, back + 0.12, r * 0.6, 0.035), dark)
    engine = dice.chance(0.75)
    brush.fill(segment(x, y, root - 0.3, -r - 0.12, root - 0.08, -r - 0.12, 0.07), dark * 0.8, where=engine)
    wing = [
        (root - 0.34 - sweep, -drop),
        (root - 0.16 - sweep, -drop),
        (root + 0.06, -0.03),
        (root - 0.34, -0.03),
    ]
    brush.fill(convex(x, y, wing), paint * 0.85)


def airplane_above(brush: Brush, dice: Dice, paint: Array) -> None:
    """Airplane seen from above or below: a cross with swept wings and a tailplane."""
    x, y = brush.x, np.abs(brush.y)
    trim, glass = dice.rgb(0.0, 0.9), dice.pick(GLASS)
    r, span = dice.vary(0.09, 0.15), dice.vary(0.75, 1.0)
    sweep, root, chord = dice.vary(0.1, 0.55), dice.vary(0.1, 0.34), dice.vary(0.32, 0.46)
    tip = root - sweep
    wing = convex(x, y, [(root - chord, -0.1), (root, -0.1), (tip, span), (tip - 0.14, span)])
    tail = convex(x, y, [(-0.92, -0.1), (-0.66, -0.1), (-0.82, 0.36), (-0.94, 0.36)])
    brush.fill(wing, paint * 0.86)
    brush.fill(np.maximum(wing, 0.8 * span - y), trim)
    brush.fill(tail, paint * 0.86)
    engine_y = dice.vary(0.3, 0.42)
    engine_x = root - sweep * engine_y / span
    brush.fill(segment(x, y, engine_x - 0.12, engine_y, engine_x + 0.1, engine_y, 0.06), paint * 0.55)
    body = segment(x, y, -0.88, 0.0, 0.78, 0.0, r * 0.4, r)
    brush.fill(body, paint)
    brush.fill(np.maximum(body, r * 0.35 - y), paint * 0.78)
    brush.fill(segment(x, y, -0.92, 0.0, -0.68, 0.0, 0.03), trim)
    brush.fill(ellipse(x, y, 0.72, 0.0, 0.07, r * 0.7), glass * 0.5)


def _hull(
    brush: Brush, paint: Array, left: Number, right: Number, deck: Number, keel: Number, bottom: Array
) -> None:
    """Draw a hull with a raised bow on the right and a coloured waterline."""
    x, y = brush.x, brush.y
    hull = convex(x, y, [(left, deck), (left + 0.16, keel), (right - 0.3, keel), (right, deck + 0.1)])
    brush.fill(hull, paint, shade=0.5)
    brush.fill(np.maximum(hull, y - (keel + 0.09)), bottom)
    brush.fill(np.maximum(hull, np.abs(y - deck + 0.02) - 0.03), mix(paint, rgb(1, 1, 1), 0.6))


def ship_steamer(brush: Brush, dice: Dice, paint: Array) -> None:
    """Passenger ship: hull, stacked decks, funnels, a mast."""
    x, y = brush.x, brush.y
    deck, keel = dice.vary(-0.26, -0.1), dice.vary(-0.6, -0.5)
    white, funnel = (
        dice.pick([(0.95, 0.95, 0.93), (0.9, 0.86, 0.75)]),
        dice.pick([(0.8, 0.15, 0.1), (0.15, 0.15, 0.2), (0.9, 0.7, 0.1)], 0.15),
    )
    long, second, tall = dice.vary(0.4, 0.62), dice.chance(0.5), dice.vary(0.52, 0.75)
    mast = dice.vary(0.4, 0.6)
    brush.fill(segment(x, y, mast, deck, mast, dice.vary(0.45, 0.75), 0.022), rgb(0.25, 0.2, 0.18))
    for cx, where in ((-0.2, None), (0.12, second)):
        pipe = convex(x, y, [(cx - 0.1, 0.1), (cx + 0.1, 0.1), (cx + 0.06, tall), (cx - 0.14, tall)])
        brush.fill(pipe, funnel, where=where)
        brush.fill(np.maximum(pipe, tall - 0.12 - y), rgb(0.1, 0.1, 0.1), where=where)
    for height, width in ((0.12, long), (0.28, long * 0.68)):
        storey = box(x, y, -0.08, deck + height, width, 0.1)
        brush.fill(storey, white, shade=0.2)
        brush.fill(
            np.maximum(box(repeat(x, 0.17), y, 0.0, deck + height, 0.05, 0.035), storey + 0.03), white * 0.35
        )
    _hull(brush, paint, -0.92, 0.96, deck, keel, dice.pick([(0.6, 0.12, 0.1), (0.1, 0.1, 0.15)], 0.1))


def ship_sail(brush: Brush, dice: Dice, paint: Array) -> None:
    """Sailing boat: a hull, a mast, a mainsail and a jib."""
    x, y = brush.x, brush.y
    deck, keel, top = dice.vary(-0.5, -0.4), dice.vary(-0.78, -0.7), dice.vary(0.8, 0.95)
    sail = dice.pick([(0.97, 0.96, 0.92), (0.95, 0.9, 0.75), (0.85, 0.3, 0.2), (0.9, 0.75, 0.3)], 0.06)
    mast, boom, jib = dice.vary(-0.02, 0.14), dice.vary(-0.78, -0.55), dice.vary(0.6, 0.82)
    main = convex(x, y, [(boom, deck + 0.1), (mast - 0.03, deck + 0.1), (mast - 0.03, top)])
    brush.fill(main, sail, shade=0.12)
    brush.fill(np.maximum(main, np.abs(repeat(y, 0.3)) - 0.018), sail * 0.8)
    brush.fill(
        convex(x, y, [(mast + 0.05, deck + 0.08), (jib, deck + 0.12), (mast + 0.05, top - 0.15)]), sail * 0.9
    )
    brush.fill(segment(x, y, mast, deck, mast, top + 0.03, 0.024), rgb(0.3, 0.22, 0.15))
    _hull(brush, paint, dice.vary(-0.85, -0.7), dice.vary(0.75, 0.92), deck, keel, paint * 0.5)


def ship_cargo(brush: Brush, dice: Dice, paint: Array) -> None:
    """Container ship: stacked boxes in many colours, the bridge at the stern."""
    x, y = brush.x, brush.y
    deck, keel = dice.vary(-0.2, -0.08), dice.vary(-0.58, -0.48)
    white, first, step = dice.pick([(0.94, 0.94, 0.92)]), dice.rgb(), dice.span(0.2, 0.5)
    rows, tower = dice.vary(0.2, 0.46), dice.vary(0.42, 0.62)
    stack = box(x, y, 0.12, deck + rows / 2, 0.56, rows / 2)
    column, row = np.floor((x + 1) / 0.19), np.floor((y - deck) / 0.13)
    turn = column * step + row * (step + 0.17)
    tone = np.stack([first[c] + turn * (1 + 0.6 * c) for c in range(3)])
    brush.fill(stack, 0.2 + 0.7 * np.abs(2 * (tone - np.floor(tone)) - 1))
    bridge = box(x, y, -0.66, deck + tower / 2, 0.16, tower / 2)
    brush.fill(bridge, white, shade=0.15)
    brush.fill(np.maximum(bridge + 0.03, np.abs(y - deck - tower + 0.14) - 0.045), white * 0.3)
    brush.fill(box(x, y, -0.74, deck + tower + 0.06, 0.06, 0.08), first * 0.8)
    _hull(brush, paint, -0.95, 0.98, deck, keel, dice.pick([(0.6, 0.12, 0.1), (0.1, 0.1, 0.15)], 0.1))
