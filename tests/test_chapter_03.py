"""Chapter 3: what it defines inline against PyTorch and scikit-learn, and its solutions run."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss, top_k_accuracy_score
from sklearn.preprocessing import label_binarize
from torch.nn import functional as F

from course_utils.notebooks import pairs

SCRIPT = Path(__file__).resolve().parent.parent / "notebooks" / "03_linear_classifiers.py"
CELLS = pairs.read_script(SCRIPT).cells
SOLUTION = re.compile(r'<details class="solution">.*?```python\n(.*?)```', re.DOTALL)
SOLUTIONS = [
    block for cell in CELLS if cell.cell_type == "markdown" for block in SOLUTION.findall(cell.source)
]


def definitions() -> dict[str, object]:
    """Run the chapter's imports and function definitions, and nothing else."""
    kept: list[ast.stmt] = []
    for cell in CELLS:
        if cell.cell_type == "code":
            kinds = ast.Import | ast.ImportFrom | ast.FunctionDef
            kept += [node for node in ast.parse(cell.source).body if isinstance(node, kinds)]
    namespace: dict[str, object] = {"__name__": "chapter", "SEED": 0, "C": 4}
    exec(compile(ast.Module(kept, type_ignores=[]), SCRIPT.name, "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def chapter() -> SimpleNamespace:
    return SimpleNamespace(**definitions())


@pytest.fixture(params=[(1, 1, 2), (5, 3, 4), (7, 6, 3)], ids=lambda shape: "N{}-D{}-C{}".format(*shape))
def problem(request: pytest.FixtureRequest) -> tuple[np.ndarray, ...]:
    """Random weights, biases, pictures and labels of several odd sizes."""
    n, d, c = request.param
    rng = np.random.default_rng(n)
    return rng.normal(size=(d, c)), rng.normal(size=c), rng.normal(size=(n, d)), rng.integers(0, c, size=n)


def torch_gradients(loss, w, b, x, labels):
    wt, bt = (torch.tensor(array, requires_grad=True) for array in (w, b))
    value = loss(torch.tensor(x) @ wt + bt, torch.tensor(labels))
    value.backward()
    return value.item(), wt.grad.numpy(), bt.grad.numpy()


def test_softmax_loss_agrees_with_pytorch(chapter, problem):
    want = torch_gradients(F.cross_entropy, *problem)
    for got, wanted in zip(chapter.softmax_loss(*problem), want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-14)


def test_svm_loss_agrees_with_pytorch(chapter, problem):
    classes = problem[0].shape[1]
    want = torch_gradients(lambda s, labels: classes * F.multi_margin_loss(s, labels), *problem)
    for got, wanted in zip(chapter.svm_loss(*problem), want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-14)


def test_losses_leave_their_arguments_alone(chapter, problem):
    before = [array.copy() for array in problem]
    chapter.softmax_loss(*problem)
    chapter.svm_loss(*problem)
    for array, copy in zip(problem, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e300])
def test_softmax_and_its_logarithm_agree_with_pytorch_at_any_size(chapter, size):
    s = size * np.random.default_rng(0).normal(size=(6, 5))
    np.testing.assert_allclose(chapter.softmax(s), F.softmax(torch.tensor(s), dim=1).numpy(), atol=1e-15)
    want = F.log_softmax(torch.tensor(s), dim=1).numpy()
    np.testing.assert_allclose(chapter.log_softmax(s), want, rtol=1e-12)


def test_softmax_jacobian_agrees_with_autograd(chapter):
    for classes in (1, 2, 7):
        s = np.random.default_rng(classes).normal(size=classes)
        want = torch.autograd.functional.jacobian(lambda t: F.softmax(t, dim=0), torch.tensor(s)).numpy()
        np.testing.assert_allclose(chapter.softmax_jacobian(s), want, rtol=1e-12, atol=1e-15)


def test_cross_entropy_agrees_with_scikit_learn(chapter):
    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 3, size=20), rng.dirichlet(np.ones(3), size=20)
    got = chapter.cross_entropy(chapter.one_hot(labels, 3), p)
    np.testing.assert_allclose(got.mean(), log_loss(labels, p, labels=[0, 1, 2]))
    np.testing.assert_array_equal(chapter.one_hot(labels, 3), label_binarize(labels, classes=[0, 1, 2]))


