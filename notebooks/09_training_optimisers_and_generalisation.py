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
# (chap-optimisers)=
# # Training: optimisers and generalisation
#
# Two questions about one training run: how to get down faster than plain descent, and how to make sure that what was learned holds for pictures that nobody
# has trained on.
#
# **What you will be able to do**
#
# 1. derive what momentum does to speed and to stability, and turn Nesterov's look-ahead into the form that libraries use;
# 2. write AdaGrad, RMSProp, Adam and AdamW in a few lines each, with the bias correction derived, and have them agree with PyTorch step by step;
# 3. compare optimisers fairly, each at its own learning rate, and choose a schedule;
# 4. read a learning curve and name the illness;
# 5. regularise with early stopping, dropout, noise, augmentation and weight decay, and say what each is worth by measurement;
# 6. average over noise and over networks at test time, and prove when that must help;
# 7. search hyperparameters so that no trial is wasted.
#
# **What you need**: [chapter 4](04_regularisation_and_optimisation.ipynb) (bowls, curvatures, mini-batches, weight decay), [chapter 5](05_neural_networks_and_backprop.ipynb)
# (networks and their gradients), mean and variance.

# %%
from course_utils import results

print(results.run_time_note("09_training_optimisers_and_generalisation"))

# %%
import copy
import io
import itertools
from functools import partial
from math import comb
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from course_utils import augmentation, interactive, plots
from course_utils.data import class_names, load, train_validation_split
from course_utils.training import EarlyStopping, evaluate, scores, to_tensor, train

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# (sec-opt-momentum)=
# ## Momentum
#
# Chapter 4 ended its analysis of gradient descent with a complaint. In a long trough the steep walls limit the learning rate, and the flat floor has to live with it: the path hops from wall to wall and
# creeps along the valley. Look at what the steps have in common. Across the trough they alternate, one to the left, one to the right. Along the trough they all point the same way, timidly. So *add
# up the steps of the past*: what alternates cancels, and what agrees grows.
#
# That is what a heavy ball does on a slope, and so the sum is called **velocity**. In each step it loses a share of itself, as if by friction, and gains the new gradient $\mathbf{g}_k = \nabla L(\mathbf{w}_k)$:
#
# $$
# \begin{aligned}
# \mathbf{v}_{k+1} &= \rho\, \mathbf{v}_k + \mathbf{g}_k, \\
# \mathbf{w}_{k+1} &= \mathbf{w}_k - \eta\, \mathbf{v}_{k+1} .
# \end{aligned}
# $$ (eq-opt-momentum)
#
# At the start $\mathbf{v}_0 = \mathbf{0}$. $\rho$ is the **momentum** coefficient, usually 0.9, sometimes 0.99; with $\rho = 0$ we are back at gradient descent. (Here $k$ counts steps, and $\mathbf{v}$ has the shape of $\mathbf{w}$. Some texts put $\eta$ into the velocity; as long as
# $\eta$ doesn't change, that is the same path.)
#
# Every optimiser of this chapter is a function like the next two: it takes weights, a gradient and a `memory` that belongs to these weights, and returns new weights. The test beside them lets PyTorch's version walk through the same
# landscape and reports the largest difference in any weight at any of fifty steps.


# %%
def sgd(w, g, memory, lr):
    """Plain gradient descent."""
    return w - lr * g


def momentum(w, g, memory, lr, rho=0.9):
    """Descent with a velocity."""
    memory["v"] = rho * memory.get("v", 0) + g
    return w - lr * memory["v"]


bends = np.linspace(0.1, 3, 12)  # a landscape of 12 weights: curved, and not quite a bowl


def bumpy(w):
    """Its height, for a tensor w (12,)."""
    return (0.5 * torch.tensor(bends) * w**2 - torch.cos(2 * w)).sum()


def bumpy_gradient(w):
    """Its gradient by hand, for an array w (12,)."""
    return bends * w + 2 * np.sin(2 * w)


def distance_from_torch(step, settings, optimizer_class, torch_settings, steps=50):
    """Largest difference to PyTorch's optimiser, in any weight at any step."""
    w, memory, worst = np.linspace(-2, 2.5, 12), {}, 0.0
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = optimizer_class([parameter], **torch_settings)
    for _ in range(steps):
        w = step(w, bumpy_gradient(w), memory, **settings)
        optimizer.zero_grad()
        bumpy(parameter).backward()
        optimizer.step()
        worst = max(worst, np.abs(w - parameter.detach().numpy()).max())
    return worst


# %%
# check: eq-opt-momentum
for rho in (0.0, 0.9, 0.99):
    torch_sgd = {"lr": 0.02, "momentum": rho}
    assert distance_from_torch(momentum, {"lr": 0.02, "rho": rho}, torch.optim.SGD, torch_sgd) < 1e-10
assert distance_from_torch(sgd, {"lr": 0.02}, torch.optim.SGD, {"lr": 0.02}) < 1e-10
print("momentum 0, 0.9 and 0.99: the same weights as torch.optim.SGD after each of 50 steps")

# %% [markdown]
# ### How fast a ball rolls
#
# Unroll the recursion: $\mathbf{v}_{k} = \mathbf{g}_{k-1} + \rho\, \mathbf{g}_{k-2} + \rho^2 \mathbf{g}_{k-3} + \dots$, a sum over the past that forgets exponentially. On an even slope all gradients are the same $\mathbf{g}$,
# and the geometric series gives
#
# $$
# \mathbf{v}_k = \frac{1 - \rho^k}{1 - \rho}\, \mathbf{g}
# \;\longrightarrow\; \frac{\mathbf{g}}{1 - \rho} .
# $$ (eq-opt-terminal)
#
# So $\rho = 0.9$ moves **ten** times as fast as gradient descent with the same $\eta$ once it is rolling, $\rho = 0.99$ a **hundred** times, and it takes about $1/(1-\rho)$ steps to get going. It is the first thing to remember when you switch momentum on: the effective learning
# rate is $\eta/(1 - \rho)$.

# %%
slope = np.array([3.0, -2.0])
# check: eq-opt-terminal
for rho in (0.9, 0.99):
    rolling, place = {}, np.zeros(2)
    for k in range(1, 1001):
        place = momentum(place, slope, rolling, lr=0.1, rho=rho)
        assert np.allclose(rolling["v"], (1 - rho**k) / (1 - rho) * slope)
    print(
        f"momentum {rho}: after 1,000 steps on an even slope {rolling['v'][0] / slope[0]:.1f} times the gradient"
    )

# %% [markdown]
# ### How stable it is
#
# Now a bowl. Along one of its axes, with curvature $h$, the gradient is $hw$. A step takes weight and velocity together to new ones, linearly, so it is a matrix of two rows; the third line is the equation for its eigenvalues $z$:
#
# $$
# \begin{aligned}
# w_{k+1} &= (1 - \eta h)\, w_k - \eta\rho\, v_k, \\
# v_{k+1} &= h\, w_k + \rho\, v_k, \\
# 0 &= z^2 - (1 + \rho - \eta h)\, z + \rho .
# \end{aligned}
# $$ (eq-opt-modes)
#
# The larger $|z|$ of the two is the factor by which the distance from the floor shrinks, step by step. Two facts can be read off. The product of the two eigenvalues is $\rho$. So as long as they are a *complex* pair, which swings as it shrinks,
# both have size $\sqrt\rho$, *whatever the curvature*: steep and flat directions shrink alike. That happens for
# $(1 - \sqrt\rho)^2 < \eta h < (1 + \sqrt\rho)^2$. And the largest stable rate is $\eta < 2(1 + \rho)/h_1$, nearly twice that of gradient descent.
#
# For the fastest descent, let the flattest direction lie at the left end of that window and the steepest at the right end:
#
# $$
# \begin{aligned}
# \sqrt{\rho^*} &= \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}, \\
# \eta^* &= \frac{4}{\bigl(\sqrt{h_1} + \sqrt{h_D}\bigr)^2} .
# \end{aligned}
# $$ (eq-opt-best)
#
# Compare with chapter 4's $(\kappa - 1)/(\kappa + 1)$ for gradient descent: the condition number has become its *square root*. For $\kappa = 100$ the factor falls from 0.98 to 0.82. To lose nine tenths of the distance takes 12 steps in place of about 115. The result is due to {cite:t}`polyak1964some`.


# %%
def mode(eta, rho, h):
    """The step's matrix (2, 2) along an axis of curvature h."""
    return np.array([[1 - eta * h, -eta * rho], [h, rho]])


def slowest(eta, rho, curvatures):
    """Factor by which the slowest direction shrinks in a step, in the long run."""
    return max(np.abs(np.linalg.eigvals(mode(eta, rho, h))).max() for h in curvatures)


# check: eq-opt-modes
for eta, rho, h in ((0.1, 0.9, 2.0), (0.5, 0.5, 3.0), (0.01, 0.99, 1.0)):
    z = np.linalg.eigvals(mode(eta, rho, h))
    assert np.allclose(z**2 - (1 + rho - eta * h) * z + rho, 0)
    step_w = momentum(np.array(0.7), h * np.array(0.7), {"v": np.array(-0.4)}, eta, rho)
    assert np.isclose((mode(eta, rho, h) @ [0.7, -0.4])[0], step_w)
for rho in (0.0, 0.5, 0.9):  # the largest stable rate is 2 (1 + ρ) / h
    limit = 2 * (1 + rho) / 3.0
    assert slowest(0.99 * limit, rho, [3.0]) < 1 < slowest(1.01 * limit, rho, [3.0])
for h in (0.5, 1.0, 3.0):  # three curvatures inside the window: the same factor
    assert np.isclose(slowest(0.1, 0.81, [h]), np.sqrt(0.81))

h_flat, h_steep = 0.4, 10.0
kappa = h_steep / h_flat
rho_best = ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)) ** 2
eta_best = 4 / (np.sqrt(h_steep) + np.sqrt(h_flat)) ** 2
others = [
    slowest(eta, rho, (h_flat, h_steep))
    for eta in np.linspace(0.01, 0.4, 60)
    for rho in np.linspace(0, 0.98, 50)
]
# check: eq-opt-best
# At the best setting both eigenvalues coincide; there rounding is magnified to its square root, about 1e-8.
assert np.isclose(slowest(eta_best, rho_best, (h_flat, h_steep)), np.sqrt(rho_best), atol=1e-6)
assert min(others) > np.sqrt(rho_best)
print(f"condition number {kappa:.0f}: best momentum {rho_best:.2f} at rate {eta_best:.2f},")
print(f"factor {np.sqrt(rho_best):.2f} a step; gradient descent at its best: {(kappa - 1) / (kappa + 1):.2f}")

# %% [markdown]
# Move $\rho$ yourself, in a trough with these two curvatures. The learning rate stays at 0.06, where gradient descent is stable and slow.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-momentum", "caption": "A trough with condition number 25, turned by 25 degrees; move ρ. Left: sixty steps from the same start. Right: height above the floor, and (dotted) the speed that the eigenvalues predict. From 0 to about 0.7 every bit of momentum helps; at 0.9 the ball overshoots and still arrives sooner; at 0.99 it circles the floor for hundreds of steps."}, "image": {"alt": "Frames of an interactive figure: a path in an elliptic trough that creeps at momentum 0, runs straight to the floor at middle values, and swings around it in wide loops at 0.99; beside it the height above the floor against the step on a logarithmic axis."}}
turn = np.deg2rad(25)
trough_axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
trough = trough_axes @ np.diag([h_flat, h_steep]) @ trough_axes.T


def walk(step, gradient, start, steps, **settings):
    """Path (steps + 1, number of weights) of an optimiser; NaN from where it leaves all bounds."""
    path, memory = [np.array(start, dtype=float)], {}
    for _ in range(steps):
        w = path[-1]
        path.append(step(w, gradient(w), memory, **settings) if np.abs(w).max() < 1e3 else np.nan * w)
    return np.array(path)


def draw_momentum(rho, steps=60):
    """One frame: the path and the height above the floor for one momentum."""
    path = walk(momentum, lambda w: trough @ w, (-2.6, -0.2), steps, lr=0.06, rho=rho)
    height = 0.5 * np.einsum("ki,ij,kj->k", path, trough, path)
    factor = slowest(0.06, rho, (h_flat, h_steep))
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.2), width_ratios=[1.25, 1], layout="none")
    fig.subplots_adjust(left=0.06, right=0.98, bottom=0.15, top=0.9, wspace=0.2)
    u, v = np.meshgrid(np.linspace(-3, 3, 120), np.linspace(-2, 2, 90))
    surface = 0.5 * (trough[0, 0] * u**2 + 2 * trough[0, 1] * u * v + trough[1, 1] * v**2)
    left.contour(u, v, surface, levels=np.geomspace(0.02, 20, 10), colors="0.75", linewidths=0.8)
    left.plot(*path.T, "o-", color="C0", markersize=3.5, linewidth=1.2)
    left.plot(0, 0, "x", color="black", markersize=9, markeredgewidth=2)
    left.set(xlim=(-3, 3), ylim=(-2, 2))
    left.set_title(f"ρ = {rho:g}, η = 0.06", fontsize=11)
    left.grid(False)
    right.semilogy(height, label="measured")
    k = np.arange(steps + 1)
    right.semilogy(k, 0.5 * factor ** (2 * k), ":", color="black", linewidth=1.5, label="slope predicted")
    right.set(xlabel="step", ylim=(1e-9, 30))
    right.set_title("height above the floor", fontsize=11)
    right.legend(fontsize=8, loc="lower left")
    return fig, height[-1]


