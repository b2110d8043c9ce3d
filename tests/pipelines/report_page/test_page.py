"""The page of a whole evaluation: everything is on it, nothing is fetched, nothing is run."""

import dataclasses
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from mlflow.utils.validation import _validate_metric

from evaluation.gate.decision import Decision
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.page import SECTIONS, render
from pipelines.report_page.pictures import Album

MAX_BYTES = 3_000_000
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Tags, attributes and text of a page; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(inputs: Inputs) -> str:
    return render(inputs)


def test_every_section_is_there_and_has_something_to_show(inputs: Inputs, page: str) -> None:
    sections = [section(inputs) for section in SECTIONS]
    empty = {section.anchor for section in sections if section.missing}
    assert empty <= {"failure-modes", "protocols", "morning"}
    shown = [attributes["id"] for attributes in Outline(page).of("section")]
    assert shown == [section.anchor for section in sections]
    assert {f"#{anchor}" for anchor in shown} <= {a.get("href") for a in Outline(page).of("a")}


def test_verdict_first_then_what_is_broken_and_what_is_open(inputs: Inputs, page: str) -> None:
    outline = Outline(page)
    words = [line.split("\n")[0] for line in re.findall(r'<span class="badge (\w+)', page)]
    num_deciding = sum(line.verdict in ("fail", "inconclusive") for line in inputs.decision.lines)
    assert words[:1] == ["fail"]
    assert words[:num_deciding] == sorted(words[:num_deciding])  # fail before inconclusive
    assert outline.text.index("rules") < outline.text.index("Error rates at the frozen thresholds")
    assert "may not be registered" in outline.text
    assert "nobody/measured was not measured." in outline.text
    assert "there is no checkpoint" in outline.text


def test_nothing_is_fetched_and_no_script_runs(page: str) -> None:
    outline = Outline(page)
    names = {name for name, _ in outline.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in outline.tags:
        assert not any(key.startswith("on") for key in attributes), tag
        for key in ("src", "href", "xlink:href", "action"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:image/jpeg;base64,")), (tag, value)
    assert not re.search(r"https?://|@import|url\(", page)


def test_pictures_have_texts_tables_have_heads(page: str) -> None:
    outline = Outline(page)
    pictures, drawings = outline.of("img"), outline.of("svg")
    assert len(pictures) > 8
    assert len(drawings) > 20
    assert all(one.get("alt") for one in pictures)
    assert all(one.get("role") == "img" and one.get("aria-label") for one in drawings)
    assert len(outline.of("caption")) == len(outline.of("table")) > 8
    assert all(one.get("scope") for one in outline.of("th"))


def test_equal_inputs_give_an_equal_page(judge: Callable[..., Inputs], page: str) -> None:
    assert render(judge()) == page


def test_hostile_names_are_only_text(judge: Callable[..., Inputs]) -> None:
    hostile = '<script>alert(1)</script>"onload="x'
    found = judge(hostile)
    found = dataclasses.replace(found, digests={hostile: hostile})
    lines = tuple(
        line.model_copy(update={"metric": hostile, "reason": hostile})
        for line in found.decision.lines
    )
    decision = Decision.model_validate(
        found.decision.model_copy(update={"lines": lines}).model_dump()
    )
    page = render(dataclasses.replace(found, decision=decision))
    assert "<script" not in page
    assert hostile in Outline(page).text
    assert not any(key.startswith("on") for _, found in Outline(page).tags for key in found)


def test_what_is_missing_is_said_in_a_line(inputs: Inputs) -> None:
    report = inputs.report
    optional = {
        name: field.get_default(call_default_factory=True)
        for name, field in type(report).model_fields.items()
        if not field.is_required()
    }
    bare = dataclasses.replace(
        inputs,
        report=report.model_copy(update={**optional, "slices": {}}),
        tables={name: table.head(0) for name, table in inputs.tables.items()},
        worst_pairs=None,
        flips=None,
        latency=None,
        stages={},
        digests={},
        album=Album(None, inputs.album.rows),
    )
    sections = [section(bare) for section in SECTIONS]
    said = {section.anchor for section in sections if section.missing}
    always = {"why", "rates", "data", "provenance"}
    assert said == {section.anchor for section in sections} - always
    text = Outline(render(bare)).text
    assert all(section.missing in text for section in sections)


def test_too_few_is_said_and_no_rate_shown(inputs: Inputs) -> None:
    slices = {
        name: part.model_copy(update={"too_few_genuine": True, "too_few_impostor": True})
        for name, part in inputs.report.slices.items()
    }
    report = inputs.report.model_copy(update={"slices": slices})
    page = render(dataclasses.replace(inputs, report=report))
    table = page[page.index('id="slices"') : page.index('id="fairness"')]
    assert "too few" in table
    assert table.count('class="dot') == 2  # everybody, and nobody else


def test_predicted_labels_are_marked(page: str) -> None:
    assert "predicted:gear" in Outline(page).text


def test_keys_of_figures_are_such_as_mlflow_takes(inputs: Inputs) -> None:
    for key, value in inputs.report.metrics().items():
        _validate_metric(key, value, 0, 0)  # type: ignore[no-untyped-call]


def test_the_page_stays_small(inputs: Inputs, page: str) -> None:
    assert len(page.encode()) < MAX_BYTES
    album = dataclasses.replace(inputs.album, budget_bytes=20_000, _made={})
    small = render(dataclasses.replace(inputs, album=album))
    assert 0 < len(Outline(small).of("img")) < len(Outline(page).of("img"))
    assert "no picture" in small
