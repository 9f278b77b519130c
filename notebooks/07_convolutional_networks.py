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
# (chap-cnn)=
# # Convolutional networks
#
# Filters that look at the answers of filters that look at the answers of filters: put layers on top of each other, let the maps shrink
# while their number grows, and edges become corners, corners become wheels, and wheels become a truck.
#
# **What you will be able to do**
#
# 1. follow a picture through a convolutional network and say the shape of what you hold after each layer;
# 2. compute max pooling by hand, with and without padding, and say what it buys, what it costs and what one may use in its place;
# 3. say where the parameters of such a network are and where its work is, and what flattening and global average pooling have to do with it;
# 4. write everything that PyTorch needs from a data set to a saved model: `Dataset`, `DataLoader`, `nn.Module`, loss, optimiser, both loops, `save` and `load`;
# 5. build the CIFAR-10 network of 5,852,170 parameters and account for each of them;
# 6. look inside: filters, feature maps by depth, receptive fields, what a map answers to;
# 7. compare a convolutional network with a fully connected one at equal budget, and mean it.
#
# **What you need**: [chapter 6](06_convolution.ipynb) for the layer itself, [chapter 5](05_neural_networks_and_backprop.ipynb) for activations and the backward pass.

# %%
from course_utils import results

print(results.run_time_note("07_convolutional_networks"))

# %%
import copy
import pickle
import tempfile
import time
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Polygon, Rectangle
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from course_utils import interactive, models, plots, training
from course_utils.convolution import conv_forward, output_size
from course_utils.data import class_names, load

SEED = 0
DATASET = "pocket10"

plots.use_style()
dice = np.random.default_rng(SEED)

# %% [markdown]
# (sec-cnn-idea)=
# ## Filters on top of filters
#
# One layer of filters answers small questions: is there an edge *here*, a spot, a change of colour? No single filter of $3 \times 3$ pixels can ask for a wheel, and a filter as large as a wheel would have to be learned anew for each kind of wheel. But a wheel is made of arcs, an arc of short edges, and the answers of the first layer *are a
# picture* of short edges. So let a second layer look at the maps of the first. It asks questions about questions: is there a vertical edge here **and** a horizontal one next to it?
#
# Before anything is learned, build such a thing by hand. The first layer has four filters, one for each side that a bright shape can have, and ReLU behind it, which keeps what was found and drops the rest. The second layer has four filters again. Each looks at two of the four maps, adds them up, and a negative bias sets how much evidence is enough: more than one
# edge alone can deliver.

# %%
scene = np.zeros((24, 24))
scene[4:14, 3:12] = 1.0  # a bright rectangle
scene[9:20, 15:21] = 1.0  # and another one

left = np.array([[-1.0, 0.0, 1.0]] * 3) / 3  # dark on the left, bright on the right
SIDES = {"left side": left, "right side": -left, "top": left.T, "bottom": -left.T}
first = np.stack(list(SIDES.values()))[:, None]  # (K, C, F, F) = (4, 1, 3, 3)

CORNERS = {"top left": (0, 2), "top right": (1, 2), "bottom left": (0, 3), "bottom right": (1, 3)}
second = np.zeros((4, 4, 3, 3))
for k, maps in enumerate(CORNERS.values()):
    second[k, list(maps), 1, 1] = 1.0  # the two maps, at the place itself
enough = np.full(4, -1.1)  # an edge alone delivers 1


def relu(x):
    """max(0, x), entry by entry."""
    return np.maximum(x, 0)


edges = relu(conv_forward(scene[None, None], first, np.zeros(4), padding=1))  # (1, 4, 24, 24)
corners = relu(conv_forward(edges, second, enough, padding=1))  # (1, 4, 24, 24)
for title, found in zip(CORNERS, corners[0], strict=True):
    places = [tuple(int(at) for at in place) for place in np.argwhere(found > 0)]
    print(f"{title:<13} answers at {places}")
    assert len(places) == 2

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-corners", "caption": "Two layers by hand. From left to right: the picture, the four maps of the first layer (sides), the four maps of the second (corners). The second layer is silent along the edges, where only one of its two maps answers, and finds every corner of its kind."}, "image": {"alt": "A picture with two rectangles; four maps that show their left, right, upper and lower sides; four maps that are dark but for a few bright places at the corners of one kind."}}
fig, axes = plt.subplots(2, 5, figsize=(9, 3.9))
axes[0, 0].imshow(scene, cmap="gray", vmin=0, vmax=1)
axes[0, 0].set_title("picture", fontsize=10, loc="center")
for row, (kinds, maps) in enumerate(((SIDES, edges[0]), (CORNERS, corners[0]))):
    for ax, title, found in zip(axes[row, 1:], kinds, maps, strict=True):
        ax.imshow(found, cmap="viridis", vmin=0, vmax=max(found.max(), 0.2))
        ax.set_title(title, fontsize=10, loc="center")
axes[0, 1].set_ylabel("layer 1")
axes[1, 1].set_ylabel("layer 2")
for ax in axes.ravel():
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
axes[1, 0].axis("off")
plt.show()

# %% [markdown]
# Three things in this toy are true of every convolutional network.
#
# - **A filter of the second layer is as deep as the first layer has maps.** It has $F^2 C$ weights, here $3 \cdot 3 \cdot 4$, because it looks at all four maps at once. The sum over maps is what lets it combine.
# - **The bend between the layers does the logic.** Without ReLU, the maps of opposite sides would cancel, and two layers would be one layer with a larger filter ({ref}`sec-conv-depth` and exercise 6.3 show which). With it, sum and threshold become an *and*.
# - **It sees more.** A place of the second map depends on $5 \times 5$ pixels of the picture, though no filter is wider than three.
#
# The maps between layers have a name: **feature maps**. We write $h$ for a stack of them, of shape $(C, H, W)$: $C$ maps, also called channels. The picture itself is the first stack, with three maps, red, green and blue. One **stage** of a network takes a stack and makes another:
#
# $$
# h'_k = \operatorname{pool}\Bigl( \max\bigl(0,\; b_k + \sum_{c} w_{kc} \star h_c \bigr) \Bigr) .
# $$ (eq-cnn-stage)
#
# There is one such map for each of the $K$ filters. What *pool* does is the subject of the next section; for the moment, it makes the map smaller. A network is a few stages, one after the other, and a classifier at the end. The maps shrink from stage to stage, since *where exactly* matters less and less, and their number grows, since there are more things to ask for.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-volumes", "caption": "The stacks of maps in the CIFAR-10 network of this chapter, drawn to scale in height and width; the length of a box is its number of maps. Each block of two convolutions makes the stack deeper, each pooling halves height and width. At the end the stack is flattened and three fully connected layers follow."}, "image": {"alt": "A row of boxes that become smaller and deeper from left to right: 3 maps of 32 by 32, 64 of 16 by 16, 128 of 8 by 8, 256 of 4 by 4, then bars of 4096, 1024, 512 and 10 numbers."}}
def draw_box(ax, x, size, depth, text):
    """A stack of maps as a box whose lower left front corner is at (x, -size / 2)."""
    low, shift = -size / 2, 0.4 * size
    ax.add_patch(Rectangle((x, low), depth, size, facecolor="#8CCBF2", edgecolor="black"))
    top = [(x, low + size), (x + depth, low + size)]
    top += [(px + shift, py + 0.5 * shift) for px, py in top[::-1]]
    side = [(x + depth, low), (x + depth, low + size)]
    side += [(px + shift, py + 0.5 * shift) for px, py in side[::-1]]
    ax.add_patch(Polygon(top, facecolor="#cfe8f9", edgecolor="black"))
    ax.add_patch(Polygon(side, facecolor="#5fa8d3", edgecolor="black"))
    ax.text(x + 0.5 * (depth + shift), -19.5, text, ha="center", va="top", fontsize=9.5)
    return x + depth + shift


fig, ax = plt.subplots(figsize=(9, 3.3))
x = 0
for maps, size in ((3, 32), (64, 16), (128, 8), (256, 4)):
    x = draw_box(ax, x, size, maps / 12, f"{maps} maps\n{size} × {size}") + 7
for units in (4096, 1024, 512, 10):
    height = 3.2 * np.log10(units) * 2.4
    ax.add_patch(Rectangle((x, -height / 2), 2, height, facecolor="#E69F00", edgecolor="black"))
    ax.text(x + 1, -19.5, f"{units:,}", ha="center", va="top", fontsize=9.5)
    x += 9
ax.set(xlim=(-2, x), ylim=(-26, 25), aspect="equal")
ax.axis("off")
plt.show()

# %% [markdown]
# (sec-cnn-pooling)=
# ## Pooling
#
# When the corner detector has found a corner, does it matter whether it sits at row 13 or at row 14? For the question "is this a rectangle?" hardly. **Max pooling** says so: it lays a window on the map and keeps only the strongest answer in it. With windows of $F \times F$ at a stride of $S$,
#
# $$
# y_{cij} = \max_{0 \le u, v < F}\; \tilde x_{c,\; iS + u,\; jS + v} .
# $$ (eq-cnn-max)
#
# There is no sum over $c$: each map is pooled by itself, and there are as many maps afterwards as before. There are no weights either. The usual choice is $F = S = 2$: windows side by side, which halve height and width and leave a quarter of the numbers. Do this one by hand before you read on:
#
# $$
# \begin{pmatrix} 1 & 3 & 0 & 2 \\ 5 & 2 & 1 & 4 \\ 0 & 7 & 3 & 1 \\ 2 & 1 & 6 & 0 \end{pmatrix}
# \;\xrightarrow{\;2 \times 2 \text{, stride } 2\;}\;
# \begin{pmatrix} 5 & 4 \\ 7 & 6 \end{pmatrix} .
# $$
#
# In code, cut out all windows first (a *view*, so nothing is copied), then look along the last axis.


# %%
def windows(x, size, stride, padding=0):
    """All windows of a batch x (N, C, H, W): (N, C, H_out, W_out, size²), -inf outside."""
    frame = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x.astype(float), frame, constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    view = view[:, :, ::stride, ::stride]
    return view.reshape(*view.shape[:4], size * size)


def max_pool(x, size, stride, padding=0):
    """Largest number of each window: (N, C, H_out, W_out)."""
    return windows(x, size, stride, padding).max(axis=-1)


x_four = np.array([[1, 3, 0, 2], [5, 2, 1, 4], [0, 7, 3, 1], [2, 1, 6, 0]])
print(max_pool(x_four[None, None], 2, 2)[0, 0].astype(int))

x_maps = dice.normal(size=(2, 3, 9, 8))  # (N, C, H, W)
# check: eq-cnn-max
assert np.array_equal(max_pool(x_four[None, None], 2, 2)[0, 0], [[5, 4], [7, 6]])
for size, stride, padding in ((2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 1, 0), (3, 3, 1)):
    by_torch = F.max_pool2d(torch.tensor(x_maps), size, stride, padding).numpy()
    assert np.array_equal(max_pool(x_maps, size, stride, padding), by_torch)


# %%
def stage(h, w, b):
    """One stage for stacks h (N, C, H, W), filters w (K, C, 3, 3) and biases b (K,)."""
    sums = conv_forward(h, w, np.zeros(len(w)), padding=1)  # the sum over c
    return max_pool(relu(b[:, None, None] + sums), 2, 2)


layers = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).double()
w_stage, b_stage = (value.detach().numpy() for value in layers[0].parameters())
# check: eq-cnn-stage
by_hand = stage(x_maps, w_stage, b_stage)
assert np.allclose(by_hand, layers(torch.tensor(x_maps)).detach().numpy())
print("a stage by hand and three layers of PyTorch agree:", by_hand.shape)

