"""The report of a class as one HTML page: no script, nothing from the network, every text escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.grading.sanitise import visible

if TYPE_CHECKING:
    from course_utils.grading.report import ClassReport

_WIDTH, _HEIGHT, _BASE = 640, 220, 180


def page(report: ClassReport) -> str:
    """Write the page.

    Parameters
    ----------
    report : ClassReport
        What to show.

    Returns
    -------
    str
        HTML that works from disk.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("course_utils.grading", "templates/report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: format(round(float(value), 2), "g")
    environment.filters["visible"] = lambda text: visible(str(text), 600)
    status = {(stored.student, stored.notebook): stored.status for stored in report.verdicts}
    odd = {student: kind for (student, _), kind in status.items() if kind != "accepted"}
    shown = environment.get_template("index.html.j2").render(report=report, odd=odd, bars=_bars(report))
    return shown.rstrip() + "\n"


def _bars(report: ClassReport) -> dict[str, object]:
    """Place the histogram's bars in a picture 640 wide."""
    highest = max((count for _, _, count in report.histogram), default=0)
    wide = _WIDTH / 10
    bars = []
    for i, (low, high, count) in enumerate(report.histogram):
        tall = (_BASE - 30) * count / highest if highest else 0
        bars.append(
            {
                "x": round(i * wide + 4, 2),
                "y": round(_BASE - tall, 2),
                "wide": round(wide - 8, 2),
                "tall": round(tall, 2),
                "middle": round(i * wide + wide / 2, 2),
                "count": count,
                "low": low,
                "high": high,
            }
        )
    described = ", ".join(
        f"{bar['count']} from {bar['low']:g} to {bar['high']:g}" for bar in bars if bar["count"]
    )
    return {"width": _WIDTH, "height": _HEIGHT, "base": _BASE, "bars": bars, "text": described or "nobody"}
