"""Pocket-10's dials, as a trained network feels them, and how quickly the pictures are drawn."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from course_utils.experiments import ladder
from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """Point the course's cache to an empty folder, removed afterwards."""
    before = os.environ.get("COURSE_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSE_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["COURSE_CACHE"]
            else:
                os.environ["COURSE_CACHE"] = before


@experiment("pocket10_dials", dataset="pocket10", minutes=6)
def pocket10_dials(context: Context) -> Outcome:
    """Test a CNN trained at the standard setting with one dial at a time moved away from it."""
    from course_utils.data import POCKET10_STANDARD
    from course_utils.training import evaluate

    seeds, steps = context.choose((0, 1), (0,)), context.choose(5, 2)
    # Context is turned down, towards pictures in another class's surroundings; the others are turned up.
    values = {
        dial: np.linspace(standard, 0.0 if dial == "context" else 1.0, steps).round(4).tolist()
        for dial, standard in POCKET10_STANDARD.items()
    }
    curves: dict[str, list[list[float]]] = {dial: [] for dial in values}
    for seed in seeds:
        model, figures = ladder.trained_cnn(context, seed)
        context.say(f"seed {seed}: test accuracy {figures['test_accuracy']:.3f} at the standard setting")
        for dial, axis in values.items():
            curve = [
                evaluate(model, *context.pocket10("test", seed=seed, **{dial: value})).accuracy
                for value in axis
            ]
            curves[dial].append(curve)
            context.say(f"seed {seed}: {dial} " + " ".join(f"{accuracy:.3f}" for accuracy in curve))
    return Outcome(
        seeds=seeds,
        metrics={dial: {"test_accuracy": summarise(curve)} for dial, curve in curves.items()},
        settings={"values": values, "standard": dict(POCKET10_STANDARD), "recipe": ladder.CNN},
        notes=[
            "The first value of each dial is the standard setting; the same scenes are drawn for each value."
        ],
    )


@experiment("pocket10_speed", dataset="pocket10", minutes=1)
def pocket10_speed(context: Context) -> Outcome:
    """Time the drawing of 10,000 pictures, and reading them back from the cache."""
    from course_utils.data import pocket10

    n, runs = context.choose((10_000, 3), (20, 1))
    drawn: list[float] = []
    read: list[float] = []
    for run in range(runs):
        with empty_cache():
            for seconds in (drawn, read):
                started = time.perf_counter()
                pocket10("train", n=n, seed=run)
                seconds.append(time.perf_counter() - started)
        context.say(f"{n:,} pictures: drawn in {drawn[-1]:.1f} s, read in {read[-1]:.2f} s")
    return Outcome(
        seeds=range(runs),
        metrics={"draw_seconds": summarise(drawn), "cached_seconds": summarise(read)},
        settings={"pictures": n},
    )
