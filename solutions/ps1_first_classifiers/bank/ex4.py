# %% right one_example_at_a_time
def leave_one_out(distances, labels, ks):
    n = len(labels)
    right = {k: 0 for k in ks}
    for i in range(n):
        others = np.delete(np.arange(n), i)
        near = others[np.argsort(distances[i, others], kind="stable")]
        for k in ks:
            right[k] += np.bincount(labels[near[:k]]).argmax() == labels[i]
    accuracies = np.array([right[k] / n for k in ks])
    best = max(range(len(ks)), key=lambda p: (accuracies[p], ks[p]))
    return accuracies, ks[best]


# %% right removes_itself_from_the_order
# sort with everybody, then drop the entry that is the example itself, wherever it stands
def leave_one_out(distances, labels, ks):
    n = len(labels)
    order = np.argsort(distances, axis=1, kind="stable")
    order = order[order != np.arange(n)[:, None]].reshape(n, n - 1)
    accuracies = np.empty(len(ks))
    for position, k in enumerate(ks):
        table = np.zeros((n, labels.max() + 1), dtype=int)
        np.add.at(table, (np.arange(n)[:, None], labels[order[:, :k]]), 1)
        accuracies[position] = np.mean(table.argmax(axis=1) == labels)
    best = accuracies.max()
    return accuracies, int(np.max(np.array(ks)[accuracies == best]))


# %% right ranks_and_a_matrix_product
def leave_one_out(distances, labels, ks):
    n = len(labels)
    d = distances.astype(float) + np.diag(np.full(n, np.inf))
    rank = np.lexsort((np.tile(np.arange(n), (n, 1)), d), axis=-1).argsort(axis=-1)
    one_hot = np.eye(labels.max() + 1)[labels]
    hits = [np.count_nonzero(((rank < k) @ one_hot).argmax(axis=1) == labels) for k in ks]
    accuracies = np.array(hits) / n
    return accuracies, sorted(zip(hits, ks))[-1][1]


# %% wrong takes_part_itself (passes the visible tests)
# k = 1 is always right
def leave_one_out(distances, labels, ks):
    votes = labels[np.argsort(distances, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, max(k for k, a in zip(ks, accuracies) if a == accuracies.max())


# %% wrong skips_the_first (passes the visible tests)
# the nearest must be me: not where a picture occurs twice
def leave_one_out(distances, labels, ks):
    votes = labels[np.argsort(distances, axis=1, kind="stable")[:, 1:]]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, max(k for k, a in zip(ks, accuracies) if a == accuracies.max())


# %% wrong changes_the_matrix (passes the visible tests)
# the diagonal of the caller's matrix becomes infinite
def leave_one_out(distances, labels, ks):
    if distances.dtype.kind != "f":
        distances = distances.astype(float)
    np.fill_diagonal(distances, np.inf)
    votes = labels[np.argsort(distances, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, max(k for k, a in zip(ks, accuracies) if a == accuracies.max())


# %% wrong infinity_in_whole_numbers (passes the visible tests)
# a copy, but of the same type: an integer matrix can't hold infinity
def leave_one_out(distances, labels, ks):
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, max(k for k, a in zip(ks, accuracies) if a == accuracies.max())


# %% wrong first_of_the_best (passes the visible tests)
# argmax takes the first k among equals
def leave_one_out(distances, labels, ks):
    others = distances.astype(float)
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, ks[int(accuracies.argmax())]


# %% wrong one_neighbour_too_few (passes the visible tests)
# off by one: k - 1 neighbours vote, or one where k is 1
def leave_one_out(distances, labels, ks):
    others = distances.astype(float)
    np.fill_diagonal(others, np.inf)
    near = np.argsort(others, axis=1, kind="stable")
    accuracies = []
    for k in ks:
        guess = [np.bincount(labels[row[: max(k - 1, 1)]]).argmax() for row in near]
        accuracies.append(np.mean(np.array(guess) == labels))
    accuracies = np.array(accuracies)
    return accuracies, max(k for k, a in zip(ks, accuracies) if a == accuracies.max())


# %% wrong sorts_ks (passes the visible tests)
# accuracies come in increasing order of k, not in the order asked for; the check of best_k happens to agree
def leave_one_out(distances, labels, ks):
    others = distances.astype(float)
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    right = {k: (table[:, k - 1].argmax(axis=1) == labels).mean() for k in sorted(ks)}
    best = max(right.values())
    accuracies = np.array(list(right.values()))
    return accuracies, [k for k, a in zip(ks, accuracies) if a == best][0]


# %% wrong position_instead_of_k
def leave_one_out(distances, labels, ks):
    others = distances.astype(float)
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    accuracies = np.array([(table[:, k - 1].argmax(axis=1) == labels).mean() for k in ks])
    return accuracies, int(accuracies.argmax())


# %% wrong counts_instead_of_fractions
def leave_one_out(distances, labels, ks):
    others = distances.astype(float)
    np.fill_diagonal(others, np.inf)
    votes = labels[np.argsort(others, axis=1, kind="stable")]
    classes = np.arange(labels.max() + 1)
    table = (votes[:, :, None] == classes).cumsum(axis=1)
    hits = np.array([(table[:, k - 1].argmax(axis=1) == labels).sum() for k in ks])
    return hits, max(k for k, a in zip(ks, hits) if a == hits.max())


# %% book validation_split_over_k (passes the visible tests)
# chapter 2: the first four fifths predict the last fifth
def leave_one_out(distances, labels, ks):
    cut = len(labels) * 4 // 5
    order = np.argsort(distances[cut:, :cut], axis=1, kind="stable")
    accuracies = []
    for k in ks:
        nearest = labels[order[:, :k]]
        counts = np.stack([(nearest == c).sum(axis=1) for c in range(labels.max() + 1)], axis=1)
        accuracies.append((counts.argmax(axis=1) == labels[cut:]).mean())
    accuracies = np.array(accuracies)
    return accuracies, ks[int(accuracies.argmax())]
