# %% [markdown] nbgrader={"grade": false, "grade_id": "title", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 1: first classifiers
#
# Nearest neighbours and linear classifiers, with the details that decide whether a number can be trusted:
# units, ties, leakage, empty classes, overflow. Each function below is a variation of one in chapters 2 and 3;
# exercises 1 to 7 are not solved there, and exercise 8 may build on chapter 1's features.
#
# **What you practise**
#
# | | objective |
# |---|---|
# | O1 | compute distances between sets of pictures without loops, in units that make sense |
# | O2 | turn neighbours into one decision, with every tie settled |
# | O3 | choose hyperparameters without leaking what you will be judged on |
# | O4 | judge a classifier class by class |
# | O5 | derive and code a loss with its gradient, safe for large numbers, and check it |
# | O6 | build a classifier and know how good it is before anybody else does |
#
# **Points**
#
# | exercise | objective | points | of them for visible tests | for hidden tests |
# |---|---|---|---|---|
# | 1 Distances in fair units | O1 | 10 | 2 | 8 |
# | 2 A vote weighted by nearness | O2 | 10 | 2 | 8 |
# | 3 Stratified folds | O3 | 12 | 2 | 10 |
# | 4 Leave one out | O2, O3 | 12 | 2 | 10 |
# | 5 A report by class | O4 | 8 | 2 | 6 |
# | 6 Softmax with temperature and label smoothing | O5 | 16 | 3 | 13 |
# | 7 The squared hinge | O5 | 12 | 3 | 9 |
# | 8 Beat the baseline | O6 | 10 | 2 | 8 |
# | 9 In your own words | O3, O4, O5 | 10 | | read by a person |
# | **total** | | **100** | | |
#
# **Time**: 3 to 4 hours (an estimate). **You need**: chapters 1 to 3, NumPy. Notation as in the book: a batch
# `X` of shape (N, D) holds one flattened picture a row, weights `W` have shape (D, C), the bias `b` shape (C,),
# scores are `X @ W + b`.

# %% [markdown] nbgrader={"grade": false, "grade_id": "how", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## How to work
#
# - Write your code where it says `YOUR CODE HERE` and take the `raise NotImplementedError()` out. Keep the
#   functions' names and arguments; helpers of your own are welcome in the same cell. Exercises 1 to 7
#   are for NumPy alone; scikit-learn is allowed in exercise 8.
# - Try the example of each exercise first: copy it into a cell of your own. It catches much that the visible tests leave to you.
# - Below each exercise are **visible tests**: shapes, types and properties that must hold. When one fails, its
#   message says what is wrong and where to look. `course check ps1` in a terminal runs all of them.
# - Cells that say **hidden tests** run when your work is marked. They compare values, on other sizes, with one
#   example only, with whole-number input, with large numbers, and they check that your function leaves its
#   arguments as they were. Passing the visible tests is the beginning, not the end: try such cases yourself.
# - Before you hand in: *Kernel → Restart Kernel and Run All Cells…*. What is marked is a fresh run from top to bottom.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from course_utils.data import POCKET10_CLASSES, pocket10
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
# ## Exercise 1: Distances in fair units
#
# *Objective O1, 10 points.*
#
# **What.** Write `standardized_distances(train, test)`: Euclidean distances after every feature was put on the
# same scale. From each feature (column) subtract its mean over the **training** examples and divide by its
# standard deviation over the **training** examples (the population one, `np.std`'s default); treat `test` with
# the same numbers. A feature that has one and the same value in all training examples tells nothing: leave it out.
# No Python loop over examples.
#
# **Why it matters.** Plain Euclidean distance believes the feature with the largest numbers. Measure one feature
# in millimetres instead of metres and other neighbours become the nearest. Standardised distances don't depend on units.
# And what the scaling learns, it must learn from the training examples alone: at prediction time there may be
# a single new picture.
#
# **Signature.** `train` (N, D), `test` (M, D), whole or floating point numbers → (M, N) float64; entry (i, j) is the
# distance from test example i to training example j. Compute in float64.
#
# **Example.** Means 1 and 20, standard deviations 1 and 10: the test example becomes (1, 0), the training examples
# (−1, −1) and (1, 1).
#
# ```python
# >>> standardized_distances(np.array([[0.0, 10.0], [2.0, 30.0]]), np.array([[2.0, 20.0]])).round(3)
# array([[2.236, 1.   ]])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Two separate jobs: first bring both arrays to fair units, then use any distance computation without loops, such
# as chapter 2's. Which of the two arrays may the means and standard deviations look at?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A constant feature has standard deviation 0 on paper; in floating point it may come out as 1e-17 (try
# `np.full(3, 0.1).std()`), so ask whether a column's largest and smallest training values are equal. Adding a small
# number to the divisor does not leave a feature out: what happens to a test example that differs there? With the expanded square,
# rounding can turn a squared distance of 0 into a tiny negative number; `np.sqrt` makes that NaN.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex1_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def standardized_distances(train, test):
    """Euclidean distances in units of each feature's standard deviation over the training examples.

    Parameters
    ----------
    train : ndarray of shape (N, D)
    test : ndarray of shape (M, D)

    Returns
    -------
    ndarray of shape (M, N), float64
    """
    ### BEGIN SOLUTION
    train = np.asarray(train, dtype=np.float64)
    test = np.asarray(test, dtype=np.float64)
    varies = train.max(axis=0) > train.min(axis=0)
    mean, std = train[:, varies].mean(axis=0), train[:, varies].std(axis=0)
    a, b = (test[:, varies] - mean) / std, (train[:, varies] - mean) / std
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex1_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex1_visible():
    name = "standardized_distances"
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
    got = standardized_distances(train, test)
    expect_array(got, (5, 6), name, where="rows are test examples, columns are training examples")
    expect((got >= 0).all(), name, "a distance is negative", "the last step")
    units = np.array([1000.0, 1.0, 0.01, 1.0])
    expect_close(
        standardized_distances(train * units, test * units), got, f"{name} in other units",
        where="each column needs its own mean and standard deviation", atol=1e-5,
    )
    train[:, 2] = test[:, 2] = 7
    with_constant = standardized_distances(train, test)
    expect_array(with_constant, (5, 6), f"{name} with a constant feature", where="division by a standard deviation of 0")


test_ex1_visible()

# %% nbgrader={"grade": true, "grade_id": "ex1_values", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): the distances themselves, for several sizes.
### BEGIN HIDDEN TESTS
SEEDS = (1101, 1102, 1103)


def oracle_ex1(train, test):
    out = np.zeros((len(test), len(train)))
    for j in range(train.shape[1]):
        column = [float(value) for value in train[:, j]]
        if max(column) == min(column):
            continue
        center = sum(column) / len(column)
        spread = (sum((value - center) ** 2 for value in column) / len(column)) ** 0.5
        for m in range(len(test)):
            for n in range(len(train)):
                out[m, n] += ((float(test[m, j]) - column[n]) / spread) ** 2
    return np.sqrt(out)


