"""``course assignments``: generate notebooks and releases from the scripts in ``solutions/``."""

from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def assignments(
    names: Annotated[
        list[str] | None, typer.Argument(help="E.g. ps1_first_classifiers; all if omitted.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say what differs.")] = False,
) -> None:
    """Generate each assignment's notebook and its release with nbgrader."""
    from course_utils import assignments as work
    from course_utils.book import root_folder

    try:
        root = root_folder()
        known = work.assignments(root)
        unknown = sorted(set(names or []) - set(known))
        if unknown:
            there = ", ".join(known)
            raise work.AssignmentError(f"there is no {unknown[0]} in solutions/; there are: {there}")
        lines = []
        for name in names or known:
            if check:
                lines += work.differences(root, name)
            else:
                lines += [f"wrote {path.relative_to(root)}" for path in work.generate(root, name)]
    except (FileNotFoundError, work.AssignmentError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    for line in lines:
        typer.echo(line)
    if check and lines:
        typer.echo("Run `course assignments` and commit what it writes.", err=True)
        raise typer.Exit(1)
    if not lines:
        typer.echo(f"{len(names or known)} assignments are up to date")
