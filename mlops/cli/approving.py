"""`recipes approve, reject`: one person's decision, bound to the bytes and results that the status shows now.

Whether it counts is asked of the core at once: the one who asked for a version cannot approve it, and nobody can
approve in another's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.approval import consent, rejection, why_asked
from controller.resource.approval import Choice
from controller.resource.meta import API_VERSION
from controller.resource.reasons import Reason
from controller.stages import CANDIDATE_STAGES, Stage
from mlops.cli.console import answer, print_json
from mlops.cli.state import opened, say_when
from mlops.cli.wiring import new_id
from mlops.errors import Conflict

if TYPE_CHECKING:
    from controller.situation import Case
    from mlops.cli.state import State

VERSION = Annotated[str, typer.Argument(help="Semantic version.")]
BY = Annotated[str | None, typer.Option(help="Whose decision it is; only your own counts.")]
REASON = Annotated[str, typer.Option(help="Why, kept with the decision.")]
JSON = Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(approve)
    app.command()(reject)


def approve(version: VERSION, by: BY = None, reason: REASON = "", json: JSON = False) -> None:
    """Approve a version that waits for it: these bytes, and these results. Exit 1 when the approval does not count."""
    with opened() as state:
        with state.together():
            case = state.case(version)
            _refuse(case.number, nothing_to_approve(case))
            _decide(state, case, Choice.APPROVE, by, reason)
            found = consent(state.case(case.number))
        refusal = None if found.given is not None else (found.reason, found.message)
        _tell(state, case.number, f"approved by {by or state.user}", refusal, as_json=json)


def reject(version: VERSION, by: BY = None, reason: REASON = "", json: JSON = False) -> None:
    """Reject a version that is on its way: its users go back to production, and it is archived."""
    with opened() as state:
        with state.together():
            case = state.case(version)
            _refuse(case.number, nothing_to_reject(case))
            _decide(state, case, Choice.REJECT, by, reason)
            counts = rejection(state.case(case.number)) is not None
        forged = (Reason.APPROVAL_FORGED, f"the rejection in the name of {by} was made by {state.user}")
        _tell(state, case.number, f"rejected by {by or state.user}", None if counts else forged, as_json=json)


def nothing_to_approve(case: Case) -> str | None:
    """Why an approval could have no effect now. Pure; None where one is waited for."""
    status = case.status
    if status.outcome is not None or status.stage is Stage.ARCHIVED:
        return f"its attempt has ended ({status.reason})"
    if status.stage is Stage.PRODUCTION:
        return "it is in production"
    if status.stage is not Stage.STAGING or status.results_hash is None:
        return f"it is in {status.stage} ({status.reason}) and has no results yet"
    if why_asked(case) is None:
        return "its policy asks nobody"
    if status.canary is not None:
        return "it was approved, and is being rolled out"
    given = consent(case).given
    return f"{given.by} approved these bytes and results already" if given is not None else None


def nothing_to_reject(case: Case) -> str | None:
    """Why a rejection could have no effect now. Pure; None where it ends the attempt."""
    status = case.status
    if status.outcome is not None or status.stage is Stage.ARCHIVED:
        return f"its attempt has ended ({status.reason})"
    if status.stage not in CANDIDATE_STAGES:
        return "it is in production; `recipes rollback` brings back the version before it"
    if case.digest is None:
        return "its artefact is not verified yet; `recipes abort` ends the attempt whatever it is"
    return None


def _refuse(number: str, why: str | None) -> None:
    if why is not None:
        raise Conflict(f"there is nothing to decide about {number}: {why}", hint=f"recipes explain {number}")


def _decide(state: State, case: Case, choice: Choice, by: str | None, reason: str) -> None:
    """Store the decision under a name of its own: a second one of the same person must not be taken for the first."""
    spec: dict[str, Any] = {
        "model": case.version.spec.model,
        "version": case.number,
        "decision": str(choice),
        "approver": by or state.user,
        "digest": case.digest,
        "reason": reason,
    }
    if case.status.results_hash is not None:
        spec["resultsHash"] = case.status.results_hash
    name = f"{case.version.spec.model[:30]}-{choice.lower()}-{new_id()[:8]}"
    manifest = {"apiVersion": API_VERSION, "kind": "ModelApproval", "metadata": {"name": name}, "spec": spec}
    state.resources.apply(manifest, by=state.user)


def _tell(state: State, number: str, told: str, refusal: tuple[Reason, str] | None, *, as_json: bool) -> None:
    if as_json:
        reason, message = refusal or (None, told)
        document = {"version": number, "counts": refusal is None, "reason": reason, "message": message}
        print_json({**document, "running": state.asleep is None})
    elif refusal is None:
        answer(f"{number} {told}")
        say_when(state)
    else:
        reason, message = refusal
        answer(f"{number} {told}, but that does not count ({reason}): {message}")
        answer(f"What to do: {reason.remedy}")
    if refusal is not None:
        raise typer.Exit(1)
