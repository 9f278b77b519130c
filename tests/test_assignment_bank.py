"""The bank of right and wrong answers: the grader's own precision and recall are 1."""

import doctest
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course_utils.assignments import assignments, exercises, source_notebook
from course_utils.grading import bank

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
ROOT = Path(__file__).resolve().parent.parent
BANKS = {name: bank.read_bank(ROOT / "solutions" / name / "bank") for name in assignments(ROOT)}
EVERY = [(name, answer) for name, answers in BANKS.items() for answer in answers]
SOURCES = {name: source_notebook(ROOT, name) for name in BANKS}
EXERCISES = {name: sorted({answer.exercise for answer in answers}) for name, answers in BANKS.items()}
EACH = pytest.mark.parametrize("name", BANKS)
PREDICTED: dict[tuple[bytes, ...], np.ndarray] = {}


def full_marks(name):
    """Points of each test cell."""
    cells = [cell.metadata.get("nbgrader", {}) for cell in SOURCES[name].cells if cell.cell_type == "code"]
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
        cell.source = re.sub(r"(PICTURES|SCENES)_SEED = \w+", rf"\g<1>_SEED = {2**127 + shift}", cell.source)
    return other


def remembering(predict):
    """Let a function that is deterministic, as other tests here show, work once for the same input."""

    def remembered(*arrays):
        key = tuple(array.tobytes() for array in arrays)
        if key not in PREDICTED:
            PREDICTED[key] = predict(*arrays)
        return PREDICTED[key].copy()

    return remembered


def answers_with(name, answer):
    """One answer, and in place of a reference that trains a network one that does so once for all of them."""
    answers = {f"{answer.exercise}_answer": answer.source}
    for cell, text in bank.reference_answers(SOURCES[name]).items():
        if "def fit_predict" in text and cell not in answers and ".backward()" in text:
            again = "from test_assignment_bank import remembering\nfit_predict = remembering(fit_predict)\n"
            answers[cell] = f"{text}\n\n{again}"
    return answers


@pytest.mark.parametrize(("name", "answer"), EVERY, ids=[f"{n.split('_')[0]}-{a}" for n, a in EVERY])
def test_each_answer_is_marked_rightly(name, answer):
    """Right ones earn everything; wrong ones lose marks, on their own exercise and nowhere else."""
    points = bank.mark(SOURCES[name], answers_with(name, answer))
    lost = {grade_id for grade_id, value in full_marks(name).items() if points[grade_id] != value}
    assert {grade_id.split("_")[0] for grade_id in lost} <= {answer.exercise}
    assert bool(lost) == (answer.kind != "right")
    assert (f"{answer.exercise}_visible" not in lost) == answer.passes_visible


@EACH
def test_the_bank_is_large_enough(name):
    coded = [exercise["id"] for exercise in exercises(SOURCES[name])][:-1]  # the last one is read by a person
    assert EXERCISES[name] == coded
    for exercise in coded:
        mine = [answer for answer in BANKS[name] if answer.exercise == exercise]
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


@EACH
def test_the_reference_passes_with_other_seeds_and_marks_do_not_change(name):
    assert bank.mark(SOURCES[name]) == full_marks(name)
    for shift in (5000, 90000, 12345678):
        assert bank.mark(reseeded(SOURCES[name], shift)) == full_marks(name)


@EACH
def test_wrong_answers_lose_marks_with_other_seeds_too(name):
    """The verdict is about the answer, not about a lucky seed (one wrong answer of each exercise)."""
    other, full = reseeded(SOURCES[name], 777), bank.by_exercise(full_marks(name))
    for exercise in EXERCISES[name]:
        mine = [a for a in BANKS[name] if a.exercise == exercise and a.kind != "right"]
        wrong = [a for a in mine if a.passes_visible][-1]
        points = bank.mark(other, answers_with(name, wrong))
        assert bank.by_exercise(points)[exercise] < full[exercise], wrong


@EACH
def test_untouched_answers_and_early_exits_earn_nothing(name):
    for text in ("# YOUR CODE HERE\nraise NotImplementedError()", "", "raise SystemExit(0)"):
        points = bank.mark(SOURCES[name], {f"{exercise}_answer": text for exercise in EXERCISES[name]})
        assert set(points.values()) == {0.0}


@EACH
def test_worked_examples_in_the_text_are_true(name):
    """Each example in the exercises, run against the reference."""
    namespace = {"np": np}
    exec(next(cell.source for cell in SOURCES[name].cells if cell.id == "setup"), namespace)
    for text in bank.reference_answers(SOURCES[name]).values():
        if "def " in text:
            exec(text, namespace)
    examples = 0
    for cell in SOURCES[name].cells:
        blocks = re.findall(r"```python\n(>>> .*?)```", cell.source, re.S)
        for block in blocks if cell.cell_type == "markdown" else ():
            test = doctest.DocTestParser().get_doctest(block, namespace, cell.id, None, 0)
            runner = doctest.DocTestRunner(verbose=False)
            runner.run(test, clear_globs=False)
            assert runner.failures == 0, cell.id
            examples += 1
    assert examples >= len(EXERCISES[name]) - 1  # one exercise may be judged by its accuracy


def test_baselines_stated_in_assignment_1():
    """Exercise 8's figures: the two baselines, and thresholds that lie well between them and good answers."""
    from course_utils.data import pocket10

    namespace = {"np": np}
    source = SOURCES["ps1_first_classifiers"]
    text = next(cell.source for cell in source.cells if cell.id == "ex8_text")
    said_softmax, said_neighbour = map(int, re.findall(r"about (\d+) %", text))
    low, high = (int(value) / 100 for value in re.findall(r"\| at least (\d+) %", text))
    answers = [a for a in BANKS["ps1_first_classifiers"] if a.exercise == "ex8"]
    books = {a.name: a.source for a in answers if a.kind == "book"}
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


