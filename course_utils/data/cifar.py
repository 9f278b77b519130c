"""CIFAR-10 in whichever form it lies in the data folder.

Looked for in this order: torchvision's ``cifar-10-batches-py``, the publisher's binary version
``cifar-10-batches-bin``, then a tree or archive of pictures ``cifar10*/{train,test}/<class>/*``.
"""

from pathlib import Path

import numpy as np

from course_utils.data import real
from course_utils.data.errors import DataError
from course_utils.data.folder import folder_layout, load_folder
from course_utils.data.paths import data_dir
from course_utils.data.pictures import SUFFIXES

_RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes
BINARY = "cifar-10-batches-bin"
_FILES = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}


_ALSO = f", for {BINARY}/, and for cifar10*/{{train,test}}/<class>/*.jpg as folder, tar or zip"


def find_cifar10() -> Path | None:
    """Find CIFAR-10 in the data folder.

    Returns
    -------
    Path or None
        The folder or archive that :func:`load_cifar10` would read.
    """
    root = data_dir()
    for name in (real.CIFAR10.folder, BINARY):
        if (root / name).is_dir():
            return root / name
    trees = sorted(path for path in root.glob("cifar10*") if path.is_dir() and (path / "train").is_dir())
    archives = (
        sorted(root.glob("cifar10*.tar*"))
        + sorted(root.glob("cifar10*.t?z"))
        + sorted(root.glob("cifar10*.zip"))
    )
    return next(iter(trees + archives), None)


def load_cifar10(split: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Read CIFAR-10.

    Parameters
    ----------
    split : str
        ``"train"`` or ``"test"``.

    Returns
    -------
    images : uint8 array of shape (N, 32, 32, 3)
    labels : int64 array of shape (N,)
    by_class : bool
        Whether the pictures are ordered by class (those of a tree are).

    Raises
    ------
    DataNotFoundError
        If it is not in the data folder.
    DataError
        If a file is damaged, or a tree holds other classes or sizes.
    """
    found = find_cifar10()
    if found is None:
        raise real.not_found(real.CIFAR10, _ALSO)
    if found.name == real.CIFAR10.folder:
        return *real.load_torchvision(real.CIFAR10, split), False
    if found.name == BINARY:
        return *_read_binary(found, split), False
    pictures = load_folder(found, split)
    if pictures.class_names != real.CIFAR10.classes:
        raise DataError(
            f"{found} has the classes {', '.join(pictures.class_names)}; CIFAR-10's are "
            f"{', '.join(real.CIFAR10.classes)}. Load other pictures as 'folder:{found}'."
        )
    if pictures.images.shape[1:] != (32, 32, 3):
        raise DataError(
            f"{found} holds pictures of shape {pictures.images.shape[1:]}; CIFAR-10's are (32, 32, 3). "
            f"Load other pictures as 'folder:{found}'."
        )
    return pictures.images, pictures.labels, True


def cifar10_form() -> str:
    """Say in which form CIFAR-10 lies there.

    Returns
    -------
    str
        Empty for the originals (torchvision checks their sums); else for instance ``"JPEG copy"``.

    Raises
    ------
    DataNotFoundError
        If it is not in the data folder.
    DataError
        If its archive is damaged.
    """
    found = find_cifar10()
    if found is None:
        raise real.not_found(real.CIFAR10, _ALSO)
    if found.name == real.CIFAR10.folder:
        return ""
    if found.name == BINARY:
        return "binary version"
    suffix = _first_suffix(found)
    return {".jpg": "JPEG", ".jpeg": "JPEG"}.get(suffix, suffix[1:].upper()) + " copy"


def _first_suffix(found: Path) -> str:
    if found.is_dir():
        pictures = (path for path in (found / "train").rglob("*") if path.suffix.lower() in SUFFIXES)
        return next((path.suffix.lower() for path in pictures), ".unknown")
    if found.name.lower().endswith(".zip"):
        layout = folder_layout(found)
        return Path(layout["train"][0]).suffix.lower()
    import tarfile

    try:
        with tarfile.open(found) as archive:
            return next(
                (Path(m.name).suffix.lower() for m in archive if m.name.lower().endswith(SUFFIXES)),
                ".unknown",
            )
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"The archive {found} is damaged ({error}). Copy or download it again.") from error


def _read_binary(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    records = []
    for name in _FILES[split]:
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is missing. Copy the whole folder {BINARY} again.")
        data = np.fromfile(path, np.uint8)
        if len(data) == 0 or len(data) % _RECORD:
            raise DataError(
                f"{path} has {len(data):,} bytes, no whole number of pictures of {_RECORD:,} bytes. "
                "It is truncated or another file: copy it again."
            )
        data = data.reshape(-1, _RECORD)
        if data[:, 0].max() > 9:
            raise DataError(
                f"{path} holds the label {data[:, 0].max()}, but labels go from 0 to 9. Copy it again."
            )
        records.append(data)
    whole = np.concatenate(records)
    images = whole[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), whole[:, 0].astype(np.int64)
