"""The crops of `align`, whether it packed them or left them in the records of their source."""

from data.recordio.reader import RecordFile
from pipelines.crop_records import read_crop_records
from pipelines.layout import Layout
from training.loading.crop_sources import CropSource, PackedCrops
from training.loading.record_crops import RecordCrops


def open_aligned_crops(layout: Layout) -> CropSource:
    """Open the crops of `align`, in the order of `crop_index`; none is read yet.

    Raises `StageError`, `SourceError` or `TrainingDataError` where they are missing or damaged.
    """
    if layout.crops.exists():
        return PackedCrops.open(layout.crops)
    records = read_crop_records(layout.crop_records)
    return RecordCrops(RecordFile.open(layout.photos / records.file), records.keys)
