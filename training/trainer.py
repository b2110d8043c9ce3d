"""The training loop: steps, and what happens between them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from pydantic import JsonValue
from tqdm import tqdm

from training.cadence import Cadence
from training.checkpoints.store import CheckpointStore
from training.config import TrainConfig
from training.cost.peaks import device_peak_flops
from training.diagnosis import diagnose
from training.errors import TrainingDivergedError, TrainingInterruptedError
from training.figures import Figures, RunFacts
from training.freed_memory import freed_memory_kept
from training.heads.head import MarginHead
from training.loading.arrays import Labels
from training.loading.order import SampleOrder
from training.loading.plan import StepPlan
from training.loading.step_loader import Loader
from training.loading.training_data import TrainingData
from training.meter import EpochMetrics, Meter
from training.network.iresnet import IResNet
from training.network.pretrained import initialise
from training.resumption import Resumption
from training.schedule import settings_of
from training.step import StepSettings, TrainingStep
from training.step_metrics import StepMetrics
from training.stopping import StopRequest, stop_on_signals
from training.stopwatch import Stopwatch, stopwatch
from training.threads import torch_threads
from training.throughput import flops_per_crop
from training.validation import Division, Separation, divide, validate
from training.world import World


class Listener(Protocol):
    """Whoever wants to know; called on the main process only. What it raises ends the run."""

    def on_steps(self, metrics: StepMetrics) -> None:
        """Called every `log_every_steps` steps."""

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """Called after every epoch."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a run keeps its checkpoints, and what it notes in them for its caller."""

    store: CheckpointStore
    notes: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A trained network and how it came about."""

    model: IResNet
    """On the CPU, ready for inference."""
    head: MarginHead
    """This process's class centres; needed to go on training, not to recognise."""
    class_labels: Labels
    """(num_classes,): the label in the data set of each class centre."""
    history: tuple[EpochMetrics, ...]
    num_steps: int


def train(
    config: TrainConfig,
    data: TrainingData,
    world: World,
    listener: Listener,
    resume: Resume | None = None,
    *,
    stop_after_steps: int | None = None,
) -> TrainResult:
    """Train a network on crops of people.

    Every process of `world` calls it with the same arguments, `listener` aside. With `resume` it
    goes on from its latest checkpoint and saves new ones; SIGTERM or Ctrl-C save and raise
    `TrainingInterruptedError`. `stop_after_steps` ends it early, as if it were done.

    On a CPU, equal config, data, threads and number of processes give equal networks, bit for bit,
    interrupted or not; with another number of processes sums are rounded in another order. torch's
    random state and thread count are put back. Raises `TrainingDataError` where the data cannot be
    trained on, `TrainingDivergedError` where loss or gradient stop being finite, `CheckpointError`
    and `WorldError`.
    """
    data.check()
    with _seeded(config), freed_memory_kept(), stop_on_signals() as request:
        run = _Run(config, data, world, listener, request)
        return run.fit(resume, stop_after_steps)


