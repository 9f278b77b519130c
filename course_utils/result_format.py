"""How recorded figures are printed: mean and spread, tables, provenance."""

from collections.abc import Mapping, Sequence
from typing import Any


def mean_and_spread(summary: Mapping[str, Any], digits: int = 1, scale: float = 1.0, unit: str = "") -> str:
    """Format a summary as ``mean ± spread unit``; without the spread where there was one seed.

    Examples
    --------
    >>> mean_and_spread({"per_seed": [3.0, 4.0], "mean": 3.5, "spread": 0.7071}, unit="s")
    '3.5 ± 0.7 s'
    """
    text = f"{summary['mean'] * scale:,.{digits}f}"
    if summary["spread"] is not None:
        text += f" ± {summary['spread'] * scale:.{digits}f}"
    return f"{text} {unit}".rstrip()


def percent(summary: Mapping[str, Any], digits: int = 1) -> str:
    """Format the summary of a fraction, such as an accuracy, in per cent: ``63.5 ± 0.2 %``."""
    return mean_and_spread(summary, digits=digits, scale=100.0, unit="%")


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Lay out rows as aligned plain text, first column left, the others right.

    Parameters
    ----------
    rows : sequence of sequences
        Cells, turned into text with ``str``; each row as long as `header`.
    header : sequence of str
        Titles of the columns.

    Returns
    -------
    str
        The lines, header and rule first.

    Raises
    ------
    ValueError
        If a row has another number of cells than the header.
    """
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    for line in lines:
        if len(line) != len(header):
            raise ValueError(f"a row has {len(line)} cells, the header has {len(header)}: {line}.")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def provenance(result: Mapping[str, Any]) -> str:
    """One line for a caption or below a table: data set, seeds, hardware, versions, commit and date."""
    seeds = len(result["seeds"])
    hardware = result["hardware"]
    where = f"{hardware['cores']} cores of {hardware['processor']}"
    if hardware.get("accelerator"):
        where = f"{hardware['accelerator']}, {where}"
    libraries = ", ".join(f"{key} {value}" for key, value in result["versions"].items() if key != "python")
    return (
        f"{result['dataset']}; {seeds} seed{'s' if seeds > 1 else ''}; {where}; {libraries}; "
        f"commit {result['commit'][:7]}, {result['date'][:10]}"
    )
