"""Early stopping: the snapshot, the patience, and the loop that uses it."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import training
from course_utils.early_stopping import EarlyStopping


def layer(value):
    made = nn.BatchNorm1d(1)
    set_to(made, value)
    return made


def set_to(module, value):
    with torch.no_grad():
        module.weight.fill_(value)
        module.running_mean.fill_(value)


def test_the_best_state_comes_back_buffers_included():
    model, keeper = layer(0.0), EarlyStopping()
    for epoch, loss in enumerate((3.0, 1.0, 2.0, float("nan"), 1.0)):
        set_to(model, epoch)
        assert keeper.update(model, loss) is False
    assert (keeper.best, keeper.best_update, keeper.updates) == (1.0, 1, 5)
    keeper.restore(model)
    assert model.weight.item() == model.running_mean.item() == 1.0


def test_a_snapshot_does_not_go_on_training():
    model, keeper = layer(1.0), EarlyStopping()
    keeper.update(model, 0.5)
    set_to(model, 9.0)
    keeper.restore(model)
    set_to(model, 9.0)  # nor do the weights that were put back
    other = layer(0.0)
    keeper.restore(other)
    assert other.weight.item() == 1.0


@pytest.mark.parametrize(
    ("patience", "stops_at"), [(1, 3), (2, 4), (3, None), (None, None)], ids=["one", "two", "three", "never"]
)
def test_patience_counts_updates_since_the_best(patience, stops_at):
    keeper, model = EarlyStopping(patience), layer(0.0)
    losses = [5.0, 4.0, 3.0, 3.5, 3.2, 2.0]
    stopped = [keeper.update(model, loss) for loss in losses]
    assert (stopped.index(True) if True in stopped else None) == stops_at


def test_nothing_to_put_back_and_no_patience_are_refused():
    with pytest.raises(ValueError, match="no best state yet"):
        EarlyStopping().restore(layer(0.0))
    with pytest.raises(ValueError, match="at least 1, or None to never stop, not 0"):
        EarlyStopping(patience=0)


def noise(n, seed):
    """Pictures and labels with nothing to learn: the validation loss turns as soon as training memorises."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8), rng.integers(0, 3, n)


def run(**settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    keeper = EarlyStopping(**settings)
    history = training.train(
        model,
        *noise(30, 0),
        epochs=30,
        batch_size=10,
        lr=0.01,
        validation=noise(60, 1),
        early_stopping=keeper,
    )
    return model, keeper, history


def test_training_ends_with_the_best_weights():
    model, keeper, history = run()
    assert len(history.validation_loss) == 30
    assert keeper.best_update == int(np.argmin(history.validation_loss)) < 29
    assert training.evaluate(model, *noise(60, 1)).loss == pytest.approx(min(history.validation_loss))


def test_training_stops_when_its_patience_ends():
    model, keeper, history = run(patience=2)
    assert len(history.train_loss) == len(history.validation_loss) == keeper.best_update + 3 < 30
    assert training.evaluate(model, *noise(60, 1)).loss == pytest.approx(min(history.validation_loss))


def test_without_validation_there_is_nothing_to_watch():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(ValueError, match=r"give validation=\(images, labels\) too"):
        training.train(model, *noise(30, 0), early_stopping=EarlyStopping())
