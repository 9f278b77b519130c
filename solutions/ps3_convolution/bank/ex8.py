# %% right two_bars_and_what_is_around
def find_plus(pictures):
    n = len(pictures)
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    level, upright = windows[..., 2, :].mean(-1), windows[..., :, 2].mean(-1)
    outside = np.ones((5, 5), dtype=bool)
    outside[2, :] = outside[:, 2] = False
    answer = np.minimum(level, upright) - windows[..., outside].mean(-1)
    best = answer.reshape(n, -1).argmax(1)
    return np.column_stack([best // 28 + 2, best % 28 + 2])


# %% right four_filters_and_the_smallest_answer
# each filter asks for one arm, against the corners beside it
def find_plus(pictures):
    arm = np.zeros((5, 5))
    arm[:2, 2] = 1 / 2
    arm[:2, :2] = arm[:2, 3:] = -1 / 8
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    answers = [np.tensordot(windows, np.rot90(arm, turns), axes=((3, 4), (0, 1))) for turns in range(4)]
    smallest = np.min(answers, axis=0)
    best = smallest.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack(np.unravel_index(best, (28, 28)), axis=1) + 2


# %% right product_of_answers
# nearly zero wherever one arm is missing
def find_plus(pictures):
    h = (pictures[:, :, :-4] + pictures[:, :, 1:-3])[:, 2:-2] / 2
    k = (pictures[:, :, 3:-1] + pictures[:, :, 4:])[:, 2:-2] / 2
    u = (pictures[:, :-4] + pictures[:, 1:-3])[:, :, 2:-2] / 2
    d = (pictures[:, 3:-1] + pictures[:, 4:])[:, :, 2:-2] / 2
    w = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    rest = np.stack([w[..., a : a + 2, b : b + 2].mean((-1, -2)) for a in (0, 3) for b in (0, 3)]).max(0)
    product = np.ones(rest.shape)
    for arm in (h, k, u, d):
        product *= np.clip(arm - rest, 0, None)
    best = product.reshape(len(pictures), -1).argmax(1)
    return np.array([(2 + b // 28, 2 + b % 28) for b in best.tolist()])


# %% wrong one_zero_mean_filter (passes the visible tests)
def find_plus(pictures):
    plus = np.zeros((5, 5))
    plus[2, :] = plus[:, 2] = 1
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    answer = np.tensordot(windows, plus - plus.mean(), axes=((3, 4), (0, 1)))
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 28, best % 28], axis=1) + 2


# %% wrong plus_against_cross (passes the visible tests)
def find_plus(pictures):
    filter = -0.5 * np.ones((5, 5))
    filter[range(5), range(5)] = filter[range(5), range(4, -1, -1)] = -1
    filter[2, :] = filter[:, 2] = 1
    filter[2, 2] = 0
    filter -= filter.mean()
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    answer = (windows * filter).sum(axis=(-1, -2))
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 28, best % 28], axis=1) + 2


# %% wrong column_before_row
def find_plus(pictures):
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    level, upright = windows[..., 2, :].mean(-1), windows[..., :, 2].mean(-1)
    answer = np.minimum(level, upright) - windows.mean(axis=(-1, -2))
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best % 28, best // 28], axis=1) + 2


# %% wrong corner_instead_of_middle
def find_plus(pictures):
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    level, upright = windows[..., 2, :].mean(-1), windows[..., :, 2].mean(-1)
    answer = np.minimum(level, upright) - windows.mean(axis=(-1, -2))
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 28, best % 28], axis=1)


# %% wrong either_bar_is_enough (passes the visible tests)
def find_plus(pictures):
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))
    level, upright = windows[..., 2, :].mean(-1), windows[..., :, 2].mean(-1)
    answer = np.maximum(level, upright) - windows.mean(axis=(-1, -2))
    best = answer.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 28, best % 28], axis=1) + 2


# %% wrong middle_of_the_picture
def find_plus(pictures):
    return np.full((len(pictures), 2), 16)


# %% wrong scaled_by_the_whole_batch
def find_plus(pictures):
    scaled = (pictures - pictures.mean(axis=0)) / (pictures.std(axis=0) + 1e-9)
    best = scaled.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 32, best % 32], axis=1)


# %% wrong draws_into_the_pictures
def find_plus(pictures):
    pictures -= pictures.mean(axis=(1, 2), keepdims=True)
    best = pictures.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 32, best % 32], axis=1)


# %% book edges_and_the_brightest_answer (passes the visible tests)
# strength of edges by two Sobel filters, then the strongest
def find_plus(pictures):
    sobel = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))
    across, down = (np.einsum("nhwij,ij->nhw", windows, f) for f in (sobel, sobel.T))
    strength = np.hypot(across, down)
    best = strength.reshape(len(pictures), -1).argmax(axis=1)
    return np.stack([best // 30, best % 30], axis=1) + 1
