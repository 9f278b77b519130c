"""Run a notebook in a fresh kernel and measure it."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

if TYPE_CHECKING:
    from nbclient import NotebookClient

#: One thread a kernel: sums come out in the same order everywhere, and kernels don't wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# Run before the first cell: notes every file that the chapter opens.
_WATCH = """
def _watch():
    import sys
    opened = sys._course_opened = set()
    sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
_watch()
del _watch
"""
# Run after the last cell.
_REPORT = """
import json as _json, resource as _resource, sys as _sys
_unit = 1 if _sys.platform == "darwin" else 1024
_who = (_resource.RUSAGE_SELF, _resource.RUSAGE_CHILDREN)
_peak = max(_resource.getrusage(_one).ru_maxrss for _one in _who) * _unit
print(_json.dumps({"peak": _peak, "opened": sorted(_sys._course_opened)}))
"""
#: Files that a chapter shows something of. Code is known by its imports; run times are the pipeline's own.
_SOURCES = re.compile(r"^(book|course_utils|notebooks)/.*(?<!\.py)(?<!\.pyc)(?<!/run_times\.json)$")


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class NotebookError(RuntimeError):
    """A notebook could not be executed, or wrote what no reader should see."""


@dataclass(frozen=True)
class Run:
    """What a run took.

    Parameters
    ----------
    seconds : float
        Wall time of all cells, without starting the kernel.
    peak_mb : float
        Largest resident memory of the kernel process (or of its largest child), in MB.
    files : tuple of str
        Files of the course that the cells opened, besides code, as paths below the course's folder.
    """

    seconds: float
    peak_mb: float
    files: tuple[str, ...] = ()


def execute(
    notebook: NotebookNode, stem: str, root: Path, timeout: int = 300, env: Mapping[str, str] | None = None
) -> Run:
    """Execute all code cells in place, in a fresh kernel, in ``root/notebooks``.

    Parameters
    ----------
    notebook : NotebookNode
        Without outputs; receives outputs, execution counts and the widgets' state.
    stem : str
        Name for messages.
    root : Path
        The course's folder; the kernel imports ``course_utils`` from here.
    timeout : int
        Seconds that one cell may take.
    env : mapping of str to str, optional
        Environment variables to set besides.

    Returns
    -------
    Run
        Time and memory.

    Raises
    ------
    NotebookError
        If a cell raises, takes too long, or writes to stderr (a warning counts); names the cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    folder = str(root / "notebooks")
    with (
        tempfile.TemporaryDirectory() as private,
        client.setup_kernel(cwd=folder, env=_environment(root, private) | dict(env or {})),
    ):
        _silently(client, _WATCH)
        started = time.perf_counter()
        for position, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            try:
                client.execute_cell(cell, position)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                told = _COLOUR.sub("", str(error))
                message = f"{stem}: cell {position} failed\n{_indent(cell.source)}\n{told}"
                raise NotebookError(message) from None
            _refuse_stderr(cell, stem, position)
        seconds = time.perf_counter() - started
        told = json.loads(_silently(client, _REPORT))
        client.set_widgets_metadata()
    return Run(seconds, told["peak"] / 1e6, _sources(told["opened"], root))


def _silently(client: NotebookClient, code: str) -> str:
    """Run code that is no part of the notebook and return what it prints."""
    from nbformat.v4 import new_code_cell

    probe = new_code_cell(code)
    client.nb.cells.append(probe)
    client.execute_cell(probe, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return "".join(output.text for output in probe.outputs)


def _sources(opened: list[str], root: Path) -> tuple[str, ...]:
    """Choose the files of the course, as paths below its folder, that are no code."""
    folder = os.path.realpath(root)
    below = {os.path.relpath(os.path.realpath(root / "notebooks" / path), folder) for path in opened}
    inside = {path.replace(os.sep, "/") for path in below if not path.startswith(os.pardir)}
    return tuple(sorted(path for path in inside if _SOURCES.search(path) and (root / path).is_file()))


def _environment(root: Path, private: str) -> dict[str, str]:
    """Environment of the kernel: this checkout first, one thread, nobody's IPython settings."""
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    path = os.pathsep.join(filter(None, [str(root), kept.get("PYTHONPATH")]))
    return kept | ONE_THREAD | {"PYTHONPATH": path, "IPYTHONDIR": private}


def _refuse_stderr(cell: NotebookNode, stem: str, position: int) -> None:
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            raise NotebookError(
                f"{stem}: cell {position} writes to stderr, which would stand in the page; mend the cause\n"
                f"{_indent(cell.source)}\n{output.text}"
            )


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
