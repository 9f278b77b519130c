"""The writing half of the wire: values to bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.grading import arrays
from course_utils.grading.crossing import CONTAINERS, HEAVY, Handle, Limits, Memo, WireError
from course_utils.grading.plain import named_fields, plain


class Writer:
    """Collect the bytes of one value; see `course_utils.grading.wire.encode`."""

    def __init__(self, leave: Callable[[Any], Handle] | None, memo: Memo | None, limits: Limits) -> None:
        self.leave, self.memo, self.limits = leave, memo, limits
        self.parts: list[bytes] = []
        self.size = self.items = 0

    def put(self, *chunks: bytes) -> None:
        """Add bytes, up to the limit."""
        self.size += sum(map(len, chunks))
        if self.size > self.limits.size:
            raise WireError(f"a value of more than {self.limits.size} bytes can't cross")
        self.parts += chunks

    def text(self, value: str) -> None:
        """Add a text and its length."""
        raw = value.encode("utf-8", "surrogatepass")
        self.put(struct.pack("<I", len(raw)), raw)

    def many(self, tag: bytes, values: Any, depth: int) -> None:
        """Add a container's values and their number."""
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

    def charge(self, count: int) -> None:
        """Count values, up to the limit."""
        self.items += count
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values can't cross at once")

    def write(self, value: Any, depth: int) -> None:
        """Add any value."""
        self.charge(1)
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
            self.charge(HEAVY)
            self.many(b"Z", value, depth)
        elif kind in (slice, range):
            if kind is range and value[self.limits.items :]:
                raise WireError("a range of so many numbers can't cross")
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
        elif kind in CONTAINERS or kind is np.ndarray or arrays.is_tensor(value) or arrays.is_random(value):
            if not self.known(value, depth):
                self.mutable(value, depth)
        elif (fields := named_fields(kind)) is not None and len(fields) == len(value):
            self.charge(HEAVY)
            self.put(b"P")
            self.write(tuple(fields), depth + 1)
            self.write(tuple(value), depth + 1)
        elif self.leave is not None:
            self.handle(self.leave(value))
        else:
            raise WireError(f"a value of type {kind.__name__} can't cross: only plain values can")

    def mutable(self, value: Any, depth: int) -> None:
        """Add an array, a tensor or a container that can be changed."""
        if type(value) is np.ndarray:
            self.array(b"A", value)
        elif type(value) is list:
            self.many(b"L", value, depth)
        elif type(value) is set:
            self.charge(HEAVY)
            self.many(b"E", value, depth)
        elif type(value) is dict:
            self.charge(HEAVY)
            self.many(b"M", [part for pair in value.items() for part in pair], depth)
        elif arrays.is_random(value):
            self.charge(HEAVY)
            self.put(b"g")
            self.write(arrays.random_parts(value), depth + 1)
        else:
            try:
                name, grad, shape, raw = arrays.tensor_parts(value)
            except (ValueError, RuntimeError) as error:
                raise WireError(str(error)) from None
            self.charge(HEAVY)
            self.put(b"X", b"\1" if grad else b"\0")
            self.text(name)
            self.put(struct.pack(f"<B{len(shape)}q", len(shape), *shape), struct.pack("<Q", len(raw)), raw)

    def integer(self, value: int) -> None:
        """Add a whole number."""
        length = value.bit_length() // 8 + 1
        if length > self.limits.integer:
            raise WireError(f"a whole number of {length} bytes can't cross")
        self.put(b"I", struct.pack("<H", length), value.to_bytes(length, "little", signed=True))

    def array(self, tag: bytes, value: Any) -> None:
        """Add an array or a NumPy scalar."""
        try:
            code, flags, raw = arrays.array_parts(value)
        except ValueError as error:
            raise WireError(str(error)) from None
        self.charge(HEAVY if tag == b"A" else 0)
        self.put(tag, bytes([flags]))
        self.text(code)
        shape = value.shape
        self.put(struct.pack(f"<B{len(shape)}q", len(shape), *shape), struct.pack("<Q", len(raw)), raw)

    def handle(self, value: Handle) -> None:
        """Add a handle."""
        self.charge(HEAVY)
        self.put(b"H", b"s" if value.owner == "student" else b"t", struct.pack("<I", value.number))
        for part in (value.kind, value.name[:100]):
            self.text(part)
        self.put(struct.pack("<B", len(value.bases)))
        for part in value.bases:
            self.text(part)
