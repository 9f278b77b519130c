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
# (chap-arch)=
# # Architectures
#
# The same layers, put together in other ways: how networks went from sixty thousand parameters to a hundred million and back to
# five, and how to read any of them by counting.
#
# **What you will be able to do**
#
# 1. count the parameters and multiply-adds of any network without running it, and say which layers they sit in;
# 2. derive a unit's receptive field, and check it with a gradient;
# 3. name the layers of LeNet-5, AlexNet, ZFNet, VGG, GoogLeNet and ResNet, and say which problem each new piece solved;
# 4. explain when three small filters beat one large one, what a 1×1 bottleneck saves, and what depthwise separable filters save;
# 5. find out why a published figure differs from what your library gives;
# 6. compare architectures fairly, and distrust comparisons that are not.
#
# **What you need**: [chapter 6](06_convolution.ipynb) (filters in depth, the size of a map); pooling, batch normalisation and
# training loops from chapters 7 to 9.

# %%
from course_utils import results

print(results.run_time_note("11_architectures"))

# %%
import math
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
import torchvision
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_utils import accounting, architectures, interactive, plots
from course_utils.data import load
from course_utils.milestones import MILESTONES
from course_utils.receptive import receptive_fields, seen_by_gradient
from course_utils.training import evaluate, train

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# (sec-arch-idea)=
# ## Ten years in one picture
#
# From 2010 to 2017 there was a yearly contest, the ImageNet challenge {cite:p}`russakovsky2015imagenet`: 1.2 million photographs to learn from, a thousand
# classes, and test pictures whose labels only the organisers had. A system may name five classes a picture; the **top-5 error** is the share of pictures whose
# class is not among them.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-errors", "caption": "Top-5 error on the test pictures of the ImageNet challenge. Hatched bars: features by hand; plain bars: convolutional networks. AlexNet's two entries of 2012 differ in their data; every bar from 2012 on is a mean of several networks. Features by hand had gained two or three points in a year; in 2012 the error falls by more than a third from the second place to the first."}, "image": {"alt": "Bars of top-5 error in per cent, from 28.2 in 2010 to 25.8 in 2011, 16.4 and 15.3 for AlexNet in 2012 beside 26.2 for the second place, then 11.7, 7.3, 6.7, 3.57, 2.99 and 2.25 in 2017."}}
contest = [m for m in MILESTONES if m.top5_error is not None]
fig, ax = plt.subplots(figsize=(7.4, 3.7))
for place, m in enumerate(contest):
    by_hand = m.what.startswith("features by hand")
    look = {"facecolor": "white", "hatch": "///"} if by_hand else {"facecolor": "C0"}
    ax.bar(place, m.top5_error, edgecolor="black", linewidth=0.8, **look)
    ax.text(place, m.top5_error + 0.4, f"{m.top5_error:g}", ha="center", fontsize=10)
ax.set_xticks(
    range(len(contest)), [f"{m.name}\n{m.year}" for m in contest], rotation=40, ha="right", fontsize=9
)
ax.set(ylabel="top-5 error in %", ylim=(0, 32))
ax.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# Figures like these are quoted everywhere, and seldom with what they are figures *of*. So here is the fine print, a row a result.

# %%
for m in MILESTONES:
    figure = f"{m.top5_error:g} % top-5 error" if m.top5_error else f"{m.top1_accuracy:g} % top-1 accuracy"
    print(f"{m.year}  {m.name + ':':<32} {figure} ({m.measured_on})")
    print(f"      {m.what}")

by_name = {m.name: m.top5_error for m in MILESTONES}
assert by_name["AlexNet, more data"] < by_name["AlexNet"] < by_name["ISI"] - 9
assert by_name["ResNet"] < by_name["AlexNet"] / 4

# %% [markdown]
# Read the three rows of 2012 with care. The *winning entry* of Krizhevsky, Sutskever and Hinton had 15.3 %: the mean of seven networks, two of which had first been trained on the
# whole of ImageNet, 15 million pictures. With the challenge's own pictures alone, the mean of five networks had 16.4 %. The next best team had 26.2 %, with
# features made by hand. A *single* network is worse than either: 18.2 % on the validation pictures {cite:p}`krizhevsky2012imagenet`. The same goes for VGG, GoogLeNet {cite:p}`simonyan2015very,szegedy2015going`
# and ResNet {cite:p}`he2016deep`: the famous numbers are of ensembles.
#
# After 2017 the contest ended, and people compare top-1 accuracy on the public validation pictures instead: the class with the highest score has to be the right one. By 2020 a network
# that also learned from 300 million unlabelled photographs got 88.4 % of them right {cite:p}`xie2020selftraining`.
#
# What changed in those years? More data and faster machines, to be sure. But the data of the contest stayed the same from 2012 on, and the error fell to a seventh. The rest of the chapter is about
# the changes to the *architecture*: which layers, how many, how wide, and what is connected to what. Each network is here as code, and you will judge each by three numbers that
# need no training at all: its parameters, its multiply-adds and its receptive field.
#
# (sec-arch-count)=
# ## What a network costs
#
# Chapter 6 counted the parameters of a layer with $K$ filters of $F \times F$ on $C$ channels: $F^2 C K + K$. The work follows at once. Every weight is used once for
# every place of the output map, and each use is a multiplication and an addition, a **multiply-add**. With $g$ **groups** of channels, of which each filter reads one only, the depth
# of a filter is $C / g$:
#
# $$
# \begin{aligned}
# \text{parameters} &= F^2\, \frac{C}{g}\, K + K , \\
# \text{multiply-adds} &= F^2\, \frac{C}{g}\, K \cdot H_\text{out} W_\text{out} .
# \end{aligned}
# $$ (eq-arch-cost)
#
# A fully connected layer is the case $F = H_\text{out} = W_\text{out} = 1$. Biases, activations and pooling are left out of the second line, as is the custom; in convolutional networks they are a
# few per cent. Beware of the word FLOPs: some papers count a multiply-add as one, others as two. In this book the unit is the multiply-add.