# %% [markdown]
# ### With padding and a stride
#
# A window is a window, so the size of the output is that of {eq}`eq-conv-size`. A $5 \times 5$ map with $F = 3$, $S = 2$ and $P = 1$ gives
# $\lfloor (5 - 3 + 2) / 2 \rfloor + 1 = 3$ places along each axis. The windows overlap now, by one row and column, and those at the border reach outside.
#
# What stands outside? For a filter, zeros do no harm to a sum. For a maximum they can: in a map of negative numbers, a zero from outside would *win*. So max pooling pads with $-\infty$, the number that never wins.

# %%
x_five = np.arange(25).reshape(5, 5) * 7 % 25 - 24  # whole numbers from -24 to 0, well mixed
pooled = max_pool(x_five[None, None], 3, 2, padding=1)[0, 0].astype(int)
print(x_five, "→", f"{output_size(5, 3, 2, 1)} × {output_size(5, 3, 2, 1)}", pooled, sep="\n")
assert pooled.shape == (3, 3)
as_torch = torch.tensor(x_five * 1.0)[None, None]
assert np.array_equal(pooled, F.max_pool2d(as_torch, 3, 2, 1)[0, 0].numpy())
with_zeros = F.max_pool2d(F.pad(as_torch, (1, 1, 1, 1)), 3, 2)[0, 0].numpy()
print(f"padded with zeros instead: {(with_zeros != pooled).sum()} of 9 answers are wrong")

# %% [markdown]
# Move the window yourself. The first places are the worked example; then the same map with windows of $3 \times 3$ and a stride of 1, so that they overlap; then the padded case.


# %% tags=["hide-input"]
def draw_grid(ax, values, origin=0):
    """A grid of whole numbers; NaN stays empty, minus infinity is hatched."""
    for (i, j), value in np.ndenumerate(values):
        outside = value == -np.inf
        look = {"facecolor": "0.93", "hatch": "///"} if outside else {"facecolor": "white"}
        ax.add_patch(Rectangle((j + origin, i + origin), 1, 1, edgecolor="0.6", **look))
        if np.isfinite(value):
            ax.text(j + origin + 0.5, i + origin + 0.5, f"{value:.0f}", ha="center", va="center", fontsize=13)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-pool-slide", "caption": "Max pooling, place by place. Left: the map, the window, and the winner in it (bold, framed); hatched cells are padding and never win. Right: the pooled map as far as it is filled."}, "image": {"alt": "Frames of an interactive figure: a grid of numbers with a coloured window whose largest number is marked, and a smaller grid beside it that fills with these numbers."}}
def draw_pool(x, size, stride, padding, place):
    """One frame: the window at the place with this number, the pooled map filled so far."""
    whole = max_pool(x[None, None], size, stride, padding)[0, 0]
    i, j = divmod(place, whole.shape[1])
    padded = np.pad(x.astype(float), padding, constant_values=-np.inf)
    top, first = i * stride - padding, j * stride - padding
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7), layout="none")
    fig.subplots_adjust(left=0.02, right=0.98, bottom=0.02, top=0.88, wspace=0.1)
    draw_grid(left, padded, -padding)
    left.add_patch(Rectangle((first, top), size, size, facecolor="#E69F00", alpha=0.35))
    left.add_patch(Rectangle((first, top), size, size, fill=False, edgecolor="#D55E00", linewidth=2.5))
    window = padded[i * stride : i * stride + size, j * stride : j * stride + size]
    u, v = np.unravel_index(window.argmax(), window.shape)
    left.add_patch(Rectangle((first + v + 0.1, top + u + 0.1), 0.8, 0.8, fill=False, linewidth=2.2))
    filled = np.where(np.arange(whole.size).reshape(whole.shape) <= place, whole, np.nan)
    draw_grid(right, filled)
    right.add_patch(Rectangle((j, i), 1, 1, facecolor="#E69F00", alpha=0.35))
    for ax in (left, right):
        ax.set(xlim=(-1.1, 6.1), ylim=(6.1, -1.1), aspect="equal")
        ax.axis("off")
    left.set_title(f"window {size}×{size}, stride {stride}, padding {padding}", fontsize=11)
    right.set_title(f"largest: {whole[i, j]:.0f}", fontsize=11)
    return fig, f"{size}×{size}, S = {stride}, P = {padding}: place {place + 1}", int(whole[i, j])


cases = [(x_four, 2, 2, 0), (x_four, 3, 1, 0), (x_five, 3, 2, 1)]
drawn = [
    draw_pool(x, size, stride, padding, place)
    for x, size, stride, padding in cases
    for place in range(output_size(len(x), size, stride, padding) ** 2)
]
interactive.frames(
    [fig for fig, _, _ in drawn],
    [label for _, label, _ in drawn],
    name="max-pooling",
    alt=[
        f"Max pooling {label}; the largest number in the window is {largest}." for _, label, largest in drawn
    ],
    description="Window",
    start=2,
    dpi=80,
)

# %% [markdown]
# <div class="question">
#
# **Quick question 1.** A stack of 64 maps of $32 \times 32$ goes through max pooling with $F = 3$, $S = 2$, $P = 1$. What comes out?
#
# <details class="choice"><summary>64 maps of 15 × 15</summary>
#
# That is without padding: $\lfloor (32 - 3)/2 \rfloor + 1 = 15$, and the last row and column are hardly looked at.
#
# </details>
#
# <details class="choice right"><summary>64 maps of 16 × 16</summary>
#
# Right: $\lfloor (32 - 3 + 2)/2 \rfloor + 1 = \lfloor 15.5 \rfloor + 1 = 16$, and each map is pooled by itself.
#
# </details>
#
# <details class="choice"><summary>One map of 16 × 16</summary>
#
# A filter adds up over the maps below it. Pooling does not: {eq}`eq-cnn-max` has the same $c$ on both sides.
#
# </details>
#
# <details class="choice"><summary>32 maps of 16 × 16</summary>
#
# Height and width are halved; the number of maps only changes in a convolution.
#
# </details>
# </div>
#
# ### What it buys
#
# First, less work: a quarter of the places for all layers that follow. Second, sight: a $3 \times 3$ filter behind the pooling spans twice as many pixels of the picture. Third, tolerance. If the picture moves by a pixel, the maps move by a pixel ({ref}`sec-conv-equivariance`), and every number of a map changes its place. After pooling, a strong answer that stays inside its window stays where it is.
# How much is that worth? Measure it on edge maps of pictures that are moved by one to four pixels: how similar (as the cosine of the angle between them) are the maps before and after the move, without pooling, and with pooling in windows of 2, 4 and 8?

# %%
names = class_names(DATASET)
images_train, y_train = load(DATASET, "train", n=3_000, seed=SEED)  # (N, H, W, 3) uint8, (N,)
images_test, y_test = load(DATASET, "test", n=1_000, seed=SEED)


def likeness(a, b):
    """Cosine between the maps of two batches, averaged over the pictures."""
    a, b = (maps.reshape(len(maps), -1) for maps in (a, b))
    return ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean()


some = images_test[:100].mean(axis=3)[:, None] / 255.0  # grey, (N, 1, H, W)
rows = []
moved = {
    shift: relu(
        conv_forward(np.pad(some, ((0, 0), (0, 0), (0, 0), (shift, 0)), mode="edge"), first, np.zeros(4))
    )
    for shift in range(5)
}
for window in (1, 2, 4, 8):
    pooled = {s: max_pool(maps[:, :, 1:25, 1:25], window, window) for s, maps in moved.items()}
    rows.append([window, *(f"{likeness(pooled[0], pooled[s]):.2f}" for s in (1, 2, 4))])
print(results.table(rows, ["pooled in windows of", "moved by 1", "by 2", "by 4"]))
by_two = [float(row[2]) for row in rows]
assert by_two == sorted(by_two) and by_two[0] < 0.75 < by_two[-1]

# %% [markdown]
# Each doubling of the window buys tolerance for about twice the move. It is tolerance, not invariance: at the border between two windows a strong answer does jump. With a stride of 2, a move by *one* pixel may change the output a lot and a move by two hardly at all; {cite:t}`zhang2019making` shows how much that matters in trained networks, and that a little blur before the stride mends it.
#
# And what does it cost? Position. The four numbers of a window go in, one comes out, and nobody knows from which place. For telling classes apart that is mostly welcome. For saying *where* something is (chapter 16) it is a loss that has to be made good.
#
# In the backward pass, as chapter 5 derived ({eq}`eq-net-pooling`), the gradient goes to the winner of each window and nowhere else.
#
# (sec-cnn-other-pooling)=
# ### Other ways to pool
#
# **Average pooling** takes the mean of the window. It is smoother, its gradient is shared by all, and it is *linear*: a convolution with stride $S = F$ whose filter for map $k$ has the same weight everywhere in map $k$, and none in the others,
#
# $$
# w_{kcuv} = \frac{\delta_{kc}}{F^2} .
# $$ (eq-cnn-average)
#
# **$L^p$ pooling** lies in between, and on both sides {cite:p}`sermanet2012convolutional`: for maps of non-negative numbers,
#
# $$
# y = \Bigl( \sum_{i \in \mathcal W} x_i^{\,p} \Bigr)^{1/p} .
# $$ (eq-cnn-lp)
#
# At $p = 1$ it is the sum, which is $F^2$ times the mean; at $p = 2$, called L2 pooling, the length of the window as a vector; and as $p \to \infty$ the largest entry outgrows all others and it becomes the maximum.
#
# **Stochastic pooling** {cite:p}`zeiler2013stochastic` draws one entry of the window at random while training, strong ones more often, and takes the expectation of that draw at test time:
#
# $$
# \Pr(i) = \frac{x_i}{\sum_{j \in \mathcal W} x_j}, \qquad
# \mathrm{E}[y] = \sum_{i \in \mathcal W} \Pr(i)\, x_i .
# $$ (eq-cnn-stochastic)

# %%
positive = relu(x_maps[:, :, :8]) + 0.01  # maps as they come out of ReLU, (2, 3, 8, 8)
four = windows(positive, 2, 2)  # (2, 3, 4, 4, 4)
as_torch = torch.tensor(positive)

average_w = np.zeros((3, 3, 2, 2))
for k in range(3):
    average_w[k, k] = +1 / 2**2
# check: eq-cnn-average
by_filter = conv_forward(positive, average_w, np.zeros(3), stride=2)
assert np.allclose(by_filter, F.avg_pool2d(as_torch, 2).numpy())
assert np.allclose(by_filter, four.mean(-1))


def lp_pool(four, p):
    """L^p pooling of windows (..., size²)."""
    return (four**p).sum(axis=-1) ** (+1 / p)


# check: eq-cnn-lp
for p in (1, 2, 5):
    assert np.allclose(lp_pool(four, p), F.lp_pool2d(as_torch, p, 2).numpy())
assert np.allclose(lp_pool(four, 1), 4 * four.mean(axis=-1))
assert np.allclose(lp_pool(four, 50), four.max(axis=-1), rtol=0.03)  # 4^(1/50) = 1.028

chances = four / four.sum(axis=-1, keepdims=True)
expected = (chances * four).sum(axis=-1)
thrown = np.random.default_rng(SEED).random((20_000, *expected.shape, 1))
entry = (thrown > chances.cumsum(axis=-1)).sum(axis=-1, keepdims=True).clip(max=3)
values = np.take_along_axis(np.broadcast_to(four, (*entry.shape[:-1], 4)), entry, -1)[..., 0]
# check: eq-cnn-stochastic
assert np.abs(values.mean(axis=0) - expected).max() < 0.05  # over 5 standard errors of 1 / √20,000
print("average, L^p and stochastic pooling do what the formulas say")

