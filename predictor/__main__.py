"""`python -m predictor --artifact DIR`: serve one artefact until told to stop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from predictor.optional_import import without
from predictor.pauses import collect_rarely

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 after a stop, 1 where it could not serve, 2 where the settings are wrong."""
    collect_rarely()
    # Imported only now: what is imported makes most of the objects of a start. Structlog draws by rich in terminals
    # where there is one, which takes as long to import as all the rest of it; our logs are JSON.
    with without("rich"):
        from predictor.command import run  # noqa: PLC0415

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
