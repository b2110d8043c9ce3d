"""The command `examgate sweep-batch`: options in, table, picture and MLflow run out."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.layout import Layout
from pipelines.params import load_params

if TYPE_CHECKING:
    from pipelines.sweep import SweepRow

Compile = Literal["off", "on", "both"]
_COMPILED = {"off": (False,), "on": (True,), "both": (False, True)}


def sweep_batch(  # noqa: PLR0913 - each is an option of its own
    *,
    batch_sizes: Annotated[str, typer.Option(help="With commas.")] = "16,32,64,128",
    precisions: Annotated[str, typer.Option(help="Of bf16, fp16, off; with commas.")] = "bf16,off",
    compile_: Annotated[
        Compile, typer.Option("--compile", help="torch.compile off, on, or both.")
    ] = "off",
    network: Annotated[
        str, typer.Option(help="params, or a published one: r18, r34, r50, r100, r200.")
    ] = "params",
    classes: Annotated[
        int | None, typer.Option(help="People in the head; as in the curated data if left out.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps timed in each trial.")] = 10,
    warmup: Annotated[int, typer.Option(help="Steps before them.")] = 3,
    memory_share: Annotated[
        float, typer.Option(help="Share of the memory that the best may take.")
    ] = 0.9,
    memory_limit_mb: Annotated[
        int | None, typer.Option(help="Memory of a trial; all there is if left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for table and picture.")] = Path("var/sweep"),
) -> None:
    """Time real training steps by batch size and precision, and name the best."""
    from pipelines.sweep import options_of
    from pipelines.sweep_records import num_people, record_sweep

    layout = Layout(Path.cwd())
    params = load_params(layout.params)
    options = options_of(
        batch_sizes=batch_sizes.split(","),
        precisions=precisions.split(","),
        compiled=_COMPILED[compile_],
        network=network,
        num_classes=num_people(layout) if classes is None else classes,
        num_steps=steps,
        num_warmup_steps=warmup,
        memory_share=memory_share,
        memory_limit_bytes=None if memory_limit_mb is None else memory_limit_mb * 10**6,
    )
    # Unwinding ends the trial that runs, and closes the MLflow run.
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    found = record_sweep(params.train, options, layout.root, out, _print_progress)
    typer.echo(found.table.drop(columns=["device", "message"]).round(3).to_string(index=False))
    typer.echo(f"on {found.table['device'].iloc[0]}")
    typer.echo(found.verdict)
    for path in found.files:
        typer.echo(f"written: {path}", err=True)


def _print_progress(row: "SweepRow") -> None:
    outcome = row.outcome
    speed = "" if outcome.result is None else f"{outcome.result.images_per_s:.1f} images/s"
    typer.echo(
        f"batch {row.batch_size} {row.precision}: {speed or outcome.status} {outcome.message}",
        err=True,
    )
