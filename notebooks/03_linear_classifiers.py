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
# (chap-linear)=
# # Linear classifiers
#
# One picture per class, one multiplication per pixel: how far does the simplest learner take you, and why
# does it stop where it stops?
#
# **What you will be able to do**
#
# 1. read $\mathbf{s} = \mathbf{x}W + \mathbf{b}$ in three ways: as algebra, as templates and as geometry;
# 2. derive the gradient of least squares, solve for the weights, and judge the result;
# 3. turn scores into probabilities with softmax, without overflow, and into a loss with cross-entropy;
# 4. derive the softmax Jacobian and the whole chain down to $\partial L / \partial W$, and check every
#    number of it;
# 5. derive the multiclass support vector loss, say what happens at its kinks, and compare it with softmax;
# 6. train a classifier by gradient descent and make PyTorch confirm it;
# 7. explain what a linear classifier on pixels can never do.
#
# **What you need**: [chapter 1](01_images_and_data.ipynb) (pictures as arrays, the three splits),
# [chapter 2](02_nearest_neighbours.ipynb) (distances between pictures), matrix products and partial
# derivatives.

# %%
from course_utils import results

print(results.run_time_note("03_linear_classifiers"))

# %%
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.nn import functional as F

from course_utils import interactive, plots
from course_utils.data import class_names, load, to_grayscale

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# ## From a library to a summary
#
# The nearest neighbour classifier of chapter 2 keeps every training picture and learns nothing. Asked about a
# new picture, it walks through the whole library. That is expensive where it hurts, at prediction, and it has a
# deeper flaw: it has no opinion about which pixels matter. This chapter goes to the other extreme. Forget the
# library; keep **one picture per class**, and judge a new picture by how well it agrees with each of the ten.
#
# What would be a good single picture of a class? Before any theory, try the first thing that comes to mind:
# the average of its training pictures.

# %%
names = class_names(DATASET)
C = len(names)

# %%
images_train, y_train = load(DATASET, "train", n=10_000)  # (N, H, W, 3) uint8 and (N,) int64
images_test, y_test = load(DATASET, "test", n=2_000)


def as_rows(images):
    """Pictures (N, H, W, channels) as rows (N, D) of numbers between 0 and 1."""
    return images.reshape(len(images), -1) / 255.0


x_train, x_test = as_rows(images_train), as_rows(images_test)
N, D = x_train.shape
print(f"{N:,} training and {len(x_test):,} test pictures; D = {D:,}, C = {C}")

# %% [markdown]
# We compute in float64 throughout this chapter. Half the precision would do for classifying pictures, as later
# chapters show; but derivations deserve checks to ten digits, and with float64 your machine prints the
# same accuracies as ours.

# %% mystnb={"figure": {"name": "fig-linear-means", "caption": "The average training picture of each class. Surroundings and typical colours survive the averaging; shapes blur, because no two objects sit at the same place or face the same way."}, "image": {"alt": "Ten blurred pictures in a row, one per class: soft blobs of the typical colours of an object in the middle of its typical surroundings."}}
means = np.stack([x_train[y_train == c].mean(axis=0) for c in range(C)])  # (C, D)
plots.show_images(means.reshape(C, 32, 32, 3), names, columns=5, zoom=1.1)

# %% [markdown]
# Ghosts, but not meaningless ghosts. Classify a test picture by the *nearest* of these ten averages:

# %%
distances = np.stack([((x_test - mean) ** 2).sum(axis=1) for mean in means], axis=1)  # (N_test, C)
nearest = distances.argmin(axis=1)
print(f"nearest average picture: {(nearest == y_test).mean():.1%} right; guessing: {1 / C:.0%}")

# %% [markdown]
# Well above guessing, from ten pictures instead of thousands. Now look at what the computer actually did.
# Write $\mathbf{m}_c$ for the average of class $c$ and expand the squared distance:
#
# $$
# -\tfrac{1}{2}\lVert \mathbf{x} - \mathbf{m}_c \rVert^2
#   = \underbrace{\mathbf{x} \cdot \mathbf{m}_c}_{\text{agreement}}
#   - \underbrace{\tfrac{1}{2}\lVert \mathbf{m}_c \rVert^2}_{\text{a constant of the class}}
#   - \underbrace{\tfrac{1}{2}\lVert \mathbf{x} \rVert^2}_{\text{the same for all classes}}
# $$ (eq-linear-mean)
#
# The last term does not depend on the class, so it cannot change which class wins. What remains is a sum of
# pixels times weights, plus a constant: **the nearest average is a linear classifier**. Its weights are the
# average pictures; its constants are $-\tfrac12\lVert\mathbf{m}_c\rVert^2$. Check both claims, the equation and
# the predictions:

# %%
# check: eq-linear-mean
dice = np.random.default_rng(SEED)
few_pictures, few_means = dice.random((6, 12)), dice.random((3, 12))
few_distances = ((few_pictures[:, None, :] - few_means[None, :, :]) ** 2).sum(axis=2)  # (6, 3)
half_squares = 0.5 * (few_pictures**2).sum(axis=1, keepdims=True)  # (6, 1)
expanded = few_pictures @ few_means.T - 0.5 * (few_means**2).sum(axis=1) - half_squares
assert np.allclose(-0.5 * few_distances, expanded)
print("both sides of the equation agree")

# %%
linear = x_test @ means.T - 0.5 * (means**2).sum(axis=1)  # (N_test, C): the class's constant is its bias
assert np.array_equal(linear.argmax(axis=1), nearest)
print("nearest average and linear score decide alike on every test picture")

# %% [markdown]
# That gives the whole chapter its question. If average pictures are *some* weights, which weights are the
# *best*? To answer it we need three things: a name for the function, a number that says how bad given weights
# are, and a way downhill.
#
# (sec-linear-score)=
# ## The score function
#
# ### Algebra: one row in, ten scores out
#
# A linear classifier gives each class a **score**:
#
# $$
# \mathbf{s} = f(\mathbf{x}, W) = \mathbf{x} W + \mathbf{b},
# \qquad s_c = \sum_{d=1}^{D} x_d\, W_{dc} + b_c .
# $$ (eq-linear-score)
#
# Here $\mathbf{x}$ is one flattened picture, a row of $D$ numbers; $W$ has shape $(D, C)$, one **column** per
# class; $\mathbf{b}$ holds $C$ biases; $\mathbf{s}$ holds $C$ scores. The prediction is the class with the
# highest score. A whole batch $X$ of shape $(N, D)$ goes through in one product, $S = XW + \mathbf{b}$, of shape
# $(N, C)$.
#
# ```{note}
# Most texts write $f(\mathbf{x}, W) = W\mathbf{x} + \mathbf{b}$ with $\mathbf{x}$ as a column and one *row* of
# $W$ per class. It is the same function, transposed: $(W\mathbf{x})^\top = \mathbf{x}^\top W^\top$. This book
# keeps pictures in rows, because that is how arrays store them. `torch.nn.Linear` takes rows too, but
# stores its weight as $(C, D)$ and computes `x @ weight.T + bias`.
# ```
#
# An example small enough for the back of an envelope: a grayscale picture of $2 \times 2$ pixels and three
# classes. The classes ask for a falling diagonal, a bright upper row, and brightness anywhere.

# %%
x_tiny = np.array([0.9, 0.1, 0.2, 0.8])  # top left, top right, bottom left, bottom right
w_tiny = np.array(
    [
        [1.0, 1.0, 0.5],
        [-1.0, 1.0, 0.5],
        [-1.0, -1.0, 0.5],
        [1.0, -1.0, 0.5],
    ]
)  # (D, C) = (4, 3): columns "diagonal", "upper row", "bright"
b_tiny = np.array([0.0, 0.0, -0.5])


def scores(x, w, b):
    """Scores (N, C) of the rows x (N, D) for weights w (D, C) and biases b (C,)."""
    return x @ w + b


s_tiny = scores(x_tiny, w_tiny, b_tiny)
by_hand = [
    0.9 - 0.1 - 0.2 + 0.8,
    0.9 + 0.1 - 0.2 - 0.8,
    0.5 * (0.9 + 0.1 + 0.2 + 0.8) - 0.5,
]
# check: eq-linear-score
assert np.allclose(s_tiny, by_hand)
for name, score in zip(("diagonal", "upper row", "bright"), s_tiny, strict=True):
    print(f"{name:>9}: {abs(score):.1f}")

# %% [markdown]
# ### Templates: each column is a picture
#
# A column of $W$ has as many entries as a picture has pixels. Reshape it, and you can *look* at it. Where the
# template is positive, the class wants light; where it is negative, the class wants darkness; where it is near
# zero, the class does not care. The score is the inner product of picture and template: large when bright
# falls on positive and dark on negative.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-tiny-templates", "caption": "The worked example as pictures. Left: the input. Then the three columns of W as templates (white wants light, black wants darkness, grey does not care) with the scores they give. The diagonal wins."}, "image": {"alt": "Four small two-by-two pictures: the input with a bright falling diagonal, then the templates diagonal with score 1.4, upper row with score 0.0 and bright with score 0.5."}}
fig, axes = plt.subplots(1, 4, figsize=(7.5, 2.2))
axes[0].imshow(x_tiny.reshape(2, 2), cmap="gray", vmin=0, vmax=1)
axes[0].set_title("input x")
for c, name in enumerate(("diagonal", "upper row", "bright")):
    axes[c + 1].imshow(w_tiny[:, c].reshape(2, 2), cmap="gray", vmin=-1, vmax=1)
    axes[c + 1].set_title(f"{name}: s = {abs(s_tiny[c]):.1f}")
for ax, values in zip(axes, [x_tiny, *w_tiny.T], strict=True):
    for pixel, value in enumerate(values):
        ax.text(
            pixel % 2, pixel // 2, f"{value:g}", ha="center", va="center", color="tab:red", fontweight="bold"
        )
    ax.axis("off")
plt.show()

# %% [markdown]
# The average pictures of {numref}`fig-linear-means` were templates of this kind. Learning will find better
# ones, and the difference is instructive: an average says what the class *looks like*; a learned template says
# what *tells it apart* from the other nine.
#
# ### Geometry: a space cut by flat walls
#
# A picture is also a point in a space of $D$ dimensions. Between two classes $c$ and $k$ lies the set of points
# with $s_c = s_k$. Subtract the two scores:
#
# $$
# s_c - s_k = \mathbf{x} \cdot (\mathbf{w}_c - \mathbf{w}_k) + (b_c - b_k),
# \qquad
# d_{ck}(\mathbf{x}) = \frac{s_c - s_k}{\lVert \mathbf{w}_c - \mathbf{w}_k \rVert} .
# $$ (eq-linear-distance)
#
# Setting the left side to zero gives a hyperplane: in two dimensions a straight line, in 3,072 dimensions a flat
# wall. It stands at right angles to $\mathbf{w}_c - \mathbf{w}_k$, and $d_{ck}(\mathbf{x})$ is the signed
# distance of a picture from it. The biases push the wall away from the origin; without them every wall would
# have to pass through the all-black picture. Check the distance formula by walking exactly that far:

# %%
demo_dice = np.random.default_rng(SEED)
w_demo, b_demo = demo_dice.normal(size=(2, 3)), demo_dice.normal(size=3)
point = demo_dice.normal(size=2)
towards = w_demo[:, 0] - w_demo[:, 1]
s_start = scores(point, w_demo, b_demo)
distance = (s_start[0] - s_start[1]) / np.linalg.norm(towards)

s_foot = scores(point - distance * towards / np.linalg.norm(towards), w_demo, b_demo)
# check: eq-linear-distance
assert np.isclose(s_foot[0], s_foot[1])
print("at the foot of the walk, both classes score the same")

