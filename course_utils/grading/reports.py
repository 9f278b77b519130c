"""What to tell of a cell that did not pass: instructors learn all, students nothing of hidden tests."""

from __future__ import annotations

import re
import traceback

import numpy as np

from course_utils.grading import expect
from course_utils.grading.faults import Fault
from course_utils.grading.plan import Submission
from course_utils.grading.proxies import Refused
from course_utils.grading.session import WorkerStopped
from course_utils.grading.trusted import OutOfTime


def earned(value: object, maximum: float, partial: bool = False) -> tuple[float, str, str]:
    """Points of a test cell that ran to its end: all, or what its last expression says (partial credit).

    Parameters
    ----------
    value : object
        The last expression's.
    maximum : float
        Points of the cell.
    partial : bool
        Whether it must be a number, as it is with the instructor's own answers.

    Returns
    -------
    points : float
    status : str
    message : str
        For the instructor.
    """
    number = as_number(value)
    if number is None and not partial:
        return maximum, "passed", ""
    if number is None or not 0 <= number <= maximum:
        shown = f"a {type(value).__name__}" if number is None else number
        wrong = f"the cell's last expression is {shown}: as partial credit it must be 0 to {maximum}"
        return 0.0, "failed", wrong
    return float(number), "passed" if number == maximum else "partial", f"{number:g} of {maximum:g} points"


def as_number(value: object) -> int | float | None:
    """Give what a cell's last expression says about points; None if it is no number."""
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    return value if type(value) in (int, float) else None  # type: ignore[return-value]


def for_student(error: BaseException, submission: Submission, hidden: bool, source: str = "") -> str:
    """Say what happened in words that a student may read.

    Parameters
    ----------
    error : BaseException
        What a test or an answer raised.
    submission : Submission
        The student's cells: their own lines are quoted from here, never from what their process sends.
    hidden : bool
        Whether the cell has hidden tests: then neither its values nor messages that student code could have
        filled with its inputs are shown.
    source : str
        The test cell's; its first comment, which is released, says what it is about.

    Returns
    -------
    str
        Still to be cleaned (`course_utils.grading.verdict.clean`).
    """
    fault: Fault | None = getattr(error, "fault", None)
    about = re.match(r"\s*# *([^#\n][^\n]*)", source)
    hint = f" ({about[1].strip()})" if hidden and about else ""
    if fault is not None:
        kind = type(error).__name__ if hidden else fault.name
        text = "" if hidden or not fault.text else f": {fault.text}"
        return f"your code stopped with {kind}{text}{_place(fault, submission)}{hint}"
    if isinstance(error, OutOfTime) or (isinstance(error, WorkerStopped) and error.late):
        return f"this took too long{hint}"
    if isinstance(error, WorkerStopped):
        return f"the process that your code ran in has ended{hint}" if hidden else error.reason
    if isinstance(error, Refused):  # its text names a class, which student code could name after its inputs
        where = "an object of a class came where plain values were expected"
        return f"{where}{hint}" if hidden else str(error)
    if not hidden or (isinstance(error, AssertionError) and _raised_in_expect(error)):
        return str(error) if isinstance(error, AssertionError) and str(error) else _short(error)
    if isinstance(error, NameError) and error.name:
        return f"{error.name} is not defined{hint}"
    return f"a hidden test failed{hint}"


def trace(error: BaseException) -> str:
    """Say everything: the test's traceback and, as the student's process told it, the student's."""
    if isinstance(error, WorkerStopped | OutOfTime):
        return str(error)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<")]
    text = "".join(traceback.format_list(frames)) + _short(error)
    fault: Fault | None = getattr(error, "fault", None)
    if fault is None:
        return text
    return f"{text}\nin the student's process:\n{fault.trace}{fault.name}: {fault.text}"


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _raised_in_expect(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == expect.__file__


def _place(fault: Fault, submission: Submission) -> str:
    """Quote the student's line that the error came from."""
    for cell, number in reversed(fault.lines):
        lines = submission.answers.get(cell, "").splitlines()
        if 1 <= number <= len(lines):
            return f" in line {number} of {cell}: `{lines[number - 1].strip()[:200]}`"
    return ""
