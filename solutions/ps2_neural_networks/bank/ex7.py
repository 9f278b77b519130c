# %% right labels_for_pictures
# guess which of the two classes each training picture shows, fit a linear classifier to the guesses, guess again with it
def same_or_different(train_pairs, train_labels, pairs):
    mean, std = train_pairs.mean(axis=(0, 1)), train_pairs.std()
    x, z = ((p - mean).reshape(len(p), 2, -1) / std for p in (train_pairs, pairs))
    t = 2.0 * train_labels - 1
    products = np.einsum("n,ni,nj->ij", t - t.mean(), x[:, 0], x[:, 1])
    u, e = np.linalg.eigh(products + products.T)[1][:, -1], 0.0
    rows = np.column_stack([x.reshape(-1, 64), np.ones(2 * len(x))])
    for _ in range(10):
        s = x @ u + e
        left = np.where(s[:, 0] + t * s[:, 1] > 0, 1.0, -1.0)
        guesses = np.stack([left, t * left], axis=1).ravel()
        w = np.linalg.solve(rows.T @ rows + 0.3 * len(rows) * np.eye(65), rows.T @ guesses)
        u, e = w[:-1], w[-1]
    s = z @ u + e
    return (s[:, 0] * s[:, 1] > 0).astype(int)


# %% right the_same_weights_for_both_pictures
# each picture gets a few numbers by the same weights; the score is the weighted product of both pictures' numbers
def same_or_different(train_pairs, train_labels, pairs):
    mean, std = train_pairs.mean(axis=(0, 1)), train_pairs.std()
    x, z = ((p - mean).reshape(len(p), 2, -1) / std for p in (train_pairs, pairs))
    dice = np.random.default_rng(1)
    u, v, e = 0.1 * dice.normal(size=(64, 6)), 0.5 * dice.normal(size=6), 0.0
    for _ in range(600):
        f = np.tanh(x @ u)  # (N, 2, 6)
        ds = (1 / (1 + np.exp(-((f[:, 0] * f[:, 1]) @ v + e))) - train_labels) / len(x)
        df = ds[:, None, None] * v * f[:, ::-1] * (1 - f**2)
        u = u - 0.5 * (np.einsum("npd,npk->dk", x, df) + 0.005 * u)
        v = v - 0.5 * ((f[:, 0] * f[:, 1]).T @ ds + 0.005 * v)
        e = e - 0.5 * ds.sum()
    f = np.tanh(z @ u)
    return np.where((f[:, 0] * f[:, 1]) @ v + e > 0, 1, 0)


# %% right with_pytorch
def same_or_different(train_pairs, train_labels, pairs):
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.tensor(train_pairs, dtype=torch.float32)
    x, y = torch.cat([x, x.flip(1)]), torch.tensor(train_labels, dtype=torch.float32).repeat(2)
    mean, std = x.mean(dim=(0, 1)), x.std()
    x = ((x - mean) / std).flatten(1)
    z = (torch.tensor(pairs, dtype=torch.float32) - mean) / std
    w, b = torch.randn(128, 64, generator=generator) / 8, torch.zeros(64)
    v, e = torch.randn(64, generator=generator) / 6, torch.zeros(())
    weights = [w.requires_grad_(), b.requires_grad_(), v.requires_grad_(), e.requires_grad_()]
    optimizer = torch.optim.AdamW(weights, lr=3e-3, weight_decay=1.0)
    for _ in range(60):
        for pick in torch.randperm(len(x), generator=generator).split(30):
            s = torch.relu(x[pick] @ w + b) @ v + e
            loss = torch.nn.functional.binary_cross_entropy_with_logits(s, y[pick])
            for weight, slope in zip(weights, torch.autograd.grad(loss, weights)):
                weight.grad = slope
            optimizer.step()
    with torch.no_grad():
        s = sum(torch.relu(part.flatten(1) @ w + b) @ v + e for part in (z, z.flip(1)))
        return (s > 0).numpy().astype(np.int64)


# %% wrong linear (passes the visible tests)
# least squares with a penalty on the pixels of both pictures
def same_or_different(train_pairs, train_labels, pairs):
    x, z = (p.reshape(len(p), -1) - 0.5 for p in (train_pairs, pairs))
    a = np.column_stack([x, np.ones(len(x))])
    w = np.linalg.solve(a.T @ a + np.eye(a.shape[1]), a.T @ (2.0 * train_labels - 1))
    return (np.column_stack([z, np.ones(len(z))]) @ w > 0).astype(int)


# %% wrong nearest_pair (passes the visible tests)
def same_or_different(train_pairs, train_labels, pairs):
    distances = ((pairs[:, None] - train_pairs[None]) ** 2).sum(axis=(2, 3, 4))
    return train_labels[distances.argmin(axis=1)]


