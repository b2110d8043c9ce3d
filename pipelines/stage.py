"""What every stage does around its work: read the parameters, fail in one line."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import pandas as pd
from tqdm import tqdm

from data.errors import DataError
from evaluation.errors import EvaluationError
from pipelines.errors import PipelineError
from pipelines.launched import end_in_one_line, follow_launcher, log_level
from pipelines.layout import Layout
from pipelines.params import Params, load_params
from serving.errors import ServingError
from training.errors import TrainingError

OUR_ERRORS = (DataError, TrainingError, EvaluationError, ServingError, PipelineError)
"""Errors whose message is meant for people; everything else is a defect and shows its trace."""


STAGES: Final = ("ingest", "align", "curate", "train", "export", "evaluate", "gate")
Stage = Callable[[Params, Layout], None]


def main(arguments: Sequence[str]) -> None:
    """Run the stage that is named; its module and its function have the same name."""
    if len(arguments) != 1 or arguments[0] not in STAGES:
        sys.exit(f"give one stage of: {', '.join(STAGES)}")
    (name,) = arguments
    run_stage(getattr(import_module(f"pipelines.{name}"), name))


def run_stage(stage: Stage) -> None:
    """Run one stage in the current folder. A typed error ends in one line and exit status 1."""
    configure_logging()
    # As pandas 3 does: a table of millions of rows is not copied for each column it gains.
    pd.options.mode.copy_on_write = True
    # A terminated stage unwinds, so that its half-written folder goes and its MLflow run is closed.
    signal.signal(signal.SIGTERM, _raise_exit)
    follow_launcher()
    layout = Layout(Path.cwd())
    try:
        stage(load_params(layout.params), layout)
    except OUR_ERRORS as error:
        end_in_one_line(error)


def configure_logging() -> None:
    """One plain line a message on standard error."""
    logging.basicConfig(level=log_level(), format="%(message)s", stream=sys.stderr)
    for name in ("mlflow", "alembic", "botocore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def progress(description: str) -> Callable[[int, int], None]:
    """Make a callback (done, in all) that moves a progress bar."""
    bar = tqdm(desc=description, unit="photo", mininterval=1.0)

    def update(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return update


def _raise_exit(signum: int, _frame: object) -> None:
    sys.exit(128 + signum)
