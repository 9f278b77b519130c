"""Feedback by nbgrader's own command: points, what failed, comments; nothing of hidden tests."""

import html.parser
import re

import pytest
from grade_class import answered
from people_class import HINT, SECRET, Marked, verdict

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:b()) $\\href{javascript:a()}{y}$"
)


class Text(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.tags, self.quiet = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.quiet += tag == "style"

    def handle_endtag(self, tag):
        self.quiet -= tag == "style"

    def handle_data(self, data):
        if not self.quiet:
            self.words.append(data)


def read(page):
    text = Text()
    text.feed(page)
    return re.sub(r"\s+", " ", " ".join(text.words)), text.tags


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give each student's page."""
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI

    course = Marked(tmp_path_factory.mktemp("feedback") / "course")
    course.mark("ada")
    course.mark("bob", verdict(0.0, 1.5), essay=HOSTILE, code=f"# {HOSTILE} \u202e\ndef double(x): return 1")
    course.mark("cy", content="[]")
    shuffled = answered(notebook=course.copy())
    shuffled.cells = [cell for cell in shuffled.cells if cell.id != "part_test"]
    course.mark("di", verdict(3.0, 0.0), notebook=shuffled)
    course.writer.close()
    with Gradebook(course.url, "image-classification") as book:
        grade = book.find_grade("essay", "toy", "toy", "ada")
        grade.manual_score, grade.needs_manual_grade = 1.25, False
        book.find_comment(
            "essay", "toy", "toy", "ada"
        ).manual_comment = "Say **why**: $x^2$ <script>c()</script>"
        book.db.commit()
    api = NbGraderAPI(config=course.folders.config)
    for student in ("ada", "bob", "cy", "di"):
        result = api.generate_feedback("toy", student)
        assert result["success"], result
    folder = course.root / "class" / "feedback"
    return {path.parts[-3]: path.read_text() for path in folder.glob("*/toy/toy.html")}


def test_everybody_gets_a_page_that_runs_and_loads_nothing(pages):
    assert sorted(pages) == ["ada", "bob", "cy", "di"]
    for page in pages.values():
        _, tags = read(page)
        assert {"script", "link", "iframe", "object", "form", "base"}.isdisjoint(tag for tag, _ in tags)
        for tag, attributes in tags:
            assert not any(name.startswith("on") for name in attributes), (tag, attributes)
            for name in ("src", "href"):
                assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), attributes
        assert "default-src 'none'" in dict(tags)["meta"].get("content", "") or "default-src 'none'" in page
        assert "://" not in page.replace("http://www.w3.org/1998/Math/MathML", "")


def test_points_what_failed_and_the_hint(pages):
    words, _ = read(pages["bob"])
    assert "1.5 of 8 points" in words
    assert "Hidden tests: failed 0 / 3" in words
    assert HINT in words
    assert "Visible tests: partial 1.5 / 2" in words
    assert "waits for a person" in words


def test_nothing_of_hidden_tests_and_nothing_for_instructors(pages):
    for page in pages.values():
        for text in (
            SECRET,
            "HIDDEN",
            "double(7) == 14 and",
            "assert double(3)",
            "SOLUTION",
            "AssertionError",
        ):
            assert text not in page
    assert "doubles" in pages["bob"]  # what the hidden tests are about


def test_a_persons_points_and_comment(pages):
    words, tags = read(pages["ada"])
    assert "6.25 of 8 points" in words
    assert "marked by a person 1.25 / 2" in words
    assert "<strong>why</strong>" in pages["ada"]
    assert "<msup>" in pages["ada"]


def test_formulas_of_the_statement_can_be_read_without_a_script(pages):
    for page in pages.values():
        assert "<mfrac><mrow><mi>x</mi></mrow><mrow><mn>2</mn></mrow></mfrac>" in page


def test_refused_and_repaired_say_why(pages):
    words, _ = read(pages["cy"])
    assert "Refused: nothing of it was graded" in words
    assert "0 of 8 points" in words
    assert "def double" not in pages["cy"]
    words, _ = read(pages["di"])
    assert "Repaired before it was graded" in words
    assert "part_test" in words


def test_what_students_wrote_is_readable_and_harmless(pages):
    words, _ = read(pages["bob"])
    assert "# <script>alert(1)</script>" in words  # their code, as text
    assert "⟦U+202E⟧" in words
    assert "\u202e" not in pages["bob"]
