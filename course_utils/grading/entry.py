"""What one notebook's verdict changes in the gradebook; all of it inside a transaction of the caller's.

The rules are nbgrader's (its ``SaveAutoGrades``, ``AssignLatePenalties`` and ``Autograde``), with one
difference: marking the same work again does not ask a person to look at it again. What a person entered
(marks, extra credit, comments) is never written.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from nbgrader.api import Assignment, Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook, new_uuid
from nbgrader.utils import compute_checksum, parse_utc

from course_utils.grading.enrol import Cells
from course_utils.grading.lateness import Penalty, seconds_late
from course_utils.grading.records import VERDICTS

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from course_utils.grading.intake import Intake
    from course_utils.grading.verdict import Verdict


_ASSIGNMENT, _STUDENT, _GRADE, _COMMENT = (kind.__table__ for kind in (Assignment, Student, Grade, Comment))
_SUBMISSION, _NOTEBOOK = SubmittedAssignment.__table__, SubmittedNotebook.__table__


def enter(
    connection: sa.Connection,
    assignment: str,
    cells: dict[str, Cells],
    intake: Intake,
    verdict: Verdict | None,
    key: dict[str, Any],
    penalty: Penalty,
) -> None:
    """Enter a notebook's marks, remarks, penalty and verdict.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    assignment : str
        Which one.
    cells : dict of str to Cells
        Of all its notebooks.
    intake : Intake
        What was handed in.
    verdict : Verdict or None
        What came of it; None if it was refused, which gives 0 points.
    key : dict
        What the verdict depends on.
    penalty : callable
        The rule for late submissions.
    """
    mine = cells[intake.notebook]
    late = _submission(connection, assignment, cells, intake)
    notebook = _submitted_notebook(connection, mine, late.id)
    before = _verdict_row(connection, assignment, intake)
    known = before is not None and before.submitted_notebook == notebook
    answers = _answers(intake, mine) if verdict is not None else {}
    silent = {name for name, cell in answers.items() if compute_checksum(cell) == mine.checksums.get(name)}
    written = {name: hashlib.sha256(cell.source.encode()).hexdigest() for name, cell in answers.items()}
    written |= {name: str(key.get("answers")) for name in mine.tasks}  # their text can be in any cell
    written_before = json.loads(before.written) if before is not None and known else {}

    score, changes = 0.0, []
    grades = _rows(connection, _GRADE, notebook, {**mine.graded, **mine.tasks})
    for name, grade in grades.items():
        auto = _points(name, verdict, silent)
        same = name in written and written.get(name) == written_before.get(name)
        waits = _waits(grade, auto, same)
        if (auto, waits) != (grade.auto_score, grade.needs_manual_grade):
            changes.append({"id": grade.id, "auto_score": auto, "needs_manual_grade": waits})
        given = auto if grade.manual_score is None else grade.manual_score
        score += 0.0 if given is None else given + (grade.extra_credit or 0.0)
    _update(connection, _GRADE, changes)
    _remark(connection, notebook, mine, None if verdict is None else silent)
    points_off = penalty(intake.student, score, late.seconds) if late.seconds > 0 else None
    _update(connection, _NOTEBOOK, [{"id": notebook, "late_submission_penalty": points_off}])
    row = {
        "submitted_notebook": notebook,
        "status": intake.status,
        "reasons": json.dumps(intake.reasons),
        "digest": intake.digest,
        "key_parts": json.dumps(key, sort_keys=True),
        "verdict": None if verdict is None else verdict.as_json(indent=None),
        "written": json.dumps(written, sort_keys=True),
    }
    if before is None:
        names = {"assignment": assignment, "student": intake.student, "notebook": intake.notebook}
        connection.execute(sa.insert(VERDICTS).values(**names, **row))
    else:
        connection.execute(sa.update(VERDICTS).where(*which(assignment, intake)).values(**row))


def which(assignment: str, intake: Intake) -> list[sa.ColumnElement[bool]]:
    """Give the conditions that pick a notebook's row of `VERDICTS`."""
    return [
        VERDICTS.c.assignment == assignment,
        VERDICTS.c.student == intake.student,
        VERDICTS.c.notebook == intake.notebook,
    ]


def _points(name: str, verdict: Verdict | None, silent: set[str]) -> float | None:
    """Give what a cell earns without a person; None where it takes one."""
    if verdict is None:
        return 0.0
    return verdict.points.get(name, 0.0 if name in silent else None)


def _waits(grade: Any, auto: float | None, same: bool) -> bool:
    """Say whether a person has to look at a cell.

    nbgrader's rule is: where tests give no points, or a person gave some. Here what was settled stays so as
    long as the points, or the text that a person read, are the same.
    """
    if auto is None:
        return bool(grade.needs_manual_grade) if same and grade.auto_score is None else True
    if grade.manual_score is None:
        return False
    return bool(grade.needs_manual_grade) if auto == grade.auto_score else True


