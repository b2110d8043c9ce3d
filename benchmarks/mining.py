"""What mined look-alikes do to a model: LFW, mined by two models, judged by a third.

    python -m benchmarks.mining --people 900

Landmarks and genders come from LFW's `meta.csv`. Thresholds are those at which the standard
impostors have the FMR of the column. The last row lets the judged model mine too: a bias, shown.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.lfw import crop_of, labelled_photos
from data.manifest import with_source_columns
from data.protocols.config import HardConfig, MiningConfig, StandardConfig
from data.protocols.drawn import Drawn
from data.protocols.hard import hard
from data.protocols.index import Miner
from data.protocols.photos import SplitPhotos, split_photos
from data.protocols.standard import standard
from data.sources.lfw_labels import GENDER_PROVENANCE
from pipelines.environment import data_dir
from pipelines.frozen import frozen_embeddings
from training.loading.crop_sources import PackedCrops

Vectors = NDArray[np.float32]
FMRS = (1e-2, 1e-3)


def main() -> None:
    """Print FMR on standard and on hard impostors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=900)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--judged", default="mobilefacenet_foamliu")
    parser.add_argument(
        "--miners", nargs=2, default=["faceplugin_fr_feature", "insightface_mfn_y1"]
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folder = data_dir(Path.cwd()) / "lfw"
    photos = _chosen(labelled_photos(folder), arguments.people, arguments.photos)
    crops = np.stack([crop_of(folder, photo) for _, photo in photos.iterrows()])
    names = [*arguments.miners, arguments.judged]
    vectors = frozen_embeddings(Path.cwd(), names, PackedCrops(crops), np.arange(len(crops)))
    print_table(split_photos(_manifest(photos), "test", 0), vectors, arguments.judged)


def print_table(photos: SplitPhotos, vectors: Mapping[str, Vectors], judged: str) -> None:
    """One row a protocol; `vectors` of the miners and of the judged model, on the same photos."""
    miners = [name for name in vectors if name != judged]
    usual = _impostors(standard(photos, StandardConfig(), 0), photos, vectors[judged])
    thresholds = [float(np.quantile(usual, 1 - fmr)) for fmr in FMRS]
    print(f"{len(photos.ids)} photos; mined by {', '.join(miners)}; judged: {judged}")
    print(
        f"impostors                 n  mean cosine  {'  '.join(f'at {f:g}' for f in FMRS)}      s"
    )
    _print_row("standard", usual, thresholds, 0.0)
    cases: list[tuple[str, Sequence[str], int]] = [
        ("labels alone", (), 20),
        *((f"rank <= {k}", miners, k) for k in (20, 5, 1)),
        ("rank 1, own miner", (judged, miners[-1]), 1),
    ]
    for name, models, top_k in cases:
        started_s = time.perf_counter()
        mining = MiningConfig(models=tuple(models), top_k=top_k)
        found = {Miner(name=m, weights_sha256="0" * 64): vectors[m] for m in models}
        drawn = hard(photos, HardConfig(unknown="own_cell"), mining, found, 0)
        scores = _impostors(drawn, photos, vectors[judged])
        _print_row(name, scores, thresholds, time.perf_counter() - started_s)


def _impostors(drawn: Drawn, photos: SplitPhotos, vectors: Vectors) -> Vectors:
    pairs = drawn.protocol.on(photos.ids)
    left, right = pairs.left[~pairs.genuine], pairs.right[~pairs.genuine]
    return np.asarray(np.einsum("ij,ij->i", vectors[left], vectors[right]))


def _print_row(name: str, scores: Vectors, thresholds: Sequence[float], spent_s: float) -> None:
    fmrs = "  ".join(f"{(scores >= t).mean():7.4f}" for t in thresholds)
    print(f"{name:18} {len(scores):9,}  {scores.mean():11.3f}  {fmrs}  {spent_s:5.2f}")


def _chosen(photos: pd.DataFrame, num_people: int, num_photos: int) -> pd.DataFrame:
    people = pd.Series(photos.loc[photos["gender"].notna(), "subject_id"].unique())
    chosen = set(people.sample(frac=1, random_state=0)[:num_people])
    rows = photos[photos["subject_id"].isin(chosen)].groupby("subject_id").head(num_photos)
    return rows.reset_index(drop=True)


def _manifest(photos: pd.DataFrame) -> pd.DataFrame:
    named = photos[["path", "subject_id", "gender"]].assign(
        image_id=photos["path"].map(lambda path: Path(path).stem),
        gender_provenance=GENDER_PROVENANCE,
    )
    return with_source_columns(named).assign(split="test", reject_reason=None)


if __name__ == "__main__":
    main()
