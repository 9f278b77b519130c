"""A small Sphinx extension: parts of pages that are written by code, and the page of recorded results.

Such a page holds a marker; when Sphinx reads it, the marker is replaced by what `WRITTEN` names, for the
recorded results one section per file of ``book/results/``. So no figure there is typed by hand, and none can
be stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.formula_pages import checked_formulas
from course_utils.headline_pages import table as headline_table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKER = "<!-- what code writes goes here -->"

# How words of file names and metrics are written; longer ones first.
SPELLING = {
    "fashion mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "pocket10": "Pocket-10",
    "knn": "k-NN",
    "svm": "SVM",
    "mlp": "MLP",
    "cnn": "CNN",
    "resnet": "ResNet",
}


def recorded_results(folder: Path) -> str:
    """Write one section per recorded result as Markdown.

    Parameters
    ----------
    folder : Path
        Where the result files lie.

    Returns
    -------
    str
        Markdown: per result a heading, a table of what was measured and how it came about.

    Raises
    ------
    course_utils.results.ResultError
        When a file is damaged or not in the schema.
    """
    from course_utils import results

    found = [results.load(name, folder) for name in results.names(folder)]
    if not found:
        return "No result has been recorded yet.\n"
    return "\n".join(_section(result) for result in found)


def _section(result: Mapping[str, Any]) -> str:
    """Write the section of one result."""
    from course_utils.results import provenance

    name = result["name"]
    rows = [f"| {_in_words(label)} | {_figure(label, leaf)} |" for label, leaf in _leaves(result["metrics"])]
    notes = [f"- {note}" for note in result.get("notes", [])]
    lines = [
        f"(result-{name.replace('_', '-')})=",
        f"## {_in_words(name)}",
        "",
        *notes,
        "",
        *_pictures(result),
        ":::{div} table-scroll",
        "| measured | mean ± spread over seeds |",
        "| :-- | --: |",
        *rows,
        ":::",
        "",
        f"Data: {result['exactness']}. Measured on {provenance(result)}. "
        f"It took {result['wall_seconds']:,.0f} s. Do it again with `{result['command']}`; "
        f"every seed's value is in {{download}}`{name}.json <results/{name}.json>`.",
        "",
    ]
    return "\n".join(lines)


def _pictures(result: Mapping[str, Any]) -> list[str]:
    """Show the pictures recorded beside a result; its notes say what they show."""
    alt = " ".join(result.get("notes", [])) or f"Picture of {_in_words(result['name'])}"
    files = [file for file in result.get("settings", {}).get("sha256", {}) if file.endswith(".png")]
    return [
        line
        for file in files
        for line in (
            f":::{{figure}} results/{file}",
            f":alt: {json.dumps(f'{file}: {alt}')}",
            f"`{file}`",
            ":::",
            "",
        )
    ]


def _leaves(metrics: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk the tree of metrics; yield each summary with the names that lead to it."""
    for key, value in metrics.items():
        if "per_seed" in value:
            yield " · ".join((*path, key)), value
        else:
            yield from _leaves(value, (*path, key))


def _in_words(name: str) -> str:
    """Write a name for readers: ``fashion_mnist_knn`` becomes ``Fashion-MNIST k-NN``."""
    words = name.replace("_", " ")
    for plain, written in SPELLING.items():
        words = re.sub(rf"\b{plain}\b", written, words)
    return words if words[:4] == "k-NN" else words[:1].upper() + words[1:]


def _figure(label: str, leaf: Mapping[str, Any]) -> str:
    """Format a summary: fractions in per cent, a curve by its ends."""
    if isinstance(leaf["mean"], list):
        ends = [_figure(label, {"mean": leaf["mean"][at], "spread": leaf["spread"][at]}) for at in (0, -1)]
        return f"{ends[0]} → {ends[1]} ({len(leaf['mean'])} points)"
    from course_utils.results import mean_and_spread, percent

    if "accuracy" in label or "recall" in label:
        return percent(leaf)
    whole = isinstance(leaf["mean"], int) or float(leaf["mean"]).is_integer()
    return mean_and_spread(leaf, digits=0 if whole else 3)


#: Page → what writes a part of it, from the course's folder.
WRITTEN: dict[str, Callable[[Path], str]] = {
    "book/checked_formulas": checked_formulas,
    "book/recorded_results": lambda root: recorded_results(root / "book" / "results"),
    "book/trust": lambda root: headline_table(root / "book" / "results"),
}


def _fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marker when Sphinx reads one of the pages."""
    if docname in WRITTEN:
        source[0] = source[0].replace(MARKER, WRITTEN[docname](Path(app.srcdir)))


def _always_read(*_: object) -> list[str]:
    """Read the pages at every build: a new result file or a changed chapter changes them."""
    return list(WRITTEN)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        Sphinx, before it reads any page.

    Returns
    -------
    dict
        What Sphinx wants to know about an extension.
    """
    app.connect("source-read", _fill_in)
    app.connect("env-get-outdated", _always_read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
