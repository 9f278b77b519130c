"""The rendered book, once per test run, and how tests read it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from filelock import FileLock

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PROSE = sorted(path.stem for path in (ROOT / "book").glob("*.md"))
PAGES = [f"notebooks/{stem}" for stem in CHAPTERS] + [f"book/{stem}" for stem in PROSE]
VIEW = "application/vnd.jupyter.widget-view+json"


def rendered_book(shared: Path) -> tuple[Path, list[str]]:
    """Render the book into a folder that all test workers share; only the first one does the work.

    Returns
    -------
    html : Path
        Folder of the pages.
    problems : list of str
        What the build complained about.
    """
    from course_utils.book import build

    shared.mkdir(parents=True, exist_ok=True)
    note = shared / "problems.json"
    with FileLock(shared / "lock"):
        if not note.is_file():
            note.write_text(json.dumps(build(ROOT, shared).problems), encoding="utf-8")
    return shared / "_build" / "html", json.loads(note.read_text(encoding="utf-8"))


@functools.cache
def soup(path: Path) -> BeautifulSoup:
    """Parse a page."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    """Everything on a page that a link can point at."""
    return frozenset(tag["id"] for tag in soup(path).find_all(id=True))


def widget_pictures(path: Path) -> list[str]:
    """The img tags inside a page's interactive figures."""
    states = soup(path).find_all("script", type="application/vnd.jupyter.widget-state+json")
    models = [model["state"] for script in states for model in json.loads(script.string)["state"].values()]
    return [tag for state in models for tag in re.findall(r"<img [^>]*>", str(state.get("value", "")))]


def views(stem: str) -> int:
    """Number of interactive figures in a chapter's notebook."""
    notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return sum(VIEW in output.get("data", {}) for output in outputs)


def config() -> dict:
    """Read the book's settings."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
