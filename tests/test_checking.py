"""``course check``: visible tests from a terminal, whatever state the notebook is in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import compute_checksum
from typer.testing import CliRunner

from course_utils import checking
from course_utils.assignments import source_notebook
from course_utils.cli import app
from course_utils.grading import bank

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "ps1_first_classifiers"
RELEASED = ROOT / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


@pytest.fixture(scope="module")
def release():
    return nbformat.read(RELEASED, as_version=4)


@pytest.fixture(scope="module")
def right():
    return bank.reference_answers(source_notebook(ROOT, ASSIGNMENT)) | {"ex9_answer": "1. ... 2. ... 3. ..."}


@pytest.fixture
def home(tmp_path):
    """Make a student's folder with the assignment, and one below it."""
    folder = tmp_path / "assignments" / ASSIGNMENT
    folder.mkdir(parents=True)
    shutil.copy(RELEASED, folder)
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def run_check(notebook, folder, *options):
    """Write a notebook and check it; return the exit status and what was printed."""
    path = folder / "work.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    done = CliRunner().invoke(app, ["check", str(path), *options])
    assert path.read_bytes() == before  # the student's file is only read
    return done.exit_code, done.output


def tiny(**cells):
    """Make an assignment of one exercise: an answer, a visible test, a hidden one."""
    texts = {
        "text": '## Exercise 1: One\n\n<details class="hint"><summary>Hint 1</summary>\nThink.\n</details>',
        "answer": "def one():\n    return 1",
        "visible": "assert one() == 1, 'one: wrong'",
        "values": "# Hidden",
    }
    texts |= cells
    made = []
    for name, text in texts.items():
        if text is None:
            continue
        graded, solution = name in ("visible", "values"), name == "answer"
        info = {"grade_id": f"ex1_{name}", "grade": graded, "solution": solution, "locked": not solution}
        info |= {"schema_version": 3, "task": False} | ({"points": 1} if graded else {})
        make = nbformat.v4.new_markdown_cell if name == "text" else nbformat.v4.new_code_cell
        made.append(make(text, metadata={"nbgrader": info}))
    listed = [f"ex1_{name}" for name in ("text", "answer", "visible", "values")]
    exercise = {"id": "ex1", "title": "Exercise 1: One", "points": 2, "cells": listed}
    return nbformat.v4.new_notebook(
        cells=made, metadata={"course": {"assignment": "t", "exercises": [exercise]}}
    )


def test_finds_the_notebook_by_any_name(home):
    notebook = home / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    for name, start in (
        ("ps1", home),
        ("ps1", home / "notebooks"),
        (ASSIGNMENT, home),
        ("ps1", notebook.parent),
        (f"assignments/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", home),
        (f"assignments/{ASSIGNMENT}", home),
        (str(notebook), Path("/")),
    ):
        assert checking.find_notebook(name, start) == notebook, name


def test_a_missing_notebook_is_named(home):
    with pytest.raises(checking.CheckError, match=f"no notebook for 'ps7'.*There are: {ASSIGNMENT}"):
        checking.find_notebook("ps7", home)
    with pytest.raises(checking.CheckError, match=r"no notebook .*gone\.ipynb"):
        checking.find_notebook("gone.ipynb", home)
    shutil.copy(RELEASED, home / "assignments" / "ps1_other.ipynb")
    with pytest.raises(checking.CheckError, match="may be any of"):
        checking.find_notebook("ps1", home)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"cells": [', "line 1 is not JSON"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[]", "not a notebook of format 4"),
        (b'{"nbformat": 3, "worksheets": []}', "it says 3"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "not an assignment"),
    ],
)
def test_a_damaged_notebook_is_refused(tmp_path, content, words):
    (tmp_path / "bad.ipynb").write_bytes(content)
    done = CliRunner().invoke(app, ["check", str(tmp_path / "bad.ipynb")])
    assert done.exit_code == 2
    assert words in done.output
    assert "fresh copy" in done.output


def test_the_released_notebook_is_not_answered(release, tmp_path):
    status, said = run_check(release, tmp_path)
    assert status == 1
    assert said.count("not answered  Exercise") == 9
    assert "9 not answered." in said


def test_right_answers_pass_without_nbgrader(release, right, tmp_path):
    """On a student's machine nbgrader is not installed."""
    nbformat.write(bank.submission(release, right), tmp_path / "work.ipynb")
    code = (
        "import sys; sys.modules['nbgrader'] = sys.modules['jupytext'] = None\n"
        "from course_utils.cli import app; app(['check', 'work.ipynb'])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed        Exercise") == 8
    assert "for a person  Exercise 9" in done.stdout
    assert "All visible tests pass" in done.stdout


