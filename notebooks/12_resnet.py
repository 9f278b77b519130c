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
# (chap-residual)=
# # Residual networks
#
# A deep network can do everything that a shallow one can, and yet training leaves it worse off. One plus sign mends that. This
# chapter breaks a network by making it deeper, finds out what broke, and puts the plus sign in.
#
# **What you will be able to do**
#
# 1. show that a plain deep network *trains* worse than a shallow one, and rule out the two usual suspects;
# 2. build, weight by weight, a deep network that copies a shallow one, and say what that proves;
# 3. derive the gradient of a chain of residual blocks, expand it into paths, and check both by code;
# 4. measure how gradients and singular values behave with depth, with and without shortcuts;
# 5. build basic blocks, bottlenecks and both kinds of shortcut, and assemble ResNet-18 to ResNet-152 with exactly torchvision's parameters;
# 6. write down the training recipe, and correct two slips that are often repeated about it;
# 7. delete a block from a trained network and explain why it barely notices.
#
# **What you need**: convolution layers and batch normalisation (chapters 6 and 8), the chain rule with Jacobians
# ([chapter 5](05_neural_networks_and_backprop.ipynb)).

# %%
from course_utils import results

print(results.run_time_note("12_resnet"))

# %%
import itertools
import math
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import torch
import torchvision
from matplotlib.patches import FancyBboxPatch
from torch import nn
from torch.autograd.functional import jacobian
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_utils import interactive, models, plots, training
from course_utils.data import load

SEED = 0
DATASET = "pocket10"

plots.use_style()

# %% [markdown]
# (sec-res-degradation)=
# ## Deeper, and worse
#
# Chapter 7 stacks a few layers and does well. If few layers are good, many should be better. Let us try it on small pictures: those of the
# training set, averaged down to $8 \times 8$ pixels, so that an experiment takes seconds.
#
# We need two families of networks that differ in one thing only. Both have three stages of $n$ blocks, each block two $3 \times 3$ convolutions with batch
# normalisation and ReLU; with one layer before and one after, that makes $6n + 2$ layers. The **plain** network is just this stack. The **residual** network
# adds to each block's output the block's own input. You will build it yourself below; for now it comes from `course_utils.models`. Layers,
# parameters and starting weights are the same in both.


# %%
def shrink(images, side):
    """Average pictures (N, H, W, C) down to side × side pixels, uint8."""
    n, height, width, channels = images.shape
    squares = images.reshape(n, side, height // side, side, width // side, channels)
    return np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)


images, labels = load(DATASET, "train", n=1_500, seed=SEED)  # (N, 32, 32, 3) uint8, (N,)
images_test, labels_test = load(DATASET, "test", n=500, seed=SEED)
small, small_test = shrink(images, 8), shrink(images_test, 8)  # (N, 8, 8, 3)
FAMILIES = {"plain": models.cifar_plain, "residual": models.cifar_resnet}
RECIPE = {
    "epochs": 8,
    "batch_size": 50,
    "lr": 0.02,
    "optimizer": "sgd",
    "weight_decay": 1e-4,
    "schedule": "cosine",
}


def fresh(kind, depth, width=8):
    """A new network of one family; the same starting weights for both."""
    torch.manual_seed(SEED)
    return FAMILIES[kind](depth, width=width)


for depth in (8, 32):
    count = {kind: sum(p.numel() for p in fresh(kind, depth).parameters()) for kind in FAMILIES}
    assert count["plain"] == count["residual"]
    print(f"{depth} layers: {count['plain']:,} parameters in either family")

# %% tags=["nbval-ignore-output"]
# varies: training amplifies the last digits, which differ between processors
nets, histories, errors = {}, {}, {}
for kind, depth in itertools.product(FAMILIES, (8, 32)):
    nets[kind, depth] = fresh(kind, depth)
    histories[kind, depth] = training.train(nets[kind, depth], small, labels, seed=SEED, **RECIPE)
    errors[kind, depth] = [
        1 - training.evaluate(nets[kind, depth], *pair).accuracy
        for pair in ((small, labels), (small_test, labels_test))
    ]
rows = [
    [f"{kind}, {depth} layers", *(f"{e:.0%}" for e in errors[kind, depth])] for kind, depth in sorted(nets)
]
print(results.table(rows, ["error", "training", "test"]))
if DATASET == "pocket10":
    assert errors["plain", 32][0] > errors["plain", 8][0] + 0.1
    assert errors["residual", 32][0] < errors["plain", 32][0] - 0.15

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-live", "caption": "Error on the training pictures, epoch by epoch. Left: the plain network of 32 layers (dashed) stays near guessing (dotted) while the one of 8 learns. Right: with shortcuts the order is turned round, and the deeper network is ahead in the end."}, "image": {"alt": "Two charts of training error against epochs. Plain networks: the curve for 32 layers stays at the top while that for 8 layers falls. Residual networks: both fall and the curve for 32 layers ends below."}}
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
for ax, kind in zip(axes, FAMILIES, strict=True):
    for depth, style in ((8, "o-"), (32, "s--")):
        error = 1 - np.array(histories[kind, depth].train_accuracy)
        ax.plot(np.arange(1, len(error) + 1), 100 * error, style, label=f"{depth} layers")
    ax.axhline(90, color="gray", linestyle=":", label="guessing")
    ax.set(xlabel="epoch", title=kind, ylim=(0, 100))
axes[0].set_ylabel("training error in %")
axes[0].legend(fontsize=9, loc="lower left")
plt.show()

# %% [markdown]
# Four times as many layers, and the plain network has hardly begun to learn what the shallow one knows. {cite:t}`he2016deep` called this **degradation**. (Never mind the test errors here: fifteen hundred tiny
# pictures are soon learned by heart. The subject is how well a network can be *trained*.) One run on small pictures may be an
# accident; the same experiment on photographs, with several seeds and four depths, is recorded in {ref}`sec-res-real`. What is the matter? There are two usual suspects.
#
# **Overfitting?** A network that is too large for its data learns the training pictures by heart and fails on new ones. That would show as a *low* training error.
# Here the training error itself is high. The network does not know too much, it knows too little.
#
# **Vanishing signals?** Before batch normalisation, a deep stack could let the numbers die out on their way through, and the gradients on their way back. So measure
# them. A new plain network of 32 layers, one batch: how large are the activations behind each block, and how large is the gradient of each convolution?


# %%
def gradient_norms(net, x, y):
    """Norm of the gradient by the weights of each convolution, from input to output."""
    net.zero_grad()
    F.cross_entropy(net(x), y).backward()
    return np.array([m.weight.grad.norm().item() for m in net.modules() if isinstance(m, nn.Conv2d)])


def block_outputs(net, x):
    """What each block hands on, from input to output."""
    found = []
    for layer in net[:-3]:  # the last three pool, flatten and classify
        x = layer(x)
        if isinstance(layer, models.PlainBlock):
            found.append(x)
    return found


x_batch = training.to_tensor(small[:64])  # (N, 3, 8, 8) float32
y_batch = torch.from_numpy(labels[:64])
deep_plain = fresh("plain", 32)
with torch.no_grad():
    spreads = [out.std().item() for out in block_outputs(deep_plain, x_batch)]
norms = gradient_norms(deep_plain, x_batch, y_batch)
print(f"activations: standard deviation {min(spreads):.2f} to {max(spreads):.2f} behind every block")
print(f"gradients: the first layer's is {norms[0] / norms[-1]:.0f} times the last one's")
assert min(spreads) > 0.3 and max(spreads) < 1.0
if DATASET == "pocket10":
    assert norms[0] > norms[-1]

# %% [markdown]
# Nothing vanishes. Batch normalisation keeps every activation near the same size, and the gradient does not fade towards the input; it *grows*. The authors of the experiment found
# the same: forward and backward signals are healthy in size, and the network still trains badly. Size is not the trouble. What the gradient is *worth* may be, and {ref}`sec-res-gradient` looks into that.
#
# <div class="question">
#
# **Quick question 1.** A network of 56 layers has a higher *training* error than one of 20. Which of these would help?
#
# <details class="choice"><summary>More dropout and more weight decay</summary>
#
# Those fight overfitting. They make it harder to fit the training pictures, and this network fails to fit them already.
#
# </details>
# <details class="choice"><summary>More training pictures</summary>
#
# They would narrow the gap between training and test error. The gap is not the problem; the training error itself is.
#
# </details>
# <details class="choice right"><summary>Something that makes the training loss easier to descend</summary>
#
# Right. A network with a lower training error exists, as the next section proves by building it. The optimiser does not get there. Change what it has to walk through.
#
# </details>
# <details class="choice"><summary>More units, because the network is too small</summary>
#
# It has more parameters than the shallow network, and can compute whatever that computes.
#
# </details>
# </div>
#
# (sec-res-identity)=
# ## A deep network that copies a shallow one
#
# The claim that a better deep network *exists* needs no experiment. Take the trained network of 8 layers, and insert layers that do nothing. The result is deeper and
# computes exactly the same. Can a block of two convolutions, two normalisations and two ReLUs do nothing? It can. The filters that copy each map are zero but for a single one in the middle,
#
# $$
# \begin{aligned}
# w_{kcuv} &= \delta_{kc}\, [u = v = 1] \\
# \Longrightarrow\quad x \star w &= x ,
# \end{aligned}
# $$ (eq-res-dirac)
#
# the normalisation is set to mean 0 and variance 1, and ReLU leaves alone what comes out of an earlier ReLU, since it is not negative.


# %%
def copying_filters(channels):
    """Filters (channels, channels, 3, 3) that hand on each map as it is."""
    w = torch.zeros(channels, channels, 3, 3)
    for k in range(channels):
        w[k, k, 1, 1] = 1.0
    return w


def idle_block(channels):
    """A plain block that does nothing to maps without negative entries."""
    block = models.PlainBlock(channels, channels).eval()
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        conv.weight.data = copying_filters(channels)
        norm.weight.data.fill_(math.sqrt(1 + norm.eps))  # undoes the epsilon in the denominator
    return block


