"""Models that roll versions out, good and bad ones in turn, while what they stand on is killed again and again."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from tests.scenarios.steps import answered_by, eventually, model_manifest, push
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from tests.e2e.kube import Kube
    from tests.e2e.realworld.real_world import RealWorld
    from tests.e2e.realworld.theatre import Theatre

MODELS = 3
EVERY_SECONDS = 15.0
LONGEST_SECONDS = 900.0
WITHIN = 120  # units, of a rollout that is interrupted all the time
GOOD = Behaviour()
BAD = Behaviour(error_rate=0.5)
VERSIONS = {"1.0.0": GOOD, "1.1.0": GOOD, "1.2.0": BAD, "1.3.0": GOOD}
ARCHIVED = {"1.0.0": "Superseded", "1.1.0": "Superseded", "1.2.0": "AnalysisFailed"}


def live(world: RealWorld) -> None:
    """One version after the other; each must end where it deserves to."""
    for version, behaviour in VERSIONS.items():
        world.behave(version, behaviour)  # registered now: later there may be no MLflow to take it
    world.apply(patient(world))
    for version, behaviour in VERSIONS.items():
        bad = behaviour is BAD
        push(version, error_rate=behaviour.error_rate)(world)
        stage, reason = ("Archived", "AnalysisFailed") if bad else ("Production", "InProduction")
        eventually(version, stage=stage, reason=reason, within=WITHIN)(world)
    for version, reason in ARCHIVED.items():
        eventually(version, stage="Archived", reason=reason, within=1)(world)
    answered_by(v1_3_0=100)(world)


def patient(world: RealWorld) -> dict[str, Any]:
    """A Model that waits for what is started again, with two pods for each version."""
    long = {"deadlineSeconds": world.seconds(WITHIN)}
    patience = {"inconclusive": long, "noData": long, "error": long}
    evaluation = {"deadlineSeconds": world.seconds(20), "patience": patience}
    manifest = model_manifest(world, serving={"minReplicas": 2}, evaluation=evaluation)
    rollout = manifest["spec"]["rollout"]
    rollout["readyDeadlineSeconds"] = world.seconds(WITHIN)
    rollout["analysis"] |= {"patience": patience}
    return manifest


def soak(theatre: Theatre, kube: Kube) -> Counter[str]:
    """Have all of them live, and kill meanwhile; returns how often what was killed. Raises what a model's life raises."""
    killed: Counter[str] = Counter()
    with ThreadPoolExecutor(MODELS) as pool:
        lives = [pool.submit(_life, theatre, f"soak{number}") for number in range(MODELS)]
        victims = itertools.cycle(("leader", "predictor", "mlflow"))
        end = monotonic() + LONGEST_SECONDS
        while not all(life.done() for life in lives) and monotonic() < end:
            sleep(EVERY_SECONDS)
            killed[_kill(kube, next(victims))] += 1
        for life in lives:
            life.result()
    return killed


def _life(theatre: Theatre, name: str) -> None:
    with theatre.world(name) as world:
        live(world)
        assert world.asked.lost == [], (len(world.asked.lost), world.asked.answered.total())
        assert set(world.asked.answered) == set(VERSIONS)


def _kill(kube: Kube, victim: str) -> str:
    """Leaders and MLflow as a crash ends them; a predictor as a node that is emptied does, one of its two pods."""
    match victim:
        case "leader":
            name = kube.get("lease", "rr-controller")["spec"].get("holderIdentity", "")
            if name:
                kube("delete", "pod", name, "--grace-period=0", "--force", "--ignore-not-found")
        case "mlflow":
            kube("delete", "pod", "--selector", "app=mlflow", "--grace-period=0", "--force")
        case _:
            pods = kube.list("pods", "mlops.recipe-recommender.io/purpose=serving")
            ready = [
                pod["metadata"]["name"] for pod in pods
                if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))
            ]  # fmt: skip
            served = Counter(name.rpartition("-")[0] for name in ready)
            safe = [name for name in ready if served[name.rpartition("-")[0]] > 1]
            if safe:
                kube("delete", "pod", safe[0], "--wait=false")
    return victim
