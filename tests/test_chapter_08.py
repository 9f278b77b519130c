"""Chapter 8: its layers and PyTorch's, its networks and the experiment's, its questions and exercises."""

import ast
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.experiments import initialisation
from course_utils.gradcheck import gradcheck
from course_utils.notebooks import pairs

STEM = "08_training_activations_init_norm"


@pytest.fixture(scope="module")
def notebook(root):
    return pairs.read_script(root / "notebooks" / f"{STEM}.py")


@pytest.fixture(scope="module")
def chapter(notebook):
    """The chapter's imports, functions and classes, nothing else."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    found = [
        node
        for cell in pairs.code_cells(notebook)
        for node in ast.parse(cell.source).body
        if isinstance(node, kinds)
    ]
    space = {"__name__": "__main__", "SEED": 0, "C": 10, "rows_train": None}
    exec(compile(ast.Module(found, []), STEM, "exec"), space)
    return space


@pytest.mark.parametrize(("batch", "units"), [(2, 1), (5, 3), (64, 7)])
def test_batch_norm_forward_and_backward(chapter, batch, units):
    def oracle(x, gamma, beta):
        return F.batch_norm(x, None, None, gamma, beta, training=True)

    shapes = [(batch, units), (units,), (units,)]
    # Two examples of nearly one value make differences inaccurate; `spaced` keeps them apart.
    assert gradcheck(chapter["batch_norm"], oracle, shapes) == batch * units + 2 * units


def test_batch_norm_of_maps_has_one_mean_a_channel(chapter):
    x = np.random.default_rng(0).normal(3, 2, (2, 4, 3, 5))
    gamma, beta = np.arange(1.0, 5.0), np.arange(4.0)
    y = chapter["bn_maps"](x, gamma, beta)
    arguments = [torch.from_numpy(array) for array in (x, gamma, beta)]
    wanted = F.batch_norm(arguments[0], None, None, *arguments[1:], training=True)
    np.testing.assert_allclose(y, wanted, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), beta, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.1, 0.3])
def test_running_averages_follow_pytorch(chapter, momentum):
    ours, theirs = chapter["BatchNorm"](3, momentum), nn.BatchNorm1d(3, momentum=momentum).double()
    dice = np.random.default_rng(1)
    for size in (2, 7, 5):
        x = dice.normal(1, 4, (size, 3))
        np.testing.assert_allclose(ours(x, training=True), theirs(torch.from_numpy(x)).detach(), atol=1e-12)
    np.testing.assert_allclose(ours.r, theirs.running_mean, rtol=1e-12)
    np.testing.assert_allclose(ours.v, theirs.running_var, rtol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_a_fused_convolution_gives_the_same_maps(chapter, bias, stride, padding):
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 5, 3, stride=stride, padding=padding, bias=bias).double()
    norm = nn.BatchNorm2d(5).double()
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    norm.eval()
    x = torch.randn(3, 2, 8, 7, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(chapter["fuse"](conv, norm)(x), norm(conv(x)), rtol=0, atol=1e-12)


def test_activations_far_from_zero(chapter):
    """Where formulas overflow: large numbers of both signs."""
    a = np.array([-700.0, -40.0, -0.5, 0.5, 40.0, 700.0])
    tensor = torch.from_numpy(a)
    np.testing.assert_allclose(chapter["sigmoid"](a), torch.sigmoid(tensor), rtol=1e-12)
    np.testing.assert_allclose(chapter["elu"](a), F.elu(tensor), rtol=1e-12)
    np.testing.assert_allclose(chapter["gelu"](a), F.gelu(tensor), rtol=1e-10, atol=1e-14)
    for nu in (0.01, 0.1):
        np.testing.assert_array_equal(chapter["leaky_relu"](a, nu), F.leaky_relu(tensor, nu))


def test_fans_are_pytorchs(chapter):
    for shape in ((7, 3), (4, 2, 3, 3), (6, 1, 1, 5)):
        wanted = nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        assert chapter["fans"](shape) == wanted


def test_white_data_are_white(chapter):
    x = np.random.default_rng(0).normal(size=(50, 6)) @ np.random.default_rng(1).normal(size=(6, 6)) + 5
    fitted = chapter["fit_directions"](x)
    assert (np.diff(fitted[2]) <= 0).all()
    for prepare in ("whiten", "zca"):
        white = chapter[prepare](x, *fitted)
        np.testing.assert_allclose(np.cov(white, rowvar=False, bias=True), np.eye(6), atol=1e-9)


@pytest.mark.parametrize("normalisation", ["none", "batch"])
@pytest.mark.parametrize(
    ("kind", "activation"), [(nn.ReLU, "relu"), (nn.Tanh, "tanh"), (nn.Sigmoid, "sigmoid")]
)
def test_the_experiments_networks_are_the_chapters(chapter, kind, activation, normalisation):
    """The same layers in the same order: with the same weights the same scores."""
    norm = nn.BatchNorm1d if normalisation == "batch" else None
    ours = chapter["deep_network"](chapter["kaiming"], kind, norm, sizes=(12, 6, 6, 6))
    recipe = {"activation": activation, "initialisation": "kaiming", "normalisation": normalisation}
    theirs = initialisation.deep_network(12, 10, depth=3, width=6, **recipe)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(9, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x), theirs(x))


def test_the_experiments_first_weights_are_the_chapters(chapter):
    for fans in ((768, 100), (128, 128)):
        for name in ("xavier", "kaiming"):
            assert initialisation.first_weights(name, *fans) == pytest.approx(chapter[name](*fans))
        assert initialisation.first_weights("large", *fans) == pytest.approx(3 * chapter["kaiming"](*fans))
        assert initialisation.first_weights("small", *fans) == 0.01
    torch.manual_seed(0)
    recipe = {"activation": "relu", "initialisation": "kaiming", "normalisation": "none"}
    drawn = initialisation.deep_network(3072, 10, **recipe)[0].weight
    assert drawn.std().item() == pytest.approx((2 / 3072) ** 0.5, rel=0.01)  # 400,000 numbers: 0.1 %


def test_the_experiment_trains_and_counts():
    images = np.zeros((40, 2, 2, 3), np.uint8)
    labels = np.arange(40) % 2
    images[labels == 1] = 200
    x, y = initialisation.rows(images, np.full(3, 0.4), np.full(3, 0.4)), torch.from_numpy(labels)
    assert x.shape == (40, 12)
    assert x[0].tolist() == pytest.approx([-1.0] * 12)
    torch.manual_seed(0)
    recipe = {"activation": "relu", "initialisation": "kaiming", "normalisation": "batch"}
    model = initialisation.deep_network(12, 2, depth=2, width=8, **recipe)
    initialisation.train(model, x, y, rate=0.1, steps=50, seed=0)
    assert initialisation.accuracy(model, x, y) == 1.0
    assert not model.training
    with torch.no_grad():
        model[-1].bias.fill_(float("nan"))
    assert initialisation.accuracy(model, x, y) == 0.0


def test_every_displayed_start_and_activation_is_recorded(root):
    """The chapter's table asks for every combination of the three settings."""
    from course_utils import results

    recorded = results.load("cifar10_initialisation", root / "book" / "results")
    settings = recorded["settings"]
    wanted = itertools.product(
        settings["activations"], settings["initialisations"], settings["normalisations"]
    )
    assert {" ".join(parts) for parts in wanted} == set(recorded["metrics"])
