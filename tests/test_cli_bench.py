"""``course bench``: it measures what it says, and records it like any other result."""

import numpy as np
import pytest
from typer.testing import CliRunner

from course_utils import results
from course_utils.cli import app
from course_utils.experiments import bench


def test_the_three_ways_compute_the_same_distances():
    rng = np.random.default_rng(0)
    x, train = rng.random((3, 7), dtype=np.float32), rng.random((5, 7), dtype=np.float32)
    expected = ((x[:, None] - train) ** 2).sum(-1)
    for way in (bench.two_loops, bench.one_loop, bench.no_loop):
        np.testing.assert_allclose(way(x, train), expected, rtol=1e-4)


def test_a_rehearsal_prints_and_records_medians_and_ratios(tmp_path):
    done = CliRunner().invoke(app, ["bench", "--quick", "--out", str(tmp_path)])
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
    assert CliRunner().invoke(app, ["bench", "--quick"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_outside_a_checkout_one_line_says_so(tmp_path, monkeypatch):
    def nowhere(self):
        return bench.Outcome(seeds=[0], metrics={"x": results.summarise([1.0])})

    monkeypatch.setattr(bench, "BENCH", bench.Experiment("bench", "digits", 1.0, "Nothing.", nowhere))
    monkeypatch.setattr(results, "__file__", str(tmp_path / "course_utils" / "results.py"))
    done = CliRunner().invoke(app, ["bench"])
    assert done.exit_code == 1
    assert "is no checkout of the course" in done.stderr
