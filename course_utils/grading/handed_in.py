"""Read what a student handed in: regular files only, of a limited size, whatever lies in the folder."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from course_utils.grading.verdict import clean

#: No link is followed, a FIFO does not block, and a program started later does not get the descriptor.
_SAFELY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class RefusedError(Exception):
    """What was handed in can't be graded; the text says why, to student and instructor alike."""


class MissingError(RefusedError):
    """The file is not there."""


def read_regular(folder: Path, name: str, most: int) -> bytes:
    """Read a file of a submission's folder.

    The folder ``…/STUDENT/ASSIGNMENT``, the student's folder and the file are opened one inside the other
    without following a link, and what is checked is what has been opened.

    Parameters
    ----------
    folder : Path
        The submission's.
    name : str
        The file's, without a path.
    most : int
        Bytes that it may have.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    MissingError
        If there is no such file.
    RefusedError
        If it or a folder on the way is anything but what it should be, or it is too large.
    """
    with _opened(folder) as place:
        _expect(name, stat.S_ISREG, "a regular file", place)
        try:
            descriptor = os.open(name, _SAFELY, dir_fd=place)
        except OSError as error:
            raise RefusedError(f"{shown(name)} can't be read ({error.strerror}).") from None
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise RefusedError(f"{shown(name)} is {_kind(found.st_mode)}; a regular file is wanted.")
            try:
                content = file.read(most + 1)
            except OSError as error:
                raise RefusedError(f"{shown(name)} can't be read ({error.strerror}).") from None
    if len(content) > most:
        raise RefusedError(f"{shown(name)} is larger than {most / 2**20:.3g} MiB; clear its outputs.")
    return content


def beside(folder: Path, most: int) -> list[str]:
    """List what lies in a submission's folder: at most so many names, sorted; folders end with a slash."""
    names: list[str] = []
    with _opened(folder) as place, os.scandir(place) as entries:
        for entry in entries:
            names.append(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name)
            if len(names) >= most:
                break
    return sorted(names)


def shown(name: str) -> str:
    """Make a name harmless to show: no control characters, not too long."""
    return clean(name.replace("\n", " ").replace("\t", " "), 80)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open a submission's folder by way of the student's; neither may be a link."""
    folder = Path(os.path.abspath(folder))
    with contextlib.ExitStack() as stack:
        place = None
        for step in (folder.parent, folder.name):
            _expect(os.fspath(step), stat.S_ISDIR, "a folder", place)
            try:
                place = os.open(step, _SAFELY | os.O_DIRECTORY, dir_fd=place)
            except OSError as error:
                what = shown(os.path.basename(step))
                raise RefusedError(f"{what} can't be opened ({error.strerror}).") from None
            stack.callback(os.close, place)
        assert place is not None
        yield place


def _expect(path: str, is_right: object, wanted: str, place: int | None) -> None:
    """Refuse what is of the wrong kind before it is opened: opening alone can do something to a device."""
    name = shown(os.path.basename(path))
    try:
        mode = os.stat(path, dir_fd=place, follow_symlinks=False).st_mode
    except FileNotFoundError:
        raise MissingError(f"{name} is missing.") from None
    except OSError as error:
        raise RefusedError(f"{name} can't be read ({error.strerror}).") from None
    if not is_right(mode):  # type: ignore[operator]
        raise RefusedError(f"{name} is {_kind(mode)}; {wanted} is wanted.")


def _kind(mode: int) -> str:
    """Name a kind of file."""
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a regular file",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")
