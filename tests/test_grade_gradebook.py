"""The gradebook: what is read from it, and that marks are written whole, once, and by one process."""

import datetime
import json
import os
import subprocess
import sys
import sysconfig

import nbgrader.api
import postgres
import pytest
import sqlalchemy as sa
from grade_class import HALF, RELEASED, RIGHT, Course, source

from course_utils.grading import enrol, entry
from course_utils.grading.coursefolder import CourseFolder
from course_utils.grading.gradebook import Gradebook, GradebookError
from course_utils.grading.intake import take_in
from course_utils.grading.lateness import penalty_from
from course_utils.grading.plan import make_plan
from course_utils.grading.records import VERDICTS
from course_utils.grading.verdict import AnswerVerdict, CellVerdict, Verdict
from course_utils.grading.writer import Writer

pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own

VERDICT = Verdict(
    [
        CellVerdict("double_test", 1.5, 3, "partial", "half", "half of it", 0.25),
        CellVerdict("essay", 0, 2, "by hand"),
    ],
    [AnswerVerdict("double_answer", "ran")],
    ["it ended"],
)


@pytest.fixture(autouse=True)
def alembic_is_found(monkeypatch):
    """Let nbgrader find alembic, which it calls by name, although .venv is not activated."""
    monkeypatch.setenv("PATH", os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'gradebook.db'}"


def test_a_verdict_comes_back_from_its_json():
    assert Verdict.from_json(VERDICT.as_json()) == VERDICT
    for text in ("", "[]", "{}", '{"cells": [{"a": 1}], "answers": [], "deaths": []}'):
        with pytest.raises(ValueError, match="no verdict|Expecting value|indices"):
            Verdict.from_json(text)


@pytest.fixture
def filled(url):
    """Make a gradebook with nbgrader's API: ada handed in late, bob's was refused, cyd handed in nothing."""
    Writer(url, "course", lambda *about: None).close()
    with nbgrader.api.Gradebook(url) as stock:
        stock.add_assignment("ps1")
        stock.add_notebook("ps1", "ps1")
        stock.add_grade_cell("double_test", "ps1", "ps1", max_score=3, cell_type="code")
        stock.add_grade_cell("essay", "ps1", "ps1", max_score=2, cell_type="markdown")
        for student in ("ada", "bob", "cyd"):
            stock.add_student(student, first_name=student.title(), email=f"{student}@example.org")
        for student in ("ada", "bob"):
            stock.add_submission("ps1", student, timestamp="2026-01-02 03:04:05")
            notebook = stock.find_submission_notebook("ps1", "ps1", student)
            grade = stock.find_grade("double_test", "ps1", "ps1", student)
            grade.auto_score = {"ada": 1.5, "bob": 0}[student]
            grade.needs_manual_grade = False
            notebook.late_submission_penalty = 0.5
            row = {
                "assignment": "ps1",
                "student": student,
                "notebook": "ps1",
                "submitted_notebook": notebook.id,
                "status": {"ada": "accepted", "bob": "refused"}[student],
                "reasons": json.dumps({"ada": [], "bob": ["not a notebook"]}[student]),
                "digest": "0" * 64,
                "key_parts": json.dumps({"answers": student}),
                "verdict": VERDICT.as_json() if student == "ada" else None,
                "written": "{}",
            }
            stock.db.execute(sa.insert(VERDICTS).values(**row))
            stock.db.commit()
    return url


def test_reading(filled):
    with Gradebook(filled) as gradebook:
        ada, bob = gradebook.stored("ps1")
        assert (ada.student, ada.notebook, ada.status, ada.reasons) == ("ada", "ps1", "accepted", [])
        assert ada.verdict == VERDICT
        assert ada.key == {"answers": "ada"}
        assert ada.digest == "0" * 64
        assert ada.timestamp.isoformat() == "2026-01-02T03:04:05"
        assert (bob.status, bob.reasons, bob.verdict) == ("refused", ["not a notebook"], None)
        marks = gradebook.marks("ps1")
        found = [
            (m.student, m.handed_in, m.score, m.penalty, m.final, m.maximum, m.needs_a_person) for m in marks
        ]
        assert found == [
            ("ada", True, 1.5, 0.5, 1.0, 5.0, True),
            ("bob", True, 0.0, 0.5, 0.0, 5.0, True),
            ("cyd", False, 0.0, 0.0, 0.0, 5.0, False),
        ]
        assert (marks[0].first_name, marks[0].last_name, marks[0].email) == ("Ada", "", "ada@example.org")
        cells = gradebook.cell_marks("ps1")
        assert [(c.student, c.cell, c.auto, c.manual, c.maximum) for c in cells[:2]] == [
            ("ada", "double_test", 1.5, None, 3.0),
            ("ada", "essay", None, None, 2.0),
        ]
        assert gradebook.stored("ps2") == []


