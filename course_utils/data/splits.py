"""Choosing among labelled pictures: validation sets, balanced subsets; and dropping their colour."""

from typing import Any

import numpy as np

from course_utils.data.errors import DataError


def train_validation_split(
    images: Any, labels: Any, validation: float | int = 0.2, seed: int = 0
) -> tuple[Any, Any, Any, Any]:
    """Set aside part of the training set for choosing hyperparameters, the same share of every class.

    Parameters
    ----------
    images : array or tensor of shape (N, ...)
        Anything that can be indexed by an array of positions.
    labels : array or tensor of integers of shape (N,)
        The class of each image.
    validation : float or int
        A share strictly between 0 and 1, or a number of images (an int) between 1 and N - 1.
    seed : int
        Which images are chosen. The same seed always chooses the same ones.

    Returns
    -------
    train_images, train_labels, validation_images, validation_labels
        Every image is in exactly one of the two parts; both keep the original order, and each class has its
        share of the validation part up to one image.

    Raises
    ------
    DataError
        If images and labels differ in number, or a part would be empty.

    Examples
    --------
    >>> images, labels = np.arange(10), np.repeat([0, 1], 5)
    >>> _, y_train, _, y_val = train_validation_split(images, labels, validation=0.2)
    >>> y_train.tolist(), y_val.tolist()
    ([0, 0, 0, 0, 1, 1, 1, 1], [0, 1])
    """
    targets = _checked_labels(labels)
    if len(images) != len(targets):
        raise DataError(
            f"There are {len(images)} images but {len(targets)} labels. Each image needs exactly one label: "
            "pass the two arrays as load() returned them, or index both with the same positions."
        )
    train, held_out = split_positions(targets, validation, seed)
    return images[train], labels[train], images[held_out], labels[held_out]


def split_positions(
    labels: np.ndarray, held_out: float | int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the positions 0..N-1 in two, class by class.

    Parameters
    ----------
    labels : int64 array of shape (N,)
        The class of each example.
    held_out : float or int
        The second part's share (strictly between 0 and 1) or number of examples.
    seed : int
        Which examples are chosen.

    Returns
    -------
    kept, chosen : int64 arrays
        Sorted positions; together they are 0..N-1.

    Raises
    ------
    DataError
        If one of the parts would be empty.
    """
    total = len(labels)
    count = int(held_out) if isinstance(held_out, (int, np.integer)) else round(float(held_out) * total)
    if not 0 < count < total:
        raise DataError(
            f"{held_out!r} of {total} examples leaves {total - count} for training and {count} to set aside. "
            "Ask for a share strictly between 0 and 1, or a number of images smaller than the whole."
        )
    classes, inverse = np.unique(labels, return_inverse=True)
    sizes = np.bincount(inverse, minlength=len(classes))
    # Largest remainders: every class gets its share rounded down, and those furthest from it get one more.
    exact = count * sizes / total
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: count - quota.sum()]] += 1
    rank = _rank_in_class(inverse, np.random.default_rng(seed).permutation(total))
    chosen = rank < quota[inverse]
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def balanced_subset(labels: Any, n: int, seed: int = 0) -> np.ndarray:
    """Choose ``n`` examples with the classes as equal in number as can be.

    Parameters
    ----------
    labels : array of integers of shape (N,)
        The class of each example.
    n : int
        How many, from 1 to N.
    seed : int
        Which ones. The first k of a larger subset with the same seed are the subset of k.

    Returns
    -------
    int64 array of shape (n,)
        Distinct positions, in an order in which the classes take turns.

    Raises
    ------
    DataError
        If ``n`` is not between 1 and N.
    """
    targets = _checked_labels(labels)
    if not 1 <= n <= len(targets):
        raise DataError(
            f"n = {n} pictures were asked for, but there are {len(targets)}. Ask for 1 to {len(targets)}."
        )
    order = np.random.default_rng(seed).permutation(len(targets))
    rank = _rank_in_class(targets, order)
    # Everyone's first picture, then everyone's second, ... until a class runs out; ties in random order.
    return order[np.argsort(rank[order], kind="stable")[:n]]


def to_grayscale(images: np.ndarray) -> np.ndarray:
    """Weigh red, green and blue as ITU-R recommendation BT.601 does for luma: 0.299, 0.587, 0.114.

    Parameters
    ----------
    images : array of shape (..., H, W, 3) or (..., H, W, 1)
        One colour picture or many, uint8 or floating point. Pictures with one channel come back unchanged.

    Returns
    -------
    array of shape (..., H, W, 1)
        The same dtype as the input; uint8 values are rounded to the nearest integer.

    Raises
    ------
    DataError
        If the last axis is neither 3 nor 1, or the dtype is another one.
    """
    images = np.asarray(images)
    if images.ndim < 3 or images.shape[-1] not in (1, 3):
        raise DataError(
            f"Pictures of shape (..., H, W, 3) were wanted, but the shape is {images.shape}. "
            "Tensors of shape (N, C, H, W) go back with .permute(0, 2, 3, 1).numpy()."
        )
    if images.shape[-1] == 1:
        return images
    if images.dtype == np.uint8:
        weights = np.array([299, 587, 114], dtype=np.uint32)
        return ((images @ weights + 500) // 1000).astype(np.uint8)[..., None]
    if np.issubdtype(images.dtype, np.floating):
        return (images @ np.array([0.299, 0.587, 0.114], dtype=images.dtype))[..., None]
    raise DataError(f"uint8 or floating-point pictures were wanted, but the dtype is {images.dtype}.")


def _rank_in_class(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return each example's place among those of its class when all are visited in ``order``."""
    grouped = order[np.argsort(labels[order], kind="stable")]
    _, starts, sizes = np.unique(labels[grouped], return_index=True, return_counts=True)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[grouped] = np.arange(len(labels)) - np.repeat(starts, sizes)
    return rank


def _checked_labels(labels: Any) -> np.ndarray:
    targets = np.asarray(labels)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise DataError(
            f"Labels are integers in one array of shape (N,), but these have shape {targets.shape} and dtype "
            f"{targets.dtype}. One-hot labels go back with .argmax(axis=1)."
        )
    return targets
