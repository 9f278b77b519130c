# %% [markdown] nbgrader={"grade": false, "grade_id": "title", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 3: convolution by hand
#
# Chapter 6 slides one filter over one picture in every way it can be slid. Here you build the relatives of that layer that real
# networks use: mirrored borders, groups, strides that leave pixels over, filters that fall apart into two, pooling
# that does not count what is not there. Forward and backward, in NumPy. None of them is solved in the book.
#
# **What you practise**
#
# | | objective |
# |---|---|
# | O1 | predict sizes, parameters and cost of a stack of layers before it runs |
# | O2 | code variations of convolution without loops over pictures or places |
# | O3 | derive backward passes from the sums that the forward pass computes |
# | O4 | pool, and send gradients back through a pool |
# | O5 | look into a filter, and design one for a task |
#
# **Points**
#
# | exercise | objective | points | of them for visible tests | for hidden tests |
# |---|---|---|---|---|
# | 1 What a stack costs | O1 | 10 | 2 | 8 |
# | 2 Mirrored borders | O2 | 12 | 2 | 10 |
# | 3 Groups and strides | O2 | 14 | 2 | 12 |
# | 4 The way back | O3 | 16 | 3 | 13 |
# | 5 A filter that falls apart | O5 | 10 | 2 | 8 |
# | 6 Averages of what is there | O4 | 12 | 2 | 10 |
# | 7 A gradient that is shared | O3, O4 | 8 | 2 | 6 |
# | 8 Find the plus | O5 | 8 | 2 | 6 |
# | 9 In your own words | O1, O3, O5 | 10 | | read by a person |
# | **total** | | **100** | | |
#
# **Time**: about 4 hours (an estimate). **You need**: chapter 6, NumPy. Notation as in the book: a batch of pictures `x` has shape
# (N, C, H, W), a layer's `K` filters `w` have shape (K, C, F_h, F_w), its bias `b` shape (K,). As everywhere in deep learning, "convolution" slides
# the filter without flipping it (cross-correlation).

# %% [markdown] nbgrader={"grade": false, "grade_id": "how", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## How to work
#
# - Write your code where it says `YOUR CODE HERE` and take the `raise NotImplementedError()` out. Keep the
#   functions' names and arguments; helpers of your own are welcome in the same cell. NumPy is all you need.
# - Loops over the few places *inside a filter*, over groups or over layers are fine. Loops over pictures or over places in a picture
#   are not needed and make your code hundreds of times slower.
# - Try the example of each exercise first: copy it into a cell of your own. It catches much that the visible tests leave to you.
# - Below each exercise are **visible tests**: shapes, types and properties that must hold. When one fails, its
#   message says what is wrong and where to look. `course check ps3` in a terminal runs all of them.
# - Cells that say **hidden tests** run when your work is marked. They compare values, with pictures that are not square, filters of even size,
#   strides that leave pixels over, one picture only, whole-number input, and they check that your function leaves its
#   arguments as they were. Try such cases yourself.
# - Before you hand in: *Kernel → Restart Kernel and Run All Cells…*. What is marked is a fresh run from top to bottom.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from course_utils.grading.expect import (
    expect,
    expect_array,
    expect_close,
    expect_equal,
    expect_unchanged,
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex1_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 1: What a stack costs
#
# *Objective O1, 10 points.*
#
# **What.** Write `describe_stack(layers, shape)`: for a stack of convolutional layers and one input picture it says, layer by layer, the shape of
# what comes out, how many parameters the layer has, and how many multiplications it takes.
#
# Each layer is a dictionary with `"filters"` (K) and `"kernel"` (F, for filters of F × F); `"stride"` (1), `"padding"` (0), `"dilation"` (1) and
# `"groups"` (1) may be left out and then have the values in brackets. With G groups, both the channels that come in and the filters are split into G equal parts, and a filter sees
# only the C/G channels of its own part. With dilation D, neighbouring weights of a filter are D pixels apart.
#
# 1. Each filter has one bias; biases count as parameters.
# 2. Multiplications: one for each weight of each filter at each place of the output, for one picture; zeros of the padding count like pixels.
# 3. If the groups don't divide the channels or the filters, or a filter does not fit into the padded picture, raise a `ValueError`.
#
# **Why it matters.** Whoever designs a network does this sum all day. It says whether the network fits into memory, how long an epoch will
# take, and at which layer the last pixel is lost, before a minute of training is spent.
#
# **Signature.** `layers` a list of dictionaries, `shape` = (C, H, W) → a list with one tuple of whole numbers a layer: (channels, height, width,
# parameters, multiplications).
#
# **Example.** Eight 3×3 filters on RGB have 216 weights and 8 biases; the second layer's filters see 2 of its 8 channels each.
#
# ```python
# >>> describe_stack([{"filters": 8, "kernel": 3, "padding": 1}, {"filters": 16, "kernel": 3, "stride": 2, "groups": 4}], (3, 32, 32))
# [(8, 32, 32, 224, 221184), (16, 15, 15, 304, 64800)]
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# How many pixels does a filter of F weights span when neighbouring weights are D apart? Try F = 3, D = 2 on paper. With that span in the
# place of F, chapter 6's formula for the size of the output holds.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A stride rarely ends exactly at the border. Does the formula round up or down? And what comes out of one layer goes into the next: which of the
# numbers do you have to carry along?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex1_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def describe_stack(layers, shape):
    """Shapes, parameters and multiplications of a stack of convolutional layers.

    Parameters
    ----------
    layers : list of dict
    shape : tuple of int
        (C, H, W) of the input.

    Returns
    -------
    list of tuple of int
        (channels, height, width, parameters, multiplications) of each layer.

    Raises
    ------
    ValueError
        If a layer does not fit.
    """
    ### BEGIN SOLUTION
    channels, height, width = shape
    described = []
    for layer in layers:
        filters, kernel = layer["filters"], layer["kernel"]
        stride, padding = layer.get("stride", 1), layer.get("padding", 0)
        dilation, groups = layer.get("dilation", 1), layer.get("groups", 1)
        if channels % groups or filters % groups:
            raise ValueError(f"{groups} groups divide neither {channels} channels nor {filters} filters evenly")
        span = dilation * (kernel - 1) + 1
        if span > min(height, width) + 2 * padding:
            raise ValueError(f"a filter that spans {span} pixels does not fit into {height} x {width} with padding {padding}")
        height = (height + 2 * padding - span) // stride + 1
        width = (width + 2 * padding - span) // stride + 1
        weights = filters * (channels // groups) * kernel**2
        channels = filters
        described.append((channels, height, width, weights + filters, weights * height * width))
    return described
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex1_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex1_visible():
    name = "describe_stack"
    layers = [{"filters": 4, "kernel": 1}, {"filters": 6, "kernel": 3, "padding": 1}]
    got = describe_stack(layers, (3, 8, 8))
    expect(isinstance(got, list) and len(got) == 2, name, "a list with one entry for each layer was expected", "the return value")
    for entry in got:
        whole = len(entry) == 5 and all(isinstance(value, (int, np.integer)) for value in entry)
        expect(whole, name, "five whole numbers a layer were expected", "(channels, height, width, parameters, multiplications)")
        expect(tuple(entry[1:3]) == (8, 8), name, "these two layers keep the size of the picture", "the formula for the output's size")
    expect([entry[0] for entry in got] == [4, 6], name, "a layer gives one channel for each filter", "the first number")
    expect(describe_stack(layers[:1], (3, 8, 8)) == got[:1], name, "the first layer alone was described differently", "what is carried along")


test_ex1_visible()

# %% nbgrader={"grade": true, "grade_id": "ex1_values", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): stacks with strides, padding, dilation and groups.
### BEGIN HIDDEN TESTS
SEEDS = (3101, 3102, 3103)


def oracle_ex1(layers, shape):
    channels, height, width = shape
    out = []
    for layer in layers:
        full = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | layer
        offsets = [full["dilation"] * i for i in range(full["kernel"])]
        sizes = []
        for size in (height, width):
            end = size + full["padding"]  # the first place behind the padded picture
            starts = range(-full["padding"], end, full["stride"])
            sizes.append(sum(start + offsets[-1] < end for start in starts))
        height, width = sizes
        per_filter = (channels // full["groups"]) * len(offsets) ** 2
        channels = full["filters"]
        out.append((channels, height, width, channels * (per_filter + 1), channels * per_filter * height * width))
    return out


def same_stack(got, want, what):
    parts = ("channels", "height", "width", "parameters", "multiplications")
    expect(len(got) == len(want), "describe_stack", "one entry for each layer was expected", what)
    for number, (mine, right) in enumerate(zip(got, want, strict=True), 1):
        for part, a, b in zip(parts, mine, right, strict=True):
            expect(a == b, "describe_stack", f"the {part} of layer {number} are wrong", what)


def test_ex1_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for _ in range(8):
            groups = [int(g) for g in rng.choice([1, 2, 4], size=3)]
            layers = [
                {
                    "filters": int(4 * rng.integers(1, 9)),
                    "kernel": int(rng.integers(1, 6)),
                    "stride": int(rng.integers(1, 4)),
                    "padding": int(rng.integers(0, 3)),
                    "dilation": int(rng.integers(1, 3)),
                    "groups": g,
                }
                for g in groups
            ]
            for layer in layers:
                for key, value in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)):
                    if layer[key] == value and rng.random() < 0.5:
                        del layer[key]
            shape = (4 * int(rng.integers(1, 5)), 100 + int(rng.integers(0, 30)), 100 + int(rng.integers(0, 30)))
            kept = [dict(layer) for layer in layers]
            same_stack(describe_stack(layers, shape), oracle_ex1(kept, shape), "the rules of the exercise")
            expect(layers == kept, "describe_stack", "the list of layers was changed by the call", "work on a copy")


