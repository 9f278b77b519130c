"""Run an experiment and record it with where, when and from which commit."""

import hashlib
import io
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from course_utils import machine, results
from course_utils.experiments.registry import Context, Experiment, Outcome, experiments


def run(
    name: str,
    *,
    quick: bool = False,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run an experiment and write ``<name>.json``, with its small arrays beside it.

    Parameters
    ----------
    name : str
        One of :func:`course_utils.experiments.experiments`.
    quick : bool
        Rehearse on made-up pictures in seconds. Nothing is written unless `folder` is given.
    folder : Path, optional
        Where to write; the checkout's ``book/results`` by default.
    say : callable
        Takes lines that tell how far the experiment is.

    Returns
    -------
    dict
        The result, in the schema of :func:`course_utils.results.validate`.

    Raises
    ------
    course_utils.results.ResultError
        If there is no such experiment.
    course_utils.data.DataError
        If its pictures are not there.
    """
    known = experiments()
    if name not in known:
        raise results.ResultError(f"there is no experiment {name!r}. There are: {', '.join(known)}.")
    return run_experiment(known[name], quick=quick, folder=folder, say=say)


def run_experiment(
    known: Experiment,
    *,
    quick: bool = False,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run an experiment that need not be in the list (see :func:`run`)."""
    started = time.perf_counter()
    outcome = known.function(Context(quick=quick, say=say))
    result = record(known, outcome, time.perf_counter() - started, quick=quick)
    if folder is not None or not quick:
        write(result, outcome, folder)
    return result


def record(known: Experiment, outcome: Outcome, seconds: float, quick: bool = False) -> dict[str, Any]:
    """Add provenance to what an experiment found.

    Parameters
    ----------
    known : Experiment
        The experiment.
    outcome : Outcome
        What it found.
    seconds : float
        How long it took.
    quick : bool
        It was a rehearsal on made-up pictures; the result says so.

    Returns
    -------
    dict
        A valid result.
    """
    from course_utils.data import describe

    if known.exactness:
        data = {"dataset": known.dataset, "exactness": known.exactness}
    elif quick:
        data = {"dataset": "made-up pictures", "exactness": f"a rehearsal without {known.dataset}"}
    else:
        data = describe(known.dataset)
    settings = dict(outcome.settings)
    files = _files(outcome)
    if files:
        settings["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    result = {
        "name": known.name,
        "command": known.command or f"course reproduce {known.name}",
        "commit": machine.commit(Path(__file__).resolve().parent.parent.parent),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seeds": list(outcome.seeds),
        **data,
        "hardware": machine.hardware(),
        "versions": machine.versions(),
        "wall_seconds": round(seconds, 1),
        "settings": settings,
        "notes": list(outcome.notes),
        "metrics": dict(outcome.metrics),
    }
    results.validate(result)
    return result


def write(result: Mapping[str, Any], outcome: Outcome, folder: Path | None = None) -> Path:
    """Write the small arrays and pictures, then the result, each beside its place first and then renamed."""
    folder = results.results_dir() if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(outcome).items():
        aside = folder / f".{name}.{os.getpid()}.tmp"
        aside.write_bytes(content)
        aside.replace(folder / name)
    return results.save(result, folder)


def _files(outcome: Outcome) -> dict[str, bytes]:
    """Return the files that belong beside the result, by name."""
    arrays = {f"{stem}.npz": _packed(arrays) for stem, arrays in outcome.arrays.items()}
    return arrays | {f"{stem}.png": content for stem, content in outcome.pictures.items()}


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of an npz file; the same arrays always give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()
