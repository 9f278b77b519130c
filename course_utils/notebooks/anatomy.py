"""What every chapter has: prose, interactive figures, alt text, few exemptions, a bearable run time."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_utils import results
from course_utils.notebooks import pairs
from course_utils.notebooks.sanitise import VIEW

FEWEST_WORDS = 2_000
FEWEST_INTERACTIVE = 2
LONGEST_SECONDS = 60.0
CELLS_AN_EXEMPTION = 10  # one code cell in ten may be exempt
FEWEST_ALT_WORDS = 4
#: Exercises, hints for each, quick questions. The first chapter only opens the subject.
FEWEST_PRACTICE = (6, 2, 6)
FEWEST_PRACTICE_AT_FIRST = (5, 1, 4)
FEWEST_CHOICES = 3
FEWEST_WORDS_OF_FEEDBACK = 8
#: Chapter 3 asks for numbers, and a short word is enough to say where a wrong one comes from.
FEWER_WORDS_OF_FEEDBACK = {3: 6}

_EXEMPT_TAG = "nbval-ignore-output"
_OTHER_TAGS = {
    "nbval-skip",
    "nbval-raises-exception",
    "raises-exception",
    "nbval-check-output",
    "skip-execution",
}
_NBVAL_COMMENT = re.compile(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE)", re.MULTILINE)
_NOT_PROSE = (
    re.compile(r"^(`{3,}|~{3,})(?!\{).*?^\1\s*$", re.MULTILINE | re.DOTALL),  # code blocks, not directives
    re.compile(r"\$\$.*?\$\$(\s*\([\w-]+\))?", re.DOTALL),
    re.compile(r"\$[^$\n]+\$"),
    re.compile(r"<[^>]+>"),
    re.compile(r"^\s*(:{3,}|`{3,}|\([\w-]+\)=|:\w+:).*$", re.MULTILINE),
    re.compile(r"\{[\w:-]+\}`[^`]*`"),
    re.compile(r"`[^`]*`"),
    re.compile(r"\]\([^)]*\)"),
)
_EXERCISE = re.compile(r"^### (?=Exercise )", re.MULTILINE)
_QUESTION = re.compile(r'<div class="question">(.*?)</div>', re.DOTALL)
_CHOICE = re.compile(r'<details class="choice( right)?"><summary>.+?</summary>(.*?)</details>', re.DOTALL)
_SUMMARY_MARKUP = re.compile(r"<summary>[^<$`*]*[$`*]")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(|<img\b([^>]*)>")


def problems(root: Path, stem: str) -> list[str]:
    """Find what a chapter lacks.

    Parameters
    ----------
    root : Path
        The course's folder.
    stem : str
        The chapter's file stem; its notebook exists.

    Returns
    -------
    list of str
        One line a finding.
    """
    notebook = pairs.read_notebook(root / "notebooks" / f"{stem}.ipynb")
    found = setting_problems(notebook) + exemption_problems(notebook) + picture_problems(notebook)
    if (words := prose_words(notebook)) < FEWEST_WORDS:
        found.append(f"has {words:,} words of prose; wanted {FEWEST_WORDS:,}")
    interactive = sum(
        VIEW in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    )
    if interactive < FEWEST_INTERACTIVE:
        found.append(f"has {interactive} interactive figures; wanted {FEWEST_INTERACTIVE}")
    found += practice_problems(notebook, int(stem[:2]))
    return found + run_time_problems(root / "book" / "results", stem)


def setting_problems(notebook: NotebookNode) -> list[str]:
    """Look for the settings cell: ``SEED`` and ``DATASET``, each on a line of its own, set once."""
    lines = [line for cell in pairs.code_cells(notebook) for line in cell.source.splitlines()]
    found = []
    for name, value in (("SEED", "0"), ("DATASET", '"pocket10"')):
        if [line for line in lines if re.match(rf"{name}\s*=", line)] != [f"{name} = {value}"]:
            found.append(f"wanted the line `{name} = {value}` exactly once")
    return found


def exemption_problems(notebook: NotebookNode) -> list[str]:
    """Check the cells whose output nbval doesn't compare: few, each with a reason and an assertion."""
    cells = pairs.code_cells(notebook)
    exempt = [cell for cell in cells if _EXEMPT_TAG in cell.metadata.get("tags", [])]
    found = []
    if len(exempt) * CELLS_AN_EXEMPTION > len(cells):
        found.append(
            f"{len(exempt)} of {len(cells)} code cells are exempt from comparison; at most one in ten may be"
        )
    for cell in exempt:
        if not re.match(r"# varies: \S", cell.source):
            found.append(f"{cell.id}: exempt, but its first line is not `# varies: <reason>`")
        if not re.search(r"^\s*assert\b", cell.source, re.MULTILINE):
            found.append(f"{cell.id}: exempt, but asserts nothing")
    for cell in cells:
        if _OTHER_TAGS & set(cell.metadata.get("tags", [])) or _NBVAL_COMMENT.search(cell.source):
            found.append(f"{cell.id}: hidden from nbval; the only exemption is the tag {_EXEMPT_TAG}")
    return found


