"""`params.yaml`, typed: one section for each stage, each field beside its owner."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.detection.config import DetectorConfig, FacePolicy
from data.sources.campus.config import CampusConfig
from data.sources.lfw import LfwConfig
from data.splits import SplitConfig
from evaluation.config import EvaluationConfig
from evaluation.gate import GatePolicy
from pipelines.errors import ParamsError
from training.config import TrainConfig


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CampusParams(CampusConfig):
    """The synthetic campus as the source."""

    kind: Literal["campus"]


class LfwParams(LfwConfig):
    """Labeled Faces in the Wild as the source."""

    kind: Literal["lfw"]


class IngestParams(_Frozen):
    """Where the photographs come from."""

    source: Annotated[CampusParams | LfwParams, Field(discriminator="kind")]
    """The source by kind, with its own settings."""


class AlignParams(_Frozen):
    """How faces are found. Goes into the release: the server does the same."""

    detector: DetectorConfig
    """The detector and its thresholds."""
    face_policy: FacePolicy
    """Which face counts, and when it is good enough."""


class CurateParams(_Frozen):
    """Who is trained on, who sets the threshold, who is the exam."""

    splits: SplitConfig
    """Shares of the splits."""
    min_photos_to_train: int = Field(ge=1)
    """A person with fewer usable photos teaches nothing about sameness and is left out."""


class ExportParams(_Frozen):
    """How the network becomes a bundle."""

    name: str = Field(min_length=1)
    """Name of the registered model."""
    parity_photos: int = Field(ge=1)
    """Photos on which the exported graph is compared with the checkpoint."""


class Params(_Frozen):
    """All parameters of `dvc repro`."""

    ingest: IngestParams
    align: AlignParams
    curate: CurateParams
    train: TrainConfig
    export: ExportParams
    evaluate: EvaluationConfig
    gate: GatePolicy


def load_params(path: Path) -> Params:
    """Read and check a parameter file; raises `ParamsError` that names the file and every key."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Params.model_validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise ParamsError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        lines = "\n".join(
            f"  {'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ParamsError(f"{path} is not a parameter file:\n{lines}") from error
