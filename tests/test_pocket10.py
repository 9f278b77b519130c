"""Pocket-10: the same pictures everywhere, and dials that do what they say."""

import hashlib
import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from course_utils import results
from course_utils.data import (
    POCKET10_CLASSES,
    POCKET10_DIALS,
    POCKET10_STANDARD,
    DataError,
    describe,
    pocket10,
    pocket10_masks,
)
from course_utils.data import cache as cache_module
from course_utils.data._classes import FIGURES
from course_utils.data._places import PLACES
from course_utils.data._scene import choose_places
from course_utils.data._sheet import Sheet
from course_utils.experiments import sheets

# The version, and the hash of the first 200 test pictures at the standard setting. When the pictures
# change, raise GENERATOR_VERSION, note the new hash, and record the experiments on Pocket-10 again.
GOLDEN_VERSION = 3
GOLDEN = "964b5c015f6fdf55c9bf3ffa0e810fd12cc68793bd7975779eb0abd136a7a83d"
ALL_AT_ONE = dict.fromkeys(POCKET10_DIALS, 1.0)
QUIET = dict.fromkeys(POCKET10_DIALS, 0.0) | {"context": 1.0}


def digest(images, labels):
    return hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()


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


def test_golden_hash():
    assert sys.modules[pocket10.__module__].GENERATOR_VERSION == GOLDEN_VERSION
    assert digest(*pocket10("test", n=200)) == GOLDEN


PROGRAM = """
import hashlib
from course_utils.data import pocket10
from course_utils.data.pocket10 import POCKET10_DIALS
for dials in ({}, dict.fromkeys(POCKET10_DIALS, 1.0), dict.fromkeys(POCKET10_DIALS, 0.0)):
    images, labels = pocket10("test", n=200, **dials)
    print(hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest())
"""


