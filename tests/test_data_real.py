"""Public data sets: read as torchvision reads them, and what is said when files are absent or damaged."""

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_cifar10 import write_small_cifar10

from course_utils import data
from course_utils.data import DataError, DataNotFoundError, cifar, real
from course_utils.data.inventory import inventory

REAL = Path(os.environ.get("COURSE_DATA", "/nonexistent"))
real_data = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (REAL / "MNIST").is_dir(), reason="COURSE_DATA names no folder with MNIST"),
]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data folder of this test's own."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def small_idx(root: Path, folder: str = "MNIST", count: int = 20) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28))
    for prefix in ("train", "t10k"):
        write_idx(root / folder / "raw" / f"{prefix}-images-idx3-ubyte", images)
        write_idx(root / folder / "raw" / f"{prefix}-labels-idx1-ubyte", np.arange(count) % 10)
    return root / folder / "raw"


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_idx_sets_are_read_in_their_order(root, name, folder):
    raw = small_idx(root, folder)
    images, labels = data.load(name, "train")
    assert images.shape == (20, 28, 28, 1)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert labels.tolist() == [*range(10), *range(10)]
    assert images.tobytes() == (raw / "train-images-idx3-ubyte").read_bytes()[16:]
    few, few_labels = data.load(name, "test", n=10)
    assert sorted(few_labels.tolist()) == list(range(10))
    assert few.shape == (10, 28, 28, 1)
    assert data.load(name, "test", n=100)[0].shape == (20, 28, 28, 1)
    assert "not verified" in data.describe(name)["exactness"]
    assert len(data.class_names(name)) == 10


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_absent_set_names_folder_files_and_every_remedy(root, name):
    for attempt in (lambda: data.load(name, "train"), lambda: data.describe(name)):
        with pytest.raises(DataNotFoundError) as caught:
            attempt()
        message = str(caught.value)
        for needed in (
            str(root),
            real.REAL_SETS[name].files[0],
            f"course data get {name}",
            "COURSE_DATA",
            "Pocket-10",
        ):
            assert needed in message
    assert "cifar10*/{train,test}/<class>/*.jpg" in message or name != "cifar10"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


IDX_DAMAGE = {
    "missing": ("train-labels-idx1-ubyte", Path.unlink, "is missing while others"),
    "truncated": ("train-images-idx3-ubyte", _truncate, "has 15,596 bytes, but its header promises 15,696"),
    "truncated in the header": (
        "train-images-idx3-ubyte",
        lambda p: p.write_bytes(b"\0\0\x08"),
        "does not begin",
    ),
    "another file": (
        "train-labels-idx1-ubyte",
        lambda p: p.write_bytes(b"<html>not found</html>"),
        "does not begin",
    ),
    "other size": (
        "train-images-idx3-ubyte",
        lambda p: write_idx(p, np.zeros((20, 32, 28))),
        "32 by 28 pixels",
    ),
    "fewer labels": (
        "train-labels-idx1-ubyte",
        lambda p: write_idx(p, np.zeros(19)),
        "19 labels for 20 pictures",
    ),
    "wild label": ("train-labels-idx1-ubyte", lambda p: write_idx(p, np.arange(20)), "the label 19"),
}


@pytest.mark.parametrize("kind", IDX_DAMAGE)
def test_damaged_idx_file_is_named(root, kind):
    name, spoil, message = IDX_DAMAGE[kind]
    spoil(small_idx(root) / name)
    with pytest.raises(DataError, match=rf"{name} .*{message}.*course data get mnist"):
        data.load("mnist", "train")


def test_wrong_names_and_splits_are_explained(root):
    with pytest.raises(DataError, match="pocket10, mnist, fashion_mnist, cifar10, digits"):
        data.load("imagenet", "train")
    with pytest.raises(DataError, match="pocket10"):
        data.class_names("cifar100")
    with pytest.raises(DataError, match="train_validation_split"):
        data.load("digits", "validation")
    with pytest.raises(DataError, match="Ask for 1 to"):
        data.load("digits", "train", n=0)


def test_digits_are_divided_alike_every_time():
    train, train_labels = data.load("digits", "train")
    test, test_labels = data.load("digits", "test")
    assert (train.shape[1:], train.dtype, train.max(), train.min()) == ((8, 8, 1), np.uint8, 255, 0)
    assert len(train) + len(test) == 1797
    assert np.abs(np.bincount(test_labels) * 4 - np.bincount(train_labels)).max() <= 5
    assert np.array_equal(data.load("digits", "test")[0], test)
    assert data.class_names("digits") == tuple("0123456789")
    assert "exact" in data.describe("digits")["exactness"]