def _answers(intake: Intake, cells: Cells) -> dict[str, NotebookNode]:
    """Find the cells that students fill in, by grade_id."""
    found = {}
    for cell in intake.cells.cells if intake.cells is not None else []:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in cells.solutions:
            found[name] = cell
    return found


def _remark(connection: sa.Connection, notebook: str, cells: Cells, silent: set[str] | None) -> None:
    """Say "No response." at answers that were left as they were released; nothing if they are not known."""
    changes = []
    for name, row in _rows(connection, _COMMENT, notebook, {**cells.solutions, **cells.tasks}).items():
        wanted = "No response." if name in (silent or ()) else None
        if silent is not None and row.auto_comment != wanted:
            changes.append({"id": row.id, "auto_comment": wanted})
    _update(connection, _COMMENT, changes)


class _Submission:
    """A submission's id and how late it is."""

    def __init__(self, identity: str, seconds: float) -> None:
        self.id, self.seconds = identity, seconds


def _submission(
    connection: sa.Connection, assignment: str, cells: dict[str, Cells], intake: Intake
) -> _Submission:
    """Find or make a student's submission, with rows for all its notebooks as nbgrader makes them."""
    collected = parse_utc(intake.timestamp)
    named = sa.select(_ASSIGNMENT.c.id, _ASSIGNMENT.c.duedate).where(_ASSIGNMENT.c.name == assignment)
    about = connection.execute(named).one()
    columns = _SUBMISSION.c
    found = connection.execute(
        sa.select(columns.id, columns.timestamp, columns.extension)
        .where(columns.assignment_id == about.id, columns.student_id == intake.student)
        .with_for_update()
    ).first()
    if found is not None:
        if collected is not None and collected != found.timestamp:
            _update(connection, _SUBMISSION, [{"id": found.id, "timestamp": collected}])
        timestamp = collected or found.timestamp
        return _Submission(found.id, seconds_late(timestamp, about.duedate, found.extension))
    if connection.scalar(sa.select(_STUDENT.c.id).where(_STUDENT.c.id == intake.student)) is None:
        connection.execute(sa.insert(_STUDENT), {"id": intake.student})
    made = {"id": new_uuid(), "assignment_id": about.id, "student_id": intake.student, "timestamp": collected}
    connection.execute(sa.insert(_SUBMISSION), made)
    for one in cells.values():
        if one.notebook != cells[intake.notebook].notebook:  # its own rows are made where they are filled in
            notebook = _submitted_notebook(connection, one, made["id"])
            _rows(connection, _GRADE, notebook, {**one.graded, **one.tasks})
            _rows(connection, _COMMENT, notebook, {**one.solutions, **one.tasks})
    return _Submission(made["id"], seconds_late(collected, about.duedate, None))


def _submitted_notebook(connection: sa.Connection, cells: Cells, submission: str) -> str:
    """Find or make the row of one notebook of a submission."""
    same = (_NOTEBOOK.c.assignment_id == submission, _NOTEBOOK.c.notebook_id == cells.notebook)
    found = connection.scalar(sa.select(_NOTEBOOK.c.id).where(*same))
    if found is None:
        found = new_uuid()
        values = {"id": found, "assignment_id": submission, "notebook_id": cells.notebook}
        connection.execute(sa.insert(_NOTEBOOK), values)
    return str(found)


def _rows(connection: sa.Connection, table: Any, notebook: str, cells: dict[str, str]) -> dict[str, Any]:
    """Read the grades or comments of a submitted notebook by grade_id, making those that are missing."""
    wanted = sa.select(table).where(
        table.c.notebook_id == notebook,
        table.c.cell_id.in_(cells.values()),  # which nbgrader's index begins with
    )
    found = {row.cell_id: row for row in connection.execute(wanted)}
    missing = [{"cell_id": cell, "notebook_id": notebook} for cell in cells.values() if cell not in found]
    if missing:
        connection.execute(sa.insert(table), missing)
        found = {row.cell_id: row for row in connection.execute(wanted)}
    return {name: found[cell] for name, cell in cells.items()}


def _update(connection: sa.Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Change some columns of rows, each with its ``id``."""
    if rows:
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in rows[0] if name != "id"}
        changes = [{"id_" if name == "id" else f"new_{name}": row[name] for name in row} for row in rows]
        connection.execute(sa.update(table).where(table.c.id == sa.bindparam("id_")).values(values), changes)


def _verdict_row(connection: sa.Connection, assignment: str, intake: Intake) -> Any:
    wanted = sa.select(VERDICTS.c.submitted_notebook, VERDICTS.c.written).where(*which(assignment, intake))
    return connection.execute(wanted).first()
