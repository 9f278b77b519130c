"""Chapter 11: its pieces against the package's, its sources, its questions and exercises."""

import ast
import math
import re

import pytest
import torch
from torch import nn

from course_utils import accounting, architectures, receptive
from course_utils.architectures import early, inception
from course_utils.milestones import MILESTONES
from course_utils.notebooks import pairs

STEM = "11_architectures"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions and classes, its connection table, nothing else."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    kept = ("sources = ", "sources.append", "MODELS =")
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds) or ast.unparse(node).startswith(kept)
    ]
    space = {"__name__": "__main__", "SEED": 0}
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


@pytest.fixture(scope="module")
def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("build", [architectures.alexnet_2012, architectures.googlenet_2014])
def test_the_counter_is_that_of_the_package(chapter, build):
    with torch.device("meta"):
        model = build()
    ours = chapter["layer_costs"](model, (3, 224, 224))
    theirs = accounting.layer_costs(model, (3, 224, 224))
    assert ours == [(row.name, row.shape, row.parameters, row.multiply_adds) for row in theirs]


def test_the_cost_of_a_convolution_is_that_of_the_package(chapter):
    for field, channels, filters, groups in ((3, 4, 6, 2), (5, 3, 7, 1)):
        model = nn.Sequential(nn.Conv2d(channels, filters, field, groups=groups))
        (row,) = accounting.layer_costs(model, (channels, 9, 8))
        places = math.prod(row.shape[1:])
        assert chapter["conv_cost"](field, channels, filters, places, groups) == (
            row.parameters,
            row.multiply_adds,
        )


@pytest.mark.parametrize(
    "windows", [[(3, 1)] * 3, [(3, 2), (3, 1), (5, 1)], [(7, 2), (3, 2), (3, 1)], [(2, 2), (1, 1)]]
)
def test_receptive_fields_are_those_of_the_package(chapter, windows):
    layers = nn.Sequential(*(nn.Conv2d(1, 1, field, stride=stride) for field, stride in windows))
    field = receptive.receptive_fields(layers)[-1]
    assert chapter["receptive_field"](windows) == (field.size, field.jump)


def test_the_connection_table_is_that_of_the_package(chapter):
    assert tuple(map(tuple, chapter["sources"])) == early.C3_SOURCES


def test_the_inception_module_is_that_of_the_package(chapter):
    torch.manual_seed(0)
    ours = chapter["Inception"](6, 1, 2, 3, 4, 5, 7)
    theirs = inception.Inception(6, (1, 2, 3, 4, 5, 7), layer=inception.conv_relu)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(mine)
    x = torch.randn(2, 6, 9, 8)
    assert torch.equal(ours(x), theirs(x))


def test_vgg_is_that_of_the_package(chapter):
    with torch.device("meta"):
        ours = chapter["vgg_features"]((2, 2, 3, 3, 3))
        theirs = list(architectures.vgg(16).parameters())[: len(list(ours.parameters()))]
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs]


def test_the_timeline_is_in_order_and_long_enough(chapter):
    years = list(chapter["MODELS"].values())
    assert years == sorted(years)
    assert len(years) >= 12


def test_every_milestone_has_a_source_and_one_kind_of_figure(root):
    bibliography = (root / "book" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([\w-]+),", bibliography, re.MULTILINE))
    for milestone in MILESTONES:
        assert milestone.source in keys, milestone
        assert (milestone.top5_error is None) != (milestone.top1_accuracy is None), milestone
        assert milestone.measured_on in ("test", "validation"), milestone
    assert [m.year for m in MILESTONES] == sorted(m.year for m in MILESTONES)


def test_both_figures_of_alexnet_say_which_is_which():
    found = {m.top5_error: m.what for m in MILESTONES if m.name.startswith("AlexNet")}
    assert set(found) == {16.4, 15.3}
    assert "5 networks" in found[16.4]
    assert "all of ImageNet" in found[15.3]


def test_blocks_of_the_next_assignment_are_not_built():
    """ResNeXt's grouped bottleneck and the pre-activation block are left to the assignment."""
    for depth in (18, 50):
        with torch.device("meta"):
            model = architectures.resnet(depth)
        assert {m.groups for m in model.modules() if isinstance(m, nn.Conv2d)} == {1}
        assert isinstance(model[4].layers[0], nn.Conv2d)


def test_solutions_run(chapter, text):
    """Each folded solution runs on what the chapter has defined, without its slow parts."""
    with torch.device("meta"):
        space = {**chapter, "alexnet": architectures.alexnet()}
    solutions = re.findall(r'<details class="solution">.*?```python\n(.*?)```', text, re.DOTALL)
    assert len(solutions) == 6
    for solution in solutions:
        exec(compile(solution, "solution", "exec"), dict(space))


def test_exercises_have_hints_and_a_solution(text):
    parts = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[1:]
    assert [part[:14] for part in parts] == [f"Exercise 11.{i}:" for i in range(1, 7)]
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
