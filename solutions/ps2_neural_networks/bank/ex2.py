# %% right one_long_arrow
def careful_step(params, grads, average, k, lr, reg, longest):
    arrow = np.concatenate([np.ravel(g).astype(float) for g in grads])
    unit = max(np.abs(arrow).max(), 1e-300)
    length = unit * np.linalg.norm(arrow / unit)
    if length > longest:
        arrow = arrow * (longest / length)
    new, start = [], 0
    for p in params:
        g = arrow[start : start + p.size].reshape(p.shape)
        start += p.size
        new.append(p - lr * g - (lr * reg * p if p.ndim > 1 else 0))
    if k == 1:
        return new, [p + 0 for p in new]
    return new, [((k - 1) * a + p) / k for a, p in zip(average, new, strict=True)]


# %% right hypotenuse_of_everything
# math.hypot adds squares without overflow
def careful_step(params, grads, average, k, lr, reg, longest):
    import math

    length = math.hypot(*(float(value) for g in grads for value in g.ravel()))
    factor = min(1.0, longest / length) if length > 0 else 1.0
    stepped, means = [], []
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        keep = 1.0 if len(p.shape) < 2 else 1.0 - lr * reg
        stepped.append(keep * p - lr * (factor * g))
        before = 0.0 if k == 1 else average[i]
        means.append(before + (stepped[i] - before) / k)
    return stepped, means


# %% right logarithms_of_lengths
def careful_step(params, grads, average, k, lr, reg, longest):
    with np.errstate(divide="ignore"):
        logs = np.concatenate([2 * np.log(np.abs(g.astype(float))).ravel() for g in grads])
    log_length = np.logaddexp.reduce(logs) / 2
    shrink = np.exp(min(0.0, np.log(longest) - log_length))
    params = [p - lr * (shrink * g + (0 if p.ndim < 2 else reg) * p * 1.0) for p, g in zip(params, grads, strict=True)]
    if average is None or k == 1:
        average = [np.zeros(p.shape) for p in params]
    return params, [a * (1 - 1 / k) + p / k for a, p in zip(average, params, strict=True)]


# %% wrong squares_overflow (passes the visible tests)
def careful_step(params, grads, average, k, lr, reg, longest):
    length = np.sqrt(sum((g.astype(float) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * factor * g for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong biases_decay_too (passes the visible tests)
def careful_step(params, grads, average, k, lr, reg, longest):
    unit = max([np.abs(g).max() for g in grads] + [1e-300])
    length = unit * np.sqrt(sum(((g / unit) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    new = [(1 - lr * reg) * p - lr * (factor * g) for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong decays_after_the_step (passes the visible tests)
def careful_step(params, grads, average, k, lr, reg, longest):
    unit = max([np.abs(g).max() for g in grads] + [1e-300])
    length = unit * np.sqrt(sum(((g / unit) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    new = []
    for p, g in zip(params, grads, strict=True):
        moved = p - lr * (factor * g)
        new.append(moved * (1 - lr * reg) if p.ndim > 1 else moved)
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong clips_the_decay_as_well (passes the visible tests)
def careful_step(params, grads, average, k, lr, reg, longest):
    full = [g + reg * p if p.ndim > 1 else g for p, g in zip(params, grads, strict=True)]
    unit = max([np.abs(g).max() for g in full] + [1e-300])
    length = unit * np.sqrt(sum(((g / unit) ** 2).sum() for g in full))
    factor = longest / length if length > longest else 1.0
    new = [p - lr * (factor * g) for p, g in zip(params, full, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong forgets_old_steps (passes the visible tests)
# an exponential average: the latest steps count more
def careful_step(params, grads, average, k, lr, reg, longest):
    unit = max([np.abs(g).max() for g in grads] + [1e-300])
    length = unit * np.sqrt(sum(((g / unit) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * (factor * g) for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [0.9 * a + 0.1 * p for a, p in zip(average, new, strict=True)]


# %% wrong counts_the_start (passes the visible tests)
def careful_step(params, grads, average, k, lr, reg, longest):
    unit = max([np.abs(g).max() for g in grads] + [1e-300])
    length = unit * np.sqrt(sum(((g / unit) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * (factor * g) for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / (k + 1) for a, p in zip(average, new, strict=True)]


# %% wrong square_of_the_length (passes the visible tests)
# compares with the sum of squares, without its root
def careful_step(params, grads, average, k, lr, reg, longest):
    squares = sum((g.astype(float) ** 2).sum() for g in grads)
    factor = longest / squares if squares > longest else 1.0
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * factor * g for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong clips_each_array
def careful_step(params, grads, average, k, lr, reg, longest):
    new = []
    for p, g in zip(params, grads, strict=True):
        length = np.linalg.norm(g)
        factor = longest / length if length > longest else 1.0
        new.append((1 - lr * reg * (p.ndim > 1)) * p - lr * factor * g)
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong clips_each_number
def careful_step(params, grads, average, k, lr, reg, longest):
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * np.clip(g, -longest, longest) for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong always_the_same_length
def careful_step(params, grads, average, k, lr, reg, longest):
    length = np.sqrt(sum((g.astype(float) ** 2).sum() for g in grads))
    new = [(1 - lr * reg * (p.ndim > 1)) * p - lr * longest / length * g for p, g in zip(params, grads, strict=True)]
    if k == 1:
        return new, [p.copy() for p in new]
    return new, [a + (p - a) / k for a, p in zip(average, new, strict=True)]


# %% wrong changes_the_parameters_in_place
def careful_step(params, grads, average, k, lr, reg, longest):
    length = np.sqrt(sum((g.astype(float) ** 2).sum() for g in grads))
    factor = longest / length if length > longest else 1.0
    for p, g in zip(params, grads, strict=True):
        p *= 1 - lr * reg * (p.ndim > 1)
        p -= lr * factor * g
    if k == 1:
        return params, [p.copy() for p in params]
    return params, [a + (p - a) / k for a, p in zip(average, params, strict=True)]


# %% book weight_decay
# chapter 4's step of mini-batch gradient descent
def careful_step(params, grads, average, k, lr, reg, longest):
    new = [p - lr * (g + reg * p) if p.ndim > 1 else p - lr * g for p, g in zip(params, grads, strict=True)]
    return new, [p.copy() for p in new]
