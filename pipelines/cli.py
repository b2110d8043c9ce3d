"""`examgate`: every command of the platform. Thin: it parses, calls one function, and prints."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.bundle_commands import TrustOption, bundles
from pipelines.layout import Layout
from pipelines.model_commands import models
from pipelines.params import load_params
from pipelines.stage import OUR_ERRORS, configure_logging
from pipelines.sweep_command import sweep_batch

if TYPE_CHECKING:
    from pipelines.serve import Loaded

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Face verification for exam halls: register, serve, compare, assess.",
)
app.add_typer(models, name="models")
champions = typer.Typer(no_args_is_help=True, help="The model that candidates are compared with.")
app.add_typer(champions, name="champion")
app.add_typer(bundles, name="bundle")

DEFAULT_MODEL = "examgate-campus"
BundleOption = Annotated[
    Path | None, typer.Option(help="Folder of a released bundle, instead of the registry.")
]
AliasOption = Annotated[str, typer.Option(help="Alias in the registry.")]
NameOption = Annotated[str, typer.Option(help="Registered model.")]
UnsignedOption = Annotated[
    bool,
    typer.Option(
        "--allow-unsigned",
        help="With --bundle: take one that nobody has signed. Never where it decides about people;"
        " refused where EXAMGATE_PRODUCTION is set.",
    ),
]


def main() -> None:
    """Entry point. A typed error ends in one line and exit status 1."""
    configure_logging()
    try:
        app()
    except OUR_ERRORS as error:
        sys.exit(f"{type(error).__name__}: {error}")


@app.command()
def recipe(file: Annotated[Path, typer.Argument(help="A parameter file.")]) -> None:
    """Put a parameter file in force as params.yaml."""
    from pipelines.recipe import use_recipe

    changed = use_recipe(file, Layout(Path.cwd()))
    print(f"params.yaml {'now is' if changed else 'already is'} {file}")
    if changed:
        print("to go back: git checkout params.yaml dvc.lock reports")


@app.command()
def train(
    *,
    dry: Annotated[bool, typer.Option("--dry-run", help="Write nothing, take two steps.")] = False,
    recipe: Annotated[Path, typer.Option(help="A parameter file.")] = Path("params.yaml"),
) -> None:
    """Look whether a recipe would train: data, memory, steps, hours, and two real steps."""
    from pipelines.dry_run import dry_run
    from pipelines.overlays import load_recipe

    if not dry:
        raise typer.BadParameter("training is a stage: `dvc repro train`; here is --dry-run only")
    for line in dry_run(load_recipe(recipe), Layout(Path.cwd())):
        print(line, flush=True)


@app.command()
def register(
    release: Annotated[Path, typer.Option(help="Folder of a released bundle.")] = Path(
        "artifacts/release"
    ),
    reissue: Annotated[
        bool, typer.Option(help="Sign and register once more: the way back to an old release.")
    ] = False,
) -> None:
    """Sign and register a released bundle; sets `staging`, and `champion` where there is none."""
    from pipelines.registry import register as register_bundle

    found = register_bundle(Path.cwd(), release, reissue=reissue)
    verb = "registered" if found.created else "already registered"
    print(f"{verb}: {found.name} version {found.version}, bundle {found.digest[:12]}")
    print(f"signed:  release {found.number}")
    print(f"aliases: {', '.join(found.aliases)}")
    print("look at it:    make mlflow")
    print(f"serve it:      examgate serve --name {found.name} --alias staging")
    print("ask it:        curl -F image1=@a.jpg -F image2=@b.jpg http://127.0.0.1:8080/compare")


@app.command()
def serve(
    name: NameOption = DEFAULT_MODEL,
    alias: AliasOption = "champion",
    bundle: BundleOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    operating_point: Annotated[
        str | None, typer.Option(help="One of the bundle's, such as fmr_1e-3.")
    ] = None,
    trust: TrustOption = None,
    allow_unsigned: UnsignedOption = False,
) -> None:
    """Answer `POST /compare` with a released bundle that a trusted key has signed."""
    from pipelines.serve import serve as run_server
    from serving.config import ServerConfig

    loaded = _load(name, alias, bundle, trust, allow_unsigned)
    opened, version = loaded.bundle, loaded.version or "-"
    config = ServerConfig(host=host, port=port, operating_point=operating_point)
    print(f"{opened.release.name} version {version} bundle {opened.digest}")
    print(loaded.standing, flush=True)
    print(f"listening on http://{host}:{port}", flush=True)
    run_server(loaded, config)


@app.command()
def compare(
    image1: Annotated[Path, typer.Argument(help="A photo.")],
    image2: Annotated[Path, typer.Argument(help="Another photo.")],
    name: NameOption = DEFAULT_MODEL,
    alias: AliasOption = "champion",
    bundle: BundleOption = None,
    trust: TrustOption = None,
    allow_unsigned: UnsignedOption = False,
) -> None:
    """Compare two photos without a server. Exit status 0: same person, 3: not."""
    from serving.config import ServerConfig

    verifier = _load(name, alias, bundle, trust, allow_unsigned).verifier(ServerConfig())
    found = verifier.compare(_read(image1), _read(image2))
    answer = {
        "is_same_person": found.is_same_person,
        "similarity_score": found.similarity,
        "threshold": found.threshold,
        "operating_point": found.operating_point,
    }
    print(json.dumps(answer))
    raise typer.Exit(0 if found.is_same_person else 3)


@app.command()
def simulate(  # noqa: PLR0913 - each is an option of its own
    *,
    bundle: BundleOption = None,
    url: Annotated[str | None, typer.Option(help="A running server, instead of a bundle.")] = None,
    speedup: Annotated[float, typer.Option(help="With --url: faster than the clock.")] = 20.0,
    world: Annotated[str, typer.Option(help="campus, or photos: those of `curate`.")] = "campus",
    split: Annotated[str, typer.Option(help="With photos: whose; `all` is all.")] = "test",
    config: Annotated[Path | None, typer.Option(help="A morning as YAML.")] = None,
    candidates: Annotated[int | None, typer.Option(min=1, help="On all rolls.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the morning.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder that keeps the photos.")] = None,
    out: Annotated[Path | None, typer.Option(help="Transactions, as Parquet.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for two pictures.")] = None,
    window: Annotated[Path | None, typer.Option(help="Window for `drift`, as Parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Live through an exam morning: candidates, retries, impostors, queues; FRR and FAR."""
    from pipelines.simulation.plots import draw_morning
    from pipelines.simulation.run import Options, run, write_simulation
    from pipelines.simulation.summary import summary

    found = run(
        Options(bundle, url, speedup, world, split, config, candidates, seed, photos, window),
        Path.cwd(),
    )
    print(found.report.model_dump_json(indent=2) if as_json else summary(found.report))
    written = [] if out is None else write_simulation(found, out)
    drawn = [] if plots is None else draw_morning(found.morning, found.transactions, plots)
    for path in (*written, *drawn):
        print(f"written: {path}", file=sys.stderr)


