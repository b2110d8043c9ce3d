"""Both hashes of every photo of a manifest: of its bytes, and of what it looks like.

The whole photo is hashed, not the aligned crop. Crops of one person, or of a drawn campus, look
alike by construction: all have their eyes in the same place. And a photo without a face has none.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.duplicates.hashing import NUM_WORDS, Words, hash_picture
from data.errors import ImageError
from data.files import sha256_bytes
from data.images import decode_photo
from data.photos import read_photo

_DECODE_SIDE_PX: Final = 128
"""A large JPEG is decoded at a fraction of its size; the hash sees 64 pixels a side."""
_CHUNK: Final = 1024
"""Photos handed to the threads at once, so that the results of millions do not pile up."""


@dataclass(frozen=True, slots=True)
class PhotoHashes:
    """One entry for each row of a manifest, in its order."""

    sha256: NDArray[np.object_]
    """(n,) hex strings, of the bytes."""
    words: NDArray[np.uint64]
    """(n, 4) perceptual hashes; zero where there is none."""
    is_hashed: NDArray[np.bool_]
    """(n,) false where the photo cannot be decoded or is too flat."""


def hash_photos(
    photos: Path,
    paths: Sequence[str],
    workers: int,
    progress: Callable[[int, int], None],
    *,
    look: bool = True,
) -> PhotoHashes:
    """Read, decode and hash photos below a folder, on several threads; the result does not depend
    on their number. Without `look` none is decoded, and none has a perceptual hash. Raises
    `SourceError` where a photo is missing.
    """
    hash_one = partial(_hash_photo, photos) if look else partial(_hash_bytes, photos)
    sha256 = np.empty(len(paths), object)
    words = np.zeros((len(paths), NUM_WORDS), np.uint64)
    is_hashed = np.zeros(len(paths), bool)
    # Threads are enough: digest, decoder and transform all let go of the interpreter.
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), _CHUNK):
            rows = range(start, min(start + _CHUNK, len(paths)))
            found = pool.map(hash_one, paths[start : rows.stop])
            for row, (digest, hashed) in zip(rows, found, strict=True):
                sha256[row] = digest
                if hashed is not None:
                    words[row], is_hashed[row] = hashed, True
            progress(rows.stop, len(paths))
    return PhotoHashes(sha256, words, is_hashed)


def _hash_bytes(photos: Path, path: str) -> tuple[str, None]:
    return sha256_bytes(read_photo(photos, path)), None


def _hash_photo(photos: Path, path: str) -> tuple[str, Words | None]:
    content = read_photo(photos, path)
    try:
        image = decode_photo(content, side_px=_DECODE_SIDE_PX).image_rgb_u8
    except ImageError:  # the manifest says so already, in its reject reason
        return sha256_bytes(content), None
    return sha256_bytes(content), hash_picture(image)