test_ex1_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex1_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): layers that just fit, layers that do not.
### BEGIN HIDDEN TESTS
def refuses(layers, shape):
    try:
        describe_stack(layers, shape)
    except ValueError:
        return True
    return False


def test_ex1_edges():
    same_stack(describe_stack([], (3, 5, 5)), [], "an empty stack")
    for layer, shape in (
        ({"filters": 2, "kernel": 5}, (3, 5, 9)),
        ({"filters": 2, "kernel": 3, "dilation": 3, "padding": 1}, (1, 5, 5)),
        ({"filters": 6, "kernel": 2, "stride": 7, "groups": 3}, (3, 2, 30)),
        ({"filters": 4, "kernel": 7, "padding": 3, "stride": 5}, (2, 1, 1)),
    ):
        same_stack(describe_stack([layer], shape), oracle_ex1([layer], shape), "a filter that just fits")
    first = {"filters": 4, "kernel": 3}
    for layers, shape, why in (
        ([{"filters": 4, "kernel": 6}], (3, 5, 9), "a filter higher than the picture"),
        ([{"filters": 4, "kernel": 6}], (3, 9, 5), "a filter wider than the picture"),
        ([{"filters": 4, "kernel": 3, "dilation": 3, "padding": 1}], (1, 4, 9), "a dilated filter that spans too much"),
        ([first, {"filters": 4, "kernel": 3}], (1, 4, 4), "a filter that does not fit into the second layer's input"),
        ([{"filters": 4, "kernel": 1, "groups": 2}], (3, 5, 5), "groups that don't divide the channels"),
        ([{"filters": 3, "kernel": 1, "groups": 2}], (4, 5, 5), "groups that don't divide the filters"),
        ([first, {"filters": 6, "kernel": 1, "groups": 3}], (3, 9, 9), "groups that don't divide the channels of the layer before"),
    ):
        expect(refuses(layers, shape), "describe_stack", f"no ValueError for {why}", "rule 3")


