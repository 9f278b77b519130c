"""nbgrader's gradebook as this course reads it: verdicts, marks, and what each cell earned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from course_utils.grading import records
from course_utils.grading.records import CellMark, Mark, StoredVerdict


class GradebookError(RuntimeError):
    """The gradebook can't be opened, or does not hold what is asked for."""


class Gradebook:
    """Read what a gradebook holds. Nothing is made or changed; one that does not exist is empty.

    Parameters
    ----------
    url : str
        nbgrader's ``CourseDirectory.db_url``.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.engine = connect(self.url)

    @property
    def empty(self) -> bool:
        """Whether nbgrader has not made its tables yet."""
        name = self.url.database
        if self.url.get_backend_name() == "sqlite" and name and not Path(name).exists():
            return True  # to connect would make the file
        return not sa.inspect(self.engine).has_table("assignment")

    def stored(self, assignment: str) -> list[StoredVerdict]:
        """Read all verdicts of an assignment, in order of students and notebooks."""
        return self._read(records.verdicts, assignment)

    def marks(self, assignment: str) -> list[Mark]:
        """Read what every student of the gradebook gets for an assignment, in order of their ids."""
        return self._read(records.marks, assignment)

    def cell_marks(self, assignment: str) -> list[CellMark]:
        """Read what every graded cell of every submission of an assignment earned."""
        return self._read(records.cell_marks, assignment)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement."""
        return self

    def __exit__(self, *about: object) -> None:
        """Close it."""
        self.close()

    def _read(self, what: Callable[[Session, str], list[Any]], assignment: str) -> list[Any]:
        try:
            if self.empty:
                return []
            with Session(self.engine) as session:
                return what(session, assignment)
        except sa.exc.SQLAlchemyError as error:
            raise GradebookError(explain(error, self.url)) from None


def connect(url: sa.URL, begin: str = "BEGIN") -> sa.Engine:
    """Make an engine; with SQLite, transactions start with ``begin`` and wait half a minute for others."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    engine = sa.create_engine(url, connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None
        if begin != "BEGIN" and connection.execute("PRAGMA journal_mode").fetchone() == ("delete",):
            connection.execute("PRAGMA journal_mode = TRUNCATE")  # as safe, and takes less waiting

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def explain(error: Exception, url: sa.URL) -> str:
    """Say what went wrong with a database and what to do about it."""
    what = str(getattr(error, "orig", None) or error).strip()
    shown = url.render_as_string(hide_password=True)
    if "no such column" in what or "does not exist" in what:
        advice = "If nbgrader is newer than the gradebook: save a copy of it, then run `nbgrader db upgrade`."
    elif "locked" in what:
        advice = "Another program holds it: close it, or try again later."
    else:
        advice = "CourseDirectory.db_url in nbgrader_config.py, or --db, says which gradebook is used."
    return f"the gradebook {shown} can't be used: {what}. {advice}"
