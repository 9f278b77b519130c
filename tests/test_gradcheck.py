"""The helper for gradient tests: it passes what is right and finds whatever is wrong, wherever it stands."""

import numpy as np
import pytest
import torch

from course_utils.gradcheck import gradcheck, spaced


def affine(x, w, b, slip=None):
    """Rows x (N, D) times w (D, M) plus b (M,), with one of several slips in the backward pass."""

    def backward(dy):
        dx, dw, db = dy @ w.T, x.T @ dy, dy.sum(axis=0)
        if slip == "sign":
            dw = -dw
        elif slip == "one entry":
            dx[-1, -1] *= 1 + 1e-8
        elif slip == "mean":
            db = dy.mean(axis=0)
        elif slip == "shape":
            db = db[None, :]
        elif slip == "nan":
            dx[0, 0] = np.nan
        elif slip == "missing":
            return dx, dw
        return dx, dw, db

    return x @ w + b, backward


SHAPES = [(5, 3), (3, 4), (4,)]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_right_gradient_passes_and_its_entries_are_counted(n):
    assert gradcheck(affine, lambda x, w, b: x @ w + b, [(n, 3), (3, 4), (4,)]) == 3 * n + 12 + 4


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        ("sign", r"gradient of argument 1: 12 of 12 entries differ from PyTorch"),
        ("one entry", r"gradient of argument 0: 1 of 15 entries .* at index \(4, 2\)"),
        ("mean", r"gradient of argument 2: 4 of 4 entries"),
        ("shape", r"gradient of argument 2: shape \(1, 4\); PyTorch has \(4,\)"),
        ("nan", r"gradient of argument 0: 1 of 15 entries .* it is nan"),
        ("missing", r"2 gradients for 3 arguments"),
    ],
)
def test_a_wrong_gradient_is_found_and_located(slip, message):
    with pytest.raises(AssertionError, match=message):
        gradcheck(lambda *a: affine(*a, slip=slip), lambda x, w, b: x @ w + b, SHAPES)


def test_a_wrong_forward_pass_is_found():
    with pytest.raises(AssertionError, match="output: 20 of 20 entries differ from PyTorch"):
        gradcheck(affine, lambda x, w, b: x @ w - b, SHAPES)


def test_central_differences_are_a_witness_of_their_own():
    class Liar(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x**2

        @staticmethod
        def backward(ctx, dy):
            return 3 * dy

    with pytest.raises(AssertionError, match="differ from central differences"):
        gradcheck(lambda x: (x**2, lambda dy: [3 * dy]), Liar.apply, [(4,)])


def test_numbers_and_unused_arguments_are_welcome():
    def total(x, unused):
        return x.sum(), lambda dy: (dy * np.ones_like(x), np.zeros_like(unused))

    assert gradcheck(total, lambda x, unused: x.sum(), [(2, 3), (2,)]) == 8


def test_given_arrays_are_used_left_alone_and_have_to_be_float64():
    given = np.array([1.0, -2.0, 3.0])
    seen = []

    def square(x):
        seen.append(x.copy())
        x *= x  # a function that spoils its argument
        return x, lambda dy: [2 * seen[0] * dy]

    assert gradcheck(square, lambda x: x**2, [given]) == 3
    assert seen[0].tolist() == given.tolist() == [1.0, -2.0, 3.0]
    with pytest.raises(ValueError, match="an argument is int64; wanted float64"):
        gradcheck(square, lambda x: x**2, [np.arange(3)])


@pytest.mark.parametrize("shape", [(), (1,), (2,), (7,), (3, 4, 5)])
def test_spaced_numbers_keep_away_from_each_other_and_from_zero(shape):
    for seed in range(20):
        drawn = spaced(shape, np.random.default_rng(seed))
        assert drawn.shape == shape
        values = np.sort(drawn.ravel())
        assert np.abs(values).max() <= 2
        assert np.abs(values).min() >= 0.99 / (values.size + 1)
        assert (np.diff(values) >= 1.99 / (values.size + 1)).all()
