"""Unpacking downloads: nothing leaves the folder, nothing but regular files comes out, and not too much."""

import gzip
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile

import pytest

from course_utils.grading.archives import ArchiveError, Room, unpack

SAFE = b"a notebook"
#: Names that must not be written, each with a part of the reason.
BAD_NAMES = {
    "../out.ipynb": "leads out",
    "a/../../out.ipynb": "leads out",
    "/out.ipynb": "leads out",
    "a\\..\\out.ipynb": "must not hold",
    "C:out.ipynb": "must not hold",
    "a\nb.ipynb": "must not hold",
    "\x1b[2Jx.ipynb": "must not hold",
    "\u202eypni.x": "must not hold",
    "a//b.ipynb": "empty part",
    "./b.ipynb": "empty part",
    "x" * 201: "too long",
    "y/" * 501 + "z": "leads out",
}


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


MAKERS = {"d.zip": make_zip, "d.tar": make_tar, "d.tar.gz": make_tar}


@pytest.fixture
def target(tmp_path):
    made = tmp_path / "inside" / "target"
    made.mkdir(parents=True)
    return made


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("name", MAKERS)
def test_regular_files_come_out(tmp_path, target, name):
    archive = MAKERS[name](tmp_path / name, [("ada.ipynb", SAFE), ("bob/b.ipynb", b"x" * 3_000_000)])
    assert unpack(archive, target) == []
    assert (target / "ada.ipynb").read_bytes() == SAFE
    assert (target / "bob" / "b.ipynb").read_bytes() == b"x" * 3_000_000
    assert stat.S_IMODE((target / "ada.ipynb").stat().st_mode) & 0o111 == 0


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("bad", BAD_NAMES, ids=ascii)
def test_no_name_leads_out(tmp_path, target, name, bad):
    archive = MAKERS[name](tmp_path / name, [(bad, b"evil"), ("good.ipynb", SAFE)])
    left_out = unpack(archive, target)
    assert len(left_out) == 1
    assert BAD_NAMES[bad] in left_out[0]
    assert "\x1b" not in left_out[0]
    assert files_below(tmp_path) == {name, "inside/target/good.ipynb"}


def test_a_zip_member_with_a_nul_in_its_name_is_left_out(tmp_path, target):
    archive = make_zip(tmp_path / "d.zip", [("adaXbob", SAFE)])
    archive.write_bytes(archive.read_bytes().replace(b"adaXbob", b"ada\0bob"))
    assert "must not hold" in unpack(archive, target)[0]
    assert files_below(target) == set()


def test_links_and_devices_are_left_out(tmp_path, target):
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as file:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc")
        file.writestr("link/passwd", "evil")
    with tarfile.open(tmp_path / "d.tar", "w") as file:
        kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"link{number}")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    assert unpack(tmp_path / "d.zip", target) == ["link: it is no regular file"]
    assert len(unpack(tmp_path / "d.tar", target)) == 5
    assert files_below(target) == {"link/passwd"}


def test_a_link_that_is_there_already_is_not_followed(tmp_path, target):
    (target / "a.ipynb").symlink_to(tmp_path / "outside")
    archive = make_zip(tmp_path / "d.zip", [("a.ipynb", b"evil"), ("b.ipynb", SAFE), ("b.ipynb/c", SAFE)])
    assert len(unpack(archive, target)) == 2
    assert not (tmp_path / "outside").exists()


def test_a_name_that_is_there_twice_keeps_its_first_file(tmp_path, target):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = make_zip(tmp_path / "d.zip", [("ada.ipynb", SAFE), ("ada.ipynb", b"other")])
    assert "there already" in unpack(archive, target)[0]
    assert (target / "ada.ipynb").read_bytes() == SAFE


@pytest.mark.parametrize("name", MAKERS)
def test_what_explodes_is_stopped(tmp_path, target, name):
    archive = MAKERS[name](tmp_path / name, [("a", b"\0" * 5_000_000), ("b", SAFE)])
    left_out = unpack(archive, target, Room(file=1_000_000))
    assert left_out == ["a: it is larger than 1000000 bytes"]
    assert files_below(target) == {"b"}
    with pytest.raises(ArchiveError, match="holds more than 3000000 bytes"):
        unpack(archive, target, Room(total=3_000_000))
    many = MAKERS[name](tmp_path / name, [(f"f{number}", b"") for number in range(20)])
    with pytest.raises(ArchiveError, match="more than 10 files"):
        unpack(many, target, Room(files=10))
    assert sum(path.stat().st_size for path in target.rglob("*")) < 2000


