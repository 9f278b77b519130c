"""From an assignment's script in ``solutions/`` to its notebook there and its release in ``assignments/``."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

#: What an assignment is called: ps, a number, a topic.
ASSIGNMENT = re.compile(r"^ps\d+_[a-z0-9_]+$")


class AssignmentError(RuntimeError):
    """An assignment's source is not right, or nbgrader refuses it."""


def assignments(root: Path) -> list[str]:
    """Ids of all assignments under ``root/solutions``, in order."""
    folders = (path for path in (root / "solutions").glob("ps*") if ASSIGNMENT.match(path.name))
    return sorted(path.name for path in folders if (path / f"{path.name}.py").is_file())


def source_notebook(root: Path, assignment: str) -> NotebookNode:
    """Read an assignment's script as the notebook that nbgrader takes as its source.

    Parameters
    ----------
    root : Path
        The course's folder.
    assignment : str
        E.g. ``"ps1_first_classifiers"``.

    Returns
    -------
    NotebookNode
        Cell ids come from nbgrader's ``grade_id``. ``metadata.course`` lists the exercises, for
        ``course check``.

    Raises
    ------
    AssignmentError
        If a grade_id occurs twice or the points do not add up to 100.
    """
    from course_utils.notebooks.pairs import read_script

    notebook = read_script(root / "solutions" / assignment / f"{assignment}.py")
    graded = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    names = [cell.grade_id for cell in graded]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AssignmentError(f"{assignment}: grade_id {', '.join(twice)} occurs more than once; rename one")
    points = sum(cell.points for cell in graded if cell.grade)
    if points != 100:
        raise AssignmentError(f"{assignment}: the cells' points add up to {points}; they must make 100")
    for cell in notebook.cells:
        cell.metadata = _sorted(cell.metadata)
    notebook.metadata["course"] = {"assignment": assignment, "exercises": exercises(notebook)}
    return notebook


def exercises(notebook: NotebookNode) -> list[dict[str, Any]]:
    """List an assignment's exercises.

    Returns
    -------
    list of dict
        ``id`` (the part of the grade_id before the underscore), ``title``, ``points``, and ``cells``, the
        grade_ids that belong to it in order.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        info = cell.metadata.get("nbgrader", {})
        number = re.match(r"(ex\d+)_", info.get("grade_id", ""))
        if not number:
            continue
        entry = found.setdefault(number[1], {"id": number[1], "title": "", "points": 0, "cells": []})
        heading = re.search(r"^## (.+)$", cell.source, re.M)
        if heading and not entry["title"]:
            entry["title"] = heading[1]
        entry["points"] += info.get("points", 0) if info["grade"] else 0
        entry["cells"].append(info["grade_id"])
    return list(found.values())


def release_files(root: Path, assignment: str, notebook: NotebookNode | None = None) -> dict[str, bytes]:
    """Let nbgrader generate the release in a folder of its own.

    Parameters
    ----------
    root : Path
        The course's folder; nothing in it is changed.
    assignment : str
        Which one.
    notebook : NotebookNode, optional
        The source; what `source_notebook` gives if omitted.

    Returns
    -------
    dict of str to bytes
        Path inside ``assignments/<assignment>/`` → content.

    Raises
    ------
    AssignmentError
        With nbgrader's log, if it refuses the source.
    """
    from nbgrader.apps import NbGraderAPI
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells
    from traitlets.config import PyFileConfigLoader

    notebook = notebook or source_notebook(root, assignment)
    with tempfile.TemporaryDirectory() as temporary:
        course = Path(temporary).resolve()
        shutil.copy(root / "nbgrader_config.py", course)
        ignore = shutil.ignore_patterns("*.ipynb", "__pycache__")
        shutil.copytree(root / "solutions" / assignment, course / "solutions" / assignment, ignore=ignore)
        nbformat.write(notebook, course / "solutions" / assignment / f"{assignment}.ipynb")
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
        # Without a gradebook, which takes seconds to make: the release is the same, as a test shows.
        config.GenerateAssignment.no_database = True
        kept = [step for step in GenerateAssignment().preprocessors if step is not SaveCells]
        config.GenerateAssignment.preprocessors = kept
        result = NbGraderAPI(config=config).generate_assignment(assignment)
        if not result["success"]:
            raise AssignmentError(
                f"nbgrader refuses {assignment}:\n{result.get('log') or result.get('error')}"
            )
        made = course / "assignments" / assignment
        files = sorted(path for path in made.rglob("*") if path.is_file())
        return {path.relative_to(made).as_posix(): path.read_bytes() for path in files}


def derived_files(root: Path, assignment: str) -> dict[Path, bytes]:
    """Everything that follows from an assignment's script: path → content."""
    notebook = source_notebook(root, assignment)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    wanted = {root / "solutions" / assignment / f"{assignment}.ipynb": text.encode()}
    for name, content in release_files(root, assignment, notebook).items():
        wanted[root / "assignments" / assignment / name] = content
    return wanted


def differences(root: Path, assignment: str) -> list[str]:
    """Say which committed files differ from what the script gives.

    Returns
    -------
    list of str
        One line a file that is missing, different or too many; empty where all agree.
    """
    wanted = derived_files(root, assignment)
    lines = []
    for path, content in wanted.items():
        if not path.is_file():
            lines.append(f"{path.relative_to(root)} is missing")
        elif path.read_bytes() != content:
            lines.append(f"{path.relative_to(root)} differs from what {assignment}.py in solutions/ gives")
    for path in sorted((root / "assignments" / assignment).rglob("*")):
        if path.is_file() and path not in wanted and ".ipynb_checkpoints" not in path.parts:
            lines.append(f"{path.relative_to(root)} does not belong to the release")
    return lines


def generate(root: Path, assignment: str) -> list[Path]:
    """Write an assignment's notebook and its release; return the files that changed."""
    wanted = derived_files(root, assignment)
    changed = []
    for path in sorted((root / "assignments" / assignment).rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()
            changed.append(path)
    for path, content in wanted.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed.append(path)
    return changed


def _sorted(metadata: Any) -> NotebookNode:
    """Metadata in one order, so that a rewritten script gives the same bytes."""
    return nbformat.from_dict(
        {key: _sorted(value) if isinstance(value, dict) else value for key, value in sorted(metadata.items())}
    )
