"""The one process that writes marks: a transaction for each notebook, which is done or not done.

nbgrader's own API commits inside its methods, so that a killed process leaves half a submission.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from nbgrader.api import Assignment, Base, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.utils import parse_utc
from sqlalchemy.orm import Session

from course_utils.grading import enrol, onewriter
from course_utils.grading.entry import enter, which
from course_utils.grading.gradebook import Gradebook, GradebookError, connect, explain
from course_utils.grading.lateness import Penalty, seconds_late
from course_utils.grading.records import VERDICTS

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from course_utils.grading.intake import Intake
    from course_utils.grading.verdict import Verdict


class Writer(Gradebook):
    """Write a gradebook, alone.

    Parameters
    ----------
    url, course : str
        nbgrader's ``CourseDirectory.db_url`` and ``course_id``. The gradebook is made if there is none.
    penalty : callable
        The rule for late submissions (`course_utils.grading.lateness.penalty_from`).
    task : str
        What to tell others who want to write meanwhile.

    Raises
    ------
    GradebookError
        If it can't be opened, or another process writes.
    """

    def __init__(self, url: str, course: str, penalty: Penalty, task: str = "course grade") -> None:
        super().__init__(url)
        self.course, self.penalty = course, penalty
        self._cells: dict[str, dict[str, enrol.Cells]] = {}
        try:
            self._lock = onewriter.Lock(self.url, task)
        except onewriter.Busy as error:
            raise GradebookError(str(error)) from None
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise GradebookError(explain(error, self.url)) from None
        try:
            missing = self.empty
            self.engine.dispose()
            self.engine = connect(self.url, "BEGIN IMMEDIATE")
            if missing:
                self._make()
            with self._transaction() as session:
                VERDICTS.create(session.connection(), checkfirst=True)
        except BaseException as error:
            self.close()
            if isinstance(error, sa.exc.SQLAlchemyError):
                raise GradebookError(explain(error, self.url)) from None
            raise

    def close(self) -> None:
        """Let others write."""
        super().close()
        self._lock.release()

    def enrol(self, assignment: str, notebooks: dict[str, NotebookNode]) -> None:
        """Enter an assignment, or what changed in it, as ``nbgrader generate_assignment`` does.

        Parameters
        ----------
        assignment : str
            Its name.
        notebooks : dict of str to NotebookNode
            Each as `course_utils.grading.enrol.prepared` gives it, by name.

        Raises
        ------
        GradebookError
            If cells or notebooks are gone that the gradebook has.
        """
        with self._transaction() as session:
            enrol.enrol(session, self.course, assignment, notebooks)
            self._cells[assignment] = {name: enrol.cells_of(session, assignment, name) for name in notebooks}

    def write(self, assignment: str, intake: Intake, verdict: Verdict | None, key: dict[str, Any]) -> None:
        """Enter what came of one notebook: all of it, or nothing.

        Parameters
        ----------
        assignment : str
            Which one; `enrol` has entered it.
        intake : Intake
            What was handed in.
        verdict : Verdict or None
            What came of it; None if it was refused, which gives 0 points.
        key : dict
            What the verdict depends on.

        Raises
        ------
        GradebookError
            If the database refuses; nothing is written then.
        """
        with self._transaction() as session:
            cells = self._cells[assignment]
            enter(session.connection(), assignment, cells, intake, verdict, key, self.penalty)

    def keep(self, assignment: str, intake: Intake) -> None:
        """Note that a notebook handed in again still has the verdict that is stored.

        Parameters
        ----------
        assignment : str
            Which one.
        intake : Intake
            What was handed in.
        """
        with self._transaction() as session:
            chosen = sa.update(VERDICTS).where(*which(assignment, intake))
            session.execute(chosen.values(digest=intake.digest))

    def refresh(self, assignment: str, collected: dict[str, datetime | None]) -> int:
        """Bring times of collection and penalties up to date: an extension may have been granted since.

        Parameters
        ----------
        assignment : str
            Which one.
        collected : dict of str to datetime or None
            Student → when the submission was collected; None leaves what is known.

        Returns
        -------
        int
            How many notebooks' penalties changed.
        """
        scores = (
            sa.select(Grade.notebook_id, sa.func.sum(Grade.score).label("score"))
            .group_by(Grade.notebook_id)
            .subquery()
        )
        wanted = (
            sa.select(
                SubmittedAssignment.id,
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
                Assignment.duedate,
                SubmittedNotebook.id.label("notebook"),
                SubmittedNotebook.late_submission_penalty,
                scores.c.score,
            )
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .outerjoin(scores, scores.c.notebook_id == SubmittedNotebook.id)
            .where(Assignment.name == assignment, SubmittedAssignment.student_id.in_(list(collected)))
        )
        times, penalties = {}, []
        with self._transaction() as session:
            for row in session.execute(wanted):
                timestamp = parse_utc(collected[row.student_id]) or row.timestamp
                if timestamp != row.timestamp:
                    times[row.id] = timestamp
                late = seconds_late(timestamp, row.duedate, row.extension)
                penalty = self.penalty(row.student_id, row.score or 0.0, late) if late > 0 else None
                if penalty != row.late_submission_penalty:
                    penalties.append({"id": row.notebook, "late_submission_penalty": penalty})
            if times:
                rows = [{"id": id_, "timestamp": timestamp} for id_, timestamp in times.items()]
                session.execute(sa.update(SubmittedAssignment), rows)
            if penalties:
                session.execute(sa.update(SubmittedNotebook), penalties)
        return len(penalties)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Session]:
        try:
            with Session(self.engine) as session, session.begin():
                yield session
        except enrol.EnrolError as error:
            raise GradebookError(str(error)) from None
        except (sa.exc.SQLAlchemyError, UnicodeError) as error:
            raise GradebookError(explain(error, self.url)) from None

    def _make(self) -> None:
        """Make nbgrader's tables and their version as its ``Gradebook`` does, all or none."""
        import nbgrader
        from alembic.script import ScriptDirectory

        scripts = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
        with self._transaction() as session:
            Base.metadata.create_all(session.connection())
            session.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            version = {"version": scripts.get_current_head()}
            session.execute(sa.text("INSERT INTO alembic_version VALUES (:version)"), version)