rhos = [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99]
rho_frames = [draw_momentum(rho) for rho in rhos]
interactive.frames(
    [frame[0] for frame in rho_frames],
    rhos,
    name="momentum",
    dpi=78,
    alt=[
        f"Momentum {rho:g}: after sixty steps the ball is {frame[1]:.1e} above the floor."
        for rho, frame in zip(rhos, rho_frames, strict=True)
    ],
    description="Momentum ρ",
    start=7,
)

# %% [markdown]
# <div class="question">
#
# **Quick question 1.** A recipe for plain SGD says $\eta = 0.1$. You add momentum $\rho = 0.9$ and keep everything else. What will you probably see?
#
# <details class="choice"><summary>The same curve, a little smoother</summary>
#
# The velocity *adds up* gradients. On an even slope it ends up ten times as long as one of them, so far more changes than the smoothness.
#
# </details>
# <details class="choice right"><summary>Steps up to ten times as long, and possibly divergence</summary>
#
# Right. The effective rate is $0.1/(1 - 0.9) = 1$. Start again at about a tenth of the old rate, and search from there.
#
# </details>
# <details class="choice"><summary>Divergence for certain, since the largest stable rate is ten times smaller</summary>
#
# In a bowl the limit becomes *larger*, $2(1 + \rho)/h_1$ in place of $2/h_1$. It is the noise of mini-batches and the bends of real landscapes that make ten times longer steps dangerous.
#
# </details>
# </div>
#
# (sec-opt-nesterov)=
# ## Nesterov: look before you leap
#
# With momentum, most of the next step is known before the gradient is: the ball will roll on by $-\eta\rho\,\mathbf{v}_k$ anyway. So measure the gradient *there*, where the ball is about to be. If the ground rises ahead, the brake comes one step sooner {cite:p}`nesterov1983method`:
#
# $$
# \begin{aligned}
# \mathbf{v}_{k+1} &= \rho\, \mathbf{v}_k + \nabla L(\mathbf{w}_k - \eta\rho\, \mathbf{v}_k), \\
# \mathbf{w}_{k+1} &= \mathbf{w}_k - \eta\, \mathbf{v}_{k+1} .
# \end{aligned}
# $$ (eq-opt-nesterov)
#
# This is awkward to program: backpropagation gives the gradient at the weights that the network *has*, not at others. A change of variables removes the difficulty. Let the network have the weights at which the gradient is wanted, $\tilde{\mathbf{w}}_k = \mathbf{w}_k - \eta\rho\,\mathbf{v}_k$. How do *they* move?
#
# $$
# \begin{aligned}
# \tilde{\mathbf{w}}_{k+1}
# &= \mathbf{w}_{k+1} - \eta\rho\, \mathbf{v}_{k+1} \\
# &= \mathbf{w}_k - \eta (1 + \rho)\, \mathbf{v}_{k+1} \\
# &= \tilde{\mathbf{w}}_k + \eta\rho\, \mathbf{v}_k \\
# &\quad - \eta (1 + \rho)\, \mathbf{v}_{k+1} \\
# &= \tilde{\mathbf{w}}_k - \eta\, \bigl( \mathbf{g}_k + \rho\, \mathbf{v}_{k+1} \bigr) .
# \end{aligned}
# $$ (eq-opt-change)
#
# The last step puts in $\rho\,\mathbf{v}_k = \mathbf{v}_{k+1} - \mathbf{g}_k$, with $\mathbf{g}_k = \nabla L(\tilde{\mathbf{w}}_k)$. Everything in the last line is at hand: the weights that the network has, the gradient at them, and the velocity. In words: *update the velocity as always, then step along the gradient plus $\rho$ times the new velocity*.


# %%
def nesterov(w, g, memory, lr, rho=0.9):
    """Nesterov momentum in the shifted variables: g is the gradient at w."""
    memory["v"] = rho * memory.get("v", 0) + g
    return w - lr * (g + rho * memory["v"])


def nesterov_ahead(start, gradient, lr, rho, steps):
    """Nesterov momentum as it is stated; returns the weights and the places ahead of them."""
    w, v, weights, ahead = np.array(start), np.zeros(len(start)), [], []
    for _ in range(steps):
        ahead.append(w - lr * rho * v)
        v = rho * v + gradient(ahead[-1])
        w = w - lr * v
        weights.append(w)
    return np.array(weights), np.array(ahead)


_, places_ahead = nesterov_ahead(np.linspace(-2, 2.5, 12), bumpy_gradient, 0.02, 0.9, 50)
shifted, shifted_memory = [np.linspace(-2, 2.5, 12)], {}
for _ in range(49):
    shifted.append(nesterov(shifted[-1], bumpy_gradient(shifted[-1]), shifted_memory, 0.02))
# check: eq-opt-nesterov, eq-opt-change
assert np.allclose(shifted, places_ahead, rtol=0, atol=1e-12)
torch_nesterov = {"lr": 0.02, "momentum": 0.9, "nesterov": True}
assert distance_from_torch(nesterov, {"lr": 0.02}, torch.optim.SGD, torch_nesterov) < 1e-10
print("look-ahead and shifted form visit the same 50 places, and so does torch.optim.SGD")

# %% [markdown]
# Two details that are easily lost. The shifted weights are *not* the ones that the theory speaks of, but ahead of them; once the velocity has died down there is no difference. And with $\rho = 0.9$ the very first step is $1.9\,\eta\,\mathbf{g}$, not $\eta\,\mathbf{g}$. {cite:t}`sutskever2013importance` made both forms of momentum popular in deep learning, by
# training networks with them that had been thought to need second-order methods.
#
# (sec-opt-adaptive)=
# ## A rate for every weight
#
# Momentum gives all weights one rate. But the weights of a network have gradients of very different sizes, from layer to layer, and also within a layer: a pixel in the corner of the picture that is nearly always dark hardly ever sends a gradient to its weight. Why not let each weight have its own rate, set by the gradients that it has seen?
#
# **AdaGrad** {cite:p}`duchi2011adaptive` adds up the squares of each weight's gradients and divides by the root. All operations are entry by entry:
#
# $$
# \begin{aligned}
# \mathbf{s}_{k+1} &= \mathbf{s}_k + \mathbf{g}_k^2, \\
# \mathbf{w}_{k+1} &= \mathbf{w}_k - \eta\, \frac{\mathbf{g}_k}{\sqrt{\mathbf{s}_{k+1}} + \varepsilon} .
# \end{aligned}
# $$ (eq-opt-adagrad)
#
# A weight with large gradients takes cautious steps, one that rarely hears anything takes bold ones when it does. $\varepsilon$ keeps a weight that has never had a gradient from dividing zero by zero. Multiply all gradients by 1,000, and (but for $\varepsilon$) nothing changes, which is a great relief
# when you don't know how large they will be.
#
# The catch: the sum only grows. With gradients of steady size the step shrinks like $1/\sqrt k$. For convex problems that is the right pace, and AdaGrad comes with a proof; in a deep network it often comes to rest long before it has arrived. **RMSProp** {cite:p}`tieleman2012lecture` forgets: in place of the sum, an exponentially fading *mean* of the squares,
#
# $$
# \begin{aligned}
# \mathbf{s}_{k+1} &= \beta_2\, \mathbf{s}_k + (1 - \beta_2)\, \mathbf{g}_k^2, \\
# \mathbf{w}_{k+1} &= \mathbf{w}_k - \eta\, \frac{\mathbf{g}_k}{\sqrt{\mathbf{s}_{k+1}} + \varepsilon} .
# \end{aligned}
# $$ (eq-opt-rmsprop)
#
# With $\beta_2 = 0.99$ it remembers about a hundred steps (PyTorch calls this number `alpha` here and $\beta_2$ in Adam). Now each weight moves by roughly $\eta$ a step as long as its gradients keep their sign: the learning rate has become a *length*, no longer a factor. That is why the same 0.001 works for so many networks, and also why it won't come to rest by itself.


# %%
def adagrad(w, g, memory, lr, eps=1e-10):
    """Divide by the root of the sum of squared gradients."""
    memory["s"] = memory.get("s", 0) + g**2
    return w - lr * g / (np.sqrt(memory["s"]) + eps)


def rmsprop(w, g, memory, lr, alpha=0.99, eps=1e-8):
    """Divide by the root of a fading mean of squared gradients."""
    memory["s"] = alpha * memory.get("s", 0) + (1 - alpha) * g**2
    return w - lr * g / (np.sqrt(memory["s"]) + eps)


# check: eq-opt-adagrad
assert distance_from_torch(adagrad, {"lr": 0.3}, torch.optim.Adagrad, {"lr": 0.3}) < 1e-10
# check: eq-opt-rmsprop
assert distance_from_torch(rmsprop, {"lr": 0.02}, torch.optim.RMSprop, {"lr": 0.02}) < 1e-10

quiet = {"adagrad": [], "rmsprop": []}
for name, step in (("adagrad", adagrad), ("rmsprop", rmsprop)):
    long_memory, spot = {}, 0.0
    for _ in range(1000):
        previous, spot = spot, step(spot, 5.0, long_memory, 0.01)
        quiet[name].append(previous - spot)
    lengths = ", ".join(f"{quiet[name][k - 1]:.4f}" for k in (1, 10, 100, 1000))
    print(f"{name}, a gradient that is always 5, rate 0.01: step 1, 10, 100, 1000 have length {lengths}")

# %% [markdown]
# AdaGrad's steps shrink as predicted. RMSProp's settle at the learning rate, but look at the first one: *ten times* as long as intended. The fading mean started at zero, so after one step it is $0.01\,\mathbf{g}^2$, much too small, and we divide by its root. This brings us to Adam.
#
# ### Adam, and why it corrects
#
# **Adam** {cite:p}`kingma2015adam` puts both ideas together: momentum for the direction, RMSProp for the scale. Both as fading *means*, with memories $\beta_1$ (usually 0.9) and $\beta_2$ (usually 0.999), and both corrected for having started at zero:
#
# $$
# \begin{aligned}
# \mathbf{m}_t &= \beta_1 \mathbf{m}_{t-1} + (1 - \beta_1)\, \mathbf{g}_t, \\
# \mathbf{s}_t &= \beta_2\, \mathbf{s}_{t-1} + (1 - \beta_2)\, \mathbf{g}_t^2, \\
# \hat{\mathbf{m}}_t &= \frac{\mathbf{m}_t}{1 - \beta_1^t}, \qquad
# \hat{\mathbf{s}}_t = \frac{\mathbf{s}_t}{1 - \beta_2^t}, \\
# \mathbf{w}_t &= \mathbf{w}_{t-1} - \eta\, \frac{\hat{\mathbf{m}}_t}{\sqrt{\hat{\mathbf{s}}_t} + \varepsilon} .
# \end{aligned}
# $$ (eq-opt-adam)
#
# Steps are counted from $t = 1$ here, and $\mathbf{g}_t$ is the gradient at $\mathbf{w}_{t-1}$. Where do the denominators $1 - \beta^t$ come from? Unroll the recursion: $\mathbf{m}_t = (1 - \beta) \sum_{i=1}^{t} \beta^{t-i}\, \mathbf{g}_i$. If the gradients of these few steps all have the same expectation $\mathrm{E}[\mathbf{g}]$, it can be taken out of the sum, and what is left is a geometric series:
#
# $$
# \begin{aligned}
# \mathrm{E}[\mathbf{m}_t] &= (1 - \beta) \sum_{i=1}^{t} \beta^{t-i}\; \mathrm{E}[\mathbf{g}] \\
# &= (1 - \beta^t)\; \mathrm{E}[\mathbf{g}] .
# \end{aligned}
# $$ (eq-opt-bias)
#
# So $\mathbf{m}_t$ is too small by the known factor $1 - \beta^t$, on average, and dividing by it makes the estimate unbiased. The same holds for $\mathbf{s}_t$ with $\mathrm{E}[\mathbf{g}^2]$. A statement about an expectation can be checked exactly by going through all that can happen: six gradients, each either 1 or 3, are 64 histories.


# %%
def adam(w, g, memory, lr, betas=(0.9, 0.999), eps=1e-8):
    """Fading means of gradient and squared gradient, both corrected for their start at zero."""
    t = memory["t"] = memory.get("t", 0) + 1
    memory["m"] = betas[0] * memory.get("m", 0) + (1 - betas[0]) * g
    memory["s"] = betas[1] * memory.get("s", 0) + (1 - betas[1]) * g**2
    m_hat = memory["m"] / (1 - betas[0] ** t)
    s_hat = memory["s"] / (1 - betas[1] ** t)
    return w - lr * m_hat / (np.sqrt(s_hat) + eps)


def fading_mean(values, beta):
    """The recursion m ← β m + (1 − β) g along the first axis, from zero."""
    m = np.zeros(values.shape[1:])
    for g in values:
        m = beta * m + (1 - beta) * g
    return m


