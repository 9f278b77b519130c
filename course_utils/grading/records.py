"""What the gradebook holds of an assignment that was marked here: verdicts, and marks with a person's part.

Beside nbgrader's tables there is one of ours, ``course_verdict``: a row for each notebook that a student
handed in, written together with its marks. A row whose submission nbgrader has since removed does not count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    GradeCell,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy.orm import Session

from course_utils.grading.verdict import Verdict

#: Names are as long as nbgrader's; what is nested is JSON.
VERDICTS = sa.Table(
    "course_verdict",
    sa.MetaData(),
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("notebook", sa.String(128), primary_key=True),
    sa.Column("submitted_notebook", sa.String(32), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("key_parts", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Column("written", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class StoredVerdict:
    """What is known of one notebook that a student handed in.

    Attributes
    ----------
    student, notebook : str
        Whose, and which one (without ``.ipynb``).
    status : str
        ``"accepted"``, ``"repaired"`` or ``"refused"``: what intake said.
    reasons : list of str
        Why it was repaired or refused.
    verdict : Verdict or None
        None where it was refused.
    digest : str
        SHA-256 of the file that was handed in.
    key : dict
        What the verdict depends on (`course_utils.grading.keys`).
    timestamp : datetime or None
        When it was collected, in UTC without a time zone.
    """

    student: str
    notebook: str
    status: str
    reasons: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    digest: str = ""
    key: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None


@dataclass(frozen=True)
class Mark:
    """What a student gets for an assignment, a person's marks included.

    Attributes
    ----------
    student, first_name, last_name, email, lms_user_id : str
        As the gradebook knows them; empty where it does not.
    handed_in : bool
        Whether there is a submission; all else is 0 if not.
    timestamp : datetime or None
        When it was collected, in UTC without a time zone.
    score, penalty, maximum : float
        Points before the penalty for being late, that penalty, and the most one can get.
    needs_a_person : bool
        Whether a cell waits for a person's mark.
    """

    student: str
    first_name: str
    last_name: str
    email: str
    lms_user_id: str
    handed_in: bool
    timestamp: datetime | None
    score: float
    penalty: float
    maximum: float
    needs_a_person: bool

    @property
    def final(self) -> float:
        """Points after the penalty, as nbgrader exports them."""
        return max(0.0, self.score - self.penalty)


@dataclass(frozen=True)
class CellMark:
    """What one cell of a submission earned.

    Attributes
    ----------
    student, notebook, cell : str
        Whose, where, and its grade_id.
    auto, manual, extra : float or None
        Points given by tests, by a person instead, and by a person on top.
    maximum : float
        The most that tests or a person can give.
    needs_a_person : bool
        Whether it waits for a person's mark.
    """

    student: str
    notebook: str
    cell: str
    auto: float | None
    manual: float | None
    extra: float | None
    maximum: float
    needs_a_person: bool


def verdicts(session: Session, assignment: str) -> list[StoredVerdict]:
    """Read all verdicts of an assignment, in order of students and notebooks."""
    if not sa.inspect(session.connection()).has_table(VERDICTS.name):
        return []
    rows = session.execute(
        sa.select(VERDICTS, SubmittedAssignment.timestamp)
        .join(SubmittedNotebook, SubmittedNotebook.id == VERDICTS.c.submitted_notebook)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .where(VERDICTS.c.assignment == assignment)
        .order_by(VERDICTS.c.student, VERDICTS.c.notebook)
    )
    return [
        StoredVerdict(
            row.student,
            row.notebook,
            row.status,
            json.loads(row.reasons),
            Verdict.from_json(row.verdict) if row.verdict is not None else None,
            row.digest,
            json.loads(row.key_parts),
            row.timestamp,
        )
        for row in rows
    ]


def marks(session: Session, assignment: str) -> list[Mark]:
    """Read what every student of the gradebook gets for an assignment, in order of their ids."""
    maximum = 0.0
    for cells in (GradeCell, TaskCell):
        of_assignment = sa.select(sa.func.coalesce(sa.func.sum(cells.max_score), 0.0)).where(
            cells.notebook_id == Notebook.id,
            Notebook.assignment_id == Assignment.id,
            Assignment.name == assignment,
        )
        maximum += session.scalar(of_assignment) or 0.0
    scores = (
        sa.select(
            SubmittedNotebook.assignment_id.label("submission"),
            sa.func.sum(Grade.score).label("score"),
            sa.func.max(sa.case((Grade.needs_manual_grade, 1), else_=0)).label("waits"),
        )
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .group_by(SubmittedNotebook.assignment_id)
        .subquery()
    )
    penalties = (
        sa.select(
            SubmittedNotebook.assignment_id.label("submission"),
            sa.func.sum(SubmittedNotebook.late_submission_penalty).label("penalty"),
        )
        .group_by(SubmittedNotebook.assignment_id)
        .subquery()
    )
    submissions = (
        sa.select(SubmittedAssignment.id, SubmittedAssignment.student_id, SubmittedAssignment.timestamp)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Student.id,
            Student.first_name,
            Student.last_name,
            Student.email,
            Student.lms_user_id,
            submissions.c.id.label("submission"),
            submissions.c.timestamp,
            scores.c.score,
            penalties.c.penalty,
            scores.c.waits,
        )
        .outerjoin(submissions, submissions.c.student_id == Student.id)
        .outerjoin(scores, scores.c.submission == submissions.c.id)
        .outerjoin(penalties, penalties.c.submission == submissions.c.id)
        .order_by(Student.id)
    )
    return [
        Mark(
            row.id,
            row.first_name or "",
            row.last_name or "",
            row.email or "",
            row.lms_user_id or "",
            row.submission is not None,
            row.timestamp,
            row.score or 0.0,
            row.penalty or 0.0,
            maximum,
            bool(row.waits),
        )
        for row in rows
    ]


def cell_marks(session: Session, assignment: str) -> list[CellMark]:
    """Read what every graded cell of every submission of an assignment earned."""
    maximum = {
        id_: points
        for cells in (GradeCell, TaskCell)
        for id_, points in session.execute(sa.select(cells.id, cells.max_score))
    }
    rows = session.execute(
        sa.select(
            SubmittedAssignment.student_id,
            Notebook.name,
            BaseCell.name,
            BaseCell.id,
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
            Grade.needs_manual_grade,
        )
        .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .where(Assignment.name == assignment)
        .order_by(SubmittedAssignment.student_id, Notebook.name, BaseCell.name)
    )
    return [
        CellMark(student, notebook, name, auto, manual, extra, maximum[cell], waits)
        for student, notebook, name, cell, auto, manual, extra, waits in rows
    ]
