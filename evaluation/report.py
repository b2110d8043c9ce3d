"""The evaluation report: plain numbers that go to JSON, to the trackers and to the gate.

Key scheme of `measurements()` and `metrics()`:

    overall/{auc,eer}                         over all comparisons of the test split
    overall/{photos,subjects,genuine_pairs,impostor_pairs,failures_to_extract,tenfold_...}
    <point>/{fmr,fnmr,tar}                    at the threshold frozen on the calibration split
    <point>/{fmr,fnmr,tar}_{low,high}         its interval
    <point>/threshold                         the threshold itself
    <point>/{fnmr,tar}_at_test_fmr            threshold chosen on the test split itself: optimistic
    slice/<slice>/<point>/{fmr,fnmr}          and the same with _low and _high
    slice/<slice>/predicted_label_share       only where models predicted labels of this slice: the
                                              share of its photos, so above 0; such a slice is no
                                              better than that model, see `labels` in the report
    protocol/<protocol>/<point>/{fmr,fnmr}    of a further pair protocol, at the same thresholds
    protocol/<protocol>/<bin>/<point>/{...}   and of one part of it
    failure_modes/<id>/{fnmr,fmr,fnmr_rise,fnmr_with_refusals,refused_share}
                                              at its worst severity and the default operating point
    behaviour/<case>/{genuine_flip_rate,impostor_new_matches,...}
                                              at its worst condition, as before; what each is stands
                                              in data/behaviour/metrics.py, and low is good

    fairness/<family>/<point>/{fmr,fnmr}/{worst,worst_high,max_over_geomean,garbe,
                                          worst_over_overall}
                                              inequality of the groups of a column or crossing, and
                                              the same with _p: how often chance is as unequal
    fairness/<family>/<point>/garbe           mean of those of FMR and FNMR
    champion/<point>/{fmr,fnmr}_difference    candidate less champion on identical pairs

    calibration/{cllr,min_cllr,loss}          of likelihood ratios, in bits: measures.calibration
    extraction/{photos,people}                shares of whom there is no template
    extraction/<point>/matcher/{fmr,fnmr}     over the comparisons of which both photos gave one
    ownership/{fmr,fnmr}_{gini,top_1,top_5}   how few people own the errors of the default point
    discard/<quality>/relative_area           error versus discard: 0 ideal, 1 knows nothing
    tail_model/<point>/fmr                    by a model of the tail; never instead of <point>/fmr
    tail_model/<target>/threshold             where the model has a target beyond the data
    transactions/{frr,far,first_attempt_frr,first_attempt_far,fta}
    transactions/{look_alike,...}/far         of one simulated morning, retries included

where <point> is an operating point such as fmr_1e-2, <slice> one such as glasses_yes, <protocol>
one such as siblings, <family> a column such as gender or a crossing such as gender-x-skin_tone,
<id> a file of data/failure_modes, and <case> one of data/behaviour. A key has only letters, digits
and `_-./`, and at most 250 characters, as MLflow wants it.

In the MLflow run there are also `evaluation/report.json` (all of it), `evaluation/plots/*.csv` and
`evaluation/*.png`, `gate/decision.json`, `gate/report.html` (for people; with pictures), the tag
`examgate.gate` with the verdict, and each protocol as an input, its digest in the tag `sha256`.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from evaluation.champion.comparison import ChampionComparison
from evaluation.config import Protocol
from evaluation.groups.cross_cells import CrossCells
from evaluation.groups.fairness import FairnessReport
from evaluation.groups.labels import LabelSource, predicted_share
from evaluation.measurement import Measurement
from evaluation.measures.bands import DetBand
from evaluation.measures.calibration import CalibrationReport
from evaluation.measures.discard_report import DiscardReport, discard_measurements
from evaluation.measures.extraction import ExtractionReport
from evaluation.measures.extremes import TailReport
from evaluation.measures.metrics import FnmrAtFmr
from evaluation.measures.ownership import OwnershipReport
from evaluation.measures.rates import ErrorRates
from evaluation.measures.tenfold import TenfoldAccuracy
from evaluation.measures.transactions import TransactionRates
from evaluation.operating_points import OperatingPoint
from evaluation.suites.behaviour import BehaviourReport
from evaluation.suites.failure_modes import FailureModeReport, Least
from evaluation.suites.protocols import ProtocolReport


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Population(_Frozen):
    """What the figures rest on."""

    num_photos: int
    num_subjects: int
    num_failures_to_extract: int
    """Photos that gave no template; their comparisons count as refused."""
    failures_by_reason: dict[str, int]
    """By reject reason; `not_embedded` where the manifest gives none."""
    num_genuine_pairs: int
    num_impostor_pairs: int
    num_failed_genuine_pairs: int
    """Genuine pairs with at least one failed photo."""
    num_failed_impostor_pairs: int


class PointReport(_Frozen):
    """How one operating point does on the test split."""

    operating_point: OperatingPoint
    rates: ErrorRates
    at_test_fmr: FnmrAtFmr | None
    """With a threshold chosen on the test split itself, for comparison with published tables; None
    where the test split has too few impostor pairs for the target."""


class SliceReport(_Frozen):
    """How one slice does, at each operating point."""

    num_genuine_pairs: int
    num_impostor_pairs: int
    too_few_genuine: bool
    """FNMR is given for the record, and says nothing."""
    too_few_impostor: bool
    """FMR is given for the record, and says nothing."""
    labels: tuple[LabelSource, ...] = ()
    """Where the labels came from that put photos into it; predicted ones are a model's opinion."""
    family: str | None = None
    """The column or crossing that it is a value of; None for capture kinds and the like."""
    points: dict[str, ErrorRates]


