"""The code that students wrote, read from graded notebooks, and what they were given to begin with."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from course_utils.grading.handed_in import RefusedError, read_regular

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from course_utils.grading.coursefolder import CourseFolder
    from course_utils.grading.records import StoredVerdict

_SOLUTION = re.compile(r"(?ms)^[ \t]*### BEGIN SOLUTION.*?^[ \t]*### END SOLUTION[^\n]*\n?")
_LARGEST = 100 * 2**20


def answers_in(
    course: CourseFolder, assignment: str, verdicts: list[StoredVerdict]
) -> dict[str, dict[str, str]]:
    """Read the answers in code of everybody whose work was marked.

    Returns
    -------
    dict
        grade_id → student → text. A graded notebook that is missing is left out.
    """
    found: dict[str, dict[str, str]] = {}
    for stored in verdicts:
        if stored.verdict is None:
            continue
        folder = course.graded(stored.student, assignment)
        try:
            notebook = json.loads(read_regular(folder, f"{stored.notebook}.ipynb", _LARGEST))
        except (RefusedError, ValueError):
            continue
        for cell in notebook["cells"]:
            name = _answer(cell)
            if name:
                source = cell["source"]
                text = source if isinstance(source, str) else "".join(source)
                found.setdefault(name, {})[stored.student] = text
    return found


def given_in(sources: dict[str, NotebookNode]) -> dict[str, str]:
    """Read what an answer's cell holds when it is handed out: grade_id → text without the solution."""
    cells = [cell for source in sources.values() for cell in source.cells]
    return {name: _SOLUTION.sub("", cell.source) for cell in cells if (name := _answer(cell))}


def _answer(cell: Any) -> str:
    info = cell["metadata"].get("nbgrader", {})
    return str(info["grade_id"]) if info.get("solution") and cell["cell_type"] == "code" else ""
