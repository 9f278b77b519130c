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
# (chap-start)=
# # Training: activations, initialisation, normalisation
#
# A network of ten layers can have the right architecture, the right data and the right gradient, and learn nothing at all.
# This chapter finds out why, and puts it right in four places: at the inputs, in the activations, in the first weights, and between the layers.
#
# **What you will be able to do**
#
# 1. choose an activation, say what its slope does to a deep network, and recognise units that are saturated or dead;
# 2. centre, scale, decorrelate and whiten pictures, with statistics that come from the training set and from nowhere else;
# 3. derive how large the first weights must be, for any layer, so that neither the signal nor its gradient fades or explodes;
# 4. look at a network that does not learn, layer by layer, and see where the signal is lost;
# 5. write batch normalisation forward and backward, and say what it does differently in training and at test time;
# 6. fold a batch normalisation into the convolution before it, without changing a single answer;
# 7. tell batch, layer, instance and group normalisation apart by the axes they average over.
#
# **What you need**: [chapter 4](04_regularisation_and_optimisation.ipynb) (curvature and condition number), [chapter 5](05_neural_networks_and_backprop.ipynb)
# (backpropagation, layers, gradient checks) and, for the channels, [chapter 6](06_convolution.ipynb).

# %%
from course_utils import results

print(results.run_time_note("08_training_activations_init_norm"))

# %%
import itertools
import math
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle
from torch import nn
from torch.nn import functional as F

from course_utils import interactive, plots
from course_utils.data import class_names, load
from course_utils.gradcheck import gradcheck, spaced

SEED = 0
DATASET = "pocket10"

C = len(class_names(DATASET))

plots.use_style()

# %% [markdown]
# (sec-start-idea)=
# ## Three networks, one of which learns
#
# Here is a plain deep network: ten hidden layers of 100 units each, ReLU after every one, and ten scores at the end. To keep it quick, it reads pictures of $16 \times 16$ pixels, so rows of 768 numbers, with the mean of each colour subtracted and its spread
# scaled to one (why, is the matter of {ref}`sec-start-inputs`).

# %%
images_train, y_train = load(DATASET, "train", n=4_000, seed=SEED)
images_test, y_test = load(DATASET, "test", n=1_000, seed=SEED)


def shrink(images):
    """Pictures (N, 32, 32, 3) of whole numbers as (N, 16, 16, 3) from 0 to 1: means of 2×2 pixels."""
    return images.reshape(len(images), 16, 2, 16, 2, 3).mean(axis=(2, 4)) / 255.0


def as_rows(pictures):
    """Pictures (N, 16, 16, 3), standardised, as a float32 tensor (N, 768)."""
    scaled = (pictures - channel_mean) / channel_std
    return torch.tensor(scaled.reshape(len(scaled), -1), dtype=torch.float32)


small_train, small_test = shrink(images_train), shrink(images_test)
channel_mean, channel_std = small_train.mean(axis=(0, 1, 2)), small_train.std(axis=(0, 1, 2))  # (3,), (3,)
rows_train, rows_test = as_rows(small_train), as_rows(small_test)
targets_train, targets_test = torch.from_numpy(y_train), torch.from_numpy(y_test)
print(
    f"{len(rows_train):,} training and {len(rows_test):,} test pictures, each a row of {rows_train.shape[1]}"
)

# %% [markdown]
# The only thing that will differ is the size of the first weights. They are drawn from a normal distribution, and `deviation` says with which standard deviation; biases start at zero.


# %%
def draw_layer(fan_in, fan_out, deviation, dice):
    """An `nn.Linear` with normal weights of the given standard deviation, and biases of zero."""
    layer = nn.Linear(fan_in, fan_out)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(deviation * dice.standard_normal((fan_out, fan_in))))
        layer.bias.zero_()
    return layer


def deep_network(deviation, activation=nn.ReLU, norm=None, sizes=(768, *[100] * 10), seed=SEED):
    """Hidden layers of these sizes and C scores; `deviation` is a function of fan-in and fan-out."""
    dice, layers = np.random.default_rng(seed), []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers.append(draw_layer(fan_in, fan_out, deviation(fan_in, fan_out), dice))
        layers += [norm(fan_out)] if norm else []
        layers.append(activation())
    return nn.Sequential(*layers, draw_layer(sizes[-1], C, math.sqrt(1 / sizes[-1]), dice))


def scaled_kaiming(factor):
    """Standard deviation of the first weights: `factor` times the size that this chapter will derive."""
    return lambda fan_in, fan_out: factor * math.sqrt(2 / fan_in)


# %%
def train(network, rate, steps, inputs=rows_train, batch=100, seed=SEED):
    """Plain SGD on the training pictures, given as rows; the loss of each mini-batch."""
    optimizer = torch.optim.SGD(network.parameters(), rate)
    dice, losses = np.random.default_rng(seed), []
    network.train()
    for _ in range(steps):
        pick = torch.from_numpy(dice.integers(0, len(inputs), batch))
        loss = F.cross_entropy(network(inputs[pick]), targets_train[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% [markdown]
# Three starts: one with weights of a certain size, one with half of that, one with twice as much. Same pictures in the same order, same learning rate.

# %% tags=["nbval-ignore-output"]
# varies: hundreds of steps of training amplify the last digits, which differ between processors
STARTS = {"half": 0.5, "as it should be": 1.0, "double": 2.0}


first_losses = {}
for title, factor in STARTS.items():
    first_losses[title] = train(deep_network(scaled_kaiming(factor)), rate=0.05, steps=200)
    last = np.mean(first_losses[title][-30:])
    print(f"{title:>15}: loss {first_losses[title][0]:8.2f} at the start, {last:.2f} after 200 steps")
if DATASET == "pocket10":
    assert np.mean(first_losses["as it should be"][-30:]) < 2.05
    assert np.mean(first_losses["half"][-30:]) > 2.25
    assert not np.mean(first_losses["double"][-30:]) < 2.25  # it may not even be a number any more

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-three", "caption": "Training loss of three networks that differ only in the size of their first weights. With half the size nothing happens: the loss stays at that of guessing, log 10 (dotted). With twice the size the loss starts far above the picture, and the first steps wreck the network. Only in between it learns."}, "image": {"alt": "Curves of the training loss against steps. The dashed one is flat at 2.3, the solid one falls steadily; an arrow says that the third one is far above."}}
fig, ax = plt.subplots(figsize=(7.0, 3.4))
for (title, losses), style in zip(first_losses.items(), ("--", "-", "-."), strict=True):
    smooth = np.convolve(losses, np.ones(10) / 10, mode="valid")  # means of ten steps
    ax.plot(np.arange(len(smooth)) + 10, smooth, style, label=title)
ax.axhline(math.log(C), color="gray", linestyle=":")
ax.text(12, 2.95, "↑ double: in the thousands at first, then not a number", fontsize=9, color="C2")
ax.set(xlabel="step", ylabel="training loss", ylim=(1.4, 3.1))
ax.legend(title="first weights", fontsize=9, loc="lower left")
plt.show()

# %% [markdown]
# The gradient is right in all three cases; we have checked it to ten digits in chapter 5. Nothing is wrong but *scale*. Let us see how much a factor of two can do. ReLU lets positive factors through, $\operatorname{ReLU}(ca) = c \operatorname{ReLU}(a)$, and so does a
# layer without biases. Multiply *every* weight matrix by $c$, then, and layer for layer one more factor of $c$ piles up:
#
# $$
# \begin{aligned}
# h_l(cW_1, \dots, cW_l) &= c^{\,l}\; h_l(W_1, \dots, W_l), \\
# \bar x(cW_1, \dots, cW_L) &= c^{L}\; \bar x(W_1, \dots, W_L) .
# \end{aligned}
# $$ (eq-start-gain)
#
# The second half says the same of the gradient on its way back to the input.

# %%
FACTOR = 2.0
narrow = (6, *[8] * 10)  # small layers, in float64, for exact checks
dice_rows = np.random.default_rng(SEED)
some_rows = torch.from_numpy(dice_rows.normal(size=(5, 6)))
upstream = torch.from_numpy(dice_rows.normal(size=(5, 8)))
found = {}
for factor in (1.0, FACTOR):
    network = deep_network(scaled_kaiming(factor), sizes=narrow).double()[:-1]  # without the scores
    x = some_rows.clone().requires_grad_()
    h = network(x)
    found[factor] = (h.detach(), torch.autograd.grad(h, x, upstream)[0])
# check: eq-start-gain
for plain, scaled in zip(*found.values(), strict=True):
    assert plain.abs().max() > 0
    assert torch.allclose(scaled, FACTOR**10 * plain, rtol=1e-6)  # the weights were drawn in float32
print(f"ten layers, weights times 2: everything times {FACTOR**10:.0f}; weights halved: times {0.5**10:.5f}")

# %% [markdown]
# That is all there is to the mystery. A factor of two in each layer is a factor of a thousand after ten, and a million after twenty. If the signal fades, all pictures look alike to the last layer, and the gradient that comes back is nothing. If it explodes, the scores are in the thousands, the softmax is certain of nonsense, and one step
# throws the weights out of reach. Deep networks were thought to be hard to train for many years, and a good part of the difficulty was this.
#
# Everything in this chapter is a way of keeping the signal at one size, in both directions: by inputs that are centred and scaled, by activations that let enough through, by first weights of the right size, and, where that is not enough, by measuring the signal and rescaling it as it passes.
#
# <div class="question">
#
# **Quick question 1.** In a network of 20 layers, each layer makes the gradient on its way back smaller by a tenth: it multiplies it by 0.9. What arrives at the first layer?
#
# <details class="choice"><summary>About nine tenths of it</summary>
#
# That would be one layer. The factors multiply, layer by layer.
#
# </details>
#
# <details class="choice"><summary>Nothing: twenty times a tenth is more than all of it</summary>
#
# Losses of a tenth don't add up, they compound: each takes a tenth of what is *left*.
#
# </details>
#
# <details class="choice right"><summary>About an eighth</summary>
#
# Right: $0.9^{20} \approx 0.12$. A network can live with that. With 0.5 in place of 0.9 it would be a millionth.
#
# </details>
# </div>
#
# (sec-start-activations)=
# ## Activations
#
# Chapter 5 needed a bend between linear layers and took the simplest. There are many others, and the differences matter in three ways: how large the slope is (what the gradient is multiplied by), where it vanishes (where learning stops), and whether the output is centred on zero.
#
# ### Two that saturate
#
# For decades the standard was the **sigmoid**, which squeezes any number into $(0, 1)$, and its sibling **tanh**, which is a sigmoid stretched to $(-1, 1)$. ($\sigma$ *of something* is the sigmoid; a bare $\sigma$ further down is a standard deviation.)
#
# $$
# \sigma(a) = \frac{1}{1 + e^{-a}}, \quad \tanh a = 2\,\sigma(2a) - 1,
# $$ (eq-start-squash)
#
# $$
# \begin{aligned}
# \sigma'(a) &= \sigma(a)\,\bigl(1 - \sigma(a)\bigr) \le \tfrac14, \\
# \tanh'(a) &= 1 - \tanh^2 a \le 1 .
# \end{aligned}
# $$ (eq-start-squash-slopes)
#
# Both become flat on both sides. A unit whose $a$ is far from zero is **saturated**: its output hardly depends on its input, and almost no gradient gets through.


# %%
def sigmoid(a):
    """1 / (1 + e^-a), entry by entry."""
    return 1 / (1 + np.exp(-a))


def sigmoid_slope(a):
    """Derivative of the sigmoid."""
    return sigmoid(a) * (1 - sigmoid(a))


def tanh_slope(a):
    """Derivative of tanh."""
    return 1 - np.tanh(a) ** 2


def agrees(function, slope, oracle):
    """Whether an activation and its slope are PyTorch's; asked at numbers from -4 to 4, never at the kink at 0."""
    a = 2 * spaced((400,), np.random.default_rng(SEED))
    tensor = torch.tensor(a, requires_grad=True)
    output = oracle(tensor)
    (by_autograd,) = torch.autograd.grad(output.sum(), tensor)
    same = np.allclose(function(a), output.detach().numpy(), rtol=1e-12, atol=1e-14)  # rounding only
    return same and np.allclose(slope(a), by_autograd.numpy(), rtol=1e-10, atol=1e-13)


some_a = np.linspace(-6, 6, 49)
# check: eq-start-squash, eq-start-squash-slopes
assert agrees(sigmoid, sigmoid_slope, torch.sigmoid)
assert agrees(np.tanh, tanh_slope, torch.tanh)
assert np.allclose(np.tanh(some_a), 2 * sigmoid(2 * some_a) - 1)
assert sigmoid_slope(some_a).max() == sigmoid_slope(0.0) == 0.25 and tanh_slope(some_a).max() == 1
print(
    "sigmoid and tanh, and their slopes, are PyTorch's; the slope of the sigmoid is at most",
    sigmoid_slope(0.0),
)

# %% [markdown]
# A quarter, at best. In ten layers of sigmoids the slopes alone multiply a gradient by at most $(1/4)^{10}$, about one in a million. That is chapter 5's promise of trouble come due, and it is called the **vanishing gradient**.
#
# ### The rectifier and its relatives
#
# **ReLU**, $\max(0, a)$, has the slope 1 wherever it is on. Nothing is lost there, however deep the network; and it costs one comparison. {cite:t}`nair2010rectified` and {cite:t}`glorot2011deep` made it popular, {cite:t}`krizhevsky2012imagenet` report that their network learned several times as fast with it as with tanh.
# But where it is off, it is off: slope 0. Its relatives let a little through on that side. With $\nu$ for how much,
#
# $$
# f_\nu(a) = \begin{cases} a & a > 0 \\ \nu a & a \le 0 \end{cases}
# \quad
# f_\nu'(a) = \begin{cases} 1 & a > 0 \\ \nu & a \le 0 \end{cases}
# $$ (eq-start-leaky)
#
# is ReLU for $\nu = 0$ and **leaky ReLU** for a small $\nu$ {cite:p}`maas2013rectifier`. How small? Some courses teach $\nu = 0.01$, which is PyTorch's default (`negative_slope`), others 0.1. Neither is *the* leaky ReLU: $\nu$ is a parameter. So why not learn it? In the **parametric ReLU** {cite:p}`he2015delving`, $\nu$ is a weight like
# any other, one a layer or one a channel, and its gradient adds up over all places where the input was negative:
#
# $$
# \frac{\partial L}{\partial \nu} = \sum_i \frac{\partial L}{\partial f_i}\, \min(0, a_i) .
# $$ (eq-start-prelu)


# %%
def leaky_relu(a, nu):
    """a where it is positive, nu * a elsewhere; nu = 0 gives ReLU."""
    return np.where(a > 0, a, nu * a)


def leaky_slope(a, nu):
    """Derivative of `leaky_relu` by a."""
    return np.where(a > 0, 1.0, nu)


def prelu(a, nu):
    """Output, and a function that takes the upstream gradient to those of a and of nu."""
    backward = lambda upstream: [
        upstream * leaky_slope(a, nu),
        (upstream * np.minimum(0, a)).sum().reshape(nu.shape),
    ]
    return leaky_relu(a, nu), backward


# check: eq-start-leaky
for nu in (0.0, 0.01, 0.1):
    assert agrees(
        lambda a, nu=nu: leaky_relu(a, nu),
        lambda a, nu=nu: leaky_slope(a, nu),
        nn.LeakyReLU(negative_slope=nu),
    )
# check: eq-start-prelu
compared = gradcheck(prelu, F.prelu, [(6, 5), np.array([0.25])])
print(f"leaky ReLU with 0, 0.01 and 0.1 is PyTorch's; so are {compared} gradients of the parametric one")

# %% [markdown]
# The **exponential linear unit** {cite:p}`clevert2016fast` leaves zero smoothly and bends towards a floor at $-\nu$, so that its outputs are nearly centred. Its slope on the left is its own output plus $\nu$:
#
# $$
# \begin{aligned}
# \operatorname{ELU}(a) &= \begin{cases} a & a > 0 \\ \nu\,(e^{a} - 1) & a \le 0 \end{cases} \\
# \operatorname{ELU}'(a) &= \begin{cases} 1 & a > 0 \\ \operatorname{ELU}(a) + \nu & a \le 0 \end{cases}
# \end{aligned}
# $$ (eq-start-elu)
#
# The **Gaussian error linear unit** {cite:p}`hendrycks2016gaussian`, which transformers use, weights $a$ by the probability $\Phi(a)$ that a standard normal number is smaller than $a$. Where ReLU multiplies by 0 or 1, GELU multiplies by something in between:
#
# $$
# \begin{aligned}
# \operatorname{GELU}(a) &= a\, \Phi(a), \\
# \operatorname{GELU}'(a) &= \Phi(a) + a\, \Phi'(a), \\
# \Phi'(a) &= \frac{e^{-a^2/2}}{\sqrt{2\pi}} .
# \end{aligned}
# $$ (eq-start-gelu)
#
# (The *swish* or SiLU, $a\,\sigma(a)$, is nearly the same curve.)


# %%
def elu(a, nu=1.0):
    """a where it is positive, nu (e^a - 1) elsewhere."""
    return np.where(a > 0, a, nu * np.expm1(np.minimum(a, 0)))


def elu_slope(a, nu=1.0):
    """Derivative of `elu`."""
    return np.where(a > 0, 1.0, elu(a, nu) + nu)


def below(a):
    """Probability that a standard normal number is smaller than a, entry by entry."""
    return 0.5 * (1 + np.vectorize(math.erf)(a / math.sqrt(2)))


def gelu(a):
    """a times the probability that a standard normal number is smaller."""
    return a * below(a)


def gelu_slope(a):
    """Derivative of `gelu`."""
    return below(a) + a * np.exp(-(a**2) / 2) / math.sqrt(2 * math.pi)


# check: eq-start-elu
for nu in (1.0, 0.5):
    assert agrees(lambda a, nu=nu: elu(a, nu), lambda a, nu=nu: elu_slope(a, nu), nn.ELU(alpha=nu))
# check: eq-start-gelu
assert agrees(gelu, gelu_slope, F.gelu)
print("ELU and GELU, and their slopes, are PyTorch's")

# %% [markdown]
# ### Maxout: learn the bend
#
# All of these are chosen by hand. A **maxout** unit {cite:p}`goodfellow2013maxout` computes $K$ linear scores of its inputs and passes on the largest,
#
# $$
# \begin{aligned}
# h &= \max_{k = 1 \dots K} \bigl( x W_k + b_k \bigr), \\
# \frac{\partial h}{\partial x} &= W_{k^*} \quad\text{for the winner } k^* .
# \end{aligned}
# $$ (eq-start-maxout)
#
# The largest of several straight lines is a convex chain of straight pieces, so ReLU, leaky ReLU and $|a|$ are all maxout with $K = 2$, and training may find others. It never saturates and never dies. The price is $K$ times the weights, which is why it is rarely seen today.


# %%
def maxout(x, w, b):
    """Output (N, M) for x (N, D), w (K, D, M), b (K, M); and a function for the gradients of x, w, b."""
    scores = np.einsum("nd,kdm->knm", x, w) + b[:, None]  # (K, N, M)
    winner = scores.argmax(axis=0) == np.arange(len(w))[:, None, None]  # (K, N, M), True for the winner

    def backward(upstream):
        routed = winner * upstream  # only the winner hears of it
        dx = np.einsum("knm,kdm->nd", routed, w)
        return [dx, np.einsum("nd,knm->kdm", x, routed), routed.sum(axis=1)]

    return scores.max(axis=0), backward


# check: eq-start-maxout
by_max = lambda x, w, b: (torch.einsum("nd,kdm->knm", x, w) + b[:, None]).max(dim=0).values
compared = gradcheck(maxout, by_max, [(4, 3), (3, 3, 2), (3, 2)])
one, two_slopes = np.ones((1, 1, 1)), np.array([1.0, 0.1])[:, None, None]  # 1·a and 0.1·a
as_leaky, _ = maxout(some_a[:, None], two_slopes, np.zeros((2, 1)))
as_absolute, _ = maxout(some_a[:, None], np.concatenate([one, -one]), np.zeros((2, 1)))
assert np.allclose(as_leaky[:, 0], leaky_relu(some_a, 0.1)) and np.allclose(as_absolute[:, 0], np.abs(some_a))
print(f"maxout: {compared} gradients agree; leaky ReLU and the absolute value are special cases")

# %% [markdown]
# Now look at all of them side by side. Choose one; compare where the slope is near zero (grey), what the largest slope is, and what comes out on average when standard normal numbers go in.

# %% tags=["hide-input"]
silu_slope = lambda a: sigmoid(a) + a * sigmoid_slope(a)
pieces = np.array([[-1.0, -0.6], [0.2, 0.0], [1.0, -0.9]])  # slope and height of three straight lines
three_lines = lambda a: np.max(pieces[:, :1] * a + pieces[:, 1:], axis=0)
BROWSER = {
    "step": (lambda a: (a > 0) * 1.0, np.zeros_like),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (np.tanh, tanh_slope),
    "ReLU": (lambda a: leaky_relu(a, 0.0), lambda a: leaky_slope(a, 0.0)),
    "leaky ReLU, 0.01": (lambda a: leaky_relu(a, 0.01), lambda a: leaky_slope(a, 0.01)),
    "leaky ReLU, 0.1": (lambda a: leaky_relu(a, 0.1), lambda a: leaky_slope(a, 0.1)),
    "PReLU, at its start 0.25": (lambda a: leaky_relu(a, 0.25), lambda a: leaky_slope(a, 0.25)),
    "ELU": (elu, elu_slope),
    "GELU": (gelu, gelu_slope),
    "SiLU": (lambda a: a * sigmoid(a), silu_slope),
    "maxout of 2 lines": (np.abs, np.sign),
    "maxout of 3 lines": (
        three_lines,
        lambda a: pieces[np.argmax(pieces[:, :1] * a + pieces[:, 1:], axis=0), 0],
    ),
    "none (identity)": (lambda a: a, np.ones_like),
}
fine_a = np.arange(-3.995, 4.0, 0.01)
weight_a = np.exp(-(fine_a**2) / 2) / np.exp(-(fine_a**2) / 2).sum()  # a standard normal distribution


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-browser", "caption": "Thirteen activations. Left: the function. Right: its slope; where the slope is below one hundredth, nearly nothing is learned (grey). The line above says what happens to standard normal inputs: the mean of the outputs, and the share of inputs in the grey."}, "image": {"alt": "Frames of an interactive figure, one an activation: a curve of the function on the left, a curve of its slope on the right, with grey bands where the slope is nearly zero."}}
def draw_activation(title, function, slope):
    """One frame: the function and its slope; and what it does to standard normal inputs, in words."""
    values, slopes = function(fine_a), slope(fine_a)
    flat = np.abs(slopes) < 0.01
    mean, idle = (weight_a * values).sum(), weight_a[flat].sum()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), layout="none")
    fig.subplots_adjust(left=0.07, right=0.98, bottom=0.15, top=0.78, wspace=0.17)
    words = f"mean output {mean:+.2f}, slope below 0.01 for {idle:.0%} of normal inputs"
    fig.suptitle(f"{title}: {words}", x=0.02, ha="left", fontsize=11)
    left.plot(fine_a, values)
    right.plot(fine_a, slopes, color="C3")
    for ax in (left, right):
        ax.fill_between(fine_a, -2, 4, where=flat, color="0.87", linewidth=0)
        ax.axhline(0, color="gray", linewidth=0.8)
    left.set(xlabel="a", ylim=(-1.5, 3.2))
    right.set(xlabel="a", ylim=(-1.2, 1.3))
    left.set_title("function", fontsize=10)
    right.set_title("slope", fontsize=10)
    return fig, words


