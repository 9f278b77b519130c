"""The student's objects that the judge holds handles of, and what the judge may ask of them."""

from __future__ import annotations

import copy
import itertools
import operator
import types
from collections.abc import Callable, Iterator
from typing import Any

from course_utils.grading.wire import Handle, WireError

MOST_OBJECTS = 100_000
LONGEST_TEXT = 10_000
#: Library classes that an instance may be said to be of. Never classes of data.
BASES = ("torch.nn.modules.", "torch.optim.", "torch.utils.data.", "torch.distributions.")

_LAZY = (types.GeneratorType, map, filter, zip, enumerate, reversed, itertools.chain)

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
BINARY += ["and_", "or_", "xor", "lshift", "rshift"]
BINARY += [f"i{_name.rstrip('_')}" for _name in BINARY]
UNARY = ["neg", "pos", "abs", "invert"]


class Objects:
    """The table of objects behind handles: each object has one number as long as the judge holds it."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._next = 1

    def leave(self, value: Any) -> Handle:
        """Keep an object here and give its handle.

        Raises
        ------
        WireError
            If too many objects are held, or the object is a module.
        """
        if isinstance(value, types.ModuleType):
            raise WireError("a module can't be handed to the tests")
        number = self._numbers.get(id(value))
        if number is None:
            if len(self._objects) >= MOST_OBJECTS:
                raise WireError(f"more than {MOST_OBJECTS} objects at once")
            number, self._next = self._next, self._next + 1
            self._objects[number], self._numbers[id(value)] = value, number
        kind = type(value)
        if isinstance(value, type):
            return Handle("student", number, "class", value.__name__, _bases(value))
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
            return Handle("student", number, "function", getattr(value, "__name__", "function"))
        if isinstance(value, _LAZY) or (kind.__module__ == "builtins" and isinstance(value, Iterator)):
            return Handle("student", number, "iterator", kind.__name__)
        return Handle("student", number, "object", kind.__name__, _bases(kind))

    def find(self, number: int) -> Any:
        """Give the object behind a handle."""
        if number not in self._objects:
            raise LookupError(f"there is no object number {number} (any more)")
        return self._objects[number]

    def forget(self, numbers: list[int]) -> None:
        """Let objects go."""
        for number in numbers:
            value = self._objects.pop(number, None)
            if value is not None:
                self._numbers.pop(id(value), None)


def _bases(kind: type) -> tuple[str, ...]:
    names = (f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)
    return tuple(name for name in names if name.startswith(BASES))[:20]


def _call(target: Any, *args: Any, **kwargs: Any) -> Any:
    return target(*args, **kwargs)


def _text(make: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda target: make(target)[:LONGEST_TEXT]


def _next_values(target: Any, count: int) -> tuple[list[Any], bool]:
    """Take up to ``count`` values of an iterator; say whether it has ended."""
    values = list(itertools.islice(target, count))
    return values, len(values) < count


def _isinstance(target: Any, value: Any) -> bool:
    return isinstance(value, target)


def _binary(name: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    function = getattr(operator, name)
    return (lambda target, other: function(other, target)) if swapped else function


#: What the judge may ask: name → function of the object and the arguments.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "len": len,
    "iter": iter,
    "next": next,
    "some": _next_values,
    "enter": lambda target: type(target).__enter__(target),
    "exit": lambda target, *about: type(target).__exit__(target, *about),
    "bool": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "index": operator.index,
    "repr": _text(repr),
    "str": _text(str),
    "format": format,
    "dir": lambda target: [name for name in dir(target) if type(name) is str][:1000],
    "isinstance": _isinstance,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{name: getattr(operator, name) for name in UNARY},
    **{name: _binary(name) for name in BINARY},
    **{f"r{name}": _binary(name, swapped=True) for name in BINARY if not name.startswith("i")},
}
