"""Whether speed was bought with wrong answers: the ten best by meaning beside those of exact cosines in fp32.

Ours answers a hybrid ranking, so its semantic part is asked in this process, from the very artefact that is served.
`semantic_best` and `_nearest` are the places that know how; everything else here is arithmetic.
"""

# ruff: noqa: SLF001 - what no caller of the product may see, a bench of its parts must

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from mlops.artifact.loader import open_recommender
from mlops.cli.console import say
from mlops.recommendation import Ask, Filters
from mlops.retrieval.fusion import DEPTH
from mlops.retrieval.understanding import understand
from mlops.translation.identity import IdentityTranslator
from predictor.pauses import keep_memory
from tests.bench.serving.contestants import RECOMMEND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.retrieval.recommender import Recommender
    from tests.bench.serving.corpus import Corpus
    from tests.bench.serving.figures import Figures
    from tests.bench.serving.queries import Questions
    from tests.bench.serving.reference import Reference
    from tests.bench.serving.servers import Server

K = 10
ASKED = 300
WARM_UP = 20
OVER_HTTP = 40
SELECTIVITY = 0.10
# What a candidate may miss of exact cosines before two documents count as tied.
_TIE = 1e-6


def semantic_best(recommender: Recommender, ask: Ask) -> tuple[str, NDArray[np.bool_] | None, NDArray[np.int64]]:
    """The text that was embedded, which recipes pass the filters (None: all), and the best ten by meaning, as served."""
    query = understand(ask, recommender._languages)
    passed = None if query.filters.empty else recommender._search.passed(query.filters)
    vector = recommender._encoder.encode([query.english])[0]
    return query.english, passed, _nearest(recommender, vector, passed)


def _nearest(
    recommender: Recommender, vector: NDArray[np.float32], passed: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    index = recommender._indexes.semantic
    (near,) = index.nearest(vector[None], [passed], DEPTH)
    (cosines,) = index.cosines(vector[None], [near])
    return near[np.argsort(-cosines, kind="stable")[:K]]


def measure(artefact: Path, corpus: Corpus, reference: Reference, questions: Questions, figures: Figures) -> None:
    """Add the overlap of ours with fp32, without filters and with one that a tenth of the recipes pass, and the steps' times."""
    _, recommender = open_recommender(artefact, translator=IdentityTranslator())
    size = len(corpus.recipes)
    say(f"{size:,} recipes: agreement with exact fp32")
    limit = _tenth(corpus)
    for name, filters in (("all", Filters()), ("a tenth", Filters(max_ingredients=limit))):
        whole, search, selected = [], [], []
        for text in questions.distinct(ASKED):
            # A diet in the words narrows too; what is compared is who passes what the product understood.
            embedded, passed, documents = semantic_best(recommender, Ask(text=text, language="en", filters=filters))
            vector = reference.encode([embedded])[0]
            exact = _exact(corpus, vector, passed)
            of = K if passed is None else min(K, int(passed.sum()))
            whole.append(_share(documents, exact, of))
            search.append(_share(_nearest(recommender, vector, passed), exact, of))
            selected.append(1.0 if passed is None else passed.mean())
        figures.agreement.append(
            {
                "way": RECOMMEND, "size": size, "among": name, "overlap": float(np.mean(whole)), "queries": len(whole),
                "search": float(np.mean(search)), "passed": float(np.median(selected)),
            }
        )  # fmt: skip
    keep_memory()  # as a process that serves does
    _time_steps(recommender, size, questions, figures)


def measure_peers(
    servers: Sequence[Server], corpus: Corpus, reference: Reference, questions: Questions, figures: Figures
) -> None:
    """Add the overlap of the others with fp32, from their answers over HTTP: what they serve is the semantic ranking."""
    numbers = {recipe.id: number for number, recipe in enumerate(corpus.recipes)}
    queries = questions.distinct(OVER_HTTP)
    exact = [_exact(corpus, vector, None) for vector in reference.encode(queries)]
    for server in servers:
        # Ours is asked in process; who runs as several processes answers as one does.
        if server.contestant.name == RECOMMEND or server.contestant.name.endswith("-wide"):
            continue
        (way,) = server.contestant.ways
        with server.awake():
            answered = [server.ask(way, query) for query in queries]
        shares = [
            _share(np.array([numbers[name] for name in ids]), best, K)
            for ids, best in zip(answered, exact, strict=True)
        ]
        figures.agreement.append(
            {"way": way.name, "size": len(corpus.recipes), "among": "all", "overlap": float(np.mean(shares)),
             "queries": len(shares), "passed": 1.0}
        )  # fmt: skip


def _exact(corpus: Corpus, vector: NDArray[np.float32], passed: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    """Everybody who belongs to the ten best: more than ten where there are ties at the tenth place."""
    scores = corpus.exact @ vector
    if passed is not None:
        scores[~passed] = -np.inf
    tenth = np.partition(scores, len(scores) - K)[len(scores) - K]
    return np.flatnonzero((scores >= tenth - _TIE) & np.isfinite(scores))


def _share(documents: NDArray[np.intp], exact: NDArray[np.intp], of: int) -> float:
    return len(np.intersect1d(documents, exact)) / max(int(of), 1)


def _tenth(corpus: Corpus) -> int:
    """The number of ingredients that about a tenth of the recipes do not exceed."""
    counts = np.array([len(recipe.ingredients) for recipe in corpus.recipes])
    return max(1, int(np.quantile(counts, SELECTIVITY)))


def _time_steps(recommender: Recommender, size: int, questions: Questions, figures: Figures) -> None:
    """The laps that the product itself takes, one query at a time in one thread, and the whole answer around them."""
    laps: dict[str, list[float]] = {}
    for number, text in enumerate(questions.distinct(WARM_UP + ASKED)):
        began = time.perf_counter()
        answer = recommender.recommend(Ask(text=text))
        whole = (time.perf_counter() - began) * 1000
        vector = recommender._encoder.encode([text])[0]
        began = time.perf_counter()
        _nearest(recommender, vector, None)
        semantic = (time.perf_counter() - began) * 1000
        if number >= WARM_UP:
            for name, taken in (answer.timings | {"whole": whole, "of search, semantic": semantic}).items():
                laps.setdefault(name, []).append(taken)
    for name, taken in laps.items():
        p50, p99 = np.percentile(taken, [50, 99])
        figures.steps.append(
            {"size": size, "step": name, "p50_ms": p50, "p99_ms": p99, "mean_ms": float(np.mean(taken))}
        )
