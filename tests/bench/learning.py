"""The figures of learning from feedback: simulated sessions on shared data, judged by labels that no session shows.

`make bench-learning`, or `python -m tests.bench.learning [--artifact DIR] [--data DIR] [--seeds N]`. A DIR that does not
exist is built and kept. Exits 1 when a figure is missed, 0 when all are reached or when the data is not there. About
ten minutes on two cores, most of them for feedback that must teach nothing.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from mlops.artifact.loader import load_model, open_recommender
from mlops.cli.console import answers, messages, phases, print_table
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.corpus.importing import open_corpus
from mlops.evaluation import evaluate, read_qrels, read_queries
from mlops.evaluation.bootstrap import paired_interval
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.learning.sessions import collect
from mlops.learning.verdict import Decision
from mlops.recommendation import Ask
from mlops.retrieval.features import candidates
from mlops.retrieval.fusion import fuse
from tests.bench.quality import QRELS, QUERIES, RECIPES, SHARED, artifact_of
from tests.builders.spoilt_feedback import POISONS, at_random, with_automaton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlops.learning.retrain import Retrained
    from mlops.retrieval.recommender import Recommender
    from mlops.translation.translator import Translator

FEEDBACK = "dev_feedback_sim.jsonl.gz"
KNOWN = "known_item_es"
LEAST_GAIN = 0.08
WORST_SLICE = -0.02
MOST_MILLISECONDS = 3.0
CANDIDATES = 200

Values: TypeAlias = "Mapping[tuple[str, str, str], float]"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every measurement needs."""

    data: Path
    artifact: Path
    scratch: Path
    translator: Translator

    def retrain(self, rows: Sequence[dict[str, Any]], name: str, *, seed: int = 0) -> Retrained:
        """Retrain on `rows`; what is learned is written to the folder `name`."""
        reading = collect((orjson.dumps(row) for row in rows), name=name)
        request = RetrainRequest(
            artifact=self.artifact, out=self.scratch / name, code_revision="bench", seed=seed, threads=2
        )
        return retrain(reading, request, translator=self.translator, progress=lambda *_: None, clock=perf_counter)

    def ndcg(self, folder: Path, progress: Callable[[str, int, int], None]) -> Values:
        """NDCG@10 by (kind, language, qid) of the queries that no session asks."""
        tested = {row["qid"] for row in rows_of(self.data / QUERIES) if row["split"] == "test"}
        queries = [query for query in read_queries(self.data / QUERIES) if query.qid in tested]
        qrels = read_qrels(self.data / QRELS)
        recommender = load_model(folder, translator=self.translator).recommender
        values = {}
        for language in ("en", "es"):
            report = evaluate(
                recommender,
                queries,
                qrels,
                language=language,
                clock=perf_counter,
                progress=lambda done, total, name=language: progress(f"{folder.name} {name}", done, total),
            )
            for result in report.results:
                values[result.kind, language, result.qid] = result.values["ndcg@10"]
        return values


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench-learning", description="Learning from simulated feedback.")
    parser.add_argument("--artifact", type=Path, help="artefact to learn on top of; built there when it does not exist")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the shared data")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds of random and of poisoned clicks")
    options = parser.parse_args(arguments)
    missing = [name for name in (RECIPES, QUERIES, QRELS, FEEDBACK) if not (options.data / name).is_file()]
    if missing:
        messages.print(f"Nothing to measure: {options.data} has no {', '.join(missing)}.")
        return 0
    settings = Settings()
    translator = translator_of(settings)
    recipes = sorted(open_corpus(options.data / RECIPES).recipes, key=lambda recipe: recipe.id)
    try:
        with (
            TemporaryDirectory(prefix="recipes-bench-") as scratch,
            artifact_of(options.artifact, recipes, translator, settings) as folder,
        ):
            bench = Bench(data=options.data, artifact=folder, scratch=Path(scratch), translator=translator)
            figures = []
            for text, reached in measured(bench, options.seeds):
                answers.print(f"{'reached' if reached else 'MISSED '}  {text}", markup=False, soft_wrap=True)
                figures.append(reached)
    finally:
        translator.close()
    return 0 if all(figures) else 1


def measured(bench: Bench, seeds: int) -> Iterator[tuple[str, bool]]:
    """Yield each figure with its arithmetic, and whether it is reached."""
    rows = rows_of(bench.data / FEEDBACK)
    learned = bench.retrain(rows, "learned")
    yield f"honest feedback: {learned.verdict.decision.value}", learned.verdict.decision is Decision.LEARNED
    for demand in learned.verdict.demands:
        yield f"{demand.name}: {demand.reason}", demand.passed
    if learned.manifest is None:
        return
    yield from _gains(bench)
    again = bench.retrain(rows, "again")
    same = again.manifest is not None and again.manifest.digest == learned.manifest.digest
    yield f"trained again with the same seed: digest {'the same' if same else 'another'}", same
    yield _cost(bench)
    yield from _little(bench, rows)
    yield _automaton(bench, rows)
    yield _spoilt(bench, "random clicks", [(at_random, seed) for seed in range(seeds)], rows)
    kinds = list(POISONS.values())
    yield _spoilt(bench, "poisoned clicks", [(kinds[seed % len(kinds)], seed) for seed in range(seeds)], rows)


