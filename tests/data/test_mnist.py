"""MNIST from a folder and from mirrors: right arrays, or one clear error; never half a file, never the real network."""

import gzip
import hashlib
import http.server
import importlib
import os
import re
import struct
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tinygrad_edu.data import mnist
from tinygrad_edu.errors import DataError, FileError, FileNotFound

MODULE = importlib.import_module("tinygrad_edu.data.mnist")  # the package's attribute of that name is the function
NAMES = tuple(MODULE.SHA256)
REAL_HASHES = dict(MODULE.SHA256)
RNG = np.random.default_rng(0)
IMAGES = {part: RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8) for part, count in (("train", 6), ("t10k", 3))}
LABELS = {"train": np.array([0, 9, 5, 5, 1, 2], np.uint8), "t10k": np.array([7, 2, 1], np.uint8)}


def idx(array, code=0x08):
    """The array as the bytes of an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


CONTENT = {
    f"{part}-{kind}-idx{rank}-ubyte": idx(arrays[part])
    for part in ("train", "t10k")
    for kind, rank, arrays in (("images", 3, IMAGES), ("labels", 1, LABELS))
}
PACKED = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


def write(folder, **changed):
    """The four files, plain; `changed` gives one of them other content (None: leaves it out)."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, content in CONTENT.items():
        content = changed.get("_".join(name.split("-")[:2]), content)
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def assert_is_the_set(pair):
    for part, (images, labels) in zip(("train", "t10k"), pair, strict=True):
        np.testing.assert_array_equal(images, IMAGES[part].reshape(-1, 784).astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(labels, LABELS[part])
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        for array in (images, labels):
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            assert array.base is None


# --- a folder of the user's ---


@pytest.mark.parametrize("packed", [set(), set(NAMES), {NAMES[0], NAMES[3]}], ids=["plain", "gz", "mixed"])
def test_reads_a_folder_plain_or_packed(tmp_path, packed):
    for name, content in CONTENT.items():
        (tmp_path / (name + ".gz" * (name in packed))).write_bytes(
            gzip.compress(content) if name in packed else content
        )
    assert_is_the_set(mnist(tmp_path))
    assert_is_the_set(mnist(str(tmp_path), download=False, progress=False))


def test_pixels_are_value_over_255_in_float32(tmp_path):
    values = np.resize(np.arange(256, dtype=np.uint8), (6, 28, 28))
    train, _ = mnist(write(tmp_path, train_images=idx(values)))
    assert train.images[0, :256].tolist() == [float(np.float32(value / 255)) for value in range(256)]


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "digits")
    assert_is_the_set(mnist("~/digits"))


def test_a_folder_is_neither_completed_nor_checked_by_hash(tmp_path, server):
    write(tmp_path, t10k_labels=None)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileNotFound, match="MNIST is incomplete: 1 of 4 files missing") as caught:
        mnist(tmp_path, download=True)
    text = str(caught.value)
    assert "expected: t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n" in text
    assert f"found:    {', '.join(before)}\n" in text
    assert "mnist() without a folder" in text
    assert sorted(os.listdir(tmp_path)) == before
    assert server.requests == []


def test_a_missing_folder_or_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "mnits").mkdir()
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        mnist(tmp_path / "mnist")
    assert f"where:  {tmp_path / 'mnist'}\n" in str(caught.value)
    assert f"in {tmp_path}: mnits/\n" in str(caught.value)
    assert "--data-dir FOLDER" in str(caught.value)
    write(tmp_path)
    with pytest.raises(FileNotFound, match="this is a file; the folder is needed"):
        mnist(tmp_path / NAMES[0])


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("train_images", CONTENT[NAMES[1]], r"shape \(6,\) of uint8"),
        ("train_images", idx(np.zeros((6, 784), np.uint8)), r"shape \(6, 784\) of uint8"),
        ("train_images", idx(np.zeros((6, 32, 32), np.uint8)), r"shape \(6, 32, 32\) of uint8"),
        ("train_images", idx(np.zeros((6, 28, 28), np.int8), 0x09), r"shape \(6, 28, 28\) of int8"),
        ("t10k_labels", CONTENT[NAMES[2]], r"shape \(3, 28, 28\) of uint8"),
        ("t10k_labels", idx(np.zeros(3, ">i4"), 0x0C), r"shape \(3,\) of int32"),
    ],
)
def test_another_idx_file_in_the_place_of_one_is_told(tmp_path, file, content, what):
    with pytest.raises(DataError, match=f"IDX, but not MNIST's(.|\n)*found:    {what}") as caught:
        mnist(write(tmp_path, **{file: content}))
    assert file.replace("_", "-") in str(caught.value)
    assert "images and labels swapped" in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels"), [(IMAGES["t10k"], LABELS["train"]), (IMAGES["train"][:0], LABELS["train"][:0])]
)
def test_images_without_labels_are_told(tmp_path, images, labels):
    write(tmp_path, train_images=idx(images), train_labels=idx(labels))
    with pytest.raises(DataError, match="as many labels as images") as caught:
        mnist(tmp_path)
    text = str(caught.value)
    assert f"found:  {len(images)} images, {len(labels)} labels\n" in text
    assert str(tmp_path / NAMES[0]) in text
    assert str(tmp_path / NAMES[1]) in text


