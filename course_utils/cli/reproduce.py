"""``course reproduce``: run a recorded experiment again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from course_utils.cli import app


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="The experiment; --list shows all.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the experiments and what is recorded.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; the checkout's book/results if omitted.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Rehearse on made-up pictures in seconds; nothing is recorded.")
    ] = False,
) -> None:
    """Run an experiment and record its figures with where, when and how they were measured."""
    from course_utils import results
    from course_utils.data import DataError
    from course_utils.experiments import experiments, run

    try:
        if list_:
            recorded = results.names(out)
            rows = [
                [
                    known.name,
                    f"{known.minutes:g} min",
                    "yes" if known.name in recorded else "no",
                    known.summary,
                ]
                for known in experiments().values()
            ]
            widths = [max(len(row[i]) for row in rows) for i in range(3)]
            for row in rows:
                typer.echo("  ".join([*map(str.ljust, row, widths), row[3]]))
            return
        if name is None:
            raise results.ResultError("name an experiment; `course reproduce --list` shows all.")
        result = run(name, quick=quick, folder=out, say=typer.echo)
        folder = out or (None if quick else results.results_dir())
    except (DataError, results.ResultError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    for line in _lines(result["metrics"]):
        typer.echo(line)
    typer.echo(results.provenance(result))
    typer.echo(
        f"{result['wall_seconds']:.1f} s; "
        + (f"wrote {folder / f'{name}.json'}" if folder else "nothing recorded")
    )


def _lines(metrics: dict[str, Any], path: str = "") -> Iterator[str]:
    """One line for each figure; of a curve, its means."""
    for key, node in metrics.items():
        name = f"{path}{key}"
        if "per_seed" not in node:
            yield from _lines(node, f"{name}.")
        elif isinstance(node["mean"], list):
            yield f"{name}: " + " ".join(f"{value:.4g}" for value in node["mean"])
        else:
            spread = "" if node["spread"] is None else f" ± {node['spread']:.2g}"
            yield f"{name}: {node['mean']:.4g}{spread}"