class EvaluationReport(_Frozen):
    """Everything measured on one test split."""

    schema_version: Literal[2] = 2
    protocol: Protocol
    confidence: float
    """Of all two-sided intervals."""
    min_genuine_pairs: int
    """A slice with fewer has no FNMR to speak of."""
    min_impostor_pairs: int
    """A slice with fewer has no FMR to speak of."""
    default_operating_point: str
    population: Population
    auc: float
    eer: float
    points: dict[str, PointReport]
    slices: dict[str, SliceReport]
    tenfold: TenfoldAccuracy | None
    """Only for a protocol with folds."""
    protocol_definition: str | None = None
    """What they compare, in one sentence."""
    protocol_digest: str | None = None
    """Of the comparisons that all figures above rest on."""
    calibration_digest: str | None = None
    """Of the comparisons that the thresholds were chosen on."""
    bundle_digest: str | None = None
    """Of the bundle that was judged."""
    protocols: dict[str, ProtocolReport] = {}
    """Further pair protocols, by name."""
    failure_modes: dict[str, FailureModeReport] = {}
    """Known failure modes, by id."""
    behaviour: dict[str, BehaviourReport] = {}
    """Expected behaviour, by case."""
    det_band: DetBand | None = None
    """The DET curve with its bands; not among the measurements."""
    calibration: CalibrationReport | None = None
    """Scores as likelihood ratios; None without a calibration split to fit them on."""
    tail: TailReport | None = None
    """False match rates beyond the data, by a model; None where the data are too few for one."""
    ownership: OwnershipReport | None = None
    """Who owns the errors, without names."""
    extraction: ExtractionReport | None = None
    """Photos and people without a template."""
    discard: dict[str, DiscardReport] = {}
    """Error versus discard by quality column, the best first."""
    transactions: TransactionRates | None = None
    """A simulated morning at the default operating point; None where none was asked for."""

    fairness: dict[str, FairnessReport] = {}
    """How unequal the groups of a column or crossing are, by its name."""
    cross_cells: dict[str, CrossCells] = {}
    """FMR between the groups, by the same names, at the default operating point."""
    champion: ChampionComparison | None = None
    """Beside the model in force; None where none is pinned."""

    def measurements(self) -> dict[str, Measurement]:
        """Everything that a gate may judge, by key; a too small slice is marked by its `min_n`."""
        return dict(self._measurements())

    def metrics(self) -> dict[str, float]:
        """Flat finite numbers for a tracker, by key; too small slices are left out."""
        flat = dict(self._counts())
        for key, measured in self._measurements():
            if measured.too_few:
                continue
            flat[key] = measured.value
            if measured.low is not None and measured.high is not None:
                flat[f"{key}_low"], flat[f"{key}_high"] = measured.low, measured.high
        return flat

    def _counts(self) -> Iterator[tuple[str, float]]:
        population = self.population
        yield "overall/photos", float(population.num_photos)
        yield "overall/subjects", float(population.num_subjects)
        yield "overall/genuine_pairs", float(population.num_genuine_pairs)
        yield "overall/impostor_pairs", float(population.num_impostor_pairs)
        for name, point in self.points.items():
            yield f"{name}/threshold", point.operating_point.threshold

    def _measurements(self) -> Iterator[tuple[str, Measurement]]:
        population = self.population
        num_pairs = min(population.num_genuine_pairs, population.num_impostor_pairs)
        yield "overall/auc", Measurement(value=self.auc, n=num_pairs)
        yield "overall/eer", Measurement(value=self.eer, n=num_pairs)
        yield "overall/failures_to_extract", _failure_share(population, self.extraction)
        if self.tenfold is not None:
            num_all = population.num_genuine_pairs + population.num_impostor_pairs
            mean = Measurement(value=self.tenfold.mean, n=num_all)
            yield "overall/tenfold_accuracy", mean
            yield "overall/tenfold_std", Measurement(value=self.tenfold.std, n=num_all)
        for name, point in self.points.items():
            yield from point.rates.measurements(name)
            if (miss := Measurement.of_rate(point.rates.fnmr)) is not None:
                yield f"{name}/tar", miss.complement()
            if point.at_test_fmr is not None:
                yield from _at_test_fmr(name, point.at_test_fmr, population.num_genuine_pairs)
        for name, part in self.slices.items():
            yield from self._slice_measurements(name, part)
        least = Least(self.min_impostor_pairs, self.min_genuine_pairs)
        for name, protocol in self.protocols.items():
            where = f"protocol/{name}"
            yield from protocol.measurements(where, least.impostor, least.genuine)
        for name, mode in self.failure_modes.items():
            yield from mode.measurements(f"failure_modes/{name}", least)
        for name, case in self.behaviour.items():
            yield from case.measurements(f"behaviour/{name}")
        yield from self._further_measurements()

    def _further_measurements(self) -> Iterator[tuple[str, Measurement]]:
        for name, groups in self.fairness.items():
            yield from groups.measurements(f"fairness/{name}")
        if self.champion is not None:
            yield from self.champion.measurements("champion")
        if self.calibration is not None:
            yield from self.calibration.measurements("calibration")
        if self.extraction is not None:
            yield from self.extraction.measurements("extraction")
        if self.ownership is not None:
            yield from self.ownership.measurements("ownership")
        yield from discard_measurements(self.discard, "discard")
        if self.tail is not None:
            yield from self.tail.measurements("tail_model")
        if self.transactions is not None:
            yield from self.transactions.measurements("transactions")

    def _slice_measurements(
        self, name: str, part: SliceReport
    ) -> Iterator[tuple[str, Measurement]]:
        for point, rates in part.points.items():
            key = slice_key(name, point)
            yield from rates.measurements(key, self.min_impostor_pairs, self.min_genuine_pairs)
        share = predicted_share(part.labels)
        if share > 0:
            num_photos = sum(source.num_photos for source in part.labels)
            yield slice_key(name, "predicted_label_share"), Measurement(value=share, n=num_photos)


def slice_key(slice_name: str, metric: str) -> str:
    """Key of a slice's metric: `slice/glasses_yes/fmr_1e-2/fnmr`."""
    return f"slice/{slice_name}/{metric}"


def _failure_share(population: Population, found: ExtractionReport | None) -> Measurement:
    measured = None if found is None else Measurement.of_rate(found.photos)
    if measured is not None:
        return measured
    share = population.num_failures_to_extract / population.num_photos
    return Measurement(value=share, n=population.num_photos)


def _at_test_fmr(name: str, found: FnmrAtFmr, n: int) -> Iterator[tuple[str, Measurement]]:
    ends = found.interval
    low, high = (ends.low, ends.high) if ends is not None else (None, None)
    measured = Measurement(value=found.fnmr, n=n, low=low, high=high)
    yield f"{name}/fnmr_at_test_fmr", measured
    yield f"{name}/tar_at_test_fmr", measured.complement()
