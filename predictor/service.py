"""The service put together, without a server around it: what a process serves and what it has to close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.monitoring.alerts import Terms as AlertTerms
from mlops.monitoring.collector import MetricsCollector
from mlops.monitoring.findings import Limits
from predictor.answer_memory import AnswerMemory
from predictor.answering import AT_ONCE, answer_together
from predictor.api import Routes, ShortCut, create_api
from predictor.body import Limits as RequestLimits
from predictor.components import Components, Observed
from predictor.front_door import FrontDoor
from predictor.gate import QuestionGate
from predictor.instruments import Instruments
from predictor.noting import Noting
from predictor.recommending import Recommending, Terms
from predictor.routes_health import HealthRoute, MetricsRoute
from predictor.routes_page import PageRoute, RolloutRoute
from predictor.routes_recommend import FeedbackRoute, KeptFeedback, RecommendRoute
from predictor.routes_registry import ModelsRoute, RetrainRoute, Token
from predictor.telemetry import Telemetry
from predictor.turning_away import TurningAway
from predictor.watch import Looking, Watch, Watched
from predictor.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from fastapi import FastAPI
    from prometheus_client.core import Metric
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from predictor.ports import Ports
    from predictor.settings import Settings
    from predictor.slot import Slot
    from predictor.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts that a server needs. `collect` returns the metrics as they are now, to any thread."""

    api: FastAPI
    recommend: Callable[[Request], Awaitable[Response]]
    recommending: Recommending
    gate: QuestionGate
    telemetry: Telemetry
    collector: MetricsCollector
    limits: RequestLimits
    new_id: Callable[[], str]
    workers: Workers
    side_workers: Workers
    watch: Watch
    looking: Looking
    collect: Callable[[], Iterable[Metric]]

    def front_door(self, kserve: ASGIApp) -> FrontDoor:
        """Return the application that stands before `kserve`."""
        api = ShortCut(self.api, self.recommend)
        return FrontDoor(kserve, api=api, telemetry=self.telemetry, limits=self.limits, new_id=self.new_id)

    def close(self) -> None:
        """Let running work end."""
        self.looking.stop()
        self.workers.close()
        self.side_workers.close()
        self.telemetry.settle()


def assemble(settings: Settings, slot: Slot, ports: Ports, surroundings: Surroundings) -> Service:
    """Put the service together around `slot`, whatever is or will be in it."""
    instruments = Instruments(surroundings.registry)
    collector = MetricsCollector(surroundings.clock, surroundings.samples)
    collector.restore(surroundings.measured)
    telemetry = Telemetry(
        Noting(instruments, collector, ports.traffic, surroundings.lines),
        instruments,
        clock=surroundings.clock,
        timer=surroundings.timer,
        tracing=surroundings.tracing,
        later=surroundings.note_later,
    )
    workers = Workers(
        "recommend", threads=settings.workers, waiting=settings.max_waiting, waiting_then=settings.max_waiting // 2,
        at_once=AT_ONCE, do=answer_together, begin=surroundings.begin_answering, timer=surroundings.timer,
    )  # fmt: skip
    # Apart from the above: a registry that hangs must not take the threads that answer queries.
    side_workers = Workers("side", threads=4, waiting=32)
    terms = Terms(
        new_id=surroundings.new_id,
        timer=surroundings.timer,
        user_salt=surroundings.user_salt,
        seconds=settings.deadline_seconds,
    )
    memory = AnswerMemory(settings.remember_megabytes << 20)
    recommending = Recommending(slot, workers, terms, memory, ports.heard)
    kept = KeptFeedback(surroundings.feedback, instruments, ports.traffic)
    observed = Observed(
        slot=slot,
        recommending=recommending,
        feedback=surroundings.feedback,
        folder=settings.feedback_folder or settings.log_folder,
        least_free_bytes=settings.least_free_bytes,
        probes=ports.probes,
        clock=surroundings.clock,
    )
    components = Components(observed, side_workers)
    watch = _watch(settings, ports, surroundings, collector, components)
    token = Token(None if settings.api_token is None else settings.api_token.get_secret_value())
    recommend = RecommendRoute(recommending, surroundings.shown, terms, surroundings.clock)
    limits = RequestLimits(
        body_bytes=settings.max_body_bytes, body_seconds=settings.receive_seconds, requests=settings.max_requests
    )
    turning_away = TurningAway(workers, telemetry, surroundings.new_id, model_name=settings.model_name)
    gate = QuestionGate(recommending, recommend, turning_away, telemetry, limits, surroundings.new_id)
    feedback = FeedbackRoute(kept, terms, surroundings.clock)
    health = HealthRoute(slot, components, lambda: watch.firing)
    routes = Routes(
        recommend=recommend,
        feedback=feedback,
        health=health,
        page=PageRoute(settings.model_name, health, recommend, feedback),
        rollout=RolloutRoute(ports.rollout, side_workers),
        metrics=MetricsRoute(
            instruments, collector, slot, side_workers, alerts=lambda: watch.firing, settle=telemetry.settle
        ),
        models=ModelsRoute(ports.models, side_workers),
        retrain=RetrainRoute(ports.retraining, side_workers, token, settings.model_name),
    )
    return Service(
        api=create_api(routes),
        recommend=routes.recommend.recommend,
        recommending=recommending,
        gate=gate,
        telemetry=telemetry,
        collector=collector,
        limits=limits,
        new_id=surroundings.new_id,
        workers=workers,
        side_workers=side_workers,
        watch=watch,
        looking=Looking(watch),
        collect=routes.metrics.collect,
    )


def _watch(
    settings: Settings, ports: Ports, surroundings: Surroundings, collector: MetricsCollector, components: Components
) -> Watch:
    watched = Watched(
        collector=collector,
        components=components.now,
        trained_at=ports.trained_at,
        detector=ports.detector,
        clock=surroundings.clock,
    )
    limits = Limits(
        p95_ms=settings.alert_p95_ms, error_rate=settings.alert_error_rate, stale_days=settings.alert_stale_days
    )
    return Watch(watched, limits, AlertTerms(cool_down=settings.alert_repeat_seconds), surroundings.alert)
