# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# (chap-convolution)=
# # Convolution
#
# One small template, asked the same question at every place of a picture: nine weights in place of a million, and an
# answer that moves along when the object does.
#
# **What you will be able to do**
#
# 1. compute a cross-correlation and a convolution by hand, and say which one networks use and why it does not matter to them;
# 2. predict what an edge filter answers, and read its response map;
# 3. show that a filter's response moves with the picture, and that no other linear operation does so;
# 4. choose stride, padding and dilation, and know the size of the output and the number of parameters before you run anything;
# 5. write the layer forward and backward, from seven loops to one matrix product, with each step equal to the one before and the
#    last equal to PyTorch;
# 6. say how fast it is as a fraction of what the machine can do, and where the rest goes;
# 7. let a filter be learned from examples.
#
# **What you need**: [chapter 3](03_linear_classifiers.ipynb) (templates, gradients and how to check them), the chain rule, and a pencil
# for the first worked example.

# %%
from course_utils import results

print(results.run_time_note("06_convolution"))

# %%
import time
from concurrent.futures import ThreadPoolExecutor
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Polygon, Rectangle
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

from course_utils import interactive, plots
from course_utils.data import class_names, load, to_grayscale
from course_utils.gradcheck import numerical_gradient

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# (sec-conv-idea)=
# ## A template that moves
#
# The classifiers of the first chapters had one thing in common: they treated a picture as a list of numbers. Chapter 2 shuffled
# the pixels of all pictures alike, and no distance changed. Chapter 3 moved a truck by a few pixels, and the
# linear classifier changed its mind. Both point at what was thrown away. A picture is not a list. It is a *grid*, and two things hold for
# nearly every grid that a camera produces:
#
# - **Neighbours belong together.** An edge, a wheel rim, a bird's eye: whatever there is to see is made of pixels that lie next to each other.
# - **Things may be anywhere.** A wheel in the lower left corner is the same kind of thing as a wheel in the middle.
#
# So let us build a detector that respects both. Take a template, but make it *small*, three by three pixels, so that it looks at
# neighbours only. And instead of fixing it at one place, slide it over the picture and ask its question *everywhere*. The answers form a picture of their own.
#
# ### The definition, by hand
#
# Lay the small template $w$, called a **filter** or **kernel**, on the picture $x$ with its upper left corner at row $i$ and column $j$. Multiply each pixel by the
# weight that lies on it, add up, and write the sum at $(i, j)$ of a new array $y$:
#
# $$
# y_{ij} = (x \star w)_{ij} = \sum_{u=0}^{F-1} \sum_{v=0}^{F-1} x_{i+u,\,j+v}\; w_{uv} .
# $$ (eq-conv-correlation)
#
# Here $x$ has shape $(H, W)$, the filter has shape $(F, F)$, and $y$ has one entry for each place where the filter fits. For a start, a picture of $3 \times 3$ pixels and a
# filter of $2 \times 2$. It fits at four places:
#
# $$
# \begin{pmatrix} 12 & 3 & 19 \\ 25 & 10 & 1 \\ 9 & 7 & 17 \end{pmatrix} \star \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
# = \begin{pmatrix} 133 & 75 \\ 100 & 101 \end{pmatrix}
# $$
#
# The first number is $12 \cdot 1 + 3 \cdot 2 + 25 \cdot 3 + 10 \cdot 4 = 133$. Compute at least one of the other three yourself before you run the code.


# %%
def correlate(x, w):
    """Response map of a filter w (F, F) on a picture x (H, W), at every place where the filter fits."""
    field = len(w)
    rows, columns = x.shape[0] - field + 1, x.shape[1] - field + 1
    y = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = x[i : i + field, j : j + field]  # (F, F)
            y[i, j] = (patch * w).sum()
    return y


x_small = np.array([[12, 3, 19], [25, 10, 1], [9, 7, 17]])
w_small = np.array([[1, 2], [3, 4]])
y_small = correlate(x_small, w_small)
print(y_small.astype(int))

dice = np.random.default_rng(SEED)
x_rand, w_rand = dice.normal(size=(9, 7)), dice.normal(size=(3, 3))
by_torch = F.conv2d(torch.tensor(x_rand)[None, None], torch.tensor(w_rand)[None, None])[0, 0].numpy()
# check: eq-conv-correlation
assert np.array_equal(y_small, [[133, 75], [100, 101]])
assert np.allclose(correlate(x_rand, w_rand), by_torch, rtol=1e-12)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-example", "caption": "The worked example, place by place. Each grid shows one position of the filter; the small numbers are the filter's weights; the sum of the four products goes to the same place of the output."}, "image": {"alt": "Four copies of a three-by-three grid of numbers with a two-by-two frame at each corner in turn, and below each the four products and their sum: 133, 75, 100 and 101."}}
def draw_place(ax, i, j):
    """The worked example with the filter at row i and column j."""
    for row, column in np.ndindex(3, 3):
        inside = i <= row < i + 2 and j <= column < j + 2
        face = "#E69F00" if inside else "white"
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=face, alpha=0.45, edgecolor="none"))
        ax.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="gray"))
        ax.text(column + 0.5, row + 0.45, str(x_small[row, column]), ha="center", va="center", fontsize=13)
        if inside:
            weight = f"·{w_small[row - i, column - j]}"
            ax.text(column + 0.97, row + 0.93, weight, ha="right", va="bottom", fontsize=8.5)
    products = x_small[i : i + 2, j : j + 2] * w_small
    ax.set_title(f"$y_{{{i}{j}}}$ = {products.sum()}", fontsize=12, loc="center")
    ax.text(1.5, 3.3, " + ".join(map(str, products.ravel())), ha="center", va="center", fontsize=10)
    ax.set(xlim=(-0.05, 3.05), ylim=(3.5, -0.05), aspect="equal")
    ax.axis("off")


fig, axes = plt.subplots(1, 4, figsize=(9, 2.7))
for ax, place in zip(axes, np.ndindex(2, 2), strict=True):
    draw_place(ax, *place)
plt.show()

# %% [markdown]
# Each answer is an inner product of the filter with a patch, the same agreement between template and picture as in {ref}`sec-linear-score`, only for a
# small template. It is large where bright pixels meet positive weights and dark ones meet negative weights. Try it in your head on one more patch:
#
# <div class="question">
#
# **Quick question 1.** The patch is a small cross, the filter subtracts the right column from the left:
#
# $$
# \begin{pmatrix} 1 & 0 & 1 \\ 0 & 1 & 0 \\ 1 & 0 & 1 \end{pmatrix}
# \quad\text{and}\quad
# \begin{pmatrix} 1 & 0 & -1 \\ 1 & 0 & -1 \\ 1 & 0 & -1 \end{pmatrix} .
# $$
#
# What is the response?
#
# <details class="choice"><summary>5</summary>
#
# That is the sum of the patch. The weights on the right count negatively, and the middle column does not count at all.
#
# </details>
#
# <details class="choice"><summary>2</summary>
#
# That is the left column alone, $1 + 0 + 1$. The right column holds the same and is subtracted.
#
# </details>
#
# <details class="choice right"><summary>0</summary>
#
# Right: left column $1 + 0 + 1$, middle column times zero, right column $-(1 + 0 + 1)$. The cross is its own mirror image, and a filter that asks
# "is the left brighter than the right?" has nothing to say about it.
#
# </details>
#
# <details class="choice"><summary>A 3×3 array</summary>
#
# The filter fits on a patch of its own size at one place only, so there is one number.
#
# </details>
# </div>

# %%
cross = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
left_minus_right = np.array([[1, 0, -1]] * 3)
response = (cross * left_minus_right).sum()
assert response == 0 == correlate(cross, left_minus_right).item()
print("response:", response)

# %% [markdown]
# (sec-conv-flip)=
# ## Convolution or cross-correlation?
#
# What you have just computed is called **cross-correlation**. The layer of a network that does it is called a *convolution* all the same. It is
# worth ten minutes to sort out the two, because the difference comes back in the backward pass, where it is the heart of the matter.
#
# Cross-correlation *gathers*: every place of the output collects from the pixels around it. Turn the point of view round. Let every *pixel* stamp a copy of
# the filter, as strong as itself, onto an empty sheet, and add up the stamps. That is **convolution**. In a formula,
#
# $$
# (x * w)_{ij} = \sum_{u=0}^{F-1} \sum_{v=0}^{F-1} x_{i-u,\,j-v}\; w_{uv},
# $$ (eq-conv-convolution)
#
# where pixels outside the picture count as zero. All that has changed is two minus signs: the stamp of the pixel at $(p, q)$ puts its weight $w_{uv}$ at
# $(p+u, q+v)$, so what arrives at $(i, j)$ by way of $w_{uv}$ came from $(i-u, j-v)$.


# %%
def convolve_full(x, w):
    """Convolution of x (H, W) with w (F, F), borders included: (H + F - 1, W + F - 1)."""
    field = len(w)
    sheet = np.zeros((x.shape[0] + field - 1, x.shape[1] + field - 1))
    for p, q in np.ndindex(x.shape):
        sheet[p : p + field, q : q + field] += x[p, q] * w  # one stamp
    return sheet


dot = np.zeros((5, 5))
dot[2, 2] = 1
w_arrow = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
stamped, gathered = convolve_full(dot, w_arrow)[1:-1, 1:-1], np.pad(correlate(dot, w_arrow), 1)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-impulse", "caption": "A single bright pixel shows the difference. Convolution leaves a copy of the filter where the pixel is; cross-correlation leaves the filter turned by half a turn."}, "image": {"alt": "Four small grids: a single bright pixel, an L-shaped filter, the same L as result of convolution, and the L turned by 180 degrees as result of cross-correlation."}}
fig, axes = plt.subplots(1, 4, figsize=(8.2, 2.4))
titles = ("picture x", "filter w", "convolution x ∗ w", "correlation x ⋆ w")
for ax, values, title in zip(axes, (dot, w_arrow, stamped, gathered), titles, strict=True):
    ax.imshow(values, cmap="gray", vmin=0, vmax=1.2)
    lines = np.arange(len(values) + 1) - 0.5
    ax.set(xticks=lines, yticks=lines)
    ax.set_xticklabels([])
    ax.set_yticklabels([])
    ax.tick_params(length=0)
    ax.grid(color="gray", linewidth=0.6)
    ax.set_title(title, fontsize=11, loc="center")
plt.show()

# %% [markdown]
# {numref}`fig-conv-impulse` says how the two are related: one is the other with the filter turned by half a turn, that is, flipped in both directions.
# Wherever the filter fits,
#
# $$
# x * w = x \star \operatorname{flip}(w),
# \qquad \operatorname{flip}(w)_{uv} = w_{F-1-u,\,F-1-v} .
# $$ (eq-conv-flip)
#
# A second witness comes from a place far from pictures. Multiply two polynomials: the coefficient of $t^n$ in the product is $\sum_u a_{n-u} b_u$. Polynomial
# multiplication *is* convolution in one dimension, which is what `np.convolve` and `np.polymul` agree about.


# %%
def flip(w):
    """Turn a filter (F, F) by half a turn."""
    return w[::-1, ::-1]


# check: eq-conv-convolution
product = np.polymul([3, 2, 1], [5, 4])  # (1 + 2t + 3t²)(4 + 5t), highest power first
assert list(product) == [15, 22, 13, 4] == list(np.convolve([3, 2, 1], [5, 4]))
in_one_row = convolve_full(np.array([[3.0, 2.0, 1.0]]), np.array([[5.0, 4.0], [0.0, 0.0]]))
assert np.array_equal(in_one_row[0], product)

# check: eq-conv-flip
fits = (slice(2, 9), slice(2, 7))  # of the (11, 9) stamped sheet, where the filter lay inside the picture
assert np.allclose(convolve_full(x_rand, w_rand)[fits], correlate(x_rand, flip(w_rand)))
print("worked example, convolution instead of correlation:")
print(correlate(x_small, flip(w_small)).astype(int))

