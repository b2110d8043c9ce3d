"""What a picture file says of itself without decoding a pixel: its size, and that it is whole.

Decoders are no judge of either. OpenCV fills what is missing of a cut JPEG with grey and says
nothing, and a size that is known only after decoding is known too late. So the container is walked
here: JPEG by its markers (ITU-T T.81, annex B), PNG by its chunks (W3C PNG, section 5) and WebP by
its RIFF size (RFC 9649).
"""

import struct
from typing import Final, NamedTuple

from data.errors import UndecodableImageError, UnsupportedImageTypeError

_JPEG_START: Final = b"\xff\xd8\xff"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_SOS, _EOI = 0xDA, 0xD9
_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three left out are tables."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""TEM, RST0 to RST7 and SOI stand alone; all others are followed by a length."""


class PictureSize(NamedTuple):
    """Size as stored, before any EXIF rotation."""

    width: int
    height: int


def read_size(content: bytes) -> PictureSize:
    """Size of a whole JPEG, PNG or WebP file.

    Raises `UnsupportedImageTypeError` for any other file and `UndecodableImageError` for one that
    is broken or cut short. What follows the end of the picture (a phone's second picture) is
    ignored.
    """
    try:
        if content.startswith(_JPEG_START):
            size = _jpeg_size(content)
        elif content.startswith(_PNG_START):
            size = _png_size(content)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            size = _webp_size(content)
        else:
            raise UnsupportedImageTypeError("the bytes are no JPEG, PNG or WebP")
    except (struct.error, IndexError) as error:
        raise UndecodableImageError("the file is cut short") from error
    if size.width == 0 or size.height == 0:
        raise UndecodableImageError("its header gives it no pixels")
    return size


def _jpeg_size(content: bytes) -> PictureSize:
    size = None
    position = 2
    while True:
        marker, position = _next_marker(content, position)
        if marker == _EOI:
            break
        if marker in _BARE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", content, position)
        if marker in _SIZE_MARKERS and size is None:
            height, width = struct.unpack_from(">HH", content, position + 3)
            size = PictureSize(width, height)
        position += length
        if marker == _SOS:
            position = _end_of_scan(content, position)
    if size is None:
        raise UndecodableImageError("it has no frame header")
    return size


def _next_marker(content: bytes, position: int) -> tuple[int, int]:
    if content[position] != 0xFF:
        raise UndecodableImageError("a marker is missing where one must stand")
    while content[position] == 0xFF:
        position += 1
    return content[position], position + 1


def _end_of_scan(content: bytes, position: int) -> int:
    while True:
        position = content.find(b"\xff", position)
        if position < 0:
            raise UndecodableImageError("the file is cut short")
        following = content[position + 1]
        if following != 0x00 and following not in _BARE_MARKERS and following != 0xFF:
            return position
        position += 1 if following == 0xFF else 2


def _png_size(content: bytes) -> PictureSize:
    position = len(_PNG_START)
    size = PictureSize(*struct.unpack_from(">II", content, position + 8))
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, position)
        position += 12 + length  # length, name and checksum are 4 bytes each
    if position > len(content):
        raise UndecodableImageError("the file is cut short")
    return size


def _webp_size(content: bytes) -> PictureSize:
    riff_size, _, kind = struct.unpack_from("<I4s4s", content, 4)
    if 8 + riff_size > len(content):
        raise UndecodableImageError("the file is cut short")
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        return PictureSize(width + 1, height + 1)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return PictureSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return PictureSize(width & 0x3FFF, height & 0x3FFF)
    raise UndecodableImageError("its first chunk is no picture")
