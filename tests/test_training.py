"""Training, evaluation and augmentation, on tiny pictures."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models, training
from course_utils.augmentation import flip_and_shift


def toy_pictures(n=120, classes=3, size=8, channels=3, seed=0):
    """Noise whose mean brightness tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    images = rng.integers(0, 80, (n, size, size, channels)) + (labels * 80)[:, None, None, None]
    return images.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


def small_net(classes=3, channels=3):
    torch.manual_seed(0)
    return models.small_cnn(classes, channels)


def test_training_learns_and_records_each_epoch():
    images, labels = toy_pictures()
    model = small_net()
    history = training.train(
        model, images, labels, epochs=3, batch_size=16, validation=toy_pictures(seed=1), schedule="cosine"
    )
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        assert len(getattr(history, name)) == 3, name
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.validation_accuracy[-1] > 0.9
    assert history.learning_rate[0] > history.learning_rate[-1] > 0
    assert history.seconds > 0
    assert not model.training
    result = training.evaluate(model, *toy_pictures(seed=1))
    assert result.accuracy == pytest.approx(history.validation_accuracy[-1])
    assert result.loss == pytest.approx(history.validation_loss[-1], rel=1e-5)


def test_a_function_is_called_after_each_epoch():
    images, labels = toy_pictures(32)
    model, seen = small_net(), []

    def keep(epoch):
        seen.append((epoch, next(model.parameters()).detach().clone()))

    training.train(model, images, labels, epochs=3, batch_size=16, after_epoch=keep)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert not torch.equal(seen[0][1], seen[1][1])
    assert torch.equal(seen[2][1], next(model.parameters()))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_same_seed_same_weights(optimizer, bfloat16):
    images, labels = toy_pictures(48)
    settings = {
        "epochs": 1,
        "batch_size": 16,
        "optimizer": optimizer,
        "augment": flip_and_shift,
        "bfloat16": bfloat16,
    }

    initial = nn.Linear(8 * 8 * 3, 3)
    start = {name: value.clone() for name, value in initial.state_dict().items()}

    def weights(seed):
        model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), initial)
        initial.load_state_dict(start)
        training.train(model, images, labels, seed=seed, **settings)
        return torch.cat([p.flatten() for p in model.parameters()])

    state = torch.get_rng_state()
    first, again, other = weights(0), weights(0), weights(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)  # the generator outside is untouched


def test_the_first_step_is_gradient_descent_on_the_mean_loss():
    """One step of SGD on one batch: momentum starts empty, Nesterov's first step is (1 + 0.9)·lr·gradient."""
    images, labels = toy_pictures(12)
    model = models.linear(8 * 8 * 3, 3)
    reference = models.linear(8 * 8 * 3, 3)
    reference.load_state_dict(model.state_dict())
    history = training.train(model, images, labels, epochs=1, batch_size=12, lr=0.1, optimizer="sgd")
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 * 4 - 2
    loss = F.cross_entropy(reference(x), torch.from_numpy(labels))
    loss.backward()
    for before, after in zip(reference.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(after.detach(), before.detach() - 0.19 * before.grad, rtol=1e-4, atol=1e-6)
    assert history.train_loss == [pytest.approx(loss.item(), rel=1e-5)]


def test_one_output_means_two_classes():
    images, labels = toy_pictures(64, classes=2, channels=1)
    torch.manual_seed(0)
    model = models.mlp(64, 16, 1)
    training.train(model, images, labels, epochs=15, batch_size=8, lr=1e-2)
    assert training.evaluate(model, images, labels).accuracy == 1.0
    outputs = training.scores(model, images)
    assert outputs.shape == (64, 1)
    assert outputs.dtype == np.float32
    assert np.array_equal(training.predict(model, images), (outputs[:, 0] > 0).astype(int))
    expected = F.binary_cross_entropy_with_logits(torch.tensor(outputs[:, 0]), torch.tensor(labels).float())
    assert training.evaluate(model, images, labels).loss == pytest.approx(expected.item(), rel=1e-5)


def test_predictions_do_not_depend_on_the_batch_size_and_keep_the_mode():
    images, _ = toy_pictures(10)
    model = small_net().train()
    whole, parts = training.scores(model, images), training.scores(model, images, batch_size=3)
    np.testing.assert_allclose(whole, parts, rtol=1e-4, atol=1e-5)
    assert model.training
    labels = training.predict(model, images)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, whole.argmax(1))