# %% [markdown]
# Why would anyone want the flip? Because it makes an algebra. Stamps add up in any order, so convolution **commutes**, $x * w = w * x$, and it is **associative**,
# $(x * a) * b = x * (a * b)$: filtering with $a$ and then with $b$ is filtering once, with one larger filter. Cross-correlation has neither property.


# %%
a_rand, b_rand = dice.normal(size=(3, 3)), dice.normal(size=(3, 3))
assert np.allclose(convolve_full(a_rand, b_rand), convolve_full(b_rand, a_rand))
twice = convolve_full(convolve_full(x_rand, a_rand), b_rand)
assert np.allclose(twice, convolve_full(x_rand, convolve_full(a_rand, b_rand)))

a_on_b, b_on_a = correlate(np.pad(b_rand, 2), a_rand), correlate(np.pad(a_rand, 2), b_rand)
assert not np.allclose(a_on_b, b_on_a) and np.allclose(a_on_b, flip(b_on_a))
print("convolution commutes and associates; correlation, swapped, comes out turned round")

# %% [markdown]
# And why do networks not bother? Because their filters are *learned*. If a network trained with cross-correlation finds the filter $w$, one trained with convolution
# finds $\operatorname{flip}(w)$, and both compute the same. So PyTorch, like every other library for deep learning, leaves the flip out, keeps the famous name, and `F.conv2d`
# agrees with our `correlate`. From here on, this book says *convolution* for the layer, as everybody does, and writes $\star$ or $*$ where the difference matters.
#
# <div class="question">
#
# **Quick question 2.** For which filters do convolution and cross-correlation give the same map, whatever the picture is?
#
# <details class="choice"><summary>For filters that equal their mirror image, left and right exchanged</summary>
#
# Not enough. The flip exchanges left with right *and* top with bottom. A filter that is bright above and dark below is its own mirror image, yet its sign
# turns when it is flipped.
#
# </details>
#
# <details class="choice right"><summary>For filters that look the same after half a turn</summary>
#
# Right: $\operatorname{flip}(w) = w$. Blurs and spots are of this kind. Edge filters turn into their negative: the map keeps its shape and changes its sign.
#
# </details>
#
# <details class="choice"><summary>For filters whose weights sum to zero</summary>
#
# The sum of the weights does not change with the flip, so it can't decide. The filter $(1, 0, -1)$ sums to zero, and its flip is its negative.
#
# </details>
# </div>
#
# (sec-conv-edges)=
# ## What a filter sees
#
# Now to pictures. We take some from the training set, in grayscale, with numbers from 0 to 1.

# %%
names = class_names(DATASET)
images_train, y_train = load(DATASET, "train", n=3_000, seed=SEED)  # (N, H, W, 3) uint8, (N,)
images_test, y_test = load(DATASET, "test", n=600, seed=SEED)
gray = to_grayscale(images_train).reshape(len(images_train), 32, 32) / 255.0  # (N, H, W)
cars = np.flatnonzero(y_train == names.index("automobile"))
picture = gray[cars[5]]
print(
    f"{len(images_train):,} training and {len(images_test):,} test pictures; one in grayscale: {picture.shape}"
)

# %% [markdown]
# The filter of the quick question compares left with right. On an even surface both sides are equal and it answers 0. Where a bright area ends and a dark one begins, it answers
# strongly. In between it measures a slope. Take the simplest picture that has one, a ramp that rises by $\beta$ from row to row and by $\gamma$ from column to column:
#
# $$
# \begin{aligned}
# x_{ij} &= \alpha + \beta i + \gamma j
# \quad\Longrightarrow \\
# (x \star w)_{ij} &= \sum_{u=0}^{2} \bigl(x_{i+u,\,j} - x_{i+u,\,j+2}\bigr) = -6\gamma .
# \end{aligned}
# $$ (eq-conv-ramp)
#
# Each of the three rows contributes $-2\gamma$; the brightness $\alpha$ cancels, and so does the slope $\beta$ along the edge. The filter is a *derivative*: three central differences, side by side, added to
# be less at the mercy of a single noisy pixel. This one is named after {cite:t}`prewitt1970object`; the one that counts the middle row twice is named after Sobel {cite:p}`duda1973pattern`.

# %%
row_of, column_of = np.mgrid[0:6, 0:8]
# check: eq-conv-ramp
for alpha, beta, gamma in ((0.5, 0.0, 0.0), (0.1, 0.2, 0.0), (0.9, 0.1, -0.3)):
    ramp = alpha + beta * row_of + gamma * column_of
    assert np.allclose(correlate(ramp, left_minus_right), -6 * gamma)
print("on every ramp the filter answers −6 times the slope across, and nothing else")

# %% [markdown]
# Other weights ask other questions. A filter whose weights sum to zero ignores brightness and reacts to change; one whose weights are positive and sum to one is an average. Six of them, and what they answer:

# %% mystnb={"figure": {"name": "fig-conv-responses", "caption": "One picture and its response maps. Purple means positive, orange negative, white zero. The vertical filter marks left and right flanks with opposite signs, the horizontal one top and bottom; the spot filter marks whatever differs from its surroundings; the average keeps everything, more softly."}, "image": {"alt": "A grey picture of a car, and six maps of it: outlines of vertical edges, of horizontal edges, of two diagonals, of small spots, and a blurred copy."}}
FILTERS = {
    "vertical edges": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 4,
    "horizontal edges": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]) / 4,
    "falling diagonal": np.array([[0, -1, -2], [1, 0, -1], [2, 1, 0]]) / 4,
    "rising diagonal": np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]]) / 4,
    "spots": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]) / 8,
    "average": np.ones((3, 3)) / 9,
}
maps = {title: correlate(picture, weights) for title, weights in FILTERS.items()}

fig, axes = plt.subplots(2, 7, figsize=(9.5, 3.1), height_ratios=[2.1, 1])
axes[0, 0].imshow(picture, cmap="gray", vmin=0, vmax=1)
axes[0, 0].set_title("picture", fontsize=9, loc="center")
for column, (title, weights) in enumerate(FILTERS.items(), start=1):
    colours = {"cmap": "gray", "vmin": 0, "vmax": 1} if title == "average" else {"cmap": plots.DIVERGING}
    limit = np.abs(maps[title]).max()
    signed = {} if title == "average" else {"vmin": -limit, "vmax": limit}
    axes[0, column].imshow(maps[title], **colours, **signed)
    axes[0, column].set_title(title, fontsize=9, loc="center")
    axes[1, column].imshow(weights, cmap=plots.DIVERGING, vmin=-1, vmax=1)
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# Each map is a picture again, of one question: how much of *this* is *here*? It is called a **response map** or **feature map**. Slide the filter yourself and watch a map come about.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-slide", "caption": "Slide the filter over the picture. Left: where it lies. Middle: the nine pixels under it, each with its weight, and the sum of the products. Right: the response map as far as it is filled; purple is positive, orange negative."}, "image": {"alt": "Frames of an interactive figure: a picture with a small square frame, the nine pixels in the frame enlarged with their weights, and a response map that fills row by row."}}
def draw_slide(position, picture, w, whole):
    """One frame: the filter at a position of the scan, its nine products, the map filled so far."""
    i, j = divmod(position, whole.shape[1])
    patch = picture[i : i + 3, j : j + 3]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.4, 3.0), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.88, wspace=0.06)
    left.imshow(picture, cmap="gray", vmin=0, vmax=1)
    left.add_patch(Rectangle((j - 0.5, i - 0.5), 3, 3, fill=False, edgecolor="#D55E00", linewidth=2.5))
    left.set_title(f"filter at row {i}, column {j}", fontsize=11)
    middle.imshow(patch, cmap="gray", vmin=0, vmax=1)
    for u, v in np.ndindex(3, 3):
        ink = "white" if patch[u, v] < 0.5 else "black"
        middle.text(v, u, f"{patch[u, v]:.2f}\n· {w[u, v]:+g}", ha="center", va="center", color=ink)
    middle.set_title(f"sum of the products: {whole[i, j]:+.2f}", fontsize=11)
    filled = np.where(np.arange(whole.size).reshape(whole.shape) <= position, whole, np.nan)
    limit = np.abs(whole).max()
    right.imshow(np.zeros_like(whole), cmap="gray", vmin=-4, vmax=1)
    right.imshow(filled, cmap=plots.DIVERGING, vmin=-limit, vmax=limit)
    right.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=1.5))
    right.set_title("response map", fontsize=11)
    for ax in (left, middle, right):
        ax.axis("off")
    return fig


slide_w = np.array([[1.0, 0.0, -1.0]] * 3)
slide_map = correlate(picture, slide_w)
rows_shown = np.linspace(0, 29, 20).round().astype(int)
columns_shown = (7 * np.arange(20) + 3) % 30
positions = [*(30 * rows_shown[:-1] + columns_shown[:-1]), 899]
interactive.frames(
    [draw_slide(int(position), picture, slide_w, slide_map) for position in positions],
    [int(position) + 1 for position in positions],
    name="sliding-filter",
    alt=[
        f"The filter at row {position // 30}, column {position % 30} answers {slide_map.flat[position]:+.2f}; "
        f"{position + 1} of 900 places of the response map are filled."
        for position in positions
    ],
    description="Places filled",
    start=11,
    dpi=85,
)

# %% [markdown]
# <div class="question">
#
# **Quick question 3.** All numbers of a picture grow by 0.2: the sun comes out evenly. What happens to the response maps of {numref}`fig-conv-responses`?
#
# <details class="choice"><summary>All of them grow by 0.2</summary>
#
# Only the average does, because its weights sum to 1. In general the map grows by 0.2 times the sum of the weights.
#
# </details>
#
# <details class="choice right"><summary>Only the average changes; the other five stay the same</summary>
#
# Right. A constant adds $0.2 \sum_{uv} w_{uv}$, and that sum is 0 for the other five. It is the reason why edges are a better start than brightness.
#
# </details>
#
# <details class="choice"><summary>Nothing changes, filters ignore brightness</summary>
#
# Filters whose weights sum to zero do. The average has the sum 1 and follows the light.
#
# </details>
# </div>
#
# (sec-conv-equivariance)=
# ## The map moves with the picture
#
# A filter asks the same question everywhere. So if the picture moves, its answers move along, and nothing else happens to them. Write $T$ for the operation that moves a picture (or a map) by some pixels. Then
#
# $$
# (T x) \star w = T\,(x \star w) .
# $$ (eq-conv-equivariance)
#
# The property is called **equivariance to translation**: *do the same thing before or after, it comes to the same*. The proof is one line, by putting $i - s$ for $i$ in {eq}`eq-conv-correlation`. For an exact
# check we let pictures wrap around, so that nothing falls off at the border; then we look at ordinary pictures, where it holds for all places that the border has not reached.


# %%
def correlate_around(x, w):
    """Correlation on a picture (H, W) whose opposite sides touch: the map has the picture's shape."""
    return correlate(np.pad(x, ((0, len(w) - 1), (0, len(w) - 1)), mode="wrap"), w)


def move(x, down, right):
    """Move a picture (H, W) that wraps around."""
    return np.roll(x, (down, right), axis=(0, 1))


edges = FILTERS["vertical edges"]
# check: eq-conv-equivariance
for down, right in ((0, 5), (7, 0), (3, -4)):
    assert np.allclose(
        correlate_around(move(picture, down, right), edges),
        move(correlate_around(picture, edges), down, right),
    )

