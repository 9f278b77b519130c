"""Assignments: source, release and gradebook agree, and nothing leaks on the way."""

import copy
import csv
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils import assignments
from course_utils.cli import app
from course_utils.grading import bank, leaks

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "ps1_first_classifiers"
RELEASED = ROOT / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
EXERCISES = [f"ex{number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def source():
    return assignments.source_notebook(ROOT, ASSIGNMENT)


@pytest.fixture(scope="module")
def release():
    return nbformat.read(RELEASED, as_version=4)


@pytest.fixture(scope="module", params=assignments.assignments(ROOT))
def each(request):
    """Give each assignment's name, source and release."""
    name = request.param
    path = ROOT / "assignments" / name / f"{name}.ipynb"
    return name, assignments.source_notebook(ROOT, name), nbformat.read(path, as_version=4)


def coded(source):
    """List the exercises that are marked by tests; the last one is read by a person."""
    return [exercise["id"] for exercise in assignments.exercises(source)][:-1]


def copy_course(folder):
    """Copy what nbgrader needs: its settings, the sources and the releases."""
    settings = (ROOT / "nbgrader_config.py").read_text()  # these answers are ours: no sandbox is needed
    (folder / "nbgrader_config.py").write_text(f"{settings}c.MarkApart.unsafe_no_sandbox = True\n")
    for name in ("_config.yml", "_toc.yml"):
        (folder / name).touch()
    for name in ("solutions", "assignments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb*"))
    return folder


def nbgrader(course, *arguments):
    """Run nbgrader's own command line in a course; return what it says."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=600)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    return said


# The source -------------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", assignments.assignments(ROOT))
def test_committed_files_are_what_the_script_gives(assignment):
    assert assignments.differences(ROOT, assignment) == []


def test_generation_is_deterministic(each):
    name, source, _ = each
    first = assignments.release_files(ROOT, name, source)
    assert first == assignments.release_files(ROOT, name, assignments.source_notebook(ROOT, name))
    assert set(first) == {f"{name}.ipynb"}  # not the script, not the bank, not the notes


def test_points_in_the_text_are_those_of_the_cells(each):
    """The table at the top, the exercises' own words and the cells say the same."""
    source = each[1]
    listed = assignments.exercises(source)
    assert 6 <= len(listed) <= 9
    assert sum(exercise["points"] for exercise in listed) == 100
    cells = {cell.id: cell for cell in source.cells}
    rows = re.findall(
        r"^\| (\d) (.+?) \| (O[\dO, ]+) \| (\d+) \| (\d*) ?\| (.+?) \|$", cells["title"].source, re.M
    )
    assert len(rows) == len(listed)
    for (number, title, objectives, points, visible, hidden), exercise in zip(rows, listed, strict=True):
        assert exercise["title"] == f"Exercise {number}: {title}"
        assert exercise["points"] == int(points)
        text = cells[f"ex{number}_text"].source
        assert f"{points} points" in text
        assert set(re.findall(r"O\d", text.split("points")[0])) == set(re.findall(r"O\d", objectives))
        graded = {
            i: cells[i].metadata.nbgrader.points
            for i in exercise["cells"]
            if cells[i].metadata.nbgrader.grade
        }
        if visible:
            assert graded.pop(f"ex{number}_visible") == int(visible)
            assert sum(graded.values()) == int(hidden)
            for grade_id, value in graded.items():
                assert f"# Hidden tests ({value} points)" in cells[grade_id].source


def test_each_exercise_has_what_it_needs(each):
    source = each[1]
    cells = {cell.id: cell.source for cell in source.cells}
    for exercise in coded(source):
        text = cells[f"{exercise}_text"]
        for part in ("**What.**", "**Why it matters.**", "**Signature.**", '<details class="hint">'):
            assert part in text, (exercise, part)
        assert "### BEGIN HIDDEN TESTS" not in cells[f"{exercise}_visible"]
    written = [
        cell for cell in source.cells if cell.cell_type == "markdown" and cell.metadata.nbgrader.solution
    ]
    assert written
    assert all("Rubric" in cell.source for cell in written)


