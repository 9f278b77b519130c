"""The rendered book: no warnings, no dead link, no picture without words; and how it is made."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from book_pages import CHAPTERS, PAGES, ROOT, anchors, config, soup, widget_pictures
from PIL import Image
from typer.testing import CliRunner

from course_utils import book, pages, results, vendor
from course_utils.cli import app


@pytest.fixture(scope="session")
def html(rendered):
    folder, _ = rendered
    return folder


def test_builds_without_warnings(rendered):
    folder, problems = rendered
    assert problems == []
    assert (folder / "index.html").is_file()


def test_every_page_is_rendered_and_in_the_contents(html):
    contents = soup(html / "book" / "index.html").find("nav", class_="bd-docs-nav")
    listed = {
        (html / "book" / link["href"]).resolve().relative_to(html.resolve()).as_posix().removesuffix(".html")
        for link in contents.find_all("a", href=True)
        if link["href"] != "#"
    }
    assert set(PAGES) - {"book/index"} <= listed


def _rendered_pages(html: Path) -> list[Path]:
    return sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)


def _broken(html: Path, page: Path) -> list[str]:
    """References of a page to files or anchors of the book that aren't there."""
    broken = []
    for tag in soup(page).find_all(True):
        for attribute in ("href", "src"):
            target = tag.get(attribute)
            if not target or urlsplit(target).scheme in ("http", "https", "mailto", "data", "javascript"):
                continue
            parts = urlsplit(target)
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
            anchor = unquote(parts.fragment)
            if not file.is_file():
                broken.append(f"{page.relative_to(html)}: {target}")
            elif anchor and file.suffix == ".html" and anchor not in anchors(file):
                broken.append(f"{page.relative_to(html)}: {target} (no such anchor)")
    return broken


def test_internal_links_lead_somewhere(html):
    found = _rendered_pages(html)
    assert len(found) > len(PAGES)
    assert [line for page in found for line in _broken(html, page)] == []


def test_link_check_sees_dead_links(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<p id="here"><a href="#here">a</a><a href="#gone">b</a><img src="no.png"></p>', encoding="utf-8"
    )
    assert _broken(tmp_path, page) == ["page.html: #gone (no such anchor)", "page.html: no.png"]


def test_pages_load_nothing_from_elsewhere(html):
    loading = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
    outside = [
        f"{page.relative_to(html)}: {tag}"
        for page in _rendered_pages(html)
        for name, attribute in loading.items()
        for tag in soup(page).find_all(name)
        if urlsplit(tag.get(attribute, "")).scheme in ("http", "https") and tag.get("rel") != ["canonical"]
    ]
    assert outside == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_alternative_text(html, page):
    path = html / f"{page}.html"
    pictures = [str(tag) for tag in soup(path).find_all("img") if not tag.get("alt", "").strip()]
    moving = [tag for tag in widget_pictures(path) if 'alt="' not in tag or 'alt=""' in tag]
    assert pictures + moving == []


def test_search_finds_words_of_the_pages(html):
    text = (html / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    assert set(PAGES) <= set(index["docnames"])
    assert "notat" in index["titleterms"]  # the stem of notation
    assert "gradient" in index["terms"]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_chapter_can_be_launched_and_downloaded(html, stem):
    repository = config()["repository"]["url"].removeprefix("https://github.com/")
    page = html / "notebooks" / f"{stem}.html"
    links = {tag["href"] for tag in soup(page).find_all("a", href=True)}
    assert f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/notebooks/{stem}.ipynb" in links
    assert f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{stem}.ipynb" in links
    download = f"../_sources/notebooks/{stem}.ipynb"
    assert download in links
    committed = ROOT / "notebooks" / f"{stem}.ipynb"
    assert (page.parent / download).resolve().read_bytes() == committed.read_bytes()


def test_every_row_of_the_coverage_table_leads_into_its_chapter(html):
    page = html / "book" / "coverage.html"
    sections = [heading.parent for heading in soup(page).select("article section > h2")]
    for stem, section in zip(CHAPTERS, sections, strict=True):
        rows = section.find("tbody").find_all("tr")
        assert len(rows) >= 5
        for row in rows:
            targets = [link["href"] for link in row.find_all("a", href=True)]
            assert targets, f"no link for: {row.get_text()}"
            assert all(target.startswith(f"../notebooks/{stem}.html#") for target in targets), targets


def test_recorded_results_are_all_on_their_page(html):
    text = soup(html / "book" / "recorded_results.html").get_text()
    names = results.names(ROOT / "book" / "results")
    assert [name for name in names if f"{name}.json" not in text] == []


def test_welcome_picture_is_what_its_script_draws():
    sys.path.insert(0, str(ROOT / "book" / "images"))
    try:
        from draw_welcome import draw
    finally:
        sys.path.pop(0)
    with Image.open(ROOT / "book" / "images" / "welcome.png") as committed:
        same = np.array_equal(np.asarray(committed), np.asarray(draw()))
    assert same, "run: python book/images/draw_welcome.py"


# How the book is made


@pytest.fixture
def small_book(tmp_path):
    """Make a course of one page that shares the fetched JavaScript."""
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / ".cache").symlink_to(vendor.fetch(ROOT).parent)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n", encoding="utf-8")
    (folder / "_config.yml").write_text("title: A\nonly_build_toc_files: true\n", encoding="utf-8")
    (folder / "index.md").write_text("# One page\n", encoding="utf-8")
    return folder


