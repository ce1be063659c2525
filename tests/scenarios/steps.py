"""The verbs that scenarios are written in. Each makes one step of a story: something to do, or something to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from controller.resource.meta import API_VERSION
from tests.scenarios.world import Behaviour, World

if TYPE_CHECKING:
    from collections.abc import Callable

Step = "Callable[[World], None]"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story in one sentence, and its steps. `needs` names what only some worlds can do."""

    sentence: str
    steps: tuple[Callable[[World], None], ...]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Units:
    """A duration, counted in intervals of the analysis."""

    count: int


def story(sentence: str, *steps: Callable[[World], None], needs: str = "") -> Scenario:
    return Scenario(sentence, steps, frozenset(needs.split()))


# Doing


def model(**blocks: Any) -> Callable[[World], None]:
    """Apply the Model with quick steps: 10 % and 50 % for three checks each, a bake of five."""
    return lambda world: world.apply(model_manifest(world, **blocks))


def model_manifest(world: World, **blocks: Any) -> dict[str, Any]:
    limit = {"deadlineSeconds": world.seconds(15)}
    patience = {"inconclusive": limit, "noData": limit, "error": limit}
    gates = [
        {"metric": "error-rate", "minAbsoluteChange": "-0.02", "minSamples": 5},
        {"metric": "latency-p95-ms", "minRelativeChange": "-0.5", "minSamples": 5},
    ]
    analysis = {
        "intervalSeconds": world.seconds(1),
        "windowSeconds": world.seconds(5),
        "confidence": "0",
        "failureLimit": 1,
        "gates": gates,
        "patience": patience,
    }
    steps = [{"weight": weight, "pauseSeconds": world.seconds(3)} for weight in (10, 50)]
    spec: dict[str, Any] = {
        "evaluation": {
            "patience": patience,
            "retry": {"backOffSeconds": world.seconds(1)},
            "deadlineSeconds": world.seconds(6),
        },
        "rollout": {"steps": steps, "analysis": analysis, "readyDeadlineSeconds": world.seconds(6)},
        "rollback": {"bakeSeconds": world.seconds(5)},
    }
    merged = {
        name: {**spec.get(name, {}), **block} if isinstance(block, dict) else block for name, block in blocks.items()
    }
    return {"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": "recipes"}, "spec": {**spec, **merged}}


def push(
    version: str, *, parent: str | None = None, spec: dict[str, Any] | None = None, **behaviour: Any
) -> Callable[[World], None]:
    """Apply a ModelVersion that does as told; in its spec, `Units` become the seconds they last."""

    def step(world: World) -> None:
        world.behave(version, Behaviour(**behaviour))
        lineage = {"lineage": {"parent": parent}} if parent else {}
        whole = {"model": "recipes", "version": version, **lineage, **in_seconds(world, spec or {})}
        world.apply({"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": whole})

    return step


def becomes(version: str, **behaviour: Any) -> Callable[[World], None]:
    """From now on the version does otherwise."""
    return lambda world: world.behave(version, replace(Behaviour(), **behaviour))


def in_production(version: str, **behaviour: Any) -> Callable[[World], None]:
    """Push a version and wait until it is in production and no longer watched."""

    def step(world: World) -> None:
        push(version, **behaviour)(world)
        eventually(version, stage="Production", reason="InProduction", within=60)(world)

    return step


def wait(units: int) -> Callable[[World], None]:
    return lambda world: world.advance(units)


def intent(version: str, lever: str) -> Callable[[World], None]:
    return lambda world: world.set_intent(version, lever)


def patch(**spec: Any) -> Callable[[World], None]:
    return lambda world: world.patch_model(in_seconds(world, spec))


def in_seconds(world: World, value: Any) -> Any:
    """A manifest for this world: every number of `Units` in it as seconds."""
    match value:
        case Units():
            return world.seconds(value.count)
        case dict():
            return {name: in_seconds(world, part) for name, part in value.items()}
        case list():
            return [in_seconds(world, part) for part in value]
        case _:
            return value


def pin(version: str | None) -> Callable[[World], None]:
    return patch(pinnedVersion=version)


def approve(version: str, by: str, *, really: str | None = None) -> Callable[[World], None]:
    return lambda world: world.approve(version, by, really=really)


def reject(version: str, by: str) -> Callable[[World], None]:
    return lambda world: world.reject(version, by)


