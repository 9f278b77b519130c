# %% right goes_on_dealing_after_each_class
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    hands = [[] for _ in range(num_folds)]
    player = int(rng.integers(num_folds))
    for label in rng.permutation(np.unique(labels)):
        for index in rng.permutation(np.flatnonzero(labels == label)):
            hands[player].append(int(index))
            player = (player + 1) % num_folds
    return [np.array(hand, dtype=int) for hand in hands]


# %% right left_over_to_the_smallest_folds
# whole rounds to everybody, what is left over to the folds that are smallest so far
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    folds = [np.empty(0, dtype=int) for _ in range(num_folds)]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        each, left = divmod(len(members), num_folds)
        sizes = np.array([len(fold) for fold in folds])
        lucky = set(np.lexsort((rng.random(num_folds), sizes))[:left].tolist())
        start = 0
        for number in range(num_folds):
            stop = start + each + (number in lucky)
            folds[number] = np.concatenate([folds[number], members[start:stop]])
            start = stop
    return folds


# %% right fold_number_by_rank
# lexsort by label, then chance; position modulo num_folds is the fold
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(labels)), labels))
    number = np.empty(len(labels), dtype=int)
    number[order] = (np.arange(len(labels)) + rng.integers(num_folds)) % num_folds
    return [np.flatnonzero(number == f) for f in range(num_folds)]


# %% wrong starts_again_with_the_first (passes the visible tests)
# each class begins with fold 0, which collects what is left over
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    folds = [[] for _ in range(num_folds)]
    for label in np.unique(labels):
        for i, index in enumerate(rng.permutation(np.flatnonzero(labels == label))):
            folds[i % num_folds].append(index)
    return [np.array(fold, dtype=int) for fold in folds]


# %% wrong not_shuffled (passes the visible tests)
# the deal is always the same
def stratified_folds(labels, num_folds, seed):
    order = np.argsort(labels, kind="stable")
    return [order[f::num_folds] for f in range(num_folds)]


# %% wrong shuffles_the_folds_only (passes the visible tests)
# which examples belong together never changes
def stratified_folds(labels, num_folds, seed):
    order = np.argsort(labels, kind="stable")
    return [order[f::num_folds] for f in np.random.default_rng(seed).permutation(num_folds)]


# %% wrong first_card_to_the_first_fold (passes the visible tests)
# with one example of the smallest label, that one is always in fold 0
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[::1] for c in np.unique(-labels) * -1])
    return [order[f::num_folds] for f in range(num_folds)]


# %% wrong labels_are_zero_to_c (passes the visible tests)
# labels that are not 0, 1, 2, ... are forgotten
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    pack = np.concatenate([rng.permutation(np.flatnonzero(labels == c)) for c in range(labels.max() + 1)])
    return [pack[f::num_folds] for f in rng.permutation(num_folds)]


# %% wrong drops_what_is_left_over (passes the visible tests)
# every fold gets the whole rounds of each class; the rest is dropped
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    folds = [[] for _ in range(num_folds)]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        each = len(members) // num_folds
        for f in range(num_folds):
            folds[f].extend(members[f * each : (f + 1) * each])
    return [np.array(fold, dtype=int) for fold in folds]


# %% wrong sorts_its_argument
# labels sorted in place: the indices no longer belong to the caller's order
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    chance = rng.permutation(len(labels))
    key = labels[chance]
    labels.sort()
    pack = chance[np.argsort(key, kind="stable")]
    return [pack[f::num_folds] for f in rng.permutation(num_folds)]


# %% wrong returns_labels
# the labels of each fold instead of the indices
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng(seed)
    chance = rng.permutation(len(labels))
    pack = chance[np.argsort(labels[chance], kind="stable")]
    return [labels[pack[f::num_folds]] for f in rng.permutation(num_folds)]


# %% wrong ignores_the_seed
# other folds at each call
def stratified_folds(labels, num_folds, seed):
    rng = np.random.default_rng()
    chance = rng.permutation(len(labels))
    pack = chance[np.argsort(labels[chance], kind="stable")]
    return [pack[f::num_folds] for f in rng.permutation(num_folds)]


# %% book shuffled_blocks (passes the visible tests)
# chapter 2: shuffle and cut, whatever the classes
def stratified_folds(labels, num_folds, seed):
    return np.array_split(np.random.default_rng(seed).permutation(len(labels)), num_folds)
