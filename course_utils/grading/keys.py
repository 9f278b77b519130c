"""What a verdict depends on, as hashes: as long as its key is the same, it need not be worked out again."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import course_utils
from course_utils.grading.limits import Limits

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from course_utils.grading.intake import Intake

#: Parts of a key; each is a hash or a dict of plain values.
Key = dict[str, Any]
#: Packages whose version can change a mark.
_PACKAGES = ("numpy", "torch", "torchvision")
#: Folders of course_utils that no assignment imports and no mark depends on.
_WITHOUT = ("cli", "notebooks", "student_edition")


def common(source: NotebookNode, limits: Limits) -> Key:
    """Give the parts that all submissions of a notebook share.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook.
    limits : Limits
        Of each submission.

    Returns
    -------
    dict
        ``"tests"`` (the whole notebook: the instructor's answers say what tests may do), ``"course_utils"``,
        ``"versions"`` and ``"limits"``.
    """
    cells = [
        [cell.cell_type, cell.source, cell.metadata.get("nbgrader"), cell.metadata.get("course")]
        for cell in source.cells
    ]
    return {"tests": _hash(cells), **surroundings(), "limits": dataclasses.asdict(limits)}


def surroundings() -> Key:
    """Give the parts that belong to the machine: ``"course_utils"`` and ``"versions"``."""
    return {
        "course_utils": package_hash(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def with_answers(parts: Key, intake: Intake) -> Key:
    """Add what was handed in, as it was taken in.

    Parameters
    ----------
    parts : dict
        What `common` gives.
    intake : Intake
        A submission.

    Returns
    -------
    dict
        The whole key: ``"answers"`` besides. Outputs, pictures and the order of cells do not count.
    """
    if intake.submission is None or intake.cells is None:
        return {"answers": _hash(["refused", intake.reasons]), **parts}
    texts = [
        [cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source]
        for cell in intake.cells.cells
        if cell.cell_type != "code"
    ]
    return {"answers": _hash([intake.submission.answers, intake.submission.added, texts]), **parts}


def why(old: Key | None, new: Key) -> list[str]:
    """Say what has changed between two keys; nothing if they are the same.

    Returns
    -------
    list of str
        ``"new"`` if there was none before, else the parts' names; versions and limits with both values.
    """
    if old is None:
        return ["new"]
    changed = []
    for part, value in new.items():
        before = old.get(part)
        if before == value:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            names = [name for name in {**before, **value} if before.get(name) != value.get(name)]
            changed += [f"{part}: {name} {before.get(name)} → {value.get(name)}" for name in names]
        else:
            changed.append(part)
    return changed


def stamp(key: Key, digest: str) -> str:
    """Give the mark of a graded notebook: it shows this verdict on this file."""
    return _hash([key, digest])


@functools.cache
def package_hash() -> str:
    """Hash the sources of course_utils that a mark can depend on."""
    folder = Path(course_utils.__file__).parent
    names = {path.relative_to(folder): path for path in folder.rglob("*.py")}
    files = sorted((name.as_posix(), path) for name, path in names.items() if name.parts[0] not in _WITHOUT)
    return _hash([[name, hashlib.sha256(path.read_bytes()).hexdigest()] for name, path in files])


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _hash(what: Any) -> str:
    text = json.dumps(what, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
