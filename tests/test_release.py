"""``course release``: the student edition is whole, works, and holds no secret."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils import release
from course_utils.assignments import source_notebook
from course_utils.cli import app
from course_utils.grading import bank, leaks

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "ps1_first_classifiers"


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "students"
    done = CliRunner().invoke(app, ["release", str(folder)])
    assert done.exit_code == 0, done.output
    assert "one commit, no secret found" in done.output
    return folder


def git(folder, *arguments):
    command = ["git", "-C", folder, *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")


def test_it_is_a_repository_with_one_commit(edition):
    assert git(edition, "rev-list", "--all", "--count").strip() == "1"
    assert git(edition, "status", "--porcelain") == ""
    assert git(edition, "log", "--format=%an %ae %s").strip() == "Course course@example.org Student edition"


def test_it_holds_what_students_need_and_nothing_else(edition):
    files = git(edition, "ls-files").split("\n")
    for needed in (
        "README.md",
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
        f"assignments/{ASSIGNMENT}/{ASSIGNMENT}.ipynb",
        "course_utils/checking.py",
        "course_utils/cli/check.py",
        "course_utils/grading/expect.py",
    ):
        assert needed in files
    instructors = re.compile(
        r"^(solutions|tests|class|\.ci|nbgrader_config)|grading/bank|/bank/|leaks|student_edition|cli/(release|grade|report)"
    )
    assert [name for name in files if instructors.search(name)] == []
    assert "make test" not in (edition / "README.md").read_text()


def test_its_commands_work_without_the_grader(edition):
    """What only instructors have is not there, and nothing that is there needs it."""
    code = "import course_utils.cli, course_utils.doctor as d; print(d.check_sandbox().detail)"
    environment = {**os.environ, "PYTHONPATH": str(edition)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=edition, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "the students' edition does not grade\n", done.stderr


def test_it_holds_no_secret(edition):
    """In its files and in every git object."""
    assert release.secrets_in(ROOT, edition) == []
    objects = git(edition, "cat-file", "--batch-all-objects", "--batch")
    words = leaks.secrets(ROOT).words
    assert len(words) > 10
    assert [word for word in words if word in objects] == []


def test_the_search_finds_secrets_in_files_and_in_history(edition, tmp_path):
    source = source_notebook(ROOT, ASSIGNMENT)
    hidden = next(cell.source for cell in source.cells if cell.id == "ex8_values")
    solution = bank.reference_answers(source)["ex4_answer"]
    for text in (hidden, solution):
        copy = tmp_path / "copy"
        shutil.copytree(edition, copy)
        (copy / "book" / "draft.md").write_text(text)
        assert any(line.startswith("book/draft.md") for line in release.secrets_in(ROOT, copy))
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        git(copy, "add", "--all")
        git(copy, *identity, "commit", "-m", "Oops")
        git(copy, "rm", "-q", "book/draft.md")
        git(copy, *identity, "commit", "-m", "Take it out again")
        found = release.secrets_in(ROOT, copy)
        assert any(line.startswith("git objects: ") for line in found)
        assert "the history has 3 commits; one was expected" in found
        shutil.rmtree(copy)


def test_pages_of_its_book_exist(edition):
    contents = (edition / "_toc.yml").read_text()
    pages = re.findall(r"(?:file|root): *(\S+)", contents)
    assert pages
    for page in pages:
        assert list(edition.glob(f"{page}*")), page


def test_course_check_works_from_there(edition, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(edition, copy)
    environment = os.environ | {"PYTHONPATH": str(copy)}

    def course(*arguments):
        command = [sys.executable, "-m", "course_utils", *arguments]
        return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)

    where = subprocess.run(
        [sys.executable, "-c", "import course_utils; print(course_utils.__file__)"],
        cwd=copy, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert where.stdout.strip() == str(copy / "course_utils" / "__init__.py")
    untouched = course("check", "ps1")
    assert untouched.returncode == 1, untouched.stderr
    assert "9 not answered" in untouched.stdout
    notebook = copy / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    answers = bank.reference_answers(source_notebook(ROOT, ASSIGNMENT))
    nbformat.write(bank.submission(nbformat.read(notebook, 4), answers), notebook)
    solved = course("check", "ps1")
    assert solved.returncode == 0, solved.stdout + solved.stderr
    assert "8 passed, 1 read by a person" in solved.stdout
    commands = course("--help").stdout
    assert "check" in commands
    assert "release" not in commands


def test_what_is_in_the_way_is_kept_unless_forced(tmp_path, monkeypatch):
    monkeypatch.setattr(release, "secrets_in", lambda root, edition: [])
    target = tmp_path / "students"
    target.mkdir()
    (target / "mine.txt").write_text("keep me")
    done = CliRunner().invoke(app, ["release", str(target)])
    assert done.exit_code == 1
    assert "is not empty" in done.output
    assert (target / "mine.txt").read_text() == "keep me"
    release.build(ROOT, target, force=True)
    assert not (target / "mine.txt").exists()
    assert (target / "README.md").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["students"]  # nothing is left beside it


def test_the_course_itself_is_never_overwritten():
    for target in (ROOT, ROOT.parent, ROOT / "solutions" / "edition"):
        with pytest.raises(release.ReleaseError, match="holds the course itself"):
            release.build(ROOT, target, force=True)


def test_an_edition_with_a_secret_is_not_written(tmp_path, monkeypatch):
    templates = tmp_path / "templates"
    templates.mkdir()
    answer = bank.reference_answers(source_notebook(ROOT, ASSIGNMENT))["ex7_answer"]
    (templates / "README.md").write_text(f"An example:\n\n{answer}")
    monkeypatch.setattr(release, "TEMPLATES", templates)
    with pytest.raises(release.ReleaseError, match=r"would hold a secret: README\.md: the lines"):
        release.build(ROOT, tmp_path / "out" / "students")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_stale_assignment_is_not_released(tmp_path, monkeypatch):
    monkeypatch.setattr(release, "differences", lambda root, name: [f"{name}.ipynb differs"])
    with pytest.raises(release.ReleaseError, match="run `course assignments`"):
        release.build(ROOT, tmp_path / "students")


def test_a_folder_without_git_is_explained(tmp_path, monkeypatch):
    with pytest.raises(release.ReleaseError, match="git ls-files failed"):
        release.released_files(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(release.ReleaseError, match="git was not found"):
        release.released_files(tmp_path)
