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
# (chap-regularisation)=
# # Regularisation and optimisation
#
# Two questions were left open: which of the many weights that fit should we want, and how do we get
# there? This chapter answers both, and shows how to notice that a classifier has begun to memorise.
#
# **What you will be able to do**
#
# 1. write down the full loss, data term plus penalty, and say what L1, L2 and elastic net each ask for;
# 2. derive the penalties' gradients, use a subgradient where there is none, and derive the soft threshold;
# 3. solve ridge regression in one line, read it as shrinking, and choose its strength on validation pictures;
# 4. recognise underfitting and overfitting from curves, and the early signs of the second;
# 5. predict from the curvature which learning rates work, how fast, and why the path zigzags;
# 6. show that a mini-batch gradient is right on average, and how its noise depends on the batch size;
# 7. train with mini-batches, find a learning rate by a sweep, and explain weight decay.
#
# **What you need**: [chapter 3](03_linear_classifiers.ipynb) (softmax, cross-entropy, least squares, their gradients),
# eigenvalues of symmetric matrices, mean and variance.

# %%
from course_utils import results

print(results.run_time_note("04_regularisation_and_optimisation"))

# %%
from itertools import combinations
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import ElasticNet, Ridge
from torch.nn import functional as F

from course_utils import interactive, plots
from course_utils.data import class_names, load, to_grayscale, train_validation_split
from course_utils.gradcheck import numerical_gradient
from course_utils.linear import accuracy, log_softmax, scores, softmax, softmax_loss

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# `softmax_loss` and `numerical_gradient` are the functions that you built in chapter 3, now imported. The pictures are split
# in three as always: we learn from the first part, make every choice on the second, and look at the test set once.

# %%
names = class_names(DATASET)
C = len(names)
pool_images, pool_labels = load(DATASET, "train", n=10_000)  # (N, H, W, 3) uint8 and (N,) int64
train_images, y_train, val_images, y_val = train_validation_split(
    pool_images, pool_labels, validation=0.3, seed=SEED
)
test_images, y_test = load(DATASET, "test", n=2_000)


def as_rows(images):
    """Pictures (N, H, W, channels) as rows (N, D) of numbers between 0 and 1."""
    return images.reshape(len(images), -1) / 255.0


x_train, x_val = as_rows(train_images), as_rows(val_images)
mean_picture = x_train.mean(axis=0)
x_train -= mean_picture
x_val -= mean_picture
D = x_train.shape[1]
print(f"{len(x_train):,} pictures to learn from, {len(x_val):,} to choose with, {len(y_test):,} to test")

# %% [markdown]
# (sec-reg-memorise)=
# ## A classifier that memorises
#
# Begin with an experiment. Give the softmax classifier of chapter 3 only 500 training pictures, and train it for a long time. Every
# picture has 3,072 numbers, so the classifier has 30,730 weights and biases to adjust: sixty for each picture.
#
# The training loop is chapter 3's with two additions. It can hold the weights back by a number called `penalty` (zero for now; the
# next section says what it does), and it notes now and then how things stand.


# %%
def watch(w, b):
    """What we note now and then: loss and accuracy on both sets, and the length of the weights."""
    noted = {"length of W": np.linalg.norm(w)}
    for part, x, labels in (("training", x_few, y_few), ("validation", x_some, y_some)):
        s = scores(x, w, b)
        noted[f"{part} loss"] = -log_softmax(s)[np.arange(len(x)), labels].mean()
        noted[f"{part} accuracy"] = (s.argmax(axis=1) == labels).mean()
    return noted


def train(x, labels, epochs, batch, rate, penalty=0.0, note=None, every=1, seed=SEED):
    """Mini-batch gradient descent from zero; returns w, b and what `note(w, b)` said every few epochs."""
    w, b = np.zeros((x.shape[1], C)), np.zeros(C)
    rng = np.random.default_rng(seed)
    notes = []
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        for first in range(0, len(x), batch):
            pick = order[first : first + batch]
            _, dw, db = softmax_loss(w, b, x[pick], labels[pick])
            w -= rate * (dw + penalty * w)
            b -= rate * db
        if note is not None and epoch % every == 0:
            notes.append(note(w, b))
    return w, b, notes


x_few, y_few = x_train[:500], y_train[:500]
x_some, y_some = x_val[:1000], y_val[:1000]  # enough to see the curves, and less to compute
recipe = {"epochs": 200, "batch": 100, "rate": 0.1, "note": watch, "every": 4}
w_free, b_free, free = train(x_few, y_few, **recipe)

# %% mystnb={"figure": {"name": "fig-reg-memorise", "caption": "Softmax on 500 pictures, without any penalty. On the training pictures everything improves for ever. On validation pictures the accuracy stalls early, and the loss turns round and climbs. All the while the weights grow."}, "image": {"alt": "Three panels against the epoch. Loss: the training curve falls steadily, the validation curve falls at first, soon turns and rises. Accuracy: training climbs towards 100 percent, validation stays near a third. Length of W: rises throughout."}}
epochs = np.arange(4, 201, 4)


def curve(notes, key):
    """One quantity of the notes, one value for each of the epochs."""
    return np.array([note[key] for note in notes])


fig, axes = plt.subplots(1, 3, figsize=(8.6, 2.9))
for ax, quantity in zip(axes, ("loss", "accuracy"), strict=False):
    ax.plot(epochs, curve(free, f"training {quantity}"), "-", label="training")
    ax.plot(epochs, curve(free, f"validation {quantity}"), "--", label="validation")
    ax.set(title=quantity, xlabel="epoch")
axes[0].axhline(np.log(C), color="gray", linewidth=1, linestyle=":")
axes[0].text(200, np.log(C), "guessing", ha="right", va="bottom", fontsize=8)
axes[0].set_ylim(0, 2.6)
axes[1].legend(fontsize=9, loc="center right")
axes[2].plot(epochs, curve(free, "length of W"))
axes[2].set(title="length of W", xlabel="epoch")
plt.show()

# %%
turn = int(epochs[curve(free, "validation loss").argmin()])
keys = ("training loss", "validation loss", "training accuracy", "validation accuracy", "length of W")
rows = [
    [str(epoch), *(f"{free[epoch // 4 - 1][key]:.2f}" for key in keys)]
    for epoch in sorted({4, turn, 52, 100, 200})
]
print(results.table(rows, ["epoch", "loss train", "loss val", "acc. train", "acc. val", "length of W"]))

# %% [markdown]
# At the end the classifier knows nearly all 500 pictures by heart, and on new pictures its *loss* has gone back most of the way to that
# of pure guessing. It has not become more ignorant, the accuracy says; it has become more **sure of itself where it is wrong**. Chapter 3's
# exercise 3.5 said why it must: once most training pictures are on the right side, cross-entropy can always be lowered by making all
# weights larger, and larger weights mean louder scores on every picture, right or wrong.
#
# Fitting the accidents of the training set is called **overfitting**. Its early signs, roughly in the order in which the figure shows them:
#
# - the gap between training and validation loss opens while both still fall;
# - the validation *loss* stops falling and turns, often long before the accuracy shows anything;
# - the length of the weights keeps growing with no end in sight;
# - mistakes on new pictures are made with ever more confidence.
#
# The last one can be counted. How sure is the classifier of its wrong answers?

# %%
w_early, b_early, _ = train(x_few, y_few, epochs=turn, batch=100, rate=0.1)
for name, w, b in ((f"epoch {turn}", w_early, b_early), ("epoch 200", w_free, b_free)):
    p = softmax(scores(x_some, w, b))
    wrong = p.argmax(axis=1) != y_some
    print(f"{name}: {p.max(axis=1)[wrong].mean():.0%} sure of its wrong answers, on average")

# %% [markdown]
# There are three remedies. More pictures are the best and the most expensive. Stopping early is the cheapest; exercise 4.4 shows what
# it does, and chapter 9 does it properly. The third is to tell the classifier in advance that weights cost something.
#
# <div class="question">
#
# **Quick question 1.** Training loss 0.31, validation loss 2.23, both measured after epoch 200. Which step is *least* likely to help?
#
# <details class="choice"><summary>Collecting more training pictures</summary>
#
# That is the surest remedy. With more pictures there are fewer accidents to learn per weight.
#
# </details>
#
# <details class="choice"><summary>Going back to the weights of the epoch with the lowest validation loss</summary>
#
# It helps, and it costs nothing: those weights were better on new pictures than the last ones.
#
# </details>
#
# <details class="choice right"><summary>Training for another 200 epochs</summary>
#
# Right. The training loss would go on falling, and the validation loss would go on rising. The problem is not that the training set is
# fitted too badly.
#
# </details>
# </div>
#
# (sec-reg-penalty)=
# ## The full loss
#
# Say it in the loss function. Keep the mean loss over the pictures, now called the **data term**, and add a price for the weights:
#
# $$
# L(W, \mathbf{b}) = \underbrace{\frac1N \sum_{n=1}^{N} L_n(W, \mathbf{b})}_{\text{data term: fit the pictures}}
#   + \underbrace{\lambda\, R(W)}_{\text{penalty: stay simple}} .
# $$ (eq-reg-full)
#
# $R(W)$ measures how extravagant the weights are and knows nothing of the pictures. $\lambda \ge 0$ says how much that matters: it is the
# **regularisation strength**, a hyperparameter like chapter 2's $K$. With $\lambda = 0$ we are back where we were; with a huge
# $\lambda$ the classifier doesn't listen to the pictures at all. Three penalties are in common use:
#
# $$
# \begin{aligned}
# R_2(W) &= \tfrac12 \sum_{d,c} W_{dc}^2, \\
# R_1(W) &= \sum_{d,c} |W_{dc}|, \\
# R_{\text{net}}(W) &= \alpha R_1(W) + (1 - \alpha) R_2(W) .
# \end{aligned}
# $$ (eq-reg-penalties)
#
# They are called **L2** (also *ridge*, or *weight decay*, for a reason we come to), **L1** (*lasso*) and **elastic net**, with a mix $0 \le
# \alpha \le 1$. Only the weights are charged, not the bias: a bias merely says how common a class is, and there is nothing
# extravagant about being common.
#
# ```{note}
# The factor ½ is a convenience: it makes the gradient $W$ and not $2W$, and it is what `weight_decay` means in PyTorch. Many courses
# write $R(W) = \sum W_{dc}^2$ and, for elastic net, $\sum \beta W_{dc}^2 + |W_{dc}|$. Those are the same penalties with other units
# for $\lambda$. When you copy a value of $\lambda$ from somewhere, look up which form it belongs to.
# ```
#
# What does a penalty prefer? Take a "picture" of four pixels, all 1, and two weight vectors that give it the same score:

# %%
x_ones = np.ones(4)
one_pixel, all_pixels = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.25, 0.25, 0.25, 0.25])


def r1(w):
    """L1 penalty: the sum of the sizes."""
    return np.abs(w).sum()


def r2(w):
    """L2 penalty: half the sum of the squares."""
    return 0.5 * (w**2).sum()


def r_net(w, alpha):
    """Elastic net: a mix of both."""
    return alpha * r1(w) + (1 - alpha) * r2(w)


for name, w in (("one pixel", one_pixel), ("all pixels", all_pixels)):
    print(
        f"{name:>10}: score {x_ones @ w:.2f}, R1 = {r1(w):.3f}, R2 = {r2(w):.3f}, "
        f"elastic net with alpha 0.5: {r_net(w, 0.5):.4f}"
    )

# check: eq-reg-penalties
assert np.isclose(r2(one_pixel), 0.5) and np.isclose(r2(all_pixels), 0.125)
assert np.isclose(r1(one_pixel), 1.0) and np.isclose(r1(all_pixels), 1.0)
assert np.isclose(r_net(all_pixels, 0.5), 0.5 * 1.0 + 0.5 * 0.125)

# %% [markdown]
# L2 wants the evidence spread over many pixels, a little from each. That is a sensible thing to want of pictures: whoever relies on one pixel is
# lost when a fly sits on it. L1 does not mind which of the two it gets. As soon as one pixel is slightly better than the others, it
# prefers to use that one alone; we shall see it discard whole regions of a picture.
#
# ### Why there is suddenly a bottom
#
# Here is the smallest example of the trouble and of its cure: one picture, one weight, two classes, a lead of $w$ for the true class. The
# cross-entropy is $\log(1 + e^{-w})$, which falls for ever. Add $\frac\lambda2 w^2$, and there is exactly one lowest point, where
# the two slopes cancel:
#
# $$
# \lambda\, w^* = \frac{1}{1 + e^{w^*}} .
# $$ (eq-reg-one-weight)
#
# The left side is a rising line and the right side a falling curve, so they meet once. The smaller $\lambda$, the further out they meet.


# %%
def one_weight_loss(w, strength):
    """Cross-entropy of a lead w of the true class, with an L2 penalty."""
    return np.log1p(np.exp(-w)) + strength * 0.5 * w**2


def balance(strength, low=0.0, high=100.0):
    """Find the w at which the pull of the data equals the pull of the penalty, by bisection."""
    for _ in range(200):
        w = (low + high) / 2
        pull = 1 / (1 + np.exp(w)) - strength * w
        low, high = (w, high) if pull > 0 else (low, w)
    return w


axis = np.linspace(-1, 12, 1301)
# check: eq-reg-one-weight
for strength in (0.001, 0.01, 0.1, 1.0):
    w_star = balance(strength)
    slope = numerical_gradient(lambda w, s=strength: one_weight_loss(w, s), np.array(w_star))
    assert abs(slope) < 1e-8 and (one_weight_loss(axis, strength) >= one_weight_loss(w_star, strength)).all()
    print(f"strength {strength:5.3f}: lowest at w = {w_star:.2f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-bottom", "caption": "One weight, one picture. Without a penalty (λ = 0) the loss falls for ever and the best weight is infinite. Any positive λ puts a bottom under it; the dots mark it. The larger λ, the smaller the weight."}, "image": {"alt": "Four curves against one weight. The one for strength 0 falls towards zero and never turns. The other three turn upwards, the larger the strength the earlier, with a dot at the lowest point of each."}}
