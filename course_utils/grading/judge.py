"""Mark a submission: its cells run in a worker process, the instructor's tests here, proxies between them.

The steps of an assignment (`course_utils.grading.plan`) run in order. Setup cells run in both processes, a
student's cells only in the worker, test cells only here, unchanged: each name that an answer defines and a
test uses stands for what the student's process holds under it. A worker that is too slow, ends or breaks the
protocol costs the cell in which it does so; a new one runs the student's cells again for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from course_utils.grading import beside, reports
from course_utils.grading.channel import Worker
from course_utils.grading.lifeline import Allowance, JudgeError, Lifeline
from course_utils.grading.plan import Plan, Step, Submission
from course_utils.grading.session import Profile, Session, WorkerStopped
from course_utils.grading.trusted import OutOfTime, Trusted
from course_utils.grading.verdict import AnswerVerdict, CellVerdict, Verdict, clean

__all__ = ["Allowance", "JudgeError", "grade", "rehearse"]


def rehearse(plan: Plan, start: Callable[[], Worker], allowance: Allowance | None = None) -> Profile:
    """Mark the instructor's own answers and keep what kinds of values they gave where.

    Returns
    -------
    dict
        The profile that `grade` compares a submission with. It is plain data and can be stored.

    Raises
    ------
    JudgeError
        If they do not earn everything.
    """
    profile: Profile = {}
    verdict = _Judge(plan, plan.reference, start, profile, allowance or Allowance(), record=True).run()
    lost = [cell for cell in verdict.cells if cell.status != "by hand" and cell.points != cell.maximum]
    if lost:
        what = "; ".join(f"{cell.name}: {cell.for_instructor.strip()[-300:]}" for cell in lost)
        raise JudgeError(f"the instructor's own answers lose points when tests run in two processes. {what}")
    return profile


def grade(
    plan: Plan,
    submission: Submission,
    start: Callable[[], Worker],
    profile: Profile | None,
    allowance: Allowance | None = None,
) -> Verdict:
    """Mark one submission.

    Parameters
    ----------
    plan : Plan
        The assignment.
    submission : Submission
        The student's cells.
    start : callable
        Starts a worker process, in its sandbox.
    profile : dict or None
        What `rehearse` gave for the same plan. None where the instructor's answers lose points: then objects
        of students' are let through everywhere, but no operator of theirs is called.
    allowance : Allowance, optional
        Limits of time.

    Returns
    -------
    Verdict
        Always: whatever the student's code does.

    Raises
    ------
    JudgeError
        If the assignment's own setup fails, or a worker can't be started.
    """
    return _Judge(plan, submission, start, profile, allowance or Allowance()).run()


class _Judge:
    def __init__(
        self,
        plan: Plan,
        submission: Submission,
        start: Callable[[], Worker],
        profile: Profile | None,
        allowance: Allowance,
        record: bool = False,
    ) -> None:
        self.plan, self.submission, self.allowance = plan, submission, allowance
        self.worker = Lifeline(start, allowance, profile, record)
        self.verdict = Verdict(deaths=self.worker.deaths)
        self.trusted = Trusted(self.allowance.output)
        self.used: set[str] = set()
        self.begun = False  # whether code of the student's has run

    def run(self) -> Verdict:
        """Go through all steps; cells of the student's own before the first answer run right before it."""
        waiting: list[str] | None = [""]
        try:
            with self.trusted:
                for step in self.plan.steps:
                    if waiting is not None and step.kind not in ("setup", "by hand"):
                        self.remember()
                        for name in waiting:
                            self.student_cells(name)
                        waiting = None
                    self.step(step)
                    if waiting is None:
                        self.student_cells(step.name)
                    else:
                        waiting.append(step.name)
        finally:
            self.worker.close()
        return self.verdict

    def remember(self) -> None:
        """Let the worker keep what the library is, before student code runs in it."""
        try:
            self.worker.tell("remember", sorted(self.plan.library))
        except WorkerStopped as stop:
            raise _not_begun(stop) from None

    def step(self, step: Step) -> None:
        """Do what one step asks for."""
        if step.kind == "setup":
            fault = self.trusted.run(step.name, step.source, self.allowance.cell)
            if fault is not None:
                raise JudgeError(f"the setup cell {step.name} fails: {reports.trace(fault)}")
            self.student_cell(step.name, step.released, own=False)
        elif step.kind == "student setup":
            self.student_cell(step.name, step.released, own=False)
        elif step.kind == "answer":
            self.trusted.run(step.name, self.plan.answer_imports[step.name], self.allowance.cell)
            if step.name in self.submission.answers:
                self.student_cell(step.name, self.submission.answers[step.name])
            else:
                missing = AnswerVerdict(step.name, "missing", "the answer's cell is missing")
                self.verdict.answers.append(missing)
        elif step.kind != "by hand":
            self.mark(step)
        if step.kind == "by hand" or (step.kind == "answer" and step.points):
            self.verdict.cells.append(CellVerdict(step.name, 0.0, step.points, "by hand"))

    def student_cells(self, after: str) -> None:
        """Run the cells that the student added after a step."""
        for number, source in enumerate(self.submission.added.get(after, []), 1):
            self.student_cell(f"{after or 'top'}+{number}", source)

    def student_cell(self, name: str, source: str, own: bool = True) -> None:
        """Run a cell where student code runs, and note what came of it."""
        status, message = "ran", ""
        self.begun |= own
        try:
            self.worker.tell("run", name, source)
        except JudgeError:
            raise
        except WorkerStopped as stop:
            if not self.begun:
                raise _not_begun(stop) from None
            status, message = ("late" if stop.late else "stopped"), stop.reason
        except Exception as error:
            status, message = "raised", reports.for_student(error, self.submission, hidden=False)
        if own:
            self.verdict.answers.append(AnswerVerdict(name, status, clean(message)))

    def mark(self, step: Step) -> None:
        """Run a test cell and note what it earns."""
        began = time.monotonic()
        cell = CellVerdict(step.name, 0.0, step.points, "failed", beside=step.kind == "beside")
        fault: BaseException | None
        value: object
        try:
            if step.kind == "beside":
                fault, value = self.worker.act(lambda session: beside.run(session, step, self.plan)), None
            else:
                fault, value = self.worker.act(lambda session: self.test(session, step))
        except JudgeError:
            raise
        except (WorkerStopped, Exception) as error:  # the worker's answer to the judge itself was an error
            fault, value = error, None
        if fault is None:
            cell.points, cell.status, cell.for_instructor = self.earned(step, value)
            cell.for_student = "" if cell.status == "passed" else f"{cell.points:g} of {step.points:g} points"
        else:
            late = isinstance(fault, OutOfTime) or (isinstance(fault, WorkerStopped) and fault.late)
            cell.status = "late" if late else "stopped" if isinstance(fault, WorkerStopped) else "failed"
            cell.for_student = clean(reports.for_student(fault, self.submission, step.hidden, step.source))
            cell.for_instructor = clean(reports.trace(fault))
        cell.printed = clean(self.trusted.output.take(), 2000)
        cell.seconds = round(time.monotonic() - began, 3)
        self.verdict.cells.append(cell)

    def earned(self, step: Step, value: object) -> tuple[float, str, str]:
        """Give points, status and message for a cell that ran to its end.

        Where the instructor's own answers gave a number of points, something else is no such number.
        """
        profile = {} if self.worker.profile is None else self.worker.profile
        seen = profile.get(key := f"{step.name}'s value", set())
        if self.worker.record and reports.as_number(value) is not None:
            profile[key] = seen | {"number"}
        return reports.earned(value, step.points, partial="number" in seen)

    def test(self, session: Session, step: Step) -> tuple[BaseException | None, object]:
        """Run a test cell here; a second time where student code changed arguments that it should not.

        The instructor's answers left those arguments alone. The first run sees the changes, as a test that
        looks for them wants; but a test whose own reference computation uses the same arrays would compare
        one wrong value with another, so it must pass without them as well.
        """
        self.used |= self.plan.proxied & self.trusted.uses(step.source)
        fault, surprised = self.run_test(session, step, apply_changes=True)
        if surprised and fault is None:
            fault, _ = self.run_test(session, step, apply_changes=False)
        return fault, self.trusted.value

    def run_test(
        self, session: Session, step: Step, apply_changes: bool
    ) -> tuple[BaseException | None, bool]:
        """Run a test cell once; say also whether arguments changed that should not, and change them back."""
        session.apply_changes = apply_changes
        surprised = False
        try:
            self.fetch(session)
            fault = self.trusted.run(step.name, step.source, self.allowance.cell, self.plan.proxied)
        finally:
            surprised = session.undo_surprises()
        return fault or session.stopped, surprised  # a test may have caught that the worker stopped

    def fetch(self, session: Session) -> None:
        """Let the names that tests use stand for what the student's process holds under them now."""
        found = session.tell("fetch", sorted(self.used))
        for name in self.used:
            self.trusted.namespace.pop(name, None)
            packed = found.get(name) if isinstance(found, dict) else None
            if isinstance(packed, bytes):
                self.trusted.namespace[name] = session.unpack(packed, (name,))


def _not_begun(stop: WorkerStopped) -> JudgeError:
    """Make the error for a process that stopped before the student's code ran in it."""
    return JudgeError(f"before any of the student's code had run: {stop.reason}")