def test_build_says_what_is_wrong_and_says_it_again(small_book):
    (small_book / "index.md").write_text("# One page\n\nSee {ref}`sec-nowhere`.\n", encoding="utf-8")
    for _ in range(2):  # a second build must not pass because the page is already known
        result = book.build(small_book)
        assert len(result.problems) == 1
        assert result.problems[0].startswith("index.md:3: WARNING: undefined label: 'sec-nowhere'")
    (small_book / "index.md").write_text("# One page\n", encoding="utf-8")
    mended = book.build(small_book)
    assert mended.problems == ()
    assert mended.page.is_file()


def test_problem_in_a_notebook_is_found_by_its_cell(tmp_path):
    lines = ["notebooks/a.ipynb:170003: WARNING: b", "c.md:170003: WARNING: d"]
    log = "\n".join(f"{tmp_path}/{line}" for line in [*lines, "reading sources"])
    assert book._problems(log, tmp_path) == [
        "notebooks/a.ipynb: cell 17, line 2: WARNING: b",
        "c.md:170003: WARNING: d",
    ]


def test_build_reports_a_broken_setting(small_book):
    (small_book / "_toc.yml").write_text("format: jb-book\nroot: missing\n", encoding="utf-8")
    assert book.build(small_book).problems != ()


def test_root_folder_is_found_from_below():
    assert book.root_folder(ROOT / "book" / "images") == ROOT.resolve()


def test_root_folder_outside_a_course(tmp_path):
    with pytest.raises(FileNotFoundError, match="Change into the course's folder"):
        book.root_folder(tmp_path)


def test_command_prints_the_page_to_open(monkeypatch, tmp_path):
    calls = []

    def build(root, out, *, fresh):
        calls.append((root, out, fresh))
        return book.Build(tmp_path / "index.html", (), "")

    monkeypatch.setattr(book, "build", build)
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["book", "--fresh", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert str(tmp_path / "index.html") in done.output.replace("\n", "")
    assert calls == [(ROOT.resolve(), tmp_path, True)]


def test_command_lists_problems(monkeypatch):
    monkeypatch.setattr(book, "build", lambda *_, **__: book.Build(Path("x"), ("a.md:1: WARNING: b",), ""))
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["book"])
    assert done.exit_code == 1
    assert "1 to mend:\n  a.md:1: WARNING: b" in done.output


def test_command_outside_a_course(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["book"])
    assert done.exit_code == 1
    assert done.output.startswith("error: ")


# The JavaScript that is not ours


def test_pages_get_what_they_need_with_its_licence():
    static = vendor.fetch(ROOT) / "static" / "vendor"
    for name in ("mathjax", "@jupyter-widgets/html-manager"):
        assert (static / name / "LICENSE").is_file()
    assert '"license": "MIT"' in (static / "requirejs" / "package.json").read_text(encoding="utf-8")
    paths = [config()["sphinx"]["config"]["mathjax_path"], *config()["sphinx"]["config"]["nb_ipywidgets_js"]]
    assert [path for path in paths if not (static.parent / path).is_file()] == []


def test_fetched_packages_are_not_fetched_again(monkeypatch):
    vendor.fetch(ROOT, tests=True)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("npm was called"))
    vendor.fetch(ROOT, tests=True)


