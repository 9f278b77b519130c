# %% right one_filter_with_many_zeros
# spread each group's filters over all channels, zero outside the group, then one ordinary convolution
def grouped_conv(x, w, b, groups, stride, padding):
    n, c, h, v = x.shape
    k, part, p, q = w.shape
    wide = np.zeros((k, c, p, q))
    for f in range(k):
        first = f // (k // groups) * part
        wide[f, first : first + part] = w[f]
    big = np.zeros((n, c, h + 2 * padding, v + 2 * padding))
    big[:, :, padding : padding + h, padding : padding + v] = x
    rows, columns = (h + 2 * padding - p) // stride + 1, (v + 2 * padding - q) // stride + 1
    out = np.zeros((n, k, rows, columns))
    for s in range(p):
        for t in range(q):
            piece = big[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride]
            out += np.tensordot(wide[:, :, s, t], piece, axes=(1, 1)).transpose(1, 0, 2, 3)
    return out + b[:, None, None]


# %% right a_new_axis_for_groups
def grouped_conv(x, w, b, groups, stride, padding):
    n, c = x.shape[:2]
    k, part, p, q = w.shape
    big = np.pad(np.asarray(x, float), [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    view = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))[:, :, ::stride, ::stride]
    view = view.reshape(n, groups, part, *view.shape[2:])
    out = np.einsum("ngchwij,gkcij->ngkhw", view, w.reshape(groups, k // groups, part, p, q), optimize=True)
    return out.reshape(n, k, *out.shape[3:]) + b.reshape(-1, 1, 1)


# %% right patches_and_a_product_for_each_group
def grouped_conv(x, w, b, groups, stride, padding):
    n, c, h, v = x.shape
    k, part, p, q = w.shape
    big = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))).astype(float)
    rows, columns = (big.shape[2] - p) // stride + 1, (big.shape[3] - q) // stride + 1
    i = stride * np.arange(rows)[:, None, None, None] + np.arange(p)[:, None]
    j = stride * np.arange(columns)[:, None, None] + np.arange(q)
    patches = big[:, :, i, j]  # (N, C, H', W', F_h, F_w)
    out = np.empty((n, k, rows, columns))
    for g in range(groups):
        mine = patches[:, g * part : (g + 1) * part].transpose(0, 2, 3, 1, 4, 5).reshape(n, rows, columns, -1)
        mine = mine @ w[g * k // groups : (g + 1) * k // groups].reshape(k // groups, -1).T
        out[:, g * k // groups : (g + 1) * k // groups] = mine.transpose(0, 3, 1, 2)
    return out + b[:, None, None]


# %% wrong every_other_channel (passes the visible tests)
# part g holds the channels g, g + groups, g + 2 * groups, ...
def grouped_conv(x, w, b, groups, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    parts = np.split(w, groups)
    out = [np.einsum("nchwij,kcij->nkhw", windows[:, g::groups], parts[g], optimize=True) for g in range(groups)]
    return np.concatenate(out, axis=1) + b[:, None, None]


# %% wrong filters_dealt_in_turn (passes the visible tests)
# filter f sees the channels of part f % groups
def grouped_conv(x, w, b, groups, stride, padding):
    part = w.shape[1]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    out = []
    for f in range(len(w)):
        first = f % groups * part
        out.append(np.einsum("nchwij,cij->nhw", windows[:, first : first + part], w[f], optimize=True))
    return np.stack(out, axis=1) + b[:, None, None]


# %% wrong square_pictures_only (passes the visible tests)
def grouped_conv(x, w, b, groups, stride, padding):
    n, c, h, _ = x.shape
    k, part, p, _ = w.shape
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size = (h + 2 * padding - p) // stride + 1
    out = np.zeros((n, k, size, size))
    for g in range(groups):
        for s in range(p):
            for t in range(p):
                piece = big[:, g * part : (g + 1) * part, s : s + stride * size : stride, t : t + stride * size : stride]
                mine = slice(g * k // groups, (g + 1) * k // groups)
                out[:, mine] += np.einsum("nchw,kc->nkhw", piece, w[mine, :, s, t])
    return out + b[:, None, None]


# %% wrong windows_over_the_rim (passes the visible tests)
# pixels left over at the end get a window of their own, filled up with zeros
def grouped_conv(x, w, b, groups, stride, padding):
    p, q = w.shape[2:]
    height, width = x.shape[2] + 2 * padding, x.shape[3] + 2 * padding
    more_rows, more_columns = -(height - p) % stride, -(width - q) % stride
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding + more_rows), (padding, padding + more_columns)))
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))[:, :, ::stride, ::stride]
    parts = zip(np.split(windows, groups, axis=1), np.split(w, groups), strict=True)
    out = [np.einsum("nchwij,kcij->nkhw", a, f, optimize=True) for a, f in parts]
    return np.concatenate(out, axis=1) + b[:, None, None]


# %% wrong depthwise_or_nothing (passes the visible tests)
# more than one group is taken for one channel a group
def grouped_conv(x, w, b, groups, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    if groups == 1:
        out = np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True)
    else:
        out = np.einsum("nkhwij,kij->nkhw", windows[:, : len(w)], w[: windows.shape[1], 0], optimize=True)
    return out + b[: out.shape[1], None, None]


# %% wrong keeps_small_integers (passes the visible tests)
def grouped_conv(x, w, b, groups, stride, padding):
    big = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    parts = zip(np.split(windows, groups, axis=1), np.split(w.astype(x.dtype), groups), strict=True)
    out = [np.einsum("nchwij,kcij->nkhw", a, f, dtype=x.dtype, casting="unsafe") for a, f in parts]
    return np.concatenate(out, axis=1).astype(float) + b[:, None, None]


# %% wrong pads_the_picture_in_place
# the border of the picture itself is set to zero instead of adding one
def grouped_conv(x, w, b, groups, stride, padding):
    x[:, :, 0, :] = x[:, :, -1, :] = x[:, :, :, 0] = x[:, :, :, -1] = 0
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,kcij->nkhw", windows[:, : w.shape[1]], w) + b[:, None, None]


# %% book one_group
def grouped_conv(x, w, b, groups, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    n, c, h, v = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * v, -1)
    out = columns @ w.reshape(len(w), -1).T + b
    return out.reshape(n, h, v, len(w)).transpose(0, 3, 1, 2)
