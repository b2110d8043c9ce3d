"""The training loop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from data.face import PIXEL_MEAN, PIXEL_SCALE
from training.arcface import ArcFaceHead
from training.augment import augment
from training.config import TrainConfig
from training.errors import TrainingDataError
from training.iresnet import IResNet
from training.loader import Batch, CropLoader, CropsU8, Labels, Weights, check_crops
from training.meter import EpochMeans, EpochMetrics, Meter, StepValues
from training.optimiser import build_optimiser, set_learning_rate, trainable
from training.schedule import rate_share
from training.validation import Division, divide, validation_auc

OnEpoch = Callable[[EpochMetrics], None]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A trained network and how it came about."""

    model: IResNet
    """On the CPU, ready for inference."""
    head: ArcFaceHead
    """The class centres, on the CPU; needed to go on training, not to recognise."""
    class_labels: Labels
    """(num_classes,): the label in the data set of each class centre."""
    history: tuple[EpochMetrics, ...]


def train(
    config: TrainConfig,
    crops_rgb_u8: CropsU8,
    labels: Labels,
    on_epoch: OnEpoch,
    weights: Weights | None = None,
) -> TrainResult:
    """Train a network on crops (n, 112, 112, 3) of people given by labels (n,).

    A label of -1 leaves a crop out; `weights` (n,) say how often a crop is drawn relative to the
    others, None draws each once an epoch. `on_epoch` is called after each epoch; what it raises
    ends the run. On a CPU, equal config, data and threads give equal networks. torch's random state
    and thread count are what they were afterwards. Raises `TrainingDataError` where the data cannot
    be trained on, `TrainingDivergedError` where loss or gradient stop being finite.
    """
    _check_data(crops_rgb_u8, labels)
    with _seeded(config):
        run = _Run(config, crops_rgb_u8, labels, weights)
        history = []
        for epoch in range(config.epochs):
            metrics = run.epoch(epoch)
            history.append(metrics)
            on_epoch(metrics)
    return TrainResult(
        model=run.model.cpu().eval(),
        head=run.head.cpu().eval(),
        class_labels=run.division.class_labels,
        history=tuple(history),
    )


class _Run:
    """Everything that changes during a run."""

    def __init__(
        self, config: TrainConfig, crops_rgb_u8: CropsU8, labels: Labels, weights: Weights | None
    ) -> None:
        self.config = config
        self.crops_rgb_u8 = crops_rgb_u8
        self.labels = labels
        self.device = _device(config)
        self.division: Division = divide(labels, config.validation_share, config.seed)
        self.loader = CropLoader(
            crops_rgb_u8,
            self.division.train_labels,
            self.division.train_rows,
            config.batch_size,
            config.seed,
            weights,
        )
        network = IResNet(config.network)
        # torch's stub knows `memory_format` only together with a dtype.
        self.model = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        num_classes = len(self.division.class_labels)
        head = ArcFaceHead(num_classes, config.network.embedding_dim, config.head)
        self.head = head.to(self.device)
        self.parameters: list[nn.Parameter] = trainable([self.model, self.head])
        self.optimiser = build_optimiser(self.parameters, config)
        self.num_steps = 0
        self.learning_rate = 0.0

    def epoch(self, epoch: int) -> EpochMetrics:
        """Train for one epoch, counted from 0, and validate where it is due."""
        self.model.train()
        meter = Meter(epoch + 1)
        start = time.perf_counter()
        title = f"epoch {epoch + 1}/{self.config.epochs}"
        batches = self.loader.epoch(epoch)
        # None: no bar where there is no terminal.
        for batch in tqdm(batches, title, self.loader.num_batches, leave=False, disable=None):
            meter.add(self._step(batch, epoch))
        means = meter.means()
        elapsed_s = time.perf_counter() - start
        return self._metrics(epoch, means, elapsed_s)

    def _step(self, batch: Batch, epoch: int) -> StepValues:
        self._set_learning_rate()
        labels = torch.from_numpy(batch.labels).to(self.device)
        embeddings = self._embed(batch, epoch)
        cosines = self.head(embeddings)
        loss = self.head.loss(cosines, labels, self._margin_share())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        grad_norm = nn.utils.clip_grad_norm_(self.parameters, self.config.grad_clip_norm)
        self.optimiser.step()
        self.num_steps += 1
        return StepValues(
            loss=loss,
            accuracy=(cosines.argmax(1) == labels).float().mean(),
            feature_norm=embeddings.norm(dim=1).mean(),
            grad_norm=grad_norm,
        )

    def _embed(self, batch: Batch, epoch: int) -> Tensor:
        pixels = torch.from_numpy(batch.crops_rgb_u8).to(self.device)
        # (n, h, w, 3) seen as (n, 3, h, w) is channels-last already.
        crops = (pixels.permute(0, 3, 1, 2).float() - PIXEL_MEAN) / PIXEL_SCALE
        crops = augment(crops, batch.keys, self.config.seed, epoch, self.config.augmentation)
        crops = crops.contiguous(memory_format=torch.channels_last)
        enabled = self.config.amp == "bf16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled):
            embeddings: Tensor = self.model(crops)
        return embeddings

    def _set_learning_rate(self) -> None:
        per_epoch = self.loader.num_batches
        share = rate_share(
            self.num_steps,
            self.config.epochs * per_epoch,
            self.config.warmup_epochs * per_epoch,
            self.config.schedule,
        )
        self.learning_rate = self.config.learning_rate * share
        set_learning_rate(self.optimiser, self.learning_rate)

    def _margin_share(self) -> float:
        warmup_steps = self.config.head.margin_warmup_epochs * self.loader.num_batches
        return min(1.0, self.num_steps / warmup_steps) if warmup_steps else 1.0

    def _metrics(self, epoch: int, means: EpochMeans, elapsed_s: float) -> EpochMetrics:
        last = epoch + 1 == self.config.epochs
        due = last or (epoch + 1) % self.config.validation_every_epochs == 0
        num_samples = self.loader.num_batches * self.loader.batch_size
        return EpochMetrics(
            epoch=epoch + 1,
            loss=means.loss,
            accuracy=means.accuracy,
            learning_rate=self.learning_rate,
            samples_per_s=num_samples / elapsed_s,
            feature_norm=means.feature_norm,
            grad_norm=means.grad_norm,
            validation_auc=self._validate() if due else None,
        )

    def _validate(self) -> float | None:
        rows = self.division.validation_rows
        return validation_auc(self.model, self.crops_rgb_u8, self.labels, rows)


def _check_data(crops_rgb_u8: CropsU8, labels: Labels) -> None:
    check_crops(crops_rgb_u8, "crops")
    if labels.shape != (len(crops_rgb_u8),) or not np.issubdtype(labels.dtype, np.integer):
        raise TrainingDataError(
            f"labels {labels.dtype} {labels.shape} do not go with {len(crops_rgb_u8)} crops; give"
            " one whole number for each"
        )
    if labels.size and labels.min() < -1:
        raise TrainingDataError(f"label {labels.min()}: classes start at 0, -1 leaves a crop out")


def _device(config: TrainConfig) -> torch.device:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingDataError("device: cuda was asked for and there is none; set it to auto")
    return torch.device("cuda" if available and config.device != "cpu" else "cpu")


@contextmanager
def _seeded(config: TrainConfig) -> Iterator[None]:
    """Seed torch and set its threads, and put both back afterwards."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads or threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