x_maps = torch.rand(2, 5, 7, 6, generator=torch.Generator().manual_seed(SEED))  # nothing negative
# check: eq-res-dirac
assert torch.equal(F.conv2d(x_maps, copying_filters(5), padding=1), x_maps)
assert torch.allclose(idle_block(5)(x_maps), x_maps, atol=1e-6)
print("two convolutions, two normalisations, two ReLUs: nothing happens")


# %%
def deeper(net, more):
    """The same network with `more` idle blocks behind each of its blocks."""
    layers = []
    for layer in net:
        layers.append(layer)
        if isinstance(layer, models.PlainBlock):
            layers += [idle_block(layer.conv2.out_channels) for _ in range(more)]
    return nn.Sequential(*layers).eval()


shallow = nets["plain", 8]
copied = deeper(shallow, 4)
depth_of_copy = sum(isinstance(m, nn.Conv2d | nn.Linear) for m in copied.modules())
with torch.no_grad():
    assert torch.allclose(copied(x_batch), shallow(x_batch), atol=1e-3)
same = training.predict(copied, small) == training.predict(shallow, small)
assert same.mean() > 0.999
print(f"a plain network of {depth_of_copy} layers that answers like the one of 8")

# %% [markdown]
# There it is: a plain network of 32 layers, of the very shape that failed above, with the training error of the shallow one. So a good solution is among the weights that gradient descent could have
# reached. It starts somewhere else and does not find it.
#
# Look at what it would have had to find. To do nothing, each block needs $18 C^2$ weights at exact values, with two matrices close to the identity. From random weights, *doing nothing* is one of the hardest things to learn.
# The idea of {cite:t}`he2016deep` is to turn that round. Let a block compute a *correction* to its input, and add the input back. If $H(x)$ is what the block should compute, let the layers learn the **residual** $F(x) = H(x) - x$:
#
# $$
# y = \operatorname{ReLU}\bigl(F(x) + x\bigr) .
# $$ (eq-res-block)
#
# The added $x$ is called **shortcut**, **skip connection** or identity mapping; it has no parameters. Now doing nothing is the easiest thing of all: set $F$ to zero.


# %%
class Residual(nn.Module):
    """ReLU(F(x) + x), for any F that keeps the shape of x (N, C, H, W)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return F.relu(self.inner(x) + x)


torch.manual_seed(SEED)
theirs = models.BasicBlock(5, 5).eval()
ours = Residual(nn.Sequential(theirs.conv1, theirs.bn1, nn.ReLU(), theirs.conv2, theirs.bn2)).eval()
silent = Residual(lambda x: 0 * x)
# check: eq-res-block
assert torch.equal(silent(x_maps), x_maps)
assert torch.equal(ours(x_maps), theirs(x_maps))
print("F = 0 gives the identity; with the same weights, our block is that of course_utils")


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-blocks", "caption": "Three blocks. Left: plain. Middle: residual, as in this chapter; the input goes round the two layers and is added before the last ReLU. Right: with pre-activation, normalisation and ReLU stand before each convolution, and nothing at all stands in the way of the input."}, "image": {"alt": "Three flow diagrams from top to bottom. A plain column of convolution, batch norm, ReLU, convolution, batch norm, ReLU; the same with an arrow around it into a plus before the last ReLU; and batch norm, ReLU, convolution twice, with an arrow around all of it into a plus at the end."}}
def draw_column(ax, title, parts, plus_at):
    """A column of boxes; where plus_at is given, an arrow leads around everything above it."""
    ax.annotate("", (0, 0.05), (0, 0.6), arrowprops={"arrowstyle": "->"})
    ax.text(0.12, 0.45, "x", fontsize=12)
    y = 0.0
    for i, part in enumerate(parts):
        if i == plus_at:
            ax.text(
                0,
                y - 0.28,
                "+",
                ha="center",
                va="center",
                fontsize=15,
                bbox={"boxstyle": "circle,pad=0.15", "fc": "white"},
            )
            ax.plot([0, 1.35, 1.35], [0.35, 0.35, y - 0.28], color="#D55E00", linewidth=2.2)
            ax.annotate(
                "",
                (0.2, y - 0.28),
                (1.37, y - 0.28),
                arrowprops={"arrowstyle": "->", "color": "#D55E00", "lw": 2.2},
            )
            y -= 0.75
        if part:
            face = {"conv": "#8CCBF2", "ReLU": "#FBE3B0"}.get(part.split()[0], "white")
            ax.add_patch(
                FancyBboxPatch(
                    (-0.85, y - 0.5), 1.7, 0.42, boxstyle="round,pad=0.03", facecolor=face, edgecolor="0.3"
                )
            )
            ax.text(0, y - 0.29, part, ha="center", va="center", fontsize=10)
            y -= 0.68
    ax.annotate("", (0, y - 0.35), (0, y + 0.05), arrowprops={"arrowstyle": "->"})
    ax.set_title(title, loc="center", fontsize=12)
    ax.set(xlim=(-1.1, 1.7), ylim=(-5.5, 0.7))
    ax.axis("off")  # fmt: skip


after = ["conv 3×3", "batch norm", "ReLU", "conv 3×3", "batch norm", "ReLU"]
before = ["batch norm", "ReLU", "conv 3×3", "batch norm", "ReLU", "conv 3×3", ""]
fig, axes = plt.subplots(1, 3, figsize=(8, 4.6))
for ax, column in zip(
    axes,
    (("plain", after, None), ("residual", after, 5), ("pre-activation", before, 6)),
    strict=True,
):
    draw_column(ax, *column)
plt.show()

# %% [markdown]
# <div class="question">
#
# **Quick question 2.** The idle plain block worked because its input had no negative entries. What does it do to an input that has some, and what does a residual block with $F = 0$ do, without its last ReLU?
#
# <details class="choice"><summary>Both hand it on unchanged</summary>
#
# The plain block ends in ReLU, which cuts off everything negative. Only the residual one hands it on.
#
# </details>
# <details class="choice right"><summary>The plain one cuts off the negative part, the residual one hands on everything</summary>
#
# Right. With the last ReLU in place, both cut. That is why a later version of the block moves the ReLU away from the path of the input: then *every* input passes, in both directions.
#
# </details>
# <details class="choice"><summary>Both return zero</summary>
#
# $F = 0$ makes the correction zero, not the output: $0 + x = x$.
#
# </details>
# </div>
#
# (sec-res-gradient)=
# ## What the sum does to the gradient
#
# Leave the last ReLU away for a moment, and write $x_l = x_{l-1} + F_l(x_{l-1})$ for the chain of blocks $l = 1, \dots, L$. Let $J_l$ be the Jacobian of $F_l$, the derivatives of every output by every input. The derivative of the identity is the identity matrix, so
#
# $$
# \begin{aligned}
# \frac{\partial x_l}{\partial x_{l-1}} &= I + J_l , \\
# \frac{\partial x_L}{\partial x_0} &= (I + J_L) \cdots (I + J_1) .
# \end{aligned}
# $$ (eq-res-product)
#
# A plain chain has $J_L \cdots J_1$ instead: one product, in which every layer has its say. Multiply out the residual one and you get a *sum*. From each bracket take either $I$ or $J_l$; each of the $2^L$ choices is a set $S$ of blocks:
#
# $$
# \begin{aligned}
# \frac{\partial x_L}{\partial x_0} &= \sum_{S \subseteq \{1, \dots, L\}} \; \prod_{l \in S} J_l \\
# &= I + \sum_l J_l + \sum_{k < l} J_l J_k + \dots ,
# \end{aligned}
# $$ (eq-res-expansion)
#
# later blocks standing further left. Each term is a **path** from input to output that goes through the blocks of $S$ and round all others. One of them goes round everything. We check both formulas in float64 against autograd, with four blocks on vectors of five numbers.

# %%
dice = np.random.default_rng(SEED)
SIZE, BLOCKS = 5, 4
inside = torch.from_numpy(dice.normal(size=(BLOCKS, 2, SIZE, SIZE)) / math.sqrt(SIZE))


def correction(i, x):
    """F of a block, the first being number 0: a layer, a tanh, a layer."""
    return inside[i, 1] @ torch.tanh(inside[i, 0] @ x)


def residual_chain(x):
    """The outputs x_0 … x_L of the blocks, one after the other."""
    outputs = [x]
    for i in range(BLOCKS):
        outputs.append(outputs[-1] + correction(i, outputs[-1]))
    return outputs


x_0 = torch.from_numpy(dice.normal(size=SIZE))
chain = residual_chain(x_0)
whole = jacobian(lambda x: residual_chain(x)[-1], x_0)
J = [jacobian(lambda x, i=i: correction(i, x), chain[i]) for i in range(BLOCKS)]

product = torch.eye(SIZE, dtype=torch.float64)
for J_l in J:
    product = (torch.eye(SIZE) + J_l) @ product
# check: eq-res-product
assert torch.allclose(whole, product, rtol=1e-10, atol=1e-12)
print("the product of I + J is what autograd computes")

# %%
paths = torch.zeros(SIZE, SIZE, dtype=torch.float64)
lengths = []
for chosen in itertools.product((False, True), repeat=BLOCKS):
    path = torch.eye(SIZE, dtype=torch.float64)
    for J_l, through in zip(J, chosen, strict=True):
        path = +J_l @ path if through else path
    paths += path
    lengths.append(sum(chosen))
# check: eq-res-expansion
assert torch.allclose(whole, paths, rtol=1e-10, atol=1e-12)
print(f"{len(lengths)} paths add up to the same; {lengths.count(0)} of them goes round every block")

# %% [markdown]
# The same fact, read as a recipe for activations and gradients: what arrives at the end is the start plus all corrections, and the gradient $\bar x_0$ that arrives at the start is the gradient $\bar x_L$ at the end plus what each block adds to it,
#
# $$
# \begin{aligned}
# x_L &= x_0 + \sum_{l=1}^{L} F_l(x_{l-1}) , \\
# \bar x_0 &= \bar x_L + \sum_{l=1}^{L} J_l^\top \bar x_l .
# \end{aligned}
# $$ (eq-res-sum)
#
# The first summand has gone through no layer at all. It cannot vanish, and it is the same for the first block and for the last {cite:p}`he2016identity`.

# %%
bar = [None] * BLOCKS + [torch.from_numpy(dice.normal(size=SIZE))]
for i in reversed(range(BLOCKS)):
    bar[i] = bar[i + 1] + J[i].T @ bar[i + 1]
added = sum(J[i].T @ bar[i + 1] for i in range(BLOCKS))
corrections = sum(correction(i, chain[i]) for i in range(BLOCKS))

x_leaf = x_0.clone().requires_grad_()
(residual_chain(x_leaf)[-1] @ bar[-1]).backward()
# check: eq-res-sum
assert torch.allclose(chain[-1], x_0 + corrections)
assert torch.allclose(bar[0], x_leaf.grad) and torch.allclose(bar[0], bar[-1] + added)
print("start plus corrections; gradient at the end plus what each block adds")

# %% [markdown]
# ### Why products are dangerous
#
# A product of many numbers is a delicate thing even if each is "one on average". Take $L$ independent normal numbers $a_l$ with $\mathrm{E}[a^2] = 1$, as careful initialisation provides. The mean square of the product is exactly 1, at any depth. But what you *see* is something else. The logarithm of the product is a sum, and sums follow the law of large numbers:
#
# $$
# \begin{aligned}
# \frac1L \log \Bigl| \prod_{l=1}^{L} a_l \Bigr| &\;\to\; \mathrm{E}\bigl[\log |a|\bigr] \\
# &\;\le\; \tfrac12 \log \mathrm{E}[a^2] = 0 .
# \end{aligned}
# $$ (eq-res-typical)
#
# The inequality is Jensen's, and for normal numbers the left side is $-(\gamma + \log 2)/2 \approx -0.64$, with Euler's constant $\gamma$. After fifty factors the typical product is around $10^{-14}$, and the mean square is still 1 thanks to a few enormous exceptions. Factors of the form $1 + a_l$ with small $a_l$ have a logarithm near zero, and their product stays in reach of 1.

# %%
factors = np.random.default_rng(SEED).normal(size=(2_000, 200))
growth = np.log(np.abs(factors)).sum(axis=1) / factors.shape[1]
expected = -(np.euler_gamma + math.log(2)) / 2
# check: eq-res-typical
assert abs(growth.mean() - expected) < 0.02  # standard error 0.0018
assert growth.std() < 0.1 and growth.max() < 0
typical = np.exp(np.median(np.log(np.abs(factors[:, :50])).sum(axis=1)))
gentle = np.exp(np.median(np.log(np.abs(1 + 0.1 * factors[:, :50])).sum(axis=1)))
print(f"mean growth of the logarithm: {growth.mean():.2f} a factor; formula {expected:.2f}")
print(f"typical product of 50 factors: plain 1e{math.log10(typical):.0f}, of 1 + a/10: {gentle:.1f}")

# %% [markdown]
# ### Singular values, measured
#
# For matrices the same happens to every direction, at different speeds. The **singular values** of a Jacobian say by how much it stretches each of a set of perpendicular directions. Layer upon layer, some directions are stretched and most are squeezed, again and again, until in comparison
# with the strongest direction nothing else is left: the output then depends on one or two combinations of the inputs, and the gradient knows no other direction either. Let us see it in towers of the very blocks from above, each on 8 maps of $4 \times 4$, that is, 128 numbers in and 128 out. Batch normalisation uses the statistics of
# a batch of 64, then stands still while the Jacobian of one example is computed.


# %%
def tower_jacobians(block, depth, channels=8, side=4):
    """Jacobian of each block of a new tower at one example: (depth, D, D) with D = channels · side²."""
    torch.manual_seed(SEED)
    x, found = torch.rand(64, channels, side, side).double(), []
    for _ in range(depth):
        layer = block(channels, channels).double()
        for conv, norm in ((layer.conv1, layer.bn1), (layer.conv2, layer.bn2)):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            norm.momentum = 1.0  # keep the statistics of the last batch
        with torch.no_grad():
            layer.train()(x)
        layer.eval()

        def one(flat, layer=layer, shape=x[:1].shape):
            return layer(flat.reshape(shape)).flatten()

        found.append(jacobian(one, x[0].flatten(), vectorize=True))
        with torch.no_grad():
            x = layer(x)
    return torch.stack(found)


TOWER = 40
singular = {}
for kind, block in (("plain", models.PlainBlock), ("residual", models.BasicBlock)):
    so_far = itertools.accumulate(tower_jacobians(block, TOWER), lambda before, J_l: J_l @ before)
    singular[kind] = np.stack([torch.linalg.svdvals(matrix).numpy() for matrix in so_far])  # (depth, D)

alive = {kind: (values > 0.01 * values[:, :1]).sum(axis=1) for kind, values in singular.items()}
for depth in (1, 10, 40):
    print(
        f"{depth:>2} block{'s' if depth > 1 else ' '}: directions within a hundredth of the strongest:",
        end=" ",
    )
    print(", ".join(f"{kind} {alive[kind][depth - 1]}" for kind in singular))
assert alive["plain"][-1] < 10 < alive["residual"][-1]


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-singular", "caption": "Choose the number of blocks. Left: the singular values of the whole tower's Jacobian, sorted, as shares of the largest, on a logarithmic scale. Right: how many directions are within a hundredth of the strongest. Plain towers lose nearly all of them; residual ones keep a broad range."}, "image": {"alt": "Frames of an interactive figure: two falling curves of sorted singular values, the plain one dropping ever more steeply as blocks are added, the residual one staying high, and a chart of the number of directions left."}}
def draw_singular(depth):
    """One frame: the spectrum after `depth` blocks, and the count of directions up to there."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=[1.25, 1])
    for kind, style in (("plain", "-"), ("residual", "--")):
        values = singular[kind][depth - 1]
        left.semilogy(np.arange(1, 129), np.maximum(values / values[0], 1e-9), style, label=kind)
        right.semilogy(np.arange(1, TOWER + 1), alive[kind], style)
        right.plot(depth, alive[kind][depth - 1], "o", color="black")
    left.set(
        xlim=(0, 129),
        ylim=(1e-6, 2),
        xlabel="direction, strongest first",
        ylabel="share of the largest",
        title=f"{depth} block{'s' if depth > 1 else ''}",
    )
    right.set(ylim=(0.8, 160), xlabel="blocks", ylabel="directions left", yticks=[1, 10, 100])
    right.set_yticklabels(["1", "10", "100"])
    left.legend(fontsize=9, loc="lower left")
    return fig  # fmt: skip


