"""The page of checked formulas."""

from pathlib import Path

from course_utils import formula_pages
from course_utils.notebooks import equations, pairs

ROOT = Path(__file__).resolve().parent.parent

CHAPTER = """# %% [markdown]
# $$ f(x) = |x| $$ (eq-b)
#
# $$ f(x) = x $$ (eq-a)
#
# $$ L $$ (eq-loss)

# %%
f = lambda x: x | 0
# check: eq-a
assert f(3) == 3
assert f(
    4
) == 4
# check: eq-ab, eq-b
check_all(f, [1])
"""
FLIPS = """
[[flip]]
equation = "eq-a"
original = "x | 0"
flipped = "x | 1"
[unchecked]
eq-loss = "a definition"
"""


def test_every_formula_stands_there_in_order_with_its_assertions_and_flips(tmp_path):
    for folder in ("notebooks", "tests/equations"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "notebooks" / "01_small.py").write_text(CHAPTER)
    without = formula_pages.checked_formulas(tmp_path)
    assert "→" not in without
    (tmp_path / "tests" / "equations" / "01_small.toml").write_text(FLIPS)
    rows = [line for line in formula_pages.checked_formulas(tmp_path).splitlines() if "{eq}" in line]
    assert rows == [
        "| {eq}`eq-b` | `check_all(f, [1])` |  |",
        r"| {eq}`eq-a` | `f(3) == 3`<br>`f(4) == 4` | `x \| 0` → `x \| 1` |",
        "- {eq}`eq-loss`: a definition",
    ]


def test_no_checked_formula_of_the_book_lacks_its_assertion():
    for stem in pairs.chapters(ROOT):
        chapter = equations.read_chapter(
            ROOT / "notebooks" / f"{stem}.py", ROOT / "tests" / "equations" / f"{stem}.toml"
        )
        for label in set(chapter.labels) - set(chapter.unchecked):
            assert formula_pages.assertions(chapter.cells, label), (stem, label)
