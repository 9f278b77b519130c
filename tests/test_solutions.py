"""Every folded solution of a chapter's exercise runs, after the cells it needs."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from course_utils.notebooks import pairs
from course_utils.notebooks.equations import needed_cells

CHAPTERS = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))
_SOLUTION = re.compile(r'<details class="solution">.*?</details>', re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def solutions(chapter: Path) -> tuple[list[str], list[str]]:
    """Return a chapter's code cells and the code of its folded solutions."""
    notebook = pairs.read_script(chapter)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    codes = ["\n".join(_CODE.findall(block)) for block in _SOLUTION.findall(text)]
    return [cell.source for cell in pairs.code_cells(notebook)], [code for code in codes if code]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_solutions_run(chapter, monkeypatch):
    cells, codes = solutions(chapter)
    assert codes, "a chapter has exercises with solutions in code"
    monkeypatch.chdir(chapter.parent)
    # Cells that several solutions need run once; each solution works in a namespace of its own.
    needed = set().union(*(needed_cells([*cells, code], len(cells)) for code in codes))
    shared = {"__name__": "__main__", "display": lambda *things: None}
    with contextlib.redirect_stdout(io.StringIO()), plt.rc_context():
        for i in sorted(needed - {len(cells)}):
            exec(compile(cells[i], f"<{chapter.stem}, code {i}>", "exec"), shared)
            plt.close("all")
        for i, code in enumerate(codes, start=1):
            exec(compile(code, f"<{chapter.stem}, solution {i}>", "exec"), dict(shared))
            plt.close("all")


TOY = """\
# %%
x = 1

# %% [markdown]
# <details class="solution"><summary>Solution</summary>
#
# ```python
# assert x == 2
# ```
#
# </details>
"""


def test_a_wrong_solution_is_noticed(tmp_path):
    script = tmp_path / "toy.py"
    script.write_text(TOY)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError):
        test_solutions_run(script, patch)
