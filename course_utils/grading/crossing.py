"""What the wire's two halves share: limits, handles, the memo of a call's arguments, and the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CONTAINERS = (list, dict, set)
#: Values that take more memory than bytes on the wire count as so many.
HEAVY = 20


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
        Values in it, containers' elements included; arrays, tensors, dicts, sets, named tuples and handles
        count as 21.
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
