"""From questions to recommendations: one model for the whole request, the work off the event loop, the result noted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import structlog

from mlops.feedback import VERSION_SEPARATOR, user_hash
from predictor.answering import Question
from predictor.request_record import current_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.recommendation import Answer, Ask, ServedModel
    from predictor.answer_memory import AnswerMemory
    from predictor.packing import Remembered
    from predictor.schemas import RecommendRequest
    from predictor.slot import Slot
    from predictor.workers import Workers

_REMEMBERED_TRANSLATIONS = 50

_log = structlog.stdlib.get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One answer, the model that gave it, and an id that begins with the model's version.

    `latency_ms` is from the request's validation to its answer, waiting included, and the same for all of a batch.
    `recipes` are those of `answer` as JSON, where they are known; a remembered answer's hits have none.
    """

    id: str
    served: ServedModel
    answer: Answer
    latency_ms: float
    recipes: bytes | None = None


class Asked(NamedTuple):
    """A question, the model that answers its user, and when its answering began."""

    wanted: RecommendRequest
    served: ServedModel
    ask: Ask
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the process decides once: how ids and time are made, the salt of user hashes, the deadline in seconds."""

    new_id: Callable[[], str]
    timer: Callable[[], float]
    user_salt: bytes
    seconds: float


class Recommending:
    """Answers requests from whatever model the slot gives their user when they come.

    `heard` is told what was asked once it is answered; see `Ports`.
    """

    def __init__(
        self,
        slot: Slot,
        workers: Workers,
        terms: Terms,
        memory: AnswerMemory,
        heard: Callable[[Sequence[Ask]], None] | None = None,
    ) -> None:
        self._slot = slot
        self._workers = workers
        self._terms = terms
        self._heard = heard
        self._memory = memory
        self._translations: deque[bool] = deque(maxlen=_REMEMBERED_TRANSLATIONS)

    @property
    def translations(self) -> tuple[bool, ...]:
        """Whether each of the last Spanish queries was translated, oldest first."""
        return tuple(self._translations)

    async def answer(self, requests: Sequence[RecommendRequest]) -> tuple[Recommendation, ...]:
        """Answer `requests` in order, all by the same model, as one piece of work.

        Their user decides which model; where they name none or several, each call is a user of its own.

        Raises NotServing, Overloaded, DeadlineExceeded, ModelFailed, and Transient faults of the model.
        """
        started = self._terms.timer()
        user = _user(requests)
        served = self._choose(user)
        self._begin(served, user)
        asks = [request.to_ask() for request in requests]
        answered = await self._workers.run(Question(served, tuple(asks)), seconds=self._terms.seconds)
        latency_ms = (self._terms.timer() - started) * 1000
        recommendations = tuple(
            Recommendation(id=self._id(served), served=served, answer=answer, latency_ms=latency_ms)
            for answer in answered.answers
        )
        self._note(asks, recommendations)
        return recommendations

    async def answer_one(self, request: RecommendRequest) -> Recommendation:
        """As `answer`, from memory where the same model answered the same question before."""
        asked = self.asked(request)
        remembered = self.find(asked)
        return await self.compute(asked) if remembered is None else self.again(asked, remembered)

    def asked(self, request: RecommendRequest) -> Asked:
        """Choose the model that answers `request`.

        Raises NotServing.
        """
        started = self._terms.timer()
        return Asked(request, self._choose(request.user_id), request.to_ask(), started)

    def find(self, asked: Asked) -> Remembered | None:
        """Return what was answered before, if that is still known."""
        return self._memory.find(asked.served, asked.ask)

    def again(self, asked: Asked, remembered: Remembered) -> Recommendation:
        """Answer what `find` has found."""
        self._begin(asked.served, asked.wanted.user_id)
        current_record().computing_seconds = remembered.seconds
        return self._one(asked, remembered.answer, remembered.recipes)

    async def compute(self, asked: Asked) -> Recommendation:
        """Answer what `find` has not found, and remember it. Raises as `answer`, but for NotServing."""
        _, served, ask, started = asked
        self._begin(served, asked.wanted.user_id)
        answered = await self._workers.run(Question(served, (ask,), self._memory.pack), seconds=self._terms.seconds)
        self._memory.keep(served, ask, answered.packed, self._terms.timer() - started)
        return self._one(asked, answered.answers[0], answered.recipes)

    def _one(self, asked: Asked, answer: Answer, recipes: bytes) -> Recommendation:
        recommendation = Recommendation(
            id=self._id(asked.served),
            served=asked.served,
            answer=answer,
            latency_ms=(self._terms.timer() - asked.started) * 1000,
            recipes=recipes,
        )
        self._note([asked.ask], [recommendation])
        return recommendation

    def _choose(self, user: str | None) -> ServedModel:
        return self._slot.choose(self._terms.new_id() if user is None else user)

    def _begin(self, served: ServedModel, user: str | None) -> None:
        record = current_record()
        record.served_by(served)
        if user is not None:
            record.user = user_hash(user, self._terms.user_salt)

    def _id(self, served: ServedModel) -> str:
        return f"{served.version}{VERSION_SEPARATOR}{self._terms.new_id()}"

    def _note(self, asks: Sequence[Ask], recommendations: Sequence[Recommendation]) -> None:
        record = current_record()
        record.words = len(asks[0].text.split()) if asks else None
        for recommendation in recommendations:
            record.answered(recommendation.id, recommendation.answer)
            if recommendation.answer.language != "en":
                self._translations.append(recommendation.answer.translated)
        self._tell(asks)

    def _tell(self, asks: Sequence[Ask]) -> None:
        if self._heard is None:
            return
        try:
            self._heard(asks)
        except Exception as error:  # noqa: BLE001 - an answer is ready; whoever listens must not take it away
            _log.warning("what was asked could not be passed on", fault=type(error).__name__)


def _user(requests: Sequence[RecommendRequest]) -> str | None:
    """Return the one user that `requests` name; None where they name none or several."""
    users = {request.user_id for request in requests if request.user_id is not None}
    return users.pop() if len(users) == 1 else None
