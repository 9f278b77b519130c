"""A student's notebook file as a list of cells: read leniently, with nothing in it believed."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.handed_in import RefusedError, shown

#: Pictures are kept as the text that came; whoever shows them must decode them.
PICTURES = ("image/png", "image/jpeg")


@dataclass
class LooseCell:
    """One cell as it was handed in.

    Attributes
    ----------
    kind : str
        ``"code"``, ``"markdown"`` or ``"raw"``.
    text : str
        Its source: no NUL, nothing that UTF-8 can't write.
    grade_id, id : str
        ``""`` where there is none.
    claims : dict
        The rest of its nbgrader metadata; good for comparing only.
    pictures : list of dict
        Kind of picture → base64 text, for each output that is one.
    attachments : dict
        Name → kind of picture → base64 text.
    """

    kind: str
    text: str
    grade_id: str = ""
    id: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    pictures: list[dict[str, str]] = field(default_factory=list)
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass
class LooseNotebook:
    """A notebook as it was handed in.

    Attributes
    ----------
    cells : list of LooseCell
        In order.
    language : str
        What its kernel speaks, in lower case; ``""`` where it does not say.
    oddities : list of str
        What is not as it should be, in plain sentences.
    """

    cells: list[LooseCell]
    language: str = ""
    oddities: list[str] = field(default_factory=list)


def read_loosely(content: bytes, most_cells: int, most_values: int) -> LooseNotebook:
    """Make sense of a notebook file.

    Parameters
    ----------
    content : bytes
        The file's.
    most_cells, most_values : int
        Cells, and values of any kind (numbers, texts, lists …), that it may hold.

    Returns
    -------
    LooseNotebook
        Only texts and pictures are taken over from the file.

    Raises
    ------
    RefusedError
        If it is no notebook, or too large.
    """
    oddities: list[str] = []
    text = _decoded(content, oddities)
    if sum(map(text.count, "[{,")) > most_values:
        raise RefusedError(f"the notebook holds more than {most_values:,} values; clear its outputs.")
    try:
        data = json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(f"the file is no notebook: it is not valid JSON ({where}).") from None
    except (RecursionError, MemoryError, ValueError):
        raise RefusedError("the file is no notebook: its values are nested too deeply or too long.") from None
    if not isinstance(data, dict):
        raise RefusedError("the file is JSON, but no notebook.")
    raw = _cells(data, oddities)
    if len(raw) > most_cells:
        raise RefusedError(f"the notebook has {len(raw):,} cells; at most {most_cells:,} are read.")
    cells = [cell for cell in map(_cell, raw) if cell is not None]
    if len(cells) < len(raw):
        oddities.append(f"{len(raw) - len(cells)} of its cells could not be read and were left out.")
    return LooseNotebook(cells, _language(_dict(data.get("metadata"))), oddities)


def _decoded(content: bytes, oddities: list[str]) -> str:
    """Decode UTF-8, or what the first bytes say; else byte by byte, which loses letters but no code."""
    marks = {
        codecs.BOM_UTF8: "utf-8-sig",
        codecs.BOM_UTF32_LE: "utf-32",
        codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
        odd = encoding not in ("utf-8", "utf-8-sig")
    except UnicodeDecodeError:
        text, odd, encoding = content.decode("latin-1"), True, "latin-1"
    if odd:
        oddities.append(f"The file is not UTF-8; it was read as {encoding.upper()}, so letters may be wrong.")
    return text


def _cells(data: dict[str, Any], oddities: list[str]) -> list[Any]:
    """Give the list of cells of format 4, or of format 3, where they lie in worksheets."""
    cells = data.get("cells")
    if not isinstance(cells, list):
        sheets = data.get("worksheets")
        lists = [_dict(sheet).get("cells") for sheet in sheets] if isinstance(sheets, list) else []
        if not lists:
            raise RefusedError("the file is JSON, but no notebook: it has no list of cells.")
        cells = [cell for part in lists if isinstance(part, list) for cell in part]
        oddities.append("The notebook is in the old format 3; its cells were taken over.")
    elif data.get("nbformat") != 4:
        oddities.append("The notebook does not say that its format is 4; it was read as if it did.")
    return cells


def _cell(raw: Any) -> LooseCell | None:
    if not isinstance(raw, dict):
        return None
    text = _text(raw["source"] if "source" in raw else raw.get("input"))
    if text is None:
        return None
    kind = raw.get("cell_type")
    claims = _dict(_dict(raw.get("metadata")).get("nbgrader"))
    outputs = raw.get("outputs")
    data = [_dict(_dict(output).get("data")) for output in outputs] if isinstance(outputs, list) else []
    attached = {name: _pictures(_dict(value)) for name, value in _dict(raw.get("attachments")).items()}
    return LooseCell(
        kind if kind in ("code", "markdown") else "raw",
        text,
        _word(claims.get("grade_id")),
        _word(raw.get("id")),
        claims,
        [found for found in map(_pictures, data) if found],
        {_harmless(name): found for name, found in attached.items() if found},
    )


def _text(source: Any) -> str | None:
    """Give a cell's text, which may be written as a list of lines; None if it is neither."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return _harmless(source) if isinstance(source, str) else None


def _harmless(text: str) -> str:
    """Replace what no file or database can hold: halves of surrogate pairs, and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "�")


def _pictures(data: dict[str, Any]) -> dict[str, str]:
    texts = {kind: _text(data.get(kind)) for kind in PICTURES}
    return {kind: text for kind, text in texts.items() if text and text.isascii()}


def _language(metadata: dict[str, Any]) -> str:
    named = _dict(metadata.get("kernelspec")).get("language")
    return shown(_word(named or _dict(metadata.get("language_info")).get("name"))).lower()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
