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

from nbformat import NotebookNode

#: One thread a kernel: sums come out in the same order everywhere, and kernels don't wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

_PEAK = """
import json as _json, resource as _resource, sys as _sys
_unit = 1 if _sys.platform == "darwin" else 1024
_who = (_resource.RUSAGE_SELF, _resource.RUSAGE_CHILDREN)
print(_json.dumps([_resource.getrusage(one).ru_maxrss * _unit for one in _who]))
"""


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
    """

    seconds: float
    peak_mb: float


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
    from nbformat.v4 import new_code_cell

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    probe = new_code_cell(_PEAK)
    folder = str(root / "notebooks")
    with (
        tempfile.TemporaryDirectory() as private,
        client.setup_kernel(cwd=folder, env=_environment(root, private) | dict(env or {})),
    ):
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
        notebook.cells.append(probe)
        client.execute_cell(probe, len(notebook.cells) - 1, store_history=False)
        notebook.cells.pop()
        client.set_widgets_metadata()
    return Run(seconds, max(json.loads(probe.outputs[0].text)) / 1e6)


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
