# %% [markdown] nbgrader={"grade": false, "grade_id": "title", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 4: a CNN in PyTorch
#
# Chapter 7 goes the whole way once: a data set, a network, a loop that trains it, a confusion matrix. Here you build each part of that way again, as a variation that the book does not show, and
# with the details that decide whether a training run can be trusted: where the statistics come from, which pictures weigh how much, what a network
# remembers from being looked at, what must be saved so that nothing is lost.
#
# **What you practise**
#
# | | objective |
# |---|---|
# | O1 | serve pictures to a network: layout, units, statistics of the training set only |
# | O2 | build modules and networks whose sizes and parameters you can say before they run |
# | O3 | write a training step, and know what it does to every weight |
# | O4 | judge a network without changing it, and read where it errs |
# | O5 | save a run so that it goes on as if nothing had happened |
# | O6 | train a network on few pictures, and know how good it is before anybody else does |
#
# **Points**
#
# | exercise | objective | points | of them for visible tests | for hidden tests |
# |---|---|---|---|---|
# | 1 Pictures on request | O1 | 12 | 2 | 10 |
# | 2 A separable block | O2 | 12 | 2 | 10 |
# | 3 A network built to measure | O2 | 10 | 2 | 8 |
# | 4 A table of layers | O2, O4 | 10 | 2 | 8 |
# | 5 A large step in small pieces | O3 | 14 | 2 | 12 |
# | 6 Judged and left alone | O4 | 14 | 2 | 12 |
# | 7 Interrupted and resumed | O5 | 10 | 2 | 8 |
# | 8 A camera held anyhow | O6 | 10 | 2 | 8 |
# | 9 In your own words | O3, O4, O6 | 8 | | read by a person |
# | **total** | | **100** | | |
#
# **Time**: four to five hours (an estimate). **You need**: chapters 6 and 7, PyTorch. Notation as in the book: pictures are stored as `images` of shape (N, H, W, C), uint8; a network takes a batch of
# shape (N, C, H, W), float32, and gives scores of shape (N, number of classes).

# %% [markdown] nbgrader={"grade": false, "grade_id": "how", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## How to work
#
# - Write your code where it says `YOUR CODE HERE` and take the `raise NotImplementedError()` out. Keep the names of
#   functions and classes and their arguments; helpers of your own are welcome in the same cell. NumPy, all of PyTorch and Python's standard library are allowed.
# - Try the example of each exercise first: copy it into a cell of your own. It catches much that the visible tests leave to you.
# - Below each exercise are **visible tests**: shapes, types and properties that must hold. When one fails, its
#   message says what is wrong and where to look. `course check ps4` in a terminal runs all of them.
# - Cells that say **hidden tests** run when your work is marked. They compare values, with pictures that are not square, one picture
#   only, batches that do not divide, classes that never occur, and they check that your code leaves alone what it was not asked to change.
# - Some exercises have a short cell **for the tests** after yours: it makes a small network, calls your function and reports what became of both. The tests call that. Read
#   it: it shows how your function is used, and you can call it too.
# - Before you hand in: *Kernel → Restart Kernel and Run All Cells…*. What is marked is a fresh run from top to bottom.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import copy
import io
import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from course_utils.data import pocket10
from course_utils.grading.expect import (
    expect,
    expect_array,
    expect_close,
    expect_equal,
    expect_number,
    expect_tensor,
    expect_unchanged,
)

torch.set_num_threads(1)  # small networks are not quicker with more, and one thread always adds up in the same order

# %% nbgrader={"grade": false, "grade_id": "networks", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Small networks for the tests; you need not read them now. The same seed gives the same weights, and PyTorch's own generator of random numbers is left as it was.
class Probe(nn.Module):
    """Pass pictures on, and note for each call: how many, whether in training mode, whether gradients were followed."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, x):
        self.calls.append((len(x), self.training, torch.is_grad_enabled()))
        return x


class Winding(nn.Module):
    """Parts that are defined in one order and used in another; one is used twice, one never."""

    def __init__(self, channels, units):
        super().__init__()
        self.head = nn.Linear(units, 3)
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.spare = nn.Linear(5, 5)
        self.drop = nn.Dropout(0.5)
        self.shrink = nn.Conv2d(channels, units, 1)

    def forward(self, x):
        x = self.body(self.body(x))
        x = self.drop(self.shrink(x))
        return self.head(x.amax(dim=(2, 3)))


class Tied(nn.Module):
    """Two layers that share one weight."""

    def __init__(self, channels, units):
        super().__init__()
        self.encode, self.decode, self.again = nn.Linear(channels, units), nn.Linear(units, channels), nn.Linear(channels, units)
        self.again.weight = self.encode.weight

    def forward(self, x):
        return self.again(self.decode(torch.relu(self.encode(x))))


def make_network(kind, inputs, units, seed=0):
    """Make one of the small networks; `inputs` counts channels or, where pictures are flattened, numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "straight":  # pictures of at least 9 × 9
            layers = [nn.Conv2d(inputs, units, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(units, 2 * units, 2, bias=False)]
            return nn.Sequential(*layers)
        if kind == "plain":
            return nn.Sequential(Probe(), nn.Flatten(), nn.Linear(inputs, units), nn.Tanh(), nn.Linear(units, 4)).double()
        if kind == "normalised":
            layers = [nn.Flatten(), nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.4), nn.Linear(units, 4)]
            return nn.Sequential(Probe(), *layers).double()
        return {"winding": Winding, "tied": Tied}[kind](inputs, units)


def draw_batch(n, inputs, rng, scale=1.0):
    """Draw a batch of n rows with labels from four classes."""
    return scale * torch.from_numpy(rng.normal(size=(n, inputs))), torch.from_numpy(rng.integers(0, 4, size=n))

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex1_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 1: Pictures on request
#
# *Objective O1, 12 points.*
#
# **What.** Write `PictureSet`, a `torch.utils.data.Dataset` that serves pictures one by one, ready for a network.
#
# 1. Item i is a pair: the picture as a float32 tensor of shape (C, H, W), and its label as a Python `int`. Pixels are divided by 255; then the channel's mean is subtracted and the result divided by the channel's
#    standard deviation.
# 2. The attribute `statistics` is a pair of float64 arrays of shape (C,): mean and standard deviation (divided by the count, not by count − 1) of each channel over all pictures and places, after dividing by 255.
#    If `statistics=None`, they are computed from `images`; if a pair of such arrays is given, as for a validation set, it is used instead, and kept. Where a standard deviation is below 1e-6, nothing is divided in that channel.
# 3. With `mirrored=True` the set is twice as long: item N + i is picture i with left and right swapped. Statistics don't change.
# 4. Indices count from the end if negative, as in a list; one that is out of range raises an `IndexError` (by which a `for` loop over the set ends).
# 5. Pictures stay as they are, uint8, until they are asked for. If someone blackens `images[3]` after the set was made, item 3 is black. (Statistics are not computed again. A float copy for the moment in which they are computed is fine.)
#
# **Why it matters.** Float copies take four times the memory, or eight; for CIFAR-10 that is 600 MB or more in place of 150. And statistics that include validation pictures make validation a little less honest, unnoticed.
#
# **Signature.** `images` (N, H, W, C) uint8, `labels` (N,) whole numbers, `statistics` None or a pair of arrays (C,), `mirrored` true or false.
#
# **Example.** Two grey pictures of 1 × 2 pixels; one of the four pixels is white, so the mean is 0.25 and the standard deviation √0.1875 ≈ 0.433.
#
# ```python
# >>> images = np.array([[[[255], [0]]], [[[0], [0]]]], dtype=np.uint8)
# >>> pictures = PictureSet(images, np.array([3, 5]), mirrored=True)
# >>> len(pictures), pictures[0]
# (4, (tensor([[[ 1.7321, -0.5774]]]), 3))
# >>> pictures[-2]
# (tensor([[[-0.5774,  1.7321]]]), 3)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# A `Dataset` needs three methods: `__init__` keeps what it is given, `__len__` counts, `__getitem__` does the work for one picture. Which of the five rules belongs where?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Bring the index into the range 0 … len − 1 first. Then one division with remainder by N says whether to mirror, and which picture. Which axis of one picture (H, W, C) goes from left to right?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex1_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class PictureSet(Dataset):
    """Pictures with labels, normalised when they are asked for.

    Parameters
    ----------
    images : ndarray of shape (N, H, W, C), uint8
    labels : ndarray of shape (N,), integers
    statistics : pair of ndarray of shape (C,), optional
        Mean and standard deviation of each channel; those of `images` if None.
    mirrored : bool
        Whether each picture comes a second time, mirrored.
    """

    def __init__(self, images, labels, statistics=None, mirrored=False):
        ### BEGIN SOLUTION
        if statistics is None:
            scaled = images.reshape(-1, images.shape[-1]) / 255
            statistics = scaled.mean(axis=0), scaled.std(axis=0)
        self.images, self.labels = images, labels
        self.statistics, self.mirrored = statistics, mirrored
        ### END SOLUTION

    def __len__(self):
        ### BEGIN SOLUTION
        return len(self.images) * (2 if self.mirrored else 1)
        ### END SOLUTION

    def __getitem__(self, index):
        ### BEGIN SOLUTION
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no item {index} in a set of {len(self)}")
        swapped, place = divmod(index % len(self), len(self.images))
        picture = self.images[place][:, ::-1] if swapped else self.images[place]
        mean, spread = self.statistics
        picture = (picture / 255 - mean) / np.where(spread < 1e-6, 1, spread)
        return torch.tensor(picture.transpose(2, 0, 1), dtype=torch.float32), int(self.labels[place])
        ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex1_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: make a set, blacken a picture in the array that it was made from, and ask for that picture.
def blackened_later(images, labels, place):
    images = images.copy()
    pictures = PictureSet(images, labels)
    images[place] = 0
    return pictures[place][0]