def test_ex1_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, m, d in ((9, 7, 5), (3, 8, 2), (2, 1, 1)):
            train = rng.normal(size=(n, d)) * rng.uniform(0.1, 50, size=d) + rng.uniform(-9, 9, size=d)
            test = rng.normal(size=(m, d)) * 20
            expect_close(
                standardized_distances(train.copy(), test.copy()), oracle_ex1(train, test), "standardized_distances",
                where="means and standard deviations come from the training examples only", atol=1e-5,
            )


test_ex1_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex1_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): one test example, constant features, whole numbers, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex1_edges():
    name = "standardized_distances"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        train = rng.integers(0, 256, size=(8, 6)).astype(np.uint8)
        train[:, 4] = 12
        test = rng.integers(0, 256, size=(1, 6)).astype(np.uint8)
        kept = train.copy(), test.copy()
        got = standardized_distances(train, test)
        expect_array(got, (1, 8), name, where="a single test example")
        expect_close(got, oracle_ex1(*kept), f"{name} of whole numbers", where="uint8 wraps around below 0", atol=1e-5)
        expect_unchanged(kept, (train, test), name)
        floats = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
        kept = floats[0].copy(), floats[1].copy()
        standardized_distances(*floats)
        expect_unchanged(kept, floats, name)
        twins = standardized_distances(kept[0] + 1e4, kept[0] + 1e4)
        expect_array(twins, (7, 7), f"{name} from a set to itself", where="the square root of a tiny negative number")
        expect_close(np.diag(twins), np.zeros(7), f"{name} from an example to itself", atol=1e-5)


