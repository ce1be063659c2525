"""`recipes abort, retire, pause, resume, pin, unpin, rollback`: what a person changes while versions are on their way.

Each changes a version's intent, or the Model's `pinnedVersion` and `paused`; the core does the rest. What follows is
told at once, and what could have no effect is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from controller.production import restorable
from controller.resource.version import Intent
from controller.restoration import predecessor
from controller.stages import CANDIDATE_STAGES, Stage
from mlops.cli.console import answer, print_json
from mlops.cli.state import opened, say_when
from mlops.errors import Conflict

if TYPE_CHECKING:
    from controller.situation import Case, Situation
    from mlops.cli.state import State

VERSION = Annotated[str, typer.Argument(help="Semantic version.")]
JSON = Annotated[bool, typer.Option("--json", help="Print the change as JSON.")]
GONE = (Intent.ABORT, Intent.RETIRE)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    for verb in (abort, retire, pause, resume, pin, unpin, rollback):
        app.command()(verb)


def abort(version: VERSION, json: JSON = False) -> None:
    """End a version's attempt: its users go back to production. One in production is replaced by the one before it."""
    _leave(version, Intent.ABORT, as_json=json)


def retire(version: VERSION, json: JSON = False) -> None:
    """Take a version out for good; unlike `abort` that is no failure, and what descends from it is not mistrusted."""
    _leave(version, Intent.RETIRE, as_json=json)


def pause(
    version: Annotated[str | None, typer.Argument(help="Only this version; without it, the whole Model.")] = None,
    json: JSON = False,
) -> None:
    """Let nothing advance: weights stay, versions are watched on, rollbacks still happen."""
    with opened() as state:
        if version is None:
            state.resources.patch_model({"paused": True}, by=state.user)
            subject, follows = state.model().name, "nothing advances until `recipes resume`; rollbacks still happen"
            print_change(state, subject, "is paused", follows, as_json=json)
            return
        with state.together():
            case = state.case(version)
            if case.status.stage not in CANDIDATE_STAGES:
                raise Conflict(f"{case.number} is in {case.status.stage}: only what is on its way can be paused")
            state.resources.set_intent(case.number, Intent.HOLD)
        follows = f"it is watched on and does not advance until `recipes resume {case.number}`"
        print_change(state, case.number, "is on hold", follows, as_json=json)


def resume(
    version: Annotated[str | None, typer.Argument(help="Only this version; without it, the whole Model.")] = None,
    json: JSON = False,
) -> None:
    """Take back a pause, or the intent to abort or retire a version."""
    with opened() as state:
        if version is None:
            state.resources.patch_model({"paused": None}, by=state.user)
            print_change(state, state.model().name, "is not paused", "versions advance", as_json=json)
            return
        with state.together():
            case = state.case(version)
            state.resources.set_intent(case.number, Intent.PROMOTE)
        print_change(state, case.number, "has intent Promote", _going_on(case), as_json=json)


def pin(version: VERSION, json: JSON = False) -> None:
    """Keep production at a version: one that was there before is brought back, and nothing else goes out meanwhile."""
    with opened() as state:
        with state.together():
            case = state.case(version)
            follows = _pinned(state, case)
        print_change(state, state.model().name, f"is pinned to {case.number}", follows, as_json=json)


def unpin(json: JSON = False) -> None:
    """Let versions go out again; what is in production stays."""
    with opened() as state:
        state.resources.patch_model({"pinnedVersion": None}, by=state.user)
        print_change(state, state.model().name, "is not pinned", "production stays, the next may go out", as_json=json)


def rollback(
    version: Annotated[
        str | None, typer.Argument(help="The version to go back to; without it, the one before the newest with users.")
    ] = None,
    json: JSON = False,
) -> None:
    """Go back: end the rollout that is going on; else bring back the version before the one in production.

    Naming a version that is not the one before pins the Model to it.
    """
    with opened() as state:
        with state.together():
            to = None if version is None else state.case(version).number
            plan = way_back(state.situation(), to)
            if plan.abort is None:
                follows = _pinned(state, state.case(plan.to or ""))
                subject, change = state.model().name, f"is pinned to {plan.to}"
            else:
                _unpin_unless(state, plan.to)
                state.resources.set_intent(plan.abort, Intent.ABORT)
                subject, change, follows = plan.abort, "has intent Abort", plan.follows
        print_change(state, subject, change, follows, as_json=json)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """How users get back to `to` (None: nobody is answered then): by aborting a version, or by a pin."""

    to: str | None
    abort: str | None = None
    follows: str = ""


