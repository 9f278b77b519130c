"""Where data lies: what was downloaded or put there by hand, and what the course derived from it."""

import os
from pathlib import Path

from platformdirs import user_cache_path

_APPLICATION = "image-classification-course"


def data_dir() -> Path:
    """Return the folder of the original data sets; it may be read-only and need not exist.

    Returns
    -------
    Path
        ``$COURSE_DATA`` where it is set, else ``data`` in the user's cache folder.
    """
    chosen = os.environ.get("COURSE_DATA")
    return Path(chosen).expanduser().absolute() if chosen else user_cache_path(_APPLICATION, False) / "data"


def cache_dir() -> Path:
    """Return the folder of derived files (decoded pictures, drawn Pocket-10), which may be deleted any time.

    Returns
    -------
    Path
        ``$COURSE_CACHE`` where it is set, else ``derived`` in the user's cache folder. It need not exist.
    """
    chosen = os.environ.get("COURSE_CACHE")
    return (
        Path(chosen).expanduser().absolute() if chosen else user_cache_path(_APPLICATION, False) / "derived"
    )
