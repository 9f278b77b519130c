"""Put a student's answers and own cells into the instructor's notebook.

Which cells there are, their order, kinds, points and tests come from the instructor's notebook. A cell of the
student's is recognised by its grade_id, else by its id, else by its text.

Where a student has an answer's cell more than once (Jupyter copies the metadata with a cell), the last one
that is not as it was released is the answer, as nbgrader has it; the others run as cells of the student's
own, in their places, as they do in the student's notebook. Copies of other cells run so too where they were
changed. Nothing is gained by it: whatever runs is the student's code.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from course_utils.grading.loose_notebook import LooseCell, LooseNotebook
from course_utils.grading.released import Given, released_cells


@dataclass
class Filled:
    """The instructor's notebook with a student's cells in it.

    Attributes
    ----------
    notebook : NotebookNode
        Cells of the student's own have the ids ``student-1`` and so on.
    repairs : list of str
        What was changed besides the answers, in plain sentences.
    missing : list of str
        grade_ids of answers that are not there.
    """

    notebook: NotebookNode
    repairs: list[str]
    missing: list[str]


def fill(
    source: NotebookNode,
    loose: LooseNotebook,
    longest: int,
    pictures: int,
    given: list[Given] | None = None,
) -> Filled:
    """Put a student's cells in.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook, which stays as it is.
    loose : LooseNotebook
        The student's.
    longest : int
        Characters that a cell may have; longer ones are left out.
    pictures : int
        Pictures of one cell that are kept.
    given : list of Given, optional
        The cells as they were released; worked out if omitted.

    Returns
    -------
    Filled
        With nbgrader's checksums of the released cells.
    """
    given = given or released_cells(source)
    repairs = list(loose.oddities)
    if loose.language not in ("", "python"):
        repairs.append(f"The notebook was saved for {loose.language}; it was graded as Python.")
    cells = [cell for cell in loose.cells if len(cell.text) <= longest]
    if len(cells) < len(loose.cells):
        repairs.append(f"{len(loose.cells) - len(cells)} cells of more than {longest:,} characters left out.")
    places = _places(cells, source, given)
    chosen = _chosen(cells, places, source, given)
    own: dict[int, list[LooseCell]] = {}
    order = [-1]
    for cell, place in zip(cells, places, strict=True):
        if place is not None and chosen[place] is cell:
            order.append(place)
            if not _grade_id(source.cells[place]) and not _same(cell, given[place]):
                own.setdefault(place, []).append(cell)  # a demonstration, changed: both run
        elif place is None or not _same(cell, given[place]):
            own.setdefault(order[-1], []).append(cell)
    if order != sorted(order):
        repairs.append("Cells stand in another order; they were graded in the assignment's.")
    twice = sorted({_name(source.cells[p]) for p in places if p is not None and places.count(p) > 1})
    if twice:
        repairs.append(f"Cells that are there more than once: {_listed(twice)}.")
    repairs += _differences(source, given, chosen)
    notebook = copy.deepcopy(source)
    notebook.cells, missing = [], []
    for place in range(-1, len(source.cells)):
        if place >= 0:
            notebook.cells.append(_filled(source.cells[place], given[place], chosen.get(place), pictures))
            if is_answer(source.cells[place]) and place not in chosen:
                missing.append(_name(source.cells[place]))
        notebook.cells += [_own(cell, pictures) for cell in own.get(place, [])]
    _number(notebook, source)
    return Filled(notebook, repairs, missing)


def is_answer(cell: NotebookNode) -> bool:
    """Say whether a cell of the instructor's is for the student to fill in."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _places(cells: list[LooseCell], source: NotebookNode, given: list[Given]) -> list[int | None]:
    """Say which of the instructor's cells each of the student's is; None if it is the student's own."""
    by_grade_id = {_grade_id(cell): place for place, cell in enumerate(source.cells) if _grade_id(cell)}
    by_id = {cell.get("id"): place for place, cell in enumerate(source.cells) if cell.get("id")}
    by_text = {g.text.strip(): place for place, g in enumerate(given) if g.text.strip()}
    places = [by_grade_id.get(cell.grade_id, by_id.get(cell.id)) for cell in cells]
    taken = set(places)
    for position, cell in enumerate(cells):
        place = by_text.get(cell.text.strip())
        if places[position] is None and place is not None and place not in taken:
            places[position] = place
            taken.add(place)
    return places


