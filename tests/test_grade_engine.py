"""Marking a class: what is marked and what is not, why, and that nothing is lost however it is ended."""

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import nbgrader.api
import pytest
from grade_class import HALF, POINTS, RIGHT, ROOT, WRONG, Course, source
from grade_command import QuickLane

from course_utils.grading import engine as engines
from course_utils.grading import keys, lanes
from course_utils.grading.coursefolder import CourseError, CourseFolder
from course_utils.grading.engine import Engine, Settings
from course_utils.grading.gradebook import Gradebook, GradebookError
from course_utils.grading.lane import Lane
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.limits import Limits
from course_utils.grading.plan import make_plan
from course_utils.grading.units import Unit, mark
from course_utils.grading.verdict import Verdict
from course_utils.grading.writer import Writer

ANSWERS = [RIGHT, WRONG, HALF]


class Silent:
    def note(self, text): ...
    def start(self, total): ...
    def done(self, outcome): ...


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Give a course whose submissions are marked in this process."""
    monkeypatch.setattr(lanes, "Lane", QuickLane)
    monkeypatch.setattr(QuickLane, "started", 0)
    return Course(tmp_path / "course")


def run(course, **settings):
    return Engine(CourseFolder(course.root), course.assignment, Settings(**settings), Silent()).run()


def found(result):
    return {outcome.student: outcome.status for outcome in result.outcomes}


def reasons(result):
    return {outcome.student: outcome.why for outcome in result.outcomes}


def class_of(toy, count):
    for number in range(count):
        toy.hand_in(f"s{number:02}", ANSWERS[number % 3])


def marks(toy):
    return {mark.student: mark.score for mark in Gradebook(toy.url).marks(toy.assignment) if mark.handed_in}


def test_a_class_is_marked_once(toy):
    class_of(toy, 6)
    first = run(toy)
    assert first.complete
    assert set(found(first).values()) == {"marked"}
    assert set(map(tuple, reasons(first).values())) == {("new",)}
    assert marks(toy) == {f"s{n:02}": POINTS[ANSWERS[n % 3]] for n in range(6)}
    assert [(one.points, one.maximum) for one in sorted(first.outcomes, key=lambda o: o.student)[:3]] == [
        (5.0, 5.0),
        (0.0, 5.0),
        (1.5, 5.0),
    ]
    started = QuickLane.started
    second = run(toy)
    assert second.complete
    assert set(found(second).values()) == {"unchanged"}
    assert QuickLane.started == started, "nothing to mark, no lane"


def test_the_graded_notebook_shows_the_verdict_and_comes_back(toy):
    class_of(toy, 2)
    run(toy)
    graded = nbformat.read(toy.graded("s00"), 4)
    stored, other = Gradebook(toy.url).stored("toy")
    assert graded.metadata["course"]["key"] == keys.stamp(stored.key, stored.digest)
    assert toy.graded("s00").stat().st_mode & 0o777 == 0o444
    assert (toy.graded("s00").parent / "timestamp.txt").read_text() == "2026-03-01 12:00:00 UTC\n"
    toy.graded("s00").unlink()
    right = toy.graded("s01").read_text()
    toy.graded("s01").chmod(0o644)
    toy.graded("s01").write_text(right.replace(keys.stamp(other.key, other.digest), "of another verdict"))
    started = QuickLane.started
    assert set(found(run(toy)).values()) == {"unchanged"}
    assert QuickLane.started == started, "it is written from the stored verdict"
    assert nbformat.read(toy.graded("s00"), 4).metadata == graded.metadata
    assert toy.graded("s01").read_text() == right
    assert not list(toy.root.rglob("*.part"))


def test_why(toy, monkeypatch):
    class_of(toy, 3)
    run(toy)
    toy.hand_in("s00", WRONG)
    toy.hand_in("s01", WRONG, essay="Another reason.")
    toy.hand_in("s99")
    result = run(toy)
    assert reasons(result) == {"s00": ["answers"], "s01": ["answers"], "s02": [], "s99": ["new"]}
    assert found(result) == {"s00": "marked", "s01": "marked", "s02": "unchanged", "s99": "marked"}
    assert marks(toy)["s00"] == 0.0

    Course.write(toy.root / "solutions" / "toy" / "toy.ipynb", source("assert double(3) == 6"))
    assert set(map(tuple, reasons(run(toy)).values())) == {("tests",)}
    assert marks(toy)["s02"] == 4.5, "the test that was left is passed by answers that are half right"
    assert reasons(run(toy, limits=Limits(cell=5)))["s00"] == ["limits: cell 60.0 → 5"]
    monkeypatch.setattr(keys, "package_hash", lambda: "another")
    version = keys._version("numpy")
    monkeypatch.setattr(keys, "_version", lambda name: "9.9" if name == "numpy" else "1.0")
    why = reasons(run(toy, limits=Limits(cell=5)))["s00"]
    assert why[:2] == ["course_utils", f"versions: numpy {version} → 9.9"]
    assert set(found(run(toy, limits=Limits(cell=5))).values()) == {"unchanged"}


def test_what_does_not_count(toy):
    """Outputs and the order of saving change the file, not the verdict; its digest is noted."""
    toy.hand_in("ada")
    run(toy)
    path = toy.folder("ada") / "toy.ipynb"
    path.write_text(path.read_text() + "\n\n")
    assert found(run(toy)) == {"ada": "unchanged"}
    (stored,) = Gradebook(toy.url).stored("toy")
    assert keys.stamp(stored.key, stored.digest) in toy.graded("ada").read_text()
    assert reasons(run(toy)) == {"ada": []}


def test_policies(toy):
    class_of(toy, 3)
    run(toy)
    toy.hand_in("s00", WRONG)
    toy.hand_in("s03", RIGHT)
    assert found(run(toy, regrade="none")) == dict.fromkeys(["s00", "s01", "s02"], "unchanged") | {
        "s03": "marked"
    }
    assert marks(toy)["s00"] == 5.0
    every = run(toy, regrade="all")
    assert set(found(every).values()) == {"marked"}
    assert reasons(every)["s01"] == ["asked for"]
    assert marks(toy)["s00"] == 0.0
    assert found(run(toy, students=["s01"], regrade="all")) == {"s01": "marked"}


def test_a_dry_run_writes_nothing(toy):
    class_of(toy, 2)
    before = sorted(toy.root.rglob("*"))
    result = run(toy, dry_run=True)
    assert found(result) == {"s00": "to mark", "s01": "to mark"}
    assert sorted(toy.root.rglob("*")) == before
    run(toy)
    toy.hand_in("s01", RIGHT)
    files = {path: path.stat().st_mtime_ns for path in toy.root.rglob("*")}
    result = run(toy, dry_run=True)
    assert reasons(result) == {"s00": [], "s01": ["answers"]}
    assert {path: path.stat().st_mtime_ns for path in toy.root.rglob("*")} == files
    assert QuickLane.started <= 2


def test_what_is_handed_in_wrongly_stops_nobody(toy, monkeypatch):
    class_of(toy, 2)
    toy.folder("empty").mkdir(parents=True)
    toy.folder("broken").mkdir(parents=True)
    (toy.folder("broken") / "toy.ipynb").write_text("{")
    toy.folder("folder").mkdir(parents=True)
    (toy.folder("folder") / "toy.ipynb").mkdir()
    toy.folder("file").parent.mkdir(parents=True)
    toy.folder("file").write_text("")
    (toy.root / "class" / "submitted" / "a-file-of-nobodys").write_text("")
    toy.hand_in("S00", WRONG)
    toy.hand_in("x" * 129)
    toy.hand_in("red\x1b[31m")
    toy.hand_in(os.fsdecode(b"\xff"))
    other = Course(toy.root, "another")
    other.hand_in("dan")
    result = run(toy)
    assert found(result) == {
        "s00": "marked",
        "s01": "marked",
        "S00": "marked",
        **dict.fromkeys(["empty", "broken", "folder", "file"], "refused"),
        **dict.fromkeys(["x" * 129, "red\x1b[31m", os.fsdecode(b"\xff")], "failed"),
    }
    assert not result.complete
    assert [note for note in result.notes if "case" in note] == [
        "S00 and s00 differ in case only: each is marked as a student of their own."
    ]
    assert "\x1b" not in "".join(map(str, result.outcomes))
    assert marks(toy) == {"s00": 5, "s01": 0, "S00": 0, "empty": 0, "broken": 0, "folder": 0, "file": 0}
    stored = {row.student: row for row in Gradebook(toy.url).stored("toy")}
    assert stored["empty"].reasons == ["toy.ipynb is missing."]
    assert toy.graded("broken").is_file()
    again = found(run(toy))
    assert again["broken"] == again["s00"] == "unchanged"


def test_several_notebooks(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "Lane", QuickLane)
    toy = Course(tmp_path / "course", notebooks={"one": source(), "two": source()})
    toy.hand_in("ada", name="one")
    toy.hand_in("ada", HALF, name="two")
    toy.hand_in("bob", name="two")
    result = run(toy)
    assert sorted((one.student, one.notebook, one.status) for one in result.outcomes) == [
        ("ada", "one", "marked"),
        ("ada", "two", "marked"),
        ("bob", "one", "refused"),
        ("bob", "two", "marked"),
    ]
    assert marks(toy) == {"ada": 6.5, "bob": 5.0}
    assert {one.status for one in run(toy).outcomes} == {"unchanged"}


def test_usage(toy, tmp_path):
    with pytest.raises(CourseError, match=r"nothing.* toy|can't be listed"):
        run(toy)
    toy.hand_in("ada")
    with pytest.raises(CourseError, match="bob handed in nothing for toy"):
        run(toy, students=["ada", "bob"])
    with pytest.raises(CourseError, match=r"no notebook in .*there are: toy"):
        Engine(CourseFolder(toy.root), "other", Settings(), Silent())
    with pytest.raises(CourseError, match="run this in the course's folder"):
        CourseFolder(tmp_path / "nowhere")
    notebook = source()
    notebook.cells[1].source = "def double(:"
    Course.write(toy.root / "solutions" / "toy" / "toy.ipynb", notebook)
    with pytest.raises(CourseError, match=r"toy.ipynb of toy: .*double_answer.* is no Python"):
        run(toy)
    toy.configure("1 / 0")
    with pytest.raises(CourseError, match=r"nbgrader_config.py can't be used: division by zero"):
        CourseFolder(toy.root)


def test_faults_of_the_machine_give_no_verdict(toy, monkeypatch):
    """Others get theirs, and the same command tries again."""
    class_of(toy, 4)
    original = QuickLane.grade

    def grade(self, plan, submission, profile):
        if submission.answers["double_answer"] == HALF:
            raise JudgeError("no memory left")
        return original(self, plan, submission, profile)

    monkeypatch.setattr(QuickLane, "grade", grade)
    result = run(toy)
    assert found(result) == {"s00": "marked", "s01": "marked", "s02": "failed", "s03": "marked"}
    assert [one.reasons for one in result.outcomes if one.status == "failed"] == [["no memory left"]]
    assert not result.complete
    monkeypatch.setattr(QuickLane, "grade", original)
    assert found(run(toy))["s02"] == "marked"

    def no_rehearsal(self, plan):
        raise JudgeError("the instructor's own answers lose points")

    monkeypatch.setattr(QuickLane, "rehearse", no_rehearsal)
    toy.hand_in("s02", RIGHT)
    result = run(toy)
    assert found(result)["s02"] == "failed"
    assert result.notes == ["toy.ipynb can't be marked: the instructor's own answers lose points"]


def test_a_gradebook_that_refuses_stops_after_three(toy, monkeypatch):
    class_of(toy, 9)
    calls = []

    def write(self, *about):
        calls.append(about)
        raise GradebookError("disk full")

    monkeypatch.setattr(Writer, "write", write)
    result = run(toy)
    assert len(calls) == 3
    assert not result.complete
    assert result.notes == ["Stopped: marks could not be written 3 times in a row."]
    assert result.outcomes[0].reasons == ["its marks can't be written: disk full"]


def test_a_plugin_that_raises_is_reported(toy):
    toy.configure("from nbgrader.plugins import BasePlugin\nclass Broken(BasePlugin): pass")
    toy.configure("c.AssignLatePenalties.plugin_class = Broken")
    toy.hand_in("ada")
    assert found(run(toy)) == {"ada": "marked"}
    with nbgrader.api.Gradebook(toy.url) as stock:
        stock.update_or_create_assignment("toy", duedate=datetime.datetime(2026, 3, 1, 11))
    (note,) = run(toy).notes
    assert "could not be brought up to date" in note
    assert "late_submission_penalty" in note
    assert found(run(toy, regrade="all")) == {"ada": "failed"}
    assert marks(toy) == {"ada": 5.0}


def test_a_graded_notebook_that_cant_be_written_is_tried_again(toy, monkeypatch):
    toy.hand_in("ada")
    with monkeypatch.context() as patch:
        patch.setattr(engines.gradedfiles, "put", lambda *about: (_ for _ in ()).throw(OSError("disk full")))
        result = run(toy)
    assert found(result) == {"ada": "failed"}
    assert not result.complete
    assert "disk full" in result.outcomes[0].reasons[0]
    assert marks(toy) == {"ada": 5.0}
    assert found(run(toy)) == {"ada": "unchanged"}
    assert toy.graded("ada").is_file()


def test_an_extension_granted_later_counts(toy):
    toy.configure("c.LateSubmissionPlugin.penalty_method = 'zero'")
    toy.hand_in("ada")
    run(toy)
    with nbgrader.api.Gradebook(toy.url) as stock:
        stock.update_or_create_assignment("toy", duedate=datetime.datetime(2026, 3, 1, 11))
    run(toy)
    assert [mark.final for mark in Gradebook(toy.url).marks("toy")] == [0.0]
    with nbgrader.api.Gradebook(toy.url) as stock:
        stock.grant_extension("toy", "ada", hours=2)
    assert found(run(toy)) == {"ada": "unchanged"}
    assert [mark.final for mark in Gradebook(toy.url).marks("toy")] == [5.0]


def test_a_submission_removed_from_the_gradebook_is_marked_again(toy):
    class_of(toy, 2)
    run(toy)
    with nbgrader.api.Gradebook(toy.url) as stock:
        stock.remove_student("s00")
    assert found(run(toy)) == {"s00": "marked", "s01": "unchanged"}
    assert marks(toy) == {"s00": 5.0, "s01": 0.0}


# Killed.


def command(toy, moment, number, *arguments):
    """Start the command, to be killed when it comes to a moment for the so manieth time."""
    script = [sys.executable, Path(__file__).with_name("grade_command.py"), moment, number]
    return subprocess.Popen(
        [*map(str, script), "grade", "toy", "--workers", "2", *arguments],
        cwd=toy.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def rows(toy):
    with nbgrader.api.Gradebook(toy.url) as stock:
        kinds = ["Student", "SubmittedAssignment", "SubmittedNotebook", "Grade", "Comment"]
        return {kind: stock.db.query(getattr(nbgrader.api, kind)).count() for kind in kinds}


COUNT = 12


@pytest.mark.parametrize(
    ("moment", "number", "kept"),
    [("enrolling", 1, 0), ("marking", 7, None), ("writing", 5, 4), ("written", 5, 5)],
)
def test_killed_and_resumed(toy, moment, number, kept):
    """Every submission is marked once, and no mark is lost or doubled."""
    class_of(toy, COUNT)
    process = command(toy, moment, number)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    lock = toy.root / "class" / "gradebook.db.lock"
    assert lock.read_text().startswith(f"process {process.pid} on "), "held when it was killed, and free now"
    before = marks(toy)
    shown = [f"s{n:02}" for n in range(COUNT) if toy.graded(f"s{n:02}").is_file()]
    assert kept is None or len(before) == kept
    assert len(before) < COUNT
    assert set(shown) <= set(before), "the gradebook comes first"
    assert len(before) - len(shown) == (moment == "written")
    result = run(toy)
    assert result.complete
    statuses = found(result)
    assert {student for student, status in statuses.items() if status == "unchanged"} == set(before)
    assert marks(toy) == {f"s{n:02}": POINTS[ANSWERS[n % 3]] for n in range(COUNT)}
    assert all(toy.graded(f"s{n:02}").is_file() for n in range(COUNT))
    assert rows(toy) == {
        "Student": COUNT,
        "SubmittedAssignment": COUNT,
        "SubmittedNotebook": COUNT,
        "Grade": 4 * COUNT,
        "Comment": 3 * COUNT,
    }
    assert len(Gradebook(toy.url).stored("toy")) == COUNT


def test_interrupted(toy):
    """Ctrl-C ends it, says how to go on, and leaves no process."""
    class_of(toy, 3)
    slow = "import time\ntime.sleep(0.5)\n" + RIGHT
    for number in range(3, 30):
        toy.hand_in(f"s{number:02}", slow)
    process = command(toy, "never", 0)
    while "/30 " not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Interrupted with" in output
    assert "the same command goes on with the rest" in output
    assert "Traceback" not in output
    done = marks(toy)
    assert 1 <= len(done) < 30
    assert {student for student in done if toy.graded(student).is_file()} == set(done)


# With lanes as they are.


def test_a_unit_of_work_is_plain_data(toy):
    plan = make_plan(source())
    unit = Unit(plan, plan.reference, {"double()": {"plain"}}, Limits(cell=3), ("numpy",), True)
    assert Unit.from_json(unit.as_json()) == unit
    verdict = Verdict.from_json(mark(unit, QuickLane(unit.limits)))
    assert verdict.points == {"double_test": 3.0, "part_test": 2.0}


def test_real_lanes(toy, monkeypatch):
    """Two lanes, no sandbox: right marks; an answer that ends its process hurts itself alone."""
    monkeypatch.setattr(lanes, "Lane", Lane)
    class_of(toy, 5)
    toy.hand_in("s05", "import os\nos._exit(0)\n")
    result = run(toy, workers=2, unsafe=True, limits=Limits(cell=20, restarts=2))
    assert result.complete
    assert marks(toy) == {f"s{n:02}": [*(POINTS[a] for a in ANSWERS), 5.0, 0.0, 0.0][n] for n in range(6)}
    again = run(toy, workers=1, unsafe=True, regrade="all", limits=Limits(cell=20, restarts=2))
    assert {o.student: o.points for o in again.outcomes} == {o.student: o.points for o in result.outcomes}


@pytest.mark.parametrize(("seconds", "submissions", "started"), [(0.0, 6, 1), (0.05, 4, 1), (0.05, 60, 2)])
def test_one_more_lane_starts_where_it_pays(monkeypatch, seconds, submissions, started):
    """Starting a lane takes half a second here: too long for a few quick submissions."""
    begun = []

    class SlowToStart:
        def __init__(self, *about, **more):
            begun.append(time.sleep(0.5))

        def close(self): ...

    monkeypatch.setattr(lanes, "Lane", SlowToStart)
    monkeypatch.setattr(lanes, "mark", lambda unit, lane: time.sleep(seconds) or unit)
    made = lanes.Lanes(2, Limits(), (), True, submissions)
    assert [one.result() for one in [made.mark(n) for n in range(submissions)]] == list(range(submissions))
    made.close()
    assert len(begun) == started


def test_lanes_that_are_closed_leave_nothing_waiting(monkeypatch):
    """What has not begun is cancelled, and a lane that can't be started says so to who waits."""
    monkeypatch.setattr(lanes, "Lane", QuickLane)
    monkeypatch.setattr(lanes, "mark", lambda unit, lane: time.sleep(0.3) or unit)
    made = lanes.Lanes(1, Limits(), (), True, 5)
    waiting = [made.mark(n) for n in range(5)]
    assert waiting[0].result() == 0
    made.close()
    assert sum(one.cancelled() for one in waiting) >= 3
    monkeypatch.setattr(lanes, "Lane", lambda *about, **more: 1 / 0)
    broken = lanes.Lanes(1, Limits(), (), True, 2)
    for one in (broken.mark(0), broken.mark(1)):
        with pytest.raises(ZeroDivisionError):
            one.result()
    broken.close()


