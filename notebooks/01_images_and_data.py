# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Images and data
#
# *To a computer a picture is a box of numbers. This chapter opens the box, shows why no one has ever written
# down the rule that turns those numbers into the word "ship", and sets up the way around it: let the data write the
# rule.*
#
# After this chapter you can
#
# 1. read a picture as an array of shape $(H, W, C)$, turn it into the $(N, C, H, W)$ layout that networks expect, and
#    say what goes wrong when one confuses the two;
# 2. state the data-driven approach as three functions – collect, train, predict – and evaluate a model on pictures
#    it has not seen, with an error bar;
# 3. name seven things that make vision hard, turn each one up and down, and measure what it does to pixels;
# 4. tell classification, detection and segmentation apart by the shape of their answers;
# 5. split data into training, validation and test sets, and compute how much a peeked-at test set flatters;
# 6. compare features designed by hand with raw pixels, and say what a learned feature is.
#
# You need Python with NumPy, and nothing about machine learning.

# %%
from course_utils.results import run_time_note

print(run_time_note("01_images_and_data"))

# %%
import math
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np

from course_utils import data, plots, results
from course_utils.interactive import frames

SEED = 0
DATASET = "pocket10"

plots.use_style()
rng = np.random.default_rng(SEED)

# %% [markdown]
# (sec-images-arrays)=
# ## A picture is an array
#
# Here are pictures of ten kinds of thing, drawn small. You name every one of them without effort, in about a tenth
# of a second, and you could not say how you do it. Keep that in mind while we look at what the computer gets.

# %% mystnb={"figure": {"name": "fig-images-classes", "caption": "Two pictures of each class. You recognise them at once; the rest of this book is about making a program do the same."}, "image": {"alt": "Two rows of ten small colour pictures, one column for each class of the data set, with the class name above each column."}}
images, labels = data.load(DATASET, "train", n=2000, seed=SEED)
names = data.class_names(DATASET)

first = [np.flatnonzero(labels == c)[0] for c in range(len(names))]
second = [np.flatnonzero(labels == c)[1] for c in range(len(names))]
order = first + second
plots.show_images(images[order], labels=labels[order], class_names=names, columns=10)

# %% [markdown]
# The whole collection is one array. Its four axes are the number of the picture $N$, the row $H$ (height), the
# column $W$ (width) and the colour channel $C$: red, green and blue. Each number is a `uint8`, a whole number from 0
# (none of this colour) to 255 (as much as the screen can show).

# %%
num_images, height, width, channels = images.shape
print(
    f"images: shape {images.shape}, {images.dtype}, from {images.min()} to {images.max()}"
)
print(
    f"labels: shape {labels.shape}, {labels.dtype}; the first five are {labels[:5].tolist()}"
)
print(
    f"one picture is {height} x {width} x {channels} = {height * width * channels:,} numbers"
)
print(f"all of them take {images.nbytes / 1e6:.1f} MB of memory")

# %% [markdown]
# Let us take one ship and look closer. On the left is the picture; in the middle a patch of eight by eight pixels;
# on the right the same patch as the computer has it, in the red channel.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-patch", "caption": "A ship, a patch of it, and the patch's red channel. The numbers on the right are all the computer ever gets: nowhere in them is it written that this is a ship."}, "image": {"alt": "Three panels: a small picture of a ship with a white square marking a patch, the patch enlarged to eight by eight coloured blocks, and a grid of sixty-four numbers between 0 and 255 on a grey background."}}
ship = images[labels == names.index("ship")][0]
top, left = 12, 12
patch = ship[top : top + 8, left : left + 8]

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
axes[0].imshow(ship)
axes[0].add_patch(
    plt.Rectangle((left - 0.5, top - 0.5), 8, 8, fill=False, edgecolor="white", linewidth=2)
)
axes[1].imshow(patch)
axes[2].imshow(patch[..., 0], cmap="gray", vmin=0, vmax=255)
for row in range(8):
    for column in range(8):
        value = int(patch[row, column, 0])
        axes[2].text(
            column,
            row,
            value,
            ha="center",
            va="center",
            fontsize=8,
            color="black" if value > 127 else "white",
        )
for axis, title in zip(axes, ["the picture", "a patch", "its red channel"], strict=True):
    axis.set_title(title)
    axis.set_axis_off()

# %% [markdown]
# <div class="question">
#
# **Quick question.** A photograph from a telephone has 4,000 × 3,000 pixels. As an array of `uint8`, how much memory
# does it take?
#
# <details class="choice"><summary>12 MB</summary>
#
# That is one byte a pixel. A colour pixel has three numbers: red, green and blue.
#
# </details>
#
# <details class="choice right"><summary>36 MB</summary>
#
# Right: $4000 \cdot 3000 \cdot 3$ bytes are 36 million bytes. The file on the telephone is ten times smaller because
# JPEG throws away what people hardly see.
#
# </details>
#
# <details class="choice"><summary>144 MB</summary>
#
# That is what the picture takes as 32-bit floating-point numbers, four bytes each. It is what a network will want,
# and one reason to keep pictures as `uint8` for as long as possible.
#
# </details>
# </div>
#
# ### Where a pixel lies in memory
#
# An array of four axes is a story we tell about a plain row of bytes. For one picture of shape $(H, W, C)$ the value
# at row $h$, column $w$, channel $c$ lies at position
#
# $$
# \text{offset}(h, w, c) = (h \cdot W_\text{px} + w) \cdot C_\text{in} + c,
# $$ (eq-images-offset)
#
# with $W_\text{px}$ pixels in a row and $C_\text{in}$ channels (in formulas $W$ will be weights and $C$ the number of classes).
# Read it from the right: neighbouring channels are neighbours in memory, a step to the right jumps over $C_\text{in}$ numbers
# and a step down over $W_\text{px} \cdot C_\text{in}$ of them. We can check the formula at every index at once.

# %%
# check: eq-images-offset
h, w, c = np.indices(ship.shape)
offset = (h * width + w) * channels + c
row_of_bytes = ship.reshape(-1)
assert np.array_equal(row_of_bytes[offset], ship)
print(f"the formula holds at all {offset.size:,} indices")
print("NumPy knows these jumps as strides:", ship.strides)

# %% [markdown]
# Networks in PyTorch want the axes in another order: batch, channel, height, width, or $(N, C, H, W)$ for short.
# Changing the order means changing the *story*, not the numbers: `transpose` keeps every value at its place in the
# picture and only renames the axes. `reshape` keeps the row of bytes and cuts it up anew, and that is a different
# thing. It gives an array of exactly the shape we want, raises no error, and holds garbage.