# %% nbgrader={"grade": true, "grade_id": "ex1_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex1_visible():
    name = "PictureSet"
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, size=(6, 4, 4, 3), dtype=np.uint8), np.array([2, 0, 1, 1, 2, 0])
    kept = images.copy(), labels.copy()
    pictures = PictureSet(images, labels)
    expect(isinstance(pictures, Dataset), name, "the class is no Dataset", "class PictureSet(Dataset)")
    expect(len(pictures) == 6, name, "the set is not as long as there are pictures", "__len__")
    item = pictures[2]
    expect(isinstance(item, tuple) and len(item) == 2, name, "an item must be a pair", "return picture, label")
    expect_tensor(item[0], (3, 4, 4), f"{name}, a picture", where="channels come first")
    expect(type(item[1]) is int, name, f"a label must be an int, not {type(item[1]).__name__}", "int(…)")
    expect(item[1] == 1, name, "item 2 has another label than picture 2", "__getitem__")
    mean, spread = pictures.statistics
    expect_array(mean, (3,), f"{name}.statistics, mean", where="one number for each channel")
    expect_array(spread, (3,), f"{name}.statistics, standard deviation", where="one number for each channel")
    expect(mean.min() > 0 and mean.max() < 1, name, "the means are not those of pixels divided by 255", "divide first")
    rising = np.zeros((2, 2, 3, 2), dtype=np.uint8)  # from left to right in one channel, downwards in the other
    rising[..., 0], rising[..., 1] = [0, 100, 200], [[0], [200]]
    first = PictureSet(rising, labels[:2])[0][0].numpy()
    right = (np.diff(first[0], axis=1) > 0).all() and (np.diff(first[1], axis=0) > 0).all()
    expect(right, name, "rows, columns or channels are not where they belong", "transpose or permute, not reshape")
    every = np.stack([pictures[i][0].numpy() for i in range(6)])
    expect_close(every.mean(axis=(0, 2, 3)), np.zeros(3), f"{name}, mean of each channel", where="subtract the mean of the scaled pixels", atol=1e-5)
    expect_close(every.std(axis=(0, 2, 3)), np.ones(3), f"{name}, spread of each channel", where="divide by the standard deviation", atol=0.02)
    looped = sum(1 for _ in itertools.islice(pictures, 20))
    expect(looped == 6, name, f"a loop over six pictures had {'no end' if looped > 6 else 'too few rounds'}", "IndexError, rule 4")
    twice = PictureSet(images, labels, mirrored=True)
    expect(len(twice) == 12, name, "with mirrored=True the set must be twice as long", "__len__")
    expect(twice[8][1] == 1, name, "a mirrored picture has another label than its picture", "item N + i belongs to picture i")
    expect_close(twice[8][0].sum(), twice[2][0].sum(), f"{name}, a mirrored picture", where="mirroring changes places, not values", rtol=1e-4, atol=1e-4)
    expect_unchanged(kept, (images, labels), name)


test_ex1_visible()

# %% nbgrader={"grade": true, "grade_id": "ex1_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): values of items, of statistics, and of sets that get their statistics from another.
### BEGIN HIDDEN TESTS
SEEDS = (4101, 4102, 4103)


def oracle_ex1(images, place, mean, spread, swap):
    height, width, channels = images.shape[1:]
    out = np.zeros((channels, height, width))
    for c, i, j in np.ndindex(out.shape):
        value = float(images[place, i, width - 1 - j if swap else j, c]) / 255 - mean[c]
        out[c, i, j] = value / spread[c] if spread[c] >= 1e-6 else value
    return out


def statistics_ex1(images):
    columns = [images[..., c].ravel().astype(np.longdouble) / 255 for c in range(images.shape[-1])]
    means = [column.sum() / len(column) for column in columns]
    spreads = [np.sqrt(((column - mean) ** 2).sum() / len(column)) for column, mean in zip(columns, means, strict=True)]
    return np.array(means, dtype=float), np.array(spreads, dtype=float)


def same_items(pictures, images, labels, mean, spread, places, what):
    for place in places:
        picture, label = pictures[place]
        swap, right = divmod(place % (2 * len(images)), len(images)) if len(pictures) > len(images) else (0, place % len(images))
        expect_tensor(picture, (images.shape[3], *images.shape[1:3]), f"PictureSet, an item {what}", where="channels come first, then height and width")
        wanted = oracle_ex1(images, right, mean, spread, swap)
        expect_close(picture.numpy(), wanted, f"PictureSet, an item {what}", where="scaling, statistics, mirroring", rtol=1e-5, atol=1e-5)
        expect(label == labels[right], "PictureSet", f"a label is wrong {what}", "the index")


def test_ex1_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        images, labels = rng.integers(0, 256, size=(5, 3, 6, 3), dtype=np.uint8), rng.integers(0, 10, size=5)
        images[..., 1] //= 3
        mean, spread = statistics_ex1(images)
        kept = images.copy(), labels.copy()
        train = PictureSet(images, labels, mirrored=True)
        for got, want in zip(train.statistics, (mean, spread), strict=True):
            expect_close(got, want, "PictureSet.statistics", where="over pictures and places, divided by the count")
        same_items(train, images, labels, mean, spread, range(10), "of a mirrored set")
        others, their = rng.integers(0, 256, size=(4, 3, 6, 3), dtype=np.uint8), rng.integers(0, 10, size=4)
        held_back = PictureSet(others, their, statistics=(mean, spread))
        same_items(held_back, others, their, mean, spread, range(4), "with statistics of another set")
        for got, want in zip(held_back.statistics, (mean, spread), strict=True):
            expect_close(got, want, "PictureSet.statistics that were given", where="a pair that is given is kept")
        expect_unchanged(kept, (images, labels), "PictureSet")


test_ex1_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex1_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): pictures that change later, a channel that is the same everywhere, one picture, indices from the end and out of range.
### BEGIN HIDDEN TESTS
def test_ex1_edges():
    rng = np.random.default_rng(SEEDS[0] + 50)
    images, labels = rng.integers(0, 256, size=(4, 2, 5, 2), dtype=np.uint8), np.array([7, 1, 0, 7])
    mean, spread = statistics_ex1(images)
    same_items(PictureSet(images, labels, mirrored=True), images, labels, mean, spread, (-1, -3, -8), "counted from the end")
    same_items(PictureSet(images, labels), images, labels, mean, spread, (-1, -4), "counted from the end")
    for pictures, places in ((PictureSet(images, labels), (4, -5, 8)), (PictureSet(images, labels, mirrored=True), (8, -9))):
        for place in places:
            try:
                pictures[place]
            except IndexError:
                continue
            expect(False, "PictureSet", "no IndexError for an index out of range", "rule 4: loops over a set end with it")
    black = blackened_later(images, labels, 1)
    expect_close(black.numpy()[:, 0, 0], -mean / spread, "PictureSet, a picture that was blackened later", where="convert a picture when it is asked for", rtol=1e-5, atol=1e-5)
    images[..., 1] = 77
    mean, spread = statistics_ex1(images)
    same_items(PictureSet(images, labels), images, labels, mean, spread, (0, 3), "with a channel that is the same everywhere")
    one = images[2:3]
    same_items(PictureSet(one, labels[2:3], mirrored=True), one, labels[2:3], *statistics_ex1(one), (0, 1), "of a set of one picture")


test_ex1_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex2_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 2: A separable block
#
# *Objective O2, 12 points.*
#
# **What.** Write `SeparableBlock`, an `nn.Module` that looks at places and at channels one after the other:
#
# 1. a 3×3 convolution in which each input channel has one filter of its own (as many groups as channels), with the given stride and dilation, padded so that with stride 1 the maps keep their size;
# 2. batch normalisation, ReLU;
# 3. a 1×1 convolution to `out_channels`;
# 4. batch normalisation, and no ReLU after it: what follows the block decides about that.
#
# The convolutions have no bias: the normalisation after them subtracts every mean, and has a bias of its own. (Chapter 8 derives batch normalisation; here `nn.BatchNorm2d` with its defaults does it.) The block holds no other parameters; what its parts are called is up to you.
#
# **Why it matters.** A plain 3×3 layer of the same width has nearly nine times as many weights, if there are many channels. Networks for telephones are built of blocks like this one.
#
# **Signature.** `SeparableBlock(in_channels, out_channels, stride=1, dilation=1)`; its `forward` takes (N, in_channels, H, W) and gives (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
#
# **Example.** 8 · 9 weights, 16 for the first normalisation, 8 · 16 weights, 32 for the second.
#
# ```python
# >>> block = SeparableBlock(8, 16, stride=2, dilation=2)
# >>> sum(p.numel() for p in block.parameters()), tuple(block(torch.zeros(1, 8, 9, 12)).shape)
# (248, (1, 16, 5, 6))
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# `nn.Conv2d` has arguments for stride, dilation, groups and bias. How many pixels does a 3×3 filter with dilation d span, and how many of them stand out on each side of its middle?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Which of the two convolutions takes the stride: the one that looks at places, or the one that looks at channels? Both give the right shape; only one of them uses every pixel.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex2_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
class SeparableBlock(nn.Module):
    """A 3×3 convolution for each channel by itself, then a 1×1 convolution over channels.

    Parameters
    ----------
    in_channels, out_channels : int
    stride, dilation : int
        Of the 3×3 convolution.
    """

    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        ### BEGIN SOLUTION
        self.places = nn.Conv2d(
            in_channels, in_channels, 3, stride, padding=dilation, dilation=dilation, groups=in_channels, bias=False
        )
        self.first = nn.BatchNorm2d(in_channels)
        self.channels = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.second = nn.BatchNorm2d(out_channels)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = torch.relu(self.first(self.places(x)))
        return self.second(self.channels(x))
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ex2_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex2_visible():
    name = "SeparableBlock"
    block = SeparableBlock(4, 6)
    expect(isinstance(block, nn.Module), name, "the class is no nn.Module", "class SeparableBlock(nn.Module)")
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(2, 4, 8, 8))).float()
    kept = x.clone()
    expect_tensor(block(x), (2, 6, 8, 8), f"{name} with stride 1", where="padding")
    expect_tensor(SeparableBlock(4, 6, stride=2)(x), (2, 6, 4, 4), f"{name} with stride 2", where="stride and padding")
    expect_tensor(SeparableBlock(4, 6, dilation=3)(x), (2, 6, 8, 8), f"{name} with dilation 3", where="the padding depends on the dilation")
    expect(all(p.requires_grad for p in block.parameters()), name, "a parameter can't learn", "parameters require gradients")
    expect_unchanged([kept.numpy()], [x.numpy()], name)


test_ex2_visible()