@app.command()
def assess(
    candidate: Annotated[Path, typer.Argument(help="Folder of a candidate bundle.")],
    output: Annotated[Path, typer.Option(help="Where report, plots and release go.")],
    champion: Annotated[
        Path | None, typer.Option(help="Folder of a bundle to compare with; none: the pinned one.")
    ] = None,
) -> None:
    """Evaluate and judge a candidate on the data of the last `dvc repro`."""
    from pipelines.assess import assess as assess_bundle

    layout = Layout(Path.cwd())
    decision = assess_bundle(candidate, output, load_params(layout.params), layout.root, champion)
    print(f"{decision.verdict}: {output}/artifacts/release")
    raise typer.Exit(0 if decision.passed else 3)


@app.command()
def evaluate(
    *,
    bundle: Annotated[Path, typer.Option(help="Folder of a bundle, released or not.")],
    protocol: Annotated[
        Literal["lfw", "bin", "rfw", "ijbb", "ijbc"], typer.Option(help="A published protocol.")
    ],
    data: Annotated[Path | None, typer.Option(help="The set's folder or .bin file.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the figures as JSON.")] = None,
    flip: Annotated[
        bool, typer.Option(help="Also add the mirrored crop's embedding, as papers do.")
    ] = False,
    faces: Annotated[
        Literal["published", "bundle", "given"],
        typer.Option(help="As papers take them, by the bundle's policies, or where the set says."),
    ] = "published",
) -> None:
    """Judge a bundle by a published verification protocol, beside published figures."""
    from pipelines.public_protocols import PublicOptions, evaluate_public
    from pipelines.public_table import table_lines

    options = PublicOptions(protocol, data, flip, faces)
    for line in table_lines(evaluate_public(bundle, options, output, Path.cwd())):
        print(line)


