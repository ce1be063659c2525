"""What clients get: how values are written as JSON, and the same shapes as types for the OpenAPI document.

Answers are written by orjson straight from the values; the types are not on that path, and a test holds both equal.
"""

from typing import TYPE_CHECKING, Any, Literal

from orjson import Fragment, dumps
from pydantic import BaseModel, ConfigDict, Field

from predictor.ports import ComponentStatus

if TYPE_CHECKING:
    from mlops.recommendation import Answer, Hit
    from predictor.recommending import Recommendation


_EXAMPLE: dict[str, Any] = {
    "recommendation_id": "1.0.0~0b0f4d0e-6f0e-4b0a-9f52-6b8a4b0f7f6e",
    "model": "recipes",
    "version": "1.0.0",
    "language": "es",
    "query_en": "potato omelette",
    "translated": True,
    "filters": {
        "diets": [],
        "without_allergens": [],
        "without_ingredients": ["onion"],
        "max_minutes": 60,
        "max_ingredients": 12,
    },
    "notes": [],
    "latency_ms": 4.2,
    "timings_ms": {"translate": 0.9, "embed": 1.8, "search": 0.8, "rank": 0.2, "assemble": 0.1},
    "recipes": [
        {
            "id": "r-17",
            "title": "Tortilla de patatas sin cebolla",
            "ingredients": ["6 huevos", "800 g de patatas", "aceite de oliva"],
            "minutes": 45,
            "score": 0.0325,
            "translated": True,
            "explanation": {
                "signals": [
                    {"name": "semantic", "rank": 1, "score": 0.71, "contribution": 0.0164},
                    {"name": "lexical", "rank": 2, "score": 9.3, "contribution": 0.0161},
                ]
            },
        }
    ],
}


class SignalOut(BaseModel):
    """What one ranking said of a recipe."""

    name: str = Field(description="The ranking: semantic, lexical and the like.", examples=["semantic"])
    rank: int | None = Field(description="Place in that ranking, from 1; null: not ranked there.", examples=[2])
    score: float = Field(description="Score in that ranking, on its own scale.", examples=[0.61])
    contribution: float = Field(description="Share of the fused score that came from it.", examples=[0.0161])


class Explanation(BaseModel):
    """Why a recipe is where it is."""

    signals: list[SignalOut]


class RecommendedRecipe(BaseModel):
    """A recipe in the language of the answer; more fields of the recipe follow where it has them."""

    model_config = ConfigDict(extra="allow")

    id: str
    title: str
    score: float = Field(description="Higher is better; comparable within one answer only.")
    translated: bool = Field(description="False where some of its text is not in the language of the answer.")
    explanation: Explanation


class FiltersOut(BaseModel):
    """The constraints that were applied: those given, and those read from the query."""

    diets: list[str]
    without_allergens: list[str]
    without_ingredients: list[str]
    max_minutes: int | None
    max_ingredients: int | None


