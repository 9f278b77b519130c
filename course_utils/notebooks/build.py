"""Bring the notebooks up to date with their scripts: ``course notebooks``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_utils import results
from course_utils.notebooks import anatomy, check, fingerprint, pairs, sanitise
from course_utils.notebooks.execute import ONE_THREAD, NotebookError, Run, execute


@dataclass(frozen=True)
class Outcome:
    """What became of one chapter.

    Parameters
    ----------
    stem : str
        The chapter.
    run : Run or None
        Time and memory, where it was executed.
    error : str or None
        Why it failed; the committed notebook is then as it was.
    """

    stem: str
    run: Run | None = None
    error: str | None = None


def update(
    root: Path,
    stems: Iterable[str],
    jobs: int = 2,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Execute chapters in parallel and write their notebooks.

    Parameters
    ----------
    root : Path
        The course's folder.
    stems : iterable of str
        Chapters to execute, stale or not.
    jobs : int
        How many kernels run at a time, each with one thread.
    report : callable
        Called with every outcome as soon as it is known.

    Returns
    -------
    list of Outcome
        In the order of `stems`.
    """

    def one(stem: str) -> tuple[NotebookNode | None, Outcome]:
        try:
            notebook, run = make(root, stem)
        except NotebookError as error:
            return None, Outcome(stem, error=str(error))
        return notebook, Outcome(stem, run)

    outcomes = []
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for notebook, outcome in pool.map(one, stems):
            if notebook is not None and outcome.run is not None:
                _finish(root, outcome.stem, notebook, outcome.run)
            report(outcome)
            outcomes.append(outcome)
    return outcomes


def make(root: Path, stem: str) -> tuple[NotebookNode, Run]:
    """Execute one chapter's script and return the notebook, sanitised; nothing is written.

    Raises
    ------
    NotebookError
        As `execute` does.
    """
    script = root / "notebooks" / f"{stem}.py"
    # Read before the run: a source that is edited meanwhile leaves a notebook that counts as stale.
    before = fingerprint.fingerprint(root, script)
    notebook = pairs.read_script(script)
    run = execute(notebook, stem, root)
    sanitise.clean_outputs(notebook)
    sanitise.renumber_widgets(notebook, stem)
    files = fingerprint.fingerprint(root, script, run.files)["files"]
    notebook.metadata["course"] = before | {"files": files}
    return notebook, run


def _finish(root: Path, stem: str, notebook: NotebookNode, run: Run) -> None:
    """Record the run time, put it into the cell that shows it, and write the notebook."""
    folder = root / "book" / "results"
    # While it ran, the chapter could only show the time of an earlier run, or none.
    shown = {results.run_time_note(stem, folder), results.run_time_note(stem, folder / "none")}
    record_run_time(folder, stem, run)
    for cell in pairs.code_cells(notebook):
        if "run_time_note(" in cell.source:
            _replace(cell.outputs, shown, results.run_time_note(stem, folder))
    notebook.metadata["course"]["outputs"] = fingerprint.outputs_hash(notebook)
    pairs.write_notebook(notebook, root / "notebooks" / f"{stem}.ipynb")


def _replace(outputs: list[NotebookNode], old: set[str], new: str) -> None:
    """Replace lines in streams and plain text."""
    for output in outputs:
        texts, key = (
            (output, "text") if output.output_type == "stream" else (output.get("data", {}), "text/plain")
        )
        for line in old:
            if key in texts:
                texts[key] = texts[key].replace(line, new)


def record_run_time(folder: Path, stem: str, run: Run) -> None:
    """Write one chapter's entry of ``run_times.json``, aside and then renamed."""
    path = folder / f"{results.RUN_TIMES}.json"
    times = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    times[stem] = {
        "seconds": round(run.seconds, 1),
        "peak_mb": round(run.peak_mb),
        "cores": int(ONE_THREAD["OMP_NUM_THREADS"]),
        "processor": _processor(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(dict(sorted(times.items())), indent=1) + "\n", encoding="utf-8")
    os.replace(aside, path)


def _processor() -> str:
    """Say which processor this is, in the words of the system."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def stale(root: Path, stems: Iterable[str]) -> dict[str, list[str]]:
    """Chapters to execute again, each with the reasons (see `check.problems`)."""
    found = {stem: check.problems(root, stem) for stem in stems}
    return {stem: lines for stem, lines in found.items() if lines}


def lacking(root: Path, stems: Iterable[str]) -> dict[str, list[str]]:
    """Find executed chapters that lack something, each with what (see `anatomy.problems`)."""
    executed = [stem for stem in stems if (root / "notebooks" / f"{stem}.ipynb").is_file()]
    found = {stem: anatomy.problems(root, stem) for stem in executed}
    return {stem: lines for stem, lines in found.items() if lines}
