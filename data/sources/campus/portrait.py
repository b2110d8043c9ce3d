"""What all photographs of one student share, computed once: skin, hair and beard textures."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data.sources.campus.canvas import Canvas
from data.sources.campus.config import CampusConfig
from data.sources.campus.grid import FloatMap
from data.sources.campus.hair import beard_cover, hair_cover, hair_texture, paint_beard
from data.sources.campus.identity import Identity, sample_identity
from data.sources.campus.skin import base_skin, paint_marks


@dataclass(frozen=True, slots=True)
class Portrait:
    """A student and the layers that never change."""

    who: Identity
    skin_rgb: FloatMap
    """Linear RGB (H, W, 3) with freckles, moles and facial hair."""
    hair_rgb: FloatMap
    """Linear RGB (H, W, 3), times its cover."""
    hair_keep: FloatMap
    """Share of the skin (H, W, 3) that the hair leaves to be seen."""
    hair_cover: FloatMap
    """Opacity (H, W)."""
    beard_cover: FloatMap
    """Opacity (H, W)."""


@lru_cache(maxsize=2)
def portrait_of(config: CampusConfig, subject: int) -> Portrait:
    """Draw one student; photos are rendered student by student, so a short memory is enough."""
    who = sample_identity(config, subject)
    canvas = Canvas(base_skin(who))
    paint_marks(canvas, who)
    beard = beard_cover(who)
    paint_beard(canvas, who, beard)
    hair = hair_cover(who)
    keep = np.repeat(1 - hair[..., None], 3, axis=2)
    layers = (canvas.rgb, hair_texture(who) * hair[..., None], keep, hair, beard)
    for layer in layers:
        layer.setflags(write=False)
    return Portrait(who, *layers)
