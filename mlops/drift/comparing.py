"""The comparison itself: every feature tested, the chances corrected for their number, and a verdict. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.drift import distances
from mlops.drift.distances import Difference
from mlops.drift.domain_classifier import separation
from mlops.drift.features import features, terms
from mlops.drift.report import DriftReport, DriftTest, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.drift.encoding import Encode
    from mlops.drift.windows import QueryEvent, Window

_SHARE_SURE = 1.6449  # normal quantile of a one-sided bound of 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRules:
    """When a difference counts.

    `level` is the share of comparisons of equal windows that may cry wolf. With thousands of queries every difference
    is beyond chance: the least effects say which matter. `sample` bounds the queries whose meaning is compared.
    """

    level: float = 0.01
    least_queries: int = 50
    least_number: float = 0.1
    least_category: float = 0.1
    least_words: float = 0.03
    least_auc: float = 0.525  # of the lower bound of 95 %
    sample: int = 1_000
    seed: int = 0


def compare(
    reference: Window,
    current: Window,
    *,
    encode: Encode | None,
    detect: Callable[[str], str] | None = None,
    rules: DriftRules | None = None,
) -> DriftReport:
    """Test whether `current` differs from `reference`.

    `encode` being None leaves the meaning out. `detect` names the language of a
    query whose line does not.
    """
    rules = rules or DriftRules()
    short = [
        f"{name}: {len(window.events)} queries < {rules.least_queries}"
        for name, window in (("reference", reference), ("current", current))
        if len(window.events) < rules.least_queries
    ]
    if short:
        return DriftReport(
            verdict=Verdict.NO_DATA, reasons=tuple(short), tests=(), reference=reference, current=current
        )
    found = _differences(reference, current, encode, detect, rules)
    chances = distances.corrected([difference.p for _, difference, _ in found])
    tests = tuple(
        DriftTest(
            feature=name,
            measure=difference.measure,
            p=difference.p,
            p_corrected=chance,
            effect=difference.effect,
            least_effect=least,
            level=rules.level,
            details=difference.details,
        )
        for (name, difference, least), chance in zip(found, chances, strict=True)
    )
    drifted = tuple(test.reason for test in tests if test.drifted)
    return DriftReport(
        verdict=Verdict.DRIFT if drifted else Verdict.NO_DRIFT,
        reasons=drifted or (f"none of {len(tests)} tests differs beyond chance by as much as matters",),
        tests=tests,
        reference=reference,
        current=current,
    )


def _differences(
    reference: Window, current: Window, encode: Encode | None, detect: Callable[[str], str] | None, rules: DriftRules
) -> list[tuple[str, Difference, float]]:
    before, now = features(reference, current, detect)
    found = [
        (name, distances.of_numbers(values, now.numbers[name]), rules.least_number)
        for name, values in before.numbers.items()
    ]
    found += [
        (name, distances.of_categories(values, now.categories[name]), rules.least_category)
        for name, values in before.categories.items()
    ]
    rng = np.random.default_rng(rules.seed)
    left, right = (_sample(window, rules.sample, rng) for window in (reference, current))
    found.append(("words", distances.of_words(*terms(left, right), rules.seed), rules.least_words))
    if encode is not None:
        found.append(("meaning", _meaning(left, right, encode, rules.seed), rules.least_auc))
    return found


def _sample(window: Window, size: int, rng: np.random.Generator) -> list[QueryEvent]:
    if len(window.events) <= size:
        return list(window.events)
    return [window.events[place] for place in sorted(rng.choice(len(window.events), size, replace=False))]


def _meaning(reference: Sequence[QueryEvent], current: Sequence[QueryEvent], encode: Encode, seed: int) -> Difference:
    texts = [event.query for event in (*reference, *current)]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    vectors = encode(list(distinct))
    groups = np.array([distinct[text] for text in texts], dtype=np.int64)
    rows = vectors[groups]
    found = separation(rows[: len(reference)], rows[len(reference) :], groups, seed)
    error = max(found.error, 1e-9)
    return Difference(
        p=distances.upper_tail((found.auc - 0.5) / error),
        effect=max(0.0, found.auc - _SHARE_SURE * found.error),
        measure="lower bound of the domain classifier's AUC",
        details={"auc": found.auc, "standard_error": found.error},
    )