def test_a_source_with_a_fault_is_refused(tmp_path):
    script = (ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.py").read_text()
    folder = tmp_path / "solutions" / ASSIGNMENT
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    for old, new, message in (
        ('"grade_id": "ex2_edges"', '"grade_id": "ex2_values"', "ex2_values occurs more than once"),
        ('"points": 6', '"points": 7', "add up to"),
        ("    ### END SOLUTION", "", "nbgrader refuses"),
    ):
        (folder / f"{ASSIGNMENT}.py").write_text(script.replace(old, new, 1))
        with pytest.raises(assignments.AssignmentError, match=message):
            assignments.release_files(tmp_path, ASSIGNMENT)


def test_the_command_notices_and_mends_what_differs(tmp_path, monkeypatch):
    course = copy_course(tmp_path)
    monkeypatch.chdir(course)
    run = CliRunner().invoke
    (course / "assignments" / ASSIGNMENT / "left_over.txt").write_text("x")
    target = course / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    target.write_text(target.read_text().replace("Exercise 1:", "Exercise one:"))
    (course / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink()
    before = run(app, ["assignments", "--check"])
    assert before.exit_code == 1
    for words in (
        f"{ASSIGNMENT}.ipynb differs",
        "left_over.txt does not belong",
        f"{ASSIGNMENT}.ipynb is missing",
    ):
        assert words in before.output
    assert run(app, ["assignments"]).exit_code == 0
    assert target.read_bytes() == RELEASED.read_bytes()
    after = run(app, ["assignments", "--check", ASSIGNMENT])
    assert after.exit_code == 0
    assert "up to date" in after.output
    unknown = run(app, ["assignments", "ps99_nothing"])
    assert unknown.exit_code == 1
    assert f"there are: {', '.join(assignments.assignments(ROOT))}" in unknown.output


# Leaks ------------------------------------------------------------------------------------------


def test_nothing_under_assignments_leaks():
    found = leaks.secrets(ROOT)
    assert len(found.runs) > 3000  # the search has something to search for
    assert leaks.leaks(ROOT / "assignments", found) == []


def test_the_leak_search_finds_leaks(tmp_path, source, release):
    """Positive controls: each secret, in each place where it could hide."""
    found = leaks.secrets(ROOT)
    cells = {cell.id: cell.source for cell in source.cells}
    solution = "z = (X @ W + b) / temperature"
    hidden = "twins = standardized_distances(kept[0] + 1e4, kept[0] + 1e4)"
    rubric = "No point for a change that has nothing to do with it."
    in_bank = "weights = 1 / (np.take_along_axis(distances, order, axis=1) + 1e-8)"
    seed = str(int(re.search(r"PICTURES_SEED = (\w+)", cells["ex8_values"])[1], 0))
    assert solution in cells["ex6_answer"]
    assert hidden in cells["ex1_edges"]
    assert rubric in cells["ex9_answer"]
    for secret in (
        solution,
        hidden,
        rubric,
        in_bank,
        seed,
        hex(int(seed)).upper(),
        "### BEGIN SOLUTION",
        "oracle_ex3",
    ):
        for place in ("source", "indented", "output", "metadata", "file"):
            other, folder = copy.deepcopy(release), tmp_path / "assignments"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if place == "source":
                other.cells[1].source += f"\n{secret}"
            elif place == "indented":
                other.cells[5].source += f"\nif True:\n    print(0); {secret.replace(' = ', '=')}"
            elif place == "output":
                code = next(cell for cell in other.cells if cell.cell_type == "code")
                code.outputs = [nbformat.v4.new_output("stream", text=f"In [3]: {secret}\n")]
            elif place == "metadata":
                other.cells[2].metadata["old"] = {"draft": [f"{secret}\n", "pass"]}
            else:
                (folder / "notes.txt").write_text(f"see {secret}")
            nbformat.write(other, folder / "ps1.ipynb")
            assert leaks.leaks(folder, found), (secret, place)
    nbformat.write(source, folder / "ps1.ipynb")
    assert len(leaks.leaks(folder, found)) > 1000


# The whole way through nbgrader -----------------------------------------------------------------


def answers_of_students(source):
    """Six students: everything right, a mixture, nothing, noisy, and two who took answers from the bank."""
    right = bank.reference_answers(source)
    right["ex9_answer"] = "1. Automobile and truck ...\n2. Too high ...\n3. No; yes ..."
    answers = bank.read_bank(ROOT / "solutions" / ASSIGNMENT / "bank")
    mixture = dict(right)
    for exercise, name in (("ex2", "squared_weights"), ("ex6", "temperature_missing_in_the_gradient")):
        chosen = next(a for a in answers if (a.exercise, a.name) == (exercise, name))
        mixture[f"{exercise}_answer"] = chosen.source
    mixture["ex5_answer"] = "def class_report(labels, predictions, num_classes):\n    this is no Python\n"
    del mixture["ex7_answer"], mixture["ex9_answer"]
    noisy = dict(right)
    noisy["ex4_answer"] = right["ex4_answer"].replace(
        "    others =",
        "    import sys, warnings\n    warnings.warn('x')\n    print('y', file=sys.stderr)\n    others =",
    )
    noisy["ex9_answer"] = "Nothing to say."
    others = {}
    for kind, position in (("right", 1), ("wrong", 2)):
        rows = {
            e: [a for a in answers if a.exercise == e and a.kind == kind and a.passes_visible]
            for e in EXERCISES
        }
        others[kind] = {f"{e}_answer": rows[e][position].source for e in EXERCISES}
    return {
        "ada": right,
        "bob.b": mixture,
        "cleo": {},
        "dan-7": noisy,
        "eve": others["right"],
        "finn": others["wrong"],
    }


def expected_points(source, release, answers):
    """What each student should get for the code, by the quick runner."""
    stubs = {cell.id: cell.source for cell in release.cells if cell.id in bank.reference_answers(source)}
    return bank.mark(source, {**stubs, **answers})


@pytest.fixture(scope="module")
def graded(tmp_path_factory, source, release):
    """Take a class the whole way with nbgrader's stock command line."""
    from nbgrader.api import Gradebook

    course = copy_course(tmp_path_factory.mktemp("course"))
    nbgrader(course, "generate_assignment", ASSIGNMENT, "--force")
    students = answers_of_students(source)
    archive = course / "class" / "downloaded" / ASSIGNMENT / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "submissions.zip", "w") as file:
        for student, answers in students.items():
            text = nbformat.writes(bank.submission(release, answers))
            file.writestr(f"{student}_{ASSIGNMENT}.ipynb", text)
    nbgrader(course, "zip_collect", ASSIGNMENT)
    nbgrader(course, "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{course / 'class' / 'gradebook.db'}", "image-classification") as gradebook:
        grade = gradebook.find_grade("ex9_answer", ASSIGNMENT, ASSIGNMENT, "ada")  # as formgrader does it
        grade.manual_score, grade.needs_manual_grade = 8.5, False
        gradebook.db.commit()
        marks = {}
        for student in students:
            submission = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student)
            marks[student] = {
                g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in submission.grades
            }
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    nbgrader(course, "export", "--to", "marks.csv")
    return course, students, marks


