"""From two photos' bytes to a comparison or a typed error. Knows nothing of HTTP."""

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from data.detection.base import Detector
from data.detection.config import FacePolicy
from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.errors import ImageError
from data.face import CROP_SIZE_PX, TEMPLATE_PX, DetectedFace, LandmarksPx, RgbU8
from data.images import ImageLimits, Photo, decode_photo
from data.quality import measure_quality
from data.quality_policy import NO_QUALITY_POLICY, QualityPolicy
from serving.bundle import Bundle
from serving.comparison import (
    Comparison,
    ImageName,
    ModelIdentity,
    PhotoError,
    PhotoReport,
    Stopwatch,
    Timings,
)
from serving.config import ServerConfig
from serving.engine import Engine, EngineConfig, load_engine
from serving.errors import EngineError, ServingError
from serving.release import DETECTOR_FOLDER, Release

Embedding = NDArray[np.float64]

_NORM_TOLERANCE: Final = 1e-3
_SELF_TEST_SEED: Final = 112


class OperatingPointError(ServingError):
    """The bundle has no operating point of the name asked for, or none at all."""


@dataclass(frozen=True, slots=True)
class MatchRule:
    """One operating point: two faces match where their cosine reaches the threshold."""

    operating_point: str
    threshold: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """One photo, worked through."""

    report: PhotoReport
    embedding: Embedding
    watch: Stopwatch


class FaceVerifier:
    """Compares two photos with one released model, at one of its own operating points.

    Safe to call from several threads. Each photo of a comparison has a thread, because detection
    takes most of the time and uses one core: on two cores that brings a lone comparison from 36 to
    24 ms (VGA photos, MobileFaceNet) and costs nothing under load.
    """

    def __init__(
        self,
        model: ModelIdentity,
        rule: MatchRule,
        detector: Detector,
        engine: Engine,
        policy: FacePolicy,
        limits: ImageLimits,
        quality_policy: QualityPolicy = NO_QUALITY_POLICY,
        concurrency: int = 1,
    ) -> None:
        """Put a verifier together; `concurrency` callers can compare at once at full speed."""
        self.model = model
        self.rule = rule
        self._detector = detector
        self._engine = engine
        self._policy = policy
        self._limits = limits
        self._quality_policy = quality_policy
        self._second_photos = ThreadPoolExecutor(concurrency, thread_name_prefix="second-photo")

    @classmethod
    def from_bundle(
        cls, bundle: Bundle, config: ServerConfig, model_version: str | None = None
    ) -> Self:
        """Load a bundle's networks. `model_version` is the registry's, where it came from there.

        Raises `BundleError`, `EngineError`, `data.errors.WeightsError` or `OperatingPointError`.
        """
        release = bundle.release
        return cls(
            model=ModelIdentity(release.name, model_version, bundle.digest, release.contract_id),
            rule=_rule(release, config.operating_point),
            detector=open_detector(
                bundle.folder / DETECTOR_FOLDER, release.detector, config.detector_threads
            ),
            engine=load_engine(bundle, EngineConfig(threads=config.threads_of_a_run)),
            policy=release.face_policy,
            limits=config.image_limits,
            quality_policy=release.quality_policy,
            concurrency=config.comparisons_at_once,
        )

    def compare(self, content1: bytes, content2: bytes) -> Comparison:
        """Compare two photos, given as the bytes of JPEG, PNG or WebP files.

        Raises `PhotoError` for the first photo that cannot be compared, and `EngineError`.
        """
        started_s = time.perf_counter()
        seen1, seen2 = self._see_both(content1, content2)
        similarity = float(np.clip(seen1.embedding @ seen2.embedding, -1.0, 1.0))
        total_ms = 1e3 * (time.perf_counter() - started_s)
        return Comparison(
            is_same_person=similarity >= self.rule.threshold,
            similarity=similarity,
            threshold=self.rule.threshold,
            operating_point=self.rule.operating_point,
            photos=(seen1.report, seen2.report),
            timings=Timings.of((seen1.watch, seen2.watch), total_ms),
        )

    def self_test(self) -> None:
        """Embed a fixed picture of noise; raises `EngineError` where no unit vector comes out.

        It also warms the networks up, so that the first caller does not wait for them.
        """
        noise = np.random.default_rng(_SELF_TEST_SEED).integers(
            0, 256, (CROP_SIZE_PX, CROP_SIZE_PX, 3), np.uint8
        )
        self._detector.detect(noise)
        self._embed(noise, TEMPLATE_PX)

    def _see_both(self, content1: bytes, content2: bytes) -> tuple[_Seen, _Seen]:
        second = self._second_photos.submit(self._see, "image2", content2)
        try:
            first = self._see("image1", content1)
        except BaseException:
            second.cancel()
            wait([second])  # or the thread would still be busy when the next caller needs it
            raise
        return first, second.result()

    def _see(self, name: ImageName, content: bytes) -> _Seen:
        watch = Stopwatch()
        try:
            with watch.stage("decode"):
                photo = decode_photo(content, self._limits)
            image = photo.image_rgb_u8
            with watch.stage("detect"):
                height, width = image.shape[:2]
                face = select_face(self._detector.detect(image), (height, width), self._policy)
                quality = measure_quality(image, face)
                self._quality_policy.check(quality)
        except ImageError as error:
            raise PhotoError(name, error) from error
        with watch.stage("embed"):
            embedding = self._embed(image, face.landmarks_px)
        report = PhotoReport(
            width_px=photo.width_px,
            height_px=photo.height_px,
            face=_in_file_px(photo, face),
            quality=quality,
            advice=self._quality_policy.advice(quality),
        )
        return _Seen(report, embedding, watch)

    def _embed(self, image_rgb_u8: RgbU8, landmarks_px: LandmarksPx) -> Embedding:
        embedding = self._engine.embed(image_rgb_u8[None], landmarks_px[None])[0]
        wide: Embedding = embedding.astype(np.float64)
        norm = float(np.linalg.norm(wide))
        if not abs(norm - 1.0) <= _NORM_TOLERANCE:  # so written, a NaN fails too
            raise EngineError(f"an embedding has length {norm}, wanted 1; roll the model back")
        return wide


def _in_file_px(photo: Photo, face: DetectedFace) -> DetectedFace:
    """The face where the caller has it, who knows nothing of a smaller decoding."""
    if photo.shrunk_by == 1:
        return face
    corners = photo.in_file_px(np.array(face.box_px, np.float32).reshape(2, 2))
    (x0, y0), (x1, y1) = corners.tolist()
    return DetectedFace((x0, y0, x1, y1), photo.in_file_px(face.landmarks_px), face.score)


def _rule(release: Release, name: str | None) -> MatchRule:
    chosen = name or release.default_operating_point
    point = release.operating_points.get(chosen or "")
    if chosen is None or point is None:
        known = ", ".join(sorted(release.operating_points)) or "none"
        raise OperatingPointError(
            f"{release.name} has no operating point {chosen!r}; choose one of: {known}"
        )
    return MatchRule(chosen, point.threshold)
