# %% right a_helper_for_the_product
def steepest_curvature(gradient, w, v, steps):
    shape = np.shape(w)
    flat = np.asarray(w, dtype=float).ravel()

    def times_hessian(direction):
        ends = [np.asarray(gradient((flat + sign * 1e-5 * direction).reshape(shape))).ravel() for sign in (1, -1)]
        return (ends[0] - ends[1]) / 2e-5

    direction = np.asarray(v, dtype=float).ravel()
    direction = direction / np.linalg.norm(direction)
    product = times_hessian(direction)
    for _ in range(steps):
        if not product.any():
            return 0.0
        direction = product / np.linalg.norm(product)
        product = times_hessian(direction)
    return float(direction @ product)


# %% right divides_by_the_largest_entry
# any length will do on the way; the quotient at the end takes it out
def steepest_curvature(gradient, w, v, steps):
    v = v / np.abs(v).max()
    while True:
        hv = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        largest = np.abs(hv).max()
        if largest == 0:
            return 0.0
        if steps == 0:
            return float(np.sum(v * hv) / np.sum(v * v))
        v, steps = hv / largest, steps - 1


# %% right recursive
def steepest_curvature(gradient, w, v, steps):
    v = np.asarray(v) / np.linalg.norm(np.ravel(v))
    step = 1e-5 * v
    product = (gradient(w + step) - gradient(w - step)) * 5e4
    if steps == 0 or np.all(product == 0):
        return float(np.vdot(v, product))
    return steepest_curvature(gradient, w, product, steps - 1)


# %% wrong returns_the_length (passes the visible tests)
# the length of the product has no sign
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            return float(length)
        v = product / length


# %% wrong one_step_too_few (passes the visible tests)
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(max(steps, 1)):
        product = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps - 1:
            break
        v = product / length
    return float((v * product).sum())


# %% wrong forward_differences (passes the visible tests)
def steepest_curvature(gradient, w, v, steps):
    v, here = v / np.sqrt((v**2).sum()), gradient(w * 1.0)
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) - here) / 1e-5
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float((v * product).sum())


# %% wrong never_brings_v_to_length_1 (passes the visible tests)
# only the products are brought to length 1
def steepest_curvature(gradient, w, v, steps):
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float((v * product).sum())


# %% wrong a_step_of_a_tenth (passes the visible tests)
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + 0.1 * v) - gradient(w - 0.1 * v)) / 0.2
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float((v * product).sum())


# %% wrong flat_ground_is_nan (passes the visible tests)
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        if step < steps:
            v = product / np.sqrt((product**2).sum())
    return float((v * product).sum())


# %% wrong weights_in_one_row_only (passes the visible tests)
# v @ u is no number for matrices
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float(v @ product)


# %% wrong asks_twice_for_each_product
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for _ in range(steps):
        v = (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / np.linalg.norm((gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)).ravel())
    return float((v * (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v))).sum() / 2e-5)


# %% wrong adds_the_gradients
def steepest_curvature(gradient, w, v, steps):
    v = v / np.sqrt((v**2).sum())
    for step in range(steps + 1):
        product = (gradient(w + 1e-5 * v) + gradient(w - 1e-5 * v)) / 2
        length = np.sqrt((product**2).sum())
        if length == 0 or step == steps:
            break
        v = product / length
    return float((v * product).sum())


# %% book eigenvalues_of_the_hessian (passes the visible tests)
# the whole matrix by central differences, then its largest eigenvalue
def steepest_curvature(gradient, w, v, steps):
    w = np.asarray(w, dtype=float)
    rows = []
    for index in np.ndindex(w.shape):
        step = np.zeros(w.shape)
        step[index] = 1e-5
        rows.append(((gradient(w + step) - gradient(w - step)) / 2e-5).ravel())
    hessian = np.array(rows)
    return float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1])
