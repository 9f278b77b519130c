# %% right derivatives_travel_along
# forward mode: each value carries its slopes in all inputs
def run_tape(inputs, tape):
    n = len(inputs)
    values = [(float(v), np.eye(n)[i]) for i, v in enumerate(inputs)]
    for operation, *places in tape:
        taken = [values[i] for i in places]
        numbers = np.array([v for v, _ in taken])
        table = np.array([d for _, d in taken])
        if operation == "add":
            values.append((numbers.sum(), table.sum(axis=0)))
        elif operation == "mul":
            values.append((numbers[0] * numbers[1], numbers[::-1] @ table))
        elif operation == "div":
            q = numbers[0] / numbers[1]
            values.append((q, (table[0] - q * table[1]) / numbers[1]))
        elif operation == "max":
            values.append(taken[int(numbers.argmax())])
        else:
            top = numbers.max()
            weights = np.exp(numbers - top)
            values.append((top + np.log(weights.sum()), weights @ table / weights.sum()))
    return float(values[-1][0]), [float(d) for d in values[-1][1]]


# %% right pullbacks
def run_tape(inputs, tape):
    values, pulls = [float(v) for v in inputs], [None] * len(inputs)
    for line in tape:
        kind, at = line[0], line[1:]
        v = [values[i] for i in at]
        if kind == "add":
            values.append(sum(v))
            pulls.append(lambda g, at=at: [(i, g) for i in at])
        elif kind == "mul":
            values.append(v[0] * v[1])
            pulls.append(lambda g, at=at, v=v: [(at[0], g * v[1]), (at[1], g * v[0])])
        elif kind == "div":
            values.append(v[0] / v[1])
            pulls.append(lambda g, at=at, v=v: [(at[0], g / v[1]), (at[1], -g * v[0] / v[1] ** 2)])
        elif kind == "max":
            values.append(max(v))
            pulls.append(lambda g, at=at, v=v: [(at[v.index(max(v))], g)])
        else:
            result = float(np.logaddexp.reduce(v))
            values.append(result)
            pulls.append(lambda g, at=at, v=v, r=result: [(i, g * float(np.exp(a - r))) for i, a in zip(at, v)])
    grad = {len(values) - 1: 1.0}
    for here in range(len(values) - 1, len(inputs) - 1, -1):
        if here in grad:
            for i, share in pulls[here](grad[here]):
                grad[i] = grad.get(i, 0.0) + share
    return values[-1], [grad.get(i, 0.0) for i in range(len(inputs))]


# %% right with_pytorch
def run_tape(inputs, tape):
    import torch

    leaves = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in inputs]
    values = list(leaves)
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            values.append(torch.stack(v).sum())
        elif kind == "mul":
            values.append(v[0] * v[1])
        elif kind == "div":
            values.append(v[0] / v[1])
        elif kind == "max":
            numbers = [x.item() for x in v]
            values.append(v[numbers.index(max(numbers))])
        else:
            values.append(torch.logsumexp(torch.stack(v), 0))
    found = torch.autograd.grad(values[-1], leaves, allow_unused=True)
    return values[-1].item(), [0.0 if g is None else g.item() for g in found]


# %% wrong overwrites_what_was_there (passes the visible tests)
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        elif kind == "max":
            result = max(v)
            s = [float(n == v.index(result)) for n in range(len(v))]
        else:
            result = float(np.logaddexp.reduce(v))
            s = [float(np.exp(a - result)) for a in v]
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] = s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong a_value_named_twice_counts_once (passes the visible tests)
# slopes in a dictionary: the second one of ("mul", 0, 0) replaces the first
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), {i: 1.0 for i in at}
        elif kind == "mul":
            result, s = v[0] * v[1], {at[0]: v[1], at[1]: v[0]}
        elif kind == "div":
            result, s = v[0] / v[1], {at[0]: 1 / v[1], at[1]: -v[0] / v[1] ** 2}
        elif kind == "max":
            result = max(v)
            s = {at[v.index(result)]: 1.0}
        else:
            result = float(np.logaddexp.reduce(v))
            s = {i: float(np.exp(a - result)) for i, a in zip(at, v)}
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in slopes[line].items():
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong log_sum_exp_overflows (passes the visible tests)
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        elif kind == "max":
            result = max(v)
            s = [float(n == v.index(result)) for n in range(len(v))]
        else:
            powers = np.exp(v)
            result, s = float(np.log(powers.sum())), (powers / powers.sum()).tolist()
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong equal_maxima_share (passes the visible tests)
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        elif kind == "max":
            result = max(v)
            s = [(a == result) / v.count(result) for a in v]
        else:
            result = float(np.logaddexp.reduce(v))
            s = [float(np.exp(a - result)) for a in v]
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong the_last_of_equal_maxima (passes the visible tests)
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        elif kind == "max":
            winner = 0
            for n, a in enumerate(v):
                if a >= v[winner]:
                    winner = n
            result, s = v[winner], [float(n == winner) for n in range(len(v))]
        else:
            result = float(np.logaddexp.reduce(v))
            s = [float(np.exp(a - result)) for a in v]
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong asks_the_lines_above_it (passes the visible tests)
# a recursion that remembers what it has found is right, and too deep for a long tape
def run_tape(inputs, tape):
    import functools

    values, users = [float(v) for v in inputs], {}
    for line, (kind, *at) in enumerate(tape):
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        elif kind == "max":
            result = max(v)
            s = [float(n == v.index(result)) for n in range(len(v))]
        else:
            result = float(np.logaddexp.reduce(v))
            s = [float(np.exp(a - result)) for a in v]
        values.append(result)
        for i, slope in zip(at, s):
            users.setdefault(i, []).append((len(inputs) + line, slope))

    @functools.cache
    def slope_of(place):
        own = 1.0 if place == len(values) - 1 else 0.0
        return own + sum(slope * slope_of(user) for user, slope in users.get(place, []))

    return values[-1], [slope_of(i) for i in range(len(inputs))]