# %% nbgrader={"grade": true, "grade_id": "ex2_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): parameters, and values in evaluation mode with given weights.
### BEGIN HIDDEN TESTS
SEEDS = (4201, 4202, 4203)


def load_ex2(block, channels, filters, rng):
    """Check the sizes of all parameters and buffers, give them random values, and say which is which."""
    state = block.state_dict()
    sizes = sorted(tuple(value.shape) for value in state.values())
    wanted = [(channels, 1, 3, 3), (filters, channels, 1, 1), (), (), *[(channels,)] * 4, *[(filters,)] * 4]
    expect(sizes == sorted(wanted), "SeparableBlock", "its parameters and buffers don't have the sizes of two convolutions without bias and two normalisations", "groups, bias, normalisation")
    count = sum(p.numel() for p in block.parameters())
    expect(count == 11 * channels + channels * filters + 2 * filters, "SeparableBlock", "the number of parameters is wrong", "groups, bias, normalisation")
    new = {}
    for key, value in state.items():
        drawn = rng.normal(size=tuple(value.shape))
        drawn = 0.5 + rng.random(size=drawn.shape) if key.endswith("running_var") else drawn
        new[key] = torch.from_numpy(np.asarray(drawn)).to(value.dtype)
    block.load_state_dict(new)
    parts = {}
    for key, value in new.items():
        if value.dim() == 4:
            parts["places" if value.shape[1:] == (1, 3, 3) else "channels"] = value.double()
        elif value.dim() == 1:
            parts["first" if len(value) == channels else "second", key.rpartition(".")[2]] = value.double()
    return parts


def oracle_ex2(x, parts, stride, dilation, training):
    def normalise(maps, which):
        mean, var = parts[which, "running_mean"], parts[which, "running_var"]
        if training:
            mean, var = maps.mean(dim=(0, 2, 3)), maps.var(dim=(0, 2, 3), unbiased=False)
        shape = (1, -1, 1, 1)
        scaled = (maps - mean.view(shape)) / torch.sqrt(var.view(shape) + 1e-5)
        return scaled * parts[which, "weight"].view(shape) + parts[which, "bias"].view(shape)

    n, c, height, width = x.shape
    big = torch.zeros(n, c, height + 2 * dilation, width + 2 * dilation, dtype=torch.float64)
    big[:, :, dilation : dilation + height, dilation : dilation + width] = x
    filtered = torch.zeros(n, c, -(-height // stride), -(-width // stride), dtype=torch.float64)
    for s in range(3):
        for t in range(3):
            shifted = big[:, :, s * dilation :, t * dilation :][:, :, :height:stride, :width:stride]
            filtered += shifted * parts["places"][:, 0, s, t].view(1, -1, 1, 1)
    hidden = normalise(filtered, "first").clamp(min=0)
    return normalise(torch.einsum("nchw,kc->nkhw", hidden, parts["channels"][:, :, 0, 0]), "second")


def compare_ex2(channels, filters, size, n, stride, dilation, training, rng, what):
    block = SeparableBlock(channels, filters, stride, dilation)
    parts = load_ex2(block, channels, filters, rng)
    block.train(training)
    x = torch.from_numpy(rng.normal(size=(n, channels, *size))).float()
    kept = x.clone()
    got = block(x)
    wanted = oracle_ex2(kept.double(), parts, stride, dilation, training)
    expect_tensor(got, tuple(wanted.shape), f"SeparableBlock {what}", where="stride, dilation, padding")
    expect_close(got.detach().numpy(), wanted.numpy(), f"SeparableBlock {what}", where="the four steps in their order", rtol=1e-3, atol=1e-3)
    expect_unchanged([kept.numpy()], [x.numpy()], "SeparableBlock")


def test_ex2_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for channels, filters, stride, dilation in ((3, 5, 1, 1), (4, 2, 2, 1), (2, 7, 1, 2)):
            compare_ex2(channels, filters, (8, 8), 2, stride, dilation, False, rng, f"with stride {stride}, dilation {dilation}")


test_ex2_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex2_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): training mode, odd sizes, stride and dilation together, one channel, one picture.
### BEGIN HIDDEN TESTS
def test_ex2_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        compare_ex2(3, 4, (7, 10), 3, 2, 1, True, rng, "in training mode")
        compare_ex2(2, 3, (9, 6), 1, 2, 3, False, rng, "of one picture that is not square")
        compare_ex2(1, 3, (5, 7), 2, 3, 2, True, rng, "of one channel")


test_ex2_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex3_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 3: A network built to measure
#
# *Objective O2, 10 points.*
#
# **What.** Write `build_network(shape, widths, num_classes, seed)`. For each number in `widths` it has one stage:
#
# 1. a 3×3 convolution with that many filters, padding 1 and no bias; batch normalisation; ReLU;
# 2. max pooling over 3×3 pixels with stride 2 and padding 1.
#
# Then the maps are flattened, and one linear layer gives the scores, with no softmax after it. Its size follows from `shape`, whatever height and width are.
#
# The network comes **fresh**: running means 0, running variances 1, no batch counted. And its weights depend on the seed alone: the same seed gives the same weights, and PyTorch's own generator of random numbers is afterwards where it was
# before, so that building a network changes nothing else in a program.
#
# **Why it matters.** A linear layer whose size was tried out on 32×32 fails on the first other data set. The two usual ways out have a price: pooling to one fixed size throws places away, and a picture sent
# through to see what comes out leaves its trace in every batch normalisation.
#
# **Signature.** `shape` = (C, H, W), `widths` a list of whole numbers, `num_classes` and `seed` whole numbers → an `nn.Module` from (N, C, H, W) to (N, num_classes).
#
# **Example.** 9 × 14 becomes 5 × 7, then 3 × 4; 4 channels at 3 × 4 places make 48 numbers.
#
# ```python
# >>> network = build_network((3, 9, 14), [6, 4], num_classes=5, seed=0)
# >>> [tuple(p.shape) for p in network.parameters() if p.dim() > 1]
# [(6, 3, 3, 3), (4, 6, 3, 3), (5, 48)]
# >>> sum(p.numel() for p in network.parameters())
# 643
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# What does pooling over 3 pixels with stride 2 and padding 1 make of 8, of 9, of 1? Chapter 6's formula has the answer; carry height and width along from stage to stage.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# `torch.random.fork_rng(devices=[])` is a context after which the generator is put back. Seed inside it.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex3_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_network(shape, widths, num_classes, seed):
    """Stages of convolution and pooling, then one linear layer.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of a picture.
    widths : list of int
        Filters of each stage.
    num_classes, seed : int

    Returns
    -------
    nn.Module
    """
    ### BEGIN SOLUTION
    channels, height, width = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers.append(nn.Conv2d(channels, filters, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
            channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex3_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: random numbers that PyTorch's own generator gives after a network was built.
def numbers_after_building(shape, widths, num_classes, seed):
    torch.manual_seed(31)
    torch.rand(2)
    build_network(shape, widths, num_classes, seed)
    return torch.rand(4)

# %% nbgrader={"grade": true, "grade_id": "ex3_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex3_visible():
    name = "build_network"
    network = build_network((3, 16, 16), [4, 8], 5, seed=3)
    expect(isinstance(network, nn.Module), name, "no nn.Module came back", "the return value")
    x = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 3, 16, 16))).float()
    expect_tensor(network(x), (2, 5), f"{name}, the network's scores", where="one score for each class")
    expect_tensor(build_network((1, 32, 32), [4], 3, seed=3)(torch.ones(2, 1, 32, 32)), (2, 3), f"{name} for grey pictures", where="the number of channels")
    state, again, other = (build_network((3, 16, 16), [4, 8], 5, seed=s).state_dict() for s in (3, 3, 4))
    expect(list(state) == list(again), name, "the same arguments gave another network", "nothing but the arguments counts")
    for key, value in state.items():
        expect(bool((value == again[key]).all()), name, "the same seed gave other weights", "torch.manual_seed")
    convolutions = [key for key, value in state.items() if value.dim() == 4]
    expect(len(convolutions) == 2, name, "each width must give one convolution", "the stages")
    expect(not all(bool((state[key] == other[key]).all()) for key in convolutions), name, "another seed gave the same weights", "the argument seed")


test_ex3_visible()

# %% nbgrader={"grade": true, "grade_id": "ex3_values", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): parameters and scores with given weights, for pictures of several sizes.
### BEGIN HIDDEN TESTS
SEEDS = (4301, 4302, 4303)


