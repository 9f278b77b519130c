"""Take a submission in: the instructor's notebook with the student's answers put in, or the reason why not.

Of a student's file only texts of cells (and pictures, for people to look at) are taken over
(`course_utils.grading.filling`). Other files have no effect on a mark: no module or data that was handed in
beside the notebook can be read while it is graded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from course_utils.grading.filling import fill
from course_utils.grading.handed_in import MissingError, RefusedError, beside, read_regular, shown
from course_utils.grading.loose_notebook import read_loosely
from course_utils.grading.plan import Plan, Submission, submission_from
from course_utils.grading.released import Given

TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True)
class Caps:
    """How much a submission may hold.

    Attributes
    ----------
    size : int
        Bytes of the notebook's file.
    cells : int
        Cells in it.
    cell : int
        Characters of one cell; a longer one is left out.
    values : int
        Values of any kind in the file, which bounds the memory that reading it takes.
    pictures : int
        Pictures of one cell that are kept to be shown.
    files : int
        Names in the folder that are looked at.
    """

    size: int = 20 * 2**20
    cells: int = 1_000
    cell: int = 200_000
    values: int = 2_000_000
    pictures: int = 10
    files: int = 1_000


@dataclass
class Intake:
    """What came of taking in one notebook.

    Attributes
    ----------
    student : str
        Who handed it in: the name of the folder.
    notebook : str
        Its name, without ``.ipynb``.
    status : str
        ``"accepted"``, ``"repaired"`` (graded from the instructor's notebook with the student's answers put
        in, since something else was changed) or ``"refused"``.
    reasons : list of str
        Plain sentences for student and instructor; notes on an accepted one too.
    digest : str
        SHA-256 of the file's bytes; ``""`` if it was not read.
    submission : Submission or None
        What to run; None if refused.
    cells : NotebookNode or None
        The instructor's notebook with the student's answers and own cells (``student-1`` …) put in; None if
        refused. All cells have nbgrader's checksum of the released text. Pictures that were handed in stand
        in ``outputs`` of the student's cells (``display_data`` with PNG or JPEG as text) and in
        ``attachments`` of Markdown cells; they are the student's text still, not decoded yet.
    timestamp : datetime or None
        When the collecting side got it, in UTC: from ``timestamp.txt``, which collecting writes.
    """

    student: str
    notebook: str
    status: str
    reasons: list[str] = field(default_factory=list)
    digest: str = ""
    submission: Submission | None = None
    cells: NotebookNode | None = None
    timestamp: datetime | None = None


def take_in(
    folder: Path,
    notebook: str,
    source: NotebookNode,
    plan: Plan,
    caps: Caps | None = None,
    *,
    known: Collection[str] = (),
    given: list[Given] | None = None,
) -> Intake:
    """Take in one notebook of a submission.

    Parameters
    ----------
    folder : Path
        ``…/STUDENT/ASSIGNMENT``, as collecting wrote it.
    notebook : str
        The notebook's name, without ``.ipynb``.
    source : NotebookNode
        The instructor's notebook.
    plan : Plan
        Its plan.
    caps : Caps, optional
        How much it may hold.
    known : collection of str
        Other files that belong there, e.g. the assignment's other notebooks.
    given : list of Given, optional
        The cells as they were released; worked out from the source if omitted.

    Returns
    -------
    Intake
        Always, whatever the student handed in.
    """
    caps, name = caps or Caps(), f"{notebook}.ipynb"
    intake = Intake(folder.parent.name, notebook, "refused")
    try:
        others = [n for n in beside(folder, caps.files) if n not in (name, TIMESTAMP, *known)]
        intake.timestamp = _timestamp(folder, intake.reasons)
        try:
            content = read_regular(folder, name, caps.size)
        except MissingError as error:
            raise RefusedError(f"{error} {_instead(others)}".strip()) from None
        intake.digest = hashlib.sha256(content).hexdigest()
        loose = read_loosely(content, caps.cells, caps.values)
    except RefusedError as error:
        intake.reasons.insert(0, str(error))
        return intake
    filled = fill(source, loose, caps.cell, caps.pictures, given)
    intake.cells, intake.submission = filled.notebook, submission_from(filled.notebook, plan)
    for absent in filled.missing:
        intake.submission.answers.pop(absent, None)
    intake.status = "repaired" if filled.repairs else "accepted"
    intake.reasons = [*filled.repairs, *intake.reasons]
    if others:
        listed = ", ".join(map(shown, others[:5])) + (" and more" if len(others) > 5 else "")
        intake.reasons.append(f"Only the notebook is graded; without effect beside it: {listed}.")
    return intake


def parse_timestamp(text: str) -> datetime | None:
    """Read a time as nbgrader writes it; in UTC, without a zone; None if it is none."""
    from nbgrader.utils import parse_utc

    try:
        return parse_utc(text.strip()) if text.strip() else None
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None


def _timestamp(folder: Path, reasons: list[str]) -> datetime | None:
    try:
        text = read_regular(folder, TIMESTAMP, 100).decode("ascii", "replace")
    except MissingError:
        return None
    except RefusedError as error:
        reasons.append(f"The time of handing in is not known: {error}")
        return None
    found = parse_timestamp(text)
    if found is None:
        reasons.append(f"The time of handing in is not known: {TIMESTAMP} holds no time.")
    return found


def _instead(others: list[str]) -> str:
    found = [shown(name) for name in others if name.endswith(".ipynb")]
    return f"Handed in instead: {', '.join(found[:5])}." if found else ""
