"""Who a student is: face geometry, colouring, hair and attributes, all drawn from the seed."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from data.sources.campus.config import CampusConfig
from data.sources.campus.streams import family_stream, subject_stream

Gender = Literal["feminine", "masculine", "androgynous"]
AgeBand = Literal["18_21", "22_25", "26_35", "36_plus"]
HairStyle = Literal["bald", "buzz", "short", "side_part", "curly", "bob", "long", "fringe", "scarf"]
FacialHair = Literal["none", "stubble", "moustache", "goatee", "beard"]

_AGE_BANDS: Final[tuple[AgeBand, ...]] = ("18_21", "22_25", "26_35", "36_plus")
_AGE_SHARES: Final = (0.45, 0.3, 0.17, 0.08)

SHAPE_TABLE: Final[dict[str, tuple[float, float, float]]] = {
    # name: mean, spread, shift of a masculine face (a feminine one shifts the other way); in cm
    "top": (11.6, 0.7, 0.15),
    "cheek_half_width": (7.25, 0.45, 0.1),
    "temple_flare": (0.4, 0.3, -0.05),
    "jaw_taper": (1.3, 0.5, -0.35),
    "chin_half_width": (3.1, 0.55, 0.3),
    "chin_y": (-12.15, 0.65, -0.3),
    "chin_forward": (0.1, 0.5, 0.1),
    "chin_bump": (0.45, 0.3, 0.1),
    "forehead_bulge": (0.0, 0.4, -0.1),
    "cheekbone": (0.35, 0.3, 0.0),
    "cheek_fullness": (0.0, 0.45, -0.05),
    "eye_x": (3.3, 0.165, 0.03),
    "eye_half_width": (1.42, 0.17, -0.04),
    "eye_opening": (0.98, 0.2, -0.08),
    "eye_tilt": (0.12, 0.2, -0.05),
    "eye_depth": (0.95, 0.25, 0.1),
    "lid_fold": (0.5, 0.3, -0.08),
    "iris_radius": (0.64, 0.05, 0.0),
    "brow_y": (2.05, 0.4, -0.2),
    "brow_half_length": (2.3, 0.3, 0.05),
    "brow_thickness": (0.62, 0.22, 0.14),
    "brow_arch": (0.42, 0.28, -0.15),
    "brow_tilt": (0.0, 0.18, -0.03),
    "brow_gap": (1.15, 0.35, -0.05),
    "brow_ridge": (0.25, 0.22, 0.15),
    "nose_y": (-4.15, 0.32, -0.1),
    "nose_half_width": (1.75, 0.32, 0.1),
    "nose_tip": (2.5, 0.45, 0.1),
    "nose_tip_width": (0.95, 0.18, 0.05),
    "nose_bridge": (1.0, 0.4, 0.1),
    "nose_bridge_width": (0.72, 0.14, 0.05),
    "nose_hump": (0.0, 0.2, 0.05),
    "mouth_gap": (2.44, 0.25, 0.05),
    "mouth_half_width": (2.72, 0.165, 0.05),
    "upper_lip": (0.62, 0.24, -0.07),
    "lower_lip": (0.85, 0.26, -0.05),
    "cupid_bow": (0.18, 0.12, -0.02),
    "mouth_curve": (0.0, 0.14, 0.0),
    "ear_size": (2.6, 0.35, 0.1),
    "ear_out": (1.3, 0.45, 0.05),
    "neck_half_width": (5.0, 0.4, 0.5),
    "hairline_y": (6.6, 0.8, 0.1),
}
SHAPE_NAMES: Final = tuple(SHAPE_TABLE)


@dataclass(frozen=True, slots=True)
class Colouring:
    """Colours as sRGB in 0..1."""

    monk_tone: int
    """Monk skin tone, 1 (lightest) to 10."""
    undertone: float
    """-1 rosy to 1 golden."""
    redness: float
    hair_rgb: tuple[float, float, float]
    iris_rgb: tuple[float, float, float]
    lip_depth: float
    """How much darker and redder than the skin the lips are, 0..1."""
    eye_shadow: float
    """Dark rings under the eyes, 0..1."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One student. Everything here is the same in all of their photographs."""

    subject: int
    family: int
    has_sibling: bool
    gender: Gender
    age_band: AgeBand
    shape: dict[str, float]
    """Values for `SHAPE_NAMES`, in cm."""
    latent: NDArray[np.float64]
    """The same geometry in units of the population's spread; strangers are far apart in it."""
    colouring: Colouring
    hair_style: HairStyle
    hair_volume: float
    parting: float
    facial_hair: FacialHair
    freckles: float
    """Density, 0 for most people."""
    moles_cm: tuple[tuple[float, float, float], ...]
    """Side, height, radius of each mole."""
    wrinkles: float
    makeup: float
    owns_glasses: bool
    glasses_style: int
    texture_seed: int
    """Fixes freckles, mottling and hair strands."""
    brow_density: float


