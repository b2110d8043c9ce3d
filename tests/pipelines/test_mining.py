"""Who may mine look-alikes, and who may be judged by them."""

import numpy as np
import pytest

from data.protocols.index import Miner, ProtocolEntry
from pipelines.catalogue import EMBEDDERS
from pipelines.errors import ModelError, StageError
from pipelines.mining import as_miners
from pipelines.own_miner import refuse_own_miner
from serving.release import Release, ReleaseDraft

ENTRY = ProtocolEntry(
    digest="0" * 64,
    unit="image",
    split="test",
    definition="look-alikes",
    num_pairs=1,
    num_genuine=0,
    num_impostor=1,
    num_units=2,
    num_subjects=2,
    max_pairs_per_unit=1,
    max_pairs_per_subject=1,
)


def release_of(draft: ReleaseDraft, source: str) -> Release:
    files = {
        name: {"sha256": "0" * 64, "size_bytes": 1}
        for name in ("embed.onnx", *(f"detector/{net}.onnx" for net in ("pnet", "rnet", "onet")))
    }
    return Release.model_validate({**draft.revised(source=source).model_dump(), "files": files})


def test_miner_is_known_by_its_weights() -> None:
    names = list(EMBEDDERS)[:2]
    vectors = {name: np.zeros((3, 4), np.float32) for name in EMBEDDERS}
    miners = as_miners(names, vectors)
    assert [miner.name for miner in miners] == names
    assert [miner.weights_sha256 for miner in miners] == [EMBEDDERS[n].sha256 for n in names]


def test_only_embedders_mine() -> None:
    with pytest.raises(ModelError, match="'yunet'"):
        as_miners(["yunet"], {})


def test_model_is_not_judged_by_its_own_choice(tiny_draft: ReleaseDraft) -> None:
    name, model = next(iter(EMBEDDERS.items()))
    mined = ENTRY.model_copy(
        update={"mined_with": (Miner(name=name, weights_sha256=model.sha256),)}
    )
    # As `models wrap` writes it.
    own = release_of(tiny_draft, f"{model.origin}, file sha256 {model.sha256}")
    with pytest.raises(StageError, match=f"hard_test was mined with {name}"):
        refuse_own_miner("hard_test", mined, own)
    refuse_own_miner("hard_test", ENTRY, own)
    refuse_own_miner("hard_test", mined, release_of(tiny_draft, "MLflow run 123"))
