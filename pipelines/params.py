"""`params.yaml`, typed: one section for each stage, each field beside its owner."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.attributes.config import AttributesConfig
from data.balance import BalanceConfig
from data.detection.config import DetectorConfig, FacePolicy
from data.protocols.config import MiningConfig, ProtocolsConfig
from data.quality_policy import QualityPolicy
from data.review_config import ReviewConfig
from data.sampling import SamplingConfig
from data.sources.campus.config import CampusConfig
from data.sources.folder import FolderConfig
from data.sources.ijb import IjbConfig
from data.sources.lfw import LfwConfig
from data.sources.listing import ListingConfig
from data.sources.object_store import ObjectStoreConfig
from data.sources.recordio import RecordIoConfig
from data.sources.verification_bin import VerificationBinConfig
from data.splits import SplitConfig
from evaluation.config import EvaluationConfig
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


class FolderParams(FolderConfig):
    """A folder for each person as the source."""

    kind: Literal["folder"]


class ListingParams(ListingConfig):
    """A list of photos as the source: CSV, Parquet or label.txt."""

    kind: Literal["listing"]


class RecordIoParams(RecordIoConfig):
    """An MXNet RecordIO file as the source."""

    kind: Literal["recordio"]


class VerificationBinParams(VerificationBinConfig):
    """A verification set as the source: LFW, CFP-FP, AgeDB-30 and others as `.bin`."""

    kind: Literal["verification_bin"]


class IjbParams(IjbConfig):
    """IJB-B or IJB-C as the source."""

    kind: Literal["ijb"]


FileSourceParams = (
    LfwParams | FolderParams | ListingParams | RecordIoParams | VerificationBinParams | IjbParams
)
"""Sources that read files of a folder of data sets."""


class ObjectStoreParams(ObjectStoreConfig):
    """An object store as the source."""

    kind: Literal["object_store"]
    inner: Annotated[FileSourceParams, Field(discriminator="kind")]
    """How what was fetched is read; its paths start at the URL."""


SourceParams = CampusParams | FileSourceParams | ObjectStoreParams


class IngestParams(_Frozen):
    """Where the photographs come from."""

    source: Annotated[SourceParams, Field(discriminator="kind")]
    """The source by kind, with its own settings."""


class AlignParams(_Frozen):
    """How faces are found. Goes into the release: the server does the same."""

    detector: DetectorConfig
    """The detector and its thresholds."""
    landmarks: Literal["detected", "given"]
    """`given` takes those that came with the source, as for crops that are aligned already; the
    detector is installed all the same, for the server."""
    records: Literal["none", "jpeg", "png"]
    """Whether the crops are also written as RecordIO, for other trainers, and how encoded."""
    crops: Literal["packed", "source"]
    """`packed`: every crop decoded in one file, 38 kB each. `source`: where the photos are aligned
    crops in RecordIO already they stay there, and training decodes them; for millions of photos."""
    quality: Literal["measured", "skipped"]
    """`skipped`, for `crops: source` only: no photo is decoded, so one that is broken is found in
    training only."""
    face_policy: FacePolicy
    """Which face counts, and when it is good enough."""
    quality_policy: QualityPolicy
    """Which photos of a face are good enough to be compared."""

    @model_validator(mode="after")
    def _go_together(self) -> "AlignParams":
        in_source = self.crops == "source"
        if in_source and (self.landmarks, self.records) != ("given", "none"):
            raise ValueError("crops: source needs landmarks: given and records: none")
        if self.quality == "skipped" and not in_source:
            raise ValueError("quality: skipped needs crops: source")
        if self.quality == "skipped" and self.quality_policy.refuses_some:
            raise ValueError("quality: skipped needs a quality_policy with every min_* at 0")
        return self


class CurateParams(_Frozen):
    """Who is trained on, who sets the threshold, who is the exam."""

    splits: SplitConfig
    """Shares of the splits."""
    min_photos_to_train: int = Field(ge=1)
    """A person with fewer usable photos teaches nothing about sameness and is left out."""
    sampling: SamplingConfig
    """How often each photo is trained on."""
    balance: BalanceConfig
    """Labels whose cells are counted."""
    protocols: ProtocolsConfig
    """Who is compared with whom."""
    mining: MiningConfig
    """Which models look for look-alikes."""
    review: ReviewConfig
    """What people should look at, and what they have decided."""
    attributes: AttributesConfig
    """Which models guess attributes that nobody knows; for auditing error rates only."""


class ExportParams(_Frozen):
    """How the network becomes a bundle."""

    name: str = Field(min_length=1)
    """Name of the registered model."""
    parity_photos: int = Field(ge=1)
    """Photos on which the exported graph is compared with the checkpoint."""


class GateParams(_Frozen):
    """By what the model is judged."""

    policy: str = Field(min_length=1)
    """File of the policy, relative to the repository's root."""


class Params(_Frozen):
    """All parameters of `dvc repro`."""

    ingest: IngestParams
    align: AlignParams
    curate: CurateParams
    train: TrainConfig
    export: ExportParams
    evaluate: EvaluationConfig
    gate: GateParams


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
