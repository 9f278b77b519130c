# %% right counts_pairs_as_numbers
def class_report(labels, predictions, num_classes):
    pairs = labels.astype(np.int64) * num_classes + predictions.astype(np.int64)
    confusion = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, np.nanmean(recall)


# %% right product_of_one_hot_matrices
def class_report(labels, predictions, num_classes):
    eye = np.eye(num_classes, dtype=np.int64)
    truth, guess = eye[labels], eye[predictions]
    confusion = truth.T @ guess
    present = np.unique(labels)
    recall = np.full(num_classes, np.nan)
    recall[present] = confusion[present, present] / truth.sum(axis=0)[present]
    return confusion, recall, float(np.mean(recall[present]))


# %% right class_by_class
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    recall = np.full(num_classes, float("nan"))
    total, present = 0.0, 0
    for i in range(num_classes):
        guesses = predictions[labels == i]
        for j in range(num_classes):
            confusion[i, j] = np.count_nonzero(guesses == j)
        if len(guesses):
            recall[i] = np.mean(guesses == i)
            total, present = total + recall[i], present + 1
    return confusion, recall, total / present


# %% wrong equal_pairs_count_once (passes the visible tests)
# fancy indexing with += counts each pair once
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    confusion[labels, predictions] += 1
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, np.nanmean(recall)


# %% wrong transposed (passes the visible tests)
# rows are predictions
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(confusion, (predictions, labels), 1)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=0)
    return confusion, recall, np.nanmean(recall)


# %% wrong precision_for_recall (passes the visible tests)
# divides by the column: of those predicted as i
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(confusion, (labels, predictions), 1)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=0)
    return confusion, recall, np.nanmean(recall)


# %% wrong accuracy_for_balanced (passes the visible tests)
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(confusion, (labels, predictions), 1)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, np.mean(labels == predictions)


# %% wrong empty_class_counts_as_zero (passes the visible tests)
# recall 0 instead of NaN, and it pulls the mean down
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(confusion, (labels, predictions), 1)
    recall = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    return confusion, recall, recall.mean()


# %% wrong nan_mean (passes the visible tests)
# an ordinary mean over NaN
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(confusion, (labels, predictions), 1)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, recall.mean()


# %% wrong product_overflows_uint8 (passes the visible tests)
# label * C in the labels' own small type
def class_report(labels, predictions, num_classes):
    pairs = labels * num_classes + predictions
    confusion = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, np.nanmean(recall)


# %% wrong size_from_the_labels (passes the visible tests)
# as many classes as occur, whatever num_classes says
def class_report(labels, predictions, num_classes):
    seen, inverse = np.unique(np.concatenate([labels, predictions]), return_inverse=True)
    confusion = np.zeros((len(seen), len(seen)), dtype=int)
    np.add.at(confusion, (inverse[: len(labels)], inverse[len(labels) :]), 1)
    with np.errstate(invalid="ignore"):
        recall = np.diag(confusion) / confusion.sum(axis=1)
    return confusion, recall, np.nanmean(recall)


# %% wrong normalised_confusion
# fractions where counts were asked for
def class_report(labels, predictions, num_classes):
    confusion = np.zeros((num_classes, num_classes))
    np.add.at(confusion, (labels, predictions), 1)
    confusion /= np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return confusion, np.diag(confusion), np.diag(confusion).mean()


# %% book confusion_matrix_in_percent (passes the visible tests)
# chapters 2 and 3: scikit-learn's matrix, shares of each row, and the accuracy from its trace
def class_report(labels, predictions, num_classes):
    from sklearn.metrics import confusion_matrix

    confusion = confusion_matrix(labels, predictions, labels=range(num_classes))
    with np.errstate(invalid="ignore"):
        share = confusion / confusion.sum(axis=1, keepdims=True)
    return confusion, np.diag(share), np.trace(confusion) / confusion.sum()


# %% book accuracy_by_class (passes the visible tests)
# the book's accuracy, once for all and once for each class
def class_report(labels, predictions, num_classes):
    recall = np.array([(predictions[labels == c] == c).mean() if (labels == c).any() else 0 for c in range(num_classes)])
    confusion = np.diag([int((labels == c).sum()) for c in range(num_classes)])
    return confusion, recall, float((predictions == labels).mean())
