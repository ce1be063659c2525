"""The trace of a rollout: one span for the whole, below it one for each thing that it waited for. Pure.

Ids follow from the version's uid and the number of the attempt, so that spans sent before and after a restart, and by
different replicas, are of one trace.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controller.resource.reasons import Reason
from controller.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from controller.resource.meta import Meta
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import Attempt, VersionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span that is over. Ids are of 128 and 64 bits; `parent` is None for the whole rollout.

    `link` is the span of another trace that brought this one about, as W3C's traceparent.
    """

    trace: int
    id: int
    parent: int | None
    name: str
    start: datetime
    end: datetime
    failed: bool = False
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a version waits for, and since when."""

    headline: tuple[str, int, int]
    since: datetime


def waiting(status: VersionStatus, since: datetime) -> Wait:
    """What a version waits for: another reason, weight or step is another wait."""
    step = status.canary.step if status.canary else 0
    return Wait(headline=(status.reason.value, status.weight, step), since=since)


def over(status: VersionStatus) -> bool:
    """Whether the rollout has come to its end, good or bad."""
    baked = status.bake is not None and status.bake.ended_at is not None
    return status.stage is Stage.ARCHIVED or (status.stage is Stage.PRODUCTION and baked)


def spans(
    model: str, version: ModelVersion, wait: Wait, before: VersionStatus, after: VersionStatus, now: datetime
) -> list[Span]:
    """Return what has ended at `now`: the wait where another begins, the rollout where it is over.

    `model` is what the Model is called outside of its namespace.

    The rollout is linked to the training that brought it about, where the version's lineage names its span.
    """
    if over(before):
        return []
    attempt = before.attempt or after.attempt
    key = _key(version.meta, attempt)
    trace, root = _ids(key)
    number = version.spec.version
    about: dict[str, str | int] = {"recipes.model": model, "recipes.version": number}
    found: list[Span] = []
    if waiting(after, now).headline != wait.headline:
        reason, weight, step = wait.headline
        found.append(
            Span(
                trace=trace,
                id=_number(f"{key}/{reason}/{weight}/{step}/{wait.since.isoformat()}", 8),
                parent=root,
                name=reason,
                start=wait.since,
                end=now,
                attributes={**about, "recipes.stage": before.stage.value, "recipes.weight": weight,
                            "recipes.step": step, "recipes.message": before.message},
            )
        )  # fmt: skip
    if over(after):
        good = after.stage is Stage.PRODUCTION or after.reason is Reason.SUPERSEDED
        found.append(
            Span(
                trace=trace,
                id=root,
                parent=None,
                name=f"rollout of {model} {number}",
                start=attempt.started if attempt else _began(before),
                end=now,
                failed=not good,
                attributes={**about, "recipes.stage": after.stage.value, "recipes.reason": after.reason.value,
                            "recipes.message": after.message},
                link=version.spec.lineage.trace,
            )
        )  # fmt: skip
    return found


def traceparent(version: ModelVersion) -> str:
    """The rollout's span as its jobs are told of it, in the form of W3C's header."""
    trace, root = _ids(_key(version.meta, version.status.attempt if version.status else None))
    return f"00-{trace:032x}-{root:016x}-01"


def _key(meta: Meta, attempt: Attempt | None) -> str:
    return f"{meta.uid}/{attempt.number if attempt else 1}"


def _ids(key: str) -> tuple[int, int]:
    return _number(key, 16), _number(f"{key}/rollout", 8)


def _began(status: VersionStatus) -> datetime:
    """When the first stage began, as far as it is known."""
    return status.history[0].at if status.history else status.since


def _number(text: str, size: int) -> int:
    # An id of zeros would be none.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1