def _gains(bench: Bench) -> Iterator[tuple[str, bool]]:
    with phases() as progress:
        before = bench.ndcg(bench.artifact, progress)
        after = bench.ndcg(bench.scratch / "learned", progress)
    slices: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for key in before:
        slices.setdefault(key[:2], []).append(key)
    table = []
    for (kind, language), keys in sorted(slices.items()):
        old, new = (float(np.mean([values[key] for key in keys])) for values in (before, after))
        table.append((kind, language, len(keys), f"{old:.3f}", f"{new:.3f}", f"{new - old:+.3f}"))
        yield f"{kind} {language}: {new - old:+.3f} >= {WORST_SLICE}", new - old >= WORST_SLICE
    print_table("NDCG@10 on queries not trained on", ("kind", "language", "n", "before", "after", ""), table)
    asked = sorted(key for key in before if key[0] != KNOWN)
    gain = float(np.mean([after[key] - before[key] for key in asked]))
    interval = paired_interval(
        [after[key] for key in asked], [before[key] for key in asked], percentile=None, confidence=0.95, seed=0
    )
    assert interval is not None
    sure = f"[{interval.low:+.3f}, {interval.high:+.3f}] on {len(asked)} questions of the trained kinds"
    yield f"NDCG@10 {gain:+.3f} {sure}, at least {LEAST_GAIN:+}", gain >= LEAST_GAIN and interval.low > 0


def _cost(bench: Bench) -> tuple[str, bool]:
    """The median time of the second look, scaled to 200 candidates."""
    _, recommender = open_recommender(bench.scratch / "learned", translator=bench.translator)
    milliseconds = []
    for query in read_queries(bench.data / QUERIES)[:100]:
        milliseconds += _second_look(recommender, query.text_en or query.text_es or "")
    median = float(np.median(milliseconds))
    return f"second look: {median:.2f} ms at {CANDIDATES} candidates < {MOST_MILLISECONDS}", median < MOST_MILLISECONDS


def _second_look(recommender: Recommender, text: str) -> Iterator[float]:
    found = recommender.see(Ask(text=text))
    learned = recommender.learned
    assert found is not None
    assert learned is not None
    seen, passed = found
    fused = fuse(seen.rankings, passed, len(passed), seen.coverage)
    size = len(candidates(seen, fused))
    for _ in range(5):
        start = perf_counter()
        learned.rerank(seen, fused)
        yield (perf_counter() - start) * 1000 * CANDIDATES / size


def _little(bench: Bench, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Feedback on few queries is refused, and what is learned from some more is no loss."""
    queries = sorted({row["query"] for row in rows})
    outcomes = []
    for seed in range(10):
        few = set(random.Random(seed).sample(queries, 20))
        outcomes.append(bench.retrain([row for row in rows if row["query"] in few], f"few-{seed}", seed=seed))
    refused = sum(outcome.verdict.decision is Decision.REFUSED for outcome in outcomes)
    yield f"20 queries' worth of feedback: refused {refused} of {len(outcomes)} times", refused == len(outcomes)
    before = bench.ndcg(bench.artifact, lambda *_: None)
    for seed in range(3):
        some = set(random.Random(seed).sample(queries, 70))
        outcome = bench.retrain([row for row in rows if row["query"] in some], f"some-{seed}", seed=seed)
        change = 0.0
        if outcome.manifest is not None:
            after = bench.ndcg(bench.scratch / f"some-{seed}", lambda *_: None)
            change = float(np.mean([after[key] - before[key] for key in before]))
        warned = "warned" if outcome.verdict.warnings else "not warned"
        text = f"70 queries' worth: {outcome.verdict.decision.value}, {warned}, NDCG@10 {change:+.3f} >= 0"
        yield text, change >= 0 and bool(outcome.verdict.warnings)


def _automaton(bench: Bench, rows: Sequence[dict[str, Any]]) -> tuple[str, bool]:
    outcome = bench.retrain(with_automaton(rows, 0), "automaton")
    noticed = [warning for warning in outcome.verdict.warnings if "automatons" in warning]
    return f"a visitor who clicks everything: {'; '.join(noticed) or 'not noticed'}", bool(noticed)


def _spoilt(
    bench: Bench, name: str, spoilings: Sequence[tuple[Callable[[Any, int], Any], int]], rows: Sequence[dict[str, Any]]
) -> tuple[str, bool]:
    learned = []
    with phases() as progress:
        for done, (spoil, seed) in enumerate(spoilings, start=1):
            outcome = bench.retrain(spoil(rows, seed), f"{name}-{seed}", seed=seed)
            if outcome.manifest is not None:
                learned.append(seed)
            progress(name, done, len(spoilings))
    return f"{name}: promoted {len(learned)} of {len(spoilings)} seeds {learned or ''}", not learned


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a gzip file."""
    with gzip.open(path) as stream:
        return [orjson.loads(line) for line in stream]


if __name__ == "__main__":
    sys.exit(main())
