"""The ladder on Pocket-10: from the mean colour to a residual network, each rung above the last."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.experiments import least_squares, linear, neighbours
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

Pictures = tuple[np.ndarray, np.ndarray]
Figures = dict[str, float]
SPLITS = ("train", "validation", "test")

# Recipes: arguments of linear.fit, and of course_utils.training.train.
SOFTMAX: dict[str, Any] = {"epochs": 20, "lr": 0.01, "weight_decay": 1e-3}
MLP: dict[str, Any] = {
    "epochs": 20,
    "lr": 5e-4,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "cosine",
}
CNN: dict[str, Any] = {
    "epochs": 6,
    "lr": 3e-3,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "warmup_cosine",
    "bfloat16": True,
}
RESNET: dict[str, Any] = {
    "epochs": 20,
    "lr": 0.1,
    "optimizer": "sgd",
    "weight_decay": 5e-4,
    "schedule": "warmup_cosine",
    "bfloat16": True,
}
CAR_TRUCK: dict[str, Any] = {"epochs": 15, "lr": 1e-3, "optimizer": "adam", "bfloat16": True}


def pictures(context: Context, split: str, seed: int) -> Pictures:
    """Pocket-10 at the standard setting, the drawing of this seed: (N, 32, 32, 3) and (N,)."""
    return context.load("pocket10", split, seed=seed)


def epochs(context: Context, recipe: dict[str, Any]) -> int:
    """Return the recipe's epochs; one in a rehearsal."""
    return context.choose(recipe["epochs"], 1)


def mean_colour(images: np.ndarray) -> np.ndarray:
    """Mean of each channel: float32 (N, C) in [0, 1]."""
    return images.mean(axis=(1, 2), dtype=np.float64).astype(np.float32) / 255


def colour_histogram(images: np.ndarray, levels: int = 4) -> np.ndarray:
    """Share of a picture's pixels in each cell of colour space, its square root: float32 (N, levels³)."""
    n = len(images)
    level = images.reshape(n, -1, 3).astype(np.int64) * levels // 256
    cell = level @ np.array([levels * levels, levels, 1]) + levels**3 * np.arange(n)[:, None]
    counts = np.bincount(cell.ravel(), minlength=n * levels**3).reshape(n, -1)
    return np.sqrt(counts / level.shape[1]).astype(np.float32)


