"""``course grade``: mark what a class handed in for an assignment."""

from pathlib import Path
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="E.g. ps1_first_classifiers.")],
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions marked at once; what cores and memory allow.")
    ] = None,
    time: Annotated[float, typer.Option(min=0.1, help="Seconds that one cell may take.")] = 60.0,
    total_time: Annotated[float, typer.Option(min=0.1, help="Seconds for a submission.")] = 900.0,
    memory: Annotated[int, typer.Option(min=64, help="MiB for a submission.")] = 2048,
    output: Annotated[int, typer.Option(min=0, help="Characters printed that are kept.")] = 10**6,
    regrade: Annotated[
        str,
        typer.Option(
            help="stale: what changed, or depends on what changed; all; none: only what has no verdict."
        ),
    ] = "stale",
    why: Annotated[bool, typer.Option("--why", help="Say what made each verdict stale.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to mark; write nothing.")] = False,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report as JSON; - for standard output.")
    ] = None,
    db: Annotated[
        str | None, typer.Option(metavar="URL", help="The gradebook, in place of nbgrader_config.py's.")
    ] = None,
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox", help="Run students' code unconfined, as you: it can do all you can."
        ),
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler whose workers mark: tcp://…")
    ] = None,
) -> None:
    """Mark what a class handed in, each submission in a sandbox of its own, and write the gradebook.

    Run it in the course's folder. What has a verdict that still holds is not marked again; a run that was
    interrupted or killed goes on where it was. Marks, comments and extra credit that a person entered stay.

    Exit status 0: every submission has a verdict (also one that was refused: 0 points, with the reason);
    1: some have none; 2: nothing was marked: the call, the course's folder, the gradebook or the sandbox is
    not right.
    """
    import sys

    # Reading notebooks imports jsonschema, which would build a grammar of internet addresses that nobody
    # needs here: a second of each start. It does without where the package is not there.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

    from course_utils.grading.cluster import ClusterError
    from course_utils.grading.coursefolder import CourseError, CourseFolder
    from course_utils.grading.engine import Engine, Settings
    from course_utils.grading.gradebook import GradebookError
    from course_utils.grading.limits import Limits
    from course_utils.grading.progress import Bar, Lines, summary
    from course_utils.grading.sandbox import SandboxError
    from course_utils.grading.signals import ending_is_an_interrupt

    if regrade not in ("stale", "all", "none"):
        raise typer.BadParameter(f"{regrade!r}; stale, all or none is wanted", param_hint="--regrade")
    if scheduler is not None and workers is not None:
        raise typer.BadParameter("the scheduler's workers are as many as they are", param_hint="--workers")
    limits = Limits(cell=time, total=total_time, memory=memory * 2**20, output=output)
    settings = Settings(student or [], limits, workers, regrade, dry_run, unsafe_no_sandbox, scheduler)
    stream = sys.stderr if json == "-" else sys.stdout
    progress = Bar(stream, why) if stream.isatty() else Lines(stream, why)
    try:
        with ending_is_an_interrupt():
            engine = Engine(CourseFolder(db_url=db), assignment, settings, progress)
            with progress:
                run = engine.run()
    except (ClusterError, CourseError, GradebookError, SandboxError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(summary(run), file=stream)
    if json == "-":
        typer.echo(run.as_json())
    elif json is not None:
        Path(json).write_text(run.as_json() + "\n", encoding="utf-8")
    if not run.complete and not (dry_run and not run.interrupted):
        raise typer.Exit(1)