def family_of(config: CampusConfig, subject: int) -> tuple[int, bool]:
    """Family number and whether there is a sibling. Students 2k and 2k+1 may be siblings."""
    pair = subject // 2
    is_pair = bool(family_stream(config.seed, pair).random() < config.sibling_share)
    has_sibling = is_pair and (subject ^ 1) < config.num_subjects
    return (2 * pair if is_pair else subject), has_sibling


def _latent(
    own: np.random.Generator, shared: np.random.Generator, likeness: float
) -> NDArray[np.float64]:
    mine = own.standard_normal(len(SHAPE_NAMES))
    ours = shared.standard_normal(len(SHAPE_NAMES))
    return np.asarray(np.clip(np.sqrt(likeness) * ours + np.sqrt(1 - likeness) * mine, -2.1, 2.1))


def _shape(latent: NDArray[np.float64], gender: Gender) -> dict[str, float]:
    sign = {"masculine": 1.0, "feminine": -1.0, "androgynous": 0.0}[gender]
    return {
        name: mean + spread * float(z) + sign * shift
        for z, (name, (mean, spread, shift)) in zip(latent, SHAPE_TABLE.items(), strict=True)
    }


_HAIR_COLOURS: Final = (
    # sRGB, and the Monk tones among which it occurs
    ((0.07, 0.06, 0.06), 1, 10),
    ((0.14, 0.09, 0.07), 1, 10),
    ((0.24, 0.15, 0.10), 1, 7),
    ((0.36, 0.23, 0.14), 1, 5),
    ((0.55, 0.38, 0.22), 1, 4),
    ((0.74, 0.58, 0.36), 1, 3),
    ((0.52, 0.24, 0.12), 1, 3),
)
_IRIS_COLOURS: Final = (
    ((0.20, 0.11, 0.06), 1, 10),
    ((0.30, 0.18, 0.09), 1, 10),
    ((0.42, 0.30, 0.13), 1, 6),
    ((0.35, 0.44, 0.28), 1, 4),
    ((0.36, 0.50, 0.62), 1, 4),
    ((0.48, 0.53, 0.55), 1, 3),
)
_Colour = tuple[float, float, float]


def _pick_colour(
    rng: np.random.Generator, table: tuple[tuple[_Colour, int, int], ...], tone: int
) -> _Colour:
    fitting = [colour for colour, low, high in table if low <= tone <= high]
    r, g, b = np.clip(np.array(fitting[rng.integers(len(fitting))]) * rng.uniform(0.85, 1.2), 0, 1)
    return float(r), float(g), float(b)


