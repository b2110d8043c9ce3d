"""Look-alikes out of a pair protocol whose impostors were mined with frozen models."""

from collections.abc import Mapping

import numpy as np

from data.protocols.protocol import NOT_MINED, PairProtocol


def mined_look_alikes(
    protocol: PairProtocol, subject_of: Mapping[str, str]
) -> dict[str, list[str]]:
    """Who looks like whom, best first: the mined impostor pairs, in both directions.

    `subject_of` names the person of each photo; photos that it lacks are left out.
    """
    if protocol.ranks is None:
        return {}
    pairs = protocol.pairs
    mined = np.flatnonzero(~pairs.genuine & (protocol.ranks != NOT_MINED))
    found: dict[str, list[str]] = {}
    for pair in mined[np.argsort(protocol.ranks[mined], kind="stable")]:
        sides = (protocol.ids[pairs.left[pair]], protocol.ids[pairs.right[pair]])
        left, right = (subject_of.get(image_id) for image_id in sides)
        if left is not None and right is not None and left != right:
            _add(found, left, right)
            _add(found, right, left)
    return found


def _add(found: dict[str, list[str]], subject_id: str, other: str) -> None:
    alike = found.setdefault(subject_id, [])
    if other not in alike:
        alike.append(other)
