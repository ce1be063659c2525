"""The database: SQLite on a laptop, PostgreSQL in a cluster, by the same code. One of two importers of SQLAlchemy.

The spools stay the place where feedback is acknowledged: a database that is down delays what is known, and loses
nothing. Rows carry the ids they got when they were made, so that loading a spool again, or two loads at once, changes
nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.dialects import postgresql, sqlite

from mlops.errors import Invalid, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

BATCH = 500
_DIALECTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_METADATA = sa.MetaData()

ANSWERS = sa.Table(
    "answers",
    _METADATA,
    sa.Column("recommendation_id", sa.String, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("version", sa.String),
    sa.Column("user", sa.String),
    sa.Column("language", sa.String),
    sa.Column("query", sa.Text),
    sa.Column("shown", sa.JSON),
)
FEEDBACK = sa.Table(
    "feedback",
    _METADATA,
    sa.Column("feedback_id", sa.String, primary_key=True),
    sa.Column("recommendation_id", sa.String),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("version", sa.String),
    sa.Column("user", sa.String),
    sa.Column("clicked", sa.JSON),
    sa.Column("cooked", sa.JSON),
    sa.Column("ratings", sa.JSON),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a load added, and how many rows could not be read."""

    answers: int
    feedback: int
    broken: int


class FeedbackDatabase:
    """Open it with `open`, and use it in `with`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to `sqlite:///FILE` or `postgresql://…` and bring the tables up to date.

        Raises Invalid for another kind of address, Transient where nobody answers, Permanent where the tables cannot be
        made.
        """
        try:
            address = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise Invalid("the address of the feedback database is not one", hint=_ADDRESS) from error
        if address.get_backend_name() not in _DIALECTS:
            raise Invalid(f"{address.get_backend_name()!r} is no kind of feedback database", hint=_ADDRESS)
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        database = cls(sa.create_engine(address, pool_pre_ping=True))
        with database._faults(), database._engine.begin() as connection:
            _migrate(connection)
        return database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def take(self, answers: Iterable[Mapping[str, Any]], feedback: Iterable[Mapping[str, Any]]) -> Taken:
        """Add the rows of the spools that are not there yet. What was added before a fault stays."""
        added, broken = {}, 0
        for table, rows, parse in ((ANSWERS, answers, _answer), (FEEDBACK, feedback, _feedback)):
            added[table.name] = 0
            for batch in _batches(rows):
                good = [row for row in (parse(each) for each in batch) if row is not None]
                broken += len(batch) - len(good)
                added[table.name] += self._add(table, good)
        return Taken(answers=added["answers"], feedback=added["feedback"], broken=broken)

    def sessions(self) -> Iterator[dict[str, Any]]:
        """Yield each answer with all that was reported on it, in the order of time: the form of `recorded_sessions`."""
        with self._faults(), self._engine.connect() as connection:
            answers = connection.execution_options(yield_per=BATCH).execute(sa.select(ANSWERS).order_by(*_BY_TIME))
            for batch in answers.mappings().partitions():
                yield from self._joined([dict(row) for row in batch])

    def erase(self, user: str) -> int:
        """Remove every row of `user`, a hash, and unnamed answers that the user reported on; returns how many."""
        reported = sa.select(FEEDBACK.c.recommendation_id).where(FEEDBACK.c.user == user)
        unnamed = sa.and_(ANSWERS.c.user.is_(None), ANSWERS.c.recommendation_id.in_(reported))
        with self._faults(), self._engine.begin() as connection:
            answers = connection.execute(sa.delete(ANSWERS).where(sa.or_(ANSWERS.c.user == user, unnamed)))
            feedback = connection.execute(sa.delete(FEEDBACK).where(FEEDBACK.c.user == user))
        return int(answers.rowcount) + int(feedback.rowcount)

    def prune(self, before: datetime) -> int:
        """Remove what is older than `before`; returns how many rows."""
        with self._faults(), self._engine.begin() as connection:
            return sum(
                int(connection.execute(sa.delete(table).where(table.c.at < before)).rowcount)
                for table in (ANSWERS, FEEDBACK)
            )

    def _add(self, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        insert = _DIALECTS[self._engine.dialect.name]
        keys = [column.name for column in table.primary_key]
        statement = insert(table).values(rows).on_conflict_do_nothing(index_elements=keys).returning(*table.primary_key)
        with self._faults(), self._engine.begin() as connection:
            return len(connection.execute(statement).all())

    def _joined(self, answers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        ids = [answer["recommendation_id"] for answer in answers]
        wanted = sa.select(FEEDBACK).where(FEEDBACK.c.recommendation_id.in_(ids)).order_by(*_FEEDBACK_BY_TIME)
        outcomes: dict[str, dict[str, Any]] = {name: {"clicked": {}, "cooked": {}, "ratings": {}} for name in ids}
        users: dict[str, str | None] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(wanted).mappings():
                outcome = outcomes[row["recommendation_id"]]
                outcome["clicked"] |= dict.fromkeys(row["clicked"])
                outcome["cooked"] |= dict.fromkeys(row["cooked"])
                outcome["ratings"] |= row["ratings"]
                users[row["recommendation_id"]] = row["user"] or users.get(row["recommendation_id"])
        for answer in answers:
            outcome = outcomes[answer["recommendation_id"]]
            yield {
                "ts": answer["at"].replace(tzinfo=answer["at"].tzinfo or UTC).isoformat(),
                "session": answer["recommendation_id"],
                "user": answer["user"] or users.get(answer["recommendation_id"]),
                "lang": answer["language"],
                "query": answer["query"],
                "version": answer["version"],
                "shown": answer["shown"],
                "clicked": list(outcome["clicked"]),
                "cooked": list(outcome["cooked"]),
                "ratings": outcome["ratings"],
            }

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the library's errors into ours; no address is told, for it may hold a password."""
        where = f"the feedback database ({self._engine.dialect.name})"
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
            raise Transient(f"{where} does not answer: {type(error.orig).__name__}", hint=_LATER) from error  # type: ignore[union-attr]
        except sa.exc.SQLAlchemyError as error:
            raise Permanent(f"{where} refused: {type(error).__name__}", hint="look at its own log") from error


_ADDRESS = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
_LATER = "what was recorded waits in the spool; load it again once the database is there"
_BY_TIME = (ANSWERS.c.at, ANSWERS.c.recommendation_id)
_FEEDBACK_BY_TIME = (FEEDBACK.c.at, FEEDBACK.c.feedback_id)


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mlops.feedback_database").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _answer(row: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return {
            "recommendation_id": str(row["recommendation_id"]),
            "at": _time(row["ts"]),
            "version": row.get("version"),
            "user": row.get("user"),
            "language": str(row["lang"]),
            "query": str(row["query"]),
            "shown": list(row["shown"]),
        }
    except (KeyError, TypeError, ValueError):
        return None


def _feedback(row: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return {
            "feedback_id": str(row["feedback_id"]),
            "recommendation_id": str(row["recommendation_id"]),
            "at": _time(row["ts"]),
            "version": row.get("version"),
            "user": row.get("user"),
            "clicked": list(row.get("clicked", ())),
            "cooked": list(row.get("cooked", ())),
            "ratings": dict(row.get("ratings", {})),
        }
    except (KeyError, TypeError, ValueError):
        return None


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
