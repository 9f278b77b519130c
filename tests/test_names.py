"""Which names a cell takes from other cells."""

import ast

import pytest

from course_utils.notebooks.names import reads


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("def f(x):\n    y = x + z\n    return y", {"z"}),  # what is local to a function doesn't count
        ("def g():\n    global w\n    w = w + 1", {"w"}),
        ("f = lambda p, q=r: p + q + s", {"r", "s"}),
        ("f = lambda x=x: x", {"x"}),
        ("def f(n):\n    return f(n - 1)", {"f"}),
        ("q = [u * v for u in t if u]", {"t", "v"}),
        ("q = [u for u in u]", {"u"}),
        ("for a in b:\n    c = a + d", {"b", "d"}),
        ("a = 1\na = a + b", {"b"}),
        ("a = a + 1", {"a"}),
        ("x += 1", {"x"}),
        ("x = 1\nx += y", {"y"}),
        ("x[0] = y", {"x", "y"}),
        ("if a:\n    b = 1\nc = b", {"a", "b"}),  # assigned in one branch only
        ("with o(f) as g:\n    g.k(h)", {"o", "f", "h"}),
    ],
)
def test_names_that_a_cell_reads(source, wanted):
    assert reads(ast.parse(source)) == wanted
