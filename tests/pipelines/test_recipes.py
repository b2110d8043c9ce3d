"""The recipes of published sets: each is whole, and says what its source says."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipelines.layout import Layout
from pipelines.overlays import EXTENDS, load_recipe
from pipelines.params import RecordIoParams, load_params
from pipelines.recipe import use_recipe
from training.heads.config import ArcFaceConfig, CosFaceConfig
from training.loading.plan import StepPlan

ROOT = Path(__file__).resolve().parents[2]
PARAMS = ROOT / "params"


@dataclass(frozen=True)
class Published:
    """A run as its source gives it."""

    source: str
    num_identities: int
    num_images: int
    batch_per_gpu: int
    gpus: int
    learning_rate: float
    weight_decay: float
    margin: tuple[float, float, float]
    """(m1, m2, m3) of cos(m1 theta + m2) - m3."""
    sample_rate: float = 1.0
    warmup_epochs: float = 0.0
    epochs: int = 20


CONFIGS = "deepinsight/insightface, recognition/arcface_torch/configs/"
LOGS = "anxiangsir/insightface_arcface_log, "
ARC, COS = (1.0, 0.5, 0.0), (1.0, 0.0, 0.4)
PUBLISHED = {
    "ms1mv2_r50_8gpu": Published(
        f"{LOGS}ms1mv2_r50/training.log", 85_742, 5_822_653, 128, 8, 0.1, 5e-4, ARC
    ),
    "ms1mv3_r50_8gpu": Published(
        f"{CONFIGS}ms1mv3_r50.py at d9cb10e6", 93_431, 5_179_510, 128, 8, 0.1, 5e-4, ARC
    ),
    "ms1mv3_r50_1gpu_bs128": Published(
        f"{CONFIGS}ms1mv3_r50_onegpu.py at 5eba1df9", 93_431, 5_179_510, 128, 1, 0.02, 5e-4, ARC
    ),
    # The sampling is that of the log's glint360k_cosface_r50_fp16_0.1.
    "glint360k_r50_8gpu": Published(
        f"{CONFIGS}glint360k_r50.py at d9cb10e6", 360_232, 17_091_657, 128, 8, 0.1, 1e-4, COS, 0.1
    ),
    "webface4m_r50_8gpu": Published(
        f"{CONFIGS}wf4m_r50.py at 4df192b1", 205_990, 4_235_242, 128, 8, 0.1, 5e-4, COS
    ),
    "webface42m_r50_8gpu": Published(
        f"{CONFIGS}wf42m_pfc02_8gpus_r50_bs4k.py at 5ef98047",
        2_059_906,
        42_474_557,
        512,
        8,
        0.4,
        5e-4,
        COS,
        0.2,
        2.0,
    ),
}
SETS = ("ms1mv2", "ms1mv3", "glint360k", "webface4m", "webface42m")
SIZES = ("erase_side", "blur_px", "cover_side")
"""How large a change is that is never made."""
OVERLAYS = sorted(p.stem for p in PARAMS.glob("*.yaml") if EXTENDS in yaml.safe_load(p.read_text()))


def test_every_set_has_a_recipe_for_one_gpu_and_for_eight() -> None:
    wanted = {f"{name}_r50_{size}" for name in SETS for size in ("1gpu", "1gpu_large", "8gpu")}
    assert {*wanted, "ms1mv3_r50_1gpu_bs128"} == set(OVERLAYS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_recipe_says_what_was_published(name: str) -> None:
    params, published = load_recipe(PARAMS / f"{name}.yaml"), PUBLISHED[name]
    train, source = params.train, params.ingest.source
    assert isinstance(source, RecordIoParams)
    assert source.stated_identities == published.num_identities
    assert source.stated_pictures == published.num_images
    assert train.batch_size == published.batch_per_gpu * published.gpus
    assert train.micro_batch_size == published.batch_per_gpu
    assert train.processes == published.gpus
    assert train.learning_rate == published.learning_rate
    assert train.weight_decay == published.weight_decay
    assert train.epochs == published.epochs
    assert train.warmup_epochs == published.warmup_epochs
    assert (train.schedule, train.momentum, train.nesterov) == ("poly", 0.9, False)
    assert train.head.scale == 64
    assert train.head.sample_rate == published.sample_rate
    assert _margin(train.head) == published.margin
    text = (PARAMS / f"{name}.yaml").read_text()
    words = published.source.split("/")[-1].split(" at ")
    if name.endswith("_8gpu"):
        words += [f"{published.num_identities:,}", f"{published.num_images:,}"]
    for word in words:
        assert word in text, f"the comment of {name} does not name {word}"


@pytest.mark.parametrize("name", OVERLAYS)
def test_recipe_is_an_iresnet_50_that_flips_and_nothing_else(name: str) -> None:
    train = load_recipe(PARAMS / f"{name}.yaml").train
    assert (train.network.depths, train.network.widths) == ((3, 4, 14, 3), (64, 128, 256, 512))
    assert (train.network.embedding_dim, train.network.dropout) == (512, 0.0)
    changes = {
        field: value
        for field, value in train.augmentation.model_dump().items()
        if value and field not in SIZES
    }
    assert changes == {"flip_share": 0.5}


@pytest.mark.parametrize("name", SETS)
def test_one_gpu_takes_the_steps_of_eight(name: str) -> None:
    one, eight = (load_recipe(PARAMS / f"{name}_r50_{n}gpu.yaml") for n in (1, 8))
    changes = {"processes": 1, "loader": one.train.loader}
    assert one.train == eight.train.model_copy(update=changes)
    assert one.curate == eight.curate
    assert one.ingest == eight.ingest


@pytest.mark.parametrize("name", SETS)
def test_the_large_micro_batch_changes_nothing_else_and_is_called_ours(name: str) -> None:
    path = PARAMS / f"{name}_r50_1gpu_large.yaml"
    small, large = load_recipe(PARAMS / f"{name}_r50_1gpu.yaml"), load_recipe(path)
    assert large.train == small.train.model_copy(update={"micro_batch_size": 1024})
    assert path.read_text().startswith("# Ours and unproven:")


@pytest.mark.parametrize("name", OVERLAYS)
def test_batches_can_be_shared_by_its_processes(name: str) -> None:
    params = load_recipe(PARAMS / f"{name}.yaml")
    train, source = params.train, params.ingest.source
    assert isinstance(source, RecordIoParams)
    assert source.stated_pictures is not None
    assert train.processes is not None
    plan = StepPlan(
        source.stated_pictures, train.batch_size, train.micro_batch_size, train.processes
    )
    assert plan.batch_size == train.batch_size
    assert plan.steps_per_epoch * train.batch_size <= source.stated_pictures


@pytest.mark.parametrize("name", OVERLAYS)
def test_recipe_takes_crops_where_they_lie_and_holds_people_back(name: str) -> None:
    params = load_recipe(PARAMS / f"{name}.yaml")
    assert (params.align.crops, params.align.quality) == ("source", "skipped")
    splits, source = params.curate.splits, params.ingest.source
    assert isinstance(source, RecordIoParams)
    assert source.stated_identities is not None
    for share in (splits.calibration_share, splits.test_share):
        assert 800 <= share * source.stated_identities <= 1100


@pytest.mark.parametrize("name", ["ms1mv3_r50_1gpu_bs128", "webface42m_r50_1gpu_large"])
def test_recipe_is_put_in_force_with_every_key(name: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.params.write_bytes((ROOT / "params.yaml").read_bytes())
    assert use_recipe(PARAMS / f"{name}.yaml", layout)
    written = load_params(layout.params)
    assert written == load_recipe(PARAMS / f"{name}.yaml")
    assert yaml.safe_load(layout.params.read_text()) == written.model_dump(mode="json")


def _margin(head: object) -> tuple[float, float, float]:
    if isinstance(head, ArcFaceConfig):
        return 1.0, head.margin_rad, 0.0
    assert isinstance(head, CosFaceConfig)
    return 1.0, 0.0, head.margin
