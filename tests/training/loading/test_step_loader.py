"""The same steps for any number of processes and threads, and no thread left behind."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from training.augmentation.augment import AugmentConfig, augmented, draw
from training.augmentation.pixels import to_network_input
from training.errors import TrainingDataError
from training.loading.arrays import CropsU8, Rows
from training.loading.batches import MicroBatch, StepBatch
from training.loading.crop_sources import CropSource, PackedCrops
from training.loading.order import SampleOrder
from training.loading.plan import StepPlan
from training.loading.step_loader import Loader, LoaderConfig
from training.world import World

NUM_CROPS = 130
SEED = 4
AUGMENTATION = AugmentConfig(
    shift_px=3, low_resolution_share=0.4, blur_share=0.3, cover_share=0.3, erase_share=0.2
)
LABELS = np.arange(NUM_CROPS) * 10


def _crops() -> CropsU8:
    """Crop i is full of i, without taking memory for it."""
    shades = np.arange(NUM_CROPS, dtype=np.uint8)[:, None, None, None]
    crops: CropsU8 = np.broadcast_to(shades, (NUM_CROPS, 112, 112, 3))
    return crops


class CountingCrops(PackedCrops):
    """Packed crops, one of which may be broken."""

    broken_row: int | None = None

    def read_into(self, rows: Rows, crops_rgb_u8: CropsU8) -> None:
        if self.broken_row in rows.tolist():
            raise TrainingDataError(f"train.rec, record {self.broken_row}: broken")
        super().read_into(rows, crops_rgb_u8)


def _loader(
    rank: int = 0,
    size: int = 1,
    micro: int | None = 2,
    config: LoaderConfig | None = None,
    source: CropSource | None = None,
    weights: np.ndarray | None = None,
    device: str = "cpu",
) -> Loader:
    order = SampleOrder(np.arange(10, NUM_CROPS), NUM_CROPS, weights, SEED)
    plan = StepPlan(len(order), 48, micro, size)
    world = World(rank, size, torch.device(device))
    source = source or PackedCrops(_crops())
    return Loader(source, LABELS, order, plan, world, AUGMENTATION, config or LoaderConfig())


def _own_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("prefetch", "decode"))]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    assert not _own_threads()
    yield
    assert not _own_threads()


def _same(one: MicroBatch, other: MicroBatch) -> bool:
    tensors = [
        (one.crops_rgb_u8, other.crops_rgb_u8),
        (one.labels, other.labels),
        (one.draws.chance, other.draws.chance),
        (one.draws.halved, other.draws.halved),
        (one.draws.quartered, other.draws.quartered),
        (one.draws.blurred, other.draws.blurred),
        (one.draws.covered, other.draws.covered),
    ]
    same_rows = bool((one.rows == other.rows).all())
    return same_rows and all(torch.equal(mine, yours) for mine, yours in tensors)


def _assert_same_step(one: StepBatch, groups: list[MicroBatch], labels: torch.Tensor) -> None:
    assert torch.equal(one.labels, labels)
    assert len(one.micro) == len(groups)
    assert all(_same(mine, yours) for mine, yours in zip(one.micro, groups, strict=True))


@pytest.fixture(scope="module")
def alone() -> list[StepBatch]:
    """Six steps, three epochs, of one process."""
    with _loader() as loader:
        return list(loader.steps(0, 6))


@pytest.mark.parametrize("size", [2, 3, 4, 8])
def test_any_number_of_processes_sees_the_same_stream(alone: list[StepBatch], size: int) -> None:
    parts = []
    for rank in range(size):
        with _loader(rank, size) as loader:
            parts.append(list(loader.steps(0, 6)))
    for step, whole in enumerate(alone):
        of_ranks = [part[step] for part in parts]
        # Round by round, and in a round rank by rank.
        groups = [
            micro for rounds in zip(*(p.micro for p in of_ranks), strict=True) for micro in rounds
        ]
        for batch in of_ranks:
            assert (batch.step, batch.epoch) == (whole.step, whole.epoch)
            _assert_same_step(whole, groups, batch.labels)


@pytest.mark.parametrize("first", [1, 3, 4])
def test_any_step_can_be_the_first(alone: list[StepBatch], first: int) -> None:
    with _loader() as loader:
        for batch, whole in zip(loader.steps(first, 6), alone[first:], strict=True):
            assert batch.step == whole.step
            _assert_same_step(batch, list(whole.micro), whole.labels)


@pytest.mark.parametrize(("threads", "depth"), [(1, 1), (1, 9), (3, 2), (4, 1)])
def test_threads_and_depth_change_nothing(alone: list[StepBatch], threads: int, depth: int) -> None:
    config = LoaderConfig(decode_threads=threads, prefetch_steps=depth)
    with _loader(config=config) as loader:
        for batch, whole in zip(loader.steps(0, 6), alone, strict=True):
            _assert_same_step(batch, list(whole.micro), whole.labels)


def test_a_batch_is_what_it_says(alone: list[StepBatch]) -> None:
    assert [(batch.step, batch.epoch) for batch in alone] == [
        (0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)
    ]  # fmt: skip
    for batch in alone:
        assert torch.equal(batch.labels, torch.cat([micro.labels for micro in batch.micro]))
        for micro in batch.micro:
            rows = torch.from_numpy(micro.rows)
            assert micro.crops_rgb_u8.shape == (2, 112, 112, 3)
            assert torch.equal(micro.crops_rgb_u8[:, 5, 7, 1], rows.to(torch.uint8))
            assert torch.equal(micro.labels, rows * 10)
            expected = draw(AUGMENTATION, SEED, batch.epoch, micro.rows)
            assert torch.equal(micro.draws.chance, expected.chance)


def test_a_round_has_the_labels_of_all_processes() -> None:
    with _loader(1, 3, 4) as loader:
        (batch,) = loader.steps(2, 3)
    assert len(batch.micro) == 4
    rounds = batch.labels.view(4, 12)
    for index, micro in enumerate(batch.micro):
        assert torch.equal(micro.round_labels, rounds[index])
        assert torch.equal(micro.labels, rounds[index, 4:8])


def test_an_epoch_draws_each_row_once_and_by_weights_as_often_as_they_say() -> None:
    def counts(weights: np.ndarray | None) -> np.ndarray:
        with _loader(weights=weights) as loader:
            rows = [micro.rows for batch in loader.steps(0, 2) for micro in batch.micro]
        return np.bincount(np.concatenate(rows), minlength=NUM_CROPS)

    once = counts(None)
    assert once.max() == 1
    assert once.sum() == 96  # two batches of 48 fit into 120
    weights = np.zeros(NUM_CROPS)
    weights[20:24] = 1.0
    weighted = counts(weights)
    assert weighted.sum() == weighted[20:24].sum() == 96
    assert weighted.max() <= 30  # 120 / 4, some of it in the part that is left out


def test_copies_of_a_row_are_changed_differently() -> None:
    weights = np.zeros(NUM_CROPS)
    weights[20] = 1.0
    with _loader(weights=weights) as loader:
        (batch,) = loader.steps(0, 1)
    chances = torch.cat([micro.draws.chance for micro in batch.micro])
    assert len(torch.unique(chances, dim=0)) == 48


@pytest.mark.parametrize("threads", [1, 3])
def test_a_broken_record_is_named_and_what_came_before_it_is_given(threads: int) -> None:
    source = CountingCrops(_crops())
    with _loader() as loader:
        rows = [np.concatenate([m.rows for m in batch.micro]) for batch in loader.steps(0, 2)]
    source.broken_row = int(rows[1][30])
    with _loader(source=source, config=LoaderConfig(decode_threads=threads)) as loader:
        steps = loader.steps(0, 2)
        assert next(steps).step == 0
        with pytest.raises(TrainingDataError, match=f"record {source.broken_row}: broken"):
            next(steps)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_leaving_in_the_middle_ends_the_threads(error: type[BaseException]) -> None:
    def use() -> None:
        with _loader(config=LoaderConfig(decode_threads=3)) as loader:
            for batch in loader.steps(0, 10**9):
                if batch.step == 3:
                    raise error

    with pytest.raises(error):
        use()


def test_steps_asked_for_anew_begin_anew() -> None:
    with _loader() as loader:
        earlier = loader.steps(0, 100)
        assert next(earlier).step == 0
        later = loader.steps(7, 9)
        assert next(earlier, None) is None
        assert [batch.step for batch in later] == [7, 8]
        assert loader.data_wait_s > 0


_ENDLESS = """
import signal, sys
from tests.training.loading.test_step_loader import _loader
def stop(*_): sys.exit(43)
signal.signal(signal.SIGTERM, stop)
loader = _loader()
if "{closing}" == "closed":
    with loader:
        for batch in loader.steps(0, 10**9):
            print(batch.step, flush=True)
