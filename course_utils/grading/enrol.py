"""Enter an assignment in the gradebook, as ``nbgrader generate_assignment`` does, in one transaction."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import sqlalchemy as sa
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    Course,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    SubmittedNotebook,
    TaskCell,
)
from nbgrader.utils import is_grade, is_locked, is_solution, is_task
from sqlalchemy.orm import Session
from traitlets.config import Config


class EnrolError(ValueError):
    """An assignment can't be entered as it is, or no longer fits what the gradebook holds."""


@dataclass(frozen=True)
class Cells:
    """The cells of one notebook in the gradebook: grade_id → the row's id.

    Attributes
    ----------
    notebook : str
        The notebook's own id.
    graded, solutions, tasks : dict of str to str
        Cells with points, cells that students fill in, and task cells.
    checksums : dict of str to str
        Of each cell as it is released.
    """

    notebook: str
    graded: dict[str, str] = field(default_factory=dict)
    solutions: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)


def prepared(source: NotebookNode, name: str, assignment: str, path: Path, config: Config) -> NotebookNode:
    """Do to an instructor's notebook what nbgrader does before it enters the cells in the gradebook.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook; it is left as it is.
    name, assignment : str
        What it is called, without ``.ipynb``, and the assignment that it belongs to.
    path : Path
        The folder that it lies in.
    config : Config
        nbgrader's settings.

    Returns
    -------
    NotebookNode
        With locked cells, cleared solutions and checksums; hidden tests are still in it.

    Raises
    ------
    EnrolError
        If nbgrader refuses the notebook.
    """
    from nbconvert.exporters import NotebookExporter
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import ClearHiddenTests, SaveCells
    from traitlets.utils.importstring import import_item

    quiet = Config({"Exporter": {"default_preprocessors": []}})
    exporter = NotebookExporter(config=Config(copy.deepcopy(config), **quiet))
    for step in GenerateAssignment(config=config).preprocessors:
        kind = import_item(step) if isinstance(step, str) else step
        if isinstance(kind, type) and issubclass(kind, SaveCells | ClearHiddenTests):
            break
        exporter.register_preprocessor(step, enabled=True)
    about = {"student": ".", "assignment": assignment, "notebook": name}
    resources = {"nbgrader": about, "unique_key": name, "metadata": {"name": name, "path": str(path)}}
    try:
        made, _ = exporter.from_notebook_node(copy.deepcopy(source), resources=resources)
    except Exception as error:
        raise EnrolError(f"nbgrader refuses {path / name}.ipynb: {error or type(error).__name__}") from error
    return nbformat.reads(made, as_version=nbformat.NO_CONVERT)


def enrol(session: Session, course: str, assignment: str, notebooks: dict[str, NotebookNode]) -> None:
    """Enter an assignment, or what changed in it.

    Parameters
    ----------
    session : Session
        In a transaction.
    course, assignment : str
        What they are called.
    notebooks : dict of str to NotebookNode
        Each as `prepared` gives it, by name.

    Raises
    ------
    EnrolError
        If cells or notebooks are gone that the gradebook has.
    """
    if session.get(Course, course) is None:
        session.add(Course(id=course))
        session.flush()
    found = session.scalar(sa.select(Assignment.id).where(Assignment.name == assignment))
    if found is None:
        made = Assignment(name=assignment, course_id=course)
        session.add(made)
        session.flush()
        found = made.id
    notebook_ids = sa.select(Notebook.name, Notebook.id).where(Notebook.assignment_id == found)
    known = _dict(session, notebook_ids)
    gone = sorted(set(known) - set(notebooks))
    if gone:
        raise EnrolError(_gone(assignment, f"the notebook {', '.join(gone)}", session, known[gone[0]]))
    for name, notebook in notebooks.items():
        kernelspec = json.dumps(notebook.metadata.get("kernelspec", {}))
        if name not in known:
            row = Notebook(name=name, assignment_id=found, kernelspec=kernelspec)
            session.add(row)
            session.flush()
            known[name] = row.id
        _enter_cells(session, assignment, known[name], notebook)


def cells_of(session: Session, assignment: str, notebook: str) -> Cells:
    """Read the cells of one notebook from the gradebook."""
    which = sa.select(Notebook.id).join(Assignment).where(Assignment.name == assignment)
    identity = session.scalars(which.where(Notebook.name == notebook)).one()
    ids = [
        _dict(session, sa.select(kind.name, kind.id).where(kind.notebook_id == identity))
        for kind in (GradeCell, SolutionCell, TaskCell)
    ]
    checksums = sa.select(SourceCell.name, SourceCell.checksum).where(SourceCell.notebook_id == identity)
    return Cells(identity, ids[0], ids[1], ids[2], _dict(session, checksums))


def _dict(session: Session, pairs: Any) -> dict[str, str]:
    return {row[0]: row[1] for row in session.execute(pairs)}


def _enter_cells(session: Session, assignment: str, notebook: str, prepared: NotebookNode) -> None:
    """Enter one notebook's cells of all kinds: new ones, and what changed in others."""
    wanted: dict[Any, dict[str, dict[str, Any]]] = {
        GradeCell: {},
        SolutionCell: {},
        TaskCell: {},
        SourceCell: {},
    }
    for cell in prepared.cells:
        info = cell.metadata.get("nbgrader", {})
        name = info.get("grade_id")
        if is_grade(cell) or is_task(cell):
            kind = GradeCell if is_grade(cell) else TaskCell
            wanted[kind][name] = {"max_score": float(info["points"]), "cell_type": cell.cell_type}
        if is_solution(cell):
            wanted[SolutionCell][name] = {}
        if is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell):
            wanted[SourceCell][name] = {
                "cell_type": cell.cell_type,
                "locked": bool(is_locked(cell)),
                "source": cell.source,
                "checksum": info.get("checksum"),
            }
    for kind, cells in wanted.items():
        rows = {row.name: row for row in session.scalars(sa.select(kind).where(kind.notebook_id == notebook))}
        gone = sorted(set(rows) - set(cells))
        if gone and kind is not SourceCell:
            raise EnrolError(_gone(assignment, f"the cell {', '.join(gone)}", session, notebook))
        for name in gone:
            session.delete(rows[name])
        for name, values in cells.items():
            if name not in rows:
                session.add(kind(name=name, notebook_id=notebook, **values))
            else:
                for attribute, value in values.items():
                    if getattr(rows[name], attribute) != value:
                        setattr(rows[name], attribute, value)
    session.flush()


def _gone(assignment: str, what: str, session: Session, notebook: str) -> str:
    """Say what to do about cells or notebooks that the gradebook has and the assignment has no longer."""
    text = f"the gradebook has {what} of {assignment}, and its source has not."
    count = session.scalar(
        sa.select(sa.func.count())
        .select_from(SubmittedNotebook)
        .where(SubmittedNotebook.notebook_id == notebook)
    )
    if count:
        return (
            f"{text} There are marks for {count} submissions: put it back (a test may be worth 0 points), "
            "or give the assignment another name."
        )
    return f"{text} Nothing is marked yet: `nbgrader generate_assignment {assignment} --force` mends it."
