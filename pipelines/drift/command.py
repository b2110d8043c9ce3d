"""`examgate drift`: judge windows against a reference, and write what came of it."""

import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml
from pydantic import ValidationError

from data.files import whole_folder, write_json
from evaluation.drift.config import DriftConfig
from evaluation.drift.judge import judge_drift
from evaluation.drift.report import DriftReport
from evaluation.drift.window import first_of_each_person
from pipelines.drift.prometheus import write_textfile
from pipelines.drift.store import read_window
from pipelines.drift.telemetry import quiet_import
from pipelines.errors import StageError


def drift(
    reference: Path, current: Sequence[Path], output: Path, config: DriftConfig
) -> DriftReport:
    """Judge the last of successive windows, and all in sequence; write a folder, whole or not.

    `report.json` is the verdict with all figures, `evidently.json` Evidently's by slice,
    `drift.html` its page, `drift.prom` for Prometheus. Raises `ManifestError` and `DriftError`.
    """
    known, windows = read_window(reference), [read_window(path) for path in current]
    report = judge_drift(known, windows, config)
    with whole_folder(output) as folder:
        write_json(folder / "report.json", report.model_dump(mode="json"))
        write_evidently(windows[-1], known, report, folder)
        write_textfile(report, folder / "drift.prom", time.time())
    return report


def write_evidently(
    current: pd.DataFrame, reference: pd.DataFrame, report: DriftReport, folder: Path
) -> None:
    """Write Evidently's figures and page, on the rows that were judged."""
    with quiet_import():
        from pipelines.drift.evidently_figures import evidently_figures
        from pipelines.drift.evidently_page import write_page

    here, there = first_of_each_person(current), first_of_each_person(reference)
    figures = evidently_figures(here, there, report.config)
    content = {
        name: {column: one.model_dump() for column, one in columns.items()}
        for name, columns in figures.items()
    }
    write_json(folder / "evidently.json", content)
    write_page(here, there, report, folder / "drift.html")


def read_config(path: Path | None) -> DriftConfig:
    """Read a YAML of `DriftConfig`, or take the defaults; raises `StageError` with every fault."""
    if path is None:
        return DriftConfig()
    try:
        return DriftConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise StageError(f"{path} is no drift config: {error}") from error


def summary(report: DriftReport) -> str:
    """The verdict with its reasons, for people."""
    return "\n".join([f"drift: {report.verdict}", *(f"  {reason}" for reason in report.reasons)])