# %% [markdown]
# **Overlapping pooling**, windows of 3 with a stride of 2, was used by AlexNet, whose authors found that it overfits slightly less {cite:p}`krizhevsky2012imagenet`. And one can do **without pooling**: give the convolution itself a stride of 2. It halves the map just the same, and learns how; {cite:t}`springenberg2015striving` built networks of nothing but convolutions that way, and most newer ones follow.
# The price is a layer's worth of parameters where pooling has none. Which is best? {cite:t}`scherer2010evaluation` compared them on several data sets and found the maximum ahead of weighted averages, {cite:t}`boureau2010theoretical` worked out when a maximum and when an average tells classes apart better (the sparser the features, the better the maximum). Today max pooling within the network and one average at its end is a common choice.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-pools", "caption": "One map of edges (30×30) pooled in six ways to about half its size. The maximum keeps thin lines bright, the average dims them, L2 is in between. Overlapping windows thicken lines. Stochastic pooling is ragged: it is meant to be, while training. A stride without pooling keeps every second answer and loses lines that fall between."}, "image": {"alt": "Seven grey maps of an object's edges: the original and six smaller versions, from bright and thick lines with max pooling to faint lines with average pooling and broken lines with a stride of two."}}
picture = images_test[np.flatnonzero(y_test == names.index("truck"))[2]].mean(axis=2)[None, None] / 255.0
edge_map = np.abs(conv_forward(picture, first[:1], np.zeros(1)))  # (1, 1, 30, 30)
cells = windows(edge_map, 2, 2)
lottery = np.random.default_rng(SEED).random((*cells.shape[:4], 1))
share = (cells + 1e-9) / (cells + 1e-9).sum(-1, keepdims=True)
lucky = (lottery > share.cumsum(-1)).sum(-1).clip(max=3)
pools = {
    "map": edge_map,
    "max 2×2": cells.max(-1),
    "average 2×2": cells.mean(-1),
    "L2 2×2, halved": lp_pool(cells, 2) / 2,
    "max 3×3, stride 2": max_pool(edge_map, 3, 2),
    "stochastic 2×2": np.take_along_axis(cells, lucky[..., None], -1)[..., 0],
    "stride 2 only": edge_map[:, :, ::2, ::2],
}
fig, axes = plt.subplots(2, 4, figsize=(8, 4.4))
for ax, (title, values) in zip(axes.ravel(), pools.items(), strict=False):
    ax.imshow(values[0, 0], cmap="gray", vmin=0, vmax=edge_map.max())
    ax.set_title(title, fontsize=10, loc="center")
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# <div class="question">
#
# **Quick question 2.** In a network, ReLU and max pooling follow each other. Does their order matter for the result?
#
# <details class="choice right"><summary>No, but one order is cheaper</summary>
#
# Right. ReLU never turns the order of two numbers round, so the winner of a window is the same before and after, and $\max(0, \max_i x_i) = \max_i \max(0, x_i)$. Pooling first leaves a quarter of the numbers to ReLU. Exercise 7.2 checks it.
#
# </details>
#
# <details class="choice"><summary>Yes, because pooling must see non-negative numbers</summary>
#
# A maximum is defined for any numbers. Only $L^p$ and stochastic pooling need non-negative ones.
#
# </details>
#
# <details class="choice"><summary>Yes, because neither of them is linear</summary>
#
# Two bends need not commute, but these two do, since both are monotone. Average pooling and ReLU, of which one is linear, do not.
#
# </details>
# </div>
#
# (sec-cnn-head)=
# ## From maps to classes: the head
#
# After some stages there is a stack of small maps, say 256 of $4 \times 4$. A classifier wants a row of numbers. **Flattening** writes the stack as one row, map after map, and row after row within a map: the number at $(c, i, j)$ goes to position
#
# $$
# n = (c\,H + i)\,W_\text{px} + j .
# $$ (eq-cnn-flatten)
#
# From here on it is the fully connected network of chapter 5: a hidden layer or two, and $C$ scores. This part is called the **head**; what comes before it, the **feature extractor** or backbone. Note what flattening does to the weights behind it. Each place of each map gets a weight of its own, so the head knows *where* (a bright map 17 in the upper half may mean sky), it has to learn everything anew for each place, and it works for one size of picture only.

# %%
channels, height, width = 256, 4, 4
stack = dice.normal(size=(channels, height, width))
flat = nn.Flatten()(torch.tensor(stack)[None])[0].numpy()  # (4096,)
c, i, j = np.indices(stack.shape)
position = (c * height + i) * width + j
# check: eq-cnn-flatten
assert np.array_equal(flat[position], stack)
print(
    f"{channels} × {height} × {width} → {flat.size:,}; a layer of 1,024 units on it: {(flat.size + 1) * 1024:,} parameters"
)

# %% [markdown]
# More than four million, for a single layer. All six convolutions of the network that we are about to build have little more than one million together. There is a leaner head, introduced by {cite:t}`lin2014network`: **global average pooling**. Replace each map by its mean, a window as large as the map, and give the $K$ means to one linear layer with $K \cdot C + C$ parameters. Since the mean is
# linear, it does not matter whether we average first and classify then, or let the same linear classifier look at every place and average its scores:
#
# $$
# \Bigl( \frac{1}{H W_\text{px}} \sum_{i,j} h_{:ij} \Bigr) W + b
# = \frac{1}{H W_\text{px}} \sum_{i,j} \bigl( h_{:ij}\, W + b \bigr) .
# $$ (eq-cnn-gap)
#
# The right side is a vote. Every place of the last maps says what it sees, and the picture gets the mean. Hence the head works for every size of picture, and does not care where things are. (In return it *cannot* know where they are.)

# %%
W_head, b_head = dice.normal(size=(channels, 10)), dice.normal(size=10)
places = stack.reshape(channels, -1).T  # (16, 256): one row a place
mean_first = stack.mean(axis=(1, 2)) @ W_head + b_head
vote = (places @ W_head + b_head).sum(axis=0) / (height * width)
# check: eq-cnn-gap
assert np.allclose(mean_first, vote)
by_torch = nn.AdaptiveAvgPool2d(1)(torch.tensor(stack)[None]).flatten(1).numpy()[0]
assert np.allclose(by_torch, stack.mean(axis=(1, 2)))

three_layers = sum((a + 1) * b for a, b in ((4096, 1024), (1024, 512), (512, 10)))
print(f"head of 1,024, 512 and 10 units: {three_layers:>9,} parameters")
print(f"global average pooling, 10 units: {(256 + 1) * 10:>8,} parameters")

# %% [markdown]
# <div class="question">
#
# **Quick question 3.** A network was trained on pictures of $32 \times 32$ and is shown one of $48 \times 48$. Which head still works?
#
# <details class="choice"><summary>Both</summary>
#
# The convolutions don't mind, but $4 \times 4$ maps become $6 \times 6$, flattening gives 9,216 numbers in place of 4,096, and the first linear layer has no weights for them.
#
# </details>
#
# <details class="choice"><summary>Only the one that flattens</summary>
#
# The other way round: flattening fixes the number of inputs, an average does not.
#
# </details>
#
# <details class="choice right"><summary>Only the one with global average pooling</summary>
#
# Right: the mean of a map is one number, however large the map is. Whether the *answers* are any good depends on whether things have about the size they had in training.
#
# </details>
# </div>

# %% [markdown]
# (sec-cnn-pytorch)=
# ## PyTorch, from data set to saved model
#
# Now build a network that learns its filters. Up to here this book has shown how each piece works; from here on PyTorch does the pieces, and our job is to put them together. There are eight of them, and nearly every program that trains a network has these eight in this order: data set, loader, device, module, loss, optimiser, the two loops, and a file to keep what was learned.
#
# ### The data set
#
# A `Dataset` answers two questions: how many examples are there, and what is number $i$? It returns one picture as a tensor $(C, H, W)$ of floating-point numbers and its label. We scale pixels by one fixed rule, 0 to $-2$ and 255 to $2$, so that nothing has to be measured on any pictures.


# %%
class Pictures(Dataset):
    """Pictures (N, H, W, C) of whole numbers, handed out one by one as tensors (C, H, W)."""

    def __init__(self, images, labels):
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        x = self.images[i].permute(2, 0, 1).float()
        return x.div(255 / 4).sub(2.0), self.labels[i]


train_set, test_set = Pictures(images_train, y_train), Pictures(images_test, y_test)
x, y = train_set[7]
print(f"{len(train_set):,} pictures; number 7: {tuple(x.shape)}, {x.dtype}, class {names[y]}")

# %% [markdown]
# ### The loader
#
# A `DataLoader` draws the order, collects examples into mini-batches and stacks them to $(N, C, H, W)$. For training it shuffles, with a generator of its own so that the order can be had again; for testing there is nothing to shuffle.
#
# `num_workers=0` means that this very process fetches the examples. With a larger number, other processes do it ahead of time, which is right when an example has to be read from disk and decoded. Here it would be a mistake: the pictures already lie in memory, each worker would take a core from the arithmetic, every batch would have to be
# carried from process to process, and on Windows and macOS, where workers start from an empty interpreter, they would look for a class `Pictures` that exists in this notebook only.

# %%
train_loader = DataLoader(
    train_set, batch_size=64, shuffle=True, generator=torch.Generator().manual_seed(SEED), num_workers=0
)
test_loader = DataLoader(test_set, batch_size=250, num_workers=0)
x_batch, y_batch = next(iter(train_loader))
print(f"{len(train_loader)} batches; the first: x {tuple(x_batch.shape)}, y {tuple(y_batch.shape)}")

# %% [markdown]
# A loader handles pictures one at a time, in Python. That is flexible, and not free. When everything is in memory, indexing a whole batch at once is many times as fast, and it is what `course_utils` does:


# %% tags=["nbval-ignore-output"]
# varies: seconds
def pictures_a_second(batches):
    """How many pictures a second come out of an iterable of batches."""
    started, seen = time.perf_counter(), 0
    for x, _ in batches:
        seen += len(x)
    return seen / (time.perf_counter() - started)


def in_one_go(images, labels, size):
    """Batches by indexing, the whole batch scaled at once."""
    data, target = torch.from_numpy(images), torch.from_numpy(labels)
    for index in torch.randperm(len(data)).split(size):
        yield training.to_tensor(data[index]), target[index]


one_by_one = pictures_a_second(train_loader)
whole = pictures_a_second(in_one_go(images_train, y_train, 64))
print(
    f"one by one: {one_by_one:,.0f} pictures a second; whole batches: {whole:,.0f}, {whole / one_by_one:.0f} times as many"
)
assert whole > one_by_one

# %% [markdown]
# ### The device
#
# A model and its batches have to be on the same device. Say once which, and send both there; then the same code runs with and without an accelerator. The second line is about speed alone: `channels_last` keeps the numbers of one pixel next to each other in memory, which convolutions on a processor like best. Shapes stay $(N, C, H, W)$.

# %%
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
LAYOUT = torch.channels_last
assert device == training.default_device()

# %% [markdown]
# ### The module
#
# A network is a class that inherits from `nn.Module`. Its constructor makes the layers, `forward` says how a batch goes through them. Everything else is inherited: `parameters()` finds all weights, however deeply nested, `to(device)` moves them, `state_dict()` lists them by name, and autograd does the backward pass.
#
# Ours has three stages of 16, 32 and 64 maps and one linear layer. Between convolution and ReLU stands a **batch normalisation**: it brings each map to mean 0 and variance 1 over the batch and then applies a learned scale and shift. Chapter 8 says why that helps, and how much. It also makes the convolution's bias superfluous.


