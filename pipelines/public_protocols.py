"""Command `evaluate`: a bundle on a published verification protocol, as papers judge embedders.

Any bundle will do, released or not: a protocol chooses its own thresholds.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from data.errors import SourceError
from data.files import write_json
from data.protocols.pooling import pool
from data.published_figures import PublishedFigure, read_published_figures
from evaluation.scores import ScoredSplit, score_split
from evaluation.suites.public_protocols import (
    GroupSpread,
    PublicProtocolReport,
    compare_figures,
    group_spread,
    judge_verification,
)
from pipelines.environment import data_dir
from pipelines.errors import StageError
from pipelines.public_embedding import (
    Embeddings,
    Faces,
    PublicEmbedder,
    template_rows,
    usable_rows,
)
from pipelines.public_sets import PROTOCOLS, PublicProtocol, PublicSet, read_sets
from pipelines.stage import progress
from serving.bundle import Bundle, open_bundle

CONFIDENCE: Final = 0.95
MIRRORED: Final = "_mirrored"
_PLACES: Final[dict[PublicProtocol, str | None]] = {
    "lfw": "lfw",
    "bin": None,
    "rfw": "rfw",
    "ijbb": "IJBB",
    "ijbc": "IJBC",
}
"""Where a set lies below the folder of data sets."""


@dataclass(frozen=True, slots=True)
class PublicOptions:
    """How a bundle is judged by a published protocol."""

    protocol: PublicProtocol
    data: Path | None = None
    """The set's own folder or `.bin` file; None: below the folder of data sets."""
    mirrored: bool = False
    """Whether it is judged once more with the mirrored crop's embedding added."""
    faces: Faces = "published"
    """Which faces of photos without landmarks are taken."""


def evaluate_public(
    folder: Path, options: PublicOptions, output: Path | None, root: Path
) -> PublicProtocolReport:
    """Judge the bundle in `folder`; writes `<output>/<protocol>.json` where there is an output.

    Raises `BundleError` or `EngineError` for the bundle, `SourceError` or `StageError` for the set.
    """
    place = _place(options, root)
    bundle = open_bundle(folder, require_released=False)
    embedder = PublicEmbedder(bundle, options.faces, options.mirrored)
    splits: dict[str, ScoredSplit] = {}
    units: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as unpacked:
        given = options.faces == "given"
        for found in read_sets(
            options.protocol, place, Path(unpacked), progress, given_landmarks=given
        ):
            embeddings = embedder.embed(found)
            splits[found.name] = _scored(found, embeddings.plain)
            units[found.name] = found.pairs.unit
            if embeddings.mirrored is not None:
                splits[f"{found.name}{MIRRORED}"] = _scored(found, embeddings.mirrored)
                units[f"{found.name}{MIRRORED}"] = found.pairs.unit
    report = _report(bundle, options, splits, units)
    if output is not None:
        write_json(output / f"{options.protocol}.json", report.model_dump(mode="json"))
    return report


def _report(
    bundle: Bundle,
    options: PublicOptions,
    splits: dict[str, ScoredSplit],
    units: dict[str, str],
) -> PublicProtocolReport:
    sets = {
        name: judge_verification(split, units[name], CONFIDENCE) for name, split in splits.items()
    }
    return PublicProtocolReport(
        protocol=options.protocol,
        bundle_name=bundle.release.name,
        bundle_digest=bundle.digest,
        faces=_faces_text(bundle, options),
        sets=sets,
        spread=_spreads(splits) if options.protocol == "rfw" else {},
        published=compare_figures(_figures_of(bundle), sets),
    )


def _spreads(splits: dict[str, ScoredSplit]) -> dict[str, GroupSpread]:
    plain = {name: split for name, split in splits.items() if not name.endswith(MIRRORED)}
    mirrored = {name: split for name, split in splits.items() if name.endswith(MIRRORED)}
    groups = {"plain": plain, "mirrored": mirrored}
    return {name: group_spread(group, CONFIDENCE) for name, group in groups.items() if group}


def _faces_text(bundle: Bundle, options: PublicOptions) -> str:
    if options.protocol != "lfw" or options.faces == "given":
        return "landmarks that come with the set"
    policy = (
        "the largest face near the middle, of any quality"
        if options.faces == "published"
        else "the bundle's own face and quality policies"
    )
    return f"faces by {bundle.release.detector.name}, {policy}"


def _figures_of(bundle: Bundle) -> Sequence[PublishedFigure]:
    """Published figures of the weights that the release says it was made of."""
    source = bundle.release.source
    return [one for one in read_published_figures() if one.weights_sha256 in source]


def _scored(found: PublicSet, embeddings: Embeddings) -> ScoredSplit:
    usable = usable_rows(embeddings)
    if found.pairs.unit == "image":
        pairs = found.pairs.on(list(found.table["image_id"]))
        return score_split(found.table, embeddings, usable, pairs)
    templates = template_rows(found.table)
    names, pooled, has_any = pool(embeddings, list(found.table["image_id"]), usable, templates)
    owners = templates.drop_duplicates("template_id").set_index("template_id")["subject_id"]
    table = pd.DataFrame(
        {"template_id": list(names), "subject_id": owners.reindex(list(names)).to_numpy()}
    )
    return score_split(table, pooled, has_any, found.pairs.on(names))


def _place(options: PublicOptions, root: Path) -> Path:
    if options.protocol not in PROTOCOLS:
        raise StageError(f"no protocol {options.protocol!r}; choose one of: {', '.join(PROTOCOLS)}")
    place = options.data
    if place is None:
        below = _PLACES[options.protocol]
        if below is None:
            raise StageError(f"protocol {options.protocol} needs --data: a .bin file or a folder")
        place = data_dir(root) / below
    if not place.exists():
        raise SourceError(f"{place}: there is no such set; give its place with --data")
    return place