browser_frames = [draw_activation(title, *pair) for title, pair in BROWSER.items()]
interactive.frames(
    [frame[0] for frame in browser_frames],
    list(BROWSER),
    name="activations",
    alt=[f"{title}: {frame[1]}." for title, frame in zip(BROWSER, browser_frames, strict=True)],
    description="Activation",
    kind="dropdown",
    start=3,
    dpi=85,
)

# %% [markdown]
# (sec-start-saturation)=
# ### Saturation, measured
#
# A network of tanh is healthy as long as its units stay in the steep middle. Make the first weights larger, and more and more of them end up against a wall. Call a unit saturated *on a picture* if its slope there is below a hundredth, and count.


# %%
def hidden_values(network, x):
    """Outputs (N, M) of every activation of a sequential network, and the inputs (N, M) of those activations."""
    before, after = [], []
    for module in network[:-1]:
        if not isinstance(module, nn.Linear | nn.BatchNorm1d):
            before.append(x)
        x = module(x)
        if not isinstance(module, nn.Linear | nn.BatchNorm1d):
            after.append(x)
    return before, after


def one_over_fan_in(factor):
    """Standard deviation `factor` / sqrt(fan-in)."""
    return lambda fan_in, fan_out: factor / math.sqrt(fan_in)


saturated = {}
for factor in (0.5, 1.0, 2.0, 4.0):
    before, _ = hidden_values(deep_network(one_over_fan_in(factor), nn.Tanh), rows_train[:500])
    slopes = [1 - torch.tanh(a) ** 2 for a in before]
    saturated[factor] = [float((slope < 0.01).float().mean()) for slope in slopes]
rows = [[f"{factor:g}", *(f"{share[i]:.0%}" for i in (0, 1, 4, 9))] for factor, share in saturated.items()]
print(results.table(rows, ["weights times", "layer 1", "layer 2", "layer 5", "layer 10"]))
assert max(saturated[0.5]) < 0.05 < 0.3 < min(saturated[4.0])

# %% [markdown]
# With weights four times too large, about four answers in ten are $+1$ or $-1$ to within a quarter of a per cent, and each such answer multiplies the gradient by almost nothing. The opposite case, weights too small, saturates nobody and is no better: the signal fades instead. Between the two there is a size that works, and
# {ref}`sec-start-init` computes it.
#
# (sec-start-death)=
# ### Death, measured
#
# A ReLU can't saturate on the right, but on the left it does worse: it is silent there *and* deaf. If $a < 0$ for **every** training picture, the unit outputs zero for all of them and gets the gradient zero from all of them. No step of training can bring it back. It is **dead**. There are two ways to get there. A unit can
# be born dead; and a step that is too large can kill it.
#
# We watch a network with one hidden layer of 200 units on pixels as they come, between 0 and 1. First at a sensible learning rate, then at a reckless one, then at the reckless one with the mean image subtracted. Afterwards all three train on at the sensible rate.


# %%
def silent(network, inputs):
    """For each unit of the first layer: whether its activation never gets a positive input from these rows."""
    with torch.no_grad():
        return (network[0](inputs) <= 0).all(dim=0)


raw_rows = torch.tensor(small_train.reshape(len(small_train), -1), dtype=torch.float32)
CASES = {
    "raw pixels, rate 0.05": (raw_rows, 0.05),
    "raw pixels, rate 0.4": (raw_rows, 0.4),
    "mean subtracted, rate 0.4": (raw_rows - raw_rows.mean(dim=0), 0.4),
}
lives = {}
for title, (inputs, rate) in CASES.items():
    network = deep_network(scaled_kaiming(1.0), sizes=(768, 200))
    born_dead = silent(network, inputs)
    train(network, rate, 60, inputs)
    dead, weights = silent(network, inputs), network[0].weight.detach().clone()
    later = np.mean(train(network, 0.05, 200, inputs)[-30:])
    moved = (network[0].weight != weights).any(dim=1)  # (200,)
    lives[title] = (born_dead, dead, moved, later)
assert all(not moved[dead].any() and moved[~dead].any() for _, dead, moved, _ in lives.values())
print("of the dead units, not one weight moved in 200 further steps")

# %% tags=["nbval-ignore-output"]
# varies: which unit dies in sixty rough steps depends on the last digits, which differ between processors
deaths = {title: [float(part.float().mean()) for part in life[:2]] for title, life in lives.items()}
table_rows = [
    [title, *(f"{share:.0%}" for share in deaths[title]), f"{lives[title][3]:.2f}"] for title in lives
]
print(results.table(table_rows, ["", "dead at birth", "after 60 steps", "loss 200 steps later"]))
if DATASET == "pocket10":
    assert 0.02 < deaths["raw pixels, rate 0.05"][0] < 0.2
    assert deaths["raw pixels, rate 0.4"][1] > 0.25 > 0.1 > deaths["mean subtracted, rate 0.4"][1]