# %% [markdown]
# Because scores are linear, the score of a blend of two pictures is the same blend of their scores. So if
# both pictures belong to class $c$, every blend of them does: each class owns one **convex** region, a single
# piece without dents. Keep this in mind; it returns at the end of the chapter as the linear classifier's undoing.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-regions", "caption": "Three classes in two dimensions. Walls are straight and every region is one convex piece. The arrows are the columns of W: each points to where its class's score grows fastest."}, "image": {"alt": "A plane divided into three regions by straight lines that meet in a point; three arrows, one for each class, start at the origin and point into the regions."}}
w_regions = np.array([[1.6, -1.4, 0.1], [0.5, 0.9, -1.5]])
b_regions = np.array([0.0, 0.2, 0.4])
grid_x, grid_y = np.meshgrid(np.linspace(-2, 2, 201), np.linspace(-2, 2, 201))
grid = np.column_stack([grid_x.ravel(), grid_y.ravel()])
winner = scores(grid, w_regions, b_regions).argmax(axis=1).reshape(grid_x.shape)

fig, ax = plt.subplots(figsize=(4.2, 4.2))
ax.contourf(grid_x, grid_y, winner, levels=[-0.5, 0.5, 1.5, 2.5], cmap="Pastel1")
for c, (dx, dy) in enumerate(w_regions.T):
    ax.annotate("", xy=(dx, dy), xytext=(0, 0), arrowprops={"width": 1.5, "color": "black"})
    ax.text(1.12 * dx, 1.12 * dy, f"$w_{c}$", ha="center", va="center", fontsize=13)
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-2, 2), ylim=(-2, 2))
plt.show()

# %% [markdown]
# ### The bias trick
#
# Carrying $W$ and $\mathbf{b}$ around as a pair is sometimes a nuisance. Append a constant $1$ to every picture,
# and the biases become one more row of the weights:
#
# $$
# \mathbf{x}W + \mathbf{b} = \begin{pmatrix}\mathbf{x} & 1\end{pmatrix}
#   \begin{pmatrix} W \\ \mathbf{b} \end{pmatrix}.
# $$ (eq-linear-bias-trick)


# %%
def with_ones(x):
    """Rows (N, D) with a column of ones appended: (N, D + 1)."""
    return np.hstack([x, np.ones((len(x), 1))])


w_and_b = np.vstack([w_demo, b_demo])  # (D + 1, C)
points = demo_dice.normal(size=(50, 2))
# check: eq-linear-bias-trick
assert np.allclose(scores(points, w_demo, b_demo), with_ones(points) @ w_and_b)
print(f"W {w_demo.shape} and b {b_demo.shape} become one array of shape {w_and_b.shape}")

# %% [markdown]
# <div class="question">
#
# **Quick question.** A batch $X$ has shape $(500, 3072)$ and there are ten classes. What is the shape of $W$ in
# this book's convention?
#
# <details class="choice"><summary>(10, 3072)</summary>
#
# That is the shape in the column convention $W\mathbf{x}$, and the shape in which `nn.Linear` stores its
# weight. In $XW$ the inner sizes must meet: 3,072 with 3,072.
#
# </details>
#
# <details class="choice right"><summary>(3072, 10)</summary>
#
# Right. One column of 3,072 weights per class, and $(500, 3072)(3072, 10) = (500, 10)$: ten scores a picture.
#
# </details>
#
# <details class="choice"><summary>(500, 10)</summary>
#
# That is the shape of the scores. The weights must not depend on how many pictures come along.
#
# </details>
# </div>
#
# <div class="question">
#
# **Quick question.** How many numbers does a linear classifier learn for $32 \times 32$ colour pictures and ten
# classes?
#
# <details class="choice"><summary>30,720</summary>
#
# Nearly: those are the weights, $3072 \cdot 10$. Each class has a bias besides.
#
# </details>
#
# <details class="choice"><summary>10,250</summary>
#
# That would be right for grayscale, $(1024 + 1) \cdot 10$. A colour picture has three numbers a pixel.
#
# </details>
#
# <details class="choice right"><summary>30,730</summary>
#
# Right: $(3072 + 1) \cdot 10$.
#
# </details>
#
# <details class="choice"><summary>As many as there are training pictures</summary>
#
# That is the nearest neighbour's way of growing. A linear classifier has a fixed size, which is why it
# answers quickly however much it was trained on.
#
# </details>
# </div>
#
# ### Exercise 3.1: logic by hand
#
# Let $x_1, x_2 \in \{0, 1\}$. Find weights and a bias for one score $s = w_1 x_1 + w_2 x_2 + b$ that is positive
# exactly when *both* inputs are 1 (AND), and others that are positive exactly when *at least one* is 1 (OR).
#
# <details class="hint"><summary>Hint 1</summary>
#
# Draw the four corners of the square. Where must the line run that cuts off the corner (1, 1) alone?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Keep $w_1 = w_2 = 1$ for both and move only the bias.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
# w = np.array([1.0, 1.0])
# assert list(inputs @ w - 1.5 > 0) == [False, False, False, True]  # AND: both are needed to pass 1.5
# assert list(inputs @ w - 0.5 > 0) == [False, True, True, True]  # OR: one is enough to pass 0.5
# ```
#
# The weights set the direction of the wall, the bias its place. Try XOR (exactly one input is 1) as well before
# you reach {ref}`sec-linear-limits`.
#
# </details>
#
# ### Exercise 3.2: the bias swallows the centring
#
# It is usual to subtract the mean training picture $\boldsymbol{\mu}$ before classifying. Show that this does not
# make the classifier more powerful: for each $W$, $\mathbf{b}$ on centred pictures there is a bias $\mathbf{b}'$
# that gives the same scores on the raw ones.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Write out $(\mathbf{x} - \boldsymbol{\mu})W + \mathbf{b}$ and collect what does not contain $\mathbf{x}$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $\boldsymbol{\mu}W$ is a row of $C$ numbers: one for each bias.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rng = np.random.default_rng(0)
# x, w, b = rng.normal(size=(6, 5)), rng.normal(size=(5, 3)), rng.normal(size=3)
# mu = x.mean(axis=0)
# b_raw = b - mu @ w
# assert np.allclose(scores(x - mu, w, b), scores(x, w, b_raw))
# ```
#
# Centring changes nothing about what *can* be expressed. It changes how quickly gradient descent gets there, and
# that is reason enough to do it below.
#
# </details>
#
# (sec-linear-least-squares)=
# ## Learning the weights: car against truck
#
# Start with two classes and the oldest method there is. Take only automobiles and trucks, in grayscale:
# $D = 1024$ numbers a picture. One score is enough; its sign decides. We *ask* for $t = +1$ on trucks and
# $t = -1$ on automobiles, and look for the weights that come closest.

# %%
CAR, TRUCK = names.index("automobile"), names.index("truck")


def car_or_truck(images, labels):
    """Grayscale rows (n, 1024) in [0, 1] and targets (n,): -1 for automobiles, +1 for trucks."""
    chosen = (labels == CAR) | (labels == TRUCK)
    gray = to_grayscale(images[chosen])
    return as_rows(gray), np.where(labels[chosen] == TRUCK, 1.0, -1.0)


gray_train, t_train = car_or_truck(images_train, y_train)
gray_test, t_test = car_or_truck(images_test, y_test)
a_train, a_test = with_ones(gray_train), with_ones(gray_test)  # (n, 1025)
print(f"{len(a_train):,} training and {len(a_test):,} test pictures; {a_train.shape[1]:,} unknowns")

# %% [markdown]
# ### Why a loss, and not the error rate?
#
# What we care about is the share of wrong decisions. But the error rate is a poor guide for *finding* weights,
# and a picture shows why. Below, a single weight vector turns around the circle in front of two clouds of
# points. Move the slider and watch both curves.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-rotation", "caption": "Turn the weight vector with the slider. Left: the black line is where the score is zero, the arrow is w. Right: the mean squared loss slopes towards its valley everywhere; the error rate is a staircase of flat steps."}, "image": {"alt": "Frames of an interactive figure: two clouds of points cut by a turning line, and two curves against the angle, a smooth one and a staircase."}}
def two_clouds(n=40, seed=SEED):
    """Two overlapping clouds of points (2n, 2) and their targets -1 and +1."""
    rng = np.random.default_rng(seed)
    t = np.repeat([-1.0, 1.0], n)
    return rng.normal(size=(2 * n, 2)) * [0.9, 0.7] + t[:, None] * [0.7, 0.5], t


def draw_rotation(degrees, cloud, t, curves):
    """One frame: the clouds cut by a weight vector at an angle, and both curves with a marker there."""
    angle = np.deg2rad(degrees)
    w = np.array([np.cos(angle), np.sin(angle)])
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="none")
    fig.subplots_adjust(left=0.08, right=0.98, bottom=0.16, top=0.9, wspace=0.2)
    for target, marker, color in ((-1, "o", "C0"), (1, "^", "C1")):
        left.scatter(*cloud[t == target].T, s=18, marker=marker, color=color, label=f"t = {target:+d}")
    left.plot(*np.outer([-5, 5], [-w[1], w[0]]).T, color="black", linewidth=1.5)
    left.annotate("", xy=1.5 * w, xytext=(0, 0), arrowprops={"width": 2, "color": "black"})
    left.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    left.set_title(f"w turned to {degrees}°", fontsize=11)
    left.legend(loc="lower right", fontsize=8)
    for values, style, label in ((curves[1], "-", "mean squared loss"), (curves[2], "--", "error rate")):
        right.plot(curves[0], values, style, label=label)
        right.plot(degrees, np.interp(degrees, curves[0], values), "ko")
    right.set(xlabel="angle of w in degrees", xticks=range(0, 361, 90), ylim=(0, None))
    right.legend(fontsize=8, loc="upper left")
    return fig


cloud, cloud_t = two_clouds()
fine = np.arange(0, 361, 1)
fine_scores = cloud @ np.array([np.cos(np.deg2rad(fine)), np.sin(np.deg2rad(fine))])  # (80, 361)
squared_curve = ((fine_scores - cloud_t[:, None]) ** 2).mean(axis=0)
error_curve = (np.sign(fine_scores) != cloud_t[:, None]).mean(axis=0)
flat = np.mean(np.diff(error_curve) == 0)
angles = list(range(0, 360, 24))
interactive.frames(
    [draw_rotation(angle, cloud, cloud_t, (fine, squared_curve, error_curve)) for angle in angles],
    [f"{angle}°" for angle in angles],
    name="rotating-weights",
    alt=[
        f"Two clouds of points and a weight vector turned to {angle} degrees; mean squared loss "
        f"{squared_curve[angle]:.2f}, error rate {error_curve[angle]:.0%}."
        for angle in angles
    ],
    description="Angle of w",
)

# %%
print(f"from one degree to the next, the error rate does not move {flat:.0%} of the time")

# %% [markdown]
# On a flat step the error rate gives no hint which way to turn. The squared loss falls smoothly towards its
# valley from anywhere on the circle. So we minimise a smooth stand-in, a **loss**, and only *report* the error
# rate. Every learner in this book makes this exchange.
#
# ### The loss and its gradient
#
# With the bias trick, $A$ is the batch with its column of ones, of shape $(N, D+1)$, $\mathbf{w}$ holds
# weights and bias, and $\mathbf{t}$ the targets:
#
# $$
# L(\mathbf{w}) = \frac{1}{N} \sum_{n=1}^{N} \Bigl( \sum_d A_{nd} w_d - t_n \Bigr)^2
#   = \frac{1}{N} \lVert A\mathbf{w} - \mathbf{t} \rVert^2 .
# $$ (eq-linear-lsq-loss)
#
# Differentiate one summand with respect to one weight $w_j$. The outer square gives
# $2\,(\sum_d A_{nd}w_d - t_n)$; inside, only the term $d = j$ contains $w_j$, and its derivative is $A_{nj}$:
#
# $$
# \frac{\partial L}{\partial w_j} = \frac{2}{N} \sum_n A_{nj} \Bigl( \sum_d A_{nd} w_d - t_n \Bigr),
# \qquad
# \nabla L = \frac{2}{N}\, A^\top (A\mathbf{w} - \mathbf{t}) .
# $$ (eq-linear-lsq-gradient)
#
# Read it before you check it: each picture votes for itself, with its own error as the weight. Pictures that are
# already right have no say.


