# %% right loops_over_pairs
def squared_hinge_loss(W, b, X, y, margin):
    X, W = X.astype(float), W.astype(float)
    loss, dW, db = 0.0, np.zeros(W.shape), np.zeros(W.shape[1])
    for x, label in zip(X, y):
        for j in range(W.shape[1]):
            violation = x @ (W[:, j] - W[:, label]) + b[j] - b[label] + margin
            if j != label and violation > 0:
                loss += violation**2
                dW[:, j] += 2 * violation * x
                dW[:, label] -= 2 * violation * x
                db[j] += 2 * violation
                db[label] -= 2 * violation
    return loss / len(X), dW / len(X), db / len(X)


# %% right coefficients_by_one_hot
# the entry j = y costs margin^2 in everybody: take it away again
def squared_hinge_loss(W, b, X, y, margin):
    n, C = X.shape[0], W.shape[1]
    T = np.eye(C)[y]
    S = X @ W + b
    V = (S - (S * T).sum(1, keepdims=True) + margin) * (1 - T)
    V = V * (V > 0)
    G = 2 / n * (V - T * V.sum(1, keepdims=True))
    return np.sum(V * V) / n, X.T @ G, G.sum(0)


# %% right class_by_class
# one pass for each wrong class over all examples, with the bias as one more feature
def squared_hinge_loss(W, b, X, y, margin):
    A = np.column_stack([X, np.ones(len(X))]).astype(float)
    P = np.vstack([W, b]).astype(float)
    own = np.einsum("nd,nd->n", A, P[:, y].T)
    loss, dP = 0.0, np.zeros_like(P)
    for j in range(P.shape[1]):
        v = np.where(y == j, 0.0, np.clip(A @ P[:, j] - own + margin, 0, None))
        loss += v @ v
        pull = 2 * v[:, None] * A
        dP[:, j] += pull.sum(axis=0)
        np.subtract.at(dP.T, y, pull)
    dP /= len(X)
    return loss / len(X), dP[:-1], dP[-1]


# %% right autograd
# PyTorch derives the gradient
def squared_hinge_loss(W, b, X, y, margin):
    import torch

    W, b = (torch.tensor(np.asarray(a, dtype=float), requires_grad=True) for a in (W, b))
    scores = torch.tensor(np.asarray(X, dtype=float)) @ W + b
    target = torch.tensor(np.asarray(y, dtype=np.int64))
    violation = torch.relu(scores - scores.gather(1, target[:, None]) + margin)
    wrong = torch.ones_like(violation).scatter(1, target[:, None], 0.0)
    loss = (violation**2 * wrong).sum() / len(X)
    loss.backward()
    return loss.item(), W.grad.numpy(), b.grad.numpy()


# %% wrong right_class_costs_too (passes the visible tests)
# margin^2 for j = y is left in the loss; a constant, so the gradient is right
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    loss = (missing**2).sum() / len(X)
    missing[rows, y] = 0
    ds = 2 * missing / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return loss, X.T @ ds, ds.sum(axis=0)


# %% wrong margin_is_always_one (passes the visible tests)
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + 1.0)
    missing[rows, y] = 0
    ds = 2 * missing / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return (missing**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong sum_instead_of_mean (passes the visible tests)
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    ds = 2 * missing
    ds[rows, y] = -ds.sum(axis=1)
    return (missing**2).sum(), X.T @ ds, ds.sum(axis=0)


# %% wrong mean_over_classes_too (passes the visible tests)
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    ds = 2 * missing / missing.size
    ds[rows, y] = -ds.sum(axis=1)
    return (missing**2).mean(), X.T @ ds, ds.sum(axis=0)


# %% wrong strongest_rival_only (passes the visible tests)
# the largest violation instead of the sum over classes
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = (X @ W + b).astype(float)
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    top = missing.argmax(axis=1)
    only = np.zeros_like(missing)
    only[rows, top] = missing[rows, top]
    ds = 2 * only / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return (only**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong square_of_the_sum (passes the visible tests)
# (sum of violations)^2 instead of the sum of squares
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    total = missing.sum(axis=1, keepdims=True)
    ds = 2 * total * (missing > 0) / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return (total**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong changes_the_bias (passes the visible tests)
# adds the margin to the caller's array
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    own = (X @ W + b)[rows, y][:, None]
    if b.dtype.kind == "i":
        b += int(margin)
    missing = np.maximum(0, X @ W + b - own + (0 if b.dtype.kind == "i" else margin))
    missing[rows, y] = 0
    ds = 2 * missing / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return (missing**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong factor_two_missing
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    ds = missing / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return (missing**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong right_class_pays_nothing
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    missing[rows, y] = 0
    ds = 2 * missing / len(X)
    return (missing**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% wrong squares_before_the_hinge
# classes far on the safe side cost most
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(X))
    scores = X @ W + b
    missing = scores - scores[rows, y][:, None] + margin
    missing = np.array(missing, dtype=float)
    missing[rows, y] = 0
    ds = 2 * np.maximum(missing, 0) / len(X)
    ds[rows, y] = -ds.sum(axis=1)
    return np.maximum(0, missing**2).sum() / len(X), X.T @ ds, ds.sum(axis=0)


# %% book multiclass_svm (passes the visible tests)
# chapter 3: the plain hinge
def squared_hinge_loss(W, b, X, y, margin):
    rows = np.arange(len(y))
    scores = X @ W + b
    violations = scores - scores[rows, y][:, None] + margin
    violations[rows, y] = 0
    loss = np.maximum(violations, 0).sum() / len(y)
    ds = (violations > 0).astype(float)
    ds[rows, y] = -ds.sum(axis=1)
    ds /= len(y)
    return loss, X.T @ ds, ds.sum(axis=0)
