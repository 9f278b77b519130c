"""``course bench``: it measures what it says, and records it like any other result."""

import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from course_utils import results
from course_utils.cli import app
from course_utils.experiments import bench, grading_bench, grading_class


def test_the_three_ways_compute_the_same_distances():
    rng = np.random.default_rng(0)
    x, train = rng.random((3, 7), dtype=np.float32), rng.random((5, 7), dtype=np.float32)
    expected = ((x[:, None] - train) ** 2).sum(-1)
    for way in (bench.two_loops, bench.one_loop, bench.no_loop):
        np.testing.assert_allclose(way(x, train), expected, rtol=1e-4)


def test_a_rehearsal_prints_and_records_medians_and_ratios(tmp_path):
    done = CliRunner().invoke(app, ["bench", "--part", "machine", "--quick", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "no loop share of matrix product" in done.stdout
    result = results.load("bench", tmp_path)
    assert result["command"] == "course bench"
    median, ratio = result["settings"]["median"], result["settings"]["ratio"]
    assert set(median) == set(result["metrics"])
    for key, summary in result["metrics"].items():
        assert median[key] == pytest.approx(np.median(summary["per_seed"]), rel=1e-3), key
    assert ratio["two_loops_over_two_loops"] == 1.0
    share = median["distances_no_loop_gflops"] / median["matrix_product_gflops"]
    assert ratio["no_loop_share_of_matrix_product"] == pytest.approx(share, rel=1e-2)


def test_a_rehearsal_writes_nowhere_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "results_dir", lambda: tmp_path)
    assert CliRunner().invoke(app, ["bench", "--part", "machine", "--quick"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_part_is_named():
    done = CliRunner().invoke(app, ["bench", "--part", "gpu"])
    assert done.exit_code == 2
    assert "no part 'gpu'; there are: machine, grading" in done.stderr


@pytest.mark.full
@pytest.mark.sandbox
def test_a_rehearsal_of_grading_compares_marks_and_times(tmp_path):
    done = CliRunner().invoke(app, ["bench", "--part", "grading", "--quick", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    result = results.load("bench_grading", tmp_path)
    each = result["settings"]["median"]
    for way in ("stock_autograde", "course_autograde", "grade_1_worker", "grade_2_workers"):
        assert each[f"{way}_4_seconds_each"] == pytest.approx(
            result["metrics"][f"{way}_4_seconds"]["mean"] / 4, rel=1e-3
        )
    ratio = each["stock_autograde_4_seconds_each"] / each["grade_1_worker_4_seconds_each"]
    assert result["settings"]["ratio"]["grade_1_worker_4_over_stock"] == pytest.approx(ratio, rel=1e-2)


def test_a_wrong_mark_or_a_failure_stops_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr(grading_class, "hand_in", lambda course, size: {"ada": {"ex1_hidden": 3.0}})
    monkeypatch.setattr(grading_class, "recorded", lambda course: {"ada": {"ex1_hidden": 0.0}})
    with pytest.raises(grading_bench.GradingError, match=r"wrong marks for \['ada'\], none for \[\]"):
        grading_bench._run([sys.executable, "-c", "pass"], tmp_path, 1)
    with pytest.raises(grading_bench.GradingError, match="ended with 3"):
        grading_bench._run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, 1)


def test_outside_a_checkout_one_line_says_so(tmp_path, monkeypatch):
    def nowhere(self):
        return bench.Outcome(seeds=[0], metrics={"x": results.summarise([1.0])})

    monkeypatch.setattr(bench, "BENCH", bench.Experiment("bench", "digits", 1.0, "Nothing.", nowhere))
    monkeypatch.setattr(results, "__file__", str(tmp_path / "course_utils" / "results.py"))
    done = CliRunner().invoke(app, ["bench", "--part", "machine"])
    assert done.exit_code == 1
    assert "is no checkout of the course" in done.stderr