histories = np.array(list(itertools.product([1.0, 3.0], repeat=6))).T  # (6 steps, 64 histories)
# check: eq-opt-bias
for beta in (0.9, 0.999):
    for t in range(1, 7):
        expected_gradient, expected_square = 2.0, 5.0  # (1 + 3) / 2 and (1 + 9) / 2
        found = fading_mean(histories[:t], beta).mean()
        assert np.isclose(found, (1 - beta**t) * expected_gradient)
        assert np.isclose(fading_mean(histories[:t] ** 2, beta).mean(), (1 - beta**t) * expected_square)
# check: eq-opt-adam
for rate in (1e-3, 5e-4, 0.05):
    assert distance_from_torch(adam, {"lr": rate}, torch.optim.Adam, {"lr": rate}) < 1e-10
print("64 histories: the fading mean is too small by 1 − β^t, exactly; Adam agrees with PyTorch")

# %% [markdown]
# What if one leaves the correction out? Both means start too small, the second much more so, for $\beta_2$ is nearer to 1. After the first step the quotient is $0.1\,g / \sqrt{0.001\,g^2} = 3.2$ in place of 1, and it gets worse before it gets better.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-bias", "caption": "Length of Adam's step in units of the learning rate, for a gradient of constant size. Corrected: always 1. Uncorrected: more than three times as long at the start, six times after a dozen steps, and back to 1 only after thousands. Those are the steps in which a network with fresh weights is most easily damaged."}, "image": {"alt": "A flat line at 1 and a curve above it that begins at 3, rises to about 6.5 near step 12 and falls back towards 1 by step 3000, over a logarithmic axis of steps."}}
t_axis = np.unique(np.geomspace(1, 5000, 200).round())
uncorrected = (1 - 0.9**t_axis) / np.sqrt(1 - 0.999**t_axis)
fig, ax = plt.subplots(figsize=(6, 3))
ax.semilogx(t_axis, uncorrected, "--", color="C3", label="without correction")
ax.semilogx(t_axis, np.ones_like(t_axis), "-", color="C0", label="with correction")
ax.set(xlabel="step t", ylabel="length of the step / η", ylim=(0, 7.5))
ax.legend(fontsize=9)
plt.show()

# %%
first_memory = {}
for size in (1e-4, 1.0, 1e4):
    first = adam(np.zeros(1), np.array([size]), {}, lr=0.001)[0]
    assert np.isclose(first, -0.001, rtol=1e-3)  # ε = 1e-8 is a ten-thousandth of the smallest of the three
print("Adam's first step is η long in every weight, whether the gradient is 0.0001 or 10,000")
print(f"without correction it would be {0.1 / np.sqrt(0.001):.1f} times that,")
print(
    f"and the longest, {uncorrected.max():.1f} times, would come at step {t_axis[uncorrected.argmax()]:.0f}"
)

# %% [markdown]
# ### Adam and weight decay: AdamW
#
# Chapter 4 showed that an L2 penalty and weight decay are the same thing for plain SGD, and warned that for Adam they are not. Now you can see why. Add $\lambda\mathbf{w}$ to the gradient, as a penalty does, and Adam divides it by $\sqrt{\hat{\mathbf{s}}_t}$ along with the rest. A weight with large gradients is then hardly held back at all. **AdamW** {cite:p}`loshchilov2019decoupled` keeps the decay out of the quotient:
#
# $$
# \begin{aligned}
# \mathbf{w}_t &= (1 - \eta\lambda)\, \mathbf{w}_{t-1} \\
# &\quad - \eta\, \frac{\hat{\mathbf{m}}_t}{\sqrt{\hat{\mathbf{s}}_t} + \varepsilon} .
# \end{aligned}
# $$ (eq-opt-adamw)


# %%
def adamw(w, g, memory, lr, weight_decay=0.01):
    """Adam with decay apart from the gradient."""
    return adam((1 - lr * weight_decay) * w, g, memory, lr)


def adam_l2(w, g, memory, lr, weight_decay=0.01):
    """Adam with an L2 penalty inside the gradient."""
    return adam(w, g + weight_decay * w, memory, lr)


decay = {"lr": 0.01, "weight_decay": 0.3}
# check: eq-opt-adamw
assert distance_from_torch(adamw, decay, torch.optim.AdamW, decay) < 1e-10
assert distance_from_torch(adam_l2, decay, torch.optim.Adam, decay) < 1e-10
assert distance_from_torch(adam_l2, decay, torch.optim.AdamW, decay) > 1e-3

loud = {"AdamW": (adamw, []), "Adam with L2": (adam_l2, [])}
for name, (step, ends) in loud.items():
    for size in (0.1, 10.0):  # two weights whose gradients differ in size and average out to zero
        rng_pull, w_pull, pull_memory = np.random.default_rng(SEED), 1.0, {}
        for _ in range(2000):
            w_pull = step(w_pull, size * rng_pull.choice([-1.0, 1.0]), pull_memory, 0.001, 0.3)
        ends.append(w_pull)
    print(f"{name:>12}: of a weight 1.0 there is left {ends[0]:.2f} (quiet) and {ends[1]:.2f} (loud)")
assert abs(loud["AdamW"][1][0] - loud["AdamW"][1][1]) < 0.01
assert loud["Adam with L2"][1][0] < 0.2 < 0.8 < loud["Adam with L2"][1][1]

# %% [markdown]
# The gradients in this little experiment carry no information, they are coin tosses, so only the decay moves the weights in the long run. AdamW shrinks both weights alike. With the penalty inside, the quiet weight is wiped out and the loud one is hardly touched: the penalty acts most where it is needed least.
#
# That makes six optimisers, each in two to six lines, and each equal to PyTorch's. The table collects them; 1e-10 was asked for, and this is what is found:

