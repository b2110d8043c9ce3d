"""What a trained network is, for people: `model_card.md`, after Mitchell et al. (2019).

The stage `train` writes it, and so it holds what training knows. Error rates come later and from
people who were not trained on; the card says where they will be, and claims none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pipelines.hardware import Hardware
from pipelines.params import Params
from pipelines.tracking import RunRecord, flatten
from training.cost.flops import macs_per_crop, num_parameters

_UNKNOWN_SOURCE: Final = (
    "The licence is not known to this repository. Whoever brought the photos in answers for the"
    " right to train on them and to use what was trained."
)
SOURCE_NOTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "campus": (
            "Synthetic: rendered by this repository (Apache-2.0), and nobody in it exists."
            " **A network trained on it has never seen a real face.** Its figures show that the"
            " pipeline works; they say nothing about people."
        ),
        "lfw": (
            "Labeled Faces in the Wild: photos of public figures from the news, gathered for"
            " research. Its authors warn against concluding from it that anything is fit for a"
            " commercial purpose."
        ),
        "recordio": (
            f"{_UNKNOWN_SOURCE} Public sets in this format (MS1M, Glint360K, WebFace) are for"
            " non-commercial research only."
        ),
    }
)
"""What is to be said of the people in each kind of source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """The network, and the class centres that taught it and are left behind."""

    architecture: str
    embedding_dim: int
    num_parameters: int
    macs_per_crop: int
    """Multiply-accumulates of one forward pass."""
    head: str
    """Loss with its settings, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What was trained on."""

    source_kind: str
    """`ingest.source.kind`."""
    num_people: int
    num_crops: int
    num_people_aside: int
    """Whose AUC was watched, and who were not trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFacts:
    """What the run took."""

    hardware: Hardware
    wall_time_s: float
    """Of training and validation, over all resumptions."""
    energy_j: float | None
    """Of the GPUs alone; None where nobody counted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Everything a card is made of."""

    name: str
    licence: str
    network: NetworkFacts
    data: DataFacts
    recipe: Mapping[str, object]
    """Parameters of training, dotted names to values."""
    last_epoch: Mapping[str, float]
    """Figures of the last epoch, by name."""
    cost: CostFacts
    run: RunRecord


def render(card: ModelCard) -> str:
    """Write the card as Markdown; equal cards give equal text."""
    parts = (
        _network(card),
        _data(card),
        _recipe(card),
        _figures(card),
        _cost(card.cost),
        _USE,
        _NOT_KNOWN,
    )
    return "\n\n".join(parts) + "\n"


def network_facts(params: Params) -> NetworkFacts:
    """Describe the network and head that these parameters train."""
    network, head = params.train.network, params.train.head
    settings = flatten(head.model_dump(mode="json"))
    return NetworkFacts(
        architecture=network.architecture,
        embedding_dim=network.embedding_dim,
        num_parameters=num_parameters(network),
        macs_per_crop=macs_per_crop(network),
        head=", ".join(f"{name} {value}" for name, value in settings.items()),
    )


def source_note(kind: str) -> str:
    """What is to be said of a source about licence and people."""
    return SOURCE_NOTES.get(kind, _UNKNOWN_SOURCE)


def _network(card: ModelCard) -> str:
    network = card.network
    return f"# {card.name}\n\n" + _table(
        ("", "network"),
        {
            "architecture": network.architecture,
            "embedding": f"{network.embedding_dim} numbers, compared by cosine",
            "input": "crop of 112 x 112 pixels, RGB, aligned to five landmarks (`data/face.py`)",
            "parameters": f"{network.num_parameters:,}",
            "multiply-accumulates": f"{network.macs_per_crop:,} a crop",
            "trained by": network.head,
            "licence": card.licence,
            "commit": card.run.git_commit,
            "MLflow run": card.run.mlflow_run_id,
            "SHA-256 of the weights": card.run.checkpoint_sha256,
        },
    )


def _data(card: ModelCard) -> str:
    data = card.data
    facts = {
        "source": data.source_kind,
        "people trained on": f"{data.num_people:,}",
        "crops trained on": f"{data.num_crops:,}",
        "people set aside, watched while training": f"{data.num_people_aside:,}",
        "SHA-256 of manifest and crops": card.run.data_sha256,
        "SHA-256 of the parameters": card.run.params_sha256,
        "SHA-256 of the code": card.run.code_sha256,
    }
    table = _table(("", "training data"), facts)
    return f"## Training data\n\n{table}\n\n{source_note(data.source_kind)}"


def _recipe(card: ModelCard) -> str:
    return "## Recipe\n\n" + _table(("parameter", "value"), card.recipe)


def _figures(card: ModelCard) -> str:
    shown = {name: f"{value:.6g}" for name, value in card.last_epoch.items()}
    table = _table(("figure", "last epoch"), shown)
    return (
        f"## Training figures\n\n{table}\n\nThese are of training itself. `validation_auc` is over"
        " people who were set aside from the train split; it is no error rate of this system."
    )


def _cost(cost: CostFacts) -> str:
    machine = cost.hardware
    energy = "not measured" if cost.energy_j is None else f"{cost.energy_j / 3.6e6:.3g} kWh, GPUs"
    facts = {
        "device": machine.device,
        "processes": machine.num_processes,
        "threads of each": machine.num_threads,
        "torch": machine.torch_version,
        "wall time": f"{cost.wall_time_s:.0f} s",
        "energy": energy,
    }
    return "## Cost\n\n" + _table(("", "this run"), facts)


def _table(head: tuple[str, str], rows: Mapping[str, object]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *_lines(rows.items())]
    return "\n".join(lines)


def _lines(rows: Iterable[tuple[str, object]]) -> Iterable[str]:
    for name, value in rows:
        yield f"| {_cell(name)} | {_cell(value)} |"


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


_USE: Final = """\
## Intended use and limits

* For one comparison at the door of an exam hall: is the person at the gate the one on file, who
  stands there and knows of it. A refusal goes to a member of staff, who decides.
* Not for searching a crowd, for watching people, or for recognising who has not agreed to it.
* Not for guessing age, gender, origin, mood or anything else about a person.
* It does not tell a face from a photo of a face: nothing here detects presentation attacks.
* Siblings are harder to tell apart than strangers, and so are masked, dark and blurred faces."""

_NOT_KNOWN: Final = """\
## Not known yet

This card is written when training ends. Nothing in it says how often the network errs. That is
measured afterwards on people it never saw, and is to be found in

* `artifacts/evaluate/report.json` and `reports/evaluate.json`: error rates with intervals, by
  protocol, by group of people, and under known failure modes (stage `evaluate`; same MLflow run);
* `artifacts/gate/decision.json`: whether the rules of release were met (stage `gate`);
* `artifacts/release/release.json`: the thresholds, and what the verdict rested on.

Until a gate has passed it, this network is a candidate, and nobody is let in or kept out by it."""
