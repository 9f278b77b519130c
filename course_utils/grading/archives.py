"""Unpack what a learning management system gives to download: regular files, and only into the folder."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.grading.handed_in import shown

#: What reading a broken or locked archive raises.
_BROKEN = (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
_PART = 2**20


class ArchiveError(ValueError):
    """A file is no archive that can be read, or holds too much altogether."""


@dataclass(frozen=True)
class Room:
    """How much may come out of an archive.

    Attributes
    ----------
    files : int
        Members.
    file : int
        Bytes of one member; a larger one is left out.
    total : int
        Bytes of all together, unpacked.
    """

    files: int = 20_000
    file: int = 50 * 2**20
    total: int = 4 * 2**30


@dataclass
class _Member:
    name: str
    fault: str
    open: Callable[[], Any]


def unpack(archive: Path, target: Path, room: Room | None = None) -> list[str]:
    """Unpack a zip or tar archive into a folder.

    Archives inside it stay packed: what a student packed must not choose names beside those that the
    download gives.

    Parameters
    ----------
    archive : Path
        A ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz`` file.
    target : Path
        An existing folder.
    room : Room, optional
        How much may come out.

    Returns
    -------
    list of str
        One line for each member that was left out, with the reason: links, devices, names that lead out of
        the folder or are there twice, members that are too large or broken.

    Raises
    ------
    ArchiveError
        If it is no archive, or holds too much.
    """
    room, left_out, total = room or Room(), [], 0
    try:
        with _members(archive, room) as members:
            for number, member in enumerate(members):
                if number >= room.files:
                    raise ArchiveError(f"{shown(archive.name)} holds more than {room.files} files")
                fault = member.fault or _bad_name(member.name)
                if not fault:
                    size, fault = _write(member, target, min(room.file, room.total - total))
                    total += size
                if total >= room.total:
                    raise ArchiveError(f"{shown(archive.name)} holds more than {room.total} bytes")
                if fault:
                    left_out.append(f"{shown(member.name)}: {fault}")
    except _BROKEN as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"{shown(archive.name)} can't be unpacked: {type(error).__name__}") from None
    return left_out


def _bad_name(name: str) -> str:
    """Say what is wrong with a member's name; nothing if it stays inside the folder on every system."""
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or len(name.encode("utf-8", "replace")) > 1000:
        return "its name leads out of the folder"
    if "\\" in name or ":" in name or not name.isprintable():
        return "its name holds what names must not hold"
    if any(part in ("", ".") or len(part.encode()) > 200 for part in parts):
        return "its name is too long or has an empty part"
    return ""


def _write(member: _Member, target: Path, most: int) -> tuple[int, str]:
    """Write one member as a new file; give the bytes that were unpacked, and why it was left out."""
    path, size = target / member.name, 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        return 0, "a file of this name is there already" if path.exists() else str(error.strerror)
    fault = ""
    with open(descriptor, "wb") as file:
        try:
            with member.open() as source:
                while part := source.read(min(_PART, most + 1 - size)):
                    size += len(part)
                    if size > most:
                        fault = f"it is larger than {most} bytes"
                        break
                    file.write(part)
        except _BROKEN as error:
            fault = f"it can't be unpacked ({type(error).__name__})"
    if fault:
        path.unlink()
    return size, fault


@contextlib.contextmanager
def _members(archive: Path, room: Room) -> Iterator[Iterator[_Member]]:
    with contextlib.ExitStack() as stack:
        if archive.suffix == ".zip":
            zipped = stack.enter_context(zipfile.ZipFile(archive))
            yield _zip_members(zipped)
            return
        plain = stack.enter_context(_NoLargeReads(_unzipped(archive, room, stack), "rb"))
        yield _tar_members(stack.enter_context(tarfile.open(fileobj=plain, mode="r:")))


def _zip_members(zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for info in zipped.infolist():
        mode = info.external_attr >> 16
        if not info.is_dir():
            fault = "" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "it is no regular file"
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                fault = "it is packed in an unusual way"
            yield _Member(info.orig_filename, fault, functools.partial(zipped.open, info))


def _tar_members(tarred: tarfile.TarFile) -> Iterator[_Member]:
    for info in tarred:
        if not info.isdir():
            fault = "" if info.isreg() and not info.issparse() else "it is no regular file"
            yield _Member(info.name, fault, functools.partial(tarred.extractfile, info))


def _unzipped(archive: Path, room: Room, stack: contextlib.ExitStack) -> Path:
    """Give a tar file as it is, or unzipped beside the system's temporary files."""
    if archive.suffix not in (".gz", ".tgz"):
        return archive
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    with gzip.open(archive) as source, open(folder / "plain.tar", "wb") as made:
        while part := source.read(_PART):
            if made.tell() + len(part) > room.total:
                raise ArchiveError(f"{shown(archive.name)} holds more than {room.total} bytes")
            shutil.copyfileobj(io.BytesIO(part), made)
    return folder / "plain.tar"


class _NoLargeReads(io.FileIO):
    """A file of which tarfile can't read a header of any length into memory."""

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes."""
        if size is None or not 0 <= size <= 16 * _PART:
            raise tarfile.ReadError("a header is too long")
        return super().read(size) or b""