def test_pocket10_goes_to_its_generator(root):
    images, labels = data.load("pocket10", "validation", n=20, seed=3)
    from course_utils.data.pocket10 import POCKET10_CLASSES, pocket10

    assert np.array_equal(images, pocket10("validation", n=20, seed=3)[0])
    assert data.class_names("pocket10") == POCKET10_CLASSES
    assert data.describe("pocket10")["dataset"] == "Pocket-10"
    assert len(labels) == 20


def small_python_cifar10(root: Path, monkeypatch, count: int = 10) -> Path:
    """Write torchvision's layout and teach torchvision the sums of these files."""
    from torchvision import datasets

    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    sums = {}
    for name in real.CIFAR10.files:
        batch = {"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8), "labels": list(range(count))}
        content = batch if "batch_" in name else {"label_names": list(real.CIFAR10.classes)}
        (folder / name).write_bytes(pickle.dumps(batch if name != "batches.meta" else content))
        sums[name] = real.file_md5(folder / name)
    lists = [[name, sums[name]] for name in real.CIFAR10.files]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", lists[:5])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", lists[5:6])
    monkeypatch.setattr(
        datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": lists[6][1]}
    )
    return folder


def test_original_cifar10_is_read_with_its_planes_as_channels(root, monkeypatch):
    folder = small_python_cifar10(root, monkeypatch)
    images, labels = data.load("cifar10", "test")
    stored = pickle.loads((folder / "test_batch").read_bytes())["data"]
    assert images.shape == (10, 32, 32, 3)
    assert images.flags.c_contiguous
    assert images[4, 2, 7, 1] == stored[4, 1024 + 2 * 32 + 7]
    assert labels.tolist() == list(range(10))
    assert data.load("cifar10", "train")[0].shape == (50, 32, 32, 3)
    assert data.describe("cifar10") == {
        "dataset": "CIFAR-10",
        "exactness": "exact: original files, verified by checksum",
    }


@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
def test_original_cifar10_with_a_wrong_checksum_is_not_unpickled(root, monkeypatch, name):
    folder = small_python_cifar10(root, monkeypatch)
    (folder / name).write_bytes(pickle.dumps({"data": b""}))
    with pytest.raises(DataError, match=rf"{name} can't be read .*course data get cifar10"):
        data.load("cifar10", "train")


def test_damage_that_no_checksum_shows_names_the_folder(root, monkeypatch):
    small_python_cifar10(root, monkeypatch)
    monkeypatch.setattr("pickle.load", lambda *a, **k: {"data": np.zeros((3, 7)), "labels": [0]})
    with pytest.raises(DataError, match="cifar-10-batches-py can't be read"):
        data.load("cifar10", "train")


def test_binary_cifar10_is_read(root):
    folder = write_small_cifar10(root, per_class=4)
    images, labels = data.load("cifar10", "train")
    assert images.shape == (40, 32, 32, 3)
    assert np.bincount(labels).tolist() == [4] * 10
    pocket, pocket_labels = data.load("pocket10", "train", n=40)
    assert np.array_equal(images, pocket)
    cars = pocket_labels == data.class_names("pocket10").index("automobile")
    assert np.all(labels[cars] == data.class_names("cifar10").index("automobile"))
    assert data.describe("cifar10")["dataset"] == "CIFAR-10 (binary version)"
    assert {entry.name: entry.pictures for entry in inventory()}["cifar10"] == {"train": 40, "test": 40}
    (folder / "data_batch_2.bin").write_bytes(b"x" * 3072)
    with pytest.raises(DataError, match=r"data_batch_2\.bin has 3,072 bytes"):
        data.load("cifar10", "train")
    (folder / "data_batch_2.bin").write_bytes(b"x" * 3073)
    with pytest.raises(DataError, match=r"data_batch_2\.bin holds the label 120"):
        data.load("cifar10", "train")
    (folder / "data_batch_2.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_2\.bin is missing"):
        data.load("cifar10", "train")


def picture_tree(
    root: Path, name: str, classes=real.CIFAR10.classes, side: int = 32, suffix: str = "jpg"
) -> Path:
    for split in ("train", "test"):
        for c, label in enumerate(classes):
            (root / name / split / label).mkdir(parents=True)
            for i in range(2):
                picture = Image.new("RGB", (side, side), (20 * c, 10 * i, 0))
                picture.save(root / name / split / label / f"{i}.{suffix}")
    return root / name