# %%
def squared_loss(w, a, t):
    """Mean squared difference between the scores a @ w and the targets t."""
    return ((a @ w - t) ** 2).mean()


def squared_loss_gradient(w, a, t):
    """Gradient of `squared_loss` with respect to w."""
    return 2 / len(t) * a.T @ (a @ w - t)


def numerical_gradient(f, x, h=1e-5):
    """Central differences (f(x + h) - f(x - h)) / 2h of the number f(x), at every index of the array x."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


# %% [markdown]
# `numerical_gradient` is the tool to keep from this chapter. It knows nothing about calculus: it nudges one
# number at a time and watches. It is far too slow for training and it is nearly impossible to get wrong,
# which makes it the ideal witness. A second witness is PyTorch's autograd, which you meet in chapter 5. We call
# both for every gradient of this chapter, at every index.

# %%
lsq_dice = np.random.default_rng(SEED)
a_rand, t_rand = with_ones(lsq_dice.normal(size=(40, 12))), lsq_dice.choice([-1.0, 1.0], size=40)
w_rand = lsq_dice.normal(size=13)

# check: eq-linear-lsq-loss
assert np.isclose(
    squared_loss(w_rand, a_rand, t_rand),
    F.mse_loss(torch.tensor(a_rand @ w_rand), torch.tensor(t_rand)).item(),
)
print("the loss is PyTorch's mean squared error")

# %%
lsq_by_formula = squared_loss_gradient(w_rand, a_rand, t_rand)
lsq_by_differences = numerical_gradient(lambda w: squared_loss(w, a_rand, t_rand), w_rand)

w_torch = torch.tensor(w_rand, requires_grad=True)
((torch.tensor(a_rand) @ w_torch - torch.tensor(t_rand)) ** 2).mean().backward()

# check: eq-linear-lsq-gradient
assert np.allclose(lsq_by_formula, lsq_by_differences, rtol=1e-7, atol=1e-9)
assert np.allclose(lsq_by_formula, w_torch.grad.numpy(), rtol=1e-12, atol=1e-14)
print(f"all {lsq_by_formula.size} entries agree with central differences and with autograd")

# %% [markdown]
# ### The normal equations
#
# The squared loss is a bowl: it curves upwards in every direction, so it is lowest where the gradient vanishes.
# Set {eq}`eq-linear-lsq-gradient` to zero and drop the factor:
#
# $$
# A^\top (A\mathbf{w} - \mathbf{t}) = \mathbf{0}
# \quad\Longleftrightarrow\quad
# A^\top A\, \mathbf{w} = A^\top \mathbf{t} .
# $$ (eq-linear-normal)
#
# These are the **normal equations**. The left form says what they mean: what remains unexplained,
# $A\mathbf{w} - \mathbf{t}$, stands at right angles to every column of $A$. No pixel is left that could still
# explain a part of the error. In code, `np.linalg.lstsq` solves the problem without forming $A^\top A$ (which
# would square the rounding errors). It copes with too few pictures as well: when there are fewer equations than
# unknowns, infinitely many $\mathbf{w}$ fit perfectly, and it returns the shortest of them.

# %%
w_normal = np.linalg.solve(a_rand.T @ a_rand, a_rand.T @ t_rand)
# check: eq-linear-normal
assert np.allclose(a_rand.T @ (a_rand @ w_normal - t_rand), 0)
assert np.allclose(w_normal, np.linalg.lstsq(a_rand, t_rand, rcond=None)[0])
print("the normal equations and lstsq have the same solution")

# %% [markdown]
# Now the pictures:

# %%
w_lsq = np.linalg.lstsq(a_train, t_train, rcond=None)[0]

assert np.allclose(a_train.T @ (a_train @ w_lsq - t_train), 0, atol=1e-6)


def sign_accuracy(w, a, t):
    """Share of rows of a whose score a @ w has the sign of the target t."""
    return (np.sign(a @ w) == t).mean()


print("the residual is at right angles to every pixel")
print(f"training accuracy {sign_accuracy(w_lsq, a_train, t_train):.1%}")
print(
    f"test accuracy     {sign_accuracy(w_lsq, a_test, t_test):.1%}, give or take {np.sqrt(0.25 / len(t_test)):.1%}"
)

# %% [markdown]
# Two lessons in two lines. The classifier does better than a coin on new pictures, but not by much: single pixels
# know *something* about cars and trucks, and it is little. And it does far better on what it has seen: it has
# 1,025 numbers to adjust and uses them to memorise. (The "give or take" is the standard error of a share measured
# on that many pictures, $\sqrt{p(1-p)/n}$ with $p = \tfrac12$. Two accuracies that differ by less than this are not
# different.) How much of the gap is a matter of data? Fit the same classifier to ever more of the training
# pictures:

# %% mystnb={"figure": {"name": "fig-linear-lsq-curve", "caption": "Car against truck by least squares, fitted to more and more pictures. Below about 1,025 pictures the classifier fits its training set perfectly; around that number its test accuracy is poor, and more pictures mend it."}, "image": {"alt": "Two curves against the number of training pictures: training accuracy stays at 100 percent and then falls; test accuracy stays far below it and the two approach each other on the right."}}
shuffled = np.random.default_rng(SEED).permutation(len(a_train))
sizes = [size for size in (100, 250, 500, 750, 1000, 1250, 1600) if size < len(a_train)] + [len(a_train)]
curve = []  # (training accuracy, test accuracy) for each size
for size in sizes:
    a_part, t_part = a_train[shuffled[:size]], t_train[shuffled[:size]]
    w_part = np.linalg.lstsq(a_part, t_part, rcond=None)[0]
    curve.append((sign_accuracy(w_part, a_part, t_part), sign_accuracy(w_part, a_test, t_test)))

fig, ax = plt.subplots(figsize=(6, 3.2))
ax.plot(sizes, [pair[0] for pair in curve], "o-", label="training pictures")
ax.plot(sizes, [pair[1] for pair in curve], "s--", label="test pictures")
ax.axvline(a_train.shape[1], color="gray", linestyle=":", label="as many pictures as unknowns")
ax.set(xlabel="number of training pictures", ylabel="accuracy", ylim=(0.4, 1.03))
ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(0.02, 0.6))
plt.show()

# %%
perfect = max(index for index, pair in enumerate(curve) if pair[0] == 1.0)
print(
    f"with {sizes[perfect]:,} pictures: every training picture right, test accuracy {curve[perfect][1]:.0%}"
)

# %% [markdown]
# With fewer pictures than unknowns the training accuracy is perfect *by construction*: there are enough
# adjustable numbers to give each picture its own target. Near the point where pictures and unknowns are equally
# many, the fit is most contorted, and the test accuracy is at its worst or close to it; the effect is known
# as the interpolation peak {cite:p}`belkin2019reconciling`. Beyond it, data win. The source lecture had 10,000
# training pictures; {ref}`sec-linear-real` shows what that gives on real photographs.
#
# What does the classifier look at? Its weights are a picture too:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-lsq-template", "caption": "Left: the least-squares template for truck against car (bright wants light for truck). Right: the difference of the two average pictures. The averages differ in an understandable way; the fitted template is a fine-grained mixture of plus and minus that exploits accidents of single pixels."}, "image": {"alt": "Two square grey pictures. The left one looks like noise. The right one is a smooth pattern of light and dark areas."}}
difference_of_means = gray_train[t_train > 0].mean(axis=0) - gray_train[t_train < 0].mean(axis=0)
fig, axes = plt.subplots(1, 2, figsize=(5.5, 2.9))
for ax, picture, title in zip(
    axes, (w_lsq[:-1], difference_of_means), ("least squares", "average truck − average car"), strict=True
):
    limit = np.quantile(np.abs(picture), 0.95)
    ax.imshow(picture.reshape(32, 32), cmap="gray", vmin=-limit, vmax=limit)
    ax.set_title(title, fontsize=11)
    ax.axis("off")
plt.show()


# %%
def correlation_of_neighbours(picture):
    """Correlation between the values of horizontally neighbouring pixels of a picture (32 * 32,)."""
    picture = picture.reshape(32, 32)
    return np.corrcoef(picture[:, :-1].ravel(), picture[:, 1:].ravel())[0, 1]


print("correlation of neighbouring weights:")
print(f"least squares   {correlation_of_neighbours(w_lsq[:-1]):+.1f}")
print(f"average picture {correlation_of_neighbours(difference_of_means):+.1f}")

# %% [markdown]
# <div class="question">
#
# **Quick question.** You fit least squares to 100 grayscale pictures, 1,025 unknowns, and get 100 % training
# accuracy. What does that tell you about the test set?
#
# <details class="choice"><summary>The classes are easy to separate, so the test accuracy will be high too</summary>
#
# It would be 100 % with *random* labels too: 100 equations with 1,025 unknowns can nearly always be solved
# exactly. A perfect fit that could not have failed is no evidence.
#
# </details>
#
# <details class="choice"><summary>The test accuracy will be 50 %, since the classifier only memorised</summary>
#
# Memorising does not forbid learning. Among the many perfect fits `lstsq` takes the shortest, and that one often
# does better than a coin.
#
# </details>
#
# <details class="choice right"><summary>Nothing: only pictures it has not seen can tell</summary>
#
# Right. With more unknowns than pictures the training accuracy is perfect whatever the labels are.
#
# </details>
# </div>
#
# ### Is the squared loss the right question?
#
# It has an oddity. A truck with score $+3$ is classified with great confidence, correctly, and yet it
# is punished: $(3 - 1)^2 = 4$, as much as a truck with score $-1$ on the wrong side. The squared loss does not ask
# for *at least* $+1$, it asks for exactly $+1$. And it has nothing natural to say about ten classes. The next
# two losses repair both: one by speaking of probabilities, one by speaking of margins.
#
# (sec-linear-softmax)=
# ## Softmax and cross-entropy
#
# ### From scores to probabilities
#
# Scores can be anything. Probabilities must be positive and sum to one. The shortest way from one to the other:
# make everything positive with the exponential function, then divide by the sum.
#
# $$
# p_i = \sigma_i(\mathbf{s}) = \frac{e^{s_i}}{\sum_{k=1}^{C} e^{s_k}} .
# $$ (eq-linear-softmax)
#
# This is the **softmax**. It keeps the order of the scores, it makes *differences* of scores into *ratios* of
# probabilities ($p_i / p_j = e^{s_i - s_j}$), and it is a softened version of "1 for the largest, 0 for the
# rest". Adding the same number $a$ to all scores cancels:
#
# $$
# \frac{e^{s_i + a}}{\sum_k e^{s_k + a}} = \frac{e^a e^{s_i}}{e^a \sum_k e^{s_k}} = \sigma_i(\mathbf{s}) .
# $$ (eq-linear-shift)


# %%
def naive_softmax(s):
    """Softmax of each row of s (N, C), exactly as the formula says."""
    e = np.exp(s)
    return e / e.sum(axis=1, keepdims=True)


s_some = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
p_some = naive_softmax(s_some)
# check: eq-linear-softmax
assert np.allclose(p_some.sum(axis=1), 1)
assert np.allclose(p_some[0, 0] / p_some[0, 1], np.exp(2.0 - 1.0))
assert np.allclose(naive_softmax(s_some + 5.0), p_some)
print(p_some.round(3))

# %% [markdown]
# ### Numbers too large for the machine
#
# The shift looks like a curiosity. It saves the computation. A float32 number ends near $3.4 \cdot 10^{38}$, and
# $e^{89}$ is already beyond it. Large scores are nothing unusual, and the formula as written then divides infinity
# by infinity:

# %%
s_large = np.array([[100.0, 90.0, 0.0]], dtype=np.float32)
with np.errstate(over="ignore", invalid="ignore"):
    print("naive: ", naive_softmax(s_large))


def softmax(s):
    """Softmax of each row of s (N, C); the row's maximum is subtracted first, so nothing overflows."""
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