test_ex1_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex2_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 2: A vote weighted by nearness
#
# *Objective O2, 10 points.*
#
# **What.** Write `weighted_vote(distances, labels, k, num_classes)`: each test example is decided by its `k` nearest
# training examples, and a neighbour at distance $d$ votes with weight $1/d$. The rules for all cases:
#
# 1. Of two training examples at equal distance, the one with the smaller index is nearer.
# 2. If some of the `k` neighbours are at distance exactly 0, only those vote, with equal weight.
# 3. If classes end with equal weight, the smallest label wins. (Weights that differ by rounding alone are not tested.)
#
# **Why it matters.** In a plain vote the fifth neighbour counts as much as the first, however far it is. And a rule that
# leaves ties open gives different results on different machines.
#
# **Signature.** `distances` (M, N) whole or floating point numbers ≥ 0, `labels` (N,) integers in 0 … `num_classes` − 1,
# `k` with 1 ≤ k ≤ N → (M,) integers, the predicted labels.
#
# **Example.** Two neighbours of class 1 outvote one of class 2 by heads; by nearness they do not: 1/0.2 = 5 against 1/0.5 + 1/1 = 3.
#
# ```python
# >>> weighted_vote(np.array([[0.2, 0.5, 1.0]]), np.array([2, 1, 1]), k=3, num_classes=3)
# array([2])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Read the documentation of `np.argsort`, argument `kind`: which kinds keep equal elements in their order?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Build an (M, num_classes) table of weights, one class or one neighbour at a time, then look for the largest entry of each
# row. What does `np.argmax` do with equal entries? Settle distance 0 before you divide.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex2_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weighted_vote(distances, labels, k, num_classes):
    """Predict labels by the k nearest training examples, each voting with weight 1 / distance.

    Parameters
    ----------
    distances : ndarray of shape (M, N)
    labels : ndarray of shape (N,), integers
    k : int
    num_classes : int

    Returns
    -------
    ndarray of shape (M,), integers
    """
    ### BEGIN SOLUTION
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(np.asarray(distances, dtype=np.float64), order, axis=1)
    zero = near == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1.0, near))
    votes = labels[order]
    table = np.stack([(weights * (votes == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex2_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex2_visible():
    name = "weighted_vote"
    rng = np.random.default_rng(2)
    distances, labels = rng.uniform(1, 2, size=(6, 9)), rng.integers(0, 4, size=9)
    got = weighted_vote(distances, labels, 5, 4)
    expect_array(got, (6,), name, kind="i", where="one label for each row of distances")
    expect(set(got.tolist()) <= set(labels.tolist()), name, "a predicted label is not among the training labels", "votes are labels, not indices")
    expect_equal(
        weighted_vote(distances, labels, 1, 4), labels[distances.argmin(axis=1)], f"{name} with k = 1",
        where="one neighbour decides alone",
    )
    same = weighted_vote(distances * 8, labels, 5, 4)
    expect_equal(same, got, f"{name} with all distances 8 times as large", where="relative nearness alone decides")


test_ex2_visible()

# %% nbgrader={"grade": true, "grade_id": "ex2_values", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): decisions on several random problems, with k from 1 to N.
### BEGIN HIDDEN TESTS
SEEDS = (1201, 1202, 1203)


def oracle_ex2(distances, labels, k, num_classes):
    from fractions import Fraction

    out = []
    for row in distances.tolist():
        near = sorted(range(len(row)), key=lambda j: (row[j], j))[:k]
        exact = [j for j in near if row[j] == 0]
        weights = [Fraction(0)] * num_classes
        for j in exact or near:
            weights[int(labels[j])] += 1 if exact else 1 / Fraction(row[j])
        out.append(weights.index(max(weights)))
    return np.array(out)


def test_ex2_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for m, n, classes in ((60, 12, 3), (40, 7, 5)):
            distances = np.exp(rng.uniform(-2, 2, size=(m, n)))
            labels = rng.integers(0, classes, size=n)
            for k in (2, 3, 5, n):
                got = weighted_vote(distances.copy(), labels.copy(), k, classes)
                expect_equal(got, oracle_ex2(distances, labels, k, classes), f"weighted_vote with k = {k}", where="weights 1/d")


test_ex2_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex2_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): distance 0, all kinds of ties, whole numbers, one example, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex2_edges():
    name = "weighted_vote"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        distances = rng.choice([1, 2, 4, 8], size=(80, 40))  # sums of 1/d are exact: ties are ties everywhere
        distances[:20] = rng.choice([0, 1, 2], size=(20, 40))
        labels = rng.integers(0, 4, size=40)
        for table in (distances, distances * 2.0**-40):
            kept = table.copy(), labels.copy()
            for k in (1, 2, 4, 9):
                got = weighted_vote(table, labels, k, 4)
                where = "the three rules for ties and zeros"
                expect_equal(got, oracle_ex2(*kept, k, 4), f"{name} with ties, k = {k}", where=where)
            expect_unchanged(kept, (table, labels), name)
        got = weighted_vote(np.array([[3.0]]), np.array([2]), 1, 5)
        expect_array(got, (1,), name, kind="i", where="a single example")
        expect_equal(got, [2], name, where="a single example")


test_ex2_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex3_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 3: Stratified folds
#
# *Objective O3, 12 points.*
#
# **What.** Write `stratified_folds(labels, num_folds, seed)`: it deals the examples 0 … N − 1 into `num_folds` folds at random,
# so that every fold is a small copy of the whole:
#
# 1. every example is in exactly one fold;
# 2. for each class, its numbers in any two folds differ by at most 1;
# 3. the sizes of any two folds differ by at most 1;
# 4. the same `seed` gives the same folds, another seed other ones (where there is more than one way), and no example is bound to a fold: over
#    many seeds each example meets every fold.
#
# **Why it matters.** Cross-validation judges a model on a fold that took no part in fitting it. With a plain shuffle a rare class may be
# missing from a fold altogether, and the accuracies of the folds then differ by luck.
#
# **Signature.** `labels` (N,) integers (any, not only 0, 1, 2, …; a class may have fewer members than there are folds), 1 ≤ `num_folds` ≤ N, `seed`
# a whole number ≥ 0 → a list of `num_folds` one-dimensional integer arrays of indices into `labels`.
#
# **Example.** Four examples of class 0 and two of class 1 in two folds: each gets two of class 0 and one of class 1.
#
# ```python
# >>> folds = stratified_folds(np.array([0, 0, 1, 0, 1, 0]), num_folds=2, seed=3)
# >>> [sorted(np.array([0, 0, 1, 0, 1, 0])[fold].tolist()) for fold in folds]
# [[0, 0, 1], [0, 0, 1]]
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Think of dealing cards: sort the pack by class, shuffle within each class, then deal one card to each player in turn.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# If each class starts again with the first player, that one collects all the left-over cards (rule 3). What if you go on where the last class
# stopped? And who gets the very first card must also be left to chance (rule 4). `np.random.default_rng(seed)` makes a generator of your own.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex3_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stratified_folds(labels, num_folds, seed):
    """Deal example indices into folds that all look alike.

    Parameters
    ----------
    labels : ndarray of shape (N,), integers
    num_folds : int
    seed : int

    Returns
    -------
    list of num_folds ndarrays of integers
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    chance = rng.permutation(len(labels))
    pack = chance[np.argsort(labels[chance], kind="stable")]
    players = rng.permutation(num_folds)
    return [pack[player::num_folds] for player in players]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex3_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex3_visible():
    name = "stratified_folds"
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    folds = stratified_folds(labels, 3, 0)
    expect(len(folds) == 3, name, f"3 folds were expected, got {len(folds)}", "return a list of arrays, one per fold")
    for fold in folds:
        expect_array(fold, (4,), f"{name}, one fold of 12 examples in 3 folds", kind="i", where="rule 3")
    together = sorted(int(i) for fold in folds for i in fold)
    expect(together == list(range(12)), name, "the folds together are not the indices 0 … N − 1, each once", "rule 1")
    again = stratified_folds(labels, 3, 0)
    same = all(np.array_equal(a, b) for a, b in zip(folds, again, strict=True))
    expect(same, name, "the same seed gave other folds", "make the generator inside the function, from seed")


test_ex3_visible()

# %% nbgrader={"grade": true, "grade_id": "ex3_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): rules 1 to 3 on several random problems.
### BEGIN HIDDEN TESTS
SEEDS = (1301, 1302, 1303)


def oracle_ex3(folds, labels, num_folds, name):
    expect(len(folds) == num_folds, name, f"{num_folds} folds were expected, got {len(folds)}", "num_folds")
    together = sorted(int(i) for fold in folds for i in fold)
    expect(together == list(range(len(labels))), name, "an example is missing or in two folds", "rule 1")
    for label in set(labels.tolist()):
        counts = [sum(labels[int(i)] == label for i in fold) for fold in folds]
        expect(max(counts) - min(counts) <= 1, name, "a class is not spread evenly", "rule 2")
    sizes = [len(fold) for fold in folds]
    expect(max(sizes) - min(sizes) <= 1, name, "fold sizes differ by more than 1", "rule 3")


def test_ex3_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, classes, num_folds in ((100, 4, 5), (57, 3, 4), (83, 9, 7), (20, 2, 10)):
            labels = rng.integers(0, classes, size=n)
            oracle_ex3(stratified_folds(labels.copy(), num_folds, seed), labels, num_folds, "stratified_folds")


test_ex3_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex3_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): rule 4, any label values, tiny classes, one fold, N folds, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex3_edges():
    name = "stratified_folds"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        labels = rng.choice([-3, 7, 40, 41], p=[0.5, 0.4, 0.05, 0.05], size=31)
        labels[5] = 99
        kept = labels.copy()
        for num_folds in (1, 2, 6, 31):
            folds = stratified_folds(labels, num_folds, seed)
            oracle_ex3(folds, kept, num_folds, f"{name} with {num_folds} folds")
        expect_unchanged([kept], [labels], name)
        seen = np.zeros((31, 3), dtype=int)
        for other in range(seed, seed + 60):
            for number, fold in enumerate(stratified_folds(labels, 3, other)):
                seen[fold, number] += 1
        # Chance alone leaves one of 93 pairs empty with probability below 1e-8.
        expect((seen > 0).all(), name, "over 60 seeds an example never reached some fold", "rule 4")
        mates = [set(map(int, fold)) for s in range(seed, seed + 60) for fold in stratified_folds(labels, 3, s) if 0 in fold]
        common = set.intersection(*mates)
        expect(common == {0}, name, "over 60 seeds some examples always fall together", "rule 4")


test_ex3_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex4_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 4: Leave one out
#
# *Objectives O2 and O3, 12 points.*
#
# **What.** Write `leave_one_out(distances, labels, ks)`. From one matrix of distances among the training examples it computes, for each
# `k` in `ks`, the accuracy of k-nearest-neighbour classification when each example in turn is predicted from **all the others**, and it picks a `k`:
#
# 1. an example never takes part in its own prediction;
# 2. the `k` nearest others have one vote each; of two at equal distance the one with the smaller index is nearer; of classes with
#    equally many votes the smallest label wins;
# 3. the `k` picked is the one with the highest accuracy; among equals, the **largest** (it smooths most).
#
# **Why it matters.** This is cross-validation taken to its end: N folds of one example each. For most models it is too expensive;
# for nearest neighbours it costs one distance matrix. Real data holds the same picture twice more often than you think, so
# "skip the nearest, that must be me" is not the same as leaving one out.
#
# **Signature.** `distances` (N, N) whole or floating point numbers, `labels` (N,) integers ≥ 0, `ks` a list of whole numbers between 1 and N − 1, in any
# order → (`accuracies`, `best_k`): a float array of shape (len(ks),) in the order of `ks`, each a fraction between 0 and 1, and a whole number.
#
# **Example.** Two pairs far apart. With one neighbour everybody is right; with three, each is outvoted by the other pair.
#
# ```python
# >>> points = np.array([0.0, 1.0, 10.0, 11.0])
# >>> accuracies, best_k = leave_one_out(np.abs(points[:, None] - points), np.array([0, 0, 1, 1]), [1, 3])
# >>> accuracies, int(best_k)
# (array([1., 0.]), 1)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Sort once, for the largest k; all the smaller ones can use the beginning of the same order. Where does example i stand in its own order if another example
# is at distance 0 from it?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# An example that is infinitely far from itself never gets among its own neighbours. Infinity needs floating point numbers, and the matrix you were
# given is not yours to change.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex4_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(distances, labels, ks):
    """Leave-one-out accuracy of k-NN for several k, and the k to use.

    Parameters
    ----------
    distances : ndarray of shape (N, N)
    labels : ndarray of shape (N,), integers
    ks : list of int

    Returns
    -------
    accuracies : ndarray of shape (len(ks),), float
    best_k : int
    """
    ### BEGIN SOLUTION
    others = np.array(distances, dtype=np.float64)
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    one_hot = votes[:, :, None] == np.arange(labels.max() + 1)
    counts = one_hot.cumsum(axis=1)
    accuracies = np.array([(counts[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    best_k = max(k for k, accuracy in zip(ks, accuracies, strict=True) if accuracy == accuracies.max())
    return accuracies, best_k
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex4_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex4_visible():
    name = "leave_one_out"
    rng = np.random.default_rng(4)
    points, labels, ks = rng.normal(size=(15, 2)), rng.integers(0, 3, size=15), [5, 1, 3]
    distances = np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))
    result = leave_one_out(distances, labels, ks)
    expect(isinstance(result, tuple) and len(result) == 2, name, "two results were expected", "return accuracies, best_k")
    accuracies, best_k = result
    expect_array(accuracies, (3,), f"{name}, accuracies", where="one accuracy for each k, in the order of ks")
    expect(((accuracies >= 0) & (accuracies <= 1)).all(), f"{name}, accuracies", "not between 0 and 1", "a fraction, not a count")
    expect_number(best_k, f"{name}, best_k")
    expect(best_k in ks, f"{name}, best_k", f"{best_k} is not one of {ks}", "the value of k, not its position")
    position = ks.index(int(best_k))
    expect(accuracies[position] == accuracies.max(), f"{name}, best_k", "another k has a higher accuracy", "rule 3")
    renamed = leave_one_out(distances * 2, labels, ks)[0]
    expect_close(renamed, accuracies, f"{name} with doubled distances", where="only the order of distances matters")


test_ex4_visible()

# %% nbgrader={"grade": true, "grade_id": "ex4_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): accuracies and choice on several random problems.
### BEGIN HIDDEN TESTS
SEEDS = (1401, 1402, 1403)


def oracle_ex4(distances, labels, ks):
    accuracies = []
    for k in ks:
        right = 0
        for i in range(len(labels)):
            others = sorted((j for j in range(len(labels)) if j != i), key=lambda j: (distances[i, j], j))[:k]
            votes = [int(labels[j]) for j in others]
            right += max(sorted(set(votes)), key=votes.count) == labels[i]
        accuracies.append(right / len(labels))
    return np.array(accuracies), max(k for k, a in zip(ks, accuracies, strict=True) if a == max(accuracies))


def test_ex4_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, classes, ks in ((41, 3, [1, 2, 3, 5, 8, 40]), (16, 2, [4, 15, 2, 7]), (24, 5, [6])):
            points, labels = rng.normal(size=(n, 3)), rng.integers(0, classes, size=n)
            points[:, 0] += labels
            distances = np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))
            accuracies, best_k = leave_one_out(distances.copy(), labels.copy(), list(ks))
            want, want_k = oracle_ex4(distances, labels, ks)
            expect_close(accuracies, want, "leave_one_out, accuracies", where="rules 1 and 2")
            expect_equal(best_k, want_k, "leave_one_out, best_k", where="rule 3")


test_ex4_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex4_edges", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): examples that occur twice, ties everywhere, whole numbers, two examples, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex4_edges():
    name = "leave_one_out"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        points = rng.integers(0, 5, size=30)  # few different values: many twins
        labels = rng.integers(0, 3, size=30)
        distances = np.abs(points[:, None] - points)
        kept = distances.copy(), labels.copy()
        for ks in ([1, 2, 3, 4, 5, 9], [29, 2, 1], [3, 7]):
            accuracies, best_k = leave_one_out(distances, labels, ks)
            want, want_k = oracle_ex4(*kept, ks)
            expect_close(accuracies, want, f"{name} with twins and ties", where="rules 1 and 2")
            expect_equal(best_k, want_k, f"{name}, best_k", where="rule 3: the value of the largest k among the best")
        expect_unchanged(kept, (distances, labels), name)
        floats = distances.astype(float)
        leave_one_out(floats, labels, [2])
        expect_unchanged([kept[0].astype(float)], [floats], name)
    # Everybody is right with any k: the largest is picked, wherever it stands in ks.
    level = np.abs(np.arange(6.0)[:, None] - np.arange(6.0))
    accuracies, best_k = leave_one_out(level, np.zeros(6, dtype=int), [2, 5, 3])
    expect_close(accuracies, np.ones(3), name, where="a single class")
    expect_equal(best_k, 5, f"{name}, best_k", where="rule 3")
    accuracies, best_k = leave_one_out(np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([0, 1]), [1])
    expect_close(accuracies, np.zeros(1), name, where="two examples")


test_ex4_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex5_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 5: A report by class
#
# *Objective O4, 8 points.*
#
# **What.** Write `class_report(labels, predictions, num_classes)` with three results: the confusion matrix, the recall of each class, and the
# balanced accuracy.
#
# - `confusion[i, j]` counts the examples of class i that were predicted as class j;
# - `recall[i]` is the fraction of the examples of class i that were predicted as class i; NaN for a class without examples;
# - `balanced` is the mean recall of the classes that have examples.
#
# **Why it matters.** A classifier that says "ship" to everything is 90 % accurate on a set with 90 % ships. Its balanced accuracy shows what it is worth,
# and the confusion matrix shows which mistakes it makes.
#
# **Signature.** `labels` (N,) and `predictions` (N,) integers in 0 … C − 1, `num_classes` C → (`confusion` (C, C) integers, `recall` (C,) float, `balanced` float).
#
# **Example.** Three examples of class 0, one of them taken for class 1; one of class 1; none of class 2.
#
# ```python
# >>> confusion, recall, balanced = class_report(np.array([0, 0, 0, 1]), np.array([0, 1, 0, 1]), num_classes=3)
# >>> confusion.tolist(), recall.round(3).tolist(), round(float(balanced), 3)
# ([[2, 1, 0], [0, 1, 0], [0, 0, 0]], [0.667, 1.0, nan], 0.833)
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Try `table[[0, 0], [1, 1]] += 1` on a table of zeros. What do you find at [0, 1], and is it what you want here?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# A pair (label, prediction) can be written as one whole number below C². Or go through the classes one at a time. Rows and columns are easily exchanged: which
# of them must add up to the number of examples of a class?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex5_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def class_report(labels, predictions, num_classes):
    """Confusion matrix, recall of each class and balanced accuracy.

    Parameters
    ----------
    labels : ndarray of shape (N,), integers
    predictions : ndarray of shape (N,), integers
    num_classes : int

    Returns
    -------
    confusion : ndarray of shape (C, C), integers
    recall : ndarray of shape (C,), float
    balanced : float
    """
    ### BEGIN SOLUTION
    confusion = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(confusion, (labels, predictions), 1)
    members = confusion.sum(axis=1)
    present = members > 0
    recall = np.full(num_classes, np.nan)
    recall[present] = np.diag(confusion)[present] / members[present]
    return confusion, recall, recall[present].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex5_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex5_visible():
    name = "class_report"
    labels = np.array([0, 1, 2, 2, 1, 0])
    result = class_report(labels, labels.copy(), 3)
    expect(len(result) == 3, name, f"three results were expected, got {len(result)}", "return confusion, recall, balanced")
    confusion, recall, balanced = result
    expect_array(confusion, (3, 3), f"{name}, confusion", kind="i", where="C rows and C columns of counts")
    expect_array(recall, (3,), f"{name}, recall", where="one number for each class")
    expect_number(balanced, f"{name}, balanced")
    off = confusion[~np.eye(3, dtype=bool)]
    expect((off == 0).all(), f"{name} without mistakes", "an entry off the diagonal is not 0", "the pairs that are counted")
    expect_close(recall, np.ones(3), f"{name} without mistakes, recall", where="divide by the size of each class")
    expect_close(balanced, 1.0, f"{name} without mistakes, balanced", where="a mean of fractions")


test_ex5_visible()

# %% nbgrader={"grade": true, "grade_id": "ex5_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): all three results on several random problems.
### BEGIN HIDDEN TESTS
SEEDS = (1501, 1502, 1503)


def oracle_ex5(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True):
        confusion[label, prediction] += 1
    recall = [row[i] / sum(row) if sum(row) else float("nan") for i, row in enumerate(confusion.tolist())]
    present = [value for value in recall if value == value]
    return confusion, np.array(recall), sum(present) / len(present)


def test_ex5_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, classes in ((200, 4), (90, 7)):
            share = rng.dirichlet(np.full(classes, 3.0))
            labels = np.concatenate([np.arange(classes), rng.choice(classes, p=share, size=n)])
            predictions = np.where(rng.random(len(labels)) < 0.6, labels, rng.integers(0, classes, size=len(labels)))
            got = class_report(labels.copy(), predictions.copy(), classes)
            want = oracle_ex5(labels, predictions, classes)
            expect_equal(got[0], want[0], "class_report, confusion", where="rows are true classes, columns predictions")
            expect_close(got[1], want[1], "class_report, recall", where="the members of each true class")
            expect_close(got[2], want[2], "class_report, balanced", where="the mean of the recalls")


test_ex5_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex5_edges", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (2 points): classes without examples or never predicted, one example, small integer types, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex5_edges():
    name = "class_report"
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        labels = rng.choice([1, 13, 20], size=300).astype(np.uint8)
        predictions = rng.choice([0, 1, 13, 20], size=300).astype(np.uint8)
        kept = labels.copy(), predictions.copy()
        got, want = class_report(labels, predictions, 21), oracle_ex5(*kept, 21)
        expect_array(got[0], (21, 21), f"{name}, confusion", kind="i", where="num_classes, not the labels seen")
        expect_equal(got[0], want[0], f"{name}, confusion with empty classes", where="numbers above 255 don't fit into uint8")
        expect_close(got[1], want[1], f"{name}, recall with empty classes", where="NaN for a class without examples")
        expect_close(got[2], want[2], f"{name}, balanced with empty classes", where="a class never predicted has recall 0; one without examples has none")
        expect_unchanged(kept, (labels, predictions), name)
    got = class_report(np.array([1]), np.array([0]), 2)
    expect_close(got[1], [np.nan, 0.0], f"{name}, recall of one example")
    expect_close(got[2], 0.0, f"{name}, balanced of one example")


test_ex5_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex6_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 6: Softmax with temperature and label smoothing
#
# *Objective O5, 16 points.*
#
# **What.** Write `smoothed_softmax_loss(W, b, X, y, temperature, smoothing)`: the loss of a linear classifier and its gradient, with two changes to
# chapter 3's. The scores $s = xW + b$ are divided by a temperature $\tau > 0$ before the softmax; and the target is not one-hot but smoothed: of the
# probability 1, a part $\varepsilon$ is spread evenly over **all** C classes,
#
# $$p_j = \frac{e^{s_j/\tau}}{\sum_l e^{s_l/\tau}}, \qquad q_j = (1-\varepsilon)\,[j = y] + \frac{\varepsilon}{C}, \qquad
# L = \frac1N \sum_i \Big(-\sum_j q_{ij} \log p_{ij}\Big).$$
#
# **Why it matters.** Plain cross-entropy is never satisfied: it pushes the score of the right class up for ever, and the classifier ends up
# surer than it has reason to be. Smoothing gives it a finite aim. The temperature makes probabilities softer or sharper without changing which class wins,
# and is how classifiers are calibrated afterwards.
#
# **Signature.** `W` (D, C), `b` (C,), `X` (N, D) whole or floating point numbers, `y` (N,) integers, `temperature` > 0, 0 ≤ `smoothing` < 1 →
# (`loss` float, `dW` (D, C), `db` (C,)). The loss is the mean over the batch. Scores as large as ±10,000 must give finite, right results.
#
# **Example.** With zero weights both classes get probability 0.5. With smoothing 0.2 the target is (0.9, 0.1), so $p - q$ = (−0.4, 0.4).
#
# ```python
# >>> loss, dW, db = smoothed_softmax_loss(np.zeros((1, 2)), np.zeros(2), np.array([[3.0]]), np.array([0]), 2.0, 0.2)
# >>> round(float(loss), 4), dW.round(3).tolist(), db.round(3).tolist()
# (0.6931, [[-0.6, 0.6]], [-0.2, 0.2])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Derive first, on paper. Call the scaled scores `z = s / temperature`. Which is the gradient with respect to `z` when the target is any distribution `q` instead of a one-hot vector? What does the
# chain rule add on the way from `z` to `s`?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Work with the *logarithm* of the softmax, score minus the logarithm of the sum of exponentials, and never take the logarithm of a probability that may have become 0. Subtracting the largest score of each row changes
# nothing in exact arithmetic and prevents overflow. A smoothed target of 0 · log 0 should not occur at all in this form.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex6_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    """Cross-entropy of a linear classifier with temperature and label smoothing, and its gradient.

    Parameters
    ----------
    W : ndarray of shape (D, C)
    b : ndarray of shape (C,)
    X : ndarray of shape (N, D)
    y : ndarray of shape (N,), integers
    temperature : float
    smoothing : float

    Returns
    -------
    loss : float
    dW : ndarray of shape (D, C)
    db : ndarray of shape (C,)
    """
    ### BEGIN SOLUTION
    n, classes = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, classes), smoothing / classes)
    q[np.arange(n), y] += 1 - smoothing
    loss = -(q * log_p).sum() / n
    ds = (np.exp(log_p) - q) / (n * temperature)
    return loss, X.T @ ds, ds.sum(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex6_visible", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_ex6_visible():
    name = "smoothed_softmax_loss"
    rng = np.random.default_rng(6)
    W, b, X, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(5, 3)), rng.integers(0, 4, size=5)
    result = smoothed_softmax_loss(W, b, X, y, 1.5, 0.1)
    expect(len(result) == 3, name, f"three results were expected, got {len(result)}", "return loss, dW, db")
    loss, dW, db = result
    expect_number(loss, f"{name}, loss", where="the mean over the batch is one number")
    expect(loss >= 0, f"{name}, loss", "it is negative", "the sign of the logarithm")
    expect_array(dW, (3, 4), f"{name}, dW", where="a gradient has the shape of its parameter")
    expect_array(db, (4,), f"{name}, db", where="a gradient has the shape of its parameter")
    expect_close(db.sum(), 0.0, f"{name}, the sum of db", where="p and q both add up to 1")
    shifted = smoothed_softmax_loss(W, b + 3, X, y, 1.5, 0.1)[0]
    expect_close(shifted, loss, f"{name} with 3 added to every score", where="softmax does not change")
    expect_gradient(
        lambda W, b: smoothed_softmax_loss(W, b, X, y, 1.5, 0.1)[0], (W, b), (dW, db), name,
        where="the gradient is not the derivative of the loss you return; go through the chain rule again",
    )


test_ex6_visible()

# %% nbgrader={"grade": true, "grade_id": "ex6_values", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (8 points): loss and gradient on several random problems.
### BEGIN HIDDEN TESTS
SEEDS = (1601, 1602, 1603)


def oracle_ex6(W, b, X, y, temperature, smoothing):
    import math

    classes = W.shape[1]
    loss, dW, db = 0.0, np.zeros(W.shape), np.zeros(classes)
    for x, label in zip(np.asarray(X, dtype=float), y.tolist(), strict=True):
        z = [sum(x[d] * W[d, j] for d in range(len(x))) + b[j] for j in range(classes)]
        z = [float(value) / temperature for value in z]
        top = max(z)
        log_sum = top + math.log(sum(math.exp(value - top) for value in z))
        for j in range(classes):
            q = smoothing / classes + (1 - smoothing) * (j == label)
            loss -= q * (z[j] - log_sum) / len(y)
            ds = (math.exp(z[j] - log_sum) - q) / (temperature * len(y))
            db[j] += ds
            dW[:, j] += ds * x
    return loss, dW, db


def compare_ex6(arguments, what):
    got, want = smoothed_softmax_loss(*arguments), oracle_ex6(*arguments)
    for part, a, w in zip(("loss", "dW", "db"), got, want, strict=True):
        expect_close(a, w, f"smoothed_softmax_loss, {part} {what}", where="the definition above the exercise")


def test_ex6_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, d, c, temperature, smoothing in ((7, 4, 3, 1.0, 0.0), (6, 3, 5, 2.5, 0.3), (9, 2, 4, 0.4, 0.1), (4, 5, 2, 1.7, 0.0)):
            W, b = rng.normal(size=(d, c)), rng.normal(size=c)
            X, y = rng.normal(size=(n, d)), rng.integers(0, c, size=n)
            compare_ex6((W, b, X, y, temperature, smoothing), f"with temperature {temperature}, smoothing {smoothing}")


test_ex6_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex6_edges", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (5 points): one example, whole-number pictures, very large scores, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex6_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        W, b = rng.normal(size=(6, 3)), rng.normal(size=3)
        X, y = rng.integers(0, 256, size=(4, 6)).astype(np.uint8), rng.integers(0, 3, size=4)
        kept = [a.copy() for a in (W, b, X, y)]
        compare_ex6((W, b, X, y, 3.0, 0.2), "of whole-number pictures")
        expect_unchanged(kept, (W, b, X, y), "smoothed_softmax_loss")
        one = rng.normal(size=(1, 6))
        compare_ex6((W, b, one, y[:1], 0.7, 0.05), "of one example")
        compare_ex6((W, b, one, y[:1], 1, 0), "with whole-number settings")
        large = W / np.abs(rng.normal(size=(4, 6)) @ W).max() * 1e4
        for temperature in (1.0, 0.5):
            Z = rng.normal(size=(4, 6))
            expect_array(smoothed_softmax_loss(large, b, Z, y, temperature, 0.1)[1], (6, 3), "smoothed_softmax_loss, dW of very large scores", where="overflow in exp, log of 0")
            compare_ex6((large, b, Z, y, temperature, 0.1), "of very large scores")
            compare_ex6((large, b - 2e4, Z, y, temperature, 0.1), "of very small scores")


test_ex6_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex7_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 7: The squared hinge
#
# *Objective O5, 12 points.*
#
# **What.** Write `squared_hinge_loss(W, b, X, y, margin)`: a multiclass support vector machine in which every wrong class that comes closer than the
# margin $\Delta$ costs the **square** of what is missing, and its gradient:
#
# $$L = \frac1N \sum_i \sum_{j \ne y_i} \max(0,\; s_{ij} - s_{i y_i} + \Delta)^2.$$
#
# **Why it matters.** The plain hinge has a kink where the margin is just met: there it has no gradient. Its square is smooth, forgives
# small violations and punishes large ones, and many linear-classifier libraries use it by default.
#
# **Signature.** `W` (D, C), `b` (C,), `X` (N, D) whole or floating point numbers, `y` (N,) integers, `margin` > 0 → (`loss` float, `dW` (D, C), `db` (C,)).
# The loss is the mean over the batch; no regularisation.
#
# **Example.** Scores (2, 1.5), right class 0, margin 1: class 1 is 0.5 too close and costs 0.25.
#
# ```python
# >>> loss, dW, db = squared_hinge_loss(np.array([[2.0, 1.5]]), np.zeros(2), np.array([[1.0]]), np.array([0]), 1.0)
# >>> float(loss), dW.tolist(), db.tolist()
# (0.25, [[-1.0, 1.0]], [-1.0, 1.0])
# ```
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# The derivative of `max(0, m)**2` with respect to `m` is `2 * max(0, m)`. One violation depends on two scores: which, and with which signs?
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Each row of the gradient with respect to the scores adds up to 0: what the wrong classes receive, the right one pays. Mind the entry j = y
# itself: it must neither cost anything nor count twice.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex7_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def squared_hinge_loss(W, b, X, y, margin):
    """Squared multiclass hinge loss of a linear classifier, and its gradient.

    Parameters
    ----------
    W : ndarray of shape (D, C)
    b : ndarray of shape (C,)
    X : ndarray of shape (N, D)
    y : ndarray of shape (N,), integers
    margin : float

    Returns
    -------
    loss : float
    dW : ndarray of shape (D, C)
    db : ndarray of shape (C,)
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    loss = (missing**2).sum() / len(X)
    ds = 2 * missing / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return loss, X.T @ ds, ds.sum(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex7_visible", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_ex7_visible():
    name = "squared_hinge_loss"
    rng = np.random.default_rng(7)
    W, b, X, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(5, 3)), rng.integers(0, 4, size=5)
    result = squared_hinge_loss(W, b, X, y, 1.0)
    expect(len(result) == 3, name, f"three results were expected, got {len(result)}", "return loss, dW, db")
    loss, dW, db = result
    expect_number(loss, f"{name}, loss", where="the mean over the batch is one number")
    expect(loss >= 0, f"{name}, loss", "it is negative", "max(0, …)")
    expect_array(dW, (3, 4), f"{name}, dW", where="a gradient has the shape of its parameter")
    expect_array(db, (4,), f"{name}, db", where="a gradient has the shape of its parameter")
    expect_close(db.sum(), 0.0, f"{name}, the sum of db", where="what the wrong classes receive, the right one pays")
    shifted = squared_hinge_loss(W, b + 3, X, y, 1.0)[0]
    expect_close(shifted, loss, f"{name} with 3 added to every score", where="only differences of scores matter")
    expect_gradient(
        lambda W, b: squared_hinge_loss(W, b, X, y, 1.0)[0], (W, b), (dW, db), name,
        where="the gradient is not the derivative of the loss you return",
    )


test_ex7_visible()

# %% nbgrader={"grade": true, "grade_id": "ex7_values", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (6 points): loss and gradient on several random problems.
### BEGIN HIDDEN TESTS
SEEDS = (1701, 1702, 1703)


def oracle_ex7(W, b, X, y, margin):
    loss, dW, db = 0.0, np.zeros(W.shape), np.zeros(len(b))
    for x, label in zip(np.asarray(X, dtype=float), y.tolist(), strict=True):
        for j in range(W.shape[1]):
            missing = float(x @ W[:, j] + b[j] - x @ W[:, label] - b[label]) + margin
            if j == label or missing <= 0:
                continue
            loss += missing**2 / len(y)
            for column, sign in ((j, 1), (label, -1)):
                dW[:, column] += sign * 2 * missing * x / len(y)
                db[column] += sign * 2 * missing / len(y)
    return loss, dW, db


def compare_ex7(arguments, what):
    got, want = squared_hinge_loss(*arguments), oracle_ex7(*arguments)
    for part, a, w in zip(("loss", "dW", "db"), got, want, strict=True):
        expect_close(a, w, f"squared_hinge_loss, {part} {what}", where="the definition above the exercise")


def test_ex7_values():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for n, d, c, margin in ((8, 4, 3, 1.0), (5, 3, 6, 0.3), (11, 2, 2, 2.5)):
            W, b = rng.normal(size=(d, c)), rng.normal(size=c)
            X, y = rng.normal(size=(n, d)), rng.integers(0, c, size=n)
            compare_ex7((W, b, X, y, margin), f"with margin {margin}")


test_ex7_values()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex7_edges", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (3 points): one example, no violation at all, whole numbers everywhere, arguments left alone.
### BEGIN HIDDEN TESTS
def test_ex7_edges():
    for seed in SEEDS:
        rng = np.random.default_rng(seed + 50)
        W, b = rng.integers(-2, 3, size=(6, 3)), rng.integers(-5, 6, size=3)
        X, y = rng.integers(0, 256, size=(4, 6)).astype(np.uint8), rng.integers(0, 3, size=4)
        kept = [a.copy() for a in (W, b, X, y)]
        compare_ex7((W, b, X, y, 1), "of whole numbers")
        expect_unchanged(kept, (W, b, X, y), "squared_hinge_loss")
        compare_ex7((W * 0.5, b * 0.1, rng.normal(size=(1, 6)), y[:1], 0.8), "of one example")
        far = np.zeros((6, 3))
        compare_ex7((far, np.eye(3)[1] * 9, rng.normal(size=(4, 6)), np.ones(4, dtype=int), 1.0), "without a violation")


test_ex7_edges()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex8_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 8: Beat the baseline
#
# *Objective O6, 10 points.*
#
# **What.** Write `fit_predict(train_images, train_labels, images)`: it learns from the training pictures and predicts the labels of others. How, is up to you:
# nearest neighbours or a linear classifier, on features you choose. It is marked by its accuracy on pictures of
# Pocket-10 that nobody has seen, after training on 1,000.
#
# | accuracy on the unseen pictures | points |
# |---|---|
# | at least 42 % | 4 |
# | at least 52 % | 4 more |
#
# A softmax classifier on raw pixels, as in chapter 3, reaches about 38 % here, 1-nearest neighbour on raw pixels about 21 %.
#
# **Why it matters.** Chapter 3 ends with the reason why single pixels represent a picture poorly: a ship one pixel further left is another vector.
# Before networks learned their features, people built them: colours counted without asking where, edges counted by direction in coarse cells.
# A linear classifier on good features beats a clever one on pixels.
#
# **Signature.** `train_images` (N, 32, 32, 3) uint8, `train_labels` (N,) integers, `images` (M, 32, 32, 3) uint8 → (M,) integers. The same input gives
# the same predictions (fix your seeds), and a picture's prediction does not depend on which others are predicted with it. A few seconds for 1,000 pictures and 1,000 more are plenty.
#
# <details class="hint"><summary>Hint 1 (click to open)</summary>
#
# Hold 200 of your pictures back, or use your folds of exercise 3, and compare ideas on them: only then will you know how good it is before it is marked.
#
# </details>
#
# <details class="hint"><summary>Hint 2 (click to open)</summary>
#
# Edges: differences between neighbouring pixels of the grey picture give a strength and a direction at each place. Divide the picture into
# cells of 4 × 4 or 8 × 8 pixels (chapter 1 used a grid of 4 × 4 cells, which here are cells of 8 × 8 pixels) and add up, in each cell, the strengths by direction (8 or so directions). Bring the features to fair units (exercise 1) before a linear classifier.
#
# </details>
#
# <details class="hint"><summary>Hint 3 (click to open)</summary>
#
# With more features than pictures a linear classifier learns the training set by heart. Penalise large weights (ridge regression has a closed form; scikit-learn's `LogisticRegression`
# has `C`) and choose the strength with your folds.
#
# </details>

# %%
# Not marked, yours to change: what the pictures look like.
from course_utils.plots import show_images

pictures, labels = pocket10("train", 20, seed=1)
show_images(pictures, labels, class_names=POCKET10_CLASSES)

# %% nbgrader={"grade": false, "grade_id": "ex8_answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_predict(train_images, train_labels, images):
    """Learn from labelled pictures and predict the labels of others.

    Parameters
    ----------
    train_images : ndarray of shape (N, 32, 32, 3), uint8
    train_labels : ndarray of shape (N,), integers
    images : ndarray of shape (M, 32, 32, 3), uint8

    Returns
    -------
    ndarray of shape (M,), integers
    """
    ### BEGIN SOLUTION
    def features(pictures):
        n = len(pictures)
        dy, dx = np.gradient(pictures.mean(axis=3) / 255, axis=(1, 2))
        direction = (np.arctan2(dy, dx) / (2 * np.pi) * 8).round().astype(int) % 8
        picture, row, column = np.indices(dx.shape, sparse=True)
        place = ((picture * 8 + row // 4) * 8 + column // 4) * 8 + direction
        edges = np.bincount(place.ravel(), weights=np.hypot(dx, dy).ravel(), minlength=n * 512).reshape(n, 512)
        colours = pictures.reshape(n, 4, 8, 4, 8, 3).mean(axis=(2, 4)).reshape(n, 48) / 255
        return np.sqrt(np.concatenate([edges, colours], axis=1))

    X, Z = features(train_images), features(images)
    mean, std = X.mean(axis=0), X.std(axis=0) + 1e-9
    X, Z = (X - mean) / std, (Z - mean) / std
    classes = np.unique(train_labels)
    targets = (train_labels[:, None] == classes) - 1 / len(classes)
    W = X.T @ np.linalg.solve(X @ X.T + 1000 * np.eye(len(X)), targets)
    return classes[(Z @ W + targets.mean(axis=0)).argmax(axis=1)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex8_visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_ex8_visible():
    name = "fit_predict"
    pictures, labels = pocket10("train", 120, seed=8)
    kept = pictures.copy(), labels.copy()
    got = fit_predict(pictures[:100], labels[:100], pictures[100:])
    expect_array(got, (20,), name, kind="i", where="one label for each picture")
    expect(set(got.tolist()) <= set(labels[:100].tolist()), name, "a prediction is not one of the training labels", "labels, not indices or scores")
    expect_unchanged(kept, (pictures, labels), name)
    again = fit_predict(pictures[:100], labels[:100], pictures[100:])
    expect(np.array_equal(got, again), name, "the same input gave other predictions", "fix your seeds")
    alone = fit_predict(pictures[:100], labels[:100], pictures[103:104])
    expect_array(alone, (1,), f"{name} of a single picture", kind="i")
    expect(alone[0] == got[3], name, "a picture got another label when predicted alone", "learn means and scales from the training pictures only")


test_ex8_visible()

# %% nbgrader={"grade": true, "grade_id": "ex8_values", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 42 % of unseen pictures right.
### BEGIN HIDDEN TESTS
PICTURES_SEED = 0xD1C3A9F27B6E4580913F5CE0A7246B8D
LOW, HIGH = 0.42, 0.52
ACCURACY = 0.0


def hidden_accuracy():
    pictures, labels = pocket10("train", 1000, seed=PICTURES_SEED)
    unseen, truth = pocket10("test", 1000, seed=PICTURES_SEED)
    order = np.random.default_rng(PICTURES_SEED).permutation(1000)  # every ten in a row hold each class once
    unseen, truth = unseen[order], truth[order]
    got = fit_predict(pictures, labels, unseen)
    expect_array(got, (1000,), "fit_predict", kind="i", where="one label for each picture")
    return float((got == truth).mean())


ACCURACY = hidden_accuracy()  # measured once, for this cell and the next
expect(ACCURACY >= LOW, "fit_predict", "the accuracy on unseen pictures is below the first threshold", "features, scaling, regularisation")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ex8_high", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Hidden tests (4 points): at least 52 % of unseen pictures right.
### BEGIN HIDDEN TESTS
expect(ACCURACY >= HIGH, "fit_predict", "the accuracy on unseen pictures is below the second threshold", "edges by direction in coarse cells")
### END HIDDEN TESTS

# %%
# Not marked, yours to change: what becomes of pictures that were held back. Rows are true classes.
pictures, labels = pocket10("train", 1000, seed=1)
guesses = fit_predict(pictures[:800], labels[:800], pictures[800:])
confusion, recall, balanced = class_report(labels[800:], guesses, len(POCKET10_CLASSES))
print(f"balanced accuracy {balanced:.3f}")
for class_name, counts in zip(POCKET10_CLASSES, confusion, strict=True):
    print(f"{class_name:11}", *(f"{count:3d}" for count in counts))

# %% [markdown] nbgrader={"grade": false, "grade_id": "ex9_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 9: In your own words
#
# *Objectives O3, O4 and O5, 10 points, read and marked by a person.* About 350 words in all.
#
# 1. (4 points) Hold at least 200 pictures back, or use your folds of exercise 3, predict them with your `fit_predict` and look at `class_report`'s confusion matrix. Which two classes are confused most? Give
#    the numbers, and explain from your features why these two. What would have to change so that they are told apart?
# 2. (3 points) A friend tries k = 1 … 50 and twelve scalings on the test set and reports the best accuracy found. In which direction is the number wrong, and why? How would
#    you have chosen k and scaling, and what would you report?
# 3. (3 points) In exercise 6, with given weights, does the temperature change which class is predicted? Does it change the loss? Name a situation in which you would care about one and not about the other.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex9_answer", "locked": false, "points": 10, "schema_version": 3, "solution": true, "task": false}
# **Rubric (for the person who marks; the release shows an empty answer here).**
#
# 1. Four points: one for a pair with its two counts from a confusion matrix of held-out pictures (any pair that the student's own numbers support); one for naming
#    what the two have in common *in the features used* (for instance automobile and truck: the same road and the same horizontal edges in the same cells); one for explaining why the
#    classifier can't see the difference (the part that differs fills few cells, or the colour varies within both classes); one for a change that follows from that explanation
#    (finer cells where they differ, more examples, a model that is not linear). No point for a change that has nothing to do with it.
# 2. Three points: one for "too high, too optimistic"; one for the reason (the best of 600 noisy numbers is partly lucky, the choice has used the test labels; with 1,000 pictures the standard error is about
#    1.5 points, so the luckiest of many can be several points too good); one for a sound procedure (choose by cross-validation or on a validation set within the training data, then measure the
#    chosen one once on the test set and report that).
# 3. Three points: one for "no, dividing all scores by the same positive number keeps their order"; one for "yes, the probabilities become flatter or steeper and the loss
#    is made of them"; one for a situation (care about the label only: sorting pictures into albums; care about probabilities: passing unsure cases to a person, comparing costs of mistakes, combining classifiers).
#
# Half points are fine. Don't take marks off for English.
