import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from data.errors import (
    ImageError,
    ImageTooLargeError,
    UndecodableImageError,
    UnsupportedImageTypeError,
)
from data.face import RgbU8
from data.images import DECODE_SIDE_PX, ImageLimits, decode_image, decode_photo

FORMATS = ("JPEG", "PNG", "WEBP")
ORIENTATION = 0x112
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"")


def four_colours() -> RgbU8:
    """Another colour in each corner, so that every rotation and mirroring shows."""
    image = np.zeros((40, 64, 3), np.uint8)
    image[:16, :32], image[:16, 32:] = (255, 0, 0), (0, 255, 0)
    image[16:, :32], image[16:, 32:] = (0, 0, 255), (255, 255, 255)
    return image


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    if kind == "WEBP":
        options.setdefault("lossless", True)
    if kind == "JPEG":
        options.setdefault("subsampling", 0)
    picture.save(stream, kind, **options)
    return stream.getvalue()


def with_orientation(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(Image.fromarray(four_colours()), kind, exif=exif.tobytes())


def png_chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png_of(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return MAGIC[1] + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("kind", FORMATS)
def test_colours_come_out_red_first(kind: str) -> None:
    decoded = decode_image(encode(Image.fromarray(four_colours()), kind))
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert np.abs(decoded.astype(int) - four_colours()).max() <= 3


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    content = with_orientation(kind, orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    decoded = decode_image(content)
    assert decoded.shape == ((64, 40, 3) if orientation >= 5 else (40, 64, 3))
    assert np.abs(decoded.astype(int) - np.asarray(upright)).max() <= 3


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(kind: str, orientation: int) -> None:
    assert decode_image(with_orientation(kind, orientation)).shape == (40, 64, 3)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "L"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "1"), ("PNG", "P"), ("JPEG", "CMYK")],
)
def test_other_colour_models_become_rgb(kind: str, mode: str) -> None:
    picture = Image.fromarray(four_colours()).convert(mode)
    decoded = decode_image(encode(picture, kind))
    assert np.abs(decoded.astype(int) - np.asarray(picture.convert("RGB"))).max() <= 4


def test_progressive_jpeg() -> None:
    content = encode(Image.fromarray(four_colours()), "JPEG", progressive=True)
    assert np.abs(decode_image(content).astype(int) - four_colours()).max() <= 3


def test_sixteen_bits_keep_the_upper_eight() -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    decoded = decode_image(encode(Image.fromarray(ramp), "PNG"))
    assert decoded.shape == (16, 16, 3)
    assert np.abs(decoded[..., 1].astype(int) - ramp / 257).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_dropped_not_blended(kind: str) -> None:
    rgba = np.dstack([four_colours(), np.full((40, 64), 128, np.uint8)])
    decoded = decode_image(encode(Image.fromarray(rgba), kind))
    assert np.abs(decoded.astype(int) - four_colours()).max() <= 1


@pytest.mark.parametrize("kind", FORMATS)
def test_one_pixel(kind: str) -> None:
    decoded = decode_image(encode(Image.new("RGB", (1, 1), (200, 100, 50)), kind))
    assert decoded.shape == (1, 1, 3)
    assert np.abs(decoded[0, 0].astype(int) - [200, 100, 50]).max() <= 3


def test_webp_with_loss() -> None:
    content = encode(Image.fromarray(four_colours()), "WEBP", lossless=False, quality=90)
    assert decode_image(content).shape == (40, 64, 3)


def jpeg_with_thumbnail() -> bytes:
    """A JPEG whose EXIF segment holds a whole JPEG of its own, as phones write it."""
    content = encode(Image.fromarray(four_colours()), "JPEG")
    inner = encode(Image.new("RGB", (8, 8)), "JPEG")
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner + content[2:]