print("stable:", softmax(s_large).round(5))
# check: eq-linear-shift
assert np.allclose(softmax(s_some), naive_softmax(s_some))
assert np.allclose(softmax(s_large), F.softmax(torch.tensor(s_large), dim=1).numpy())

# %% [markdown]
# After subtracting the maximum, the largest exponent is 0, so the largest term is 1 and the sum lies between
# 1 and $C$: nothing can overflow. Small terms may vanish to 0, which is harmless here, but not for the
# logarithm that comes next. There we never take the logarithm of a probability; we use
#
# $$
# \log p_i = s_i - \underbrace{\Bigl( m + \log \sum_k e^{s_k - m} \Bigr)}_{\text{log-sum-exp of } \mathbf{s}},
# \qquad m = \max_k s_k .
# $$ (eq-linear-logsumexp)


# %%
def log_softmax(s):
    """Logarithm of the softmax of each row of s (N, C), by log-sum-exp."""
    m = s.max(axis=1, keepdims=True)
    return s - (m + np.log(np.exp(s - m).sum(axis=1, keepdims=True)))


# check: eq-linear-logsumexp
assert np.allclose(np.exp(log_softmax(s_some)), softmax(s_some))
far = np.array([[0.0, 2000.0]])
with np.errstate(divide="ignore"):
    print("logarithm of the softmax:", np.log(softmax(far))[0, 0])
print("log-sum-exp:             ", log_softmax(far)[0, 0])
assert np.allclose(log_softmax(far), F.log_softmax(torch.tensor(far), dim=1).numpy())

# %% [markdown]
# <div class="question">
#
# **Quick question.** You add 100 to the scores of all ten classes. What happens to the probabilities?
#
# <details class="choice"><summary>All move towards 1</summary>
#
# They cannot: they must still sum to one. The numerators grow by $e^{100}$, and so does the denominator.
#
# </details>
#
# <details class="choice"><summary>The largest moves towards 1, the others towards 0</summary>
#
# That is what *multiplying* the scores by a large number does, because it stretches their differences. Adding
# leaves the differences alone.
#
# </details>
#
# <details class="choice right"><summary>Nothing</summary>
#
# Right. Only differences of scores matter. One consequence: adding the same picture to all ten templates changes
# no prediction.
#
# </details>
# </div>
#
# ### One-hot labels and cross-entropy
#
# The label 3 is a name, not a quantity: class 4 is not "more" than class 3. As the target of a
# probability vector it becomes a **one-hot** row $\mathbf{y}$: 1 at the true class and 0 elsewhere, all the
# probability where it belongs. How far is the prediction from it? Information theory measures the cost of
# believing $q$ when the truth is $p$ by the **cross-entropy** {cite:p}`shannon1948mathematical`:
#
# $$
# H(p, q) = -\sum_{c=1}^{C} p_c \log q_c .
# $$ (eq-linear-cross-entropy)
#
# In our case the truth is the one-hot row $\mathbf{y}$ and the belief is the softmax output $\mathbf{p}$, so all
# terms but one vanish and the loss of a picture with true class $c$ is
# $L_i = H(\mathbf{y}, \mathbf{p}) = -\log p_c$: minus the logarithm of the probability given to the truth.


# %%
def one_hot(labels, num_classes):
    """Labels (N,) as rows (N, num_classes) with a single 1 each."""
    return np.eye(num_classes)[labels]


def cross_entropy(p, q):
    """Cross-entropy H(p, q) of each pair of rows; 0 times log 0 counts as 0."""
    with np.errstate(divide="ignore"):
        return -np.where(p > 0, p * np.log(np.where(p > 0, q, 1.0)), 0.0).sum(axis=-1)


truth = one_hot(np.array([0]), 2)[0]
probabilities = np.array([0.0, 0.1, 0.9, 1.0])
losses = cross_entropy(truth, np.column_stack([probabilities, 1 - probabilities]))
for p_c, loss_c in zip(probabilities, losses, strict=True):
    print(f"probability of the true class {p_c:.1f}: loss {abs(loss_c):.1f}")

# check: eq-linear-cross-entropy
assert np.allclose(losses, [np.inf, 2.3, 0.1, 0.0], atol=0.01)

# %% [markdown]
# These four values are worth knowing by heart. A sure and right answer costs nothing. A confident 0.9 costs
# 0.1. A probability of 0.1 costs 2.3, which is also what pure guessing among ten classes costs, $\log 10$.
# And being certain of the wrong thing costs infinitely much: cross-entropy does not forgive arrogance.
#
# Why this loss and not another? Because it is maximum likelihood in disguise: if the model says each label $y_i$
# has probability $p_{i, y_i}$, the probability of all labels together is the product, and
# $-\log \prod_i p_{i,y_i} = \sum_i -\log p_{i,y_i}$. It is also, up to a constant, the Kullback-Leibler
# divergence: $H(p, q) = H(p) + D_{\mathrm{KL}}(p \,\Vert\, q)$, and the entropy $H(p)$ of a one-hot row is zero.

# %%
p_true, q_model = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.5, 0.3])
entropy = cross_entropy(p_true, p_true)
divergence = (p_true * np.log(p_true / q_model)).sum()
assert np.isclose(cross_entropy(p_true, q_model), entropy + divergence)
assert cross_entropy(truth, truth) == 0

chance = cross_entropy(one_hot(np.array([3]), 10), softmax(np.zeros((1, 10))))[0]
assert np.isclose(chance, np.log(10))
print(f"loss of ten equal scores: {chance:.4f} = log 10")

# %% [markdown]
# How does the loss react to a single score? The next figure has four classes, and the slider moves the
# score of the true one. Watch the tangent on the right: its slope is the gradient we derive next.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-true-score", "caption": "Move the score of the true class. While it is far behind, the loss falls in a straight line of slope −1; once it is far ahead, nothing is left to gain. The dashed tangent has the slope p − 1."}, "image": {"alt": "Frames of an interactive figure: bars of four scores, bars of the four probabilities, and the falling cross-entropy curve with a tangent."}}
def draw_scores(true_score, others=(1.0, 0.0, -1.0)):
    """One frame: scores and probabilities of four classes, and the loss against the true class's score."""
    s = np.array([[true_score, *others]])
    p, loss = softmax(s)[0], -log_softmax(s)[0, 0]
    axis = np.linspace(-6.2, 6.2, 200)
    losses = -log_softmax(np.column_stack([axis, *(np.full(200, o) for o in others)]))[:, 0]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.5, 2.9), layout="none")
    fig.subplots_adjust(left=0.06, right=0.98, bottom=0.2, top=0.88, wspace=0.25)
    labels = ["true", "B", "C", "D"]
    colors = ["C1", "C0", "C0", "C0"]
    left.bar(labels, s[0], color=colors)
    left.set(ylim=(-6.5, 6.5), title="scores")
    left.axhline(0, color="black", linewidth=0.8)
    bars = middle.bar(labels, p, color=colors)
    middle.bar_label(bars, fmt="%.2f", fontsize=8)
    middle.set(ylim=(0, 1.12), title="probabilities")
    right.plot(axis, losses)
    right.plot(true_score, loss, "ko")
    near = np.array([true_score - 1.5, true_score + 1.5])
    right.plot(near, loss + (p[0] - 1) * (near - true_score), "k--", linewidth=1.2)
    right.set(ylim=(-0.5, 8), xlim=(-6.2, 6.2), title="cross-entropy", xlabel="score of the true class")
    right.text(6, 7.3, f"loss {loss:.2f}\nslope {p[0] - 1:.2f}", ha="right", va="top", fontsize=10)
    words = f"probability of the true class {p[0]:.2f}, cross-entropy {loss:.2f}, slope {p[0] - 1:.2f}"
    return fig, f"True score {true_score:+.0f}: {words}."


true_scores = np.arange(-6.0, 6.5, 1.0)
drawn = [draw_scores(score) for score in true_scores]
interactive.frames(
    [frame[0] for frame in drawn],
    [f"{score:+.0f}" for score in true_scores],
    name="true-score",
    alt=[frame[1] for frame in drawn],
    description="Score of the true class",
)

# %% [markdown]
# ### The Jacobian of softmax
#
# Each probability depends on *every* score, through the sum in the denominator. So the derivative of softmax
# is a matrix, its Jacobian $J_{ij} = \partial p_i / \partial s_j$, of shape $(C, C)$. Write $Z = \sum_k e^{s_k}$
# and take it slowly. Two small facts first, with $\delta_{ij}$ equal to 1 if $i = j$ and 0 otherwise:
#
# $$
# \frac{\partial e^{s_i}}{\partial s_j} = \delta_{ij}\, e^{s_i},
# \qquad
# \frac{\partial Z}{\partial s_j} = e^{s_j} .
# $$
#
# Now the quotient rule on $p_i = e^{s_i} / Z$:
#
# $$
# \frac{\partial p_i}{\partial s_j}
#   = \frac{\delta_{ij}\, e^{s_i}\, Z - e^{s_i}\, e^{s_j}}{Z^2}
#   = \delta_{ij}\, \frac{e^{s_i}}{Z} - \frac{e^{s_i}}{Z} \frac{e^{s_j}}{Z} .
# $$
#
# Every fraction on the right is a probability again, and the whole matrix is
#
# $$
# J_{ij} = \frac{\partial \sigma_i}{\partial s_j} = \sigma_i\, (\delta_{ij} - \sigma_j) .
# $$ (eq-linear-jacobian)
#
# On the diagonal, $\sigma_i(1 - \sigma_i)$: raising a class's own score raises its probability, most of all
# when it is undecided, at one half. Off the diagonal, $-\sigma_i\sigma_j$: raising another class's score takes
# probability away, in proportion to what both hold.


# %%
def softmax_jacobian(s):
    """Jacobian (C, C) of softmax at the scores s (C,): entry (i, j) is dp_i / ds_j."""
    p = softmax(s[None, :])[0]
    return p[:, None] * (np.eye(len(p)) - p[None, :])


s_point = np.array([1.3, -0.4, 0.2, 2.1, -1.0])
jacobian = softmax_jacobian(s_point)
by_differences = np.stack(
    [numerical_gradient(lambda s, i=i: softmax(s[None, :])[0, i], s_point) for i in range(5)]
)
by_autograd = torch.autograd.functional.jacobian(lambda s: F.softmax(s, dim=0), torch.tensor(s_point)).numpy()

# check: eq-linear-jacobian
assert np.allclose(jacobian, by_differences, rtol=1e-7, atol=1e-10)
assert np.allclose(jacobian, by_autograd, rtol=1e-12, atol=1e-15)
assert np.allclose(jacobian.sum(axis=0), 0)  # what one class gains, the others lose
print(f"all {jacobian.size} entries agree with central differences and with autograd")

# %% [markdown]
# ### The chain, link by link
#
# The loss of one picture depends on the weights through a chain: weights → scores → probabilities → loss. The
# chain rule multiplies the derivatives of its links.
#
# **Loss by probabilities.** From $L_i = -\sum_k y_k \log p_k$ follows $\partial L_i / \partial p_k = -y_k / p_k$.
#
# **Loss by scores.** Send it through the Jacobian, summing over all the ways in which $s_j$ reaches the loss:
#
# $$
# \begin{aligned}
# \frac{\partial L_i}{\partial s_j}
#   &= \sum_k \frac{\partial L_i}{\partial p_k} \frac{\partial p_k}{\partial s_j}
#    = \sum_k -\frac{y_k}{p_k}\, p_k\, (\delta_{kj} - p_j) \\
#   &= -y_j + p_j \sum_k y_k
#    = p_j - y_j .
# \end{aligned}
# $$ (eq-linear-dscores)
#
# The probabilities cancel, the labels sum to one, and of all that machinery one subtraction is left: **prediction
# minus truth**. This is the slope $p - 1$ you saw in the slider.
#
# **Scores by weights.** For picture $n$, $s_{nk} = \sum_d X_{nd} W_{dk} + b_k$, so
# $\partial s_{nk} / \partial W_{dj} = X_{nd}\,\delta_{kj}$ and $\partial s_{nk} / \partial b_j = \delta_{kj}$. A
# weight of class $j$ touches only the score of class $j$.
#
# **All together**, for the mean loss $L = \frac1N \sum_n L_n$:
#
# $$
# \frac{\partial L}{\partial W_{dj}}
#   = \frac{1}{N} \sum_n \sum_k (p_{nk} - y_{nk})\, X_{nd}\, \delta_{kj}
#   = \frac{1}{N} \sum_n X_{nd}\, (p_{nj} - y_{nj}),
# \qquad
# \frac{\partial L}{\partial W} = \frac{1}{N}\, X^\top (P - Y),
# $$ (eq-linear-dweights)
#
# $$
# \frac{\partial L}{\partial b_j} = \frac{1}{N} \sum_n (p_{nj} - y_{nj}) .
# $$ (eq-linear-dbias)
#
# The shapes tell you whether you have it right: $X^\top$ is $(D, N)$, $P - Y$ is $(N, C)$, and the product is
# $(D, C)$, like $W$. In code, the whole section is one function:


# %%
def softmax_loss(w, b, x, labels):
    """Mean cross-entropy of softmax scores, with its gradients.

    w (D, C), b (C,), x (N, D), labels (N,); returns the loss, dL/dw (D, C) and dL/db (C,).
    """
    s = scores(x, w, b)
    n = len(x)
    loss = -log_softmax(s)[np.arange(n), labels].mean()
    ds = (softmax(s) - one_hot(labels, s.shape[1])) / n  # (N, C): prediction minus truth
    return loss, x.T @ ds, ds.sum(axis=0)


# %% [markdown]
# Every link gets its check, and then the chain as a whole, at every index of $W$ and $\mathbf{b}$:

# %%
y_row, p_row = one_hot(np.array([2]), 5)[0], softmax(s_point[None, :])[0]
through_jacobian = (-y_row / p_row) @ softmax_jacobian(s_point)
short_form = p_row - y_row
# check: eq-linear-dscores
assert np.allclose(through_jacobian, short_form)
assert np.allclose(numerical_gradient(lambda s: -log_softmax(s[None, :])[0, 2], s_point), short_form)
print("loss by scores: the Jacobian's way and the short form agree")

# %%
small_dice = np.random.default_rng(SEED)
x_small, labels_small = small_dice.normal(size=(6, 7)), np.array([0, 3, 1, 1, 4, 2])
w_small, b_small = small_dice.normal(size=(7, 5)), small_dice.normal(size=5)


def check_gradients(loss_and_gradients, torch_loss, w, b, x, labels):
    """Compare the gradients with central differences and with autograd at every index."""
    loss, dw, db = loss_and_gradients(w, b, x, labels)
    assert np.allclose(
        dw, numerical_gradient(lambda w: loss_and_gradients(w, b, x, labels)[0], w), rtol=1e-6, atol=1e-9
    )
    assert np.allclose(
        db, numerical_gradient(lambda b: loss_and_gradients(w, b, x, labels)[0], b), rtol=1e-6, atol=1e-9
    )
    wt, bt = torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)
    torch_value = torch_loss(torch.tensor(x) @ wt + bt, torch.tensor(labels))
    torch_value.backward()
    assert np.isclose(loss, torch_value.item(), rtol=1e-12)
    assert np.allclose(dw, wt.grad.numpy(), rtol=1e-10, atol=1e-13)
    assert np.allclose(db, bt.grad.numpy(), rtol=1e-10, atol=1e-13)
    return dw.size + db.size


# check: eq-linear-dweights, eq-linear-dbias
checked = check_gradients(softmax_loss, F.cross_entropy, w_small, b_small, x_small, labels_small)
print(f"softmax: all {checked} entries agree with central differences and with autograd")

# %% [markdown]
# ### What the gradient does to the templates
#
# Formulas become friends when you can say what they do. A step against {eq}`eq-linear-dweights` adds to template
# $j$ the pictures of class $j$, each with the weight $1 - p_{nj}$ (how unconvinced the classifier still is), and
# subtracts the pictures of other classes with weight $p_{nj}$ (how strongly it mistakes them for $j$). Learning
# is *painting*: more of what was missed, less of what was confused.
#
# Start at $W = 0$. All probabilities are $1/C$, and the first step is, exactly, a picture you know already:
#
# $$
# -\frac{\partial L}{\partial \mathbf{w}_j}\Big|_{W=0}
#   = \frac{N_j}{N}\, \mathbf{m}_j - \frac{1}{C}\, \mathbf{m},
# $$ (eq-linear-first-step)
#
# where $N_j$ counts the pictures of class $j$ and $\mathbf{m}$ is the mean of all pictures. The averages of the
# opening were the first brush stroke.

# %%
dw_first = softmax_loss(np.zeros((7, 5)), np.zeros(5), x_small, labels_small)[1]
share = np.bincount(labels_small, minlength=5) / 6  # N_j / N
small_means = np.stack([x_small[labels_small == c].mean(axis=0) for c in range(5)])
first_stroke = share * small_means.T - x_small.mean(axis=0)[:, None] / 5
# check: eq-linear-first-step
assert np.allclose(-dw_first, first_stroke)
print("the first gradient step paints average pictures")

# %% [markdown]
# <div class="question">
#
# **Quick question.** You start training a ten-class softmax classifier from $W = 0$, $\mathbf{b} = 0$ and print the
# loss before the first step. What do you expect to see?
#
# <details class="choice"><summary>0</summary>
#
# A loss of 0 means that the true class has probability 1. Equal scores give it one tenth.
#
# </details>
#
# <details class="choice"><summary>0.1</summary>
#
# 0.1 is the *probability* of the true class; the loss is minus its logarithm. (A loss of 0.1 belongs to the
# probability 0.9.)
#
# </details>
#
# <details class="choice right"><summary>2.303</summary>
#
# Right: $-\log \tfrac{1}{10}$. If your first loss is far from it, something is wrong before training begins. It
# is the cheapest test there is.
#
# </details>
#
# <details class="choice"><summary>9</summary>
#
# That is the starting value of the loss of the next section, which counts margins instead of probabilities.
#
# </details>
# </div>
#
# ### Exercise 3.3: two classes, one sigmoid
#
# Show that for $C = 2$ the softmax depends on one number only, $z = s_1 - s_0$, and that
# $p_1 = 1 / (1 + e^{-z})$: the logistic function. Check your result on random scores.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Use the shift invariance {eq}`eq-linear-shift` with $a = -s_0$, or divide numerator and denominator by $e^{s_1}$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# After the shift the scores are $(0, z)$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# s = np.random.default_rng(0).normal(size=(100, 2))
# z = s[:, 1] - s[:, 0]
# assert np.allclose(softmax(s)[:, 1], 1 / (1 + np.exp(-z)))
# ```
#
# $p_1 = e^{s_1} / (e^{s_0} + e^{s_1}) = 1 / (e^{s_0 - s_1} + 1)$. Softmax regression with two classes *is* logistic
# regression; the second template is superfluous.
#
# </details>
#
# ### Exercise 3.4: why the loss is a bowl
#
# Show three properties of the softmax Jacobian $J$: its rows sum to zero, it is symmetric, and
# $\mathbf{v}^\top J \mathbf{v} \ge 0$ for every vector $\mathbf{v}$. Why does the last one make the cross-entropy
# convex in the scores?
#
# <details class="hint"><summary>Hint 1</summary>
#
# $J = \operatorname{diag}(\mathbf{p}) - \mathbf{p}^\top \mathbf{p}$ for a row $\mathbf{p}$. The first two follow by
# looking at it.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $\mathbf{v}^\top J \mathbf{v} = \sum_i p_i v_i^2 - (\sum_i p_i v_i)^2$. Which well-known quantity is that, for a
# random number that takes the value $v_i$ with probability $p_i$?
#
# </details>
#
# <details class="hint"><summary>Hint 3</summary>
#
# The gradient of the loss by the scores is $\mathbf{p} - \mathbf{y}$. Differentiate it once more.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# for seed in range(100):
#     s, v = np.random.default_rng(seed).normal(size=(2, 5))
#     jacobian, p = softmax_jacobian(s), softmax(s[None, :])[0]
#     assert np.allclose(jacobian.sum(axis=1), 0)
#     assert np.allclose(jacobian, jacobian.T)
#     variance = (p * (v - p @ v) ** 2).sum()
#     assert np.isclose(v @ jacobian @ v, variance)
# ```
#
# $\mathbf{v}^\top J \mathbf{v}$ is the variance of $v$ under $\mathbf{p}$, and a variance is never negative. The
# derivative of $\mathbf{p} - \mathbf{y}$ is $J$ itself, so the Hessian of the loss is $J$, which curves upwards or
# not at all. Scores are linear in the weights, hence the loss is convex in $W$ and $\mathbf{b}$ too: no
# valley but the lowest one.
#
# </details>
#
# (sec-linear-svm)=
# ## The multiclass support vector machine
#
# Softmax asks "how probable?". The support vector machine asks "by how much?". It wants the true class to beat
# each other class by a **margin** of at least 1, and it counts what is missing. For a picture with true class $y$,
# in the form of {cite:t}`weston1999support`:
#
# $$
# L_i = \sum_{j \ne y} \max(0,\; s_j - s_y + 1) .
# $$ (eq-linear-hinge)
#
# A rival that lags by 1 or more costs nothing. A rival that comes closer, or is ahead, costs in proportion. (Weston
# and Watkins wrote a margin of 2. The number is a matter of units: double all weights, and every margin doubles.)
# At $W = 0$ all scores are equal, each of the $C - 1$ rivals lacks the whole margin, and the loss is $C - 1$: 9 for
# ten classes.
#
# The gradient is a matter of counting. Each rival inside the margin contributes $s_j - s_y + 1$: derivative $+1$
# for $s_j$, $-1$ for $s_y$. All others contribute nothing. With the indicator $\mathbb{1}[\cdot]$ (1 if true, 0 if
# not):
#
# $$
# \begin{aligned}
# \frac{\partial L_i}{\partial s_j} &= \mathbb{1}[\,s_j - s_y + 1 > 0\,] \quad (j \ne y), \\
# \frac{\partial L_i}{\partial s_y} &= -\sum_{j \ne y} \mathbb{1}[\,s_j - s_y + 1 > 0\,] .
# \end{aligned}
# $$ (eq-linear-hinge-gradient)
#
# From the scores to the weights, nothing changes: $\partial L / \partial W = \frac1N X^\top G$, where row $n$ of $G$
# holds these derivatives. That is the beauty of the chain rule; a new loss needs a new first link only.


# %%
def svm_loss(w, b, x, labels):
    """Mean multiclass hinge loss of Weston and Watkins, with its gradients (shapes as in `softmax_loss`)."""
    s = scores(x, w, b)
    n = len(x)
    margins = s - s[np.arange(n), labels][:, None] + 1  # (N, C)
    margins[np.arange(n), labels] = 0
    loss = np.maximum(margins, 0).sum(axis=1).mean()
    g = (margins > 0).astype(float)  # 1 for each rival inside the margin
    g[np.arange(n), labels] = -g.sum(axis=1)
    return loss, x.T @ g / n, g.sum(axis=0) / n


def torch_svm(s, labels):
    """PyTorch's loss of the same name divides by the number of classes, and ours does not."""
    return F.multi_margin_loss(s, labels) * s.shape[1]


# check: eq-linear-hinge, eq-linear-hinge-gradient
checked = check_gradients(svm_loss, torch_svm, w_small, b_small, x_small, labels_small)
print(f"multiclass SVM: all {checked} entries agree with central differences and with autograd")
print(
    f"loss at W = 0 with ten classes: {svm_loss(np.zeros((7, 10)), np.zeros(10), x_small, labels_small)[0]:.0f}"
)

