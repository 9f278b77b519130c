"""Marks as CSV that Canvas, Moodle or a spreadsheet reads."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from course_utils.grading.sanitise import visible

if TYPE_CHECKING:
    from course_utils.grading.records import Mark

    Cell = str | float | None

#: Spreadsheets take a text that begins so for a formula; they skip blanks before it.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠|%]")


def canvas(title: str, marks: list[Mark]) -> str:
    """Write what Canvas's *Grades → Import* reads: five columns of its own, then one for the assignment.

    Canvas finds a student by ``ID`` (the gradebook's ``lms_user_id``) or ``SIS Login ID`` (the student's id
    here). Who handed in nothing has an empty cell, which leaves the mark in Canvas alone.
    """
    maximum = marks[0].maximum if marks else 0.0
    rows: list[list[Cell]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
        ["    Points Possible", "", "", "", "", maximum],
    ]
    for mark in marks:
        name = ", ".join(part for part in (mark.last_name, mark.first_name) if part) or mark.student
        rows.append([name, mark.lms_user_id, "", mark.student, "", mark.final if mark.handed_in else None])
    return written(rows)


def moodle(title: str, marks: list[Mark]) -> str:
    """Write what Moodle's *Grades → Import → CSV file* reads.

    Map from ``Username`` to the user's name there, and the last column to the grade item.
    """
    rows: list[list[Cell]] = [["Username", "ID number", "First name", "Last name", "Email address", title]]
    for mark in marks:
        who = [mark.student, mark.lms_user_id, mark.first_name, mark.last_name, mark.email]
        rows.append([*who, mark.final if mark.handed_in else "-"])
    return written(rows)


def plain(title: str, marks: list[Mark]) -> str:
    """Write everything that is known of each student's mark."""
    names = "assignment student first_name last_name email lms_user_id handed_in time points penalty final"
    rows: list[list[Cell]] = [[*names.split(" "), "maximum", "waits_for_a_person"]]
    for mark in marks:
        time = mark.timestamp.isoformat(" ") if mark.timestamp else ""
        who = [mark.student, mark.first_name, mark.last_name, mark.email, mark.lms_user_id]
        points = [mark.score, mark.penalty, mark.final] if mark.handed_in else [None, None, None]
        flags = ["yes" if flag else "no" for flag in (mark.handed_in, mark.needs_a_person)]
        rows.append([title, *who, flags[0], time, *points, mark.maximum, flags[1]])
    return written(rows)


#: What ``--csv`` takes.
FORMATS: dict[str, Callable[[str, list[Mark]], str]] = {"canvas": canvas, "moodle": moodle, "plain": plain}


def written(rows: Iterable[Iterable[Cell]]) -> str:
    """Write rows as CSV: numbers as they are, texts so that no spreadsheet takes one for a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return format(round(value, 6), ".15g")
    text = visible(value, 500).replace("\n", " ").replace("\t", " ")
    if text == "-":  # Moodle's own sign for no grade
        return text
    return f"'{text}" if _FORMULA.match(text) else text
