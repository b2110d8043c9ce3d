"""Where this machine keeps keys, trust and the record of releases; what the surroundings decide."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipelines.errors import ProductionError
from serving.signing.config import TrustConfig

PRODUCTION: Final = "EXAMGATE_PRODUCTION"
_NO: Final = frozenset({"", "0", "false", "no", "off"})


def trust_config(
    root: Path, trust_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> TrustConfig:
    """Settings in force: the argument, else EXAMGATE_TRUST, else var/trust.json.

    Releases seen are recorded in EXAMGATE_RELEASES_SEEN, else var/releases_seen.json.
    """
    trust = trust_file or Path(environment.get("EXAMGATE_TRUST") or root / "var/trust.json")
    seen = environment.get("EXAMGATE_RELEASES_SEEN") or root / "var/releases_seen.json"
    # Any value but a plain no is a yes: a typing error must not open the door.
    production = environment.get(PRODUCTION, "").strip().lower() not in _NO
    return TrustConfig(trust_file=trust, seen_file=Path(seen), production=production)


def key_file(root: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The private key that signs here: EXAMGATE_SIGNING_KEY, else var/keys/release.pem."""
    return Path(environment.get("EXAMGATE_SIGNING_KEY") or root / "var/keys/release.pem")


def passphrase(environment: Mapping[str, str] = os.environ) -> str | None:
    """Of the private key: EXAMGATE_KEY_PASSPHRASE; None where it has none."""
    return environment.get("EXAMGATE_KEY_PASSPHRASE") or None


def refuse_in_production(config: TrustConfig, what: str, remedy: str) -> None:
    """Raise `ProductionError` where EXAMGATE_PRODUCTION is set."""
    if config.production:
        raise ProductionError(f"{PRODUCTION} is set here, so {what}; {remedy}")
