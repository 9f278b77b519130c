"""Render the book with Jupyter Book, from committed outputs, warnings taken as errors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from course_utils import vendor

_WARNING = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE)\b|^[\w.]*(Error|Exception)\b")
_CELL = re.compile(r"^(\S+\.ipynb):(\d{5,}):")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Build:
    """What a build gave.

    Parameters
    ----------
    page : Path
        The page to open.
    problems : tuple of str
        One line per warning or error; empty when the book is fine.
    log : str
        Everything that the builder said.
    """

    page: Path
    problems: tuple[str, ...]
    log: str


def root_folder(start: Path | None = None) -> Path:
    """Find the course's folder: the nearest one at or above ``start`` with a ``_toc.yml``.

    Parameters
    ----------
    start : Path, optional
        Where to begin; the working directory when omitted.

    Returns
    -------
    Path
        Absolute path of the course's folder.

    Raises
    ------
    FileNotFoundError
        When no folder above ``start`` holds a book.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "_toc.yml").is_file() and (folder / "_config.yml").is_file():
            return folder
    raise FileNotFoundError(
        f"{start} lies in no copy of the course: wanted a folder with _config.yml and _toc.yml. "
        "Change into the course's folder and run the command again."
    )


def build(root: Path, out: Path | None = None, *, fresh: bool = False) -> Build:
    """Render the book.

    Parameters
    ----------
    root : Path
        The course's folder.
    out : Path, optional
        Where ``_build`` goes; ``root`` when omitted.
    fresh : bool
        Forget earlier builds, so that every page is rendered again.

    Returns
    -------
    Build
        The page to open and the problems found. After a build with problems the next one
        reads every page again, so that it reports what is still wrong.

    Raises
    ------
    course_utils.vendor.VendorError
        When the pages' JavaScript is neither cached nor to be had.
    """
    vendor.fetch(root)
    built = (out or root) / "_build"
    if fresh:
        shutil.rmtree(built / "html", ignore_errors=True)
        shutil.rmtree(built / ".doctrees", ignore_errors=True)
    # The current interpreter's Jupyter Book, whatever the PATH says.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root)]
    command += ["--quiet", "-W", "-n", "--keep-going"]
    if out is not None:
        command += ["--path-output", str(out)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    log = _COLOUR.sub("", done.stderr + done.stdout)
    problems = tuple(dict.fromkeys(_problems(log, root))) if done.returncode else ()
    if done.returncode:
        # The pages stay for a look, but Sphinx forgets that it has read them.
        shutil.rmtree(built / ".doctrees", ignore_errors=True)
        problems = problems or (log.strip()[-2000:],)
    return Build(built / "html" / "index.html", problems, log)


def _problems(log: str, root: Path) -> list[str]:
    """Lines of the builder's log that name a problem, with readable places."""
    lines = [line.replace(f"{root}/", "").strip() for line in log.splitlines() if _WARNING.search(line)]
    return [_CELL.sub(_place, line) for line in lines]


def _place(match: re.Match[str]) -> str:
    """Write myst-nb's line numbers of a notebook, 10,000 a cell, as cell (from 1) and line."""
    cell, line = divmod(int(match[2]), 10_000)
    return f"{match[1]}: cell {cell}, line {max(line - 1, 1)}:"
