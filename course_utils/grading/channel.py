"""Messages over a stream socket: four bytes of length, then that many bytes; the judge has a deadline."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Bytes of one message.
LARGEST = 80 * 2**20


class ChannelError(OSError):
    """The other side is gone, too slow, or sends what is no message."""


class Channel:
    """One end of a stream socket.

    Parameters
    ----------
    stream : socket.socket
        A connected stream socket, e.g. one of ``socket.socketpair()``.

    Attributes
    ----------
    deadline : float or None
        A reading of ``time.monotonic()`` after which `send` and `receive` give up.
    """

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.stream.setblocking(False)
        self.deadline: float | None = None
        self._come = bytearray()

    def send(self, message: bytes) -> None:
        """Send one message.

        Raises
        ------
        ChannelError
            If the other side is gone, or does not read until the deadline.
        """
        if len(message) > LARGEST:
            raise ChannelError(f"a message of {len(message)} bytes is longer than {LARGEST}")
        rest = memoryview(struct.pack("<I", len(message)) + message)
        while rest:
            try:
                rest = rest[self.stream.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except OSError as error:
                raise ChannelError(f"the other side is gone ({error.strerror})") from None

    def receive(self) -> bytes:
        """Wait for one message.

        Raises
        ------
        ChannelError
            If the other side is gone, sends too much, or nothing until the deadline.
        """
        length = struct.unpack("<I", self._exactly(4))[0]
        if length > LARGEST:
            raise ChannelError(f"a message of {length} bytes is announced; {LARGEST} are allowed")
        return self._exactly(length)

    def close(self) -> None:
        """Close this end."""
        self.stream.close()

    def _exactly(self, count: int) -> bytes:
        """Take bytes from what has come, waiting for more as long as they are too few."""
        while len(self._come) < count:
            self._wait(select.POLLIN)
            try:
                part = self.stream.recv(max(2**16, min(count - len(self._come), 2**20)))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelError(f"the other side is gone ({error.strerror})") from None
            if not part:
                raise ChannelError("the other side is gone")
            self._come += part
        taken = bytes(memoryview(self._come)[:count])
        del self._come[:count]
        return taken

    def _wait(self, event: int) -> None:
        poll = select.poll()
        try:
            poll.register(self.stream, event)
        except (ValueError, OSError):
            raise ChannelError("this side is closed") from None
        wait = None
        if self.deadline is not None:
            wait = max(0, int((self.deadline - time.monotonic()) * 1000) + 1)
            if self.deadline <= time.monotonic():
                raise ChannelTimeout("no answer in time")
        if not poll.poll(wait):
            raise ChannelTimeout("no answer in time")


class ChannelTimeout(ChannelError):
    """The deadline is past."""


@dataclass
class Worker:
    """A process that student code runs in, as the judge sees it.

    Attributes
    ----------
    channel : Channel
        The judge's end of the socket.
    kill : callable
        Ends the process and all it started, and waits for that. May be called twice.
    why : callable
        Ends it too, when it does not answer; says how it had ended by itself, or "" if nobody knows.
    """

    channel: Channel
    kill: Callable[[], None]
    why: Callable[[], str] = str


def start_unconfined() -> Worker:
    """Start a worker as a plain child process, without a sandbox: for answers one trusts, and for tests."""
    ours, theirs = socket.socketpair()
    code = f"from course_utils.grading.worker import main; main({theirs.fileno()})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    theirs.close()

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        ours.close()

    return Worker(Channel(ours), kill)