def test_a_label_that_is_no_digit_is_told(tmp_path):
    with pytest.raises(DataError, match="a label is not a digit") as caught:
        mnist(write(tmp_path, t10k_labels=idx(np.array([9, 10, 10], np.uint8))))
    assert "found:    label 1 is 10\n" in str(caught.value)
    assert str(tmp_path / NAMES[3]) in str(caught.value)


def test_a_file_that_is_not_idx_is_told_with_its_path(tmp_path):
    with pytest.raises(DataError, match="not an IDX file") as caught:
        mnist(write(tmp_path, train_labels=b"<html>"))
    assert str(tmp_path / NAMES[1]) in str(caught.value)


# --- the cache and the mirrors: a server of our own on the loopback interface ---


class Server(http.server.ThreadingHTTPServer):
    """Serves the four files below `/good/`; `replies` overrides what a path gives. Keeps the paths asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = {}
        self.requests = []
        self.closing = threading.Event()

    def mirror(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with (status, body, announced length); a length of None announces none, "silence" sends nothing."""

    def do_GET(self):
        self.server.requests.append(self.path)
        mirror, name = self.path[1:].split("/")
        usual = (200, PACKED[name], len(PACKED[name])) if mirror == "good" else (404, b"", 0)
        reply = self.server.replies.get(self.path, self.server.replies.get(mirror, usual))
        if reply == "silence":
            self.server.closing.wait(10)
            return
        status, body, length = reply
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(MODULE, "MIRRORS", (running.mirror("good"),))
        monkeypatch.setattr(MODULE, "SHA256", {n: hashlib.sha256(c).hexdigest() for n, c in CONTENT.items()})
        yield running
        running.closing.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(server, monkeypatch, tmp_path):
    """The cache's folder, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tinygrad_edu" / "mnist"


def two_mirrors(server, monkeypatch):
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("bad"), server.mirror("good")))


def test_downloads_once_and_then_reads_the_cache(cache, server):
    assert_is_the_set(mnist(progress=False))
    assert server.requests == [f"/good/{name}.gz" for name in NAMES]
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == PACKED
    assert_is_the_set(mnist(progress=False))
    assert_is_the_set(mnist(download=False))
    assert len(server.requests) == 4


HTML = b"<html>Please log in to the network</html>"
TOO_SHORT = r"the connection ended after 100 of [\d,]+ bytes|IncompleteRead"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((404, b"", 0), "HTTP Error 404: Not Found"),
        ((503, b"busy", 4), "HTTP Error 503: Service Unavailable"),
        ((200, HTML, len(HTML)), "wrong content: SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"),
        ((200, PACKED[NAMES[0] + ".gz"][:100], len(PACKED[NAMES[0] + ".gz"])), TOO_SHORT),
        ((200, PACKED[NAMES[0] + ".gz"][:100], None), "gzip data is cut short"),
        ((200, b"\x1f\x8b" + bytes(50), 52), "gzip data is damaged"),
        ((200, b"", 0), "wrong content"),
        ("silence", "timed out"),
    ],
    ids=["404", "503", "html", "truncated", "truncated-unannounced", "damaged", "empty", "silence"],
)
def test_a_failing_mirror_is_followed_by_the_next_and_asked_no_more(cache, server, monkeypatch, reply, reason):
    monkeypatch.setattr(MODULE, "TIMEOUT", 0.2)
    server.replies["bad"] = reply
    two_mirrors(server, monkeypatch)
    assert_is_the_set(mnist(progress=False))
    assert server.requests == [f"/bad/{NAMES[0]}.gz", *(f"/good/{name}.gz" for name in NAMES)]
    assert sorted(os.listdir(cache)) == sorted(PACKED)

    for path in cache.iterdir():
        path.unlink()
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("bad"), server.mirror("gone")))
    with pytest.raises(FileError, match=f"no mirror gave {NAMES[0]}.gz") as caught:
        mnist(progress=False)
    text = str(caught.value)
    names = "\n           ".join(PACKED)
    assert f"missing: {names}\n" in text
    assert re.search(rf"mirrors: {server.mirror('bad')}  ({reason})[^\n]*\n", text)
    assert f"           {server.mirror('gone')}  HTTP Error 404: Not Found\n" in text
    assert f"put them into {cache}\n" in text
    assert "--data-dir FOLDER" in text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert not os.listdir(cache)


def test_the_network_being_away_is_one_error(cache, monkeypatch, server):
    monkeypatch.setattr(MODULE, "MIRRORS", ("http://127.0.0.1:1/",))  # nobody listens on port 1
    with pytest.raises(OSError, match="MNIST cannot be downloaded") as caught:
        mnist(progress=False)
    assert isinstance(caught.value, FileError)
    assert "refused" in str(caught.value)
    assert not cache.exists()


def test_a_file_larger_than_any_of_the_four_is_given_up(cache, server, monkeypatch):
    monkeypatch.setattr(MODULE, "_LARGEST", 50)
    with pytest.raises(FileError, match="wrong content: more than 50 bytes"):
        mnist(progress=False)


def test_a_mirror_that_unpacks_on_the_way_is_welcome(cache, server):
    for name, content in CONTENT.items():
        server.replies[f"/good/{name}.gz"] = (200, content, None)
    assert_is_the_set(mnist(progress=False))
    assert_is_the_set(mnist(download=False))


def test_files_that_came_stay_when_a_later_one_fails(cache, server):
    server.replies[f"/good/{NAMES[2]}.gz"] = (404, b"", 0)
    with pytest.raises(FileError, match=f"no mirror gave {NAMES[2]}.gz") as caught:
        mnist(progress=False)
    assert f"missing: {NAMES[2]}.gz\n           {NAMES[3]}.gz\n" in str(caught.value)
    assert sorted(os.listdir(cache)) == sorted(f"{name}.gz" for name in NAMES[:2])
    server.replies.clear()
    server.requests.clear()
    assert_is_the_set(mnist(progress=False))
    assert server.requests == [f"/good/{name}.gz" for name in NAMES[2:]]


def test_an_interruption_while_receiving_leaves_nothing(cache, monkeypatch, server):
    class Interrupted:
        length = 1000

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def read(self, size):
            self.read = self.interrupt
            return b"some"

        def interrupt(self, size):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(urllib.request, "urlopen", lambda url, timeout: Interrupted())
        with pytest.raises(KeyboardInterrupt):
            mnist(progress=False)
    assert not cache.exists()
    assert_is_the_set(mnist(progress=False))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_failure_while_writing_leaves_neither_a_part_nor_harm(cache, monkeypatch, server, error):
    write(cache)
    (cache / NAMES[0]).unlink()
    (cache / f"{NAMES[0]}.gz").write_bytes(b"old")
    before = sorted(os.listdir(cache))
    parts = []

    def fail(source, target):
        parts.append(Path(source).name)
        assert Path(source).read_bytes() == PACKED[f"{NAMES[0]}.gz"]
        assert Path(source).parent == cache  # the same file system, so that replacing is atomic
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else FileError) as caught:
            mnist(progress=False)
    assert len(parts) == 1
    assert sorted(os.listdir(cache)) == before
    assert (cache / f"{NAMES[0]}.gz").read_bytes() == b"old"
    if error is not KeyboardInterrupt:
        assert "MNIST cannot be written to the cache" in str(caught.value)
        assert "found:  No space left on device\n" in str(caught.value)
        assert "XDG_CACHE_HOME" in str(caught.value)
    assert_is_the_set(mnist(progress=False))


def test_a_cache_that_cannot_be_made_is_told(cache, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(FileError, match="MNIST cannot be written to the cache") as caught:
        mnist(progress=False)
    assert str(cache / f"{NAMES[0]}.gz") in str(caught.value)


@pytest.mark.parametrize("damage", ["hash", "cut", "empty", "html"])
def test_a_damaged_file_in_the_cache_is_downloaded_again(cache, server, damage):
    mnist(progress=False)
    server.requests.clear()
    good = PACKED[f"{NAMES[2]}.gz"]
    other = gzip.compress(idx(IMAGES["t10k"][::-1].copy()))  # a whole IDX file, with other pixels
    damaged = cache / f"{NAMES[2]}.gz"
    damaged.write_bytes({"hash": other, "cut": good[:-50], "empty": b"", "html": HTML}[damage])
    with pytest.raises(DataError, match="1 of 4 files missing or damaged") as caught:
        mnist(download=False)
    assert f"expected: {NAMES[2]}.gz  (damaged)\n" in str(caught.value)
    assert server.requests == []
    assert_is_the_set(mnist(progress=False))
    assert server.requests == [f"/good/{NAMES[2]}.gz"]
    assert damaged.read_bytes() == good


def test_without_downloading_an_empty_cache_is_an_error(cache, server):
    with pytest.raises(FileNotFound, match="4 of 4 files missing or damaged") as caught:
        mnist(download=False)
    text = str(caught.value)
    assert f"where:    {cache}\n" in text
    assert f"expected: {NAMES[0]}.gz  (missing)\n" in text
    assert "mnist(download=True)" in text
    assert "--data-dir FOLDER" in text
    assert server.requests == []
    assert not cache.exists()


def test_plain_files_put_into_the_cache_by_hand_are_used(cache, server):
    write(cache)
    (cache / f"{NAMES[1]}.gz").write_bytes(b"damaged, but the plain one beside it is whole")
    assert_is_the_set(mnist())
    assert server.requests == []


def test_the_bar_is_on_stderr_and_can_be_turned_off(cache, server, capsys):
    mnist(progress=False)
    assert capsys.readouterr() == ("", "")
    for path in cache.iterdir():
        path.unlink()
    mnist()
    out, err = capsys.readouterr()
    assert out == ""
    assert all(f"{name}.gz: 100%" in err for name in NAMES)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "{}/xdg"}, "xdg"),
        ("linux", {}, ".cache"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache"),
        ("linux", {"LOCALAPPDATA": "{}/local"}, ".cache"),
        ("win32", {"LOCALAPPDATA": "{}/local", "XDG_CACHE_HOME": "{}/xdg"}, "local"),
        ("win32", {}, "AppData/Local"),
    ],
)
def test_the_cache_is_where_the_platform_has_it(monkeypatch, tmp_path, platform, variables, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    assert MODULE._cache_folder() == tmp_path / expected / "tinygrad_edu" / "mnist"


# --- the real thing ---


def test_mirrors_are_encrypted_and_every_file_has_a_hash():
    assert len(MODULE.MIRRORS) >= 2
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in MODULE.MIRRORS)
    assert sorted(REAL_HASHES) == sorted(CONTENT)
    assert all(len(bytes.fromhex(digest)) == 32 for digest in REAL_HASHES.values())


REAL = os.environ.get("TINYGRAD_EDU_MNIST")


@pytest.mark.skipif(not REAL, reason="set TINYGRAD_EDU_MNIST to a folder with the four MNIST files")
def test_the_real_set_has_the_hashes_and_the_numbers_everybody_knows(monkeypatch, tmp_path):
    home = tmp_path / "tinygrad_edu"
    home.mkdir()
    (home / "mnist").symlink_to(Path(REAL).resolve(), target_is_directory=True)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    train, test = mnist(download=False)  # from the cache, so the hashes are checked
    assert train.images.shape == (60000, 784)
    assert test.images.shape == (10000, 784)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert abs(train.images.mean(dtype=float) - 0.1307) < 5e-5
    assert abs(train.images.std(dtype=float) - 0.3081) < 5e-5


def test_importing_the_package_loads_nothing_that_only_downloading_or_unpacking_needs():
    heavy = ("tqdm", "urllib.request", "http.client", "gzip")
    code = f"import sys, tinygrad_edu.data; print([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
