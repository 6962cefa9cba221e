"""IDX files: what was written is what is read, and anything damaged is an error, never a wrong array."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu.data import read_idx
from tinygrad_edu.errors import DataError, FileError, FileNotFound

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array):
    """The array as the bytes of an IDX file."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


def read(path, content):
    path.write_bytes(content)
    return read_idx(path)


def arrays(max_side=4):
    return hnp.arrays(
        st.sampled_from(sorted(CODES)),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=max_side),
    )


@settings(deadline=None)  # a busy machine is no failure
@given(array=arrays(), packed=st.booleans())
def test_what_was_written_is_read(path, array, packed):
    content = idx(array)
    found = read(path, gzip.compress(content, 1) if packed else content)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable
    assert found.base is None


def test_byte_order_is_big_endian(path):
    assert read(path, bytes([0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 1, 2])).tolist() == [258]


def test_compression_is_told_by_content_and_a_path_may_be_text(tmp_path):
    array = np.arange(3, dtype=np.uint8)
    for name, content in (("plain.gz", idx(array)), ("packed", gzip.compress(idx(array)))):
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(read_idx(str(tmp_path / name)), array)


EXAMPLES = [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.arange(3, dtype=np.float64),
    np.zeros((0, 2), np.int16),
    np.array(7, dtype=np.int32),
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("array", EXAMPLES, ids=lambda array: f"{array.dtype}-{array.ndim}d")
def test_cut_short_at_every_length_is_an_error(path, array, packed):
    content = gzip.compress(idx(array), mtime=0) if packed else idx(array)
    for length in range(len(content)):
        with pytest.raises(DataError) as caught:
            read(path, content[:length])
        assert f"where:    {path}" in str(caught.value) or f"where:  {path}" in str(caught.value)
        assert "fix:" in str(caught.value)
    np.testing.assert_array_equal(read(path, content), array)


@settings(deadline=None)
@given(array=arrays(), extra=st.binary(min_size=1, max_size=9))
def test_bytes_after_the_end_are_an_error(path, array, extra):
    content = idx(array)
    with pytest.raises(DataError, match="bytes after its end") as caught:
        read(path, content + extra)
    assert f"found:    {len(content) + len(extra):,} bytes" in str(caught.value)
    with pytest.raises(DataError):
        read(path, gzip.compress(content + extra, 1))
    if extra.strip(b"\0"):  # gzip itself allows zeros as padding
        with pytest.raises(DataError):
            read(path, gzip.compress(content, 1) + extra)


@settings(deadline=None)
@given(data=st.data(), array=arrays(max_side=3))
def test_a_damaged_gzip_file_is_an_error_or_harmless(path, data, array):
    content = bytearray(gzip.compress(idx(array), mtime=0))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read(path, bytes(content))
    except DataError:
        return
    assert found.tobytes() == array.tobytes()  # a flip in the time or the name, which carry no content


@settings(deadline=None)
@given(content=st.binary(max_size=40))
def test_any_bytes_give_an_array_or_one_clear_error(path, content):
    try:
        found = read(path, content)
    except DataError as error:
        text = str(error)
    else:
        text = "fix:" if idx(found) == content else "a wrong array"
    assert "fix:" in text


def test_too_few_and_too_many_bytes_are_told_with_numbers(path):
    content = idx(np.zeros((100, 28, 28), np.uint8))
    with pytest.raises(DataError) as caught:
        read(path, content[:5000])
    assert str(caught.value) == (
        f"IDX file is cut short\n"
        f"  where:    {path}\n"
        f"  expected: 78,416 bytes: 16 of header, then shape (100, 28, 28) of uint8\n"
        f"  found:    5,000 bytes\n"
        f"  likely:   a download or a copy that was interrupted\n"
        f"  fix:      delete the file and download it again\n"
        f"  code:     damaged-file"
    )


@pytest.mark.parametrize(
    ("content", "likely"),
    [
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04 and so on", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x93NUMPY\x01\x00", "another format"),
        (b"\0\0\x0a\x01\0\0\0\0", "another format"),
        (b"\0\1\x08\x01\0\0\0\0", "another format"),
    ],
)
def test_another_format_is_told_by_its_first_bytes(path, content, likely):
    with pytest.raises(DataError, match="not an IDX file") as caught:
        read(path, content)
    assert f"found:    {content[:16].hex(' ')}" in str(caught.value)
    assert repr(content[:16]) in str(caught.value)
    assert likely in str(caught.value)


def test_an_empty_file_is_told_packed_or_plain(path):
    for content in (b"", gzip.compress(b"")):
        with pytest.raises(DataError, match="the file is empty"):
            read(path, content)


def test_a_gzip_file_cut_short_or_damaged_is_told(path):
    content = gzip.compress(idx(np.arange(200, dtype=np.uint8)))
    with pytest.raises(DataError, match="gzip data is cut short") as caught:
        read(path, content[:-3])
    assert f"found:  {len(content) - 3:,} compressed bytes" in str(caught.value)
    with pytest.raises(DataError, match="gzip data is damaged"):
        read(path, content[:-8] + bytes(8))


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ((2**32 - 1,) * 4, "cut short"),
        ((0, *(2**32 - 1,) * 4), "NumPy can't hold"),
        ((1,) * 255, "NumPy can't hold"),
    ],
)
def test_a_forged_shape_is_an_error(path, shape, what):
    content = struct.pack(f">BBBB{len(shape)}I", 0, 0, 0x08, len(shape), *shape) + b"\1" * (0 not in shape)
    with pytest.raises(DataError, match=what):
        read(path, content)


def test_a_missing_file_lists_what_is_there(tmp_path):
    (tmp_path / "train-images.idx3-ubyte").touch()
    (tmp_path / "raw").mkdir()
    with pytest.raises(FileNotFound, match="no such file: train-images-idx3-ubyte") as caught:
        read_idx(tmp_path / "train-images-idx3-ubyte")
    assert isinstance(caught.value, FileNotFoundError)
    assert f"in {tmp_path}: raw/, train-images.idx3-ubyte\n" in str(caught.value)
    with pytest.raises(FileNotFound, match=r"nothing \(No such file or directory\)"):
        read_idx(tmp_path / "nowhere" / "file")


def test_a_long_listing_is_cut(tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02}").touch()
    with pytest.raises(FileNotFound, match="10, 11, and 8 more"):
        read_idx(tmp_path / "file")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(FileError, match=f"cannot read {tmp_path.name}") as caught:
        read_idx(tmp_path)
    assert "likely: a folder" in str(caught.value)
