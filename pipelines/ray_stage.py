"""`examgate train-ray`: what the stage `train` does, with ranks on a Ray cluster."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.ray_train import RayOptions, train_on_ray
from pipelines.train import train_worker


def train(params: Params, layout: Layout, options: RayOptions) -> None:
    """Write `artifacts/train`, as the stage does; started again, it goes on.

    All nodes need the working folder under the same path. Raises `StageError` where what `align`
    and `curate` write is not there, and what `train_on_ray` raises.
    """
    sizes = {path: path.stat().st_size for path in _needed(layout)}
    train_on_ray(partial(train_worker, params, layout), layout.root, sizes, options)


def _needed(layout: Layout) -> Iterator[Path]:
    crops = layout.crops if layout.crops.exists() else layout.crop_records
    for path in (layout.curated_manifest, crops):
        if not path.exists():
            raise StageError(f"{path} is not there; `dvc repro curate`")
        yield path
