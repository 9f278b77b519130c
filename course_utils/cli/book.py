"""``course book``: render the book."""

import time
from pathlib import Path
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def book(
    out: Annotated[
        Path | None, typer.Option(help="Folder for _build; the course's folder if omitted.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Render every page again.")] = False,
) -> None:
    """Render the book from the committed outputs; warnings are errors."""
    from course_utils import vendor
    from course_utils.book import build, root_folder

    started = time.monotonic()
    try:
        result = build(root_folder(), out, fresh=fresh)
    except (FileNotFoundError, vendor.VendorError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    if result.problems:
        typer.echo(f"The book was not rendered cleanly; {len(result.problems)} to mend:", err=True)
        for problem in result.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(1)
    typer.echo(f"The book is ready ({time.monotonic() - started:.0f} s). Open {result.page}")
