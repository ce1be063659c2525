"""A recommender that answers each question with the hits a test wrote down for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.errors import Transient
from mlops.recommendation import Answer, Ask, Filters, Hit, Recommends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_FILTERS = Filters()


def hit(name: str, score: float = 0.5, **row: object) -> Hit:
    return Hit(id=name, score=score, recipe={"id": name, "title": name, **row}, signals=(), translated=True)


def answer(*hits: Hit, filters: Filters = NO_FILTERS, notes: tuple[str, ...] = (), language: str = "en") -> Answer:
    return Answer(
        hits=hits, language=language, query_en="", translated=True, filters=filters, version="1.0.0", notes=notes
    )


@dataclass
class ScriptedRecommender(Recommends):
    """Answers `rankings[text]`: ids best first, scores falling. "boom" fails. Remembers what it was asked."""

    rankings: Mapping[str, Sequence[str]]
    asked: list[Ask] = field(default_factory=list)

    def recommend(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        if ask.text == "boom":
            raise Transient("translator refused", hint="try again later")
        names = self.rankings.get(ask.text, ())[: ask.k]
        return answer(*(hit(name, 1 / place) for place, name in enumerate(names, start=1)), notes=("nothing",))
