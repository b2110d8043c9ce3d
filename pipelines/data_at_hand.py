"""What a recipe would train on, as far as it is at hand without a stage having run."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.recordio.labels import PictureLabels
from data.sources.recordio import RecordIoSource, subject_of
from data.splits import assign_splits
from pipelines.environment import data_dir
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import CurateParams, Params, RecordIoParams
from pipelines.training_inputs import read_inputs
from training.loading.record_crops import RecordCrops
from training.loading.training_data import TrainingData

_HOMES: Final = (
    "MS1MV2, MS1MV3 and Glint360K have their home in recognition/_datasets_ of"
    " github.com/deepinsight/insightface, WebFace4M and 42M, on application, at face-benchmark.org"
)


def data_at_hand(params: Params, layout: Layout) -> TrainingData:
    """The crops of a recipe and their classes; those of other splits have none.

    A RecordIO set is read where it lies, and a review or copies across splits may take a few crops
    out of it later. Of other sources it takes what `curate` wrote. Raises `StageError` or
    `SourceError` that says which file is looked for, or what is wrong with it.
    """
    source = params.ingest.source
    if not isinstance(source, RecordIoParams):
        return _curated(layout)
    found = RecordIoSource(source, data_dir(layout.root))
    if not found.path.exists():
        raise StageError(f"{found.path}: there is no such file, set EXAMGATE_DATA_DIR; {_HOMES}")
    file, pictures = found.look()
    return TrainingData(RecordCrops(file, pictures.keys), train_labels(pictures, params.curate))


def train_labels(pictures: PictureLabels, config: CurateParams) -> NDArray[np.int64]:
    """Class (n,) of each picture, -1 for people of another split or with too few pictures."""
    people, person, counts = np.unique(pictures.labels, return_inverse=True, return_counts=True)
    table = pd.DataFrame({"subject_id": [subject_of(label) for label in people.tolist()]})
    splits = assign_splits(table.assign(family_id=None), config.splits)
    is_trained = (splits == "train").to_numpy() & (counts >= config.min_photos_to_train)
    classes = np.where(is_trained, np.cumsum(is_trained) - 1, -1)
    return np.asarray(classes[person], np.int64)


def _curated(layout: Layout) -> TrainingData:
    if not layout.curated_manifest.exists():
        raise StageError(
            f"{layout.curated_manifest}: there is no such file; put the recipe in force and run"
            " `dvc repro curate`"
        )
    return read_inputs(layout).data
