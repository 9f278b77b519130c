"""Folders and archives of pictures: layouts, the decoded cache, and what is wrong with them."""

import io
import os
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.data import (
    DataError,
    DataNotFoundError,
    cache_dir,
    class_names,
    data_dir,
    load,
    load_folder,
)
from course_utils.data import folder as folder_module
from course_utils.data.cache import load_arrays, save_arrays, written_aside
from course_utils.data.pictures import decode


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def colour(value: int, side: int = 6) -> bytes:
    """A picture whose red channel is ``value`` everywhere."""
    return png(np.full((side, side, 3), (value, 10, 20), dtype=np.uint8))


def tree(root: Path, splits=("train", "test"), classes=("cat", "dog"), count: int = 3) -> Path:
    for s, split in enumerate(splits):
        for c, label in enumerate(classes):
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                (root / split / label / f"{i:04}.png").write_bytes(colour(100 * s + 10 * c + i))
    return root


def packed(source: Path, path: Path, prefix: str = "outer") -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(source.rglob("*")):
                archive.write(file, f"{prefix}/{file.relative_to(source)}")
    else:
        with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
            archive.add(source, prefix)
    return path


@pytest.mark.parametrize("form", ["folder", "set.tar", "set.tar.gz", "set.tgz", "set.zip"])
def test_splits_and_classes_are_read_alike_from_every_form(tmp_path, form):
    source = tree(tmp_path / "tree", ("train", "val", "test"))
    (source / "README.txt").write_text("not a picture")
    (source / "train" / ".DS_Store").write_bytes(b"")
    path = source if form == "folder" else packed(source, tmp_path / form)
    for split, base in (("train", 0), ("validation", 100), ("test", 200)):
        for _ in ("decoded", "from the cache"):
            found = load_folder(path, split)
            assert found.images.shape == (6, 6, 6, 3)
            assert found.images.dtype == np.uint8
            assert found.images[:, 0, 0, 0].tolist() == [base + v for v in (0, 1, 2, 10, 11, 12)]
            assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
            assert found.labels.dtype == np.int64
            assert found.class_names == ("cat", "dog")
    assert class_names(f"folder:{path}") == ("cat", "dog")
    assert folder_module.count_pictures(path) == {"train": 6, "validation": 6, "test": 6}


