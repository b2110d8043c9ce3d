"""The synthetic campus as the simulator's population: students who exist nowhere else.

The seed is not the one of the photos that models are trained on, so nobody at the gate was seen in
training. Pose, light, exposure, blur, noise, glasses and masks go into the renderer itself; cap,
scarf, hand and a bright door are laid over its picture.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

import data.degrade
import data.simulator
from data.errors import SourceError
from data.simulator.code_digest import code_digest
from data.simulator.conditions import Conditions, GateLight
from data.simulator.optics import cover_face, film_of, put_before_door, through_camera
from data.simulator.streams import stream
from data.simulator.world import LookAlike
from data.sources import campus
from data.sources.campus import CampusConfig, render_photo
from data.sources.campus.capture import Capture, Light, sample_capture
from data.sources.campus.identity import Identity, sample_identity
from data.sources.campus.portrait import portrait_of
from data.sources.campus.render import render_scene

WORLD_SEED: Final = 4_711
_POPULATION: Final = 100_000
_TRIES: Final = 64
_SEARCHED: Final = 96
"""Strangers among whom a look-alike without a sibling is sought."""


def campus_population(seed: int = WORLD_SEED) -> CampusConfig:
    """A campus for the gate: large, and with more siblings than the one that is trained on."""
    return CampusConfig(
        seed=seed, num_subjects=_POPULATION, sibling_share=0.3, webcam_share=0.0, gate_share=1.0
    )


class CampusWorld:
    """`World` on the synthetic campus."""

    def __init__(self, config: CampusConfig | None = None) -> None:
        """Keep the config; everybody is drawn when needed. Photos after the first are gate's."""
        base = config or campus_population()
        self._config = base.model_copy(update={"webcam_share": 0.0, "gate_share": 1.0})

    @property
    def fingerprint(self) -> str:
        """Config and rendering code."""
        code = code_digest(*(Path(p) for p in _folders()))
        return hashlib.sha256(f"{self._config.model_dump_json()}{code}".encode()).hexdigest()

    def enrolled(self, rng: np.random.Generator) -> str:
        """Draw a student."""
        return _subject_id(int(rng.integers(self._config.num_subjects)))

    def stranger(self, subject_id: str, rng: np.random.Generator) -> str:
        """Draw a student of another family; raises `SourceError` on a campus of one family."""
        family = self._identity(subject_id).family
        for _ in range(_TRIES):
            drawn = self.enrolled(rng)
            if self._identity(drawn).family != family:
                return drawn
        raise SourceError(f"campus: no stranger to {subject_id} is found; raise num_subjects")

    def look_alike(self, subject_id: str, rng: np.random.Generator) -> LookAlike | None:
        """The sibling, where there is one; else the nearest face of one gender and skin tone."""
        who = self._identity(subject_id)
        if who.has_sibling:
            return LookAlike(_subject_id(who.subject ^ 1), "sibling")
        drawn = {self.enrolled(rng) for _ in range(_SEARCHED)} - {subject_id}
        alike = [one for one in map(self._identity, sorted(drawn)) if _alike(who, one)]
        if not alike:
            return None
        nearest = min(alike, key=lambda one: float(np.linalg.norm(one.latent - who.latent)))
        return LookAlike(_subject_id(nearest.subject), "attributes:gender,skin_tone,geometry")

    def reference(self, subject_id: str) -> bytes:
        """The ID photo: the student's photo 0."""
        first = _number(subject_id) * self._config.photos_per_subject
        return render_photo(self._config, first)[0]

    def probe(self, subject_id: str, conditions: Conditions) -> bytes:
        """A rendered gate frame."""
        portrait = portrait_of(self._config, _number(subject_id))
        capture = self._capture(portrait.who, conditions)
        picture, landmarks = render_scene(portrait, capture)
        landmarks_px = landmarks.astype(np.float32)
        picture = cover_face(picture, landmarks_px, conditions, mask=False)
        picture = put_before_door(picture, landmarks_px, conditions)
        return through_camera(picture, film_of(conditions), conditions.seed)

    def _capture(self, who: Identity, conditions: Conditions) -> Capture:
        """What the gate's config would draw, with everything that the conditions know put in."""
        drawn = sample_capture(self._config, who, conditions.seed)
        film = replace(
            film_of(conditions),
            exposure_gain=float(2.0 ** np.clip(conditions.exposure_ev, -4.0, 2.0)),
            channel_gain=drawn.film.channel_gain,
            # What hides the face comes before lens and sensor, so the renderer leaves them out.
            defocus_px=0.0,
            motion_px=0.0,
            noise_sd=0.0,
        )
        return replace(
            drawn,
            eye_distance_px=float(np.clip(conditions.eye_distance_px, 16, drawn.width_px / 3)),
            camera_distance_cm=conditions.stance.distance_cm,
            yaw_deg=conditions.yaw_deg,
            pitch_deg=conditions.pitch_deg,
            roll_deg=conditions.roll_deg,
            light=_light(conditions.light, conditions.seed),
            film=film,
            glasses=who.owns_glasses and conditions.stance.glasses,
            mask=conditions.stance.mask,
        )

    def _identity(self, subject_id: str) -> Identity:
        return sample_identity(self._config, _number(subject_id))


def _light(gate: GateLight, seed: int) -> Light:
    """Daylight from the door as the key, lamps from above all around."""
    rng = stream(seed, "light")
    share = gate.daylight_share
    azimuth, elevation = np.radians(
        [gate.door_azimuth_deg + rng.normal(0, 10), rng.uniform(20, 50)]
    )
    return Light(
        band="side" if share > 0.5 and abs(gate.door_azimuth_deg) > 40 else "even",
        direction=(
            float(np.sin(azimuth) * np.cos(elevation)),
            float(np.sin(elevation)),
            float(max(0.05, np.cos(azimuth) * np.cos(elevation))),
        ),
        key=float(0.45 + 0.5 * share),
        ambient=float(0.52 - 0.22 * share),
        warmth=float(0.08 - 0.12 * share),
        softness=float(rng.uniform(0.2, 0.5)),
    )


def _alike(who: Identity, other: Identity) -> bool:
    tones = abs(who.colouring.monk_tone - other.colouring.monk_tone)
    return who.gender == other.gender and tones <= 1 and who.family != other.family


def _folders() -> Iterable[str]:
    return (*campus.__path__, *data.degrade.__path__, *data.simulator.__path__)


def _subject_id(number: int) -> str:
    return f"s{number:06d}"


def _number(subject_id: str) -> int:
    return int(subject_id[1:])
