"""k nearest neighbours: metric and k chosen by cross-validation, the test set used once."""

from collections.abc import Sequence

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

KS = (1, 3, 5, 8, 10, 12, 15, 20, 30, 50, 100)
FOLDS = 5


def flatten(images: np.ndarray) -> np.ndarray:
    """Flatten uint8 pictures (N, H, W, C) to rows of float32 in [0, 1], (N, D)."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def nearest(x: np.ndarray, train: np.ndarray, k: int, metric: str, block: int = 500) -> np.ndarray:
    """Find the k nearest training rows of each row.

    L2 needs one matrix product a block, ‖a − b‖² = ‖a‖² − 2a·b + ‖b‖² without ‖a‖², which changes no order;
    L1 has no such form and costs one subtraction for each pair of numbers.

    Parameters
    ----------
    x : ndarray of float32, shape (N, D)
        Rows to find neighbours for.
    train : ndarray of float32, shape (M, D)
        Rows to find them among.
    k : int
        How many, at most M.
    metric : {"l1", "l2"}
        Distance.
    block : int
        Rows of `x` at a time, which bounds the memory.

    Returns
    -------
    ndarray of int64, shape (N, k)
        Positions in `train`, the nearest first.
    """
    import torch

    reference = torch.from_numpy(train)
    squares = (reference**2).sum(1)
    found = []
    for rows in torch.from_numpy(x).split(block):
        if metric == "l2":
            distance = torch.addmm(squares, rows, reference.T, alpha=-2)
        else:
            distance = torch.cdist(rows, reference, p=1)
        found.append(distance.topk(k, dim=1, largest=False).indices)
    return torch.cat(found).numpy()


def votes(neighbours: np.ndarray, ks: Sequence[int], num_classes: int) -> dict[int, np.ndarray]:
    """Let the neighbours vote, for several k at once.

    Parameters
    ----------
    neighbours : ndarray of int, shape (N, K)
        Labels of the K nearest training pictures, the nearest first.
    ks : sequence of int
        How many of them vote, each at most K.
    num_classes : int
        Classes.

    Returns
    -------
    dict of int to ndarray of int64, shape (N,)
        Predicted labels for each k. Of classes with the same number of votes the first wins.
    """
    counts = np.zeros((len(neighbours), num_classes), dtype=np.int64)
    everyone = np.arange(len(neighbours))
    labels = {}
    for place in range(max(ks)):
        counts[everyone, neighbours[:, place]] += 1
        if place + 1 in ks:
            labels[place + 1] = counts.argmax(1)
    return labels


def accuracies(
    x: np.ndarray, y: np.ndarray, train: np.ndarray, labels: np.ndarray, ks: Sequence[int], metric: str
) -> list[float]:
    """Accuracy on `x` (M, D) with labels `y` (M,) for each k, learning from `train` (N, D) and `labels`."""
    neighbours = labels[nearest(x, train, max(ks), metric)]
    predicted = votes(neighbours, ks, int(labels.max()) + 1)
    return [float(np.mean(predicted[k] == y)) for k in ks]


def cross_validate(
    x: np.ndarray, y: np.ndarray, ks: Sequence[int], metric: str, folds: int = FOLDS
) -> list[list[float]]:
    """Accuracy of each fold for each k, learning from the other folds: `folds` curves of len(ks)."""
    fold = np.random.default_rng(0).permutation(len(x)) % folds
    return [
        accuracies(x[fold == held], y[fold == held], x[fold != held], y[fold != held], ks, metric)
        for held in range(folds)
    ]


def study(context: Context, name: str, l1_test: int) -> Outcome:
    """Choose k for each metric by 5-fold cross-validation on 5,000 pictures, then test once.

    Parameters
    ----------
    context : Context
        Where the pictures come from.
    name : str
        Data set.
    l1_test : int
        Test pictures for L1, which has no matrix product to help it.

    Returns
    -------
    Outcome
        Cross-validation curves and the test accuracy of each metric.
    """
    ks = context.choose(KS, KS[:5])
    chosen = context.load(name, "train", n=context.choose(5_000, 50))
    train, test = context.load(name, "train"), context.load(name, "test")
    curves, best, tested = {}, {}, {}
    for metric in ("l1", "l2"):
        context.say(f"{metric}: {FOLDS}-fold cross-validation on {len(chosen[0]):,} pictures")
        curves[metric] = summarise(cross_validate(flatten(chosen[0]), chosen[1], ks, metric))
        best[metric] = ks[int(np.argmax(curves[metric]["mean"]))]
    x, y = flatten(train[0]), train[1]
    few = context.load(name, "test", n=context.choose(l1_test, 20))
    for metric, (images, labels) in (("l1", few), ("l2", test)):
        context.say(f"{metric}, k = {best[metric]}: {len(images):,} test pictures against {len(x):,}")
        tested[metric] = summarise(accuracies(flatten(images), labels, x, y, [best[metric]], metric))
    return Outcome(
        seeds=[0],
        metrics={"cross_validation": curves, "test_accuracy": tested},
        settings={
            "k": list(ks),
            "folds": FOLDS,
            "cross_validation_pictures": len(chosen[0]),
            "chosen_k": best,
            "train": len(x),
            "test": {"l1": len(few[0]), "l2": len(test[0])},
        },
        notes=[
            "In cross_validation, per_seed holds the five folds' curves over k.",
            f"L1 was tested on {len(few[0]):,} of the {len(test[0]):,} test pictures (balanced).",
        ],
    )


@experiment("cifar10_knn", dataset="cifar10", minutes=6)
def cifar10_knn(context: Context) -> Outcome:
    """Classify CIFAR-10 by nearest neighbours: L1 and L2, k by cross-validation, tested once."""
    return study(context, "cifar10", l1_test=1_000)


@experiment("mnist_knn", dataset="mnist", minutes=3)
def mnist_knn(context: Context) -> Outcome:
    """Classify MNIST by nearest neighbours: L1 and L2, k by cross-validation, tested once."""
    return study(context, "mnist", l1_test=1_000)


@experiment("fashion_mnist_knn", dataset="fashion_mnist", minutes=3)
def fashion_mnist_knn(context: Context) -> Outcome:
    """Classify Fashion-MNIST by nearest neighbours: L1 and L2, k by cross-validation, tested once."""
    return study(context, "fashion_mnist", l1_test=1_000)
