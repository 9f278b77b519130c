"""nbgrader's own commands through this course's settings: the same marks, and nothing strange is opened."""

import json
import os
import subprocess
import sys
import sysconfig

import nbformat
import pytest
from attacks import ATTACKS
from attacks.course import DOUBLES, PLAN
from attacks.course import HONEST as ANSWERS
from grade_class import HALF, RIGHT, WRONG, Course, answered, source
from grading_toys import notebook
from nbgrader.api import Gradebook

from course_utils.grading.channel import start_unconfined
from course_utils.grading.coursefolder import CourseFolder
from course_utils.grading.judge import Allowance, JudgeError, grade, rehearse
from course_utils.grading.nbgrader_source import SourceError, source_of
from course_utils.grading.plan import PlanError, Submission, make_plan, without_answers

pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own
sandboxed = [
    pytest.mark.sandbox,
]


def run(course, *command, status=0):
    """Run a command in a course; give what it says."""
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course.root,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PATH": scripts},
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, said[-4000:]
    return said


def marks(course):
    """Give all that a gradebook says: student → cell → points, whether a person must look, remark."""
    found = {}
    with Gradebook(course.url) as book:
        for submission in book.find_assignment(course.assignment).submissions:
            notebooks = {n.name: n for n in submission.notebooks}
            comments = {
                (n.name, c.name): c.auto_comment
                for n in notebooks.values()
                for c in n.comments
                if c.auto_comment
            }
            found[submission.student_id] = {
                (n.name, g.name): (g.auto_score, g.needs_manual_grade)
                for n in notebooks.values()
                for g in n.grades
            } | {"comments": comments, "late": [n.late_submission_penalty for n in notebooks.values()]}
    return found


HONEST = {
    "right": (RIGHT, "Because."),
    "wrong": (WRONG, "Because."),
    "half": (HALF, "Why?"),
    "broken": ("def double(:", "Because."),
    "ends": ("import os\nos._exit(0)", "Because."),
}


def hand_in_oddities(course):
    """Let students hand in what must not be opened or believed, each beside or instead of a right answer."""
    secret = course.root / "secret"
    secret.write_text("SECRET=hunter2")
    for student in ("links", "pipes", "endless", "modules"):
        course.hand_in(student)
    (course.folder("links") / "stolen.txt").symlink_to(secret)
    (course.folder("links") / "folder").symlink_to(course.root / "solutions")
    (course.folder("endless") / "zeros").symlink_to("/dev/zero")
    os.mkfifo(course.folder("pipes") / "pipe")
    for name in ("numpy.py", "sitecustomize.py", "course_utils.py"):
        (course.folder("modules") / name).write_text("raise SystemExit(0)")
    for student in ("linked", "waiting", "no_json", "folder"):
        course.folder(student).mkdir(parents=True)
    (course.folder("linked") / "toy.ipynb").symlink_to(secret)
    os.mkfifo(course.folder("waiting") / "toy.ipynb")
    (course.folder("no_json") / "toy.ipynb").write_text("{")
    (course.folder("folder") / "toy.ipynb").mkdir()
    elsewhere = course.root / "class" / "submitted" / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "toy").symlink_to(course.folder("right"))
    twice = answered()
    twice.cells.insert(1, nbformat.from_dict(twice.cells[1] | {"id": "copy", "source": WRONG}))
    course.write(course.folder("twice") / "toy.ipynb", twice)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Have one class marked by nbgrader's command and by the course's own."""
    courses = []
    for name in ("stock", "own"):
        course = Course(tmp_path_factory.mktemp("courses") / name)
        for student, (code, essay) in HONEST.items():
            course.hand_in(student, code, essay)
        hand_in_oddities(course)
        courses.append(course)
    stock, own = courses
    run(stock, "nbgrader", "generate_assignment", "toy")
    said = run(stock, "nbgrader", "autograde", "toy")
    run(own, "course_utils", "grade", "toy", "--workers", "1")
    return stock, own, said


class TestBothRoutes:
    """A class of honest students and of others."""

    pytestmark = sandboxed

    def test_both_commands_give_the_same_marks(self, both):
        stock, own, _ = both
        theirs, ours = marks(stock), marks(own)
        assert theirs.keys() == ours.keys()
        for student in ours:
            for cell, mark in ours[student].items():
                if cell != "comments":
                    assert theirs[student][cell] == mark, (student, cell)

    def test_the_marks_are_right(self, both):
        found = marks(both[0])
        code = {
            s: sum(m[0] or 0 for c, m in cells.items() if isinstance(c, tuple)) for s, cells in found.items()
        }
        assert code == {
            **dict.fromkeys(("right", "links", "pipes", "endless", "modules", "twice"), 5.0),
            **dict.fromkeys(
                ("wrong", "broken", "ends", "linked", "waiting", "no_json", "folder", "elsewhere"), 0
            ),
            "half": 1.5,
        }

    def test_nothing_but_notebooks_and_times_is_copied(self, both):
        stock, _, said = both
        graded = stock.root / "class" / "autograded"
        assert {path.name for path in graded.rglob("*") if not path.is_dir()} == {
            "toy.ipynb",
            "timestamp.txt",
        }
        assert all("hunter2" not in path.read_text() for path in graded.rglob("*.ipynb"))
        assert "hunter2" not in said

    def test_refusals_and_repairs_are_said(self, both):
        stock, _, said = both
        for words in ("toy.ipynb is a symbolic link", "is a pipe", "not valid JSON", "is a folder"):
            assert words in said
        assert "twice, toy, repaired: Cells that are there more than once: double_answer." in said
        refused = nbformat.read(stock.graded("no_json"), as_version=4)
        assert "not valid JSON" in refused.cells[0].source.replace("\\", "")
        assert RIGHT not in json.dumps(refused)


def test_a_time_that_is_none_keeps_only_its_own_submission_from_being_marked(tmp_path):
    course = Course(tmp_path / "course")
    course.configure("c.MarkApart.unsafe_no_sandbox = True")
    for student, time in (("ada", "2026-03-01 12:00:00 UTC"), ("bob", "no time"), ("cleo", "")):
        course.hand_in(student, time=time)
    course.hand_in("dan")
    (course.folder("dan") / "timestamp.txt").unlink()
    (course.folder("dan") / "timestamp.txt").symlink_to("/dev/zero")
    run(course, "nbgrader", "generate_assignment", "toy")
    said = run(course, "nbgrader", "autograde", "toy", status=1)
    assert "timestamp.txt holds 'no time'" in said
    assert "timestamp.txt is a symbolic link" in said
    assert course.graded("ada").is_file()
    assert course.graded("cleo").is_file()
    assert not course.graded("bob").exists()
    assert not course.graded("dan").exists()


def test_a_notebook_without_answers_is_marked_and_the_instructor_warned(tmp_path):
    """Tests, points and stubs are the gradebook's, whatever became of the notebook since."""
    empty = source()
    empty.cells[1].source = "# YOUR CODE HERE\nraise NotImplementedError()"
    course = Course(tmp_path / "course", notebooks={"toy": empty})
    course.configure("c.MarkApart.unsafe_no_sandbox = True")
    course.hand_in("ada", RIGHT)
    course.hand_in("bob", HALF)
    run(course, "nbgrader", "generate_assignment", "toy")
    empty.cells[2].source, empty.cells[2].metadata.nbgrader.points = "pass", 50
    course.write(course.root / "solutions" / "toy" / "toy.ipynb", empty)
    said = run(course, "nbgrader", "autograde", "toy")
    assert "the instructor's own answers" in said
    assert "double_test changed since" in said
    found = marks(course)
    assert found["ada"]["toy", "double_test"][0] == 3
    assert found["bob"]["toy", "double_test"][0] == 0
    directory = CourseFolder(course.root).directory
    empty.metadata.kernelspec.language = "R"
    course.write(course.root / "solutions" / "toy" / "toy.ipynb", empty)
    with pytest.raises(SourceError, match="only Python can be marked"):
        source_of(directory, "toy", "toy")
    (course.root / "solutions" / "toy" / "toy.ipynb").unlink()
    with pytest.raises(SourceError, match="toy.ipynb is missing"):
        source_of(directory, "toy", "toy")


