"""The reading half of the wire: bytes, whoever wrote them, to values of exact built-in types."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.grading import arrays
from course_utils.grading.crossing import CONTAINERS, HEAVY, Handle, Limits, Memo, WireError
from course_utils.grading.plain import make_named_tuple

#: Keys of one set or dict that may have the same hash.
MOST_ALIKE = 100


class Reader:
    """Read one value from bytes; see `course_utils.grading.wire.decode`."""

    def __init__(
        self, data: bytes, meet: Callable[[Handle], Any] | None, memo: Memo | None, limits: Limits
    ) -> None:
        self.data, self.meet, self.memo, self.limits = memoryview(data), meet, memo, limits
        self.position = self.items = self.repeated = 0

    def take(self, count: int) -> memoryview:
        """Take the next bytes."""
        if count > len(self.data) - self.position:
            raise WireError("the value ends too early")
        self.position += count
        return self.data[self.position - count : self.position]

    def unpack(self, form: str) -> Any:
        """Take the next bytes as numbers."""
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> str:
        """Read a text."""
        return str(self.take(self.unpack("<I")[0]), "utf-8", "surrogatepass")

    def count(self, each: int = 1) -> int:
        """Read a number of elements; each needs at least one byte, so no more can follow than bytes do."""
        count = self.unpack("<I")[0]
        if count * each > len(self.data) - self.position:
            raise WireError("more elements announced than bytes follow")
        return count

    def remember(self, value: Any) -> Any:
        """Let an open memo number a value."""
        if self.memo is not None and self.memo.open:
            self.memo.add(value)
        return value

    def read(self, depth: int) -> Any:
        """Read any value."""
        tag = bytes(self.take(1))
        self.items += 1 + HEAVY * (tag in b"AXgPHMEZ")
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values")
        if depth > self.limits.depth:
            raise WireError(f"nested more than {self.limits.depth} deep")
        read = _READERS.get(tag)
        if read is None:
            raise WireError("unknown kind of value")
        return read(self, depth)

    def elements(self, depth: int) -> list[Any]:
        """Read a container's values."""
        return [self.read(depth + 1) for _ in range(self.count())]

    def integer(self, depth: int) -> int:
        """Read a whole number."""
        length = self.unpack("<H")[0]
        if length > self.limits.integer:
            raise WireError(f"a whole number of {length} bytes")
        return int.from_bytes(self.take(length), "little", signed=True)

    def list(self, depth: int) -> list[Any]:
        """Read a list."""
        values: list[Any] = self.remember([])
        values.extend(self.elements(depth))
        return values

    def set(self, depth: int) -> set[Any]:
        """Read a set."""
        values: set[Any] = self.remember(set())
        values.update(_spread(self.elements(depth)))
        return values

    def dict(self, depth: int) -> dict[Any, Any]:
        """Read a dict."""
        values: dict[Any, Any] = self.remember({})
        parts = self.elements(depth)
        if len(parts) % 2:
            raise WireError("a dict with a key and no value")
        for key, value in zip(_spread(parts[::2]), parts[1::2], strict=True):
            values[key] = value
        return values

    def span(self, depth: int) -> tuple[Any, Any, Any]:
        """Read the three parts of a slice or range."""
        return self.read(depth + 1), self.read(depth + 1), self.read(depth + 1)

    def range(self, depth: int) -> range:
        """Read a range."""
        parts = self.span(depth)
        if any(type(part) is not int for part in parts) or parts[2] == 0:
            raise WireError("a range needs three whole numbers and a step")
        made = range(*parts)
        if made[self.limits.items :]:
            raise WireError("a range of too many numbers")
        return made

    def shaped(self) -> tuple[tuple[int, ...], memoryview]:
        """Read a shape and the raw bytes of as many arrays."""
        shape = self.unpack(f"<{self.unpack('<B')[0]}q")
        if len(shape) > 32 or any(not 0 <= length < 2**40 for length in shape):
            raise WireError("not a shape")
        return shape, self.take(self.unpack("<Q")[0])

    def array(self, depth: int) -> Any:
        """Read an array."""
        flags, code = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        try:
            return self.remember(arrays.array_from(code, flags, shape, raw))
        except (ValueError, TypeError, MemoryError) as error:
            raise WireError(f"not an array: {type(error).__name__}") from None

    def scalar(self, depth: int) -> Any:
        """Read a NumPy scalar."""
        flags, code = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        if shape:
            raise WireError("a scalar with a shape")
        try:
            return arrays.array_from(code, flags, (), raw)[()]
        except (ValueError, TypeError, MemoryError) as error:
            raise WireError(f"not a number: {type(error).__name__}") from None

    def tensor(self, depth: int) -> Any:
        """Read a tensor."""
        grad, name = self.unpack("<B")[0], self.text()
        shape, raw = self.shaped()
        try:
            return self.remember(arrays.tensor_from(name, bool(grad), shape, raw))
        except (ValueError, TypeError, RuntimeError, MemoryError) as error:
            raise WireError(f"not a tensor: {type(error).__name__}") from None

    def random(self, depth: int) -> Any:
        """Read a generator of random numbers."""
        try:
            return self.remember(arrays.random_from(self.read(depth + 1)))
        except ValueError as error:
            raise WireError(f"not a generator of random numbers: {error}") from None

    def constant(self, depth: int) -> Any:
        """Read a type or a kind of number."""
        name = self.text()
        try:
            return arrays.constant(name)
        except KeyError:
            raise WireError("unknown constant") from None

    def reference(self, depth: int) -> Any:
        """Read which argument is meant."""
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
        """Read a named tuple."""
        fields, values = self.read(depth + 1), self.read(depth + 1)
        if type(fields) is not tuple or type(values) is not tuple or len(fields) != len(values):
            raise WireError("a named tuple whose names and values differ in number")
        for name, value in zip(fields, values, strict=True):
            if callable(value) and type(name) is str and callable(getattr(np.ndarray, name, None)):
                raise WireError(f"a named tuple that has a function of its own for {name}")
        return make_named_tuple(fields)(values)

    def handle(self, depth: int) -> Any:
        """Read a handle and have it met."""
        owner = {b"s": "student", b"t": "test"}.get(bytes(self.take(1)))
        if owner is None:
            raise WireError("a handle of nobody's")
        number, kind, name = self.unpack("<I")[0], self.text(), self.text()
        bases = tuple(self.text() for _ in range(self.unpack("<B")[0]))
        handle = Handle(owner, number, kind, name, bases)
        return handle if self.meet is None else self.meet(handle)


