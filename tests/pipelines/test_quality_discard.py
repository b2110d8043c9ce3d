"""On real faces and with a real embedder, low quality must mean failure."""

import os
from pathlib import Path

import pytest

from benchmarks.quality_discard import genuine_pairs, look_at_lfw, measure

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.real_faces
def test_the_error_falls_with_what_is_discarded() -> None:
    """Of 700 people of LFW; `python -m benchmarks.quality_discard` takes all 1,680."""
    for variable, default, name in (
        ("EXAMGATE_DATA_DIR", "../shared/data", "lfw/images"),
        ("EXAMGATE_WEIGHTS_DIR", "../shared/weights", "embed/mobilefacenet_foamliu.onnx"),
    ):
        path = Path(os.environ.get(variable, ROOT / default)) / name
        if not path.exists():
            pytest.skip(f"{path} is absent; set {variable}")
    seen = look_at_lfw(ROOT, photos_per_person=4, people=700)
    report = measure(seen, *genuine_pairs(seen), rates=[0.05])
    assert report["num_genuine_comparisons"] > 1500
    whole = report["initial_fnmr_0.05"]["quality"]
    fnmrs = list(whole["fnmr_at_discard"].values())
    assert fnmrs == sorted(fnmrs, reverse=True)
    assert fnmrs[-1] < 0.8 * fnmrs[0]
    assert whole["relative_area"] < whole["interval_90"][1] < 0.9
