"""`python -m controller`: keep the Models of a namespace until told to stop. One page of wiring."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from time import monotonic

import httpx
import structlog
from pydantic import ValidationError

from controller.cluster.api import connect
from controller.cluster.prometheus import Prometheus
from controller.cluster.pump import run
from controller.cluster.settings import Settings
from controller.cluster.shell import Surroundings
from controller.cluster.work_queue import WorkQueue
from controller.cluster.worker import Workers
from mlops.errors import MlopsError
from mlops.logging_config import LogConfig, configure_logging
from mlops.model_registry import ModelRegistry, open_registry

_USAGE, _FAILED = 2, 6
_PROBE_SECONDS = 5.0
# A line for each request, probe or event; what matters of it is in ours.
_QUIET = {"kopf": "WARNING", "httpx": "WARNING", "aiohttp.access": "WARNING"}

_log = structlog.stdlib.get_logger("mlops")


def main() -> int:
    """Return the exit code: 0 after a stop, 2 where the settings are wrong, 6 where something is to be mended."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"CONTROLLER_{'_'.join(str(step) for step in fault['loc']).upper()}: {fault['msg']}\n")
        return _USAGE
    configure_logging(LogConfig(level=settings.log_level, levels=_QUIET))
    if settings.kubeconfig:
        os.environ["KUBECONFIG"] = settings.kubeconfig  # kopf takes it from there
    try:
        return _keep(settings)
    except MlopsError as error:
        _log.error("cannot begin", reason=error.message, next=error.hint)
        return _FAILED


def _keep(settings: Settings) -> int:
    api = connect(settings.namespace, settings.kubeconfig)
    registry = open_registry(settings.registry, _now)
    prometheus = Prometheus(settings.prometheus) if settings.prometheus else None
    queue = WorkQueue(monotonic)
    around = Surroundings(api=api, settings=settings, prometheus=prometheus, digest_at=_digest_at, clock=_now)
    workers = Workers(around, queue, lambda: _of(registry))
    workers.start()
    _log.info("keeping", namespace=api.namespace, registry=httpx.URL(settings.registry).host)
    try:
        run(queue, api.namespace, health_port=settings.health_port, kubeconfig=settings.kubeconfig)
    finally:
        workers.stop()
        registry.close()
        if prometheus is not None:
            prometheus.close()
        logging.shutdown()
    return 0


def _of(registry: ModelRegistry) -> ModelRegistry:
    return registry


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
