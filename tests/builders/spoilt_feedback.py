"""Feedback that teaches nothing or the wrong thing, made from rows of real or simulated sessions; each by a seed."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Rows: TypeAlias = "Sequence[dict[str, Any]]"


def at_random(rows: Rows, seed: int) -> Rows:
    """As many clicks as there were, anywhere among what was shown."""
    rng = random.Random(seed)
    return [row | {"clicked": rng.sample(row["shown"], len(row["clicked"])), "ratings": {}} for row in rows]


def by_habit(rows: Rows, seed: int) -> Rows:
    """Clicks that depend on the place alone: the first most often."""
    rng = random.Random(seed)
    return [
        row
        | {
            "clicked": [recipe for place, recipe in enumerate(row["shown"], 1) if rng.random() < 0.25 / place**0.5],
            "ratings": {},
        }
        for row in rows
    ]


def opposed(rows: Rows, seed: int) -> Rows:
    """Clicks on what nobody who meant it ever chose."""
    rng = random.Random(seed)
    chosen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        chosen[row["query"]] |= set(row["clicked"])
    return [
        row
        | {
            "clicked": [r for r in row["shown"] if r not in chosen[row["query"]] and rng.random() < 0.15],
            "ratings": {},
        }
        for row in rows
    ]


def bought(rows: Rows, seed: int) -> Rows:
    """Twenty recipes are put into the answers, and only they are clicked."""
    rng = random.Random(seed)
    targets = rng.sample(sorted({recipe for row in rows for recipe in row["shown"]}), 20)
    spoilt = []
    for row in rows:
        target = rng.choice(targets)
        shown = [recipe for recipe in row["shown"] if recipe != target]
        shown.insert(rng.randrange(len(shown) + 1), target)
        spoilt.append(row | {"shown": shown, "clicked": [target], "ratings": {}})
    return spoilt


def mixed_up(rows: Rows, seed: int) -> Rows:
    """Real clicks, under other queries."""
    rng = random.Random(seed)
    queries = sorted({row["query"] for row in rows})
    others = rng.sample(queries, len(queries))
    other = dict(zip(queries, others, strict=True))
    return [row | {"query": other[row["query"]]} for row in rows]


def with_automaton(rows: Rows, seed: int) -> Rows:
    """The rows, and one visitor who clicks everything in a third as many more."""
    rng = random.Random(seed)
    visits = [rng.choice(rows) for _ in range(len(rows) // 3)]
    return [*rows, *(row | {"session": "automaton", "clicked": row["shown"], "ratings": {}} for row in visits)]


POISONS: Mapping[str, Callable[[Any, int], Any]] = {
    "by habit": by_habit,
    "opposed": opposed,
    "bought": bought,
    "mixed up": mixed_up,
}