shown = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40]
interactive.frames(
    [draw_singular(depth) for depth in shown],
    shown,
    name="singular-values",
    alt=[
        f"After {depth} blocks {alive['plain'][depth - 1]} directions of the plain tower and {alive['residual'][depth - 1]} of the residual tower are within a hundredth of the strongest."
        for depth in shown
    ],
    description="Blocks",
    start=6,
    dpi=85,
)

# %% [markdown]
# ### A gradient that points the right way for an inch
#
# There is a second way to look at it. A step of gradient descent trusts that the gradient is about the same a little further on. Walk in a straight line from one training picture to another, and at each of 200 places compute the slope of one class score along the way. In a network that can be trained, nearby places have similar slopes. {cite:t}`balduzzi2017shattered` found that in deep
# plain networks they have not: the gradient turns into noise, and they called it **shattered**.


# %%
def slopes_along(net, start, end, places=200):
    """Slope of the first class score at places on the line between two pictures: (places,)."""
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
    with torch.no_grad():
        net.train()(x_batch)  # statistics of one batch, then fixed
    t = torch.linspace(0, 1, places)[:, None, None, None]
    line = (start + t * (end - start)).requires_grad_()
    net.eval()(line)[:, 0].sum().backward()
    return (line.grad * (end - start)).sum(dim=(1, 2, 3)).numpy()


slopes = {
    title: slopes_along(fresh(kind, depth), x_batch[0], x_batch[1])
    for title, kind, depth in (
        ("plain, 8 layers", "plain", 8),
        ("plain, 74 layers", "plain", 74),
        ("residual, 74 layers", "residual", 74),
    )
}
likeness = {title: np.corrcoef(found[:-1], found[1:])[0, 1] for title, found in slopes.items()}
for title, value in likeness.items():
    print(f"{title:<20} correlation of neighbouring slopes {round(value, 1) + 0.0:.1f}")
if DATASET == "pocket10":
    assert likeness["plain, 74 layers"] < likeness["residual, 74 layers"] - 0.1

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-shattered", "caption": "The slope of a class score along a line between two pictures, before any training, divided by its largest value. In the shallow network and in the deep residual one, stretches of similar slope can be made out. In the deep plain one the slope at one place says little about the next."}, "image": {"alt": "Three jagged curves one above the other: steps with a few jumps for the plain network of 8 layers, dense noise for the plain network of 74 layers, and a rough but coherent curve for the residual network of 74 layers."}}
fig, axes = plt.subplots(3, 1, figsize=(7.5, 4.4), sharex=True, sharey=True)
for ax, (title, found) in zip(axes, slopes.items(), strict=True):
    ax.plot(np.linspace(0, 1, len(found)), found / np.abs(found).max(), linewidth=1.0)
    ax.set_title(title, fontsize=11)
    ax.set(ylim=(-1.1, 1.1), yticks=[-1, 0, 1])
axes[-1].set_xlabel("way from one picture to the other")
axes[1].set_ylabel("slope (largest = 1)")
plt.show()

