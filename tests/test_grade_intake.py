"""Taking submissions in: whatever is handed in has a defined outcome, and honest mishaps cost nothing."""

import copy
import json
import os
import socket
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from grading_toys import hidden
from grading_toys import notebook as toy_notebook
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils.grading.handed_in import RefusedError, read_regular
from course_utils.grading.intake import Caps, take_in
from course_utils.grading.plan import make_plan
from course_utils.grading.released import released_cells

NAME = "ps9"
SOURCE = toy_notebook(
    ("setup", "setup", "import math", 0),
    ("one_answer", "answer", "def one():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION", 0),
    ("one_test", "test", f"assert one() == 1\n{hidden('assert one() > 0')}", 3),
    ("two_answer", "answer", "def two():\n    ### BEGIN SOLUTION\n    return 2\n    ### END SOLUTION", 0),
    ("two_test", "test", "assert two() == 2", 2),
)
SOURCE.cells.insert(0, new_markdown_cell("# Title", id="title"))
SOURCE.cells.append(new_code_cell("one() + two()", id="look"))
SOURCE.cells.append(
    new_markdown_cell(
        "Why?\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION",
        id="why",
        metadata={
            "nbgrader": {
                "grade_id": "why",
                "grade": True,
                "solution": True,
                "locked": False,
                "task": False,
                "points": 4,
                "schema_version": 3,
            }
        },
    )
)
PLAN = make_plan(SOURCE)
ONE, TWO = "def one():\n    return 1", "def two():\n    return 2"


@pytest.fixture
def release():
    """Give what students got, as plain JSON data."""
    made = copy.deepcopy(SOURCE)
    for cell, given in zip(made.cells, released_cells(SOURCE), strict=True):
        cell.source = given.text
        if given.checksum:
            cell.metadata.nbgrader.checksum = given.checksum
    return made


@pytest.fixture
def answered(release):
    """Give a submission with all answers right."""
    of(release, "one_answer").source = ONE
    of(release, "two_answer").source = TWO
    of(release, "why").source = "It is so."
    return release


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "submitted" / "ada" / NAME
    made.mkdir(parents=True)
    return made


def of(book, name):
    return next(cell for cell in book.cells if cell.id == name)


def put(folder, book, name=f"{NAME}.ipynb"):
    content = book if isinstance(book, bytes) else json.dumps(book).encode()
    (folder / name).write_bytes(content)
    return folder


def taken(folder, book=None, **caps):
    if book is not None:
        put(folder, book)
    return take_in(folder, NAME, SOURCE, PLAN, Caps(**caps))


def reason(intake):
    assert intake.status == "refused"
    assert intake.submission is None
    assert intake.cells is None
    return intake.reasons[0]


def own_texts(intake):
    return [cell.source for cell in intake.cells.cells if cell.id.startswith("student-")]


def assert_full(intake, status="repaired"):
    """Check that all answers are there and everything else is the instructor's."""
    assert intake.status == status
    assert intake.submission.answers == {"one_answer": ONE, "two_answer": TWO}
    assert of(intake.cells, "why").source == "It is so."
    for cell in SOURCE.cells:
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert of(intake.cells, cell.id).source == cell.source
    nbformat.validate(intake.cells)


# Whole and honest -------------------------------------------------------------------------------


def test_an_honest_submission_is_accepted(folder, answered):
    intake = taken(folder, answered)
    assert_full(intake, "accepted")
    assert (intake.student, intake.notebook, intake.reasons) == ("ada", NAME, [])
    assert len(intake.digest) == 64
    assert intake.timestamp is None
    assert intake.submission.added == {}
    assert [cell.id for cell in intake.cells.cells] == [cell.id for cell in SOURCE.cells]


def test_cells_of_the_students_own_keep_their_places(folder, answered):
    answered.cells.insert(0, new_code_cell("top = 1"))
    answered.cells.insert(4, new_code_cell("a = 1"))
    answered.cells.insert(5, new_markdown_cell("a thought"))
    answered.cells.insert(6, new_code_cell("b = 2"))
    intake = taken(folder, answered)
    assert_full(intake, "accepted")
    assert intake.submission.added == {"": ["top = 1"], "one_answer": ["a = 1", "b = 2"]}
    assert own_texts(intake) == ["top = 1", "a = 1", "a thought", "b = 2"]


def test_a_changed_demonstration_runs_after_the_instructors(folder, answered):
    of(answered, "look").source = "one() * two()"
    intake = taken(folder, answered)
    assert_full(intake, "accepted")
    assert intake.submission.added == {"look": ["one() * two()"]}


