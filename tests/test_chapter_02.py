"""Chapter 2: its functions against scikit-learn, its solutions, its questions."""

import ast
import re

import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from course_utils.notebooks import pairs

STEM = "02_nearest_neighbours"


def markdown(root):
    notebook = pairs.read_script(root / "notebooks" / f"{STEM}.py")
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def functions_of(cells):
    """Run the imports and function definitions of the chapter, nothing else; return the namespace."""
    kinds = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    found = [node for cell in cells for node in ast.parse(cell).body if isinstance(node, kinds)]
    namespace = {"__name__": "__main__"}
    exec(compile(ast.Module(found, []), STEM, "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def cells(root):
    return [cell.source for cell in pairs.code_cells(pairs.read_script(root / "notebooks" / f"{STEM}.py"))]


@pytest.fixture
def chapter(cells):
    return functions_of(cells)


def whole_numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float64)


class TestDistances:
    @pytest.mark.parametrize(("m", "n", "d"), [(1, 1, 1), (1, 7, 5), (5, 1, 3), (9, 11, 48)])
    def test_all_versions_are_equal_on_whole_numbers(self, chapter, m, n, d):
        queries, x = whole_numbers(m, d), whole_numbers(n, d, seed=1)
        definition = [[sum((q - t) ** 2) for t in x] for q in queries]
        for name in ("two_loops", "one_loop", "no_loops"):
            squared = chapter[name](queries, x)
            assert squared.shape == (m, n), name
            assert np.array_equal(squared, definition), name
        assert chapter["three_loops"](queries.tolist(), x.tolist()) == definition
        absolute = [[np.abs(q - t).sum() for t in x] for q in queries]
        assert np.array_equal(chapter["l1_in_blocks"](queries, x, block=4), absolute)
        assert np.array_equal(chapter["l1_one_loop"](queries, x), absolute)

    def test_nearest_on_a_line(self, chapter):
        rng = np.random.default_rng(0)
        known, asked = np.sort(rng.random(50)), rng.random(200)
        expected = np.abs(asked[:, None] - known).argmin(axis=1)
        assert np.array_equal(chapter["nearest_on_line"](known, asked), expected)

    def test_shift(self, chapter):
        images = whole_numbers(2, 4, 5, 3)
        moved = chapter["shift"](images, 2)
        assert moved.shape == images.shape
        assert np.array_equal(moved[:, :, 2:], images[:, :, :-2])
        assert (moved[:, :, :2] == images[:, :, :1]).all()
        assert np.array_equal(chapter["shift"](images, 0), images)


class TestClassifier:
    @pytest.mark.parametrize("k", [1, 2, 5, 12])
    @pytest.mark.parametrize(("metric", "distances"), [("l1", "l1_in_blocks"), ("l2", "no_loops")])
    def test_predicts_like_scikit_learn(self, chapter, metric, distances, k):
        x, queries = whole_numbers(150, 300), whole_numbers(60, 300, seed=1)
        labels = np.random.default_rng(2).integers(0, 4, 150)
        neighbours = chapter["nearest"](chapter[distances](queries, x), k)
        oracle = KNeighborsClassifier(k, metric=metric, algorithm="brute").fit(x, labels)
        assert np.array_equal(chapter["vote"](labels[neighbours], 4), oracle.predict(queries))

    def test_one_neighbour(self, chapter):
        x, queries = whole_numbers(40, 30), whole_numbers(20, 30, seed=1)
        labels = np.random.default_rng(2).integers(0, 3, 40)
        oracle = KNeighborsClassifier(1).fit(x, labels).predict(queries)
        assert np.array_equal(chapter["predict_nearest"](chapter["train"](x, labels), queries), oracle)

    def test_first_of_equal_distances_and_smallest_of_equal_votes(self, chapter):
        assert chapter["nearest"](np.array([[2, 1, 1, 0, 1]]), 3).tolist() == [[3, 1, 2]]
        assert chapter["vote"](np.array([[2, 1], [1, 2], [0, 2]]), 3).tolist() == [1, 1, 0]

    def test_cross_validation_is_that_of_scikit_learn(self, chapter):
        x, labels = whole_numbers(83, 40), np.random.default_rng(1).integers(0, 3, 83)
        parts = chapter["fold_indices"](83, 5, np.random.default_rng(0))
        assert sorted(np.concatenate(parts)) == list(range(83))
        assert {len(part) for part in parts} == {16, 17}
        chapter["num_classes"] = 3
        found = chapter["cross_validate"](chapter["no_loops"](x, x), labels, parts, [1, 4])
        fold = np.empty(83, dtype=int)
        for number, part in enumerate(parts):
            fold[part] = number
        for column, k in enumerate((1, 4)):
            oracle = cross_val_score(
                KNeighborsClassifier(k, algorithm="brute"), x, labels, cv=PredefinedSplit(fold)
            )
            assert np.allclose(found[:, column], oracle)


def exercises(text):
    return re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[1:]


class TestExercises:
    def test_each_has_two_hints_or_more_and_a_solution_that_is_code(self, root):
        parts = exercises(markdown(root))
        assert len(parts) >= 5
        for part in parts:
            assert part.count('<details class="hint">') >= 2, part[:40]
            assert part.count('<details class="solution">') == 1, part[:40]
            assert part.count("```python") == 1, part[:40]

    @pytest.mark.parametrize("number", range(1, 7))
    def test_solution_runs(self, root, cells, number):
        part = exercises(markdown(root))[number - 1]
        assert part.startswith(f"Exercise 2.{number}:")
        code = re.search(r"```python\n(.*?)```", part, re.DOTALL)[1]
        assert "assert" in code or "print" in code
        exec(compile(code, f"solution 2.{number}", "exec"), small_chapter(cells))


def small_chapter(cells):
    """What the solutions find in the chapter's namespace, on few and small pictures."""
    space = functions_of(cells) | {"SEED": 0, "num_classes": 4, "new": [0.7]}
    for name, n in (("train", 90), ("val", 60)):
        images = whole_numbers(n, 8, 8, 3, seed=n).astype(np.uint8)
        space |= {f"{name}_images": images, f"{name}_x": space["rows"](images)}
        space[f"{name}_labels"] = np.random.default_rng(n).integers(0, 4, n)
    space["val_distances"] = {"L2": space["no_loops"](space["val_x"], space["train_x"])}
    (toy,) = [cell for cell in cells if "toy_x, toy_y = toy(" in cell]
    exec(compile(toy, "toy", "exec"), space)
    return space


class TestQuestions:
    def test_one_right_choice_and_every_choice_explained(self, root):
        questions = re.findall(r'<div class="question">(.*?)</div>', markdown(root), re.DOTALL)
        assert len(questions) >= 5
        for question in questions:
            choices = re.findall(
                r'<details class="choice( right)?"><summary>(.+?)</summary>(.*?)</details>',
                question,
                re.DOTALL,
            )
            assert len(choices) >= 3, question[:60]
            assert [right for right, _, _ in choices].count(" right") == 1, question[:60]
            assert all(len(why.split()) >= 8 for _, _, why in choices), question[:60]
