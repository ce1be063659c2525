"""`python -m controller`: keep the Models of a namespace, or of all, until told to stop. One page of wiring."""

from __future__ import annotations

import logging
import os
import socket
import sys
from datetime import UTC, datetime
from threading import Thread
from time import monotonic, time
from typing import TYPE_CHECKING

import httpx
import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from controller.cluster.api import connect
from controller.cluster.board import Board
from controller.cluster.check_rounds import CheckRounds
from controller.cluster.instruments import Instruments
from controller.cluster.job_reading import JobReader
from controller.cluster.key import Key
from controller.cluster.kinds import MODELS, watched
from controller.cluster.leadership import Leadership
from controller.cluster.measuring import feedback_query
from controller.cluster.mirror import Mirror
from controller.cluster.prometheus import Prometheus
from controller.cluster.pump import run
from controller.cluster.refresher import Refresher
from controller.cluster.registry_rounds import RegistryRounds
from controller.cluster.retrain_due import note_due
from controller.cluster.rounds import Rounds
from controller.cluster.settings import Settings
from controller.cluster.shell import Surroundings
from controller.cluster.telling import BY
from controller.cluster.work_queue import WorkQueue
from controller.cluster.worker import Workers
from controller.cluster.world import resources_of
from controller.rollout_traces import open_traces
from controller.rollout_view import rollout_of
from controller.service.app import Backing, create_app
from controller.service.retrain_checks import RetrainChecks
from controller.service.reviews import Reviews
from controller.service.server import Server
from mlops import log_levels
from mlops.canonical_lines import BatchedLines
from mlops.errors import MlopsError, NotFound
from mlops.logging_config import LogConfig, configure_logging
from mlops.model_registry import open_registry
from mlops.monitoring.otlp_metrics import pushed_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.cluster.api import Object
    from controller.cluster.kinds import Kind
    from controller.observation import RetrainingJob
    from mlops.model_registry import ModelRegistry
    from mlops.retraining import DriftSeen
    from mlops.status_page.rollout import Rollout

_USAGE, _FAILED = 2, 6
_PROBE_SECONDS = 5.0
_CHECK_SECONDS = 600.0
# A line for each request, probe or event; what matters of it is in ours.
_QUIET = {"kopf": "WARNING", "httpx": "WARNING", "aiohttp.access": "WARNING", "leaderelection": "WARNING",
          "opentelemetry": "ERROR", "urllib3": "ERROR", "uvicorn": "WARNING"}  # fmt: skip

_log = structlog.stdlib.get_logger("mlops")


