"""How fast the convolution of chapter 6 is, as a share of the machine's matrix product.

Rates are measured in rounds, one after the other within each, so that a share compares neighbours in time.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils import convolution, machine
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise


def loops_forward(x: np.ndarray, w: np.ndarray, b: np.ndarray, padding: int) -> np.ndarray:
    """Convolve with seven loops: x (N, C, H, W), w (K, C, F, F), b (K,) to (N, K, H_out, W_out), stride 1."""
    field = w.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    h_out, w_out = x.shape[2] - field + 1, x.shape[3] - field + 1
    y = np.empty((len(x), len(w), h_out, w_out), dtype=x.dtype)
    for n in range(len(x)):
        for k in range(len(w)):
            for i in range(h_out):
                for j in range(w_out):
                    total = b[k]
                    for c in range(x.shape[1]):
                        for u in range(field):
                            for v in range(field):
                                total += w[k, c, u, v] * x[n, c, i + u, j + v]
                    y[n, k, i, j] = total
    return y


def loops_backward(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, padding: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients (N, C, H, W), (K, C, F, F) and (K,) of `loops_forward` with the same seven loops."""
    field, (h, width) = w.shape[2], x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(len(w), dtype=w.dtype)
    for n in range(len(x)):
        for k in range(len(w)):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    d = dout[n, k, i, j]
                    db[k] += d
                    for c in range(x.shape[1]):
                        for u in range(field):
                            for v in range(field):
                                dw[k, c, u, v] += d * x[n, c, i + u, j + v]
                                dx[n, c, i + u, j + v] += d * w[k, c, u, v]
    return dx[:, :, padding : padding + h, padding : padding + width], dw, db


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def rates(context: Context, cores: int) -> dict[str, list[float]]:
    """Measure everything on a number of cores: operations a second in GFLOP/s, round by round."""
    import torch
    from threadpoolctl import threadpool_limits
    from torch.nn import functional as F

    n, c, size, k, field = context.choose((64, 64, 16, 128, 3), (2, 2, 4, 2, 3))
    images, _ = context.load("pocket10", "train", n=400)
    rng = np.random.default_rng(0)
    x = np.resize(images / np.float32(255) - np.float32(0.5), (n, c, size, size)).astype(np.float32)
    w = rng.standard_normal((k, c, field, field), dtype=np.float32)
    b = rng.standard_normal(k, dtype=np.float32)
    dout = rng.standard_normal((n, k, size, size), dtype=np.float32)
    side = context.choose(2048, 16)
    square = rng.standard_normal((side, side), dtype=np.float32)
    torch_x, torch_w, torch_b = (torch.from_numpy(a).requires_grad_() for a in (x, w, b))
    operations = 2 * n * k * c * field**2 * size**2
    few = operations / (n * k / 2)  # one picture, two filters

    def forward() -> object:
        return convolution.forward_in_blocks(x, w, b, padding=1, workers=cores)

    def backward() -> object:
        return convolution.backward_in_blocks(dout, x, w, padding=1, workers=cores)

    def torch_forward() -> torch.Tensor:
        return F.conv2d(torch_x, torch_w, torch_b, padding=1)

    def torch_backward() -> object:
        inputs = (torch_x, torch_w, torch_b)
        return torch.autograd.grad(output, inputs, torch.from_numpy(dout), retain_graph=True)

    limited: dict[str, tuple[Callable[[], object], float]] = {  # one thread a worker
        "forward": (forward, operations),
        "backward": (backward, 2 * operations),
    }
    free: dict[str, tuple[Callable[[], object], float]] = {
        "matrix_product": (lambda: square @ square, 2 * side**3),
        "torch_forward": (torch_forward, operations),
        "torch_backward": (torch_backward, 2 * operations),
    }
    if cores == 1:
        free["loops_forward"] = (lambda: loops_forward(x[:1], w[:2], b[:2], 1), few)
        free["loops_backward"] = (lambda: loops_backward(dout[:1, :2], x[:1], w[:2], 1), 2 * few)
        free["whole_forward"] = (lambda: convolution.conv_forward(x, w, b, padding=1), operations)
        free["whole_backward"] = (lambda: convolution.conv_backward(dout, x, w, padding=1), 2 * operations)
    found: dict[str, list[float]] = {name: [] for name in (*limited, *free)}
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        output = torch_forward()
        for round_number in range(-1, context.choose(9, 2)):  # the first warms up
            for group, threads in ((limited, 1), (free, cores)):
                with threadpool_limits(threads):
                    for name, (function, count) in group.items():
                        rate = count / seconds(function) / 1e9
                        if round_number >= 0:
                            found[name].append(rate)
    finally:
        torch.set_num_threads(before)
    return found


@experiment("convolution_speed", dataset="pocket10", minutes=0.5)
def convolution_speed(context: Context) -> Outcome:
    """Time loops, im2col with a matrix product, and PyTorch, forward and backward."""
    metrics: dict[str, Any] = {}
    for title, cores in (("one_core", 1), ("all_cores", machine.core_count())):
        context.say(title.replace("_", " "))
        found = rates(context, cores)
        product = np.array(found["matrix_product"])
        metrics[title] = {f"{name}_gflops": summarise(values) for name, values in found.items()}
        for name, values in found.items():
            if name != "matrix_product":
                metrics[title][f"{name}_share"] = summarise(np.array(values) / product)
    return Outcome(
        seeds=[0],
        metrics=metrics,
        settings={
            "x": [64, 64, 16, 16],
            "w": [128, 64, 3, 3],
            "stride": 1,
            "padding": 1,
            "matrix_product": 2048,
            "all_cores": machine.core_count(),
        },
        notes=[
            "In each figure per_seed holds the rounds. A share is a rate divided by the rate of the matrix "
            "product (float32, 2048 by 2048) in the same round on as many cores.",
            "A multiplication and an addition count as two operations; backward counts twice as many as "
            "forward. Loops are timed on one picture and two filters, everything else on the whole batch.",
            "x holds pixels of Pocket-10; the filters are random.",
        ],
    )