# %% [markdown]
# (sec-res-flow)=
# ## Gradients by depth, measured
#
# Now the real networks: stem, three stages, head. For each depth from 8 to 74 we take a new plain and a new residual network with the same weights, and look at the norm of the gradient in each convolution, at the start and after five steps of training.


# %%
def five_steps(net, lr=0.02):
    """Take five steps of gradient descent with momentum on the batch."""
    optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9)
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(net(x_batch[:32]), y_batch[:32]).backward()
        optimizer.step()


DEPTHS = list(range(8, 80, 6))
flow, growth_of_first = {}, {}
for depth, kind in itertools.product(DEPTHS, FAMILIES):
    net = fresh(kind, depth)
    at_start = gradient_norms(net, x_batch[:32], y_batch[:32])
    size_at_start = net[0].weight.norm().item()
    five_steps(net)
    growth_of_first[kind, depth] = net[0].weight.norm().item() / size_at_start
    flow[kind, depth] = at_start, gradient_norms(net, x_batch[:32], y_batch[:32])

first_to_last = {key: norms[1] / norms[-1] for key, (norms, _) in flow.items()}
for depth in (8, 32, 74):
    plain, residual = (first_to_last[kind, depth] for kind in FAMILIES)
    print(f"{depth} layers, first block's gradient over the last one's: ", end="")
    print(f"plain about {float(f'{plain:.0g}'):,.0f}, residual about {float(f'{residual:.0g}'):.0f}")
grown = {kind: float(f"{growth_of_first[kind, 74]:.0g}") for kind in FAMILIES}
print("74 layers, first layer's weights after five steps over before: about", end=" ")
print(", ".join(f"{factor:.0f} ({kind})" for kind, factor in grown.items()))
if DATASET == "pocket10":
    assert first_to_last["plain", 74] > 10 * first_to_last["residual", 74]
    assert growth_of_first["plain", 74] > 10 > 2 > growth_of_first["residual", 74]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-flow", "caption": "Choose the depth. Norm of the gradient in each convolution, from input to output, on a logarithmic scale; left before training, right after five steps. At the start the plain network's norm grows towards the input, by more the deeper it is; five steps later the first layers of the deepest networks are frozen. In residual networks it stays within a factor of about ten."}, "image": {"alt": "Frames of an interactive figure with two panels of gradient norms by layer. On the left the plain network's curve slopes down steeply from the first to the last layer, more so with depth; on the right, for deep networks, it starts far below. The residual network's curve is nearly level in both."}}
lowest = min(norms.min() for pair in flow.values() for norms in pair)
highest = max(norms.max() for pair in flow.values() for norms in pair)


def draw_flow(depth):
    """One frame: gradient norms by layer for one depth."""
    fig, axes = plt.subplots(1, 2, figsize=(8.2, 3.3), sharey=True)
    for ax, when, title in zip(axes, (0, 1), ("at the start", "after five steps"), strict=True):
        for kind, style in (("plain", "o-"), ("residual", "s--")):
            norms = flow[kind, depth][when]
            ax.semilogy(np.arange(1, len(norms) + 1), norms, style, markersize=3.5, linewidth=1.4, label=kind)
        ax.set(
            xlim=(0, 75),
            ylim=(lowest / 2, highest * 2),
            xlabel="convolution, from the input",
            title=f"{depth} layers, {title}",
        )
    axes[0].set_ylabel("norm of the gradient")
    axes[0].legend(fontsize=9)
    return fig  # fmt: skip


interactive.frames(
    [draw_flow(depth) for depth in DEPTHS],
    DEPTHS,
    name="gradient-flow",
    alt=[
        f"With {depth} layers the first block's gradient is {first_to_last['plain', depth]:.1f} times the last one's in the plain network and {first_to_last['residual', depth]:.1f} times in the residual one."
        for depth in DEPTHS
    ],
    description="Layers",
    start=4,
    dpi=85,
)

# %% [markdown]
# With batch normalisation, the plain network's gradient does not vanish, it *explodes* towards the input; {cite:t}`yang2019mean` derive that normalisation itself causes it, by a constant factor a layer. A learning rate that suits the last layers is then far too large for the first ones.
#
# And then comes a twist. After five steps the first layers of the deep plain network have the *smallest* gradients. Their first step was gigantic, and their weights are now many times as large as before. Behind a normalisation the size of a weight does not matter to the output, but it divides the gradient (formula {eq}`eq-res-scale` below says so precisely). So these layers have been thrown to a random place, and are frozen there: an explosion that ends as a vanishing gradient. Residual networks need not go through this.
#
# Note what was *not* shown. A level gradient does not prove that training will succeed. Spread of the singular values, shattering and unequal norms are three symptoms of one cause, the long product.
#
# <div class="question">
#
# **Quick question 3.** In a residual chain, some block has the Jacobian $J = -I$ for its correction. What happens to the gradient at this block?
#
# <details class="choice"><summary>It passes, because the shortcut guarantees that it does</summary>
#
# The shortcut contributes $I$, but the block contributes $J$, and they are added. The sum is what counts.
#
# </details>
# <details class="choice right"><summary>It is stopped: $I + J = 0$</summary>
#
# Right. The identity is a good place to start from, not a guarantee. A block can learn to erase its input, and some do; but it has to learn it, while a plain network does so from the start in most directions.
#
# </details>
# <details class="choice"><summary>It doubles</summary>
#
# That is $J = +I$. A chain of those grows as $2^L$, and it is why the size of the corrections matters; see {ref}`sec-res-paths`.
#
# </details>
# </div>
#
# (sec-res-blocks)=
# ## Blocks and shortcuts
#
# A block can add its input to its output only where both have the same shape. Within a stage they do. From stage to stage the maps become half as high and half as wide, by a stride of 2, and twice as many. That trade keeps the work of a layer the same: a quarter of the places, four times the products of input and output maps. At such a step the shortcut needs help, and {cite:t}`he2016deep` tried
#
# - **option A**: take every second pixel and pad the missing maps with zeros; no parameters;
# - **option B**: a $1 \times 1$ convolution with stride 2, called **projection**, followed by batch normalisation; elsewhere the identity;
# - **option C**: projections everywhere.
#
# C was a little better than B, B a little better than A, and the differences were small enough to call projections unessential. The small networks for CIFAR-10 use A, the large ones B.


# %%
def conv_bn(c_in, c_out, field, stride=1):
    """A convolution that keeps the size (but for its stride), and batch normalisation."""
    conv = nn.Conv2d(c_in, c_out, field, stride, padding=field // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class ZeroPad(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the new maps."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.new, self.stride = c_out - c_in, stride

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        return torch.cat([x, x.new_zeros(len(x), self.new, *x.shape[2:])], dim=1)


def projection(c_in, c_out, stride):
    """Option B: a 1×1 convolution where the shape changes, else nothing."""
    return nn.Identity() if (c_in, stride) == (c_out, 1) else conv_bn(c_in, c_out, 1, stride)


class Block(nn.Module):
    """ReLU(F(x) + shortcut(x))."""

    def __init__(self, inner, shortcut):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x):
        return F.relu(self.inner(x) + self.shortcut(x))


# %% [markdown]
# The **basic block** has two $3 \times 3$ convolutions. Networks of 50 layers and more use the **bottleneck**: a $1 \times 1$ convolution from 256 maps down to 64, a $3 \times 3$ on 64, and a $1 \times 1$ back up to 256. The expensive filter works on a quarter of the maps. How expensive is each? A convolution with $C$ maps in, $K$ out and filters $F \times F$ has $F^2 C K$ weights, and each takes part in one multiply-add at each of $H \cdot W$ places:
#
# $$
# \begin{aligned}
# \text{weights} &= \sum_{\text{layers}} F^2 C K , \\
# \text{multiply-adds} &= H W \sum_{\text{layers}} F^2 C K .
# \end{aligned}
# $$ (eq-res-cost)


# %%
def basic(c_in, c, stride=1, shortcut=projection):
    """Two 3×3 convolutions on c maps."""
    inner = nn.Sequential(conv_bn(c_in, c, 3, stride), nn.ReLU(), conv_bn(c, c, 3))
    return Block(inner, shortcut(c_in, c, stride))


def bottleneck(c_in, c, stride=1, shortcut=projection, stride_first=False):
    """1×1 down to c maps, 3×3 on them, 1×1 up to 4c; the stride sits in the 3×3, or in the first 1×1."""
    first, second = (stride, 1) if stride_first else (1, stride)
    narrow = nn.Sequential(conv_bn(c_in, c, 1, first), nn.ReLU(), conv_bn(c, c, 3, second), nn.ReLU())
    return Block(nn.Sequential(narrow, conv_bn(c, 4 * c, 1)), shortcut(c_in, 4 * c, stride))


def count(model):
    """Number of parameters."""
    return sum(p.numel() for p in model.parameters())


def multiply_adds(model, *shape):
    """Multiply-adds of convolutions and linear layers for one picture of this shape, without computing anything."""
    model = model.to("meta").eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() // 2


def weights_of(*layers):
    """Weights of convolutions, each given as (field, maps in, maps out)."""
    return sum(+(field**2) * c_in * c_out for field, c_in, c_out in layers)


by_hand = {
    "bottleneck 256-64-64-256": (
        256,
        bottleneck(256, 64),
        weights_of((1, 256, 64), (3, 64, 64), (1, 64, 256)),
    ),
    "two 3×3 on 256": (256, basic(256, 256), weights_of((3, 256, 256), (3, 256, 256))),
    "two 3×3 on 64": (64, basic(64, 64), weights_of((3, 64, 64), (3, 64, 64))),
}  # maps in, block, weights
# check: eq-res-cost
for maps, block, weights in by_hand.values():
    assert weights == sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))
    assert 28 * 28 * weights == multiply_adds(block, maps, 28, 28)