def test_checksums_are_those_of_the_release(folder, answered):
    of(answered, "why").metadata.nbgrader.checksum = "forged"
    cells = taken(folder, answered).cells
    assert [cell.metadata.get("nbgrader", {}).get("checksum", "") for cell in cells.cells] == [
        given.checksum for given in released_cells(SOURCE)
    ]


# Files -------------------------------------------------------------------------------------------


def test_a_symbolic_link_is_refused_wherever_it_stands(tmp_path, folder, answered):
    secret = put(tmp_path, answered, "secret.ipynb") / "secret.ipynb"
    (folder / f"{NAME}.ipynb").symlink_to(secret)
    assert reason(taken(folder)) == f"{NAME}.ipynb is a symbolic link; a regular file is wanted."
    (folder / f"{NAME}.ipynb").unlink()
    put(folder, answered)
    linked = tmp_path / "submitted" / "bob"
    linked.mkdir()
    (linked / NAME).symlink_to(folder)
    assert "a symbolic link; a folder is wanted" in reason(taken(linked / NAME))
    (tmp_path / "submitted" / "eve").symlink_to(folder.parent)
    assert "eve is a symbolic link" in reason(taken(tmp_path / "submitted" / "eve" / NAME))
    assert_full(taken(folder), "accepted")


def test_pipes_sockets_folders_and_devices_are_refused_without_waiting(folder, monkeypatch):
    target = folder / f"{NAME}.ipynb"
    os.mkfifo(target)
    assert "is a pipe" in reason(taken(folder))
    target.unlink()
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(target.name)
        assert "is a socket" in reason(taken(folder))
    target.unlink()
    target.mkdir()
    assert "is a folder" in reason(taken(folder))
    with pytest.raises(RefusedError, match="null is a device"):
        read_regular(Path("/dev"), "null", 10)


def test_what_is_checked_is_what_is_read(folder, answered, monkeypatch):
    """A file that becomes a link or a pipe between the check and the opening."""
    real, target = os.open, folder / f"{NAME}.ipynb"

    def racing(make):
        def replaced(path, *arguments, **more):
            if path == target.name:
                target.unlink()
                make()
            return real(path, *arguments, **more)

        return replaced

    for make in (lambda: target.symlink_to("/etc/passwd"), lambda: os.mkfifo(target)):
        put(folder, answered)
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", racing(make))
            assert reason(taken(folder))
        target.unlink()


def test_a_missing_file_says_what_was_handed_in_instead(folder, answered):
    put(folder, answered, "PS9 (1).ipynb")
    said = reason(taken(folder))
    assert said == f"{NAME}.ipynb is missing. Handed in instead: PS9 (1).ipynb."
    assert "missing" in reason(take_in(folder.parent / "nothing", NAME, SOURCE, PLAN))


def test_names_are_shown_without_control_characters(folder, answered):
    put(folder, answered, "\x1b[31mred\n" + "x" * 200 + ".ipynb")
    said = reason(taken(folder))
    assert "\x1b" not in said
    assert "\n" not in said
    assert len(said) < 200


def test_files_beside_the_notebook_are_named_and_never_read(folder, answered):
    for name in ("numpy.py", "torch.py", "other.ipynb"):
        (folder / name).write_text("raise SystemExit")
    (folder / "course_utils").mkdir()
    (folder / "data.csv").symlink_to("/etc/passwd")
    (folder / "p2.ipynb").write_text("{}")
    os.mkfifo(folder / "pipe")
    intake = take_in(put(folder, answered), NAME, SOURCE, PLAN, known={"p2.ipynb"})
    assert_full(intake, "accepted")
    assert intake.reasons == [
        "Only the notebook is graded; without effect beside it: course_utils/, data.csv, numpy.py, "
        "other.ipynb, pipe and more."
    ]


def test_a_folder_with_very_many_files_is_not_listed_to_its_end(folder, answered):
    for number in range(40):
        (folder / f"{number:03}.txt").touch()
    assert_full(taken(folder, answered, files=10), "accepted")


def test_a_file_that_is_too_large_is_refused(folder, answered):
    content = json.dumps(answered).encode()
    put(folder, content)
    assert_full(taken(folder, size=len(content)), "accepted")
    assert "larger than" in reason(taken(folder, size=len(content) - 1))


