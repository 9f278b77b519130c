"""Assertions for test cells whose messages say which shape or property is wrong and where to look.

They never print the value that was wanted, so that a hidden test which fails tells what kind of mistake it
met and not the answer. They take and give plain values only (arrays, numbers, lists, strings).
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

#: Where to look for numbers of another type.
CONVERT = "convert: astype(…) for an array, to(…) for a tensor"
#: Where to look for numbers that are not finite.
NOT_FINITE = "a division by 0, an overflow, or a place that was never filled in"
KINDS = {"f": "floating point", "i": "integer"}


def expect(condition: Any, name: str, message: str, where: str = "") -> None:
    """Fail with one readable message unless ``condition`` is true.

    Parameters
    ----------
    condition : bool
        What must hold.
    name : str
        The function or value under test.
    message : str
        What is wrong.
    where : str, optional
        Where to look.

    Raises
    ------
    AssertionError
        If ``condition`` is false.
    """
    assert condition, f"{name}: {message}." + (f" Where to look: {where}." if where else "")


def expect_array(
    value: Any, shape: Sequence[int], name: str, *, kind: str = "f", where: str = "", finite: bool = True
) -> None:
    """Check that ``value`` is a NumPy array of one shape and kind of number.

    Parameters
    ----------
    value : Any
        What the student's function returned.
    shape : sequence of int
        The shape wanted.
    name : str
        What the value is called in the message.
    kind : {"f", "i"}
        "f" for floating point numbers, "i" for integers.
    where : str, optional
        Where to look if the type or the shape differs.
    finite : bool
        Whether NaN and infinity are errors.

    Raises
    ------
    AssertionError
        If the type, the shape or the kind differs, or a number is not finite.
    """
    is_array = isinstance(value, np.ndarray)
    expect(is_array, name, f"a NumPy array was expected, got {type(value).__name__}", where)
    expect(
        tuple(value.shape) == tuple(shape),
        name,
        f"shape {tuple(shape)} was expected, got {tuple(value.shape)}",
        where,
    )
    kinds = {"f": "f", "i": "iu"}[kind]
    expect(
        value.dtype.kind in kinds, name, f"{KINDS[kind]} numbers were expected, got {value.dtype}", CONVERT
    )
    if finite and kind == "f":
        bad = int(np.size(value) - np.isfinite(value).sum())
        expect(bad == 0, name, f"{bad} of {np.size(value)} numbers are NaN or infinite", NOT_FINITE)


def expect_number(value: Any, name: str, *, where: str = "") -> None:
    """Check that ``value`` is one finite number (a Python or NumPy scalar, or an array without axes).

    Raises
    ------
    AssertionError
        If it is an array with axes, not a number, NaN or infinite.
    """
    number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu"
    got = f"{type(value).__name__} of shape {np.shape(value)}"
    expect(number, name, f"one number was expected, got {got}", where)
    expect(np.isfinite(value), name, "a finite number was expected, got NaN or infinity", where)


def expect_close(
    got: Any, want: Any, name: str, *, where: str = "", rtol: float = 1e-7, atol: float = 1e-9
) -> None:
    """Check values up to rounding; NaN is close to NaN. The message gives the place, not the value wanted.

    Parameters
    ----------
    got, want : array_like of the same shape
        What was returned and what is right.
    name : str
        What the value is called in the message.
    where : str, optional
        Where to look.
    rtol, atol : float
        As in :func:`numpy.isclose`.

    Raises
    ------
    AssertionError
        If the shapes differ or any value does.
    """
    got, want = np.asarray(got), np.asarray(want)
    expect(got.shape == want.shape, name, f"shape {want.shape} was expected, got {got.shape}", where)
    right = np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if not right.all():
        wrong = int(right.size - right.sum())
        first = f", the first at index {tuple(int(i) for i in np.argwhere(~right)[0])}" if right.ndim else ""
        amount = f"{wrong} of {right.size} values are" if right.ndim else "the value is"
        expect(False, name, f"{amount} wrong{first}", where)


def expect_equal(got: Any, want: Any, name: str, *, where: str = "") -> None:
    """Check whole numbers (labels, counts, indices) exactly; otherwise like :func:`expect_close`."""
    expect_close(got, want, name, where=where, rtol=0, atol=0)


def expect_unchanged(before: Sequence[Any], after: Sequence[Any], name: str, *, where: str = "") -> None:
    """Check that a function left its array arguments as they were.

    Parameters
    ----------
    before : sequence of ndarray
        Copies made before the call.
    after : sequence of ndarray
        The arguments themselves, after it.
    name : str
        The function under test.
    where : str, optional
        Where to look.

    Raises
    ------
    AssertionError
        If an argument differs, with its position.
    """
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        same = old.dtype == new.dtype and np.array_equal(old, new)
        message = f"argument number {position + 1} was changed by the call"
        expect(same, name, message, where or "work on a copy")


def expect_gradient(
    loss: Any, parameters: Sequence[Any], gradients: Sequence[Any], name: str, *, where: str = ""
) -> None:
    """Compare gradients with central differences of the very loss they belong to.

    Parameters
    ----------
    loss : callable
        ``loss(*parameters)`` → float.
    parameters : sequence of float64 ndarray
        Where to differentiate.
    gradients : sequence of ndarray
        The derivative for each parameter, of the same shape.
    name : str
        The function under test.
    where : str, optional
        Where to look.

    Raises
    ------
    AssertionError
        If a derivative differs, with the parameter and the index.
    """
    step = 1e-5
    for position, gradient in enumerate(gradients):
        numeric = np.zeros(parameters[position].shape)
        for index in np.ndindex(*parameters[position].shape):
            ends = []
            for sign in (1, -1):
                moved = [np.array(p, dtype=float) for p in parameters]
                moved[position][index] += sign * step
                ends.append(float(loss(*moved)))
            numeric[index] = (ends[0] - ends[1]) / (2 * step)
        which = f"{name}, gradient number {position + 1}"
        expect_close(gradient, numeric, which, where=where, rtol=1e-5, atol=1e-6)


def expect_tensor(
    value: Any,
    shape: Sequence[int],
    name: str,
    *,
    dtype: str = "float32",
    where: str = "",
    finite: bool = True,
) -> None:
    """Check that ``value`` is a PyTorch tensor of one shape and dtype.

    Parameters
    ----------
    value : Any
        What the student's function returned.
    shape : sequence of int
        The shape wanted.
    name : str
        What the value is called in the message.
    dtype : str
        The dtype's name, such as ``"float32"`` or ``"int64"``.
    where : str, optional
        Where to look if the type or the shape differs.
    finite : bool
        Whether NaN and infinity are errors.

    Raises
    ------
    AssertionError
        If the type, the shape or the dtype differs, or a number is not finite.
    """
    torch = sys.modules.get("torch")  # a notebook without PyTorch has no tensors either
    is_tensor = torch is not None and isinstance(value, torch.Tensor)
    expect(is_tensor, name, f"a PyTorch tensor was expected, got {type(value).__name__}", where)
    got = tuple(value.shape)
    expect(got == tuple(shape), name, f"shape {tuple(shape)} was expected, got {got}", where)
    kind = str(value.dtype).removeprefix("torch.")
    expect(kind == dtype, name, f"numbers of type {dtype} were expected, got {kind}", CONVERT)
    if finite:
        bad = int((~value.isfinite()).sum())
        expect(bad == 0, name, f"{bad} of {value.numel()} numbers are NaN or infinite", NOT_FINITE)
