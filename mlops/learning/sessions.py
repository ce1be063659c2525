"""Feedback as training reads it: one JSON object a line, what was asked, shown, clicked and rated.

Lines that break a rule are left out and counted: feedback comes from the world, and one bad line must not keep a
model from learning. A file that is mostly broken is refused, for it is probably not feedback.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

from mlops.errors import Invalid
from mlops.json_lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_QUERY = 500
MAX_SHOWN = 1000
_STARS = range(1, 6)
# Ratings that take a click back: opened, and not liked.
DISLIKED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One answer and what came of it. `shown` in the order of display; `liked` are clicked or cooked and not disliked.

    `who` is the hash of the user where there is one, else the session's id.
    """

    at: datetime
    session: str
    who: str
    language: Literal["auto", "en", "es"]
    query: str
    shown: tuple[str, ...]
    liked: frozenset[str]
    ratings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file held, in the order of time; `left_out` counts lines by the rule they broke."""

    sessions: tuple[Session, ...]
    left_out: Mapping[str, int]
    repeated: int
    digest: str


class _Broken(Exception):  # noqa: N818 - never leaves this module
    pass


def read_sessions(path: Path) -> Reading:
    """Read a plain or gzip file of sessions.

    Raises NotFound, Permanent where it cannot be read, Invalid for a damaged gzip or when most lines are no sessions.
    """
    return collect(read_lines(path), name=str(path))


def collect(lines: Iterable[bytes], *, name: str) -> Reading:
    """Parse `lines`, each a session; the digest is of what was understood, whatever the order of lines."""
    kept: dict[bytes, Session] = {}
    left_out: Counter[str] = Counter()
    repeated = 0
    for line in lines:
        try:
            session = _session(line)
        except _Broken as broken:
            left_out[str(broken)] += 1
            continue
        key = _canonical(session)
        repeated += key in kept
        kept[key] = session
    broken_lines = sum(left_out.values())
    if broken_lines > len(kept):
        rule, _ = left_out.most_common(1)[0]
        raise Invalid(
            f"{name}: {broken_lines} of {broken_lines + len(kept)} lines are no sessions, most often: {rule}",
            hint='a line reads {"ts": …, "session": …, "lang": "en", "query": …, "shown": […], "clicked": […]}',
        )
    ordered = sorted(kept.items(), key=lambda item: (item[1].at, item[0]))
    total = hashlib.sha256()
    for key, _ in ordered:
        total.update(key)
    return Reading(
        sessions=tuple(session for _, session in ordered),
        left_out=dict(sorted(left_out.items())),
        repeated=repeated,
        digest=f"sha256:{total.hexdigest()}",
    )


def _session(line: bytes) -> Session:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise _Broken("not JSON") from None
    if not isinstance(row, dict):
        raise _Broken("not an object")
    shown = tuple(dict.fromkeys(_texts(row, "shown")))
    if not shown:
        raise _Broken("nothing was shown")
    ratings = _ratings(row)
    disliked = {recipe for recipe, stars in ratings.items() if stars <= DISLIKED}
    chosen = {*_texts(row, "clicked"), *_texts(row, "cooked")} & set(shown)
    query = row.get("query")
    if not isinstance(query, str) or not query.strip() or len(query) > MAX_QUERY:
        raise _Broken(f"query is no text of 1 to {MAX_QUERY} characters")
    language = row.get("lang")
    at = _time(row.get("ts"))
    session = str(row.get("session") or f"{at.isoformat()} {query}")
    return Session(
        at=at,
        session=session,
        who=str(row.get("user") or session),
        language=cast("Literal['auto', 'en', 'es']", language if language in ("en", "es") else "auto"),
        query=" ".join(query.split()),
        shown=shown,
        liked=frozenset(chosen - disliked),
        ratings={recipe: stars for recipe, stars in ratings.items() if recipe in shown},
    )


def _texts(row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key, [])
    if not isinstance(value, list) or len(value) > MAX_SHOWN or not all(isinstance(each, str) for each in value):
        raise _Broken(f"{key} is no list of at most {MAX_SHOWN} recipe ids")
    return value


def _ratings(row: Mapping[str, Any]) -> dict[str, int]:
    value = row.get("ratings") or {}
    if not isinstance(value, dict) or any(type(stars) is not int or stars not in _STARS for stars in value.values()):
        raise _Broken("ratings are no stars from 1 to 5 by recipe id")
    return value


def _time(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _Broken("ts is no time as in 2026-01-31T12:00:00Z") from None


def _canonical(session: Session) -> bytes:
    row = [
        session.at.isoformat(),
        session.session,
        session.who,
        session.language,
        session.query,
        session.shown,
        sorted(session.liked),
        sorted(session.ratings.items()),
    ]
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
