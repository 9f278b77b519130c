"""The notebook pipeline, on a toy chapter in a temporary course."""

import copy
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from course_utils import results
from course_utils.cli import app
from course_utils.notebooks import build, check, execute, fingerprint, pairs, sanitise

STEM = "01_toy"
SCRIPT = """# %% [markdown]
# # Toy
#
# Some text.

# %%
import ipywidgets
import matplotlib.pyplot as plt

from course_utils import helper
from course_utils.results import run_time_note

SEED = 0
DATASET = "pocket10"
print(run_time_note("01_toy"))

# %% tags=["nbval-ignore-output"]
# varies: the address
print(object(), "in", __name__)
assert DATASET

# %% mystnb={"figure": {"name": "fig-line", "caption": "A line."}, "image": {"alt": "A rising line."}}
fig, ax = plt.subplots(figsize=(2, 1))
_ = ax.plot([0, helper.one()])

# %%
unused = ipywidgets.IntSlider()
stack = ipywidgets.Stack([ipywidgets.HTML("a"), ipywidgets.HTML("b")], selected_index=0)
control = ipywidgets.Dropdown(options=["a", "b"], index=0)
ipywidgets.jslink((control, "index"), (stack, "selected_index"))
display(ipywidgets.VBox([control, stack]))

# %%
for name in ["toy"]:
    print(open(f"../book/results/recorded_{name}.json").read())
"""
# What a toy course needs of the real package (None: copied), and modules of its own.
MODULES = {
    "__init__.py": "",
    "results.py": None,
    "result_schema.py": None,
    "helper.py": "def one():\n    from course_utils.inner import deeper\n\n    return deeper.ONE\n",
    "inner/__init__.py": "TABLE = {'lazy': 'course_utils.lazy'}\n",
    "inner/deeper.py": "from ..version import GENERATOR_VERSION as ONE\nfrom . import beside\n",
    "inner/beside.py": "",
    "lazy.py": "",
    "version.py": "GENERATOR_VERSION: int = 1\n",
    "unused.py": "",
}


