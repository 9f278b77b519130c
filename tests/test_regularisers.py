"""The experiments of chapter 9: what they train and what they average."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from course_utils.experiments import optimisers, registry, regularisers

SMALL = {"widths": (4, 8), "hidden": 8, "batch_size": 20}


def run(images, labels, **settings):
    return regularisers.fit(images, labels, **{"epochs": 2, "lr": 3e-3, "seed": 0, **SMALL, **settings})


@pytest.fixture(scope="module")
def pictures():
    return registry.made_up_pictures("cifar10", 100)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_a_network_learns_and_the_seed_decides(pictures):
    learned = run(*pictures, epochs=20, hidden=32)
    p = regularisers.probabilities(learned, pictures[0])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert (p.argmax(axis=1) == pictures[1]).mean() > 0.8
    first, again, other = (weights(run(*pictures, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("option", [name for name in regularisers.OPTIONS if name != "none"])
def test_every_option_changes_the_training_and_nothing_else(pictures, option):
    """Same starting weights; other weights at the end, and a network of the same size."""
    plain, changed = run(*pictures, epochs=1), run(*pictures, epochs=1, **regularisers.OPTIONS[option])
    assert weights(plain).shape == weights(changed).shape
    assert not torch.equal(weights(plain), weights(changed))


def test_weight_decay_is_decoupled(pictures):
    """With a learning rate so small that gradients do nothing, only the decay is left."""
    settings = {"epochs": 1, "batch_size": 100, "lr": 1e-6}
    plain, decayed = run(*pictures, **settings), run(*pictures, weight_decay=1e5, **settings)
    ratio = weights(decayed).norm() / weights(plain).norm()
    assert ratio.item() == pytest.approx(0.9, rel=1e-3)


def test_ten_versions_of_a_picture_are_averaged():
    class Corner(torch.nn.Module):
        """Scores that depend on the brightness of the upper left pixel alone."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return torch.stack([x[:, 0, 0, 0], torch.zeros(len(x))], dim=1)

    images = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    padded = np.pad(images[..., 0], ((0, 0), (2, 2), (2, 2)), mode="edge")
    places = [(2, 2), (0, 2), (4, 2), (2, 0), (2, 4)]
    mirrored = np.pad(images[:, :, ::-1, 0], ((0, 0), (2, 2), (2, 2)), mode="edge")
    seen = np.array([which[:, row, column] for which in (padded, mirrored) for row, column in places])
    expected = (1 / (1 + np.exp(-(seen / 255 * 4 - 2)))).mean(axis=0)
    found = regularisers.averaged_scores(Corner(), images)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_optimisers_lower_the_loss(pictures):
    for method in optimisers.METHODS:
        lr = 0.003 if method in ("RMSProp", "Adam") else 0.03
        _, curve = optimisers.fit(*pictures, method=method, lr=lr, seed=0, epochs=6, **SMALL)
        assert len(curve) == 6
        assert curve[-1] < curve[0], method


def test_a_training_that_diverges_is_broken_off(pictures):
    _, curve = optimisers.fit(*pictures, method="momentum", lr=1e6, seed=0, epochs=4, **SMALL)
    assert curve[-1] == optimisers.DIVERGED
    assert len(curve) == 4


def test_rates_are_a_grid_in_the_logarithm():
    steps = [np.log10(b / a) for a, b in pairwise(optimisers.RATES)]
    assert all(0.47 < step < 0.53 for step in steps)
