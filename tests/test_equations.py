"""Flipped signs in the equations of a small chapter."""

import pytest

from course_utils.notebooks import equations

EQUATIONS = """# %% [markdown]
# $$ f(x) = x^2 - 1 $$ (eq-f)
#
# ```{math}
# :label: eq-g
# g(x) = 2x
# ```
#
# $$ R = E[L] $$ (eq-risk)

# %%
import math
calls = []

# %%
raise RuntimeError("nothing needs this cell")

# %%
def f(x):
    return x * x - 1

# %%
%matplotlib inline
scale = {}
scale["two"] = 2.0
calls.append(1)
math.floor(0.5)

# %%
g = lambda x: +scale["two"] * x

# %%
step = 1e-5

# %%
# check: eq-f, eq-g
assert math.isclose((f(3 + step) - f(3 - step)) / (2 * step), g(3), rel_tol=1e-6)
assert f(1) == 0 and calls

# %%
h = 3
"""


@pytest.fixture
def chapter(tmp_path):
    """Give a function that reads the chapter above with some flips."""
    script, flips = tmp_path / "01_eq.py", tmp_path / "01_eq.toml"
    script.write_text(EQUATIONS)

    def read(text):
        flips.write_text(text)
        return equations.read_chapter(script, flips)

    return read


FLIP = '[[flip]]\nequation = "{}"\noriginal = "{}"\nflipped = "{}"\n'
UNCHECKED = '[unchecked]\neq-risk = "a definition"\n'


def test_flipped_signs_are_noticed(chapter, tmp_path):
    text = FLIP.format("eq-f", "x * x - 1", "x * x + 1") + FLIP.format("eq-g", "+scale", "-scale") + UNCHECKED
    read = chapter(text)
    assert equations.gaps(read) == []
    assert [equations.problem(read, flip, tmp_path) for flip in read.flips] == [None, None]
    assert equations.needed_cells(read.cells, 6) == [0, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("flip", "message"),
    [
        (("eq-f", "x * x - 1", "x * x - 1.0"), "does not notice 'x * x - 1.0'"),
        (("eq-f", "x * x - 1", "x * y - 1"), "not in a failed assertion"),
        (("eq-f", "x * x + 7", "x"), "has to stand exactly once"),
        (("eq-f", "1e-5", "-1e-5"), "does not notice"),
        (("eq-f", "h = 3", "h = -3"), "no check at or after"),
        (("eq-risk", "step = 1e-5", "step = 0"), "no check at or after"),
        (("eq-f", "nothing needs", "something needs"), "does not use"),
    ],
)
def test_flips_that_prove_nothing_are_found(chapter, tmp_path, flip, message):
    read = chapter(FLIP.format(*flip))
    assert message in equations.problem(read, read.flips[0], tmp_path)


def test_a_check_that_fails_as_it_stands_is_found(chapter, tmp_path):
    read = chapter(FLIP.format("eq-f", "x * x - 1", "x * x + 1"))
    broken = equations.Chapter([*read.cells[:4], "g = None", *read.cells[5:]], read.labels, read.flips, {})
    assert "fails unflipped: TypeError" in equations.problem(broken, read.flips[0], tmp_path)


def test_equations_without_check_or_reason_are_found(chapter):
    text = FLIP.format("eq-f", "a", "b") + FLIP.format("eq-h", "a", "b") + '[unchecked]\neq-none = " "\n'
    assert equations.gaps(chapter(text)) == [
        "eq-risk: displayed, but neither checked nor listed as unchecked",
        "eq-g: checked, but no flip is listed",
        "eq-h: listed, but no cell says `# check: eq-h`",
        "eq-none: no such equation in the chapter",
        "eq-none: no reason given",
    ]


def test_chapter_without_a_list_has_no_flips(tmp_path):
    (tmp_path / "01_eq.py").write_text(EQUATIONS)
    read = equations.read_chapter(tmp_path / "01_eq.py", tmp_path / "none.toml")
    assert read.flips == []
    assert sorted(read.labels) == ["eq-f", "eq-g", "eq-risk"]
