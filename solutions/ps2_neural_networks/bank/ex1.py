# %% right bincount_over_rows
def group_penalty(W, groups):
    squares = (np.asarray(W, dtype=float) ** 2).sum(axis=1)
    _, which = np.unique(groups, return_inverse=True)
    sizes = np.bincount(which) * W.shape[1]
    return float(np.sqrt(sizes * np.bincount(which, weights=squares)).sum())


def group_step(W, dW, lr, reg, groups):
    A = np.asarray(W, dtype=float) - lr * np.asarray(dW, dtype=float)
    _, which = np.unique(groups, return_inverse=True)
    lengths = np.sqrt(np.bincount(which, weights=(A**2).sum(axis=1)))
    widths = lr * reg * np.sqrt(np.bincount(which) * A.shape[1])
    safe = np.where(lengths > 0, lengths, 1)
    factors = np.where(lengths > widths, 1 - widths / safe, 0)
    return A * factors[which][:, None]


# %% right a_dictionary_of_rows
def group_penalty(W, groups):
    rows = {}
    for d, g in enumerate(groups.tolist()):
        rows.setdefault(g, []).append(d)
    return sum(float(np.linalg.norm(W[r].astype(float))) * (len(r) * W.shape[1]) ** 0.5 for r in rows.values())


def group_step(W, dW, lr, reg, groups):
    rows = {}
    for d, g in enumerate(groups.tolist()):
        rows.setdefault(g, []).append(d)
    out = np.empty(W.shape)
    for r in rows.values():
        a = W[r].astype(float) - lr * dW[r].astype(float)
        length, width = np.linalg.norm(a), lr * reg * a.size**0.5
        out[r] = a * max(0.0, length - width) / (length if length else 1.0)
    return out


# %% right what_is_cut_off_lies_in_a_ball
# Moreau: the step is A minus its projection onto the ball of radius lr * reg * sqrt(n)
def group_penalty(W, groups):
    same = groups[:, None] == groups[None, :]
    squares = same @ (W.astype(float) ** 2).sum(axis=1)  # of each row's whole group
    members = same.sum(axis=1)
    return float((np.sqrt(W.shape[1] * members * squares) / members).sum())


def group_step(W, dW, lr, reg, groups):
    A = W.astype(float) - lr * dW.astype(float)
    same = groups[:, None] == groups[None, :]
    lengths = np.sqrt(same @ (A**2).sum(axis=1))
    radius = lr * reg * np.sqrt(same.sum(axis=1) * A.shape[1])
    outside = lengths > radius
    projected = A.copy()
    projected[outside] *= (radius[outside] / lengths[outside])[:, None]
    return A - projected


# %% right with_pytorch
def group_penalty(W, groups):
    import torch

    w = torch.tensor(W, dtype=torch.float64)
    return sum((w[g].numel() ** 0.5 * w[g].norm()).item() for g in (torch.tensor(groups == k) for k in set(groups.tolist())))


def group_step(W, dW, lr, reg, groups):
    import torch

    a = torch.tensor(W, dtype=torch.float64) - lr * torch.tensor(dW, dtype=torch.float64)
    for k in set(groups.tolist()):
        g = torch.tensor(groups == k)
        length, width = a[g].norm(), lr * reg * a[g].numel() ** 0.5
        a[g] = a[g] * (1 - width / length) if length > width else torch.zeros_like(a[g])
    return a.numpy()


# %% wrong no_root_of_the_size (passes the visible tests)
def group_penalty(W, groups):
    return float(sum(np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        length = np.linalg.norm(A[groups == g])
        A[groups == g] *= max(0.0, 1 - lr * reg / length) if length else 0.0
    return A


# %% wrong counts_rows_for_weights (passes the visible tests)
def group_penalty(W, groups):
    return float(sum(np.sqrt((groups == g).sum()) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        length = np.linalg.norm(A[groups == g])
        A[groups == g] *= max(0.0, 1 - lr * reg * np.sqrt((groups == g).sum()) / length) if length else 0.0
    return A


# %% wrong length_before_the_gradient_step (passes the visible tests)
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        part = W[groups == g].astype(float)
        length = np.linalg.norm(part)
        A[groups == g] *= max(0.0, 1 - lr * reg * np.sqrt(part.size) / length) if length else 0.0
    return A


# %% wrong forgets_the_learning_rate (passes the visible tests)
# the threshold is reg * sqrt(n) and not lr * reg * sqrt(n)
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        part = A[groups == g]
        length = np.linalg.norm(part)
        A[groups == g] *= max(0.0, 1 - reg * np.sqrt(part.size) / length) if length else 0.0
    return A


# %% wrong groups_are_numbered_from_0 (passes the visible tests)
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in range(groups.max() + 1)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in range(groups.max() + 1):
        part = A[groups == g]
        length = np.linalg.norm(part)
        A[groups == g] *= max(0.0, 1 - lr * reg * np.sqrt(part.size) / length) if length else 0.0
    return A


# %% wrong zero_divided_by_zero (passes the visible tests)
# a group of zeros and no penalty: 0 / 0
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        part = A[groups == g]
        A[groups == g] *= np.maximum(0.0, 1 - lr * reg * np.sqrt(part.size) / np.linalg.norm(part))
    return A


# %% wrong groups_stand_side_by_side (passes the visible tests)
# cuts the rows where the number changes, so that a group in several places becomes several groups
def group_penalty(W, groups):
    cuts = np.flatnonzero(np.diff(groups)) + 1
    return float(sum(np.sqrt(part.size) * np.linalg.norm(part.astype(float)) for part in np.split(W, cuts)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    out = []
    for part in np.split(A, np.flatnonzero(np.diff(groups)) + 1):
        length, width = np.linalg.norm(part), lr * reg * np.sqrt(part.size)
        out.append(part * (1 - width / length) if length > width else np.zeros_like(part))
    return np.concatenate(out)


# %% wrong shortens_past_zero
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        part = A[groups == g]
        A[groups == g] *= 1 - lr * reg * np.sqrt(part.size) / np.linalg.norm(part)
    return A


# %% wrong a_step_against_the_subgradient
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * np.linalg.norm(W[groups == g].astype(float)) for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    slope = np.zeros(W.shape)
    for g in np.unique(groups):
        part = W[groups == g].astype(float)
        slope[groups == g] = np.sqrt(part.size) * part / max(np.linalg.norm(part), 1e-12)
    return W - lr * (dW + reg * slope)


# %% wrong squares_of_lengths
def group_penalty(W, groups):
    return float(sum(np.sqrt(W[groups == g].size) * (W[groups == g].astype(float) ** 2).sum() for g in np.unique(groups)))


def group_step(W, dW, lr, reg, groups):
    A = W - lr * dW.astype(float)
    for g in np.unique(groups):
        A[groups == g] /= 1 + 2 * lr * reg * np.sqrt(A[groups == g].size)
    return A


# %% book soft_threshold (passes the visible tests)
# L1, weight by weight
def group_penalty(W, groups):
    return float(np.abs(W).sum())


def group_step(W, dW, lr, reg, groups):
    a = W - lr * dW.astype(float)
    return np.sign(a) * np.maximum(np.abs(a) - lr * reg, 0)
