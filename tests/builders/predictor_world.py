"""A whole predictor service in process, behind its front door and over ASGI: no port, no KServe, no sleep."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import JSONResponse

from predictor.answers import ProblemResponse
from predictor.ports import Ports
from predictor.service import assemble
from predictor.settings import Settings
from predictor.slot import Slot
from predictor.surroundings import Surroundings

if TYPE_CHECKING:
    from threading import Event

    from mlops.feedback import FeedbackStore
    from mlops.monitoring.alerts import Notice
    from mlops.recommendation import ServedModel
    from mlops.shown_log import ShownLog
    from predictor.service import Service


@dataclass
class World:
    """A service and its surroundings, which a test may change between requests."""

    service: Service
    slot: Slot
    registry: CollectorRegistry
    now: list[float] = field(default_factory=lambda: [1_800_000_000.0])
    told: list[Notice] = field(default_factory=list)
    kserve_answer: Any = None

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.requests([(method, path, options)])[0]

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.request("POST", path, json=body, headers=headers)

    def requests(self, calls: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Send all at once and return the answers in order."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await asyncio.gather(*(client.request(m, p, **options) for m, p, options in calls))

        return asyncio.run(send())

    def requests_held(self, calls: list[tuple[str, str, dict[str, Any]]], *, held: int, gate: Event) -> list[Any]:
        """Send all at once; open `gate` when all but `held` are answered. Return the answers in order of coming."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                waiting = {asyncio.ensure_future(client.request(m, p, **options)) for m, p, options in calls}
                answers = []
                while waiting:
                    if len(waiting) == held:
                        gate.set()
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
                    assert done, f"{len(waiting)} requests hang, {held} were expected to"
                    answers += [task.result() for task in done]
                return answers

        return asyncio.run(send())

    @property
    def app(self):
        async def kserve(scope, receive, send):
            if isinstance(self.kserve_answer, Exception):
                raise self.kserve_answer
            await (self.kserve_answer or JSONResponse({"kserve": scope["path"]}))(scope, receive, send)

        return self.service.front_door(kserve)

    @property
    def metrics(self) -> dict[str, float]:
        """Every sample of the Prometheus text, by name with labels."""
        lines = generate_latest(self.registry).decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def make_world(
    served: ServedModel | None,
    ports: Ports | None = None,
    feedback: FeedbackStore | None = None,
    shown: ShownLog | None = None,
    *,
    note_later: bool = False,
    **settings: Any,
) -> World:
    """Build a service with `served` in its slot; a salt, ids and time that are always the same."""
    slot = Slot()
    if served is not None:
        slot.swap(served)
    now = [1_800_000_000.0]
    told: list[Notice] = []
    counter = itertools.count(1)
    surroundings = Surroundings(
        clock=lambda: now[0],
        timer=itertools.count(0.0, 0.002).__next__,
        new_id=lambda: f"id-{next(counter)}",
        user_salt=b"salt",
        registry=CollectorRegistry(),
        feedback=feedback,
        shown=shown,
        alert=told.extend,
        note_later=note_later,
    )
    service = assemble(Settings(artifact=Path("unused"), **settings), slot, ports or Ports(), surroundings)
    return World(service=service, slot=slot, registry=surroundings.registry, now=now, told=told)


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    """Hold `answer` to RFC 9457 and to `kind`."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    ProblemResponse.model_validate(body, extra="forbid")
    assert (body["status"], body["type"]) == (status, f"urn:recipe-recommender:problem:{kind}")
    assert body["instance"] == str(answer.request.url.path)
    assert body["request_id"] == answer.headers["x-request-id"]
