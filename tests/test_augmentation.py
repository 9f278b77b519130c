"""Augmentation: what each change does to pixels, and that it is drawn anew for each picture."""

from functools import partial

import numpy as np
import pytest
import torch

from course_utils import augmentation

# name: (function, a strength at which nothing happens)
CHANGES = {
    "affine": (augmentation.affine, {}),
    "rotation": (partial(augmentation.affine, rotation=30.0), {"rotation": 0.0}),
    "scale": (partial(augmentation.affine, scale=0.5), {"scale": 0.0}),
    "shear": (partial(augmentation.affine, shear=0.5), {"shear": 0.0}),
    "shift": (partial(augmentation.affine, shift=0.2), {"shift": 0.0}),
    "crop": (augmentation.crop, {"smallest": 1.0}),
    "noise": (augmentation.noise, {"deviation": 0.0}),
    "colour_jitter": (augmentation.colour_jitter, {"strength": 0.0}),
    "cutout": (augmentation.cutout, {"size": 0}),
    "flip_and_shift": (augmentation.flip_and_shift, None),
    "flip": (augmentation.flip, None),
}


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=6, height=12, width=10, channels=3):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (n, height, width, channels), dtype=np.uint8))


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_dtype_and_range_are_kept_and_the_input_too(name, dtype):
    images = pictures().to(dtype)
    before = images.clone()
    changed = CHANGES[name][0](images, dice())
    assert changed.shape == images.shape
    assert changed.dtype == dtype
    assert 0 <= changed.min() <= changed.max() <= 255
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "affine"])
def test_each_picture_is_drawn_anew_and_the_seed_decides(name):
    images = pictures(1).repeat(30, 1, 1, 1)
    function = CHANGES[name][0]
    first, again, other = (function(images, dice(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({picture.numpy().tobytes() for picture in first}) >= 2


@pytest.mark.parametrize("name", [name for name, (_, nothing) in CHANGES.items() if nothing is not None])
def test_strength_zero_changes_nothing(name):
    function, nothing = CHANGES[name]
    images = pictures()
    # Bilinear reading at the pixel itself is exact up to rounding of float32, far below half a level.
    assert torch.equal(function(images, dice(), **nothing), images)


def test_flips_are_whole_pictures_about_half_the_time():
    images = pictures(1).repeat(400, 1, 1, 1)
    flipped = augmentation.flip(images, dice())
    mirrored = (flipped == images.flip(2)).flatten(1).all(1)
    assert torch.equal(flipped[~mirrored], images[~mirrored])
    assert 160 < mirrored.sum() < 240  # four standard deviations to either side of 200


def test_a_quarter_turn_is_a_quarter_turn(monkeypatch):
    """With the draws fixed at their largest: 90 degrees on a square picture moves whole pixels."""
    monkeypatch.setattr(torch, "rand", lambda *size, generator: torch.ones(*size))
    images = pictures(2, 8, 8)
    turned = augmentation.affine(images, dice(), rotation=90.0)
    assert torch.equal(turned, images.rot90(1, dims=(1, 2)))


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 15), (15, 9)])
def test_geometry_is_that_of_pixels_on_any_size(monkeypatch, height, width):
    """Against the definition: where each pixel of the result comes from, computed one by one."""
    monkeypatch.setattr(torch, "rand", lambda *size, generator: torch.full(size, 0.8))
    rotation, scale, shear = 20.0, 0.5, 0.3
    ramp = 4.0 * torch.arange(width)[None, :] + 7.0 * torch.arange(height)[:, None]
    found = augmentation.affine(ramp[None, :, :, None], dice(), rotation, scale, shear)[0, :, :, 0]
    angle, slope, shrink = np.deg2rad(rotation * 0.6), shear * 0.6, (1 + scale) ** -0.6
    row, column = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    slanted = column + slope * row
    x = shrink * (np.cos(angle) * slanted - np.sin(angle) * row) + (width - 1) / 2
    y = shrink * (np.sin(angle) * slanted + np.cos(angle) * row) + (height - 1) / 2
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    assert inside.mean() > 0.6
    # A plane is read exactly by bilinear interpolation, up to float32.
    np.testing.assert_allclose(found.numpy()[inside], (4 * x + 7 * y)[inside], atol=1e-3)


def test_a_crop_is_a_window_of_the_picture():
    """On a ramp: the window's left end, right end and size fit together and lie inside."""
    ramp = (5.0 * torch.arange(40)).expand(50, 40, 40)[..., None]
    cropped = augmentation.crop(ramp, dice(), smallest=0.5)[:, 20, :, 0] / 5  # source column of each column
    first, last = cropped[:, 0], cropped[:, -1]
    assert first.min() >= 0
    assert last.max() <= 39
    side = (last - first) / 39
    assert 0.45 < side.min() < 0.6
    assert 0.9 < side.max() <= 1.0


def test_noise_has_the_deviation_asked_for():
    images = torch.full((20, 32, 32, 3), 128.0)
    grain = augmentation.noise(images, dice(), deviation=9.0) - images
    assert grain.std().item() == pytest.approx(9.0, rel=0.02)  # 61,440 numbers: 0.3 % standard error
    assert abs(grain.mean().item()) < 0.2


def test_colour_jitter_keeps_grey_grey_and_the_order_of_brightness():
    ramp = (60 + torch.arange(80.0)).reshape(1, 8, 10, 1).repeat(20, 1, 1, 3)
    changed = augmentation.colour_jitter(ramp, dice(), strength=0.4)
    assert torch.allclose(changed[..., 0], changed[..., 2], atol=1e-3)
    assert (changed.flatten(1, 2)[:, 1:, 0] > changed.flatten(1, 2)[:, :-1, 0]).all()
    assert changed.mean(dim=(1, 2, 3)).std() > 5


def test_cutout_covers_one_square_and_nothing_else():
    images = pictures(200, 20, 24)
    covered = augmentation.cutout(images, dice(), size=6, value=7.0)
    touched = (covered != images).any(dim=3)
    grey = (covered == 7).all(dim=3)
    assert not (touched & ~grey).any()
    rows, columns = grey.any(2).sum(1), grey.any(1).sum(1)
    assert set(rows.tolist()) == {3, 4, 5, 6}  # 3 where the centre lies in the first or last row
    assert torch.equal(grey.sum((1, 2)), rows * columns)


def test_a_chain_is_one_after_the_other():
    images = pictures()
    joined = augmentation.chain(augmentation.flip, partial(augmentation.cutout, size=4))(images, dice())
    generator = dice()
    by_hand = augmentation.cutout(augmentation.flip(images, generator), generator, size=4)
    assert torch.equal(joined, by_hand)
    assert augmentation.chain()(images, dice()) is images


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (partial(augmentation.affine, rotation=-1.0), "must not be negative, but rotation, .* are -1.0, 0.0"),
        (partial(augmentation.crop, smallest=0.0), "more than 0 and at most 1, not 0.0"),
        (partial(augmentation.crop, smallest=1.5), "at most 1, not 1.5"),
        (partial(augmentation.colour_jitter, strength=2.0), "between 0 and 1, not 2.0"),
    ],
)
def test_wrong_strengths_are_named(function, message):
    with pytest.raises(ValueError, match=message):
        function(pictures(), dice())
