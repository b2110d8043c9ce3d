"""Behaviour of the server's own path: a photo with itself, both orders, pictures of nobody."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.behaviour.junk import junk_picture
from data.behaviour.registry import JunkPictures
from data.detection.factory import open_detector
from data.face import CROP_SIZE_PX, TEMPLATE_PX
from data.images import ImageLimits
from data.photos import read_photo
from evaluation.measurement import Measurement
from evaluation.suites.behaviour import BehaviourCondition, measured_counts, measured_largest
from pipelines.degraded_photo import DegradedFace, DegradedPhotos, DegradeSettings
from pipelines.provoking import Rows
from pipelines.scoring import EmbeddedPhotos
from serving.bundle import Bundle, open_bundle
from serving.comparison import ModelIdentity, PhotoError
from serving.engine import EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER
from serving.verifier import FaceVerifier, MatchRule

_MOST_PHOTOS: Final = 8
"""Compared on the server; the promise is one of each photo, not of a share of them."""
_PICTURE_PX: Final = 400


def try_same_photo(
    photos: EmbeddedPhotos, chosen: Rows, settings: DegradeSettings
) -> tuple[BehaviourCondition, ...]:
    """Compare photos with themselves and with their neighbours in both orders.

    Without a detector there is no path of the server to try, and nothing is measured.
    """
    if not settings.detects:
        return ()
    verifier = _verifier(_open(settings))
    paths = [str(path) for path in photos.table["path"].iloc[chosen[:_MOST_PHOTOS]]]
    files = [read_photo(settings.photos, path) for path in paths]
    refused: Counter[str] = Counter()
    deficits = [1 - score for file in files for score in _scores(verifier, file, file, refused)]
    orders = [
        abs(one - other)
        for left, right in pairwise(files)
        for one in _scores(verifier, left, right, refused)
        for other in _scores(verifier, right, left, refused)
    ]
    found = measured_largest({"score_deficit": deficits, "order_difference": orders})
    return (
        BehaviourCondition(
            name="as they are", num_photos=len(files), refused=dict(refused), metrics=found
        ),
    )


def try_junk(
    how: JunkPictures,
    photos: EmbeddedPhotos,
    settings: DegradeSettings,
    threshold: float,
    seed: int,
) -> tuple[BehaviourCondition, ...]:
    """Show pictures of nobody, whole or as crops, and compare what comes out with everybody."""
    if how.faces == "detected" and not settings.detects:
        return ()
    detected = how.faces == "detected"
    look = _looked_at if detected else _as_crops
    faces = look(how, settings, _open(settings), seed)
    people = photos.embeddings[photos.usable]
    refused = Counter(face.reject_reason for face in faces if face.reject_reason is not None)
    return (
        BehaviourCondition(
            name=how.faces,
            num_photos=len(faces),
            refused=dict(sorted(refused.items())),
            metrics=_junk_metrics(faces, people, threshold, detected=detected),
        ),
    )


def _junk_metrics(
    faces: Sequence[DegradedFace],
    people: NDArray[np.float32],
    threshold: float,
    *,
    detected: bool,
) -> dict[str, Measurement]:
    """Shares of all pictures and of all comparisons; what is refused matches nobody."""
    num, junk = len(faces), [face.embedding for face in faces if face.embedding is not None]
    matches = sum(int(np.count_nonzero(people @ one >= threshold)) for one in junk)
    couples = sum(float(one @ other) >= threshold for one, other in combinations(junk, 2))
    found = measured_counts(
        {
            "junk_matches": (matches, num * len(people)),
            "junk_pair_matches": (couples, num * (num - 1) // 2),
        }
    )
    if detected:
        found |= measured_counts({"junk_accepted": (len(junk), num)})
    return found


def _looked_at(
    how: JunkPictures, settings: DegradeSettings, bundle: Bundle, seed: int
) -> list[DegradedFace]:
    path = DegradedPhotos(settings, bundle)
    return [path.look(junk_picture(name, _PICTURE_PX, seed), None) for name in how.pictures]


def _as_crops(
    how: JunkPictures,
    settings: DegradeSettings,  # noqa: ARG001 - a crop takes no photo's path
    bundle: Bundle,
    seed: int,
) -> list[DegradedFace]:
    crops = np.stack([junk_picture(name, CROP_SIZE_PX, seed) for name in how.pictures])
    engine = load_engine(bundle, EngineConfig())
    found = engine.embed(crops, np.stack([TEMPLATE_PX] * len(crops)))
    return [DegradedFace(embedding, None) for embedding in found]


def _open(settings: DegradeSettings) -> Bundle:
    return open_bundle(settings.bundle, settings.bundle_digest, require_released=False)


def _verifier(bundle: Bundle) -> FaceVerifier:
    """The server's verifier; its threshold does not matter here, a candidate has none."""
    release = bundle.release
    return FaceVerifier(
        model=ModelIdentity(release.name, None, bundle.digest, release.contract_id),
        rule=MatchRule("none", 1.0),
        detector=open_detector(bundle.folder / DETECTOR_FOLDER, release.detector),
        engine=load_engine(bundle, EngineConfig()),
        policy=release.face_policy,
        limits=ImageLimits(),
        quality_policy=release.quality_policy,
    )


def _scores(
    verifier: FaceVerifier, left: bytes, right: bytes, refused: Counter[str]
) -> list[float]:
    """The cosine, or nothing where a photo is refused."""
    try:
        return [verifier.compare(left, right).similarity]
    except PhotoError as error:
        refused[error.reason.code] += 1
        return []
