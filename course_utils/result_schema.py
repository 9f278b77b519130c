"""The one schema of recorded results: what a result file holds, and whether it is consistent."""

import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

_FIELDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "command": (str,),
    "commit": (str,),
    "date": (str,),
    "seeds": (list,),
    "dataset": (str,),
    "exactness": (str,),
    "hardware": (dict,),
    "versions": (dict,),
    "wall_seconds": (int, float),
    "metrics": (dict,),
}
_OPTIONAL: dict[str, tuple[type, ...]] = {"settings": (dict,), "notes": (list,)}
_HARDWARE = ("processor", "cores")
_VERSIONS = ("python", "numpy")
_SUMMARY = {"per_seed", "mean", "spread"}


class ResultError(ValueError):
    """A result file that is missing, unreadable or not in the schema."""


def validate(result: Any) -> None:
    """Check a result against the schema.

    The fields are ``name, command, commit, date, seeds, dataset, exactness, hardware, versions,
    wall_seconds, metrics``, and optionally ``settings`` (a dictionary: sizes, the values on an axis …) and
    ``notes`` (a list of sentences). ``metrics`` is a tree of dictionaries whose leaves are what
    :func:`summarise` returns: ``per_seed``, ``mean`` and ``spread``.

    Raises
    ------
    ResultError
        If a field is missing, unknown, empty or of another type, or a mean is not that of its seeds.
    """
    if not isinstance(result, Mapping):
        raise ResultError(f"a result is a dictionary, not {type(result).__name__}.")
    missing = [field for field in _FIELDS if field not in result]
    if missing:
        raise ResultError(f"missing: {', '.join(missing)}. Results are written by `course reproduce`.")
    unknown = [field for field in result if field not in _FIELDS and field not in _OPTIONAL]
    if unknown:
        raise ResultError(f"unknown: {', '.join(map(str, unknown))}; put such things under 'settings'.")
    for field, types in {**_FIELDS, **_OPTIONAL}.items():
        if field not in result:
            continue
        value = result[field]
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in types)
            raise ResultError(f"'{field}' must be {wanted}, not {type(value).__name__} ({value!r}).")
        if isinstance(value, str) and not value.strip():
            raise ResultError(f"'{field}' is empty; say what it was.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", result["name"]):
        raise ResultError(f"'name' {result['name']!r} must be lower case letters, digits and underscores.")
    if not re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?|unknown", result["commit"]):
        raise ResultError(
            f"'commit' {result['commit']!r} must be a commit hash (with -dirty where the tree "
            "had changes) or 'unknown'."
        )
    try:
        datetime.fromisoformat(result["date"])
    except ValueError:
        raise ResultError(f"'date' {result['date']!r} must be an ISO date such as 2026-01-31.") from None
    if not all(isinstance(seed, int) for seed in result["seeds"]) or not result["seeds"]:
        raise ResultError(f"'seeds' must name at least one integer, not {result['seeds']!r}.")
    for field, keys in (("hardware", _HARDWARE), ("versions", _VERSIONS)):
        lacking = [key for key in keys if not result[field].get(key)]
        if lacking:
            raise ResultError(f"'{field}' must name {', '.join(lacking)}.")
    if not result["wall_seconds"] >= 0:
        raise ResultError(f"'wall_seconds' must be at least 0, not {result['wall_seconds']!r}.")
    if not result["metrics"]:
        raise ResultError("'metrics' is empty: nothing was measured.")
    _check_metrics(result["metrics"], "metrics")


def _check_metrics(node: Any, where: str) -> None:
    """Walk the tree of metrics; each leaf must be consistent with its values per seed."""
    if not isinstance(node, Mapping) or not node:
        raise ResultError(
            f"'{where}' must be a dictionary that holds summaries (per_seed, mean, spread), not {node!r}."
        )
    if "per_seed" not in node:
        for key, child in node.items():
            _check_metrics(child, f"{where}.{key}")
        return
    if set(node) != _SUMMARY:
        raise ResultError(
            f"'{where}' must hold exactly per_seed, mean and spread; it holds {', '.join(node)}."
        )
    try:
        expected = summarise(node["per_seed"])
    except ResultError as error:
        raise ResultError(f"'{where}': {error}") from None
    for key in ("mean", "spread"):
        if not _close(node[key], expected[key]):
            raise ResultError(f"'{where}.{key}' is {node[key]!r}, but per_seed gives {expected[key]!r}.")


def _close(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(given, list) and len(given) == len(wanted) and all(map(_close, given, wanted))
    if wanted is None or given is None:
        return given is None and wanted is None
    return isinstance(given, (int, float)) and math.isclose(given, wanted, rel_tol=1e-4, abs_tol=1e-4)


def summarise(per_seed: Iterable[Any], digits: int = 6) -> dict[str, Any]:
    """Values per seed, their mean and their spread.

    Parameters
    ----------
    per_seed : iterable of float, or of sequences of float
        One number for each seed, or one curve for each seed (all of one length).
    digits : int
        Decimals kept, so that files stay readable.

    Returns
    -------
    dict
        ``per_seed`` (list), ``mean`` and ``spread``. The spread is the sample standard deviation
        (divided by n - 1), ``None`` where there was one seed only. For curves each is a list.

    Raises
    ------
    ResultError
        If there is no value, a value is not a finite number, or curves differ in length.

    Examples
    --------
    >>> summarise([0.5, 0.7])
    {'per_seed': [0.5, 0.7], 'mean': 0.6, 'spread': 0.141421}
    """
    values = [_plain(value, digits) for value in per_seed]
    if not values:
        raise ResultError("a summary needs a value for at least one seed; none was given.")
    if not any(isinstance(value, list) for value in values):
        return {"per_seed": values, "mean": _mean(values, digits), "spread": _spread(values, digits)}
    if len({len(value) if isinstance(value, list) else -1 for value in values}) != 1:
        raise ResultError("the curves of all seeds must have the same length.")
    columns = list(zip(*values, strict=True))
    return {
        "per_seed": values,
        "mean": [_mean(column, digits) for column in columns],
        "spread": [_spread(column, digits) for column in columns],
    }


def _plain(value: Any, digits: int) -> Any:
    if hasattr(value, "tolist"):  # NumPy and PyTorch, numbers and arrays
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item, digits) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ResultError(f"a measured value must be a finite number, not {value!r}.")
    return value if isinstance(value, int) else round(value, digits)


def _mean(values: Sequence[float], digits: int) -> float:
    return round(statistics.fmean(values), digits)


def _spread(values: Sequence[float], digits: int) -> float | None:
    return round(statistics.stdev(values), digits) if len(values) > 1 else None
