"""Small files that would cost much: every answer is quick, small and typed."""

import io
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import ImageError, ImageTooLargeError, UndecodableImageError
from data.image_headers import MAX_JPEG_SCANS
from data.images import decode_image

START = b"\x89PNG\r\n\x1a\n"
MEGA = 1 << 20


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def inflating(size: int) -> bytes:
    """A zlib stream of that many zeros, a thousandth of it long: one flushed block, repeated."""
    stream, zeros = zlib.compressobj(9), bytes(MEGA)
    start = stream.compress(zeros) + stream.flush(zlib.Z_FULL_FLUSH)
    block = stream.compress(zeros) + stream.flush(zlib.Z_FULL_FLUSH)
    return start + block * (size // MEGA - 1) + stream.flush()


def png(pixels: bytes, *further: bytes, side: int = 100, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, interlace)
    parts = (chunk(b"IHDR", header), *further, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return START + b"".join(parts)


def frames(kind: str, count: int, side: int) -> bytes:
    colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    pictures = [Image.new("RGB", (side, side), colours[n % 3]) for n in range(count)]
    stream = io.BytesIO()
    pictures[0].save(stream, kind, save_all=True, append_images=pictures[1:], lossless=True)
    return stream.getvalue()


def many_scans(count: int, side: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    stream = io.BytesIO()
    Image.new("L", (side, side), 128).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    last = [found.start() for found in re.finditer(b"\xff\xda", content)][-1]
    return content[:-2] + content[last:-2] * (count - content.count(b"\xff\xda")) + b"\xff\xd9"


def bombs() -> dict[str, tuple[bytes, str]]:
    """By name: content, and what must come of it."""
    whole = zlib.compress(bytes(100 * 301))
    gigabytes = inflating(4096 * MEGA)
    return {
        "pixels": (png(gigabytes), "undecodable_image"),
        "pixels of a large header": (png(gigabytes, side=4000), "undecodable_image"),
        "interlaced pixels": (png(gigabytes, interlace=1), "undecodable_image"),
        "text": (png(whole, chunk(b"zTXt", b"note\0\0" + gigabytes)), "100x100x3"),
        "colour profile": (png(whole, chunk(b"iCCP", b"icc\0\0" + gigabytes)), "100x100x3"),
        "international": (png(whole, chunk(b"iTXt", b"n\0\1\0\0\0" + gigabytes)), "100x100x3"),
        "animated png": (frames("PNG", 6, 500), "500x500x3"),
        "animated webp": (frames("WEBP", 6, 500), "500x500x3"),
        "scans": (many_scans(2000, 1000), "undecodable_image"),
        "header": (png(b"", side=65535), "image_too_large"),
    }


def peak_mib() -> int:
    """Most memory so far. `getrusage` would tell of the parent process as well."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


def report(folder: str) -> None:
    """Decode every bomb of a folder; write its outcome and the peak memory in MiB."""
    for path in sorted(Path(folder).iterdir()):
        content = path.read_bytes()
        try:
            outcome = "x".join(map(str, decode_image(content).shape))
        except ImageError as error:
            outcome = error.code
        sys.stdout.write(f"{path.name};{outcome};{peak_mib()}\n")


def test_bombs_cost_little(tmp_path: Path) -> None:
    """In a process of their own, which may take 2 GiB of addresses and 20 s of processor time.

    Undefended, one picture alone held the decoder for seconds (docs/log.md).
    """
    expected = {}
    for name, (content, outcome) in bombs().items():
        (tmp_path / name).write_bytes(content)
        expected[name] = outcome
    code = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20));"
        f"runpy.run_path({__file__!r})['report']({str(tmp_path)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread takes addresses of its own
    )
    rows = [line.split(";") for line in done.stdout.splitlines()]
    assert {name: outcome for name, outcome, _ in rows} == expected
    assert max(int(peak) for _, _, peak in rows) < 500


def test_the_first_frame_is_taken() -> None:
    for kind in ("PNG", "WEBP"):
        decoded = decode_image(frames(kind, 3, 40))
        assert decoded.shape == (40, 40, 3)
        assert np.abs(decoded.astype(int) - [255, 0, 0]).max() <= 3


def test_as_many_scans_as_allowed() -> None:
    assert decode_image(many_scans(MAX_JPEG_SCANS, 64)).shape == (64, 64, 3)
    with pytest.raises(UndecodableImageError, match="33 scans, the limit is 32"):
        decode_image(many_scans(MAX_JPEG_SCANS + 1, 64))


@pytest.mark.parametrize("bytes_off", [-1, 1])
def test_pixels_that_do_not_fit_the_header(bytes_off: int) -> None:
    with pytest.raises(UndecodableImageError, match="fewer or more"):
        decode_image(png(zlib.compress(bytes(100 * 301 + bytes_off))))


def test_pixels_in_many_chunks() -> None:
    pixels = zlib.compress(np.random.default_rng(0).bytes(99 * 301) + bytes(301), 0)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, 0))
    pieces = [chunk(b"IDAT", pixels[at : at + 1000]) for at in range(0, len(pixels), 1000)]
    # Filter types come from the random bytes; only 0 to 4 exist, so the decoder may refuse them.
    content = START + header + b"".join(pieces) + chunk(b"IEND", b"")
    with pytest.raises(UndecodableImageError, match="cannot be decoded"):
        decode_image(content)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (8, 8), (9, 5), (65, 33)])
def test_interlaced_pngs_of_every_kind_pass(mode: str, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), np.uint8)
    picture = Image.fromarray(noise).convert(mode)
    decoded = decode_image(adam7(picture))
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(decoded, expected)


def adam7(picture: Image.Image) -> bytes:
    """An interlaced PNG, which Pillow does not write (W3C PNG, section 8)."""
    depth = 1 if picture.mode == "1" else 8
    colour = {"1": 0, "L": 0, "LA": 4, "P": 3, "RGB": 2, "RGBA": 6}[picture.mode]
    pixels = np.atleast_3d(np.asarray(picture).astype(np.uint8))
    first = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
    data = b""
    for x, y, step_x, step_y in [*first, (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        part = pixels[y::step_y, x::step_x]
        if part.size:
            for row in part:
                flat = row.reshape(-1)
                data += b"\0" + (np.packbits(flat) if depth == 1 else flat).tobytes()
    header = struct.pack(">IIBBBBB", *picture.size, depth, colour, 0, 0, 1)
    palette = chunk(b"PLTE", bytes(picture.getpalette() or b"")) if picture.mode == "P" else b""
    body = chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(data))
    return START + body + chunk(b"IEND", b"")


def test_the_byte_limit_comes_first() -> None:
    with pytest.raises(ImageTooLargeError, match="bytes, the limit is"):
        decode_image(bytes(11 * MEGA))
