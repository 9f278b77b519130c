"""Hostile submissions that are not answers: notebooks and folders that are not what was released.

Each function is handed the folder and a submission whose answer to "double" is wrong; it changes what it
likes and returns the notebook to write, or None if it has written something itself. What it is after stands
in the decorator: points, harm (no marks for itself, or for those who come after), secret (a file of the
instructor's is copied), time (the hour of handing in is believed), page (active content in a page).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Tampering:
    """A hostile notebook or folder."""

    name: str
    kind: str
    tries: str
    change: Callable[[Path, Notebook, Path], Notebook | None]
    wins: str


TAMPERINGS: dict[str, Tampering] = {}


def tampering(wins: str, kind: str = "tampering") -> Callable[..., Any]:
    """Add a function to the corpus; its docstring says what it tries."""

    def add(change: Any) -> Any:
        made = Tampering(change.__name__, kind, change.__doc__, change, wins)
        TAMPERINGS[made.name] = made
        return change

    return add


def _tests(notebook: Notebook) -> list[dict[str, Any]]:
    infos = [(cell, cell["metadata"].get("nbgrader", {})) for cell in notebook["cells"]]
    return [cell for cell, info in infos if info.get("grade") and not info.get("solution")]


def _essay(notebook: Notebook) -> dict[str, Any]:
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    return notebook["cells"][names.index("essay")]


@tampering("points")
def tests_not_to_be_run(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Tags the tests so that the program that runs a notebook leaves them out."""
    for cell in _tests(notebook):
        cell["metadata"]["tags"] = ["skip-execution"]
    return notebook


