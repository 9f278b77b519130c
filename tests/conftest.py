"""Fixtures that several test files use."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from small_cifar10 import write_small_cifar10


@functools.cache
def why_no_sandbox() -> str:
    """Say why no sandbox can be had on this machine at all, or nothing."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    inside = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "true"]
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--", *inside]
    done = subprocess.run(command, capture_output=True, text=True)
    return f"this system lets no program make namespaces: {done.stderr.strip()}" if done.returncode else ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of the sandbox where the system has none; where it has, ours must work."""
    if item.get_closest_marker("sandbox") and why_no_sandbox():
        pytest.skip(why_no_sandbox())


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the course's folder."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the course cache in a folder of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder with a CIFAR-10 of 50 pictures a class and split, in the binary format."""
    folder = tmp_path_factory.mktemp("data")
    write_small_cifar10(folder)
    return folder


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Give the folder of the rendered book and the problems found; all workers share one build."""
    from book_pages import rendered_book

    base = tmp_path_factory.getbasetemp()
    shared = base if os.environ.get("PYTEST_XDIST_WORKER") is None else base.parent
    return rendered_book(shared / "book")
