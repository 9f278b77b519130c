"""Where the instructor's cells run: a namespace of their own, captured output, and a limit of time."""

from __future__ import annotations

import ast
import contextlib
import linecache
import signal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

from course_utils.grading.cells import last_expression, used_names
from course_utils.grading.shell import Output, notebook_names


class OutOfTime(BaseException):
    """A cell of the instructor's ran past its time; no `Exception`, so that no test catches it."""


class Trusted:
    """Run the instructor's cells in order. As a context it is ``__main__`` and keeps what is printed.

    Parameters
    ----------
    output : int
        Characters kept of what one cell prints.

    Attributes
    ----------
    namespace : dict
        The cells' global names.
    output : Output
        What they printed, and what student code printed while they called it.
    value : Any
        The value of the last cell's last expression.
    """

    def __init__(self, output: int = 2**16) -> None:
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__
        self.namespace.update(notebook_names(self.namespace))
        self.output = Output(output)
        self.value: Any = None
        self._stack = contextlib.ExitStack()
        self._uses: set[str] = set()

    def __enter__(self) -> Trusted:
        """Become ``__main__``."""
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.module
        self._stack.callback(sys.modules.__setitem__, "__main__", before)
        self._stack.enter_context(contextlib.redirect_stdout(self.output))
        self._stack.enter_context(contextlib.redirect_stderr(self.output))
        return self

    def __exit__(self, *about: Any) -> None:
        """Put back what was there."""
        self._stack.close()

    def uses(self, source: str) -> set[str]:
        """Give the names that this cell or one before it uses: functions of earlier cells may be called."""
        self._uses |= used_names(source)
        return self._uses

    def run(
        self, name: str, source: str, seconds: float, proxied: frozenset[str] = frozenset()
    ) -> BaseException | None:
        """Run a cell.

        Parameters
        ----------
        name : str
            The cell's.
        source : str
            Plain Python.
        seconds : float
            The most it may take. Kept only in the main thread; code in C is interrupted when it returns.
        proxied : frozenset of str
            Names of students'; a last expression that uses none of them gives `value`.

        Returns
        -------
        BaseException or None
            What it raised. `course_utils.grading.session.WorkerStopped` is raised on instead.
        """
        from course_utils.grading.session import WorkerStopped

        self.value = None
        linecache.cache[f"<{name}>"] = (len(source), None, source.splitlines(True), f"<{name}>")
        tree = ast.parse(source)
        last = last_expression(source)
        shown = last is not None and not used_names(ast.unparse(last)) & proxied
        if shown:
            tree.body.pop()
        try:
            with _limit(seconds):
                exec(compile(tree, f"<{name}>", "exec", dont_inherit=True), self.namespace)
                if shown and last is not None:
                    self.value = eval(compile(last, f"<{name}>", "eval", dont_inherit=True), self.namespace)
        except WorkerStopped:
            raise
        except BaseException as error:
            return error
        return None


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` here after some time; only the main thread can be interrupted like this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise OutOfTime(f"ran longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)  # the channel's own deadline comes first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
