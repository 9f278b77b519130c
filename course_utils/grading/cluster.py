"""Mark on other machines: units of work go to Dask's workers, each with lanes of its own.

What travels is plain text: a unit and a verdict as JSON. Dask itself uses pickle between its own processes,
so a scheduler and its workers must be machines that one trusts (students' code does not run in a Dask
process), and the connection is theirs alone: with TLS, or within a network of one's own.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from course_utils.grading import keys
from course_utils.grading.lane import Lane
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.units import Unit, mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Future as RemoteFuture

    from course_utils.grading.limits import Limits
    from course_utils.grading.plan import Plan
    from course_utils.grading.session import Profile

#: How long to wait for the scheduler, and then for its first worker, in seconds.
_PATIENCE = 30
#: The lane of each thread of a Dask worker.
_own = threading.local()


class ClusterError(RuntimeError):
    """The scheduler can't be reached, has no workers, or Dask is not installed."""


class Cluster:
    """Mark units on a Dask scheduler's workers. They may leave and join meanwhile.

    Parameters
    ----------
    address : str
        The scheduler's, e.g. ``"tcp://10.0.0.1:8786"``; with ``"tls://"`` Dask's own configuration
        (``distributed.comm.tls``) names the certificates.
    limits : Limits
        Of each submission.
    preload : tuple of str
        What lanes import beforehand.
    unsafe : bool
        Whether to run student code without a sandbox.

    Raises
    ------
    ClusterError
        If there is no such scheduler, or no worker.
    """

    def __init__(self, address: str, limits: Limits, preload: tuple[str, ...], unsafe: bool) -> None:
        self.limits, self.preload, self.unsafe = limits, preload, unsafe
        try:
            from distributed import Client
        except ImportError:
            raise ClusterError(
                "--scheduler needs Dask, which is not installed: pip install 'dask[distributed]'"
            ) from None
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address} ({error or type(error).__name__}). "
                "Start one with `dask scheduler`, workers with `dask worker ADDRESS`"
            ) from None
        self._wanted = json.dumps(keys.surroundings())
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            self.close()
            raise ClusterError(
                f"the scheduler at {address} has no workers. Start them with `dask worker {address}`"
            ) from None

    @property
    def workers(self) -> int:
        """How many units can be marked at once now."""
        known = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return max(1, sum(worker["nthreads"] for worker in known))

    def rehearse(self, plan: Plan) -> Future[Profile]:
        """Mark the instructor's own answers; the future raises what `Lane.rehearse` does."""
        unit = Unit(plan, plan.reference, {}, self.limits, self.preload, self.unsafe)
        return self._send(_rehearse, unit, lambda text: {k: set(v) for k, v in json.loads(text).items()})

    def mark(self, unit: Unit) -> Future[str]:
        """Mark a unit; the future gives the verdict as JSON, or raises what `Lane.grade` does."""
        return self._send(_mark, unit, str)

    def close(self) -> None:
        """Leave the scheduler; what is not marked yet stays so."""
        self._client.close()

    def _send(self, task: Callable[[str, str], str], unit: Unit, read: Callable[[str], Any]) -> Future[Any]:
        """Submit a task; its result comes back as a future of Python's own."""
        local: Future[Any] = Future()
        local.set_running_or_notify_cancel()
        # pure=False: the same answers from two students are two units, and are marked twice
        remote = self._client.submit(task, unit.as_json(), self._wanted, pure=False, retries=1)

        def pass_on(done: RemoteFuture) -> None:
            try:
                local.set_result(read(done.result()))
            except BaseException as error:
                local.set_exception(error)
            finally:
                done.release()

        remote.add_done_callback(pass_on)
        return local


def _mark(unit: str, wanted: str) -> str:
    """Mark a unit in this thread's lane: what a Dask worker runs."""
    known = Unit.from_json(unit)
    return mark(known, _lane(known, wanted))


def _rehearse(unit: str, wanted: str) -> str:
    """Mark the instructor's own answers in this thread's lane."""
    known = Unit.from_json(unit)
    profile = _lane(known, wanted).rehearse(known.plan)
    return json.dumps({path: sorted(kinds) for path, kinds in profile.items()})


def _lane(unit: Unit, wanted: str) -> Lane:
    """Give this thread's lane; one with other limits makes room for it."""
    for line in keys.why(json.loads(wanted), keys.surroundings()):
        raise JudgeError(f"a worker is not set up like this machine ({line}): install the same on both")
    settings = (unit.limits, unit.preload, unit.unsafe)
    if getattr(_own, "settings", None) != settings:
        if hasattr(_own, "lane"):
            _own.lane.close()
        _own.lane = Lane(unit.limits, preload=unit.preload, unsafe=unit.unsafe)
        _own.settings = settings
    lane: Lane = _own.lane
    return lane
