"""Only one process writes a gradebook: others are told which.

SQLite: a lock on a file beside the database; PostgreSQL: an advisory lock. The system takes back both when
the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

#: The advisory lock's name in PostgreSQL; a number of our own.
_NUMBER = 0x636F75727365


class Busy(RuntimeError):
    """Another process holds the lock."""


class Lock:
    """Hold the right to write a gradebook.

    Parameters
    ----------
    url : sqlalchemy.URL
        Which gradebook.
    task : str
        What to tell others.

    Raises
    ------
    Busy
        If another process holds it; says which.
    OSError, sqlalchemy.exc.SQLAlchemyError
        If the lock can't be made.
    """

    def __init__(self, url: sa.URL, task: str) -> None:
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        self._about = f"process {os.getpid()} on {socket.gethostname()} since {since}, {task}"
        self._file: int | None = None
        self._engine: sa.Engine | None = None
        if url.get_backend_name() == "sqlite":
            if url.database:
                self._lock_file(Path(f"{url.database}.lock"))
        elif url.get_backend_name() == "postgresql":
            self._lock_server(url)

    def release(self) -> None:
        """Let others write. May be called twice."""
        if self._file is not None:
            os.close(self._file)  # the file stays: to remove it would let two processes lock two files
            self._file = None
        if self._engine is not None:
            self._connection.close()
            self._engine.dispose()
            self._engine = None

    def _lock_file(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 1000).decode("utf-8", "replace").strip()
            os.close(file)
            raise Busy(_busy(holder)) from None
        os.ftruncate(file, 0)
        os.write(file, self._about.encode())
        self._file = file

    def _lock_server(self, url: sa.URL) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
        self._connection = self._engine.connect()
        name = self._about.encode("ascii", "replace").decode()[:63]  # as much as PostgreSQL keeps
        self._connection.execute(
            sa.text("SELECT set_config('application_name', :name, false)"), {"name": name}
        )
        number = {"number": _NUMBER}
        if self._connection.scalar(sa.text("SELECT pg_try_advisory_lock(:number)"), number):
            return
        holder = self._connection.scalar(
            sa.text(
                "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) "
                "WHERE locktype = 'advisory' AND granted "
                "AND (classid::bigint << 32) + objid::bigint = :number"
            ),
            number,
        )
        self.release()
        raise Busy(_busy(holder or ""))


def _busy(holder: str) -> str:
    return (
        f"another process writes this gradebook: {holder or 'it has not said which'}. "
        "Wait for it, or end it; what it has marked is kept."
    )
