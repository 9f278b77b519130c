"""The judge's side of a conversation with a worker: requests, answers, and calls back from student code."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Iterator
from typing import Any

from course_utils.grading.channel import ChannelError, ChannelTimeout, Worker
from course_utils.grading.faults import Fault
from course_utils.grading.functions import Functions
from course_utils.grading.inplace import read_changes, repeat, undo_all
from course_utils.grading.proxies import Path, Proxy, Refused, further, number_of
from course_utils.grading.wire import Handle, Memo, WireError, decode, encode

MOST_VALUES = 100_000

#: For each way of getting at something of the student's, what the instructor's own answers gave there.
#: A way is written as code, e.g. ``Net().weight``; kinds are "plain", "object", "argument 0 changes".
Profile = dict[str, set[str]]


class WorkerStopped(BaseException):
    """The process that student code runs in is gone, too slow, or does not keep to the protocol.

    Not an `Exception`: a test's ``except Exception`` must not catch it.

    Attributes
    ----------
    reason : str
        What happened, for people.
    late : bool
        Whether it was too slow.
    """

    def __init__(self, reason: str, late: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.late = reason, late


class Session:
    """Talk to one worker.

    Parameters
    ----------
    worker : Worker
        The process and its channel.
    profile : dict, optional
        What kinds of values the instructor's answers gave, by path. Where those gave plain values only,
        an object in their place is refused; operators are only passed on where those used them.
    record : bool
        Whether to fill the profile instead (while the instructor's own answers run).
    output : int
        Characters kept of what one answer prints.
    """

    def __init__(
        self, worker: Worker, profile: Profile | None = None, record: bool = False, output: int = 2**16
    ) -> None:
        self.worker, self.profile, self.record = worker, profile, record
        if record and profile is None:
            self.profile = {}
        self.stopped: WorkerStopped | None = None
        self.functions = Functions()
        self.errors_printed = ""
        self.output = output
        self.apply_changes = True
        self.surprises: list[tuple[Any, Any]] = []
        self._proxies: weakref.WeakValueDictionary[int, Proxy] = weakref.WeakValueDictionary()
        self._dropped: list[int] = []

    def set_deadline(self, seconds: float) -> None:
        """Give all requests from now on this much time together."""
        self.worker.channel.deadline = time.monotonic() + seconds

    def ask(self, path: Path, operation: str, number: int, *args: Any, **kwargs: Any) -> Any:
        """Have something done with an object of the student's.

        Parameters
        ----------
        path : tuple of str
            How the result was come by, e.g. ``("Net", "()", ".weight")``.
        operation : str
            One of `course_utils.grading.objects.OPERATIONS`.
        number : int
            The object's.
        *args, **kwargs
            Plain values, proxies and functions.

        Returns
        -------
        Any
            A plain value or a proxy.

        Raises
        ------
        Exception
            A built-in one, if student code raised one.
        WorkerStopped
            If no answer comes in time, or none that can be understood.
        """
        memo = Memo()
        packed = self._pack((args, kwargs), memo)
        memo.open = False
        return self._request(path, memo, operation == "next", "ask", operation, number, packed)

    def tell(self, operation: str, *arguments: Any, path: Path = ()) -> Any:
        """Have the worker itself do something: run a cell, list names and so on."""
        return self._request(path, Memo(), False, operation, *arguments)

    def unpack(self, packed: bytes, path: Path) -> Any:
        """Decode a value that came inside another answer."""
        met: list[Handle] = []
        value = self._decode(packed, path, met)
        self._check(path, met)
        return value

    def permits(self, path: Path) -> bool:
        """Say whether the instructor's answers came this way too."""
        return self.record or (self.profile is not None and "".join(path) in self.profile)

    def _request(self, path: Path, memo: Memo, iterating: bool, operation: str, *arguments: Any) -> Any:
        if self.stopped is not None:
            raise self.stopped
        forget = list(self._dropped)
        self._dropped.clear()  # the proxies' finalizers hold this very list
        try:
            self._send((operation, forget, *arguments))
            while (answer := self._receive())[0] == "call":
                self._call_back(answer[1], answer[2], path)
        except WorkerStopped:
            raise
        except BaseException:  # nobody waits for the answer any more
            self._stop("a test was interrupted while student code ran")
            raise
        kind, content, changes = answer[:3]
        met: list[Handle] = []
        try:
            memo = self._repeat(memo, changes, path)
            value = self._decode(content, path, met, memo) if kind == "done" else None
        except WireError as error:
            raise self._stop(f"the student's process sent what is no answer: {error}") from None
        if (failed := self.functions.take_failed()) is not None:
            raise failed
        if kind == "raised":
            raise Fault(content).exception(iterating=iterating)
        self._check(path, met)
        return value

    def _repeat(self, memo: Memo, changes: list[Any], path: Path) -> Memo:
        """Change the arguments that the call changed; note what the instructor's answers would not have.

        Returns
        -------
        Memo
            What answers refer to: the arguments, or what became of them where that was not repeated.
        """
        if not changes:
            return memo
        now = read_changes(memo, changes, lambda handle: self._meet(handle, path, []))
        key, answers = "".join(path), Memo()
        answers.open, answers.objects = False, list(memo.objects)
        if self.record and self.profile is not None:
            self.profile.setdefault(key, set()).update(map(_in_place, now))
        seen = set() if self.profile is None else self.profile.get(key, set())
        for place, new in now.items():
            surprising = _in_place(place) not in seen
            if surprising and not self.apply_changes:
                answers.objects[place] = new
            else:
                repeat(memo.objects[place], new, self.surprises if surprising else [])
        return answers

    def undo_surprises(self) -> bool:
        """Take back changes that the instructor's answers would not have made; say whether there were any."""
        surprises, self.surprises = self.surprises, []
        undo_all(surprises)
        return bool(surprises)

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            self.worker.channel.send(encode(message))
        except ChannelTimeout:
            raise self._stop("the student's code took too long", late=True) from None
        except ChannelError as error:
            raise self._stop(f"the student's process has ended: {self.worker.why() or error}") from None

    def _receive(self) -> tuple[Any, ...]:
        """Wait for an answer, check its form, and print what student code printed."""
        try:
            answer = decode(self.worker.channel.receive())
        except ChannelTimeout:
            raise self._stop("the student's code took too long", late=True) from None
        except ChannelError as error:
            raise self._stop(f"the student's process has ended: {self.worker.why() or error}") from None
        except WireError as error:
            raise self._stop(f"the student's process sent what is no answer: {error}") from None
        forms = {
            "done": (str, bytes, list, str, str),
            "raised": (str, dict, list, str, str),
            "call": (str, int, bytes, str, str),
        }
        form = forms.get(answer[0]) if type(answer) is tuple and answer and type(answer[0]) is str else None
        if form is None or tuple(map(type, answer)) != form:
            raise self._stop("the student's process sent a message out of turn")
        if answer[-2]:
            sys.stdout.write(answer[-2][: self.output])
        self.errors_printed = (self.errors_printed + answer[-1])[: self.output]
        return answer

    def _stop(self, reason: str, late: bool = False) -> WorkerStopped:
        """End the worker; whatever asks it from now on gets the same reason."""
        self.stopped = WorkerStopped(reason, late)
        self.worker.kill()
        return self.stopped

    def _call_back(self, number: int, packed: bytes, path: Path) -> None:
        """Call a function of the tests for student code, and send what comes of it."""
        try:
            function = self.functions.find(number)
        except WireError as error:
            raise self._stop(f"the student's process called {error}") from None

        def call() -> bytes:
            args, kwargs = self._arguments(packed, further(path, "(…)"))
            return self._pack(function(*args, **kwargs))

        self._send(("answer", *self.functions.answer(call)))

    def _arguments(self, packed: bytes, path: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
        met: list[Handle] = []
        both = self._decode(packed, path, met)
        proper = type(both) is tuple and list(map(type, both)) == [tuple, dict]
        if not (proper and all(map(_is_text, both[1]))):
            raise self._stop("the student's process sent arguments that are none")
        self._check(path, met)
        return both

    def _decode(self, packed: Any, path: Path, met: list[Handle], memo: Memo | None = None) -> Any:
        try:
            return decode(packed, meet=lambda handle: self._meet(handle, path, met), memo=memo)
        except WireError as error:
            raise self._stop(f"the student's process sent what is no value: {error}") from None

    def _pack(self, value: Any, memo: Memo | None = None) -> bytes:
        try:
            return encode(value, leave=self._leave, memo=memo)
        except WireError as error:
            raise TypeError(f"this can't be handed to student code: {error}") from None

    def _leave(self, value: Any) -> Handle:
        """Give the handle of a proxy's object, or let student code call a function of the tests."""
        if isinstance(value, Proxy):
            return Handle("student", number_of(value, self))
        return self.functions.leave(value)

    def _meet(self, handle: Handle, path: Path, met: list[Handle]) -> Any:
        """Give the proxy for a handle, or the tests' own function that student code hands back."""
        if handle.owner == "test":
            met.append(handle)  # a function where a plain value belongs, whoever wrote it
            return self.functions.find(handle.number)
        if handle.number in self._dropped:
            self._dropped.remove(handle.number)
        if handle.kind == "iterator":
            return self._values(handle.number, path)
        met.append(handle)
        proxy = self._proxies.get(handle.number)
        if proxy is None:
            proxy = self._proxies[handle.number] = Proxy(self, handle, path)
            weakref.finalize(proxy, self._dropped.append, handle.number).atexit = False
        return proxy

    def _values(self, number: int, path: Path) -> Iterator[Any]:
        """Be the generator that student code made, value by value, up to a limit."""
        try:
            for _ in range(MOST_VALUES):
                values, ended = self.ask(further(path, "[]"), "some", number, 1)
                yield from values
                if ended:
                    return
            raise RuntimeError(f"a generator of the student's gave more than {MOST_VALUES} values")
        finally:
            self._dropped.append(number)

    def _check(self, path: Path, met: list[Handle]) -> None:
        """Compare what came with what the instructor's answers gave at the same place."""
        if self.profile is None:
            return
        key = "".join(path)
        seen = self.profile.setdefault(key, set()) if self.record else self.profile.get(key, set())
        if self.record:
            seen.add("object" if met else "plain")
        elif met and "object" not in seen:
            names = ", ".join(sorted({handle.name[:50] for handle in met}))
            raise Refused(f"{key} gave an object of class {names}; plain values were expected")


def _in_place(place: int) -> str:
    """Name a change of one argument as a profile keeps it."""
    return f"argument {place} changes"


def _is_text(key: Any) -> bool:
    return type(key) is str
