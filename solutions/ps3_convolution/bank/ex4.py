# %% right through_patches
# gather patches, one product each way, scatter back with np.add.at
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    n, c, h, v = x.shape
    k, part, p, q = w.shape
    rows, columns = dout.shape[2:]
    big = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))).astype(float)
    i = stride * np.arange(rows)[:, None, None, None] + np.arange(p)[:, None]
    j = stride * np.arange(columns)[:, None, None] + np.arange(q)
    patches = big[:, :, i, j]  # (N, C, H', W', F_h, F_w)
    dbig, dw = np.zeros_like(big), np.zeros(w.shape)
    each = k // groups
    for g in range(groups):
        channels = slice(g * part, (g + 1) * part)
        d = dout[:, g * each : (g + 1) * each].astype(float)
        dw[g * each : (g + 1) * each] = np.tensordot(d, patches[:, channels], axes=((0, 2, 3), (0, 2, 3)))
        dpatches = np.tensordot(d, w[g * each : (g + 1) * each], axes=(1, 0))  # (N, H', W', C/G, F_h, F_w)
        np.add.at(dbig[:, channels], (slice(None), slice(None), i, j), dpatches.transpose(0, 3, 1, 2, 4, 5))
    return dbig[:, :, padding : padding + h, padding : padding + v], dw, dout.sum((0, 2, 3)).astype(float)


# %% right windows_of_the_spread_derivative
# dx is itself a convolution: spread dout out by the stride, flip the filters, slide them over it
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    n, c, h, v = x.shape
    k, part, p, q = w.shape
    rows, columns = dout.shape[2:]
    spread = np.zeros((n, k, h + 2 * padding + p - 1, v + 2 * padding + q - 1))
    spread[:, :, p - 1 : p - 1 + stride * rows : stride, q - 1 : q - 1 + stride * columns : stride] = dout
    view = np.lib.stride_tricks.sliding_window_view
    big = np.pad(x.astype(float), [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    windows = view(big, (p, q), axis=(2, 3))[:, :, ::stride, ::stride]
    dx, dw = [], []
    for g in range(groups):
        ks, cs = slice(g * k // groups, (g + 1) * k // groups), slice(g * part, (g + 1) * part)
        around = view(spread[:, ks], (p, q), axis=(2, 3))
        dx.append(np.einsum("nkhwij,kcij->nchw", around, w[ks, :, ::-1, ::-1], optimize=True))
        dw.append(np.einsum("nkhw,nchwij->kcij", dout[:, ks].astype(float), windows[:, cs], optimize=True))
    dx = np.concatenate(dx, axis=1)[:, :, padding : padding + h, padding : padding + v]
    return dx, np.concatenate(dw), np.einsum("nkhw->k", dout.astype(float))


# %% right with_pytorch
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    import torch

    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(len(w), dtype=torch.float64, requires_grad=True)
    out = torch.nn.functional.conv2d(x, w, b, stride=stride, padding=padding, groups=groups)
    out.backward(torch.tensor(dout, dtype=torch.float64))
    return x.grad.numpy(), w.grad.numpy(), b.grad.numpy()


# %% wrong overlaps_overwrite
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], big[place])
                dbig[place] = np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% wrong cuts_off_minus_zero (passes the visible tests)
# a[p:-p] is empty for p = 0
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], big[place])
                dbig[place] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t])
    return dbig[:, :, padding:-padding, padding:-padding], dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% wrong filter_flipped_for_the_pixels
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], big[place])
                dbig[place] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, -1 - s, -1 - t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3))


# %% wrong averages_over_the_batch
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], big[place]) / len(x)
                dbig[place] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3)) / len(x)


# %% wrong stride_forgotten_for_the_pixels (passes the visible tests)
# the derivative of the pixels is collected as if the stride were 1
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", dout[:, k], big[place])
                dbig[:, c, s : s + rows, t : t + columns] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% wrong always_the_first_group (passes the visible tests)
# every filter's derivative is computed with the channels of part 0
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part = x.shape[1] // groups
    for s in range(w.shape[2]):
        for t in range(w.shape[3]):
            place = np.s_[:, :part, s : s + stride * rows : stride, t : t + stride * columns : stride]
            dw[:, :, s, t] = np.einsum("nkij,ncij->kc", dout, big[place])
            dbig[place] += np.einsum("nkij,kc->ncij", dout, w[:, :, s, t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% wrong border_not_cut_off
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    for s in range(w.shape[2]):
        for t in range(w.shape[3]):
            place = np.s_[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride]
            dw[:, :, s, t] = np.einsum("nkij,ncij->kc", dout, big[place])
            dbig[place] += np.einsum("nkij,kc->ncij", dout, w[:, :, s, t])
    return dbig, dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% wrong keeps_small_integers (passes the visible tests)
# products of uint8 pixels and whole-number derivatives stay uint8
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    rows, columns = dout.shape[2:]
    big = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dbig, dw = np.zeros(big.shape), np.zeros(w.shape)
    part, each = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        c, k = slice(g * part, (g + 1) * part), slice(g * each, (g + 1) * each)
        for s in range(w.shape[2]):
            for t in range(w.shape[3]):
                place = np.s_[:, c, s : s + stride * rows : stride, t : t + stride * columns : stride]
                d = dout[:, k].astype(x.dtype)
                dw[k, :, s, t] = np.einsum("nkij,ncij->kc", d, big[place])
                dbig[place] += np.einsum("nkij,kc->ncij", dout[:, k], w[k, :, s, t])
    dx = dbig[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3)).astype(float)


# %% book one_group_through_columns (passes the visible tests)
# columns, one product, back again; one group, stride 1
def grouped_conv_backward(dout, x, w, groups, stride, padding):
    k, _, p, q = w.shape
    n, c, h, v = x.shape
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    rows, columns = dout.shape[2:]
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, k)
    patches = windows[:, :, :rows, :columns].transpose(0, 2, 3, 1, 4, 5).reshape(len(flat), -1)
    dw = (flat.T @ patches).reshape(k, c, p, q)
    dcols = (flat @ w.reshape(k, -1)).reshape(n, rows, columns, w.shape[1], p, q)
    dbig = np.zeros_like(big)
    for s in range(p):
        for t in range(q):
            dbig[:, :, s : s + rows, t : t + columns] += dcols[..., s, t].transpose(0, 3, 1, 2)
    return dbig[:, :, padding : padding + h, padding : padding + v], dw, flat.sum(axis=0)