def main() -> int:
    """Return the exit code: 0 after a stop, 2 where the settings are wrong, 6 where something is to be mended."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"CONTROLLER_{'_'.join(str(step) for step in fault['loc']).upper()}: {fault['msg']}\n")
        return _USAGE
    logs = LogConfig(level=settings.log_level, levels=_QUIET | settings.log_levels)
    configure_logging(logs)
    log_levels.listen(logs)
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig  # kopf takes it from there
    try:
        return _keep(settings)
    except MlopsError as error:
        _log.error("cannot begin", reason=error.message, next=error.hint)
        return _FAILED


def _keep(settings: Settings) -> int:
    queue, board, lines = WorkQueue[Key](monotonic), Board(), BatchedLines("mlops")
    instruments = Instruments(CollectorRegistry(), board, lambda: queue.depth, settings.called)
    api = connect(settings.namespace, settings.kubeconfig, instruments.called)
    everywhere = settings.scope == "cluster"
    mirror = Mirror(api.within("") if everywhere else api, watched(splits=settings.traffic == "gatewayAPI"), monotonic)
    registry = open_registry(settings.registry, _now)
    prometheus = Prometheus(settings.prometheus) if settings.prometheus else None

    def key_of(called: str) -> Key:
        return settings.key_of(called, api.namespace)

    checks = _checks(mirror, registry, prometheus, queue, key_of)
    send, flush = open_traces("recipe-recommender-controller")
    around = Surroundings(
        settings=settings, prometheus=prometheus, digest_at=_digest_at, clock=_now,
        board=board, entered=instruments.entered, trace=send,
    )  # fmt: skip
    rounds, reviews = RegistryRounds(lambda: registry, monotonic, by=BY), Reviews(api)
    workers = Workers(mirror.within, around, queue, rounds, instruments, monotonic, lines)
    refresher = Rounds(Refresher(mirror, queue.add).once, "refresher", seconds=settings.compare_seconds)
    leadership = Leadership(api, settings.lease, settings.identity or socket.gethostname(), _now, _end)
    server = Server(create_app(Backing(
        registry=registry, rollout=lambda model: _rollout(mirror, key_of(model)), check=checks.check,
        admit=lambda authorization, model: reviews.admit(authorization, key_of(model)), sick=mirror.deaf,
        unready=lambda: None if mirror.filled else "the cluster's state is still being read",
        metrics=instruments.registry,
    )), settings.http_port)  # fmt: skip

    check_rounds = Rounds(
        CheckRounds(lambda: mirror.every(MODELS), lambda key: checks.check(settings.called(key))).once,
        "checks", seconds=_CHECK_SECONDS,
    )  # fmt: skip

    def lead() -> None:
        if leadership.wait():
            instruments.leads()
            _log.info("leading", lease=settings.lease)
            workers.start()
            check_rounds.start()

    def saw(kind: Kind, what: str | None, document: Object) -> None:
        if (key := mirror.saw(kind, what, document)) is not None:
            queue.add(key)

    server.start()
    try:
        with pushed_metrics(instruments.registry.collect, time):
            for key in mirror.fill():
                queue.add(key)
            leadership.stand()
            leader = Thread(target=lead, name="leader", daemon=True)
            leader.start()
            refresher.start()
            _log.info(
                "keeping", namespace=None if everywhere else api.namespace, registry=httpx.URL(settings.registry).host
            )
            run(mirror.kinds, saw, None if everywhere else api.namespace, kubeconfig=settings.kubeconfig)
            refresher.stop()
            check_rounds.stop()
            workers.stop()
            leadership.resign()
            leader.join()
    finally:
        server.stop()
        flush()
        lines.close()
        registry.close()
        if prometheus is not None:
            prometheus.close()
        logging.shutdown()
    return 0


def _checks(
    mirror: Mirror,
    registry: ModelRegistry,
    prometheus: Prometheus | None,
    queue: WorkQueue[Key],
    key_of: Callable[[str], Key],
) -> RetrainChecks:
    def jobs(called: str) -> JobReader:
        key = key_of(called)
        return JobReader(mirror.within(key.namespace), key.model)

    def runs(called: str) -> Sequence[RetrainingJob]:
        return jobs(called).read().runs

    def feedbacks(called: str, since: datetime) -> int | None:
        if prometheus is None:
            return None
        key = key_of(called)
        found = prometheus.ask(feedback_query(key.model, key.namespace, since, _now()), _now().timestamp())
        return None if found is None else round(found)

    def note(called: str, due: bool) -> None:  # noqa: FBT001 - its port's
        key = key_of(called)
        note_due(mirror.within(key.namespace), key.model, due=due)
        queue.add(key)

    def drift(called: str, version: str) -> DriftSeen | None:
        return jobs(called).drift(version)

    return RetrainChecks(registry, runs, feedbacks, note, _now, drift=drift)


def _rollout(mirror: Mirror, key: Key) -> Rollout:
    """Where the versions of a model are, as the statuses say. Raises NotFound."""
    found = resources_of(mirror.within(key.namespace), key.model)
    if found.model is None:
        raise NotFound(f"there is no Model {key.model[:128]!r} in {key.namespace[:128]!r}", hint="kubectl get models")
    return rollout_of(found.model, found.versions)


def _end() -> None:
    """Another decides now: whatever this process is about to write, it must not."""
    logging.shutdown()
    os._exit(_FAILED)


def _digest_at(address: str) -> str | None:
    """The digest that a predictor says it serves, None where it does not say."""
    try:
        answer = httpx.get(f"http://{address}/health", timeout=_PROBE_SECONDS).json()
        return str(answer["model"]["digest"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the composition root


if __name__ == "__main__":
    sys.exit(main())
