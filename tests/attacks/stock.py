"""nbgrader's own autograder on the corpus, as it comes, in a course folder of its own."""

from __future__ import annotations

import contextlib
import copy
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from attacks import ATTACKS, Attack
from attacks.course import COURSE, HONEST, INPUT, SECRET
from attacks.tampering import TAMPERINGS, Tampering

#: What came of it last time, see `try_all`. Made by `python -m attacks.stock` in tests/.
RECORD = Path(__file__).parent / "stock.json"
AGAINST_STOCK = {
    **{name: attack for name, attack in ATTACKS.items() if attack.against == "stock"},
    **TAMPERINGS,
}
NEIGHBOUR = "zz_neighbour"


class Active(html.parser.HTMLParser):
    """Find what a page would run, load or hide on behalf of an attack."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag, attributes):
        self._inside = tag if tag in ("script", "style") else ""
        for name, value in attributes:
            name, value = name.lower(), value or ""
            runs = name.startswith("on") or "javascript:" in re.sub(r"\s", "", value.lower())
            loads = name in ("src", "href", "data", "content", "srcset", "action", "style", "poster")
            if (runs and "course_attack" in value) or (loads and "course-attack" in value):
                self.found.append(f"<{tag} {name}={value[:80]!r}>")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside and "course_attack" in data:
            self.found.append(f"<{self._inside}>{data[:80]}")


def active(page: str) -> list[str]:
    """List what a page would run, load or hide on behalf of an attack."""
    parser = Active()
    parser.feed(page)
    return parser.found


def notebook_of(answers: dict[str, str], released: Path) -> dict:
    """Fill answers into the released notebook."""
    made = nbformat.read(released, as_version=4)
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
        if name == "essay":
            cell.source = "One reason, and another."
    return json.loads(nbformat.writes(made))


def write_submission(attack: Attack | Tampering, folder: Path, released: Path, secret: Path) -> None:
    """Write one hostile submission into a folder."""
    folder.mkdir(parents=True)
    answer = attack.source if isinstance(attack, Attack) else "def double(x):\n    return x * 3"
    made = notebook_of(HONEST | {"double_answer": answer}, released)
    if isinstance(attack, Tampering):
        made = attack.change(folder, made, secret)
    if made is not None:
        (folder / "toy.ipynb").write_text(json.dumps(made))


class Stock:
    """A course folder with nbgrader's defaults."""

    def __init__(self, folder: Path, fresh: Path | None = None) -> None:
        self.folder = folder
        self.secret = folder / "instructor/notes.txt"
        self.released = folder / "release/toy/toy.ipynb"
        if fresh is not None:
            shutil.copytree(fresh, folder)
            return
        (folder / "source/toy").mkdir(parents=True)
        source = copy.deepcopy(COURSE)
        source.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(source, folder / "source/toy/toy.ipynb")
        (folder / "instructor").mkdir()
        self.secret.write_text(SECRET)
        (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'toy'\n")
        self.nbgrader("generate_assignment", "toy")
        neighbour = folder / "submitted" / NEIGHBOUR / "toy"
        neighbour.mkdir(parents=True)
        (neighbour / "toy.ipynb").write_text(json.dumps(notebook_of(HONEST, self.released)))

    def nbgrader(self, *command: str, seconds: float = 600) -> str:
        """Run a command of nbgrader's; return what it says, also if it fails or takes too long."""
        scripts = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "HOME": str(self.folder)}
        environment.pop("PYTHONPATH", None)  # it would come before what a student puts beside the notebook
        with subprocess.Popen(
            [scripts / "nbgrader", *command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                return process.communicate(timeout=seconds)[0]
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return process.communicate()[0]

    def add(self, attack: Attack | Tampering) -> None:
        """Hand something in."""
        write_submission(attack, self.folder / "submitted" / attack.name / "toy", self.released, self.secret)

    def points(self, student: str) -> dict[str, float] | None:
        """Read marks from the gradebook; None if there are none."""
        from nbgrader.api import Gradebook, MissingEntry

        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            try:
                notebook = gradebook.find_submission_notebook("toy", "toy", student)
            except MissingEntry:
                return None
            if not (self.folder / "autograded" / student / "toy/toy.ipynb").is_file():
                return None
            marked = {grade.name: grade.auto_score for grade in notebook.grades if grade.name != "essay"}
            return None if None in marked.values() else marked

    def timestamp(self, student: str) -> str:
        """Read when the gradebook says that something was handed in."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            return str(gradebook.find_submission("toy", student).timestamp)

    def page(self, student: str) -> str:
        """Read a student's feedback."""
        path = self.folder / "feedback" / student / "toy/toy.html"
        return path.read_text() if path.is_file() else ""

    def won(self, attack: Attack | Tampering) -> bool:
        """Say whether it succeeded."""
        points = self.points(attack.name)
        doubles = sum(value for name, value in (points or {}).items() if name.startswith("double"))
        if attack.wins == "points":
            return doubles > 0
        if attack.wins == "harm":
            return points is None or self.points(NEIGHBOUR) is None
        if attack.wins == "told":
            return bool(re.search(rf"[>\n]{INPUT}\.0\s", self.page(attack.name)))
        if attack.wins == "page":
            return bool(active(self.page(attack.name)))
        if attack.wins == "time":
            return "2001" in self.timestamp(attack.name)
        copied = (self.folder / "autograded" / attack.name).rglob("*")
        return any(path.is_file() and SECRET in path.read_text(errors="replace") for path in copied)


def try_all(folder: Path) -> dict[str, dict[str, bool]]:
    """Mark the corpus with nbgrader's own autograder: what could stop it alone, the rest in one go.

    Returns
    -------
    dict of str to dict
        ``succeeded``: name → whether the attack got what it is after; ``others_too``: name → whether a
        neighbour who came after it got no marks.
    """
    fresh = Stock(folder / "fresh").folder
    together = Stock(folder / "together", fresh)
    for attack in AGAINST_STOCK.values():
        if attack.wins != "harm":
            together.add(attack)
    together.nbgrader("autograde", "toy")
    together.nbgrader("generate_feedback", "toy")
    found: dict[str, dict[str, bool]] = {"succeeded": {}, "others_too": {}}
    for name, attack in AGAINST_STOCK.items():
        course = together
        if attack.wins == "harm":
            course = Stock(folder / name, fresh)
            course.add(attack)
            course.nbgrader("autograde", "toy", seconds=60)
            found["others_too"][name] = course.points(NEIGHBOUR) is None
        found["succeeded"][name] = course.won(attack)
    return found


def record() -> None:
    """Write down what nbgrader's own autograder makes of the corpus."""
    import tempfile

    import nbgrader

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        found = try_all(Path(folder))
    text = json.dumps({"nbgrader": nbgrader.__version__, **found}, indent=1, sort_keys=True)
    RECORD.write_text(text + "\n")


if __name__ == "__main__":
    record()
