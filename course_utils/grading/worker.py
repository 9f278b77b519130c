"""The process that student code runs in: it runs cells and answers what the judge asks of their objects.

Nothing here defends anything. Student code shares the process with this module and can change it, forge its
messages or stop it; the judge believes none of what comes back to be more than the student's own answer.
"""

from __future__ import annotations

import builtins
import linecache
import os
import socket
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from course_utils.grading.cells import plain_python
from course_utils.grading.channel import Channel, ChannelError
from course_utils.grading.faults import Fault, describe
from course_utils.grading.inplace import changed, snapshot
from course_utils.grading.objects import OPERATIONS, Objects
from course_utils.grading.shell import Output, notebook_names
from course_utils.grading.wire import Handle, Memo, WireError, decode, encode


class TestFunction:
    """A function that lives in the judge's process; calling it here calls it there."""

    __test__ = False  # no test of pytest's

    def __init__(self, server: Server, handle: Handle) -> None:
        self._call, self.handle = server.call_back, handle
        self.__name__ = handle.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with plain values and with objects that stay here."""
        return self._call(self.handle.number, args, kwargs)

    def __repr__(self) -> str:
        """Name it."""
        return f"<function {self.__name__} of the tests>"


class Server:
    """Serve one judge over one channel.

    Parameters
    ----------
    channel : Channel
        The worker's end.
    output : int
        Characters kept of what one request prints.
    """

    def __init__(self, channel: Channel, output: int = 2**16) -> None:
        self.channel = channel
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__
        self.namespace.update(notebook_names(self.namespace))
        self.hidden = set(self.namespace)
        self.objects = Objects()
        self.functions: dict[int, TestFunction] = {}
        self.library: dict[str, Any] = {}
        self.cells: set[str] = set()
        self.out, self.err = Output(output), Output(output)
        self.thread = threading.get_ident()
        self.requests: dict[str, Callable[..., Any]] = {
            "run": self.run,
            "names": self.names,
            "fetch": self.fetch,
            "remember": self.remember,
            "same": self.same,
        }

    def serve(self) -> None:
        """Answer requests until the judge closes the channel."""
        sys.modules["__main__"] = self.module
        sys.stdout, sys.stderr = self.out, self.err
        while True:
            self.answer(decode(self.channel.receive()))

    def answer(self, message: tuple[Any, ...]) -> None:
        """Do one request and send what came of it."""
        operation, forget, *arguments = message
        self.objects.forget(forget)
        memo, before = Memo(), []
        try:
            if operation == "ask":
                what, number, packed = arguments
                args, kwargs = decode(packed, meet=self.meet, memo=memo)
                memo.open = False
                before = [snapshot(value) for value in memo.objects]
                result = OPERATIONS[what](self.objects.find(number), *args, **kwargs)
            else:
                memo.open = False
                result = self.requests[operation](*arguments)
            reply: tuple[Any, ...] = ("done", self.pack(result, memo))
        except BaseException as error:
            reply = ("raised", describe(error, self.is_cell))
        try:
            changes = changed(memo, before, self.leave)
        except WireError:
            changes = []
        self.channel.send(encode((*reply, changes, self.out.take(), self.err.take())))

    def pack(self, value: Any, memo: Memo | None = None) -> bytes:
        """Encode a value; a `TypeError` says why one can't be handed over."""
        try:
            return encode(value, leave=self.leave, memo=memo)
        except WireError as error:
            raise TypeError(f"this can't be handed to the tests: {error}") from None

    def leave(self, value: Any) -> Handle:
        """Give the handle of an object of the student's, or of a function that came from the judge."""
        return value.handle if isinstance(value, TestFunction) else self.objects.leave(value)

    def meet(self, handle: Handle) -> Any:
        """Give the student's own object, or a stand-in for a function of the judge's."""
        if handle.owner == "student":
            return self.objects.find(handle.number)
        return self.functions.setdefault(handle.number, TestFunction(self, handle))

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have the judge call one of its functions; meanwhile it may ask for something itself."""
        if threading.get_ident() != self.thread:
            raise RuntimeError("a function of the tests can only be called from the main thread")
        packed = self.pack((args, kwargs))
        self.channel.send(encode(("call", number, packed, self.out.take(), self.err.take())))
        while True:
            message = decode(self.channel.receive())
            if message[0] != "answer":
                self.answer(message)
            elif message[1]:
                return decode(message[2], meet=self.meet)
            else:
                raise Fault(message[2]).exception(iterating=True)

    def run(self, cell: str, source: str) -> None:
        """Run a cell in the student's namespace."""
        self.cells.add(f"<{cell}>")
        source = plain_python(source)
        linecache.cache[f"<{cell}>"] = (len(source), None, source.splitlines(True), f"<{cell}>")
        exec(compile(source, f"<{cell}>", "exec", dont_inherit=True), self.namespace)

    def names(self) -> dict[str, str]:
        """List the public names that cells bound, with the kind of each value."""
        public = {name: value for name, value in self.namespace.items() if not name.startswith("_")}
        return {name: type(value).__name__ for name, value in public.items() if name not in self.hidden}

    def fetch(self, names: list[str]) -> dict[str, Any]:
        """Encode the values of those names that are bound; text says why one can't be."""
        found: dict[str, Any] = {}
        for name in names:
            if name in self.namespace:
                try:
                    found[name] = self.pack(self.namespace[name])
                except Exception as error:
                    found[name] = str(error)
        return found

    def remember(self, names: list[str]) -> None:
        """Keep what dotted names stand for now, before student code runs."""
        self.library = {name: self.resolve(name) for name in names}

    def same(self, names: list[str]) -> list[str]:
        """Say which dotted names no longer stand for what they did."""
        return [
            name
            for name in names
            if any(a is not b for a, b in zip(self.resolve(name), self.library.get(name, ()), strict=False))
        ]

    def resolve(self, dotted: str) -> tuple[Any, Any]:
        """Give what a dotted name stands for, and its code; a pair of None if nothing."""
        first, *rest = dotted.split(".")
        try:
            value = self.namespace[first] if first in self.namespace else getattr(builtins, first)
            for name in rest:
                value = getattr(value, name)
        except (AttributeError, KeyError):
            return None, None
        return value, getattr(value, "__code__", None)

    def is_cell(self, filename: str) -> bool:
        """Say whether a file name is that of a cell."""
        return filename in self.cells


def main(descriptor: int, output: int = 2**16) -> None:
    """Serve the judge at the other end of a connected stream socket; never returns."""
    status = 0
    os.set_inheritable(descriptor, False)
    try:
        channel = Channel(socket.socket(fileno=descriptor))
        os.register_at_fork(after_in_child=channel.close)  # a fork that student code makes has no say here
        Server(channel, output).serve()
    except ChannelError:
        pass
    except BaseException:
        status = 1
    os._exit(status)