# %% [markdown]
# ### At the kink
#
# Where a rival lags by *exactly* 1, the maximum has a corner and no derivative. Approach the corner from the left
# and the slope is 0; from the right it is 1; central differences, which look both ways, report the mean. Any number
# between 0 and 1 is a valid **subgradient**: a line of that slope touches the curve and stays below it. Our code
# says 0 there (`margins > 0`).


# %%
def rival_cost(s_rival, s_true=2.0):
    """Cost of one rival under the hinge, with the true class at 2: the kink is at a rival's score of 1."""
    return max(0.0, s_rival - s_true + 1)


h = 1e-6
print(f"from the left:  {(rival_cost(1.0) - rival_cost(1.0 - h)) / h:.1f}")
print(f"from the right: {(rival_cost(1.0 + h) - rival_cost(1.0)) / h:.1f}")
print(f"both ways:      {(rival_cost(1.0 + h) - rival_cost(1.0 - h)) / (2 * h):.1f}")

db_kink = svm_loss(np.zeros((1, 2)), np.array([1.0, 2.0]), np.zeros((1, 1)), np.array([1]))[2]
print(f"our gradient:   {db_kink[0]:.1f}")

# %% [markdown]
# Does it matter? For training, hardly: with real numbers, landing on a kink is next to impossible. For *checking*
# it does. A gradient check that steps across a kink reports an error where there is none, which is why our check
# used random numbers (no margin is exactly 0) and a step far smaller than the distance to the nearest kink.
# Remember this when a ReLU network in chapter 5 seems to fail its check at one index in a thousand.
#
# ### Softmax or support vectors?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-losses", "caption": "Two classes: what each loss says about the lead of the true class. The 0/1 error is what we report. The hinge is satisfied at a lead of 1; cross-entropy keeps asking for more, ever more gently; the squared loss punishes a lead that is too large."}, "image": {"alt": "Four curves against the lead of the true class: a step from 1 to 0 at zero; a hinge falling in a straight line to 0 at one; the smooth cross-entropy, always positive; a parabola with its minimum at one that rises again to the right."}}
lead = np.linspace(-2.5, 3.5, 301)
zeros = np.zeros_like(lead)
fig, ax = plt.subplots(figsize=(6, 3.4))
ax.plot(lead, (lead <= 0).astype(float), color="gray", linewidth=1.5, label="0/1 error")
ax.plot(lead, np.maximum(0, 1 - lead), "-", label="hinge")
ax.plot(lead, -log_softmax(np.column_stack([lead, zeros]))[:, 0], "--", label="cross-entropy")
ax.plot(lead, (lead - 1) ** 2, ":", linewidth=2, label="squared")
ax.set(ylim=(-0.1, 4), xlabel="lead of the true class, $s_y - s_j$", ylabel="loss")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# The hinge is *content*: a picture whose margins are all met has gradient zero and is forgotten until it gets into
# trouble again. Only pictures near the walls, the support vectors, shape the templates. Cross-entropy is *never*
# content: the gradient $p - y$ shrinks but never vanishes. In return, its outputs can be read as
# probabilities, and it is smooth everywhere. In accuracy the two usually end close together, as you will
# see. Deep networks nearly always use cross-entropy, and so does this book from here on.
#
# <div class="question">
#
# **Quick question.** The scores are $(3.0,\ 2.5,\ -1.0)$ and the first class is the true one. What is the multiclass
# SVM loss?
#
# <details class="choice"><summary>0, because the true class has the highest score</summary>
#
# Winning is not enough: the second class lags by 0.5 only, and the margin asks for 1.
#
# </details>
#
# <details class="choice right"><summary>0.5</summary>
#
# Right: $\max(0, 2.5 - 3 + 1) = 0.5$ and $\max(0, -1 - 3 + 1) = 0$.
#
# </details>
#
# <details class="choice"><summary>−2.5</summary>
#
# You added $0.5$ and $-3$. A rival far behind costs nothing, but it does not earn a reward either: that is what the
# $\max(0, \cdot)$ is for.
#
# </details>
#
# <details class="choice"><summary>1.5</summary>
#
# You let the true class compete with itself: $s_y - s_y + 1 = 1$. The sum leaves out $j = y$.
#
# </details>
# </div>
#
# ### Exercise 3.5: a margin can be bought
#
# Suppose $W$, $\mathbf{b}$ give every training picture a loss of exactly 0 under {eq}`eq-linear-hinge`. Show that
# $2W$, $2\mathbf{b}$ do so too. What happens to the cross-entropy at the same time?
#
# <details class="hint"><summary>Hint 1</summary>
#
# A loss of zero means $s_y - s_j \ge 1$ for all rivals. What do the doubled weights do to the difference?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $-\log p_y = \log\bigl(1 + \sum_{j \ne y} e^{-(s_y - s_j)}\bigr)$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# x, labels = np.eye(3), np.arange(3)
# w, b = 1.5 * np.eye(3), np.zeros(3)  # each true class leads by 1.5
# assert svm_loss(w, b, x, labels)[0] == 0
# assert svm_loss(2 * w, 2 * b, x, labels)[0] == 0
# losses = [softmax_loss(k * w, k * b, x, labels)[0] for k in (1, 2, 4, 8)]
# assert all(later < earlier for earlier, later in zip(losses, losses[1:]))
# ```
#
# The hinge does not care once all margins are met: infinitely many weights are perfect. Cross-entropy prefers the
# larger ones without end. Both need someone who says "not larger than necessary"; that someone is
# regularisation, in the next chapter.
#
# </details>
#
# (sec-linear-training)=
# ## Training by gradient descent
#
# For ten classes and cross-entropy there are no normal equations. But we know the slope at every point, and a bowl
# can be descended without a map: take a small step against the gradient, look again, repeat.
#
# $$
# W \leftarrow W - \eta\, \frac{\partial L}{\partial W}, \qquad
# \mathbf{b} \leftarrow \mathbf{b} - \eta\, \frac{\partial L}{\partial \mathbf{b}} .
# $$ (eq-linear-descent)
#
# The **learning rate** $\eta$ sets the size of a step. And since the mean over 100 pictures points nearly the same
# way as the mean over 10,000, we do not wait for the whole set: each step uses the next **mini-batch** of 100, and
# one pass through all batches is an **epoch**. How to choose these numbers, and what can go wrong, is the subject of
# chapter 4. Here we need just enough to see templates emerge.


# %%
def train(x, labels, loss_and_gradients, epochs=20, batch=100, rate=0.01, seed=SEED):
    """Mini-batch gradient descent from zero; returns w, b and snapshots (step, loss, w, b) along the way."""
    w, b = np.zeros((x.shape[1], C)), np.zeros(C)
    rng = np.random.default_rng(seed)
    steps = epochs * -(-len(x) // batch)
    keep = set(np.unique(np.geomspace(1, steps, 15).astype(int)))
    snapshots, step = [], 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch):
            pick = order[start : start + batch]
            loss, dw, db = loss_and_gradients(w, b, x[pick], labels[pick])
            w -= rate * dw
            b -= rate * db
            step += 1
            if step in keep:
                snapshots.append((step, loss, w.copy(), b.copy()))
    return w, b, snapshots


def accuracy(w, b, x, labels):
    """Share of rows whose highest score belongs to the true class."""
    return (scores(x, w, b).argmax(axis=1) == labels).mean()


# %% [markdown]
# Can we trust the loop? PyTorch's `nn.Linear` is the same layer, one fully connected layer on the numbers of a
# picture, and `cross_entropy` is the same loss. Give both the same batches in the same order:

# %%
loop_dice = np.random.default_rng(SEED)
x_loop, labels_loop = loop_dice.normal(size=(60, 7)), loop_dice.integers(0, C, size=60)
w_loop, b_loop = train(x_loop, labels_loop, softmax_loss, epochs=3, batch=20, rate=0.1)[:2]

layer = nn.Linear(7, C, dtype=torch.float64)
nn.init.zeros_(layer.weight)
nn.init.zeros_(layer.bias)
order_dice = np.random.default_rng(SEED)
for _ in range(3):
    for rows in order_dice.permutation(60).reshape(3, 20):
        layer.zero_grad()
        F.cross_entropy(layer(torch.from_numpy(x_loop[rows])), torch.from_numpy(labels_loop[rows])).backward()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter -= 0.1 * parameter.grad

# check: eq-linear-descent
assert np.allclose(w_loop, layer.weight.detach().numpy().T, rtol=1e-9, atol=1e-12)
assert np.allclose(b_loop, layer.bias.detach().numpy(), rtol=1e-9, atol=1e-12)
print(f"nn.Linear's weight {tuple(layer.weight.shape)}, transposed, equals our W {w_loop.shape}")

# %% [markdown]
# Now the pictures. They are centred first: the mean training picture is subtracted (the *training* mean, from the
# test pictures too). Exercise 3.2 showed that it changes nothing about what can be learned; it only straightens
# the bowl.

# %%
mean_picture = x_train.mean(axis=0)
x_train -= mean_picture
x_test -= mean_picture

w_softmax, b_softmax, snapshots = train(x_train, y_train, softmax_loss)
print(f"first loss {snapshots[0][1]:.3f} (log {C} = {np.log(C):.3f})")
print(f"softmax: {accuracy(w_softmax, b_softmax, x_train, y_train):.1%} of training pictures right")
print(f"softmax: {accuracy(w_softmax, b_softmax, x_test, y_test):.1%} of test pictures right")

# %% [markdown]
# ### Templates emerge
#
# Now the reward. The slider runs through training; each frame shows the ten templates as they were after that many
# steps, stretched so that mid-grey is zero. The first frames are average pictures, as {eq}`eq-linear-first-step` has it, of the
# few pictures of each class in the first batches. Watch how they sharpen into what *distinguishes* a class, and how the colours of rivals
# appear as their opposites.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-emerging", "caption": "The columns of W as pictures, from the first step of training to the last. Mid-grey is zero."}, "image": {"alt": "Frames of an interactive figure: ten templates in two rows, blurred colours at first, more detailed and noisier with more steps."}}
def draw_templates(step, loss, w, b):
    """One frame: the templates after some steps, and what the frame shows in words."""
    limit, right = np.abs(w).max(), accuracy(w, b, x_test, y_test)
    title = f"step {step:,}: {right:.0%} of test pictures right"
    pictures = w.T.reshape(C, 32, 32, 3)
    fig = plots.show_images(pictures, names, columns=5, zoom=1.1, title=title, limits=(-limit, limit))
    return fig, f"Ten templates after {step:,} steps of training; loss {loss:.2f}, test accuracy {right:.0%}."


template_frames = [draw_templates(*snapshot) for snapshot in snapshots]
interactive.frames(
    [frame[0] for frame in template_frames],
    [f"{snapshot[0]:,}" for snapshot in snapshots],
    name="templates-emerge",
    alt=[frame[1] for frame in template_frames],
    description="Steps of training",
)

# %% [markdown]
# Train the support vector machine in the same way. Its gradients are larger (up to nine rivals push at once), so the
# steps are smaller:

# %%
w_svm, b_svm = train(x_train, y_train, svm_loss, rate=0.003)[:2]
agree = (
    scores(x_test, w_svm, b_svm).argmax(axis=1) == scores(x_test, w_softmax, b_softmax).argmax(axis=1)
).mean()
print(f"multiclass SVM: {accuracy(w_svm, b_svm, x_test, y_test):.1%} of test pictures right")
print(f"softmax and SVM give the same answer on {agree:.0%} of the test pictures")

# %% [markdown]
# Two different questions, nearly the same accuracy. Where they part company, both are usually unsure. What a classifier
# gets wrong is more telling than how often:

# %%
predictions = scores(x_test, w_softmax, b_softmax).argmax(axis=1)
confusion = confusion_matrix(y_test, predictions, labels=range(C))  # (C, C): row = true, column = predicted
percent = 100 * confusion / confusion.sum(axis=1, keepdims=True)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-confusion", "caption": "Confusion matrix of the softmax classifier on the test pictures: each row is a true class and adds up to 100 %. The diagonal is what went right; bright cells beside it show which classes share colours and surroundings."}, "image": {"alt": "A ten by ten matrix of percentages with true classes as rows and predictions as columns; the diagonal is the brightest, a few pairs of similar classes stand out beside it."}}
fig, ax = plt.subplots(figsize=(6.4, 5.4))
ax.imshow(percent, cmap="viridis", vmin=0)
for i, j in np.ndindex(C, C):
    color = "black" if percent[i, j] > 0.6 * percent.max() else "white"
    ax.text(j, i, f"{percent[i, j]:.0f}", ha="center", va="center", color=color, fontsize=8)