WHOLE: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encode(Image.fromarray(four_colours()), "JPEG"),
    "progressive jpeg": lambda: encode(Image.fromarray(four_colours()), "JPEG", progressive=True),
    "jpeg with thumbnail": jpeg_with_thumbnail,
    "png": lambda: encode(Image.fromarray(four_colours()), "PNG"),
    "webp": lambda: encode(Image.fromarray(four_colours()), "WEBP"),
    "webp with loss": lambda: encode(Image.fromarray(four_colours()), "WEBP", lossless=False),
    "webp with exif": lambda: with_orientation("WEBP", 6),
}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_cut_at_any_place_is_refused(whole: Callable[[], bytes]) -> None:
    content = whole()
    assert decode_image(content).size == 40 * 64 * 3
    for length in range(len(content)):
        with pytest.raises((UndecodableImageError, UnsupportedImageTypeError)):
            decode_image(content[:length])


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_what_follows_the_picture_is_ignored(whole: Callable[[], bytes]) -> None:
    content = whole()
    np.testing.assert_array_equal(decode_image(content + b"more\xff\xd9"), decode_image(content))


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a" + bytes(50), b"BM" + bytes(50), b"%PDF-1.7", b"RIFF\0\0\0\0WAVEfmt "],
    ids=["empty", "gif", "bmp", "pdf", "wav"],
)
def test_other_types_are_named_as_such(content: bytes) -> None:
    with pytest.raises(UnsupportedImageTypeError, match="no JPEG, PNG or WebP"):
        decode_image(content)


def test_too_many_bytes() -> None:
    content = encode(Image.fromarray(four_colours()), "PNG")
    exact = ImageLimits(max_bytes=len(content))
    assert decode_image(content, exact).shape == (40, 64, 3)
    with pytest.raises(ImageTooLargeError, match=f"{len(content)} bytes"):
        decode_image(content, ImageLimits(max_bytes=len(content) - 1))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("lossless", [True, False])
def test_too_many_pixels(kind: str, lossless: bool) -> None:
    content = encode(Image.fromarray(four_colours()), kind, lossless=lossless)
    assert decode_image(content, ImageLimits(max_pixels=2560)).shape == (40, 64, 3)
    with pytest.raises(ImageTooLargeError, match="2,560 pixels, the limit is 2,559"):
        decode_image(content, ImageLimits(max_pixels=2559))


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(ImageTooLargeError, match="4,294,836,225 pixels"):
        decode_image(png_of(65535, 65535, b"\0" * 100))


def test_a_header_that_promises_more_than_there_is() -> None:
    with pytest.raises(UndecodableImageError):
        decode_image(png_of(2000, 2000, b"\0" * 100))


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0)])
def test_no_pixels(width: int, height: int) -> None:
    with pytest.raises(UndecodableImageError, match="no pixels"):
        decode_image(png_of(width, height, b""))


def test_a_second_frame_header_cannot_smuggle_a_size_in() -> None:
    content = encode(Image.fromarray(four_colours()), "JPEG")
    at = content.index(b"\xff\xc0")
    frame = content[at : at + 2 + struct.unpack_from(">H", content, at + 2)[0]]
    small = frame[:5] + struct.pack(">HH", 1, 1) + frame[9:]
    with pytest.raises(UndecodableImageError):
        decode_image(content[:at] + small + content[at:])


def is_picture_or_image_error(content: bytes) -> bool:
    limits = ImageLimits(max_pixels=250_000)
    try:
        decoded: NDArray[np.uint8] = decode_image(content, limits)
    except ImageError:
        return True
    return decoded.dtype == np.uint8 and decoded.ndim == 3 and decoded.shape[2] == 3


@given(st.sampled_from(MAGIC), st.binary(max_size=300))
def test_random_bytes_are_a_picture_or_an_image_error(magic: bytes, tail: bytes) -> None:
    assert is_picture_or_image_error(magic + tail)


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_damaged_files_are_a_picture_or_an_image_error(name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name]())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert is_picture_or_image_error(bytes(content))


def textured(width: int, height: int, exif: bytes = b"") -> bytes:
    """A large soft picture, so that shrinking changes few values."""
    small = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return encode(picture, "JPEG", quality=90, exif=exif)