def test_the_time_comes_from_what_collecting_wrote(folder, answered):
    answered.metadata["timestamp"] = "2001-01-01"
    assert taken(folder, answered).timestamp is None
    for text, expected in (
        ("2026-02-01 12:00:00.000000 UTC", datetime(2026, 2, 1, 12)),
        ("2026-02-01 12:00:00+01:00", datetime(2026, 2, 1, 11)),
    ):
        (folder / "timestamp.txt").write_text(text)
        assert taken(folder).timestamp == expected
    for text in ("", "no time", "9" * 90, "\0\0", "2026-02-01 12:00:00 " + "x" * 200):
        (folder / "timestamp.txt").write_text(text)
        intake = taken(folder)
        assert_full(intake, "accepted")
        assert intake.timestamp is None
        assert "time of handing in is not known" in intake.reasons[0]
    (folder / "timestamp.txt").unlink()
    os.mkfifo(folder / "timestamp.txt")
    assert "is a pipe" in taken(folder).reasons[0]


# What is in the file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not valid JSON"),
        (b'{"cells": [', "not valid JSON (line 1"),
        (b"[]", "no notebook"),
        (b"null", "no notebook"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"worksheets": "x"}', "no list of cells"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"cells": ' + b"9" * 5000 + b"}", "too long"),
        (b"[" + b"{}," * 1_000_000 + b"{}]", "values; clear its outputs"),
    ],
)
def test_what_is_no_notebook_is_refused(folder, content, said):
    assert said in reason(taken(folder, content, values=500_000))


def test_the_reason_does_not_quote_the_file(folder):
    """A submission made to point at another file must not bring its text to light."""
    for content in (b"SECRET=hunter2", b'{"SECRET": "hunter2"', b'["SECRET", "hunter2"]'):
        assert "hunter2" not in reason(taken(folder, content))


def test_too_many_cells_are_refused(folder, answered):
    answered.cells += [new_code_cell("x = 1") for _ in range(30)]
    assert_full(taken(folder, answered, cells=len(answered.cells)), "accepted")
    assert "at most" in reason(taken(folder, answered, cells=len(answered.cells) - 1))


def test_a_cell_that_is_too_long_costs_only_itself(folder, answered):
    of(answered, "two_answer").source = TWO + "\n#" + "x" * 300
    answered.cells.insert(2, new_code_cell("y" * 300))
    intake = taken(folder, answered, cell=299)
    assert intake.status == "repaired"
    assert intake.submission.answers == {"one_answer": ONE}
    assert intake.submission.added == {}
    assert "2 cells of more than 299 characters" in intake.reasons[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_other_encodings_are_read(folder, answered, encoding):
    of(answered, "why").source = "Größe"
    content = json.dumps(answered, ensure_ascii=False).encode(encoding)
    intake = taken(folder, content)
    assert of(intake.cells, "why").source == "Größe"
    assert intake.submission.answers["one_answer"] == ONE
    assert intake.status == ("accepted" if encoding == "utf-8-sig" else "repaired")
    assert encoding == "utf-8-sig" or f"read as {encoding.upper()}" in intake.reasons[0]


def test_odd_letters_and_numbers_do_no_harm(folder, answered):
    content = json.dumps(answered).replace("It is so.", "\\ud800 \\u0000 end")
    content = content.replace('"metadata":', '"x": [NaN, Infinity, -1e999], "metadata":', 1)
    intake = taken(folder, content.encode())
    text = of(intake.cells, "why").source
    assert text.endswith(" end")
    assert "\0" not in text
    text.encode()
    nbformat.writes(intake.cells).encode()


def test_format_3_is_taken_over(folder, answered):
    old = json.loads(nbformat.writes(nbformat.convert(copy.deepcopy(answered), 3), version=3))
    assert "worksheets" in old
    intake = taken(folder, old)
    assert_full(intake)
    assert "format 3" in intake.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        {"nbformat_minor": 999},
        {"nbformat_minor": None},
        {"nbformat_minor": "x"},
        {"metadata": None},
        {"metadata": [1]},
        {"metadata": {"kernelspec": "python"}},
        {"metadata": {"language_info": {"name": 3}}},
        {"worksheets": 7},
        {"cells_": [None]},
    ],
    ids=str,
)
def test_surprises_around_the_cells_change_nothing(folder, answered, change):
    assert_full(taken(folder, dict(answered) | change), "accepted")


def test_a_wrong_format_number_is_said(folder, answered):
    for number in (5, None, "4", {}):
        answered["nbformat"] = number
        intake = taken(folder, answered)
        assert_full(intake)
        assert "format" in intake.reasons[0]


def test_the_kernel_is_the_instructors(folder, answered):
    answered.metadata = {"kernelspec": {"name": "julia-1.9", "language": "Julia", "display_name": "J"}}
    intake = taken(folder, answered)
    assert_full(intake)
    assert "saved for julia" in intake.reasons[0]
    assert intake.cells.metadata == SOURCE.metadata
    answered.metadata = {}
    assert_full(taken(folder, answered), "accepted")