def test_baselines_stated_in_assignment_2():
    """Exercise 7's figures: three baselines, and thresholds that lie well between them and good answers."""
    source = SOURCES["ps2_neural_networks"]
    cells = {cell.id: cell.source for cell in source.cells}
    said = [int(value) / 100 for value in re.findall(r"about (\d+) %", cells["ex7_text"])]
    low, high = (int(value) / 100 for value in re.findall(r"\| at least (\d+) %", cells["ex7_text"]))
    answers = {a.name: a for a in BANKS["ps2_neural_networks"] if a.exercise == "ex7"}
    good = [a.source for a in answers.values() if a.kind == "right"]
    good.append(bank.reference_answers(source)["ex7_answer"])
    namespace = {"np": np}
    exec(cells["setup"] + "\n" + cells["ex7_draw"], namespace)
    for seed in (21, 22):
        train, unseen = (
            namespace["draw_pairs"](n, part, seed) for n, part in ((150, "train"), (1000, "test"))
        )

        def accuracy(code, train=train, unseen=unseen):
            exec(code, namespace)
            return float((namespace["same_or_different"](*train, unseen[0]) == unseen[1]).mean())

        baselines = ("linear", "nearest_pair", "until_it_knows_all_by_heart")
        found = [accuracy(answers[name].source) for name in baselines]
        assert np.allclose(found, said, atol=0.05)
        assert found[0] + 0.05 < low < found[2] - 0.05
        assert max(found) + 0.03 < high < min(map(accuracy, good)) - 0.03


def test_two_of_the_five_layers_of_assignment_2_are_wrong():
    """Exercise 8's rubric: which layers, in which argument, and which careless check misses which."""
    source = SOURCES["ps2_neural_networks"]
    cells = {cell.id: cell.source for cell in source.cells}
    namespace = {"np": np}
    exec(cells["ex5_five"] + "\n" + bank.reference_answers(source)["ex5_answer"], namespace)

    def found(audit, batch):
        wrong = set()
        for name, (forward, backward, shapes) in namespace["FIVE_LAYERS"].items():
            rng = np.random.default_rng(3)
            arrays = [rng.normal(size=(batch, 3) if len(shape) == 2 else shape) for shape in shapes]
            verdict = audit(forward, backward, arrays, 1)
            wrong |= {(name, number) for number, entries in enumerate(verdict) if entries.any()}
        return wrong

    reference = namespace["audit"]
    assert found(reference, 4) == {("roll", 0), ("scale", 1)}
    assert found(reference, 1) == {("roll", 0)}
    ones = next(a for a in BANKS["ps2_neural_networks"] if a.name == "upstream_of_ones")
    exec(ones.source, namespace)
    assert found(namespace["audit"], 4) == {("scale", 1)}


def test_baselines_stated_in_assignment_3():
    """Exercise 8's figure, and thresholds that lie well between one filter and good answers."""
    source = SOURCES["ps3_convolution"]
    cells = {cell.id: cell.source for cell in source.cells}
    said = int(re.search(r"about (\d+) %", cells["ex8_text"])[1])
    low, high = (int(value) / 100 for value in re.findall(r"\| at least (\d+) %", cells["ex8_text"]))
    answers = {a.name: a for a in BANKS["ps3_convolution"] if a.exercise == "ex8"}
    namespace = {"np": np}
    exec(cells["ex8_draw"], namespace)
    for seed in (21, 22):
        scenes, places = namespace["draw_scenes"](500, seed)

        def found(code, scenes=scenes, places=places):
            exec(code, namespace)
            return float((np.abs(namespace["find_plus"](scenes) - places) <= 1).all(axis=1).mean())

        one_filter = found(answers["plus_against_cross"].source)
        assert abs(one_filter - said / 100) < 0.05
        assert max(one_filter, found(answers["one_zero_mean_filter"].source)) + 0.15 < low
        assert all(found(a.source) > high + 0.05 for a in answers.values() if a.kind == "right")
        brightest = scenes.reshape(len(scenes), -1).argmax(axis=1)
        off = np.abs(np.stack([brightest // 32, brightest % 32], axis=1) - places)
        assert (off <= 1).all(axis=1).mean() < 0.05


def test_baselines_stated_in_assignment_4():
    """Exercise 8's figures, and thresholds that lie well between the baselines and the reference."""
    source = SOURCES["ps4_cnn_in_pytorch"]
    cells = {cell.id: cell.source for cell in source.cells}
    said = [int(value) / 100 for value in re.findall(r"about (\d+) %", cells["ex8_text"])]
    low, high = (int(value) / 100 for value in re.findall(r"\| at least (\d+) %", cells["ex8_text"]))
    answers = {a.name: a for a in BANKS["ps4_cnn_in_pytorch"] if a.exercise == "ex8"}
    names = ("softmax_on_pixels", "linear_on_turned_pictures", "upright_pictures_only")
    namespace: dict[str, object] = {}
    for cell in ("setup", "ex8_draw"):
        exec(cells[cell], namespace)
    draw = namespace["draw_snapshots"]
    data, (unseen, truth) = draw("train", 1000, 21), draw("test", 1000, 21)

    def accuracy(code):
        exec(code, namespace)
        return float((namespace["fit_predict"](*data, unseen) == truth).mean())

    found = [accuracy(answers[name].source) for name in names]
    assert np.abs(np.subtract(found, said)).max() < 0.05
    assert max(found) + 0.03 < low
    assert accuracy(bank.reference_answers(source)["ex8_answer"]) > high + 0.04