# %% wrong an_empty_tape_has_no_end (passes the visible tests)
def run_tape(inputs, tape):
    values, grads = [float(v) for v in inputs], None
    for kind, *at in tape:
        v = [values[i] for i in at]
        values.append(
            sum(v) if kind == "add" else v[0] * v[1] if kind == "mul" else v[0] / v[1] if kind == "div"
            else max(v) if kind == "max" else float(np.logaddexp.reduce(v))
        )
    grads = [0.0] * len(inputs) + [0.0] * (len(tape) - 1) + [1.0]
    for line in range(len(tape) - 1, -1, -1):
        kind, *at = tape[line]
        v, here = [values[i] for i in at], len(inputs) + line
        slopes = {
            "add": lambda v=v: [1.0] * len(v),
            "mul": lambda v=v: v[::-1],
            "div": lambda v=v: [1 / v[1], -v[0] / v[1] ** 2],
            "max": lambda v=v: [float(n == v.index(max(v))) for n in range(len(v))],
            "lse": lambda v=v, r=values[here]: [float(np.exp(a - r)) for a in v],
        }[kind]()
        for i, slope in zip(at, slopes):
            grads[i] += slope * grads[here]
    return values[-1], grads[: len(inputs)]


# %% wrong quotient_rule_without_the_square
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1]]
        elif kind == "max":
            result = max(v)
            s = [float(n == v.index(result)) for n in range(len(v))]
        else:
            result = float(np.logaddexp.reduce(v))
            s = [float(np.exp(a - result)) for a in v]
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% wrong log_sum_exp_as_a_maximum
def run_tape(inputs, tape):
    values, slopes = [float(v) for v in inputs], []
    for kind, *at in tape:
        v = [values[i] for i in at]
        if kind == "add":
            result, s = sum(v), [1.0] * len(v)
        elif kind == "mul":
            result, s = v[0] * v[1], [v[1], v[0]]
        elif kind == "div":
            result, s = v[0] / v[1], [1 / v[1], -v[0] / v[1] ** 2]
        else:
            result = max(v) if kind == "max" else float(np.logaddexp.reduce(v))
            s = [0.5 * float(n == v.index(max(v))) for n in range(len(v))]
        values.append(result)
        slopes.append(s)
    grad = [0.0] * len(values)
    grad[-1] = 1.0
    for line in range(len(tape) - 1, -1, -1):
        for i, s in zip(tape[line][1:], slopes[line]):
            grad[i] += s * grad[len(inputs) + line]
    return values[-1], grad[: len(inputs)]


# %% book the_engine_for_numbers (passes the visible tests)
# chapter 5's Value, with division as a power and log-sum-exp put together from exp and log
def run_tape(inputs, tape):
    import itertools
    import math

    births = itertools.count()

    class Value:
        def __init__(self, data, parents=(), slopes=()):
            self.data, self.grad = float(data), 0.0
            self.parents, self.slopes, self.birth = parents, slopes, next(births)

        def __add__(self, other):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))

        def __mul__(self, other):
            return Value(self.data * other.data, (self, other), (other.data, self.data))

        def __pow__(self, power):
            return Value(self.data**power, (self,), (power * self.data ** (power - 1),))

        def relu(self):
            return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

        def exp(self):
            return Value(math.exp(self.data), (self,), (math.exp(self.data),))

        def log(self):
            return Value(math.log(self.data), (self,), (1 / self.data,))

    leaves = [Value(v) for v in inputs]
    values = list(leaves)
    for kind, *at in tape:
        v = [values[i] for i in at]
        result = v[0].exp() if kind == "lse" else v[0]
        for other in v[1:]:
            if kind == "add":
                result = result + other
            elif kind == "mul":
                result = result * other
            elif kind == "div":
                result = result * other**-1
            elif kind == "max":
                result = result + (other + result * Value(-1.0)).relu()
            else:
                result = result + other.exp()
        values.append(result.log() if kind == "lse" else result)
    output, found, waiting = values[-1], set(), [values[-1]]
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.add(value)
            waiting.extend(value.parents)
    output.grad = 1.0
    for value in sorted(found, key=lambda value: -value.birth):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
    return output.data, [leaf.grad for leaf in leaves]
