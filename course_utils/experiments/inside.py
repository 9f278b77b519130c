"""What the layers of the CIFAR-10 network answer to: maps by depth, strongest patches, confusions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_utils.experiments.cifar10_cnn import normalise

Pictures = tuple[np.ndarray, np.ndarray]
MAPS_A_LAYER, PATCHES_A_MAP = 8, 8
EXAMPLES = (1, 7)
"""Classes whose first rightly recognised test picture is kept with its maps: automobile and horse."""


def layer_maps(model: Any, x: Any) -> list[np.ndarray]:
    """Compute the maps after each convolution and its ReLU: six arrays (N, K, H, W), float32."""
    import torch
    from torch import nn

    found, convolved = [], False
    with torch.inference_mode():
        for layer in model.eval():
            x = layer(x)
            convolved = convolved or isinstance(layer, nn.Conv2d)
            if convolved and isinstance(layer, nn.ReLU):
                found.append(x.float().cpu().numpy())
                convolved = False
    return found


def receptive_fields() -> list[tuple[int, int, int]]:
    """Size, step and padding in pixels that a place of each convolution's map sees: six triples."""
    fields, size, step, padding = [], 1, 1, 0
    for nth in range(6):
        size, padding = size + 2 * step, padding + step
        fields.append((size, step, padding))
        if nth % 2:
            size, step = size + step, 2 * step
    return fields


def strongest_patches(
    model: Any, images: np.ndarray, layers: Sequence[int], maps: int = 6, batch: int = 250
) -> dict[str, np.ndarray]:
    """Cut out what some maps answer to most strongly, at most once a picture.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    images : ndarray of uint8, shape (N, 32, 32, 3)
    layers : sequence of int
        Which of the six convolutions.
    maps : int
        How many maps of each: those whose strongest answers stand out most from their mean, and that answer
        to different pictures.
    batch : int
        Pictures at a time.

    Returns
    -------
    dict of str to ndarray
        ``patches_<layer>``: uint8 (maps, PATCHES_A_MAP, size, size, 3), black outside the picture.
    """
    device = next(model.parameters()).device
    highest: list[list[np.ndarray]] = [[] for _ in layers]
    places: list[list[np.ndarray]] = [[] for _ in layers]
    for first in range(0, len(images), batch):
        found = layer_maps(model, normalise(images[first : first + batch], device))
        for i, layer in enumerate(layers):
            flat = found[layer].reshape(*found[layer].shape[:2], -1)
            highest[i].append(flat.max(axis=2))
            places[i].append(flat.argmax(axis=2))
    cut = {}
    for i, layer in enumerate(layers):
        size, step, padding = receptive_fields()[layer]
        top, place, width = np.concatenate(highest[i]), np.concatenate(places[i]), 32 // step
        outstanding = np.sort(top, axis=0)[-PATCHES_A_MAP:].mean(axis=0) / (top.mean(axis=0) + 1e-6)
        rows = []
        for k in _different(np.argsort(-outstanding), np.argsort(-top, axis=0)[:PATCHES_A_MAP])[:maps]:
            winners = np.argsort(-top[:, k])[:PATCHES_A_MAP]
            padded = np.pad(images[winners], ((0, 0), (padding, size), (padding, size), (0, 0)))
            corners = [divmod(int(place[w, k]), width) for w in winners]
            rows.append(
                [
                    p[r * step : r * step + size, c * step : c * step + size]
                    for p, (r, c) in zip(padded, corners, strict=True)
                ]
            )
        cut[f"patches_{layer}"] = np.array(rows)
    return cut


def _different(order: np.ndarray, winners: np.ndarray) -> list[int]:
    """Put maps aside, to the end, whose winners (PATCHES_A_MAP, K) are half those of a map before them."""
    kept: list[int] = []
    aside: list[int] = []
    for k in map(int, order):
        common = [len(np.intersect1d(winners[:, k], winners[:, other])) for other in kept]
        (aside if 2 * max(common, default=0) >= len(winners) else kept).append(k)
    return kept + aside


def arrays(model: Any, test: Pictures, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Small arrays to look into a trained network.

    Returns
    -------
    dict of str to ndarray
        ``filters`` (32, 3, 3, 3) of the first layer; ``confusion`` (10, 10), rows true, columns predicted;
        ``pictures`` (n, 32, 32, 3) and, of those, ``maps_0`` … ``maps_5`` (n, 8, H, W): maps that vary most;
        ``patches_…`` as `strongest_patches` gives them.
    """
    device = next(model.parameters()).device
    right = np.flatnonzero(predicted == test[1])
    examples = [int(right[test[1][right] == label][0]) for label in EXAMPLES if label in test[1][right]]
    examples = examples or [0]
    chosen = test[0][examples]
    confusion = np.zeros((10, 10), dtype=np.int64)
    np.add.at(confusion, (test[1], predicted), 1)
    found = {
        "filters": model[0].weight.detach().float().cpu().numpy().astype(np.float16),
        "confusion": confusion,
        "pictures": chosen,
        "predicted": predicted[examples],
        "labels": test[1][examples],
    }
    for nth, maps in enumerate(layer_maps(model, normalise(chosen, device))):
        liveliest = np.argsort(-maps.std(axis=(2, 3)).mean(axis=0))[:MAPS_A_LAYER]
        found[f"maps_{nth}"] = maps[:, np.sort(liveliest)].astype(np.float16)
    return found | strongest_patches(model, test[0][: min(2_000, len(test[0]))], layers=(1, 3, 5))
