"""Gradient checking and the linear classifier: what chapter 3 built and later chapters import."""

import ast

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import linear
from course_utils.gradcheck import numerical_gradient
from course_utils.notebooks import pairs


@pytest.fixture(scope="module")
def chapter(root):
    """The functions of chapter 3."""
    notebook = pairs.read_script(root / "notebooks" / "03_linear_classifiers.py")
    kinds = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds)
    ]
    namespace = {"__name__": "chapter", "SEED": 0, "C": 4}
    exec(compile(ast.Module(found, type_ignores=[]), "chapter 3", "exec"), namespace)
    return namespace


@pytest.fixture(params=[(1, 1, 2), (5, 3, 4), (7, 6, 3)], ids=lambda shape: "N{}-D{}-C{}".format(*shape))
def problem(request):
    n, d, c = request.param
    rng = np.random.default_rng(n)
    return rng.normal(size=(d, c)), rng.normal(size=c), rng.normal(size=(n, d)), rng.integers(0, c, size=n)


def test_helpers_agree_with_chapter_3(chapter, problem):
    w, b, x, labels = problem
    np.testing.assert_array_equal(linear.scores(x, w, b), chapter["scores"](x, w, b))
    s = 100 * linear.scores(x, w, b)
    np.testing.assert_array_equal(linear.softmax(s), chapter["softmax"](s))
    np.testing.assert_array_equal(linear.log_softmax(s), chapter["log_softmax"](s))
    assert linear.accuracy(*problem) == chapter["accuracy"](*problem)
    for ours, theirs in zip(linear.softmax_loss(*problem), chapter["softmax_loss"](*problem), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_softmax_loss_agrees_with_pytorch_and_with_central_differences(problem):
    w, b, x, labels = problem
    before = [array.copy() for array in problem]
    loss, dw, db = linear.softmax_loss(*problem)
    wt, bt = (torch.tensor(array, requires_grad=True) for array in (w, b))
    value = F.cross_entropy(torch.tensor(x) @ wt + bt, torch.tensor(labels))
    value.backward()
    np.testing.assert_allclose(loss, value.item(), rtol=1e-12)
    np.testing.assert_allclose(dw, wt.grad.numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(db, bt.grad.numpy(), rtol=1e-10, atol=1e-14)
    nudged = numerical_gradient(lambda w: linear.softmax_loss(w, b, x, labels)[0], w)
    np.testing.assert_allclose(dw, nudged, rtol=1e-6, atol=1e-9)
    for array, copy in zip(problem, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_labels_in_another_number_are_refused():
    with pytest.raises(ValueError, match=r"2 pictures but labels of shape \(3,\); give one label a picture"):
        linear.softmax_loss(np.zeros((1, 2)), np.zeros(2), np.zeros((2, 1)), np.zeros(3, dtype=int))


def test_numerical_gradient_agrees_with_chapter_3_and_leaves_its_argument(chapter):
    x = np.random.default_rng(0).normal(size=(2, 3, 1))
    copy = x.copy()
    got = numerical_gradient(lambda x: np.sin(x).sum(), x)
    np.testing.assert_array_equal(got, chapter["numerical_gradient"](lambda x: np.sin(x).sum(), x))
    np.testing.assert_allclose(got, np.cos(x), rtol=1e-8)
    np.testing.assert_array_equal(x, copy)


def test_numerical_gradient_takes_whole_numbers_and_single_numbers():
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**2).sum(), np.array([1, 2])), [2, 4])
    assert numerical_gradient(lambda x: 3 * x, np.array(1.0)).shape == ()


def test_numerical_gradient_refuses_numbers_too_coarse_for_it():
    with pytest.raises(TypeError, match="x is float32; wanted float64"):
        numerical_gradient(np.sum, np.ones(2, np.float32))
