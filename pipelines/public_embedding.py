"""Photos of a public set through the bundle's own detector and engine, plain and mirrored.

Published figures mostly add the embedding of the mirrored crop. That is no part of what is served,
so both are kept apart. The mirrored half is the crop turned round, as in InsightFace's evaluation;
there the sum is of raw features, here of unit vectors, because a bundle's graph ends in its norm.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.detection.config import FacePolicy
from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.errors import ImageError
from data.face import TEMPLATE_PX, LandmarksPx, RgbU8, l2_normalise
from data.images import decode_photo
from data.manifest import TRUE_LANDMARK_COLUMNS, landmarks_of
from data.photos import read_photo
from data.quality import measure_quality
from data.quality_policy import NO_QUALITY_POLICY
from pipelines.environment import usable_workers
from pipelines.photo_aligner import cut_crop
from pipelines.public_sets import PublicSet
from pipelines.stage import progress
from serving.bundle import Bundle
from serving.engine import EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER

Embeddings = NDArray[np.float32]
Faces = Literal["published", "bundle", "given"]
"""`published`: the largest face near the middle, of any quality, as papers take it. `bundle`: the
bundle's own policies, and what they refuse counts as a failure to extract. `given`: no face is
looked for; the landmarks come with the set."""

_PUBLISHED_POLICY: Final = FacePolicy(
    selection="largest_central", min_eye_distance_px=1, max_nose_offset=10.0
)
_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class PublicEmbeddings:
    """Embeddings of a set's photos (num_photos, dim), zero where there is none."""

    plain: Embeddings
    mirrored: Embeddings | None
    """Sum with the mirrored crop's, of unit length; None where it was not asked for."""


@dataclass(frozen=True, slots=True)
class _Face:
    row: int
    image_rgb_u8: RgbU8
    landmarks_px: LandmarksPx


class PublicEmbedder:
    """One bundle's detector and engine, for sets of photos. Raises as `open_bundle`'s parts do."""

    def __init__(self, bundle: Bundle, faces: Faces, mirrored: bool) -> None:
        """Load the networks; raises `EngineError`, `BundleError` or `WeightsError`."""
        release = bundle.release
        self._engine = load_engine(bundle, EngineConfig())
        self._detector = open_detector(bundle.folder / DETECTOR_FOLDER, release.detector)
        own = faces == "bundle"
        self._face_policy = release.face_policy if own else _PUBLISHED_POLICY
        self._quality_policy = release.quality_policy if own else NO_QUALITY_POLICY
        self._mirrored = mirrored

    def embed(self, photos: PublicSet) -> PublicEmbeddings:
        """Embed every photo of a set, in batches of equal pictures, on several threads."""
        num = len(photos.table)
        plain = np.zeros((num, self._engine.embedding_dim), np.float32)
        mirrored = np.zeros_like(plain) if self._mirrored else None
        advance = progress(f"embed {photos.name}")
        rows = [range(start, min(start + _BATCH, num)) for start in range(0, num, _BATCH)]
        with ThreadPoolExecutor(usable_workers()) as threads:
            for done, found in zip(
                rows, threads.map(lambda part: self._part(photos, part), rows), strict=True
            ):
                for row, one, both in found:
                    plain[row] = one
                    if mirrored is not None and both is not None:
                        mirrored[row] = both
                advance(done[-1] + 1, num)
        return PublicEmbeddings(plain, mirrored)

    def _part(
        self, photos: PublicSet, rows: Sequence[int]
    ) -> list[tuple[int, Embeddings, Embeddings | None]]:
        faces = [face for row in rows if (face := self._face(photos, row)) is not None]
        return [entry for group in _by_shape(faces) for entry in self._embed(group)]

    def _face(self, photos: PublicSet, row: int) -> _Face | None:
        found = photos.table.iloc[row]
        content = read_photo(photos.photos, found["path"])
        try:
            photo = decode_photo(content)
            image = photo.image_rgb_u8
            if photos.has_landmarks:
                given = landmarks_of(found, TRUE_LANDMARK_COLUMNS)
                return _Face(row, image, photo.in_picture_px(given).astype(np.float32))
            height, width = image.shape[:2]
            face = select_face(self._detector.detect(image), (height, width), self._face_policy)
            if self._quality_policy.refuses_some:
                self._quality_policy.check(measure_quality(image, face))
        except ImageError:
            return None
        return _Face(row, image, face.landmarks_px)

    def _embed(self, faces: Sequence[_Face]) -> Iterator[tuple[int, Embeddings, Embeddings | None]]:
        landmarks = np.stack([face.landmarks_px for face in faces])
        plain = self._engine.embed(np.stack([face.image_rgb_u8 for face in faces]), landmarks)
        both = self._with_mirrored(faces, plain) if self._mirrored else None
        for number, face in enumerate(faces):
            yield face.row, plain[number], None if both is None else both[number]

    def _with_mirrored(self, faces: Sequence[_Face], plain: Embeddings) -> Embeddings:
        crops = np.stack([cut_crop(face.image_rgb_u8, face.landmarks_px) for face in faces])
        turned = np.ascontiguousarray(crops[:, :, ::-1])
        # A crop lies on the template already, so aligning it again is the identity.
        mirrored = self._engine.embed(turned, np.stack([TEMPLATE_PX] * len(turned)))
        both = l2_normalise(plain + mirrored)
        both[~plain.any(axis=1)] = 0
        return both


def _by_shape(faces: Sequence[_Face]) -> Iterator[list[_Face]]:
    groups: dict[tuple[int, ...], list[_Face]] = {}
    for face in faces:
        groups.setdefault(face.image_rgb_u8.shape, []).append(face)
    yield from groups.values()


def usable_rows(embeddings: Embeddings) -> NDArray[np.bool_]:
    """(n,): which rows are embeddings and not the zero of a failure."""
    return np.asarray(embeddings.any(axis=1), dtype=bool)


def template_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The columns template_id, media_id, image_id and subject_id of a set of templates."""
    return table[["template_id", "media_id", "image_id", "subject_id"]]
