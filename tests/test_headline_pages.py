"""The table of the sources' figures beside ours."""

import json

import pytest
from book_pages import ROOT

from course_utils import headline_pages, results
from course_utils.headline_pages import HEADLINES, Headline, figure


def line_of(what):
    return next(line for line in headline_pages.table(ROOT / "book/results").splitlines() if what in line)


def test_every_headline_is_recorded_and_written():
    lines = headline_pages.table(ROOT / "book/results").splitlines()
    assert len(lines) == len(HEADLINES) + 4
    assert all(line.count(" | ") >= 6 for line in lines[1:-1])


def test_our_figure_is_the_recorded_one():
    recorded = json.loads((ROOT / "book/results/car_truck_least_squares.json").read_text())
    value = recorded["metrics"]["test_accuracy"]["mean"]
    cells = [cell.strip() for cell in line_of("sec-linear-real").strip("|").split("|")]
    assert cells[1] == "72 %"
    other = next(h for h in HEADLINES if h.result == recorded["name"] and h.source == 0.63)
    assert figure(other, recorded) == f"{100 * value:.1f} %"


@pytest.mark.parametrize(
    ("kind", "values", "written"),
    [
        ("fraction", [0.5, 0.7], "60.0 ± 14.1 %"),
        ("count", [5_852_170], "5,852,170"),
        ("seconds", [273.4], "273 s"),
        ("yes", [1.0, 1.0], "works"),
        ("yes", [1.0, 0.0], "fails"),
    ],
)
def test_kinds_of_figures(kind, values, written):
    headline = Headline("it", 0.5, "toy", ("a", "b"), kind, "sec-x")
    assert figure(headline, {"metrics": {"a": {"b": results.summarise(values)}}}) == written


def test_the_sources_values_are_those_that_the_experiments_name():
    for headline in HEADLINES:
        named = results.load(headline.result).get("settings", {}).get("source_figures", {})
        key = headline.path[-1].removesuffix("_augmented")
        if key in named:
            assert named[key] == headline.source, headline.what


def test_a_missing_result_is_an_error(tmp_path):
    with pytest.raises(results.ResultError):
        headline_pages.table(tmp_path)
