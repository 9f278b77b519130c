"""Recorded results: one schema, one folder, and how the chapters print what lies there.

``course reproduce NAME`` writes ``book/results/NAME.json`` through :func:`save`; chapters read it with
:func:`load`. Every figure keeps its value per seed, their mean and their spread, beside the data set,
its exactness, the hardware and the commit it was measured with.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.result_format import mean_and_spread, percent, provenance, table
from course_utils.result_schema import ResultError, summarise, validate

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "ResultError",
    "load",
    "load_arrays",
    "mean_and_spread",
    "names",
    "percent",
    "provenance",
    "results_dir",
    "run_time_note",
    "save",
    "summarise",
    "table",
    "validate",
]

RUN_TIMES = "run_times"
"""Stem of the file in the results folder that holds the chapters' run times (not a result)."""


def results_dir() -> Path:
    """Folder of the recorded results: ``book/results`` of the checkout ``course_utils`` belongs to.

    Raises
    ------
    ResultError
        If the package was not installed from a checkout of the course.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / "pyproject.toml").is_file():
        raise ResultError(
            f"{root} is no checkout of the course, and recorded results belong to one. Clone the course and "
            "install it from there with `pip install -e .`, or name a folder (`folder=`, `--out`)."
        )
    return root / "book" / "results"


def names(folder: Path | None = None) -> list[str]:
    """Names of all recorded results, sorted; each can be given to :func:`load`."""
    folder = results_dir() if folder is None else Path(folder)
    return sorted(path.stem for path in folder.glob("*.json") if path.stem != RUN_TIMES)


def load(name: str, folder: Path | None = None) -> dict[str, Any]:
    """Read one recorded result.

    Parameters
    ----------
    name : str
        Name of the experiment, for example ``"cifar10_knn"``.
    folder : Path, optional
        Where to look; the checkout's ``book/results`` by default.

    Returns
    -------
    dict
        The file's content, validated (see :func:`validate`).

    Raises
    ------
    ResultError
        If there is no such result, or the file is damaged or not in the schema.

    Examples
    --------
    >>> ladder = load("ladder_pocket10")  # doctest: +SKIP
    >>> percent(ladder["metrics"]["softmax"]["test_accuracy"])  # doctest: +SKIP
    '43.5 ± 0.3 %'
    """
    folder = results_dir() if folder is None else Path(folder)
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(names(folder)) or "none yet"
        raise ResultError(
            f"no recorded result {name!r} in {folder} (recorded: {known}). "
            f"Run `course reproduce {name}` to record it."
        )
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ResultError(
            f"{path} is not readable JSON ({error}). Restore it with git or run "
            f"`course reproduce {name}` again."
        ) from error
    try:
        validate(result)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    if result["name"] != name:
        raise ResultError(f"{path} says its name is {result['name']!r}; the file name and 'name' must agree.")
    return result


def load_arrays(stem: str, folder: Path | None = None) -> "dict[str, np.ndarray]":
    """Load the small arrays that an experiment keeps beside its result.

    Parameters
    ----------
    stem : str
        The file is ``book/results/<stem>.npz``.
    folder : Path, optional
        Where to look; the checkout's ``book/results`` by default.

    Returns
    -------
    dict of str to ndarray
        The arrays by name, of whatever shape the experiment gave them.

    Raises
    ------
    ResultError
        If there is no such file.
    """
    import numpy as np

    path = (results_dir() if folder is None else Path(folder)) / f"{stem}.npz"
    if not path.is_file():
        raise ResultError(f"there are no arrays {path}. Results are written by `course reproduce`.")
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def save(result: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write a result to ``<folder>/<name>.json``: to a file beside it first, then renamed.

    Parameters
    ----------
    result : mapping
        A result in the schema of :func:`validate`.
    folder : Path, optional
        Where to write; the checkout's ``book/results`` by default. Created where missing.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ResultError
        If `result` is not valid. Nothing is written then.
    """
    validate(result)
    folder = results_dir() if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['name']}.json"
    aside = folder / f".{result['name']}.{os.getpid()}.tmp"
    try:
        text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
        aside.write_text(_one_line_lists(text) + "\n", encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def run_time_note(stem: str, folder: Path | None = None) -> str:
    """Say how long a chapter runs, from ``run_times.json`` in the results folder.

    Parameters
    ----------
    stem : str
        The chapter's file stem, for example ``"02_nearest_neighbours"``.
    folder : Path, optional
        Where to look; the checkout's ``book/results`` by default.

    Returns
    -------
    str
        One line to print; a line that says so where nothing is recorded (or outside a checkout).
    """
    try:
        path = (results_dir() if folder is None else Path(folder)) / f"{RUN_TIMES}.json"
        entry = json.loads(path.read_text(encoding="utf-8"))[stem]
        seconds, peak_mb = float(entry["seconds"]), float(entry["peak_mb"])
        cores, processor = int(entry["cores"]), str(entry["processor"])
    except (ResultError, OSError, ValueError, KeyError, TypeError):
        return "The run time of this chapter has not been recorded yet; `course notebooks` records it."
    plural = "" if cores == 1 else "s"
    return (
        f"This chapter ran in {seconds:.0f} s with at most {peak_mb:,.0f} MB of memory "
        f"on {cores} core{plural} ({processor})."
    )


def _one_line_lists(text: str) -> str:
    """Put lists of numbers on one line, so that a recorded curve is one line of a diff."""
    number = r"(?:-?[\d.]+(?:[eE][+-]?\d+)?|null)"
    pattern = rf"\[\s*({number}(?:,\s*{number})*)\s*\]"
    return re.sub(pattern, lambda match: f"[{' '.join(match[1].split())}]", text)