ax.set_xticks(range(C), names, rotation=45, ha="right")
ax.set_yticks(range(C), names)
ax.set(xlabel="predicted class", ylabel="true class")
ax.grid(False)
plt.show()

# %%
off_diagonal = np.where(np.eye(C, dtype=bool), 0, percent)
true, predicted = np.unravel_index(off_diagonal.argmax(), off_diagonal.shape)
assert np.isclose(np.trace(confusion) / confusion.sum(), accuracy(w_softmax, b_softmax, x_test, y_test))
print(f"best recognised: {names[percent.diagonal().argmax()]}; worst: {names[percent.diagonal().argmin()]}")
print(f"most common mistake: {names[true]} taken for {names[predicted]}")

# %% [markdown]
# ### Exercise 3.6: top-3 accuracy
#
# A prediction counts as right in the *top-k* sense if the true class is among the $k$ highest scores. Write
# `top_k_accuracy(s, labels, k)` without a loop over pictures. Large benchmarks report it with $k = 5$ because
# photographs often show more than one thing.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The true class is in the top $k$ exactly when fewer than $k$ other classes score higher.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Compare all scores with the column of true scores, `s[np.arange(len(s)), labels][:, None]`, and count.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def top_k_accuracy(s, labels, k):
#     of_truth = s[np.arange(len(s)), labels][:, None]
#     return ((s > of_truth).sum(axis=1) < k).mean()
#
#
# s_demo = np.array([[0.1, 0.5, 0.4], [0.9, 0.0, 0.1]])
# assert top_k_accuracy(s_demo, np.array([2, 1]), k=1) == 0.0
# assert top_k_accuracy(s_demo, np.array([2, 1]), k=2) == 0.5
# assert top_k_accuracy(s_demo, np.array([2, 1]), k=3) == 1.0
# ```
#
# Try it on `scores(x_test, w_softmax, b_softmax)`. With $k = 1$ it is the plain accuracy.
#
# </details>
#
# (sec-linear-pixels)=
# ## Why single pixels are a poor representation
#
# The classifier did what it could. Its trouble is what we fed it: raw pixels. Three experiments show what is wrong
# with them.
#
# ### One pixel says almost nothing
#
# A linear score is a sum of votes, one for each pixel. How much does a single voter know? Take automobiles and trucks
# once more, and look at the intensity of one pixel in both classes:

# %% mystnb={"figure": {"name": "fig-linear-pixel-histograms", "caption": "How bright is this one pixel? Automobiles and trucks give nearly the same histogram. Left: the centre of the picture. Right: the single most informative pixel of all 1,024."}, "image": {"alt": "Two pairs of overlapping histograms of pixel intensity from 0 to 1 for automobiles and trucks. In both panels the two classes overlap almost everywhere."}}
levels = np.linspace(0, 1, 33)


def best_thresholds(pixels, t):
    """For each pixel (column), the highest accuracy that any threshold on its intensity reaches."""
    best = np.zeros(pixels.shape[1])
    for level in levels:
        right = ((pixels > level) == (t[:, None] > 0)).mean(axis=0)
        best = np.maximum(best, np.maximum(right, 1 - right))
    return best


pixel_accuracy = best_thresholds(gray_train, t_train)
centre, best_pixel = 16 * 32 + 16, int(pixel_accuracy.argmax())
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9), sharey=True)
overlaps = []
for ax, pixel, title in zip(axes, (centre, best_pixel), ("centre", "most informative"), strict=True):
    shares = []
    for target, name, style in ((-1, "automobile", "-"), (1, "truck", "--")):
        values = gray_train[t_train == target, pixel]
        counts, _ = np.histogram(values, bins=levels[::2])
        shares.append(counts / counts.sum())
        ax.stairs(shares[-1], levels[::2], label=name, linestyle=style, linewidth=2)
    overlaps.append(np.minimum(*shares).sum())
    ax.set(xlabel="intensity", title=f"{title} (row {pixel // 32}, column {pixel % 32})")
axes[0].set_ylabel("share of pictures")
axes[0].legend()
plt.show()

# %%
print(f"overlap of the histograms: centre {overlaps[0]:.0%}, most informative pixel {overlaps[1]:.0%}")
print(f"right by one pixel: typically {np.median(pixel_accuracy):.0%}, at best {pixel_accuracy.max():.0%}")

# %% [markdown]
# A typical pixel is barely better than a coin, and no pixel is good. A face, a wheel or a wing is a
# *pattern of many pixels*, and its pixels can be anywhere.
#
# ### A linear classifier does not know what a neighbourhood is
#
# Take all pictures and shuffle their pixels, every picture in the same way. To us, everything is lost:

# %%
shuffle = np.random.default_rng(SEED).permutation(D)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-shuffled", "caption": "Above: test pictures. Below: the same pictures with their numbers shuffled, each in the same order. We recognise nothing any more; the linear classifier notices no difference."}, "image": {"alt": "Two rows of eight small pictures. The upper row shows objects, the lower row coloured noise."}}
fig, axes = plt.subplots(2, 8, figsize=(7.5, 2.2))
for column, n in enumerate(range(8)):
    picture = x_test[n] + mean_picture
    axes[0, column].imshow(picture.reshape(32, 32, 3).clip(0, 1))
    axes[1, column].imshow(picture[shuffle].reshape(32, 32, 3).clip(0, 1))
for ax in axes.flat:
    ax.axis("off")
plt.show()


# %%
def softmax_loss_shuffled(w, b, x, labels):
    """The loss and gradients of `softmax_loss`, for pictures whose pixels are shuffled first."""
    return softmax_loss(w, b, x[:, shuffle], labels)


w_plain, b_plain = train(x_train, y_train, softmax_loss, epochs=3)[:2]
w_shuffled, b_shuffled = train(x_train, y_train, softmax_loss_shuffled, epochs=3)[:2]
answers_plain = scores(x_test, w_plain, b_plain).argmax(axis=1)
answers_shuffled = scores(x_test[:, shuffle], w_shuffled, b_shuffled).argmax(axis=1)
same = (answers_plain == answers_shuffled).mean()

assert np.allclose(w_shuffled, w_plain[shuffle], rtol=1e-6, atol=1e-9)
assert same > 0.999
print("trained on shuffled pixels: the same weights, shuffled")
print(f"the same prediction on {same:.0%} of the test pictures")

# %% [markdown]
# The reason is in the formula: a sum does not depend on the order of its terms. Shuffle the pixels and the rows of $W$
# alike, and $\sum_d x_d W_{dc}$ stays what it was; starting from zero, gradient descent makes the same steps. So the
# classifier cannot have used the one thing that makes a picture a picture: that some pixels are *next to* each
# other. Whatever it knows, it would know of coloured noise.
#
# <div class="question">
#
# **Quick question.** Would the nearest neighbour classifier of chapter 2 notice the shuffling?
#
# <details class="choice"><summary>Yes, because distances between pictures change</summary>
#
# They do not. L1 and L2 distances are sums over pixels too, and every picture is shuffled alike.
#
# </details>
#
# <details class="choice right"><summary>No: every distance stays the same</summary>
#
# Right. It is as blind to neighbourhood as the linear classifier. The first classifier in this book that does notice is
# the convolutional network.
#
# </details>
#
# <details class="choice"><summary>Only for k = 1</summary>
#
# The number of neighbours does not matter: the distances are the same, hence their order, hence the vote for every $k$.
#
# </details>
# </div>
#
# ### One pixel to the side
#
# The converse is as bad. Move a picture a little, and nothing changes for us; but every pixel now meets a
# weight that was meant for its neighbour. The noisy template of {numref}`fig-linear-lsq-template` suffers most, because its
# weights change sign from one pixel to the next.


# %%
def shift(images, dx):
    """Pictures (N, H, W, ...) moved dx pixels to the right (negative: left); the border column is repeated."""
    columns = np.clip(np.arange(images.shape[2]) - dx, 0, images.shape[2] - 1)
    return images[:, :, columns]


gray_pictures = gray_test.reshape(-1, 32, 32)
shifts = np.arange(-6, 7)
shifted_scores = np.stack(
    [with_ones(shift(gray_pictures, dx).reshape(-1, 1024)) @ w_lsq for dx in shifts]
)  # (13, n)
shifted_accuracy = (np.sign(shifted_scores) == t_test).mean(axis=1)
changed = (np.sign(shifted_scores) != np.sign(shifted_scores[6])).mean(axis=1)
assert np.isclose(shifted_accuracy[6], sign_accuracy(w_lsq, a_test, t_test))
print(f"moved by one pixel, the classifier changes its mind on {changed[[5, 7]].mean():.0%} of the pictures")


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-shift", "caption": "Move a truck sideways. To us it is the same truck in every frame; to a classifier on single pixels it is another point in space. Right: over all test pictures, how many decisions differ from those without the move."}, "image": {"alt": "Frames of an interactive figure: a grey truck at several places, its score against the shift, and the share of changed decisions against the shift."}}
def draw_shift(k, example):
    """One frame: a truck moved by shifts[k], its score, and the share of changed decisions."""
    fig, (left, middle, right) = plt.subplots(
        1, 3, figsize=(8.5, 2.8), width_ratios=[1, 1.2, 1.4], layout="none"
    )
    fig.subplots_adjust(left=0.01, right=0.98, bottom=0.2, top=0.88, wspace=0.25)
    left.imshow(shift(gray_pictures[example : example + 1], shifts[k])[0], cmap="gray", vmin=0, vmax=1)
    left.set_title(f"moved by {shifts[k]:+d}", fontsize=11)
    left.axis("off")
    middle.axhline(0, color="black", linewidth=0.8)
    middle.plot(shifts, shifted_scores[:, example], "o-", markersize=3)
    middle.plot(shifts[k], shifted_scores[k, example], "ko")
    middle.set(title="score of this truck", xlabel="pixels to the right")
    right.plot(shifts, 100 * changed, "o-", markersize=3)
    right.plot(shifts[k], 100 * changed[k], "ko")
    right.set(title="changed decisions in %", xlabel="pixels to the right", ylim=(-2, 60))
    return fig


example = int(np.flatnonzero((t_test > 0) & (shifted_scores[6] > 0))[0])
interactive.frames(
    [draw_shift(place, example) for place in range(len(shifts))],
    [f"{pixels:+d}" for pixels in shifts],
    name="shifted-truck",
    alt=[
        f"A truck moved by {pixels:+d} pixels: score {shifted_scores[place, example]:+.2f}; over all test pictures "
        f"{changed[place]:.0%} of the decisions differ from those without the move."
        for place, pixels in enumerate(shifts)
    ],
    description="Pixels to the right",
)

# %% [markdown]
# Put together: the representation keeps what should not matter (the exact place) and throws away what should
# (who is whose neighbour). The remedy is a representation made of *local patterns that may occur anywhere*. Designing
# such features by hand was the craft of computer vision for decades; chapter 7's networks learn them.
#
# (sec-linear-limits)=
# ## What no linear classifier can do
#
# ### Two modes, one template
#
# A car may face left or right. Both are cars, but a class has only *one* template. What does it do? Take cars and trucks,
# add the mirror image of each, and train a softmax on the enlarged set. By symmetry the outcome is
# forced: from zero, on a set that equals its own mirror image, every gradient is its own mirror image, and so is the
# template.

