"""Turn bytes from anywhere into an RGB picture, or say in a typed error why not.

The order of the checks is the point: the byte count, then type, wholeness and pixel count out of
the file's own header, and only then the decoder.
"""

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.errors import ImageTooLargeError, UndecodableImageError
from data.face import RgbU8
from data.image_headers import read_size


class ImageLimits(BaseModel):
    """How large an uploaded picture may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=10 * 2**20, gt=0)
    """Phones write 3 to 8 MiB."""
    max_pixels: int = Field(default=25_000_000, gt=0)
    """A 24-megapixel phone photo passes; a decompression bomb does not."""


def decode_image(content: bytes, limits: ImageLimits | None = None) -> RgbU8:
    """Decode JPEG, PNG or WebP into RGB uint8 (height, width, 3) with EXIF orientation applied.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB; transparency is dropped, not blended.
    Raises `ImageTooLargeError`, `UnsupportedImageTypeError` or `UndecodableImageError`.
    """
    limits = limits or ImageLimits()
    if len(content) > limits.max_bytes:
        raise ImageTooLargeError(f"{len(content):,} bytes, the limit is {limits.max_bytes:,}")
    size = read_size(content)
    pixels = size.width * size.height
    if pixels > limits.max_pixels:
        raise ImageTooLargeError(f"{pixels:,} pixels, the limit is {limits.max_pixels:,}")
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UndecodableImageError("the decoder failed") from error
    if bgr is None or bgr.shape[0] * bgr.shape[1] != pixels:
        raise UndecodableImageError("the pixels cannot be decoded")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
