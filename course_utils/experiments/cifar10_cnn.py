"""The CIFAR-10 network of 5,852,170 parameters, trained by its recipe and timed."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

Pictures = tuple[np.ndarray, np.ndarray]

EPOCHS = 20
#: Training pictures on which the accuracy is taken after each epoch; after the last it is taken on all.
SAMPLE = 10_000
RECIPE: dict[str, Any] = {"batch_size": 128, "lr": 1e-4, "optimizer": "adam", "shift": 4, "fill": 0}
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
SOURCE = {
    "epochs": 20,
    "parameters": 5_852_170,
    "train_accuracy": 0.8868,
    "test_accuracy": 0.8495,
    "best_test_accuracy": 0.8605,
    "seconds_an_epoch": 82,
}


def normalise(images: Any, device: Any = "cpu") -> Any:
    """Scale pictures to [0, 1], subtract the recipe's mean of each channel and divide by its deviation.

    Parameters
    ----------
    images : ndarray or torch.Tensor of uint8, shape (N, H, W, 3)
    device : torch.device or str

    Returns
    -------
    torch.Tensor of float32, shape (N, 3, H, W), channels last in memory
    """
    import torch

    batch = torch.as_tensor(images).to(device).permute(0, 3, 1, 2).float().div_(255)
    mean, std = (torch.tensor(value, device=device)[:, None, None] for value in (MEAN, STD))
    return batch.sub_(mean).div_(std)


def epoch_of_training(
    model: Any, optimiser: Any, images: np.ndarray, labels: np.ndarray, seed: int, bfloat16: bool
) -> float:
    """Pass once over the training pictures (N, 32, 32, 3), each cropped and flipped at random.

    Returns
    -------
    float
        Accuracy on the augmented pictures while the weights change and dropout is on.
    """
    import torch
    from torch.nn import functional as F

    from course_utils.augmentation import flip_and_shift

    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    data, target = torch.from_numpy(images), torch.from_numpy(labels)
    correct = 0
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # for dropout
        for index in torch.randperm(len(data), generator=generator).split(RECIPE["batch_size"]):
            batch = flip_and_shift(data[index], generator, RECIPE["shift"], RECIPE["fill"])
            y = target[index].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                scores = model(normalise(batch, device)).float()
            loss = F.cross_entropy(scores, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            correct += int((scores.argmax(1) == y).sum())
    return correct / len(data)


def predictions(model: Any, images: np.ndarray, bfloat16: bool, augment: Any = None) -> np.ndarray:
    """Classes of pictures (N, H, W, 3) in evaluation mode: int64 (N,)."""
    import torch

    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        parts = torch.from_numpy(images).split(512)
        found = [model(normalise(augment(p) if augment else p, device)).argmax(1).cpu() for p in parts]
    return torch.cat(found).numpy()


def accuracy(model: Any, pictures: Pictures, bfloat16: bool, augment: Any = None) -> float:
    """Fraction of pictures (N, H, W, 3) whose class, of labels (N,), is predicted in evaluation mode."""
    images, labels = pictures
    return float(np.mean(predictions(model, images, bfloat16, augment) == labels))


def start(seed: int) -> tuple[Any, Any]:
    """Build the network and its optimiser on the accelerator, or on the CPU where there is none."""
    import torch

    from course_utils.evaluation import default_device
    from course_utils.models import cifar10_cnn as build

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build()
    model.to(device=default_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, torch.optim.Adam(model.parameters(), lr=RECIPE["lr"])


def train_or_go_on(
    train: Pictures,
    test: Pictures,
    *,
    epochs: int,
    seed: int,
    bfloat16: bool,
    checkpoint: Path,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Any, dict[str, list[float]]]:
    """Train the network; a run that was interrupted goes on after its last whole epoch.

    Each epoch seeds its own random numbers, so that a run in two parts gives what a run in one gives.

    Parameters
    ----------
    train, test : (images, labels)
        uint8 (N, 32, 32, 3) and int64 (N,).
    epochs, seed : int
        Passes, and the seed of starting weights, order, augmentation and dropout.
    bfloat16 : bool
        Compute in bfloat16 (autocast).
    checkpoint : Path
        Written after each epoch; read if it is there.
    say : callable
        Takes a line an epoch.

    Returns
    -------
    model : torch.nn.Module
    curves : dict of str to list of float
        ``running_accuracy``, ``sample_accuracy`` (on the first `SAMPLE` training pictures),
        ``test_accuracy`` and ``seconds``, one number an epoch.
    """
    import torch

    from course_utils.data.cache import written_aside

    model, optimiser = start(seed)
    curves: dict[str, list[float]] = {
        name: [] for name in ("running_accuracy", "sample_accuracy", "test_accuracy", "seconds")
    }
    if checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True, map_location=next(model.parameters()).device)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        curves = saved["curves"]
        say(f"goes on after epoch {len(curves['seconds'])}, from {checkpoint}")
    sample = train[0][:SAMPLE], train[1][:SAMPLE]
    for epoch in range(len(curves["seconds"]), epochs):
        started = time.perf_counter()
        running = epoch_of_training(model, optimiser, *train, 1000 * seed + epoch, bfloat16)
        found = [accuracy(model, some, bfloat16) for some in (sample, test)]
        for name, value in zip(curves, (running, *found, time.perf_counter() - started), strict=True):
            curves[name].append(value)
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "curves": curves}
        with written_aside(checkpoint) as aside:
            torch.save(state, aside)
        say(f"epoch {epoch + 1}: " + ", ".join(f"{name} {curves[name][-1]:.3f}" for name in curves))
    return model, curves


def bfloat16_is_quicker(images: np.ndarray, labels: np.ndarray, steps: int = 4) -> bool:
    """Time a few steps of training in both precisions: not every processor with bfloat16 gains by it.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, 32, 32, 3)
    labels : ndarray of int64, shape (N,)
    steps : int
        Steps that are timed.

    Returns
    -------
    bool
    """
    seconds = {}
    for bfloat16 in (False, True):
        model, optimiser = start(seed=0)
        batch = RECIPE["batch_size"]
        epoch_of_training(model, optimiser, images[:batch], labels[:batch], 0, bfloat16)  # warms up
        started = time.perf_counter()
        epoch_of_training(model, optimiser, images[: steps * batch], labels[: steps * batch], 0, bfloat16)
        seconds[bfloat16] = time.perf_counter() - started
    return seconds[True] < seconds[False]


def augmenter(seed: int) -> Callable[[Any], Any]:
    """Crop and flip batches as in training, with random numbers of its own."""
    import torch

    from course_utils.augmentation import flip_and_shift

    generator = torch.Generator().manual_seed(seed)
    return lambda batch: flip_and_shift(batch, generator, RECIPE["shift"], RECIPE["fill"])


def settings(train: Pictures, test: Pictures, epochs: int, bfloat16: bool) -> dict[str, Any]:
    """Say what the network was trained with; train and test are pictures (N, 32, 32, 3) and labels (N,)."""
    sizes = {"train": len(train[0]), "test": len(test[0]), "epochs": epochs, "bfloat16": bfloat16}
    return {**sizes, "recipe": RECIPE, "mean": MEAN, "std": STD, "source_figures": SOURCE}


def checkpoint_path(name: str, made_of: Mapping[str, Any]) -> Path:
    """Return the file in the cache folder that belongs to a run with these settings."""
    from course_utils.data import cache_dir

    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
    return cache_dir() / "checkpoints" / f"{name}-{key}.pt"


@experiment("cifar10_cnn", dataset="cifar10", minutes=100)
def cifar10_cnn(context: Context) -> Outcome:
    """Train the CIFAR-10 network of 5,852,170 parameters by its recipe, and look into it."""
    from course_utils.data import describe
    from course_utils.experiments.inside import arrays

    train, test = context.load("cifar10", "train"), context.load("cifar10", "test")
    epochs, seed = context.choose(EPOCHS, 2), 0
    which = {} if context.quick else describe("cifar10")
    checkpoints = {}
    for choice in (False, True):
        made_of = {**settings(train, test, epochs, choice), **which, "quick": context.quick, "seed": seed}
        checkpoints[choice] = checkpoint_path("cifar10_cnn", made_of)
    begun = [choice for choice, path in checkpoints.items() if path.is_file()]
    bfloat16 = begun[0] if begun else bfloat16_is_quicker(*train)
    checkpoint = checkpoints[bfloat16]
    model, curves = train_or_go_on(
        train, test, epochs=epochs, seed=seed, bfloat16=bfloat16, checkpoint=checkpoint, say=context.say
    )
    plain, augmented = (accuracy(model, train, bfloat16, augment) for augment in (None, augmenter(seed)))
    found = arrays(model, test, predictions(model, test[0], bfloat16))
    checkpoint.unlink()  # the next run is to be a new one
    curve = curves["test_accuracy"]
    metrics = {
        "train_accuracy": plain,
        "train_accuracy_augmented": augmented,
        "test_accuracy": curve[-1],
        "best_test_accuracy": max(curve),
        "best_epoch": 1 + int(np.argmax(curve)),
        "parameters": sum(p.numel() for p in model.parameters()),
        **{f"{name}_by_epoch": curves[name] for name in curves if name != "seconds"},
    }
    return Outcome(
        [seed],
        {name: summarise([value]) for name, value in metrics.items()},
        settings(train, test, epochs, bfloat16),
        [
            f"Computed in {'bfloat16' if bfloat16 else 'float32'}. Accuracies are taken after each epoch on "
            f"plain pictures without dropout, on the first {SAMPLE:,} training pictures and on all test "
            "pictures; the running accuracy during the epoch on cropped and flipped pictures with dropout. "
            "The training accuracy at the end is that of all training pictures.",
            "The best epoch was chosen by test accuracy, as in the source: its figure is a little too good.",
        ],
        arrays={"cifar10_cnn_inside": found},
    )


@experiment("cifar10_cnn_seconds", dataset="cifar10", minutes=15)
def cifar10_cnn_seconds(context: Context) -> Outcome:
    """Time epochs of the CIFAR-10 network in plain float32, with accuracy on both sets after each."""
    train, test = context.load("cifar10", "train"), context.load("cifar10", "test")
    epochs, seed = context.choose(3, 2), 0
    model, optimiser = start(seed)
    training, evaluating = [], []
    for epoch in range(epochs):
        started = time.perf_counter()
        epoch_of_training(model, optimiser, *train, seed=epoch, bfloat16=False)
        trained = time.perf_counter()
        for images, _ in (train, test):
            predictions(model, images, bfloat16=False)
        training.append(trained - started)
        evaluating.append(time.perf_counter() - trained)
        context.say(
            f"epoch {epoch + 1}: {training[-1]:.1f} s of training, {evaluating[-1]:.1f} s of evaluation"
        )
    together = [a + b for a, b in zip(training, evaluating, strict=True)]
    total = {"minutes_for_20_epochs_extrapolated": summarise([EPOCHS * float(np.mean(together)) / 60])}
    return Outcome(
        seeds=[seed],
        metrics={
            "seconds_an_epoch": {
                "training": summarise([float(np.mean(training))]),
                "evaluation": summarise([float(np.mean(evaluating))]),
                "together": summarise([float(np.mean(together))]),
                "together_by_epoch": summarise([together]),
            },
            **total,
        },
        settings=settings(train, test, epochs, bfloat16=False),
        notes=[
            f"Means over {epochs} epochs in float32. The time for {EPOCHS} epochs is extrapolated from them."
        ],
    )