test_ex1_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex2_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 2: Mirrored borders
#
# *Objective O2, 12 points.*
#
# **What.** Write `mirrored_conv(x, w, b)`: a convolution with stride 1 whose output is as large as its input, with borders continued by *mirroring*: the row above the first is the second row, the
# one above that is the third, and so on; the border pixel itself is not repeated. The same on all four sides.
#
# With filters of F_h × F_w, (F_h − 1) // 2 rows are added above and F_h // 2 below, (F_w − 1) // 2 columns left and F_w // 2 right. So with an even F_h the output at (i, j) looks
# one row further down than up.
#
# **Why it matters.** Zeros around a bright picture are a black frame: every filter that looks for edges fires along it, and a network can tell from such false edges how near
# the border it is. Mirrored borders invent nothing.
#
# **Signature.** `x` (N, C, H, W) whole or floating point numbers, `w` (K, C, F_h, F_w), `b` (K,) → (N, K, H, W) float64. F_h // 2 < H and F_w // 2 < W.
#
# **Example.** Differences to the right neighbour. Right of the last pixel, 5, the mirror shows 2 again.
#
# ```python
# >>> x = np.array([1.0, 2.0, 5.0]).reshape(1, 1, 1, 3)
# >>> mirrored_conv(x, np.array([-1.0, 1.0]).reshape(1, 1, 1, 2), np.zeros(1))[0, 0]
# array([[ 1.,  3., -3.]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Two jobs: first make a larger picture, then convolve it without any padding. `np.pad` has a mode for nearly every way to continue a picture; compare
# what two of them do to `[1, 2, 5]`.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# `np.lib.stride_tricks.sliding_window_view(a, (F_h, F_w), axis=(2, 3))` shows every window without copying; or add up F_h · F_w shifted
# copies of the picture, each times one weight of each filter. Either way the sum over channels is a matrix product.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex2_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mirrored_conv(x, w, b):
    """Convolution with stride 1 and mirrored borders; the output is as large as the input.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
    w : ndarray of shape (K, C, F_h, F_w)
    b : ndarray of shape (K,)

    Returns
    -------
    ndarray of shape (N, K, H, W), float64
    """
    ### BEGIN SOLUTION
    height, width = w.shape[2:]
    rows, columns = ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)
    larger = np.pad(x.astype(np.float64), ((0, 0), (0, 0), rows, columns), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(larger, (height, width), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex2_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex2_visible():
    name = "mirrored_conv"
    rng = np.random.default_rng(2)
    x, w, b = rng.normal(size=(2, 3, 7, 7)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    got = mirrored_conv(x, w, b)
    expect_array(got, (2, 4, 7, 7), name, where="as many places as the input, one channel for each filter")
    flat = mirrored_conv(np.ones((1, 3, 6, 6)), w, b)
    level = np.broadcast_to((w.sum(axis=(1, 2, 3)) + b)[:, None, None], (4, 6, 6))
    expect_close(flat[0], level, f"{name} of a picture without any structure", where="at the border nothing may be invented, and b is added once")
    one = mirrored_conv(x, np.eye(3).reshape(3, 3, 1, 1), np.zeros(3))
    expect_close(one, x, f"{name} with filters that copy one pixel")


test_ex2_visible()

# %% nbgrader={"grade": true, "grade_id": "ex2_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): the values, inside and at the border.
### BEGIN HIDDEN TESTS
SEEDS = (3201, 3202, 3203)


def oracle_ex2(x, w, b):
    (n, c, h, v), (k, _, p, q) = x.shape, w.shape

    def mirror(i, size):
        while not 0 <= i < size:
            i = -i if i < 0 else 2 * (size - 1) - i
        return i

    out = np.zeros((n, k, h, v))
    for i in range(h):
        for j in range(v):
            for s in range(p):
                for t in range(q):
                    row, column = mirror(i + s - (p - 1) // 2, h), mirror(j + t - (q - 1) // 2, v)
                    out[:, :, i, j] += x[:, :, row, column].astype(float) @ w[:, :, s, t].T
    return out + b[:, None, None]


def test_ex2_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for c, k, f, size in ((3, 4, 3, 8), (1, 2, 5, 6), (2, 1, 7, 9)):
            x, w, b = rng.normal(size=(2, c, size, size)), rng.normal(size=(k, c, f, f)), rng.normal(size=k)
            want = oracle_ex2(x, w, b)
            got = mirrored_conv(x.copy(), w.copy(), b.copy())
            expect_array(got, want.shape, "mirrored_conv")
            edge = f // 2
            inside = np.s_[:, :, edge:-edge, edge:-edge]
            expect_close(got[inside], want[inside], "mirrored_conv, away from the border", where="the filter is not flipped")
            expect_close(got, want, "mirrored_conv", where="the border: row −1 is row 1")


test_ex2_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex2_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): filters of even size, pictures that are not square, whole numbers, one picture, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex2_edges():
    name = "mirrored_conv"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        for p, q, h, v in ((2, 2, 5, 5), (4, 3, 6, 11), (1, 6, 1, 8), (2, 5, 9, 4)):
            x, w, b = rng.normal(size=(1, 2, h, v)), rng.normal(size=(3, 2, p, q)), rng.normal(size=3)
            got = mirrored_conv(x.copy(), w.copy(), b.copy())
            expect_array(got, (1, 3, h, v), f"{name} with filters of {p} × {q}", where="H and W, F_h and F_w may differ")
            expect_close(got, oracle_ex2(x, w, b), f"{name} with filters of {p} × {q}", where="(F − 1) // 2 before, F // 2 behind")
        x = rng.integers(0, 256, size=(2, 3, 6, 7)).astype(np.uint8)
        w, b = rng.integers(-2, 3, size=(2, 3, 3, 3)), rng.integers(-9, 9, size=2)
        kept = x.copy(), w.copy(), b.copy()
        got = mirrored_conv(x, w, b)
        expect_array(got, (2, 2, 6, 7), f"{name} of whole numbers")
        expect_close(got, oracle_ex2(*kept), f"{name} of whole numbers", where="uint8 wraps around at 256")
        expect_unchanged(kept, (x, w, b), name)
        floats = rng.normal(size=(1, 1, 4, 4)), rng.normal(size=(1, 1, 3, 3)), rng.normal(size=1)
        kept = tuple(a.copy() for a in floats)
        mirrored_conv(*floats)
        expect_unchanged(kept, floats, name)


test_ex2_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex3_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 3: Groups and strides
#
# *Objective O2, 14 points.*
#
# **What.** Write `grouped_conv(x, w, b, groups, stride, padding)`. The C channels are split, in order, into `groups` equal parts, and so are the K filters; the filters of part g see only the
# channels of part g. Zeros are added on all four sides (`padding` rows or columns each); the filter moves `stride` pixels at a time, down and to the right, as long as it fits entirely into the padded picture.
#
# **Why it matters.** With one group this is chapter 6's layer. With as many groups as channels, each filter sees a single channel; together with 1×1 filters that makes the cheap layers of networks for
# telephones. AlexNet used two groups because one GPU could not hold a layer.
#
# **Signature.** `x` (N, C, H, W) whole or floating point numbers, `w` (K, C / groups, F_h, F_w), `b` (K,), three whole numbers (`padding` may be 0) → (N, K, H', W') float64.
#
# **Example.** Two groups of one channel: the first filter doubles channel 0, the second triples channel 1. Stride 2 takes every other pixel.
#
# ```python
# >>> x = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]).reshape(1, 2, 1, 3)
# >>> grouped_conv(x, np.array([2.0, 3.0]).reshape(2, 1, 1, 1), np.zeros(2), groups=2, stride=2, padding=0)[0, :, 0]
# array([[ 2.,  6.],
#        [30., 90.]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Write it for one group first. A stride is a step in a slice: of all windows, which ones remain?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Then slices again: part g of the channels, part g of the filters, part g of the output. Test yourself: with filters that are
# zero in the right places, one group can imitate several.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex3_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grouped_conv(x, w, b, groups, stride, padding):
    """Convolution in groups, with stride and zero padding.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
    w : ndarray of shape (K, C / groups, F_h, F_w)
    b : ndarray of shape (K,)
    groups, stride, padding : int

    Returns
    -------
    ndarray of shape (N, K, H', W'), float64
    """
    ### BEGIN SOLUTION
    larger = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(larger, w.shape[2:], axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    parts = [
        np.einsum("nchwij,kcij->nkhw", part, filters, optimize=True)
        for part, filters in zip(np.split(windows, groups, axis=1), np.split(w, groups), strict=True)
    ]
    return np.concatenate(parts, axis=1) + b[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex3_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex3_visible():
    name = "grouped_conv"
    rng = np.random.default_rng(3)
    x, w, b = rng.normal(size=(2, 4, 9, 9)), rng.normal(size=(6, 4, 3, 3)), rng.normal(size=6)
    got = grouped_conv(x, w, b, groups=1, stride=2, padding=1)
    expect_array(got, (2, 6, 5, 5), name, where="(H + 2P − F) // S + 1 places, one channel for each filter")
    single = np.zeros((4, 1, 3, 3))
    single[:, 0, 1, 1] = 1
    copied = grouped_conv(x, single, np.zeros(4), groups=4, stride=1, padding=1)
    expect_close(copied, x, f"{name} in 4 groups, with filters that copy the pixel in their middle", where="each filter sees its own channel")
    raised = grouped_conv(x, single, np.arange(4.0), groups=4, stride=1, padding=1)
    expect_close(raised - copied, np.broadcast_to(np.arange(4.0)[:, None, None], x.shape), f"{name}, bias", where="one number for each filter")


test_ex3_visible()

# %% nbgrader={"grade": true, "grade_id": "ex3_values", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (7 points): several groups, strides and paddings.
### BEGIN HIDDEN TESTS
SEEDS = (3301, 3302, 3303)


def oracle_ex3(x, w, b, groups, stride, padding):
    (n, c, h, v), (k, part, p, q) = x.shape, w.shape
    rows, columns = (h + 2 * padding - p) // stride + 1, (v + 2 * padding - q) // stride + 1
    out = np.zeros((n, k, rows, columns)) + b[:, None, None]
    for f in range(k):
        first = (f // (k // groups)) * part
        for i in range(rows):
            for j in range(columns):
                for s in range(p):
                    for t in range(q):
                        row, column = i * stride + s - padding, j * stride + t - padding
                        if 0 <= row < h and 0 <= column < v:
                            out[:, f, i, j] += x[:, first : first + part, row, column].astype(float) @ w[f, :, s, t]
    return out


def test_ex3_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for c, k, groups, f, stride, padding in ((4, 6, 2, 3, 1, 1), (6, 3, 3, 3, 2, 1), (4, 8, 4, 5, 3, 2), (6, 4, 2, 1, 2, 0)):
            x, w, b = rng.normal(size=(2, c, 8, 8)), rng.normal(size=(k, c // groups, f, f)), rng.normal(size=k)
            got = grouped_conv(x.copy(), w.copy(), b.copy(), groups, stride, padding)
            what = f"grouped_conv with {groups} groups, stride {stride}, padding {padding}"
            expect_close(got, oracle_ex3(x, w, b, groups, stride, padding), what, where="which channels a filter sees; where the windows start")


test_ex3_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex3_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): pixels left over, pictures and filters that are not square, one group, whole numbers, one picture, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex3_edges():
    name = "grouped_conv"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        for (h, v), (p, q), stride, padding in (((7, 12), (2, 4), 3, 0), ((3, 5), (3, 5), 4, 0), ((1, 9), (3, 2), 2, 1)):
            for groups in (1, 2):
                x, w, b = rng.normal(size=(1, 4, h, v)), rng.normal(size=(2, 4 // groups, p, q)), rng.normal(size=2)
                got = grouped_conv(x.copy(), w.copy(), b.copy(), groups, stride, padding)
                want = oracle_ex3(x, w, b, groups, stride, padding)
                expect_array(got, want.shape, f"{name} of {h} × {v} pixels, filters of {p} × {q}, stride {stride}", where="pixels that are left over")
                expect_close(got, want, f"{name} of {h} × {v} pixels, filters of {p} × {q}, stride {stride}")
        x = rng.integers(0, 256, size=(2, 4, 6, 6)).astype(np.uint8)
        w, b = rng.integers(-3, 4, size=(4, 2, 3, 3)), rng.integers(-5, 5, size=4)
        kept = x.copy(), w.copy(), b.copy()
        got = grouped_conv(x, w, b, 2, 1, 0)
        expect_array(got, (2, 4, 4, 4), f"{name} of whole numbers")
        expect_close(got, oracle_ex3(*kept, 2, 1, 0), f"{name} of whole numbers", where="uint8 wraps around at 256")
        expect_unchanged(kept, (x, w, b), name)
        floats = rng.normal(size=(1, 2, 4, 4)), rng.normal(size=(2, 1, 2, 2)), rng.normal(size=2)
        kept = tuple(a.copy() for a in floats)
        grouped_conv(*floats, 2, 1, 0)
        expect_unchanged(kept, floats, name)


test_ex3_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex4_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 4: The way back
#
# *Objective O3, 16 points.*
#
# **What.** Write `grouped_conv_backward(dout, x, w, groups, stride, padding)`, the backward pass of exercise 3. `dout` holds $\partial L / \partial \text{out}$, one number for
# each number that `grouped_conv` gives; return $\partial L / \partial x$, $\partial L / \partial w$ and $\partial L / \partial b$, each in the shape of what it belongs to. Nothing is divided by N.
#
# **Why it matters.** This is what runs when PyTorch says `loss.backward()`, three times as expensive as the forward pass. Whoever has written it once is not
# afraid of any layer's gradient again: write the forward pass as a sum, ask in which terms a number occurs, add up.
#
# **Signature.** `dout` (N, K, H', W'), `x` (N, C, H, W), `w` (K, C / groups, F_h, F_w), three whole numbers → (`dx`, `dw`, `db`): float64 arrays of shapes (N, C, H, W), (K, C / groups, F_h, F_w) and (K,).
#
# **Example.** One pixel, one weight: out = w · x + b.
#
# ```python
# >>> one = np.ones((1, 1, 1, 1))
# >>> dx, dw, db = grouped_conv_backward(5 * one, 3 * one, 2 * one, groups=1, stride=1, padding=0)
# >>> float(dx[0, 0, 0, 0]), float(dw[0, 0, 0, 0]), float(db[0])
# (10.0, 15.0, 5.0)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Take one weight, w[k, c, s, t]. With which pixels is it multiplied? A slice of the padded picture that begins at (s, t) and
# goes in steps of the stride, as often as the output has places. Each product adds to an output whose derivative you know: that gives `dw`, and the same slice, seen from the pixels' side, gives `dx`.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A pixel lies in several windows: its derivatives add up. Collect them in an array as large as the padded picture and cut the border off in the end. `a[p:-p]` is a trap for
# one value of p.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# Check yourself: pick any `dout`, let L be the sum of `dout * grouped_conv(...)`, change one number of x, w or b by 1e-5 in both directions,
# and compare.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex4_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    """Backward pass of a convolution in groups, with stride and zero padding.

    Parameters
    ----------
    dout : ndarray of shape (N, K, H', W')
    x : ndarray of shape (N, C, H, W)
    w : ndarray of shape (K, C / groups, F_h, F_w)
    groups, stride, padding : int

    Returns
    -------
    dx : ndarray of shape (N, C, H, W), float64
    dw : ndarray of shape (K, C / groups, F_h, F_w), float64
    db : ndarray of shape (K,), float64
    """
    ### BEGIN SOLUTION
    rows, columns = dout.shape[2:]
    larger = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    d_larger, dw = np.zeros(larger.shape), np.zeros(w.shape)
    channels, filters = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], larger[place], optimize=True)
                d_larger[place] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t], optimize=True)
    height, width = x.shape[2:]
    dx = d_larger[:, :, padding : padding + height, padding : padding + width]
    return dx, dw, dout.sum(axis=(0, 2, 3), dtype=np.float64)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex4_visible", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_ex4_visible():
    name = "grouped_conv_backward"
    rng = np.random.default_rng(4)
    x, w, dout = rng.normal(size=(2, 4, 6, 6)), rng.normal(size=(6, 4, 3, 3)), rng.normal(size=(2, 6, 6, 6))
    result = grouped_conv_backward(dout, x, w, groups=1, stride=1, padding=1)
    expect(isinstance(result, tuple) and len(result) == 3, name, "three results were expected", "return dx, dw, db")
    for got, like, which in zip(result, (x, w, np.zeros(6)), ("dx", "dw", "db"), strict=True):
        expect_array(got, like.shape, f"{name}, {which}", where="the shape of what it belongs to")
    dx, dw, db = result
    expect_close((dx * x).sum(), (dw * w).sum(), f"{name}, the sums of dx · x and of dw · w", where="both are L, the sum of dout · out, which is linear in x and in w")
    expect_close(db.sum(), dout.sum(), f"{name}, the sum of db", where="each number of out holds one b, and nothing is divided by N")
    twice = grouped_conv_backward(2 * dout, x, w, groups=1, stride=1, padding=1)
    for got, double, which in zip(result, twice, ("dx", "dw", "db"), strict=True):
        expect_close(double, 2 * got, f"{name}, {which}, with dout doubled", where="derivatives are proportional to dout")
    nothing = grouped_conv_backward(dout, x, np.zeros_like(w), groups=1, stride=1, padding=1)
    expect_close(nothing[0], np.zeros_like(x), f"{name}, dx, with weights 0", where="dx is made of dout and w")
    expect_close(nothing[1], result[1], f"{name}, dw, with weights 0", where="dw is made of dout and x")


test_ex4_visible()

# %% nbgrader={"grade": true, "grade_id": "ex4_values", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (8 points): the three derivatives, for several groups, strides and paddings.
### BEGIN HIDDEN TESTS
SEEDS = (3401, 3402, 3403)


def oracle_ex4(dout, x, w, groups, stride, padding):
    (n, c, h, v), (k, part, p, q) = x.shape, w.shape
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for f in range(k):
        first = (f // (k // groups)) * part
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                for s in range(p):
                    for t in range(q):
                        row, column = i * stride + s - padding, j * stride + t - padding
                        if 0 <= row < h and 0 <= column < v:
                            here = np.s_[:, first : first + part, row, column]
                            dw[f, :, s, t] += dout[:, f, i, j] @ x[here].astype(float)
                            dx[here] += dout[:, f, i, j][:, None] * w[f, :, s, t]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def compare_ex4(arguments, what, where):
    result = grouped_conv_backward(*arguments)
    expect(len(result) == 3, "grouped_conv_backward", "three results were expected", "return dx, dw, db")
    for got, want, which in zip(result, oracle_ex4(*arguments), ("dx", "dw", "db"), strict=True):
        expect_array(got, want.shape, f"{which} {what}", where="the shape of what it belongs to")
        expect_close(got, want, f"{which} {what}", where=where)


def test_ex4_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for c, k, groups, f, stride, padding, size in ((4, 6, 2, 3, 1, 1, 6), (3, 2, 1, 3, 2, 1, 7), (4, 8, 4, 2, 2, 0, 6), (6, 3, 3, 5, 3, 2, 8)):
            places = (size + 2 * padding - f) // stride + 1
            dout = rng.normal(size=(2, k, places, places))
            x, w = rng.normal(size=(2, c, size, size)), rng.normal(size=(k, c // groups, f, f))
            what = f"with {groups} groups, stride {stride}, padding {padding}"
            compare_ex4((dout, x, w, groups, stride, padding), what, "in which products a number occurs")


test_ex4_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex4_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): pixels left over, pictures and filters that are not square, whole numbers, one picture, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex4_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        for (h, v), (p, q), stride, padding in (((8, 11), (2, 4), 3, 0), ((3, 5), (3, 5), 4, 0), ((2, 9), (3, 2), 2, 1)):
            rows, columns = (h + 2 * padding - p) // stride + 1, (v + 2 * padding - q) // stride + 1
            dout = rng.normal(size=(1, 2, rows, columns))
            x, w = rng.normal(size=(1, 4, h, v)), rng.normal(size=(2, 2, p, q))
            compare_ex4((dout, x, w, 2, stride, padding), f"of {h} × {v} pixels, stride {stride}", "pixels that no window covers have derivative 0")
        whole = rng.integers(0, 9, size=(2, 2, 4, 4)), rng.integers(0, 256, size=(2, 2, 4, 4)).astype(np.uint8), rng.integers(-3, 4, size=(2, 1, 1, 1))
        for arguments in (whole, (rng.normal(size=(2, 2, 4, 4)), rng.normal(size=(2, 2, 4, 4)), rng.normal(size=(2, 1, 1, 1)))):
            kept = tuple(a.copy() for a in arguments)
            compare_ex4((*arguments, 2, 1, 0), "of whole numbers and single weights", "uint8 wraps around at 256")
            expect_unchanged(kept, arguments, "grouped_conv_backward")


test_ex4_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex5_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 5: A filter that falls apart
#
# *Objective O5, 10 points.*
#
# **What.** Some filters are the outer product of a column and a row: the blur
# $\begin{pmatrix}1&2&1\\2&4&2\\1&2&1\end{pmatrix}$ is $(1, 2, 1)^\top (1, 2, 1)$. Write `separate(kernel)`: it finds such a pair, or says that there is none.
#
# 1. Return (`column`, `row`) with `np.outer(column, row)` equal to the kernel, both of the same Euclidean length. (Either sign is right, as long as the product is.)
# 2. Return `None` if there is no such pair. What differs by rounding alone counts as equal: up to $10^{-8}$ of the kernel's largest absolute value, however large or small that is.
# 3. A kernel of zeros gives two arrays of zeros.
#
# **Why it matters.** Convolving with the column and then with the row gives the same picture with 2F instead of F² multiplications a pixel: 18 instead of 81 for a 9×9 blur. Stacks of small filters, and the grouped layers
# of exercise 3, live off the same idea.
#
# **Signature.** `kernel` (F_h, F_w) whole or floating point numbers → a tuple of float64 arrays of shapes (F_h,) and (F_w,), or `None`.
#
# **Example.**
#
# ```python
# >>> column, row = separate(np.array([[1, 2], [2, 4]]))
# >>> np.outer(column, row).round(6)
# array([[1., 2.],
#        [2., 4.]])
# >>> print(separate(np.array([[1, 0], [0, 1]])))
# None
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# All rows of an outer product are multiples of one row. Which row of the kernel is safe to start from? What if the first one is zero?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Linear algebra has a word for such matrices, and NumPy a decomposition (`np.linalg.svd`) that shows how far a matrix is from being one. How do the scale of the kernel and the tolerance go together?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex5_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def separate(kernel):
    """Write a filter as the outer product of a column and a row.

    Parameters
    ----------
    kernel : ndarray of shape (F_h, F_w)

    Returns
    -------
    tuple of ndarray of shapes (F_h,) and (F_w,), or None
    """
    ### BEGIN SOLUTION
    kernel = np.asarray(kernel, dtype=np.float64)
    scale = np.abs(kernel).max()
    if scale == 0:
        return np.zeros(kernel.shape[0]), np.zeros(kernel.shape[1])
    u, s, vt = np.linalg.svd(kernel / scale)
    column, row = u[:, 0] * np.sqrt(s[0] * scale), vt[0] * np.sqrt(s[0] * scale)
    if np.abs(np.outer(column, row) - kernel).max() > 1e-8 * scale:
        return None
    return column, row
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex5_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex5_visible():
    name = "separate"
    kernel = np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0])  # Sobel's filter for upright edges
    result = separate(kernel)
    expect(isinstance(result, tuple) and len(result) == 2, name, "a column and a row were expected", "return column, row")
    expect_array(result[0], (3,), f"{name}, column", where="one-dimensional")
    expect_array(result[1], (3,), f"{name}, row", where="one-dimensional")
    expect_close(np.outer(*result), kernel, f"{name}, the outer product of both", where="rule 1", atol=1e-6)


test_ex5_visible()

# %% nbgrader={"grade": true, "grade_id": "ex5_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): pairs that multiply to the kernel, of one length; None where there is no pair.
### BEGIN HIDDEN TESTS
SEEDS = (3501, 3502, 3503)


def compare_ex5(kernel, what):
    result = separate(kernel)
    expect(result is not None, "separate", f"{what} was not taken apart", "rules 1 and 2")
    column, row = result
    scale = float(np.abs(kernel).max())
    expect_array(column, (kernel.shape[0],), f"column of {what}", where="one-dimensional")
    expect_array(row, (kernel.shape[1],), f"row of {what}", where="one-dimensional")
    expect_close(np.outer(column, row) / scale, kernel / scale, f"outer product for {what}", where="rule 1", atol=1e-7)
    lengths = np.sqrt((column**2).sum()), np.sqrt((row**2).sum())
    expect_close(lengths[0] / lengths[1], 1.0, f"ratio of lengths for {what}", where="both have the same length", rtol=1e-5)


def test_ex5_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for h, v in ((3, 3), (5, 5), (4, 4)):
            column, row = rng.uniform(0.5, 2, size=h) * rng.choice([-1, 1], size=h), rng.uniform(0.5, 2, size=v)
            compare_ex5(np.outer(column, row), f"a {h} × {v} kernel")
            broken = np.outer(column, row)
            broken[rng.integers(h), rng.integers(v)] += 0.01
            expect(separate(broken) is None, "separate", "a kernel that is no outer product was taken apart", "rule 2")
            expect(separate(rng.normal(size=(h, v))) is None, "separate", "a kernel of random numbers was taken apart", "rule 2")


test_ex5_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex5_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): first rows of zeros, tiny and huge kernels, whole numbers, kernels that are not square, zeros only, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex5_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        column, row = rng.uniform(0.5, 2, size=5), rng.uniform(0.5, 2, size=3)
        column[0] = row[0] = 0
        compare_ex5(np.outer(column, row), "a kernel whose first row and column are zero")
        compare_ex5(-np.outer(column[1:], row[1:]), "a negative kernel that is not square")
        compare_ex5(np.outer([1, 2, 1], [1, 0, -1]) * int(rng.integers(1, 9)), "a kernel of whole numbers")
        compare_ex5(np.array([[-3.0]]), "a single weight")
        for scale in (1e-12, 1e12):
            compare_ex5(scale * np.outer(rng.uniform(1, 2, size=3), rng.uniform(1, 2, size=4)), f"a kernel around {scale:g}")
            broken = scale * np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0])
            broken[1, 1] += scale * 1e-4
            expect(separate(broken) is None, "separate", f"a kernel around {scale:g} that is no outer product was taken apart", "rule 2: relative to the kernel")
        kernel = rng.normal(size=(3, 3))
        kept = kernel.copy()
        separate(kernel)
        expect_unchanged([kept], [kernel], "separate")
    zeros = separate(np.zeros((3, 2)))
    expect(zeros is not None, "separate", "a kernel of zeros gave None", "rule 3")
    expect_close(zeros[0], np.zeros(3), "column of a kernel of zeros", where="rule 3")
    expect_close(zeros[1], np.zeros(2), "row of a kernel of zeros", where="rule 3")


test_ex5_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex6_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 6: Averages of what is there
#
# *Objective O4, 12 points.*
#
# **What.** Write `average_pool(x, size, stride, padding)` and its backward pass `average_pool_backward(dout, shape, size, stride, padding)`. A window of `size` × `size` moves `stride` pixels at a time over
# the picture with `padding` rows or columns added on all four sides, as long as it fits entirely. Each output is the mean of **those pixels of the window that lie in the picture**: the padding is not counted, neither in the sum nor in the
# number that divides it.
#
# **Why it matters.** Counting the padding as zeros darkens the rim of every feature map, layer after layer. PyTorch's default does count it (`count_include_pad`); networks have been ported from one framework to another and
# lost accuracy over this.
#
# **Signature.** `x` (N, C, H, W) whole or floating point numbers, three whole numbers with 2 · `padding` ≤ `size` (no window lies outside entirely) → (N, C, H', W') float64. `dout` (N, C, H', W') and `shape` = (N, C, H, W) →
# ∂L/∂x, (N, C, H, W) float64.
#
# **Example.** Windows of 2×2 on 2×2 pixels with padding 1: at the corners one pixel each, in between two, in the middle all four.
#
# ```python
# >>> average_pool(np.array([[1.0, 3.0], [5.0, 7.0]]).reshape(1, 1, 2, 2), size=2, stride=1, padding=1)[0, 0]
# array([[1., 2., 3.],
#        [3., 4., 5.],
#        [5., 6., 7.]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# How many pixels of each window lie in the picture? The same sliding window that adds up the pixels can count them: what would it have to slide over?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Backward: every pixel of a window receives an equal share of its derivative. Windows may overlap, and some pixels may lie in none.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex6_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def average_pool(x, size, stride, padding):
    """Mean of the pixels of each window that lie in the picture.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
    size, stride, padding : int

    Returns
    -------
    ndarray of shape (N, C, H', W'), float64
    """
    ### BEGIN SOLUTION
    return window_sums(x, size, stride, padding) / window_sums(np.ones((1, 1, *x.shape[2:])), size, stride, padding)
    ### END SOLUTION


def average_pool_backward(dout, shape, size, stride, padding):
    """Backward pass of `average_pool`.

    Parameters
    ----------
    dout : ndarray of shape (N, C, H', W')
    shape : tuple of int
        (N, C, H, W)
    size, stride, padding : int

    Returns
    -------
    ndarray of shape (N, C, H, W), float64
    """
    ### BEGIN SOLUTION
    height, width = shape[2:]
    rows, columns = dout.shape[2:]
    share = dout / window_sums(np.ones((1, 1, height, width)), size, stride, padding)
    larger = np.zeros((*shape[:2], height + 2 * padding, width + 2 * padding))
    for s in range(size):
        for t in range(size):
            larger[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += share
    return larger[:, :, padding : padding + height, padding : padding + width]


def window_sums(x, size, stride, padding):
    border = (padding, padding)
    larger = np.pad(x.astype(np.float64), ((0, 0), (0, 0), border, border))
    windows = np.lib.stride_tricks.sliding_window_view(larger, (size, size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].sum(axis=(4, 5))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex6_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex6_visible():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2, 3, 8, 8))
    got = average_pool(x, 2, 2, 0)
    expect_array(got, (2, 3, 4, 4), "average_pool", where="(H + 2P − F) // S + 1 places, as many channels as came in")
    expect_close(got.mean(), x.mean(), "mean of average_pool without padding or overlap", where="the number that divides")
    flat = average_pool(np.full((1, 1, 6, 6), 5.0), 3, 2, 1)
    expect_close(flat, np.full((1, 1, 3, 3), 5.0), "average_pool of a picture without any structure", where="the padding is not counted")
    dx = average_pool_backward(np.ones((2, 3, 4, 4)), x.shape, 2, 2, 0)
    expect_array(dx, (2, 3, 8, 8), "average_pool_backward", where="the shape of x")
    expect_close(dx.sum(), 96.0, "sum of average_pool_backward", where="the shares of a window add up to its derivative")


test_ex6_visible()

# %% nbgrader={"grade": true, "grade_id": "ex6_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): forward and backward, with overlap and padding.
### BEGIN HIDDEN TESTS
SEEDS = (3601, 3602, 3603)


def windows_ex6(shape, size, stride, padding):
    h, v = shape[2:]
    for i in range((h + 2 * padding - size) // stride + 1):
        for j in range((v + 2 * padding - size) // stride + 1):
            top, left = i * stride - padding, j * stride - padding
            yield i, j, np.s_[:, :, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]


def oracle_ex6(x, size, stride, padding):
    h, v = x.shape[2:]
    out = np.zeros((*x.shape[:2], (h + 2 * padding - size) // stride + 1, (v + 2 * padding - size) // stride + 1))
    for i, j, window in windows_ex6(x.shape, size, stride, padding):
        out[:, :, i, j] = x[window].astype(float).mean(axis=(2, 3))
    return out


def oracle_back_ex6(dout, shape, size, stride, padding):
    dx = np.zeros(shape)
    for i, j, window in windows_ex6(shape, size, stride, padding):
        count = dx[window].shape[2] * dx[window].shape[3]
        dx[window] += dout[:, :, i, j][:, :, None, None] / count
    return dx


def compare_ex6(x, size, stride, padding, rng, what):
    want = oracle_ex6(x, size, stride, padding)
    got = average_pool(x, size, stride, padding)
    expect_array(got, want.shape, f"average_pool {what}")
    expect_close(got, want, f"average_pool {what}", where="the mean of what lies in the picture")
    dout = rng.normal(size=want.shape)
    dx = average_pool_backward(dout, x.shape, size, stride, padding)
    expect_array(dx, x.shape, f"average_pool_backward {what}", where="the shape of x")
    expect_close(dx, oracle_back_ex6(dout, x.shape, size, stride, padding), f"average_pool_backward {what}", where="equal shares, added up over windows")


def test_ex6_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for size, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 2, 2)):
            compare_ex6(rng.normal(size=(2, 3, 8, 8)), size, stride, padding, rng, f"with size {size}, stride {stride}, padding {padding}")


test_ex6_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex6_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): pixels left over, gaps between windows, pictures that are not square, whole numbers, one picture, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex6_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        for (h, v), size, stride, padding in (((7, 10), 3, 2, 0), ((5, 9), 2, 3, 1), ((1, 6), 2, 1, 1), ((4, 4), 4, 1, 0)):
            compare_ex6(rng.normal(size=(1, 2, h, v)), size, stride, padding, rng, f"of {h} × {v} pixels, size {size}, stride {stride}")
        whole = rng.integers(0, 256, size=(2, 1, 5, 6)).astype(np.uint8)
        kept = whole.copy()
        compare_ex6(whole, 3, 1, 1, rng, "of whole numbers")
        expect_unchanged([kept], [whole], "average_pool")
        dout = rng.normal(size=(1, 1, 2, 2))
        kept = dout.copy()
        average_pool_backward(dout, (1, 1, 4, 4), 2, 2, 0)
        expect_unchanged([kept], [dout], "average_pool_backward")


test_ex6_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex7_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 7: A gradient that is shared
#
# *Objectives O3 and O4, 8 points.*
#
# **What.** Max pooling keeps the largest pixel of each window. Where two pixels of a window are equally large its derivative does not exist; PyTorch then sends everything to the first of them. Write
# `max_pool_backward(dout, x, size, stride)` with the fair rule: a window's derivative is divided **equally among all of its largest pixels**. No padding; windows may overlap; the ones that don't fit entirely are left out.
#
# **Why it matters.** Ties are not rare: after a ReLU whole windows are zero, and on an even surface all pixels are alike. A rule that always favours the first pixel pushes every
# feature map gently up and to the left.
#
# **Signature.** `dout` (N, C, H', W'), `x` (N, C, H, W) whole or floating point numbers, two whole numbers → ∂L/∂x, (N, C, H, W) float64.
#
# **Example.** One window whose maximum, 4, occurs twice.
#
# ```python
# >>> x = np.array([[4.0, 1.0], [0.0, 4.0]]).reshape(1, 1, 2, 2)
# >>> max_pool_backward(np.full((1, 1, 1, 1), 6.0), x, size=2, stride=2)[0, 0]
# array([[3., 0.],
#        [0., 3.]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Forward first: compute the maximum of each window. Then go through the size × size places inside a window once more: at which windows does this place hold the maximum?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Count the largest pixels of each window before you share. With overlap, a pixel can be the largest of several windows.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex7_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool_backward(dout, x, size, stride):
    """Backward pass of max pooling; equal maxima share equally.

    Parameters
    ----------
    dout : ndarray of shape (N, C, H', W')
    x : ndarray of shape (N, C, H, W)
    size, stride : int

    Returns
    -------
    ndarray of shape (N, C, H, W), float64
    """
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    largest = windows == windows.max(axis=(4, 5), keepdims=True)
    share = dout / largest.sum(axis=(4, 5))
    dx = np.zeros(x.shape)
    rows, columns = dout.shape[2:]
    for s in range(size):
        for t in range(size):
            here = np.s_[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride]
            dx[here] += largest[..., s, t] * share
    return dx
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex7_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex7_visible():
    name = "max_pool_backward"
    rng = np.random.default_rng(7)
    x, dout = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(2, 3, 3, 3))
    dx = max_pool_backward(dout, x, 2, 2)
    expect_array(dx, (2, 3, 6, 6), name, where="the shape of x")
    expect((np.count_nonzero(dx, axis=(2, 3)) == 9).all(), name, "without ties one pixel of each window gets a derivative", "the others get 0")
    expect_close(dx.sum(axis=(2, 3)), dout.sum(axis=(2, 3)), f"{name}, sum", where="nothing is lost and nothing invented")


test_ex7_visible()

# %% nbgrader={"grade": true, "grade_id": "ex7_values", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): with and without ties and overlap.
### BEGIN HIDDEN TESTS
SEEDS = (3701, 3702, 3703)


def oracle_ex7(dout, x, size, stride):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        places = [(i * stride + s, j * stride + t) for s in range(size) for t in range(size)]
        top = max(x[n, c, row, column] for row, column in places)
        winners = [place for place in places if x[n, c, place[0], place[1]] == top]
        for row, column in winners:
            dx[n, c, row, column] += dout[n, c, i, j] / len(winners)
    return dx


def compare_ex7(x, size, stride, rng, what):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    dout = rng.normal(size=(*x.shape[:2], rows, columns))
    kept = dout.copy(), x.copy()
    dx = max_pool_backward(dout, x, size, stride)
    expect_array(dx, x.shape, f"max_pool_backward {what}", where="the shape of x")
    expect_close(dx, oracle_ex7(*kept, size, stride), f"max_pool_backward {what}", where="who is largest, how often, and in how many windows")
    expect_unchanged(kept, (dout, x), "max_pool_backward")


def test_ex7_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        compare_ex7(rng.normal(size=(2, 2, 8, 8)), 2, 2, rng, "without ties")
        compare_ex7(rng.normal(size=(2, 2, 7, 7)), 3, 1, rng, "with overlap")
        compare_ex7(np.maximum(rng.normal(size=(2, 2, 8, 8)) - 0.8, 0), 2, 2, rng, "after a ReLU")


test_ex7_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex7_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): negative pixels, pixels left over, gaps, whole numbers, ties with overlap, one picture.
### BEGIN HIDDEN TESTS
def test_ex7_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        compare_ex7(-1 - rng.random(size=(1, 2, 7, 9)), 2, 2, rng, "of negative pixels, with pixels left over")
        compare_ex7(rng.normal(size=(1, 1, 8, 11)), 2, 3, rng, "with gaps between windows")
        compare_ex7(rng.integers(0, 3, size=(1, 3, 6, 7)).astype(np.uint8), 3, 2, rng, "of whole numbers with ties and overlap")
        compare_ex7(np.full((1, 1, 4, 4), -2.5), 4, 1, rng, "of an even surface")
        compare_ex7(rng.integers(-2, 1, size=(2, 1, 5, 5)), 1, 1, rng, "with windows of one pixel")


test_ex7_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex8_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 8: Find the plus
#
# *Objective O5, 8 points.*
#
# **What.** Each of the pictures below holds one plus sign among crosses, upright and level bars, under uneven light and noise. Write `find_plus(pictures)`: the place of each plus sign's middle. It is marked by the
# share of pictures, drawn for the occasion, in which your place is at most one pixel off in both directions.
#
# | found on unseen pictures | points |
# |---|---|
# | at least 50 % | 3 |
# | at least 90 % | 3 more |
#
# Crosses and bars can be three times as bright as the plus. The brightest pixel finds next to none, and the best single filter that we tried about 26 %.
#
# **Why it matters.** A filter is a question asked at every place: is what I look for here? Before networks learned their filters, people designed them, and the two rules they found are still the ones
# that learned filters follow: look for the pattern *and against what is confused with it*, and let the weights sum to zero so that brightness alone is no answer. What one filter cannot say, a few filters and something that is not linear can: the subject of the next chapter.
#
# **Signature.** `pictures` (N, 32, 32) float64 between 0 and 1 → (N, 2) whole numbers: row and column of each plus sign's middle, which is at least 3 pixels away from the border. The same input gives the same answer, and a picture's
# answer does not depend on which others come with it.
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# The plus is five pixels high and wide. Write down a 5×5 filter that is positive on it and negative elsewhere, with weights that sum to zero. What does it answer to a bar that is three times as bright? Why can no choice of weights help, when a plus is two bars laid across each other?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A sum can be large because one part is very bright. Two or four questions, each about a part of the plus, that must *all* be answered (take the smallest answer) are harder to fool than one. And what surrounds the arms should be dark.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex8_draw", "locked": true, "schema_version": 3, "solution": false, "task": false}
def draw_scenes(n, seed):
    """Draw pictures (n, 32, 32) with one plus sign each, and the places (n, 2) of the signs' middles."""
    rng = np.random.default_rng(seed)
    plus, cross, upright, level = np.zeros((4, 5, 5))
    plus[2, :] = plus[:, 2] = upright[:, 2] = level[2, :] = 1
    cross[range(5), range(5)] = cross[range(5), range(4, -1, -1)] = 1
    signs = [plus, cross, cross, upright, upright, level, level, level]
    pictures, places = np.zeros((n, 32, 32)), np.zeros((n, 2), dtype=np.int64)
    ramp = np.linspace(0, 1, 32)
    for picture, place in zip(pictures, places, strict=True):
        across, down = rng.uniform(-0.15, 0.15, size=2)
        picture += rng.uniform(0.15, 0.3) + across * ramp + down * ramp[:, None]
        cells = rng.permutation(16)[:8]  # a grid of 4 × 4 cells of 7 × 7 pixels each: signs don't overlap
        for number, (sign, cell) in enumerate(zip(signs, cells, strict=True)):
            row, column = 2 + 7 * (cell // 4) + rng.integers(0, 3), 2 + 7 * (cell % 4) + rng.integers(0, 3)
            strength = rng.uniform(0.2, 0.3) if number == 0 else rng.uniform(0.2, 0.6)
            picture[row : row + 5, column : column + 5] += strength * sign
            if number == 0:
                place[:] = row + 2, column + 2
        picture += 0.05 * rng.standard_normal((32, 32))
    return pictures.clip(0, 1), places


# %%
# Not marked, yours to change: what the scenes look like.
from course_utils.plots import show_images

scenes, places = draw_scenes(10, seed=1)
show_images(np.repeat(scenes[..., None], 3, axis=3), columns=5)

# %% nbgrader={"grade": false, "grade_id": "ex8_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def find_plus(pictures):
    """Find the middle of the plus sign in each picture.

    Parameters
    ----------
    pictures : ndarray of shape (N, 32, 32)

    Returns
    -------
    ndarray of shape (N, 2), integers
    """
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))  # (N, 28, 28, 5, 5)
    before, middle, behind = slice(0, 2), 2, slice(3, 5)
    arms = [windows[..., before, middle], windows[..., behind, middle], windows[..., middle, before], windows[..., middle, behind]]
    corners = [windows[..., i, j] for i in (before, behind) for j in (before, behind)]
    weakest_arm = np.min([arm.mean(axis=-1) for arm in arms], axis=0)
    brightest_corner = np.max([corner.mean(axis=(-1, -2)) for corner in corners], axis=0)
    answer = weakest_arm - brightest_corner  # (N, 28, 28)
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 28, best % 28], axis=1) + 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex8_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex8_visible():
    name = "find_plus"
    pictures, _ = draw_scenes(20, seed=8)
    kept = pictures.copy()
    got = find_plus(pictures)
    expect_array(got, (20, 2), name, kind="i", where="row and column for each picture")
    expect(((got >= 0) & (got < 32)).all(), name, "a place lies outside the picture", "rows and columns are 0 … 31")
    expect_unchanged([kept], [pictures], name)
    expect_equal(find_plus(pictures[5:6]), got[5:6], f"{name} of a single picture", where="the answer must not depend on other pictures")
    easy = 0.3 + 0.01 * np.random.default_rng(8).standard_normal((1, 32, 32))
    easy[0, 10, 18:23] = easy[0, 8:13, 20] = 0.6  # one plus on an even ground, its middle at (10, 20)
    far = np.abs(find_plus(easy)[0] - [10, 20]).max()
    expect(far <= 1, name, "a plus that stands alone was not found", "row and column of the plus's middle, not of a window's corner")


test_ex8_visible()

# %% nbgrader={"grade": true, "grade_id": "ex8_values", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): at least 50 % found.
### BEGIN HIDDEN TESTS
SCENES_SEED = 0x7B1E93C54AD2F08612E7C9A35F4D80B6
LOW, HIGH = 0.50, 0.90
FOUND = 0.0


def hidden_share():
    scenes, places = draw_scenes(500, SCENES_SEED)
    got = find_plus(scenes)
    expect_array(got, (500, 2), "find_plus", kind="i", where="row and column for each picture")
    return float((np.abs(got - places) <= 1).all(axis=1).mean())


FOUND = hidden_share()  # measured once, for this cell and the next
expect(FOUND >= LOW, "find_plus", "fewer plus signs were found than the first threshold asks for", "a bright bar must not be enough")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex8_high", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): at least 90 % found.
### BEGIN HIDDEN TESTS
expect(FOUND >= HIGH, "find_plus", "fewer plus signs were found than the second threshold asks for", "all arms bright, their surroundings dark")
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex9_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 9: In your own words
#
# *Objectives O1, O3 and O5, 10 points, read and marked by a person.* About 400 words in all, tables apart.
#
# 1. (4 points) A layer has 64 filters of 3×3 on 64 channels (the 3×3 layers here with padding 1). Replace it by a 3×3 layer in 64 groups followed by 64 filters of 1×1. Use your `describe_stack` for 64 channels of 32 × 32: give parameters and multiplications of both, and
#    their ratio. Then say what the pair *cannot* compute that the one layer can. (A drawing or a small example helps.)
# 2. (3 points) In exercise 4 with stride 2 and padding 0, some pixels may get derivative 0 whatever `dout` is. Which ones, and when? What does that mean for the training of whatever produced these pixels?
# 3. (3 points) Look at pictures in which your `find_plus` is wrong (or, if there are none, lower the strength of the plus in a copy of `draw_scenes` until there are). What do your filters see there? Name one change that would help, and one kind of picture it would harm.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex9_answer", "locked": false, "points": 10, "schema_version": 3, "solution": true, "task": false}
# **Rubric (for the person who marks; the release shows an empty answer here).**
#
# 1. Four points: one for the numbers of the one layer (36,928 parameters; 36,864 · 1,024 = 37,748,736 multiplications with padding 1); one for those of the pair (640 + 4,160 = 4,800 parameters; (576 + 4,096) · 1,024 = 4,784,128 multiplications)
#    and a ratio near 7.9; numbers for padding 0 (30 × 30 places) are as good. Two for what is lost: in the pair each input channel is filtered in one way only, so the 3×3 pattern in which a channel enters an output is the same for all outputs up to a factor (one point for
#    the idea, one for saying it precisely or with an example: "vertical edges of channel 1 in output 1 and horizontal edges of channel 1 in output 2").
# 2. Three points: one for "those that no window covers"; one for when: the last row or column if H − F is odd (with F ≥ 2), and with F = 1 every other row and column; one for the consequence: what computed them gets no signal through these places,
#    learns nothing from them (weights shared over places still learn from the others).
# 3. Three points: one for a real case with what the filter answers there (a bright cross beside noise, two bars end to end); one for a change that follows from it; one for an honest drawback.
#
# Half points are fine. Don't take marks off for English.
