"""Score, label and evaluate pictures with a network.

Pictures come as the data functions give them, uint8 of shape (N, H, W, C); each batch is scaled to [-2, 2]
on the network's device, in channels-last layout, which is the quickest on a CPU.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Evaluation(NamedTuple):
    """Mean loss and accuracy (a fraction) over a set of pictures."""

    loss: float
    accuracy: float


def default_device() -> torch.device:
    """Return the accelerator if PyTorch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def scores(model: nn.Module, images: np.ndarray, batch_size: int = 512, bfloat16: bool = False) -> np.ndarray:
    """Score pictures with a network in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        The network; its mode is put back afterwards.
    images : ndarray of uint8, shape (N, H, W, C_in)
        The pictures.
    batch_size : int
        Pictures at a time.
    bfloat16 : bool
        Compute in bfloat16.

    Returns
    -------
    ndarray of float32, shape (N, C)
        The network's outputs.
    """
    check_pictures(images)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        parts = [
            model(to_tensor(batch, device)).float().cpu()
            for batch in torch.from_numpy(np.ascontiguousarray(images)).split(batch_size)
        ]
    model.train(was_training)
    return torch.cat(parts).numpy()


def predict(
    model: nn.Module, images: np.ndarray, batch_size: int = 512, bfloat16: bool = False
) -> np.ndarray:
    """Label pictures: int64 array of shape (N,), the class with the highest score (see :func:`scores`)."""
    return decide(torch.from_numpy(scores(model, images, batch_size, bfloat16))).numpy()


def evaluate(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, batch_size: int = 512, bfloat16: bool = False
) -> Evaluation:
    """Mean cross-entropy and accuracy on pictures (N, H, W, C) with labels (N,) (see :func:`scores`)."""
    check_pictures(images, labels)
    outputs = torch.from_numpy(scores(model, images, batch_size, bfloat16))
    target = torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
    accuracy = (decide(outputs) == target).float().mean()
    return Evaluation(cross_entropy(outputs, target).item(), accuracy.item())


def to_tensor(images: torch.Tensor | np.ndarray, device: torch.device | str = "cpu") -> torch.Tensor:
    """Scale uint8 pictures (N, H, W, C) to float32 (N, C, H, W), channels last, 0 → -2 and 255 → 2.

    One fixed scaling for every data set: a network can be shown any pictures, and nothing about the test
    pictures is used.
    """
    batch = torch.as_tensor(images).to(device)
    return batch.permute(0, 3, 1, 2).float().div_(255 / 4).sub_(2.0)  # the permuted view is channels last


def cross_entropy(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of scores (N, C) with labels (N,); of logits (N, 1), the binary one."""
    if outputs.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(outputs[:, 0], labels.to(outputs.dtype))
    return F.cross_entropy(outputs, labels)


def decide(outputs: torch.Tensor) -> torch.Tensor:
    """Labels (N,) from scores (N, C): the highest; from logits (N, 1): whether positive."""
    return (outputs[:, 0] > 0).long() if outputs.shape[1] == 1 else outputs.argmax(1)


def check_pictures(images: np.ndarray, labels: np.ndarray | None = None) -> None:
    """Raise ValueError unless images are uint8 (N, H, W, C) and labels, where given, one for each."""
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise ValueError(
            f"images must be uint8 of shape (N, H, W, C), N >= 1, not {images.dtype} of shape {images.shape}."
        )
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise ValueError(
            f"labels must be integers of shape ({len(images)},), one per image, "
            f"not {labels.dtype} of shape {labels.shape}."
        )
