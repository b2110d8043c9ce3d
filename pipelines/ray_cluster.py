"""A Ray cluster to run on: somebody's, or one of our own on this machine that ends with the run."""

import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pipelines.errors import LaunchError

_OBJECT_STORE_BYTES: Final = 80 * 2**20
"""Ray's least, nearly: ranks exchange nothing through it."""
_CONNECT_S: Final = 10
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to Ray's makers
    "RAY_TRAIN_METRICS_ENABLED": "0",  # ours go to MLflow
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
_OWN: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # nobody takes this machine away
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
}


@contextmanager
def ray_cluster(address: str | None, cores: int) -> Iterator[None]:
    """Be connected to the cluster at `address`, or to one of `cores` on this machine for None.

    Our own has no dashboard, asks for a token that only its processes know, writes into a folder
    that is removed, and ends here. Raises `LaunchError` where no cluster answers.
    """
    _set(_QUIET)
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        settings = _own(cores, folder) if address is None else _given(address)
        import ray  # after the variables, some of which it reads when it is imported

        try:
            ray.init(**settings, logging_config=ray.LoggingConfig(log_level="ERROR"))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise LaunchError(f"no Ray cluster at {settings['address']} ({error})") from error
        # Ray's own handler of SIGTERM ends in an abort, with its stack.
        signal.signal(signal.SIGTERM, _raise_exit)
        try:
            yield
        finally:
            ray.shutdown()


def _own(cores: int, folder: str) -> dict[str, Any]:
    _set({**_OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    return {
        "address": "local",
        "num_cpus": cores,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": folder,
    }


def _given(address: str) -> dict[str, Any]:
    _check_answers(address)
    return {"address": address}


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit() or "/" in host:
        raise LaunchError(f"{address}: give a Ray cluster as HOST:PORT, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise LaunchError(
            f"no Ray cluster at {address} ({error}); see `ray status` there"
        ) from error


def _raise_exit(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


def _set(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)
