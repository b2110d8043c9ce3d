"""Stage `train`: an iResNet with ArcFace on the people of the train split."""

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from data.files import sha256_bytes, sha256_file, whole_folder, write_json
from data.manifest import CURATED_SCHEMA, read_manifest
from pipelines.layout import Layout
from pipelines.lineage import code_sha256, git_commit
from pipelines.params import Params
from pipelines.tracking import (
    RunRecord,
    flatten,
    log_figures,
    start_training_run,
    write_run_record,
)
from training.checkpoint import save_checkpoint, save_head
from training.loader import CropsU8, Labels, Weights, open_crops
from training.meter import EpochMetrics
from training.trainer import train as fit


def train(params: Params, layout: Layout) -> None:
    """Write `artifacts/train`: the checkpoint, its head and `run.json`; curves go to MLflow."""
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    crops = open_crops(layout.crops)
    labels = labels_of_crops(table, len(crops))
    provenance = {
        "git_commit": git_commit(layout.root),
        "code_sha256": code_sha256(layout.root),
        "params_sha256": sha256_file(layout.params),
        "data_sha256": data_sha256(layout.curated_manifest, crops, labels),
    }
    history: list[EpochMetrics] = []

    def on_epoch(metrics: EpochMetrics) -> None:
        history.append(metrics)
        log_figures(figures_of(metrics), step=metrics.epoch)

    tags = {f"examgate.{name}": value for name, value in provenance.items()}
    with (
        start_training_run(layout.root, flatten(params.model_dump(mode="json")), tags) as run_id,
        whole_folder(layout.trained) as folder,
    ):
        result = fit(params.train, crops, labels, on_epoch, weights_of_crops(table, len(crops)))
        checkpoint = folder / layout.checkpoint.name
        save_checkpoint(checkpoint, result.model)
        save_head(folder / "head.safetensors", result.head)
        digest = sha256_file(checkpoint)
        record = RunRecord(mlflow_run_id=run_id, checkpoint_sha256=digest, **provenance)
        write_run_record(folder / layout.run.name, record)
    write_curves(history, layout.plots / "training.csv")
    write_json(layout.metrics("train"), figures_of(history[-1]))


def figures_of(metrics: EpochMetrics) -> dict[str, float]:
    """Everything an epoch measured, by name, except its number."""
    return {
        name: float(value)
        for name, value in asdict(metrics).items()
        if name != "epoch" and value is not None
    }


def labels_of_crops(table: pd.DataFrame, num_crops: int) -> Labels:
    """Class of each crop, -1 for one that is not trained on, in the order of the crops' file."""
    taken = table[table["label"] >= 0]
    labels = np.full(num_crops, -1, np.int64)
    labels[taken["crop_index"].to_numpy()] = taken["label"].to_numpy()
    return labels


def weights_of_crops(table: pd.DataFrame, num_crops: int) -> Weights | None:
    """Sampling weight of each crop in the order of the crops' file, or None where all are alike."""
    taken = table[table["label"] >= 0]
    if taken["sampling_weight"].nunique() <= 1:
        return None
    weights = np.zeros(num_crops)
    weights[taken["crop_index"].to_numpy()] = taken["sampling_weight"].to_numpy()
    return weights


def data_sha256(manifest: Path, crops_rgb_u8: CropsU8, labels: Labels) -> str:
    """Digest of the curated manifest and of the crops trained on, read one by one."""
    pixels = hashlib.sha256()
    for row in np.flatnonzero(labels >= 0):
        pixels.update(np.ascontiguousarray(crops_rgb_u8[row]).data)
    return sha256_bytes(f"{sha256_file(manifest)}  {pixels.hexdigest()}".encode())


def write_curves(history: list[EpochMetrics], path: Path) -> None:
    """Write one row for each epoch, for `dvc plots`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([{"epoch": m.epoch, **figures_of(m)} for m in history]).to_csv(path, index=False)