# %% [markdown]
# Some units are dead before the first step. Raw pixels are all positive, and all pictures share a large part, their mean; if a unit's weights happen to give a clearly negative answer to *that*, the differences between pictures are too small to matter. Then a few reckless steps kill half of the layer, and the network pays for it long after the rate has become sensible.
# Subtract the mean, and the same rate kills hardly anybody.
#
# A leaky ReLU cannot die in this sense, since its slope is never zero. That does not make it immune to reckless steps: its units are pushed to the same place, and creep back with a slope of 0.01 or 0.1.

# %% [markdown]
# ### Not centred on zero
#
# There is one more complaint about the sigmoid, and about ReLU and raw pixels as well: what they put out is never negative. Look at one neuron, $a = \sum_j h_j w_j + b$, and at one picture. Its weights get the gradients
#
# $$
# \frac{\partial L}{\partial w_j} = \frac{\partial L}{\partial a}\; h_j .
# $$ (eq-start-same-sign)
#
# The first factor is the same for all $j$, and if all $h_j$ are positive, *all gradients have the same sign*. In one step the weights can go all up or all down. To raise one weight and lower another, the path has to zigzag.

# %%
sign_dice = np.random.default_rng(SEED)
h_positive = sign_dice.uniform(0.1, 1.0, 6)  # what six sigmoids might put out
w_neuron = torch.tensor(sign_dice.normal(size=6), requires_grad=True)
a_neuron = torch.from_numpy(h_positive) @ w_neuron
loss_neuron = (torch.tanh(a_neuron) - 1.0) ** 2
(dw_neuron,) = torch.autograd.grad(loss_neuron, w_neuron, retain_graph=True)
(da_neuron,) = torch.autograd.grad(loss_neuron, a_neuron)
by_formula = +da_neuron.item() * h_positive
# check: eq-start-same-sign
assert np.allclose(dw_neuron.numpy(), by_formula, rtol=1e-12)
assert len(set(np.sign(by_formula))) == 1
print("six gradients of one neuron, one picture:", np.round(by_formula / np.abs(by_formula).max(), 2))

# %% [markdown]
# To see the zigzag, take two weights that should become $(1, -1)$, and learn them from examples one at a time. In one run the two inputs lie between 0 and 1, as sigmoids would have them; in the other they are the same numbers minus one half.


# %%
def learn_two(inputs, rate, steps):
    """Path (steps + 1, 2) of two weights from zero towards (1, -1), by SGD on one example at a time."""
    w, path = np.zeros(2), [np.zeros(2)]
    for h in inputs[:steps]:
        error = h @ w - h @ np.array([1.0, -1.0])
        w = w - rate * error * h
        path.append(w)
    return np.array(path)


two_inputs = np.random.default_rng(SEED).uniform(0, 1, (400, 2))
path_positive = learn_two(two_inputs, 0.6, 400)
path_centred = learn_two(two_inputs - 0.5, 3.0, 400)
steps_positive = np.diff(path_positive, axis=0)
assert (steps_positive[:, 0] * steps_positive[:, 1] >= 0).all()  # both up or both down
for title, path in (("between 0 and 1", path_positive), ("centred", path_centred)):
    away = np.linalg.norm(path - [1, -1], axis=1)
    print(f"inputs {title}: within 0.1 of the goal after {int((away < 0.1).argmax())} examples")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-zigzag", "caption": "Two weights on their way from zero (cross) to their goal (star), one example a step. Left: inputs between 0 and 1. Every single step goes up and right, or down and left, though the goal lies down and right. Right: the same inputs, centred, with steps in all directions."}, "image": {"alt": "Two panels with a path from the upper left to a star at the lower right. The left path is a saw of short diagonal strokes, the right path turns freely and arrives in fewer steps."}}
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.7), sharex=True, sharey=True)
for ax, path, title in zip(axes, (path_positive, path_centred), ("inputs 0 to 1", "centred"), strict=True):
    ax.plot(*path[:60].T, "-o", markersize=2.5, linewidth=1.2)
    ax.plot(0, 0, "k+", markersize=12, markeredgewidth=2)
    ax.plot(1, -1, "*", color="C3", markersize=15)
    ax.set(xlabel="$w_1$", title=f"{title}, 60 steps", aspect="equal")
axes[0].set_ylabel("$w_2$")
plt.show()

# %% [markdown]
# Averaging over a mini-batch softens this, since different pictures have different first factors. But something remains that no averaging removes, and chapter 4 has the word for it: the *condition number*. The curvature of a squared loss in the weights is $\mathrm E[h^\top h]$, and it splits into two parts,
#
# $$
# \mathrm E\bigl[h^\top h\bigr] = \operatorname{Cov}(h) + \mu^\top \mu, \qquad \mu = \mathrm E[h] .
# $$ (eq-start-second-moment)
#
# The second part is a matrix of rank one that is large in a single direction, that of the mean. It makes one wall of the valley steep, the steep wall limits the learning rate, and all other directions wait. For $n$ independent inputs between 0 and 1 the covariance is $\frac1{12}$ in every direction, perfectly round, while
# $\mu^\top\mu$ adds $\frac n4$ to one of them: the condition number is $1 + 3n$.

# %%
h_many = np.random.default_rng(SEED).uniform(0, 1, (20_000, 30))
mean_h = h_many.mean(axis=0, keepdims=True)  # (1, 30)
covariance_h = np.cov(h_many, rowvar=False, bias=True)
# check: eq-start-second-moment
assert np.allclose(h_many.T @ h_many / len(h_many), covariance_h + mean_h.T @ mean_h)
kappa_raw = np.linalg.cond(covariance_h + mean_h.T @ mean_h)
assert (
    abs(kappa_raw / (1 + 3 * 30) - 1) < 0.15
)  # 20,000 examples give the flattest direction to a few per cent
print(
    f"30 inputs between 0 and 1: condition number {kappa_raw:.0f}; centred: {np.linalg.cond(covariance_h):.1f}"
)

# %% [markdown]
# So much for theory; which one should you take? **ReLU first.** If many units die, a leaky ReLU, ELU or GELU; the differences between those are small and depend on the rest. Tanh where an output has to lie in $(-1, 1)$, sigmoid where a number between 0 and 1 is meant: at the output of a two-class network, or in gates (chapter 17). Hidden layers of
# sigmoids only in museums.
#
# <div class="question">
#
# **Quick question 2.** After training with a large learning rate, 40 % of the ReLUs of a layer put out zero for every training picture. You lower the learning rate and train on. What happens to them?
#
# <details class="choice"><summary>They recover slowly, because the rate is small</summary>
#
# Slowly would need a gradient. Theirs is exactly zero, for every picture, at any rate.
#
# </details>
#
# <details class="choice right"><summary>Nothing, unless what comes into the layer changes</summary>
#
# Right. Their own weights never move again. If *earlier* layers change, their inputs may one day become positive; in a first layer even that way is closed.
#
# </details>
#
# <details class="choice"><summary>They recover as soon as the network is switched to evaluation</summary>
#
# Evaluation mode changes dropout and batch normalisation. The weights, and so the signs, stay what they are.
#
# </details>
#
# <details class="choice"><summary>They make the other units die too</summary>
#
# They put out zero and pass back zero; to the others they are as good as absent. What is lost is capacity.
#
# </details>
# </div>
#
# (sec-start-inputs)=
# ## Preparing the inputs
#
# The first layer has inputs like every other, and for them we need not hope for the best: the pictures are known before training begins. Pixels are the worst case of {eq}`eq-start-second-moment`. They are all positive, and neighbours hardly differ, so a few directions (overall brightness first of all) have nearly all of the variance.
#
# There is a ladder of remedies; each rung does what the one below does, and something more. A cloud of two numbers shows what they do.
#
# 1. **Subtract the mean**: of every pixel (the *mean image*, $\mu$ of shape $(D,)$), or of every channel (three numbers).
# 2. **Divide by the standard deviation**, of every channel.
# 3. **Decorrelate**: turn the cloud until its axes are the coordinate axes. With $\Sigma = \operatorname{Cov}(x)$, which is symmetric,
#
# $$
# \begin{aligned}
# \Sigma &= U \Lambda U^\top, \\
# x_\text{pca} &= (x - \mu)\, U, \qquad \operatorname{Cov}(x_\text{pca}) = \Lambda .
# \end{aligned}
# $$ (eq-start-pca)
#
# $U$ has the eigenvectors as columns, $\Lambda$ the eigenvalues on its diagonal. This is principal component analysis, PCA.
#
# 4. **Whiten**: also divide every axis by its standard deviation, so that the cloud is round,
#
# $$
# x_\text{white} = (x - \mu)\, U \Lambda^{-1/2}, \qquad \operatorname{Cov}(x_\text{white}) = I .
# $$ (eq-start-white)
#
# 5. Any rotation of a round cloud is round as well. The one that turns the axes back, **ZCA whitening**, stays as close to the original as a white cloud can, so that pictures still look like pictures {cite:p}`bell1997independent,kessy2018optimal`:
#
# $$
# x_\text{zca} = (x - \mu)\, U \Lambda^{-1/2} U^\top .
# $$ (eq-start-zca)


# %%
def fit_directions(x):
    """Mean (D,), eigenvectors (D, D) as columns and eigenvalues (D,) of the covariance of x (N, D), largest first."""
    mean = x.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))
    return mean, directions[:, ::-1], np.maximum(variances[::-1], 0)


def decorrelate(x, mean, directions, variances):
    """Coordinates of x (N, D) along the eigenvectors."""
    return (x - mean) @ directions


def whiten(x, mean, directions, variances, floor=0.0):
    """The same, each divided by its standard deviation; `floor` is added to the variances."""
    return decorrelate(x, mean, directions, variances) / np.sqrt(variances + floor)


def zca(x, mean, directions, variances, floor=0.0):
    """White, and turned back to the original axes."""
    return whiten(x, mean, directions, variances, floor) @ directions.T


cloud_dice = np.random.default_rng(SEED)
cloud = cloud_dice.normal(size=(500, 4)) @ cloud_dice.normal(size=(4, 4)) + [3.0, 1.0, 0.0, -2.0]
fitted = fit_directions(cloud)
covariance_of = lambda x: np.cov(x, rowvar=False, bias=True)
# check: eq-start-pca
assert np.allclose(decorrelate(cloud, *fitted).mean(axis=0), 0, atol=1e-12)
assert np.allclose(covariance_of(decorrelate(cloud, *fitted)), np.diag(fitted[2]), atol=1e-12)
assert np.allclose(fitted[1] @ np.diag(fitted[2]) @ fitted[1].T, covariance_of(cloud))
# check: eq-start-white
assert np.allclose(covariance_of(whiten(cloud, *fitted)), np.eye(4), atol=1e-10)
# check: eq-start-zca
assert np.allclose(covariance_of(zca(cloud, *fitted)), np.eye(4), atol=1e-10)
centred_cloud = cloud - fitted[0]
others = [np.linalg.qr(cloud_dice.normal(size=(4, 4)))[0] for _ in range(200)]
nearest_other = min(((whiten(cloud, *fitted) @ turn - centred_cloud) ** 2).sum() for turn in others)
assert ((zca(cloud, *fitted) - centred_cloud) ** 2).sum() < nearest_other
print("decorrelated, white, and ZCA closer to the original than 200 other white clouds")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-clouds", "caption": "A cloud of two numbers on the ladder. Each panel has its own scale mark: the circle has radius 1 (dark) around the origin (cross). Three points are marked so that you can follow them: PCA turns the cloud, whitening makes it round, ZCA turns it back."}, "image": {"alt": "Six small scatter plots: a slanted elliptic cloud away from the origin; the same centred; scaled in both axes; turned so that it lies along the horizontal axis; round; round and turned back. A circle of radius one is drawn in each."}}
plane = cloud_dice.normal(size=(300, 2)) @ np.array([[1.3, 0.75], [0.0, 0.35]]) + [2.2, 1.2]
plane_fit = fit_directions(plane)
stages = {
    "raw": plane,
    "centred": plane - plane_fit[0],
    "scaled": (plane - plane_fit[0]) / plane.std(axis=0),
    "decorrelated": decorrelate(plane, *plane_fit),
    "white (PCA)": whiten(plane, *plane_fit),
    "white (ZCA)": zca(plane, *plane_fit),
}
marked = np.argsort(plane[:, 0])[[10, 150, 290]]
fig, axes = plt.subplots(2, 3, figsize=(7.6, 5.0), sharex=True, sharey=True)
for ax, (title, points) in zip(axes.ravel(), stages.items(), strict=True):
    ax.scatter(*points.T, s=5, color="C0", alpha=0.6)
    for nth, marker in zip(marked, "s^D", strict=True):
        ax.plot(*points[nth], marker, color="C3", markersize=8, markeredgecolor="black")
    ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="black"))
    ax.plot(0, 0, "k+", markersize=10)
    ax.set(xlim=(-4.5, 6.2), ylim=(-3.2, 4.2), aspect="equal", title=title)
plt.show()

# %% [markdown]
# Now to pictures. On $16 \times 16 \times 3 = 768$ numbers all of it takes a second. In real pictures many directions have next to no variance (all fine detail), and dividing by next to nothing would blow up noise and rounding; a small `floor` under the variances prevents that.

# %%
FLOOR = 1e-3
flat_train = small_train.reshape(len(small_train), -1)  # (N, 768), from 0 to 1
picture_fit = fit_directions(flat_train)
mean_image = picture_fit[0]
prepared = {
    "raw, 0 to 1": flat_train,
    "minus mean image": flat_train - mean_image,
    "minus channel means": (small_train - channel_mean).reshape(flat_train.shape),
    "channels standardised": ((small_train - channel_mean) / channel_std).reshape(flat_train.shape),
    "decorrelated (PCA)": decorrelate(flat_train, *picture_fit),
    "white (PCA)": whiten(flat_train, *picture_fit, FLOOR),
    "white (ZCA)": zca(flat_train, *picture_fit, FLOOR),
}
share = np.cumsum(picture_fit[2]) / picture_fit[2].sum()
print("directions needed for 90 % of the variance:", int((share < 0.9).sum()) + 1, "of", len(share))
assert DATASET != "pocket10" or share[99] > 0.9  # neighbouring pixels are much alike

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-pictures", "caption": "Six training pictures, prepared in four ways and brightened for display (mid-grey is zero from the second row on). Minus the mean image: nearly the picture. Standardised channels: the same in stronger colours. White (ZCA): even areas are gone, edges and small things stand out."}, "image": {"alt": "Four rows of six small pictures: originals; the same with grey as zero; the same with more contrast; and greyish pictures in which only edges and fine structures are left."}}
shown_rows = ("raw, 0 to 1", "minus mean image", "channels standardised", "white (ZCA)")
gallery = []
for title in shown_rows:
    rows_of = prepared[title][:6]
    spread = 1.0 if title.startswith("raw") else 2 * np.quantile(np.abs(rows_of), 0.99)
    gallery.append(rows_of / spread + (0.0 if title.startswith("raw") else 0.5))
