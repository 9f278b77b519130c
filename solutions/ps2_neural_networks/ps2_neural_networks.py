# %% [markdown] nbgrader={"grade": false, "grade_id": "title", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 2: a network by hand
#
# Chapter 4 holds weights back and walks downhill, chapter 5 sends gradients through networks. Here you build the relatives of
# both that people use in earnest: penalties that silence whole groups of weights, steps that survive a bad batch, a program that differentiates
# programs, a check that finds the broken layer, a network that uses its weights many times. In NumPy, and none of it solved in the book.
#
# **What you practise**
#
# | | objective |
# |---|---|
# | O1 | turn a penalty into a value, a gradient and a step |
# | O2 | make steps that stay safe, and measure the curvature that limits them |
# | O3 | derive backward passes where numbers are used more than once |
# | O4 | check gradients, and find out where they are wrong |
# | O5 | train a network on few examples, and know what helped |
#
# **Points**
#
# | exercise | objective | points | of them for visible tests | for hidden tests |
# |---|---|---|---|---|
# | 1 Groups that fall silent | O1 | 12 | 2 | 10 |
# | 2 A careful step | O2 | 12 | 2 | 10 |
# | 3 The steepest direction | O2 | 10 | 2 | 8 |
# | 4 A program that is differentiated | O3 | 16 | 3 | 13 |
# | 5 The auditor | O4 | 14 | 2 | 12 |
# | 6 Round after round | O1, O3 | 16 | 3 | 13 |
# | 7 Same or different | O5 | 10 | 2 | 8 |
# | 8 In your own words | O2, O4, O5 | 10 | | read by a person |
# | **total** | | **100** | | |
#
# **Time**: about 4 hours (an estimate). **You need**: chapters 4 and 5, NumPy. Notation as in the book: a batch `X` of shape (N, D) holds one
# picture a row, weights `W` have shape (inputs, outputs), biases one number an output, layers compute `X @ W + b`.

# %% [markdown] nbgrader={"grade": false, "grade_id": "how", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## How to work
#
# - Write your code where it says `YOUR CODE HERE` and take the `raise NotImplementedError()` out. Keep the
#   functions' names and arguments; helpers of your own are welcome in the same cell. NumPy is all you need.
# - Try the example of each exercise first: copy it into a cell of your own. It catches much that the visible tests leave to you.
# - Below each exercise are **visible tests**: shapes, types and properties that must hold. When one fails, its
#   message says what is wrong and where to look. `course check ps2` in a terminal runs all of them.
# - Cells that say **hidden tests** run when your work is marked. They compare values, on odd sizes, with one example only, with whole-number input, with
#   numbers so large that careless formulas overflow, and they check that your function leaves its arguments as they were. Passing the visible tests is the
#   beginning, not the end: try such cases yourself.
# - Before you hand in: *Kernel → Restart Kernel and Run All Cells…*. What is marked is a fresh run from top to bottom.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from course_utils.data import POCKET10_CLASSES, POCKET10_STANDARD, pocket10
from course_utils.grading.expect import (
    expect,
    expect_array,
    expect_close,
    expect_equal,
    expect_gradient,
    expect_number,
    expect_unchanged,
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex1_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 1: Groups that fall silent
#
# *Objective O1, 12 points.*
#
# **What.** An L1 penalty switches single weights off. Switch off whole groups of them instead. The rows of `W` (one for each pixel, with its weights for all classes) are divided into groups; `groups[d]` is the number
# of the group that row d belongs to. Let $W_g$ be all weights in the rows of group g, $n_g$ how many weights that are (rows times columns), and $\lVert W_g \rVert$ the square root of the sum of their squares. The penalty is
#
# $$
# R(W) = \sum_g \sqrt{n_g}\, \lVert W_g \rVert .
# $$
#
# Write two functions.
#
# 1. `group_penalty(W, groups)` returns R(W).
# 2. `group_step(W, dW, lr, reg, groups)` makes one step of proximal gradient descent: first the gradient step of the data term alone, to $A = W - \eta\,\mathrm{d}W$ (`dW` is the gradient of the data term, $\eta$ is `lr`); then, as with the soft threshold of chapter 4,
#    the weights that minimise $\frac12 \sum_{d,c} (W_{dc} - A_{dc})^2 + \eta\lambda R(W)$ exactly ($\lambda$ is `reg`). Derive what they are. Groups that fall silent are exactly 0.
#
# **Why it matters.** A single weight that is 0 saves nothing: the pixel still has to be read for the other classes. A group that is 0 can be left out, be it a pixel, a sensor, or a hidden unit of a network. The factor $\sqrt{n_g}$ keeps large
# groups from being charged less for each weight than small ones.
#
# **Signature.** `W`, `dW` (D, C) whole or floating point numbers, `groups` (D,) whole numbers in any order, `lr` and `reg` ≥ 0. `group_penalty` → a number; `group_step` → a new (D, C) float64 array.
#
# **Example.** Two groups of four weights, of lengths 5 and 0.5. With $\eta\lambda = 0.5$ the first is shortened by 1, to four fifths of what it was; the second falls silent.
#
# ```python
# >>> W = np.array([[3.0, 0.0], [0.3, 0.0], [0.0, 4.0], [0.0, 0.4]])
# >>> group_penalty(W, np.array([7, 2, 7, 2]))
# 11.0
# >>> group_step(W, np.zeros((4, 2)), lr=0.5, reg=1.0, groups=np.array([7, 2, 7, 2]))
# array([[2.4, 0. ],
#        [0. , 0. ],
#        [0. , 3.2],
#        [0. , 0. ]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# No group appears in another's terms, so think of one group as one arrow *a*. Among all arrows *w* of a given length, which one is nearest to *a*? That leaves a single unknown: the length of *w*.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# The length solves chapter 4's problem of the soft threshold, for a number that can't be negative. Write the answer as a factor times *a*, and think of a group whose weights are all 0.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# `np.unique(groups)` lists the groups, whatever their numbers are. Whose length decides, that of W or that of A?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex1_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_penalty(W, groups):
    """Sum over groups of the square root of their size times their length.

    Parameters
    ----------
    W : ndarray of shape (D, C)
    groups : ndarray of shape (D,), integers

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    total = 0.0
    for group in np.unique(groups):
        part = W[groups == group].astype(np.float64)
        total += np.sqrt(part.size) * np.sqrt((part**2).sum())
    return float(total)
    ### END SOLUTION


def group_step(W, dW, lr, reg, groups):
    """One step of proximal gradient descent with `group_penalty`.

    Parameters
    ----------
    W, dW : ndarray of shape (D, C)
    lr, reg : float
    groups : ndarray of shape (D,), integers

    Returns
    -------
    ndarray of shape (D, C), float64
    """
    ### BEGIN SOLUTION
    A = W - lr * dW.astype(np.float64)
    for group in np.unique(groups):
        rows = groups == group
        length = np.sqrt((A[rows] ** 2).sum())
        width = lr * reg * np.sqrt(A[rows].size)
        A[rows] *= 1 - width / length if length > width else 0.0
    return A
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex1_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex1_visible():
    rng = np.random.default_rng(1)
    W, dW, groups = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), np.array([0, 0, 1, 1, 2, 2])
    value = group_penalty(W, groups)
    expect_number(value, "group_penalty")
    expect_close(group_penalty(-3 * W, groups), 3 * value, "group_penalty of −3 W", where="lengths, not their squares")
    kept = W.copy(), dW.copy(), groups.copy()
    got = group_step(W, dW, 0.1, 0.2, groups)
    expect_unchanged(kept, (W, dW, groups), "group_step")
    expect_array(got, (6, 3), "group_step", where="the shape of W")
    expect_close(group_step(W, dW, 0.1, 0.0, groups), W - 0.1 * dW, "group_step without a penalty", where="the plain gradient step")
    silent = group_step(W, dW, 0.1, 1e6, groups)
    expect_equal(silent, np.zeros((6, 3)), "group_step with a huge penalty", where="every number is exactly 0; the factor must not become negative")
    shorter = group_step(W, np.zeros((6, 3)), 0.1, 0.2, groups)
    expect((np.abs(shorter) <= np.abs(W)).all(), "group_step", "a weight has grown though the data did not pull", "the penalty pulls towards 0")


test_ex1_visible()

# %% nbgrader={"grade": true, "grade_id": "ex1_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): penalties and steps, for groups of one size and of several.
### BEGIN HIDDEN TESTS
SEEDS = (2101, 2102, 2103)


def oracle_penalty_ex1(W, groups):
    members = {}
    for row, group in zip(W.tolist(), groups.tolist(), strict=True):
        members.setdefault(group, []).extend(row)
    return sum(len(m) ** 0.5 * sum(w * w for w in m) ** 0.5 for m in members.values())


def oracle_ex1(W, dW, lr, reg, groups):
    """Find each group's factor by bisection on the slope of its objective along the ray through A."""
    A = W.astype(float) - lr * dW.astype(float)
    out = np.zeros(A.shape)
    for group in set(groups.tolist()):
        rows = [d for d in range(len(A)) if groups[d] == group]
        squares = float((A[rows] ** 2).sum())
        price = lr * reg * (len(rows) * A.shape[1]) ** 0.5 * squares**0.5
        low, high = 0.0, 1.0
        for _ in range(200):
            factor = (low + high) / 2
            low, high = (low, factor) if (factor - 1) * squares + price > 0 else (factor, high)
        out[rows] = A[rows] * (0.0 if price >= squares else (low + high) / 2)
    return out


def compare_ex1(W, dW, lr, reg, groups, what):
    kept = W.copy(), dW.copy(), groups.copy()
    expect_close(group_penalty(W, groups), oracle_penalty_ex1(*kept[::2]), f"group_penalty {what}", where="the square root of how many weights, times the length")
    got = group_step(W, dW, lr, reg, groups)
    want = oracle_ex1(kept[0], kept[1], lr, reg, kept[2])
    expect_array(got, W.shape, f"group_step {what}", where="the shape of W")
    expect(np.array_equal(got == 0, want == 0), f"group_step {what}", "other weights than the right ones are exactly 0", "lr · reg · √n against the length after the gradient step")
    expect_close(got, want, f"group_step {what}", where="the length after the gradient step, shortened by lr · reg · √n")
    expect_unchanged(kept, (W, dW, groups), "group_step")


def test_ex1_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for lr, reg in ((0.1, 0.5), (0.5, 1.2), (1.0, 0.9), (0.01, 30.0)):
            W, dW = rng.normal(size=(12, 3)) * rng.choice([0.2, 1.0, 3.0], size=(12, 1)), rng.normal(size=(12, 3))
            compare_ex1(W, dW, lr, reg, np.repeat(np.arange(4), 3), "with equal groups")
            compare_ex1(W, dW, lr, reg, np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3]), "with groups of several sizes")


