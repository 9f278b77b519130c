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
# (chap-net)=
# # Neural networks and backpropagation
#
# Two linear classifiers with a bend between them can do what neither can do alone. This chapter builds such
# networks, and the machine that finds out, for every weight at once, which way is downhill.
#
# **What you will be able to do**
#
# 1. say what a perceptron computes, how it learns, and why XOR defeats it;
# 2. write the forward pass of a multilayer perceptron, count its parameters, and prove that depth without a
#    bend is no depth at all;
# 3. draw the computational graph of a formula and send gradients through it by the recursive chain rule;
# 4. build a reverse-mode autograd, for numbers and then for arrays, that agrees with PyTorch to ten digits;
# 5. check any gradient at every index, and say which step to take and why;
# 6. derive the local gradients of fully connected layers, activations, pooling and convolution without ever writing down
#    their Jacobians;
# 7. stack layers that know `forward` and `backward`, add an operation of your own to PyTorch, and train the
#    784-100-10 network on pictures.
#
# **What you need**: [chapter 3](03_linear_classifiers.ipynb) (scores, softmax, cross-entropy, gradient descent),
# the chain rule, matrix products.

# %%
from course_utils import results

print(results.run_time_note("05_neural_networks_and_backprop"))

# %%
import itertools
import math
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import interactive, models, plots
from course_utils.data import class_names, load, to_grayscale
from course_utils.gradcheck import numerical_gradient, spaced
from course_utils.linear import log_softmax, softmax

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# (sec-net-idea)=
# ## Folding the plane
#
# Chapter 3 ended at a wall. Four points at the corners of a square, two classes on the two diagonals, and no straight line
# that parts them. One extra feature, the product $x_1 x_2$, solved the problem; but somebody had to think of it.
#
# Here is another way out, and this time nobody needs to be clever. Take *two* linear scores of the point, and cut
# each off at zero:
#
# $$
# h_1 = \max(0,\; x_1 + x_2), \qquad h_2 = \max(0,\; x_1 + x_2 - 1) .
# $$
#
# Now look at where the four corners have gone.

# %%
corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
is_xor = np.array([0.0, 1.0, 1.0, 0.0])


def fold(x):
    """The two features (N, 2) of points x (N, 2)."""
    total = x.sum(axis=1)
    return np.column_stack([np.maximum(0, total), np.maximum(0, total - 1)])


for corner, folded, label in zip(corners, fold(corners), is_xor, strict=True):
    print(
        f"({corner[0]:.0f}, {corner[1]:.0f}) goes to ({folded[0]:.0f}, {folded[1]:.0f})   XOR is {label:.0f}"
    )

folded_scores = fold(corners) @ np.array([1.0, -2.0]) - 0.5
assert np.array_equal(folded_scores > 0, is_xor == 1)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-fold", "caption": "Left: XOR, which no straight line solves. Middle: the same points in the coordinates of the two features. The whole plane now lies on one bent wire (grey); the two triangles have met in one point, and a straight line (black) parts them from the circles. Right: that line, carried back to the plane, has become a band."}, "image": {"alt": "Three panels. Circles and triangles on the diagonals of a square; the points on a wire with one bend, cut twice by a straight line; the square again with a grey band across it that holds both triangles."}}
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.0))
sums = np.array([[-0.5, 0.0], [0.0, 0.0], [1.0, 0.0], [2.4, 0.0]])
axes[1].plot(*fold(sums).T, color="0.7", linewidth=5, zorder=1)
axes[1].plot([0.5, 2.7], [0.0, 1.1], color="black", linewidth=1.5)
axes[1].set(xlim=(-0.3, 2.6), ylim=(-0.3, 1.6), xlabel="$h_1$", ylabel="$h_2$", title="folded")
axes[2].fill_between([-0.4, 1.4], [0.9, -0.9], [1.9, 0.1], color="0.85")
for ax, places in ((axes[0], corners), (axes[1], fold(corners)), (axes[2], corners)):
    for value, marker, color in ((0, "o", "C0"), (1, "^", "C1")):
        ax.scatter(*places[is_xor == value].T, s=110, marker=marker, color=color, zorder=2)
    ax.grid(False)
for ax, title in ((axes[0], "XOR"), (axes[2], "unfolded again")):
    ax.set(xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title=title)
plt.show()

# %% [markdown]
# The last step, $s = h_1 - 2h_2 - \tfrac12$, is a linear classifier exactly as in chapter 3. What is new happens before
# it: the points were *moved* to where a linear classifier can do its work. That is all a neural network is. Linear
# scores, a bend, linear scores again; the first ones move the points, the last ones decide.
#
# The six numbers of `fold` were given here. The rest of the chapter is about finding them: what such networks can express,
# how to know which way to change a weight that sits far from the loss, and how to be certain that one has it right.
#
# (sec-net-perceptron)=
# ## The perceptron
#
# The story begins with one neuron. {cite:t}`mcculloch1943logical` described it as a device that adds up what comes in and
# fires if there is enough of it; {cite:t}`rosenblatt1958perceptron` gave it weights that can be learned. His
# **perceptron** outputs
#
# $$
# y = [\,\mathbf{x} \cdot \mathbf{w} + b > 0\,] ,
# $$ (eq-net-perceptron)
#
# 1 if the weighted sum of its inputs exceeds a threshold, 0 if not. The threshold is $-b$. One such neuron can compute AND, OR and
# NOT-AND of two inputs:


# %%
def perceptron(x, w, b):
    """1.0 where x @ w + b is positive, else 0.0; x (N, D), w (D,), b a number."""
    return (x @ w + b > 0).astype(float)


both = perceptron(corners, np.array([1.0, 1.0]), -1.5)
either = perceptron(corners, np.array([1.0, 1.0]), -0.5)
not_both = perceptron(corners, np.array([-1.0, -1.0]), 1.5)

# check: eq-net-perceptron
assert both.tolist() == [0, 0, 0, 1]
assert either.tolist() == [0, 1, 1, 1]
assert not_both.tolist() == [1, 1, 1, 0]
print("AND", both, " OR", either, " NOT-AND", not_both)

# %% [markdown]
# ### The bias neuron
#
# Drawings of networks show the bias as a neuron too: one that has no inputs and always says 1. Its connection to a neuron carries the
# weight $b$, and the threshold becomes a weight like any other. It is the bias trick of chapter 3 under another name, and it holds
# for a whole layer of $M$ neurons as well: append a 1 to the inputs, and the biases as one more row to the weights,
#
# $$
# \mathbf{h} W + \mathbf{b} = (\mathbf{h},\, 1) \begin{pmatrix} W \\ \mathbf{b} \end{pmatrix} .
# $$ (eq-net-bias-neuron)
#
# Every layer has its own bias neuron. Without one, a layer sends the zero vector to zero, whatever its weights.


# %%
def with_bias_neuron(x):
    """The rows x (N, D) with a 1 appended to each: (N, D + 1)."""
    return np.hstack([x, np.ones((len(x), 1))])


bias_dice = np.random.default_rng(SEED)
h_some, w_some, b_some = (
    bias_dice.normal(size=(5, 3)),
    bias_dice.normal(size=(3, 4)),
    bias_dice.normal(size=4),
)
# check: eq-net-bias-neuron
assert np.allclose(h_some @ w_some + b_some, with_bias_neuron(h_some) @ np.vstack([w_some, b_some]))
print("a layer with biases is a layer without, and one neuron more before it")

# %% [markdown]
# ### Learning from mistakes
#
# Rosenblatt's learning rule looks at one example at a time, with the target $t \in \{0, 1\}$ and the bias neuron's 1 among the inputs. If the
# answer is right, change nothing. If not, add the input or subtract it:
#
# $$
# \mathbf{w} \leftarrow \mathbf{w} + (t - y)\, \mathbf{x} .
# $$ (eq-net-rule)
#
# Said 0 where 1 was wanted? Then the sum was too small, and adding $\mathbf{x}$ raises it by $\lVert\mathbf{x}\rVert^2$. You know this
# shape: target minus prediction, times the input. It is the gradient step of softmax regression with the probability replaced by a
# hard decision.


# %%
def learn_perceptron(x, t, epochs):
    """Rosenblatt's rule on the rows x (N, D), a 1 among their entries; w (D,) and the mistakes of each epoch."""
    w, mistakes = np.zeros(x.shape[1]), []
    for _ in range(epochs):
        wrong = 0
        for row, target in zip(x, t, strict=True):
            y = float(row @ w > 0)
            w += (target - y) * row
            wrong += int(y != target)
        mistakes.append(wrong)
    return w, mistakes


history_and = learn_perceptron(with_bias_neuron(corners), both, 20)[1]
history_or = learn_perceptron(with_bias_neuron(corners), either, 20)[1]
history_xor = learn_perceptron(with_bias_neuron(corners), is_xor, 20)[1]
# check: eq-net-rule
assert history_and[-1] == history_or[-1] == 0
assert min(history_xor) > 0
for name, history in (("AND", history_and), ("OR", history_or), ("XOR", history_xor)):
    print(f"{name:>3}: mistakes in each epoch", *history)

# %% [markdown]
# AND and OR are learned within a few rounds. That is no luck: if *some* unit vector $\mathbf{u}$ parts the classes with a margin
# $\gamma$, the rule makes only finitely many mistakes however long it runs {cite:p}`novikoff1962convergence`. With $R$ for the
# length of the longest input,
#
# $$
# \text{mistakes} \;\le\; \left( \frac{R}{\gamma} \right)^{2} .
# $$ (eq-net-novikoff)
#
# The proof fits in three lines. Each mistake moves $\mathbf{w}$ by $\pm\mathbf{x}$, which raises $\mathbf{w}\cdot\mathbf{u}$ by at least
# $\gamma$; so after $k$ mistakes $\lVert\mathbf{w}\rVert \ge k\gamma$. But $\lVert\mathbf{w}\rVert^2$ grows by at most $R^2$ a mistake, since the step is
# taken only where $\mathbf{w}$ pointed the wrong way; so $\lVert\mathbf{w}\rVert \le \sqrt{k}\,R$. Both together give $k\gamma \le \sqrt{k}\,R$.

# %%
line_dice = np.random.default_rng(SEED)
u_line = np.array([0.6, 0.8, 0.0])  # of length 1; the last entry belongs to the bias neuron
parted = with_bias_neuron(line_dice.uniform(-1, 1, (300, 2)))
parted = parted[np.abs(parted @ u_line) > 0.1]
parted_labels = (parted @ u_line > 0).astype(float)
total_mistakes = sum(learn_perceptron(parted, parted_labels, 60)[1])

margin, radius = np.abs(parted @ u_line).min(), np.linalg.norm(parted, axis=1).max()
bound = (radius / margin) ** 2
# check: eq-net-novikoff
assert 0 < total_mistakes <= bound
assert learn_perceptron(parted, parted_labels, 60)[1][-1] == 0
print(f"{len(parted)} points: {total_mistakes} mistakes in all; the bound allows {bound:.0f}")

# %% [markdown]
# ### Three perceptrons solve XOR, and nobody can train them
#
# XOR is "either, but not both". Each half is one perceptron, and a third joins them:

# %%
hidden_layer = np.column_stack([either, not_both])  # (4, 2)
answer = perceptron(hidden_layer, np.array([1.0, 1.0]), -1.5)
assert np.array_equal(answer, is_xor)
print("OR and NOT-AND, joined by AND:", answer)

# %% [markdown]
# So a second layer is enough. But the learning rule says nothing about the first one: for the *output* neuron we know the target; what
# should the neuron OR have answered? Rosenblatt's machine kept its first layer fixed and trained only the last. Gradient descent does not help
# either. Nudge any weight of the first layer a little: no threshold is crossed, no output changes. The step function
# is flat, and where it is not flat it jumps.


# %%
def xor_errors(first_layer):
    """Wrong answers of the three perceptrons, for the weights and biases (3, 2) of the first layer."""
    hidden = (with_bias_neuron(corners) @ first_layer > 0).astype(float)
    return np.abs(perceptron(hidden, np.array([1.0, 1.0]), -1.5) - is_xor).sum()


first_layer = np.array([[1.0, -1.0], [1.0, -1.0], [-1.2, 1.5]])  # the bias of OR is a little off
print("wrong answers:", int(xor_errors(first_layer)))
print("slope in each of the six numbers:", *numerical_gradient(xor_errors, first_layer).ravel())

