"""Proxies: what tests may do with the student's functions, classes and objects, and what they may not."""

import copy
import gc
import pickle
import textwrap
import types

import numpy as np
import pytest

from course_utils.grading.channel import start_unconfined
from course_utils.grading.proxies import Proxy, Refused, number_of
from course_utils.grading.session import Session, WorkerStopped

STUDENT = """
import numpy as np

def add(a, b=1, *rest, scale=1):
    return (a + b + sum(rest)) * scale

def fill(x, value):
    x[...] = value

def grow(items, table, members):
    items.append(len(items))
    items.append(items[0])
    table["new"] = [1]
    members.discard(1)

def same(x):
    return x

def parts(x):
    return [x, x], {"x": x}

def view(x):
    return x[:1]

def reshape(x):
    x.shape = (3, 2)

def count(n):
    for i in range(n):
        yield i * i

def forever():
    n = 0
    while True:
        yield n
        n += 1

def draw(rng, n):
    return rng.normal(size=n)

def loud(text):
    print(text)
    return text

class Stack:
    kind = "stack"
    def __init__(self, *items):
        self.items = list(items)
        self.grid = np.zeros((2, 2))
        self._next = None
    def push(self, item):
        self.items.append(item)
        return self
    @property
    def top(self):
        return self.items[-1]
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, place): return self.items[place]
    def __setitem__(self, place, item): self.items[place] = item
    def __delitem__(self, place): del self.items[place]
    def __enter__(self): return self
    def __exit__(self, *about):
        self.items.clear()
        return True
    def __call__(self, x): return x + len(self.items)
    def __add__(self, other): return Stack(*self.items, *other.items)
    def __repr__(self): return f"Stack({self.items})"
    def __float__(self): return float(len(self.items))
    def __eq__(self, other): return True
    __hash__ = None
    def twin(self): return Stack(*self.items)
    def me(self): return self
    def fail(self): raise MyError("no such thing", 7)

class Pile(Stack):
    pass

class MyError(KeyError):
    pass

def fail(kind, *args):
    import builtins
    raise getattr(builtins, kind)(*args)

def use(f, *args, **kwargs):
    return f(*args, **kwargs)

def attempt(f):
    try:
        return f()
    except ZeroDivisionError as error:
        return "caught " + str(error)

def look_around(f):
    return [name for name in ("__globals__", "__code__", "__closure__", "__func__") if hasattr(f, name)]

def keep(f):
    return f

def run_in_thread(f):
    import threading
    problems = []
    def call():
        try:
            f(1)
        except RuntimeError as error:
            problems.append(str(error))
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return problems

answer = 42
table = np.arange(4.0)
"""


class Student(types.SimpleNamespace):
    """What the student's names stand for in a test."""


@pytest.fixture(scope="module")
def session():
    session = Session(start_unconfined(), {}, record=True)
    session.set_deadline(60)
    session.tell("run", "cell", textwrap.dedent(STUDENT))
    yield session
    session.worker.kill()


@pytest.fixture(scope="module")
def student(session):
    names = [name for name in session.tell("names") if name != "np"]
    found = session.tell("fetch", names)
    return Student(**{name: session.unpack(found[name], (name,)) for name in names})


@pytest.fixture
def unknown(session, monkeypatch):
    """The same session, as for a submission after the instructor's answers were rehearsed."""
    monkeypatch.setattr(session, "record", False)
    return session


def test_plain_names_are_plain(student):
    assert type(student.answer) is int
    assert type(student.table) is np.ndarray
    assert type(student.add) is Proxy


def test_calls(student):
    assert student.add(2) == 3
    assert student.add(2, 3, 4, scale=10) == 90
    got = student.add(np.arange(3), b=np.float32(1))
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, [1, 2, 3])
    assert student.same("ab") == "ab"
    assert student.add.__name__ == "add"
    assert [student.add(n) for n in range(3)] == [1, 2, 3]


def test_arrays_changed_in_place(student):
    x = np.zeros((2, 3))
    student.fill(x, 7)
    assert (x == 7).all()
    strided = np.zeros((4, 4))
    student.fill(strided[::2, 1:3], 1)
    assert strided.sum() == 4
    assert strided[0, 1] == strided[2, 2] == 1
    student.reshape(x)
    assert x.shape == (3, 2)
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        student.fill(frozen, 1)