@pytest.mark.parametrize(("suffix", "form"), [("jpg", "JPEG copy"), ("png", "PNG copy")])
@pytest.mark.parametrize("archive", ["", "tar", "gztar", "zip"])
def test_copies_of_cifar10_are_read_and_called_copies(root, tmp_path, suffix, form, archive):
    import shutil

    if archive:
        picture_tree(tmp_path / "elsewhere", "cifar10", suffix=suffix)
        shutil.make_archive(str(root / "cifar10-copy"), archive, tmp_path / "elsewhere")
    else:
        picture_tree(root, "cifar10-pictures", suffix=suffix)
    images, labels = data.load("cifar10", "train")
    assert images.shape == (20, 32, 32, 3)
    assert np.abs(images[:, 16, 16, 0] - 20.0 * labels).max() < 8
    assert sorted(labels[:10].tolist()) == list(range(10))
    assert data.describe("cifar10")["dataset"] == f"CIFAR-10 ({form})"
    entry = {entry.name: entry for entry in inventory()}["cifar10"]
    assert (entry.present, entry.pictures, entry.where) == (
        True,
        {"train": 20, "test": 20},
        str(cifar.find_cifar10()),
    )


def test_tree_with_other_classes_or_sizes_is_no_cifar10(root):
    picture_tree(root, "cifar10", classes=("cat", "dog"))
    with pytest.raises(DataError, match="has the classes cat, dog; CIFAR-10's are airplane"):
        data.load("cifar10", "train")


def test_tree_with_other_sizes_is_no_cifar10(root):
    picture_tree(root, "cifar10", side=28)
    with pytest.raises(DataError, match=r"\(28, 28, 3\); CIFAR-10's are \(32, 32, 3\)"):
        data.load("cifar10", "test")


def test_inventory_tells_absent_incomplete_and_damaged_apart(root):
    small_idx(root)
    small_idx(root, "FashionMNIST")
    (root / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    (root / "cifar10.tar.gz").write_bytes(b"no archive")
    entries = {entry.name: entry for entry in inventory()}
    assert {name: entry.present for name, entry in entries.items()} == {
        "pocket10": True,
        "mnist": True,
        "fashion_mnist": False,
        "cifar10": False,
        "digits": True,
    }
    assert "t10k-labels-idx1-ubyte is missing" in entries["fashion_mnist"].exactness
    assert "damaged" in entries["cifar10"].exactness
    (root / "cifar10.tar.gz").unlink()
    assert "absent" in {entry.name: entry for entry in inventory()}["cifar10"].exactness


@pytest.mark.parametrize(
    ("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion_mnist", 0.2860, 0.3530)]
)
class TestRealIdx:
    pytestmark = real_data

    def test_moments_are_the_published_ones(self, name, mean, std):
        images, labels = data.load(name, "train")
        assert images.shape == (60_000, 28, 28, 1)
        assert round(images.mean() / 255, 4) == mean
        assert round(images.std() / 255, 4) == std
        assert len(data.load(name, "test")[1]) == 10_000
        assert len(np.unique(labels)) == 10


class TestRealDescriptions:
    pytestmark = real_data

    def test_unpacked_mnist_is_recognised_by_its_sums(self):
        assert data.describe("mnist")["exactness"] == "exact: original files, verified by checksum"

    def test_every_set_that_is_there_is_counted(self):
        counted = {entry.name: entry.pictures for entry in inventory() if entry.present}
        for name, pictures in counted.items():
            if name in real.REAL_SETS:
                assert pictures == real.REAL_SETS[name].sizes


class TestRealCifar10:
    pytestmark = [
        *real_data,
        pytest.mark.skipif(not list(REAL.glob("cifar*")), reason="COURSE_DATA names no folder with CIFAR-10"),
    ]

    def test_counts_and_form(self):
        train, labels = data.load("cifar10", "train")
        test, test_labels = data.load("cifar10", "test")
        assert (train.shape, test.shape) == ((50_000, 32, 32, 3), (10_000, 32, 32, 3))
        assert np.bincount(labels).tolist() == [5_000] * 10
        assert np.bincount(test_labels).tolist() == [1_000] * 10

    def test_least_squares_tells_cars_from_trucks_as_well_as_known(self):
        """Grayscale pixels with a bias; on the JPEG copy 71.4 % (training) and 63.5 % (test) are known."""
        parts = {}
        for split in ("train", "test"):
            images, labels = data.load("cifar10", split)
            chosen = np.isin(labels, [1, 9])
            x = data.to_grayscale(images[chosen]).reshape(chosen.sum(), -1) / 255.0
            parts[split] = np.hstack([x, np.ones((len(x), 1))]), np.where(labels[chosen] == 1, 1.0, -1.0)
        x, y = parts["train"]
        weights = np.linalg.solve(x.T @ x, x.T @ y)
        accuracy = {split: 100 * np.mean(np.sign(x @ weights) == y) for split, (x, y) in parts.items()}
        assert len(y) == 10_000
        assert abs(accuracy["train"] - 71.4) < 1
        assert abs(accuracy["test"] - 63.5) < 1.5
