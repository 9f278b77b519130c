"""The page of checked formulas, written from the chapters and their lists of flips.

For every displayed equation with a label the page says which assertions check it and which flips of a sign
were seen to make them fail, or why there is nothing to check (`course_utils.notebooks.equations`).
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_utils.notebooks.equations import Chapter


def checked_formulas(root: Path) -> str:
    """Write one section per chapter as Markdown.

    Parameters
    ----------
    root : Path
        The course's folder. The lists of flips are missing in the students' edition; the page then shows
        the checks alone.

    Returns
    -------
    str
        Markdown: per chapter a heading and a table of its displayed equations.
    """
    from course_utils.notebooks import equations, pairs

    parts = []
    for stem in pairs.chapters(root):
        script = root / "notebooks" / f"{stem}.py"
        chapter = equations.read_chapter(script, root / "tests" / "equations" / f"{stem}.toml")
        if chapter.labels:
            parts.append(_section(stem, chapter))
    return "\n".join(parts)


def _section(stem: str, chapter: Chapter) -> str:
    """Write the section of one chapter."""
    shown = [label for label in chapter.labels if label not in chapter.unchecked]
    lines = [
        f"## [Chapter {int(stem[:2])}](../notebooks/{stem}.ipynb)",
        "",
        ":::{div} table-scroll",
        "| formula | checked by | flips of a sign that were noticed |",
        "| :-- | :-- | :-- |",
    ]
    for label in shown:
        flips = [f"{_code(f.original)} → {_code(f.flipped)}" for f in chapter.flips if f.equation == label]
        checks = [_code(text) for text in assertions(chapter.cells, label)]
        lines.append(f"| {{eq}}`{label}` | {'<br>'.join(checks)} | {'<br>'.join(flips)} |")
    lines += [":::", ""]
    if chapter.unchecked:
        lines += ["Nothing to check:", ""]
        lines += [f"- {{eq}}`{label}`: {_plain(reason)}" for label, reason in chapter.unchecked.items()]
    return "\n".join([*lines, ""])


def assertions(cells: list[str], label: str) -> list[str]:
    """Find what a chapter asserts about an equation.

    Parameters
    ----------
    cells : list of str
        Source of the chapter's code cells.
    label : str
        Label of the equation.

    Returns
    -------
    list of str
        The assertions between the comment that names the equation and the next such comment or the end of
        the cell, each on one line; calls of ``check_…`` or ``gradcheck`` where these assert.
    """
    for cell in cells:
        lines = cell.splitlines()
        starts = [n for n, line in enumerate(lines, 1) if line.startswith("# check:")]
        for start, end in itertools.pairwise([*starts, len(lines) + 1]):
            if re.search(rf"{re.escape(label)}(?![\w-])", lines[start - 1]):
                nodes = sorted(ast.walk(ast.parse(cell)), key=lambda node: getattr(node, "lineno", 0))
                nodes = [node for node in nodes if start < getattr(node, "lineno", 0) < end]
                return [ast.unparse(node.test) for node in nodes if isinstance(node, ast.Assert)] or [
                    ast.unparse(node) for node in nodes if isinstance(node, ast.Call) and _checks(node)
                ]
    return []


def _checks(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and "check" in call.func.id


def _code(text: str) -> str:
    """Write code for a cell of a Markdown table."""
    plain = " ".join(text.split()).replace("|", r"\|")
    fence = "``" if "`" in plain else "`"
    return f"{fence}{plain}{fence}" if plain else ""


def _plain(text: str) -> str:
    return " ".join(text.split())
