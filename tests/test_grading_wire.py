"""The wire: plain values cross exactly, all else is refused, and any bytes are a value or a `WireError`."""

import collections
import enum
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_utils.grading.arrays import CODES, TENSORS
from course_utils.grading.wire import Handle, Limits, Memo, WireError, decode, encode

SCALARS = st.one_of(
    st.none(),
    st.just(...),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(),
    st.builds(slice, st.none() | st.integers(), st.integers(), st.none() | st.integers()),
    st.builds(range, st.integers(-9, 9), st.integers(-99, 99), st.integers(1, 5)),
)
KEYS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
    ),
    max_leaves=20,
)
DTYPES = st.sampled_from([*sorted(CODES), ">i4", ">f8", "U3", "S4"])


def same(a, b):
    """Whether two values agree in type and content; NaN agrees with NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_plain_values_cross_exactly(value):
    assert same(decode(encode(value)), value)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_arrays_cross_exactly(data):
    dtype = np.dtype(data.draw(DTYPES))
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
    for view in (array, array.T, array[..., ::2] if array.ndim else array):
        got = decode(encode(view))
        assert type(got) is np.ndarray
        assert got.dtype == dtype.newbyteorder("=")
        np.testing.assert_array_equal(got, view)
        assert got.shape == view.shape
    if array.ndim == 0:
        scalar = decode(encode(array[()]))
        assert type(scalar) is type(array.astype(dtype.newbyteorder("="))[()])
        np.testing.assert_equal(scalar, array[()])


def test_array_flags_cross():
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert decode(encode(fortran)).flags.f_contiguous
    frozen = np.arange(3)
    frozen.flags.writeable = False
    assert not decode(encode(frozen)).flags.writeable
    assert decode(encode(np.arange(3))).flags.writeable


@pytest.mark.parametrize("name", sorted(TENSORS))
def test_tensors_cross_exactly(name):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, name)
    for shape in ((), (0, 3), (2, 3), (1,)):
        tensor = torch.arange(math.prod(shape)).reshape(shape).to(dtype)
        for view in (tensor, tensor.T if tensor.ndim == 2 else tensor):
            got = decode(encode(view))
            assert type(got) is torch.Tensor
            assert got.dtype == dtype
            assert torch.equal(got, view)
            assert not got.requires_grad


def test_tensors_keep_whether_they_require_a_gradient():
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.ones(2))
    got = decode(encode([weight, weight * 2]))
    assert [type(t) for t in got] == [torch.Tensor] * 2
    assert all(t.requires_grad for t in got)
    assert decode(encode(torch.float32)) is torch.float32
    assert decode(encode(torch.device("cpu"))) == torch.device("cpu")
    assert decode(encode(torch.Size([2, 3]))) == (2, 3)
    best = decode(encode(torch.tensor([[1, 5, 2]]).max(dim=1)))
    assert (best.values.item(), best.indices.item()) == (5, 1)
    with pytest.raises(WireError, match="can't cross"):
        encode(torch.ones(2, 2).to_sparse())
    with pytest.raises(WireError, match="can't cross"):
        encode(torch.ones(2, device="meta"))


class Equal:
    """Overrides that claim everything."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 0

    def __str__(self):
        return "?"

    def __index__(self):
        return 7

    def __float__(self):
        return 7.0

    def __add__(self, other):
        return self


class AnyInt(Equal, int): ...


class AnyFloat(Equal, float): ...


class AnyComplex(Equal, complex): ...


class AnyStr(Equal, str): ...


class AnyBytes(Equal, bytes): ...


class AnyArray(Equal, np.ndarray): ...


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (AnyInt(5), 5),
        (AnyFloat(2.5), 2.5),
        (AnyFloat(-0.0), -0.0),
        (AnyComplex(1j), 1j),
        (AnyStr("text"), "text"),
        (AnyBytes(b"raw"), b"raw"),
        (bytearray(b"raw"), b"raw"),
        (Colour.RED, 3),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.deque([1, 2]), [1, 2]),
        ({1: 2}.keys(), [1]),
        ({1: 2}.items(), [(1, 2)]),
    ],
)
def test_subclasses_cross_as_the_plain_value_inside(value, want):
    got = decode(encode(value))
    assert type(got) is type(want)
    assert got == want
    assert str(got) == str(want)


