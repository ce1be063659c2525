"""Whose clicks say something: automatons are left out, and clicks that follow no meaning teach nothing. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.learning.sessions import Session

# People open one to five of twenty recipes; the busiest of 2,500 simulated sessions opened nine.
MOST_CLICKED = 0.6
LEAST_SHOWN = 5
# One visitor's part of all clicks, where there are enough of both for it to mean something.
MOST_OF_ALL = 0.1
LEAST_CLICKS = 200
LEAST_VISITORS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The sessions to learn from, and a sentence for each kind that was left out."""

    sessions: tuple[Session, ...]
    left_out: int
    notes: tuple[str, ...]


def trusted(sessions: Sequence[Session]) -> Trusted:
    """Leave out who clicks nearly everything shown, and whoever makes more than a tenth of all clicks."""
    shown: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    rows: dict[str, int] = defaultdict(int)
    for session in sessions:
        shown[session.who] += len(session.shown)
        clicked[session.who] += len(session.liked)
        rows[session.who] += 1
    greedy = {who for who in shown if shown[who] >= LEAST_SHOWN and clicked[who] > MOST_CLICKED * shown[who]}
    total = sum(clicked[who] for who in shown if who not in greedy)
    flooding = {
        who
        for who in shown
        if who not in greedy
        and total >= LEAST_CLICKS
        and len(shown) >= LEAST_VISITORS
        and clicked[who] > MOST_OF_ALL * total
    }
    notes = []
    if greedy:
        notes.append(
            f"{len(greedy)} visitors clicked more than {MOST_CLICKED:.0%} of what they were shown, as automatons do: "
            f"{sum(rows[who] for who in greedy)} sessions left out"
        )
    if flooding:
        notes.append(
            f"{len(flooding)} visitors made more than {MOST_OF_ALL:.0%} of all clicks each: "
            f"{sum(rows[who] for who in flooding)} sessions left out"
        )
    kept = tuple(session for session in sessions if session.who not in greedy | flooding)
    return Trusted(sessions=kept, left_out=len(sessions) - len(kept), notes=tuple(notes))
