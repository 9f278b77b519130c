"""One submission's worker: started when it is needed, and again when it has ended, up to a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from course_utils.grading.channel import Worker
from course_utils.grading.session import Profile, Session, WorkerStopped

T = TypeVar("T")


class JudgeError(RuntimeError):
    """The assignment or the machine is at fault, not the submission."""


@dataclass(frozen=True)
class Allowance:
    """How much time a submission gets, in seconds of the wall clock, and what is kept of its output.

    Attributes
    ----------
    cell : float
        For one cell.
    total : float
        For the whole submission; what comes later is not run.
    restarts : int
        How often a new worker is started for the rest.
    output : int
        Characters kept of what one cell prints.
    """

    cell: float = 60.0
    total: float = 900.0
    restarts: int = 12
    output: int = 2**16


class Lifeline:
    """Keep a worker with the submission's cells in it, whatever they do.

    Parameters
    ----------
    start : callable
        Starts a worker.
    allowance : Allowance
        Limits of time.
    profile, record : dict, bool
        As for `course_utils.grading.session.Session`.

    Attributes
    ----------
    deaths : list of str
        Why workers ended.
    """

    def __init__(
        self, start: Callable[[], Worker], allowance: Allowance, profile: Profile | None, record: bool
    ) -> None:
        self.start, self.allowance, self.profile, self.record = start, allowance, profile, record
        self.deaths: list[str] = []
        self._session: Session | None = None
        self._history: list[tuple[Any, ...]] = []
        self._end = time.monotonic() + allowance.total

    def act(self, what: Callable[[Session], T]) -> T:
        """Do something with a living worker.

        Raises
        ------
        WorkerStopped
            If the worker ends meanwhile, or none is started any more.
        JudgeError
            If none can be started.
        """
        session = self._living()
        self._limit(session)
        try:
            return what(session)
        finally:
            if session.stopped is not None:
                self.deaths.append(session.stopped.reason)

    def tell(self, *request: Any) -> None:
        """Have the worker do something that a new one must do again; not if it ends the worker.

        Raises
        ------
        Exception
            What student code raised.
        WorkerStopped, JudgeError
            As `act` does.
        """
        try:
            self.act(lambda session: session.tell(*request))
        except (WorkerStopped, JudgeError):
            raise
        except Exception:
            self._history.append(request)  # what came before the error was done
            raise
        self._history.append(request)

    def close(self) -> None:
        """End the worker."""
        if self._session is not None:
            self._session.worker.kill()
            self._session = None

    def _limit(self, session: Session) -> None:
        session.set_deadline(min(self.allowance.cell, self._end - time.monotonic()))

    def _living(self) -> Session:
        while self._session is None or self._session.stopped:
            if len(self.deaths) > self.allowance.restarts or time.monotonic() > self._end:
                raise WorkerStopped("not run: the student's code was stopped too often before this cell")
            self.close()
            try:
                worker = self.start()
            except Exception as error:
                raise JudgeError(f"no process for student code could be started: {error}") from error
            self._session = Session(worker, self.profile, self.record, self.allowance.output)
            self._replay(self._session)
        return self._session

    def _replay(self, session: Session) -> None:
        """Do again what was done before; what ends the worker now is left out from then on."""
        history, self._history = self._history, []
        for position, request in enumerate(history):
            self._limit(session)
            try:
                session.tell(*request)
            except WorkerStopped as stop:
                self.deaths.append(stop.reason)
                self._history += history[position + 1 :]
                return
            except Exception:
                pass
            self._history.append(request)