def test_each_failure_says_what_and_where(release, right, tmp_path):
    answers = dict(right)
    answers["ex1_answer"] = (
        "def standardized_distances(train, test):\n    return np.zeros((len(train), len(test)))"
    )
    answers["ex2_answer"] = "def weighted_vote(distances, labels, k, num_classes):\n    retrun 1"
    answers["ex3_answer"] = "def stratified_folds(labels, num_folds, seed):\n    while True:\n        pass"
    answers["ex5_answer"] = "def class_report(labels, predictions, num_classes):\n    return labels[99]"
    del answers["ex7_answer"]
    notebook = bank.submission(release, answers)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "ex6_visible"]
    notebook.cells.insert(3, nbformat.v4.new_code_cell("1 / 0"))
    status, said = run_check(notebook, tmp_path, "--timeout", "3")

    assert status == 1
    assert "shape (5, 6) was expected, got (6, 5). Where to look: rows are test examples" in said
    assert "Hint: Two separate jobs" in said
    assert "your answer's cell stopped with SyntaxError" in said
    assert "the test ran longer than 3 s and was interrupted" in said
    assert "stopped with IndexError" in said
    assert "return labels[99]" in said
    assert "the cell ex6_visible is missing" in said
    assert "note          Your own cell `1 / 0`" in said
    assert "ZeroDivisionError" in said
    assert "passed        Exercise 4" in said
    assert "not answered  Exercise 7" in said
    assert "passed        Exercise 8" in said  # what comes after a loop is still checked
    assert "2 of your own cells stopped" in said
    assert said.count("FAILED  ") == 5
    without = run_check(tiny(visible="assert False, 'one: wrong'"), tmp_path, "--no-hints")[1]
    assert "one: wrong" in without
    assert "Think." not in without


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("def other():\n    return 1", "Check that a cell above defines or imports `one`"),
        ("def one():\n    1", "or a function without a `return`"),
    ],
)
def test_what_beginners_meet_is_explained(tmp_path, answer, advice):
    status, said = run_check(tiny(answer=answer, visible="assert one() + 0 == 1"), tmp_path)
    assert status == 1
    assert advice in said
    assert "Hint: Think." in said


def test_the_line_quoted_is_the_students_own(tmp_path):
    """Not the line of the library in which it came to an end."""
    answer = "import json\ndef one():\n    return json.loads('{')"
    said = run_check(tiny(answer=answer), tmp_path)[1]
    assert "stopped with JSONDecodeError" in said
    assert "(at `return json.loads('{')`)" in said


def test_a_kernel_that_dies_or_hangs_is_reported(tmp_path):
    died = run_check(tiny(answer="import os\nos._exit(3)"), tmp_path)
    assert died[0] == 1
    assert "stopped the Python kernel" in died[1]
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    hung = run_check(tiny(answer=stubborn), tmp_path, "--timeout", "1")
    assert hung[0] == 1
    assert "could not be interrupted" in hung[1]


def test_later_exercises_are_not_checked_after_a_dead_kernel(tmp_path):
    notebook = tiny(answer="import os\nos._exit(3)")
    second = tiny()
    for cell in second.cells:
        cell.metadata.nbgrader.grade_id = cell.metadata.nbgrader.grade_id.replace("ex1", "ex2")
    later = dict(notebook.metadata.course.exercises[0], id="ex2", title="Exercise 2: Two")
    later["cells"] = [name.replace("ex1", "ex2") for name in later["cells"]]
    gone = dict(later, id="ex3", title="Exercise 3: Gone", cells=["ex3_text", "ex3_answer"])
    notebook.metadata.course.exercises += [later, gone]
    notebook.cells += second.cells
    status, said = run_check(notebook, tmp_path)
    assert status == 1
    assert "not checked   Exercise 2: Two" in said
    assert "the cell ex3_answer is missing" in said


def test_a_changed_test_cell_is_noticed(release, right, tmp_path):
    notebook = tiny()
    cell = notebook.cells[2]
    cell.metadata.nbgrader.checksum = compute_checksum(cell)
    assert run_check(notebook, tmp_path)[0] == 0
    cell.source = "pass"
    status, said = run_check(notebook, tmp_path)
    assert status == 1
    assert "this test cell was changed" in said


def test_the_checksum_is_nbgraders(release):
    for cell in release.cells:
        if "nbgrader" in cell.metadata:
            assert checking.nbgrader_checksum(cell) == compute_checksum(cell)


def test_no_kernel_is_explained(tmp_path, monkeypatch):
    from jupyter_client import kernelspec

    def nothing(self, name):
        raise kernelspec.NoSuchKernel(name)

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", nothing)
    status, said = run_check(tiny(), tmp_path)
    assert status == 2
    assert "pip install ipykernel" in said


def test_a_timeout_below_one_second_is_refused():
    assert CliRunner().invoke(app, ["check", "ps1", "--timeout", "0"]).exit_code == 2


def test_exercises_of_the_release_are_in_its_metadata():
    listed = json.loads(RELEASED.read_text())["metadata"]["course"]["exercises"]
    assert [exercise["id"] for exercise in listed] == [f"ex{number}" for number in range(1, 10)]