def test_array_subclasses_cross_as_arrays():
    got = decode(encode(np.arange(3).view(AnyArray)))
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got == 1, [False, True, False])


def test_named_tuples_keep_their_names():
    pair = collections.namedtuple("Pair", "loss count")(1.5, [2])
    got = decode(encode(pair))
    assert got == (1.5, [2])
    assert (got.loss, got.count) == (1.5, [2])
    assert isinstance(got, tuple)
    for fields in (("__eq__",), ("a", "a"), ("a b",), ("if",), (3,)):
        raw = b"P" + encode(fields) + encode((0,) * len(fields))
        with pytest.raises(WireError):
            decode(raw)


@pytest.mark.parametrize("value", [int, float, dict, type(None), np.float32, np.bool_, np.dtype("i4")])
def test_types_of_numbers_cross(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        Equal(),
        Equal,
        math,
        np.array([object()]),
        np.zeros(2, dtype=[("a", "i4")]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.longdouble(1),
        iter([1]),
        Exception("x"),
    ],
)
def test_other_objects_are_refused(value):
    with pytest.raises(WireError, match="can't cross"):
        encode(value)
    with pytest.raises(WireError, match="can't cross"):
        encode([(value,)])


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (10**3000, "whole number of"),
        (bytes(2**17), "more than 65536 bytes"),
        ("x" * 2**17, "more than 65536 bytes"),
        (np.zeros(2**14), "more than 65536 bytes"),
        (np.broadcast_to(np.int8(1), (10**5, 2)), "more than 65536 bytes"),
        ([0] * 5001, "more than 5000 values"),
        ([set() for _ in range(300)], "more than 5000 values"),
        ([np.zeros(1) for _ in range(300)], "more than 5000 values"),
        (range(5001), "range of so many"),
        (range(2**70), "range of so many"),
        (eval("[" * 50 + "]" * 50), "nested more than"),
    ],
)
def test_too_much_is_refused_by_the_writer(value, match):
    with pytest.raises(WireError, match=match):
        encode(value, limits=Limits(size=2**16, items=5000))


def test_a_list_that_contains_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(WireError, match="nested more than"):
        encode(value)


def test_keys_of_one_hash_are_few():
    """Honest keys are far from the limit: numbers, pairs and texts."""
    for keys in (range(10**4), [n / 7 for n in range(10**4)], [(n % 50, n) for n in range(10**4)]):
        assert decode(encode(set(keys))) == set(keys)
    few = {n * (2**61 - 1) for n in range(100)}
    assert decode(encode(few | set(range(200)))) == few | set(range(200))


def u32(number):
    return struct.pack("<I", number)


def array(code, shape, raw, tag=b"A", flags=2):
    head = tag + bytes([flags]) + u32(len(code)) + code.encode()
    return head + struct.pack(f"<B{len(shape)}q", len(shape), *shape) + struct.pack("<Q", len(raw)) + raw


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"N" + b"N",
        b"I\xff\xff" + bytes(65535),
        b"S" + u32(2**32 - 1) + b"abc",
        b"S" + u32(1) + b"\xff",
        b"L" + u32(2**32 - 1),
        b"L" + u32(10**6) + b"N" * 10,
        b"L" + u32(1) * 100 + b"N",
        (b"L" + u32(1)) * 5000 + b"N",
        b"E" + u32(1) + b"L" + u32(0),
        b"M" + u32(1) + b"N",
        b"M" + u32(2) + b"L" + u32(0) + b"N",
        b"Z" + u32(1) + b"M" + u32(0),
        b"r" + b"N" * 3,
        b"r" + b"D" + bytes(8) + b"N" * 2,
        b"r" + (b"I\1\0\0") * 3,
        b"r" + encode(0) + encode(2**70) + encode(1),
        array("O", (1,), bytes(8)),
        array("V8", (1,), bytes(8)),
        array("M8[D]", (1,), bytes(8)),
        array("f8", (2,), bytes(8)),
        array("f8", (-1,), bytes(8)),
        array("f8", (2**62, 2**62), bytes(8)),
        array("f8", (0, 2**39, 2**39), b""),
        array("f8", (1,) * 33, bytes(8)),
        array("U0", (5,), b""),
        array("U1", (1,), b"\xff\xff\xff\xff"),
        array("U1 ", (1,), bytes(4)),
        array("f8,f8", (1,), bytes(16)),
        array("f8", (1,), bytes(8), tag=b"G"),
        array("O", (), bytes(8), tag=b"G"),
        b"k" + u32(9) + b"torch.nn." + b"x",
        b"k" + u32(4) + b"eval",
        b"k" + u32(10) + b"torch.load",
        b"g" + b"N",
        b"g" + encode((1, 2, 3)),
        b"g" + encode((2**128, 1, 0, 0)),
        b"g" + encode((1, 1, 2, 0)),
        b"g" + encode((1, 1, True, 0)),
        b"R" + u32(0),
        b"H" + b"x" + u32(1) + u32(0) + u32(0) + b"\0",
        b"P" + b"N" + b"N",
        b"P" + encode(("a",)) + encode(()),
        b"P" + encode(("mean",)) + encode((float,)),
        b"P" + encode(tuple(f"a{n}" for n in range(101))) + encode((0,) * 101),
        b"E" + u32(2000) + b"".join(encode(n * (2**61 - 1)) for n in range(2000)),
        b"Z" + u32(2000) + b"".join(encode(complex(-1000003 * n, n)) for n in range(2000)),
        b"M" + u32(4000) + b"".join(encode((n * (2**61 - 1), 0)) + b"N" for n in range(2000)),
    ],
)
def test_what_is_no_value_is_refused_by_the_reader(data):
    with pytest.raises(WireError):
        decode(data)


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_value_or_an_error(data):
    try:
        value = decode(data)
    except WireError:
        return
    repr(value)