rows = [[title, f"{w:,}", f"{28 * 28 * w / 1e6:.1f} M"] for title, (*_, w) in by_hand.items()]
print(results.table(rows, ["at 28×28", "weights", "multiply-adds"]))
ratio = by_hand["two 3×3 on 256"][-1] / by_hand["bottleneck 256-64-64-256"][-1]
print(f"the bottleneck costs {ratio:.0f} times less than two 3×3 on 256 maps")

# %% [markdown]
# A bottleneck on 256 maps costs less than a basic block on 64. It buys four times as many maps for the shortcut to carry, and a third layer, for the same money. That is the whole secret of how ResNet-50 can be deeper than ResNet-34 at nearly the same cost.

# %%
x_maps = torch.rand(2, 8, 6, 6)
option_a, option_b = ZeroPad(8, 16, 2), projection(8, 16, 2)
assert option_a(x_maps).shape == option_b(x_maps).shape == (2, 16, 3, 3)
assert torch.equal(option_a(x_maps)[:, :8], x_maps[:, :, ::2, ::2])
assert option_a(x_maps)[:, 8:].abs().sum() == 0
assert count(option_a) == 0 and count(option_b) == 8 * 16 + 2 * 16
ours_a, theirs_a = basic(8, 16, 2, ZeroPad).eval(), models.BasicBlock(8, 16, 2).eval()
ours_a.load_state_dict(
    dict(zip(ours_a.state_dict(), theirs_a.state_dict().values(), strict=True))
)  # same order of layers
assert torch.equal(ours_a(x_maps), theirs_a(x_maps))
same_work = {multiply_adds(conv_bn(c, c, 3), c, side, side) for c, side in ((64, 56), (128, 28), (256, 14))}
assert len(same_work) == 1
print(f"64 maps of 56×56, 128 of 28×28, 256 of 14×14: {same_work.pop():,} multiply-adds a layer")

# %% [markdown]
# (sec-res-family)=
# ## From ResNet-18 to ResNet-152
#
# The rest is assembly. The **stem** brings $224 \times 224$ pixels down to $56 \times 56$: 64 filters of $7 \times 7$ with stride 2, normalisation, ReLU, and max pooling of $3 \times 3$ with stride 2. Four stages follow with 64, 128, 256 and 512 maps (four times that behind bottlenecks), each but the first beginning with a stride of 2. Global
# average pooling turns every map into one number, and the only fully connected layer makes scores of them. No hidden fully connected layers as in AlexNet or VGG, where they hold most of the parameters.


# %%
def resnet(block, blocks, expansion, num_classes=1000):
    """A residual network for 224×224 pictures, with so many blocks in each of its four stages."""
    layers = [conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    channels = 64
    for stage, (number, c) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True)):
        for i in range(number):
            layers.append(block(channels, c, stride=2 if stage > 0 and i == 0 else 1))
            channels = expansion * c
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*layers, *head)


def stride_early(c_in, c, stride):
    """The bottleneck as printed in the paper: its stride sits in the first 1×1 convolution."""
    return bottleneck(c_in, c, stride, stride_first=True)


PAPER = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}  # last row of table 1
FAMILY = {
    18: (basic, (2, 2, 2, 2), 1),
    34: (basic, (3, 4, 6, 3), 1),
    50: (bottleneck, (3, 4, 6, 3), 4),
    101: (bottleneck, (3, 4, 23, 3), 4),
    152: (bottleneck, (3, 8, 36, 3), 4),
}
rows = []
with torch.device("meta"):  # shapes without memory
    for depth, (block, blocks, expansion) in FAMILY.items():
        model = resnet(block, blocks, expansion)
        theirs = getattr(torchvision.models, f"resnet{depth}")()
        assert count(model) == count(theirs)
        assert sorted(p.shape for p in model.parameters()) == sorted(p.shape for p in theirs.parameters())
        assert depth == sum(blocks) * (2 if block is basic else 3) + 2
        published = resnet(basic if block is basic else stride_early, blocks, expansion)
        work = [multiply_adds(m, 3, 224, 224) / 1e9 for m in (published, model)]
        assert abs(work[0] - PAPER[depth]) < 0.1
        figures = [PAPER[depth], *(f"{value:.2f}" for value in work)]
        rows.append([f"ResNet-{depth}", "-".join(map(str, blocks)), f"{count(model):,}", *figures])
print(results.table(rows, ["", "blocks", "parameters", "paper", "as printed", "as torchvision"]))
print("last three columns: 10⁹ multiply-adds for one picture")

# %% [markdown]
# The parameters are those of torchvision to the last one. Our count of the work agrees with table 1 of the paper (which calls a multiply-add a FLOP) within 0.1. From ResNet-50 on, the last column is a little larger: the bottleneck as printed takes the stride of 2 in its first $1 \times 1$ convolution and throws away three quarters of the pixels unseen; torchvision moves it into the $3 \times 3$, which costs a little more and sees them all. The parameters
# can't tell the two apart, so loading weights of the one into the other raises no error and gives worse answers.
#
# The smaller family, for pictures of $32 \times 32$, is the one this chapter experiments with: three stages of 16, 32 and 64 maps, option A, $6n + 2$ layers.