fig, ax = plt.subplots(figsize=(6, 3.2))
for strength, style in ((0.0, "-"), (0.01, "--"), (0.1, "-."), (1.0, ":")):
    ax.plot(axis, one_weight_loss(axis, strength), style, label=f"λ = {strength:g}")
    if strength:
        ax.plot(balance(strength), one_weight_loss(balance(strength), strength), "ko", markersize=5)
ax.set(xlabel="weight w", ylabel="full loss", ylim=(0, 2), xlim=(-1, 12))
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# ### The gradients of the penalties
#
# Differentiate {eq}`eq-reg-penalties` one weight at a time. No weight appears in another's term, so there are no sums to untangle:
#
# $$
# \begin{aligned}
# \frac{\partial R_2}{\partial W_{dc}} &= W_{dc}, \\
# \frac{\partial R_1}{\partial W_{dc}} &= \operatorname{sign}(W_{dc}) \quad (W_{dc} \ne 0), \\
# \frac{\partial R_{\text{net}}}{\partial W} &= \alpha \operatorname{sign}(W) + (1 - \alpha)\, W .
# \end{aligned}
# $$ (eq-reg-gradients)
#
# Read them as forces that pull each weight home. L2 is a spring: the farther away, the stronger the pull; close to zero it hardly pulls at
# all. L1 pulls with the same strength wherever the weight is, however small. That is all the difference, and it will make
# weights exactly zero.
#
# The gradient of a sum is the sum of the gradients, so the full loss needs only one more line:


# %%
def full_loss(w, b, x, labels, strength, alpha):
    """Mean cross-entropy plus an elastic-net penalty, with the gradients (0 as L1's at weights of zero)."""
    data, dw, db = softmax_loss(w, b, x, labels)
    loss = data + strength * r_net(w, alpha)
    return loss, dw + strength * (alpha * np.sign(w) + (1 - alpha) * w), db


dice = np.random.default_rng(SEED)
x_small, labels_small = dice.normal(size=(6, 7)), np.array([0, 3, 1, 1, 4, 2])
w_small, b_small = dice.normal(size=(7, 5)), dice.normal(size=5)

# check: eq-reg-full, eq-reg-gradients
for mix in (0.0, 0.3, 1.0):  # L2, elastic net, L1
    given = (b_small, x_small, labels_small, 0.2, mix)
    loss, dw, db = full_loss(w_small, *given)
    wt, bt = torch.tensor(w_small, requires_grad=True), torch.tensor(b_small, requires_grad=True)
    value = F.cross_entropy(torch.tensor(x_small) @ wt + bt, torch.tensor(labels_small))
    value = value + 0.2 * (mix * wt.abs().sum() + (1 - mix) * 0.5 * wt.square().sum())
    value.backward()

    assert np.isclose(loss, value.item(), rtol=1e-12)
    assert np.allclose(dw, numerical_gradient(lambda w, g=given: full_loss(w, *g)[0], w_small), rtol=1e-6)
    assert np.allclose(dw, wt.grad.numpy(), rtol=1e-10) and np.allclose(db, bt.grad.numpy(), rtol=1e-10)
print(f"all {dw.size + db.size} entries agree with central differences and with autograd, for three mixes")

# %% [markdown]
# Does it help? Train on the same 500 pictures again, now with an L2 penalty of two strengths. (`train` has been adding `penalty * w` to the gradient all the time.)

# %% mystnb={"figure": {"name": "fig-reg-tamed", "caption": "The 500 pictures again, with L2 penalties. The larger λ, the worse the training pictures are fitted. The validation loss (note its axis) no longer climbs: with λ = 0.1 it stays near its lowest value however long training goes on. With λ = 1 the penalty is too strong, and both losses are high."}, "image": {"alt": "Two panels of loss against the epoch for strengths 0, 0.1 and 1. Training loss: the curve without penalty falls lowest, the others level off, the stronger the earlier. Validation loss: the curve without penalty turns and climbs; strength 0.1 stays flat near the lowest value, strength 1 stays flat higher up."}}
tamed = {0.0: (w_free, b_free, free)}
for strength in (0.1, 1.0):
    tamed[strength] = train(x_few, y_few, penalty=strength, **recipe)

fig, axes = plt.subplots(1, 2, figsize=(8, 3))
for (strength, (_, _, notes)), style in zip(tamed.items(), plots.LINE_STYLES, strict=False):
    for ax, part in zip(axes, ("training", "validation"), strict=True):
        ax.plot(epochs, curve(notes, f"{part} loss"), style, label=f"λ = {strength:g}")
        ax.set(title=f"{part} loss", xlabel="epoch")
axes[1].legend(fontsize=9, loc="upper center")
plt.show()

# %%
for strength, (_, _, notes) in tamed.items():
    print(
        f"strength {strength:4.2f}: training loss {notes[-1]['training loss']:.2f}, "
        f"validation loss {notes[-1]['validation loss']:.2f}, length of W {notes[-1]['length of W']:.1f}"
    )
if DATASET == "pocket10":
    assert tamed[0.1][2][-1]["validation loss"] < tamed[0.0][2][-1]["validation loss"] - 0.2

# %% [markdown]
# ### At the kink: subgradients
#
# $|w|$ has no slope at zero. As with the hinge in chapter 3, any line that touches the curve there and stays below it will do: every slope $g$ with
# $-1 \le g \le 1$ is a **subgradient** of $|w|$ at 0. Chapter 3 could shrug, because training never lands exactly on a hinge's kink. Here the kink is
# the place we are heading for. So use it: at a minimum of the full loss, zero has to be *one of* the subgradients. If $g_j$ is the
# slope of the data term in weight $j$, that says, for an L1 penalty,
#
# $$
# \begin{aligned}
# w_j = 0 \quad &\text{is best exactly if} \quad |g_j| \le \lambda, \\
# w_j \ne 0 \quad &\text{needs} \quad g_j = -\lambda \operatorname{sign}(w_j) .
# \end{aligned}
# $$ (eq-reg-zero)
#
# In words: a weight stays at zero unless the data pull at it with more than $\lambda$. Under L2 the condition reads $g_j = -\lambda w_j$, and a weight is
# zero only if the data don't pull at all, which for real data practically never happens. **L1 switches weights off; L2 only turns them down.**
#
# The picture that goes with it has two weights. The data term is a bowl whose contours are ellipses, and for each $\lambda$ the best
# compromise is the point where the contour of the data term touches a contour of the penalty: a circle for L2, a diamond for L1. Diamonds
# have corners, and corners lie on the axes. Move the slider.


# %% tags=["hide-input"]
bowl = np.array([[1.0, 0.35], [0.35, 0.5]])  # curvature of a data term 1/2 (w - best) bowl (w - best)
bowl_best = np.array([2.0, 1.0])


def soft_threshold(a, width):
    """Move each entry of a towards zero by the width, and no further than zero."""
    return np.sign(a) * np.maximum(np.abs(a) - width, 0)


def bowl_minimum(strength, kind):
    """Lowest point of the bowl plus a penalty; for L1 coordinate by coordinate until nothing moves."""
    if kind == "L2":
        return np.linalg.solve(bowl + strength * np.eye(2), bowl @ bowl_best)
    w = bowl_best.copy()
    for _ in range(50):
        for j in (0, 1):
            pull = bowl[j] @ bowl_best - bowl[j] @ w + bowl[j, j] * w[j]
            w[j] = soft_threshold(pull, strength) / bowl[j, j]
    return w


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-geometry", "caption": "Increase λ with the slider. Ellipses: contours of the data term, lowest at the cross. Shaded: all weights whose penalty is no larger than that of the minimum (dot). Under L2 the minimum slides towards the origin and meets it only in the limit. Under L1 it walks to an axis, and one weight is exactly zero from there on."}, "image": {"alt": "Frames of an interactive figure with two panels. Ellipses around a cross, and a shaded disc (left) or diamond (right) that touches one of the ellipses at a dot; with growing strength disc and diamond shrink, and on the right the dot moves along a corner of the diamond."}}
def draw_geometry(strength):
    """One frame: both penalties with the minimum for one strength and the path up to it."""
    side_x, side_y = np.meshgrid(np.linspace(-1.2, 3.2, 120), np.linspace(-1.2, 2.2, 100))
    offset = np.stack([side_x - bowl_best[0], side_y - bowl_best[1]], axis=-1)
    height = 0.5 * np.einsum("...i,ij,...j", offset, bowl, offset)
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.3), layout="none", sharey=True)
    fig.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.06)
    found = {}
    for ax, kind in zip(axes, ("L2", "L1"), strict=True):
        w = found[kind] = bowl_minimum(strength, kind)
        path = np.array([bowl_minimum(s, kind) for s in np.linspace(0, strength, 13)])
        ball = 0.5 * (side_x**2 + side_y**2) if kind == "L2" else np.abs(side_x) + np.abs(side_y)
        size = r2(w) if kind == "L2" else r1(w)
        touching = 0.5 * (w - bowl_best) @ bowl @ (w - bowl_best)
        if size > 1e-9:
            ax.contourf(side_x, side_y, ball, levels=[-1, size], colors=["#f9e3b4"])
        levels = np.unique([0.02, 0.15, 0.5, 1.1, 2.0, 3.2])
        ax.contour(side_x, side_y, height, levels=levels, colors="C0", linewidths=0.8, alpha=0.6)
        if touching > 1e-3:
            ax.contour(side_x, side_y, height, levels=[touching], colors="C0", linewidths=1.8)
        ax.plot(*path.T, "-", color="C3", linewidth=1.5)
        ax.plot(*bowl_best, "x", color="black", markersize=8)
        ax.plot(*w, "o", color="black", markersize=7)
        ax.axhline(0, color="gray", linewidth=0.8)
        ax.axvline(0, color="gray", linewidth=0.8)
        ax.set(aspect="equal", xlabel="$w_1$", xlim=(-1.2, 3.2), ylim=(-1.2, 2.2))
        ax.set_title(f"{kind}: w = ({w[0]:.2f}, {w[1]:.2f})", fontsize=11)
        ax.grid(False)
    axes[0].set_ylabel("$w_2$")
    return fig, found


strengths = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0]
drawn = [draw_geometry(strength) for strength in strengths]
interactive.frames(
    [frame[0] for frame in drawn],
    [f"{strength:g}" for strength in strengths],
    name="penalty-geometry",
    dpi=95,
    alt=[
        f"Strength {strength:g}: the minimum under L2 is at ({found['L2'][0]:.2f}, {found['L2'][1]:.2f}), "
        f"under L1 at ({found['L1'][0]:.2f}, {found['L1'][1]:.2f})."
        for strength, (_, found) in zip(strengths, drawn, strict=True)
    ],
    description="Strength λ",
)

# %%
# check: eq-reg-zero
for strength in (0.3, 1.0, 2.0):
    w = bowl_minimum(strength, "L1")
    g = bowl @ (w - bowl_best)  # slope of the data term at the minimum of the whole
    assert np.allclose(g[w != 0], -strength * np.sign(w[w != 0])) and (np.abs(g[w == 0]) <= strength).all()
    print(
        f"strength {strength}: w = ({w[0]:.2f}, {w[1]:.2f}), slopes of the data term ({g[0]:.2f}, {g[1]:.2f})"
    )
last = bowl_minimum(3.0, "L2")
print(f"L2 at strength 3: ({last[0]:.2f}, {last[1]:.2f}), small, and neither is zero")

# %% [markdown]
# <div class="question">
#
# **Quick question 2.** Two pixels are exact copies of each other in every picture, and a weight of 1 on either of them would fit. What does each penalty
# do with the pair?
#
# <details class="choice right"><summary>L2 gives each 0.5; L1 has no preference, any split with the same signs costs the same</summary>
#
# Right. $0.5^2 + 0.5^2 < 1^2$, but $|0.5| + |0.5| = |1|$. This is one reason for elastic net: a little L2 makes the choice unique, and
# copies share their weight.
#
# </details>
#
# <details class="choice"><summary>Both give each 0.5</summary>
#
# L2 does. For L1 the split doesn't matter: $|a| + |1 - a| = 1$ for every $a$ between 0 and 1.
#
# </details>
#
# <details class="choice"><summary>L1 gives 1 to one and 0 to the other, and so does L2</summary>
#
# L2 would pay $\tfrac12$ for that and only $\tfrac14$ for sharing. And L1 *may* do it, but it gains nothing by it.
#
# </details>
# </div>
#
# ### Exercise 4.1: the strength at which everything is zero
#
# For least squares with an L1 penalty, $L(\mathbf{w}) = \frac{1}{2N}\lVert X\mathbf{w} - \mathbf{t}\rVert^2 + \lambda \lVert \mathbf{w} \rVert_1$, find the
# smallest $\lambda$ for which $\mathbf{w} = \mathbf{0}$ is the minimum. It is where every search for a good $\lambda$ can begin.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Apply {eq}`eq-reg-zero` to all weights at once, at $\mathbf{w} = \mathbf{0}$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The slope of the data term there is $-\frac1N X^\top \mathbf{t}$. Which of its entries gives way first?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# from sklearn.linear_model import Lasso
#
# rng = np.random.default_rng(0)
# x, t = rng.normal(size=(50, 8)), rng.normal(size=50)
# largest = np.abs(x.T @ t).max() / len(x)
# above = Lasso(alpha=1.001 * largest, fit_intercept=False).fit(x, t).coef_
# below = Lasso(alpha=0.97 * largest, fit_intercept=False).fit(x, t).coef_
# assert (above == 0).all() and (below != 0).sum() == 1
# ```
#
# $\lambda_{\max} = \max_j |X^\top \mathbf{t}|_j / N$: the pixel that goes best with the targets is the last to be switched off.
#
# </details>
#
# (sec-reg-soft)=
# ## Getting to zero exactly: the soft threshold
#
# Take a plain step against the L1 subgradient, $w - \eta(g + \lambda \operatorname{sign} w)$, and no weight ever becomes zero. Near the kink the pull changes its sign
# but not its size, and the weight hops from one side to the other. There is a cleaner way. Take the step for the smooth data
# term alone, to the point $a = w - \eta g$. *Then* ask which weight is the best compromise between staying near $a$ and paying the penalty:
#
# $$
# \begin{aligned}
# S_\tau(a) &= \arg\min_{w} \Bigl( \tfrac12 (w - a)^2 + \tau\,|w| \Bigr) \\
#   &= \operatorname{sign}(a)\, \max(|a| - \tau,\; 0), \qquad \tau = \eta\lambda .
# \end{aligned}
# $$ (eq-reg-soft)
#
# *Derivation.* If the answer is positive, the derivative must vanish: $w - a + \tau = 0$, so $w = a - \tau$, which is positive only if $a > \tau$. In the same
# way a negative answer is $a + \tau$, for $a < -\tau$. In between neither can be, and only $w = 0$ is left. That is the **soft threshold**:
# everything smaller than $\tau$ becomes zero, and everything else moves $\tau$ closer to it. The figure above used it already. Ask a brute-force
# search whether it is true, and do the same for L2, where the answer is $a/(1 + \tau)$:

# %%
candidates = np.linspace(-3, 3, 60_001)  # every weight in question, 0.0001 apart
# check: eq-reg-soft
for a in (-2.0, -0.55, -0.3, 0.0, 0.2, 0.61, 1.7):
    lowest = candidates[(0.5 * (candidates - a) ** 2 + 0.5 * np.abs(candidates)).argmin()]
    lowest_l2 = candidates[(0.5 * (candidates - a) ** 2 + 0.5 * 0.5 * candidates**2).argmin()]
    assert np.isclose(lowest, soft_threshold(a, 0.5), atol=1e-4)
    assert np.isclose(lowest_l2, a / (1 + 0.5), atol=1e-4)
print("the soft threshold is where a search over 60,001 candidates finds the minimum")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-threshold", "caption": "What a penalty does to a weight that the data would put at a. L2 scales it down, and nothing becomes zero. L1 subtracts, and everything between the dotted lines becomes exactly zero."}, "image": {"alt": "Output weight against input weight: the diagonal for no penalty, a less steep straight line through the origin for L2, and for L1 a line that is flat at zero between minus 0.5 and 0.5 and parallel to the diagonal outside."}}
a_axis = np.linspace(-2, 2, 401)
fig, ax = plt.subplots(figsize=(4.6, 3.6))
ax.plot(a_axis, a_axis, ":", color="gray", label="no penalty")
ax.plot(a_axis, a_axis / 1.5, "--", color="C1", label="L2: scale")
ax.plot(a_axis, soft_threshold(a_axis, 0.5), "-", color="C0", label="L1: soft threshold")
for edge in (-0.5, 0.5):
    ax.axvline(edge, color="gray", linewidth=0.8, linestyle=":")
ax.set(xlabel="where the data term would put it, a", ylabel="where it ends up")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# Alternating the two, a gradient step on the data and a soft threshold, is **proximal gradient descent**, known for this problem as iterative
# soft thresholding {cite:p}`daubechies2004iterative`. For elastic net one divides by the L2 factor as well:
#
# $$
# \mathbf{w} \leftarrow \frac{S_{\eta\lambda\alpha}\bigl(\mathbf{w} - \eta\,\nabla L_{\text{data}}(\mathbf{w})\bigr)}
#   {1 + \eta\lambda(1 - \alpha)} .
# $$ (eq-reg-proximal)
#
# From here to the end of the section on ridge the data term is *half* of chapter 3's squared loss, $\frac{1}{2N}\lVert X\mathbf{w} - \mathbf{t}\rVert^2$, so that its
# gradient $\frac1N X^\top(X\mathbf{w} - \mathbf{t})$ has no 2 in it. scikit-learn's `ElasticNet` minimises the same thing by a
# different algorithm, so it makes a good witness.


# %%
def proximal_descent(x, t, strength, alpha, steps):
    """Least squares with an elastic-net penalty from zero, by gradient steps and soft thresholds."""
    rate = 1 / np.linalg.eigvalsh(x.T @ x / len(x))[-1]  # why this rate: see the section on learning rates
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        step = w - rate * x.T @ (x @ w - t) / len(x)
        w = soft_threshold(step, rate * strength * alpha) / (1 + rate * strength * (1 - alpha))
    return w


rng = np.random.default_rng(SEED)
x_lab = rng.normal(size=(60, 20))
t_lab = x_lab[:, :3] @ np.array([2.0, -1.0, 0.5]) + 0.3 * rng.normal(size=60)  # only three inputs matter
# check: eq-reg-proximal
for mix in (1.0, 0.5):
    ours = proximal_descent(x_lab, t_lab, 0.15, mix, steps=2_000)
    theirs = ElasticNet(alpha=0.15, l1_ratio=mix, fit_intercept=False, tol=1e-12).fit(x_lab, t_lab).coef_
    assert np.allclose(ours, theirs, atol=1e-8)
    print(f"alpha = {mix}: the same weights as scikit-learn, {(ours != 0).sum()} of 20 are not zero")

hopping = np.zeros(20)
for _ in range(2_000):  # the same problem by subgradient steps, for comparison
    hopping -= 0.05 * (x_lab.T @ (x_lab @ hopping - t_lab) / 60 + 0.15 * np.sign(hopping))
print(f"plain subgradient steps: {(hopping != 0).sum()} of 20 are not zero after 2,000 steps")

# %% [markdown]
# Now pictures: automobile against truck in grayscale, as in chapter 3, targets $-1$ and $+1$. The pictures and the targets are centred, so that no bias
# is needed.

# %%
CAR, TRUCK = names.index("automobile"), names.index("truck")


def car_or_truck(images, labels):
    """Grayscale rows (n, 1024) in [0, 1] and targets (n,): -1 for automobiles, +1 for trucks."""
    chosen = (labels == CAR) | (labels == TRUCK)
    return as_rows(to_grayscale(images[chosen])), np.where(labels[chosen] == TRUCK, 1.0, -1.0)


gray_train, t_train = car_or_truck(train_images, y_train)
gray_val, t_val = car_or_truck(val_images, y_val)
gray_test, t_test = car_or_truck(test_images, y_test)
gray_mean, t_mean = gray_train.mean(axis=0), t_train.mean()
for rows_of_pixels in (gray_train, gray_val, gray_test):
    rows_of_pixels -= gray_mean
t_centred = t_train - t_mean
print(f"{len(t_train):,} pictures to learn from, {len(t_val):,} to choose with, {len(t_test):,} to test")


def sign_accuracy(w, x, t):
    """Share of rows of x whose score has the sign of the target."""
    return ((x @ w + t_mean > 0) == (t > 0)).mean()


# %%
w_plain = np.linalg.lstsq(gray_train, t_centred, rcond=None)[0]
w_ridge = Ridge(alpha=0.1 * len(t_train), fit_intercept=False).fit(gray_train, t_centred).coef_
w_lasso = proximal_descent(gray_train, t_centred, 0.03, 1.0, steps=400)
for name, w in (("no penalty", w_plain), ("L2, strength 0.1", w_ridge), ("L1, strength 0.03", w_lasso)):
    print(
        f"{name:>17}: training {sign_accuracy(w, gray_train, t_train):.0%}, "
        f"validation {sign_accuracy(w, gray_val, t_val):.0%}, pixels in use {(w != 0).sum():,}"
    )

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-templates", "caption": "Three templates for truck (light) against car (dark). Without a penalty: pixel noise, fitted to accidents. L2: a smooth picture of what distinguishes the two. L1: a handful of pixels, and everything else switched off. The last two do about equally well on new pictures, and much better than the first."}, "image": {"alt": "Three square grey pictures. The left one looks like noise. The middle one is smooth, with light and dark areas. The right one is uniformly grey but for a few single pixels."}}
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.8))
for ax, w, title in zip(axes, (w_plain, w_ridge, w_lasso), ("no penalty", "L2", "L1"), strict=True):
    limit = max(np.quantile(np.abs(w), 0.98), 1e-3)
    ax.imshow(w.reshape(32, 32), cmap="gray", vmin=-limit, vmax=limit)
    ax.set_title(title, fontsize=11)
    ax.axis("off")
plt.show()

# %% [markdown]
# A template that can be looked at is a by-product worth having: the L2 template shows *where* trucks are brighter than cars, and the
# L1 template says which few pixels would be enough. Do not read too much into the single pixels, though. Neighbours are near-copies of each other,
# and which of them L1 keeps is close to a coin toss (quick question 2).
#
# (sec-reg-ridge)=
# ## Ridge regression: the penalty in closed form
#
# For squared loss with an L2 penalty we need no descent at all. Set the gradient of $\frac{1}{2N}\lVert X\mathbf{w} - \mathbf{t}\rVert^2 + \frac\lambda2 \lVert\mathbf{w}\rVert^2$ to
# zero:
#
# $$
# \begin{aligned}
# & \frac1N X^\top (X\mathbf{w} - \mathbf{t}) + \lambda \mathbf{w} = \mathbf{0} \\
# \Longleftrightarrow\quad
# & \mathbf{w} = \Bigl( \tfrac1N X^\top X + \lambda I \Bigr)^{-1} \tfrac1N X^\top \mathbf{t} .
# \end{aligned}
# $$ (eq-reg-ridge)
#
# These are chapter 3's normal equations with $\lambda$ added along the diagonal, and that addition gave the method its name: a ridge on the
# diagonal {cite:p}`hoerl1970ridge`. It also repairs what was ill there. $X^\top X$ cannot be inverted when there are fewer pictures than pixels; with any $\lambda > 0$
# it always can.

# %%
curvature = (
    gray_train.T @ gray_train / len(t_train)
)  # (1024, 1024): how much the pictures vary, pixel by pixel
correlation = gray_train.T @ t_centred / len(t_train)  # (1024,): how each pixel goes with the targets
w_closed = np.linalg.solve(curvature + 0.1 * np.eye(1024), correlation)

residual_slope = gray_train.T @ (gray_train @ w_closed - t_centred) / len(t_train) + 0.1 * w_closed
# check: eq-reg-ridge
assert np.allclose(residual_slope, 0, atol=1e-10)
oracle = Ridge(alpha=0.1 * len(t_train), fit_intercept=False).fit(
    gray_train, t_centred
)  # N times our strength
assert np.allclose(w_closed, oracle.coef_, atol=1e-8)
print("the gradient of the full loss vanishes, and scikit-learn's Ridge has the same weights")

# %% [markdown]
# ### What ridge shrinks
#
# One decomposition gives the solution for *every* $\lambda$ and shows what the penalty does. $\frac1N X^\top X$ is symmetric, so it has
# perpendicular axes $\mathbf{v}_i$ with eigenvalues $h_1 \ge h_2 \ge \dots \ge h_D \ge 0$: $h_i$ is how much the training pictures vary along
# $\mathbf{v}_i$. Along each axis by itself the problem has one unknown, $(h_i + \lambda)\, u_i = c_i$ with $u_i = \mathbf{v}_i \cdot \mathbf{w}$ and $c_i$ the same component
# of $\frac1N X^\top \mathbf{t}$. So
#
# $$
# u_i(\lambda) = \frac{c_i}{h_i + \lambda} = \underbrace{\frac{h_i}{h_i + \lambda}}_{\text{shrinks}}\; u_i(0) .
# $$ (eq-reg-shrink)
#
# Directions in which pictures differ a lot, $h_i \gg \lambda$, are left alone. Directions in which they hardly differ, $h_i \ll \lambda$, are shut
# down, and those are the ones in which least squares needs enormous weights to exploit a tiny accident. The sum of the shrink factors,
#
# $$
# \mathrm{df}(\lambda) = \sum_{i=1}^{D} \frac{h_i}{h_i + \lambda},
# $$ (eq-reg-df)
#
# counts how many directions are still in use: the **effective number of parameters**. It is the trace of the matrix that turns targets into fitted values, which is $D$
# for least squares (if there are enough pictures), and falls to 0 as $\lambda$ grows.

# %%
h, axes_of_h = np.linalg.eigh(curvature)  # eigenvalues in rising order; the columns are the axes
h = np.maximum(h, 0)  # rounding can leave a -1e-17 behind
c = axes_of_h.T @ correlation


def ridge(strength):
    """Ridge weights (1024,) for a strength, from the decomposition."""
    return axes_of_h @ (c / (h + strength))


def df(strength):
    """Effective number of parameters."""
    return (h / (h + strength)).sum()


w_weak = ridge(1e-3)
shrink = h / (h + 0.1) * (h + 1e-3) / h.clip(1e-12)  # from strength 0.001 to 0.1 in one go
# check: eq-reg-shrink
assert np.allclose(ridge(0.1), w_closed, atol=1e-8)
assert np.allclose(axes_of_h.T @ w_closed, shrink * (axes_of_h.T @ w_weak), atol=1e-8)

