"""The page that a student gets back: points, what failed and where to look, a person's comments.

It is made from the graded notebook and the gradebook by ``nbgrader generate_feedback``. Nothing of hidden
tests is in it, nor what instructors read: outputs of test cells are left out and only what the verdict has
for students is shown.
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import GetGrades

from course_utils.grading import sanitise
from course_utils.grading.cells import without_hidden_tests

_MARK_SCHEME = re.compile(r"(?ms)^=== BEGIN MARK SCHEME ===.*?(?:^=== END MARK SCHEME ===\s*|\Z)")
_REST = "other parts"


class ForStudents(GetGrades):
    """Put grades into a graded notebook and take out what is not for its student."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Prepare the notebook, and ``resources["course"]`` for the page's template."""
        from pygments.formatters import HtmlFormatter

        nb, resources = super().preprocess(nb, resources)
        about = nb.metadata.get("course", {})
        nb.cells = [cell for cell in nb.cells if cell.get("id") != "course-intake"]
        for cell in nb.cells:
            _for_student(cell)
        title = _take_title(nb)
        resources["course"] = {
            "title": sanitise.visible(title or resources["nbgrader"]["notebook"], 200),
            "status": about.get("status", ""),
            "reasons": about.get("reasons", []),
            "rows": _rows(nb, about.get("exercises", [])),
            "light": HtmlFormatter(style="default").get_style_defs(".highlight"),
            "dark": HtmlFormatter(style="github-dark").get_style_defs(".highlight"),
        }
        return nb, resources

    def _get_score(self, cell: NotebookNode, resources: Any) -> None:
        super()._get_score(cell, resources)
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        cell.metadata.nbgrader["waits"] = bool(grade.needs_manual_grade)
        cell.metadata.nbgrader["by_person"] = grade.manual_score is not None or bool(grade.extra_credit)


def _for_student(cell: NotebookNode) -> None:
    """Leave in a cell what its student may see, and say in ``metadata.shown`` what the page makes of it."""
    info, course = cell.metadata.get("nbgrader", {}), cell.metadata.get("course", {})
    score, points = float(info.get("score") or 0), float(info.get("points") or 0)
    is_test = cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)
    kind = "test" if is_test else "answer" if info.get("solution") or _is_own(cell) else "statement"
    shown: dict[str, Any] = {
        "kind": kind,
        "marked": bool(info.get("grade") or info.get("task")),
        "score": score,
        "points": points,
        "state": _state(info, course, score, points),
        "message": course.get("for_student", ""),
        "about": "",
    }
    if is_test:
        hidden = without_hidden_tests(cell.source) != cell.source
        released = without_hidden_tests(cell.source).strip()
        shown["about"] = next((m[1] for m in [re.match(r"# *([^#\n][^\n]*)", released)] if m), "")
        shown["title"] = "Hidden tests" if hidden else "Visible tests"
        shown["code"] = any(line.strip() and not line.startswith("#") for line in released.splitlines())
        cell.source = released
    elif kind == "statement":
        cell.source = _MARK_SCHEME.sub("", without_hidden_tests(cell.source))
    if cell.cell_type == "code":
        outputs = cell.outputs if kind == "answer" else []
        cell.outputs = [output for output in outputs if output.output_type == "display_data"]
    cell.metadata["shown"] = shown


def _take_title(nb: NotebookNode) -> str:
    """Take the first heading out of the instructor's text: it stands on top of the page."""
    for cell in nb.cells:
        found = re.search(r"(?m)^# (.+)$", cell.source)
        if found and cell.cell_type == "markdown" and cell.metadata.shown.kind == "statement":
            cell.source = cell.source[: found.start()] + cell.source[found.end() :]
            return found[1]
    return ""


def _state(info: Any, course: Any, score: float, points: float) -> str:
    if info.get("waits"):
        return "waits for a person"
    if info.get("by_person"):
        return "marked by a person"
    if "status" in course:
        return {"late": "took too long", "stopped": "was stopped"}.get(course["status"], course["status"])
    return "passed" if score >= points else "partial" if score > 0 else "failed"


def _is_own(cell: NotebookNode) -> bool:
    return str(cell.get("id", "")).startswith("student-") and "nbgrader" not in cell.metadata


def _rows(nb: NotebookNode, exercises: list[Any]) -> list[dict[str, Any]]:
    """Add up the points of each exercise; the rest in a line of its own."""
    titles = {
        name: (exercise["id"], exercise["title"]) for exercise in exercises for name in exercise["cells"]
    }
    rows: dict[str, dict[str, Any]] = {}
    for cell in nb.cells:
        shown, name = cell.metadata.shown, cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if shown["marked"]:
            number, title = titles.get(name, (_REST, _REST if exercises else name))
            key = number if exercises else name
            row = rows.setdefault(
                key, {"title": title, "score": 0.0, "points": 0.0, "waits": False, "to": name}
            )
            row["score"] += shown["score"]
            row["points"] += shown["points"]
            row["waits"] |= shown["state"] == "waits for a person"
    return list(rows.values())
