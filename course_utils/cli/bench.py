"""``course bench``: measure this machine."""

from pathlib import Path
from typing import Annotated, Any

import typer

from course_utils.cli import app


@app.command()
def bench(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; the checkout's book/results if omitted.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Only one part: machine or grading; both if omitted.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Rehearse in seconds; nothing is recorded.")] = False,
) -> None:
    """Measure the course's quick paths and grading on this machine, and record them."""
    from course_utils import results
    from course_utils.experiments.bench import BENCH
    from course_utils.experiments.grading_bench import BENCH_GRADING, GradingError
    from course_utils.experiments.runner import run_experiment

    parts = {"machine": BENCH, "grading": BENCH_GRADING}
    if part is not None and part not in parts:
        typer.echo(f"error: there is no part {part!r}; there are: {', '.join(parts)}", err=True)
        raise typer.Exit(2)
    for name, experiment in parts.items():
        if part in (None, name):
            try:
                result = run_experiment(experiment, quick=quick, folder=out, say=typer.echo)
            except (results.ResultError, GradingError) as error:
                typer.echo(f"error: {error}", err=True)
                raise typer.Exit(1) from None
            _show(result)


def _show(result: dict[str, Any]) -> None:
    from course_utils import results

    for title in ("median", "ratio"):
        rows = [[key.replace("_", " "), f"{value:,.4g}"] for key, value in result["settings"][title].items()]
        typer.echo(results.table(rows, [title, ""]) + "\n")
    typer.echo(results.provenance(result))
