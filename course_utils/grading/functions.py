"""Functions of the tests that student code may call: numbered here, called here, shown nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.grading.crossing import Handle, WireError

MOST_FUNCTIONS = 10_000
MOST_NESTED = 20


class Functions:
    """The functions that tests have passed to student code.

    Attributes
    ----------
    failed : AssertionError or None
        The first assertion that failed in one of them: it must not be lost if student code catches it.
    """

    def __init__(self) -> None:
        self.failed: AssertionError | None = None
        self._functions: list[Callable[..., Any]] = []
        self._numbers: dict[int, int] = {}
        self._nested = 0

    def leave(self, value: Any) -> Handle:
        """Keep a function here and give its handle.

        Raises
        ------
        WireError
            If it can't be called, or there are too many.
        """
        if not callable(value):
            raise WireError(
                f"an object of type {type(value).__name__} is neither a plain value nor a function; pass "
                'plain values, or let the cell run beside the answers ("course": {"runs": "beside"})'
            )
        number = self._numbers.get(id(value))
        if number is None:
            if len(self._functions) >= MOST_FUNCTIONS:
                raise WireError(f"more than {MOST_FUNCTIONS} functions")
            number = self._numbers[id(value)] = len(self._functions)
            self._functions.append(value)
        return Handle("test", number, "function", getattr(value, "__name__", "function"))

    def find(self, number: int) -> Callable[..., Any]:
        """Give the function behind a number that the other process sent.

        Raises
        ------
        WireError
            If none was passed under it.
        """
        if not 0 <= number < len(self._functions):
            raise WireError("a function that was not passed")
        return self._functions[number]

    def answer(self, call: Callable[[], bytes]) -> tuple[bool, Any]:
        """Make a call and describe its outcome in plain values.

        Parameters
        ----------
        call : callable
            Calls a function of the tests and encodes what it returns.

        Returns
        -------
        bool
            Whether it returned.
        bytes or dict
            Its value, or its exception as `course_utils.grading.faults.Fault` reads it. A failed assertion
            tells nothing.
        """
        self._nested += 1
        try:
            if self._nested > MOST_NESTED:
                raise RecursionError("functions of the tests and of the answer call each other too deep")
            return True, call()
        except AssertionError as error:
            self.failed = self.failed or error
            return False, {"builtin": "AssertionError", "text": "", "args": []}
        except Exception as error:
            builtin = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
            plain = [a for a in error.args[:5] if type(a) in (int, float, str)]
            named = {"builtin": builtin.__name__, "name": type(error).__name__, "text": str(error)[:1000]}
            return False, {**named, "args": plain}
        finally:
            self._nested -= 1

    def take_failed(self) -> AssertionError | None:
        """Give the assertion that failed, once."""
        failed, self.failed = self.failed, None
        return failed