def way_back(situation: Situation, to: str | None) -> WayBack:
    """The way back to a version, or from the newest that has users. Pure. Raises Conflict where there is none."""
    model = situation.model
    if model.restoring is not None and to in (None, model.restoring.to):
        raise Conflict(f"production is being restored to {model.restoring.to} already", hint="recipes watch")
    if model.canary in situation.versions and to in (None, model.production):
        case = situation.case(str(model.canary))
        _refuse_twice(case)
        return WayBack(to=model.production, abort=case.number, follows=follows(case))
    if model.production is None:
        raise Conflict("nothing is in production and nothing is being rolled out", hint="recipes get")
    if to == model.production:
        raise Conflict(f"{to} is in production, and nothing else is being rolled out", hint="recipes get")
    previous = predecessor(situation)
    if to is None and previous is None:
        earlier = [case.number for case in situation.cases(Stage.ARCHIVED) if restorable(case)]
        known = f"recipes rollback VERSION, with one of {', '.join(earlier)}" if earlier else "apply a better version"
        raise Conflict(f"there is no version before {model.production} to go back to", hint=known)
    if to in (None, previous) and model.restoring is None and model.canary is None:
        case = situation.case(model.production)
        _refuse_twice(case)
        return WayBack(to=previous, abort=case.number, follows=follows(case))
    return WayBack(to=to)


def follows(case: Case, otherwise: str = "its attempt ends and it is archived") -> str:
    """What follows when a version is asked to leave."""
    model, situation = case.situation.model, case.situation
    if case.status.stage is Stage.PRODUCTION:
        previous = predecessor(situation)
        if model.restoring is not None:
            return f"{model.restoring.to} is taking its place already"
        if previous is None or situation.pin not in (None, previous):
            return "nothing can take its place: it keeps serving until another version is promoted"
        return f"{previous} takes its place"
    if case.in_slot:
        return f"{model.production or 'nobody'} answers everybody again, and it is archived"
    return otherwise


def print_change(state: State, subject: str, change: str, follows: str, *, as_json: bool) -> None:
    """Print what was changed, what follows from it, and when."""
    if as_json:
        print_json({"subject": subject, "change": change, "follows": follows, "running": state.asleep is None})
        return
    answer(f"{subject} {change}: {follows}")
    say_when(state)


def _refuse_twice(case: Case) -> None:
    if case.version.spec.intent in GONE or case.status.outcome is not None:
        raise Conflict(f"{case.number} was asked to leave already", hint=f"recipes explain {case.number}")


def _leave(version: str, intent: Intent, *, as_json: bool) -> None:
    with opened() as state:
        with state.together():
            case = state.case(version)
            state.resources.set_intent(case.number, intent)
        told = "it is archived already, and no rollback or pin brings it back until `recipes resume` does"
        archived = case.status.stage is Stage.ARCHIVED
        print_change(state, case.number, f"has intent {intent}", told if archived else follows(case), as_json=as_json)


def _going_on(case: Case) -> str:
    if case.status.stage is not Stage.ARCHIVED:
        return "it goes on"
    if case.status.promoted_at is None:
        return f"it stays archived ({case.status.reason}); apply a new version instead"
    return "a rollback or a pin may bring it back"


def _pinned(state: State, case: Case) -> str:
    """Pin the Model to a version, whose own intent must not stand against it; tell what follows."""
    _refuse_pin(case)
    if case.version.spec.intent in GONE:
        state.resources.set_intent(case.number, Intent.PROMOTE)
    state.resources.patch_model({"pinnedVersion": case.number}, by=state.user)
    rest = "nothing else goes out until `recipes unpin`"
    if case.status.stage is Stage.PRODUCTION:
        return f"it stays in production; {rest}"
    if case.status.stage is Stage.ARCHIVED:
        return f"it takes the place of {case.situation.model.production or 'nothing'}; {rest}"
    return f"it goes its way through all its gates; {rest}"


def _refuse_pin(case: Case) -> None:
    status = case.status
    there = f"those that were in production: {', '.join(_served_before(case.situation)) or 'none'}"
    if case.version.meta.deleting:
        raise Conflict(f"{case.number} is being deleted", hint=there)
    if status.stage is Stage.ARCHIVED and (status.promoted_at is None or case.digest is None):
        raise Conflict(f"{case.number} ended as {status.reason} and was never in production", hint=there)
    if status.stage in CANDIDATE_STAGES and status.outcome is not None:
        raise Conflict(f"{case.number} is leaving: {status.outcome.message}", hint=there)


def _served_before(situation: Situation) -> list[str]:
    return [
        case.number
        for case in situation.cases(Stage.PRODUCTION, Stage.ARCHIVED)
        if case.status.promoted_at is not None and not case.version.meta.deleting
    ]


def _unpin_unless(state: State, to: str | None) -> None:
    """A pin to what leaves would hold against the way back."""
    if state.model().spec.pinned_version not in (None, to):
        state.resources.patch_model({"pinnedVersion": None}, by=state.user)
