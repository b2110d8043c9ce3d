"""Evidently reports its use to its makers unless told otherwise; here it is told so before."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

DO_NOT_TRACK: Final = "DO_NOT_TRACK"


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import Evidently, or what imports it, within this: telemetry off, for the whole process.

    Evidently 0.7 touches `numpy.core` and names of litestar that are going away. Both warn at
    import, and neither is ours to mend.
    """
    os.environ[DO_NOT_TRACK] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