test_ex1_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex1_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): groups in any order, single rows, groups of zeros, whole numbers, no step at all, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex1_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        mixed = rng.permutation(np.array([5, -2, 5, 9, 9, 9, 5, -2, 40]))
        compare_ex1(rng.normal(size=(9, 2)), rng.normal(size=(9, 2)), 0.3, 0.7, mixed, "with groups in any order")
        compare_ex1(rng.normal(size=(1, 5)), rng.normal(size=(1, 5)), 0.2, 0.4, np.array([3]), "of a single row")
        compare_ex1(rng.normal(size=(6, 1)), rng.normal(size=(6, 1)), 0.2, 2.0, np.arange(6), "with one weight in each group")
        W = rng.normal(size=(6, 2))
        W[2:4] = 0
        compare_ex1(W, np.zeros((6, 2)), 0.1, 0.5, np.array([0, 0, 1, 1, 2, 2]), "with a group of zeros")
        compare_ex1(W, np.zeros((6, 2)), 0.1, 0.0, np.array([0, 0, 1, 1, 2, 2]), "with a group of zeros and without a penalty")
        compare_ex1(W, rng.normal(size=(6, 2)), 0.0, 0.5, np.array([0, 0, 1, 1, 2, 2]), "with a learning rate of 0")
        whole = rng.integers(-9, 10, size=(6, 2)), rng.integers(-3, 4, size=(6, 2))
        compare_ex1(*whole, 0.25, 1.5, np.array([0, 1, 0, 1, 0, 1]), "of whole numbers")
        small = rng.integers(1, 100, size=(4, 2)).astype(np.int8)
        compare_ex1(small, small, 0.5, 0.5, np.array([0, 1, 0, 1]), "of 8-bit whole numbers")


test_ex1_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex2_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 2: A careful step
#
# *Objective O2, 12 points.*
#
# **What.** Write `careful_step(params, grads, average, k, lr, reg, longest)`: step number k (the first has k = 1) of gradient descent with a seat belt. `params`, `grads` and `average` are lists of arrays that belong together, position by position.
#
# 1. **Clip.** Take all numbers of all arrays in `grads` as one arrow. If it is longer than `longest`, shorten it to that length, without changing its direction. Otherwise leave it as it is.
# 2. **Step with decay.** From each parameter subtract `lr` times its clipped gradient, and, where the parameter has two axes or more, `lr * reg` times the parameter as it was before the step. Parameters with one axis are biases and don't decay. The decay is not clipped.
# 3. **Average.** Return, besides the new parameters, the mean of the parameters after steps 1 … k. `average` holds that mean after step k − 1; at k = 1 nothing in it counts, and it may be `None`.
#
# **Why it matters.** One bad batch can throw away what a thousand steps have learned, and clipping puts a limit to the damage; networks that read long sequences can't be trained without it. And chapter 4 showed SGD hovering above the floor: the
# *mean* of where it has hovered lies much lower.
#
# **Signature.** `params`, `grads` lists of arrays (each gradient has the shape of its parameter; whole or floating point numbers), `average` a list of float64 arrays or `None`, `k` ≥ 1, `lr`, `reg` ≥ 0, `longest` > 0 → (`params`, `average`): two new lists of new float64 arrays.
#
# **Example.** The gradient (3, 4) has length 5 and is shortened to (0.6, 0.8). The weight decays, the bias does not.
#
# ```python
# >>> params, grads = [np.array([[1.0]]), np.array([1.0])], [np.array([[3.0]]), np.array([4.0])]
# >>> average = [np.array([[0.0]]), np.array([0.0])]
# >>> params, average = careful_step(params, grads, average, k=2, lr=0.5, reg=0.2, longest=1.0)
# >>> [p.round(6).tolist() for p in params], [a.round(6).tolist() for a in average]
# ([[[0.6]], [0.6]], [[[0.3]], [0.3]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# One arrow, one length, one factor for all arrays. The mean of k numbers follows from the mean of the first k − 1 and the last one; you don't need the others.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A gradient of 1e200 is a number that float64 can hold, and a fine reason to clip; its square is not. Which number could you divide by before squaring? And what if it is 0?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex2_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def careful_step(params, grads, average, k, lr, reg, longest):
    """One step with clipped gradients and weight decay, and the mean of all parameters so far.

    Parameters
    ----------
    params, grads : list of ndarray
    average : list of ndarray, or None
    k : int
        1 for the first step.
    lr, reg, longest : float

    Returns
    -------
    params : list of ndarray, float64
    average : list of ndarray, float64
    """
    ### BEGIN SOLUTION
    grads = [np.asarray(g, dtype=np.float64) for g in grads]
    largest = max((np.abs(g).max(initial=0.0) for g in grads), default=0.0)
    factor = 1.0
    if largest > 0:
        relative = np.sqrt(sum(((g / largest) ** 2).sum() for g in grads))  # the length is largest * relative
        if relative > longest / largest:
            grads = [g / largest for g in grads]
            factor = longest / relative
    new = []
    for p, g in zip(params, grads, strict=True):
        decay = lr * reg if np.ndim(p) >= 2 else 0.0
        new.append((1 - decay) * p - lr * factor * g)
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex2_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex2_visible():
    name = "careful_step"
    rng = np.random.default_rng(2)
    params, grads = ([rng.normal(size=(4, 3)), rng.normal(size=3)] for _ in range(2))
    kept = [array.copy() for array in params + grads]
    result = careful_step(params, grads, None, 1, 0.1, 0.0, 1e9)
    expect_unchanged(kept, params + grads, name)
    expect(isinstance(result, tuple) and len(result) == 2, name, "two lists were expected", "return params, average")
    for got, old, slope, mean in zip(result[0], params, grads, result[1], strict=True):
        expect_array(got, old.shape, f"{name}, params", where="the shape of the parameter")
        expect_array(mean, old.shape, f"{name}, average", where="the shape of the parameter")
        expect_close(got, old - 0.1 * slope, f"{name} without decay, with a short gradient", where="the plain step")
        expect_close(mean, got, f"{name}, average after the first step", where="the mean of one number is that number")
    clipped, _ = careful_step(params, grads, None, 1, 0.1, 0.0, 0.5)
    moved = sum(((new - old) ** 2).sum() for new, old in zip(clipped, params, strict=True)) ** 0.5
    expect(moved <= 0.1 * 0.5 + 1e-9, name, "the step is longer than lr · longest", "one length for all arrays together")


test_ex2_visible()

# %% nbgrader={"grade": true, "grade_id": "ex2_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): many steps in a row, clipped or not, with decay and averages.
### BEGIN HIDDEN TESTS
SEEDS = (2201, 2202, 2203)


def oracle_ex2(params, grads, lr, reg, longest):
    numbers = [abs(float(value)) for g in grads for value in np.asarray(g).ravel()]
    unit = max([*numbers, 1e-300])
    length = unit * sum((n / unit) ** 2 for n in numbers) ** 0.5
    factor = longest / length if length > longest else 1.0
    return [(1 - lr * reg * (np.ndim(p) > 1)) * np.asarray(p, float) - lr * (np.asarray(g, float) * factor) for p, g in zip(params, grads, strict=True)]


def compare_lists_ex2(got, want, what, where):
    expect(isinstance(got, list) and len(got) == len(want), "careful_step", "a list with one array for each parameter was expected", what)
    for number, (mine, right) in enumerate(zip(got, want, strict=True)):
        expect_array(mine, right.shape, f"{what}, array {number}", where="the shape of the parameter")
        expect_close(mine, right, f"{what}, array {number}", where=where)


