"""``course notebooks``: execute the chapters that changed."""

import time
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def notebooks(
    stems: Annotated[
        list[str] | None, typer.Argument(help="Chapters, e.g. 02_nearest_neighbours; all if omitted.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Execute nothing; say what is stale and why.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Execute also what is up to date.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Kernels at a time, each with one thread.")] = 2,
) -> None:
    """Execute the chapters whose script, helpers or results changed, and write their notebooks."""
    from course_utils.book import root_folder
    from course_utils.notebooks import build, pairs

    started = time.monotonic()
    try:
        root = root_folder()
        known = pairs.chapters(root)
        wanted = [
            stem.removesuffix(".py").removesuffix(".ipynb").removeprefix("notebooks/")
            for stem in stems or known
        ]
        reasons = build.stale(root, wanted)
    except (FileNotFoundError, SyntaxError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    lacking = build.lacking(root, wanted) if check else {}
    for stem in wanted:
        for line in reasons.get(stem, []) + lacking.get(stem, []):
            typer.echo(f"{stem}: {line}")
    if check:
        if reasons:
            typer.echo(
                f"{len(reasons)} of {len(wanted)} notebooks are stale; run `course notebooks`", err=True
            )
        if lacking:
            typer.echo(f"{len(lacking)} of {len(wanted)} chapters lack something", err=True)
        if reasons or lacking:
            raise typer.Exit(1)
        typer.echo(f"all {len(wanted)} notebooks are up to date")
        return

    def report(outcome: build.Outcome) -> None:
        if outcome.run is not None:
            typer.echo(f"{outcome.stem}: {outcome.run.seconds:.1f} s, {outcome.run.peak_mb:,.0f} MB")
        else:
            typer.echo(f"error: {outcome.error}", err=True)

    todo = wanted if force else list(reasons)
    outcomes = build.update(root, todo, jobs, report)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)
    typer.echo(
        f"{len(outcomes)} executed, {len(wanted) - len(todo)} up to date ({time.monotonic() - started:.0f} s)"
    )
