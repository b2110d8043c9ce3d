"""Stage `export`: the checkpoint as one ONNX graph in a bundle, and proof that both agree."""

import shutil

import numpy as np
import pandas as pd

from data.alignment import align
from data.files import sha256_file, whole_folder, write_json
from data.images import decode_image
from data.manifest import CURATED_SCHEMA, landmarks_of, read_manifest
from data.photos import read_photo
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.lineage import TRAINED_LICENCE
from pipelines.params import Params
from pipelines.parity import ParityFigures
from pipelines.pretrained_detectors import detector_licence
from pipelines.tracking import RunRecord, log_figures, read_run_record, resume_run
from serving.bundle import Bundle, open_bundle, seal
from serving.engine import EngineConfig, load_engine
from serving.graph import compose, write_graph
from serving.release import DETECTOR_FOLDER, EMBEDDER_FILE, Provenance, ReleaseDraft
from training.network.checkpoint import load_checkpoint
from training.network.embedding import embed_crops
from training.network.export import export_embedder
from training.network.iresnet import IResNet, IResNetConfig


def export(params: Params, layout: Layout) -> None:
    """Write `artifacts/candidate`, a bundle that nothing has judged yet, and its parity."""
    record = read_run_record(layout.run)
    model = load_checkpoint(layout.checkpoint)
    if sha256_file(layout.checkpoint) != record.checkpoint_sha256:
        raise StageError(f"{layout.checkpoint} is not the one of run.json; `dvc repro -f train`")
    with whole_folder(layout.candidate) as folder:
        write_graph(compose(export_embedder(model)), folder / EMBEDDER_FILE)
        shutil.copytree(layout.detector, folder / DETECTOR_FOLDER)
        seal(folder, _draft(params, record, model.config))
        bundle = open_bundle(folder, require_released=False)
        figures = parity(model, bundle, _sample(params, layout), layout)
    write_json(layout.metrics("export"), figures.model_dump())
    with resume_run(layout.root, record.mlflow_run_id):
        log_figures({f"parity/{name}": value for name, value in figures.model_dump().items()})


def parity(model: IResNet, bundle: Bundle, photos: pd.DataFrame, layout: Layout) -> ParityFigures:
    """Cosine between the graph, from the whole photo, and the checkpoint, from the crop."""
    engine = load_engine(bundle, EngineConfig())
    crops, found = [], []
    for _, row in photos.iterrows():
        image = decode_image(read_photo(layout.photos, row["path"]))
        landmarks = landmarks_of(row)
        crops.append(align(image, landmarks))
        found.append(engine.embed(image[None], landmarks[None])[0])
    expected = embed_crops(model, np.stack(crops))
    cosines = np.einsum("ij,ij->i", np.stack(found), expected)
    return ParityFigures(
        num_photos=len(photos),
        cosine_min=float(cosines.min()),
        cosine_mean=float(cosines.mean()),
    )


def _draft(params: Params, record: RunRecord, network: IResNetConfig) -> ReleaseDraft:
    return ReleaseDraft(
        name=params.export.name,
        embedding_dim=network.embedding_dim,
        architecture=network.architecture,
        licence=TRAINED_LICENCE,
        source=f"MLflow run {record.mlflow_run_id}",
        provenance=Provenance(
            mlflow_run_id=record.mlflow_run_id,
            git_commit=record.git_commit,
            params_sha256=record.params_sha256,
            data_sha256=record.data_sha256,
            checkpoint_sha256=record.checkpoint_sha256,
        ),
        detector=params.align.detector,
        detector_licence=detector_licence(params.align.detector),
        landmarks=params.align.landmarks,
        face_policy=params.align.face_policy,
        quality_policy=params.align.quality_policy,
    )


def _sample(params: Params, layout: Layout) -> pd.DataFrame:
    """Usable photos that were not trained on, evenly spread over the manifest."""
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    usable = table[(table["split"] != "train") & table["reject_reason"].isna()]
    if usable.empty:
        raise StageError("no usable photo outside the train split; `dvc repro curate`")
    positions = np.linspace(0, len(usable) - 1, min(params.export.parity_photos, len(usable)))
    return usable.iloc[positions.astype(int)]
