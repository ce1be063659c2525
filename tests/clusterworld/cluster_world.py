"""The cluster's shell as a scenario's world: the real shell over an API server in memory, with what KServe, the Gateway,
Jobs, Prometheus and MLflow do played by `surroundings.py`. Time is a number, so a day passes in milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from controller.cluster.kinds import APPROVALS, watched
from controller.cluster.mirror import Mirror
from controller.cluster.shell import ClusterShell, Gone
from controller.loop import settle
from mlops.errors import Transient
from tests.builders.surroundings import surroundings
from tests.clusterworld.stored_world import StoredWorld
from tests.clusterworld.surroundings import Platform, Registry
from tests.fakes.kube_api import InMemoryKubeApi

if TYPE_CHECKING:
    from tests.scenarios.world import Behaviour

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
MODEL = "recipes"
AGAIN = timedelta(seconds=1)


class ClusterWorld(StoredWorld):
    """One model named `recipes` in one namespace."""

    def __init__(self, unit: int = 20) -> None:
        self.unit = unit
        self.true_time = START
        self.offset = timedelta()
        super().__init__(InMemoryKubeApi(), MODEL)
        self.api.timestamp = self._timestamp
        self.registry_watch = Registry()
        self.platform = Platform(self.api, lambda: self.now)
        self.mirror = Mirror(self.api, watched(splits=True), lambda: 0.0)
        around = surroundings(
            prometheus=self.platform.prometheus,
            digest_at=self.platform.digest_at,
            clock=lambda: self.now,
        )
        self.shell = ClusterShell(MODEL, self.mirror.within(self.api.namespace), around, self.registry_watch)

    @property
    def now(self) -> datetime:
        """What every clock of the cluster shows."""
        return self.true_time + self.offset

    # What a scenario does

    def seconds(self, units: int) -> int:
        return units * self.unit

    def advance(self, units: int) -> None:
        until = self.true_time + timedelta(seconds=self.seconds(units))
        while True:
            wake = self._work()
            event = self.platform.next_event()
            ahead = [at - self.offset for at in (wake, event) if at is not None and at > self.now]
            self.true_time = min([*ahead, until])
            if self.true_time >= until:
                self._work()
                return

    def behave(self, version: str, behaviour: Behaviour) -> None:
        self.platform.behaviours[version] = behaviour

    def approve(self, version: str, by: str, *, really: str | None = None) -> None:
        if really in (None, by):  # the admission policy lets nobody name another than themselves
            self._decide_on(version, "Approve", by)

    def reject(self, version: str, by: str) -> None:
        self._decide_on(version, "Reject", by)

    def users(self, state: str) -> None:
        self.platform.users_ask = state == "asking"

    def metrics(self, state: str) -> None:
        self.platform.metrics = state

    def registry(self, state: str) -> None:
        self.registry_watch.up = state == "up"

    def jump(self, seconds: int) -> None:
        self.offset += timedelta(seconds=seconds)

    # What a scenario sees

    def weights(self) -> dict[str, int]:
        return self.platform.weights()

    def alias(self) -> str | None:
        return self.registry_watch.champion

    # The worker

    def _work(self) -> datetime | None:
        """Settle, until neither the world nor the shell has anything to do at this moment."""
        wake: datetime | None = None
        for _ in range(60):
            followed = self.platform.follow()
            for kind in self.mirror.kinds:
                self.mirror.refresh(kind)  # what events would tell
            try:
                rest = settle(self.shell, lambda: self.now)
            except Transient:
                return self.now + AGAIN
            except Gone:
                return None
            wake = min([at for at in (rest.wake_at, self.now + AGAIN if rest.faults else None) if at], default=None)
            if not followed and not self.platform.pending():
                return wake
        raise AssertionError(f"no rest at {self.now}")

    def _decide_on(self, version: str, decision: str, by: str) -> None:
        self.api.create(APPROVALS, self.approval(version, decision, by))

    def _timestamp(self) -> str:
        return self.now.isoformat()
