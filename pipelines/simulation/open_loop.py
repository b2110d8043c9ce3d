"""A morning sent to a real server: open loop, on the clock, whatever the answers take.

First attempts are sent at the times at which candidates stand before the cameras when everybody
passes at once; no answer moves them. A retry is sent when its candidate can have read the answer
and followed it. Latency counts from the scheduled time, not from the sending: a generator that
falls behind a slow server must not hide its slowness (coordinated omission).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, Field

from data.simulator.gates import (
    Attempt,
    DecidedAttempt,
    Decision,
    Ending,
    ending_of,
    run_gates,
)
from data.simulator.morning import Morning
from data.simulator.photos import PhotoStore
from data.simulator.service import ServiceConfig
from pipelines.errors import LoadError
from pipelines.simulation.gate_client import GateApi, Reply, no_answer


class LoadConfig(BaseModel):
    """How a morning is put onto a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speedup: float = Field(default=20.0, gt=0)
    """Simulated seconds in one real second."""
    max_connections: int = Field(default=64, ge=1, le=1024)
    """Requests under way at once; one more waits here, and is late."""
    timeout_s: float = Field(default=10.0, gt=0)
    """For one request; then the attempt has no answer."""
    late_after_ms: float = Field(default=20.0, gt=0)
    """A request that leaves later than this after its time counts as late."""
    busy_retries: int = Field(default=2, ge=0, le=20)
    """How often a request is sent again after 429 or 503, each time after the `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, in seconds since the load began."""

    decided: DecidedAttempt
    scheduled_s: float
    sent_s: float
    """The first time, where it was sent again."""
    done_s: float
    reply: Reply
    num_busy: int
    """Answers 429 and 503 before the last one, or all of them where it was given up."""


class OpenLoop:
    """Sends one morning to one server. Photos must have been prepared."""

    def __init__(
        self, morning: Morning, store: PhotoStore, api: GateApi, config: LoadConfig
    ) -> None:
        self._morning = morning
        self._store = store
        self._api = api
        self._config = config
        self._slots = asyncio.Semaphore(config.max_connections)
        self._began_s = 0.0

    async def run(self, client: httpx.AsyncClient) -> list[Sent]:
        """Send everything; returns the requests in the order of their schedule."""
        firsts = _schedule(self._morning)
        if not firsts:
            raise LoadError("nobody comes this morning; raise num_candidates or lower absent_share")
        start_s = firsts[0].called_s
        self._began_s = time.perf_counter()
        waves = await asyncio.gather(*(self._transaction(client, one, start_s) for one in firsts))
        return sorted((sent for wave in waves for sent in wave), key=lambda sent: sent.scheduled_s)

    async def _transaction(
        self, client: httpx.AsyncClient, first: DecidedAttempt, start_s: float
    ) -> list[Sent]:
        """All attempts of one candidate. Simulated times are kept, real ones derived."""
        service, speedup = self._morning.config.service, self._config.speedup
        attempt, found = first.attempt, list[Sent]()
        while True:
            scheduled_s = (attempt.at_s - start_s) / speedup
            sent_s, done_s, reply, num_busy = await self._ask(client, attempt, scheduled_s)
            decided_s = attempt.at_s + max(service.decision_s, done_s - scheduled_s)
            ending = _ending(attempt, reply, service)
            decided = DecidedAttempt(attempt, reply.decision, first.called_s, decided_s, ending)
            found.append(Sent(decided, scheduled_s, sent_s, done_s, reply, num_busy))
            if ending is not None:
                return found
            again_s = decided_s + attempt.candidate.pace.retry_s[attempt.number - 1]
            # Nobody follows advice before it is there, however fast the clock runs.
            again_s = max(again_s, start_s + done_s * speedup)
            attempt = Attempt(attempt.candidate, attempt.number + 1, again_s)

    async def _ask(
        self, client: httpx.AsyncClient, attempt: Attempt, scheduled_s: float
    ) -> tuple[float, float, Reply, int]:
        await asyncio.sleep(max(0.0, scheduled_s - self._now_s()))
        reference = self._store.reference(attempt.candidate.claim.claimed_subject_id)
        probe = self._store.probe(attempt)
        num_busy, sent_s = 0, -1.0
        while True:
            async with self._slots:
                sent_s = self._now_s() if sent_s < 0 else sent_s
                reply = await self._send(client, reference, probe)
            if reply.kind != "busy":
                return sent_s, self._now_s(), reply, num_busy
            num_busy += 1
            if num_busy > self._config.busy_retries:
                return sent_s, self._now_s(), reply, num_busy
            await asyncio.sleep(reply.retry_after_s)

    async def _send(self, client: httpx.AsyncClient, reference: bytes, probe: bytes) -> Reply:
        try:
            return self._api.read(await client.send(self._api.request(client, reference, probe)))
        except httpx.TimeoutException:
            return no_answer("timeout")
        except httpx.TransportError:
            return no_answer("unreachable")

    def _now_s(self) -> float:
        return time.perf_counter() - self._began_s


def send_morning(
    url: str, morning: Morning, store: PhotoStore, api: GateApi, config: LoadConfig
) -> list[Sent]:
    """Send a morning to a server; raises `LoadError` where it is no address or not ready."""
    return asyncio.run(_send_morning(url, morning, store, api, config))


async def _send_morning(
    url: str, morning: Morning, store: PhotoStore, api: GateApi, config: LoadConfig
) -> list[Sent]:
    limits = httpx.Limits(
        max_connections=config.max_connections, max_keepalive_connections=config.max_connections
    )
    try:
        client = httpx.AsyncClient(
            base_url=url, limits=limits, timeout=config.timeout_s, trust_env=False
        )
        async with client:
            ready = await client.get("/readyz")
            if ready.status_code != httpx.codes.OK:
                raise LoadError(f"{url}/readyz answers {ready.status_code}; start the server first")
            return await OpenLoop(morning, store, api, config).run(client)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TransportError) as error:
        raise LoadError(f"{url} cannot be reached ({error}); start the server first") from error


def _schedule(morning: Morning) -> Sequence[DecidedAttempt]:
    """First attempts as they come when everybody passes at once."""
    return list(run_gates(morning, lambda _: Decision("match")))


def _ending(attempt: Attempt, reply: Reply, service: ServiceConfig) -> Ending | None:
    """Where the server decides nothing a person does; the candidate is not sent to try again."""
    return ending_of(attempt, reply.decision, service) if reply.kind == "decided" else "desk"
