"""Whether a checkpoint is what was written."""

from pathlib import Path

from data.files import sha256_file
from training.checkpoints.records import CheckpointRecord, FileRecord, read_record
from training.errors import CheckpointError
from training.world import World


def verify(folder: Path, step: int, world: World) -> CheckpointRecord:
    """Read what a checkpoint says about itself, and check this process's share of its files.

    Process r of W hashes every W-th file from r on, so together they hash each once. Raises
    `CheckpointError` that names a file which is missing, cut short or changed.
    """
    record = read_record(folder)
    if record.step != step:
        raise CheckpointError(f"{folder}: holds step {record.step}; somebody renamed it")
    for name in sorted(record.files)[world.rank :: world.size]:
        try:
            _check_file(folder / name, record.files[name])
        except OSError as error:
            raise CheckpointError(f"{folder / name}: cannot be read ({error})") from error
    return record


def _check_file(path: Path, file: FileRecord) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path}: missing")
    num_bytes = path.stat().st_size
    if num_bytes != file.num_bytes:
        raise CheckpointError(f"{path}: has {num_bytes:,} of {file.num_bytes:,} bytes")
    if sha256_file(path) != file.sha256:
        raise CheckpointError(f"{path}: damaged, its SHA-256 is not the one it was written with")
