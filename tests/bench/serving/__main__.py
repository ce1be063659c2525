"""`make bench`, or `python -m tests.bench.serving [--sizes 10000,100000] [--seconds 5] [--turns 3] …`: what serving costs.

Ours beside a naive predictor and beside the same engines behind MLServer, LitServe and BentoML; all in one run, on one
machine, in turns. Writes build/bench/serving.json, and with `--write` docs/performance.md and its plots from it. Exits 1
where an answer is worse than the floors allow or a request failed; a target of speed that is missed is only told.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.cli.console import answers, print_table, say
from tests.bench.quality import SHARED
from tests.bench.serving import (
    agreement,
    artefacts,
    batches,
    flame,
    load,
    machine,
    overload,
    plots,
    processes,
    ranking,
    report,
    starting,
    turns,
)
from tests.bench.serving.contestants import BEST_OF, NAIVE, RECOMMEND, USUAL, contestants, ours
from tests.bench.serving.corpus import corpus, read_base
from tests.bench.serving.figures import DISTINCT, ZIPF, Figures
from tests.bench.serving.queries import Questions
from tests.bench.serving.reference import Reference
from tests.bench.serving.servers import all_started, started
from tests.bench.serving.targets import JUDGED, targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.serving.corpus import Base

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "build" / "bench" / "serving.json"
DOCUMENT, PLOTS = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance"
PARTS = ("serving", "starts", "agreement", "quality", "overload", "profile", "batches")


@dataclass(frozen=True)
class Bench:
    """One run: what was asked for, the real recipes, and where figures gather."""

    options: argparse.Namespace
    base: Base
    reference: Reference
    questions: Questions
    figures: Figures
    scratch: Path

    def size(self, size: int) -> None:
        """Everything that is measured at one size."""
        options, figures = self.options, self.figures
        recipes = corpus(self.base, size)
        mine = artefacts.ours(recipes, rebuild=options.rebuild)
        others = artefacts.theirs(recipes, indexed=set(options.who) - {NAIVE, RECOMMEND} != set())
        for way, built in ((RECOMMEND, mine), ("peers", others)):
            figures.built.append(
                {"way": way, "size": size, "seconds": built.seconds, "mebibytes": built.mebibytes}
            )  # fmt: skip
        everybody = [each for each in contestants(mine.folder, others.folder) if each.name in options.who]
        if "agreement" in options.parts:
            agreement.measure(mine.folder, recipes, self.reference, self.questions, figures)
        if "starts" in options.parts:
            cold = [each for each in everybody if each.name in {NAIVE, RECOMMEND}]
            starting.measure(cold, size, options.turns, self.scratch, figures)
        if size == _judged(options.sizes):
            self._alone(mine.folder, size)
        if "serving" in options.parts:
            with all_started(everybody, self.scratch) as servers:
                if "agreement" in options.parts:
                    agreement.measure_peers(servers, recipes, self.reference, self.questions, figures)
                plan = turns.Plan(
                    turns=options.turns, seconds=options.seconds, warm_up=options.warm_up, familiar=options.familiar,
                    connections=options.connections, traffics=options.traffic,
                )  # fmt: skip
                turns.measure(servers, size, plan, self.questions, figures)

    def _alone(self, artefact: Path, size: int) -> None:
        """What only ours is asked for."""
        wanted = {"overload", "profile"} & set(self.options.parts)
        if not wanted:
            return
        with started(ours(artefact), self.scratch) as server:
            server.wait()
            way, seconds = server.contestant.ways[0], max(self.options.seconds, 3)
            bodies = [way.body(query) for query in self.questions.distinct(load.bodies_needed(self.options.warm_up))]
            load.run(server.url(way), bodies, connections=8, seconds=self.options.warm_up)
            if "overload" in wanted:
                overload.measure(server, size, seconds, self.questions, self.figures)
            if "profile" in wanted:
                flame.measure(server, size, seconds, PLOTS / "flame.svg", self.questions, self.figures)


def _judged(sizes: Sequence[int]) -> int:
    return JUDGED if JUDGED in sizes else sizes[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; returns the exit code."""
    options = _options(arguments)
    if options.report is not None:
        return _told(Figures.load(options.report), options)
    # Building an artefact says a line a step; onnxruntime's quantiser turns on everybody's debug messages.
    logging.basicConfig(level=logging.WARNING)
    # So that servers are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    figures = Figures(about=machine.about())
    with tempfile.TemporaryDirectory(prefix="recipes-bench-") as scratch:
        reference = Reference.open()
        base = read_base(options.data, reference)
        figures.about["recipes"] = base.source
        bench = Bench(options, base, reference, Questions(), figures, Path(scratch))
        for size in options.sizes:
            bench.size(size)
            figures.save(RESULTS)
        if "quality" in options.parts:
            ranking.measure(options.data, bench.reference, figures)
        if "batches" in options.parts:
            batches.measure(base, options, bench.scratch, figures)
    figures.about["load_after"] = processes.load_average()
    figures.save(RESULTS)
    say(f"figures: {RESULTS.relative_to(ROOT)}")
    return _told(figures, options)