# Cells ------------------------------------------------------------------------------------------


def test_sources_may_be_lists_of_lines(folder, answered):
    for cell in answered.cells:
        cell.source = cell.source.splitlines(keepends=True)
    assert_full(taken(folder, answered), "accepted")


@pytest.mark.parametrize("source", [None, 3, ["a", 1], {"text": "x"}, True])
def test_a_source_that_is_no_text_costs_only_its_cell(folder, answered, source):
    of(answered, "two_answer")["source"] = source
    intake = taken(folder, answered)
    assert intake.status == "repaired"
    assert intake.submission.answers == {"one_answer": ONE}
    assert "1 of its cells could not be read" in intake.reasons[0]
    assert "Missing answers: two_answer." in intake.reasons


def test_entries_that_are_no_cells_are_left_out(folder, answered):
    answered.cells += [None, 3, [], "code", {}, {"cell_type": "code"}]
    intake = taken(folder, answered)
    assert_full(intake)
    assert "6 of its cells" in intake.reasons[0]


@pytest.mark.parametrize(
    "part", ["metadata", "nbgrader", "grade_id", "id", "outputs", "attachments", "points"]
)
@pytest.mark.parametrize("wrong", [None, 7, "x", [1], {"a": {"b": 1}}, {"image/png": 3}])
def test_parts_of_a_wrong_type_cost_nothing(folder, answered, part, wrong):
    for name in ("one_answer", "one_test", "why"):
        cell = of(answered, name)
        holder = {"nbgrader": cell.metadata, "grade_id": cell.metadata.nbgrader}.get(part, cell)
        holder = cell.metadata.nbgrader if part == "points" else holder
        holder[part] = wrong
    assert_full(taken(folder, answered), taken(folder).status)


def test_changed_tests_points_and_kinds_are_put_back(folder, answered):
    of(answered, "one_test").source = "pass"
    of(answered, "two_test").metadata.nbgrader.points = 1000
    of(answered, "setup").cell_type = "raw"
    of(answered, "setup").source = "import cheat"
    of(answered, "one_answer").cell_type = "markdown"
    of(answered, "two_answer").metadata.nbgrader.grade = True
    of(answered, "why").cell_type = "code"
    intake = taken(folder, answered)
    assert_full(intake)
    assert of(intake.cells, "two_test").metadata.nbgrader.points == 2
    assert of(intake.cells, "why").cell_type == "markdown"
    assert of(intake.cells, "two_answer").metadata.nbgrader.grade is False
    assert intake.reasons == [
        "Changed cells, put back as they were: setup, one_test.",
        "Cells turned into another kind, read as code: setup, one_answer.",
        "Changed grading information, put back: two_answer, two_test.",
        "Cells turned into another kind, read as markdown: why.",
    ]


def test_missing_cells_are_put_back_and_missing_answers_told(folder, answered):
    answered.cells = [c for c in answered.cells if c.id not in ("two_answer", "one_test", "why", "setup")]
    intake = taken(folder, answered)
    assert intake.status == "repaired"
    assert intake.submission.answers == {"one_answer": ONE}
    assert of(intake.cells, "one_test").source == of(SOURCE, "one_test").source
    assert "Missing answers: two_answer, why." in intake.reasons
    assert "Missing cells, put back: setup, one_test." in intake.reasons
    # A person looks at the written answer: it is not as it was released, which nbgrader would mark 0.
    assert of(intake.cells, "why").source == "This cell was missing from what was handed in."


def test_an_empty_notebook_is_graded_as_one_without_answers(folder, answered):
    answered.cells = []
    intake = taken(folder, answered)
    assert intake.status == "repaired"
    assert intake.submission.answers == {}


def test_cells_without_their_metadata_are_known_by_id_and_else_run_where_they_stand(folder, answered):
    for cell in answered.cells:
        cell.metadata = {}
    intake = taken(folder, answered)
    assert_full(intake)
    for number, cell in enumerate(answered.cells):
        cell.id = f"new-{number}"
    intake = taken(folder, answered)
    assert intake.submission.answers == {}
    assert intake.submission.added == {"setup": [ONE], "one_test": [TWO]}
    assert own_texts(intake) == [ONE, TWO, "It is so."]


def test_a_changed_grade_id_is_known_by_its_id(folder, answered):
    of(answered, "one_answer").metadata.nbgrader.grade_id = "mine"
    of(answered, "one_test").metadata.nbgrader.grade_id = "one_answer_"
    intake = taken(folder, answered)
    assert_full(intake)
    assert "Changed grading information, put back: one_answer, one_test." in intake.reasons


