"""The small assignment that the corpus attacks: weakly written tests, one honest exercise beside them."""

import dataclasses
import textwrap

import nbformat
from grading_toys import DOUBLE, SETUP, TWICE, WEAK, hidden, notebook

from course_utils.grading.plan import make_plan

SECRET = "canary-" + "5b0f3c9a7d"
#: What a hidden test has in it: an input, and a comment that is nowhere else.
INPUT, MARK = "271828", "hidden-mark-" + "31415926"

MORE = {
    "double_import": """
        from numpy.testing import assert_array_equal
        assert_array_equal(double(DATA), [2.0, 4.0, 6.0])
    """,
    "double_statistics": "from statistics import fmean\nassert fmean([double(5), double(7)]) == 12",
    "double_random": """
        x = np.random.default_rng(5).normal(size=4)
        assert np.allclose(double(x), x + x)
    """,
    "double_want": "want = np.array([20.0, 40.0, 60.0])\nassert np.array_equal(double(DATA * 10), want)",
    "double_told": f"# {MARK}\nassert abs(double({INPUT}.0) - 543656.0) < 1e-9",
    "double_set": "assert double(3) in {6, 6.5}\nassert len({8, double(4)}) == 1",
    "double_share": "right = [double(n) == n + n for n in range(1, 5)]\nsum(right) / 4",
}

COURSE = notebook(
    ("setup", "setup", SETUP, 0),
    ("double_answer", "answer", f"### BEGIN SOLUTION\n{DOUBLE}\n### END SOLUTION", 0),
    *[(name, "test", hidden(textwrap.dedent(text).strip()), 1) for name, text in (WEAK | MORE).items()],
    ("twice_answer", "answer", f"### BEGIN SOLUTION\n{TWICE}\n### END SOLUTION", 0),
    ("twice_test", "test", "assert twice(lambda x: x + 3, 1) == 7\nassert twice(np.sqrt, 16.0) == 2.0", 5),
)
_essay = nbformat.v4.new_markdown_cell("### MARK SCHEME\nAny two reasons.")
_essay.id = "essay"
_essay.metadata["nbgrader"] = {
    "grade_id": "essay",
    "grade": True,
    "solution": True,
    "locked": False,
    "points": 3,
    "schema_version": 3,
    "task": False,
}
COURSE.cells.append(_essay)

PLAN = make_plan(COURSE)
HONEST = dict(PLAN.reference.answers)
#: Points that the exercise "double" is worth, and the rest that is marked here.
DOUBLES, OTHERS = len(WEAK | MORE), 5


#: The same with one test, which runs beside the answers.
BESIDE = make_plan(
    notebook(
        ("setup", "setup", SETUP, 0),
        ("double_answer", "answer", DOUBLE, 0),
        (
            "double_beside",
            "test",
            "assert np.allclose(double(DATA), DATA + DATA)",
            1,
            {"course": {"runs": "beside"}},
        ),
        ("twice_answer", "answer", TWICE, 0),
        ("twice_test", "test", "assert twice(lambda x: x + 3, 1) == 7", 5),
    )
)


def with_tests(*names):
    """Give the plan with some tests only, for attacks that need no more and take long."""
    steps = [step for step in PLAN.steps if step.kind != "test" or step.name in (*names, "twice_test")]
    return dataclasses.replace(PLAN, steps=steps)


SHORT = with_tests("double_equal", "double_allclose")
SHORTEST = with_tests("double_equal")
