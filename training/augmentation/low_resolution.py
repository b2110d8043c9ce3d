"""Take the detail out of a part of a batch of crops, as a far camera does."""

from torch import Tensor
from torch.nn import functional


def lower_resolution(crops: Tensor, picked: Tensor, factor: int) -> None:
    """Shrink crops (n, 3, height, width) of rows `picked` (k,) by a factor and blow them up again.

    In place.
    """
    if len(picked) == 0:
        return
    small = functional.avg_pool2d(crops[picked], factor)
    large = functional.interpolate(
        small, size=crops.shape[2:], mode="bilinear", align_corners=False
    )
    crops.index_copy_(0, picked, large)
