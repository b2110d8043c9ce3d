"""From bytes to what the network eats, on whatever device the bytes are."""

from torch import Tensor

from data.face import PIXEL_MEAN, PIXEL_SCALE


def to_network_input(crops_rgb_u8: Tensor) -> Tensor:
    """Turn crops (n, 112, 112, 3) uint8 into (n, 3, 112, 112) float32 in [-1, 1], channels last.

    The same numbers as `data.face.network_input`, to the bit.
    """
    # (n, h, w, 3) seen as (n, 3, h, w) is channels-last already.
    return crops_rgb_u8.permute(0, 3, 1, 2).float().sub_(PIXEL_MEAN).div_(PIXEL_SCALE)
