"""``course report``: how a class did, as one HTML page, and its marks as CSV for an LMS."""

from pathlib import Path
from typing import Annotated

import typer

from course_utils.cli import app


@app.command()
def report(
    assignment: Annotated[str, typer.Argument(help="E.g. ps1_first_classifiers.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page; class/reports/ASSIGNMENT.html if omitted.")
    ] = None,
    csv: Annotated[list[str] | None, typer.Option(help="canvas, moodle or plain; may be repeated.")] = None,
    similar: Annotated[bool, typer.Option(help="Look for answers that are alike.")] = True,
    db: Annotated[
        str | None, typer.Option(metavar="URL", help="The gradebook, in place of nbgrader_config.py's.")
    ] = None,
) -> None:
    """Write a report of a class for its instructors, and its marks as CSV beside it.

    Run it in the course's folder after `course grade`. The page needs no network. CSV files have the page's
    name with `.canvas.csv` and so on in place of `.html`. Marks of persons count as soon as they are entered.

    Exit status 0: written; 2: the call, the course's folder or the gradebook is not right.
    """
    from course_utils.grading.coursefolder import CourseError, CourseFolder
    from course_utils.grading.gradebook import Gradebook, GradebookError
    from course_utils.grading.lms import FORMATS
    from course_utils.grading.report import class_report
    from course_utils.grading.report_page import page
    from course_utils.grading.similarity import alike
    from course_utils.grading.written_answers import answers_in, given_in

    unknown = sorted(set(csv or []) - set(FORMATS))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r}; one of {', '.join(FORMATS)} is wanted", param_hint="--csv")
    try:
        course = CourseFolder(db_url=db)
        sources = course.sources(assignment)
        with Gradebook(course.db_url) as book:
            marks, verdicts = book.marks(assignment), book.stored(assignment)
            cells = book.cell_marks(assignment)
        pairs = alike(answers_in(course, assignment, verdicts), given_in(sources)) if similar else []
        made = class_report(assignment, sources, marks, cells, verdicts, pairs)
        target = html or course.root / "class" / "reports" / f"{assignment}.html"
        files = {target: page(made)}
        files |= {target.with_suffix(f".{kind}.csv"): FORMATS[kind](made.title, marks) for kind in csv or []}
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            typer.echo(f"wrote {path}")
    except (CourseError, GradebookError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
