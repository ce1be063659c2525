"""The service put together, without a server around it: what a process serves and what it has to close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.monitoring.collector import MetricsCollector
from predictor.api import Routes, create_api
from predictor.body import Limits
from predictor.front_door import FrontDoor
from predictor.instruments import Instruments
from predictor.recommending import Recommending, Terms
from predictor.routes_health import HealthRoute, MetricsRoute, Observed
from predictor.routes_recommend import FeedbackRoute, KeptFeedback, RecommendRoute
from predictor.routes_registry import ModelsRoute, RetrainRoute, Token
from predictor.telemetry import Telemetry
from predictor.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp

    from mlops.feedback import FeedbackStore
    from mlops.shown_log import ShownLog
    from predictor.ports import Ports
    from predictor.settings import Settings
    from predictor.slot import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the composition root takes from the machine: time (Unix seconds, monotonic seconds), ids, a salt, files."""

    clock: Callable[[], float]
    timer: Callable[[], float]
    new_id: Callable[[], str]
    user_salt: bytes
    registry: CollectorRegistry
    feedback: FeedbackStore | None = None
    shown: ShownLog | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts that a server needs."""

    api: FastAPI
    recommending: Recommending
    telemetry: Telemetry
    collector: MetricsCollector
    limits: Limits
    new_id: Callable[[], str]
    workers: Workers
    side_workers: Workers

    def front_door(self, kserve: ASGIApp) -> FrontDoor:
        """Return the application that stands before `kserve`."""
        return FrontDoor(kserve, api=self.api, telemetry=self.telemetry, limits=self.limits, new_id=self.new_id)

    def close(self) -> None:
        """Let running work end."""
        self.workers.close()
        self.side_workers.close()


def assemble(settings: Settings, slot: Slot, ports: Ports, surroundings: Surroundings) -> Service:
    """Put the service together around `slot`, whatever is or will be in it."""
    instruments = Instruments(surroundings.registry)
    collector = MetricsCollector(surroundings.clock)
    workers = Workers("recommend", threads=settings.workers, waiting=settings.max_waiting)
    # Apart from the above: a registry that hangs must not take the threads that answer queries.
    side_workers = Workers("side", threads=4, waiting=32)
    terms = Terms(
        new_id=surroundings.new_id,
        timer=surroundings.timer,
        user_salt=surroundings.user_salt,
        seconds=settings.deadline_seconds,
    )
    recommending = Recommending(slot, workers, terms, ports.heard)
    kept = KeptFeedback(surroundings.feedback, instruments, ports.traffic)
    observed = Observed(
        slot=slot,
        recommending=recommending,
        feedback=surroundings.feedback,
        folder=settings.feedback_folder or settings.log_folder,
        least_free_bytes=settings.least_free_bytes,
        probes=ports.probes,
    )
    token = Token(None if settings.api_token is None else settings.api_token.get_secret_value())
    routes = Routes(
        recommend=RecommendRoute(recommending, surroundings.shown, terms, surroundings.clock),
        feedback=FeedbackRoute(kept, terms, surroundings.clock),
        health=HealthRoute(observed, side_workers),
        metrics=MetricsRoute(instruments, collector, slot, side_workers),
        models=ModelsRoute(ports.models, side_workers),
        retrain=RetrainRoute(ports.retraining, side_workers, token, settings.model_name),
    )
    return Service(
        api=create_api(routes),
        recommending=recommending,
        telemetry=Telemetry(instruments, collector, ports.traffic, clock=surroundings.clock, timer=surroundings.timer),
        collector=collector,
        limits=Limits(
            body_bytes=settings.max_body_bytes, body_seconds=settings.receive_seconds, requests=settings.max_requests
        ),
        new_id=surroundings.new_id,
        workers=workers,
        side_workers=side_workers,
    )
