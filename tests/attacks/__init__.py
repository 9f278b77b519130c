"""A corpus of hostile submissions, by kind, and what each is after.

``corpus/KIND.py`` hold hostile answers to the exercise "double" of the small assignment in `attacks.course`,
each after a line such as::

    # %% NAME wins secret against stock

and a comment that says what it tries. ``@world@`` and the like are filled in by `attacks.runners.World`.
`attacks.tampering` holds what can't be written as an answer: changed notebooks and folders.

wins (what success is, `attacks.runners.Outcome.won`)
    points (earned without doubling; the default), beside (so in a test that runs beside the
    answers), secret (something it must not read is told), told (a hidden
    test's input is told to the student), bit (one bit of it), loose (ran on past a limit), swamped (the
    process that marks took 100 MB more), harm (no verdict), left (a watched file changed), process (one
    outlives the marking), killed (another process ended), passed (the next student got a message), page
    (active content in a page), escape (control characters reach a terminal), long (a page of a megabyte).
against (who falls for it, see `attacks.runners`)
    process (one process for all; the default), believing, status, pickling, one_process, stock (nbgrader's
    own autograder), or judge without one of its defences (``without second_run``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
_HEADER = re.compile(
    r"^# %% (\w+)(?: wins (\w+))?(?: against (\w+))?(?: without (\w+))?( undefended)?$", re.M
)


@dataclass(frozen=True)
class Attack:
    """A hostile answer."""

    name: str
    kind: str
    tries: str
    source: str
    wins: str = "points"
    against: str = "process"
    without: str = ""
    defended: bool = True


def read(path: Path) -> list[Attack]:
    """Read one file of the corpus."""
    first, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
    assert not first.strip(), f"{path}: must begin with a header"
    found = []
    for name, wins, against, without, undefended, source in zip(*[iter(parts)] * 6, strict=True):
        assert "\n# %%" not in source, f"{path}: a header after {name} is none"
        tries = re.match(r"\n# (.*)\n", source)
        assert tries, f"{path}: {name} does not say what it tries"
        where = "judge" if without else against or "process"
        who = {"against": where, "without": without or "", "defended": not undefended}
        found.append(Attack(name, path.stem, tries[1], source, wins or "points", **who))
    return found


ATTACKS = {attack.name: attack for path in sorted(FOLDER.glob("*.py")) for attack in read(path)}
