"""Two machines, as far as one can be two: two agents of torchrun on loopback, one rank each."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.pipelines.launching.toy import SAVED_EVERY, expected, saved

ROOT = Path(__file__).resolve().parents[3]
STEPS = 2000
PATIENCE_S = 240
Agent = subprocess.Popen[str]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _command(port: int, folder: Path, is_host: bool) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run",
        "--nnodes", "1:2", "--nproc-per-node", "1", "--max-restarts", "3",
        "--rdzv-id", "toy", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}",
        # Who holds the store; how long to wait for more machines; when a silent one counts as gone.
        "--rdzv-conf", f"is_host={is_host},last_call_timeout=10,keep_alive_interval=1",
        "--local-addr", "127.0.0.1",
        "-m", "tests.pipelines.launching.run_toy", str(folder), str(STEPS),
    ]  # fmt: skip


@contextmanager
def _agent(command: list[str], folder: Path) -> Iterator[Agent]:
    environment = {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        _kill(process)
        process.communicate()


def _kill(agent: Agent) -> None:
    """The whole machine at once: agent and rank."""
    if agent.poll() is None:
        ranks = psutil.Process(agent.pid).children(recursive=True)
        agent.kill()
        for rank in ranks:
            rank.kill()


def test_lost_machine_is_done_without(tmp_path: Path) -> None:
    """Both count together; one is lost; the other goes on from what was saved, alone."""
    port = _free_port()
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(_agent(_command(port, tmp_path, is_host), tmp_path))
            for is_host in (True, False)
        )
        deadline = time.monotonic() + PATIENCE_S
        while not (tmp_path / "count").exists() or saved(tmp_path)[0] < 2 * SAVED_EVERY:
            assert time.monotonic() < deadline, "the two did not begin"
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.02)
        _kill(second)
        said = first.communicate(timeout=PATIENCE_S)[1]
    assert first.returncode == 0, said
    begun = [
        tuple(map(int, found)) for found in re.findall(r"0 of (\d) begins at step (\d+)", said)
    ]
    assert begun[0] == (2, 0)
    assert begun[-1][0] == 1
    assert begun[-1][1] >= 2 * SAVED_EVERY
    assert saved(tmp_path) == (STEPS, expected(STEPS))
