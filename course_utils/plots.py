"""One look for every figure of the course, and pictures in a grid.

Axes are white, so that a figure stands well on a light and on a dark page. The line colours follow Okabe and
Ito (2008), chosen for the common forms of colour blindness; the first five also differ in lightness, so that
they survive greyscale printing.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours of lines; the first five differ in lightness from each other too.
COLOURS = ("#0072B2", "#E69F00", "#004D40", "#D55E00", "#8CCBF2", "#CC79A7", "#000000", "#009E73")
#: Line styles to use beside the colours, so that no curve is told by its colour alone.
LINE_STYLES = ("-", "--", "-.", ":")
#: Marker shapes, one a class, for scatter plots of up to ten classes.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
#: Colour maps: for values from little to much, and for values around zero.
SEQUENTIAL, DIVERGING = "viridis", "PuOr"


def use_style() -> None:
    """Set matplotlib's defaults for the course: call it once, in a chapter's settings cell."""
    import matplotlib as mpl
    from cycler import cycler

    _load_backend()
    mpl.rcParams.update(
        {
            "figure.facecolor": "white",
            "figure.dpi": 120,
            "figure.figsize": (7.0, 3.6),
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "axes.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.prop_cycle": cycler(color=COLOURS),
            "grid.color": "#dddddd",
            "grid.linewidth": 0.7,
            "font.size": 11,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 2.0,
            "image.cmap": SEQUENTIAL,
            "image.interpolation": "nearest",
            "svg.hashsalt": "course",
        }
    )


@functools.cache
def _load_backend() -> None:
    """Load matplotlib's backend: until a notebook's is there, a figure made without pyplot shows as text."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    if not plt.get_fignums():  # an open figure has loaded it already
        plt.switch_backend(mpl.get_backend())


def show_images(
    images: np.ndarray,
    labels: Sequence[int] | Sequence[str] | np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    columns: int = 10,
    *,
    zoom: float = 0.7,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Show pictures in a grid, each with its label above it.

    Make it a cell's last expression: the figure is not left open in pyplot, so that it is shown once.

    Parameters
    ----------
    images : ndarray of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3)
        uint8, or floating point; 0 is black and 255 (uint8) or 1.0 (floating point) is white.
    labels : sequence of N integers or strings, optional
        Integers are looked up in `class_names` where that is given; strings are shown as they are.
    class_names : sequence of str, optional
        Name of each class.
    columns : int
        Pictures in a row.
    zoom : float
        Width of a picture in inches.
    title : str, optional
        A line above the grid.
    limits : pair of float, optional
        Values shown as black and as white, for arrays in another range (templates, differences).

    Returns
    -------
    matplotlib.figure.Figure
        One axes that holds the whole grid.

    Raises
    ------
    ValueError
        If the shape is not one of the above, or `labels` has another length than `images`.

    Examples
    --------
    >>> import numpy as np
    >>> figure = show_images(np.zeros((3, 32, 32, 3), np.uint8), [0, 1, 1], ("bird", "ship"))
    >>> figure.axes[0].texts[2].get_text()
    'ship'
    """
    from matplotlib.figure import Figure

    images = _as_rgb(np.asarray(images), limits)
    n, height, width, _ = images.shape
    if labels is not None and len(labels) != n:
        raise ValueError(f"{n} images but {len(labels)} labels; give one label an image")
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    # Gaps in units of pixels of the pictures: a thin one between columns, room for a label between rows.
    gap = max(1, round(0.06 * width))
    head = max(1, round(0.24 * width / zoom)) if labels is not None else gap
    canvas = np.ones((rows * (height + head), columns * (width + gap) - gap, 3), np.float32)
    for i in range(n):
        top, left = (i // columns) * (height + head) + head, (i % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = images[i]
    inches = zoom / width
    title_room = 0.3 if title else 0.0
    size = (canvas.shape[1] * inches, canvas.shape[0] * inches + title_room)
    figure = Figure(figsize=size)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0 - title_room / size[1]))
    axes.imshow(canvas, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    _load_backend()
    if labels is not None:
        names = [_name(label, class_names) for label in labels]
        points = min(9.0, 72 * zoom * 1.6 / max(map(len, names)))
        for i, label in enumerate(names):
            top, left = (i // columns) * (height + head) + head, (i % columns) * (width + gap)
            above = top - 0.08 * head - 0.5
            axes.text(left + width / 2, above, label, ha="center", va="bottom", fontsize=points)
    if title:
        figure.suptitle(title, x=0.0, y=1.0, ha="left", va="top", fontsize=11)
    return figure


def _name(label: object, class_names: Sequence[str] | None) -> str:
    if isinstance(label, str) or class_names is None:
        return str(label)
    return str(class_names[int(label)])  # type: ignore[call-overload]


def _as_rgb(images: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    """Bring pictures to float32 (N, H, W, 3) between 0 and 1."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(
            f"images have shape {images.shape}; wanted (N, H, W), (N, H, W, 1) or (N, H, W, 3) with N >= 1. "
            "One picture: images[None]; PyTorch's (N, C, H, W): images.permute(0, 2, 3, 1)"
        )
    if limits is None:
        limits = (0, 255) if images.dtype == np.uint8 else (0, 1)
    low, high = limits
    scaled = (images.astype(np.float32) - low) / max(high - low, 1e-12)
    return np.broadcast_to(np.clip(scaled, 0, 1), (*images.shape[:3], 3))
