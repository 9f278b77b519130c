"""Find an instructor's text where students could read it (instructor's side)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: So many tokens in a row, the same as in a secret line, are a leak in a released file.
TOKENS = 8
#: So many lines in a row are a leak anywhere: shorter pieces of code may be in the book for good reasons.
LINES = 3
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")

_SECRET = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END (?:SOLUTION|HIDDEN TESTS)", re.S)
_RUBRIC = re.compile(r'^# %% \[markdown\][^\n]*"solution": true[^\n]*\n(.*?)(?=^# %%|\Z)', re.S | re.M)


@dataclass(frozen=True)
class Secrets:
    """What must not be read by students.

    Attributes
    ----------
    runs : frozenset of tuple of str
        ``TOKENS`` tokens in a row of a secret line, where they are not also in a line that is released.
    blocks : frozenset of tuple of str
        ``LINES`` lines in a row.
    words : frozenset of str
        Names and long numbers (seeds, in decimal and hexadecimal) that occur in secrets only.
    """

    runs: frozenset[tuple[str, ...]]
    blocks: frozenset[tuple[str, ...]]
    words: frozenset[str]


def secrets(root: Path) -> Secrets:
    """Collect the secrets of all assignments under ``root/solutions``."""
    runs: set[tuple[str, ...]] = set()
    blocks: set[tuple[str, ...]] = set()
    words: set[str] = set()
    public: set[tuple[str, ...]] = set()
    known: set[str] = set()
    for script in sorted((root / "solutions").glob("ps*/ps*.py")):
        text = script.read_text(encoding="utf-8")
        hidden = [match[1] for match in _SECRET.finditer(text)]
        hidden += [re.sub(r"(?m)^# ?", "", match[1]) for match in _RUBRIC.finditer(text)]
        released = re.sub(r"(?m)^# ?", "", _RUBRIC.sub("", _SECRET.sub("", text)))
        bank = [path.read_text(encoding="utf-8") for path in sorted((script.parent / "bank").glob("*.py"))]
        right = re.findall(r"(?ms)^# %% right \w+\n(.*?)(?=^# %%|\Z)", "\n".join(bank))
        for piece in hidden + bank:
            runs |= _runs(piece)
        for piece in hidden + right:
            blocks |= _blocks(piece)
        words |= {word for piece in hidden for word in _words(piece)}
        public |= _runs(released)
        known |= set(_words(released))
    return Secrets(frozenset(runs - public), frozenset(blocks), frozenset(words - known))


def leaks(folder: Path, found: Secrets, *, strict: bool = True) -> list[str]:
    """Search every file of a folder, notebooks with outputs and metadata, for secrets.

    Parameters
    ----------
    folder : Path
        What students get; ``.git`` folders are left to `leaks_in_text`.
    found : Secrets
        What `secrets` collected.
    strict : bool
        Whether ``TOKENS`` tokens in a row and nbgrader's markers count, as they do in ``assignments/``.

    Returns
    -------
    list of str
        One line a leak, with the file; empty where there is none.
    """
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.relative_to(folder).parts:
            text = path.read_bytes().decode("utf-8", errors="replace")
            name = path.relative_to(folder).as_posix()
            lines += [f"{name}: {leak}" for leak in leaks_in_text(text, found, strict=strict)]
    return lines


def leaks_in_text(text: str, found: Secrets, *, strict: bool = True) -> list[str]:
    """Search one file's text; a notebook's strings are searched one by one as well."""
    pieces = [text, *_strings(text)]
    there = set(re.findall(r"\w+", text.lower()))
    hits = [f"the word {word}" for word in sorted(found.words) if word.lower() in there]
    for piece in pieces:
        hits += ["the lines " + " / ".join(block) for block in sorted(_blocks(piece) & found.blocks)]
        if strict:
            hits += ["the tokens " + " ".join(run) for run in sorted(_runs(piece) & found.runs)]
    if strict:
        hits += [f"the marker {marker}" for marker in MARKERS if marker in text]
    return list(dict.fromkeys(hits))


def _runs(text: str) -> set[tuple[str, ...]]:
    """All runs of ``TOKENS`` tokens within a line."""
    found = set()
    for line in _lines(text):
        tokens = line.split(" ")
        found |= {tuple(tokens[i : i + TOKENS]) for i in range(len(tokens) - TOKENS + 1)}
    return found


def _blocks(text: str) -> set[tuple[str, ...]]:
    """All runs of ``LINES`` lines that say something."""
    lines = [line for line in _lines(text) if line.count(" ") >= 3]
    return {tuple(lines[i : i + LINES]) for i in range(len(lines) - LINES + 1)}


def _lines(text: str) -> Iterator[str]:
    """Lines as tokens with one space between them, without empty ones."""
    for line in text.splitlines():
        tokens = re.findall(r"\w+|[^\w\s]", line)
        if tokens:
            yield " ".join(tokens)


def _words(text: str) -> Iterator[str]:
    """Functions and constants that a piece of code defines, and its long numbers in both notations."""
    yield from re.findall(r"(?m)^ *def (\w*ex\d+\w*)", text)
    yield from re.findall(r"(?m)^([A-Z]+_SEED)\b", text)
    for number in re.findall(r"\b(?:0x[0-9a-fA-F]{9,}|\d{12,})\b", text):
        yield str(int(number, 0))
        yield f"{int(number, 0):x}"
        yield f"{int(number, 0):#x}"


def _strings(text: str) -> Iterable[str]:
    """All strings of a JSON file, lists of strings joined as notebooks mean them."""
    try:
        yield from _walk(json.loads(text))
    except ValueError:
        return


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(part, str) for part in value):
            yield "".join(value)
        for part in value:
            yield from _walk(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _walk(part)
