"""The report of a class: right numbers, everything escaped, fast; CSV for an LMS; answers that are alike."""

import csv
import io
import itertools
import json
import random
import re
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from people_class import Marked, verdict
from typer.testing import CliRunner

from course_utils.cli import app
from course_utils.grading import bank
from course_utils.grading.lms import FORMATS, canvas, moodle, plain, written
from course_utils.grading.records import CellMark, Mark, StoredVerdict
from course_utils.grading.report import class_report
from course_utils.grading.report_page import page
from course_utils.grading.similarity import ALIKE, ENOUGH, alike, fingerprints, likeness, normalised
from course_utils.grading.verdict import CellVerdict, Verdict
from course_utils.grading.written_answers import given_in

ROOT = Path(__file__).resolve().parent.parent
NAME = "ps1_first_classifiers"
TIME = datetime(2026, 3, 1, 12)


def mark(student, score=5.0, **changes):
    given = {"first_name": "", "last_name": "", "email": "", "lms_user_id": "", "handed_in": True}
    given |= {"timestamp": TIME, "penalty": 0.0, "maximum": 10.0, "needs_a_person": False, **changes}
    return Mark(student, score=score, **given)


def notebook():
    made = nbformat.v4.new_notebook()
    made.metadata["course"] = {
        "exercises": [{"id": "ex1", "title": "First <b>", "cells": ["a", "b"], "points": 7}]
    }
    for name, points in (("a", 4), ("b", 3), ("c", 3)):
        cell = nbformat.v4.new_code_cell("", id=name)
        cell.metadata["nbgrader"] = {"grade_id": name, "grade": True, "solution": False, "points": points}
        made.cells.append(cell)
    return made


def failing(message, seconds=0.1, **changes):
    cells = [CellVerdict("a", 0.0, 4.0, "failed", for_instructor=message, seconds=seconds)]
    return Verdict([*cells, CellVerdict("b", 3.0, 3.0, "passed")], **changes)


def report(marks=(), cells=(), verdicts=(), pairs=()):
    return class_report("toy", {"toy": notebook()}, list(marks), cells, list(verdicts), list(pairs))


def test_an_empty_class_gives_a_page_that_says_so():
    made = report()
    assert "Nothing has been marked yet." in page(made)
    assert [len(list(csv.reader(io.StringIO(write("x", []))))) for write in FORMATS.values()] == [2, 1, 1]


def test_points_by_exercise_count_what_persons_gave_and_not_what_waits():
    cells = [
        CellMark("ada", "toy", "a", 1.0, 3.0, 0.5, 4.0, False),
        CellMark("ada", "toy", "b", 3.0, None, None, 3.0, False),
        CellMark("bob", "toy", "a", 0.0, None, None, 4.0, False),
        CellMark("bob", "toy", "c", None, None, None, 3.0, True),
        CellMark("bob", "another", "a", 4.0, None, None, 4.0, False),
    ]
    first, alone = report([mark("ada"), mark("bob")], cells).exercises
    assert (first.title, first.maximum, first.points) == ("First <b>", 7.0, {"ada": 6.5, "bob": 0.0})
    assert (alone.title, alone.points) == ("c", {})
    assert first.mean == pytest.approx(6.5 / 14, rel=1e-15)
    assert (first.between(-1e9, 1e-9), first.between(1e-9, 1), first.between(1, 1e9)) == (1, 1, 0)


def test_the_page_says_how_many_answers_of_an_exercise_a_person_has_to_read():
    waits = CellMark("cyd", "toy", "c", None, None, None, 3.0, True)
    done = CellMark("ada", "toy", "c", 2.0, None, None, 3.0, False)
    made = page(report([mark("ada"), mark("cyd", needs_a_person=True)], [waits, done]))
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>.*?<td class="figure">(\d*)</td></tr>', made)
    assert ("c", "1") in rows
    assert ("First &lt;b&gt;", "2") in rows


