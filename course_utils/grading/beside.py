"""Tests that must run where student code runs (autograd through an answer, timing), with canaries.

Whoever controls that process can make any assertion pass. The canaries notice the plain ways: a library
function that is no longer the one it was, and assertions that must fail, with numbers drawn for the occasion.
"""

from __future__ import annotations

import re
import secrets

from course_utils.grading.plan import Plan, Step
from course_utils.grading.session import Session

#: Functions that answer whether two values agree, by the last part of their name.
_ANSWERS = ("allclose", "array_equal", "equal", "isclose")
_RAISES: tuple[str, ...] = ("assert_allclose", "assert_array_equal", "assert_close", "assert_equal")
_RAISES += ("expect_close", "expect_equal")


class CanaryError(Exception):
    """An assertion that must fail did not, or a library function was replaced."""


def run(session: Session, step: Step, plan: Plan) -> Exception | None:
    """Run a test cell in the worker.

    Returns
    -------
    Exception or None
        What it raised, or a `CanaryError`.
    """
    names = sorted(name for name in plan.library if re.search(rf"\b{re.escape(name)}\b", step.source))
    session.apply_changes = True
    checks = canaries(names)
    half = secrets.randbelow(len(checks) + 1)
    try:
        _must_fail(session, step, checks[:half])
        outcome = None
        try:
            session.tell("run", step.name, step.source)
        except Exception as error:
            outcome = error
        _must_fail(session, step, checks[half:])
        replaced = session.tell("same", names)
        if replaced != []:
            raise CanaryError(f"library functions were replaced: {replaced!r:.200}")
    except CanaryError as error:
        return error
    return outcome


def canaries(names: list[str]) -> list[tuple[str, str]]:
    """Write one-line tests that must fail with an `AssertionError`, each with its name, in a random order."""
    first, second = secrets.randbelow(10**6) / 7, -1 - secrets.randbelow(10**6) / 7
    lines = [("==", f"assert {first!r} == {second!r}"), ("abs", f"assert abs({first!r} - {second!r}) < 1e-3")]
    for name in names:
        last = name.rpartition(".")[2]
        root = name.split(".")[0]
        made = "{root}.tensor([{x!r}])" if root == "torch" else "{x!r}"
        pair = ", ".join(made.format(root=root, x=x) for x in (first, second))
        extra = ", 'canary'" if last.startswith("expect_") else ""
        if last in _ANSWERS:
            lines.append((name, f"assert {name}({pair})"))
        elif last in _RAISES:
            lines.append((name, f"{name}({pair}{extra})"))
    secrets.SystemRandom().shuffle(lines)
    return lines


def _must_fail(session: Session, step: Step, lines: list[tuple[str, str]]) -> None:
    for name, line in lines:
        try:
            session.tell("run", step.name, line)
        except AssertionError:
            continue
        except Exception as error:
            raise CanaryError(f"an assertion with {name} raised {type(error).__name__}") from None
        raise CanaryError(f"an assertion with {name} that must fail did not")
