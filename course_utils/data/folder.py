"""Any folder or archive of pictures sorted by class, read once and then kept decoded.

Two layouts are understood, in a folder or inside a ``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2``, ``.tar.xz``
or ``.zip`` file: ``train/<class>/*.jpg`` with ``test/`` (and perhaps ``validation/``) beside it, or
``<class>/*.jpg`` alone, of which every fifth picture becomes the test set.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from course_utils.data import sources
from course_utils.data.cache import load_arrays, save_arrays
from course_utils.data.errors import DataError, DataNotFoundError
from course_utils.data.paths import cache_dir
from course_utils.data.pictures import SUFFIXES
from course_utils.data.progress import progress

_SPLITS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
}
_TEST_SHARE = 0.2
_CACHE_VERSION = "1"  # part of every key: raise it when decoding changes


@dataclass(frozen=True)
class Pictures:
    """Pictures with their classes.

    Attributes
    ----------
    images : uint8 array of shape (N, H, W, C)
    labels : int64 array of shape (N,)
    class_names : tuple of str
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]


def load_folder(path: str | Path, split: str, size: int | tuple[int, int] | None = None) -> Pictures:
    """Read one split of a folder or archive of pictures.

    The decoded pictures are kept in :func:`course_utils.data.cache_dir` under a key made of the path and
    of every file's size and time of change, so that the next call reads one file.

    Parameters
    ----------
    path : str or Path
        The folder or archive.
    split : str
        ``"train"``, ``"test"`` or, where the folder has one, ``"validation"``.
    size : int or (height, width), optional
        Scale every picture to this size. Without it all must have the same.

    Returns
    -------
    Pictures
        Ordered by class, then by file name; classes are in alphabetical order.

    Raises
    ------
    DataNotFoundError
        If there is nothing at ``path``.
    DataError
        If the layout is another one, a class has no picture, a picture can't be read, or pictures differ in
        size or number of channels. The message names the file.
    """
    source = Path(path).expanduser().absolute()
    wanted = (size, size) if isinstance(size, int) else size
    if not source.exists():
        raise DataNotFoundError(
            f"There is no folder or archive {source}. Check its spelling; pictures belong in one folder per "
            "class, <class>/*.jpg or train/<class>/*.jpg."
        )
    family, key = _cache_key(source, wanted)
    kept = load_arrays(cache_dir() / f"{family}{key}-{split}.npz")
    if kept is not None and kept.keys() == {"images", "labels", "class_names"}:
        return Pictures(kept["images"], kept["labels"], tuple(kept["class_names"].tolist()))
    listing = sources.open_source(source)
    layout = arrange(listing.names, listing.folders, source)
    if split not in layout:
        raise DataError(f"{source} has the splits {', '.join(layout)}, but {split!r} was asked for.")
    # An archive is decompressed from its start whatever is wanted, so all its splits are decoded in one go.
    chosen = layout if listing.sequential else {split: layout[split]}
    read = _read(listing, chosen, wanted)
    _forget(family, key)
    for name, pictures in read.items():
        save_arrays(
            cache_dir() / f"{family}{key}-{name}.npz",
            images=pictures.images,
            labels=pictures.labels,
            class_names=np.array(pictures.class_names),
        )
    return read[split]


def folder_classes(path: str | Path) -> tuple[str, ...]:
    """Return the names of the classes, which are those of their folders, without decoding a picture.

    Parameters
    ----------
    path : str or Path
        The folder or archive.

    Returns
    -------
    tuple of str
        In alphabetical order; a label is a position in it.

    Raises
    ------
    DataError
        As :func:`load_folder` does.
    """
    layout = folder_layout(path)
    return tuple(sorted({Path(name).parent.name for name in next(iter(layout.values()))}))


def folder_layout(path: str | Path) -> dict[str, list[str]]:
    """List the pictures of each split.

    Parameters
    ----------
    path : str or Path
        The folder or archive.

    Returns
    -------
    dict of str to list of str
        For each split the pictures' paths inside the folder, by class and name.

    Raises
    ------
    DataError
        As :func:`load_folder` does.
    """
    source = Path(path).expanduser().absolute()
    listing = sources.open_source(source)
    return arrange(listing.names, listing.folders, source)


def count_pictures(path: str | Path) -> dict[str, int]:
    """Count the pictures of each split without decoding them.

    Parameters
    ----------
    path : str or Path
        The folder or archive.

    Returns
    -------
    dict of str to int
        By split.

    Raises
    ------
    DataError
        As :func:`load_folder` does.
    """
    return {split: len(names) for split, names in folder_layout(path).items()}


def _cache_key(source: Path, size: tuple[int, int] | None) -> tuple[str, str]:
    """Name a set of pictures by its path, and its present state by a hash that changes with any file."""
    where = hashlib.sha256(f"{source} {size}".encode()).hexdigest()[:8]
    state = hashlib.sha256(f"{_CACHE_VERSION} {sources.fingerprint(source)}".encode()).hexdigest()[:16]
    return f"{source.name.split('.')[0]}-{where}-", state


def _forget(family: str, key: str) -> None:
    """Remove what was kept of earlier states of the same folder or archive."""
    for old in cache_dir().glob(f"{family}*.npz"):
        if not old.name.startswith(family + key):
            with contextlib.suppress(OSError):
                old.unlink()


