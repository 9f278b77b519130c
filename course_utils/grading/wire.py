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
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.grading import arrays
from course_utils.grading.plain import make_named_tuple, named_fields, plain

CONTAINERS = (list, dict, set)


class WireError(ValueError):
    """Bytes that are no value, or a value that may not cross."""


@dataclass(frozen=True)
class Limits:
    """How much may cross at once.

    Attributes
    ----------
    size : int
        Bytes of one encoded value.
    items : int
        Values in it, containers' elements included.
    depth : int
        Nested containers.
    integer : int
        Bytes of one whole number.
    """

    size: int = 64 * 2**20
    items: int = 1_000_000
    depth: int = 40
    integer: int = 1024


LIMITS = Limits()


@dataclass(frozen=True)
class Handle:
    """An object that stays in the process where it was made.

    Attributes
    ----------
    owner : str
        ``"student"`` or ``"test"``: in which process it lives.
    number : int
        Which one.
    kind : str
        ``"function"``, ``"class"``, ``"iterator"`` or ``"object"``.
    name : str
        What to call it in messages.
    bases : tuple of str
        Library classes that it claims to be an instance of, by dotted name.
    """

    owner: str
    number: int
    kind: str = "object"
    name: str = "object"
    bases: tuple[str, ...] = ()


class Memo:
    """The mutable values among one call's arguments, in the order in which they were met.

    While it is open, what is met is added; afterwards it only recognises.
    """

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.open = True
        self._places: dict[int, int] = {}

    def add(self, value: Any) -> None:
        """Give a value the next number."""
        self._places[id(value)] = len(self.objects)
        self.objects.append(value)

    def place(self, value: Any) -> int | None:
        """Return a value's number, or None."""
        return self._places.get(id(value))


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

    Raises
    ------
    WireError
        If a value is too large, too deep or of a kind that can't cross.
    """
    writer = _Writer(leave, memo, limits)
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

    Raises
    ------
    WireError
        If the bytes are no value, or more than the limits allow.
    """
    if len(data) > limits.size:
        raise WireError(f"{len(data)} bytes are more than the {limits.size} that may cross")
    reader = _Reader(data, meet, memo, limits)
    try:
        value = reader.read(0)
    except (struct.error, UnicodeDecodeError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"not a value: {type(error).__name__}") from None
    if reader.position != len(data):
        raise WireError("bytes are left over after the value")
    return value