# %%
PUBLISHED = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}  # millions, table 6 of the paper
rows = []
for depth, millions in PUBLISHED.items():
    with torch.device("meta"):
        model, plain = models.cifar_resnet(depth), models.cifar_plain(depth)
    assert count(model) == count(plain)
    assert abs(count(model) / 1e6 - millions) < (0.05 if depth == 110 else 0.01)
    work = multiply_adds(model, 3, 32, 32) / 1e6
    rows.append([f"ResNet-{depth}", (depth - 2) // 6, f"{count(model):,}", f"{millions} M", f"{work:.0f} M"])
print(results.table(rows, ["", "n", "parameters", "paper", "multiply-adds"]))

# %% [markdown]
# A hundred and ten layers, and a seventh of the parameters of ResNet-18: depth is cheap where maps are narrow.
#
# <div class="question">
#
# **Quick question 4.** Where do most of ResNet-18's 11.7 million parameters sit?
#
# <details class="choice"><summary>In the fully connected layer</summary>
#
# $512 \cdot 1000 + 1000$ is about half a million. In AlexNet and VGG it would have been the right answer.
#
# </details>
# <details class="choice"><summary>Spread evenly over the four stages</summary>
#
# The *work* is spread evenly. With twice the maps a layer has four times the weights, so the parameters are not.
#
# </details>
# <details class="choice right"><summary>In the last stage, with 512 maps</summary>
#
# Right: three convolutions of $9 \cdot 512^2$ weights and one of half that make 8.3 million, about seven tenths of the network.
#
# </details>
# </div>
#
# (sec-res-recipe)=
# ## The recipe
#
# How {cite:t}`he2016deep` trained on ImageNet, and what is often handed on:
#
# | | the paper | in many lecture slides |
# | :-- | :-- | :-- |
# | normalisation | batch norm after each convolution, before the activation | the same |
# | initialisation | He initialisation | "Xavier initialisation", credited to He |
# | optimiser | SGD, momentum 0.9, batches of 256 | the same |
# | learning rate | 0.1, divided by 10 when the error reaches a plateau | the same |
# | weight decay | $10^{-4}$ | $10^{-5}$ |
# | dropout | none | the same |
#
# Two entries differ, and both are slips. Take them in turn.
#
# **Xavier is not He.** Xavier initialisation is by {cite:t}`glorot2010understanding` and named after its first author's first name; it gives weights the variance $1/n$ for $n$ inputs and as many outputs. {cite:t}`he2015delving` give them $2/n$. The factor of two belongs to ReLU. If the values $a$ before a ReLU are symmetric around zero, half of their mean square survives, so the next layer's are
#
# $$
# \begin{aligned}
# \mathrm{E}[a_\text{next}^2] &= n \operatorname{Var}[w] \cdot \tfrac12\, \mathrm{E}[a^2] \\
# &= \begin{cases} \tfrac12\, \mathrm{E}[a^2] & \text{Xavier} \\ \mathrm{E}[a^2] & \text{He.} \end{cases}
# \end{aligned}
# $$ (eq-res-init)
#
# With Xavier's variance the signal loses half its power in every layer of a ReLU network; with He's it keeps it.


# %%
def power_by_layer(variance, layers=30, n=1024):
    """Mean square before each ReLU of a fully connected network, for weights of variance `variance / n`."""
    generator = torch.Generator().manual_seed(SEED)
    a, found = torch.randn(64, n, generator=generator), []
    for _ in range(layers):
        w = torch.randn(n, n, generator=generator) * math.sqrt(variance / n)
        a = F.relu(a) @ w
        found.append(a.square().mean().item())
    return np.array(found)


xavier, he = power_by_layer(1.0), power_by_layer(2.0)
predicted = 0.5 ** np.arange(1, 31)
# check: eq-res-init
slope = np.log(xavier[-1]) / np.log(predicted[-1])  # each layer's factor is random, near the formula
assert abs(slope - 1) < 0.1
assert he.min() > 0.3 and he.max() < 3
print(
    f"mean square after 30 layers: Xavier {xavier[-1]:.0e} (formula {predicted[-1]:.0e}), He {he[-1]:.1f} (formula 1)"
)

# %% [markdown]
# Thirty layers cost Xavier's network a factor of a billion, give or take the luck of thirty random matrices. And yet ResNets train with either. The reason is batch normalisation: scale all weights of a convolution by $c > 0$ and the normalised output does not change, while the gradient by the weights is divided by $c$,
#
# $$
# \begin{aligned}
# \operatorname{BN}(x \star c\,w) &= \operatorname{BN}(x \star w) , \\
# \frac{\partial L}{\partial w}\Big|_{c\,w} &= \frac1c\, \frac{\partial L}{\partial w}\Big|_{w} .
# \end{aligned}
# $$ (eq-res-scale)
#
# So behind batch normalisation the initial size of weights decides how *fast* they turn in the first steps, not how large the signal is.

# %%
torch.manual_seed(SEED)
conv = nn.Conv2d(6, 6, 3, bias=False).double()
norm = nn.BatchNorm2d(6, eps=1e-12).double()
x_in = torch.randn(8, 6, 9, 9).double()
upstream = torch.randn(8, 6, 7, 7).double()


def normalised(c):
    """Output, and gradient by the weights, with all weights multiplied by c."""
    w = (c * conv.weight.detach()).requires_grad_()
    out = norm(F.conv2d(x_in, w))
    return out.detach(), torch.autograd.grad(out, w, upstream)[0]


(out_1, grad_1), (out_c, grad_c) = normalised(1.0), normalised(0.7)
rescaled = grad_1 / 0.7
# check: eq-res-scale
assert torch.allclose(out_1, out_c) and torch.allclose(grad_c, rescaled)
print("weights times 0.7: the same output, a gradient larger by 1/0.7")

# %% [markdown]
# **Weight decay $10^{-4}$, not $10^{-5}$.** With learning rate $\eta$ and weight decay $\lambda$, each step multiplies a weight by $1 - \eta\lambda$ before the gradient is heard. Left alone, the weight is halved after
#
# $$
# t_{1/2} = \frac{\log \tfrac12}{\log(1 - \eta\lambda)} \approx \frac{\log 2}{\eta\lambda} \text{ steps.}
# $$ (eq-res-half-life)
#
# The paper trains for up to 600,000 steps.


# %%
def half_life(lr, weight_decay):
    """Steps until weight decay alone has halved a weight."""
    return math.log(0.5) / math.log1p(-lr * weight_decay)


w_left, steps_to_half = 1.0, 0
while w_left > 0.5:  # count, with a decay strong enough to be quick
    w_left, steps_to_half = w_left * (1 - 0.1 * 1e-2), steps_to_half + 1
# check: eq-res-half-life
assert steps_to_half == math.ceil(half_life(0.1, 1e-2))
assert math.isclose(half_life(0.1, 1e-4), math.log(2) / (0.1 * 1e-4), rel_tol=1e-4)
for weight_decay in (1e-4, 1e-5):
    print(
        f"weight decay {weight_decay:.0e}: halved after {half_life(0.1, weight_decay):,.0f} steps at rate 0.1"
    )

# %% [markdown]
# Even if the rate stayed at 0.1 for all 600,000 steps, $10^{-5}$ would not halve a weight once, where $10^{-4}$ halves it eight times. The smaller value nearly switches the penalty off. And behind batch normalisation, weight decay has a second job: it keeps the weights from growing and with them, by {eq}`eq-res-scale`, the effective learning rate from falling.
#
# *Divided by 10 on a plateau* is a rule that PyTorch keeps for you. It looks at an error after every epoch and waits `patience` epochs for an improvement:

# %%
watched = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9, weight_decay=1e-4)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(watched, factor=0.1, patience=2)
rates = []
for error in (0.9, 0.7, 0.6, 0.6, 0.6, 0.6, 0.4, 0.35, 0.35, 0.35, 0.35, 0.34):
    watched.step()
    plateau.step(error)
    rates.append(watched.param_groups[0]["lr"])
print("rate after each epoch:", *(f"{rate:g}" for rate in rates))
assert [round(math.log10(rate)) for rate in rates] == [-1] * 5 + [-2] * 5 + [-3] * 2

# %% [markdown]
# On CIFAR-10 the paper uses batches of 128 and divides at fixed steps instead. Its ResNet-110 would not start at a rate of 0.1; it warms up at 0.01 until the training error is below 80 per cent.
#
# (sec-res-paths)=
# ## Many paths, and one block fewer
#
# Formula {eq}`eq-res-expansion` says that a residual network is a sum over paths. {cite:t}`veit2016residual` took that literally. How long are the paths? Going through $k$ of $L$ blocks can be done in
#
# $$
# \binom{L}{k} \text{ ways}, \qquad \sum_{k=0}^{L} \binom{L}{k} = 2^L ,
# $$ (eq-res-paths)
#
# so the lengths are distributed like heads in $L$ tosses of a coin: nearly all paths are about half as long as the network, none but one as long.

# %%
ways = [+math.comb(BLOCKS, k) for k in range(BLOCKS + 1)]
# check: eq-res-paths
assert ways == [lengths.count(k) for k in range(BLOCKS + 1)]
assert sum(ways) == 2**BLOCKS == len(lengths)
L = 54  # blocks of ResNet-110
share = np.array([math.comb(L, k) for k in range(L + 1)], dtype=float) / 2.0**L
low, high = np.searchsorted(share.cumsum(), (0.025, 0.975))
print(f"ResNet-110 has {2.0**L:.0e} paths; 95 % of them go through {low} to {high} of its {L} blocks")

# %% [markdown]
# If the network were such a crowd, one member more or less should not matter. Delete a block: in a residual network the half of the paths that go round it remain. In a plain network there is only one path, and it is cut. They tried it on trained networks; so do we, with the residual network of 32 layers from the beginning. The plain one of 32 layers never learned enough to lose anything, so a plain network of 14 layers stands in.


# %%
def keeps_shape(layer):
    """Whether a layer is a block that can be left out."""
    return isinstance(layer, models.PlainBlock) and layer.stride == 1


def without(net, at):
    """The network without its layer number `at`."""
    return nn.Sequential(*(layer for i, layer in enumerate(net) if i != at)).eval()


def accuracies_without(net, x, y):
    """Accuracy with all blocks, and with each block deleted that can be, by its number among all blocks."""
    blocks = [i for i, layer in enumerate(net) if isinstance(layer, models.PlainBlock)]
    found = {
        number: training.evaluate(without(net, at), x, y).accuracy
        for number, at in enumerate(blocks, start=1)
        if keeps_shape(net[at])
    }
    return training.evaluate(net, x, y).accuracy, found


# %% tags=["nbval-ignore-output"]
# varies: training amplifies the last digits, which differ between processors
nets["plain", 14] = fresh("plain", 14)
training.train(nets["plain", 14], small, labels, seed=SEED, **RECIPE)
judged = small[:500], labels[:500]
deletion = {key: accuracies_without(nets[key], *judged) for key in (("plain", 14), ("residual", 32))}
kept = {}
for (kind, depth), (whole_net, found) in deletion.items():
    kept[kind] = np.mean(list(found.values())) / whole_net
    print(f"{kind}, {depth} layers: {whole_net:.0%} of the training pictures right; with one block deleted")
    print(f"    {min(found.values()):.0%} to {max(found.values()):.0%}, on average {kept[kind]:.0%} of that")
if DATASET == "pocket10":
    assert kept["residual"] > kept["plain"] + 0.15


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-deletion", "caption": "Choose a block of the residual network of 32 layers to delete. Above: the network, with the deleted block crossed out; the two dark blocks change the shape and can't be left out. Below: accuracy on training pictures without that block, beside what deleting any block costs the plain network of 14 layers. Dashed: with all blocks; dotted: guessing."}, "image": {"alt": "Frames of an interactive figure: a chain of fifteen boxes with an arc over each, one of them crossed out, and bars of accuracy for every deletion, one bar highlighted; most residual bars are near the dashed line, the plain ones well below theirs."}}
def draw_deletion(number):
    """One frame: block `number` deleted (0: none)."""
    whole_net, found = deletion["residual", 32]
    fig, axes = plt.subplot_mosaic(
        [["chain", "chain"], ["residual", "plain"]],
        figsize=(8.2, 3.9),
        height_ratios=[1, 2.2],
        width_ratios=[2.6, 1],
    )
    chain = axes["chain"]
    chain.plot([0.2, 16], [0, 0], color="0.5", linewidth=1, zorder=0)
    for i in range(1, 16):
        face = "#8CCBF2" if i in found else "#0072B2"
        chain.add_patch(
            FancyBboxPatch(
                (i - 0.28, -0.3),
                0.56,
                0.6,
                boxstyle="round,pad=0.02",
                facecolor="white" if i == number else face,
                edgecolor="0.3",
            )
        )
        arc = np.linspace(0, np.pi, 30)
        chain.plot(
            i - 0.45 * np.cos(arc),
            0.85 * np.sin(arc),
            color="#D55E00",
            linewidth=2.2 if i == number else 0.9,
            zorder=0,
        )
        if i == number:
            chain.plot(i, 0, "x", color="black", markersize=13, markeredgewidth=2)
    chain.set(xlim=(0, 16.2), ylim=(-0.6, 1.1))
    chain.axis("off")
    for kind, depth in (("residual", 32), ("plain", 14)):
        all_blocks, bars = deletion[kind, depth]
        ax = axes[kind]
        strong = [i == number or kind == "plain" for i in bars]
        ax.bar(
            list(bars),
            [100 * value for value in bars.values()],
            color=["#0072B2" if s else "#8CCBF2" for s in strong],
        )
        ax.axhline(100 * all_blocks, color="black", linestyle="--", linewidth=1.2)
        ax.axhline(10, color="gray", linestyle=":")
        ax.set(ylim=(0, 100), xlabel="deleted block", title=f"{kind}, {depth} layers", xticks=list(bars))
    axes["residual"].set_ylabel("accuracy in %")
    return fig  # fmt: skip


choices = [0, *deletion["residual", 32][1]]
interactive.frames(
    [draw_deletion(number) for number in choices],
    ["none" if number == 0 else number for number in choices],
    name="delete-a-block",
    alt=[
        f"With all blocks the residual network has {deletion['residual', 32][0]:.0%} of the training pictures right."
        if number == 0
        else f"Without block {number} the residual network has {deletion['residual', 32][1][number]:.0%} of the training pictures right."
        for number in choices
    ],
    description="Deleted block",
    start=3,
    dpi=85,
)

# %% [markdown]
# The residual network limps on, and the later the block, the less it is missed; the plain one falls to guessing at once. No one trained either for the loss of a block. Blocks refine a common result, and the next one copes with a result that is a little less refined. The exception is telling: the first blocks behind the stem do more than refine.
#
# Is it an *ensemble*, then? The paths share their weights and are trained together, so they are not independent voters as in a true ensemble. What is established is the effect; the name is a way of seeing it.
#
# ### What batch normalisation adds
#
# Quick question 3 left a worry: if every block adds something as large as its input, the sum grows as $2^L$. Batch normalisation at the *end* of each correction prevents that. However large the input is, what comes out of the normalisation has variance 1. If corrections are uncorrelated with what they are added to, variances add up, block by block, and
#
# $$
# \begin{aligned}
# \operatorname{Var}[x_l] &= \operatorname{Var}[x_0] + l , \\
# \text{share of block } l &= \frac{1}{\operatorname{Var}[x_0] + l} .
# \end{aligned}
# $$ (eq-res-share)
#
# Growth in proportion to the depth, not exponential in it, and the deeper a block stands, the less it changes: at the start of training, deep blocks are close to the identity {cite:p}`de2020batch`. A check on a chain without the last ReLU:

# %%
torch.manual_seed(SEED)
x_wide, variances = torch.randn(32, 64, 6, 6), []
start_variance = x_wide.var().item()
with torch.no_grad():
    for _ in range(24):
        block = models.BasicBlock(64, 64)
        nn.init.kaiming_normal_(block.conv2.weight, nonlinearity="relu")
        x_wide = x_wide + block.residual(x_wide)  # in training mode: the batch's own statistics
        variances.append(x_wide.var().item())
formula = start_variance + np.arange(1, 25)
# check: eq-res-share
assert np.allclose(variances, formula, rtol=0.15)  # corrections are not quite uncorrelated
print("variance after 6, 12, 24 blocks:", *(f"{variances[i]:.0f}" for i in (5, 11, 23)))
print(f"share of block 24 in what it hands on: about {1 / formula[-1]:.0%}")

# %% [markdown]
# It also explains a trick that came later. {cite:t}`goyal2017accurate` start the *last* normalisation of every block with $\gamma = 0$ instead of 1. Then every block is silent at first, the whole network is as shallow as its stem, and it grows deeper as the $\gamma$ do. Exercise 12.3 tries it.
#
# <div class="question">
#
# **Quick question 5.** In which order would you expect the damage, from least to most, when one block is deleted from a trained residual network of 32 layers?
#
# <details class="choice right"><summary>One of the last blocks, the first block of all, a block that changes the shape (if it could be left out)</summary>
#
# Right, for the network above. Late blocks correct a little what is nearly done, the first block prepares the input for all others, and where the shape changes the maps get a new meaning.
#
# </details>
# <details class="choice"><summary>All the same, since every block is on half of the paths</summary>
#
# Every block is on half of the paths by *number*. The paths do not carry equal weight, and the bars above are not of equal height.
#
# </details>
# <details class="choice"><summary>The first block does least, because the shortcut carries the picture past it</summary>
#
# The shortcut carries it, but every later block was trained on what the first one adds. By {eq}`eq-res-share`, the first blocks add the largest shares.
#
# </details>
# </div>
#
# (sec-res-real)=
# ## On real photographs
#
# The experiment of the beginning, in earnest: CIFAR-10 {cite:p}`krizhevsky2009learning` at half its resolution, plain and residual networks of four depths, one recipe for all, several seeds.

# %%
recorded = results.load("cifar10_degradation")
settings, measured = recorded["settings"], recorded["metrics"]


def training_error(kind, depth):
    """Mean and spread over the seeds of the training error, in per cent."""
    accuracy = measured[f"{kind}_{depth}"]["train_accuracy"]
    return 100 * (1 - accuracy["mean"]), 100 * accuracy["spread"]


rows = []
for kind, depth in itertools.product(FAMILIES, settings["depths"]):
    found = [f"{mean:.1f} ± {spread:.1f} %" for mean, spread in [training_error(kind, depth)]]
    rows.append(
        [f"{kind}, {depth} layers", *found, results.percent(measured[f"{kind}_{depth}"]["test_accuracy"])]
    )
print(results.table(rows, ["", "training error", "test accuracy"]))
print(
    f"{settings['train']:,} pictures of {settings['pixels']}×{settings['pixels']}, {settings['epochs']} epochs"
)
times = 64_000 * 128 / (settings["train"] * settings["epochs"])
print(f"the paper's networks saw {times:,.0f} times as many pictures (64,000 steps of 128)")
print()
print(fill(results.provenance(recorded), 75))
shallowest, deepest = settings["depths"][0], settings["depths"][-1]
assert training_error("plain", deepest)[0] > training_error("plain", shallowest)[0] + 10
assert training_error("residual", deepest)[0] < training_error("plain", deepest)[0] - 10  # fmt: skip

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-res-degradation", "caption": "Photographs. Left: training error after training, by depth; mean over the seeds, bars are standard deviations. The plain networks get worse with depth, on the very pictures that they are trained on; residual networks of the same depth are far ahead. Right: the curves of training error, epoch by epoch, mean of the seeds."}, "image": {"alt": "Left, training error against depth: the plain curve rises steeply with depth, the residual curve stays low. Right, training error against epochs for the shallowest and the deepest network of both families; the deep plain one is far above the others."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.5))
for kind, style in (("plain", "o-"), ("residual", "s--")):
    found = np.array([training_error(kind, depth) for depth in settings["depths"]])
    left.errorbar(settings["depths"], found[:, 0], yerr=found[:, 1], fmt=style, capsize=4, label=kind)
curves = [("plain", shallowest), ("plain", deepest), ("residual", shallowest), ("residual", deepest)]
for (kind, depth), style in zip(curves, ("-", "--", "-.", ":"), strict=True):
    error = 100 * (1 - np.array(measured[f"{kind}_{depth}"]["train_accuracy_by_epoch"]["mean"]))
    right.plot(np.arange(1, len(error) + 1), error, style, label=f"{kind}, {depth}")
left.set(xlabel="layers", ylabel="training error in %", xticks=settings["depths"], ylim=(-3, 100))
right.set(xlabel="epoch", ylim=(-3, 100))
left.legend(fontsize=9)
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# The bars say that it is no accident of one seed. (Deep networks need more steps than shallow ones with shortcuts, too; our budget is small.) The original experiment, with full-size pictures, all 50,000 of them and 64,000 steps, has the same outcome: after many times as many pictures as ours have seen, the deeper plain network still has the higher training error {cite:p}`he2016deep`. What we see in minutes is mostly that deep plain networks train *slowly*; what they saw is that they stay behind. The authors suspected "exponentially low convergence rates", and left the reason open.
#
# Deletion, too, on photographs, with test pictures, and this time at equal depth:

# %%
rows = []
depth = settings["deleted_at"]
for kind in FAMILIES:
    found = measured[f"{kind}_{depth}"]
    without_one = found["test_accuracy_without_block"]["mean"]
    rows.append(
        [
            f"{kind}, {depth} layers",
            results.percent(found["test_accuracy"]),
            f"{100 * np.mean(without_one):.1f} %",
            f"{100 * min(without_one):.1f} to {100 * max(without_one):.1f} %",
        ]
    )
print(results.table(rows, ["test accuracy", "all blocks", "one deleted (mean)", "worst to best block"]))
ladder = results.load("ladder_pocket10")
print("\nPocket-10 at full size, test accuracy:")
for rung, title in (("small_cnn", "three convolutions (chapter 7)"), ("resnet20", "ResNet-20")):
    found = ladder["metrics"][rung]["test_accuracy"]
    seeds = len(found["per_seed"])
    print(f"    {title:<32} {results.percent(found)} ({seeds} seed{'s' if seeds > 1 else ''})")

# %% [markdown]
# The last two lines are the top of the ladder that began with nearest neighbours: on Pocket-10 in full size, with augmentation, ResNet-20 has the highest rung, though one seed is no more than an indication. And on ImageNet? With 34 layers and no shortcuts, {cite:t}`he2016deep` report a top-1 validation error of 28.54 per cent, *more* than the 27.94 of 18 layers. With shortcuts, 18 layers have 27.88 and 34 layers
# 25.03. Networks of 50, 101 and 152 layers were better still, and an ensemble of them won the challenge of 2015 with a top-5 error of 3.57 per cent.

# %% [markdown]
# ## Exercises
#
# Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 12.1: how to count to fifty
#
# Why is ResNet-50 called 50? Count its layers with weights by code, with and without the projections, and derive a formula for bottleneck networks with $n_1, \dots, n_4$ blocks. Which depths between 50 and 60 are possible with $n_1 = n_2 = n_4 = 3$?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Only convolutions and fully connected layers count; normalisation and pooling do not.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# There is one projection a stage. Count the modules, and subtract four.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# with torch.device("meta"):
#     model = resnet(*FAMILY[50])
# layers = sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model.modules())
# projections = sum(isinstance(m, Block) and not isinstance(m.shortcut, nn.Identity) for m in model.modules())
# assert (layers, projections) == (54, 4)
# assert [3 * (3 + 3 + n + 3) + 2 for n in range(7, 10)] == [50, 53, 56]
# assert 3 * sum(FAMILY[152][1]) + 2 == 152
# ```
#
# The name leaves the projections out: $3(n_1 + n_2 + n_3 + n_4) + 2$. With $n_3 = 7, 8, 9$ the depths are 50, 53, 56. (The real one has $3, 4, 6, 3$.) Even the first stage needs a projection, from 64 maps to 256, although its stride is 1.
#
# </details>
#
# ### Exercise 12.2: a sum that explodes
#
# Take residual blocks on vectors, $x_l = x_{l-1} + W_l x_{l-1}$, with random $W_l$ of variance $1/n$. By how much does the mean square grow in 20 blocks? By which factor $\alpha$ must the correction be scaled so that it grows by about $e$ at any depth $L$? Check both by code.
#
# <details class="hint"><summary>Hint 1</summary>
#
# $W_l x$ is uncorrelated with $x$ and has the same mean square. What does the sum have?
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# With $\alpha$ in front, each block multiplies by $1 + \alpha^2$. When is $(1 + \alpha^2)^L \approx e$?
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def growth_of(alpha, depth, n=1024):
#     generator = torch.Generator().manual_seed(SEED)
#     x = torch.randn(n, 32, generator=generator)
#     before = x.square().mean()
#     for _ in range(depth):
#         x = x + alpha * torch.randn(n, n, generator=generator) / math.sqrt(n) @ x
#     return (x.square().mean() / before).item()
#
#
# assert 0.8 < growth_of(1.0, 20) / 2**20 < 1.25
# assert all(2.2 < growth_of(depth**-0.5, depth) < 3.2 for depth in (10, 40))
# ```
#
# It doubles in every block, a factor of a million in twenty. With $\alpha = 1/\sqrt L$ it stays near $e$. Batch normalisation at the end of each correction has a similar effect without anyone choosing $\alpha$: block $l$ adds a share of $1/(l+1)$.
#
# </details>
#
# ### Exercise 12.3: start silent
#
# Set $\gamma = 0$ in the last normalisation of every block of a new residual network of 32 layers. Show that each block which keeps its shape is then the identity. Which parameters inside such a block have a gradient in the very first step, and which have none? Repeat the comparison of gradient norms.
#
# <details class="hint"><summary>Hint 1</summary>
#
# `net[3:-3]` are the blocks; `block.bn2.weight` is $\gamma$.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# The correction is $\gamma \hat a + \beta$. Everything inside $\hat a$ receives its gradient through a factor $\gamma$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# net = fresh("residual", 32)
# for block in net[3:-3]:
#     nn.init.zeros_(block.bn2.weight)
# outputs = block_outputs(net, x_batch)
# assert all(torch.equal(outputs[i], outputs[0]) for i in range(1, 5))  # the first stage
#
# norms = gradient_norms(net, x_batch, y_batch)
# assert norms[0] > 0 and (norms[1:] == 0).all()  # the stem learns, no convolution inside a block does
# assert all(block.bn2.weight.grad.norm() > 0 for block in net[3:-3])
# ```
#
# In the first step only $\gamma$ and $\beta$ of the last normalisation move, besides stem and head. From the second step on $\gamma$ is not zero any more and lets the gradient in. The network switches its blocks on one after the other, as far as they are useful. (Not all of them by the same amount: look at the $\gamma$ after ten steps.)
#
# </details>
#
# ### Exercise 12.4: the same money, spent differently
#
# For the price in multiply-adds of two $3 \times 3$ convolutions on 256 maps, how wide can the middle of a bottleneck with 256 maps outside be? And how many bottlenecks with a middle of 64 can you have?
#
# <details class="hint"><summary>Hint 1</summary>
#
# With a middle of $m$ maps: $2 \cdot 256\, m + 9 m^2$ weights. At equal size of the maps, weights and multiply-adds are in proportion.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# A quadratic equation; or let the code try all $m$.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# price = weights_of((3, 256, 256), (3, 256, 256))
# affordable = [m for m in range(1, 600) if weights_of((1, 256, m), (3, m, m), (1, m, 256)) <= price]
# assert max(affordable) == 334
# assert price // weights_of((1, 256, 64), (3, 64, 64), (1, 64, 256)) == 16
# ```
#
# A middle of 334, wider than the outside; or sixteen bottlenecks of three layers each, 48 layers in place of two.
#
# </details>
#
# ### Exercise 12.5: put blocks in the wrong order
#
# {cite:t}`veit2016residual` also *exchanged* blocks. Swap two neighbouring blocks of one stage in the trained residual network of 32 layers, for every pair that has one shape, and compare with the plain network of 14. Then delete two blocks at once, three, four: how does accuracy fall?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Make a list of the layers, exchange two of its entries, and pack it into `nn.Sequential` again.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# Two neighbours can be exchanged if `keeps_shape` holds for both and their numbers of maps agree.
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def swapped(net, i):
#     layers = list(net)
#     layers[i], layers[i + 1] = layers[i + 1], layers[i]
#     return nn.Sequential(*layers).eval()
#
#
# def after_swaps(net):
#     pairs = [i for i in range(len(net) - 1) if keeps_shape(net[i]) and keeps_shape(net[i + 1])
#              and net[i].conv1.in_channels == net[i + 1].conv1.in_channels]
#     return [training.evaluate(swapped(net, i), *judged).accuracy for i in pairs]
#
#
# for key in deletion:
#     print(key, *(f"{value:.0%}" for value in after_swaps(nets[key])))
#
# net, remaining = nets["residual", 32], []
# for _ in range(4):
#     at = [i for i, layer in enumerate(net) if keeps_shape(layer)][-2]
#     net = without(net, at)
#     remaining.append(training.evaluate(net, *judged).accuracy)
# print("after one to four deletions:", *(f"{value:.0%}" for value in remaining))
# ```
#
# The residual network survives most swaps and degrades gradually as more blocks go. That the order hardly matters within a stage is the strongest hint that its blocks refine a shared result in place of passing a baton.
#
# </details>
#
# ### Exercise 12.6: a detour of one layer
#
# A residual block around a *single* linear layer, $y = x + Wx$, with no activation inside, is of no use. Why? And why does a block around one layer *with* its ReLU, $y = x + \operatorname{ReLU}(Wx)$, have a strange limitation in a chain?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Write $x + Wx$ as one matrix.
#
# </details>
# <details class="hint"><summary>Hint 2</summary>
#
# What is the sign of every correction in the second case?
#
# </details>
# <details class="solution"><summary>Solution</summary>
#
# ```python
# W, x = torch.randn(6, 6), torch.randn(6)
# assert torch.allclose(x + W @ x, (torch.eye(6) + W) @ x, atol=1e-5)
# for _ in range(20):
#     before, x = x, x + F.relu(torch.randn(6, 6) @ x)
#     assert (x >= before).all()  # it can only grow
# ```
#
# $x + Wx = (I + W)x$ is an ordinary linear layer, started near the identity. In the second case all corrections are positive, so entries can only grow along the chain and nothing can ever be taken back. The last layer of a correction should therefore be linear (normalisation included), as it is in all blocks of this chapter.
#
# </details>
#
# ## What to remember
#
# 1. Plain deep networks have a higher *training* error than shallow ones, with batch normalisation and healthy signals. A good solution exists, by construction; it is not found.
# 2. A block computes $F(x) + x$. Doing nothing is then the default, and layers learn corrections.
# 3. The Jacobian of a chain is a product of $I + J_l$, a sum over $2^L$ paths. It keeps many directions alive, and nearby gradients alike, where a plain product loses both.
# 4. A bottleneck works on a quarter of the maps; where maps halve, their number doubles, and the shortcut pads with zeros (A) or projects (B).
# 5. The recipe: batch norm after each convolution, He initialisation, SGD with momentum 0.9 from 0.1, divided by 10 on a plateau, weight decay $10^{-4}$, no dropout.
#
# ## Pitfalls
#
# - **ReLU before the sum.** With ReLU as the last part of $F$, corrections are never negative (exercise 12.6). The order is convolution, normalisation, *sum*, ReLU.
# - **In-place additions.** `x += F(x)` changes a tensor that the backward pass may need. Write `x + F(x)`.
# - **A shortcut that does not fit.** If broadcasting happens to make the shapes agree, no error is raised: maps of one channel are added to all. Assert equal shapes while you build.
# - **Forgetting the projection in the first stage** of a bottleneck network: its stride is 1, but its maps grow from 64 to 256.
# - **A bias before batch normalisation** is subtracted again at once. It costs parameters, and the counts no longer agree.
# - **Comparing depths at one training budget only.** Deep networks need more steps; say how many were taken, and look at the training error.
# - **Weights of one variant in another.** Stride in the $1 \times 1$ or in the $3 \times 3$: the parameters have the same shapes and the network gives other answers.
#
# ## History and further reading
#
# That gradients vanish or explode in long chains was worked out for recurrent networks {cite:p}`bengio1994learning`, and the remedy that {cite:t}`hochreiter1997long` found there, a state to which things are *added*, is the ancestor of the shortcut. {cite:t}`srivastava2015highway` brought it to feedforward networks as highway networks, with gates that decide how much of the input to carry on. {cite:t}`he2016deep` left the gates out: the identity
# always passes, at no cost. Their second paper {cite:p}`he2016identity` moves normalisation and ReLU in front of the convolutions, so that
#
# $$
# \begin{aligned}
# x_l &= x_{l-1} + F(x_{l-1}) , \\
# F &= \text{conv} \circ \operatorname{ReLU} \circ \operatorname{BN} \circ \text{conv} \circ \operatorname{ReLU} \circ \operatorname{BN}
# \end{aligned}
# $$
#
# holds exactly (the right column of {numref}`fig-res-blocks`), and trains a network of 1,001 layers.
#
# *Why* it works is still being discussed, and the answers are not exclusive. {cite:t}`veit2016residual` see an ensemble of shallow paths; {cite:t}`balduzzi2017shattered` see gradients that stay correlated; {cite:t}`hardt2017identity` prove that linear residual networks have no bad local minima near the identity; {cite:t}`li2018visualizing` draw loss landscapes, chaotic without shortcuts and smooth with them; {cite:t}`yang2019mean` derive the exploding gradient of
# plain networks with batch normalisation; {cite:t}`de2020batch` show that normalisation makes blocks start near the identity, and that a single scalar can do that too. On training, {cite:t}`goyal2017accurate` scale the recipe to thousands of pictures a batch.
#
# ## Your turn
#
# The assignment on residual networks asks for *variations* of the block that you built here; every one of them needs the two questions of this chapter: what does it compute when its correction is silent, and what does it hand back? Next comes chapter 13: what to do with thirty pictures and a network that has seen a million others.