def _spread(keys: list[Any]) -> list[Any]:
    """Give the keys of a set or dict back, unless very many have one hash: each costs a look at all others.

    Numbers and tuples with the same hash are easily made; to put a million into a set takes hours, in which
    nothing can interrupt this process.
    """
    if len(keys) > MOST_ALIKE and Counter(map(hash, keys)).most_common(1)[0][1] > MOST_ALIKE:
        raise WireError(f"more than {MOST_ALIKE} keys with the same hash")
    return keys


_READERS: dict[bytes, Callable[[Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"e": lambda reader, depth: Ellipsis,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b"I": Reader.integer,
    b"D": lambda reader, depth: reader.unpack("<d")[0],
    b"C": lambda reader, depth: complex(*reader.unpack("<dd")),
    b"S": lambda reader, depth: reader.text(),
    b"B": lambda reader, depth: bytes(reader.take(reader.unpack("<I")[0])),
    b"U": lambda reader, depth: tuple(reader.elements(depth)),
    b"Z": lambda reader, depth: frozenset(_spread(reader.elements(depth))),
    b"s": lambda reader, depth: slice(*reader.span(depth)),
    b"r": Reader.range,
    b"L": Reader.list,
    b"E": Reader.set,
    b"M": Reader.dict,
    b"A": Reader.array,
    b"G": Reader.scalar,
    b"X": Reader.tensor,
    b"g": Reader.random,
    b"k": Reader.constant,
    b"R": Reader.reference,
    b"P": Reader.named,
    b"H": Reader.handle,
}