# %% [markdown]
# Two answers are wrong, one number is to blame, and the slope says nothing. What is needed is a neuron that *bends* instead of
# jumping, so that blame can travel backwards as a slope. It was to take almost thirty years until that idea became common property.
#
# <div class="question">
#
# **Quick question.** A perceptron has learned to part two classes without a mistake. You append the training examples once
# more, so that each now stands in the list twice. What happens in the next epoch?
#
# <details class="choice"><summary>The weights double</summary>
#
# The rule changes weights only after a *mistake*, and there is none left to make.
#
# </details>
#
# <details class="choice right"><summary>Nothing</summary>
#
# Right. All answers are correct, so every $t - y$ is 0. Unlike cross-entropy, the perceptron is content with any parting
# line, however close it passes to the points.
#
# </details>
#
# <details class="choice"><summary>The line moves to the middle between the classes</summary>
#
# That would be a classifier that cares about margins, such as the support vector machine of chapter 3. The perceptron does
# not.
#
# </details>
# </div>
#
# (sec-net-mlp)=
# ## The multilayer perceptron
#
# Replace the step by a function $\varphi$ with a slope, the **activation**, and put two layers one after the other:
#
# $$
# \mathbf{h} = \varphi(\mathbf{x} W_1 + \mathbf{b}_1), \qquad
# \mathbf{s} = \mathbf{h} W_2 + \mathbf{b}_2 .
# $$ (eq-net-mlp)
#
# $W_1$ has shape $(D, M)$, one column for each of $M$ **hidden units**; $W_2$ has shape $(M, C)$. The most used activation is also
# the simplest, the rectified linear unit $\operatorname{ReLU}(a) = \max(0, a)$; the opening used two of them. Older networks used the sigmoid
# $\sigma(a) = 1 / (1 + e^{-a})$ or $\tanh a$, which bend smoothly at both ends. Computing $\mathbf{s}$ from $\mathbf{x}$, layer by layer, is the
# **forward pass**. The scores then go into the softmax and the cross-entropy of chapter 3, unchanged.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-drawing", "caption": "A 3-4-2 network. Circles are neurons, lines are weights. The squares are the bias neurons: they have no inputs, always say 1, and every layer but the last has one. Count the lines: 16 into the hidden units, 10 into the scores."}, "image": {"alt": "Three columns of neurons, three inputs, four hidden units and two scores, each column fully connected to the next by lines; a square marked 1 stands below the first and the second column."}}
def draw_network():
    """Two layers of lines between three columns of neurons, and the bias neurons."""
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    columns = [(0.0, 3, "x"), (2.2, 4, "h"), (4.4, 2, "s")]
    places = []
    for left, count, letter in columns:
        heights = np.arange(count)[::-1] - (count - 1) / 2 + 0.4
        places.append([(left, height, f"${letter}_{i + 1}$") for i, height in enumerate(heights)])
    for lower, upper in itertools.pairwise(places):
        bias = (lower[0][0], -2.2, "1")
        for x0, y0, _ in [*lower, bias]:
            for x1, y1, _ in upper:
                style = {"color": "C1", "linestyle": "--"} if y0 == -2.2 else {"color": "0.6"}
                ax.plot([x0, x1], [y0, y1], linewidth=1.0, zorder=1, **style)
        ax.scatter(*bias[:2], s=420, marker="s", color="white", edgecolor="C1", linewidth=1.8, zorder=2)
        ax.text(*bias[:2], "1", ha="center", va="center", fontsize=11)
    for column in places:
        for x0, y0, label in column:
            ax.scatter(x0, y0, s=520, color="white", edgecolor="C0", linewidth=1.8, zorder=2)
            ax.text(x0, y0, label, ha="center", va="center", fontsize=11)
    for left, label in ((1.1, "$W_1, \\mathbf{b}_1$, then $\\varphi$"), (3.3, "$W_2, \\mathbf{b}_2$")):
        ax.text(left, 2.35, label, ha="center", fontsize=11)
    ax.set(xlim=(-0.6, 5.0), ylim=(-2.7, 2.7))
    ax.axis("off")
    plt.show()


draw_network()


# %%
def relu(a):
    """The larger of 0 and a, entry by entry."""
    return np.maximum(a, 0)


def mlp_forward(x, w1, b1, w2, b2):
    """Scores (N, C) of the rows x (N, D) for w1 (D, M), b1 (M,), w2 (M, C), b2 (C,)."""
    h = relu(x @ w1 + b1)  # (N, M)
    return h @ w2 + b2


def copy_into(layer, w, b):
    """Give an `nn.Linear` our weights (D, M) and biases (M,); it keeps them as (M, D)."""
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(w.T))
        layer.bias.copy_(torch.tensor(b))


mlp_dice = np.random.default_rng(SEED)
x_mlp = mlp_dice.normal(size=(6, 5))
w1_mlp, b1_mlp = mlp_dice.normal(size=(5, 4)), mlp_dice.normal(size=4)
w2_mlp, b2_mlp = mlp_dice.normal(size=(4, 3)), mlp_dice.normal(size=3)
twin = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).double()
copy_into(twin[0], w1_mlp, b1_mlp)
copy_into(twin[2], w2_mlp, b2_mlp)
s_mlp = mlp_forward(x_mlp, w1_mlp, b1_mlp, w2_mlp, b2_mlp)
# check: eq-net-mlp
assert np.allclose(s_mlp, twin(torch.tensor(x_mlp)).detach().numpy(), rtol=1e-12)
print("scores of shape", s_mlp.shape, "as PyTorch computes them")

# %% [markdown]
# ### Counting parameters
#
# A layer from $a$ to $b$ neurons has one weight for each pair and one bias for each neuron it feeds; with the bias neuron counted
# among the inputs, $(a + 1)\,b$. So a network with one hidden layer has
#
# $$
# (D + 1)\, M + (M + 1)\, C
# $$ (eq-net-count)
#
# parameters. Two networks accompany us. Both read pictures of $28 \times 28$ grey pixels, $D = 784$, and tell ten classes apart: the
# **784-100-10** network with one hidden layer, and the **784-512-512-10** network with two.


