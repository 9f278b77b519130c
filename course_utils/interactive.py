"""Interactive figures that need no kernel: a stack of pictures computed ahead, and a control.

The pictures and the control are ipywidgets joined by ``jslink``: the browser alone switches between them, on
the rendered page as in JupyterLab. Beside the widget the output carries one PNG with a few of the frames; it
stands in wherever widgets can't run (no JavaScript, a preview of the notebook, print).
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

#: An interactive figure may weigh this many bytes of PNG, all frames together.
FIGURE_BUDGET = 900_000
#: Fewer frames than this are no slider: say "buttons" or "dropdown" for a choice between few.
FEWEST_FRAMES = 12
#: How many frames the static stand-in shows.
FALLBACK_FRAMES = 4


class Interactive:
    """An interactive figure: make it a cell's last expression, or `display` it.

    Attributes
    ----------
    name, description : str
        As given to `frames`.
    widget : ipywidgets.VBox
        Stack, control and caption.
    fallback : bytes
        PNG that stands in for the widget.
    """

    def __init__(
        self, name: str, description: str, widget: Any, fallback: bytes, alt: str, count: int
    ) -> None:
        self.name, self.description, self.widget = name, description, widget
        self.fallback, self._alt, self._count = fallback, alt, count

    def __repr__(self) -> str:
        """Say what is shown, in words that are the same on every machine."""
        return f"Interactive figure {self.name!r}: {self._count} frames, {self.description}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        # Not the widgets' own text/plain: it repeats the pictures' bytes, which differ between machines.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        data = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(self.fallback).decode(),
            "application/vnd.jupyter.widget-view+json": view,
        }
        return data, {"image/png": {"alt": self._alt}}


def frames(
    figures: Sequence[Figure] | Sequence[bytes],
    labels: Sequence[str] | Sequence[int] | Sequence[float],
    *,
    name: str,
    alt: Sequence[str],
    description: str,
    caption: str = "",
    kind: str = "slider",
    start: int = 0,
    dpi: int = 110,
) -> Interactive:
    """Show one of many pictures, chosen with a slider, buttons or a drop-down list, without a kernel.

    Parameters
    ----------
    figures : sequence of matplotlib figures, or of PNG bytes
        One a frame, all of one size in pixels. Figures are closed once they are drawn.
    labels : sequence of str, int or float
        What the control shows for each frame (``"k = 5"``, ``0.01``).
    name : str
        Short identifier, unique in the notebook (letters, digits, hyphens). The widget gets the CSS class
        ``interactive-NAME``, by which tests find it.
    alt : sequence of str
        What each frame shows, in words, for those who don't see it. No two alike.
    description : str
        Name of the control, also read by screen readers: "Neighbours k".
    caption : str
        Shown under the picture. Leave it empty where the cell's ``mystnb`` metadata has a caption.
    kind : {"slider", "buttons", "dropdown"}
        The control. A slider has at least 12 frames; use buttons or a list for fewer.
    start : int
        Index of the frame shown first.
    dpi : int
        Dots an inch for matplotlib figures.

    Returns
    -------
    Interactive
        Displays itself as a cell's last expression.

    Raises
    ------
    ValueError
        If lengths, sizes or texts don't fit as said above, or the pictures weigh more than `FIGURE_BUDGET`.
    """
    import ipywidgets as widgets

    texts = [f"{label:g}" if isinstance(label, float) else str(label) for label in labels]
    _check(figures, texts, alt, name, description, kind, start)
    pictures = [_to_png(figure, dpi) for figure in figures]
    sizes = {_open(png).size for png in pictures}
    if len(sizes) > 1:
        raise ValueError(f"{name}: frames have different sizes {sorted(sizes)}; draw all with one figsize")
    pictures = [_shrink(png) for png in pictures]
    weight = sum(map(len, pictures))
    if weight > FIGURE_BUDGET:
        raise ValueError(
            f"{name}: {len(pictures)} frames weigh {weight:,} bytes, more than {FIGURE_BUDGET:,}; "
            "use a smaller figsize or dpi, or fewer frames"
        )

    layout = widgets.Layout(width="auto", max_width="100%")
    stack = widgets.Stack(
        [widgets.HTML(_img(png, words), layout=layout) for png, words in zip(pictures, alt, strict=True)],
        selected_index=start,
        layout=layout,
    )
    options: dict[str, Any] = {
        "options": texts,
        "index": start,
        "description": description,
        "tooltip": description,
        "style": {"description_width": "initial"},
        "layout": widgets.Layout(width="auto", max_width="36rem"),
    }
    if kind == "slider":
        control = widgets.SelectionSlider(**options, continuous_update=True)
    elif kind == "buttons":
        options["style"] = {"description_width": "initial", "button_width": "auto"}
        control = widgets.ToggleButtons(**options)
    else:
        control = widgets.Dropdown(**options)
    widgets.jslink((control, "index"), (stack, "selected_index"))
    children: list[Any] = [control, stack]
    if caption:
        children.append(widgets.HTML(f'<p class="interactive-caption">{html.escape(caption)}</p>'))
    box = widgets.VBox(children, layout=widgets.Layout(width="auto", max_width="100%"))
    box.add_class("interactive").add_class(f"interactive-{name}")
    shown = sorted({round(i * (len(texts) - 1) / (FALLBACK_FRAMES - 1)) for i in range(FALLBACK_FRAMES)})
    strip = _strip([pictures[i] for i in shown], [f"{description}: {texts[i]}" for i in shown])
    words = " ".join(f"{description}: {texts[i]}. {alt[i]}" for i in shown)
    return Interactive(name, description, box, strip, words, len(texts))


def _check(
    figures: Sequence[Any],
    texts: list[str],
    alt: Sequence[str],
    name: str,
    description: str,
    kind: str,
    start: int,
) -> None:
    """Raise ValueError where the arguments of `frames` don't fit together."""
    if kind not in ("slider", "buttons", "dropdown"):
        raise ValueError(f"{name}: kind is {kind!r}; wanted 'slider', 'buttons' or 'dropdown'")
    if isinstance(alt, str) or not len(figures) == len(texts) == len(alt):
        counts = f"{len(figures)} figures, {len(texts)} labels, {len(alt)} alt texts"
        raise ValueError(f"{name}: {counts}; give one of each a frame (alt is a list)")
    fewest = FEWEST_FRAMES if kind == "slider" else 2
    if len(figures) < fewest:
        raise ValueError(f"{name}: {len(figures)} frames; a {kind} needs at least {fewest}")
    if not name or not name.replace("-", "").isalnum():
        raise ValueError(f"name is {name!r}; wanted letters, digits and hyphens")
    if not description.strip():
        raise ValueError(f"{name}: description is empty; it is the name a screen reader gives the control")
    if len(set(texts)) < len(texts):
        raise ValueError(f"{name}: two frames share a label: {texts}")
    if not all(words.strip() for words in alt) or len(set(alt)) < len(alt):
        raise ValueError(f"{name}: every frame needs its own alt text; say what changes between frames")
    if not 0 <= start < len(figures):
        raise ValueError(f"{name}: start is {start}; wanted 0 to {len(figures) - 1}")