def load_ex3(network, shape, widths, num_classes, rng):
    """Check all sizes, give random values, and return convolutions, normalisations and the linear layer in order."""
    height, width, channels, sizes = *shape[1:], shape[0], []
    for filters in widths:
        sizes += [(filters, channels, 3, 3), *[(filters,)] * 4, ()]
        height, width, channels = -(-height // 2), -(-width // 2), filters
    sizes += [(num_classes, channels * height * width), (num_classes,)]
    state = network.state_dict()
    got = sorted(tuple(value.shape) for value in state.values())
    assert got == sorted(sizes), "build_network: parameters and buffers don't have the sizes that the stages and the linear layer need."
    new, parts = {}, {}
    for key, value in state.items():
        drawn = np.asarray(rng.normal(size=tuple(value.shape)) / max(1.0, np.sqrt(value[0].numel() if value.dim() else 1)))
        drawn = 0.5 + rng.random(size=drawn.shape) if key.endswith("running_var") else drawn
        new[key] = torch.from_numpy(np.asarray(drawn)).to(value.dtype)
        kind = {4: "conv", 2: "linear", 1: key.rpartition(".")[2], 0: "count"}[value.dim()]
        parts[kind, len(value) if value.dim() else 0] = new[key].double()
    network.load_state_dict(new)
    return parts


def oracle_ex3(x, parts, widths, num_classes):
    for filters in widths:
        n, c, height, width = x.shape
        big = torch.zeros(n, c, height + 2, width + 2, dtype=torch.float64)
        big[:, :, 1:-1, 1:-1] = x
        x = sum(torch.einsum("nchw,kc->nkhw", big[:, :, s : s + height, t : t + width], parts["conv", filters][:, :, s, t]) for s in range(3) for t in range(3))
        mean, var = parts["running_mean", filters].view(-1, 1, 1), parts["running_var", filters].view(-1, 1, 1)
        x = (x - mean) / torch.sqrt(var + 1e-5) * parts["weight", filters].view(-1, 1, 1) + parts["bias", filters].view(-1, 1, 1)
        big = torch.zeros(n, filters, height + 2, width + 2, dtype=torch.float64)
        big[:, :, 1:-1, 1:-1] = x.clamp(min=0)
        windows = [big[:, :, s : s + height, t : t + width][:, :, ::2, ::2] for s in range(3) for t in range(3)]
        x = torch.stack(windows).max(dim=0).values
    return x.reshape(len(x), -1) @ parts["linear", num_classes].T + parts["bias", num_classes]


def compare_ex3(shape, widths, num_classes, n, rng, what):
    network = build_network(shape, widths, num_classes, int(rng.integers(0, 1000)))
    parts = load_ex3(network, shape, widths, num_classes, rng)
    network.eval()
    x = torch.from_numpy(rng.normal(size=(n, *shape))).float()
    got = network(x)
    expect_tensor(got, (n, num_classes), f"build_network, scores {what}", where="one score for each class")
    expect_close(got.detach().numpy(), oracle_ex3(x.double(), parts, widths, num_classes).numpy(), f"build_network, scores {what}", where="the order and kind of layers", rtol=1e-3, atol=1e-3)


def test_ex3_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        compare_ex3((3, 8, 8), [4, 6], 5, 3, rng, "for square pictures")
        compare_ex3((2, 9, 6), [5, 4], 3, 2, rng, "for pictures that are not square")
        compare_ex3((1, 7, 12), [3, 6, 5], 4, 2, rng, "for odd sizes")


test_ex3_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex3_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): a fresh network, PyTorch's generator left alone, no stage at all, very small pictures, one picture.
### BEGIN HIDDEN TESTS
def test_ex3_edges():
    for shape, widths in (((3, 11, 8), [4, 6]), ((1, 5, 9), [3])):
        for key, value in build_network(shape, widths, 5, 8).state_dict().items():
            wanted = {"running_mean": 0.0, "running_var": 1.0, "num_batches_tracked": 0.0}.get(key.rpartition(".")[2])
            if wanted is not None:
                expect(bool((value == wanted).all()), "build_network", "a batch normalisation has seen pictures already", "don't send a picture through a network in training mode")
    torch.manual_seed(31)
    torch.rand(2)
    wanted = torch.rand(4)
    got = numbers_after_building((3, 11, 8), [4, 6], 5, 8)
    expect_close(got.numpy(), wanted.numpy(), "build_network, random numbers drawn after it", where="put PyTorch's generator back where it was")
    rng = np.random.default_rng(SEEDS[0] + 50)
    compare_ex3((2, 3, 5), [], 4, 2, rng, "without any stage")
    compare_ex3((3, 1, 2), [4, 6, 5], 2, 1, rng, "for one picture of 1 × 2 pixels")


test_ex3_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex4_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 4: A table of layers
#
# *Objectives O2 and O4, 10 points.*
#
# **What.** Write `layer_table(model, shape)`: it sends one picture of zeros, float32, through a network and says what each layer made of it. One row for each **call** of a module that has no modules inside it, in the order in which they run:
#
# (name, class, shape of the output without the batch's axis, parameters that are used here for the first time)
#
# 1. The name is the one in `model.named_modules()`, the class its Python name, such as `"Conv2d"`.
# 2. A module that is called twice has two rows; one that is never called has none. A parameter is counted once, in the first row that uses it, also if two layers share it.
# 3. The network is left as it was: the same weights and buffers, each module in the mode (training or evaluation) in which it was, and no hook left in it.
#
# **Why it matters.** What a network does stands in its `forward`, not in the list of its parts. A hook is a function that PyTorch calls whenever a module has run; through hooks you can look into any network without changing a line of it, and without leaving traces.
#
# **Signature.** `model` an `nn.Module` with one input and tensors between its layers, `shape` a tuple, (C, H, W) for most networks → a list of tuples: two texts, a tuple of whole numbers, a whole number.
#
# **Example.**
#
# ```python
# >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU(), nn.Flatten()), nn.Linear(8, 3))
# >>> for row in layer_table(model, (1, 4, 4)):
# ...     print(row)
# ('0', 'Conv2d', (2, 2, 2), 20)
# ('1.0', 'ReLU', (2, 2, 2), 0)
# ('1.1', 'Flatten', (8,), 0)
# ('2', 'Linear', (3,), 27)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# `module.register_forward_hook(f)` makes PyTorch call `f(module, inputs, output)` after each call of that module, and gives back a handle with `remove()`. The hook does not know the module's name: make one hook for each module.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A batch of one picture in training mode changes running means, or fails where a map has a single pixel. Note every module's `training` before, and put each back by itself afterwards: `model.train()` would wake up parts that somebody froze.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex4_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_table(model, shape):
    """What each layer makes of one picture.

    Parameters
    ----------
    model : nn.Module
    shape : tuple of int
        Of one picture.

    Returns
    -------
    list of tuple
        (name, class, shape of the output, new parameters) of each call.
    """
    ### BEGIN SOLUTION
    rows, seen = [], set()
    modes = [(module, module.training) for module in model.modules()]

    def note(name):
        def hook(module, inputs, output):
            new = {id(p): p.numel() for p in module.parameters() if id(p) not in seen}
            seen.update(new)
            rows.append((name, type(module).__name__, tuple(output.shape[1:]), sum(new.values())))

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if next(module.children(), None) is None]
    handles = [module.register_forward_hook(note(name)) for name, module in leaves]
    try:
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, *shape))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return rows
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex4_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: the table of a small network, and what became of the network: its state, the modes of its modules, the hooks left in it.
def table_of(kind, channels, units, shape, frozen=False):
    model = make_network(kind, channels, units)
    if frozen:
        list(model.modules())[4].eval()
    table = layer_table(model, shape)
    modes = [module.training for module in model.modules()]
    hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
    return table, model.state_dict(), modes, hooks

# %% nbgrader={"grade": true, "grade_id": "ex4_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex4_visible():
    name = "layer_table"
    table, state, modes, hooks = table_of("straight", 3, 4, (3, 15, 15))
    expect(isinstance(table, list) and len(table) == 4, name, f"this network has four layers, so a list of four rows was expected, got {type(table).__name__}", "return; one row for each call")
    for row in table:
        expect(isinstance(row, tuple) and len(row) == 4, name, "a row must be a tuple of four", "(name, class, shape, parameters)")
        expect(isinstance(row[0], str) and isinstance(row[1], str), name, "name and class must be texts", "type(module).__name__")
        expect(isinstance(row[2], tuple) and all(type(n) is int for n in row[2]), name, "a shape must be a tuple of whole numbers", "tuple(output.shape)")
        expect(len(row[2]) == 3, name, "these layers give maps: three numbers without the batch's axis", "the third entry")
        expect(type(row[3]) is int, name, "the number of parameters must be an int", "the fourth entry")
    expect([row[1] for row in table] == ["Conv2d", "ReLU", "MaxPool2d", "Conv2d"], name, "the classes are not those of the layers in the order in which they run", "the second entry")
    expect([row[0] for row in table] == ["0", "1", "2", "3"], name, "the names are not those of named_modules()", "a hook for each module, which keeps that module's name")
    expect(all(modes) and hooks == 0, name, "the network is not as it was before", "rule 3: each module's mode, no hook left")
    total = sum(value.numel() for value in state.values())
    expect(sum(row[3] for row in table) == total, name, "the parameters don't add up to those of the network", "the fourth entry")


test_ex4_visible()

# %% nbgrader={"grade": true, "grade_id": "ex4_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): networks with parts that are nested, used twice, never used, or share a weight.
### BEGIN HIDDEN TESTS
SEEDS = (4401, 4402, 4403)