# %%
class SmallNet(nn.Module):
    """Three stages and a linear layer: (N, 3, 32, 32) to scores (N, num_classes)."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.stage1 = self.stage(3, 16)
        self.stage2 = self.stage(16, 32)
        self.stage3 = self.stage(32, 64)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(64 * 4 * 4, num_classes))

    @staticmethod
    def stage(fan_in, fan_out):
        return nn.Sequential(
            nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )

    def forward(self, x):
        return self.head(self.stage3(self.stage2(self.stage1(x))))


torch.manual_seed(SEED)
model = SmallNet(len(names)).to(device, memory_format=LAYOUT)
for name, value in model.state_dict().items():
    if name.startswith(("stage1", "head")):
        kind = "parameter" if name in dict(model.named_parameters()) else "buffer"
        print(f"{name:<30} {str(tuple(value.shape)):<15} {kind}")
print(f"{sum(p.numel() for p in model.parameters()):,} parameters in all")
assert sum(p.numel() for p in model.parameters()) == 33_946

# %% [markdown]
# **Parameters** are learned by gradients. **Buffers** are not, but belong to the model all the same: batch normalisation keeps a running mean and variance of each map for use at test time. Both are saved.
#
# ### Loss and optimiser
#
# `nn.CrossEntropyLoss` is the softmax and the cross-entropy of chapter 3 in one. It takes *scores* and labels; a softmax at the end of the model would be one too many. The optimiser holds the parameters and knows how to step. Adam adapts the step to each weight (chapter 9); for now, it is gradient descent that forgives a badly chosen learning rate.

# %%
loss_function = nn.CrossEntropyLoss()
optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)

scores = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
by_hand = -torch.log_softmax(scores, dim=1)[[0, 1], [0, 2]].mean()
assert torch.isclose(loss_function(scores, torch.tensor([0, 2])), by_hand)
print(f"cross-entropy of two rows of scores: {by_hand:.3f}")

# %% [markdown]
# ### Two loops
#
# The training loop is five lines, always the same: scores, loss, clear the old gradients, backward, step. The test loop is the same without the last three. Two switches are easily forgotten. `model.train()` and `model.eval()` tell layers that behave differently in training and testing (batch normalisation, dropout) which of the two it is;
# `torch.inference_mode()` saves the work of recording a graph that nobody will go back through.


# %%
def train_one_epoch(model, loader, loss_function, optimiser):
    """Pass over the training pictures once; mean loss and accuracy as they were on the way."""
    model.train()
    losses, correct, seen = 0.0, 0, 0
    for x, y in loader:
        x, y = x.to(device, memory_format=LAYOUT), y.to(device)
        scores = model(x)
        loss = loss_function(scores, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses += loss.item() * len(y)
        correct += (scores.argmax(1) == y).sum().item()
        seen += len(y)
    return losses / seen, correct / seen


def test(model, loader, loss_function):
    """Mean loss and accuracy on pictures that the model does not learn from."""
    model.eval()
    losses, correct, seen = 0.0, 0, 0
    with torch.inference_mode():
        for x, y in loader:
            x, y = x.to(device, memory_format=LAYOUT), y.to(device)
            scores = model(x)
            losses += loss_function(scores, y).item() * len(y)
            correct += (scores.argmax(1) == y).sum().item()
            seen += len(y)
    return losses / seen, correct / seen


# %% tags=["nbval-ignore-output"]
# varies: training in floating point takes another course on another processor
EPOCHS = 6
curve = []
for epoch in range(EPOCHS):
    on_train = train_one_epoch(model, train_loader, loss_function, optimiser)
    on_test = test(model, test_loader, loss_function)
    curve.append((*on_train, *on_test))
    print(
        f"epoch {epoch + 1}: training loss {on_train[0]:.2f}, accuracy {on_train[1]:.0%}; test accuracy {on_test[1]:.0%}"
    )
test_loss, test_accuracy = test(model, test_loader, loss_function)
assert curve[-1][0] < 0.8 * curve[0][0]
assert DATASET != "pocket10" or test_accuracy > 0.5

# %% [markdown]
# In about as many seconds as it takes to read this paragraph, a network with fewer than 34,000 parameters has learned to tell the ten classes apart more often than not, from three thousand pictures. The best that chapter 3 could do with 30,730 parameters on ten thousand of them was below a half.
#
# <div class="question">
#
# **Quick question 4.** You forget `model.eval()` before testing. What goes wrong?
#
# <details class="choice"><summary>The weights change while you test</summary>
#
# Weights change in `optimiser.step()` only. (The *buffers* do change: batch normalisation would go on collecting means, of test pictures now.)
#
# </details>
#
# <details class="choice right"><summary>A picture's scores depend on which other pictures are in its batch</summary>
#
# Right: in training mode batch normalisation uses the mean and variance of the batch at hand. Test a single picture, or pictures sorted by class, and the scores are off. Dropout would go on dropping, too.
#
# </details>
#
# <details class="choice"><summary>Nothing, it only saves time</summary>
#
# That is true of `torch.inference_mode()`. The two are independent, and one wants both.
#
# </details>
# </div>
#
# ### Save and load
#
# What is worth keeping is the state dictionary: names and tensors, no code. Loading goes the other way round. Build a model of the same class, then fill it.

# %%
folder = tempfile.TemporaryDirectory()
file = Path(folder.name) / "small_net.pt"
torch.save(model.state_dict(), file)

torch.manual_seed(SEED + 1)
again = SmallNet(len(names)).to(device, memory_format=LAYOUT)  # other starting weights
x_some, _ = next(iter(test_loader))
with torch.inference_mode():
    before = model.eval()(x_some.to(device))
    assert not torch.allclose(again.eval()(x_some.to(device)), before)
    again.load_state_dict(torch.load(file, weights_only=True))
    after = again(x_some.to(device))
assert torch.equal(before, after)
print(f"{len(x_some)} pictures: the loaded model gives the same scores to the last bit")

# %% [markdown]
# Why `weights_only=True`? A file written by `torch.save` is a *pickle*, and a pickle is a little program that is run when it is opened. Whoever made the file decides what the program does. With `weights_only=True`, PyTorch accepts tensors, numbers, strings and containers of them, and refuses everything else. Newer versions do so by default; write it all
# the same, so that it is true with every version and everyone can see it.


# %%
class Surprise:
    """An object that, when unpickled, calls a function of its maker's choice."""

    def __reduce__(self):
        return print, ("a program in the file has just run",)


trap = Path(folder.name) / "trap.pt"
torch.save(Surprise(), trap)
_ = torch.load(trap, weights_only=False)  # only because we made the file ourselves
try:
    torch.load(trap, weights_only=True)
except pickle.UnpicklingError:
    print("with weights_only=True: refused")
else:
    raise AssertionError("the file was opened")

# %% [markdown]
# ### The same in one line
#
# From the next chapter on we shall not write these loops again. `course_utils.training.train` and `evaluate` hold them, with batches indexed in one go. That both agree is checked here: the same starting weights, the same order of the pictures, one epoch of gradient descent with momentum by each.

# %%
torch.manual_seed(SEED)
ours = SmallNet(len(names)).to(device, memory_format=LAYOUT)
theirs = copy.deepcopy(ours)
few, few_labels = images_train[:480], y_train[:480]

order = torch.randperm(len(few), generator=torch.Generator().manual_seed(SEED)).tolist()
in_order = DataLoader(Pictures(few, few_labels), batch_size=64, sampler=order)
momentum = torch.optim.SGD(ours.parameters(), lr=0.005, momentum=0.9, nesterov=True)
loss_here, accuracy_here = train_one_epoch(ours, in_order, loss_function, momentum)

history = training.train(
    theirs, few, few_labels, epochs=1, batch_size=64, lr=0.005, optimizer="sgd", seed=SEED, progress=False
)
assert np.isclose(history.train_loss[0], loss_here, rtol=1e-5)
for (name, value), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
    assert torch.allclose(value, other, rtol=1e-4, atol=1e-6), name
loss_there, accuracy_there = training.evaluate(model, images_test, y_test)
assert np.isclose(loss_there, test_loss, rtol=1e-4) and np.isclose(accuracy_there, test_accuracy, atol=0.0015)
print(f"after one epoch on {len(few)} pictures: equal weights; evaluate() agrees with the test loop")

# %% [markdown]
# (sec-cnn-inside)=
# ## What the layers see
#
# ### The first layer
#
# Filters of the first layer work on pixels, so they can be shown as pictures: $3 \times 3$ pixels in colour. Deeper filters cannot; they have 16 or 32 channels that mean nothing to the eye. For those, look at what they *answer*.

# %% mystnb={"figure": {"name": "fig-cnn-filters", "caption": "The 16 filters of the first layer, before training (above) and after (below). Grey is a weight of zero; each filter is scaled to its own largest weight. Most of them have changed little: what was a light and a dark side, or one colour against another, by chance has been sharpened, not replaced."}, "image": {"alt": "Two rows of sixteen small squares of three by three coloured pixels; each square below resembles the one above it."}}
torch.manual_seed(SEED)
untrained = SmallNet(len(names)).stage1[0].weight.detach().numpy()  # the same seed: the same start
trained = model.stage1[0].weight.detach().cpu().numpy()  # (16, 3, 3, 3)
both = np.concatenate([untrained, trained]).transpose(0, 2, 3, 1)
both = both / np.abs(both).max(axis=(1, 2, 3), keepdims=True)
kept = (both[:16] * both[16:]).sum((1, 2, 3)) / np.linalg.norm(both.reshape(2, 16, -1), axis=2).prod(axis=0)
assert np.median(kept) > 0.5  # cosine between a filter before and after
plots.show_images(both, columns=16, zoom=0.5, limits=(-1.0, 1.0))

# %% [markdown]
# Were you expecting more? So was everyone who ever trained a small network for a few epochs. A random filter of $3 \times 3$ is already a detector of *something*, most likely of a change in brightness or colour ({ref}`sec-conv-real` classified with nothing but random ones), and it is quicker for the layers behind to make use of it than to wait until it is perfect.
#
# ### Maps by depth
#
# Send one picture through the network and stop after every layer. In the first stage the maps still look like the object, drawn with different pencils. In the last, $4 \times 4$ numbers a map, nobody would recognise it. But the linear layer behind it can.

# %%
steps = [*model.stage1, *model.stage2, *model.stage3, *model.head]
titles = [
    f"stage {nth}, {what}" for nth in (1, 2, 3) for what in ("convolution", "normalised", "ReLU", "pooled")
]
titles = ["the picture", *titles, "flattened", "scores"]


def walk(x):
    """What a batch x is after each layer, the picture first: a list of arrays."""
    stops = [x]
    with torch.inference_mode():
        for layer in steps:
            stops.append(layer.eval()(stops[-1]))
    return [stop.cpu().numpy() for stop in stops]


all_scores = training.scores(model, images_test)  # (N, 10)
lead = all_scores[np.arange(len(y_test)), y_test] - np.where(
    np.eye(len(names), dtype=bool)[y_test], -np.inf, all_scores
).max(axis=1)  # of the true class before the next best
guest = int(np.where(y_test == names.index("automobile"), lead, -np.inf).argmax())  # the surest car
stops = walk(test_set[guest][0][None].to(device))
for title, stop in zip(titles, stops, strict=True):
    print(f"{title:<22} {stop.shape[1:]}")
