"""How good a photo of a face is, in figures that a person can act on.

`measure_quality` is the way in: `measures` reads figures off the picture, `pose` off the landmarks,
and `components` turns each into 0 to 100.
"""

from data.quality.measure import measure_quality
from data.quality.quality import COMPONENTS, NATIVE_MEASURES, Quality

__all__ = ["COMPONENTS", "NATIVE_MEASURES", "Quality", "measure_quality"]
