"""Real photos as the simulator's population: the people of a manifest, such as LFW's.

One photo of each is the one on file. A gate frame is another photo of the same person, made worse
by what the gate does: fewer pixels from further away, things worn, light, blur, noise, JPEG. Pose
and expression are the photo's own; nothing here can turn a head.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd

import data.degrade
import data.simulator
from data.degrade.degrade import degrade
from data.errors import SourceError
from data.face import LandmarksPx, RgbU8, eye_distance_px
from data.images import decode_image
from data.manifest import LANDMARK_COLUMNS, TRUE_LANDMARK_COLUMNS
from data.photos import read_photo
from data.simulator.code_digest import code_digest
from data.simulator.conditions import Conditions
from data.simulator.optics import cover_face, expose_by, film_of, put_before_door, through_camera
from data.simulator.streams import stream
from data.simulator.world import LookAlike
from data.sources import campus

LookAlikes = Mapping[str, Sequence[str]]
_MATCHED: Final = ("gender", "ethnicity", "skin_tone", "age_band")
_PHOTO_DISTANCE_CM: Final = 100.0
"""A photo counts as taken from here."""


class PhotoWorld:
    """`World` of the people of a manifest who have two usable photos or more."""

    def __init__(
        self,
        table: pd.DataFrame,
        photos: Path,
        look_alikes: LookAlikes | None = None,
        mined: str = "",
    ) -> None:
        """Take manifest rows with landmarks, detected or true, and the folder of their photos.

        `look_alikes` lists, best first, who looks like whom; `mined` names the list. Rows with a
        reject reason or without landmarks are left out. Raises `SourceError` where fewer than two
        people are left.
        """
        self._rows = _usable(table)
        self._photos = photos
        self._people = sorted(self._rows)
        known = set(self._people)
        listed = (look_alikes or {}).items()
        self._look_alikes = {a: [b for b in found if b in known and b != a] for a, found in listed}
        self._mined = mined
        if len(self._people) < 2:
            raise SourceError(
                f"{photos}: {len(self._people)} people have two usable photos, two are needed;"
                " take more people or another split"
            )

    @property
    def people(self) -> Sequence[str]:
        """Who can come, sorted."""
        return self._people

    @property
    def fingerprint(self) -> str:
        """Rows, landmarks and code; not the photos' bytes, which a manifest's owner never edits."""
        packages = (data.degrade, data.simulator, campus)  # the campus owns the camera's film
        folders = (Path(place) for package in packages for place in package.__path__)
        rows = "".join(self._rows[person].to_csv() for person in self._people)
        text = f"{self._photos.resolve()}{rows}{code_digest(*folders)}"
        return hashlib.sha256(text.encode()).hexdigest()

    def enrolled(self, rng: np.random.Generator) -> str:
        """Draw a person."""
        return self._people[int(rng.integers(len(self._people)))]

    def stranger(self, subject_id: str, rng: np.random.Generator) -> str:
        """Draw anybody else."""
        drawn = int(rng.integers(len(self._people) - 1))
        return self._people[drawn + (drawn >= self._people.index(subject_id))]

    def look_alike(self, subject_id: str, rng: np.random.Generator) -> LookAlike | None:
        """The best of the mined list, where there is one; else somebody of the same attributes."""
        mined = self._look_alikes.get(subject_id)
        if mined:
            return LookAlike(mined[0], f"mined:{self._mined}")
        return self._same_attributes(subject_id, rng)

    def reference(self, subject_id: str) -> bytes:
        """The photo on file, byte for byte: the first ID photo, or else the first of all."""
        return read_photo(self._photos, str(self._rows[subject_id].iloc[0]["path"]))

    def probe(self, subject_id: str, conditions: Conditions) -> bytes:
        """Another photo of the person as the gate's camera would have it."""
        rows = self._rows[subject_id]
        row = rows.iloc[1 + conditions.seed % (len(rows) - 1)]
        image = decode_image(read_photo(self._photos, str(row["path"])))
        points = row[list(LANDMARK_COLUMNS)].to_numpy(dtype=np.float32).reshape(5, 2)
        image, landmarks_px = _stand_at(image, points, conditions.stance.distance_cm)
        image = cover_face(image, landmarks_px, conditions, mask=True)
        if conditions.stance.glasses:
            severity = float(stream(conditions.seed, "glasses").uniform(0.3, 0.8))
            image = degrade(image, landmarks_px, "glasses", severity, conditions.seed)
        image = put_before_door(expose_by(image, conditions.exposure_ev), landmarks_px, conditions)
        scale = eye_distance_px(landmarks_px) / conditions.eye_distance_px
        return through_camera(image, film_of(conditions, scale), conditions.seed)

    def _same_attributes(self, subject_id: str, rng: np.random.Generator) -> LookAlike | None:
        mine = self._attributes(subject_id)
        if not mine:
            return None
        others = [p for p in self._people if p != subject_id]
        alike = [p for p in others if all(self._attributes(p).get(k) == v for k, v in mine.items())]
        if not alike:
            return None
        names = ",".join(mine)
        return LookAlike(alike[int(rng.integers(len(alike)))], f"attributes:{names}")

    def _attributes(self, subject_id: str) -> dict[str, str]:
        row = self._rows[subject_id].iloc[0]
        known = {name: row.get(name) for name in _MATCHED}
        return {name: str(value) for name, value in known.items() if isinstance(value, str)}


def _usable(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of each person with their landmarks in `LANDMARK_COLUMNS`; the one on file first."""
    if not set(LANDMARK_COLUMNS) <= set(table.columns):
        table = table.rename(
            columns=dict(zip(TRUE_LANDMARK_COLUMNS, LANDMARK_COLUMNS, strict=True))
        )
    if "reject_reason" in table:
        table = table[table["reject_reason"].isna()]
    table = table.dropna(subset=list(LANDMARK_COLUMNS))
    on_file = (table["capture_kind"] != "id_photo").astype(int)
    table = table.assign(_order=on_file).sort_values(["subject_id", "_order", "image_id"])
    kept = ["image_id", "path", *LANDMARK_COLUMNS, *(n for n in _MATCHED if n in table)]
    people = table.groupby("subject_id", sort=True)
    return {str(person): rows[kept] for person, rows in people if len(rows) > 1}


def _stand_at(
    image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, distance_cm: float
) -> tuple[RgbU8, LandmarksPx]:
    """Shrink a photo as if taken from further away; nearer than its own distance it stays as is."""
    scale = min(1.0, _PHOTO_DISTANCE_CM / distance_cm)
    height, width = image_rgb_u8.shape[:2]
    size = (max(32, round(width * scale)), max(32, round(height * scale)))
    small = cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([size[0] / width, size[1] / height], dtype=np.float32)
    return np.asarray(small, dtype=np.uint8), ((landmarks_px + 0.5) * ratio - 0.5).astype(
        np.float32
    )