def delete(version: str) -> Callable[[World], None]:
    return lambda world: world.delete(version)


def users(state: str) -> Callable[[World], None]:
    return lambda world: world.users(state)


def metrics(state: str) -> Callable[[World], None]:
    return lambda world: world.metrics(state)


def registry(state: str) -> Callable[[World], None]:
    return lambda world: world.registry(state)


def clock(*, seconds: int) -> Callable[[World], None]:
    return lambda world: world.jump(seconds)


# Seeing


def eventually(version: str, *, stage: str, reason: str | None = None, within: int = 60) -> Callable[[World], None]:
    """Let time pass until the version is there, for at most so many units."""

    def step(world: World) -> None:
        for _ in range(within):
            if _is_there(world, version, stage, reason):
                return
            world.advance(1)
        wanted = f"{stage} {reason or ''}".strip()
        raise AssertionError(f"{version} is not {wanted} after {within} units:\n{world.explain(version)}")

    return step


def stays(version: str, *, stage: str, reason: str | None = None, units: int = 10) -> Callable[[World], None]:
    """The version is there now, and remains so."""

    def step(world: World) -> None:
        for _ in range(units):
            assert _is_there(world, version, stage, reason), world.explain(version)
            world.advance(1)

    return step


def has_weight(version: str, weight: int, *, within: int = 60) -> Callable[[World], None]:
    """Let time pass until the version answers this percentage of the users."""

    def step(world: World) -> None:
        for _ in range(within):
            if world.weights().get(version, 0) == weight:
                return
            world.advance(1)
        raise AssertionError(f"{version} never answered {weight} %, it is {world.weights()}:\n{world.explain(version)}")

    return step


def both_ready_at_once(*pushes: Callable[[World], None]) -> tuple[Callable[[World], None], ...]:
    """1.1.0 and 1.2.0 come to the same queue together: without the pin the one judged first would not wait."""
    return (
        pin("1.0.0"),
        *pushes,
        eventually("1.1.0", stage="Staging", reason="Pinned"),
        eventually("1.2.0", stage="Staging", reason="Pinned"),
        pin(None),
    )


def never_above(version: str, weight: int, *, units: int = 20) -> Callable[[World], None]:
    """The version answers no more users than this, however long one looks."""

    def step(world: World) -> None:
        for _ in range(units):
            assert world.weights().get(version, 0) <= weight, world.explain(version)
            world.advance(1)

    return step


def answered_by(**weights: int) -> Callable[[World], None]:
    """Who answers now; versions are written with underscores: v1_0_0=100."""
    wanted = {name.removeprefix("v").replace("_", "."): weight for name, weight in weights.items()}

    def step(world: World) -> None:
        assert world.weights() == wanted, f"{world.weights()} and not {wanted}"

    return step


def alias_is(version: str) -> Callable[[World], None]:
    def step(world: World) -> None:
        assert world.alias() == version, f"the alias names {world.alias()}"

    return step


def went_through(version: str, *reasons: str) -> Callable[[World], None]:
    """The version gave these reasons for its moves, in this order, perhaps with others in between."""

    def step(world: World) -> None:
        given = iter(world.reasons(version))
        assert all(reason in given for reason in reasons), world.reasons(version)

    return step


def is_stalled(version: str, *, stalled: bool = True, within: int = 20) -> Callable[[World], None]:
    """The version is or is not stalled. It may take a while to be: the first failure has the reason of the last."""

    def step(world: World) -> None:
        for _ in range(within if stalled else 0):
            if world.stalled(version):
                return
            world.advance(1)
        assert world.stalled(version) is stalled, world.explain(version)

    return step


def model_says(reason: str, *, within: int = 20) -> Callable[[World], None]:
    def step(world: World) -> None:
        for _ in range(within):
            if world.model_reason() == reason:
                return
            world.advance(1)
        raise AssertionError(f"the Model says {world.model_reason()}, not {reason}")

    return step


def gone(version: str, *, within: int = 30) -> Callable[[World], None]:
    """Let time pass until the version's object is released."""

    def step(world: World) -> None:
        for _ in range(within):
            if not world.exists(version):
                return
            world.advance(1)
        raise AssertionError(f"{version} is still there:\n{world.explain(version)}")

    return step


def _is_there(world: World, version: str, stage: str, reason: str | None) -> bool:
    return world.stage(version) == stage and (reason is None or world.reasons(version)[-1] == reason)
