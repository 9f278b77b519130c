"""The pages about grading: their examples run, and their numbers are the corpus's."""

import json
import re
from collections import Counter

import pytest
import typer
from attacks import ATTACKS, stock
from attacks.tampering import TAMPERINGS
from grading_toys import QUICK, notebook

from course_utils.cli import app
from course_utils.grading.channel import start_unconfined
from course_utils.grading.judge import JudgeError, rehearse
from course_utils.grading.plan import make_plan


def examples(root):
    """Give the page's pieces of Python: (what each is, its code)."""
    page = (root / "book/tests_in_two_processes.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n# (Setup|Answer|Test that does not work|Test)\n(.*?)```", page, re.S)


def planned(pieces):
    """Make a plan of them."""
    kinds = {"Setup": "setup", "Answer": "answer", "Test": "test", "Test that does not work": "test"}
    cells = [(f"cell{n}", kinds[what], code, 1) for n, (what, code) in enumerate(pieces)]
    return make_plan(notebook(*cells))


def test_examples_work_in_two_processes(root):
    """All answers earn all points, and those that the page says so of do not."""
    pieces = examples(root)
    assert len(pieces) >= 15
    assert root.joinpath("book/tests_in_two_processes.md").read_text().count("```python") == len(pieces)
    good = [piece for piece in pieces if piece[0] != "Test that does not work"]
    rehearse(planned(good), start_unconfined, QUICK)
    with pytest.raises(JudgeError, match="lose points"):
        rehearse(planned(pieces), start_unconfined, QUICK)


def test_numbers_of_the_threat_model_are_the_corpus_s(root):
    """The table by kind, and what was tried on the stock autograder."""
    page = (root / "book/threat_model.md").read_text(encoding="utf-8")
    table = {kind: int(number) for kind, number in re.findall(r"(?m)^\| (\w+) \| (\d+) \|", page)}
    assert table == Counter(attack.kind for attack in (*ATTACKS.values(), *TAMPERINGS.values()))
    recorded = json.loads(stock.RECORD.read_text())
    assert all(recorded["succeeded"].values())
    assert f"All {len(recorded['succeeded'])} of them that were tried" in page
    assert f"(version {recorded['nbgrader']}, with its default settings)" in page
    assert sum(recorded["others_too"].values()) == 2
    undefended = {attack.name for attack in ATTACKS.values() if not attack.defended}
    assert undefended == {"one_bit_at_a_time", "beside_own_functions", "beside_leaving_out"}


def test_options_that_the_page_names_exist(root):
    """The page for instructors says nothing that ``course grade`` does not know."""
    page = (root / "book/instructors.md").read_text(encoding="utf-8")
    named = set(re.findall(r"--[a-z][a-z-]+", page))
    options = {
        option
        for parameter in typer.main.get_command(app).commands["grade"].params
        for option in parameter.opts
    }
    others = {"--csv", "--host", "--nthreads", "--protocol", "--to"}
    assert named - others <= options
    assert len(named & options) >= 10
