"""The ``course`` command: one module of this folder per subcommand.

Each module registers itself on :data:`app`; anything heavy (PyTorch, nbgrader) is imported inside the
function that needs it, so that ``course --help`` answers at once.
"""

import importlib
import pkgutil

import typer

import course_utils

app = typer.Typer(
    name="course",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Tools of the image classification course.",
)


@app.callback(invoke_without_command=True)
def _course(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        print(course_utils.__version__)
        raise typer.Exit()


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
