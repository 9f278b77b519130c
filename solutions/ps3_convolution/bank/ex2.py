# %% right adds_up_shifted_pictures
def mirrored_conv(x, w, b):
    n, c, h, v = x.shape
    k, _, p, q = w.shape
    rows = np.abs(np.arange(-((p - 1) // 2), h + p // 2))
    rows = np.where(rows >= h, 2 * (h - 1) - rows, rows)
    columns = np.abs(np.arange(-((q - 1) // 2), v + q // 2))
    columns = np.where(columns >= v, 2 * (v - 1) - columns, columns)
    big = x[:, :, rows][:, :, :, columns].astype(float)
    out = np.zeros((n, k, h, v))
    for s in range(p):
        for t in range(q):
            out += np.einsum("kc,nchw->nkhw", w[:, :, s, t], big[:, :, s : s + h, t : t + v])
    return out + b.reshape(1, k, 1, 1)


# %% right rows_of_patches_and_one_product
def mirrored_conv(x, w, b):
    n, c, h, v = x.shape
    k, _, p, q = w.shape
    big = np.pad(np.asarray(x, float), [(0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)], "reflect")
    patches = np.stack([big[:, :, s : s + h, t : t + v] for s in range(p) for t in range(q)], axis=2)
    patches = patches.reshape(n, c * p * q, h * v)
    out = w.reshape(k, -1) @ patches
    return out.reshape(n, k, h, v) + b[None, :, None, None]


# %% right with_pytorch
def mirrored_conv(x, w, b):
    import torch
    from torch.nn import functional as F

    p, q = w.shape[2:]
    big = F.pad(torch.tensor(x, dtype=torch.float64), ((q - 1) // 2, q // 2, (p - 1) // 2, p // 2), mode="reflect")
    w, b = torch.tensor(w, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    return F.conv2d(big, w, b).numpy()


# %% wrong repeats_the_border_pixel (passes the visible tests)
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]


# %% wrong goes_round_to_the_other_side (passes the visible tests)
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]


# %% wrong flips_the_filter (passes the visible tests)
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w[:, :, ::-1, ::-1], optimize=True) + b[:, None, None]


# %% wrong even_filters_look_up (passes the visible tests)
# F // 2 before and (F - 1) // 2 behind
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (p // 2, (p - 1) // 2), (q // 2, (q - 1) // 2)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]


# %% wrong keeps_small_integers (passes the visible tests)
# sums of uint8 pixels times whole-number weights stay uint8 and wrap around
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x, ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    out = np.einsum("nchwij,kcij->nkhw", windows, w.astype(x.dtype), dtype=x.dtype, casting="unsafe")
    return (out + b[:, None, None]).astype(float)


# %% wrong transposed_pictures (passes the visible tests)
# rows and columns are exchanged on the way
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    turned = x.transpose(0, 1, 3, 2).astype(float)
    big = np.pad(turned, ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    out = np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]
    return out.transpose(0, 1, 3, 2)


# %% wrong adds_the_bias_to_every_product
def mirrored_conv(x, w, b):
    p, q = w.shape[2:]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), ((p - 1) // 2, p // 2), ((q - 1) // 2, q // 2)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(big, (p, q), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + p * q * b[:, None, None]


# %% wrong without_padding
def mirrored_conv(x, w, b):
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, w, optimize=True) + b[:, None, None]


# %% book zeros_at_the_border
def mirrored_conv(x, w, b):
    f = w.shape[2]
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (f // 2, f // 2), (f // 2, f // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(big, (f, f), axis=(2, 3))
    n, c, h, v = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * v, -1)
    out = columns @ w.reshape(len(w), -1).T + b
    return out.reshape(n, h, v, len(w)).transpose(0, 3, 1, 2)
