"""Downloads, tried on a server of the test's own with files of the test's own."""

import gzip
import http.server
import io
import socket
import tarfile
import threading
import time

import numpy as np
import pytest
from test_data_real import small_idx, small_python_cifar10

from course_utils.data import DataError, DownloadError, describe, download, load, real


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        files, ways, asked = self.server.files, self.server.ways, self.server.asked
        name = self.path.rsplit("/", 1)[-1]
        asked.append(self.path)
        content = files.get(name)
        way = ways.get(name, "")
        if content is None or way == "absent":
            self.send_error(404)
            return
        self.send_response(200)
        if way != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if way == "cut":
            self.wfile.write(content[: len(content) // 2])
        elif way == "stall":
            self.wfile.write(content[:10])
            self.wfile.flush()
            self.server.released.wait(10)
        elif way == "wrong":
            self.wfile.write(bytes(len(content)))
        else:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    made.files, made.ways, made.asked, made.released = {}, {}, [], threading.Event()
    made.address = f"http://127.0.0.1:{made.server_port}/"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.released.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def root(tmp_path, monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def mnist_server(server, tmp_path, monkeypatch):
    """A mirror of a small MNIST, whose sums torchvision's class has been taught."""
    from torchvision import datasets

    resources = []
    for path in sorted(small_idx(tmp_path / "origin").iterdir()):
        server.files[f"{path.name}.gz"] = gzip.compress(path.read_bytes(), mtime=0)
        (tmp_path / "packed").write_bytes(server.files[f"{path.name}.gz"])
        resources.append((f"{path.name}.gz", real.file_md5(tmp_path / "packed")))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.address])
    return server


def test_mnist_is_downloaded_checked_unpacked_and_read(root, mnist_server, capfd):
    assert download.download(real.MNIST) == root / "MNIST" / "raw"
    images, labels = load("mnist", "train")
    assert images.shape == (20, 28, 28, 1)
    assert labels.tolist() == [*range(10), *range(10)]
    assert describe("mnist")["exactness"] == "exact: original files, verified by checksum"
    assert [path.name for path in root.iterdir()] == ["MNIST"], "the staging folder should be gone"
    assert capfd.readouterr().err.count("Downloading") == 4


def test_second_mirror_is_tried(root, mnist_server, monkeypatch):
    from torchvision import datasets

    mirrors = [mnist_server.address + "closed/", mnist_server.address]
    monkeypatch.setattr(datasets.MNIST, "mirrors", mirrors)
    real_open = download.urllib.request.urlopen

    def first_refuses(request, timeout):
        if "closed" in request.full_url:
            raise ConnectionRefusedError(111, "Connection refused")
        return real_open(request, timeout=timeout)

    monkeypatch.setattr(download.urllib.request, "urlopen", first_refuses)
    download.download(real.MNIST)
    assert len(load("mnist", "test")[1]) == 20


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("cut", r"the connection closed after [\d,]+ of [\d,]+ bytes"),
        ("wrong", "the checksum is [0-9a-f]{32}, not [0-9a-f]{32}"),
        ("absent", "Not Found"),
        ("stall", "timed out"),
    ],
)
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_failed_download_says_why_and_keeps_nothing(root, mnist_server, monkeypatch, way, message, name):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    mnist_server.ways[name] = way
    with pytest.raises(
        DownloadError, match=rf"(?s){name} could not be downloaded.*{message}.*COURSE_DATA.*Pocket-10"
    ):
        download.download(real.MNIST)
    assert list(root.iterdir()) == []


def test_download_without_a_length_is_still_checked(root, mnist_server):
    for name in mnist_server.files:
        mnist_server.ways[name] = "no length"
    download.download(real.MNIST)
    assert len(load("mnist", "train")[1]) == 20


def test_refused_connection_fails_at_once(root, monkeypatch):
    from torchvision import datasets

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"Connection refused.*\n.*https_proxy"):
        download.download(real.FASHION_MNIST)
    assert time.monotonic() - started < 10
    assert list(root.iterdir()) == []


def test_damaged_set_is_replaced_only_by_a_whole_one(root, mnist_server):
    raw = small_idx(root)
    (raw / "train-images-idx3-ubyte").write_bytes(b"damaged")
    mnist_server.ways["t10k-labels-idx1-ubyte.gz"] = "cut"
    with pytest.raises(DownloadError):
        download.download(real.MNIST)
    assert (raw / "train-images-idx3-ubyte").read_bytes() == b"damaged"
    mnist_server.ways.clear()
    download.download(real.MNIST)
    assert len(load("mnist", "train")[1]) == 20


def test_cifar10_is_downloaded_and_read(root, server, tmp_path, monkeypatch):
    from torchvision import datasets

    folder = small_python_cifar10(tmp_path / "origin", monkeypatch)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(folder, folder.name)
    server.files["cifar-10-python.tar.gz"] = archive.getvalue()
    (tmp_path / "packed").write_bytes(archive.getvalue())
    monkeypatch.setattr(datasets.CIFAR10, "url", server.address + "cifar-10-python.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", real.file_md5(tmp_path / "packed"))
    assert download.download(real.CIFAR10) == root / "cifar-10-batches-py"
    images, _ = load("cifar10", "train")
    assert images.shape == (50, 32, 32, 3)
    assert np.array_equal(load("cifar10", "train", n=20)[0].shape, (20, 32, 32, 3))
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-py"]


def test_folder_that_can_not_be_written_is_named(root):
    root.write_text("a file in the way")
    with pytest.raises(DataError, match=r"data folder .* can't be written"):
        download.download(real.MNIST)


def test_full_disk_while_unpacking_is_explained(root, mnist_server, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_install", full)
    with pytest.raises(DataError, match="No space left on device"):
        download.download(real.MNIST)
    assert list(root.iterdir()) == []
