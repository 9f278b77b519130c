"""Check gradients: one helper compares a forward and a backward pass with two independent witnesses.

PyTorch's autograd says what the derivatives are; central differences, built in chapter 3, know no calculus
and say what the function does. Both are asked at every index of every argument, in float64.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Takes the upstream gradient (the output's shape) and gives one gradient an argument, each of its shape.
Backward = Callable[[np.ndarray], Sequence[np.ndarray]]


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """Central differences (f(x + h) - f(x - h)) / 2h of the number f(x), at every index of x.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of `x` and returns a number. It is called twice for each entry, each time
        with a fresh array.
    x : ndarray of float64, any shape
        Where the gradient is wanted. Whole numbers are taken as float64; narrower floating-point numbers are
        refused.
    h : float
        Size of the nudge. With float64 and values near 1, 1e-5 makes the error about 1e-10.

    Returns
    -------
    ndarray of float64, shape of x
        The slope of `f` in each entry.

    Raises
    ------
    TypeError
        If `x` holds float32 or narrower numbers: the differences would drown in rounding.

    Examples
    --------
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, -3.0])).round(6).tolist()
    [2.0, -6.0]
    """
    x = np.asarray(x)
    if x.dtype.kind == "f" and x.dtype.itemsize < 8:
        raise TypeError(
            f"x is {x.dtype}; wanted float64, since differences of float32 numbers are mostly rounding. "
            "Check the gradient with x.astype(np.float64)"
        )
    x = x.astype(np.float64)
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def spaced(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Draw numbers between -2 and 2, no two of them close and none close to zero.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    rng : numpy.random.Generator
        Shuffles the numbers and moves each a little.

    Returns
    -------
    ndarray of float64, of that shape
        n entries, any two at least 2 / (n + 1) apart and each at least 1 / (n + 1) from zero. A small step on
        one of them takes neither a ReLU nor a maximum across its kink.
    """
    size = int(np.prod(shape))
    # n cells side by side from -2 to 2, an even number of them so that zero is a border; n of them are used.
    cells = size + size % 2
    width = 4 / cells
    middles = -2 + width * (np.arange(cells) + 0.5)
    jitter = width * rng.uniform(-0.25, 0.25, size)
    return (rng.permutation(middles)[:size] + jitter).reshape(tuple(shape))


def gradcheck(
    function: Callable[..., tuple[Any, Backward]],
    oracle: Callable[..., Any],
    arguments: Sequence[Sequence[int] | np.ndarray],
    *,
    seed: int = 0,
    rtol: float = 1e-10,
    h: float = 1e-5,
    rtol_differences: float = 1e-6,
) -> int:
    """Compare a forward and a backward pass with PyTorch and with central differences, at every index.

    Parameters
    ----------
    function : callable
        ``function(*arrays)`` returns the output, an array of any shape (or a number), and its backward pass:
        ``backward(upstream)`` takes an array of the output's shape and gives one gradient an argument.
    oracle : callable
        The same function of float64 tensors, in PyTorch.
    arguments : sequence
        For each argument its shape, filled by :func:`spaced`, or a float64 array of any shape, used as it is.
    seed : int
        Seeds the arguments and the upstream gradient.
    rtol : float
        How far output and gradients may be from PyTorch's, as a fraction of the largest entry.
    h : float
        Step of the central differences.
    rtol_differences : float
        How far gradients may be from central differences, as a fraction of the largest entry.

    Returns
    -------
    int
        How many entries of gradients were compared.

    Raises
    ------
    AssertionError
        If a shape or a value differs; it says where, what was found and what was wanted.
    ValueError
        If an array among the arguments is not of float64.

    Examples
    --------
    >>> def square(x):
    ...     return x**2, lambda upstream: [2 * x * upstream]
    >>> gradcheck(square, lambda x: x**2, [(3, 4)])
    12
    """
    import torch

    rng = np.random.default_rng(seed)
    arrays = [_array(argument, rng) for argument in arguments]
    output, backward = function(*(array.copy() for array in arrays))
    output = np.asarray(output)
    upstream = rng.normal(size=output.shape)
    gradients = list(backward(upstream.copy()))
    if len(gradients) != len(arrays):
        raise AssertionError(f"{len(gradients)} gradients for {len(arrays)} arguments; give one for each.")

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    wanted = oracle(*tensors)
    _compare("output", output, wanted.detach().numpy(), rtol, "PyTorch")
    wanted.backward(torch.tensor(upstream))
    for i, (array, tensor, gradient) in enumerate(zip(arrays, tensors, gradients, strict=True)):
        name = f"gradient of argument {i}"
        by_autograd = np.zeros(array.shape) if tensor.grad is None else tensor.grad.numpy()
        _compare(name, np.asarray(gradient), by_autograd, rtol, "PyTorch")

        def along(x: np.ndarray, i: int = i) -> float:
            moved = [x if j == i else other.copy() for j, other in enumerate(arrays)]
            return float((np.asarray(function(*moved)[0]) * upstream).sum())

        slopes = numerical_gradient(along, array, h)
        _compare(name, np.asarray(gradient), slopes, rtol_differences, "central differences")
    return sum(array.size for array in arrays)


def _array(argument: Sequence[int] | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if not isinstance(argument, np.ndarray):
        return spaced(argument, rng)
    if argument.dtype != np.float64:
        raise ValueError(
            f"an argument is {argument.dtype}; wanted float64 (in less, differences are mostly rounding). "
            "Bind whole numbers such as labels with a lambda."
        )
    return argument


def _compare(name: str, found: np.ndarray, wanted: np.ndarray, rtol: float, witness: str) -> None:
    """Raise AssertionError where an array is not the witness's, and say where it is furthest from it."""
    if found.shape != wanted.shape:
        raise AssertionError(f"{name}: shape {found.shape}; {witness} has {wanted.shape}.")
    error = np.abs(found - wanted)
    allowed = rtol * max(1.0, float(np.abs(wanted).max(initial=0.0)))
    if not (error <= allowed).all():  # written so that a nan fails too
        at = tuple(int(i) for i in np.unravel_index(np.nan_to_num(error, nan=np.inf).argmax(), error.shape))
        wrong = int((~(error <= allowed)).sum())
        raise AssertionError(
            f"{name}: {wrong} of {error.size} entries differ from {witness}; "
            f"at index {at} it is {found[at]:.10g}, wanted {wanted[at]:.10g}."
        )