labels = [title if nth == 0 else " " for title in shown_rows for nth in range(6)]
plots.show_images(np.concatenate(gallery).reshape(-1, 16, 16, 3).clip(0, 1), labels, columns=6, zoom=1.05)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-covariances", "caption": "Second moments of 48 of the inputs (the 16 pixels of one row in three colours, red then green then blue; for the last two panels, the 48 strongest directions). Dark is strong, on a square-root scale. Raw: everything goes with everything. Centred: neighbours and colours still go together. Decorrelated: only a diagonal, which falls off steeply. White: an even diagonal."}, "image": {"alt": "Four square matrices in colour. The first is evenly dark, the second has nine blocks with dark diagonals, the third is empty except for a diagonal that fades, the fourth has an even diagonal."}}
row_of_pixels = np.arange(768).reshape(16, 16, 3)[8].T.ravel()  # 48 positions: 16 pixels of red, green, blue
panels = {
    "raw": prepared["raw, 0 to 1"][:, row_of_pixels],
    "minus mean image": prepared["minus mean image"][:, row_of_pixels],
    "decorrelated": prepared["decorrelated (PCA)"][:, :48],
    "white": prepared["white (PCA)"][:, :48],
}
fig, axes = plt.subplots(1, 4, figsize=(9.2, 2.6))
for ax, (title, values) in zip(axes, panels.items(), strict=True):
    moment = values.T @ values / len(values)
    moment = np.sign(moment) * np.sqrt(np.abs(moment))  # so that weak entries can be seen
    limit = np.abs(moment).max()
    ax.imshow(moment, cmap=plots.DIVERGING, vmin=-limit, vmax=limit)
    ax.set_title(title, fontsize=10)
    ax.axis("off")
plt.show()

# %% [markdown]
# What is it good for? Chapter 4 tells us what to measure: the condition number of $\mathrm E[x^\top x]$, and what gradient descent can do with it. We train the linear softmax classifier of chapter 3 on all pictures at once, for each preparation at nine tenths of the largest rate that is safe for it, $4/h_1$, where $h_1$ is the largest curvature (that of
# cross-entropy is at most half of that of the squared loss, and so the $2/h_1$ of {ref}`sec-reg-descent` doubles; the bias is one more input that is always 1).


# %%
def softmax_descent(x, labels, steps):
    """Loss of a linear softmax classifier on x (N, D) after so many full-batch steps; and the condition number."""
    x = np.hstack([x, np.ones((len(x), 1))])
    curvatures = np.linalg.eigvalsh(x.T @ x / len(x))
    weights, one_hot = np.zeros((x.shape[1], C)), np.eye(C)[labels]
    for _ in range(steps):
        scores = x @ weights
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = exponentials / exponentials.sum(axis=1, keepdims=True)
        weights -= 0.9 * 4 / curvatures[-1] * x.T @ (p - one_hot) / len(x)
    return -np.log((p * one_hot).sum(axis=1)).mean(), curvatures[-1] / max(curvatures[-300], 1e-12)


few = slice(0, 1200)
descended = {title: softmax_descent(values[few], y_train[few], 50) for title, values in prepared.items()}
table_rows = [[title, f"{kappa:,.0f}", f"{loss:.2f}"] for title, (loss, kappa) in descended.items()]
print(results.table(table_rows, ["inputs", "steepest : 300th direction", "loss after 50 steps"]))
if DATASET == "pocket10":
    losses_after = {title: loss for title, (loss, _) in descended.items()}
    assert losses_after["white (ZCA)"] < losses_after["minus mean image"] - 0.1
    assert losses_after["minus mean image"] < losses_after["raw, 0 to 1"] - 0.03
assert math.isclose(descended["white (PCA)"][0], descended["white (ZCA)"][0], rel_tol=1e-6)
assert math.isclose(descended["decorrelated (PCA)"][0], descended["minus mean image"][0], rel_tol=1e-6)

# %% [markdown]
# Two pairs of rows agree to the last digit: a rotation changes nothing for gradient descent. Decorrelating alone helps nobody; it is the division that follows. And subtracting means removes the one direction in which raw pixels are hopeless. Whitening is the fastest by far *on the training pictures*. It is rarely used today all the same: it raises the
# finest detail, noise included, to the level of everything else; for larger pictures $\Sigma$ becomes enormous; and the layers that follow spoil the roundness anyway. What remained is the first rung or two, and later in this chapter something like them *inside* the network.
#
# ### From the training set and from nowhere else
#
# Mean, spread and directions are part of the model. They are computed from the training pictures and then applied, unchanged, to validation and test pictures. A scaling computed from the test set uses information that a deployed classifier would not have. Take it to the extreme and test *one* picture:

# %%
one_picture = small_test[:1].reshape(1, -1)
by_training, by_itself = one_picture - mean_image, one_picture - one_picture.mean(axis=0)
assert np.array_equal(by_itself, np.zeros_like(by_itself)) and np.abs(by_training).max() > 0.1
away = np.abs((small_test - channel_mean).mean(axis=(0, 1, 2))).max()
assert 0 < away < 0.05  # near zero, not zero, and so it should be
print("one test picture minus its own mean image:", np.unique(by_itself), "(nothing is left)")

# %% [markdown]
# What did the well-known networks use? The papers differ more than one would think:
#
# | network | preparation |
# | :-- | :-- |
# | AlexNet {cite:p}`krizhevsky2012imagenet` | minus the mean image |
# | VGG {cite:p}`simonyan2015very` | minus the mean of each channel |
# | ResNet {cite:p}`he2016deep` | the paper: minus the mean image, as AlexNet; its usual implementations, torchvision's among them: mean and standard deviation of each channel |
# | maxout {cite:p}`goodfellow2013maxout`, on CIFAR-10 | contrast normalised picture by picture, then ZCA |
# | the training loop of this course | one fixed scaling for all data sets, $0 \mapsto -2$ and $255 \mapsto 2$ |
#
# <div class="question">
#
# **Quick question 3.** You compute mean and standard deviation over all 60,000 pictures of CIFAR-10, training and test, and standardise both with them. What is wrong?
#
# <details class="choice"><summary>Nothing: no labels were used</summary>
#
# The effect is tiny here, but the habit is not harmless: with whitening, with small data sets, or where test pictures come from another camera, it makes results look better than they will be.
#
# </details>
#
# <details class="choice right"><summary>The test pictures took part in building the model</summary>
#
# Right. Whatever is estimated from data is part of the model, and the test set is for judging it. Fit on the training set, apply everywhere.
#
# </details>
#
# <details class="choice"><summary>Each set should be standardised with its own statistics</summary>
#
# Then the same picture would become different numbers in the two sets, and a single picture could not be classified at all.
#
# </details>
# </div>
#
# (sec-start-init)=
# ## The first weights
#
# Now for the question that the opening left: how large? Zero is out, chapter 5 showed why: all units of a layer would compute the same, receive the same gradient, and stay the same for ever. The weights have to be random, with mean zero. What remains is one number a layer, their variance.
#
# Look first at what it does. Each frame below draws the weights of ten layers with standard deviation $c / \sqrt{\text{fan-in}}$, where the **fan-in** is the number of inputs of a unit, and sends 500 pictures through.


# %%
def signal_sizes(network, x, seed=SEED):
    """Root mean square, layer by layer, of the activations and of the gradients that arrive at them.

    The gradient starts at the last hidden layer as standard normal numbers, so nothing depends on the loss.
    """
    _, after = hidden_values(network, x)
    upstream = np.random.default_rng(seed).standard_normal(after[-1].shape)
    gradients = torch.autograd.grad(after[-1], after, torch.tensor(upstream, dtype=torch.float32))
    size = lambda values: float(values.double().square().mean().sqrt())
    return [size(h.detach()) for h in after], [size(gradient) for gradient in gradients]


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-scale", "caption": "Make the first weights larger with the slider (times 1/√fan-in). Left: how often a tanh unit gives which answer, in four of the ten layers. Middle and right: size of the activations and of the gradients on their way back, layer by layer, on a logarithmic axis. Small weights: everything shrinks to zero. Large weights: tanh sticks to its walls, and its gradients grow on the way back all the same; ReLU explodes both ways. Tanh is at its best near 1, ReLU near √2."}, "image": {"alt": "Frames of an interactive figure: distributions of activations in layers 1, 4, 7 and 10, and two panels with the sizes of activations and gradients against the layer for tanh and ReLU."}}
def draw_scale(factor):
    """One frame: what ten layers do to 500 pictures when the weights have this size; and the last sizes."""
    x = rows_train[:500]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9.2, 3.1), layout="none")
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.16, top=0.88, wspace=0.26)
    last = {}
    for (title, kind), color, style in zip(
        (("tanh", nn.Tanh), ("ReLU", nn.ReLU)), ("C0", "C3"), ("-o", "--s"), strict=True
    ):
        network = deep_network(one_over_fan_in(factor), kind)
        forward, backward = signal_sizes(network, x)
        last[title] = (forward[-1], backward[0])
        for ax, sizes in ((middle, forward), (right, backward)):
            ax.plot(range(1, 11), sizes, style, color=color, markersize=4, label=title)
        if title == "tanh":
            with torch.no_grad():
                _, after = hidden_values(network, x)
            for nth, line in zip((0, 3, 6, 9), plots.LINE_STYLES, strict=True):
                counts = torch.histc(after[nth], 41, -1, 1).numpy() / after[nth].numel()
                left.plot(np.linspace(-1, 1, 41), counts, line, linewidth=1.6, label=f"layer {nth + 1}")
    left.set(xlabel="answer of a tanh unit", ylim=(0, 0.25), yticks=[])
    left.set_title(f"weights {factor:.2f} / √fan-in", fontsize=11)
    for ax, title in ((middle, "size of activations"), (right, "size of gradients")):
        ax.set(xlabel="layer", yscale="log", ylim=(1e-7, 1e6), xticks=[1, 4, 7, 10])
        ax.set_title(title, fontsize=11)
    for ax in (left, middle):
        ax.legend(fontsize=8, loc="upper left" if ax is middle else "upper center", ncols=2)
    return fig, last


scale_factors = np.geomspace(0.25, 4, 13)
scale_frames = [draw_scale(factor) for factor in scale_factors]
interactive.frames(
    [frame[0] for frame in scale_frames],
    [f"{factor:.2f}" for factor in scale_factors],
    name="weight-scale",
    alt=[
        f"Weights {factor:.2f} over root fan-in. Size after ten layers: tanh {last['tanh'][0]:.1e}, "
        f"ReLU {last['ReLU'][0]:.1e}. Gradient at the first layer: tanh {last['tanh'][1]:.1e}, "
        f"ReLU {last['ReLU'][1]:.1e}."
        for factor, (_, last) in zip(scale_factors, scale_frames, strict=True)
    ],
    description="Weights times",
    start=3,
    dpi=75,
)

# %% [markdown]
# ### How large: the derivation
#
# Take one unit, $a = \sum_d x_d w_d$, on one fixed input, and ask how large $a$ is *on average over the random weights*. They are independent with mean zero, so in the square of the sum all mixed terms vanish on average and only the squares remain:
#
# $$
# \begin{aligned}
# \mathrm E\bigl[a^2\bigr] &= \sum_d x_d^2\, \mathrm E\bigl[w_d^2\bigr] \\
# &= \text{fan-in} \cdot \operatorname{Var}(w) \cdot \overline{x^2} .
# \end{aligned}
# $$ (eq-start-variance)
#
# Here $\overline{x^2}$ is the mean of the squared inputs. Nothing was assumed about $x$. Through the activation next. If the weights are as likely to be negative as positive, $a$ and $-a$ are equally likely, and ReLU keeps one of the two:
#
# $$
# \mathrm E\bigl[\operatorname{ReLU}(a)^2\bigr] = \tfrac12\, \mathrm E\bigl[a^2\bigr] .
# $$ (eq-start-half)
#
# One layer of weights and ReLU therefore multiplies the mean square of the signal by $\frac12 \cdot \text{fan-in} \cdot \operatorname{Var}(w)$. It should multiply by one, which decides the matter for signals on their way forward:
#
# $$
# \operatorname{Var}(w) = \frac{2}{\text{fan-in}} .
# $$ (eq-start-kaiming)
#
# This is the initialisation of {cite:t}`he2015delving`, named **Kaiming** after its first author. Without the 2 it would be right for a linear layer, and nearly right for tanh, which is close to the identity near zero; {cite:t}`lecun1998efficient` recommended that.
#
# And the gradient? On its way back it meets the transposed weights and the gates that are open or closed. With upstream gradients $\bar h_m$ of random signs, independent of the rest,
#
# $$
# \begin{aligned}
# \bar x_d &= \sum_m w_{dm}\, [a_m > 0]\; \bar h_m
# \quad\Longrightarrow \\
# \mathrm E\bigl[\bar x_d^{\,2}\bigr] &= \tfrac12 \cdot \text{fan-out} \cdot \operatorname{Var}(w) \cdot \overline{\bar h^2} .
# \end{aligned}
# $$ (eq-start-backward)
#
# The sum runs over the outputs now, so the **fan-out** takes the place of the fan-in, and the half comes from gates that are closed half of the time. Forward wants one variance, backward another. {cite:t}`glorot2010understanding`, who did this before ReLU, took the middle: **Xavier** initialisation,
#
# $$
# \operatorname{Var}(w) = \frac{2}{\text{fan-in} + \text{fan-out}} .
# $$ (eq-start-xavier)
#
# (Its 2 is that of an average, and not that of ReLU.) In a stack of equal layers both fans agree; where they don't, choose one. He and colleagues show that either is enough: if one direction is kept exact, the other is off by a factor that depends on the first and last width only, and not on the depth.
#
# The two averages can be checked *exactly*. Let every weight be $+\delta$ or $-\delta$ with equal probability. Then the average over the weights is a finite sum, over all patterns of signs.