def test_a_verdict_without_its_submission_does_not_count(filled):
    with nbgrader.api.Gradebook(filled) as stock:
        stock.remove_submission("ps1", "ada")
    assert [row.student for row in Gradebook(filled).stored("ps1")] == ["bob"]


def test_reading_makes_no_gradebook(url, tmp_path):
    with Gradebook(url) as gradebook:
        assert gradebook.stored("ps1") == gradebook.marks("ps1") == gradebook.cell_marks("ps1") == []
    assert list(tmp_path.iterdir()) == []


class Class(Course):
    """A class whose verdicts are made up, and the one who writes them."""

    def __init__(self, folder, url=None, **notebooks):
        super().__init__(folder, notebooks=notebooks or None)
        self.book = url or self.url

    def writer(self):
        settings = CourseFolder(self.root)
        writer = Writer(self.book, "course", penalty_from(settings.config))
        folder = self.root / "solutions" / "toy"
        writer.enrol(
            "toy",
            {
                name: enrol.prepared(notebook, name, "toy", folder, settings.config)
                for name, notebook in settings.sources("toy").items()
            },
        )
        return writer

    def enter(self, student, points, key="k", writer=None, name="toy"):
        """Enter what tests are said to have given: (double_test, part_test), or None for a refusal."""
        intake = take_in(self.folder(student), name, source(), make_plan(source()))
        cells = [
            CellVerdict(cell, earned, 3 - place, "passed")
            for place, (cell, earned) in enumerate(
                zip(("double_test", "part_test"), points or (), strict=False)
            )
        ]
        cells += [CellVerdict("essay", 0, 2, "by hand"), CellVerdict("task", 0, 1, "by hand")]
        with writer or self.writer() as book:
            book.write("toy", intake, Verdict(cells) if points else None, {"answers": key})
            return book

    def grades(self, student):
        """Give auto, manual and extra points and whether a person is waited for, of each cell."""
        with nbgrader.api.Gradebook(self.book) as stock:
            found = stock.find_submission("toy", student)
            return {
                grade.name: (
                    grade.auto_score,
                    grade.manual_score,
                    grade.extra_credit,
                    grade.needs_manual_grade,
                )
                for notebook in found.notebooks
                for grade in notebook.grades
            }

    def by_a_person(self, student, cell, manual=None, extra=None, comment=None):
        """Do what formgrader does when a person enters marks and a comment."""
        with nbgrader.api.Gradebook(self.book) as stock:
            grade = stock.find_grade(cell, "toy", "toy", student)
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = manual, extra, False
            if comment:
                stock.find_comment("essay", "toy", "toy", student).manual_comment = comment
            stock.db.commit()

    def penalty(self, student):
        with nbgrader.api.Gradebook(self.book) as stock:
            return stock.find_submission_notebook("toy", "toy", student).late_submission_penalty


