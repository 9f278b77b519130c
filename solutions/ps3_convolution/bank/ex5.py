# %% right from_the_largest_entry
# the row and the column through the entry of largest absolute value, then both to the same length
def separate(kernel):
    kernel = np.array(kernel, dtype=float)
    scale = np.abs(kernel).max()
    if scale == 0:
        return np.zeros(len(kernel)), np.zeros(kernel.shape[1])
    i, j = np.unravel_index(np.abs(kernel).argmax(), kernel.shape)
    column, row = kernel[:, j], kernel[i] / kernel[i, j]
    if (np.abs(np.outer(column, row) - kernel) > 1e-8 * scale).any():
        return None
    factor = np.sqrt(np.linalg.norm(row) / np.linalg.norm(column))
    return column * factor, row / factor


# %% right by_powers
# repeated multiplication finds the leading direction of K^T K
def separate(kernel):
    K = np.asarray(kernel, dtype=np.float64)
    largest = np.max(np.abs(K))
    if largest == 0.0:
        return np.zeros(K.shape[0]), np.zeros(K.shape[1])
    A = K / largest
    v = A[np.abs(A).sum(axis=1).argmax()].copy()
    for _ in range(200):
        v = A.T @ (A @ v)
        v /= np.linalg.norm(v)
    u = A @ v
    if np.max(np.abs(np.outer(u, v) - A)) > 1e-8:
        return None
    length = np.sqrt(np.linalg.norm(u) * largest)
    return u / np.linalg.norm(u) * length, v * length


# %% right by_minors
# a matrix is an outer product exactly if all its 2 x 2 determinants with one fixed largest entry vanish
def separate(kernel):
    kernel = np.asarray(kernel).astype(np.float64)
    flat = kernel.ravel()
    best = int(np.argmax(np.abs(flat)))
    if flat[best] == 0:
        return np.zeros(kernel.shape[0]), np.zeros(kernel.shape[1])
    a = kernel / flat[best]
    i, j = divmod(best, kernel.shape[1])
    minors = a - a[:, j : j + 1] * a[i : i + 1, :]
    if not np.allclose(minors, 0, rtol=0, atol=1e-8):
        return None
    column, row = a[:, j] * flat[best], a[i, :]
    c, r = np.sqrt((column**2).sum()), np.sqrt((row**2).sum())
    return column * np.sqrt(r / c), row * np.sqrt(c / r)


# %% wrong best_pair_of_any_kernel (passes the visible tests)
# the closest outer product, also where it is not close
def separate(kernel):
    u, s, vt = np.linalg.svd(np.asarray(kernel, dtype=float))
    return u[:, 0] * np.sqrt(s[0]), vt[0] * np.sqrt(s[0])


# %% wrong lengths_differ (passes the visible tests)
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    scale = np.abs(kernel).max()
    u, s, vt = np.linalg.svd(kernel)
    column, row = u[:, 0] * s[0], vt[0]
    if np.abs(np.outer(column, row) - kernel).max() > 1e-8 * scale:
        return None
    return column, row


# %% wrong from_the_first_row (passes the visible tests)
# divides by the entry in the corner, which may be zero
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    if not kernel.any():
        return np.zeros(kernel.shape[0]), np.zeros(kernel.shape[1])
    with np.errstate(all="ignore"):
        column, row = kernel[:, 0], kernel[0] / kernel[0, 0]
        if not np.abs(np.outer(column, row) - kernel).max() <= 1e-8 * np.abs(kernel).max():
            return None
        factor = np.sqrt(np.linalg.norm(row) / np.linalg.norm(column))
    return column * factor, row / factor


# %% wrong fixed_tolerance (passes the visible tests)
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    u, s, vt = np.linalg.svd(kernel)
    column, row = u[:, 0] * np.sqrt(s[0]), vt[0] * np.sqrt(s[0])
    if np.abs(np.outer(column, row) - kernel).max() > 1e-8:
        return None
    return column, row


# %% wrong coarse_tolerance (passes the visible tests)
# 5 % of the largest entry counts as rounding
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    u, s, vt = np.linalg.svd(kernel)
    column, row = u[:, 0] * np.sqrt(s[0]), vt[0] * np.sqrt(s[0])
    if np.abs(np.outer(column, row) - kernel).max() > 0.05 * np.abs(kernel).max():
        return None
    return column, row


# %% wrong nothing_for_zeros (passes the visible tests)
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    scale = np.abs(kernel).max()
    if scale == 0:
        return None
    u, s, vt = np.linalg.svd(kernel / scale)
    column, row = u[:, 0] * np.sqrt(s[0] * scale), vt[0] * np.sqrt(s[0] * scale)
    return (column, row) if np.abs(np.outer(column, row) - kernel).max() <= 1e-8 * scale else None


# %% wrong two_dimensional_arrays
def separate(kernel):
    u, s, vt = np.linalg.svd(np.asarray(kernel, dtype=float))
    return u[:, :1] * np.sqrt(s[0]), vt[:1] * np.sqrt(s[0])


# %% wrong sums_of_rows_and_columns
# the sums of an outer product are multiples of column and row; here their scale is wrong
def separate(kernel):
    kernel = np.asarray(kernel, dtype=float)
    return kernel.sum(axis=1), kernel.sum(axis=0)


# %% book square_root_of_the_diagonal
# an outer product of a vector with itself, such as a blur
def separate(kernel):
    side = np.sqrt(np.diag(np.asarray(kernel, dtype=float)))
    return side, side
