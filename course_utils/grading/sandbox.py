"""The sandbox that student code runs in: bubblewrap around one warm Python process, forked per submission.

Each submission gets a fork with namespaces, a ``/tmp`` and limits of its own
(`course_utils.grading.confine`); what it can see is said in `course_utils.grading.bubblewrap`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from course_utils.grading import bubblewrap
from course_utils.grading.bubblewrap import SandboxError
from course_utils.grading.channel import Channel, Worker
from course_utils.grading.limits import Limits
from course_utils.grading.warm import ENVIRONMENT

__all__ = ["Sandbox", "SandboxError"]

_START = "from course_utils.grading.zygote import main; main({})"
_PATIENCE = 120.0  # seconds for imports on a slow machine


def _largest_buffer() -> int:
    """Give the most bytes that a program here may ask for as a socket's buffer; Linux's usual if unknown."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/core/wmem_max").read_text())
    return 212_992


class Sandbox:
    """A warm process that student code runs in forks of.

    Parameters
    ----------
    limits : Limits
        Of each submission.
    modules : tuple of str
        Modules to import beforehand.
    unsafe : bool
        Whether to do without bubblewrap: then forks have limits, but see what this user sees.
    cache : str, optional
        A folder whose files student code finds in its cache; all its content is for students to see.
    core : int, optional
        The processor core that student code is kept to; all that the caller may use if omitted.

    Attributes
    ----------
    broken : bool
        Whether the warm process failed to answer: start another sandbox.

    Raises
    ------
    SandboxError
        If there is none on this machine.
    """

    def __init__(
        self,
        limits: Limits,
        modules: tuple[str, ...] = (),
        unsafe: bool = False,
        cache: str | None = None,
        core: int | None = None,
    ) -> None:
        environment = None
        if unsafe:
            command = [sys.executable, "-P"]
            environment = {**os.environ, **ENVIRONMENT, **({"COURSE_CACHE": cache} if cache else {})}
        else:
            command = bubblewrap.command(limits.disk, cache)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        with theirs:
            self._process = subprocess.Popen(
                [*command, "-c", _START.format(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,
                env=environment,
            )
        self.broken = False
        self._ready = False
        settings = {"limits": dataclasses.asdict(limits), "modules": modules, "confined": not unsafe}
        settings |= {"core": core, "buffer": _largest_buffer()}
        self._control.settimeout(_PATIENCE)
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(settings).encode())

    def wait(self) -> None:
        """Wait until the warm process has imported its modules.

        Raises
        ------
        SandboxError
            If it does not come to that: with what bubblewrap said, and what to do.
        """
        answer = b""
        with contextlib.suppress(OSError):
            answer = b"ready" if self._ready else self._control.recv(64)
        self._ready = answer == b"ready"
        if not self._ready:
            self._process.kill()
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()[-2000:]
            self.close()
            forbidden = any(word in said for word in ("amespace", "ermission", "not permitted"))
            problem = f"the sandbox could not be started: {said or 'it said nothing'}"
            raise SandboxError(problem, bubblewrap.ALLOW if forbidden else "")

    def start(self) -> Worker:
        """Start a worker for a submission, in a fork of its own; one that still runs is ended first.

        Raises
        ------
        SandboxError
            If the warm process is gone or can't confine a fork.
        """
        self.wait()
        ours, theirs = socket.socketpair()
        with theirs:
            problem = self._ask(b"fork", [theirs.fileno()])
        if problem != "ok":
            ours.close()
            self.broken = True
            raise SandboxError(problem)
        ended: list[str] = []

        def end(how: bytes) -> str:
            if not ended:
                ended.append("")
                ours.close()
                with contextlib.suppress(SandboxError):  # noted; the next start fails
                    ended[0] = self._ask(how).removeprefix("ok")
            return ended[0]

        def kill() -> None:
            end(b"end")

        return Worker(Channel(ours), kill, lambda: end(b"why"))

    def close(self) -> None:
        """End the warm process and all it started, and wait for that. May be called twice."""
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def _ask(self, what: bytes, descriptors: list[int] | None = None) -> str:
        """Ask the warm process for something and wait for its answer."""
        answer = b""
        if not self.broken:
            with contextlib.suppress(OSError):
                socket.send_fds(self._control, [what], descriptors or [])
                answer = self._control.recv(4096)
        if not answer:
            self.broken = True
            raise SandboxError("the warm process of the sandbox has ended or does not answer")
        return answer.decode(errors="replace")
