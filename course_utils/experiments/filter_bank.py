"""What one layer of filters that nobody trained adds to a linear classifier on photographs."""

from typing import Any

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1, 2)
TRAIN, TEST = 10_000, 5_000
FIELD, FILTERS, CELLS = 5, 32, 4

EDGE = ((1, 0, -1), (2, 0, -2), (1, 0, -1))
CORNER = ((2, 1, 0), (1, 0, -1), (0, -1, -2))
SPOT = ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))


def hand_made() -> np.ndarray:
    """Nine filters (9, 3, 3, 3) on colour pictures: four directions of edges and a spot, two colours, a blur.

    Every filter has length 1 as a vector.
    """
    grey = np.full(3, 1 / 3)
    yellow_blue, red_green = np.array([0.5, 0.5, -1.0]), np.array([1.0, -1.0, 0.0])
    spaces = [np.array(EDGE), np.array(EDGE).T, np.array(CORNER), np.array(CORNER)[:, ::-1], np.array(SPOT)]
    blur = np.ones((3, 3))
    filters = [np.multiply.outer(grey, space) for space in spaces]
    filters += [np.multiply.outer(colour, blur) for colour in (grey, yellow_blue, red_green)]
    filters.append(np.multiply.outer(yellow_blue, np.array(EDGE)))
    bank = np.stack(filters).astype(np.float32)
    return bank / np.sqrt((bank**2).sum(axis=(1, 2, 3), keepdims=True))


def noise(count: int, seed: int) -> np.ndarray:
    """Draw filters (count, 3, FIELD, FIELD) of normal random numbers, each of length 1 and sum 0."""
    bank = np.random.default_rng(seed).standard_normal((count, 3, FIELD, FIELD), dtype=np.float32)
    bank -= bank.mean(axis=(1, 2, 3), keepdims=True)
    return bank / np.sqrt((bank**2).sum(axis=(1, 2, 3), keepdims=True))


def patches(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Patches of training pictures (N, H, W, 3) as filters (count, 3, FIELD, FIELD), whitened, of length 1.

    Whitening divides each direction in the space of patches by how much photographs vary along it, so that
    a filter answers to what is special in its patch, not to its brightness.
    """
    rng = np.random.default_rng(seed)
    many = 200 * count
    which = rng.integers(0, len(images), many)
    rows, columns = (rng.integers(0, side - FIELD + 1, many) for side in images.shape[1:3])
    flat = np.stack(
        [
            images[n, i : i + FIELD, j : j + FIELD].transpose(2, 0, 1).ravel()
            for n, i, j in zip(which, rows, columns, strict=True)
        ]
    ).astype(np.float64)
    flat = flat / 255 - 0.5
    variances, directions = np.linalg.eigh(np.cov(flat, rowvar=False))
    whiten = directions @ np.diag(1 / np.sqrt(variances + 0.01)) @ directions.T
    # A patch whitened twice: once as a pattern, once for the pictures that it is laid on.
    bank = (flat[:count] - flat.mean(axis=0)) @ whiten @ whiten
    bank /= np.sqrt((bank**2).sum(axis=1, keepdims=True))
    return bank.reshape(count, 3, FIELD, FIELD).astype(np.float32)


def make_bank(title: str, images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Make one of the banks (K, 3, F, F); "patches" come from images (N, H, W, 3)."""
    if title == "hand_made":
        return hand_made()
    return noise(count, seed) if title == "noise" else patches(images, count, seed)


def features(images: np.ndarray, bank: np.ndarray, block: int = 50) -> np.ndarray:
    """Mean strength of each filter's positive and negative response in a grid of cells.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, 3)
    bank : ndarray of float32, shape (K, 3, F, F)
    block : int
        Pictures at a time.

    Returns
    -------
    ndarray of float32, shape (N, 2 * K * CELLS * CELLS)
    """
    import torch
    from torch.nn import functional as F

    filters, found = torch.from_numpy(bank), []
    for start in range(0, len(images), block):
        # With the channels last in memory, as the pictures come, the convolution is three times as fast.
        x = torch.from_numpy(images[start : start + block]).permute(0, 3, 1, 2).float() / 255 - 0.5
        maps = F.conv2d(x.contiguous(memory_format=torch.channels_last), filters)
        positive = F.adaptive_avg_pool2d(maps.relu(), CELLS)
        negative = positive - F.adaptive_avg_pool2d(maps, CELLS)
        found.append(torch.cat([positive, negative], dim=1).flatten(1))
    return torch.cat(found).numpy()


def fit(x: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> Any:
    """Fit a softmax classifier to features x (N, D) and labels y (N,); return a function that predicts."""
    import torch
    from torch.nn import functional as F

    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
    rows, labels = torch.from_numpy((x - mean) / scale), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Linear(x.shape[1], int(y.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for index in torch.randperm(len(rows), generator=generator).split(256):
            loss = F.cross_entropy(layer(rows[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

    def predict(new: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return layer(torch.from_numpy((new - mean) / scale)).argmax(1).numpy()

    return predict


@experiment("cifar10_filter_bank", dataset="cifar10", minutes=1)
def cifar10_filter_bank(context: Context) -> Outcome:
    """Classify photographs linearly from pixels and from the responses of three banks of filters."""
    train, y_train = context.load("cifar10", "train", n=TRAIN)
    test, y_test = context.load("cifar10", "test", n=TEST)
    epochs = context.choose(20, 1)
    count = context.choose(FILTERS, 2)

    def pixels(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / 255

    metrics: dict[str, Any] = {}
    for title in ("pixels", "hand_made", "noise", "patches"):
        scores: dict[str, list[float]] = {"train_accuracy": [], "test_accuracy": []}
        for seed in SEEDS:
            context.say(f"{title.replace('_', ' ')}, seed {seed}")
            if title == "pixels":
                x_train, x_test = pixels(train), pixels(test)
            else:
                bank = make_bank(title, train, count, seed)
                if title == "patches" and seed == SEEDS[0]:
                    kept = bank
                x_train, x_test = features(train, bank), features(test, bank)
            predict = fit(x_train, y_train, epochs, seed)
            scores["train_accuracy"].append(float(np.mean(predict(x_train) == y_train)))
            scores["test_accuracy"].append(float(np.mean(predict(x_test) == y_test)))
        metrics[title] = {key: summarise(values) for key, values in scores.items()}
    return Outcome(
        seeds=SEEDS,
        metrics=metrics,
        settings={
            "train": len(train),
            "test": len(test),
            "epochs": epochs,
            "field": FIELD,
            "filters": {"hand_made": len(hand_made()), "noise": count, "patches": count},
            "cells": CELLS,
        },
        notes=[
            "No filter was trained; only the softmax classifier on their responses was. Responses are split "
            f"into positive and negative parts and averaged in {CELLS} by {CELLS} cells.",
            "Filters from patches come from training pictures and are whitened (Coates, Ng and Lee 2011).",
        ],
        arrays={"cifar10_filter_bank_patches": {"filters": kept.astype(np.float16)}},
    )
