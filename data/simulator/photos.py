"""Photos of a morning on disk, so that neither a decision nor a load test waits for a renderer.

A file is named by the digest of everything it follows from: world, code, person, conditions. So the
folder can be kept between runs, a changed renderer makes new files, and two runs share what they
have in common.
"""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cv2

from data.errors import SourceError
from data.files import whole_file
from data.simulator.conditions import Conditions
from data.simulator.gates import Attempt
from data.simulator.morning import Morning
from data.simulator.world import World

Progress = Callable[[int, int], None]
"""Called with the photos done and the photos in all."""

_CHUNK: Final = 8  # people handed to a worker at once


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One photo: of whom, under which conditions, or None for the photo on file."""

    subject_id: str
    conditions: Conditions | None
    path: Path


class PhotoStore:
    """The photos of a world, made once. Safe to read from several threads."""

    def __init__(self, world: World, folder: Path) -> None:
        """Keep files below `folder`; nothing is made yet."""
        self._world = world
        self._folder = folder
        self._fingerprint = world.fingerprint

    def reference(self, subject_id: str) -> bytes:
        """The photo on file, made now if need be."""
        return _made(self._world, self._wanted(subject_id, None))

    def probe(self, attempt: Attempt) -> bytes:
        """The gate frame of an attempt, made now if need be."""
        subject_id = attempt.candidate.claim.presented_subject_id
        if subject_id is None:
            raise SourceError(
                f"{attempt.candidate.transaction_id}: nobody came, so no frame is there"
            )
        return _made(self._world, self._wanted(subject_id, attempt.conditions))

    def prepare(self, morning: Morning, workers: int, progress: Progress) -> int:
        """Make what a morning may need, every retry included; says how many photos that are.

        Raises `SourceError` where a worker is killed.
        """
        wanted = list(dict.fromkeys(self._of(morning)))
        missing = [photo for photo in wanted if not photo.path.exists()]
        # One person's photos go to one worker: what they share is computed once.
        missing.sort(key=lambda photo: photo.subject_id)
        done = len(wanted) - len(missing)
        progress(done, len(wanted))
        for made in _make_all(self._world, missing, workers):
            done += made
            progress(done, len(wanted))
        return len(wanted)

    def _of(self, morning: Morning) -> Iterable[_Wanted]:
        for candidate in morning.present:
            yield self._wanted(candidate.claim.claimed_subject_id, None)
            for conditions in candidate.conditions:
                yield self._wanted(str(candidate.claim.presented_subject_id), conditions)

    def _wanted(self, subject_id: str, conditions: Conditions | None) -> _Wanted:
        known = None if conditions is None else asdict(conditions)
        text = json.dumps([self._fingerprint, subject_id, known], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return _Wanted(subject_id, conditions, self._folder / name[:2] / f"{name}.photo")


def _made(world: World, wanted: _Wanted) -> bytes:
    if wanted.path.exists():
        return wanted.path.read_bytes()
    if wanted.conditions is None:
        content = world.reference(wanted.subject_id)
    else:
        content = world.probe(wanted.subject_id, wanted.conditions)
    with whole_file(wanted.path) as unfinished:
        unfinished.write_bytes(content)
    return content


def _make_all(world: World, missing: list[_Wanted], workers: int) -> Iterable[int]:
    if workers < 2 or len(missing) < 2 * _CHUNK:
        for photo in missing:
            _made(world, photo)
            yield 1
        return
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(world,),
    )
    try:
        for _ in pool.map(_make_in_worker, missing, chunksize=_CHUNK):
            yield 1
    except BrokenProcessPool as error:
        raise SourceError(
            "simulator: a rendering process was killed; check the memory and run it again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_worker: dict[str, World] = {}  # one for each process, so that the world travels once


def _start_worker(world: World) -> None:
    cv2.setNumThreads(1)
    _worker["world"] = world


def _make_in_worker(photo: _Wanted) -> None:
    _made(_worker["world"], photo)