# %% mystnb={"figure": {"name": "fig-linear-two-modes", "caption": "Left: a car, its mirror image and the half-and-half blend of both. Right: the template for car against truck after training on pictures and mirror images. It is exactly symmetric: a car that faces both ways, and neither."}, "image": {"alt": "Four grey pictures: a car, the same car mirrored, a ghostly overlay of the two, and a smooth template that is symmetric about its vertical axis."}}
pictures = gray_train.reshape(-1, 32, 32)
both_ways = np.concatenate([pictures, pictures[:, :, ::-1]]).reshape(-1, 1024)
both_ways -= both_ways.mean(axis=0)
both_labels = np.tile((t_train > 0).astype(int), 2)

w_mirror, b_mirror = np.zeros((1024, 2)), np.zeros(2)
for _ in range(60):  # full-batch steps: the whole set at once
    slope = softmax_loss(w_mirror, b_mirror, both_ways, both_labels)[1:]
    w_mirror, b_mirror = w_mirror - 0.02 * slope[0], b_mirror - 0.02 * slope[1]

template = (w_mirror[:, 0] - w_mirror[:, 1]).reshape(32, 32)
car = pictures[np.flatnonzero(t_train < 0)[5]]
blend = 0.5 * car + 0.5 * car[:, ::-1]
fig, axes = plt.subplots(1, 4, figsize=(7.5, 2.3))
for ax, picture, title in zip(axes, (car, car[:, ::-1], blend), ("a car", "mirrored", "blend"), strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=11)
limit = np.quantile(np.abs(template), 0.98)
axes[3].imshow(template, cmap="gray", vmin=-limit, vmax=limit)
axes[3].set_title("template", fontsize=11)
for ax in axes:
    ax.axis("off")
plt.show()

# %%
assert np.allclose(template, template[:, ::-1], rtol=1e-6, atol=1e-9)
s_car, s_mirrored, s_blend = (
    scores(picture.reshape(1, -1), w_mirror, b_mirror) for picture in (car, car[:, ::-1], blend)
)
assert np.allclose(s_car, s_mirrored)
assert np.allclose(s_blend, (s_car + s_mirrored) / 2)
print("the template equals its mirror image")
print("the ghostly blend scores exactly as high as either car")

# %% [markdown]
# The second line is the convexity from the geometric view. The classifier *must* take the ghost for as good a car as the
# two real ones, since a blend's score is the blend of the scores. A class with two modes needs two templates and an "or",
# and that is more than a sum can give.
#
# ### XOR
#
# The smallest problem of this kind has four points. $x_1$ XOR $x_2$ is true if exactly one of the two is 1. Suppose a score
# $s = w_1 x_1 + w_2 x_2 + b$ were positive exactly where XOR is true. Then
#
# $$
# \underbrace{w_1 + b > 0}_{(1, 0)}, \qquad \underbrace{w_2 + b > 0}_{(0, 1)}, \qquad
# \underbrace{b < 0}_{(0, 0)}, \qquad \underbrace{w_1 + w_2 + b < 0}_{(1, 1)} .
# $$
#
# Add the first two: $w_1 + w_2 + 2b > 0$. Add the last two: $w_1 + w_2 + 2b < 0$. Contradiction; no line does it. Least
# squares knows this too and answers with a shrug, the same score for all four. One extra *feature*, the product $x_1 x_2$,
# lifts the problem into three dimensions, where a plane solves it:

# %%
corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = np.array([-1.0, 1.0, 1.0, -1.0])
w_xor = np.linalg.lstsq(with_ones(corners), xor, rcond=None)[0]
assert np.allclose(w_xor, 0)

with_product = np.column_stack([corners, corners[:, 0] * corners[:, 1]])
w_lifted = np.linalg.lstsq(with_ones(with_product), xor, rcond=None)[0]
assert np.allclose(with_ones(with_product) @ w_lifted, xor)
print("two inputs: all weights 0, nothing decided")
print(
    "with the product as a third:", ", ".join(f"{value:+.0f}" for value in w_lifted), "(the last is the bias)"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-xor", "caption": "XOR. No straight line parts the triangles from the circles. With the product as a third input a plane does it; seen from above, it crosses zero along two lines and cuts the square into four fields."}, "image": {"alt": "Four points at the corners of a square, circles on one diagonal and triangles on the other; two crossing lines cut the square into four fields, grey around the circles and white around the triangles."}}
xs, ys = np.meshgrid(np.linspace(-0.4, 1.4, 200), np.linspace(-0.4, 1.4, 200))
lifted = np.column_stack([xs.ravel(), ys.ravel(), (xs * ys).ravel()])
surface = (with_ones(lifted) @ w_lifted).reshape(xs.shape)
fig, ax = plt.subplots(figsize=(3.6, 3.6))
ax.contourf(xs, ys, surface, levels=[-9, 0, 9], colors=["0.85", "white"])
ax.contour(xs, ys, surface, levels=[0], colors="black", linewidths=1.5)
for target, marker, color in ((-1, "o", "C0"), (1, "^", "C1")):
    ax.scatter(*corners[xor == target].T, s=110, marker=marker, color=color)
ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xticks=[0, 1], yticks=[0, 1])
ax.grid(False)
plt.show()

# %% [markdown]
# So the linear classifier is not weak because it is linear *in the weights*, but because it is linear in the *pixels*.
# Give it better inputs and it can do nearly everything: the last layer of almost every network in this book is exactly the
# classifier of this chapter, working on features that the layers before it have learned.
#
# (sec-linear-real)=
# ## On real photographs
#
# The experiments above ran on the course's own pictures, so that everything on this page is computed while you watch. The
# same experiments on real data take longer and are recorded, with seeds, versions and hardware. First the headline of
# the source lecture: car against truck by least squares on grayscale pixels, 10,000 training and 2,000 test pictures of
# CIFAR-10 {cite:p}`krizhevsky2009learning`.

# %%
lsq = results.load("car_truck_least_squares")
ours = lsq["metrics"]
rows = [
    ["source lecture", "72 %", "63 %"],
    ["this course", results.percent(ours["train_accuracy"]), results.percent(ours["test_accuracy"])],
]
print(results.table(rows, ["car against truck, least squares", "training", "test"]))
print()
print(fill(results.provenance(lsq), 75))

# %% [markdown]
# The figures agree with the source's to within a point, on a copy of the pictures that was compressed once more. Ten
# thousand pictures for 1,025 unknowns leave little room for memorising: training and test accuracy have come closer to
# each other than in {numref}`fig-linear-lsq-curve`. And still, one picture in three is wrong. Compression and more data do not
# change the verdict on single pixels.
#
# Next, all ten classes, for both losses, on three data sets:

# %%
rows = []
for name, source in (("mnist_linear", "88.0 %"), ("fashion_mnist_linear", "84.2 %"), ("cifar10_linear", "–")):
    recorded = results.load(name)
    for loss_name, title in (("softmax", "softmax"), ("svm", "SVM")):
        measured = recorded["metrics"][loss_name]
        rows.append(
            [
                f"{recorded['dataset']}, {title}",
                results.percent(measured["train_accuracy"]),
                results.percent(measured["test_accuracy"]),
                source,
            ]
        )
print(results.table(rows, ["on raw pixels", "training", "test", "published"]))
print()
print(fill(results.provenance(recorded), 75))

# %% [markdown]
# The published figures: {cite:t}`lecun1998gradient` report 12 % error for a linear classifier on MNIST, trained
# differently; {cite:t}`xiao2017fashion` report 84.2 % for logistic regression on Fashion-MNIST. Read the table downwards.
# Digits are centred, of one size and bright on black: pixel by pixel they can be compared, and templates nearly
# suffice. Clothes are harder. Photographs, where the object may be anywhere, in any pose and light, are where
# templates fail: six in ten are wrong. It is not the learner that got worse from row to row; it is the pixels that say less.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-linear-cifar-templates", "caption": "Templates of the softmax classifier trained on all 50,000 training pictures of CIFAR-10. Little but colour can be read in them: bluish edges for airplane and ship, a yellow-green blob for frog, something red over something bluish for automobile. The rest is noise: with nothing to hold them back, the weights of single pixels follow the accidents of the training set."}, "image": {"alt": "Ten noisy coloured templates in two rows; faint blobs of colour in the middle of automobile, frog and horse, bluish tints at the edges of airplane and ship."}}
with np.load(results.results_dir() / "cifar10_linear_templates.npz") as arrays:
    templates = arrays["softmax"].astype(np.float32)  # (10, 32, 32, 3)
limit = float(np.quantile(np.abs(templates), 0.995))
plots.show_images(templates, class_names("cifar10"), columns=5, zoom=1.1, limits=(-limit, limit))

# %% [markdown]
# ## What to remember
#
# 1. A linear classifier keeps one template and one bias per class; the score is their inner product with the picture, and
#    the walls between classes are flat.
# 2. Softmax turns scores into probabilities (subtract the maximum first), cross-entropy charges $-\log p_c$: 2.3 for
#    a guess among ten, 0.1 for a confident 0.9, infinitely much for certainty in the wrong place.
# 3. The gradient by the scores is *prediction minus truth*, and $\partial L/\partial W = \frac1N X^\top(P - Y)$: add what was
#    missed, subtract what was confused.
# 4. The multiclass SVM is content once each margin is met, cross-entropy never is; their accuracies are close.
# 5. Raw pixels are the bottleneck: no notion of neighbourhood, no tolerance for a shift, one template for all the ways a
#    class can look.
#
# ## Pitfalls
#
# - **Softmax without subtracting the maximum** works in every small example and gives `nan` in the first long training run.
#   Never take the logarithm of a softmax; use log-sum-exp.
# - **Softmax twice.** PyTorch's `cross_entropy` expects *scores* and applies the softmax itself. Feeding it
#   probabilities raises no error; it merely learns badly.
# - **The wrong axis.** A softmax over the batch instead of over the classes still gives positive numbers that sum to one.
#   Check that each *row* sums to one.
# - **Sum or mean.** A loss summed over the batch has a gradient $N$ times as large, and the learning rate that worked at batch
#   size 10 explodes at 100.
# - **Centring with the test set's own mean**, or with the mean of all data: the test pictures then had a part in training.
# - **Checking gradients in float32, or across a kink.** Check in float64 with a step around $10^{-5}$, at every index, not at
#   one.
# - **Judging a fit by its training accuracy** when there are as many unknowns as pictures: it could not have been anything
#   but perfect.
#
# ## History and further reading
#
# Least squares is older than photography: {cite:t}`legendre1805nouvelles` published it for the orbits of comets.
# {cite:t}`fisher1936use` used a linear function of four measurements to tell species of iris apart, which
# many take for the beginning of linear classification. {cite:t}`cox1958regression` made the logistic curve a regression for yes-or-no data, in
# the same year in which {cite:t}`rosenblatt1958perceptron` presented the perceptron, a linear classifier that learns from its
# mistakes one example at a time. {cite:t}`minsky1969perceptrons` proved what such units cannot compute, XOR's relatives among
# it. {cite:t}`bridle1990probabilistic` gave the softmax its name and its place at the end of a network. Support vector machines
# {cite:p}`cortes1995support` began with two classes; {cite:t}`weston1999support` extended them to many with the sum
# over rivals used here, and {cite:t}`crammer2001algorithmic` with only the strongest rival.
#
# For a longer treatment read chapter 4 of {cite:t}`bishop2006pattern`, where least squares, Fisher's discriminant, the
# perceptron and logistic regression stand side by side, and chapter 4 of {cite:t}`hastie2009elements`, which compares them as
# statistics. What linear classifiers reach on handwritten digits, beside everything that came after, is in
# {cite:t}`lecun1998gradient`.
#
# ## Your turn: assignment 1
#
# Assignment `ps1_first_classifiers` practises chapters 2 and 3. It asks for *variations* of what you met here, so reading again
# will help you and copying will not. Open `assignments/ps1_first_classifiers/ps1_first_classifiers.ipynb` in JupyterLab and
# check your answers as you go with `course check ps1`; the page [for students](../book/students.md) says how it works.
#
# Next comes chapter 4, which asks how to keep weights small, how to choose the learning rate, and how to notice that a
# classifier has begun to memorise.
