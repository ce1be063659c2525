"""A toy world's state in a home's `state.db`, as `recipes up` would have left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from controller.actions import Notify
from controller.decide import Decision
from controller.observation import Observation
from controller.resource.model_status import ModelStatus
from controller.resource.parse import dump
from mlops.embedded.database import Database
from mlops.embedded.facts import Answering, Facts
from mlops.embedded.home import Home
from mlops.embedded.records import Records
from mlops.embedded.resources import Resources
from tests.toyworld.platform import digest_of
from tests.toyworld.toy_world import START

if TYPE_CHECKING:
    from tests.toyworld.toy_world import ToyWorld


def store(world: ToyWorld, root: Path) -> Home:
    """Write resources, statuses, traffic, records and notices; the home is one that nobody serves."""
    home = Home(root)
    home.prepare()
    home.state.unlink(missing_ok=True)
    with Database.open(home.state) as database, database.transaction():
        _resources(world, database)
        records = Records(database)
        for at, observation, decision in world.records:
            records.append(at, observation, decision)
            for action in decision.actions:
                if isinstance(action, Notify):
                    records.tell(action, at)
        shares = [
            Answering(version=version, weight=weight, digest=digest_of(version), folder=Path("/artefacts") / version)
            for version, weight in world.platform.traffic.items()
        ]
        Facts(database).set_traffic(shares)
    return home


def _resources(world: ToyWorld, database: Database) -> None:
    created = [START]
    resources = Resources(database, "recipes", lambda: created[-1], lambda: "")
    versions = tuple(world.versions.values())
    for each in (world.model, *versions, *world.approvals):
        created.append(each.meta.created)
        manifest = dump(each if each in world.approvals else replace(each, status=None))
        resources.apply(manifest, by=each.meta.created_by or "author")
    before = Observation(
        model=replace(world.model, status=None), versions=tuple(replace(each, status=None) for each in versions)
    )
    statuses = {each.spec.version: each.status for each in versions if each.status is not None}
    resources.save(before, Decision(model=world.model.status or ModelStatus(), statuses=statuses))
