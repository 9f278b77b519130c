"""Draw welcome.png: five Pocket-10 test pictures of each class, nothing in front, twice their size."""

from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.data import POCKET10_CLASSES, pocket10

ROWS, SCALE, GAP = 5, 2, 6


def draw() -> Image.Image:
    """Lay the pictures out, one column a class.

    Returns
    -------
    PIL.Image.Image
        Transparent between the pictures, so that it sits well on light and dark pages.
    """
    images, labels = pocket10("test", n=20 * len(POCKET10_CLASSES), occlusion=0.0)
    step = SCALE * images.shape[1] + GAP
    sheet = np.zeros((ROWS * step - GAP, len(POCKET10_CLASSES) * step - GAP, 4), np.uint8)
    for column in range(len(POCKET10_CLASSES)):
        for row, picture in enumerate(images[labels == column][:ROWS]):
            large = picture.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
            height, width = large.shape[:2]
            place = sheet[row * step : row * step + height, column * step : column * step + width]
            place[..., :3], place[..., 3] = large, 255
    return Image.fromarray(sheet)


if __name__ == "__main__":
    draw().save(Path(__file__).with_name("welcome.png"), optimize=True)
