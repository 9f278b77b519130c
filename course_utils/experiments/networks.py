"""Fully connected networks on Fashion-MNIST: trained, saved, loaded again."""

import io
from collections.abc import Sequence

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1, 2)
BATCH = 64
RECIPES = {
    "784-512-512-10, rate 0.001": {"hidden": (512, 512), "lr": 1e-3},
    "784-100-10, rate 0.001": {"hidden": (100,), "lr": 1e-3},
    "784-100-10, rate 0.1": {"hidden": (100,), "lr": 0.1},
}


def train_and_reload(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    hidden: Sequence[int],
    lr: float,
    epochs: int,
    seed: int,
) -> tuple[list[float], list[float], float]:
    """Train a network by plain SGD, save it, load it with ``weights_only=True`` into a new one, compare.

    Parameters
    ----------
    train, test : (images, labels)
        Pictures of uint8, shape (N, H, W, C_in); they are scaled to [0, 1].
    hidden : sequence of int
        Units of each hidden layer.
    lr : float
        Learning rate.
    epochs : int
        Passes over the training pictures, in batches of 64.
    seed : int
        Seeds the starting weights and the order of the pictures.

    Returns
    -------
    train_accuracy, test_accuracy : list of float
        After each epoch.
    agreement : float
        Fraction of test pictures that the loaded network gives exactly the same scores as the trained one.
    """
    import torch
    from torch.nn import functional as F

    from course_utils.models import mlp

    (x, y), (x_test, y_test) = (
        (torch.from_numpy(images).flatten(1).float().div_(255), torch.from_numpy(labels))
        for images, labels in (train, test)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = mlp(x.shape[1], hidden, 10)
        other = mlp(x.shape[1], hidden, 10)  # other starting weights: loading has to replace them all
    optimizer = torch.optim.SGD(model.parameters(), lr)
    generator = torch.Generator().manual_seed(seed)

    def accuracy(images: torch.Tensor, labels: torch.Tensor) -> float:
        with torch.inference_mode():
            return float((model(images).argmax(1) == labels).float().mean())

    train_accuracy, test_accuracy = [], []
    for _ in range(epochs):
        for index in torch.randperm(len(x), generator=generator).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(x[index]), y[index]).backward()
            optimizer.step()
        train_accuracy.append(accuracy(x, y))
        test_accuracy.append(accuracy(x_test, y_test))

    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    with torch.inference_mode():
        same = (model(x_test) == other(x_test)).all(dim=1)
    return train_accuracy, test_accuracy, float(same.float().mean())


@experiment("fashion_mnist_mlp", dataset="fashion_mnist", minutes=4)
def fashion_mnist_mlp(context: Context) -> Outcome:
    """Train the 784-512-512-10 and the 784-100-10 network on Fashion-MNIST, save them and load them again."""
    train, test = context.load("fashion_mnist", "train"), context.load("fashion_mnist", "test")
    epochs = context.choose(5, 2)
    metrics = {}
    for name, recipe in RECIPES.items():
        runs = []
        for seed in SEEDS:
            context.say(f"{name}, seed {seed}")
            runs.append(train_and_reload(train, test, epochs=epochs, seed=seed, **recipe))  # type: ignore[arg-type]
        metrics[name] = {
            "train_accuracy": summarise(run[0][-1] for run in runs),
            "test_accuracy": summarise(run[1][-1] for run in runs),
            "test_accuracy_by_epoch": summarise(run[1] for run in runs),
            "same_after_loading": summarise(run[2] for run in runs),
        }
    settings = {"train": len(train[0]), "test": len(test[0]), "epochs": epochs, "batch_size": BATCH}
    return Outcome(SEEDS, metrics, {**settings, "recipes": RECIPES})
