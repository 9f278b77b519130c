"""The schema of recorded results, and every file that is recorded."""

import copy
import hashlib
import json

import numpy as np
import pytest

from course_utils import results
from course_utils.results import ResultError, summarise


def example() -> dict:
    return {
        "name": "toy_result",
        "command": "course reproduce toy_result",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "date": "2026-01-31",
        "seeds": [0, 1],
        "dataset": "toy",
        "exactness": "Toy, made up",
        "hardware": {"processor": "Abacus", "cores": 2},
        "versions": {"python": "3.11.1", "numpy": "2.0.0", "torch": "2.15.0"},
        "wall_seconds": 1.5,
        "settings": {"k": [1, 3, 5]},
        "metrics": {
            "test_accuracy": summarise([0.5, 0.7]),
            "by_k": {"l2": summarise([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])},
            "once": summarise([3]),
        },
    }


def test_save_and_load_give_the_same(tmp_path):
    path = results.save(example(), tmp_path)
    assert path == tmp_path / "toy_result.json"
    assert results.load("toy_result", tmp_path) == example()
    assert "[0.1, 0.2, 0.3]" in path.read_text()  # a curve is one line
    assert [p.name for p in tmp_path.iterdir()] == ["toy_result.json"]  # nothing left aside
    assert results.names(tmp_path) == ["toy_result"]


