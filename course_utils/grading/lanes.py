"""Several lanes side by side, each in a thread of its own: what is marked comes back as futures."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from course_utils.grading.lane import Lane
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan
from course_utils.grading.session import Profile
from course_utils.grading.units import Unit, mark

_Task = tuple["Future[Any]", Callable[[Lane], Any]]
#: Bytes that a lane's own processes take beside the submission's.
_LANE = 2**30


def default_workers(limits: Limits, submissions: int) -> int:
    """Say how many lanes suit this machine.

    A lane's two processes mostly wait for one another, and each computes with one thread: one lane a core. Of
    the memory that is free each needs its submission's limit and its own.

    Parameters
    ----------
    limits : Limits
        Of each submission.
    submissions : int
        How many there are to mark.

    Returns
    -------
    int
        At least 1.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        text = Path("/proc/meminfo").read_text()
        free = next(
            int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemAvailable:")
        )
    except (OSError, StopIteration):
        return max(1, min(cores, submissions))
    return max(1, min(cores, free // (limits.memory + _LANE), submissions))


class Lanes:
    """Mark units, so many at a time.

    The first lane starts with the first task. Another one starts when what is left to mark would take longer
    than starting a lane does: a small class is marked before a second lane could help.

    Parameters
    ----------
    workers : int
        How many lanes at most.
    limits : Limits
        Of each submission.
    preload : tuple of str
        What lanes import beforehand.
    unsafe : bool
        Whether to run student code without a sandbox.
    submissions : int
        How many there are to mark.

    Attributes
    ----------
    left : int
        How many are still to be marked.
    """

    def __init__(
        self, workers: int, limits: Limits, preload: tuple[str, ...], unsafe: bool, submissions: int
    ) -> None:
        self.workers, self.limits, self.preload, self.unsafe = workers, limits, preload, unsafe
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lanes: list[Lane] = []
        self._lock = threading.Lock()
        self._closed = False
        self.left, self._marked, self._marking, self._starting = submissions, 0, 0.0, 0.0

    def rehearse(self, plan: Plan) -> Future[Profile]:
        """Mark the instructor's own answers; the future raises what `Lane.rehearse` and `Lane` do."""
        return self._submit(lambda lane: lane.rehearse(plan))

    def mark(self, unit: Unit) -> Future[str]:
        """Mark a unit; the future gives the verdict as JSON, or raises what `Lane.grade` does."""

        def timed(lane: Lane) -> str:
            began = time.monotonic()
            try:
                return mark(unit, lane)
            finally:
                self._grow(time.monotonic() - began)

        return self._submit(timed)

    def close(self) -> None:
        """End all lanes; what is not marked yet stays so."""
        with self._lock:
            self._closed = True
        while not self._tasks.empty():
            task = self._tasks.get()
            if task is not None:
                task[0].cancel()
        for _ in self._threads:
            self._tasks.put(None)
        for lane in self._lanes:
            lane.close()
        for thread in self._threads:
            thread.join()

    def _submit(self, action: Callable[[Lane], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put((future, action))
        if not self._threads:
            self._add()
        return future

    def _add(self) -> None:
        """Start the thread of one more lane."""
        thread = threading.Thread(target=self._work, args=(bool(self._threads),), name="lane", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _grow(self, seconds: float) -> None:
        """Note how long marking took, and start one more lane if that pays."""
        with self._lock:
            self.left, self._marked, self._marking = (
                self.left - 1,
                self._marked + 1,
                self._marking + seconds,
            )
            rest = self.left * self._marking / self._marked / len(self._threads)
            if not self._closed and len(self._threads) < self.workers and rest > self._starting:
                self._add()

    def _work(self, one_more: bool) -> None:
        """Do tasks in a lane of this thread; one more lane that can't be started leaves them to others."""
        lane: Lane | None = None
        with contextlib.suppress(Exception):
            lane = self._lane() if one_more else None
        if one_more and lane is None:
            return
        while (task := self._tasks.get()) is not None:
            future, action = task
            if future.set_running_or_notify_cancel():
                try:
                    lane = lane or self._lane()
                    future.set_result(action(lane))
                except BaseException as error:
                    future.set_exception(error)

    def _lane(self) -> Lane:
        """Start a lane."""
        if self._closed:
            raise RuntimeError("marking was broken off")
        began = time.monotonic()
        lane = Lane(self.limits, preload=self.preload, unsafe=self.unsafe)
        with self._lock:
            self._starting = time.monotonic() - began
            self._lanes.append(lane)
            closed = self._closed
        if closed:
            lane.close()
        return lane
