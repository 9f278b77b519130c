"""Graded notebooks on the disk: whole or not at all, and each says which verdict it shows."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode


def shows(path: Path, stamp: str) -> bool:
    """Say whether a graded notebook is there and shows the verdict with this stamp.

    Parameters
    ----------
    path : Path
        The notebook.
    stamp : str
        What `course_utils.grading.keys.stamp` gives; nobody can foresee it.

    Returns
    -------
    bool
        False also where the file can't be read.
    """
    try:
        return stamp.encode() in path.read_bytes()
    except OSError:
        return False


def put(path: Path, notebook: NotebookNode, timestamp: datetime | None, mode: int = 0o444) -> None:
    """Write a graded notebook, and beside it the time of collection as nbgrader keeps it.

    Parameters
    ----------
    path : Path
        Where to; what is there is replaced in one step.
    notebook : NotebookNode
        What to write.
    timestamp : datetime or None
        In UTC, without a time zone.
    mode : int
        The files' permissions.

    Raises
    ------
    OSError
        If it can't be written.
    """
    # On one line: nbformat's own writer takes longer than marking does.
    _put_text(path, json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n", mode)
    if timestamp is not None:
        _put_text(path.parent / "timestamp.txt", f"{timestamp.isoformat(' ')} UTC\n", mode)


def _put_text(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
