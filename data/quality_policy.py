"""When a photo of a face is too bad to be compared, and what to tell its owner otherwise.

The policy travels in the release, so that evaluation and server refuse the same photos: a threshold
measured on good photos says nothing about bad ones.
"""

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from data.errors import (
    FaceOccludedError,
    FaceTooObliqueError,
    FaceTooSmallError,
    ImageError,
    LowContrastError,
    TooBlurryError,
    TooBrightError,
    TooDarkError,
)
from data.quality import Quality

Points = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that would make a photo better."""

    code: str
    """Stable; where the same fault can be too grave, the code of that error."""
    component: str
    """Field of `Quality`."""
    value: float
    """Of the component, 0 to 100."""
    text: str
    """What to do about it, for people."""


class _Rule(NamedTuple):
    least: float
    component: str
    error: type[ImageError]
    what: str


_ADVICE_ONLY: Final = (
    ("uneven_light", "light_balance_quality", "Turn so that the light falls from the front."),
    (
        "uneven_colour",
        "skin_colour_quality",
        "Avoid coloured light, and keep mask, scarf and hair off the face.",
    ),
    ("tilted", "roll_quality", "Hold head and camera upright."),
    (
        "too_compressed",
        "compression_quality",
        "Send the photo itself, not a screenshot or a copy from a messenger.",
    ),
)


class QualityPolicy(BaseModel):
    """The least of each component, 0 to 100, and when to advise. 0 switches a rule off.

    The defaults refuse what can hardly be compared at all and let doubtful photos through with
    advice, because a false refusal makes a student late.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_eye_distance: Points = 0.0
    """Off: `FacePolicy.min_eye_distance_px` says it in pixels."""
    min_yaw: Points = 0.0
    """Off: `FacePolicy.max_nose_offset` stands for it. 50 is a head turned by 45 degrees."""
    min_pitch: Points = 0.0
    """Off: the length of a face shifts it too far."""
    min_alignment: Points = 2.0
    """A residual of 11.7 crop pixels: these are no landmarks of a face seen from the front."""
    min_underexposure: Points = 5.0
    """A mean luma of 21, or 43 % of the face near black."""
    min_overexposure: Points = 5.0
    """A mean luma of 239, or 27 % of the face burnt out."""
    min_dynamic_range: Points = 50.0
    """Four bits of entropy."""
    min_eyes_visible: Points = 8.0
    """Nothing to be seen in one eye: black glasses, a hand, hair."""
    min_mouth_visible: Points = 15.0
    """Hardly an edge in one half of the mouth: a mask, a hand, a scarf."""
    min_sharpness: Points = 7.0
    """A blur of about 2.5 crop pixels (standard deviation), where the eyes are 35 apart."""
    advise_below: Points = 40.0
    """Components below it are advised on, the worst first, also where the photo is accepted."""

    @property
    def refuses_some(self) -> bool:
        """Whether any rule is switched on, and so quality has to be measured."""
        return any(rule.least > 0 for rule in self._rules())

    def check(self, quality: Quality) -> None:
        """Raise the error of the first rule that a face breaks.

        `FaceTooSmallError`, `FaceTooObliqueError`, `TooDarkError`, `TooBrightError`,
        `LowContrastError`, `TooBlurryError` or `FaceOccludedError`.
        """
        for rule in self._rules():
            value = getattr(quality, rule.component)
            if not value >= rule.least:  # so written, a NaN is refused too
                raise rule.error(
                    f"the face's {rule.what} is rated {value:.0f} of 100,"
                    f" at least {rule.least:g} is needed"
                )

    def advice(self, quality: Quality) -> tuple[Advice, ...]:
        """What would make this photo better, the worst first; nothing for a good one."""
        known = [(rule.error.code, rule.component, rule.error.remedy) for rule in self._rules()]
        found = [
            Advice(code, component, getattr(quality, component), text)
            for code, component, text in (*known, *_ADVICE_ONLY)
            if getattr(quality, component) < self.advise_below
        ]
        worst: dict[str, Advice] = {}
        for one in sorted(found, key=lambda advice: advice.value):
            worst.setdefault(one.code, one)
        return tuple(worst.values())

    def _rules(self) -> tuple[_Rule, ...]:
        """In the order of asking: a dark photo seems soft, and a soft one hides eyes and mouth."""
        oblique, occluded = FaceTooObliqueError, FaceOccludedError
        return (
            _Rule(self.min_eye_distance, "eye_distance_quality", FaceTooSmallError, "size"),
            _Rule(self.min_yaw, "yaw_quality", oblique, "turn to the side"),
            _Rule(self.min_pitch, "pitch_quality", oblique, "turn up or down"),
            _Rule(self.min_alignment, "alignment_quality", oblique, "likeness to a frontal face"),
            _Rule(self.min_underexposure, "underexposure_quality", TooDarkError, "exposure"),
            _Rule(self.min_overexposure, "overexposure_quality", TooBrightError, "exposure"),
            _Rule(self.min_dynamic_range, "dynamic_range_quality", LowContrastError, "contrast"),
            _Rule(self.min_sharpness, "sharpness_quality", TooBlurryError, "sharpness"),
            _Rule(self.min_eyes_visible, "eyes_visible_quality", occluded, "view of both eyes"),
            _Rule(self.min_mouth_visible, "mouth_visible_quality", occluded, "view of the mouth"),
        )


NO_QUALITY_POLICY: Final = QualityPolicy(
    min_alignment=0,
    min_underexposure=0,
    min_overexposure=0,
    min_dynamic_range=0,
    min_eyes_visible=0,
    min_mouth_visible=0,
    min_sharpness=0,
)
"""Refuses nothing, as a published protocol wants it: every one of its photos has to be compared."""
