"""What came of a submission: plain data, the same on every run but for the seconds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

_LONGEST = 4_000
#: Control characters, other blanks than space, tab and newline, and what changes the direction of writing.
_CONTROL = r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"


@dataclass
class CellVerdict:
    """What came of one graded cell.

    Attributes
    ----------
    name : str
        Its grade_id.
    points, maximum : float
        Earned, and the most it can earn.
    status : str
        ``"passed"``, ``"partial"``, ``"failed"``, ``"late"`` (past its time), ``"stopped"`` (the process
        that student code runs in ended) or ``"by hand"`` (points are a person's).
    for_student : str
        What to tell the student: nothing of hidden tests in it.
    for_instructor : str
        All that is known, with tracebacks.
    seconds : float
        How long it took.
    printed : str
        The beginning of what was printed meanwhile.
    beside : bool
        Whether the test ran in the process that student code runs in.
    """

    name: str
    points: float
    maximum: float
    status: str
    for_student: str = ""
    for_instructor: str = ""
    seconds: float = 0.0
    printed: str = ""
    beside: bool = False


@dataclass
class AnswerVerdict:
    """What came of running one of the student's cells.

    Attributes
    ----------
    name : str
        grade_id of the answer; cells of the student's own are named after the cell that they follow.
    status : str
        ``"ran"``, ``"raised"``, ``"late"``, ``"stopped"`` or ``"missing"``.
    message : str
        Why it did not run to its end.
    """

    name: str
    status: str
    message: str = ""


@dataclass
class Verdict:
    """What came of a submission.

    Attributes
    ----------
    cells : list of CellVerdict
        All graded cells in order.
    answers : list of AnswerVerdict
        All cells of the student's, in order.
    deaths : list of str
        Why the student's process was stopped, each time.
    """

    cells: list[CellVerdict] = field(default_factory=list)
    answers: list[AnswerVerdict] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)

    @property
    def points(self) -> dict[str, float]:
        """Points of each cell that was marked here, by grade_id."""
        return {cell.name: cell.points for cell in self.cells if cell.status != "by hand"}

    @property
    def total(self) -> float:
        """All points together."""
        return sum(self.points.values())

    @property
    def beside(self) -> list[str]:
        """Tests that ran in the process that student code runs in."""
        return [cell.name for cell in self.cells if cell.beside]

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Read what `as_json` wrote.

        Raises
        ------
        ValueError
            If it is no verdict.
        """
        try:
            data = json.loads(text)
            cells = [CellVerdict(**cell) for cell in data["cells"]]
            return cls(cells, [AnswerVerdict(**answer) for answer in data["answers"]], data["deaths"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no verdict: {error}") from None

    def as_json(self, *, seconds: bool = True, indent: int | None = 1) -> str:
        """Write everything as JSON; without the seconds it is the same on every run."""
        cells = [dict(vars(cell)) for cell in self.cells]
        for cell in [] if seconds else cells:
            del cell["seconds"]
        answers = [vars(answer) for answer in self.answers]
        found = {"cells": cells, "answers": answers, "deaths": self.deaths}
        found |= {"total": self.total, "beside": self.beside}
        return json.dumps(found, indent=indent, sort_keys=True, ensure_ascii=False)


def clean(text: str, longest: int = _LONGEST) -> str:
    """Make text that student code may have written harmless to show: no control characters, no addresses."""
    text = text[: 4 * longest].encode("utf-8", "replace").decode("utf-8")
    text = re.sub(_CONTROL, "�", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", text)
    return text if len(text) <= longest else text[:longest] + "…"
