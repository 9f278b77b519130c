"""The bank of right and wrong answers: the grader's own precision and recall are 1."""

import doctest
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course_utils.assignments import source_notebook
from course_utils.grading import bank

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "ps1_first_classifiers"
ANSWERS = bank.read_bank(ROOT / "solutions" / ASSIGNMENT / "bank")
EXERCISES = [f"ex{number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def source():
    return source_notebook(ROOT, ASSIGNMENT)


@pytest.fixture(scope="module")
def full_marks(source):
    cells = [cell.metadata.get("nbgrader", {}) for cell in source.cells if cell.cell_type == "code"]
    return {info.grade_id: float(info.points) for info in cells if info.get("grade")}


def reseeded(source, shift):
    """Give the source with other seeds in its hidden tests."""
    import copy

    other = copy.deepcopy(source)
    for cell in other.cells:
        cell.source = re.sub(
            r"SEEDS = \((.*)\)",
            lambda match: f"SEEDS = ({', '.join(str(int(s) + shift) for s in match[1].split(','))})",
            cell.source,
        )
        cell.source = re.sub(r"PICTURES_SEED = \w+", f"PICTURES_SEED = {2**127 + shift}", cell.source)
    return other


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_each_answer_is_marked_rightly(answer, source, full_marks):
    """Right ones earn everything; wrong ones lose marks, on their own exercise and nowhere else."""
    points = bank.mark(source, {f"{answer.exercise}_answer": answer.source})
    lost = {grade_id for grade_id, value in full_marks.items() if points[grade_id] != value}
    assert {grade_id.split("_")[0] for grade_id in lost} <= {answer.exercise}
    assert bool(lost) == (answer.kind != "right")
    assert (f"{answer.exercise}_visible" not in lost) == answer.passes_visible


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_bank_is_large_enough(exercise):
    mine = [answer for answer in ANSWERS if answer.exercise == exercise]
    kinds = Counter(answer.kind for answer in mine)
    assert kinds["right"] >= 3
    assert kinds["wrong"] >= 5
    assert kinds["book"] >= 1
    assert sum(answer.kind == "wrong" and answer.passes_visible for answer in mine) >= 3
    assert len({answer.name for answer in mine}) == len(mine)


def test_a_bank_file_without_a_header_is_refused(tmp_path):
    (tmp_path / "ex1.py").write_text("def f():\n    pass\n")
    with pytest.raises(ValueError, match="must begin with a line"):
        bank.read_bank(tmp_path)


def test_the_reference_passes_with_other_seeds_and_marks_do_not_change(source, full_marks):
    assert bank.mark(source) == full_marks
    for shift in (5000, 90000, 12345678):
        assert bank.mark(reseeded(source, shift)) == full_marks


def test_wrong_answers_lose_marks_with_other_seeds_too(source, full_marks):
    """The verdict is about the answer, not about a lucky seed (one wrong answer of each exercise)."""
    other = reseeded(source, 777)
    for exercise in EXERCISES:
        wrong = [a for a in ANSWERS if a.exercise == exercise and a.kind != "right" and a.passes_visible]
        points = bank.mark(other, {f"{exercise}_answer": wrong[-1].source})
        assert bank.by_exercise(points)[exercise] < bank.by_exercise(full_marks)[exercise], wrong[-1]


def test_untouched_answers_earn_nothing(source):
    stub = "# YOUR CODE HERE\nraise NotImplementedError()"
    points = bank.mark(source, {f"{exercise}_answer": stub for exercise in EXERCISES})
    assert set(points.values()) == {0.0}


def test_no_answer_at_all_and_an_early_exit_earn_nothing(source):
    for text in ("", "raise SystemExit(0)", "def fit_predict(*_):\n    return None"):
        points = bank.mark(source, {f"{exercise}_answer": text for exercise in EXERCISES})
        assert set(points.values()) == {0.0}


def test_worked_examples_in_the_text_are_true(source):
    """Each example in the exercises, run against the reference."""
    namespace = {"np": np}
    for text in bank.reference_answers(source).values():
        if "def " in text:
            exec(text, namespace)
    examples = 0
    for cell in source.cells:
        for block in re.findall(r"```python\n(>>> .*?)```", cell.source, re.S) * (
            cell.cell_type == "markdown"
        ):
            test = doctest.DocTestParser().get_doctest(block, namespace, cell.id, None, 0)
            runner = doctest.DocTestRunner(verbose=False)
            runner.run(test, clear_globs=False)
            assert runner.failures == 0, cell.id
            examples += 1
    assert examples == 7


def test_baselines_stated_in_the_text(source):
    """Exercise 8's figures: the two baselines, and thresholds that lie well between them and good answers."""
    from course_utils.data import pocket10

    namespace = {"np": np}
    text = next(cell.source for cell in source.cells if cell.id == "ex8_text")
    said_softmax, said_neighbour = map(int, re.findall(r"about (\d+) %", text))
    low, high = (int(value) / 100 for value in re.findall(r"\| at least (\d+) %", text))
    books = {a.name: a.source for a in ANSWERS if a.exercise == "ex8" and a.kind == "book"}
    good = bank.reference_answers(source)["ex8_answer"]
    one_neighbour = books["nearest_neighbours"].replace("[:, :5]", "[:, :1]")
    for seed in (21, 22):
        train, labels = pocket10("train", 1000, seed=seed)
        images, truth = pocket10("test", 1000, seed=seed)

        def accuracy(code, data=(train, labels, images), truth=truth):
            exec(code, namespace)
            return float((namespace["fit_predict"](*data) == truth).mean())

        softmax = accuracy(books["softmax_on_pixels"])
        assert abs(softmax - said_softmax / 100) < 0.05
        assert abs(accuracy(one_neighbour) - said_neighbour / 100) < 0.03
        assert softmax + 0.02 < low < high < accuracy(good) - 0.03
