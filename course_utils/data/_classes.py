"""The ten classes of Pocket-10: how each is drawn, painted, tilted, and where it usually stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import _craft, _nature, _things, _vehicles
from ._brush import Brush
from ._random import Array, Dice

Painter = Callable[[Brush, Dice, Array], None]
Palette = list[tuple[float, float, float]]

ANY: Palette = [
    (0.8, 0.12, 0.1),
    (0.95, 0.75, 0.15),
    (0.15, 0.3, 0.7),
    (0.2, 0.5, 0.3),
    (0.9, 0.9, 0.9),
    (0.15, 0.15, 0.17),
    (0.6, 0.62, 0.66),
    (0.9, 0.5, 0.15),
    (0.45, 0.2, 0.5),
    (0.4, 0.65, 0.85),
    (0.5, 0.32, 0.2),
    (0.85, 0.55, 0.65),
]
HULLS: Palette = [(0.15, 0.2, 0.35), (0.2, 0.2, 0.22), (0.75, 0.15, 0.12), (0.9, 0.9, 0.9), (0.2, 0.45, 0.4)]
LIVERY: Palette = [(0.93, 0.93, 0.95), (0.8, 0.82, 0.86), (0.6, 0.64, 0.7), (0.9, 0.85, 0.7)]
PLUMAGE: Palette = [
    (0.5, 0.36, 0.24),
    (0.35, 0.45, 0.7),
    (0.75, 0.2, 0.15),
    (0.9, 0.75, 0.25),
    (0.25, 0.25, 0.28),
    (0.7, 0.7, 0.7),
]
SCALES: Palette = [
    (0.95, 0.5, 0.12),
    (0.95, 0.8, 0.2),
    (0.6, 0.68, 0.75),
    (0.25, 0.4, 0.75),
    (0.8, 0.25, 0.3),
    (0.4, 0.6, 0.4),
]
WALLS: Palette = [
    (0.92, 0.88, 0.78),
    (0.85, 0.7, 0.5),
    (0.7, 0.38, 0.28),
    (0.75, 0.8, 0.85),
    (0.85, 0.6, 0.55),
    (0.93, 0.93, 0.9),
]
GREEN: Palette = [(0.2, 0.45, 0.15), (0.32, 0.52, 0.2), (0.15, 0.36, 0.22), (0.5, 0.58, 0.2)]


@dataclass(frozen=True)
class Figure:
    """One class.

    Attributes
    ----------
    name : str
    variants : tuple of painters
        The typical form first; the others appear as the dial ``intraclass`` rises.
    palette : list of colours
        Usual colours; where the surroundings are unusual, any colour may come.
    places : tuple of str
        Usual surroundings, equally likely.
    angle : float
        Tangent of half the usual tilt (0: upright).
    tilt : float
        Tangent of half the largest further tilt, at ``viewpoint`` = 1.
    """

    name: str
    variants: tuple[Painter, ...]
    palette: Palette
    places: tuple[str, ...]
    angle: float = 0.0
    tilt: float = 0.15


FIGURES: tuple[Figure, ...] = (
    Figure("airplane", (_craft.airplane_side, _craft.airplane_above), LIVERY, ("sky",), 0.06, 0.5),
    Figure(
        "automobile",
        (_vehicles.automobile_sedan, _vehicles.automobile_hatchback, _vehicles.automobile_front),
        ANY,
        ("road",),
    ),
    Figure("bird", (_nature.bird_perched, _nature.bird_flying), PLUMAGE, ("sky", "foliage"), 0.0, 0.25),
    Figure("book", (_things.book_closed, _things.book_open, _things.book_standing), ANY, ("desk",), 0.0, 0.4),
    Figure("fish", (_nature.fish_tall, _nature.fish_slim), SCALES, ("underwater",), 0.0, 0.35),
    Figure("house", (_things.house_gable, _things.house_wide), WALLS, ("meadow", "road"), 0.0, 0.12),
    Figure(
        "pen", (_things.pen_fountain, _things.pen_ballpoint, _things.pen_marker), ANY, ("desk",), 0.33, 0.9
    ),
    Figure(
        "ship",
        (_craft.ship_steamer, _craft.ship_sail, _craft.ship_cargo),
        HULLS,
        ("water",),
        0.0,
        0.15,
    ),
    Figure(
        "tree", (_nature.tree_broad, _nature.tree_conifer, _nature.tree_palm), GREEN, ("meadow",), 0.0, 0.12
    ),
    Figure("truck", (_vehicles.truck_box, _vehicles.truck_tanker, _vehicles.truck_flatbed), ANY, ("road",)),
)
"""The classes in alphabetical order; a class's label is its position here."""
