"""Notices on their way to somebody's address: as JSON in the form of Alertmanager's webhook, tried again until taken.

Whoever receives Alertmanager's webhooks receives these. An address that does not answer holds up nobody: notices wait
in a bounded queue, and after the last try one is logged and lost.
"""

from __future__ import annotations

from datetime import UTC, datetime
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    wait_random_exponential,
)

from mlops.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenacity import RetryCallState
    from tenacity.wait import wait_base

    from mlops.monitoring.alerts import Notice

ATTEMPTS = 6
_SECONDS = 10.0
_LATER = frozenset({408, 425, 429})

_log = structlog.stdlib.get_logger("monitoring")


class Webhook:
    """Delivers to one address in a thread of its own. `labels` tell whose alerts they are."""

    def __init__(
        self,
        url: str,
        labels: Mapping[str, str],
        *,
        waiting: int = 100,
        pauses: wait_base | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._labels = labels
        self._queue: Queue[Sequence[Notice] | None] = Queue(maxsize=waiting)
        self._pauses = pauses or wait_random_exponential(multiplier=1, max=60)
        self._client = httpx.Client(timeout=_SECONDS, transport=transport)
        self._stopping = Event()
        self.lost = 0
        self._thread = Thread(target=self._deliver_forever, name="webhook", daemon=True)
        self._thread.start()

    def send(self, notices: Sequence[Notice]) -> None:
        """Queue notices; never waits and never raises."""
        try:
            self._queue.put_nowait(notices)
        except Full:
            self._lose(notices, "the queue is full")

    def close(self) -> None:
        """Try what is queued once more, each a single time, and end."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join()
        self._client.close()

    def _deliver_forever(self) -> None:
        while (notices := self._queue.get()) is not None:
            try:
                self._deliver(document(notices, self._labels))
            except (RetryError, Permanent) as error:
                reason = error.message if isinstance(error, Permanent) else f"{ATTEMPTS} tries failed"
                self._lose(notices, reason)

    def _deliver(self, body: Mapping[str, Any]) -> None:
        retrying = Retrying(
            stop=self._enough,
            wait=self._pauses,
            sleep=self._pause,
            retry=retry_if_exception_type(Transient),
        )
        retrying(_post, self._client, self._url, body)

    def _enough(self, state: RetryCallState) -> bool:
        return state.attempt_number >= ATTEMPTS or self._stopping.is_set()

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _lose(self, notices: Sequence[Notice], reason: str) -> None:
        self.lost += len(notices)
        _log.error("alerts were not delivered", alerts=[str(each.alert.kind) for each in notices], reason=reason)


def _post(client: httpx.Client, url: str, body: Mapping[str, Any]) -> None:
    """Deliver once. Raises Transient where trying again may help, Permanent where it cannot; neither names the URL."""
    try:
        answer = client.post(url, json=body)
    except httpx.TransportError as error:
        raise Transient(f"no answer: {type(error).__name__}") from error
    if answer.status_code in _LATER or answer.is_server_error:
        raise Transient(f"answered {answer.status_code}")
    if not answer.is_success:
        raise Permanent(f"answered {answer.status_code}", hint="check the address of the webhook")


def document(notices: Sequence[Notice], labels: Mapping[str, str]) -> dict[str, Any]:
    """The body, as Alertmanager's webhook has it (version 4)."""
    alerts = [_alert(notice, labels) for notice in notices]
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "status": "firing" if firing else "resolved",
        "receiver": "recipe-recommender",
        "groupLabels": {},
        "commonLabels": dict(labels),
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": alerts,
    }


def _alert(notice: Notice, labels: Mapping[str, str]) -> dict[str, Any]:
    alert = notice.alert
    subject = {"subject": alert.subject} if alert.subject else {}
    named = {"alertname": str(alert.kind), "severity": str(alert.kind.severity), **subject, **labels}
    started = alert.fires_since if alert.fires_since is not None else alert.seen_at
    return {
        "status": "resolved" if notice.resolved else "firing",
        "labels": named,
        "annotations": {"summary": alert.reason},
        "startsAt": _time(started),
        "endsAt": _time(notice.at) if notice.resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{alert.kind}/{alert.subject}",
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
