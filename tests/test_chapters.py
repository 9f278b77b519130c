"""Every chapter: up to date, complete, its equations' checks alert, and at home on CIFAR-10's format."""

from pathlib import Path

import pytest

from course_utils import data
from course_utils.notebooks import anatomy, check, equations, execute, pairs

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = pairs.chapters(ROOT)


def is_missing(name):
    try:
        data.load(name, "test", n=10)
    except data.DataNotFoundError:
        return True
    return False


def equations_of(stem):
    return equations.read_chapter(
        ROOT / "notebooks" / f"{stem}.py", ROOT / "tests" / "equations" / f"{stem}.toml"
    )


FLIPS = [(stem, flip) for stem in CHAPTERS for flip in equations_of(stem).flips]


@pytest.mark.parametrize("stem", CHAPTERS)
class TestChapter:
    def test_notebook_shows_what_its_sources_give(self, stem):
        assert check.problems(ROOT, stem) == []

    def test_nothing_is_lacking(self, stem):
        assert anatomy.problems(ROOT, stem) == []

    def test_every_equation_has_a_check_or_a_reason(self, stem):
        assert equations.gaps(equations_of(stem)) == []


@pytest.mark.parametrize(("stem", "flip"), FLIPS, ids=[f"{stem}-{flip.equation}" for stem, flip in FLIPS])
def test_a_flipped_sign_makes_the_check_fail(stem, flip):
    assert equations.problem(equations_of(stem), flip, ROOT / "notebooks") is None


def test_every_list_of_flips_belongs_to_a_chapter():
    lists = {path.stem for path in (ROOT / "tests" / "equations").glob("*.toml")}
    assert lists <= set(CHAPTERS)


def run_on_cifar10(stem, env):
    """Run a chapter with its one switch at CIFAR-10; a cell that fails fails the test."""
    notebook = pairs.read_script(ROOT / "notebooks" / f"{stem}.py")
    changed = 0
    for cell in pairs.code_cells(notebook):
        changed += cell.source.count('DATASET = "pocket10"')
        cell.source = cell.source.replace('DATASET = "pocket10"', 'DATASET = "cifar10"')
    assert changed == 1
    execute.execute(notebook, stem, ROOT, env=env)


class TestOnCifar10:
    @pytest.mark.parametrize("stem", CHAPTERS)
    def test_chapter_runs_on_the_format_of_cifar10(self, stem, tiny_cifar10):
        run_on_cifar10(stem, {"COURSE_DATA": str(tiny_cifar10), "COURSE_CACHE": str(tiny_cifar10 / "cache")})

    @pytest.mark.full
    @pytest.mark.real_data
    @pytest.mark.skipif(is_missing("cifar10"), reason="CIFAR-10 is not in $COURSE_DATA")
    @pytest.mark.parametrize("stem", CHAPTERS)
    def test_chapter_runs_on_the_photographs(self, stem):
        run_on_cifar10(stem, {})
