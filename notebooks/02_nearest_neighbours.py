# %% [markdown]
# # Nearest neighbours
#
# *To name a picture, find the pictures that look most like it and let them vote.* In this chapter you build that
# classifier from nothing, make it fast, choose its settings honestly, and find out what it really sees.
#
# **What you will be able to do**
#
# 1. Write a nearest neighbour and a k-nearest neighbour classifier, and say what training and prediction cost.
# 2. Explain what the L1 and L2 distances have in common and where they disagree.
# 3. Turn two nested loops into one matrix product, prove that the result is the same, and say why it is fast.
# 4. Say when floating point numbers are exact, and recognise catastrophic cancellation when they are not.
# 5. Choose the metric and $k$ on validation data or by cross-validation, and use the test set once.
# 6. Derive and measure the curse of dimensionality, and say what it does to distances between pictures.
# 7. Show what a distance between pixels sees, what it overlooks, and which shortcuts it takes.
#
# **What you need:** chapter 1 (images as arrays; training, validation and test sets), NumPy, and a little probability.

# %%
from course_utils.results import run_time_note

print(run_time_note("02_nearest_neighbours"))

# %% [markdown]
# The settings of the chapter stand in one cell. Cells that only draw a figure are folded away on the page; unfold them to see how it is done. Change `DATASET` to `"cifar10"` and everything below runs on
# photographs instead of drawn pictures.

# %%
import time
from math import sqrt
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.metrics import confusion_matrix

from course_utils import interactive, plots, results
from course_utils.data import class_names, load, train_validation_split

SEED = 0
DATASET = "pocket10"
plots.use_style()

# %% [markdown]
# (sec-knn-idea)=
# ## A classifier that only remembers
#
# You are shown a picture and asked for its name. You have never been told what makes a truck a truck, but you own an
# album: thousands of pictures with a name under each. A sensible first move is to leaf through the album, find the picture
# that looks most like the one in your hand, and read the name under it.
#
# That is the whole of the **nearest neighbour classifier**. It has no notion of wheels or wings. It has a memory and a
# measure of likeness, and that turns out to be a respectable place to start: it needs no training, it can learn any shape of
# boundary, and it comes with a guarantee that we shall derive. It also fails in ways that explain
# why the rest of this course exists.
#
# First the album. We take 4,000 training pictures, and set a fifth of them aside as validation data, because we shall have
# choices to make. The test pictures go into a drawer until the choices are made.

# %%
names = class_names(DATASET)
pool_images, pool_labels = (part[:4_000] for part in load(DATASET, "train", seed=SEED))
train_images, train_labels, val_images, val_labels = train_validation_split(
    pool_images, pool_labels, validation=0.2, seed=SEED
)
test_images, test_labels = (part[:1_000] for part in load(DATASET, "test", seed=SEED))

for part, images in (
    ("train", train_images),
    ("validation", val_images),
    ("test", test_images),
):
    print(f"{part:>10}: {images.shape}, {images.dtype}")

# %% [markdown]
# A classifier that compares pictures number by number doesn't care that the numbers form a grid, so we lay each picture out
# as one row. The batch $X$ has shape $(N, D)$: $N$ pictures, each with $D = H \cdot W \cdot C_\text{in}$ numbers. We keep the pixel values as
# they are, whole numbers from 0 to 255, but store them as `float64`. Both decisions will pay off in {ref}`sec-knn-exact`.


# %%
def rows(images):
    """Lay out images (N, H, W, C) as rows of an array (N, D) of float64."""
    return images.reshape(len(images), -1).astype(np.float64)


train_x, val_x = rows(train_images), rows(val_images)
num_classes, D = len(names), train_x.shape[1]
print(f"train_x: {train_x.shape}, {train_x.nbytes / 1e6:.0f} MB; D = {D}; C = {num_classes} classes")

# %% [markdown]
# Now the search. For one query picture, subtract it from every picture of the album, square, add up, take the root: that is
# the ordinary Euclidean distance, in $D$ dimensions instead of two. Then sort.

# %% mystnb={"figure": {"name": "fig-knn-first", "caption": "Three queries (left, framed) and the eight training pictures nearest to each, nearest first, with their distance. The likeness is real, but it is a likeness of colours in places: pale against pale, dark band against dark band."}, "image": {"alt": "Three rows of pictures. Each starts with a framed query picture, followed by its eight nearest training pictures with class name and Euclidean distance."}}
fig, axes = plt.subplots(3, 9, figsize=(9, 3.9))
for query, row in zip((0, 1, 2), axes, strict=True):
    distance = np.sqrt(((train_x - val_x[query]) ** 2).sum(axis=1))  # (N,)
    nearest_ones = np.argsort(distance, kind="stable")[:8]
    pictures = [val_images[query], *train_images[nearest_ones]]
    titles = [f"query:\n{names[val_labels[query]]}"]
    titles += [f"{names[train_labels[i]]}\n{distance[i]:,.0f}" for i in nearest_ones]
    for ax, picture, title in zip(row, pictures, titles, strict=True):
        ax.imshow(picture.squeeze(), cmap="gray")
        ax.set_title(title, fontsize=9.5)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
    for spine in row[0].spines.values():
        spine.set(visible=True, linewidth=3, color="black")

# %% [markdown]
# Look at {numref}`fig-knn-first` for a minute before reading on. The neighbours do resemble the query. But ask *in what*: mostly in which
# colour sits where. Whether the object is the same seems to matter only when it brings its colours with it. Keep this
# impression; later we shall put numbers on it.
#
# In the words of chapter 1, the classifier is a pair of functions, `train(images, labels) → model` and
# `predict(model, images) → labels`. Here training is one line, since remembering is all there is to it.


# %%
def train(x, labels):
    """Remember the training pictures x (N, D) and their labels (N,): nothing is computed."""
    return x, labels


def predict_nearest(model, queries):
    """Label each row of queries (M, D) like the training row nearest to it (Euclidean)."""
    x, labels = model
    predicted = np.empty(len(queries), dtype=labels.dtype)
    for i, query in enumerate(queries):
        predicted[i] = labels[((x - query) ** 2).sum(axis=1).argmin()]
    return predicted


model = train(train_x, train_labels)
first = predict_nearest(model, val_x[:40])
print(f"accuracy on {len(first)} validation pictures: {(first == val_labels[:40]).mean():.0%}")
print(f"accuracy of guessing one of {num_classes} classes: {1 / num_classes:.0%}")

# %% [markdown]
# Above guessing, far below useful. Three questions now ask themselves, and they are the plan of the chapter. Is squaring
# differences the right way to compare? Should one neighbour decide alone? And must it be so slow?
#
# One detail first. The function `predict_nearest` leaves out the square root. Is that a bug?
#
# <div class="question">
#
# **Quick question 1.** Why may the search skip the square root?
#
# <details class="choice"><summary>Because the root of a large number is close to the number</summary>
#
# No: the root of 4,000,000 is 2,000. The values change very much; what matters is what happens to their *order*.
#
# </details>
#
# <details class="choice right"><summary>Because the root is increasing, so the order of the neighbours stays the same</summary>
#
# Right. If $u < v$ then $\sqrt u < \sqrt v$, so the smallest squared distance belongs to the smallest distance. Who is nearest,
# second nearest and so on does not change.
#
# </details>
#
# <details class="choice"><summary>Because we only look for differences of zero</summary>
#
# No: a difference of zero means an identical picture, which the album hardly ever holds. We look for the smallest value, whatever it is.
#
# </details>
#
# <details class="choice"><summary>It may not: the predictions above are slightly wrong</summary>
#
# No: try it. Adding `np.sqrt` changes no prediction, for the reason given in another answer.
#
# </details>
# </div>

# %% [markdown]
# (sec-knn-metric)=
# ## What does "near" mean? L1 and L2
#
# A distance turns the difference of two pictures, $D$ numbers, into one number. Two ways of doing so are used most. The **L1 distance**
# (also: city-block, Manhattan) adds up the absolute differences,
#
# $$ d_1(a, b) = \lVert a - b \rVert_1 = \sum_{j=1}^{D} |a_j - b_j|, $$ (eq-knn-l1)
#
# and the **L2 distance** (Euclidean) takes the root of the sum of squares,
#
# $$ d_2(a, b) = \lVert a - b \rVert_2 = \sqrt{\sum_{j=1}^{D} (a_j - b_j)^2}. $$ (eq-knn-l2)
#
# An example small enough to do in your head: two grey pictures of 2×3 pixels.

# %%


def l1_distance(a, b):
    return np.abs(a - b).sum()


def l2_distance(a, b):
    return np.sqrt(((a - b) ** 2).sum())


gray = np.array([[10, 20, 30], [40, 50, 60]])
other = np.array([[13, 20, 26], [40, 50, 60]])
print("|a - b| =", np.abs(gray - other).tolist())
print(
    "L1 = 3 + 4 =",
    l1_distance(gray, other),
    "   L2 = sqrt(9 + 16) =",
    l2_distance(gray, other),
)

# check: eq-knn-l1, eq-knn-l2
assert l1_distance(gray, other) == 7 == np.linalg.norm((gray - other).ravel(), ord=1)
assert l2_distance(gray, other) == 5 == np.linalg.norm((gray - other).ravel(), ord=2)

# %% [markdown]
# ### What the two look like
#
# Fix one picture in the origin and ask which others lie at distance 1. In two dimensions we can draw the answer. The points at L2 distance 1
# form a circle, the points at L1 distance 1 a diamond with its corners on the axes. ({numref}`fig-knn-balls` also shows L∞, the largest
# single difference; exercise 2.1 tries it.)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-balls", "caption": "All points at distance 1 from the centre. The L1 diamond reaches the L2 circle only on the axes: there a single coordinate carries the whole difference. On the diagonal, where both coordinates share it, L1 counts the point as farther away."}, "image": {"alt": "A diamond inside a circle inside a square, all centred on the origin and touching at the four points where the axes meet the circle."}}
angle = np.linspace(0, 2 * np.pi, 400)
circle = np.stack([np.cos(angle), np.sin(angle)])
fig, ax = plt.subplots(figsize=(5, 4.6))
for label, p, style in (
    ("L1: diamond", 1, "-"),
    ("L2: circle", 2, "--"),
    ("L∞: square", np.inf, ":"),
):
    ball = circle / np.linalg.norm(circle, ord=p, axis=0)  # every direction, scaled to length 1
    ax.plot(*ball, style, linewidth=2.5, label=label)
ax.axhline(0, color="gray", linewidth=0.8)
ax.axvline(0, color="gray", linewidth=0.8)
ax.set(
    aspect="equal",
    xlabel="difference in the first number",
    ylabel="difference in the second number",
)
_ = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

# %% [markdown]
# The circle looks the same from every side; the diamond doesn't. This is the deep difference between the two: **L2 does not know
# the coordinate axes, L1 does.** Take an arrow of length $r$ at the angle $\theta$. Its L2 length is $r$ whatever $\theta$ is. Its L1 length is
#
# $$ r\,\bigl(|\cos\theta| + |\sin\theta|\bigr), $$ (eq-knn-angle)
#
# which goes up from $r$ on the axis to $\sqrt 2\, r$ on the diagonal and back.

# %%
turns = np.linspace(0, 2 * np.pi, 73)
arrows = np.stack([np.cos(turns), np.sin(turns)], axis=1)  # (73, 2), all of length r = 1
by_formula = np.abs(np.cos(turns)) + np.abs(np.sin(turns))

# check: eq-knn-angle
assert np.allclose(np.linalg.norm(arrows, ord=1, axis=1), by_formula)
assert np.allclose(np.linalg.norm(arrows, ord=2, axis=1), 1)
print(f"over a full turn, L1 runs from {by_formula.min():.3f} to {by_formula.max():.3f}; L2 stays at 1")

# %% [markdown]
# Move the slider and watch.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-rotation", "caption": "Turn the arrow with the slider: its L2 length stays, its L1 length changes by up to √2."}, "image": {"alt": "An arrow from the centre to the unit circle at several angles, each with two bars for its L1 and L2 lengths."}}
degrees = np.arange(0, 91, 7.5)
pictures, alts, texts = [], [], []
for degree in degrees:
    theta = np.deg2rad(degree)
    arrow = np.array([np.cos(theta), np.sin(theta)])
    l1, l2 = np.abs(arrow).sum(), np.sqrt((arrow**2).sum())
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), gridspec_kw={"width_ratios": [1, 1.5]})
    left.plot(*circle, "--", color="C1", linewidth=1.5)
    left.plot(*(circle / np.abs(circle).sum(axis=0)), "-", color="C0", linewidth=1.5)
    left.annotate(
        "",
        xy=arrow,
        xytext=(0, 0),
        arrowprops={"arrowstyle": "-|>", "linewidth": 2.5, "color": "black"},
    )
    left.set(
        aspect="equal",
        xlim=(-1.25, 1.25),
        ylim=(-1.25, 1.25),
        title=f"angle {degree:g}°",
    )
    right.barh(["L2", "L1"], [l2, l1], height=0.5, color=["C1", "C0"])
    right.set(xlim=(0, 1.6), xlabel="length of the arrow")
    for y, value in enumerate((l2, l1)):
        right.text(value + 0.02, y, f"{value:.2f}", va="center")
    pictures.append(fig)
    texts.append(f"{degree:g}°")
    alts.append(f"An arrow at {degree:g} degrees. Bars: L2 length {l2:.2f}, L1 length {l1:.2f}.")
