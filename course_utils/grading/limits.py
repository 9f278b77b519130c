"""What one submission may use: time, memory, processes, files, output."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.grading.lifeline import Allowance


@dataclass(frozen=True)
class Limits:
    """Limits of one submission.

    Attributes
    ----------
    cell : float
        Seconds of wall clock for one cell.
    total : float
        Seconds for the whole submission.
    restarts : int
        How often a new process is started for the rest of a submission.
    memory : int
        Bytes, all processes of a submission together.
    processes : int
        Processes and threads.
    open_files : int
        Files open at once in one process.
    file_size : int
        Bytes of one file.
    disk : int
        Bytes of the private temporary directory.
    output : int
        Characters kept of what one cell prints.
    """

    cell: float = 60.0
    total: float = 900.0
    restarts: int = 12
    memory: int = 2 * 2**30
    processes: int = 64
    open_files: int = 256
    file_size: int = 64 * 2**20
    disk: int = 128 * 2**20
    output: int = 10**6

    @property
    def allowance(self) -> Allowance:
        """What the judge itself keeps to."""
        return Allowance(self.cell, self.total, self.restarts, self.output)
