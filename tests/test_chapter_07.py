"""Chapter 7: its pooling and its network against PyTorch and the package, its questions and exercises."""

import ast

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import models
from course_utils.experiments import car_truck_cnn, cifar10_cnn, inside
from course_utils.notebooks import pairs

STEM = "07_convolutional_networks"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions and classes, nothing else."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds)
    ]
    space = {"__name__": "__main__", "SEED": 0}
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


@pytest.fixture(scope="module")
def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (2, 3, 9, 8), (1, 2, 5, 12)], ids=str)
@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 2)])
def test_max_pooling_is_that_of_pytorch(chapter, shape, size, stride, padding):
    x = np.random.default_rng(0).normal(size=shape) - 3  # negative numbers: padding must not win
    expected = F.max_pool2d(torch.tensor(x), size, stride, padding).numpy()
    assert np.array_equal(chapter["max_pool"](x, size, stride, padding), expected)


def test_worked_example_and_the_padded_one(chapter):
    x = np.array([[1, 3, 0, 2], [5, 2, 1, 4], [0, 7, 3, 1], [2, 1, 6, 0]])
    assert chapter["max_pool"](x[None, None], 2, 2)[0, 0].tolist() == [[5, 4], [7, 6]]
    assert chapter["max_pool"](np.zeros((1, 1, 5, 5)), 3, 2, 1).shape == (1, 1, 3, 3)


def test_the_network_of_the_chapter_is_that_of_the_package(chapter):
    ours, packaged = chapter["cifar10_network"](), models.cifar10_cnn()
    assert str(ours) == str(packaged)
    assert sum(p.numel() for p in ours.parameters()) == 5_852_170
    total = sum(chapter["parameters_of"](layer) for layer in ours)
    assert total == 5_852_170


def test_small_net_learns_and_has_the_size_that_the_text_says(chapter):
    torch.manual_seed(0)
    net = chapter["SmallNet"](10)
    assert sum(p.numel() for p in net.parameters()) == 33_946
    x, y = torch.randn(8, 3, 32, 32), torch.arange(8)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(20):
        loss = F.cross_entropy(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1


def test_the_data_set_scales_as_the_package_does(chapter):
    from course_utils.evaluation import to_tensor

    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    pictures = chapter["Pictures"](images, np.arange(3))
    assert len(pictures) == 3
    assert torch.equal(torch.stack([x for x, _ in pictures]), to_tensor(images))
    assert [int(y) for _, y in pictures] == [0, 1, 2]


def test_receptive_fields_are_those_of_the_experiment(chapter):
    large = [(3, 1), (3, 1), (2, 2)] * 3
    after = [1, 2, 4, 5, 7, 8]  # layers up to each convolution
    expected = [chapter["receptive_field"](large[:n])[0] for n in after]
    assert [size for size, _, _ in inside.receptive_fields()] == expected == [3, 5, 10, 14, 24, 32]


def test_sources_figures_and_recipes_are_those_that_the_text_names(text, notebook):
    assert cifar10_cnn.RECIPE["batch_size"] == 128
    assert cifar10_cnn.RECIPE["lr"] == 1e-4
    assert cifar10_cnn.EPOCHS == 20
    captions = str([cell.metadata for cell in notebook.cells])
    assert f"{cifar10_cnn.SAMPLE:,} training pictures as they are" in captions
    for figure in (cifar10_cnn.SOURCE["test_accuracy"], cifar10_cnn.SOURCE["best_test_accuracy"]):
        assert f"{100 * figure:.2f} %" in text
    assert car_truck_cnn.HEADS["64-32-16-2"] == (64, 32, 16, 2)
