"""What the surroundings decide about trust."""

from pathlib import Path

import pytest

from pipelines.errors import ProductionError
from pipelines.trust import key_file, passphrase, refuse_in_production, trust_config

ROOT = Path("/somewhere")


def test_defaults_lie_outside_of_git() -> None:
    config = trust_config(ROOT, environment={})
    assert config.trust_file == ROOT / "var/trust.json"
    assert config.seen_file == ROOT / "var/releases_seen.json"
    assert not config.production
    assert key_file(ROOT, {}) == ROOT / "var/keys/release.pem"
    assert passphrase({}) is None


def test_the_surroundings_and_then_the_argument_win() -> None:
    environment = {
        "EXAMGATE_TRUST": "/etc/trust.json",
        "EXAMGATE_RELEASES_SEEN": "/state/seen.json",
        "EXAMGATE_SIGNING_KEY": "/keys/a.pem",
        "EXAMGATE_KEY_PASSPHRASE": "secret",
    }
    config = trust_config(ROOT, environment=environment)
    assert (str(config.trust_file), str(config.seen_file)) == (
        "/etc/trust.json",
        "/state/seen.json",
    )
    assert trust_config(ROOT, Path("mine.json"), environment).trust_file == Path("mine.json")
    assert key_file(ROOT, environment) == Path("/keys/a.pem")
    assert passphrase(environment) == "secret"


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "y", "production", "ture"])
def test_any_value_but_a_plain_no_is_production(value: str) -> None:
    config = trust_config(ROOT, environment={"EXAMGATE_PRODUCTION": value})
    with pytest.raises(ProductionError, match="EXAMGATE_PRODUCTION is set here, so nothing goes"):
        refuse_in_production(config, "nothing goes", "go home")


@pytest.mark.parametrize("value", ["", "0", "false", " No ", "OFF"])
def test_a_plain_no_is_none(value: str) -> None:
    config = trust_config(ROOT, environment={"EXAMGATE_PRODUCTION": value})
    refuse_in_production(config, "nothing goes", "go home")