def from_features(context: Context, seed: int, features: Callable[[np.ndarray], np.ndarray]) -> Figures:
    """Test the better (on validation) of k-NN and softmax regression on some features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (x, y), validation, test = (
        (features(images), labels) for images, labels in (pictures(context, split, seed) for split in SPLITS)
    )
    candidates = [KNeighborsClassifier(k) for k in (10, 30, 100) if k <= len(x)]
    candidates.append(LogisticRegression(max_iter=500))
    fitted = [make_pipeline(StandardScaler(), candidate).fit(x, y) for candidate in candidates]
    best = max(fitted, key=lambda candidate: candidate.score(*validation))
    return {"test_accuracy": float(best.score(*test))}


def best_knn(context: Context, seed: int) -> Figures:
    """Test k-NN on pixels, with metric and k chosen on validation pictures."""
    ks = context.choose((1, 3, 5, 8, 10, 15, 20, 30, 50), (1, 5))
    (x, y), validation, test = (
        (neighbours.flatten(images), labels)
        for images, labels in (pictures(context, split, seed) for split in SPLITS)
    )
    curves = {metric: neighbours.accuracies(*validation, x, y, ks, metric) for metric in ("l1", "l2")}
    metric = max(curves, key=lambda name: max(curves[name]))
    k = ks[int(np.argmax(curves[metric]))]
    return {"test_accuracy": neighbours.accuracies(*test, x, y, (k,), metric)[0], "k": k}


def softmax(context: Context, seed: int) -> Figures:
    """Test a softmax classifier on pixels."""
    train, test = pictures(context, "train", seed), pictures(context, "test", seed)
    classifier = linear.fit(
        *train, loss="softmax", seed=seed, **{**SOFTMAX, "epochs": epochs(context, SOFTMAX)}
    )
    return {"train_accuracy": classifier.accuracy(*train), "test_accuracy": classifier.accuracy(*test)}


def network(
    context: Context,
    seed: int,
    build: Callable[[], Any],
    recipe: dict[str, Any],
    train: Pictures | None = None,
    test: Pictures | None = None,
    augmented: bool = False,
) -> tuple[Any, Figures]:
    """Build and train a network (one epoch in a rehearsal); return it with its figures."""
    import torch

    from course_utils.augmentation import flip_and_shift
    from course_utils.training import evaluate
    from course_utils.training import train as fit

    train, test = train or pictures(context, "train", seed), test or pictures(context, "test", seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build()
    settings = {**recipe, "epochs": epochs(context, recipe), "augment": flip_and_shift if augmented else None}
    history = fit(model, *train, seed=seed, **settings)
    return model, {
        "train_accuracy": evaluate(model, *train).accuracy,
        "test_accuracy": evaluate(model, *test).accuracy,
        "train_seconds": history.seconds,
    }


def trained_cnn(context: Context, seed: int) -> tuple[Any, Figures]:
    """Train the small CNN at the standard setting; return it with its figures."""
    from course_utils.models import small_cnn

    return network(context, seed, small_cnn, CNN, augmented=True)


def mlp_rung(context: Context, seed: int) -> Figures:
    """Train a two-layer network on pixels."""
    from course_utils.models import mlp

    return network(context, seed, lambda: mlp(32 * 32 * 3, 200, 10), MLP)[1]


def resnet_rung(context: Context, seed: int) -> Figures:
    """Train ResNet-20."""
    from course_utils.models import resnet20

    return network(context, seed, resnet20, RESNET, augmented=True)[1]


def car_truck_least_squares_rung(context: Context, seed: int) -> Figures:
    """Tell car from truck by least squares."""
    train_accuracy, test_accuracy = least_squares.least_squares(*least_squares.cars_and_trucks(context, seed))
    return {"train_accuracy": train_accuracy, "test_accuracy": test_accuracy}


def car_truck_cnn_rung(context: Context, seed: int) -> Figures:
    """Tell car from truck by a CNN, on one drawing of the pictures."""
    from course_utils.models import car_truck_cnn

    return network(context, seed, car_truck_cnn, CAR_TRUCK, *least_squares.cars_and_trucks(context, 0))[1]


RUNGS: dict[str, tuple[tuple[int, ...], Callable[[Context, int], Figures]]] = {
    "mean_colour": ((0, 1, 2), lambda context, seed: from_features(context, seed, mean_colour)),
    "colour_histogram": ((0, 1, 2), lambda context, seed: from_features(context, seed, colour_histogram)),
    "knn": ((0, 1), best_knn),
    "softmax": ((0, 1, 2), softmax),
    "mlp": ((0, 1, 2), mlp_rung),
    "small_cnn": ((0, 1, 2), lambda context, seed: trained_cnn(context, seed)[1]),
    "resnet20": ((0,), resnet_rung),
    "car_truck_least_squares": ((0,), car_truck_least_squares_rung),
    "car_truck_cnn": ((0,), car_truck_cnn_rung),
}
"""Each rung's seeds, and the function that measures it with one of them."""


@experiment("ladder_pocket10", dataset="pocket10", minutes=20)
def ladder_pocket10(context: Context) -> Outcome:
    """Climb the ladder on Pocket-10 at the standard setting: 10,000 pictures to learn from, 2,000 to test."""
    metrics: dict[str, dict[str, Any]] = {}
    for name, (seeds, measure) in RUNGS.items():
        found: dict[str, list[float]] = {}
        for seed in seeds[: context.choose(None, 1)]:
            figures = measure(context, seed)
            context.say(f"{name}, seed {seed}: " + ", ".join(f"{key} {figures[key]:.3f}" for key in figures))
            for key, value in figures.items():
                found.setdefault(key, []).append(value)
        metrics[name] = {key: summarise(values) for key, values in found.items()}
    return Outcome(
        seeds=sorted({seed for seeds, _ in RUNGS.values() for seed in seeds[: context.choose(None, 1)]}),
        metrics=metrics,
        settings={
            "train": 10_000,
            "test": 2_000,
            "seeds": {name: list(seeds) for name, (seeds, _) in RUNGS.items()},
            "recipes": {
                "softmax": SOFTMAX,
                "mlp": MLP,
                "small_cnn": CNN,
                "resnet20": RESNET,
                "car_truck_cnn": CAR_TRUCK,
            },
        },
        notes=[
            "Each seed draws its own 10,000 and 2,000 pictures. Metric, k and the classifier on colour "
            "features are chosen on 2,000 validation pictures.",
            "Car against truck: 10,000 grayscale pictures of the two classes to learn from, 2,000 to test, "
            "drawn once; the seeds are those of the network.",
        ],
    )
