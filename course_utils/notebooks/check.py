"""What is wrong with a committed notebook: stale, tampered with, or different on the next machine."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from nbformat import NotebookNode

from course_utils.notebooks import fingerprint, pairs, sanitise

#: A notebook's widgets may take this many bytes in its file; they travel with every page and every clone.
WIDGET_BUDGET = 2_500_000


def problems(root: Path, stem: str) -> list[str]:
    """Find what is wrong with one chapter's pair, without executing anything.

    Parameters
    ----------
    root : Path
        The course's folder.
    stem : str
        The chapter's file stem, e.g. ``"02_nearest_neighbours"``.

    Returns
    -------
    list of str
        One line a finding; empty where the notebook shows what its sources give.

    Raises
    ------
    FileNotFoundError
        If there is no such script.
    """
    script_path = root / "notebooks" / f"{stem}.py"
    path = script_path.with_suffix(".ipynb")
    if not script_path.is_file():
        raise FileNotFoundError(f"there is no chapter {stem}: {script_path} does not exist")
    if not path.is_file():
        return ["has not been executed yet: there is no notebook"]
    notebook = pairs.read_notebook(path)
    course = notebook.metadata.get("course", {})
    now = fingerprint.fingerprint(root, script_path, course.get("files", ()))
    found = fingerprint.differences(course, now)
    found += pairs.pair_differences(pairs.read_script(script_path), notebook)
    found += _id_problems(notebook) + _count_problems(notebook) + _output_problems(notebook)
    found += _widget_problems(notebook, stem)
    if course.get("outputs") != fingerprint.outputs_hash(notebook):
        found.append(
            "outputs differ from those that were recorded: they were changed by hand or by another program"
        )
    return found


def _id_problems(notebook: NotebookNode) -> list[str]:
    wanted = pairs.expected_ids(notebook)
    found = [
        f"cell {position}: id is {cell.get('id')!r}, wanted {want!r}"
        for position, (cell, want) in enumerate(zip(notebook.cells, wanted, strict=True))
        if cell.get("id") != want
    ]
    if len(set(wanted)) < len(wanted):
        found.append("two cells have the same grade_id")
    return found


def _count_problems(notebook: NotebookNode) -> list[str]:
    counts = [cell.get("execution_count") for cell in pairs.code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        return [f"execution counts are {counts}; wanted 1 to {len(counts)} in order"]
    return []


def _output_problems(notebook: NotebookNode) -> list[str]:
    cells = pairs.code_cells(notebook)
    if not any(cell.outputs for cell in cells):
        return ["no cell has any output"]
    found = []
    for cell in cells:
        where = f"cell {notebook.cells.index(cell)}"
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"{where}: shows an error ({output.ename})")
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"{where}: writes to stderr")
            for text in _texts(output):
                if sanitise.clean_text(text) != text:
                    found.append(f"{where}: output holds an address or a private path")
                if "\\x89PNG" in text or "data:image" in text:
                    found.append(
                        f"{where}: text output holds a picture's bytes, which differ between machines"
                    )
    return found


def _texts(output: NotebookNode) -> list[str]:
    if output.output_type == "stream":
        return [output.text]
    data = output.get("data", {})
    return [text for kind, text in data.items() if kind.startswith("text/") and isinstance(text, str)]


def _widget_problems(notebook: NotebookNode, stem: str) -> list[str]:
    state = sanitise.widget_state(notebook)
    found = []
    if missing := [identity for identity in sanitise.shown_widgets(notebook) if identity not in state]:
        found.append(f"{len(missing)} shown widgets have no saved state: the page could not draw them")
    again = copy.deepcopy(notebook)
    sanitise.renumber_widgets(again, stem)
    if sanitise.widget_state(again).keys() != state.keys():
        found.append("widget ids are not the ones that follow from their order")
    weight = len(json.dumps(state))
    if weight > WIDGET_BUDGET:
        found.append(
            f"widgets weigh {weight:,} bytes, more than {WIDGET_BUDGET:,}; use fewer or smaller frames"
        )
    return found
