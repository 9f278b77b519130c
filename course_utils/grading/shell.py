"""What a notebook's code finds besides Python: ``get_ipython`` and ``display``, without IPython."""

from __future__ import annotations

import io
from typing import Any

_RUN_THEIR_CODE = ("time", "timeit", "prun", "capture")


class Shell:
    """Stand in for IPython's shell: magics that time code run it, all others do nothing."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = namespace

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        """Run ``%name line``."""
        if name in _RUN_THEIR_CODE:
            exec(compile(line.strip(), f"<%{name}>", "exec"), self.user_ns)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run ``%%name line`` over a cell."""
        if name in _RUN_THEIR_CODE:
            exec(compile(cell, f"<%%{name}>", "exec"), self.user_ns)

    def system(self, command: str) -> None:
        """Leave ``!command`` undone."""

    def getoutput(self, command: str, *_: Any, **__: Any) -> list[str]:
        """Leave ``x = !command`` undone."""
        return []


class Output(io.TextIOBase):
    """Keep what is printed, up to a limit.

    Parameters
    ----------
    longest : int
        Characters kept between two calls of `take`.
    """

    def __init__(self, longest: int = 2**16) -> None:
        self._longest = longest
        self._parts: list[str] = []
        self._length = 0

    def write(self, text: str) -> int:
        """Keep a piece of text."""
        kept = text[: max(0, self._longest - self._length)]
        if kept:
            self._parts.append(kept)
            self._length += len(kept)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def take(self) -> str:
        """Give what was printed since the last call."""
        text = "".join(self._parts)
        self._parts.clear()
        self._length = 0
        return text


def notebook_names(namespace: dict[str, Any]) -> dict[str, Any]:
    """Give the names that a notebook's code finds without importing them."""
    shell = Shell(namespace)
    return {"get_ipython": lambda: shell, "display": print}
