"""Arguments that a call changed in place: noticed where the call runs, repeated where the originals are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.grading import arrays
from course_utils.grading.wire import CONTAINERS, Handle, Memo, WireError, decode, encode


def snapshot(value: Any) -> Any:
    """Keep what is needed to notice a change: bytes of an array or tensor, references of a container."""
    if isinstance(value, list | set):
        return list(value)
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else encode(value)


def changed(memo: Memo, before: list[Any], leave: Callable[[Any], Handle]) -> list[tuple[int, bytes]]:
    """List the arguments that differ from their snapshots.

    Returns
    -------
    list of (int, bytes)
        An argument's number in the memo, and its content now.
    """
    found = []
    for place, (value, old) in enumerate(zip(memo.objects, before, strict=False)):
        new = snapshot(value)
        if isinstance(value, CONTAINERS):
            same = len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))
            if not same:
                found.append((place, encode(type(value)(value), leave=leave, memo=memo)))
        elif new != old:
            found.append((place, encode(value)))
    return found


def read_changes(memo: Memo, changes: Any, meet: Callable[[Handle], Any]) -> dict[int, Any]:
    """Read what the other process says arguments have become.

    Parameters
    ----------
    memo : Memo
        The call's arguments.
    changes : list of (int, bytes)
        What `changed` listed, or anything at all.
    meet : callable
        As for `decode`.

    Returns
    -------
    dict of int to object
        An argument's number in the memo, and its content now as a value of its own.

    Raises
    ------
    WireError
        If a change is none.
    """
    found = {}
    for change in changes if isinstance(changes, list) else [changes]:
        if not (isinstance(change, tuple) and list(map(type, change)) == [int, bytes]):
            raise WireError("a change must be a number and a value")
        place, packed = change
        if not 0 <= place < len(memo.objects):
            raise WireError("a change of a value that was not passed")
        found[place] = decode(packed, meet=meet, memo=memo)
    return found


def repeat(original: Any, new: Any, undo: list[tuple[Any, Any]]) -> None:
    """Make an argument what it has become over there, and note how to undo that.

    Raises
    ------
    WireError
        If no call could have changed it like this in place.
    """
    shallow = isinstance(original, CONTAINERS)  # what is inside may be no plain value
    undo.append((original, original.copy() if shallow else decode(encode(original))))
    become(original, new)


def undo_all(changes: list[tuple[Any, Any]]) -> None:
    """Take changes back, the last one first: each of them, also where one was refused halfway.

    What can't be changed at all (a read-only array, a tensor whose elements share memory) was not changed
    either; it must not keep others from becoming what they were.
    """
    for original, before in reversed(changes):
        with contextlib.suppress(WireError, AttributeError, RuntimeError, ValueError):
            become(original, before)


def become(original: Any, new: Any) -> None:
    """Make one value equal to another in place.

    Raises
    ------
    WireError
        If it can't: another type, kind of number or size.
    """
    if isinstance(original, np.ndarray) and isinstance(new, np.ndarray):
        if original.dtype != new.dtype or original.size != new.size or not original.flags.writeable:
            raise WireError("an array can't become one of another kind or size")
        if original.shape != new.shape:
            original.shape = new.shape
        original[...] = new
    elif isinstance(original, list) and type(new) is list:
        original[:] = new
    elif isinstance(original, dict | set) and type(new) in (dict, set) and isinstance(original, type(new)):
        original.clear()
        original.update(new)
    elif arrays.is_tensor(original) and arrays.is_tensor(new) and original.shape == new.shape:
        original.detach().copy_(new.detach())
    elif arrays.is_random(original) and arrays.is_random(new):
        original.bit_generator.state = new.bit_generator.state
    else:
        raise WireError("a value can't become one of another type in place")
