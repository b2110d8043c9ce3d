"""What a picture file says of itself without decoding a pixel: kind, size, and that it is whole.

Decoders are no judge of any. OpenCV fills what is missing of a cut JPEG with grey and says nothing,
and a size that is known only after decoding is known too late. So the container is walked here:
JPEG by its markers (ITU-T T.81, annex B), PNG by its chunks (W3C PNG, section 5) and WebP by its
RIFF size (RFC 9649).
"""

import re
import struct
from typing import Final, Literal, NamedTuple

from data.errors import UndecodableImageError, UnsupportedImageTypeError
from data.png_headers import PNG_START, png_size

Kind = Literal["jpeg", "png", "webp"]

MAX_JPEG_SCANS: Final = 32
"""A progressive file has about ten. A scan costs a pass over all pixels and a few bytes, so without
a cap a hundred kilobytes keep a decoder busy for a quarter of a minute."""

_JPEG_START: Final = b"\xff\xd8\xff"
_SOS, _EOI = 0xDA, 0xD9
_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three left out are tables."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""TEM, RST0 to RST7 and SOI stand alone; all others are followed by a length."""
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)


class PictureHeader(NamedTuple):
    """Kind of file, and size as stored, before any EXIF rotation."""

    kind: Kind
    width: int
    height: int


def read_header(content: bytes) -> PictureHeader:
    """Kind and size of a whole JPEG, PNG or WebP file.

    Raises `UnsupportedImageTypeError` for any other file and `UndecodableImageError` for one that
    is broken or cut short. What follows the end of the picture (a phone's second picture) is
    ignored.
    """
    try:
        if content.startswith(_JPEG_START):
            header = PictureHeader("jpeg", *_jpeg_size(content))
        elif content.startswith(PNG_START):
            header = PictureHeader("png", *png_size(content))
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            header = PictureHeader("webp", *_webp_size(content))
        else:
            raise UnsupportedImageTypeError("the bytes are no JPEG, PNG or WebP")
    except (struct.error, IndexError) as error:
        raise UndecodableImageError("the file is cut short") from error
    if header.width == 0 or header.height == 0:
        raise UndecodableImageError("its header gives it no pixels")
    return header


def _jpeg_size(content: bytes) -> tuple[int, int]:
    size: tuple[int, int] | None = None
    scans, position = 0, 2
    while True:
        marker, position = _next_marker(content, position)
        if marker == _EOI:
            break
        if marker in _BARE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", content, position)
        if marker in _SIZE_MARKERS and size is None:
            height, width = struct.unpack_from(">HH", content, position + 3)
            size = width, height
        position += length
        if marker == _SOS:
            scans += 1
            position = _end_of_scan(content, position)
    if size is None:
        raise UndecodableImageError("it has no frame header")
    if scans > MAX_JPEG_SCANS:
        raise UndecodableImageError(f"it has {scans} scans, the limit is {MAX_JPEG_SCANS}")
    return size


def _next_marker(content: bytes, position: int) -> tuple[int, int]:
    if content[position] != 0xFF:
        raise UndecodableImageError("a marker is missing where one must stand")
    while content[position] == 0xFF:
        position += 1
    return content[position], position + 1


def _end_of_scan(content: bytes, position: int) -> int:
    found = _END_OF_SCAN.search(content, position)
    if found is None:
        raise UndecodableImageError("the file is cut short")
    return found.start()


def _webp_size(content: bytes) -> tuple[int, int]:
    riff_size, _, kind = struct.unpack_from("<I4s4s", content, 4)
    if 8 + riff_size > len(content):
        raise UndecodableImageError("the file is cut short")
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise UndecodableImageError("its first chunk is no picture")
