"""``course data`` as a person types it, in a terminal and in a pipe."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_data_folder import colour, tree
from test_data_real import small_idx
from typer.testing import CliRunner

from course_utils.cli import app
from course_utils.data import DownloadError, real
from course_utils.data.progress import progress


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Run a command with data and cache folders of this test's own."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return lambda *words: CliRunner().invoke(app, ["data", *words])


def test_list_prints_a_plain_line_a_set_in_a_pipe(course, tmp_path):
    small_idx(tmp_path / "data")
    lines = course("list").output.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "pocket10",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "digits",
    ]
    assert lines[1].startswith("mnist: present; MNIST, 20 train + 20 test")
    assert "absent" in lines[3]
    assert "course data get cifar10" in lines[3]


def test_list_draws_a_table_on_a_terminal(course, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    output = course("list").output
    assert "━" in output
    assert "Pocket-10" in output


def test_path_prints_one_folder(course, tmp_path):
    assert course("path").output == f"{tmp_path / 'data'}\n"
    assert course("path", "--cache").output == f"{tmp_path / 'cache'}\n"


def test_show_writes_a_contact_sheet(course, tmp_path):
    run = course("show", "digits", "--split", "test", "--n", "20", "--out", str(tmp_path / "sheet.png"))
    assert (run.exit_code, run.output) == (0, f"{tmp_path / 'sheet.png'}\n")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"))
    assert sheet.shape[1] > 500
    assert sheet.std() > 20, "the sheet should show something"


def test_show_takes_folders_and_keeps_the_sheet_in_the_cache(course, tmp_path):
    path = tree(tmp_path / "tree", classes=tuple("abcdef"))
    run = course("show", f"folder:{path}", "--n", "12")
    assert run.exit_code == 0, run.output
    assert run.output.startswith(str(tmp_path / "cache" / "contact-sheets"))
    assert Image.open(run.output.strip()).width > 100


def test_errors_are_one_message_and_status_1(course, tmp_path):
    for words in (
        ("show", "mnist"),
        ("show", "imagenet"),
        ("get", "imagenet"),
        ("show", "digits", "--split", "x"),
    ):
        run = course(*words)
        assert run.exit_code == 1
        assert run.output.startswith("error: ")
        assert "Traceback" not in run.output
    (tmp_path / "file").write_text("")
    run = course("show", "digits", "--out", str(tmp_path / "file" / "sheet.png"))
    assert (run.exit_code, "can't be written" in run.output) == (1, True)


def test_get_leaves_what_is_there_and_downloads_what_is_not(course, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("course_utils.data.download.download", lambda known: asked.append(known) or tmp_path)
    assert "mnist is not there; downloading it." in course("get", "mnist").output
    raw = small_idx(tmp_path / "data")
    assert course("get", "mnist").output == "mnist is there: 20 train + 20 test pictures.\n"
    assert asked == [real.MNIST]
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"damaged")
    assert "Downloading mnist anew." in course("get", "mnist").output
    course("get", "mnist", "--force")
    assert asked == [real.MNIST] * 3


def test_get_reports_a_failed_download(course, monkeypatch):
    def fails(known):
        raise DownloadError("no mirror answered")

    monkeypatch.setattr("course_utils.data.download.download", fails)
    run = course("get", "fashion_mnist")
    assert run.exit_code == 1
    assert run.output.endswith("error: no mirror answered\n")


def test_get_prepares_what_needs_no_network(course, monkeypatch):
    assert "1,438 train + 359 test" in course("get", "digits").output
    monkeypatch.setattr(
        "course_utils.data.load", lambda name, split: (None, np.zeros({"train": 10_000}.get(split, 2_000)))
    )
    assert "10,000 train + 2,000 validation + 2,000 test" in course("get", "pocket10").output


def test_progress_is_a_bar_on_a_terminal_and_a_line_elsewhere(capsys, monkeypatch):
    with progress("Reading", 3) as advance:
        advance(3)
    assert capsys.readouterr().err == "Reading\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    for in_bytes in (False, True):
        with progress("Reading", 3, in_bytes=in_bytes) as advance:
            advance(3)
        shown = capsys.readouterr().err
        assert "Reading" in shown
        assert "3/3" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are not available on Windows")
def test_reading_shows_a_bar_on_a_real_terminal(tmp_path):
    import pty

    path = tree(tmp_path / "tree", count=30)
    (path / "train" / "cat" / "big.png").write_bytes(colour(1, side=6))
    leader, follower = pty.openpty()
    environment = os.environ | {"COURSE_CACHE": str(tmp_path / "cache"), "TERM": "xterm", "COLUMNS": "100"}
    program = f"from course_utils.data import load_folder; load_folder({str(path)!r}, 'train')"
    subprocess.run([sys.executable, "-c", program], stderr=follower, env=environment, check=True)
    os.close(follower)
    assert b"Reading tree" in os.read(leader, 100_000)
    os.close(leader)
