"""Files of arrays that are either whole or absent: written aside, then renamed."""

import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it to ``path`` when the block ends well.

    Parameters
    ----------
    path : Path
        The file to write. Its folder is made where it is missing.

    Yields
    ------
    Path
        An empty temporary file in the same folder. If the block raises, it is removed and ``path`` stays as
        it was; readers therefore never see half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def save_arrays(path: Path, **arrays: np.ndarray) -> bool:
    """Write arrays to one uncompressed ``.npz`` file, or warn where the folder can't be written.

    Parameters
    ----------
    path : Path
        The file, normally in :func:`course_utils.data.cache_dir`.
    **arrays : ndarray
        The arrays by name, of any shape; no objects.

    Returns
    -------
    bool
        Whether the file was written. A cache saves time but nothing depends on it, so a full or read-only
        disk is a warning.
    """
    try:
        with written_aside(path) as aside, open(aside, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        warnings.warn(
            f"Could not write {path} ({error.strerror or error}), so the pictures will be prepared again "
            "next time. Free some disk space, or set COURSE_CACHE to a folder you may write to.",
            stacklevel=2,
        )
        return False
    return True


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read what :func:`save_arrays` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray, or None
        None where the file is missing or damaged (each array is stored with a checksum); a damaged file is
        removed, so that it is made again.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None
