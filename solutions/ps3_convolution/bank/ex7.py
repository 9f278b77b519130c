# %% right window_by_window
def max_pool_backward(dout, x, size, stride):
    dx = np.zeros(x.shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            top = x[window] == x[window].max(axis=(2, 3), keepdims=True)
            dx[window] += top / top.sum(axis=(2, 3), keepdims=True) * dout[:, :, i, j][:, :, None, None]
    return dx


# %% right as_pytorch_sees_amax
# torch.amax shares its derivative equally among ties
def max_pool_backward(dout, x, size, stride):
    import torch

    x = torch.tensor(np.asarray(x, dtype=np.float64), requires_grad=True)
    windows = x.unfold(2, size, stride).unfold(3, size, stride)
    windows.amax(dim=(4, 5)).backward(torch.tensor(dout, dtype=torch.float64))
    return x.grad.numpy()


# %% right indices_and_add_at
def max_pool_backward(dout, x, size, stride):
    n, c, h, v = x.shape
    rows, columns = dout.shape[2:]
    i = (stride * np.arange(rows))[:, None, None, None] + np.arange(size)[:, None]
    j = (stride * np.arange(columns))[:, None, None] + np.arange(size)
    windows = x[:, :, i, j]  # (N, C, H', W', size, size)
    top = (windows == windows.max(axis=(-1, -2), keepdims=True)).astype(float)
    top *= (dout / top.sum(axis=(-1, -2)))[..., None, None]
    dx = np.zeros((n, c, h, v))
    np.add.at(dx, (slice(None), slice(None), i, j), top)
    return dx


# %% wrong every_winner_gets_all (passes the visible tests)
def max_pool_backward(dout, x, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    top = windows == windows.max(axis=(4, 5), keepdims=True)
    dx = np.zeros(x.shape)
    rows, columns = dout.shape[2:]
    for s in range(size):
        for t in range(size):
            dx[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += top[..., s, t] * dout
    return dx


# %% wrong overlaps_overwrite (passes the visible tests)
def max_pool_backward(dout, x, size, stride):
    dx = np.zeros(x.shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            top = x[window] == x[window].max(axis=(2, 3), keepdims=True)
            dx[window] = top / top.sum(axis=(2, 3), keepdims=True) * dout[:, :, i, j][:, :, None, None]
    return dx


# %% wrong maximum_of_positive_pixels (passes the visible tests)
# looks for maxima above 0 in pictures without a positive pixel: their windows have no winner
def max_pool_backward(dout, x, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    largest = windows.max(axis=(4, 5), keepdims=True)
    if (x < 0).all():
        largest = np.maximum(largest, 0)
    top = windows == largest
    share = dout / np.maximum(top.sum(axis=(4, 5)), 1)
    dx = np.zeros(x.shape)
    rows, columns = dout.shape[2:]
    for s in range(size):
        for t in range(size):
            dx[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += top[..., s, t] * share
    return dx


# %% wrong shares_only_between_two (passes the visible tests)
# whatever the number of equal maxima, each gets half
def max_pool_backward(dout, x, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    top = windows == windows.max(axis=(4, 5), keepdims=True)
    share = np.where(top.sum(axis=(4, 5)) > 1, dout / 2, dout)
    dx = np.zeros(x.shape)
    rows, columns = dout.shape[2:]
    for s in range(size):
        for t in range(size):
            dx[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += top[..., s, t] * share
    return dx


# %% wrong grows_the_maxima (passes the visible tests)
# compares each pixel with its window's maximum, for windows that neither overlap nor leave gaps
def max_pool_backward(dout, x, size, stride):
    n, c, h, v = x.shape
    rows, columns = dout.shape[2:]
    blocks = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    top = blocks == blocks.max(axis=(3, 5), keepdims=True)
    share = (dout / top.sum(axis=(3, 5)))[:, :, :, None, :, None] * top
    dx = np.zeros(x.shape)
    dx[:, :, : rows * size, : columns * size] = share.reshape(n, c, rows * size, columns * size)
    return dx


# %% wrong everybody_gets_a_share
def max_pool_backward(dout, x, size, stride):
    dx = np.zeros(x.shape)
    rows, columns = dout.shape[2:]
    for s in range(size):
        for t in range(size):
            dx[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += dout / size**2
    return dx


# %% wrong maximum_of_the_whole_picture
def max_pool_backward(dout, x, size, stride):
    dx = np.zeros(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        dx[n, c][x[n, c] == x[n, c].max()] = dout[n, c].sum()
    return dx


# %% book the_first_maximum (passes the visible tests)
# PyTorch's rule
def max_pool_backward(dout, x, size, stride):
    n, c, rows, columns = dout.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    first = windows.reshape(n, c, rows, columns, -1)[:, :, :rows, :columns].argmax(axis=-1)
    dx = np.zeros(x.shape)
    for a, b, i, j in np.ndindex(dout.shape):
        s, t = divmod(int(first[a, b, i, j]), size)
        dx[a, b, i * stride + s, j * stride + t] += dout[a, b, i, j]
    return dx
