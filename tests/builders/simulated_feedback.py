"""Sessions of simulated users: they look less the further down, and mostly click what the labels call relevant."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops.recommendation import Ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.evaluation import Qrels, Query
    from mlops.recommendation import Recommends

CLICK = {2: 0.65, 1: 0.30, 0: 0.04}
START = datetime(2026, 1, 1, tzinfo=UTC)


def sessions(
    recommender: Recommends, queries: Sequence[Query], qrels: Qrels, *, visits: int, seed: int = 0
) -> list[dict[str, Any]]:
    """`visits` sessions for each query, in turn; one place in seven shows another recipe than the ranking would."""
    rng = random.Random(seed)
    every = sorted({recipe for grades in qrels.values() for recipe in grades})
    answers = {}
    for query in queries:
        hits = recommender.recommend(Ask(text=query.text_en or "", k=20, language="en")).hits
        answers[query.qid] = [hit.id for hit in hits]
    rows = []
    for visit in range(visits):
        for query in queries:
            shown = [rng.choice(every) if rng.random() < 0.15 else recipe for recipe in answers[query.qid]]
            shown = list(dict.fromkeys(shown))
            grades = qrels.get(query.qid, {})
            clicked = [
                recipe
                for place, recipe in enumerate(shown, start=1)
                if rng.random() < CLICK[min(grades.get(recipe, 0), 2)] / place**0.5
            ]
            rows.append(
                {
                    "ts": (START + timedelta(minutes=len(rows))).isoformat(),
                    "session": f"s{visit}-{query.qid}",
                    "lang": "en",
                    "query": query.text_en,
                    "shown": shown,
                    "clicked": clicked,
                    "ratings": {},
                }
            )
    return rows
