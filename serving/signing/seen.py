"""What this machine has served: the newest release of each model, so that none older comes back.

A signature never expires, so whoever controls a registry or a disk could offer an old release,
whose faults are known, under a good signature. The record is kept apart by channel (an alias, or
`folder`), because `staging` is rightly newer than `champion`.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from data.files import write_json
from serving.errors import BundleRollbackError, TrustError
from serving.release import Sha256
from serving.signing.signature import ReleaseNumber

FOLDER: Final = "folder"
"""The channel of bundles that are served from a folder; `alias NAME` is that of an alias."""


class SeenRelease(BaseModel):
    """The newest release that a channel has had."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: ReleaseNumber
    digest: Sha256


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    seen: dict[str, dict[str, SeenRelease]] = {}
    """By model, then by channel."""


@dataclass(frozen=True, slots=True)
class SeenReleases:
    """The record, in a file; several processes may use it at once."""

    path: Path

    def newest(self, name: str) -> int:
        """The largest number of a model in any channel; 0 where none was seen."""
        channels = self._read().seen.get(name, {})
        return max((seen.number for seen in channels.values()), default=0)

    def check(self, name: str, channel: str, number: int, digest: str) -> None:
        """Raise what `advance` would, and record nothing."""
        before = self._read().seen.get(name, {}).get(channel)
        if before is not None:
            _check_newer(name, channel, before, SeenRelease(number=number, digest=digest))

    def advance(self, name: str, channel: str, number: int, digest: str) -> None:
        """Go on to a release, or raise `BundleRollbackError` where the channel had a newer one.

        A number stands for one release: the same number with another digest is refused too.
        Raises `TrustError` where the record cannot be read or written.
        """
        with self._locked():
            self.check(name, channel, number, digest)
            record = self._read()
            before = record.seen.get(name, {})
            after = {**before, channel: SeenRelease(number=number, digest=digest)}
            if after != before:
                self._write(_Record(seen={**record.seen, name: after}))

    def _read(self) -> _Record:
        try:
            return _Record.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Record()
        except (OSError, ValidationError) as error:
            raise TrustError(
                f"{self.path} is no record of the releases seen; put back a copy, or remove it once"
                " minimum_release in the trust file says what is the oldest you accept"
            ) from error

    def _write(self, record: _Record) -> None:
        write_json(self.path, record.model_dump())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with lock.open("w") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise TrustError(
                f"{self.path}: the releases seen cannot be recorded ({error.strerror}); make the"
                " folder writable, or name another by EXAMGATE_RELEASES_SEEN"
            ) from error


def _check_newer(name: str, channel: str, before: SeenRelease, now: SeenRelease) -> None:
    if now.number < before.number:
        raise BundleRollbackError(
            f"{name} ({channel}) was at release {before.number} here, this is release {now.number};"
            " to go back on purpose, have its release owner sign the old bundle again"
            " (`examgate register --reissue` or `examgate bundle sign`)"
        )
    if now.number == before.number and now.digest != before.digest:
        raise BundleRollbackError(
            f"{name} ({channel}): release {now.number} was bundle {before.digest[:12]} here, now it"
            f" is {now.digest[:12]}; have its release owner sign it with a number of its own"
        )