# %% mystnb={"figure": {"name": "fig-images-transpose", "caption": "Both arrays have shape (3, H, W). The transposed one holds three channels of a ship. Each slab of the reshaped one holds a third of the rows, with red, green and blue woven into one another."}, "image": {"alt": "Two rows of three grey pictures. Upper row: the red, green and blue channel of the ship, looking like the ship. Lower row: woven patterns of light and dark pixels in which nothing can be recognised."}}
right = ship.transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)
wrong = ship.reshape(channels, height, width)
assert right.shape == wrong.shape == (channels, height, width)

figure, axes = plt.subplots(2, 3, figsize=(6.5, 4.6))
for channel in range(3):
    axes[0, channel].imshow(right[channel], cmap="gray", vmin=0, vmax=255)
    axes[0, channel].set_title(f"transpose, {('red', 'green', 'blue')[channel]}")
    axes[1, channel].imshow(wrong[channel], cmap="gray", vmin=0, vmax=255)
    axes[1, channel].set_title(f"reshape, slab {channel}")
for axis in axes.flat:
    axis.set_axis_off()

# %% [markdown]
# The full journey from a stored picture to what a network reads has three steps: to floating point, to the range from
# 0 to 1, to channels first. PyTorch's `permute` does with tensors what `transpose` does with arrays.

# %%
import torch

batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
by_numpy = images.transpose(0, 3, 1, 2).astype(np.float32) / 255
assert np.array_equal(batch.numpy(), by_numpy)
print(f"{images.shape} {images.dtype}  ->  {tuple(batch.shape)} {batch.dtype}")

# %% [markdown]
# ### Doing sums with pictures
#
# Once a picture is an array, editing it is arithmetic. Twice as bright is a multiplication by two. A mirror image is
# a slice with a negative step. Grey is a weighted mean of the channels,
#
# $$
# Y = 0.299\,R + 0.587\,G + 0.114\,B,
# $$ (eq-images-luma)
#
# with weights from the television standard ITU-R BT.601 {cite:p}`itu2011bt601`: our eyes are most sensitive to green
# and least to blue. The weights sum to one, so that what was grey before stays as it was.

# %%
# check: eq-images-luma
red, green, blue = np.moveaxis(images.astype(np.float64), -1, 0)
gray = 0.299 * red + 0.587 * green + 0.114 * blue

gray_world = np.repeat(
    np.arange(256.0)[:, None], 3, axis=1
)  # 256 shades without colour, shape (256, 3)
assert np.allclose(gray_world @ [0.299, 0.587, 0.114], gray_world[:, 0])
assert np.abs(gray - data.to_grayscale(images).reshape(gray.shape)).max() <= 1.0
print(f"gray: shape {gray.shape}, from {gray.min():.0f} to {gray.max():.0f}")

# %% [markdown]
# One trap is worth falling into once, on purpose. Whole numbers of eight bits know no 300: they count to 255 and start
# again at 0, like a clock.

# %%
bright = np.array([200, 250, 100], dtype=np.uint8)
print("uint8:  ", bright, "+ 100 =", bright + np.uint8(100))
print(
    "float32:",
    bright,
    "+ 100 =",
    np.clip(bright.astype(np.float32) + 100, 0, 255).astype(np.uint8),
    "(clipped)",
)

# %% mystnb={"figure": {"name": "fig-images-arithmetic", "caption": "Five edits, each a line of arithmetic. In the last one the bright parts have wrapped around to dark: the clock's way of counting."}, "image": {"alt": "Six versions of the ship picture in a row: original, mirrored, darker, grey, inverted like a photographic negative, and one where bright regions have turned into wrong dark colours."}}
edits = {
    "original": ship,
    "mirror": ship[:, ::-1],
    "half as bright": ship // 2,
    "gray": np.repeat(
        data.to_grayscale(ship[None]).reshape(height, width, 1), 3, axis=2
    ).astype(np.uint8),
    "negative": 255 - ship,
    "+ 100 in uint8": ship + np.uint8(100),
}
figure, axes = plt.subplots(1, 6, figsize=(10, 2.1))
for axis, (title, picture) in zip(axes, edits.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()

# %% [markdown]
# The last piece of arithmetic in this section is one you will meet in every chapter. Learning goes better when all
# inputs are of the same size and centred on zero, so one subtracts from each channel $c$ its mean $\mu_c$ over the
# *training* pictures and divides by its standard deviation $\sigma_c$:
#
# $$
# z_{n,h,w,c} = \frac{x_{n,h,w,c} - \mu_c}{\sigma_c}.
# $$ (eq-images-standardise)
#
# Afterwards every channel has mean 0 and standard deviation 1, and nothing is lost: $x = \sigma z + \mu$.

# %%
# check: eq-images-standardise
x = images.astype(np.float64) / 255
mean = x.mean(axis=(0, 1, 2))  # shape (C,)
std = x.std(axis=(0, 1, 2))
z = (x - mean) / std
assert np.allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-9)
assert np.allclose(z.std(axis=(0, 1, 2)), 1)
assert np.allclose(z * std + mean, x)
print("mean of each channel:", mean.round(3), " standard deviation:", std.round(3))

# %% [markdown]
# (sec-images-resolution)=
# ### How many pixels does it take?
#
# Our pictures are 32 pixels wide, a postage stamp. Is that enough? Shrink a picture by replacing each block of pixels
# by its mean,
#
# $$
# \bar{x}_{i,j} = \frac{1}{|B_{i,j}|} \sum_{(h, w) \in B_{i,j}} x_{h,w},
# $$ (eq-images-blocks)
#
# where $B_{i,j}$ is the block of pixels that falls on the new pixel $(i, j)$. Move the slider from the left and stop
# when you can name what you see.


# %%
# check: eq-images-blocks
def shrink(picture, side):
    """Block means of a picture (H, W, C) -> (side, side, C), and the size of each block (side, side)."""
    rows = np.arange(side + 1) * picture.shape[0] // side
    columns = np.arange(side + 1) * picture.shape[1] // side
    sums = np.add.reduceat(picture.astype(np.int64), rows[:-1], axis=0)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)
    sizes = np.diff(rows)[:, None] * np.diff(columns)[None, :]
    return sums / sizes[..., None], sizes


for side in (1, 3, 7, 16, 32):
    means, sizes = shrink(ship, side)
    # Weighted by their sizes, the block means give back the mean of the whole picture.
    assert np.allclose(
        (means * sizes[..., None]).sum(axis=(0, 1)) / sizes.sum(), ship.mean(axis=(0, 1))
    )
means, _ = shrink(ship, 16)
assert np.allclose(means[2, 3], ship[4:6, 6:8].mean(axis=(0, 1)))
print("block means agree with the whole picture's mean at every size")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-resolution", "caption": "Five pictures at rising resolution. Most people name them at 10 to 16 pixels a side."}, "image": {"alt": "Five pictures drawn with few pixels, from a single block of colour up to 32 by 32."}}
shown = [
    np.flatnonzero(labels == names.index(name))[2]
    for name in ("airplane", "automobile", "bird", "ship", "truck")
]
shown = rng.permutation(shown)
sides = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32]
pictures = []
for side in sides:
    figure, axes = plt.subplots(1, len(shown), figsize=(9, 2.1))
    for axis, index in zip(axes, shown, strict=True):
        axis.imshow(
            shrink(images[index], side)[0].round().astype(np.uint8), interpolation="nearest"
        )
        axis.set_axis_off()
    pictures.append(figure)

