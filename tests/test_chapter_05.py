"""Chapter 5: its engines and layers against PyTorch, and its gradient check against the package's."""

import ast
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import gradcheck as package
from course_utils.notebooks import pairs

SCRIPT = Path(__file__).resolve().parent.parent / "notebooks" / "05_neural_networks_and_backprop.py"
CELLS = pairs.read_script(SCRIPT).cells
TEXT = "\n\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def chapter() -> SimpleNamespace:
    """What the chapter imports and defines; nothing else of it is run."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    kept = [
        node
        for cell in pairs.code_cells(pairs.read_script(SCRIPT))
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds)
    ]
    namespace: dict[str, object] = {"__name__": "chapter", "SEED": 0}
    exec(compile(ast.Module(kept, type_ignores=[]), SCRIPT.name, "exec"), namespace)
    return SimpleNamespace(**namespace)


# --- the gradient check -------------------------------------------------------------------------------------


def both_checks(chapter, function, oracle, *shapes):
    """The entries that the chapter's check compared, and the package's; an AssertionError counts as -1."""

    def outcome(check):
        try:
            return check()
        except AssertionError:
            return -1

    return (
        outcome(lambda: chapter.check_gradients(function, oracle, *shapes)),
        outcome(lambda: package.gradcheck(function, oracle, shapes)),
    )


def test_both_gradient_checks_agree_on_what_is_right_and_on_what_is_wrong(chapter):
    times = torch.mul
    assert both_checks(chapter, chapter.product, times, (3, 4), (3, 4)) == (24, 24)
    assert both_checks(chapter, chapter.careless_product, times, (3, 4), (3, 4)) == (-1, -1)
    assert both_checks(chapter, chapter.product, lambda x, y: x * y + 1e-6, (2,), (2,)) == (-1, -1)


# --- layers -------------------------------------------------------------------------------------------------

LAYERS = {
    "Linear": (lambda x, w, b: F.linear(x, w.T, b), [[(1, 1), (1, 1), (1,)], [(7, 3), (3, 5), (5,)]]),
    "ReLU": (torch.relu, [[(1, 1)], [(2, 3, 4)]]),
    "Sigmoid": (torch.sigmoid, [[(1, 1)], [(2, 3, 4)]]),
    "Tanh": (torch.tanh, [[(1, 1)], [(2, 3, 4)]]),
    "MaxPool": (lambda x: F.max_pool2d(x, 2), [[(1, 1, 2, 2)], [(2, 3, 6, 4)]]),
    "MeanPool": (lambda x: F.avg_pool2d(x, 2), [[(1, 1, 2, 2)], [(2, 3, 6, 4)]]),
    "Conv": (
        F.conv2d,
        [
            [(1, 1, 1, 1), (1, 1, 1, 1), (1,)],
            [(2, 3, 5, 4), (2, 3, 3, 2), (2,)],
            [(1, 2, 3, 3), (1, 2, 3, 3), (1,)],
        ],
    ),
}


@pytest.mark.parametrize(
    ("name", "shapes"), [(name, shapes) for name, (_, cases) in LAYERS.items() for shapes in cases]
)
def test_layers_agree_with_pytorch(chapter, name, shapes):
    function = chapter.as_function(getattr(chapter, name))
    assert package.gradcheck(function, LAYERS[name][0], shapes) == sum(map(np.prod, shapes))


def test_equal_pixels_share_a_window_and_one_of_them_wins(chapter):
    layer = chapter.MaxPool()
    assert layer.forward(np.ones((1, 1, 2, 2))).tolist() == [[[[1.0]]]]
    assert layer.backward(np.full((1, 1, 1, 1), 5.0)).sum() == 5


def test_a_deep_network_agrees_with_pytorch(chapter):
    network = chapter.fresh_network(6, 5, 4, 3, seed=1)
    x, labels = np.random.default_rng(2).normal(size=(8, 6)), np.arange(8) % 3
    loss, ds = chapter.softmax_cross_entropy(network.forward(x), labels)
    dx = network.backward(ds)
    here = tensor = torch.tensor(x, requires_grad=True)
    parameters = []
    for layer in network.layers:
        own = [torch.tensor(value, requires_grad=True) for value in layer.params]
        parameters += own
        here = here @ own[0] + own[1] if own else torch.relu(here)
    value = F.cross_entropy(here, torch.tensor(labels))
    value.backward()
    np.testing.assert_allclose(loss, value.item(), rtol=1e-10)
    np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=1e-10, atol=1e-13)
    ours = [gradient for layer in network.layers for gradient in layer.grads]
    for found, wanted in zip(ours, parameters, strict=True):
        np.testing.assert_allclose(found, wanted.grad.numpy(), rtol=1e-10, atol=1e-13)


# --- engines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200, 260))
def test_the_engine_for_numbers_agrees_with_pytorch_on_random_expressions(chapter, seed):
    numbers = package.spaced((3,), np.random.default_rng(seed)).tolist()
    expression = partial(chapter.random_expression, seed=seed, operations=25)
    assert chapter.check_expression(expression, numbers) == 3


def test_plain_numbers_may_stand_on_either_side(chapter):
    assert chapter.check_expression(lambda v: 2 * v + 3 * (1 + v) - v / 4 - 5, [0.7]) == 1


def test_a_long_chain_needs_no_deep_recursion(chapter):
    start = end = chapter.Value(1.0)
    for _ in range(20_000):
        end = end + 1.0
    chapter.backward(end)
    assert start.grad == 1.0
    chapter.backward(end)  # gradients don't pile up
    assert start.grad == 1.0


ARRAY_EXPRESSIONS = {
    "scalars": (lambda x, y: (x * y).exp() + x, [(), ()]),
    "broadcast both ways": (lambda x, y: x * y + x / (y**2 + 1.0), [(3, 1), (1, 4)]),
    "more axes": (lambda x, y: (x - y) ** 3, [(2, 3, 4), (4,)]),
    "axes of length one": (lambda x, y: x * y, [(1, 1), (3, 2)]),
    "an array used thrice": (lambda x: (x @ x + x).relu(), [(4, 4)]),
    "sums": (lambda x: x.sum(dim=0, keepdim=True) * x.sum(dim=1, keepdim=True) + x.sum(), [(3, 2)]),
    "logarithms": (lambda x: (x**2 + 0.5).log().sum(dim=1), [(3, 2)]),
}


@pytest.mark.parametrize("name", ARRAY_EXPRESSIONS)
def test_the_engine_for_arrays_agrees_with_pytorch(chapter, name):
    expression, shapes = ARRAY_EXPRESSIONS[name]
    assert package.gradcheck(chapter.taped(expression), expression, shapes) == sum(
        int(np.prod(shape)) for shape in shapes
    )


def test_the_two_engines_and_the_layers_agree_on_a_network(chapter):
    shapes = [(5, 4), (4, 6), (6,), (6, 3), (3,)]
    arrays = [package.spaced(shape, np.random.default_rng(i)) for i, shape in enumerate(shapes)]
    upstream = np.random.default_rng(9).normal(size=(5, 3))
    by_tape = chapter.taped(chapter.network_scores)(*arrays)[1](upstream)
    network = chapter.Network(chapter.Linear(*arrays[1:3]), chapter.ReLU(), chapter.Linear(*arrays[3:]))
    network.forward(arrays[0])
    by_layers = [network.backward(upstream), *network.layers[0].grads, *network.layers[2].grads]
    for found, wanted in zip(by_tape, by_layers, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


# --- the rest -----------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_lectures(chapter):
    assert chapter.count_parameters(784, 100, 10) == 79_510
    assert chapter.count_parameters(784, 512, 512, 10) == 669_706


def test_training_follows_the_batches_and_lowers_the_loss(chapter):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(50, 6)), rng.integers(0, 3, 50)
    network = chapter.fresh_network(6, 20, 3)
    losses = chapter.train(network, x, labels, epochs=200, rate=0.3, batch=20)
    assert len(losses) == 600  # two batches of twenty and one of ten
    assert losses[-1] < 0.3 < losses[0]
    assert chapter.accuracy(network, x, labels) > 0.9