def oracle_ex4(kind, c, u, shape):
    if kind == "tied":
        return [("encode", "Linear", (u,), c * u + u), ("decode", "Linear", (c,), u * c + c), ("again", "Linear", (u,), u)]
    _, h, w = shape
    if kind == "straight":
        a, b = (h - 3) // 2 + 1, (w - 3) // 2 + 1
        rows = [("0", "Conv2d", (u, a, b), 9 * c * u + u), ("1", "ReLU", (u, a, b), 0), ("2", "MaxPool2d", (u, a // 2, b // 2), 0)]
        return [*rows, ("3", "Conv2d", (2 * u, a // 2 - 1, b // 2 - 1), 8 * u * u)]
    once = [("body.0", "Conv2d", (c, h, w), 9 * c * c), ("body.1", "BatchNorm2d", (c, h, w), 2 * c), ("body.2", "ReLU", (c, h, w), 0)]
    again = [(*row[:3], 0) for row in once]
    return [*once, *again, ("shrink", "Conv2d", (u, h, w), c * u + u), ("drop", "Dropout", (u, h, w), 0), ("head", "Linear", (3,), 3 * u + 3)]


def compare_ex4(table, want, what):
    expect(len(table) == len(want), "layer_table", f"there are not as many rows as calls of layers {what}", "hooks of modules without modules inside")
    for got, right in zip(table, want, strict=True):
        for part, a, b in zip(("name", "class", "shape", "number of parameters"), got, right, strict=True):
            expect(a == b, "layer_table", f"a {part} is wrong {what}", "order of calls, and parameters that were counted before")


def test_ex4_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        channels, units, height, width = (int(rng.integers(low, low + 6)) for low in (1, 2, 9, 10))
        for kind, what in (("straight", "of a plain stack"), ("winding", "of a network with parts used twice and never"), ("tied", "of layers that share a weight")):
            shape = (channels,) if kind == "tied" else (channels, height, width)
            compare_ex4(table_of(kind, channels, units, shape)[0], oracle_ex4(kind, channels, units, shape), what)


test_ex4_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex4_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): the network is left as it was, also where a part of it was frozen; pictures of one pixel.
### BEGIN HIDDEN TESTS
def test_ex4_edges():
    for frozen in (False, True):
        for kind, shape in (("winding", (3, 5, 7)), ("winding", (3, 1, 1)), ("straight", (3, 9, 10))):
            table, state, modes, hooks = table_of(kind, 3, 4, shape, frozen)
            compare_ex4(table, oracle_ex4(kind, 3, 4, shape), "of a network that should be left as it was")
            model = make_network(kind, 3, 4)
            if frozen:
                list(model.modules())[4].eval()
            expect(modes == [module.training for module in model.modules()], "layer_table", "a module is in another mode than before", "put back each module's mode")
            expect(hooks == 0, "layer_table", "hooks are left in the network", "remove()")
            for key, value in model.state_dict().items():
                expect_close(state[key].numpy(), value.numpy(), f"layer_table, the network's {key.rpartition('.')[2]} afterwards", where="look in evaluation mode")


test_ex4_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex5_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 5: A large step in small pieces
#
# *Objective O3, 14 points.*
#
# **What.** Write `accumulated_step(model, optimizer, x, y, pieces, max_norm)`: **one** step of training on a batch that is too large for the memory.
#
# 1. The batch goes through the model in at most `pieces` pieces, none of them empty, none with more than ⌈N / pieces⌉ pictures. The batch need not divide evenly.
# 2. The step is the one that the whole batch would give: the gradient is that of the **mean** cross-entropy over all N pictures. Gradients left over from before don't count.
# 3. If the gradient's norm (over all parameters together, Euclidean) is larger than `max_norm`, the gradient is scaled down to that norm (up to the 1e-6 that PyTorch adds to what it divides by). Then the optimiser takes one step.
# 4. It returns two floats: the mean loss over the batch before the step, and the gradient's norm before scaling.
#
# Assume that pictures in a batch don't influence each other (no batch normalisation; question 1 of exercise 9 is about that).
#
# **Why it matters.** Memory grows with the pieces, not with the batch: so large batches are trained on small cards. Clipping keeps one strange batch from throwing the weights far away. Both are three lines, and most first versions
# train a little wrong without ever failing.
#
# **Signature.** `model` an `nn.Module` that gives scores (N, number of classes), `optimizer` made for its parameters, `x` (N, …) a tensor, `y` (N,) int64, `pieces` ≥ 1, `max_norm` > 0 → (`loss`, `norm`), two floats.
#
# **Example.** Two classes, all weights 0: each picture costs log 2. The gradient's norm is 1, and is halved.
#
# ```python
# >>> model = nn.Linear(1, 2, bias=False)
# >>> _ = nn.init.zeros_(model.weight)
# >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
# >>> x, y = torch.tensor([[3.0], [0.0], [1.2426407]]), torch.tensor([0, 0, 0])
# >>> loss, norm = accumulated_step(model, optimizer, x, y, pieces=2, max_norm=0.5)
# >>> round(loss, 4), round(norm, 4), model.weight.detach().flatten()
# (0.6931, 1.0, tensor([ 0.3536, -0.3536]))
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# `backward()` adds to the gradients that are there. The mean over N is a sum of sums, each divided by N: what must the loss of a piece be divided by, if the pieces are not equally long?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# In which order: forget old gradients, collect, measure, scale, step? `nn.utils.clip_grad_norm_` does two of them and returns one number that you need.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex5_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    """One step on a large batch that passes in pieces.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    x : tensor of shape (N, ...)
    y : tensor of shape (N,), int64
    pieces : int
    max_norm : float

    Returns
    -------
    loss, norm : float
    """
    ### BEGIN SOLUTION
    size = -(-len(x) // pieces)
    total = 0.0
    optimizer.zero_grad()
    for some, labels in zip(x.split(size), y.split(size), strict=True):
        share = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        share.backward()
        total += share.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return total, norm.item()
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex5_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: steps with your function; what they returned, the weights afterwards, and how many pictures the network saw at each call.
def stepped(inputs, units, seed, x, y, pieces, max_norm, steps=1, momentum=0.0, left_over=False, frozen=False):
    model = make_network("plain", inputs, units, seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=momentum)
    if left_over:
        model(x[:1]).sum().backward()  # gradients of something else
        model[0].calls.clear()
    if frozen:
        model[2].requires_grad_(False)
    returned = [accumulated_step(model, optimizer, x, y, pieces, max_norm) for _ in range(steps)]
    return returned, model.state_dict(), [call[0] for call in model[0].calls]

# %% nbgrader={"grade": true, "grade_id": "ex5_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex5_visible():
    name = "accumulated_step"
    x, y = draw_batch(12, 3, np.random.default_rng(5))
    kept = x.clone(), y.clone()
    returned, state, sizes = stepped(3, 5, 1, x, y, pieces=3, max_norm=100.0)
    expect(isinstance(returned[0], tuple) and len(returned[0]) == 2, name, "two results were expected", "return loss, norm")
    loss, norm = returned[0]
    expect(type(loss) is float and type(norm) is float, name, "loss and norm must be Python floats", "item()")
    expect(sum(sizes) == 12, name, "the pieces together are not the batch", "each picture goes through the network once")
    expect(max(sizes) <= 4, name, "a piece has more than ⌈N / pieces⌉ pictures", "the size of the pieces")
    sizes = stepped(3, 5, 1, x, y, pieces=5, max_norm=100.0)[2]
    expect(sum(sizes) == 12 and len(sizes) <= 5 and max(sizes) <= 3, name, "12 pictures in at most 5 pieces: not more than 3 in any, and none left out", "round up")
    with torch.no_grad():
        before = F.cross_entropy(make_network("plain", 3, 5, 1)(x), y).item()
        model = make_network("plain", 3, 5, 1)
        model.load_state_dict(state)
        after = F.cross_entropy(model(x), y).item()
    expect_close(loss, before, f"{name}, loss", where="the mean over the batch, before the step")
    expect(after < before, name, "the loss has not become smaller by the step", "backward, step")
    whole, _, _ = stepped(3, 5, 1, x, y, pieces=1, max_norm=100.0)
    expect_close(norm, whole[0][1], f"{name}, norm with three pieces", where="the pieces together must give the gradient of the batch")
    expect_unchanged([a.numpy() for a in kept], [x.numpy(), y.numpy()], name)


test_ex5_visible()

# %% nbgrader={"grade": true, "grade_id": "ex5_values", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (7 points): weights, loss and norm after one step and after several, with pieces that are not equally long, with and without clipping.
### BEGIN HIDDEN TESTS
SEEDS = (4501, 4502)


def oracle_ex5(inputs, units, seed, x, y, max_norm, steps, momentum, frozen):
    model = make_network("plain", inputs, units, seed)
    names = [name for name, _ in model.named_parameters() if not (frozen and name.startswith("2."))]
    velocity, returned = {}, []
    for _ in range(steps):
        weights = {name: p.detach().clone().requires_grad_(True) for name, p in model.named_parameters()}
        log_p = torch.log_softmax(torch.func.functional_call(model, weights, x), dim=1)
        loss = -log_p[torch.arange(len(y)), y].sum() / len(y)
        slopes = dict(zip(names, torch.autograd.grad(loss, [weights[name] for name in names]), strict=True))
        norm = float(torch.sqrt(sum((g**2).sum() for g in slopes.values())))
        returned.append((float(loss.detach()), norm))
        for name in names:
            slope = slopes[name] * min(1.0, max_norm / max(norm, 1e-300))
            velocity[name] = slope + momentum * velocity.get(name, 0.0)
            model.get_parameter(name).data -= 0.5 * velocity[name]
    return returned, model.state_dict()


def compare_ex5(n, pieces, max_norm, rng, what, steps=1, momentum=0.0, scale=1.0, left_over=False, frozen=False):
    inputs, units, seed = int(rng.integers(2, 6)), int(rng.integers(3, 8)), int(rng.integers(0, 1000))
    x, y = draw_batch(n, inputs, rng, scale)
    kept = x.clone(), y.clone()
    returned, state, sizes = stepped(inputs, units, seed, x, y, pieces, max_norm, steps, momentum, left_over, frozen)
    want, weights = oracle_ex5(inputs, units, seed, *kept, max_norm, steps, momentum, frozen)
    for (loss, norm), (right_loss, right_norm) in zip(returned, want, strict=True):
        expect_number(loss, f"accumulated_step, loss {what}")
        expect_close(loss, right_loss, f"accumulated_step, loss {what}", where="the mean over the whole batch, before the step", rtol=1e-6)
        expect_close(norm, right_norm, f"accumulated_step, norm {what}", where="the norm of the whole gradient, before scaling", rtol=1e-6)
    for key, value in weights.items():
        # clip_grad_norm_ adds 1e-6 to the norm that it divides by, hence not closer
        expect_close(state[key].numpy(), value.numpy(), f"accumulated_step, weights {what}", where="the gradient of the mean, scaled, and one step of the optimiser", rtol=2e-5, atol=2e-6)
    expect(len(sizes) <= steps * pieces, "accumulated_step", f"there are more pieces than allowed {what}", "rule 1")
    expect(min(sizes) >= 1 and max(sizes) <= -(-n // pieces), "accumulated_step", f"a piece is empty or too large {what}", "rule 1")
    expect_unchanged([a.numpy() for a in kept], [x.numpy(), y.numpy()], "accumulated_step")


def test_ex5_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        compare_ex5(12, 3, 1e9, rng, "without clipping")
        compare_ex5(11, 4, 1e9, rng, "with pieces that are not equally long")
        compare_ex5(13, 5, 0.05, rng, "with clipping")
        compare_ex5(9, 2, 0.1, rng, "of several steps with momentum", steps=3, momentum=0.9, scale=3.0)


test_ex5_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex5_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): gradients left over, frozen layers, more pieces than pictures, one picture, one piece.
### BEGIN HIDDEN TESTS
def test_ex5_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        compare_ex5(7, 3, 1e9, rng, "with gradients left over from before", left_over=True)
        compare_ex5(7, 3, 0.02, rng, "with a frozen layer", frozen=True)
        compare_ex5(3, 8, 0.1, rng, "with more pieces than pictures")
        compare_ex5(1, 2, 1e9, rng, "of one picture")
        compare_ex5(6, 1, 0.1, rng, "in one piece", steps=2)


test_ex5_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex6_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 6: Judged and left alone
#
# *Objective O4, 14 points.*
#
# **What.** Two functions.
#
# `evaluate(model, batches, num_classes)` judges a network on batches (x, y), such as a `DataLoader` gives. Batches may have different lengths, and can perhaps be gone through only once.
#
# 1. It returns the mean cross-entropy **over pictures** as a float, and a confusion matrix: an int64 array of shape (num_classes, num_classes) that counts in row t and column p the pictures of class t that were taken for class p (of equal scores, the first).
# 2. It judges in evaluation mode and without following gradients.
# 3. Afterwards each module is in the mode in which it was, also a part that was frozen in evaluation mode while the rest was in training mode, and also if something fails on the way: the exception goes on to the caller.
# 4. Without a single picture there is no mean: `ValueError`.
#
# `confused_pairs(confusion, k)` lists the pairs of classes that are confused most. For classes a < b it gives (a, b, rate), where rate is the share of all pictures of a and b together that were taken for the other of the two. Highest rate first, equal rates in order of a, then of b; pairs
# that were never confused are left out; at most k entries.
#
# **Why it matters.** Whoever forgets evaluation mode measures a network that is different at each look and learns from the test pictures (their means end in the running means). And ten classes have 45 pairs: which of them to work on is the first question after each training.
#
# **Signature.** `model` an `nn.Module`, `batches` an iterable of pairs of tensors (n, …) and (n,) int64 → (`float`, ndarray (C, C) int64); `confusion` (C, C) whole numbers, `k` ≥ 0 → list of tuples (int, int, float).
#
# **Example.**
#
# ```python
# >>> three = torch.tensor([[2.0, 0.0], [0.0, 1.0], [4.0, 0.0]]), torch.tensor([0, 1, 1])
# >>> batches = [three, (torch.tensor([[0.0, 0.0]]), torch.tensor([0]))]
# >>> loss, confusion = evaluate(nn.Identity(), batches, 2)
# >>> round(loss, 4), confusion.tolist()
# (1.2879, [[2, 0], [1, 1]])
# >>> confused_pairs(np.array([[8, 1, 0], [3, 4, 0], [0, 0, 5]]), 3)
# [(0, 1, 0.25)]
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# A mean of means counts the pictures of a short last batch more than others. Add up over pictures, divide at the end. `try … finally` runs its last part whatever happens.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# `model.training` speaks of the outermost module alone. Go through `model.modules()` before and after.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# The pictures of a and b together are two row sums. A pair of classes without any picture has no rate; it was never confused.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex6_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate(model, batches, num_classes):
    """Mean loss and confusion matrix of a network, which is left as it was.

    Parameters
    ----------
    model : nn.Module
    batches : iterable of (tensor of shape (n, ...), tensor of shape (n,))
    num_classes : int

    Returns
    -------
    loss : float
    confusion : ndarray of shape (num_classes, num_classes), int64
        Rows are true classes.
    """
    ### BEGIN SOLUTION
    confusion = torch.zeros(num_classes**2, dtype=torch.int64)
    total = 0.0
    awake = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.inference_mode():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                confusion += torch.bincount(y * num_classes + scores.argmax(dim=1), minlength=num_classes**2)
    finally:
        for module in awake:
            module.training = True
    count = int(confusion.sum())
    if count == 0:
        raise ValueError("there is no picture to judge the network on")
    return total / count, confusion.reshape(num_classes, num_classes).numpy()
    ### END SOLUTION


def confused_pairs(confusion, k):
    """The k pairs of classes that are confused most.

    Parameters
    ----------
    confusion : ndarray of shape (C, C), integers
        Rows are true classes.
    k : int

    Returns
    -------
    list of tuple
        (a, b, rate) with a < b, highest rate first.
    """
    ### BEGIN SOLUTION
    pictures = confusion.sum(axis=1)
    pairs = []
    for a in range(len(confusion)):
        for b in range(a + 1, len(confusion)):
            wrong = confusion[a, b] + confusion[b, a]
            if wrong:
                pairs.append((a, b, float(wrong / (pictures[a] + pictures[b]))))
    return sorted(pairs, key=lambda pair: -pair[2])[:k]
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex6_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: judge a small network with your function; what came of it, and of the network.
def judged(kind, inputs, units, batches, once=False, frozen=False, asleep=False):
    model = make_network(kind, inputs, units)
    model.train(not asleep)
    if frozen:
        list(model.modules())[4].eval()
    try:
        result = evaluate(model, iter(batches) if once else batches, 4)
    except Exception as error:
        result = f"{type(error).__name__}: {error}"
    return result, model.state_dict(), [module.training for module in model.modules()], model[0].calls

# %% nbgrader={"grade": true, "grade_id": "ex6_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex6_visible():
    name = "evaluate"
    batches = [draw_batch(5, 3, np.random.default_rng(6)) for _ in range(3)]
    kept = [a.clone() for pair in batches for a in pair]
    result, state, modes, calls = judged("plain", 3, 5, batches)
    expect(isinstance(result, tuple) and len(result) == 2, name, f"two results were expected, got {result if isinstance(result, str) else type(result).__name__}", "return loss, confusion")
    loss, confusion = result
    expect(type(loss) is float, name, "the loss must be a Python float", "item(), float(…)")
    expect_array(confusion, (4, 4), f"{name}, confusion", kind="i", where="a NumPy array with a row and a column for each class")
    expect_equal(confusion.sum(), 15, f"{name}, the sum of the confusion matrix", where="each picture counts once")
    expect(not any(call[1] for call in calls), name, "the network was in training mode", "eval()")
    expect(not any(call[2] for call in calls), name, "gradients were followed", "torch.no_grad or torch.inference_mode")
    expect(all(modes), name, "the network is not in training mode again", "put back the modes")
    expect_unchanged([a.numpy() for a in kept], [a.numpy() for pair in batches for a in pair], name)
    name = "confused_pairs"
    matrix = np.array([[5, 2, 0], [0, 6, 1], [1, 0, 9]])
    pairs = confused_pairs(matrix, 2)
    expect(isinstance(pairs, list) and len(pairs) == 2, name, "with k = 2 two pairs of these three were expected", "at most k")
    for a, b, rate in pairs:
        expect(a < b, name, "the first class of a pair must be the smaller one", "a < b")
        expect(0 < rate <= 1, name, "a rate is a share", "between 0 and 1")
    expect(pairs[0][2] >= pairs[1][2], name, "the pairs are not in order", "highest rate first")


test_ex6_visible()

# %% nbgrader={"grade": true, "grade_id": "ex6_values", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (7 points): loss, confusion matrix and pairs, with batches that are not equally long.
### BEGIN HIDDEN TESTS
SEEDS = (4601, 4602, 4603)


def oracle_ex6(kind, inputs, units, batches):
    model = make_network(kind, inputs, units).eval()
    losses, confusion = [], np.zeros((4, 4), dtype=int)
    for x, y in batches:
        for picture, label in zip(x, y, strict=True):
            with torch.no_grad():
                scores = model(picture[None])[0].numpy()
            top = scores.max()
            losses.append(top + np.log(np.exp(scores - top).sum()) - scores[int(label)])
            confusion[int(label), int(np.argmax(scores))] += 1
    return float(np.mean(losses)), confusion


def compare_ex6(kind, lengths, rng, what, **setting):
    inputs, units = int(rng.integers(2, 6)), int(rng.integers(4, 9))
    batches = [draw_batch(n, inputs, rng, 3.0) for n in lengths]
    kept = [a.clone() for pair in batches for a in pair]
    result, state, modes, calls = judged(kind, inputs, units, batches, **setting)
    expect(isinstance(result, tuple), "evaluate", f"it raised {result} {what}", "the exercise's rules")
    want, confusion = oracle_ex6(kind, inputs, units, batches)
    expect_array(result[1], (4, 4), f"evaluate, confusion {what}", kind="i")
    expect_close(result[0], want, f"evaluate, loss {what}", where="the mean over pictures, in evaluation mode", rtol=1e-6)
    expect_equal(result[1], confusion, f"evaluate, confusion {what}", where="rows are true classes, columns predicted ones")
    expect_unchanged([a.numpy() for a in kept], [a.numpy() for pair in batches for a in pair], "evaluate")
    return state, modes, calls, make_network(kind, inputs, units)


def ranked_ex6(confusion, k):
    c, found = len(confusion), []
    for a in range(c):
        for b in range(a + 1, c):
            wrong, of = int(confusion[a][b]) + int(confusion[b][a]), sum(map(int, confusion[a])) + sum(map(int, confusion[b]))
            found += [(-wrong / of, a, b)] if wrong else []
    return [(a, b, -rate) for rate, a, b in sorted(found)[:k]]


def compare_pairs(confusion, k, what):
    kept = confusion.copy()
    got, want = confused_pairs(confusion, k), ranked_ex6(kept, k)
    expect(len(got) == len(want), "confused_pairs", f"there are not as many pairs as there should be {what}", "pairs that were never confused, and k")
    expect([tuple(pair[:2]) for pair in got] == [pair[:2] for pair in want], "confused_pairs", f"a pair is not in its place {what}", "the rate of a pair, and equal rates")
    expect_close([pair[2] for pair in got], [pair[2] for pair in want], f"confused_pairs, rates {what}", where="both directions, of the pictures of both classes")
    expect_unchanged([kept], [confusion], "confused_pairs")


def test_ex6_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        compare_ex6("plain", (6, 6, 6), rng, "with equal batches")
        compare_ex6("normalised", (7, 7, 2), rng, "with a short last batch")
        compare_pairs(rng.integers(0, 30, size=(6, 6)), 15, "of six classes")
        compare_pairs(rng.integers(0, 9, size=(5, 5)) * (rng.random((5, 5)) < 0.4), 4, "with many zeros")


test_ex6_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex6_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): the network is left as it was, also if something fails; batches that come once; no picture; classes that never occur; equal rates.
### BEGIN HIDDEN TESTS
def test_ex6_edges():
    rng = np.random.default_rng(SEEDS[0] + 50)
    for setting in ({"frozen": True}, {"asleep": True}, {"once": True}):
        state, modes, calls, fresh = compare_ex6("normalised", (5, 3), rng, "of a network that should be left as it was", **setting)
        fresh.train("asleep" not in setting)
        if "frozen" in setting:
            list(fresh.modules())[4].eval()
        expect(modes == [module.training for module in fresh.modules()], "evaluate", "a module is in another mode than before", "put back each module's mode")
        for key, value in fresh.state_dict().items():
            expect_close(state[key].numpy(), value.numpy(), f"evaluate, the network's {key.rpartition('.')[2]} afterwards", where="evaluation mode")
        expect(not any(call[2] for call in calls), "evaluate", "gradients were followed", "no_grad or inference_mode")
    compare_ex6("normalised", (1,), rng, "of a single picture")
    bad = [draw_batch(4, 3, rng), (torch.ones(2, 5, dtype=torch.float64), torch.zeros(2, dtype=torch.int64))]  # the second has another size
    result, _, modes, _ = judged("normalised", 3, 5, bad, frozen=True)
    expect(isinstance(result, str), "evaluate", "a batch that does not fit raised nothing", "let exceptions pass")
    expect([modes.index(False), modes.count(False)] == [4, 1], "evaluate", "after an exception a module is in another mode than before", "finally")
    expect(str(judged("plain", 3, 5, [])[0]).startswith("ValueError"), "evaluate", "no ValueError without any picture", "rule 4")
    compare_pairs(np.array([[0, 0, 0], [0, 3, 1], [0, 2, 5]]), 3, "with a class that never occurs")
    compare_pairs(np.array([[0, 0, 0], [4, 3, 0], [0, 0, 2]]), 3, "with a class that is only predicted")
    compare_pairs(np.array([[3, 0, 0, 1], [0, 3, 1, 0], [0, 0, 4, 0], [0, 0, 0, 4]]), 5, "with equal rates")
    compare_pairs(np.array([[3, 2], [2, 3]], dtype=np.uint8) * 40, 1, "of small whole numbers")
    compare_pairs(np.eye(4, dtype=np.int64) * 7, 3, "without any error")
    compare_pairs(np.array([[1, 2], [3, 4]]), 0, "with k = 0")


test_ex6_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex7_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 7: Interrupted and resumed
#
# *Objective O5, 10 points.*
#
# **What.** Two functions, `checkpoint(model, optimizer, step)` and `resume(data, model, optimizer)`. The first packs a training run into `bytes`; the second unpacks them into a model and an optimiser that were made anew, and returns `step`. Training then goes on **as if it had never been interrupted**:
# each further step gives the same weights as in a run that was not.
#
# 1. The model may have batch normalisation and dropout, the optimiser a memory of its own (momentum, Adam's averages) and another learning rate than the new one. Dropout draws from PyTorch's own generator (`torch.get_rng_state`).
# 2. Bytes come from a file, and files come from anywhere: unpack with `weights_only=True`, so that nothing in them can run.
# 3. If the bytes are cut off, are no checkpoint, hold anything but tensors, numbers and texts, or don't fit the model or the optimiser's parameters, `resume` raises an exception, of whatever kind, and model and optimiser are as before.
#
# **Why it matters.** Training runs of days end by a power cut or by the limit of a queue. A run that goes on almost as before is hard to notice and harder to explain: the loss jumps, and nobody knows why.
#
# **Signature.** `model` an `nn.Module`, `optimizer` made for its parameters, `step` a whole number → `bytes`; `data` bytes → int.
#
# **Example.**
#
# ```python
# >>> model = nn.Linear(2, 1)
# >>> data = checkpoint(model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 7)
# >>> other = nn.Linear(2, 1)
# >>> optimizer = torch.optim.SGD(other.parameters(), lr=0.5, momentum=0.9)
# >>> resume(data, other, optimizer), bool((other.weight == model.weight).all()), optimizer.param_groups[0]["lr"]
# (7, True, 0.1)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# `torch.save` writes a dictionary to any file, also to an `io.BytesIO`, whose `getvalue()` gives the bytes. Models and optimisers have a `state_dict()`: pack these, not the objects themselves. What else decides about the next step?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# `load_state_dict` copies what fits and raises only then: half of the new weights stay. Keep a copy of what you might have to put back, or compare before you load.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex7_runs", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: a small training run. Which pictures a step sees depends on its number.
def new_run(kind, units, seed, lr):
    model = make_network("normalised", 3, units, seed)
    parameters = [*model.parameters()]
    if kind == "head":  # only the last layer learns
        parameters = parameters[-2:]
    if kind == "adam":
        return model, torch.optim.Adam(parameters, lr=lr)
    return model, torch.optim.SGD(parameters, lr=lr, momentum=0.0 if kind == "plain" else 0.9)


def train_on(model, optimizer, first, last):
    for step in range(first, last):
        rng = np.random.default_rng(step)
        x, y = torch.from_numpy(rng.normal(size=(6, 3))), torch.from_numpy(rng.integers(0, 4, size=6))
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def begun_run(kind, units):
    """A run after two steps."""
    torch.manual_seed(3)
    model, optimizer = new_run(kind, units, 3, 0.1)
    train_on(model, optimizer, 0, 2)
    return model, optimizer


def state_two_steps_later(model, optimizer):
    torch.manual_seed(5)
    train_on(model, optimizer, 2, 4)
    return model.state_dict()

# %% nbgrader={"grade": false, "grade_id": "ex7_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def checkpoint(model, optimizer, step):
    """Pack a training run.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    step : int

    Returns
    -------
    bytes
    """
    ### BEGIN SOLUTION
    file = io.BytesIO()
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**parts, "step": step, "generator": torch.get_rng_state()}, file)
    return file.getvalue()
    ### END SOLUTION


def resume(data, model, optimizer):
    """Unpack a training run into a model and an optimiser; all of it or nothing.

    Parameters
    ----------
    data : bytes
        What `checkpoint` gave.
    model : nn.Module
    optimizer : torch.optim.Optimizer

    Returns
    -------
    int
        The step that was packed.
    """
    ### BEGIN SOLUTION
    parts = torch.load(io.BytesIO(data), weights_only=True)
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    try:
        model.load_state_dict(parts["model"])
        optimizer.load_state_dict(parts["optimizer"])
    except Exception:
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        raise
    torch.set_rng_state(parts["generator"])
    return parts["step"]
    ### END SOLUTION

# %% nbgrader={"grade": false, "grade_id": "ex7_tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
# For the tests: the run, interrupted by your functions; and what becomes of a run when your function is given what does not fit.
def interrupted_run(kind, seed, before, after):
    """Train, pack, train on (which must not change what was packed), unpack into a new run, train on from there."""
    torch.manual_seed(seed)
    model, optimizer = new_run(kind, 5, seed, 0.05)
    train_on(model, optimizer, 0, before)
    data = checkpoint(model, optimizer, before)
    train_on(model, optimizer, before, before + 3)
    torch.manual_seed(seed + 1)
    model, optimizer = new_run(kind, 5, seed + 1, 0.2)
    train_on(model, optimizer, 0, 2)
    step = resume(data, model, optimizer)
    first = step if isinstance(step, int) else before
    train_on(model, optimizer, first, first + after)
    return data, step, model.state_dict()


def refused(data, kind, units):
    """Try to unpack what does not fit; say whether it was refused, and what happens in the next two steps."""
    model, optimizer = begun_run(kind, units)
    try:
        resume(data, model, optimizer)
        outcome = "accepted"
    except Exception:
        outcome = "refused"
    return outcome, state_two_steps_later(model, optimizer)


def packed(kind, units, odd=False):
    """Pack a run of three steps; an odd one has something among its numbers that is no number: a Python object."""
    model, optimizer = begun_run(kind, units)
    train_on(model, optimizer, 2, 3)
    if not odd:
        return checkpoint(model, optimizer, 3)
    optimizer.param_groups[0]["lr"] = np.random.default_rng(0)
    try:
        return checkpoint(model, optimizer, 3)
    except Exception:
        return b"not packed at all"

# %% nbgrader={"grade": true, "grade_id": "ex7_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex7_visible():
    name = "checkpoint and resume"
    data, step, state = interrupted_run("plain", 1, before=3, after=0)
    expect(isinstance(data, bytes), name, f"a checkpoint must be bytes, not {type(data).__name__}", "getvalue()")
    expect(type(step) is int and step == 3, name, "resume must return the step that was packed", "the return value")
    torch.manual_seed(1)
    model, optimizer = new_run("plain", 5, 1, 0.05)
    train_on(model, optimizer, 0, 3)
    for key, value in model.named_parameters():
        expect_close(state[key].numpy(), value.detach().numpy(), f"{name}, {key}", where="the weights at the time of packing")
    outcome, _ = refused(b"no checkpoint", "plain", 5)
    expect(outcome == "refused", name, "bytes that are no checkpoint were accepted", "let the exception pass")


test_ex7_visible()

# %% nbgrader={"grade": true, "grade_id": "ex7_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): weights after going on, with momentum, Adam, batch normalisation and dropout.
### BEGIN HIDDEN TESTS
SEEDS = (4701, 4702)


def test_ex7_values():
    cases = ((("momentum", 3, 3), ("adam", 0, 2)), (("adam", 4, 2), ("head", 2, 3)))
    for seed, some in zip(SEEDS, cases, strict=True):
        for kind, before, after in some:
            torch.manual_seed(seed)
            model, optimizer = new_run(kind, 5, seed, 0.05)
            train_on(model, optimizer, 0, before + after)
            data, step, state = interrupted_run(kind, seed, before, after)
            expect(type(step) is int and step == before, "resume", "it did not return the step that was packed", "the return value")
            for key, value in model.state_dict().items():
                expect_close(state[key].numpy(), value.numpy(), f"a run that was interrupted ({kind}), {key.rpartition('.')[2]}", where="everything that decides about the next step")


test_ex7_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex7_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): bytes that are damaged, hold a Python object, or don't fit; model and optimiser are then as before.
### BEGIN HIDDEN TESTS
def test_ex7_edges():
    whole = packed("momentum", 5)
    cases = [
        (whole[: len(whole) // 2], "momentum", 5, "half of a checkpoint"),
        (packed("momentum", 7), "momentum", 5, "a checkpoint of a model of another width"),
        (whole, "head", 5, "a checkpoint of an optimiser for other parameters"),
        (packed("momentum", 5, odd=True), "momentum", 5, "a checkpoint with a Python object in it"),
    ]
    for data, kind, units, what in cases:
        outcome, state = refused(data, kind, units)
        expect(outcome == "refused", "resume", f"{what} was accepted", "rules 2 and 3")
        for key, value in state_two_steps_later(*begun_run(kind, units)).items():
            expect_close(state[key].numpy(), value.numpy(), f"resume, the run after {what}, {key.rpartition('.')[2]}", where="all or nothing")
    expect(refused(whole, "momentum", 5)[0] == "accepted", "resume", "a checkpoint that fits was refused", "rule 3")


test_ex7_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex8_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 8: A camera held anyhow
#
# *Objective O6, 10 points.*
#
# **What.** Write `fit_predict(train_images, train_labels, images)`: it trains on labelled pictures and predicts the labels of others. The training pictures are upright. The others were taken with a camera held anyhow: each is turned by 0, 90, 180 or 270 degrees, and nobody noted by which.
# It is marked by its accuracy on 1,000 pictures that nobody has seen, after training on 1,000.
#
# | accuracy on the unseen pictures | points |
# |---|---|
# | at least 52 % | 4 |
# | at least 60 % | 4 more |
#
# A linear classifier on pixels reaches about 27 % here, and about 45 % if it is trained and asked with turned pictures. A small CNN that has seen upright pictures only reaches about 40 %.
#
# **Why it matters.** A network knows what its training set shows, and nothing of what you know besides. What you know (a turned car is a car) has to be told: through more pictures, through the network's form, or through the way it is asked.
#
# **Signature.** `train_images` (N, 16, 16, 3) uint8, `train_labels` (N,) integers 0 … 9, `images` (M, 16, 16, 3) uint8 → (M,) integers. The same input gives
# the same predictions (seed what you draw), and a picture's prediction does not depend on which others are predicted with it. 1,000 pictures and 1,000 more should take no more than five seconds on one core.
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# First measure: `draw_snapshots("validation", 500, seed=1)` gives turned pictures to judge on. `torch.rot90(x, k, (2, 3))` turns a batch. Which pictures should the network see in training, if it is to be right about turned ones? Are mirrored pictures of help too?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A good start: a network with two stages of 16 and 32 filters, as in exercise 3, eight to ten epochs in batches of 32, and Adam with
# a learning rate that rises to 0.01 and falls to 0 again (`torch.optim.lr_scheduler.OneCycleLR`, one step of it after each step of Adam). With 0.01 to the very end the last steps decide, and accuracy is a matter of luck.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# A picture can be asked about four times, once for each turn; the four answers can be averaged. And the pictures of one batch need not all be turned by the same angle.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex8_draw", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Pocket-10 on plain grounds, 16 × 16 pixels.
PLAIN = {"clutter": 0.0, "occlusion": 0.0, "intraclass": 0.2, "deformation": 0.3, "illumination": 0.2, "viewpoint": 0.3, "context": 0.5}


def draw_snapshots(split, n, seed):
    """Draw n pictures and their labels: upright ones of "train", turned ones of "validation" and "test"."""
    images, labels = pocket10(split, n, seed=seed, size=16, **PLAIN)
    if split != "train":
        turns = np.random.default_rng(seed).integers(0, 4, size=n)
        images = np.stack([np.rot90(picture, turn) for picture, turn in zip(images, turns, strict=True)])
    return images, labels

# %%
# Not marked, yours to change: what the pictures look like, upright and turned.
from course_utils.data import POCKET10_CLASSES
from course_utils.plots import show_images

upright, their_labels = draw_snapshots("train", 10, seed=1)
turned, labels = draw_snapshots("validation", 10, seed=1)
both = np.concatenate([upright, turned])
show_images(both, np.concatenate([their_labels, labels]), class_names=POCKET10_CLASSES, columns=10)

# %% nbgrader={"grade": false, "grade_id": "ex8_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_predict(train_images, train_labels, images):
    """Learn from upright pictures and predict the labels of turned ones.

    Parameters
    ----------
    train_images : ndarray of shape (N, 16, 16, 3), uint8
    train_labels : ndarray of shape (N,), integers
    images : ndarray of shape (M, 16, 16, 3), uint8

    Returns
    -------
    ndarray of shape (M,), integers
    """
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(4)
    x = torch.from_numpy(train_images).permute(0, 3, 1, 2).float() / 255
    mean, spread = x.mean(dim=(0, 2, 3), keepdim=True), x.std(dim=(0, 2, 3), keepdim=True)
    x, y = (x - mean) / spread, torch.from_numpy(train_labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        stages, channels = [], 3
        for filters in (16, 32):
            stages += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
            channels = filters
        network = nn.Sequential(*stages, nn.Flatten(), nn.Linear(16 * channels, 10))
    epochs, size = 7, 32
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 0.01, total_steps=epochs * -(-len(x) // size))
    for epoch in range(epochs):
        for chosen in torch.randperm(len(x), generator=generator).split(size):
            turned = [part.rot90(k, (2, 3)) for k, part in enumerate(x[chosen].chunk(4))]
            batch = torch.cat(turned).flip(3) if epoch % 2 else torch.cat(turned)
            adam.zero_grad()
            F.cross_entropy(network(batch), y[chosen], label_smoothing=0.1).backward()
            adam.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        z = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / spread
        votes = sum(network(z.rot90(k, (2, 3))).softmax(dim=1) for k in range(4))
    return votes.argmax(dim=1).numpy()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ex8_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex8_visible():
    name = "fit_predict"
    pictures, labels = draw_snapshots("train", 120, seed=8)
    kept = pictures.copy(), labels.copy()
    got = fit_predict(pictures[:100], labels[:100], pictures[100:])
    expect_array(got, (20,), name, kind="i", where="one label for each picture")
    expect(set(got.tolist()) <= set(range(10)), name, "a prediction is none of the ten labels", "labels, not scores")
    expect_unchanged(kept, (pictures, labels), name)
    again = fit_predict(pictures[:100], labels[:100], pictures[100:])
    expect(np.array_equal(got, again), name, "the same input gave other predictions", "seed what you draw")
    alone = fit_predict(pictures[:100], labels[:100], pictures[103:104])
    expect_array(alone, (1,), f"{name} of a single picture", kind="i")
    expect(alone[0] == got[3], name, "a picture got another label when predicted alone", "evaluation mode; statistics of the training pictures")


test_ex8_visible()

# %% nbgrader={"grade": true, "grade_id": "ex8_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 52 % of unseen pictures right.
### BEGIN HIDDEN TESTS
# Training takes another course on another processor, so right and wrong answers must be far from the thresholds. Over two to five
# sets of pictures: right answers 70 to 83 %, a linear classifier that knows turns 43 to 46 %, a CNN that does not 35 to 40 %.
PICTURES_SEED = 0x5A0E6B93D17F4C28A64B1D95E8F2730C
LOW, HIGH = 0.52, 0.60
ACCURACY = 0.0


def hidden_accuracy():
    pictures, labels = draw_snapshots("train", 1000, PICTURES_SEED)
    unseen, truth = draw_snapshots("test", 1000, PICTURES_SEED)
    order = np.random.default_rng(PICTURES_SEED + 1).permutation(1000)  # every ten in a row hold each class once
    unseen, truth = unseen[order], truth[order]
    got = fit_predict(pictures, labels, unseen)
    expect_array(got, (1000,), "fit_predict", kind="i", where="one label for each picture")
    return float((got == truth).mean())


ACCURACY = hidden_accuracy()  # measured once, for this cell and the next
expect(ACCURACY >= LOW, "fit_predict", "the accuracy on unseen pictures is below the first threshold", "what the network sees in training")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex8_high", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 60 % of unseen pictures right.
### BEGIN HIDDEN TESTS
expect(ACCURACY >= HIGH, "fit_predict", "the accuracy on unseen pictures is below the second threshold", "convolutions, turned pictures, enough epochs")
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex9_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 9: In your own words
#
# *Objectives O3, O4 and O6, 8 points, read and marked by a person.* About 400 words in all.
#
# 1. (3 points) Put a batch normalisation into the network that exercise 5 is tested with, between its two linear layers, and make exercise 5's step. In four pieces, is the step still that of the whole batch? Name two things that differ, and say what happens when pieces become as small as one or two pictures.
# 2. (3 points) Judge your `fit_predict` on turned pictures that it has not seen, with the lines below. Which two classes are confused most? Give the numbers, look at some of these pictures, and explain. Then judge it on the same pictures upright (the last line): explain the difference, or why there is none. Which number would you report for a camera held anyhow, and why?
# 3. (2 points) With all seeds fixed, your network's accuracy on another computer differs by one point. How can that be? What would you report to say that one network is better than another?
#
# For question 2, in a cell of your own (predictions stand in for scores; take the cell out before you hand in, or marking runs it too):
#
# ```python
# pictures, labels = draw_snapshots("validation", 500, seed=1)
# guesses = torch.from_numpy(fit_predict(*draw_snapshots("train", 1000, seed=1), pictures))
# _, confusion = evaluate(nn.Identity(), [(F.one_hot(guesses, 10).float(), torch.from_numpy(labels))], 10)
# print(np.trace(confusion) / confusion.sum())
# for a, b, rate in confused_pairs(confusion, 5):
#     print(POCKET10_CLASSES[a], POCKET10_CLASSES[b], round(rate, 3))
# upright, _ = pocket10("validation", 500, seed=1, size=16, **PLAIN)
# ```

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex9_answer", "locked": false, "points": 8, "schema_version": 3, "solution": true, "task": false}
# **Rubric (for the person who marks; the release shows an empty answer here).**
#
# 1. Three points: one for "no", with the reason that each piece is normalised by its own mean and variance, so a picture's scores depend on its piece (the gradient too, since it flows through the statistics); one for a second difference (the running averages
#    are updated four times a step, from noisier statistics; so evaluation differs as well); one for small pieces: statistics of two pictures are mostly noise, for a single flattened picture the variance is 0 or PyTorch refuses (freeze the statistics, use a normalisation that looks at one picture).
# 2. Three points: one for a pair with its rate or counts from a run of their own; one for an explanation that goes with pictures looked at (the same outline when turned: a pen and an airplane's fuselage, automobile and truck on wheels that may be up or down); one for
#    "the turned ones, since that is what the unseen pictures are like; upright pictures are easier or harder for reasons that won't be there in use" (whoever averages the answers to four turns gets the same number twice, and can say why). Any pair that the student's own numbers support is right.
# 3. Two points: one for the order in which numbers are added (other processors, libraries, threads), rounding that grows over hundreds of steps until single pictures tip; one for several seeds or trainings with mean and spread, on the same pictures, and a difference that is larger than the spread.
#
# Half points are fine. Don't take marks off for English.
#