def _colouring(own: np.random.Generator, shared: np.random.Generator, age: AgeBand) -> Colouring:
    tone = int(np.clip(shared.integers(1, 11) + own.integers(-1, 2), 1, 10))
    hair = _pick_colour(shared, _HAIR_COLOURS, tone)
    if age == "36_plus" and own.random() < 0.5:
        hair = _blend(hair, (0.62, 0.61, 0.6), float(own.uniform(0.4, 0.9)))
    return Colouring(
        monk_tone=tone,
        undertone=float(own.uniform(-1, 1)),
        redness=float(own.uniform(0, 1)),
        hair_rgb=hair,
        iris_rgb=_pick_colour(own, _IRIS_COLOURS, tone),
        lip_depth=float(own.uniform(0.2, 0.9)),
        eye_shadow=float(own.uniform(0, 1) ** 1.5),
    )


def _blend(a: _Colour, b: _Colour, share: float) -> _Colour:
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


_HAIR_SHARES: Final[dict[Gender, dict[HairStyle, float]]] = {
    "masculine": {
        "bald": 0.07,
        "buzz": 0.2,
        "short": 0.3,
        "side_part": 0.23,
        "curly": 0.15,
        "fringe": 0.05,
    },
    "feminine": {
        "short": 0.06,
        "side_part": 0.08,
        "curly": 0.14,
        "bob": 0.2,
        "long": 0.3,
        "fringe": 0.14,
        "scarf": 0.08,
    },
    "androgynous": {
        "buzz": 0.1,
        "short": 0.25,
        "side_part": 0.2,
        "curly": 0.15,
        "bob": 0.15,
        "fringe": 0.15,
    },
}
_FACIAL_HAIR_SHARES: Final[dict[FacialHair, float]] = {
    "none": 0.5,
    "stubble": 0.2,
    "moustache": 0.08,
    "goatee": 0.08,
    "beard": 0.14,
}


def _moles(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))
    return tuple(
        (
            float(rng.uniform(-5.5, 5.5)),
            float(rng.uniform(-9.5, 4.5)),
            float(rng.uniform(0.1, 0.24)),
        )
        for _ in range(count)
    )


def sample_identity(config: CampusConfig, subject: int) -> Identity:
    """Draw one student; depends only on the seed and the student's number."""
    family, has_sibling = family_of(config, subject)
    own, shared = subject_stream(config.seed, subject), family_stream(config.seed, 10**9 + family)
    latent = _latent(own, shared, config.sibling_likeness)
    genders: tuple[Gender, ...] = ("feminine", "masculine", "androgynous")
    gender = genders[int(own.choice(3, p=(0.45, 0.45, 0.1)))]
    age = _AGE_BANDS[int(own.choice(4, p=_AGE_SHARES))]
    colouring = _colouring(own, shared, age)
    styles = _HAIR_SHARES[gender]
    hair = list(styles)[int(own.choice(len(styles), p=list(styles.values())))]
    beard_names = list(_FACIAL_HAIR_SHARES)
    beard = beard_names[int(own.choice(len(beard_names), p=list(_FACIAL_HAIR_SHARES.values())))]
    return Identity(
        subject=subject,
        family=family,
        has_sibling=has_sibling,
        gender=gender,
        age_band=age,
        shape=_shape(latent, gender),
        latent=latent,
        colouring=colouring,
        hair_style=hair,
        hair_volume=float(own.uniform(0.5, 1.5)),
        parting=float(own.uniform(-3.5, 3.5)),
        facial_hair=beard if gender == "masculine" else "none",
        freckles=float(own.uniform(0.3, 1)) if own.random() < 0.15 else 0.0,
        moles_cm=_moles(own),
        wrinkles={"18_21": 0.0, "22_25": 0.1, "26_35": 0.4, "36_plus": 1.0}[age],
        makeup=float(own.uniform(0, 1)) if gender == "feminine" else 0.0,
        owns_glasses=bool(own.random() < config.glasses_wearer_share),
        glasses_style=int(own.integers(0, 6)),
        texture_seed=int(own.integers(2**31)),
        brow_density=float(own.uniform(0.45, 1.0)),
    )
