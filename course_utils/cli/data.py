"""``course data``: which data sets are there, get one, look at one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from course_utils.cli import app

if TYPE_CHECKING:
    from course_utils.data.inventory import Entry

data_app = typer.Typer(no_args_is_help=True, help="List, download and look at the data sets.")
app.add_typer(data_app, name="data")

_SET = Annotated[
    str, typer.Argument(help="pocket10, mnist, fashion_mnist, cifar10, digits, or folder:PATH (show only).")
]


@data_app.command("list")
def list_sets() -> None:
    """List the data sets: present or not, where, how many pictures, how true to the original."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from course_utils.data.inventory import inventory

    console = Console()
    entries = inventory()
    if not console.is_terminal:
        for entry in entries:
            state = "present" if entry.present else "absent"
            typer.echo(f"{entry.name}: {state}; {_pictures(entry)}{entry.exactness}; {entry.where}")
        return
    table = Table("name", "", "pictures", "what it is", "where")
    for entry in entries:
        table.add_row(
            entry.name,
            "[green]present[/]" if entry.present else "[yellow]absent[/]",
            "\n".join(f"{count:,} {split}" for split, count in entry.pictures.items()),
            f"{escape(entry.title)}\n[dim]{escape(entry.exactness)}[/]",
            escape(entry.where),
        )
    console.print(table)


def _pictures(entry: "Entry") -> str:
    counted = " + ".join(f"{count:,} {split}" for split, count in entry.pictures.items())
    return f"{entry.title}, {counted}; " if counted else ""


@data_app.command()
def path(
    cache: Annotated[bool, typer.Option("--cache", help="The folder of derived files instead.")] = False,
) -> None:
    """Print the folder where data sets are looked for ($COURSE_DATA, else in the user's cache folder)."""
    from course_utils.data import cache_dir, data_dir

    typer.echo(str(cache_dir() if cache else data_dir()))


@data_app.command()
def get(
    name: _SET,
    force: Annotated[bool, typer.Option("--force", help="Download even where the set is there.")] = False,
) -> None:
    """Download a data set, or draw Pocket-10; does nothing where it is there and whole."""
    from course_utils.data import DataError, class_names
    from course_utils.data.real import REAL_SETS

    try:
        class_names(name)  # is there such a set?
        if name not in REAL_SETS:
            _prepare(name)
        elif force or not _is_whole(name):
            from course_utils.data.download import download

            typer.echo(f"{name} is ready in {download(REAL_SETS[name])}")
    except DataError as error:
        _stop(error)


def _is_whole(name: str) -> bool:
    """Load a set and say how many pictures it has, or why it must be downloaded."""
    from course_utils.data import DataError, DataNotFoundError, load

    try:
        counts = [len(load(name, split)[1]) for split in ("train", "test")]
    except DataNotFoundError:
        typer.echo(f"{name} is not there; downloading it.")
    except DataError as error:
        typer.echo(f"{error}\nDownloading {name} anew.")
    else:
        typer.echo(f"{name} is there: {counts[0]:,} train + {counts[1]:,} test pictures.")
        return True
    return False


def _prepare(name: str) -> None:
    """Draw or decode a set that needs no download, so that it is cached."""
    from course_utils.data import load
    from course_utils.data.progress import progress

    splits = ("train", "validation", "test") if name == "pocket10" else ("train", "test")
    counts = []
    with progress(f"Preparing {name}", len(splits)) as advance:
        for split in splits:
            counts.append(f"{len(load(name, split)[1]):,} {split}")
            advance(1)
    typer.echo(f"{name} is there: {' + '.join(counts)}.")


@data_app.command()
def show(
    name: _SET,
    split: Annotated[str, typer.Option(help="train, test, or validation where there is one.")] = "train",
    n: Annotated[int, typer.Option(min=1, help="How many pictures, as many of each class as can be.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Which pictures.")] = 0,
    out: Annotated[Path | None, typer.Option(help="PNG to write; without it the sheet is opened.")] = None,
) -> None:
    """Draw a contact sheet of some pictures, labelled."""
    import sys

    import numpy as np

    from course_utils.data import DataError, cache_dir, class_names, describe, load
    from course_utils.data.cache import written_aside
    from course_utils.plots import show_images

    try:
        images, labels = load(name, split, n=n, seed=seed)
        about, names = describe(name), class_names(name)
    except DataError as error:
        _stop(error)
    # A column a class: the first picture of every class, then the second, ...
    of_class = np.array([np.sum(labels[:i] == labels[i]) for i in range(len(labels))])
    order = np.lexsort((labels, of_class))
    figure = show_images(
        images[order],
        labels[order],
        names,
        len(names) if 5 <= len(names) <= 12 else 10,
        title=f"{about['dataset']}, {split}",
    )
    target = out or cache_dir() / "contact-sheets" / f"{name.replace(':', '-').replace('/', '-')}-{split}.png"
    try:
        with written_aside(target) as aside:
            figure.savefig(aside, format="png", dpi=150)
    except OSError as error:
        _stop(f"{target} can't be written ({error.strerror}). Name another file with --out.")
    typer.echo(str(target))
    if out is None and sys.stdout.isatty():
        typer.launch(str(target))


def _stop(error: object) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(1) from None