# %%
def count_parameters(*sizes):
    """Weights and biases of a fully connected network with layers of these sizes."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))


three_networks = ((784, 10), (784, 100, 10), (784, 512, 512, 10))
in_pytorch = [
    sum(p.numel() for p in models.mlp(sizes[0], sizes[1:-1], sizes[-1]).parameters())
    for sizes in three_networks
]
# check: eq-net-count
assert [count_parameters(*layers) for layers in three_networks] == in_pytorch
for layers, parameters in zip(three_networks, in_pytorch, strict=True):
    print(f"{'-'.join(map(str, layers)):>14}: {parameters:>7,} parameters")

# %% [markdown]
# Nearly all of them sit in the first layer, because pictures have many pixels. Hold on to that thought until chapter 6, where
# sharing weights between places makes first layers a thousand times smaller.
#
# (sec-net-collapse)=
# ### Depth without a bend is no depth
#
# What does the activation do, besides complicating the formula? Leave it out and see. Two layers without it are
#
# $$
# (\mathbf{x} W_1 + \mathbf{b}_1) W_2 + \mathbf{b}_2
#   = \mathbf{x}\, \underbrace{W_1 W_2}_{W} + \underbrace{\mathbf{b}_1 W_2 + \mathbf{b}_2}_{\mathbf{b}} ,
# $$ (eq-net-collapse)
#
# a linear classifier with other letters. Three layers, or a hundred, collapse in the same way, two at a time. All the parameters
# of a deep linear network buy nothing that chapter 3 did not have. (They can even take something away: through a narrow hidden layer of $M < C$
# units, $W$ has rank $M$ at most.)

# %%
w_single, b_single = w1_mlp @ w2_mlp, b1_mlp @ w2_mlp + b2_mlp
two_layers = (x_mlp @ w1_mlp + b1_mlp) @ w2_mlp + b2_mlp
# check: eq-net-collapse
assert np.allclose(two_layers, x_mlp @ w_single + b_single)
assert not np.allclose(s_mlp, two_layers)  # with the ReLU it is another function
narrow = mlp_dice.normal(size=(784, 3)) @ mlp_dice.normal(size=(3, 10))
print("two linear layers equal one; through 3 hidden units its rank is", np.linalg.matrix_rank(narrow))

# %% [markdown]
# <div class="question">
#
# **Quick question.** You build a network of twenty layers, forget every activation, and train it on XOR. What is the best it can do?
#
# <details class="choice"><summary>All four right: twenty layers are deep enough</summary>
#
# They are one linear layer in disguise ({eq}`eq-net-collapse`), and chapter 3 showed that no line solves XOR.
#
# </details>
#
# <details class="choice right"><summary>Three of four</summary>
#
# Right. It is a linear classifier, and a line can cut off one corner: three right, one wrong.
#
# </details>
#
# <details class="choice"><summary>Two of four, as by guessing</summary>
#
# Too pessimistic: the line of OR gets three corners right.
#
# </details>
# </div>
#
# (sec-net-pieces)=
# ### What a hidden layer can draw
#
# With the bend, how much do we gain? Look at one input and one output first. Each hidden unit contributes
# $w_2 \max(0, w_1 x + b_1)$: flat up to a kink, then a slope. A sum of $M$ such pieces is a chain of straight lines with at most $M$ kinks.
# The converse is the useful part: *every* such chain is a network, and we can write its weights down. Let the chain run through
# $(k_0, y_0), (k_1, y_1), \dots, (k_M, y_M)$, with slope $m_i$ between $k_i$ and $k_{i+1}$. Then, from $k_0$ on,
#
# $$
# \begin{aligned}
# f(x) = y_0 &+ m_0 \max(0, x - k_0) \\
#   &+ \sum_{i=1}^{M-1} (m_i - m_{i-1}) \max(0, x - k_i) :
# \end{aligned}
# $$ (eq-net-chain-of-lines)
#
# start at $y_0$, and at each knot change the slope by what is missing. Hidden weights 1, hidden biases $-k_i$, output weights the *changes* of
# slope.


# %%
def network_through(knots, values):
    """Weights (w1, b1, w2, b2) of a 1-M-1 ReLU network through the points (knots, values), M + 1 of them."""
    slopes = np.diff(values) / np.diff(knots)
    changes = np.diff(slopes, prepend=0.0)
    return np.ones((1, len(slopes))), -knots[:-1], changes[:, None], values[:1]


chain_dice = np.random.default_rng(SEED)
knots_demo, values_demo = np.sort(chain_dice.uniform(0, 1, 9)), chain_dice.normal(size=9)
between = np.linspace(knots_demo[0], knots_demo[-1], 500)
# check: eq-net-chain-of-lines
drawn = mlp_forward(between[:, None], *network_through(knots_demo, values_demo))[:, 0]
assert np.allclose(drawn, np.interp(between, knots_demo, values_demo))
print(f"a 1-{len(knots_demo) - 1}-1 network passes through all {len(knots_demo)} points")

# %% [markdown]
# And chains of short straight lines come as close to a smooth curve as you like. Move the slider to give the network more hidden units, placed at equal
# distances and not trained at all.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-pieces", "caption": "A curve (grey) and the 1-M-1 network through M + 1 of its points. Each hidden unit brings one kink (dots). Twice as many units make the largest error about four times smaller."}, "image": {"alt": "Frames of an interactive figure: a wavy grey curve and a chain of straight lines that follows it ever more closely as hidden units are added; below it the single hidden units as rising lines."}}
def wave(x):
    """The curve to follow."""
    return np.sin(5 * x) + 0.5 * np.sin(13 * x)


def draw_pieces(units):
    """One frame: the network with so many hidden units; and its largest error."""
    knots = np.linspace(0, 1, units + 1)
    fine = np.linspace(0, 1, 1001)
    network = network_through(knots, wave(knots))
    output = mlp_forward(fine[:, None], *network)[:, 0]
    contributions = relu(fine[:, None] - knots[:-1]) * network[2][:, 0]
    error = np.abs(output - wave(fine)).max()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=[1.5, 1], layout="none")
    fig.subplots_adjust(left=0.07, right=0.98, bottom=0.17, top=0.88, wspace=0.2)
    left.plot(fine, wave(fine), color="0.7", linewidth=5)
    left.plot(fine, output, color="C0", linewidth=1.8)
    left.plot(knots[:-1], wave(knots[:-1]), "o", color="C3", markersize=4)
    left.set(xlabel="x", ylim=(-1.9, 1.9))
    left.set_title(f"hidden units: {units}, largest error: {error:.3f}", fontsize=11)
    right.plot(fine, contributions, linewidth=1.0)
    right.set(xlabel="x", ylim=(-8, 12))
    right.set_title("what each unit adds", fontsize=11)
    return fig, error


unit_counts = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 32)
pieces = [draw_pieces(units) for units in unit_counts]
interactive.frames(
    [piece[0] for piece in pieces],
    unit_counts,
    name="pieces",
    alt=[
        f"Hidden units: {units}. The chain of lines follows the curve with a largest error of {piece[1]:.3f}."
        for units, piece in zip(unit_counts, pieces, strict=True)
    ],
    description="Hidden units",
)

# %%
errors = dict(zip(unit_counts, (piece[1] for piece in pieces), strict=True))
assert 3.5 < errors[16] / errors[32] < 4.5
print(f"largest error with 16 units {errors[16]:.3f}, with 32 units {errors[32]:.3f}")

# %% [markdown]
# This is the **universal approximation theorem** in one dimension: with enough hidden units, one hidden layer comes as close as you wish to any continuous
# function on an interval. It holds in any dimension, for the sigmoid {cite:p}`cybenko1989approximation,hornik1989multilayer`
# and for every activation that is not a polynomial {cite:p}`leshno1993multilayer`. Do not read too much into it. It says
# that good weights *exist*; not that gradient descent finds them, nor that they do well on pictures not seen before, nor that their number is
# affordable: in $D$ dimensions "enough" can mean exponentially many. Depth is one answer to that, as exercise 5.2 shows.
#
# ### Exercise 5.1: a bump from three bends
#
# Write a 1-3-1 ReLU network that is 0 outside $[1, 3]$, rises in a straight line to 1 at $x = 2$ and falls back in a straight line. How many such
# bumps, side by side, would it take to approximate a function of *one* variable at 100 places? And of two variables?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Sketch it and write down the slopes: 0, then 1, then −1, then 0. A hidden unit at each knot *changes* the slope.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The changes of slope are $+1$ at 1, $-2$ at 2 and $+1$ at 3.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# w1, b1 = np.ones((1, 3)), np.array([-1.0, -2.0, -3.0])
# w2, b2 = np.array([[1.0], [-2.0], [1.0]]), np.zeros(1)
# at = np.array([[-5.0], [1.0], [1.5], [2.0], [2.5], [3.0], [9.0]])
# assert mlp_forward(at, w1, b1, w2, b2)[:, 0].tolist() == [0, 0, 0.5, 1, 0.5, 0, 0]
# ```
#
# One variable: 100 bumps. Two: a grid of $100 \times 100$. In $D$ variables $100^D$: building functions out of bumps does not
# scale, and a network that worked in that way would be a nearest neighbour classifier with its curse of dimensionality.
#
# </details>
#
# ### Exercise 5.2: what depth is for
#
# The tent $t(x) = 2\max(0, x) - 4\max(0, x - \tfrac12)$ maps $[0, 1]$ onto itself, up and down again, with two hidden units. Apply it $k$ times,
# that is, stack $k$ such layers. How many straight pieces does the result have on $[0, 1]$, and how many hidden units would *one* hidden layer need for
# them?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Plot $t(t(x))$. Each half of the interval is stretched over the whole interval, and on each of them $t$ does its
# up and down again.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Count changes of slope on a fine grid whose points include the kinks, such as multiples of $1/1024$.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# x = np.arange(1025) / 1024
# y = x
# for k in range(1, 8):
#     y = 2 * relu(y) - 4 * relu(y - 0.5)
#     pieces_of_y = 1 + np.count_nonzero(np.diff(np.diff(y)))
#     assert pieces_of_y == 2**k
# ```
#
# $2^k$ pieces from $2k$ units. A single hidden layer makes one kink a unit, so it needs $2^k - 1$ of them. Every layer folds what the layers before it
# have folded, and folds multiply. {cite:t}`telgarsky2016benefits` made an argument of this kind into a proof that some functions
# of deep networks are out of reach for shallow ones of any reasonable width.
#
# </details>

# %% [markdown]
# (sec-net-graph)=
# ## Computational graphs
#
# Exercise 5.1 chose weights by thinking. For pictures nobody can; the weights must be learned by descending a loss, and for that we need
# $\partial L / \partial w$ for every weight $w$ in every layer. One could write the loss as one huge formula and differentiate it. There is a better way, and it
# starts by *refusing* to see the formula as a whole.
#
# Take the smallest network with a twist in it: one number $x$ goes through one hidden unit and back, *with the same weight* both times, and
# the loss asks how well it was reproduced:
#
# $$
# h = \max(0, w x), \qquad L = (w h - x)^2 .
# $$
#
# A computer does not see a formula. It performs one small operation after the other and gives each result a name:


# %%
def forward_by_hand(x, w):
    """Every number on the way to the loss, by name."""
    a = w * x
    h = max(0.0, a)
    r = w * h  # the reproduction
    e = r - x  # the error
    return {"x": x, "w": w, "a": a, "h": h, "r": r, "e": e, "L": e**2}


tied_values = forward_by_hand(x=2.0, w=1.5)
print(", ".join(f"{circle} = {number:g}" for circle, number in tied_values.items()))

# %% [markdown]
# Draw a circle for each number and an arrow wherever one is used to compute another. The drawing, with its numbers, is the **computational graph**. It has no cycles;
# values flow along the arrows from the inputs to the loss. Note that $w$ is used twice, and so is $x$.
#
# Now ask the question from the other end. Each number *affects* the loss: change it a little, and $L$ changes by some factor times that little. Write
#
# $$
# \bar v = \frac{\partial L}{\partial v}
# $$
#
# for that factor, the **gradient** at the circle $v$. For the loss itself it is 1. For $e$ it is the derivative of a square, $2e = 5$. For $r$: it
# reaches the loss only through $e = r - x$, and a change of $r$ is passed on one to one, so $\bar r = 5$ too. And so on, always from a circle whose gradient is known to
# those it was made from. No step needs to know more than its own small operation:


# %%
def backward_by_hand(x, w, a, h, r, e, L):
    """Gradient of the loss by w and by x: the lines of the forward pass in reverse, each with its slopes."""
    loss_bar = 1.0
    e_bar = 2 * e * loss_bar  # L = e²
    r_bar = 1.0 * e_bar  # e = r − x
    x_bar = -1.0 * e_bar  # … and x has a first share
    w_bar = h * r_bar  # r = w · h: a first share for w
    h_bar = w * r_bar
    a_bar = (a > 0) * h_bar  # h = max(0, a)
    w_bar += x * a_bar  # a = w · x: second shares are added
    x_bar += w * a_bar
    return w_bar, x_bar


by_hand = backward_by_hand(**tied_values)
print(f"dL/dw = {by_hand[0]}, dL/dx = {by_hand[1]}")

witness = numerical_gradient(lambda v: (v[0] * max(0.0, v[0] * v[1]) - v[1]) ** 2, np.array([1.5, 2.0]))
assert np.allclose(by_hand, witness, rtol=1e-8)

# %% [markdown]
# Step through it. The first frames are the forward pass, the rest the backward pass.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-flow", "caption": "The computational graph, step by step. Above each circle stands its value (blue), below it, with a bar, the gradient of the loss by it (brown). Forwards, values flow with the arrows; backwards, each operation multiplies the gradient that arrives by its local slope and hands the product on. At w and x two shares meet and are added."}, "image": {"alt": "Frames of an interactive figure: seven circles w, x, a, h, r, e and L joined by arrows; values appear from left to right, then gradients from right to left."}}
PLACES = {
    "w": (0, 2.1),
    "x": (0, 0),
    "a": (1.7, 1.05),
    "h": (3.4, 1.05),
    "r": (5.1, 1.55),
    "e": (6.8, 0.75),
    "L": (8.4, 0.75),
}
OPERATION = {"a": "×", "h": "max", "r": "×", "e": "−", "L": "²", "w": "", "x": ""}
ARROWS = {  # (from, to): how much the arrow is bent
    ("w", "a"): 0.0,
    ("x", "a"): 0.0,
    ("a", "h"): 0.0,
    ("h", "r"): 0.0,
    ("w", "r"): -0.25,
    ("r", "e"): 0.0,
    ("x", "e"): 0.22,
    ("e", "L"): 0.0,
}


def draw_graph(title, values, gradients, active):
    """One frame: the graph with some values, some gradients, and the arrows in `active` highlighted."""
    fig, ax = plt.subplots(figsize=(7.4, 3.3), layout="none")
    fig.subplots_adjust(left=0, right=1, bottom=0, top=0.9)
    for (start, end), bend in ARROWS.items():
        chosen = (start, end) in active
        backwards = (end, start) in active
        tail, head = (end, start) if backwards else (start, end)
        ax.annotate(
            "",
            xy=PLACES[head],
            xytext=PLACES[tail],
            arrowprops={
                "arrowstyle": "-|>",
                "shrinkA": 20,
                "shrinkB": 20,
                "linewidth": 3.0 if chosen or backwards else 1.2,
                "linestyle": "--" if backwards else "-",
                "color": "C3" if backwards else "C0" if chosen else "0.6",
                "connectionstyle": f"arc3,rad={-bend if backwards else bend}",
            },
        )
    for name, (left, height) in PLACES.items():
        ax.scatter(left, height, s=1300, color="white", edgecolor="black", linewidth=1.4, zorder=3)
        lift = 0.11 if OPERATION[name] else 0.0
        ax.text(left, height + lift, f"${name}$", ha="center", va="center", fontsize=13, zorder=4)
        ax.text(left, height - 0.17, OPERATION[name], ha="center", va="center", fontsize=11, zorder=4)
        if name in values:
            ax.text(
                left, height + 0.42, f"{values[name]:g}", color="C0", ha="center", fontsize=12, weight="bold"
            )
        if name in gradients:
            text = f"$\\bar{{{name}}}$ = {gradients[name]:g}".replace("-", "−")
            ax.text(left, height - 0.66, text, color="#A84300", ha="center", fontsize=12, weight="bold")
    ax.set(xlim=(-0.7, 9.1), ylim=(-0.95, 2.95))
    ax.set_title(title, fontsize=12, x=0.02)
    ax.axis("off")
    return fig


FLOW = [  # (what happens, in words; values so far; gradients new or changed; arrows)
    ("the inputs", "wx", {}, []),
    ("forwards: a = w · x = 1.5 · 2", "wxa", {}, ["wa", "xa"]),
    ("forwards: h = max(0, a)", "wxah", {}, ["ah"]),
    ("forwards: r = w · h = 1.5 · 3", "wxahr", {}, ["wr", "hr"]),
    ("forwards: e = r − x = 4.5 − 2", "wxahre", {}, ["re", "xe"]),
    ("forwards: L = e²", "wxahreL", {}, ["eL"]),
    ("backwards: the loss by itself is 1", "wxahreL", {"L": 1.0}, []),
    ("backwards through ²: 2e · 1 = 5", "wxahreL", {"e": 5.0}, ["Le"]),
    ("backwards through −: 1 · 5 to r, −1 · 5 to x", "wxahreL", {"r": 5.0, "x": -5.0}, ["er", "ex"]),
    ("backwards through ×: w · 5 to h, h · 5 to w", "wxahreL", {"h": 7.5, "w": 15.0}, ["rh", "rw"]),
    ("backwards through max: a > 0, so 1 · 7.5", "wxahreL", {"a": 7.5}, ["ha"]),
    ("backwards through ×: x · 7.5 = 15 more for w", "wxahreL", {"w": 30.0}, ["aw"]),
    ("… and w · 7.5 = 11.25 more for x", "wxahreL", {"x": 6.25}, ["ax"]),
    ("done: one pass, every gradient", "wxahreL", {}, []),
]


def draw_flow():
    """All frames, what each shows in words, and the gradients at the end."""
    so_far, drawn, told = {}, [], []
    for title, names_known, new, arrows in FLOW:
        so_far |= new
        known = {name: tied_values[name] for name in names_known}
        drawn.append(draw_graph(title, known, so_far, [tuple(pair) for pair in arrows]))
        values = ", ".join(f"{name} = {value:g}" for name, value in known.items())
        listed = ", ".join(f"{name} {value:g}" for name, value in so_far.items())
        told.append(f"{title}. Values: {values}. Gradients: {listed or 'none'}.")
    return drawn, told, so_far


flow_frames, flow_words, flow_gradients = draw_flow()
assert (flow_gradients["w"], flow_gradients["x"]) == by_hand
interactive.frames(
    flow_frames,
    [f"{frame_number} of {len(FLOW) - 1}" for frame_number in range(len(FLOW))],
    name="gradient-flow",
    alt=flow_words,
    description="Step",
    start=5,
)

# %% [markdown]
# ### The recursive chain rule
#
# What the hand did can be said in one line. Let $u$ run over the circles that $v$ has an arrow to, the numbers computed directly from $v$. Then
#
# $$
# \bar v = \sum_{u \,:\, v \to u} \bar u \, \frac{\partial u}{\partial v},
# \qquad \bar L = 1 .
# $$ (eq-net-chain)
#
# *What arrives, times the local slope, summed over all the ways out.* It is a recursion: $\bar v$ needs the $\bar u$, those need theirs, and it ends at the loss. Followed from the
# loss backwards, so that each gradient is complete before it is handed on, it visits every arrow exactly once. That is **backpropagation**
# {cite:p}`rumelhart1986learning`, and its cost is the reason why deep learning is possible: *all* gradients together for about the price of a few forward passes, whether there are ten weights or ten
# billion.
#
# The operations that networks are made of have local slopes one can learn by heart:
#
# | operation | local slopes | what it does to the gradient |
# | :-- | :-- | :-- |
# | $u = v + t$ | $1$ and $1$ | hands it on to both |
# | $u = v - t$ | $1$ and $-1$ | hands it on, with the sign turned for $t$ |
# | $u = v \cdot t$ | $t$ and $v$ | multiplies it by *the other* factor |
# | $u = \max(v, t)$ | $1$ for the larger, $0$ for the other | sends it to the winner alone |
# | $v$ used several times | – | adds up what comes back |
#
# The last line is the one that is forgotten most often. A number that is *copied* on the way forward is *summed* on the way back.
#
# ### All the paths at once
#
# Multiply out the recursion and you find another formula. The gradient is a sum over all **paths** from $v$ to the loss, and each path contributes the product of the slopes along it:
#
# $$
# \frac{\partial L}{\partial v} = \sum_{\text{paths } v \to \dots \to L} \;\; \prod_{\text{arrows } t \to u \text{ of the path}} \frac{\partial u}{\partial t} .
# $$ (eq-net-paths)
#
# From $w$ to $L$ there are two: $w \to r \to e \to L$ and $w \to a \to h \to r \to e \to L$.

# %%
arrow_slopes = {"wa": 2.0, "xa": 1.5, "ah": 1.0, "hr": 1.5, "wr": 3.0, "re": 1.0, "xe": -1.0, "eL": 5.0}


def sum_over_paths(begin):
    """Sum over all paths from a circle to L of the products of slopes; and how many paths there are."""
    if begin == "L":
        return 1.0, 1
    ways = [(slope, *sum_over_paths(arrow[1])) for arrow, slope in arrow_slopes.items() if arrow[0] == begin]
    return sum(slope * rest for slope, rest, paths in ways), sum(paths for slope, rest, paths in ways)


paths_from = {begin: sum_over_paths(begin) for begin in "wx"}
# check: eq-net-paths
assert np.allclose([paths_from["w"][0], paths_from["x"][0]], by_hand)
for begin, (path_sum, path_count) in paths_from.items():
    print(f"from {begin}: {path_count} paths, their products add up to {path_sum}")

# %% [markdown]
# The formula is true and useless: the number of paths explodes. Square a number twenty times, $v_{k+1} = v_k \cdot v_k$, and there are $2^{20}$, more than a million, paths through twenty
# circles. The recursion instead remembers at each circle what all paths beyond it add up to. It is the same trick that makes the Fibonacci numbers computable; remember it when somebody calls
# backpropagation "just the chain rule". It is the chain rule *and bookkeeping*.
#
# <div class="question">
#
# **Quick question.** In the graph of {numref}`fig-net-flow`, set $w = -1.5$ instead. What is $\partial L / \partial w$?
#
# <details class="choice"><summary>−30</summary>
#
# You turned the sign of the old answer. But first redo the forward pass: $a = -3$, so $h = 0$.
#
# </details>
#
# <details class="choice right"><summary>0</summary>
#
# Right. $a = -3$ gives $h = 0$. The first share is $h \cdot \bar r = 0$; the second has to pass through the max, whose slope at $a < 0$ is 0. The unit is off: nothing gets through,
# forwards or backwards, and $w$ cannot learn from this $x$.
#
# </details>
#
# <details class="choice"><summary>15</summary>
#
# That is the share that came through $r = w \cdot h$ when $h$ was 3. Now $h$ is 0.
#
# </details>
# </div>
#
# (sec-net-autograd)=
# ## An autograd engine for numbers
#
# The hand's work can be left to a program. Let a number remember what it was made from, and with which slopes. Python lets us redefine `+` and `*`, so ordinary formulas
# will build the graph by themselves, while they are being computed.


# %%
def as_value(number):
    """Wrap a plain number."""
    return number if isinstance(number, Value) else Value(number)


class Value:
    """A number that remembers the numbers it was made from, and its slope in each of them."""

    births = itertools.count()

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes
        self.birth = next(Value.births)

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power):
        return Value(self.data**power, (self,), (power * self.data ** (power - 1),))

    def relu(self):
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def exp(self):
        return Value(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -as_value(other)

    def __truediv__(self, other):
        return self * as_value(other) ** -1

    __radd__, __rmul__ = __add__, __mul__


# %% [markdown]
# That is the forward half, and note how little each operation knows: its result, and its own slopes. Subtraction and division need no rule of their own; they are made of others.
#
# The backward half is {eq}`eq-net-chain`. In which order? A gradient may be handed on only when it is complete, that is, when all circles *further on* have delivered. Sorting a graph in this
# way is called a topological order, and here it comes for free: every number is born after its parents. Going from the youngest to the oldest, all children come before their parents.


# %%
def ancestors(output):
    """Every value that the output was made from, itself included, oldest first."""
    found, waiting = set(), [output]
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.add(value)
            waiting.extend(value.parents)
    return sorted(found, key=lambda value: value.birth)


def backward(output):
    """Leave in `grad` of each value that the output was made from the slope of the output in it."""
    values = ancestors(output)
    for value in values:
        value.grad = 0.0
    output.grad = 1.0
    for value in reversed(values):
        for parent, slope in zip(value.parents, value.slopes, strict=True):
            parent.grad += slope * value.grad


number, weight = Value(2.0), Value(1.5)
tied = ((weight * number).relu() * weight - number) ** 2
backward(tied)
# check: eq-net-chain
assert np.allclose([weight.grad, number.grad], witness, rtol=1e-8)
print(f"dL/dw = {weight.grad}, dL/dx = {number.grad}, from {len(ancestors(tied))} values")

# %% [markdown]
# The program's numbers are those of the hand. (It used two values more: it made $r - x$ out of $r + (-1) \cdot x$.) And squaring twenty times, with its million paths?

# %%
start = Value(1.0001)
power = start
for _ in range(20):
    power = power * power
backward(power)
exactly = 2**20 * 1.0001 ** (2**20 - 1)
assert math.isclose(start.grad, exactly, rel_tol=1e-8)
print(f"{2**20:,} paths, {len(ancestors(power))} values, one pass")

# %% [markdown]
# ### Can it be trusted?
#
# One example proves nothing. PyTorch's tensors have the same operators and methods, so the *same expression* can be computed by both. Some well-chosen expressions first, then one hundred random ones: each
# joins fifteen random operations on whatever was computed before, so that numbers are reused in tangled ways. Two witnesses at every input, as always: autograd to ten digits, central differences to six.


# %%
def random_expression(*inputs, seed=0, operations=15):
    """An expression of the inputs, random but the same for the same seed; its values stay between -6 and 6."""
    dice, made = np.random.default_rng(seed), list(inputs)
    for _ in range(operations):
        first, second = (made[i] for i in dice.integers(len(made), size=2))
        kind = dice.integers(6)
        if kind == 0:
            made.append((first + second) * 0.5)
        elif kind == 1:
            made.append(first * second * 0.5)
        elif kind == 2:
            made.append((first - second) * 0.5)
        elif kind == 3:
            made.append(first / (second**2 + 1.0))
        elif kind == 4:
            made.append((-(first**2)).exp() + first.relu() * 0.5)
        else:
            made.append((first**2 + 1.0).log())
    return made[-1] + made[-2] + made[-3]


def check_expression(expression, numbers):
    """Compare value and gradients of an expression with PyTorch and with central differences."""
    inputs = [Value(value) for value in numbers]
    output = expression(*inputs)
    backward(output)
    gradient = np.array([value.grad for value in inputs])
    tensors = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in numbers]
    wanted = expression(*tensors)
    by_torch = torch.autograd.grad(wanted, tensors, allow_unused=True)
    by_torch = np.array([0.0 if slope is None else slope.item() for slope in by_torch])
    slopes = numerical_gradient(lambda v: expression(*(Value(value) for value in v)).data, np.array(numbers))
    assert math.isclose(output.data, wanted.item(), rel_tol=1e-10, abs_tol=1e-10)
    assert np.allclose(gradient, by_torch, rtol=1e-10, atol=1e-10)
    assert np.allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
    return len(numbers)


named_expressions = {
    "the tied weight": (lambda w, x: ((w * x).relu() * w - x) ** 2, [1.5, 2.0]),
    "a fraction": (lambda a, b, c: (a * b + c) / (a * a + b.exp()), [0.3, -1.2, 0.7]),
    "cross-entropy of three scores": (
        lambda s, t, u: (s.exp() + t.exp() + u.exp()).log() - t,
        [2.0, -1.0, 0.5],
    ),
}
for name, (expression, numbers) in named_expressions.items():
    print(f"{name}: {check_expression(expression, numbers)} gradients agree")

checked = 0
for trial in range(100):
    numbers = spaced((4,), np.random.default_rng(trial)).tolist()
    checked += check_expression(lambda *v, trial=trial: random_expression(*v, seed=trial), numbers)
print(f"100 random expressions: {checked} gradients agree")

# %% [markdown]
# ### It learns XOR
#
# Forty lines, and they can train a network. Nothing here is specific to networks: we write the loss as a formula of 17 numbers, ask for its gradient, and step downhill.


# %%
def tiny_network(point, weights):
    """Score of a point (two numbers) from a 2-4-1 network with its 17 weights in one list."""
    score = weights[16]
    for unit in range(4):
        w_first, w_second, bias, w_out = weights[4 * unit : 4 * unit + 4]
        score = score + (w_first * point[0] + w_second * point[1] + bias).relu() * w_out
    return score


xor_weights = [Value(value) for value in np.random.default_rng(3).normal(size=17)]
xor_losses = []
for _ in range(200):
    square = Value(0.0)
    for point, target in zip(corners, 2 * is_xor - 1, strict=True):
        square = square + (tiny_network(point, xor_weights) - target) ** 2
    backward(square)
    xor_losses.append(square.data)
    for value in xor_weights:
        value.data -= 0.05 * value.grad

found = [tiny_network(point, xor_weights).data for point in corners]
assert np.array_equal(np.array(found) > 0, is_xor == 1)
print(f"loss before {xor_losses[0]:.1f}, after 200 steps {xor_losses[-1]:.3f}")
print("scores of the four corners:", ", ".join(f"{value:+.1f}" for value in found))

# %% [markdown]
# Rosenblatt's question is answered. What should the hidden neuron have said? A little more, or a little less, by exactly its gradient.
#
# ### Exercise 5.3: teach the engine the hyperbolic tangent
#
# Add $\tanh$ to the engine, as a function `tanh(value)` that makes a `Value` with its own slope. Then show that building it out of `exp` and division gives the same gradient.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The derivative of $\tanh a$ is $1 - \tanh^2 a$: the slope is known from the *result*.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $\tanh a = (e^{2a} - 1) / (e^{2a} + 1)$. The engine has all it takes; only write `a * 2`, not `2 * a.data`.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def tanh(value):
#     t = math.tanh(value.data)
#     return Value(t, (value,), (1 - t**2,))
#
#
# for at in (-2.0, -0.3, 0.0, 1.7):
#     direct, composed = Value(at), Value(at)
#     backward(tanh(direct))
#     power = (composed * 2).exp()
#     backward((power - 1.0) / (power + 1.0))
#     assert math.isclose(direct.grad, composed.grad, rel_tol=1e-10)
# ```
#
# The composed version records six operations, the direct one a single one, and for large $a$ the composed one overflows. An engine is free to choose how
# large its atoms are; PyTorch has atoms for whole layers.
#
# </details>
#
# (sec-net-gradcheck)=
# ## Checking gradients
#
# A wrong gradient rarely crashes. The network still learns, a little worse, and nobody knows why. So gradients are *checked*, and by now you have seen it done a dozen times with a step of $10^{-5}$. Why that number?
#
# Expand $f$ around $x$ to the third order, once with $+h$ and once with $-h$, and subtract. The even terms cancel:
#
# $$
# \frac{f(x + h) - f(x - h)}{2h} = f'(x) + \frac{h^2}{6} f'''(x) + O(h^4) .
# $$ (eq-net-central)
#
# So halving $h$ makes the error of the formula four times smaller; a *forward* difference $(f(x+h) - f(x))/h$ has an error of $\tfrac h2 f''(x)$, which only halves. But the smaller $h$, the closer the
# two values of $f$, and each carries a rounding error of about $\varepsilon\,|f|$, where $\varepsilon \approx 10^{-16}$ for float64. Their difference is divided by $2h$, so that this error *grows* like $\varepsilon/h$. Small
# steps fail, large steps fail, and in between lies the best one.

# %%
step_h = 1e-2
central = (math.exp(1 + step_h) - math.exp(1 - step_h)) / (2 * step_h)
predicted = math.e + step_h**2 / 6 * math.e  # every derivative of exp at 1 is e
# check: eq-net-central
assert abs(central - predicted) < 1e-8
print(f"error of the central difference {central - math.e:.3e}, predicted {predicted - math.e:.3e}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-step", "caption": "Relative error of numerical derivatives of exp at 1 against the step, both axes logarithmic. From right to left the error falls with the slope that the expansion predicts, until rounding takes over. Central differences in float64 reach ten digits near a step of 0.00001; in float32 (dash-dotted) that step is useless, and even the best one gives about five."}, "image": {"alt": "Three V-shaped curves on logarithmic axes: forward differences with the lowest point near 1e-8, central differences lower near 1e-5, central differences in float32 far above both at small steps."}}
steps = 10.0 ** np.arange(-13, 0.1, 0.25)


def relative_error(step, kind, dtype=np.float64):
    """Relative error of a numerical derivative of exp at 1."""
    above, below = np.exp(dtype(1 + step)), np.exp(dtype(1 - step if kind == "central" else 1))
    width = 2 * step if kind == "central" else step
    return abs(float(above - below) / width / math.e - 1)


curves = {
    "forward": [relative_error(step, "forward") for step in steps],
    "central": [relative_error(step, "central") for step in steps],
    "central, float32": [relative_error(step, "central", np.float32) for step in steps],
}
fig, ax = plt.subplots(figsize=(6.4, 3.6))
for (name, curve), style in zip(curves.items(), ("--", "-", "-."), strict=True):
    ax.loglog(steps, np.maximum(curve, 1e-13), style, label=name, linewidth=2)
ax.set(xlabel="step h", ylabel="relative error", ylim=(1e-13, 10))
ax.legend(fontsize=9)
plt.show()

# %%
best_step = steps[int(np.argmin(curves["central"]))]
assert 1e-7 < best_step < 1e-3
assert relative_error(1e-5, "central") < 1e-9
assert relative_error(1e-5, "forward") > 1e-6
assert relative_error(1e-5, "central", np.float32) > 1e-4
print("at h = 1e-5, central differences in float64 are right to nine digits or more,")
print("forward differences to five or six, central ones in float32 to three at most")

# %% [markdown]
# This settles three habits: **central** differences, **float64**, a step near $\sqrt[3]{\varepsilon} \approx 10^{-5}$. A fourth is to check *every* index: bugs love borders and last rows. And a fifth is to ask a
# function with many outputs about a *random combination* of them. If $\mathbf{y} = f(\mathbf{x})$ and $\mathbf{g}$ is a random upstream gradient, then $\sum_j g_j y_j$ is one number, and its gradient contains the slopes of all
# outputs. All-ones would miss errors that cancel in the sum.
#
# A helper like the one below tests the rest of this book. `function` returns its output together with its backward pass; `oracle` is the same in PyTorch.


# %%
def check_gradients(function, oracle, *shapes, seed=SEED):
    """Compare forward and backward pass with PyTorch and with central differences at every index.

    function(*arrays) returns (output, backward); backward(upstream) returns one gradient for each array.
    """
    dice = np.random.default_rng(seed)
    arrays = [spaced(shape, dice) for shape in shapes]
    output, pull_back = function(*arrays)
    upstream = dice.normal(size=np.shape(output))
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    wanted = oracle(*tensors)
    wanted.backward(torch.tensor(upstream))
    assert np.allclose(output, wanted.detach().numpy(), rtol=1e-10, atol=1e-10)
    for i, gradient in enumerate(pull_back(upstream)):
        assert np.allclose(gradient, tensors[i].grad.numpy(), rtol=1e-10, atol=1e-10), (
            f"argument {i}: autograd"
        )

        def moved(array, i=i):
            return (function(*arrays[:i], array, *arrays[i + 1 :])[0] * upstream).sum()

        slopes = numerical_gradient(moved, arrays[i])
        assert np.allclose(gradient, slopes, rtol=1e-6, atol=1e-8), f"argument {i}: central differences"
    return sum(array.size for array in arrays)


def product(x, y):
    """x * y, entry by entry, with its backward pass."""
    return x * y, lambda upstream: (upstream * y, upstream * x)


def careless_product(x, y):
    """The same, with the two factors mixed up on the way back."""
    return x * y, lambda upstream: (upstream * x, upstream * y)


print("product:", check_gradients(product, lambda x, y: x * y, (3, 4), (3, 4)), "entries agree")
try:
    check_gradients(careless_product, lambda x, y: x * y, (3, 4), (3, 4))
except AssertionError as problem:
    print("careless product: found,", problem)
else:
    raise RuntimeError("the check is asleep")

# %% [markdown]
# Always do what the last lines do: break the code on purpose and see the check fail. A check that has never failed has not been checked. Later chapters import this helper as `course_utils.gradcheck.gradcheck`, where it
# also says at which index and by how much.
#
# One trap remains, the kink. Within $h$ of it, central differences see both sides and report a mixture. It is why the arguments above come from `spaced`, which draws numbers that keep their distance from zero and
# from each other:

# %%
near_kink = 2e-6
mixture = (relu(near_kink + 1e-5) - relu(near_kink - 1e-5)) / 2e-5
print(f"ReLU at {near_kink:g}: slope 1, but central differences with h = 1e-5 say {mixture:.1f}")

# %% [markdown]
# <div class="question">
#
# **Quick question.** A gradient check of a large ReLU network passes at all but 3 of 20,000 indices, where it is off by 10 to 40 per cent. What do you do first?
#
# <details class="choice"><summary>Loosen the tolerance until it passes</summary>
#
# Then it will pass for wrong gradients too. A tolerance says how much rounding to expect, not how much error to forgive.
#
# </details>
#
# <details class="choice right"><summary>Repeat these three with a step ten times smaller</summary>
#
# Right. If a kink was within the step, a smaller step no longer crosses it and the error vanishes. If it stays, you have found a bug.
#
# </details>
#
# <details class="choice"><summary>Nothing: 3 of 20,000 is a fine score</summary>
#
# It is not an exam. A bug in one border pixel or in one row of the batch looks exactly like this.
#
# </details>
# </div>

# %% [markdown]
# (sec-net-jacobian)=
# ## From numbers to arrays: Jacobians
#
# An engine that makes an object for each number is a fine teacher and a poor worker: one picture through the 784-100-10 network would make 160,000 of them. We need circles that hold whole arrays, and arrows that
# hold the slopes of all outputs in all inputs. For a function from $\mathbf{x}$ with $n$ entries to $\mathbf{y}$ with $m$ entries these form its **Jacobian**
#
# $$
# J_{ji} = \frac{\partial y_j}{\partial x_i}, \qquad \text{of shape } (m, n).
# $$
#
# Softmax had one in chapter 3. The recursive chain rule {eq}`eq-net-chain`, with arrays in the circles, reads: the upstream gradient, a row of $m$ numbers, times the Jacobian. For a chain of $K$ functions,
#
# $$
# \bar{\mathbf{x}} = \bar{\mathbf{y}}\, J, \qquad
# \bar{\mathbf{x}} = \bar{\mathbf{s}}\; J_K\, J_{K-1} \cdots J_2\, J_1 .
# $$ (eq-net-jacobian-chain)
#
# Matrix products may be bracketed as one likes; the result is the same, the work is not. From the *left*, there is a row at every stage, and each product costs $m \cdot n$ multiplications. From the *right*, matrices
# are multiplied with matrices. Left to right is **reverse mode**, backpropagation; right to left is **forward mode**. Reverse mode wins whenever there are many inputs and few outputs, and a loss is as few outputs as there
# can be.


# %%
def multiplications(sizes):
    """Products of numbers needed for the row of one loss times the Jacobians; from the left, from the right."""
    backwards = sum(after * before for before, after in itertools.pairwise(sizes))
    forwards = sum(after * before * sizes[0] for before, after in itertools.pairwise(sizes[1:]))
    return backwards, forwards


three_layers = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
x_chain = torch.tensor(spaced((6,), np.random.default_rng(SEED)))
jacobians, here = [], x_chain
for stage in three_layers:
    jacobians.append(torch.autograd.functional.jacobian(stage, here).numpy())
    here = stage(here).detach()
s_bar = np.array([1.0, -2.0, 0.5])
row = s_bar
for jacobian in reversed(jacobians):  # from the left: a row at every stage
    row = row @ jacobian
whole = np.linalg.multi_dot(jacobians[::-1])
# check: eq-net-jacobian-chain
assert np.allclose(row, s_bar @ torch.autograd.functional.jacobian(three_layers, x_chain).numpy())
assert np.allclose(row, s_bar @ whole)
print("shapes of the Jacobians, first layer first:", *(jacobian.shape for jacobian in jacobians))

few, many = multiplications((784, 512, 512, 10, 1))
print(f"784-512-512-10 and a loss: {few:,} multiplications from the left, {many:,} from the right")
print(f"a factor of {many / few:.0f}")

# %% [markdown]
# ### What Jacobians look like
#
# Before deriving anything, look at some. Below, four layers work on a small input each, and every pixel is one entry of a Jacobian.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-jacobians", "caption": "Jacobians of four layers; a row is an output, a column an input, white is zero. A fully connected layer on a batch of three: one block for each example, always the same one. ReLU: a diagonal of zeros and ones. Max pooling: a single 1 in each row, at the winner. Convolution: the few weights of the filter again and again, along bands."}, "image": {"alt": "Four matrices as pictures: three equal dense blocks along the diagonal; a thin diagonal with gaps; scattered single dark cells, one a row; several parallel diagonal bands."}}
torch.manual_seed(SEED)
dense = nn.Linear(5, 4).double()
filters = nn.Conv2d(1, 1, 3).double()
shown = (
    ("fully connected, N = 3", lambda t: dense(t.view(3, 5)).flatten(), 15),
    ("ReLU", torch.relu, 16),
    ("max pooling 2×2 on 6×6", lambda t: F.max_pool2d(t.view(1, 1, 6, 6), 2).flatten(), 36),
    ("convolution 3×3 on 6×6", lambda t: filters(t.view(1, 1, 6, 6)).flatten(), 36),
)
fig, axes = plt.subplots(2, 2, figsize=(7.6, 5.0))
density = {}
for ax, (title, layer_function, entries) in zip(axes.flat, shown, strict=True):
    at = torch.tensor(spaced((entries,), np.random.default_rng(1)))
    picture = torch.autograd.functional.jacobian(layer_function, at).detach().numpy()
    limit = np.abs(picture).max()
    ax.imshow(picture, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_title(f"{title}: {picture.shape[0]} × {picture.shape[1]}", fontsize=11)
    ax.set(xlabel="inputs", ylabel="outputs")
    ax.locator_params(integer=True)
    ax.grid(False)
    density[title] = np.count_nonzero(picture) / picture.size
plt.show()

# %%
for title, share in density.items():
    print(f"{title:<24} {share:.0%} of the entries are not zero")

rows_needed, columns_needed = 64 * 100, 64 * 784
gigabytes = rows_needed * columns_needed * 8 / 1e9
print(f"the Jacobian of one 784-100 layer on a batch of 64: {gigabytes:.1f} GB; its weights: 0.6 MB")

# %% [markdown]
# Nearly empty, full of repetitions, and enormous. So here is the rule that every framework follows: **never build the Jacobian.** What backpropagation needs is not $J$ but the *product* $\bar{\mathbf{y}} J$, and for each layer that product has
# a short formula of its own. (The literature calls it a vector-Jacobian product, or pullback.)
#
# (sec-net-local)=
# ## Local gradients of the layers
#
# The recipe is the same for each layer. Write one output with its indices, differentiate it by one input, multiply by the upstream gradient, sum over all outputs. Then read the sum as something an array library can do.
#
# ### Fully connected
#
# For a batch, $y_{nm} = \sum_d x_{nd} W_{dm} + b_m$. The output $y_{nm}$ depends on the input $x_{pd}$ only if both belong to the same example, and then with slope $W_{dm}$. So
#
# $$
# \bar x_{nd} = \sum_m \bar y_{nm} W_{dm}, \qquad \bar X = \bar Y\, W^\top .
# $$ (eq-net-dx)
#
# The weight $W_{dm}$ is used by *every* example, so its shares add up; in $y_{nm}$ its slope is $x_{nd}$:
#
# $$
# \bar W_{dm} = \sum_n x_{nd}\, \bar y_{nm}, \qquad \bar W = X^\top \bar Y, \qquad \bar b_m = \sum_n \bar y_{nm} .
# $$ (eq-net-dw)
#
# The second is chapter 3's $\frac1N X^\top (P - Y)$ with a new upstream; the first is new, and it is what makes depth possible: it hands the blame on to the layer below. If you forget which factor is transposed, let the shapes
# tell you. $\bar X$ has the shape of $X$, and of $\bar Y\,(N, M)$ and $W\,(D, M)$ there is only one way to get $(N, D)$.
#
# ### Activations
#
# Entry by entry, so the Jacobian is diagonal and the product with it is a product entry by entry: $\bar a = \bar h \cdot \varphi'(a)$. For the three we have met,
#
# $$
# \begin{aligned}
# \operatorname{ReLU}'(a) &= [a > 0], \\
# \sigma'(a) &= \sigma(a)\,(1 - \sigma(a)), \\
# \tanh'(a) &= 1 - \tanh^2 a .
# \end{aligned}
# $$ (eq-net-activations)
#
# The last two need only the *output*. The sigmoid's slope is never larger than a quarter, a fact that will come back to haunt deep networks in chapter 8.
#
# ### Pooling
#
# Pooling replaces a window $\mathcal{W}_j$ of pixels by one number: its maximum, or its mean. (Chapter 7 says what for.)
#
# $$
# \text{max: } \bar x_i = \sum_{j \,:\, i = \operatorname{argmax} \mathcal{W}_j} \bar y_j, \qquad\qquad
# \text{mean: } \bar x_i = \sum_{j \,:\, i \in \mathcal{W}_j} \frac{\bar y_j}{|\mathcal{W}_j|} .
# $$ (eq-net-pooling)
#
# The maximum sends everything to the winner, the mean shares it out. Sums appear only where windows overlap.
#
# ### Convolution
#
# A convolutional layer slides a small set of weights over the picture; chapter 6 is about nothing else. For one channel and a filter of $F \times F$, each output is
#
# $$
# y_{ij} = b + \sum_{u=0}^{F-1} \sum_{v=0}^{F-1} w_{uv}\, x_{i+u,\, j+v} .
# $$ (eq-net-conv)
#
# It is a fully connected layer in which most weights are zero and the others are shared. The recipe works as before. The weight $w_{uv}$ is used at every place $(i, j)$, with slope $x_{i+u, j+v}$; and the pixel $x_{pq}$ is used by the outputs
# at $i = p - u$, $j = q - v$, with slope $w_{uv}$:
#
# $$
# \begin{aligned}
# \bar w_{uv} &= \sum_{i,j} \bar y_{ij}\, x_{i+u,\, j+v}, \\
# \bar x_{pq} &= \sum_{u,v} \bar y_{p-u,\, q-v}\, w_{uv}, \qquad
# \bar b = \sum_{i,j} \bar y_{ij},
# \end{aligned}
# $$ (eq-net-conv-back)
#
# where outputs that do not exist count as zero. The same sliding sum both times: once with the upstream gradient as the filter, once with the filter turned by half a circle. With several channels, sum over them as well.
#
# (sec-net-modules)=
# ## Layers that know two things
#
# Each of these formulas belongs to one layer and knows nothing of the others. That suggests a design: a layer is an object with two methods. `forward(x)` computes the output and keeps what it will need; `backward(dy)` takes the upstream
# gradient, leaves the gradients of its own parameters in `grads`, and returns the gradient for whoever is below. In code we write `dx` for $\bar x$, as everyone does.


# %%
class Linear:
    """Fully connected: x (N, D) to (N, M), with w (D, M) and b (M,)."""

    def __init__(self, w, b):
        self.params = [w, b]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dy):
        self.grads = [self.x.T @ dy, dy.sum(axis=0)]
        return dy @ self.params[0].T


class Layer:
    """What layers without parameters have in common."""

    params, grads = (), ()


class ReLU(Layer):
    """max(0, x), entry by entry."""

    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, dy):
        return dy * self.on


class Sigmoid(Layer):
    """1 / (1 + exp(-x)), entry by entry."""

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class Tanh(Layer):
    """Hyperbolic tangent, entry by entry."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