interactive.frames(
    pictures,
    texts,
    name="knn-rotation",
    dpi=95,
    alt=alts,
    description="Angle",
)

# %% [markdown]
# In $D$ dimensions the same game is played with more room. For every difference $u$,
#
# $$ \lVert u \rVert_2 \;\le\; \lVert u \rVert_1 \;\le\; \sqrt{D}\,\lVert u \rVert_2. $$ (eq-knn-norms)
#
# *Left inequality:* square both sides; $\lVert u\rVert_1^2 = \sum_j u_j^2 + \sum_{i \ne j} |u_i||u_j|$, and the second sum isn't negative. It is zero when only one
# coordinate differs. *Right inequality:* Cauchy–Schwarz for the vectors $(|u_1|, \dots, |u_D|)$ and $(1, \dots, 1)$, whose lengths are $\lVert u\rVert_2$ and $\sqrt D$;
# equality when all $|u_j|$ are the same. We check the inequalities on real differences of pictures, and the two extremes on made-up ones.

# %%
differences = train_x[:200] - train_x[200:400]
in_l1, in_l2 = (
    np.abs(differences).sum(axis=1),
    np.sqrt((differences**2).sum(axis=1)),
)

# check: eq-knn-norms
assert (in_l2 <= in_l1).all() and (in_l1 <= np.sqrt(D) * in_l2).all()

one_pixel, everywhere = np.zeros(D), np.ones(D)
one_pixel[D // 2] = 1
assert np.abs(one_pixel).sum() == np.linalg.norm(one_pixel)
assert np.isclose(np.abs(everywhere).sum(), np.sqrt(D) * np.linalg.norm(everywhere))

print(f"possible range of L1 / L2: 1 to {np.sqrt(D):.1f}")
print(f"between pairs of pictures: {(in_l1 / in_l2).min():.1f} to {(in_l1 / in_l2).max():.1f}")

# %% [markdown]
# So at the same L2 distance, L1 is small when *few* numbers differ *much* (a sign stuck on the object, a wire across the
# picture) and large when *all* numbers differ *a little* (fog, another exposure). Squaring turns this round: L2 is
# dominated by the largest disagreements. Neither is right in general. It is a choice, so it will be made on validation data.
#
# Is a turned coordinate system more than geometry? Here is one. A pixel's colour is three numbers: red, green, blue. Many image
# formats use other axes: one for brightness, two for colour. Take three perpendicular ones, which makes the change of axes a rotation. We look
# for the nearest neighbours of 40 queries before and after.


# %%
def nearest_by(queries, x, metric):
    """Index (M,) of the row of x nearest to each query; metric: (N, D) differences -> (N,)."""
    return np.array([metric(x - query).argmin() for query in queries])


def l1_metric(difference):
    return np.abs(difference).sum(axis=1)


def l2_metric(difference):
    return (difference**2).sum(axis=1)


new_axes = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])  # brightness, two colours
assert np.allclose(new_axes @ new_axes.T, np.eye(3))
album, asked = train_images[:500].astype(float), val_images[:40].astype(float)
turned_album, turned_asked = album @ new_axes.T, asked @ new_axes.T
for label, metric in (("L2", l2_metric), ("L1", l1_metric)):
    before = nearest_by(asked.reshape(40, -1), album.reshape(len(album), -1), metric)
    after = nearest_by(turned_asked.reshape(40, -1), turned_album.reshape(len(album), -1), metric)
    changed = (before != after).sum()
    print(f"{label}: the nearest neighbour changes for {changed} of {len(asked)} queries")
    assert label == "L1" or changed == 0

# %% [markdown]
# The same pictures, the same album, only the colours are written down in another coordinate system: L2 doesn't notice, L1 changes
# its mind for some queries. If your coordinates mean something (counts, lengths, prices), L1 respects them. If they are an accident of the file format, L2 is
# the safer habit.
#
# <div class="question">
#
# **Quick question 2.** All pictures, in the album and in the queries, have their pixels shuffled by one and the same random permutation. What happens to the
# accuracy of the nearest neighbour classifier?
#
# <details class="choice"><summary>It falls to guessing, since nobody can recognise anything</summary>
#
# No. *You* can't recognise anything any more, because your eyes use the fact that neighbouring pixels belong together. The distance never used it.
#
# </details>
#
# <details class="choice"><summary>It falls a little with L1 and stays the same with L2</summary>
#
# No. A permutation is a special rotation, one that maps axes to axes. L1 depends on the direction of the axes, but not on their order.
#
# </details>
#
# <details class="choice right"><summary>Nothing at all: every distance stays exactly the same</summary>
#
# Right. Equations {eq}`eq-knn-l1` and {eq}`eq-knn-l2` are sums over $j$, and a sum doesn't depend on the order of its terms.
#
# </details>
#
# <details class="choice"><summary>It rises, because shuffling removes the distracting background</summary>
#
# No: shuffling removes nothing. All numbers are still there, background included, only at other places.
#
# </details>
# </div>

# %%
permutation = np.random.default_rng(SEED).permutation(D)
plain = predict_nearest(train(train_x[:500], train_labels[:500]), val_x[:60])
shuffled = predict_nearest(train(train_x[:500, permutation], train_labels[:500]), val_x[:60, permutation])
assert (shuffled == plain).all()
print(f"predictions that differ after shuffling: {(shuffled != plain).sum()} of {len(plain)}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-shuffled", "caption": "Above as they are, below with one random permutation applied to the numbers of all pictures. To the distances of this chapter the two rows are the same data set."}, "image": {"alt": "Top row: eight training pictures. Bottom row: the same pictures as coloured noise after their pixels were permuted."}}
fig, axes = plt.subplots(2, 8, figsize=(8.8, 2.4))
for column in range(8):
    for row, picture in enumerate((train_x[column], train_x[column, permutation])):
        axes[row, column].imshow(
            picture.reshape(train_images.shape[1:]).squeeze().astype(np.uint8),
            cmap="gray",
        )
        axes[row, column].axis("off")

# %% [markdown]
# Keep this result for the chapters on convolution. A method that can't tell a picture from a shuffled one throws away the most useful fact
# about pictures: that pixels have neighbours.

# %% [markdown]
# (sec-knn-k)=
# ## One vote or many
#
# The nearest picture may be a freak: mislabelled, oddly lit, or simply on the wrong side of a fuzzy border. Asking one witness is risky; asking
# several and taking the majority is safer. The **k-nearest neighbour classifier** (k-NN) finds the $k$ nearest training examples and returns
# the label that occurs most often among them. With $k = 1$ it is the nearest neighbour classifier again.
#
# Two short functions do it. `nearest` sorts each row of a distance matrix, of shape $(M, N)$ for $M$ queries. The sort is *stable*: among equal distances the
# earlier training example comes first, so that the result is the same everywhere. `vote` counts labels; when two classes have the same number of
# votes, `argmax` takes the one with the smaller label. That is arbitrary, but definite.


# %%
def nearest(distances, k):
    """Return the columns (M, k) of the k smallest entries of each row, smallest first."""
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def vote(neighbour_labels, num_classes):
    """Return the most frequent label of each row (M, k); the smallest label wins a tie."""
    counts = (neighbour_labels[:, :, None] == np.arange(num_classes)).sum(axis=1)  # (M, C)
    return counts.argmax(axis=1)


example = np.array([[3.0, 1.0, 2.0, 0.5], [1.0, 1.0, 9.0, 1.0]])
example_labels = np.array([2, 0, 1, 1])
print("three nearest:", nearest(example, 3).tolist())
print("their labels: ", example_labels[nearest(example, 3)].tolist())
print("the vote:     ", vote(example_labels[nearest(example, 3)], 3).tolist())
assert nearest(example, 3).tolist() == [[3, 1, 2], [0, 1, 3]]
assert vote(example_labels[nearest(example, 3)], 3).tolist() == [1, 0]

# %% [markdown]
# To *see* what $k$ does we need data that fit on paper. Three classes in the plane, each made of two round clouds that overlap with the
# others. Because we made the data ourselves, we know the best possible rule: at each point, choose the class with the highest density there.
# It is called the **Bayes rule**, and its error, the Bayes error, is the price of the overlap that no classifier can avoid.

# %%
# (class, cloud, xy): three classes of two clouds each
CENTRES = np.array([[[200, 260], [760, 700]], [[480, 480], [180, 800]], [[520, 860], [820, 260]]])
WIDTH = 125


def toy(n, rng):
    """Draw n points (n, 2) with whole-number coordinates, and their labels (n,)."""
    labels, cloud = rng.integers(0, 3, n), rng.integers(0, 2, n)
    return np.rint(CENTRES[labels, cloud] + WIDTH * rng.normal(size=(n, 2))), labels


def bayes_rule(points):
    """Return the class of highest density at each point (M, 2): what no classifier can beat."""
    squared = ((points[:, None, None, :] - CENTRES) ** 2).sum(axis=-1)  # (M, class, cloud)
    return np.exp(-squared / (2 * WIDTH**2)).sum(axis=2).argmax(axis=1)


rng = np.random.default_rng(SEED)
toy_x, toy_y = toy(240, rng)
fresh_x, fresh_y = toy(2000, rng)
print(f"best possible accuracy on 2,000 new points: {(bayes_rule(fresh_x) == fresh_y).mean():.0%}")

# %% [markdown]
# For points in the plane we can afford to subtract everything from everything at once: NumPy broadcasting makes an array of shape $(M, N, 2)$. (Why that
# is hopeless for pictures is one of the questions in {ref}`sec-knn-fast`.) Sorting the neighbours once serves every $k$.


# %%
def squared_in_the_plane(queries, x):
    """Squared L2 distances (M, N) between queries (M, 2) and x (N, 2)."""
    return ((queries[:, None, :] - x[None, :, :]) ** 2).sum(axis=-1)


side = np.arange(0, 1001, 8)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(float)
grid_neighbours = toy_y[nearest(squared_in_the_plane(grid, toy_x), len(toy_x))]
fresh_neighbours = toy_y[nearest(squared_in_the_plane(fresh_x, toy_x), len(toy_x))]
own_neighbours = toy_y[nearest(squared_in_the_plane(toy_x, toy_x), len(toy_x))]
best_regions = bayes_rule(grid).reshape(len(side), -1)
borders = np.zeros(best_regions.shape, dtype=bool)  # where the best rule changes its mind
borders[:-1] |= best_regions[:-1] != best_regions[1:]
borders[:, :-1] |= best_regions[:, :-1] != best_regions[:, 1:]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-boundaries", "caption": "Shaded: the decision of k-NN. Dotted: the best possible borders. Small k draws an island round every stray point, large k forgets the small clouds, and k = 240 asks everybody and always gives the same answer."}, "image": {"alt": "Regions of three classes in the plane with 240 training points, for several values of k: ragged with islands for small k, smooth for middling k, hardly related to the points for large k."}}
pale = ListedColormap(["#bcd9ee", "#f9e3b4", "#b2e0d1"])
pictures, alts, texts = [], [], []
for k in (1, 3, 5, 7, 9, 11, 15, 21, 31, 45, 61, 91, 131, 181, 240):
    regions = vote(grid_neighbours[:, :k], 3).reshape(len(side), -1)
    seen = (vote(own_neighbours[:, :k], 3) == toy_y).mean()
    new = (vote(fresh_neighbours[:, :k], 3) == fresh_y).mean()
    fig, ax = plt.subplots(figsize=(5.6, 5.4))
    ax.imshow(
        regions,
        cmap=pale,
        vmin=0,
        vmax=2,
        origin="lower",
        extent=(-4, 1004, -4, 1004),
    )
    ax.plot(
        *(side[np.argwhere(borders)[:, ::-1].T] + 4),
        ".",
        markersize=1.6,
        color="black",
    )
    for c in range(3):
        own = toy_y == c
        ax.scatter(
            *toy_x[own].T,
            marker="os^"[c],
            s=22,
            color=f"C{c}",
            edgecolor="black",
            linewidth=0.5,
        )
    ax.set(xlim=(0, 1000), ylim=(0, 1000), xticks=[], yticks=[])
    ax.grid(False)
    ax.set_title(
        f"k = {k}: {seen:.0%} of the training points, {new:.0%} of new points",
        fontsize=11,
    )
    pictures.append(fig)
    texts.append(str(k))
    alts.append(
        f"Regions of three classes decided by {k} neighbours, with the training points. "
        f"Accuracy: training {seen:.0%}, new points {new:.0%}."
    )
interactive.frames(
    pictures,
    texts,
    name="knn-boundaries",
    dpi=95,
    alt=alts,
    description="k",
)