def walk_ex2(params, gradients, lr, reg, longest, what):
    mine, average, path = [np.copy(p) for p in params], None, []
    for k, grads in enumerate(gradients, 1):
        want = oracle_ex2(mine, grads, lr, reg, longest)
        held = [*mine, *grads, *(average or [])]
        kept = [np.copy(a) for a in held]
        mine, average = careful_step(mine, grads, average, k, lr, reg, longest)
        expect_unchanged(kept, held, "careful_step")
        compare_lists_ex2(mine, want, f"params after step {k}, {what}", "the length of all gradients together; which parameters decay")
        path.append(want)
        means = [np.mean([step[i] for step in path], axis=0) for i in range(len(params))]
        compare_lists_ex2(average, means, f"average after step {k}, {what}", "the mean over all steps so far, each counted once")


def test_ex2_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        shapes = (3, 4), (4,), (4, 2), (2,)
        for longest, what in ((1e6, "never clipped"), (0.7, "always clipped"), (4.7, "sometimes clipped")):
            gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(6)]
            walk_ex2([rng.normal(size=shape) for shape in shapes], gradients, 0.2, 0.3, longest, what)


test_ex2_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex2_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): huge and vanishing gradients, whole numbers, filters with four axes, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex2_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        params = [rng.normal(size=(2, 3)), rng.normal(size=3)]
        for scale in (1e200, 1e-200):
            walk_ex2(params, [[scale * rng.normal(size=p.shape) for p in params] for _ in range(3)], 0.1, 0.2, 2.0, f"with gradients around {scale:g}")
        walk_ex2(params, [[np.zeros(p.shape) for p in params]] * 2, 0.1, 0.2, 2.0, "with gradients of 0")
        exact = [[np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]), np.array([0.0, 4.0, 0.0])]]
        walk_ex2(params, exact * 2, 0.5, 0.0, 5.0, "with a gradient exactly as long as allowed")
        shapes = (2, 1, 3, 3), (2,), (1, 1), (1,)
        walk_ex2([rng.normal(size=s) for s in shapes], [[rng.normal(size=s) for s in shapes] for _ in range(3)], 0.1, 0.5, 1.5, "with parameters of one, two and four axes")
        whole = [rng.integers(-9, 10, size=(2, 2)), rng.integers(-9, 10, size=2)]
        walk_ex2(whole, [[rng.integers(-9, 10, size=p.shape) for p in whole] for _ in range(2)], 0.25, 0.5, 3.0, "with whole numbers")


