"""``course reproduce`` from the command line."""

import re

import pytest
from typer.testing import CliRunner

from course_utils import results
from course_utils.cli import app


def call(*arguments):
    return CliRunner().invoke(app, ["reproduce", *arguments])


def test_the_list_shows_every_experiment_and_what_is_recorded(tmp_path):
    assert call("car_truck_least_squares", "--quick", "--out", str(tmp_path)).exit_code == 0
    done = call("--list", "--out", str(tmp_path))
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "ladder_pocket10" in lines
    assert " yes " in lines["car_truck_least_squares"]
    assert " no " in lines["cifar10_knn"]


def test_a_rehearsal_prints_the_figures_and_records_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "results_dir", lambda: tmp_path)
    done = call("mnist_knn", "--quick")
    assert done.exit_code == 0
    assert "test_accuracy.l2: 1\n" in done.stdout
    assert re.search(r"cross_validation.l1: 1( [\d.]+){4}\n", done.stdout)
    assert "nothing recorded" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_figures_of_several_seeds_carry_their_spread():
    done = call("fashion_mnist_linear", "--quick")
    assert re.search(r"softmax.test_accuracy: [\d.]+ ± [\d.]+\n", done.stdout)


def test_out_names_where_it_is_written(tmp_path):
    done = call("car_truck_least_squares", "--quick", "--out", str(tmp_path / "new"))
    assert done.exit_code == 0
    assert str(tmp_path / "new" / "car_truck_least_squares.json") in done.stdout.replace("\n", "")
    assert results.load("car_truck_least_squares", tmp_path / "new")["settings"]["test"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: name an experiment; `course reproduce --list` shows all."),
        (["nonsense"], "error: there is no experiment 'nonsense'. There are: "),
    ],
)
def test_mistakes_end_in_one_line(arguments, message):
    done = call(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_missing_data_ends_in_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    done = call("cifar10_knn")
    assert done.exit_code == 1
    assert "course data get cifar10" in done.stderr
