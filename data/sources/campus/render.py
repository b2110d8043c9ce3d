"""One photograph of one student: from the seed to JPEG bytes and a manifest row."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import RgbU8
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.campus.canvas import Canvas
from data.sources.campus.capture import Capture, Expression, sample_capture
from data.sources.campus.config import CampusConfig, CampusConfigError
from data.sources.campus.eyes import eye_middle, paint_brow, paint_eye
from data.sources.campus.film import blur, develop, encode, grain
from data.sources.campus.grid import FloatMap, to_nodes
from data.sources.campus.hair import hair_radius
from data.sources.campus.identity import Identity
from data.sources.campus.mouth import mouth_corner, paint_mouth, paint_nose
from data.sources.campus.portrait import Portrait, portrait_of
from data.sources.campus.pose import Camera, camera_of, surface_points
from data.sources.campus.rays import cast_rays
from data.sources.campus.scene import background, backlight, draw_body
from data.sources.campus.shading import light_head
from data.sources.campus.skin import paint_age, skin_rgb
from data.sources.campus.surface import bare_head
from data.sources.campus.worn import draw_glasses, put_on_mask

Landmarks = NDArray[np.float64]


def _paint(portrait: Portrait, face: Expression) -> Canvas:
    """The texture of one photograph."""
    who = portrait.who
    canvas = Canvas(portrait.skin_rgb)
    paint_age(canvas, who, face)
    paint_nose(canvas, who)
    paint_mouth(canvas, who, face)
    for side in (-1, 1):
        paint_eye(canvas, who, face, side)
        paint_brow(canvas, who, face, side)
    canvas.lay(portrait.hair_rgb, portrait.hair_keep)
    return canvas


def _landmarks(who: Identity, capture: Capture, camera: Camera, radius_cm: FloatMap) -> Landmarks:
    """True landmarks (5, 2) in pixels, image-left first."""
    face = capture.expression
    nose = (0.0, who.shape["nose_y"] + 0.55)
    corners = [mouth_corner(who, face, side) for side in (-1, 1)]
    eyes = [eye_middle(who, side) for side in (-1, 1)]
    return camera.project(surface_points(radius_cm, np.array([*eyes, nose, *corners])))


def _gloss(portrait: Portrait) -> FloatMap:
    skin = 0.05 + 0.07 * portrait.who.colouring.redness
    matt = np.maximum(portrait.hair_cover, portrait.beard_cover)
    return np.asarray(skin + (0.035 - skin) * to_nodes(matt), dtype=np.float32)


def _expose(
    capture: Capture, camera: Camera, who: Identity, lit: FloatMap, radius_cm: FloatMap
) -> FloatMap:
    """Linear RGB of the scene with the head in it."""
    rng = np.random.default_rng(capture.scene_seed)
    picture = background(capture, rng)
    draw_body(picture, camera, skin_rgb(who.colouring), rng)
    backlight(picture, capture.light.ambient)
    hits = cast_rays(camera, radius_cm, capture.width_px, capture.height_px)
    head = cv2.remap(
        lit, hits.texel_x, hits.texel_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    h, w = hits.cover.shape
    patch = picture[hits.y0 : hits.y0 + h, hits.x0 : hits.x0 + w]
    patch += (head - patch) * hits.cover[..., None]
    return picture


def _metering(skin: tuple[float, float, float]) -> float:
    """Gain of a camera that exposes for the face, but only part of the way."""
    brightness = 0.3 * skin[0] + 0.6 * skin[1] + 0.1 * skin[2]
    return float((0.28 / brightness) ** 0.3)


def render_scene(portrait: Portrait, capture: Capture) -> tuple[RgbU8, Landmarks]:
    """Picture (height, width, 3) RGB before JPEG, and its true landmarks (5, 2)."""
    who = portrait.who
    camera = camera_of(capture, who.shape["eye_x"])
    canvas = _paint(portrait, capture.expression)
    bare = bare_head(who.shape, capture.expression)
    radius = hair_radius(who, bare, portrait.hair_cover)
    landmarks = _landmarks(who, capture, camera, bare)
    if capture.mask:
        radius = put_on_mask(canvas, radius, who, np.random.default_rng(capture.scene_seed + 1))
    gloss = _gloss(portrait)
    lit = light_head(canvas.rgb, radius, gloss, camera.rotation, capture.light)
    light = _expose(capture, camera, who, lit, radius)
    picture = develop(light, capture.film, _metering(skin_rgb(who.colouring)))
    if capture.glasses:
        draw_glasses(picture, who, camera, bare, min(1.2, capture.film.exposure_gain**0.45))
    noise = np.random.default_rng(capture.scene_seed + 2)
    return grain(blur(picture, capture.film), capture.film, noise), landmarks


def _pose_band(yaw_deg: float) -> str:
    if abs(yaw_deg) <= 10:
        return "frontal"
    return "half" if abs(yaw_deg) <= 25 else "side"


def _attributes(who: Identity, capture: Capture) -> dict[str, str]:
    """What is true of the photo; a drawn face has no ethnicity, so none is claimed."""
    return {
        "age_band": who.age_band,
        "gender": who.gender,
        "skin_tone": f"monk_{who.colouring.monk_tone:02d}",
        "family_id": f"f{who.family:06d}",
        "glasses": "yes" if capture.glasses else "no",
        "mask": "yes" if capture.mask else "no",
        "facial_hair": who.facial_hair,
        "pose_band": _pose_band(capture.yaw_deg),
        "lighting": capture.light.band,
    }


def image_id(subject: int, photo: int) -> str:
    """Name of one photograph."""
    return f"s{subject:06d}_p{photo:04d}"


def _row(who: Identity, capture: Capture, landmarks: Landmarks) -> dict[str, Any]:
    name, subject = image_id(who.subject, capture.photo), f"s{who.subject:06d}"
    attributes = _attributes(who, capture)
    return {
        "image_id": name,
        "subject_id": subject,
        "path": f"{subject}/{name}.jpg",
        "capture_kind": capture.kind,
        **attributes,
        **{f"{column}_provenance": "ground_truth" for column in attributes},
        **dict(zip(TRUE_LANDMARK_COLUMNS, landmarks.ravel().tolist(), strict=True)),
        "true_landmarks_provenance": "ground_truth",
    }


def render_photo(config: CampusConfig, index: int) -> tuple[bytes, dict[str, Any]]:
    """Render photo `index` of the campus: JPEG bytes and what its manifest row knows.

    The photo depends on the seed, its student and its number with that student; on nothing else.
    Raises `CampusConfigError` where the campus has no such photo.
    """
    if not 0 <= index < config.num_photos:
        raise CampusConfigError(
            f"photo {index}: the campus has {config.num_photos:,} photos; raise num_subjects"
        )
    subject, photo = divmod(index, config.photos_per_subject)
    portrait = portrait_of(config, subject)
    capture = sample_capture(config, portrait.who, photo)
    picture, landmarks = render_scene(portrait, capture)
    return encode(picture, capture.film), _row(portrait.who, capture, landmarks)
