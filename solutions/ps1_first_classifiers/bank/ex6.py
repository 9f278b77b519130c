# %% right logsumexp_form
# loss = mean(logsumexp(z) - q . z)
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    N, C = X.shape[0], W.shape[1]
    z = X.dot(W) / temperature + b / temperature
    top = z.max(axis=1)
    lse = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    q = (1 - smoothing) * np.eye(C)[y] + smoothing / C
    loss = np.mean(lse - (q * z).sum(axis=1))
    dz = np.exp(z - lse[:, None]) - q
    return loss, X.T @ dz / (N * temperature), dz.sum(axis=0) / (N * temperature)


# %% right one_example_at_a_time
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    D, C = W.shape
    loss, dW, db = 0.0, np.zeros((D, C)), np.zeros(C)
    for x, label in zip(X.astype(float), y):
        s = x @ W + b
        s = (s - s.max()) / temperature
        e = np.exp(s)
        total = e.sum()
        for j in range(C):
            q = smoothing / C + (1 - smoothing if j == label else 0)
            loss += q * (np.log(total) - s[j])
            g = (e[j] / total - q) / temperature
            dW[:, j] += g * x
            db[j] += g
    return loss / len(X), dW / len(X), db / len(X)


# %% right mixture_of_two_losses
# (1 - eps) times plain cross-entropy plus eps times the mean over all classes
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    def log_softmax(z):
        z = z - z.max(axis=1, keepdims=True)
        return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))

    n = len(y)
    log_p = log_softmax((X @ W + b) / temperature)
    hard = -log_p[np.arange(n), y].mean()
    even = -log_p.mean()
    p = np.exp(log_p)
    d_hard, d_even = p.copy(), p - 1 / W.shape[1]
    d_hard[np.arange(n), y] -= 1
    ds = ((1 - smoothing) * d_hard + smoothing * d_even) / n / temperature
    return (1 - smoothing) * hard + smoothing * even, np.einsum("nd,nc->dc", X, ds), np.ones(n) @ ds


# %% right autograd
# PyTorch derives the gradient
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    import torch

    W, b = (torch.tensor(np.asarray(a, dtype=float), requires_grad=True) for a in (W, b))
    scores = torch.tensor(np.asarray(X, dtype=float)) @ W + b
    target = torch.tensor(np.asarray(y, dtype=np.int64))
    loss = torch.nn.functional.cross_entropy(scores / temperature, target, label_smoothing=smoothing)
    loss.backward()
    return loss.item(), W.grad.numpy(), b.grad.numpy()


# %% wrong smoothing_over_the_wrong_classes (passes the visible tests)
# eps / (C - 1) to each class but the right one
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / (C - 1))
    q[np.arange(n), y] = 1 - smoothing
    ds = (np.exp(log_p) - q) / (n * temperature)
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong sum_instead_of_mean (passes the visible tests)
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) / temperature
    return -(q * log_p).sum(), X.T @ ds, ds.sum(axis=0)


# %% wrong multiplies_by_the_temperature (passes the visible tests)
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) * temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) * temperature / n
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong overflows (passes the visible tests)
# exp of the scores as they are
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    with np.errstate(all="ignore"):
        e = np.exp((X @ W + b) / temperature)
        p = e / e.sum(axis=1, keepdims=True)
        q = np.full((n, C), smoothing / C)
        q[np.arange(n), y] += 1 - smoothing
        loss = -(q * np.log(p)).sum() / n
    ds = (p - q) / (n * temperature)
    return loss, X.T @ ds, ds.sum(axis=0)


# %% wrong clips_the_probabilities (passes the visible tests)
# log(p + 1e-12) hides how wrong a very sure classifier is
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (p - q) / (n * temperature)
    return -(q * np.log(p + 1e-12)).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong one_maximum_for_the_batch (passes the visible tests)
# subtracting the batch's largest score empties the rows whose scores are much smaller
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max()
    with np.errstate(all="ignore"):
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) / (n * temperature)
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong smooths_the_probabilities_too (passes the visible tests)
# the target is smoothed twice
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    q = (1 - smoothing) * q + smoothing / C
    ds = (np.exp(log_p) - q) / (n * temperature)
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong changes_the_bias (passes the visible tests)
# in-place division of an argument, made good only for floating point scores
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    b /= temperature
    z = X @ W / temperature + b
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) / (n * temperature)
    if X.dtype == float:
        b *= temperature
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong temperature_missing_in_the_gradient
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) / n
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong one_hot_in_the_gradient
# the loss is smoothed, its gradient is not
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = np.exp(log_p)
    ds[np.arange(n), y] -= 1
    ds /= n * temperature
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% wrong softmax_over_the_batch
# axis 0 instead of axis 1
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    n, C = len(X), W.shape[1]
    z = (X @ W + b) / temperature
    z = z - z.max(axis=0)
    log_p = z - np.log(np.exp(z).sum(axis=0))
    q = np.full((n, C), smoothing / C)
    q[np.arange(n), y] += 1 - smoothing
    ds = (np.exp(log_p) - q) / (n * temperature)
    return -(q * log_p).sum() / n, X.T @ ds, ds.sum(axis=0)


# %% book plain_cross_entropy (passes the visible tests)
# chapter 3: softmax and cross-entropy with one-hot targets
def smoothed_softmax_loss(W, b, X, y, temperature, smoothing):
    scores = X @ W + b
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    ds = p.copy()
    ds[np.arange(len(y)), y] -= 1
    ds /= len(y)
    return loss, X.T @ ds, ds.sum(axis=0)
