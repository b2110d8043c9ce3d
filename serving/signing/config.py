"""What an operator chooses about trust. Everything here can only be set outside of a bundle."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class TrustConfig(BaseModel):
    """Whom a process trusts, and where it remembers what it has served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust_file: Path
    """Public keys and oldest releases, see `serving.signing.trust`."""
    seen_file: Path
    """The newest release of each channel, see `serving.signing.seen`."""
    production: bool = False
    """A machine that answers for real: nothing unsigned is served, no key is made by the way."""
