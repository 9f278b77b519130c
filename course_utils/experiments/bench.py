"""The benchmark: what the course's quick paths cost, as shares and multiples on one machine.

Seconds differ from machine to machine; ratios travel. Nothing here is a threshold.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.experiments.pocket import empty_cache
from course_utils.experiments.registry import Context, Experiment, Outcome
from course_utils.results import summarise


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def two_loops(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Squared L2 distances (N, M) between the rows of (N, D) and (M, D), pair by pair."""
    distances = np.empty((len(x), len(train)), dtype=np.float32)
    for i in range(len(x)):
        for j in range(len(train)):
            distances[i, j] = ((x[i] - train[j]) ** 2).sum()
    return distances


def one_loop(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Squared L2 distances (N, M), row by row."""
    distances = np.empty((len(x), len(train)), dtype=np.float32)
    for i in range(len(x)):
        distances[i] = ((x[i] - train) ** 2).sum(axis=1)
    return distances


def no_loop(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Squared L2 distances (N, M) from one matrix product: ‖a‖² − 2a·b + ‖b‖²."""
    return (x**2).sum(axis=1)[:, None] - 2 * (x @ train.T) + (train**2).sum(axis=1)


def matrix_product(context: Context) -> list[float]:
    """Rate of a float32 matrix product of NumPy's, in GFLOP/s, run by run."""
    size = context.choose(2048, 64)
    a = np.random.default_rng(0).random((size, size), dtype=np.float32)
    a @ a
    return [2 * size**3 / seconds(lambda: a @ a) / 1e9 for _ in range(context.choose(7, 2))]


def distances(context: Context) -> dict[str, list[float]]:
    """Rate of each way to compute distances: 2·N·M·D operations a second in GFLOP/s, run by run."""
    rng = np.random.default_rng(0)
    depth = 32 * 32 * 3
    rates: dict[str, list[float]] = {}
    # As many pairs as each way manages in about a second: the rate is what is compared.
    sizes = {two_loops: (20, 1_000), one_loop: (20, 5_000), no_loop: (500, 5_000)}
    for function, (n, m) in sizes.items():
        n, m = context.choose((n, m), (3, 4))
        x, train = rng.random((n, depth), dtype=np.float32), rng.random((m, depth), dtype=np.float32)
        rates[function.__name__] = [
            2 * n * m * depth / seconds(lambda f=function, x=x, t=train: f(x, t)) / 1e9  # type: ignore[misc]
            for _ in range(context.choose(5, 2))
        ]
    return rates


def drawing(context: Context) -> dict[str, list[float]]:
    """Pictures a second of Pocket-10, drawn and then read from the cache, run by run."""
    from course_utils.data import pocket10

    n = context.choose(10_000, 20)
    rates: dict[str, list[float]] = {"drawn": [], "cached": []}
    for run in range(context.choose(3, 2)):
        with empty_cache():
            for rate in rates.values():
                rate.append(n / seconds(lambda run=run: pocket10("train", n=n, seed=run)))  # type: ignore[misc]
    return rates


def folder_reading(context: Context) -> dict[str, list[float]]:
    """Pictures a second of a folder of small files, decoded and then read from the cache, run by run."""
    from PIL import Image

    from course_utils.data import load_folder

    n = context.choose(2_000, 20)
    rng = np.random.default_rng(0)
    rates: dict[str, list[float]] = {"decoded": [], "cached": []}
    with tempfile.TemporaryDirectory() as name:
        for i in range(n):
            place = Path(name) / "train" / "ab"[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place / f"{i}.jpg")
        for _ in range(context.choose(3, 2)):
            with empty_cache():
                for rate in rates.values():
                    rate.append(n / seconds(lambda: load_folder(name, "train")))
    return rates


def importing(context: Context) -> dict[str, list[float]]:
    """Milliseconds to start Python, and to start it and import the package, run by run."""
    commands = {"python": "pass", "course_utils": "import course_utils"}
    return {
        key: [
            1000 * seconds(lambda c=command: subprocess.run([sys.executable, "-c", c], check=True))  # type: ignore[misc]
            for _ in range(context.choose(7, 2))
        ]
        for key, command in commands.items()
    }


def bench(context: Context) -> Outcome:
    """Measure everything several times; medians and ratios of medians lie in the settings."""
    context.say("matrix product, distances")
    gemm, ways = matrix_product(context), distances(context)
    context.say("drawing Pocket-10, reading a folder")
    drawn, read = drawing(context), folder_reading(context)
    started = importing(context)
    measured: dict[str, Any] = {
        "matrix_product_gflops": gemm,
        **{f"distances_{name}_gflops": rates for name, rates in ways.items()},
        **{f"pocket10_{name}_per_second": rates for name, rates in drawn.items()},
        **{f"folder_{name}_per_second": rates for name, rates in read.items()},
        **{f"start_{name}_ms": times for name, times in started.items()},
    }
    median = {key: float(f"{statistics.median(values):.4g}") for key, values in measured.items()}
    product, slowest = median["matrix_product_gflops"], median["distances_two_loops_gflops"]
    ratios = {
        **{f"{name}_share_of_matrix_product": median[f"distances_{name}_gflops"] / product for name in ways},
        **{f"{name}_over_two_loops": median[f"distances_{name}_gflops"] / slowest for name in ways},
        "pocket10_cached_over_drawn": median["pocket10_cached_per_second"]
        / median["pocket10_drawn_per_second"],
        "folder_cached_over_decoded": median["folder_cached_per_second"]
        / median["folder_decoded_per_second"],
        "import_over_python_start": median["start_course_utils_ms"] / median["start_python_ms"],
    }
    return Outcome(
        seeds=[0],
        metrics={key: summarise(values) for key, values in measured.items()},
        settings={
            "median": median,
            "ratio": {key: float(f"{value:.3g}") for key, value in ratios.items()},
        },
        notes=[
            "In each figure per_seed holds the runs. A distance counts as 2·D operations in every way.",
            "Distances are of rows of 3,072 numbers: 20 by 1,000, 20 by 5,000 and 500 by 5,000 pairs.",
            "The folder holds 2,000 JPEG files of 32 by 32 pixels of noise.",
        ],
    )


BENCH = Experiment(
    name="bench",
    dataset="pocket10",
    minutes=2,
    summary="Measure this machine.",
    function=bench,
    command="course bench",
)
