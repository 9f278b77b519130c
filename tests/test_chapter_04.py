"""Chapter 4: its functions against PyTorch and scikit-learn, its questions and exercises."""

import ast

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet
from torch.nn import functional as F

from course_utils.notebooks import pairs

STEM = "04_regularisation_and_optimisation"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture
def chapter(notebook):
    """The chapter's imports and functions, nothing else."""
    kinds = (ast.FunctionDef, ast.Import, ast.ImportFrom)
    cells = [cell.source for cell in pairs.code_cells(notebook)]
    found = [node for cell in cells for node in ast.parse(cell).body if isinstance(node, kinds)]
    namespace = {"__name__": "chapter", "SEED": 0, "C": 4}
    exec(compile(ast.Module(found, type_ignores=[]), STEM, "exec"), namespace)
    return namespace


@pytest.fixture(params=[(1, 1, 2), (5, 3, 4), (7, 6, 3)], ids=lambda shape: "N{}-D{}-C{}".format(*shape))
def problem(request):
    """Random weights, biases, pictures and labels of several odd sizes."""
    n, d, c = request.param
    rng = np.random.default_rng(n)
    return rng.normal(size=(d, c)), rng.normal(size=c), rng.normal(size=(n, d)), rng.integers(0, c, size=n)


class TestPenalties:
    @pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
    def test_full_loss_agrees_with_pytorch(self, chapter, problem, alpha):
        w, b, x, labels = problem
        before = [array.copy() for array in problem]
        loss, dw, db = chapter["full_loss"](w, b, x, labels, 0.3, alpha)
        wt, bt = (torch.tensor(array, requires_grad=True) for array in (w, b))
        value = F.cross_entropy(torch.tensor(x) @ wt + bt, torch.tensor(labels))
        value = value + 0.3 * (alpha * wt.abs().sum() + (1 - alpha) * 0.5 * wt.square().sum())
        value.backward()
        np.testing.assert_allclose(loss, value.item(), rtol=1e-12)
        np.testing.assert_allclose(dw, wt.grad.numpy(), rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(db, bt.grad.numpy(), rtol=1e-10, atol=1e-14)
        for array, copy in zip(problem, before, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_soft_threshold_is_pytorchs_softshrink(self, chapter):
        a = np.linspace(-2, 2, 41)
        for width in (0.0, 0.5, 5.0):
            got = chapter["soft_threshold"](a, width)
            np.testing.assert_allclose(got, F.softshrink(torch.tensor(a), width).numpy(), atol=1e-15)

    @pytest.mark.parametrize(("n", "d"), [(40, 7), (9, 13)])
    @pytest.mark.parametrize("alpha", [0.3, 1.0])
    def test_proximal_descent_agrees_with_scikit_learn(self, chapter, n, d, alpha):
        rng = np.random.default_rng(n)
        x, t = rng.normal(size=(n, d)), rng.normal(size=n)
        oracle = ElasticNet(alpha=0.1, l1_ratio=alpha, fit_intercept=False, tol=1e-12, max_iter=100_000)
        got = chapter["proximal_descent"](x, t, 0.1, alpha, steps=20_000)
        wanted = oracle.fit(x, t).coef_
        np.testing.assert_allclose(got, wanted, atol=1e-6)
        assert ((got == 0) == (wanted == 0)).all()

    @pytest.mark.parametrize(("strength", "kind"), [(0.4, "L1"), (2.0, "L1"), (0.4, "L2")])
    def test_minimum_of_the_drawn_bowl_is_one(self, chapter, strength, kind):
        chapter["bowl"] = bowl = np.array([[1.0, 0.35], [0.35, 0.5]])
        chapter["bowl_best"] = best = np.array([2.0, 1.0])
        penalty = chapter["r1"] if kind == "L1" else chapter["r2"]

        def height(w):
            return 0.5 * (w - best) @ bowl @ (w - best) + strength * penalty(w)

        lowest = chapter["bowl_minimum"](strength, kind)
        around = lowest + 1e-3 * np.random.default_rng(0).normal(size=(200, 2))
        assert all(height(w) >= height(lowest) for w in around)


class TestDescent:
    def test_training_follows_pytorch_with_weight_decay(self, chapter):
        rng = np.random.default_rng(3)
        x, labels = rng.normal(size=(50, 5)), rng.integers(0, 4, size=50)
        w, b, notes = chapter["train"](
            x,
            labels,
            epochs=4,
            batch=20,
            rate=0.05,
            penalty=0.2,
            note=lambda w, b: w.copy(),
            every=2,
            seed=9,
        )
        layer = torch.nn.Linear(5, 4, dtype=torch.float64)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        groups = [{"params": [layer.weight], "weight_decay": 0.2}, {"params": [layer.bias]}]
        optimizer = torch.optim.SGD(groups, lr=0.05)
        order = np.random.default_rng(9)
        for _ in range(4):
            for rows in np.split(order.permutation(50), [20, 40]):  # the last batch is smaller
                optimizer.zero_grad()
                F.cross_entropy(layer(torch.tensor(x[rows])), torch.tensor(labels[rows])).backward()
                optimizer.step()
        np.testing.assert_allclose(w, layer.weight.detach().numpy().T, rtol=1e-9)
        np.testing.assert_allclose(b, layer.bias.detach().numpy(), rtol=1e-9, atol=1e-15)
        assert len(notes) == 2
        np.testing.assert_array_equal(notes[-1], w)

    def test_descend_keeps_its_path_and_its_start(self, chapter):
        start = np.array([2.0, -4.0])
        path = chapter["descend"](lambda w: w, start, 0.5, 3)
        np.testing.assert_array_equal(path, [[2, -4], [1, -2], [0.5, -1], [0.25, -0.5]])
        np.testing.assert_array_equal(start, [2.0, -4.0])

    def test_gradient_of_the_two_factor_model(self, chapter):
        w = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
        chapter["uv_loss"](w).backward()
        np.testing.assert_allclose(chapter["uv_gradient"](w.detach().numpy()), w.grad.numpy())

    def test_balance_is_where_both_pulls_are_equal(self, chapter):
        for strength in (1e-3, 0.3, 4.0):
            w = chapter["balance"](strength)
            assert np.isclose(strength * w, 1 / (1 + np.exp(w)))