class _Writer:
    def __init__(self, leave: Callable[[Any], Handle] | None, memo: Memo | None, limits: Limits) -> None:
        self.leave, self.memo, self.limits = leave, memo, limits
        self.parts: list[bytes] = []
        self.size = self.items = 0

    def put(self, *chunks: bytes) -> None:
        self.size += sum(map(len, chunks))
        if self.size > self.limits.size:
            raise WireError(f"a value of more than {self.limits.size} bytes can't cross")
        self.parts += chunks

    def text(self, value: str) -> None:
        raw = value.encode("utf-8", "surrogatepass")
        self.put(struct.pack("<I", len(raw)), raw)

    def many(self, tag: bytes, values: Any, depth: int) -> None:
        self.put(tag, struct.pack("<I", len(values)))
        for value in values:
            self.write(value, depth + 1)

    def known(self, value: Any, depth: int) -> bool:
        """Refer to a value that the memo has; otherwise let an open memo number it."""
        if self.memo is None:
            return False
        place = self.memo.place(value)
        if place is None:
            if self.memo.open:
                self.memo.add(value)
            return False
        if not self.memo.open and depth > 0 and isinstance(value, CONTAINERS):
            return False
        self.put(b"R", struct.pack("<I", place))
        return True

    def write(self, value: Any, depth: int) -> None:
        self.items += 1
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values can't cross at once")
        if depth > self.limits.depth:
            raise WireError(f"containers nested more than {self.limits.depth} deep can't cross")
        value = plain(value)
        kind = type(value)
        if value is None or value is Ellipsis:
            self.put(b"N" if value is None else b"e")
        elif kind is bool:
            self.put(b"T" if value else b"F")
        elif kind is int:
            self.integer(value)
        elif kind is float:
            self.put(b"D", struct.pack("<d", value))
        elif kind is complex:
            self.put(b"C", struct.pack("<dd", value.real, value.imag))
        elif kind is str:
            self.put(b"S")
            self.text(value)
        elif kind is bytes:
            self.put(b"B", struct.pack("<I", len(value)), value)
        elif kind is tuple:
            self.many(b"U", value, depth)
        elif kind is frozenset:
            self.many(b"Z", value, depth)
        elif kind in (slice, range):
            self.put(b"s" if kind is slice else b"r")
            for part in (value.start, value.stop, value.step):
                self.write(part, depth + 1)
        elif kind is Handle:
            self.handle(value)
        elif isinstance(value, np.generic):
            self.array(b"G", np.asarray(value))
        elif (name := arrays.constant_name(value)) is not None:
            self.put(b"k")
            self.text(name)
        elif kind in CONTAINERS or kind is np.ndarray or arrays.is_tensor(value):
            if not self.known(value, depth):
                self.mutable(value, depth)
        elif (fields := named_fields(kind)) is not None and len(fields) == len(value):
            self.put(b"P")
            self.text(kind.__name__)
            self.write(tuple(fields), depth + 1)
            self.write(tuple(value), depth + 1)
        elif self.leave is not None:
            self.handle(self.leave(value))
        else:
            raise WireError(f"a value of type {kind.__name__} can't cross: only plain values can")

    def mutable(self, value: Any, depth: int) -> None:
        if type(value) is np.ndarray:
            self.array(b"A", value)
        elif type(value) is list:
            self.many(b"L", value, depth)
        elif type(value) is set:
            self.many(b"E", value, depth)
        elif type(value) is dict:
            self.many(b"M", [part for pair in value.items() for part in pair], depth)
        else:
            try:
                name, grad, shape, raw = arrays.tensor_parts(value)
            except (ValueError, RuntimeError) as error:
                raise WireError(str(error)) from None
            self.put(b"X", b"\1" if grad else b"\0")
            self.text(name)
            self.put(struct.pack(f"<B{len(shape)}q", len(shape), *shape), struct.pack("<Q", len(raw)), raw)

    def integer(self, value: int) -> None:
        length = value.bit_length() // 8 + 1
        if length > self.limits.integer:
            raise WireError(f"a whole number of {length} bytes can't cross")
        self.put(b"I", struct.pack("<H", length), value.to_bytes(length, "little", signed=True))

    def array(self, tag: bytes, value: Any) -> None:
        try:
            code, flags, raw = arrays.array_parts(value)
        except ValueError as error:
            raise WireError(str(error)) from None
        self.put(tag, bytes([flags]))
        self.text(code)
        shape = value.shape
        self.put(struct.pack(f"<B{len(shape)}q", len(shape), *shape), struct.pack("<Q", len(raw)), raw)

    def handle(self, value: Handle) -> None:
        self.put(b"H", b"s" if value.owner == "student" else b"t", struct.pack("<I", value.number))
        for part in (value.kind, value.name[:100]):
            self.text(part)
        self.put(struct.pack("<B", len(value.bases)))
        for part in value.bases:
            self.text(part)


