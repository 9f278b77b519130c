"""Convolution in NumPy, forward and backward: im2col and one matrix product, as chapter 6 builds it.

What networks call convolution is a cross-correlation: the filter is not flipped. Arrays are of float32 or
float64 and keep their type.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np


def output_size(size: int, field: int, stride: int = 1, padding: int = 0) -> int:
    """Positions of a filter along one axis: ⌊(W − F + 2P) / S⌋ + 1.

    Parameters
    ----------
    size : int
        Pixels along the axis, W.
    field : int
        Size of the filter, F.
    stride : int
        Pixels from one position to the next, S.
    padding : int
        Zeros added at each end, P.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If the filter is larger than the padded axis, or stride or padding make no sense.

    Examples
    --------
    >>> output_size(28, 3, padding=1), output_size(28, 2, stride=2)
    (28, 14)
    """
    if stride < 1 or padding < 0 or field < 1:
        raise ValueError(
            f"field {field}, stride {stride}, padding {padding}: wanted at least 1, at least 1, at least 0"
        )
    if field > size + 2 * padding:
        raise ValueError(
            f"a filter of {field} is larger than {size} pixels with {padding} of padding at each end; "
            f"pad by {-(-(field - size) // 2)} or more, or take a smaller filter"
        )
    return (size - field + 2 * padding) // stride + 1


def im2col(x: np.ndarray, field: int, stride: int = 1, padding: int = 0) -> np.ndarray:
    """Lay out every patch that a filter sees as a column.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
        A batch of pictures or feature maps.
    field, stride, padding : int
        As in `output_size`, the same along both axes.

    Returns
    -------
    ndarray of shape (C * field * field, N * H_out * W_out)
        Rows in the order of a filter's weights, columns in the order (picture, row, column).
    """
    n, c, h, w = x.shape
    h_out, w_out = (output_size(side, field, stride, padding) for side in (h, w))
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = np.empty((c, field, field, n, h_out, w_out), dtype=x.dtype)
    for u in range(field):
        for v in range(field):
            seen = padded[:, :, u : u + stride * h_out : stride, v : v + stride * w_out : stride]
            columns[:, u, v] = seen.transpose(1, 0, 2, 3)
    return columns.reshape(c * field * field, n * h_out * w_out)


def col2im(
    columns: np.ndarray, shape: tuple[int, ...], field: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Add every column back to the place its patch came from: the adjoint of `im2col`.

    Parameters
    ----------
    columns : ndarray of shape (C * field * field, N * H_out * W_out)
        As `im2col` lays them out.
    shape : tuple of int
        Shape (N, C, H, W) of the result.
    field, stride, padding : int
        As given to `im2col`.

    Returns
    -------
    ndarray of shape (N, C, H, W)
        Where patches overlap, their sum.
    """
    n, c, h, w = shape
    h_out, w_out = (output_size(side, field, stride, padding) for side in (h, w))
    columns = columns.reshape(c, field, field, n, h_out, w_out)
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=columns.dtype)
    for u in range(field):
        for v in range(field):
            seen = padded[:, :, u : u + stride * h_out : stride, v : v + stride * w_out : stride]
            seen += columns[:, u, v].transpose(1, 0, 2, 3)
    return padded[:, :, padding : padding + h, padding : padding + w]


def conv_forward(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Apply K filters to a batch: what `torch.nn.functional.conv2d` computes.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
        The batch.
    w : ndarray of shape (K, C, F, F)
        One filter a row.
    b : ndarray of shape (K,)
        One bias a filter.
    stride, padding : int
        As in `output_size`.

    Returns
    -------
    ndarray of shape (N, K, H_out, W_out)
        One response map a filter.

    Raises
    ------
    ValueError
        If the channels of `x` and `w` differ, a filter isn't square, or it doesn't fit.
    """
    _check(x, w)
    (n, _, height, width), (k, _, field, _) = x.shape, w.shape
    h_out, w_out = (output_size(side, field, stride, padding) for side in (height, width))
    y = w.reshape(k, -1) @ im2col(x, field, stride, padding)
    y += b[:, None]
    return y.reshape(k, n, h_out, w_out).transpose(1, 0, 2, 3)


def conv_backward(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of a loss by what went into `conv_forward`.

    Parameters
    ----------
    dout : ndarray of shape (N, K, H_out, W_out)
        Gradient of the loss by the response maps.
    x, w : ndarray of shapes (N, C, H, W) and (K, C, F, F)
        As given to `conv_forward`.
    stride, padding : int
        As given to `conv_forward`.

    Returns
    -------
    dx, dw, db : ndarray of shapes (N, C, H, W), (K, C, F, F) and (K,)
        Gradients by the batch, the filters and the biases.
    """
    _check(x, w)
    k, _, field, _ = w.shape
    dy = dout.transpose(1, 0, 2, 3).reshape(k, -1)
    dw = dy @ im2col(x, field, stride, padding).T
    dx = col2im(w.reshape(k, -1).T @ dy, x.shape, field, stride, padding)
    return dx, dw.reshape(w.shape), dy.sum(axis=1)


def forward_in_blocks(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    *,
    block: int = 2,
    workers: int = 1,
) -> np.ndarray:
    """Do what `conv_forward` does, a few pictures at a time, so that their columns stay in the cache.

    Parameters
    ----------
    x, w, b : ndarray of shapes (N, C, H, W), (K, C, F, F) and (K,)
        As in `conv_forward`.
    stride, padding : int
        As in `output_size`.
    block : int
        Pictures at a time.
    workers : int
        Threads. With more than one, limit the matrix product to one thread (`threadpoolctl`).

    Returns
    -------
    ndarray of shape (N, K, H_out, W_out)
        As from `conv_forward`.
    """
    h_out, w_out = (output_size(side, w.shape[2], stride, padding) for side in x.shape[2:])
    y = np.empty((len(x), len(w), h_out, w_out), dtype=x.dtype)

    def one(some: slice) -> None:
        y[some] = conv_forward(x[some], w, b, stride, padding)

    _for_each_block(one, len(x), block, workers)
    return y


def backward_in_blocks(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    *,
    block: int = 2,
    workers: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do what `conv_backward` does, a few pictures at a time.

    Parameters
    ----------
    dout, x, w : ndarray of shapes (N, K, H_out, W_out), (N, C, H, W) and (K, C, F, F)
        As in `conv_backward`.
    stride, padding : int
        As in `output_size`.
    block, workers : int
        As in `forward_in_blocks`.

    Returns
    -------
    dx, dw, db : ndarray of shapes (N, C, H, W), (K, C, F, F) and (K,)
        As from `conv_backward`.
    """
    dx = np.empty_like(x)

    def one(some: slice) -> tuple[np.ndarray, np.ndarray]:
        dx[some], dw, db = conv_backward(dout[some], x[some], w, stride, padding)
        return dw, db

    parts = _for_each_block(one, len(x), block, workers)
    return dx, np.sum([dw for dw, _ in parts], axis=0), np.sum([db for _, db in parts], axis=0)


def _for_each_block(work: Callable[[slice], Any], n: int, block: int, workers: int) -> list[Any]:
    slices = [slice(start, start + block) for start in range(0, n, block)]
    if workers == 1:
        return [work(some) for some in slices]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slices))


def _check(x: np.ndarray, w: np.ndarray) -> None:
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1] or w.shape[2] != w.shape[3]:
        raise ValueError(
            f"x has shape {x.shape} and w {w.shape}; wanted (N, C, H, W) and (K, C, F, F) with the same C"
        )
