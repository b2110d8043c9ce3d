"""Command `simulate`: an exam morning through a bundle in this process, or onto a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from data.files import write_json
from data.manifest import CURATED_SCHEMA, SPLITS, read_manifest
from data.protocols.store import read_index, read_protocol
from data.simulator import (
    CampusWorld,
    Morning,
    SimulatorConfig,
    read_simulator_config,
    run_gates,
)
from data.simulator.gates import DecidedAttempt
from data.simulator.mined import mined_look_alikes
from data.simulator.photo_world import PhotoWorld
from data.simulator.tables import (
    ATTEMPT_SCHEMA,
    TRANSACTION_SCHEMA,
    attempts_table,
    transactions_table,
    write_table,
)
from data.simulator.world import World
from evaluation.measures.transactions import TransactionRates, transaction_rates
from pipelines.drift.gate_window import GateWindow
from pipelines.drift.store import write_window
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.simulation.deciding import decide_with, prepared
from pipelines.simulation.gate_client import CompareApi
from pipelines.simulation.load_report import LoadReport, load_report
from pipelines.simulation.open_loop import LoadConfig, send_morning
from pipelines.stage import progress
from serving.bundle import open_bundle
from serving.config import ServerConfig
from serving.engine import EngineConfig, load_engine
from serving.verifier import FaceVerifier

WorldKind = Literal["campus", "photos"]
_REFERENCE: Final = "image1"


class SimulationReport(BaseModel):
    """The figures of one morning."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    world: WorldKind
    seed: int
    num_candidates: int
    system: str
    """What decided: a bundle's name and digest, or a server's address."""
    operating_point: str | None
    rates: TransactionRates
    load: LoadReport | None = None
    """Where a server decided."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A morning that is over."""

    morning: Morning
    transactions: pd.DataFrame
    attempts: pd.DataFrame
    report: SimulationReport


@dataclass(frozen=True, slots=True)
class Options:
    """What `examgate simulate` is asked for."""

    bundle: Path | None = None
    """Decides in this process; without `url`, None takes the last release."""
    url: str | None = None
    """A server that decides, instead of a bundle."""
    speedup: float = 20.0
    """How much faster than the clock a server is asked."""
    world: str = "campus"
    """`campus`, or `photos`: the people of the last `curate`."""
    split: str = "test"
    """Whose photos; `all` takes everybody, those who were trained on included."""
    config: Path | None = None
    """YAML of `SimulatorConfig`; None takes its defaults."""
    candidates: int | None = None
    """Lines on all rolls, instead of the config's."""
    seed: int | None = None
    """Instead of the config's."""
    photos: Path | None = None
    """Folder that keeps the photos for the next run; None throws them away."""
    window: Path | None = None
    """Where the window for `examgate drift` goes; None writes none."""


def run(options: Options, root: Path) -> Simulation:
    """Simulate as asked, in a repository; raises `StageError` for options that make no sense."""
    if options.bundle is not None and options.url is not None:
        raise StageError("--bundle and --url exclude each other; give the one that shall decide")
    config = _config(options)
    if options.url is not None and options.window is not None:
        raise StageError("--window needs a bundle: a server gives neither quality nor embeddings")
    kind, world = make_world(options.world, Layout(root), options.split)
    if options.url is not None:
        try:
            load = LoadConfig(speedup=options.speedup)
        except ValidationError as error:
            raise StageError(f"--speedup {options.speedup}: {error.errors()[0]['msg']}") from error
        return simulate_load(options.url, load, kind, world, config, options.photos)
    bundle = options.bundle or Layout(root).release
    return simulate_bundle(bundle, kind, world, config, options.photos, options.window)


def make_world(name: str, layout: Layout, split: str) -> tuple[WorldKind, World]:
    """The campus, or the people of the last `curate`, of one split or of all.

    Raises `StageError` for another name, and `DataError` where there are no such people.
    """
    if name == "campus":
        return "campus", CampusWorld()
    if name != "photos" or split not in (*SPLITS, "all"):
        raise StageError(f"no world {name!r} of {split!r}; campus, or photos of a split or of all")
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    chosen = table if split == "all" else table[table["split"] == split]
    return "photos", PhotoWorld(chosen, layout.photos, *_mined(chosen, layout, split))


