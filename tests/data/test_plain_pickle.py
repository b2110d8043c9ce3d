"""A verification set's pickle: every honest writer is read, nothing is ever run."""

import mmap
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SourceError
from data.sources import plain_pickle
from data.sources.plain_pickle import PlainPickleError, read_plain_pickle
from data.sources.two_lists import read_two_lists

IMAGES = [b"one", b"two" * 200, b"three" * 70_000, b""]
FLAGS = [True, False]


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "set.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("flags", [FLAGS, [1, 0], [np.True_, np.False_], np.array(FLAGS)])
def test_python_3_writers_are_read(tmp_path: Path, protocol: int, flags: object) -> None:
    images = [image for image in IMAGES if image or protocol > 2]
    flags = flags if len(images) == 4 else flags[:2]  # type: ignore[index]  # all are sequences
    images = images if len(images) == 4 else [*images, b"four"]
    path = _write(tmp_path, pickle.dumps((images, flags), protocol=protocol))
    assert read_two_lists(path) == (images, FLAGS)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_arrays_of_encoded_images_are_read(
    tmp_path: Path, protocol: int, shape: tuple[int, ...]
) -> None:
    arrays = [np.frombuffer(image, np.uint8).reshape(shape) for image in (b"abc", b"\x00\xff")]
    path = _write(tmp_path, pickle.dumps((arrays, [True]), protocol=protocol))
    assert read_two_lists(path) == ([b"abc", b"\x00\xff"], [True])


def test_numpy_1_names_are_read(tmp_path: Path) -> None:
    images = [np.frombuffer(text, np.uint8) for text in (b"ab", b"cd")]
    newer = pickle.dumps((images, [np.True_]), protocol=2)
    older = newer.replace(b"numpy._core.", b"numpy.core.")
    assert older != newer
    assert read_two_lists(_write(tmp_path, older)) == ([b"ab", b"cd"], [True])


def test_python_2_strings_are_bytes(tmp_path: Path) -> None:
    """As cPickle of Python 2 wrote it with protocol 2: SHORT_BINSTRING, BINSTRING, I01."""
    long = bytes(range(256)) * 2
    stream = (
        b"\x80\x02](U\x03\xff\xd8\xffq\x01T" + struct.pack("<i", len(long)) + long + b"e"
        b"](I01\ne\x86."
    )
    assert read_two_lists(_write(tmp_path, stream)) == ([b"\xff\xd8\xff", long], [True])


class _Payload:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_command_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    proof = tmp_path / "ran"
    payload = _Payload(os.system, f"touch {proof}")
    for content in ([payload, b"x"], [b"x", b"y", payload]):
        stream = pickle.dumps((content, [True]), protocol=protocol)
        with pytest.raises(SourceError, match=r"set\.bin: byte \d+, after \d+ byte strings: .*no "):
            read_two_lists(_write(tmp_path, stream))
    assert not proof.exists()


