"""Chapter 12: its blocks against the package's and torchvision's, its questions and exercises, its claims."""

import ast
import re

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from course_utils import models
from course_utils.experiments import degradation
from course_utils.notebooks import pairs

STEM = "12_resnet"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions, classes and the table of networks, nothing else."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds) or (isinstance(node, ast.Assign) and names(node) & {"FAMILY", "FAMILIES"})
    ]
    space = {"__name__": "__main__", "SEED": 0}
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


def names(node):
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


@pytest.fixture(scope="module")
def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize(("c_in", "c", "stride"), [(4, 4, 1), (4, 8, 2), (3, 5, 2)])
def test_the_basic_block_with_zero_padding_is_that_of_the_package(chapter, c_in, c, stride):
    torch.manual_seed(0)
    theirs = models.BasicBlock(c_in, c, stride)
    ours = chapter["basic"](c_in, c, stride, chapter["ZeroPad"])
    values = list(theirs.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    x = torch.randn(3, c_in, 6, 8)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("depth", [18, 50])
def test_our_networks_compute_what_torchvision_computes(chapter, depth):
    """With the same weights in the same order, the same scores."""
    theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=5).eval()
    ours = chapter["resnet"](*chapter["FAMILY"][depth], num_classes=5).eval()
    with torch.no_grad():
        for layers in zip(ordered(ours), ordered(theirs), strict=True):
            layers[0].load_state_dict(layers[1].state_dict())
        x = torch.randn(2, 3, 64, 64)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-3, atol=1e-4)


def ordered(model):
    """The layers with parameters; in both notations a block's own layers come before its projection."""
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]


def test_a_projection_appears_only_where_the_shape_changes(chapter):
    assert isinstance(chapter["projection"](4, 4, 1), nn.Identity)
    assert not isinstance(chapter["projection"](4, 8, 1), nn.Identity)
    assert not isinstance(chapter["projection"](4, 4, 2), nn.Identity)


def test_idle_blocks_make_a_network_deeper_and_leave_its_scores(chapter):
    net = chapter["fresh"]("plain", 8, width=4).eval()
    copied = chapter["deeper"](net, 2)
    assert sum(isinstance(m, nn.Conv2d) for m in copied.modules()) == 7 + 3 * 2 * 2
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(copied(x), net(x), rtol=1e-3, atol=1e-4)


def test_both_families_start_from_the_same_weights(chapter):
    plain, residual = (chapter["fresh"](kind, 14, width=4) for kind in ("plain", "residual"))
    assert all(map(torch.equal, plain.parameters(), residual.parameters()))
    x = torch.randn(2, 3, 8, 8)
    assert not torch.allclose(plain.eval()(x), residual.eval()(x))


def test_the_chapter_shrinks_and_deletes_as_the_experiment_does(chapter):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(chapter["shrink"](images, 4), degradation.halve(images))
    net = chapter["fresh"]("residual", 14, width=4)
    assert [i for i, layer in enumerate(net) if chapter["keeps_shape"](layer)] == degradation.deletable(net)
    x = torch.randn(2, 3, 8, 8)
    at = degradation.deletable(net)[1]
    shorter = degradation.without_block(net.eval(), at)
    torch.testing.assert_close(chapter["without"](net, at)(x), shorter(x))


def test_towers_differ_in_their_shortcut_only(chapter):
    """Block by block, the residual tower's first Jacobian is not the plain one's, and both are square."""
    plain, residual = (
        chapter["tower_jacobians"](block, 2, channels=2, side=3)
        for block in (models.PlainBlock, models.BasicBlock)
    )
    assert plain.shape == residual.shape == (2, 18, 18)
    assert not torch.allclose(plain[0], residual[0])


def test_exercises_have_hints_and_a_solution(text):
    parts = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[1:]
    assert [part[:14] for part in parts] == [f"Exercise 12.{i}:" for i in range(1, 7)]
    for part in parts:
        assert part.count('<details class="hint">') >= 2, part[:40]
        assert part.count('<details class="solution">') == 1, part[:40]


def test_solutions_that_need_no_training_run(chapter, text):
    """Those of the exercises 12.1, 12.2, 12.4 and 12.6; the others need the trained networks."""
    parts = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[1:]
    for number in (1, 2, 4, 6):
        code = re.search(r"```python\n(.*?)```", parts[number - 1], re.DOTALL)[1]
        exec(compile(code, f"solution {number}", "exec"), dict(chapter))


def test_starting_silent_does_what_the_solution_says(chapter, text):
    """Exercise 12.3, on pictures of noise."""
    part = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[3]
    code = re.search(r"```python\n(.*?)```", part, re.DOTALL)[1]
    torch.manual_seed(0)
    space = {"x_batch": torch.randn(8, 3, 8, 8), "y_batch": torch.arange(8)}
    exec(compile(code, "solution 3", "exec"), {**chapter, **space})


def test_swapping_and_deleting_runs_on_networks_of_noise(chapter, text, capsys):
    """Exercise 12.5: its code runs; what it finds needs trained networks."""
    part = re.split(r"^### (?=Exercise )", text, flags=re.MULTILINE)[5]
    code = re.search(r"```python\n(.*?)```", part, re.DOTALL)[1]
    keys = (("plain", 14), ("residual", 32))
    nets = {key: chapter["fresh"](*key, width=4).eval() for key in keys}
    judged = np.zeros((10, 8, 8, 3), np.uint8), np.arange(10)
    exec(compile(code, "solution 5", "exec"), chapter | {"nets": nets, "deletion": nets, "judged": judged})
    assert len(capsys.readouterr().out.splitlines()) == 3


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