# %%
def all_signs(n):
    """Every pattern of n signs: (2^n, n)."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=n)))


fan_in, delta = 9, 0.7
x_fixed = np.random.default_rng(SEED).normal(size=fan_in) + 0.5  # neither centred nor scaled
a_all = (delta * all_signs(fan_in)) @ x_fixed  # (512,), one for each pattern of weights
variance_w = delta**2
# check: eq-start-variance
assert np.isclose((a_all**2).mean(), +fan_in * variance_w * (x_fixed**2).mean(), rtol=1e-12)
# check: eq-start-half
assert np.isclose((np.maximum(a_all, 0) ** 2).mean(), +0.5 * (a_all**2).mean(), rtol=1e-12)

inputs, outputs = 3, 4
x_three = np.array([0.9, -0.4, 1.7])
w_all = delta * all_signs(inputs * outputs).reshape(-1, inputs, outputs)  # (4096, 3, 4)
gates = (x_three @ w_all) > 0  # (4096, 4)
h_bar = np.array([0.3, -1.1, 0.8, 2.0]) * all_signs(outputs)  # (16, 4)
x_bar = np.einsum("pdm,pm,qm->pqd", w_all, gates, h_bar)  # for every pattern of weights and of upstream signs
# check: eq-start-backward
assert np.allclose((x_bar**2).mean(axis=(0, 1)), +0.5 * outputs * variance_w * (h_bar**2).mean(), rtol=1e-12)
print(f"averages over {len(a_all)} and {len(w_all) * len(h_bar):,} patterns of signs: both rules are exact")

# %% [markdown]
# For a convolution the same holds with the inputs of *one answer* counted: $F \times F$ pixels of $C$ channels. Backwards, each input is read by $F \times F$ places of $K$ filters (at stride 1, away from the border):
#
# $$
# \text{fan-in} = F^2 C, \qquad \text{fan-out} = F^2 K .
# $$ (eq-start-fans)
#
# And it does not have to be a normal distribution. Uniform numbers between $-r$ and $r$ have the variance $r^2/3$, so $r = \sqrt{3 \operatorname{Var}(w)}$ does as well. `nn.init` has all four combinations.


# %%
def fans(shape):
    """Fan-in and fan-out of weights (outputs, inputs) or (K, C, F, F), as PyTorch keeps them."""
    field = math.prod(shape[2:])
    return +field * shape[1], field * shape[0]


def xavier(fan_in, fan_out):
    """Standard deviation after Glorot and Bengio 2010."""
    return math.sqrt(2 / (fan_in + fan_out))


def kaiming(fan_in, fan_out):
    """Standard deviation after He et al. 2015, for ReLU; the fan-out is not needed."""
    return +math.sqrt(2 / fan_in)


torch.manual_seed(SEED)
# check: eq-start-xavier, eq-start-kaiming, eq-start-fans
for shape in ((300, 500), (100, 20, 5, 5)):
    w = torch.empty(shape)
    ours = [rule(*fans(shape)) for rule in (xavier, kaiming)]
    kaiming_uniform_ = lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu")
    for deviation, draw in zip(ours, (nn.init.xavier_uniform_, kaiming_uniform_), strict=True):
        largest = draw(w).abs().max().item()  # of 50,000 uniform numbers: very near the bound, never beyond
        assert 0.999 < largest / (math.sqrt(3) * deviation) < 1.0001
    spread = nn.init.kaiming_normal_(w, nonlinearity="relu").std().item()
    assert abs(spread / ours[1] - 1) < 0.02  # the standard error of 50,000 numbers is 0.3 %
print("Xavier and Kaiming, for linear layers and convolutions, are those of nn.init")

# %% [markdown]
# What does PyTorch do if you ask for nothing? An `nn.Linear` or `nn.Conv2d` draws weights and biases uniformly between $\pm 1/\sqrt{\text{fan-in}}$, so with variance $1/(3 \cdot \text{fan-in})$. Put that into the rule: each layer with ReLU multiplies the mean square by $\frac12 \cdot \frac13$, the signal by $\sqrt{1/6} \approx 0.41$. Ten layers, and
# about a ten-thousandth is left.

# %%
torch.manual_seed(SEED)
default = nn.Linear(768, 4_000)
assert 0.999 < default.weight.abs().max().item() * math.sqrt(768) < 1.0001
after = torch.relu(rows_train[:500] @ default.weight.detach().T)
gain = float((after.square().mean() / rows_train[:500].square().mean()).sqrt())
assert abs(gain - math.sqrt(1 / 6)) < 0.02
print(f"one default layer without biases, and ReLU: size times {gain:.2f}")

sizes_by_rule = {}
for title, rule in (("PyTorch's default", None), ("Xavier", xavier), ("Kaiming", kaiming)):
    torch.manual_seed(SEED)
    network = deep_network(rule or xavier)
    if rule is None:
        for module in network[::2]:
            module.reset_parameters()
    sizes_by_rule[title] = signal_sizes(network, rows_train[:500])
table_rows = [
    [title, f"{forward[0]:.1g}", f"{forward[-1]:.0e}", f"{backward[0]:.0e}"]
    for title, (forward, backward) in sizes_by_rule.items()
]
print(results.table(table_rows, ["ten layers with ReLU", "layer 1", "layer 10", "gradient at layer 1"]))
assert sizes_by_rule["PyTorch's default"][1][0] < 1e-3 < 0.2 < sizes_by_rule["Kaiming"][1][0] < 5

# %% [markdown]
# The gradient bears it out. The activations of the default look better than they are: what is left in layer 10 comes from the random biases on the way, and those say the same about every picture.
#
# For networks of three or four layers the default is good enough, and most libraries' defaults are of that kind. For deep networks without normalisation, set the weights yourself.
#
# <div class="question">
#
# **Quick question 4.** A convolution has 64 filters of $3 \times 3$ on 128 channels, followed by ReLU. Which standard deviation does Kaiming initialisation (fan-in) give?
#
# <details class="choice"><summary>√(2/9)</summary>
#
# Nine is the size of the window. Each answer adds up nine pixels in *each* of 128 channels.
#
# </details>
#
# <details class="choice"><summary>√(2/(9 · 64))</summary>
#
# That is the fan-out: $F^2 K$, what an input feeds. It would keep the gradients' size.
#
# </details>
#
# <details class="choice right"><summary>√(2/(9 · 128)), about 0.042</summary>
#
# Right: every answer adds up $F^2 C = 9 \cdot 128 = 1152$ products, and the variance of each weight is 2 over that number.
#
# </details>
#
# <details class="choice"><summary>√(2/(128 + 64))</summary>
#
# Two slips at once: the window is missing, and the sum of both fans belongs to Xavier's rule.
#
# </details>
# </div>
#
# (sec-start-batchnorm)=
# ## Batch normalisation
#
# A good start holds at the start. After a few hundred steps the weights are others, and nobody guards the sizes any longer. And two things the first weights cannot repair even at step one. First, ReLU's outputs are all positive, so every hidden layer hands off-centre inputs to the next, with the ill-conditioned consequences of {eq}`eq-start-second-moment`.
# Second, in a deep network this piles up: the shared part grows from layer to layer, and different pictures come to look alike.
#
# Both can be measured. For each layer, take the second moment of its outputs, and ask how much of it the single strongest direction has.


# %%
def strongest_share(network, x):
    """For each activation of a network: share of its outputs' second moment in the strongest direction."""
    with torch.no_grad():
        _, after = hidden_values(network, x)
    curvatures = [np.linalg.eigvalsh((h.T @ h / len(h)).double().numpy()) for h in after]
    return [float(values[-1] / values.sum()) for values in curvatures]


few_rows = rows_train[:1000]
shares = {
    "plain": strongest_share(deep_network(kaiming), few_rows),
    "batch norm": strongest_share(deep_network(kaiming, norm=nn.BatchNorm1d), few_rows),
}
table_rows = [[title, *(f"{values[i]:.0%}" for i in (0, 3, 6, 9))] for title, values in shares.items()]
print(results.table(table_rows, ["Kaiming, ReLU", "layer 1", "layer 4", "layer 7", "layer 10"]))
assert shares["plain"][9] > 0.75 > 0.5 > max(shares["batch norm"])

# %% [markdown]
# In the tenth layer of the plain network nearly nine tenths lie in one direction: whatever picture comes in, the answer is much the same vector. That direction limits the learning rate, and the differences between pictures, on which everything depends, are in the small rest.
#
# The second row shows the cure, by {cite:t}`ioffe2015batch`. If inputs should be centred and scaled, *centre and scale them*, in every layer and in every step, with the statistics of the mini-batch at hand. For each of the $M$ units of a layer, over the $B$ pictures of the batch,
#
# $$
# \begin{aligned}
# \mu &= \frac1B \sum_n x_n, & \sigma^2 &= \frac1B \sum_n (x_n - \mu)^2, \\
# \hat x_n &= \frac{x_n - \mu}{\sqrt{\sigma^2 + \varepsilon}}, & y_n &= \gamma\, \hat x_n + \beta .
# \end{aligned}
# $$ (eq-start-bn)
#
# The small $\varepsilon$ (PyTorch: $10^{-5}$) prevents a division by zero. $\gamma$ and $\beta$, one each a unit, are learned: perhaps mean 0 and variance 1 is not what the next layer needs. They start at 1 and 0.


# %%
def bn_forward(x, gamma, beta, eps=1e-5):
    """Batch normalisation of x (B, M) with gamma and beta (M,); and what the backward pass needs."""
    mean, variance = x.mean(axis=0), x.var(axis=0)  # (M,) each
    s = np.sqrt(variance + eps)
    x_hat = (x - mean) / s
    return gamma * x_hat + beta, (x_hat, gamma, s)


bn_dice = np.random.default_rng(SEED)
x_bn, gamma_bn, beta_bn = bn_dice.normal(3, 2, (8, 5)), bn_dice.normal(size=5), bn_dice.normal(size=5)
y_bn, (x_hat_bn, _, s_bn) = bn_forward(x_bn, gamma_bn, beta_bn)
by_torch = F.batch_norm(*(torch.from_numpy(v) for v in (x_bn, 0 * beta_bn, 0 * beta_bn)), training=True)
# check: eq-start-bn
assert np.allclose(x_hat_bn, by_torch.numpy(), rtol=1e-12, atol=1e-12)
assert np.allclose((y_bn - beta_bn) / gamma_bn, by_torch.numpy(), rtol=1e-10, atol=1e-12)
assert np.allclose(y_bn.mean(axis=0), beta_bn) and np.allclose(y_bn.std(axis=0), np.abs(gamma_bn), rtol=1e-4)
print("mean of each unit is beta, standard deviation is |gamma| (but for epsilon)")

# %% [markdown]
# Nothing is lost by it. If the network wants its old activations back, it has only to learn
#
# $$
# \gamma = \sqrt{\sigma^2 + \varepsilon}, \quad \beta = \mu \quad\Longrightarrow\quad y_n = x_n :
# $$ (eq-start-bn-identity)
#
# γ equal to the standard deviation and β equal to the mean recover the identity. What is gained is that the mean and the spread are now *two parameters of this unit*, where before they were the outcome of all the weights of all the layers below.
#
# Look at the size of the weights now. Multiply $W$ by $c > 0$: mean and standard deviation are multiplied by $c$ as well, and cancel (but for $\varepsilon$):
#
# $$
# \begin{aligned}
# \operatorname{BN}(c\,xW) &= \operatorname{BN}(xW), \\
# \frac{\partial L}{\partial W}\bigg|_{cW} &= \frac1c\, \frac{\partial L}{\partial W}\bigg|_{W} .
# \end{aligned}
# $$ (eq-start-bn-scale)
#
# The first weights may have any size: a network with batch norm forgives a bad initialisation. The gradient becomes *smaller* the larger the weights are, which also tames a learning rate that was too large: one oversized step makes the weights large, and the next steps small. And a bias before the normalisation is subtracted again at once;
# it is useless, and layers in front of a batch norm are made with `bias=False`.

# %%
y_same, _ = bn_forward(x_bn, +s_bn, x_bn.mean(axis=0))
# check: eq-start-bn-identity
assert np.allclose(y_same, x_bn, rtol=1e-12)

x_before, w_before = (
    torch.from_numpy(bn_dice.normal(size=(8, 4))),
    torch.from_numpy(bn_dice.normal(size=(4, 3))),
)
pull = torch.from_numpy(bn_dice.normal(size=(8, 3)))


def normalised(w, bias=0.0):
    """Batch norm of x W + bias without epsilon, and the gradient of a loss by W."""
    w = w.clone().requires_grad_()
    y = F.batch_norm(x_before @ w + bias, None, None, training=True, eps=1e-30)  # PyTorch wants more than 0
    return y.detach(), torch.autograd.grad(y, w, pull)[0]


c = 7.0
(y_once, dw_once), (y_scaled, dw_scaled) = normalised(w_before), normalised(c * w_before)
# check: eq-start-bn-scale
assert torch.allclose(y_scaled, y_once, rtol=1e-10) and torch.allclose(dw_scaled, +dw_once / c, rtol=1e-10)
assert torch.allclose(normalised(w_before, bias=5.0)[0], y_once, rtol=1e-10)
print("weights times 7: same outputs, a seventh of the gradient; a bias before the norm changes nothing")

# %% [markdown]
# (sec-start-bn-backward)=
# ### The backward pass
#
# The normalisation ties the pictures of a batch together: $\hat x_m$ depends on *every* $x_n$, through $\mu$ and $\sigma$. So for one unit we need a Jacobian over the batch. Write $s = \sqrt{\sigma^2 + \varepsilon}$. Two derivatives are short,
# $\partial \mu / \partial x_n = 1/B$ and $\partial s / \partial x_n = (x_n - \mu) / (B s) = \hat x_n / B$ (in the second, the part through $\mu$ vanishes because the deviations sum to zero). With them, the quotient rule gives
#
# $$
# \frac{\partial \hat x_m}{\partial x_n} = \frac1s \Bigl( \delta_{mn} - \frac1B - \frac{\hat x_m\, \hat x_n}{B} \Bigr) .
# $$ (eq-start-bn-jacobian)
#
# Three terms: the picture itself, its share in the mean, its share in the spread. As chapter 5 taught, never build the matrix; multiply by the upstream gradient and sum. First the two parameters, which are used by every picture:
#
# $$
# \bar\beta = \sum_n \bar y_n, \qquad \bar\gamma = \sum_n \bar y_n\, \hat x_n .
# $$ (eq-start-bn-params)
#
# Then the input, with $\bar{\hat x}_n = \gamma\, \bar y_n$ put in:
#
# $$
# \begin{aligned}
# \bar x_n &= \frac{\gamma}{s} \Bigl( \bar y_n - \frac1B \sum_m \bar y_m - \hat x_n\, \frac1B \sum_m \bar y_m\, \hat x_m \Bigr) \\
# &= \frac{\gamma}{s} \Bigl( \bar y_n - \frac{\bar\beta}{B} - \hat x_n\, \frac{\bar\gamma}{B} \Bigr) .
# \end{aligned}
# $$ (eq-start-bn-dx)
#
# In words: *take the upstream gradient, remove its mean, remove its part along $\hat x$, rescale.* What is removed are the two changes that the normalisation would undo anyway, moving all pictures alike and spreading them.


