"""Download a public data set into the data folder: checked by its publisher's sums, whole or not at all.

Addresses and sums are those of torchvision's classes, and torchvision unpacks what arrived. Fetching is ours
because a download needs a time limit, a progress bar and a second mirror, and must leave no half file behind.
"""

import http.client
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_utils.data import real
from course_utils.data.errors import DataError, DownloadError
from course_utils.data.paths import data_dir
from course_utils.data.progress import progress

TIMEOUT = 15.0  # seconds without a sign of life
_CHUNK = 1 << 16


def download(known: real.RealSet) -> Path:
    """Download a set, check and unpack it, and put it into the data folder.

    Parameters
    ----------
    known : RealSet
        The set. What is there of it already is replaced at the very end, when everything has been checked.

    Returns
    -------
    Path
        The folder with its files.

    Raises
    ------
    DownloadError
        If no mirror answers, or what arrives is incomplete or has another checksum.
    DataError
        If the data folder can't be written.
    """
    from torchvision import datasets

    kind: Any = getattr(datasets, known.torchvision_class)
    root = data_dir()
    try:
        root.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".download-{known.name}-", dir=root))
    except OSError as error:
        raise DataError(
            f"The data folder {root} can't be written ({error.strerror}). "
            "Set COURSE_DATA to a folder of yours."
        ) from error
    try:
        archives = _fetch_archives(known, kind, stage)
        kind(stage, download=True)  # finds the checked archives, and unpacks them
        for split in known.sizes:
            real.load_torchvision(known, split, stage)
        return _install(known, stage, root, archives if known is not real.CIFAR10 else [])
    except OSError as error:
        raise DataError(
            f"{known.title} could not be unpacked in {root} ({error.strerror or error}). Free some disk "
            "space there, or set COURSE_DATA to another folder, and try again."
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _fetch_archives(known: real.RealSet, kind: Any, stage: Path) -> list[Path]:
    if known is real.CIFAR10:
        return [fetch([kind.url], stage / kind.filename, kind.tgz_md5)]
    folder = stage / known.folder
    folder.mkdir(parents=True)
    return [
        fetch([mirror + name for mirror in kind.mirrors], folder / name, md5) for name, md5 in kind.resources
    ]


def _install(known: real.RealSet, stage: Path, root: Path, archives: Sequence[Path]) -> Path:
    target = root / known.folder
    target.mkdir(parents=True, exist_ok=True)
    for path in [*archives, *(stage / known.folder / name for name in known.files)]:
        os.replace(path, target / path.name)
    return target


def fetch(addresses: Sequence[str], path: Path, md5: str) -> Path:
    """Download one file from the first address that gives it whole.

    Parameters
    ----------
    addresses : sequence of str
        Mirrors in the order to try them.
    path : Path
        The file to write, in a folder that exists. It is removed again where the download fails.
    md5 : str
        Its checksum.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    DownloadError
        If none did, with each one's reason.
    """
    reasons = []
    for address in addresses:
        try:
            _retrieve(address, path)
            found = real.file_md5(path)
            if found == md5:
                return path
            reasons.append(
                f"{address}: the checksum is {found}, not {md5}: the file is damaged or another one"
            )
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            reasons.append(f"{address}: {getattr(reason, 'strerror', None) or reason}")
        path.unlink(missing_ok=True)
    raise DownloadError(
        f"{path.name} could not be downloaded; nothing was kept.\n  "
        + "\n  ".join(reasons)
        + "\nCheck the network (behind a proxy, set https_proxy) and try again, or copy the files from a "
        f"machine that has them into {data_dir()}, or set COURSE_DATA to a folder that has them. The course "
        "itself runs without them, on Pocket-10."
    )


def _retrieve(address: str, path: Path) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "image-classification-course"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response, open(path, "wb") as file:
        length = int(response.headers.get("Content-Length") or 0)
        size = f" ({length / 1e6:.1f} MB)" if length else ""
        with progress(f"Downloading {path.name}{size}", length or None, in_bytes=True) as advance:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                advance(len(chunk))
        if length and file.tell() < length:
            raise OSError(f"the connection closed after {file.tell():,} of {length:,} bytes")
