"""The recorded experiments: each runs in a rehearsal, and what they compute is right."""

import json
import subprocess

import numpy as np
import pytest
import sklearn.linear_model
import torch
from torch.nn import functional as F

from course_utils import machine, models, results
from course_utils.experiments import (
    Context,
    Outcome,
    degradation,
    experiments,
    ladder,
    least_squares,
    linear,
    neighbours,
    networks,
    pocket,
    registry,
    regularisation,
    run,
)
from course_utils.results import ResultError, summarise

NAMES = sorted(experiments())


@pytest.mark.parametrize("name", NAMES)
def test_a_rehearsal_gives_a_valid_result_and_writes_nowhere(name, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "results_dir", lambda: tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "none"))  # no real data is read
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    said = []
    result = run(name, quick=True, say=said.append)
    results.validate(result)
    assert result["name"] == name
    assert result["command"] == f"course reproduce {name}"
    assert result["dataset"] == "made-up pictures"
    assert list(tmp_path.glob("*.json")) == []


def test_a_result_is_written_with_its_arrays_and_their_hash(tmp_path):
    result = run("cifar10_linear", quick=True, folder=tmp_path)
    assert results.load("cifar10_linear", tmp_path) == result
    with np.load(tmp_path / "cifar10_linear_templates.npz") as templates:
        assert {key: templates[key].shape for key in templates} == {
            "softmax": (10, 32, 32, 3),
            "svm": (10, 32, 32, 3),
        }
    again = run("cifar10_linear", quick=True, folder=tmp_path / "again")
    assert again["settings"]["sha256"] == result["settings"]["sha256"]  # same seed, same bytes
    assert again["metrics"] == result["metrics"]


def test_an_unknown_experiment_is_refused_with_the_list():
    with pytest.raises(ResultError, match=r"no experiment 'cifar100'\. There are: car_truck_cnn, "):
        run("cifar100")


def test_every_experiment_says_what_it_does():
    for known in experiments().values():
        assert known.summary.endswith(".")
        assert known.minutes > 0


def test_a_failing_experiment_records_nothing(tmp_path, monkeypatch):
    def fails(context):
        raise RuntimeError("half way")

    monkeypatch.setitem(
        registry._REGISTRY, "fails", registry.Experiment("fails", "pocket10", 1.0, "Fail.", fails)
    )
    with pytest.raises(RuntimeError, match="half way"):
        run("fails", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- provenance ---------------------------------------------------------------------------------------------


def test_in_earnest_the_real_data_set_is_described(tmp_path, monkeypatch):
    outcome = Outcome(seeds=[0], metrics={"accuracy": summarise([0.5])})
    toy = registry.Experiment("toy", "digits", 1.0, "Toy.", lambda context: outcome)
    monkeypatch.setitem(registry._REGISTRY, "toy", toy)
    result = run("toy", folder=tmp_path)
    assert result["dataset"] == "scikit-learn digits"
    assert json.loads((tmp_path / "toy.json").read_text()) == result


def test_the_commit_is_named_and_changes_are_seen(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert machine.commit(tmp_path / "nowhere") == "unknown"
    git("init", "-q")
    (tmp_path / "course_utils").mkdir()
    (tmp_path / "course_utils" / "a.py").write_text("a = 1\n")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = machine.commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "a_result.json").write_text("{}")
    assert machine.commit(tmp_path) == clean  # what is being recorded doesn't count
    (tmp_path / "course_utils" / "b.py").write_text("b = 2\n")
    assert machine.commit(tmp_path) == f"{clean}-dirty"


def test_the_machine_is_named(monkeypatch):
    found = machine.hardware()
    assert found["processor"]
    assert 1 <= found["cores"] <= 4096
    assert found["threads"] == torch.get_num_threads()
    monkeypatch.setattr(machine.Path, "is_file", lambda self: False)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    assert machine.processor_name() == machine.platform.machine()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A big one")
    assert machine.hardware()["accelerator"] == "A big one"
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    assert machine.core_count() == machine.os.cpu_count()
    monkeypatch.setattr(machine, "LIBRARIES", ("numpy", "not-installed-here"))
    assert set(machine.versions()) == {"python", "numpy"}


# --- nearest neighbours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("block", [1, 4, 100])
def test_neighbours_are_those_of_the_definition(metric, block):
    rng = np.random.default_rng(0)
    x, train = rng.random((7, 5), dtype=np.float32), rng.random((20, 5), dtype=np.float32)
    power = 1 if metric == "l1" else 2
    distance = (np.abs(x[:, None] - train) ** power).sum(-1)
    assert np.array_equal(neighbours.nearest(x, train, 6, metric, block), distance.argsort(1)[:, :6])


def test_votes_for_several_k_at_once():
    labels = np.array([[2, 0, 0, 1, 1], [1, 2, 2, 0, 0]])
    found = neighbours.votes(labels, (1, 3, 5), 3)
    assert found[1].tolist() == [2, 1]
    assert found[3].tolist() == [0, 2]
    assert found[5].tolist() == [0, 0]  # a draw: the first class wins
    for k in (1, 3, 5):
        assert found[k].tolist() == [np.bincount(row[:k]).argmax() for row in labels]


def test_cross_validation_never_asks_a_picture_about_itself():
    """Alone a point has its own label nearest: held out, its neighbours have the other."""
    x = np.arange(20, dtype=np.float32)[:, None]
    y = np.arange(20) % 2  # both direct neighbours have the other label
    curves = neighbours.cross_validate(x, y, (1,), "l2", folds=20)
    assert len(curves) == 20
    assert np.mean(curves) == 0.0


# --- linear classifiers and least squares -------------------------------------------------------------------


def test_the_svm_loss_is_the_sum_over_the_wrong_classes():
    """What fit minimises is the book's loss: the sum over j != y of max(0, s_j - s_y + 1)."""
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    margins = (scores - scores.gather(1, y[:, None]) + 1).clamp(min=0)
    expected = (margins.sum(1) - 1).mean()
    torch.testing.assert_close(F.multi_margin_loss(scores, y) * 4, expected)


@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_linear_classifiers_separate_what_is_separable(loss):
    images, labels = registry.made_up_pictures("mnist", 100)
    other_images, other_labels = registry.made_up_pictures("mnist", 50, seed=1)
    recipe = {"epochs": 10, "batch_size": 20, "lr": 0.01}
    first, again, other = (linear.fit(images, labels, loss=loss, seed=seed, **recipe) for seed in (0, 0, 1))
    assert first.accuracy(other_images, other_labels) == 1.0
    assert first.weights.shape == (784, 10)
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)


