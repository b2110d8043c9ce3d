"""What the figures rest on: photos that failed, labels that were guessed."""

from collections.abc import Iterator, Mapping

from evaluation.groups.labels import predicted_share
from pipelines.report_page.blocks import Block, Cell, Facts, Head, Note, Row, Section, Table
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import count, percent, words


def data_quality(inputs: Inputs) -> Section:
    """Failures to extract by reason, review findings, predicted labels."""
    people = inputs.report.population
    blocks: list[Block] = [
        Facts(
            "Test split",
            [
                ("people", Cell(count(people.num_subjects))),
                ("photos", Cell(count(people.num_photos))),
                (
                    "photos without a template",
                    Cell(_share(people.num_failures_to_extract, people.num_photos)),
                ),
                (
                    "genuine comparisons lost to them",
                    Cell(_share(people.num_failed_genuine_pairs, people.num_genuine_pairs)),
                ),
                (
                    "impostor comparisons lost to them",
                    Cell(_share(people.num_failed_impostor_pairs, people.num_impostor_pairs)),
                ),
                *_of_stages(inputs.stages),
            ],
        )
    ]
    if people.failures_by_reason:
        rows = [
            Row([Cell(words(reason)), Cell(count(number), number=True)])
            for reason, number in people.failures_by_reason.items()
        ]
        blocks.append(
            Table(
                "Why photos gave no template", (Head("Reason"), Head("Photos", number=True)), rows
            )
        )
    blocks.append(Note(_labels(inputs)))
    return Section(
        "data",
        "Data quality",
        "Every photo of the test split counts. One in which no single face was found is refused in"
        " every comparison, as it would be at the gate.",
        blocks,
    )


def _share(part: int, whole: int) -> str:
    return f"{count(part)} ({percent(part / whole if whole else None)})"


def _of_stages(stages: Mapping[str, object]) -> Iterator[tuple[str, Cell]]:
    review = _in(stages, "curate", "review")
    if isinstance(review, Mapping):
        yield "review findings still open", Cell(count(_number(review.get("num_open"))))
    yield from (
        (name, Cell(percent(share)))
        for name, share in (
            ("photos of all splits accepted", _number(_in(stages, "align", "accepted_share"))),
        )
        if share is not None
    )


def _labels(inputs: Inputs) -> str:
    guessed = [n for n, s in inputs.report.slices.items() if predicted_share(s.labels) > 0]
    if not guessed:
        return "No slice rests on labels that a model predicted."
    return (
        f"{len(guessed)} slices rest on labels that a model predicted and are no better than that"
        f" model: {', '.join(words(name) for name in guessed)}."
    )


def _in(found: object, *keys: str) -> object:
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