# %% [markdown]
# Pooling with windows of $F \times F$ side by side is a matter of reshaping: cut $(N, C, H, W)$ into $(N, C, H/F, F, W/F, F)$ and look along the two axes of length $F$. Convolution loops over the $F^2$ weights of the filter, and does each
# weight for all places, channels and pictures at once.


# %%
def as_windows(x, size):
    """Pictures (N, C, H, W) as (N, C, H/size, W/size, size * size): one row of pixels a window."""
    n, c, height, width = x.shape
    cut = x.reshape(n, c, height // size, size, width // size, size)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, height // size, width // size, size * size)


def from_windows(windows, size):
    """The inverse of `as_windows`."""
    n, c, rows, columns = windows.shape[:4]
    cut = windows.reshape(n, c, rows, columns, size, size).transpose(0, 1, 2, 4, 3, 5)
    return cut.reshape(n, c, rows * size, columns * size)


class MaxPool(Layer):
    """Largest pixel of each window of 2 × 2, side by side."""

    def forward(self, x):
        windows = as_windows(x, 2)
        self.winner = windows.argmax(axis=-1)[..., None] == np.arange(4)  # one True a window
        return windows.max(axis=-1)

    def backward(self, dy):
        return from_windows(dy[..., None] * self.winner, 2)


class MeanPool(Layer):
    """Mean pixel of each window of 2 × 2, side by side."""

    def forward(self, x):
        return as_windows(x, 2).mean(axis=-1)

    def backward(self, dy):
        return from_windows(np.repeat(dy[..., None] / 4, 4, axis=-1), 2)


class Conv:
    """Slide filters w (K, C, F, F) over pictures x (N, C, H, W): (N, K, H - F + 1, W - F + 1)."""

    def __init__(self, w, b):
        self.params = [w, b]

    def patches(self, array, shape):
        """For each place (u, v) of the filter: its view of the array, under the outputs (height, width)."""
        for u, v in np.ndindex(self.params[0].shape[2:]):
            yield u, v, array[:, :, u : u + shape[0], v : v + shape[1]]

    def forward(self, x):
        self.x, (w, b) = x, self.params
        shape = (x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1)
        y = b[:, None, None] * np.ones((len(x), len(w), *shape))
        for u, v, seen in self.patches(x, shape):
            y += np.einsum("nchw,kc->nkhw", seen, w[:, :, u, v])
        return y

    def backward(self, dy):
        w, dx, dw = self.params[0], np.zeros_like(self.x), np.zeros_like(self.params[0])
        for u, v, seen in self.patches(self.x, dy.shape[2:]):
            dw[:, :, u, v] = np.einsum("nkhw,nchw->kc", dy, seen)
        for u, v, below in self.patches(dx, dy.shape[2:]):
            below += np.einsum("nkhw,kc->nchw", dy, w[:, :, u, v])
        self.grads = [dw, dy.sum(axis=(0, 2, 3))]
        return dx


# %% [markdown]
# Seven layers, seven checks: output, gradient of the input and gradients of the parameters, against PyTorch and against central differences, at every index. One small adapter turns a layer into the kind of function that the
# check wants. The inverse argument order of PyTorch's weights, $(M, D)$, is a transpose in the oracle.


# %%
def as_function(kind):
    """A layer class as a function of its input and its parameters, with its backward pass."""

    def function(x, *params):
        layer = kind(*params)
        y = layer.forward(x)
        return y, lambda dy: (layer.backward(dy), *layer.grads)

    return function


# check: eq-net-dx, eq-net-dw
linear_checked = check_gradients(
    as_function(Linear), lambda x, w, b: F.linear(x, w.T, b), (5, 3), (3, 4), (4,)
)
assert check_gradients(as_function(Linear), lambda x, w, b: F.linear(x, w.T, b), (1, 3), (3, 2), (2,)) == 11
print(f"fully connected: {linear_checked} entries agree")

# %%
# check: eq-net-activations
for kind, oracle in ((ReLU, torch.relu), (Sigmoid, torch.sigmoid), (Tanh, torch.tanh)):
    activation_checked = check_gradients(as_function(kind), oracle, (4, 7))
    print(f"{kind.__name__}: {activation_checked} entries agree")

# %%
# check: eq-net-pooling
pool_checked = check_gradients(as_function(MaxPool), lambda x: F.max_pool2d(x, 2), (2, 3, 4, 6))
assert check_gradients(as_function(MeanPool), lambda x: F.avg_pool2d(x, 2), (2, 3, 4, 6)) == pool_checked
print(f"max and mean pooling: {pool_checked} entries each agree")

# %%
# check: eq-net-conv, eq-net-conv-back
conv_checked = check_gradients(as_function(Conv), F.conv2d, (2, 3, 5, 6), (4, 3, 3, 3), (4,))
assert check_gradients(as_function(Conv), F.conv2d, (1, 1, 4, 3), (1, 1, 2, 2), (1,)) == 17
print(f"convolution: {conv_checked} entries agree")

# %% [markdown]
# ### A stack of layers
#
# A network is a list of layers. Forwards, each gets what the one before it gave; backwards, the same list in reverse. And the loss is a last layer without parameters, whose backward pass starts the chain. For softmax and cross-entropy, chapter 3 did the work: prediction minus truth,
# divided by $N$.


# %%
class Network:
    """Layers one after the other."""

    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def step(self, rate):
        """One step of gradient descent, in place."""
        for layer in self.layers:
            for parameter, gradient in zip(layer.params, layer.grads, strict=True):
                parameter -= rate * gradient


def softmax_cross_entropy(s, labels):
    """Mean cross-entropy of the scores s (N, C), and its gradient by them: the book's first backward pass."""
    n = len(s)
    ds = softmax(s)
    ds[np.arange(n), labels] -= 1
    return -log_softmax(s)[np.arange(n), labels].mean(), ds / n


def two_layer_loss(x, w1, b1, w2, b2):
    """Loss of a D-M-C network as a function of everything in it."""
    network = Network(Linear(w1, b1), ReLU(), Linear(w2, b2))
    value, ds = softmax_cross_entropy(network.forward(x), np.arange(len(x)) % len(b2))

    def pull_back(upstream):
        dx = network.backward(ds * upstream)
        return dx, *network.layers[0].grads, *network.layers[2].grads

    return value, pull_back


def two_layer_oracle(x, w1, b1, w2, b2):
    s = torch.relu(x @ w1 + b1) @ w2 + b2
    return F.cross_entropy(s, torch.arange(len(x)) % len(b2))


checked = check_gradients(two_layer_loss, two_layer_oracle, (6, 5), (5, 4), (4,), (4, 3), (3,))
print(f"a 5-4-3 network with its loss: {checked} entries agree")

# %% [markdown]
# It composes: nothing new had to be derived for the whole. This is the design of Caffe, of Torch and of most teaching code, and you will meet it in every framework under the surface.
#
# <div class="question">
#
# **Quick question.** In multiplications, how much does the backward pass of a fully connected layer in the middle of a network cost, compared with its forward pass?
#
# <details class="choice"><summary>The same</summary>
#
# Forwards there is one product, $XW$. Count the products in {eq}`eq-net-dx` and {eq}`eq-net-dw`.
#
# </details>
#
# <details class="choice right"><summary>Twice as much</summary>
#
# Right. Two products of the same size: $\bar Y W^\top$ for the layer below and $X^\top \bar Y$ for the weights. (The first layer can do without $\bar X$.) So a training step costs about three forward passes.
#
# </details>
#
# <details class="choice"><summary>As many times more as there are weights</summary>
#
# That is the price of central differences: two forward passes for each weight. Backpropagation exists to avoid it.
#
# </details>
# </div>
#
# <div class="question">
#
# **Quick question.** Why does `Linear.forward` keep `self.x`?
#
# <details class="choice right"><summary>Because the gradient of the weights needs the input</summary>
#
# Right: $\bar W = X^\top \bar Y$. This is why training takes so much more memory than prediction: the activations of *all* layers have to be kept until the backward pass has used them.
#
# </details>
#
# <details class="choice"><summary>So that the next layer can read it</summary>
#
# The next layer gets the *output*, as an argument. `self.x` is for this layer's own backward pass.
#
# </details>
#
# <details class="choice"><summary>For the gradient of the input</summary>
#
# $\bar X = \bar Y W^\top$ contains the weights but not the input.
#
# </details>
# </div>
#
# ### Exercise 5.4: where the gradient of the pixels goes
#
# A picture of $4 \times 4$ pixels goes through 2 × 2 max pooling and the four results are summed. Without running anything: what is the gradient by the pixels? And if mean pooling is used? Then check.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The sum hands a 1 to each of the four windows.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Max: the 1 goes to one pixel of each window. Mean: a quarter goes to each.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# picture = np.arange(16.0).reshape(1, 1, 4, 4)
# for layer, wanted in ((MaxPool(), [[0, 0], [0, 1]]), (MeanPool(), [[0.25, 0.25], [0.25, 0.25]])):
#     layer.forward(picture)
#     dx = layer.backward(np.ones((1, 1, 2, 2)))
#     assert np.array_equal(dx[0, 0], np.tile(wanted, (2, 2)))
# ```
#
# Brightness grows to the right and downwards in this picture, so the winner of each window is its lower right pixel. Either way the gradients sum to 4, one a window.
#
# </details>
#
# ### Exercise 5.5: a layer that normalises its rows
#
# Write a layer `UnitRows` whose forward pass divides each row of $x$ by its Euclidean length, $\mathbf{y} = \mathbf{x} / \lVert\mathbf{x}\rVert$, and check it. What does its backward pass do to an upstream gradient that points along $\mathbf{x}$?
#
# <details class="hint"><summary>Hint 1</summary>
#
# $\partial y_j / \partial x_i = \delta_{ij} / \lVert\mathbf{x}\rVert - x_i x_j / \lVert\mathbf{x}\rVert^3$. Write it with $\mathbf{y}$.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $\bar{\mathbf{x}} = \bigl(\bar{\mathbf{y}} - (\bar{\mathbf{y}} \cdot \mathbf{y})\, \mathbf{y}\bigr) / \lVert\mathbf{x}\rVert$: the part along $\mathbf{y}$ is taken out.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# class UnitRows(Layer):
#     def forward(self, x):
#         self.length = np.linalg.norm(x, axis=1, keepdims=True)
#         self.y = x / self.length
#         return self.y
#
#     def backward(self, dy):
#         along = (dy * self.y).sum(axis=1, keepdims=True)
#         return (dy - along * self.y) / self.length
#
#
# assert check_gradients(as_function(UnitRows), lambda x: F.normalize(x, dim=1), (5, 4)) == 20
# layer, x_row = UnitRows(), np.array([[3.0, 4.0]])
# layer.forward(x_row)
# assert np.allclose(layer.backward(x_row), 0)
# ```
#
# Nothing of it passes: making $\mathbf{x}$ longer does not change $\mathbf{y}$. You have met the same geometry in batch normalisation's cousins before meeting batch normalisation; chapter 8 has the rest.
#
# </details>

# %% [markdown]
# (sec-net-arrays)=
# ## An autograd engine for arrays
#
# Layers with hand-written backward passes are fast, and rigid: whoever wants another formula must derive it. The engine of {ref}`sec-net-autograd` was the opposite, any formula, but number by number. Now both can be had. Keep the engine; put arrays into its circles; and in place
# of a slope keep for each parent a **pullback**, the function that turns the gradient of the output into the gradient of that parent. The local gradients of the last section are exactly these functions.
#
# One subtlety is new. NumPy *broadcasts*: in `x @ w + b` the bias row is copied for every example. And what is copied on the way forward has to be summed on the way back.


# %%
def unbroadcast(gradient, shape):
    """Sum a gradient over the axes along which an array of this shape had been repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))  # axes added in front
    return gradient.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1), keepdims=True)


def as_array(value):
    """Wrap plain numbers and NumPy's arrays."""
    return value if isinstance(value, Array) else Array(value)


class Array:
    """An array that remembers the arrays it was made from, and how to pull a gradient back to each."""

    def __init__(self, data, parents=(), pullbacks=()):
        self.data = np.asarray(data, dtype=np.float64)
        self.parents, self.pullbacks = parents, pullbacks
        self.birth, self.shape = next(Value.births), self.data.shape

    def __add__(self, other):
        other = as_array(other)
        pulls = (lambda g: unbroadcast(g, self.data.shape), lambda g: unbroadcast(g, other.data.shape))
        return Array(self.data + other.data, (self, other), pulls)

    def __mul__(self, other):
        other = as_array(other)
        pulls = (
            lambda g: unbroadcast(g * other.data, self.data.shape),
            lambda g: unbroadcast(g * self.data, other.data.shape),
        )
        return Array(self.data * other.data, (self, other), pulls)

    def __matmul__(self, other):
        pulls = (lambda g: g @ other.data.T, lambda g: self.data.T @ g)
        return Array(self.data @ other.data, (self, other), pulls)

    def __pow__(self, power):
        return Array(self.data**power, (self,), (lambda g: g * power * self.data ** (power - 1),))

    def relu(self):
        return Array(np.maximum(self.data, 0), (self,), (lambda g: g * (self.data > 0),))

    def exp(self):
        result = np.exp(self.data)
        return Array(result, (self,), (lambda g: g * result,))

    def log(self):
        return Array(np.log(self.data), (self,), (lambda g: g / self.data,))

    def sum(self, dim=None, keepdim=False):
        def pull(g):
            restored = g if dim is None or keepdim else np.expand_dims(g, dim)
            return np.broadcast_to(restored, self.data.shape)

        return Array(self.data.sum(axis=dim, keepdims=keepdim), (self,), (pull,))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -as_array(other)

    def __truediv__(self, other):
        return self * as_array(other) ** -1

    __radd__, __rmul__ = __add__, __mul__


def backpropagate(output, upstream=1.0):
    """Leave in `grad` of each array that the output was made from the gradient by it."""
    arrays = ancestors(output)
    for array in arrays:
        array.grad = np.zeros_like(array.data)
    output.grad = output.grad + upstream
    for array in reversed(arrays):
        for parent, pull in zip(array.parents, array.pullbacks, strict=True):
            parent.grad = parent.grad + pull(array.grad)


# %% [markdown]
# `ancestors` is the old function; it never looked at what was in a circle. The methods have PyTorch's names again, so one expression serves both, and the check of every layer checks the engine too:


# %%
def taped(expression):
    """An expression of arrays as a function with a backward pass, computed by our engine."""

    def function(*arrays):
        inputs = [Array(array) for array in arrays]
        output = expression(*inputs)

        def pull_back(upstream):
            backpropagate(output, upstream)
            return [array.grad for array in inputs]

        return output.data, pull_back

    return function


def cross_entropy_of(s, targets):
    """Mean cross-entropy of scores s (N, C) with one-hot rows, out of atoms; for moderate scores."""
    log_p = s - s.exp().sum(dim=1, keepdim=True).log()
    return (targets * log_p).sum() * (-1 / s.shape[0])


def network_scores(x, w1, b1, w2, b2):
    """Scores of a network with one hidden layer, for our arrays and for tensors alike."""
    return (x @ w1 + b1).relu() @ w2 + b2


array_expressions = {
    "a row and a column, broadcast": (lambda x, r, c: (x + r) * c - r, [(4, 3), (3,), (4, 1)]),
    "a number, broadcast": (lambda x, n: (x * n).exp() / (x**2 + 1.0), [(3, 2), ()]),
    "rows divided by their sums": (lambda x: x.exp() / x.exp().sum(dim=1, keepdim=True), [(4, 3)]),
    "sum over the batch": (lambda x, w: (x @ w).relu().sum(dim=0), [(5, 3), (3, 2)]),
    "a 4-6-3 network and its loss": (
        lambda x, w1, b1, w2, b2, t: cross_entropy_of(network_scores(x, w1, b1, w2, b2), t),
        [(5, 4), (4, 6), (6,), (6, 3), (3,), (5, 3)],
    ),
}
for name, (expression, shapes) in array_expressions.items():
    print(f"{name}: {check_gradients(taped(expression), expression, *shapes)} entries agree")

# %% [markdown]
# In the last line even the targets got a gradient, since nobody told the engine that they are constants. Three ways now lead to the gradients of a network: layers with their own backward passes, our engine, PyTorch's engine. They agree to ten digits.
#
# ### Watching it learn
#
# Now use the engine. A disc inside a ring: no line separates them, the average of the ring lies in the middle of the disc. A 2-6-2 network learns by gradient descent on all points at once; each hidden unit is a line in the plane, the place where it starts to bend.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-ring", "caption": "Move the slider through training. Left: the decision (grey: ring) and the lines on which the six hidden units bend, each with a tick to the side where it is on. Right: the loss. The lines start anywhere and are pushed about by their gradients. The border of the decision is straight between them and has a corner wherever it crosses one."}, "image": {"alt": "Frames of an interactive figure: points of a disc and of a ring around it, six straight lines that turn and shift, a white region that closes to a polygon around the disc, and a falling loss curve."}}
def disc_and_ring(n, seed):
    """Points (2n, 2) of a disc (label 0) and of a ring around it (label 1)."""
    dice = np.random.default_rng(seed)
    length = np.concatenate([0.7 * np.sqrt(dice.random(n)), dice.uniform(1.1, 1.6, n)])
    angle = dice.uniform(0, 2 * np.pi, 2 * n)
    return length[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), np.repeat([0, 1], n)


def learn_ring(points, labels, steps, rate, seed):
    """Train a 2-6-2 network with our engine; its losses, and its weights after each step."""
    dice = np.random.default_rng(seed)
    weights = [Array(value) for value in (dice.normal(size=(2, 6)), dice.normal(size=6))]
    weights += [Array(0.5 * dice.normal(size=(6, 2))), Array(np.zeros(2))]
    x, targets = Array(points), Array(np.eye(2)[labels])
    losses, path = [], []
    for _ in range(steps):
        loss = cross_entropy_of(network_scores(x, *weights), targets)
        backpropagate(loss)
        losses.append(float(loss.data))
        path.append([weight.data.copy() for weight in weights])
        for weight in weights:
            weight.data -= rate * weight.grad
    return losses, path


def draw_ring(step, points, labels, losses, path):
    """One frame: decision, lines of the hidden units, loss; and the share of points on the right side."""
    w1, b1, w2, b2 = path[step]
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="none")
    fig.subplots_adjust(left=0.06, right=0.98, bottom=0.14, top=0.91, wspace=0.18)
    axis = np.linspace(-2, 2, 120)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    decision = mlp_forward(grid, w1, b1, w2, b2) @ [-1.0, 1.0]
    left.contourf(axis, axis, decision.reshape(120, 120), levels=[-99, 0, 99], colors=["white", "0.86"])
    for value, marker, color in ((0, "o", "C0"), (1, "^", "C1")):
        left.scatter(*points[labels == value].T, s=12, marker=marker, color=color)
    for unit in range(w1.shape[1]):
        normal = w1[:, unit] / np.linalg.norm(w1[:, unit])
        foot = -b1[unit] / np.linalg.norm(w1[:, unit]) * normal
        along = np.array([-normal[1], normal[0]])
        left.plot(*np.array([foot - 6 * along, foot + 6 * along]).T, color="black", linewidth=1.2)
        left.plot(*np.array([foot, foot + 0.2 * normal]).T, color="black", linewidth=2.5)
    left.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    left.grid(False)
    share = ((mlp_forward(points, w1, b1, w2, b2) @ [-1.0, 1.0] > 0) == labels).mean()
    left.set_title(f"step {step}: {share:.0%} right", fontsize=11)
    right.plot(losses)
    right.plot(step, losses[step], "ko")
    right.set(xlabel="step", ylim=(0, None))
    right.set_title("loss", fontsize=11)
    return fig, share