def test_a_size_in_the_header_is_not_believed(tmp_path, target):
    """A zip file whose directory says 10 bytes where 5 MB come out."""
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", b"\0" * 5_000_000)
    data = path.read_bytes()
    path.write_bytes(data.replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    unpack(path, target, Room(file=1_000_000))
    assert sum(file.stat().st_size for file in target.iterdir()) <= 1_000_000


def test_a_long_tar_header_does_not_fill_the_memory(tmp_path, target):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**34
    (tmp_path / "d.tar").write_bytes(info.tobuf() + b"\0" * 1024)
    with pytest.raises(ArchiveError):
        unpack(tmp_path / "d.tar", target)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.zip", b"no zip"),
        ("d.tar", b"no tar"),
        ("d.gz", gzip.compress(b"no tar", mtime=0)),  # the same name in every test process
        ("d.tgz", b"\x1f\x8b garbage"),
        ("d.zip", b""),
    ],
)
def test_what_is_no_archive_is_said(tmp_path, target, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArchiveError, match=name):
        unpack(tmp_path / name, target)


def test_broken_locked_and_unusual_members_cost_only_themselves(tmp_path, target):
    path = make_zip(tmp_path / "d.zip", [("a", b"first content"), ("b", SAFE), ("c", b"third content")])
    data = path.read_bytes().replace(b"first content", b"wrong content")
    place = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 1)
    data = data[: place + 8] + b"\x01" + data[place + 9 :]  # says that it is encrypted
    path.write_bytes(data)
    left_out = unpack(path, target)
    assert [line[0] for line in left_out] == ["a", "c"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("l", SAFE)
    assert unpack(path, target) == ["l: it is packed in an unusual way"]
    assert files_below(target) == {"b"}


def test_archives_inside_stay_packed(tmp_path, target):
    inner = make_zip(tmp_path / "inner.zip", [("bob_ps1.ipynb", b"another's name")])
    archive = make_zip(tmp_path / "d.zip", [("ada_ps1.zip", inner.read_bytes())])
    assert unpack(archive, target) == []
    assert files_below(target) == {"ada_ps1.zip"}


# Through nbgrader zip_collect ----------------------------------------------------------------------

ASSIGNMENT = "ps1_first_classifiers"


def collected(root, course):
    """Run the stock command in a course whose download lies in ``archive``; give submitted files."""
    shutil.copy(root / "nbgrader_config.py", course)
    command = [sys.executable, "-m", "nbgrader", "zip_collect", ASSIGNMENT, "--force"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return files_below(course / "class"), done.stderr


def test_zip_collect_takes_only_what_the_download_names(root, tmp_path):
    course = tmp_path / "course"
    archive = course / "class" / "downloaded" / ASSIGNMENT / "archive"
    archive.mkdir(parents=True)
    notebook = f"{ASSIGNMENT}.ipynb"
    inner = make_zip(tmp_path / "inner.zip", [(f"bob_{notebook}", b"by ada")])
    members = {
        f"ada_{notebook}": SAFE,
        f"cleo/bob_{notebook}": b"by cleo",
        f"dan\\bob_{notebook}": b"by dan",
        f".._{notebook}": b"above",
        f"../bob_{notebook}": b"outside",
        "ada_work.zip": inner.read_bytes(),
        "timestamp.txt": b"2001-01-01 00:00:00 UTC",
        f"ada/{ASSIGNMENT}/timestamp.txt": b"2001-01-01 00:00:00 UTC",
    }
    make_zip(archive / "all.zip", members.items())
    (archive / "broken.zip").write_bytes(b"no zip")
    (archive / f"finn_{notebook}").write_bytes(SAFE)
    (archive / f"eve_{notebook}").symlink_to("/etc/passwd")
    os.mkfifo(archive / f"gil_{notebook}")
    files, said = collected(root, course)
    outside_download = {name for name in files if not name.startswith("downloaded/")}
    assert outside_download == {f"submitted/{student}/{ASSIGNMENT}/{notebook}" for student in ("ada", "finn")}
    for reason in (
        "broken.zip can't be unpacked",
        "leads out",
        "must not hold",
        "symbolic link",
        "is a pipe",
    ):
        assert reason in said