def picture_problems(notebook: NotebookNode) -> list[str]:
    """Check that every picture has alt text, a caption and a name of its own."""
    found = []
    names: Counter[str] = Counter()
    for cell in notebook.cells:
        pictures = [output for output in cell.get("outputs", []) if _is_picture(output)]
        if pictures:
            options: Any = cell.metadata.get("mystnb", {})
            figure, alt = options.get("figure", {}), str(options.get("image", {}).get("alt", ""))
            if len(alt.split()) < FEWEST_ALT_WORDS:
                found.append(f"{cell.id}: a picture without alt text in words; put it in mystnb's image")
            if not figure.get("caption") or not str(figure.get("name", "")).startswith("fig-"):
                found.append(
                    f"{cell.id}: a picture without caption and name (fig-…); put them in mystnb's figure"
                )
            names[figure.get("name", "")] += 1
            if len(pictures) > 1:
                found.append(
                    f"{cell.id}: {len(pictures)} pictures from one cell would share a name; make one a cell"
                )
        if cell.cell_type == "markdown":
            for alt, attributes in _IMAGE.findall(cell.source):
                if not alt.strip() and not re.search(r'\balt="[^"]+"', attributes):
                    found.append(f"{cell.id}: a picture in the text without alt text")
    return found + [f"{name}: {count} figures have this name" for name, count in names.items() if count > 1]


def _is_picture(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def practice_problems(notebook: NotebookNode, chapter: int) -> list[str]:
    """Check exercises (numbered, hints, one folded solution) and quick questions (every choice explained)."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    exercises = _EXERCISE.split(text)[1:]
    wanted, hints, asked = FEWEST_PRACTICE_AT_FIRST if chapter == 1 else FEWEST_PRACTICE
    words = FEWER_WORDS_OF_FEEDBACK.get(chapter, FEWEST_WORDS_OF_FEEDBACK)
    found = [] if len(exercises) >= wanted else [f"has {len(exercises)} exercises; wanted {wanted}"]
    for number, exercise in enumerate(exercises, 1):
        name = f"Exercise {chapter}.{number}:"
        if not exercise.startswith(name):
            found.append(f"{exercise[:20]!r} stands where {name!r} was expected")
        if exercise.count('<details class="hint">') < hints:
            found.append(f"{name} has too few hints; wanted {hints}")
        if exercise.count('<details class="solution">') != 1:
            found.append(f"{name} has not exactly one folded solution")
    questions = _QUESTION.findall(text)
    if len(questions) < asked:
        found.append(f"has {len(questions)} quick questions; wanted {asked}")
    for number, question in enumerate(questions, 1):
        choices = _CHOICE.findall(question)
        if len(choices) < FEWEST_CHOICES or sum(right != "" for right, _ in choices) != 1:
            found.append(f"quick question {number}: wanted {FEWEST_CHOICES} or more choices, one right")
        if any(len(why.split()) < words for _, why in choices):
            found.append(f"quick question {number}: a choice is not explained")
    for shown in _SUMMARY_MARKUP.findall(text):
        found.append(f"{shown!r}: the line to click on is HTML and shows Markdown and formulas as they stand")
    return found


def prose_words(notebook: NotebookNode) -> int:
    """Count words of prose: Markdown without code, formulas, markup and links' addresses."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for pattern in _NOT_PROSE:
        text = pattern.sub(" ", text)
    return len(re.findall(r"[^\W\d_][\w'’-]*", text))


def run_time_problems(folder: Path, stem: str) -> list[str]:
    """Check the recorded run time."""
    path = folder / f"{results.RUN_TIMES}.json"
    times = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if stem not in times:
        return ["its run time is not recorded; run `course notebooks`"]
    seconds = float(times[stem]["seconds"])
    if seconds > LONGEST_SECONDS:
        return [f"runs {seconds:.0f} s; at most {LONGEST_SECONDS:.0f} s are bearable"]
    return []
