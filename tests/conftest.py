"""Fixtures that several test files use."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


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
    """Make a data folder with a CIFAR-10 of 50 training and 20 test pictures a class, as an image tree.

    Each class is a colour with noise, so that everything that learns can learn it.
    """
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    colours = rng.integers(60, 200, (len(CIFAR10_CLASSES), 1, 1, 3))
    for split, count in (("train", 50), ("test", 20)):
        for name, colour in zip(CIFAR10_CLASSES, colours, strict=True):
            target = folder / "cifar10" / split / name
            target.mkdir(parents=True)
            for i in range(count):
                noise = rng.normal(0, 40, (32, 32, 3))
                picture = np.clip(colour + rng.normal(0, 25, 3) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(picture).save(target / f"{i:04d}.png")
    return folder


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Give the folder of the rendered book and the problems found; all workers share one build."""
    from book_pages import rendered_book

    base = tmp_path_factory.getbasetemp()
    shared = base if os.environ.get("PYTEST_XDIST_WORKER") is None else base.parent
    return rendered_book(shared / "book")
