"""Turn bytes from anywhere into an RGB picture, or say in a typed error why not.

The order of the checks is the point: the byte count, then type, wholeness and pixel count out of
the file's own header, and only then the decoder.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.errors import ImageTooLargeError, UndecodableImageError
from data.face import RgbU8
from data.image_headers import PictureHeader, read_header
from data.png_headers import bare_png

DECODE_SIDE_PX: Final = 1600
"""A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where its longer side keeps this many pixels.

One number for alignment, evaluation, export and server, so that all of them see the same pixels; no
operator sets it. It is well above the 1024 pixels that a detector looks at, so that the smallest
face that can be found at all keeps its eyes about 27 pixels apart, where the crop has them 35 apart
(`python -m benchmarks.decode` measures what it costs and saves).
"""

_FULL: Final = int(cv2.IMREAD_COLOR_RGB)
# OpenCV names reduced colour decoding only with the BGR bit, which excludes the RGB bit.
_FLAGS: Final = {
    1: _FULL,
    2: _FULL | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: _FULL | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: _FULL | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


class ImageLimits(BaseModel):
    """How large an uploaded picture may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=10 * 2**20, gt=0)
    """Phones write 3 to 8 MiB."""
    max_pixels: int = Field(default=25_000_000, gt=0)
    """A 24-megapixel phone photo passes; a decompression bomb does not."""


_DEFAULT_LIMITS: Final = ImageLimits()


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded picture, and how it lies in the file that it came from."""

    image_rgb_u8: RgbU8
    width_px: int
    """Of the picture in the file, after its EXIF orientation."""
    height_px: int
    """Of the picture in the file, after its EXIF orientation."""
    shrunk_by: int
    """1, or 2, 4 or 8 where a large JPEG was decoded at that fraction of its size."""

    def in_file_px(self, points_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move points (..., 2) of `image_rgb_u8` to where they are in the file's picture.

        Good to `shrunk_by` pixels: libjpeg rounds sizes up, and EXIF may turn the odd edge inwards.
        """
        return ((points_px + 0.5) * self.shrunk_by - 0.5).astype(np.float32)

    def in_picture_px(self, points_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move points (..., 2) of the file's picture to where they are in `image_rgb_u8`."""
        return ((points_px + 0.5) / self.shrunk_by - 0.5).astype(np.float32)


def decode_image(content: bytes, limits: ImageLimits | None = None) -> RgbU8:
    """Decode JPEG, PNG or WebP into RGB uint8 (height, width, 3) with EXIF orientation applied.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB; transparency is dropped, not blended;
    of an animation the first frame is taken. A JPEG much larger than `DECODE_SIDE_PX` comes back
    smaller: take `decode_photo` where that matters. Raises `ImageTooLargeError`,
    `UnsupportedImageTypeError` or `UndecodableImageError`.
    """
    header = _checked_header(content, limits or _DEFAULT_LIMITS)
    return _decoded(content, header, _shrinkage(header, DECODE_SIDE_PX))


def decode_photo(
    content: bytes, limits: ImageLimits | None = None, side_px: int | None = DECODE_SIDE_PX
) -> Photo:
    """Decode as `decode_image` does, and say by how much the picture was shrunk.

    With `side_px` None nothing is shrunk. Raises the same errors.
    """
    header = _checked_header(content, limits or _DEFAULT_LIMITS)
    shrunk_by = _shrinkage(header, side_px)
    image = _decoded(content, header, shrunk_by)
    width, height = header.width, header.height
    if image.shape[:2] != _shape_hw(header, shrunk_by):  # EXIF has turned it by a quarter
        width, height = height, width
    return Photo(image, width, height, shrunk_by)


def _checked_header(content: bytes, limits: ImageLimits) -> PictureHeader:
    if len(content) > limits.max_bytes:
        raise ImageTooLargeError(f"{len(content):,} bytes, the limit is {limits.max_bytes:,}")
    header = read_header(content)
    pixels = header.width * header.height
    if pixels > limits.max_pixels:
        raise ImageTooLargeError(f"{pixels:,} pixels, the limit is {limits.max_pixels:,}")
    return header


def _shrinkage(header: PictureHeader, side_px: int | None) -> int:
    if header.kind != "jpeg" or side_px is None:
        return 1
    longer = max(header.width, header.height)
    return next((factor for factor in (8, 4, 2) if longer >= factor * side_px), 1)


def _shape_hw(header: PictureHeader, shrunk_by: int) -> tuple[int, int]:
    """Height and width as decoded: libjpeg rounds up."""
    return -(-header.height // shrunk_by), -(-header.width // shrunk_by)


def _decoded(content: bytes, header: PictureHeader, shrunk_by: int) -> RgbU8:
    if header.kind == "png":
        content = bare_png(content)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[shrunk_by])
    except cv2.error as error:
        raise UndecodableImageError("the decoder failed") from error
    height, width = _shape_hw(header, shrunk_by)
    if image is None or image.shape not in {(height, width, 3), (width, height, 3)}:
        raise UndecodableImageError("the pixels cannot be decoded")
    decoded: RgbU8 = image.astype(np.uint8, copy=False)
    return decoded
