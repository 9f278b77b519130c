"""A made-up class: a small assignment that imports PyTorch, and submissions whose marks are known.

The benchmark, the endurance tests and the demonstration mark it. It is none of the course's assignments.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ASSIGNMENT = "ps0_made_up"

_SETUP = """
import numpy as np
import torch
from torch import nn
from course_utils.grading.expect import expect_close
"""

#: Exercise → the answers to draw from: (text, points on its two test cells).
ANSWERS: dict[str, list[tuple[str, tuple[float, float]]]] = {
    "ex1": [
        ("def standardise(x):\n    return (x - x.mean(axis=0)) / x.std(axis=0)", (2, 3)),
        ("def standardise(x):\n    x = x - np.mean(x, axis=0)\n    return x / np.std(x, axis=0)", (2, 3)),
        ("def standardise(x):\n    return (x - x.mean()) / x.std()", (2, 0)),
        ("def standardise(x):\n    return x / x.std(axis=0)", (2, 0)),
        ("def standardise(x):\n    raise NotImplementedError", (0, 0)),
    ],
    "ex2": [
        (
            "class Classifier(nn.Module):\n"
            "    def __init__(self, inputs, classes):\n"
            "        super().__init__()\n"
            "        self.layer = nn.Linear(inputs, classes)\n"
            "    def forward(self, x):\n"
            "        return self.layer(x)",
            (2, 3),
        ),
        (
            "class Classifier(nn.Module):\n"
            "    def __init__(self, inputs, classes):\n"
            "        super().__init__()\n"
            "        self.layer = nn.Linear(inputs, classes)\n"
            "    def forward(self, x):\n"
            "        return torch.relu(self.layer(x))",
            (2, 0),
        ),
        ("class Classifier(nn.Module):\n    pass", (0, 0)),
    ],
    "ex3": [
        (
            "def descend(x, y, steps):\n"
            "    w = torch.zeros(x.shape[1], requires_grad=True)\n"
            "    for _ in range(steps):\n"
            "        loss = ((x @ w - y) ** 2).mean()\n"
            "        (gradient,) = torch.autograd.grad(loss, w)\n"
            "        w = (w - 0.1 * gradient).detach().requires_grad_()\n"
            "    return w.detach()",
            (2, 3),
        ),
        (
            "def descend(x, y, steps):\n"
            "    w = torch.zeros(x.shape[1])\n"
            "    for _ in range(steps):\n"
            "        w = w - 0.1 * 2 * x.T @ (x @ w - y) / len(x)\n"
            "    return w",
            (2, 3),
        ),
        ("def descend(x, y, steps):\n    return torch.zeros(x.shape[1])", (2, 0)),
        ("def descend(x, y, steps)\n    return x", (0, 0)),
    ],
}

#: Exercise → its two test cells: one that students see, one with hidden tests.
_TESTS = {
    "ex1": (
        "expect_close(standardise(np.array([[0.0], [2.0]])).std(), 1.0, 'the standard deviation')",
        """
        x = np.random.default_rng(1).normal(3, 2, size=(50, 4))
        expect_close(standardise(x), (x - x.mean(axis=0)) / x.std(axis=0), 'standardised columns')
        """,
    ),
    "ex2": (
        "assert Classifier(5, 3)(torch.ones(7, 5)).shape == (7, 3)",
        """
        model, x = Classifier(4, 2), 100 * (torch.arange(12.0).reshape(3, 4) - 6)
        x = torch.cat([x, -x])  # of two opposite rows one has a negative score: a ReLU shows
        weight, bias = model.layer.weight.detach(), model.layer.bias.detach()
        expect_close(model(x).detach(), x @ weight.T + bias, 'the scores', rtol=1e-4, atol=1e-5)
        """,
    ),
    "ex3": (
        "assert descend(torch.ones(6, 2), torch.ones(6), 1).shape == (2,)",
        """
        x = torch.linspace(-1, 1, 40).reshape(20, 2).sin()
        truth = torch.tensor([2.0, -1.0])
        w, y = torch.zeros(2), x @ truth
        for _ in range(30):
            w = w - 0.1 * 2 * x.T @ (x @ w - y) / len(x)
        expect_close(descend(x, y, 30), w, 'the weights', rtol=1e-4, atol=1e-5)
        """,
    ),
}


def source() -> NotebookNode:
    """Make the instructor's notebook."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.cells.append(_cell("setup", _SETUP))
    for exercise, answers in ANSWERS.items():
        answer = f"### BEGIN SOLUTION\n{answers[0][0]}\n### END SOLUTION"
        shown, hidden = (textwrap.dedent(text).strip() for text in _TESTS[exercise])
        hidden = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        notebook.cells += [
            _cell(f"{exercise}_answer", answer, solution=True),
            _cell(f"{exercise}_visible", shown, points=2),
            _cell(f"{exercise}_hidden", hidden, points=3),
        ]
    return notebook


def make_course(folder: Path, configuration: str) -> None:
    """Make a course with the assignment in it, released, in an empty folder.

    Parameters
    ----------
    folder : Path
        Where; it must not exist.
    configuration : str
        Text of its ``nbgrader_config.py``.
    """
    place = folder / "solutions" / ASSIGNMENT
    place.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(configuration)
    nbformat.write(source(), place / f"{ASSIGNMENT}.ipynb")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", ASSIGNMENT]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def hand_in(
    folder: Path, students: int, seed: int = 0, hostile: tuple[str, ...] = (), every: int = 20
) -> dict[str, dict[str, float]]:
    """Write submissions below ``class/submitted``.

    Parameters
    ----------
    folder : Path
        A course that `make_course` made.
    students : int
        How many; those of a smaller class are the first of a larger one.
    seed : int
        Of the answers that they draw.
    hostile : tuple of str
        Answers to one exercise that must earn nothing on it and cost no other exercise.
    every : int
        Which students hand in a hostile one: every so many.

    Returns
    -------
    dict of str to dict of str to float
        Student → grade_id of each test cell → the points it is worth, known from how it was made.
    """
    release = nbformat.read(folder / "assignments" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    chance = random.Random(seed)
    marks: dict[str, dict[str, float]] = {}
    for number in range(students):
        student = f"student{number:04d}"
        drawn = {exercise: chance.choice(answers) for exercise, answers in ANSWERS.items()}
        if hostile and number % every == every - 1:
            drawn[f"ex{number // every % 3 + 1}"] = (hostile[number // every % len(hostile)], (0, 0))
        for cell in release.cells:
            exercise, _, part = cell.metadata.nbgrader.grade_id.partition("_")
            if part == "answer":
                cell.source = drawn[exercise][0]
        place = folder / "class" / "submitted" / student / ASSIGNMENT
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        nbformat.write(release, place / f"{ASSIGNMENT}.ipynb")
        marks[student] = {
            f"{exercise}_{part}": float(points)
            for exercise, (_, worth) in drawn.items()
            for part, points in zip(("visible", "hidden"), worth, strict=True)
        }
    return marks


def recorded(folder: Path) -> dict[str, dict[str, float | None]]:
    """Read the marks from the course's gradebook: student → grade_id of each test cell → points."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'class' / 'gradebook.db'}", "image-classification") as gradebook:
        return {
            submission.student_id: {
                grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
        }


def _cell(name: str, text: str, *, solution: bool = False, points: float = 0) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(text.strip(), id=name.replace("_", "-"))
    info: dict[str, object] = {"grade_id": name, "solution": solution, "grade": bool(points)}
    info |= {"locked": not solution, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = {**info, "points": points} if points else info
    return cell
