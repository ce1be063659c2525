"""Into production and out of it, safe against another process that does the same at any moment.

MLflow has no transactions over several calls and no compare-and-swap, but each call is one. So the alias `champion` is
moved first and read back: whoever is read there has won. History and tags follow, and everybody who promotes or
demotes first and last closes the history of versions that have been superseded (`settle`), so that a writer who died
between two steps is made good by the next one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops.errors import Conflict, Transient
from mlops.registry.listing import in_production_by_history
from mlops.registry.record import STAGE
from mlops.registry.stages import Stage, check_transition
from mlops.registry.values import CHALLENGER, CHAMPION, Cause

if TYPE_CHECKING:
    from mlops.registry.ledger import Ledger
    from mlops.registry.listing import Listing
    from mlops.registry.record import Record

_TRIES = 3


def promote(ledger: Ledger, model: str, version: str, cause: Cause, *, restore: bool) -> Listing:
    """Put `version` into production and archive what was there; returns the listing after it.

    A promotion that was interrupted after the alias moved is finished by asking again. Raises Conflict for an illegal
    transition, and naming the winner when another promotion came in between.
    """
    before = settle(ledger, model, cause)
    record = before.find(version)
    source = before.read(record).stage
    interrupted = before.champion == record.number and not in_production_by_history(record)
    if interrupted:
        source = record.tagged
    else:
        check_transition(source, Stage.PRODUCTION, restore=restore)
        _take_alias(ledger, before, record)
    ledger.move(record, source, Stage.PRODUCTION, cause)
    if ledger.backend.aliases(model).get(CHALLENGER) == record.number:
        ledger.backend.delete_alias(model, CHALLENGER)
    after = _undo_crossed_removal(ledger, settle(ledger, model, cause))
    _check_champion(after, record)
    return after


def _take_alias(ledger: Ledger, before: Listing, record: Record) -> None:
    """Point the alias at `record` and read it back; again when an archiving of the old champion removed it."""
    for _ in range(_TRIES):
        doubt: Transient | Conflict | None = None
        try:
            ledger.backend.set_alias(record.model, CHAMPION, record.number)
        except (Transient, Conflict) as error:
            doubt = error  # no answer is no proof that nothing happened: what is read back decides
        now = replace(before, aliases=ledger.backend.aliases(record.model))
        if doubt is not None and now.champion == before.champion:
            raise doubt
        if now.champion is not None:
            break
    _check_champion(now, record)


def _undo_crossed_removal(ledger: Ledger, after: Listing) -> Listing:
    """Give the alias back to a promotion from which an archiving of the version before it took it away."""
    promoted = [record for record in after.records if in_production_by_history(record)]
    if after.champion is not None or not promoted:
        return after
    latest = max(promoted, key=lambda record: record.events[-1].key)
    ledger.backend.set_alias(after.model, CHAMPION, latest.number)
    return ledger.listing(after.model)


def _check_champion(listing: Listing, record: Record) -> None:
    if listing.champion == record.number:
        return
    winner = "an archiving" if listing.champion is None else listing.name_of(listing.champion)
    raise Conflict(
        f"{record.model} {record.version} was promoted, but {winner} won the race",
        hint="look at what is in production now, then decide again",
    )


def demote(ledger: Ledger, model: str, version: str, cause: Cause) -> Listing:
    """Archive the version in production, leaving none there; returns the listing after it."""
    before = settle(ledger, model, cause)
    record = before.find(version)
    check_transition(before.read(record).stage, Stage.ARCHIVED)
    # The history is closed before the alias goes: a version that the history still calls promoted while nothing is
    # champion can then only be one whose promotion crossed this demotion.
    ledger.move(record, Stage.PRODUCTION, Stage.ARCHIVED, cause)
    if ledger.backend.aliases(model).get(CHAMPION) == record.number:
        ledger.backend.delete_alias(model, CHAMPION)
    return _undo_crossed_removal(ledger, ledger.listing(model))


def settle(ledger: Ledger, model: str, cause: Cause) -> Listing:
    """Close the history of every version that has been superseded, make the stage tags follow; return the listing.

    Repeated until there is nothing left to do, because another writer's late tag may land in between.
    """
    listing = ledger.listing(model)
    while _settle_once(ledger, listing, cause):
        listing = ledger.listing(model)
    return listing


def _settle_once(ledger: Ledger, listing: Listing, cause: Cause) -> bool:
    """Mend what `listing` shows; false when that was nothing."""
    mended = False
    for record in listing.records:
        if in_production_by_history(record) and listing.champion not in {None, record.number}:
            _close(ledger, record, Cause(by=cause.by, why=f"superseded by {listing.name_of(listing.champion)}"))
            mended = True
        elif record.tagged is not record.events[-1].target:
            ledger.backend.set_tag(record.model, record.number, STAGE, record.events[-1].target.value)
            mended = True
    return mended


def _close(ledger: Ledger, record: Record, cause: Cause) -> None:
    """Record the end of the last promotion, under a key made from it: two who settle at once write the same event."""
    promotion = record.events[-1]
    event = ledger.event(Stage.PRODUCTION, Stage.ARCHIVED, cause, after=promotion)
    ledger.write(record, replace(event, key=f"{promotion.key}-superseded"))
