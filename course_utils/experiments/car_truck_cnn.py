"""Car against truck by a small convolutional network, and the plane its last hidden layer makes."""

from typing import Any

import numpy as np

from course_utils.experiments.least_squares import two_classes
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

Pictures = tuple[np.ndarray, np.ndarray]

SEEDS = (0, 1, 2)
RECIPE: dict[str, Any] = {"epochs": 30, "batch_size": 128, "lr": 1e-3, "optimizer": "adam"}
HEADS = {"64": (64,), "64-32-16-2": (64, 32, 16, 2)}
SOURCE = {"train_accuracy": 1.0, "test_accuracy": 0.88}
POINTS, SHOWN = 600, 120
SHOWN_EPOCHS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30)


def last_hidden(model: Any, images: np.ndarray) -> np.ndarray:
    """Compute what goes into the last layer: float32 (N, units), for grayscale pictures (N, H, W, 1)."""
    from course_utils.training import scores

    return scores(model[:-1], images)


def trained(
    train: Pictures, test: Pictures, head: tuple[int, ...], seed: int, epochs: int
) -> tuple[Any, dict[str, Any], dict[str, np.ndarray]]:
    """Train the network and watch the input of its last layer.

    Parameters
    ----------
    train, test : (images, labels)
        Grayscale pictures, uint8 (N, 32, 32, 1), and labels 0 (car) and 1 (truck).
    head : tuple of int
        Units of the hidden layers.
    seed, epochs : int
        As `course_utils.training.train` takes them.

    Returns
    -------
    model : torch.nn.Module
    figures : dict
        ``train_accuracy``, ``test_accuracy``, ``test_accuracy_by_epoch``.
    snapshots : dict of str to ndarray
        ``points`` (snapshots, POINTS, units) of the first test pictures, and ``line`` (snapshots, units + 1),
        weights and bias of the last layer; both before training and after the epochs in ``epochs``.
    """
    import torch

    from course_utils.models import car_truck_cnn as build
    from course_utils.training import evaluate
    from course_utils.training import train as fit

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(head)
    points, lines, kept, curve = [], [], [], []

    def keep(epoch: int) -> None:
        if epoch:
            curve.append(evaluate(model, *test).accuracy)
        if epoch in SHOWN_EPOCHS:
            last: Any = model[-1]
            kept.append(epoch)
            points.append(last_hidden(model, test[0][:POINTS]))
            lines.append(np.append(last.weight.detach().cpu().numpy(), last.bias.detach().cpu().numpy()))

    keep(0)
    fit(model, *train, seed=seed, after_epoch=keep, **{**RECIPE, "epochs": epochs})
    figures = {
        "train_accuracy": evaluate(model, *train).accuracy,
        "test_accuracy": curve[-1],
        "test_accuracy_by_epoch": curve,
    }
    snapshots = {
        "points": np.array(points, dtype=np.float16),
        "line": np.array(lines),
        "epochs": np.array(kept),
    }
    return model, figures, snapshots


@experiment("car_truck_cnn", dataset="cifar10", minutes=12)
def car_truck_cnn(context: Context) -> Outcome:
    """Tell car from truck by a CNN on 10,000 grayscale pictures, also with a plane before its last layer."""
    from course_utils.data import class_names

    names = class_names("cifar10")
    # Shuffled, so that the points kept are of both classes.
    train, test = (two_classes(*context.load("cifar10", split), names) for split in ("train", "test"))
    order = np.random.default_rng(0).permutation(len(test[0]))
    test = test[0][order], test[1][order]
    seeds, epochs = context.choose(SEEDS, (0,)), context.choose(RECIPE["epochs"], 2)
    metrics, kept = {}, {}
    for name, head in HEADS.items():
        runs = []
        for seed in seeds:
            model, figures, snapshots = trained(train, test, head, seed, epochs)
            runs.append(figures)
            context.say(
                f"{name}, seed {seed}: train {figures['train_accuracy']:.3f}, "
                f"test {figures['test_accuracy']:.3f}"
            )
            if seed == seeds[0] and name == "64":
                kept["filters"] = model[0].weight.detach().cpu().numpy()[:, 0].astype(np.float16)
            elif seed == seeds[0]:
                kept |= snapshots | {"labels": test[1][:POINTS], "pictures": test[0][:SHOWN, :, :, 0]}
        metrics[name] = {key: summarise(run[key] for run in runs) for key in runs[0]}
    return Outcome(
        seeds,
        metrics,
        {
            "train": len(train[0]),
            "test": len(test[0]),
            "recipe": RECIPE,
            "heads": {name: list(head) for name, head in HEADS.items()},
            "points": f"first {POINTS} test pictures, shuffled",
            "source_figures": SOURCE,
        },
        ["Adam with its defaults, binary cross-entropy, 30 epochs, as in the source. Batch size 128."],
        arrays={"car_truck_cnn_plane": kept},
    )
