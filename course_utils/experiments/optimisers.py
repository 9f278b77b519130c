"""Six optimisers on one network, each with its own learning rate, all chosen from one grid."""

from typing import Any

import numpy as np

from course_utils.data.splits import train_validation_split
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1, 2)
TUNING_SEED = 100
DIVERGED = 99.0
"""A training whose loss reaches this is broken off; guessing has 2.3."""
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "AdaGrad": ("Adagrad", {}),
    "RMSProp": ("RMSprop", {"alpha": 0.99}),
    "Adam": ("Adam", {"betas": (0.9, 0.999)}),
}
PICTURES, VALIDATION, TEST = 5_000, 1_000, 5_000
RECIPE = {"epochs": 8, "batch_size": 64, "widths": (16, 32, 64), "hidden": 64}


def network(widths: tuple[int, ...], hidden: int) -> Any:
    """Convolutions with pooling and no normalisation, which would do part of the optimisers' work."""
    from torch import nn

    layers: list[nn.Module] = []
    fan_in, size = 3, 32
    for fan_out in widths:
        layers += [nn.Conv2d(fan_in, fan_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        fan_in, size = fan_out, size // 2
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(fan_in * size**2, hidden), nn.ReLU(), nn.Linear(hidden, 10)
    )


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    method: str,
    lr: float,
    seed: int,
    epochs: int,
    batch_size: int,
    widths: tuple[int, ...],
    hidden: int,
) -> tuple[Any, list[float]]:
    """Train on images (N, 32, 32, 3) with labels (N,); return the network and the mean loss of each epoch.

    A training whose loss reaches `DIVERGED`, or is no number, is broken off; the epochs that are left get
    that number as their loss.
    """
    import torch
    from torch.nn import functional as F

    from course_utils.evaluation import to_tensor

    kind, settings = METHODS[method]
    data, target = torch.from_numpy(images), torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network(widths, hidden).to(memory_format=torch.channels_last)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=lr, **settings)
    curve: list[float] = []
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(data), generator=generator).split(batch_size):
            loss = F.cross_entropy(model(to_tensor(data[index])), target[index])
            if not loss < DIVERGED:  # NaN as well
                return model.eval(), curve + [DIVERGED] * (epochs - len(curve))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
        curve.append(total / len(data))
    return model.eval(), curve


@experiment("cifar10_optimisers", dataset="cifar10", minutes=15)
def cifar10_optimisers(context: Context) -> Outcome:
    """Race six optimisers on photographs, each at the learning rate that validation chose for it."""
    from course_utils.evaluation import evaluate

    pool = context.load("cifar10", "train", n=PICTURES + VALIDATION)
    test = context.load("cifar10", "test", n=TEST)
    x, y, x_val, y_val = train_validation_split(*pool, validation=context.choose(VALIDATION, 40), seed=0)
    rates = context.choose(RATES, (1e-3, 1e-1))
    quick = {"epochs": 2, "widths": (2, 4), "hidden": 8, "batch_size": 30}
    recipe: dict[str, Any] = {**RECIPE, **context.choose({}, quick)}
    metrics: dict[str, Any] = {}
    for method in METHODS:
        tried = []
        for rate in rates:
            model, curve = fit(x, y, method=method, lr=rate, seed=TUNING_SEED, **recipe)
            accuracy = evaluate(model, x_val, y_val).accuracy if curve[-1] < DIVERGED else 0.0
            tried.append(accuracy)
            context.say(f"{method}, rate {rate:g}: validation accuracy {accuracy:.3f}")
        best = rates[int(np.argmax(tried))]
        runs = []
        for seed in SEEDS:
            model, curve = fit(x, y, method=method, lr=best, seed=seed, **recipe)
            runs.append((curve, evaluate(model, *test).accuracy if curve[-1] < DIVERGED else 0.0))
            context.say(f"{method}, rate {best:g}, seed {seed}: test accuracy {runs[-1][1]:.3f}")
        metrics[method] = {
            "validation_accuracy_by_rate": summarise([tried]),
            "chosen_rate": summarise([best]),
            "train_loss_by_epoch": summarise(curve for curve, _ in runs),
            "test_accuracy": summarise(accuracy for _, accuracy in runs),
        }
    return Outcome(
        SEEDS,
        metrics,
        {
            "train": len(x),
            "validation": len(x_val),
            "test": len(test[0]),
            "rates": list(rates),
            "recipe": {key: list(v) if isinstance(v, tuple) else v for key, v in recipe.items()},
        },
        notes=[
            f"The learning rate of each optimiser was chosen with seed {TUNING_SEED} on validation pictures "
            "and then used with the other seeds; it is constant during training.",
            f"The network has no normalisation layers. A training whose loss reached {DIVERGED:g} was "
            "broken off: it counts as accuracy 0, and the losses of its remaining epochs as that number.",
        ],
    )
