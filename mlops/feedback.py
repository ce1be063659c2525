"""What users did with recommendations, kept as JSON lines for evaluation and retraining.

One thread writes. A feedback is acknowledged only once it is in the day's file: lines that arrive together are written
and fsynced together, so that waiting costs one fsync and not one each. A feedback id is kept once per folder; readers
that merge the folders of several pods drop repeats by `feedback_id`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from mlops.batches import Batches
from mlops.errors import Conflict, Transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops.feedback_spool import DailySpool

# Between the version and the random part of a recommendation id.
VERSION_SEPARATOR = "~"
_BATCH = 256


class FeedbackNotKept(Transient):
    """The feedback is lost unless it is sent again; `reason` is a bounded label for a counter."""

    def __init__(self, message: str, *, reason: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One report on one recommendation: recipe ids that were clicked and cooked, and stars (1..5) by recipe id.

    `user` is a hash (`user_hash`) or None.
    """

    feedback_id: str
    recommendation_id: str
    at: datetime
    user: str | None = None
    clicked: tuple[str, ...] = ()
    cooked: tuple[str, ...] = ()
    ratings: Mapping[str, int] = field(default_factory=dict)

    def identified(self, feedback_id: str) -> Feedback:
        """Return the same feedback under another id."""
        return replace(self, feedback_id=feedback_id)

    def to_row(self) -> dict[str, Any]:
        """Return plain JSON types; `version` is the model version that made the recommendation, if its id says so."""
        return {
            "ts": self.at.isoformat(),
            "feedback_id": self.feedback_id,
            "recommendation_id": self.recommendation_id,
            "version": recommended_version(self.recommendation_id),
            "user": self.user,
            "clicked": list(self.clicked),
            "cooked": list(self.cooked),
            "ratings": dict(self.ratings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The feedback is in the file; `duplicate` when it already was."""

    feedback_id: str
    duplicate: bool


def user_hash(user_id: str, salt: bytes) -> str:
    """Return 16 hex digits that stand for a user: HMAC-SHA256 under `salt`, so a list of known ids does not undo it."""
    return hmac.new(salt, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def recommended_version(recommendation_id: str) -> str | None:
    """Return the model version a recommendation id begins with, None for ids made elsewhere."""
    version, separator, _ = recommendation_id.partition(VERSION_SEPARATOR)
    return version if separator and version else None


def content_digest(row: Mapping[str, Any]) -> str:
    """Return 32 hex digits of what a feedback says, whenever and under whatever id it was sent."""
    content = {key: value for key, value in row.items() if key not in ("ts", "feedback_id")}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    line: bytes
    receipt: Future[Receipt]
    feedback_id: str


class FeedbackStore:
    """The folder of daily files, open for appending by this process only."""

    def __init__(self, spool: DailySpool, *, waiting: int = 1000, remembered: int = 100_000) -> None:
        self._spool = spool
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[str, Future[Receipt]]] = OrderedDict()
        self._remembered = remembered
        self._failure: str | None = None
        self._owed: deque[float] = deque()
        for row in spool.newest_rows(remembered):
            self._remember(str(row.get("feedback_id")), content_digest(row), _done(str(row.get("feedback_id"))))
        self._batches = Batches(self._append, "feedback", waiting=waiting, most=_BATCH)

    @property
    def failure(self) -> str | None:
        """Why the last write failed; None once one has succeeded."""
        return self._failure

    @property
    def backlog(self) -> tuple[int, float | None]:
        """How many feedbacks are not on disk yet, and since when the oldest of them waits (Unix seconds)."""
        with self._lock:
            return len(self._owed), self._owed[0] if self._owed else None

    def submit(self, feedback: Feedback) -> Future[Receipt]:
        """Queue `feedback`; the future ends when it is on disk, or with FeedbackNotKept.

        Raises Conflict for an id that was used for something else, FeedbackNotKept where the queue is full.
        """
        row = feedback.to_row()
        digest = content_digest(row)
        with self._lock:
            if known := self._known.get(feedback.feedback_id):
                return self._repeated(feedback.feedback_id, *known, digest=digest)
            entry = _Entry(
                line=orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE),
                receipt=_receipt(),
                feedback_id=feedback.feedback_id,
            )
            if not self._batches.put(entry):
                raise FeedbackNotKept(
                    f"{self._batches.limit} feedbacks already wait to be written",
                    reason="queue_full",
                    hint="send it again in a second",
                )
            self._owed.append(feedback.at.timestamp())
            self._remember(feedback.feedback_id, digest, entry.receipt)
        return entry.receipt

    def close(self) -> None:
        """Write what is queued and release the folder."""
        self._batches.close()
        self._spool.close()

    def _repeated(
        self, feedback_id: str, known_digest: str, written: Future[Receipt], *, digest: str
    ) -> Future[Receipt]:
        if known_digest != digest:
            raise Conflict(
                f"feedback_id {feedback_id!r} was already used for a different feedback",
                hint="leave feedback_id out, or use a new one for each feedback",
            )
        repeated = _receipt()

        def follow(first: Future[Receipt]) -> None:
            error = first.exception()
            if error is not None:
                repeated.set_exception(error)
            else:
                repeated.set_result(Receipt(feedback_id=feedback_id, duplicate=True))

        written.add_done_callback(follow)
        return repeated

    def _remember(self, feedback_id: str, digest: str, receipt: Future[Receipt]) -> None:
        self._known[feedback_id] = (digest, receipt)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def _append(self, entries: Sequence[_Entry]) -> None:
        try:
            self._spool.append(b"".join(entry.line for entry in entries))
        except OSError as error:
            self._fail(entries, error)
        else:
            self._failure = None
            with self._lock:
                self._settle(entries)
            for entry in entries:
                entry.receipt.set_result(Receipt(feedback_id=entry.feedback_id, duplicate=False))

    def _settle(self, entries: Sequence[_Entry]) -> None:
        """Owe these no more; they are written in the order in which they came."""
        for _ in entries:
            self._owed.popleft()

    def _fail(self, entries: Sequence[_Entry], error: OSError) -> None:
        self._failure = error.strerror or type(error).__name__
        with self._lock:
            self._settle(entries)
            for entry in entries:
                # Forgotten, so that the client's retry is written and not taken for a repeat.
                self._known.pop(entry.feedback_id, None)
        for entry in entries:
            entry.receipt.set_exception(
                FeedbackNotKept(
                    f"cannot write feedback: {self._failure}",
                    reason="write_failed",
                    hint="free space on the disk of the feedback folder, then send it again",
                )
            )


def _receipt() -> Future[Receipt]:
    """Return a future that cannot be cancelled: who stops waiting does not stop the writing."""
    receipt: Future[Receipt] = Future()
    receipt.set_running_or_notify_cancel()
    return receipt


def _done(feedback_id: str) -> Future[Receipt]:
    receipt = _receipt()
    receipt.set_result(Receipt(feedback_id=feedback_id, duplicate=False))
    return receipt