@pytest.mark.parametrize(
    "value",
    [
        _Payload(eval, "1"),
        _Payload(getattr, "x", "y"),
        _Payload(np.load, "x"),
        _Payload(__import__, "os"),
        np.array([1.5]),
        np.array([object()], dtype=object),
        np.float64(1),
        {"a": 1},
        {1},
        1.5,
        1 << 80,
        Path("x"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_values_are_refused(tmp_path: Path, value: object, protocol: int) -> None:
    path = _write(tmp_path, pickle.dumps(([value, b"x"], [True]), protocol=protocol))
    with pytest.raises(SourceError, match=r"set\.bin: byte \d+"):
        read_two_lists(path)


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",  # BINBYTES8 that claims 4 EiB
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.",  # BYTEARRAY8 of 1 TiB
        b"\x80\x02T" + struct.pack("<i", -5) + b".",  # a negative length
        b"\x80\x02]r\xff\xff\xff\xff.",  # LONG_BINPUT at 4 billion: C's unpickler makes room for it
        b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b".",  # LONG4 of 1 GiB
        b"\x80\x02h\x07.",  # BINGET of what was never put
        b"\x80\x02(((((.",
        b"\x80\x02e.",
        b"\x80\x02\x86.",
        b"\x80\x02K\x01a.",
        b"\x80\x02](](e\x87.",
        b"\x80\x02]q\x00h\x00a\x85.",  # a list that holds itself
        b"\x80\x04]]\x93.",  # STACK_GLOBAL of lists
        b"\x80\x02K\x01)R.",  # a number is called
        b"\x80\x02]}b.",
        b"\x80\x02(iposix\nsystem\n.",
        b"\x80\x02cposix\nsystem\n(X\x02\x00\x00\x00idtR.",
        b"cnumpy\ndtype\n(]I00\nI01\ntR.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00ax\x03\x00\x00\x00rot13tR.",
        b"\x80\x09.",
        b"\x82\x01.",
        b"Pid\n.",
        b".",
        b"\xff",
        b"not a pickle at all",
    ],
)
def test_hostile_streams_are_refused(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises(SourceError, match=r"set\.bin: "):
        read_two_lists(_write(tmp_path, stream))


def test_a_text_turned_into_bytes_a_million_times_is_refused(tmp_path: Path) -> None:
    text = b"a" * 1_000_000
    stream = (
        b"c_codecs\nencode\nq\x01(X" + struct.pack("<I", len(text)) + text + b"X\x06\x00\x00\x00"
        b"latin1tq\x02R0"
    )
    stream = stream.replace(b"R0", b"") + b"R" + b"h\x01h\x02R" * 1000
    with pytest.raises(SourceError, match="over and over"):
        read_two_lists(_write(tmp_path, stream + b"."))


def test_one_image_mentioned_a_thousand_times_is_refused(tmp_path: Path) -> None:
    image = b"x" * 1_000_000
    content = pickle.dumps(([image] * 2000, [True] * 1000), protocol=4)
    assert len(content) < 1_100_000
    with pytest.raises(SourceError, match="repeated more than 8 times"):
        read_two_lists(_write(tmp_path, content))


def test_more_opcodes_than_any_set_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_OPCODES", 1000)
    with pytest.raises(SourceError, match="more than 1,000 opcodes"):
        read_two_lists(_write(tmp_path, b"\x80\x02" + b"N" * 2000))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (([b"a", b"b"], [True, False]), "2 images for 2 pairs"),
        (([], []), "0 images for 0 pairs"),
        ([b"a", b"b"], "does not hold two lists"),
        (([b"a", "text"], [True]), "image 1 is a str"),
        (([b"a", b"b"], [2]), "flag 0 is no boolean"),
        (([b"a", b"b"], [None]), "flag 0 is no boolean"),
        (([b"a", b"b"], b"x"), "flags are a bytes"),
        (([np.zeros(3, bool), b"b"], [True]), "image 0 is a PickledArray"),
        (([np.asfortranarray(np.zeros((2, 3), np.uint8)), b"b"], [True]), "not of plain bytes"),
    ],
)
def test_what_is_no_two_lists_is_said(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_two_lists(_write(tmp_path, pickle.dumps(value, protocol=4)))


def test_truncation_anywhere_is_named(tmp_path: Path) -> None:
    whole = pickle.dumps(([b"one", b"two" * 9], [True]), protocol=2)
    for length in range(len(whole)):
        with pytest.raises(SourceError, match=r"set\.bin: "):
            read_two_lists(_write(tmp_path, whole[:length]))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent\.bin: cannot be read"):
        read_two_lists(tmp_path / "absent.bin")


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 400))
def test_any_bytes_in_an_honest_stream_give_a_typed_error_or_a_value(
    noise: bytes, position: int
) -> None:
    whole = pickle.dumps(([b"abc", np.zeros(2, np.uint8)], [True, np.True_]), protocol=2)
    stream = whole[:position] + noise + whole[position + len(noise) :]
    with mmap.mmap(-1, len(stream)) as mapped:
        mapped.write(stream)
        mapped.seek(0)
        try:
            read_plain_pickle(mapped)
        except PlainPickleError:
            return