hat = gray_train @ np.linalg.solve(curvature + 0.1 * np.eye(1024), gray_train.T) / len(t_train)
# check: eq-reg-df
assert np.isclose(df(0.1), np.trace(hat))
print("effective number of parameters:")
for strength in (1e-6, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
    print(f"  strength {strength:>8g}: {df(strength):7.1f}")

# %% [markdown]
# Now sweep $\lambda$ over nine powers of ten, and watch the template and both accuracies. This is the most important figure of the chapter: the same curve,
# with other names on the axis, will be with you through the whole course.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-ridge", "caption": "Move λ. Left: the template. Middle: what is left of each direction of variation, strongest first. Right: accuracy on training and validation pictures, with the present λ marked. On the far left of the right panel the classifier memorises; on the far right it no longer listens; the best λ lies between."}, "image": {"alt": "Frames of an interactive figure with three panels: a template that turns from noise to a smooth picture as the strength grows; shrink factors that fall from 1 to 0 ever earlier; and two accuracy curves against the strength, the training curve falling, the validation curve rising to a plateau and falling, with a marker that moves to the right."}}
sweep = np.logspace(-6, 3, 37)
sweep_train = np.array([sign_accuracy(ridge(s), gray_train, t_train) for s in sweep])
sweep_val = np.array([sign_accuracy(ridge(s), gray_val, t_val) for s in sweep])


def draw_ridge(i):
    """One frame: template, shrink factors, and the accuracies with a marker at sweep[i]."""
    strength = sweep[i]
    w = ridge(strength)
    fig, (left, middle, right) = plt.subplots(
        1, 3, figsize=(8.6, 2.8), width_ratios=[1, 1.1, 1.7], layout="none"
    )
    fig.subplots_adjust(left=0.01, right=0.98, bottom=0.2, top=0.88, wspace=0.3)
    limit = np.quantile(np.abs(w), 0.98)
    left.imshow(w.reshape(32, 32), cmap="gray", vmin=-limit, vmax=limit)
    left.set_title(f"λ = {strength:.0e}", fontsize=11)
    left.axis("off")
    middle.plot(np.arange(1, 1025), (h / (h + strength))[::-1])
    middle.set(xscale="log", ylim=(-0.03, 1.03), xlabel="direction", xticks=[1, 10, 100, 1000])
    middle.set_title(f"kept: {df(strength):.0f} of 1,024", fontsize=11)
    right.plot(sweep, 100 * sweep_train, "-", label="training")
    right.plot(sweep, 100 * sweep_val, "--", label="validation")
    right.plot([strength] * 2, [100 * sweep_train[i], 100 * sweep_val[i]], "ko")
    right.set(xscale="log", xlabel="λ", title="accuracy in %", ylim=(45, 102))
    right.legend(fontsize=8)
    for ax in (middle, right):
        ax.minorticks_off()
    return fig


shown = [0, 4, 8, 12, 15, 18, 20, 22, 24, 28, 32, 36]
interactive.frames(
    [draw_ridge(i) for i in shown],
    [f"{sweep[i]:.0e}" for i in shown],
    name="ridge-sweep",
    dpi=95,
    alt=[
        f"Strength {sweep[i]:.0e}: {df(sweep[i]):.0f} effective parameters, training accuracy {sweep_train[i]:.0%}, "
        f"validation accuracy {sweep_val[i]:.0%}."
        for i in shown
    ],
    description="Strength λ",
)

# %%
best = sweep[sweep_val.argmax()]
print(f"best on validation: strength {best:.0e}, {df(best):.0f} effective parameters")
for name, w in (("least squares", w_plain), ("ridge", ridge(best))):
    print(
        f"{name:>13}: training {sign_accuracy(w, gray_train, t_train):.1%}, "
        f"validation {sign_accuracy(w, gray_val, t_val):.1%}, test {sign_accuracy(w, gray_test, t_test):.1%}"
    )
print(f"give or take {np.sqrt(0.25 / len(t_test)):.1%} on the test pictures")
if DATASET == "pocket10":
    assert sign_accuracy(ridge(best), gray_test, t_test) > sign_accuracy(w_plain, gray_test, t_test) + 0.05

# %% [markdown]
# The penalty makes the fit on the training pictures *worse*, and the result on new ones much better. That is what regularisation is. With about as
# many unknowns as pictures, chapter 3's least squares sat on its interpolation peak and knew next to nothing; the same pixels, the same
# pictures and one extra number give a classifier worth having. The validation curve is flat at the top: $\lambda$ needs to be right to a power
# of ten or so, not to three digits, so search it on a logarithmic scale.
#
# <div class="question">
#
# **Quick question 3.** Why not choose $\lambda$ by the *training* loss?
#
# <details class="choice"><summary>Because the training loss is noisy</summary>
#
# For ridge it is computed exactly. Noise isn't the problem.
#
# </details>
#
# <details class="choice right"><summary>Because the training data would always choose λ = 0</summary>
#
# Right. The penalty can only pull the weights away from where the data term is lowest. What it is good for shows on other pictures only.
#
# </details>
#
# <details class="choice"><summary>Because it would choose the largest λ</summary>
#
# The other way round: the training data term grows with $\lambda$, so its favourite is the smallest one.
#
# </details>
# </div>
#
# ### Exercise 4.2: ridge as extra pictures
#
# Show that ridge regression is *ordinary* least squares on an enlarged training set: append the $D$ rows $\sqrt{N\lambda}\, I$ to $X$ and $D$ zeros to
# $\mathbf{t}$. What do these rows look like as pictures, and what do they say?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Write down the sum of squares over the enlarged set, and split it into the old rows and the new ones.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The new row $d$ contributes $(\sqrt{N\lambda}\, w_d - 0)^2$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rng = np.random.default_rng(0)
# x, t, strength = rng.normal(size=(30, 5)), rng.normal(size=30), 0.2
# x_more = np.vstack([x, np.sqrt(30 * strength) * np.eye(5)])
# t_more = np.concatenate([t, np.zeros(5)])
# by_pictures = np.linalg.lstsq(x_more, t_more, rcond=None)[0]
# by_formula = np.linalg.solve(x.T @ x / 30 + strength * np.eye(5), x.T @ t / 30)
# assert np.allclose(by_pictures, by_formula)
# ```
#
# Each extra picture has a single bright pixel, and its target is 0: "one pixel alone says nothing". A penalty is a prior opinion, told
# in the form of examples.
#
# </details>
#
# (sec-reg-capacity)=
# ## Too stiff, too supple: capacity
#
# $\lambda$ is one dial of how much a model *can* fit, its **capacity**. There are others. The classic picture has one input and one output:
# fifteen noisy measurements, fitted by polynomials. The degree is the capacity.


# %%
def truth(x):
    """The curve behind the measurements, on [-1, 1]."""
    return np.sin(3 * x) + 0.3 * np.cos(9 * x)


def basis(x, degree):
    """Chebyshev polynomials of x up to a degree: (N, degree + 1), better behaved than plain powers."""
    return np.polynomial.chebyshev.chebvander(x, degree)


rng = np.random.default_rng(7)
points, new_points = np.linspace(-1, 1, 15), rng.uniform(-1, 1, 400)
measured, new_measured = (truth(p) + 0.25 * rng.normal(size=len(p)) for p in (points, new_points))
degrees = list(range(15))
fits = [np.linalg.lstsq(basis(points, d), measured, rcond=None)[0] for d in degrees]
fit_error = np.array(
    [((basis(points, d) @ w - measured) ** 2).mean() for d, w in zip(degrees, fits, strict=True)]
)
new_error = np.array(
    [((basis(new_points, d) @ w - new_measured) ** 2).mean() for d, w in zip(degrees, fits, strict=True)]
)
assert (np.diff(fit_error) < 1e-12).all()  # more capacity never fits worse
print(f"best degree for new points: {new_error.argmin()}; at degree 14 the curve meets all 15 points")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-capacity", "caption": "Raise the degree. Low degrees cannot follow the curve, on old points or new: underfitting. High degrees follow the noise: the error on the fifteen points goes to zero while the error on new points explodes (note the logarithmic axis): overfitting."}, "image": {"alt": "Frames of an interactive figure. Left: fifteen points, the true curve dashed, and a fitted polynomial that is flat at degree 0, follows the curve at middle degrees and swings wildly at degree 14. Right: the error on the fifteen points falls with the degree; the error on new points falls, then rises."}}
line = np.linspace(-1, 1, 400)


def draw_degree(d):
    """One frame: the fit of degree d, and both errors with a marker there."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.1), layout="none")
    fig.subplots_adjust(left=0.06, right=0.98, bottom=0.17, top=0.9, wspace=0.22)
    left.plot(line, truth(line), "--", color="gray", linewidth=1.5, label="truth")
    left.plot(line, basis(line, d) @ fits[d], color="C0", label=f"degree {d}")
    left.plot(points, measured, "o", color="black", markersize=5)
    left.set(ylim=(-2.2, 2.2), xlabel="x")
    left.legend(fontsize=8, loc="upper left")
    right.semilogy(degrees, np.maximum(fit_error, 1e-4), "o-", markersize=4, label="on the fifteen points")
    right.semilogy(degrees, new_error, "s--", markersize=4, label="on new points")
    right.semilogy([d, d], [max(fit_error[d], 1e-4), new_error[d]], "ko", markersize=8)
    right.set(xlabel="degree", title="mean squared error", ylim=(7e-5, 1e4))
    right.legend(fontsize=8, loc="upper left")
    right.minorticks_off()
    return fig


drawn_degrees = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 14]
interactive.frames(
    [draw_degree(d) for d in drawn_degrees],
    drawn_degrees,
    name="capacity",
    dpi=95,
    alt=[
        f"Polynomial of degree {d}: mean squared error {fit_error[d]:.3f} on the fifteen points, "
        f"{new_error[d]:.3g} on new ones."
        for d in drawn_degrees
    ],
    description="Degree",
)

# %% [markdown]
# A model that is too stiff makes the same mistake whatever data it is given; one that is too supple makes a new mistake for each data set.
# Statistics calls the two *bias* and *variance*, and the choice between them a dilemma {cite:p}`geman1992neural`. A penalty
# softens it: keep the fifteen coefficients, and charge for them.

# %% mystnb={"figure": {"name": "fig-reg-polynomial-penalty", "caption": "The same degree 14 three times. Without a penalty the curve runs through every point, and away in between. A moderate penalty tames it without taking anything from the model. Too strong a penalty flattens it: underfitting by another road."}, "image": {"alt": "Three panels with the same fifteen points. Left: a curve that swings far out of the panel. Middle: a smooth curve near the dashed true one. Right: a nearly flat curve."}}
wide = basis(points, 14)
fig, axes = plt.subplots(1, 3, figsize=(8.6, 2.6), sharey=True)
for ax, strength in zip(axes, (0.0, 1e-2, 3.0), strict=True):
    if strength:
        w = np.linalg.solve(wide.T @ wide / 15 + strength * np.eye(15), wide.T @ measured / 15)
    else:
        w = fits[14]
    error = ((basis(new_points, 14) @ w - new_measured) ** 2).mean()
    ax.plot(line, truth(line), "--", color="gray", linewidth=1.5)
    ax.plot(line, basis(line, 14) @ w, color="C0")
    ax.plot(points, measured, "o", color="black", markersize=4)
    ax.set(ylim=(-2.2, 2.2), xlabel="x")
    ax.set_title(f"λ = {strength:g}, error {error:.2g}", fontsize=11)
plt.show()

# %% [markdown]
# ### Capacity with pictures
#
# The same experiment with cars and trucks: let the classifier see only the strongest $k$ directions of variation of the pictures (the axes $\mathbf{v}_i$ from
# above, known as principal components), and fit least squares to those. With $k = 1$ it sees one number a picture; with 1,024 everything.

# %% mystnb={"figure": {"name": "fig-reg-components", "caption": "Least squares on the strongest k directions. Training accuracy only rises with capacity. Validation accuracy rises as long as the new directions carry something that holds for all pictures, and falls once they carry accidents."}, "image": {"alt": "Two curves against the number of directions on a logarithmic axis. The training curve rises from about 50 percent to near 100. The validation curve rises to a broad top at a few dozen and falls back towards 50 percent on the right."}}
counts = [1, 2, 5, 10, 20, 35, 50, 100, 200, 400, 700, 1024]
in_use = min(1024, int((h > 1e-10 * h[-1]).sum()))  # no more directions than the pictures span
counts = [k for k in counts if k < in_use] + [in_use]
strongest = axes_of_h[:, ::-1]
by_count = np.array(
    [
        [
            sign_accuracy(strongest[:, :k] @ (c[::-1][:k] / h[::-1][:k]), x, t)
            for x, t in ((gray_train, t_train), (gray_val, t_val))
        ]
        for k in counts
    ]
)
fig, ax = plt.subplots(figsize=(6, 3.2))
ax.plot(counts, 100 * by_count[:, 0], "o-", label="training")
ax.plot(counts, 100 * by_count[:, 1], "s--", label="validation")
ax.set(xscale="log", xlabel="directions in use, k", ylabel="accuracy in %", ylim=(45, 102))
ax.legend()
plt.show()

# %%
top = int(by_count[:, 1].argmax())
print(
    f"best on validation: {counts[top]} directions, {by_count[top, 1]:.0%}; all of them: {by_count[-1, 1]:.0%}"
)

# %% [markdown]
# Cutting directions off and shrinking them (ridge) are two versions of one idea, and they reach about the same. How to tell on which side of
# the top you are, and what to do:
#
# | | training | validation | try |
# | :-- | :-- | :-- | :-- |
# | **underfitting** | bad | as bad | more capacity, smaller $\lambda$, better features, longer training |
# | **about right** | good | slightly worse | leave it, or collect data |
# | **overfitting** | very good | much worse | more data, larger $\lambda$, less capacity, stop earlier |
#
# More data is listed under overfitting only. A classifier that cannot even fit what it has will not gain from having more.
#
# <div class="question">
#
# **Quick question 4.** Training accuracy 44 %, validation accuracy 41 %, and you know that people reach 95 %. You have time for one experiment. Which?
#
# <details class="choice"><summary>Increase λ by a factor of ten</summary>
#
# That fights overfitting, and there is hardly any: the gap is three points. It would make both numbers worse.
#
# </details>
#
# <details class="choice"><summary>Collect ten times as many training pictures</summary>
#
# The gap tells you how much that could bring: about three points. The large loss is already there on the training pictures.
#
# </details>
#
# <details class="choice right"><summary>Use a model that can express more</summary>
#
# Right: this is underfitting. It is also what happens to linear classifiers on the photographs of CIFAR-10, with about these two numbers (on its test set), as the tables of
# chapter 3 showed. Chapters 5 to 7 follow this advice.
#
# </details>
# </div>
#
# (sec-reg-landscape)=
# ## Loss landscapes
#
# So much for *where* we want to go. Now for the way there. Think of the loss as the height of a landscape, with one horizontal direction for each
# weight. Learning is walking downhill in it, in a thick fog: at each place we know the height and the slope, and nothing else.
#
# Nobody can draw a landscape over 30,730 directions, but any plane through it can be drawn. Take the plane through three points that we know: the
# start ($W = 0$), the classifier that memorised ($\lambda = 0$), and the one that was held back ($\lambda = 0.1$). Scores are linear in
# the weights, so the scores at every point of the plane are mixtures of three sets of scores, and the whole picture costs next to nothing.

# %%
w_tame, b_tame, _ = tamed[0.1]
flat_free = np.concatenate([w_free.ravel(), b_free])  # a classifier as one long arrow
flat_tame = np.concatenate([w_tame.ravel(), b_tame])
east = flat_free / np.linalg.norm(flat_free)
north = flat_tame - (flat_tame @ east) * east
north /= np.linalg.norm(north)
place_free = (flat_free @ east, 0.0)
place_tame = (flat_tame @ east, flat_tame @ north)


def unflatten(arrow):
    """Weights (D, C) and biases (C,) from one long arrow."""
    return arrow[: D * C].reshape(D, C), arrow[D * C :]


def heights(x, labels, xs, ys):
    """Mean cross-entropy at each point xs[j] * east + ys[i] * north: (len(ys), len(xs))."""
    s_east, s_north = scores(x, *unflatten(east)), scores(x, *unflatten(north))
    n = np.arange(len(x))
    return np.array([[-log_softmax(a * s_east + b * s_north)[n, labels].mean() for a in xs] for b in ys])


xs = np.linspace(-0.15, 1.25, 36) * place_free[0]
ys = np.linspace(-1.5, 2.5, 31) * place_tame[1]
on_training, on_validation = heights(x_few, y_few, xs, ys), heights(x_some[:600], y_some[:600], xs, ys)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-plane", "caption": "One plane through the landscape, twice: measured with the 500 training pictures, and with pictures that the classifier has never seen. Dark is low. Descending the left one leads to the memoriser (square). On the right that ground is high; the valley lies much closer to the start, and the penalised classifier (triangle) is in it."}, "image": {"alt": "Two contour maps of the same plane. On the left the low ground stretches far to the right around a square marker. On the right the low ground is a small basin near the start, next to a triangle marker, and the square stands on a slope."}}
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.3), sharey=True)
for ax, height, title in zip(
    axes, (on_training, on_validation), ("training loss", "validation loss"), strict=True
):
    shades = ax.contourf(xs, ys, height.clip(max=4), levels=np.linspace(0, 4, 21), cmap="viridis")
    ax.contour(xs, ys, height, levels=np.linspace(0, 4, 21), colors="white", linewidths=0.4)
    for place, marker, label in (
        ((0, 0), "o", "start"),
        (place_free, "s", "λ = 0"),
        (place_tame, "^", "λ = 0.1"),
    ):
        ax.plot(*place, marker, color="white", markeredgecolor="black", markersize=9, label=label)
    ax.set(title=title, xlabel="distance towards the memoriser")
    ax.grid(False)
axes[0].legend(fontsize=8, loc="upper right", frameon=True)
fig.colorbar(shades, ax=axes, label="mean cross-entropy")
plt.show()

# %%
low_training = xs[np.unravel_index(on_training.argmin(), on_training.shape)[1]]
low_validation = xs[np.unravel_index(on_validation.argmin(), on_validation.shape)[1]]
print(f"lowest training loss in this plane:   {low_training:.1f} from the start")
print(f"lowest validation loss in this plane: {low_validation:.1f} from the start")
if DATASET == "pocket10":
    assert low_validation < 0.5 * low_training

# %% [markdown]
# This is overfitting as geography. There are *two* landscapes. We can walk in the left one only, and what we want is low ground in the right one. They
# agree near the start and part company farther out, so it is wise not to go all the way.
#
# Both are bowls: for the linear classifiers of chapter 3 the loss is convex (exercise 3.4), with no valley but the lowest. That is a privilege. The
# smallest model that is *not* linear in its weights has two of them, multiplied:
#
# $$
# \begin{aligned}
# L(u, v) &= \tfrac12 (uv - 1)^2, \\
# \frac{\partial L}{\partial u} &= (uv - 1)\, v, \qquad \frac{\partial L}{\partial v} = (uv - 1)\, u .
# \end{aligned}
# $$ (eq-reg-saddle)
#
# Its landscape has two curved valleys, along $uv = 1$, and between them a **saddle** at the origin: the slope there is zero, yet it is no minimum, since
# the ground falls in one direction and rises in the other. Where you end up depends on where you begin.


# %%
def uv_loss(w):
    """The two-factor model."""
    return 0.5 * (w[0] * w[1] - 1) ** 2


def uv_gradient(w):
    """Its gradient by hand."""
    return (w[0] * w[1] - 1) * np.array([w[1], w[0]])


def descend(gradient, start, rate, steps):
    """Gradient descent; returns the path (steps + 1, number of weights)."""
    path = [np.array(start, dtype=float)]
    for _ in range(steps):
        path.append(path[-1] - rate * gradient(path[-1]))
    return np.array(path)


somewhere = np.array([0.7, -1.3])
# check: eq-reg-saddle
assert np.allclose(uv_gradient(somewhere), numerical_gradient(uv_loss, somewhere), rtol=1e-8)
assert (uv_gradient(np.zeros(2)) == 0).all()
bends = np.linalg.eigvalsh(np.array([[0.0, -1.0], [-1.0, 0.0]]))  # second derivatives at the origin
print(f"curvatures at the saddle: {bends[0]:+.0f} and {bends[1]:+.0f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-saddle", "caption": "Two weights that are multiplied. Left: every point of the two curved valleys is a minimum, and gradient descent ends at a different one (stars) from each start (dots); a start exactly on the falling diagonal would run into the saddle (cross). Right: with an L2 penalty only two minima remain, those with equal factors."}, "image": {"alt": "Two contour maps with two curved valleys in opposite corners. On the left paths from five starting points run to different places in the valleys. On the right the paths run into the valleys and then along them to two starred points on the rising diagonal."}}
starts = [(-1.8, 0.6), (0.3, -1.6), (1.9, -0.9), (-0.4, 1.7), (-1.5, -1.7)]
us, vs = np.meshgrid(np.linspace(-2.2, 2.2, 120), np.linspace(-2.2, 2.2, 120))
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.7), sharey=True)
for ax, strength in zip(axes, (0.0, 0.2), strict=True):
    height = uv_loss((us, vs)) + strength * 0.5 * (us**2 + vs**2)
    ax.contourf(us, vs, height, levels=np.geomspace(0.005, 14, 14) - 0.005, cmap="viridis")
    for first_place in starts:
        path = descend(lambda w, s=strength: uv_gradient(w) + s * w, first_place, 0.05, 400)
        ax.plot(*path.T, "-", color="white", linewidth=2)
        ax.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=6)
        ax.plot(*path[-1], "*", color="#D55E00", markeredgecolor="black", markersize=12)
    ax.plot(0, 0, "x", color="black", markersize=8)
    ax.set(aspect="equal", xlabel="u", title=f"λ = {strength:g}")
    ax.grid(False)
axes[0].set_ylabel("v")
plt.show()

# %%
end = descend(lambda w: uv_gradient(w) + 0.2 * w, (-0.4, 1.7), 0.05, 4_000)[-1]
assert np.allclose(np.abs(end), np.sqrt(1 - 0.2))  # where the slope of the full loss vanishes with u = v
print(f"with the penalty 0.2 both factors have the size {abs(end[0]):.4f} = square root of 0.8")

# %% [markdown]
# The landscapes of deep networks are of this second kind, with saddles and whole valleys of minima in millions of directions. Slices through them have
# been drawn, and how smooth they look depends much on the network's design {cite:p}`li2018visualizing`. What follows is exact for
# bowls. It holds in every valley too, close enough to its floor, because there every smooth valley is a bowl.
#
# (sec-reg-descent)=
# ## Gradient descent and the learning rate
#
# The rule is chapter 3's, for all weights in one arrow $\mathbf{w}$, with $k$ counting the steps:
#
# $$
# \mathbf{w}^{(k+1)} = \mathbf{w}^{(k)} - \eta\, \nabla L\bigl(\mathbf{w}^{(k)}\bigr) .
# $$ (eq-reg-step)
#
# Why against the gradient? Because for a small step $\boldsymbol\delta$ the loss changes by $\nabla L \cdot \boldsymbol\delta$, and among all steps of one length that is
# most negative when $\boldsymbol\delta$ points exactly against $\nabla L$. *For a small step*: how small is the whole question.
#
# ### One weight
#
# The simplest bowl is $L(w) = \frac12 h w^2$, with its floor at 0. $h$ is its **curvature**, the second derivative. The slope is $hw$, and a step takes $w$ to $w - \eta h w =
# (1 - \eta h)\, w$. So every step multiplies the distance from the floor by the same number $1 - \eta h$, and that number says it all:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-one-weight", "caption": "The same bowl, four learning rates; the number in the titles is 1 − ηh. Between 0 and 1: it creeps down one side. Between −1 and 0: it jumps across and still comes down. Below −1: every step lands higher than the one before."}, "image": {"alt": "Four parabolas with steps drawn on them. In the first the steps creep down one side, in the second they reach the floor in a few steps, in the third they hop from side to side with shrinking width, in the fourth the hops grow."}}
fig, axes = plt.subplots(1, 4, figsize=(8.8, 2.5), sharey=True)
reach = np.linspace(-3, 3, 121)
for ax, rate in zip(axes, (0.15, 0.7, 1.8, 2.1), strict=True):
    path = descend(lambda w: w, [2.0], rate, 8)[:, 0]  # curvature h = 1
    ax.plot(reach, 0.5 * reach**2, color="gray", linewidth=1.2)
    ax.plot(path, 0.5 * path**2, "o-", markersize=4, linewidth=1)
    ax.set(xlabel="w", ylim=(-0.2, 5), xlim=(-3.3, 3.3))
    ax.set_title(f"η = {rate:g}: {1 - rate:+.2f}", fontsize=10)
axes[0].set_ylabel("loss")
plt.show()

# %% [markdown]
# It comes down exactly if $|1 - \eta h| < 1$, that is, if $0 < \eta < 2/h$. The steeper a bowl curves, the smaller the steps it allows.
#
# ### Many weights
#
# With more weights, the curvature is a matrix, the Hessian $\nabla^2 L$ of all second derivatives. It is symmetric, so it has perpendicular axes $\mathbf{v}_i$ with
# curvatures $h_1 \ge \dots \ge h_D$, and along each axis the bowl is a bowl of one weight. (For squared loss $\nabla^2 L = \frac1N X^\top X$, and these are
# the $h_i$ that ridge was shrinking; no coincidence.) Write $e_i^{(k)}$ for the distance from the floor along $\mathbf{v}_i$. Then, one axis at a time,
#
# $$
# \begin{gathered}
# e_i^{(k)} = (1 - \eta h_i)^k\, e_i^{(0)}, \\
# \text{and all of them shrink exactly if}\quad 0 < \eta < \frac{2}{h_1} .
# \end{gathered}
# $$ (eq-reg-limit)
#
# (Most texts call the eigenvalues $\lambda_i$ and write $\eta < 2/\lambda_{\max}$. In this book $\lambda$ is taken.) All axes share one $\eta$, and here is the trouble: the
# steepest axis sets the limit, and the flattest has to live with it. Their ratio is the **condition number** $\kappa = h_1/h_D$. The fairest compromise makes both extremes shrink
# by the same factor, $1 - \eta h_D = -(1 - \eta h_1)$:
#
# $$
# \begin{aligned}
# \eta^* &= \frac{2}{h_1 + h_D}, \\
# |1 - \eta^* h_i| &\le \frac{\kappa - 1}{\kappa + 1} .
# \end{aligned}
# $$ (eq-reg-condition)
#
# For a round bowl, $\kappa = 1$, the factor is 0: one step and you are there. For $\kappa = 100$ it is 0.98: after a hundred steps a seventh of the distance is left.
#
# Time for a landscape that we can both draw and compute. Reduce each picture of a car or truck to *two numbers*: how bright its middle is, and how bright
# it is as a whole, each brought to mean 0 and standard deviation 1. Two numbers, two weights, squared loss.


# %%
def two_numbers(x):
    """Brightness of the middle 16 x 16 pixels and of the whole picture: (n, 2) from rows (n, 1024)."""
    pictures = x.reshape(-1, 32, 32)
    return np.stack([pictures[:, 8:24, 8:24].mean(axis=(1, 2)), x.mean(axis=1)], axis=1)


z_train = two_numbers(gray_train)
z_scale = z_train.std(axis=0)
z_train /= z_scale
bend = z_train.T @ z_train / len(z_train)  # the Hessian (2, 2)
(h_low, h_high), z_axes = np.linalg.eigh(bend)
w_floor = np.linalg.solve(bend, z_train.T @ t_centred / len(z_train))


def z_loss(w):
    """Half the mean squared error of the two-number classifier."""
    return 0.5 * ((z_train @ w - t_centred) ** 2).mean()


def z_gradient(w, rows=slice(None)):
    """Its gradient, from all pictures or from some rows."""
    return z_train[rows].T @ (z_train[rows] @ w - t_centred[rows]) / len(t_centred[rows])


# check: eq-reg-step
step = descend(z_gradient, (0.3, -0.2), 0.1, 1)[1]
assert np.allclose(step, np.array([0.3, -0.2]) - 0.1 * numerical_gradient(z_loss, np.array([0.3, -0.2])))
print(f"curvatures {h_high:.2f} and {h_low:.2f}, condition number {h_high / h_low:.1f}")
print(f"learning rates up to {2 / h_high:.2f} work, and {2 / (h_high + h_low):.2f} is the best")
print(f"on validation pictures: {sign_accuracy(w_floor, two_numbers(gray_val) / z_scale, t_val):.0%} right")

# %% [markdown]
# Two numbers do as well as a thousand pixels with a well-chosen penalty, which says more about pixels than about the two numbers. The two brightnesses usually rise and fall
# together, so the bowl is a long trough: steep across, nearly flat along. Now test the theory, number for number.

# %%
start = np.array([-0.8, 0.3])
path = descend(z_gradient, start, 0.8, 12)
errors = (path - w_floor) @ z_axes  # (13, 2): distance from the floor along each axis
predicted = (1 - 0.8 * np.array([h_low, h_high])) ** np.arange(13)[:, None] * errors[0]

inside = descend(z_gradient, start, 0.99 * 2 / h_high, 2_000)
outside = descend(z_gradient, start, 1.01 * 2 / h_high, 2_000)
# check: eq-reg-limit
assert np.allclose(errors, predicted)
assert np.linalg.norm(inside[-1] - w_floor) < 1e-6 < 1e6 < np.linalg.norm(outside[-1] - w_floor)
print("twelve steps, two axes: all distances as predicted")
print("one per cent below the limit it arrives, one per cent above it is lost")

# %%
kappa = h_high / h_low
best_rate = 2 / (h_high + h_low)
worst_factor = {
    rate: np.abs(1 - rate * np.array([h_low, h_high])).max() for rate in np.linspace(0.01, 1.99 / h_high, 400)
}
# check: eq-reg-condition
assert np.isclose(np.abs(1 - best_rate * np.array([h_low, h_high])).max(), (kappa - 1) / (kappa + 1))
assert min(worst_factor.values()) >= (kappa - 1) / (kappa + 1) - 1e-12  # no rate does better
for rate in (0.1 * best_rate, 0.5 * best_rate, best_rate, 1.05 * best_rate):
    walk = descend(z_gradient, start, rate, 3_000) - w_floor
    arrived = int((np.linalg.norm(walk, axis=1) < 1e-3).argmax())
    print(f"rate {rate:.2f}: within 0.001 of the floor after {arrived:>3} steps")

# %% [markdown]
# The best rate lies dangerously close to the limit: it is $\kappa/(\kappa + 1)$ times as large. A little less costs a little, a little more
# costs everything. When in doubt, stay below.
#
# Two ways to a rounder bowl follow at once. *Prepare the inputs* so that they vary alike in all directions; chapter 8 does that. And *penalise*: an L2 penalty adds $\lambda$ to every curvature,
#
# $$
# \kappa(\lambda) = \frac{h_1 + \lambda}{h_D + \lambda},
# $$ (eq-reg-kappa)
#
# which hardly changes the steep axes and lifts the flat ones. What is good for new pictures is also good for walking.

# %%
penalised = np.linalg.eigvalsh(curvature + 0.1 * np.eye(1024))
# check: eq-reg-kappa
assert np.isclose(penalised[-1] / penalised[0], (h[-1] + 0.1) / (h[0] + 0.1))
print("car against truck, all 1,024 pixels:")
for strength in (1e-5, 1e-3, 1e-1, 1.0):
    print(f"  strength {strength:g}: condition number {(h[-1] + strength) / (h[0] + strength):,.0f}")

# %% [markdown]
# <div class="question">
#
# **Quick question 5.** A squared loss has curvatures 10, 1 and 0.1 along its axes. Which learning rates converge, and which axis will be slowest?
#
# <details class="choice"><summary>All below 20; the axis with curvature 10</summary>
#
# 20 is $2/0.1$, the limit of the *flattest* axis. At $\eta = 1$ the steep one is multiplied by $1 - 10 = -9$ in every step.
#
# </details>
#
# <details class="choice right"><summary>All below 0.2; the axis with curvature 0.1</summary>
#
# Right. The steepest axis sets the limit $2/10$, and at $\eta = 0.19$ the flattest shrinks by $1 - 0.019$ a step: it takes about 120 steps to lose nine tenths.
#
# </details>
#
# <details class="choice"><summary>All below 0.1; all axes are equally fast</summary>
#
# $1/10$ is where the steep axis gets there in one step; up to $2/10$ it still comes down. And the axes can't be equally fast, since each has its own factor $1 - \eta h_i$.
#
# </details>
# </div>
#
# ### Exercise 4.3: correlation is a trough
#
# Two inputs with mean 0, standard deviation 1 and correlation $\rho > 0$. Find both curvatures of the squared loss, their axes, and the condition number. For which $\rho$ is
# $\kappa = 100$?
#
# <details class="hint"><summary>Hint 1</summary>
#
# The Hessian is $\begin{pmatrix} 1 & \rho \\ \rho & 1 \end{pmatrix}$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Try the vectors $(1, 1)$ and $(1, -1)$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rho = bend[0, 1]
# assert np.allclose([h_low, h_high], [1 - rho, 1 + rho])
# assert np.isclose(kappa, (1 + rho) / (1 - rho))
# rho_100 = 99 / 101
# assert np.isclose((1 + rho_100) / (1 - rho_100), 100)
# ```
#
# $h = 1 \pm \rho$ along $(1, 1)$ and $(1, -1)$, so $\kappa = (1 + \rho)/(1 - \rho)$, and $\kappa = 100$ at $\rho = 99/101 \approx 0.98$. Neighbouring pixels of a photograph are
# correlated about as strongly, and there are a thousand of them: that is why raw pixels make such bad bowls.
#
# </details>
#
# ### Exercise 4.4: stopping early is a penalty
#
# Start gradient descent on a squared loss at zero and stop after $k$ steps. Show that along axis $i$ it has reached the fraction $1 - (1 - \eta h_i)^k$ of the least-squares solution, and compare with
# ridge's $h_i/(h_i + \lambda)$ for $\lambda = 1/(\eta k)$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# {eq}`eq-reg-limit` says what is left of the distance. At the start the distance is the whole solution.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# For a flat direction, $\eta h_i k \ll 1$, use $(1 - \epsilon)^k \approx 1 - k\epsilon$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rate, k = 0.1, 50
# stopped = descend(z_gradient, (0.0, 0.0), rate, k)[-1] @ z_axes
# fraction = stopped / (w_floor @ z_axes)
# curvatures = np.array([h_low, h_high])
# assert np.allclose(fraction, 1 - (1 - rate * curvatures) ** k)
#
# flat = np.geomspace(1e-4, 1e-2, 5)  # curvatures that are small against 1 / (rate * k)
# assert np.allclose(1 - (1 - rate * flat) ** k, flat / (flat + 1 / (rate * k)), rtol=0.03)
# ```
#
# Both leave steep directions alone and suppress flat ones; in flat directions both fractions are about $\eta k h_i$. The number of steps is a regularisation strength in disguise, $\lambda \approx
# 1/(\eta k)$, which is why the untamed curve of {numref}`fig-reg-memorise` had its best moment on the way.
#
# </details>
#
# (sec-reg-sgd)=
# ## Mini-batches
#
# A step of gradient descent looks at every picture. With 50,000 pictures that is a lot of looking for one small step, and most of it is wasted: the mean over a few dozen
# pictures points nearly the same way. **Stochastic gradient descent** (SGD) takes the mean over a random **mini-batch** of $B$ pictures,
#
# $$
# \begin{aligned}
# \mathbf{g}_B &= \frac1B \sum_{n \in \text{batch}} \nabla L_n, \\
# \mathrm{E}[\mathbf{g}_B] &= \frac1N \sum_{n=1}^N \nabla L_n = \nabla L .
# \end{aligned}
# $$ (eq-reg-unbiased)
#
# The second half says that the mini-batch gradient is right *on average*: it is **unbiased**. *Proof.* Every picture is equally likely to be in the batch, with
# probability $B/N$, so in the average over all batches each $\nabla L_n$ has the weight $\frac1B \cdot \frac BN = \frac1N$.
#
# How wrong is a single batch? Let $\sigma^2 = \frac1N \sum_n \lVert \nabla L_n - \nabla L\rVert^2$ be the spread of single pictures' gradients. If the $B$ pictures are drawn one by one, each
# time from all $N$, their errors are independent, so the variances add up to $B\sigma^2$, and dividing by $B$ divides the variance by $B^2$. If no picture may come twice, as in an epoch, the errors
# partly cancel (the last batch is what the others left over), and sampling theory has an extra factor for that:
#
# $$
# \mathrm{E}\lVert \mathbf{g}_B - \nabla L \rVert^2 =
# \begin{cases}
# \dfrac{\sigma^2}{B} & \text{with repetition,} \\[2ex]
# \dfrac{\sigma^2}{B} \cdot \dfrac{N - B}{N - 1} & \text{without.}
# \end{cases}
# $$ (eq-reg-variance)
#
# Statements about averages over all batches can be checked by going through *all* batches. Six pictures, batches of two:

# %%
single = np.stack(
    [softmax_loss(w_small, b_small, x_small[n : n + 1], labels_small[n : n + 1])[1].ravel() for n in range(6)]
)  # (6, 35): one gradient a picture
whole = softmax_loss(w_small, b_small, x_small, labels_small)[1].ravel()
spread = ((single - whole) ** 2).sum(axis=1).mean()
every_pair = np.array([single[list(pair)].mean(axis=0) for pair in combinations(range(6), 2)])  # (15, 35)
every_draw = np.array([single[[i, j]].mean(axis=0) for i in range(6) for j in range(6)])  # (36, 35)

# check: eq-reg-unbiased
assert np.allclose(every_pair.mean(axis=0), whole) and np.allclose(every_draw.mean(axis=0), whole)
without_repetition = spread / 2 * (6 - 2) / (6 - 1)
# check: eq-reg-variance
assert np.isclose(((every_draw - whole) ** 2).sum(axis=1).mean(), spread / 2)
assert np.isclose(((every_pair - whole) ** 2).sum(axis=1).mean(), without_repetition)
print(
    f"{len(every_pair)} batches without and {len(every_draw)} with repetition: mean and variance as derived"
)

# %% [markdown]
# And measured, on 2,000 training pictures with the full ten-class classifier, at the weights that training with a penalty had found:

# %%
x_noise, y_noise = x_train[:2000], y_train[:2000]
n_noise = len(x_noise)
g_full = softmax_loss(w_tame, b_tame, x_noise, y_noise)[1]
residual = softmax(scores(x_noise, w_tame, b_tame)) - np.eye(C)[y_noise]
# A picture's gradient is the outer product of its pixels and its residual, so lengths multiply.
variance = ((x_noise**2).sum(axis=1) * (residual**2).sum(axis=1)).mean() - (g_full**2).sum()

sizes = [size for size in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if size < n_noise]
rng = np.random.default_rng(SEED)
noise = []
for size in sizes:
    gaps = []
    for _ in range(25):
        pick = rng.choice(n_noise, size, replace=False)
        gaps.append(((softmax_loss(w_tame, b_tame, x_noise[pick], y_noise[pick])[1] - g_full) ** 2).sum())
    noise.append(np.mean(gaps))
expected = np.array([variance / size * (n_noise - size) / (n_noise - 1) for size in sizes])
assert np.allclose(noise, expected, rtol=0.5)
for size in (32, 64, 128):
    i = sizes.index(size)
    print(f"batch {size:>3}: noise {np.sqrt(noise[i] / (g_full**2).sum()):.1f} times as long as the gradient")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-noise", "caption": "Variance of the mini-batch gradient against the batch size, both axes logarithmic. Dots: measured, 25 batches each. Dashed: 1/B. Solid: 1/B with the factor for drawing without repetition, which only matters when the batch is a sizeable part of the set."}, "image": {"alt": "Dots on a straight line falling from left to right; a dashed line through them; a solid line that bends below the dashed one at the right end, with the last dots on it. Batch sizes 32, 64 and 128 are marked."}}
fine = np.geomspace(1, sizes[-1], 100)
fig, ax = plt.subplots(figsize=(5.6, 3.4))
ax.loglog(fine, variance / fine, "--", color="gray", label="σ²/B")
ax.loglog(
    fine, variance / fine * (n_noise - fine) / (n_noise - 1), "-", color="C0", label="without repetition"
)
ax.loglog(sizes, noise, "o", color="black", markersize=5, label="measured")
for size in (32, 64, 128):
    ax.axvline(size, color="gray", linewidth=0.8, linestyle=":")
ax.set(xlabel="batch size B", ylabel="variance of the gradient")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# Four times the batch costs four times the work and *halves* the error, for the error is the square root of the variance. That is a bad bargain as long as a
# step in roughly the right direction is all we need. On the other hand a computer handles 64 pictures in far less than 64 times the time of one. Sizes like **32, 64 and 128** sit
# in between, and they are what most recipes use, chapter 7's among them (powers of two out of habit and because memory likes them).
#
# ### Both descents in one landscape
#
# Now put everything together, in the trough of the two brightnesses: on the left the landscape, with forty-four steps of gradient descent and forty-four steps of SGD with batches of 32, which is one
# epoch. On the right the height above the floor, against the number of *pictures looked at*. The slider sets the learning rate.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-paths", "caption": "The landscape of two weights, with gradient descent (white circles) and mini-batch SGD (orange dots) from the same start; move the learning rate. Left: small rates creep along the trough, large ones zigzag across it, and beyond the limit 1.06 the path leaves the picture. Right: by pictures looked at, SGD is far down before gradient descent has made its second step; but it does not arrive, it hovers, and the larger the rate and the smaller the batch, the higher."}, "image": {"alt": "Frames of an interactive figure. Left: a long elliptic trough with a smooth or zigzagging path of white circles and a ragged path of orange dots towards a cross. Right: four falling curves of the height above the floor against the number of pictures looked at, on logarithmic axes; the curves of small batches fall first and then level off noisily."}}
grid_1, grid_2 = np.meshgrid(np.linspace(-1.1, 1.2, 80), np.linspace(-1.2, 1.0, 80))
shift = np.stack([grid_1 - w_floor[0], grid_2 - w_floor[1]], axis=-1)
above_floor = 0.5 * np.einsum("...i,ij,...j", shift, bend, shift)  # height above the lowest point


def z_excess(path):
    """Height above the floor for each point of a path (steps, 2)."""
    away = path - w_floor
    return 0.5 * np.einsum("ki,ij,kj->k", away, bend, away)


def z_sgd(rate, batch, epochs, seed=SEED):
    """Path (steps + 1, 2) of mini-batch SGD in the trough."""
    dice = np.random.default_rng(seed)
    path = [start]
    for _ in range(epochs):
        order = dice.permutation(len(z_train))
        for first in range(0, len(order), batch):
            path.append(path[-1] - rate * z_gradient(path[-1], order[first : first + batch]))
    return np.array(path)


def draw_paths(rate):
    """One frame: both paths in the landscape, and heights against pictures looked at."""
    n = len(z_train)
    walk, one_epoch = descend(z_gradient, start, rate, 44), z_sgd(rate, 32, 1)
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), width_ratios=[1, 1.15], layout="none")
    fig.subplots_adjust(left=0.07, right=0.985, bottom=0.14, top=0.91, wspace=0.24)
    left.contourf(
        grid_1, grid_2, above_floor, levels=np.geomspace(0.002, 4, 10), cmap="viridis", extend="both"
    )
    left.plot(*one_epoch.T, ".-", color="#E69F00", linewidth=0.9, markersize=5, label="SGD, batch 32")
    left.plot(*walk.T, "o-", color="white", markeredgecolor="black", linewidth=1.2, markersize=4, label="GD")
    left.plot(*w_floor, "x", color="black", markersize=9, markeredgewidth=2)
    left.set(xlim=(-1.1, 1.2), ylim=(-1.2, 1.0), xlabel="weight of the middle", ylabel="weight of the whole")
    left.set_title(f"η = {rate:g}", fontsize=11)
    left.legend(fontsize=8, loc="upper right", frameon=True)
    left.grid(False)
    ends = {}
    for batch, style, color in ((32, "-", "C1"), (64, "--", "C3"), (128, "-.", "C0")):
        heights_of = z_excess(z_sgd(rate, batch, 20))
        seen = np.minimum(np.arange(1, len(heights_of)) * batch, 20 * n)
        smooth = np.convolve(heights_of[1:], np.ones(9) / 9, mode="valid")  # mean of nine steps
        right.loglog(seen[4:-4], smooth, style, color=color, linewidth=1.4, label=f"SGD, batch {batch}")
        ends[batch] = heights_of[len(heights_of) // 2 :].mean()
    right.loglog(np.arange(1, 21) * n, z_excess(walk)[1:21], "ko-", markersize=3, linewidth=1, label="GD")
    right.set(xlim=(100, 22 * n), ylim=(1e-5, 30), xlabel="pictures looked at")
    right.set_title("height above the floor", fontsize=11)
    right.legend(fontsize=8, loc="lower left")
    right.minorticks_off()
    words = f"gradient descent is {z_excess(walk)[20]:.2g} above the floor after 20 epochs"
    return fig, f"Learning rate {rate:g}: {words}, SGD with batch 32 over the last ten {ends[32]:.2g}."


path_rates = [0.01, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0, 1.06, 1.1]
path_frames = [draw_paths(rate) for rate in path_rates]
interactive.frames(
    [frame[0] for frame in path_frames],
    path_rates,
    name="descent-paths",
    dpi=80,
    alt=[frame[1] for frame in path_frames],
    description="Learning rate η",
    start=4,
)


# %%
def hovering(rate, batch, walkers=100, steps=400):
    """Mean height above the floor of many SGD walkers that set out from it."""
    dice = np.random.default_rng(SEED)
    w = np.tile(w_floor, (walkers, 1))
    for _ in range(steps):
        pick = dice.integers(0, len(z_train), (walkers, batch))
        wrong_by = np.einsum("wbi,wi->wb", z_train[pick], w) - t_centred[pick]
        w = w - rate * np.einsum("wb,wbi->wi", wrong_by, z_train[pick]) / batch
    return z_excess(w).mean()


for rate in (0.1, 0.3):
    levels = [hovering(rate, batch) for batch in (32, 64, 128)]
    print(
        f"rate {rate}: batches of 32, 64, 128 hover at", ", ".join(f"{1000 * level:.1f}" for level in levels)
    )
    assert levels[0] > levels[1] > levels[2]
print("thousandths above the floor, mean of 100 walkers")

# %% [markdown]
# Three things to take away from the slider.
#
# - **Small rates creep, large rates zigzag.** The trough's steep walls limit the rate, and its flat floor suffers. Momentum and its relatives (chapter 9) are answers to this picture.
# - **SGD is quicker at first.** It has made forty-four decent steps by the time gradient descent has made one good one.
# - **SGD does not arrive.** At the floor the true gradient is zero, but each batch's is not, so it keeps being kicked about. The height at which it hovers is proportional to $\eta/B$ as long as the rate is well
#   below the limit (exercise 4.6). To get closer, lower the rate or enlarge the batch, late in training rather than early.
#
# The hovering is no disaster in practice. What counts is the *other* landscape, that of new pictures, and a thousandth in the wrong one makes no difference there.
#
# ### On ten classes: 32, 64, 128
#
# The same comparison for the softmax classifier on 4,000 training pictures: four epochs with each batch size, once with one learning rate for all, and once with the rate in proportion to the
# batch.

# %%
x_gauge, y_gauge = x_train[:1000], y_train[:1000]


def gauge(w, b):
    """Mean cross-entropy on 1,000 of the training pictures."""
    return -log_softmax(scores(x_gauge, w, b))[np.arange(len(x_gauge)), y_gauge].mean()


same_rate, scaled_rate = {}, {}
for batch in (32, 64, 128):
    same_rate[batch] = train(x_train[:4000], y_train[:4000], 4, batch, 0.005, note=gauge)[2]
    scaled_rate[batch] = train(x_train[:4000], y_train[:4000], 4, batch, 0.005 * batch / 32, note=gauge)[2]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-batches", "caption": "Softmax, batch sizes 32, 64 and 128. Left: with one learning rate for all, the small batch gets farthest per epoch, simply because it makes four times as many steps. Right: with the learning rate in proportion to the batch the three curves nearly coincide."}, "image": {"alt": "Two panels of training loss over four epochs for batch sizes 32, 64 and 128. Left: three separate falling curves, the one for 32 lowest. Right: three curves that nearly coincide."}}
fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for ax, results_of, title in zip(
    axes, (same_rate, scaled_rate), ("η = 0.005 for all", "η = 0.005 · B/32"), strict=True
):
    for (batch, values), style, marker in zip(results_of.items(), plots.LINE_STYLES, "os^", strict=False):
        ax.plot(range(1, 5), values, style, marker=marker, markersize=5, label=f"B = {batch}")
    ax.set(xlabel="epoch", xticks=range(1, 5))
    ax.set_title(title, fontsize=11)
axes[0].set_ylabel("training loss")
axes[0].legend(fontsize=9)
plt.show()

# %%
table = [
    [f"{batch}", f"{same_rate[batch][-1]:.3f}", f"{scaled_rate[batch][-1]:.3f}"] for batch in (32, 64, 128)
]
print("training loss after four epochs:")
print(results.table(table, ["batch", "same rate", "rate in proportion"]))

# %% [markdown]
# The rule of thumb on the right, *twice the batch, twice the rate*, is called linear scaling. It follows from the fact that for small rates two steps with one batch each are nearly one step of
# double size with both batches together (exercise 4.5). It ends where the rate comes near the limit of {eq}`eq-reg-limit`, which knows nothing about batches.
#
# <div class="question">
#
# **Quick question 6.** You go from batch size 32 to 128 and change nothing else. What happens to the noise of a step and to the number of steps in an epoch?
#
# <details class="choice"><summary>The noise becomes a quarter, the number of steps stays</summary>
#
# The *variance* becomes a quarter; the noise itself, its square root, becomes half. And with four times as many pictures a step, an epoch has a quarter of the steps.
#
# </details>
#
# <details class="choice right"><summary>The noise becomes half, the number of steps becomes a quarter</summary>
#
# Right: noise goes like $1/\sqrt B$, steps like $1/B$. With the same learning rate you get less far in an epoch.
#
# </details>
#
# <details class="choice"><summary>The noise becomes half, and each epoch gets equally far because the steps are better</summary>
#
# The steps are better, but they are no longer. In {numref}`fig-reg-batches`, left, you see how far they get.
#
# </details>
# </div>
#
# (sec-reg-rate)=
# ## Finding a learning rate
#
# For a bowl with known curvatures the limit is a formula. For a real model we can estimate it, but the usual way is to try: a handful of epochs for each of several rates, spaced evenly on a *logarithmic* axis.
#
# For softmax an estimate is possible. Chapter 3's Jacobian at equal probabilities is $\frac1C(I - \frac1C\mathbf{1}\mathbf{1}^\top)$, whose largest eigenvalue is $1/C$. So near the start the largest curvature is $h_1/C$, with $h_1$ the largest
# eigenvalue of $\frac1N X^\top X$, and full-batch descent should get into trouble at about $\eta = 2C/h_1$. Does it?

# %%
x_sweep, y_sweep = x_train[:2000], y_train[:2000]
# The 500 x 500 matrix XXᵀ has the same largest eigenvalue as the 3,072 x 3,072 matrix XᵀX.
h_pictures = np.linalg.eigvalsh(x_few @ x_few.T / len(x_few))[-1]
trouble = 2 * C / h_pictures
sweep_rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
swept = []
for rate in sweep_rates:
    w, b, notes = train(x_sweep, y_sweep, 5, 64, rate, penalty=0.03, note=gauge)
    swept.append((notes[0], notes[-1], accuracy(w, b, x_some, y_some)))
table = [
    [f"{rate:g}", f"{first:.2f}", f"{fifth:.2f}", f"{right:.0%}"]
    for rate, (first, fifth, right) in zip(sweep_rates, swept, strict=True)
]
print(results.table(table, ["rate", "1 epoch", "5 epochs", "validation accuracy"]))
print(f"trouble expected from about {trouble:.1f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-rates", "caption": "Eight learning rates. Too small: hardly any progress in five epochs. Too large: the loss ends far above that of guessing (grey line). Dotted: the rate at which the curvature predicts trouble."}, "image": {"alt": "A valley-shaped curve of loss after one and after five epochs against the learning rate on a logarithmic axis: near 2.3 at the left, lowest in the middle, and rising steeply at the right end, beyond a dotted vertical line or near it."}}
fig, ax = plt.subplots(figsize=(6, 3.3))
ax.plot(sweep_rates, [line[0] for line in swept], "o--", color="C1", label="after 1 epoch")
ax.plot(sweep_rates, [line[1] for line in swept], "s-", color="C0", label="after 5 epochs")
ax.axhline(np.log(C), color="gray", linewidth=1)
ax.axvline(trouble, color="gray", linestyle=":", label="2C/h₁")
ax.set(xscale="log", xlabel="learning rate η", ylabel="training loss", ylim=(1.2, 4))
ax.legend(fontsize=9, loc="upper left")
plt.show()

# %% [markdown]
# Choose a rate somewhat to the left of the lowest point: the floor is broad, and the cliff is on the right. Whatever you see on the way has a meaning:
#
# | the training loss … | probably |
# | :-- | :-- |
# | falls in a nearly straight line, slowly | rate too small: multiply by 3 |
# | falls quickly, then flattens out high above what others reach | rate too large to settle: divide by 3, or lower it late |
# | jumps up and down by large amounts | rate near the limit, or batch too small |
# | rises, or becomes `nan` | rate beyond the limit: divide by 10 |
# | starts far from $\log C$ | not the rate: look for a bug (chapter 3) |
#
# ### Schedules
#
# A high rate travels fast and hovers high; a low rate creeps and settles low. So start high and end low. {cite:t}`robbins1951stochastic`, the paper from which SGD stems, asked for rates that fall so that $\sum_k \eta_k = \infty$ (any distance
# can be covered) and $\sum_k \eta_k^2 < \infty$ (the noise dies out), as $\eta_k = \eta_0/(1 + k/k_0)$ does. Today one sees mostly **steps** (divide by 10 now and then) and half a wave of a **cosine** from $\eta_0$ to
# 0 {cite:p}`loshchilov2017sgdr`. Twenty epochs in the trough:

# %%
z_steps = 20 * (len(z_train) // 32)
progress = np.arange(z_steps) / z_steps
schedules = {
    "constant 0.5": np.full(z_steps, 0.5),
    "constant 0.02": np.full(z_steps, 0.02),
    "divided by 10 twice": 0.5 * 10.0 ** -np.floor(3 * progress),
    "1/k": 0.5 / (1 + np.arange(z_steps) / 30),
    "cosine": 0.5 * 0.5 * (1 + np.cos(np.pi * progress)),
}
settled = {}
for name, rates in schedules.items():
    finals = []
    for seed in range(10):
        dice = np.random.default_rng(seed)
        w = start
        for rate in rates:
            w = w - rate * z_gradient(w, dice.integers(0, len(z_train), 32))
        finals.append(z_excess(w[None])[0])
    settled[name] = np.mean(finals)
    print(f"{name:>20}: {1000 * settled[name]:6.2f} thousandths above the floor at the end")
if DATASET == "pocket10":
    assert settled["cosine"] < min(settled["constant 0.5"], settled["constant 0.02"])

# %% [markdown]
# Which one matters little, falling at all matters. Chapter 9 comes back to schedules, together with optimisers that choose a rate for each weight.
#
# (sec-reg-decay)=
# ### Weight decay
#
# Put the L2 penalty into a step of SGD, and collect the terms with $W$:
#
# $$
# W - \eta \Bigl( \frac{\partial L_{\text{data}}}{\partial W} + \lambda W \Bigr)
#   = \underbrace{(1 - \eta\lambda)\, W}_{\text{decay}} - \eta\, \frac{\partial L_{\text{data}}}{\partial W} .
# $$ (eq-reg-decay)
#
# Every step first shrinks all weights by a small percentage, and then learns. Hence the name **weight decay** {cite:p}`krogh1992simple`: what is not renewed by the data is forgotten. PyTorch's optimisers have it built in, and
# here is the proof that it is the same thing:

# %%
w_decay, b_decay = w_small.copy(), b_small.copy()
layer = torch.nn.Linear(7, 5, dtype=torch.float64)
with torch.no_grad():
    layer.weight.copy_(torch.tensor(w_small.T))
    layer.bias.copy_(torch.tensor(b_small))
groups = [{"params": [layer.weight], "weight_decay": 0.3}, {"params": [layer.bias], "weight_decay": 0.0}]
optimizer = torch.optim.SGD(groups, lr=0.1)
for _ in range(5):
    _, dw, db = softmax_loss(w_decay, b_decay, x_small, labels_small)
    w_decay = (1 - 0.1 * 0.3) * w_decay - 0.1 * dw
    b_decay = b_decay - 0.1 * db
    optimizer.zero_grad()
    F.cross_entropy(layer(torch.tensor(x_small)), torch.tensor(labels_small)).backward()
    optimizer.step()

# check: eq-reg-decay
assert np.allclose(w_decay, layer.weight.detach().numpy().T, rtol=1e-10)
assert np.allclose(b_decay, layer.bias.detach().numpy(), rtol=1e-10)
print("five steps: decaying by hand and PyTorch's weight_decay give the same weights")

# %% [markdown]
# Two cautions. `weight_decay` applies to every parameter that you hand over, biases included, unless you make groups as above. And "decay is L2" holds for *plain* SGD: an optimiser that rescales
# gradients, such as Adam, rescales a penalty's gradient along with the rest, but does not touch a decay kept apart from it, and the two part company {cite:p}`loshchilov2019decoupled`. That belongs to chapter 9.
#
# ### Exercise 4.5: two small steps or one large one
#
# Show by experiment that two SGD steps with batches $a$ and $b$ at rate $\eta$ differ from *one* step at rate $2\eta$ with both batches together by something of the order $\eta^2$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The mean gradient of both batches together is $\frac12(\mathbf{g}_a + \mathbf{g}_b)$, taken at the starting point.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Something is of the order $\eta^2$ if halving $\eta$ makes it a quarter. Use `z_gradient(w, rows)`.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# a, b = np.arange(0, 16), np.arange(16, 32)
# gaps = []
# for rate in (0.02, 0.01, 0.005):
#     halfway = start - rate * z_gradient(start, a)
#     two_steps = halfway - rate * z_gradient(halfway, b)
#     one_step = start - 2 * rate * z_gradient(start, np.concatenate([a, b]))
#     gaps.append(np.linalg.norm(two_steps - one_step))
# assert np.isclose(gaps[0] / gaps[1], 4) and np.isclose(gaps[1] / gaps[2], 4)
# ```
#
# The only difference is that $\mathbf{g}_b$ is taken a little farther on, and there it has changed by the Hessian times $\eta\mathbf{g}_a$, which is multiplied by $\eta$ once more. (For a squared loss the ratio is exactly 4.)
#
# </details>
#
# ### Exercise 4.6: how high SGD hovers
#
# One weight, curvature $h$, and in each step a gradient $hw + \xi$ with independent noise $\xi$ of mean 0 and variance $v/B$. Find the variance of $w$ after many steps, and check it by a simulation.
#
# <details class="hint"><summary>Hint 1</summary>
#
# A step takes $w$ to $(1 - \eta h)w - \eta\xi$. What does it do to the variance of $w$?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# After many steps the variance no longer changes: $s^2 = (1 - \eta h)^2 s^2 + \eta^2 v/B$. Solve for $s^2$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# rate, curved, v, batch = 0.3, 0.5, 4.0, 32
# wanted = rate * v / (batch * curved * (2 - rate * curved))
# dice = np.random.default_rng(0)
# w = np.zeros(20_000)  # many walkers at once
# for _ in range(200):
#     w = w - rate * (curved * w + np.sqrt(v / batch) * dice.normal(size=20_000))
# assert np.isclose(w.var(), wanted, rtol=0.05)
# ```
#
# $s^2 = \dfrac{\eta v}{B h (2 - \eta h)}$, and the mean height above the floor is $\frac12 h s^2$: proportional to $\eta/B$ while $\eta h$ is small. It blows up at $\eta h = 2$, the limit of {eq}`eq-reg-limit` again.
#
# </details>
#
# (sec-reg-real)=
# ## On real photographs
#
# The course's own pictures could be kind to their author. So the same questions go to the photographs of CIFAR-10 {cite:p}`krizhevsky2009learning`, with the test set used once for each
# line of the tables. First automobile against truck in grayscale by least squares and by ridge, with few pictures and with many:

# %%
ridge_record = results.load("car_truck_ridge")


def penalty_rows(record, title):
    """Rows of a table: test accuracy without a penalty and with the one that validation chose."""
    rows = []
    for size in record["settings"]["train_sizes"]:
        found = record["metrics"][f"train_{size}"]
        values = (
            results.percent(found["test_accuracy_without_penalty"]),
            results.percent(found["test_accuracy"]),
        )
        rows.append([f"{title}, {size:,} pictures", *values])
    return rows


headings = ["test accuracy", "λ = 0", "λ chosen on validation"]
print(results.table(penalty_rows(ridge_record, "car or truck"), headings))
print()
print(fill(results.provenance(ridge_record), 75))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reg-real", "caption": "Ridge regression on photographs of cars and trucks: mean of three seeds, the band is their standard deviation. With 1,000 pictures and 1,024 pixels the classifier without a penalty (far left) fits everything and knows nothing. With 8,000 pictures there is less to mend, and a wide range of λ does about equally well."}, "image": {"alt": "Two panels, for 1,000 and for 8,000 training pictures: accuracy against the strength on a logarithmic axis. Training accuracy falls from left to right, from 100 percent on the left panel and from about 73 on the right one. Validation accuracy rises, reaches a top near strength 0.1 and falls slightly; the gap between the curves closes."}}
used = np.array(ridge_record["settings"]["strengths"])
fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for ax, size in zip(axes, ridge_record["settings"]["train_sizes"], strict=True):
    for part, style in (("train", "o-"), ("validation", "s--")):
        found = ridge_record["metrics"][f"train_{size}"][f"{part}_accuracy"]
        mean, spread = 100 * np.array(found["mean"]), 100 * np.array(found["spread"])
        lines = ax.plot(
            used[1:], mean[1:], style, markersize=5, label="training" if part == "train" else part
        )
        ax.fill_between(
            used[1:], (mean - spread)[1:], (mean + spread)[1:], color=lines[0].get_color(), alpha=0.25
        )
    ax.set(xscale="log", xlabel="λ", title=f"{size:,} pictures")
axes[0].set_ylabel("accuracy in %")
axes[0].legend(fontsize=9)
plt.show()

# %% [markdown]
# With a thousand photographs, least squares is no better than a coin; the headline experiment of chapter 3 had ten thousand. With a penalty, a thousand photographs do at
# least as well as eight thousand without one: here one added number is worth about seven thousand pictures. With eight thousand pictures the penalty still helps, by less.
#
# Then softmax on all ten classes in colour, with 500 pictures as at the top of this chapter and with 5,000. Both are trained with the same number of steps.

# %%
softmax_record = results.load("cifar10_regularisation")
print(results.table(penalty_rows(softmax_record, "ten classes"), headings))
print()
rows = []
for size in softmax_record["settings"]["train_sizes"]:
    found = softmax_record["metrics"][f"train_{size}"]
    for i, strength in enumerate(softmax_record["settings"]["strengths"]):
        values = (100 * found["train_accuracy"]["mean"][i], 100 * found["validation_accuracy"]["mean"][i])
        rows.append([f"{size:,}", f"{strength:g}", *(f"{value:.1f} %" for value in values)])
print(results.table(rows, ["pictures", "λ", "training", "validation"]))
print()
print(fill(results.provenance(softmax_record), 75))

# %% [markdown]
# The photographs tell the story of the drawn pictures again. With 500 of them the classifier learns nearly all by heart unless it is held back; validation chooses the same strength in all three seeds, and the
# test set confirms a gain of a few points. With ten times as many pictures the best strength is smaller and the gain is below one point, since accidents average out by themselves. And compare the
# lines of the first table downwards: ten times as many pictures are worth more than any penalty. A penalty makes the best of what you have; it does not replace having more.
#
# ## What to remember
#
# 1. The full loss is the data term plus $\lambda R(W)$. L2 spreads and shrinks, L1 switches off, elastic net mixes; the price is a worse fit, the gain is on new pictures.
# 2. Capacity, the strength $\lambda$ and the number of steps are dials of the same kind. The right setting lies between under- and overfitting and is found on validation
#    pictures, on a logarithmic scale.
# 3. In a bowl, a step multiplies the distance along axis $i$ by $1 - \eta h_i$: the steepest axis limits the rate ($\eta < 2/h_1$), the flattest pays for it.
# 4. A mini-batch gradient is right on average, and its noise falls like $1/\sqrt B$; with a fixed rate SGD hovers at a height in proportion to $\eta/B$.
# 5. For plain SGD an L2 penalty is weight decay: shrink by $1 - \eta\lambda$, then learn.
#
# ## Pitfalls
#
# - **λ without its convention.** With or without ½, with a mean or a sum over the pictures: scikit-learn's `Ridge(alpha)` is $N$ times our $\lambda$, while its `Lasso` divides by $N$ as we do.
# - **Comparing full losses for different λ.** The penalty is part of the number. Compare data terms, or accuracies.
# - **Penalising inputs on different scales.** The penalty takes all weights for equally expensive. An input measured in millimetres needs a thousandth of the weight of one in metres, and gets away nearly free.
# - **Decaying the biases by accident.** `weight_decay` takes all that it is given.
# - **A linear grid.** The values 0.1, 0.2, …, 1.0 for $\lambda$ or $\eta$ cover one power of ten. Six values a factor of ten apart find the region.
# - **Choosing on the test set.** The sweep of {numref}`fig-reg-ridge` has 37 candidates; the best of 37 looks better than it is on the set that chose it.
# - **Not shuffling.** If the set is sorted by class, each mini-batch knows one class only, and its gradient is anything but unbiased.
# - **One learning rate for ever**, carried over from another batch size or another scaling of the inputs. The limit is $2/h_1$, and $h_1$ changes with both the inputs and the model.
#
# ## History and further reading
#
# {cite:t}`cauchy1847methode` proposed to solve systems of equations by going downhill, and is usually named as the inventor of gradient descent. {cite:t}`robbins1951stochastic` proved that noisy
# observations are enough if the steps shrink at the right pace. {cite:t}`tikhonov1963solution` added a penalty to problems whose solution would otherwise hang on the last digit of the data, and
# {cite:t}`hoerl1970ridge` brought the idea to regression and called it ridge. {cite:t}`tibshirani1996regression` gave the lasso its name and its corners, {cite:t}`zou2005regularization` mixed the two into elastic
# net. {cite:t}`krogh1992simple` analysed why weight decay helps networks, and {cite:t}`geman1992neural` made bias and variance household words in the field. Linear scaling of rate and batch became famous
# when {cite:t}`goyal2017accurate` used it to train a ResNet on ImageNet in an hour; {cite:t}`masters2018revisiting` argue for small batches instead.
#
# For more, read {cite:t}`bottou2018optimization`, a long and clear survey of stochastic optimisation; the first half of {cite:t}`lecun1998efficient`, which has the trough, the condition number and the best rate as
# in this chapter, with advice that is still good; and chapter 3 of {cite:t}`hastie2009elements` on ridge, lasso and what lies between.
#
# ## Your turn: assignment 2
#
# Assignment `ps2_neural_networks` practises this chapter and chapter 5. As before it asks for *variations* of what you met here, so that understanding helps and copying doesn't. Its exercises 1 to 3 need this chapter only: a penalty
# for whole groups of weights, a step that survives a bad batch, and the largest curvature without a Hessian. Open `assignments/ps2_neural_networks/ps2_neural_networks.ipynb` in JupyterLab and check your answers as you go with `course check ps2`; the page
# [for students](../book/students.md) says how it works.
#
# Next comes chapter 5. The landscape stays, the descent stays; what changes is the model. It stacks linear classifiers with a bend in between, and needs a systematic way to get its gradients.