# Without a profile --------------------------------------------------------------------------------

ALLOWANCE, SHORT = Allowance(cell=20.0, total=60.0), Allowance(cell=5.0, total=60.0, restarts=3)
#: Answers that try to earn points by what they are or change, not by what they find on the machine.
TRICKS = [
    a for a in ATTACKS.values() if a.kind in ("changing", "forging") and "@" not in a.source and a.defended
]


def marked_without_profile(code, allowance):
    verdict = grade(PLAN, Submission({**ANSWERS, "double_answer": code}), start_unconfined, None, allowance)
    return {name for name, points in verdict.points.items() if name.startswith("double") and points}


def test_right_answers_pass_without_a_profile():
    assert len(marked_without_profile(ANSWERS["double_answer"], ALLOWANCE)) == DOUBLES


@pytest.mark.parametrize(
    "attack",
    [a if n % 8 == 0 else pytest.param(a, marks=pytest.mark.full) for n, a in enumerate(TRICKS)],
    ids=lambda a: a.name,
)
def test_attacks_earn_nothing_without_a_profile_either(attack):
    """But where a cell's last expression is its points: only right answers tell that it must be a number."""
    assert marked_without_profile(attack.source, SHORT) <= {"double_share"}


UNANSWERED = notebook(
    ("setup", "setup", "import math\nSCALE = 2", 0),
    ("look", "setup", "print(SCALE, found)", 0),
    ("a_answer", "answer", "raise NotImplementedError()", 0),
    ("a_test", "test", "limit = 3\nassert found * SCALE == 6 and math.sqrt(found) < limit", 1),
)


def test_names_of_students_are_guessed_where_there_are_no_answers():
    plan = make_plan(UNANSWERED)
    with pytest.raises(JudgeError):
        rehearse(plan, start_unconfined)
    guessed = without_answers(plan)
    assert guessed.proxied == {"found"}
    assert [step.kind for step in guessed.steps] == ["setup", "student setup", "answer", "test"]
    for text, points in (("found = 3", 1.0), ("found = 4", 0.0), ("math = SCALE = 0", 0.0)):
        verdict = grade(guessed, Submission({"a_answer": text}), start_unconfined, None)
        assert verdict.total == points, text
    starred = notebook(("setup", "setup", "from math import *", 0))
    with pytest.raises(PlanError, match=r"imports \*"):
        without_answers(make_plan(starred))
