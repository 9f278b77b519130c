"""``course release``: build the student edition."""

from pathlib import Path
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def release(
    folder: Annotated[Path, typer.Argument(help="Where the student edition goes: a new or empty folder.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that is not empty.")] = False,
) -> None:
    """Write the student edition, a repository of its own: no solutions, no hidden tests, no history."""
    from course_utils import release as work
    from course_utils.book import root_folder

    try:
        files = work.build(root_folder(), folder, force=force)
    except (FileNotFoundError, work.ReleaseError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{len(files)} files in {folder}, one commit, no secret found.")
