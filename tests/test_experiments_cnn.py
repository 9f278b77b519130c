"""The experiments of chapter 7: a run that is interrupted goes on, and what is kept is what it says."""

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.experiments import car_truck_cnn, cifar10_cnn, inside, registry


@pytest.fixture(scope="module")
def pictures():
    return registry.made_up_pictures("cifar10", 30)


def small(seed):
    """The network with a leaner head, so that a test takes a second."""
    torch.manual_seed(seed)
    whole = models.cifar10_cnn()
    model = torch.nn.Sequential(*whole[:6], torch.nn.Flatten(), torch.nn.Dropout(0.1))
    model.append(torch.nn.Linear(64 * 16 * 16, 10))
    return model, torch.optim.Adam(model.parameters(), lr=1e-4)


def run(pictures, epochs, checkpoint, say=lambda line: None):
    return cifar10_cnn.train_or_go_on(
        pictures, pictures, epochs=epochs, seed=3, bfloat16=False, checkpoint=checkpoint, say=say
    )


def test_an_interrupted_run_gives_what_an_uninterrupted_one_gives(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10_cnn, "start", small)
    whole, curves = run(pictures, 3, tmp_path / "whole.pt")
    run(pictures, 1, tmp_path / "parts.pt")
    said = []
    parts, again = run(pictures, 3, tmp_path / "parts.pt", said.append)
    assert said[0].startswith("goes on after epoch 1")
    assert len(said) == 3
    for name in ("running_accuracy", "sample_accuracy", "test_accuracy"):
        assert curves[name] == again[name]
        assert len(curves[name]) == 3
    for value, other in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.equal(value, other)


def test_a_checkpoint_belongs_to_its_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    first = cifar10_cnn.checkpoint_path("a", {"epochs": 1})
    assert first.parent == tmp_path / "checkpoints"
    assert first == cifar10_cnn.checkpoint_path("a", {"epochs": 1})
    assert first != cifar10_cnn.checkpoint_path("a", {"epochs": 2})


def test_pictures_are_normalised_channel_by_channel():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    x = cifar10_cnn.normalise(images)
    expected = (images / 255 - np.array(cifar10_cnn.MEAN)) / np.array(cifar10_cnn.STD)
    assert x.shape == (2, 3, 4, 5)
    np.testing.assert_allclose(x.numpy(), expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-6)


def test_maps_are_taken_after_each_convolution_and_its_relu():
    torch.manual_seed(0)
    maps = inside.layer_maps(models.cifar10_cnn(), torch.randn(2, 3, 32, 32))
    assert [m.shape[1:] for m in maps] == [
        (32, 32, 32),
        (64, 32, 32),
        (128, 16, 16),
        (128, 16, 16),
        (256, 8, 8),
        (256, 8, 8),
    ]
    assert all((m >= 0).all() for m in maps)


@pytest.mark.parametrize("layer", [1, 3, 5])
def test_patches_are_the_receptive_fields_of_the_strongest_answers(layer):
    """Nothing outside the patch has a say: wiping it out leaves the answer as it is."""
    torch.manual_seed(0)
    model = models.cifar10_cnn().eval()
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    cut = inside.strongest_patches(model, images, layers=(layer,), maps=2)[f"patches_{layer}"]
    size, step, padding = inside.receptive_fields()[layer]
    assert cut.shape == (2, inside.PATCHES_A_MAP, size, size, 3)
    maps = inside.layer_maps(model, cifar10_cnn.normalise(images))[layer]
    k = 0
    winner = int(maps[:, k].max(axis=(1, 2)).argmax())
    row, column = np.unravel_index(maps[winner, k].argmax(), maps.shape[2:])
    top, left = row * step - padding, column * step - padding
    alone = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    seen = (slice(max(top, 0), max(top + size, 0)), slice(max(left, 0), max(left + size, 0)))
    alone[0][seen] = images[winner][seen]
    answer = inside.layer_maps(model, cifar10_cnn.normalise(alone))[layer][0, k, row, column]
    np.testing.assert_allclose(answer, maps[winner, k, row, column], rtol=1e-4, atol=1e-5)


def test_confusions_add_up(pictures):
    torch.manual_seed(0)
    predicted = np.roll(pictures[1], 1)
    found = inside.arrays(models.cifar10_cnn(), pictures, predicted)
    assert found["confusion"].sum() == len(predicted)
    for true, guess in ((0, 9), (1, 0)):
        assert found["confusion"][true, guess] == 3
    assert found["filters"].shape == (32, 3, 3, 3)


def test_the_plane_is_what_the_last_layer_reads():
    torch.manual_seed(0)
    model = models.car_truck_cnn((64, 32, 16, 2)).eval()
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 1), dtype=np.uint8)
    points = car_truck_cnn.last_hidden(model, images)
    assert points.shape == (5, 2)
    line = model[-1]
    from course_utils.training import scores

    expected = points @ line.weight.detach().numpy().T + line.bias.detach().numpy()
    np.testing.assert_allclose(scores(model, images), expected, rtol=1e-4, atol=1e-5)
