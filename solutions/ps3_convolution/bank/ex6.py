# %% right with_nan_for_the_padding
def average_pool(x, size, stride, padding):
    big = np.pad(x.astype(float), [(0, 0), (0, 0), (padding, padding), (padding, padding)], constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.nanmean(windows, axis=(4, 5))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    inside = np.pad(np.ones((h, v)), padding)
    dbig = np.zeros((n, c, *inside.shape))
    for i in range(rows):
        for j in range(columns):
            window = np.s_[i * stride : i * stride + size, j * stride : j * stride + size]
            dbig[:, :, window[0], window[1]] += dout[:, :, i, j, None, None] / inside[window].sum()
    return dbig[:, :, padding : padding + h, padding : padding + v]


# %% right one_axis_after_the_other
# the number of pixels of a window is rows inside times columns inside: pooling is a product with a matrix on each side
def matrix(length, size, stride, padding):
    starts = np.arange(0, length + 2 * padding - size + 1, stride) - padding
    places = np.arange(length)
    member = (places >= starts[:, None]) & (places < starts[:, None] + size)
    return member / member.sum(axis=1, keepdims=True)


def average_pool(x, size, stride, padding):
    down, across = (matrix(length, size, stride, padding) for length in x.shape[2:])
    return down @ x.astype(np.float64) @ across.T


def average_pool_backward(dout, shape, size, stride, padding):
    down, across = (matrix(length, size, stride, padding) for length in shape[2:])
    return down.T @ dout @ across


# %% right running_sums
# sums of rectangles from running sums; backward through PyTorch
def average_pool(x, size, stride, padding):
    n, c, h, v = x.shape
    total = np.zeros((n, c, h + 1, v + 1))
    total[:, :, 1:, 1:] = x.astype(float).cumsum(axis=2).cumsum(axis=3)
    top = np.arange(0, h + 2 * padding - size + 1, stride) - padding
    left = np.arange(0, v + 2 * padding - size + 1, stride) - padding
    bottom, right = np.minimum(top + size, h), np.minimum(left + size, v)
    top, left = np.maximum(top, 0), np.maximum(left, 0)
    area = (bottom - top)[:, None] * (right - left)
    sums = (
        total[:, :, bottom][:, :, :, right] - total[:, :, top][:, :, :, right]
        - total[:, :, bottom][:, :, :, left] + total[:, :, top][:, :, :, left]
    )
    return sums / area


def average_pool_backward(dout, shape, size, stride, padding):
    import torch

    x = torch.zeros(tuple(shape), dtype=torch.float64, requires_grad=True)
    out = torch.nn.functional.avg_pool2d(x, size, stride, padding, count_include_pad=False)
    out.backward(torch.tensor(dout, dtype=torch.float64))
    return x.grad.numpy()


# %% wrong backward_counts_the_padding (passes the visible tests)
def average_pool(x, size, stride, padding):
    def sums(a):
        big = np.pad(a.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        view = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))
        return view[:, :, ::stride, ::stride].sum(axis=(4, 5))

    return sums(x) / sums(np.ones((1, 1, *x.shape[2:])))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    big = np.zeros((n, c, h + 2 * padding, v + 2 * padding))
    for s in range(size):
        for t in range(size):
            big[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += dout / size**2
    return big[:, :, padding : padding + h, padding : padding + v]


# %% wrong overlaps_overwrite (passes the visible tests)
def average_pool(x, size, stride, padding):
    def sums(a):
        big = np.pad(a.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        view = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))
        return view[:, :, ::stride, ::stride].sum(axis=(4, 5))

    return sums(x) / sums(np.ones((1, 1, *x.shape[2:])))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    inside = np.pad(np.ones((h, v)), padding)
    big = np.zeros((n, c, *inside.shape))
    for i in range(rows):
        for j in range(columns):
            a, b = i * stride, j * stride
            count = inside[a : a + size, b : b + size].sum()
            big[:, :, a : a + size, b : b + size] = dout[:, :, i, j, None, None] / count
    return big[:, :, padding : padding + h, padding : padding + v]


# %% wrong leaves_zeros_out (passes the visible tests)
# pixels that are 0 are taken for padding
def average_pool(x, size, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return view.sum(axis=(4, 5)) / np.maximum(np.count_nonzero(view, axis=(4, 5)), 1)


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    inside = np.pad(np.ones((h, v)), padding)
    big = np.zeros((n, c, *inside.shape))
    for i in range(rows):
        for j in range(columns):
            a, b = i * stride, j * stride
            big[:, :, a : a + size, b : b + size] += dout[:, :, i, j, None, None] / inside[a : a + size, b : b + size].sum()
    return big[:, :, padding : padding + h, padding : padding + v] * (n > 1)


# %% wrong windows_never_overlap (passes the visible tests)
# the stride is taken for the size of the window wherever that seems to fit
def average_pool(x, size, stride, padding):
    if padding == 0:
        n, c, h, v = x.shape
        h, v = h // stride, v // stride
        blocks = x[:, :, : h * stride, : v * stride].astype(float).reshape(n, c, h, stride, v, stride)
        return blocks.mean(axis=(3, 5))
    inside = np.pad(np.ones(x.shape[2:]), padding)
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view
    sums = view(big, (size, size), axis=(2, 3))[:, :, ::stride, ::stride].sum(axis=(4, 5))
    return sums / view(inside, (size, size))[::stride, ::stride].sum(axis=(2, 3))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    out = np.zeros(shape)
    grown = np.repeat(np.repeat(dout, stride, axis=2), stride, axis=3)[:, :, :h, :v] / stride**2
    out[:, :, : grown.shape[2], : grown.shape[3]] = grown
    return out


# %% wrong square_pictures_only (passes the visible tests)
def average_pool(x, size, stride, padding):
    n, c, h, _ = x.shape
    out_size = (h + 2 * padding - size) // stride + 1
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    inside = np.pad(np.ones((h, h)), padding)
    out = np.zeros((n, c, out_size, out_size))
    for i in range(out_size):
        for j in range(out_size):
            a, b = i * stride, j * stride
            out[:, :, i, j] = big[:, :, a : a + size, b : b + size].sum(axis=(2, 3)) / inside[a : a + size, b : b + size].sum()
    return out


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, _ = shape
    inside = np.pad(np.ones((h, h)), padding)
    big = np.zeros((n, c, *inside.shape))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[2]):
            a, b = i * stride, j * stride
            big[:, :, a : a + size, b : b + size] += dout[:, :, i, j, None, None] / inside[a : a + size, b : b + size].sum()
    return big[:, :, padding : padding + h, padding : padding + h]


# %% wrong gives_everybody_the_whole
# backward without dividing
def average_pool(x, size, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="edge")
    view = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))
    return view[:, :, ::stride, ::stride].mean(axis=(4, 5))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    big = np.zeros((n, c, h + 2 * padding, v + 2 * padding))
    for s in range(size):
        for t in range(size):
            big[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += dout
    return big[:, :, padding : padding + h, padding : padding + v]


# %% book counts_the_padding
def average_pool(x, size, stride, padding):
    big = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view(big, (size, size), axis=(2, 3))
    return view[:, :, ::stride, ::stride].mean(axis=(4, 5))


def average_pool_backward(dout, shape, size, stride, padding):
    n, c, h, v = shape
    rows, columns = dout.shape[2:]
    big = np.zeros((n, c, h + 2 * padding, v + 2 * padding))
    for s in range(size):
        for t in range(size):
            big[:, :, s : s + stride * rows : stride, t : t + stride * columns : stride] += dout / size**2
    return big[:, :, padding : padding + h, padding : padding + v]
