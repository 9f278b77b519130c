"""Several lanes side by side, each in a thread of its own: what is marked comes back as futures."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from course_utils.grading.lane import Lane
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Plan
from course_utils.grading.session import Profile
from course_utils.grading.units import Unit, mark

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

    Parameters
    ----------
    workers : int
        How many lanes.
    limits : Limits
        Of each submission.
    preload : tuple of str
        What lanes import beforehand.
    unsafe : bool
        Whether to run student code without a sandbox.
    """

    def __init__(self, workers: int, limits: Limits, preload: tuple[str, ...], unsafe: bool) -> None:
        self.workers, self.limits, self.preload, self.unsafe = workers, limits, preload, unsafe
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lane")
        self._own = threading.local()
        self._lanes: list[Lane] = []
        self._closed = False

    def warm(self) -> None:
        """Start all lanes; whoever uses one waits for it."""
        for _ in range(self.workers):
            self._threads.submit(self._lane)

    def rehearse(self, plan: Plan) -> Future[Profile]:
        """Mark the instructor's own answers; the future raises what `Lane.rehearse` and `Lane` do."""
        return self._threads.submit(lambda: self._lane().rehearse(plan))

    def mark(self, unit: Unit) -> Future[str]:
        """Mark a unit; the future gives the verdict as JSON, or raises what `Lane.grade` does."""
        return self._threads.submit(lambda: mark(unit, self._lane()))

    def close(self) -> None:
        """End all lanes; what is not marked yet stays so."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for lane in self._lanes:
            lane.close()
        self._threads.shutdown(wait=True)

    def _lane(self) -> Lane:
        """Give the lane of this thread."""
        lane: Lane | None = getattr(self._own, "lane", None)
        if lane is None:
            if self._closed:
                raise RuntimeError("marking was broken off")
            lane = self._own.lane = Lane(self.limits, preload=self.preload, unsafe=self.unsafe)
            self._lanes.append(lane)
            if self._closed:
                lane.close()
        return lane
