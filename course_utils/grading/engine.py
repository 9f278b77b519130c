"""Mark a class: take in what was handed in, mark what is stale, write each verdict once.

Everything that touches the gradebook and the files happens in this process, one notebook after another; lanes
mark meanwhile. The gradebook's transaction comes first, the graded notebook after it, from the same verdict:
a process that is killed in between finds on the next run that the notebook is missing, and writes it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from course_utils.grading import gradedfiles, keys
from course_utils.grading.cluster import Cluster
from course_utils.grading.coursefolder import CourseError, CourseFolder, alike, unusable
from course_utils.grading.enrol import EnrolError, prepared
from course_utils.grading.gradebook import Gradebook
from course_utils.grading.graded import graded_notebook
from course_utils.grading.handed_in import RefusedError, read_regular
from course_utils.grading.intake import TIMESTAMP, Caps, Intake, parse_timestamp, take_in
from course_utils.grading.lane import preloads
from course_utils.grading.lanes import Lanes, default_workers
from course_utils.grading.lateness import penalty_from
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.limits import Limits
from course_utils.grading.outcomes import Outcome, Run
from course_utils.grading.plan import Plan, PlanError, make_plan
from course_utils.grading.progress import Progress
from course_utils.grading.records import StoredVerdict
from course_utils.grading.session import Profile
from course_utils.grading.units import Unit
from course_utils.grading.verdict import Verdict
from course_utils.grading.writer import Writer

#: After so many submissions in a row whose marks can't be written, something is wrong with the gradebook.
_PATIENCE = 3


@dataclass(frozen=True)
class Settings:
    """How to mark.

    Attributes
    ----------
    students : list of str
        Only these; all if empty.
    limits : Limits
        Of each submission.
    workers : int or None
        How many are marked at once; what suits the machine if None.
    regrade : str
        ``"stale"`` (what changed, or depends on what changed), ``"all"``, or ``"none"`` (only what has no
        verdict yet).
    dry_run : bool
        Whether to write nothing and mark nothing.
    unsafe : bool
        Whether to run student code without a sandbox.
    scheduler : str or None
        Address of a Dask scheduler whose workers mark; this machine if None.
    """

    students: list[str] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    workers: int | None = None
    regrade: str = "stale"
    dry_run: bool = False
    unsafe: bool = False
    scheduler: str | None = None


class _GivenUp(Exception):
    """It makes no sense to go on."""


@dataclass
class _Item:
    """A notebook that a student handed in, or should have."""

    student: str
    folder: Path
    notebook: str
    stored: StoredVerdict | None = None
    why: list[str] = field(default_factory=list)
    began: float = 0.0


class Engine:
    """Mark one assignment of a class.

    Parameters
    ----------
    course : CourseFolder
        Where everything lies.
    assignment : str
        Which one.
    settings : Settings
        How to mark.
    progress : Progress
        Is told how it goes.

    Raises
    ------
    CourseError
        If the assignment or what was handed in can't be found or planned.
    """

    def __init__(self, course: CourseFolder, assignment: str, settings: Settings, progress: Progress) -> None:
        self.course, self.assignment, self.settings, self.progress = course, assignment, settings, progress
        self.sources = course.sources(assignment)
        self.plans: dict[str, Plan] = {}
        for name, source in self.sources.items():
            try:
                self.plans[name] = make_plan(source)
            except PlanError as error:
                raise CourseError(f"{name}.ipynb of {assignment}: {error}") from None
        self.common = {name: keys.common(source, settings.limits) for name, source in self.sources.items()}
        self.handed_in = course.handed_in(assignment, settings.students)
        self.book: Gradebook | Writer | None = None
        self.lanes: Lanes | Cluster | None = None
        self.profiles: dict[str, Profile | str] = {}
        self.rehearsals: dict[str, Future[Profile]] = {}
        self.collected: dict[str, datetime | None] = {}
        self.result = Run(assignment)
        self._failures = 0

    def run(self) -> Run:
        """Mark.

        Returns
        -------
        Run
            What became of every notebook; also if it is interrupted (Ctrl-C).

        Raises
        ------
        GradebookError, CourseError, SandboxError
            If nothing can be marked.
        """
        began = time.monotonic()
        try:
            self._start_early()
            self._open()
            self._mark(list(self._look(self._items())))
            self._refresh()
        except _GivenUp as error:
            self._note(str(error))
        except KeyboardInterrupt:
            self.result.interrupted = True
        finally:
            if self.lanes is not None:
                self.lanes.close()
            if self.book is not None:
                self.book.close()
        self.result.seconds = round(time.monotonic() - began, 3)
        return self.result

    def _open(self) -> None:
        """Open the gradebook, and enter the assignment."""
        if self.settings.dry_run:
            self.book = Gradebook(self.course.db_url)
            return
        folder = self.course.path(self.course.directory.source_directory, ".", self.assignment)
        try:
            saved = {
                name: prepared(source, name, self.assignment, folder, self.course.config)
                for name, source in self.sources.items()
            }
        except EnrolError as error:
            raise CourseError(str(error)) from None
        penalty = penalty_from(self.course.config)
        task = f"course grade {self.assignment}"
        self.book = writer = Writer(self.course.db_url, self.course.directory.course_id, penalty, task)
        writer.enrol(self.assignment, saved)

    def _items(self) -> list[_Item]:
        """List all notebooks that there should be."""
        assert self.book is not None
        stored = {(one.student, one.notebook): one for one in self.book.stored(self.assignment)}
        for pair in alike([one.student for one in self.handed_in]):
            self._note(f"{pair} differ in case only: each is marked as a student of their own.")
        items = [
            _Item(one.student, one.folder, name, stored.get((one.student, name)))
            for one in self.handed_in
            for name in self.sources
        ]
        self.result.total = len(items)
        self.progress.start(len(items))
        return items

    def _look(self, items: Iterable[_Item]) -> Iterable[_Item]:
        """Sort out what can't be marked and, quickly, what is as it was."""
        for item in items:
            wrong = unusable(item.student)
            if wrong:
                self._done(Outcome(item.student, item.notebook, "failed", reasons=[f"{wrong}."]))
            elif item.stored is not None and self._is_as_before(item, item.stored):
                self._unchanged(item, item.stored)
            else:
                yield item

    def _is_as_before(self, item: _Item, stored: StoredVerdict) -> bool:
        """Compare the file's digest and the rest of the key, without reading what is in the file."""
        if self.settings.regrade == "all" or stored.status == "refused":
            return False
        key = {"answers": stored.key.get("answers"), **self.common[item.notebook]}
        if self.settings.regrade == "stale" and keys.why(stored.key, key):
            return False
        try:
            content = read_regular(item.folder, f"{item.notebook}.ipynb", Caps().size)
        except RefusedError:
            return False
        if hashlib.sha256(content).hexdigest() != stored.digest or not self._is_shown(item, stored):
            return False
        try:
            time_ = parse_timestamp(read_regular(item.folder, TIMESTAMP, 100).decode("ascii", "replace"))
        except RefusedError:
            time_ = None
        self.collected[item.student] = time_
        return True

    def _mark(self, items: list[_Item]) -> None:
        """Take in and mark, a few ahead of the lanes; write what comes back."""
        pending: dict[Future[str], tuple[_Item, Intake, keys.Key]] = {}
        waiting = iter(items)
        if isinstance(self.lanes, Lanes):
            self.lanes.left = len(items)
        while True:
            ahead = 2 * self.lanes.workers if self.lanes is not None else 1
            while len(pending) < ahead and (item := next(waiting, None)) is not None:
                intake, key = self._take_in(item)
                if not item.why:
                    self._keep(item, intake, key)
                elif self.settings.dry_run:
                    self._done(Outcome(item.student, item.notebook, "to mark", item.why, intake.reasons))
                elif intake.submission is None:
                    self._write(item, intake, key, None)
                else:
                    profile = self._profile(item.notebook, len(items))
                    if isinstance(profile, str):
                        self._failed(item, profile)
                        continue
                    unit = self._unit(item, intake, profile)
                    assert self.lanes is not None
                    item.began = time.monotonic()
                    pending[self.lanes.mark(unit)] = (item, intake, key)
            if not pending:
                return
            done = wait(pending, return_when=FIRST_COMPLETED).done
            for future in [one for one in pending if one in done]:
                item, intake, key = pending.pop(future)
                try:
                    verdict = Verdict.from_json(future.result())
                except Exception as error:
                    self._failed(item, f"{error or type(error).__name__}")
                else:
                    self._write(item, intake, key, verdict)

    def _take_in(self, item: _Item) -> tuple[Intake, keys.Key]:
        """Take a notebook in and say in ``item.why`` what makes its verdict stale."""
        source, plan = self.sources[item.notebook], self.plans[item.notebook]
        others = {f"{name}.ipynb" for name in self.sources}
        intake = take_in(item.folder, item.notebook, source, plan, known=others)
        key = keys.with_answers(self.common[item.notebook], intake)
        item.why = keys.why(item.stored.key if item.stored else None, key)
        if item.stored is not None and self.settings.regrade == "none":
            item.why = []
        elif self.settings.regrade == "all":
            item.why = item.why or ["asked for"]
        return intake, key

    def _start(self, submissions: int) -> Lanes | Cluster:
        """Start what marks: lanes on this machine, or on a scheduler's workers."""
        preload = tuple(sorted({name for plan in self.plans.values() for name in preloads(plan)}))
        limits, unsafe = self.settings.limits, self.settings.unsafe
        if self.settings.scheduler is not None:
            return Cluster(self.settings.scheduler, limits, preload, unsafe)
        workers = self.settings.workers or default_workers(limits, submissions)
        return Lanes(workers, limits, preload, unsafe, submissions)

    def _profile(self, notebook: str, submissions: int) -> Profile | str:
        """Rehearse a notebook once; give a text where the instructor's own answers can't be marked."""
        if self.lanes is None:
            self.lanes = self._start(submissions)
        if notebook not in self.profiles:
            first = self.rehearsals.pop(notebook, None) or self.lanes.rehearse(self.plans[notebook])
            try:
                self.profiles[notebook] = first.result()
            except JudgeError as error:
                self._note(f"{notebook}.ipynb can't be marked: {error}")
                self.profiles[notebook] = f"{notebook}.ipynb can't be marked, see above."
        return self.profiles[notebook]

    def _start_early(self) -> None:
        """Let a lane import what it needs while this process does, where something is to be marked surely."""
        folders = [self.course.graded(one.student, self.assignment) for one in self.handed_in]
        if self.settings.dry_run or self.settings.scheduler is not None or all(map(Path.is_dir, folders)):
            return
        self.lanes = self._start(len(folders) * len(self.sources))
        first = next(iter(self.plans))
        self.rehearsals[first] = self.lanes.rehearse(self.plans[first])

    def _unit(self, item: _Item, intake: Intake, profile: Profile) -> Unit:
        assert intake.submission is not None
        assert self.lanes is not None
        return Unit(
            self.plans[item.notebook],
            intake.submission,
            profile,
            self.settings.limits,
            self.lanes.preload,
            self.settings.unsafe,
        )

    def _keep(self, item: _Item, intake: Intake, key: keys.Key) -> None:
        """Leave a verdict as it is; put its notebook right where that is missing or shows other pictures."""
        stored = item.stored
        assert stored is not None
        same_answers = key["answers"] == stored.key.get("answers")
        if isinstance(self.book, Writer) and same_answers:
            if (intake.digest, intake.status, intake.reasons) != (
                stored.digest,
                stored.status,
                stored.reasons,
            ):
                self.book.keep(self.assignment, intake)
            if not self._put(item, intake, stored.key, stored.verdict):
                return
        self.collected[item.student] = intake.timestamp
        self._unchanged(item, stored)

    def _write(self, item: _Item, intake: Intake, key: keys.Key, verdict: Verdict | None) -> None:
        """Write marks and verdict, then the graded notebook."""
        assert isinstance(self.book, Writer)
        try:
            self.book.write(self.assignment, intake, verdict, key)
        except Exception as error:  # an instructor's plugin may raise anything
            self._failed(item, f"its marks can't be written: {error or type(error).__name__}")
            self._failures += 1
            if self._failures >= _PATIENCE:
                raise _GivenUp(f"Stopped: marks could not be written {_PATIENCE} times in a row.") from error
            return
        self._failures = 0
        if not self._put(item, intake, key, verdict):
            return
        status = "refused" if verdict is None else "marked"
        seconds = round(time.monotonic() - item.began, 3) if item.began else 0.0
        outcome = Outcome(item.student, item.notebook, status, item.why, intake.reasons, seconds=seconds)
        self._done(_with_points(outcome, verdict))

    def _put(self, item: _Item, intake: Intake, key: keys.Key, verdict: Verdict | None) -> bool:
        """Write the graded notebook unless it is there; say whether it is there now."""
        stamp = keys.stamp(key, intake.digest)
        path = self._path(item)
        if gradedfiles.shows(path, stamp):
            return True
        mode = 0o664 if self.course.directory.groupshared else 0o444
        try:
            notebook = graded_notebook(intake, verdict, stamp, self.sources[item.notebook])
            gradedfiles.put(path, notebook, intake.timestamp, mode)
        except Exception as error:
            self._failed(item, f"marked, but its graded notebook can't be written: {error}")
            return False
        return True

    def _is_shown(self, item: _Item, stored: StoredVerdict) -> bool:
        return gradedfiles.shows(self._path(item), keys.stamp(stored.key, stored.digest))

    def _refresh(self) -> None:
        """Bring penalties up to date where nothing else changed."""
        try:
            if isinstance(self.book, Writer):
                self.book.refresh(self.assignment, self.collected)
        except Exception as error:  # an instructor's plugin may raise anything
            self._note(f"Penalties for being late could not be brought up to date: {error}")

    def _path(self, item: _Item) -> Path:
        return self.course.graded(item.student, self.assignment) / f"{item.notebook}.ipynb"

    def _unchanged(self, item: _Item, stored: StoredVerdict) -> None:
        outcome = Outcome(item.student, item.notebook, "unchanged", reasons=stored.reasons)
        self._done(_with_points(outcome, stored.verdict))

    def _failed(self, item: _Item, reason: str) -> None:
        self._done(Outcome(item.student, item.notebook, "failed", item.why, [reason]))

    def _done(self, outcome: Outcome) -> None:
        self.result.outcomes.append(outcome)
        self.progress.done(outcome)

    def _note(self, text: str) -> None:
        self.result.notes.append(text)
        self.progress.note(text)


def _with_points(outcome: Outcome, verdict: Verdict | None) -> Outcome:
    if verdict is not None:
        marked = [cell for cell in verdict.cells if cell.status != "by hand"]
        outcome.points = verdict.total
        outcome.maximum = sum(cell.maximum for cell in marked)
    return outcome
