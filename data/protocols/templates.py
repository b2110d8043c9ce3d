"""Templates: what is on file about a person against a burst at the door.

As in IJB-B and IJB-C, a template is made of media: all frames of one burst, or all photos of one
capture kind, count as one picture, so that many selfies do not drown the photo on the card.
"""

import numpy as np
import pandas as pd

from data.manifest import CaptureKind
from data.pairs import Pairs, Rows
from data.protocols.config import TemplatesConfig
from data.protocols.drawn import Drawn
from data.protocols.keys import meetings, name_keys, pair_keys
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol
from data.protocols.store import TEMPLATE_COLUMNS


def templates(photos: SplitPhotos, config: TemplatesConfig, seed: int) -> Drawn:
    """Each person's reference against all their probes, and against probes of others."""
    table = pd.concat(
        [_references(photos.table, config), _probes(photos.table, config)], ignore_index=True
    )[list(TEMPLATE_COLUMNS)]
    made = table.drop_duplicates("template_id", ignore_index=True)
    reference = made["template_id"].str.endswith(":reference").to_numpy(dtype=bool)
    subjects = np.asarray(pd.factorize(made["subject_id"])[0], dtype=np.int64)
    ids = tuple(made["template_id"])
    pairs = _pairs(
        np.flatnonzero(reference), np.flatnonzero(~reference), subjects, ids, config, seed
    )
    return Drawn(
        PairProtocol(ids, pairs),
        definition=(
            f"a reference of {' and '.join(config.reference_kinds)} photos, each kind one medium,"
            f" against probes of up to {config.photos_per_probe} {' and '.join(config.probe_kinds)}"
            f" photos; at most {config.max_impostor_pairs} impostor pairs"
        ),
        seed=seed,
        templates=table,
    )


def _references(table: pd.DataFrame, config: TemplatesConfig) -> pd.DataFrame:
    rows = _of_kinds(table, config.reference_kinds)
    template = rows["subject_id"] + ":reference"
    return rows.assign(template_id=template, media_id=template + ":" + rows["capture_kind"])


def _probes(table: pd.DataFrame, config: TemplatesConfig) -> pd.DataFrame:
    """Bursts of gate photos; each is one medium, or as many as the source says."""
    rows = _of_kinds(table, config.probe_kinds)
    burst = rows.groupby("subject_id").cumcount() // config.photos_per_probe
    template = rows["subject_id"] + ":probe_" + burst.map("{:03d}".format)
    media = template + ":" + rows["media_id"].fillna("burst")
    return rows.assign(template_id=template, media_id=media)


def _of_kinds(table: pd.DataFrame, kinds: tuple[CaptureKind, ...]) -> pd.DataFrame:
    rows: pd.DataFrame = table[table["capture_kind"].isin(kinds)]
    return rows.astype({"subject_id": object, "capture_kind": object, "media_id": object})


def _pairs(
    references: Rows,
    probes: Rows,
    subjects: Rows,
    ids: tuple[str, ...],
    config: TemplatesConfig,
    seed: int,
) -> Pairs:
    keys = name_keys(ids, seed)
    partners = -(-2 * config.max_impostor_pairs // max(len(references), 1))
    left, right = meetings(references, probes, keys, partners)
    stranger = subjects[left] != subjects[right]
    drawn = np.flatnonzero(stranger)
    order = np.argsort(pair_keys(keys, left[drawn], right[drawn]), kind="stable")
    impostor = np.sort(drawn[order[: config.max_impostor_pairs]])
    own = _own_probes(references, probes, subjects)
    genuine = np.repeat([True, False], [len(own[0]), len(impostor)])
    return Pairs(
        np.concatenate([own[0], left[impostor]]), np.concatenate([own[1], right[impostor]]), genuine
    )


def _own_probes(references: Rows, probes: Rows, subjects: Rows) -> tuple[Rows, Rows]:
    """Each reference with every probe of its person, whatever is drawn of the others."""
    own = pd.DataFrame({"subject": subjects[references], "left": references}).merge(
        pd.DataFrame({"subject": subjects[probes], "right": probes}), on="subject"
    )
    return own["left"].to_numpy(dtype=np.int64), own["right"].to_numpy(dtype=np.int64)
