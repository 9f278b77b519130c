"""A small course folder with an assignment that takes milliseconds to mark, and a class that handed it in."""

import shutil
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent

RIGHT = "def double(x):\n    return FACTOR * x\n"
WRONG = "def double(x):\n    return x\n"
HALF = "def double(x):\n    return FACTOR * x if x < 5 else 0\n"
SLOW = "import time\ndef double(x):\n    time.sleep({seconds})\n    return FACTOR * x\n"

#: What nbgrader puts in place of an answer in words.
RELEASED = "YOUR ANSWER HERE"
PART = "points = 2.0 if double(7) == 14 else 1.5 if double(2) == 4 else 0"

#: Of a right answer, a wrong one, one that is right for small numbers: points of both tests together.
POINTS = {RIGHT: 5.0, WRONG: 0.0, HALF: 1.5}


def _cell(name, text, *, code=True, **kinds):
    cell = (nbformat.v4.new_code_cell if code else nbformat.v4.new_markdown_cell)(text, id=name)
    given = {"grade": False, "solution": False, "locked": False, "task": False, "points": 0, **kinds}
    if not (given["grade"] or given["task"]):
        del given["points"]
    cell.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3, **given}
    return cell


def source(test="assert double(3) == 6 and double(7) == 14", points=3):
    """Make the instructor's notebook."""
    hidden = f"# doubles\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [
        _cell("setup", "FACTOR = 2", locked=True),
        _cell(
            "double_answer",
            f"### BEGIN SOLUTION\n{RIGHT}### END SOLUTION",
            solution=True,
        ),
        _cell("double_test", hidden, grade=True, locked=True, points=points),
        _cell("part_test", f"{PART}\npoints", grade=True, locked=True, points=2),
        _cell("essay", "Why?", code=False, grade=True, solution=True, points=2),
        _cell("task", "Draw something.", code=False, task=True, locked=True, points=1),
    ]  # fmt: skip
    return notebook


def answered(code=RIGHT, essay="Because.", notebook=None):
    """Make what a student hands in."""
    filled = notebook or source()
    for cell in filled.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.split("### BEGIN HIDDEN")[0]
        if cell.id == "double_answer":
            cell.source = code
        if cell.id == "essay":
            cell.source = essay
    return filled


class Course:
    """A course folder in a test's own place."""

    def __init__(self, folder, assignment="toy", notebooks=None):
        self.root, self.assignment = Path(folder), assignment
        self.root.mkdir(exist_ok=True)
        shutil.copy(ROOT / "nbgrader_config.py", self.root)
        for name, notebook in (notebooks or {assignment: source()}).items():
            self.write(self.root / "solutions" / assignment / f"{name}.ipynb", notebook)

    @property
    def url(self):
        return f"sqlite:///{self.root / 'class' / 'gradebook.db'}"

    def folder(self, student):
        return self.root / "class" / "submitted" / student / self.assignment

    def hand_in(self, student, code=RIGHT, essay="Because.", *, name=None, time="2026-03-01 12:00:00 UTC"):
        """Put a notebook where collecting puts it."""
        self.write(self.folder(student) / f"{name or self.assignment}.ipynb", answered(code, essay))
        (self.folder(student) / "timestamp.txt").write_text(time)

    def graded(self, student, name=None):
        folder = self.root / "class" / "autograded" / student / self.assignment
        return folder / f"{name or self.assignment}.ipynb"

    def configure(self, line):
        """Add a line to nbgrader's settings."""
        path = self.root / "nbgrader_config.py"
        path.write_text(f"{path.read_text()}\n{line}\n")

    @staticmethod
    def write(path, notebook):
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
