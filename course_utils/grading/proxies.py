# ruff: noqa: D105 (the methods are Python's own)
"""What stands in a test for a function, class or object of the student's.

Calls, attributes, indexing, iteration and context managers are passed on to the process that student code
runs in; arguments go as plain values, results come back as plain values or as further proxies.

What answers yes or no is *not* passed on. ``==`` and ``!=`` of a proxy compare by identity; ``<``, ``<=``,
``>``, ``>=`` and ``in`` are refused, and so is everything that would turn it into an array: an object that
claims to be equal to everything, or whose difference from everything is 0, earns nothing, and the value that
a test compares with stays where it is. Arithmetic is passed on where the instructor's own answers met it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from course_utils.grading.objects import BASES, BINARY, UNARY
from course_utils.grading.wire import Handle

if TYPE_CHECKING:
    from course_utils.grading.session import Session

#: How something was come by: a name, then what was done with it, e.g. ``("Net", "()", ".weight")``.
Path = tuple[str, ...]

_LONGEST_PATH = 8
#: Names that each proxy has, whether the student's object has them or not: asked of the object, not of the
#: proxy's own class. What compares and computes is not among them.
_THEIRS = frozenset(
    ["__dict__", "__doc__", "__init__", "__module__", "__call__", "__len__", "__iter__", "__next__"]
)
_THEIRS |= {"__getitem__", "__setitem__", "__delitem__", "__enter__", "__exit__"}
_THEIRS |= {"__bool__", "__int__", "__index__", "__float__", "__complex__"}
_HERE = object.__getattribute__


class Refused(TypeError):
    """An object of the student's stands where a test needs plain values; the message is fit for students."""


