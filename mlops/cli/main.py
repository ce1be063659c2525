"""The command `recipes`: assembles the verbs and turns faults into exit codes.

0 done · 1 the answer is no (a gate failed, nothing found to serve) · 2 wrong usage · 3 not found · 4 the present state
forbids it · 5 may work later · 6 something has to be mended first.
"""

from __future__ import annotations

import sys

import typer

from mlops.cli import (
    answer,
    applying,
    approving,
    data,
    doctor,
    drifting,
    engines,
    feedback,
    fine_tuning,
    learning,
    levers,
    listing,
    odd_points,
    registry,
    replaying,
    service,
    telling,
    training,
    waiting,
    watching,
)
from mlops.cli.exits import exiting

LEARNING = (engines, learning, fine_tuning, feedback)
MONITORING = (drifting, odd_points)
LIFE = (applying, listing, telling, watching, waiting, approving, levers, replaying)


def build_app() -> typer.Typer:
    """Assemble the verbs; a function, so that nothing happens at import."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
    for module in (service, data, training, *LEARNING, *MONITORING, answer, registry, *LIFE, doctor):
        module.add_to(app)
    return app


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    with exiting(as_json="--json" in sys.argv):
        build_app()()


if __name__ == "__main__":
    main()