@pytest.mark.parametrize("field", sorted(set(example()) - {"settings"}))
def test_every_field_is_required(field):
    broken = example()
    del broken[field]
    with pytest.raises(ResultError, match=f"missing: {field}"):
        results.validate(broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(extra=1), "unknown: extra"),
        (lambda r: r.update(name="Has Spaces"), "'name'"),
        (lambda r: r.update(name=""), "'name' is empty"),
        (lambda r: r.update(commit="main"), "'commit'"),
        (lambda r: r.update(date="yesterday"), "'date'"),
        (lambda r: r.update(seeds=[]), "'seeds'"),
        (lambda r: r.update(seeds=[0.5]), "'seeds'"),
        (lambda r: r.update(seeds=3), "'seeds' must be list, not int"),
        (lambda r: r.update(exactness="  "), "'exactness' is empty"),
        (lambda r: r["hardware"].pop("processor"), "'hardware' must name processor"),
        (lambda r: r["versions"].pop("numpy"), "'versions' must name numpy"),
        (lambda r: r.update(wall_seconds=True), "'wall_seconds' must be int or float"),
        (lambda r: r.update(wall_seconds=-1.0), "'wall_seconds' must be at least 0"),
        (lambda r: r.update(wall_seconds=float("nan")), "'wall_seconds' must be at least 0"),
        (lambda r: r.update(metrics={}), "'metrics' is empty"),
        (lambda r: r["metrics"].update(bare=0.5), "'metrics.bare' must be a dictionary"),
        (lambda r: r["metrics"]["once"].pop("spread"), "exactly per_seed, mean and spread"),
        (lambda r: r["metrics"]["once"].update(spread=0.0), "'metrics.once.spread'"),
        (lambda r: r["metrics"]["test_accuracy"].update(mean=0.7), "'metrics.test_accuracy.mean' is 0.7"),
        (lambda r: r["metrics"]["by_k"]["l2"]["mean"].pop(), "'metrics.by_k.l2.mean'"),
        (lambda r: r["metrics"]["once"].update(per_seed=[]), "'metrics.once': a summary needs a value"),
    ],
)
def test_what_is_wrong_is_refused_and_named(change, message, tmp_path):
    broken = copy.deepcopy(example())
    change(broken)
    with pytest.raises(ResultError, match=message):
        results.save(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_dictionaries_are_results():
    with pytest.raises(ResultError, match="not list"):
        results.validate([])


def test_loading_names_what_is_there_and_what_to_do(tmp_path):
    results.save(example(), tmp_path)
    with pytest.raises(ResultError, match=r"recorded: toy_result\)\. Run `course reproduce other`"):
        results.load("other", tmp_path)
    (tmp_path / "cut.json").write_text('{"name": "cut", ')
    with pytest.raises(ResultError, match=r"cut\.json is not readable JSON"):
        results.load("cut", tmp_path)
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(ResultError, match=r"empty\.json: missing: name"):
        results.load("empty", tmp_path)
    (tmp_path / "renamed.json").write_text(json.dumps(example()))
    with pytest.raises(ResultError, match="says its name is 'toy_result'"):
        results.load("renamed", tmp_path)


def test_an_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    results.save(example(), tmp_path)

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        results.save({**example(), "date": "2026-02-01"}, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["toy_result.json"]
    assert results.load("toy_result", tmp_path)["date"] == "2026-01-31"


def test_outside_a_checkout_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "__file__", str(tmp_path / "course_utils" / "results.py"))
    with pytest.raises(ResultError, match="is no checkout of the course"):
        results.results_dir()
    assert "not been recorded" in results.run_time_note("01_images_and_data")


def test_summarise():
    values = np.array([0.2, 0.4, 0.9], dtype=np.float32)
    summary = summarise(values)
    assert summary["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert summary["spread"] == pytest.approx(values.std(ddof=1), abs=1e-6)
    assert summarise([np.float32(2)]) == {"per_seed": [2.0], "mean": 2.0, "spread": None}
    curves = np.arange(6.0).reshape(2, 3)
    assert summarise(curves)["mean"] == [1.5, 2.5, 3.5]
    assert summarise(curves[:1])["spread"] == [None] * 3
    for bad in ([float("inf")], ["0.5"], [True], [[1.0, None]]):
        with pytest.raises(ResultError, match="finite number"):
            summarise(bad)
    for ragged in ([[1.0], [1.0, 2.0]], [1.0, [1.0]]):
        with pytest.raises(ResultError, match="same length"):
            summarise(ragged)


def test_formatting():
    assert results.percent(summarise([0.5, 0.7])) == "60.0 ± 14.1 %"
    assert results.percent(summarise([0.635])) == "63.5 %"
    assert results.mean_and_spread(summarise([1234.5]), digits=0, unit="s") == "1,234 s"
    text = results.table([["k-NN", "35 %"], ["softmax", "9 %"]], ["method", "test"])
    assert text.splitlines() == ["method   test", "-------  ----", "k-NN     35 %", "softmax   9 %"]
    with pytest.raises(ValueError, match="1 cells, the header has 2"):
        results.table([["alone"]], ["a", "b"])
    line = results.provenance(example())
    assert line.startswith("toy; 2 seeds; 2 cores of Abacus; numpy 2.0.0, torch 2.15.0; commit 0123456")
    gpu = example()
    gpu["hardware"]["accelerator"] = "Big GPU"
    assert "Big GPU, 2 cores" in results.provenance(gpu)


def test_run_time_note(tmp_path):
    entry = {"seconds": 31.7, "peak_mb": 1205, "cores": 2, "processor": "Abacus"}
    (tmp_path / "run_times.json").write_text(json.dumps({"02_nearest_neighbours": entry}))
    assert results.run_time_note("02_nearest_neighbours", tmp_path) == (
        "This chapter ran in 32 s with at most 1,205 MB of memory on 2 cores (Abacus)."
    )
    assert "not been recorded" in results.run_time_note("09_other", tmp_path)
    (tmp_path / "run_times.json").write_text("[")
    assert "not been recorded" in results.run_time_note("02_nearest_neighbours", tmp_path)
    assert results.names(tmp_path) == []  # run times are not a result


def test_the_committed_results_satisfy_the_schema():
    """Each file lies in the schema, under its own name, and says how exact its data set is."""
    prefixes = (
        "car_truck_",
        "cifar10_",
        "mnist_",
        "fashion_mnist_",
        "ladder_",
        "pocket10_",
        "convolution_",
        "bench",
    )
    for name in results.names():
        result = results.load(name)
        assert name.startswith(prefixes), name
        assert not result["commit"].endswith("-dirty"), f"{name} was recorded with uncommitted changes"
        assert result["commit"] != "unknown", name
        if name.startswith(("cifar10_", "car_truck_least_squares")) and "pocket10" not in name:
            assert result["dataset"].startswith("CIFAR-10"), name
            assert "exact" in result["exactness"] or "degraded" in result["exactness"], name


def test_arrays_beside_a_result_are_loaded_and_missed_clearly(tmp_path):
    np.savez(tmp_path / "some_facts.npz", pictures=np.arange(6).reshape(2, 3))
    assert results.load_arrays("some_facts", tmp_path)["pictures"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(results.ResultError, match="no arrays .*other_facts.npz"):
        results.load_arrays("other_facts", tmp_path)


def test_arrays_beside_a_result_are_those_it_recorded():
    for name in results.names():
        for file, digest in results.load(name).get("settings", {}).get("sha256", {}).items():
            content = (results.results_dir() / file).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest, file
            assert len(content) < (500_000 if file.endswith(".png") else 200_000), file


def test_least_squares_reproduces_the_source():
    """72 % and 63 % on the original pictures; a JPEG copy must come within a point and a half."""
    recorded = results.load("car_truck_least_squares")
    assert recorded["settings"]["train"] == 10_000
    assert recorded["settings"]["test"] == 2_000
    for key, source in recorded["settings"]["source_figures"].items():
        assert recorded["metrics"][key]["mean"] == pytest.approx(source, abs=0.015), key


@pytest.mark.real_data
def test_nearest_neighbours_on_mnist_recomputed_on_fewer_test_pictures():
    from course_utils.data import DataNotFoundError, load
    from course_utils.experiments import neighbours

    recorded = results.load("mnist_knn")
    k = recorded["settings"]["chosen_k"]["l2"]
    try:
        train, test = load("mnist", "train"), load("mnist", "test", n=500)
    except DataNotFoundError as error:
        pytest.skip(f"MNIST is not there: {error}")
    x, y = neighbours.flatten(test[0]), test[1]
    (accuracy,) = neighbours.accuracies(x, y, neighbours.flatten(train[0]), train[1], [k], "l2")
    # The standard error on 500 pictures is 0.8 points.
    assert accuracy == pytest.approx(recorded["metrics"]["test_accuracy"]["l2"]["mean"], abs=0.025)


@pytest.mark.skipif("ladder_pocket10" not in results.names(), reason="the ladder is not recorded yet")
def test_the_lowest_rung_of_the_ladder_recomputed_on_fewer_pictures():
    from course_utils.experiments import Context, ladder

    class Fewer(Context):
        def load(self, name, split, n=None, seed=0):
            return super().load(name, split, n=2_000, seed=seed)

    recorded = results.load("ladder_pocket10")["metrics"]["mean_colour"]["test_accuracy"]["mean"]
    accuracy = ladder.from_features(Fewer(), 0, ladder.mean_colour)["test_accuracy"]
    assert accuracy == pytest.approx(recorded, abs=0.05)
