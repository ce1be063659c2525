"""The values of a recommendation: what is asked, what is answered. No I/O, no wire formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.recipe import Allergen, Diet

Language = Literal["en", "es"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Hard constraints: a recipe that breaks one, or that does not say, is never recommended.

    `without_ingredients` are English words ("onion"), matched by stem against title and ingredients.
    """

    diets: frozenset[Diet] = frozenset()
    without_allergens: frozenset[Allergen] = frozenset()
    without_ingredients: frozenset[str] = frozenset()
    max_minutes: int | None = None
    max_ingredients: int | None = None

    def merged(self, other: Filters) -> Filters:
        """Both sets of constraints at once: unions, and the smaller of two limits."""
        if other.empty:
            return self
        return Filters(
            diets=self.diets | other.diets,
            without_allergens=self.without_allergens | other.without_allergens,
            without_ingredients=self.without_ingredients | other.without_ingredients,
            max_minutes=_smaller(self.max_minutes, other.max_minutes),
            max_ingredients=_smaller(self.max_ingredients, other.max_ingredients),
        )

    @property
    def empty(self) -> bool:
        """True when nothing is constrained."""
        return self == NO_FILTERS

    def to_row(self) -> dict[str, Any]:
        """Write them for JSON, each set in order: equal filters give equal rows."""
        return {
            "diets": sorted(self.diets),
            "without_allergens": sorted(self.without_allergens),
            "without_ingredients": sorted(self.without_ingredients),
            "max_minutes": self.max_minutes,
            "max_ingredients": self.max_ingredients,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Filters:
        """Read what `to_row` wrote, whatever else stands beside it."""
        return cls(
            diets=frozenset(row["diets"]),
            without_allergens=frozenset(row["without_allergens"]),
            without_ingredients=frozenset(row["without_ingredients"]),
            max_minutes=row["max_minutes"],
            max_ingredients=row["max_ingredients"],
        )


NO_FILTERS = Filters()


def _smaller(left: int | None, right: int | None) -> int | None:
    given = [value for value in (left, right) if value is not None]
    return min(given, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request: free text, its language ("auto" detects), how many answers, and explicit filters."""

    text: str
    k: int = 10
    language: Language | Literal["auto"] = "auto"
    filters: Filters = NO_FILTERS


# Of these an answer has dozens, and a named tuple is made in a third of the time that a frozen dataclass takes.
class Signal(NamedTuple):
    """What one ranking said of one recipe: its rank there from 1 (None: not ranked), and its share of the score."""

    name: str
    rank: int | None
    score: float
    contribution: float


class Hit(NamedTuple):
    """One recommended recipe: its row in the answer's language, the fused score (0..1), and why it is here."""

    id: str
    score: float
    recipe: Mapping[str, Any]
    signals: tuple[Signal, ...]
    translated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The ranking for one Ask. `timings` are milliseconds by phase: translate, embed, search, rank, assemble."""

    hits: tuple[Hit, ...]
    language: Language
    query_en: str
    translated: bool
    filters: Filters
    version: str
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)


class Recommends(Protocol):
    """Anything that answers an Ask: a loaded artefact, or a fake in tests. Safe to call from several threads."""

    def recommend(self, ask: Ask) -> Answer:
        """Rank recipes for `ask`; an answer without hits is an outcome, not an error."""
        ...

    def recommend_all(self, asks: Sequence[Ask]) -> list[Answer]:
        """Return the answer to each of `asks`: what `recommend` answers, for those who do no better together."""
        return [self.recommend(ask) for ask in asks]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model version ready to answer: its identity as in the manifest, and the object that does the work."""

    name: str
    version: str
    digest: str
    recipes: int
    recommender: Recommends
