# %% right picture_by_picture
# collects all scores and labels first; pairs from a symmetric matrix
def evaluate(model, batches, num_classes):
    modes = {name: module.training for name, module in model.named_modules()}
    all_scores, all_labels = [], []
    try:
        for module in model.modules():
            module.training = False
        for x, y in batches:
            with torch.no_grad():
                all_scores.append(model(x))
            all_labels.append(y)
    finally:
        for name, module in model.named_modules():
            module.training = modes[name]
    if sum(map(len, all_labels)) == 0:
        raise ValueError("no pictures")
    scores, labels = torch.cat(all_scores).double(), torch.cat(all_labels)
    losses = scores.logsumexp(dim=1) - scores.gather(1, labels[:, None])[:, 0]
    truth, guess = F.one_hot(labels, num_classes), F.one_hot(scores.argmax(dim=1), num_classes)
    return float(losses.mean()), (truth.T @ guess).numpy()


def confused_pairs(confusion, k):
    table = confusion.astype(np.float64)
    both = np.triu(table + table.T, 1)
    of = table.sum(axis=1)[:, None] + table.sum(axis=1)
    rates = np.divide(both, of, out=np.zeros_like(both), where=of > 0)
    order = np.argsort(-rates, axis=None, kind="stable")[:k]
    found = [(int(i) // len(table), int(i) % len(table)) for i in order]
    return [(a, b, float(rates[a, b])) for a, b in found if rates[a, b] > 0]


# %% right on_a_copy
# judges a deep copy: nothing can happen to the network
def evaluate(model, batches, num_classes):
    twin = copy.deepcopy(model).eval()
    for mine, theirs in zip(twin.modules(), model.modules()):
        if hasattr(mine, "calls"):
            mine.calls = theirs.calls
    counts = {}
    total, seen = 0.0, 0
    for x, y in batches:
        with torch.no_grad():
            log_p = F.log_softmax(twin(x), dim=-1)
        total -= log_p[torch.arange(len(y)), y].sum().item()
        seen += len(y)
        for pair in zip(y.tolist(), log_p.argmax(-1).tolist()):
            counts[pair] = counts.get(pair, 0) + 1
    if seen == 0:
        raise ValueError("no pictures")
    confusion = np.zeros((num_classes, num_classes), dtype=np.int64)
    for (truth, guess), count in counts.items():
        confusion[truth, guess] = count
    return total / seen, confusion


def confused_pairs(confusion, k):
    import heapq
    import itertools

    def entries():
        for a, b in itertools.combinations(range(len(confusion)), 2):
            wrong = int(confusion[a, b]) + int(confusion[b, a])
            if wrong:
                yield -wrong / int(confusion[[a, b]].sum()), a, b

    return [(a, b, -rate) for rate, a, b in heapq.nsmallest(k, entries())]


# %% right running_means
# a running mean, updated batch by batch with its weight; a context manager for the modes
import contextlib


@contextlib.contextmanager
def judging(model):
    before = [module.training for module in model.modules()]
    model.train(False)
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in zip(model.modules(), before):
            module.training = mode


def evaluate(model, batches, num_classes):
    mean, seen = 0.0, 0
    confusion = np.zeros((num_classes, num_classes), dtype=np.int64)
    with judging(model):
        for x, y in batches:
            scores = model(x)
            seen += len(y)
            mean += (F.cross_entropy(scores, y).item() - mean) * len(y) / seen
            for t in range(num_classes):
                confusion[t] += np.bincount(scores.argmax(1)[y == t].numpy(), minlength=num_classes)
    if not seen:
        raise ValueError("no pictures")
    return mean, confusion


def confused_pairs(confusion, k):
    rates = []
    for b in range(len(confusion)):
        for a in range(b):
            pair = confusion[np.ix_([a, b], [a, b])]
            wrong = int(pair[0, 1]) + int(pair[1, 0])
            if wrong > 0:
                rates.append((a, b, wrong / float(confusion[a].sum() + confusion[b].sum())))
    rates.sort()
    rates.sort(key=lambda entry: entry[2], reverse=True)
    return rates[:k]


# %% wrong mean_of_batch_means (passes the visible tests)
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    count = 0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y).item()
                count += 1
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / count, confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong everything_wakes_up (passes the visible tests)
# model.train() at the end, whatever was before
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        model.train()
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong modes_lost_by_an_exception (passes the visible tests)
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    except ZeroDivisionError:
        pass
    for m in awake:
        m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong gradients_followed
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.enable_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong rows_are_predictions (passes the visible tests)
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (scores.argmax(1).numpy(), y.numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong batches_counted_first (passes the visible tests)
# goes through the batches twice
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    if sum(len(y) for _, y in batches) == 0:
        raise ValueError("no pictures")
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    return total / max(1, int(confusion.sum())), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong rate_of_one_direction (passes the visible tests)
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong of_all_pictures (passes the visible tests)
# the share of all pictures instead of those of the two classes
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(confusion.sum())) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong ties_by_the_last_class (passes the visible tests)
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[1], p[0]))[:k]


# %% wrong training_mode
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.train()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum").item()
                np.add.at(confusion, (y.numpy(), scores.argmax(1).numpy()), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% wrong argmax_over_the_batch
def evaluate(model, batches, num_classes):
    awake = [m for m in model.modules() if m.training]
    model.eval()
    confusion, total = np.zeros((num_classes, num_classes), dtype=np.int64), 0.0
    try:
        with torch.no_grad():
            for x, y in batches:
                scores = model(x)
                total += F.cross_entropy(scores, y, reduction="sum")
                np.add.at(confusion, (y.numpy(), scores.argmax(0).numpy()[np.arange(len(y)) % scores.shape[1]] % scores.shape[1]), 1)
    finally:
        for m in awake:
            m.training = True
    if not confusion.sum():
        raise ValueError("no pictures")
    return total / int(confusion.sum()), confusion


def confused_pairs(confusion, k):
    n, c = confusion.sum(axis=1), len(confusion)
    pairs = [(a, b, float(confusion[a, b] + confusion[b, a])) for a in range(c) for b in range(a + 1, c)]
    pairs = [(a, b, wrong / float(n[a] + n[b])) for a, b, wrong in pairs if wrong]
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:k]


# %% book evaluation_of_the_course (passes the visible tests)
# the book's evaluation: one mode for the whole network, means of batches weighted equally
def evaluate(model, batches, num_classes):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        outputs, labels = zip(*[(model(x), y) for x, y in batches])
    model.train(was_training)
    outputs, labels = torch.cat(outputs), torch.cat(labels)
    confusion = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(confusion, (labels.numpy(), outputs.argmax(1).numpy()), 1)
    return F.cross_entropy(outputs, labels).item(), confusion


def confused_pairs(confusion, k):
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(wrong, axis=None)[::-1][:k]
    pairs = [divmod(int(i), len(confusion)) for i in order]
    return [(min(p), max(p), float(wrong[p] / confusion.sum())) for p in pairs]