@tampering("points")
def local_numpy(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a numpy.py beside the notebook that agrees with everything."""
    (folder / "numpy.py").write_text(
        "class Yes:\n"
        "    def __getattr__(self, name): return Yes()\n"
        "    def __call__(self, *a, **k): return Yes()\n"
        "    __add__ = __sub__ = __mul__ = __rmul__ = __radd__ = __eq__ = __call__\n"
        "    def __iter__(self): return iter([3.0, 5.0])\n"
        "def __getattr__(name):\n"
        "    if name.startswith('__'): raise AttributeError(name)\n"
        "    return Yes()\n"
    )
    return notebook


@tampering("points")
def local_package(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a package course_utils beside the notebook, with assertions that do nothing."""
    (folder / "course_utils" / "grading").mkdir(parents=True)
    (folder / "course_utils" / "__init__.py").write_text("")
    (folder / "course_utils" / "grading" / "__init__.py").write_text("")
    (folder / "course_utils" / "grading" / "expect.py").write_text("def expect_close(*a, **k): pass\n")
    return notebook


@tampering("points")
def own_cell_first(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Adds a cell of its own that changes what is compared with."""
    cell = nbformat.v4.new_code_cell("import numpy\nnumpy.allclose = lambda *a, **k: True")
    notebook["cells"].insert(2, cell)
    return notebook


@tampering("points")
def linked_notebook(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in a symbolic link to what somebody else handed in."""
    (folder / "toy.ipynb").symlink_to(folder.parent.parent / "zz_neighbour" / "toy" / "toy.ipynb")


@tampering("harm")
def twice_the_same_cell(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Has a test twice under the same name."""
    notebook["cells"].append(_tests(notebook)[0])
    return notebook


@tampering("harm")
def tests_renamed(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Gives the tests other names."""
    for cell in _tests(notebook):
        cell["metadata"]["nbgrader"]["grade_id"] += "_"
    return notebook


@tampering("harm")
def more_points(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Says that its tests are worth a thousand points, and that there is one more."""
    for cell in _tests(notebook):
        cell["metadata"]["nbgrader"]["points"] = 1000
    more = nbformat.v4.new_code_cell("1000")
    more["metadata"]["nbgrader"] = {**_tests(notebook)[0]["metadata"]["nbgrader"], "grade_id": "bonus"}
    notebook["cells"].append(more)
    return notebook


@tampering("harm")
def no_test_names(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Takes the names out of the tests' metadata."""
    for cell in _tests(notebook):
        del cell["metadata"]["nbgrader"]["grade_id"]
    return notebook


@tampering("harm")
def wrong_types(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Has numbers and lists where text belongs."""
    notebook["cells"][0]["source"] = 5
    notebook["cells"][1]["metadata"] = []
    notebook["metadata"] = []
    return notebook


@tampering("harm")
def no_json(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in half of a file."""
    (folder / "toy.ipynb").write_text(json.dumps(notebook)[:-200])


@tampering("harm")
def deep_json(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Nests lists so deep that the reader runs out of stack."""
    deep = "[" * 100_000 + "]" * 100_000
    text = json.dumps(notebook).replace('"metadata"', f'"deep": {deep}, "metadata"', 1)
    (folder / "toy.ipynb").write_text(text)


@tampering("harm")
def other_encoding(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in a file in UTF-16."""
    (folder / "toy.ipynb").write_text(json.dumps(notebook), encoding="utf-16")


@tampering("harm")
def old_format(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in a notebook of format 3, which has no such cells."""
    cells = [{"cell_type": "code", "language": "python", "input": "1", "outputs": [], "metadata": {}}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "toy"}, "worksheets": [{"cells": cells}]}
    (folder / "toy.ipynb").write_text(json.dumps(old))


@tampering("harm")
def folder_for_a_notebook(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in a folder that is named like the notebook."""
    (folder / "toy.ipynb").mkdir()


@tampering("harm")
def pipe_beside(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a named pipe beside the notebook: whoever copies it waits for ever."""
    os.mkfifo(folder / "picture.png")
    return notebook


@tampering("harm")
def endless_notebook(folder: Path, notebook: Notebook, secret: Path) -> None:
    """Hands in a link to a file that never ends."""
    (folder / "toy.ipynb").symlink_to("/dev/zero")


@tampering("secret")
def linked_picture(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a symbolic link to a file of the instructor's beside the notebook, to be copied into feedback."""
    (folder / "picture.png").symlink_to(secret)
    return notebook


@tampering("time")
def early_timestamp(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a file beside the notebook that says that it was handed in long ago."""
    (folder / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
    return notebook


@tampering("page", "people")
def script_in_the_essay(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Writes a script, and a picture that runs one, into the written answer."""
    _essay(notebook)["source"] = "<script>course_attack()</script> <img src=x onerror='course_attack()'>"
    return notebook


@tampering("page", "people")
def link_in_the_essay(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Writes a link that runs a script into the written answer, in HTML and in Markdown."""
    html = '<a href="java&#115;cript:course_attack()">x</a>'
    _essay(notebook)["source"] = f"{html} [x](javascript:course_attack())"
    return notebook


@tampering("page", "people")
def frame_in_the_essay(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Puts a page of somebody else's over the whole page."""
    frame = '<iframe src="https://course-attack.example/" style="position:fixed;inset:0"></iframe>'
    _essay(notebook)["source"] = frame + '<meta http-equiv="refresh" content="0;url=//course-attack.example">'
    return notebook


@tampering("page", "people")
def style_in_the_essay(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Hides the marks with a style sheet and shows better ones."""
    _essay(notebook)["source"] = "<style>.course_attack, body { display: none }</style>"
    return notebook


@tampering("page", "people")
def picture_that_tells(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Loads a picture from elsewhere, which tells when and from where the work is looked at."""
    _essay(notebook)["source"] = "![](https://course-attack.example/seen.png)"
    return notebook


@tampering("page", "people")
def script_in_a_text(folder: Path, notebook: Notebook, secret: Path) -> Notebook:
    """Adds a text cell of its own with a script in an SVG picture."""
    text = "<svg><script>course_attack()</script></svg>"
    text += "<math><style><img title='</style><img src=x onerror=course_attack()>'>"
    notebook["cells"].append(nbformat.v4.new_markdown_cell(text))
    return notebook
