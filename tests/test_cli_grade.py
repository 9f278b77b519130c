"""``course grade`` as people call it, and nbgrader's stock commands on what it wrote."""

import io
import json
import os
import subprocess
import sys

import pytest
from grade_class import HALF, RIGHT, ROOT, WRONG, Course
from grade_command import QuickLane
from nbgrader.apps import NbGraderAPI
from typer.testing import CliRunner

from course_utils.cli import app
from course_utils.grading import lanes, progress
from course_utils.grading.coursefolder import CourseFolder
from course_utils.grading.outcomes import Outcome, Run
from course_utils.grading.sandbox import SandboxError


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Give a course with three submissions, marked in this process, and make it the current folder."""
    monkeypatch.setattr(lanes, "Lane", QuickLane)
    toy = Course(tmp_path / "course")
    for student, answer in {"ada": RIGHT, "bob": HALF, "cyd": WRONG}.items():
        toy.hand_in(student, answer)
    monkeypatch.chdir(toy.root)
    return toy


def grade(*arguments):
    return CliRunner().invoke(app, ["grade", "toy", *arguments])


def test_plain_lines(toy):
    result = grade("--workers", "1", "--why")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("1/3 ada/toy marked, 5 of 5 (new), about ")
    assert lines[0].endswith(" left")
    assert lines[1].startswith("2/3 bob/toy marked, 1.5 of 5 (new)")
    assert lines[2] == "3/3 cyd/toy marked, 0 of 5 (new)"
    assert lines[3].startswith("toy: 3 marked; ")
    toy.hand_in("bob", RIGHT)
    result = grade("--why")
    lines = result.stdout.splitlines()
    assert lines[0] == "3/3 bob/toy marked, 5 of 5 (answers)"
    assert lines[1] == "2 unchanged"
    assert lines[2].startswith("toy: 1 marked, 2 unchanged; ")


def test_report(toy):
    result = grade("--json", "-")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["assignment"], report["complete"], report["counts"]) == ("toy", True, {"marked": 3})
    ada = report["outcomes"][0]
    assert (ada["student"], ada["status"], ada["points"], ada["why"]) == ("ada", "marked", 5.0, ["new"])
    assert "1/3 ada/toy" in result.stderr
    grade("--json", "report.json")
    assert json.loads((toy.root / "report.json").read_text())["counts"] == {"unchanged": 3}


def test_exit_status(toy, monkeypatch):
    """0: all have a verdict, refused ones too; 1: some have none; 2: nothing was marked."""
    assert grade("--dry-run").exit_code == 0
    assert not (toy.root / "class" / "gradebook.db").exists()
    toy.folder("eve").mkdir(parents=True)
    assert grade().exit_code == 0
    assert grade("--student", "ada", "--regrade", "none").exit_code == 0
    toy.hand_in("x" * 129)
    result = grade()
    assert result.exit_code == 1
    assert "failed: the folder's name is longer than 128 characters" in result.stdout
    assert "The same command tries them again." in result.stdout
    for arguments, message in {
        ("--regrade", "some"): "stale, all or none",
        ("--workers", "0"): "greater than or equal to 1",
        ("--student", "nobody"): "nobody handed in nothing for toy",
        ("--db", "sqlite:////nowhere/at/all.db"): "can't be used",
        ("--scheduler", "tcp://localhost:1", "--workers", "2"): "as many as they are",
    }.items():
        result = grade(*arguments)
        assert result.exit_code == 2, arguments
        assert message in " ".join(result.output.replace("│", " ").split()), arguments
    assert CliRunner().invoke(app, ["grade", "tau"]).exit_code == 2

    def no_sandbox(*about, **more):
        raise SandboxError("bubblewrap is missing: sudo apt install bubblewrap")

    monkeypatch.setattr(lanes, "Lane", no_sandbox)
    result = grade("--regrade", "all")
    assert result.exit_code == 2
    assert "sudo apt install bubblewrap" in result.output


def test_limits_reach_the_lane(toy, monkeypatch):
    seen = []
    monkeypatch.setattr(
        lanes, "Lane", lambda limits, **more: seen.append((limits, more)) or QuickLane(limits)
    )
    options = ["--time", "5", "--total-time", "50", "--memory", "512", "--output", "1000"]
    assert grade(*options, "--workers", "1", "--unsafe-no-sandbox").exit_code == 0
    ((limits, more),) = seen
    assert (limits.cell, limits.total, limits.memory, limits.output) == (5.0, 50.0, 512 * 2**20, 1000)
    assert more["unsafe"] is True
    assert "memory 536870912" in grade("--dry-run", "--why").stdout


def test_the_start_imports_no_grammar(toy):
    """A part of jsonschema takes a second to import and is of no use here."""
    code = (
        "from course_utils.cli import app\ntry: app(['grade', 'toy', '--dry-run'])\nexcept SystemExit: pass"
    )
    code += "\nimport sys; print('nbformat' in sys.modules, 'lark' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=toy.root, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.stdout.decode().splitlines()[-1] == "True False", done.stderr


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar():
    """It shows the time left, and above it what did not get marks; markup in a name is shown as it is."""
    stream = Terminal()
    with progress.Bar(stream, why=True) as bar:
        bar.start(3)
        bar.done(Outcome("ada", "toy", "marked", ["new"], points=1.0, maximum=2.0))
        bar.done(Outcome("[red]bob", "toy", "refused", ["answers"], ["It is no notebook."]))
        bar.note("Something to know.")
        bar.done(Outcome("cyd", "toy", "unchanged"))
    shown = stream.getvalue()
    assert "ada/toy marked, 1 of 2 (new)" in shown
    assert "[red]bob/toy refused: It is no notebook. (answers)" in shown
    assert "Something to know." in shown
    assert "cyd" not in shown
    assert "3/3" in shown
    assert "left" in shown


def test_an_interrupted_run_says_how_to_go_on():
    run = Run("toy", [Outcome("ada", "toy", "marked")], total=3, interrupted=True, seconds=100)
    assert progress.summary(run) == (
        "toy: 1 marked; 2 min.\n"
        "Interrupted with 2 to go. Nothing done is lost; the same command goes on with the rest."
    )
    assert not run.complete


def stock(folder, *command):
    """Run a stock command of nbgrader."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_stock_commands_work_on_what_is_written(toy):
    toy.folder("eve").mkdir(parents=True)
    assert grade().exit_code == 0
    stock(toy.root, "export", "--to", "grades.csv")
    rows = [line.split(",") for line in (toy.root / "grades.csv").read_text().splitlines()[1:]]
    assert {row[3]: float(row[9]) for row in rows} == {"ada": 5.0, "bob": 1.5, "cyd": 0.0, "eve": 0.0}
    assert "ada" in stock(toy.root, "db", "student", "list")
    stock(toy.root, "generate_feedback", "toy")
    for student in ("ada", "eve"):
        page = toy.root / "class" / "feedback" / student / "toy" / "toy.html"
        assert "double(7) == 14" not in page.read_text(), "hidden tests"
    api = NbGraderAPI(config=CourseFolder(toy.root).config)  # what formgrader's pages are made of
    submissions = {found["student"]: found for found in api.get_submissions("toy")}
    assert {name: found["score"] for name, found in submissions.items()} == {
        "ada": 5,
        "bob": 1.5,
        "cyd": 0,
        "eve": 0,
    }
    assert [submissions[name]["autograded"] for name in ("ada", "bob", "cyd", "eve")] == [True] * 4
    assert submissions["ada"]["needs_manual_grade"]
    notebooks = {found["student"]: found for found in api.get_notebook_submissions("toy", "toy")}
    assert notebooks["bob"]["failed_tests"]
    assert not notebooks["ada"]["failed_tests"]