answer = ", ".join(names[labels[i]] for i in shown)
frames(
    pictures,
    [f"{side} x {side}" for side in sides],
    name="resolution",
    description="Pixels",
    alt=[
        f"The same five pictures, each drawn with {side} by {side} pixels. From left to right: {answer}."
        for side in sides
    ],
)

# %% [markdown]
# Humans recognise the gist of a photograph at 32 × 32 pixels nearly as well as at full size; Torralba and colleagues
# measured it and built a data set of 80 million such "tiny images" on the finding {cite:p}`torralba2008tiny`. CIFAR-10
# was cut from that collection. Small pictures are an honest choice for a course: the problem stays as hard as it is,
# and experiments take seconds.

# %% [markdown]
# (sec-images-rules)=
# ## Why not write down the rule?
#
# Programs are usually written rule by rule. Let us try: *airplanes fly, so a picture whose upper part is blue shows an
# airplane.* In code:


# %%
def looks_like_airplane(images):
    """A rule made up at a desk: the upper quarter is bluer than it is red.  (N, H, W, 3) -> bool (N,)."""
    upper = images[:, : images.shape[1] // 4].astype(np.int64).sum(axis=(1, 2))  # (N, 3)
    return upper[:, 2] * 10 > upper[:, 0] * 11


is_airplane = labels == names.index("airplane")
says_airplane = looks_like_airplane(images)
recall = (says_airplane & is_airplane).sum() / is_airplane.sum()
precision = (says_airplane & is_airplane).sum() / says_airplane.sum()
print(f"of the airplanes, the rule finds   {recall:.0%}   (recall)")
print(f"of what it finds, airplanes are    {precision:.0%}   (precision)")

# %% mystnb={"figure": {"name": "fig-images-rule", "caption": "What the rule about blue takes for an airplane, although it is none (upper row), and airplanes that it misses (lower row). Ships have sky above them too, and the sky is not always blue."}, "image": {"alt": "Two rows of ten small pictures with class names. Upper row: other classes with blue in their upper part. Lower row: airplanes in front of backgrounds that are not blue."}}
false_alarms = np.flatnonzero(says_airplane & ~is_airplane)[:10]
misses = np.flatnonzero(~says_airplane & is_airplane)[:10]
order = np.concatenate([false_alarms, misses])
plots.show_images(images[order], labels=labels[order], class_names=names, columns=10)

# %% [markdown]
# One could go on: look for wings, but they may be hidden; look for straight edges, but houses have them too. For half
# a century people wrote such rules, and each new rule fixed ten pictures and broke nine. The trouble is not that we
# are bad at it. It is that the rule has to be stated *in pixels*, and pixels change completely when nothing that
# matters has changed.

# %% [markdown]
# (sec-images-data-driven)=
# ## The data-driven approach
#
# The way around is to stop telling the computer how and to show it what. It takes three steps:
#
# 1. **collect** pictures, each with a label;
# 2. **train**: hand them to an algorithm that turns them into a model;
# 3. **evaluate**: let the model predict the labels of *new* pictures, and count.
#
# As code it is two functions, and every method in this book, from nearest neighbours to transformers, fits into them:
#
# - `train(images, labels) → model`
# - `predict(model, images) → labels`
#
# Here is the simplest pair that learns anything. Training computes the mean picture of each class; prediction picks
# the class whose mean picture is closest, pixel by pixel, in squared distance.


# %%
def train(images, labels):
    """images (N, H, W, C), labels (N,) -> the mean picture of each class (classes, H * W * C)."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    return np.stack([flat[labels == c].mean(axis=0) for c in range(labels.max() + 1)])


def predict(model, images):
    """The class whose mean picture is closest: (N, H, W, C) -> int64 (N,)."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    distances = np.stack(
        [((flat - mean) ** 2).sum(axis=1) for mean in model], axis=1
    )  # (N, classes)
    return distances.argmin(axis=1)


test_images, test_labels = data.load(DATASET, "test", n=1000, seed=SEED)
model = train(images, labels)
train_accuracy = (predict(model, images) == labels).mean()
test_accuracy = (predict(model, test_images) == test_labels).mean()
print(f"accuracy on the pictures it was trained on: {train_accuracy:.0%}")
print(f"accuracy on new pictures:                   {test_accuracy:.0%}")
print(f"accuracy of guessing:                       {1 / len(names):.0%}")

# %% mystnb={"figure": {"name": "fig-images-means", "caption": "All that this model knows: the mean picture of each class. Some show a trace of a shape, most show only a usual colour."}, "image": {"alt": "Ten blurred pictures in a row, one for each class, each a smooth blob of colours with at most a faint hint of the object's outline."}}
means = model.reshape(-1, *images.shape[1:]).round().astype(np.uint8)
plots.show_images(means, labels=np.arange(len(names)), class_names=names, columns=10)

# %% [markdown]
# It is a poor classifier and yet something remarkable has happened: five lines that know nothing of ships are better
# than guessing, and they would be so for any ten classes of anything. To improve it we need no new rules. We need a
# better `train`.
#
# ### How sure is an accuracy?
#
# The test set is a sample. With other test pictures the accuracy would have come out a little differently, and an
# honest report says by how much. If the model is right with probability $p$ on a new picture, then on $n$ independent
# pictures the accuracy has mean $p$ and standard deviation
#
# $$
# \mathrm{SE} = \sqrt{\frac{p\,(1 - p)}{n}},
# $$ (eq-images-se)
#
# because each picture contributes a 0 or a 1 with variance $p(1-p)$, the variances of independent numbers add up to
# $n\,p(1-p)$, and dividing the count by $n$ divides its standard deviation by $n$. A simulation agrees:

# %%
# check: eq-images-se
n, p = 1000, 0.3
standard_error = np.sqrt(p * (1 - p) / n)
simulated = rng.random((20_000, n)) < p  # 20,000 test sets of 1,000 pictures
assert abs(simulated.mean(axis=1).std() / standard_error - 1) < 0.02
print(f"formula {standard_error:.4f}, simulation {simulated.mean(axis=1).std():.4f}")

error_bar = 2 * math.sqrt(test_accuracy * (1 - test_accuracy) / len(test_labels))
print(
    f"our model: {test_accuracy:.0%} with an error bar of about {error_bar:.1%} (two standard errors)"
)