@app.command()
def report(
    results: Annotated[
        Path | None, typer.Option(help="Output folder of `assess`; none: the pipeline's own.")
    ] = None,
) -> None:
    """Write the release report anew from the last evaluation and verdict."""
    from pipelines.report_page.page import write_page

    print(write_page(Layout(Path.cwd(), results=results)))


@app.command()
def drift(
    *,
    reference: Annotated[Path, typer.Option(help="The window to compare with, as Parquet.")],
    current: Annotated[
        list[Path], typer.Option(help="A window; give several in the order of their times.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for report, page and metrics.")],
    config: Annotated[Path | None, typer.Option(help="What is watched, as YAML.")] = None,
    to_mlflow: Annotated[bool, typer.Option("--mlflow", help="Log to a run of its own.")] = False,
) -> None:
    """Say whether traffic has drifted. Exit status 0: stable, 3: drift, 4: inconclusive."""
    from pipelines.drift.command import drift as judge_windows
    from pipelines.drift.command import read_config, summary
    from pipelines.drift.tracking import log_drift

    found = judge_windows(reference, current, output, read_config(config))
    print(summary(found))
    if to_mlflow:
        print(f"MLflow run {log_drift(found, output, Path.cwd())}")
    raise typer.Exit({"stable": 0, "drift": 3, "inconclusive": 4}[found.verdict])


@app.command()
def records(
    output: Annotated[Path, typer.Argument(help="Folder for train.rec, train.idx and property.")],
    split: Annotated[str, typer.Option(help="Split of the curated manifest.")] = "train",
    encoding: Annotated[Literal["jpeg", "png"], typer.Option(help="png is lossless.")] = "png",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of jpeg.")] = 95,
) -> None:
    """Write aligned crops as MXNet RecordIO, which other trainers read."""
    from pipelines.records import write_split

    found = write_split(Layout(Path.cwd()), split, output, encoding, quality)
    print(f"{output}: {found.num_pictures} pictures, {found.num_classes} people")


@app.command()
def mlflow(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
) -> None:
    """Open MLflow's pages on the embedded store."""
    from pipelines.tracking import local_store

    store = os.environ.get("MLFLOW_TRACKING_URI") or local_store(Path.cwd())
    print(f"MLflow on http://{host}:{port}", flush=True)
    arguments = ["--backend-store-uri", store, "--host", host, "--port", str(port)]
    raise typer.Exit(
        subprocess.call([sys.executable, "-m", "mlflow", "server", *arguments])  # noqa: S603 - ours
    )


app.command()(sweep_batch)


@app.command("train-ray")
def train_ray(
    *,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together.")],
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster, or auto; none: this machine.")
    ] = None,
    use_gpu: Annotated[bool, typer.Option(help="One GPU for each worker.")] = False,
    max_failures: Annotated[int, typer.Option(min=-1, help="Starts after a lost worker.")] = 3,
) -> None:
    """Train on a Ray cluster instead of by `dvc repro train`; `dvc commit train` takes it over."""
    from pipelines.ray_stage import train
    from pipelines.ray_train import RayOptions

    layout = Layout(Path.cwd())
    params = load_params(layout.params)
    threads = params.train.threads
    train(params, layout, RayOptions(workers, address, use_gpu, threads, max_failures))


@champions.command("pin")
def pin_champion(
    name: Annotated[str | None, typer.Option(help="Registered model; none: export.name.")] = None,
) -> None:
    """Write the registry's present champion into params.yaml, by digest."""
    from pipelines.champion_command import pin_champion as pin_it

    pin = pin_it(Layout(Path.cwd()), name)
    print(f"evaluate.champion: {pin.name} version {pin.version}, bundle {pin.digest[:12]}")


def _load(
    name: str, alias: str, bundle: Path | None, trust: Path | None, allow_unsigned: bool
) -> "Loaded":
    from pipelines.serve import load, load_folder
    from pipelines.trust import trust_config

    config = trust_config(Path.cwd(), trust)
    if bundle is not None:
        return load_folder(bundle, config, allow_unsigned)
    if allow_unsigned:
        raise typer.BadParameter("--allow-unsigned goes with --bundle: a registry's are signed")
    return load(Path.cwd(), name, alias, config)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read ({error.strerror})") from error


if __name__ == "__main__":
    main()
