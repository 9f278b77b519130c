"""What a figure was measured on: processor, cores, versions, commit."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "torch", "torchvision", "scikit-learn")


def processor_name() -> str:
    """Return the processor's name in the system's words."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def core_count() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def hardware() -> dict[str, Any]:
    """Describe the machine (imports PyTorch).

    Returns
    -------
    dict
        ``processor``, ``cores``, ``threads`` (PyTorch's), ``system``; ``accelerator`` where there is one.
    """
    import torch

    found = {"processor": processor_name(), "cores": core_count(), "threads": torch.get_num_threads()}
    found["system"] = platform.system()
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that compute."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return found


def commit(root: Path) -> str:
    """Return the checkout's commit, with ``-dirty`` where the package differs from it.

    Other files don't count: recorded results, for one, are what is being written.

    Parameters
    ----------
    root : Path
        The checkout.

    Returns
    -------
    str
        A hash of 40 digits, or ``"unknown"`` where there is no git or no repository.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        found = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--", "course_utils", "pyproject.toml")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{found}-dirty" if changed else found
