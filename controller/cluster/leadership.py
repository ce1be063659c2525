"""Which replica decides: the one that holds a Lease. The election itself is the Kubernetes client's.

Whoever loses the Lease must stop at once, for another decides already: the process ends (`lost`), and comes back as one
that waits.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from kubernetes.leaderelection import electionconfig
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord

from controller.cluster.kinds import LEASES
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.cluster.api import KubeApi, Object

# A leader that could not renew for 10 s stops, 5 s before another may take its place, as with client-go; that renews
# every 2 s, which here would be a third of what idling costs.
LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 15, 10, 4

_log = structlog.stdlib.get_logger("mlops")


class Leadership:
    """Stands for election in a thread. `lost` is called when leadership is gone after it was there."""

    def __init__(
        self, api: KubeApi, name: str, identity: str, clock: Callable[[], datetime], lost: Callable[[], None]
    ) -> None:
        self._lock = LeaseLock(api, name, identity, clock)
        self._lost = lost
        self._won = Event()
        self._over = Event()
        self._thread = Thread(target=self._stand, name="leadership", daemon=True)

    def stand(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self) -> bool:
        """Wait until this replica leads; False where `resign` came first."""
        self._won.wait()
        return not self._over.is_set()

    def resign(self) -> None:
        """Give the Lease back, so that the next need not wait until it runs out. Raises nothing."""
        self._over.set()
        self._won.set()
        self._lock.release()

    def _stand(self) -> None:
        config = electionconfig.Config(  # type: ignore[no-untyped-call]
            self._lock, LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS,
            onstarted_leading=self._won.set, onstopped_leading=self._stopped,
        )  # fmt: skip
        LeaderElection(config).run()  # type: ignore[no-untyped-call]

    def _stopped(self) -> None:
        if not self._over.is_set():
            _log.error("leadership is lost", next="the process ends and stands for election again")
            self._lost()


class LeaseLock:
    """What `LeaderElection` keeps its record in: a Lease, by our own client, which no broken connection stops."""

    def __init__(self, api: KubeApi, name: str, identity: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.namespace = api.namespace
        self.identity = identity
        self._api = api
        self._clock = clock
        self._read: Object | None = None
        self._released = False

    def get(self, _name: str, _namespace: str) -> tuple[bool, Any]:
        """Return True and the record; or False and, where there is no Lease, a fault that says so as HTTP does."""
        try:
            self._read = self._api.get(LEASES, self.name)
        except MlopsError as error:
            return False, _Refusal(500, error.message)
        if self._read is None:
            return False, _Refusal(404, "there is no Lease")
        spec = self._read.get("spec", {})
        seconds = spec.get("leaseDurationSeconds")
        return True, LeaderElectionRecord(  # type: ignore[no-untyped-call]
            spec.get("holderIdentity") or None,
            None if seconds is None else str(seconds),
            spec.get("acquireTime"),
            spec.get("renewTime"),
        )

    def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:  # noqa: ARG002 - its port
        """Make the Lease; False where another was faster."""
        lease = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": {"name": self.name},
                 "spec": self._spec(election_record, None)}  # fmt: skip
        try:
            return self._api.create(LEASES, lease) is not None
        except MlopsError as error:
            _log.warning("cannot stand for election", reason=error.message, next=error.hint)
            return False

    def update(self, _name: str, _namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Write the record to the Lease as it was read; False where somebody wrote since."""
        if self._read is None or self._released:
            return False
        before = self._read.get("spec", {})
        try:
            written = self._api.replace(LEASES, {**self._read, "spec": self._spec(updated_record, before)})
        except MlopsError as error:
            _log.warning("cannot renew the Lease", reason=error.message, next=error.hint)
            return False
        return written is not None

    def release(self) -> None:
        """Let the Lease name nobody, if it names us."""
        self._released = True
        try:
            lease = self._api.get(LEASES, self.name)
            if lease is not None and lease.get("spec", {}).get("holderIdentity") == self.identity:
                self._api.replace(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except MlopsError as error:
            _log.warning("the Lease was not given back", reason=error.message, next="another leads once it runs out")

    def _spec(self, record: LeaderElectionRecord, before: Object | None) -> Object:
        now = self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = before is not None and before.get("holderIdentity") == self.identity
        acquired = before["acquireTime"] if before is not None and ours else now
        changes = int((before or {}).get("leaseTransitions", 0)) + (before is not None and not ours)
        return {
            "holderIdentity": record.holder_identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": changes,
        }


class _Refusal:
    """A fault as the election reads it: a body of JSON with a code."""

    def __init__(self, code: int, reason: str) -> None:
        self.body = orjson.dumps({"code": code})
        self.reason = reason