ring_points, ring_labels = disc_and_ring(100, SEED)
ring_losses, ring_path = learn_ring(ring_points, ring_labels, 601, 0.5, seed=SEED)
ring_steps = (0, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 450, 600)
ring_frames = [draw_ring(step, ring_points, ring_labels, ring_losses, ring_path) for step in ring_steps]
interactive.frames(
    [frame[0] for frame in ring_frames],
    ring_steps,
    name="ring",
    alt=[
        f"After {step} steps the loss is {ring_losses[step]:.3f} and {frame[1]:.0%} of the points are on the right side."
        for step, frame in zip(ring_steps, ring_frames, strict=True)
    ],
    description="Steps of training",
)

# %%
assert ring_frames[-1][1] > 0.98
print(f"loss at the start {ring_losses[0]:.2f}, at the end {ring_losses[-1]:.2f}")
print(f"right at the start {ring_frames[0][1]:.0%}, at the end {ring_frames[-1][1]:.0%}")

# %% [markdown]
# (sec-net-function)=
# ## Adding an operation to PyTorch
#
# PyTorch's engine is ours, grown up. Each tensor that was computed knows the operation that made it, and one can walk along its graph. Here is our first example again, with the tied weight:


# %%
def operations_of(tensor):
    """Names of the operations that a tensor was made with, from the last to the first."""
    names, waiting, seen = [], [tensor.grad_fn], set()
    while waiting:
        operation = waiting.pop(0)
        if operation is not None and operation not in seen:
            seen.add(operation)
            names.append(type(operation).__name__.removesuffix("Backward0"))
            waiting.extend(parent for parent, _ in operation.next_functions)
    return names


