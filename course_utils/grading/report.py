"""How a class did in an assignment: what `course report` shows, worked out from the gradebook."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from course_utils.grading.records import CellMark, Mark, StoredVerdict
from course_utils.grading.similarity import Alike

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHOWN = 20
#: A submission that took so many seconds, and so many times the class's median, is slow.
_SLOW, _TIMES = 5.0, 3.0


@dataclass
class Exercise:
    """One exercise, or what belongs to none.

    Attributes
    ----------
    title : str
        Its heading.
    cells : list of tuple of str
        Notebook and grade_id of its graded cells.
    maximum : float
        Points of all of them.
    points : dict of str to float
        Student → points.
    """

    title: str
    cells: list[tuple[str, str]]
    maximum: float = 0.0
    points: dict[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> list[float]:
        """What part of the points each student got."""
        return [value / self.maximum for value in self.points.values()] if self.maximum else []

    @property
    def mean(self) -> float:
        """The class's mean share; 0 of nobody."""
        return sum(self.shares) / len(self.shares) if self.shares else 0.0

    def between(self, low: float, high: float) -> int:
        """Count the students whose share is at least ``low`` and below ``high``."""
        return sum(low <= round(share, 9) < high for share in self.shares)


@dataclass
class Failure:
    """A test that failed in one way.

    Attributes
    ----------
    cell, message : str
        The test's grade_id and what it said; of several students the shortest.
    students : list of str
        To whom.
    """

    cell: str
    message: str
    students: list[str]