class _Run:
    """What a run consists of."""

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        world: World,
        listener: Listener,
        request: StopRequest,
    ) -> None:
        self.config, self.data, self.world = config, data, world
        self.listener, self.request = listener, request
        self.saved: Resumption | None = None
        self.done = 0
        """Steps taken, over all resumptions."""
        self.division: Division = divide(data.labels, config.validation, config.seed)
        rows = self.division.train_rows
        self.order = SampleOrder(rows, len(data.labels), data.weights, config.seed)
        self.plan = StepPlan(len(rows), config.batch_size, config.micro_batch_size, world.size)
        self.watch: Stopwatch = stopwatch(world.device)
        num_classes = len(self.division.class_labels)
        self.step = TrainingStep(config, _network(config), num_classes, world, self.watch)
        self.cadence = Cadence(world)
        self.meter = Meter()
        self.history: list[EpochMetrics] = []
        self.figures = Figures(self._facts(num_classes), self.watch)

    def fit(self, resume: Resume | None, stop_after_steps: int | None) -> TrainResult:
        """Take all steps that are left."""
        if resume:
            self.saved = Resumption(
                resume.store, self.config.checkpoints, self.step, self.meter, resume.notes
            )
            self.done, self.history = self.saved.load()
        last = self.config.epochs * self.plan.steps_per_epoch
        last = min(last, stop_after_steps or last)
        with self._loader() as loader:
            self._steps(loader, last)
        if self.saved:
            self.saved.wait()
        self.step.statistics.release(self.done)
        return TrainResult(
            model=self.step.model.cpu().eval(),
            head=self.step.head,
            class_labels=self.division.class_labels,
            history=tuple(self.history),
            num_steps=self.done,
        )

    def _steps(self, loader: Loader, last: int) -> None:
        """Take the steps up to `last`, and look up between them."""
        batches = loader.steps(self.done, last)
        # None: no bar where there is no terminal.
        is_silent = None if self.world.is_main else True
        with tqdm(
            total=last, initial=self.done, unit="step", leave=False, disable=is_silent
        ) as bar:
            while self.done < last and not self._has_stopped_improving():
                with self.watch.part("data"):
                    batch = next(batches)
                settings = settings_of(self.done, self.plan.steps_per_epoch, self.config)
                self.meter.add(self.step.run(batch, settings))
                self.done += 1
                bar.update()
                self._look_up(loader, settings, is_last=self.done == last)

    def _look_up(self, loader: Loader, settings: StepSettings, *, is_last: bool) -> None:
        """Every few steps: is all well, what is there to tell, has anybody asked to stop?"""
        ends_epoch = self.done % self.plan.steps_per_epoch == 0
        tells = is_last or self.done % self.config.log_every_steps == 0
        ended_epoch = self.done // self.plan.steps_per_epoch if ends_epoch else None
        saves = self.saved is not None and self.saved.belongs_here(self.done, ended_epoch)
        if not (self.cadence.is_due() or ends_epoch or tells or saves):
            return
        self._read(loader)
        if tells and self.world.is_main:
            self.listener.on_steps(self.figures.of_steps(self.done, settings, self._loss_scale()))
        if ends_epoch:
            self._end_epoch(settings)
        agreed = self.cadence.agree(
            stop=self.request.is_made,
            save=self.saved is not None and self.saved.is_due_by_time(),
            step_s=self.figures.step_s,
        )
        if self.saved and (saves or agreed.save or agreed.stop):
            with self.watch.part("saving"):
                self.saved.save(self.done, self.history, ends_epoch=ends_epoch)
        if agreed.stop and not is_last:
            self._stop()

    def _read(self, loader: Loader) -> None:
        """Look at the steps since the last time; one that is not finite ends the run."""
        try:
            self.figures.add(self.meter.read(self.done))
        except TrainingDivergedError as error:
            number = error.step or 0
            settings = settings_of(number, self.plan.steps_per_epoch, self.config)
            (batch,) = loader.steps(number, number + 1)
            cause = diagnose(self.step, batch, settings)
            epoch = number // self.plan.steps_per_epoch + 1
            raise TrainingDivergedError(
                f"epoch {epoch}, {error}: {cause}; look at the data and at initial_weights, lower"
                " the learning rate, or lengthen the warm-up"
            ) from error

    def _end_epoch(self, settings: StepSettings) -> None:
        epoch = self.done // self.plan.steps_per_epoch
        found = self._validate() if self._validates(epoch) else None
        metrics = self.figures.of_epoch(epoch, self.meter, settings, found)
        self.history.append(metrics)
        self.meter.sums.zero_()
        if self.world.is_main:
            self.listener.on_epoch(metrics)

    def _validates(self, epoch: int) -> bool:
        return epoch == self.config.epochs or epoch % self.config.validation.every_epochs == 0

    def _validate(self) -> Separation:
        with self.watch.part("validation"):
            self.step.statistics.publish()
            return validate(
                self.step.model,
                self.data.crops,
                self.data.labels,
                self.division.validation_rows,
                self.world,
                self.config.amp,
            )

    def _has_stopped_improving(self) -> bool:
        """Whether the AUC has not risen for as many epochs as early stopping allows."""
        patience = self.config.validation.early_stop_epochs
        aucs = [m.validation_auc for m in self.history if m.validation_auc is not None]
        if patience is None or not aucs:
            return False
        best = max(range(len(aucs)), key=aucs.__getitem__)
        return (len(aucs) - 1 - best) * self.config.validation.every_epochs >= patience

    def _stop(self) -> None:
        place = "nothing is saved"
        if self.saved:
            self.saved.wait()
            place = f"saved in {self.saved.folder}; start it again and it goes on from there"
        raise TrainingInterruptedError(f"stopped after step {self.done} as asked; {place}")

    def _loss_scale(self) -> float | None:
        scale = self.step.loss_scale
        return float(scale.value) if scale.enabled else None

    def _loader(self) -> Loader:
        return Loader(
            self.data.crops,
            self.division.train_labels,
            self.order,
            self.plan,
            self.world,
            self.config.augmentation,
            self.config.loader,
        )

    def _facts(self, num_classes: int) -> RunFacts:
        peak = device_peak_flops(self.world.device, self.config.amp)
        return RunFacts(
            samples_per_step=self.plan.batch_size,
            steps_per_epoch=self.plan.steps_per_epoch,
            flops_per_sample=flops_per_crop(self.config, num_classes),
            peak_flops=None if peak is None else peak * self.world.size,
            grad_clip_norm=self.config.grad_clip_norm,
            device=self.world.device,
        )


def _network(config: TrainConfig) -> IResNet:
    model = IResNet(config.network)
    if config.initial_weights is not None:
        initialise(model, Path(config.initial_weights))
    return model


@contextmanager
def _seeded(config: TrainConfig) -> Iterator[None]:
    """Seed torch, set its threads and its determinism, and put all back afterwards."""
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(), torch_threads(config.threads):
        torch.manual_seed(config.seed)
        torch.use_deterministic_algorithms(config.deterministic or was_deterministic)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was_deterministic)