def _told(figures: Figures, options: argparse.Namespace) -> int:
    """Print the targets, write the document where that was asked for, and judge the floors."""
    judged = targets(figures)
    words = {True: "reached", False: "MISSED", None: "open"}
    print_table(
        "Targets", ("clause", "what", "wanted", "seen", ""),
        [(each.clause, each.text, each.wanted, each.seen, words[each.reached]) for each in judged],
    )  # fmt: skip
    if options.write:
        report.write(DOCUMENT, figures)
        if figures.served:
            plots.draw(PLOTS, figures)
        say(f"written: {DOCUMENT.relative_to(ROOT)}, {PLOTS.relative_to(ROOT)}")
    broken = [each for each in judged if each.floor and each.reached is False]
    for each in broken:
        answers.print(f"below the floor: {each.text}: {each.seen}, wanted {each.wanted}", markup=False, soft_wrap=True)
    return int(bool(broken))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="What serving costs, beside others.")
    everybody = (NAIVE, *BEST_OF, RECOMMEND)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=(10_000, 100_000, 1_000_000), help="recipes, as 10000,100000")
    add("--seconds", type=int, default=5, help="seconds of each measurement")
    add("--turns", type=int, default=3, help="how often everybody is asked; medians are told")
    add("--warm-up", type=int, default=3, help="seconds of load before it counts")
    add("--familiar", type=int, default=30, help="seconds of zipf traffic before it counts")
    add("--connections", type=_numbers, default=turns.CONNECTIONS, help="how many ask at once")
    add("--traffic", type=_words(DISTINCT, ZIPF), default=(DISTINCT, ZIPF), help="distinct, zipf, or both")
    add("--who", type=_words(*everybody), default=USUAL, help=", ".join(everybody))
    add("--parts", type=_words(*PARTS), default=PARTS, help=", ".join(PARTS))
    add("--build-recipes", type=int, default=10000, help="recipes that are embedded and built in both ways")
    add("--data", type=Path, default=SHARED, help="folder of the shared data")
    add("--rebuild", action="store_true", help="build our artefacts anew")
    add("--write", action="store_true", help="write docs/performance.md and its plots")
    add("--report", type=Path, metavar="JSON", help="only report what an earlier run measured")
    return parser.parse_args(arguments)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


class _words:  # noqa: N801 - argparse calls it as a type
    """A list of known words; argparse shows its name where there is another."""

    def __init__(self, *known: str) -> None:
        self._known = known
        self.__name__ = f"one or more of {', '.join(known)}"

    def __call__(self, text: str) -> tuple[str, ...]:
        given = tuple(text.split(","))
        if unknown := set(given) - set(self._known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not among {', '.join(self._known)}")
        return given


if __name__ == "__main__":
    sys.exit(main())
