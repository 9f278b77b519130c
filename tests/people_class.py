"""A class whose verdicts are made up: graded notebooks and a gradebook without running anybody's code."""

import nbformat
from grade_class import Course, answered, source

from course_utils.grading import gradedfiles
from course_utils.grading.coursefolder import CourseFolder
from course_utils.grading.enrol import prepared
from course_utils.grading.graded import graded_notebook
from course_utils.grading.intake import take_in
from course_utils.grading.lateness import penalty_from
from course_utils.grading.plan import make_plan
from course_utils.grading.verdict import CellVerdict, Verdict
from course_utils.grading.writer import Writer

SECRET = "the expected value is 14"
HINT = "double: wrong for some numbers. Where to look: large ones."


def verdict(double=3.0, part=2.0, **changes):
    """Make what came of a submission that earned so many points."""
    failed = {"for_student": HINT, "for_instructor": f'  File "x"\nAssertionError: {SECRET}, got 7'}
    cells = [
        CellVerdict(
            "double_test", double, 3.0, "passed" if double else "failed", **({} if double else failed)
        ),
        CellVerdict("part_test", part, 2.0, "passed" if part == 2 else "partial" if part else "failed"),
        CellVerdict("essay", 0.0, 2.0, "by hand"),
        CellVerdict("task", 0.0, 1.0, "by hand"),
    ]
    return Verdict(cells, **changes)


class Marked(Course):
    """A course folder with a class that has been marked."""

    def __init__(self, folder, notebook=None):
        notebook = notebook or source()
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# A toy\n\nFind $\\frac{x}{2}$.", id="title"))
        super().__init__(folder, notebooks={"toy": notebook})
        self.folders = CourseFolder(self.root)
        self.source = self.folders.sources("toy")["toy"]
        self.writer = Writer(self.url, "image-classification", penalty_from(self.folders.config))
        place = self.root / "solutions" / "toy"
        self.writer.enrol("toy", {"toy": prepared(self.source, "toy", "toy", place, self.folders.config)})

    def mark(self, student, made=None, notebook=None, content=None, **answers):
        """Hand a notebook in, take it in and write what is said to have come of it."""
        path = self.folder(student) / "toy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(content or nbformat.writes(notebook or answered(**answers, notebook=self.copy())))
        intake = take_in(path.parent, "toy", self.source, make_plan(self.source))
        made = None if intake.submission is None else made or verdict()
        self.writer.write("toy", intake, made, {})
        graded = graded_notebook(intake, made, "key", self.source)
        gradedfiles.put(self.graded(student), graded, intake.timestamp)
        return graded

    def copy(self):
        """Give the instructor's notebook anew."""
        return nbformat.reads(nbformat.writes(self.source), as_version=4)
