"""Flip the sign in each checked equation of a chapter: its check must notice.

A chapter that displays an equation and checks it with code says so in the cell that holds the ``assert``::

    # check: eq-softmax-jacobian
    assert np.allclose(jacobian(p), numerical, atol=1e-8)

and ``tests/equations/03_linear_classifiers.toml`` says how to break it::

    [[flip]]
    equation = "eq-softmax-jacobian"
    original = "np.diag(p) - np.outer(p, p)"
    flipped = "np.diag(p) + np.outer(p, p)"

    [unchecked]
    eq-empirical-risk = "a definition"

The test replaces `original`, which stands exactly once in the chapter's code, by `flipped`, runs the cells
that the check needs, and wants the check to raise ``AssertionError``. One equation may have several flips.
Every labelled equation of the chapter is either checked or stands under ``unchecked`` with the reason.

Only the cells that the check needs are run: those that assign, define or import a name that it reads,
directly or through others, or change it (``x[0] = 1``, ``x += 1``, ``x.append(1)`` on a line of its own).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.notebooks import names, pairs

_CHECK = re.compile(r"^# check: *(.+)$", re.MULTILINE)
_LABEL = re.compile(r"\$\$\s*\((eq-[\w-]+)\)|^:label: *(eq-[\w-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Flip:
    """One change of a sign that a check has to notice.

    Parameters
    ----------
    equation : str
        Label of the equation, e.g. ``"eq-hinge"``.
    original, flipped : str
        Code that states the equation, and the same with a sign flipped.
    """

    equation: str
    original: str
    flipped: str


@dataclass(frozen=True)
class Chapter:
    """A chapter's code, its labelled equations and the flips that belong to them.

    Parameters
    ----------
    cells : list of str
        Source of the code cells.
    labels : list of str
        Labels of the displayed equations, in order.
    flips : list of Flip
        From the TOML file.
    unchecked : dict of str to str
        Equations that no code checks, with the reason.
    """

    cells: list[str]
    labels: list[str]
    flips: list[Flip]
    unchecked: dict[str, str]


def read_chapter(script: Path, flips: Path) -> Chapter:
    """Read a chapter's percent script and its list of flips (empty where there is no such file)."""
    notebook = pairs.read_script(script)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    listed = tomllib.loads(flips.read_text(encoding="utf-8")) if flips.is_file() else {}
    return Chapter(
        cells=[cell.source for cell in pairs.code_cells(notebook)],
        labels=[first or second for first, second in _LABEL.findall(text)],
        flips=[Flip(**entry) for entry in listed.get("flip", [])],
        unchecked=listed.get("unchecked", {}),
    )


def gaps(chapter: Chapter) -> list[str]:
    """Say which equations have neither a check nor a reason, and which entries fit nothing."""
    checked = {name for cell in chapter.cells for name in _checks(cell)}
    flipped = {flip.equation for flip in chapter.flips}
    loose = set(chapter.labels) - checked - set(chapter.unchecked)
    found = [f"{name}: displayed, but neither checked nor listed as unchecked" for name in sorted(loose)]
    found += [f"{name}: checked, but no flip is listed" for name in sorted(checked - flipped)]
    found += [f"{name}: listed, but no cell says `# check: {name}`" for name in sorted(flipped - checked)]
    found += [
        f"{name}: no such equation in the chapter"
        for name in sorted(set(chapter.unchecked) - set(chapter.labels))
    ]
    found += [f"{name}: no reason given" for name, why in chapter.unchecked.items() if not why.strip()]
    return found


def problem(chapter: Chapter, flip: Flip, folder: Path) -> str | None:
    """Apply one flip and see whether the check notices.

    Parameters
    ----------
    chapter : Chapter
        See `read_chapter`.
    flip : Flip
        One of its flips.
    folder : Path
        Where the code runs: ``notebooks/``.

    Returns
    -------
    str or None
        What is wrong; None where the check passes as it stands and fails when flipped.
    """
    where = [i for i, cell in enumerate(chapter.cells) if flip.original in cell]
    if len(where) != 1 or chapter.cells[where[0]].count(flip.original) != 1:
        return f"{flip.equation}: {flip.original!r} has to stand exactly once in the chapter's code"
    check = next((i for i, cell in enumerate(chapter.cells) if flip.equation in _checks(cell)), None)
    if check is None or check < where[0]:
        return f"{flip.equation}: no check at or after the code that is flipped"
    needed = needed_cells(chapter.cells, check)
    if where[0] not in needed:
        return f"{flip.equation}: its check does not use {flip.original!r}"
    error = _run_once(tuple(chapter.cells[i] for i in needed), folder)
    if error is not None:
        return f"{flip.equation}: fails unflipped: {error!r}"
    changed = chapter.cells[where[0]].replace(flip.original, flip.flipped)
    error = _run([changed if i == where[0] else chapter.cells[i] for i in needed], folder)
    if error is None:
        return f"{flip.equation}: its check does not notice {flip.flipped!r}"
    if not isinstance(error, AssertionError):
        return f"{flip.equation}: {flip.flipped!r} ends in {error!r}, not in a failed assertion"
    return None


def needed_cells(cells: list[str], last: int) -> list[int]:
    """Positions of the cells that cell `last` needs, itself included, in order."""
    trees = [ast.parse(_plain(cell)) for cell in cells[: last + 1]]
    imported = set().union(*map(_imported, trees))
    wanted: set[str] = set()
    needed = []
    for i in range(last, -1, -1):
        # `plt.show()` changes nothing that a check could need, `history.append(1)` does.
        if i == last or (_bound(trees[i]) | _called(trees[i]) - imported) & wanted:
            needed.append(i)
            wanted |= names.reads(trees[i])
    return needed[::-1]


def _checks(cell: str) -> list[str]:
    return [name.strip() for line in _CHECK.findall(cell) for name in line.split(",")]


def _plain(cell: str) -> str:
    """Drop IPython's magics."""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in cell.splitlines())


def _outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk over a cell, but not into functions and classes."""
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            queue.extend(ast.iter_child_nodes(node))


def _imported(tree: ast.Module) -> set[str]:
    nodes = (node for node in _outside_functions(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {(alias.asname or alias.name).split(".")[0] for node in nodes for alias in node.names}


def _bound(tree: ast.Module) -> set[str]:
    """Names that a cell imports, defines, assigns, or assigns a part of."""
    names = _imported(tree)
    for node in _outside_functions(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= _base(node)
    return names


def _called(tree: ast.Module) -> set[str]:
    """Names of objects whose methods are called as statements of their own."""
    calls = (node.value for node in _outside_functions(tree) if isinstance(node, ast.Expr))
    return set().union(*(_base(call.func) for call in calls if isinstance(call, ast.Call)))


def _base(node: ast.AST) -> set[str]:
    """Name of the object behind ``a.b[c].d``; nothing for a plain name that is only called."""
    inner = node
    while isinstance(inner, ast.Subscript | ast.Attribute):
        inner = inner.value
    return {inner.id} if isinstance(inner, ast.Name) and inner is not node else set()


def _run(cells: Sequence[str], folder: Path) -> BaseException | None:
    """Run cells in a fresh namespace and return what they raise."""
    import matplotlib.pyplot as plt

    namespace = {"__name__": "__main__", "display": lambda *things, **options: None}
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), plt.rc_context():
            for cell in cells:
                exec(compile(_plain(cell), "<code cell>", "exec"), namespace)
    except Exception as error:
        return error
    finally:
        plt.close("all")
        os.chdir(before)
    return None


#: Several flips of one check need its unflipped run once.
_run_once = functools.lru_cache(maxsize=64)(_run)