x_leaf, w_leaf = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (2.0, 1.5))
tied_tensor = ((w_leaf * x_leaf).relu() * w_leaf - x_leaf) ** 2
print(" <- ".join(operations_of(tied_tensor)))
tied_tensor.backward()
assert (w_leaf.grad.item(), x_leaf.grad.item()) == by_hand

# %% [markdown]
# Five operations and two leaves (`AccumulateGrad` is where a gradient is added to a leaf's `.grad`), the circles of {numref}`fig-net-flow`. What if an operation is missing, or the backward pass that autograd would assemble from atoms is slow or loses digits? Then one writes one's own, as a subclass of
# `torch.autograd.Function`: a forward pass that saves what it will need in `ctx`, and a backward pass that takes the upstream gradient and returns one gradient an input. It is our layer again. For a product $z = x\,y$,
#
# $$
# \bar x = \bar z\, y, \qquad \bar y = \bar z\, x .
# $$ (eq-net-multiply)


# %%
class Multiply(torch.autograd.Function):
    """x * y for tensors of one shape, with a backward pass of our own."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved_tensors
        return dz * y, dz * x


x_pair, y_pair = (torch.tensor(spaced((3, 4), np.random.default_rng(i)), requires_grad=True) for i in (1, 2))
# check: eq-net-multiply
assert check_gradients(product, Multiply.apply, (3, 4), (3, 4)) == 24
assert torch.autograd.gradcheck(Multiply.apply, (x_pair, y_pair), raise_exception=False)
used_twice = (Multiply.apply(x_pair, Multiply.apply(x_pair, y_pair)) ** 2).sum()
by_own, by_torch = (
    torch.autograd.grad(total_of, (x_pair, y_pair))
    for total_of in (used_twice, ((x_pair * x_pair * y_pair) ** 2).sum())
)
assert all(torch.allclose(own, theirs, rtol=1e-12) for own, theirs in zip(by_own, by_torch, strict=True))
print("Multiply agrees with our product, with PyTorch's, and with PyTorch's own gradcheck")

# %% [markdown]
# Call it through `Multiply.apply`, never `Multiply.forward`, which would leave no trace in the graph. Use `save_for_backward` for tensors rather than attributes of `ctx`: PyTorch then notices if somebody changes a saved tensor in place before the backward pass, and complains in place of
# computing nonsense. And check it: `torch.autograd.gradcheck` is PyTorch's own version of the helper we built.
#
# ### Exercise 5.6: rounding that learns
#
# Rounding to whole numbers has slope zero almost everywhere, so nothing behind it ever learns. Networks with rounded numbers are trained with a white lie: forwards round, backwards pretend that it was the identity {cite:p}`bengio2013estimating`. Write `Round` as a `torch.autograd.Function` and let it find a number whose
# rounded value, times 3, is 12, by gradient descent on $(3 \operatorname{round}(v) - 12)^2$ from $v = 0.3$. What does a gradient check say about it?
#
# <details class="hint"><summary>Hint 1</summary>
#
# `forward` returns `torch.round(v)`. What does the identity do to an upstream gradient?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# With a learning rate of 0.01, twenty steps are plenty.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# class Round(torch.autograd.Function):
#     @staticmethod
#     def forward(ctx, v):
#         return torch.round(v)
#
#     @staticmethod
#     def backward(ctx, dy):
#         return dy
#
#
# v = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
# for _ in range(20):
#     (slope,) = torch.autograd.grad((3 * Round.apply(v) - 12) ** 2, v)
#     with torch.no_grad():
#         v -= 0.01 * slope
# assert torch.round(v) == 4
# assert not torch.autograd.gradcheck(Round.apply, (v.detach().requires_grad_(),), raise_exception=False)
# ```
#
# It finds 4, and the gradient check rightly says that this is not the gradient. A check tells you what *is*; that you want something else is for you to decide, and to write down.
#
# </details>
#
# (sec-net-pictures)=
# ## The 784-100-10 network sees pictures
#
# Time for pixels. The networks of this chapter read $28 \times 28$ grey pixels, so we turn the pictures grey and cut two pixels off each side. The rest is as in chapter 3: numbers between 0 and 1, minus the mean training picture.

# %%
names = class_names(DATASET)
C = len(names)


def as_grey_rows(images):
    """Pictures (N, 32, 32, 3) in grey, without their border of two pixels, as rows (N, 784) in [0, 1]."""
    return to_grayscale(images)[:, 2:30, 2:30].reshape(len(images), -1) / 255.0


images_train, y_train = load(DATASET, "train", n=10_000)
images_test, y_test = load(DATASET, "test", n=2_000)
x_train, x_test = as_grey_rows(images_train), as_grey_rows(images_test)
mean_picture = x_train.mean(axis=0)
x_train -= mean_picture
x_test -= mean_picture
print(f"{len(x_train):,} training and {len(x_test):,} test pictures of {x_train.shape[1]} numbers")

# %% [markdown]
# ### Where to start
#
# A linear classifier could start from zero. A network cannot: if all weights are zero, so is every hidden unit, and so is every gradient of a weight.


# %%
def fresh_layer(fan_in, fan_out, dice):
    """A layer with random weights of standard deviation sqrt(2 / fan_in), and biases of zero."""
    return Linear(dice.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in), np.zeros(fan_out))


def fresh_network(*sizes, seed=SEED):
    """Layers of these sizes with ReLU between them."""
    dice = np.random.default_rng(seed)
    layers = [fresh_layer(sizes[0], sizes[1], dice)]
    for fan_in, fan_out in itertools.pairwise(sizes[1:]):
        layers += [ReLU(), fresh_layer(fan_in, fan_out, dice)]
    return Network(*layers)


asleep = Network(Linear(np.zeros((784, 100)), np.zeros(100)), ReLU(), Linear(np.zeros((100, C)), np.zeros(C)))
first_loss, ds = softmax_cross_entropy(asleep.forward(x_train[:100]), y_train[:100])
asleep.backward(ds)
largest = [
    np.abs(gradient).max() for layer in (asleep.layers[0], asleep.layers[2]) for gradient in layer.grads
]
assert largest[:3] == [0, 0, 0]
assert largest[3] > 0
print("all weights zero: the gradients of W1, b1 and W2 vanish; only b2 can learn")

# %% [markdown]
# Equal weights other than zero are hardly better: all hidden units would compute the same, get the same gradient, and stay the same forever, a hundred copies of one unit. Random starting weights tell them apart. How large they should be is a question for chapter 8; the factor $\sqrt{2/\text{fan-in}}$ is its answer
# {cite:p}`he2015delving`.
#
# Two cheap tests before any long training. First, do our layers follow PyTorch step by step? Second, can the network learn fifty pictures by heart? If it cannot do *that*, more pictures will not help.


# %%
def train(network, x, labels, epochs, rate, batch=100, seed=SEED):
    """Mini-batch gradient descent; the loss of each batch."""
    dice, losses = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = dice.permutation(len(x))
        for start in range(0, len(x), batch):
            pick = order[start : start + batch]
            loss, ds = softmax_cross_entropy(network.forward(x[pick]), labels[pick])
            network.backward(ds)
            network.step(rate)
            losses.append(loss)
    return losses


def accuracy(network, x, labels):
    """Share of the rows whose highest score belongs to the true class."""
    return (network.forward(x).argmax(axis=1) == labels).mean()


ours = fresh_network(784, 100, C)
theirs = models.mlp(784, 100, C).double()  # flatten, linear, ReLU, linear
copy_into(theirs[1], *ours.layers[0].params)
copy_into(theirs[3], *ours.layers[2].params)
optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
followed = train(ours, x_train[:300], y_train[:300], epochs=3, rate=0.1)
order_dice = np.random.default_rng(SEED)
for epoch in range(3):
    for i, pick in enumerate(np.split(order_dice.permutation(300), 3)):
        loss = F.cross_entropy(theirs(torch.from_numpy(x_train[pick])), torch.from_numpy(y_train[pick]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert math.isclose(loss.item(), followed[3 * epoch + i], rel_tol=1e-9)
assert np.allclose(theirs[1].weight.detach().numpy().T, ours.layers[0].params[0], rtol=1e-9, atol=1e-12)
print("nine steps, and every loss and weight is PyTorch's")

by_heart = fresh_network(784, 100, C)
train(by_heart, x_train[:50], y_train[:50], epochs=150, rate=0.1, batch=50)
print(f"fifty pictures learned by heart: {accuracy(by_heart, x_train[:50], y_train[:50]):.0%}")

# %% [markdown]
# Now all ten thousand, and beside the network a linear classifier, the same code with one layer, on the same pixels. (Of a few rates tried on validation pictures, 0.1 was the best for the linear classifier, and 0.2 a little better for the network; here both get 0.1.)

# %% tags=["nbval-ignore-output"]
# varies: a thousand steps of training amplify the last digits, which differ between processors
linear_model, network = fresh_network(784, C), fresh_network(784, 100, C)
linear_losses = train(linear_model, x_train, y_train, epochs=20, rate=0.1)
network_losses = train(network, x_train, y_train, epochs=20, rate=0.1)
table_rows = []
for title, model in (("linear, 784-10", linear_model), ("network, 784-100-10", network)):
    right = [accuracy(model, *pair) for pair in ((x_train, y_train), (x_test, y_test))]
    table_rows.append([title, *(f"{share:.1%}" for share in right)])
print(results.table(table_rows, ["on grey pixels", "training", "test"]))
network_share, linear_share = (accuracy(model, x_test, y_test) for model in (network, linear_model))
if DATASET == "pocket10":
    assert network_share > linear_share + 0.03
    assert 0.38 < network_share < 0.50

# %% [markdown]
# The hidden layer pays, though not spectacularly: about six points more on new pictures, and a widening gap to the training pictures, of which it has begun to learn some by heart. What did its units look for? Each column of $W_1$ is a template, as in chapter 3; but now there are a hundred, and none of them has to stand for a whole
# class. One caution: most of what one sees in $W_1$ is still the random start, since nothing pulls it away. So we look at what training has *added* to it.

# %% mystnb={"figure": {"name": "fig-net-templates", "caption": "What training has added to the weights of the 40 hidden units that weigh most in the scores: where each has learned to want light, and where darkness (mid-grey is zero). There are soft blobs, bands and edges in particular places, and several versions of the same idea."}, "image": {"alt": "Forty small grey pictures in four rows, with blurred light and dark patches, bands and edges, most of them in the middle of the picture."}}
importance = np.linalg.norm(network.layers[2].params[0], axis=1)
strongest = np.argsort(-importance, kind="stable")[:40]
added = network.layers[0].params[0] - fresh_network(784, 100, C).layers[0].params[0]
templates = added.T[strongest].reshape(-1, 28, 28)
templates = templates / np.abs(templates).max(axis=(1, 2), keepdims=True)
plots.show_images(templates, columns=10, limits=(-0.8, 0.8))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-curves", "caption": "Training loss, averaged over 50 batches, for the linear classifier and the network. Both start near the loss of guessing, log 10 = 2.3 (dotted). The linear one soon has nothing more to give; the network is still falling."}, "image": {"alt": "Two falling curves against the number of steps. The dashed one of the linear classifier flattens early; the solid one of the network keeps falling below it."}}
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for title, losses, style in (("linear", linear_losses, "--"), ("784-100-10", network_losses, "-")):
    window = min(50, len(losses))
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    ax.plot(np.arange(len(smooth)) + window, smooth, style, label=title)
ax.axhline(math.log(C), color="gray", linestyle=":", label="guessing")
ax.set(xlabel="step", ylabel="training loss")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# A fully connected layer still treats pixels as an unordered bag: shuffle all pixels of all pictures in the same way, and it learns exactly as well. What a shift does to it you can guess from chapter 3. Chapter 6 builds the neighbourhood into the layer; everything in this chapter stays as it is, only
# `Linear` becomes `Conv`.
#
# (sec-net-real)=
# ## On real photographs
#
# The second network of this chapter, 784-512-512-10, comes with a recipe: photographs of clothes, Fashion-MNIST {cite:p}`xiao2017fashion`, in batches of 64, plain gradient descent with a learning rate of 0.001. We ran it with three seeds, and the small network beside it with the same rate and with a hundred times that rate, five epochs
# each. Afterwards each network was saved, loaded into a second one that had other starting weights (with `torch.load(…, weights_only=True)`, which accepts numbers and refuses programs), and asked again.

# %%
recorded = results.load("fashion_mnist_mlp")
linear_recorded = results.load("fashion_mnist_linear")
rows = []
for name, measured in recorded["metrics"].items():
    same = "yes" if min(measured["same_after_loading"]["per_seed"]) == 1 else "no"
    rows.append(
        [name, results.percent(measured["train_accuracy"]), results.percent(measured["test_accuracy"]), same]
    )
softmax_recorded = linear_recorded["metrics"]["softmax"]
rows.append(
    [
        f"linear softmax, {linear_recorded['settings']['epochs']} epochs",
        results.percent(softmax_recorded["train_accuracy"]),
        results.percent(softmax_recorded["test_accuracy"]),
        "–",
    ]
)
print(results.table(rows, ["Fashion-MNIST", "training", "test", "same after loading"]))
print()
print(fill(results.provenance(recorded), 75))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-net-fashion", "caption": "Test accuracy on Fashion-MNIST after each epoch, mean of three seeds. With the rate 0.001 both networks have barely begun after five epochs, and the large one is behind the small one. A hundred times the rate takes the small network past both in a single epoch."}, "image": {"alt": "Three rising curves against epochs one to five. The curve for rate 0.1 starts near 76 percent and ends near 85; the two for rate 0.001 start near 50 and end between 64 and 68 percent."}}
fig, ax = plt.subplots(figsize=(6.4, 3.4))
for (name, measured), style, marker in zip(
    recorded["metrics"].items(), ("-", "--", "-."), "os^", strict=True
):
    means = measured["test_accuracy_by_epoch"]["mean"]
    ax.plot(range(1, len(means) + 1), means, marker + style, label=name)
ax.set(xlabel="epoch", ylabel="test accuracy", xticks=range(1, recorded["settings"]["epochs"] + 1))
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# The recipe works: it trains, it can be saved, and the loaded network gives the same scores to the last bit. But look at the first two rows. Eight times the parameters, and *less* accuracy than the small network, less even than the linear classifier of chapter 3, which was trained for longer and with momentum. Nothing is wrong with the gradient; we
# have checked it at every index. The steps are too small and too few. An architecture is judged only together with its training, and training is what chapters 4, 8 and 9 are about.
#
# And the ten classes of Pocket-10 in full colour? The same ladder as in chapter 3, one rung up:

# %%
ladder = results.load("ladder_pocket10")
rows = [
    [title, results.percent(ladder["metrics"][rung]["test_accuracy"])]
    for rung, title in (("softmax", "linear, softmax"), ("mlp", "3072-200-10 network"))
]
print(results.table(rows, ["Pocket-10 in colour", "test"]))
print()
print(fill(results.provenance(ladder), 75))

# %% [markdown]
# ## What to remember
#
# 1. A network is linear scores, a bend, linear scores again. The first layers move the points to where the last one, a linear classifier, can part them; without the bend, any depth collapses into one layer.
# 2. Backpropagation: *upstream gradient times local slope, summed over all ways out*, from the loss backwards. What is copied forwards is summed backwards.
# 3. It yields all gradients for about twice the price of the forward pass, because it never forms a Jacobian and visits each arrow once; the price is memory for the activations.
# 4. A fully connected layer hands back $\bar Y W^\top$ and keeps $X^\top \bar Y$; ReLU gates, max pooling routes, mean pooling shares, and a convolution answers with two convolutions.
# 5. No gradient is right until it has been checked: central differences, float64, a step near $10^{-5}$, a random upstream gradient, every index, and once with a bug put in on purpose.
#
# ## Pitfalls
#
# - **`=` in place of `+=`.** A number that is used twice has two shares. Every gradient of a chain comes out right, and every gradient of a branch wrong.
# - **Forgetting to clear the gradients.** PyTorch *adds* to `.grad`; without `optimizer.zero_grad()` each step uses the sum of all gradients so far. (Our engine clears them itself.)
# - **Changing an array that the backward pass needs.** `x *= 2` after `forward(x)` spoils the kept input. Our layers would not notice.
# - **All weights zero, or all equal.** The hidden units never become different from one another.
# - **A dead ReLU.** If $\mathbf{x}\mathbf{w} + b$ is negative for every picture, the unit's gradient is zero for every picture and it never comes back. Large learning rates do this.
# - **Forgetting the activation**, or putting one after the last layer. The first makes the network linear; a ReLU on the scores forbids negative ones.
# - **Checking in float32**, at one index, with an upstream gradient of ones, or across a kink.
#
# ## History and further reading
#
# {cite:t}`mcculloch1943logical` drew networks of threshold units, {cite:t}`rosenblatt1958perceptron` let one layer of them learn, and {cite:t}`novikoff1962convergence` proved that it must succeed where success is possible. {cite:t}`minsky1969perceptrons` showed how little that is. The way out had its parts invented several times, in several fields.
# {cite:t}`kelley1960gradient` computed gradients backwards along the path of a flight. {cite:t}`linnainmaa1976taylor` described, following his Master's thesis of 1970, how to do it for any sequence of elementary operations: reverse-mode automatic differentiation, in order to estimate rounding errors. {cite:t}`werbos1982applications` proposed it for neural
# networks. {cite:t}`rumelhart1986learning` made it known, and showed what it was good for: hidden units come to stand for things that nobody had named. {cite:t}`fukushima1969visual` used the rectifier in a network of his; it became the standard activation only after {cite:t}`nair2010rectified` and {cite:t}`glorot2011deep`.
#
# For automatic differentiation in breadth, with forward mode and all that lies between, read the survey by {cite:t}`baydin2018automatic` or the book by {cite:t}`griewank2008evaluating`; for how PyTorch does it, {cite:t}`paszke2019pytorch`. Chapter 6 of {cite:t}`goodfellow2016deep` treats feedforward networks and backpropagation at length. The smallest engines of this
# kind that one can read in an evening are Karpathy's micrograd and Rush's MiniTorch; ours was written for this chapter, and after them.
#
# ## Your turn: assignment 2
#
# Assignment `ps2_neural_networks` practises chapters 4 and 5. After three exercises on penalties and steps come those of this chapter: a program that differentiates programs, an auditor that says where a gradient is wrong, a network that uses its weights many times, and XOR with pictures. As always it asks for
# *variations* of what you met here. Open `assignments/ps2_neural_networks/ps2_neural_networks.ipynb` in JupyterLab and check your answers as you go with `course check ps2`; the page [for students](../book/students.md) says how it works.
#
# Next comes chapter 6: the layer that knows which pixels are neighbours.
