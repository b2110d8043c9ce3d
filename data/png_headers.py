"""The container of a PNG: its size, the chunks a decoder needs, and how much they inflate to.

A PNG is the one format of ours whose pixels are a general compressed stream. A megabyte of it can
inflate to a gigabyte, and libpng inflates all of it, also what its header has no room for; so does
a text chunk or a colour profile. Hence only the chunks that make the picture go on to the decoder,
and the pixel stream is inflated once here, in small pieces that are thrown away, up to the size
that the header announces.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from data.errors import UndecodableImageError

PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_NEEDED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"})
"""An animation's further frames are in `fdAT` chunks: without them the first one is left."""
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type: grey, RGB, palette, grey with alpha, RGB with alpha."""
_PIECE_BYTES: Final = 1 << 14


def png_size(content: bytes) -> tuple[int, int]:
    """Width and height of a whole PNG; `struct.error` or `UndecodableImageError` of a cut one."""
    width, height = struct.unpack_from(">II", content, len(PNG_START) + 8)
    for _, chunk in _chunks(content):
        if chunk.stop > len(content):
            raise UndecodableImageError("the file is cut short")
    return width, height


def bare_png(content: bytes) -> bytes:
    """The same picture without text, colour profile, animation and whatever follows its end.

    Raises `UndecodableImageError` where the pixel stream is broken, or holds less or more than the
    header announces.
    """
    kept = [(kind, chunk) for kind, chunk in _chunks(content) if kind in _NEEDED]
    _check_pixel_stream(content, [chunk for kind, chunk in kept if kind == b"IDAT"])
    return PNG_START + b"".join(content[chunk] for _, chunk in kept)


def _chunks(content: bytes) -> Iterator[tuple[bytes, slice]]:
    position, kind = len(PNG_START), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length  # length, name and checksum are 4 bytes each
        yield kind, slice(position, end)
        position = end


def _check_pixel_stream(content: bytes, chunks: list[slice]) -> None:
    least, most = _announced_bytes(content)
    view, stream, found = memoryview(content), zlib.decompressobj(), 0
    try:
        for chunk in chunks:
            for start in range(chunk.start + 8, chunk.stop - 4, _PIECE_BYTES):
                left: bytes | memoryview = view[start : min(start + _PIECE_BYTES, chunk.stop - 4)]
                while left and found <= most:
                    found += len(stream.decompress(left, 1 << 20))
                    left = stream.unconsumed_tail
    except zlib.error as error:
        raise UndecodableImageError("its pixels cannot be inflated") from error
    if not least <= found <= most:
        raise UndecodableImageError("it holds fewer or more pixels than its header announces")


def _announced_bytes(content: bytes) -> tuple[int, int]:
    """Least and most bytes of the inflated pixel stream."""
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", content, 16)
    if colour not in _CHANNELS:
        raise UndecodableImageError(f"it has the colour type {colour}, which does not exist")
    least = height * (1 + (width * depth * _CHANNELS[colour] + 7) // 8)
    if not interlace:
        return least, least
    # Seven passes have at most 15/8 of the rows, each with a filter byte and one rounded up.
    return least, least + 4 * height + 64
