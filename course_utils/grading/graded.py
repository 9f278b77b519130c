"""The graded notebook: what formgrader and feedback read, with a verdict in nbgrader's own terms.

nbgrader works out points from outputs (an error is 0, a number is partial credit, anything else is all), so
each test cell gets an output that says what the verdict says. Everything a student wrote has gone through
`course_utils.grading.sanitise`. What instructors read is in outputs, what students may read in
``cell.metadata["course"]["for_student"]``.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from course_utils.grading import sanitise
from course_utils.grading.pictures import redrawn
from course_utils.grading.verdict import CellVerdict

if TYPE_CHECKING:
    from course_utils.grading.intake import Intake
    from course_utils.grading.verdict import Verdict

_REFUSED = "Nothing was graded: the submission was refused."
#: Pictures of one notebook, and characters of text, that are shown as they were meant.
_PICTURES, _TEXT = 20, 100_000


def graded_notebook(
    intake: Intake, verdict: Verdict | None, key: str, source: NotebookNode | None = None
) -> NotebookNode:
    """Write the notebook that formgrader and feedback show.

    Parameters
    ----------
    intake : Intake
        What was taken in.
    verdict : Verdict or None
        What came of it; None if it was refused.
    key : str
        Stands in ``metadata.course.key``: says which verdict the notebook shows.
    source : NotebookNode, optional
        The instructor's notebook, for a refused submission, whose tests are then shown with 0 points. Without
        it the notebook has the reason only.

    Returns
    -------
    NotebookNode
        nbgrader's `determine_grade` on its cells gives exactly the verdict's points.
    """
    refused = verdict is None or intake.cells is None
    notebook = copy.deepcopy(source if refused else intake.cells) or nbformat.v4.new_notebook()
    cells = {} if verdict is None or refused else {cell.name: cell for cell in verdict.cells}
    answers = {} if verdict is None else {answer.name: answer.message for answer in verdict.answers}
    room, text, last, follows = _PICTURES, _TEXT, "", 0
    for cell in notebook.cells:
        info = cell.metadata.get("nbgrader", {})
        name = str(info.get("grade_id") or cell.get("id") or "")
        own = name.startswith("student-") and not info
        if cell.cell_type == "code" and info.get("grade") and not info.get("solution"):
            _test(cell, cells.get(name) or CellVerdict(name, 0.0, float(info["points"]), "failed", _REFUSED))
        elif refused and info.get("solution"):
            _withheld(cell)
        elif cell.cell_type == "code" and (info.get("solution") or own):
            follows = follows + 1 if own else 0
            said = answers.get(f"{last or 'top'}+{follows}" if own else name, "")
            room -= _answer(cell, said, room)
        elif info.get("solution") or own:
            text -= min(len(cell.source), sanitise.LONGEST)
            room -= _written(cell, room, is_read=text >= 0)
        elif cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if cell.cell_type == "code" and not own:
            last, follows = name, 0
    reasons = [sanitise.visible(reason, 1_000) for reason in intake.reasons]
    about = {"key": key, "status": "refused" if refused else intake.status, "reasons": reasons}
    notebook.metadata["course"] = {**notebook.metadata.get("course", {}), **about}
    if intake.status != "accepted" or refused:
        notebook.cells.insert(0, _banner(about))
    return notebook


def _test(cell: NotebookNode, verdict: CellVerdict) -> None:
    """Give a test cell the output from which nbgrader works out the points."""
    cell.outputs, cell.execution_count = [], None
    if verdict.printed:
        shown = sanitise.visible(verdict.printed)
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=shown))
    if verdict.points >= verdict.maximum and verdict.status in ("passed", "partial"):
        pass
    elif verdict.status in ("passed", "partial"):
        data = {"text/plain": repr(float(verdict.points))}
        cell.outputs.append(nbformat.v4.new_output("execute_result", data, execution_count=None))
    else:
        cell.outputs.append(_error(verdict.status, verdict.for_instructor or verdict.for_student))
    cell.metadata["course"] = {
        **cell.metadata.get("course", {}),
        "status": verdict.status,
        "for_student": sanitise.visible(verdict.for_student),
        "points": verdict.points,
        "maximum": verdict.maximum,
        "beside": verdict.beside,
    }


def _answer(cell: NotebookNode, message: str, room: int) -> int:
    """Clean a student's code cell; return how many of its pictures were looked at."""
    handed_in = [output.get("data", {}) for output in cell.get("outputs", [])]
    cell.source = sanitise.visible_code(cell.source)
    cell.outputs, cell.execution_count, tried = [], None, 0
    for data in handed_in:
        encoded = next((data[kind] for kind in ("image/png", "image/jpeg") if kind in data), None)
        drawn = redrawn(encoded) if encoded is not None and tried < room else None
        tried += encoded is not None
        if drawn is not None:
            data = {"image/png": drawn, "text/plain": "A picture as it was handed in."}
            alt = {"alt": "Picture as it was handed in; it was not drawn while grading."}
            cell.outputs.append(nbformat.v4.new_output("display_data", data, metadata={"image/png": alt}))
    if message:
        cell.outputs.append(_error("did not run to its end", message))
        cell.metadata["course"] = {
            **cell.metadata.get("course", {}),
            "for_student": sanitise.visible(message),
        }
    return tried


def _written(cell: NotebookNode, room: int, is_read: bool) -> int:
    """Clean a student's text; return how many pictures it may have.

    One that is as it was released stays, since nbgrader gives it 0. Where a notebook has very much text, the
    rest is shown without being read as Markdown, which takes time.
    """
    from nbgrader.utils import compute_checksum

    info = cell.metadata.get("nbgrader")
    attachments, count = cell.pop("attachments", None), 0
    if not info or info.get("checksum") != compute_checksum(cell):
        if is_read:
            count = min(room, sanitise.PICTURES, cell.source.count("attachment:"))
            cell.source = sanitise.markdown(cell.source, attachments, count)
        else:
            cell.source = sanitise.unread(cell.source)
        cell.cell_type = "markdown"
    return count


def _withheld(cell: NotebookNode) -> None:
    """Replace an answer of the instructor's where there is none of the student's."""
    from nbgrader.utils import compute_checksum

    cell.source = "Nothing was graded." if cell.cell_type == "markdown" else "# Nothing was graded."
    cell.pop("attachments", None)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if cell.metadata.nbgrader.get("grade"):
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)  # 0 points, and nobody need look


def _error(name: str, text: str) -> NotebookNode:
    shown = sanitise.visible(text)
    return nbformat.v4.new_output("error", ename=name, evalue="", traceback=[f"{name}: {shown}"])


def _banner(about: dict[str, Any]) -> NotebookNode:
    """Say on top why a submission was refused or repaired."""
    refused = about["status"] == "refused"
    title = "Refused: nothing of it was graded" if refused else "Repaired before grading"
    text = f"**{title}**\n\n" + "\n".join(f"- {_plain(reason)}" for reason in about["reasons"])
    return nbformat.v4.new_markdown_cell(sanitise.markdown(text), id="course-intake")


def _plain(text: str) -> str:
    """Put a sentence that may quote a student's file names into Markdown as text."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|$~&:" else " " if c == "\n" else c for c in text)
