"""Pocket-10: the same pictures everywhere, and dials that do what they say."""

import numpy as np
import pytest

from course_utils.data import (
    POCKET10_CLASSES,
    POCKET10_DIALS,
    POCKET10_STANDARD,
    DataError,
    pocket10,
    pocket10_masks,
)


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    return tmp_path


def test_shapes_types_and_names():
    images, labels = pocket10("test", n=25)
    assert images.shape == (25, 32, 32, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (25,)
    assert labels.dtype == np.int64
    assert POCKET10_CLASSES == (
        "airplane", "automobile", "bird", "book", "fish", "house", "pen", "ship", "tree", "truck",
    )  # fmt: skip
    assert set(POCKET10_DIALS) == {
        "illumination", "clutter", "occlusion", "deformation", "viewpoint", "intraclass", "context",
    }  # fmt: skip
    assert tuple(POCKET10_STANDARD) == POCKET10_DIALS


@pytest.mark.parametrize(
    ("arguments", "dials", "message"),
    [
        (("dev",), {}, "choose one of 'train', 'validation', 'test'"),
        (("test", 0), {}, "n is 0; give a whole number from 1"),
        (("test", 5, -1), {}, "seed is -1"),
        (("test", 5, 0, 4), {}, "size is 4; give a whole number from 8 to 512"),
        (("test", 5), {"blur": 0.5}, "no dial 'blur'; the dials are illumination, clutter"),
        (("test", 5), {"clutter": 1.5}, "dial clutter is 1.5; give a number from 0 to 1"),
        (("test", 5), {"clutter": float("nan")}, "dial clutter is nan"),
    ],
)
def test_bad_arguments_say_what_was_wanted(arguments, dials, message):
    with pytest.raises(DataError, match=message):
        pocket10(*arguments, **dials)


def test_wrong_types_say_what_was_wanted():
    with pytest.raises(TypeError, match=r"n is 2\.5 \(float\); give a whole number"):
        pocket10("test", 2.5)
    with pytest.raises(TypeError, match="dial clutter is 'high'"):
        pocket10("test", 5, clutter="high")


def test_any_n_is_balanced_and_holds_the_same_pictures():
    images, labels = pocket10("test", n=120)
    assert np.bincount(labels).tolist() == [12] * 10
    few, few_labels = pocket10("test", n=33)
    assert (few == images[:33]).all()
    assert (few_labels == labels[:33]).all()
    assert np.ptp(np.bincount(few_labels)) <= 1
    assert (labels[:10] != labels[10:20]).any()


def test_masks_cover_what_changes_with_the_figure_and_nothing_else():
    quiet = dict.fromkeys(POCKET10_DIALS, 0.0) | {"context": 1.0}
    images, labels = pocket10("test", n=40, **quiet)
    masks = pocket10_masks("test", n=40, **quiet)
    assert masks.shape == (40, 32, 32)
    assert masks.dtype == bool
    # Other members of the classes in the same places: far from both figures the pictures are the same.
    others, _ = pocket10("test", n=40, **(quiet | {"intraclass": 1.0}))
    other_masks = pocket10_masks("test", n=40, **(quiet | {"intraclass": 1.0}))
    differs = np.abs(images.astype(int) - others.astype(int)).max(axis=-1) > 8
    near = masks | other_masks
    for axis in (1, 2):  # antialiased edges: one pixel around
        near = near | np.roll(near, 1, axis) | np.roll(near, -1, axis)
    assert differs[masks | other_masks].mean() > 0.5
    assert differs[~near].mean() < 0.02
