"""The trusted server of a lane: has imported what is needed, and forks a judge for each submission."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import resource
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from course_utils.grading import confine
from course_utils.grading.channel import Channel, ChannelError
from course_utils.grading.cores import Core
from course_utils.grading.judge import JudgeError, grade, rehearse
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan, Submission
from course_utils.grading.sandbox import Sandbox, SandboxError
from course_utils.grading.session import Profile
from course_utils.grading.trusted import Trusted
from course_utils.grading.warm import preload, seed

#: What a lane asks for: a submission's verdict, or without one the profile of the instructor's answers.
Job = tuple[Plan, Submission | None, Profile | None]


class Judges:
    """Do the jobs that a lane sends.

    Parameters
    ----------
    channel : Channel
        The lane's other end.
    limits : Limits
        Of each submission.
    modules : tuple of str
        What the sandbox's warm process imports.
    unsafe : bool
        Whether to do without a sandbox.
    cache : str
        A folder to fill for student code to read; removed in the end.
    """

    def __init__(
        self, channel: Channel, limits: Limits, modules: tuple[str, ...], unsafe: bool, cache: str
    ) -> None:
        self.channel, self.limits, self.modules, self.unsafe = channel, limits, modules, unsafe
        self.cache = cache
        self.prepared: set[int] = set()
        self.core = Core()
        self.child = 0
        self.sandbox = self.new_sandbox()

    def new_sandbox(self) -> Sandbox:
        """Start a sandbox; `Sandbox.wait` waits for it."""
        return Sandbox(self.limits, self.modules, self.unsafe, self.cache, self.core.number)

    def close(self) -> None:
        """End everything."""
        self.reap()
        self.sandbox.close()
        self.core.release()
        shutil.rmtree(self.cache, ignore_errors=True)

    def serve(self) -> None:
        """Do jobs until the lane closes the channel."""
        self.sandbox.wait()
        self.channel.send(b"{}")
        while True:
            job: Job = pickle.loads(self.channel.receive())
            self.prepare(job[0])
            for _ in range(2):
                answer = self.fork(lambda job=job: _judge(job, self.sandbox, self.limits))  # type: ignore[misc]
                if "broken" in answer or "ended" in answer:  # the sandbox may be in any state
                    self.sandbox.close()
                    self.sandbox = self.new_sandbox()
                if "broken" not in answer:
                    break
            self.channel.send(json.dumps(answer).encode())
            self.reap()

    def prepare(self, plan: Plan) -> None:
        """Once for each plan, fill the cache that student code sees with what released cells put there."""
        if _secret(plan) not in self.prepared:
            self.prepared.add(_secret(plan))
            self.fork(lambda: _fill(plan, self.cache, self.limits.cell))

    def fork(self, task: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Have something done by a fork of this process.

        Parameters
        ----------
        task : callable
            Gives what can be written as JSON.

        Returns
        -------
        dict
            That; or, if the fork ends or takes too long, ``"ended"`` with the reason.
        """
        self.reap()
        ours, theirs = socket.socketpair()
        self.child = os.fork()
        if self.child == 0:
            _be_child(Channel(theirs), task)
        theirs.close()
        answer = Channel(ours)
        seconds = self.limits.total + 2 * self.limits.cell + 10
        answer.deadline = time.monotonic() + seconds
        try:
            self.wait_for(ours, answer.deadline)
            done: dict[str, Any] = json.loads(answer.receive())
            return done
        except ChannelError as error:
            return {"ended": f"the judge ended, or took longer than {seconds:g} s: {error}"}
        finally:
            ours.close()

    def reap(self) -> None:
        """Make sure that the last fork is gone, and what it started."""
        if self.child:
            for kill in (os.kill, os.killpg):
                with contextlib.suppress(ProcessLookupError):
                    kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            self.child = 0

    def wait_for(self, answer: socket.socket, deadline: float) -> None:
        """Wait for the fork to say something, or for the lane to be gone."""
        poll = select.poll()
        poll.register(answer, select.POLLIN)
        poll.register(self.channel.stream, select.POLLRDHUP)
        ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if self.channel.stream.fileno() in ready:
            raise SystemExit


def _be_child(answer: Channel, task: Callable[[], dict[str, Any]]) -> None:
    """In the fork: do the task and send what comes of it; never returns."""
    try:
        os.setsid()
        reply = task()
    except BaseException as error:
        reply = {"ended": f"the judge stopped with {type(error).__name__}: {error}"[:2000]}
    with contextlib.suppress(BaseException):
        answer.send(json.dumps(reply).encode())
    os._exit(0)


def _judge(job: Job, sandbox: Sandbox, limits: Limits) -> dict[str, Any]:
    """Be the judge of one job.

    Returns
    -------
    dict
        ``"profile"`` or ``"verdict"``; ``"fault"`` of the assignment's; ``"broken"`` if the sandbox failed.
    """
    plan, submission, profile = job
    seed(_secret(plan))
    most = confine.memory_reserved() + limits.memory
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    reply: dict[str, Any]
    try:
        if submission is None:
            found = rehearse(plan, sandbox.start, limits.allowance)
            reply = {"profile": {path: sorted(kinds) for path, kinds in found.items()}}
        else:
            reply = {"verdict": grade(plan, submission, sandbox.start, profile, limits.allowance).as_json()}
    except JudgeError as error:
        reply = {"fault": str(error)}
    if sandbox.broken:
        return {"broken": f"the sandbox ended while this was marked: {reply}"[:2000]}
    return reply


def _fill(plan: Plan, cache: str, seconds: float) -> dict[str, Any]:
    """Run what is released of the plan, and the instructor's answers where it uses them, with this cache.

    No test runs, so nothing comes into the cache that students' own copies of the notebook would not draw.
    """
    os.environ["COURSE_CACHE"] = cache
    with Trusted() as trusted:
        for step in plan.steps:
            if step.kind in ("setup", "student setup", "answer"):
                trusted.run(step.name, step.source if step.kind == "answer" else step.released, seconds)
    return {}


def _secret(plan: Plan) -> int:
    """Give a number that is the same each time and that nobody knows who has not seen the hidden tests."""
    text = "\0".join(step.source for step in plan.steps)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def main(descriptor: int) -> None:
    """Serve the lane at the other end of a connected stream socket."""
    os.set_inheritable(descriptor, False)
    channel = Channel(socket.socket(fileno=descriptor))
    with contextlib.suppress(ChannelError):
        limits, modules, unsafe, cache = pickle.loads(channel.receive())
        try:
            judges = Judges(channel, limits, modules, unsafe, cache)
            try:
                preload(modules)
                judges.serve()
            finally:
                judges.close()
        except SandboxError as error:
            channel.send(json.dumps({"sandbox": str(error)}).encode())
