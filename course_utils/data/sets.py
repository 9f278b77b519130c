"""Every data set of the course by its name."""

from collections.abc import Callable

import numpy as np

from course_utils.data import cifar, real
from course_utils.data.errors import DataError
from course_utils.data.folder import folder_classes, load_folder
from course_utils.data.paths import data_dir
from course_utils.data.splits import balanced_subset

SET_NAMES = ("pocket10", "mnist", "fashion_mnist", "cifar10", "digits")

# The publisher's files, unpacked; torchvision knows the sums of the packed ones, which need not be there.
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def load(name: str, split: str, n: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        ``"pocket10"``, ``"mnist"``, ``"fashion_mnist"``, ``"cifar10"``, ``"digits"``, or ``"folder:PATH"``
        for a folder or archive of pictures by class.
    split : str
        ``"train"`` or ``"test"``; Pocket-10 also has ``"validation"``, and so may a folder.
    n : int, optional
        How many pictures; all where the set has no more, so that chapters run on small sets too. The subset
        has the same number of every class as nearly as can be; a smaller one with the same seed is the
        beginning of a larger one. By default all (Pocket-10: its standard number).
    seed : int
        Which pictures (Pocket-10: which drawing).

    Returns
    -------
    images : uint8 array of shape (N, H, W, C)
        C is 3, or 1 for grayscale sets.
    labels : int64 array of shape (N,)
        Positions in ``class_names(name)``. A set published with an order keeps it; pictures from folders are
        mixed, so that any first few show every class.

    Raises
    ------
    DataNotFoundError
        If the set is not in the data folder; nothing is downloaded unasked.
    DataError
        If the name or split does not exist, ``n`` is below 1, or a file is damaged.

    Examples
    --------
    >>> images, labels = load("digits", "test", n=20)
    >>> images.shape, np.bincount(labels).tolist()
    ((20, 8, 8, 1), [2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    if name == "pocket10":
        from course_utils.data.pocket10 import pocket10

        return pocket10(split, n=n, seed=seed)
    if name.startswith("folder:"):
        pictures = load_folder(name.removeprefix("folder:"), split)
        images, labels, by_class = pictures.images, pictures.labels, True
    else:
        _check(name, split)
        images, labels, by_class = _READERS[name](split)
    if n is None and not by_class:
        return images, labels
    chosen = balanced_subset(labels, len(labels) if n is None else min(n, len(labels)), seed)
    return images[chosen], labels[chosen]


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of a data set's classes, in the order of the labels.

    Parameters
    ----------
    name : str
        As :func:`load` takes it.

    Returns
    -------
    tuple of str
        One name a class.

    Raises
    ------
    DataError
        If there is no such data set.
    """
    if name.startswith("folder:"):
        return folder_classes(name.removeprefix("folder:"))
    if name == "pocket10":
        from course_utils.data.pocket10 import POCKET10_CLASSES

        return POCKET10_CLASSES
    _check(name)
    return real.MNIST.classes if name == "digits" else real.REAL_SETS[name].classes


def describe(name: str) -> dict[str, str]:
    """Say which data set it is and how exact, for the record of an experiment.

    Parameters
    ----------
    name : str
        As :func:`load` takes it.

    Returns
    -------
    dict of str to str
        ``dataset`` (the name to show beside a figure, such as ``"CIFAR-10 (JPEG copy)"``) and ``exactness``
        (a sentence).

    Raises
    ------
    DataError
        If there is no such data set, or it is not there, or can't be read.
    """
    if name.startswith("folder:"):
        return {"dataset": f"pictures in {name.removeprefix('folder:')}", "exactness": "the files as found"}
    if name == "pocket10":
        from course_utils.data.pocket10 import GENERATOR_VERSION

        exactness = f"exact: drawn from its seed by version {GENERATOR_VERSION}, the same on every machine"
        return {"dataset": "Pocket-10", "exactness": exactness}
    _check(name)
    if name == "digits":
        return {
            "dataset": "scikit-learn digits",
            "exactness": "exact: part of scikit-learn; the split is ours",
        }
    known = real.REAL_SETS[name]
    if name == "cifar10":
        form = cifar.cifar10_form()
        return {
            "dataset": f"CIFAR-10 ({form})" if form else "CIFAR-10",
            "exactness": _CIFAR_FORMS.get(form, "exact: original files, verified by checksum"),
        }
    return {"dataset": known.title, "exactness": _idx_exactness(known)}


_CIFAR_FORMS = {
    "JPEG copy": "real photographs, slightly degraded: encoded again as JPEG; order not the original",
    "PNG copy": "pictures copied to PNG; order not the original",
    "binary version": "the publisher's binary layout, which has no checksums: not verified",
}


def _idx_exactness(known: real.RealSet) -> str:
    folder = data_dir() / known.folder
    if real.missing_files(known):
        raise real.not_found(known)
    if known is real.MNIST and all(real.file_md5(folder / name) == md5 for name, md5 in _MNIST_MD5.items()):
        return "exact: original files, verified by checksum"
    if all((folder / f"{name}.gz").is_file() for name in known.files):
        from torchvision import datasets

        packed: list[tuple[str, str]] = getattr(datasets, known.torchvision_class).resources
        if all(real.file_md5(folder / name) == md5 for name, md5 in packed):
            return "exact: original files, verified by checksum"
    return "idx files found unpacked: pixels and order not verified by checksum"


def _check(name: str, split: str | None = None) -> None:
    if name not in SET_NAMES:
        raise DataError(
            f"There is no data set {name!r}. The names are {', '.join(SET_NAMES)}, or folder:PATH for "
            "a folder of pictures."
        )
    if split not in (None, "train", "test"):
        raise DataError(
            f"{name} has the splits train and test, but {split!r} was asked for. For a validation set, "
            "divide the training set with train_validation_split(images, labels)."
        )


def _idx_reader(known: real.RealSet) -> Callable[[str], tuple[np.ndarray, np.ndarray, bool]]:
    return lambda split: (*real.load_torchvision(known, split), False)


_READERS: dict[str, Callable[[str], tuple[np.ndarray, np.ndarray, bool]]] = {
    "mnist": _idx_reader(real.MNIST),
    "fashion_mnist": _idx_reader(real.FASHION_MNIST),
    "cifar10": cifar.load_cifar10,
    "digits": lambda split: (*real.load_digits(split), False),
}
