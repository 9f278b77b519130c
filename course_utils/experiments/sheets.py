"""Contact sheets of Pocket-10: every class, and every dial from 0 to 1."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

ENLARGED = 3  # screen pixels a pixel
SCENES = [12, 13, 14]  # test pictures shown for each dial
VALUES = (0.0, 0.25, 0.5, 0.75, 1.0)


def tiled(rows: Sequence[np.ndarray], gap: int = 2) -> np.ndarray:
    """Put pictures on a white sheet.

    Parameters
    ----------
    rows : sequence of uint8 arrays, each of shape (columns, H, W, 3)
        The pictures, all of one size; every row has the same number.
    gap : int
        White pixels around each picture.

    Returns
    -------
    uint8 array of shape (height, width, 3)
        The pictures enlarged by whole pixels.
    """
    pictures = np.stack(list(rows)).repeat(ENLARGED, axis=2).repeat(ENLARGED, axis=3)
    padded = np.pad(pictures, ((0, 0), (0, 0), (gap, gap), (gap, gap), (0, 0)), constant_values=255)
    r, c, height, width, _ = padded.shape
    return padded.transpose(0, 2, 1, 3, 4).reshape(r * height, c * width, 3)


def labelled(sheet: np.ndarray, left: Sequence[str], top: Sequence[str] = ()) -> bytes:
    """Write names beside the rows and above the columns of a sheet; return it as PNG.

    Parameters
    ----------
    sheet : uint8 array of shape (height, width, 3)
    left, top : sequence of str
        Names, spread evenly along the height and the width.

    Returns
    -------
    bytes
        A PNG file.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width, _ = sheet.shape
    margin_x, margin_y = 130, 30 if top else 0
    image = Image.new("RGB", (margin_x + width, margin_y + height), "white")
    image.paste(Image.fromarray(sheet), (margin_x, margin_y))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(19)
    for i, name in enumerate(left):
        draw.text((6, margin_y + (i + 0.5) * height / len(left)), name, "black", font, anchor="lm")
    for i, name in enumerate(top):
        draw.text((margin_x + (i + 0.5) * width / len(top), margin_y / 2), name, "black", font, anchor="mm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@experiment("pocket10_contact_sheets", dataset="pocket10", minutes=0.2)
def pocket10_contact_sheets(context: Context) -> Outcome:
    """Draw two contact sheets of Pocket-10, and measure how much of a picture the figure fills."""
    from course_utils.data import POCKET10_CLASSES, POCKET10_STANDARD, pocket10, pocket10_masks

    gentle = dict.fromkeys(POCKET10_STANDARD, 0.0) | {"context": 1.0}
    blocks: dict[str, dict[str, Any]] = {
        "gentle, all kinds": gentle | {"intraclass": 1.0},
        "standard, nothing hidden": {"occlusion": 0.0},
        "standard": {},
    }
    columns = context.choose(5, 2)

    def members(label: int) -> np.ndarray:
        """Return a few pictures of one class in each block."""
        shown = []
        for setting in blocks.values():
            images, labels = pocket10("test", n=10 * columns, **setting)
            shown.append(images[labels == label])
        return np.concatenate(shown)

    classes = labelled(tiled([members(label) for label in range(10)]), POCKET10_CLASSES, list(blocks))

    def row(dial: str) -> np.ndarray:
        """Return three scenes at each value of a dial."""
        settings: list[dict[str, Any]] = [{**gentle, dial: value} for value in VALUES]
        return np.concatenate([context.pocket10("test", **setting)[0][SCENES] for setting in settings])

    rows = [row(dial) for dial in POCKET10_STANDARD]
    names = [f"{dial}\n(standard {value:g})" for dial, value in POCKET10_STANDARD.items()]
    dials = labelled(tiled(rows), names, [f"{value:g}" for value in VALUES])
    n = context.choose(2000, 20)
    masks, labels = pocket10_masks("test", n=n), pocket10("test", n=n)[1]
    share = {
        name: summarise([float(masks[labels == label].mean())]) for label, name in enumerate(POCKET10_CLASSES)
    }
    return Outcome(
        seeds=[0],
        metrics={"figure_share": share},
        settings={"standard": dict(POCKET10_STANDARD), "values": list(VALUES)},
        notes=[
            "Test pictures of seed 0, enlarged three times. The first sheet shows each class with all dials "
            "but intraclass at their gentlest, then the same scenes at the standard setting without and with "
            "occlusion. In the second sheet one dial at a time goes from 0 to 1 while the others stay at "
            "their gentlest: the same three scenes in each row.",
            "figure_share: the mean share of a picture's pixels that belong to its figure, hidden or not.",
        ],
        pictures={"pocket10_contact_sheet_classes": classes, "pocket10_contact_sheet_dials": dials},
    )


VIEWER_SEED = 20261120


@experiment("pocket10_viewer", dataset="pocket10", minutes=0.1)
def pocket10_viewer(context: Context) -> Outcome:
    """Draw 100 unlabelled test pictures with nothing in front, and count how many a viewer named rightly."""
    from course_utils.data import POCKET10_CLASSES, pocket10
    from course_utils.results import results_dir

    images, labels = pocket10("test", n=100, seed=VIEWER_SEED, occlusion=0.0)
    order = np.random.default_rng(VIEWER_SEED).permutation(len(images))
    rows = [images[order[start : start + 10]] for start in range(0, 100, 10)]
    names = [POCKET10_CLASSES[labels[i]] for i in order]
    file = results_dir() / "pocket10_viewer_answers.txt"
    answers = names if context.quick else file.read_text(encoding="utf-8").split()
    right = np.array(names) == np.array(answers)
    return Outcome(
        seeds=[VIEWER_SEED],
        metrics={"accuracy": summarise([float(right.mean())])},
        settings={"occlusion": 0.0, "pictures": len(images)},
        notes=[
            "One viewer, a vision-language model that had never been shown the data set, was given the sheet "
            "without labels and the ten names. Its answers, row by row, are pocket10_viewer_answers.txt."
        ],
        pictures={
            "pocket10_viewer_sheet": labelled(
                tiled(rows), [f"{start + 1} to {start + 10}" for start in range(0, 100, 10)]
            )
        },
    )