@pytest.mark.parametrize(("p_c", "wanted"), [(0.0, np.inf), (0.1, 2.3), (0.9, 0.1), (1.0, 0.0)])
def test_cross_entropy_has_the_lectures_values(chapter, p_c, wanted):
    got = chapter.cross_entropy(np.array([1.0, 0.0]), np.array([p_c, 1 - p_c]))
    assert round(float(got), 1) == wanted


def test_least_squares_agrees_with_scikit_learn(chapter):
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(50, 6)), rng.choice([-1.0, 1.0], size=50)
    a = chapter.with_ones(x)
    w = np.linalg.lstsq(a, t, rcond=None)[0]
    oracle = LinearRegression().fit(x, t)
    np.testing.assert_allclose(w, [*oracle.coef_, oracle.intercept_])
    np.testing.assert_allclose(chapter.squared_loss_gradient(w, a, t), 0, atol=1e-12)
    assert chapter.sign_accuracy(w, a, t) == np.mean(np.sign(oracle.predict(x)) == t)


def test_least_squares_with_more_unknowns_than_pictures_fits_all_of_them(chapter):
    rng = np.random.default_rng(0)
    a, t = chapter.with_ones(rng.normal(size=(10, 30))), rng.choice([-1.0, 1.0], size=10)
    w = np.linalg.lstsq(a, t, rcond=None)[0]
    assert chapter.sign_accuracy(w, a, t) == 1.0
    np.testing.assert_allclose(w, np.linalg.pinv(a) @ t)  # the shortest of all that fit


def test_numerical_gradient_is_exact_for_a_parabola(chapter):
    matrix = np.random.default_rng(0).normal(size=(3, 2))
    got = chapter.numerical_gradient(lambda x: (matrix * x**2).sum(), np.ones((3, 2)))
    np.testing.assert_allclose(got, 2 * matrix, rtol=1e-9)


def test_training_follows_pytorch_step_by_step(chapter):
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(50, 5)), rng.integers(0, 4, size=50)
    w, b, snapshots = chapter.train(x, labels, chapter.svm_loss, epochs=4, batch=20, rate=0.05, seed=9)
    layer = torch.nn.Linear(5, 4, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    order = np.random.default_rng(9)
    for _ in range(4):
        for rows in np.split(order.permutation(50), [20, 40]):  # the last batch is smaller
            optimizer.zero_grad()
            (4 * F.multi_margin_loss(layer(torch.tensor(x[rows])), torch.tensor(labels[rows]))).backward()
            optimizer.step()
    np.testing.assert_allclose(w, layer.weight.detach().numpy().T, rtol=1e-9)
    np.testing.assert_allclose(b, layer.bias.detach().numpy(), rtol=1e-9, atol=1e-15)
    assert snapshots[-1][0] == 12
    np.testing.assert_array_equal(snapshots[-1][2], w)


def test_shift_moves_pictures_and_repeats_the_border(chapter):
    picture = np.arange(6).reshape(1, 2, 3)
    np.testing.assert_array_equal(chapter.shift(picture, 1), [[[0, 0, 1], [3, 3, 4]]])
    np.testing.assert_array_equal(chapter.shift(picture, -2), [[[2, 2, 2], [5, 5, 5]]])
    np.testing.assert_array_equal(chapter.shift(picture, 0), picture)


def test_top_k_accuracy_of_the_solution_agrees_with_scikit_learn():
    namespace = definitions()
    exec(next(block for block in SOLUTIONS if "def top_k_accuracy" in block), namespace)
    rng = np.random.default_rng(0)
    s, labels = rng.normal(size=(40, 5)), np.arange(40) % 5
    for k in (1, 2, 4):
        assert namespace["top_k_accuracy"](s, labels, k) == top_k_accuracy_score(labels, s, k=k)
