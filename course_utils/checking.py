"""Run the visible tests of an assignment's notebook as the marker would: a fresh kernel, top to bottom."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from nbformat import NotebookNode

#: What nbgrader leaves where an answer belongs.
UNANSWERED = ("raise NotImplementedError()", "YOUR ANSWER HERE")


class CheckError(RuntimeError):
    """The notebook can't be checked: it is missing, damaged or not an assignment."""


@dataclass
class Result:
    """What came of one exercise.

    Attributes
    ----------
    title : str
        The exercise's heading.
    status : str
        ``"passed"``, ``"failed"``, ``"not answered"``, ``"not checked"``, ``"read by a person"``
        or, for a cell of the student's own that failed, ``"not marked"``.
    messages : list of str
        What failed and where to look.
    hint : str
        The exercise's first hint; empty if it passed.
    """

    title: str
    status: str = "passed"
    messages: list[str] = field(default_factory=list)
    hint: str = ""


def find_notebook(name: str, start: Path | None = None) -> Path:
    """Find an assignment's notebook.

    Parameters
    ----------
    name : str
        ``ps1``, a full id such as ``ps1_first_classifiers``, or a path to the notebook or its folder.
    start : Path, optional
        Where to look; the working directory if omitted. Its ``assignments`` folder and those of the
        folders above are searched, and the folder itself.

    Returns
    -------
    Path
        The notebook.

    Raises
    ------
    CheckError
        If there is none, or more than one.
    """
    start = (start or Path.cwd()).resolve()
    given = start / name
    if given.suffix == ".ipynb":
        if not given.is_file():
            raise CheckError(f"there is no notebook {given}. Check the path, or give the name: ps1")
        return given
    pattern = f"{name}_*" if re.fullmatch(r"ps\d+", name) else given.name
    above = [folder / "assignments" for folder in (start, *start.parents)]
    folders = [given] if given.is_dir() else [start, *above]
    for folder in folders:
        found = sorted({*folder.glob(f"{pattern}.ipynb"), *folder.glob(f"{pattern}/{pattern}.ipynb")})
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise CheckError(f"{name} may be any of {names}. Give the path of the one you mean")
        if found:
            return found[0]
    known = sorted({path.stem for folder in folders for path in folder.glob("ps*/ps*.ipynb")})
    raise CheckError(
        f"there is no notebook for {name!r} in {start} or in an assignments folder at or above it. "
        + (f"There are: {', '.join(known)}" if known else "Change into the course's folder, or give a path")
    )