test_ex2_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex3_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 3: The steepest direction
#
# *Objective O2, 10 points.*
#
# **What.** Gradient descent works up to a learning rate of 2 divided by the largest curvature, says chapter 4, and computes that curvature from the Hessian. A network with 80,000 weights has a Hessian with 6.4 billion entries. But its *product* with an arrow needs nothing but two gradients:
#
# $$
# \nabla^2 L(w)\, v \approx \frac{\nabla L(w + h v) - \nabla L(w - h v)}{2h}, \qquad \lVert v \rVert = 1,\; h = 10^{-5} .
# $$
#
# And an arrow that is multiplied by the Hessian again and again, and brought back to length 1 each time, turns into the direction of the curvature with the largest absolute value. Write `steepest_curvature(gradient, w, v, steps)`:
#
# 1. bring v to length 1;
# 2. `steps` times: replace v by the product of the Hessian with it, brought to length 1;
# 3. return $v \cdot \nabla^2 L(w)\, v$ for the v that has come out, with its sign: on a ridge or at a saddle it can be negative;
# 4. if a product is *exactly* the zero arrow on the way, return 0 (no tolerance: a product that is only nearly zero is brought to length 1 like any other).
#
# `gradient(w)` is a function that gives $\nabla L(w)$ in the shape of w. Call it 2 · `steps` + 2 times at most.
#
# **Why it matters.** This is how the curvature of networks with millions of weights is measured: at the price of a few gradients you know which learning rates can work, before you have tried one.
#
# **Signature.** `gradient` a function of one array, `w` and `v` arrays of one shape (any number of axes, whole or floating point numbers), v of any length but 0, `steps` ≥ 0 → a float.
#
# **Example.** A bowl with the curvatures 3 and 1.
#
# ```python
# >>> bowl = lambda w: np.array([3.0, 1.0]) * w
# >>> round(steepest_curvature(bowl, np.array([5.0, -2.0]), np.array([1.0, 1.0]), steps=20), 6)
# 3.0
# >>> round(steepest_curvature(bowl, np.array([5.0, -2.0]), np.array([1.0, 1.0]), steps=0), 6)
# 2.0
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Write a helper for the product of the Hessian with an arrow first, and try it on the bowl: (1, 0) must become (3, 0), wherever you stand.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# v may be a matrix, as the weights are. Its length is still the square root of the sum of all squares, and the product of v and u still the sum of all products.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex3_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steepest_curvature(gradient, w, v, steps):
    """Curvature in the direction that the Hessian turns v into.

    Parameters
    ----------
    gradient : callable
        Array like w → gradient of the loss, like w.
    w, v : ndarray of one shape
    steps : int

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    h = 1e-5
    w, v = np.asarray(w, dtype=np.float64), np.asarray(v, dtype=np.float64)
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + h * v) - gradient(w - h * v)) / (2 * h)
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float((v * product).sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex3_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex3_visible():
    name = "steepest_curvature"
    asked = []

    def bowl(w):
        asked.append(np.shape(w))
        return np.array([4.0, 2.0, 1.0]) * w

    got = steepest_curvature(bowl, np.array([1.0, 2.0, -1.0]), np.array([1.0, -1.0, 1.0]), 25)
    expect_number(got, name)
    expect_close(got, 4.0, f"{name} of a bowl with curvatures 4, 2 and 1", where="after 25 steps nothing else is left", rtol=1e-5)
    expect(set(asked) == {(3,)}, name, "the gradient was asked at an array of another shape", "w ± h v has the shape of w")
    expect(len(asked) <= 52, name, f"the gradient was asked {len(asked)} times in 25 steps, 52 times are allowed", "two a step and two for the answer; never build the Hessian")


test_ex3_visible()

# %% nbgrader={"grade": true, "grade_id": "ex3_values", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): bowls with many curvatures, after few steps and after many.
### BEGIN HIDDEN TESTS
SEEDS = (2301, 2302, 2303)


def matrix_ex3(curvatures, rng):
    axes = np.linalg.qr(rng.normal(size=(len(curvatures), len(curvatures))))[0]
    return axes @ np.diag(curvatures) @ axes.T


def oracle_ex3(hessian, v, steps):
    direction = np.linalg.matrix_power(hessian / np.abs(hessian).max(), steps) @ np.asarray(v, float).ravel()
    return direction @ hessian @ direction / (direction @ direction)


def compare_ex3(gradient, hessian, w, v, steps, what):
    asked, kept = [], (w.copy(), v.copy())

    def counted(at):
        asked.append(1)
        expect(np.shape(at) == kept[0].shape, "steepest_curvature", "the gradient was asked at an array of another shape", "the shape of w")
        return gradient(np.asarray(at))

    got = steepest_curvature(counted, w, v, steps)
    expect_number(got, f"steepest_curvature {what}")
    expect_close(got, oracle_ex3(hessian, kept[1], steps), f"steepest_curvature {what} after {steps} steps", where="rules 1 to 3, in this order; central differences", rtol=1e-6, atol=1e-8)
    expect(len(asked) <= 2 * steps + 2, "steepest_curvature", "the gradient was asked too often", "two gradients for each product")
    expect_unchanged(kept, (w, v), "steepest_curvature")


def test_ex3_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        hessian = matrix_ex3([5.0, 4.0, 2.0, 1.0, 0.1], rng)
        floor = rng.normal(size=5)
        for steps in (0, 1, 3, 12):
            w, v = rng.normal(size=5), rng.normal(size=5)
            compare_ex3(lambda at, h=hessian, f=floor: h @ (at - f), hessian, w, v / np.linalg.norm(v), steps, "of a bowl")


test_ex3_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex3_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): arrows of any length, weights in a matrix, negative curvature, losses that are no bowls, flat ground, whole numbers.
### BEGIN HIDDEN TESTS
def test_ex3_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        hessian = matrix_ex3([-6.0, 3.0, 1.0, 0.5, 2.0, -1.0], rng)
        for length, steps in ((1e-3, 8), (1e4, 8), (7.0, 0)):
            w, v = rng.normal(size=(2, 3)), length * rng.normal(size=(2, 3))
            compare_ex3(lambda at, h=hessian: (h @ at.ravel()).reshape(2, 3), hessian, w, v, steps, f"of a saddle, with a matrix of weights and an arrow of length about {length:g}")
        w = rng.uniform(0.3, 0.6, size=3)
        compare_ex3(lambda at: at**5, np.diag(5 * w**4), w, rng.uniform(0.5, 1.0, size=3), 5, "of a loss that is no bowl")
        whole = rng.integers(1, 5, size=4), rng.integers(1, 5, size=4)
        compare_ex3(lambda at: np.array([1.0, 2.0, 3.0, 7.0]) * at, np.diag([1.0, 2.0, 3.0, 7.0]), *whole, 4, "with whole numbers")
        flat = steepest_curvature(lambda at: np.zeros(3), rng.normal(size=3), rng.normal(size=3), 5)
        expect_number(flat, "steepest_curvature of flat ground", where="rule 4")
        expect_close(flat, 0.0, "steepest_curvature of flat ground", where="rule 4")


test_ex3_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex4_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 4: A program that is differentiated
#
# *Objective O3, 16 points.*
#
# **What.** A *tape* is a program without loops, written down line by line. The list of values begins with the inputs; each line of the tape takes values from the list, by their positions (counted from 0), and appends one. So with two inputs, the first line's result stands at position 2.
#
# | line | appends |
# |---|---|
# | `("add", i, j, …)` | the sum of the values at i, j, … (one or more) |
# | `("mul", i, j)` | their product |
# | `("div", i, j)` | the value at i divided by the one at j, which is never 0 |
# | `("max", i, j, …)` | the largest of them (one or more) |
# | `("lse", i, j, …)` | $\log(e^{v_i} + e^{v_j} + \dots)$ (one or more), chapter 3's log-sum-exp |
#
# Write `run_tape(inputs, tape)`: run the program forwards, then once backwards, and return the last value of the list together with its gradient by each of the inputs.
#
# 1. A position may occur several times, in several lines and even within one line.
# 2. Where several of a maximum's values are equally large, the one named first in the line gets everything.
# 3. Values that don't reach the last value have gradient 0. If the tape is empty, the last value is the last input.
# 4. log-sum-exp must not overflow for values of any size.
#
# **Why it matters.** This is what an autograd engine keeps behind the operators, and what compilers for neural networks work on. An operation that is a single line here, such as log-sum-exp, can be made safe for large numbers; put together from `exp` and `log` it can't.
#
# **Signature.** `inputs` a list of at least one whole or floating point number, `tape` a list of tuples → (`value`, `gradients`): a float, and a list with one float for each input. A tape of some thousand lines takes well under a second.
#
# **Example.** $xy / (x + y)$ at x = 1, y = 3. The derivatives are $y^2/(x + y)^2$ and $x^2/(x + y)^2$.
#
# ```python
# >>> run_tape([1.0, 3.0], [("mul", 0, 1), ("add", 0, 1), ("div", 2, 3)])
# (0.75, [0.5625, 0.0625])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Two loops: one along the tape that appends values, and one against it that hands gradients on. Begin the second with a list of zeros, as long as the list of values, and a 1 at its end.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# What does each line owe to each of the positions it names, if its own gradient is g? For division, write down both slopes. For log-sum-exp the slopes are an old friend from chapter 3, and they sum to 1.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# `("mul", 0, 0)` is a square. If your gradient is half of what it should be, think of chapter 5's most forgotten rule.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex4_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def run_tape(inputs, tape):
    """Run a program forwards and backwards.

    Parameters
    ----------
    inputs : list of float
    tape : list of tuple
        (operation, position, position, …)

    Returns
    -------
    value : float
        The last value.
    gradients : list of float
        Its gradient by each input.
    """
    ### BEGIN SOLUTION
    values = [float(number) for number in inputs]
    slopes = []  # for each line, one slope for each position it names
    for operation, *places in tape:
        taken = [values[i] for i in places]
        if operation == "add":
            values.append(sum(taken))
            slopes.append([1.0] * len(taken))
        elif operation == "mul":
            values.append(taken[0] * taken[1])
            slopes.append([taken[1], taken[0]])
        elif operation == "div":
            values.append(taken[0] / taken[1])
            slopes.append([1 / taken[1], -values[-1] / taken[1]])
        elif operation == "max":
            values.append(max(taken))
            winner = taken.index(values[-1])
            slopes.append([float(n == winner) for n in range(len(taken))])
        else:
            largest = max(taken)
            powers = np.exp(np.array(taken) - largest)
            values.append(largest + float(np.log(powers.sum())))
            slopes.append((powers / powers.sum()).tolist())
    gradients = [0.0] * len(values)
    gradients[-1] = 1.0
    for number in reversed(range(len(tape))):
        arrived = gradients[len(inputs) + number]
        for i, slope in zip(tape[number][1:], slopes[number], strict=True):
            gradients[i] += slope * arrived
    return values[-1], gradients[: len(inputs)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex4_visible", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_ex4_visible():
    name = "run_tape"
    result = run_tape([2.0, 5.0, -1.0], [("mul", 0, 1), ("add", 3, 2)])
    expect(isinstance(result, tuple) and len(result) == 2, name, "a value and a list were expected", "return value, gradients")
    value, gradients = result
    expect_number(value, f"{name}, value")
    expect(isinstance(gradients, list) and len(gradients) == 3, name, "one gradient for each input was expected, in a list", "not for the lines of the tape")
    for gradient in gradients:
        expect_number(gradient, f"{name}, a gradient")
    expect_close(value, 9.0, f"{name}, value of 2 · 5 − 1", where="the last value of the list")
    expect_close(gradients, [5.0, 2.0, 1.0], f"{name}, gradients of 2 · 5 − 1", where="each factor's slope is the other factor")
    _, shares = run_tape([0.3, -1.2, 0.8], [("lse", 0, 1, 2)])
    expect_close(sum(shares), 1.0, f"{name}, sum of the gradients of log-sum-exp", where="raise all values by 1 and the result rises by 1")
    _, scaled = run_tape([3.0, 4.0], [("div", 0, 1)])
    expect_close(3.0 * scaled[0] + 4.0 * scaled[1], 0.0, f"{name}, gradients of a quotient", where="doubling both changes nothing")
    _, chosen = run_tape([3.0, 4.0, 1.0], [("max", 0, 1, 2)])
    expect_close(chosen, [0.0, 1.0, 0.0], f"{name}, gradients of a maximum", where="the largest one gets everything")


test_ex4_visible()

# %% nbgrader={"grade": true, "grade_id": "ex4_values", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (8 points): random programs, in which values are used again and again.
### BEGIN HIDDEN TESTS
SEEDS = (2401, 2402, 2403)


def oracle_ex4(inputs, tape):
    """Forward mode: every value carries its derivatives by all inputs along."""
    n = len(inputs)
    values, slopes = [float(v) for v in inputs], list(np.eye(n))
    for operation, *places in tape:
        v, d = [values[i] for i in places], [slopes[i] for i in places]
        if operation == "add":
            value, slope = float(np.sum(v)), np.sum(d, axis=0)
        elif operation == "mul":
            value, slope = v[0] * v[1], v[1] * d[0] + v[0] * d[1]
        elif operation == "div":
            value, slope = v[0] / v[1], (d[0] * v[1] - v[0] * d[1]) / v[1] ** 2
        elif operation == "max":
            first = int(np.argmax(v))
            value, slope = v[first], d[first]
        else:
            value = float(np.logaddexp.reduce(v))
            slope = sum(np.exp(a - value) * b for a, b in zip(v, d, strict=True))
        values.append(float(value))
        slopes.append(slope)
    return values[-1], slopes[-1]


def random_tape_ex4(inputs, lines, rng):
    tape, values = [], [float(v) for v in inputs]
    while len(tape) < lines:
        operation = ("add", "mul", "div", "max", "lse")[rng.integers(5)]
        count = 2 if operation in ("mul", "div") else int(rng.integers(1, 5))
        line = (operation, *(int(i) for i in rng.integers(len(values), size=count)))
        if operation == "div" and abs(values[line[2]]) < 0.3:
            continue
        value = oracle_ex4(values, [line])[0]
        if abs(value) < 20:  # keep numbers small, so that rounding is no question
            tape.append(line)
            values.append(value)
    return tape


def compare_ex4(inputs, tape, what):
    kept = list(inputs), list(tape)
    value, gradients = run_tape(inputs, tape)
    right, slopes = oracle_ex4(*kept)
    expect_number(value, f"run_tape, value {what}")
    expect_close(value, right, f"run_tape, value {what}", where="the table of operations")
    expect(len(gradients) == len(slopes), "run_tape", "one gradient for each input was expected", what)
    scale = max(1.0, float(np.abs(slopes).max()))
    expect_close(np.array(gradients, dtype=float) / scale, slopes / scale, f"run_tape, gradients {what}", where="what comes back from several places is added up")
    expect(inputs == kept[0] and tape == kept[1], "run_tape", "the inputs or the tape were changed by the call", "work on a copy")


def test_ex4_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for operation in ("add", "mul", "div", "max", "lse"):
            numbers = rng.uniform(0.5, 2, size=2).tolist()
            compare_ex4(numbers, [(operation, 0, 1)], f"of a single {operation}")
            compare_ex4(numbers, [(operation, 1, 0), ("mul", 2, 2), ("mul", 3, 0)], f"of {operation} and products")
        for lines in (4, 9, 20):
            inputs = rng.uniform(-2, 2, size=4).tolist()
            compare_ex4(inputs, random_tape_ex4(inputs, lines, rng), f"of a program of {lines} lines")


test_ex4_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex4_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): equal maxima, large numbers, empty tapes, lines and inputs that don't count, whole numbers, long tapes.
### BEGIN HIDDEN TESTS
def test_ex4_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        a, b = rng.uniform(1, 2, size=2).tolist()
        compare_ex4([a], [], "of an empty tape")
        compare_ex4([a, b], [], "of an empty tape with two inputs")
        compare_ex4([a, b, a], [("max", 2, 0)], "of two equal numbers' maximum")
        compare_ex4([a, b, a, a], [("max", 0, 3, 2), ("max", 1, 2, 0), ("mul", 4, 5)], "of maxima, some of them equal")
        compare_ex4([a, b], [("mul", 0, 1), ("max", 2, 2), ("div", 3, 3), ("add", 0, 0, 0), ("mul", 5, 4)], "of lines that name a value twice")
        compare_ex4([a, b], [("lse", 0, 0, 1), ("lse", 2, 2)], "of log-sum-exp that names a value twice")
        compare_ex4([1000 * a, 1000 * b, -1000.0], [("lse", 0, 1, 2), ("lse", 2, 2), ("div", 3, 4)], "of log-sum-exp of large numbers")
        compare_ex4([-1000 * a, -1000 * b], [("lse", 0, 1)], "of log-sum-exp of very negative numbers")
        compare_ex4([a, b, 5.0], [("mul", 1, 1), ("mul", 0, 0), ("div", 2, 1), ("add", 0)], "of lines that nothing depends on")
        compare_ex4([int(rng.integers(2, 9)), 3], [("div", 0, 1), ("lse", 0, 2), ("mul", 3, 0)], "of whole numbers")
        compare_ex4([-a, b], [("mul", 0, 0), ("div", 0, 2), ("div", 3, 0), ("max", 4, 0)], "of negative numbers")
        doubling = [("add", k, k) for k in range(60)]
        compare_ex4([a], doubling, "of sixty doublings")
        chain = [("mul", 0, 1)] + [("add", k, 0) if k % 2 else ("div", k, 1) for k in range(2, 3000)]
        compare_ex4([a, 1.0 + 1e-3], chain, "of three thousand lines")


test_ex4_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex5_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 5: The auditor
#
# *Objective O4, 14 points.*
#
# **What.** A check that says "wrong" is a beginning; to mend a layer one wants to know *where*. Write `audit(forward, backward, arrays, seed)`. `forward(*arrays)` is a layer: it gives an array. `backward(dout, *arrays)` is the backward pass that somebody wrote for it: given
# an upstream gradient in the shape of the output, it gives a tuple or a list with one gradient for each of the arrays. The answer is a list with one array of truth values for each of the arrays, in its shape: `True` where the gradient is wrong.
#
# 1. The upstream gradient is `np.random.default_rng(seed).normal(size=...)` in the shape of the output, and the loss is the sum of `dout * forward(*arrays)`.
# 2. Compare each entry with the central difference of that loss, step $10^{-5}$. Let m be the largest absolute value among the central differences of its array, but at least 1. The entry is right if the two differ by at most $10^{-5} m$. NaN is wrong.
# 3. If a gradient has another shape than its array, or is missing (`None`, or too few came back), the whole array is wrong. Gradients too many are ignored.
#
# **Why it matters.** Wrong gradients seldom crash. The network learns a little worse, and nobody knows why. A map of the wrong entries nearly always shows what the bug is: the last row, one column, everything off by the size of the batch.
#
# **Signature.** `forward`, `backward` functions, `arrays` a list of arrays with one axis or more (turn whole numbers into float64 before you move them), `seed` a whole number → a list of arrays of `bool`. The arrays are not changed.
#
# **Example.** Somebody forgot that $x^2$ has a slope of 2x, in one of three places.
#
# ```python
# >>> audit(lambda x: x**2, lambda dout, x: [dout * x * [2, 1, 2]], [np.array([1.0, 2.0, 3.0])], seed=0)
# [array([False,  True, False])]
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# For each array and each of its indices: a copy with that entry moved up, one with it moved down, the other arrays as they are. `np.ndindex(a.shape)` gives the indices, whatever the number of axes.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# The m of rule 2 belongs to a whole array, so compute all of its central differences before you judge. A comparison with NaN is always `False`: ask whether an entry is right, then turn the answer round.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex5_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def audit(forward, backward, arrays, seed):
    """Say where a backward pass is wrong.

    Parameters
    ----------
    forward : callable
        ``forward(*arrays)`` → ndarray.
    backward : callable
        ``backward(dout, *arrays)`` → one gradient for each array.
    arrays : list of ndarray
    seed : int

    Returns
    -------
    list of ndarray of bool
        True where the gradient is wrong; one array for each of the arrays, of its shape.
    """
    ### BEGIN SOLUTION
    h = 1e-5
    arrays = [np.array(a, dtype=np.float64) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*(a.copy() for a in arrays))))
    gradients = list(backward(dout.copy(), *(a.copy() for a in arrays)))

    def loss(position, moved):
        return (dout * forward(*(moved if p == position else a.copy() for p, a in enumerate(arrays)))).sum()

    wrong = []
    for position, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            above, below = array.copy(), array.copy()
            above[index] += h
            below[index] -= h
            slopes[index] = (loss(position, above) - loss(position, below)) / (2 * h)
        if position >= len(gradients) or np.shape(gradients[position]) != array.shape:
            wrong.append(np.ones(array.shape, dtype=bool))
            continue
        allowed = 1e-5 * max(1.0, float(np.abs(slopes).max(initial=0.0)))
        wrong.append(np.asarray(~(np.abs(np.asarray(gradients[position]) - slopes) <= allowed)))
    return wrong
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex5_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex5_visible():
    name = "audit"
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    kept = x.copy(), w.copy()
    layer = lambda x, w: x @ w
    verdict = audit(layer, lambda dout, x, w: (dout @ w.T, x.T @ dout), [x, w], 5)
    expect(isinstance(verdict, list) and len(verdict) == 2, name, "a list with one array for each argument was expected", "the return value")
    for found, array in zip(verdict, (x, w), strict=True):
        expect(isinstance(found, np.ndarray) and found.dtype == bool, name, "arrays of truth values were expected", "the return value")
        expect(found.shape == array.shape, name, "a verdict has another shape than its array", "one truth value for each entry")
        expect(not found.any(), name, "a right gradient was called wrong", "rule 2")
    expect_unchanged(kept, (x, w), name)
    verdict = audit(layer, lambda dout, x, w: (dout @ w.T, 3 * x.T @ dout), [x, w], 5)
    expect(not verdict[0].any(), name, "the right one of two gradients was called wrong", "each array has a verdict of its own")
    expect(verdict[1].all(), name, "a gradient that is three times too large was called right", "rule 2")


test_ex5_visible()

# %% nbgrader={"grade": true, "grade_id": "ex5_values", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (7 points): layers with bugs in single places, in whole rows, and of the kind that careless checks miss.
### BEGIN HIDDEN TESTS
SEEDS = (2501, 2502, 2503)


def compare_ex5(forward, right, given, arrays, seed, what):
    """Compare the verdict with the exact gradients; `right` and `given` are backward passes."""
    asked, kept = [], [a.copy() for a in arrays]

    def counted(*now):
        asked.append(1)
        return forward(*now)

    exact = [np.array(a, dtype=float) for a in kept]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*exact)))

    def watched(upstream, *now):
        expect(np.shape(upstream) == dout.shape, "audit", "the upstream gradient has another shape than the output", "rule 1")
        expect_close(upstream, dout, "audit, upstream gradient", where="rule 1")
        return given(upstream, *now)

    got = audit(counted, watched, arrays, seed)
    expect_unchanged(kept, arrays, "audit")
    true, said = right(dout, *exact), given(dout, *exact)
    expect(isinstance(got, list) and len(got) == len(arrays), "audit", "a list with one array for each argument was expected", what)
    for number, (found, slopes) in enumerate(zip(got, true, strict=True)):
        expect(isinstance(found, np.ndarray) and found.dtype == bool, "audit", "arrays of truth values were expected", what)
        expect(found.shape == slopes.shape, "audit", "a verdict has another shape than its array", what)
        if number >= len(said) or np.shape(said[number]) != slopes.shape:
            want = np.ones(slopes.shape, dtype=bool)
        else:
            allowed = 1e-5 * max(1.0, float(np.abs(slopes).max(initial=0.0)))
            want = ~(np.abs(np.asarray(said[number]) - slopes) <= allowed)
        missed, invented = int((want & ~found).sum()), int((found & ~want).sum())
        expect(missed == 0, "audit", f"{missed} wrong entries of argument {number} were called right", what)
        expect(invented == 0, "audit", f"{invented} right entries of argument {number} were called wrong", what)


def test_ex5_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, w, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
        affine = lambda x, w, b: x @ w + b
        right = lambda dout, x, w, b: (dout @ w.T, x.T @ dout, dout.sum(axis=0))
        compare_ex5(affine, right, right, [x, w, b], seed, "a layer without a mistake")
        compare_ex5(affine, right, lambda dout, x, w, b: (dout @ w.T, x.T @ dout, dout.mean(axis=0)), [x, w, b], seed, "the mean over the batch for the sum")
        spot = np.ones((4, 2))
        spot[rng.integers(4), rng.integers(2)] = -1
        compare_ex5(affine, right, lambda dout, x, w, b, s=spot: (dout @ w.T, x.T @ dout * s, dout.sum(axis=0)), [x, w, b], seed, "one wrong sign")
        corner = np.ones((3, 4))
        corner[-1, -1] = 1.001
        compare_ex5(affine, right, lambda dout, x, w, b, c=corner: (dout @ w.T * c, x.T @ dout, dout.sum(axis=0)), [x, w, b], seed, "the last entry off by a thousandth")
        turn = lambda dout, x: [dout[::-1]]
        compare_ex5(lambda x: x[::-1], turn, lambda dout, x: [dout], [x], seed, "rows turned round, and not turned back: an upstream gradient of ones can't tell")
        compare_ex5(lambda x: np.tanh(x), lambda dout, x: [dout * (1 - np.tanh(x) ** 2)], lambda dout, x: [dout.mean() * (1 - np.tanh(x) ** 2)], [x], seed, "the mean of the upstream gradient")
        compare_ex5(lambda x: x**3 / 3, lambda dout, x: [dout * x**2], lambda dout, x: [dout * x**2 * (x > 0)], [x], seed, "a slope that is missing for negative numbers")


test_ex5_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex5_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): other shapes, missing gradients, NaN, large gradients, whole numbers, one and three axes.
### BEGIN HIDDEN TESTS
def test_ex5_edges():
    scale = lambda x, a: x * a
    right = lambda dout, x, a: (dout * a, (dout * x).sum(axis=0, keepdims=True))
    big = 1e4 * np.array([1.0, 2.0, -3.0])
    steep = lambda x: big * np.sin(x)
    flat = lambda x: 0 * x
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        x, a = rng.normal(size=(3, 2)), rng.normal(size=(1, 2))
        for given, what in (
            (lambda dout, x, a: (dout * a, (dout * x).sum(axis=0)), "a gradient of shape (2,) for an array of shape (1, 2)"),
            (lambda dout, x, a: (dout * a, dout * x), "a gradient as large as the batch"),
            (lambda dout, x, a: (dout * a,), "a gradient too few"),
            (lambda dout, x, a: [dout * a, (dout * x).sum(axis=0, keepdims=True)], "gradients in a list"),
        ):
            compare_ex5(scale, right, given, [x, a], seed, what)
        holes = np.where(np.arange(6).reshape(3, 2) == rng.integers(6), np.nan, 1.0)
        compare_ex5(scale, right, lambda dout, x, a, h=holes: (dout * a * h, right(dout, x, a)[1]), [x, a], seed, "NaN in one place")
        compare_ex5(steep, lambda dout, x: [dout * big * np.cos(x)], lambda dout, x: [dout * big * np.cos(x) + 1e-4], [rng.uniform(-1, 1, size=3)], seed, "large gradients with an error far below the tolerance")
        compare_ex5(steep, lambda dout, x: [dout * big * np.cos(x)], lambda dout, x: [dout * big * np.cos(x) * [1, 1, 1.01]], [rng.uniform(-1, 1, size=3)], seed, "large gradients, one off by a hundredth")
        compare_ex5(flat, lambda dout, x: [0 * x], lambda dout, x: [0 * x + [1e-7, 0.5, 0.0]], [rng.normal(size=3)], seed, "a layer whose gradient is 0")
        whole = rng.integers(1, 9, size=(2, 2))
        compare_ex5(lambda x: x * x, lambda dout, x: [2 * dout * x], lambda dout, x: [2 * dout * x * [[1, 1], [0, 1]]], [whole], seed, "whole numbers")
        single = rng.uniform(0.5, 1, size=1)
        compare_ex5(lambda x: np.exp(x), lambda dout, x: [dout * np.exp(x)], lambda dout, x: [dout * np.exp(-x)], [single], seed, "a single number")
        cube = rng.normal(size=(2, 1, 3))
        compare_ex5(lambda x: x.sum(axis=2), lambda dout, x: [np.repeat(dout[:, :, None], 3, axis=2)], lambda dout, x: [np.repeat(dout[:, :, None], 3, axis=2) * [1, 0, 1]], [cube], seed, "three axes")


test_ex5_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex5_layers", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Five layers
#
# Here are five layers with their backward passes, for exercise 8. Two of the five are wrong. Let your auditor find out which.

# %% nbgrader={"grade": false, "grade_id": "ex5_five", "locked": true, "schema_version": 3, "solution": false, "task": false}
def softmax_rows(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_rows_backward(dout, x):
    p = softmax_rows(x)
    return (p * (dout - (dout * p).sum(axis=1, keepdims=True)),)


FIVE_LAYERS = {  # name: (forward, backward, shapes of the arrays)
    "centre": (
        lambda x: x - x.mean(axis=1, keepdims=True),
        lambda dout, x: (dout - dout.mean(axis=1, keepdims=True),),
        [(4, 3)],
    ),
    "roll": (
        lambda x: np.roll(x, 1, axis=1),
        lambda dout, x: (np.roll(dout, 1, axis=1),),
        [(4, 3)],
    ),
    "scale": (
        lambda x, a: x * a,
        lambda dout, x, a: (dout * a, (dout * x).mean(axis=0)),
        [(4, 3), (3,)],
    ),
    "softmax": (softmax_rows, softmax_rows_backward, [(4, 3)]),
    "softplus": (
        lambda x: np.logaddexp(0, x),
        lambda dout, x: (dout / (1 + np.exp(-x)),),
        [(4, 3)],
    ),
}

# %%
# Not marked, yours to change: where each layer is wrong.
for layer_name, (forward, backward, shapes) in FIVE_LAYERS.items():
    rng = np.random.default_rng(0)
    verdict = audit(forward, backward, [rng.normal(size=shape) for shape in shapes], seed=1)
    print(f"{layer_name:9}", *(f"{int(wrong.sum())} of {wrong.size} wrong" for wrong in verdict))

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex6_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 6: Round after round
#
# *Objectives O1 and O3, 16 points.*
#
# **What.** A network that applies *one* hidden layer several times and adds its result each time to what was there:
#
# $$
# \begin{aligned}
# H_0 &= \varphi(X W + b), \\
# H_t &= H_{t-1} + \varphi(H_{t-1} R + c) \quad \text{for } t = 1, \dots, T, \\
# S &= H_T V + e .
# \end{aligned}
# $$
#
# R and c are the same in all T rounds; T can be 0. The activation is $\varphi(a) = a$ for $a > 0$ and $a / 10$ otherwise; its slope at 0 is 1/10. The loss is the mean cross-entropy of the scores S, plus $\frac\lambda2$ times the sum of the squares of all entries of W, R and V: the biases are free,
# and R is charged once, however often it is used.
#
# Write `round_net(params, X, labels, rounds, reg)`: the loss and its gradient by each parameter. T is `rounds`, $\lambda$ is `reg`.
#
# **Why it matters.** "Add it to what was there" is the idea behind residual networks, which made depths of a hundred layers trainable (chapter 12); "the same weights in each round" is the idea behind recurrent ones (chapter 17). Both are
# chapter 5's most forgotten rule: what is used several times on the way forward is summed on the way back.
#
# **Signature.** `params` a dictionary with "W" (D, M), "b" (M,), "R" (M, M), "c" (M,), "V" (M, C), "e" (C,); `X` (N, D); whole or floating point numbers; `labels` (N,) whole numbers, `rounds` ≥ 0, `reg` ≥ 0 → (`loss`, `grads`): a float, and a dictionary with the same keys and float64 arrays of the same shapes.
# Scores in the thousands must not overflow. Nothing is changed.
#
# **Example.** All weights 1 and no biases: the hidden value 2 becomes 4, then 8, and both scores are equal, so that the loss is log 2.
#
# ```python
# >>> one = {"W": np.ones((1, 1)), "b": np.zeros(1), "R": np.ones((1, 1)), "c": np.zeros(1), "V": np.ones((1, 2)), "e": np.zeros(2)}
# >>> loss, grads = round_net(one, np.array([[2.0]]), np.array([0]), rounds=2, reg=0.0)
# >>> round(loss, 6), grads["V"].tolist(), grads["e"].tolist()
# (0.693147, [[-4.0, 4.0]], [-0.5, 0.5])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Forwards, keep what the way back will need: the H of every round, and every number that went into an activation. Backwards, go through the rounds from the last to the first. Which arrays have the same shape in every round?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# The H of one round reaches the H of the next on two ways, directly and through the activation. The gradient that arrives at the later one goes back along both, and meets itself again.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# Test yourself with `expect_gradient`, as the visible tests do, but with several rounds and a penalty: `expect_gradient(loss, arrays, gradients, "mine")` compares gradients with central differences of the function `loss(*arrays)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex6_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def round_net(params, X, labels, rounds, reg):
    """Loss and gradients of a network with a hidden layer that is used several times.

    Parameters
    ----------
    params : dict of str to ndarray
        "W" (D, M), "b" (M,), "R" (M, M), "c" (M,), "V" (M, C), "e" (C,)
    X : ndarray of shape (N, D)
    labels : ndarray of shape (N,), integers
    rounds : int
    reg : float

    Returns
    -------
    loss : float
    grads : dict of str to ndarray, float64
    """
    ### BEGIN SOLUTION
    W, b, R, c, V, e = (params[key].astype(np.float64) for key in ("W", "b", "R", "c", "V", "e"))
    n, rows = len(X), np.arange(len(X))
    before = [X @ W + b]  # what goes into each activation
    hidden = [np.where(before[0] > 0, before[0], before[0] / 10)]
    for _ in range(rounds):
        before.append(hidden[-1] @ R + c)
        hidden.append(hidden[-1] + np.where(before[-1] > 0, before[-1], before[-1] / 10))
    scores = hidden[-1] @ V + e
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[rows, labels].mean() + reg / 2 * sum((weight**2).sum() for weight in (W, R, V))

    dS = np.exp(log_p)
    dS[rows, labels] -= 1
    dS /= n
    dR, dc = reg * R, np.zeros(c.shape)
    dH = dS @ V.T
    for t in reversed(range(rounds)):
        dA = dH * np.where(before[t + 1] > 0, 1.0, 0.1)
        dR += hidden[t].T @ dA
        dc += dA.sum(axis=0)
        dH = dH + dA @ R.T
    dA = dH * np.where(before[0] > 0, 1.0, 0.1)
    grads = {"W": X.T @ dA + reg * W, "b": dA.sum(axis=0), "R": dR, "c": dc}
    return float(loss), grads | {"V": hidden[-1].T @ dS + reg * V, "e": dS.sum(axis=0)}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex6_visible", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_ex6_visible():
    name = "round_net"
    rng = np.random.default_rng(6)
    keys = ("W", "b", "R", "c", "V", "e")
    shapes = {"W": (3, 2), "b": (2,), "R": (2, 2), "c": (2,), "V": (2, 3), "e": (3,)}
    params = {key: rng.normal(size=shapes[key]) for key in keys}
    X, labels = rng.normal(size=(4, 3)), np.array([2, 0, 1, 1])
    result = round_net(params, X, labels, 1, 0.0)
    expect(isinstance(result, tuple) and len(result) == 2, name, "a loss and a dictionary were expected", "return loss, grads")
    loss, grads = result
    expect_number(loss, f"{name}, loss")
    expect(isinstance(grads, dict) and set(grads) == set(keys), name, "a gradient for each parameter was expected", "the keys of grads")
    for key in keys:
        expect_array(grads[key], shapes[key], f"{name}, gradient of {key}", where="the shape of the parameter")
    flat = params | {"V": np.zeros((2, 3)), "e": np.zeros(3)}
    expect_close(round_net(flat, X, labels, 3, 0.0)[0], np.log(3), f"{name}, loss of equal scores", where="cross-entropy of a guess among 3")
    loss_of = lambda *arrays: round_net(dict(zip(keys, arrays, strict=True)), X, labels, 1, 0.0)[0]
    expect_gradient(loss_of, [params[key] for key in keys], [grads[key] for key in keys], f"{name} with one round", where="gradients 1 … 6 belong to W, b, R, c, V, e")


test_ex6_visible()

# %% nbgrader={"grade": true, "grade_id": "ex6_values", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (8 points): losses and gradients for several rounds and penalties.
### BEGIN HIDDEN TESTS
SEEDS = (2601, 2602, 2603)
SHAPES = {"W": "DM", "b": "M", "R": "MM", "c": "M", "V": "MC", "e": "C"}


def oracle_ex6(params, X, labels, rounds, reg):
    """Example by example; the way back goes through the product of all Jacobians."""
    p = {key: np.array(value, dtype=float) for key, value in params.items()}
    n, loss = len(X), 0.0
    grads = {key: np.zeros(value.shape) for key, value in p.items()}
    for x, label in zip(np.array(X, dtype=float), labels, strict=True):
        a = [x @ p["W"] + p["b"]]
        h = [np.maximum(a[0], 0) + np.minimum(a[0], 0) / 10]
        for _ in range(rounds):
            a.append(h[-1] @ p["R"] + p["c"])
            h.append(h[-1] + np.maximum(a[-1], 0) + np.minimum(a[-1], 0) / 10)
        s = h[-1] @ p["V"] + p["e"]
        total = np.logaddexp.reduce(s)
        loss += (total - s[label]) / n
        ds = (np.exp(s - total) - (np.arange(len(s)) == label)) / n
        grads["e"] += ds
        grads["V"] += np.outer(h[-1], ds)
        slopes = [np.where(values > 0, 1.0, 0.1) for values in a]
        back = np.eye(len(h[-1]))  # from H_t to H_T
        for t in range(rounds, 0, -1):
            da = (back @ p["V"] @ ds) * slopes[t]
            grads["R"] += np.outer(h[t - 1], da)
            grads["c"] += da
            back = (np.eye(len(back)) + p["R"] * slopes[t]) @ back
        da = (back @ p["V"] @ ds) * slopes[0]
        grads["W"] += np.outer(x, da)
        grads["b"] += da
    for key in "WRV":
        loss += reg * 0.5 * (p[key] ** 2).sum()
        grads[key] += reg * p[key]
    return loss, grads


def compare_ex6(params, X, labels, rounds, reg, what):
    keys = list(params)
    kept = [a.copy() for a in (*params.values(), X, labels)]
    loss, grads = round_net(params, X, labels, rounds, reg)
    want, slopes = oracle_ex6(params, X, labels, rounds, reg)
    expect_number(loss, f"round_net, loss {what}")
    expect_close(loss, want, f"round_net, loss {what}", where="mean cross-entropy plus λ/2 times the squares of W, R and V", rtol=1e-8)
    expect(isinstance(grads, dict) and set(grads) == set(keys), "round_net", "a gradient for each parameter was expected", "the keys of grads")
    for key in keys:
        expect_array(grads[key], slopes[key].shape, f"round_net, gradient of {key} {what}", where="the shape of the parameter")
        scale = max(1.0, float(np.abs(slopes[key]).max()))
        expect_close(grads[key] / scale, slopes[key] / scale, f"round_net, gradient of {key} {what}", where="every use of a number counts, in every round")
    expect(list(params) == keys, "round_net", "the dictionary was changed by the call", "work on a copy")
    expect_unchanged(kept, (*params.values(), X, labels), "round_net")


def draw_ex6(rng, n, d, m, c, scale=0.7):
    sizes = {"D": d, "M": m, "C": c}
    params = {key: scale * rng.normal(size=[sizes[s] for s in letters]) for key, letters in SHAPES.items()}
    return params, rng.normal(size=(n, d)), rng.integers(0, c, size=n)


def test_ex6_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for rounds, reg in ((1, 0.3), (2, 0.0), (3, 0.2), (6, 0.05)):
            compare_ex6(*draw_ex6(rng, 5, 4, 3, 3), rounds, reg, f"with {rounds} rounds and a penalty of {reg:g}")


test_ex6_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex6_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): no rounds, one example, one hidden unit, whole numbers, activations at 0, large scores, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex6_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        compare_ex6(*draw_ex6(rng, 4, 3, 5, 2), 0, 0.3, "without rounds")
        compare_ex6(*draw_ex6(rng, 1, 6, 2, 7), 2, 0.1, "of a single example")
        compare_ex6(*draw_ex6(rng, 3, 1, 1, 2), 3, 0.1, "with one input and one hidden unit")
        params, X, labels = draw_ex6(rng, 4, 3, 2, 3)
        compare_ex6({key: value * 40 for key, value in params.items()}, X, labels, 2, 0.0, "with large scores")
        whole = {key: rng.integers(-2, 3, size=value.shape) for key, value in params.items()}
        compare_ex6(whole, rng.integers(-3, 4, size=(4, 3)), labels, 2, 1, "with whole numbers")
        compare_ex6(params | {"b": np.zeros(2), "c": np.zeros(2)}, np.zeros((4, 3)), labels, 2, 0.0, "with activations of exactly 0")


test_ex6_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex7_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 7: Same or different
#
# *Objective O5, 10 points.*
#
# **What.** Each example is a *pair* of small grey pictures. Some show two houses or two automobiles (label 1, the same), others one of each (label 0). Nobody says which is which. Write `same_or_different(train_pairs, train_labels, pairs)`: it learns from 150 pairs, and from no other pictures, and
# says for other pairs whether they are the same. It is marked by its accuracy on 1,000 pairs that nobody has seen, after training on 150.
#
# | accuracy on the unseen pairs | points |
# |---|---|
# | at least 60 % | 4 |
# | at least 82 % | 4 more |
#
# A linear classifier on the 128 pixels of a pair reaches about 50 %, the nearest neighbour among the training pairs about 63 %, and a 128-32-1 network as in chapter 5, trained until it knows all 150 pairs by heart, about 75 %.
#
# **Why it matters.** It is XOR with pictures: no linear classifier can do better than guess, for whatever speaks for "same" with a house on the left speaks for "different" with an automobile there. A hidden layer solves it, and with 4,000 weights for 150 examples it overfits at once. What helps is in
# chapter 4, and in the task itself: what do you know about pairs that the network doesn't?
#
# **Signature.** `train_pairs` (N, 2, 8, 8) float64 between 0 and 1, `train_labels` (N,) of 0 and 1, `pairs` (P, 2, 8, 8) → (P,) integers, 0 or 1. The same input gives the same answers (fix your seeds), and a pair's answer does not depend on which others come with it. A second
# for 150 pairs is plenty.
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Measure on 500 other pairs, as the cell below the tests does: only then will you know how good it is before it is marked. Begin with one hidden layer of 32 units, 1 output, the sigmoid and binary cross-entropy (whose gradient by the score is prediction minus truth), and bring the pixels to mean 0.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# If two pictures are the same in one order, they are the same in the other. A network has to be told. In how many ways can you tell it?
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# Divide by the standard deviation of all pixels, or the first steps are tiny. A weight decay of 0.01 or 0.02 is not too much for so few examples. With each pair in both orders, some 60 epochs in mini-batches of 25 with a learning rate of 0.1 will do.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex7_draw", "locked": true, "schema_version": 3, "solution": false, "task": false}
def draw_pairs(n, split, seed):
    """Draw pairs of grey pictures (n, 2, 8, 8) between 0 and 1, and 1 for each pair of one class, 0 for others (n,)."""
    calm = {dial: value / 2 for dial, value in POCKET10_STANDARD.items()}
    images, labels = pocket10(split, 2000, seed=seed, size=16, **calm)
    chosen = np.isin(labels, [POCKET10_CLASSES.index("house"), POCKET10_CLASSES.index("automobile")])
    images, labels = images[chosen], labels[chosen]
    grey = images.reshape(len(images), 8, 2, 8, 2, 3).mean(axis=(2, 4, 5)) / 255
    left, right = np.random.default_rng(seed).integers(len(images), size=(2, n))
    return np.stack([grey[left], grey[right]], axis=1), (labels[left] == labels[right]).astype(np.int64)


# %%
# Not marked, yours to change: what the pairs look like.
from course_utils.plots import show_images

train_pairs, train_labels = draw_pairs(150, "train", seed=1)
side_by_side = np.concatenate([train_pairs[:10, 0], np.zeros((10, 8, 1)), train_pairs[:10, 1]], axis=2)
show_images(side_by_side, train_labels[:10], class_names=["different", "same"], columns=5, limits=(0, 1))

# %% nbgrader={"grade": false, "grade_id": "ex7_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_or_different(train_pairs, train_labels, pairs):
    """Learn from labelled pairs and say for others whether both pictures show the same.

    Parameters
    ----------
    train_pairs : ndarray of shape (N, 2, 8, 8)
    train_labels : ndarray of shape (N,), 0 or 1
    pairs : ndarray of shape (P, 2, 8, 8)

    Returns
    -------
    ndarray of shape (P,), integers
    """
    ### BEGIN SOLUTION
    both = np.concatenate([train_pairs, train_pairs[:, ::-1]])  # each pair in both orders
    target = np.concatenate([train_labels, train_labels]).astype(np.float64)
    mean, std = both.mean(axis=0), both.std() + 1e-9
    x, z = ((part - mean).reshape(len(part), -1) / std for part in (both, pairs))
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(x.shape[1], 32)) * np.sqrt(2 / x.shape[1]), np.zeros(32)
    v, e = rng.normal(size=32) * np.sqrt(2 / 32), 0.0
    for epoch in range(60):
        lr = 0.1 * (1 + np.cos(np.pi * epoch / 60))
        order = rng.permutation(len(x))
        for start in range(0, len(x), 25):
            pick = order[start : start + 25]
            h = np.maximum(x[pick] @ W + b, 0)
            ds = (1 / (1 + np.exp(-(h @ v + e))) - target[pick]) / len(pick)
            dh = np.outer(ds, v) * (h > 0)
            v, e = v - lr * (h.T @ ds + 0.02 * v), e - lr * ds.sum()
            W, b = W - lr * (x[pick].T @ dh + 0.02 * W), b - lr * dh.sum(axis=0)
    return (np.maximum(z @ W + b, 0) @ v + e > 0).astype(np.int64)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex7_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex7_visible():
    name = "same_or_different"
    pairs, labels = draw_pairs(60, "train", seed=7)
    kept = pairs.copy(), labels.copy()
    got = same_or_different(pairs[:40], labels[:40], pairs[40:])
    expect_array(got, (20,), name, kind="i", where="one whole number for each pair, not truth values or probabilities")
    expect(set(got.tolist()) <= {0, 1}, name, "an answer is neither 0 nor 1", "1 for the same, 0 for different")
    expect_unchanged(kept, (pairs, labels), name)
    again = same_or_different(pairs[:40], labels[:40], pairs[40:])
    expect(np.array_equal(got, again), name, "the same input gave other answers", "fix your seeds")
    for number in range(5):
        alone = same_or_different(pairs[:40], labels[:40], pairs[40 + number : 41 + number])
        expect_array(alone, (1,), f"{name} of a single pair", kind="i")
        expect(alone[0] == got[number], name, "a pair got another answer when it came alone", "learn means and scales from the training pairs only")


test_ex7_visible()

# %% nbgrader={"grade": true, "grade_id": "ex7_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 60 % of unseen pairs right.
### BEGIN HIDDEN TESTS
PICTURES_SEED = 0x5C41E7B20F9D386A1B7E94D2C8036F5A
LOW, HIGH = 0.60, 0.82
ACCURACY = 0.0


def hidden_accuracy():
    pairs, labels = draw_pairs(150, "train", PICTURES_SEED)
    unseen, truth = draw_pairs(1000, "test", PICTURES_SEED)
    got = same_or_different(pairs, labels, unseen)
    expect_array(got, (1000,), "same_or_different", kind="i", where="one whole number for each pair")
    return float((got == truth).mean())


ACCURACY = hidden_accuracy()  # measured once, for this cell and the next
expect(ACCURACY >= LOW, "same_or_different", "the accuracy on unseen pairs is below the first threshold", "a linear classifier can only guess")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex7_high", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 82 % of unseen pairs right.
### BEGIN HIDDEN TESTS
expect(ACCURACY >= HIGH, "same_or_different", "the accuracy on unseen pairs is below the second threshold", "what holds for a pair holds for the pair in the other order; weight decay")
### END HIDDEN TESTS

# %%
# Not marked, yours to change: how good your answers are on pairs drawn with a seed of your own.
new_pairs, new_labels = draw_pairs(500, "test", seed=1)
right = same_or_different(train_pairs, train_labels, new_pairs) == new_labels
print(f"{right.mean():.1%} of {len(right)} new pairs right")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex8_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 8: In your own words
#
# *Objectives O2, O4 and O5, 10 points, read and marked by a person.* About 400 words in all, tables apart.
#
# 1. (4 points) Run your auditor on the five layers below exercise 5. Which two are wrong, in which of their arguments, and what would be right? One of the two mistakes is missed by a check whose upstream gradient is all ones, the other by a check with a batch of one example. Say which is which, and why.
# 2. (3 points) Take one thing out of your `same_or_different` (an augmentation, the penalty, a scaling, …) and measure it with and without, for three draws of the 150 training pairs (`draw_pairs(150, "train", seed=…)` with three seeds), on the same 500 or more new pairs each time. Give the numbers. Does the difference exceed what the seeds alone make?
# 3. (3 points) At the start of training, `steepest_curvature` says 8 for the loss without penalty; later it says 2. A friend trains by gradient descent, on all pictures at once, with a learning rate of 0.4. What do you expect if he begins at the start, and what if he goes on from the later weights? What changes if an L2 penalty with $\lambda = 1$ (biases aside) is added? And what does it mean if it says −3?

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex8_answer", "locked": false, "points": 10, "schema_version": 3, "solution": true, "task": false}
# **Rubric (for the person who marks; the release shows an empty answer here).**
#
# 1. Four points: one for "roll", whose gradient must be rolled back (by −1), and one for "scale", whose gradient for the second argument, a, must be the sum over the batch in place of the mean. One for: ones are the same however they are rolled, so a check with all ones misses "roll".
#    One for: with one example the mean is the sum, so a batch of one misses "scale".
# 2. Three points: one for numbers of both variants on at least 500 pairs, for three seeds or more; one for a comparison with the spread between seeds; one for a conclusion that follows from these numbers ("no difference to speak of" is as good as any). For comparison, the reference on eight seeds: 91 % on average, 88 to 97 % from seed to seed; without both orders in training eleven points less, without the penalty three, without dividing by the standard deviation eighteen.
# 3. Three points: one for the start: 0.4 is above 2/8 = 0.25, so along the steepest direction each step multiplies the distance by 1 − 0.4 · 8 = −2.2 and the loss grows, at least until it reaches less curved ground; later 0.4 is below 2/2 = 1 and it can converge. One for the penalty: every curvature grows by λ, so 9 and 3, with limits 2/9 and
#    2/3: stricter at the start, still fine later. One for −3: the ground bends downwards in that direction (a ridge or a saddle, no minimum), and this is the curvature of largest absolute value; the largest positive one may be anything up to 3, so no limit follows from it.
#
# Half points are fine. Don't take marks off for English.