# %%
def bn_backward(dy, cache):
    """Gradients of x (B, M), gamma (M,) and beta (M,) from the upstream gradient dy (B, M)."""
    x_hat, gamma, s = cache
    dbeta, dgamma = dy.sum(axis=0), (dy * x_hat).sum(axis=0)
    dx = gamma / s * (dy - dbeta / len(dy) - x_hat * dgamma / len(dy))
    return dx, dgamma, dbeta


def batch_norm(x, gamma, beta):
    """Output, and a function that takes the upstream gradient to those of x, gamma and beta."""
    y, cache = bn_forward(x, gamma, beta)
    return y, lambda upstream: bn_backward(upstream, cache)


# check: eq-start-bn-params, eq-start-bn-dx
oracle = lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True)
compared = gradcheck(batch_norm, oracle, [(7, 4), (4,), (4,)], rtol=1e-10)

one_unit = torch.from_numpy(x_bn[:, :1])
jacobian = torch.autograd.functional.jacobian(
    lambda x: F.batch_norm(x, None, None, training=True), one_unit
).reshape(8, 8)
outer = np.outer(x_hat_bn[:, 0], x_hat_bn[:, 0])
by_formula = (np.eye(8) - 1 / 8 - outer / 8) / s_bn[0]
# check: eq-start-bn-jacobian
assert np.allclose(jacobian.numpy(), by_formula, rtol=1e-10, atol=1e-12)
dx_bn, _, _ = bn_backward(bn_dice.normal(size=(8, 5)), (x_hat_bn, gamma_bn, s_bn))
assert np.abs(dx_bn.sum(axis=0)).max() < 1e-12  # its mean is gone
print(f"{compared} gradients agree with autograd to 1e-10, and with central differences")

# %% [markdown]
# ### In convolutional networks: per channel
#
# A filter asks the same question at every place, so its answers are statistics of one and the same quantity. They are normalised together: one mean, one variance, one γ and one β a *channel*, over all pictures *and* all places. No new code is needed, only the axes in the right order.


# %%
def bn_maps(x, gamma, beta):
    """Batch normalisation of maps x (N, C, H, W) per channel, with gamma and beta (C,)."""
    n, channels, height, width = x.shape
    as_rows_of_channels = x.transpose(0, 2, 3, 1).reshape(-1, channels)  # (N·H·W, C)
    y, _ = bn_forward(as_rows_of_channels, gamma, beta)
    return y.reshape(n, height, width, channels).transpose(0, 3, 1, 2)


maps = bn_dice.normal(1, 3, (4, 5, 6, 7))
layer = nn.BatchNorm2d(5).double()
assert np.allclose(bn_maps(maps, np.ones(5), np.zeros(5)), layer(torch.from_numpy(maps)).detach(), rtol=1e-10)
print("parameters of nn.BatchNorm2d(5):", sum(p.numel() for p in layer.parameters()))

# %% [markdown]
# (sec-start-bn-test)=
# ### At test time: running averages
#
# At test time the answer to a picture must not depend on which other pictures happen to be asked about at the same moment. So the layer keeps notes during training: a running mean $r$ and a running variance $v$, updated after each batch. In testing, these constants take the place of $\mu$ and $\sigma^2$. With $m$ for what PyTorch calls `momentum`,
#
# $$
# \begin{aligned}
# r &\leftarrow (1 - m)\, r + m\, \mu, \\
# v &\leftarrow (1 - m)\, v + m\, \frac{B}{B - 1}\, \sigma^2 .
# \end{aligned}
# $$ (eq-start-running)
#
# Two conventions to know. PyTorch's $m = 0.1$ is the weight of the *new* value; other libraries (and the momentum of optimisers) count the old one, and write 0.9 or 0.99 for the same thing. And the variance that is kept is the unbiased one, with $B - 1$, whereas the batch is normalised with the biased one.


# %%
class BatchNorm:
    """Batch normalisation of rows (B, M) that remembers; without gamma and beta."""

    def __init__(self, units, momentum=0.1):
        self.r, self.v, self.m = np.zeros(units), np.ones(units), momentum

    def __call__(self, x, training):
        if training:
            unbiased = x.var(axis=0) * len(x) / (len(x) - 1)
            self.r = (1 - self.m) * self.r + self.m * x.mean(axis=0)
            self.v = (1 - self.m) * self.v + self.m * unbiased
            return bn_forward(x, 1.0, 0.0)[0]
        return (x - self.r) / np.sqrt(self.v + 1e-5)


ours, theirs = BatchNorm(5), nn.BatchNorm1d(5).double()
for _ in range(4):
    rows_new = bn_dice.normal(2, 3, (6, 5))
    by_torch = theirs(torch.from_numpy(rows_new)).detach()
    assert np.allclose(ours(rows_new, training=True), by_torch, rtol=1e-10, atol=1e-12)
theirs.eval()
# check: eq-start-running
assert np.allclose(ours.r, theirs.running_mean, rtol=1e-12)
assert np.allclose(ours.v, theirs.running_var, rtol=1e-12)
by_torch = theirs(torch.from_numpy(rows_new)).detach()
assert np.allclose(ours(rows_new, training=False), by_torch, rtol=1e-10, atol=1e-12)
print(f"after 4 batches the start still has the weight {0.9**4:.2f}; after 50, {0.9**50:.3f}")

# %% [markdown]
# Forgetting to switch is one of the commonest mistakes in deep learning, because nothing crashes. `model.train()` and `model.eval()` set the mode; at first a module is in training mode. Here is what the mistake costs. A network with batch norm is trained for a while, then asked about the same test pictures in three ways.

# %% tags=["nbval-ignore-output"]
# varies: 200 steps of training amplify the last digits, which differ between processors
normed = deep_network(kaiming, norm=nn.BatchNorm1d, sizes=(768, 100, 100, 100))
train(normed, rate=0.1, steps=200)
by_class = torch.argsort(targets_test, stable=True)


def accuracy_in(order, training, batch=50):
    """Share of right answers, the test pictures asked in this order in batches, in training or evaluation mode."""
    frozen = {name: value.clone() for name, value in normed.state_dict().items()}
    normed.train(training)
    with torch.no_grad():
        guesses = torch.cat([normed(rows_test[part]).argmax(dim=1) for part in order.split(batch)])
    normed.load_state_dict(frozen)  # in training mode, even asking changes the running averages
    return float((guesses == targets_test[order]).float().mean())


mixed = torch.from_numpy(np.random.default_rng(SEED).permutation(len(rows_test)))
asked = {
    "evaluation mode": accuracy_in(mixed, training=False),
    "evaluation mode, class by class": accuracy_in(by_class, training=False),
    "training mode, batches mixed": accuracy_in(mixed, training=True),
    "training mode, class by class": accuracy_in(by_class, training=True),
}
print(results.table([[title, f"{share:.0%}"] for title, share in asked.items()], ["", "right answers"]))
assert asked["evaluation mode"] == asked["evaluation mode, class by class"]
if DATASET == "pocket10":
    assert asked["training mode, class by class"] < asked["evaluation mode"] - 0.1

# %% [markdown]
# In training mode with mixed batches, little seems wrong, and that is the trap: tests during development use mixed batches. In use, pictures come one after the other from the same camera, and what they have in common is subtracted as if it were a constant of the world. With a single picture there is no spread at all:

# %%
normed.train()
try:
    normed(rows_test[:1])
except ValueError as error:
    print("ValueError:", str(error).split(",")[0])
normed.eval()
assert normed(rows_test[:1]).shape == (1, C)
alone, in_company = normed(rows_test[:1]), normed(rows_test[:50])[:1]
assert torch.allclose(alone, in_company, rtol=1e-3, atol=1e-4)  # float32, summed in another order
print("in evaluation mode one picture is enough, and company changes nothing")

# %% [markdown]
# (sec-start-fuse)=
# ### Folded into the layer before
#
# In evaluation mode $r$, $v$, γ and β are constants, so a batch norm is multiplication by one number and addition of another, per channel. A convolution before it can do that itself. Put $a = x \star w + b$ into $\gamma\,(a - r)/\sqrt{v + \varepsilon} + \beta$ and collect, for each filter $k$:
#
# $$
# \begin{aligned}
# w'_k &= \frac{\gamma_k}{\sqrt{v_k + \varepsilon}}\; w_k, \\
# b'_k &= \beta_k + \frac{\gamma_k}{\sqrt{v_k + \varepsilon}}\, (b_k - r_k) .
# \end{aligned}
# $$ (eq-start-fuse)
#
# The normalisation disappears. This is *exact*, not an approximation; every phone that runs a network does it, and saves a pass over all maps.


