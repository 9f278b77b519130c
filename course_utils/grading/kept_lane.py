"""One lane for as long as a process lives, for nbgrader's commands: they know no place to keep it."""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import pickle
from dataclasses import asdict

from course_utils.grading.lane import Lane, preloads
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan, Submission, without_answers
from course_utils.grading.session import Profile
from course_utils.grading.verdict import Verdict


class KeptLane:
    """A lane that is started when it is needed, and again when limits or assignment change."""

    def __init__(self) -> None:
        self._lane: Lane | None = None
        self._settings: tuple[Limits, bool] | None = None
        self._rehearsed: dict[str, tuple[Plan, Profile | None]] = {}

    def mark(
        self, plan: Plan, submission: Submission, limits: Limits, unsafe: bool, log: logging.Logger
    ) -> Verdict:
        """Mark a submission.

        Parameters
        ----------
        plan : Plan
            The assignment.
        submission : Submission
            The student's cells.
        limits : Limits
            Of the submission.
        unsafe : bool
            Whether to do without a sandbox.
        log : Logger
            Is warned where the instructor's own answers lose points.

        Raises
        ------
        JudgeError
            If the assignment or the machine is at fault.
        """
        lane = self._fitting(plan, limits, unsafe)
        name = json.dumps([asdict(limits), hashlib.sha256(pickle.dumps(plan)).hexdigest()])
        if name not in self._rehearsed:
            self._rehearsed[name] = _rehearse(lane, plan, log)
        return lane.grade(self._rehearsed[name][0], submission, self._rehearsed[name][1])

    def close(self) -> None:
        """End it. The next submission starts another."""
        if self._lane is not None:
            self._lane.close()
            self._lane = None

    def _fitting(self, plan: Plan, limits: Limits, unsafe: bool) -> Lane:
        wanted = set(preloads(plan))
        if (
            self._lane is not None
            and self._settings == (limits, unsafe)
            and wanted <= set(self._lane.preload)
        ):
            return self._lane
        self.close()
        self._lane, self._settings = (
            Lane(limits, preload=tuple(sorted(wanted)), unsafe=unsafe),
            (limits, unsafe),
        )
        atexit.register(self._lane.close)
        return self._lane


def _rehearse(lane: Lane, plan: Plan, log: logging.Logger) -> tuple[Plan, Profile | None]:
    """Give the profile of the instructor's answers, or none where they lose points.

    Without one, functions and objects of students' are let through everywhere, but nothing that a test
    compares or computes with: no operator of theirs is called, and arguments stay as they were.
    """
    try:
        return plan, lane.rehearse(plan)
    except JudgeError as error:
        log.warning("%s. Marking goes on without knowing what right answers give.", error)
        return without_answers(plan), None


kept = KeptLane()
