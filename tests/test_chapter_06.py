"""Chapter 6: its layer against the package's, its questions and exercises, its filters."""

import ast

import numpy as np
import pytest

from course_utils import convolution
from course_utils.experiments import filter_bank
from course_utils.notebooks import pairs

STEM = "06_convolution"
# shape of the batch, filters, size, stride, padding
LAYERS = [((2, 3, 7, 6), 4, 3, 1, 1), ((1, 1, 5, 5), 1, 5, 1, 0), ((5, 2, 8, 9), 2, 3, 2, 1)]


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions and filters, nothing else."""
    kinds = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds) or (isinstance(node, ast.Assign) and names(node) & {"FILTERS", "bank"})
    ]
    space = {"__name__": "__main__", "SEED": 0}
    space |= {
        "grey_of": np.full(3, 1 / 3),
        "yellow_blue": np.array([0.5, 0.5, -1.0]),
        "red_green": np.array([1.0, -1.0, 0.0]),
    }
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


def names(node):
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("layer", LAYERS, ids=str)
class TestLayer:
    def test_forward_is_that_of_the_package(self, chapter, layer):
        *_, stride, padding = layer
        x, w, b, _ = chapter["random_layer"](*layer)
        expected = convolution.conv_forward(x, w, b, stride, padding)
        for name in ("conv_loops", "conv_forward", "forward_in_blocks"):
            np.testing.assert_allclose(chapter[name](x, w, b, stride, padding), expected, rtol=1e-10)
        in_blocks = convolution.forward_in_blocks(x, w, b, stride, padding)
        np.testing.assert_allclose(in_blocks, expected, rtol=1e-10)

    def test_backward_is_that_of_the_package(self, chapter, layer):
        *_, stride, padding = layer
        x, w, _, dout = chapter["random_layer"](*layer)
        expected = convolution.conv_backward(dout, x, w, stride, padding)
        for name in ("conv_loops_backward", "conv_backward", "backward_in_blocks"):
            for ours, theirs in zip(chapter[name](dout, x, w, stride, padding), expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)

    def test_columns_are_those_of_the_package(self, chapter, layer):
        shape, _, *geometry = layer
        x, *_ = chapter["random_layer"](*layer)
        columns = convolution.im2col(x, *geometry)
        assert np.array_equal(chapter["im2col"](x, *geometry), columns)
        assert np.array_equal(
            chapter["col2im"](columns, shape, *geometry), convolution.col2im(columns, shape, *geometry)
        )


def test_sizes_are_those_of_the_package(chapter):
    for size in (5, 8, 28):
        for field, stride, padding in ((1, 1, 0), (3, 1, 1), (3, 2, 1), (5, 3, 2)):
            expected = convolution.output_size(size, field, stride, padding)
            assert chapter["output_size"](size, field, stride, padding) == expected
    with pytest.raises(ValueError, match="does not fit on 3"):
        chapter["output_size"](3, 5)


def test_worked_examples(chapter):
    x, w = np.array([[12, 3, 19], [25, 10, 1], [9, 7, 17]]), np.array([[1, 2], [3, 4]])
    assert chapter["correlate"](x, w).tolist() == [[133, 75], [100, 101]]
    cross, edge = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]), np.array([[1, 0, -1]] * 3)
    assert chapter["correlate"](cross, edge).tolist() == [[0]]


def test_filters_by_hand_are_those_of_the_experiment(chapter):
    """Up to order, sign and length."""
    bank = chapter["bank"].reshape(9, -1)
    bank = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    likeness = np.abs(bank @ filter_bank.hand_made().reshape(9, -1).T)
    assert sorted(likeness.argmax(axis=1)) == list(range(9))
    np.testing.assert_allclose(likeness.max(axis=1), 1, rtol=1e-6)
