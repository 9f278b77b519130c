"""A layer to paint a figure on, back to front, with antialiased edges."""

from __future__ import annotations

import numpy as np

from ._random import Array
from ._sdf import Number


def rgb(r: float, g: float, b: float) -> Array:
    """Return one colour for all pictures, shape (3, 1, 1, 1)."""
    return np.array([r, g, b], dtype=np.float32)[:, None, None, None]


def mix(a: Array, b: Array, t: Number) -> Array:
    """Return the blend ``a + (b - a) t``."""
    return a + (b - a) * t


class Brush:
    """A transparent layer in figure coordinates.

    Parameters
    ----------
    x, y : float32 arrays of shape (n, H, W)
        Coordinates of each pixel's centre in the figure's own frame: it fills about [-1, 1], y up.
    pixel : float32 array of shape (n, 1, 1)
        Width of a pixel in that frame.
    grain : float32 array of shape (n, H, W)
        Smooth noise about zero, for textured surfaces.

    Attributes
    ----------
    color : float32 array of shape (3, n, H, W)
        Colour painted so far, already multiplied by ``alpha``.
    alpha : float32 array of shape (n, H, W)
        Opacity painted so far.
    edge : float32 array of shape (n, H, W)
        Signed distance to all that was painted (negative inside).
    """

    def __init__(self, x: Array, y: Array, pixel: Array, grain: Array) -> None:
        self.x, self.y, self.pixel, self.grain = x, y, pixel, grain
        self.color = np.zeros((3, *x.shape), dtype=np.float32)
        self.alpha = np.zeros(x.shape, dtype=np.float32)
        self.edge = np.full(x.shape, 9, dtype=np.float32)

    def coverage(self, distance: Array) -> Array:
        """Return how much of each pixel lies inside, from the distance to the edge."""
        return np.clip(0.5 - distance / self.pixel, 0, 1)

    def fill(
        self,
        distance: Array,
        color: Array,
        shade: float = 0.0,
        grain: float = 0.0,
        where: Array | None = None,
    ) -> None:
        """Paint a shape over what is there.

        Parameters
        ----------
        distance : float32 array of shape (n, H, W)
            Signed distance to the shape.
        color : float32 array broadcastable to (3, n, H, W)
        shade : float
            How much brighter the colour is per unit of height: light comes from above.
        grain : float
            Strength of the surface's texture.
        where : array broadcastable to (n, H, W), optional
            Opacity (or a condition) per picture or pixel.
        """
        cover = self.coverage(distance)
        if where is not None:
            cover = cover * where
            distance = np.where(where > 0, distance, np.float32(9))
        if shade or grain:
            color = color * (1 + shade * self.y + grain * self.grain)
        self.color += cover * (color - self.color)
        self.alpha += cover * (1 - self.alpha)
        np.minimum(self.edge, distance, out=self.edge)

    def onto(self, canvas: Array, rim_color: Array, rim_opacity: Number) -> Array:
        """Return canvas, shape (3, n, H, W), with a rim around the figure and the figure on top."""
        rim = self.coverage(self.edge - 0.7 * self.pixel) * rim_opacity
        out = canvas + rim * (rim_color - canvas)
        return out * (1 - self.alpha) + self.color