# %% [markdown]
# Move the slider slowly. With $k = 1$ every training point owns the ground nearest to it, so each stray point gets an island, and the accuracy on the
# training points is 100 %: each point's nearest neighbour is itself. With growing $k$ the islands vanish and the borders approach the dotted ones. With $k$ far
# too large the vote is no longer local; at $k = N$ every query gets the most common class. The same story as a curve:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-k", "caption": "Accuracy against k on the toy data. On the training points small k looks perfect; on new points a middling k is best and comes close to the Bayes rule. Nothing about the left end of the training curve tells you so."}, "image": {"alt": "Line plot against k on a logarithmic axis. Training accuracy starts at 100 percent and falls. Accuracy on new points rises to a plateau below the dashed Bayes line, then falls steeply for large k."}}
toy_ks = [k for k in range(1, 182, 2) if k < 30 or k % 8 == 1]
seen = [(vote(own_neighbours[:, :k], 3) == toy_y).mean() for k in toy_ks]
new = [(vote(fresh_neighbours[:, :k], 3) == fresh_y).mean() for k in toy_ks]

fig, ax = plt.subplots(figsize=(7.5, 4))
ax.plot(toy_ks, np.multiply(100, seen), "o-", markersize=4, label="training points")
ax.plot(toy_ks, np.multiply(100, new), "s-", markersize=4, label="new points")
ax.axhline(
    100 * (bayes_rule(fresh_x) == fresh_y).mean(),
    linestyle="--",
    color="black",
    label="Bayes rule, new points",
)
ax.set(
    xscale="log",
    xlabel="k, the number of neighbours that vote",
    ylabel="accuracy in %",
    xticks=[1, 3, 10, 30, 100],
)
ax.set_xticklabels(["1", "3", "10", "30", "100"])
ax.minorticks_off()
_ = ax.legend()

# %% [markdown]
# Small $k$ is the flexible end: it follows every accident of the sample and **overfits**. Large $k$ is the stiff end: it averages
# away real structure and **underfits**. This trade returns in every chapter, for every kind of model. Here it has a single knob.
#
# <div class="question">
#
# **Quick question 3.** You evaluate 1-NN on the pictures it was trained on and get 100 %. What have you learnt about it?
#
# <details class="choice"><summary>The classifier is perfect on this kind of data</summary>
#
# No: it would score 100 % on random labels too. Each picture finds itself, at distance 0.
#
# </details>
#
# <details class="choice right"><summary>Nothing about new pictures; at most that no two identical pictures have different labels</summary>
#
# Right. A perfect score on the training set is built into the method, so it can't be evidence for anything else.
#
# </details>
#
# <details class="choice"><summary>That k = 1 is the best choice</summary>
#
# No: {numref}`fig-knn-k` shows $k = 1$ perfect on the training points and clearly below larger $k$ on new ones.
#
# </details>
#
# <details class="choice"><summary>That there is a bug</summary>
#
# No: 100 % is exactly what a correct implementation must give (it makes a good unit test, in fact). Anything less would be the bug, or contradictory
# labels on identical pictures.
#
# </details>
# </div>

# %% [markdown]
# (sec-knn-bayes)=
# ### A guarantee: at most twice the best possible error
#
# How good can such a simple rule get, given all the data in the world? {cite:t}`cover1967nearest` gave a beautiful answer: with enough data,
# the error of 1-NN is at most *twice* the Bayes error. Here is the argument for two classes.
#
# Let $\eta(x)$ be the probability that a query at $x$ has label 1. Even knowing $\eta$, the best you can do is bet on the likelier
# label, so the Bayes error at $x$ is $r^*(x) = \min(\eta, 1 - \eta)$. Now the nearest neighbour: with more and more data it moves closer and closer to $x$, so its
# label is in the limit an independent draw with the same $\eta$. The rule errs when the two draws differ: query 1 and neighbour 0, or the other way round,
#
# $$ r(x) = \eta(1 - \eta) + (1 - \eta)\eta = 2\,\eta\,(1 - \eta) = 2\, r^*(x)\,\bigl(1 - r^*(x)\bigr). $$ (eq-knn-local)
#
# %%
dice = np.random.default_rng(SEED)
eta = np.array([0.0, 0.1, 0.25, 0.5, 0.8])  # five places with different certainty
query_label, neighbour_label = dice.random((2, 200_000, 5)) < eta
differ = (query_label != neighbour_label).mean(axis=0)
r_star = np.minimum(eta, 1 - eta)
local_error = 2 * r_star * (1 - r_star)
for line in zip(eta, r_star, local_error, differ, strict=True):
    print("eta {:.2f}: best possible error {:.2f}; error of 1-NN {:.3f}, simulated {:.3f}".format(*line))

# check: eq-knn-local
assert np.allclose(local_error, eta * (1 - eta) + (1 - eta) * eta) and abs(differ - local_error).max() < 0.005

# %% [markdown]
# Average over all queries, and write $R^*$ and $R$ for the averages of $r^*$ and $r$. Since $\mathrm{E}[r^{*2}] \ge (\mathrm{E}[r^*])^2$,
#
# $$ R^* \;\le\; R \;\le\; 2\, R^* (1 - R^*) \;\le\; 2 R^*. $$ (eq-knn-coverhart)
#
# Check it where everything can be computed by hand: $x$ uniform on $[0, 1]$ and $\eta(x) = x$. Then $R^* = \int_0^1 \min(x, 1-x)\,dx = \tfrac14$, the limit of 1-NN is
# $R = \int_0^1 2x(1-x)\,dx = \tfrac13$, and the bound is $2 \cdot \tfrac14 \cdot \tfrac34 = \tfrac38$. We simulate it. On a line, the nearest neighbour is one of the two
# sorted points around the query, so a million training points are no trouble.


# %%
def nearest_on_line(sorted_x, queries):
    """Index (M,) of the entry of sorted_x (N,) nearest to each query (M,)."""
    above = np.searchsorted(sorted_x, queries).clip(1, len(sorted_x) - 1)
    nearer_below = queries - sorted_x[above - 1] <= sorted_x[above] - queries
    return above - nearer_below


line_rng = np.random.default_rng(SEED)
places = line_rng.random(200_000)  # the queries
answers = line_rng.random(200_000) < places  # label 1 with probability eta(x) = x
for size in (2, 5, 20, 100, 1_000, 1_000_000):
    errors = []
    for _repeat in range(200 if size <= 100 else 1):  # small training sets are luck: average over many
        try_these = line_rng.integers(0, 200_000, 5_000) if size <= 100 else slice(None)
        known = np.sort(line_rng.random(size))
        known_labels = line_rng.random(size) < known
        errors.append((known_labels[nearest_on_line(known, places[try_these])] != answers[try_these]).mean())
    print(f"N = {size:>9,}: error of 1-NN {np.mean(errors):.3f}")
bayes_error = ((places > 0.5) != answers).mean()
bound = 2 * bayes_error * (1 - bayes_error)
print(f"Bayes error {bayes_error:.3f} (exact 1/4), limit 1/3 = 0.333, bound {bound:.3f} (exact 3/8)")

# check: eq-knn-coverhart
assert abs(bayes_error - 1 / 4) < 0.004 and abs(np.mean(errors) - 1 / 3) < 0.004
assert bayes_error <= np.mean(errors) <= bound <= 2 * bayes_error

# %% [markdown]
# The simulation lands on the derived value and below the bound. Read the theorem twice, though. It says *with enough data*, and says
# nothing about how much that is. On a line a hundred points are plenty. In 3,072 dimensions "the neighbour moves closer and closer" is a promise with a
# very long delivery time; we come back to it in {ref}`sec-knn-curse`.

# %% [markdown]
# (sec-knn-fast)=
# ## From two loops to none
#
# Time to make it fast. All we need is the matrix of squared L2 distances, shape $(M, N)$, between $M$ queries and $N$ training pictures. We write it three times, and
# each version must give the same numbers as the one before. This habit, slow and obvious first, then fast, always compared, will
# serve you for convolutions and backpropagation too.
#
# **Two loops**: the definition, word for word.


# %%
def two_loops(queries, x):
    """Squared L2 distances (M, N) between queries (M, D) and x (N, D), pair by pair."""
    squared = np.empty((len(queries), len(x)), dtype=x.dtype)
    for i in range(len(queries)):
        for j in range(len(x)):
            squared[i, j] = ((queries[i] - x[j]) ** 2).sum()
    return squared


# %% [markdown]
# **One loop**: broadcasting subtracts a query from all training pictures at once. Python is left only $M$ times.


# %%
def one_loop(queries, x):
    """Squared L2 distances (M, N), one query at a time."""
    squared = np.empty((len(queries), len(x)), dtype=x.dtype)
    for i in range(len(queries)):
        squared[i] = ((queries[i] - x) ** 2).sum(axis=1)
    return squared


# %% [markdown]
# **No loop** needs an idea, since the difference $a - b$ belongs to a *pair* and there are $M \cdot N$ of them. Multiply out, and the pair falls apart into pieces
# that belong to $a$ alone, to $b$ alone, and one product:
#
# $$ \lVert a - b \rVert_2^2 = \sum_j (a_j - b_j)^2 = \sum_j \bigl(a_j^2 - 2 a_j b_j + b_j^2\bigr) = \lVert a \rVert_2^2 - 2\, a \cdot b + \lVert b \rVert_2^2. $$ (eq-knn-expand)
#
# For all pairs together, let row $i$ of $Q$ be query $i$ and row $j$ of $X$ training picture $j$. The products $a \cdot b$ are the entries of $Q X^\top$, so
#
# $$ S_{ij} = \lVert q_i \rVert_2^2 + \lVert x_j \rVert_2^2 - 2\, (Q X^\top)_{ij}, $$ (eq-knn-matrix)
#
# a column of $M$ numbers, a row of $N$ numbers, and one matrix product, of shape $(M, D) \cdot (D, N) \to (M, N)$.


# %%
def no_loops(queries, x):
    """Squared L2 distances (M, N) by one matrix product."""
    of_queries = (queries**2).sum(axis=1)[:, None]  # (M, 1)
    of_x = (x**2).sum(axis=1)[None, :]  # (1, N)
    return of_queries + of_x - 2 * (queries @ x.T)


u, v = np.array([3.0, 1.0, 4.0]), np.array([1.0, 5.0, 9.0])
# check: eq-knn-expand
assert ((u - v) ** 2).sum() == (u**2).sum() - 2 * (u @ v) + (v**2).sum() == 45

small_q, small_x = (
    np.array([[3.0, 1.0], [4.0, 1.0]]),
    np.array([[5.0, 9.0], [2.0, 6.0], [5.0, 3.0]]),
)
# check: eq-knn-matrix
assert no_loops(small_q, small_x).tolist() == [[68, 26, 8], [65, 29, 5]]  # by hand

# %% [markdown]
# On pictures, all three must give the same numbers:

# %%
few, some = val_x[:20], train_x[:60]
slow = two_loops(few, some)
assert np.array_equal(one_loop(few, some), slow)
assert np.array_equal(no_loops(few, some), slow)
print(f"{slow.size} squared distances; two loops, one loop and no loop agree in every bit")
print("the first three:", slow[0, :3])

# %% [markdown]
# (sec-knn-exact)=
# ### Why they agree in every bit
#
# `array_equal` asks for *equality*, not for closeness. Floating point sums depend on the order of summation, and the three versions add in very
# different orders. So why are they equal? Because our numbers are whole. A `float64` represents every integer up to $2^{53} \approx 9 \cdot 10^{15}$ exactly, and a sum of exact
# integers that stays below is exact, in any order, on any processor. A squared difference is at most $255^2 = 65{,}025$, so a squared distance is at most
# $65{,}025 \cdot D$. That leaves plenty of room, also for the two norms and the product in {eq}`eq-knn-matrix`.
#
# In `float32` the limit is $2^{24}$. Which sums fit?

# %%
for label, largest in (
    ("L1 distance", 255 * D),
    ("squared L2 distance", 255**2 * D),
):
    fits32, fits64 = largest <= 2**24, largest <= 2**53
    print(f"{label:>19} up to {largest:>11,}; exact in float32: {fits32}, in float64: {fits64}")

# %% [markdown]
# This is why we kept the pixels whole and used `float64`: **every accuracy in this chapter is the same on every machine**, to the last vote. L1
# distances are exact even in `float32`. Squared L2 distances aren't.
#
# ### Catastrophic cancellation
#
# What goes wrong in `float32`? Take the smallest possible picture, one pixel, in a brighter unit: $a = 10{,}000.5$ and $b = 10{,}000$. The squared distance is $0.25$.

# %%
a32, b32 = np.float32(10_000.5), np.float32(10_000)
direct = (a32 - b32) ** 2
expanded = a32**2 + b32**2 - np.float32(2) * a32 * b32
print(f"a - b, then squared:  {direct}")
print(f"a² + b² - 2ab:        {expanded}")
print(
    f"a² should be 100010000.25; float32 has {a32**2:.2f}, its neighbours are {np.spacing(a32**2):.0f} away"
)
assert direct == np.float32(0.25) and expanded == 0

