"""A lane marks one submission after another in a warm trusted process, with a warm sandbox for student code.

The process that calls `Lane.grade` runs none of the assignment's cells. A server process, started once, has
imported what the assignment imports; it forks a judge for each submission and starts the sandbox
(`course_utils.grading.judges`, `course_utils.grading.sandbox`). Verdicts come back as JSON.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import course_utils
from course_utils.grading.channel import Channel, ChannelError
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan, Submission
from course_utils.grading.sandbox import SandboxError
from course_utils.grading.session import Profile
from course_utils.grading.verdict import CellVerdict, Verdict, clean
from course_utils.grading.warm import ENVIRONMENT

#: Packages worth importing before the fork.
_WORTHWHILE = ("numpy", "torch", "torchvision", "matplotlib", "sklearn", "PIL", "course_utils")
_OPTIMISERS = re.compile(r"\boptim\b")


def preloads(plan: Plan) -> tuple[str, ...]:
    """Name the modules that the instructor's cells import and that are worth importing before forking.

    Parameters
    ----------
    plan : Plan
        The assignment.

    Returns
    -------
    tuple of str
        Dotted names, sorted; names of functions of `course_utils` may be among them and do no harm.
        ``"torch.optim"`` only where a cell, or a module of `course_utils` that a cell imports, mentions it:
        it takes two seconds, which a submission that makes an optimiser without need takes by itself.
    """
    found: set[str] = set()
    for step in plan.steps:
        for node in ast.walk(ast.parse(step.source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
                if node.module.startswith("course_utils"):
                    found |= {f"{node.module}.{alias.name}" for alias in node.names}
    if any(name.startswith(("course_utils.plots", "matplotlib")) for name in found):
        found.add("matplotlib.pyplot")  # which course_utils.plots imports when it first draws
    if any(_OPTIMISERS.search(text) for text in [*(step.source for step in plan.steps), *_of_ours(found)]):
        found.add("torch.optim")  # see `warm.preload`
    return tuple(sorted(name for name in found if name.split(".")[0] in _WORTHWHILE))


def _of_ours(names: set[str]) -> Iterator[str]:
    """Read the modules of `course_utils` among these names."""
    for name in sorted(names):
        path = Path(course_utils.__file__).parents[1].joinpath(*name.split(".")).with_suffix(".py")
        if name.startswith("course_utils.") and path.is_file():
            yield path.read_text(encoding="utf-8")


def unmarked(plan: Plan, reason: str) -> Verdict:
    """Give the verdict on a submission that brought the judge down: no cell earns points, and why."""
    told = "this submission could not be marked: it was too large or too slow for the process that marks"
    cells = [
        CellVerdict(step.name, 0.0, step.points, "by hand")
        if step.kind in ("by hand", "answer")
        else CellVerdict(step.name, 0.0, step.points, "stopped", told, clean(reason))
        for step in plan.steps
        if step.kind in ("by hand", "test", "beside") or (step.kind == "answer" and step.points)
    ]
    return Verdict(cells, deaths=[clean(reason)])


class Lane:
    """A warm place to mark submissions in, one at a time.

    Parameters
    ----------
    limits : Limits, optional
        Of each submission.
    preload : tuple of str
        Modules to import beforehand, see `preloads`.
    unsafe : bool
        Whether to run student code without a sandbox.

    Raises
    ------
    SandboxError
        If there is no sandbox on this machine and `unsafe` is not set.
    """

    def __init__(
        self, limits: Limits | None = None, *, preload: tuple[str, ...] = (), unsafe: bool = False
    ) -> None:
        self.limits, self.preload, self.unsafe = limits or Limits(), tuple(preload), unsafe
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._closed = False
        self._living()

    def __enter__(self) -> Lane:
        """Use it in a ``with`` statement."""
        return self

    def __exit__(self, *about: Any) -> None:
        """End its processes."""
        self.close()

    def rehearse(self, plan: Plan) -> Profile:
        """Mark the instructor's own answers, see `course_utils.grading.judge.rehearse`.

        Raises
        ------
        JudgeError
            If they lose points, or the judge can't run.
        """
        reply = self._ask(plan, None, None)
        if "profile" not in reply:
            raise JudgeError(f"the instructor's own answers could not be marked: {_reason(reply)}")
        return {path: set(kinds) for path, kinds in reply["profile"].items()}

    def grade(self, plan: Plan, submission: Submission, profile: Profile | None) -> Verdict:
        """Mark one submission, see `course_utils.grading.judge.grade`.

        Returns
        -------
        Verdict
            Also where the judge itself was brought down: then no cell earns points, and it says why.

        Raises
        ------
        JudgeError
            If the assignment or the machine is at fault.
        """
        reply = self._ask(plan, submission, profile)
        if "verdict" not in reply:
            return unmarked(plan, _reason(reply))
        return Verdict.from_json(reply["verdict"])

    def close(self) -> None:
        """End all processes of this lane and wait for them; from any thread, and more than once."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _living(self) -> _Server:
        if self._closed:
            raise JudgeError("this lane is closed")
        if self._server is None:
            self._server = _Server((self.limits, self.preload, self.unsafe))
        return self._server

    def _ask(self, *job: Any) -> dict[str, Any]:
        """Have a job done; a second time, by a new server, if the server ended meanwhile."""
        message, reply = pickle.dumps(job), {"ended": ""}
        with self._lock:
            for _ in range(2):
                try:
                    reply = self._living().ask(message)
                    break
                except ChannelError as error:
                    self._drop()
                    reply = {"ended": f"the process that marks has ended: {error}"}
                except BaseException:
                    self._drop()
                    raise
        if "fault" in reply:
            raise JudgeError(reply["fault"])
        if "sandbox" in reply:
            self._drop()
            raise SandboxError(reply["sandbox"])
        return reply


def _reason(reply: dict[str, Any]) -> str:
    return str(reply.get("ended") or reply.get("broken"))


class _Server:
    """The trusted server process (`course_utils.grading.judges.main`) and the channel to it."""

    def __init__(self, settings: tuple[Limits, tuple[str, ...], bool]) -> None:
        cache = tempfile.mkdtemp(prefix="course-")
        os.chmod(cache, 0o755)
        ours, theirs = socket.socketpair()
        # At an ordinary end, libraries report what is kept from the garbage collector as leaked.
        code = (
            f"import os; from course_utils.grading.judges import main; main({theirs.fileno()}); os._exit(0)"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )
        theirs.close()
        self.channel = Channel(ours)
        self.close = weakref.finalize(self, _end, self.process, self.channel, cache)
        try:
            reply = self.ask(pickle.dumps((*settings, cache)))
        except BaseException as error:
            self.close()
            if isinstance(error, ChannelError):
                raise JudgeError(f"the process that marks could not be started: {error}") from None
            raise
        if "sandbox" in reply:
            self.close()
            raise SandboxError(reply["sandbox"])

    def ask(self, message: bytes) -> dict[str, Any]:
        """Send a job and wait for what comes of it."""
        self.channel.send(message)
        reply: dict[str, Any] = json.loads(self.channel.receive())
        return reply


def _end(process: subprocess.Popen[bytes], channel: Channel, cache: str) -> None:
    """Close the channel, at which the server ends its sandbox and itself; make sure of it."""
    with contextlib.suppress(OSError):
        channel.stream.shutdown(socket.SHUT_RDWR)  # a thread that waits for an answer wakes up
    channel.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(cache, ignore_errors=True)  # the server does so too, in case this process is gone