moved = np.pad(picture, ((0, 0), (6, 0)), mode="edge")[:, :32]  # six pixels to the right, not around
assert np.allclose(correlate(moved, edges)[:, 6:], correlate(picture, edges)[:, :-6])
print("filter, then move = move, then filter")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-equivariance", "caption": "Above: a picture and its map of vertical edges. Below: the same picture six pixels further right. Its map is the upper map, six pixels further right; only at the left border, where the picture had to be continued, is there anything new."}, "image": {"alt": "Two rows: a grey car and its edge map; the car moved to the right and its edge map, moved by the same amount."}}
fig, axes = plt.subplots(2, 2, figsize=(4.6, 4.6))
for row, (shown, title) in enumerate(((picture, "as it is"), (moved, "moved by 6"))):
    axes[row, 0].imshow(shown, cmap="gray", vmin=0, vmax=1)
    axes[row, 0].set_title(title, fontsize=11)
    axes[row, 1].imshow(correlate(shown, edges), cmap=plots.DIVERGING, vmin=-0.6, vmax=0.6)
    axes[row, 1].set_title("its edges", fontsize=11)
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# ### There is no other way
#
# One may ask whether some cleverer linear operation moves with the picture too. The answer is no, and the argument is short. Take any linear map $A$ on pictures that commutes with all moves. A
# picture is a sum of single bright pixels, and every single pixel is a moved copy of the pixel in the corner, $e_0$: $x = \sum_t x_t\, T^t e_0$. Therefore
#
# $$
# A x = \sum_t x_t\, A\, T^t e_0 = \sum_t x_t\, T^t (A e_0) = x * h, \qquad h = A e_0 .
# $$ (eq-conv-only)
#
# Once you know the answer $h$ to one bright pixel, you know all answers: $A$ stamps $h$, it is a convolution. *Linear and equivariant* leaves no other choice. To check it, take a
# random matrix on a ring of twelve pixels, and make it commute with moves by averaging it over all of them.

# %%
ring = 12
turn = np.roll(np.eye(ring), 1, axis=0)  # T as a matrix: moves a ring of pixels by one
powers = [np.linalg.matrix_power(turn, t) for t in range(ring)]
a_any = dice.normal(size=(ring, ring))
a_moving = sum(power.T @ a_any @ power for power in powers) / ring  # commutes with every move
assert np.allclose(a_moving @ turn, turn @ a_moving)

h_ring, x_ring = a_moving[:, 0], dice.normal(size=ring)
stamps = sum(+x_ring[t] * np.roll(h_ring, t) for t in range(ring))
# check: eq-conv-only
assert np.allclose(a_moving @ x_ring, stamps)
print(
    f"a matrix of {a_moving.size} numbers that commutes with moves holds {len(np.unique(a_moving.round(9)))} different ones"
)

# %% [markdown]
# ### A linear layer with most of its weights missing
#
# A convolution is linear, so it is a matrix, and it helps to see it once. Flatten a picture of $6 \times 6$ pixels to 36 numbers. Each of the $4 \times 4 = 16$ answers is a weighted sum of the 36, with 27 of the weights zero. Column by
# column, the matrix is what the filter answers to a single bright pixel:

# %%
six = 6
w_nine = np.arange(1.0, 10.0).reshape(3, 3)
as_matrix = np.stack(
    [correlate(pixel.reshape(six, six), w_nine).ravel() for pixel in np.eye(six * six)], axis=1
)  # (16, 36)
x_six = dice.normal(size=(six, six))
assert np.allclose(as_matrix @ x_six.ravel(), correlate(x_six, w_nine).ravel())
print(f"matrix {as_matrix.shape}: {as_matrix.size} entries, {np.count_nonzero(as_matrix)} not zero,")
print(f"{len(np.unique(as_matrix)) - 1} different weights")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-matrix", "caption": "A 3×3 filter on a 6×6 picture, as a matrix of 16 rows and 36 columns. Each row is a linear template that looks at nine pixels (local), and all rows hold the same nine weights, moved along (shared). Grey is zero."}, "image": {"alt": "A matrix, mostly grey, with coloured bands of nine values that step to the right from row to row."}}
fig, ax = plt.subplots(figsize=(7.5, 3.6))
shown = ax.imshow(np.where(as_matrix == 0, np.nan, as_matrix), cmap=plots.SEQUENTIAL, vmin=1, vmax=9)
ax.set_facecolor("0.9")
ax.set(xlabel="pixel of the picture (flattened)", ylabel="place of the map")
ax.grid(False)
fig.colorbar(shown, ax=ax, label="weight", shrink=0.8)
plt.show()

# %% [markdown]
# That is all a convolution is: the linear layer of chapter 3, with two restrictions put in by hand. Far pixels have no say (**local connections**), and all places use the same weights (**weight sharing**). For a picture of $32 \times 32$ pixels and
# a map of $30 \times 30$ places, a fully connected layer has 921,600 weights; the convolution has nine. Fewer weights need fewer examples, and what is learned in one corner is known in all of them.

# %%
assert 32 * 32 * 30 * 30 == 921_600
print(f"fully connected: {32 * 32 * 30 * 30:,} weights; shared and local: {3 * 3}")

# %% [markdown]
# (sec-conv-size)=
# ## Borders and steps: padding, stride, dilation
#
# How many answers does a filter give? Along one axis of $W_\text{in}$ pixels, its left edge may stand at $0, 1, 2, \dots$ as long as its right edge stays inside. Three settings change the count.
#
# - **Padding** $P$ adds a frame of zeros, $P$ pixels wide on each side. The axis becomes $W_\text{in} + 2P$ long. It lets the filter's centre reach the border, and keeps maps from shrinking with each layer.
# - **Stride** $S$ is the step from one place to the next. With $S = 2$ every other place is skipped, and the map has half the size.
# - **Dilation** $d$ spreads the filter's weights apart, $d$ pixels from one to the next. Nine weights then span $5 \times 5$ pixels at $d = 2$, with nothing in between {cite:p}`yu2016multiscale`.
#
# Take $d = 1$ first. The last allowed place of the left edge is $W_\text{in} + 2P - F$. Walking there from 0 in steps of $S$ makes $\lfloor (W_\text{in} + 2P - F) / S \rfloor$ steps, and there is one more place than there are steps:
#
# $$
# W_\text{out} = \left\lfloor \frac{W_\text{in} - F + 2P}{S} \right\rfloor + 1 .
# $$ (eq-conv-size)
#
# The rounding brackets are often left out. Then a division that does not come out even is a warning: some pixels on the right are never looked at. With dilation, the filter spans $d\,(F - 1) + 1$ pixels instead of $F$; put that in, and you have the formula in the
# documentation of `nn.Conv2d`:
#
# $$
# \begin{aligned}
# m &= H_\text{in} + 2 \cdot \mathtt{padding} \\
#   &\quad - \mathtt{dilation} \cdot (\mathtt{kernel\_size} - 1) - 1 , \\
# H_\text{out} &= \left\lfloor \frac{m}{\mathtt{stride}} + 1 \right\rfloor .
# \end{aligned}
# $$ (eq-conv-size-torch)


# %%
def output_size(size, field, stride=1, padding=0, dilation=1):
    """Places of a filter along an axis of `size` pixels."""
    span = dilation * (field - 1) + 1
    if span > size + 2 * padding:
        raise ValueError(
            f"a filter that spans {span} pixels does not fit on {size} with {padding} of padding"
        )
    return (size - span + 2 * padding) // stride + 1


def size_by_counting(size, field, stride, padding, dilation):
    """The same without a formula: try every place."""
    last = size + 2 * padding - 1
    return sum(start + dilation * (field - 1) <= last for start in range(0, last + 1, stride))


cases = [
    (size, field, stride, padding, dilation)
    for size in (7, 8, 28, 32)
    for field in (1, 2, 3, 5)
    for stride in (1, 2, 3)
    for padding in (0, 1, 2)
    for dilation in (1, 2)
    if dilation * (field - 1) < size + 2 * padding
]
# check: eq-conv-size, eq-conv-size-torch
for case in cases:
    size, field, stride, padding, dilation = case
    by_torch = F.conv2d(
        torch.zeros(1, 1, size, size), torch.zeros(1, 1, field, field), None, stride, padding, dilation
    ).shape[-1]
    assert output_size(*case) == by_torch == size_by_counting(*case)
print(f"{len(cases)} combinations: formula, counting and PyTorch agree")

# %% [markdown]
# The formula serves for every window that slides, not only for filters. Here is a small network for the $28 \times 28$ digits of MNIST. Its filters of $3 \times 3$ with $P = 1$ keep the size; windows of $2 \times 2$ with $S = 2$ halve it (what those
# windows compute is a matter for chapter 7):

# %%
size, track = 28, ["28"]
for field, stride, padding in ((3, 1, 1), (2, 2, 0), (3, 1, 1), (2, 2, 0)):
    size = output_size(size, field, stride, padding)
    track.append(str(size))
print(" → ".join(track))
assert track == ["28", "28", "14", "14", "7"]

for field in (1, 3, 5, 7):
    assert output_size(28, field, padding=(field - 1) // 2) == 28
print("with S = 1 and an odd F, the padding (F − 1) / 2 keeps the size")

# %% [markdown]
# Try the settings below. The three frames are the first two places of the filter and its last, the coloured cells are the pixels it reads there, and the map on the right shows where the answers go.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-geometry", "caption": "Stride, padding and dilation on 7×7 pixels with a 3×3 filter. Left: the picture (white), its padding (hatched), and what the filter reads at its first two places and at its last. Right: the map, with the three answers at their places."}, "image": {"alt": "Frames of an interactive figure: a grid of seven by seven pixels with a hatched border of padding and three coloured sets of nine cells, and the smaller grid of the output beside it, for several settings of stride, padding and dilation."}}
def draw_geometry(stride, padding, dilation, size=7, field=3):
    """One frame: which pixels the filter reads at its first, second and last place."""
    out = output_size(size, field, stride, padding, dilation)
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.7), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.84, wspace=0.05)
    for i, j in np.ndindex(size + 2 * padding, size + 2 * padding):
        inside = padding <= i < size + padding and padding <= j < size + padding
        hatch = {} if inside else {"hatch": "///", "facecolor": "0.93"}
        cell = {"facecolor": "white", "edgecolor": "0.6", "linewidth": 0.8} | hatch
        left.add_patch(Rectangle((j - padding, i - padding), 1, 1, **cell))
    for i, j in np.ndindex(out, out):
        right.add_patch(Rectangle((j, i), 1, 1, facecolor="white", edgecolor="0.6", linewidth=0.8))
    places = [((0, 0), "#0072B2", "o")]
    if out > 1:
        places += [((0, 1), "#E69F00", "s"), ((out - 1, out - 1), "#004D40", "^")]
    for (i, j), colour, marker in places:
        top, first = i * stride - padding, j * stride - padding
        span = dilation * (field - 1) + 1
        for u, v in np.ndindex(field, field):
            at = (first + v * dilation, top + u * dilation)
            left.add_patch(Rectangle(at, 1, 1, facecolor=colour, alpha=0.35))
            offset = {"o": 0.3, "s": 0.5, "^": 0.7}[marker]
            left.plot(at[0] + offset, at[1] + offset, marker, color=colour, markersize=4)
        left.add_patch(Rectangle((first, top), span, span, fill=False, edgecolor=colour, linewidth=2))
        right.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=0.35))
        right.plot(j + 0.5, i + 0.5, marker, color=colour, markersize=8)
    for ax in (left, right):
        ax.set(xlim=(-2.2, 9.2), ylim=(9.2, -2.2), aspect="equal")
        ax.axis("off")
    left.set_title(f"stride {stride}, padding {padding}, dilation {dilation}", fontsize=11)
    right.set_title(f"map: {out} × {out}", fontsize=11)
    return fig


def geometry_in_words(stride, padding, dilation):
    """Alternative text of a frame."""
    out = output_size(7, 3, stride, padding, dilation)
    return (
        f"Stride {stride}, padding {padding}, dilation {dilation}: a 3×3 filter on 7×7 pixels spans "
        f"{2 * dilation + 1} pixels and gives a map of {out} by {out}."
    )