@dataclass
class ClassReport:
    """What there is to say of a class.

    Attributes
    ----------
    assignment, title : str
        Its id and its heading.
    marks : list of Mark
        Everybody in the gradebook.
    exercises : list of Exercise
        In the assignment's order.
    verdicts : list of StoredVerdict
        Of all notebooks.
    alike : list of Alike
        Answers that are alike.
    """

    assignment: str
    title: str
    marks: list[Mark]
    exercises: list[Exercise]
    verdicts: list[StoredVerdict]
    alike: list[Alike] = field(default_factory=list)

    @property
    def handed_in(self) -> list[Mark]:
        """Who handed in."""
        return [mark for mark in self.marks if mark.handed_in]

    @property
    def maximum(self) -> float:
        """The most one can get."""
        return self.marks[0].maximum if self.marks else 0.0

    @cached_property
    def failures(self) -> list[Failure]:
        """What failed, the commonest first; numbers in the messages don't count as a difference."""
        groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for stored in self.verdicts:
            for cell in stored.verdict.cells if stored.verdict else []:
                if cell.status in ("failed", "late", "stopped"):
                    message = _last_line(cell.for_instructor) or cell.status
                    groups[cell.name, re.sub(r"[\d.,e+-]*\d", "#", message)].append((message, stored.student))
        found = [
            Failure(name, min((m for m, _ in those), key=len), [student for _, student in those])
            for (name, _), those in groups.items()
        ]
        return sorted(found, key=lambda f: (-len(f.students), f.cell, f.message))[:_SHOWN]

    @cached_property
    def slow(self) -> list[tuple[StoredVerdict, float, str]]:
        """Submissions whose tests took long, with their seconds and their slowest cell."""
        times = [(s, sum(c.seconds for c in s.verdict.cells)) for s in self.verdicts if s.verdict]
        ordered = sorted(seconds for _, seconds in times)
        limit = max(_SLOW, _TIMES * ordered[len(ordered) // 2]) if ordered else 0.0
        slow = [(s, seconds, _slowest(s)) for s, seconds in times if seconds >= limit]
        return sorted(slow, key=lambda found: -found[1])[:_SHOWN]

    @property
    def not_as_handed_in(self) -> list[StoredVerdict]:
        """What was refused or repaired."""
        return [stored for stored in self.verdicts if stored.status != "accepted"]

    @property
    def deaths(self) -> list[StoredVerdict]:
        """Submissions whose process had to be stopped or ended itself."""
        return [stored for stored in self.verdicts if stored.verdict and stored.verdict.deaths]

    @property
    def beside(self) -> list[str]:
        """Tests that ran in the process that student code runs in."""
        found = {name: None for s in self.verdicts if s.verdict for name in s.verdict.beside}
        return list(found)

    @cached_property
    def pairs(self) -> list[tuple[str, str, list[Alike]]]:
        """Students with answers that are alike: who has most of them comes first."""
        groups: dict[tuple[str, str], list[Alike]] = defaultdict(list)
        for found in self.alike:
            groups[found.first, found.second].append(found)
        ordered = sorted(groups.items(), key=lambda g: (-sum(a.likeness for a in g[1]), g[0]))
        return [(first, second, those) for (first, second), those in ordered]

    @property
    def histogram(self) -> list[tuple[float, float, int]]:
        """Ten classes of final points: from, to, how many."""
        step, counts = (self.maximum or 1.0) / 10, [0] * 10
        for mark in self.handed_in:
            counts[max(0, min(9, int(mark.final / step + 1e-9)))] += 1
        return [(i * step, (i + 1) * step, count) for i, count in enumerate(counts)]


def class_report(
    assignment: str,
    sources: dict[str, NotebookNode],
    marks: list[Mark],
    cell_marks: Iterable[CellMark],
    verdicts: list[StoredVerdict],
    found_alike: list[Alike] | None = None,
) -> ClassReport:
    """Put together what the gradebook holds.

    Parameters
    ----------
    assignment : str
        Its id.
    sources : dict of str to NotebookNode
        The instructor's notebooks by name.
    marks, cell_marks, verdicts : list
        What `course_utils.grading.gradebook.Gradebook` reads.
    found_alike : list of Alike, optional
        What `course_utils.grading.similarity.alike` found.

    Returns
    -------
    ClassReport
        Also of an empty class.
    """
    exercises = [exercise for name, source in sources.items() for exercise in _exercises(name, source)]
    owner = {cell: exercise for exercise in exercises for cell in exercise.cells}
    for mark in cell_marks:
        exercise = owner.get((mark.notebook, mark.cell))
        if exercise is not None and not (mark.needs_a_person and mark.manual is None):
            points = (mark.auto or 0.0) if mark.manual is None else mark.manual
            before = exercise.points.get(mark.student, 0.0)
            exercise.points[mark.student] = before + points + (mark.extra or 0.0)
    titles = [_title(source) for source in sources.values()]
    title = next(filter(None, titles), assignment)
    return ClassReport(assignment, title, marks, exercises, verdicts, found_alike or [])


def _exercises(name: str, source: NotebookNode) -> list[Exercise]:
    """Divide a notebook's graded cells as its metadata say; those that no exercise names stand alone."""
    listed: list[Any] = source.metadata.get("course", {}).get("exercises", [])
    found = {e["id"]: Exercise(e["title"] or e["id"], []) for e in listed}
    where = {cell: e["id"] for e in listed for cell in e["cells"]}
    for cell in source.cells:
        info = cell.metadata.get("nbgrader", {})
        if info.get("grade") or info.get("task"):
            grade_id = str(info["grade_id"])
            exercise = found.setdefault(where.get(grade_id, grade_id), Exercise(grade_id, []))
            exercise.cells.append((name, grade_id))
            exercise.maximum += float(info.get("points") or 0)
    return [exercise for exercise in found.values() if exercise.cells]


def _title(source: NotebookNode) -> str:
    for cell in source.cells:
        found = re.search(r"(?m)^# (.+)$", cell.source) if cell.cell_type == "markdown" else None
        if found:
            return found[1]
    return ""


def _last_line(text: str) -> str:
    """Take what a traceback says in the end, without the student's own part below it."""
    lines = text.split("\nin the student's process:")[0].strip().splitlines()
    starts = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    return "\n".join(lines[starts[-1] :])[:300] if starts else ""


def _slowest(stored: StoredVerdict) -> str:
    assert stored.verdict is not None
    return max(stored.verdict.cells, key=lambda cell: cell.seconds).name
