"""What clients send: the wire types of requests, and their conversion to the values inside."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from mlops.recipe import Allergen, Diet
from mlops.recommendation import Ask, Filters

MAX_QUERY = 500
MAX_K = 50
MAX_BATCH = 64

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_WIRE = ConfigDict(extra="forbid", frozen=True)


def _without_controls(text: str) -> str:
    """NUL and its kind never reach a log, a file or a translator's pipe."""
    cleaned = _CONTROLS.sub(" ", text).strip()
    if not cleaned:
        raise PydanticCustomError("no_text", "String should hold more than control characters")
    return cleaned


def _text(most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


Query = Annotated[str, _text(MAX_QUERY), AfterValidator(_without_controls)]
Ingredient = Annotated[str, _text(60), AfterValidator(_without_controls)]
UserId = Annotated[str, _text(128)]
RecipeId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~+-]{1,200}$")]
Count = Annotated[int, Field(strict=True)]


class FilterFields(BaseModel):
    """Hard constraints: a recipe that breaks one, or that does not say, is never recommended."""

    model_config = _WIRE

    diets: frozenset[Diet] = Field(default=frozenset(), description="Every one of these must hold.")
    without_allergens: frozenset[Allergen] = Field(
        default=frozenset(), description="None of these may be in it (the fourteen of Regulation (EU) 1169/2011)."
    )
    without_ingredients: frozenset[Ingredient] = Field(
        default=frozenset(), max_length=50, description="English words that may be in neither title nor ingredients."
    )
    max_minutes: Count | None = Field(default=None, ge=1, le=100_000, description="Longest total time, in minutes.")
    max_ingredients: Count | None = Field(default=None, ge=1, le=1000, description="Most ingredients.")

    def to_filters(self) -> Filters:
        """Return the value used inside."""
        return Filters(
            diets=self.diets,
            without_allergens=self.without_allergens,
            without_ingredients=self.without_ingredients,
            max_minutes=self.max_minutes,
            max_ingredients=self.max_ingredients,
        )


class RecommendRequest(FilterFields):
    """A question in free text. `{"query": "…"}` alone is enough."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"query": "quick vegan curry with chickpeas", "k": 3},
                {"query": "tortilla de patatas sin cebolla", "language": "es", "user_id": "u-42"},
                {"query": "birthday cake", "without_allergens": ["nuts", "egg"], "max_minutes": 60},
            ]
        },
    )

    query: Query = Field(description="What somebody wants to cook, in English or Spanish; 1 to 500 characters.")
    k: Count = Field(default=10, ge=1, le=MAX_K, description="How many recipes at most.")
    language: Literal["auto", "en", "es"] = Field(
        default="auto", description="Language of the query and of the answer; auto detects it."
    )
    user_id: UserId | None = Field(default=None, description="Kept and logged only as a salted hash.")

    def to_ask(self) -> Ask:
        """Return the value used inside."""
        return Ask(text=self.query, k=self.k, language=self.language, filters=self.to_filters())


class FeedbackRequest(BaseModel):
    """What a user did with a recommendation. At least one of clicked, cooked and ratings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "recommendation_id": "1.0.0~0b0f4d0e-6f0e-4b0a-9f52-6b8a4b0f7f6e",
                    "clicked": ["r-17"],
                    "cooked": ["r-17"],
                    "ratings": {"r-17": 5},
                    "user_id": "u-42",
                }
            ]
        },
    )

    recommendation_id: Token = Field(description="As answered by POST /recommend.")
    clicked: tuple[RecipeId, ...] = Field(default=(), max_length=50, description="Ids of recipes that were opened.")
    cooked: tuple[RecipeId, ...] = Field(default=(), max_length=50, description="Ids of recipes that were cooked.")
    ratings: dict[RecipeId, Annotated[Count, Field(ge=1, le=5)]] = Field(
        default={}, max_length=50, description="Stars from 1 to 5, by recipe id."
    )
    user_id: UserId | None = Field(default=None, description="Kept only as a salted hash.")
    feedback_id: Token | None = Field(
        default=None,
        description="Your id for this feedback: sent again, it is kept once. Unset, its content is its id.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackRequest":
        if not (self.clicked or self.cooked or self.ratings):
            raise PydanticCustomError("empty_feedback", "one of clicked, cooked and ratings must hold a recipe id")
        return self


class RetrainCheckRequest(BaseModel):
    """Which model to judge."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"model": "recipes"}]})

    model: Token | None = Field(default=None, description="Name of the model; unset, the one served here.")
