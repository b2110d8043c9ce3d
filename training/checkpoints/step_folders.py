"""The folder of a run's checkpoints: one folder a step, and whose they are."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from training.checkpoints.durable import sync, write_durably
from training.errors import CheckpointError

_OWNER_FILE: Final = "run.json"
_FORMAT: Final = "examgate.checkpoints/1"
_KEEP_FILE: Final = "keep"
_STEP: Final = re.compile(r"step_(\d{9,})")
_LEFTOVER: Final = re.compile(r"(step_\d{9,}|\.run\.json\.\w+)\.partial")


class StepFolders:
    """Where the checkpoint of each step lies. Only the main process changes anything here."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def whole(self, step: int) -> Path:
        """The folder of a checkpoint that is written to the end."""
        return self.root / f"step_{step:09d}"

    def partial(self, step: int) -> Path:
        """The folder of one that is being written, or deleted."""
        return self.root / f"step_{step:09d}.partial"

    def steps(self) -> tuple[int, ...]:
        """Steps of which there is a whole checkpoint, in order."""
        found = map(_STEP.fullmatch, _names(self.root))
        return tuple(sorted(int(match[1]) for match in found if match))

    def open(self, identity: Mapping[str, str]) -> None:
        """Make the folder, or see that it belongs to the same run, and clear what a crash left.

        Raises `CheckpointError` for a folder of something else, or of another run.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"{self.root}: cannot be made a folder ({error})") from error
        names = _names(self.root)
        leftovers = [name for name in names if _LEFTOVER.fullmatch(name)]
        if _OWNER_FILE in names:
            _check_owner(self.root / _OWNER_FILE, identity)
        elif len(names) > len(leftovers):
            raise CheckpointError(
                f"{self.root}: not a folder of checkpoints, it holds {names[0]}; name an empty one"
            )
        for name in leftovers:
            _delete(self.root / name)
        if _OWNER_FILE not in names:
            owner = {"format": _FORMAT, "identity": dict(identity)}
            write_durably(self.root / _OWNER_FILE, json.dumps(owner, indent=1).encode())

    def begin(self, step: int) -> None:
        """Make the empty folder in which a checkpoint is written."""
        shutil.rmtree(self.partial(step), ignore_errors=True)
        self.partial(step).mkdir()

    def keep(self, step: int) -> None:
        """Mark a checkpoint, written or being written, as one that `prune` leaves alone."""
        is_written = step in self.steps()
        folder = self.whole(step) if is_written else self.partial(step)
        (folder / _KEEP_FILE).touch()

    def publish(self, step: int) -> None:
        """Make a checkpoint that is written, and on the disk, one that counts: in one rename."""
        sync(self.partial(step))
        self.partial(step).rename(self.whole(step))
        sync(self.root)

    def set_aside(self, step: int) -> Path:
        """Give a damaged checkpoint another name, so that its step can be saved again."""
        aside = self.root / f"{self.whole(step).name}.damaged"
        shutil.rmtree(aside, ignore_errors=True)
        self.whole(step).rename(aside)
        return aside

    def prune(self, keep_last: int) -> None:
        """Delete all but the newest, and but those that are marked."""
        marked = {step for step in self.steps() if (self.whole(step) / _KEEP_FILE).exists()}
        for step in [step for step in self.steps() if step not in marked][:-keep_last]:
            # Renamed first: half a checkpoint must not have the name of a whole one.
            self.whole(step).rename(self.partial(step))
            _delete(self.partial(step))


def _names(root: Path) -> list[str]:
    try:
        return sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise CheckpointError(f"{root}: cannot be read as a folder ({error})") from error


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _check_owner(path: Path, identity: Mapping[str, str]) -> None:
    try:
        found = json.loads(path.read_bytes())
        is_ours, theirs = found["format"] == _FORMAT, dict(found["identity"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); name another folder") from error
    if not is_ours:
        raise CheckpointError(f"{path}: of a format that is not ours; name another folder")
    names = sorted(
        name for name in theirs.keys() | identity.keys() if theirs.get(name) != identity.get(name)
    )
    if names:
        raise CheckpointError(
            f"{path.parent}: holds checkpoints of another run, {', '.join(names)} differ; go on"
            " with what it was begun with, name another folder, or delete this one"
        )