def _img(png: bytes, alt: str) -> str:
    width, height = _open(png).size
    data = base64.b64encode(png).decode()
    return (
        f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" '
        f'style="max-width: 100%; height: auto; background: white" src="data:image/png;base64,{data}">'
    )


def _open(png: bytes) -> Image:
    from PIL import Image

    return Image.open(io.BytesIO(png))


def _encode(image: Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _to_png(figure: Any, dpi: int) -> bytes:
    """Draw a matplotlib figure, and close it; PNG bytes pass through."""
    if isinstance(figure, bytes):
        return figure
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _shrink(png: bytes) -> bytes:
    """Store a picture with a palette of 256 colours where nobody can tell it from the original."""
    from PIL import Image

    original = _open(png).convert("RGB")
    palette = original.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    error = np.abs(np.asarray(original, np.int16) - np.asarray(palette.convert("RGB"), np.int16))
    # On average below one level of 255, and only one value in a thousand further away than 12.
    invisible = error.mean() < 1.0 and np.quantile(error, 0.999) <= 12
    return min((_encode(palette if invisible else original), png), key=len)


def _strip(pictures: Sequence[bytes], titles: Sequence[str]) -> bytes:
    """Put pictures in a grid of two columns, each under its title, at two thirds of their size."""
    from matplotlib import font_manager
    from PIL import Image, ImageDraw, ImageFont

    tiles = [_open(png).convert("RGB") for png in pictures]
    width, height = (round(side * 2 / 3) for side in tiles[0].size)
    columns = min(2, len(tiles))
    rows = -(-len(tiles) // columns)
    head = 24
    canvas = Image.new("RGB", (columns * width, rows * (height + head)), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 14)
    for i, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
        left, top = (i % columns) * width, (i // columns) * (height + head)
        draw.text((left + 8, top + 5), title, fill="black", font=font)
        canvas.paste(tile.resize((width, height), Image.Resampling.LANCZOS), (left, top + head))
    return _encode(canvas.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG))
