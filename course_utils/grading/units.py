"""One submission to mark, with all that it takes, as plain data: the same here and on another machine."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from course_utils.grading.lane import Lane
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan, Step, Submission
from course_utils.grading.session import Profile


@dataclass(frozen=True)
class Unit:
    """A unit of work.

    Attributes
    ----------
    plan : Plan
        The assignment's notebook.
    submission : Submission
        What was handed in.
    profile : dict of str to set of str
        What the instructor's own answers gave (`course_utils.grading.judge.rehearse`).
    limits : Limits
        Of the submission.
    preload : tuple of str
        Modules that a lane imports beforehand.
    unsafe : bool
        Whether to run without a sandbox.
    """

    plan: Plan
    submission: Submission
    profile: Profile
    limits: Limits
    preload: tuple[str, ...] = ()
    unsafe: bool = False

    def as_json(self) -> str:
        """Write everything as JSON."""
        data = dataclasses.asdict(self)
        data["plan"] |= {name: sorted(data["plan"][name]) for name in ("proxied", "library")}
        data["profile"] = {path: sorted(kinds) for path, kinds in self.profile.items()}
        return json.dumps(data, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Unit:
        """Read what `as_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        plan = data["plan"]
        return cls(
            Plan(
                [Step(**step) for step in plan["steps"]],
                frozenset(plan["proxied"]),
                frozenset(plan["library"]),
                plan["answer_imports"],
            ),
            Submission(**data["submission"]),
            {path: set(kinds) for path, kinds in data["profile"].items()},
            Limits(**data["limits"]),
            tuple(data["preload"]),
            data["unsafe"],
        )


def mark(unit: Unit, lane: Lane) -> str:
    """Mark a unit in a lane that was made with its limits.

    Parameters
    ----------
    unit : Unit
        What to mark.
    lane : Lane
        Where.

    Returns
    -------
    str
        The verdict as JSON.

    Raises
    ------
    JudgeError
        If the assignment or the machine is at fault.
    """
    return lane.grade(unit.plan, unit.submission, unit.profile).as_json()