def test_the_stock_command_line_gives_the_committed_release(graded):
    course, _, _ = graded
    made = sorted((course / "assignments" / ASSIGNMENT).rglob("*"))
    assert [path.name for path in made] == [RELEASED.name]
    assert made[0].read_bytes() == RELEASED.read_bytes()


def test_every_mark_is_right(graded, source, release):
    _, students, marks = graded
    for student, answers in students.items():
        code = {name: score for name, (score, _, _) in marks[student].items() if name != "ex9_answer"}
        assert code == expected_points(source, release, answers), student
    total = {student: sum(auto or 0 for auto, _, _ in marks[student].values()) for student in students}
    assert total["ada"] == total["dan-7"] == total["eve"] == 90
    assert total["cleo"] == 0
    lost_by_bob = {name for name, (score, _, _) in marks["bob.b"].items() if score == 0}
    assert {name.split("_")[0] for name in lost_by_bob} == {"ex2", "ex5", "ex6", "ex7", "ex9"}
    assert marks["bob.b"]["ex2_visible"][0] == 2  # visible tests pass: something, but not full marks
    assert total["bob.b"] == 90 - 8 - 8 - 16 - 12
    visible = sum(cell.metadata.nbgrader.points for cell in source.cells if cell.id.endswith("_visible"))
    assert visible <= total["finn"] < 90
    assert all(marks["finn"][f"{exercise}_visible"][0] > 0 for exercise in EXERCISES)