class _Reader:
    def __init__(
        self, data: bytes, meet: Callable[[Handle], Any] | None, memo: Memo | None, limits: Limits
    ) -> None:
        self.data, self.meet, self.memo, self.limits = memoryview(data), meet, memo, limits
        self.position = self.items = self.repeated = 0

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.position:
            raise WireError("the value ends too early")
        self.position += count
        return self.data[self.position - count : self.position]

    def unpack(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> str:
        return str(self.take(self.unpack("<I")[0]), "utf-8", "surrogatepass")

    def count(self, each: int = 1) -> int:
        """Read a number of elements; each needs at least one byte, so no more can follow than bytes do."""
        count = self.unpack("<I")[0]
        if count * each > len(self.data) - self.position:
            raise WireError("more elements announced than bytes follow")
        return count

    def remember(self, value: Any) -> Any:
        if self.memo is not None and self.memo.open:
            self.memo.add(value)
        return value

    def read(self, depth: int) -> Any:
        self.items += 1
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values")
        if depth > self.limits.depth:
            raise WireError(f"nested more than {self.limits.depth} deep")
        read = _READERS.get(bytes(self.take(1)))
        if read is None:
            raise WireError("unknown kind of value")
        return read(self, depth)

    def elements(self, depth: int) -> list[Any]:
        return [self.read(depth + 1) for _ in range(self.count())]

    def integer(self, depth: int) -> int:
        length = self.unpack("<H")[0]
        if length > self.limits.integer:
            raise WireError(f"a whole number of {length} bytes")
        return int.from_bytes(self.take(length), "little", signed=True)

    def list(self, depth: int) -> list[Any]:
        values: list[Any] = self.remember([])
        values.extend(self.elements(depth))
        return values

    def set(self, depth: int) -> set[Any]:
        values: set[Any] = self.remember(set())
        values.update(self.elements(depth))
        return values

    def dict(self, depth: int) -> dict[Any, Any]:
        values: dict[Any, Any] = self.remember({})
        parts = self.elements(depth)
        if len(parts) % 2:
            raise WireError("a dict with a key and no value")
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            values[key] = value
        return values

    def span(self, depth: int) -> tuple[Any, Any, Any]:
        return self.read(depth + 1), self.read(depth + 1), self.read(depth + 1)

    def range(self, depth: int) -> range:
        parts = self.span(depth)
        if any(type(part) is not int for part in parts) or parts[2] == 0:
            raise WireError("a range needs three whole numbers and a step")
        return range(*parts)

    def shaped(self) -> tuple[tuple[int, ...], memoryview]:
        """Read a shape and the raw bytes of as many arrays."""
        shape = self.unpack(f"<{self.unpack('<B')[0]}q")
        if len(shape) > 32 or any(not 0 <= length < 2**40 for length in shape):
            raise WireError("not a shape")
        return shape, self.take(self.unpack("<Q")[0])

    def array(self, depth: int) -> Any:
        flags, code = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        try:
            return self.remember(arrays.array_from(code, flags, shape, raw))
        except (ValueError, TypeError, MemoryError) as error:
            raise WireError(f"not an array: {type(error).__name__}") from None

    def scalar(self, depth: int) -> Any:
        flags, code = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        if shape:
            raise WireError("a scalar with a shape")
        try:
            return arrays.array_from(code, flags, (), raw)[()]
        except (ValueError, TypeError, MemoryError) as error:
            raise WireError(f"not a number: {type(error).__name__}") from None

    def tensor(self, depth: int) -> Any:
        grad, name = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        try:
            return self.remember(arrays.tensor_from(name, bool(grad), shape, raw))
        except (ValueError, TypeError, RuntimeError, MemoryError) as error:
            raise WireError(f"not a tensor: {type(error).__name__}") from None

    def constant(self, depth: int) -> Any:
        name = self.text()
        try:
            return arrays.constant(name)
        except KeyError:
            raise WireError("unknown constant") from None

    def reference(self, depth: int) -> Any:
        place = self.unpack("<I")[0]
        if self.memo is None or place >= len(self.memo.objects):
            raise WireError("refers to a value that was not passed")
        value = self.memo.objects[place]
        if not self.memo.open and depth > 0 and isinstance(value, CONTAINERS):
            raise WireError("a container that was passed, inside another value")
        self.repeated += int(getattr(value, "nbytes", 0))
        if self.repeated > self.limits.size:
            raise WireError("repeats a passed array too often")
        return value

    def named(self, depth: int) -> Any:
        name = self.text()
        fields, values = self.read(depth + 1), self.read(depth + 1)
        if type(fields) is not tuple or type(values) is not tuple or len(fields) != len(values):
            raise WireError("a named tuple whose names and values differ in number")
        return make_named_tuple(name, fields)(values)

    def handle(self, depth: int) -> Any:
        owner = {b"s": "student", b"t": "test"}.get(bytes(self.take(1)))
        if owner is None:
            raise WireError("a handle of nobody's")
        number, kind, name = self.unpack("<I")[0], self.text(), self.text()
        bases = tuple(self.text() for _ in range(self.unpack("<B")[0]))
        handle = Handle(owner, number, kind, name, bases)
        return handle if self.meet is None else self.meet(handle)


_READERS: dict[bytes, Callable[[_Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"e": lambda reader, depth: Ellipsis,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b"I": _Reader.integer,
    b"D": lambda reader, depth: reader.unpack("<d")[0],
    b"C": lambda reader, depth: complex(*reader.unpack("<dd")),
    b"S": lambda reader, depth: reader.text(),
    b"B": lambda reader, depth: bytes(reader.take(reader.unpack("<I")[0])),
    b"U": lambda reader, depth: tuple(reader.elements(depth)),
    b"Z": lambda reader, depth: frozenset(reader.elements(depth)),
    b"s": lambda reader, depth: slice(*reader.span(depth)),
    b"r": _Reader.range,
    b"L": _Reader.list,
    b"E": _Reader.set,
    b"M": _Reader.dict,
    b"A": _Reader.array,
    b"G": _Reader.scalar,
    b"X": _Reader.tensor,
    b"k": _Reader.constant,
    b"R": _Reader.reference,
    b"P": _Reader.named,
    b"H": _Reader.handle,
}