def test_weight_decay_shrinks_the_weights():
    images, labels = registry.made_up_pictures("mnist", 60)
    recipe = {"loss": "softmax", "epochs": 10, "batch_size": 20, "lr": 0.05}
    free, decayed = (linear.fit(images, labels, weight_decay=w, **recipe) for w in (0.0, 0.5))
    assert np.linalg.norm(decayed.weights) < 0.7 * np.linalg.norm(free.weights)


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_ridge_agrees_with_scikit_learn(strength):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    labels = (images[:, 1, 1, 0] > 90).astype(np.int64)
    x = images.reshape(30, 16) / 255
    oracle = sklearn.linear_model.Ridge(alpha=30 * strength).fit(x, 2.0 * labels - 1)  # its loss is a sum
    model = regularisation.Ridge(images, labels).at(strength)
    assert np.allclose(model.weights[:, 1], oracle.coef_)
    assert model.accuracy(images, labels) == np.mean((oracle.predict(x) > 0) == labels)


def test_ridge_without_penalty_is_the_shortest_least_squares_solution():
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(10) % 2
    x = images.reshape(10, 16) / 255
    wanted = np.linalg.lstsq(x - x.mean(axis=0), 2.0 * labels - 1, rcond=None)[0]
    assert np.allclose(regularisation.Ridge(images, labels).at(0.0).weights[:, 1], wanted)


def test_a_sweep_chooses_on_validation_and_judges_on_test():
    def always(label):
        return linear.LinearClassifier(np.zeros(1), np.zeros((1, 2)), np.eye(2)[label])

    pictures = np.zeros((4, 1, 1, 1), np.uint8)
    parts = [(pictures, np.array(labels)) for labels in ([0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1])]
    found = regularisation.Sweep()
    found.add({0.0: always(0), 0.5: always(1)}, *parts)
    metrics = {name: summary["mean"] for name, summary in found.metrics().items()}
    assert metrics["train_accuracy"] == [0.75, 0.25]
    assert metrics["validation_accuracy"] == [0.25, 0.75]
    assert metrics["chosen_strength"] == 0.5
    assert metrics["test_accuracy"] == metrics["test_accuracy_without_penalty"] == 0.5


def test_least_squares_solves_the_normal_equations():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 3, 3, 1), dtype=np.uint8)
    labels = (images[:, 1, 1, 0] > 127).astype(np.int64)
    x = least_squares.design_matrix(images)
    assert x.shape == (60, 10)
    assert (x[:, -1] == 1).all()
    w = np.linalg.solve(x.T @ x, x.T @ (2.0 * labels - 1))
    train, test = least_squares.least_squares((images, labels), (images[:10], labels[:10]))
    assert train == np.mean((x @ w > 0) == labels)
    assert test == np.mean((x[:10] @ w > 0) == labels[:10])


