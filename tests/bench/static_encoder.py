"""One step further, asked and answered: a static encoder, one vector for each token and their weighted mean.

`make bench-static` distils one on the corpus and asks whether it would earn its place: NDCG@10 of the judged test
queries, hybrid and under a re-ranker that learned from the simulated feedback with it, beside the encoder that is
served; how many of the first ten by meaning are the same; and what encoding costs. The documents keep their vectors:
only queries are encoded by it.

The vectors of tokens minimise |B E - Y|^2 + ridge |E - E0|^2 over texts of the corpus (titles, lines of ingredients,
whole recipes): B is what share of a text each token is, by smooth inverse frequency (Arora et al. 2017), Y what the
encoder says of the texts, E0 what it says of each token alone (as model2vec has it).
"""

from __future__ import annotations

import json
import sys
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from scipy.linalg import solve
from scipy.sparse import csr_matrix

from mlops.artifact import layout, loader
from mlops.cli.console import answers, phases, print_table, say
from mlops.evaluation.bootstrap import paired_interval
from mlops.recommendation import Ask
from mlops.retrieval.documents import semantic_text, without_quantities
from mlops.retrieval.tokenizer import open_tokenizer
from tests.bench.learning import FEEDBACK, Bench, rows_of
from tests.bench.quality import QRELS, QUERIES, RECIPES, SHARED
from tests.bench.serving.agreement import semantic_best
from tests.bench.serving.ranking import judged, judged_recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlops.recipe import Recipe
    from mlops.retrieval.recommender import Encodes, Recommender
    from mlops.retrieval.tokenizer import Tokenizer
    from tests.bench.learning import Values

