"""`recipes fine-tune`: a new encoder from feedback and recipes; hours of work, and never part of a retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.cli.console import answers, phases, print_json, say
from mlops.config import Settings
from mlops.errors import Permanent
from mlops.monitoring.job_span import job_span


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command("fine-tune")(fine_tune)


def fine_tune(  # noqa: PLR0917 - options, which are given by name
    out: Annotated[Path, typer.Option(help="New folder for the encoder; name it in `recipes train --encoder`.")],
    feedback: Annotated[
        Path | None, typer.Option(help="Sessions as `recipes retrain` reads them; without it, titles alone.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="A file of recipes; without it, what was imported, else the sample.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="The encoder to start from.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often each pair is seen.")] = 1,
    batch: Annotated[int, typer.Option(min=2, help="Pairs a step; the others of a batch are the wrong answers.")] = 32,
    most: Annotated[int, typer.Option("--max-pairs", min=2, help="Pairs at most; clicks come first.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fine-tune the sentence encoder. Needs the extra `training`; stopped, it goes on after the last whole epoch."""
    from mlops.embedded.corpus import recipes_for_training  # noqa: PLC0415 - other verbs start faster without
    from mlops.learning.pairs import training_pairs  # noqa: PLC0415 - as above
    from mlops.learning.sessions import read_sessions  # noqa: PLC0415 - as above
    from mlops.retrieval.encoder_source import find_encoder  # noqa: PLC0415 - as above

    try:
        from mlops.learning.fine_tuning import FineTuning, fine_tune  # noqa: PLC0415 - brings torch
    except ModuleNotFoundError as error:
        raise Permanent(
            f"fine-tuning needs {error.name}", hint="pip install -c constraints.txt -e '.[jobs,training]'"
        ) from error
    settings = Settings()
    reading = recipes_for_training(corpus, settings.home)
    recipes = {recipe.id: recipe for recipe in reading.recipes}
    sessions = () if feedback is None else read_sessions(feedback).sessions
    pairs = training_pairs(sessions, recipes, most=most, seed=seed)
    say(f"{len(pairs)} pairs from {reading.source}")
    source = find_encoder(encoder or settings.encoder)
    how = FineTuning(epochs=epochs, batch=batch, seed=seed, threads=settings.threads)
    with (
        job_span("fine-tune", {"recipes.encoder": source.name}) as span,
        phases() as told,
        span.phases(told) as progress,
    ):
        done = fine_tune(source.folder, pairs, out, how, progress)
    if json:
        print_json({"encoder": str(out), "pairs": done.pairs, "losses": list(done.losses)})
    else:
        answers.print(f"{out}: loss {done.losses[0]:.3f} in the first epoch, {done.losses[-1]:.3f} in the last")