def test_the_written_answer_waits_for_a_person(graded):
    _, _, marks = graded
    assert marks["ada"]["ex9_answer"] == (None, 8.5, False)
    assert marks["dan-7"]["ex9_answer"] == (None, None, True)
    assert marks["cleo"]["ex9_answer"][0] == 0  # left as it was released


def test_marks_reach_the_csv_file_and_feedback_each_student(graded):
    course, students, marks = graded
    with open(course / "marks.csv", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(students)
    for student, row in rows.items():
        total = sum(auto or 0 for auto, _, _ in marks[student].values())
        assert float(row["score"]) == total + (8.5 if student == "ada" else 0)
        assert float(row["max_score"]) == 100
        assert row["assignment"] == ASSIGNMENT
        page = course / "class" / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
        text = " ".join(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")).split())
        assert f" {float(row['score']):g} of 100 points" in text


def test_what_instructors_make_stays_below_class(graded):
    course, _, _ = graded
    top = {path.name for path in course.iterdir()} - {"marks.csv", ".jupyter"}
    assert top == {"nbgrader_config.py", "_config.yml", "_toc.yml", "solutions", "assignments", "class"}
    assert not list((course / "class" / "autograded").rglob("*.py"))


def test_nbgrader_validate_behaves(tmp_path, source, release):
    untouched, solved = tmp_path / "untouched.ipynb", tmp_path / "solved.ipynb"
    shutil.copy(RELEASED, untouched)
    nbformat.write(bank.submission(release, bank.reference_answers(source)), solved)
    said = nbgrader(tmp_path, "validate", "untouched.ipynb")
    # One visible test cell of each exercise, and the empty written answer; emptied hidden tests pass.
    assert f"VALIDATION FAILED ON {len(EXERCISES) + 1} CELL(S)" in " ".join(said.split())
    assert "NotImplementedError" in said
    assert "Success! Your notebook passes all the tests." in nbgrader(tmp_path, "validate", "solved.ipynb")


def test_the_release_holds_valid_json_without_outputs(each):
    name, _, release = each
    assert json.loads((ROOT / "assignments" / name / f"{name}.ipynb").read_text())["nbformat"] == 4
    for cell in release.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.sandbox
def test_the_demonstration_prints_the_marks_table(capsys, monkeypatch):
    from course_utils.grading import demo

    monkeypatch.chdir(ROOT)
    demo.main()
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert table[0] == ["points", "careful", "hasty"]
    assert table[-1][-2:-1] == ["90"]
    assert float(table[-1][-1]) < 80
    by_exercise = {row[1].rstrip(":"): row[-2:] for row in table if row[0] == "Exercise"}
    assert by_exercise["9"] == ["hand", "hand"] or by_exercise["9"][-1] == "hand"
    assert all(by_exercise[number][0] == by_exercise[number][1] for number in "1357")
    assert all(float(by_exercise[number][0]) > float(by_exercise[number][1]) for number in "2468")