def in_another_process(cache, **environment):
    variables = {**os.environ, "COURSE_CACHE": str(cache), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_no_processor_feature_changes_a_bit(tmp_path):
    from numpy._core import _multiarray_umath as core

    present = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    here = [
        digest(*pocket10("test", n=200, **dials))
        for dials in ({}, ALL_AT_ONE, dict.fromkeys(ALL_AT_ONE, 0.0))
    ]
    assert in_another_process(tmp_path / "plain") == here
    assert in_another_process(tmp_path / "old", NPY_DISABLE_CPU_FEATURES=" ".join(present)) == here
    assert here[0] == GOLDEN


def test_threads_do_not_disturb_each_other(private_cache):
    expected = digest(*pocket10("train", n=1100))
    found = []

    def draw_again():
        found.append(digest(*pocket10("train", n=1100)))

    for file in private_cache.rglob("*.npz"):
        file.unlink()
    threads = [threading.Thread(target=draw_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3
    assert len(list(private_cache.rglob("*.npz"))) == 1
    assert not list(private_cache.rglob("*.part"))


def test_splits_and_seeds_share_no_picture():
    sets = [
        pocket10(split, n=1000, seed=seed)[0] for split in ("train", "validation", "test") for seed in (0, 1)
    ]
    pictures = np.concatenate(sets).reshape(6000, -1)
    assert len({picture.tobytes() for picture in pictures}) == 6000


def test_chunks_share_no_picture():
    images, _ = pocket10("train", n=2000)
    assert len({picture.tobytes() for picture in images}) == 2000


def test_default_numbers():
    assert pocket10("test")[1].shape == (2000,)
    assert pocket10("validation")[1].shape == (2000,)


def test_a_larger_size_shows_the_same_scenes():
    small, labels = pocket10("test", n=50, **QUIET)
    large, large_labels = pocket10("test", n=50, size=64, **QUIET)
    assert large.shape == (50, 64, 64, 3)
    assert (labels == large_labels).all()
    shrunk = large.reshape(50, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - small).mean() < 5
    assert np.abs(shrunk - small[::-1]).mean() > 30


# Dials


def draw(dial, value, n=200, **others):
    return pocket10("test", n=n, **{**QUIET, **others, dial: value})


def steps(measure):
    """Return a measurement at five values of a dial."""
    return [measure(value) for value in (0.0, 0.25, 0.5, 0.75, 1.0)]


def rises(values):
    return all(a < b for a, b in zip(values, values[1:], strict=False))


def test_illumination_spreads_brightness():
    assert rises(steps(lambda v: draw("illumination", v)[0].mean(axis=(1, 2, 3)).std()))


def test_clutter_changes_the_background_and_spares_the_figure():
    clean = draw("clutter", 0.0)[0].astype(int)
    masks = pocket10_masks("test", n=200, **QUIET)
    inner = (
        masks & np.roll(masks, 1, 1) & np.roll(masks, -1, 1) & np.roll(masks, 1, 2) & np.roll(masks, -1, 2)
    )
    changed = [np.abs(draw("clutter", v)[0] - clean).max(axis=-1) > 20 for v in (0.25, 0.5, 0.75, 1.0)]
    assert rises([c[~masks].mean() for c in changed])
    assert changed[-1][~masks].mean() > 0.5
    assert changed[-1][inner].mean() < 0.01


def test_occlusion_hides_more_and_more_of_the_figure():
    free = draw("occlusion", 0.0)[0].astype(int)
    masks = pocket10_masks("test", n=200, **QUIET)
    hidden = steps(lambda v: (np.abs(draw("occlusion", v)[0] - free).max(axis=-1) > 20)[masks].mean())
    assert hidden[0] == 0
    assert rises(hidden)
    assert 0.4 < hidden[-1] < 0.9


def overlap(a, b):
    return ((a & b).sum(axis=(1, 2)) / (a | b).sum(axis=(1, 2))).mean()


def test_deformation_bends_the_outline():
    straight = pocket10_masks("test", n=200, **QUIET)
    bent = steps(lambda v: -overlap(straight, pocket10_masks("test", n=200, **{**QUIET, "deformation": v})))
    assert bent[0] == -1
    assert rises(bent)


def test_viewpoint_moves_and_shrinks_the_figure():
    def spread(value):
        masks = pocket10_masks("test", n=200, **{**QUIET, "viewpoint": value})
        rows, columns = masks.any(axis=2).argmax(axis=1), masks.any(axis=1).argmax(axis=1)
        return rows.std() + columns.std()

    assert rises(steps(spread))


def test_intraclass_tells_members_of_a_class_apart():
    def variety(value):
        masks, (_, labels) = (
            pocket10_masks("test", n=200, **{**QUIET, "intraclass": value}),
            draw("clutter", 0.0),
        )
        total = 0.0
        for label in range(10):
            own = masks[labels == label]
            own = np.concatenate([own, own[:, :, ::-1]])  # figures face either way
            total -= max(overlap(own, np.roll(own, k, axis=0)) for k in (1, 2, 3))
        return total

    values = steps(variety)
    assert values[0] < values[2] < values[4]


def test_context_is_the_share_of_usual_surroundings():
    sheet = Sheet(0, 2, 0, 1000)
    for context in (0.0, 0.3, 1.0):
        places, usual = choose_places(sheet, context)
        own = [PLACES[p].__name__ in FIGURES[k].places for p, k in zip(places, sheet.labels, strict=True)]
        assert (np.array(own) == usual).all()
        assert abs(usual.mean() - context) < 0.05
    assert not choose_places(sheet, 0.0)[1].any()


def test_context_changes_what_stands_around():
    usual, other = draw("context", 1.0)[0].astype(int), draw("context", 0.0)[0]
    masks = pocket10_masks("test", n=200, **QUIET)
    assert (np.abs(other - usual).max(axis=-1) > 20)[~masks].mean() > 0.6


# The cache


def test_the_cache_is_used_and_redrawn_when_damaged(private_cache, monkeypatch):
    images, labels = pocket10("test", n=20)
    (file,) = private_cache.rglob("*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[pocket10.__module__], "render", None)  # drawing would fail now
        assert (pocket10("test", n=20)[0] == images).all()
    whole = file.read_bytes()
    for damaged in (b"", b"not a zip file", whole[: len(whole) // 2], whole[:500] + b"x" * 50 + whole[550:]):
        file.write_bytes(damaged)
        again, labels_again = pocket10("test", n=20)
        assert (again == images).all()
        assert (labels_again == labels).all()
        assert file.read_bytes() == whole
    np.savez(file, images=images[:5], labels=labels[:5])  # whole, but of another shape
    assert (pocket10("test", n=20)[0] == images).all()


def test_an_interrupted_write_leaves_nothing(private_cache, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pocket10("test", n=20)
    assert not [path for path in private_cache.rglob("*") if path.is_file()]


def test_each_argument_has_its_own_cache_file(private_cache):
    for arguments in ({}, {"seed": 1}, {"size": 16}, {"clutter": 0.9}):
        pocket10("test", n=10, **arguments)
    pocket10("validation", n=10)
    pocket10("test", n=11)
    assert len(list(private_cache.rglob("*.npz"))) == 6


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


# The ladder


def least_squares_accuracy(train, train_labels, test, test_labels):
    """One-against-all least squares on features of shape (N, D), and its test accuracy."""
    x, t = (np.column_stack([f, np.ones(len(f))]).astype(np.float64) for f in (train, test))
    weights = np.linalg.solve(x.T @ x + 1e-3 * len(x) * np.eye(x.shape[1]), x.T @ np.eye(10)[train_labels])
    return float(((t @ weights).argmax(axis=1) == test_labels).mean())


def test_colour_alone_tells_little():
    (x, y), (t, u) = pocket10("train", n=4000), pocket10("test")
    mean = least_squares_accuracy(x.mean(axis=(1, 2)) / 255, y, t.mean(axis=(1, 2)) / 255, u)
    assert 0.12 < mean < 0.25
    cells = [(images.reshape(len(images), -1, 3) // 64) @ np.array([16, 4, 1]) for images in (x, t)]
    histograms = [np.sqrt(np.stack([np.bincount(row, minlength=64) for row in c]) / 1024) for c in cells]
    assert 0.18 < least_squares_accuracy(histograms[0], y, histograms[1], u) < 0.35


def test_pixels_tell_more_than_colour_and_far_from_all():
    (x, y), (t, u) = pocket10("train", n=4000), pocket10("test")
    coarse = [
        images.reshape(len(images), 16, 2, 16, 2, 3).mean(axis=(2, 4)).reshape(len(images), -1) / 255
        for images in (x, t)
    ]
    assert 0.3 < least_squares_accuracy(coarse[0], y, coarse[1], u) < 0.5


def test_contact_sheets_are_readable_pictures():
    rows = [np.full((3, 8, 8, 3), shade, dtype=np.uint8) for shade in (0, 100)]
    sheet = sheets.tiled(rows, gap=1)
    assert sheet.shape == (2 * 26, 3 * 26, 3)
    assert sheet[0, 0, 0] == 255
    assert (sheet[1:25, 1:25] == 0).all()
    assert (sheet[27:51, 1:25] == 100).all()
    with Image.open(io.BytesIO(sheets.labelled(sheet, ["dark", "light"], ["a", "b", "c"]))) as picture:
        assert picture.format == "PNG"
        drawn = np.asarray(picture)
    assert (drawn[-sheet.shape[0] :, -sheet.shape[1] :] == sheet).all()
    assert (drawn[:, : -sheet.shape[1]] < 128).any()  # the names


# What was recorded


RANGES = {
    "mean_colour": (0.1, 0.25),
    "colour_histogram": (0.1, 0.35),
    "knn": (0.28, 0.42),
    "softmax": (0.38, 0.50),
    "mlp": (0.50, 0.62),
    "small_cnn": (0.78, 0.90),
    "car_truck_least_squares": (0.58, 0.70),
    "car_truck_cnn": (0.88, 1.0),
}


def recorded(name):
    result = results.load(name)
    assert result["exactness"] == describe("pocket10")["exactness"], f"course reproduce {name} again"
    return result["metrics"]


def test_the_recorded_ladder_is_of_this_version_and_in_its_ranges():
    metrics = recorded("ladder_pocket10")
    for rung, (low, high) in RANGES.items():
        assert low <= metrics[rung]["test_accuracy"]["mean"] <= high, rung
    cnn, resnet = (metrics[rung]["test_accuracy"]["mean"] for rung in ("small_cnn", "resnet20"))
    assert cnn + 0.03 <= resnet < 0.97
    # The median: other work on the same cores stretches single runs.
    assert np.median(metrics["small_cnn"]["train_seconds"]["per_seed"]) <= 60


def test_in_the_recorded_dials_every_step_costs_accuracy():
    for dial, found in recorded("pocket10_dials").items():
        curve = found["test_accuracy"]["mean"]
        assert all(a > b for a, b in zip(curve, curve[1:], strict=False)), dial
    assert set(recorded("pocket10_dials")) == set(POCKET10_DIALS)


def test_ten_thousand_pictures_were_drawn_in_time():
    assert max(recorded("pocket10_speed")["draw_seconds"]["per_seed"]) <= 12


def test_the_contact_sheets_are_of_this_version():
    assert set(recorded("pocket10_contact_sheets")["figure_share"]) == set(POCKET10_CLASSES)
    settings = results.load("pocket10_contact_sheets")["settings"]
    for name, sha256 in settings["sha256"].items():
        assert hashlib.sha256((results.results_dir() / name).read_bytes()).hexdigest() == sha256
