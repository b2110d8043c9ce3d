"""Sections into one HTML page that needs no network and no script."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from data.files import whole_file
from pipelines.layout import Layout
from pipelines.report_page.blocks import Section
from pipelines.report_page.inputs import Inputs, read_inputs
from pipelines.report_page.sections.behaviour import behaviour
from pipelines.report_page.sections.champion import champion
from pipelines.report_page.sections.data import data_quality
from pipelines.report_page.sections.failure_modes import failure_modes
from pipelines.report_page.sections.gallery import gallery
from pipelines.report_page.sections.groups import cross_cell_maps, fairness
from pipelines.report_page.sections.morning import morning
from pipelines.report_page.sections.provenance import provenance
from pipelines.report_page.sections.quality import calibration, discard, ownership
from pipelines.report_page.sections.rates import headline_rates, protocols
from pipelines.report_page.sections.slices import slices
from pipelines.report_page.sections.tail import tail
from pipelines.report_page.sections.tradeoff import trade_off
from pipelines.report_page.sections.verdict import headline
from pipelines.report_page.sections.why import why

SECTIONS: Final[tuple[Callable[[Inputs], Section], ...]] = (
    why,
    headline_rates,
    trade_off,
    slices,
    fairness,
    cross_cell_maps,
    behaviour,
    failure_modes,
    champion,
    protocols,
    gallery,
    discard,
    ownership,
    calibration,
    morning,
    tail,
    data_quality,
    provenance,
)
_PACKAGE: Final = "pipelines.report_page"


def write_page(layout: Layout) -> Path:
    """Render the page of the last evaluation and verdict; returns its path.

    Raises `StageError` where report or decision are missing.
    """
    page = render(read_inputs(layout))
    with whole_file(layout.report_page) as partial:
        partial.write_text(page, encoding="utf-8")
    return layout.report_page


def render(inputs: Inputs) -> str:
    """The page as text; equal inputs give equal text."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        headline=headline(inputs),
        sections=[section(inputs) for section in SECTIONS],
        style=Markup(_style()),  # noqa: S704 - ours
    )


def _style() -> str:
    return (files(_PACKAGE) / "templates/style.css").read_text(encoding="utf-8")
