"""Chapter 9: its optimisers against PyTorch, its schedules and dropout against the package, its questions."""

import ast
import re

import numpy as np
import pytest
import torch

from course_utils import training
from course_utils.experiments import optimisers
from course_utils.notebooks import pairs

STEM = "09_training_optimisers_and_generalisation"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions and its table of optimisers, nothing else."""
    kinds = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    wanted = {"bends", "WALKERS", "REMEMBERS"}
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds) or (isinstance(node, ast.Assign) and names(node) & wanted)
    ]
    space = {"__name__": "__main__", "SEED": 0, "C": 10}
    space |= dict.fromkeys(("y_train", "val_images", "y_val"))  # defaults of a function that is not called
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


def names(node):
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


@pytest.fixture(scope="module")
def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


NAMES = ("SGD", "momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_an_optimiser_is_pytorchs_on_gradients_of_any_size(chapter, name, seed):
    """Random gradients from 1e-4 to 1e4, among them zeros: step by step the same weights."""
    step, settings, optimizer_class, torch_settings = chapter["WALKERS"][name]
    rng = np.random.default_rng(seed)
    w, memory = rng.normal(size=7), {}
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = optimizer_class([parameter], lr=0.003, **torch_settings)
    for _ in range(40):
        g = rng.normal(size=7) * 10.0 ** rng.uniform(-4, 4) * rng.integers(0, 2, 7)
        w = step(w, g, memory, lr=0.003, **settings)
        parameter.grad = torch.tensor(g)
        optimizer.step()
        np.testing.assert_allclose(w, parameter.detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_as_large_as_the_table_says(chapter, name):
    step, settings, *_ = chapter["WALKERS"][name]
    memory, given = {}, np.ones(5)
    step(given, given, memory, lr=0.1, **settings)
    kept = sum(np.size(value) == 5 for value in memory.values())
    assert kept == chapter["REMEMBERS"][name]
    assert (given == 1).all()  # weights and gradients are not changed in place


def test_the_race_of_the_experiment_has_the_same_runners(chapter):
    assert list(optimisers.METHODS) == list(chapter["WALKERS"]) == list(NAMES)
    for name, (kind, settings) in optimisers.METHODS.items():
        _, _, optimizer_class, torch_settings = chapter["WALKERS"][name]
        weight = torch.zeros(1, requires_grad=True)
        ours = getattr(torch.optim, kind)([weight], lr=0.1, **settings).defaults
        assert ours == optimizer_class([weight], lr=0.1, **torch_settings).defaults


def test_schedules_are_those_of_the_package(chapter):
    """Warm-up over a fifth of the steps, as course_utils.training does it."""
    cosine, warm = training._schedule("cosine", 100), training._schedule("warmup_cosine", 100)
    for t in range(100):
        assert chapter["cosine_decay"](t, 100) == pytest.approx(cosine(t), abs=1e-12)
        assert chapter["warm_cosine"](t, 100) == pytest.approx(warm(t), abs=1e-12)
    assert [round(chapter["step_decay"](t, 100), 3) for t in (0, 49, 50, 74, 75)] == [1, 1, 0.1, 0.1, 0.01]
    assert [chapter["linear_decay"](t, 4) for t in range(4)] == [1, 0.75, 0.5, 0.25]


def test_bias_correction_on_any_gradients(chapter):
    rng = np.random.default_rng(0)
    g = rng.normal(size=(9, 5))
    weights = 0.1 * 0.9 ** np.arange(8, -1, -1)
    np.testing.assert_allclose(chapter["fading_mean"](g, 0.9), weights @ g, rtol=1e-12)
    assert weights.sum() == pytest.approx(1 - 0.9**9)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean_and_passes_gradients_where_it_passed_values(chapter, p):
    masks, chance = chapter["all_masks"](5, p)
    assert masks.shape == (32, 5)
    assert chance.sum() == pytest.approx(1)
    x = np.random.default_rng(0).normal(size=(1, 5))
    np.testing.assert_allclose(chance @ chapter["dropout_forward"](x, p, masks), x[0], rtol=1e-12)
    dx = chapter["dropout_backward"](np.ones((32, 5)), p, masks)
    np.testing.assert_allclose(dx, masks / (1 - p), rtol=1e-12)
    assert chapter["dropout_forward"](x, p) is x


def test_ten_versions_are_five_places_and_their_mirror_images(chapter):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    found = list(chapter["versions"](images))
    assert len(found) == 10
    assert len({version.tobytes() for version in found}) == 10
    assert all(version.shape == images.shape for version in found)
    assert np.array_equal(found[0], images)
    assert all(np.array_equal(b, a[:, :, ::-1]) for a, b in zip(found[::2], found[1::2], strict=True))
    assert np.array_equal(found[4][:, :-2], images[:, 2:])  # two pixels up


def test_votes(chapter):
    assert chapter["majority"](1, 0.7) == pytest.approx(0.7)
    assert chapter["majority"](3, 0.7) == pytest.approx(0.7**3 + 3 * 0.7**2 * 0.3)
    assert chapter["majority"](5, 0.5) == pytest.approx(0.5)


def test_what_the_assignment_grades_is_not_in_the_chapter(notebook):
    code = "\n".join(cell.source for cell in pairs.code_cells(notebook)).lower()
    for word in ("nadam", "amsgrad", "lion", "dropout2d", "cutmix", "swa_utils", "ema"):
        assert not re.search(rf"\b{word}\b", code), word


def test_exercises_have_hints_and_a_solution(text):
    parts = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[1:]
    assert [part[:13] for part in parts] == [f"Exercise 9.{i}:" for i in range(1, 7)]
    for part in parts:
        assert part.count('<details class="hint">') >= 2, part[:40]
        assert part.count('<details class="solution">') == 1, part[:40]


def test_questions_have_one_right_choice_and_explain_every_choice(text):
    questions = re.findall(r'<div class="question">(.*?)</div>', text, re.DOTALL)
    assert len(questions) >= 5
    choice = re.compile(
        r'<details class="choice( right)?"><summary>(.+?)</summary>(.*?)</details>', re.DOTALL
    )
    for question in questions:
        choices = choice.findall(question)
        assert len(choices) >= 3, question[:60]
        assert [right for right, _, _ in choices].count(" right") == 1, question[:60]
        assert all(len(why.split()) >= 8 for _, _, why in choices), question[:60]
