"""Validation sets, balanced subsets and grayscale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.data import DataError, balanced_subset, to_grayscale, train_validation_split
from course_utils.data.splits import split_positions

LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=80).map(np.array)
SEEDS = st.integers(0, 2**32)


@given(LABELS, st.floats(0.01, 0.99), SEEDS)
def test_split_is_disjoint_exhaustive_stratified_and_seeded(labels, share, seed):
    if not 0 < round(share * len(labels)) < len(labels):
        return
    train, validation = split_positions(labels, share, seed)
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    assert len(validation) == round(share * len(labels))
    for label in np.unique(labels):
        expected = len(validation) * np.mean(labels == label)
        assert abs(np.sum(labels[validation] == label) - expected) < 1
    again, _ = split_positions(labels, share, seed)
    assert np.array_equal(train, again)


def test_split_depends_on_the_seed_and_keeps_order():
    labels = np.tile(np.arange(10), 20)
    first, second = (split_positions(labels, 0.25, seed)[1] for seed in (0, 1))
    assert not np.array_equal(first, second)
    assert np.all(np.diff(first) > 0)


def test_train_validation_split_keeps_pictures_with_their_labels():
    labels = np.repeat(np.arange(4), 10)
    images = labels[:, None, None, None] * np.ones((1, 3, 3, 1), dtype=int)
    x_train, y_train, x_val, y_val = train_validation_split(images, labels, validation=8)
    assert np.array_equal(x_train[:, 0, 0, 0], y_train)
    assert np.array_equal(x_val[:, 0, 0, 0], y_val)
    assert np.bincount(y_val).tolist() == [2, 2, 2, 2]


def test_train_validation_split_takes_tensors():
    torch = pytest.importorskip("torch")
    labels = torch.arange(3).repeat(10)
    x_train, y_train, x_val, y_val = train_validation_split(torch.randn(30, 2), labels, 0.1)
    assert (tuple(x_train.shape), tuple(x_val.shape), len(y_train), len(y_val)) == ((27, 2), (3, 2), 27, 3)


@pytest.mark.parametrize("share", [0, 0.0, 1.0, 10, 12, -1, 0.01])
def test_split_refuses_an_empty_part(share):
    with pytest.raises(DataError, match="strictly between 0 and 1"):
        split_positions(np.zeros(10, dtype=int), share)


def test_split_refuses_a_count_mismatch_and_strange_labels():
    with pytest.raises(DataError, match="3 images but 4 labels"):
        train_validation_split(np.zeros((3, 2)), np.arange(4))
    with pytest.raises(DataError, match=r"argmax"):
        train_validation_split(np.zeros((3, 2)), np.eye(3))
    with pytest.raises(DataError, match="dtype float64"):
        train_validation_split(np.zeros((3, 2)), np.zeros(3))


@given(LABELS, st.data(), SEEDS)
def test_subset_is_balanced_and_nested(labels, data, seed):
    n = data.draw(st.integers(1, len(labels)))
    chosen = balanced_subset(labels, n, seed)
    assert len(set(chosen.tolist())) == n
    available, taken = np.bincount(labels, minlength=6), np.bincount(labels[chosen], minlength=6)
    unfilled = taken[taken < available]
    # Classes that still have pictures left have given at most one fewer than the most generous one.
    assert unfilled.size == 0 or taken.max() - unfilled.min() <= 1
    assert np.array_equal(chosen, balanced_subset(labels, len(labels), seed)[:n])


@pytest.mark.parametrize("n", [0, -1, 11])
def test_subset_refuses_what_is_not_there(n):
    with pytest.raises(DataError, match="1 to 10"):
        balanced_subset(np.zeros(10, dtype=int), n)


def test_grayscale_weights_and_rounding():
    primaries = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]]], dtype=np.uint8)
    assert to_grayscale(primaries)[0, 0, :, 0].tolist() == [76, 150, 29, 255]
    assert to_grayscale(primaries).dtype == np.uint8
    as_floats = to_grayscale(primaries.astype(np.float32) / 255)
    np.testing.assert_allclose(as_floats[0, 0, :, 0], [0.299, 0.587, 0.114, 1.0], rtol=1e-6)
    assert as_floats.dtype == np.float32


@given(st.integers(0, 2**32))
def test_grayscale_agrees_with_floats_to_half_a_level(seed):
    images = np.random.default_rng(seed).integers(0, 256, (2, 5, 3, 3), dtype=np.uint8)
    exact = images.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(to_grayscale(images)[..., 0] - exact).max() <= 0.5 + 1e-9


def test_grayscale_passes_one_channel_and_refuses_the_rest():
    gray = np.zeros((2, 4, 4, 1), dtype=np.uint8)
    assert to_grayscale(gray) is gray
    with pytest.raises(DataError, match=r"permute"):
        to_grayscale(np.zeros((2, 3, 32, 32), dtype=np.uint8))
    with pytest.raises(DataError, match="int64"):
        to_grayscale(np.zeros((2, 4, 4, 3), dtype=np.int64))