RIDGE = 0.3
SMOOTH = 1e-3  # a of a / (a + p), p the share of a token among all
MOST_LOST = 0.005  # of NDCG@10, clause 3 of issue 11
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class StaticEncoder:
    """`vectors` float32 (tokens, dimension) by the tokenizer's numbers, `weights` float32 (tokens,)."""

    tokenizer: Tokenizer
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1."""
        rows = [self._mean(encoding.ids) for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        if progress is not None:
            progress(len(texts))
        return np.stack(rows)

    def _mean(self, tokens: list[int]) -> NDArray[np.float32]:
        mean = self.weights[tokens] @ self.vectors[tokens]
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def distilled(folder: Path, teacher: Encodes, recipes: Sequence[Recipe]) -> StaticEncoder:
    """A static encoder that says of the texts of `recipes` what `teacher` does, as far as it can."""
    tokenizer, _ = open_tokenizer(folder)
    lines = {without_quantities(line) for recipe in recipes for line in recipe.ingredients}
    texts = sorted({recipe.title for recipe in recipes} | lines) + [semantic_text(recipe) for recipe in recipes]
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    counts = np.bincount(np.concatenate(ids), minlength=tokenizer.get_vocab_size())
    weights = (SMOOTH / (SMOOTH + counts / counts.sum())).astype(np.float32)
    used = np.flatnonzero(counts)
    places = np.full(len(counts), -1)
    places[used] = np.arange(len(used))
    shares = _shares(ids, weights, places)
    say(f"encoding {len(texts):,} texts and {len(counts):,} tokens …")
    # A word of a query that no text holds keeps the vector that it has alone.
    words = [tokenizer.decode([token], skip_special_tokens=False) or " " for token in range(len(counts))]
    vectors, wanted = teacher.encode(words), teacher.encode(texts)
    say("solving …")
    normal = (shares.T @ shares).toarray() + RIDGE * np.eye(len(used), dtype=np.float32)
    vectors[used] += solve(normal, shares.T @ (wanted - shares @ vectors[used]), assume_a="pos")
    return StaticEncoder(tokenizer, vectors, weights)


def _shares(ids: Sequence[list[int]], weights: NDArray[np.float32], places: NDArray[np.int64]) -> csr_matrix:
    """What share of each text each used token is: float32 (texts, used)."""
    columns = np.concatenate(ids)
    rows = np.repeat(np.arange(len(ids)), [len(each) for each in ids])
    values = weights[columns]
    totals = np.bincount(rows, values, len(ids))
    return csr_matrix((values / totals[rows], (rows, places[columns])), (len(ids), len(np.unique(columns))), np.float32)


def main() -> int:
    missing = [name for name in (RECIPES, QUERIES, QRELS, FEEDBACK) if not (SHARED / name).is_file()]
    if missing:
        say(f"Nothing to measure: {SHARED} has no {', '.join(missing)}.")
        return 0
    with judged(SHARED) as (folder, translator), TemporaryDirectory(prefix="recipes-bench-") as scratch:
        served = loader.open_recommender(folder, translator=translator)[1]
        encoder = served._encoder  # noqa: SLF001 - what is measured is a part
        static = distilled(folder / layout.ENCODER, encoder, judged_recipes(SHARED))
        values: dict[str, tuple[Values, Values]] = {}
        for name, chosen in (("served", encoder), ("static", static)):
            with patch.object(loader, "_open_encoder", lambda *_, chosen=chosen: chosen), phases() as progress:
                bench = Bench(data=SHARED, artifact=folder, scratch=Path(scratch), translator=translator)
                learned = bench.retrain(list(rows_of(SHARED / FEEDBACK)), name)
                say(f"{name}: {learned.verdict.decision.value}")
                values[name] = bench.ndcg(folder, progress), bench.ndcg(bench.scratch / name, progress)
        texts = [row["text_en"] for row in rows_of(SHARED / QUERIES)]
        _report(values, served, static, texts)
    return 0


def _report(
    values: dict[str, tuple[Values, Values]], served: Recommender, static: StaticEncoder, texts: Sequence[str]
) -> None:
    rows, lost = [], 0.0
    for place, what in enumerate(("hybrid", "learned")):
        now, before = values["static"][place], values["served"][place]
        keys = sorted(now.keys() & before.keys())
        pair = [np.array([each[key] for key in keys]) for each in (now, before)]
        interval = paired_interval(*(column.tolist() for column in pair))
        lost = max(lost, float(pair[1].mean() - pair[0].mean()))
        bounds = "" if interval is None else f"{interval.low:+.4f} to {interval.high:+.4f}"
        rows.append((what, f"{pair[1].mean():.4f}", f"{pair[0].mean():.4f}", bounds))
    print_table(f"NDCG@10 of {len(keys)} test queries", ("ranking", "served", "static", "change, 95 %"), rows)
    cost = {name: _cost(each, texts) for name, each in (("served", served._encoder), ("static", static))}  # noqa: SLF001
    same = _agreement(served, static, texts)
    answers.print(json.dumps({
        "overlap@10 of the ranking by meaning": round(same, 3), "texts": len(texts),
        "encoding, us of the processor": {name: round(spent * 1e6) for name, spent in cost.items()},
        "times cheaper": round(cost["served"] / cost["static"], 1),
    }), soft_wrap=True)  # fmt: skip
    answers.print(f"NDCG@10 lost: {lost:.4f} {'<=' if lost <= MOST_LOST else '>'} {MOST_LOST}")


def _cost(encoder: Encodes, texts: Sequence[str]) -> float:
    """Processor seconds of one text alone, the least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = process_time()
        for text in texts:
            encoder.encode([text])
        rounds.append((process_time() - began) / len(texts))
    return min(rounds)


def _agreement(served: Recommender, static: StaticEncoder, texts: Sequence[str]) -> float:
    """The share of the first ten by meaning that both find."""
    other = copy(served)
    other._encoder = static  # noqa: SLF001
    asks = [Ask(text=text) for text in texts]
    found = [[set(semantic_best(each, ask)[2].tolist()) for each in (served, other)] for ask in asks]
    return float(np.mean([len(one & two) / max(len(one), 1) for one, two in found]))


if __name__ == "__main__":
    sys.exit(main())
