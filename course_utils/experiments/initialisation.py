"""Which deep networks begin to learn photographs: activation, first weights and normalisation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.data.splits import train_validation_split
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

if TYPE_CHECKING:
    import torch
    from torch import nn

SEEDS = (0, 1, 2)
TRAIN, VALIDATION, TEST = 10_000, 2_000, 5_000
DEPTH, WIDTH = 10, 128
STEPS, BATCH = 300, 100
RATES = (0.01, 0.1, 1.0)

ACTIVATIONS = ("sigmoid", "tanh", "relu")
INITIALISATIONS = ("small", "xavier", "kaiming", "large")
NORMALISATIONS = ("none", "batch")


def first_weights(name: str, fan_in: int, fan_out: int) -> float:
    """Return the standard deviation of a layer's first weights.

    Parameters
    ----------
    name : {"small", "xavier", "kaiming", "large"}
        0.01 whatever the layer; Glorot and Bengio 2010, eq. 12; He et al. 2015, eq. 10; three times that.
    fan_in, fan_out : int
        Inputs and outputs of the layer.

    Returns
    -------
    float
        The standard deviation.

    Raises
    ------
    KeyError
        If there is no such name.
    """
    kaiming = (2 / fan_in) ** 0.5
    return {
        "small": 0.01,
        "xavier": (2 / (fan_in + fan_out)) ** 0.5,
        "kaiming": kaiming,
        "large": 3 * kaiming,
    }[name]


def deep_network(
    in_features: int,
    num_classes: int,
    *,
    activation: str,
    initialisation: str,
    normalisation: str,
    depth: int = DEPTH,
    width: int = WIDTH,
) -> "nn.Sequential":
    """Build fully connected layers of one width, all hidden ones alike.

    Weights are normal and drawn from PyTorch's global generator, biases are zero. The last layer is not
    normalised and has the standard deviation sqrt(1 / fan_in) in every network, so that all start with
    scores of the same size where their last hidden layers have one.

    Parameters
    ----------
    in_features, num_classes : int
        Numbers in a picture, and scores.
    activation : {"sigmoid", "tanh", "relu"}
        After every hidden layer.
    initialisation : {"small", "xavier", "kaiming", "large"}
        See `first_weights`.
    normalisation : {"none", "batch"}
        Between a hidden layer and its activation.
    depth, width : int
        Number of hidden layers, and units of each.

    Returns
    -------
    torch.nn.Sequential
        Maps rows (N, in_features) to scores (N, num_classes).
    """
    from torch import nn

    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers: list[nn.Module] = []
    fan_in = in_features
    for _ in range(depth):
        layer = nn.Linear(fan_in, width)
        nn.init.normal_(layer.weight, 0.0, first_weights(initialisation, fan_in, width))
        nn.init.zeros_(layer.bias)
        between = [nn.BatchNorm1d(width)] if normalisation == "batch" else []
        layers += [layer, *between, kinds[activation]()]
        fan_in = width
    last = nn.Linear(fan_in, num_classes)
    nn.init.normal_(last.weight, 0.0, fan_in**-0.5)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def rows(images: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> "torch.Tensor":
    """Make float32 rows (N, H·W·C) of pictures (N, H, W, C): less `mean`, divided by `scale`, by channel."""
    import torch

    scaled = (images / np.float32(255) - mean) / scale
    return torch.from_numpy(scaled.reshape(len(images), -1).astype(np.float32))


def train(
    model: "nn.Module", x: "torch.Tensor", y: "torch.Tensor", *, rate: float, steps: int, seed: int
) -> None:
    """Train by plain SGD on rows x (N, D) with labels y (N,)."""
    import torch
    from torch.nn import functional as F

    optimizer = torch.optim.SGD(model.parameters(), rate)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        pick = torch.randint(len(x), (BATCH,), generator=generator)
        loss = F.cross_entropy(model(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def accuracy(model: "nn.Module", x: "torch.Tensor", y: "torch.Tensor") -> float:
    """Return the share of rows x (N, D) with the highest score at the label y (N,); nan counts as wrong."""
    import torch

    with torch.inference_mode():
        scores = model.eval()(x)
    right = (scores.argmax(1) == y) & scores.isfinite().all(1)
    return float(right.float().mean())


@experiment("cifar10_initialisation", dataset="cifar10", minutes=4)
def cifar10_initialisation(context: Context) -> Outcome:
    """Train deep fully connected networks on photographs from four starts, with and without batch norm."""
    import torch

    images, labels = context.load("cifar10", "train", n=TRAIN + VALIDATION)
    test_images, test_labels = context.load("cifar10", "test", n=TEST)
    held_out = context.choose(VALIDATION, 20)
    train_images, train_labels, held_images, held_labels = train_validation_split(images, labels, held_out)
    pixels = train_images.reshape(-1, images.shape[-1]) / np.float32(255)
    mean, scale = pixels.mean(axis=0), pixels.std(axis=0)
    x, x_held, x_test = (rows(part, mean, scale) for part in (train_images, held_images, test_images))
    y, y_held, y_test = (torch.from_numpy(part) for part in (train_labels, held_labels, test_labels))
    steps = context.choose(STEPS, 2)
    shape = context.choose({}, {"depth": 2, "width": 8})

    def run(recipe: dict[str, Any], rate: float, seed: int) -> "nn.Module":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = deep_network(x.shape[1], 10, **recipe, **shape)
        train(model, x, y, rate=rate, steps=steps, seed=seed)
        return model

    metrics: dict[str, Any] = {}
    for activation in ACTIVATIONS:
        for normalisation in NORMALISATIONS:
            for initialisation in INITIALISATIONS:
                recipe = {
                    "activation": activation,
                    "initialisation": initialisation,
                    "normalisation": normalisation,
                }
                context.say(", ".join(recipe.values()))
                tried = {rate: run(recipe, rate, SEEDS[0]) for rate in RATES}
                validated = {rate: accuracy(model, x_held, y_held) for rate, model in tried.items()}
                chosen = max(validated, key=lambda rate: validated[rate])
                models = [tried[chosen], *(run(recipe, chosen, seed) for seed in SEEDS[1:])]
                metrics[" ".join(recipe.values())] = {
                    "train_accuracy": summarise(accuracy(model, x, y) for model in models),
                    "test_accuracy": summarise(accuracy(model, x_test, y_test) for model in models),
                    "validation_accuracy_by_rate": summarise([[validated[rate] for rate in RATES]]),
                    "chosen_rate": summarise([chosen]),
                }
    return Outcome(
        seeds=SEEDS,
        metrics=metrics,
        settings={
            "train": len(x),
            "validation": len(x_held),
            "test": len(x_test),
            "hidden_layers": shape.get("depth", DEPTH),
            "width": shape.get("width", WIDTH),
            "steps": steps,
            "batch_size": BATCH,
            "rates": list(RATES),
            "activations": list(ACTIVATIONS),
            "initialisations": list(INITIALISATIONS),
            "normalisations": list(NORMALISATIONS),
        },
        notes=[
            "Plain SGD. The learning rate of each network is the best of the listed ones on validation "
            "pictures with the first seed; the other seeds use it.",
            "small: standard deviation 0.01; large: three times that of kaiming.",
        ],
    )