def test_load_mixes_the_classes_and_takes_balanced_subsets(tmp_path):
    path = tree(tmp_path / "tree", count=10)
    images, labels = load(f"folder:{path}", "train")
    assert len(labels) == 20
    assert labels[:2].sum() == 1, "a class should not come after the other"
    assert np.array_equal((images[:, 0, 0, 0] // 10), labels)
    fewer, fewer_labels = load(f"folder:{path}", "train", n=6)
    assert np.array_equal(fewer, images[:6])
    assert np.bincount(fewer_labels).tolist() == [3, 3]
    assert not np.array_equal(load(f"folder:{path}", "train", seed=1)[0], images)


def test_folder_without_splits_is_divided_and_stays_so_when_pictures_are_added(tmp_path):
    path = tree(tmp_path / "tree", ("",), count=10)
    train, test = load_folder(path, "train"), load_folder(path, "test")
    assert np.bincount(train.labels).tolist() == [8, 8]
    assert np.bincount(test.labels).tolist() == [2, 2]
    together = np.concatenate([train.images, test.images])[:, 0, 0, 0]
    assert sorted(together.tolist()) == [*range(10), *range(10, 20)]
    before = set(folder_module.folder_layout(path)["test"])
    (path / "cat" / "new.png").write_bytes(colour(90))
    assert len(before - set(folder_module.folder_layout(path)["test"])) <= 1


def test_pictures_are_decoded_once_and_again_after_a_change(tmp_path, monkeypatch):
    path = tree(tmp_path / "tree")
    calls = []
    monkeypatch.setattr("course_utils.data.sources.decode", lambda *a: calls.append(1) or decode(*a))
    load_folder(path, "train")
    load_folder(path, "train")
    assert len(calls) == 6
    (path / "train" / "cat" / "0000.png").write_bytes(colour(77))
    os.utime(path / "train" / "cat" / "0000.png", (1, 1))
    assert load_folder(path, "train").images[0, 0, 0, 0] == 77
    assert len(calls) == 12
    assert len(list(cache_dir().iterdir())) == 1, "what was kept of the earlier state should be gone"


def test_archive_is_decoded_once_for_all_splits(tmp_path, monkeypatch):
    path = packed(tree(tmp_path / "tree"), tmp_path / "set.tar.gz")
    load_folder(path, "test")
    monkeypatch.setattr("course_utils.data.sources.open_source", lambda path: pytest.fail("read again"))
    assert len(load_folder(path, "train").images) == 6


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_damaged_cache_is_made_again(tmp_path, damage):
    path = tree(tmp_path / "tree", count=20)
    right = load_folder(path, "train")
    (kept,) = cache_dir().iterdir()
    data = bytearray(kept.read_bytes())
    middle = data.index(right.images.tobytes()) + right.images.nbytes // 2
    data[middle] ^= 0xFF
    contents = {
        "truncate": data[: len(data) // 2],
        "flip": data,
        "empty": b"",
        "foreign": png(right.images[0]),
    }
    kept.write_bytes(contents[damage])
    again = load_folder(path, "train")
    assert np.array_equal(again.images, right.images)
    assert load_arrays(kept) is not None, "the damaged file should have been replaced"


def test_pictures_are_scaled_where_asked(tmp_path):
    path = tree(tmp_path / "tree")
    (path / "train" / "cat" / "0001.png").write_bytes(colour(1, side=9))
    with pytest.raises(
        DataError, match=r"0001\.png is 9 pixels wide and 9 high, but .*0000\.png is 6 by 6.*size=32"
    ):
        load_folder(path, "train")
    assert load_folder(path, "train", size=4).images.shape == (6, 4, 4, 3)
    assert load_folder(path, "train", size=(4, 5)).images.shape == (6, 4, 5, 3)
    with pytest.raises(DataError, match="0001"):
        load_folder(path, "train")


def test_grayscale_pictures_have_one_channel_and_mixing_is_refused(tmp_path):
    path = tree(tmp_path / "tree", ("train",))
    for file in path.rglob("*.png"):
        file.write_bytes(png(np.full((4, 4), 9, dtype=np.uint8)))
    assert load_folder(path, "train").images.shape == (6, 4, 4, 1)
    (path / "train" / "dog" / "0002.png").write_bytes(colour(3, side=4))
    with pytest.raises(DataError, match=r"dog/0002\.png is in colour, but train/cat/0000\.png is grayscale"):
        load_folder(path, "train")


BROKEN = {
    "truncated": (colour(3, 40)[:70], "can't be read as a picture"),
    "empty": (b"", "the file is empty"),
    "text": (b"hello", "damaged or not a picture"),
    "16 bit": (png(np.full((6, 6), 1000, dtype=np.uint16)), "8 bits a channel"),
}


@pytest.mark.parametrize("form", ["folder", "set.tar.gz"])
@pytest.mark.parametrize("kind", BROKEN)
def test_unreadable_picture_is_named(tmp_path, form, kind):
    content, message = BROKEN[kind]
    path = tree(tmp_path / "tree")
    (path / "train" / "dog" / "0001.png").write_bytes(content)
    path = path if form == "folder" else packed(path, tmp_path / form)
    with pytest.raises(DataError, match=rf"train/dog/0001\.png.*{message}"):
        load_folder(path, "train")
    assert not list(cache_dir().glob("*")), "nothing half-read may be kept"


def test_missing_huge_and_forbidden_pictures_are_explained(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"x\.png .*no such file"):
        decode(tmp_path / "x.png", "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match="far too large"):
        decode(colour(1), "big.png")
    monkeypatch.setattr(Image, "open", lambda file: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(DataError, match="permissions"):
        decode(colour(1), "locked.png")


def test_broken_link_is_named(tmp_path):
    path = tree(tmp_path / "tree")
    (path / "train" / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"cat/gone\.png can't be read"):
        load_folder(path, "train")


def test_camera_rotation_and_transparency(tmp_path):
    picture = Image.new("RGB", (4, 2), (200, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to see it upright"
    picture.save(tmp_path / "phone.jpg", exif=exif)
    assert decode(tmp_path / "phone.jpg", "phone.jpg").shape == (4, 2, 3)
    Image.new("RGBA", (3, 3), (1, 2, 3, 0)).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png", "clear.png")[0, 0].tolist() == [1, 2, 3]
    Image.new("LA", (3, 3), (7, 0)).save(tmp_path / "gray.png")
    assert decode(tmp_path / "gray.png", "gray.png").shape == (3, 3, 1)


LAYOUTS = {
    "empty class": (lambda p: (p / "train" / "bird").mkdir(), r"\(train\): the class folder 'bird' is empty"),
    "missing class": (
        lambda p: (p / "test" / "dog").rename(p / "test" / "wolf"),
        "'dog' is missing|'wolf' is missing",
    ),
    "too deep": (
        lambda p: (p / "train" / "dog" / "a").mkdir() or _put(p / "train/dog/a/1.png"),
        r"dog/a/1\.png.*class",
    ),
    "too shallow": (lambda p: _put(p / "train/1.png"), r"train/1\.png does not lie in a class folder"),
    "stray folder": (
        lambda p: (p / "drafts" / "x").mkdir(parents=True),
        "drafts stands beside train or test",
    ),
}


def _put(path: Path) -> None:
    path.write_bytes(colour(1))


@pytest.mark.parametrize("form", ["folder", "set.tar", "set.zip"])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_wrong_layout_is_explained(tmp_path, form, kind):
    spoil, message = LAYOUTS[kind]
    path = tree(tmp_path / "tree")
    spoil(path)
    path = path if form == "folder" else packed(path, tmp_path / form)
    with pytest.raises(DataError, match=message):
        load_folder(path, "train")


def test_sets_that_can_not_be_divided_or_told_apart(tmp_path):
    with pytest.raises(DataError, match="only the class 'cat'"):
        load_folder(tree(tmp_path / "one", classes=("cat",)), "train")
    with pytest.raises(DataError, match="the class 'cat' has one picture"):
        load_folder(tree(tmp_path / "few", ("",), count=1), "train")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        load_folder(tmp_path / "none", "train")
    with pytest.raises(DataError, match="has the splits train, test, but 'validation'"):
        load_folder(tree(tmp_path / "two"), "validation")
    with pytest.raises(DataNotFoundError, match="no folder or archive"):
        load_folder(tmp_path / "absent", "train")
    (tmp_path / "set.rar").write_bytes(b"x")
    with pytest.raises(DataError, match="neither a folder nor an archive"):
        load_folder(tmp_path / "set.rar", "train")


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.zip"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_truncated_archive_is_named(tmp_path, name, share):
    path = packed(tree(tmp_path / "tree", count=20), tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data)) // 512 * 512])
    with pytest.raises(DataError, match=rf"{name} is damaged or incomplete"):
        load_folder(path, "train")
    assert not cache_dir().exists()


def test_spoilt_header_in_the_middle_of_a_tar_is_noticed(tmp_path):
    path = packed(tree(tmp_path / "tree", count=20), tmp_path / "set.tar")
    data = bytearray(path.read_bytes())
    where = data.index(b"outer/train/dog/0010.png")
    data[where : where + 4] = b"OUTR"
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged or incomplete"):
        load_folder(path, "train")


def test_cache_that_can_not_be_written_costs_only_a_warning(tmp_path, monkeypatch):
    path = tree(tmp_path / "tree")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="COURSE_CACHE"):
        assert len(load_folder(path, "train").images) == 6


def test_written_aside_keeps_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "kept.npz"
    assert save_arrays(target, a=np.arange(3))

    def fail():
        with written_aside(target) as aside:
            aside.write_bytes(b"half")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert load_arrays(target)["a"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["kept.npz"]
    assert load_arrays(tmp_path / "absent.npz") is None


def test_killed_reader_leaves_nothing_that_is_read_later(tmp_path):
    """A process that dies while writing leaves only a temporary file, under a name that nobody reads."""
    program = (
        "import os, numpy as np\n"
        "from course_utils.data import cache\n"
        "np.savez = lambda file, **arrays: (file.write(b'half'), file.flush(), os._exit(9))\n"
        f"from course_utils.data import load_folder\nload_folder({str(tree(tmp_path / 'tree'))!r}, 'train')\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert not list(cache_dir().glob("*.npz"))
    assert len(load_folder(tmp_path / "tree", "train").images) == 6


def test_folders_follow_the_environment(tmp_path, monkeypatch):
    assert data_dir() == tmp_path / "data"
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.delenv("COURSE_CACHE")
    assert data_dir().name == "data"
    assert cache_dir().parent == data_dir().parent
    assert "image-classification-course" in str(cache_dir())


def test_importing_the_package_does_not_import_torch():
    program = "import sys, course_utils.data; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_reading_is_silent_where_there_is_no_terminal(tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_folder(tree(tmp_path / "tree"), "train")
    assert capfd.readouterr() == ("", "")
