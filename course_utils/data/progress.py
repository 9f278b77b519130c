"""A progress bar on a terminal; elsewhere a plain line, or nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(
    text: str, total: int | None, *, plain: bool = True, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show how far a long job is, on standard error.

    Parameters
    ----------
    text : str
        What is being done.
    total : int, optional
        How many steps there are, where that is known.
    plain : bool
        Whether to print ``text`` once where standard error is not a terminal (a log, a notebook).
    in_bytes : bool
        Whether the steps are bytes.

    Yields
    ------
    callable
        Call it with the number of steps done since the last call.
    """
    if not sys.stderr.isatty():
        if plain:
            print(text, file=sys.stderr, flush=True)
        yield lambda steps: None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    amount = rich_progress.DownloadColumn() if in_bytes else rich_progress.MofNCompleteColumn()
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        amount,
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda steps: bar.advance(task, steps)
