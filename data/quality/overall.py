"""One figure for the whole face.

The worst of the components that say whether a face can be compared: a sum would let a sharp photo
make up for covered eyes, and the worst one is also what a person is told to mend. Left out are
dynamic range and compression, whose curves of error against discarded share do not fall on Labeled
Faces in the Wild; roll, which alignment takes out; light balance, which every side light lowers;
eye distance, which sharpness contains (a small face is enlarged into a soft crop); and detection,
which says more about the detector (`python -m benchmarks.quality_discard` draws the curves).
"""

from collections.abc import Mapping
from typing import Final

OVERALL_COMPONENTS: Final = (
    "sharpness_quality",
    "underexposure_quality",
    "overexposure_quality",
    "eyes_visible_quality",
    "mouth_visible_quality",
    "skin_colour_quality",
    "alignment_quality",
    "yaw_quality",
    "pitch_quality",
)


def overall(components: Mapping[str, float]) -> float:
    """The least of `OVERALL_COMPONENTS`, 0 to 100."""
    return min(components[name] for name in OVERALL_COMPONENTS)