# %%
def fuse(conv, norm):
    """One convolution that does what a convolution and a batch norm in evaluation mode do."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # (K,)
    bias = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias
    fused = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding).to(
        conv.weight.dtype
    )
    with torch.no_grad():
        fused.weight.copy_(conv.weight * scale[:, None, None, None])
        fused.bias.copy_(norm.bias + (bias - norm.running_mean) * scale)
    return fused


torch.manual_seed(SEED)
conv, norm = nn.Conv2d(3, 8, 3, stride=2, padding=1).double(), nn.BatchNorm2d(8).double()
pictures = torch.randn(6, 3, 11, 9, dtype=torch.float64)
with torch.no_grad():
    norm.weight.normal_()
    norm.bias.normal_()
    for _ in range(20):
        norm(conv(2 * torch.randn(6, 3, 11, 9, dtype=torch.float64) + 1))  # fills the running averages
norm.eval()
wanted, answer = norm(conv(pictures)), fuse(conv, norm)(pictures)
apart = (wanted - answer).abs().max().item()
# check: eq-start-fuse
assert apart < 1e-12  # a few roundings of numbers near 1
assert torch.allclose(
    fuse(conv, norm).weight, nn.utils.fuse_conv_bn_eval(conv.eval(), norm).weight, rtol=1e-12
)
print(
    f"largest difference below 1e-12: {apart < 1e-12}; parameters of the fused layer as of PyTorch's own function"
)

# %% [markdown]
# A thought to take along, without code: which other layers could swallow a batch norm in this way, and could a batch norm be folded into the layer that comes *after* it? Think of the padding.
#
# <div class="question">
#
# **Quick question 5.** A network with batch norm trains well. In evaluation mode after *one* epoch of 20 batches, its loss on the *training* pictures is far worse than during training. Which explanation is most likely?
#
# <details class="choice"><summary>Overfitting</summary>
#
# These are the training pictures themselves. Overfitting shows on new ones.
#
# </details>
#
# <details class="choice right"><summary>The running averages lag behind the weights</summary>
#
# Right. With $m = 0.1$ they average over the last ten or twenty batches, in which the weights, and so the true means, changed quickly. After more steps, or with smaller learning rates, they catch up.
#
# </details>
#
# <details class="choice"><summary>In evaluation mode γ and β are switched off</summary>
#
# They stay. Only $\mu$ and $\sigma^2$ are replaced.
#
# </details>
#
# <details class="choice"><summary>Evaluation mode uses the unbiased variance, and that is a different function</summary>
#
# It differs by the factor $B/(B-1)$; for a batch of 100 that is one per cent, far too little.
#
# </details>
# </div>
#
# (sec-start-norms)=
# ## Layer, instance and group normalisation
#
# That the answer to a picture depends on its company in training is batch norm's weakness. With small batches the statistics are noise; with sequences, or one picture at a time, there is no batch to speak of. Its relatives use the same formula and *average over other axes*. For maps of shape $(N, C, H, W)$, let $S$ be the set of positions that share their statistics with
# a given one; then
#
# $$
# y = \gamma\, \frac{x - \mu_S}{\sqrt{\sigma_S^2 + \varepsilon}} + \beta ,
# $$ (eq-start-norms)
#
# and the four differ in $S$ only:
#
# | | one $\mu$ and $\sigma$ for each | averaged over | depends on the batch |
# | :-- | :-- | :-- | :-- |
# | batch norm {cite:p}`ioffe2015batch` | channel | $N, H, W$ | yes, in training |
# | layer norm {cite:p}`ba2016layer` | picture | $C, H, W$ | no |
# | instance norm {cite:p}`ulyanov2016instance` | picture and channel | $H, W$ | no |
# | group norm {cite:p}`wu2018group` | picture and group of channels | $H, W$ and the channels of the group | no |
#
# Group norm with one group is layer norm, and with a group for every channel it is instance norm. (In transformers, chapter 18, layer norm averages over the channels of one position alone.)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-axes", "caption": "Three pictures (rows) with six channels (columns) of 2×2 places each. Places with the same colour and number share one mean and one standard deviation. Batch norm cuts by column, layer norm by row, instance norm by both; group norm (here two groups) joins some columns of a row."}, "image": {"alt": "Four grids of three rows and six columns of small squares, numbered by group: 1 to 6 by column, 1 to 3 by row, 1 to 18 one each, and 1 to 6 for the halves of the rows."}}
fig, axes = plt.subplots(1, 4, figsize=(9.4, 2.3))
pictures_shown, channels_shown = np.mgrid[0:3, 0:6]
groupings = {
    "batch norm": channels_shown,
    "layer norm": pictures_shown,
    "instance norm": 6 * pictures_shown + channels_shown,
    "group norm": 2 * pictures_shown + channels_shown // 3,
}
for ax, (title, group) in zip(axes, groupings.items(), strict=True):
    shades = plt.get_cmap("viridis")(0.25 + 0.75 * (group * 7 % (group.max() + 1)) / group.max())
    for n, ch in np.ndindex(3, 6):
        for u, v in np.ndindex(2, 2):
            corner = (ch + 0.06 + 0.44 * v, n + 0.06 + 0.44 * u)
            ax.add_patch(
                Rectangle(corner, 0.44, 0.44, facecolor=shades[n, ch], edgecolor="white", linewidth=0.6)
            )
        ax.text(
            ch + 0.5,
            n + 0.5,
            str(group[n, ch] + 1),
            ha="center",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
        )
    ax.set(xlim=(0, 6), ylim=(3, 0), aspect="equal", xticks=[], yticks=[], xlabel="channels")
    ax.grid(False)
    ax.set_title(title, fontsize=10)
axes[0].set_ylabel("pictures")
plt.show()


# %%
def normalise(x, axes, eps=1e-5):
    """Subtract the mean over these axes and divide by the standard deviation, without gamma and beta."""
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


x_maps = np.random.default_rng(SEED).normal(2, 3, (4, 6, 5, 5))  # (N, C, H, W)
four = {
    "batch norm": lambda x: normalise(x, (0, 2, 3)),
    "layer norm": lambda x: normalise(x, (1, 2, 3)),
    "instance norm": lambda x: normalise(x, (2, 3)),
    "group norm": lambda x: normalise(x.reshape(len(x), 2, 3, 5, 5), (2, 3, 4)).reshape(x.shape),
}
modules = (nn.BatchNorm2d(6), nn.LayerNorm([6, 5, 5]), nn.InstanceNorm2d(6), nn.GroupNorm(2, 6))
# check: eq-start-norms
for (title, function), module in zip(four.items(), modules, strict=True):
    by_torch = module.double()(torch.from_numpy(x_maps)).detach().numpy()
    assert np.allclose(function(x_maps), by_torch, rtol=1e-10, atol=1e-12), title
    changed = np.concatenate([x_maps[:1], 10 * x_maps[1:]])  # other company for the first picture
    same = np.allclose(function(changed)[0], function(x_maps)[0])
    assert same == (title != "batch norm")
    print(
        f"{title:>13}: as PyTorch's module; in other company the first picture's answer {'stays' if same else 'changes'}"
    )
assert np.allclose(normalise(x_maps.reshape(4, 1, 6, 5, 5), (2, 3, 4))[:, 0], four["layer norm"](x_maps))

# %% [markdown]
# When to take which? Batch norm where batches are large and pictures are independent: it is the fastest at test time (folded away), and its noise even helps a little against overfitting. Group norm where batches must be small, as in detection and segmentation. Layer norm in transformers and recurrent networks. Instance norm where the contrast of a picture should not
# matter, as in style transfer (chapter 14).
#
# <div class="question">
#
# **Quick question 6.** Over how many numbers does each mean of an `nn.BatchNorm2d` average, for a batch of 16 pictures with 64 channels of $8 \times 8$?
#
# <details class="choice"><summary>16</summary>
#
# That is the case of rows, $(B, M)$. In maps, all places of a channel are counted together as well.
#
# </details>
#
# <details class="choice right"><summary>1,024</summary>
#
# Right: $16 \cdot 8 \cdot 8$, for each of the 64 channels. Even a small batch gives a good mean where maps are large, and a poor one deep in the network where they have shrunk.
#
# </details>
#
# <details class="choice"><summary>4,096</summary>
#
# $64 \cdot 8 \cdot 8$ is what layer norm averages over, for each picture.
#
# </details>
#
# <details class="choice"><summary>64</summary>
#
# $8 \cdot 8$ is instance norm: each picture and channel alone. (64 is also the number of means.)
#
# </details>
# </div>

# %% [markdown]
# (sec-start-which)=
# ## Which ones start to learn
#
# Back to the ten-layer network of the opening, with everything we have. First the signal before any training: choose an activation and a start, and compare the plain network with the one that has batch norm before each activation.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-signals", "caption": "Ten layers before training, for three activations and four starts. Left: size of the activations; right: size of the gradients on their way back, from layer 10 to layer 1. Plain networks (solid) need the right start, and sigmoids have none among these four; with batch norm (dashed) the activations have the same size in every layer, whatever the start, and the gradients mostly keep theirs within a few powers of ten."}, "image": {"alt": "Frames of an interactive figure: two panels with sizes on a logarithmic axis against the layer, each with a solid line for the plain network and a dashed line for the network with batch norm."}}
STARTS_TO_TRY = {
    "0.01": lambda fan_in, fan_out: 0.01,
    "Xavier": xavier,
    "Kaiming": kaiming,
    "3 × Kaiming": scaled_kaiming(3.0),
}
KINDS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}


def draw_signals(kind, start):
    """One frame: sizes of activations and gradients by layer without and with batch norm; and the sizes at the ends."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), layout="none")
    fig.subplots_adjust(left=0.09, right=0.98, bottom=0.15, top=0.88, wspace=0.2)
    ends = []
    for norm, style, color, label in (
        (None, "-o", "C0", "plain"),
        (nn.BatchNorm1d, "--s", "C3", "batch norm"),
    ):
        network = deep_network(STARTS_TO_TRY[start], KINDS[kind], norm)
        forward, backward = signal_sizes(network, rows_train[:500])
        left.plot(range(1, 11), np.maximum(forward, 1e-12), style, color=color, markersize=4, label=label)
        right.plot(range(1, 11), np.maximum(backward, 1e-12), style, color=color, markersize=4)
        ends.append((forward[-1], backward[0]))
    for ax, title in ((left, f"{kind}, {start}: activations"), (right, "gradients")):
        ax.set(xlabel="layer", yscale="log", ylim=(1e-10, 1e7), xticks=range(1, 11))
        ax.set_title(title, fontsize=11)
    left.legend(fontsize=9, loc="upper left")
    return fig, ends


combinations = list(itertools.product(KINDS, STARTS_TO_TRY))
signal_frames = [draw_signals(*pair) for pair in combinations]
interactive.frames(
    [frame[0] for frame in signal_frames],
    [f"{kind}, {start}" for kind, start in combinations],
    name="signals",
    alt=[
        f"{kind}, first weights {start}. Activations in layer 10 and gradients at layer 1: "
        f"plain {ends[0][0]:.1e} and {ends[0][1]:.1e}, with batch norm {ends[1][0]:.1e} and {ends[1][1]:.1e}."
        for (kind, start), (_, ends) in zip(combinations, signal_frames, strict=True)
    ],
    description="Network",
    kind="dropdown",
    start=8,
    dpi=80,
)

# %%
signal_ends = dict(zip(combinations, (frame[1] for frame in signal_frames), strict=True))
assert signal_ends["ReLU", "0.01"][0][1] < 1e-6 and 0.1 < signal_ends["ReLU", "Kaiming"][0][1] < 10
assert all(
    ends[0][1] < 1e-2
    for (kind, start), ends in signal_ends.items()
    if kind == "sigmoid" and start != "3 × Kaiming"
)
spread_plain, spread_normed = (
    max(ends[i][0] for ends in signal_ends.values()) / min(ends[i][0] for ends in signal_ends.values())
    for i in (0, 1)
)
assert spread_normed < 3 < 1e6 < spread_plain
print(
    "activations in layer 10, largest start over smallest: plain above a million, with batch norm below three"
)

# %% [markdown]
# Look at the sigmoid: the *size* of its activations is always about one half, because it is never centred; what counts, the gradient, is gone. Look also at large weights with tanh: the gradients *grow* on the way back as long as a few units are in their steep part.
#
# And now train them all, 100 steps of plain SGD at the rate 0.2, and see which have begun to learn. Guessing costs $\log 10 = 2.30$.

# %% tags=["nbval-ignore-output"]
# varies: a hundred steps of training amplify the last digits, which differ between processors
learned = {}
for kind, start in combinations:
    for norm in (None, nn.BatchNorm1d):
        losses = train(deep_network(STARTS_TO_TRY[start], KINDS[kind], norm), rate=0.2, steps=100)
        learned[kind, start, norm is not None] = float(np.mean(losses[-20:]))
verdict = lambda loss: f"{loss:.2f}" + (" ✓" if loss < 2.2 else "") if loss < 99 else "exploded"
table_rows = [
    [f"{kind}, {start}", verdict(learned[kind, start, False]), verdict(learned[kind, start, True])]
    for kind, start in combinations
]
print(results.table(table_rows, ["loss after 100 steps", "plain", "batch norm"]))
if DATASET == "pocket10":
    assert all(learned[kind, start, True] < 2.25 for kind, start in combinations)
    assert all(not learned[kind, start, False] < 2.2 for kind, start in combinations if kind == "sigmoid")
    assert all(not learned[kind, "0.01", False] < 2.2 for kind in KINDS)
    assert learned["tanh", "Xavier", False] < 2.1 and learned["ReLU", "Kaiming", False] < 2.2

# %% [markdown]
# The pattern is the one that the signals foretold. Plain tanh learns from Xavier and Kaiming, plain ReLU from Kaiming (from Xavier it begins later); sigmoids do not learn in ten layers, from any of these starts. With batch norm *everything* learns, even what looked hopeless.
#
# The other promise of batch norm is that it forgives large learning rates. Move the slider through thirteen of them.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-rates", "caption": "The same ReLU network with Kaiming weights, plain and with batch norm, for 60 steps at thirteen learning rates. Left: training loss at the chosen rate (dotted: guessing). Right: loss at the end for every rate. At small rates batch norm is behind. But where the plain network explodes, it is at its best, and rates many times larger still work."}, "image": {"alt": "Frames of an interactive figure: on the left two curves of the training loss against steps; on the right the final loss against the learning rate for both networks, with a vertical line at the chosen rate."}}
RATES = np.geomspace(0.003, 3.0, 13)
by_rate = {
    title: [train(deep_network(kaiming, norm=norm), rate=rate, steps=60, seed=1) for rate in RATES]
    for title, norm in (("plain", None), ("batch norm", nn.BatchNorm1d))
}
ended = {
    title: np.array([np.nan_to_num(np.mean(losses[-15:]), nan=99.0) for losses in curves])
    for title, curves in by_rate.items()
}


