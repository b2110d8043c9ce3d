"""Commands `serve` and `compare`: a bundle that may answer people, by alias or from a folder."""

import logging
from dataclasses import dataclass
from pathlib import Path

from pipelines.registry import alias_channel, fetch_bundle
from pipelines.trust import refuse_in_production
from serving.app import create_app
from serving.app import serve as run_server
from serving.bundle import Bundle, open_bundle
from serving.config import ServerConfig
from serving.signing.config import TrustConfig
from serving.signing.opening import TrustedBundle, is_signed, open_trusted
from serving.signing.seen import FOLDER, SeenReleases
from serving.signing.trust import read_trust
from serving.verifier import FaceVerifier

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A trusted release on its channel."""

    releases: SeenReleases
    channel: str
    trusted: TrustedBundle

    def check(self) -> None:
        """Raise `BundleRollbackError` where the channel has served a newer one."""
        self.releases.check(*self._place())

    def remember(self) -> None:
        """Record it; raises as `check` does."""
        self.releases.advance(*self._place())

    def _place(self) -> tuple[str, str, int, str]:
        bundle = self.trusted.bundle
        return bundle.release.name, self.channel, self.trusted.signature.number, bundle.digest


@dataclass(frozen=True, slots=True)
class Loaded:
    """A released bundle, where it came from, and who stands for it."""

    bundle: Bundle
    version: str | None
    """Of the registry; None for a plain folder."""
    standing: str
    """For people: release number, hour and owner, or that nobody stands for it."""
    seen: Seen | None
    """What is remembered once it serves; None where nobody stands for it."""

    def verifier(self, config: ServerConfig) -> FaceVerifier:
        """Load its networks, and remember the release: its channel accepts no older one from now.

        A release that cannot even be loaded is not remembered, so that the one before still serves.
        """
        verifier = FaceVerifier.from_bundle(self.bundle, config, self.version)
        if self.seen is not None:
            self.seen.remember()
        return verifier


def load(root: Path, name: str, alias: str, config: TrustConfig) -> Loaded:
    """Open the released bundle behind an alias. Raises as `pipelines.registry.fetch_bundle`."""
    found, version = fetch_bundle(root, name, alias, config)
    return _loaded(found, version, alias_channel(alias), config)


def load_folder(folder: Path, config: TrustConfig, allow_unsigned: bool = False) -> Loaded:
    """Open a released bundle in a folder, checked as one from the registry is.

    `allow_unsigned` lets a bundle without any signature pass, for whoever has just made it; a
    signature that is there is checked in any case. Raises `BundleError`, `TrustError`, and
    `ProductionError` for `allow_unsigned` where EXAMGATE_PRODUCTION is set.
    """
    if allow_unsigned:
        remedy = "serve a signed bundle, or one from the registry"
        refuse_in_production(config, "--allow-unsigned is refused", remedy)
        if not is_signed(folder):
            _log.warning("UNSIGNED: nobody stands for %s; never let it decide about people", folder)
            return Loaded(open_bundle(folder), None, "UNSIGNED", None)
    found = open_trusted(folder, read_trust(config.trust_file))
    return _loaded(found, None, FOLDER, config)


def serve(loaded: Loaded, config: ServerConfig) -> None:
    """Run the server until it is stopped."""
    run_server(create_app(loaded.verifier(config), config), config)


def _loaded(found: TrustedBundle, version: str | None, channel: str, config: TrustConfig) -> Loaded:
    seen = Seen(SeenReleases(config.seen_file), channel, found)
    seen.check()
    return Loaded(found.bundle, version, str(found), seen)