def arrange(names: Sequence[str], folders: Sequence[str], source: Path) -> dict[str, list[str]]:
    """Find the splits and classes in a list of paths.

    Parameters
    ----------
    names : sequence of str
        The pictures' paths inside ``source``, with ``/``.
    folders : sequence of str
        The folders', empty ones too.
    source : Path
        What errors call the whole.

    Returns
    -------
    dict of str to list of str
        Sorted paths of each split.

    Raises
    ------
    DataError
        If pictures lie elsewhere than in class folders, a class is empty, or splits have different classes.
    """
    if not names:
        raise DataError(
            f"{source} holds no pictures ({', '.join(SUFFIXES)}). Put them in one folder per class."
        )
    homes = {PurePosixPath(name).parent for name in names}
    root = _root(homes, {PurePosixPath(folder) for folder in folders})
    depth = len(root.parts)
    tops = {
        PurePosixPath(folder).parts[depth] for folder in folders if len(PurePosixPath(folder).parts) > depth
    }
    has_splits = any(top.lower() in _SPLITS for top in tops)
    classes: dict[str, dict[str, list[str]]] = {}
    for folder in folders:
        inner = PurePosixPath(folder).parts[depth:]
        if has_splits and inner and inner[0].lower() not in _SPLITS:
            raise DataError(
                f"{source}: the folder {inner[0]} stands beside train or test, but is neither of them. "
                "Move it elsewhere, or into the split it belongs to."
            )
        if len(inner) == 1 + has_splits:
            classes.setdefault(_SPLITS[inner[0].lower()] if has_splits else "", {}).setdefault(inner[-1], [])
    for name in sorted(names):
        inner = PurePosixPath(name).parts[depth:]
        if len(inner) != 2 + has_splits:
            raise DataError(
                f"{source}: the picture {name} does not lie in a class folder. The layout is "
                f"{'<split>/' if has_splits else ''}<class>/<picture>, no deeper: move or remove it."
            )
        classes[_SPLITS[inner[0].lower()] if has_splits else ""][inner[-2]].append(name)
    _check_classes(classes, source)
    if has_splits:
        return {
            split: [name for label in sorted(classes[split]) for name in classes[split][label]]
            for split in ("train", "validation", "test")
            if split in classes
        }
    return _divide(classes[""], source)


def _root(homes: set[PurePosixPath], folders: set[PurePosixPath]) -> PurePosixPath:
    """Skip outer folders that hold nothing but one folder, as archives have them."""
    root = PurePosixPath()
    while root not in homes:
        inner = [folder for folder in folders if folder.parent == root]
        if len(inner) != 1 or inner[0].name.lower() in _SPLITS or inner[0] in homes:
            return root
        root = inner[0]
    return root


def _check_classes(classes: dict[str, dict[str, list[str]]], source: Path) -> None:
    everywhere = sorted({label for of_split in classes.values() for label in of_split})
    for state in ("empty", "missing"):
        for split, of_split in classes.items():
            bad = [x for x in everywhere if not of_split.get(x) and (x in of_split) == (state == "empty")]
            if bad:
                raise DataError(
                    f"{source}{f' ({split})' if split else ''}: the class folder {bad[0]!r} is {state}. "
                    f"Put pictures ({', '.join(SUFFIXES)}) there, or remove the class everywhere."
                )
    if len(everywhere) < 2:
        raise DataError(
            f"{source} has only the class {everywhere[0]!r}; telling classes apart takes two or more."
        )


def _divide(classes: dict[str, list[str]], source: Path) -> dict[str, list[str]]:
    """Make a fifth of each class the test set, by a hash of the name, so that adding pictures moves few."""
    layout: dict[str, list[str]] = {"train": [], "test": []}
    for label in sorted(classes):
        names = classes[label]
        if len(names) < 2:
            raise DataError(
                f"{source}: the class {label!r} has one picture, {names[0]}; a training and a test set need "
                "one each. Add pictures."
            )
        by_hash = sorted(names, key=lambda name: hashlib.sha256(PurePosixPath(name).name.encode()).digest())
        test = set(by_hash[: max(1, round(_TEST_SHARE * len(names)))])
        layout["test"] += [name for name in names if name in test]
        layout["train"] += [name for name in names if name not in test]
    return layout


def _read(
    listing: "sources.Source", chosen: dict[str, list[str]], size: tuple[int, int] | None
) -> dict[str, Pictures]:
    wanted = {name for names in chosen.values() for name in names}
    decoded: dict[str, np.ndarray] = {}
    first = ""
    with progress(f"Reading {listing.path.name}", len(wanted), plain=False) as advance:
        for name, pixels in listing.decoded(wanted, size):
            first = first or name
            _check_shape(pixels, name, decoded.get(first, pixels), first, listing.path)
            decoded[name] = pixels
            advance(1)
    result = {}
    for split, names in chosen.items():
        of_picture = [PurePosixPath(name).parent.name for name in names]
        class_names = sorted(set(of_picture))
        position = {label: index for index, label in enumerate(class_names)}
        images = np.stack([decoded[name] for name in names])
        labels = np.array([position[label] for label in of_picture], dtype=np.int64)
        result[split] = Pictures(images, labels, tuple(class_names))
    return result


def _check_shape(pixels: np.ndarray, name: str, other: np.ndarray, first: str, source: Path) -> None:
    if pixels.shape[2] != other.shape[2]:
        kinds = {1: "grayscale", 3: "in colour"}
        raise DataError(
            f"{source}: {name} is {kinds[pixels.shape[2]]}, but {first} is {kinds[other.shape[2]]}. "
            "Save all pictures of a set in one kind."
        )
    if pixels.shape != other.shape:
        raise DataError(
            f"{source}: {name} is {pixels.shape[1]} pixels wide and {pixels.shape[0]} high, but {first} is "
            f"{other.shape[1]} by {other.shape[0]}. Scale the files to one size, or read them with "
            "load_folder(path, split, size=32)."
        )
