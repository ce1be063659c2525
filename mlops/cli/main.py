"""The command `recipes`: assembles the verbs and turns faults into exit codes.

0 done · 1 the answer is no (a gate failed, nothing found to serve) · 2 wrong usage · 3 not found · 4 the present state
forbids it · 5 may work later · 6 something has to be mended first.
"""

from __future__ import annotations

import os
import sys

import typer

from mlops.cli import (
    answer,
    applying,
    approving,
    data,
    doctor,
    drifting,
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
    watching,
)
from mlops.cli.console import print_error
from mlops.errors import Conflict, MlopsError, NotFound, Transient

EXIT_CODES: tuple[tuple[type[MlopsError], int], ...] = ((NotFound, 3), (Conflict, 4), (Transient, 5), (MlopsError, 6))
LEARNING = (learning, fine_tuning, feedback)
MONITORING = (drifting, odd_points)
LIFE = (applying, listing, telling, watching, approving, levers, replaying)


def build_app() -> typer.Typer:
    """Assemble the verbs; a function, so that nothing happens at import."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
    for module in (service, data, training, *LEARNING, *MONITORING, answer, registry, *LIFE, doctor):
        module.add_to(app)
    return app


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    try:
        build_app()()
    except MlopsError as error:
        print_error(error, as_json="--json" in sys.argv)
        raise SystemExit(next(code for kind, code in EXIT_CODES if isinstance(error, kind))) from error
    except BrokenPipeError:
        # The reader went away (`recipes models | head`): not an error, but Python would complain while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
