"""What ``nbgrader autograde`` does with a submission here, as preprocessors of its two stages.

``TakeIn`` (sanitizing) takes the submission in, ``MarkApart`` (autograding) has it marked in two processes
and gives a notebook from which nbgrader's own ``SaveAutoGrades`` reads exactly the points of the verdict.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Bool

from course_utils.grading.intake import Intake, take_in
from course_utils.grading.kept_lane import kept
from course_utils.grading.limits import Limits
from course_utils.grading.nbgrader_source import Source, source_of

Resources = dict[str, Any]
#: What the graded notebook says that it was marked by; ``course grade`` takes its own for out of date.
STAMP = "nbgrader autograde"


class CourseExporter(NotebookExporter):
    """Hands a submission's file to `TakeIn` unopened; notes for `MarkApart` what came of it.

    Attributes
    ----------
    intake : Intake or None
        Of the notebook that is being graded.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.intake: Intake | None = None
        self._sources: dict[tuple[str, str], Source] = {}

    def from_filename(
        self, filename: str, resources: Resources | None = None, **more: Any
    ) -> tuple[NotebookNode, Resources]:
        """Convert a notebook file, as nbconvert's exporters do."""
        if not any(isinstance(step, TakeIn) for step in self._preprocessors):
            return super().from_filename(filename, resources, **more)
        resources = resources if resources is not None else {}
        folder, name = os.path.split(os.path.abspath(filename))
        resources["metadata"] = {"name": name.removesuffix(".ipynb"), "path": folder}
        return self.from_notebook_node(new_notebook(), resources, **more)

    def source(self, resources: Resources) -> Source:
        """Give the instructor's side of the notebook that is being graded."""
        about = resources["nbgrader"]
        key = (about["assignment"], about["notebook"])
        if key not in self._sources:
            directory = self.parent.coursedir  # type: ignore[union-attr]
            found = source_of(directory, *key, config=self.config)
            if found.outdated:
                self.log.warning(
                    "%s: %s changed since `nbgrader generate_assignment`; marked as the gradebook has it",
                    key[1],
                    ", ".join(found.outdated),
                )
            self._sources[key] = found
        return self._sources[key]


class TakeIn(NbGraderPreprocessor):
    """Put a student's answers into the instructor's notebook (`course_utils.grading.intake`)."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Do so; an empty notebook comes of what is refused."""
        exporter, about = self.parent, resources["nbgrader"]
        source = exporter.source(resources)
        intake = take_in(
            Path(resources["metadata"]["path"]),
            about["notebook"],
            source.notebook,
            source.plan,
            known=source.siblings,
            given=source.given,
        )
        exporter.intake = intake
        for reason in intake.reasons:
            self.log.warning("%s, %s, %s: %s", about["student"], about["notebook"], intake.status, reason)
        return intake.cells if intake.cells is not None else nb, resources


class MarkApart(NbGraderPreprocessor):
    """Mark in two processes what `TakeIn` has taken in.

    One cell may take as long as ``Execute.timeout`` says.
    """

    unsafe_no_sandbox = Bool(False, help="Run student code without a sandbox: only code you trust.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Do so, and write the graded notebook."""
        from course_utils.grading.graded import graded_notebook

        intake = self.parent.intake
        if intake is None:
            raise RuntimeError(
                "MarkApart must follow TakeIn: set both as nbgrader_config.py of the course does"
            )
        self.parent.intake, source = None, self.parent.source(resources)
        if intake.submission is None:
            self._nothing_earned(resources)
            return graded_notebook(intake, None, STAMP, source.notebook), resources
        verdict = kept.mark(source.plan, intake.submission, self._limits(), self.unsafe_no_sandbox, self.log)
        return graded_notebook(intake, verdict, STAMP), resources

    def _limits(self) -> Limits:
        seconds = Execute(parent=self.parent).timeout
        if seconds is None or seconds <= 0:  # nbgrader's way to say that there is no limit
            return Limits(cell=86_400.0, total=86_400.0)
        return Limits(cell=float(seconds), total=max(Limits.total, float(seconds)))

    def _nothing_earned(self, resources: Resources) -> None:
        """Enter 0 points for a refused notebook, as nbgrader does for a missing one."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            found = book.find_submission_notebook(about["notebook"], about["assignment"], about["student"])
            for grade in found.grades:
                grade.auto_score, grade.needs_manual_grade = 0, False
            book.db.commit()
