"""People of the training split who are not trained on, and how well they are told apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.embedding import embed_crops
from training.errors import TrainingDataError
from training.iresnet import IResNet
from training.loader import CropsU8, Labels, Rows


@dataclass(frozen=True, slots=True)
class Division:
    """Which rows are trained on, and which are watched."""

    train_rows: Rows
    train_labels: Labels
    """For every row of the data set, the class centre it belongs to, from 0; -1 for others."""
    class_labels: Labels
    """(num_classes,): the label that the data set has for each class centre."""
    validation_rows: Rows


def divide(labels: Labels, validation_share: float, seed: int) -> Division:
    """Set a share of the people aside, whole; rows with label -1 belong to neither side.

    Raises `TrainingDataError` where fewer than two people are left to train on.
    """
    people = np.unique(labels[labels >= 0])
    num_watched = round(len(people) * validation_share)
    watched = np.random.default_rng(seed).choice(people, num_watched, replace=False)
    trained = np.setdiff1d(people, watched)
    if len(trained) < 2:
        raise TrainingDataError(
            f"{len(trained)} people to train on, {num_watched} set aside; it takes at least 2"
        )
    is_trained = np.isin(labels, trained)
    centre = np.where(is_trained, np.searchsorted(trained, labels), -1)
    return Division(
        train_rows=np.flatnonzero(is_trained),
        train_labels=centre.astype(np.int64),
        class_labels=trained,
        validation_rows=np.flatnonzero(np.isin(labels, watched)),
    )


def validation_auc(
    model: IResNet, crops_rgb_u8: CropsU8, labels: Labels, rows: Rows
) -> float | None:
    """AUC over all pairs of some rows; None where they hold no genuine or no impostor pair."""
    embeddings = embed_crops(model, crops_rgb_u8[rows])
    left, right = np.triu_indices(len(rows), k=1)
    scores = (embeddings @ embeddings.T)[left, right]
    return pair_auc(scores, labels[rows][left] == labels[rows][right])


def pair_auc(scores: NDArray[np.float32], genuine: NDArray[np.bool_]) -> float | None:
    """Chance that a genuine pair scores above an impostor pair; a tie counts half.

    None where either kind is missing. Mann and Whitney's U by ranks.
    """
    num_genuine = int(genuine.sum())
    num_impostor = len(genuine) - num_genuine
    if num_genuine == 0 or num_impostor == 0:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[inverse][genuine].sum())
    return (rank_sum - num_genuine * (num_genuine + 1) / 2) / (num_genuine * num_impostor)
