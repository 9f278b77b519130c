"""The public data sets: MNIST, Fashion-MNIST and CIFAR-10 through torchvision, scikit-learn's digits.

PyTorch is imported only when a set is read, so that ``import course_utils.data`` stays light.
"""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.data.errors import DataError, DataNotFoundError
from course_utils.data.paths import data_dir
from course_utils.data.splits import split_positions


@dataclass(frozen=True)
class RealSet:
    """What the course knows about a public data set before reading it.

    Attributes
    ----------
    name : str
        As :func:`course_utils.data.load` takes it.
    title : str
        As people write it.
    classes : tuple of str
        Class names in the order of the labels.
    torchvision_class : str
        The class in ``torchvision.datasets`` that reads it.
    folder : str
        Where its files lie in the data folder.
    files : tuple of str
        The files in that folder.
    sizes : dict of str to int
        Number of pictures of each split of the original.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    torchvision_class: str
    folder: str
    files: tuple[str, ...]
    sizes: dict[str, int]


_IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

MNIST = RealSet(
    "mnist",
    "MNIST",
    tuple("0123456789"),
    "MNIST",
    "MNIST/raw",
    _IDX_FILES,
    {"train": 60_000, "test": 10_000},
)
FASHION_MNIST = RealSet(
    "fashion_mnist",
    "Fashion-MNIST",
    (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "FashionMNIST",
    "FashionMNIST/raw",
    _IDX_FILES,
    {"train": 60_000, "test": 10_000},
)
CIFAR10 = RealSet(
    "cifar10",
    "CIFAR-10",
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "CIFAR10",
    "cifar-10-batches-py",
    (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    {"train": 50_000, "test": 10_000},
)
REAL_SETS = {known.name: known for known in (MNIST, FASHION_MNIST, CIFAR10)}


def missing_files(known: RealSet, root: Path | None = None) -> list[Path]:
    """List the files that a set lacks.

    Parameters
    ----------
    known : RealSet
        The set.
    root : Path, optional
        The folder to look in; by default the data folder.

    Returns
    -------
    list of Path
        Empty where all are present.
    """
    folder = (root or data_dir()) / known.folder
    return [folder / name for name in known.files if not (folder / name).is_file()]


def not_found(known: RealSet, also: str = "") -> DataNotFoundError:
    """Build the error for a set that is not there, with every remedy.

    Parameters
    ----------
    known : RealSet
        The set.
    also : str
        What else would have been accepted.

    Returns
    -------
    DataNotFoundError
        For the caller to raise.
    """
    wanted = ", ".join(known.files) + also
    return DataNotFoundError(
        f"{known.title} is not in {data_dir()}: looked for {known.folder}/ with {wanted}. Where there is a "
        f"network, run `course data get {known.name}`; else put the files there, or set COURSE_DATA to a "
        "folder that has them. The course itself runs without them, on Pocket-10."
    )


def load_torchvision(known: RealSet, split: str, root: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read a set with torchvision's own class, after checks that tell which file is at fault.

    Parameters
    ----------
    known : RealSet
        The set.
    split : str
        ``"train"`` or ``"test"``.
    root : Path, optional
        The folder to look in; by default the data folder.

    Returns
    -------
    images : uint8 array of shape (N, H, W, C)
    labels : int64 array of shape (N,)

    Raises
    ------
    DataNotFoundError
        If files are missing.
    DataError
        If a file is damaged.
    """
    root = root or data_dir()
    missing = missing_files(known, root)
    if len(missing) == len(known.files):
        raise not_found(known)
    if missing:
        raise _damaged(known, missing[0], "is missing while others of the set are there")
    if known is not CIFAR10:
        check_idx(known, root, split)
    from torchvision import datasets

    kind: Any = getattr(datasets, known.torchvision_class)
    try:
        read = kind(root, train=split == "train", download=False)
    except Exception as error:  # a damaged pickle or header raises almost anything
        culprit = _wrong_checksum(known, root, kind)
        raise _damaged(known, culprit or root / known.folder, f"can't be read ({error})") from error
    images = np.asarray(read.data)
    labels = np.asarray(read.targets, dtype=np.int64)
    return (images[..., None] if images.ndim == 3 else np.ascontiguousarray(images)), labels


def check_idx(known: RealSet, root: Path, split: str) -> int:
    """Compare the headers of a split's two idx files with their lengths, each other and the label range.

    Parameters
    ----------
    known : RealSet
        MNIST or Fashion-MNIST.
    root : Path
        The folder to look in.
    split : str
        ``"train"`` or ``"test"``.

    Returns
    -------
    int
        Number of pictures.

    Raises
    ------
    DataError
        If the files can't be right.
    """
    prefix = "train" if split == "train" else "t10k"
    counts = []
    for kind, dimensions in (("images", 3), ("labels", 1)):
        path = root / known.folder / f"{prefix}-{kind}-idx{dimensions}-ubyte"
        header = 4 + 4 * dimensions
        with open(path, "rb") as file:
            start = file.read(header)
        if len(start) < header or start[:4] != bytes((0, 0, 8, dimensions)):
            raise _damaged(known, path, "does not begin as an idx file of bytes does")
        shape = struct.unpack(f">{dimensions}I", start[4:])
        wanted, found = header + int(np.prod(shape, dtype=np.int64)), path.stat().st_size
        if wanted != found:
            raise _damaged(known, path, f"has {found:,} bytes, but its header promises {wanted:,}")
        if kind == "images" and shape[1:] != (28, 28):
            raise _damaged(known, path, f"holds pictures of {shape[1]} by {shape[2]} pixels, not 28 by 28")
        counts.append(shape[0])
    if counts[0] != counts[1]:
        raise _damaged(known, path, f"holds {counts[1]:,} labels for {counts[0]:,} pictures")
    if (highest := int(np.fromfile(path, np.uint8, offset=8).max(initial=0))) > 9:
        raise _damaged(known, path, f"holds the label {highest}, but labels go from 0 to 9")
    return counts[0]


def _wrong_checksum(known: RealSet, root: Path, kind: Any) -> Path | None:
    """Find the file of a CIFAR-10 that torchvision's checksums reject."""
    sums = dict([*getattr(kind, "train_list", []), *getattr(kind, "test_list", [])])
    if known is CIFAR10:
        sums[kind.meta["filename"]] = kind.meta["md5"]
    for name, checksum in sums.items():
        path = root / known.folder / name
        if file_md5(path) != checksum:
            return path
    return None


def _damaged(known: RealSet, path: Path, what: str) -> DataError:
    return DataError(
        f"{path} {what}. Remove it and run `course data get {known.name}`, or copy the whole set again."
    )


def file_md5(path: Path) -> str:
    """Return a file's MD5 sum, which is what the sets' publishers give.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def load_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read scikit-learn's 1,797 digits of 8 by 8 pixels; a fifth of each class is the test set.

    Parameters
    ----------
    split : str
        ``"train"`` or ``"test"``.

    Returns
    -------
    images : uint8 array of shape (N, 8, 8, 1)
        The 17 levels of the original (0 to 16), stretched to 0 to 255.
    labels : int64 array of shape (N,)
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    train, test = split_positions(labels, 0.2, seed=0)
    chosen = train if split == "train" else test
    return images[chosen], labels[chosen]
