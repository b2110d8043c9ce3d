"""Grouping pictures that a network can take together."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from data.face import RgbU8


def equal_sizes(images_rgb_u8: Sequence[RgbU8], max_pixels: int) -> Iterator[list[int]]:
    """Positions of pictures of one size, as many at a time as `max_pixels` allow, at least one."""
    by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for position, image in enumerate(images_rgb_u8):
        by_size[image.shape[:2]].append(position)
    for (height, width), positions in by_size.items():
        rest = iter(positions)
        while group := list(islice(rest, max(1, max_pixels // (height * width)))):
            yield group
