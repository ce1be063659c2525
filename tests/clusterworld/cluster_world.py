"""The cluster's shell as a scenario's world: the real shell over an API server in memory, with what KServe, the Gateway,
Jobs, Prometheus and MLflow do played by `surroundings.py`. Time is a number, so a day passes in milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from controller.cluster.kinds import APPROVALS, MODELS, VERSIONS, watched
from controller.cluster.mirror import Mirror
from controller.cluster.shell import ClusterShell, Gone
from controller.explain import explain
from controller.loop import settle
from controller.resource.meta import API_VERSION
from controller.resource.parse import dump, parse, read
from mlops.errors import Transient
from tests.builders.surroundings import surroundings
from tests.clusterworld.surroundings import Platform, Registry
from tests.fakes.kube_api import InMemoryKubeApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scenarios.world import Behaviour

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
UNSEEN = f"sha256:{'0' * 64}"
MODEL = "recipes"
AGAIN = timedelta(seconds=1)


class ClusterWorld:
    """One model named `recipes` in one namespace."""

    def __init__(self, unit: int = 20) -> None:
        self.unit = unit
        self.true_time = START
        self.offset = timedelta()
        self.api = InMemoryKubeApi()
        self.api.timestamp = self._timestamp
        self.registry_watch = Registry()
        self.platform = Platform(self.api, lambda: self.now)
        self.mirror = Mirror(self.api, watched(splits=True), lambda: 0.0)
        around = surroundings(
            api=self.mirror,
            prometheus=self.platform.prometheus,
            digest_at=self.platform.digest_at,
            clock=lambda: self.now,
        )
        self.shell = ClusterShell(MODEL, around, self.registry_watch)

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

    def apply(self, manifest: Mapping[str, Any]) -> None:
        resource = parse(dict(manifest))
        document = dump(resource)
        del document["metadata"]["generation"], document["metadata"]["namespace"]
        match document["kind"]:
            case "Model":
                self.api.apply(MODELS, document)
            case "ModelVersion":
                document["spec"].setdefault("requestedBy", "author")
                assert self.api.create(VERSIONS, document), "a version is immutable"
            case _:
                self.api.create(APPROVALS, document)

    def set_intent(self, version: str, intent: str) -> None:
        self.api.merge(VERSIONS, self._name(version), {"spec": {"intent": intent}})

    def patch_model(self, spec: Mapping[str, Any]) -> None:
        stored = self.api.get(MODELS, MODEL) or {"spec": {}}
        kept = {key: value for key, value in (stored["spec"] | spec).items() if value is not None}
        self.apply({"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": MODEL}, "spec": kept})

    def delete(self, version: str) -> None:
        self.api.delete(VERSIONS, self._name(version))

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

    def exists(self, version: str) -> bool:
        return self._document(version) is not None

    def stage(self, version: str) -> str:
        return str(self._status(version).get("stage", "Training"))

    def reasons(self, version: str) -> list[str]:
        status = self._status(version)
        return [*(move["reason"] for move in status.get("history", ())), str(status.get("reason"))]

    def stalled(self, version: str) -> bool:
        found = self._status(version).get("conditions", ())
        return any(each["type"] == "Stalled" and each["status"] == "True" for each in found)

    def weights(self) -> dict[str, int]:
        return self.platform.weights()

    def alias(self) -> str | None:
        return self.registry_watch.champion

    def model_reason(self) -> str:
        document = self.api.get(MODELS, MODEL) or {}
        return str(document.get("status", {}).get("reason", "unseen"))

    def explain(self, version: str) -> str:
        document, model = self._document(version), self.api.get(MODELS, MODEL)
        return "\n".join(explain(read(document), read(model))) if document and model else "(gone)"  # type: ignore[arg-type]

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
        status = self._status(version)
        self.apply({"apiVersion": API_VERSION, "kind": "ModelApproval", "spec": {
            "model": MODEL, "version": version, "decision": decision, "approver": by,
            "digest": status.get("artifact", {}).get("digest", UNSEEN),
            "resultsHash": status.get("resultsHash", UNSEEN),
        }})  # fmt: skip

    def _timestamp(self) -> str:
        return self.now.isoformat()

    def _name(self, version: str) -> str:
        return f"{MODEL}-{version}".replace(".", "-").replace("+", "-").lower()

    def _document(self, version: str) -> dict[str, Any] | None:
        return self.api.get(VERSIONS, self._name(version))

    def _status(self, version: str) -> dict[str, Any]:
        document = self._document(version)
        assert document is not None, f"{version} is gone"
        return document.get("status", {})