def test_histogram_counts_everybody_once():
    marks = [mark("a", 0.0), mark("b", 10.0), mark("c", 9.99), mark("d", 3.0), mark("e", 2.0, penalty=5.0)]
    counts = [count for _, _, count in report([*marks, mark("f", handed_in=False)]).histogram]
    assert counts == [2, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert "2 from 0 to 1, 1 from 3 to 4, 2 from 9 to 10" in page(report(marks))


def test_failures_that_differ_in_numbers_are_one_and_tracebacks_do_not_count():
    told = [
        'File "x"\n    f()\nAssertionError: 3 of 8 values are wrong',
        'File "y", line 9\nAssertionError: 17 of 80 values are wrong\nin the student\'s process:\n  secret',
        "NameError: f is not defined",
    ]
    verdicts = [StoredVerdict(str(i), "toy", "accepted", [], failing(text)) for i, text in enumerate(told)]
    first, second = report([], [], verdicts).failures
    assert (first.cell, first.students) == ("a", ["0", "1"])
    assert first.message == "AssertionError: 3 of 8 values are wrong"
    assert (second.message, second.students) == ("NameError: f is not defined", ["2"])


def test_what_needs_a_look_is_listed():
    verdicts = [
        StoredVerdict("ref", "toy", "refused", ["toy.ipynb is a symbolic link."]),
        StoredVerdict("rep", "toy", "repaired", ["Missing cells, put back: a."], failing("x")),
        StoredVerdict("slow", "toy", "accepted", [], failing("x", 60.0)),
        StoredVerdict("dead", "toy", "accepted", [], failing("x", deaths=["exit status 3"] * 2)),
    ]
    verdicts[2].verdict.cells[1].beside = True
    made = report([], [], verdicts)
    assert [stored.student for stored in made.not_as_handed_in] == ["ref", "rep"]
    assert [(s.student, seconds, cell) for s, seconds, cell in made.slow] == [("slow", 60.0, "a")]
    assert [stored.student for stored in made.deaths] == ["dead"]
    assert made.beside == ["b"]
    shown = page(made)
    for text in (
        "is a symbolic link",
        "put back: a",
        "60 s, most of it in <code>a</code>",
        "2 times; first: exit",
    ):
        assert text in shown


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e\x1b"


def test_every_text_of_a_student_is_escaped():
    verdicts = [
        StoredVerdict(HOSTILE, HOSTILE, "repaired", [HOSTILE], failing(HOSTILE, 99.0, deaths=[HOSTILE])),
        StoredVerdict("b" + HOSTILE, HOSTILE, "refused", [HOSTILE]),
    ]
    who = {"first_name": HOSTILE, "last_name": HOSTILE, "email": HOSTILE}
    pairs = alike({"a": {HOSTILE: LONG, "b": LONG}}, {})
    assert len(pairs) == 1
    shown = page(report([mark(HOSTILE, **who)], [], verdicts, pairs))
    assert shown.count("&lt;script&gt;") >= 9
    assert not re.search(r"<(script|img)|\u202e|\x1b|49", shown.replace("#11", ""))
    assert "default-src &#39;none&#39;" in shown or "default-src 'none'" in shown
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|https?:", shown)


def test_a_thousand_students_take_seconds():
    import time

    source = notebook()
    marks = [mark(f"s{i:04}", i % 11) for i in range(1000)]
    cells = [CellMark(m.student, "toy", c, 1.0, None, None, 4.0, False) for m in marks for c in "abc"]
    verdicts = [StoredVerdict(m.student, "toy", "accepted", [], failing(f"E: {m.score}")) for m in marks]
    rng = random.Random(1)
    answers = {"a": {m.student: shuffled(LONG, rng) for m in marks}}
    began = time.process_time()
    pairs = alike(answers, {})
    shown = page(class_report("toy", {"toy": source}, marks, cells, verdicts, pairs))
    assert time.process_time() - began < 30  # a few seconds; a quadratic way in Python would take an hour
    assert shown.count('<th scope="row">s') == 1000


@pytest.fixture(scope="module")
def answers():
    """Give all right answers of assignment 1 by exercise, and what was given."""
    source = nbformat.read(ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
    right = {name: {"reference": text} for name, text in bank.reference_answers(source).items()}
    for answer in bank.read_bank(ROOT / "solutions" / NAME / "bank"):
        if answer.kind == "right":
            right[f"{answer.exercise}_answer"][answer.name] = answer.source
    given = given_in({NAME: source})
    return {name: texts for name, texts in right.items() if name in given}, given


LONG = """
def total(values, weights, start):
    result = start
    for value, weight in zip(values, weights):
        if weight > 0:
            result = result + value * weight
        else:
            result = result - abs(value)
    count = sum(1 for weight in weights if weight > 0)
    return result / max(count, 1) if count else float("nan")
"""


def shuffled(text, rng):
    """Write a text of the same kind: other operators in other places."""
    return re.sub(r"[-+*/]", lambda _: rng.choice("+-*/@%"), text)


def renamed(text):
    """Copy an answer as somebody does who does not want to be found."""
    import ast

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name(names.get(node.id, node.id), node.ctx)

        def visit_arg(self, node):
            return ast.arg(names.get(node.arg, node.arg))

    tree = ast.parse(text)
    names = {n.arg: f"other_{n.arg}" for n in ast.walk(tree) if isinstance(n, ast.arg)}
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names |= {name: f"my_{name}" for name in stored}
    return "# my own work\n" + ast.unparse(Rename().visit(tree)).replace("\n", "  # so\n\n") + "\n"


def test_independent_right_answers_are_far_below_the_threshold(answers):
    right, given = answers
    assert alike(right, given) == []
    best = 0.0
    for name, texts in right.items():
        marks = [fingerprints(text) - fingerprints(given[name]) for text in texts.values()]
        assert min(map(len, marks)) >= ENOUGH, f"{name}: answers too short to compare"
        best = max([best, *(likeness(a, b) for a, b in itertools.combinations(marks, 2))])
    assert 0.1 < best < ALIKE / 2


def test_renamed_copies_are_found(answers):
    right, given = answers
    missed = []
    for name, texts in right.items():
        for who, text in texts.items():
            if not alike({name: {"one": text, "two": renamed(text)}}, given):
                missed.append((name, who))
    assert missed == []


def test_half_a_copy_is_still_found():
    lines = LONG.replace(
        "count = sum(1 for weight in weights if weight > 0)", "count = len(weights) - weights.count(0)"
    )
    assert [pair.answer for pair in alike({"a": {"x": LONG, "y": lines}}, {})] == ["a"]


@pytest.mark.parametrize(
    "text", ["", "def f(:", "'''", "\x00", "(" * 5_000, "x = 1\n  y", "def f():\n\tpass\n        x"]
)
def test_what_is_no_python_is_no_error(text):
    assert isinstance(normalised(text), list)
    assert alike({"a": {"x": text, "y": text}}, {}) == []


def test_canvas_has_its_columns():
    who = {"first_name": "Ada", "last_name": "L", "lms_user_id": "77"}
    rows = list(
        csv.reader(io.StringIO(canvas("Toy", [mark("ada", 7.25, **who), mark("bob", handed_in=False)])))
    )
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy"],
        ["    Points Possible", "", "", "", "", "10"],
        ["L, Ada", "77", "", "ada", "", "7.25"],
        ["bob", "", "", "bob", "", ""],
    ]


def test_moodle_has_its_columns():
    who = {"first_name": "Ada", "last_name": "Ł", "email": "a@b.example"}
    text = moodle("Toy", [mark("ada", 7.25, penalty=1.0, **who), mark("bob", handed_in=False)])
    assert text.encode().decode("utf-8") == text
    assert list(csv.reader(io.StringIO(text))) == [
        ["Username", "ID number", "First name", "Last name", "Email address", "Toy"],
        ["ada", "", "Ada", "Ł", "a@b.example", "6.25"],
        ["bob", "", "", "", "", "-"],
    ]


def test_plain_has_everything():
    rows = list(
        csv.DictReader(io.StringIO(plain("Toy", [mark("ada", 7.25, penalty=8.0, needs_a_person=True)])))
    )
    assert rows[0]["points"] == "7.25"
    assert rows[0]["final"] == "0"
    assert rows[0]["time"] == "2026-03-01 12:00:00"
    assert rows[0]["waits_for_a_person"] == "yes"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=cmd|'/c calc'!A0", "＝1", "|x", "%1"]
)
def test_no_text_is_a_formula(text):
    ((cell,),) = csv.reader(io.StringIO(written([[text]])))
    assert cell.startswith("'")
    assert "\n" not in cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-1.5, "-1.5"), (0.0, "0"), (0.1 + 0.2, "0.3"), (100.0, "100"), (1e6, "1000000"), (None, ""), (3, "3")],
)
def test_numbers_stay_numbers(value, shown):
    assert written([[value, "x"]]) == f"{shown},x\r\n"