def _mined(table: pd.DataFrame, layout: Layout, split: str) -> tuple[dict[str, list[str]], str]:
    """Mined look-alikes of a split and what mined them; nobody where `curate` mined none."""
    name = f"hard_{split}"
    index = read_index(layout.protocols)
    if name not in index:
        return {}, ""
    subject_of = dict(zip(table["image_id"], table["subject_id"], strict=True))
    miners = ",".join(miner.name for miner in index[name].mined_with)
    return mined_look_alikes(read_protocol(layout.protocols, name), subject_of), miners


def simulate_bundle(
    bundle: Path,
    kind: WorldKind,
    world: World,
    config: SimulatorConfig,
    photos: Path | None,
    window: Path | None = None,
) -> Simulation:
    """Let a bundle decide, in this process, with the verifier that serves.

    `photos` keeps the rendered photos for the next run; None throws them away. `window` gets what
    the gates saw, for `examgate drift`, and costs another embedding of each photo. The tables are
    the same for the same config, world, bundle and build of ONNX Runtime.
    """
    opened = open_bundle(bundle)
    verifier = FaceVerifier.from_bundle(opened, ServerConfig())
    with prepared(world, config, photos) as (morning, store):
        decided, done, advance = list[DecidedAttempt](), 0, progress("decide")
        seen = None if window is None else GateWindow(load_engine(opened, EngineConfig()))
        for one in run_gates(morning, decide_with(verifier, store, seen)):
            decided.append(one)
            done += one.ending is not None
            advance(done, len(morning.present))
    if seen is not None and window is not None:
        write_window(seen.table(), window)
    system = f"{opened.release.name} {opened.digest}"
    return _ended(morning, decided, kind, system, verifier.rule.operating_point, None)


def simulate_load(
    url: str,
    load: LoadConfig,
    kind: WorldKind,
    world: World,
    config: SimulatorConfig,
    photos: Path | None,
) -> Simulation:
    """Let a running server decide, on the clock. Photos are made before it starts.

    Raises `LoadError` where the server is not there or not ready.
    """
    with prepared(world, config, photos) as (morning, store):
        sent = send_morning(url, morning, store, CompareApi(), load)
    decided = [one.decided for one in sent]
    return _ended(morning, decided, kind, url, None, load_report(sent, load))


def _config(options: Options) -> SimulatorConfig:
    config = SimulatorConfig() if options.config is None else read_simulator_config(options.config)
    if options.candidates is not None:
        config = config.with_candidates(options.candidates)
    if options.seed is not None:
        config = config.model_copy(update={"seed": options.seed})
    return config


def write_simulation(simulation: Simulation, out: Path) -> tuple[Path, Path, Path]:
    """Write transactions, attempts and report: `X.parquet`, `X.attempts.parquet`, `X.json`.

    Raises `StageError` where `out` is no `.parquet`.
    """
    if out.suffix != ".parquet":
        raise StageError(f"{out}: give the transactions a name that ends in .parquet")
    attempts, report = out.with_suffix(".attempts.parquet"), out.with_suffix(".json")
    write_table(simulation.transactions, out, TRANSACTION_SCHEMA)
    write_table(simulation.attempts, attempts, ATTEMPT_SCHEMA)
    write_json(report, simulation.report.model_dump(mode="json"))
    return out, attempts, report


def _ended(
    morning: Morning,
    decided: list[DecidedAttempt],
    kind: WorldKind,
    system: str,
    operating_point: str | None,
    load: LoadReport | None,
) -> Simulation:
    attempts = attempts_table(decided)
    transactions = transactions_table(morning, decided)
    report = SimulationReport(
        world=kind,
        seed=morning.config.seed,
        num_candidates=morning.config.num_candidates,
        system=system,
        operating_point=operating_point,
        rates=transaction_rates(transactions, attempts),
        load=load,
    )
    return Simulation(morning, transactions, attempts, report)
