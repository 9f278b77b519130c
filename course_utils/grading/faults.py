"""Exceptions as plain values: described where they were raised, raised again elsewhere as built-in ones."""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Callable
from typing import Any

_LONGEST = 2_000
_LONGEST_TRACE = 8_000
_NEVER = (StopIteration, StopAsyncIteration)
#: Built-in exceptions that student code may raise in a test, by name.
BUILTIN: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ExceptionGroup)
}


def describe(error: BaseException, known: Callable[[str], bool]) -> dict[str, Any]:
    """Describe an exception in plain values.

    Parameters
    ----------
    error : BaseException
        What student code raised.
    known : callable
        Whether a file name is that of a notebook's cell.

    Returns
    -------
    dict
        ``builtin``: name of the nearest built-in class; ``name``: its own; ``text``; ``args``: plain ones;
        ``trace``: a traceback as text; ``lines``: (cell, line number) from the outermost call inwards.
    """
    kind = type(error)
    nearest = next((base.__name__ for base in kind.__mro__ if base.__module__ == "builtins"), "Exception")
    try:
        text = str(error)[:_LONGEST]
    except Exception:
        text = "(its message can't be read)"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if known(frame.filename)]
    trace = "".join(traceback.format_list(frames))[-_LONGEST_TRACE:]
    arguments = [a if type(a) in (int, float, str, bool) or a is None else None for a in error.args[:5]]
    return {
        "builtin": nearest,
        "name": kind.__name__[:100],
        "text": text,
        "args": [a[:_LONGEST] if type(a) is str else a for a in arguments],
        "trace": trace,
        "lines": [(frame.filename.strip("<>"), frame.lineno) for frame in frames][-20:],
    }


class Fault:
    """What is known of an exception from the other process; hangs on the one that is raised here.

    Attributes
    ----------
    name, text, trace : str
        Class, message and traceback, all as the student's process gave them: never to be trusted.
    lines : list of (str, int)
        Cell and line number, from the outermost call inwards.
    """

    def __init__(self, described: Any) -> None:
        described = described if isinstance(described, dict) else {}
        self.name = _short(described.get("name"), 100) or "Exception"
        self.text = _short(described.get("text"), _LONGEST)
        self.trace = _short(described.get("trace"), _LONGEST_TRACE)
        lines = described.get("lines")
        self.lines = [
            pair
            for pair in (lines if isinstance(lines, list) else [])[:20]
            if isinstance(pair, tuple) and list(map(type, pair)) == [str, int]
        ]
        self._builtin = described.get("builtin")
        arguments = described.get("args")
        self._args = arguments[:5] if isinstance(arguments, list) else []

    def exception(self, iterating: bool = False) -> Exception:
        """Make the exception to raise in a test: a built-in one with the student's message.

        What ends a program (`SystemExit`, `KeyboardInterrupt`, `GeneratorExit`) becomes a `RuntimeError`, and
        so does the end of an iteration unless ``next`` asked for it: it would end a test's loop silently.
        """
        kind = BUILTIN.get(self._builtin) if isinstance(self._builtin, str) else None
        if kind is None or (issubclass(kind, _NEVER) and not iterating):
            made: Exception = RuntimeError(f"the student's code raised {self.name}: {self.text}")
        else:
            try:
                made = kind(*self._args)
            except Exception:  # some need more arguments than are known
                made = next(b for b in kind.__mro__ if b in (ValueError, OSError, Exception))(self.text)
        made.fault = self  # type: ignore[attr-defined]
        return made


def _short(value: Any, longest: int) -> str:
    return value[:longest] if isinstance(value, str) else ""
