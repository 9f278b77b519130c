# %% right one_example_at_a_time
def weighted_vote(distances, labels, k, num_classes):
    predictions = []
    for row in distances:
        nearest = sorted(range(len(row)), key=lambda j: row[j])[:k]
        exact = [j for j in nearest if row[j] == 0]
        table = [0.0] * num_classes
        for j in exact or nearest:
            table[labels[j]] += 1.0 if exact else 1.0 / row[j]
        predictions.append(table.index(max(table)))
    return np.array(predictions)


# %% right lexsort_and_bincount
def weighted_vote(distances, labels, k, num_classes):
    m, n = distances.shape
    index = np.broadcast_to(np.arange(n), (m, n))
    near = np.lexsort((index, distances), axis=-1)[:, :k]
    d = distances[np.arange(m)[:, None], near]
    any_zero = (d == 0).any(1)
    with np.errstate(divide="ignore"):
        weight = 1.0 / d
    weight[any_zero] = d[any_zero] == 0
    cell = np.arange(m)[:, None] * num_classes + labels[near]
    table = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=m * num_classes)
    return table.reshape(m, num_classes).argmax(1)


# %% right matrix_product_with_one_hot
# rank every example, keep those with rank below k, weight the one-hot labels by a matrix product
def weighted_vote(distances, labels, k, num_classes):
    d = np.asarray(distances, dtype=float)
    rank = np.argsort(np.argsort(d, axis=1, kind="stable"), axis=1)
    member = rank < k
    zero = member & (d == 0)
    weights = np.zeros_like(d)
    np.divide(1.0, d, out=weights, where=member & (d > 0))
    weights = np.where(zero.any(axis=1)[:, None], zero.astype(float), weights)
    return np.argmax(weights @ np.eye(num_classes)[labels], axis=1)


# %% right takes_the_nearest_k_times
# selection: argmin gives the smallest index among equals
def weighted_vote(distances, labels, k, num_classes):
    rest = np.array(distances, dtype=float)
    rows = np.arange(len(rest))
    table, zeros = np.zeros((len(rest), num_classes)), np.zeros((len(rest), num_classes))
    for _ in range(k):
        j = rest.argmin(axis=1)
        d = rest[rows, j]
        zeros[rows, labels[j]] += d == 0
        table[rows, labels[j]] += np.where(d == 0, 0, 1 / np.where(d == 0, 1, d))
        rest[rows, j] = np.inf
    return np.where(zeros.any(axis=1), zeros.argmax(axis=1), table.argmax(axis=1))


# %% wrong unstable_ties (passes the visible tests)
# of two training examples at equal distance the later one counts as nearer
def weighted_vote(distances, labels, k, num_classes):
    n = distances.shape[1]
    order = n - 1 - np.argsort(distances[:, ::-1], axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(distances, order, axis=1).astype(float)
    zero = near == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1, near))
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)


# %% wrong small_number_in_the_divisor (passes the visible tests)
# 1 / (d + 1e-8): distances far below 1e-8 all weigh the same
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    weights = 1 / (np.take_along_axis(distances, order, axis=1) + 1e-8)
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)


# %% wrong squared_weights (passes the visible tests)
# weight 1 / d^2
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(distances, order, axis=1).astype(float)
    zero = near == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1, near) ** 2)
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)


# %% wrong mean_weight_of_each_class (passes the visible tests)
# the average weight wins, not the sum: a class with one near neighbour beats one with several
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(distances, order, axis=1).astype(float)
    zero = near == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1, near))
    members = np.stack([labels[order] == c for c in range(num_classes)], axis=1)
    table = (weights[:, None] * members).sum(axis=2) / np.maximum(members.sum(axis=2), 1)
    return table.argmax(axis=1)


# %% wrong all_examples_vote (passes the visible tests)
# k is only looked at when it is 1
def weighted_vote(distances, labels, k, num_classes):
    if k == 1:
        return labels[np.argmin(distances, axis=1)]
    zero = distances == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1, distances))
    return (weights @ np.eye(num_classes)[labels]).argmax(axis=1)


# %% wrong largest_label_wins_ties (passes the visible tests)
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(distances, order, axis=1).astype(float)
    zero = near == 0
    weights = np.where(zero.any(axis=1, keepdims=True), zero, 1 / np.where(zero, 1, near))
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return num_classes - 1 - table[:, ::-1].argmax(axis=1)


# %% wrong division_by_zero (passes the visible tests)
# infinity votes: two classes with an exact match each tie at infinity whatever their numbers
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    with np.errstate(divide="ignore"):
        weights = 1 / np.take_along_axis(distances, order, axis=1)
    table = np.zeros((len(distances), num_classes))
    np.add.at(table, (np.arange(len(distances))[:, None], labels[order]), weights)
    return table.argmax(axis=1)


# %% wrong weights_are_distances
# the farthest neighbour counts most; alone it still decides
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(-distances, axis=1, kind="stable")[:, :k]
    weights = np.take_along_axis(distances, order, axis=1)
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)


# %% wrong returns_indices
# the nearest example's index instead of a label
def weighted_vote(distances, labels, k, num_classes):
    return np.argsort(distances, axis=1, kind="stable")[:, 0]


# %% wrong exponential_weights
# depends on the unit of the distances
def weighted_vote(distances, labels, k, num_classes):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    weights = np.exp(-20 * np.take_along_axis(distances, order, axis=1))
    if distances.mean() > 2:
        weights = 1 + 0 * weights
    table = np.stack([(weights * (labels[order] == c)).sum(axis=1) for c in range(num_classes)], axis=1)
    return table.argmax(axis=1)


# %% book majority_vote (passes the visible tests)
# chapter 2: every neighbour has one vote
def weighted_vote(distances, labels, k, num_classes):
    nearest = labels[np.argsort(distances, axis=1, kind="stable")[:, :k]]
    counts = np.stack([(nearest == c).sum(axis=1) for c in range(num_classes)], axis=1)
    return counts.argmax(axis=1)