def make_course(folder: Path, script: str = SCRIPT) -> Path:
    package = Path(results.__file__).parent
    for name, text in MODULES.items():
        path = folder / "course_utils" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((package / name).read_text() if text is None else text)
    for name in ("_toc.yml", "_config.yml", "pyproject.toml"):
        (folder / name).touch()
    (folder / "book" / "results").mkdir(parents=True)
    (folder / "book" / "results" / "recorded_toy.json").write_text("{}")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / f"{STEM}.py").write_text(script)
    return folder


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Make a toy course whose chapter went through the pipeline."""
    course = make_course(tmp_path_factory.mktemp("executed") / "course")
    (outcome,) = build.update(course, [STEM])
    assert outcome.error is None
    return course


@pytest.fixture
def course(executed, tmp_path):
    """Copy the toy course, to be tampered with."""
    return shutil.copytree(executed, tmp_path / "course")


def notebook_path(course):
    return course / "notebooks" / f"{STEM}.ipynb"


def change(course, function, rehash=True):
    """Change the committed notebook; also the recorded hash of outputs, so that only one thing is wrong."""
    notebook = pairs.read_notebook(notebook_path(course))
    function(notebook)
    if rehash:
        notebook.metadata["course"]["outputs"] = fingerprint.outputs_hash(notebook)
    notebook_path(course).write_text(nbformat.writes(notebook, version=nbformat.NO_CONVERT))


def test_executed_chapter_is_up_to_date(executed):
    assert check.problems(executed, STEM) == []


def test_notebook_records_what_it_was_made_from(executed):
    recorded = pairs.read_notebook(notebook_path(executed)).metadata["course"]
    names = [
        "",
        "helper",
        "inner",
        "inner.beside",
        "inner.deeper",
        "lazy",
        "result_schema",
        "results",
        "version",
    ]
    assert list(recorded["modules"]) == [f"course_utils.{name}".rstrip(".") for name in names]
    assert list(recorded["files"]) == ["book/results/recorded_toy.json"]
    assert recorded["data"] == 1
    assert recorded["source"] == fingerprint.file_hash(executed / "notebooks" / f"{STEM}.py")


def test_outputs_are_the_same_everywhere(executed):
    notebook = pairs.read_notebook(notebook_path(executed))
    text = json.dumps(notebook)
    assert "<object object at 0x\\u2026> in __main__" in text
    assert [cell.execution_count for cell in pairs.code_cells(notebook)] == [1, 2, 3, 4, 5]
    assert [cell.id for cell in notebook.cells] == [f"cell-{i:03d}" for i in range(6)]
    assert notebook.metadata["kernelspec"] == pairs.KERNELSPEC
    assert "version" not in notebook.metadata["language_info"]
    assert not any("execution" in cell.metadata for cell in notebook.cells)
    # Only what is shown is kept: box, control, stack, two pages, their layouts and styles, and the link.
    kinds = [model["model_name"] for model in sanitise.widget_state(notebook).values()]
    assert "IntSliderModel" not in kinds
    assert kinds.count("HTMLModel") == 2
    assert kinds.count("LinkModel") == 1


def test_second_run_changes_nothing_but_the_time(course):
    before = pairs.read_notebook(notebook_path(course))
    again, run = build.make(course, STEM)
    for notebook in (before, again):
        notebook.cells[1].outputs = []
        notebook.metadata["course"].pop("outputs", None)
    assert again == before
    assert run.peak_mb > 20


def test_run_time_is_recorded_and_shown(executed):
    times = json.loads((executed / "book" / "results" / "run_times.json").read_text())
    assert times[STEM].keys() == {"seconds", "peak_mb", "cores", "processor"}
    assert 0 < times[STEM]["seconds"] < 60
    assert times[STEM]["peak_mb"] > 20
    shown = pairs.read_notebook(notebook_path(executed)).cells[1].outputs[0].text
    assert shown == results.run_time_note(STEM, executed / "book" / "results") + "\n"


def test_recording_one_run_time_keeps_the_others(tmp_path):
    build.record_run_time(tmp_path / "new", "02_b", execute.Run(1.26, 10.2))
    build.record_run_time(tmp_path / "new", "01_a", execute.Run(3, 9))
    (path,) = (tmp_path / "new").iterdir()
    times = json.loads(path.read_text())
    assert list(times) == ["01_a", "02_b"]
    assert (times["02_b"]["seconds"], times["02_b"]["peak_mb"]) == (1.3, 10)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("notebooks/01_toy.py", "the script changed"),
        ("course_utils/helper.py", "module course_utils.helper changed"),
        ("course_utils/inner/deeper.py", "module course_utils.inner.deeper changed"),
        ("course_utils/inner/__init__.py", "module course_utils.inner changed"),
        ("course_utils/inner/beside.py", "module course_utils.inner.beside changed"),
        ("course_utils/lazy.py", "module course_utils.lazy changed"),
        ("book/results/recorded_toy.json", "file book/results/recorded_toy.json changed"),
    ],
)
def test_a_changed_source_makes_the_notebook_stale(course, path, message):
    with (course / path).open("a") as file:
        file.write("\n# changed\n" if path.endswith(".py") else "\n")
    found = check.problems(course, STEM)
    assert found[0] == f"{message} since the notebook was executed"
    # A changed cell of the script shows twice: by its hash and as a difference of the pair.
    assert len(found) == (2 if path.startswith("notebooks") else 1)


def test_another_version_of_the_data_makes_the_notebook_stale(course):
    (course / "course_utils" / "version.py").write_text("GENERATOR_VERSION: int = 2\n")
    assert "Pocket-10 is version 2, the notebook shows 1" in check.problems(course, STEM)


def test_added_and_removed_sources_are_told(course):
    (course / "course_utils" / "lazy.py").unlink()
    (course / "book" / "results" / "recorded_toy.json").unlink()
    (course / "course_utils" / "helper.py").write_text("import course_utils.unused\n")
    found = check.problems(course, STEM)
    assert "module course_utils.unused added since the notebook was executed" in found
    assert "module course_utils.lazy removed since the notebook was executed" in found
    assert "file book/results/recorded_toy.json changed since the notebook was executed" in found


@pytest.mark.parametrize("path", ["course_utils/unused.py", "book/results/other_toy.json", "README.md"])
def test_what_the_chapter_does_not_use_does_not_matter(course, path):
    (course / path).write_text("{}")
    assert check.problems(course, STEM) == []


def set_text(notebook):
    notebook.cells[2].outputs[0].text = "another text"


def set_picture(notebook):
    data = notebook.cells[3].outputs[0].data
    data["image/png"] = data["image/png"][:100] + "A" + data["image/png"][101:]


def set_widget(notebook):
    state = sanitise.widget_state(notebook)
    next(model for model in state.values() if model["model_name"] == "HTMLModel")["state"]["value"] = "c"


@pytest.mark.parametrize("function", [set_text, set_picture, set_widget])
def test_tampered_outputs_are_found(course, function):
    change(course, function, rehash=False)
    (found,) = check.problems(course, STEM)
    assert "outputs differ from those that were recorded" in found


def swap_counts(notebook):
    first, second = notebook.cells[1:3]
    first.execution_count, second.execution_count = 2, 1


def drop_outputs(notebook):
    for cell in pairs.code_cells(notebook):
        cell.outputs = []
    notebook.metadata.pop("widgets")


def rename_widgets(notebook):
    stored = notebook.metadata["widgets"][sanitise.STATE]
    old = next(iter(stored["state"]))
    stored["state"]["f" * 32] = stored["state"].pop(old)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if sanitise.VIEW in output.get("data", {}):
                output["data"][sanitise.VIEW]["model_id"] = "f" * 32


def heavy_widget(notebook):
    for model in sanitise.widget_state(notebook).values():
        if model["model_name"] == "HTMLModel":
            model["state"]["value"] = "x" * check.WIDGET_BUDGET


def add_output(**output):
    def function(notebook):
        notebook.cells[2].outputs.append(new_output(**output))

    return function


def set_cell(position, part, value):
    def function(notebook):
        notebook.cells[position][part] = value

    return function


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (swap_counts, r"execution counts are \[2, 1, 3, 4, 5\]; wanted 1 to 5"),
        (set_cell(2, "execution_count", None), r"execution counts are \[1, None, 3, 4, 5\]"),
        (drop_outputs, "no cell has any output"),
        (set_cell(2, "id", "a1b2c3"), "cell 2: id is 'a1b2c3', wanted 'cell-002'"),
        (set_cell(2, "source", "print(2)"), "cell 2: source differs from the script's"),
        (set_cell(3, "metadata", {}), "cell 3: metadata differs from the script's"),
        (lambda notebook: notebook.cells.pop(0), "the script has 6 cells, the notebook 5"),
        (rename_widgets, "widget ids are not the ones"),
        (heavy_widget, r"widgets weigh 5,\d+,\d+ bytes"),
        (lambda notebook: notebook.metadata.pop("widgets"), "1 shown widgets have no saved state"),
        (add_output(output_type="stream", name="stderr", text="warning"), "cell 2: writes to stderr"),
        (add_output(output_type="error", ename="ValueError", evalue="no"), r"shows an error \(ValueError\)"),
        (
            add_output(output_type="stream", name="stdout", text="at 0x7f5d55e7b370"),
            "an address or a private path",
        ),
        (
            add_output(output_type="display_data", data={"text/plain": "/home/me/.venv/lib/python3.11/x.py"}),
            "an address or a private path",
        ),
        (
            add_output(
                output_type="display_data", data={"text/html": "<img src='data:image/png;base64,iVBO'>"}
            ),
            "a picture's bytes",
        ),
    ],
)
def test_unstable_and_broken_notebooks_are_found(course, function, message):
    change(course, function)
    found = check.problems(course, STEM)
    assert re.search(message, "\n".join(found)), found


def test_two_cells_with_one_grade_id_are_found():
    cell = new_code_cell("1", metadata={"nbgrader": {"grade_id": "a b"}}, id="a-b")
    notebook = nbformat.from_dict({"cells": [cell, cell]})
    assert check._id_problems(notebook) == ["two cells have the same grade_id"]


def test_missing_notebook_and_missing_chapter(course):
    notebook_path(course).unlink()
    assert check.problems(course, STEM) == ["has not been executed yet: there is no notebook"]
    with pytest.raises(FileNotFoundError, match="there is no chapter 02_none"):
        check.problems(course, "02_none")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('broken on purpose')", "ValueError: broken on purpose"),
        ("import warnings\nwarnings.warn('beware')", "writes to stderr.*\n.*\n.*\n.*beware"),
    ],
)
def test_a_failing_chapter_leaves_the_committed_notebook(course, code, message):
    before = notebook_path(course).read_bytes()
    script = course / "notebooks" / f"{STEM}.py"
    script.write_text(f"# %% [markdown]\n# Text.\n\n# %%\n{code}\n")
    (outcome,) = build.update(course, [STEM])
    assert outcome.run is None
    assert outcome.error.startswith(f"{STEM}: cell 1")
    assert code.splitlines()[0] in outcome.error
    assert re.search(message, outcome.error)
    assert notebook_path(course).read_bytes() == before
    assert not list((course / "notebooks").glob(".*"))


def test_a_cell_that_hangs_is_stopped(course):
    notebook = new_notebook(cells=[new_code_cell("import time; time.sleep(60)")])
    with pytest.raises(execute.NotebookError, match="cell 0 failed"):
        execute.execute(notebook, "00_slow", course, timeout=1)


def test_kernel_sees_this_course_and_one_thread(course, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    code = "import os, course_utils.lazy as m\n[m.__file__, os.getcwd()] + [os.environ.get(k) for k in {}]"
    names = ["OMP_NUM_THREADS", "MPLBACKEND", "EXTRA"]
    notebook = new_notebook(cells=[new_code_cell(code.format(names))])
    execute.execute(notebook, "00_where", course, env={"EXTRA": "yes"})
    backend = "module://matplotlib_inline.backend_inline"
    wanted = [str(course / "course_utils" / "lazy.py"), str(course / "notebooks"), "1", backend, "yes"]
    assert notebook.cells[0].outputs[0]["data"]["text/plain"].split() == repr(wanted).split()


def test_script_keeps_metadata_and_ids_follow_from_it(tmp_path):
    path = tmp_path / "ps.py"
    path.write_text(
        "# %% [markdown]\n# Text\n\n"
        '# %% nbgrader={"grade_id": "knn/predict", "grade": true} tags=["a"]\nx = 1\n\n'
        '# %% mystnb={"figure": {"name": "fig-a", "caption": "With {eq}`eq-a` and \\"quotes\\"."}}\n'
        "%matplotlib inline\n"
    )
    notebook = pairs.read_script(path)
    assert [cell.id for cell in notebook.cells] == ["cell-000", "knn-predict", "cell-002"]
    assert notebook.cells[1].metadata == {
        "nbgrader": {"grade_id": "knn/predict", "grade": True},
        "tags": ["a"],
    }
    assert notebook.cells[2].metadata["mystnb"]["figure"]["caption"] == 'With {eq}`eq-a` and "quotes".'
    nbformat.validate(notebook)


def test_streams_are_joined_and_private_things_hidden():
    outputs = [
        new_output("stream", name="stdout", text="at 0x7f00aa11bb22, "),
        new_output("stream", name="stdout", text="in /tmp/ipykernel_12/345.py and /tmp/abc/x.txt\n"),
        new_output(
            "display_data",
            data={"text/plain": "/home/me/course/course_utils/data/sets.py:3", "image/png": "0x7f00aa"},
        ),
        new_output("stream", name="stdout", text="see https://example.org/book/1.2.3/ and 0x7f"),
    ]
    notebook = new_notebook(cells=[new_markdown_cell("x"), new_code_cell("x", outputs=outputs)])
    notebook.cells[1].metadata["execution"] = {"iopub.status.busy": "now"}
    sanitise.clean_outputs(notebook)
    texts = [output.get("text") or output["data"] for output in notebook.cells[1].outputs]
    assert texts == [
        "at 0x…, in <cell> and <tmp>\n",
        {"text/plain": "…/course_utils/data/sets.py:3", "image/png": "0x7f00aa"},
        "see https://example.org/book/1.2.3/ and 0x7f",
    ]
    assert notebook.cells[1].metadata == {}
    before = copy.deepcopy(notebook)
    sanitise.clean_outputs(notebook)
    assert notebook == before


def test_notebook_without_widgets_holds_no_state():
    notebook = new_notebook(metadata={"widgets": {sanitise.STATE: {"state": {}}}})
    sanitise.renumber_widgets(notebook, STEM)
    assert "widgets" not in notebook.metadata


def test_nbval_compares_through_the_same_rules(root):
    from nbval.plugin import get_sanitize_patterns

    text = (root / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8")
    assert text == sanitise.nbval_rules()
    line = "torch 2.15.0+cpu at 0x7f00aa11bb22, accuracy 0.415"
    for pattern, replacement in get_sanitize_patterns(text):
        line = re.sub(pattern, replacement, line)
    assert line == "torch X.Y.Z at 0x…, accuracy 0.415"


def test_command_executes_what_is_stale_and_says_why(course, monkeypatch):
    monkeypatch.chdir(course / "notebooks")
    run = CliRunner().invoke
    assert "0 executed, 1 up to date" in run(app, ["notebooks"]).output
    with (course / "course_utils" / "helper.py").open("a") as file:
        file.write("# changed\n")
    result = run(app, ["notebooks", "--check"])
    assert result.exit_code == 1
    assert f"{STEM}: module course_utils.helper changed since the notebook was executed" in result.output
    assert "1 of 1 notebooks are stale; run `course notebooks`" in result.output
    result = run(app, ["notebooks", f"notebooks/{STEM}.py"])
    assert result.exit_code == 0
    assert re.search(rf"{STEM}: [\d.]+ s, [\d,]+ MB\n1 executed, 0 up to date", result.output)
    result = run(app, ["notebooks", "--check"])
    assert result.exit_code == 1
    assert f"{STEM}: has 3 words of prose; wanted 2,000" in result.output
    assert "1 of 1 chapters lack something" in result.output
    monkeypatch.setattr(build, "lacking", lambda root, stems: {})
    assert run(app, ["notebooks", "--check"]).output == "all 1 notebooks are up to date\n"


def test_command_ends_with_an_error_where_a_chapter_fails_or_is_unknown(course, monkeypatch):
    monkeypatch.chdir(course)
    (course / "notebooks" / f"{STEM}.py").write_text("# %%\n1 / 0\n")
    result = CliRunner().invoke(app, ["notebooks"])
    assert result.exit_code == 1
    assert f"error: {STEM}: cell 0 failed" in result.output
    (course / "course_utils" / "helper.py").write_text("def one(:\n")
    (course / "notebooks" / f"{STEM}.py").write_text(SCRIPT)
    result = CliRunner().invoke(app, ["notebooks"])
    assert result.exit_code == 1
    assert re.search(r"error: invalid syntax \(helper.py, line 1\)", result.output)
    result = CliRunner().invoke(app, ["notebooks", "09_none"])
    assert result.exit_code == 1
    assert "there is no chapter 09_none" in result.output
