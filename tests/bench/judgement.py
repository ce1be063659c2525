"""The judge, judged: `make bench-judgement` sends simulated candidates through whole rollouts and counts what came out.

The decisions are those of the product (`controller.decide`, in the toy world); users are drawn at random. Beside it, on
the same candidates and the same traffic, stand gates on fixed thresholds as other tools have them: values of the last
five minutes against the same limits, without bounds, with as many failed checks as their documents put up with; and one
that was set up with care, to look at an hour and 300 requests before it says anything.

How often bounds may be wrong is said by many more rollouts of the candidates that it is said of, with the bound that so
many runs bear (95 %, one-sided; Clopper and Pearson 1934).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import Pool
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import beta

from controller.resource.meta import API_VERSION
from tests.bench.simulated_traffic import Candidate, Traffic
from tests.toyworld.toy_world import ToyWorld

if TYPE_CHECKING:
    from collections.abc import Callable

BASE, NEW = "1.0.0", "1.1.0"
HOURS = 24
RUNS, CLAIM_RUNS = 4, 32
RATES = {"50/s": 50.0, "1/s": 1.0}

# name -> (how it does, whether it should be in production in the end: None where either is right)
CANDIDATES: dict[str, tuple[Candidate, bool | None]] = {
    "better: errors 0.1 %, 20 % faster": (Candidate(errors=0.001, median_ms=16), True),
    "equal: errors 0.5 %": (Candidate(), True),
    "a little worse, within the limit: errors 1 %": (Candidate(errors=0.01), None),
    "just beyond the limit: errors 3 %": (Candidate(errors=0.03), False),
    "clearly worse: errors 6 %": (Candidate(errors=0.06), False),
    "broken in one slice of 15 %": (Candidate(errors=0.154), False),
    "broken: errors 50 %": (Candidate(errors=0.5), False),
    "slow: 1.2 times, within the limit": (Candidate(median_ms=24), None),
    "slow: twice": (Candidate(median_ms=40), False),
    "slow: four times": (Candidate(median_ms=80), False),
    "worse once it is production: errors 6 %": (Candidate(errors_later=0.06), False),
    "broken, and the metrics are down": (Candidate(errors=0.5, source="down"), False),
    "broken, and the metrics are an hour old": (Candidate(errors=0.5, source="stale"), False),
    "broken, and the metrics say NaN": (Candidate(errors=0.5, source="absurd"), False),
}
_LIMITS = {"error-rate": {"minAbsoluteChange": "-0.02"}, "latency-p95-ms": {"minRelativeChange": "-0.5"}}
_FIXED = {
    "confidence": "0",
    "intervalSeconds": 60,
    "windowSeconds": 300,
    "patience": {"error": {"deadlineSeconds": 240, "then": "Archive"}},
}
JUDGES: dict[str, tuple[dict[str, Any], int]] = {
    "bounds": ({}, 30),
    "fixed, no failure": (_FIXED | {"failureLimit": 0}, 1),
    "fixed, four failures": (_FIXED | {"failureLimit": 4}, 1),
    "fixed, an hour and 300 requests": (_FIXED | {"failureLimit": 0, "windowSeconds": 3600}, 300),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One rollout to be simulated."""

    judge: str
    rate: str
    candidate: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it: whether it is in production, whether it left, how many requests it had, how long that took."""

    case: Case
    production: bool
    gone: bool
    requests: int
    hours: float


# What is claimed of bounds: candidates, how often so many runs are repeated, and what would be wrong with one of them.
CLAIMS: dict[str, tuple[tuple[str, ...], int, Callable[[Outcome], bool]]] = {
    "clearly worse ones in production (at most 1 %)": (
        (
            "clearly worse: errors 6 %",
            "broken in one slice of 15 %",
            "broken: errors 50 %",
            "slow: twice",
            "slow: four times",
        ),
        1,
        lambda outcome: outcome.production,
    ),
    "equal ones taken back (at most 5 %)": (("equal: errors 0.5 %",), 3, lambda outcome: outcome.gone),
    "better ones not in production (at most 5 %)": (
        ("better: errors 0.1 %, 20 % faster",),
        3,
        lambda outcome: not outcome.production,
    ),
}


def main() -> int:
    """Print the tables, of so many runs for each cell, and the claims, of so many for each candidate; 0 leaves one out."""
    given = [int(each) for each in sys.argv[1:]] + [RUNS, CLAIM_RUNS][len(sys.argv) - 1 :]
    runs, claim_runs = given
    if runs:
        compare(runs)
    if claim_runs:
        claim(claim_runs)
    return 0


def compare(runs: int) -> None:
    """Every candidate before every judge."""
    cases = [
        Case(judge=judge, rate=rate, candidate=candidate, seed=seed)
        for candidate in CANDIDATES
        for rate in RATES
        for judge in JUDGES
        for seed in range(runs)
    ]
    report(all_simulated(cases), runs)


def claim(runs: int) -> None:
    """How often bounds are wrong about those candidates that they must not be wrong about."""
    for what, (candidates, times, wrong) in CLAIMS.items():
        cases = [
            Case(judge="bounds", rate=rate, candidate=candidate, seed=1_000 + seed)
            for candidate in candidates
            for rate in RATES
            for seed in range(times * runs)
        ]
        found = sum(map(wrong, all_simulated(cases)))
        most = beta.ppf(0.95, found + 1, len(cases) - found)
        sys.stdout.write(f"{what}: {found} of {len(cases)}, so at most {most:.1%}\n")
        sys.stdout.flush()


def all_simulated(cases: list[Case]) -> list[Outcome]:
    started = time.monotonic()
    with Pool() as pool:
        outcomes = pool.map(simulated, cases, chunksize=4)
    sys.stdout.write(f"{len(cases)} rollouts in {time.monotonic() - started:.0f} s\n\n")
    return outcomes


def simulated(case: Case) -> Outcome:
    """Send one candidate on its way, and watch until it is settled or a day has passed."""
    does, _ = CANDIDATES[case.candidate]
    traffic = Traffic(rng=np.random.default_rng(case.seed), per_second=RATES[case.rate])
    world = ToyWorld(platform=traffic, through_json=False, unit=60)
    world.apply(model({}, 1, quick=True))
    world.apply(version(BASE))
    world.advance(10)
    rules, least = JUDGES[case.judge]
    world.apply(model(rules, least, quick=False))
    traffic.candidates[NEW] = does
    world.apply(version(NEW))
    began = world.true_time
    while world.true_time - began < timedelta(hours=HOURS) and not settled(world):
        world.advance(5)
    world.records.clear()
    return Outcome(
        case=case,
        production=world.stage(NEW) == "Production",
        gone=world.stage(NEW) == "Archived",
        requests=traffic.spent(NEW),
        hours=(world.true_time - began) / timedelta(hours=1),
    )


def settled(world: ToyWorld) -> bool:
    world.records.clear()
    status = world.versions[NEW].status
    baked = status is not None and status.bake is not None and status.bake.ended_at is not None
    return world.stage(NEW) == "Archived" or baked


def model(rules: dict[str, Any], least: int, *, quick: bool) -> dict[str, Any]:
    """The Model as its defaults have it, but for the judge and where that is not what is asked: the offline gates."""
    gates = [{"metric": metric, "minSamples": least, **limit} for metric, limit in _LIMITS.items()]
    spec: dict[str, Any] = {
        "evaluation": {"gates": [{"metric": "ndcg@10", "threshold": "0.3"}], "replay": {"queries": 0}},
        "rollout": {"analysis": {"gates": [] if quick else gates, **rules}},
    }
    if quick:
        spec["rollback"] = {"bakeSeconds": 0}
    return {"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": "recipes"}, "spec": spec}


def version(number: str) -> dict[str, Any]:
    """A ModelVersion."""
    return {"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": {"model": "recipes", "version": number}}


def report(outcomes: list[Outcome], runs: int) -> None:
    """Write what each judge did with each candidate, and how its requests compare with the fixed gates' on bad ones."""
    found: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        case = outcome.case
        found.setdefault((case.candidate, case.rate, case.judge), []).append(outcome)
    write = sys.stdout.write
    write(
        f"Of {runs} each: in production at the end / taken back / neither; median requests answered; median hours\n\n"
    )
    write(f"| candidate | users | {' | '.join(JUDGES)} |\n|---|---|{'---|' * len(JUDGES)}\n")
    for candidate in CANDIDATES:
        for rate in RATES:
            cells = [cell(found[candidate, rate, judge]) for judge in JUDGES]
            write(f"| {candidate} | {rate} | {' | '.join(cells)} |\n")
    write("\n")
    for judge in JUDGES:
        write(f"{judge}: {sums([each for each in outcomes if each.case.judge == judge])}\n")
    requests = {each.case: each.requests for each in outcomes if CANDIDATES[each.case.candidate][1] is False}
    bounds = {case: count for case, count in requests.items() if case.judge == "bounds"}
    for judge in list(JUDGES)[1:]:
        pairs = [(count, requests[replace(case, judge=judge)]) for case, count in bounds.items()]
        counted = Counter(
            "fewer" if ours < theirs else "as many" if ours == theirs else "more" for ours, theirs in pairs
        )
        write(f"requests of bad candidates, bounds beside {judge}: {dict(counted)} of {len(pairs)}\n")


def cell(outcomes: list[Outcome]) -> str:
    kept, gone = sum(each.production for each in outcomes), sum(each.gone for each in outcomes)
    requests, hours = median(each.requests for each in outcomes), median(each.hours for each in outcomes)
    return f"{kept} / {gone} / {len(outcomes) - kept - gone}; {requests:,.0f}; {hours:.1f}"


def sums(outcomes: list[Outcome]) -> str:
    """The rates that a judge is held to."""
    told = []
    for what, wanted in (("good ones in production", True), ("bad ones in production", False)):
        of = [each for each in outcomes if CANDIDATES[each.case.candidate][1] is wanted]
        hits = sum(each.production for each in of)
        told.append(f"{what} {hits} of {len(of)} ({hits / len(of):.1%})")
    equal = [each for each in outcomes if each.case.candidate.startswith("equal")]
    told.append(f"equal ones taken back {sum(each.gone for each in equal)} of {len(equal)}")
    return "; ".join(told)


if __name__ == "__main__":
    sys.exit(main())
