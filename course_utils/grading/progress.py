"""Show how a run goes: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Protocol, Self, TextIO

from course_utils.grading.outcomes import Outcome, Run


class Progress(Protocol):
    """What the engine tells while it works."""

    def note(self, text: str) -> None:
        """Say something."""

    def start(self, total: int) -> None:
        """Say how many notebooks there are to look at."""

    def done(self, outcome: Outcome) -> None:
        """Say what became of one."""


class Lines:
    """Plain lines, one for each notebook that was marked.

    Parameters
    ----------
    stream : file
        Where to.
    why : bool
        Whether to say what made each verdict stale.
    """

    def __init__(self, stream: TextIO, why: bool = False) -> None:
        self.stream, self.why = stream, why
        self.total = self.count = self.marked = self.unchanged = 0
        self.began = time.monotonic()

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement."""
        return self

    def __exit__(self, *about: object) -> None:
        """Say how many had not changed."""
        if self.unchanged:
            self.note(f"{self.unchanged} unchanged")

    def note(self, text: str) -> None:
        """Say something."""
        print(text, file=self.stream, flush=True)

    def start(self, total: int) -> None:
        """Say how many notebooks there are to look at."""
        self.total, self.began = total, time.monotonic()

    def done(self, outcome: Outcome) -> None:
        """Say what became of one; those that did not change are counted only."""
        self.count += 1
        if outcome.status == "unchanged":
            self.unchanged += 1
            return
        self.marked += 1
        each = (time.monotonic() - self.began) / self.marked
        left = self.total - self.count
        rest = f", about {duration(each * left)} left" if left and outcome.status != "to mark" else ""
        text = line(outcome, self.why)
        self.note(f"{self.count}/{self.total} {text.removesuffix('.') if rest else text}{rest}")


class Bar:
    """A bar with the time left, and above it what went wrong.

    Parameters
    ----------
    stream : file
        The terminal.
    why : bool
        Whether to say what made each verdict stale.
    """

    def __init__(self, stream: TextIO, why: bool = False) -> None:
        from rich import progress
        from rich.console import Console

        self.why = why
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self.task = self.bar.add_task("Marking", total=None)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.bar.start()
        return self

    def __exit__(self, *about: object) -> None:
        """Leave it as it is."""
        self.bar.stop()

    def note(self, text: str) -> None:
        """Say something above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def start(self, total: int) -> None:
        """Say how many notebooks there are to look at."""
        self.bar.update(self.task, total=total)

    def done(self, outcome: Outcome) -> None:
        """Move on; say what became of those that got no marks, and with ``why`` of all that were marked."""
        if outcome.status in ("refused", "failed", "to mark") or (self.why and outcome.why):
            self.note(line(outcome, self.why))
        self.bar.advance(self.task)


def line(outcome: Outcome, why: bool) -> str:
    """Say what became of a notebook, on one line."""
    return f"{outcome} ({'; '.join(outcome.why)})" if why and outcome.why else str(outcome)


def duration(seconds: float) -> str:
    """Write a time for people.

    >>> duration(8.4), duration(184), duration(7300)
    ('8 s', '3 min', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def summary(run: Run) -> str:
    """Say how a run went, and what to do next.

    Parameters
    ----------
    run : Run
        What became of all.

    Returns
    -------
    str
        One or two lines.
    """
    counts = ", ".join(f"{count} {status}" for status, count in run.counts.items()) or "nothing done"
    text = f"{run.assignment}: {counts}; {duration(run.seconds)}."
    if run.interrupted:
        left = run.total - len(run.outcomes)
        rest = "Nothing done is lost; the same command goes on with the rest."
        return f"{text}\nInterrupted with {left} to go. {rest}"
    if run.counts.get("failed"):
        return f"{text}\nThose that failed have no verdict. The same command tries them again."
    return text
