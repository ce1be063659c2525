"""What a command's faults come to: an exit code for each kind, and a line that says what to do next."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops.cli.console import print_error
from mlops.errors import Conflict, MlopsError, NotFound, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXIT_CODES: tuple[tuple[type[MlopsError], int], ...] = ((NotFound, 3), (Conflict, 4), (Transient, 5), (MlopsError, 6))


@contextmanager
def exiting(*, as_json: bool, spoken: Callable[[str], str] = str) -> Iterator[None]:
    """Turn a fault into its message and its code. `spoken` puts a hint into the words of the command that runs."""
    try:
        yield
    except MlopsError as error:
        print_error(error, as_json=as_json, hint=spoken(error.hint))
        raise SystemExit(next(code for kind, code in EXIT_CODES if isinstance(error, kind))) from error
    except BrokenPipeError:
        # The reader went away (`recipes models | head`): not an error, but Python would complain while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
