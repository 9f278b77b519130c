"""Which objects are plain values, and the plain value inside an instance of a subclass."""

from __future__ import annotations

import collections
from functools import lru_cache
from keyword import iskeyword
from operator import itemgetter
from typing import Any

import numpy as np

#: Names of a named tuple: each makes a property of a class.
MOST_FIELDS = 100

_EXACT = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, slice, range, np.ndarray)


def plain(value: Any) -> Any:
    """Take the plain value out of an instance of a subclass of a plain type; leave all else as it is.

    Overridden methods are not asked. Containers whose class a notebook defined stay as they are, since they
    usually do more than contain.
    """
    kind = type(value)
    if kind in _EXACT or value is None or isinstance(value, np.generic | type):
        return value
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if isinstance(value, int):
        return int.__add__(value, 0)
    if isinstance(value, float):
        return float.__add__(value, 0.0) if value else float.__pos__(value)
    if isinstance(value, complex):
        return complex.__pos__(value)
    if isinstance(value, str):
        return str.__str__(value) if kind is str else str.__add__(value, "")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if kind.__module__ == "__main__" or named_fields(kind) is not None:
        return value
    if isinstance(value, tuple):
        return tuple(tuple.__iter__(value))
    if isinstance(value, list | collections.deque):
        return list(value)
    if isinstance(value, dict):
        return dict(dict.items(value))
    if isinstance(value, set | frozenset):
        return (set if isinstance(value, set) else frozenset)(value)
    if isinstance(value, type({}.keys()) | type({}.values()) | type({}.items())):
        return list(value)
    return value


def named_fields(kind: type) -> tuple[str, ...] | None:
    """Give the fields of a named tuple's class (torch's results of ``max`` are such); None for others."""
    if not issubclass(kind, tuple) or kind is tuple:
        return None
    fields = getattr(kind, "_fields", None)
    if fields is None and kind.__module__ == "torch.return_types":
        fields = getattr(kind, "__match_args__", None)
    return fields if type(fields) is tuple else None


@lru_cache(maxsize=256)
def make_named_tuple(fields: tuple[str, ...]) -> type:
    """Make a tuple class whose elements have names too. No code is compiled for it.

    The class's own name does not cross: it would stand in messages, and student code could choose it.

    Raises
    ------
    TypeError
        If the names are not proper, public and different identifiers, or too many.
    """
    for field in fields:
        if not (type(field) is str and field.isidentifier() and len(field) <= 100) or iskeyword(field):
            raise TypeError("not a name")
    if len(fields) > MOST_FIELDS:
        raise TypeError("too many names")
    if len(set(fields)) < len(fields) or any(field.startswith("_") for field in fields):
        raise TypeError("names must be public and different")
    places = {field: property(itemgetter(place)) for place, field in enumerate(fields)}
    return type("NamedTuple", (tuple,), {"_fields": fields, "__slots__": (), **places})