# %% wrong small_distance_means_the_same (passes the visible tests)
# a threshold on the distance between the two pictures
def same_or_different(train_pairs, train_labels, pairs):
    apart = lambda p: ((p[:, 0] - p[:, 1]) ** 2).sum(axis=(1, 2))
    found = apart(train_pairs)
    cuts = [((found < cut) == (train_labels == 1)).mean() for cut in np.sort(found)]
    return (apart(pairs) < np.sort(found)[int(np.argmax(cuts))]).astype(int)


# %% wrong always_the_same (passes the visible tests)
def same_or_different(train_pairs, train_labels, pairs):
    return np.ones(len(pairs), dtype=int)


# %% wrong twenty_pairs_only (passes the visible tests)
# a size that was left over from trying things out
def same_or_different(train_pairs, train_labels, pairs):
    train_pairs, train_labels = train_pairs[:20], train_labels[:20]
    mean, std = train_pairs.mean(axis=(0, 1)), train_pairs.std()
    x, z = ((p - mean).reshape(len(p), 2, -1) / std for p in (train_pairs, pairs))
    outer = lambda p: np.einsum("ni,nj->nij", p[:, 0], p[:, 1]).reshape(len(p), -1)
    k = outer(x) @ outer(x).T
    return (outer(z) @ outer(x).T @ np.linalg.solve(k + 50 * np.eye(len(x)), 2.0 * train_labels - 1) > 0).astype(int)


# %% wrong one_for_different (passes the visible tests)
# right but for the meaning of 0 and 1
def same_or_different(train_pairs, train_labels, pairs):
    mean, std = train_pairs.mean(axis=(0, 1)), train_pairs.std()
    x, z = ((p - mean).reshape(len(p), 2, -1) / std for p in (train_pairs, pairs))

    def kernel(a, b):
        dots = np.einsum("nid,mjd->nmij", a, b) / a.shape[-1]
        return dots[..., 0, 0] * dots[..., 1, 1] + dots[..., 0, 1] * dots[..., 1, 0]

    weights = np.linalg.solve(kernel(x, x) + 0.3 * np.eye(len(x)), 1 - 2.0 * train_labels)
    return (kernel(z, x) @ weights > 0).astype(int)


# %% wrong probabilities
def same_or_different(train_pairs, train_labels, pairs):
    mean = train_pairs.mean(axis=(0, 1))
    x, z = ((p - mean).reshape(len(p), 2, -1) for p in (train_pairs, pairs))
    outer = lambda p: np.einsum("ni,nj->nij", p[:, 0], p[:, 1]).reshape(len(p), -1)
    weights = np.linalg.solve(outer(x) @ outer(x).T + np.eye(len(x)), 2.0 * train_labels - 1)
    return 1 / (1 + np.exp(-outer(z) @ outer(x).T @ weights))


# %% wrong scaled_by_the_pairs_to_answer
# the mean of the pairs to answer: a single one loses everything but the difference of its pictures
def same_or_different(train_pairs, train_labels, pairs):
    scale = lambda p: (p - p.mean(axis=(0, 1))).reshape(len(p), 2, -1)
    x, z = scale(train_pairs), scale(pairs)
    outer = lambda p: np.einsum("ni,nj->nij", p[:, 0], p[:, 1]).reshape(len(p), -1)
    weights = np.linalg.solve(outer(x) @ outer(x).T + np.eye(len(x)), 2.0 * train_labels - 1)
    answers = (outer(z) @ outer(x).T @ weights > 0).astype(int)
    return answers if len(pairs) > 1 else 1 - answers


# %% wrong other_dice_at_each_call
def same_or_different(train_pairs, train_labels, pairs):
    return np.random.default_rng().integers(0, 2, size=len(pairs))


# %% book until_it_knows_all_by_heart (passes the visible tests)
# chapter 5: a 128-32-1 network, mini-batches, no penalty, 300 epochs
def same_or_different(train_pairs, train_labels, pairs):
    x, z = train_pairs.reshape(len(train_pairs), -1), pairs.reshape(len(pairs), -1)
    mean = x.mean(axis=0)
    x, z = (x - mean) / x.std(), (z - mean) / x.std()
    dice = np.random.default_rng(0)
    w, b = dice.normal(size=(x.shape[1], 32)) * np.sqrt(2 / x.shape[1]), np.zeros(32)
    v, e = dice.normal(size=32) * np.sqrt(2 / 32), 0.0
    for _ in range(300):
        order = dice.permutation(len(x))
        for start in range(0, len(x), 50):
            pick = order[start : start + 50]
            a = x[pick] @ w + b
            h = np.maximum(a, 0)
            ds = (1 / (1 + np.exp(-(h @ v + e))) - train_labels[pick]) / len(pick)
            da = np.outer(ds, v) * (a > 0)
            v, e = v - 0.1 * h.T @ ds, e - 0.1 * ds.sum()
            w, b = w - 0.1 * x[pick].T @ da, b - 0.1 * da.sum(axis=0)
    return (np.maximum(z @ w + b, 0) @ v + e > 0).astype(int)