def load(path: Path) -> NotebookNode:
    """Read an assignment's notebook.

    Raises
    ------
    CheckError
        If the file is not JSON, not a notebook, of an old format, or not an assignment of this course.
    """
    import nbformat

    again = "Take a fresh copy of the assignment and move your answers into it"
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
    except UnicodeDecodeError as error:
        raise CheckError(f"{path} is not UTF-8 text (byte {error.start}). {again}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} is not JSON ({error.msg})"
        raise CheckError(f"{path} is damaged: {where}. {again}") from None
    if not isinstance(raw, dict) or raw.get("nbformat") != 4:
        found = raw.get("nbformat") if isinstance(raw, dict) else None
        raise CheckError(f"{path} is not a notebook of format 4 (it says {found}). {again}")
    try:
        nbformat.validate(raw)
    except nbformat.ValidationError as error:
        raise CheckError(f"{path} is not a valid notebook: {str(error).splitlines()[0]}. {again}") from None
    notebook = nbformat.reads(text, as_version=4)
    if not notebook.metadata.get("course", {}).get("exercises"):
        raise CheckError(f"{path} is not an assignment of this course: its metadata lists none. {again}")
    return notebook


def check(notebook: NotebookNode, folder: Path, timeout: int = 60) -> Iterator[Result]:
    """Run a notebook in a fresh kernel and report each exercise as soon as its cells have run.

    Cells that fail do not stop the others; a cell that takes too long is interrupted.

    Parameters
    ----------
    notebook : NotebookNode
        As `load` gives it; outputs are replaced.
    folder : Path
        Working directory of the kernel.
    timeout : int
        Seconds for one cell.

    Yields
    ------
    Result
        One for each exercise, in order.

    Raises
    ------
    CheckError
        If no kernel starts.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient

    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    waiting = {_last_present(exercise, cells): exercise for exercise in notebook.metadata.course.exercises}
    known = {grade_id for exercise in waiting.values() for grade_id in exercise["cells"]}
    client = NotebookClient(
        notebook,
        timeout=timeout,
        allow_errors=True,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "TookTooLong", "evalue": "", "traceback": []},
        raise_on_iopub_timeout=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.log.setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        try:
            stack.enter_context(client.setup_kernel(stdout=DEVNULL, stderr=DEVNULL))
        except (ImportError, OSError, RuntimeError, NoSuchKernel) as error:
            raise CheckError(
                f"no Python kernel could be started ({type(error).__name__}: {error}). "
                "Install the course's environment again, or only the kernel: pip install ipykernel"
            ) from error
        trouble = ""
        for position, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                trouble = trouble or _run(client, cell, position, timeout)
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id not in known and (messages := _failure(cell, "the cell")):
                if grade_id:
                    yield Result(f"Cell {position + 1} ({grade_id})", "failed", messages)
                elif "NotImplementedError" not in messages[0]:
                    yield Result(f"Your own cell `{_first_line(cell.source)}`", "not marked", messages)
            exercise = waiting.pop(grade_id, None)
            if exercise is not None:
                yield _judge(exercise, cells, trouble)
    for exercise in waiting.values():
        yield _judge(exercise, cells, trouble)


def _run(client: Any, cell: NotebookNode, position: int, timeout: int) -> str:
    """Run one cell; return why nothing more can run, or an empty string."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    try:
        client.execute_cell(cell, position)
    except DeadKernelError:
        reason = "stopped the Python kernel (out of memory, or exit was called)"
    except CellTimeoutError:
        reason = f"ran longer than {timeout} s and could not be interrupted"
    else:
        if any(output.get("ename") == "KeyboardInterrupt" for output in cell.outputs):
            cell.metadata["course_stuck"] = f"ran longer than {timeout} s and was interrupted"
        return ""
    cell.metadata["course_stuck"] = reason
    return reason


def _last_present(exercise: dict[str, Any], cells: dict[Any, NotebookNode]) -> str | None:
    present = [grade_id for grade_id in exercise["cells"] if grade_id in cells]
    return present[-1] if present else None


def _judge(exercise: dict[str, Any], cells: dict[Any, NotebookNode], trouble: str) -> Result:
    """Say what came of one exercise from its cells' outputs."""
    result = Result(exercise["title"])
    missing = [grade_id for grade_id in exercise["cells"] if grade_id not in cells]
    for grade_id in missing:
        result.messages.append(
            f"the cell {grade_id} is missing. Move your answers into a fresh copy of the assignment"
        )
    present = [cells[grade_id] for grade_id in exercise["cells"] if grade_id in cells]
    answers = [cell for cell in present if cell.metadata.nbgrader.get("solution")]
    untouched = any(stub in cell.source for cell in answers for stub in UNANSWERED)
    tests = [cell for cell in present if _is_visible_test(cell)]
    for cell in answers + tests:
        result.messages += _failure(cell, "the test" if cell in tests else "your answer's cell")
    for cell in tests:
        checksum = cell.metadata.nbgrader.get("checksum")
        if checksum and checksum != nbgrader_checksum(cell):
            result.messages.append("this test cell was changed; your work is marked with the original one")
    if untouched:
        result.status, result.messages = "not answered", []
    elif result.messages:
        result.status = "failed"
    elif trouble and any("outputs" in cell and cell.get("execution_count") is None for cell in tests):
        result.status, result.messages = "not checked", [f"an earlier cell {trouble}"]
    elif answers and not tests:
        result.status = "read by a person"
    if result.status in ("failed", "not answered"):
        text = cells.get(exercise["cells"][0])
        result.hint = _first_hint(text.source if text is not None else "")
    return result


def _is_visible_test(cell: NotebookNode) -> bool:
    """Say whether it is a test cell of which something is left when the hidden part is taken out."""
    info = cell.metadata.nbgrader
    lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return cell.cell_type == "code" and bool(info.get("grade")) and not info.get("solution") and bool(lines)


def _failure(cell: NotebookNode, where: str) -> list[str]:
    """Say what one cell's outputs tell the student."""
    if "course_stuck" in cell.metadata:
        return [f"{where} {cell.metadata['course_stuck']}: look for a loop that never ends"]
    for output in cell.get("outputs", []):
        if output.output_type != "error":
            continue
        if output.ename == "AssertionError":
            return [output.evalue or "an assertion failed"]
        line = _line_of_error(output.get("traceback", []))
        return [f"{where} stopped with {output.ename}: {output.evalue}{line}{_advice(output)}"]
    return []


def _advice(output: NotebookNode) -> str:
    """Say what usually lies behind two errors that beginners meet."""
    name = re.match(r"name '(\w+)' is not defined", output.evalue)
    if output.ename == "NameError" and name:
        return f". Check that a cell above defines or imports `{name[1]}`, spelled like this"
    if "NoneType" in output.evalue:
        return ". Something is None here: an argument that may be None, or a function without a `return`?"
    return ""


def _line_of_error(traceback: list[str]) -> str:
    """Find the innermost line in a cell of the notebook that an IPython traceback points at."""
    frames = [re.sub(r"\x1b\[[0-9;]*m", "", frame) for frame in traceback]
    cells = [frame for frame in frames if frame.startswith("Cell In[")]
    arrows = re.findall(r"^-+> *\d+ (.+)$", "\n".join(cells or frames), re.M)
    return f" (at `{arrows[-1].strip()}`)" if arrows else ""


def _first_line(source: str, longest: int = 60) -> str:
    """Take the first line of a cell's code, shortened: JupyterLab shows no number to find it by."""
    line = next((line.strip() for line in source.splitlines() if line.strip()), "")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _first_hint(markdown: str) -> str:
    """Take the text of an exercise's first hint, on one line."""
    match = re.search(r'<details class="hint"><summary>.*?</summary>(.*?)</details>', markdown, re.S)
    return " ".join(match[1].split()) if match else ""


def nbgrader_checksum(cell: NotebookNode) -> str:
    """Compute the checksum that nbgrader writes into a locked cell, from what the cell holds now."""
    info = cell.metadata.nbgrader
    locked = bool(not info.get("solution") and (info.get("grade") or info.get("locked")))
    flags = [str(bool(info.get("grade"))), str(bool(info.get("solution"))), str(locked)]
    parts = [cell.source, cell.cell_type, *flags, info["grade_id"]]
    if info.get("grade"):
        parts.append(str(float(info["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
