"""The numeric part of the wire: NumPy arrays and torch tensors as names of kinds, shapes and raw bytes."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

#: Kinds of numbers that may cross, by NumPy's own codes. No objects, no records, no dates.
CODES = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"])
TENSORS = frozenset(
    ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16"]
    + ["float32", "float64", "complex64", "complex128"]
)
FORTRAN, WRITEABLE = 1, 2

#: Types and kinds that are values in themselves, by the name under which they cross.
_CONSTANTS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None))
}
for _code in CODES:
    _dtype = np.dtype(_code)
    _CONSTANTS[f"numpy.{_dtype.name}"] = _dtype.type
    _CONSTANTS[f"dtype.{_dtype.name}"] = _dtype
_NAMES: dict[Any, str] = {id(value): name for name, value in _CONSTANTS.items()}


def is_tensor(value: Any) -> bool:
    """Say whether a value is a torch tensor, without importing torch for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def constant_name(value: Any) -> str | None:
    """Name a type such as ``float`` or ``np.float32``, a dtype or a torch device; None for anything else."""
    if isinstance(value, type):
        return _NAMES.get(id(value))
    if isinstance(value, np.dtype):
        return f"dtype.{value.name}" if value.str[1:] in CODES else None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.dtype):
        return str(value)
    if torch is not None and isinstance(value, torch.device):
        return "torch.device"
    return None


def constant(name: str) -> Any:
    """Give what `constant_name` named; `KeyError` for any other name."""
    if name == "torch.device" or (name.startswith("torch.") and name[6:] in TENSORS):
        import torch

        return torch.device("cpu") if name == "torch.device" else getattr(torch, name[6:])
    return _CONSTANTS[name]


def array_parts(value: Any) -> tuple[str, int, bytes]:
    """Take an array or scalar apart: code of its kind, flags, bytes.

    Raises
    ------
    ValueError
        If its kind can't cross.
    """
    code = value.dtype.str[1:]
    if value.dtype.kind not in "US" and code not in CODES:
        raise unknown_kind(value.dtype)
    native = value.astype(value.dtype.newbyteorder("<"), copy=False)
    fortran = bool(value.flags.f_contiguous and not value.flags.c_contiguous)
    flags = FORTRAN * fortran + WRITEABLE * bool(value.flags.writeable)
    return code, flags, native.tobytes(order="F" if fortran else "C")


def array_from(code: str, flags: int, shape: tuple[int, ...], raw: memoryview) -> Any:
    """Build a fresh array; `ValueError` or `TypeError` if the parts don't fit."""
    if code not in CODES and not (code[:1] in ("U", "S") and code[1:].isdecimal() and len(code) < 8):
        raise unknown_kind(code)
    dtype = np.dtype("<" + code)
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError("the bytes do not fill the shape")
    if code[0] == "U" and len(raw) and np.frombuffer(raw, "<u4").max() > 0x10FFFF:
        raise ValueError("not a character")
    if code == "b1":  # any byte but 0 is True, and True is 1
        flat = np.frombuffer(raw, np.uint8) != 0
    else:
        flat = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=True)
    value = flat.reshape(shape, order="F" if flags & FORTRAN else "C")
    value.flags.writeable = bool(flags & WRITEABLE)
    return value


def tensor_parts(value: Any) -> tuple[str, bool, tuple[int, ...], bytes]:
    """Take a tensor apart: name of its kind, whether it requires a gradient, shape, bytes.

    Raises
    ------
    ValueError
        If its kind or layout can't cross.
    """
    import torch

    name = str(value.dtype).removeprefix("torch.")
    if name not in TENSORS or value.layout != torch.strided or value.is_meta:
        raise unknown_kind(f"{value.dtype} ({value.layout}, on {value.device})")
    flat = value.detach().cpu().contiguous().reshape(-1).resolve_conj().resolve_neg()
    return name, bool(value.requires_grad), tuple(value.shape), flat.view(torch.uint8).numpy().tobytes()


def tensor_from(name: str, grad: bool, shape: tuple[int, ...], raw: memoryview) -> Any:
    """Build a fresh tensor on the CPU; an error of torch's or `ValueError` if the parts don't fit."""
    import torch

    if name not in TENSORS:
        raise unknown_kind(name)
    dtype = getattr(torch, name)
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError("the bytes do not fill the shape")
    if not len(raw):
        value = torch.empty(shape, dtype=dtype)
    else:
        flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
        value = (flat.ne(0) if dtype == torch.bool else flat.view(dtype)).reshape(shape)
    return value.requires_grad_(grad and (dtype.is_floating_point or dtype.is_complex))


def is_random(value: Any) -> bool:
    """Say whether a value is a generator of random numbers as ``np.random.default_rng`` makes them."""
    return type(value) is np.random.Generator and type(value.bit_generator) is np.random.PCG64


def random_parts(value: Any) -> tuple[int, int, int, int]:
    """Take the state of a generator of random numbers."""
    state = value.bit_generator.state
    return state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]


def random_from(parts: Any) -> Any:
    """Build a generator of random numbers; `ValueError` if the parts are no state."""
    sizes = (128, 128, 1, 32)
    if type(parts) is not tuple or list(map(type, parts)) != [int] * 4:
        raise ValueError("a state has four whole numbers")
    if not all(0 <= part < 2**size for part, size in zip(parts, sizes, strict=True)):
        raise ValueError("a number of the state is too large")
    bits = np.random.PCG64(0)
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": parts[0], "inc": parts[1] | 1},
        "has_uint32": parts[2],
        "uinteger": parts[3],
    }
    return np.random.Generator(bits)


def unknown_kind(kind: Any) -> ValueError:
    """Make the error for numbers of a kind that can't cross."""
    return ValueError(f"numbers of kind {kind} can't cross; use float64, float32, int64 or bool")
