"""Who must be one person, where a protocol tells of pairs only: connected components."""

import numpy as np
from numpy.typing import NDArray


def components(
    num_nodes: int, left: NDArray[np.integer], right: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Give each node (num_nodes,) the smallest node that it hangs together with.

    `left` and `right` (num_edges,) are the ends of the edges.
    """
    leader = np.arange(num_nodes, dtype=np.int64)
    while True:
        smaller = np.minimum(leader[left], leader[right])
        before = leader.copy()
        np.minimum.at(leader, leader[left], smaller)
        np.minimum.at(leader, leader[right], smaller)
        leader = leader[leader]
        if np.array_equal(leader, before):
            return leader
