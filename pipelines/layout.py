"""Where each stage writes below the root of the repository. dvc.yaml names the same paths."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one working tree."""

    root: Path
    results: Path | None = None
    """Where evaluation, plots, decision and release go; None: below the root, as dvc.yaml says."""

    @property
    def _results(self) -> Path:
        return self.results or self.root

    @property
    def params(self) -> Path:
        """The parameters in force."""
        return self.root / "params.yaml"

    @property
    def photos(self) -> Path:
        """Photographs, one folder for each person."""
        return self.root / "artifacts/ingest/photos"

    @property
    def source_manifest(self) -> Path:
        """Written by `ingest`."""
        return self.root / "artifacts/ingest/manifest.parquet"

    @property
    def protocol_pairs(self) -> Path:
        """The pairs of a published protocol, where the source has one."""
        return self.root / "artifacts/ingest/protocol.parquet"

    @property
    def object_cache(self) -> Path:
        """What was fetched from object stores; outside the outputs, so that a run can resume."""
        return self.root / "var/objects"

    @property
    def aligned(self) -> Path:
        """Written by `align`: manifest, crops and the detector's networks."""
        return self.root / "artifacts/align"

    @property
    def aligned_manifest(self) -> Path:
        """One row for each photograph, with what was found in it."""
        return self.aligned / "manifest.parquet"

    @property
    def crops_folder(self) -> Path:
        """The crops, packed, or where they are in their source."""
        return self.aligned / "crops"

    @property
    def crops(self) -> Path:
        """(n, 112, 112, 3) uint8, RGB, where they are packed."""
        return self.crops_folder / "crops_rgb_u8.npy"

    @property
    def crop_records(self) -> Path:
        """Which records of the source are the crops, where they are left there."""
        return self.crops_folder / "records.npz"

    @property
    def detector(self) -> Path:
        """The detector's networks, as used."""
        return self.aligned / "detector"

    @property
    def curated_manifest(self) -> Path:
        """Written by `curate`: with splits and labels."""
        return self.root / "artifacts/curate/manifest.parquet"

    @property
    def protocols(self) -> Path:
        """Written by `curate`: who is compared with whom, with an index."""
        return self.root / "artifacts/curate/protocols"

    @property
    def checkpoints(self) -> Path:
        """What interrupted training runs go on from; outside the outputs, which DVC clears."""
        return self.root / "var/checkpoints"

    @property
    def trained(self) -> Path:
        """Written by `train`: the checkpoint."""
        return self.root / "artifacts/train"

    @property
    def checkpoint(self) -> Path:
        """Weights of the embedder."""
        return self.trained / "embedder.safetensors"

    @property
    def run(self) -> Path:
        """Which MLflow run, code and data the checkpoint came from."""
        return self.trained / "run.json"

    @property
    def candidate(self) -> Path:
        """Written by `export`: a bundle without thresholds and verdict."""
        return self.root / "artifacts/candidate"

    @property
    def evaluation(self) -> Path:
        """Written by `evaluate`: the full report."""
        return self._results / "artifacts/evaluate/report.json"

    @property
    def worst_pairs(self) -> Path:
        """Written by `evaluate`: the comparisons that went most wrong, by image id."""
        return self.evaluation.with_name("worst_pairs.parquet")

    @property
    def owners(self) -> Path:
        """Written by `evaluate`: the people who own most errors, by subject id."""
        return self.evaluation.with_name("owners.parquet")

    @property
    def latency(self) -> Path:
        """Written by `evaluate`: how long one photo takes; apart, for no two runs agree on it."""
        return self.evaluation.with_name("latency.json")

    @property
    def champion_flips(self) -> Path:
        """Written by `evaluate`: decisions on which candidate and champion differ, by image id."""
        return self.evaluation.with_name("flips.parquet")

    @property
    def champions(self) -> Path:
        """Bundles of champions by digest; fetched, so outside the outputs."""
        return self.root / "var/champions"

    @property
    def behaviour_flips(self) -> Path:
        """Written by `evaluate`: comparisons whose decision a harmless change turned."""
        return self.evaluation.with_name("behaviour_flips.parquet")

    @property
    def reference_window(self) -> Path:
        """Written by `evaluate`: the test split as traffic at a gate, for `drift`."""
        return self.evaluation.with_name("reference_window.parquet")

    @property
    def release(self) -> Path:
        """Written by `gate`: the sealed bundle."""
        return self._results / "artifacts/release"

    @property
    def decision(self) -> Path:
        """Written by `gate`: the verdict, a line for each rule."""
        return self._results / "artifacts/gate/decision.json"

    @property
    def report_page(self) -> Path:
        """Written by `gate`: the release report for people; it holds pictures of faces."""
        return self.decision.with_name("report.html")

    @property
    def plots(self) -> Path:
        """Tables that `dvc plots` draws."""
        return self._results / "reports/plots"

    def metrics(self, stage: str) -> Path:
        """Figures of one stage; small and committed, so that `dvc metrics diff` works anywhere."""
        return self._results / "reports" / f"{stage}.json"
