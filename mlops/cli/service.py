"""`recipes up, serve, demo`: serving on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops.cli.console import answers, print_json, print_table, say
from mlops.cli.wiring import now, translator_of
from mlops.config import Settings


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(up)
    app.command()(serve)
    app.command()(demo)


def up() -> None:
    """Train a first version where there is none, register, evaluate and promote it, and serve it until Ctrl-C."""
    from mlops.embedded.up import serve_home  # noqa: PLC0415 - other verbs start faster without

    settings = Settings()
    serve_home(settings, translator_of(settings), say, now)


def serve(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact.")],
    http_port: Annotated[int, typer.Option(help="Port of the HTTP API.")] = 8080,
    grpc_port: Annotated[int, typer.Option(help="Port of the gRPC API; 0 is off.")] = 8081,
) -> None:
    """Serve one artefact and nothing else: what a pod does."""
    from predictor.__main__ import main as predictor_main  # noqa: PLC0415 - other verbs start faster without

    raise typer.Exit(
        predictor_main(["--artifact", str(artifact), "--http-port", str(http_port), "--grpc-port", str(grpc_port)])
    )


def demo(json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False) -> None:
    """Start the service, send real requests, print the answers, stop."""
    from mlops.embedded.demo import QUESTIONS, ask, running_service  # noqa: PLC0415 - other verbs start faster without

    settings = Settings()
    with running_service(settings.home, {}, time.sleep) as url:
        documents = [(question, ask(url, question)) for question in QUESTIONS]
    if json:
        print_json([document for _, document in documents])
        return
    for question, document in documents:
        print_table(
            f"{question.title}: {question.body['query']}", ("recipe", "minutes", "score", "because"), _rows(document)
        )
    answers.print(f"{len(documents)} questions, {len(documents)} answers.")


def _rows(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            recipe["title"],
            recipe.get("minutes"),
            f"{recipe['score']:.3f}",
            ", ".join(
                f"{signal['name']} #{signal['rank']}" for signal in recipe["explanation"]["signals"] if signal["rank"]
            ),
        )
        for recipe in document["recipes"]
    ]
