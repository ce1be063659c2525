"""MLflow's error codes as our faults: the one place that knows both. Pure."""

from __future__ import annotations

from mlops.errors import Conflict, MlopsError, NotFound, Permanent, Transient

_KINDS: dict[str, type[MlopsError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "RESOURCE_ALREADY_EXISTS": Conflict,
    "RESOURCE_CONFLICT": Conflict,
    "TEMPORARILY_UNAVAILABLE": Transient,
    "INTERNAL_ERROR": Transient,
    "REQUEST_LIMIT_EXCEEDED": Transient,
    "DEADLINE_EXCEEDED": Transient,
}
_LONGEST_MESSAGE = 500

# How the drivers of SQLite, MySQL and SQL Server, and that of PostgreSQL, call a row that is there already.
_DUPLICATES = ("IntegrityError", "UniqueViolation")


def mlflow_fault(code: str, message: str, doing: str) -> MlopsError:
    """The fault to raise when MLflow answered `doing` with `code`."""
    # MLflow reads before it writes: of two writers that both saw no row, the second meets the table's constraint,
    # which MLflow reports as a bad request.
    kind = Conflict if any(word in message for word in _DUPLICATES) else _KINDS.get(code, Permanent)
    first_line = message.partition("\n")[0][:_LONGEST_MESSAGE]
    hint = "try again; MLflow's log says more" if kind is Transient else ""
    return kind(f"{doing}: MLflow says {first_line} ({code})", hint=hint)