def test_a_network_learns_and_is_the_same_after_loading():
    train, test = (registry.made_up_pictures("fashion_mnist", n=n, seed=n) for n in (200, 50))
    train_accuracy, test_accuracy, same = networks.train_and_reload(
        train, test, hidden=(30,), lr=0.1, epochs=60, seed=0
    )
    assert len(train_accuracy) == len(test_accuracy) == 60
    assert train_accuracy[-1] > 0.9 > 0.5 > train_accuracy[0]
    assert test_accuracy[-1] > 0.8
    assert same == 1.0


def test_two_classes_are_kept_in_grayscale():
    images, labels = np.full((4, 2, 2, 3), 200, dtype=np.uint8), np.array([1, 0, 2, 1])
    names = ("truck", "automobile", "ship")
    kept, found = least_squares.two_classes(images, labels, names)
    assert kept.shape == (3, 2, 2, 1)
    assert found.tolist() == [0, 1, 0]
    assert (kept == 200).all()
    assert least_squares.two_classes(images, labels, names, n=2)[1].tolist() == [0, 1]


# --- degradation --------------------------------------------------------------------------------------------


def test_halving_averages_squares():
    images = np.zeros((1, 4, 2, 1), np.uint8)
    images[0, :, :, 0] = [[0, 100], [100, 200], [10, 10], [10, 11]]
    assert degradation.halve(images)[0, :, 0, 0].tolist() == [100, 10]


def test_a_block_that_changes_the_shape_is_not_deleted():
    model = models.cifar_resnet(14, width=4).eval()
    assert degradation.deletable(model) == [3, 4, 6, 8]
    shorter = degradation.without_block(model, 4)
    assert len(shorter) == len(model) - 1
    assert not shorter.training
    assert shorter[3] is model[3]
    assert shorter[4] is model[5]
    for at in (0, 5, 10):
        with pytest.raises(ValueError, match=rf"position {at} holds no block"):
            degradation.without_block(model, at)


def test_gradient_norms_are_those_of_the_first_convolutions():
    torch.manual_seed(0)
    model = models.cifar_plain(8, width=4)
    images, labels = registry.made_up_pictures("cifar10", 20)
    found = degradation.gradient_norms(model, degradation.halve(images), labels)
    assert found == [pytest.approx(model[i].conv1.weight.grad.norm().item()) for i in (3, 4, 5)]


# --- the ladder and Pocket-10 -------------------------------------------------------------------------------


def test_colour_features():
    images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    images[0, :2] = (255, 0, 0)
    images[1] = (64, 128, 192)
    assert ladder.mean_colour(images) == pytest.approx(np.array([[0.5, 0, 0], [64, 128, 192]]) / [[1], [255]])
    histogram = ladder.colour_histogram(images) ** 2
    assert histogram.shape == (2, 64)
    assert histogram.sum(1) == pytest.approx([1, 1])
    assert histogram[0, [0, 3 * 16]] == pytest.approx([0.5, 0.5])
    assert histogram[1, 1 * 16 + 2 * 4 + 3] == pytest.approx(1.0)


def test_the_cache_is_empty_inside_and_put_back_outside(monkeypatch):
    from course_utils.data import cache_dir

    for before in ("/somewhere", None):
        if before is None:
            monkeypatch.delenv("COURSE_CACHE")
        else:
            monkeypatch.setenv("COURSE_CACHE", before)
        outside = cache_dir()
        with pocket.empty_cache():
            assert cache_dir() != outside
            assert list(cache_dir().iterdir()) == []
        assert cache_dir() == outside


def test_in_earnest_the_context_loads_what_is_asked_for():
    images, labels = Context().load("digits", "test", n=20)
    assert images.shape == (20, 8, 8, 1)
    assert len(labels) == 20


def test_rehearsal_pictures_look_like_their_data_set():
    for name, shape in (("mnist", (30, 28, 28, 1)), ("cifar10", (30, 32, 32, 3))):
        images, labels = registry.made_up_pictures(name, 30)
        assert images.shape == shape
        assert images.dtype == np.uint8
        assert sorted(set(labels.tolist())) == list(range(10))


def test_a_viewer_who_has_never_seen_them_names_the_pictures():
    """The recorded answers, counted again on pictures drawn again."""
    counted = experiments()["pocket10_viewer"].function(Context())
    assert counted.metrics == results.load("pocket10_viewer")["metrics"]
    assert counted.metrics["accuracy"]["mean"] >= 0.85
