"""From the bytes of a picture file to an array, with an error that names the file."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course_utils.data.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_GRAYSCALE = ("1", "L", "LA")
_COLOUR = ("RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV")


def decode(source: Path | bytes, name: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode one picture.

    Parameters
    ----------
    source : Path or bytes
        The file, or what it holds.
    name : str
        What an error calls it.
    size : (height, width), optional
        Scale the picture to this size; by default it keeps its own.

    Returns
    -------
    uint8 array of shape (H, W, 1) or (H, W, 3)
        Grayscale files give one channel, all others red, green and blue. Transparency is dropped; a camera's
        rotation mark is obeyed.

    Raises
    ------
    DataError
        If the file is missing, empty, truncated, no picture, or has more than 8 bits a channel.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
                opened.load()
                picture: Image.Image = opened
    except Exception as error:  # Pillow's decoders raise many kinds, from SyntaxError to struct.error
        empty = (
            len(source) == 0 if isinstance(source, bytes) else source.exists() and not os.path.getsize(source)
        )
        reason = "the file is empty" if empty else _reason(error)
        raise DataError(
            f"{name} can't be read as a picture: {reason}. Copy or download it again, or remove it."
        ) from error
    if picture.mode not in _GRAYSCALE + _COLOUR:
        raise DataError(
            f"{name} has pixels of kind {picture.mode!r}; 8 bits a channel were wanted. "
            "Save it as 8-bit PNG or JPEG."
        )
    if "exif" in picture.info:
        picture = ImageOps.exif_transpose(picture)
    picture = picture.convert("L" if picture.mode in _GRAYSCALE else "RGB")
    if size is not None and picture.size != (size[1], size[0]):
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, reducing_gap=3.0)
    pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "its permissions do not let you read it"
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is damaged or not a picture at all"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return "it is far too large"
    return str(error) or type(error).__name__
