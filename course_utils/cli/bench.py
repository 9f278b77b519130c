"""``course bench``: measure this machine."""

from pathlib import Path
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def bench(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; the checkout's book/results if omitted.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Rehearse in seconds; nothing is recorded.")] = False,
) -> None:
    """Measure the course's quick paths as ratios on this machine, and record them."""
    from course_utils import results
    from course_utils.experiments.bench import BENCH
    from course_utils.experiments.runner import run_experiment

    try:
        result = run_experiment(BENCH, quick=quick, folder=out, say=typer.echo)
    except results.ResultError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    for title in ("median", "ratio"):
        rows = [[key.replace("_", " "), f"{value:,.4g}"] for key, value in result["settings"][title].items()]
        typer.echo(results.table(rows, [title, ""]) + "\n")
    typer.echo(results.provenance(result))
