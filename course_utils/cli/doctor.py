"""``course doctor``: does this installation work, and if not, what to do."""

from contextlib import nullcontext
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def doctor(
    instructor: Annotated[
        bool, typer.Option("--instructor", help="Require what grading needs, too.")
    ] = False,
) -> None:
    """Check this installation and say how to mend each finding; exit status 1 if something must be mended."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from course_utils.doctor import checks

    console = Console()
    findings = []
    with console.status("Checking") if console.is_terminal else nullcontext():
        for check in checks(instructor):
            findings.append(check())
            if not console.is_terminal:
                name, status, detail, remedy = findings[-1]
                typer.echo(f"{status:<5} {name}: {detail}" + (f"\n      -> {remedy}" if remedy else ""))
    if console.is_terminal:
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        table = Table("", "check", "found", "what to do")
        for name, status, detail, remedy in findings:
            table.add_row(f"[{colours[status]}]{status}[/]", escape(name), escape(detail), escape(remedy))
        console.print(table)
    failed = sum(finding.status == "fail" for finding in findings)
    warned = sum(finding.status == "warn" for finding in findings)
    if failed:
        typer.echo(f"{failed} to mend before you can work, {warned} to know about.")
        raise typer.Exit(1)
    typer.echo(
        "Everything needed works." if not warned else f"Everything needed works; {warned} to know about."
    )
