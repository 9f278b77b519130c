"""What an experiment is, and the list of them."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FAMILIES = (
    "architectures",
    "facts",
    "least_squares",
    "linear",
    "regularisation",
    "networks",
    "neighbours",
    "ladder",
    "pocket",
    "sheets",
    "convolution",
    "filter_bank",
    "cifar10_cnn",
    "car_truck_cnn",
    "initialisation",
    "degradation",
    "optimisers",
    "regularisers",
)
"""Modules of this package that hold experiments."""


@dataclass
class Context:
    """What an experiment is given: its pictures, and whether it is run in earnest.

    Attributes
    ----------
    quick : bool
        A rehearsal: tiny made-up pictures, few steps. It shows that the experiment runs, nothing else.
    say : callable
        Takes a line that tells how far the experiment is.
    """

    quick: bool = False
    say: Callable[[str], None] = lambda line: None

    def load(
        self, name: str, split: str, n: int | None = None, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Load pictures and labels as :func:`course_utils.data.load` does."""
        if self.quick:
            return made_up_pictures(name, n=min(n or 100, 100 if split == "train" else 40), seed=seed)
        from course_utils.data import load

        return load(name, split, n=n, seed=seed)

    def pocket10(self, split: str, seed: int = 0, **dials: Any) -> tuple[np.ndarray, np.ndarray]:
        """Draw Pocket-10 with its dials moved, as :func:`course_utils.data.pocket10` does."""
        from course_utils.data import pocket10

        return pocket10(split, n=self.choose(None, 20), seed=seed, **dials)

    def choose(self, earnest: Any, quick: Any) -> Any:
        """Return the first in earnest, the second in a rehearsal."""
        return quick if self.quick else earnest


@dataclass
class Outcome:
    """What an experiment found.

    Attributes
    ----------
    seeds : sequence of int
        The seeds it ran with.
    metrics : mapping
        A tree whose leaves come from :func:`course_utils.results.summarise`.
    settings : mapping
        Sizes, values on an axis, hyperparameters.
    notes : sequence of str
        What a reader of the figures has to know.
    arrays : mapping of str to mapping of str to ndarray
        Small arrays to keep beside the result: ``{stem: {name: array}}`` becomes ``stem.npz``.
    pictures : mapping of str to bytes
        PNG files to keep beside the result: ``{stem: bytes}`` becomes ``stem.png``.
    """

    seeds: Sequence[int]
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    arrays: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A named experiment.

    Attributes
    ----------
    name : str
        Also the stem of its file.
    dataset : str
        As :func:`course_utils.data.load` takes it, or words of its own if `exactness` is given.
    minutes : float
        About how long it takes on two cores, once the pictures are in the cache.
    summary : str
        One line: the first of its docstring.
    function : callable
        Takes a :class:`Context`, returns an :class:`Outcome`.
    command : str
        What runs it, where it isn't ``course reproduce NAME``.
    exactness : str
        What the data are, where they are none of the course's data sets.
    """

    name: str
    dataset: str
    minutes: float
    summary: str
    function: Callable[[Context], Outcome]
    command: str = ""
    exactness: str = ""


_REGISTRY: dict[str, Experiment] = {}


def experiment(name: str, dataset: str, minutes: float) -> Callable[[Callable[[Context], Outcome]], Any]:
    """Register a function as an experiment (see :class:`Experiment` for the parameters)."""

    def register(function: Callable[[Context], Outcome]) -> Callable[[Context], Outcome]:
        summary = (function.__doc__ or "").strip().splitlines()[0]
        _REGISTRY[name] = Experiment(name, dataset, minutes, summary, function)
        return function

    return register


def experiments() -> dict[str, Experiment]:
    """Return all experiments by name, sorted."""
    for family in FAMILIES:
        importlib.import_module(f"{__package__}.{family}")
    return dict(sorted(_REGISTRY.items()))


def made_up_pictures(name: str, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise whose colour and a bright square's place tell the class: a stand-in for rehearsals.

    Parameters
    ----------
    name : str
        The data set it stands for: the two digit-like sets have one channel of 28×28, others 3 of 32×32.
    n : int
        Number of pictures; ten classes in turn.
    seed : int
        Seed of the noise.

    Returns
    -------
    images : ndarray of uint8, shape (n, H, W, C)
    labels : ndarray of int64, shape (n,)
    """
    size, channels = (28, 1) if name in ("mnist", "fashion_mnist") else (32, 3)
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 10
    images = rng.integers(0, 120, (n, size, size, channels), dtype=np.uint8)
    for picture, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 5)
        picture[row * 12 : row * 12 + 8, column * 5 : column * 5 + 5] += np.uint8(100)
        picture[..., label % channels] += np.uint8(30)
    return images, labels