class Proxy:
    """An object of the student's; see the module's text."""

    __slots__ = ("_course", "__weakref__")

    #: NumPy must not take it for a value, nor hand it what an array is compared with.
    __array_ufunc__ = None

    def __init__(self, session: Session, handle: Handle, path: Path) -> None:
        object.__setattr__(self, "_course", (session, handle, path))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The library class that the object is an instance of (``nn.Module``), never one of data."""
        handle = _HERE(self, "_course")[1]
        found = () if handle.kind == "class" else _library_classes(handle.bases)
        return found[0] if found else (type if handle.kind == "class" else type(self))

    @property
    def __bases__(self) -> tuple[type, ...]:
        """For ``issubclass``: the library classes that a class derives from."""
        handle = _HERE(self, "_course")[1]
        if handle.kind != "class":
            raise AttributeError("__bases__")
        return _library_classes(handle.bases) or (object,)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance_of(self, value)

    def __subclasscheck__(self, kind: Any) -> bool:
        return kind is self

    def __getattribute__(self, name: str) -> Any:
        return ask(self, f".{name}", "getattr", name) if name in _THEIRS else _HERE(self, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__array", "__cuda_array", "__torch_function", "__dlpack")):
            raise AttributeError(f"an object of the student's has no {name}")
        return ask(self, f".{name}", "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask(self, f".{name}=", "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        ask(self, f".{name}=", "delattr", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, class or object where it lives."""
        return ask(self, "()", "call", *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return ask(self, "[]", "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        ask(self, "[]=", "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        ask(self, "[]=", "delitem", key)

    def __len__(self) -> int:
        return _exactly(ask(self, ".__len__()", "len"), int)

    def __iter__(self) -> Any:
        return ask(self, "", "iter")

    def __next__(self) -> Any:
        return ask(self, "[]", "next")

    def __enter__(self) -> Any:
        return ask(self, ".__enter__()", "enter")

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        # What it returns is not passed on: a test's failed assertion is not the student's to hold back.
        if error is None or isinstance(error, Exception):
            ask(self, ".__exit__()", "exit", kind and kind.__name__, None, None)

    def __bool__(self) -> bool:
        return _exactly(ask(self, ".__bool__()", "bool"), bool)

    def __int__(self) -> int:
        return _exactly(ask(self, ".__int__()", "int"), int)

    def __index__(self) -> int:
        return _exactly(ask(self, ".__index__()", "index"), int)

    def __float__(self) -> float:
        return _exactly(ask(self, ".__float__()", "float"), float)

    def __complex__(self) -> complex:
        return _exactly(ask(self, ".__complex__()", "complex"), complex)

    def __repr__(self) -> str:
        return _exactly(ask(self, ".__repr__()", "repr"), str)

    def __str__(self) -> str:
        return _exactly(ask(self, ".__str__()", "str"), str)

    def __format__(self, form: str) -> str:
        return _exactly(ask(self, ".__format__()", "format", form), str)

    def __dir__(self) -> list[str]:
        return _exactly(ask(self, ".__dir__()", "dir"), list)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise Refused(f"{describe(self)} is no array; an array was expected")

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)

    def __lt__(self, other: object) -> bool:
        raise _no_order(self)

    __le__ = __gt__ = __ge__ = __lt__

    def __contains__(self, value: object) -> bool:
        raise Refused(f"{describe(self)} was asked with 'in'; a list, set or dict was expected")

    def __copy__(self) -> Any:
        return ask(self, ".__copy__()", "copy")

    def __deepcopy__(self, memo: Any) -> Any:
        return ask(self, ".__deepcopy__()", "deepcopy")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an object of the student's can't be pickled")


def number_of(proxy: Proxy, session: Session) -> int:
    """Give the number of a proxy's object.

    Raises
    ------
    TypeError
        If the object lived in a process that is gone.
    """
    owner, handle, _ = _HERE(proxy, "_course")
    if owner is not session:
        raise TypeError("the process in which this object lived is gone")
    return handle.number


def ask(proxy: Proxy, step: str, operation: str, *args: Any, **kwargs: Any) -> Any:
    """Have something done with a proxy's object."""
    session, handle, path = _HERE(proxy, "_course")
    return session.ask(further(path, step), operation, handle.number, *args, **kwargs)


def further(path: Path, step: str) -> Path:
    """Add a step to a path; the same step again, as along a chain of nodes, adds nothing."""
    if not step or path[-1:] == (step,):
        return path
    return (path + (step,))[-_LONGEST_PATH:]


def describe(proxy: Proxy) -> str:
    """Say in a message what a proxy stands for."""
    _, handle, path = _HERE(proxy, "_course")
    return f"{''.join(path)}, {handle.kind} {handle.name[:50]} of the student's,"


def isinstance_of(proxy: Proxy, value: Any) -> bool:
    """Say whether another object of the student's is an instance of this class of theirs."""
    if type(value) is not Proxy:
        return False
    return _exactly(ask(proxy, ".__instancecheck__()", "isinstance", value), bool)


def _library_classes(names: tuple[str, ...]) -> tuple[type, ...]:
    """Find library classes by name among modules that are imported already."""
    found = []
    for name in names:
        module, _, last = name.rpartition(".")
        kind = getattr(sys.modules.get(module), last, None) if name.startswith(BASES) else None
        if isinstance(kind, type):
            found.append(kind)
    return tuple(found)


def _exactly(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"a value of type {kind.__name__} was expected, got {type(value).__name__}")
    return value


def _no_order(proxy: Proxy) -> Refused:
    return Refused(f"{describe(proxy)} was compared; a number or an array was expected")


def _operator(name: str, arity: int) -> Any:
    step = f".__{name.rstrip('_')}__()"

    def method(self: Proxy, *others: Any) -> Any:
        session, _, path = _HERE(self, "_course")
        if len(others) != arity or not session.permits(further(path, step)):
            raise Refused(f"{describe(self)} was used in arithmetic; a number or an array was expected")
        return ask(self, step, name, *others)

    return method


for _name in BINARY:
    setattr(Proxy, f"__{_name.rstrip('_')}__", _operator(_name, 1))
    if not _name.startswith("i"):
        setattr(Proxy, f"__r{_name.rstrip('_')}__", _operator(f"r{_name}", 1))
for _name in UNARY:
    setattr(Proxy, f"__{_name}__", _operator(_name, 0))
