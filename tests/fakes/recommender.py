"""A recommender without a model: deterministic answers, and misbehaviour that a test asks for by words in the query."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from threading import Event

from mlops.errors import Transient
from mlops.recommendation import Answer, Ask, Hit, Recommends, ServedModel, Signal


@dataclass(frozen=True)
class FakeRecommender(Recommends):
    """Answers `k` of `recipes` made-up recipes in an order that depends on the query only.

    In a query, "wait" waits for `gate`, "sleep 0.2" takes that many seconds, "boom" raises a plain exception that
    quotes the query, "flaky" raises Transient, "nothing" has no hits, and "intraducible" stays untranslated.
    """

    version: str = "1.0.0"
    recipes: int = 100
    seconds: float = 0.0
    gate: Event = field(default_factory=Event)

    def recommend(self, ask: Ask) -> Answer:
        words = ask.text.split()
        if "wait" in words:
            assert self.gate.wait(timeout=30)
        if "sleep" in words:
            time.sleep(float(words[words.index("sleep") + 1]))
        if self.seconds:
            time.sleep(self.seconds)
        if "boom" in words:
            raise RuntimeError(f"secret path /srv/model while answering {ask.text}")
        if "flaky" in words:
            raise Transient("translator at 10.0.0.7 refused", hint="try again later")
        language = "en" if ask.language == "auto" else ask.language
        count = 0 if "nothing" in words else min(ask.k, self.recipes)
        start = int.from_bytes(hashlib.sha256(ask.text.encode()).digest()[:4]) % self.recipes
        return Answer(
            hits=tuple(self._hit((start + place) % self.recipes, place) for place in range(count)),
            language=language,
            query_en=ask.text,
            translated="intraducible" not in words,
            filters=ask.filters,
            version=self.version,
            notes=() if count else ("nothing matches",),
            timings={"translate": 0.1, "embed": 1.0, "search": 0.5, "rank": 0.2, "assemble": 0.1},
        )

    def _hit(self, number: int, place: int) -> Hit:
        return Hit(
            id=f"r-{number}",
            score=1.0 / (1 + place),
            recipe={"id": f"r-{number}", "title": f"Recipe {number}", "ingredients": ["salt", "water"], "minutes": 20},
            signals=(
                Signal(name="semantic", rank=place + 1, score=0.9 - place / 100, contribution=0.6),
                Signal(name="lexical", rank=None, score=0.0, contribution=0.0),
            ),
            translated=True,
        )


def fake_model(
    version: str = "1.0.0",
    *,
    name: str = "recipes",
    recipes: int = 100,
    seconds: float = 0.0,
    gate: Event | None = None,
) -> ServedModel:
    return ServedModel(
        name=name,
        version=version,
        digest="sha256:" + hashlib.sha256(version.encode()).hexdigest(),
        recipes=recipes,
        recommender=FakeRecommender(version=version, recipes=max(recipes, 1), seconds=seconds, gate=gate or Event()),
    )