@given(VALUES, st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_messages_are_a_value_or_an_error(value, data):
    """Real messages with a few bytes changed get further into the reader than random bytes do."""
    handle = Handle("student", 1, "object", "Net", ("a.b",))
    raw = bytearray(encode([value, np.arange(3), np.float32(1), handle]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(raw))
    except WireError:
        return


@given(st.binary(max_size=40), st.sampled_from([b"A", b"G", b"X", b"H", b"k", b"P", b"g", b"L", b"M", b"R"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_after_a_tag_are_a_value_or_an_error(data, tag):
    memo = Memo()
    memo.objects = [np.arange(3), [1]]
    memo.open = False
    try:
        decode(tag + data, memo=memo)
    except WireError:
        return


def test_true_is_one_byte_only():
    """A True made of another byte would compare unlike any other True."""
    got = decode(array("b1", (3,), b"\2\0\xff"))
    assert got.tobytes() == b"\1\0\1"
    assert decode(array("b1", (), b"\7", tag=b"G")).tobytes() == b"\1"
    torch = pytest.importorskip("torch")
    raw = b"X\0" + u32(4) + b"bool" + struct.pack("<B", 0) + struct.pack("<Q", 1) + b"\7"
    assert decode(raw).view(torch.uint8).item() == 1


def test_the_same_argument_twice_is_one_object_over_there():
    shared = np.arange(3)
    ours, theirs = Memo(), Memo()
    got = decode(encode(([shared, shared], {"again": shared}), memo=ours), memo=theirs)
    assert got[0][0] is got[0][1] is got[1]["again"]
    assert len(ours.objects) == len(theirs.objects) == 3  # list, array, dict
    assert theirs.objects[1] is got[0][0]
    ours.open = theirs.open = False
    assert decode(encode((theirs.objects[1], 5), memo=theirs), memo=ours)[0] is shared


def test_repeating_an_argument_is_bounded():
    """A small answer must not grow into much memory or work: references count with what they refer to."""
    memo = Memo()
    memo.add(np.zeros(2**20))
    memo.add([1])
    memo.open = False
    many = b"L" + u32(1000) + (b"R" + u32(0)) * 1000
    with pytest.raises(WireError, match="too often"):
        decode(many, memo=memo)
    with pytest.raises(WireError, match="inside another value"):
        decode(b"L" + u32(1) + b"R" + u32(1), memo=memo)
    assert decode(b"R" + u32(1), memo=memo) is memo.objects[1]


def test_handles_cross_and_are_met():
    handle = Handle("test", 3, "function", "loss", ())
    assert decode(encode([handle])) == [handle]
    assert decode(encode(print, leave=lambda value: handle), meet=lambda met: met.name) == "loss"
    long = decode(encode(Handle("student", 1, "class", "N" * 10_000)))
    assert len(long.name) == 100
