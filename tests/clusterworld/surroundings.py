"""What stands beside the shell in a cluster, played: Jobs that end, KServe that makes Deployments, a Gateway that takes
up routes, Prometheus that answers our queries, MLflow's alias.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, VerifyArtifact, from_dict
from controller.cluster.kinds import (
    ASK,
    DEPLOYMENTS,
    DIGEST,
    INFERENCE_SERVICES,
    JOB_NAME,
    JOBS,
    MODEL,
    PODS,
    ROUTES,
    SERVICES,
    VERSION,
    predictor_name,
)  # fmt: skip
from controller.cluster.routing import Entrance, weights_of
from controller.observation import RegistryFact
from controller.resource.meta import Meta
from mlops.errors import Transient
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from controller.resource.gate import Gate
    from tests.fakes.kube_api import InMemoryKubeApi

ENTRANCE = Entrance(hostname="recipes.example", gateway="gateway/recipes")
JOB_SECONDS, START_SECONDS = 30, 15
REQUESTS_PER_SECOND = 20
_CONSTANTS = {"score-drift": 0.0, "invalid-outputs": 0.0, "empty-rate": 0.0, "error-rate": 0.0, "latency-p95-ms": 50.0}


def digest_of(version: str) -> str:
    return "sha256:" + hashlib.sha256(version.encode()).hexdigest()


class Registry:
    """The part of a RegistryWatch that the shell uses."""

    def __init__(self) -> None:
        self.up = True
        self.champion: str | None = None

    @property
    def fact(self) -> RegistryFact | None:
        return RegistryFact(champion=self.champion) if self.up else None

    def promote(self, version: str, _why: str) -> None:
        if not self.up:
            raise Transient("the MLflow server does not answer")
        self.champion = version

    def follow(self, _statuses: Mapping[str, Any]) -> None:
        return


class Platform:
    """Plays them over one namespace, as versions `behave`."""

    def __init__(self, api: InMemoryKubeApi, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._clock = clock
        self.behaviours: dict[str, Behaviour] = {}
        self.users_ask = True
        self.metrics = "up"
        self.prometheus = Prometheus(self)

    def behaviour(self, version: str) -> Behaviour:
        return self.behaviours.get(version, Behaviour())

    def weights(self) -> dict[str, int]:
        """The split as the Gateway has it."""
        versions = [each["metadata"]["annotations"][VERSION] for each in self._api.list(INFERENCE_SERVICES)]
        return weights_of(self._api.get(ROUTES, "recipes"), Meta(name="recipes"), versions, ENTRANCE) or {}

    def digest_at(self, address: str) -> str | None:
        """What a predictor says of itself; its Service's address is its name here."""
        for service in self._api.list(INFERENCE_SERVICES):
            annotations = service["metadata"]["annotations"]
            if predictor_name(service["metadata"]["name"]) == address:
                swapped = self.behaviour(annotations[VERSION]).artifact == "swapped"
                return digest_of(f"{annotations[VERSION]}-swapped") if swapped else annotations[DIGEST]
        return None

    def next_event(self) -> datetime | None:
        """When something that runs ends or comes up by itself."""
        ends = [self._since(job) + timedelta(seconds=JOB_SECONDS) for job in self._api.list(JOBS)]
        ends += [self._since(each) + timedelta(seconds=START_SECONDS) for each in self._api.list(INFERENCE_SERVICES)]
        return min((at for at in ends if at > self._clock()), default=None)

    def pending(self) -> bool:
        """Whether the next `follow` would do something at this very moment."""
        return any(route["metadata"]["generation"] != self._accepted(route) for route in self._api.list(ROUTES)) or any(
            not _over(job) and self._due(job) for job in self._api.list(JOBS)
        )

    def follow(self) -> bool:
        """Do what was asked so far and is due; whether there was anything."""
        before = self._api.changes
        for job in self._api.list(JOBS):
            if not _over(job) and self._due(job):
                self._end(job)
        self._serve()
        for route in self._api.list(ROUTES):
            if self._accepted(route) != route["metadata"]["generation"]:
                self._accept(route)
        return self._api.changes != before

    def _since(self, made: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(made["metadata"]["creationTimestamp"])

    def _due(self, job: dict[str, Any]) -> bool:
        asked = from_dict(json.loads(job["metadata"]["annotations"][ASK]))
        if isinstance(asked, VerifyArtifact):
            return True
        hangs = self.behaviour(asked.version).evaluation == "hangs"
        return not hangs and self._clock() >= self._since(job) + timedelta(seconds=JOB_SECONDS)

    def _end(self, job: dict[str, Any]) -> None:
        asked = from_dict(json.loads(job["metadata"]["annotations"][ASK]))
        answer = self._verified(asked) if isinstance(asked, VerifyArtifact) else self._judged(asked)
        name = job["metadata"]["name"]
        said = "out of memory" if answer is None else json.dumps(answer)
        ended = {"finishedAt": self._clock().isoformat(), "message": said}
        self._api.create(PODS, {
            "metadata": {"name": f"{name}-pod", "labels": {JOB_NAME: name, MODEL: "recipes"}},
            "status": {"containerStatuses": [{"state": {"terminated": ended}}]},
        })  # fmt: skip
        ending = "Failed" if answer is None else "Complete"
        self._api.set_status(JOBS, name, conditions=[{"type": ending, "status": "True"}])

    def _verified(self, asked: VerifyArtifact) -> dict[str, Any] | None:
        match self.behaviour(asked.version).artifact:
            case "missing":
                return {"state": "Missing", "message": "no such artefact"}
            case "damaged":
                return {"state": "Damaged", "message": "rows.jsonl is damaged"}
            case "unreadable":
                return None
            case _:
                return {"state": "Verified", "digest": digest_of(asked.version)}

    def _judged(self, asked: Any) -> dict[str, Any] | None:
        assert isinstance(asked, StartEvaluation | StartReplay)
        if self.behaviour(asked.version).evaluation == "fails":
            return None
        return {"digest": asked.digest, "run": "r1", "samples": [self._offline(each, asked) for each in asked.gates]}

    def _offline(self, gate: Gate, asked: StartEvaluation | StartReplay) -> dict[str, Any]:
        def value(version: str) -> str:
            return str(_CONSTANTS.get(gate.metric, self.behaviour(version).quality))

        beside = {"baseline": value(asked.baseline)} if asked.baseline else {}
        return {"metric": gate.metric, "value": value(asked.version), "samples": 200, **beside}

    def _serve(self) -> None:
        services = {each["metadata"]["name"]: each for each in self._api.list(INFERENCE_SERVICES)}
        for name, service in services.items():
            started = self._clock() >= self._since(service) + timedelta(seconds=START_SECONDS)
            if started and self.behaviour(service["metadata"]["annotations"][VERSION]).starts:
                self._come_up(name, service)
            elif not self.behaviour(service["metadata"]["annotations"][VERSION]).starts:
                self._api.delete(DEPLOYMENTS, predictor_name(name))
        for deployment in self._api.list(DEPLOYMENTS):
            if deployment["metadata"]["name"].removesuffix("-predictor") not in services:
                self._api.delete(DEPLOYMENTS, deployment["metadata"]["name"])
                self._api.delete(SERVICES, deployment["metadata"]["name"])

    def _come_up(self, name: str, service: dict[str, Any]) -> None:
        counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        child = predictor_name(name)
        self._api.create(DEPLOYMENTS, {
            "metadata": {"name": child, "labels": service["metadata"]["labels"]}, "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, **counts},
        })  # fmt: skip
        self._api.create(SERVICES, {"metadata": {"name": child}, "spec": {"clusterIP": child}})

    def _accepted(self, route: dict[str, Any]) -> int:
        parents = route.get("status", {}).get("parents", [{"conditions": [{"observedGeneration": 0}]}])
        return int(parents[0]["conditions"][0]["observedGeneration"])

    def _accept(self, route: dict[str, Any]) -> None:
        generation = route["metadata"]["generation"]
        conditions = [
            {"type": each, "status": "True", "observedGeneration": generation} for each in ("Accepted", "ResolvedRefs")
        ]
        self._api.set_status(ROUTES, route["metadata"]["name"], parents=[{"conditions": conditions}])


class Prometheus:
    """Answers the queries of `controller.cluster.measuring` from how versions behave and who is sent to them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def ask(self, query: str, at: float) -> float | None:
        platform = self._platform
        if platform.metrics == "down":
            raise Transient("Prometheus does not answer: ConnectError")
        if query.startswith("max(timestamp"):
            return at - 3600 if platform.metrics == "stale" else at
        version = re.findall(r'version="([^"]+)"', query)[0]
        (seconds,) = set(re.findall(r"\[(\d+)s\]", query))
        asked = REQUESTS_PER_SECOND * int(seconds) * platform.weights().get(version, 0) // 100
        asked = asked if platform.users_ask else 0
        behaviour = platform.behaviour(version)
        failing = behaviour.error_rate
        if behaviour.error_rate_in_production is not None and platform.weights().get(version) == 100:
            failing = behaviour.error_rate_in_production
        if query.startswith("sum(increase"):
            return asked * failing if 'status=~"5..' in query else float(asked)
        if platform.metrics == "nan" or not asked:
            return float("nan")
        if "histogram_quantile" in query:
            (level,) = re.findall(r"histogram_quantile\(([0-9.]+)", query)
            return behaviour.latency_ms if float(level) <= 1 else float("inf")
        return failing


def _over(job: dict[str, Any]) -> bool:
    return bool(job.get("status", {}).get("conditions"))
