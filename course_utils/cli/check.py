"""``course check``: run an assignment's visible tests from a terminal."""

from typing import Annotated

import typer

from course_utils.cli import app

_SYMBOLS = {
    "passed": "passed      ",
    "failed": "FAILED      ",
    "not answered": "not answered",
    "not checked": "not checked ",
    "read by a person": "for a person",
    "not marked": "note        ",
}


@app.command()
def check(
    assignment: Annotated[str, typer.Argument(help="ps1, ps1_first_classifiers, or a notebook's path.")],
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 60,
    hints: Annotated[bool, typer.Option(help="Show the first hint of what failed.")] = True,
) -> None:
    """Run the visible tests of your notebook, in order, and say what failed and where to look.

    Exit status 0: all visible tests pass; 1: some do not; 2: the notebook can't be checked. Your file is
    not changed.
    """
    from collections import Counter

    from course_utils import checking

    counts: Counter[str] = Counter()
    try:
        path = checking.find_notebook(assignment)
        notebook = checking.load(path)
        typer.echo(f"{path}\n")
        for result in checking.check(notebook, path.parent, timeout):
            counts[result.status] += 1
            typer.echo(f"{_SYMBOLS[result.status]}  {result.title}")
            for message in result.messages:
                typer.echo(f"              {message}")
            if result.hint and hints and result.status == "failed":
                typer.echo(f"              Hint: {result.hint}")
    except checking.CheckError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    said = {"not marked": "of your own cells stopped"}
    typer.echo("\n" + ", ".join(f"{n} {said.get(status, status)}" for status, n in counts.items()) + ".")
    if counts["failed"] or counts["not answered"] or counts["not checked"]:
        raise typer.Exit(1)
    typer.echo("All visible tests pass. Hidden tests compare values when your work is marked.")