assert np.allclose(stops[-1][0], model(test_set[guest][0][None].to(device)).detach().cpu().numpy(), atol=1e-4)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-depth", "caption": "One picture on its way through the network. Of each stack, the sixteen maps that vary most are shown; bright is a strong answer (before ReLU: purple positive, orange negative). After the head, one bar a class."}, "image": {"alt": "Frames of an interactive figure: first a picture, then grids of sixteen feature maps that become coarser and sparser from layer to layer, then a strip of 1024 numbers and finally a bar for each class."}}
def draw_stop(title, stop):
    """One frame: the picture, sixteen maps, the flattened stack, or the scores."""
    fig = plt.figure(figsize=(5.4, 4.6), layout="none")
    fig.suptitle(f"{title}: {' × '.join(map(str, stop.shape[1:]))}", x=0.02, ha="left", fontsize=11)
    if stop.ndim == 2:
        ax = fig.add_axes((0.2, 0.1, 0.75, 0.8))
        if stop.shape[1] == len(names):
            ax.barh(names, stop[0], color=np.where(np.arange(len(names)) == stop[0].argmax(), "C1", "C0"))
            ax.invert_yaxis()
        else:
            ax.imshow(stop[0].reshape(32, 32), vmin=0, vmax=stop.max())
            ax.set(xticks=[], yticks=[], xlabel=f"{stop.size:,} numbers, 32 a line")
        return fig
    if stop.shape[1] == 3:
        ax = fig.add_axes((0.1, 0.04, 0.8, 0.86))
        ax.imshow(stop[0].transpose(1, 2, 0) / 4 + 0.5)
        ax.axis("off")
        return fig
    maps, signed = stop[0], stop.min() < 0
    limit = np.abs(maps).max()
    look = {"cmap": plots.DIVERGING, "vmin": -limit, "vmax": limit} if signed else {"vmin": 0, "vmax": limit}
    liveliest = np.sort(np.argsort(-maps.std(axis=(1, 2)))[:16])
    for place, k in enumerate(liveliest):
        row, column = divmod(place, 4)
        ax = fig.add_axes((0.1 + 0.2 * column, 0.7 - 0.22 * row, 0.19, 0.21))
        ax.imshow(maps[k], **look)
        ax.axis("off")
    return fig


interactive.frames(
    [draw_stop(title, stop) for title, stop in zip(titles, stops, strict=True)],
    titles,
    name="maps-by-depth",
    alt=[
        f"{title}: an array of {' by '.join(map(str, stop.shape[1:]))}."
        for title, stop in zip(titles, stops, strict=True)
    ],
    description="After",
    start=3,
    dpi=80,
)

# %% [markdown]
# ### How far a place can see
#
# A number in a deep map depends on a part of the picture, its **receptive field**. How large is it? Follow one axis. Let $r_l$ be the width of the field after layer $l$, and $j_l$ the *jump*: how many pixels lie between the fields of two neighbouring places. Before the first layer both are 1. A window of $F$ places spans the first field and $F - 1$ jumps more; a stride multiplies the jump:
#
# $$
# r_l = r_{l-1} + (F_l - 1)\, j_{l-1}, \qquad j_l = j_{l-1}\, S_l .
# $$ (eq-cnn-field)
#
# To check, ask autograd: the gradient of one number in the middle of the last map by the pixels is zero outside its field. (With all weights positive and averages in place of maxima, it is zero *only* outside.)


# %%
def receptive_field(windows):
    """Width of the receptive field behind layers with windows of (F, S), and the jump there."""
    field, jump = 1, 1
    for size, step in windows:
        field, jump = field + (size - 1) * jump, jump * step
    return field, jump


