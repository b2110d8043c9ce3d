"""Who comes with whose ID: stated rates within binomial bounds, and no impostor on their own ID."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from data.simulator.claims import NON_MATED, ClaimConfig, draw_claim
from data.simulator.streams import stream
from data.simulator.world import World

SHARES = {"absent": 0.06, "impostor": 0.05, "look_alike": 0.04, "mix_up": 0.02}
CONFIG = ClaimConfig(**{f"{kind}_share": share for kind, share in SHARES.items()})
NUM = 6000


@pytest.fixture(scope="module")
def drawn(names: World) -> Counter[str]:
    rngs = (stream(1, "claim", number) for number in range(NUM))
    return Counter(draw_claim(CONFIG, names, rng, "5").kind for rng in rngs)


@pytest.mark.parametrize("kind", ["absent", "mix_up"])
def test_a_stated_rate_is_kept_within_binomial_bounds(drawn: Counter[str], kind: str) -> None:
    share = SHARES[kind]
    assert abs(drawn[kind] - NUM * share) < 4 * np.sqrt(NUM * share * (1 - share))


def test_impostors_and_look_alikes_together_keep_their_rate(drawn: Counter[str]) -> None:
    share = SHARES["impostor"] + SHARES["look_alike"]
    found = drawn["impostor"] + drawn["look_alike"]
    assert abs(found - NUM * share) < 4 * np.sqrt(NUM * share * (1 - share))
    # A seventh of this world has nobody who looks like them; a stranger comes and is called one.
    known = SHARES["look_alike"] * 6 / 7
    assert abs(drawn["look_alike"] - NUM * known) < 4 * np.sqrt(NUM * known)


def test_only_a_genuine_candidate_shows_the_face_on_the_id(names: World) -> None:
    for number in range(NUM):
        claim = draw_claim(CONFIG, names, stream(2, "claim", number), "5")
        own = claim.presented_subject_id == claim.claimed_subject_id
        assert own == (claim.kind == "genuine"), claim
        assert (claim.kind in NON_MATED) == (not own and claim.kind != "absent")
        assert (claim.relation is not None) == (claim.kind == "look_alike")


def test_a_mixed_up_card_is_a_friends(names: World) -> None:
    config = ClaimConfig(mix_up_share=1, absent_share=0, impostor_share=0, look_alike_share=0)
    found = [draw_claim(config, names, stream(3, n), "5").presented_subject_id for n in range(50)]
    assert set(found) - {"5"} == set()


def test_shares_that_make_more_than_everybody_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1\.2"):
        ClaimConfig(absent_share=0.6, impostor_share=0.6, look_alike_share=0, mix_up_share=0)
