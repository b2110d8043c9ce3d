"""Hair of the head, headscarves and beards: where they are, how thick, and how they look."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from data.sources.campus.canvas import Canvas, Rgb, ellipse, mask_of, to_linear
from data.sources.campus.grid import FloatMap, coarse_axes, soften, step_up, texture_axes, to_nodes
from data.sources.campus.identity import FacialHair, HairStyle, Identity
from data.sources.campus.skin import cloud, scaled, skin_rgb
from data.sources.campus.surface import mouth_y, skull


@dataclass(frozen=True, slots=True)
class _Cut:
    side_cm: float
    top_cm: float
    hang_y: float
    """Height below which hair at the side ends; above the ear for short cuts."""
    opacity: float
    strands: tuple[int, int]
    """Cells of the noise that makes the strands: few along them, many across."""


_CUTS: Final[dict[HairStyle, _Cut]] = {
    "bald": _Cut(0.0, 0.0, 2.0, 0.0, (30, 60)),
    "buzz": _Cut(0.15, 0.2, 1.6, 0.75, (130, 170)),
    "short": _Cut(0.5, 1.3, 1.6, 0.97, (26, 190)),
    "side_part": _Cut(0.7, 1.9, 1.4, 1.0, (14, 170)),
    "curly": _Cut(1.9, 2.6, 0.2, 1.0, (64, 84)),
    "bob": _Cut(1.3, 1.2, -8.0, 1.0, (9, 170)),
    "long": _Cut(1.1, 1.0, -17.0, 1.0, (8, 150)),
    "fringe": _Cut(0.9, 1.1, -3.0, 1.0, (12, 170)),
    "scarf": _Cut(0.6, 0.6, -17.0, 1.0, (16, 12)),
}


def _hairline(who: Identity, s: FloatMap) -> FloatMap:
    """Lowest height of hair for each side coordinate (1, w)."""
    cut, front = _CUTS[who.hair_style], who.shape["hairline_y"]
    rng = np.random.default_rng(who.texture_seed + 3)
    corner = front - float(rng.uniform(-0.3, 1.0))
    peak = float(rng.uniform(-0.4, 0.5))
    if who.hair_style == "fringe":
        front, corner, peak = who.shape["brow_y"] + 1.0, who.shape["brow_y"] + 0.6, 0.2
    side = [(0.0, front - peak), (2.2, front), (4.4, corner), (6.2, 4.2), (7.4, 1.8)]
    if cut.hang_y > -2:
        side += [(8.8, 0.0), (9.6, -1.8), (10.2, 0.2), (11.2, cut.hang_y), (14.2, cut.hang_y)]
        side += [(15.2, -5.5), (21.0, -7.0)]
    else:
        side += [(8.6, -1.0), (9.3, cut.hang_y), (21.0, cut.hang_y)]
    at, height = zip(*side, strict=True)
    shift = 0.25 * who.parting if who.hair_style == "side_part" else 0.0
    return np.asarray(np.interp(np.abs(s + shift), at, height), dtype=np.float32)


def hair_cover(who: Identity) -> FloatMap:
    """Opacity (H, W) of hair or headscarf on the texture."""
    s, y = texture_axes()
    cut = _CUTS[who.hair_style]
    if who.hair_style == "scarf":
        high, low = who.shape["hairline_y"] - 0.9, who.shape["chin_y"] - 0.2
        oval = mask_of(ellipse((0.0, (high + low) / 2), 8.3, (high - low) / 2))
        return np.asarray(1.0 - soften(oval, 1.5), dtype=np.float32)
    rng = np.random.default_rng(who.texture_seed + 4)
    ragged = 0.22 * cloud(rng, (20, 150)) * step_up(8.0 - np.abs(s), 0.0, 2.0)
    return step_up(y - _hairline(who, s) + ragged, -0.25, 0.35) * np.float32(cut.opacity)


def hair_radius(who: Identity, bare: FloatMap, cover: FloatMap) -> FloatMap:
    """Radius of the geometry grid with hair put on; `cover` is on the texture."""
    s, y = coarse_axes()
    cut = _CUTS[who.hair_style]
    side, top = cut.side_cm * who.hair_volume, cut.top_cm * who.hair_volume
    held = np.maximum(y, -1.5) if cut.hang_y < -2 else y
    shell = skull(who.shape, s, held, (side, top))
    if who.hair_style == "side_part":
        shell = shell * (1 + 0.05 * np.tanh((s - who.parting) * 1.5) * np.sign(-who.parting))
    if who.hair_style == "curly":
        rng = np.random.default_rng(who.texture_seed + 7)
        shell = shell + 0.35 * to_nodes(cloud(rng, (34, 40)))
    if who.hair_style == "scarf":
        drape = soften(bare, 4.0) + 0.9
        front = step_up(np.cos(s / 8.0).astype(np.float32), -0.2, 0.6)
        shell = np.where(y < -1.5, drape * front + shell * (1 - front), shell)
    coarse = to_nodes(cover)
    # The step from skin to hair lies inside the hair, so that its steep side is painted as hair.
    coarse = step_up(soften(coarse, 2.2), 0.45, 1.0)
    grown = bare + coarse * np.maximum(shell - bare, 0.0)
    above = np.where(coarse > 0.5, np.maximum(bare, shell), bare)
    return np.asarray(np.where(bare > 0, grown, above), dtype=np.float32)


_SCARF_COLOURS: Final[tuple[Rgb, ...]] = (
    (0.13, 0.13, 0.15),
    (0.45, 0.13, 0.17),
    (0.16, 0.25, 0.42),
    (0.72, 0.66, 0.58),
    (0.30, 0.42, 0.36),
)


def hair_texture(who: Identity) -> FloatMap:
    """Linear RGB (H, W, 3) of hair with strands, or of the cloth of a headscarf."""
    rng = np.random.default_rng(who.texture_seed + 5)
    cut = _CUTS[who.hair_style]
    colour, depth = to_linear(who.colouring.hair_rgb), 0.38
    if who.hair_style == "scarf":
        colour = to_linear(_SCARF_COLOURS[int(rng.integers(len(_SCARF_COLOURS)))])
        depth = 0.1
    shade = np.exp(np.clip(depth * cloud(rng, cut.strands), -1.0, 1.0))
    return np.asarray(shade[..., None] * np.asarray(colour, dtype=np.float32), dtype=np.float32)


_BEARD_OPACITY: Final[dict[FacialHair, float]] = {
    "none": 0.0,
    "stubble": 0.38,
    "moustache": 0.85,
    "goatee": 0.85,
    "beard": 0.92,
}


def beard_cover(who: Identity) -> FloatMap:
    """Opacity (H, W) of facial hair on the texture."""
    s, y = texture_axes()
    line, chin, half = mouth_y(who.shape), who.shape["chin_y"], who.shape["mouth_half_width"]
    kind = who.facial_hair
    lip = line + 0.25 + 0.5 * (who.shape["nose_y"] - line) * 0.75
    cover = np.zeros((y.shape[0], s.shape[1]), np.float32)
    if kind != "none":
        cover = mask_of(ellipse((0, lip), half + 0.35, 0.62)) * step_up(y, line - 0.3, line + 0.3)
    if kind in ("stubble", "beard"):
        at, height = (
            [0, 1.2, 2.8, 4.5, 7.0, 9.4],
            [line - 1.5, line - 1.5, line, line - 0.5, -4.6, 0],
        )
        rim = np.interp(np.abs(s), at, height).astype(np.float32)
        jaw = step_up(rim - y, -0.3, 0.5) * step_up(y, chin - 2.2, chin - 0.8)
        cover = np.maximum(cover, jaw * (np.abs(s) < 10.2))
    if kind == "goatee":
        chin_patch = mask_of(ellipse((0, chin + 1.0), half * 0.8, line - chin - 2.0))
        cover = np.maximum(cover, chin_patch)
    cover = soften(cover, 2.2)
    rng = np.random.default_rng(who.texture_seed + 6)
    grain = np.clip(0.85 + 0.2 * cloud(rng, (150, 190)), 0, 1)
    return np.asarray(cover * grain * _BEARD_OPACITY[kind], dtype=np.float32)


def paint_beard(canvas: Canvas, who: Identity, cover: FloatMap) -> None:
    """Facial hair; thin over the skin where it is stubble."""
    hair, tone = to_linear(who.colouring.hair_rgb), skin_rgb(who.colouring)
    if who.facial_hair == "stubble":
        hair = scaled(tone, (0.28, 0.28, 0.32))
    canvas.blend_map(cover, scaled(hair, (0.8, 0.75, 0.75)))
