"""Answers that are more alike than answers that were found independently.

An answer becomes a sequence of tokens that renaming, comments, docstrings, layout and other numbers don't
change. Of all runs of a few tokens some are chosen by winnowing (Schleimer, Wilkerson, Aiken 2003), so that
every stretch that two answers share and that is long enough leaves the same mark in both. What was given to
everybody is taken out first. Likeness is the share of marks that two answers have in common (Jaccard).

A flag is a reason to look, not a proof: the page that shows one says so.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import io
import keyword
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass

#: Tokens of a run, and runs of which at least one is chosen.
RUN, WINDOW = 5, 3
#: Likeness from which two answers are shown, and marks that both must have. Right answers of assignment 1
#: that were written independently reach 0.23, renamed copies 1 (a test measures both).
ALIKE, ENOUGH = 0.6, 20
_DROPPED = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)
#: Pairs of one answer that are kept; if there are more, the answer is one that nearly everybody gives.
MOST = 2_000
_LONGEST = 50_000
_BUILTIN = frozenset(dir(builtins))


@dataclass(frozen=True)
class Alike:
    """Two answers that are alike.

    Attributes
    ----------
    answer : str
        grade_id of the answer's cell.
    first, second : str
        The students.
    likeness : float
        0 to 1.
    """

    answer: str
    first: str
    second: str
    likeness: float


def alike(answers: Mapping[str, Mapping[str, str]], given: Mapping[str, str]) -> list[Alike]:
    """Find answers that are alike.

    Parameters
    ----------
    answers : dict
        grade_id of an answer → student → text.
    given : dict
        grade_id of an answer → what everybody was given.

    Returns
    -------
    list of Alike
        The most alike first; at most `MOST` pairs of each answer.
    """
    found: list[Alike] = []
    for name, texts in answers.items():
        known = fingerprints(given.get(name, ""))
        marks = {student: fingerprints(text) - known for student, text in sorted(texts.items())}
        found += _pairs(name, {student: those for student, those in marks.items() if len(those) >= ENOUGH})
    return sorted(found, key=lambda pair: (-pair.likeness, pair.first, pair.second, pair.answer))


def likeness(first: set[int], second: set[int]) -> float:
    """Share of marks that both have."""
    return len(first & second) / len(first | second) if first and second else 0.0


def fingerprints(source: str) -> set[int]:
    """Choose the marks of a text by winnowing."""
    tokens = normalised(source)
    runs = [_hash(tokens[i : i + RUN]) for i in range(len(tokens) - RUN + 1)]
    if len(runs) <= WINDOW:
        return set(runs)
    return {min(runs[i : i + WINDOW]) for i in range(len(runs) - WINDOW + 1)}


def normalised(source: str) -> list[str]:
    """Turn Python into tokens in which names of the writer's own, numbers and texts are all alike.

    Names of the library (what stands after a dot, built-in names, names that the text does not bind) stay.
    """
    source = source[:_LONGEST]
    own, docstrings = _own_names(source)
    tokens: list[str] = []
    after = ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _DROPPED or token.start in docstrings:
                continue
            tokens.append(_kind(token, after, own))
            after = token.string
    except (tokenize.TokenError, SyntaxError):  # what comes before the mistake counts
        pass
    return tokens


def _kind(token: tokenize.TokenInfo, after: str, own: set[str] | None) -> str:
    if token.type == tokenize.NAME:
        stays = keyword.iskeyword(token.string) or after == "." or token.string in _BUILTIN
        is_own = own is None or token.string in own
        return "name" if is_own and not stays else token.string
    if token.type in (tokenize.NUMBER, tokenize.STRING):
        return "number" if token.type == tokenize.NUMBER else "text"
    return token.string if token.type == tokenize.OP else tokenize.tok_name[token.type]


def _own_names(source: str) -> tuple[set[str] | None, set[tuple[int, int]]]:
    """Names that a text binds (None if it is no Python), and where its docstrings begin."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, set()
    own: set[str] = set()
    texts: set[tuple[int, int]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            texts.add((node.lineno, node.col_offset))
    return own, texts


def _hash(run: list[str]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(run).encode("utf-8", "replace"), digest_size=6).digest())


def _pairs(name: str, marks: dict[str, set[int]]) -> list[Alike]:
    """Compare everybody with everybody: shared marks are a product of two sparse matrices."""
    import numpy as np
    from scipy.sparse import csr_array

    students = list(marks)
    if len(students) < 2:
        return []
    columns = {mark: i for i, mark in enumerate(sorted(set().union(*marks.values())))}
    sizes = np.array([len(marks[student]) for student in students])
    indices = np.array([columns[mark] for student in students for mark in marks[student]])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shape = (len(students), len(columns))
    has = csr_array((np.ones(len(indices), dtype=np.int32), indices, starts), shape=shape)
    shared = (has @ has.T).toarray()
    share = shared / (sizes[:, None] + sizes[None, :] - shared)
    rows, others = np.nonzero(np.triu(share >= ALIKE, 1))
    most = np.argsort(-share[rows, others], kind="stable")[:MOST]
    rows, others = rows[most], others[most]
    return [
        Alike(name, students[i], students[j], float(share[i, j])) for i, j in zip(rows, others, strict=True)
    ]
