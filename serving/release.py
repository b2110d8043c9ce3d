"""What `release.json` says: who made this model, how it is to be used, and what passed it.

A draft is everything a maker knows; a release is a draft plus the digest of every file, written by
`serving.bundle.seal`. A threshold belongs to a release, never to the server's configuration, and
the detector travels with it because the threshold was calibrated on that detector's landmarks.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.detection.config import DetectorConfig, FacePolicy
from data.detection.pinned import network_files
from data.face import CONTRACT_ID
from data.quality_policy import NO_QUALITY_POLICY, QualityPolicy

FORMAT_VERSION: Final = 1
RELEASE_FILE: Final = "release.json"
SIGNATURE_FILE: Final = "release.sig"
"""Written by `serving.signing`. Not listed: it signs the list, and differs between signers."""
EMBEDDER_FILE: Final = "embed.onnx"
DETECTOR_FOLDER: Final = "detector"
MAX_FILE_BYTES: Final = (1 << 31) - 1
"""What protobuf can hold, so no graph in one file is larger."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Rate = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Provenance(_Frozen):
    """Which run, code and data a model came from."""

    mlflow_run_id: Text
    git_commit: Text
    params_sha256: Sha256
    data_sha256: Sha256
    """Of the curated manifest that the model was trained on."""
    checkpoint_sha256: Sha256
    lineage_sha256: Sha256 | None = None
    """Of dvc.lock as it stood at export."""


class OperatingPoint(_Frozen):
    """A threshold and what it was measured to do on the calibration split."""

    target_fmr: Annotated[float, Field(gt=0, lt=1)]
    """The false match rate that the threshold was chosen for."""
    threshold: Annotated[float, Field(ge=-1, le=1)]
    """Two faces match where their cosine reaches it."""
    num_impostor_pairs: Annotated[int, Field(gt=0)]
    """Impostor pairs of the calibration split; too few and the target cannot be shown."""
    realised_fmr: Rate
    """The false match rate at this threshold on the calibration split."""


class GateSummary(_Frozen):
    """The gate's verdict and the digest of the report behind it."""

    verdict: Literal["pass", "fail", "inconclusive"]
    sha256: Sha256


class FileEntry(_Frozen):
    """One file as it was sealed."""

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]


class ReleaseDraft(_Frozen):
    """Everything a release says except the digests of its files."""

    format_version: Literal[1] = 1
    name: Text
    contract_id: str = CONTRACT_ID
    """The face contract; a server refuses any other than its own."""
    embedding_dim: Annotated[int, Field(gt=0)]
    architecture: Text
    licence: Text
    """Under which the weights may be used, as their source states it."""
    source: Text
    """Where the weights came from: a training run or a public address."""
    provenance: Provenance | None = None
    """None for weights that were not trained here."""
    detector: DetectorConfig
    detector_licence: Text | None = None
    """Under which the detector's networks may be used; None in releases made before it was kept."""
    landmarks: Literal["detected", "given"] = "detected"
    """Whose landmarks cut the crops it was judged on: this detector's, or those of the data set.

    With given landmarks the figures are the embedder's alone. A server has no such landmarks, so
    such a bundle is never released."""
    face_policy: FacePolicy
    quality_policy: QualityPolicy = NO_QUALITY_POLICY
    """Which photos of a face are good enough; releases made before it was kept refused none."""
    operating_points: dict[str, OperatingPoint] = {}
    """By name, as in `fmr_1e-3`; empty in a candidate."""
    default_operating_point: str | None = None
    evaluation_sha256: Sha256 | None = None
    gate: GateSummary | None = None
    """None until a gate has judged it."""

    @field_validator("contract_id")
    @classmethod
    def _is_our_contract(cls, contract_id: str) -> str:
        if contract_id != CONTRACT_ID:
            raise ValueError(f"the face contract is {contract_id!r}, this server's {CONTRACT_ID!r}")
        return contract_id

    @field_validator("detector", mode="before")
    @classmethod
    def _threads_are_the_machines(cls, detector: object) -> object:
        # The first releases carried MTCNN's thread count, which never changed a result.
        if isinstance(detector, Mapping) and detector.get("name") == "mtcnn":
            return {name: value for name, value in detector.items() if name != "threads"}
        return detector

    @model_validator(mode="after")
    def _default_is_known(self) -> Self:
        default = self.default_operating_point
        if default is not None and default not in self.operating_points:
            known = ", ".join(sorted(self.operating_points)) or "none"
            raise ValueError(f"default_operating_point {default!r} is not one of: {known}")
        return self

    def revised(self, **changes: object) -> "ReleaseDraft":
        """Return a draft with some fields changed, all of them validated again."""
        fields = {name: getattr(self, name) for name in ReleaseDraft.model_fields}
        return ReleaseDraft.model_validate({**fields, **changes})

    def why_not_released(self) -> str | None:
        """Say what keeps a server from using it, or None where nothing does."""
        if self.gate is None:
            return "no gate has judged it"
        if self.gate.verdict != "pass":
            return f"its gate's verdict is {self.gate.verdict!r}"
        if self.landmarks == "given":
            return "it was judged on landmarks given with the data, which a server does not have"
        if not self.operating_points:
            return "it has no operating points"
        if self.default_operating_point is None:
            return "it names no default operating point"
        return None


class Release(ReleaseDraft):
    """A sealed release: a draft plus the digest of every file beside `release.json`."""

    files: dict[str, FileEntry]
    """By path relative to the bundle, with forward slashes."""

    @field_validator("files")
    @classmethod
    def _paths_stay_inside(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        for name in files:
            if not _stays_inside(name):
                raise ValueError(f"{name!r} is no plain path inside a bundle")
        if EMBEDDER_FILE not in files:
            raise ValueError(f"{EMBEDDER_FILE} is not listed")
        if not any(name.startswith(f"{DETECTOR_FOLDER}/") for name in files):
            raise ValueError(f"nothing under {DETECTOR_FOLDER}/ is listed")
        return files

    @model_validator(mode="after")
    def _detector_is_whole(self) -> Self:
        needed = {f"{DETECTOR_FOLDER}/{name}" for name in network_files(self.detector)}
        if missing := sorted(needed - set(self.files)):
            raise ValueError(
                f"the detector {self.detector.name!r} needs {', '.join(missing)}, not listed"
            )
        return self


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = (
        name == path.as_posix()
        and name not in {".", RELEASE_FILE, SIGNATURE_FILE}
        and "\\" not in name
    )
    return plain and not path.is_absolute() and ".." not in path.parts and "\0" not in name
