"""Spelling: every word of the prose is British English or stands in tests/words.txt."""

import json
import re
from pathlib import Path

import pytest
from spylls.hunspell import Dictionary

from course_utils import vendor

ROOT = Path(__file__).parent.parent
WORDS = ROOT / "tests" / "words.txt"
SOURCES = [
    *sorted((ROOT / "book").glob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "assignments").glob("*/*.ipynb")),
]

# What is not prose, in the order in which it is taken out.
NOT_PROSE = [
    r"(?s)\$\$.*?\$\$(?: *\([\w-]+\))?",
    r"(?s)(?<![\\$])\$[^$]+?\$(?!\d)",
    r"(?s)\\begin\{.*?\\end\{.*?\}",
    r"\{(?:cite:[a-z]+|numref|eq|doc|download|term|ref)\}`[^`<]*(?:<[^`]*>)?`",
    r"(?s)(`+)(?!`).*?(?<!`)\1(?!`)",  # code spans
    r"https?://\S+",
    r"\]\([^)]*\)",
    r"(?m)^ *\([\w-]+\)= *$",  # labels
    r"(?m)^ *:{3,}.*$",  # fences and their names
    r"(?m)^ *:(?!alt:)[\w-]+:.*$",  # options, but for alternative texts
    r"<[^>]+>",
    r"&\w+;",
    r"\b[\w.-]+\.(?:py|md|yml|toml|txt|json|ipynb|bib|csv|html|png|svg|js|com|org|db|cff)\b",
    r"\b[\w-]*_\w*\b",
]


@pytest.fixture(scope="module")
def dictionary():
    return Dictionary.from_files(str(vendor.fetch(ROOT, tests=True) / "dictionary-en-gb" / "index"))


@pytest.fixture(scope="module")
def own_words():
    return set(WORDS.read_text(encoding="utf-8").split())


def prose_of(path: Path) -> str:
    """The text a reader reads: of a notebook its Markdown, its captions and its alternative texts."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    parts = []
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append("".join(cell["source"]))
        shown = cell["metadata"].get("mystnb", {})
        parts.append(shown.get("figure", {}).get("caption", ""))
        parts.append(shown.get("image", {}).get("alt", ""))
    return "\n\n".join(parts)


def without_code(text: str) -> str:
    """Drop fenced code; keep what stands in fenced notes, figures and glossaries."""
    kept, open_fences = [], []
    for line in text.splitlines():
        fence = re.match(r" *(```+|~~~+)(\{?)", line)
        if fence is None:
            if "code" not in open_fences:
                kept.append(line)
        elif open_fences and line.strip() == fence[1]:
            open_fences.pop()
        else:
            is_prose = bool(fence[2]) and "{math}" not in line
            open_fences.append("prose" if is_prose else "code")
            kept.append(line.partition("}")[2] if is_prose else "")
    assert not open_fences, f"a fence is never closed: {text[:80]!r}"
    return "\n".join(kept)


def words_of(text: str) -> set[str]:
    """The words of a text in Markdown, without code, formulas, addresses, references and markup."""
    text = without_code(text)
    for pattern in NOT_PROSE:
        text = re.sub(pattern, " ", text)
    found = re.findall(r"(?<![\w'’])[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’][A-Za-zÀ-ÖØ-öø-ÿ]+)*(?![\w])", text)
    return {re.sub(r"['’]s$", "", word).replace("’", "'") for word in found if len(word) > 1}


def unknown(words, dictionary, own_words) -> list[str]:
    def known(word):
        # Capitals inside a word mark a name or an abbreviation: NumPy, CIFAR.
        return (
            word in own_words
            or word.lower() in own_words
            or not (word.islower() or word.istitle())
            or dictionary.lookup(word)
            or dictionary.lookup(word.lower())
        )

    return sorted(word for word in words if not known(word))


def test_words_are_spelled_as_in_british_english(dictionary, own_words):
    where = {}
    for path in SOURCES:
        for word in words_of(prose_of(path)):
            where.setdefault(word, []).append(path.relative_to(ROOT).as_posix())
    assert len(where) > 500
    wrong = [f"{word} ({', '.join(where[word])})" for word in unknown(where, dictionary, own_words)]
    assert not wrong, "mend these, or add what is right to tests/words.txt:\n" + "\n".join(wrong)


def test_misspelled_and_american_words_are_found(dictionary, own_words):
    words = words_of(
        "The colour is normalised. The color is **regularized**, `normalize` and $x\\_recieve$ teh end."
    )
    assert unknown(words, dictionary, own_words) == ["color", "regularized", "teh"]


def test_only_prose_is_read():
    text = """(sec-labelx)=
# Headingx one

```python
codex = 1
```

```{note}
Notex [linkx](https://example.org/pathx) and {cite:p}`keyx`.
```

$$ formulax $$ (eq-formulax)

<details class="classx"><summary>Summaryx</summary>

:::{figure} filex.png
:name: namex
:alt: Altx
:::
"""
    assert {w for w in words_of(text) if w.endswith("x")} == {
        "Headingx",
        "Notex",
        "linkx",
        "Summaryx",
        "Altx",
    }


def test_word_list_is_sorted_and_needed(dictionary):
    words = WORDS.read_text(encoding="utf-8").split()
    assert words == sorted(set(words), key=lambda word: (word.lower(), word))
    assert [word for word in words if dictionary.lookup(word)] == [], "the dictionary knows these"


def test_no_fold_follows_another_without_a_line_between():
    """JupyterLab's Markdown extension folds only the first of several that touch; the rest stand open."""
    sources = [*(ROOT / "notebooks").glob("*.py"), *(ROOT / "solutions").glob("*/ps*.py")]
    assert sources
    assert [path.name for path in sources if "</details>\n# <details" in path.read_text("utf-8")] == []
