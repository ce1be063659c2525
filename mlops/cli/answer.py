"""`recipes recommend`: one question to an artefact, without a server."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops.cli.console import answers, messages, print_json, print_table
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.recommendation import Ask, Filters

if TYPE_CHECKING:
    from mlops.recommendation import Answer, ServedModel


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(recommend)


def recommend(
    text: Annotated[str, typer.Argument(help="What you feel like, in English or Spanish.")],
    artifact: Annotated[
        Path | None, typer.Option(help="Folder of an artefact; without it, what is in production.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, max=100, help="How many answers.")] = 10,
    lang: Annotated[Literal["auto", "en", "es"], typer.Option(help="Language of the query.")] = "auto",
    max_minutes: Annotated[int | None, typer.Option(min=1, help="Longest total time.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Recommend recipes for TEXT, with the reasons."""
    from mlops.artifact.loader import load_model  # noqa: PLC0415 - other verbs start faster without

    settings = Settings()
    translator = translator_of(settings)
    try:
        model = load_model(artifact or Home(settings.home).production().folder, translator=translator)
        ask = Ask(text=text, k=k, language=lang, filters=Filters(max_minutes=max_minutes))
        answer = model.recommender.recommend(ask)
    finally:
        translator.close()
    if json:
        print_json(_document(model, answer))
    else:
        _print(text, answer)


def _document(model: ServedModel, answer: Answer) -> dict[str, object]:
    """The shape of POST /recommend, but for the id that feedback would name: nobody keeps this answer."""
    from predictor.answers import recommendation_body  # noqa: PLC0415 - only with --json
    from predictor.recommending import Recommendation  # noqa: PLC0415 - as above

    latency_ms = sum(answer.timings.values())
    document = recommendation_body(Recommendation(id="", served=model, answer=answer, latency_ms=latency_ms))
    del document["recommendation_id"]
    return document


def _print(text: str, answer: Answer) -> None:
    rows = [
        (
            place,
            hit.recipe["title"],
            hit.recipe.get("minutes"),
            f"{hit.score:.3f}",
            ", ".join(f"{signal.name} #{signal.rank}" for signal in hit.signals if signal.rank),
        )
        for place, hit in enumerate(answer.hits, start=1)
    ]
    print_table(text, ("", "recipe", "minutes", "score", "because"), rows)
    for note in answer.notes:
        messages.print(note)
    if not answer.filters.empty:
        answers.print(f"filters: {told(answer.filters)}")


def told(filters: Filters) -> str:
    """Name the filters that are set, as the HTTP API names them: `diets vegan; max_minutes 30`. Pure."""
    values = ((field.name, getattr(filters, field.name)) for field in fields(filters))
    texts = ((name, ", ".join(sorted(value)) if isinstance(value, frozenset) else value) for name, value in values)
    return "; ".join(f"{name} {text}" for name, text in texts if text)