def test_containers_changed_in_place(student):
    items, table, members = [5], {}, {1, 2}
    student.grow(items, table, members)
    assert items == [5, 1, 5]
    assert table == {"new": [1]}
    assert members == {2}
    inner = np.zeros(2)
    nested = {"weights": [inner]}
    student.use(student.fill, nested["weights"][0], 3)
    assert (inner == 3).all()


def test_tensors_changed_in_place(student):
    torch = pytest.importorskip("torch")
    x = torch.zeros(2, 3, dtype=torch.float64)
    student.fill(x, 2)
    assert x.sum() == 12
    got = student.add(torch.ones(2, requires_grad=True), 1)
    assert type(got) is torch.Tensor
    assert got.tolist() == [2, 2]


def test_generators_of_random_numbers(student):
    """One that is passed gives the same numbers over there, and has moved on afterwards."""
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    assert student.use(lambda x: x, 1) == 1
    got = student.draw(rng, 5)
    np.testing.assert_array_equal(got, same.normal(size=5))
    assert rng.random() == same.random()
    assert student.same(rng) is rng
    with pytest.raises(TypeError, match="can't be handed"):
        student.draw(np.random.Generator(np.random.MT19937(1)), 5)


def test_a_returned_argument_is_the_argument(student):
    x, items = np.zeros(2), [1]
    assert student.same(x) is x
    assert student.same(items) is items
    (first, second), table = student.parts(x)
    assert first is second is table["x"] is x
    assert student.view(x) is not x


def test_generators(student):
    squares = student.count(4)
    assert isinstance(squares, types.GeneratorType)
    assert list(squares) == [0, 1, 4, 9]
    assert [n for n, _ in zip(student.forever(), range(3), strict=False)] == [0, 1, 2]
    assert sum(student.count(10)) == 285
    assert next(student.count(3)) == 0


def test_endless_generators_end(student, monkeypatch):
    monkeypatch.setattr("course_utils.grading.session.MOST_VALUES", 50)
    with pytest.raises(RuntimeError, match="more than 50 values"):
        list(student.forever())


def test_printing(student, capsys):
    student.loud("hello")
    assert capsys.readouterr().out == "hello\n"
    student.use(lambda: student.loud("first"))
    student.loud("second")
    assert capsys.readouterr().out == "first\nsecond\n"


def test_instances(student):
    stack = student.Stack(1, 2)
    assert stack.kind == "stack"
    assert stack.push(3).push(4).top == 4
    assert len(stack) == 4
    assert list(stack) == [1, 2, 3, 4]
    assert stack[1] == 2
    assert stack[1:3] == [2, 3]
    stack[0] = np.float64(9)
    del stack[1]
    assert stack.items == [9, 3, 4]
    assert stack(10) == 13
    assert repr(stack) == "Stack([np.float64(9.0), 3, 4])"
    assert f"{stack}" == str(stack) == repr(stack)
    assert float(stack) == 3.0
    stack.colour = {"a": (1, 2)}
    assert stack.colour == {"a": (1, 2)}
    del stack.colour
    assert not hasattr(stack, "colour")
    assert hasattr(stack, "top")
    assert getattr(stack, "missing", 5) == 5
    assert "push" in dir(stack)
    assert bool(stack)
    assert not student.Stack()
    assert student.Stack.kind == "stack"
    assert student.Stack.twin(stack).items == stack.items
    with pytest.raises(IndexError):
        stack[99]


def test_what_an_object_has_is_asked_of_the_object(student):
    """A stand-in has a docstring, a length and so on; a test that looks for them means the student's."""
    assert student.add.__doc__ is None
    assert student.count(1).__class__ is types.GeneratorType
    assert not hasattr(student.add, "__len__")
    assert not hasattr(student.add, "__getitem__")
    assert not hasattr(student.add, "__iter__")
    stack = student.Stack(1, 2)
    assert hasattr(stack, "__len__")
    assert stack.__len__() == 2
    assert stack.__dict__["items"] == [1, 2]
    assert not hasattr(stack, "__next__")
    assert student.add.__module__ == "__main__"
    assert not stack.__eq__(3), "comparing is the proxy's own, however it is asked for"


def test_objects_keep_their_identity(student):
    stack = student.Stack(1)
    assert stack.me() is stack
    assert stack.twin() is not stack
    assert stack == stack.me()
    assert stack != stack.twin()
    assert len({stack, stack.me(), stack.twin()}) == 2
    assert student.use(student.keep, stack) is stack


