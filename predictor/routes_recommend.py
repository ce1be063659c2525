"""POST /recommend and POST /feedback."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from mlops.feedback import Feedback, FeedbackNotKept, FeedbackStore, Receipt, content_digest, user_hash
from mlops.monitoring.traffic_log import TrafficLog
from mlops.shown_log import Shown, ShownLog
from predictor.answers import recommendation_body
from predictor.instruments import Instruments
from predictor.json_messages import json_answer, json_body
from predictor.problems import Problem, Refused
from predictor.recommending import Recommendation, Recommending, Terms
from predictor.request_record import current_record
from predictor.schemas import FeedbackRequest, RecommendRequest
from predictor.validation import parse_json


class RecommendRoute:
    """Answers one question. `shown` keeps what was answered, for learning; None where no folder is set."""

    def __init__(
        self, recommending: Recommending, shown: ShownLog | None, terms: Terms, clock: Callable[[], float]
    ) -> None:
        self._recommending = recommending
        self._shown = shown
        self._terms = terms
        self._clock = clock

    async def recommend(self, request: Request) -> Response:
        """Recommend recipes for a question in free text, best first, each with the reasons for its place."""
        wanted = parse_json(RecommendRequest, await json_body(request))
        recommendation = await self._recommending.answer_one(wanted)
        self.keep(wanted, recommendation)
        return json_answer(recommendation_body(recommendation))

    async def compute(self, wanted: RecommendRequest) -> Recommendation:
        """Answer, whatever is remembered, and keep what was shown: every hit has its recipe and signals."""
        (recommendation,) = await self._recommending.answer([wanted])
        self.keep(wanted, recommendation)
        return recommendation

    def keep(self, wanted: RecommendRequest, recommendation: Recommendation) -> None:
        """Keep what was shown, for learning, where a folder is set."""
        if self._shown is not None:
            self._shown.keep(self._as_shown(wanted, recommendation))

    def _as_shown(self, wanted: RecommendRequest, recommendation: Recommendation) -> Shown:
        return Shown(
            recommendation_id=recommendation.id,
            at=datetime.fromtimestamp(self._clock(), UTC),
            language=recommendation.answer.language,
            query=wanted.query,
            shown=tuple(hit.id for hit in recommendation.answer.hits),
            version=recommendation.served.version,
            user=None if wanted.user_id is None else user_hash(wanted.user_id, self._terms.user_salt),
            score=recommendation.answer.hits[0].score if recommendation.answer.hits else None,
        )


class KeptFeedback:
    """Where feedback goes: to the store, and once it is there, into the counters and the traffic log.

    `store` is None where no folder is set, `traffic` where nobody compares versions in this process.
    """

    def __init__(self, store: FeedbackStore | None, instruments: Instruments, traffic: TrafficLog | None) -> None:
        self._store = store
        self._instruments = instruments
        self._traffic = traffic

    def submit(self, feedback: Feedback) -> Future[Receipt]:
        """Queue `feedback`; the future ends when it is on disk.

        Raises Refused without a store, and as FeedbackStore does.
        """
        if self._store is None:
            detail = "no feedback folder is set here; set PREDICTOR_FEEDBACK_FOLDER and start again"
            raise Refused(Problem(kind="not-configured", detail=detail))
        written = self._store.submit(feedback)
        # By the future and not by the request: it counts although its client gave up waiting for a slow disk.
        written.add_done_callback(lambda receipt: self._count(feedback, receipt))
        return written

    def dropped(self, reason: str) -> None:
        """Count a feedback that was not acknowledged."""
        self._instruments.feedback_dropped.labels(reason).inc()

    def _count(self, feedback: Feedback, written: Future[Receipt]) -> None:
        if written.exception() is not None or written.result().duplicate:
            return
        self._instruments.feedback.inc()
        if self._traffic is not None:
            at = feedback.at.timestamp()
            self._traffic.feedback(feedback.recommendation_id, feedback.clicked, feedback.cooked, at)


class FeedbackRoute:
    """Keeps what users did with recommendations."""

    def __init__(self, kept: KeptFeedback, terms: Terms, clock: Callable[[], float]) -> None:
        self._kept = kept
        self._terms = terms
        self._clock = clock

    async def feedback(self, request: Request) -> Response:
        """Keep what a user clicked, cooked or rated; answered once it is on disk. Sent again, it is kept once."""
        receipt = await self.keep(parse_json(FeedbackRequest, await json_body(request)))
        return json_answer({"feedback_id": receipt.feedback_id, "duplicate": receipt.duplicate}, status=202)

    async def keep(self, wanted: FeedbackRequest) -> Receipt:
        """Keep it; returns once it is on disk. Raises Refused, and as FeedbackStore does."""
        feedback = self._feedback(wanted)
        current_record().user = feedback.user
        try:
            async with asyncio.timeout(self._terms.seconds):
                return await asyncio.wrap_future(self._kept.submit(feedback))
        except FeedbackNotKept as error:
            self._kept.dropped(error.reason)
            raise
        except TimeoutError:
            self._kept.dropped("slow_disk")
            detail = f"not on disk within {self._terms.seconds:g} s; send it again with the same feedback_id"
            raise Refused(Problem(kind="not-kept", detail=detail, headers={"retry-after": "5"})) from None

    def _feedback(self, wanted: FeedbackRequest) -> Feedback:
        feedback = Feedback(
            feedback_id=wanted.feedback_id or "",
            recommendation_id=wanted.recommendation_id,
            at=datetime.fromtimestamp(self._clock(), UTC),
            user=None if wanted.user_id is None else user_hash(wanted.user_id, self._terms.user_salt),
            clicked=wanted.clicked,
            cooked=wanted.cooked,
            ratings=wanted.ratings,
        )
        return feedback if wanted.feedback_id else feedback.identified(content_digest(feedback.to_row()))
