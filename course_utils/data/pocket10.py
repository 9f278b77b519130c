"""Pocket-10: small pictures of ten classes that the course draws itself, with a dial for each difficulty."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._classes import FIGURES
from ._random import CHUNK
from ._scene import render, render_masks
from .cache import load_arrays, save_arrays
from .errors import DataError
from .paths import cache_dir

GENERATOR_VERSION = 3

POCKET10_CLASSES: tuple[str, ...] = tuple(figure.name for figure in FIGURES)
"""Names of the ten classes; a label is a position in this tuple."""

POCKET10_STANDARD: dict[str, float] = {
    "illumination": 0.28,
    "clutter": 0.35,
    "occlusion": 0.6,
    "deformation": 0.5,
    "viewpoint": 0.32,
    "intraclass": 0.6,
    "context": 0.66,
}
"""The standard setting of each dial."""

POCKET10_DIALS: tuple[str, ...] = tuple(POCKET10_STANDARD)
"""Names of the dials."""

_SPLITS = {"train": 10_000, "validation": 2_000, "test": 2_000}
_SOURCES = (
    "_random",
    "_noise",
    "_sdf",
    "_brush",
    "_places",
    "_craft",
    "_vehicles",
    "_nature",
    "_things",
    "_classes",
    "_sheet",
    "_figures",
    "_scene",
)

Pictures = tuple[NDArray[np.uint8], NDArray[np.int64]]


def pocket10(split: str, n: int | None = None, seed: int = 0, size: int = 32, **dials: float) -> Pictures:
    """Draw labelled pictures, or read them from the cache where they were drawn before.

    The same arguments give the same bytes on every machine. Picture i of a split and seed shows the same
    scene whatever ``n``, ``size`` and the dials are: a dial changes only what it is about.

    Parameters
    ----------
    split : {'train', 'validation', 'test'}
        The three never share a picture.
    n : int, optional
        Number of pictures; 10,000 of train and 2,000 of the others if not given. Every ten in a row hold
        each class once, in random order.
    seed : int
        Not negative; another seed gives another data set.
    size : int
        Height and width in pixels, 8 to 512.
    **dials : float
        Values in [0, 1] of the dials in ``POCKET10_DIALS``; what is not given stays at ``POCKET10_STANDARD``.

        - illumination: how far brightness, contrast, tint and noise stray
        - clutter: how much lies about in the background: shapes, texture, small figures of other classes
        - occlusion: how much of the figure is hidden by what stands before it
        - deformation: how far the figure is bent
        - viewpoint: how far position, distance, tilt and foreshortening stray
        - intraclass: how much the members of a class differ in shape, kind and colour
        - context: the share of pictures where a class stands in its usual surroundings and colours (a ship
          on water, a green tree). All others stand in another class's surroundings: 1 is always usual,
          0 never.

    Returns
    -------
    images : uint8 array of shape (n, size, size, 3)
        RGB pictures.
    labels : int64 array of shape (n,)
        Positions in ``POCKET10_CLASSES``.

    Raises
    ------
    DataError
        For an unknown split or dial, or a number out of range.
    TypeError
        Where a number is not of the right type.

    Examples
    --------
    >>> images, labels = pocket10("test", n=20, clutter=0.0)
    >>> images.shape, POCKET10_CLASSES[0]
    ((20, 32, 32, 3), 'airplane')
    """
    number, count, seed, size, setting = _check(split, n, seed, size, dials)
    path = cache_dir() / "pocket10" / f"{split}-{count}-{size}-{_key(split, count, seed, size, setting)}.npz"
    saved = load_arrays(path)
    if saved is not None and _whole_set(saved, count, size):
        return saved["images"], saved["labels"]
    images, labels = _draw(number, count, seed, size, setting)
    save_arrays(path, images=images, labels=labels)
    return images, labels


def pocket10_masks(
    split: str, n: int | None = None, seed: int = 0, size: int = 32, **dials: float
) -> NDArray[np.bool_]:
    """Say which pixels of each Pocket-10 picture belong to its figure.

    Parameters
    ----------
    split : {'train', 'validation', 'test'}
        As for :func:`pocket10`, like all others.
    n : int, optional
        Number of pictures.
    seed : int
        Which drawing.
    size : int
        Height and width in pixels.
    **dials : float
        Values in [0, 1].

    Returns
    -------
    bool array of shape (n, size, size)
        True where the figure is; a part hidden by something in front of it counts too.

    Raises
    ------
    DataError, TypeError
        As :func:`pocket10` does.

    Examples
    --------
    >>> masks = pocket10_masks("test", n=20)
    >>> masks.shape, bool(masks.any(axis=(1, 2)).all())
    ((20, 32, 32), True)
    """
    number, count, seed, size, setting = _check(split, n, seed, size, dials)
    return np.concatenate(
        [
            render_masks(seed, number, start // CHUNK, min(CHUNK, count - start), size, setting)
            for start in range(0, count, CHUNK)
        ]
    )


def _check(
    split: str, n: int | None, seed: int, size: int, dials: Mapping[str, float]
) -> tuple[int, int, int, int, dict[str, float]]:
    """Return the split's number, n, seed, size and all dials' values, checked."""
    if split not in _SPLITS:
        raise DataError(f"split is {split!r}; choose one of {', '.join(map(repr, _SPLITS))}")
    count = _whole("n", _SPLITS[split] if n is None else n, 1, 10_000_000)
    seed, size = _whole("seed", seed, 0, 2**128 - 1), _whole("size", size, 8, 512)
    return list(_SPLITS).index(split), count, seed, size, _check_dials(dials)


def _whole(name: str, value: int, low: int, high: int) -> int:
    """Return a checked integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); give a whole number")
    if not low <= value <= high:
        raise DataError(f"{name} is {value}; give a whole number from {low} to {high}")
    return int(value)


def _check_dials(dials: Mapping[str, float]) -> dict[str, float]:
    """Return all dials' values, checked."""
    for name, value in dials.items():
        if name not in POCKET10_STANDARD:
            raise DataError(f"there is no dial {name!r}; the dials are {', '.join(POCKET10_DIALS)}")
        if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
            raise TypeError(f"dial {name} is {value!r} ({type(value).__name__}); give a number from 0 to 1")
        if not 0 <= value <= 1:
            raise DataError(f"dial {name} is {value}; give a number from 0 to 1")
    return {name: float(dials.get(name, standard)) for name, standard in POCKET10_STANDARD.items()}


def _draw(number: int, count: int, seed: int, size: int, setting: Mapping[str, float]) -> Pictures:
    """Draw pictures chunk by chunk, two chunks at a time."""
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)

    def draw(start: int) -> None:
        stop = min(start + CHUNK, count)
        images[start:stop], labels[start:stop] = render(
            seed, number, start // CHUNK, stop - start, size, setting
        )

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        list(pool.map(draw, range(0, count, CHUNK)))
    return images, labels


def _key(*arguments: object) -> str:
    """Return a name for one set: its arguments, the generator's version and the generator's source."""
    digest = hashlib.sha256(repr((GENERATOR_VERSION, arguments)).encode())
    for name in _SOURCES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def _whole_set(saved: Mapping[str, NDArray[Any]], count: int, size: int) -> bool:
    """Return whether a cache file holds what its name says."""
    wanted = {"images": ((count, size, size, 3), "uint8"), "labels": ((count,), "int64")}
    return {name: (array.shape, str(array.dtype)) for name, array in saved.items()} == wanted
