"""``course``, with a lane that marks in this process, and if asked for one that is killed at a given moment.

Usage: grade_command.py MOMENT NUMBER ARGUMENTS..., e.g. ``grade_command.py writing 3 grade toy``.
"""

import os
import signal
import sys

from course_utils.grading import engine, entry, lanes, writer
from course_utils.grading.verdict import CellVerdict, Verdict


class QuickLane:
    """Mark answers that one trusts where one is, by exec."""

    started = 0

    def __init__(self, limits, *, preload=(), unsafe=False):
        QuickLane.started += 1
        self.limits = limits

    def rehearse(self, plan):
        self.grade(plan, plan.reference, {})
        return {}

    def grade(self, plan, submission, profile):
        names, verdict = {}, Verdict()
        for step in plan.steps:
            if step.kind == "by hand":
                verdict.cells.append(CellVerdict(step.name, 0.0, step.points, "by hand"))
            elif step.kind == "test":
                try:
                    exec(step.source, names)
                    earned = names.pop("points", step.points)
                except Exception as error:
                    earned = 0.0
                    names["fault"] = str(error)
                verdict.cells.append(CellVerdict(step.name, float(earned), step.points, "passed"))
            else:
                exec(submission.answers.get(step.name, step.source), names)
        return verdict

    def close(self):
        pass


def die_at(moment, number):
    """Have this process killed when it comes to a moment for the so manieth time."""
    module, name = {
        "marking": (QuickLane, "grade"),
        "writing": (entry, "_remark"),
        "written": (engine.Engine, "_put"),
        "enrolling": (writer.enrol, "cells_of"),
    }[moment]
    original, count = getattr(module, name), 0

    def counted(*args):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)

    setattr(module, name, counted)


if __name__ == "__main__":
    lanes.Lane = QuickLane
    moment, number, *arguments = sys.argv[1:]
    if moment != "never":
        die_at(moment, int(number))
    sys.argv = ["course", *arguments]
    from course_utils.cli import app

    app(prog_name="course")