# %%
def conv_cost(field, channels, filters, places, groups=1):
    """Parameters and multiply-adds of a convolution whose map has so many places."""
    weights = field**2 * (channels // groups) * filters
    return weights + filters, weights * places


def counted_by_torch(layer, x):
    """The same two numbers, from PyTorch: its operation counter counts a multiply-add as two."""
    with FlopCounterMode(display=False) as counter:
        layer(x)
    return sum(p.numel() for p in layer.parameters()), counter.get_total_flops() // 2


# check: eq-arch-cost
for field, channels, filters, groups in ((3, 64, 128, 1), (5, 96, 256, 2), (1, 256, 64, 1), (7, 8, 8, 8)):
    layer = nn.Conv2d(channels, filters, field, padding=field // 2, groups=groups)
    expected = conv_cost(field, channels, filters, 14 * 14, groups)
    assert counted_by_torch(layer, torch.zeros(1, channels, 14, 14)) == expected
    print(f"{filters:>3} filters of {field}×{field} on {channels:>3} channels, {groups} groups:", end=" ")
    print(f"{expected[0]:>8,} parameters, {expected[1]:>11,} multiply-adds")

# %% [markdown]
# To count a whole network we could build it, show it a picture, and note what passes through each layer. There is a cheaper way. PyTorch has a device named `meta`, on
# which tensors have a shape and no content. A network built there takes no memory and its forward pass takes no time, and all shapes come out right. A *hook* on each layer does the noting.


# %%
def layer_costs(model, shape):
    """(name, output shape, parameters, multiply-adds) of each layer with weights, for one picture (C, H, W)."""
    found = []

    def hook(name):
        def note(layer, inputs, output):
            work = layer.weight[0].numel() * output[0].numel()  # each output: one filter's weights
            found.append((name, tuple(output.shape[1:]), sum(p.numel() for p in layer.parameters()), work))

        return note

    hooks = [
        layer.register_forward_hook(hook(name))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    model.eval()(torch.zeros((1, *shape), device=next(model.parameters()).device))
    for each in hooks:
        each.remove()
    return found


with torch.device("meta"):
    rows = layer_costs(architectures.vgg(16), (3, 224, 224))
for name, shape, parameters, work in (rows[0], rows[1], rows[12], rows[13], rows[15]):
    print(f"layer {name:>2}: output {'×'.join(map(str, shape)):<11} {parameters:>11,} {work:>13,}")
print(f"all {len(rows)}: {sum(r[2] for r in rows):,} parameters, {sum(r[3] for r in rows):,} multiply-adds")
assert sum(r[2] for r in rows) == 138_357_544

# %% [markdown]
# One hundred and thirty-eight million parameters, half a gigabyte in single precision, counted without storing one of them. This is VGG-16, which will have its own section. Look where its costs sit:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-where", "caption": "VGG-16, layer by layer. Above: parameters, nearly all in the first fully connected layer. Below: multiply-adds, nearly all in the convolutions. Memory and time are spent in different places."}, "image": {"alt": "Two bar charts over the sixteen layers of VGG-16. Parameters: tiny bars for thirteen convolutions, a huge one for the first fully connected layer. Multiply-adds: large bars for the convolutions, tiny ones for the three fully connected layers."}}
fig, axes = plt.subplots(2, 1, figsize=(7.2, 3.9), sharex=True)
kinds = ["C0"] * 13 + ["C1"] * 3
labels = [f"conv {i + 1}" for i in range(13)] + [f"fc {i + 1}" for i in range(3)]
for ax, column, unit, title in (
    (axes[0], 2, 1e6, "parameters in millions"),
    (axes[1], 3, 1e9, "multiply-adds in billions"),
):
    ax.bar(range(16), [r[column] / unit for r in rows], color=kinds, edgecolor="black", linewidth=0.6)
    ax.set_title(title, fontsize=11)
    ax.grid(axis="x", visible=False)
axes[1].set_xticks(range(16), labels, rotation=45, ha="right", fontsize=9)
plt.show()

# %%
in_the_head = sum(r[2] for r in rows[13:]) / sum(r[2] for r in rows)
in_convolutions = sum(r[3] for r in rows[:13]) / sum(r[3] for r in rows)
print(
    f"fully connected layers: {in_the_head:.0%} of the parameters; convolutions: {in_convolutions:.0%} of the work"
)
assert in_the_head > 0.85 and in_convolutions > 0.95

# %% [markdown]
# This split explains half of what comes later. If you want a network *smaller*, remove the fully connected layers; if you want it *faster*, do something about the convolutions. GoogLeNet will do
# the first, bottlenecks and separable filters the second.
#
# <div class="question">
#
# **Quick question 1.** You feed VGG-16's convolutions with pictures of $448 \times 448$ instead of $224 \times 224$. What happens to their cost?
#
# <details class="choice"><summary>Parameters and multiply-adds grow fourfold</summary>
#
# The filters do not know the size of the picture: the parameters of a convolution stay what they are.
#
# </details>
# <details class="choice right"><summary>The parameters stay, the multiply-adds grow fourfold</summary>
#
# Right. {eq}`eq-arch-cost` has $H_\text{out} W_\text{out}$ in its second line only. Each map has four times as many places.
#
# </details>
# <details class="choice"><summary>The parameters stay, the multiply-adds double</summary>
#
# Height *and* width double, so there are four times as many places.
#
# </details>
# </div>
#
# (sec-arch-field)=
# ## What a unit can see
#
# The third number is a length. A unit of the first layer looks at $F \times F$ pixels. A unit of the second looks at $F \times F$ *units* of the first, whose windows overlap, and so on. The pixels that a unit
# depends on at all are its **receptive field**. A network whose last maps see 50 pixels can't know that the wheel on the left and the wheel on the right belong to one lorry.
#
# Follow one axis. Let $r$ be the width of the field, in pixels, and $j$ the **jump**, the distance in pixels between the centres of two neighbouring units. For the picture itself both are 1. A layer with filters of
# size $F$ and stride $S$ joins $F$ neighbouring fields, whose outermost centres are $(F - 1)\, j$ pixels apart; and it takes $S$ steps at once:
#
# $$
# r_\ell = r_{\ell-1} + (F_\ell - 1)\, j_{\ell-1}, \qquad j_\ell = j_{\ell-1}\, S_\ell .
# $$ (eq-arch-field)
#
# Start at $r_0 = j_0 = 1$ and put the second into the first:
#
# $$
# r_L = 1 + \sum_{\ell=1}^{L} (F_\ell - 1) \prod_{i<\ell} S_i .
# $$ (eq-arch-field-sum)
#
# Pooling counts as a layer here, padding does not matter. With stride 1 the field grows by $F - 1$ a layer, in a straight line. Every stride *before* a layer multiplies what that layer adds.
#
# We check it with the most literal reading of the definition. A unit depends on a pixel if its gradient in that pixel is not zero. So take a stack of layers with all weights positive, so that nothing can cancel; set the
# upstream gradient to 1 at one unit in the middle; and see how far it gets.


# %%
def receptive_field(windows):
    """Width of the field and jump after layers given as (field, stride) pairs."""
    r, j = 1, 1
    for field, stride in windows:
        r, j = r + (field - 1) * j, j * stride
    return r, j


def probe(windows, size=96):
    """How many pixels, from first to last, one unit in the middle has a gradient in."""
    x = torch.ones(1, 1, size, requires_grad=True, dtype=torch.float64)
    y = x
    for field, stride in windows:
        y = F.conv1d(y, torch.ones(1, 1, field, dtype=torch.float64) / field, stride=stride)
    y[0, 0, y.shape[2] // 2].backward()
    touched = x.grad[0, 0].nonzero()
    return int(touched.max() - touched.min()) + 1


stacks = (
    [(3, 1)] * 3,
    [(7, 1)],
    [(3, 2), (3, 1), (5, 1)],
    [(5, 1), (2, 2), (5, 1), (2, 2)],
    [(7, 2), (3, 2), (3, 1)],
)
# check: eq-arch-field
for windows in stacks:
    assert receptive_field(windows)[0] == probe(windows)
    print(f"{windows}: {probe(windows)} pixels")

# check: eq-arch-field-sum
for windows in stacks:
    strides = [stride for _, stride in windows]
    in_one_go = 1 + sum((field - 1) * math.prod(strides[:layer]) for layer, (field, _) in enumerate(windows))
    assert in_one_go == probe(windows)

# %% [markdown]
# The first two lines say that three layers of $3 \times 3$ see as much as one of $7 \times 7$; keep that for the section on VGG. Networks with branches need one more rule: where paths meet, the longest
# one counts. `course_utils.receptive` follows a network's graph by that rule and repeats the probe in two dimensions. Here it is for VGG-16. Move the slider down through the layers.


# %%
images, labels_train = load(DATASET, "train", n=1_600, seed=SEED)  # (N, 32, 32, 3)
images_test, labels_test = load(DATASET, "test", n=1_000, seed=SEED)
canvas = np.kron(images[np.flatnonzero(labels_train == 1)[2]], np.ones((7, 7, 1), np.uint8))  # (224, 224, 3)
vgg_fields = receptive_fields(architectures.vgg(16, width=1, hidden=1))
layer_names = [
    f"{'conv' if kind == 'c' else 'pool'} {number}"
    for kind, number in zip(
        "ccpccpcccpcccpcccp", (1, 2, 1, 3, 4, 2, 5, 6, 7, 3, 8, 9, 10, 4, 11, 12, 13, 5), strict=True
    )
]
print(
    f"{len(images):,} pictures to learn from, {len(images_test):,} to test, and one enlarged: {canvas.shape}"
)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-field-growth", "caption": "What a unit in the middle of each layer of VGG-16 sees, on a picture enlarged to 224×224. Within a stage the field grows in a straight line; after each pooling the line is twice as steep. A unit of the last maps sees nearly the whole picture, a unit of the fifth convolution no more than a wheel."}, "image": {"alt": "Frames of an interactive figure: a picture with a square that grows layer by layer from 3 to 212 pixels, beside a curve of its width over the layers of VGG-16."}}
def draw_field(position):
    """One frame: the field of a unit in the middle of a layer, and the curve up to there."""
    field = vgg_fields[position]
    unit = int((111.5 - field.centre) // field.jump)
    start = field.centre + unit * field.jump - field.size / 2
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.4), width_ratios=[1, 1.2], layout="none")
    fig.subplots_adjust(left=0.01, right=0.98, bottom=0.15, top=0.88, wspace=0.22)
    left.imshow(canvas, alpha=0.85)
    for colour, width in (("white", 4.5), ("#D55E00", 2.2)):
        left.add_patch(
            Rectangle((start, start), field.size, field.size, fill=False, edgecolor=colour, linewidth=width)
        )
    left.axis("off")
    left.set_title(f"{layer_names[position]}: {field.size} pixels", fontsize=11)
    numbers, sizes = range(1, len(vgg_fields) + 1), [f.size for f in vgg_fields]
    right.plot(numbers, sizes, color="0.75", linewidth=1.5)
    right.plot(numbers[: position + 1], sizes[: position + 1], "o-", color="C0", markersize=4)
    for number, name in zip(numbers, layer_names, strict=True):
        if name.startswith("pool"):
            right.axvline(number, color="0.6", linestyle=":", linewidth=1.5)
    right.grid(axis="x", visible=False)
    right.set(xlabel="layer (dotted: pooling)", ylim=(0, 225), xticks=range(1, 19, 3))
    right.set_title(f"width of the field; jump {field.jump}", fontsize=11)
    return fig


interactive.frames(
    [draw_field(position) for position in range(len(vgg_fields))],
    layer_names,
    name="field-growth",
    alt=[
        f"After {name}, layer {i + 1} of 18, a unit sees {f.size} by {f.size} pixels and neighbouring units are {f.jump} apart."
        for i, (name, f) in enumerate(zip(layer_names, vgg_fields, strict=True))
    ],
    description="Layer",
    start=6,
    dpi=85,
)

# %%
print("VGG-16, last convolution and last pooling:", vgg_fields[-2].size, "and", vgg_fields[-1].size, "pixels")
assert (vgg_fields[-2].size, vgg_fields[-1].size) == (196, 212)
thin = architectures.vgg(11, width=1, hidden=1)[:21]  # the convolutional part, thin enough to compute with
assert seen_by_gradient(thin, 200) == (receptive_fields(thin)[-1].size,) * 2
print("VGG-11, by formula and by gradient:", receptive_fields(thin)[-1].size)

# %% [markdown]
# ### Seeing and looking
#
# The field says which pixels *can* matter. It does not say that they matter alike. Through a stack of layers there is one path from the corner of the field to the unit, and there are very many from its middle. With equal
# weights, the strength of the gradient is the number of paths, and that is a convolution of boxes with one another: by the central limit theorem close to a Gaussian bell, whose width grows with the *square root* of the depth while the field grows with
# the depth {cite:p}`luo2016understanding`.


# %% mystnb={"figure": {"name": "fig-arch-effective", "caption": "Gradient of one unit in the pixels that it sees, for stacks of 3×3 filters with equal weights, each scaled to its peak. Dashed: width of the field. The deeper the stack, the smaller the part of its field that carries most of the gradient."}, "image": {"alt": "Three bell-shaped curves for 3, 10 and 30 layers, each with two dashed vertical lines at the edges of its field; the curve for 30 layers is far narrower than its field."}}
fig, axes = plt.subplots(1, 3, figsize=(8.2, 2.5))
shares = []
for ax, depth in zip(axes, (3, 10, 30), strict=True):
    paths = np.ones(1)
    for _ in range(depth):
        paths = np.convolve(paths, np.ones(3) / 3)
    at = np.arange(len(paths)) - depth
    ax.plot(at, paths / paths.max(), color="C0")
    for edge in (-depth - 0.5, depth + 0.5):
        ax.axvline(edge, color="C3", linestyle="--", linewidth=1.3)
    inner = np.abs(at) <= depth / 2
    shares.append(paths[inner].sum())
    ax.set_title(f"{depth} layers, field {len(paths)}", fontsize=11)
    ax.set(xlabel="pixels from the centre", xlim=(-33, 33), ylim=(0, 1.05), yticks=[0, 0.5, 1])
axes[0].set_ylabel("gradient / peak")
plt.show()

# %%
for depth, share in zip((3, 10, 30), shares, strict=True):
    print(f"{depth:>2} layers: the inner half of the field carries {share:.1%} of the gradient")
assert shares[0] < shares[1] < shares[2]

# %% [markdown]
# With three tools in hand we can go through the family album.
#
# (sec-arch-lenet)=
# ## LeNet-5: the plan that everybody follows
#
# {cite:t}`lecun1998gradient` describe a network for handwritten characters of $32 \times 32$ grey pixels, the last of a line that began in 1989. Its plan is still that of most networks: convolve, subsample, convolve, subsample, and let
# fully connected layers decide. The details are of another time, and each is worth a look.
#
# - **Subsampling layers learn.** S2 and S4 add up four numbers, multiply the sum by a coefficient and add a bias. Both are learned, one pair a map.
# - **The bend is a hyperbolic tangent**, $1.7159 \tanh(2a/3)$.
# - **C3 is partially connected.** Its 16 maps do not read all six maps of S2. The authors wanted to save connections, and to force maps to differ by giving them different inputs.
# - **The output layer does not learn.** It compares its 84 inputs with a fixed code for each class, a stylised drawing of $7 \times 12$ pixels, and gives the squared distance.
#
# Which maps C3 reads follows a simple scheme: three neighbours, then four neighbours, then two pairs, then all.


# %%
sources = [
    sorted((i + j) % 6 for j in pattern)
    for pattern, count in (((0, 1, 2), 6), ((0, 1, 2, 3), 6), ((0, 1, 3, 4), 3))
    for i in range(count)
]
sources.append(list(range(6)))
c3_parameters = sum(5 * 5 * len(read) + 1 for read in sources)
print(f"{len(sources)} maps, {sum(map(len, sources))} connections of maps, {c3_parameters:,} parameters")
print(f"if all maps read all: {5 * 5 * 6 * 16 + 16:,}")
assert c3_parameters == 1_516

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-c3", "caption": "The connection table of LeNet-5: a filled square where a map of C3 (column) reads a map of S2 (row). No two columns are equal."}, "image": {"alt": "A grid of six rows and sixteen columns with sixty filled squares: diagonal bands of three in the first six columns, of four in the next six, pairs in three columns, and a full last column."}}
table = np.zeros((6, 16))
for column, read in enumerate(sources):
    table[read, column] = 1
assert len({tuple(column) for column in table.T}) == 16
fig, ax = plt.subplots(figsize=(6.4, 2.7))
ax.imshow(table, cmap="Greys", vmin=0, vmax=1.4, aspect="auto")
ax.set(xticks=range(16), yticks=range(6), xlabel="map of C3", ylabel="map of S2")
ax.set_xticks(np.arange(17) - 0.5, minor=True)
ax.set_yticks(np.arange(7) - 0.5, minor=True)
ax.grid(False)
ax.grid(which="minor", color="0.7")
ax.tick_params(which="both", length=0)
plt.show()

# %% [markdown]
# The paper states parameters and connections of each layer. A connection is one use of a weight or bias. Both can be counted:

# %%
lenet = architectures.lenet5()
places = [28 * 28, 14 * 14, 10 * 10, 5 * 5, 1, 1, 1]  # of each layer's maps
published = [(156, 122_304), (12, 5_880), (1_516, 151_600), (32, 2_000), (48_120, 48_120), (10_164, 10_164)]
total = 0
for layer, name, size, paper in zip(
    lenet, ("C1", "S2", "C3", "S4", "C5", "F6", "output"), places, [*published, (0, 840)], strict=True
):
    parameters = accounting.count_parameters(layer)
    # A map's coefficient serves four inputs; the outputs compare with 84 fixed numbers each.
    connections = {"S2": 6 * 5, "S4": 16 * 5, "output": 84 * 10}.get(name, parameters) * size
    total += connections
    print(f"{name:>6}: {parameters:>6,} parameters, {connections:>7,} connections")
    assert (parameters, connections) == paper
print(f"   all: {accounting.count_parameters(lenet):>6,} parameters, {total:>7,} connections")
assert accounting.count_parameters(lenet) == 60_000 and total == 340_908
assert lenet(torch.zeros(2, 1, 32, 32)).shape == (2, 10)

# %% [markdown]
# Sixty thousand parameters exactly, as published. Nearly all of them are in C5, which looks like a convolution and is, on pictures of this size, a fully connected layer.
#
# **Did it read cheques in 1996?** Lecture notes say so. The paper is from 1998. But its last part describes a system that reads the amounts on bank cheques, built around such a network, and reports that banks in the
# United States had been using it since June 1996, and that it read millions of cheques a day. So both dates are right: the machine came first, its description two years later.
#
# What about the "LeNet-5" of tutorials? It has max pooling, ReLU, a full C3 and ten learned outputs, and 61,706 parameters:

# %%
modern = nn.Sequential(
    *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
)
difference = (2_416 - 1_516) - (12 + 32) + 850  # full C3, no learned subsampling, learned outputs
assert accounting.count_parameters(modern) == 61_706 == 60_000 + difference
print(f"{accounting.count_parameters(modern):,} parameters")

# %% [markdown]
# (sec-arch-alexnet)=
# ## AlexNet: the same plan, a thousand times larger
#
# Fourteen years later {cite:t}`krizhevsky2012imagenet` trained eight layers on 1.2 million photographs. The plan is LeNet's. New are the size, ReLU in place of the hyperbolic tangent (it does not saturate, and trained several times as fast), dropout in the fully connected
# layers, heavy augmentation, and two graphics cards. Its order of layers, in one tower:

# %%
with torch.device("meta"):
    alexnet = architectures.alexnet()
    x = torch.zeros(1, 3, 224, 224)
for layer in alexnet:
    x = layer(x)
    if isinstance(layer, nn.Conv2d):
        print(
            f"conv {layer.kernel_size[0]}×{layer.kernel_size[0]}, stride {layer.stride[0]}".ljust(22), end=""
        )
    elif isinstance(layer, nn.Linear | nn.MaxPool2d):
        print(
            ("max pool 3×3, stride 2" if isinstance(layer, nn.MaxPool2d) else "fully connected").ljust(22),
            end="",
        )
    else:
        continue
    print(f" {'×'.join(map(str, x.shape[1:])):>10}")

# %% [markdown]
# A ReLU follows every convolution and every fully connected layer but the last; dropout stands before the first two fully connected layers. (torchvision puts an average pooling to $6 \times 6$ between, which changes nothing at this size of picture.) Before there was a single tower, there were two. The network did not fit on one card of three gigabytes, so
# half of the maps lived on each, and the cards talked to each other in some layers only. In today's terms, layers 2, 4 and 5 are convolutions with two **groups**. Write $x = (x^{(1)}, x^{(2)})$ for the two halves of the channels, and likewise for the filters; then
#
# $$
# \operatorname{conv}_{g=2}(x) = \bigl(\, x^{(1)} \star w^{(1)},\;\; x^{(2)} \star w^{(2)} \,\bigr) :
# $$ (eq-arch-groups)
#
# two half networks side by side, each with a quarter of the weights of the whole.

# %%
towers = nn.Conv2d(96, 256, 5, padding=2, groups=2, bias=False)
x_maps = torch.randn(1, 96, 27, 27, generator=torch.Generator().manual_seed(SEED))
(x1, x2), (w1, w2) = x_maps.chunk(2, dim=1), towers.weight.chunk(2, dim=0)
side_by_side = torch.cat([F.conv2d(x1, w1, padding=2), F.conv2d(x2, w2, padding=2)], dim=1)
# check: eq-arch-groups
assert torch.allclose(towers(x_maps), side_by_side, atol=1e-4)
assert 2 * towers.weight.numel() == nn.Conv2d(96, 256, 5, bias=False).weight.numel()
print(f"two groups: {towers.weight.numel():,} weights; one: {2 * towers.weight.numel():,}")

# %% [markdown]
# That explains why three numbers of parameters circulate for "AlexNet":

# %%
with torch.device("meta"):
    variants = {
        "as published, two towers": architectures.alexnet_2012(),
        "the same, all maps connected": architectures.alexnet_2012(towers=1),
        "torchvision's, one narrower tower": architectures.alexnet(),
        "ZFNet": architectures.zfnet(),
    }
    from_torchvision = torchvision.models.alexnet()
for name, model in variants.items():
    work = accounting.multiply_adds(model, (3, 224, 224)) / 1e6
    print(
        f"{name + ':':<36} {accounting.count_parameters(model):>11,} parameters, {work:>6,.0f} M multiply-adds"
    )

assert [accounting.count_parameters(m) for m in variants.values()] == [
    60_965_224,
    62_378_344,
    61_100_840,
    62_357_608,
]
assert [p.shape for p in alexnet.parameters()] == [p.shape for p in from_torchvision.parameters()]
units = sum(
    math.prod(shape) for _, shape, _, _ in layer_costs(variants["as published, two towers"], (3, 224, 224))
)
print(f"units in all layers, as published: {units:,}")

# %% [markdown]
# The paper says 60 million parameters and 650,000 neurons, and its network, rebuilt, agrees with both. torchvision follows a later report on parallel training {cite:p}`krizhevsky2014one`, with 64 and 192 filters in place of 96 and 256 in the first layers, and no towers. In all of them the first fully
# connected layer holds more than half of the parameters.
#
# **ZFNet** {cite:p}`zeiler2014visualizing` is AlexNet, looked at. The authors drew what each unit responds to (chapter 14 does the same), saw dead and blurred filters in the first layer, and made it finer: $7 \times 7$ with stride 2 in place of $11 \times 11$ with stride 4. A variant of it won in 2013. The finer first layer costs hardly any more work than AlexNet in one tower, because the second layer has stride 2 now.
#
# <div class="question">
#
# **Quick question 2.** In AlexNet's two towers, which layers let a map of the upper tower depend on the *lower* tower's maps of the layer before?
#
# <details class="choice"><summary>All of them</summary>
#
# Then it would be one tower. In layers 2, 4 and 5 a filter reads the maps of its own card only, see {eq}`eq-arch-groups`.
#
# </details>
# <details class="choice right"><summary>The third convolution and the fully connected layers</summary>
#
# Right. The first layer does not count: what it reads is the picture, which both cards have.
#
# </details>
# <details class="choice"><summary>None: the towers only meet in the softmax</summary>
#
# The paper connects them in the third layer and in the fully connected ones. Without the third layer they would be two networks that share their head.
#
# </details>
# </div>
#
# (sec-arch-vgg)=
# ## VGG: small filters, many of them
#
# {cite:t}`simonyan2015very` asked what happens if you change one thing only, the depth. To be able to go deep they used the smallest filter that knows left from right and up from down, $3 \times 3$, *everywhere*. Why is that no loss? You have seen that three layers of $3 \times 3$
# have the receptive field of one of $7 \times 7$. Compare the weights, for $C$ channels in and out:
#
# $$
# \underbrace{3 \cdot 3^2\, C^2}_{\text{three of } 3 \times 3} = 27\, C^2 \;<\; \underbrace{7^2\, C^2}_{\text{one of } 7 \times 7} = 49\, C^2 .
# $$ (eq-arch-stack)
#
# Same view, 45 % fewer weights and as many fewer multiply-adds, and three bends instead of one. In general $n$ layers of $3 \times 3$ see $2n + 1$ pixels and cost $9nC^2$ against $(2n+1)^2 C^2$.


# %%
def stack_weights(layers, channels):
    """Weights of so many 3×3 convolutions, with equally many channels in and out."""
    return layers * 3**2 * channels**2


# check: eq-arch-stack
for channels in (64, 256):
    three = nn.Sequential(*(nn.Conv2d(channels, channels, 3, bias=False) for _ in range(3)))
    seven = nn.Conv2d(channels, channels, 7, bias=False)
    assert stack_weights(3, channels) == accounting.count_parameters(three)
    assert stack_weights(3, channels) / seven.weight.numel() == 27 / 49
    assert receptive_fields(three)[-1].size == receptive_fields(nn.Sequential(seven))[-1].size == 7
print(f"three of 3×3 have {1 - 27 / 49:.0%} fewer weights than one of 7×7")

# %% [markdown]
# The rest of the recipe fits in a loop: five stages, each of a few such layers and a max pooling; the channels double from stage to stage, 64, 128, 256, 512, and stay at 512. When maps have half the height and width and twice the channels, a layer costs as much as before:
# a quarter of the places, four times the weights. Most networks since keep to that rule.


# %%
def vgg_features(repeats):
    """The convolutional part of a VGG network: so many 3×3 convolutions in each of five stages."""
    layers, channels = [], 3
    for count, filters in zip(repeats, (64, 128, 256, 512, 512), strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


in_the_paper = {"VGG-16": "138 million", "VGG-19": "144 million"}
with torch.device("meta"):
    for name, repeats, theirs in (
        ("VGG-16", (2, 2, 3, 3, 3), torchvision.models.vgg16()),
        ("VGG-19", (2, 2, 4, 4, 4), torchvision.models.vgg19()),
    ):
        assert [p.shape for p in vgg_features(repeats).parameters()] == [
            p.shape for p in theirs.features.parameters()
        ]
        ours = architectures.vgg(int(name[-2:]))
        work = accounting.multiply_adds(ours, (3, 224, 224)) / 1e9
        print(
            f"{name}: {accounting.count_parameters(ours):,} parameters (paper: {in_the_paper[name]}), {work:.1f} G multiply-adds"
        )
        assert accounting.count_parameters(ours) == accounting.count_parameters(theirs)

# %% [markdown]
# Here library and paper agree to the last digit. VGG's features became the standard for transfer, detection and style transfer for years. Its price is in the last lines: twenty times the work of AlexNet, and {numref}`fig-arch-where` says that nine tenths of the parameters sit in the head.
#
# <div class="question">
#
# **Quick question 3.** A stage of VGG has maps of $56 \times 56$ and 256 channels; the next has $28 \times 28$ and 512. How do the multiply-adds of one $3 \times 3$ layer *within* each compare?
#
# <details class="choice right"><summary>They are equal</summary>
#
# Right: $9 \cdot 256^2 \cdot 56^2 = 9 \cdot 512^2 \cdot 28^2$. A quarter of the places, four times the weights.
#
# </details>
# <details class="choice"><summary>The second needs half</summary>
#
# You let the channels count once. A layer has $C \cdot K$ filters' slices, and both $C$ and $K$ have doubled.
#
# </details>
# <details class="choice"><summary>The second needs twice as many</summary>
#
# The weights are four times as many, but each is used at a quarter of the places.
#
# </details>
# </div>
#
# (sec-arch-inception)=
# ## GoogLeNet: several filters at once, and bottlenecks
#
# In the same contest {cite:t}`szegedy2015going` went the opposite way: not one size of filter everywhere but several side by side, and a strict budget of 1.5 billion multiply-adds. Three ideas make it work.
#
# **The inception module.** Is the next useful feature small or large? Let the network choose: a branch of $1 \times 1$, one of $3 \times 3$, one of $5 \times 5$ and one of max pooling read the same maps, and their outputs are stacked.
#
# **The $1 \times 1$ bottleneck.** Stacking makes maps deep, and large filters on deep maps are dear. So first squeeze the channels. A $1 \times 1$ convolution is a linear layer on the channels of each pixel (chapter 6; the idea is from {cite:t}`lin2014network`). With $B$ channels in
# the bottleneck, an $F \times F$ layer from $C$ to $K$ channels costs, for each place,
#
# $$
# \underbrace{C B}_{1 \times 1} + \underbrace{F^2 B K}_{F \times F} \quad\text{instead of}\quad F^2 C K .
# $$ (eq-arch-bottleneck)
#
# **Global average pooling.** Instead of flattening $7 \times 7 \times 1024$ numbers into a giant fully connected layer, average each map to one number, and let a single layer of 1024 to 1000 decide. Fifty million weights become one million.
#
# Here is the module. Each branch keeps the size of the maps, so that the four can be stacked.


# %%
class Inception(nn.Module):
    """Four branches on the same maps (N, C, H, W), their outputs stacked to (N, sum of four, H, W)."""

    def __init__(self, channels, ones, reduce3, threes, reduce5, fives, pooled):
        super().__init__()

        def conv(fan_in, fan_out, field):
            return nn.Sequential(nn.Conv2d(fan_in, fan_out, field, padding=field // 2), nn.ReLU())

        self.branch1 = conv(channels, ones, 1)
        self.branch2 = nn.Sequential(conv(channels, reduce3, 1), conv(reduce3, threes, 3))
        self.branch3 = nn.Sequential(conv(channels, reduce5, 1), conv(reduce5, fives, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(channels, pooled, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


def bottleneck_cost(field, channels, squeezed, filters):
    """Multiply-adds for each place: a 1×1 to the bottleneck, then the large filter."""
    return channels * squeezed + field**2 * squeezed * filters


module_3a = Inception(192, 64, 96, 128, 16, 32, 32)
x_3a = torch.zeros(1, 192, 28, 28)
assert module_3a(x_3a).shape == (1, 256, 28, 28)
# check: eq-arch-bottleneck
branch_work = sum(row[3] for row in layer_costs(module_3a.branch3, (192, 28, 28)))
assert branch_work == bottleneck_cost(5, 192, 16, 32) * 28 * 28
direct = conv_cost(5, 192, 32, 28 * 28)[1]
print(f"5×5 branch of module 3a: {branch_work:,} multiply-adds; without the bottleneck {direct:,}")
assert direct > 9 * branch_work

# %% [markdown]
# A factor of nearly ten for that branch. Nine such modules, a stem and one linear layer make the network; its paper has a table with parameters and operations of every module. We rebuild the network of the paper and put the two next to each other.

# %%
# Parameters in thousands and multiply-adds in millions, as Szegedy et al. print them.
printed = {
    "stem": (2.7 + 112, 34 + 360),
    **dict(
        zip(
            ("3a", "3b", "4a", "4b", "4c"),
            ((159, 128), (380, 304), (364, 73), (437, 88), (463, 100)),
            strict=True,
        )
    ),
    **dict(zip(("4d", "4e", "5a", "5b"), ((580, 119), (840, 170), (1072, 54), (1388, 71)), strict=True)),
    "linear": (1000, 1),
}
with torch.device("meta"):
    inception_rows = layer_costs(architectures.googlenet_2014(auxiliary=False), (3, 224, 224))
rebuilt = dict.fromkeys(printed, (0, 0))
for name, _, parameters, work in inception_rows:
    part = "linear" if name == "fc" else name.split(".")[1] if name.startswith("modules") else "stem"
    rebuilt[part] = (rebuilt[part][0] + parameters, rebuilt[part][1] + work)
print("             parameters in K     multiply-adds in M")
print("             printed  rebuilt    printed  rebuilt")
for part, (thousands, millions) in printed.items():
    ours = rebuilt[part][0] / 1024, rebuilt[part][1] / 1e6
    print(f"{part:>8}  {thousands:>10.0f} {ours[0]:>8.0f} {millions:>10.0f} {ours[1]:>8.0f}")
    if part != "stem":
        assert abs(ours[0] / thousands - 1) < 0.08 and abs(ours[1] - millions) < 4

# %% [markdown]
# K turns out to mean 1024 in that table. The operations of every module agree, and their parameters to a per cent or so (4c is off by more; its operations fit our count). The stem does not agree. Its first layer, 64 filters of $7 \times 7 \times 3$, has $9{,}408$ weights and is printed with 2.7 K parameters and 34 M operations. Curiously, both printed
# figures fit another layer, filters of $7 \times 1$ and $1 \times 7$, but the paper does not speak of one. We do not know; it is the kind of thing you only find by counting.

# %%
factorised = 64 * 3 * (7 + 7)
print(
    f"7×1 and 1×7 filters: {factorised / 1024:.1f} K weights, {factorised * 112**2 / 1e6:.0f} M multiply-adds"
)
with torch.device("meta"):
    versions = {
        "as published": architectures.googlenet_2014(auxiliary=False),
        "torchvision's": architectures.googlenet(auxiliary=False),
        "torchvision's with auxiliary heads": architectures.googlenet(),
    }
    same = torchvision.models.googlenet(init_weights=False)
for name, model in versions.items():
    work = accounting.multiply_adds(model, (3, 224, 224)) / 1e9
    print(
        f"{name + ':':<36} {accounting.count_parameters(model):>10,} parameters, {work:.2f} G multiply-adds"
    )
assert [accounting.count_parameters(m) for m in versions.values()] == [6_998_552, 6_624_904, 13_004_888]
assert [p.shape for p in versions["torchvision's with auxiliary heads"].parameters()] == [
    p.shape for p in same.parameters()
]

# %% [markdown]
# Why does torchvision have 6.6 million where the published network has 7.0? Two changes. Its "$5 \times 5$" branch has $3 \times 3$ filters, a slip known to its authors and kept because the trained weights fit it; and it adds batch normalisation, which came a year later {cite:p}`ioffe2015batch`, whose
# scale and shift replace the biases. And why 13 million? In training there are two **auxiliary heads**, small classifiers on the maps after modules 4a and 4d whose losses are added with weight 0.3. They bring gradient to the lower layers of a deep network, which before batch normalisation was hard to do; at test time
# they are cut off. Half of the parameters are scaffolding.
#
# Seven million parameters against AlexNet's sixty, and less than half of the error.
#
# (sec-arch-resnet)=
# ## ResNet: depth without tears
#
# VGG stopped at 19 layers. Deeper plain networks got *worse*, on the training pictures too. The remedy of {cite:t}`he2016deep` is a shortcut around every two or three layers: a block computes $F(x) + x$, so that a block which has nothing to contribute need only make $F$ zero. Chapter 12 is about why that works.
# Here it is a member of the family, to be counted like the others.
#
# Two kinds of block. The **basic block** has two $3 \times 3$ layers on $C$ channels. The **bottleneck** squeezes $4C$ channels to $C$ by a $1 \times 1$, filters them with a $3 \times 3$ and expands again. Without biases, as batch normalisation follows,
#
# $$
# \begin{aligned}
# \text{basic block on } C: \quad & 2 \cdot 9\, C^2 = 18\, C^2 , \\
# \text{bottleneck on } 4C: \quad & 4C^2 + 9\, C^2 + 4C^2 = 17\, C^2 .
# \end{aligned}
# $$ (eq-arch-blocks)
#
# Four times the channels for a little less.


# %%
def weights_of_block(channels, bottleneck):
    """Weights of the convolutions in a residual block; a bottleneck reads and gives 4 · channels."""
    if bottleneck:
        return 4 * channels**2 + 9 * channels**2 + 4 * channels**2
    return 2 * 9 * channels**2


with torch.device("meta"):
    resnets = {depth: architectures.resnet(depth) for depth in (18, 34, 50, 101, 152)}
# check: eq-arch-blocks
for depth, bottleneck in ((34, False), (50, True)):
    block = resnets[depth][5]  # the second of the first stage: no change of shape
    weights = sum(p.numel() for p in block.parameters() if p.ndim == 4)
    assert weights == weights_of_block(64, bottleneck)
    print(f"a block of ResNet-{depth}: {weights:,} weights")

# %% [markdown]
# Every ResNet for ImageNet has a stem ($7 \times 7$ with stride 2, max pooling), four stages that follow VGG's rule, global average pooling and one linear layer. They differ in the kind and number of blocks. Beside each, what the paper says:

# %%
paper_work = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
print("            parameters   multiply-adds in G:  torchvision's  published  paper   field")
for depth, model in resnets.items():
    with torch.device("meta"):
        theirs = torchvision.models.get_model(f"resnet{depth}", weights=None)
        original = architectures.resnet_2015(depth)
    assert [p.shape for p in model.parameters()] == [p.shape for p in theirs.parameters()]
    work, first = (accounting.multiply_adds(m, (3, 224, 224)) / 1e9 for m in (model, original))
    field, field_first = (max(f.size for f in receptive_fields(m)) for m in (model, original))
    fields = f"{field}" if depth < 50 else f"{field}, {field_first}"
    print(
        f"ResNet-{depth:<4} {accounting.count_parameters(model):>11,} {work:>34.2f} {first:>10.2f} {paper_work[depth]:>6}   {fields}"
    )
    assert abs(first - paper_work[depth]) < 0.1

# %% [markdown]
# The columns differ from ResNet-50 on, and the reason is a detail. Where a bottleneck halves the maps, *which* of its layers has the stride? In the paper it is the first $1 \times 1$, in torchvision the $3 \times 3$. The parameters are the same. The work is not: the $1 \times 1$ now runs before the maps are halved. The receptive field is not
# either (last column, torchvision's first): the $3 \times 3$ comes before the stride instead of after it, so it adds half as many pixels. A $1 \times 1$ with stride 2 ignores three quarters of its input, which speaks for torchvision's choice.
#
# All these fields are larger than the picture. The 3.57 % of 2015 was the mean of six residual networks.
#
# The pieces so far, side by side:


# %% tags=["hide-input"]
def box(ax, x, y, text, colour, width=0.9):
    """A layer."""
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - 0.17),
            width,
            0.34,
            boxstyle="round,pad=0.02",
            facecolor=colour,
            edgecolor="black",
            linewidth=0.9,
            zorder=3,
        )
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=8.2, zorder=4)


def chain(ax, x, layers, top=2.6, bottom=0.4):
    """Layers one under the other, joined by an arrow from top to bottom."""
    ax.annotate(
        "", xy=(x, bottom - 0.35), xytext=(x, top + 0.35), arrowprops={"arrowstyle": "-|>", "color": "0.35"}
    )
    for y, (text, colour) in zip(np.linspace(top, bottom, len(layers) + 2)[1:-1], layers, strict=True):
        box(ax, x, y, text, colour)


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-blocks", "caption": "Five ways to get from maps to maps. Numbers are channels as in a typical place of each network. The orange boxes are 1×1 convolutions: cheap layers that change the number of channels around a dear one."}, "image": {"alt": "Five block diagrams: two 3×3 layers in a row (VGG); four parallel branches joined by stacking (inception); two 3×3 layers with a shortcut (basic block); 1×1, 3×3 and 1×1 with a shortcut (bottleneck); a 3×3 for each channel followed by a 1×1 (depthwise separable)."}}
BLUE, ORANGE, GREY = "#8CCBF2", "#F5C76B", "0.88"
fig, axes = plt.subplots(1, 5, figsize=(9.6, 3.0), width_ratios=[1.1, 4.1, 1.5, 1.5, 1.1], layout="none")
fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.86, wspace=0.04)
pair = [("3×3, 256", BLUE), ("3×3, 256", BLUE)]
branches = [
    [("1×1, 64", ORANGE)],
    [("1×1, 96", ORANGE), ("3×3, 128", BLUE)],
    [("1×1, 16", ORANGE), ("5×5, 32", BLUE)],
    [("max pool", GREY), ("1×1, 32", ORANGE)],
]
chain(axes[0], 0.5, pair)
for number, layers in enumerate(branches):
    chain(axes[1], 0.5 + 1.02 * number, layers, bottom=0.75)
axes[1].plot([0.4, 3.7], [2.95, 2.95], color="0.35", linewidth=1.2)
box(axes[1], 2.05, 0.2, "stack: 256 channels", GREY, width=3.6)
for ax, layers in (
    (axes[2], pair),
    (axes[3], [("1×1, 64", ORANGE), ("3×3, 64", BLUE), ("1×1, 256", ORANGE)]),
):
    chain(ax, 0.5, layers, bottom=0.65)
    ax.annotate(
        "",
        xy=(0.62, 0.25),
        xytext=(0.52, 2.8),
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#D55E00",
            "linewidth": 1.8,
            "connectionstyle": "arc3,rad=-0.75",
        },
    )
    box(ax, 0.5, 0.2, "+", GREY, width=0.24)
chain(axes[4], 0.5, [("3×3 each", BLUE), ("1×1, 256", ORANGE)])
for ax, title, right in zip(
    axes,
    ("VGG", "inception", "basic block", "bottleneck", "separable"),
    (1.05, 4.1, 1.55, 1.55, 1.05),
    strict=True,
):
    ax.set(xlim=(-0.05, right), ylim=(-0.15, 3.1))
    ax.set_title(title, fontsize=11, loc="center")
    ax.axis("off")
plt.show()

# %% [markdown]
# (sec-arch-after)=
# ## What came after
#
# The years after 2015 brought variations. Each of the following took one more look at where weights and operations go.
#
# **Inception-v3** {cite:p}`szegedy2016rethinking` replaces $5 \times 5$ by two $3 \times 3$, and $7 \times 7$ by $7 \times 1$ after $1 \times 7$.
#
# **DenseNet** {cite:p}`huang2017densely` stacks where ResNet adds: each layer reads the maps of *all* layers before it within a stage, and contributes a few new ones. Few parameters, much memory traffic.
#
# **ResNeXt** {cite:p}`xie2017aggregated` takes the $3 \times 3$ of ResNet's bottleneck in 32 groups, AlexNet's towers made a principle, and spends what is saved on width.
#
# **MobileNet** {cite:p}`howard2017mobilenets,sandler2018mobilenetv2` goes to the extreme: as many groups as channels. A **depthwise separable** layer first filters each channel alone, then mixes channels by a $1 \times 1$. Compared with a full convolution it costs
#
# $$
# \frac{F^2 C + C K}{F^2 C K} = \frac{1}{K} + \frac{1}{F^2} ,
# $$ (eq-arch-separable)
#
# about a ninth for $3 \times 3$.


# %%
def separable_share(field, filters):
    """Multiply-adds of a depthwise separable layer as a share of the full convolution's."""
    return 1 / filters + 1 / field**2


full = nn.Conv2d(64, 128, 3, padding=1, bias=False)
separable = nn.Sequential(
    nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False), nn.Conv2d(64, 128, 1, bias=False)
)
work_full, work_separable = (
    accounting.multiply_adds(m, (64, 28, 28)) for m in (nn.Sequential(full), separable)
)
# check: eq-arch-separable
assert math.isclose(work_separable / work_full, separable_share(3, 128))
print(
    f"full: {work_full:,} multiply-adds; separable: {work_separable:,}, or {work_separable / work_full:.1%}"
)

# %% [markdown]
# **SENet** {cite:p}`hu2018squeeze`, the last winner of the contest, lets a block look at the whole picture before it speaks. Squeeze each map to its mean, $z_c$; let two small fully connected layers turn the means into a factor between 0 and 1 for each channel; scale the maps:
#
# $$
# \begin{aligned}
# z_c &= \frac{1}{HW} \sum_{i,j} x_{cij} , \\
# y_{c} &= x_{c} \cdot \sigma\bigl( \operatorname{ReLU}(z W_1 + b_1)\, W_2 + b_2 \bigr)_c .
# \end{aligned}
# $$ (eq-arch-squeeze)
#
# It costs a ResNet-50 about a tenth more parameters and next to no operations, and every unit after it depends on the whole picture.


# %%
def squeeze_and_excite(x, w1, b1, w2, b2):
    """Maps (C, H, W), each scaled by a factor that depends on the means of all; w1 (C, M), w2 (M, C)."""
    z = x.mean(axis=(1, 2))
    gate = 1 / (1 + np.exp(-(np.maximum(0, z @ w1 + b1) @ w2 + b2)))
    return x * gate[:, None, None]


se = torchvision.ops.SqueezeExcitation(8, 2).double()  # its fully connected layers are 1×1 convolutions
x_se = np.random.default_rng(SEED).normal(size=(8, 5, 6))
w1, w2 = (layer.weight.detach().numpy()[:, :, 0, 0].T for layer in (se.fc1, se.fc2))
b1, b2 = (layer.bias.detach().numpy() for layer in (se.fc1, se.fc2))
by_torchvision = se(torch.tensor(x_se)[None])[0].detach().numpy()
# check: eq-arch-squeeze
assert np.allclose(squeeze_and_excite(x_se, w1, b1, w2, b2), by_torchvision)
print("squeeze and excitation agrees with torchvision's")

# %% [markdown]
# **EfficientNet** {cite:p}`tan2019efficientnet` takes separable layers and squeezes found by an automatic search, and scales depth, width and size of the picture together. **RegNet** {cite:p}`radosavovic2020designing` asks which simple rule describes the good networks among thousands, and finds that widths should grow in a straight
# line with depth. **ConvNeXt** {cite:p}`liu2022convnet` brings a ResNet up to date one step at a time, with $7 \times 7$ depthwise filters, fewer activations and layer normalisation. Much of the gain of these years, though, came from better *training*: the same ResNet-50 goes from 76 % to 81 % with a recipe of 2021, as the table below shows.
#
# **ViT**, the vision transformer {cite:p}`dosovitskiy2021image`, has no convolutions but one: it cuts the picture into patches of $16 \times 16$, turns each into a vector, and lets all vectors attend to each other. Chapter 18 builds one.
#
# All of them are in torchvision, and our counter can read them. (The counter in `course_utils.accounting` is that of {ref}`sec-arch-count`; it also knows attention.) The accuracies are those that torchvision publishes with its weights, measured on the 50,000 validation pictures, one crop each, with the first recipe that
# torchvision used. The years are those in which the papers appeared.

# %%
MODELS = {  # year of the paper, name in torchvision
    **{
        "alexnet": 2012,
        "vgg16": 2014,
        "googlenet": 2014,
        "resnet18": 2015,
        "resnet50": 2015,
        "resnet152": 2015,
    },
    **{"inception_v3": 2015, "densenet121": 2016, "resnext50_32x4d": 2016, "mobilenet_v2": 2018},
    **{"efficientnet_b0": 2019, "efficientnet_b4": 2019, "regnet_y_3_2gf": 2020, "vit_b_16": 2020},
    **{"convnext_tiny": 2022, "convnext_base": 2022},
}


def look_up(name):
    """Cost, by counting, and accuracies, as torchvision publishes them, of a network with its first weights."""
    weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    size = weights.transforms().crop_size[0]
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    # Heads that serve training only are not built; RegNet's builder needs real tensors.
    options |= {"aux_logits": False} if options else {}
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        model = torchvision.models.get_model(name, weights=None, **options).to("meta")
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    work = accounting.multiply_adds(model, (3, size, size))
    assert (
        abs(work / 1e9 - weights.meta["_ops"]) < 0.002 * weights.meta["_ops"] + 0.001
    )  # torchvision's count
    return {
        "size": size,
        "parameters": accounting.count_parameters(model),
        "work": work,
        "top1": accuracy["acc@1"],
        "top5": accuracy["acc@5"],
    }


found = {name: look_up(name) for name in MODELS}
print("                  year  pixels  parameters  multiply-adds   top-1   top-5")
for name, row in found.items():
    print(
        f"{name:<17} {MODELS[name]}  {row['size']:>6} {row['parameters'] / 1e6:>9.1f} M {row['work'] / 1e9:>12.2f} G {row['top1']:>6.1f} % {row['top5']:>5.1f} %"
    )

# %%
again = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.meta["_metrics"]["ImageNet-1K"]["acc@1"]
print(
    f"resnet50 with torchvision's second recipe: {again:.1f} % top-1, {again - found['resnet50']['top1']:+.1f}"
)
assert again - found["resnet50"]["top1"] > 4
assert found["efficientnet_b0"]["parameters"] < found["alexnet"]["parameters"] / 11
assert found["efficientnet_b0"]["top1"] > found["vgg16"]["top1"] + 5

# %% [markdown]
# (sec-arch-accuracy)=
# ## Accuracy against cost
#
# Put accuracy over multiply-adds and let the years pass. Better means up, cheaper means left.


# %% tags=["hide-input"]
def draw_timeline(shown):
    """One frame: the first so many models, the newest highlighted, and the best for each cost."""
    names = list(MODELS)[:shown]
    fig, ax = plt.subplots(figsize=(7.2, 4.1), layout="none")
    fig.subplots_adjust(left=0.09, right=0.98, bottom=0.13, top=0.9)
    best, front = 0.0, []
    for name in sorted(names, key=lambda name: found[name]["work"]):
        if found[name]["top1"] > best:
            best = found[name]["top1"]
            front.append((found[name]["work"] / 1e9, best))
    ax.step(*zip(*front, strict=True), where="post", color="0.5", linestyle="--", linewidth=1.3)
    for name in names:
        row, newest = found[name], name == names[-1]
        colour = "#E69F00" if newest else "#8CCBF2"
        ax.scatter(
            row["work"] / 1e9,
            row["top1"],
            s=row["parameters"] / 3e5,
            color=colour,
            edgecolor="black",
            linewidth=0.8,
            zorder=3 if newest else 2,
        )
        if newest:
            ax.annotate(
                name,
                (row["work"] / 1e9, row["top1"]),
                xytext=(0, 14),
                textcoords="offset points",
                ha="center",
                fontsize=10,
                weight="bold",
                zorder=4,
            )
    ax.set(
        xscale="log",
        xlim=(0.15, 40),
        ylim=(54, 90),
        xlabel="multiply-adds in billions",
        ylabel="top-1 accuracy in %",
    )
    ax.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
    row = found[names[-1]]
    ax.set_title(
        f"{MODELS[names[-1]]}: {row['parameters'] / 1e6:.1f} M parameters, {row['top1']:.1f} %", fontsize=11
    )
    return fig


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-accuracy", "caption": "Top-1 accuracy on ImageNet's validation pictures over multiply-adds, with torchvision's weights, in the order in which the papers appeared. The area of a dot is the number of parameters. The dashed line joins the models that no earlier one beats in both: it moves up, and to the left."}, "image": {"alt": "Frames of an interactive figure: dots in a plane of multiply-adds and accuracy that appear one after the other from AlexNet in 2012 to ConvNeXt in 2022; a dashed staircase along the upper left edge."}}
interactive.frames(
    [draw_timeline(shown) for shown in range(1, len(MODELS) + 1)],
    [f"{name}, {year}" for name, year in MODELS.items()],
    name="accuracy-cost",
    alt=[
        f"{name} of {MODELS[name]}: {row['parameters'] / 1e6:.1f} million parameters, {row['work'] / 1e9:.2f} billion multiply-adds, {row['top1']:.1f} % top-1 accuracy."
        for name, row in found.items()
    ],
    description="Model",
    start=len(MODELS) - 1,
    dpi=85,
)

# %% [markdown]
# From AlexNet to VGG accuracy was bought with work. Then the front moves left: GoogLeNet does nearly what VGG does for a tenth, MobileNetV2 all of it for a fiftieth. Neither parameters nor multiply-adds alone predict accuracy. Nor do they predict *time*: a multiply-add in a depthwise layer moves far more memory than one in a dense layer, as you are about to see.
#
# <div class="question">
#
# **Quick question 4.** Network A has 5 million parameters and 8 billion multiply-adds, network B has 60 million and 0.7 billion. Which one is easier to fit on a phone?
#
# <details class="choice"><summary>A, it is smaller</summary>
#
# To download and store, yes. But it needs eleven times the work for each picture, and the battery notices.
#
# </details>
# <details class="choice"><summary>B, it is faster</summary>
#
# It needs less arithmetic. But 60 million parameters are 240 megabytes in single precision, and all have to be read from memory for each picture.
#
# </details>
# <details class="choice right"><summary>That depends on whether memory or time is short</summary>
#
# Right. They are two budgets, and {numref}`fig-arch-where` shows that different layers spend them. (A resembles a deep network with global average pooling, B is AlexNet.)
#
# </details>
# </div>
#
# (sec-arch-small)=
# ## Five small relatives
#
# Time to train. We shrink five families to pictures of $32 \times 32$: a LeNet with two $5 \times 5$ layers and a fully connected head; and four that share a stem of one convolution and end in global average pooling, with pairs of $3 \times 3$ layers (VGG), inception modules, residual blocks, or depthwise separable layers in between. All have batch normalisation.
#
# A fair comparison fixes a budget. Ours is multiply-adds: each family gets the widest network that stays within two and a half million for a picture. Then the same pictures, the same recipe, the same three epochs.

# %%
# varies: training differs in its last digits between processors, and times differ everywhere
BUDGET, EPOCHS = 2_500_000, 3
trained = {}
print("                      parameters  multiply-adds   test accuracy   seconds")
for name, builder in architectures.SMALL.items():
    torch.manual_seed(SEED)
    model = architectures.widest(builder, BUDGET)
    history = train(
        model,
        images,
        labels_train,
        epochs=EPOCHS,
        batch_size=50,
        lr=3e-3,
        optimizer="adamw",
        schedule="warmup_cosine",
        seed=SEED,
    )
    accuracy = evaluate(model, images_test, labels_test).accuracy
    trained[name] = (
        accounting.count_parameters(model),
        accounting.multiply_adds(model, (3, 32, 32)),
        accuracy,
        history.seconds,
    )
    print(
        f"{name:<20} {trained[name][0]:>11,} {trained[name][1]:>14,} {accuracy:>13.0%} {history.seconds:>11.1f}"
    )
    assert history.train_loss[-1] < history.train_loss[0] - 0.1
    assert trained[name][1] <= BUDGET

# %% [markdown]
# With three epochs on so few pictures this is a sprint, and a sprint has other winners than a marathon. LeNet-style, with most parameters by far, is usually ahead here: few layers learn quickly, and a fully connected head remembers *where* things are, which helps while features are poor. The depthwise network is last, and that although its multiply-adds are
# no fewer; its layers are the thinnest. Look at the seconds too: the same count of multiply-adds, and up to twice the time. Small groups keep the processor waiting for memory.
#
# So do not conclude that LeNet is the best architecture. Conclude that a ranking holds for a budget, for the kind of budget, and for a length of training. The next section has more of everything.
#
# <div class="question">
#
# **Quick question 5.** A paper reports that its new network beats ResNet-50 by four points in top-1 accuracy at the same multiply-adds. What do you ask first?
#
# <details class="choice"><summary>How many parameters it has</summary>
#
# Worth knowing, but it would not explain four points away.
#
# </details>
# <details class="choice right"><summary>Whether both were trained with the same recipe</summary>
#
# Right. A better recipe alone gives ResNet-50 more than four points, as you saw below the table. A new architecture under a new recipe against an old one under an old recipe compares two things at once.
#
# </details>
# <details class="choice"><summary>How large its receptive field is</summary>
#
# An interesting property, but accuracy is measured, whatever the field.
#
# </details>
# </div>
#
# (sec-arch-real)=
# ## On real photographs
#
# The same five families with four times the budget, on all 50,000 training pictures of CIFAR-10 {cite:p}`krizhevsky2009learning`, flipped and shifted, under one recipe:

# %%
recorded = results.load("cifar10_architectures")
costs = recorded["settings"]["costs"]
table_rows = [
    [
        name,
        f"{costs[name]['parameters']:,}",
        f"{costs[name]['multiply_adds'] / 1e6:.1f} M",
        results.percent(found_here["train_accuracy"]),
        results.percent(found_here["test_accuracy"]),
        f"{found_here['train_seconds']['mean']:.0f} s",
    ]
    for name, found_here in recorded["metrics"].items()
]
print(results.table(table_rows, ["family", "parameters", "multiply-adds", "training", "test", "time"]))
print(f"epochs: {recorded['settings']['epochs']}, seeds: {len(recorded['seeds'])}")
print()
print(fill(results.provenance(recorded), 75))
by_family = {name: figures["test_accuracy"]["mean"] for name, figures in recorded["metrics"].items()}
print("from best to worst on test pictures:", ", ".join(sorted(by_family, key=by_family.get, reverse=True)))
assert min(by_family.values()) > 0.1  # the accuracy of guessing

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arch-small", "caption": "Five small architectures with about the same multiply-adds, on CIFAR-10 (JPEG copy). Left: test accuracy over parameters. Right: seconds of training for the same number of epochs, with the names of the markers. Equal operations are neither equal parameters nor equal time."}, "image": {"alt": "Left: five markers in a plane of parameters and test accuracy. Right: five horizontal lines as long as the training took, each ending in the same marker as on the left."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=[1.25, 1])
for place, (name, figures) in enumerate(recorded["metrics"].items()):
    colour, marker = plots.COLOURS[place], plots.MARKERS[place]
    accuracy = 100 * figures["test_accuracy"]["mean"]
    left.plot(costs[name]["parameters"] / 1e3, accuracy, marker, color=colour, markersize=10)
    seconds = figures["train_seconds"]["mean"]
    right.plot([0, seconds], [place, place], color=colour, linewidth=2.5)
    right.plot(seconds, place, marker, color=colour, markersize=10)
left.set(xlabel="parameters in thousands", ylabel="test accuracy in %")
left.margins(0.15)
right.set(yticks=range(len(costs)), xlabel="seconds of training", ylim=(-0.5, len(costs) - 0.5))
right.set_xlim(left=0)
right.set_yticklabels(list(costs), fontsize=9)
right.invert_yaxis()
right.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# Compare the order with that of the sprint: same families, another budget, other pictures, more epochs. And compare the two columns of accuracies. Where training is far above test, the network memorises; where both are low, it is too small for its task, or it has not been trained for long enough.
#
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 11.1: give AlexNet another head
#
# Replace the three fully connected layers of AlexNet by GoogLeNet's head, global average pooling and one linear layer. How many parameters are left, and what share of the multiply-adds?
#
# <details class="hint"><summary>Hint 1</summary>
#
# The convolutional part of `architectures.alexnet()` ends before its `AdaptiveAvgPool2d`. How many channels does it give?
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# `alexnet[:13]` is a `Sequential` too. The new head has $256 \cdot 1000 + 1000$ parameters.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# with torch.device("meta"):
#     lean = nn.Sequential(*alexnet[:13], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 1000))
# before, after = accounting.count_parameters(alexnet), accounting.count_parameters(lean)
# work = [accounting.multiply_adds(model, (3, 224, 224)) for model in (alexnet, lean)]
# print(f"{before:,} to {after:,} parameters; {work[1] / work[0]:.0%} of the work")
# assert after < before / 20 and work[1] > 0.9 * work[0]
# ```
#
# One in twenty parameters is left, and nearly all of the work. Whether it is as accurate is another question; the average throws away where things are, and five convolutions see 195 pixels at most.
#
# </details>
#
# ### Exercise 11.2: a network without strides
#
# How many layers of $3 \times 3$ with stride 1 does a unit need to see 224 pixels? How many if every layer has stride 2? And what is wrong with the second answer?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Use `receptive_field` in a loop, or {eq}`eq-arch-field-sum`.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# With stride 2 the terms of the sum are $2, 4, 8, \dots$
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# for stride in (1, 2):
#     layers = 1
#     while receptive_field([(3, stride)] * layers)[0] < 224:
#         layers += 1
#     print(f"stride {stride}: {layers} layers see {receptive_field([(3, stride)] * layers)[0]} pixels")
#     assert layers == (112 if stride == 1 else 7)
# ```
#
# $1 + 2n \ge 224$ gives 112 layers; $2^{n+1} - 1 \ge 224$ gives 7. But a map of 224 pixels, halved seven times, is down to 2, and there were only seven layers to compute anything with. Real networks halve five times, and put several layers between.
#
# </details>
#
# ### Exercise 11.3: tall, then wide
#
# Inception-v3 replaces $7 \times 7$ by $7 \times 1$ followed by $1 \times 7$. Derive the share of weights that is left for equal channels in and out, and show that the pair sees the same pixels.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Each of the two has $7 C^2$ weights.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# `seen_by_gradient` gives height and width. Padding is `(3, 0)` and `(0, 3)`.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# pair_of_lines = nn.Sequential(nn.Conv2d(16, 16, (7, 1), bias=False), nn.Conv2d(16, 16, (1, 7), bias=False))
# square = nn.Sequential(nn.Conv2d(16, 16, 7, bias=False))
# share = accounting.count_parameters(pair_of_lines) / accounting.count_parameters(square)
# assert math.isclose(share, 2 / 7)
# assert seen_by_gradient(pair_of_lines, 20, channels=16) == seen_by_gradient(square, 20, channels=16) == (7, 7)
# ```
#
# In general $2/F$. Without anything nonlinear between them the pair can express filters of rank $C$ between places only; whether that hurts is an empirical question, and for large filters on middle layers the authors found that it does not.
#
# </details>
#
# ### Exercise 11.4: a fully connected layer that slides
#
# The first fully connected layer of VGG reads $512 \times 7 \times 7$ numbers. Show that it is a convolution with filters of $7 \times 7$: copy its weights into one, and compare. What does the network give for a picture of $256 \times 288$ if all three are replaced?
#
# <details class="hint"><summary>Hint 1</summary>
#
# `linear.weight` has shape (4096, 25088). `view(4096, 512, 7, 7)` is the shape of a convolution's weights, in the right order.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# Use few channels: 8 in place of 512, and 20 units. Halving $256 \times 288$ five times leaves $8 \times 9$ places.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# linear = nn.Linear(8 * 7 * 7, 20)
# sliding = nn.Conv2d(8, 20, 7)
# sliding.load_state_dict({"weight": linear.weight.view(20, 8, 7, 7), "bias": linear.bias})
# maps = torch.randn(1, 8, 7, 7)
# assert torch.allclose(sliding(maps).flatten(1), linear(maps.flatten(1)), atol=1e-5)
# assert sliding(torch.randn(1, 8, 8, 9)).shape == (1, 20, 2, 3)
# ```
#
# A map of scores, one for each of $2 \times 3$ positions of a window of $224 \times 224$, at the cost of little more than one. Detection and segmentation start from this observation.
#
# </details>
#
# ### Exercise 11.5: the same budget
#
# VGG-16 costs eight and a half times the multiply-adds of ResNet-18. How wide may VGG-16 be at ResNet-18's cost, and how many parameters are left to it?
#
# <details class="hint"><summary>Hint 1</summary>
#
# `architectures.vgg` takes a `width`; 64 is the original. Costs grow with its square, so expect about a third.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# Build on the meta device in a loop over widths.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# with torch.device("meta"):
#     budget = accounting.multiply_adds(architectures.resnet(18), (3, 224, 224))
#     within = [w for w in range(8, 64) if accounting.multiply_adds(architectures.vgg(16, width=w), (3, 224, 224)) <= budget]
#     slim = architectures.vgg(16, width=max(within))
# print(f"width {max(within)}, {accounting.count_parameters(slim):,} parameters")
# assert 16 <= max(within) <= 24
# ```
#
# About a third of the width, as expected, and still several times the parameters of ResNet-18, nearly all of them in the head. Comparing VGG with ResNet at equal cost is seldom done; published tables compare a network from 2014 at full width with one from 2015.
#
# </details>
#
# ### Exercise 11.6: bottlenecks pay, up to a point
#
# In {eq}`eq-arch-bottleneck` let $K = C$. For which $B$ does the bottleneck cost less than the plain layer? Where is the limit for $F = 3$, and what does it mean for a plain $1 \times 1$?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Solve $CB + F^2 B C < F^2 C^2$ for $B$.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# Divide by $C$: $B\,(1 + F^2) < F^2 C$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# for field, C in ((3, 100), (5, 104), (1, 100)):
#     limit = C * field**2 / (1 + field**2)
#     dear = conv_cost(field, C, C, 1)[1]
#     assert all((bottleneck_cost(field, C, B, C) < dear) == (B < limit) for B in range(1, 2 * C))
#     print(f"{field}×{field} on {C} channels: below {limit:.0f}")
# ```
#
# $B < \frac{F^2}{1 + F^2}\, C$: nine tenths of the channels for $3 \times 3$, and half of them for $1 \times 1$, where the bottleneck is nothing but a factorisation of the layer into two of lower rank.
#
# </details>
#
# ## What to remember
#
# 1. A layer costs $F^2 (C/g) K$ multiply-adds at each place. Parameters sit in fully connected layers, work sits in convolutions.
# 2. The receptive field grows by $(F - 1)$ jumps a layer, and every stride multiplies the jump. Most of the gradient comes from its middle.
# 3. Small filters in stacks (VGG), $1 \times 1$ bottlenecks and global averages (GoogLeNet), shortcuts (ResNet), one filter a channel (MobileNet): each new piece saves somewhere and spends it elsewhere.
# 4. "AlexNet", "GoogLeNet" and "ResNet-50" name several networks each. Count before you compare.
# 5. Accuracy has a recipe and a budget. The same ResNet-50 gains more from a new recipe than most architectures gain over it.
#
# ## Pitfalls
#
# - **FLOPs, once or twice.** One paper's 4 billion are another's 8. Ask whether a multiply-add counts as one.
# - **Ensembles.** The contest's famous error rates are means of five to seven networks and many crops. A single network on one crop is several points worse.
# - **Multiply-adds are not time.** Depthwise layers, concatenations and normalisation move memory and are not in the count.
# - **The size of the picture.** EfficientNet-B4 is measured at 380 pixels, Inception-v3 at 299. Work grows with the square.
# - **Counting in training mode.** Auxiliary heads double GoogLeNet's parameters, and are gone at test time.
# - **A field larger than the picture** does not mean that the network uses the whole picture.
# - **Reading a library as if it were the paper.** Stride, padding, biases and normalisation differ. Compare layer by layer.
#
# ## History and further reading
#
# {cite:t}`lecun1998gradient` is long and still worth reading for its first half. {cite:t}`krizhevsky2012imagenet` is nine pages. {cite:t}`russakovsky2015imagenet` tell the story of the contest, with all entries up to 2014 and an estimate of how people do: one who had practised made 5.1 % top-5 errors. {cite:t}`canziani2016analysis` draw accuracy against cost, memory and energy for the
# networks up to 2016; our last interactive figure goes on from there. {cite:t}`araujo2019computing` derive receptive fields for any network and tabulate them; {cite:t}`luo2016understanding` found that the effective field is much smaller. {cite:t}`wightman2021resnet` train ResNet-50 by the rules of 2021. {cite:t}`radosavovic2020designing` are a model of how to compare
# *families* instead of single networks. For a systematic account of the same networks see chapters 7 and 8 of the textbook of {cite:t}`zhang2023dive`.
#
# ## Your turn: assignment 6
#
# Assignment 6, which goes with the chapters on residual networks and transfer, has you count a network that this chapter did not, and build a block that it left out. Next, chapter 12 asks why plain networks stop getting better with depth, and what adding $x$ does about it.
