"""The code's own rules: style, types, and docstrings that say shapes, errors and how to call."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import numpydoc.validate
import pytest

import course_utils

# numpydoc's findings that count here; it has more, about taste.
WANTED = {
    "GL01",  # text starts on the wrong line
    "GL03",  # double blank lines
    "GL06",  # unknown section
    "GL07",  # sections in the wrong order
    "GL08",  # no docstring
    "SS01",  # no summary
    "SS03",  # summary without a full stop
    "PR01",  # parameters not documented
    "PR02",  # unknown parameters
    "PR03",  # parameters in the wrong order
    "PR04",  # a parameter without a type
    "RT01",  # no Returns section
}


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["mypy"]],
    ids=["ruff", "mypy"],
)
def test_linters_find_nothing(command, root):
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def public_functions():
    """Return the functions and classes that a reader meets by name, with where they are."""
    found = {}
    for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
        parts = module.name.split(".")
        if any(part.startswith("_") for part in parts[1:]) or ".cli" in module.name:
            continue
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.name:
                continue
            if inspect.isfunction(value) or inspect.isclass(value):
                found[f"{module.name}.{name}"] = value
    return found


FUNCTIONS = public_functions()


def test_docstrings_follow_numpydoc():
    """Functions with parameters describe each of them, its type and what comes back."""
    wrong = []
    for path, value in FUNCTIONS.items():
        doc = inspect.getdoc(value) or ""
        brief = "\n" not in doc.strip() or "Parameters" not in doc
        for code, message in numpydoc.validate.validate(path)["errors"]:
            # A one-line docstring is enough for a helper whose signature says the rest.
            if code in WANTED and not (brief and code in {"PR01", "RT01"}):
                wrong.append(f"{path}: {code} {message}")
    assert not wrong, "\n".join(wrong)


ARRAY = re.compile(r"ndarray|NDArray|Tensor|Array\b")


def test_array_arguments_say_their_shape():
    """Where a public function takes or gives arrays, its docstring says of which shape."""
    wrong = []
    for path, value in FUNCTIONS.items():
        if not inspect.isfunction(value):
            continue
        hints = " ".join(str(hint) for hint in inspect.get_annotations(value).values())
        doc = inspect.getdoc(value) or ""
        if ARRAY.search(hints) and not re.search(r"\bshape\b|\([A-Z0-9a-z*+ ]+(, ?[^)\n]*)?\)|\(N,", doc):
            wrong.append(path)
    assert not wrong, f"no shapes in the docstrings of {wrong}"
