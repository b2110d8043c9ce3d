"""Commands `models list|fetch|wrap|wrap-checkpoint`: embedders that were not trained here."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.layout import Layout
from pipelines.params import load_params

models = typer.Typer(no_args_is_help=True, help="Pretrained models, by pinned digest.")


@models.command("list")
def list_models() -> None:
    """Show the catalogue with licences."""
    from pipelines.models import listing

    for model in listing(Path.cwd()):
        at_hand = "yes" if model.at_hand else "no"
        typer.echo(
            f"{model.name:24} {model.kind:9} at hand: {at_hand:4}"
            f" licence: {model.licence:50} {model.origin}"
        )


@models.command()
def fetch(name: Annotated[str, typer.Argument(help="A name of `models list`.")]) -> None:
    """Bring a model here and check its digest."""
    from pipelines.models import fetch as fetch_model
    from pipelines.models import find

    typer.echo(f"licence: {find(name).licence}")
    typer.echo(f"verified: {fetch_model(Path.cwd(), name)}")


@models.command()
def wrap(
    name: Annotated[str, typer.Argument(help="A name of `models list`.")],
    output: Annotated[Path, typer.Option(help="Folder of the new candidate bundle.")],
) -> None:
    """Make a candidate bundle of a pretrained model; `assess` judges it."""
    from pipelines.wrapping import wrap as wrap_model

    layout = Layout(Path.cwd())
    release = wrap_model(layout.root, name, output, load_params(layout.params))
    typer.echo(f"{output}: {release.name}, {release.embedding_dim}-d, licence: {release.licence}")


@models.command("wrap-checkpoint")
def wrap_checkpoint(
    file: Annotated[Path, typer.Argument(help="An arcface_torch backbone, or one of ours.")],
    name: Annotated[str, typer.Option(help="Of the model; put behind the registered name.")],
    licence: Annotated[str, typer.Option(help="Of the weights, as their source states it.")],
    output: Annotated[Path, typer.Option(help="Folder of the new candidate bundle.")],
) -> None:
    """Make a candidate bundle of a trained iResNet; `assess` judges it."""
    from pipelines.wrapping import wrap_checkpoint as wrap_file

    layout = Layout(Path.cwd())
    params = load_params(layout.params)
    release = wrap_file(layout.root, file, name, licence, output, params)
    typer.echo(f"{output}: {release.name}, {release.embedding_dim}-d, licence: {release.licence}")