def test_workers_suit_the_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    tiny = Limits(memory=2**20)
    assert lanes.default_workers(tiny, 3) == 3
    assert lanes.default_workers(tiny, 0) == 1
    assert lanes.default_workers(Limits(memory=2**60), 100) == 1


def test_automatic_tests_are_marked_as_nbgrader_writes_them_out(toy):
    automatic = source(test="### AUTOTEST double(3)")
    toy.write(toy.root / "solutions" / "toy" / "toy.ipynb", automatic)
    with pytest.raises(CourseError, match=r"### AUTOTEST.*generate_assignment --source_with_tests toy"):
        CourseFolder(toy.root).sources("toy")
    written = source(test="assert double(3) == 6")
    toy.write(toy.root / "class" / "source_with_tests" / "toy" / "toy.ipynb", written)
    assert "assert double(3) == 6" in CourseFolder(toy.root).sources("toy")["toy"].cells[2].source


def test_a_source_of_an_older_format_is_planned(toy):
    path = toy.root / "solutions" / "toy" / "toy.ipynb"
    old = json.loads(path.read_text())
    old["nbformat_minor"] = 4
    for cell in old["cells"]:
        del cell["id"]
    path.write_text(json.dumps(old))
    assert len(make_plan(CourseFolder(toy.root).sources("toy")["toy"]).steps) == 6
