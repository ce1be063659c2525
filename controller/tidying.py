"""What is left over: jobs nobody waits for, objects that may go, and a Model that is being deleted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.actions import CancelJob, ReleaseModel, ReleaseVersion, RemoveRetraining, SetTraffic, StopServing
from controller.observation import JobState
from controller.resource.meta import version_name
from controller.retraining import schedule_name
from controller.stages import Stage
from controller.validation import job_names

if TYPE_CHECKING:
    from controller.actions import Action
    from controller.situation import Case, Situation


def tidy(situation: Situation) -> Situation:
    """Cancel jobs whose answer nobody waits for, and release objects of which nothing is left."""
    for number in situation.statuses:
        case = situation.case(number)
        waited_for = job_names(case)
        stale = [job for job in case.facts.jobs if job.state is JobState.RUNNING and job.name not in waited_for]
        situation = situation.acting(*(CancelJob(name=job.name, version=number) for job in stale))
        if case.version.meta.deleting and _nothing_left(case):
            situation = situation.acting(ReleaseVersion(name=case.version.name, version=number))
    return situation


def dissolve(situation: Situation) -> Situation:
    """A Model that is being deleted: nobody is answered any more, then nothing is served, then the object goes."""
    observation, name = situation.observation, situation.observation.model.name
    actions: list[Action] = []
    if observation.retraining.applied is not None:
        actions.append(RemoveRetraining(name=schedule_name(name)))
    served = [facts.version for facts in observation.facts if facts.serving is not None]
    if observation.traffic or observation.traffic is None:
        actions.append(SetTraffic(weights={}))
    else:
        actions += [StopServing(name=version_name(name, version), version=version) for version in served]
    for facts in observation.facts:
        running = (job for job in facts.jobs if job.state is JobState.RUNNING)
        actions += [CancelJob(name=job.name, version=facts.version) for job in running]
    return situation.acting(*(actions or [ReleaseModel(name=name)]))


def _nothing_left(case: Case) -> bool:
    model = case.situation.model
    named = case.number in (model.production, model.canary, model.restoring.to if model.restoring else None)
    running = any(job.state is JobState.RUNNING for job in case.facts.jobs)
    answering = case.situation.observation.traffic is None or case.situation.weight(case.number) > 0
    ended = case.status.stage is Stage.ARCHIVED
    return ended and not (named or running or answering or case.facts.serving is not None)
