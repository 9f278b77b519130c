"""Make a process ready to fork once for each submission."""

from __future__ import annotations

import contextlib
import gc
import importlib
import random
import sys

from course_utils.grading import kernel

#: What such a process has in its environment: one thread, as threads don't live on in a fork; fixed hashes.
ENVIRONMENT = {
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


def preload(modules: tuple[str, ...]) -> None:
    """Import modules, then make this process cheap and safe to fork.

    PyTorch gets one thread before any work: a fork after work with two hangs. What exists now is kept from
    the garbage collector, and lies on huge pages, so that a fork copies and touches little.

    Parameters
    ----------
    modules : tuple of str
        Dotted names. One that does not exist is passed over: the cell that imports it will say so.
    """
    for name in modules:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.set_num_threads(1)
        layer = torch.nn.Conv2d(1, 1, 3)
        layer(torch.ones(1, 1, 5, 5)).sum().backward()  # what is made at the first use is made here
        if "torch.optim" in modules:  # the first optimiser imports a thousand modules: two seconds and more
            torch.optim.SGD(layer.parameters(), lr=0.1)
    gc.collect()
    gc.freeze()
    kernel.collapse_memory()


def seed(number: int) -> None:
    """Seed the global generators of Python, NumPy and PyTorch, where loaded: a mark must not depend on luck.

    Parameters
    ----------
    number : int
        Any integer.
    """
    random.seed(number)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(number % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(number % 2**63)
