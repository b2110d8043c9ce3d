"""From the embeddings of photos to one of a template, as in the protocols of IJB-B and IJB-C."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import ProtocolError
from data.face import l2_normalise

Embeddings = NDArray[np.float32]
Flags = NDArray[np.bool_]


def pool(
    embeddings: Embeddings, image_ids: Sequence[str], usable: Flags, templates: pd.DataFrame
) -> tuple[tuple[str, ...], Embeddings, Flags]:
    """Pool photos into templates: mean within a medium, sum over media, unit length.

    Takes embeddings (n, dim) of the photos `image_ids`, which of them are `usable` (n,), and the
    rows template_id, media_id, image_id. Gives the templates in the order of those rows, their
    embeddings (t, dim) and whether they have any (t,). A photo that is not usable is left out of
    its medium, and a template without any is zero and not usable: a failure to extract. So a video
    of a hundred frames weighs as much as one photo (Whitelam et al. 2017). Raises `ProtocolError`
    that names a photo of a template for which there is no embedding.
    """
    position = {image_id: row for row, image_id in enumerate(image_ids)}
    missing = [name for name in templates["image_id"] if name not in position]
    if missing:
        raise ProtocolError(f"photo {missing[0]!r} of a template has no embedding; embed it too")
    rows = templates["image_id"].map(position).to_numpy(dtype=np.int64)
    template, names = pd.factorize(templates["template_id"])
    # A medium counts within its template; the same name in another template is another medium.
    medium = pd.factorize(pd.MultiIndex.from_arrays([template, templates["media_id"]]))[0]
    kept = usable[rows]
    sums = _summed(embeddings[rows[kept]], medium[kept], int(medium.max(initial=-1)) + 1)
    sizes = np.bincount(medium[kept], minlength=len(sums))
    means = sums / np.maximum(sizes, 1)[:, None]
    owner = np.zeros(len(sums), dtype=np.int64)
    owner[medium] = template
    pooled = _summed(means, owner, len(names))
    has_any = np.bincount(template[kept], minlength=len(names)) > 0
    return tuple(names), l2_normalise(pooled.astype(np.float32)), has_any


def _summed(
    vectors: NDArray[np.floating], groups: NDArray[np.int64], num: int
) -> NDArray[np.float64]:
    """Sum of the vectors (n, dim) of each group (num, dim)."""
    total = np.zeros((num, vectors.shape[1]))
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    if len(present):
        total[present] = np.add.reduceat(vectors[order].astype(np.float64), starts, axis=0)
    return total
