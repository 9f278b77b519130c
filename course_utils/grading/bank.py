"""An assignment's bank of right and wrong answers, and a quick runner that marks them (instructor's side).

A bank file ``bank/exN.py`` holds one answer after another, each after a line such as::

    # %% right loops_over_pairs
    # %% wrong sum_instead_of_mean (passes the visible tests)
    # %% book plain_cross_entropy

``book`` answers are the nearest code of a chapter, pasted in: wrong here.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

_HEADER = re.compile(r"^# %% (right|wrong|book) (\w+)( \(passes the visible tests\))?$", re.M)


@dataclass(frozen=True)
class Answer:
    """One answer to one exercise.

    Attributes
    ----------
    exercise : str
        E.g. ``"ex3"``.
    kind : str
        ``"right"``, ``"wrong"`` or ``"book"``.
    name : str
        What is special about it.
    passes_visible : bool
        Whether the visible tests are expected to pass.
    source : str
        The answer cell's code.
    """

    exercise: str
    kind: str
    name: str
    passes_visible: bool
    source: str

    def __str__(self) -> str:
        """Name the answer on one line."""
        return f"{self.exercise}-{self.kind}-{self.name}"


def read_bank(folder: Path) -> list[Answer]:
    """Read all answers of a ``bank`` folder.

    Raises
    ------
    ValueError
        If a file does not begin with an answer's header line.
    """
    answers = []
    for path in sorted(folder.glob("ex*.py")):
        parts = _HEADER.split(path.read_text(encoding="utf-8"))
        if parts[0].strip() or len(parts) == 1:
            raise ValueError(f"{path}: must begin with a line '# %% right NAME' or '# %% wrong NAME'")
        for kind, name, visible, source in zip(*[iter(parts[1:])] * 4, strict=True):
            passes = kind == "right" or bool(visible)
            answers.append(Answer(path.stem, kind, name, passes, source.strip() + "\n"))
    return answers


def reference_answers(source: NotebookNode) -> dict[str, str]:
    """Take the instructor's own answers: grade_id of each solution cell → its text without the markers."""
    answers = {}
    for cell in source.cells:
        info = cell.metadata.get("nbgrader", {})
        if info.get("solution"):
            answers[info["grade_id"]] = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", cell.source)
    return answers


def submission(release: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """Fill answers into a copy of a released notebook.

    Parameters
    ----------
    release : NotebookNode
        What the student got.
    answers : dict of str to str
        grade_id of a solution cell → its new text; cells not named stay as released.

    Returns
    -------
    NotebookNode
        What the student would hand in.
    """
    filled = copy.deepcopy(release)
    for cell in filled.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    return filled


def mark(source: NotebookNode, answers: dict[str, str] | None = None) -> dict[str, float]:
    """Mark answers in this process by nbgrader's rule: a test cell that raises earns 0, else its points.

    For answers one trusts: there is no kernel, no sandbox and no time limit.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook with hidden tests; its own answers stand where none is given.
    answers : dict of str to str, optional
        grade_id of a solution cell → its text.

    Returns
    -------
    dict of str to float
        Points of each test cell, by grade_id. Cells that a person marks are left out.
    """
    module = types.ModuleType("__main__")
    points: dict[str, float] = {}
    quiet = io.StringIO()
    with _as_main(module), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        for cell in submission(source, answers or {}).cells:
            info = cell.metadata.get("nbgrader", {})
            if (
                cell.cell_type != "code" or not info
            ):  # cells that are neither marked nor locked are for looking
                continue
            failed = _fails(cell.source, str(info.get("grade_id", cell.id)), module.__dict__)
            if info.get("grade") and not info.get("solution"):
                points[info["grade_id"]] = 0.0 if failed else float(info["points"])
    return points


def by_exercise(points: dict[str, float]) -> dict[str, float]:
    """Add up the points of each exercise: the part of the grade_id before the underscore."""
    totals: dict[str, float] = {}
    for grade_id, value in points.items():
        exercise = grade_id.split("_")[0]
        totals[exercise] = totals.get(exercise, 0.0) + value
    return totals


def _fails(code: str, name: str, namespace: dict[str, Any]) -> bool:
    """Run one cell; return whether it raised."""
    try:
        exec(compile(code, f"<{name}>", "exec"), namespace)
    except (Exception, SystemExit):
        return True
    return False


@contextlib.contextmanager
def _as_main(module: types.ModuleType) -> Any:
    """Let ``__main__`` be the notebook for a while, as it is in a kernel."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield
    finally:
        sys.modules["__main__"] = before
