"""Command `recipe`: put a parameter file in force. DVC reads `params.yaml` and nothing else."""

from pathlib import Path

import yaml

from data.files import whole_file
from pipelines.layout import Layout
from pipelines.overlays import WRITTEN_OUT, load_recipe, read_layers


def use_recipe(recipe: Path, layout: Layout) -> bool:
    """Check a recipe and make it `params.yaml`; returns whether that changed anything.

    A file that has every key is taken as it is; any other is written out with every key.
    """
    content = written_out(recipe)
    if layout.params.exists() and content == layout.params.read_bytes():
        return False
    with whole_file(layout.params) as partial:
        partial.write_bytes(content)
    return True


def written_out(recipe: Path) -> bytes:
    """What `params.yaml` holds under a recipe. Raises `ParamsError` as `load_recipe` does."""
    everything = load_recipe(recipe).model_dump(mode="json")
    if read_layers(recipe)[-1].content == everything:
        return recipe.read_bytes()
    body = yaml.safe_dump(everything, sort_keys=False, default_flow_style=None, width=100)
    return f"{_heading(recipe)}{body}".encode()


def _heading(recipe: Path) -> str:
    return (
        f"{WRITTEN_OUT}{recipe.as_posix()}, written out by `examgate recipe`: change it there.\n"
        "# Back to the default: git checkout params.yaml dvc.lock reports && dvc checkout\n"
    )
