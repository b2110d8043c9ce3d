from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report_page.charts.scales import Scale
from pipelines.report_page.names import is_rate, say_family, say_key, say_slice
from pipelines.report_page.numbers import (
    DASH,
    MINUS,
    count,
    interval,
    one_in,
    percent,
    plain,
    round_percent,
)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, DASH),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.0857, "8.57 %"),
        (0.197, "19.7 %"),
        (0.00857, "0.86 %"),
        (1e-6, "0.00010 %"),
        (-0.0312, f"{MINUS}3.12 %"),
    ],
)
def test_per_cent(rate: float | None, text: str) -> None:
    assert percent(rate).replace("\N{NO-BREAK SPACE}", " ") == text


def test_chosen_rates_are_written_as_chosen() -> None:
    written = [round_percent(rate) for rate in (0.05, 0.001, 1e-6, 0.25, 1.0)]
    assert [text.rstrip(" %\N{NO-BREAK SPACE}") for text in written] == [
        "5",
        "0.1",
        "0.0001",
        "25",
        "100",
    ]


def test_other_numbers() -> None:
    assert one_in(1 / 1545).replace("\N{NO-BREAK SPACE}", " ") == "1 in 1,545"
    assert one_in(0.5) == one_in(0.0) == ""
    assert (count(165_300), count(1_653_000), count(None)) == ("165,300", "1.65 million", DASH)
    assert (plain(0.99998790), plain(0.97875777)) == ("0.999988", "0.9788")
    assert interval(None, 0.5) == DASH


@given(st.floats(1e-9, 1))
def test_a_rate_is_read_as_what_it_is(rate: float) -> None:
    shown = float(percent(rate).removesuffix("\N{NO-BREAK SPACE}%")) / 100
    assert shown == pytest.approx(rate, rel=0.06)


def test_keys_in_words() -> None:
    assert say_key("slice/glasses_yes/fmr_1e-2/fnmr") == "FNMR at fmr_1e-2, slice glasses yes"
    assert say_key("overall/auc") == "AUC"
    assert say_slice("gender_feminine-x-skin_tone_monk_08", "gender-x-skin_tone") == (
        "feminine, monk 08"
    )
    assert say_slice("siblings", None) == "siblings"
    assert say_family("gender-x-skin_tone") == "gender \N{MULTIPLICATION SIGN} skin tone"
    assert is_rate("fmr_1e-2/tar")
    assert is_rate("behaviour/jpeg/genuine_flip_rate")
    assert not is_rate("parity/cosine_min")
    assert not is_rate("overall/auc")


@given(
    st.sampled_from(["linear", "log", "probit"]),
    st.lists(st.floats(1e-6, 0.999), min_size=2, max_size=2, unique=True),
    st.floats(1e-7, 1),
)
def test_places_keep_the_order_and_stay_inside(kind: str, ends: list[float], value: float) -> None:
    low, high = sorted(ends)
    if high / low < 1.01:
        return
    scale = Scale(kind, low, high, 10, 200)  # type: ignore[arg-type]  # one of the three
    assert scale.place(low) == 10
    assert 10 <= scale.place(value) <= 200
    ticks = scale.ticks(apart=20)
    places = [scale.place(tick) for tick in ticks]
    assert places == sorted(places)
    assert all(after - before >= 20 for before, after in pairwise(places))
    assert all(low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9) for tick in ticks)
