"""The graded notebook: nbgrader's own rule gives the verdict's points, and nothing of a student's runs."""

import base64
import io
import json

import nbformat
import pytest
from nbgrader.utils import compute_checksum, determine_grade
from PIL import Image

from course_utils.grading.graded import graded_notebook
from course_utils.grading.intake import Intake
from course_utils.grading.verdict import AnswerVerdict, CellVerdict, Verdict


def cell(kind, text, grade_id=None, **info):
    made = getattr(nbformat.v4, f"new_{kind}_cell")(text)
    if grade_id:
        made.id = grade_id.replace("_", "-")
        defaults = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        made.metadata["nbgrader"] = {"grade_id": grade_id, **defaults, **info}
    return made


def source():
    test = {"grade": True, "locked": True, "points": 4}
    made = nbformat.v4.new_notebook()
    made.cells = [
        cell("markdown", "# Statement <b>mine</b>", "title", locked=True),
        cell("code", "def f():\n    return 1", "ex1_answer", solution=True),
        cell("code", "assert f() == 1", "ex1_test", **test),
        cell("markdown", "**Rubric**: says why", "ex2_answer", grade=True, solution=True, points=6),
    ]
    return made


def handed_in(**changes):
    cells = source()
    cells.cells[1].source = "def f():\n    return 2"
    cells.cells[3].source = "because"
    return Intake("ada", "ps", changes.pop("status", "accepted"), cells=cells, **changes)


def by_id(notebook, grade_id):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


@pytest.mark.parametrize(
    ("status", "points"),
    [("passed", 4.0), ("partial", 0.0), ("partial", 0.1 + 0.2), ("partial", 3.999999), ("partial", 4.0)]
    + [(status, 0.0) for status in ("failed", "late", "stopped")],
)
@pytest.mark.parametrize("printed", ["", "3.5\n", "Traceback: 0"])
def test_nbgrader_finds_the_verdicts_points(status, points, printed):
    verdict = Verdict([CellVerdict("ex1_test", points, 4.0, status, printed=printed)])
    graded = graded_notebook(handed_in(), verdict, "k")
    nbformat.validate(graded)
    assert determine_grade(by_id(graded, "ex1_test")) == (points, 4.0)
    read_again = nbformat.reads(nbformat.writes(graded), as_version=4)
    assert determine_grade(by_id(read_again, "ex1_test")) == (points, 4.0)


def test_a_test_without_a_verdict_earns_nothing():
    assert determine_grade(by_id(graded_notebook(handed_in(), Verdict(), "k"), "ex1_test")) == (0, 4.0)


def test_a_written_answer_waits_for_a_person_unless_it_is_as_released():
    intake = handed_in()
    assert determine_grade(by_id(graded_notebook(intake, Verdict(), "k"), "ex2_answer")) == (None, 6.0)
    released = by_id(intake.cells, "ex2_answer")
    released.source = "YOUR ANSWER HERE <!-- -->"
    released.metadata.nbgrader["checksum"] = compute_checksum(released)
    graded = by_id(graded_notebook(intake, Verdict(), "k"), "ex2_answer")
    assert graded.source == "YOUR ANSWER HERE <!-- -->"
    assert determine_grade(graded) == (0, 6.0)


def test_the_notebook_says_which_verdict_it_shows():
    graded = graded_notebook(handed_in(), Verdict(), "abc")
    assert graded.metadata.course == {"key": "abc", "status": "accepted", "reasons": []}


def test_refused_has_the_reason_on_top_and_nothing_of_the_solution():
    intake = Intake("ada", "ps", "refused", ["a<script>.ipynb is a symbolic link."])
    graded = graded_notebook(intake, None, "k", source())
    nbformat.validate(graded)
    assert "is a symbolic link" in graded.cells[0].source.replace("\\", "")
    assert "<script" not in graded.cells[0].source
    assert "Rubric" not in json.dumps(graded)
    assert "return 1" not in json.dumps(graded)
    assert determine_grade(by_id(graded, "ex1_test")) == (0, 4.0)
    assert determine_grade(by_id(graded, "ex2_answer")) == (0, 6.0)
    only_reason = graded_notebook(intake, None, "k")
    assert [c.id for c in only_reason.cells] == ["course-intake"]


