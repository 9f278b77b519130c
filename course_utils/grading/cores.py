"""A processor core for each lane on this machine, so that no submission takes time from another.

A submission may start many processes that all compute. If they could run anywhere, an honest answer that is
marked at the same time would get a small part of a core, and run past its limit.
"""

from __future__ import annotations

import contextlib
import os
import socket


class Core:
    """One of the cores that this process may use, held until it ends or lets it go.

    Who holds which is known by names of sockets without files: the system takes them back however a process
    ends, and they are the same for all lanes of a machine, whoever started them.

    Attributes
    ----------
    number : int or None
        Which one; None where there is no choice, or all are taken: then nothing is kept apart.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._name: socket.socket | None = None
        cores = sorted(os.sched_getaffinity(0))
        for core in cores if len(cores) > 1 else []:
            name = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                name.bind(f"\0course-grade-core-{core}")
                self.number, self._name = core, name
                return
            name.close()

    def release(self) -> None:
        """Let others have it. May be called twice."""
        if self._name is not None:
            self._name.close()
            self._name = None
