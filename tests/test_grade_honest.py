"""Honest work unharmed: each right and wrong answer earns what the stock autograder gives it."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_utils.assignments import assignments, source_notebook
from course_utils.grading import bank
from course_utils.grading.intake import take_in
from course_utils.grading.lane import Lane, preloads
from course_utils.grading.plan import make_plan

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # wrong answers divide by 0
    pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning"),  # nbgrader's own
]
EACH = pytest.mark.parametrize("name", assignments(Path(__file__).resolve().parent.parent))
INSTALL = "    install(c)\n"


def class_of_answers(root, name):
    """Make submissions in which every answer of the bank stands once or more: student → grade_id → text."""
    exercises: dict[str, list] = {}
    for answer in bank.read_bank(root / "solutions" / name / "bank"):
        exercises.setdefault(answer.exercise, []).append(answer.source)
    most = max(map(len, exercises.values()))
    return {
        f"s{number:02d}": {f"{e}_answer": texts[number % len(texts)] for e, texts in exercises.items()}
        for number in range(most)
    }


def hand_in(root, name, course, students):
    """Make a course folder with submissions."""
    course.mkdir()
    shutil.copy(root / "nbgrader_config.py", course)
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb*")
    shutil.copytree(root / "solutions" / name, course / "solutions" / name, ignore=ignore)
    release = nbformat.read(root / "assignments" / name / f"{name}.ipynb", as_version=4)
    for student, answers in students.items():
        folder = course / "class" / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(bank.submission(release, answers), folder / f"{name}.ipynb")
    return course


def marks_by(course, name, *commands):
    """Run commands in a course; give student → cell → points."""
    for command in commands:
        done = subprocess.run([sys.executable, "-m", *command], cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with Gradebook(f"sqlite:///{course / 'class' / 'gradebook.db'}", "image-classification") as book:
        return {
            submission.student_id: {g.name: g.auto_score for n in submission.notebooks for g in n.grades}
            for submission in book.find_assignment(name).submissions
        }


@pytest.mark.full
@EACH
def test_every_answer_of_the_bank_earns_what_the_stock_autograder_gives(root, tmp_path, name):
    """nbgrader as it comes, the same with this course's settings, `course grade`, and the quick runner."""
    source = source_notebook(root, name)
    students = class_of_answers(root, name)
    courses = [hand_in(root, name, tmp_path / way, students) for way in ("stock", "through", "own")]
    generate, autograde = ("nbgrader", "generate_assignment", name), ("nbgrader", "autograde", name)
    settings = courses[0] / "nbgrader_config.py"
    assert INSTALL in settings.read_text()
    settings.write_text(settings.read_text().replace(INSTALL, ""))
    stock = marks_by(courses[0], name, generate, autograde)
    for student, answers in students.items():
        quick = bank.mark(source, answers)
        assert {cell: stock[student][cell] for cell in quick} == quick, student
    assert len({tuple(sorted(marks.items(), key=str)) for marks in stock.values()}) > 5
    assert marks_by(courses[1], name, generate, autograde) == stock
    assert marks_by(courses[2], name, ("course_utils", "grade", name, "--workers", "1")) == stock


@EACH
def test_a_sample_of_the_bank_earns_what_the_quick_runner_gives(root, tmp_path, name):
    """The quick runner marks by nbgrader's rule in one process; on the whole bank it agrees with nbgrader."""
    source = source_notebook(root, name)
    plan = make_plan(source)
    everyone = class_of_answers(root, name)
    students = {student: everyone[student] for student in sorted(everyone)[::6]}
    course = hand_in(root, name, tmp_path / "course", students)
    with Lane(preload=preloads(plan)) as lane:
        profile = lane.rehearse(plan)
        for student, answers in students.items():
            intake = take_in(course / "class" / "submitted" / student / name, name, source, plan)
            assert intake.status == "accepted"
            verdict = lane.grade(plan, intake.submission, profile)
            assert verdict.points == bank.mark(source, answers), student