def test_pictures_are_scaled_alike_everywhere():
    x = training.to_tensor(np.array([0, 51, 255], dtype=np.uint8).reshape(1, 1, 1, 3))
    assert x.shape == (1, 3, 1, 1)
    torch.testing.assert_close(x.flatten(), torch.tensor([-2.0, -1.2, 2.0]))


def test_schedules():
    constant, cosine, warm = (training._schedule(n, 100) for n in ("constant", "cosine", "warmup_cosine"))
    assert {constant(step) for step in range(100)} == {1.0}
    assert cosine(0) == 1.0
    assert cosine(50) == pytest.approx(0.5)
    assert cosine(99) < 0.001
    assert [warm(step) for step in (0, 9, 19)] == pytest.approx([0.05, 0.5, 1.0])
    assert warm(60) == pytest.approx(0.5)
    assert warm(99) < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "lion"}, "optimizer must be 'adam', 'adamw' or 'sgd', not 'lion'"),
        ({"schedule": "step"}, "schedule must be one of .*not 'step'"),
        ({"epochs": 0}, "at least 1, not 0 and"),
        ({"batch_size": 0}, "at least 1, not .* and 0"),
        ({"images": np.zeros((4, 8, 8, 3), np.float32)}, "must be uint8 .* not float32"),
        ({"images": np.zeros((4, 8, 8), np.uint8)}, r"not uint8 of shape \(4, 8, 8\)"),
        ({"labels": np.zeros(3, np.int64)}, r"shape \(4,\), one per image, not int64 of shape \(3,\)"),
        ({"labels": np.zeros(4)}, "must be integers"),
    ],
)
def test_wrong_settings_are_named(change, message):
    given = {"images": np.zeros((4, 8, 8, 3), np.uint8), "labels": np.zeros(4, np.int64)} | change
    images, labels = given.pop("images"), given.pop("labels")
    with pytest.raises(ValueError, match=message):
        training.train(small_net(), images, labels, **given)


def test_a_progress_bar_is_drawn_when_asked_for(capsys):
    images, labels = toy_pictures(32)
    training.train(small_net(), images, labels, epochs=1, progress=False)
    assert capsys.readouterr() == ("", "")
    training.train(small_net(), images, labels, epochs=1, progress=True)
    assert "training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fill", "border"), [(None, {"mode": "edge"}), (0, {}), (7, {"constant_values": 7})], ids=str
)
def test_flips_and_shifts_move_pixels_only(fill, border):
    """Every picture must equal one of the possible moves of the original, edges repeated or filled."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8))
    moved = flip_and_shift(images, torch.Generator().manual_seed(0), shift=2, fill=fill)
    assert moved.shape == images.shape
    assert moved.dtype == torch.uint8
    seen = set()
    for before, after in zip(images.numpy(), moved.numpy(), strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)), **border)
        matches = [
            (down, right, flip)
            for down in range(5)
            for right in range(5)
            for flip in (False, True)
            if np.array_equal(padded[down : down + 6, right : right + 5][:, :: -1 if flip else 1], after)
        ]
        assert matches
        seen.update(matches[:1])
    assert len({down for down, _, _ in seen}) == 5
    assert {flip for _, _, flip in seen} == {False, True}


def test_no_shift_flips_about_half():
    images = torch.arange(4, dtype=torch.uint8).reshape(1, 1, 4, 1).repeat(400, 1, 1, 1)
    out = flip_and_shift(images, torch.Generator().manual_seed(0), shift=0)
    flipped = (out[:, 0, 0, 0] == 3).sum().item()
    assert 150 < flipped < 250
    assert torch.equal(out.sort(dim=2).values, images)