for batch in loader.steps(0, 10**9):
    print(batch.step, flush=True)
"""


@pytest.mark.parametrize("closing", ["closed", "forgotten"])
def test_a_process_that_is_told_to_stop_ends(closing: str) -> None:
    command = [sys.executable, "-c", _ENDLESS.format(closing=closing)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (43, b"")


def test_changing_crops_asks_no_device_for_a_number() -> None:
    """On the meta device tensors have a shape and no content; whoever looks at one is caught."""
    config = AUGMENTATION.model_copy(update={"rotation_deg": 5.0, "brightness": 0.1, "zoom": 0.1})
    draws = draw(config, SEED, 0, np.arange(40))
    with pytest.raises(NotImplementedError):
        torch.nonzero(draws.chance.to("meta"))
    assert all(len(rows) for rows in (draws.halved, draws.quartered, draws.blurred, draws.covered))
    crops = to_network_input(torch.empty(40, 112, 112, 3, dtype=torch.uint8, device="meta"))
    changed = augmented(crops, draws.moved(lambda tensor: tensor.to("meta")), config)
    assert changed.shape == crops.shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_given_the_same_and_never_waited_for(alone: list[StepBatch]) -> None:
    torch.cuda.set_sync_debug_mode("error")
    try:
        with _loader(device="cuda", config=LoaderConfig(decode_threads=2)) as loader:
            steps = list(loader.steps(0, 6))
            for batch in steps:
                for micro in batch.micro:
                    augmented(to_network_input(micro.crops_rgb_u8), micro.draws, AUGMENTATION)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for batch, whole in zip(steps, alone, strict=True):
        assert torch.equal(batch.labels.cpu(), whole.labels)
        for micro, expected in zip(batch.micro, whole.micro, strict=True):
            assert torch.equal(micro.crops_rgb_u8.cpu(), expected.crops_rgb_u8)
            assert torch.equal(micro.draws.chance.cpu(), expected.draws.chance)