def test_another_version_is_fetched(monkeypatch, tmp_path):
    package = vendor.Package("requirejs", "2.3.7", ("require.js",))
    monkeypatch.setattr(vendor, "PACKAGES", (package,))
    old = vendor.folder_of(package, tmp_path / ".cache" / "vendor")
    old.mkdir(parents=True)
    (old / "package.json").write_text('{"version": "1.0.0"}', encoding="utf-8")
    fetched = []
    monkeypatch.setattr(vendor, "_fetch_one", lambda package, target: fetched.append(target))
    vendor.fetch(tmp_path)
    assert fetched == [old]


def test_registry_out_of_reach(monkeypatch, tmp_path):
    answer = subprocess.CompletedProcess([], 1, "", "npm error code ENOTFOUND")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(vendor.VendorError, match=r"mathjax@3\.2\.2.*Connect to the network once.*ENOTFOUND"):
        vendor.fetch(tmp_path)
    assert not list((tmp_path / ".cache").rglob("*.js"))


def test_npm_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(vendor.shutil, "which", lambda *_, **__: None)
    with pytest.raises(vendor.VendorError, match="npm is missing"):
        vendor.fetch(tmp_path)


def test_package_without_the_wanted_file(monkeypatch, tmp_path):
    import tarfile

    def pack(command, cwd, **_):
        (Path(cwd) / "package").mkdir()
        (Path(cwd) / "package" / "package.json").write_text('{"version": "1.0.0"}', encoding="utf-8")
        with tarfile.open(Path(cwd) / "a-1.0.0.tgz", "w:gz") as archive:
            archive.add(Path(cwd) / "package", "package")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pack)
    monkeypatch.setattr(vendor, "PACKAGES", (vendor.Package("a", "1.0.0", ("a.js",)),))
    with pytest.raises(vendor.VendorError, match=r"a@1\.0\.0 does not hold a\.js"):
        vendor.fetch(tmp_path)
    assert not list((tmp_path / ".cache" / "vendor" / "static" / "vendor").iterdir())


# The page of recorded results


def _result(**changes):
    result = {
        "name": "cifar10_toy",
        "command": "course reproduce cifar10_toy",
        "commit": "0123456789abcdef",
        "date": "2026-01-31T12:00:00",
        "seeds": [0, 1],
        "dataset": "CIFAR-10",
        "exactness": "CIFAR-10 (JPEG copy)",
        "hardware": {"processor": "a processor", "cores": 2},
        "versions": {"python": "3.11", "numpy": "2.0"},
        "wall_seconds": 12.0,
        "metrics": {
            "knn": {"test_accuracy": results.summarise([0.3, 0.4])},
            "parameters": results.summarise([10, 10]),
            "curve_accuracy": results.summarise([[0.1, 0.5], [0.2, 0.6]]),
        },
    }
    return {**result, **changes}


def test_recorded_result_becomes_a_section(tmp_path):
    results.save(_result(notes=["Measured twice."]), tmp_path)
    text = pages.recorded_results(tmp_path)
    assert "## CIFAR-10 toy" in text
    assert "| k-NN · test accuracy | 35.0 ± 7.1 % |" in text
    assert "| Parameters | 10 ± 0 |" in text
    assert "| Curve accuracy | 15.0 ± 7.1 % → 55.0 ± 7.1 % (2 points) |" in text
    assert "- Measured twice." in text
    assert "CIFAR-10 (JPEG copy)" in text
    assert "`course reproduce cifar10_toy`" in text


def test_recorded_pictures_are_shown_with_words(tmp_path):
    sheets = {"sheet.png": "0" * 64, "values.npz": "1" * 64}
    results.save(_result(notes=["Ten ships' sails."], settings={"sha256": sheets}), tmp_path)
    text = pages.recorded_results(tmp_path)
    assert ':::{figure} results/sheet.png\n:alt: "sheet.png: Ten ships\' sails."\n' in text
    assert "results/values.npz" not in text


def test_no_recorded_result(tmp_path):
    assert pages.recorded_results(tmp_path) == "No result has been recorded yet.\n"


@pytest.mark.parametrize("docname", pages.WRITTEN)
def test_a_page_written_by_code_has_the_marker_once(docname):
    assert (ROOT / f"{docname}.md").read_text(encoding="utf-8").count(pages.MARKER) == 1


def test_marker_is_replaced_on_its_page_only(tmp_path):
    folder = tmp_path / "book" / "results"
    folder.mkdir(parents=True)
    results.save(_result(), folder)

    class App:
        srcdir = str(tmp_path)

    for docname, replaced in (("book/recorded_results", True), ("book/index", False)):
        source = [f"# A\n\n{pages.MARKER}\n"]
        pages._fill_in(App(), docname, source)
        assert (pages.MARKER not in source[0]) == replaced
