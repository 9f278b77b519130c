"""Where a course's files lie, by nbgrader's own settings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config

SETTINGS = "nbgrader_config.py"
#: A line that nbgrader writes a test for.
_AUTOMATIC = re.compile(r"(?m)^\s*### (HASHED )?AUTOTEST")


class CourseError(RuntimeError):
    """The course's folder or settings are not as they must be; the text says what to do."""


@dataclass(frozen=True)
class HandedIn:
    """What one student handed in.

    Attributes
    ----------
    student : str
        The folder's name.
    folder : Path
        ``…/STUDENT/ASSIGNMENT``.
    """

    student: str
    folder: Path


class CourseFolder:
    """A course's folder.

    Parameters
    ----------
    root : Path, optional
        The folder with ``nbgrader_config.py``; the nearest one upwards from here if omitted.
    db_url : str, optional
        The gradebook to use in place of the settings'.

    Attributes
    ----------
    config : Config
        nbgrader's settings.
    directory : nbgrader.coursedir.CourseDirectory
        Its rules for names of folders.

    Raises
    ------
    CourseError
        If there is no such file, or it can't be read.
    """

    def __init__(self, root: Path | None = None, db_url: str | None = None) -> None:
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config import PyFileConfigLoader

        here = Path.cwd()
        folders = [root] if root else [here, *here.parents]
        found = [folder for folder in folders if (folder / SETTINGS).is_file()]
        if not found:
            raise CourseError(f"there is no {SETTINGS} in {root or here}: run this in the course's folder.")
        self.root = found[0].resolve()
        try:
            self.config: Config = PyFileConfigLoader(SETTINGS, path=str(self.root)).load_config()
            if "root" not in self.config.CourseDirectory:
                self.config.CourseDirectory.root = str(self.root)
            if db_url:
                self.config.CourseDirectory.db_url = db_url
            self.directory = CourseDirectory(config=self.config)
        except Exception as error:
            raise CourseError(f"{self.root / SETTINGS} can't be used: {error}") from error

    @property
    def db_url(self) -> str:
        """The gradebook."""
        return str(self.directory.db_url)

    def sources(self, assignment: str) -> dict[str, NotebookNode]:
        """Read the instructor's notebooks of an assignment, by name.

        Raises
        ------
        CourseError
            If there are none, or one can't be read.
        """
        folder = self.path(self.directory.source_directory, ".", assignment)
        paths = sorted(folder.glob("*.ipynb"))
        if not paths:
            raise CourseError(f"there is no notebook in {folder}; {self._there(folder.parent)}")
        try:
            return {path.stem: self._source(path, assignment) for path in paths}
        except CourseError:
            raise
        except Exception as error:
            raise CourseError(f"a notebook in {folder} can't be read: {error}") from error

    def _source(self, path: Path, assignment: str) -> NotebookNode:
        """Read a source; where nbgrader is to write tests into it, the copy that has them."""
        notebook = nbformat.read(path, as_version=4)
        if any(_AUTOMATIC.search(cell.source) for cell in notebook.cells if cell.cell_type == "code"):
            written = self.path(self.directory.source_with_tests_directory, ".", assignment) / path.name
            if not written.is_file() or written.stat().st_mtime < path.stat().st_mtime:
                raise CourseError(
                    f"{path} has automatic tests (### AUTOTEST) that nbgrader has not written out yet. "
                    f"Run `nbgrader generate_assignment --source_with_tests {assignment} --force`, or mark "
                    f"with `nbgrader autograde {assignment}`."
                )
            notebook = nbformat.read(written, as_version=4)
        for number, cell in enumerate(notebook.cells):
            cell.setdefault("id", f"cell-{number}")  # formats before 4.5 have none
        return notebook

    def handed_in(self, assignment: str, students: list[str] | None = None) -> list[HandedIn]:
        """List what was handed in, in order of the students' names.

        Parameters
        ----------
        assignment : str
            Which one.
        students : list of str, optional
            Only these.

        Raises
        ------
        CourseError
            If there is nothing, or a student named handed in nothing.
        """
        marker = "\0"
        template = str(self.path(self.directory.submitted_directory, marker, assignment))
        before, _, after = template.partition(marker)
        everyone = Path(before)
        try:
            names = sorted(entry.name for entry in os.scandir(everyone) if not entry.name.startswith("."))
        except OSError as error:
            raise CourseError(f"what was handed in can't be listed: {everyone}: {error.strerror}.") from None
        found = [HandedIn(name, Path(f"{before}{name}{after}")) for name in names]
        found = [one for one in found if _is_there(one.folder)]
        missing = sorted(set(students or []) - {one.student for one in found})
        if missing:
            raise CourseError(
                f"{', '.join(missing)} handed in nothing for {assignment} (looked in {everyone})."
            )
        if students:
            found = [one for one in found if one.student in students]
        if not found:
            raise CourseError(f"nobody handed in anything for {assignment} (looked in {everyone}).")
        return found

    def graded(self, student: str, assignment: str) -> Path:
        """Give the folder that a student's graded notebooks go to."""
        return self.path(self.directory.autograded_directory, student, assignment)

    def path(self, step: str, student: str, assignment: str) -> Path:
        """Give a folder by nbgrader's rule."""
        return Path(self.directory.format_path(step, student, assignment))

    def _there(self, folder: Path) -> str:
        names = sorted(path.parent.name for path in folder.glob("*/*.ipynb"))
        return f"there are: {', '.join(dict.fromkeys(names)) or 'none'}"


def alike(students: list[str]) -> list[str]:
    """Say which names differ in case only: mostly one person under two names."""
    groups: dict[str, list[str]] = {}
    for student in students:
        groups.setdefault(student.casefold(), []).append(student)
    return [" and ".join(group) for group in groups.values() if len(group) > 1]


def unusable(student: str) -> str:
    """Say why a folder's name can't be a student's id; nothing if it can."""
    try:
        student.encode()
    except UnicodeEncodeError:
        return "the folder's name is not UTF-8"
    if len(student) > 128:
        return "the folder's name is longer than 128 characters"
    if re.search(r"[\x00-\x1f\x7f]", student):
        return "the folder's name has control characters in it"
    if re.search(r"[<>\"&`\\]", student):
        return "the folder's name has one of < > \" & ` \\ in it, which nbgrader's pages do not show safely"
    return ""


def _is_there(folder: Path) -> bool:
    try:
        os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # intake says what is wrong with it
    return True
