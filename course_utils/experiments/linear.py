"""Linear classifiers on pixels: softmax and multiclass SVM by mini-batch gradient descent."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1, 2)


@dataclass
class LinearClassifier:
    """Scores s = (x − mean) W + b of pictures flattened to rows x of numbers in [0, 1].

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
        The training pictures' mean.
    weights : ndarray of float32, shape (D, C)
    bias : ndarray of float32, shape (C,)
    """

    mean: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Fraction of pictures (N, H, W, C) whose highest score is their label's."""
        x = images.reshape(len(images), -1).astype(np.float32) / 255 - self.mean
        return float(np.mean((x @ self.weights + self.bias).argmax(1) == labels))


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    loss: str,
    epochs: int,
    lr: float,
    weight_decay: float = 0.0,
    batch_size: int = 128,
    seed: int = 0,
) -> LinearClassifier:
    """Fit a linear classifier by stochastic gradient descent with momentum 0.9 and a cosine schedule.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, C_in)
    labels : ndarray of int64, shape (N,)
    loss : {"softmax", "svm"}
        Cross-entropy, or the multiclass hinge loss with margin 1 (summed over the wrong classes).
    epochs : int
        Passes over the pictures.
    lr : float
        Highest learning rate.
    weight_decay : float
        Strength of the penalty ½·weight_decay·‖W‖².
    batch_size : int
        Pictures a step.
    seed : int
        Seeds initial weights (normal, 0.001) and the order of the pictures.

    Returns
    -------
    LinearClassifier
        The fitted classifier.
    """
    import torch
    from torch.nn import functional as F

    x = torch.from_numpy(images.reshape(len(images), -1)).float().div_(255)
    mean = x.mean(0)
    x -= mean
    y = torch.from_numpy(labels)
    num_classes = int(labels.max()) + 1
    generator = torch.Generator().manual_seed(seed)
    weights = (0.001 * torch.randn(x.shape[1], num_classes, generator=generator)).requires_grad_()
    bias = torch.zeros(num_classes, requires_grad=True)
    groups: list[dict[str, Any]] = [{"params": [weights], "weight_decay": weight_decay}, {"params": [bias]}]
    optimizer = torch.optim.SGD(groups, lr, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for index in torch.randperm(len(x), generator=generator).split(batch_size):
            scores, target = x[index] @ weights + bias, y[index]
            if loss == "softmax":
                value = F.cross_entropy(scores, target)
            else:  # PyTorch divides by the number of classes; the book's loss does not
                value = F.multi_margin_loss(scores, target) * num_classes
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        schedule.step()
    return LinearClassifier(mean.numpy(), weights.detach().numpy(), bias.detach().numpy())


RECIPES: dict[str, dict[str, Any]] = {
    "softmax": {"lr": 0.01, "weight_decay": 1e-3},
    "svm": {"lr": 0.001, "weight_decay": 1e-2},
}


def study(context: Context, name: str, epochs: int) -> tuple[Outcome, dict[str, LinearClassifier]]:
    """Train and test both losses with three seeds; return the first seed's classifiers too."""
    train, test = context.load(name, "train"), context.load(name, "test")
    epochs = context.choose(epochs, 2)
    metrics, first = {}, {}
    for loss, recipe in RECIPES.items():
        fitted = []
        for seed in SEEDS:
            context.say(f"{loss}, seed {seed}")
            fitted.append(fit(*train, loss=loss, epochs=epochs, seed=seed, **recipe))
        first[loss] = fitted[0]
        metrics[loss] = {
            "train_accuracy": summarise(classifier.accuracy(*train) for classifier in fitted),
            "test_accuracy": summarise(classifier.accuracy(*test) for classifier in fitted),
        }
    settings = {"train": len(train[0]), "test": len(test[0]), "epochs": epochs, "batch_size": 128}
    return Outcome(SEEDS, metrics, {**settings, "recipes": RECIPES}), first


@experiment("cifar10_linear", dataset="cifar10", minutes=5)
def cifar10_linear(context: Context) -> Outcome:
    """Train softmax and multiclass SVM on CIFAR-10's pixels; keep the learned templates."""
    outcome, classifiers = study(context, "cifar10", epochs=20)
    # (D, C) → one picture a class; half precision is plenty for a picture.
    templates = {
        loss: classifier.weights.T.reshape(-1, 32, 32, 3).astype(np.float16)
        for loss, classifier in classifiers.items()
    }
    outcome.arrays = {"cifar10_linear_templates": templates}
    outcome.notes = [
        "cifar10_linear_templates.npz holds the weights of seed 0, (C, 32, 32, 3) for each loss."
    ]
    return outcome


@experiment("mnist_linear", dataset="mnist", minutes=2)
def mnist_linear(context: Context) -> Outcome:
    """Train softmax and multiclass SVM on MNIST's pixels."""
    return study(context, "mnist", epochs=20)[0]


@experiment("fashion_mnist_linear", dataset="fashion_mnist", minutes=2)
def fashion_mnist_linear(context: Context) -> Outcome:
    """Train softmax and multiclass SVM on Fashion-MNIST's pixels."""
    return study(context, "fashion_mnist", epochs=20)[0]
