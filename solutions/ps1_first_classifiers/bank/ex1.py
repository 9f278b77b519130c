# %% right picks_columns_and_broadcasts
import numpy as np


def standardized_distances(train, test):
    train, test = train.astype(float), test.astype(float)
    keep = np.ptp(train, axis=0) != 0
    train, test = train[:, keep], test[:, keep]
    mean, std = train.mean(0), train.std(0)
    difference = (test - mean)[:, None, :] / std - ((train - mean) / std)[None, :, :]
    return np.sqrt((difference * difference).sum(axis=2))


# %% right adds_one_feature_at_a_time
def standardized_distances(train, test):
    squared = np.zeros((len(test), len(train)))
    for column, other in zip(np.array(train, dtype=float).T, np.array(test, dtype=float).T):
        variance = ((column - column.mean()) ** 2).mean()
        if variance > 0:
            squared += (other[:, None] - column) ** 2 / variance
    return squared**0.5


# %% right weighted_inner_products
# ||a - b||^2 under the metric diag(1 / variance), the data only moved, never divided
def standardized_distances(train, test):
    center = np.mean(train, axis=0, dtype=np.float64)
    b, a = train - center, test - center
    variance = (b**2).mean(axis=0)
    weight = np.divide(1, variance, out=np.zeros_like(variance), where=variance > 0)
    squared = (a**2 @ weight)[:, None] + b**2 @ weight - 2 * (a * weight) @ b.T
    return np.sqrt(squared.clip(min=0))


# %% right complex_norm_by_linalg
def standardized_distances(train, test):
    train, test = np.float64(train), np.float64(test)
    std = np.std(train, axis=0)
    scale = np.where(std == 0, 0.0, 1 / np.where(std == 0, 1.0, std))
    return np.linalg.norm((test[:, None] - train) * scale, axis=-1)


# %% wrong statistics_of_each_set (passes the visible tests)
# the test set is scaled by its own mean and standard deviation
def standardized_distances(train, test):
    def scale(x):
        x = x.astype(float)
        std = x.std(axis=0)
        return (x - x.mean(axis=0)) / np.where(std == 0, 1, std)

    a, b = scale(test), scale(train)
    return np.sqrt(((a[:, None] - b) ** 2).sum(-1))


# %% wrong statistics_of_both_sets (passes the visible tests)
# training and test examples are pooled for the statistics
def standardized_distances(train, test):
    both = np.concatenate([train, test]).astype(float)
    std = both.std(axis=0)
    keep = std > 0
    return np.sqrt((((test[:, None, keep] - train[:, keep].astype(float)) / std[keep]) ** 2).sum(-1))


# %% wrong sample_standard_deviation (passes the visible tests)
# ddof = 1
def standardized_distances(train, test):
    std = train.std(axis=0, ddof=1)
    keep = std > 0
    return np.sqrt((((test[:, None, keep] - train[:, keep].astype(float)) / std[keep]) ** 2).sum(-1))


# %% wrong forgets_the_root (passes the visible tests)
def standardized_distances(train, test):
    train, test = train.astype(float), test.astype(float)
    keep = train.std(axis=0) > 0
    std = train[:, keep].std(axis=0)
    return (((test[:, None, keep] - train[:, keep]) / std) ** 2).sum(-1)


# %% wrong manhattan (passes the visible tests)
def standardized_distances(train, test):
    train, test = train.astype(float), test.astype(float)
    keep = train.std(axis=0) > 0
    std = train[:, keep].std(axis=0)
    return np.abs((test[:, None, keep] - train[:, keep]) / std).sum(-1)


# %% wrong small_number_in_the_divisor (passes the visible tests)
# a constant feature dominates as soon as a test example differs there
def standardized_distances(train, test):
    std = train.std(axis=0) + 1e-8
    return np.sqrt((((test[:, None].astype(float) - train) / std) ** 2).sum(-1))


# %% wrong changes_its_arguments (passes the visible tests)
# in-place arithmetic on the caller's arrays
def standardized_distances(train, test):
    if train.dtype != float:
        train, test = train.astype(float), test.astype(float)
    mean, std = train.mean(axis=0), train.std(axis=0)
    std[std == 0] = np.inf
    train -= mean
    train /= std
    test -= mean
    test /= std
    return np.sqrt(((test[:, None] - train) ** 2).sum(-1))


# %% wrong root_of_a_negative_number (passes the visible tests)
# the expanded square without protection
def standardized_distances(train, test):
    train, test = train.astype(float), test.astype(float)
    keep = train.std(axis=0) > 0
    mean, std = train[:, keep].mean(axis=0), train[:, keep].std(axis=0)
    a, b = (test[:, keep] - mean) / std, (train[:, keep] - mean) / std
    return np.sqrt((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T)


# %% wrong whole_numbers_wrap_around (passes the visible tests)
# differences of uint8 arrays
def standardized_distances(train, test):
    std = train.std(axis=0)
    keep = std > 0
    return np.sqrt((((test[:, None, keep] - train[:, keep]) / std[keep]) ** 2).sum(-1))


# %% wrong one_scale_for_all_features
# mean and standard deviation of the whole array
def standardized_distances(train, test):
    return np.sqrt((((test[:, None].astype(float) - train) / train.std()) ** 2).sum(-1))


# %% wrong statistics_along_rows
def standardized_distances(train, test):
    a = (test - test.mean(axis=1, keepdims=True)) / test.std(axis=1, keepdims=True)
    b = (train - train.mean(axis=1, keepdims=True)) / train.std(axis=1, keepdims=True)
    return np.sqrt(((a[:, None] - b) ** 2).sum(-1))


# %% wrong transposed
# rows and columns exchanged
def standardized_distances(train, test):
    train, test = train.astype(float), test.astype(float)
    keep = train.std(axis=0) > 0
    std = train[:, keep].std(axis=0)
    return np.sqrt((((train[:, None, keep] - test[:, keep]) / std) ** 2).sum(-1))


# %% book no_loop_distances
# chapter 2: Euclidean distances without loops, in the features' own units
def standardized_distances(train, test):
    train, test = train.astype(np.float64), test.astype(np.float64)
    squared = (test**2).sum(axis=1, keepdims=True) - 2 * test @ train.T + (train**2).sum(axis=1)
    return np.sqrt(np.maximum(squared, 0))