# %% [markdown]
# The expansion is right on paper and useless here. Near $10^8$ a `float32` comes in steps of 8, so the quarter we are after was lost before
# the subtraction; the subtraction of two nearly equal large numbers then removes everything that was correct and leaves the rounding. That is called
# **catastrophic cancellation**. In general the error of {eq}`eq-knn-expand` is of the size of the rounding of $\lVert a \rVert^2$, however small the distance is.
# It hurts where distances are small compared with the norms: for near-duplicates.

# %% tags=["nbval-ignore-output"]
# varies: the order in which the matrix product rounds depends on the processor
exact = no_loops(val_x[:200], train_x)
float32_error = np.abs(no_loops(val_x[:200].astype(np.float32), train_x.astype(np.float32)) - exact)
mean = train_x.mean(axis=0)
centred_error = np.abs(
    no_loops((val_x[:200] - mean).astype(np.float32), (train_x - mean).astype(np.float32)) - exact
)
itself = np.diag(no_loops(train_x[:200].astype(np.float32), train_x[:200].astype(np.float32)))
print(f"smallest squared distance: {exact.min():,.0f}")
print(
    f"largest error in float32:  {float32_error.max():.0f}; after subtracting the mean picture: {centred_error.max():.0f}"
)
print(
    f"'distance' of a picture to itself: from {itself.min():.0f} to {itself.max():.0f}, {(itself < 0).sum()} of 200 negative"
)
assert 0 < float32_error.max() < 5000 and centred_error.max() < 500
assert centred_error.max() < float32_error.max()

# %% [markdown]
# For ranking neighbours an error of some hundreds in some millions is harmless. For asking "is this picture already in the album?" it isn't: a picture
# may have a small *negative* squared distance to itself, and then `np.sqrt` gives `nan`. Remedies, from best to roughest: compute in
# `float64`; subtract the mean picture from both sides first (distances don't change, norms shrink); clip at zero before the root.
#
# ### Race
#
# Now the clock. The yardstick is what this machine can do at best: its rate of multiplying large `float32` matrices (BLAS calls the routine *sgemm*). One distance needs $D$ multiplications
# and $D$ additions in the matrix product, so we count $2D$ operations for every distance, whichever way it is computed. We time also a version without
# NumPy, with a third loop over the pixels, to know where we came from; and the memory, by copying a large array.


# %%
def three_loops(queries, x):
    """Squared L2 distances in plain Python, for lists of lists."""
    return [[sum((q - t) ** 2 for q, t in zip(query, row, strict=True)) for row in x] for query in queries]