def _chosen(
    cells: list[LooseCell], places: list[int | None], source: NotebookNode, given: list[Given]
) -> dict[int, LooseCell]:
    """Of several cells for one place choose the last changed answer, or the last unchanged other cell."""

    def fits(cell: LooseCell, place: int) -> bool:
        return _same(cell, given[place]) != is_answer(source.cells[place])

    chosen: dict[int, LooseCell] = {}
    for cell, place in zip(cells, places, strict=True):
        if place is None:
            continue
        if place not in chosen or fits(cell, place) or not fits(chosen[place], place):
            chosen[place] = cell
    return chosen


def _differences(source: NotebookNode, given: list[Given], chosen: dict[int, LooseCell]) -> list[str]:
    """Say what was changed that is not a student's to change."""
    found: dict[str, list[str]] = {}
    for place, original in enumerate(source.cells):
        info, mine, name = original.metadata.get("nbgrader", {}), chosen.get(place), _grade_id(original)
        if not name:
            continue
        if mine is None:
            what = "Missing answers" if is_answer(original) else "Missing cells, put back"
            found.setdefault(what, []).append(name)
            continue
        if not is_answer(original) and not _same(mine, given[place]):
            found.setdefault("Changed cells, put back as they were", []).append(name)
        if mine.kind != original.cell_type:
            found.setdefault(f"Cells turned into another kind, read as {original.cell_type}", []).append(name)
        keys = ("points", "grade", "solution", "locked")
        if mine.grade_id != name or any(mine.claims.get(key, info.get(key)) != info.get(key) for key in keys):
            found.setdefault("Changed grading information, put back", []).append(name)
    return [f"{what}: {_listed(names)}." for what, names in found.items()]


def _filled(original: NotebookNode, given: Given, mine: LooseCell | None, pictures: int) -> NotebookNode:
    """Make one of the instructor's cells, an answer with the student's text."""
    made = copy.deepcopy(original)
    if given.checksum:
        made.metadata.nbgrader["checksum"] = given.checksum
    if is_answer(original):
        comment = "# " if made.cell_type == "code" else ""
        made.source = mine.text if mine else f"{comment}This cell was missing from what was handed in."
        _show_pictures(made, mine, pictures)
    return made


def _own(cell: LooseCell, pictures: int) -> NotebookNode:
    """Make a cell of the student's own."""
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }
    made = make[cell.kind](cell.text)
    made.id = ""
    _show_pictures(made, cell, pictures)
    return made


def _show_pictures(made: NotebookNode, cell: LooseCell | None, most: int) -> None:
    """Put pictures that were handed in where Jupyter keeps them."""
    if made.cell_type == "code":
        found = cell.pictures[:most] if cell else []
        made.execution_count = None
        made.outputs = [nbformat.v4.new_output("display_data", picture) for picture in found]
    elif cell and cell.attachments:
        made.attachments = nbformat.from_dict(dict(list(cell.attachments.items())[:most]))


def _number(notebook: NotebookNode, source: NotebookNode) -> None:
    """Give the student's own cells ids: the same on every run, and none of the instructor's."""
    theirs = {cell.get("id") for cell in source.cells} | set(map(_grade_id, source.cells))
    ids = (made for n in range(1, 10**6) if (made := f"student-{n}") not in theirs)
    for cell in notebook.cells:
        if cell.get("id") == "":
            cell.id = next(ids)


def _grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or "")


def _name(cell: NotebookNode) -> str:
    return _grade_id(cell) or str(cell.get("id") or "")


def _same(cell: LooseCell, given: Given) -> bool:
    """Compare with what was released, but for blanks at the ends of lines, which editors trim."""
    mine, theirs = ([line.rstrip() for line in text.strip().splitlines()] for text in (cell.text, given.text))
    return mine == theirs


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
