"""Train a network on pictures in memory; evaluate it and predict with it.

Pictures come as the data functions give them, uint8 of shape (N, H, W, C), and stay so in memory: each batch
is augmented as it is, then scaled on the device. No worker processes: they would only take the cores away.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from course_utils.early_stopping import EarlyStopping
from course_utils.evaluation import (
    Evaluation,
    check_pictures,
    cross_entropy,
    decide,
    default_device,
    evaluate,
    predict,
    scores,
    to_tensor,
)

__all__ = [
    "EarlyStopping",
    "Evaluation",
    "History",
    "cross_entropy",
    "default_device",
    "evaluate",
    "predict",
    "scores",
    "to_tensor",
    "train",
]

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


@dataclass
class History:
    """What happened in each epoch: one entry per epoch in every list.

    Attributes
    ----------
    train_loss, train_accuracy : list of float
        Mean over the epoch's batches, measured while training (augmented pictures, changing weights).
    validation_loss, validation_accuracy : list of float
        After the epoch; empty where no validation pictures were given.
    learning_rate : list of float
        At the epoch's last step.
    seconds : float
        Time of training and validation together.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: float = 0.0


def train(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 1e-3,
    optimizer: str = "adam",
    weight_decay: float = 0.0,
    schedule: str = "constant",
    augment: Augment | None = None,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    early_stopping: EarlyStopping | None = None,
    seed: int = 0,
    bfloat16: bool = False,
    progress: bool | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> History:
    """Train a network in place by minimising the cross-entropy.

    A network with one output is trained with the binary cross-entropy on its logit (labels 0 and 1).

    Parameters
    ----------
    model : torch.nn.Module
        Maps (N, C_in, H, W) float32 to scores (N, C), or (N, 1). Moved to the device, and left in
        evaluation mode.
    images : ndarray of uint8, shape (N, H, W, C_in)
        Training pictures.
    labels : ndarray of int64, shape (N,)
        Their classes.
    epochs, batch_size : int
        Passes over the pictures, and pictures a step (the last batch of an epoch may be smaller).
    lr : float
        Learning rate; with a schedule, the highest.
    optimizer : {"adam", "adamw", "sgd"}
        ``"sgd"`` has Nesterov momentum 0.9.
    weight_decay : float
        As the optimiser applies it.
    schedule : {"constant", "cosine", "warmup_cosine"}
        Learning rate over all steps; the last one rises linearly over the first fifth of them.
    augment : callable, optional
        ``augment(batch, generator)`` for uint8 tensors (N, H, W, C), such as
        :func:`course_utils.augmentation.flip_and_shift`.
    validation : (images, labels), optional
        Evaluated after each epoch.
    early_stopping : EarlyStopping, optional
        Watches the validation loss. Training ends when its patience does, and the weights of the best
        epoch are put back. Use a new one for each training.
    seed : int
        Seeds the order of the pictures, the augmentation and dropout. The generator outside is untouched.
    bfloat16 : bool
        Compute the forward pass in bfloat16 (autocast): up to twice as fast on recent processors.
    progress : bool, optional
        Draw a progress bar; by default where the output is a terminal.
    after_epoch : callable, optional
        Called with the number of epochs done after each of them: to keep a snapshot, say.

    Returns
    -------
    History
        Losses and accuracies epoch by epoch, and the time it took.

    Raises
    ------
    ValueError
        If pictures, labels or a setting are not as described.
    """
    check_pictures(images, labels)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, not {epochs} and {batch_size}.")
    if early_stopping is not None and validation is None:
        raise ValueError("early_stopping watches the validation loss; give validation=(images, labels) too.")
    device = default_device()
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    data = torch.from_numpy(np.ascontiguousarray(images))
    target = torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
    steps = epochs * -(-len(data) // batch_size)
    optimiser = _optimizer(optimizer, model, lr, weight_decay)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, _schedule(schedule, steps))
    history = History()
    generator = torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    with torch.random.fork_rng(), _bar(progress, steps) as advance:
        torch.manual_seed(seed)
        for epoch in range(epochs):
            model.train()
            losses, correct = 0.0, 0
            for index in torch.randperm(len(data), generator=generator).split(batch_size):
                batch = data[index]
                if augment is not None:
                    batch = augment(batch, generator)
                y = target[index].to(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    outputs = model(to_tensor(batch, device)).float()
                loss = cross_entropy(outputs, y)
                optimiser.zero_grad()
                loss.backward()
                rate = optimiser.param_groups[0]["lr"]
                optimiser.step()
                scheduler.step()
                losses += loss.item() * len(y)
                correct += int((decide(outputs) == y).sum())
                advance(f"loss {loss.item():.2f}")
            history.train_loss.append(losses / len(data))
            history.train_accuracy.append(correct / len(data))
            history.learning_rate.append(rate)
            if validation is not None:
                result = evaluate(model, *validation, bfloat16=bfloat16)
                history.validation_loss.append(result.loss)
                history.validation_accuracy.append(result.accuracy)
            if after_epoch is not None:
                after_epoch(epoch + 1)
            if early_stopping is not None and early_stopping.update(model, history.validation_loss[-1]):
                break
    if early_stopping is not None:
        early_stopping.restore(model)
    model.eval()
    history.seconds = time.perf_counter() - started
    return history


def _optimizer(name: str, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    parameters = model.parameters()
    if name == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=0.9, nesterov=True, weight_decay=weight_decay)
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(parameters, lr, weight_decay=weight_decay)
    raise ValueError(f"optimizer must be 'adam', 'adamw' or 'sgd', not {name!r}.")


def _schedule(name: str, steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at each step."""
    cosine = lambda done: 0.5 * (1 + float(np.cos(np.pi * min(done, 1.0))))  # noqa: E731
    warm = max(1, steps // 5)
    factors: dict[str, Callable[[int], float]] = {
        "constant": lambda step: 1.0,
        "cosine": lambda step: cosine(step / steps),
        "warmup_cosine": lambda step: min(
            (step + 1) / warm, cosine(max(0, step - warm) / max(1, steps - warm))
        ),
    }
    if name not in factors:
        raise ValueError(f"schedule must be one of {', '.join(map(repr, factors))}, not {name!r}.")
    return factors[name]


@contextlib.contextmanager
def _bar(wanted: bool | None, steps: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that advances a progress bar, or does nothing where there is none."""
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield lambda text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    console = Console(stderr=True, force_terminal=wanted)  # asked for: drawn wherever it goes
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=steps)
        yield lambda text: bar.update(task, advance=1, description=text)