def draw_rate(nth):
    """One frame: the losses at one rate, and the final losses at all of them."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), layout="none")
    fig.subplots_adjust(left=0.07, right=0.98, bottom=0.17, top=0.88, wspace=0.17)
    for (title, curves), style, color in zip(by_rate.items(), ("-", "--"), ("C0", "C3"), strict=True):
        left.plot(np.minimum(np.nan_to_num(curves[nth], nan=99.0), 99.0), style, color=color, label=title)
        marker = "o" if style == "-" else "s"
        right.plot(RATES, ended[title], marker + style, color=color, markersize=4, label=title)
    for ax in (left, right):
        ax.axhline(math.log(10), color="gray", linestyle=":")
        ax.set(ylim=(1.4, 3.2))
    right.axvline(RATES[nth], color="black", linewidth=1)
    left.set(xlabel="step")
    left.set_title(f"rate {RATES[nth]:.2g}: training loss", fontsize=11)
    right.set(xlabel="learning rate", xscale="log")
    right.set_title("loss at the end", fontsize=11)
    left.legend(fontsize=9, loc="upper right")
    return fig


interactive.frames(
    [draw_rate(nth) for nth in range(13)],
    [f"{rate:.2g}" for rate in RATES],
    name="rates",
    alt=[
        f"Learning rate {rate:.2g}. Loss at the end: plain "
        + (f"{plain:.2f}" if plain < 9 else "exploded")
        + f", batch norm {normed_loss:.2f}."
        for rate, plain, normed_loss in zip(RATES, ended["plain"], ended["batch norm"], strict=True)
    ],
    description="Learning rate",
    start=6,
    dpi=80,
)

# %%
usable = {title: RATES[values < 2.1] for title, values in ended.items()}
if DATASET == "pocket10":
    assert usable["batch norm"].max() > 3 * usable["plain"].max()
    assert not ended["plain"][-1] < 2.2 and ended["batch norm"][-1] < 2.3
    assert abs(ended["plain"].min() - ended["batch norm"].min()) < 0.25
print(
    "at the largest rate of all, the plain network",
    "learns" if ended["plain"][-1] < 2.1 else "does not learn",
)

# %% [markdown]
# Look at the lowest point of each curve, too. The two are close: in so short a run, a well-started plain network at *its* best rate does about as well. What batch norm buys first of all is that neither the start nor the rate has to be hit exactly. In longer runs of deep convolutional networks it buys more, because there the larger rates pay {cite:p}`bjorck2018understanding`.
#
# *Why* does it help so much? Its inventors argued that without it each layer has to chase inputs whose distribution keeps shifting as the layers below change, and named this *internal covariate shift*. {cite:t}`santurkar2018does` put the explanation to the test: they added random shifts *after* the normalisation, and the networks trained just as well. What they found
# instead is a smoother loss landscape: gradients that change less from step to step, so that larger steps can be trusted. {cite:t}`bjorck2018understanding` point to the large learning rates that become possible. That fits what you have just seen, and {eq}`eq-start-second-moment`. The question is not closed.
#
# (sec-start-recipe)=
# ### A recipe
#
# | step | what to do |
# | :-- | :-- |
# | inputs | subtract means, divide by standard deviations, per channel, from the training set |
# | activation | ReLU; if many units die, leaky ReLU, ELU or GELU |
# | first weights | Kaiming before ReLU, Xavier before tanh or nothing; biases zero |
# | normalisation | batch norm after each convolution and no bias there; group or layer norm for small batches |
# | before training | loss near $\log C$ at the first step; sizes by layer even, both ways; fifty pictures learned by heart |
# | in training | watch the share of dead units, and gradients by layer |
#
# (sec-start-real)=
# ## On real photographs
#
# Does all this hold on photographs? The recorded experiment trains fully connected networks of ten hidden layers with 128 units on CIFAR-10 {cite:p}`krizhevsky2009learning`, for three activations, four starts, without and with batch norm. The learning rate of each was chosen from three on validation pictures, so that no combination suffers from
# a rate that suits another; then each was trained with three seeds. These are short runs: the question is who gets going.

# %%
recorded = results.load("cifar10_initialisation")
settings = recorded["settings"]
table_rows = []
for kind, start in itertools.product(settings["activations"], settings["initialisations"]):
    plain, normed_result = (
        recorded["metrics"][f"{kind} {start} {norm}"] for norm in settings["normalisations"]
    )
    table_rows.append(
        [
            f"{kind}, {start}",
            results.percent(plain["test_accuracy"]),
            results.percent(normed_result["test_accuracy"]),
            f"{normed_result['chosen_rate']['mean']:g}",
        ]
    )
print(results.table(table_rows, ["test accuracy", "plain", "batch norm", "its rate"]))
print()
print(
    f"{settings['hidden_layers']} hidden layers of {settings['width']}, {settings['steps']} steps "
    f"of {settings['batch_size']} of {settings['train']:,} pictures"
)
print(fill(results.provenance(recorded), 75))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-start-cifar", "caption": "Test accuracy on CIFAR-10 (JPEG copy) after a short training, mean of three seeds; the bars end at the mean, thin lines show one standard deviation, and the dotted line is guessing. Plain networks learn in few places; with batch norm all combinations are far above guessing."}, "image": {"alt": "Three panels for sigmoid, tanh and ReLU, each with four pairs of bars for the starts small, Xavier, Kaiming and large; the bars with batch norm are all well above the dotted line at ten percent, eight of the plain ones are near it or missing."}}
fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.2), sharey=True)
places = np.arange(len(settings["initialisations"]))
for ax, kind in zip(axes, settings["activations"], strict=True):
    for shift, norm, color, hatch in ((-0.2, "none", "C0", ""), (0.2, "batch", "C1", "//")):
        values = [
            recorded["metrics"][f"{kind} {start} {norm}"]["test_accuracy"]
            for start in settings["initialisations"]
        ]
        ax.bar(
            places + shift,
            [100 * value["mean"] for value in values],
            0.38,
            yerr=[100 * value["spread"] for value in values],
            color=color,
            hatch=hatch,
            edgecolor="white",
            label={"none": "plain", "batch": "batch norm"}[norm],
        )
    ax.axhline(10, color="black", linestyle=":", linewidth=1.2)
    ax.set_xticks(places, settings["initialisations"], fontsize=9)
    ax.set_title(kind)
axes[0].set(ylabel="test accuracy in %", ylim=(0, 50))
axes[0].legend(fontsize=9, loc="upper left")
plt.show()

# %%
test_of = {name: found["test_accuracy"]["mean"] for name, found in recorded["metrics"].items()}
above = {
    norm: sum(value > 0.3 for name, value in test_of.items() if name.endswith(norm))
    for norm in settings["normalisations"]
}
print(f"above 30 %: {above['none']} of 12 plain networks, {above['batch']} of 12 with batch norm")
assert above["none"] <= 6 and above["batch"] == 12
assert all(test_of[f"{kind} small none"] < 0.15 for kind in settings["activations"])
assert min(test_of["tanh xavier none"], test_of["relu kaiming none"]) > 0.3
chosen = {name: found["chosen_rate"]["mean"] for name, found in recorded["metrics"].items()}
assert all(chosen[f"{kind} small batch"] < chosen[f"{kind} large batch"] for kind in settings["activations"])

# %% [markdown]
# The photographs tell the same story as the drawn pictures. Small weights never start without help. Tanh and ReLU from Xavier and from Kaiming do, as the derivation says they should; large weights wreck ReLU (0 % means that the scores are no numbers any more). With batch norm every combination gets off the ground, and to nearly the same height.
#
# The last column holds a small confirmation. With batch norm, the larger the first weights, the larger the learning rate that suited best: the gradient is smaller by the same factor, as {eq}`eq-start-bn-scale` says. The start has become a matter of the rate.
#
# The accuracies themselves are modest, because these networks see pictures as lists of numbers and are trained briefly. Depth pays with convolutions (chapter 7), and great depth pays only with one more idea, the shortcuts of chapter 12.
#
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 8.1: a smooth rectifier
#
# *Softplus*, $\log(1 + e^a)$, is a smooth ReLU. Show that its slope is the sigmoid, that $\operatorname{softplus}(a) - \operatorname{softplus}(-a) = a$, and find how far it is from ReLU at most.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Use `agrees` with `F.softplus`. For the identity, write $\log(1 + e^a) = \log(e^a (e^{-a} + 1))$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# By the identity, the distance from ReLU is softplus of $-|a|$. Where is that largest?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# softplus = lambda a: np.logaddexp(0, a)
# assert agrees(softplus, sigmoid, F.softplus)
# assert np.allclose(softplus(some_a) - softplus(-some_a), some_a)
# distance = softplus(some_a) - leaky_relu(some_a, 0.0)
# assert np.isclose(distance.max(), np.log(2)) and some_a[distance.argmax()] == 0
# ```
#
# At most $\log 2 \approx 0.69$, at zero. It never dies, but its slope at zero is only one half, and it costs an exponential and a logarithm.
#
# </details>
#
# ### Exercise 8.2: the shape of the distribution
#
# Kaiming's rule fixes the variance of the weights and says nothing of their distribution. Draw ten layers of 100 units with normal weights, with uniform weights, and with weights that are only $+\delta$ or $-\delta$, all of variance $2/\text{fan-in}$, and compare the sizes by layer.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Build one network with `deep_network(kaiming)` and overwrite its weights; `signal_sizes` does the rest.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Uniform between $\pm\sqrt{6/\text{fan-in}}$; signs: `dice.choice([-1, 1], size=…) * np.sqrt(2 / fan_in)`.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# draw = {
#     "normal": lambda dice, shape: dice.normal(size=shape),
#     "uniform": lambda dice, shape: dice.uniform(-np.sqrt(3), np.sqrt(3), size=shape),
#     "signs": lambda dice, shape: dice.choice([-1.0, 1.0], size=shape),
# }
# for title, function in draw.items():
#     dice, network = np.random.default_rng(SEED), deep_network(kaiming)
#     for layer in network[:-1:2]:
#         fan_out, fan_in = layer.weight.shape
#         values = function(dice, (fan_out, fan_in)) * np.sqrt(2 / fan_in)
#         layer.weight.data.copy_(torch.from_numpy(values))
#     forward, backward = signal_sizes(network, rows_train[:500])
#     print(title, np.round(forward, 2), np.round(backward, 2))
#     assert 0.2 < forward[-1] < 5 and 0.2 < backward[0] < 5
# ```
#
# No difference that matters. The derivation used mean, variance and independence, nothing else.
#
# </details>
#
# ### Exercise 8.3: let the data choose the scale
#
# A derivation needs assumptions; a measurement does not. Take a network with any first weights, send 500 pictures through layer by layer, and divide each layer's weights by the standard deviation of its outputs before you go on to the next {cite:p}`mishkin2016all`. Does it work for tanh from a start of 0.01?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Walk through `network[:-1]` with the pictures in hand, as `hidden_values` does, and rescale whenever you meet an `nn.Linear`.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# `module.weight.data /= x.std()` after `x = module(x)`; then compute `x` again.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# network, x = deep_network(lambda fan_in, fan_out: 0.01, nn.Tanh), rows_train[:500]
# with torch.no_grad():
#     for module in network[:-1]:
#         if isinstance(module, nn.Linear):
#             module.weight /= module(x).std()
#         x = module(x)
# losses = train(network, rate=0.1, steps=100)
# print(f"{np.mean(losses[-20:]):.2f}")
# assert DATASET != "pocket10" or np.mean(losses[-20:]) < 2.1
# ```
#
# It does: it is batch normalisation done once, before training, with constants that are folded into the weights. It needs no formula for the activation.
#
# </details>
#
# ### Exercise 8.4: what the gradient of batch norm cannot do
#
# Show with `bn_backward` that the gradient it hands back is orthogonal, in every unit, to the vector of ones and to $\hat x$ (the second with $\varepsilon = 0$ in mind: how near is it with $\varepsilon = 10^{-5}$?), whatever arrives from above. What does that mean for a loss that asks for larger activations in a normalised layer?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Multiply {eq}`eq-start-bn-dx` by 1 and by $\hat x_n$, and sum over $n$. What are $\sum \hat x_n$ and $\sum \hat x_n^2$?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $\frac1B \sum \hat x_n^2 = \sigma^2 / (\sigma^2 + \varepsilon)$, one but for $\varepsilon$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# y, cache = bn_forward(x_bn, gamma_bn, beta_bn)
# dx, _, _ = bn_backward(np.random.default_rng(1).normal(size=y.shape), cache)
# assert np.abs(dx.sum(axis=0)).max() < 1e-12
# assert np.abs((dx * cache[0]).sum(axis=0)).max() < 1e-4
# ```
#
# Such a loss cannot reach the weights below: making all activations larger, or spreading them, is undone by the normalisation, so the gradient has no part in these directions. Only γ and β can answer it.
#
# </details>
#
# ### Exercise 8.5: how long is the memory
#
# After how many batches has the running mean of PyTorch's default forgotten 99 % of where it started? And of a library whose convention is "new = 0.99 · old + 0.01 · batch"? For an epoch of 100 batches, what does that say about evaluation after the first epoch?
#
# <details class="hint"><summary>Hint 1</summary>
#
# The start's weight after $k$ batches is $(1 - m)^k$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Solve $(1 - m)^k \le 0.01$ with logarithms.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# needed = {m: math.ceil(math.log(0.01) / math.log(1 - m)) for m in (0.1, 0.01)}
# assert needed == {0.1: 44, 0.01: 459}
# ```
#
# PyTorch's has caught up after half an epoch. With 0.99 it takes more than four, and after the first epoch more than a third of the "mean" is still the zero it started from: $0.99^{100} \approx 0.37$.
#
# </details>
#
# ### Exercise 8.6: whitening too well
#
# Whiten the pictures with floors from $10^{-6}$ to $10^{-1}$ and look at a few. What does the floor do, and what do you see at its smallest values? Which share of the variance of the white pictures belongs to the 500 weakest directions of the original ones?
#
# <details class="hint"><summary>Hint 1</summary>
#
# `zca(flat_train[:6], *picture_fit, floor)`, then `plots.show_images` as in the chapter.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Along a direction of variance $\lambda_i$ a white picture has the variance $\lambda_i / (\lambda_i + \text{floor})$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# variances = picture_fit[2]
# weak = {}
# for floor in (1e-6, 1e-3, 1e-1):
#     left_over = variances / (variances + floor)
#     weak[floor] = left_over[-500:].sum() / left_over.sum()
#     print(f"floor {floor:g}: {weak[floor]:.0%} of the variance in the 500 weakest directions")
# assert weak[1e-6] > weak[1e-3] > weak[1e-1]
# ```
#
# A small floor gives the faintest detail and the noise the same weight as everything else; the pictures turn to grain. A large one leaves the strong directions in charge and does little. The right one lies near the variance of the noise.
#
# </details>
#
# ## What to remember
#
# 1. Sizes multiply: a factor $c$ a layer is $c^L$ after $L$ layers, forwards and backwards. Nearly everything here keeps that factor at one.
# 2. Saturated units pass no gradient, dead ones never will; sigmoids lose a factor of four or more a layer. Begin with ReLU.
# 3. Centre and scale the inputs with statistics of the training set. Off-centre inputs make one wall of the valley steep: $\mathrm E[x^\top x] = \operatorname{Cov}(x) + \mu^\top\mu$.
# 4. $\operatorname{Var}(w) = 2/\text{fan-in}$ before ReLU (Kaiming), $2/(\text{fan-in} + \text{fan-out})$ before tanh (Xavier).
# 5. Batch norm centres and scales inside the network, per channel, with the batch in training and running averages at test time; it forgives bad starts and large rates, and disappears into the convolution before it.
#
# ## Pitfalls
#
# - **Forgetting `model.eval()`.** Answers then depend on the company a picture keeps, and the running averages change while you evaluate.
# - **Forgetting `model.train()`** after an evaluation: training goes on with frozen statistics.
# - **Trusting the default initialisation** in deep networks without normalisation. PyTorch's default shrinks the signal by 0.41 a layer with ReLU.
# - **The wrong fan.** PyTorch keeps linear weights as (out, in); with (in, out) arrays of your own the fans swap places.
# - **Confusing the two conventions of momentum**, and the biased variance (to normalise) with the unbiased one (to keep).
# - **Tiny batches** with batch norm; and the last batch of an epoch, if it happens to hold one picture: an error for rows, poor statistics for maps. `drop_last=True` helps.
# - **Weight decay on γ and β**, or a bias before the norm: the one pulls scales to zero for no good reason, the other does nothing at all.
# - **Statistics from the wrong place**: from the test set, from both sets, or computed before the pictures were converted from 0…255 to 0…1.
# - **Batch statistics that leak.** In training mode each answer depends on other pictures; per-picture losses and per-picture gradients are then no longer what they seem.
#
# ## History and further reading
#
# That inputs should be centred, scaled and decorrelated, that tanh beats the sigmoid for being centred, and that first weights should have variance $1/\text{fan-in}$, all stands in the "tricks of the trade" of {cite:t}`lecun1998efficient`, which is still worth reading. {cite:t}`hochreiter1991untersuchungen` had analysed the vanishing gradient in his diploma thesis,
# {cite:t}`bengio1994learning` in recurrent networks. For some years the way round it was to train layer by layer without labels {cite:p}`hinton2006fast`; {cite:t}`glorot2010understanding` measured activations and gradients by layer, as we did, and derived their initialisation. {cite:t}`nair2010rectified` and {cite:t}`glorot2011deep` brought the rectifier, and
# {cite:t}`he2015delving` its initialisation. {cite:t}`saxe2014exact` solved the learning dynamics of deep linear networks exactly and proposed orthogonal first weights; {cite:t}`mishkin2016all` let the data set the scale.
#
# Leaky {cite:p}`maas2013rectifier`, parametric {cite:p}`he2015delving`, exponential {cite:p}`clevert2016fast` and Gaussian error {cite:p}`hendrycks2016gaussian` units, and maxout {cite:p}`goodfellow2013maxout`, are compared in their papers. Self-normalising networks {cite:p}`klambauer2017self` choose the activation such that mean 0 and variance 1 are a fixed point of the layer,
# so that no normalisation is needed.
#
# Batch normalisation is by {cite:t}`ioffe2015batch`; layer {cite:p}`ba2016layer`, instance {cite:p}`ulyanov2016instance` and group normalisation {cite:p}`wu2018group` followed. Why it works is discussed by {cite:t}`santurkar2018does` and {cite:t}`bjorck2018understanding`. {cite:t}`zhang2019fixup` train very deep residual networks without any normalisation, by initialisation alone. For textbooks, see sections 8.4 and 8.7 of
# {cite:t}`goodfellow2016deep`.
#
# Next comes chapter 9, which takes over where this one stops: the network starts; now, how does one train it well, and for new pictures?
