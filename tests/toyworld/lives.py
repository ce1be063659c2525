"""Random lives of a model: people, artefacts, metrics and clocks do what they like, acts fail and the process dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.scenarios.steps import model_manifest, push
from tests.scenarios.world import Behaviour
from tests.toyworld.toy_world import ToyWorld
from tests.toyworld.trouble import Troubled

if TYPE_CHECKING:
    from random import Random

FLAWS: tuple[dict[str, Any], ...] = (
    {"quality": 0.3},
    {"error_rate": 0.5},
    {"error_rate_in_production": 0.5},
    {"artifact": "missing"},
    {"artifact": "damaged"},
    {"artifact": "unreadable"},
    {"artifact": "swapped"},
    {"starts": False},
    {"evaluation": "fails"},
    {"evaluation": "hangs"},
)
MOST_VERSIONS = 9


def begun(random: Random) -> ToyWorld:
    """A world with 1.0.0 in production, under some policy."""
    world = ToyWorld(through_json=False)
    manifest = model_manifest(
        world,
        approval={"policy": random.choice(["None", "None", "Manual", "Auto"])},
        rollback={"policy": random.choice(["Automatic", "Automatic", "Manual"])},
    )
    rollout = manifest["spec"]["rollout"]
    weights = random.choice([[], [10, 50], [50, 100]])
    rollout["steps"] = [{"weight": weight, "pauseSeconds": world.seconds(3)} for weight in weights]
    then = random.choice(["Hold", "Archive"])
    for limit in rollout["analysis"]["patience"].values():
        limit["then"] = then
    world.apply({**manifest, "spec": {**manifest["spec"], "approval": {"policy": "None"}}})
    push("1.0.0")(world)
    world.advance(20)
    world.apply(manifest)
    return world


def live(random: Random, world: ToyWorld) -> None:
    """Some forty things happen, one after the other."""
    doings = (advance, advance, advance, publish, publish, trouble, lever, person, pin_or_pause, surroundings, mischief)
    for _ in range(random.randint(5, 40)):
        random.choice(doings)(random, world)


def left_alone(world: ToyWorld) -> None:
    """Everything works again and nobody interferes, for two hours."""
    world.interfere = Troubled(iter(()))
    world.users("asking")
    world.metrics("up")
    world.registry("up")
    world.patch_model({"paused": False, "pinnedVersion": None})
    for version in world.versions:
        behaviour = world.platform.behaviour(version)
        world.behave(version, Behaviour(quality=behaviour.quality, artifact=behaviour.artifact))
    for _ in range(6):
        world.advance(60)


def advance(random: Random, world: ToyWorld) -> None:
    world.advance(random.randint(1, 25))


def publish(random: Random, world: ToyWorld) -> None:
    number = world.created
    if len(world.versions) >= MOST_VERSIONS:
        return
    parent = random.choice([None, *world.versions])
    push(f"1.{number}.0", parent=parent)(world)
    world.behave(f"1.{number}.0", behaviour(random))
    world.advance(random.randint(1, 20))


def trouble(random: Random, world: ToyWorld) -> None:
    troubles = [random.choice(["fine", "fine", "kill", "fail"]) for _ in range(random.randint(1, 80))]
    world.interfere = Troubled(iter(troubles))
    world.advance(random.randint(1, 20))
    world.interfere = Troubled(iter(()))


def lever(random: Random, world: ToyWorld) -> None:
    if world.versions:
        intents = ["Promote", "Promote", "Hold", "Abort", "Retire"]
        world.set_intent(random.choice(list(world.versions)), random.choice(intents))


def person(random: Random, world: ToyWorld) -> None:
    if world.versions:
        decide = random.choice([world.approve, world.approve, world.approve, world.reject])
        decide(random.choice(list(world.versions)), by="carla")


def pin_or_pause(random: Random, world: ToyWorld) -> None:
    pin = random.choice([None, None, None, "9.9.9", *world.versions])
    world.patch_model({"pinnedVersion": pin, "paused": random.random() < 0.2})


def surroundings(random: Random, world: ToyWorld) -> None:
    world.users(random.choice(["asking", "asking", "away"]))
    world.metrics(random.choice(["up", "up", "down", "nan", "stale"]))
    world.registry(random.choice(["up", "up", "down"]))


def mischief(random: Random, world: ToyWorld) -> None:
    """A clock is set, a version turns out otherwise, an object is deleted, or is simply gone."""
    versions = list(world.versions)
    kind = random.choice(["clock", "behaviour", "behaviour", "deletion", "vanishing"])
    if kind == "clock" or not versions:
        world.jump(random.choice([-86_400, -600, 600, 86_400]))
    elif kind == "behaviour":
        world.behave(random.choice(versions), behaviour(random))
    elif kind == "deletion":
        world.delete(random.choice(versions))
    elif random.random() < 0.3:
        world.versions.pop(random.choice(versions))


def behaviour(random: Random) -> Behaviour:
    return Behaviour(**(random.choice(FLAWS) if random.random() < 0.35 else {}))