def test_the_command_writes_page_and_csv(tmp_path, monkeypatch):
    course = Marked(tmp_path / "course")
    course.mark("ada", code=LONG)
    course.mark("bob", verdict(0.0, 1.5), code=renamed(LONG))
    course.mark("cy", content="{}")
    course.writer.close()
    monkeypatch.chdir(course.root)
    done = CliRunner().invoke(app, ["report", "toy", "--csv", "canvas", "--csv", "plain"])
    assert done.exit_code == 0, done.output
    folder = course.root / "class" / "reports"
    assert sorted(path.name for path in folder.iterdir()) == ["toy.canvas.csv", "toy.html", "toy.plain.csv"]
    shown = (folder / "toy.html").read_text()
    assert "<td>ada and bob</td>" in shown
    assert "A toy" in shown
    points = {row["student"]: row["points"] for row in csv.DictReader((folder / "toy.plain.csv").open())}
    assert points == {"ada": "5", "bob": "1.5", "cy": "0"}
    done = CliRunner().invoke(app, ["report", "nothing"])
    assert (done.exit_code, "there are: toy" in done.output) == (2, True)
    done = CliRunner().invoke(app, ["report", "toy", "--csv", "excel"])
    assert done.exit_code == 2
    assert json.dumps("canvas, moodle, plain")[1:-1] in done.output
