"""What became of each notebook in one run of ``course grade``, and of the run as a whole."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.verdict import clean

#: What can become of a notebook; all but the last two leave it with a verdict.
STATUSES = ("marked", "refused", "unchanged", "to mark", "failed")


@dataclass
class Outcome:
    """What became of one notebook.

    Attributes
    ----------
    student, notebook : str
        Whose, and which one.
    status : str
        ``"marked"``; ``"refused"`` (0 points, and the student is told why); ``"unchanged"`` (the stored
        verdict still holds); ``"to mark"`` (in a dry run); ``"failed"`` (no verdict: the machine or the
        assignment is at fault).
    why : list of str
        What made it stale.
    reasons : list of str
        What intake says, or why it failed.
    points, maximum : float or None
        What tests gave, and the most they could; None where there is no verdict.
    seconds : float
        How long marking took.
    """

    student: str
    notebook: str
    status: str
    why: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    points: float | None = None
    maximum: float | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say it on one line."""
        points = f", {self.points:g} of {self.maximum:g}" if self.points is not None else ""
        reasons = (
            f": {' '.join(self.reasons)}" if self.reasons and self.status in ("refused", "failed") else ""
        )
        return clean(f"{self.student}/{self.notebook} {self.status}{points}{reasons}", 1000).replace(
            "\n", " "
        )


@dataclass
class Run:
    """What became of all.

    Attributes
    ----------
    assignment : str
        Which one.
    outcomes : list of Outcome
        In the order they came to an end.
    notes : list of str
        What the instructor should know.
    seconds : float
        How long it took.
    interrupted : bool
        Whether it was broken off.
    total : int
        How many notebooks there are.
    """

    assignment: str
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    total: int = 0

    @property
    def complete(self) -> bool:
        """Whether every notebook has a verdict."""
        with_verdict = sum(outcome.status in STATUSES[:3] for outcome in self.outcomes)
        return with_verdict == self.total and not self.interrupted

    @property
    def counts(self) -> dict[str, int]:
        """How many came to what, in the order of `STATUSES`."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in STATUSES if found[status]}

    def as_json(self) -> str:
        """Write everything as JSON, notebooks in order of students."""
        data: dict[str, Any] = dataclasses.asdict(self)
        data["outcomes"].sort(key=lambda outcome: (outcome["student"], outcome["notebook"]))
        data |= {"complete": self.complete, "counts": self.counts}
        return json.dumps(data, indent=1, ensure_ascii=False)
