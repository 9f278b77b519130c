"""Plain values as bytes and back: what crosses between the judge and the process that student code runs in.

Each value is one tag byte and its content. The reader builds exact built-in types, NumPy arrays and scalars,
and torch tensors on the CPU, nothing else: no classes are looked up, no code is run, nothing is unpickled.
What is not plain (functions, classes, instances) stays where it is and crosses as a `Handle`.

A `Memo` numbers the arrays, tensors and containers among the arguments of one call, so that the same array
passed twice stays one array over there, and a function that returns its argument returns the argument.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from course_utils.grading.crossing import CONTAINERS, LIMITS, Handle, Limits, Memo, WireError
from course_utils.grading.reading import Reader
from course_utils.grading.writing import Writer

__all__ = ["CONTAINERS", "LIMITS", "Handle", "Limits", "Memo", "WireError", "decode", "encode"]


def encode(
    value: Any,
    *,
    leave: Callable[[Any], Handle] | None = None,
    memo: Memo | None = None,
    limits: Limits = LIMITS,
) -> bytes:
    """Turn a value into bytes.

    Parameters
    ----------
    value : Any
        What is to cross. Subclasses of plain types cross as the plain type.
    leave : callable, optional
        Called with each object that is not plain; returns its handle, or raises `WireError`.
    memo : Memo, optional
        Numbers the mutable values.
    limits : Limits
        How much may cross.

    Returns
    -------
    bytes

    Raises
    ------
    WireError
        If a value is too large, too deep or of a kind that can't cross.
    """
    writer = Writer(leave, memo, limits)
    writer.write(value, 0)
    return b"".join(writer.parts)


def decode(
    data: bytes,
    *,
    meet: Callable[[Handle], Any] | None = None,
    memo: Memo | None = None,
    limits: Limits = LIMITS,
) -> Any:
    """Turn bytes back into the value.

    Parameters
    ----------
    data : bytes
        What `encode` made, or anything at all.
    meet : callable, optional
        Called with each handle; returns what takes its place. The handle itself if omitted.
    memo : Memo, optional
        Numbers the mutable values, as for `encode`.
    limits : Limits
        How much may cross.

    Returns
    -------
    Any
        Of exact built-in types, or what ``meet`` gave.

    Raises
    ------
    WireError
        If the bytes are no value, or more than the limits allow.
    """
    if len(data) > limits.size:
        raise WireError(f"{len(data)} bytes are more than the {limits.size} that may cross")
    reader = Reader(data, meet, memo, limits)
    try:
        value = reader.read(0)
    except (struct.error, UnicodeDecodeError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"not a value: {type(error).__name__}") from None
    if reader.position != len(data):
        raise WireError("bytes are left over after the value")
    return value