def test_what_students_wrote_is_cleaned_and_what_instructors_wrote_is_not():
    intake = handed_in(status="repaired", reasons=["One cell was *missing*."])
    by_id(intake.cells, "ex1_answer").source = "x = 1 # \u202e\x1b[31m <script>"
    by_id(intake.cells, "ex2_answer").source = "<script>alert(1)</script><b onclick=a()>bold</b>"
    mine = nbformat.v4.new_markdown_cell("<iframe src='javascript:a()'></iframe> hello")
    mine.id = "student-1"
    intake.cells.cells.append(mine)
    graded = graded_notebook(intake, Verdict(), "k")
    nbformat.validate(graded)
    assert by_id(graded, "title").source == "# Statement <b>mine</b>"
    assert by_id(graded, "ex1_answer").source == "x = 1 # ⟦U+202E⟧⟦U+001B⟧[31m <script>"
    assert by_id(graded, "ex2_answer").source == '<div class="written"><b>bold</b></div>'
    assert "iframe" not in graded.cells[-1].source
    assert "hello" in graded.cells[-1].source
    assert "One cell was *missing*." in graded.cells[0].source


def test_pictures_are_drawn_again_and_other_outputs_dropped():
    written = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(written, "PNG")
    encoded = base64.b64encode(written.getvalue() + b"<script>alert(1)</script>").decode()
    intake = handed_in()
    answer = by_id(intake.cells, "ex1_answer")
    hostile = {"text/html": "<script>", "application/javascript": "alert(1)", "image/svg+xml": "<svg/>"}
    answer.outputs = [
        nbformat.v4.new_output("display_data", {"image/png": encoded, **hostile}),
        nbformat.v4.new_output("display_data", {"image/png": "no picture"}),
        nbformat.v4.new_output("display_data", hostile),
    ]
    made = by_id(graded_notebook(intake, Verdict(), "k"), "ex1_answer")
    (output,) = made.outputs
    assert set(output.data) == {"image/png", "text/plain"}
    content = base64.b64decode(output.data["image/png"])
    assert b"script" not in content
    assert Image.open(io.BytesIO(content)).getpixel((1, 1)) == (255, 0, 0)


def test_very_much_text_and_very_many_pictures_take_no_time(monkeypatch):
    """Of a notebook so much is read as Markdown, and so many pictures are decoded, shown or not."""
    tried = []
    monkeypatch.setattr("course_utils.grading.graded.redrawn", lambda encoded: tried.append(encoded))
    monkeypatch.setattr("course_utils.grading.sanitise.redrawn", lambda encoded: tried.append(encoded))
    intake = handed_in()
    broken = [nbformat.v4.new_output("display_data", {"image/png": f"no picture {n}"}) for n in range(15)]
    attached = {"a": {"image/png": "none either"}}
    for number in range(10):
        text = nbformat.v4.new_markdown_cell("![here](attachment:a) *much* " * 1000, attachments=attached)
        code = nbformat.v4.new_code_cell("1", outputs=broken)
        text.id, code.id = f"student-{2 * number}", f"student-{2 * number + 1}"
        intake.cells.cells += [text, code]
    graded = graded_notebook(intake, Verdict(), "k")
    assert len(tried) == 20
    texts = [cell.source for cell in graded.cells if "*much*" in cell.source or "<em>much" in cell.source]
    assert ["<pre>" in text for text in texts] == [False] * 3 + [True] * 7


def test_an_answer_that_stopped_says_so_where_it_stands():
    intake = handed_in()
    for number in (1, 2):
        mine = nbformat.v4.new_code_cell("1 / 0")
        mine.id = f"student-{number}"
        intake.cells.cells.insert(1 + number, mine)
    verdict = Verdict(
        [CellVerdict("ex1_test", 4.0, 4.0, "passed")],
        [AnswerVerdict("ex1_answer", "ran"), AnswerVerdict("ex1_answer+2", "raised", "ZeroDivisionError")],
    )
    graded = graded_notebook(intake, verdict, "k")
    assert [bool(c.outputs) for c in graded.cells[1:4]] == [False, False, True]
    assert graded.cells[3].metadata.course.for_student == "ZeroDivisionError"
    assert determine_grade(by_id(graded, "ex1_test")) == (4.0, 4.0)