settings = [(1 + nth % 3, nth // 3 % 3, 1 + nth // 9) for nth in range(18)]  # stride, padding, dilation
interactive.frames(
    [draw_geometry(*setting) for setting in settings],
    ["S = {}, P = {}, d = {}".format(*setting) for setting in settings],
    name="stride-padding-dilation",
    alt=[geometry_in_words(*setting) for setting in settings],
    description="Settings",
    start=4,
    dpi=80,
)

# %% [markdown]
# <div class="question">
#
# **Quick question 4.** A picture of $32 \times 32$, filters of $5 \times 5$, stride 2, padding 2. How large is the map?
#
# <details class="choice"><summary>14 × 14</summary>
#
# That is the size without padding: $\lfloor 27 / 2 \rfloor + 1 = 14$.
#
# </details>
#
# <details class="choice right"><summary>16 × 16</summary>
#
# Right: $\lfloor (32 - 5 + 4) / 2 \rfloor + 1 = \lfloor 15.5 \rfloor + 1 = 16$. The division does not come out even, so the last column of the padding is never read.
#
# </details>
#
# <details class="choice"><summary>17 × 17</summary>
#
# $31 / 2 = 15.5$ is rounded *down*: half a step is no step, and the filter would hang over the edge.
#
# </details>
#
# <details class="choice"><summary>32 × 32, since the padding of 2 keeps the size of a 5×5 filter</summary>
#
# With stride 1 it does. Here every other place is left out.
#
# </details>
# </div>
#
# ### What strides and borders do to equivariance
#
# Padding and stride are convenient, and each takes something from the clean result of {ref}`sec-conv-equivariance`. With stride $S$ the map can move by whole places only, so it moves exactly with the picture if the picture moves by a *multiple of $S$*. In between, the
# filter reads other pixels than before. The zeros of the padding form a frame that does *not* move with the picture, so a filter can tell that it stands at a border; networks learn to use that as a hint where they are {cite:p}`islam2020position,kayhan2020translation`.

# %%
whole_map = correlate_around(picture, edges)
for shift in (1, 2, 3, 4):
    strided_then_moved = [np.roll(whole_map[::2, ::2], places, axis=1) for places in range(16)]
    moved_then_strided = correlate_around(move(picture, 0, shift), edges)[::2, ::2]
    same = any(np.allclose(moved_then_strided, candidate) for candidate in strided_then_moved)
    print(f"stride 2, picture moved by {shift}: the map {'moves along' if same else 'changes'}")
    assert same == (shift % 2 == 0)

# %% [markdown]
# A network that halves its maps five times is exactly equivariant to moves by multiples of 32 pixels only. {cite:t}`zhang2019making` measured how much the decisions of such networks depend on single pixels of shift, and showed that blurring before skipping helps.
#
# (sec-conv-depth)=
# ## Filters in depth
#
# A colour picture has three numbers at each pixel. The filter gets a third dimension: it reads *all* channels of the patch at once, and slides along rows and columns only. On an RGB picture, a filter of $5 \times 5$ has
# $5 \cdot 5 \cdot 3 = 75$ weights, and one bias. It still gives *one* number a place, so one flat map. To ask $K$ questions, take $K$ filters; their $K$ maps, stacked, are the channels of the next picture.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-volume", "caption": "A layer: each filter is as deep as its input and gives one flat map; as many maps as filters form the next input. The second layer's filters of 3×3 are 32 deep, because the first layer has 32 filters."}, "image": {"alt": "Three boxes from left to right: a picture 32 by 32 by 3 with a small box 5 by 5 by 3 in it, maps 32 by 32 by 32 with a small box 3 by 3 by 32 in it, and maps 32 by 32 by 64."}}
def draw_box(ax, corner, width, height, depth, colour, alpha=0.25):
    """A box in a plain oblique projection: depth goes to the right and up."""
    x0, y0 = corner
    dx, dy = 0.55 * depth, 0.4 * depth
    front = [(x0, y0), (x0 + width, y0), (x0 + width, y0 + height), (x0, y0 + height)]
    top = [front[3], front[2], (x0 + width + dx, y0 + height + dy), (x0 + dx, y0 + height + dy)]
    side = [front[1], (x0 + width + dx, y0 + dy), (x0 + width + dx, y0 + height + dy), front[2]]
    for face in (front, top, side):
        ax.add_patch(Polygon(face, facecolor=colour, alpha=alpha))
        ax.add_patch(Polygon(face, fill=False, edgecolor="black", linewidth=0.9))


fig, ax = plt.subplots(figsize=(8.6, 3.0))
for left, depth, colour, label in (
    (0, 0.6, "#8CCBF2", "input: 3 × 32 × 32"),
    (5.6, 2.4, "#E69F00", "32 maps: 32 × 32 × 32"),
    (12.6, 4.2, "#004D40", "64 maps: 64 × 32 × 32"),
):
    draw_box(ax, (left, 0), 2.6, 2.6, depth, colour)
    ax.text(left + 1.3, -0.55, label, ha="center", fontsize=10)
draw_box(ax, (0.4, 1.0), 0.75, 0.75, 0.6, "#D55E00", alpha=0.8)
draw_box(ax, (6.1, 1.0), 0.5, 0.5, 2.4, "#D55E00", alpha=0.8)
ax.text(3.95, 1.9, "32 filters\n5 × 5 × 3", ha="center", fontsize=10)
ax.text(10.75, 2.1, "64 filters\n3 × 3 × 32", ha="center", fontsize=10)
for start, end in ((3.1, 5.2), (9.8, 12.2)):
    ax.annotate("", xy=(end, 1.4), xytext=(start, 1.4), arrowprops={"arrowstyle": "-|>", "color": "black"})
ax.set(xlim=(-0.2, 18), ylim=(-0.9, 4.6), aspect="equal")
ax.axis("off")
plt.show()

# %% [markdown]
# Now the full definition of the layer. $x$ is a batch of shape $(N, C, H, W)$, where $C$ counts channels in this chapter, as it does in most texts on convolution (the classes have to wait until chapter 7). $w$ has shape $(K, C, F, F)$, $b$ has shape $(K,)$. With $\tilde x$ for the padded batch,
#
# $$
# y_{nkij} = b_k + \sum_{c=0}^{C-1} \sum_{u=0}^{F-1} \sum_{v=0}^{F-1} w_{kcuv}\; \tilde x_{n,\,c,\,iS+u,\,jS+v} .
# $$ (eq-conv-layer)
#
# PyTorch's documentation writes the same with the star of {eq}`eq-conv-correlation`, channel by channel:
#
# $$
# \begin{aligned}
# \operatorname{out}(N_i, C_{\text{out}_j}) &= \operatorname{bias}(C_{\text{out}_j}) \\
#   &\quad + \sum_{k=0}^{C_\text{in}-1} \operatorname{weight}(C_{\text{out}_j}, k) \star \operatorname{input}(N_i, k) .
# \end{aligned}
# $$ (eq-conv-torch)
#
# A layer of $K$ filters has $F^2 C$ weights for each filter and one bias:
#
# $$
# \text{parameters} = F^2 C K + K .
# $$ (eq-conv-parameters)

# %%
layer = nn.Conv2d(3, 4, kernel_size=5, padding=2, dtype=torch.float64)
x_two = torch.randn(2, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(SEED))
weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
padded = F.pad(x_two, (2, 2, 2, 2)).numpy()


def by_channel(padded, weight, bias):
    """PyTorch's formula word for word, for a padded batch: (N, K, H_out, W_out)."""
    return np.stack(
        [
            [
                b_k + sum(correlate(x_c, w_c) for x_c, w_c in zip(channels, w_k, strict=True))
                for w_k, b_k in zip(weight, bias, strict=True)
            ]
            for channels in padded
        ]
    )


# check: eq-conv-torch
assert np.allclose(by_channel(padded, weight, bias), layer(x_two).detach().numpy(), rtol=1e-10, atol=1e-12)


def parameters(field, channels, filters):
    """Numbers that a layer of filters (field, field, channels) learns."""
    return field**2 * channels * filters + filters


# check: eq-conv-parameters
for wide, deep, many in ((5, 3, 1), (5, 3, 32), (3, 32, 64), (1, 64, 10)):
    counted = sum(part.numel() for part in nn.Conv2d(deep, many, wide).parameters())
    assert parameters(wide, deep, many) == counted
    print(
        f"{many:>3} filters {wide}×{wide}×{deep:<3}: {wide**2 * deep:>4} weights each, {counted:>6,} parameters"
    )

# %% [markdown]
# The first line is the 75 weights and their bias; the third is the second layer of {numref}`fig-conv-volume`, with $3 \cdot 3 \cdot 32 = 288$ weights a filter. Note what does *not* occur in the formula: the size of the picture. The same 2,432 parameters serve a thumbnail and a poster.
#
# What can a filter do with three channels? Ask for colours next to each other, for instance. The filter below wants yellow on its left and blue on its right: positive weights for red and green on one side, for blue on the other, each with its negative opposite.

# %% mystnb={"figure": {"name": "fig-conv-colour", "caption": "One filter of 5×5×3 on colour pictures. Left: its three slices, one a channel (purple: positive, orange: negative). Right: three pictures, and below each its one map. It answers where yellowish and bluish areas meet, whatever their brightness."}, "image": {"alt": "Three small coloured squares that show the weights for red, green and blue, then three colour pictures above their response maps."}}
left_right = np.repeat([[1.0, 1.0, 0.0, -1.0, -1.0]], 5, axis=0)  # (5, 5): left minus right
w_colour = np.stack([left_right / 2, left_right / 2, -left_right])[None] / 20  # (K, C, F, F) = (1, 3, 5, 5)
shown = images_train[[cars[3], cars[5], cars[8]]]
x_colour = torch.tensor(shown.transpose(0, 3, 1, 2) / 255.0)
answers = F.conv2d(x_colour, torch.tensor(w_colour))[:, 0].numpy()  # (3, 28, 28)

fig, axes = plt.subplots(2, 6, figsize=(9, 3.2))
for ax, values, title in zip(axes[0], w_colour[0], ("red", "green", "blue"), strict=False):
    ax.imshow(values, cmap=plots.DIVERGING, vmin=-0.05, vmax=0.05)
    ax.set_title(title, fontsize=10, loc="center")
for column in range(3):
    axes[0, 3 + column].imshow(shown[column])
    axes[1, 3 + column].imshow(answers[column], cmap=plots.DIVERGING, vmin=-0.4, vmax=0.4)
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# The smallest filter in depth is $1 \times 1 \times C$. It sees a single pixel, and all its channels: it is the linear classifier of chapter 3 with $D = C$, applied at every pixel alike. Networks use it to mix channels {cite:p}`lin2014network`.

# %%
x_deep, w_one = dice.normal(size=(1, 6, 4, 5)), dice.normal(size=(3, 6, 1, 1))
by_layer = F.conv2d(torch.tensor(x_deep), torch.tensor(w_one)).numpy()  # (1, 3, 4, 5)
by_rows = x_deep[0].reshape(6, -1).T @ w_one[:, :, 0, 0].T  # 20 pixels as rows (20, 6), times (6, 3)
assert np.allclose(by_layer[0].reshape(3, -1).T, by_rows)
print("a 1×1 convolution is a linear layer on the channels of each pixel")

# %% [markdown]
# <div class="question">
#
# **Quick question 5.** A layer has 64 filters of $3 \times 3$ and gets 32 maps of $100 \times 100$. The input is replaced by 32 maps of $200 \times 200$. What happens to the number of parameters and to the work?
#
# <details class="choice"><summary>Both grow fourfold</summary>
#
# The work does, there are four times as many places. The weights are the same at every place, so their number stays at 18,496.
#
# </details>
#
# <details class="choice right"><summary>The parameters stay the same, the work grows fourfold</summary>
#
# Right. Shared weights make the two independent of each other, unlike in a fully connected layer, where each weight is used once a picture.
#
# </details>
#
# <details class="choice"><summary>Both stay the same</summary>
#
# The parameters do. But each of four times as many places needs its $288 \cdot 64$ multiplications.
#
# </details>
#
# <details class="choice"><summary>It does not run: the layer was built for 100 × 100</summary>
#
# Only the number of channels is built in. {eq}`eq-conv-layer` works for every height and width that holds the filter.
#
# </details>
# </div>

# %% [markdown]
# (sec-conv-code)=
# ## From seven loops to one matrix product
#
# We now write the layer ourselves, four times. Each version has to equal the one before.
#
# ### Seven loops
#
# Equation {eq}`eq-conv-layer` has four free indices and three sums. Transcribe it, and you have seven nested loops. It is slow and it is obviously right, which makes it the reference for all that follows.


# %%
def pad(x, padding):
    """Frame the last two axes of x (N, C, H, W) with zeros."""
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def conv_loops(x, w, b, stride=1, padding=0):
    """Response maps (N, K, H_out, W_out) of a batch x (N, C, H, W), filters w (K, C, F, F), biases b (K,)."""
    (N, C, H, W), (K, _, field, _) = x.shape, w.shape
    h_out, w_out = output_size(H, field, stride, padding), output_size(W, field, stride, padding)
    x_padded = pad(x, padding)
    y = np.zeros((N, K, h_out, w_out), dtype=x.dtype)
    for n in range(N):
        for k in range(K):
            for i in range(h_out):
                for j in range(w_out):
                    total = b[k]
                    for c in range(C):
                        for u in range(field):
                            for v in range(field):
                                total += w[k, c, u, v] * x_padded[n, c, i * stride + u, j * stride + v]
                    y[n, k, i, j] = total
    return y


def random_layer(shape, filters, field, stride, padding, seed=SEED):
    """A batch x, filters w, biases b, and an upstream gradient for the maps, all random in float64."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=shape), rng.normal(size=(filters, shape[1], field, field))
    sizes = [output_size(side, field, stride, padding) for side in shape[2:]]
    return x, w, rng.normal(size=filters), rng.normal(size=(shape[0], filters, *sizes))


LAYERS = [  # shape of the batch, filters, field, stride, padding: odd sizes, one picture, strides that don't come out
    ((2, 3, 7, 6), 4, 3, 1, 1),
    ((1, 1, 5, 5), 1, 5, 1, 0),
    ((3, 2, 8, 9), 2, 3, 2, 1),
    ((1, 4, 7, 7), 3, 2, 3, 0),
    ((2, 2, 6, 5), 3, 1, 1, 0),
    ((1, 2, 4, 6), 2, 4, 2, 2),
]
# check: eq-conv-layer
for *sizes, stride, padding in LAYERS:
    x, w, b, _ = random_layer(*sizes, stride, padding)
    by_torch = F.conv2d(torch.tensor(x), torch.tensor(w), torch.tensor(b), stride, padding).numpy()
    assert np.allclose(conv_loops(x, w, b, stride, padding), by_torch, rtol=1e-10, atol=1e-12)
print(f"seven loops agree with PyTorch on {len(LAYERS)} layers")

# %% [markdown]
# ### Every patch a column: im2col
#
# The loops over the output only decide *which* patch is next. The three inner ones are an inner product of a patch with a filter. So put the patches down first: each patch, flattened to $F^2 C$ numbers, becomes one **column** of a large matrix. The layout is known as *image to columns*, **im2col**. With the filters
# flattened to the rows of a matrix of shape $(K, F^2 C)$, all inner products at once are one matrix product:
#
# $$
# \underbrace{Y}_{K \times N H_\text{out} W_\text{out}}
#   = \underbrace{W_\text{rows}}_{K \times F^2 C} \; \underbrace{X_\text{col}}_{F^2 C \times N H_\text{out} W_\text{out}} + \; \mathbf{b}\,\mathbf{1}^\top .
# $$ (eq-conv-im2col)
#
# Does building $X_\text{col}$ take loops again? Only over the $F^2$ weights of the filter. Weight $(u, v)$ meets, over all places, a rectangle of the padded picture: the one that begins at row $u$ and column $v$ and takes every $S$-th pixel. That rectangle is one slice.


# %%
def im2col(x, field, stride=1, padding=0):
    """Patches of x (N, C, H, W) as columns: (C·F·F, N·H_out·W_out)."""
    N, C, H, W = x.shape
    h_out, w_out = output_size(H, field, stride, padding), output_size(W, field, stride, padding)
    x_padded = pad(x, padding)
    columns = np.empty((C, field, field, N, h_out, w_out), dtype=x.dtype)
    for u in range(field):
        for v in range(field):
            met = x_padded[:, :, u : u + stride * h_out : stride, v : v + stride * w_out : stride]
            columns[:, u, v] = met.transpose(1, 0, 2, 3)  # (C, N, H_out, W_out)
    return columns.reshape(C * field * field, N * h_out * w_out)


counting = np.arange(1.0, 17.0).reshape(1, 1, 4, 4)
counted_columns = im2col(counting, 3)
print(counted_columns.astype(int))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-im2col", "caption": "Left: a picture of 4×4 pixels, numbered; a 3×3 filter fits at four places, one of them framed. Right: the matrix of columns, one for each place; the framed patch is the framed column. Most pixels occur several times: this is the price."}, "image": {"alt": "A four-by-four grid with the numbers 1 to 16 and a frame around nine of them; beside it a matrix of nine rows and four columns with the second column framed."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.9), width_ratios=[1, 1])
for ax, values in ((left, counting[0, 0]), (right, counted_columns)):
    ax.imshow(values, cmap=plots.SEQUENTIAL, vmin=1, vmax=22, alpha=0.75, aspect="equal")
    for place, value in np.ndenumerate(values):
        ax.text(*place[::-1], f"{value:.0f}", ha="center", va="center", fontsize=9)
    ax.axis("off")
left.add_patch(Rectangle((0.5, -0.5), 3, 3, fill=False, edgecolor="#D55E00", linewidth=3))
right.add_patch(Rectangle((0.5, -0.5), 1, 9, fill=False, edgecolor="#D55E00", linewidth=3))
left.set_title("picture", fontsize=11, loc="center")
right.set_title("columns", fontsize=11, loc="center")
plt.show()

# %% [markdown]
# ### One matrix product
#
# The rest is bookkeeping: reshape the filters to rows, multiply, and put the axes back into the order $(N, K, H_\text{out}, W_\text{out})$.


# %%
def conv_forward(x, w, b, stride=1, padding=0):
    """As `conv_loops`, by im2col and one matrix product."""
    (N, _, H, W), (K, _, field, _) = x.shape, w.shape
    h_out, w_out = output_size(H, field, stride, padding), output_size(W, field, stride, padding)
    y = w.reshape(K, -1) @ im2col(x, field, stride, padding) + b[:, None]  # (K, N·H_out·W_out)
    return y.reshape(K, N, h_out, w_out).transpose(1, 0, 2, 3)


# check: eq-conv-im2col
for *sizes, stride, padding in LAYERS:
    x, w, b, _ = random_layer(*sizes, stride, padding)
    reference = conv_loops(x, w, b, stride, padding)
    assert np.allclose(conv_forward(x, w, b, stride, padding), reference, rtol=1e-10, atol=1e-12)
print(f"one matrix product agrees with seven loops on {len(LAYERS)} layers")

# %% [markdown]
# The price is memory. Each pixel occurs in up to $F^2$ columns, so $X_\text{col}$ is nearly nine times as large as $x$ for $3 \times 3$ filters. Whether that is a bad bargain we shall measure in {ref}`sec-conv-speed`.
#
# (sec-conv-backward)=
# ## The way back
#
# To learn filters, we need the gradient of a loss $L$ with respect to everything that went in. Suppose we know $\partial L / \partial y_{nkij}$ for all outputs, from whatever comes after. The chain rule sums over all outputs that an input has a part in, and {eq}`eq-conv-layer` says which they are. It
# is linear in $b$, $w$ and $x$, so each derivative can be read off.
#
# *Biases.* $b_k$ is added to every place of map $k$:
#
# $$
# \frac{\partial L}{\partial b_k} = \sum_{n,i,j} \frac{\partial L}{\partial y_{nkij}} .
# $$ (eq-conv-db)
#
# *Weights.* $w_{kcuv}$ multiplies, at place $(i, j)$, the pixel $\tilde x_{n,c,iS+u,jS+v}$:
#
# $$
# \frac{\partial L}{\partial w_{kcuv}} = \sum_{n,i,j} \frac{\partial L}{\partial y_{nkij}}\; \tilde x_{n,\,c,\,iS+u,\,jS+v} .
# $$ (eq-conv-dw)
#
# For $S = 1$ this is a cross-correlation again: the picture, correlated with the upstream gradient as a large filter.
#
# *Pixels.* $\tilde x_{ncpq}$ takes part in every output whose patch contains it, with the weight that lies on it there:
#
# $$
# \frac{\partial L}{\partial \tilde x_{ncpq}} = \sum_{k} \; \sum_{iS+u = p} \; \sum_{jS+v = q} \frac{\partial L}{\partial y_{nkij}}\; w_{kcuv} .
# $$ (eq-conv-dx)
#
# Look at the last one with $S = 1$: $u = p - i$, so the sum runs over $\partial L/\partial y_{nk,\,p-u,\,q-v}\, w_{kcuv}$, with the two minus signs of {eq}`eq-conv-convolution`. Forward is a correlation, **backward is a convolution**. Each output stamps a copy of the filter, as strong as its gradient, onto the pixels it
# came from. Gathering and scattering, the two halves of {ref}`sec-conv-flip`, are the two directions of one layer.
#
# ### Seven loops, backwards
#
# In code the derivation is shorter than in formulas. The loops stay; the line `total += w * x` becomes two: what $w$ contributed goes to `dw`, what $x$ contributed goes to `dx`. The witness is chapter 3's
# `numerical_gradient`, which lives in `course_utils.gradcheck` by now.


# %%
def conv_loops_backward(dout, x, w, stride=1, padding=0):
    """Gradients (dx, dw, db) for an upstream gradient dout (N, K, H_out, W_out)."""
    (N, C, H, W), (K, _, field, _) = x.shape, w.shape
    x_padded = pad(x, padding)
    dx_padded, dw, db = np.zeros_like(x_padded), np.zeros_like(w), np.zeros(K, dtype=w.dtype)
    for n in range(N):
        for k in range(K):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    d = dout[n, k, i, j]
                    db[k] += d
                    for c in range(C):
                        for u in range(field):
                            for v in range(field):
                                dw[k, c, u, v] += d * x_padded[n, c, i * stride + u, j * stride + v]
                                dx_padded[n, c, i * stride + u, j * stride + v] += d * w[k, c, u, v]
    return dx_padded[:, :, padding : padding + H, padding : padding + W], dw, db


def gradients_by_differences(x, w, b, dout, *geometry):
    """(dx, dw, db) of L = Σ dout · y, whose upstream gradient is dout, by central differences."""

    def loss(x, w, b):
        return (dout * conv_forward(x, w, b, *geometry)).sum()  # checked above, and quicker than loops

    return (
        numerical_gradient(lambda new: loss(new, w, b), x),
        numerical_gradient(lambda new: loss(x, new, b), w),
        numerical_gradient(lambda new: loss(x, w, new), b),
    )


# check: eq-conv-db, eq-conv-dw, eq-conv-dx
for *sizes, stride, padding in LAYERS:
    x, w, b, dout = random_layer(*sizes, stride, padding)
    by_loops = conv_loops_backward(dout, x, w, stride, padding)
    by_differences = gradients_by_differences(x, w, b, dout, stride, padding)
    for found, expected in zip(by_loops, by_differences, strict=True):
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-8)
print("dx, dw, db agree with central differences at every index")

# %% [markdown]
# ### The same with matrices
#
# The matrix form inherits its gradients from the linear layer of chapter 3. From $Y = W_\text{rows} X_\text{col} + \mathbf{b}\mathbf{1}^\top$ follow
#
# $$
# \frac{\partial L}{\partial W_\text{rows}} = \frac{\partial L}{\partial Y}\, X_\text{col}^\top,
# \qquad
# \frac{\partial L}{\partial X_\text{col}} = W_\text{rows}^\top\, \frac{\partial L}{\partial Y} .
# $$ (eq-conv-matrix-gradients)
#
# What remains is the way from the gradient of the columns back to the picture. `im2col` *copies* pixels into columns; a pixel that was copied nine times gets the sum of nine gradients. So run the same slices and *add* where `im2col` read. That is **col2im**. It does not undo `im2col`: it is
# its **adjoint** (as a matrix, its transpose), and there is a test for adjoints that catches every slip in the indices: for any $x$ and any columns $c$,
#
# $$
# \langle \operatorname{im2col}(x),\, c \rangle = \langle x,\, \operatorname{col2im}(c) \rangle ,
# $$ (eq-conv-adjoint)
#
# where $\langle\cdot,\cdot\rangle$ multiplies entry by entry and adds up.


# %%
def col2im(columns, shape, field, stride=1, padding=0):
    """Add columns (C·F·F, N·H_out·W_out) up where their pixels came from: (N, C, H, W) = shape."""
    N, C, H, W = shape
    h_out, w_out = output_size(H, field, stride, padding), output_size(W, field, stride, padding)
    columns = columns.reshape(C, field, field, N, h_out, w_out)
    x_padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=columns.dtype)
    for u in range(field):
        for v in range(field):
            met = x_padded[:, :, u : u + stride * h_out : stride, v : v + stride * w_out : stride]
            met += columns[:, u, v].transpose(1, 0, 2, 3)
    return x_padded[:, :, padding : padding + H, padding : padding + W]


# check: eq-conv-adjoint
for (shape, _, field, stride, padding), seed in zip(LAYERS, range(len(LAYERS)), strict=True):
    x = np.random.default_rng(seed).normal(size=shape)
    columns = im2col(x, field, stride, padding)
    c = np.random.default_rng(seed + 100).normal(size=columns.shape)
    assert np.isclose((columns * c).sum(), (x * col2im(c, shape, field, stride, padding)).sum())
print("col2im is the adjoint of im2col")


# %%
def conv_backward(dout, x, w, stride=1, padding=0):
    """As `conv_loops_backward`, by matrix products."""
    K, _, field, _ = w.shape
    dy = dout.transpose(1, 0, 2, 3).reshape(K, -1)  # (K, N·H_out·W_out)
    dw = dy @ im2col(x, field, stride, padding).T  # (K, C·F·F)
    dx = col2im(w.reshape(K, -1).T @ dy, x.shape, field, stride, padding)
    return dx, dw.reshape(w.shape), dy.sum(axis=1)


# check: eq-conv-matrix-gradients
for *sizes, stride, padding in LAYERS:
    x, w, b, dout = random_layer(*sizes, stride, padding)
    x_t, w_t, b_t = (torch.tensor(a, requires_grad=True) for a in (x, w, b))
    F.conv2d(x_t, w_t, b_t, stride, padding).backward(torch.tensor(dout))
    by_loops = conv_loops_backward(dout, x, w, stride, padding)
    by_matrix = conv_backward(dout, x, w, stride, padding)
    for ours, loops, theirs in zip(by_matrix, by_loops, (x_t.grad, w_t.grad, b_t.grad), strict=True):
        assert np.allclose(ours, loops, rtol=1e-10, atol=1e-12)
        assert np.allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)
print(f"backward: matrix products = seven loops = PyTorch on {len(LAYERS)} layers")

# %% [markdown]
# The four versions agree, forward and backward, for odd sizes, single pictures, strides that do not come out even and filters as large as the picture. One more look at the claim that backward is a convolution, with the function that stamps:

# %%
x, w, b, dout = random_layer((1, 1, 6, 7), 1, 3, 1, 0)
dx, dw, db = conv_backward(dout, x, w)
assert np.allclose(dx[0, 0], convolve_full(dout[0, 0], w[0, 0]))
assert np.allclose(dw[0, 0], F.conv2d(torch.tensor(x), torch.tensor(dout)).numpy()[0, 0])
print("dx is the convolution of dout with w; dw is the correlation of x with dout")

# %% [markdown]
# <div class="question">
#
# **Quick question 6.** A layer has $F = 3$, $S = 1$, $P = 0$, one channel and one filter. Into how many outputs does the pixel in the *corner* of the picture go, and what is its gradient?
#
# <details class="choice"><summary>Into nine, and it gets the sum of nine terms</summary>
#
# That is true of pixels at least two away from every border. A filter that covers the corner can stand at one place only.
#
# </details>
#
# <details class="choice right"><summary>Into one, and its gradient is one product</summary>
#
# Right: only the place $(0, 0)$ covers it, with the weight $w_{00}$, so $\partial L / \partial x_{00} = w_{00}\, \partial L/\partial y_{00}$. Pixels near the border are asked less often, which is a second reason for padding.
#
# </details>
#
# <details class="choice"><summary>Into none; the border is lost without padding</summary>
#
# The *map* is smaller than the picture, but every pixel is read. The corner is read once.
#
# </details>
# </div>
#
# (sec-conv-speed)=
# ## How fast is it?
#
# Speed needs a yardstick. The best this machine can do with numbers is to multiply large matrices: that routine has been tuned for decades {cite:p}`goto2008anatomy`. So measure its rate first, and give all other rates as a fraction of it. For the rates we need to know the work. Each output takes $F^2 C$ multiplications
# and as many additions:
#
# $$
# \text{operations} = 2 \cdot N \, H_\text{out} W_\text{out} \cdot F^2 C \cdot K ,
# $$ (eq-conv-operations)
#
# and backward takes twice that, one product for the weights and one for the columns. PyTorch can count too:

# %%
from torch.utils.flop_counter import FlopCounterMode


def operations(N, C, H_out, W_out, K, field):
    """Multiplications and additions of one convolution layer, forward."""
    return 2 * N * H_out * W_out * field**2 * C * K


with FlopCounterMode(display=False) as counter:
    F.conv2d(torch.zeros(4, 6, 9, 9), torch.zeros(5, 6, 3, 3), stride=2, padding=1)
# check: eq-conv-operations
assert counter.get_total_flops() == operations(4, 6, 5, 5, 5, 3)
full = operations(64, 64, 16, 16, 128, 3)
print(f"64 × 64 × 16 × 16 with 128 filters 3×3×64: {full / 1e9:.2f} · 10⁹ operations forward")

# %% [markdown]
# That last layer is our test case: a batch of 64 with 64 maps of $16 \times 16$, and 128 filters of $3 \times 3$; a layer from the middle of a small network. Everything runs in `float32`, on one core.
#
# One improvement first. The columns of the whole batch take 38 MB, more than most caches hold. They are written to memory and fetched back. But pictures don't depend on each other, so nothing forces us to lay them all out at once: take two at a time, and their columns (1.2 MB) stay there. The blocks
# don't depend on each other either, so with several cores each can take a block.


# %%
def for_each_block(work, N, block, workers):
    """Call work(slice) for slices of `block` pictures, on several threads if there are several workers."""
    slices = [slice(start, start + block) for start in range(0, N, block)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slices))


def forward_in_blocks(x, w, b, stride=1, padding=0, block=2, workers=1):
    """As `conv_forward`, a few pictures at a time."""
    sizes = [output_size(side, w.shape[2], stride, padding) for side in x.shape[2:]]
    y = np.empty((len(x), len(w), *sizes), dtype=x.dtype)

    def one(some):
        y[some] = conv_forward(x[some], w, b, stride, padding)

    for_each_block(one, len(x), block, workers)
    return y


def backward_in_blocks(dout, x, w, stride=1, padding=0, block=2, workers=1):
    """As `conv_backward`, a few pictures at a time: dw and db are sums over the blocks."""
    dx = np.empty_like(x)

    def one(some):
        dx[some], dw, db = conv_backward(dout[some], x[some], w, stride, padding)
        return dw, db

    parts = for_each_block(one, len(x), block, workers)
    return dx, sum(dw for dw, _ in parts), sum(db for _, db in parts)


x, w, b, dout = random_layer((5, 3, 8, 9), 4, 3, 2, 1)
assert np.allclose(forward_in_blocks(x, w, b, 2, 1, workers=2), conv_forward(x, w, b, 2, 1))
for ours, whole in zip(
    backward_in_blocks(dout, x, w, 2, 1, workers=2), conv_backward(dout, x, w, 2, 1), strict=True
):
    assert np.allclose(ours, whole)
print("in blocks, on one thread or two: the same result")

# %% [markdown]
# A small race, live. The loops get a tiny share of the batch (their rate is what counts), the rest a quarter of it.


# %% tags=["nbval-ignore-output"]
# varies: seconds
def best_seconds(function, repeats=5):
    """Shortest of several runs: what the machine can do when nothing else is in the way."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


race = np.random.default_rng(SEED)
x, w = (race.standard_normal(s, dtype=np.float32) for s in ((16, 64, 16, 16), (128, 64, 3, 3)))
b, dout = (
    race.standard_normal(128, dtype=np.float32),
    race.standard_normal((16, 128, 16, 16), dtype=np.float32),
)
square = race.standard_normal((1024, 1024), dtype=np.float32)
work, tiny = operations(16, 64, 16, 16, 128, 3), operations(1, 64, 16, 16, 1, 3)
with threadpool_limits(1):  # one core
    product = 2 * 1024**3 / best_seconds(lambda: square @ square)
    rate = {
        "seven loops, forward": tiny / best_seconds(lambda: conv_loops(x[:1], w[:1], b[:1], 1, 1), 1),
        "seven loops, backward": 2 * tiny / best_seconds(lambda: conv_loops_backward(dout[:1, :1], x[:1], w[:1], 1, 1), 1),
        "one product, forward": work / best_seconds(lambda: conv_forward(x, w, b, 1, 1)),
        "one product, backward": 2 * work / best_seconds(lambda: conv_backward(dout, x, w, 1, 1)),
        "in blocks, forward": work / best_seconds(lambda: forward_in_blocks(x, w, b, 1, 1)),
        "in blocks, backward": 2 * work / best_seconds(lambda: backward_in_blocks(dout, x, w, 1, 1)),
    }  # fmt: skip
print(f"matrix product: {product / 1e9:.0f} GFLOP/s on one core")
for title, value in rate.items():
    print(f"{title:<22} {value / 1e9:>9.3f} GFLOP/s   {value / product:>8.3%} of the matrix product")
times = {way: rate[f"in blocks, {way}"] / rate[f"seven loops, {way}"] for way in ("forward", "backward")}
print(", ".join(f"{way}: {value:,.0f} times the loops" for way, value in times.items()))
if DATASET == "pocket10":
    assert min(times.values()) > 100
    assert all(0.01 < rate[f"in blocks, {way}"] / product < 10 for way in times)

# %% [markdown]
# Your figures differ from run to run, more so if the machine is busy with other things. The next table was recorded at full size: nine rounds, in each of which everything is measured one after the other, so that each share compares neighbours in time. It shows the medians.

# %%
recorded_speed = results.load("convolution_speed")
one_core, all_cores = (recorded_speed["metrics"][key] for key in ("one_core", "all_cores"))
cores = recorded_speed["settings"]["all_cores"]


def middle(summary):
    """Median over the rounds."""
    return float(np.median(summary["per_seed"]))


rows = []
for key, title in (
    ("loops", "seven loops"),
    ("whole", "one matrix product"),
    ("", "in blocks"),
    ("torch", "PyTorch"),
):
    for way in ("forward", "backward"):
        name = f"{key}_{way}".lstrip("_")
        shares = [f"{middle(one_core[f'{name}_share']):.3%}"]
        shares.append(f"{middle(all_cores[f'{name}_share']):.0%}" if f"{name}_share" in all_cores else "–")
        rows.append([f"{title}, {way}", f"{middle(one_core[f'{name}_gflops']):.3f}", *shares])
print(results.table(rows, ["x (64,64,16,16), w (128,64,3,3)", "GFLOP/s", "share, 1 core", f"{cores} cores"]))
rate = middle(one_core["matrix_product_gflops"]), middle(all_cores["matrix_product_gflops"])
print(f"\nmatrix product: {rate[0]:.0f} GFLOP/s on one core, {rate[1]:.0f} on {cores}")
for way in ("forward", "backward"):
    times_loops = middle(one_core[f"{way}_gflops"]) / middle(one_core[f"loops_{way}_gflops"])
    print(f"{way}: {times_loops:,.0f} times as fast as seven loops, on one core")
    assert times_loops > 500 and middle(one_core[f"{way}_share"]) > 0.5
print()
print(fill(results.provenance(recorded_speed), 75))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-speed", "caption": "Recorded rates on one core, on a logarithmic scale; the dashed line is the rate of a large matrix product. From loops to one matrix product it is a factor of thousands; everything after that is a matter of tens of per cent."}, "image": {"alt": "Horizontal bars on a logarithmic axis: seven loops at a few thousandths of a GFLOP per second, the other three close to the dashed line of the matrix product at about a hundred."}}
fig, ax = plt.subplots(figsize=(7, 3))
labels = ("seven loops", "one matrix product", "in blocks", "PyTorch")
for offset, way, colour in ((-0.2, "forward", "C0"), (0.2, "backward", "C1")):
    keys = [f"{key}{way}_gflops" for key in ("loops_", "whole_", "", "torch_")]
    ax.barh(np.arange(4) + offset, [middle(one_core[key]) for key in keys], 0.38, color=colour, label=way)
ax.axvline(rate[0], color="black", linestyle="--", linewidth=1.2, label="matrix product")
ax.set(xscale="log", xlim=(3e-4, 1000), xlabel="GFLOP/s on one core", yticks=range(4), yticklabels=labels)
ax.invert_yaxis()
ax.legend(fontsize=9, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0))
plt.show()

# %% [markdown]
# Where does the time go? The seven loops spend it on everything but arithmetic: for each multiplication, Python looks up two arrays, checks two indices of four numbers each, and makes two objects. The matrix product spends it on arithmetic. What keeps us below its full rate is
# the copying: `im2col` writes each number nine times and the product reads it again, and on the way back `col2im` adds each of nine copies to its place. In blocks, this happens in the cache, and is cheaper. Libraries like those that PyTorch calls leave out even that: they read the patches from the picture as the product needs
# them, and for some shapes use other algorithms altogether {cite:p}`chetlur2014cudnn,lavin2016fast`.
#
# The lesson is older than convolution: *bring the problem into the form of a matrix product, and let somebody else's years of work do the rest*.

# %% [markdown]
# (sec-conv-learn)=
# ## Let the filter be learned
#
# All filters so far were made by people who knew what they wanted. Now put the backward pass to use. Here is a task for which you may *not* know the best weights: pictures have been spoiled by noise, and a filter of $5 \times 5$ is to restore them. We only have examples: spoiled pictures and clean ones. The loss is the mean squared difference
# of what comes out and what should; the gradient goes through `conv_backward`; gradient descent keeps nine tenths of its last step as momentum (chapter 9 says why that helps).

# %%
clean = gray[:60, None] - 0.5  # (N, C, H, W)
noisy = clean + 0.15 * np.random.default_rng(SEED).normal(size=clean.shape)


def restoring_loss(w, b):
    """Mean squared error of the restored pictures, and its gradients by w and b."""
    error = conv_forward(noisy, w, b, padding=2) - clean
    _, dw, db = conv_backward(2 * error / error.size, noisy, w, padding=2)
    return (error**2).mean(), dw, db


w_learned, b_learned = np.zeros((1, 1, 5, 5)), np.zeros(1)
w_step, b_step = np.zeros_like(w_learned), np.zeros_like(b_learned)
losses, snapshots = [], {}
for step_number in range(81):
    loss, dw, db = restoring_loss(w_learned, b_learned)
    losses.append(loss)
    if step_number in (1, 5, 20, 80):
        snapshots[step_number] = w_learned[0, 0].copy()
    w_step, b_step = 0.9 * w_step - 0.3 * dw, 0.9 * b_step - 0.3 * db
    w_learned, b_learned = w_learned + w_step, b_learned + b_step

box = np.full((1, 1, 3, 3), 1 / 9)
of_box = ((conv_forward(noisy, box, np.zeros(1), padding=1) - clean) ** 2).mean()
print(f"left alone: {((noisy - clean) ** 2).mean():.4f}   average of 3×3: {of_box:.4f}")
print(f"learned after {step_number} steps: {losses[-1]:.4f}")

# %% mystnb={"figure": {"name": "fig-conv-learned", "caption": "Above: the learned filter after 1, 5, 20 and 80 steps; it finds a soft bump that trusts a pixel most, its neighbours less, and distant ones hardly at all. Below: a clean picture, the same with noise, restored by averaging 3×3 pixels, and by the learned filter."}, "image": {"alt": "Four five-by-five filters that develop from a blurred block to a bump in the middle, and four pictures of one object: clean, noisy, blurred, and restored with more detail."}}
example = int(cars[0]) if cars[0] < len(clean) else 0
blurred = conv_forward(noisy[example : example + 1], box, np.zeros(1), padding=1)[0, 0]
restored = conv_forward(noisy[example : example + 1], w_learned, b_learned, padding=2)[0, 0]
fig, axes = plt.subplots(2, 4, figsize=(7.6, 4.1))
for ax, (step_number, values) in zip(axes[0], snapshots.items(), strict=True):
    ax.imshow(values, cmap=plots.DIVERGING, vmin=-0.2, vmax=0.2)
    ax.set_title(f"step {step_number}", fontsize=10, loc="center")
for ax, values, title in zip(
    axes[1],
    (clean[example, 0], noisy[example, 0], blurred, restored),
    ("clean", "noisy", "average of 3×3", "learned"),
    strict=True,
):
    ax.imshow(values, cmap="gray", vmin=-0.5, vmax=0.5)
    ax.set_title(title, fontsize=10, loc="center")
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# Nobody told it to blur, nor how far. It found a bump, as statistics says it should, since nearby pixels say most about the true value. Is it the *best* filter of its size? A single convolution layer with a squared loss is linear least squares in disguise, with the columns of `im2col` as its rows of data, so chapter 3's exact solution settles it:

# %%
design = np.vstack([im2col(noisy, 5, padding=2), np.ones(noisy.size)]).T  # (N·H·W, 26)
best = np.linalg.lstsq(design, clean.transpose(1, 0, 2, 3).ravel(), rcond=None)[0]
best_loss = ((design @ best - clean.ravel()) ** 2).mean()
assert best_loss <= losses[-1] < 1.02 * best_loss
assert np.allclose(w_learned.ravel(), best[:-1], atol=0.02)
print(f"best possible for 5×5: {best_loss:.4f}; learned: {losses[-1]:.4f}")

# %% [markdown]
# (sec-conv-summary)=
# ## A first use: forget the place
#
# What moves with the picture does not yet stay *the same* when the picture moves. But it is easy to make something that does. Take a response map and ask only *how strongly* the filter answered on the whole, not where: the mean of its positive part, and the mean of its negative part. Two numbers a filter. A moved map has the same mean, up
# to what happens at the border. **Equivariant maps, then a summary over places, give invariance**: the recipe of nearly every network that looks at pictures.
#
# Nine filters by hand: five that look at brightness (two straight edges, two diagonals, spots), three that measure colour (brightness, yellow against blue, red against green), and an edge of yellow against blue. That makes 18 numbers a picture, in place of 3,072. Classify them linearly, and compare with a
# linear classifier on all the pixels. Both solve least squares towards one-hot targets with a small penalty on the weights, which has a closed form like that of {ref}`sec-linear-least-squares`.

# %%
grey_of, yellow_blue, red_green = np.full(3, 1 / 3), np.array([0.5, 0.5, -1.0]), np.array([1.0, -1.0, 0.0])
bank = np.stack(
    [np.multiply.outer(grey_of, w) for w in list(FILTERS.values())[:5]]
    + [np.multiply.outer(colour, np.ones((3, 3)) / 9) for colour in (grey_of, yellow_blue, red_green)]
    + [np.multiply.outer(yellow_blue, FILTERS["vertical edges"])]
)  # (K, C, F, F) = (9, 3, 3, 3)


def as_batch(images):
    """Pictures (N, H, W, 3) uint8 as a batch (N, 3, H, W) of numbers around 0."""
    return images.transpose(0, 3, 1, 2) / 255.0 - 0.5


def strengths(x):
    """Mean positive and mean negative response of each filter of the bank: (N, 2K)."""
    maps = forward_in_blocks(x, bank, np.zeros(len(bank)), block=20)
    return np.hstack([np.maximum(maps, 0).mean(axis=(2, 3)), np.maximum(-maps, 0).mean(axis=(2, 3))])


def fit_linear(rows, labels, penalty):
    """Weights (D + 1, classes) by penalised least squares on standardised rows (N, D), and a predictor."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9

    def standard(new):
        return np.hstack([(new - mean) / scale, np.ones((len(new), 1))])

    a, targets = standard(rows), np.eye(len(names))[labels]
    weights = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ targets)
    return lambda new: (standard(new) @ weights).argmax(axis=1)


x_train, x_test = as_batch(images_train), as_batch(images_test)
by_strengths = fit_linear(strengths(x_train), y_train, penalty=1.0)
by_pixels = fit_linear(x_train.reshape(len(x_train), -1), y_train, penalty=1000.0)

# %%
SHIFTS = (0, 1, 2, 3, 4, 6)


def moved_right(x, shift):
    """Move a batch to the right; the pixels at the left border are repeated."""
    return np.pad(x, ((0, 0), (0, 0), (0, 0), (shift, 0)), mode="edge")[:, :, :, : x.shape[3]]


answers = {}
for title, predict in (
    ("3,072 pixels", lambda x: by_pixels(x.reshape(len(x), -1))),
    ("18 strengths", lambda x: by_strengths(strengths(x))),
):
    answers[title] = np.array([predict(moved_right(x_test, shift)) for shift in SHIFTS])  # (shifts, N)

rows = [[title, *(f"{(found == y_test).mean():.0%}" for found in answers[title])] for title in answers] + [
    [f"{title}: answers changed", *(f"{(found != answers[title][0]).mean():.0%}" for found in answers[title])]
    for title in answers
]
print(results.table(rows, ["moved by (pixels)", *map(str, SHIFTS)]))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-invariance", "caption": "Test pictures moved to the right. Left: accuracy. Right: share of answers that differ from those on the unmoved picture. The classifier on 18 filter strengths keeps its accuracy and most of its answers; the one on pixels loses both at once."}, "image": {"alt": "Two charts against the shift in pixels: accuracy, flat for filter strengths and falling for pixels; changed answers, rising slowly for strengths and steeply for pixels."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
for (title, found), style in zip(answers.items(), ("s--", "o-"), strict=True):
    left.plot(SHIFTS, 100 * (found == y_test).mean(axis=1), style, label=title)
    right.plot(SHIFTS, 100 * (found != found[0]).mean(axis=1), style, label=title)
left.axhline(100 / len(names), color="gray", linestyle=":", label="guessing")
left.set(xlabel="pixels to the right", ylabel="accuracy in %", ylim=(0, 50))
right.set(xlabel="pixels to the right", ylabel="changed answers in %", ylim=(0, 100))
left.legend(fontsize=9)
plt.show()

# %% [markdown]
# Eighteen numbers from filters made in a minute come within a few points of 3,072 pixels on pictures that stand where they stood in training. As soon as anything moves, they are far ahead. The accuracy is still modest: *how strongly* without *where* is too little, and nine filters are few. Learned filters, in several layers, are the subject of the next chapter.
#
# (sec-conv-real)=
# ## On real photographs
#
# The nine filters by hand work on photographs as well. Every way of classifying below ends in the same softmax classifier, trained on the same 10,000 training pictures of CIFAR-10 {cite:p}`krizhevsky2009learning`; what differs is what it is given. *Pixels*: the 3,072 numbers. *Nine filters*: those of the last section. *Random noise*: 32 filters of
# $5 \times 5 \times 3 = 75$ random weights. *Patches*: 32 filters that are pieces of training pictures, whitened, after {cite:t}`coates2011analysis`. Filters' responses are split by sign and averaged in a grid of $4 \times 4$ cells, so that a little of the *where* is kept. No filter was trained.

# %%
recorded = results.load("cifar10_filter_bank")
filters = recorded["settings"]["filters"]
rows = [
    [
        title,
        results.percent(recorded["metrics"][key]["train_accuracy"]),
        results.percent(recorded["metrics"][key]["test_accuracy"]),
    ]
    for key, title in (
        ("pixels", "pixels"),
        ("hand_made", f"{filters['hand_made']} filters by hand"),
        ("noise", f"{filters['noise']} filters of random noise"),
        ("patches", f"{filters['patches']} patches of photographs"),
    )
]
print(results.table(rows, ["softmax on …", "training", "test"]))
print()
print(fill(results.provenance(recorded), 75))
by_key = {key: found["test_accuracy"]["mean"] for key, found in recorded["metrics"].items()}
assert by_key["pixels"] + 0.15 < by_key["hand_made"] < by_key["patches"]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-conv-patches", "caption": "The 32 patches of photographs that serve as filters, each 5×5×3, whitened and brightened for display. Some are edges or spots, some set one colour against another, and many look like nothing that anybody would have thought of."}, "image": {"alt": "Thirty-two small squares of five by five coloured pixels; in some of them bars, spots or two opposite colours can be made out."}}
filters = results.load_arrays("cifar10_filter_bank_patches")["filters"].astype(np.float32)  # (K, 3, 5, 5)
shown = filters / np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
plots.show_images(shown.transpose(0, 2, 3, 1), columns=16, zoom=0.5, limits=(-1.0, 1.0))

# %% [markdown]
# From pixels to nine filters made by hand, the error falls by a third, and not because the classifier got any cleverer: it is linear in each row of the table. Even *random* filters help about as much, as long as positive and negative answers are kept apart and summarised over places; it is an effect that {cite:t}`jarrett2009what` and
# {cite:t}`saxe2011random` studied. Filters from photographs do best, by a little. What remains to be done is to *train* them, together with what comes after, and to put several layers on top of each other.

# %% [markdown]
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 6.1: the filter that likes a patch best
#
# The cross of quick question 1 left the edge filter cold. Among all filters whose squared weights sum to 1, which one answers most strongly to a given patch, and how strongly? Check your claim against a thousand random filters.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The response is an inner product of two vectors of nine numbers. When is an inner product of vectors of fixed length largest?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Cauchy–Schwarz: $|\langle x, w\rangle| \le \lVert x \rVert\, \lVert w \rVert$, with equality when the one is a multiple of the other.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# favourite = cross / np.sqrt((cross**2).sum())
# strongest = (favourite * cross).sum()
# assert np.isclose(strongest, np.sqrt(5))
#
# others = np.random.default_rng(SEED).normal(size=(1000, 3, 3))
# others /= np.sqrt((others**2).sum(axis=(1, 2), keepdims=True))
# assert ((others * cross).sum(axis=(1, 2)) < strongest).all()
# ```
#
# The patch itself, scaled to length 1, answers $\lVert x \rVert = \sqrt 5$. A filter is a picture of what it looks for. (In a *map* the largest answer may still come from a brighter patch of another shape, because the bound grows with $\lVert x \rVert$; dividing by the patch's length gives normalised cross-correlation, the classic of template matching.)
#
# </details>
#
# ### Exercise 6.2: a size that does not come out
#
# AlexNet's first layer has 96 filters of $11 \times 11 \times 3$ with stride 4. The paper {cite:p}`krizhevsky2012imagenet` gives the input as $224 \times 224$ and the maps as $55 \times 55$. Show that without padding this cannot be. Which input size or which padding makes it right? How many parameters does the layer have?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Put the numbers into {eq}`eq-conv-size` with $P = 0$. What does the rounding hide?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Let the code try every padding from 0 to 5 at size 224, and all sizes from 220 to 230 at padding 0.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# assert output_size(224, 11, stride=4) == 54
# assert [P for P in range(6) if output_size(224, 11, 4, P) == 55] == [2, 3]
# assert [size for size in range(220, 231) if output_size(size, 11, 4) == 55] == [227, 228, 229, 230]
# assert parameters(11, 3, 96) == 34_944
# ```
#
# $(224 - 11)/4 + 1 = 54.25$, so 54. With $227$ pixels the division comes out even, which is what many believe was meant; torchvision's AlexNet keeps 224 and pads by 2.
#
# </details>
#
# ### Exercise 6.3: two small filters or one large one
#
# Two layers of $3 \times 3$, one after the other with nothing in between, see as much as one layer of $5 \times 5$. Show on one channel that they *are* one layer of $5 \times 5$, and find its filter. Then compare the numbers of weights for $C$ channels everywhere.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Convolution is associative; correlation is convolution with the flipped filter.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $x \star a \star b = x * \operatorname{flip}(a) * \operatorname{flip}(b)$. What is $\operatorname{flip}(a) * \operatorname{flip}(b)$?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# joined = convolve_full(a_rand, b_rand)  # (5, 5)
# assert np.allclose(correlate(correlate(x_rand, a_rand), b_rand), correlate(x_rand, joined))
#
# C = 64
# assert 2 * (9 * C * C) == 73_728 and 25 * C * C == 102_400
# ```
#
# The filter is the full convolution $a * b$. Two small ones need $18C^2$ weights, the large one $25C^2$. That is one half of the argument with which {cite:t}`simonyan2015very` built their networks from $3 \times 3$ alone; the other half is that something nonlinear goes in between, and then the two layers are *more* than one.
#
# </details>
#
# ### Exercise 6.4: who is asked how often
#
# For $6 \times 6$ pixels, $F = 3$, $S = 1$, compute in how many patches each pixel occurs, without and with padding 1. Use only functions of this chapter, and no loop.
#
# <details class="hint"><summary>Hint 1</summary>
#
# What does `col2im` do with columns that are all ones?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The number of places, and so of columns, is 16 without padding and 36 with it.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# shape = (1, 1, 6, 6)
# plain = col2im(np.ones((9, 16)), shape, 3)[0, 0]
# framed = col2im(np.ones((9, 36)), shape, 3, padding=1)[0, 0]
# assert plain[0].tolist() == [1, 2, 3, 3, 2, 1] and plain[2, 2] == 9
# assert framed[0].tolist() == [4, 6, 6, 6, 6, 4] and framed[1, 1] == 9
# ```
#
# Padding gives the border pixels a fairer hearing: the corner goes from one patch to four. It is also the gradient of the sum of all outputs for a filter of ones.
#
# </details>
#
# ### Exercise 6.5: waves do not change their shape
#
# On a ring of $n$ pixels, show that a wave $x_t = e^{2\pi i m t / n}$ goes through a convolution unchanged but for a factor, and conclude that convolution can be computed by Fourier transforms: $\operatorname{FFT}(x * h) = \operatorname{FFT}(x) \cdot \operatorname{FFT}(h)$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Moving a wave by $s$ multiplies it by $e^{-2\pi i m s / n}$. What does a sum of moved waves look like?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Every $x$ is a sum of such waves, and the FFT gives their strengths.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# wave = np.exp(2j * np.pi * 3 * np.arange(ring) / ring)
# answer = sum(h_ring[s] * np.roll(wave, s) for s in range(ring))
# factor = (h_ring * np.exp(-2j * np.pi * 3 * np.arange(ring) / ring)).sum()
# assert np.allclose(answer, factor * wave) and np.isclose(factor, np.fft.fft(h_ring)[3])
# assert np.allclose(np.fft.ifft(np.fft.fft(x_ring) * np.fft.fft(h_ring)).real, a_moving @ x_ring)
# ```
#
# The factor is $\sum_s h_s e^{-2\pi i m s/n}$, the Fourier transform of the filter. For large filters this way is quicker than ours, since an FFT costs about $n \log n$; for $3 \times 3$ it is not, which is why networks rarely use it.
#
# </details>
#
# ### Exercise 6.6: what a bias is for
#
# A spot filter answers 0 on an even surface and a little to every speck of noise. Use its bias as a threshold: find one for which at most 1 in 100 places of a noise picture (standard deviation 0.05) gets a positive answer, and check it with `conv_forward`.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The answer is a weighted sum of nine independent normal numbers: normal again, with a variance you can compute from the weights.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# A normal number exceeds 2.33 standard deviations once in a hundred times.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# spots = FILTERS["spots"][None, None]
# deviation = 0.05 * np.sqrt((spots**2).sum())
# threshold = np.array([-2.33 * deviation])
# noise = 0.5 + 0.05 * np.random.default_rng(SEED).normal(size=(1, 1, 400, 400))
# positive = (conv_forward(noise, spots, threshold) > 0).mean()
# print(f"{positive:.2%} of the places answer")
# assert abs(positive - 0.01) < 0.002
# ```
#
# A learned bias does the same: it decides how much evidence is enough. Together with a step that cuts off negative answers, which chapter 5 introduces as ReLU, the layer becomes a set of detectors that are silent most of the time.
#
# </details>
#
# ## What to remember
#
# 1. A convolution layer asks the same small question at every place: local connections, shared weights. Networks compute cross-correlation and call it convolution.
# 2. The map moves with the picture (equivariance), and only convolutions do that among linear operations. A summary over places makes it invariant.
# 3. $W_\text{out} = \lfloor (W_\text{in} - F + 2P)/S \rfloor + 1$; a layer has $F^2 C K + K$ parameters, whatever the size of the picture.
# 4. Forward gathers, backward scatters: `dx` is a convolution with the filter, `dw` a correlation of input and upstream gradient; `col2im` is the adjoint of `im2col`.
# 5. Patches as columns turn the layer into one matrix product, thousands of times as fast as loops, and at more than half the rate that the machine reaches at best.
#
# ## Pitfalls
#
# - **Flipping, or not flipping.** `scipy.signal.convolve2d` and `np.convolve` flip, `F.conv2d` does not. A symmetric test filter hides the difference: test with an asymmetric one.
# - **Channels last.** Pictures come as $(H, W, C)$, layers want $(C, H, W)$. Use `transpose`; a `reshape` raises no error and scrambles the picture.
# - **Sizes that do not come out even** lose pixels at the right and lower border without a word.
# - **Forgetting that `col2im` adds.** With `=` in place of `+=`, each pixel keeps the gradient of its last patch only. The sums look plausible; the adjoint test fails at once.
# - **Cutting off the padding at one side only.** The gradient of the padded batch has to lose $P$ on all four sides. With $P = 0$ beware of `[-0]`: the slice `x[0:-0]` is empty.
# - **Checking with square pictures, one channel, stride 1.** Exchanged axes go unnoticed. Use odd and unequal sizes.
# - **Padding is not neutral.** A frame of zeros is a black frame on pictures from 0 to 1, and edge filters answer to it. Centre the pictures first, and the frame is grey.
#
# ## History and further reading
#
# {cite:t}`hubel1962receptive` found cells in the cat's visual cortex that answer to edges of one direction in one small part of the visual field, and others that answer wherever in a larger part the edge lies: filters, and summaries over places. {cite:t}`fukushima1980neocognitron` turned that into a network, the neocognitron, with
# shared weights and alternating layers of both kinds, and trained it without gradients. {cite:t}`lecun1989backpropagation` put shared weights and backpropagation together and read handwritten zip codes; {cite:t}`waibel1989phoneme` had shared weights over time for speech. Meanwhile filters by hand were an art:
# {cite:t}`prewitt1970object` for edges, {cite:t}`marr1980theory` for blurred second derivatives, {cite:t}`canny1986computational` with a derivation of what an edge filter should optimise.
#
# Laying patches out for one matrix product was proposed for networks by {cite:t}`chellapilla2006high`, and libraries for graphics processors followed the idea without storing the columns {cite:p}`chetlur2014cudnn`. {cite:t}`lavin2016fast` save multiplications for small filters. {cite:t}`dumoulin2016guide` draw every combination of
# stride, padding and dilation. That equivariance can be asked of rotations and other groups too, and that convolution over the group is again the only answer, is worked out by {cite:t}`cohen2016group` and {cite:t}`kondor2018generalization`. For textbooks, see chapter 9 of {cite:t}`goodfellow2016deep` and chapter 3 of {cite:t}`szeliski2022computer`.
#
# ## Your turn: assignment 3
#
# Assignment 3 has you write layers by hand: not the ones of this chapter, but relatives that need the same tools, an index formula, a loop to trust, and a gradient check. Next comes chapter 7, which stacks such layers into a network.