def test_swapped_grade_ids_swap_answers_and_never_tests(folder, answered):
    one, test = of(answered, "one_answer"), of(answered, "one_test")
    one.metadata.nbgrader.grade_id, test.metadata.nbgrader.grade_id = "one_test", "one_answer"
    intake = taken(folder, answered)
    assert intake.submission.answers["one_answer"] == test.source
    assert of(intake.cells, "one_test").source == of(SOURCE, "one_test").source


def test_another_order_is_put_right(folder, answered):
    answered.cells = answered.cells[::-1]
    intake = taken(folder, answered)
    assert_full(intake)
    assert "another order" in intake.reasons[0]
    assert [cell.id for cell in intake.cells.cells] == [cell.id for cell in SOURCE.cells]


def copies(answered, *texts, of_cell="one_answer"):
    """Put copies of a cell, each with another text, in the cell's place."""
    place = answered.cells.index(of(answered, of_cell))
    made = []
    for number, text in enumerate(texts):
        cell = copy.deepcopy(answered.cells[place])
        cell.source, cell.id = text, f"{of_cell}-{number}"
        made.append(cell)
    answered.cells[place : place + 1] = made


def test_of_copied_answers_the_last_changed_one_counts(folder, release, answered):
    stub = released_cells(SOURCE)[2].text
    assert "YOUR CODE HERE" in stub
    for texts, own in (
        (("draft = 0", ONE), ["draft = 0"]),
        ((ONE, stub), []),
        ((stub, ONE), []),
        (("draft = 0", stub, ONE, stub), ["draft = 0"]),
        ((ONE, ONE), [ONE]),
    ):
        book = copy.deepcopy(answered)
        copies(book, *texts)
        intake = taken(folder, book)
        assert_full(intake)
        assert own_texts(intake) == own
        assert intake.submission.added == ({"setup": own} if own else {})
        assert "more than once: one_answer." in intake.reasons[0]
    copies(answered, stub, stub)
    assert taken(folder, answered).submission.answers["one_answer"] == stub


def test_copies_of_tests_run_as_the_students_own_and_earn_nothing(folder, answered):
    test = of(answered, "one_test").source
    copies(answered, "one = lambda: 1", test, of_cell="one_test")
    intake = taken(folder, answered)
    assert_full(intake)
    assert intake.submission.added == {"one_answer": ["one = lambda: 1"]}
    assert (
        sum(cell.metadata.get("nbgrader", {}).get("grade_id") == "one_test" for cell in intake.cells.cells)
        == 1
    )


def test_own_cells_can_not_take_an_instructors_name(folder, answered):
    source = copy.deepcopy(SOURCE)
    of(source, "look").id = "student-1"
    answered.cells.insert(0, new_code_cell("a = 1"))
    intake = take_in(put(folder, answered), NAME, source, make_plan(source))
    ids = [cell.id for cell in intake.cells.cells]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "student-2"


# Pictures ---------------------------------------------------------------------------------------


def test_only_pictures_of_outputs_are_kept(folder, answered):
    data = {"image/png": "QUJD", "text/html": "<script>", "image/svg+xml": "<svg/>"}
    outputs = [new_output("stream", text="x"), *[new_output("display_data", data) for _ in range(5)]]
    of(answered, "one_answer").outputs = outputs
    of(answered, "one_test").outputs = outputs
    answered.cells.append(new_code_cell("plot()", outputs=outputs))
    of(answered, "why").attachments = {
        "a.png": {"image/png": "QUJD", "text/html": "<b>"},
        "b": {"text/html": ""},
    }
    intake = taken(folder, answered, pictures=3)
    assert_full(intake, "accepted")
    kept = of(intake.cells, "one_answer").outputs
    assert [output.data for output in kept] == [{"image/png": "QUJD"}] * 3
    assert len(of(intake.cells, "student-1").outputs) == 3
    assert of(intake.cells, "one_test").outputs == []
    assert of(intake.cells, "why").attachments == {"a.png": {"image/png": "QUJD"}}


def test_a_real_release_is_taken_in_unchanged(folder, root):
    """The released text that is worked out is the one that is committed."""
    from course_utils.assignments import source_notebook

    assignment = "ps1_first_classifiers"
    source = source_notebook(root, assignment)
    released = nbformat.read(root / "assignments" / assignment / f"{assignment}.ipynb", as_version=4)
    assert [given.text for given in released_cells(source)] == [cell.source for cell in released.cells]
    put(folder, released)
    (folder / f"{NAME}.ipynb").rename(folder / f"{assignment}.ipynb")
    intake = take_in(folder, assignment, source, make_plan(source))
    assert (intake.status, intake.reasons) == ("accepted", [])
