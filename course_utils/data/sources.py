"""Where pictures come from: a folder, a tar archive or a zip archive, seen as one list of names."""

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from course_utils.data.errors import DataError
from course_utils.data.pictures import SUFFIXES, decode

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
)


@dataclass(frozen=True)
class Source:
    """Pictures somewhere.

    Attributes
    ----------
    path : Path
        The folder or archive.
    names : list of str
        The pictures' paths inside it, with ``/``.
    folders : list of str
        The folders', empty ones too.
    sequential : bool
        Whether reading one picture costs as much as reading all.
    """

    path: Path
    names: list[str]
    folders: list[str]
    sequential: bool = False
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)

    def decoded(self, wanted: set[str], size: tuple[int, int] | None) -> Iterator[tuple[str, np.ndarray]]:
        """Decode pictures.

        Parameters
        ----------
        wanted : set of str
            Which of ``names``.
        size : (height, width), optional
            What to scale them to.

        Yields
        ------
        name : str
        pixels : uint8 array of shape (H, W, 1) or (H, W, 3)

        Raises
        ------
        DataError
            If one can't be read.
        """
        for name in self.names:
            if name in wanted:
                what = self.contents[name] if self.contents else self.path / name
                yield name, decode(what, f"{self.path}: {name}" if self.contents else str(what), size)


def open_source(path: Path) -> Source:
    """List a folder or archive of pictures. Hidden files and files of other kinds are left out.

    Parameters
    ----------
    path : Path
        An existing folder or ``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz`` or ``.zip`` file.

    Returns
    -------
    Source
        What is there. The (compressed) pictures of an archive are held in memory.

    Raises
    ------
    DataError
        If the archive is damaged, or the file is no archive.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.name.lower().endswith((*_TAR, ".zip")):
        raise DataError(f"{path} is neither a folder nor an archive ({', '.join(_TAR)}, .zip).")
    try:
        members = _zip_members(path) if path.name.lower().endswith(".zip") else _tar_members(path)
    except _DAMAGE as error:
        raise DataError(
            f"The archive {path} is damaged or incomplete ({error}). Copy or download it again."
        ) from error
    contents = {name: data for name, data in members.items() if data is not None and _is_picture(name)}
    folders = {name for name, data in members.items() if data is None}
    folders |= {str(parent) for name in contents for parent in PurePosixPath(name).parents}
    shown = sorted(name for name in folders if name != "." and not _is_hidden(name))
    return Source(path, sorted(contents), shown, sequential=True, contents=contents)


def fingerprint(path: Path) -> str:
    """Return what changes when the pictures do: path, sizes and times of change.

    Parameters
    ----------
    path : Path
        An existing folder or archive.

    Returns
    -------
    str
        Names, sizes and times of all files in a folder, as a hash; name, size and time of an archive.
    """
    if path.is_file():
        status = path.stat()
        return f"{path} {status.st_size} {status.st_mtime_ns}"
    found = hashlib.sha256(str(path).encode())
    for name in (listing := _open_folder(path)).names:
        try:
            status = (path / name).stat()
        except OSError as error:
            raise DataError(
                f"{path / name} can't be read ({error.strerror}). Put the file back, or remove its name."
            ) from error
        found.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return found.hexdigest() + "".join(listing.folders)


def _open_folder(path: Path) -> Source:
    names, folders = [], []
    for parent, inner, files in os.walk(path, followlinks=True):
        inner[:] = [name for name in inner if not _is_hidden(name)]
        here = Path(parent).relative_to(path)
        folders += [(here / name).as_posix() for name in inner]
        names += [(here / name).as_posix() for name in files if _is_picture(name)]
    return Source(path, sorted(names), sorted(folders))


def _tar_members(path: Path) -> dict[str, bytes | None]:
    """Read all of a tar in one pass (None for a folder)."""
    members: dict[str, bytes | None] = {}
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = str(PurePosixPath(member.name))
            if member.isdir():
                members[name] = None
            elif member.isfile() and _is_picture(name):
                content = archive.extractfile(member)
                data = content.read() if content else b""
                members[name] = data
        # The block of zeros that ends every whole tar; tarfile itself passes over its absence.
        stream = archive.fileobj
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("its end is missing")
    return members


def _zip_members(path: Path) -> dict[str, bytes | None]:
    with zipfile.ZipFile(path) as archive:
        return {
            str(PurePosixPath(member.filename)): None if member.is_dir() else archive.read(member)
            for member in archive.infolist()
            if member.is_dir() or _is_picture(member.filename)
        }


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not _is_hidden(name)
