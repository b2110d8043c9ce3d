"""A simulated exam morning: whole transactions, retries included, and what a photo takes."""

from collections.abc import Iterator, Mapping

from evaluation.measures.quantiles import Quantiles
from evaluation.measures.transactions import TransactionRates
from evaluation.uncertainty.intervals import RateEstimate
from pipelines.report_page.blocks import Block, Cell, Facts, Head, Row, Section, Table
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import count, interval, percent, plain, seconds, words

Named = tuple[str, Cell]


def morning(inputs: Inputs) -> Section:
    """FRR and FAR of transactions, counted on real sequences of attempts."""
    lead = (
        "One exam morning lived through at the default operating point: candidates, retries,"
        " impostors, queues. FRR: candidates not admitted within their attempts. FAR: false claims"
        " admitted. Counted on the sequences of attempts, not computed from single comparisons."
    )
    found, times = inputs.report.transactions, _latency(inputs)
    if found is None:
        missing = "No morning was simulated (evaluate.morning)."
        return Section(
            "morning", "A simulated morning", lead, list(times), "" if times else missing
        )
    blocks: list[Block] = [_rates(found), Facts("The morning", list(_facts(found))), *times]
    return Section("morning", "A simulated morning", lead, blocks)


def _rates(found: TransactionRates) -> Table:
    heads = (
        Head("Rate"),
        Head("With retries", number=True),
        Head("First attempt alone", number=True),
    )
    rows = [
        Row([Cell("FRR"), _cell(found.frr), _cell(found.first_attempt_frr)]),
        Row([Cell("FAR"), _cell(found.far), _cell(found.first_attempt_far)]),
        *(
            Row([Cell(f"FAR of {words(kind)}"), _cell(rate), Cell()])
            for kind, rate in found.far_of.items()
        ),
        Row([Cell("failure to acquire"), Cell(), _cell(found.fta)]),
    ]
    return Table("Transactions", heads, rows)


def _cell(found: RateEstimate) -> Cell:
    numbers = f"{count(found.num_errors)} of {count(found.num_comparisons)}"
    if found.rate is None:
        return Cell("none came", "muted", number=True)
    return Cell(
        percent(found.rate), number=True, note=f"{interval(found.low, found.high)}\n{numbers}"
    )


def _facts(found: TransactionRates) -> Iterator[Named]:
    yield "transactions", Cell(f"{count(found.num_transactions)}, {count(found.num_absent)} absent")
    yield "attempts needed", Cell(_counts(found.attempts))
    yield "endings", Cell(_counts(found.endings))
    yield "refusals with advice", Cell(_counts(found.refusals))
    for name, one in (("waited", found.waited_s), ("door to hall", found.time_to_admit_s)):
        yield name, Cell(_times(one))
    queue = found.queue_length
    yield (
        "queue on arrival",
        Cell(f"median {plain(queue.p50)}, 95 % {plain(queue.p95)}, at most {plain(queue.max)}"),
    )


def _counts(found: Mapping[str, int] | Mapping[int, int]) -> str:
    return ", ".join(f"{words(str(name))}: {count(num)}" for name, num in found.items()) or "none"


def _times(found: Quantiles) -> str:
    return f"median {seconds(found.p50)}, 95 % {seconds(found.p95)}, at most {seconds(found.max)}"


def _latency(inputs: Inputs) -> list[Block]:
    found = inputs.latency
    if found is None:
        return []
    named = (("median", found.p50), ("95 %", found.p95), ("99 %", found.p99))
    pairs = [(name, Cell(f"{plain(one.value)} ms")) for name, one in named]
    return [Facts(f"Time of one photo: {found.what}", pairs)]
