"""The linear classifier of chapter 3: scores, softmax, and the mean cross-entropy with its gradients."""

import numpy as np


def scores(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scores x @ w + b, of shape (N, C), of rows x (N, D) for weights w (D, C) and biases b (C,)."""
    return x @ w + b


def softmax(s: np.ndarray) -> np.ndarray:
    """Softmax of each row of s (N, C); the row's maximum is subtracted first, so nothing overflows."""
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_softmax(s: np.ndarray) -> np.ndarray:
    """Logarithm of the softmax of each row of s (N, C), by log-sum-exp."""
    m = s.max(axis=1, keepdims=True)
    return s - (m + np.log(np.exp(s - m).sum(axis=1, keepdims=True)))


def softmax_loss(
    w: np.ndarray, b: np.ndarray, x: np.ndarray, labels: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean cross-entropy of softmax scores, with its gradients.

    Parameters
    ----------
    w : ndarray of float, shape (D, C)
        Weights, one column a class.
    b : ndarray of float, shape (C,)
        Biases.
    x : ndarray of float, shape (N, D)
        One flattened picture a row.
    labels : ndarray of int, shape (N,)
        Classes from 0 to C - 1.

    Returns
    -------
    loss : float
        The mean over the N pictures.
    dw : ndarray of float, shape (D, C)
        Its gradient by the weights.
    db : ndarray of float, shape (C,)
        Its gradient by the biases.

    Raises
    ------
    ValueError
        If there is not one label a picture.
    """
    if labels.shape != x.shape[:1]:
        raise ValueError(f"{len(x)} pictures but labels of shape {labels.shape}; give one label a picture")
    s = scores(x, w, b)
    n = len(x)
    rows = np.arange(n)
    loss = -log_softmax(s)[rows, labels].mean()
    ds = softmax(s)
    ds[rows, labels] -= 1.0  # prediction minus truth
    ds /= n
    return float(loss), x.T @ ds, ds.sum(axis=0)


def accuracy(w: np.ndarray, b: np.ndarray, x: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows x (N, D) whose highest score belongs to the true class in labels (N,)."""
    return float((scores(x, w, b).argmax(axis=1) == labels).mean())
