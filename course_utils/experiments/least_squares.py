"""Car against truck by least squares on raw grayscale pixels."""

from collections.abc import Sequence

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

Pictures = tuple[np.ndarray, np.ndarray]
CLASSES = ("automobile", "truck")


def two_classes(
    images: np.ndarray, labels: np.ndarray, names: Sequence[str], n: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Keep cars (label 0) and trucks (label 1), in grayscale.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, 3)
    labels : ndarray of int64, shape (N,)
    names : sequence of str
        The classes' names.
    n : int, optional
        Keep the first n of them.

    Returns
    -------
    images : ndarray of uint8, shape (n, H, W, 1)
    labels : ndarray of int64, shape (n,)
    """
    from course_utils.data import to_grayscale

    car, truck = (names.index(name) for name in CLASSES)
    kept = np.flatnonzero((labels == car) | (labels == truck))[:n]
    return to_grayscale(images[kept]), (labels[kept] == truck).astype(np.int64)


def cars_and_trucks(context: Context, seed: int) -> tuple[Pictures, Pictures]:
    """Draw 10,000 cars and trucks to learn from and 2,000 to test, in grayscale: (N, 32, 32, 1) and (N,)."""
    from course_utils.data import class_names

    names = class_names("pocket10")
    train, test = (  # a fifth of the pictures drawn are cars or trucks
        two_classes(*context.load("pocket10", split, n=n, seed=seed), names)
        for split, n in (("train", 50_000), ("test", 10_000))
    )
    return train, test


def least_squares(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """Fit w and b so that xw + b is -1 for label 0 and +1 for label 1; decide by the sign.

    Parameters
    ----------
    train, test : (images, labels)
        Pictures of shape (N, H, W, C), labels 0 and 1.

    Returns
    -------
    train_accuracy, test_accuracy : float
        Fractions.
    """
    x = design_matrix(train[0])
    w, *_ = np.linalg.lstsq(x, 2.0 * train[1] - 1, rcond=None)
    return tuple(  # type: ignore[return-value]
        float(np.mean((design_matrix(images) @ w > 0) == labels)) for images, labels in (train, test)
    )


def design_matrix(images: np.ndarray) -> np.ndarray:
    """Flatten pictures to rows in [0, 1], with a column of ones for the bias: float64 (N, D + 1)."""
    x = images.reshape(len(images), -1) / 255
    return np.hstack([x, np.ones((len(x), 1))])


@experiment("car_truck_least_squares", dataset="cifar10", minutes=0.5)
def car_truck_least_squares(context: Context) -> Outcome:
    """Tell car from truck by least squares on CIFAR-10: 10,000 grayscale pictures train, 2,000 test."""
    from course_utils.data import class_names

    names = class_names("cifar10")
    train, test = (two_classes(*context.load("cifar10", split), names) for split in ("train", "test"))
    train_accuracy, test_accuracy = least_squares(train, test)
    return Outcome(
        seeds=[0],
        metrics={"train_accuracy": summarise([train_accuracy]), "test_accuracy": summarise([test_accuracy])},
        settings={
            "train": len(train[0]),
            "test": len(test[0]),
            "source_figures": {"train_accuracy": 0.72, "test_accuracy": 0.63},
        },
        notes=["Nothing is random here: least squares has one solution, so there is no spread."],
    )


@experiment("car_truck_least_squares_pocket10", dataset="pocket10", minutes=2.5)
def car_truck_least_squares_pocket10(context: Context) -> Outcome:
    """Tell car from truck by least squares on Pocket-10: 10,000 grayscale pictures train, 2,000 test."""
    train, test = cars_and_trucks(context, seed=0)
    train_accuracy, test_accuracy = least_squares(train, test)
    return Outcome(
        seeds=[0],
        metrics={"train_accuracy": summarise([train_accuracy]), "test_accuracy": summarise([test_accuracy])},
        settings={"train": len(train[0]), "test": len(test[0])},
    )
