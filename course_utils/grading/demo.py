"""Grade two made-up submissions and print their marks: ``make grade-demo``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.assignments import exercises, source_notebook
from course_utils.book import root_folder
from course_utils.grading import bank


def made_up_answers(root: Path, assignment: str, source: NotebookNode) -> dict[str, dict[str, str]]:
    """Make the answers of two students.

    Parameters
    ----------
    root : Path
        The course's folder.
    assignment : str
        Which assignment.
    source : NotebookNode
        Its source.

    Returns
    -------
    dict of str to dict
        Student → grade_id of a solution cell → text. "careful" has everything right; "hasty" has, of
        every second exercise, a wrong answer of the bank that passes the visible tests.
    """
    right = bank.reference_answers(source)
    wrong = [a for a in bank.read_bank(root / "solutions" / assignment / "bank") if a.kind == "wrong"]
    hasty = dict(right)
    for number in range(2, len(exercises(source)), 2):
        chosen = next(a for a in wrong if a.exercise == f"ex{number}" and a.passes_visible)
        hasty[f"ex{number}_answer"] = chosen.source
    return {"careful": right, "hasty": hasty}


def grade(root: Path, assignment: str) -> dict[str, dict[str, float]]:
    """Release, hand in and grade the made-up submissions in a temporary folder.

    Returns
    -------
    dict of str to dict
        Student → grade_id of each test cell → points.
    """
    from nbgrader.api import Gradebook

    source = source_notebook(root, assignment)
    with tempfile.TemporaryDirectory() as temporary:
        course = Path(temporary).resolve()
        settings = (root / "nbgrader_config.py").read_text(encoding="utf-8")
        if shutil.which("bwrap") is None:  # these answers are the course's own
            settings += "c.MarkApart.unsafe_no_sandbox = True\n"
        (course / "nbgrader_config.py").write_text(settings, encoding="utf-8")
        shutil.copytree(root / "solutions" / assignment, course / "solutions" / assignment)
        _run(course, "-m", "nbgrader", "generate_assignment", assignment)
        release = nbformat.read(course / "assignments" / assignment / f"{assignment}.ipynb", as_version=4)
        students = made_up_answers(root, assignment, source)
        for student, answers in students.items():
            folder = course / "class" / "submitted" / student / assignment
            folder.mkdir(parents=True)
            nbformat.write(bank.submission(release, answers), folder / f"{assignment}.ipynb")
        _run(course, "-m", "course_utils", "grade", assignment)
        with Gradebook(f"sqlite:///{course / 'class' / 'gradebook.db'}", "image-classification") as gradebook:
            return {
                student: {
                    grade.name: grade.auto_score
                    for grade in gradebook.find_submission_notebook(assignment, assignment, student).grades
                    if grade.auto_score is not None
                }
                for student in students
            }


def _run(course: Path, *arguments: str) -> None:
    """Run a command of Python's in the course's folder; show what it said if it fails."""
    done = subprocess.run([sys.executable, *arguments], cwd=course, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments[-2:])} failed:\n{done.stdout}{done.stderr}")


def main(assignment: str = "ps1_first_classifiers") -> None:
    """Print the marks table."""
    root = root_folder()
    listed = exercises(source_notebook(root, assignment))
    marks = {student: bank.by_exercise(points) for student, points in grade(root, assignment).items()}
    width = max(len(exercise["title"]) for exercise in listed)
    print(" " * width, "points", *(f"{student:>8}" for student in marks))
    for exercise in listed:
        given = [marks[student].get(exercise["id"]) for student in marks]
        cells = [f"{'by hand' if value is None else format(value, 'g'):>8}" for value in given]
        print(f"{exercise['title']:{width}} {exercise['points']:6}", *cells)
    totals = [f"{sum(points.values()):8g}" for points in marks.values()]
    print(f"{'marked by tests':{width}} {100:6}", *totals)


if __name__ == "__main__":
    main()
