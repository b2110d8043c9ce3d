"""Command `recipe`: put a parameter file in force. DVC reads `params.yaml` and nothing else."""

from pathlib import Path

from data.files import whole_file
from pipelines.layout import Layout
from pipelines.params import load_params


def use_recipe(recipe: Path, layout: Layout) -> bool:
    """Check a recipe and make it `params.yaml`; returns whether that changed anything."""
    load_params(recipe)
    content = recipe.read_bytes()
    if content == layout.params.read_bytes():
        return False
    with whole_file(layout.params) as partial:
        partial.write_bytes(content)
    return True
