"""A small assignment with weakly written tests, and helpers to have answers to it marked."""

import textwrap

import nbformat

from course_utils.grading.channel import start_unconfined
from course_utils.grading.judge import Allowance, grade, rehearse
from course_utils.grading.plan import Submission, make_plan

QUICK = Allowance(cell=15.0, total=120.0)


def notebook(*cells):
    """Make a source notebook of (grade_id, kind, source, points) and optional further metadata."""
    made = nbformat.v4.new_notebook()
    for name, kind, source, points, *more in cells:
        cell = nbformat.v4.new_code_cell(textwrap.dedent(source).strip())
        cell.id = name
        cell.metadata["nbgrader"] = {
            "grade_id": name,
            "grade": kind == "test",
            "solution": kind == "answer",
            "locked": kind != "answer",
            "points": points,
            "schema_version": 3,
            "task": False,
        }
        cell.metadata.update(*more)
        made.cells.append(cell)
    return made


def hidden(source):
    """Mark a test cell's text as hidden."""
    return f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"


SETUP = """
import numpy as np
from course_utils.grading.expect import expect_close
DATA = np.array([1.0, 2.0, 3.0])
"""

DOUBLE = """
def double(x):
    return x * 2
"""

COUNTER = """
class Counter:
    def __init__(self, start=0):
        self.count, self.steps = start, []
    def add(self, step=1):
        self.count += step
        self.steps.append(step)
        return self
    def __len__(self):
        return len(self.steps)
    def __iter__(self):
        return iter(self.steps)
    def __getitem__(self, place):
        return self.steps[place]
    def __enter__(self):
        return self
    def __exit__(self, *about):
        self.count = 0
"""

TWICE = """
def twice(f, x):
    return f(f(x))
"""

#: Each of these weakly written cells is worth a point, and must not be won by anything but doubling.
WEAK = {
    "double_equal": "assert double(3) == 6\nassert double(4) == 8",
    "double_not_unequal": "assert not (double(3) != 6)\nassert not (double(5) != 10)",
    "double_difference": "assert abs(double(3) - 6) < 1e-9\nassert abs(8 - double(4)) < 1e-9",
    "double_order": "assert 5.9 < double(3) < 6.1\nassert 7.9 <= double(4) <= 8.1",
    "double_in": "assert double(3) in (6, 6.0)\nassert double(4) in [8]",
    "double_arrays": "assert (double(DATA) == np.array([2.0, 4.0, 6.0])).all()",
    "double_allclose": "assert np.allclose(double(DATA * 3), [6.0, 12.0, 18.0])",
    "double_testing": "np.testing.assert_allclose(double(DATA + 1), [4.0, 6.0, 8.0])",
    "double_expect": "expect_close(double(DATA - 1), np.array([0.0, 2.0, 4.0]), 'double')",
    "double_same_array": "A = DATA + 5\nassert np.allclose(double(A), 2 * A)",
    "double_loop": "for got, want in zip(map(double, [1, 2]), [2, 4]):\n    assert got == want",
    "double_all": "assert all(double(n) == n + n for n in range(3, 6))",
    "double_method": "assert double(DATA).max() == 6.0\nassert double(DATA).tolist() == [2.0, 4.0, 6.0]",
    "double_text": "assert f'{double(3.0):.3f}' == '6.000'\nassert str(double(4)) == '8'",
    "double_unpack": "a, b = double(np.array([1.5, 2.5]))\nassert a == 3.0 and b == 5.0",
}

TOY = notebook(
    ("setup", "setup", SETUP, 0),
    ("double_answer", "answer", DOUBLE, 0),
    *[(name, "test", hidden(source), 1) for name, source in WEAK.items()],
    ("counter_answer", "answer", COUNTER, 0),
    (
        "counter_test",
        "test",
        """
        counter = Counter(5)
        assert counter.add(2).add(3).count == 10
        assert len(counter) == 2 and list(counter) == [2, 3] and counter[1] == 3
        assert isinstance(counter, Counter)
        with Counter(1) as other:
            assert other.count == 1
        assert other.count == 0
        """,
        5,
    ),
    ("twice_answer", "answer", TWICE, 0),
    ("twice_test", "test", "assert twice(lambda x: x + 3, 1) == 7\nassert twice(np.sqrt, 16.0) == 2.0", 5),
)
PLAN = make_plan(TOY)
_PROFILE = []


def profile():
    """Give what the toy's own answers gave; they run once."""
    if not _PROFILE:
        _PROFILE.append(rehearse(PLAN, start_unconfined, QUICK))
    return _PROFILE[0]


def marked(allowance=QUICK, **answers):
    """Have answers to the toy marked; what is not given is the toy's own."""
    given = dict(PLAN.reference.answers)
    given |= {f"{name}_answer": textwrap.dedent(source) for name, source in answers.items()}
    return grade(PLAN, Submission(given), start_unconfined, profile(), allowance)


def exercise(verdict, name):
    """Add up the points of one exercise."""
    return sum(points for cell, points in verdict.points.items() if cell.startswith(name))
