"""Let ``nbgrader autograde`` mark as ``course grade`` does; ``nbgrader_config.py`` calls `install`.

Preprocessors and exporter are settings of nbgrader's. What has no setting is that it copies all files of a
submission, following links and waiting for pipes, and opens ``timestamp.txt`` in that way: for that its
``Autograde`` is replaced by a subclass.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import nbgrader.converters
from nbgrader.converters import BaseConverter, NbGraderException
from nbgrader.converters.autograde import Autograde as StockAutograde

from course_utils.grading.handed_in import MissingError, RefusedError, beside, read_regular, shown
from course_utils.grading.intake import TIMESTAMP, parse_timestamp

_HERE = "course_utils.grading.nbgrader_preprocessors"


class _OnlyTheTime(BaseConverter):
    """Between nbgrader's ``Autograde`` and its base: of a submission's other files copy only the time."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy ``timestamp.txt`` if there is one."""
        try:
            content = read_regular(Path(self._format_source(assignment_id, student_id)), TIMESTAMP, 100)
        except RefusedError:
            return
        target = Path(self._format_dest(assignment_id, student_id)) / TIMESTAMP
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content)


class Autograde(StockAutograde, _OnlyTheTime):
    """nbgrader's, but that nothing of a submission is opened that is not a regular file."""

    def start(self) -> None:
        """Mark what is to be marked."""
        self.coursedir.get_existing_timestamp = existing_timestamp
        super().start()


def existing_timestamp(folder: str) -> datetime | None:
    """Read the time at which a submission was collected.

    Raises
    ------
    NbGraderException
        If there is a file for it that holds no time.
    """
    try:
        beside(Path(folder), 1)
        text = read_regular(Path(folder), TIMESTAMP, 100).decode("ascii", "replace").strip()
    except MissingError:
        return None
    except RefusedError as error:
        if TIMESTAMP not in str(error):
            return None  # the folder itself: taking in says so
        raise NbGraderException(f"the time of handing in is not known: {error}") from None
    found = parse_timestamp(text)
    if text and found is None:
        raise NbGraderException(f"the time of handing in is not known: {TIMESTAMP} holds {shown(text)!r}")
    return found


def install(c: Any) -> None:
    """Set nbgrader up.

    Parameters
    ----------
    c : Config
        What ``get_config()`` gives in ``nbgrader_config.py``.
    """
    c.Autograde.exporter_class = f"{_HERE}.CourseExporter"
    c.Autograde.sanitize_preprocessors = [f"{_HERE}.TakeIn", "nbgrader.preprocessors.CheckCellMetadata"]
    c.Autograde.autograde_preprocessors = [
        f"{_HERE}.MarkApart",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    nbgrader.converters.Autograde = Autograde
    for name in ("nbgrader.apps.autogradeapp", "nbgrader.apps.api"):
        if name in sys.modules:
            sys.modules[name].Autograde = Autograde  # type: ignore[attr-defined]
