"""How much a penalty on the weights helps, with few and with many pictures: ridge regression and softmax."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course_utils.data.splits import train_validation_split
from course_utils.experiments.least_squares import Pictures, two_classes
from course_utils.experiments.linear import LinearClassifier, fit
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1, 2)
RIDGE_STRENGTHS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
SOFTMAX_STRENGTHS = (0.0, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


class Ridge:
    """Ridge regression of targets -1 and +1 on centred pixels, for any strength from one decomposition.

    Minimises ``1/2N ‖Xw + b − t‖² + λ/2 ‖w‖²``; the bias b carries no penalty. With λ = 0 it is least
    squares, the shortest solution where there are several.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, 1)
    labels : ndarray of int64, shape (N,)
        0 and 1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        x, t = images.reshape(len(images), -1) / 255, 2.0 * labels - 1
        self.mean, self.bias = x.mean(axis=0), float(t.mean())
        x -= self.mean
        self.curvature, self.axes = np.linalg.eigh(x.T @ x / len(x))  # (D,), (D, D)
        self.slope = self.axes.T @ (x.T @ (t - self.bias)) / len(x)

    def at(self, strength: float) -> LinearClassifier:
        """Give the classifier for a penalty of this strength; its two scores are 0 and xw + b."""
        seen = self.curvature > 1e-10 * self.curvature[-1]  # directions in which the pictures differ at all
        w = self.axes[:, seen] @ (self.slope[seen] / (self.curvature[seen] + strength))
        return LinearClassifier(self.mean, np.column_stack([0 * w, w]), np.array([0.0, self.bias]))


@dataclass
class Sweep:
    """Accuracies of classifiers with penalties of several strengths; validation chooses, the test set judges.

    Attributes
    ----------
    train, validation, norms : list of list of float
        For each seed, a value for each strength.
    chosen, test, test_plain : list of float
        For each seed: the strength with the best validation accuracy, its test accuracy, and that of the
        classifier without penalty.
    """

    train: list[list[float]] = field(default_factory=list)
    validation: list[list[float]] = field(default_factory=list)
    norms: list[list[float]] = field(default_factory=list)
    chosen: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    test_plain: list[float] = field(default_factory=list)

    def add(
        self, models: dict[float, LinearClassifier], train: Pictures, validation: Pictures, test: Pictures
    ) -> None:
        """Note how one seed's classifiers, by strength, do on (images, labels) of the three parts."""
        self.train.append([model.accuracy(*train) for model in models.values()])
        self.validation.append([model.accuracy(*validation) for model in models.values()])
        self.norms.append([float(np.linalg.norm(model.weights)) for model in models.values()])
        best = list(models)[int(np.argmax(self.validation[-1]))]
        self.chosen.append(best)
        self.test.append(models[best].accuracy(*test))
        self.test_plain.append(models[0.0].accuracy(*test))

    def metrics(self) -> dict[str, Any]:
        """Summarise over the seeds."""
        return {
            "train_accuracy": summarise(self.train),
            "validation_accuracy": summarise(self.validation),
            "norm": summarise(self.norms),
            "chosen_strength": summarise(self.chosen),
            "test_accuracy": summarise(self.test),
            "test_accuracy_without_penalty": summarise(self.test_plain),
        }


@experiment("car_truck_ridge", dataset="cifar10", minutes=0.5)
def car_truck_ridge(context: Context) -> Outcome:
    """Tell car from truck by ridge regression on CIFAR-10's grey pixels, with 1,000 and 8,000 pictures."""
    from course_utils.data import class_names

    names = class_names("cifar10")
    train, test = (two_classes(*context.load("cifar10", split), names) for split in ("train", "test"))
    sizes = context.choose((1000, 8000), (8, 12))
    metrics: dict[str, Any] = {}
    for size in sizes:
        found = Sweep()
        for seed in SEEDS:
            context.say(f"{size} pictures, seed {seed}")
            x, y, x_val, y_val = train_validation_split(*train, validation=0.2, seed=seed)
            order = np.random.default_rng(seed).permutation(len(x))[:size]
            ridge = Ridge(x[order], y[order])
            models = {strength: ridge.at(strength) for strength in RIDGE_STRENGTHS}
            found.add(models, (x[order], y[order]), (x_val, y_val), test)
        metrics[f"train_{size}"] = found.metrics()
    settings = {"train_sizes": list(sizes), "validation": 0.2, "strengths": list(RIDGE_STRENGTHS)}
    notes = ["Each seed draws its own validation part and its own training pictures; the test set is fixed."]
    return Outcome(SEEDS, metrics, settings | {"test": len(test[0])}, notes)


@experiment("cifar10_regularisation", dataset="cifar10", minutes=8)
def cifar10_regularisation(context: Context) -> Outcome:
    """Train softmax on 500 and on 5,000 pictures of CIFAR-10 with L2 penalties of several strengths."""
    train, test = context.load("cifar10", "train"), context.load("cifar10", "test")
    sizes, steps = context.choose((500, 5000), (20, 40)), context.choose(4000, 4)
    recipe: dict[str, Any] = {"loss": "softmax", "lr": 0.005, "batch_size": context.choose(50, 10)}
    metrics = {}
    for size in sizes:
        epochs = steps * recipe["batch_size"] // size
        found = Sweep()
        for seed in SEEDS:
            x, y, x_val, y_val = train_validation_split(*train, validation=0.2, seed=seed)
            order = np.random.default_rng(seed).permutation(len(x))[:size]
            x, y = x[order], y[order]
            models = {}
            for strength in SOFTMAX_STRENGTHS:
                context.say(f"{size} pictures, seed {seed}, strength {strength:g}")
                models[strength] = fit(x, y, epochs=epochs, weight_decay=strength, seed=seed, **recipe)
            found.add(models, (x, y), (x_val, y_val), test)
        metrics[f"train_{size}"] = found.metrics()
    settings = {
        "train_sizes": list(sizes),
        "validation": 0.2,
        "test": len(test[0]),
        "steps": steps,
        "recipe": recipe,
        "strengths": list(SOFTMAX_STRENGTHS),
    }
    return Outcome(SEEDS, metrics, settings)
