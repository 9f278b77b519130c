"""Deeper and worse: plain and residual networks of several depths, trained alike on small photographs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

if TYPE_CHECKING:
    from torch import nn

SEEDS = (0, 1, 2)
DEPTHS = (8, 20, 32, 56)
TRAIN, TEST = 4_000, 2_000
EPOCHS = 25
DELETED_AT = 20
"""Depth of the networks from which blocks are deleted."""
RECIPE: dict[str, Any] = {
    "batch_size": 64,
    "lr": 0.05,
    "optimizer": "sgd",
    "weight_decay": 1e-4,
    "schedule": "cosine",
}


def halve(images: np.ndarray) -> np.ndarray:
    """Shrink pictures (N, H, W, C) to half their height and width: the mean of each square of four pixels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, C)
        H and W are even.

    Returns
    -------
    ndarray of uint8, shape (N, H/2, W/2, C)
    """
    n, height, width, channels = images.shape
    squares = images.reshape(n, height // 2, 2, width // 2, 2, channels)
    return np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)


def deletable(model: "nn.Sequential") -> list[int]:
    """Positions of the blocks whose output has the shape of their input."""
    from course_utils.residual import PlainBlock

    return [
        at
        for at, block in enumerate(model)
        if isinstance(block, PlainBlock) and block.stride == 1 and not block.new_channels
    ]


def without_block(model: "nn.Sequential", at: int) -> "nn.Sequential":
    """Return the network without its block at this position; the layers are shared, not copied.

    Parameters
    ----------
    model : torch.nn.Sequential
        From :func:`course_utils.residual.cifar_resnet` or :func:`course_utils.residual.cifar_plain`.
    at : int
        One of :func:`deletable`.

    Returns
    -------
    torch.nn.Sequential
        In the mode, training or evaluation, of the given one.

    Raises
    ------
    ValueError
        If what stands there can't be left out.
    """
    from torch import nn

    if at not in deletable(model):
        raise ValueError(f"position {at} holds no block that keeps its shape; there are {deletable(model)}")
    return nn.Sequential(*(layer for i, layer in enumerate(model) if i != at)).train(model.training)


def gradient_norms(model: "nn.Sequential", images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Measure the gradient of the loss by the first convolution of each block, as a norm, in training mode.

    Parameters
    ----------
    model : torch.nn.Sequential
        A network of blocks.
    images : ndarray of uint8, shape (N, H, W, C)
    labels : ndarray of int64, shape (N,)

    Returns
    -------
    list of float
        One norm a block, from the input to the output.
    """
    import torch
    from torch.nn import functional as F

    from course_utils.residual import PlainBlock
    from course_utils.training import to_tensor

    model.train()
    model.zero_grad()
    x = to_tensor(torch.from_numpy(images), torch.device("cpu"))
    F.cross_entropy(model(x), torch.from_numpy(labels)).backward()
    blocks = [block for block in model if isinstance(block, PlainBlock)]
    return [float(block.conv1.weight.grad.norm()) for block in blocks]  # type: ignore[union-attr]


@experiment("cifar10_degradation", dataset="cifar10", minutes=35)
def cifar10_degradation(context: Context) -> Outcome:
    """Train plain and residual networks of 8 to 56 layers on CIFAR-10 at 16 by 16 pixels, all alike."""
    import torch

    from course_utils import residual
    from course_utils.training import evaluate
    from course_utils.training import train as fit

    train, test = (
        (halve(images), labels)
        for images, labels in (
            context.load("cifar10", "train", n=TRAIN),
            context.load("cifar10", "test", n=TEST),
        )
    )
    depths, epochs = context.choose(DEPTHS, (8, 14)), context.choose(EPOCHS, 1)
    seeds, width = context.choose(SEEDS, SEEDS[:2]), context.choose(16, 4)
    deleted_at = context.choose(DELETED_AT, 14)
    metrics: dict[str, Any] = {}
    for kind, build in (("plain", residual.cifar_plain), ("residual", residual.cifar_resnet)):
        for depth in depths:
            found: dict[str, list[Any]] = {}
            for seed in seeds:
                with torch.random.fork_rng():
                    torch.manual_seed(seed)
                    model = build(depth, width=width)
                figures: dict[str, Any] = {
                    "gradient_norms_at_start": gradient_norms(model, train[0][:256], train[1][:256])
                }
                history = fit(model, *train, epochs=epochs, seed=seed, **RECIPE)
                figures |= {
                    "train_accuracy": evaluate(model, *train).accuracy,
                    "test_accuracy": evaluate(model, *test).accuracy,
                    "train_accuracy_by_epoch": history.train_accuracy,
                }
                if depth == deleted_at:
                    figures["test_accuracy_without_block"] = [
                        evaluate(without_block(model, at), *test).accuracy for at in deletable(model)
                    ]
                context.say(f"{kind} {depth}, seed {seed}: training {figures['train_accuracy']:.3f}")
                for key, value in figures.items():
                    found.setdefault(key, []).append(value)
            metrics[f"{kind}_{depth}"] = {key: summarise(values) for key, values in found.items()}
    return Outcome(
        seeds=seeds,
        metrics=metrics,
        settings={
            "train": len(train[0]),
            "test": len(test[0]),
            "pixels": train[0].shape[1],
            "epochs": epochs,
            "depths": list(depths),
            "width": width,
            "deleted_at": deleted_at,
            "recipe": RECIPE,
        },
        notes=[
            "Pictures are averaged down to half their height and width and not augmented; training accuracy "
            "is measured on all training pictures after training.",
            "Plain and residual networks of one depth have the same parameters and, for one seed, the same "
            "starting weights, order of pictures and recipe.",
        ],
    )