def stock_nbgrader(folder, *command):
    """Run a stock command."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def toy(tmp_path):
    return Class(tmp_path / "course")


def tables(url, without=("alembic_version", "course_verdict")):
    """Give all rows of a gradebook with names in place of random ids, but for what is ours."""
    engine = sa.create_engine(url)
    meta = sa.MetaData()
    meta.reflect(engine)
    found, names = {}, {}
    with engine.connect() as connection:
        order = [table for table in meta.sorted_tables if table.name not in without]
        for table in order:
            rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for row in rows:
                for column, value in row.items():
                    if column.endswith("_id") or (column == "id" and value in names):
                        row[column] = names.get(value, value)
            if "id" in table.c and table.name not in ("student", "course"):
                for row in rows:
                    parts = [
                        str(v) for c, v in sorted(row.items()) if c in ("name", "type") or c.endswith("_id")
                    ]
                    if row["id"] not in names.values():
                        names[row["id"]] = row["id"] = f"{table.name}/{'/'.join(parts)}"
            found[table.name] = sorted(rows, key=str)
    engine.dispose()
    return found


def test_an_assignment_is_entered_as_nbgrader_does(toy, tmp_path):
    toy.writer().close()
    stock = tmp_path / "stock.db"
    command = ["generate_assignment", "toy", "--db", f"sqlite:///{stock}", "--course", "course"]
    subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=toy.root, check=True, capture_output=True
    )
    ours, theirs = tables(toy.book), tables(f"sqlite:///{stock}")
    del ours["course"], theirs["course"]  # nbgrader's SaveCells enters its default course as well
    assert ours == theirs
    assert len(ours["source_cell"]) == 6
    with (
        sa.create_engine(toy.book).connect() as one,
        sa.create_engine(f"sqlite:///{stock}").connect() as other,
    ):
        version = sa.text("SELECT version_num FROM alembic_version")
        assert one.scalar(version) == other.scalar(version)


def test_changes_of_an_assignment_are_entered(toy):
    toy.hand_in("ada")
    toy.enter("ada", (3, 2))
    notebook = source(points=4)
    extra = source().cells[2]
    extra.id = extra.metadata.nbgrader["grade_id"] = "more_test"
    notebook.cells.append(extra)
    Course.write(toy.root / "solutions" / "toy" / "toy.ipynb", notebook)
    toy.writer().close()
    assert [mark.maximum for mark in Gradebook(toy.book).marks("toy")] == [12.0]
    toy.enter("ada", (4, 2))
    assert toy.grades("ada")["more_test"] == (None, None, None, True)
    Course.write(toy.root / "solutions" / "toy" / "toy.ipynb", source())
    with pytest.raises(
        GradebookError, match=r"has the cell more_test of toy.*marks for 1 submissions: put it back"
    ):
        toy.writer()


def test_marks_are_those_of_nbgrader(toy, tmp_path):
    """The rows that `nbgrader autograde` writes for the same work, but for random ids."""
    toy.hand_in("ada", RIGHT, essay=RELEASED, time="2026-03-01 12:00:00 UTC")
    toy.hand_in("bob", HALF)
    toy.enter("ada", (3, 2))
    toy.enter("bob", (0, 1.5))
    (toy.root / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.source_directory = 'solutions'\n"
        "c.CourseDirectory.release_directory = 'assignments'\n"
        "c.CourseDirectory.submitted_directory = 'class/submitted'\n"
        "c.CourseDirectory.autograded_directory = 'class/autograded'\n"
    )
    url = f"sqlite:///{tmp_path / 'stock.db'}"
    for command in ("generate_assignment", "autograde"):
        stock_nbgrader(toy.root, command, "toy", "--db", url, "--course", "course")
    ours, theirs = tables(toy.book), tables(url)
    for name in theirs:
        if name != "course":  # as above
            assert ours[name] == theirs[name], name
    assert len(ours["grade"]) == 8


def test_a_refusal_gives_nothing_and_asks_for_nobody(toy):
    toy.folder("ada").mkdir(parents=True)
    toy.enter("ada", None)
    assert set(toy.grades("ada").values()) == {(0.0, None, None, False)}
    (row,) = Gradebook(toy.book).stored("toy")
    assert (row.status, row.verdict, row.reasons) == ("refused", None, ["toy.ipynb is missing."])


def test_what_a_person_entered_survives(toy):
    toy.hand_in("ada")
    toy.enter("ada", (3, 2))
    assert toy.grades("ada")["essay"] == (None, None, None, True)
    toy.by_a_person("ada", "essay", manual=1.5, comment="Good.")
    toy.by_a_person("ada", "double_test", manual=2.5, extra=0.5)
    toy.by_a_person("ada", "task", manual=1)
    before = toy.grades("ada")
    toy.enter("ada", (3, 2))
    assert toy.grades("ada") == before, "marking the same work again asks nobody to look again"
    toy.enter("ada", (1, 2))
    assert toy.grades("ada") == before | {"double_test": (1.0, 2.5, 0.5, True)}
    toy.by_a_person("ada", "double_test", manual=2.5, extra=0.5)
    toy.hand_in("ada", essay="Another reason.")
    toy.enter("ada", (1, 2), key="other answers")
    after = toy.grades("ada")
    assert after["essay"] == (None, 1.5, None, True), "another text is to be read again"
    assert after["task"] == (None, 1.0, None, True)
    assert after["double_test"] == (1.0, 2.5, 0.5, False)
    with nbgrader.api.Gradebook(toy.book) as stock:
        assert stock.find_comment("essay", "toy", "toy", "ada").comment == "Good."


def test_an_answer_left_as_released_earns_nothing_by_itself(toy):
    toy.hand_in("ada", essay=RELEASED)
    toy.enter("ada", (3, 2))
    assert toy.grades("ada")["essay"] == (0.0, None, None, False)
    with nbgrader.api.Gradebook(toy.book) as stock:
        assert stock.find_comment("essay", "toy", "toy", "ada").comment == "No response."
    toy.hand_in("ada", essay="Because.")
    toy.enter("ada", (3, 2), key="other")
    assert toy.grades("ada")["essay"] == (None, None, None, True)
    with nbgrader.api.Gradebook(toy.book) as stock:
        assert stock.find_comment("essay", "toy", "toy", "ada").comment is None


PLUGIN = """
from nbgrader.plugins import BasePlugin
class HalfAPointAnHour(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 7200
c.AssignLatePenalties.plugin_class = HalfAPointAnHour
"""


def test_penalties_for_being_late(toy):
    toy.configure(PLUGIN)
    toy.hand_in("ada", time="2026-03-01 12:00:00 UTC")
    toy.hand_in("bob", time="2026-03-01 09:00:00 UTC")
    toy.hand_in("cyd", time="2026-04-01 09:00:00 UTC")
    toy.writer().close()
    with nbgrader.api.Gradebook(toy.book) as stock:
        stock.update_or_create_assignment("toy", duedate=datetime.datetime(2026, 3, 1, 10))
    toy.enter("ada", (3, 2))
    toy.enter("bob", (3, 2))
    toy.enter("cyd", (3, 1))
    assert (toy.penalty("ada"), toy.penalty("bob"), toy.penalty("cyd")) == (1.0, None, 4.0), (
        "at most the points"
    )
    with nbgrader.api.Gradebook(toy.book) as stock:
        stock.grant_extension("toy", "ada", hours=1)
    with toy.writer() as writer:
        later = datetime.datetime(2026, 3, 1, 11)
        assert writer.refresh("toy", {"ada": None, "bob": later}) == 2
        assert writer.refresh("toy", {"ada": None, "bob": later}) == 0
    assert (toy.penalty("ada"), toy.penalty("bob"), toy.penalty("cyd")) == (0.5, 0.5, 4.0)


def test_all_or_nothing(toy, monkeypatch):
    """What fails between marks and verdict leaves no trace of either."""
    toy.hand_in("ada")
    with toy.writer() as writer:
        before = tables(toy.book, without=())

        def fail(*about):
            raise RuntimeError("the plugin's")

        monkeypatch.setattr(entry, "_remark", fail)
        with pytest.raises(RuntimeError, match="plugin"):
            toy.enter("ada", (3, 2), writer=writer)
    assert tables(toy.book, without=()) == before


def test_a_submission_costs_the_same_whatever_the_class(toy):
    """As many statements for the first as for the twentieth, and none that reads a whole table."""
    counts = []
    with toy.writer() as writer:

        def note(connection, cursor, statement, parameters, context, many):
            seen.append((statement, parameters[0] if many else parameters))

        sa.event.listen(writer.engine, "before_cursor_execute", note)
        for number in range(20):
            toy.hand_in(f"s{number}")
            intake = take_in(toy.folder(f"s{number}"), "toy", source(), make_plan(source()))
            for _ in range(2):  # the second time there are rows to change
                seen = []
                writer.write("toy", intake, Verdict([CellVerdict("double_test", 3, 3, "passed")]), {})
                counts.append(len(seen))
    assert set(counts[::2]) == {counts[0]}
    assert set(counts[1::2]) == {counts[1]}
    plans = []
    with sa.create_engine(toy.book).connect() as connection:
        for statement, parameters in seen:
            if not statement.startswith(("BEGIN", "INSERT")):
                explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += [row[3] for row in explained]
    assert len(plans) >= 8
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


HOLD = "import sys, time; from course_utils.grading.onewriter import Lock; from sqlalchemy import make_url; "
HOLD += "lock = Lock(make_url(sys.argv[1]), 'course grade ps1'); print('held', flush=True); time.sleep(60)"


def held(url):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    return holder


def second_writer_waits(toy):
    """Check that one process keeps others from writing, says who it is, and no longer when it is killed."""
    holder = held(toy.book)
    try:
        with pytest.raises(
            GradebookError, match=rf"another process writes.*process {holder.pid} on .* since"
        ):
            toy.writer()
        Gradebook(toy.book).stored("toy")
    finally:
        holder.kill()
        holder.wait()
    toy.writer().close()


def test_one_writer(toy):
    toy.writer().close()
    second_writer_waits(toy)


def test_several_notebooks(tmp_path):
    toy = Class(tmp_path / "course", one=source(), two=source())
    toy.hand_in("ada", name="one")
    toy.enter("ada", (3, 2), name="one")
    toy.enter("ada", None, name="two")
    (mark,) = Gradebook(toy.book).marks("toy")
    assert (mark.score, mark.maximum) == (5.0, 16.0)
    assert [(row.notebook, row.status) for row in Gradebook(toy.book).stored("toy")] == [
        ("one", "accepted"),
        ("two", "refused"),
    ]


def test_a_gradebook_that_is_none(tmp_path):
    (tmp_path / "gradebook.db").write_text("not a database, but long enough to be taken for one" * 100)
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with pytest.raises(GradebookError, match="can't be used: file is not a database"):
        Gradebook(url).stored("ps1")
    with pytest.raises(GradebookError, match="can't be used: file is not a database"):
        Writer(url, "course", lambda *about: None)


@pytest.fixture(scope="module")
def on_postgresql():
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: sudo apt-get install postgresql)")
    with postgres.server() as database:
        yield database


def test_postgresql(on_postgresql, tmp_path):
    """The same rows as with SQLite, a person's marks kept, and one writer."""
    url = on_postgresql("grades")
    there, here = Class(tmp_path / "there", url), Class(tmp_path / "here")
    for toy in (there, here):
        toy.hand_in("ada")
        toy.hand_in("bob", essay=RELEASED)
        toy.enter("ada", (3, 2))
        toy.enter("bob", (0, 1.5))
        toy.by_a_person("ada", "essay", manual=1.5, extra=0.25, comment="Good.")
        toy.enter("ada", (1, 2))
    assert there.grades("ada") == here.grades("ada")
    assert there.grades("ada")["essay"] == (None, 1.5, 0.25, False)
    assert Gradebook(url).stored("toy") == Gradebook(here.book).stored("toy")
    assert Gradebook(url).marks("toy") == Gradebook(here.book).marks("toy")
    assert Gradebook(url).cell_marks("toy") == Gradebook(here.book).cell_marks("toy")
    assert tables(url) == tables(here.book)
    second_writer_waits(there)
    command = ["export", "--to", str(tmp_path / "grades.csv"), "--db", url, "--course", "course"]
    stock_nbgrader(there.root, *command)
    assert ",ada,,,,4.75,0.0,4.75,8.0" in (tmp_path / "grades.csv").read_text()


def test_postgresql_is_not_there(tmp_path):
    url = f"postgresql+psycopg://course@/grades?host={tmp_path}"
    for opened in (lambda: Gradebook(url).stored("toy"), lambda: Writer(url, "course", lambda *about: None)):
        with pytest.raises(GradebookError, match=r"postgresql.*can't be used: connection"):
            opened()