def test_isinstance_of_the_students_classes(student):
    pile = student.Pile(1)
    assert isinstance(pile, student.Stack)
    assert not isinstance(student.Stack(1), student.Pile)
    assert not isinstance(3, student.Stack)
    assert isinstance(student.Stack, type)


def test_context_managers(student):
    with student.Stack(1) as stack:
        assert stack.items == [1]
    assert stack.items == []
    with pytest.raises(AssertionError), student.Stack(1) as stack:  # its __exit__ holds everything back
        assert stack.items == []


def test_objects_are_let_go(student, session):
    stack = student.Stack(1)
    number = number_of(stack, session)
    assert session.ask((), "repr", number) == "Stack([1])"
    del stack
    gc.collect()
    with pytest.raises(LookupError, match="no object number"):
        session.ask((), "repr", number)


# Yes and no are not the student's to say -----------------------------------------------------------


def test_comparisons_are_not_passed_on(student):
    stack = student.Stack(1)
    for value in (1, "x", None, [1], np.float64(3)):
        assert (stack == value) is False
        assert (value == stack) is False
        assert stack != value
        assert value not in [stack]
    assert not np.any(np.arange(3) == stack)
    for compare in (lambda: stack < 3, lambda: stack <= 3, lambda: stack <= stack, lambda: 1 in stack):
        with pytest.raises(Refused, match=r"Stack\(\), object Stack of the student's"):
            compare()


def test_objects_are_no_arrays(student):
    stack = student.Stack(1, 2)
    for attempt in (
        lambda: np.asarray(stack),
        lambda: np.allclose(stack, [1, 2]),
        lambda: np.testing.assert_allclose(stack, [1, 2]),
        lambda: np.array_equal([1, 2], stack) or np.asarray(stack),
        lambda: np.add(stack, 1),
        lambda: np.sum(stack),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_arithmetic_needs_an_example(student, unknown):
    """It is passed on where the instructor's own answers met it too, and nowhere else."""
    stack = student.Stack(1)
    with pytest.raises(Refused, match="used in arithmetic"):
        _ = stack - 3
    with pytest.raises(Refused, match="used in arithmetic"):
        _ = np.float64(3) - stack
    with pytest.raises(Refused, match="used in arithmetic"):
        abs(stack)
    unknown.record = True
    assert (stack + student.Stack(2)).items == [1, 2]
    unknown.record = False
    assert (stack + student.Stack(3)).items == [1, 3]


def test_objects_are_refused_where_the_reference_gave_values(student, unknown):
    stack = student.Stack(5)
    stack.items = [1]
    unknown.profile["same()"] = {"plain"}
    with pytest.raises(Refused, match=r"same\(\) gave an object of class Stack; plain values were expected"):
        student.same(stack)


def test_copies_are_made_where_the_object_lives(student):
    stack = student.Stack([1])
    shallow, deep = copy.copy(stack), copy.deepcopy({"it": stack})["it"]
    stack.items = [2]
    assert type(deep) is Proxy
    assert shallow.items == deep.items == [[1]]
    assert stack.items == [2]
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(stack)


# Exceptions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ValueError", "TypeError", "OverflowError", "AssertionError", "Warning"])
def test_exceptions_come_back_as_themselves(student, kind):
    import builtins

    with pytest.raises(getattr(builtins, kind), match="because") as caught:
        student.fail(kind, "because")
    assert type(caught.value) is getattr(builtins, kind)
    assert caught.value.fault.lines[-1][0] == "cell"
    assert "raise getattr(builtins, kind)(*args)" in caught.value.fault.trace


def test_exceptions_with_arguments_of_their_own(student):
    with pytest.raises(KeyError) as caught:
        student.Stack().fail()
    assert type(caught.value) is KeyError
    assert caught.value.args == ("no such thing", 7)
    assert caught.value.fault.name == "MyError"
    with pytest.raises(FileNotFoundError):
        student.fail("OSError", 2, "not there")
    with pytest.raises(ValueError, match="invalid start byte"):
        student.fail("UnicodeDecodeError", "utf-8", b"x", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    "kind", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "StopIteration"]
)
def test_what_ends_programs_and_loops_is_an_ordinary_error(student, kind):
    with pytest.raises(RuntimeError, match=f"raised {kind}"):
        student.fail(kind, "now")


# Functions of the tests ----------------------------------------------------------------------------


