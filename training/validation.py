"""People of the training split who are not trained on, and how well they are told apart."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from training.augmentation.pixels import to_network_input
from training.autocast import Precision, autocast
from training.errors import TrainingDataError
from training.loading.arrays import Labels, Rows
from training.loading.crop_sources import CropSource
from training.network.iresnet import IResNet
from training.world import World

_NUM_BINS: Final = 1 << 14
"""Of cosines from -1 to 1; pairs in one bin count as tied, which moves an AUC by under 1e-4."""
_FMR: Final = 1e-3
_AT_ONCE: Final = 256


class ValidationConfig(BaseModel):
    """Who is set aside, and how often they are looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the people who are not trained on; the curve of their AUC shows overfitting."""
    max_crops: int = Field(default=4096, ge=2)
    """Crops of them that are looked at; all their pairs are compared."""
    every_epochs: int = Field(default=1, ge=1)
    """How often; the last epoch always is."""
    early_stop_epochs: int | None = Field(default=None, ge=1)
    """Epochs without a better AUC after which training ends; None: never before its time."""


@dataclass(frozen=True, slots=True)
class Division:
    """Which rows are trained on, and which are watched."""

    train_rows: Rows
    train_labels: Labels
    """For every row of the data set, the class centre it belongs to, from 0; -1 for others."""
    class_labels: Labels
    """(num_classes,): the label that the data set has for each class centre."""
    validation_rows: Rows


@dataclass(frozen=True, slots=True)
class Separation:
    """How well genuine and impostor pairs are told apart; None where either kind is missing."""

    auc: float | None
    """Chance that a genuine pair scores above an impostor pair; a tie counts half."""
    tar: float | None
    """Share of genuine pairs above the lowest threshold whose FMR is at most 0.001."""


def divide(labels: Labels, config: ValidationConfig, seed: int) -> Division:
    """Set a share of the people aside, whole; rows with label -1 belong to neither side.

    Raises `TrainingDataError` where fewer than two people are left to train on.
    """
    people = np.unique(labels[labels >= 0])
    num_watched = round(len(people) * config.share)
    rng = np.random.default_rng(seed)
    watched = rng.choice(people, num_watched, replace=False)
    trained = np.setdiff1d(people, watched)
    if len(trained) < 2:
        raise TrainingDataError(
            f"{len(trained)} people to train on, {num_watched} set aside; it takes at least 2"
        )
    is_trained = np.isin(labels, trained)
    centre = np.where(is_trained, np.searchsorted(trained, labels), -1)
    validation_rows = _whole_people(labels, watched, config.max_crops)
    return Division(
        train_rows=np.flatnonzero(is_trained),
        train_labels=centre.astype(np.int64),
        class_labels=trained,
        validation_rows=validation_rows,
    )


def validate(
    model: IResNet,
    crops: CropSource,
    labels: Labels,
    rows: Rows,
    world: World,
    precision: Precision,
) -> Separation:
    """Compare all crops of some rows with each other, each process a part of them."""
    embeddings = _embeddings(model, crops, rows, world, precision)
    people = torch.from_numpy(labels[rows]).to(world.device)
    genuine, impostor = _histograms(embeddings, people, world)
    return separation(genuine.cpu(), impostor.cpu())


def separation(genuine: Tensor, impostor: Tensor) -> Separation:
    """AUC and TAR of two histograms (bins,) of scores, bins from low to high."""
    if genuine.sum() == 0 or impostor.sum() == 0:
        return Separation(None, None)
    genuine, impostor = genuine.double(), impostor.double()
    below = impostor.cumsum(0) - impostor / 2
    auc = (genuine * below).sum() / (genuine.sum() * impostor.sum())
    above = impostor.flip(0).cumsum(0).flip(0)  # impostor pairs in this bin or a higher one
    passed = above <= _FMR * impostor.sum()
    return Separation(float(auc), float(genuine[passed].sum() / genuine.sum()))


def _whole_people(labels: Labels, people: Labels, max_crops: int) -> Rows:
    """Rows of as many people as fit, whole, because half a person has fewer genuine pairs."""
    rows = np.flatnonzero(np.isin(labels, people))
    if len(rows) <= max_crops:
        return rows
    counts = np.array([(labels[rows] == person).sum() for person in people])
    kept = people[np.cumsum(counts) <= max_crops]
    return np.flatnonzero(np.isin(labels, kept))


def _embeddings(
    model: IResNet, crops: CropSource, rows: Rows, world: World, precision: Precision
) -> Tensor:
    """Embed rows, (n, d) of unit length on every process; each computes its part."""
    each = -(-len(rows) // world.size)
    own = rows[world.rank * each : (world.rank + 1) * each]
    out = torch.zeros(each, model.config.embedding_dim, device=world.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), autocast(world.device, precision):
        for start in range(0, len(own), _AT_ONCE):
            part = own[start : start + _AT_ONCE]
            pixels = torch.from_numpy(crops.read(part)).to(world.device)
            out[start : start + len(part)] = model(to_network_input(pixels))
    model.train(was_training)
    return functional.normalize(world.gather(out))[: len(rows)]


def _histograms(embeddings: Tensor, people: Tensor, world: World) -> tuple[Tensor, Tensor]:
    """Histograms (bins,) of the cosines of all genuine and all impostor pairs."""
    counts = torch.zeros(2 * _NUM_BINS, dtype=torch.int64, device=world.device)
    place = torch.arange(len(people), device=world.device)
    for start in range(world.rank * _AT_ONCE, len(people), world.size * _AT_ONCE):
        left = slice(start, start + _AT_ONCE)
        cosines = embeddings[left] @ embeddings.T
        bins = ((cosines + 1) * (_NUM_BINS / 2)).long().clamp(0, _NUM_BINS - 1)
        bins += _NUM_BINS * (people[left, None] == people[None, :])
        counts += torch.bincount(bins[place[left, None] < place[None, :]], minlength=2 * _NUM_BINS)
    impostor, genuine = world.sum(counts).view(2, _NUM_BINS)
    return genuine, impostor
