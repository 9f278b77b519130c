# %% right with_the_courses_differences
def audit(forward, backward, arrays, seed):
    from course_utils.gradcheck import numerical_gradient

    arrays = [np.asarray(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.asarray(forward(*arrays)).shape)
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = numerical_gradient(lambda a, i=i: float((dout * forward(*arrays[:i], a, *arrays[i + 1 :])).sum()), array)
        tolerance = 1e-5 * max(1.0, np.abs(slopes).max())
        fits = i < len(given) and np.shape(given[i]) == array.shape
        right = np.abs(given[i] - slopes) <= tolerance if fits else np.zeros(array.shape, dtype=bool)
        verdict.append(np.logical_not(np.asarray(right)).reshape(array.shape))
    return verdict


# %% right every_array_as_one_row
def audit(forward, backward, arrays, seed):
    rows = [np.array(a, dtype=float).ravel() for a in arrays]
    shapes = [np.shape(a) for a in arrays]

    def output(values):
        return np.asarray(forward(*(v.reshape(s) for v, s in zip(values, shapes))))

    dout = np.random.default_rng(seed).normal(size=output(rows).shape)
    returned = tuple(backward(dout, *(v.reshape(s).copy() for v, s in zip(rows, shapes))))
    answer = []
    for which, row in enumerate(rows):
        slopes = []
        for entry in range(row.size):
            ends = []
            for sign in (1, -1):
                moved = [v.copy() for v in rows]
                moved[which][entry] += sign * 1e-5
                ends.append((output(moved) * dout).sum())
            slopes.append((ends[0] - ends[1]) / 2e-5)
        slopes = np.array(slopes).reshape(shapes[which])
        try:
            gradient = np.asarray(returned[which], dtype=float)
        except IndexError:
            gradient = np.full((0,), np.nan)
        if gradient.shape != shapes[which]:
            gradient = np.full(shapes[which], np.nan)
        limit = max(1e-5, 1e-5 * np.abs(slopes).max())
        off = np.nan_to_num(np.abs(gradient - slopes), nan=np.inf)
        answer.append(np.array(off > limit))
    return answer


# %% right differences_of_outputs
# first the change of each output, then its product with the upstream gradient
def audit(forward, backward, arrays, seed):
    base = [np.array(a, dtype=float) for a in arrays]
    shape = np.shape(forward(*base))
    dout = np.random.default_rng(seed).normal(size=shape)
    given = dict(enumerate(backward(dout, *base)))
    marks = []
    for i, array in enumerate(base):
        slopes = np.empty(array.shape)
        for index in np.ndindex(*array.shape):
            nudge = np.zeros(array.shape)
            nudge[index] = 1e-5
            above = forward(*base[:i], array + nudge, *base[i + 1 :])
            below = forward(*base[:i], array - nudge, *base[i + 1 :])
            slopes[index] = np.vdot(dout, (above - below) / 2e-5)
        wrong = np.ones(array.shape, dtype=bool)
        if i in given and np.shape(given[i]) == array.shape:
            largest = np.abs(slopes).max()
            wrong = np.array(np.isclose(given[i], slopes, rtol=0, atol=1e-5 * (largest if largest > 1 else 1)) == 0)
        marks.append(wrong)
    return marks


# %% wrong upstream_of_ones (passes the visible tests)
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.ones(np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))))
    return verdict


# %% wrong a_seed_of_its_own (passes the visible tests)
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(0).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))))
    return verdict


# %% wrong nan_counts_as_right (passes the visible tests)
# a comparison with NaN is false
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(np.abs(given[i] - slopes) > 1e-5 * max(1, np.abs(slopes).max())))
    return verdict


# %% wrong one_tolerance_for_all (passes the visible tests)
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(given[i] - slopes) <= 1e-5)))
    return verdict


# %% wrong relative_to_each_entry (passes the visible tests)
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~np.isclose(given[i], slopes, rtol=1e-5, atol=1e-8)))
    return verdict


# %% wrong shapes_are_broadcast (passes the visible tests)
# a gradient of another shape is compared all the same
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given):
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))))
    return verdict


# %% wrong stops_at_the_last_gradient (passes the visible tests)
# arguments without a gradient get no verdict
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    verdict = []
    for i, (array, gradient) in enumerate(zip(arrays, backward(dout, *arrays))):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if np.shape(gradient) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(gradient - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))))
    return verdict


# %% wrong moves_whole_numbers (passes the visible tests)
# 3 + 0.00001 is 3 again in an array of whole numbers
def audit(forward, backward, arrays, seed):
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            above, below = array.copy(), array.copy()
            above[index] = above[index] + 1e-5
            below[index] = below[index] - 1e-5
            ends = [(dout * forward(*arrays[:i], moved, *arrays[i + 1 :])).sum() for moved in (above, below)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        if i >= len(given) or np.shape(given[i]) != array.shape:
            verdict.append(np.ones(array.shape, dtype=bool))
        else:
            verdict.append(np.array(~(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))))
    return verdict


# %% wrong true_means_right
def audit(forward, backward, arrays, seed):
    arrays = [np.array(a, dtype=float) for a in arrays]
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[index] = 1e-5
            ends = [(dout * forward(*arrays[:i], array + s * step, *arrays[i + 1 :])).sum() for s in (1, -1)]
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        verdict.append(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max()))
    return verdict


# %% wrong moves_the_arrays_themselves
def audit(forward, backward, arrays, seed):
    dout = np.random.default_rng(seed).normal(size=np.shape(forward(*arrays)))
    given = list(backward(dout, *arrays))
    verdict = []
    for i, array in enumerate(arrays):
        slopes = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            array[index] += 1e-5
            above = (dout * forward(*arrays)).sum()
            array[index] -= 2e-5
            slopes[index] = (above - (dout * forward(*arrays)).sum()) / 2e-5
            array[index] += 1e-5
        verdict.append(~(np.abs(given[i] - slopes) <= 1e-5 * max(1, np.abs(slopes).max())))
    return verdict


# %% book one_verdict_for_each_argument (passes the visible tests)
# chapter 5's check: np.allclose over the whole array
def audit(forward, backward, arrays, seed):
    from course_utils.gradcheck import numerical_gradient

    dice = np.random.default_rng(seed)
    upstream = dice.normal(size=np.shape(forward(*arrays)))
    verdict = []
    for i, gradient in enumerate(backward(upstream, *arrays)):

        def moved(array, i=i):
            return (forward(*arrays[:i], array, *arrays[i + 1 :]) * upstream).sum()

        slopes = numerical_gradient(moved, arrays[i])
        agrees = np.allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
        verdict.append(np.full(arrays[i].shape, not agrees))
    return verdict
