"""What every chapter has, checked on small notebooks."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.notebooks import anatomy, build, execute, pairs, sanitise


def code(source="x = 1", outputs=(), tags=(), **metadata):
    metadata = {"tags": list(tags)} | metadata if tags else metadata
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


PNG = new_output("display_data", data={"image/png": "iVBO", "text/plain": "<Figure>"})
VIEW = new_output("display_data", data={sanitise.VIEW: {"model_id": "a"}, "image/png": "iVBO"})


EXERCISE = (
    "### Exercise 7.{}: pools\n"
    + 2 * '<details class="hint">a</details>\n'
    + '<details class="solution">b</details>\n'
)
CHOICE = '<details class="choice{}"><summary>5</summary>\n\nThat is the sum of all of them.\n\n</details>\n'
QUESTION = f'<div class="question">{CHOICE.format(" right")}{CHOICE.format("")}{CHOICE.format("")}</div>\n'
PRACTICE = "\n".join(EXERCISE.format(number) for number in range(1, 7)) + 6 * QUESTION


def figure(name="fig-a", caption="See.", alt="Points of two classes"):
    return {"mystnb": {"figure": {"name": name, "caption": caption}, "image": {"alt": alt}}}


def test_settings_stand_on_lines_of_their_own_once():
    good = new_notebook(cells=[code('import numpy\nSEED = 0\nDATASET = "pocket10"')])
    assert anatomy.setting_problems(good) == []
    bad = new_notebook(cells=[code('SEED, DATASET = 0, "pocket10"'), code("SEED = 0"), code("SEED = 1")])
    assert len(anatomy.setting_problems(bad)) == 2


@pytest.mark.parametrize(
    ("cell", "others", "message"),
    [
        (code("# varies: a timing\nassert True", tags=["nbval-ignore-output"]), 9, None),
        (
            code("# varies: a timing\nassert True", tags=["nbval-ignore-output"]),
            8,
            "1 of 9 code cells are exempt",
        ),
        (code("assert True", tags=["nbval-ignore-output"]), 9, "its first line is not `# varies"),
        (code("# varies: a timing", tags=["nbval-ignore-output"]), 9, "asserts nothing"),
        (code("x", tags=["nbval-skip"]), 9, "hidden from nbval"),
        (code("x", tags=["raises-exception"]), 9, "hidden from nbval"),
        (code("# NBVAL_IGNORE_OUTPUT\nx"), 9, "hidden from nbval"),
    ],
)
def test_exemptions_are_few_and_have_a_reason_and_an_assertion(cell, others, message):
    found = anatomy.exemption_problems(new_notebook(cells=[cell] + [code() for _ in range(others)]))
    assert (message in found[0] and len(found) == 1) if message else found == []


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [code(outputs=[PNG], **figure()), new_markdown_cell('![a bird](b.png) <img src="x" alt="y">')],
            None,
        ),
        ([code(outputs=[PNG], **figure(alt="figure"))], "without alt text in words"),
        ([code(outputs=[PNG])], "without alt text in words"),
        ([code(outputs=[PNG], **figure(caption=""))], "without caption and name"),
        ([code(outputs=[PNG], **figure(name="boundaries"))], "without caption and name"),
        ([code(outputs=[PNG, PNG], **figure())], "2 pictures from one cell"),
        (
            [code(outputs=[PNG], **figure()), code(outputs=[VIEW], **figure())],
            "fig-a: 2 figures have this name",
        ),
        ([new_markdown_cell("![](b.png)")], "in the text without alt text"),
        ([new_markdown_cell('<img src="b.png">')], "in the text without alt text"),
    ],
)
def test_every_picture_has_alt_text_caption_and_name(cells, message):
    found = "\n".join(anatomy.picture_problems(new_notebook(cells=cells)))
    assert (message in found) if message else found == ""


def test_only_prose_is_counted():
    text = """(sec-a)=
# Two words

Five plain words $x + y$ stand here, see {eq}`eq-a` and `some code`.

$$ a = b \\text{words} $$ (eq-a)

```python
none of these counts
```

```{note}
Three words count
```

<details class="hint"><summary>Hint 1</summary> [a link](https://example.org/many/words)
"""
    notebook = new_notebook(cells=[new_markdown_cell(text), new_code_cell("# not this")])
    assert anatomy.prose_words(notebook) == 2 + 7 + 3 + 1 + 2


def test_run_time_is_recorded_and_bearable(tmp_path):
    assert "not recorded" in anatomy.run_time_problems(tmp_path, "01_a")[0]
    build.record_run_time(tmp_path, "01_a", execute.Run(60.0, 9))
    build.record_run_time(tmp_path, "02_b", execute.Run(61.0, 9))
    assert anatomy.run_time_problems(tmp_path, "01_a") == []
    assert anatomy.run_time_problems(tmp_path, "02_b") == ["runs 61 s; at most 60 s are bearable"]


def test_a_chapter_with_everything_lacks_nothing(tmp_path):
    (tmp_path / "notebooks").mkdir()
    words = " ".join(["word"] * anatomy.FEWEST_WORDS)
    practice = PRACTICE.replace("Exercise 7", "Exercise 1")
    cells = [new_markdown_cell(words), new_markdown_cell(practice), code('SEED = 0\nDATASET = "pocket10"')]
    cells += [code(outputs=[VIEW], **figure(name=f"fig-{i}")) for i in range(2)]
    notebook = new_notebook(cells=cells)
    pairs.write_notebook(notebook, tmp_path / "notebooks" / "01_a.ipynb")
    build.record_run_time(tmp_path / "book" / "results", "01_a", execute.Run(5, 9))
    assert anatomy.problems(tmp_path, "01_a") == []
    del notebook.cells[3]
    pairs.write_notebook(notebook, tmp_path / "notebooks" / "01_a.ipynb")
    assert anatomy.problems(tmp_path, "01_a") == ["has 1 interactive figures; wanted 2"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", None),
        ("Exercise 7.2", "Exercise 7.3", "stands where 'Exercise 7.2:' was expected"),
        (EXERCISE.format(6), "", "has 5 exercises; wanted 6"),
        ('class="hint"', "", "Exercise 7.1: has too few hints; wanted 2"),
        ('class="solution"', 'class="hint"', "Exercise 7.1: has not exactly one folded solution"),
        (QUESTION, "", "has 5 quick questions; wanted 6"),
        ("choice right", "choice", "quick question 1: wanted 3 or more choices, one right"),
        (CHOICE.format(""), "", "quick question 1: wanted 3 or more choices, one right"),
        ("That is the sum of all of them.", "No.", "quick question 1: a choice is not explained"),
        ("<summary>5<", "<summary>$5$<", "'<summary>$': the line to click on is HTML"),
    ],
)
def test_exercises_and_questions_are_whole(old, new, message):
    text = PRACTICE.replace(old, new, 1) if old else PRACTICE
    found = anatomy.practice_problems(new_notebook(cells=[new_markdown_cell(text)]), 7)
    assert (len(found) == 1 and message in found[0]) if message else found == []