@pytest.mark.parametrize(
    ("width", "height", "shrunk_by"),
    [(1600, 400, 1), (3199, 40, 1), (3200, 40, 2), (40, 3201, 2), (6400, 41, 4), (12801, 9, 8)],
)
def test_a_large_jpeg_is_decoded_smaller(width: int, height: int, shrunk_by: int) -> None:
    photo = decode_photo(textured(width, height))
    assert (photo.width_px, photo.height_px, photo.shrunk_by) == (width, height, shrunk_by)
    assert photo.image_rgb_u8.shape == (-(-height // shrunk_by), -(-width // shrunk_by), 3)
    assert max(photo.image_rgb_u8.shape) >= min(DECODE_SIDE_PX, width, height)
    np.testing.assert_array_equal(photo.image_rgb_u8, decode_image(textured(width, height)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_smaller_picture_is_the_large_one_shrunk(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = textured(640, 480, exif.tobytes())
    full, half = decode_photo(content, side_px=None), decode_photo(content, side_px=320)
    assert (full.shrunk_by, half.shrunk_by) == (1, 2)
    assert (full.width_px, full.height_px) == (half.width_px, half.height_px)
    assert full.image_rgb_u8.shape == (full.height_px, full.width_px, 3)
    means = full.image_rgb_u8.reshape(full.height_px // 2, 2, full.width_px // 2, 2, 3).mean((1, 3))
    assert np.abs(means - half.image_rgb_u8).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_only_jpeg_shrinks(kind: str) -> None:
    content = encode(Image.new("RGB", (3300, 8)), kind)
    assert decode_photo(content).shrunk_by == 1
    assert decode_image(content).shape == (8, 3300, 3)


def test_points_move_between_file_and_picture() -> None:
    content = encode(Image.new("RGB", (4000, 40)), "JPEG")
    photo = decode_photo(content)
    points = np.array([[0, 0], [999.5, 9.5]], np.float32)
    np.testing.assert_allclose(photo.in_file_px(points), [[0.5, 0.5], [1999.5, 19.5]])
    np.testing.assert_allclose(photo.in_picture_px(photo.in_file_px(points)), points)


def test_ycck_becomes_rgb() -> None:
    """Pillow writes CMYK only; the Adobe marker's last byte says which of both the bytes are."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 8, 4), np.uint8).repeat(8, 0).repeat(8, 1)
    content = bytearray(encode(Image.fromarray(noise, "CMYK"), "JPEG", quality=95))
    at = content.index(b"Adobe") + 11
    assert content[at] == 0
    content[at] = 2
    expected = np.asarray(Image.open(io.BytesIO(bytes(content))).convert("RGB")).astype(int)
    assert np.abs(decode_image(bytes(content)).astype(int) - expected).mean() < 2


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_sixteen_bit_colour_and_transparent_palettes(mode: str) -> None:
    picture = Image.fromarray(four_colours()).convert("RGBA").convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    decoded = decode_image(encode(picture, "PNG", **options))
    assert np.abs(decoded.astype(int) - np.asarray(picture.convert("RGB"))).max() <= 1


def test_sixteen_bit_rgb_keeps_the_upper_eight() -> None:
    wide = np.random.default_rng(0).integers(0, 1 << 16, (6, 5, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", 5, 6, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    decoded = decode_image(MAGIC[1] + b"".join(png_chunk(*chunk) for chunk in chunks))
    assert np.abs(decoded.astype(int) - wide.astype(int) / 257).max() <= 1


def zip_of(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"payload")
    return stream.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("tail", [zip_of("a.py"), b"%PDF-1.7\n%%EOF", b"<script>"])
def test_a_polyglot_is_only_the_picture(kind: str, tail: bytes) -> None:
    content = encode(Image.fromarray(four_colours()), kind)
    np.testing.assert_array_equal(decode_image(content + tail), decode_image(content))


@pytest.mark.parametrize("head", [b"%PDF-1.7\n", b"GIF89a", zip_of("a"), b"\0", b"<?xml?>"])
def test_a_picture_behind_something_else_is_none(head: bytes) -> None:
    with pytest.raises(UnsupportedImageTypeError):
        decode_image(head + encode(Image.fromarray(four_colours()), "JPEG"))


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=200), st.data())
def test_garbage_in_the_middle_is_a_picture_or_an_image_error(
    name: str, garbage: bytes, data: st.DataObject
) -> None:
    content = WHOLE[name]()
    at, gone = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 50))
    assert is_picture_or_image_error(content[:at] + garbage + content[at + gone :])


@given(st.sampled_from(sorted(WHOLE)), st.binary(min_size=1, max_size=300))
def test_appended_garbage_changes_nothing(name: str, garbage: bytes) -> None:
    content = WHOLE[name]()
    np.testing.assert_array_equal(decode_image(content + garbage), decode_image(content))
