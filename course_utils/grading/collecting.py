"""Let ``nbgrader zip_collect`` unpack downloads safely (`course_utils.grading.archives`).

Set in ``nbgrader_config.py`` as ``ZipCollectApp.extractor_plugin``. A folder and a file name decide whose a
submission is, so both must come from the learning management system. Time stamps too: a ``timestamp.txt``
that a student packed is not collected.
"""

from __future__ import annotations

import os
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin

from course_utils.grading.archives import ArchiveError, Room, unpack
from course_utils.grading.handed_in import RefusedError, read_regular, shown

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


class SafeExtractor(ExtractorPlugin):
    """Unpack archives, and copy other regular files, from one folder to another."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Do so.

        Parameters
        ----------
        archive_path : str
            The folder with the download.
        extracted_path : str
            An empty folder. An archive ``name.zip`` goes to a folder ``name`` in it. What is left out is
            logged with the reason.
        """
        for folder, _, names in os.walk(archive_path):
            target = Path(extracted_path, os.path.relpath(folder, archive_path))
            target.mkdir(parents=True, exist_ok=True)
            for name in sorted(names):
                for problem in self._take(Path(folder), name, target):
                    self.log.warning("Left out from %s: %s", shown(name), problem)

    def _take(self, folder: Path, name: str, target: Path) -> list[str]:
        """Unpack or copy one file; say what is left out."""
        suffix = next((suffix for suffix in _ARCHIVES if name.endswith(suffix)), None)
        if (folder / name).is_symlink():
            return ["it is a symbolic link"]
        try:
            if suffix:
                inside = target / name.removesuffix(suffix)
                inside.mkdir()
                return unpack(folder / name, inside)
            (target / name).write_bytes(read_regular(folder, name, Room().file))
        except (ArchiveError, RefusedError, OSError) as error:
            return [str(error)]
        return []
