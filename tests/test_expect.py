"""Assertions for test cells: what passes, what fails, and what the message says (and does not say)."""

import numpy as np
import pytest
import torch

from course_utils.grading.expect import (
    expect,
    expect_array,
    expect_close,
    expect_equal,
    expect_gradient,
    expect_number,
    expect_tensor,
    expect_unchanged,
)


def test_what_holds_passes():
    expect(True, "f", "never shown")
    expect_array(np.zeros((2, 3)), (2, 3), "f")
    expect_array(np.zeros(2, dtype=np.uint8), (2,), "f", kind="i")
    expect_array(np.array([np.nan]), (1,), "f", finite=False)
    expect_tensor(torch.zeros(2, 3), (2, 3), "f")
    expect_tensor(torch.zeros(2, dtype=torch.int64), (2,), "f", dtype="int64")
    expect_tensor(torch.tensor([torch.nan]), (1,), "f", finite=False)
    expect_number(np.float64(1), "f")
    expect_number(3, "f")
    expect_close([1.0, np.nan], [1.0 + 1e-12, np.nan], "f")
    expect_equal(np.array([1, 2]), [1, 2], "f")
    expect_unchanged([np.ones(2)], [np.ones(2)], "f")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0, 2.0], "a NumPy array was expected, got list"),
        (np.zeros((2, 1)), r"shape \(2,\) was expected, got \(2, 1\)"),
    ],
)
def test_arrays(value, message):
    with pytest.raises(AssertionError, match=f"^f: {message}. Where to look: here.$"):
        expect_array(value, (2,), "f", where="here")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(2), "a PyTorch tensor was expected, got ndarray"),
        (torch.zeros(2, 1), r"shape \(2,\) was expected, got \(2, 1\)"),
    ],
)
def test_tensors(value, message):
    with pytest.raises(AssertionError, match=f"^f: {message}. Where to look: here.$"):
        expect_tensor(value, (2,), "f", where="here")


def test_numbers_of_another_type():
    """Where to look is then another place than for a wrong shape."""
    with pytest.raises(AssertionError, match="floating point numbers were expected, got int64.*convert"):
        expect_array(np.zeros(2, dtype=int), (2,), "f", where="here")
    with pytest.raises(AssertionError, match="of type float32 were expected, got float64.*convert"):
        expect_tensor(torch.zeros(2, dtype=torch.float64), (2,), "f", where="here")


def test_numbers_that_are_not_finite():
    """Where to look is then another place than for a wrong shape."""
    message = "^f: 1 of 2 numbers are NaN or infinite. Where to look: a division by 0"
    with pytest.raises(AssertionError, match=message):
        expect_array(np.array([1, np.nan]), (2,), "f", where="here")
    with pytest.raises(AssertionError, match=message):
        expect_tensor(torch.tensor([1, torch.inf]), (2,), "f", where="here")


@pytest.mark.parametrize("value", [np.zeros(1), "1", None, np.inf])
def test_numbers(value):
    with pytest.raises(AssertionError, match="number was expected"):
        expect_number(value, "f")


def test_messages_keep_the_wanted_value_to_themselves():
    with pytest.raises(AssertionError) as caught:
        expect_close(np.array([[1.0, 7.125]]), np.array([[1.0, 42.625]]), "f", where="there")
    assert str(caught.value) == "f: 1 of 2 values are wrong, the first at index (0, 1). Where to look: there."
    with pytest.raises(AssertionError) as caught:
        expect_equal(3, 42, "f")
    assert str(caught.value) == "f: the value is wrong."
    with pytest.raises(AssertionError, match=r"shape \(3,\) was expected"):
        expect_close([1.0], [1.0, 2.0, 3.0], "f")


def test_equal_is_exact():
    with pytest.raises(AssertionError):
        expect_equal(1 + 1e-12, 1, "f")


def test_changed_arguments_are_counted_from_one():
    with pytest.raises(AssertionError, match="argument number 2 was changed"):
        expect_unchanged([np.ones(2), np.ones(2)], [np.ones(2), np.zeros(2)], "f")
    with pytest.raises(AssertionError, match="argument number 1"):
        expect_unchanged([np.ones(2)], [np.ones(2, dtype=np.float32)], "f")


def test_gradients_are_compared_at_each_index():
    w, b = np.arange(6.0).reshape(2, 3), np.ones(3)

    def loss(w, b):
        return (w**2).sum() + (3 * b).sum()

    expect_gradient(loss, (w, b), (2 * w, np.full(3, 3.0)), "f")
    for wrong in ((-2 * w, np.full(3, 3.0)), (2 * w, np.array([3.0, 3.0, 3.1]))):
        with pytest.raises(AssertionError, match="gradient number"):
            expect_gradient(loss, (w, b), wrong, "f")