class RecommendResponse(BaseModel):
    """Recipes, best first, and how they came about."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    recommendation_id: str = Field(description="Name it in POST /feedback.")
    model: str
    version: str
    language: Literal["en", "es"] = Field(description="Language of the query and of this answer.")
    query_en: str = Field(description="The query as it was searched for, in English.")
    translated: bool = Field(description="False where a Spanish query could not be translated.")
    filters: FiltersOut
    notes: list[str] = Field(description="What somebody reading the answer should know.")
    latency_ms: float
    timings_ms: dict[str, float] = Field(description="By phase: translate, embed, search, rank, assemble.")
    recipes: list[RecommendedRecipe]


class FeedbackResponse(BaseModel):
    """The feedback is kept."""

    feedback_id: str
    duplicate: bool = Field(description="True where it was kept already.")


class ComponentOut(BaseModel):
    """One part of the service."""

    status: ComponentStatus
    reason: str


class ServedOut(BaseModel):
    """A model version."""

    name: str
    version: str
    digest: str
    recipes: int


class ShareOut(ServedOut):
    """A version that answers users, and how many of them."""

    weight: int = Field(description="Percent of users; a user stays with a version while the weights stay.")


class AlertOut(BaseModel):
    """Something that somebody is told of, while it goes on."""

    alert: str = Field(description="What it is about, such as latency or errors.")
    subject: str = Field(description="Which of them, where there are several: a metric, a component.")
    severity: Literal["warning", "critical"]
    since: str
    reason: str = Field(description="The arithmetic.")


class HealthResponse(BaseModel):
    """The service in one word, and a reason for each part."""

    status: Literal["ok", "degraded", "unavailable"]
    model: ServedOut | None = Field(description="The version that answers whom no newer one does.")
    traffic: list[ShareOut] = Field(description="Every version that answers users; weights sum to 100.")
    components: dict[str, ComponentOut]
    alerts: list[AlertOut] = Field(description="The worst first; a critical one makes the status degraded.")


class SummaryOut(BaseModel):
    """A distribution in eight numbers."""

    count: int
    mean: float
    std: float
    p50: float
    p95: float
    p99: float
    min: float
    max: float


class StatisticsResponse(BaseModel):
    """The last minutes of this process. A metric without data is null."""

    window_minutes: int
    since: str
    until: str
    complete: bool = Field(description="False where the window reaches further back than what is known.")
    requests: int
    errors: int
    metrics: dict[str, SummaryOut | None] = Field(
        description="Latencies and num_recipes over requests; request_count and error_rate over minutes."
    )


class VersionOut(BaseModel):
    """One version of a model in the registry."""

    model: str
    version: str = Field(description="SemVer 2.0.")
    stage: Literal["Training", "Validation", "Staging", "Production", "Archived"]
    reason: str = Field(description="Why it is in its stage.")
    number: int = Field(description="MLflow's number of it.")
    digest: str
    source: str
    run_id: str
    metadata: dict[str, Any]
    metrics: dict[str, float] = Field(description="Offline figures, by name.", examples=[{"ndcg@10": 0.61}])
    created_at: str
    aliases: list[str] = Field(description="champion is in production.", examples=[["champion"]])


class ModelsResponse(BaseModel):
    """Versions in the registry that pass the filters."""

    models: list[VersionOut]


class GateOut(BaseModel):
    """A gate as it was judged last."""

    phase: str = Field(description="evaluation, replay, canary or bake.")
    metric: str
    verdict: Literal["Passed", "Inconclusive", "NoData", "Error", "Failed"]
    told: str = Field(description="The arithmetic.")


class RolledOut(BaseModel):
    """A version on its way, in production, or of the last that ended."""

    version: str
    stage: Literal["Training", "Validation", "Staging", "Production", "Archived"]
    reason: str
    message: str
    weight: int = Field(description="Percent of users that it is to answer.")
    progress: str = Field(description="How far its rollout is, such as `step 1 of 2`; empty outside of one.")
    gates: list[GateOut]


class RolloutResponse(BaseModel):
    """Where the versions of a model are."""

    model: str
    reason: str
    production: str | None
    notes: list[str] = Field(description="What holds for all of them, such as that the Model is paused.")
    versions: list[RolledOut]


class RetrainResponse(BaseModel):
    """Whether to retrain, and why or why not."""

    model: str
    retrain: bool
    reasons: list[str]
    job: str | None = Field(description="The retraining that was started, if one was.")


class FieldProblem(BaseModel):
    """One broken rule."""

    detail: str
    pointer: str | None = Field(default=None, description="JSON pointer into the body.", examples=["#/k"])
    parameter: str | None = Field(default=None, description="Name of the query parameter.")


class ProblemResponse(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:recipe-recommender:problem:invalid"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="Path of the request.")
    request_id: str
    errors: list[FieldProblem] = []


def recommendation_body(recommendation: "Recommendation") -> dict[str, Any]:
    """Write a recommendation as in RecommendResponse."""
    answer = recommendation.answer
    return {
        "recommendation_id": recommendation.id,
        "model": recommendation.served.name,
        "version": recommendation.served.version,
        "language": answer.language,
        "query_en": answer.query_en,
        "translated": answer.translated,
        "filters": answer.filters.to_row(),
        "notes": list(answer.notes),
        "latency_ms": round(recommendation.latency_ms, 3),
        "timings_ms": {phase: round(milliseconds, 3) for phase, milliseconds in answer.timings.items()},
        "recipes": [recipe_body(hit) for hit in answer.hits]
        if recommendation.recipes is None
        else Fragment(recommendation.recipes),
    }


def recipes_json(answer: "Answer") -> bytes:
    """Write the recipes of an answer as JSON, as in RecommendResponse."""
    return dumps([recipe_body(hit) for hit in answer.hits])


def recipe_body(hit: "Hit") -> dict[str, Any]:
    """Write a hit as in RecommendResponse."""
    signals = [
        {"name": name, "rank": rank, "score": score, "contribution": contribution}
        for name, rank, score, contribution in hit.signals
    ]
    return {
        **hit.recipe,
        "id": hit.id,
        "score": hit.score,
        "translated": hit.translated,
        "explanation": {"signals": signals},
    }
