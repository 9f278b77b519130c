"""Build the student edition: what students get, as a repository of its own without a history."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from course_utils.assignments import AssignmentError, assignments, differences
from course_utils.grading.leaks import leaks, leaks_in_text, secrets

#: Folders and files of the student edition; of course_utils/grading only what test cells import.
FOLDERS = ("assignments", "book", "course_utils", "notebooks", "environment", "binder")
FILES = (
    ".gitignore",
    "CITATION.cff",
    "LICENSE",
    "LICENSE-TEXT.md",
    "_config.yml",
    "_toc.yml",
    "constraints.txt",
    "environment.yml",
    "pyproject.toml",
)
INSTRUCTOR_ONLY = (
    "course_utils/assignments.py",
    "course_utils/cli/assignments.py",
    "course_utils/cli/bench.py",
    "course_utils/cli/grade.py",
    "course_utils/cli/release.py",
    "course_utils/cli/report.py",
    "course_utils/experiments/grading_bench.py",
    "course_utils/experiments/grading_class.py",
    "course_utils/release.py",
    "course_utils/student_edition",
)
GRADING_FOR_STUDENTS = ("course_utils/grading/__init__.py", "course_utils/grading/expect.py")
TEMPLATES = Path(__file__).with_name("student_edition")


class ReleaseError(RuntimeError):
    """The student edition can't be built, or would hold a secret."""


def released_files(root: Path) -> list[str]:
    """List the files of the student edition among those that git tracks.

    Parameters
    ----------
    root : Path
        The course's folder, a git repository.

    Returns
    -------
    list of str
        Paths with forward slashes, sorted.

    Raises
    ------
    ReleaseError
        If git can't list the folder's files.
    """
    tracked = _git(root, "ls-files", "-z").split("\0")
    return sorted(path for path in tracked if path and _for_students(path) and (root / path).is_file())


def _for_students(path: str) -> bool:
    if any(path == name or path.startswith(f"{name}/") for name in INSTRUCTOR_ONLY):
        return False
    if path.startswith("course_utils/grading/"):
        return path in GRADING_FOR_STUDENTS
    return path in FILES or path.split("/")[0] in FOLDERS and "/" in path


def build(root: Path, target: Path, *, force: bool = False) -> list[str]:
    """Write the student edition and commit it once in a new repository.

    It is built beside the target, searched for secrets, and put in place only when it is whole.

    Parameters
    ----------
    root : Path
        The course's folder.
    target : Path
        Where the edition goes: a new or empty folder.
    force : bool
        Whether a folder that holds something is replaced.

    Returns
    -------
    list of str
        The files of the edition.

    Raises
    ------
    ReleaseError
        If the target is not empty or holds the course itself, a committed assignment is stale, or a secret
        was found.
    """
    root, target = root.resolve(), target.resolve()
    if target == root or target in root.parents or root / "solutions" in (target, *target.parents):
        raise ReleaseError(f"{target} holds the course itself or its solutions; give a folder elsewhere")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())) and not force:
        raise ReleaseError(f"{target} is not empty; give a new folder, or --force to replace what is there")
    try:
        stale = [line for name in assignments(root) for line in differences(root, name)]
    except AssignmentError as error:
        raise ReleaseError(str(error)) from error
    if stale:
        raise ReleaseError(f"{stale[0]}; run `course assignments` and commit what it writes")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        files = _fill(root, aside)
        _commit(aside)
        problems = secrets_in(root, aside)
        if problems:
            raise ReleaseError("the edition would hold a secret: " + "; ".join(problems[:5]))
        aside.chmod(0o755)
        _put_in_place(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return files


def secrets_in(root: Path, edition: Path) -> list[str]:
    """Search an edition's files and git objects for the secrets of ``root/solutions``; one line a leak."""
    found = secrets(root)
    problems = leaks(edition, found, strict=False)
    problems += [f"assignments/{leak}" for leak in leaks(edition / "assignments", found)]
    objects = _git(edition, "cat-file", "--batch-all-objects", "--batch", "--buffer", "--unordered")
    problems += [f"git objects: {leak}" for leak in leaks_in_text(objects, found, strict=False)]
    commits = _git(edition, "rev-list", "--all", "--count").strip()
    if commits != "1":
        problems.append(f"the history has {commits} commits; one was expected")
    return problems


def _fill(root: Path, folder: Path) -> list[str]:
    """Copy what students get; templates take the place of the instructor's README and Makefile."""
    files = released_files(root)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, folder / name)
    for template in sorted(TEMPLATES.iterdir()):
        shutil.copyfile(template, folder / template.name)
        files.append(template.name)
    return sorted(files)


def _commit(folder: Path) -> None:
    """Make a repository with one commit, whatever the user's git settings are."""
    identity = ["-c", "user.name=Course", "-c", "user.email=course@example.org"]
    plain = ["-c", "commit.gpgsign=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.autocrlf=false"]
    _git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
    _git(folder, "add", "--all")
    _git(folder, *identity, *plain, "commit", "--quiet", "--message", "Student edition")


def _put_in_place(aside: Path, target: Path) -> None:
    """Rename the finished folder; what was there goes only after it stands."""
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        os.replace(target, old / "old")
        os.replace(aside, target)
        shutil.rmtree(old)
    else:
        os.replace(aside, target)


def _git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, ignoring the environment of a git command that called us."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
    except FileNotFoundError:
        raise ReleaseError("git was not found; install it") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise ReleaseError(f"git {arguments[0]} failed in {folder}: {said}") from None
    return done.stdout.decode("utf-8", errors="replace")