def test_functions_of_the_tests_are_called_here(student):
    here = []

    def note(x, factor=1):
        here.append(x)
        return x * factor

    assert student.use(note, 3, factor=2) == 6
    assert here == [3]
    array = np.arange(3)
    assert type(student.use(note, array)) is np.ndarray
    assert student.use(np.sqrt, 16.0) == 4
    assert student.use(lambda f: f(2), student.add) == 3
    stack = student.Stack(1)
    assert student.use(lambda s: s.push(4).top, stack) == 4
    assert student.use(lambda *args: len(args), *range(5)) == 5


def test_functions_of_the_tests_come_back_as_themselves(student):
    assert student.keep(np.sqrt) is np.sqrt

    def mine(): ...

    assert student.keep(mine) is mine


def test_functions_of_the_tests_show_nothing(student):
    secret = 5
    assert student.look_around(lambda: secret) == []


def test_exceptions_of_the_tests_functions_reach_student_code(student):
    assert student.attempt(lambda: 1 / 0) == "caught division by zero"

    def wrong():
        raise LookupError("not this")

    with pytest.raises(LookupError, match="not this"):
        student.attempt(wrong)


def test_calls_back_and_forth_are_bounded(student):
    def again():
        return student.use(again)

    with pytest.raises(RecursionError, match="call each other too deep"):
        again()
    assert student.add(1) == 2


def test_functions_of_the_tests_belong_to_the_main_thread(student):
    assert "only be called from the main thread" in student.run_in_thread(lambda x: x)[0]


def test_objects_of_the_tests_are_refused(student):
    class Mine:
        pass

    with pytest.raises(TypeError, match="type Mine is neither a plain value nor a function"):
        student.same(Mine())


# Modules of torch -----------------------------------------------------------------------------------

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(width, 2))
    def forward(self, x):
        return self.rest(self.first(x))

def make():
    torch.manual_seed(0)
    return Net()
"""


def test_modules_of_torch(session):
    torch = pytest.importorskip("torch")
    from torch import nn

    session.tell("run", "net", NET)
    found = session.tell("fetch", ["Net", "make"])
    make, net_class = (session.unpack(found[name], (name,)) for name in ("make", "Net"))
    net = make()
    assert isinstance(net, nn.Module)
    assert isinstance(net, net_class)
    assert not isinstance(net, nn.Linear)
    assert isinstance(net.first, nn.Linear)
    assert issubclass(net_class, nn.Module)
    x = torch.ones(5, 3)
    out = net(x)
    assert type(out) is torch.Tensor
    assert out.shape == (5, 2)
    assert sum(p.numel() for p in net.parameters()) == 3 * 4 + 4 + 4 * 2 + 2
    assert net.first.weight.shape == (4, 3)
    assert [name for name, _ in net.named_parameters()][:2] == ["first.weight", "first.bias"]
    assert [type(m) for m in net.children()] == [Proxy, Proxy]
    assert [isinstance(m, nn.ReLU) for m in net.rest] == [True, False]
    assert net.training
    assert net.eval() is net
    assert not net.training
    state = net.state_dict()
    assert type(state) is dict
    state["first.weight"] = torch.zeros(4, 3)
    net.load_state_dict(state)
    assert net.first.weight.abs().sum() == 0
    assert "Linear(in_features=3" in repr(net)
    assert net.first.in_features == 3
    assert net_class(width=7).first.out_features == 7


# Endings --------------------------------------------------------------------------------------------


def test_a_worker_that_ended_stays_ended():
    session = Session(start_unconfined())
    session.set_deadline(20)
    session.tell("run", "cell", "import os, time\ndef leave(): os._exit(0)\ndef wait(): time.sleep(60)")
    leave = session.unpack(session.tell("fetch", ["leave"])["leave"], ("leave",))
    with pytest.raises(WorkerStopped, match="has ended") as stop:
        leave()
    assert not stop.value.late
    with pytest.raises(WorkerStopped, match="has ended"):
        leave()
    with pytest.raises(WorkerStopped, match="has ended"):
        session.tell("names")
    other = Session(start_unconfined())
    other.set_deadline(20)
    with pytest.raises(TypeError, match="is gone"):
        other.ask((), "call", 1, leave)
    other.tell("run", "cell", "import time\ndef wait(): time.sleep(60)")
    wait = other.unpack(other.tell("fetch", ["wait"])["wait"], ("wait",))
    other.set_deadline(0.3)
    with pytest.raises(WorkerStopped, match="took too long") as stop:
        wait()
    assert stop.value.late
