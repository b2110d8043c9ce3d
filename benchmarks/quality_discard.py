"""Does low quality mean failure? Error-versus-discard curves on LFW with a real embedder.

    python -m benchmarks.quality_discard --json discard.json --plot discard.png

Photos of the people who have several go through detector, quality and engine as in the server; all
genuine comparisons between a person's first few photos are scored. For each component and for the
unified figure it tells how the FNMR falls while the worst comparisons are discarded, with a 90 %
interval of the area by a bootstrap over people. No photo is refused: the curve has to show why one
should be. Needs EXAMGATE_DATA_DIR and EXAMGATE_WEIGHTS_DIR; takes some minutes.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.detection.base import Detector
from data.detection.config import FacePolicy
from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.errors import ImageError
from data.images import decode_image
from data.quality import COMPONENTS, Quality, measure_quality
from evaluation.measures.discard import DiscardCurve, error_versus_discard
from pipelines.environment import data_dir, usable_workers
from pipelines.params import load_params
from pipelines.wrapping import wrap
from serving.bundle import open_bundle
from serving.engine import Engine, EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER

MODEL: Final = "mobilefacenet_foamliu"
MAX_DISCARD: Final = 0.3
SHARES: Final = (0.0, 0.05, 0.1, 0.2, 0.3)
RESAMPLES: Final = 200
FIGURES: Final = ("quality", *COMPONENTS)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """One photo of a person."""

    person: int
    quality: Quality
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Looker:
    """What the server does with one photo, without refusing any for its quality."""

    detector: Detector
    engine: Engine
    policy: FacePolicy

    def look(self, task: tuple[int, Path]) -> Seen | None:
        """None where no face is found."""
        person, path = task
        try:
            image = decode_image(path.read_bytes())
            face = select_face(self.detector.detect(image), image.shape[:2], self.policy)
            quality = measure_quality(image, face)
        except ImageError:
            return None
        embedding = self.engine.embed(image[None], face.landmarks_px[None])[0]
        return Seen(person, quality, embedding)


def main() -> None:
    """Measure, print JSON, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos-per-person", type=int, default=5)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--initial-fnmr", type=float, nargs="+", default=[0.05, 0.02])
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--plot", type=Path, default=None)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    seen = look_at_lfw(Path.cwd(), arguments.photos_per_person, arguments.people)
    left, right = genuine_pairs(seen)
    report = measure(seen, left, right, arguments.initial_fnmr)
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if arguments.plot:
        draw(seen, left, right, arguments.initial_fnmr[0], arguments.plot)


def look_at_lfw(root: Path, photos_per_person: int, people: int | None) -> list[Seen]:
    """All photos in which a face is found."""
    params = load_params(root / "params/lfw.yaml")
    folders = sorted(f for f in (data_dir(root) / "lfw/images").iterdir() if f.is_dir())
    photos = [sorted(folder.glob("*.jpg"))[:photos_per_person] for folder in folders]
    several = [paths for paths in photos if len(paths) > 1][:people]
    tasks = [(person, path) for person, paths in enumerate(several) for path in paths]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(usable_workers()) as pool:
        wrap(root, MODEL, Path(folder) / "bundle", params)
        bundle = open_bundle(Path(folder) / "bundle", require_released=False)
        looker = Looker(
            open_detector(bundle.folder / DETECTOR_FOLDER, bundle.release.detector),
            load_engine(bundle, EngineConfig()),
            params.align.face_policy,
        )
        return [seen for seen in pool.map(looker.look, tasks) if seen is not None]


def genuine_pairs(seen: Sequence[Seen]) -> tuple[Integers, Integers]:
    """Every two photos of one person, as positions."""
    pairs: list[tuple[int, int]] = []
    for _, group in itertools.groupby(range(len(seen)), key=lambda at: seen[at].person):
        pairs.extend(itertools.combinations(group, 2))
    left, right = np.array(pairs, np.int64).T
    return left, right


def measure(
    seen: Sequence[Seen], left: Integers, right: Integers, rates: Sequence[float]
) -> dict[str, Any]:
    """Curve figures of every component at every initial FNMR, the most telling first."""
    report: dict[str, Any] = {
        "num_photos": len(seen),
        "num_people": len({one.person for one in seen}),
        "num_genuine_comparisons": len(left),
        "max_discard": MAX_DISCARD,
    }
    people = np.array([seen[at].person for at in left])
    for rate in rates:
        rows = {}
        for name in FIGURES:
            scores, lower = _scores(seen, left, right), _lower(seen, left, right, name)
            curve = error_versus_discard(scores, lower, rate, MAX_DISCARD)
            rows[name] = _row(curve) | {"interval_90": _interval(scores, lower, people, rate)}
        ranked = sorted(rows.items(), key=lambda item: item[1]["relative_area"])
        report[f"initial_fnmr_{rate:g}"] = dict(ranked)
    return report


def _row(curve: DiscardCurve) -> dict[str, Any]:
    fnmrs = {f"{share:g}": round(curve.fnmr_at(share), 5) for share in SHARES}
    return {"relative_area": round(curve.relative_area, 3), "fnmr_at_discard": fnmrs}


def _interval(
    scores: NDArray[np.float64], lower: NDArray[np.float64], people: Integers, rate: float
) -> list[float]:
    """Bootstrap over people: comparisons of one person are no independent ones."""
    rng = np.random.default_rng(0)
    starts = np.flatnonzero(np.diff(people, prepend=-1))
    groups = np.split(np.arange(len(people)), starts[1:])
    areas = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([groups[at] for at in rng.integers(0, len(groups), len(groups))])
        areas.append(error_versus_discard(scores[drawn], lower[drawn], rate).relative_area)
    return [round(float(edge), 3) for edge in np.quantile(areas, [0.05, 0.95])]


def _scores(seen: Sequence[Seen], left: Integers, right: Integers) -> NDArray[np.float64]:
    embeddings = np.stack([one.embedding for one in seen]).astype(np.float64)
    return np.asarray(np.einsum("ij,ij->i", embeddings[left], embeddings[right]))


def _lower(seen: Sequence[Seen], left: Integers, right: Integers, name: str) -> NDArray[np.float64]:
    values = np.array([getattr(one.quality, name) for one in seen])
    return np.asarray(np.minimum(values[left], values[right]))


def draw(seen: Sequence[Seen], left: Integers, right: Integers, rate: float, path: Path) -> None:
    """One step curve for each component, and the ideal."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    for name in FIGURES:
        curve = error_versus_discard(
            _scores(seen, left, right), _lower(seen, left, right, name), rate, MAX_DISCARD
        )
        shown = curve.discarded_shares <= MAX_DISCARD
        style: dict[str, Any] = {"lw": 3, "color": "black"} if name == "quality" else {"lw": 1}
        label = f"{name} ({curve.relative_area:.2f})"
        axes.step(
            curve.discarded_shares[shown], curve.fnmrs[shown], where="post", label=label, **style
        )
    shares = np.linspace(0, MAX_DISCARD, 100)
    axes.plot(shares, np.maximum(rate - shares, 0), ":", color="grey", label="ideal (0)")
    axes.set(xlabel="discarded share of the genuine comparisons", ylabel="FNMR of the rest")
    axes.set_title(f"LFW, {MODEL}, threshold fixed at FNMR {rate:g}; in brackets the relative area")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
