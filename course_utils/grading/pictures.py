"""Pictures that students handed in, drawn again: what is kept are pixels, nothing else of the file."""

from __future__ import annotations

import base64
import binascii
import io
import warnings

_LONGEST = 8 * 2**20
_PIXELS = 4_000_000
_SIDE = 900
#: Passes of a JPEG; programs write about ten. Each costs the reader a look at every pixel.
_SCANS = 100


def redrawn(encoded: object) -> str | None:
    """Decode a PNG or JPEG and write it as a PNG of limited size.

    Parameters
    ----------
    encoded : object
        Base64, as a notebook holds it.

    Returns
    -------
    str or None
        Base64 of the PNG; None if there is no such picture, or it has more than 4 million pixels or 100
        passes.
    """
    from PIL import Image

    if not isinstance(encoded, str) or len(encoded) > _LONGEST:
        return None
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
        if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _SCANS:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as picture:
                if picture.width * picture.height > _PIXELS:
                    return None
                picture.load()
                transparent = "A" in picture.getbands() or "transparency" in picture.info
                pixels = picture.convert("RGBA" if transparent else "RGB")
    except (Exception, binascii.Error):  # decoders raise many kinds of errors
        return None
    pixels.thumbnail((_SIDE, _SIDE))
    clean = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())  # without the file's comments
    written = io.BytesIO()
    clean.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode("ascii")