# %%
WALKERS = {
    "SGD": (sgd, {}, torch.optim.SGD, {}),
    "momentum": (momentum, {}, torch.optim.SGD, {"momentum": 0.9}),
    "Nesterov": (nesterov, {}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "AdaGrad": (adagrad, {}, torch.optim.Adagrad, {}),
    "RMSProp": (rmsprop, {}, torch.optim.RMSprop, {}),
    "Adam": (adam, {}, torch.optim.Adam, {}),
}
REMEMBERS = {"SGD": 0, "momentum": 1, "Nesterov": 1, "AdaGrad": 1, "RMSProp": 1, "Adam": 2}
rows = []
for name, (step, settings, optimizer_class, torch_settings) in WALKERS.items():
    gap = distance_from_torch(
        step, {"lr": 0.01, **settings}, optimizer_class, {"lr": 0.01, **torch_settings}, steps=200
    )
    rows.append([name, str(REMEMBERS[name]), "yes" if gap < 1e-10 else "no"])
    assert gap < 1e-10
print(results.table(rows, ["optimiser", "numbers kept for each weight", "as PyTorch"]))

# %% [markdown]
# <div class="question">
#
# **Quick question 2.** A bug multiplies your loss by 100. Which optimiser's path stays (almost) the same?
#
# <details class="choice"><summary>Momentum, because the velocity averages</summary>
#
# The velocity is a *sum* of gradients, and all of them are a hundred times as long. So are the steps; most likely it diverges.
#
# </details>
# <details class="choice"><summary>None, the gradients are a hundred times as large</summary>
#
# They are, but some optimisers divide by a measure of their size. A factor common to numerator and denominator cancels.
#
# </details>
# <details class="choice right"><summary>AdaGrad, RMSProp and Adam</summary>
#
# Right: $100\,g/\sqrt{100^2 g^2}$ is what it was. Only $\varepsilon$ remembers. The other side of the coin: for them, scaling the loss is *not* a way to change the learning rate.
#
# </details>
# </div>
#
# (sec-opt-race)=
# ## A race, twice
#
# Which is best? The question has no answer without a landscape, and no fair one without tuning: an optimiser at a badly chosen rate always loses. So every runner gets the same small grid of learning rates and runs at its own best.
#
# ### In one landscape
#
# The first course is a bent valley of two weights, $L(u, v) = \frac{1}{20}(u - 1.5)^2 + 4\,(v - 0.3\,u^2)^2$: steep walls, a floor that falls gently, and a bend, so that neither axis is the direction to go.


# %%
def valley(w):
    """Height of the bent valley at w = (u, v); the last axis holds the two weights."""
    u, v = w[..., 0], w[..., 1]
    return (u - 1.5) ** 2 / 20 + 4 * (v - 0.3 * u**2) ** 2


def valley_gradient(w):
    """Its gradient."""
    u, v = w
    wall = v - 0.3 * u**2
    return np.array([(u - 1.5) / 10 - 4.8 * u * wall, 8 * wall])


rates = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
valley_paths, rows = {}, []
for name, (step, *_) in WALKERS.items():
    ends = []
    for rate in rates:
        path = walk(step, valley_gradient, (-2.4, 2.6), 120, lr=rate)
        ends.append(np.nan_to_num(valley(path[-1]), nan=np.inf))
    best = int(np.argmin(ends))
    valley_paths[name] = walk(step, valley_gradient, (-2.4, 2.6), 120, lr=rates[best])
    rows.append([name, f"{rates[best]:g}", f"{ends[best]:.3f}", str(int(np.isfinite(ends).sum()))])
print(
    results.table(rows, ["optimiser", "best rate", "height after 120 steps", "rates of 8 that stay finite"])
)

probe = np.array([-0.7, 1.1])
slopes = torch.tensor(probe, requires_grad=True)
valley(slopes).backward()
assert np.allclose(slopes.grad.numpy(), valley_gradient(probe))


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-race", "caption": "The race through a bent valley; move the step. Left: paths, each with a marker at its present place; the cross is the lowest point. Right: height against the step. Momentum and Nesterov shoot across the bend and still win, Adam swings widely and gets there, SGD follows the floor, and the two that rescale without momentum creep along the wall."}, "image": {"alt": "Frames of an interactive figure: six paths from the upper left of a curved valley towards a cross on the right, and six curves of height against step; at the last step momentum and Nesterov are lowest, then Adam, then SGD, and RMSProp and AdaGrad are far above."}}
RUNNER_COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#004D40", "#8CCBF2", "#000000")
STYLES = dict(zip(WALKERS, zip(("-", "-", "--", "-", "-.", "-"), RUNNER_COLOURS, strict=True), strict=True))
RUNNER_MARKS = dict(zip(WALKERS, "os^DvP", strict=True))


def draw_race(step):
    """One frame: all paths up to a step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), width_ratios=[1.15, 1], layout="none")
    fig.subplots_adjust(left=0.05, right=0.985, bottom=0.14, top=0.91, wspace=0.2)
    u, v = np.meshgrid(np.linspace(-3.2, 2.4, 140), np.linspace(-1.2, 3, 110))
    heights = valley(np.stack([u, v], axis=-1))
    left.contour(u, v, heights, levels=np.geomspace(0.02, 30, 12), colors="0.78", linewidths=0.8)
    for name, path in valley_paths.items():
        style, color = STYLES[name]
        left.plot(*path[: step + 1].T, style, color=color, linewidth=1.3)
        marked = {"markersize": 7, "markeredgecolor": "white"}
        left.plot(*path[step], RUNNER_MARKS[name], color=color, **marked)
        right.semilogy(valley(path[: step + 1]), style, color=color, linewidth=1.5)
        right.semilogy(step, valley(path[step]), RUNNER_MARKS[name], color=color, label=name, **marked)
    left.plot(1.5, 0.675, "x", color="black", markersize=9, markeredgewidth=2)
    left.set(xlim=(-3.2, 2.4), ylim=(-1.2, 3), xlabel="u")
    left.set_title(f"step {step}", fontsize=11)
    left.grid(False)
    right.set(xlim=(-4, 124), ylim=(1e-3, 20), xlabel="step")
    right.set_title("height", fontsize=11)
    right.legend(fontsize=8, loc="lower left")
    right.minorticks_off()
    return fig


shown_steps = [0, 1, 2, 3, 5, 8, 12, 17, 24, 34, 46, 60, 80, 100, 120]
interactive.frames(
    [draw_race(step) for step in shown_steps],
    shown_steps,
    name="race",
    dpi=75,
    alt=[
        f"Step {step}: "
        + ", ".join(f"{name} at {valley(path[step]):.3f}" for name, path in valley_paths.items())
        for step in shown_steps
    ],
    description="Step",
    start=9,
)

# %% [markdown]
# Here momentum wins, and dividing by the gradient's size without momentum is a hindrance: on the steep wall the gradient across is large and the gradient along is small, but both are made equally long, and in a bend that is the wrong proportion. Notice also the last column of the table. The three that divide never leave all bounds, whatever the rate.
#
# ### With a network
#
# The second course is a small convolutional network on pictures. Eight hundred pictures to learn from, half as many to choose with, and the test set for later.

# %%
names = class_names(DATASET)
C = len(names)
pool_images, pool_labels = load(DATASET, "train", n=1_200)  # (N, 32, 32, 3) uint8, (N,)
train_images, y_train, val_images, y_val = train_validation_split(
    pool_images, pool_labels, validation=1 / 3, seed=SEED
)
test_images, y_test = load(DATASET, "test", n=1_000)


def small_network(dropout=0.0, width=10, seed=SEED):
    """Two strided convolutions on pictures of half the size, two linear layers: (N, 3, 32, 32) to (N, C)."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.AvgPool2d(2),
        nn.Conv2d(3, width, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * width * 16, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(64, C),
    )


count = sum(parameter.numel() for parameter in small_network().parameters())
print(f"{len(y_train):,} pictures to learn from, {len(y_val):,} to choose with, {len(y_test):,} to test")
print(f"{count:,} parameters, {count / len(y_train):.0f} for each training picture")

# %% tags=["nbval-ignore-output"]
# varies: training in float32 takes a slightly different course on every kind of processor
BUDGET = 60  # steps for everybody
NETWORK_RATES = (0.001, 0.004, 0.016, 0.064, 0.25, 1.0)
x_race, t_race = to_tensor(train_images), torch.from_numpy(y_train)


def race_losses(optimizer_class, settings, rate):
    """Loss of each mini-batch of 32 in a short training from the same start, same batches for all."""
    network, rng_batches, losses = small_network(), np.random.default_rng(SEED), []
    optimizer = optimizer_class(network.parameters(), lr=rate, **settings)
    for _ in range(BUDGET):
        pick = torch.from_numpy(rng_batches.integers(0, len(t_race), 32))
        loss = F.cross_entropy(network(x_race[pick]), t_race[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(min(loss.item(), 10.0) if torch.isfinite(loss) else 10.0)
    return np.array(losses)


ran = {
    name: {rate: race_losses(optimizer_class, settings, rate) for rate in NETWORK_RATES}
    for name, (_, _, optimizer_class, settings) in WALKERS.items()
}
final = {name: {rate: run[-20:].mean() for rate, run in runs.items()} for name, runs in ran.items()}
own_rate = {name: min(by_rate, key=by_rate.get) for name, by_rate in final.items()}
rows = [[name, f"{own_rate[name]:g}", f"{final[name][own_rate[name]]:.2f}"] for name in ran]
print(results.table(rows, ["optimiser", "best rate", f"loss, steps {BUDGET - 19} to {BUDGET}"]))
if DATASET == "pocket10":
    assert min(final["momentum"].values()) < min(final["SGD"].values()) + 0.05
    assert own_rate["Adam"] < own_rate["SGD"]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-network-race", "caption": "The same race with a network. Left: loss of the mini-batches, mean of 12, each optimiser at its own best rate. Right: loss at the end against the learning rate: every optimiser has its own range, adaptive ones far to the left, and for each of them a wrong rate means not learning at all (dotted: the loss of guessing)."}, "image": {"alt": "Two panels. Left: six falling curves of training loss over sixty steps, the three adaptive ones below the others. Right: six valley-shaped curves of final loss against the learning rate on a logarithmic axis, with their lowest points at different rates."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4))
for name, runs in ran.items():
    style, color = STYLES[name]
    smooth = np.convolve(runs[own_rate[name]], np.ones(12) / 12, mode="valid")
    left.plot(np.arange(len(smooth)) + 12, smooth, style, color=color, linewidth=1.5)
    right.semilogx(
        NETWORK_RATES,
        list(final[name].values()),
        style,
        marker=RUNNER_MARKS[name],
        markersize=5,
        color=color,
        linewidth=1.5,
        label=name,
    )
left.set(xlabel="step", ylabel="training loss")
right.set(xlabel="learning rate η", ylim=(None, 2.6))
right.axhline(np.log(C), color="gray", linewidth=1, linestyle=":")
fig.legend(*right.get_legend_handles_labels(), fontsize=9, ncol=6, loc="outside lower center")
plt.show()

# %% [markdown]
# Three things to see. *The rate decides more than the optimiser does*: on each curve on the right, a factor of ten or so lies between learning well and not learning at all. *Rates don't carry over*: what suits Adam would put SGD to sleep, and what suits SGD would ruin Adam. And *the order is not that of the valley*. This network starts on a plateau, where the
# loss hardly moves and all gradients are small; whoever divides by their size is off it first. There is no best optimiser, there are landscapes. How it turns out on photographs, in longer runs with several seeds, is recorded at the end of the chapter.
#
# Advice that has worn well: Adam or AdamW at 0.001 or 0.0005 is a good first try nearly everywhere. SGD with momentum 0.9 and a tuned, falling rate is what many of the best results on pictures were made with, and {cite:t}`wilson2017marginal` found that it often generalises better; it needs the tuning.
#
# (sec-opt-schedules)=
# ## Schedules
#
# Chapter 4 explained why a rate should fall: a high one travels, a low one settles. Four shapes cover nearly all recipes. With $T$ steps in all, of which the first $T_w$ warm up, the last one reads
#
# $$
# \begin{aligned}
# \eta_t &= \eta_0\, \frac{t + 1}{T_w} \quad \text{for } t < T_w, \\
# \eta_t &= \tfrac12 \eta_0\, (1 + \cos \pi u) \quad \text{after,} \\
# u &= \frac{t - T_w}{T - T_w} .
# \end{aligned}
# $$ (eq-opt-schedule)
#
# - **Step**: divide by 10 after half and after three quarters of the time.
# - **Linear**: in a straight line down to zero.
# - **Cosine** {cite:p}`loshchilov2017sgdr`: half a wave, long high, long low.
# - **Warm-up** {cite:p}`goyal2017accurate`: from small to $\eta_0$ first, then one of the others. At the beginning the landscape is at its steepest and Adam's means are made of few gradients; the first steps are not the time for long ones.


# %%
def step_decay(t, total):
    """Factor of the rate: divided by 10 after half and after three quarters."""
    return 0.1 ** ((t >= total // 2) + (t >= 3 * total // 4))


def linear_decay(t, total):
    """Factor of the rate: a straight line to zero."""
    return 1 - t / total


def cosine_decay(t, total):
    """Factor of the rate: half a wave to zero."""
    return 0.5 * (1 + np.cos(np.pi * t / total))


def warm_cosine(t, total, warm=20):
    """Factor of the rate: up in a line, then half a wave down."""
    return (t + 1) / warm if t < warm else cosine_decay(t - warm, total - warm)


def by_torch(make, total):
    """Rates that one of PyTorch's schedulers gives, from a rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, given = make(optimizer), []
    for _ in range(total):
        given.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return given


lr_of = torch.optim.lr_scheduler
halves = partial(lr_of.MultiStepLR, milestones=[50, 75])
straight = partial(lr_of.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=100)


def warm_then_wave(optimizer):
    """PyTorch's own parts, joined: a line up over 20 steps, then half a wave over 80."""
    up = lr_of.LinearLR(optimizer, start_factor=1 / 20, end_factor=1.0, total_iters=19)
    return lr_of.SequentialLR(optimizer, [up, lr_of.CosineAnnealingLR(optimizer, 80)], milestones=[20])


# check: eq-opt-schedule
for ours, make in (
    (step_decay, halves),
    (linear_decay, straight),
    (cosine_decay, partial(lr_of.CosineAnnealingLR, T_max=100)),
    (warm_cosine, warm_then_wave),
):
    assert np.allclose([ours(t, 100) for t in range(100)], by_torch(make, 100), atol=1e-9)
print("four schedules, 100 steps each: the same rates as PyTorch's schedulers")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-schedules", "caption": "Four schedules over a hundred steps, as factors of the highest rate. They differ in how long the rate stays high; all end low."}, "image": {"alt": "Four curves of the learning rate: one in three stairs, one a falling straight line, one half a cosine wave, one that rises in a line for twenty steps and then falls as half a wave."}}
fig, ax = plt.subplots(figsize=(6.4, 2.8))
for (label, schedule), style in zip(
    (
        ("step", step_decay),
        ("linear", linear_decay),
        ("cosine", cosine_decay),
        ("warm-up, cosine", warm_cosine),
    ),
    plots.LINE_STYLES,
    strict=True,
):
    ax.plot([schedule(t, 100) for t in range(100)], style, label=label)
ax.set(xlabel="step", ylabel="rate / η₀")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# (sec-opt-curves)=
# ## Reading learning curves
#
# From here on the goal changes. The optimiser gets down; but in which landscape? The training loss is the one that we can walk in, the loss on new pictures is the one that counts ({ref}`sec-reg-landscape`). The instrument that shows both is the **learning curve**: loss on training and on validation pictures, epoch by epoch. A doctor learns to read such
# curves by seeing many, with the diagnosis known. So let us fall ill on purpose, nine times.
#
# Each panel below is a real run of twelve epochs, most of them of the small network on 600 pictures, with Adam. (Only the bad start, weights ten times too small, is shown with SGD: Adam divides by the size of the gradients and so hides much of that illness.) All but one of the runs have something wrong with them.

# %%
flip_shift = partial(augmentation.flip_and_shift, shift=3)
shuffled = np.random.default_rng(SEED).permutation(y_train)


def small_weights(model):
    """Shrink all weights of a network to a tenth: a bad place to start."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 0.1
    return model


sixteen_pixels = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, C))  # linear, and half blind
keeper = EarlyStopping()  # looks at the run that memorises; what it is for comes in a moment
CASES = {
    "healthy": {"augment": flip_shift, "model": small_network(0.2), "n": None},
    "rate too low": {"lr": 1e-4},
    "rate too high": {"lr": 0.1},
    "bad start": {"model": small_weights(small_network()), "optimizer": "sgd", "lr": 0.03},
    "network too small": {"model": sixteen_pixels, "lr": 0.01},
    "memorising": {"lr": 6e-3, "early_stopping": keeper},
    "too few pictures": {"n": 100, "batch_size": 10},
    "labels shuffled": {"labels": shuffled, "lr": 4e-3},
    "validation in BGR": {"validation": (val_images[..., ::-1], y_val)},
}


def run_case(model=None, n=600, labels=y_train, lr=3e-3, validation=(val_images, y_val), **settings):
    """Train the small network, in one way or another; returns its history."""
    network = small_network() if model is None else model
    settings = {"epochs": 12, "batch_size": 20, "seed": SEED} | settings
    return train(network, train_images[:n], labels[:n], lr=lr, validation=validation, **settings)


gallery = {}
for name, case in CASES.items():
    if name == "memorising":
        memoriser = case["model"] = small_network()
    gallery[name] = run_case(**case)
print(f"{len(gallery)} runs of {len(gallery['healthy'].train_loss)} epochs")
if DATASET == "pocket10":
    last = {name: (run.train_loss[-1], run.validation_loss[-1]) for name, run in gallery.items()}
    assert last["memorising"][1] > last["memorising"][0] + 0.8
    assert last["labels shuffled"][1] > 2.5 > last["healthy"][1] + 0.3

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-gallery", "caption": "Nine learning curves with their diagnosis. Solid: training loss, dashed: validation loss, dotted grey: the loss of guessing, log C. Look at where a curve starts, whether it moves, how far the two are apart and whether the dashed one turns."}, "image": {"alt": "Nine small panels of loss against epoch. Healthy: both fall together. Rate too low: both fall slowly from the dotted line. Rate too high: both stay at or above the dotted line. Bad start: both lie on the dotted line and do not move. Network too small: both level off high. Memorising: training falls towards zero, validation turns and climbs. Too few pictures: training falls quickly, validation stays high. Labels shuffled: validation rises above the dotted line. Validation in BGR: a gap from the first epochs on."}}
fig, axes = plt.subplots(3, 3, figsize=(8.4, 6.6), sharex=True, sharey=True)
for ax, (name, history) in zip(axes.ravel(), gallery.items(), strict=True):
    epochs = range(1, len(history.train_loss) + 1)
    ax.plot(epochs, np.minimum(history.train_loss, 4), "-", label="training")
    ax.plot(epochs, np.minimum(history.validation_loss, 4), "--", label="validation")
    ax.axhline(np.log(C), color="gray", linewidth=1, linestyle=":")
    ax.set(ylim=(0, 3.4), xticks=(1, 4, 8, 12))
    ax.set_title(name, fontsize=11)
for ax in axes[-1]:
    ax.set_xlabel("epoch")
for ax in axes[:, 0]:
    ax.set_ylabel("loss")
axes[0, 0].legend(fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# | what you see | what it means | what to do |
# | :-- | :-- | :-- |
# | both fall together, a small gap | healthy; still learning if the end slopes down | go on, or enlarge the network |
# | both fall slowly and almost straight | rate too low | multiply it by 3, then by 3 again |
# | no better than guessing from the start, or leaping about | rate too high | divide it by 10 |
# | flat at $\log C$, quite calmly, for a long time | bad start: the signal dies on its way (chapter 8) | mend the initialisation, or normalise |
# | both level off, high, side by side | underfitting | a larger network, longer training, *less* regularisation |
# | training falls on, validation turns | overfitting | stop early, and the rest of this chapter |
# | training falls fast, validation hardly moves | too little data | more pictures, augmentation, transfer (chapter 13) |
# | training falls slowly, validation *above* guessing | the labels have nothing to do with the pictures | look at pictures with their labels |
# | a gap from the first epochs on, which no regulariser closes | training and validation pictures are not prepared alike | compare their means, channel by channel; look at both |
#
# The last two are the insidious ones, because the program runs and the training loss falls. A network with enough weights can learn *random* labels by heart {cite:p}`zhang2017understanding`, so a falling training loss proves nothing about your data. One more shape is worth knowing: validation *better* than training. It is no miracle: the training loss is measured with
# dropout and augmentation switched on, and while the weights still change, so it looks worse than it is.
#
# <div class="question">
#
# **Quick question 3.** Training loss 0.9 and validation loss 0.95 after 40 epochs, both flat for the last 20. You would like 0.6. What helps least?
#
# <details class="choice right"><summary>Collecting more training pictures</summary>
#
# Right. The gap is tiny, so what was learned already holds for new pictures. The network can't, or didn't, fit even the pictures that it has.
#
# </details>
# <details class="choice"><summary>A larger network</summary>
#
# That is the standard remedy for underfitting: both curves are high *together*, which says that capacity is missing.
#
# </details>
# <details class="choice"><summary>Less dropout and less weight decay</summary>
#
# It may well help: regularisation holds the network back, and this one has nothing to fear from overfitting yet.
#
# </details>
# <details class="choice"><summary>A lower learning rate at the end</summary>
#
# Worth a try: a curve that has gone flat at a constant rate may simply be hovering, and a falling schedule lets it settle.
#
# </details>
# </div>
#
# (sec-opt-early)=
# ## Early stopping
#
# In the panel *memorising*, the best network of the run is not the last one. It existed, somewhere in the middle, and was overwritten. So keep a copy of the weights whenever the validation loss reaches a new low, and use that copy in the end. If nothing better has come for a number of epochs, the **patience**, stop. Chapter 4's exercise 4.4 showed what stopping does: in a bowl it acts like an L2 penalty of
# about $1/(\eta k)$, with the advantage that one run tries out all strengths.
#
# The snapshot is two lines, and one of them has a trap.

# %%
model = small_network()
no_copy = model.state_dict()  # names and tensors: the very tensors that training changes
snapshot = copy.deepcopy(model.state_dict())
with torch.no_grad():
    model[1].weight += 1.0  # "training" goes on
print("without a copy, the snapshot has gone along:", torch.equal(no_copy["1.weight"], model[1].weight))
print("with a copy, it has not:", not torch.equal(snapshot["1.weight"], model[1].weight))
model.load_state_dict(snapshot)
assert torch.equal(model[1].weight, snapshot["1.weight"])

# %% [markdown]
# `course_utils.training.EarlyStopping` is these lines with the bookkeeping around them: `update(model, loss)` after each epoch says whether to stop, and `restore(model)` puts the best state back. The run *memorising* had one. Its patience had no end, so that you could see the whole curve; at the end it put back the best weights.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-early", "caption": "The run that memorises, with its snapshot. Dot: the epoch with the lowest validation loss, whose weights were kept and put back. Line of dashes and dots: the loss of that network on the test pictures, which had no part in the choice."}, "image": {"alt": "A falling training curve and a validation curve that falls, reaches its lowest point at a marked dot and rises again; a horizontal line at the test loss of the network that was kept, close to the dot and far below the end of the validation curve."}}
history = gallery["memorising"]
restored = evaluate(memoriser, test_images, y_test)
epochs = np.arange(1, len(history.train_loss) + 1)
fig, ax = plt.subplots(figsize=(6.2, 3.2))
ax.plot(epochs, history.train_loss, "-", label="training")
ax.plot(epochs, history.validation_loss, "--", label="validation")
ax.plot(keeper.best_update + 1, keeper.best, "o", color="black", markersize=9, label="kept")
ax.axhline(restored.loss, linestyle="-.", color="C3", linewidth=1.5, label="test, of what was kept")
ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 3.4))
ax.legend(fontsize=9, loc="upper left", ncol=2)
plt.show()

# %%
assert keeper.best == min(history.validation_loss) and keeper.updates == len(history.validation_loss)
if DATASET == "pocket10":
    assert keeper.best_update + 1 < len(epochs)
    assert restored.loss < history.validation_loss[-1] - 0.2
    print("the weights that were kept are better on test pictures than the last ones were on validation")

# %% [markdown]
# Mostly it is the *loss* that is saved; the accuracy forgives overconfidence and often stays level. Two cautions. The validation set has now been used to choose, so its figure is a little too good; report the test set's. And a validation loss is noisy: with a patience of one epoch you stop at the first hiccup. {cite:t}`prechelt1998early` compared criteria and found that the patient ones give slightly better networks for a good deal more time.
#
# (sec-opt-dropout)=
# ## Dropout
#
# Early stopping leaves the network as it is. **Dropout** {cite:p}`srivastava2014dropout` makes overfitting itself difficult: in each training step, every unit of a layer is switched off with probability $p$, for each picture anew. No unit can count on another one to be there and mend its mistakes; each has to be of use in many different company. From another point of view, every step
# trains a different thinned network, all of which share their weights, and the full network at test time stands for their average.
#
# If units are missing in training and present at test time, sums at test time come out too large. The remedy that everybody uses is to correct in *training*, so that nothing needs to be done at test time: **inverted dropout** divides what is kept by the probability $1 - p$ of being kept. With a mask $m_j$ that is 1 with probability $1 - p$ and else 0,
#
# $$
# \begin{aligned}
# \tilde x_j &= \frac{m_j}{1 - p}\, x_j, \\
# \mathrm{E}[\tilde x_j] &= \frac{1 - p}{1 - p}\, x_j = x_j, \\
# \operatorname{Var}[\tilde x_j] &= \frac{\operatorname{Var}[m_j]}{(1 - p)^2}\, x_j^2 \\
# &= \frac{p}{1 - p}\, x_j^2 .
# \end{aligned}
# $$ (eq-opt-dropout)
#
# The mean is kept, and noise is added, in proportion to the value itself; at $p = 0.5$ it is as large as the value. The backward pass is the same multiplication, with the same mask: a unit that was off gets no gradient. As always, an expectation is checked by going through everything that can happen, here all $2^6$ masks with their probabilities.


# %%
def dropout_forward(x, p, mask=None):
    """Inverted dropout of x (N, M); without a mask, the test-time version: the identity."""
    return x if mask is None else x * mask / (1 - p)


def dropout_backward(dout, p, mask=None):
    """Gradient for x: the same multiplication."""
    return dropout_forward(dout, p, mask)


def all_masks(units, p):
    """Every mask (2^units, units) and its probability (2^units,)."""
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=units)))
    kept = masks.sum(axis=1)
    return masks, (1 - p) ** kept * p ** (units - kept)


x_units = np.array([[0.3, -1.2, 0.0, 2.0, 0.7, -0.4]])
# check: eq-opt-dropout
for p in (0.2, 0.5):
    masks, chance = all_masks(6, p)
    dropped = dropout_forward(x_units, p, masks)  # (64, 6): one row a mask
    mean = chance @ dropped
    assert np.isclose(chance.sum(), 1) and np.allclose(mean, x_units[0])
    assert np.allclose(chance @ (dropped - mean) ** 2, p / (1 - p) * x_units[0] ** 2)

torch.manual_seed(SEED)
layer, x_torch = nn.Dropout(0.5), torch.ones(4, 6, dtype=torch.float64, requires_grad=True)
y_torch = layer(x_torch)
y_torch.sum().backward()
mask_torch = (y_torch != 0).numpy().astype(float)
assert np.allclose(y_torch.detach(), dropout_forward(np.ones((4, 6)), 0.5, mask_torch))
assert np.allclose(x_torch.grad, dropout_backward(np.ones((4, 6)), 0.5, mask_torch))
print("training:", layer(torch.ones(8)).tolist())
print("evaluation:", layer.eval()(torch.ones(8)).tolist())

# %% [markdown]
# `model.train()` and `model.eval()` decide which of the two a network does. Forgetting `eval()` is a classic: the predictions are then worse than they need be, and different each time.
#
# ### What dropout asks for
#
# For one linear unit with a squared loss the effect can be computed in full. The prediction is $\tilde{\mathbf{x}} \cdot \mathbf{w}$, with mean $\mathbf{x}\cdot\mathbf{w}$ and, since the masks are independent, a variance that is the sum of those of its terms. Mean square is squared mean plus variance:
#
# $$
# \begin{aligned}
# & \mathrm{E}\bigl[ (\tilde{\mathbf{x}} \cdot \mathbf{w} - t)^2 \bigr] \\
# & \quad = (\mathbf{x} \cdot \mathbf{w} - t)^2 + \frac{p}{1 - p} \sum_j x_j^2\, w_j^2 .
# \end{aligned}
# $$ (eq-opt-dropout-ridge)
#
# An L2 penalty again, and a clever one: each weight pays in proportion to the size of its input {cite:p}`wager2013dropout`. The same calculation with normal noise of deviation $\sigma$ added to the inputs gives
#
# $$
# \begin{aligned}
# & \mathrm{E}\bigl[ ((\mathbf{x} + \boldsymbol\varepsilon) \cdot \mathbf{w} - t)^2 \bigr] \\
# & \quad = (\mathbf{x} \cdot \mathbf{w} - t)^2 + \sigma^2 \lVert \mathbf{w} \rVert_2^2 ,
# \end{aligned}
# $$ (eq-opt-noise)
#
# which is plain ridge: *training with noise is regularisation* {cite:p}`bishop1995training`. Noise says: pictures that differ by this much are the same, so don't be sensitive to it.

# %%
w_unit, target_unit = np.array([0.5, 1.0, -2.0, 0.3, 0.1, -0.8]), 0.4
clean_loss = (x_units[0] @ w_unit - target_unit) ** 2
# check: eq-opt-dropout-ridge
for p in (0.2, 0.5):
    masks, chance = all_masks(6, p)
    losses = (dropout_forward(x_units, p, masks) @ w_unit - target_unit) ** 2
    assert np.isclose(chance @ losses, clean_loss + p / (1 - p) * (x_units[0] ** 2 * w_unit**2).sum())

sigma = 0.3
signs = 2 * all_masks(6, 0.5)[0] - 1  # noise of ±σ has the mean and variance of the normal one
noisy = ((x_units + sigma * signs) @ w_unit - target_unit) ** 2
# check: eq-opt-noise
assert np.isclose(noisy.mean(), clean_loss + sigma**2 * (w_unit**2).sum())
print("expected losses over 64 masks and 64 sign patterns: as derived")

# %% [markdown]
# <div class="question">
#
# **Quick question 4.** A colleague implements dropout with $p = 0.8$ as `x * (rng.random(x.shape) < 0.8) / 0.8`. What happens?
#
# <details class="choice"><summary>It is correct: the mean is kept</summary>
#
# The mean is kept indeed, but that is not the only thing that counts. How often is a unit switched off?
#
# </details>
# <details class="choice right"><summary>Units are dropped with probability 0.2, so it regularises far less than intended</summary>
#
# Right. It keeps with probability 0.8. In PyTorch, `p` is the probability of being *dropped*; some papers and older libraries state the probability of being kept. The noise is $0.2/0.8 = 0.25$ of the squared value in place of $0.8/0.2 = 4$.
#
# </details>
# <details class="choice"><summary>Activations at test time are too large by 1/0.8</summary>
#
# They aren't: what is kept is divided by the probability of being kept, whatever it is called, so the mean is right.
#
# </details>
# </div>
#
# (sec-opt-augmentation)=
# ## Data augmentation
#
# Noise on pixels is a poor model of how pictures of one thing differ. We know better ones: a mirrored car is a car, and so is a car a little further left, larger, darker, tilted, or with a lamp post in front of it. **Data augmentation** applies such changes at random, *each time a picture is used*, and keeps the label. The network never sees the same numbers twice. What it learns is
# the average over the changes, which is how prior knowledge about the world gets into a network that has none.
#
# `course_utils.augmentation` has a function for each, and all of them work on a whole batch of tensors at once: the flips are one `where`, the shifts one indexing, and rotation, scale and shear one matrix for each picture, which says from which place in the original each pixel comes. Look at what they do, and at what strength they stop being harmless.


# %%
def mixed(images, generator, share=0.5):
    """Mixup for display: every picture with a share of another one."""
    other = images[torch.randperm(len(images), generator=generator)]
    return ((1 - share) * images.float() + share * other.float()).round().to(torch.uint8)


AUGMENTATIONS = {
    "flip": [("", augmentation.flip)],
    "translation": [(f"±{s:.0%}", partial(augmentation.affine, shift=s)) for s in (0.1, 0.25)],
    "crop": [(f"to {s:.0%}", partial(augmentation.crop, smallest=s)) for s in (0.8, 0.5)],
    "rotation": [(f"±{a}°", partial(augmentation.affine, rotation=a)) for a in (15, 90)],
    "scale": [(f"×{1 + s:g}", partial(augmentation.affine, scale=s)) for s in (0.2, 0.6)],
    "shear": [(f"±{s:g}", partial(augmentation.affine, shear=s)) for s in (0.2, 0.6)],
    "noise": [(f"σ = {s}", partial(augmentation.noise, deviation=s)) for s in (10, 40)],
    "colour jitter": [(f"±{s:.0%}", partial(augmentation.colour_jitter, strength=s)) for s in (0.3, 0.8)],
    "cutout": [(f"{s} pixels", partial(augmentation.cutout, size=s)) for s in (8, 16)],
    "mixup": [(f"{s:.0%}", partial(mixed, share=s)) for s in (0.2, 0.5)],
}
AUGMENTATIONS["together"] = [
    (
        "",
        augmentation.chain(
            *(AUGMENTATIONS[k][0][1] for k in ("flip", "translation", "colour jitter", "cutout"))
        ),
    )
]
samples = torch.from_numpy(np.stack([train_images[y_train == c][1] for c in (0, 1, 2, 4, 7)]))


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-augmentation", "caption": "Five pictures (top row) and two draws of each change below; move the slider through the changes and their strengths. Ask of each: could this be a photograph of the same thing? Where the answer is no, as for an aeroplane that flies straight up or a car half lost in the noise, the change teaches the wrong lesson."}, "image": {"alt": "Frames of an interactive figure: a row of eight small pictures, and below it two rows of the same pictures after a random change, such as mirrored, shifted, cropped, turned, enlarged, slanted, noisy, in other colours, partly covered by a grey square, or mixed with another picture."}}
def draw_augmentation(change, zoom=3):
    """One frame: originals, and two draws of a change; as a PNG, so that no pixel is resampled."""
    dice = torch.Generator().manual_seed(SEED)
    rows_shown = [samples, change(samples, dice), change(samples, dice)]
    canvas = np.full((3 * 34 + 2, 5 * 34 - 2, 3), 255, np.uint8)
    for r, row in enumerate(rows_shown):
        for c, picture in enumerate(row.numpy()):
            top = 34 * r + (4 if r else 0)
            canvas[top : top + 32, 34 * c : 34 * c + 32] = picture
    file = io.BytesIO()
    Image.fromarray(canvas.repeat(zoom, axis=0).repeat(zoom, axis=1)).save(file, "PNG")
    return file.getvalue()


shown_changes = [
    (kind, strength, change) for kind, choices in AUGMENTATIONS.items() for strength, change in choices
]
interactive.frames(
    [draw_augmentation(change) for _, _, change in shown_changes],
    [f"{kind} {strength}".strip() for kind, strength, _ in shown_changes],
    name="augmentations",
    alt=[
        f"Five pictures as they are, and twice after the change: {kind} {strength}".strip() + "."
        for kind, strength, _ in shown_changes
    ],
    description="Change",
    start=1,
)

# %% [markdown]
# The usual names in recipes: *random crop with padding* is a translation, *random resized crop* is our crop, *cutout* {cite:p}`devries2017improved` covers a square, so that the network can't rely on a single telltale detail. The test in each case is the label, not the beauty. A mirrored 6 is no digit at all, and 6 turned by half a turn is a 9. Traffic signs say "left" and "right". What may be changed is a fact about the *task*.
#
# **Mixup** {cite:p}`zhang2018mixup` leaves photographs behind: it adds two pictures, $r\, x_a + (1 - r)\, x_b$, and asks for a prediction in the same proportion ($r$ lies between 0 and 1 and is drawn from a Beta distribution; the paper calls it $\lambda$). The label is then a mixture of two one-hot rows, and as cross-entropy is linear in the label, no new loss is needed:
#
# $$
# \begin{aligned}
# & H\bigl(r\, Y_a + (1 - r)\, Y_b,\; q\bigr) \\
# & \quad = r\, H(Y_a, q) + (1 - r)\, H(Y_b, q) .
# \end{aligned}
# $$ (eq-opt-mixup)

# %%
q_mix = np.array([0.1, 0.6, 0.3])
one_a, one_b = np.eye(3)[1], np.eye(3)[2]
label_mix = 0.3 * one_a + 0.7 * one_b
# check: eq-opt-mixup
assert np.isclose(-(label_mix * np.log(q_mix)).sum(), -0.3 * np.log(0.6) - 0.7 * np.log(0.3))
by_library = F.cross_entropy(torch.tensor(np.log(q_mix))[None], torch.tensor(label_mix)[None])
assert np.isclose(by_library.item(), -(label_mix * np.log(q_mix)).sum())
print("the loss of the mixture is the mixture of the losses")

# %% [markdown]
# (sec-opt-measured)=
# ## What it is worth, measured
#
# Arguments for a regulariser are cheap. Train the small network on the eight hundred pictures without anything, with dropout, and with augmentation (flips and shifts); three seeds each, which decide the starting weights, the order and the noise. Weight decay, the single augmentations and real photographs follow in the recorded experiment below.

# %% tags=["nbval-ignore-output"]
# varies: training in float32 takes a slightly different course on every kind of processor
SETTINGS = {
    "nothing": {},
    "dropout": {"dropout": 0.4},
    "augmentation": {"augment": flip_shift},
}
SEEDS = (0, 1, 2)


def trained(seed, dropout=0.0, **settings):
    """The small network after 16 epochs, with a falling rate."""
    model = small_network(dropout, seed=seed)
    recipe = {"epochs": 16, "batch_size": 50, "lr": 5e-3, "schedule": "cosine"}
    train(model, train_images, y_train, seed=seed, **recipe, **settings)
    return model


networks = {name: [trained(seed, **setting) for seed in SEEDS] for name, setting in SETTINGS.items()}
measured = {
    name: np.array(
        [
            [evaluate(model, train_images, y_train).accuracy, *evaluate(model, test_images, y_test)]
            for model in models
        ]
    )  # (seeds, 3): training accuracy, test loss, test accuracy
    for name, models in networks.items()
}
rows = [
    [
        name,
        *(
            f"{100 * m:.0f} ± {100 * s:.0f} %"
            for m, s in zip(f.mean(0)[[0, 2]], f.std(0, ddof=1)[[0, 2]], strict=True)
        ),
    ]
    for name, f in measured.items()
]
print(results.table(rows, ["three seeds", "training", "test"]))
if DATASET == "pocket10":
    for name in ("dropout", "augmentation"):
        assert measured[name][:, 0].mean() < measured["nothing"][:, 0].mean() - 0.03
        assert measured[name][:, 1].mean() < measured["nothing"][:, 1].mean() - 0.1

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-measured", "caption": "The three settings on new pictures: each dot is a seed, the bar their mean, the whisker their standard deviation. Left: accuracy. Right: loss. Compare the differences between settings with the spread of the seeds before you believe in them."}, "image": {"alt": "Two bar charts with three dots on each bar, for nothing, dropout and augmentation. Left: test accuracy. Right: test loss, which is highest for nothing."}}
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.1))
for ax, column, factor, title in ((axes[0], 2, 100, "test accuracy in %"), (axes[1], 1, 1, "test loss")):
    for place, figures in enumerate(measured.values()):
        values = factor * figures[:, column]
        ax.bar(place, values.mean(), color="C4", edgecolor="0.3", width=0.6)
        ax.errorbar(place, values.mean(), values.std(ddof=1), color="black", capsize=5, linewidth=1.5)
        ax.plot(place + np.array([-0.15, 0, 0.15]), values, "o", color="C3", markersize=5)
    ax.set_xticks(range(len(measured)), list(measured))
    ax.set_title(title, fontsize=11)
low = 100 * min(figures[:, 2].min() for figures in measured.values())
axes[0].set_ylim(max(0, low - 8), None)
plt.show()

# %% [markdown]
# Look at the training column first: a regulariser makes the fit on the training pictures *worse*, as a penalty did in chapter 4. On new pictures, the *loss* is far better for it: the network without anything is sure of itself where it is wrong. The *accuracies* differ by little more than the seeds do, and nobody should draw a conclusion from them. Nor is this run long enough to be fair to augmentation: a network that
# never sees the same picture twice learns more slowly, and at the end its training accuracy is still low, with little of a gap. Regularisers want longer training. The recorded experiment below gives it to them.
#
# (sec-opt-marginal)=
# ## Noise in training, averaged at test time
#
# Dropout, pixel noise, augmentation: all follow one pattern. In training the output depends on some random $z$, a mask, a shift, a tilt, and the loss is averaged over it. At test time the honest prediction is the average over that same randomness, with $z$ **marginalised** out:
#
# $$
# \begin{aligned}
# \bar p(y \mid x) &= \mathrm{E}_z\bigl[\, p(y \mid x, z) \,\bigr] \\
# &\approx \frac1S \sum_{s=1}^{S} p(y \mid x, z_s) .
# \end{aligned}
# $$ (eq-opt-marginal)
#
# There are two ways to get it. *Approximate the average by one pass*: switch the noise off and use its mean, which is what `eval()` does with dropout. Or *draw and average*: keep dropout on and average the probabilities of several passes (**Monte Carlo dropout** {cite:p}`gal2016dropout`), or average over several versions of the picture (**test-time augmentation**, used from AlexNet on {cite:p}`krizhevsky2012imagenet`, with five crops and their mirror images). Measure both.


# %% tags=["nbval-ignore-output"]
# varies: training in float32 takes a slightly different course on every kind of processor
def softmax_rows(s):
    """Probabilities (N, C) from scores."""
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def quality(p):
    """Accuracy and mean cross-entropy of probabilities p (N, C) on the test pictures."""
    return (p.argmax(axis=1) == y_test).mean(), -np.log(p[np.arange(len(p)), y_test].clip(1e-12)).mean()


def dropout_passes(model, passes, seed=SEED):
    """Mean probabilities of several passes with dropout left on."""
    torch.manual_seed(seed)
    model.train()  # this network has no other layer that behaves differently in training
    with torch.inference_mode():
        found = [F.softmax(model(x_test), dim=1).double().numpy() for _ in range(passes)]
    model.eval()
    return np.mean(found, axis=0)


def versions(images, most=2):
    """The pictures as they are, shifted four ways, and all mirrored: ten arrays."""
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    for down, right in ((0, 0), (-most, 0), (most, 0), (0, -most), (0, most)):
        moved = padded[:, most + down :, most + right :][:, :32, :32]
        yield from (moved, moved[:, :, ::-1])


x_test = to_tensor(test_images)
noisy_net, turned_net = networks["dropout"][0], networks["augmentation"][0]
averaged = {
    "dropout off, one pass": quality(softmax_rows(scores(noisy_net, test_images).astype(float))),
    **{f"dropout on, {n} pass{'es' * (n > 1)}": quality(dropout_passes(noisy_net, n)) for n in (1, 5, 20)},
    "one version of each picture": quality(softmax_rows(scores(turned_net, test_images).astype(float))),
    "ten versions, averaged": quality(
        np.mean(
            [softmax_rows(scores(turned_net, v.copy()).astype(float)) for v in versions(test_images)], axis=0
        )
    ),
}
rows = [[name, f"{right:.1%}", f"{loss:.2f}"] for name, (right, loss) in averaged.items()]
print(results.table(rows, ["at test time", "accuracy", "loss"]))
assert averaged["dropout on, 20 passes"][1] < averaged["dropout on, 1 pass"][1]
if DATASET == "pocket10":
    assert averaged["ten versions, averaged"][1] < averaged["one version of each picture"][1] + 0.03

# %% [markdown]
# One pass with dropout *on* is clearly worse than the network can do: this is the price of forgetting `eval()`. Averaging many passes brings it back, to about where the single pass with dropout off has been all along, which is why hardly anybody bothers. What averaging can add is a measure of doubt, as the passes disagree where the network is unsure. Averaging versions of the picture lowers the loss a little, for ten times the work; the accuracy may or may not follow.
#
# (sec-opt-ensembles)=
# ## Ensembles
#
# If averaging over noise helps, average over *networks*. Train several from different seeds, and take the mean of their probabilities. It practically always helps, and most competitions are won that way. For the loss there is even a proof, for each picture: the logarithm is concave, so by **Jensen's inequality** the average of $M$ predictions is at least as good as the members are on average,
#
# $$
# -\log \Bigl( \frac1M \sum_{m=1}^{M} p_m \Bigr) \le \frac1M \sum_{m=1}^{M} (-\log p_m) ,
# $$ (eq-opt-jensen)
#
# where $p_m$ is the probability that member $m$ gives to the true class. Equality holds only where all members agree; the more they differ, the larger the gain. For the *accuracy* there is no such guarantee, but an old argument about votes {cite:p}`hansen1990neural`. If $M$ members (an odd number) were right with probability $q$ each, *independently*, the majority of two classes is right with probability
#
# $$
# P_M = \sum_{k = (M+1)/2}^{M} \binom{M}{k}\, q^k (1 - q)^{M - k} .
# $$ (eq-opt-vote)

# %%
jensen_dice = np.random.default_rng(SEED)
p_members = jensen_dice.uniform(0.01, 0.99, (5, 1000))  # 5 members, 1,000 pictures
loss_of_mean, mean_of_losses = -np.log(p_members.mean(axis=0)), (-np.log(p_members)).mean(axis=0)
# check: eq-opt-jensen
assert (loss_of_mean <= mean_of_losses).all()
assert np.isclose(-np.log(np.full(5, 0.3).mean()), (-np.log(np.full(5, 0.3))).mean())


def majority(members, q):
    """Chance that most of an odd number of independent members are right."""
    return sum(
        comb(members, k) * q**k * (1 - q) ** (members - k) for k in range(members // 2 + 1, members + 1)
    )


patterns = np.array(list(itertools.product([0, 1], repeat=5)))  # who is right: 32 cases
chances = np.prod(np.where(patterns == 1, 0.7, 0.3), axis=1)
# check: eq-opt-vote
assert np.isclose(majority(5, 0.7), chances[patterns.sum(axis=1) > 2].sum())
for members in (1, 5, 21):
    print(f"{members:>2} independent voters, each right with 70 %: together {majority(members, 0.7):.1%}")

# %% tags=["nbval-ignore-output"]
# varies: training in float32 takes a slightly different course on every kind of processor
rows, gains = [], {}
for name in ("nothing", "dropout"):
    members = np.stack([softmax_rows(scores(m, test_images).astype(float)) for m in networks[name]])
    alone = np.array([quality(p) for p in members])
    together = quality(members.mean(axis=0))
    gains[name] = alone[:, 1].mean() - together[1]
    rows += [
        [name, "members, mean", f"{alone[:, 0].mean():.1%}", f"{alone[:, 1].mean():.2f}"],
        [name, "averaged", f"{together[0]:.1%}", f"{together[1]:.2f}"],
    ]
    p_true = members[:, np.arange(len(y_test)), y_test].clip(1e-12)
    assert (-np.log(p_true.mean(axis=0)) <= -np.log(p_true).mean(axis=0) + 1e-12).all()  # for each picture
    wrong = members.argmax(axis=2) != y_test
    both_wrong = np.mean([(wrong[i] & wrong[j]).mean() for i, j in ((0, 1), (0, 2), (1, 2))])
    print(
        f"{name}: two members are wrong on the same {both_wrong:.0%} of the pictures; "
        f"independent errors would share {wrong.mean() ** 2:.0%}"
    )
print(results.table(rows, ["trained with", "", "accuracy", "loss"]))
assert min(gains.values()) > 0
if DATASET == "pocket10":
    assert gains["nothing"] > gains["dropout"]

# %% [markdown]
# Three networks gain far less than three independent voters would, because their errors are *not* independent: a hard picture is hard for all of them. The less they are regularised, the more their accidents differ, and the more averaging helps; it is the same illness, treated in another way. The price is plain: three times the training, three times the work for each prediction.
#
# <div class="question">
#
# **Quick question 5.** You average the probabilities of five copies of one trained network. What do you gain?
#
# <details class="choice right"><summary>Nothing</summary>
#
# Right. All $p_m$ are equal, and Jensen's inequality is an equality. It is the *disagreement* of members that is turned into a gain.
#
# </details>
# <details class="choice"><summary>A lower loss, by Jensen's inequality</summary>
#
# The inequality holds, but as an equality: for equal members the average is what each of them says.
#
# </details>
# <details class="choice"><summary>A higher accuracy, by the majority vote</summary>
#
# The formula for votes needs members that err independently. Copies err together, always.
#
# </details>
# </div>
#
# (sec-opt-search)=
# ## Searching hyperparameters
#
# Learning rate, momentum, decay, dropout, strengths of augmentation: who is to choose them? Validation pictures, as always. But which combinations should be tried? The obvious way is a **grid**: three values of each of two hyperparameters, nine runs. {cite:t}`bergstra2012random` pointed out what is wrong with it. Usually one or two of the hyperparameters matter a great deal and the rest hardly at all, and nobody knows beforehand which. A grid then
# repeats itself: its nine runs contain *three* values of the one that matters. Nine **random** points contain nine.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-search", "caption": "Nine trials each. Grey shading: how good a setting is; the horizontal hyperparameter matters, the vertical one hardly. Above each square, the values of the important one that were tried: three on the grid, nine at random."}, "image": {"alt": "Two squares shaded with a narrow bright vertical band. Left: nine dots in a regular grid, none in the band, with three ticks above. Right: nine scattered dots, one of them in the band, with nine ticks above."}}
def how_good(important, other):
    """A made-up response: a narrow optimum in one hyperparameter, almost none in the other."""
    return np.exp(-(((important - 0.37) / 0.08) ** 2)) + 0.1 * np.exp(-(((other - 0.6) / 0.4) ** 2))


grid_points = np.array(list(itertools.product((1 / 6, 3 / 6, 5 / 6), repeat=2)))
random_points = np.random.default_rng(8).random((9, 2))
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
plane = np.linspace(0, 1, 100)
for ax, tried, title in ((axes[0], grid_points, "grid"), (axes[1], random_points, "random")):
    ax.imshow(
        how_good(plane[None, :], plane[:, None]), origin="lower", extent=(0, 1, 0, 1), cmap="gray", vmin=-0.6
    )
    ax.plot(*tried.T, "o", color="C1", markeredgecolor="black", markersize=9)
    for value in tried[:, 0]:
        ax.plot([value, value], [1.02, 1.08], color="C3", linewidth=2, clip_on=False)
    ax.set(xlabel="important", ylabel="unimportant", xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    ax.set_title(f"{title}: best {how_good(*tried.T).max():.2f} of 1.1", fontsize=11, pad=22)
    ax.grid(False)
plt.show()

# %% [markdown]
# One picture can be drawn to prove anything, so repeat it: put the optimum at a random place a few thousand times, and compare. There is also a formula for how many random trials are enough. If a fraction $f$ of the space is good enough, each trial misses it with probability $1 - f$, and all $n$ of them do so with
#
# $$
# P(\text{no good trial}) = (1 - f)^n .
# $$ (eq-opt-search)
#
# For the best 5 % of the space and 60 trials that is less than 5 %, *however many hyperparameters there are*. A grid can promise nothing of the kind.

# %%
search_dice = np.random.default_rng(SEED)
places = search_dice.random((4000, 1))  # where the optimum of the important hyperparameter is
at_random = np.abs(search_dice.random((4000, 9)) - places).min(axis=1)
on_grid = np.abs(np.array([1 / 6, 3 / 6, 5 / 6]) - places).min(axis=1)
print(f"distance to the optimum after nine trials: grid {on_grid.mean():.3f}, random {at_random.mean():.3f}")
assert at_random.mean() < 0.8 * on_grid.mean()

misses = (search_dice.random((20_000, 60)) > 0.05).all(axis=1).mean()
# check: eq-opt-search
assert abs(misses - (1 - 0.05) ** 60) < 0.008  # five standard errors of a share of 4.6 % in 20,000
print(f"60 random trials miss the best 5 % with probability {(1 - 0.05) ** 60:.3f}; simulated {misses:.3f}")

# %% [markdown]
# How to search in practice:
#
# - Draw rates, decays and widths **evenly in their logarithm**; chapter 4's pitfall of the linear grid applies here too.
# - Go from **coarse to fine**: many short runs over a wide range, then longer ones around what survived.
# - If the best value lies **at the edge** of the range, the range was wrong.
# - **Repeat the finalists with other seeds.** The best of sixty runs was also lucky; that is what "best" selects for.
# - The test set is still used **once**, after all of this.
#
# (sec-opt-depth)=
# ## Two more kinds of noise
#
# Randomness can be put anywhere in a network, as long as its mean is kept.
#
# **Stochastic depth** {cite:p}`huang2016deep` drops whole layers. In networks whose blocks compute $x + F(x)$ (chapter 12 is about them), skipping a block means leaving out $F$ and keeping $x$. Each block $\ell$ of $L$ survives with a probability that falls from nearly 1 at the first to $p_L$ at the last, and what survives is divided by it, as in dropout. With $b_\ell$ equal to 1 if block $\ell$ survives and else 0,
#
# $$
# \begin{aligned}
# \tilde y &= x + \frac{b_\ell}{p_\ell}\, F(x), \\
# \mathrm{E}[\tilde y] &= x + F(x), \\
# p_\ell &= 1 - \frac{\ell}{L} (1 - p_L), \\
# \mathrm{E}\Bigl[\sum_\ell b_\ell\Bigr] &= \sum_{\ell=1}^{L} p_\ell .
# \end{aligned}
# $$ (eq-opt-depth)
#
# A network of 54 blocks with $p_L = 0.5$ trains with about 40 of them at a time: it is quicker, and the gradient has a shorter way to the early layers. At test time all 54 work together.


# %%
def survival(block, blocks, last=0.5):
    """Probability that a block survives, counted from 1."""
    return 1 - block / blocks * (1 - last)


def residual_block(x, change, survives, p):
    """x + F(x) with stochastic depth; `survives` is 0 or 1, or None at test time."""
    return x + change if survives is None else x + survives * change / p


x_block, change_block, p_block = np.array([1.0, -2.0]), np.array([0.3, 0.5]), survival(30, 54)
both_cases = p_block * residual_block(x_block, change_block, 1, p_block)
both_cases = both_cases + (1 - p_block) * residual_block(x_block, change_block, 0, p_block)
depth = sum(survival(block, 54) for block in range(1, 55))
# check: eq-opt-depth
assert np.allclose(both_cases, residual_block(x_block, change_block, None, p_block))
assert np.isclose(depth, (3 * 54 - 1) / 4)
print(f"54 blocks, the last one survives with 0.5: {depth:.2f} are at work on average")

# %% [markdown]
# **Fractional max pooling** {cite:p}`graham2014fractional` makes the *grid* of a pooling layer random. Ordinary pooling with stride 2 halves a map, which throws away three quarters of it at once. Fractional pooling shrinks by a factor between 1 and 2: its windows are laid at steps of 1 and 2 in random order. The map shrinks gently, so that more layers fit in, and every pass distorts the picture a little differently. `nn.FractionalMaxPool2d` has it.

# %% mystnb={"figure": {"name": "fig-opt-fractional", "caption": "One picture of 32×32, max pooled to 16×16 with stride 2, and to 22×22 with fractional pooling, twice. The two draws differ in where the rows and columns were merged; the last panel shows where they differ."}, "image": {"alt": "Five small pictures: an original, a coarse pooled one, two finer pooled ones that look nearly alike, and a map of their differences."}}
picture = samples[1:2].permute(0, 3, 1, 2).float() / 255  # (1, 3, 32, 32)
torch.manual_seed(SEED)
fractional = nn.FractionalMaxPool2d(2, output_ratio=0.7)
first_draw, second_draw = fractional(picture), fractional(picture)
halved = nn.MaxPool2d(2)(picture)
panels = [picture, halved, first_draw, second_draw, (first_draw - second_draw).abs()]
titles = ("picture", "max pool 2", "fractional", "again", "difference")

fig, axes = plt.subplots(1, 5, figsize=(8.6, 2.0))
for ax, panel, title in zip(axes, panels, titles, strict=True):
    ax.imshow(panel[0].permute(1, 2, 0).numpy().clip(0, 1))
    ax.set_title(title, fontsize=10, loc="center")
    ax.axis("off")
plt.show()

# %%
assert halved.shape[-2:] == (16, 16) and first_draw.shape[-2:] == second_draw.shape[-2:] == (22, 22)
assert not torch.equal(first_draw, second_draw)
with_indices = nn.FractionalMaxPool2d(2, output_ratio=0.7, return_indices=True)
_, indices = with_indices(torch.arange(32.0 * 32).reshape(1, 1, 32, 32))  # the largest lies lower right
row_steps = (indices[0, 0, :, 0] // 32).diff()
assert set(row_steps.tolist()) <= {1, 2} and row_steps.sum() == 30  # from row 1 to row 31
sizes = [32]
while sizes[-1] > 8:
    sizes.append(int(0.7 * sizes[-1]))
print("steps between windows:", *sorted(set(row_steps.tolist())), "in random order")
print("sizes:", " → ".join(map(str, sizes)), "in place of 32 → 16 → 8")

# %% [markdown]
# (sec-opt-real)=
# ## On real photographs
#
# Everything so far, on photographs and with several seeds. First the optimisers: a convolutional network without normalisation on photographs of CIFAR-10 {cite:p}`krizhevsky2009learning`; for each optimiser eight learning rates were tried on validation pictures, and the best was run again with three other seeds.

# %%
optimisers = results.load("cifar10_optimisers")
rows = [
    [
        name,
        f"{found['chosen_rate']['mean']:g}",
        f"{found['train_loss_by_epoch']['mean'][-1]:.2f}",
        results.percent(found["test_accuracy"]),
    ]
    for name, found in optimisers["metrics"].items()
]
print(results.table(rows, ["optimiser", "rate", "training loss, last epoch", "test accuracy"]))
print()
print(fill(results.provenance(optimisers), 75))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-real-race", "caption": "Left: training loss by epoch, each optimiser at the rate that validation chose, mean of the seeds. Right: validation accuracy at every rate of the grid. The curves on the right are hills in different places; a comparison at one common rate would crown whichever optimiser that rate happens to suit."}, "image": {"alt": "Two panels. Left: six falling curves of training loss by epoch. Right: six hill-shaped curves of validation accuracy against the learning rate on a logarithmic axis, the adaptive methods with their tops at smaller rates than SGD and momentum."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4))
for name, found in optimisers["metrics"].items():
    style, color = STYLES[name]
    look = {"color": color, "linewidth": 1.5, "marker": RUNNER_MARKS[name], "markersize": 5}
    losses = found["train_loss_by_epoch"]["mean"]
    left.plot(range(1, len(losses) + 1), losses, style, **look)
    by_rate = 100 * np.array(found["validation_accuracy_by_rate"]["mean"])
    right.semilogx(optimisers["settings"]["rates"], by_rate, style, label=name, **look)
left.set(xlabel="epoch", title="training loss")
right.set(xlabel="learning rate η", title="validation accuracy in %")
fig.legend(*right.get_legend_handles_labels(), fontsize=9, ncol=6, loc="outside lower center")
plt.show()

# %% [markdown]
# Then the regularisers and augmentations, each alone and a selection together, on a network with batch normalisation. The strengths were set beforehand and are in the recorded file. The same was done with the course's own pictures.

# %%
recorded = {name: results.load(f"{name}_regularisers") for name in ("cifar10", "pocket10")}
rows = []
for option, found in recorded["cifar10"]["metrics"].items():
    drawn = recorded["pocket10"]["metrics"][option]
    rows.append(
        [
            option,
            results.percent(found["train_accuracy"]),
            results.percent(found["test_accuracy"]),
            results.percent(drawn["test_accuracy"]),
        ]
    )
print(results.table(rows, ["", "photographs: training", "test", "drawn pictures: test"]))
print()
for record in recorded.values():
    print(fill(results.provenance(record), 75))
    print()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-opt-real-regularisers", "caption": "Gain in test accuracy over the network without any regulariser, in percentage points: mean and standard deviation over the seeds of the difference with the same seed. Circles: photographs; squares: drawn pictures. A whisker that crosses the line at zero is no evidence of anything."}, "image": {"alt": "A chart with one line for each regulariser or augmentation and two points with whiskers on it, circles for photographs and squares for drawn pictures, to the left or right of a vertical line at zero."}}
options = [name for name in recorded["cifar10"]["metrics"] if name != "none"]
fig, ax = plt.subplots(figsize=(7, 4.4))
for shift, (title, record), mark in zip((-0.15, 0.15), recorded.items(), "os", strict=True):
    base = np.array(record["metrics"]["none"]["test_accuracy"]["per_seed"])
    gain = 100 * np.array(
        [np.array(record["metrics"][o]["test_accuracy"]["per_seed"]) - base for o in options]
    )
    place = np.arange(len(options)) + shift
    label = "photographs" if title == "cifar10" else "drawn pictures"
    ax.errorbar(
        gain.mean(axis=1),
        place,
        xerr=gain.std(axis=1, ddof=1),
        fmt=mark,
        capsize=3,
        markersize=6,
        label=label,
    )
ax.axvline(0, color="gray", linewidth=1)
ax.set_yticks(range(len(options)), options)
ax.set(ylim=(len(options) - 0.4, -0.6), xlabel="gain in test accuracy, percentage points")
ax.legend(fontsize=9, loc="lower right")
plt.show()

# %%
rows = []
for option in ("none", "together"):
    found = recorded["cifar10"]["metrics"][option]
    rows.append(
        [
            option,
            results.percent(found["test_accuracy"]),
            results.percent(found["test_time_accuracy"]),
            f"{found['ensemble_accuracy']['mean']:.1%}",
        ]
    )
members = len(recorded["cifar10"]["seeds"])
print(results.table(rows, ["photographs", "alone", "ten versions", f"ensemble of {members}"]))
for option in ("none", "together"):
    found = recorded["cifar10"]["metrics"][option]
    assert found["ensemble_accuracy"]["mean"] > found["test_accuracy"]["mean"]

# %% [markdown]
# Read the figure line by line. A change is worth having where its whisker stays on the right of the line; where it crosses, three seeds can't tell; where it lies on the left, the change asks for an invariance that these pictures don't have, or for longer training than this. The strengths were not tuned, and each line could be moved by tuning: that is a search like any other. The last table holds the
# gain that needs no tuning at all: average what you already have.
#
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 9.1: how much noise a fading mean removes
#
# Gradients with independent noise of variance $\sigma^2$ go into a fading mean $m \leftarrow \beta m + (1 - \beta) g$. What is the variance of $m$ after many steps? How many equal gradients would you have to average for the same effect?
#
# <details class="hint"><summary>Hint 1</summary>
#
# After many steps the variance no longer changes: what does one step do to it?
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# $V = \beta^2 V + (1 - \beta)^2 \sigma^2$. A plain mean of $n$ has the variance $\sigma^2/n$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# beta = 0.9
# noise = np.random.default_rng(0).normal(size=(400, 20_000))  # 400 steps, 20,000 repetitions
# found = fading_mean(noise, beta).var()
# assert np.isclose(found, (1 - beta) / (1 + beta), rtol=0.05)
# assert np.isclose((1 + 0.9) / (1 - 0.9), 19) and np.isclose((1 + 0.99) / (1 - 0.99), 199)
# ```
#
# $V = \sigma^2 (1 - \beta)/(1 + \beta)$. A fading mean with 0.9 is as quiet as a mean over 19 gradients, one with 0.99 as one over 199. Momentum is, among other things, a larger batch for free, made of slightly stale gradients.
#
# </details>
#
# ### Exercise 9.2: turn the landscape
#
# Gradient descent and momentum don't care how the axes lie: turn the landscape, and the path turns with it. Show it by experiment in the trough, and show that Adam does care. What follows for the race in the bent valley?
#
# <details class="hint"><summary>Hint 1</summary>
#
# A turned landscape has the gradient $R\, H R^\top \mathbf{w}$. Start from $R\,\mathbf{w}_0$ and turn the path back.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# Use `walk` and compare `path` with `turned @ R`.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# H, R, start = np.diag([h_flat, h_steep]), trough_axes, np.array([-2.0, 1.0])
# for step, follows in ((sgd, True), (momentum, True), (adam, False)):
#     path = walk(step, lambda w: H @ w, start, 40, lr=0.05)
#     turned = walk(step, lambda w: R @ H @ R.T @ w, R @ start, 40, lr=0.05)
#     assert np.allclose(turned @ R, path) == follows
# ```
#
# Dividing entry by entry singles out the axes. In a trough *along* an axis it removes the bad condition altogether; in a slanted or bent one it can't. Whether a network's landscape is more of the one kind or the other is a fact about the network.
#
# </details>
#
# ### Exercise 9.3: undo RMSProp's first leap
#
# RMSProp's first step was ten times too long. Show that its length in units of $\eta$ after $t$ steps with a constant gradient is $1/\sqrt{1 - \beta_2^t}$, and find how many steps it takes until it is within 1 % of the intended length, for $\beta_2 = 0.99$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# What is $s_t$ for a constant gradient? {eq}`eq-opt-bias` has the sum.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# $1/\sqrt{1 - \beta_2^t} \le 1.01$ means $\beta_2^t \le 1 - 1/1.01^2$. Take logarithms.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# t = np.arange(1, 1001)
# assert np.allclose(quiet["rmsprop"] / 0.01, 1 / np.sqrt(1 - 0.99**t), rtol=1e-6)
# needed = np.log(1 - 1 / 1.01**2) / np.log(0.99)
# assert 390 < needed < 392
# ```
#
# $s_t = (1 - \beta_2^t)\, g^2$, so the step is $\eta g/\sqrt{s_t} = \eta/\sqrt{1 - \beta_2^t}$. It takes 391 steps. A warm-up of the learning rate over a few hundred steps is one cure, Adam's correction the other.
#
# </details>
#
# ### Exercise 9.4: a sum of many that are dropped
#
# A unit adds up $n$ inputs, each equal to 1, after inverted dropout with probability $p$. Find the standard deviation of the sum relative to its mean. How many inputs are needed for it to be below 10 % at $p = 0.5$? What does that say about dropping the inputs of a layer with three inputs?
#
# <details class="hint"><summary>Hint 1</summary>
#
# {eq}`eq-opt-dropout` has the variance of one of them; independent variances add up.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# $\sqrt{n\, p/(1 - p)}\,/\,n$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# masks, chance = all_masks(6, 0.5)
# sums = dropout_forward(np.ones((1, 6)), 0.5, masks).sum(axis=1)
# spread = np.sqrt(chance @ (sums - 6) ** 2) / 6
# assert np.isclose(spread, np.sqrt(0.5 / (0.5 * 6)))
# assert np.sqrt(0.5 / (0.5 * 100)) <= 0.1
# ```
#
# It is $\sqrt{p/((1 - p)\, n)}$: a hundred inputs at $p = 0.5$. Wide layers bear dropout well. With three inputs the sum is off by 58 % on average, which is why nobody drops the colour channels of a picture.
#
# </details>
#
# ### Exercise 9.5: what an ensemble gains in squared error
#
# For predictions $f_m$ of a number $t$ with mean $\bar f$, show that the squared error of the mean is the mean squared error of the members *minus* their spread: $(\bar f - t)^2 = \frac1M \sum (f_m - t)^2 - \frac1M \sum (f_m - \bar f)^2$.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Write $f_m - t = (f_m - \bar f) + (\bar f - t)$ and square.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# The mixed term vanishes, because the $f_m - \bar f$ add up to zero.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# f = np.random.default_rng(0).normal(size=7)
# t = 0.4
# gain = ((f - f.mean()) ** 2).mean()
# assert np.isclose((f.mean() - t) ** 2, ((f - t) ** 2).mean() - gain)
# ```
#
# An identity, without any inequality. {cite:t}`krogh1995neural` call the second term the ambiguity of the ensemble: it can be measured without labels, and the more of it there is, at equal quality of the members, the better.
#
# </details>
#
# ### Exercise 9.6: how many pictures augmentation makes
#
# How many different pictures can flips and shifts of up to 3 pixels make of one picture? And how often does a network that trains for 16 epochs see the same version twice?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Seven shifts along each axis, and two for the flip.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# The expected number of pairs of equal draws among $n$ draws from $V$ versions is $\binom n2 / V$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# many = samples[:1].repeat(20_000, 1, 1, 1)
# drawn = flip_shift(many, torch.Generator().manual_seed(0)).flatten(1)
# assert len(torch.unique(drawn, dim=0)) == 2 * 7 * 7
# assert round(comb(16, 2) / 98, 1) == 1.2
# ```
#
# 98 versions, and about one repetition in 16 epochs. They are not 98 *independent* pictures, though: they differ in where the object is, and not in what it looks like. Augmentation multiplies the pictures in the directions that you thought of.
#
# </details>
#
# ## What to remember
#
# 1. Momentum adds up gradients: effective rate $\eta/(1 - \rho)$, speed governed by $\sqrt\kappa$ in place of $\kappa$. Nesterov measures the gradient where the momentum will carry it.
# 2. AdaGrad, RMSProp and Adam divide by the size of past gradients; Adam corrects its means by $1 - \beta^t$, because they start at zero. With Adam, keep the decay apart: AdamW.
# 3. Tune the learning rate before comparing anything, and let it fall towards the end.
# 4. Learning curves tell the illness: level, slope, gap, and whether the validation loss turns.
# 5. Dropout, noise and augmentation average the loss over changes that should not matter; ensembles average over networks. Each is worth what a measurement with several seeds says.
#
# ## Pitfalls
#
# - **Momentum without a smaller rate.** 0.9 makes the steps ten times as long.
# - **Comparing optimisers at one common rate**, or at defaults. It measures the rate.
# - **`weight_decay` in `Adam`.** It is an L2 penalty there; decay proper is in `AdamW`.
# - **A snapshot without a copy.** `state_dict()` returns the living tensors.
# - **Forgetting `model.eval()`**, or calling it once and training on without `model.train()`.
# - **`p` kept or `p` dropped?** PyTorch's is the probability of being dropped.
# - **Augmenting validation pictures**, or drawing the augmentation once and for all rather than anew in each epoch.
# - **Changes that alter the label**: mirrored letters, a cutout that covers the whole object.
# - **One seed.** Differences of a point or two are within the luck of a single run.
# - **A schedule for 100 epochs, stopped at 30.** The rate never fell. Shorten the schedule rather than cutting it off.
#
# ## History and further reading
#
# {cite:t}`polyak1964some` gave gradient descent a heavy ball and proved the square root of the condition number; {cite:t}`nesterov1983method` found the variant whose rate is the best possible for smooth convex functions. {cite:t}`rumelhart1986learning` used momentum in the paper that made backpropagation known. {cite:t}`duchi2011adaptive` derived AdaGrad for sparse features;
# RMSProp was never published but taught, in a lecture by {cite:t}`tieleman2012lecture`; {cite:t}`kingma2015adam` put momentum and scale together. {cite:t}`reddi2018convergence` gave a simple problem on which Adam does not converge, and a family of variants followed. You will meet some in the assignment.
#
# Dropout was introduced by {cite:t}`hinton2012improving` and worked out by {cite:t}`srivastava2014dropout`. Distorted copies of training pictures were standard in reading digits long before: {cite:t}`simard2003best` made them with elastic deformations, and AlexNet {cite:p}`krizhevsky2012imagenet` would have overfitted badly without crops and flips, as its authors say. {cite:t}`cubuk2020randaugment` search for little and mix many changes at random. {cite:t}`hansen1990neural` studied ensembles of networks early, and {cite:t}`lakshminarayanan2017simple` showed that a
# few networks from different seeds give good measures of doubt. For more, read chapters 7 and 8 of {cite:t}`goodfellow2016deep`.
#
# ## Your turn: assignment 5
#
# Assignment 5 asks for relatives of what you met here: optimisers, dropout, augmentation and schedules that differ in one idea each, so that the derivations of this chapter help and its code does not. Next comes chapter 10, which looks at the machine and the software that do all this.
