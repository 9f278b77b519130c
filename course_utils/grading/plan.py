"""An assignment's cells in order, and which process runs each: worked out from the instructor's notebook."""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from course_utils.grading.cells import (
    bound_names,
    dotted_names,
    has_hidden_tests,
    imported_names,
    imports,
    plain_python,
    used_names,
    without_hidden_tests,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode


class PlanError(ValueError):
    """The instructor's notebook can't be planned: a cell is no Python, or a grade_id is missing or twice."""


@dataclass
class Step:
    """One cell.

    Attributes
    ----------
    name : str
        Its grade_id, or its cell id.
    kind : str
        ``"setup"`` (runs in both processes), ``"student setup"`` (only where student code runs, since it uses
        what students define), ``"answer"``, ``"test"``, ``"beside"`` (a test that runs where student code
        does) or ``"by hand"``.
    source : str
        The instructor's text as plain Python.
    points : float
        The most it can earn.
    """

    name: str
    kind: str
    source: str
    points: float = 0.0

    @property
    def hidden(self) -> bool:
        """Whether part of the cell is not released."""
        return has_hidden_tests(self.source)

    @property
    def released(self) -> str:
        """What students see of it."""
        return without_hidden_tests(self.source)


@dataclass
class Plan:
    """All steps.

    Attributes
    ----------
    steps : list of Step
        In the notebook's order.
    proxied : frozenset of str
        Names that tests use, that answers bind and nothing of the instructor's binds.
    library : frozenset of str
        Dotted names that tests beside student code use and that must stay what they are.
    """

    steps: list[Step]
    proxied: frozenset[str] = frozenset()
    library: frozenset[str] = frozenset()
    answer_imports: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> Submission:
        """The instructor's own answers."""
        return Submission({step.name: step.source for step in self.steps if step.kind == "answer"})


@dataclass
class Submission:
    """What a student handed in.

    Attributes
    ----------
    answers : dict of str to str
        grade_id of an answer cell → its text.
    added : dict of str to list of str
        Cells of the student's own, by the name of the step that they follow; ``""`` for those at the top.
    """

    answers: dict[str, str]
    added: dict[str, list[str]] = field(default_factory=dict)


def make_plan(notebook: NotebookNode) -> Plan:
    """Work out the plan from the instructor's source notebook.

    Raises
    ------
    PlanError
        If a cell is not Python, or the cells' names are not all different.
    """
    steps = [step for step in map(_step, notebook.cells) if step is not None]
    names = [step.name for step in steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanError(f"the cells {', '.join(twice)} occur more than once")
    for step in steps:
        try:
            compile(step.source, f"<{step.name}>", "exec")
        except (SyntaxError, ValueError) as error:
            raise PlanError(f"the cell {step.name} of the instructor's is no Python: {error}") from None
    theirs = _names_of_students(steps)
    mine = {step.name: step for step in steps if step.kind in ("setup", "test")}
    used = set().union(*(used_names(step.source) for step in mine.values()))
    bound = set().union(*(bound_names(s.source) | imported_names(s.source) for s in mine.values()))
    setups = [step.source for step in steps if step.kind == "setup"]
    roots = set(dir(builtins)).union(*(bound_names(s) | imported_names(s) for s in setups))
    library = {
        name
        for step in steps
        if step.kind == "beside"
        for name in dotted_names(step.source)
        if name.split(".")[0] in roots - bound_names(step.source)
    }
    return Plan(
        steps,
        frozenset((theirs & used) - bound - set(dir(builtins))),
        frozenset(library),
        {step.name: imports(step.source) for step in steps if step.kind == "answer"},
    )


def without_answers(plan: Plan) -> Plan:
    """Let every name that tests use and nothing of the instructor's binds be the student's to define.

    For a notebook that comes without working answers, from which such names could be told.

    Raises
    ------
    PlanError
        If a cell imports ``*``: what that binds can't be told from what students bind.
    """
    mine = [step.source for step in plan.steps if step.kind in ("setup", "test")]
    if any(re.search(r"\bimport\s*\*", source) for source in mine):
        raise PlanError("a cell imports *: without answers, names that students define can't be told")
    bound = set(dir(builtins)).union(*(bound_names(source) | imported_names(source) for source in mine))
    steps = [
        replace(step, kind="student setup")
        if step.kind == "setup" and used_names(step.source) - bound
        else step
        for step in plan.steps
    ]
    used = set().union(*(used_names(step.source) for step in steps if step.kind in ("setup", "test")))
    return replace(plan, steps=steps, proxied=plan.proxied | frozenset(used - bound))


def submission_from(notebook: NotebookNode, plan: Plan) -> Submission:
    """Take the answers and the student's own cells out of a notebook that intake has accepted."""
    kinds = {step.name: step.kind for step in plan.steps}
    submission, last = Submission({}), ""
    for cell in notebook.cells:
        name = _name(cell)
        if cell.cell_type != "code":
            continue
        if kinds.get(name) == "answer":
            submission.answers[name] = cell.source
        elif name not in kinds:
            submission.added.setdefault(last, []).append(cell.source)
        last = name if name in kinds else last
    return submission


def _names_of_students(steps: list[Step]) -> set[str]:
    """Names that answers bind, and cells that use such names in turn; marks those as students' setup."""
    theirs = set().union(*(bound_names(step.source) for step in steps if step.kind == "answer"))
    while True:
        for step in steps:
            if step.kind == "setup" and used_names(step.source) & theirs - bound_names(step.source):
                step.kind = "student setup"
                theirs |= bound_names(step.source)
                break
        else:
            return theirs


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id") or "")


def _step(cell: NotebookNode) -> Step | None:
    info: dict[str, Any] = cell.metadata.get("nbgrader", {})
    name, points = _name(cell), float(info.get("points") or 0)
    if cell.cell_type != "code":
        return Step(name, "by hand", "", points) if info.get("grade") or info.get("task") else None
    source = plain_python(cell.source)
    if info.get("solution"):
        return Step(name, "answer", source, points if info.get("grade") else 0.0)
    if not info.get("grade"):
        return Step(name, "setup", source)
    runs = cell.metadata.get("course", {}).get("runs", "apart")
    if runs not in ("apart", "beside"):
        raise PlanError(f'{name}: "course": {{"runs": {runs!r}}} must be "apart" or "beside"')
    return Step(name, "beside" if runs == "beside" else "test", source, points)
