"""What each regulariser and each augmentation is worth to a small network, alone and together."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

if TYPE_CHECKING:
    from torch import nn

SEEDS = (0, 1, 2)
PHOTOGRAPHS, DRAWN = (4_000, 5_000), (1_500, 2_000)  # training and test pictures
RECIPE = {"epochs": 20, "batch_size": 64, "lr": 2e-3, "widths": (16, 32, 64), "hidden": 128}
DROPOUT, DECAY, MIX = 0.5, 0.5, 0.2
# Steps of an augmentation: function of course_utils.augmentation, and its strength.
STEPS: dict[str, tuple[str, dict[str, float]]] = {
    "flip": ("flip", {}),
    "translation": ("affine", {"shift": 0.125}),
    "crop": ("crop", {"smallest": 0.7}),
    "rotation": ("affine", {"rotation": 15.0}),
    "scale": ("affine", {"scale": 0.2}),
    "shear": ("affine", {"shear": 0.2}),
    "noise": ("noise", {"deviation": 10.0}),
    "colour jitter": ("colour_jitter", {"strength": 0.3}),
    "cutout": ("cutout", {"size": 12}),
}
# Everything together: not every change on top of every other, or little of the picture would be left.
TOGETHER = ("flip", "translation", "colour jitter", "cutout")
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "dropout": {"dropout": DROPOUT},
    "weight decay": {"weight_decay": DECAY},
    **{name: {"steps": (name,)} for name in STEPS},
    "mixup": {"mix": MIX},
    "together": {"steps": TOGETHER, "dropout": DROPOUT / 2, "weight_decay": DECAY / 5},
}


def network(widths: tuple[int, ...], hidden: int, dropout: float = 0.0) -> "nn.Sequential":
    """Convolutions with batch normalisation and pooling, then a hidden layer with dropout: 3×32×32 to 10."""
    from torch import nn

    layers: list[nn.Module] = []
    fan_in, size = 3, 32
    for fan_out in widths:
        layers += [
            nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        fan_in, size = fan_out, size // 2
    layers += [nn.Flatten(), nn.Linear(fan_in * size**2, hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(hidden, 10))


def augmentation_of(steps: tuple[str, ...]) -> Any:
    """Join the named steps of `STEPS` to one function of a batch and a generator."""
    from course_utils import augmentation

    return augmentation.chain(
        *(partial(getattr(augmentation, name), **strength) for name, strength in map(STEPS.get, steps))  # type: ignore[misc]
    )


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    widths: tuple[int, ...],
    hidden: int,
    seed: int,
    steps: tuple[str, ...] = (),
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    mix: float = 0.0,
) -> "nn.Sequential":
    """Train a network with AdamW and a cosine schedule.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, 32, 32, 3)
    labels : ndarray of int64, shape (N,)
    epochs, batch_size : int
        As in :func:`course_utils.training.train`.
    lr : float
        The highest learning rate.
    widths : tuple of int
        See :func:`network`.
    hidden : int
        Units of the hidden layer.
    seed : int
        Seeds the starting weights, the order and all noise.
    steps : tuple of str
        Augmentation, from `STEPS`.
    dropout : float
        Probability that a hidden unit is dropped.
    weight_decay : float
        Decoupled: each step multiplies the weights by 1 - lr · weight_decay.
    mix : float
        Parameter of mixup's Beta distribution (Zhang et al. 2018), one draw a batch; 0 mixes nothing.

    Returns
    -------
    torch.nn.Sequential
        In evaluation mode.
    """
    import torch
    from torch.nn import functional as F

    from course_utils.evaluation import to_tensor

    augment = augmentation_of(steps)
    data, target = torch.from_numpy(images), torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network(widths, hidden, dropout).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=weight_decay)
        total = epochs * -(-len(data) // batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
        for _ in range(epochs):
            for index in torch.randperm(len(data), generator=generator).split(batch_size):
                x, y = to_tensor(augment(data[index], generator)), target[index]
                share = rng.beta(mix, mix) if mix else 1.0
                other = torch.randperm(len(y), generator=generator) if mix else torch.arange(len(y))
                if mix:
                    x = share * x + (1 - share) * x[other]
                outputs = model(x)
                loss = share * F.cross_entropy(outputs, y) + (1 - share) * F.cross_entropy(outputs, y[other])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return model.eval()


def averaged_scores(model: "nn.Sequential", images: np.ndarray, shifts: int = 2) -> np.ndarray:
    """Test-time augmentation: mean probabilities (N, C) over mirror images and shifts by a few pixels."""
    found = []
    for flipped in (images, images[:, :, ::-1]):
        for down, right in ((0, 0), (-shifts, 0), (shifts, 0), (0, -shifts), (0, shifts)):
            padded = np.pad(flipped, ((0, 0), (shifts,) * 2, (shifts,) * 2, (0, 0)), mode="edge")
            top, left = shifts + down, shifts + right
            moved = padded[:, top : top + images.shape[1], left : left + images.shape[2]]
            found.append(probabilities(model, np.ascontiguousarray(moved)))
    return np.mean(found, axis=0)


def probabilities(model: "nn.Sequential", images: np.ndarray) -> np.ndarray:
    """Softmax of a network's scores, (N, C)."""
    from course_utils.evaluation import scores

    s = scores(model, images).astype(np.float64)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def compare(context: Context, dataset: str, sizes: tuple[int, int], recipe: Mapping[str, Any]) -> Outcome:
    """Train with each of `OPTIONS`, with every seed; measure on training and test pictures."""
    train = context.load(dataset, "train", n=sizes[0])
    test = context.load(dataset, "test", n=sizes[1])
    quick = {"epochs": 1, "widths": (2, 2, 4), "hidden": 8, "batch_size": 50}
    recipe = {**recipe, **context.choose({}, quick)}
    metrics: dict[str, Any] = {}

    def right(p: np.ndarray, y: np.ndarray) -> float:
        return float((p.argmax(axis=1) == y).mean())

    for name, option in OPTIONS.items():
        found: dict[str, list[float]] = {}
        members = []
        for seed in SEEDS:
            model = fit(train[0], train[1], **recipe, **option, seed=seed)
            p = probabilities(model, test[0])
            members.append(p)
            figures = {
                "train_accuracy": right(probabilities(model, train[0]), train[1]),
                "test_accuracy": right(p, test[1]),
                "test_loss": float(-np.log(p[np.arange(len(p)), test[1]].clip(1e-12)).mean()),
            }
            if name in ("none", "together"):
                figures["test_time_accuracy"] = right(averaged_scores(model, test[0]), test[1])
            for key, value in figures.items():
                found.setdefault(key, []).append(value)
            context.say(f"{name}, seed {seed}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        metrics[name] = {key: summarise(values) for key, values in found.items()}
        metrics[name]["ensemble_accuracy"] = summarise([right(np.mean(members, axis=0), test[1])])
    settings = {
        "train": len(train[0]),
        "test": len(test[0]),
        "recipe": {key: list(v) if isinstance(v, tuple) else v for key, v in recipe.items()},
        "strengths": {
            "dropout": DROPOUT,
            "weight decay": DECAY,
            "mixup": MIX,
            **{name: strength for name, (_, strength) in STEPS.items()},
        },
        "together": {
            "steps": list(TOGETHER),
            **{key: value for key, value in OPTIONS["together"].items() if key != "steps"},
        },
    }
    return Outcome(
        SEEDS,
        metrics,
        settings,
        notes=[
            "The same pictures, starting weights and order for each option with the same seed; strengths "
            "were set beforehand, not tuned on the test pictures.",
            "train_accuracy is measured on the training pictures as they are, after training. "
            "test_time_accuracy averages the probabilities of ten versions of each picture: five places, "
            "mirrored and not. ensemble_accuracy averages those of the networks of all seeds.",
        ],
    )


@experiment("cifar10_regularisers", dataset="cifar10", minutes=25)
def cifar10_regularisers(context: Context) -> Outcome:
    """Train a small network on 4,000 photographs with each regulariser and augmentation in turn."""
    return compare(context, "cifar10", PHOTOGRAPHS, RECIPE)


@experiment("pocket10_regularisers", dataset="pocket10", minutes=8)
def pocket10_regularisers(context: Context) -> Outcome:
    """Train a small network on 1,500 drawn pictures with each regulariser and augmentation in turn."""
    return compare(context, "pocket10", DRAWN, RECIPE)
