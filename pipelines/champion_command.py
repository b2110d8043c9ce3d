"""Command `champion pin`: write the registry's present champion into params.yaml."""

import re
from pathlib import Path
from typing import Any

import yaml

from data.files import whole_file
from evaluation.champion.comparison import ChampionPin
from pipelines.errors import ParamsError
from pipelines.layout import Layout
from pipelines.params import load_params
from pipelines.registry_store import CHAMPION, find_alias

_LINE = re.compile(r"^  champion:.*\n(?:    .*\n)*", re.MULTILINE)


def pin_champion(layout: Layout, name: str | None) -> ChampionPin:
    """Pin what the alias `champion` points at; comments in params.yaml stay where they are.

    `name` is the registered model, that of `export.name` where it is None. Raises `TrackingError`
    without such an alias, `ParamsError` where the file has no line to write to.
    """
    params = load_params(layout.params)
    found = find_alias(layout.root, name or params.export.name, CHAMPION)
    pin = ChampionPin(name=found.name, version=found.version, digest=found.digest)
    write_pin(layout.params, pin)
    return pin


def write_pin(path: Path, pin: ChampionPin | None) -> None:
    """Write `evaluate.champion`, and nothing else. Raises `ParamsError`."""
    before = path.read_text(encoding="utf-8")
    value = None if pin is None else pin.model_dump()
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    line = f"  champion: {text.splitlines()[0]}\n"
    after = _LINE.sub(lambda _: line, before, count=1)
    if yaml.safe_load(after) != _with_champion(yaml.safe_load(before), value):
        raise ParamsError(
            f"{path}: has no line `  champion:` of its own under evaluate; add"
            " `  champion: null` there and pin again"
        )
    with whole_file(path) as partial:
        partial.write_text(after, encoding="utf-8")


def _with_champion(content: dict[str, Any], value: object) -> dict[str, Any]:
    return {**content, "evaluate": {**content["evaluate"], "champion": value}}