# %% [markdown]
# <div class="question">
#
# **Quick question.** Two models reach 71 % and 73 % on the same test set of 500 pictures. Is the second one better?
#
# <details class="choice"><summary>Yes, 73 is more than 71.</summary>
#
# It is more *on these 500 pictures*. The standard error of each figure is $\sqrt{0.72 \cdot 0.28 / 500} \approx 2$ points:
# a difference of 2 points may well be chance.
#
# </details>
#
# <details class="choice right"><summary>The test set is too small to tell.</summary>
#
# Right. Each figure is uncertain by about 2 points, so their difference of 2 points says little. Compare the two models
# picture by picture (both saw the same ones), or get more pictures.
#
# </details>
#
# <details class="choice"><summary>No, they are equally good.</summary>
#
# We cannot conclude this either. "Not shown to differ" is not "shown to be the same".
#
# </details>
# </div>

# %% [markdown]
# (sec-images-hard)=
# ## Seven reasons why it is hard
#
# Between the thing and the pixels lies everything that can change without the thing changing. Our data set **Pocket-10**
# is drawn by a program, and the program has a dial for each of these, from 0 (off) to 1:
#
# | dial | what changes | what stays |
# |---|---|---|
# | illumination | light and dark, the colour of the light, shadows | the thing |
# | clutter | what else is in the picture | the thing |
# | occlusion | how much of it is hidden | the thing |
# | deformation | its bends and proportions | the kind of thing |
# | viewpoint | size, place, angle | the thing |
# | intraclass | which make of car, which species of bird | the name |
# | context | where it stands: ships on water, or anywhere | the thing and the name |
#
# Choose a dial below and read each column from top to bottom, from 0 to 1. Everything but the chosen dial stays the same.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-dials", "caption": "One dial at a time. Rows: the dial at 0, 0.25, 0.5, 0.75 and 1; the other dials are off, and context is at 1."}, "image": {"alt": "Ten columns, one a class, and five rows in which one of the seven dials rises from 0 to 1."}}
levels = [0.0, 0.25, 0.5, 0.75, 1.0]
still = dict.fromkeys(data.POCKET10_DIALS, 0.0) | {"context": 1.0}
pocket_names = data.POCKET10_CLASSES


def one_of_each(**dials):
    """One picture of each Pocket-10 class at the given dials: uint8 (10, 32, 32, 3), in the order of the classes."""
    drawn, drawn_labels = data.pocket10("train", n=40, seed=3, **(still | dials))
    return np.stack([drawn[drawn_labels == c][0] for c in range(10)])