def field_by_gradient(windows, size=96):
    """The same by autograd: how many columns of the picture have a gradient."""
    picture = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    h = picture
    for side, step in windows:
        h = F.conv2d(h, torch.ones(1, 1, side, side, dtype=torch.float64), stride=step)
    (slope,) = torch.autograd.grad(h[0, 0, h.shape[2] // 2, h.shape[3] // 2], picture)
    return int((slope[0, 0] != 0).any(dim=0).sum())


small = [(3, 1), (2, 2)] * 3  # SmallNet: a filter and a pooling window, three times
large = [(3, 1), (3, 1), (2, 2)] * 3  # the CIFAR-10 network of the next section
# check: eq-cnn-field
for stack in (small, large, [(5, 2), (3, 1), (3, 2)], [(7, 1)]):
    assert receptive_field(stack)[0] == field_by_gradient(stack)
for title, stack in (("SmallNet", small), ("CIFAR-10 network", large)):
    widths = [receptive_field(stack[: n + 1])[0] for n in range(len(stack))]
    print(f"{title:<17} width of the field after each layer: {widths}")

# %% [markdown]
# Two convolutions in each stage instead of one, and the last maps see the whole picture.
#
# ### What a map answers to
#
# Now the question can be put the other way round. Take a map, go through all test pictures, and find the places where it answers most strongly. Then cut out the receptive field of each. These patches say more about what the map has come to mean than its weights do {cite:p}`zeiler2014visualizing`.


# %%
def strongest_patches(stop, maps, patches, stack, padding):
    """What maps of a stop of walk() answer to most: (maps · patches, size, size, 3)."""
    answers = np.concatenate([walk(x.to(device))[stop] for x, _ in test_loader])  # (N, K, H, W)
    size, jump = receptive_field(stack)
    flat = answers.reshape(*answers.shape[:2], -1)
    top, place = flat.max(axis=2), flat.argmax(axis=2)
    outstanding = np.sort(top, axis=0)[-patches:].mean(axis=0) / (top.mean(axis=0) + 1e-6)
    padded = np.pad(images_test, ((0, 0), (padding, size), (padding, size), (0, 0)), mode="edge")
    cut = []
    for k in np.argsort(-outstanding)[:maps]:
        for i in np.argsort(-top[:, k])[:patches]:
            row, column = (int(at) * jump for at in divmod(place[i, k], answers.shape[3]))
            cut.append(padded[i, row : row + size, column : column + size])
    return np.array(cut)


# after ReLU of each stage: number of the stop, layers up to there, padding in pixels of the picture
views = [(3, small[:1], 1), (7, small[:3], 3), (11, small[:5], 7)]
patches = [strongest_patches(stop, 5, 8, stack, padding) for stop, stack, padding in views]
print("receptive fields:", [f"{cut.shape[1]} × {cut.shape[2]}" for cut in patches])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-patches", "caption": "What some maps of the small network answer to most strongly. One row is one map, with the patches of eight test pictures; from left to right, maps of stages 1, 2 and 3. Low-level: edges and colours. Mid-level: corners, stripes, small shapes. Higher up: parts of objects, or objects of one kind in their surroundings."}, "image": {"alt": "Three blocks of small picture patches, five rows of eight each: patches of three pixels with edges and plain colours, of eight pixels with corners and bars, of eighteen pixels with recognisable parts of objects."}}
fig, axes = plt.subplots(1, 3, figsize=(9.5, 2.5))
for ax, cut, level in zip(axes, patches, ("low", "mid", "high"), strict=True):
    side = cut.shape[1]
    gap = max(1, side // 8)
    canvas = np.full((5 * (side + gap), 8 * (side + gap), 3), 255, dtype=np.uint8)
    for nth, patch in enumerate(cut):
        row, column = (at * (side + gap) for at in divmod(nth, 8))
        canvas[row : row + side, column : column + side] = patch
    ax.imshow(canvas)
    ax.set_title(f"{level}: {side} × {side} pixels", fontsize=10, loc="center")
    ax.axis("off")
plt.show()

# %% [markdown]
# In {numref}`fig-cnn-patches` there are maps that answer to one colour or one edge, then maps for a wheel or for stripes, then maps that want a wheel *under a body*, a page with lines or a fish. Nobody asked for this order. It follows from the architecture (a later layer sees more and combines what earlier ones found) and from training, which keeps whatever helps to tell the classes apart. The words *low*, *mid* and *high level* are ours; the network has no such drawers, and many maps answer to something that we have no word for.

# %% [markdown]
# (sec-cnn-cifar)=
# ## The CIFAR-10 network of 5,852,170 parameters
#
# Time for a network of serious size, of the kind that many tutorials train on CIFAR-10. Three blocks, each with *two* convolutions, so that a block sees further before it pools; 32 maps at first and 256 at the end; a head of three fully connected layers; a little **dropout**, which sets some numbers to zero at random while training and which chapter 9 explains. Written out, it is one line a layer:


# %%
def cifar10_network(num_classes=10):
    """Three blocks of two convolutions, and three fully connected layers."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(),
        nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.05),
        nn.Conv2d(128, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.1), nn.Linear(256 * 4 * 4, 1024), nn.ReLU(),
        nn.Linear(1024, 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, num_classes),
    )  # fmt: skip


torch.manual_seed(SEED)
network = cifar10_network()
total = sum(p.numel() for p in network.parameters())
print(f"{total:,} parameters")
assert total == 5_852_170

torch.manual_seed(SEED)
packaged = models.cifar10_cnn()  # the same, in the package
assert str(packaged) == str(network)
for value, other in zip(packaged.state_dict().values(), network.state_dict().values(), strict=True):
    assert torch.equal(value, other)

# %% [markdown]
# Do not believe a number with seven digits because somebody printed it. Account for it, layer by layer, with {eq}`eq-conv-parameters` for convolutions, a scale and a shift a map for batch normalisation, and $(D + 1) M$ for a fully connected layer. Beside it, count the **multiplications** that one picture needs: each weight of a filter is used at each place,
#
# $$
# m_\text{conv} = F^2 C K \cdot H_\text{out} W_\text{out}, \qquad m_\text{fc} = D M .
# $$ (eq-cnn-multiplications)


# %%
def parameters_of(layer):
    """Number of parameters of a layer, by formula."""
    if isinstance(layer, nn.Conv2d):
        field, channels, filters = layer.kernel_size[0], layer.in_channels, layer.out_channels
        return field**2 * channels * filters + filters
    if isinstance(layer, nn.Linear):
        return (layer.in_features + 1) * layer.out_features
    return 2 * layer.num_features if isinstance(layer, nn.BatchNorm2d) else 0


def multiplications_of(layer, out):
    """Multiplications for one picture in a layer whose output is `out`."""
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel() * out.shape[2] * out.shape[3]
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0


x, rows, ledger = torch.zeros(1, 3, 32, 32), [], []
with torch.inference_mode():
    for layer in network.eval():
        x = layer(x)
        counted = sum(p.numel() for p in layer.parameters())
        assert counted == parameters_of(layer)
        ledger.append((type(layer).__name__, counted, multiplications_of(layer, x)))
        shape = " × ".join(map(str, x.shape[1:]))
        rows.append(
            [
                ledger[-1][0],
                shape,
                f"{counted:,}" if counted else "",
                f"{ledger[-1][2]:,}" if ledger[-1][2] else "",
            ]
        )
        if isinstance(layer, nn.Flatten):
            assert x.shape[1] == 256 * 4 * 4 == 4096
rows.append(["together", "", f"{total:,}", f"{sum(m for _, _, m in ledger):,}"])
print(results.table(rows, ["layer", "output", "parameters", "multiplications"]))
assert sum(counted for _, counted, _ in ledger) == total

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-ledger", "caption": "Where the parameters are and where the work is. The first fully connected layer holds most of the parameters and does hardly any of the work; the convolutions hold a fifth of the parameters and do nearly all of the work."}, "image": {"alt": "Two bars a layer: shares of parameters and of multiplications for six convolutions and three linear layers. The first linear layer has 72 per cent of the parameters; the convolutions share 97 per cent of the multiplications."}}
weighted = [(kind, counted, work) for kind, counted, work in ledger if work]
shares = np.array([[counted, work] for _, counted, work in weighted], dtype=float)
shares = 100 * shares / shares.sum(axis=0)
labels = [f"conv {n}" for n in range(1, 7)] + [f"fc {n}" for n in range(1, 4)]
fig, ax = plt.subplots(figsize=(8, 3.1))
at = np.arange(len(labels))
ax.bar(at - 0.2, shares[:, 0], 0.4, label="parameters")
ax.bar(at + 0.2, shares[:, 1], 0.4, label="multiplications", hatch="//", edgecolor="white")
ax.set(xticks=at, xticklabels=labels, ylabel="share in %")
ax.grid(axis="x", visible=False)
ax.legend()
plt.show()
print(
    f"fully connected layers: {shares[6:, 0].sum():.0f} % of the parameters, {shares[6:, 1].sum():.0f} % of the multiplications"
)

# %% [markdown]
# That is the double face of weight sharing. A filter of a few hundred weights is used at a thousand places, so convolutions are cheap to store and dear to run; a fully connected layer uses each weight once, so it is dear to store and cheap to run. With global average pooling, this network would have little more than a million parameters (exercise 7.3).
#
# ### Does it learn at all?
#
# Training it on CIFAR-10 takes more than an hour on a small machine, too long for a page; the result is recorded and stands {ref}`further down <sec-cnn-real>`. But before anyone spends an hour, there is a test that takes seconds and finds most mistakes: let the network learn *a single batch* by heart. A network with millions of parameters that can't memorise
# sixteen pictures has a bug, in its layers, its loss or its labels.


# %% tags=["nbval-ignore-output"]
# varies: training in floating point takes another course on another processor
sixteen = training.to_tensor(images_train[:16], device)
their_labels = torch.from_numpy(y_train[:16]).to(device)
network.to(device, memory_format=LAYOUT).train()
optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
by_heart = []
for _ in range(16):
    loss = loss_function(network(sixteen), their_labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    by_heart.append(loss.item())
print("loss, every third step:", " ".join(f"{loss:.2f}" for loss in by_heart[::3]))
print(f"guessing: {np.log(10):.2f}")
assert by_heart[-1] < 0.5 * by_heart[0]

# %% [markdown]
# <div class="question">
#
# **Quick question 5.** You double the number of maps in every convolution of this network, and leave everything else. What happens to the multiplications in the *middle* convolutions?
#
# <details class="choice"><summary>They double</summary>
#
# Twice as many filters would do that. But each of them is also twice as deep.
#
# </details>
#
# <details class="choice right"><summary>They grow fourfold</summary>
#
# Right: $F^2 C K \cdot H W$ has $C$ and $K$ in it, and both double. Only the first convolution, whose $C = 3$ is given by the picture, doubles.
#
# </details>
#
# <details class="choice"><summary>They stay the same; only parameters are added</summary>
#
# Every weight of a filter is used at every place. More weights are more work.
#
# </details>
# </div>
#
# (sec-cnn-fc)=
# ## Against a fully connected network
#
# Why go to all this trouble, if by {ref}`sec-net-pieces` one wide hidden layer can in principle compute anything? Compare the layers first. From $C$ maps of $H \times W_\text{px}$ to $K$ maps of the same size, a fully connected layer has a weight for every pair of numbers, a convolution $F^2$ for every pair of maps:
#
# $$
# \begin{aligned}
# \frac{\text{fully connected}}{\text{convolution}}
# &= \frac{(C H W_\text{px}) (K H W_\text{px})}{F^2 C K} \\
# &= \frac{(H W_\text{px})^2}{F^2} .
# \end{aligned}
# $$ (eq-cnn-saving)

# %%
C, K, side = 2, 3, 6
as_filters = nn.Conv2d(C, K, 3, padding=1, bias=False)
as_matrix = nn.Linear(C * side * side, K * side * side, bias=False)
# check: eq-cnn-saving
saving = (side * side) ** 2 / 3**2
assert as_matrix.weight.numel() / as_filters.weight.numel() == saving
print(
    f"{C} → {K} maps of {side} × {side}: {as_matrix.weight.numel():,} against {as_filters.weight.numel()} weights"
)
print(f"3 → 32 maps of 32 × 32: {(3 * 32**2) * (32 * 32**2):,} against {3 * 3 * 3 * 32}")

# check: eq-cnn-multiplications
from torch.utils.flop_counter import FlopCounterMode

with FlopCounterMode(display=False) as counter, torch.inference_mode():
    models.cifar10_cnn().eval()(torch.zeros(1, 3, 32, 32))
assert counter.get_total_flops() == 2 * sum(work for _, _, work in ledger)  # × and +

# %% [markdown]
# A hundred million weights for what the first layer of the CIFAR-10 network does with 864. So nobody builds *that*. The fair question is another: given a **budget**, which of the two does better? There are two budgets that one can mean, parameters and multiplications, so SmallNet gets two opponents with one hidden layer each. One has as many *parameters*, which leaves it eleven hidden
# units. The other needs as many *multiplications* for a picture, which gives it 912 hidden units and eighty times the parameters. All three learn from the same pictures, for the same number of epochs. The opponents get the learning rates that did best on validation pictures among several that we tried ($10^{-4}$ to $2 \cdot 10^{-3}$ for the wide one, $10^{-3}$ and $3 \cdot 10^{-3}$ for the narrow one); ours was never tuned.


# %% tags=["nbval-ignore-output"]
# varies: training in floating point takes another course on another processor
with FlopCounterMode(display=False) as counter, torch.inference_mode():
    model.eval()(training.to_tensor(images_test[:1], device))
budget = counter.get_total_flops() // 2
rivals = {  # hidden units, learning rate
    "as many parameters": (11, 1e-3),
    "as many multiplications": (round(budget / (3072 + 10)), 3e-4),
}
rows = [["SmallNet", sum(p.numel() for p in model.parameters()), budget, curve[-1][1], test_accuracy]]
for title, (hidden, rate) in rivals.items():
    torch.manual_seed(SEED)
    rival = models.mlp(3072, hidden, len(names))
    history = training.train(
        rival, images_train, y_train, epochs=EPOCHS, batch_size=64, lr=rate, seed=SEED, progress=False
    )
    work = sum(layer.weight.numel() for layer in rival if isinstance(layer, nn.Linear))
    parameters = sum(p.numel() for p in rival.parameters())
    reached = training.evaluate(rival, images_test, y_test).accuracy
    rows.append(
        [f"3072-{hidden}-{len(names)}, {title}", parameters, work, history.train_accuracy[-1], reached]
    )
shown = [[title, f"{p:,}", f"{m:,}", f"{seen:.0%}", f"{new:.0%}"] for title, p, m, seen, new in rows]
print(results.table(shown, ["network", "parameters", "multiplications", "training", "test"]))
assert DATASET != "pocket10" or rows[0][-1] > 0.1 + max(row[-1] for row in rows[1:])

# %% [markdown]
# On either budget the convolutional network is far ahead. It is not that the other *could* not represent what is needed. It would have to learn separately for every place what a wheel looks like there, from pictures that show a wheel now here, now there. The convolutional network is told from the start that places are alike and that neighbours belong together. Such built-in assumptions are called an **inductive bias**. When they are
# true, they replace data.
#
# The wrong assumption would hurt as much. Shuffle the pixels of all pictures in the same way, and for the fully connected network nothing changes. For the convolutional one, neighbours no longer belong together, and its advantage is gone: when we tried, it fell behind the wide network. Exercise 7.5 shows why.

# %% [markdown]
# (sec-cnn-real)=
# ## On real photographs
#
# ### Ten classes
#
# The recipe that belongs to the network of 5,852,170 parameters: pictures normalised channel by channel with a fixed mean and standard deviation, cropped at random from a frame of four black pixels and flipped left to right at random, in batches of 128; Adam with a learning rate of $10^{-4}$, cross-entropy, 20 epochs; after each, the accuracy on the training and on the test set. The tutorial it
# comes from reports 84.95 % on the test set after 20 epochs and 86.05 % at best. We run it on all 50,000 training pictures of CIFAR-10 {cite:p}`krizhevsky2009learning`, in a copy that went through JPEG and is slightly degraded. On two cores that takes more than an hour, so the run is recorded: `course reproduce cifar10_cnn` repeats it, and goes on after its last whole epoch if it is stopped.

# %%
cifar = results.load("cifar10_cnn")
measured, source = cifar["metrics"], cifar["settings"]["source_figures"]
epochs = cifar["settings"]["epochs"]


def per_cent(value):
    """A fraction in per cent, with two decimals as in the source."""
    return f"{100 * value:.2f} %"


rows = [
    ["parameters", f"{source['parameters']:,}", f"{measured['parameters']['mean']:,.0f}"],
    [
        "test accuracy at the end",
        per_cent(source["test_accuracy"]),
        per_cent(measured["test_accuracy"]["mean"]),
    ],
    [
        "best test accuracy on the way",
        per_cent(source["best_test_accuracy"]),
        per_cent(measured["best_test_accuracy"]["mean"]),
    ],
    ["after so many epochs", str(source["epochs"]), str(epochs)],
    ["training accuracy, pictures as they are", "", per_cent(measured["train_accuracy"]["mean"])],
    ["training accuracy, cropped and flipped", "", per_cent(measured["train_accuracy_augmented"]["mean"])],
    ["training accuracy, not said how", per_cent(source["train_accuracy"]), ""],
]
print(results.table(rows, [cifar["dataset"], "source", "here"]))
print()
print(fill(results.provenance(cifar), 75))
assert measured["parameters"]["mean"] == source["parameters"] == total
assert measured["test_accuracy"]["mean"] <= measured["best_test_accuracy"]["mean"]

# %% [markdown]
# What does it cost? The next figures are means over a few whole epochs on two cores, computed in plain float32, with the accuracy on all training and all test pictures after each. The source gives seconds, but does not name its machine.

# %%
cost = results.load("cifar10_cnn_seconds")
seconds = cost["metrics"]["seconds_an_epoch"]
rows = [[part, f"{seconds[part]['mean']:.0f} s"] for part in ("training", "evaluation", "together")]
rows.append(["together, in the source", f"{source['seconds_an_epoch']} s"])
minutes = cost["metrics"]["minutes_for_20_epochs_extrapolated"]["mean"]
rows.append([f"{source['epochs']} epochs, extrapolated", f"{minutes:.0f} min"])
print(results.table(rows, ["an epoch", "mean"]))
print()
print(fill(results.provenance(cost), 75))
assert np.isclose(
    seconds["together"]["mean"], seconds["training"]["mean"] + seconds["evaluation"]["mean"], atol=0.2
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-curve", "caption": "The recorded run on CIFAR-10 (JPEG copy). Accuracy on 10,000 training pictures as they are, accuracy during the epoch on cropped and flipped pictures with dropout on, and test accuracy. The horizontal lines are the source's test accuracy after 20 epochs and at best."}, "image": {"alt": "Three curves of accuracy against the epoch, rising towards two horizontal lines that show where the source ended."}}
fig, ax = plt.subplots(figsize=(7, 3.6))
for key, title, style in (
    ("sample_accuracy_by_epoch", "training, as they are", "o-"),
    ("running_accuracy_by_epoch", "training, during the epoch", "^-."),
    ("test_accuracy_by_epoch", "test", "s--"),
):
    values = 100 * np.array(measured[key]["mean"])
    ax.plot(np.arange(1, len(values) + 1), values, style, markersize=4, label=title)
ax.axhline(
    100 * source["test_accuracy"],
    color="black",
    linestyle=":",
    linewidth=1.3,
    label="source, after 20 epochs",
)
ax.axhline(100 * source["best_test_accuracy"], color="0.55", linestyle="-", linewidth=1, label="source, best")
ax.set(xlabel="epoch", ylabel="accuracy in %", xlim=(0.5, epochs + 0.5), xticks=range(1, epochs + 1))
ax.legend(fontsize=9, loc="lower right")
plt.show()

# %% [markdown]
# Read three things off the curves. Most of the way is made in the first epochs. While training pictures are cropped, flipped and seen through dropout, they are harder than test pictures, so the running accuracy says little about overfitting; measure on plain pictures and without dropout, and a gap opens between training and test. And the *best* test accuracy of twenty epochs was found by looking at the test set twenty times. It is the largest of twenty noisy numbers and a little too
# good for that reason alone: quote the last one, or choose the epoch on validation pictures ({ref}`sec-knn-validation`).

# %% [markdown]
# One number hides which classes are hard. A **confusion matrix** shows it: row $i$, column $j$ counts the test pictures of class $i$ that were called $j$.

# %% mystnb={"figure": {"name": "fig-cnn-confusion", "caption": "Confusion matrix on the 10,000 test pictures of CIFAR-10 (JPEG copy): rows are true classes, columns predictions. The diagonal holds what is right. Darker cells off the diagonal are mistakes; look at the block of animals and at the pair of automobile and truck."}, "image": {"alt": "A ten-by-ten grid of counts with a dark diagonal; off the diagonal the largest counts are between animals, above all cat and dog, and between automobile and truck."}}
inside = results.load_arrays("cifar10_cnn_inside")
confusion, classes = inside["confusion"], class_names("cifar10")
fig, ax = plt.subplots(figsize=(6.4, 5.4))
ax.imshow(np.sqrt(confusion), cmap="Blues")
for (i, j), count in np.ndenumerate(confusion):
    ink = "white" if count > 0.35 * confusion.max() else "black"
    ax.text(j, i, str(count), ha="center", va="center", color=ink, fontsize=8)
ax.set(xticks=range(10), yticks=range(10), yticklabels=classes, xlabel="predicted", ylabel="true")
ax.set_xticklabels(classes, rotation=45, ha="right")
ax.grid(False)
plt.show()
print(f"on the diagonal: {np.trace(confusion):,} of {confusion.sum():,}")
assert np.isclose(np.trace(confusion) / confusion.sum(), measured["test_accuracy"]["mean"], atol=1e-6)

# %% [markdown]
# ### Inside
#
# The 32 filters of its first layer, and what the layers behind it make of two photographs:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-cifar-filters", "caption": "The 32 filters of the first layer, trained on CIFAR-10 (JPEG copy): 3×3 pixels in colour, each scaled to its own largest weight, grey is zero."}, "image": {"alt": "Two rows of sixteen small squares of three by three coloured pixels: some with a bright and a dark side, some with one colour against another."}}
weights = inside["filters"].astype(np.float32).transpose(0, 2, 3, 1)
weights /= np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
plots.show_images(weights, columns=16, zoom=0.5, limits=(-1.0, 1.0))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-cifar-maps", "caption": "Feature maps by depth on CIFAR-10 (JPEG copy): two test pictures, and of each of the six convolutions the four maps that vary most, after ReLU. The first maps keep the picture's outlines; the last are a few bright places on an 8×8 grid."}, "image": {"alt": "Two photographs, each followed by six columns of four feature maps that become coarser and sparser from left to right."}}
shown = inside["pictures"]
fig, axes = plt.subplots(2 * len(shown), 13, figsize=(10, 1.75 * len(shown)), squeeze=False)
for nth in range(len(shown)):
    for row in range(2):
        axes[2 * nth + row, 0].imshow(shown[nth]) if row == 0 else None
        for layer in range(6):
            maps = inside[f"maps_{layer}"][nth].astype(np.float32)
            for column in range(2):
                ax = axes[2 * nth + row, 1 + 2 * layer + column]
                ax.imshow(maps[2 * row + column], vmin=0, vmax=maps.max())
                if nth == row == column == 0:
                    ax.set_title(f"conv {layer + 1}", fontsize=9)
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-cifar-patches", "caption": "What maps of the second, fourth and sixth convolution answer to most strongly among test photographs of CIFAR-10 (JPEG copy); one row is one map. What lies outside the picture is black. From edges and colours over textures and parts to whole objects of one kind."}, "image": {"alt": "Three blocks of patches: six rows of eight patches of five pixels, of fourteen pixels and of thirty-two pixels; the last show whole objects, similar to each other within a row."}}
fig, axes = plt.subplots(1, 3, figsize=(10, 2.9))
for ax, layer in zip(axes, (1, 3, 5), strict=True):
    cut = inside[f"patches_{layer}"]  # (maps, patches, side, side, 3)
    side = cut.shape[2]
    assert side == receptive_field(large[: (2, 5, 8)[layer // 2]])[0]
    gap = max(1, side // 10)
    padded = np.pad(cut, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    ax.imshow(padded.transpose(0, 2, 1, 3, 4).reshape(len(cut) * (side + gap), -1, 3))
    ax.set_title(f"conv {layer + 1}: {side} × {side} pixels", fontsize=10, loc="center")
    ax.axis("off")
plt.show()

# %% [markdown]
# (sec-cnn-car-truck)=
# ### Car against truck
#
# The question of chapter 3 once more: is it a car or a truck, from 10,000 grey pictures to learn from and 2,000 to be tested on? Least squares on the pixels reached little more than 60 % on the test pictures. Here is the network of the representation-learning lecture that the question comes from: three convolutions of $7 \times 7$, $5 \times 5$ and $3 \times 3$ without padding, each with batch normalisation and ReLU, two layers of max pooling, 64 maps of
# $2 \times 2$, a hidden layer of 64 and one output. With two classes one score is enough: its sigmoid is the probability of *truck*, and the loss is the binary cross-entropy.

# %%
car_truck = models.car_truck_cnn()
x, rows = torch.zeros(1, 1, 32, 32), []
with torch.inference_mode():
    for layer in car_truck.eval():
        x = layer(x)
        counted = sum(p.numel() for p in layer.parameters())
        rows.append(
            [type(layer).__name__, " × ".join(map(str, x.shape[1:])), f"{counted:,}" if counted else ""]
        )
rows.append(["together", "", f"{sum(p.numel() for p in car_truck.parameters()):,}"])
print(results.table(rows, ["layer", "output", "parameters"]))

# %%
two = results.load("car_truck_cnn")
pixels = results.load("car_truck_least_squares")
rows = [
    [
        "least squares on pixels",
        *(results.percent(pixels["metrics"][key]) for key in ("train_accuracy", "test_accuracy")),
    ],
    ["CNN", *(results.percent(two["metrics"]["64"][key]) for key in ("train_accuracy", "test_accuracy"))],
    [
        "CNN, source",
        *(
            f"{100 * two['settings']['source_figures'][key]:.0f} %"
            for key in ("train_accuracy", "test_accuracy")
        ),
    ],
    [
        "CNN, 32-16-2 behind",
        *(results.percent(two["metrics"]["64-32-16-2"][key]) for key in ("train_accuracy", "test_accuracy")),
    ],
]
print(results.table(rows, [f"car or truck, {two['dataset']}", "training", "test"]))
print()
print(fill(results.provenance(two), 75))
by_pixels, by_cnn = pixels["metrics"]["test_accuracy"]["mean"], two["metrics"]["64"]["test_accuracy"]["mean"]
assert by_cnn > by_pixels + 0.1

# %% [markdown]
# The same pictures, the same labels; what has changed is the representation. The network learns its training pictures (nearly) perfectly and still does far better than the linear classifier on new ones. The gap between the two columns is overfitting all the same: nothing in this recipe holds the network back, no augmentation, no dropout. Chapter 9 does something about it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-car-filters", "caption": "The 32 filters of 7×7 that the car-against-truck network learned from CIFAR-10 (JPEG copy); purple is positive, orange negative, each scaled to its own largest weight."}, "image": {"alt": "Two rows of sixteen squares of seven by seven pixels in purple and orange: most are irregular, some show bars or a bright and a dark side."}}
plane = results.load_arrays("car_truck_cnn_plane")
filters = plane["filters"].astype(np.float32)
fig, axes = plt.subplots(2, 16, figsize=(9.5, 1.35))
for ax, weights in zip(axes.ravel(), filters, strict=True):
    ax.imshow(weights, cmap=plots.DIVERGING, vmin=-np.abs(weights).max(), vmax=np.abs(weights).max())
    ax.axis("off")
plt.show()

# %% [markdown]
# ### A plane to look at
#
# What does it mean that a network *learns a representation*? The last row of the table has an answer that one can see. Behind the hidden layer of 64, this variant has three more, of 32, 16 and finally **2** units. So before the last layer, every picture is a point in a plane, and the last layer is a linear classifier in that plane: a straight line. Nobody told the network where to put cars and trucks. Move the slider through training and watch it find out.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-plane", "caption": "600 test pictures of CIFAR-10 (JPEG copy) as points in the plane of the last hidden layer, as training goes on. Circles are cars, triangles trucks, the dashed line is where the network is undecided. The scale follows the points. Before training the classes lie on top of each other; then they are pulled apart, until one straight line parts most of them."}, "image": {"alt": "Frames of an interactive figure: a scatter plot of circles and triangles, at first mixed, later two separate clouds along the axes, and a dashed line between them."}}
def draw_plane(points, line, labels, epoch):
    """One frame: points of cars and trucks, and where the last layer is undecided."""
    fig, ax = plt.subplots(figsize=(5.2, 4.4))
    reach = np.maximum(np.quantile(points, 0.98, axis=0), 0.1) * 1.1
    for label, marker, colour, title in ((0, "o", "C1", "car"), (1, "^", "C0", "truck")):
        chosen = points[labels == label]
        ax.scatter(
            *chosen.T,
            s=22,
            marker=marker,
            color=colour,
            edgecolor="black",
            linewidth=0.3,
            alpha=0.75,
            label=title,
        )
    across = np.array([-0.03, 1.0]) * reach[0]
    ax.plot(across, -(line[0] * across + line[2]) / line[1], "k--", linewidth=1.5)
    right = np.mean((points @ line[:2] + line[2] > 0) == labels)
    ax.set(xlim=across, ylim=(-0.03 * reach[1], reach[1]), xlabel="unit 1", ylabel="unit 2")
    ax.set_title(f"after {epoch} epochs: {right:.0%} right", fontsize=11)
    ax.legend(fontsize=9, loc="center right")
    return fig, right


drawn = [
    draw_plane(points.astype(float), line, plane["labels"], int(epoch))
    for points, line, epoch in zip(plane["points"], plane["line"], plane["epochs"], strict=True)
]
interactive.frames(
    [fig for fig, _ in drawn],
    [int(epoch) for epoch in plane["epochs"]],
    name="car-truck-plane",
    alt=[
        f"After {epoch} epochs, {right:.0%} of the points lie on their side of the line."
        for epoch, (_, right) in zip(plane["epochs"], drawn, strict=True)
    ],
    description="Epochs",
    start=len(drawn) - 1,
    dpi=75,
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cnn-sure", "caption": "Test pictures of CIFAR-10 (JPEG copy), ordered by their side of the line: the surest cars (first row), the least sure pictures (second row), the surest trucks (third row). Above each its true class."}, "image": {"alt": "Three rows of eight grey photographs: cars seen clearly, pictures that are hard to tell, and trucks seen clearly."}}
last = (
    plane["points"][-1].astype(float)[: len(plane["pictures"])] @ plane["line"][-1][:2] + plane["line"][-1][2]
)
by_score = np.argsort(last)
unsure = np.argsort(np.abs(last))[:8]
chosen = np.concatenate([by_score[:8], unsure, by_score[-8:]])
plots.show_images(plane["pictures"][chosen], plane["labels"][chosen], ("car", "truck"), columns=8, zoom=0.9)

# %% [markdown]
# From 1,024 grey values to two numbers, and the two are enough for a straight line to part what no plane in 1,024 dimensions could part. That is what *learning a representation* means, and why the same network with its last layer cut off is worth keeping: chapter 13 gives it other classes to tell apart.
#
# And Pocket-10? The ladder that chapter 3 began, with a small convolutional network on it:

# %%
ladder = results.load("ladder_pocket10")
rows = [
    [title, results.percent(ladder["metrics"][rung]["test_accuracy"])]
    for rung, title in (
        ("softmax", "linear, softmax"),
        ("mlp", "3072-200-10 network"),
        ("small_cnn", "small CNN"),
    )
]
print(results.table(rows, ["Pocket-10 in colour", "test"]))
print()
print(fill(results.provenance(ladder), 75))

# %% [markdown]
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 7.1: pools of pools
#
# Show that max pooling with $2 \times 2$ windows side by side, done twice, is max pooling with $4 \times 4$ windows side by side. What single window does pooling twice with $3 \times 3$ windows and stride 1 amount to? Does the same hold for average pooling?
#
# <details class="hint"><summary>Hint 1</summary>
#
# The largest of several maxima is the maximum of everything they looked at. What did they look at?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# {eq}`eq-cnn-field` tells the size of the window. For averages ask how often each pixel is counted.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# eight = np.random.default_rng(SEED).normal(size=(2, 3, 8, 8))
# assert np.array_equal(max_pool(max_pool(eight, 2, 2), 2, 2), max_pool(eight, 4, 4))
# assert np.array_equal(max_pool(max_pool(eight, 3, 1), 3, 1), max_pool(eight, 5, 1))
#
# eight = torch.tensor(eight)
# assert torch.allclose(F.avg_pool2d(F.avg_pool2d(eight, 2), 2), F.avg_pool2d(eight, 4))
# assert not torch.allclose(F.avg_pool2d(F.avg_pool2d(eight, 3, 1), 3, 1), F.avg_pool2d(eight, 5, 1))
# ```
#
# Side by side, averages of averages are averages too. Where windows overlap, pixels in the middle are counted more often than those at the rim, and the result is a *weighted* mean; a maximum does not mind being told twice.
#
# </details>
#
# ### Exercise 7.2: the cheaper order
#
# Check that ReLU and max pooling commute, that ReLU and average pooling do not, and count for the CIFAR-10 network how many applications of ReLU per picture the cheaper order saves.
#
# <details class="hint"><summary>Hint 1</summary>
#
# For the count: which of the six ReLUs behind convolutions are followed by a pooling?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The stacks are $64 \times 32 \times 32$, $128 \times 16 \times 16$ and $256 \times 8 \times 8$, and three quarters of their numbers need no ReLU.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# assert np.array_equal(relu(max_pool(x_maps, 2, 2)), max_pool(relu(x_maps), 2, 2))
# means = windows(x_maps, 2, 2).mean(axis=-1)
# assert not np.allclose(relu(means), windows(relu(x_maps), 2, 2).mean(axis=-1))
#
# stacks = [64 * 32 * 32, 128 * 16 * 16, 256 * 8 * 8]
# assert sum(stacks) * 3 // 4 == 86_016
# ```
#
# It sounds like much and is next to nothing: the convolutions do 138 million multiplications a picture. Most people write ReLU first, because it reads better.
#
# </details>
#
# ### Exercise 7.3: a leaner head
#
# Replace the head of the CIFAR-10 network by global average pooling and one linear layer. How many parameters remain, and which share of the multiplications? Check that the new network takes pictures of $32 \times 32$ and of $48 \times 64$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# `network` is an `nn.Sequential`, and can be cut like a list. Where is its `nn.Flatten`?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# `nn.AdaptiveAvgPool2d(1)`, then `nn.Flatten()`, then `nn.Linear(256, 10)`.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# whole = models.cifar10_cnn()
# flat = next(i for i, layer in enumerate(whole) if isinstance(layer, nn.Flatten))
# lean = nn.Sequential(*whole[:flat], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10)).eval()
# assert sum(p.numel() for p in lean.parameters()) == 1_129_482
# for height, width in ((32, 32), (48, 64)):
#     assert lean(torch.zeros(2, 3, height, width)).shape == (2, 10)
# work = sum(m for kind, _, m in ledger if kind == "Conv2d") + 256 * 10
# print(f"{work / sum(m for _, _, m in ledger):.0%} of the multiplications remain")
# ```
#
# Four fifths of the parameters are gone, and hardly any of the work. Whether the accuracy suffers is a matter for an experiment; most networks since {cite:t}`lin2014network` have this head.
#
# </details>
#
# ### Exercise 7.4: in company
#
# Show the effect of a forgotten `eval()`: in training mode, the scores of one picture change with the company it is in; in evaluation mode, they do not.
#
# <details class="hint"><summary>Hint 1</summary>
#
# An untrained `SmallNet` will do. Put the same picture into two batches with different others.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# `torch.inference_mode()` does not switch batch normalisation; only `train()` and `eval()` do.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# torch.manual_seed(SEED)
# fresh = SmallNet(len(names))
# batch = training.to_tensor(images_test[:40])
# one_company, other_company = batch[:20], torch.cat([batch[:1], batch[21:]])
# with torch.inference_mode():
#     fresh.train()
#     assert not torch.allclose(fresh(one_company)[0], fresh(other_company)[0], atol=1e-2)
#     fresh.eval()
#     assert torch.allclose(fresh(one_company)[0], fresh(other_company)[0], atol=1e-5)
# ```
#
# Beware of the second effect: the two passes in training mode have moved the running mean and variance, although no gradient was computed and no optimiser was there.
#
# </details>
#
# ### Exercise 7.5: when neighbours are strangers
#
# Shuffle the pixels of all pictures in the same way. Explain why nothing changes for a fully connected network, show it for one step of its first layer, and show that what a convolution followed by global pooling computes *does* change.
#
# <details class="hint"><summary>Hint 1</summary>
#
# If the pixels are permuted, permute the rows of $W$ alike. What happens to $xW$?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# For the convolution, compare the mean of $|x \star w|$ over the map for an edge filter, before and after shuffling. Which is larger, and why?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rng = np.random.default_rng(SEED)
# shuffle = rng.permutation(32 * 32)
# grey = images_test[:50].mean(axis=3).reshape(50, -1) / 255.0
# W = rng.normal(size=(1024, 7))
# assert np.allclose(grey @ W, grey[:, shuffle] @ W[shuffle])
#
# def strength(rows):
#     return np.abs(conv_forward(rows.reshape(-1, 1, 32, 32), first[:1], np.zeros(1))).mean()
#
# assert strength(grey[:, shuffle]) > 1.5 * strength(grey)
# ```
#
# For the fully connected network the two problems are the same problem with the inputs renamed. For the filter, shuffled pictures are full of edges, because neighbours have nothing to do with one another any more: there is no structure left that nine weights could find. Train both networks on shuffled pictures, if you have a few minutes, and see how much of the advantage is left.
#
# </details>
#
# ### Exercise 7.6: the same network, everywhere at once
#
# A linear layer on a flattened stack of $64 \times 4 \times 4$ is a convolution with filters of $4 \times 4$. Turn the head of an (untrained) `SmallNet` into such a convolution, check that it gives the same scores on pictures of $32 \times 32$, and let it run over one of $64 \times 96$. What do you get, and what is it good for?
#
# <details class="hint"><summary>Hint 1</summary>
#
# {eq}`eq-cnn-flatten` says in which order the weights are: `weight.reshape(10, 64, 4, 4)`.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# On the large picture the last stack is $64 \times 8 \times 12$. At how many places does the filter fit?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# torch.manual_seed(SEED)
# net = SmallNet(10).eval()
# linear = net.head[1]
# everywhere = nn.Conv2d(64, 10, 4)
# everywhere.load_state_dict({"weight": linear.weight.reshape(10, 64, 4, 4), "bias": linear.bias})
# body = nn.Sequential(net.stage1, net.stage2, net.stage3, everywhere)
# with torch.inference_mode():
#     one = training.to_tensor(images_test[:4])
#     assert torch.allclose(body(one)[:, :, 0, 0], net(one), atol=1e-5)
#     assert body(torch.zeros(1, 3, 64, 96)).shape == (1, 10, 5, 9)
# ```
#
# A map of scores for each class, one for every window of $32 \times 32$ at steps of 8 pixels, without computing anything twice. It is a detector in the making; chapter 16 takes it up.
#
# </details>
#
# <div class="question">
#
# **Quick question 6.** Your training accuracy is 100 %, your test accuracy 80 %. A colleague proposes to stop at the epoch with the best *test* accuracy, 83 %, and to report that. What do you say?
#
# <details class="choice"><summary>Fine: stopping early is a known remedy against overfitting</summary>
#
# It is, if the epoch is chosen on *validation* pictures. Chosen on the test set, the test set has become part of training.
#
# </details>
#
# <details class="choice right"><summary>Choose the epoch on a validation set, then report the test accuracy at that epoch, whatever it is</summary>
#
# Right. The largest of many noisy numbers is too large, and the more epochs one looks at, the more so.
#
# </details>
#
# <details class="choice"><summary>Report 100 %, it is the better number</summary>
#
# It says how well the network remembers, not how well it sees.
#
# </details>
# </div>
#
# ## What to remember
#
# 1. A stage is convolution, bend, pooling; a network is a few stages and a head. Maps shrink and multiply on the way, and each place sees more of the picture.
# 2. Pooling keeps the strongest answer of each window: no weights, less work, tolerance to small moves, at the price of position. It pads with $-\infty$.
# 3. Parameters sit where flattening meets a fully connected layer, work sits in the convolutions. Global average pooling removes the first.
# 4. Data set, loader, device, module, loss, optimiser, two loops, save and load: the same eight pieces every time. `train()`, `eval()`, `zero_grad()`, `weights_only=True`.
# 5. On equal budgets, of parameters or of work, convolution beats full connection on pictures, because what it assumes about them is true.
#
# ## Pitfalls
#
# - **A softmax before `CrossEntropyLoss`.** It is in there already. Twice still trains, slowly and badly, and raises no error.
# - **Forgetting `zero_grad()`.** Gradients add up; the network trains on the sum of all batches so far.
# - **Forgetting `eval()`**, or forgetting to go back to `train()`. The first spoils the test, the second the rest of the training.
# - **A flattened size computed by hand.** Change the picture's size or one padding and the first linear layer does not fit. Send a batch of zeros through, in evaluation mode, and read the shape off.
# - **Zeros as padding for a maximum.** In maps that can be negative, they win.
# - **`loss` in place of `loss.item()` in a running sum.** It keeps every graph of the epoch in memory.
# - **Saving the model in place of its state dictionary.** The file then holds the path of your class and runs code when opened.
# - **Comparing networks by parameters alone.** A convolutional network with a tenth of the parameters may do ten times the work.
#
# ## History and further reading
#
# {cite:t}`fukushima1980neocognitron` alternated cells that detect with cells that tolerate shifts, after what {cite:t}`hubel1962receptive` had seen in the cat. {cite:t}`lecun1989backpropagation` trained such a network by backpropagation; LeNet-5 {cite:p}`lecun1998gradient` has the shape that this chapter teaches, with averages as pooling. Taking the maximum instead was proposed for speech by {cite:t}`yamaguchi1990neural`, for pictures in
# the Cresceptron of {cite:t}`weng1992cresceptron`, and as a model of the visual cortex by {cite:t}`riesenhuber1999hierarchical`. {cite:t}`krizhevsky2012imagenet` put large data, graphics processors, ReLU, dropout and overlapping max pooling together and won the ImageNet challenge of 2012 by a wide margin {cite:p}`russakovsky2015imagenet`; chapter 11 tells what came after.
#
# For what the layers come to see, read {cite:t}`zeiler2014visualizing`. That places in the middle of a receptive field count far more than those at its rim was shown by {cite:t}`luo2016understanding`; {cite:t}`araujo2019computing` compute fields for all kinds of networks. Chapter 9 of {cite:t}`goodfellow2016deep` treats convolution and pooling as assumptions about the world. On PyTorch itself, {cite:t}`paszke2019pytorch` explain why it is the way it is.
#
# ## Your turn: assignment 4
#
# Assignment `ps4_cnn_in_pytorch` has you put networks together in PyTorch: layers that are relatives of these, a data set, a loop and an evaluation of your own. As always it asks for *variations* of what you met here. The page [for students](../book/students.md) says how to open an assignment and check your answers.
#
# Next comes chapter 8: why deep networks fail to start, and how to start them.