def best_time(function, *arguments, repeats=3):
    """Seconds of the fastest of several calls: the one least disturbed by other programs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


# %% tags=["nbval-ignore-output"]
# varies: seconds
train32, val32 = train_x.astype(np.float32), val_x.astype(np.float32)
square = np.random.default_rng(SEED).random((1500, 1500), dtype=np.float32)
sgemm = 2 * 1500**3 / best_time(np.matmul, square, square, repeats=8) / 1e9
copied = np.empty_like(train32)
bandwidth = 2 * train32.nbytes / best_time(np.copyto, copied, train32) / 1e9  # read and written
print(f"this machine: sgemm {sgemm:.0f} GFLOP/s, memory {bandwidth:.0f} GB/s\n")

share = {}
print("version        pairs timed   µs per pair   GFLOP/s   share of sgemm")
for label, function, m, n in (
    ("three loops", three_loops, 2, 5),
    ("two loops", two_loops, 20, 100),
    ("one loop", one_loop, 10, len(train32)),
    ("no loop", no_loops, len(val32), len(train32)),
):
    queries, album = val32[:m], train32[:n]
    if function is three_loops:
        queries, album = queries.tolist(), album.tolist()
    seconds = best_time(function, queries, album)
    rate = 2 * D * m * len(album) / seconds / 1e9
    share[label] = rate / sgemm
    print(
        f"{label:<13} {m * len(album):>12,} {1e6 * seconds / m / len(album):>13.3f} {rate:>9.3f} {share[label]:>15.2%}"
    )
if DATASET == "pocket10":
    assert share["three loops"] < 0.1 * share["two loops"]
    assert share["no loop"] > 4 * max(share["one loop"], share["two loops"])
    assert 0.1 < share["no loop"] < 1.5

# %% [markdown]
# Three lessons are in this table. The step from three loops to two is large: the loop over the pixels now runs in compiled code. The step from two
# loops to one gains little, and on some machines it even loses. And the step to no loop gains far more, though it computes the same.
#
# ### Why the last one is fast
#
# Not because Python was slow; with one loop Python does almost nothing. It is the **memory**. The line `((queries[i] - x) ** 2).sum(axis=1)` reads all of $X$, writes a
# difference as large as $X$, reads it, writes its square, reads that. Five trips through the memory for each number, 20 bytes in `float32`, to do three
# operations. The album is larger than the processor's caches, so the arithmetic units wait for data nearly all the time.
#
# A matrix product uses each number it loads many times: a block of $Q$ and a block of $X$ that fit into the cache together give a whole block of products, all of them needed.
# Libraries (BLAS) are tuned to do just that {cite:p}`goto2008anatomy`. The ratio of operations to bytes that must move is called **arithmetic intensity** {cite:p}`williams2009roofline`.

# %%
M, N = len(val_x), len(train_x)
once = 4 * (M * D + N * D + M * N)  # bytes, if everything is moved just once
print(f"one loop: {3 / 20:.2f} operations per byte moved")
print(f"no loop:  {2 * M * N * D / once:.0f} operations per byte moved, at best (M = {M}, N = {N}, D = {D})")

# %% tags=["nbval-ignore-output"]
# varies: seconds
forecast = 5 * train32.nbytes / (bandwidth * 1e9)
measured = best_time(one_loop, val32[:5], train32) / 5
print(
    f"one loop, one query: {forecast * 1e3:.0f} ms forecast from the memory traffic alone, {measured * 1e3:.0f} ms measured"
)
if DATASET == "pocket10":
    assert 0.05 < forecast / measured < 20

# %% [markdown]
# The forecast uses nothing but the number of bytes and the speed of the memory, and it comes out in the right region. One loop is as slow as its memory traffic, not as its arithmetic.
#
# <div class="question">
#
# **Quick question 4.** NumPy can also avoid both loops by broadcasting: `((queries[:, None, :] - x[None, :, :]) ** 2).sum(axis=-1)`, as we did in the plane. Why not for
# pictures, with $M = 1{,}000$, $N = 4{,}000$, $D = 3{,}072$ in `float32`?
#
# <details class="choice"><summary>It gives different distances</summary>
#
# No: it is the definition and gives the same distances. The trouble lies elsewhere.
#
# </details>
#
# <details class="choice right"><summary>The differences need an array of about 49 GB</summary>
#
# Right: $1{,}000 \cdot 4{,}000 \cdot 3{,}072 \cdot 4$ bytes $\approx 49$ GB, before squaring makes a second one. And if it fitted, it would be as slow as one loop, because all of it goes through the memory.
#
# </details>
#
# <details class="choice"><summary>Broadcasting works in two dimensions only</summary>
#
# No: broadcasting works for any number of dimensions. That is rather the problem: it makes the large array without complaint until the memory is full.
#
# </details>
#
# <details class="choice"><summary>It would need 12 GB, which is a lot but feasible</summary>
#
# Not quite: 12.3 *billion* numbers, but each takes four bytes in `float32`.
#
# </details>
# </div>
#
# ### L1 has no such trick
#
# $|a - b|$ does not multiply out, so L1 can't be written as a matrix product. But the lesson about memory still helps. Go through the album in blocks small enough for the cache, and let all queries visit a
# block before the next one is fetched; write the differences into one small buffer that never leaves the cache. Same arithmetic, less traffic. The row sums are done as a product with a vector of ones, which is
# exact here: L1 distances fit into `float32`.


# %%
def l1_in_blocks(queries, x, block=64):
    """L1 distances (M, N) between whole-number rows, exact in float32, a block of x at a time."""
    queries, x = queries.astype(np.float32), x.astype(np.float32)
    out = np.empty((len(queries), len(x)), dtype=np.float32)
    buffer, ones = (
        np.empty((block, x.shape[1]), dtype=np.float32),
        np.ones(x.shape[1], dtype=np.float32),
    )
    for start in range(0, len(x), block):
        part = x[start : start + block]
        work = buffer[: len(part)]
        for i, query in enumerate(queries):
            np.subtract(part, query, out=work)
            np.abs(work, out=work)
            out[i, start : start + block] = work @ ones
    return out


def l1_one_loop(queries, x):
    """L1 distances (M, N), one query at a time."""
    return np.array([np.abs(x - query).sum(axis=1) for query in queries])


assert np.array_equal(l1_in_blocks(few, some), [[np.abs(q - t).sum() for t in some] for q in few])
assert np.array_equal(l1_in_blocks(few, train_x[:150]), l1_one_loop(few, train_x[:150]))
print("L1 in blocks equals the definition, bit for bit")

# %% tags=["nbval-ignore-output"]
# varies: seconds
whole = best_time(l1_one_loop, val32[:10], train32)
blocks = best_time(l1_in_blocks, val32[:10], train32)
print(
    f"L1 for 10 queries: one loop {whole:.2f} s, in blocks {blocks:.2f} s, {whole / blocks:.1f} times as fast"
)
if DATASET == "pocket10":
    assert 0.6 < whole / blocks < 20

# %% [markdown]
# (sec-knn-validation)=
# ## Choosing the metric and k
#
# The metric and $k$ are **hyperparameters**: settings that training does not find by itself. (Training finds nothing at all here.) How to choose them?
#
# - *By the training set?* It would always pick $k = 1$, since each picture is its own neighbour ({numref}`fig-knn-k`).
# - *By the test set?* Then the test set has taken part in the training, and its figure is no longer an estimate for new pictures but the best of many tries.
# - *By pictures that are neither:* the **validation set**. Try everything on it, choose, and then look at the test set **once**.
#
# One distance matrix and one sort per metric serve all values of $k$.

# %%
KS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 100]
KS = [k for k in KS if k <= len(train_x) // 2]
METRICS = {"L1": l1_in_blocks, "L2": no_loops}


def accuracies(neighbour_labels, truth, ks):
    """Accuracy of the vote of the first k neighbours, for each k: an array (len(ks),)."""
    return np.array([(vote(neighbour_labels[:, :k], num_classes) == truth).mean() for k in ks])


val_distances = {metric: distances(val_x, train_x) for metric, distances in METRICS.items()}
val_neighbours = {metric: nearest(val_distances[metric], max(KS)) for metric in METRICS}
val_accuracy = {
    metric: accuracies(train_labels[val_neighbours[metric]], val_labels, KS) for metric in METRICS
}

print("     k " + "".join(f"{k:>6}" for k in KS))
for metric in METRICS:
    print(f"{metric:>6} " + "".join(f"{value:>6.1%}" for value in val_accuracy[metric]))
best_metric = max(METRICS, key=lambda metric: val_accuracy[metric].max())
best_k = KS[int(val_accuracy[best_metric].argmax())]
print(f"best on validation: {best_metric}, k = {best_k}")

# %% [markdown]
# Is the winner really better than its neighbours in the table, or just lucky? An accuracy measured on $n$ pictures is itself a random number. If the true accuracy is $p$, each picture is
# right with probability $p$, and the standard error of the measured accuracy is $\sqrt{p(1-p)/n}$. For $p = 0.35$ and $n = 800$ that is 1.7 points. Differences smaller than that
# say little.
#
# (sec-knn-folds)=
# ### Cross-validation
#
# When data are few, a validation set large enough to be trusted is a painful sacrifice. **Cross-validation** makes every picture serve both purposes. Cut the data into five parts, called folds. Five times, take one fold as
# the validation set and the other four as the training set. The result is five accuracies for each $k$: a mean, and a spread that tells how much to trust it.
#
# Here too the distances are computed only once, between all pairs of pictures; a fold only selects rows and columns.


# %%
def fold_indices(n, folds, rng):
    """Cut 0 … n - 1, shuffled, into folds parts whose sizes differ by at most one."""
    return np.array_split(rng.permutation(n), folds)


def cross_validate(distances, labels, parts, ks):
    """Accuracies (folds, len(ks)); each part is the validation set once."""
    result = []
    for held_out in parts:
        rest = np.setdiff1d(np.arange(len(labels)), held_out)
        neighbours = nearest(distances[np.ix_(held_out, rest)], max(ks))
        result.append(accuracies(labels[rest][neighbours], labels[held_out], ks))
    return np.array(result)


few_images, few_labels = train_x[:1200], train_labels[:1200]
parts = fold_indices(len(few_images), 5, np.random.default_rng(SEED))
assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(few_images)))
fold_distances = METRICS[best_metric](few_images, few_images)
fold_accuracy = cross_validate(fold_distances, few_labels, parts, KS)
fold_k = KS[int(fold_accuracy.mean(axis=0).argmax())]
print(f"{best_metric}, {len(few_images)} pictures, 5 folds; best mean at k = {fold_k}:")
print(", ".join(f"{value:.1%}" for value in fold_accuracy[:, KS.index(fold_k)]))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-folds", "caption": "Five-fold cross-validation over k: each dot is one fold, the line joins the means, the bars are one standard deviation over the folds. Neighbouring values of k differ by less than the folds do: choose from the plateau and don't quarrel about its highest point."}, "image": {"alt": "Accuracy in percent against k on a logarithmic axis. Five dots for each k scatter around a line of means with error bars; the line is lowest for small k, has a broad plateau and falls for large k."}}
fig, ax = plt.subplots(figsize=(7.5, 4.2))
for fold in fold_accuracy:
    ax.plot(KS, 100 * fold, "o", color="gray", markersize=4, alpha=0.7)
ax.errorbar(
    KS,
    100 * fold_accuracy.mean(axis=0),
    yerr=100 * fold_accuracy.std(axis=0, ddof=1),
    color="C0",
    linewidth=2,
    capsize=4,
    label="mean ± standard deviation",
)
ax.set(
    xscale="log",
    xlabel="k",
    ylabel="accuracy in %",
    xticks=[k for k in (1, 2, 5, 10, 20, 50, 100) if k in KS],
)
ax.set_xticklabels([str(int(tick)) for tick in ax.get_xticks()])
ax.minorticks_off()
_ = ax.legend()

# %% [markdown]
# <div class="question">
#
# **Quick question 5.** You tried 14 values of $k$ and two metrics on the validation set and report the accuracy of the winner *on that validation set* as the performance to expect. What is wrong?
#
# <details class="choice"><summary>Nothing: the validation pictures were not used for training</summary>
#
# They were used for *choosing*, and that is enough. The winner of 28 tries won partly by luck on just these pictures.
#
# </details>
#
# <details class="choice right"><summary>The figure is too high on average: the maximum of many noisy figures</summary>
#
# Right. Each figure is off by a point or two in a random direction, and the maximum prefers those that are off upwards. That is what the untouched test set is for.
#
# </details>
#
# <details class="choice"><summary>The figure is too low, because the final model has more training data</summary>
#
# There is a grain of truth: trained on training and validation data together, the final model may be slightly better. But that doesn't cancel the luck of the winner, and nobody tells you which effect is larger.
#
# </details>
#
# <details class="choice"><summary>14 values are too few to be sure of the best k</summary>
#
# More tries make the problem worse: the more candidates, the luckier the luckiest.
#
# </details>
# </div>
#
# ### The test set, once
#
# The choice is made. The final classifier may remember the validation pictures too, since they have done their duty. Now the drawer is opened, once.

# %%
pool_x, test_x = rows(pool_images), rows(test_images)
test_distances = METRICS[best_metric](test_x, pool_x)
predicted = vote(pool_labels[nearest(test_distances, best_k)], num_classes)
correct = predicted == test_labels
error = sqrt(correct.mean() * (1 - correct.mean()) / len(correct))
print(f"{best_metric}, k = {best_k}, {len(pool_x):,} training pictures, {len(test_x):,} test pictures")
print(
    f"test accuracy {correct.mean():.1%} (standard error {error:.1%}); guessing would give {1 / num_classes:.0%}"
)
if DATASET == "pocket10":
    assert 0.2 < correct.mean() < 0.5

# %% [markdown]
# One number hides a lot. Which classes are easy, and which are taken for which? The **confusion matrix** counts, for each true class (row), how often each class was predicted (column).

# %%
confusion = confusion_matrix(test_labels, predicted, labels=range(num_classes))
percent = 100 * confusion_matrix(test_labels, predicted, labels=range(num_classes), normalize="true")
share_predicted = confusion.sum(axis=0) / confusion.sum()
favourite, neglected = share_predicted.argmax(), share_predicted.argmin()
of_class = np.diag(percent)
print(f"best recognised: {names[of_class.argmax()]}, {of_class.max():.0f} %")
print(f"worst recognised: {names[of_class.argmin()]}, {of_class.min():.0f} %")
print(f"predicted most often: {names[favourite]} ({share_predicted[favourite]:.0%} of all answers)")
print(f"predicted least often: {names[neglected]} ({share_predicted[neglected]:.0%} of all answers)")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-confusion", "caption": "The confusion matrix, in percent of each true class, and the accuracy of each class, which is its diagonal. Look down the columns: some classes attract pictures of all kinds, which is a sign of what the distance likes."}, "image": {"alt": "Left, a ten by ten matrix of percentages, darker on the diagonal and in the columns of a few popular classes. Right, horizontal bars with the accuracy of each class, very uneven."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 5), gridspec_kw={"width_ratios": [2.4, 1]}, sharey=True)
left.imshow(percent, cmap="Blues", vmin=0, vmax=80, aspect="auto")
left.set(
    xticks=range(num_classes),
    yticks=range(num_classes),
    yticklabels=names,
    xlabel="predicted",
    ylabel="true",
)
left.set_xticklabels(names, rotation=45, ha="right")
left.grid(False)
for (true, answer), value in np.ndenumerate(percent):
    left.text(
        answer,
        true,
        f"{value:.0f}",
        ha="center",
        va="center",
        fontsize=10,
        color="white" if value > 45 else "black",
    )
right.barh(range(num_classes), np.diag(percent), color="C0")
right.axvline(
    100 / num_classes,
    color="black",
    linestyle="--",
    linewidth=1.5,
    label="guessing",
)
right.set(xlabel="accuracy of the class in %", xlim=(0, 100))
_ = right.legend(loc="lower right")

# %% [markdown]
# (sec-knn-look)=
# ## What a distance between pixels sees
#
# Accuracy says how often the classifier is wrong. To learn *why*, look at the neighbours it trusted. The slider shows
# validation pictures, some named right and some wrong, each with its six nearest neighbours by L2 and by L1. A neighbour of the right class has a tick.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-gallery", "caption": "Validation pictures and their six nearest neighbours by L2 (above) and L1 (below). In the wrong answers ask: what do query and neighbours share instead of the class?"}, "image": {"alt": "Rows of small pictures: a query and its six nearest neighbours by two distances; neighbours of the right class have a tick."}}
votes = vote(train_labels[val_neighbours[best_metric][:, :best_k]], num_classes)
right_ones, wrong_ones = (
    np.flatnonzero(votes == val_labels),
    np.flatnonzero(votes != val_labels),
)
# A dozen queries; six of them right, if there are six.
some_of_both = np.concatenate([right_ones[:6], wrong_ones, right_ones[6:]])[:12]
pictures, alts, texts = [], [], []
for number, query in enumerate(np.sort(some_of_both), start=1):
    truth = val_labels[query]
    fig, axes = plt.subplots(2, 7, figsize=(8, 3.1))
    for metric, line in zip(("L2", "L1"), axes, strict=True):
        chosen = val_neighbours[metric][query][:6]
        for ax, picture in zip(line, [val_images[query], *train_images[chosen]], strict=True):
            ax.imshow(picture.squeeze(), cmap="gray")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_title(f"query: {names[truth]}", fontsize=10, fontweight="bold")
        line[0].set_ylabel(metric, rotation=0, ha="right", va="center", fontsize=12)
        for ax, i in zip(line[1:], chosen, strict=True):
            same = train_labels[i] == truth
            ax.set_title(
                ("✓ " if same else "") + names[train_labels[i]],
                fontsize=10,
                fontweight="bold" if same else "normal",
            )
    outcome = "right" if votes[query] == truth else "wrong"
    agreeing = {
        metric: int((train_labels[val_neighbours[metric][query][:6]] == truth).sum()) for metric in METRICS
    }
    pictures.append(fig)
    texts.append(f"{number}: {outcome}")
    alts.append(
        f"Query {number}, class {names[truth]}, named {names[votes[query]]} ({outcome}), and its six nearest training "
        f"pictures: {agreeing['L2']} of the right class by L2, {agreeing['L1']} by L1."
    )
interactive.frames(
    pictures,
    texts,
    name="knn-gallery",
    alt=alts,
    description="Query",
    dpi=80,
)

# %% [markdown]
# Again and again the answer is: the background, the overall brightness, a dark thing in the same corner. The neighbours aren't absurd; they answer another question than the one we asked. A few experiments make this precise.
#
# ### Moved by a few pixels
#
# Move a picture to the right by a few pixels. Nobody would call it another picture. How far does it travel, as the distance sees it? A telling yardstick is the nearest *stranger*, the training picture of another
# class that is nearest to the original. We count, over all validation pictures, how often the stranger is nearer than the picture's own shifted copy.


# %%
def shift(images, pixels):
    """Move images (N, H, W, C) to the right; the left edge is repeated."""
    if pixels == 0:
        return images
    edge = np.repeat(images[:, :, :1], pixels, axis=2)
    return np.concatenate([edge, images[:, :, :-pixels]], axis=2)


other_class = train_labels[None, :] != val_labels[:, None]  # (M, N)
strangers = np.where(other_class, val_distances["L2"], np.inf)  # squared distances, (M, N)
shifts = list(range(9))
own_copies = [((rows(shift(val_images, pixels)) - val_x) ** 2).sum(axis=1) for pixels in shifts]  # squared
stranger_nearer = [100 * (strangers.min(axis=1) < own_copy).mean() for own_copy in own_copies]
assert stranger_nearer[0] == 0
print("shift in pixels:  " + "".join(f"{pixels:>5}" for pixels in shifts))
print("stranger nearer: " + "".join(f"{value:>5.0f}" for value in stranger_nearer) + "  %")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-shift", "caption": "How often a picture of another class is nearer to a picture than its own copy, moved to the right. A person would say 0 % over the whole range."}, "image": {"alt": "Line plot rising with the shift in pixels, from zero percent without a shift to a large share of the pictures for a shift of eight pixels."}}
fig, ax = plt.subplots(figsize=(7, 3.6))
ax.plot(shifts, stranger_nearer, "o-")
_ = ax.set(
    xlabel="shift to the right in pixels",
    ylabel="a stranger is nearer, in %",
    ylim=(-3, 103),
)

# %% [markdown]
# ### Three changes of the same size
#
# Now take the smallest shift at which a quarter of the pictures have a stranger nearer than their own copy. Darken the same picture, and cover a part of it, each time so much that the L2 distance from the original is about
# what it is for the shift.


# %%
def l2_between(a, b):
    """L2 distance between two uint8 images."""
    return l2_distance(a.astype(int), b.astype(int))


def closest_to(target, original, candidates):
    """Return the candidate whose L2 distance from the original is closest to the target."""
    return min(
        candidates,
        key=lambda candidate: abs(l2_between(candidate, original) - target),
    )


def covered(image, size):
    """Cover a square of the given size with black."""
    spoiled = image.copy()
    spoiled[6 : 6 + size, 6 : 6 + size] = 0
    return spoiled


def same_distance_variants(original, pixels):
    """Return the image moved, darkened and covered, all about equally far away from it."""
    moved = shift(original[None], pixels)[0]
    target = l2_between(moved, original)
    darker = [np.maximum(original.astype(int) - less, 0).astype(np.uint8) for less in range(160)]
    darkened = closest_to(target, original, darker)
    occluded = closest_to(target, original, [covered(original, size) for size in range(1, 27)])
    return moved, darkened, occluded


moved_by = next((pixels for pixels in shifts if stranger_nearer[pixels] >= 25), shifts[-1])
ratio = strangers.min(axis=1) / own_copies[moved_by]
chosen = np.argsort(ratio, kind="stable")[[len(ratio) // 20, len(ratio) // 5]]  # a stranger is nearer
what = [f"moved by {moved_by}", "darkened", "covered", "a stranger"]
spoiled = [
    [
        *same_distance_variants(val_images[i], moved_by),
        train_images[strangers[i].argmin()],
    ]
    for i in chosen
]
for i, variants in zip(chosen, spoiled, strict=True):
    ds = (
        f"{label} {l2_between(variant, val_images[i]):,.0f}"
        for label, variant in zip(what, variants, strict=True)
    )
    print(f"{names[val_labels[i]]:>10}: " + ", ".join(ds))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-same", "caption": "The original, three spoiled versions that anybody recognises, and the nearest training picture of another class. The number is the L2 distance from the original. To the pixels, the three changes are of one size, and the stranger is nearer than all of them."}, "image": {"alt": "Two rows of five pictures: an original, the original moved, darkened, partly covered, and a picture of another class, each with its distance from the original; the last distance is the smallest."}}
fig, axes = plt.subplots(2, 5, figsize=(8.8, 4.4))
for axes_row, i, variants in zip(axes, chosen, spoiled, strict=True):
    titles = [
        names[val_labels[i]],
        *what[:3],
        f"{what[3]}: {names[train_labels[strangers[i].argmin()]]}",
    ]
    for ax, picture, title in zip(axes_row, [val_images[i], *variants], titles, strict=True):
        ax.imshow(picture.squeeze(), cmap="gray")
        ax.set_title(f"{title}\n{l2_between(picture, val_images[i]):,.0f}", fontsize=10)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)

# %% [markdown]
# To you, the first four pictures of each row of {numref}`fig-knn-same` show one thing and the fifth shows another. To the distance, the fifth is the best match.

# %% [markdown]
# (sec-knn-shortcut)=
# ### The background shortcut
#
# If neighbours agree in background and colour rather than in the object, then a classifier that sees *only* the background, or only the average colour, should do suspiciously well. Chapter 1 called this the context problem.
# We compare k-NN on whole pictures with k-NN on the frame alone (the outer six pixels), on the middle alone, and on three numbers: how much red, green and blue there is in all.

# %%
height, width = train_images.shape[1:3]
middle = np.zeros((height, width), dtype=bool)
middle[6:-6, 6:-6] = True
views = {
    "whole picture": lambda images: rows(images),
    "middle only": lambda images: images[:, middle].reshape(len(images), -1).astype(float),
    "frame only": lambda images: images[:, ~middle].reshape(len(images), -1).astype(float),
    "three sums": lambda images: images.sum(axis=(1, 2), dtype=np.int64).astype(float),
}
for label, view in views.items():
    seen_train, seen_val = view(train_images), view(val_images)
    answers = vote(train_labels[nearest(no_loops(seen_val, seen_train), 10)], num_classes)
    print(f"{label:>20} ({seen_train.shape[1]:>4} numbers): {(answers == val_labels).mean():.1%}")

# %% [markdown]
# Compare the last two lines with guessing. The frame of the picture holds little of the object, and three sums hold nothing of its shape; still they are worth something. This isn't cheating: where ships are photographed on water, water *is* evidence for a ship. But it is a **shortcut**. It works until
# somebody photographs a ship in a dry dock, and nothing in the accuracy on ordinary test pictures warns you.
#
# ### Smooth pictures are everybody's neighbours
#
# If the neighbourhoods were fair, each training picture would be among the ten nearest of about the same number of queries. They aren't. A few pictures, called **hubs** {cite:p}`radovanovic2010hubs`, are neighbours of very many, and most are neighbours of hardly any.

# %%
popularity = np.bincount(val_neighbours["L2"][:, :10].ravel(), minlength=len(train_x))
order = np.argsort(-popularity, kind="stable")
contrast = train_x.std(axis=1)
tenth = len(order) // 10
print(
    f"on average a training picture is a neighbour {popularity.mean():.1f} times, the greatest hub {popularity.max()} times"
)
print(f"never a neighbour: {(popularity == 0).mean():.0%} of the training pictures")
print(
    f"contrast (standard deviation of the pixels): hubs {contrast[order[:tenth]].mean():.0f}, the never chosen "
    f"{contrast[popularity == 0].mean():.0f}, all {contrast.mean():.0f}"
)
if DATASET == "pocket10":
    assert contrast[order[:tenth]].mean() < contrast.mean() < contrast[popularity == 0].mean()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-hubs", "caption": "Above: the eight training pictures that are among the ten nearest neighbours of the most validation pictures, with the count. Below: eight that are nobody's neighbour. Calm pictures of middling brightness win, since they are never very wrong anywhere."}, "image": {"alt": "Top row: eight pale, low-contrast pictures with counts of how many queries they are a neighbour of. Bottom row: eight pictures with strong contrast, each with count zero."}}
fig, axes = plt.subplots(2, 8, figsize=(8.8, 3.1))
for ax, i in zip(axes.ravel(), [*order[:8], *order[-8:]], strict=True):
    ax.imshow(train_images[i].squeeze(), cmap="gray")
    ax.set_title(f"{names[train_labels[i]]}\n{popularity[i]}", fontsize=10)
    ax.axis("off")

# %% [markdown]
# Equation {eq}`eq-knn-expand` explains it. With the mean picture subtracted, the squared distance from a training picture $x$ to a random query $q$ is on average the mean of $\lVert q \rVert^2$ plus $\lVert x \rVert^2$: the product term averages to zero. So a training picture with a small $\lVert x \rVert$, close to the mean
# picture, is near to *everything*. A calm grey picture is a safe answer to any question, like a weather forecast that always says "as usual".

# %% [markdown]
# (sec-knn-curse)=
# ## The curse of dimensionality
#
# The theorem of {ref}`sec-knn-bayes` promised that the nearest neighbour comes closer and closer as data grow. In one dimension it does so at once. How about three thousand? {cite:t}`bellman1961adaptive` called what follows the **curse of dimensionality**. Three derivations, each
# checked by drawing points at random in the unit cube $[0,1]^d$.
#
# ### A neighbourhood is not small
#
# How long must the edge $e$ of a small cube be, to hold a share $p$ of the data? Its volume is $e^d$, so
#
# $$ e^d = p \quad\Longrightarrow\quad e = p^{1/d}. $$ (eq-knn-edge)
#
# For 1 % of the data: on a line a hundredth of the range; in ten dimensions 63 % of the range *of every coordinate*. That is no neighbourhood any more. And where is the rest? Within $\varepsilon$ of the surface, because a point in the interior needs *all* coordinates between
# $\varepsilon$ and $1 - \varepsilon$:
#
# $$ P(\text{within } \varepsilon \text{ of the surface}) = 1 - (1 - 2\varepsilon)^d. $$ (eq-knn-shell)

# %%
cube_rng = np.random.default_rng(SEED)
epsilon, held = 0.05, 0.01
off_edge, off_shell = [], []
print("   d   edge for 1 %   share in it    near the surface: formula, simulated")
for d in (1, 2, 3, 10, 30, 100, 300):
    points = cube_rng.random((20_000, d))
    edge = held ** (1 / d)
    inside = (points < edge).all(axis=1).mean()
    shell = 1 - (1 - 2 * epsilon) ** d
    near_surface = ((points < epsilon) | (points > 1 - epsilon)).any(axis=1).mean()
    off_edge.append(abs(inside - held))
    off_shell.append(abs(near_surface - shell))
    print(f"{d:>4} {edge:>14.3f} {inside:>13.1%} {shell:>28.1%}, {near_surface:.1%}")

# check: eq-knn-edge
assert max(off_edge) < 0.003
# check: eq-knn-shell
assert max(off_shell) < 0.012

# %% [markdown]
# In a hundred dimensions practically *every* point lies near the surface: it is extreme in at least one coordinate. The same holds for a ball: volume grows with $r^d$, so the outer shell of thickness $\varepsilon$ holds $1 - (1 - \varepsilon)^d$ of it.
#
# ### All distances become alike
#
# Let $a$ and $b$ be independent and uniform in the cube. Each coordinate contributes $z = (a_j - b_j)^2$ to the squared distance. The difference of two uniform numbers has the density $2(1 - t)$ at $|a_j - b_j| = t$, so
#
# $$ \mathrm{E}[z] = \int_0^1 t^2 \, 2(1-t)\,dt = \tfrac16, \qquad \mathrm{E}[z^2] = \int_0^1 t^4\, 2(1-t)\,dt = \tfrac1{15}, $$
#
# and the variance of $z$ is $\tfrac1{15} - \tfrac1{36} = \tfrac7{180}$.
#
# The squared distance is a sum of $d$ independent such terms. Its mean grows like $d$, its standard deviation only like $\sqrt d$:
#
# $$ \mathrm{E}\,\lVert a - b\rVert^2 = \frac d6, \qquad \frac{\text{standard deviation}}{\text{mean}} = \frac{\sqrt{7d/180}}{d/6} = \sqrt{\frac{7}{5\,d}}. $$ (eq-knn-concentration)
#
# Relative to their size, distances lose their spread. {cite:t}`beyer1999nearest` showed it for a wide family of distributions: under their conditions the farthest point is hardly farther than the nearest, and "nearest" loses its meaning.

# %%
DIMENSIONS = [1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
PAIRS = 4_000
pair_rng = np.random.default_rng(SEED)
cube_distances, off_mean, off_spread = {}, [], []
print("    d    mean: derived, measured      spread/mean: derived, measured")
for d in DIMENSIONS:
    squared = ((pair_rng.random((PAIRS, d)) - pair_rng.random((PAIRS, d))) ** 2).sum(axis=1)
    mean_derived, spread_derived = d / 6, sqrt(7 / (5 * d))
    spread = squared.std() / squared.mean()
    cube_distances[d] = np.sqrt(squared)
    print(f"{d:>5} {mean_derived:>12.2f}, {squared.mean():<12.2f} {spread_derived:>18.3f}, {spread:.3f}")
    standard_error = spread_derived / sqrt(PAIRS)
    off_mean.append(abs(squared.mean() / mean_derived - 1) / standard_error)
    off_spread.append(abs(spread / spread_derived - 1))

# check: eq-knn-concentration
assert max(off_mean) < 4 and max(off_spread) < 0.06

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-concentration", "caption": "Distances between random points of the unit cube, divided by the average distance. The shaded band holds 99 % of them. As the dimension grows, every distance becomes the average distance."}, "image": {"alt": "Histograms of relative distances for several dimensions, from a broad slope in one dimension to a single narrow peak at 1 in two thousand."}}
pictures, alts, texts = [], [], []
for d in DIMENSIONS:
    relative = cube_distances[d] / cube_distances[d].mean()
    low, high = np.quantile(relative, [0.005, 0.995])
    fig, ax = plt.subplots(figsize=(7.5, 3.6))
    ax.hist(relative, bins=np.linspace(0, 3, 61), color="C0")
    ax.axvspan(low, high, color="#fbe6bd", zorder=0)
    ax.set(
        xlim=(0, 3),
        xlabel="distance of two random points / average distance",
        ylabel="pairs",
        yticks=[],
    )
    ax.set_title(
        f"d = {d}: 99 % of the distances lie between {low:.2f} and {high:.2f} of the average",
        fontsize=11,
    )
    pictures.append(fig)
    texts.append(str(d))
    alts.append(
        f"Histogram of relative distances in {d} dimensions; 99 percent lie between {low:.2f} and {high:.2f}."
    )
interactive.frames(
    pictures,
    texts,
    name="knn-concentration",
    dpi=95,
    alt=alts,
    description="Dimension",
)

# %% [markdown]
# ### How near is the nearest?
#
# Now with an album: $N$ random points, and the distance from a query to its nearest, compared with the average distance. Near 0 means a real neighbour, near 1 means that the nearest is as far away as anybody.
# The dashed line is the same ratio for the pictures of this chapter.

# %%
album_rng = np.random.default_rng(SEED)
curve_dimensions = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024]
ratios = {}
for n in (100, 1_000, 10_000):
    ratios[n] = []
    for d in curve_dimensions:
        squared = np.maximum(no_loops(album_rng.random((100, d)), album_rng.random((n, d))), 0)
        to_nearest, on_average = (
            np.sqrt(squared.min(axis=1)),
            np.sqrt(squared).mean(axis=1),
        )
        ratios[n].append((to_nearest / on_average).mean())
picture_distances = np.sqrt(val_distances["L2"])
picture_ratio = (picture_distances.min(axis=1) / picture_distances.mean(axis=1)).mean()
assert ratios[10_000][-1] > 0.85 and ratios[10_000][0] < 0.01
assert ratios[100] > ratios[1_000] > ratios[10_000]
print("nearest / average distance in 1,024 dimensions:")
print(", ".join(f"{ratios[n][-1]:.2f} for N = {n:,}" for n in ratios))
print(f"nearest / average distance of the pictures: {picture_ratio:.2f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-nearest", "caption": "Distance to the nearest of N random points, as a share of the average distance. More data help in few dimensions and hardly at all in many. The dashed line is the same ratio measured on the pictures: they have thousands of numbers, but crowd together like points of a few dozen dimensions at most."}, "image": {"alt": "Three rising curves for one hundred, one thousand and ten thousand points against the dimension from 1 to 1024 on a logarithmic axis, all approaching 1; a dashed horizontal line for pictures crosses them at a low dimension."}}
fig, ax = plt.subplots(figsize=(7.5, 4.2))
for n, style in zip(ratios, ("o:", "s--", "^-"), strict=True):
    ax.plot(curve_dimensions, ratios[n], style, label=f"N = {n:,} random points")
what = f"{len(train_x):,} pictures of {D} numbers"
ax.axhline(picture_ratio, color="black", linestyle=(0, (8, 4)), label=what)
ax.set(
    xscale="log",
    xlabel="dimension d",
    ylabel="nearest / average distance",
    ylim=(0, 1),
)
ax.set_xticks(curve_dimensions[::2], [str(d) for d in curve_dimensions[::2]])
ax.minorticks_off()
_ = ax.legend()

# %% [markdown]
# Equation {eq}`eq-knn-concentration` turns a spread into a number of dimensions. Which cube has distances as unequal as those between pictures?

# %%
among = no_loops(train_x[:1000], train_x[:1000])
among = among[np.triu_indices(len(among), k=1)]  # each pair once
like = 7 / 5 / (among.std() / among.mean()) ** 2
print(f"the pictures' distances spread like those in a cube of {like:.0f} dimensions, not {D}")

# %% [markdown]
# This is the good news in the curse. Pictures are not random points: neighbouring pixels agree, backgrounds are smooth, light falls on everything at once. Although there is room for $D$ independent numbers, the variation between pictures is concentrated in few directions, and so "near" keeps a
# meaning. (Different rulers give different counts, as the two above show, since pictures are no cube: a few directions vary much and many a little. All rulers agree that the count is far below $D$.) The bad news: those few directions are mainly brightness, colour and coarse layout, which is what we saw in the galleries, and the fine differences that tell the classes apart are outvoted. *The curse is milder than the count of pixels suggests, and it strikes where it hurts.*
#
# <div class="question">
#
# **Quick question 6.** Points are uniform in a cube of $d = 100$ dimensions, and you have a million of them. You want each query to have a neighbour within a tenth of the range in every coordinate. Is a million enough?
#
# <details class="choice"><summary>Yes: a million is far more than 100</summary>
#
# No: the number of dimensions stands in the exponent. A cube of edge 0.2 around the query has the volume $0.2^{100} \approx 10^{-70}$.
#
# </details>
#
# <details class="choice right"><summary>No, not by far: about 10⁷⁰ points would be needed for one to be expected there</summary>
#
# Right: the neighbourhood has volume $0.2^{100} \approx 1.3 \cdot 10^{-70}$, so one expects to find a point in it only among about $10^{70}$.
#
# </details>
#
# <details class="choice"><summary>Nearly: ten million would do</summary>
#
# No: ten times the data lower the edge of the neighbourhood that holds a point by a factor of $10^{1/100} \approx 1.02$, that is by 2 %. Look at {eq}`eq-knn-edge`.
#
# </details>
#
# <details class="choice"><summary>It depends on the metric only</summary>
#
# No: the argument counts volumes, and holds for any metric. A metric can help when the *data* are not uniform.
#
# </details>
# </div>
#
# ### What more data buy
#
# In a cube of $d$ dimensions, {eq}`eq-knn-edge` says how the nearest neighbour approaches: a neighbourhood that holds one of $N$ points has $p = 1/N$ and so an edge that shrinks like $N^{-1/d}$. Doubling the data brings it nearer by the factor
# $2^{-1/d}$: half as far on a line, 3 % nearer in 22 dimensions. How about pictures, and their names? We measure the accuracy on the validation set with ever larger parts of the album. No new distances are needed, since a smaller album is a part of the matrix's columns. (The rows of the training set are in random order, so the first $n$ are a random sample.)

# %%
sizes = [n for n in (20, 50, 100, 200, 500, 1000, 2000) if n < len(train_x)] + [len(train_x)]
curve, one_curve, nearest_distance = [], [], []
for n in sizes:
    neighbour_labels = train_labels[nearest(val_distances[best_metric][:, :n], max(KS))]
    for_each_k = accuracies(neighbour_labels, val_labels, [k for k in KS if k <= n])
    one_curve.append(for_each_k[0])
    curve.append(for_each_k.max())
    nearest_distance.append(picture_distances[:, :n].min(axis=1).mean())

doublings = np.log2(sizes[-1] / sizes[0])
gain = (curve[-1] - curve[0]) / doublings
nearer = 1 - (nearest_distance[-1] / nearest_distance[0]) ** (1 / doublings)
more = (0.9 - curve[-1]) / gain
print(f"accuracy with {sizes[0]} pictures {curve[0]:.0%}, with {sizes[-1]} {curve[-1]:.0%}")
print(f"each doubling adds {100 * gain:.1f} points and brings the nearest {nearer:.1%} nearer,")
print(f"as it would in about {-1 / np.log2(1 - nearer):.0f} dimensions")
print(f"at that pace, 90 % would take {more:.0f} more doublings,")
print(f"or 10^{np.log10(sizes[-1]) + more * np.log10(2):.0f} pictures")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-learning", "caption": "Accuracy on the validation set against the size of the album, and the average distance to the nearest neighbour. A doubling of the album brings the nearest neighbour only slightly nearer, and buys little accuracy."}, "image": {"alt": "Left: accuracy of 1-NN and of the best k rises roughly linearly with the logarithm of the number of training pictures. Right: the mean distance to the nearest neighbour falls slowly."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.6))
left.plot(
    sizes,
    np.multiply(100, curve),
    "o-",
    label=f"{best_metric}, best k for the size",
)
left.plot(sizes, np.multiply(100, one_curve), "s--", label=f"{best_metric}, k = 1")
left.axhline(100 / num_classes, color="black", linewidth=1, linestyle=":", label="guessing")
left.set(xscale="log", xlabel="training pictures", ylabel="accuracy in %", ylim=(0, None))
left.legend()
right.plot(sizes, nearest_distance, "o-", color="C2")
right.set(xscale="log", xlabel="training pictures", ylim=(0, None))
_ = right.set(ylabel="L2 distance to the nearest")

# %% [markdown]
# The best $k$ is chosen anew for each size, since a $k$ that suits thousands of pictures is too large for twenty. Take the last line as a warning, not as a forecast. It is true, though, that {cite:t}`torralba2008tiny` collected nearly 80 million tiny pictures, and that neighbours got visibly better with the size of the collection. A better way to measure likeness is worth more than any of these doublings, and finding one is what the
# coming chapters are about.

# %% [markdown]
# (sec-knn-cost)=
# ## The bill comes at prediction time
#
# Count the costs. Training stores a reference: $O(1)$. Predicting one picture compares it with all $N$ training pictures: $O(N \cdot D)$, and all of them have to be kept. This is the wrong way round. A classifier is trained once and used a million times, so we'd rather have slow training and fast prediction, which is what
# linear classifiers and networks offer: their prediction costs the same however many pictures they have seen.

# %%
print("                         memory   operations per query: k-NN,  linear classifier")
for label, n, d, classes in (
    ("this chapter", len(train_x), D, num_classes),
    ("CIFAR-10", 50_000, 3072, 10),
    ("ImageNet, 224×224", 1_281_167, 224 * 224 * 3, 1000),
):
    print(f"{label:>18} {n * d / 1e9:>9.2f} GB {2 * n * d:>26.1e} {2 * d * classes:>19.1e}")

# %% [markdown]
# Many have tried to beat the linear search. Trees that cut space into boxes {cite:p}`bentley1975kdtree` work wonders in two or ten dimensions; in hundreds they visit nearly every leaf, because of the curse: if the nearest is about as far as everything else, no box can be ruled out. *Approximate* search gives up the guarantee and finds a very near, not always the
# nearest, neighbour among a billion vectors in milliseconds {cite:p}`indyk1998approximate,johnson2021billion`. That is how k-NN lives on: not on pixels, but on vectors that a network computes from pictures, where near really means alike.
#
# <div class="question">
#
# **Quick question 7.** Your k-NN answers a query in 20 ms with 5,000 training pictures. You add pictures until there are 50,000, and choose $k = 15$ instead of $k = 5$. About how long does a query take now, with the same code?
#
# <details class="choice"><summary>20 ms: training has become more expensive, prediction hasn't</summary>
#
# The other way round: training stays free, and each query must now be compared with ten times as many pictures.
#
# </details>
#
# <details class="choice right"><summary>About 200 ms</summary>
#
# Right: the work is proportional to $N$, and $k$ plays almost no part, since the distances have to be computed and sorted whatever $k$ is.
#
# </details>
#
# <details class="choice"><summary>About 600 ms: ten times the pictures, three times the neighbours</summary>
#
# Not quite: counting 15 votes instead of 5 is nothing next to 50,000 distances of 3,072 numbers.
#
# </details>
#
# <details class="choice"><summary>About 2 s: the distance matrix grows with the square</summary>
#
# It would with the *number of queries* growing too. For one query it has one row, with $N$ entries.
#
# </details>
# </div>

# %% [markdown]
# (sec-knn-real)=
# ## On real photographs
#
# Everything so far ran on drawn pictures. The next cells read what was measured on real ones: all training pictures of MNIST, Fashion-MNIST and CIFAR-10 remembered, $k$ chosen for each metric by five-fold cross-validation on a part of the training
# pictures, then one look at the test set. The command that measured them is `course reproduce cifar10_knn` (likewise `mnist_knn`, `fashion_mnist_knn`).

# %%
recorded = {name: results.load(f"{name}_knn") for name in ("mnist", "fashion_mnist", "cifar10")}
lines = []
for record in recorded.values():
    for metric, accuracy in record["metrics"]["test_accuracy"].items():
        tried, k = record["settings"]["test"][metric], record["settings"]["chosen_k"][metric]
        off = sqrt(accuracy["mean"] * (1 - accuracy["mean"]) / tried)
        line = [record["dataset"], metric.upper(), k, f"{tried:,}"]
        lines.append([*line, results.percent(accuracy), f"{off:.1%}"])
print(results.table(lines, ["data set", "metric", "k", "tested", "accuracy", "std. error"]))
print()
for record in recorded.values():
    settings = record["settings"]
    sizes = f"{settings['train']:,} remembered, k from {settings['cross_validation_pictures']:,}"
    print(fill(f"{sizes}; {results.provenance(record)}", 90))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-knn-real", "caption": "Five-fold cross-validation on training pictures of each real data set: the mean over the folds, and a band of one standard deviation. Digits on an empty background are easy for a distance between pixels, clothes are harder, photographs are nearly out of reach; the best k differs with the data."}, "image": {"alt": "Three panels of accuracy against k for MNIST, Fashion-MNIST and CIFAR-10, each with a curve for L1 and one for L2."}}
fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.4))
for ax, record in zip(axes, recorded.values(), strict=True):
    for metric, style in (("l1", "o-"), ("l2", "s--")):
        curves = 100 * np.array(record["metrics"]["cross_validation"][metric]["per_seed"])  # (folds, ks)
        average, deviation = curves.mean(axis=0), curves.std(axis=0, ddof=1)
        ax.plot(
            record["settings"]["k"],
            average,
            style,
            markersize=4,
            label=metric.upper(),
        )
        ax.fill_between(
            record["settings"]["k"],
            average - deviation,
            average + deviation,
            alpha=0.2,
        )
    ax.set(xscale="log", xlabel="k", xticks=[1, 3, 10, 30, 100])
    ax.set_title(record["dataset"].replace(" (", "\n("))
    ax.set_xticklabels(["1", "3", "10", "30", "100"])
    ax.minorticks_off()
axes[0].set_ylabel("accuracy in %")
_ = axes[0].legend()

# %% [markdown]
# Beside them, what others have published:
#
# | data | method | test accuracy | source |
# |---|---|---|---|
# | MNIST | k-NN, L2, raw pixels | 95.0 % | {cite:t}`lecun1998gradient` |
# | MNIST | k-NN, L2, raw pixels | 96.9 % | K. Wilder, in the list of {cite:t}`lecun1998mnist` |
# | Fashion-MNIST | k-NN, L1, $k = 5$, votes weighted by distance (best of the variants tried) | 85.4 % | {cite:t}`xiao2017fashion` |
# | CIFAR-10 | 1-NN, L1 | 38.6 % | {cite:t}`karpathy2015cs231n` |
# | CIFAR-10 | 1-NN, L2 | 35.4 % | {cite:t}`karpathy2015cs231n` |
#
# Three things are worth noticing. On digits, plain k-NN is already a serious competitor, since a digit is centred on an empty background: nearly everything that differs between two pictures is the digit. (The two published figures for the same method differ by two points. The details that
# would explain it, such as $k$ and the preprocessing, are not all given: a reason to record them.) On photographs L1 is ahead of L2 in the published figures; compare the two lines of the table above.
# And the published CIFAR-10 figures use one neighbour and the original pictures, while ours use the chosen $k$ and a copy that went through JPEG compression; so agreement within a few points is all one can ask for.
#
# <div class="question">
#
# **Quick question 8.** The L1 figures are measured on fewer test pictures than the L2 figures. Why, and what follows for the comparison?
#
# <details class="choice"><summary>L1 needs fewer pictures to be accurate; nothing follows</summary>
#
# No: how many *test* pictures are used has no influence on how accurate the classifier is, only on how precisely we know it.
#
# </details>
#
# <details class="choice right"><summary>L1 has no matrix product and is slow; its figure has a larger standard error</summary>
#
# Right. The standard error is $\sqrt{p(1-p)/n}$: with a tenth of the test pictures it is about three times as large. A difference of a point may then be chance.
#
# </details>
#
# <details class="choice"><summary>To keep some test pictures unseen; the comparison is unfair to L2</summary>
#
# No: each metric was tested once, and neither figure influenced a choice. Nobody is favoured, one figure is just less precise.
#
# </details>
#
# <details class="choice"><summary>L1 distances don't fit into memory; the comparison is impossible</summary>
#
# No: the distance matrix has the same size for both metrics, and in blocks neither needs much memory.
#
# </details>
# </div>

# %% [markdown]
# ## Exercises
#
# Each exercise has hints to unfold one by one and a solution. Try before you unfold; the code in the solutions uses the functions of this chapter.
#
# ### Exercise 2.1: The third ball
#
# {numref}`fig-knn-balls` shows L∞, the largest absolute difference: $d_\infty(a, b) = \max_j |a_j - b_j|$. Write `linf(queries, x)`, which returns all distances as an array $(M, N)$. How well does 1-NN do with it on 200 validation pictures, and why?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Start from `one_loop` and change what is done with the differences.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# What does one white pixel in an otherwise dark region do to the maximum? How many pictures share the largest possible value?
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def linf(queries, x):
#     return np.array([np.abs(query - x).max(axis=1) for query in queries])
#
# linf_distances = linf(val_x[:200], train_x)
# linf_neighbours = nearest(linf_distances, 1)
# linf_accuracy = (train_labels[linf_neighbours[:, 0]] == val_labels[:200]).mean()
# print(f"L∞, k = 1: {linf_accuracy:.0%}")
# ```
#
# L∞ does worse than L1 and L2, since a single number out of thousands decides: the worst one. Nearly every pair of pictures has some place where one is light and the other dark, so most
# distances lie close to 255 and say little. L∞ suits questions such as "is *every* number within the tolerance?"
#
# </details>
#
# ### Exercise 2.2: A budget of memory
#
# `no_loops` makes the whole $(M, N)$ matrix. For 10,000 queries and 50,000 training pictures in `float64` that is 4 GB. Write `predict_in_blocks(model, queries, k, block)` that holds at most `block` rows of the matrix at a time. The predictions must not change.
#
# <details class="hint"><summary>Hint 1</summary>
#
# Cut the *queries*, not the training set: a query's neighbours can only be known when all its distances are.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# `for start in range(0, len(queries), block)`, then `queries[start : start + block]`. The last block may be shorter, and slicing takes care of that.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def predict_in_blocks(model, queries, k, block=100):
#     x, labels = model
#     predicted = np.empty(len(queries), dtype=labels.dtype)
#     for start in range(0, len(queries), block):
#         some_queries = slice(start, start + block)
#         neighbours = nearest(no_loops(queries[some_queries], x), k)
#         predicted[some_queries] = vote(labels[neighbours], num_classes)
#     return predicted
#
# whole = vote(train_labels[nearest(val_distances["L2"], 5)], num_classes)
# assert np.array_equal(predict_in_blocks(train(train_x, train_labels), val_x, 5, block=77), whole)
# ```
#
# The block of 77 is there on purpose: it doesn't divide the number of queries, so the short last block is tested as well. Blocks of a hundred rows are as fast as the whole matrix, since each is still a large matrix product.
#
# </details>
#
# ### Exercise 2.3: Three witnesses (pencil first)
#
# On the line with $\eta(x) = x$, 1-NN has the error $\tfrac13$ in the limit and the Bayes rule $\tfrac14$. Where does 3-NN end up? Derive it, then simulate.
#
# <details class="hint"><summary>Hint 1</summary>
#
# In the limit the three neighbours' labels are independent, each 1 with probability $\eta$. With which probability $m(\eta)$ is the majority 1?
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# $m = \eta^3 + 3\eta^2(1 - \eta) = 3\eta^2 - 2\eta^3$. The rule errs with probability $\eta\,(1 - m) + (1 - \eta)\,m$.
#
# </details>
#
# <details class="hint"><summary>Hint 3</summary>
#
# For the simulation, the three nearest are among the three sorted points to the left of the query and the three to the right. Or skip the geometry: draw the three labels directly.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# $\int_0^1 x(1 - 3x^2 + 2x^3) + (1 - x)(3x^2 - 2x^3)\,dx = \int_0^1 x + 3x^2 - 8x^3 + 4x^4\,dx = \tfrac12 + 1 - 2 + \tfrac45 = \tfrac3{10}$.
#
# ```python
# rng = np.random.default_rng(SEED)
# n, m = 400_000, 100_000
# line = np.sort(rng.random(n))
# line_labels = rng.random(n) < line
# asked_x = 0.001 + 0.998 * rng.random(m)  # away from the ends, so that three neighbours exist on both sides
# asked_y = rng.random(m) < asked_x
# around = np.searchsorted(line, asked_x)[:, None] + np.arange(-3, 3)  # (m, 6) candidates
# closest = np.argsort(np.abs(line[around] - asked_x[:, None]), axis=1, kind="stable")[:, :3]
# three = np.take_along_axis(line_labels[around], closest, axis=1)
# three_error = ((three.sum(axis=1) >= 2) != asked_y).mean()
# print(f"3-NN: {three_error:.3f}, derived 0.300")
# assert abs(three_error - 0.3) < 0.006
# ```
#
# Between $\tfrac13$ and $\tfrac14$: two more witnesses remove two fifths of what 1-NN loses against the Bayes rule. As $k \to \infty$ and $k/N \to 0$, the limit is the Bayes error itself {cite:p}`stone1977consistent`.
#
# </details>
#
# ### Exercise 2.4: Don't sort what you don't need
#
# To find the 5 smallest of thousands of numbers, `nearest` sorts all of them. `np.argpartition` finds the 5 smallest in one pass, but in no particular order, and it makes no promise about ties. Write `nearest_quick(distances, k)` that returns *exactly* what `nearest` returns, for whole-number distances, without a full sort.
#
# <details class="hint"><summary>Hint 1</summary>
#
# The trouble is ties. If no two entries of a row were equal, the $k$ smallest would be a definite set.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Squared distances are integers below $2^{28}$. There is room in an `int64` to add the column index, in such a way that the order of different distances doesn't change.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def nearest_quick(distances, k):
#     n = distances.shape[1]
#     keys = distances.astype(np.int64) * n + np.arange(n)  # unique; ordered by distance, then by column
#     smallest = np.sort(np.partition(keys, k - 1, axis=1)[:, :k], axis=1)
#     return smallest % n
#
# for k in (1, 5, 20):
#     assert np.array_equal(nearest_quick(val_distances["L2"], k), nearest(val_distances["L2"], k))
# tied = np.array([[4, 2, 2, 9, 2]])
# assert nearest_quick(tied, 2).tolist() == nearest(tied, 2).tolist() == [[1, 2]]
# ```
#
# Distance times $n$ plus column is unique in each row, so there are no ties left to be unsure about; the remainder modulo $n$ gives the column back.
#
# </details>
#
# ### Exercise 2.5: A distance that forgives small shifts
#
# {numref}`fig-knn-shift` shows that pixels don't forgive a shift. So let the comparison try several: compare the query, shifted by $-2, \dots, 2$ pixels to the side, and keep the smallest squared distance. Does the accuracy on the validation set rise? What does it cost?
#
# <details class="hint"><summary>Hint 1</summary>
#
# `shift` moves to the right only. To move left, mirror, shift, mirror back: `shift(images[:, :, ::-1], p)[:, :, ::-1]`.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# Compute one distance matrix for each shift and take `np.minimum` of them as you go.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def forgiving(query_images, x, reach=2):
#     best = no_loops(rows(query_images), x)
#     for pixels in range(1, reach + 1):
#         for moved in (shift(query_images, pixels), shift(query_images[:, :, ::-1], pixels)[:, :, ::-1]):
#             best = np.minimum(best, no_loops(rows(moved), x))
#     return best
#
# plain = vote(train_labels[nearest(val_distances["L2"], 5)], num_classes)
# lenient_distances = forgiving(val_images, train_x)
# lenient = vote(train_labels[nearest(lenient_distances, 5)], num_classes)
# print(f"plain {(plain == val_labels).mean():.1%}, forgiving {(lenient == val_labels).mean():.1%}")
# assert (lenient_distances <= val_distances["L2"]).all()
# ```
#
# Compare the two figures with the standard error of nearly two points before you celebrate. The price is five times the distances, and forgiving shifts in both directions, turns and sizes multiplies it again. The idea is old and good: {cite:t}`simard1993tangent` made such a distance cheap and got excellent results on digits. Convolutional networks build the forgiveness in.
#
# </details>
#
# ### Exercise 2.6: Forget what you don't need
#
# k-NN remembers everything. {cite:t}`hart1968condensed` proposed to keep a subset that still names every *training* example correctly by 1-NN. Start with one example. Go through the others; whenever the kept ones misname one, keep it as well. Repeat until a whole pass adds nothing. Do this for the toy data: how many of the 240 points remain, and what happens to the accuracy on new points?
#
# <details class="hint"><summary>Hint 1</summary>
#
# Keep a list of indices. The squared distances between all toy points are `squared_in_the_plane(toy_x, toy_x)`, computed once.
#
# </details>
#
# <details class="hint"><summary>Hint 2</summary>
#
# The nearest kept point of point `i` is `kept[squared[i, kept].argmin()]`.
#
# </details>
#
# <details class="solution"><summary>Solution</summary>
#
# ```python
# def condense(squared, labels):
#     kept, changed = [0], True
#     while changed:
#         changed = False
#         for i in range(len(labels)):
#             if i not in kept and labels[kept[squared[i, kept].argmin()]] != labels[i]:
#                 kept.append(i)
#                 changed = True
#     return np.array(kept)
#
# kept = condense(squared_in_the_plane(toy_x, toy_x), toy_y)
# own_nearest = squared_in_the_plane(toy_x, toy_x[kept]).argmin(axis=1)
# assert (toy_y[kept][own_nearest] == toy_y).mean() >= 0.99
# kept_nearest = squared_in_the_plane(fresh_x, toy_x[kept]).argmin(axis=1)
# kept_accuracy = (toy_y[kept][kept_nearest] == fresh_y).mean()
# print(f"{len(kept)} of {len(toy_x)} points kept; new points: {kept_accuracy:.0%} instead of {new[0]:.0%}")
# ```
#
# What remains are the points near the borders, and every stray point, since each stray point is misnamed by its surroundings and therefore kept. So condensing saves memory but makes the noise weigh more; it goes well only with classes that hardly overlap.
#
# </details>

# %% [markdown]
# ## What to remember
#
# 1. k-NN remembers the training set, measures distances, and lets the $k$ nearest vote. Training is free, prediction costs $O(N \cdot D)$: the wrong way round for most uses.
# 2. The metric and $k$ are hyperparameters: choose them on validation data or by cross-validation, and use the test set once.
# 3. $\lVert a-b\rVert^2 = \lVert a\rVert^2 - 2\,a\cdot b + \lVert b\rVert^2$ turns all distances into one matrix product, which is fast because it reuses what it loads. Whole numbers make it exact; in `float32` watch for cancellation.
# 4. In many dimensions neighbourhoods are large and distances alike. Pictures escape only because they fill few of their dimensions.
# 5. A distance between pixels sees colour, brightness and background. It doesn't know that pixels have neighbours, or what the object is.
#
# ## Pitfalls
#
# - **Subtracting `uint8` arrays.** There, 3 − 5 is 254, not −2: the value wraps round and the distances are nonsense without any error. Convert first.
# - **Duplicates across the split.** If a test picture (or nearly the same one) is in the training set, 1-NN finds it and the accuracy flatters. {cite:t}`barz2020duplicates` found that 3.3 % of CIFAR-10's test pictures have near-duplicates in the training set.
# - **Choosing on the test set**, or looking at it "just to compare" and going on. After the first look it is a validation set.
# - **Features on different scales.** A coordinate measured in thousands outvotes one measured in units. Pixels share one scale; other features seldom do.
# - **Even $k$ and ties.** With $k = 2$ every disagreement is a tie, and here the smaller label wins, so 2-NN is 1-NN with a bias. Say how your code breaks ties.
# - **Unbalanced classes and large $k$.** A class with fewer than $k/2$ examples can hardly ever win a vote of two.

# %%
three, five = np.array([3], dtype=np.uint8), np.array([5], dtype=np.uint8)
print(
    "uint8: 3 - 5 =",
    (three - five)[0],
    "   after conversion:",
    (three.astype(int) - five.astype(int))[0],
)
print(
    f"validation pictures with an exact duplicate in the training set: {(val_distances['L2'].min(axis=1) == 0).sum()}"
)

# %% [markdown]
# ## History and further reading
#
# The idea of naming things by their likeness to remembered ones is old; {cite:t}`pelillo2014alhazen` finds it, stated in words, in Alhazen's *Optics* of the eleventh century. As a statistical method it starts with a report by {cite:t}`fix1951discriminatory`, who proved that the error approaches the best possible when
# $k$ grows with the sample, but more slowly. {cite:t}`cover1967nearest` gave the factor of two for $k = 1$, and {cite:t}`stone1977consistent` showed that growing $k$ works for *every* distribution. {cite:t}`hart1968condensed` began the long line of work on remembering less.
#
# The phrase "curse of dimensionality" is from {cite:t}`bellman1961adaptive`, who met it in control problems. {cite:t}`beyer1999nearest` asked when "nearest" means anything at all, and their paper is a pleasure to read. Cross-validation in practice is the subject of {cite:t}`kohavi1995crossvalidation`. For pictures, {cite:t}`torralba2008tiny` is
# the experiment on what sheer numbers can do. The ladder from two loops to none, and k-NN on CIFAR-10 as a first classifier, were made popular by the Stanford course notes of {cite:t}`karpathy2015cs231n`.
#
# **Now practise.** Assignment 1, `ps1_first_classifiers`, asks for variations on this chapter and the next: other ways to measure and to vote, other ways to validate. `course check ps1` runs its visible tests.