def tile(pictures, columns, gap=2):
    """Lay pictures of one size side by side in rows, with white gaps: (N, H, W, C) -> one picture."""
    n, h, w, c = pictures.shape
    padded = np.full((n, h + gap, w + gap, c), 255, dtype=np.uint8)
    padded[:, :h, :w] = pictures
    rows = padded.reshape(n // columns, columns, h + gap, w + gap, c)
    return rows.transpose(0, 2, 1, 3, 4).reshape(
        n // columns * (h + gap), columns * (w + gap), c
    )


pictures, alts = [], []
for dial in data.POCKET10_DIALS:
    grid = np.concatenate([one_of_each(**{dial: level}) for level in levels])
    figure, axis = plt.subplots(figsize=(8, 4.2))
    axis.imshow(tile(grid, columns=10))
    axis.set_xticks(np.arange(10) * 34 + 16, pocket_names, fontsize=8)
    axis.set_yticks(np.arange(len(levels)) * 34 + 16, [f"{level:.2f}" for level in levels])
    axis.set_ylabel(dial)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    pictures.append(figure)
    alts.append(
        f"Ten columns, one a class, and five rows in which the dial {dial} rises from 0 to 1."
    )

frames(
    pictures,
    list(data.POCKET10_DIALS),
    name="dials",
    kind="dropdown",
    description="Dial",
    alt=alts,
    dpi=78,
)

# %% [markdown]
# How much do pixels mind? Take the same ten objects, turn one dial up, and measure how far each picture has moved:
# the root-mean-square difference of its pixel values. Then compare with the distance between pictures of *different*
# classes. If a changed light moves a ship further than it is from a truck, then no rule on pixel distances can be
# safe.


# %% mystnb={"figure": {"name": "fig-images-dial-distance", "caption": "How far a picture moves in pixel space when one dial is turned up. The dashed line is the mean distance between pictures of different classes with all dials off. Light and surroundings each move a picture nearly as far as exchanging the object does."}, "image": {"alt": "Line chart with one line for each of the seven dials. The horizontal axis is the dial from 0 to 1, the vertical axis the root-mean-square change of the pixel values. Lines rise from zero, some of them close to or above a dashed horizontal line."}}
def rms(a, b):
    """Root-mean-square difference of pictures, over all but the first axis: (N, H, W, C) twice -> (N,)."""
    difference = a.astype(np.float64) - b.astype(np.float64)
    return np.sqrt((difference**2).mean(axis=(1, 2, 3)))


base = one_of_each()
between = np.mean(
    [rms(base, np.roll(base, shift, axis=0)).mean() for shift in range(1, 10)]
)

figure, axis = plt.subplots(figsize=(7, 4))
moved = {}
for number, dial in enumerate(data.POCKET10_DIALS):
    start = one_of_each(**{dial: 0.0})
    moved[dial] = [rms(start, one_of_each(**{dial: level})).mean() for level in levels]
    axis.plot(levels, moved[dial], marker="osv^Dp*"[number], label=dial)
axis.axhline(between, color="black", linestyle="--", label="another class")
axis.set_xlabel("dial")
axis.set_ylabel("change of a pixel (0 to 255)")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
for dial, values in moved.items():
    print(f"{dial:13s} moves a picture by {values[-1]:3.0f} at 1")
print(f"another class is {between:3.0f} away")

# %% [markdown]
# Real photographs have all seven turned up at once, and nobody tells us where the dials stand. The next figure turns
# everything from 0 to 1 together. Watch yourself: you keep recognising the things long after the pixels have nothing
# in common with those at the start.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-everything", "caption": "All difficulties together: six dials rise from 0 to 1 while context falls from 1 to 0."}, "image": {"alt": "One picture of each of the ten classes, from clear drawings to dark, cluttered, hidden and bent ones."}}
steps = [i / 12 for i in range(13)]
pictures = []
for step in steps:
    everything = dict.fromkeys(data.POCKET10_DIALS, step) | {"context": 1 - step}
    grid = one_of_each(**everything)
    figure, axis = plt.subplots(figsize=(7, 2.9))
    axis.imshow(tile(grid, columns=5))
    axis.set_axis_off()
    pictures.append(figure)

frames(
    pictures,
    [f"{step:.2f}" for step in steps],
    name="everything",
    description="All dials",
    alt=[
        f"One picture of each of the ten classes, all difficulties at {step:.2f}: {', '.join(pocket_names)}."
        for step in steps
    ],
)

# %% [markdown]
# <div class="question">
#
# **Quick question.** A classifier trained on photographs of cows in meadows fails on a cow at a beach. Which dial had
# nobody turned while collecting?
#
# <details class="choice"><summary>Viewpoint</summary>
#
# The cow may be photographed from the same side and distance. What changed is what stands around it.
#
# </details>
#
# <details class="choice"><summary>Clutter</summary>
#
# Close, but clutter is *how much* else is in the picture. An empty beach has little. What misled the classifier is that
# the meadow went together with the word "cow" in all its training data.
#
# </details>
#
# <details class="choice right"><summary>Context</summary>
#
# Right. In training, green grass predicted "cow" perfectly, and it is easier to learn than the cow
# {cite:p}`beery2018recognition`. A model takes whatever helps on the data it is given; chapter 15 measures this
# shortcut.
#
# </details>
# </div>

# %% [markdown]
# (sec-images-tasks)=
# ## What to ask of a picture
#
# Classification is one question among several. They differ in the shape of the answer:
#
# | task | question | answer for one picture |
# |---|---|---|
# | classification | what is it? | one of $C$ labels |
# | detection | what is where? | a list of (label, box), a box being four numbers |
# | segmentation | which pixels belong to what? | a label for each pixel: shape $(H, W)$ |
#
# Because Pocket-10 is drawn by a program, the finest answer comes for free: the program knows which pixels it painted with
# the object.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-tasks", "caption": "One picture, three answers. Classification names it, detection puts a box around it, segmentation marks its pixels. Each answer contains the one before it: the box follows from the mask, the name is attached to both."}, "image": {"alt": "Three rows for three objects. Each row shows the picture titled with its class, the same picture with a rectangle around the object, and a mask with the object's pixels in a light colour on dark."}}
clear = {"occlusion": 0.0, "clutter": 0.2}
pictures, picture_labels = data.pocket10("test", n=40, seed=5, **clear)
masks = data.pocket10_masks("test", n=40, seed=5, **clear)  # bool (40, 32, 32)

figure, axes = plt.subplots(3, 3, figsize=(6, 6.3))
for row, name in enumerate(["fish", "house", "truck"]):
    i = np.flatnonzero(picture_labels == pocket_names.index(name))[0]
    rows, columns = (
        np.flatnonzero(masks[i].any(axis=1)),
        np.flatnonzero(masks[i].any(axis=0)),
    )
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    box = plt.Rectangle(
        (left - 0.5, top - 0.5),
        right - left + 1,
        bottom - top + 1,
        fill=False,
        edgecolor="white",
        linewidth=2,
    )
    for axis in axes[row, :2]:
        axis.imshow(pictures[i])
    axes[row, 1].add_patch(box)
    axes[row, 2].imshow(masks[i], cmap="cividis")
    axes[row, 0].set_title(f"classification: {name}", fontsize=10)
    axes[row, 1].set_title(f"detection: {name} at ({left}, {top})", fontsize=10)
    axes[row, 2].set_title(f"segmentation: {masks[i].sum()} pixels", fontsize=10)
for axis in axes.flat:
    axis.set_axis_off()

# %% [markdown]
# The boxes were computed from the masks: rows and columns in which at least one pixel belongs to the object. The other
# direction does not work, and neither can a label be turned into a box. The finer the answer, the more work it is to
# label pictures with it: seconds for a class, half a minute for a box drawn well, many minutes for a mask. Chapter 16
# is about the last two; until then we classify.

# %% [markdown]
# (sec-images-splits)=
# ## Training, validation, test
#
# A model that has seen the exam questions proves nothing by answering them. Here is the extreme case: a model that
# stores its training pictures and looks them up.


# %%
def train_by_heart(images, labels):
    """Remember the label of every picture, byte for byte."""
    return {
        picture.tobytes(): int(label) for picture, label in zip(images, labels, strict=True)
    }


def predict_by_heart(model, images):
    """Look each picture up; say 0 for those never seen."""
    return np.array([model.get(picture.tobytes(), 0) for picture in images])


memory = train_by_heart(images, labels)
print(
    f"accuracy on the training pictures: {(predict_by_heart(memory, images) == labels).mean():.0%}"
)
print(
    f"accuracy on new pictures:          {(predict_by_heart(memory, test_images) == test_labels).mean():.0%}"
)

# %% [markdown]
# So we hold pictures back. In fact we need two held-back sets, because of a second, quieter way of cheating: *choosing*.
# Whoever tries a hundred settings and reports the best score on the test set has used the test set to choose, and the
# best of a hundred scores is high partly by luck. How high? Let each of $T$ classifiers guess blindly among $C$ classes
# on $n$ test pictures. The number each gets right is binomial with probability $1/C$; call its distribution function
# $F(k)$, the probability of at most $k$ right. The best of $T$ is at most $k$ if all $T$ are, which has probability
# $F(k)^T$. The mean of a count is the sum over $k$ of the probability that it exceeds $k$, so the expected best
# accuracy is
#
# $$
# \mathbb{E}\left[\max_{t \le T} \text{acc}_t\right] = \frac{1}{n} \sum_{k=0}^{n-1} \left(1 - F(k)^T\right).
# $$ (eq-images-peeking)
#
# For $T = 1$ this is $1/C$, as it must be. It grows with every try although nothing has been learned.


# %%
# check: eq-images-peeking
def expected_best(tries, n=100, classes=10):
    """Expected best accuracy of so many blind guessers on n pictures."""
    p = 1 / classes
    probability = np.array(
        [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    )
    at_most = np.minimum(np.cumsum(probability), 1.0)
    return (1 - at_most[:-1] ** tries).sum() / n


assert math.isclose(expected_best(1), 0.1)
for tries in (1, 10, 100):
    scores = rng.binomial(100, 0.1, size=(20_000, tries)).max(axis=1) / 100
    assert abs(scores.mean() - expected_best(tries)) < 0.002
    print(
        f"best of {tries:3d} blind guessers: {expected_best(tries):.1%} by formula, {scores.mean():.1%} simulated"
    )

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-peeking", "caption": "Trying more and reporting the best: the reported accuracy climbs to about twice the truth, which stays at 10 %."}, "image": {"alt": "Histograms of the accuracies of ever more blind guessers, with the best one and its accuracy on fresh pictures marked."}}
scores = rng.binomial(100, 0.1, size=2000) / 100
fresh = rng.binomial(100, 0.1, size=2000) / 100  # the same guessers on 100 fresh pictures
pictures, tries_list = [], [1, 2, 3, 5, 8, 13, 20, 35, 60, 100, 200, 400, 1000, 2000]
bins = np.arange(-0.005, 0.30, 0.01)
for tries in tries_list:
    best = scores[:tries].argmax()
    figure, axis = plt.subplots(figsize=(7.5, 3.3))
    axis.hist(
        scores[:tries], bins=bins, color="0.8", edgecolor="0.5", label="all guessers so far"
    )
    axis.axvline(
        scores[best], linewidth=3, label=f"the best, as reported: {scores[best]:.0%}"
    )
    axis.axvline(
        fresh[best],
        linewidth=3,
        linestyle="--",
        color="C1",
        label=f"the same guesser, fresh pictures: {fresh[best]:.0%}",
    )
    axis.axvline(
        expected_best(tries),
        color="black",
        linestyle=":",
        label=f"formula: {expected_best(tries):.1%}",
    )
    axis.set_xlim(0, 0.3)
    axis.set_xlabel("accuracy on 100 test pictures")
    axis.set_ylabel("guessers")
    axis.legend(loc="upper right", fontsize=8)
    pictures.append(figure)

frames(
    pictures,
    [str(tries) for tries in tries_list],
    name="peeking",
    description="Guessers",
    alt=[
        f"Histogram of the accuracies of {tries} blind guessers. The best reports {scores[:tries].max():.0%}; "
        f"on fresh pictures it reaches {fresh[scores[:tries].argmax()]:.0%}."
        for tries in tries_list
    ],
)

# %% [markdown]
# Hence three sets, and one rule for each:
#
# - **training set**: the algorithm learns from it, as often as it likes;
# - **validation set**: we choose by it – which method, which settings, when to stop;
# - **test set**: we report from it, once, at the end.
#
# The pictures of the three must not overlap. Pocket-10 draws them from seeds that cannot coincide; for collected data
# one splits with a seeded shuffle, class by class, so that each part has the same mix of classes.

# %%
part_images, part_labels, validation_images, validation_labels = (
    data.train_validation_split(images, labels, validation=0.2, seed=SEED)
)
print(
    "training:  ",
    part_images.shape,
    " pictures of each class:",
    np.bincount(part_labels).tolist(),
)
print(
    "validation:",
    validation_images.shape,
    " pictures of each class:",
    np.bincount(validation_labels).tolist(),
)
seen = {picture.tobytes() for picture in part_images}
print("pictures in both:", sum(picture.tobytes() in seen for picture in validation_images))

# %% [markdown]
# <div class="question">
#
# **Quick question.** A friend augments the data first, adding a mirrored copy of each picture, and splits into training
# and test sets afterwards, at random. What happens to the test accuracy?
#
# <details class="choice"><summary>Nothing: mirrored pictures are new pictures.</summary>
#
# For the pixels they are, but the mirror image of almost every test picture now lies in the training set. A model can
# score by recognising the individual car instead of cars.
#
# </details>
#
# <details class="choice right"><summary>It comes out too high.</summary>
#
# Right. Copies of the same picture leak across the split. Split first, then augment the training part only. The same goes
# for frames of one video, and for several photographs of one patient.
#
# </details>
#
# <details class="choice"><summary>It comes out too low.</summary>
#
# More data might make training harder for a while, but the leak works in the other direction.
#
# </details>
# </div>

# %% [markdown]
# (sec-images-features)=
# ## Features: designed or learned
#
# A model needs not look at pixels. Before 2012 the usual way was to *design* a description of the picture, a vector of
# **features** that keeps what matters and forgets what does not, and to put a simple classifier on top. Three such
# designs, from crude to respectable:
#
# - the **mean colour**: 3 numbers;
# - a **colour histogram**: how many pixels fall into each of $4 \times 4 \times 4$ boxes of the colour cube. It forgets *where*
#   a colour is, so it does not mind when things move;
# - **histograms of gradient orientations** in a $4 \times 4$ grid of cells: in which directions do edges run, and how strong
#   are they? It forgets colour and brightness. This is the idea behind SIFT {cite:p}`lowe2004distinctive` and HOG
#   {cite:p}`dalal2005histograms`, which ruled the field for a decade.


# %%
def mean_colour(images):
    """(N, H, W, C) -> (N, C)."""
    return images.mean(axis=(1, 2))


def colour_histogram(images, boxes=4):
    """Share of the pixels in each box of the colour cube: (N, H, W, 3) -> (N, boxes ** 3)."""
    box = images.astype(np.int64) * boxes // 256
    index = (box[..., 0] * boxes + box[..., 1]) * boxes + box[..., 2]
    index = index.reshape(len(images), -1)
    counts = np.zeros((len(images), boxes**3))
    np.add.at(counts, (np.arange(len(images))[:, None], index), 1)
    return counts / index.shape[1]


def orientation_histogram(images, cells=4, bins=8):
    """Edge strength by direction in a grid of cells: (N, H, W, 3) -> (N, cells * cells * bins)."""
    grey = images.astype(np.float64).mean(axis=-1)
    down, across = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, across)
    direction = (
        np.floor((np.arctan2(down, across) % np.pi) / np.pi * bins).astype(np.int64) % bins
    )
    n, h, w = grey.shape
    row = np.arange(h) * cells // h
    column = np.arange(w) * cells // w
    cell = (row[:, None] * cells + column[None, :])[None].repeat(n, axis=0)
    counts = np.zeros((n, cells * cells * bins))
    np.add.at(
        counts,
        (np.arange(n)[:, None], (cell * bins + direction).reshape(n, -1)),
        strength.reshape(n, -1),
    )
    return counts / (np.linalg.norm(counts, axis=1, keepdims=True) + 1e-9)


histogram = colour_histogram(images[:100])
assert np.allclose(histogram.sum(axis=1), 1)  # shares
shuffled = (
    images[:100]
    .reshape(100, -1, 3)[:, rng.permutation(height * width)]
    .reshape(images[:100].shape)
)
assert np.allclose(
    colour_histogram(shuffled), histogram
)  # it does not see where a pixel is
print(
    "features per picture:",
    mean_colour(images[:1]).size,
    histogram.shape[1],
    orientation_histogram(images[:1]).size,
)

# %% [markdown]
# The same simple classifier – least squares on the features, which chapter 3 takes apart – reads each description. The
# comparison is about the features alone.

# %% tags=["nbval-ignore-output"] mystnb={"figure": {"name": "fig-images-features", "caption": "Test accuracy of one and the same linear classifier on four descriptions of the picture, with two standard errors. A design that fits the problem beats three thousand raw pixels with a hundred numbers."}, "image": {"alt": "Bar chart of test accuracy with error bars for mean colour, colour histogram, raw pixels and orientation histogram, with a dashed line at ten per cent for guessing."}}
# varies: sums of floating-point products differ in the last bits between processors, so a prediction may flip
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

describe = {
    "mean colour": mean_colour,
    "colour histogram": colour_histogram,
    "raw pixels": lambda images: images.reshape(len(images), -1) / 255,
    "orientation histogram": orientation_histogram,
}
scores = {}
for name, features in describe.items():
    scaler = StandardScaler().fit(features(images))
    classifier = RidgeClassifier(alpha=100.0).fit(
        scaler.transform(features(images)), labels
    )
    scores[name] = classifier.score(scaler.transform(features(test_images)), test_labels)

figure, axis = plt.subplots(figsize=(7, 2.8))
bars = [2 * math.sqrt(score * (1 - score) / len(test_labels)) for score in scores.values()]
axis.barh(list(scores), list(scores.values()), xerr=bars, capsize=3)
axis.axvline(1 / len(names), color="black", linestyle="--")
axis.invert_yaxis()
axis.set_xlabel("test accuracy")
for name, score in scores.items():
    print(f"{name:22s} {score:.0%}")
if DATASET == "pocket10":
    assert 0.10 < scores["mean colour"] < 0.30
    assert (
        scores["mean colour"] < scores["colour histogram"] < scores["orientation histogram"]
    )

# %% [markdown]
# Designing features took years of experts' work for each kind of picture. The turn that gave this field its present
# shape is to let `train` design them as well: a network whose first layers *compute features* and whose last layer reads
# them, all fitted to the data together. Those are **learned features**. The recorded ladder shows what is gained, rung by
# rung; the following chapters climb it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-images-ladder", "caption": "The ladder of this book on Pocket-10: 10,000 training and 2,000 test pictures, mean and spread over seeds. Hatched bars are models that learn their features."}, "image": {"alt": "Horizontal bar chart of test accuracies rising from mean colour over colour histogram, nearest neighbours, softmax on pixels and a two-layer network to a small convolutional network and a ResNet."}}
ladder = results.load("ladder_pocket10")
rungs = {
    "mean colour": "mean_colour",
    "colour histogram": "colour_histogram",
    "nearest neighbours": "knn",
    "softmax on pixels": "softmax",
    "two-layer network": "mlp",
    "small CNN": "small_cnn",
    "ResNet-20": "resnet20",
}
accuracies = {
    title: ladder["metrics"][key]["test_accuracy"] for title, key in rungs.items()
}
figure, axis = plt.subplots(figsize=(7, 3.2))
learned = [title in ("two-layer network", "small CNN", "ResNet-20") for title in rungs]
axis.barh(
    list(rungs),
    [entry["mean"] for entry in accuracies.values()],
    xerr=[entry["spread"] or 0 for entry in accuracies.values()],
    color=["C1" if own else "C0" for own in learned],
    hatch=["//" if own else "" for own in learned],
    edgecolor="white",
    capsize=3,
)
axis.invert_yaxis()
axis.set_xlabel("test accuracy (hatched: features are learned)")
for title, entry in accuracies.items():
    print(f"{title:20s} {results.percent(entry)}")
print(fill(results.provenance(ladder), 90))

# %% [markdown]
# (sec-images-photographs)=
# ## On real photographs
#
# Four data sets have shaped image classification, and three of them are small enough to work with here. The numbers in
# this table were counted in the files by a recorded experiment, except for ImageNet's, which are the published ones
# {cite:p}`russakovsky2015imagenet,deng2009imagenet`.

# %%
rows = []
for facts in (
    results.load("mnist_facts"),
    results.load("fashion_mnist_facts"),
    results.load("cifar10_facts"),
):
    metrics = facts["metrics"]
    rows.append(
        [
            facts["dataset"],
            f"{metrics['train']['mean']:,.0f}",
            f"{metrics['test']['mean']:,.0f}",
            " x ".join(map(str, facts["settings"]["shape"])),
            len(facts["settings"]["classes"]),
            ", ".join(f"{entry['mean']:.3f}" for entry in metrics["mean"].values()),
            ", ".join(f"{entry['mean']:.3f}" for entry in metrics["std"].values()),
        ]
    )
rows.append(["ImageNet challenge", "1.2 million", "150,000", "varies", 1000, "", ""])
print(results.table(rows, ["data set", "train", "test", "shape", "classes", "mean", "std"]))

within = results.load("cifar10_facts")["metrics"]["std_within_pictures"].values()
print(
    "\nCIFAR-10, mean over pictures of the standard deviation within one:",
    ", ".join(f"{e['mean']:.3f}" for e in within),
)

# %% [markdown]
# The last line solves a small mystery. Many programs normalise CIFAR-10 by the standard deviations 0.2023, 0.1994 and
# 0.2010, and whoever computes them from the published files gets 0.247, 0.243 and 0.262, close to our row. Both are right about something: the first are the mean over
# pictures of the deviation *within* a picture, the second the deviation over all pixels of all pictures, which also counts
# that one picture is darker than another. {eq}`eq-images-standardise` means the second; a network learns with either.
#
# Three pictures of each class show what the numbers do not.

# %% mystnb={"figure": {"name": "fig-images-mnist", "caption": "MNIST, three of each class: centred, lit alike, on nothing. Most dials stand at zero, and that is why it is easy."}, "image": {"alt": "Three rows of ten handwritten digits from zero to nine, white on black."}}
plots.show_images(results.load_arrays("mnist_facts")["pictures"], columns=10)

# %% mystnb={"figure": {"name": "fig-images-fashion", "caption": "Fashion-MNIST, three of each class: still centred on nothing, but shirts, pullovers and coats vary and overlap."}, "image": {"alt": "Three rows of ten small grey pictures of clothing on black: tops, trousers, pullovers, dresses, coats, sandals, shirts, sneakers, bags and boots."}}
plots.show_images(results.load_arrays("fashion_mnist_facts")["pictures"], columns=10)

# %% mystnb={"figure": {"name": "fig-images-cifar", "caption": "CIFAR-10 (JPEG copy), three of each class: photographs, with every dial turned up at once."}, "image": {"alt": "Three rows of ten small colour photographs: airplanes, cars, birds, cats, deer, dogs, frogs, horses, ships and trucks, each in its own light and surroundings."}}
cifar = results.load("cifar10_facts")
three_each = cifar["settings"]["classes"] * 3
plots.show_images(
    results.load_arrays("cifar10_facts")["pictures"], labels=three_each, columns=10
)

# %% [markdown]
# - **MNIST** {cite:p}`lecun1998gradient`: handwritten digits, 60,000 for training and 10,000 for testing, 28 × 28 pixels, grey.
# - **Fashion-MNIST** {cite:p}`xiao2017fashion`: the same numbers and shape, with clothing, made because MNIST had become too easy.
# - **CIFAR-10** {cite:p}`krizhevsky2009learning`: 60,000 colour photographs of 32 × 32 pixels in ten classes, 50,000 to train and 10,000 to test.
# - **ImageNet** {cite:p}`deng2009imagenet`: about 14 million photographs in more than 20 thousand categories. The yearly challenge
#   used a thousand of these classes: 1.2 million photographs to train, 50,000 to validate and 100,000 to test
#   {cite:p}`russakovsky2015imagenet`, 150 thousand held back in all. In 2012 a convolutional network won it by a wide margin, and the field changed.
#
# To run this chapter on photographs, set `DATASET = "cifar10"` at its top. `course data get cifar10` fetches the files where
# there is a network.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1.1: channels last, channels first
#
# Write `to_tensor_layout(images)` that takes `uint8` pictures of shape $(N, H, W, C)$ and returns `float32` of shape
# $(N, C, H, W)$ between 0 and 1, and its inverse `to_picture_layout(batch)`. The round trip must give back every picture exactly.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Which of `reshape` and `transpose` keeps values at their place in the picture?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# After the division by 255 and the multiplication by 255, a value may come out as 41.999996. What does `astype(np.uint8)` make of it?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def to_tensor_layout(images):
#     return images.transpose(0, 3, 1, 2).astype(np.float32) / 255
#
#
# def to_picture_layout(batch):
#     return np.rint(batch * 255).astype(np.uint8).transpose(0, 2, 3, 1)
#
#
# assert np.array_equal(to_picture_layout(to_tensor_layout(images)), images)
# ```
#
# `astype` cuts the fraction off, so 41.999996 would become 41. Rounding first makes the round trip exact.
#
# </details>
#
# ### Exercise 1.2: a better rule
#
# Improve `looks_like_airplane` as you like, looking at *training* pictures only, until you are satisfied. Then measure precision and
# recall on `test_images`. How much did you lose between the two? How long would the other nine classes take you?
#
# <details class="hint"><summary>Hint 1</summary>
#
# A ship has sky above and water below; an airplane has sky on both sides. Compare the upper and the lower quarter.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# There is no right answer, which is the point. One attempt:
#
# ```python
# def sky_all_around(images):
#     quarter = images.shape[1] // 4
#     upper = images[:, :quarter].astype(np.int64).mean(axis=(1, 2))
#     lower = images[:, -quarter:].astype(np.int64).mean(axis=(1, 2))
#     return (upper[:, 2] > 1.1 * upper[:, 0]) & (lower[:, 2] > 1.1 * lower[:, 0])
#
#
# truth = test_labels == names.index("airplane")
# said = sky_all_around(test_images)
# print("recall", (said & truth).sum() / truth.sum(), "precision", (said & truth).sum() / max(said.sum(), 1))
# ```
#
# Fish under water are now the trouble.
#
# </details>
#
# ### Exercise 1.3: how many test pictures?
#
# You expect two models near 90 % accuracy to differ by one point. How many test pictures do you need so that two standard errors of
# *one* model's accuracy are half a point?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Solve {eq}`eq-images-se` for $n$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# p, half_width = 0.9, 0.005
# pictures_needed = p * (1 - p) / (half_width / 2) ** 2
# assert round(pictures_needed) == 14_400
# ```
#
# More than CIFAR-10's whole test set of 10,000. Differences of a few tenths of a point, of which the literature is full, need several
# training runs and a paired comparison.
#
# </details>
#
# ### Exercise 1.4: the same histogram
#
# Build two pictures that you would call completely different and whose colour histograms are identical. What does that say about any classifier
# on top of colour histograms?
#
# <details class="hint"><summary>Hint 1</summary>
#
# What does the histogram forget?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# pixels = ship.reshape(-1, 3)
# sorted_ship = pixels[np.argsort(pixels.sum(axis=1))].reshape(ship.shape)
# assert np.allclose(colour_histogram(ship[None]), colour_histogram(sorted_ship[None]))
# assert not np.array_equal(ship, sorted_ship)
# ```
#
# A ship with its pixels sorted by brightness is no ship, yet no classifier on top of these features can tell: what a feature forgets, no
# later step can bring back.
#
# </details>
#
# ### Exercise 1.5: peeking, carefully
#
# Somebody tries 50 settings and reports the best accuracy on a test set of 10,000 pictures, 87.4 %. All settings are in truth equally good. Roughly how
# much of the figure is luck?
#
# <details class="hint"><summary>Hint 1</summary>
#
# The standard error at 87 % on 10,000 pictures is about a third of a point.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Simulate: 50 binomial draws, take the largest, repeat.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# draws = np.random.default_rng(0).binomial(10_000, 0.867, size=(5000, 50)).max(axis=1) / 10_000
# assert 0.006 < draws.mean() - 0.867 < 0.009
# ```
#
# About 0.7 points: the truth would be near 86.7 %. The larger the test set, the less there is to be gained by peeking; that is one reason why
# CIFAR-10 has survived thousands of papers {cite:p}`recht2019imagenet`.
#
# </details>

# %% [markdown]
# ## What to remember
#
# 1. A picture is an array $(H, W, C)$ of `uint8`; a network reads $(N, C, H, W)$ floats; `transpose` gets from one to the other, `reshape` does not.
# 2. The data-driven approach is two functions, `train(images, labels)` and `predict(model, images)`, and an honest count on new pictures.
# 3. Illumination, clutter, occlusion, deformation, viewpoint, variety within a class and context all move pixels, some nearly as much as a change of class does.
# 4. Learn on the training set, choose on the validation set, report on the test set, once, with an error bar.
# 5. Features say what a classifier can see. They can be designed; it is better to learn them.
#
# ### Pitfalls
#
# - `reshape` where `transpose` was meant: right shape, no error, garbage.
# - Sums in `uint8` wrap around at 256. Convert first.
# - Mean and standard deviation computed on all data, the test set included: a small leak, and a common one.
# - Copies of one picture, or frames of one video, on both sides of a split.
# - An accuracy without the number of test pictures behind it.
#
# ### History and further reading
#
# In the summer of 1966 a group of students at MIT was to build "a significant part of a visual system" {cite:p}`papert1966summer`. The summer turned out
# long. Two decades of hand-written rules and two of hand-designed features followed; the data-driven view came with data: MNIST in the 1990s
# {cite:p}`lecun1998gradient`, tiny images and CIFAR in the 2000s {cite:p}`torralba2008tiny,krizhevsky2009learning`, ImageNet from 2009
# {cite:p}`deng2009imagenet`. Torralba and Efros showed in 2011 that a classifier can tell *which data set* a picture comes from, a warning that data
# sets have dials of their own that nobody knows about {cite:p}`torralba2011unbiased`. Recht and colleagues collected new test sets for CIFAR-10 and
# ImageNet and found that ten years of shared test sets had cost little in ranking, though all accuracies fell on the fresh pictures
# {cite:p}`recht2019imagenet`.
#
# The next chapter replaces the mean picture by all pictures: [nearest neighbours](02_nearest_neighbours). The first assignment, `ps1_first_classifiers`, comes
# after [linear classifiers](03_linear_classifiers); `course check ps1` tells you how far you are.
